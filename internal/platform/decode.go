package platform

import (
	"encoding/binary"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file is all that reads what a guest can write: its slot, and the signal frame in
// it. A guest, or a sibling of a stopped thread, may change every byte at any moment. So
// each decoder loads a value once, checks the copy, and returns nothing that is out of
// range; what it cannot make sense of it says with ok. It depends on the slot's bytes
// alone, and is fuzzed with nothing else. TestSlotsAreReadInOnePlace keeps it so.

// load and load32 are atomic so that neither side ever sees half a value.
func (s slot) load32(off int) uint32 { return atomic.LoadUint32(s.word(off)) }
func (s slot) load(off int) uint64 {
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&s.mem[off])))
}

// A span is a part of a slot's stack: its offset and size are in range.
type span struct{ off, size int }

// inside finds size bytes at guest address addr if they lie in the slot's stack.
func (s slot) inside(addr uint64, size int) (span, bool) {
	off := addr - s.addr
	room := len(s.mem) - size
	if size < 0 || room < slotStack || off < slotStack || off > uint64(room) || off%8 != 0 {
		return span{}, false
	}
	return span{int(off), size}, true
}

// bytes returns them in place, to be written, or to be copied once.
func (s slot) bytes(at span) []byte { return s.mem[at.off:][:at.size:at.size] }

// frame finds the signal frame's ucontext.
func (s slot) frame() (span, bool) { return s.inside(s.load(slotFrame), ucSize) }

// inLight says whether the guest has stopped in a light trap.
func (s slot) inLight() bool { return s.load32(slotMode) == modeLight }

// signo returns the number of the signal that has stopped the guest.
func (s slot) signo() int { return int(s.load32(slotSigno) & 0x7f) }

// light is the place of a light trap's registers, laid out as a ucontext.
func (s slot) light() span { return span{slotLight, ucSize} }

// registers returns those of a ucontext and of the slot itself.
func (s slot) registers(uc span) (r Regs) {
	for i, f := range r.fields() {
		*f = s.load(uc.off + ucR8 + 8*i)
	}
	r.FSBase, r.GSBase = s.base(slotFSBase), s.base(slotGSBase)
	return r
}

// base returns a segment base that may be loaded: another one would kill the stub. The stub's
// own, for fast calls, is none of the guest's.
func (s slot) base(off int) uint64 { return userBase(s.load(off)) }

// exception returns the processor's words on a fault, as a frame has them.
func (s slot) exception(uc span) (trapno, err uint64) {
	return s.load(uc.off + ucTrapno), s.load(uc.off + ucErr)
}

// A siginfo is what Linux says of a signal: the address is that of a fault or, with arch,
// that of a system call.
type siginfo struct {
	code int
	addr uint64
	arch uint32
}

func (s slot) siginfo() (siginfo, bool) {
	at, ok := s.inside(s.load(slotInfo), infoSize)
	if !ok {
		return siginfo{}, false
	}
	return siginfo{
		code: int(int32(s.load32(at.off + infoCode))),
		addr: s.load(at.off + infoCall),
		arch: s.load32(at.off + infoArch),
	}, true
}

// An fpArea is where a signal frame has its extended state: fpSize bytes, or with a header
// and what follows, but without Linux's magic behind it. What is in it is the guest's.
type fpArea struct {
	span
	features uint64 // that Linux has saved
}

// extended says whether there is a header.
func (a fpArea) extended() bool { return a.size >= fpSize+xstateHeader }

// fpArea finds it. A frame that says something impossible of its size has x87 and SSE
// state only.
func (s slot) fpArea(uc span) (fpArea, bool) {
	addr := s.load(uc.off + ucFP)
	fx, ok := s.inside(addr, fpSize)
	if !ok || s.load32(fx.off+fpSoftware) != fpMagic {
		return fpArea{span: fx}, ok
	}
	whole, size := s.load32(fx.off+fpSoftware+4), s.load32(fx.off+fpSoftware+16)
	if size < fpSize+xstateHeader || whole < size || whole-size < xstateMagic2 || uint64(whole) > uint64(len(s.mem)) {
		return fpArea{span: fx}, true
	}
	if _, ok := s.inside(addr, int(whole)); !ok {
		return fpArea{span: fx}, true
	}
	return fpArea{span{fx.off, int(size)}, s.load(fx.off + fpSoftware + 8)}, true
}

// frameFP is fpArea of the frame that the slot has now.
func (s slot) frameFP() (fpArea, bool) {
	uc, ok := s.frame()
	if !ok {
		return fpArea{}, false
	}
	return s.fpArea(uc)
}

// lightFP copies the x87 and SSE state that the stub has stored; what FXSAVE leaves to
// software stays empty.
func (s slot) lightFP() (fx [fpSize]byte) {
	copy(fx[:fpSoftware], s.mem[slotFP:])
	return fx
}

// lightX copies the extended state that the stub has stored, size bytes of it.
func (s slot) lightX(size int) []byte {
	return append([]byte(nil), s.mem[slotFP:][:size]...)
}

// xmm copies the SSE registers that the guest had at a fast call of the clock.
func (s slot) xmm() (b [xmmSize]byte) {
	copy(b[:], s.mem[slotXMM:])
	return b
}

// actionsNoted returns the signals whose actions the guest has changed, of those it may.
func (s slot) actionsNoted() uint64 { return s.load(slotActionsNoted) &^ (unpostable | 1) }

// action returns the guest's action; sig is 0 to 63.
func (s slot) action(sig int) Action {
	at := slotActions + actionSize*(sig&63)
	word := s.load(at + 24)
	return Action{
		Handler: s.load(at), Mask: s.load(at + 8), Tramp: s.load(at + 32),
		Flags: uint32(word), Version: uint32(word >> 32),
	}
}

// mask returns the LWP's signal mask: any set.
func (s slot) mask() uint64 { return s.load(slotMask) }

// stackNoted says whether the guest has chosen a signal stack.
func (s slot) stackNoted() bool { return s.load32(slotStackNoted) != 0 }

// stack returns the signal stack that the guest has chosen, if it has.
func (s slot) stack() (Stack, bool) {
	n := s.load32(slotStackNoted)
	if n != 1 && n != 2 {
		return Stack{}, false
	}
	at := slotStacks + stackSize*int(n-1)
	return Stack{s.load(at), s.load(at + 8), uint32(s.load(at + 16))}, true
}

// notes returns how many mappings the stub has noted.
func (s slot) notes() int { return int(min(s.load32(slotRoomNoted), maxPlaced)) }

// note returns the i-th of maxPlaced, if it is one that a guest can have made.
func (s slot) note(i int) (Placed, bool) {
	at := slotCommand + placedSize*i
	p := Placed{s.load(at), s.load(at + 8), int(s.load(at+16) & mapProt)}
	return p, p.Size > 0 && (p.Addr|p.Size)%pageSize == 0 && inGuest(p.Addr, p.Size)
}

// answer returns RAX of a call that the stub has answered.
func (s slot) answer() uint64 { return s.load(slotAnswer) }

// fetch copies the memory that came along with a light trap; where is 0 if none did.
func (s slot) fetch() (where uint64, b [fetchMax]byte) {
	if where = s.load(slotFetch); where != 0 {
		for i := 0; i < fetchMax; i += 8 {
			binary.LittleEndian.PutUint64(b[i:], s.load(slotFetched+i))
		}
	}
	return where, b
}

// fpSaved says whether the stub has stored the x87 and SSE state.
func (s slot) fpSaved() bool { return s.load32(slotSavedFP) != 0 }

// fpToLoad says whether the stub has been told to load any, and has not yet.
func (s slot) fpToLoad() bool { return s.load32(slotLoadFP) != 0 }

// usageSaved says whether rusage has what the process had used.
func (s slot) usageSaved() bool { return s.load32(slotUsed) != 0 }

// napping says whether the guest sleeps in the stub.
func (s slot) napping() bool { return s.load32(slotNapping) != 0 }

// napLeft returns how much of such a sleep is left.
func (s slot) napLeft() time.Duration {
	return time.Duration(min(s.load(slotTime+8), longestNap))
}

// guestCPU returns the number of the core that the stub was on last, plus one: to compare.
func (s slot) guestCPU() uint32 { return s.load32(slotGuestCPU) }

// switchedRSP returns the guest's stack pointer once the stub is on its own.
func (s slot) switchedRSP() uint64 { return s.load(lightRSP) }

// result returns what the i-th command came to.
func (s slot) result(i int) error {
	if e := hostError(s.load(slotCommand + i*commandSize + 56)); e != 0 {
		return e
	}
	return nil
}

// cloneResult returns what a clone came to: a number that is no pid is as good as no child.
func (s slot) cloneResult() (pid int, e syscall.Errno) {
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

// rusage returns what the host's getrusage has left in the slot. The guest can have
// written any number: it lies about itself, but within what can be added up.
func (s slot) rusage() Usage {
	var ru unix.Rusage
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
	return fromRusage(&ru)
}

const (
	maxSeconds = 1 << 25 // a year
	maxCount   = 1 << 48
)
