package platform

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// This file runs guest code and passes the turn. The turn is a word in the thread's slot, a
// futex that both sides sleep on:
//
//	guest           the stub acts, as the slot's operation says, or guest code runs
//	guest, awaited  the same, and the kernel sleeps: who passes the turn wakes it
//	kernel          the thread waits in the stub, spinning
//	kernel, awaited the same, and the thread sleeps
//
// Each side passes the turn by an exchange, whose old value says whether the other one sleeps:
// there is no system call if it does not. Whoever goes to sleep says so by a compare-and-swap,
// which fails if the turn has come meanwhile. A guest can write anything there at any moment: a
// waiter that finds "guest" where it had written "awaited" knows that nobody but the guest can
// have done that, and kills it.

// A Kind is the reason why guest code stopped.
type Kind int

const (
	// Syscall: the guest executed a system call instruction. RIP is behind it.
	Syscall Kind = iota + 1
	// Fault: an exception, described by the trap's other fields.
	Fault
	// Kicked: somebody called Kick.
	Kicked
	// Gone: the host process is dead; this thread runs no more.
	Gone
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case Syscall:
		return "syscall"
	case Fault:
		return "fault"
	case Kicked:
		return "kicked"
	case Gone:
		return "gone"
	}
	return "none"
}

// A Trap says why Run ended. Signo to Err are only set for faults, with Linux's
// numbers for signal and code and the processor's for trap and error. All of it has been read once from memory that the
// guest can write, so a guest may have made it up, but it does not change while the caller looks at it.
type Trap struct {
	Kind   Kind
	Signo  int
	Code   int
	Addr   uint64
	Trapno uint64
	Err    uint64

	// Napped says of a nanosleep(2) that the guest has slept a part of it already,
	// and Left how much there still is, give or take the host's timer slack.
	Napped bool
	Left   time.Duration

	// Part is how much of a read(2) or a write(2) of a lent file is done already: what the
	// kernel is to go on with is behind that. With a kick it is what the guest has read, by a call that is done, from the descriptor in RDI. Refused is the host's error if it has refused
	// such a call, 0 if it has not. Events says that it is a kevent(2) and LentEvents has something; Waited, how much of the time for
	// which it waits has passed already, from 0 to what Monotonic says.
	Part    uint64
	Refused syscall.Errno
	Events  bool
	Waited  time.Duration
}

// Run loads the registers and executes guest code until it traps. Only the thread's owner may
// call it; it returns as soon as somebody calls Kick, or Process.Kill.
func (t *Thread) Run() Trap {
	if !t.enter() {
		return Trap{Kind: Gone}
	}
	defer t.leave()
	for {
		if !t.storeRegs() {
			return Trap{Kind: Gone}
		}
		if !t.markRunning() {
			if t.kicked.CompareAndSwap(true, false) {
				return Trap{Kind: Kicked}
			}
			t.proc.freezing.wait()
			continue
		}
		t.prepareLoad()
		t.giveTurn(stub.OpResume)
		ok := t.awaitTurn()
		t.state.Store(threadInside) // a kick from here on sends no signal
		t.proc.freezing.tellStopped()
		if !ok {
			return Trap{Kind: Gone}
		}
		if trap := t.decodeTrap(); trap.Kind != 0 {
			return trap
		}
		// A signal of a kick that an earlier Run has reported, or one that
		// somebody sent from outside: nothing that concerns the guest. But what it has
		// noted is taken, or a guest could have the kernel keep notes without end.
		if len(t.lent.placed) > 0 {
			return Trap{Kind: Kicked}
		}
	}
}

// markRunning declares that guest code will run, unless a kick is waiting or the process is frozen. Kick and Freeze do the
// opposite in the opposite order, so that none is lost: they find the state running and send a
// signal, or this finds what they have noted. The entry is counted once the state says so: see othersGuestEntries.
//
// ranGuest ends the time in which the process's clones are not asked about. It is loaded
// first, as to store it each time would move a cache line between all threads' cores.
func (t *Thread) markRunning() bool {
	if !t.proc.ranGuest.Load() {
		t.proc.ranGuest.Store(true)
	}
	t.state.Store(threadRunning)
	t.guestEntries.Add(1)
	if t.kicked.Load() || t.proc.freezing.on() {
		t.state.Store(threadInside)
		t.proc.freezing.tellStopped()
		return false
	}
	return true
}

// decodeTrap reads what the stub reported; Kind 0 means that there is nothing to say.
func (t *Thread) decodeTrap() Trap {
	t.checkOut()
	placed := t.takeNotes()
	if t.slot.InLight() {
		return t.decodeLight()
	}
	t.light, t.fetchAt, t.usageAt = false, 0, nil // what an earlier light trap has brought along is not this one's
	uc, ok := t.slot.Frame()
	if !ok {
		return t.killHostile()
	}
	signo := t.slot.Signo()
	met := t.slot.Registers(uc)
	at := t.regionOf(met.RIP)
	if at != stub.InLightTrap {
		t.regs = met
	}
	switch at {
	case stub.InGuest:
	case stub.InIsland:
		if !t.leaveIsland(signo) {
			return Trap{}
		}
	case stub.Elsewhere:
		if !t.proc.platform.sparesHostile {
			return t.killHostile() // it has jumped into the stub
		}
	default:
		return t.decodeInStub(at, signo, met.RAX, placed)
	}
	if signo == stub.KickSignal {
		return t.kickTrap()
	}
	return t.decodeSignal(signo, uc)
}

// kickTrap is the trap of a signal that says nothing by itself.
func (t *Thread) kickTrap() Trap {
	if t.kicked.CompareAndSwap(true, false) {
		return Trap{Kind: Kicked}
	}
	return Trap{}
}

// decodeInStub is for a signal that met the guest on the fast way. What the stub has done
// for it stays done; anything else comes again on the long way, a fault too. rax is what
// the signal found in that register.
func (t *Thread) decodeInStub(at stub.Region, signo int, rax uint64, placed int) Trap {
	if !t.recoverRegs(at) {
		return t.killHostile()
	}
	if at == stub.InNap || at == stub.Answered && t.regs.RAX == stub.CallSleep {
		t.kicked.Store(false) // this is a way into the kernel as good as any
		return t.napTrap(at, rax)
	}
	if t.regs.RAX == stub.CallRead || t.regs.RAX == stub.CallWrite {
		if trap, ok := t.leaveWait(at, signo, rax); ok {
			return trap
		}
	}
	if t.regs.RAX == stub.CallKevent50 || t.regs.RAX == stub.CallKevent100 {
		if trap, ok := t.leaveEvents(at, rax); ok {
			return trap
		}
	}
	switch t.regs.RAX {
	case stub.CallSigaction:
		t.leaveAction(at)
	case stub.CallSigprocmask, stub.CallSigaltstack:
		if at == stub.Noted || at == stub.Answered {
			t.regs.Finish(0)
		}
	case stub.CallMmap:
		t.leaveMap(at, rax, placed)
	case stub.CallRead, stub.CallWrite, stub.CallPread, stub.CallPwrite, stub.CallLseek:
		t.leaveTransfer(at, signo, rax)
	}
	return t.kickTrap()
}

// decodeSignal is for a signal that the guest itself has caused.
func (t *Thread) decodeSignal(signo int, uc stub.Span) Trap {
	info, ok := t.slot.Siginfo()
	if !ok {
		return t.killHostile()
	}
	if signo == int(unix.SIGSYS) {
		t.noteUsage()
		return syscallTrap(info)
	}
	// SI_USER and its like, 0 or negative: a process of the host has sent it. No guest can, as the filter has no kill(2).
	if info.Code <= 0 {
		return Trap{}
	}
	if signo == int(unix.SIGILL) && info.Code == siKernel && t.regs.RAX == ^uint64(0) {
		t.regs.RAX = hostUretprobe
		return Trap{Kind: Syscall}
	}
	trapno, code := t.slot.Exception(uc)
	return Trap{Kind: Fault, Signo: signo, Code: info.Code, Addr: info.Addr, Trapno: trapno, Err: code}
}

// Since Linux 6.14 two system calls pass by every seccomp filter. uretprobe, not
// called from a probe, raises SIGILL and loses its number, which decodeSignal gives back.
// uprobe just fails with ENXIO: a NetBSD program can't make this call, which is
// utmp_update, a privileged one.
const (
	hostUretprobe = 335
	hostUprobe    = 336

	siKernel = 0x80 // SI_KERNEL: the code of a general protection fault, too
)

// syscallTrap tells the 64-bit system call from the 32-bit ones, of int 0x80 and sysenter, and
// from the vsyscall page, whose code returns by itself. NetBSD knows none of these: they are a
// protection fault, 13 by the processor's number.
func syscallTrap(i stub.Siginfo) Trap {
	if i.Arch == unix.AUDIT_ARCH_X86_64 && i.Addr < GuestEnd {
		return Trap{Kind: Syscall}
	}
	return Trap{Kind: Fault, Signo: int(unix.SIGSEGV), Code: siKernel, Trapno: 13}
}

// killHostile ends a guest that has tampered with its control slot or the stub.
func (t *Thread) killHostile() Trap {
	t.proc.Kill()
	return Trap{Kind: Gone}
}

// giveTurn gives the turn to the host thread, to do op, and wakes it if it sleeps. It is on the
// way of each system call. awaitTurn must follow.
func (t *Thread) giveTurn(op uint32) {
	p := t.proc.platform
	rounds := uint32(0)
	p.running.add(t)
	spare := p.hasIdleCore()
	switch {
	case op == stub.OpFork || op == stub.OpThread: // the newborn needs the core more than its parent
	case spare:
		rounds = p.spinRounds
	default: // somebody waits for the core, but an answer that comes soon is still cheaper
		rounds = p.spinRounds / 2
	}
	cpu := p.core()
	t.slot.SetHostCPU(cpu)
	t.slot.SetOp(op, rounds)
	// Before the turn is given: from then on the watchdog is all that ends a wait for a thread that does something else.
	// A guest that is resumed owes nothing, and may compute for as long as it likes.
	if op != stub.OpResume {
		t.assign(t.dutyFor(op))
	}
	if t.slot.GiveTurn() {
		t.wakeGuest(spare && rounds > 0 && t.slot.GuestCPU() == cpu)
	}
}

// awaitTurn waits for the kernel's turn. It fails if the host process is dead or about to die.
// A waiter may be woken for nothing, by the watchdog, by somebody who wants its seat, or by the
// guest: it looks at the word each time. Once another waiter has taken its seat it sleeps by a poller until the turn has come.
func (t *Thread) awaitTurn() bool {
	q := t.proc
	p, turn := q.platform, t.slot.Turn()
	// Not on the very core that the guest needs.
	if t.slot.GuestCPU() != p.core() {
		t.spinForTurn()
	}
	for told, direct := false, true; !q.ended.Load(); {
		v := atomic.LoadUint32(turn)
		if v >= stub.TurnKernel {
			break
		}
		if told && v == stub.TurnGuest { // who but the guest has written that?
			q.Kill()
			break
		}
		if v == stub.TurnGuestAwaits || atomic.CompareAndSwapUint32(turn, stub.TurnGuest, stub.TurnGuestAwaits) {
			told = true
			if t.counted && t.slot.Napping() {
				p.running.remove(t)
			}
			slept := Monotonic()
			direct = p.sleepForTurn(t, slept, direct)
			t.lastWoken = Monotonic()
			t.chatty = t.lastWoken-slept < chattySleep
		}
	}
	t.fulfil()
	if t.counted {
		p.running.remove(t)
	}
	return !q.ended.Load()
}

// spinForTurn spins for a while, as long as nobody else needs the core. What a guest
// computes between two calls is often longer than spinTime, and to be woken is dearer for
// it than for toaster: it makes the call. If somebody does need the core, a guest that calls
// again and again is still watched, but not for longer than sleeping would cost.
func (t *Thread) spinForTurn() {
	p := t.proc.platform
	for i := range awaitSpins * spinSlices {
		if !p.hasIdleCore() && (i >= spinSlices || !t.chatty) {
			return
		}
		if spinWhile(t.slot.Turn(), stub.TurnGuestAwaits, p.spinRounds/spinSlices) {
			t.chatty = true
			return
		}
	}
}

const (
	awaitSpins = 3  // spinTime
	spinSlices = 10 // looks at hasIdleCore in a spinTime

	// chattySleep is how long toaster sleeps, at most, if the guest calls again and again.
	chattySleep = 2 * spinTime
)

// core returns the number of the core that the caller is on, plus one. What it returns
// if cores can't be told apart differs from what the stub then says (0), so that both sides spin. The caller can be moved to
// another core at any moment: the answer decides how long somebody spins, and nothing else.
func (p *Platform) core() uint32 {
	if !p.rdtscp {
		return ^uint32(0)
	}
	return currentCPU()
}

// spinTime is about what it costs to sleep and be woken.
const spinTime = 20 * time.Microsecond

// calibrate finds how many rounds of PAUSE, whose length differs tenfold
// between processors, take spinTime. It takes the fastest of some tries, as others were interrupted. With a single core it
// is none: whoever spins there keeps the other side from running.
func calibrate() uint32 {
	if runtime.NumCPU() == 1 {
		return 0
	}
	const rounds = 500
	var word uint32
	best := time.Duration(1<<62 - 1)
	for range 5 {
		start := time.Now()
		spinWhile(&word, 0, rounds)
		best = min(best, time.Since(start))
	}
	return uint32(min(max(int64(rounds*spinTime/max(best, 1)), 50), 100_000))
}

// futexWaitTimeout is futexWait with an end, d from now, for the zygote's start, where nobody minds the usual way into a
// blocking system call. No futex of a slot is private (FUTEX_PRIVATE_FLAG), as the other side is another process.
func futexWaitTimeout(word *uint32, value uint32, d time.Duration) {
	ts := unix.NsecToTimespec(d.Nanoseconds())
	syscall.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), 0, uintptr(value), uintptr(unsafe.Pointer(&ts)), 0, 0)
}
