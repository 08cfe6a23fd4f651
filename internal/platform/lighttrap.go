package platform

import (
	"toaster/internal/platform/stub"
)

// Fast calls come from rewritten call sites (rewrite.go), without a signal. The stub has the
// guest's registers in the slot, and either answers, or hands over: the guest is then in a
// light trap, its extended state still in the processor. Whatever needs a signal frame
// (receiving a file, single-stepping, extended state to be inherited) makes the stub trap
// first, see ensureFrame.
//
// A signal can arrive anywhere on the way. Until the turn is given, nothing has happened that
// the guest could notice, and it is put back in front of its system call instruction, which is
// still there behind the jump and takes the long way. Afterwards its registers are the
// kernel's, in Thread.regs. Where between the two the signal came is told by its frame's RIP,
// in regions of the stub's code (stub.Region); TestSignalAtEveryInstruction tries them all.

// regionOf returns where a thread with that RIP is.
func (t *Thread) regionOf(rip uint64) stub.Region {
	p := t.proc.platform
	if rip < GuestEnd && t.proc.island(rip) != nil {
		return stub.InIsland
	}
	return p.stub.RegionOf(rip, &p.vdso)
}

// recoverRegs sets t.regs to those of a guest that a signal met on the fast way, in front of
// its system call. They are in the frame as long as the stub has not changed them, then in the
// slot. It reports false if they cannot be a guest's: it has jumped there, and the return
// address in CX is one that no call site leaves.
func (t *Thread) recoverRegs(at stub.Region) bool {
	r := &t.regs
	switch at {
	case stub.InLightTrap:
		t.moveFPToFrame()
		return true
	case stub.Switching:
		r.RSP = t.slot.SwitchedRSP()
	case stub.InClock:
		t.slot.RestoreXMM()
		fallthrough
	case stub.Saved, stub.InNap, stub.Mapped, stub.Transferred, stub.Moved, stub.Waiting, stub.Waited, stub.WaitNoted,
		stub.Asking, stub.Took, stub.Telling, stub.Told, stub.Noted, stub.Answered:
		fs := r.FSBase
		*r = t.slot.LightRegisters()
		r.FSBase = fs
		t.slot.Awake() // it may have been on its way there, or back
	}
	r.RIP = r.RCX - syscallSize
	return r.RIP < GuestEnd
}

// napTrap makes a trap of a nanosleep that a signal met in the stub: the kernel goes on
// with it, so that it ends early just where it would have. rax is what the signal
// found in that register: the host's result, if there is one yet.
func (t *Thread) napTrap(at stub.Region, rax uint64) Trap {
	r := &t.regs
	r.RIP, r.R11 = r.RCX, r.RFLAGS
	left := t.slot.NapLeft()
	if at == stub.Answered || rax == 0 {
		left = 0
	}
	return Trap{Kind: Syscall, Napped: true, Left: left}
}

// decodeLight reads a system call that came without a signal. RIP and R11 become what the
// processor's system call instruction makes of them.
func (t *Thread) decodeLight() Trap {
	t.regs = t.slot.LightRegisters()
	t.light, t.xstate = true, nil
	t.fpSaved = t.slot.FPSaved()
	t.fetchAt, t.fetched = t.slot.Fetch()
	t.noteUsage()
	r := &t.regs
	r.RIP, r.R11 = r.RCX, r.RFLAGS
	if r.RIP >= GuestEnd {
		return t.killHostile()
	}
	trap := Trap{Kind: Syscall}
	if r.RAX == stub.CallRead || r.RAX == stub.CallWrite {
		part := t.takePart()
		trap.Part, trap.Refused = part.Moved, part.Refused
	} else if r.RAX == stub.CallKevent50 || r.RAX == stub.CallKevent100 {
		trap.Events, trap.Waited = t.takeEvents(t.slot.EventsTaken()), t.takeWaited()
	}
	return trap
}

// Fetched copies guest memory at addr into b if the system call brought it along, as it does
// with what some frequent ones are sure to need. It spares a Read. What it copies is what the
// guest's memory held at the call, or what a sibling has made of the slot since, which may be
// anything: as much as a Read promises.
func (t *Thread) Fetched(addr uint64, b []byte) bool {
	if t.fetchAt == 0 || t.fetchAt != addr || len(b) > fetchSize(t.regs.RAX) {
		return false
	}
	copy(b, t.fetched[:])
	return true
}

func fetchSize(call uint64) int {
	switch call {
	case stub.CallSigaction:
		return stub.FetchMax
	case stub.CallSigprocmask:
		return stub.SigsetSize
	case stub.CallMmap:
		return 8
	}
	return 0
}

// SetLWP tells the stub what _lwp_self(2) is.
func (t *Thread) SetLWP(id int) { t.slot.SetLWP(id) }

// SetTrapAll says whether from the next Run on the stub is to answer nothing itself.
func (t *Thread) SetTrapAll(on bool) {
	if t.trapAll == on {
		return
	}
	t.trapAll = on
	t.slot.SetTrapAll(on)
}

// ensureFrame makes sure that a stopped guest is in a signal frame. The registers in it don't
// matter: those that count are in t.regs. In a frame all signals are blocked, and Linux has
// stored the extended state. It reports false if the process is dead or about to die.
// Preconditions: t is entered.
func (t *Thread) ensureFrame() bool {
	if !t.light {
		return true
	}
	t.giveTurn(stub.OpFrame)
	if !t.awaitTurn() {
		return false
	}
	if _, ok := t.slot.Frame(); !ok || t.slot.InLight() {
		t.killHostile()
		return false
	}
	t.light = false
	t.moveFPToFrame()
	return true
}

// enterWithFrame is enter for calls that need a signal frame.
func (t *Thread) enterWithFrame() bool {
	if !t.enter() {
		return false
	}
	if !t.ensureFrame() {
		t.leave()
		return false
	}
	return true
}

// storeRegs puts the registers where the stub loads them from. It reports false if the process
// is dead or about to die. The end of a light trap loads no base of GS.
func (t *Thread) storeRegs() bool {
	if t.light && (!t.regs.Loadable() || t.proc.ownGS.Load()) && !t.ensureFrame() {
		return false
	}
	if t.light {
		t.slot.WriteLight(&t.regs)
		return true
	}
	t.Settle()
	uc, ok := t.slot.Frame()
	if !ok {
		t.killHostile()
		return false
	}
	t.slot.WriteFrame(uc, &t.regs, t.proc.stubHasGS())
	return true
}
