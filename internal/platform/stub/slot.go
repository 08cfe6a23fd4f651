package stub

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Slot is toaster's view of one thread's control slot. A guest may change any byte of it at
// any moment, so its methods that read (decode.go) return what is in range whatever is there,
// and those that write (this file, fpstate.go, lent.go) do not rely on what they find.
//
// The stub looks at a slot only in its turn, and loads what it needs. So whoever writes to a
// slot does that before it gives the turn, and the turn's own store, which is a locked
// instruction, is what makes plain stores before it seen.
type Slot struct {
	mem  []byte
	addr uint64 // where the guest sees it
}

// SlotAt returns the i-th slot of a window, size bytes each.
func SlotAt(window []byte, i, size int) Slot {
	return Slot{mem: window[i*size:][:size:size], addr: WindowAddr + uint64(i*size)}
}

// Addr returns the guest's address of the slot.
func (s Slot) Addr() uint64 { return s.addr }

func (s Slot) word(off int) *uint32 { return (*uint32)(unsafe.Pointer(&s.mem[off])) }

// store and store32 are atomic so that neither side ever sees half a value.
func (s Slot) store32(off int, v uint32) { atomic.StoreUint32(s.word(off), v) }
func (s Slot) store(off int, v uint64) {
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&s.mem[off])), v)
}

// put and put32 store a value unless it is there already. A store takes the cache line away from the other side, which then waits
// for it, and most of what goes into a slot at each turn is as it was at the last. They are plain stores: the turn is what makes
// them seen, and an atomic one waits for all stores before it.
func (s Slot) put32(off int, v uint32) {
	if le := binary.LittleEndian; s.load32(off) != v {
		le.PutUint32(s.mem[off:], v)
	}
}
func (s Slot) put(off int, v uint64) {
	if le := binary.LittleEndian; s.load(off) != v {
		le.PutUint64(s.mem[off:], v)
	}
}

// Turn returns the word that says whose turn it is, a futex.
func (s Slot) Turn() *uint32 { return s.word(slotTurn) }

// LoadTurn returns whose turn it is.
func (s Slot) LoadTurn() uint32 { return atomic.LoadUint32(s.Turn()) }

// SetTurn says whose it is.
func (s Slot) SetTurn(turn uint32) { atomic.StoreUint32(s.Turn(), turn) }

// GiveTurn makes it the guest's, and reports whether the guest's thread sleeps and is to be
// woken.
func (s Slot) GiveTurn() (asleep bool) {
	return atomic.SwapUint32(s.Turn(), TurnGuest) == TurnKernelAwaits
}

// SetOp says what the stub is to do with its next turn, and for how many rounds it spins
// before it sleeps when that is over.
func (s Slot) SetOp(op, spin uint32) {
	s.put32(slotSpin, spin)
	s.put32(slotOp, op)
}

// SetHostCPU says what core toaster's thread is on, plus one: on the same one the stub does
// not spin.
func (s Slot) SetHostCPU(cpu uint32) { s.put32(slotHostCPU, cpu) }

// A Command is a host system call that a stopped thread makes for toaster.
type Command struct {
	Nr   uint64
	Args [6]uint64
}

// SetCommands says what OpCall is to do: these calls, up to the first that fails.
func (s Slot) SetCommands(commands []Command) {
	for i, c := range commands {
		base := slotCommand + i*commandSize
		s.store(base, c.Nr)
		for j, a := range c.Args {
			s.store(base+8+8*j, a)
		}
		s.store(base+56, 0)
	}
	s.store32(slotCount, uint32(len(commands)))
}

// UsageCommand asks the host for what the thread or its process has used (getrusage(2));
// Usage then returns it.
func (s Slot) UsageCommand(who int) Command {
	return Command{unix.SYS_GETRUSAGE, [6]uint64{uint64(who), s.addr + slotScratch}}
}

// SetClone says what OpFork and OpThread are to clone. The token tells the supervisor what
// the newborn is, target is the guest's address of its slot, and with the pass the filter asks
// nobody; 0 is none.
func (s Slot) SetClone(flags, token, target, pass uint64) {
	s.store(slotFlags, flags)
	s.store(slotToken, token)
	s.store(slotTarget, target)
	s.store(slotPass, pass)
	s.store(slotResult, ^uint64(0))
}

// ClearPass removes the pass: it must not be in memory when guest code runs.
func (s Slot) ClearPass() { s.store(slotPass, 0) }

// WriteFrame puts registers into a signal frame, with everything in it that a guest could
// have spoilt set to what it must be. With fast, the guest's call sites are rewritten, and
// its GS is the stub's.
func (s Slot) WriteFrame(at Span, r *Regs, fast bool) {
	s.writeRegs(at, r)
	if fast {
		s.store(slotSelf, s.addr)
		s.store(slotGSBase, s.addr)
	}
}

// WriteLight puts registers where the stub loads them from at the end of a light trap: by a
// jump through CX, or, if the guest goes on elsewhere, by IRETQ. Preconditions: r.Loadable.
func (s Slot) WriteLight(r *Regs) {
	s.writeRegs(s.light(), r)
	if r.RIP == r.RCX {
		s.put32(slotExact, 0)
		return
	}
	for i, v := range []uint64{r.RIP, Segments & 0xffff, r.RFLAGS, r.RSP, Segments >> 48} {
		s.store(slotIret+8*i, v)
	}
	s.store32(slotExact, 1)
}

// A guest may only have these flags; the host would mask the others as well.
const userFlags = 0x254dd5 // ID AC RF NT OF DF TF SF ZF AF PF CF

// writeRegs fills a ucontext.
func (s Slot) writeRegs(at Span, r *Regs) {
	r.RFLAGS = r.RFLAGS&userFlags | 0x202
	for i, f := range r.Fields() {
		s.put(at.off+ucR8+8*i, *f)
	}
	s.put(at.off+ucSegs, Segments)
	s.put(at.off+ucSigmask, 0)
	s.put(slotFSBase, userBase(r.FSBase))
	s.put(slotGSBase, userBase(r.GSBase))
}

// SetLWP tells the stub what _lwp_self(2) is; 0 leaves that call to the kernel.
func (s Slot) SetLWP(id int) { s.store(slotLWP, uint64(id)) }

// SetTrapAll says whether the stub is to answer nothing.
func (s Slot) SetTrapAll(on bool) { s.store32(slotTrapAll, uint32(bit(on))) }

// ForgetPart says that the kernel knows of what Part returns.
func (s Slot) ForgetPart() { s.store(slotPart, 0) }

// ForgetSince says that the kernel knows of what Since returns.
func (s Slot) ForgetSince() { s.store(slotSince, 0) }

// Awake says that the guest does not sleep in the stub.
func (s Slot) Awake() {
	s.store32(slotNapping, 0)
	s.SetCurCPU(0)
}

// Vacate removes what the stub knew of the LWP that had the slot, or of its creator.
func (s Slot) Vacate() {
	s.SetLWP(0)
	s.ForgetPart()
	s.ForgetSince()
	s.SetTrapAll(false)
	s.revokeAll()
}

// PrepareLight makes s the slot of a thread that is born, or was parked, in a light trap: its
// segment base is that of from, the slot of its creator. The turn is not touched.
func (s Slot) PrepareLight(from Slot) {
	for _, off := range []int{slotKicked, slotNapping, slotExact, slotLoad, slotGuestCPU} {
		s.store32(off, 0)
	}
	s.Vacate()
	s.store32(slotMode, modeLight)
	s.store32(slotOp, OpResume)
	s.store(slotSelf, s.addr)
	s.store(slotFSBase, from.base(slotFSBase))
	s.store(slotAltstack, s.addr+slotStack)
	s.store(slotAltstack+8, 0)
	s.store(slotAltstack+16, uint64(len(s.mem)-slotStack))
}

// Adopt makes s a copy of the slot of a thread that is stopped in a signal frame; it reports
// false if there is none. If they are at different addresses, pointers into the frame move
// along.
func (s Slot) Adopt(from Slot) bool {
	at, ok := from.Frame()
	if !ok || len(s.mem) != len(from.mem) {
		return false
	}
	copy(s.mem[at.off:], from.mem[at.off:]) // the stack is used from its top
	for _, off := range []int{slotFSBase, slotGSBase} {
		s.store(off, from.base(off))
	}
	s.store(slotFrame, s.addr+uint64(at.off))
	s.Vacate()
	s.store32(slotLoad, 0)
	s.store32(slotSigno, 0)
	s.store32(slotOp, OpResume)
	s.store(at.off+ucStack, s.addr+slotStack)
	s.store(at.off+ucSigmask, 0)
	if fp, ok := from.inside(s.load(at.off+ucFP), FPSize); ok {
		s.store(at.off+ucFP, s.addr+uint64(fp.off))
	} else {
		s.store(at.off+ucFP, 0) // none: the host then starts with fresh state
	}
	return true
}

// Prepare makes the first two slots of the zygote's window ready: in the first the message
// with which it sends its listener, a struct msghdr with one byte and a control message whose
// descriptor the stub fills in; the second is returned, room for the filter.
func Prepare(window []byte, size int) (s Slot, filter []byte) {
	const iov, control = 0x40, 0x50
	s = SlotAt(window, 0, size)
	at := s.addr + slotScratch
	s.store(slotScratch+16, at+iov)
	s.store(slotScratch+24, 1)
	s.store(slotScratch+32, at+control)
	s.store(slotScratch+40, uint64(unix.CmsgSpace(4)))
	s.store(slotScratch+iov, at+iov)
	s.store(slotScratch+iov+8, 1)
	s.store(slotScratch+control, uint64(unix.CmsgLen(4)))
	s.store32(slotScratch+control+8, unix.SOL_SOCKET)
	s.store32(slotScratch+control+12, unix.SCM_RIGHTS)
	return s, SlotAt(window, FilterSlot, size).mem
}
