package stub

import (
	"bytes"
	"encoding/binary"
	"math"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file is all that reads what a guest can write: its slot, and the signal frame in it. A
// guest, or a sibling of a stopped thread, may change every byte at any moment. So each
// decoder loads a value once, checks the copy, and returns nothing that is out of range; what
// it cannot make sense of it says with ok. It depends on the slot's bytes alone, and is fuzzed
// with nothing else. TestSlotsAreReadInOnePlace keeps it so.

// load and load32 are atomic so that neither side ever sees half a value.
func (s Slot) load32(off int) uint32 { return atomic.LoadUint32(s.word(off)) }
func (s Slot) load(off int) uint64 {
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&s.mem[off])))
}

// A Span is a part of a slot's stack: its offset and size are in range.
type Span struct{ off, size int }

// inside finds size bytes at guest address addr if they lie in the slot's stack.
func (s Slot) inside(addr uint64, size int) (Span, bool) {
	off := addr - s.addr
	room := len(s.mem) - size
	if size < 0 || room < slotStack || off < slotStack || off > uint64(room) || off%8 != 0 {
		return Span{}, false
	}
	return Span{int(off), size}, true
}

// bytes returns them in place, to be written, or to be copied once.
func (s Slot) bytes(at Span) []byte { return s.mem[at.off:][:at.size:at.size] }

// Frame finds the signal frame's ucontext.
func (s Slot) Frame() (Span, bool) { return s.inside(s.load(slotFrame), ucSize) }

// InLight says whether the guest has stopped in a light trap.
func (s Slot) InLight() bool { return s.load32(slotMode) == modeLight }

// Signo returns the number of the signal that has stopped the guest.
func (s Slot) Signo() int { return int(s.load32(slotSigno) & 0x7f) }

// light is where a light trap's registers are, laid out as a ucontext.
func (s Slot) light() Span { return Span{slotLight, ucSize} }

// Registers returns those of a ucontext and of the slot itself.
func (s Slot) Registers(uc Span) (r Regs) {
	for i, f := range r.Fields() {
		*f = s.load(uc.off + ucR8 + 8*i)
	}
	r.FSBase, r.GSBase = s.base(slotFSBase), s.base(slotGSBase)
	return r
}

// LightRegisters returns those of a light trap.
func (s Slot) LightRegisters() Regs { return s.Registers(s.light()) }

// base returns a segment base that may be loaded: another one would kill the stub. The stub's
// own, for fast calls, is none of the guest's.
func (s Slot) base(off int) uint64 { return userBase(s.load(off)) }

// Exception returns the processor's words on a fault, as a frame has them.
func (s Slot) Exception(uc Span) (trapno, err uint64) {
	return s.load(uc.off + ucTrapno), s.load(uc.off + ucErr)
}

// A Siginfo is what Linux says of a signal: the address is that of a fault or, with arch,
// that of a system call.
type Siginfo struct {
	Code int
	Addr uint64
	Arch uint32
}

// Siginfo returns that of the signal that has stopped the guest; false if the slot names none
// that lies in it.
func (s Slot) Siginfo() (Siginfo, bool) {
	at, ok := s.inside(s.load(slotInfo), infoSize)
	if !ok {
		return Siginfo{}, false
	}
	return Siginfo{
		Code: int(int32(s.load32(at.off + infoCode))),
		Addr: s.load(at.off + infoCall),
		Arch: s.load32(at.off + infoArch),
	}, true
}

// An fpArea is where a signal frame has its extended state: fpSize bytes, or with a header
// and what follows, but without Linux's magic behind it. What is in it is the guest's.
type fpArea struct {
	Span
	features uint64 // that Linux has saved
}

// extended says whether there is a header.
func (a fpArea) extended() bool { return a.size >= FPSize+xstateHeader }

// fpArea finds it. A frame that says something impossible of its size has x87 and SSE
// state only.
func (s Slot) fpArea(uc Span) (fpArea, bool) {
	addr := s.load(uc.off + ucFP)
	fx, ok := s.inside(addr, FPSize)
	if !ok || s.load32(fx.off+fpSoftware) != fpMagic {
		return fpArea{Span: fx}, ok
	}
	whole, size := s.load32(fx.off+fpSoftware+4), s.load32(fx.off+fpSoftware+16)
	if size < FPSize+xstateHeader || whole < size || whole-size < xstateMagic2 || uint64(whole) > uint64(len(s.mem)) {
		return fpArea{Span: fx}, true
	}
	if _, ok := s.inside(addr, int(whole)); !ok {
		return fpArea{Span: fx}, true
	}
	return fpArea{Span{fx.off, int(size)}, s.load(fx.off + fpSoftware + 8)}, true
}

// frameFP is fpArea of the frame that the slot has now.
func (s Slot) frameFP() (fpArea, bool) {
	uc, ok := s.Frame()
	if !ok {
		return fpArea{}, false
	}
	return s.fpArea(uc)
}

// LightFP copies the x87 and SSE state that the stub has stored; what FXSAVE leaves to
// software stays empty.
func (s Slot) LightFP() (fx [FPSize]byte) {
	copy(fx[:fpSoftware], s.mem[slotFP:])
	return fx
}

// LightX copies the extended state that the stub has stored, size bytes of it, to room if there is enough.
func (s Slot) LightX(room []byte, size int) []byte {
	return append(room[:0], s.mem[slotFP:][:size]...)
}

// xmm copies the SSE registers that the guest had at a fast call of the clock.
func (s Slot) xmm() (b [xmmSize]byte) {
	copy(b[:], s.mem[slotXMM:])
	return b
}

// ActionsNoted returns the signals whose actions the guest has changed, of those it may.
func (s Slot) ActionsNoted() uint64 { return s.load(slotActionsNoted) &^ (unpostable | 1) }

// Action returns the guest's action; sig is 0 to 63.
func (s Slot) Action(sig int) Action {
	at := slotActions + actionSize*(sig&63)
	word := s.load(at + 24)
	return Action{
		Handler: s.load(at), Mask: s.load(at + 8), Tramp: s.load(at + 32),
		Flags: uint32(word), Version: uint32(word >> 32),
	}
}

// Mask returns the LWP's signal mask: any set.
func (s Slot) Mask() uint64 { return s.load(slotMask) }

// StackNoted says whether the guest has chosen a signal stack.
func (s Slot) StackNoted() bool { return s.load32(slotStackNoted) != 0 }

// Stack returns the signal stack that the guest has chosen, if it has.
func (s Slot) Stack() (Stack, bool) {
	n := s.load32(slotStackNoted)
	if n != 1 && n != 2 {
		return Stack{}, false
	}
	at := slotStacks + stackSize*int(n-1)
	return Stack{s.load(at), s.load(at + 8), uint32(s.load(at + 16))}, true
}

// RoomNotes returns how many mappings the stub has noted.
func (s Slot) RoomNotes() int { return int(min(s.load32(slotRoomNoted), MaxPlaced)) }

// RoomNote returns the i-th of maxPlaced, if it is one that a guest can have made.
func (s Slot) RoomNote(i int) (Placed, bool) {
	at := slotCommand + placedSize*i
	p := Placed{s.load(at), s.load(at + 8), int(s.load(at+16) & mapProt)}
	return p, p.Size > 0 && (p.Addr|p.Size)%pageSize == 0 && InGuestRange(p.Addr, p.Size)
}

// Answer returns RAX of a call that the stub has answered.
func (s Slot) Answer() uint64 { return s.load(slotAnswer) }

// Fetch copies the memory that came along with a light trap; where is 0 if none did.
func (s Slot) Fetch() (where uint64, b [FetchMax]byte) {
	if where = s.load(slotFetch); where != 0 {
		for i := 0; i < FetchMax; i += 8 {
			binary.LittleEndian.PutUint64(b[i:], s.load(slotFetched+i))
		}
	}
	return where, b
}

// FPSaved says whether the stub has stored the x87 and SSE state.
func (s Slot) FPSaved() bool { return s.load32(slotSavedFP) != 0 }

// Path returns the string that the stub has brought along; ok is false if it has none. A sibling can change it while it is read:
// then it is another string.
func (s Slot) Path() (path string, ok bool) {
	var b [CarryMax]byte
	for i := 0; i < CarryMax; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], s.load(slotCarry+i))
		if n := bytes.IndexByte(b[i:i+8], 0); n >= 0 {
			return string(b[:i+n]), true
		}
	}
	return "", false
}

// ToLoad says what of it the stub has been told to do (SetLoad), and has not done yet.
func (s Slot) ToLoad(what uint32) bool { return s.load32(slotLoad)&what != 0 }

// PutOut has the stub store b at addr, with LoadOut. Preconditions: b has CarryMax bytes at most, and addr is the guest's.
func (s Slot) PutOut(addr uint64, b []byte) {
	copy(s.mem[slotCarry:], b)
	s.put(slotOut, addr)
	s.put(slotOutSize, uint64(len(b)))
}

// Out returns what PutOut has put, or what the guest has made of it since.
func (s Slot) Out() (b [CarryMax]byte) {
	for i := 0; i < CarryMax; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], s.load(slotCarry+i))
	}
	return b
}

// UsageSaved says whether rusage has what the process had used.
func (s Slot) UsageSaved() bool { return s.load32(slotUsed) != 0 }

// A Part is what the stub knows of a transfer with which the kernel is to go on.
type Part struct {
	Moved   uint64        // less than all
	Refused syscall.Errno // the host's error, if nothing was moved
}

// PartOf is what the host's result of a transfer of n bytes says, which may be all of them.
func PartOf(result, n uint64) Part {
	if e := hostError(result); e != 0 {
		return Part{Refused: e}
	}
	return Part{Moved: min(result, n)}
}

// Part returns it for a transfer of n bytes; zero if the stub has begun none.
func (s Slot) Part(n uint64) (p Part) {
	v := s.load(slotPart)
	if e := hostError(v); e != 0 {
		return Part{Refused: e}
	}
	if v < n {
		p.Moved = v
	}
	return p
}

// EventKeys returns of which descriptors the stub has events, of the first n in the slot at most.
func (s Slot) EventKeys(n uint64) (keys [MaxEvents]uint32, count int) {
	for i := range min(n, MaxEvents) {
		keys[i] = s.load32(slotScratch + int(i)*eventSize + 4)
	}
	return keys, int(min(n, MaxEvents))
}

// EventsTaken returns how many the stub says that it has, which is 0 where an error stands.
func (s Slot) EventsTaken() uint64 {
	if n := s.load(slotPart); n <= MaxEvents {
		return n
	}
	return 0
}

// Since returns since when, by CLOCK_MONOTONIC, the guest waits for events for a time; 0 if it does not. It is never negative.
func (s Slot) Since() time.Duration { return time.Duration(min(s.load(slotSince), math.MaxInt64)) }

// Napping says whether the guest sleeps in the stub.
func (s Slot) Napping() bool { return s.load32(slotNapping) != 0 }

// NapLeft returns how much of such a sleep is left.
func (s Slot) NapLeft() time.Duration {
	return time.Duration(min(s.load(slotTime+8), LongestNap))
}

// GuestCPU returns the number of the core that the stub was on last, plus one: to compare.
func (s Slot) GuestCPU() uint32 { return s.load32(slotGuestCPU) }

// SwitchedRSP returns the guest's stack pointer once the stub is on its own.
func (s Slot) SwitchedRSP() uint64 { return s.load(lightRSP) }

// Result returns what the i-th command came to.
func (s Slot) Result(i int) error {
	if e := hostError(s.load(slotCommand + i*commandSize + 56)); e != 0 {
		return e
	}
	return nil
}

// CloneResult returns what a clone came to: a number that is no pid is as good as no child.
func (s Slot) CloneResult() (pid int, e syscall.Errno) {
	v := s.load(slotResult)
	if e := hostError(v); e != 0 {
		return 0, e
	}
	if v == 0 || v > maxPid {
		return 0, 0
	}
	return int(v), 0
}

// maxPid is Linux's PID_MAX_LIMIT.
const maxPid = 1 << 22

// hostError takes the error from what a system call of the host has returned.
func hostError(v uint64) syscall.Errno {
	if v > ^uint64(4095) {
		return syscall.Errno(-v)
	}
	return 0
}

// Usage returns what the host's getrusage has left in the slot. The guest can have written
// any number: it lies about itself, but within what can be added up.
func (s Slot) Usage() (ru unix.Rusage) {
	for i, f := range []*int64{
		&ru.Utime.Sec, &ru.Utime.Usec, &ru.Stime.Sec, &ru.Stime.Usec, &ru.Maxrss,
		&ru.Ixrss, &ru.Idrss, &ru.Isrss, &ru.Minflt, &ru.Majflt, &ru.Nswap,
		&ru.Inblock, &ru.Oublock, &ru.Msgsnd, &ru.Msgrcv, &ru.Nsignals, &ru.Nvcsw, &ru.Nivcsw,
	} {
		most := uint64(maxCount)
		if i < 4 {
			most = maxSeconds // and microseconds of one more
		}
		if v := s.load(slotScratch + 8*i); v <= most {
			*f = int64(v)
		}
	}
	return ru
}

const (
	maxSeconds = 1 << 25 // a year
	maxCount   = 1 << 48
)
