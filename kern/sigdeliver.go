package kern

import (
	"runtime"

	"toaster/netbsd"
)

// This file takes signals: an LWP about to return to user mode looks at what is
// pending, stops, dies or has a handler called.
//
// A sleeping LWP takes part in it (interrupted): it stops and drops what has no effect where it sleeps, and
// leaves what a handler is for to the return to user mode. Only an LWP itself takes what is pending, on its own
// goroutine; whoever sends a signal leaves it there and sets attn (sigsend.go).

// Delivery is one signal that a handler is to be called for. It is a copy, taken with mu held: whoever builds
// the frame from it does so without mu, when the action may be another one already.
type Delivery struct {
	Info    netbsd.Siginfo
	Action  Action
	OldMask netbsd.Sigset // what the handler's return restores
	OnStack bool          // the frame goes on the signal stack (SA_ONSTACK)
	Stack   Altstack
}

// UserRet is to be called by a host-backed LWP's run loop before every return to
// user mode (mi_userret). Without anything to do it is one atomic load. It stops,
// suspends or ends the LWP where that is due, and calls deliver for each handler
// that is to run, in order. deliver builds the frame and returns false if it cannot,
// which ends the process by SIGILL.
//
// It does not return if the LWP is to die: the goroutine ends by runtime.Goexit.
func (pl *Platform) UserRet(deliver func(*Delivery) bool) {
	l := (*LWP)(pl)
	if l.attn.Load() == 0 || !l.mode.CompareAndSwap(modeUser, modeKernel) {
		return
	}
	if s, ok := l.machdep.(Settler); ok {
		s.Settle()
	}
	l.userret(deliver)
	l.mode.Store(modeUser)
}

// A Settler is a machine context (Platform.SetMachdep) that may leave the end of a system call, such as what it stores in the guest's memory, for
// the return to user mode. Settle ends it now: UserRet calls it, on the LWP's goroutine and without locks, before anybody can see the LWP stopped, and
// before a handler's frame has its registers.
type Settler interface{ Settle() }

// userret does what attn asks for, one thing a turn, until nothing is left. Death comes first:
// an LWP that is to die takes no more signals. Suspension comes before signals, so that a
// suspended LWP leaves them to others. A pause of the machine comes before signals, too, SIGKILL aside, and once more
// before one is delivered: it may have begun while l stood for job control. The loan of sigsuspend's mask ends once no signal
// is left that the handler's frame would have to restore it for. Of scheduler activations, who has woken from a sleep that was told of
// stands aside before all, and upcalls are made last, as signals are some (mi_userret).
func (l *LWP) userret(deliver func(*Delivery) bool) {
	m := l.p.m
	m.lock()
	for {
		a := l.attn.Load()
		switch {
		case a&aExit != 0:
			m.unlock()
			l.die()
		case a&aUpcall != 0 && l.ext.act.aside():
			l.stepAside()
		case a&(aSuspend|aHold) != 0:
			l.suspendSelf()
		case a&aPause != 0 && !l.killed():
			l.pauseSelf()
		case a&aTrap != 0:
			l.trapDue()
		case a&(aSignal|aStop|aPause) != 0:
			if sig := l.issignal(); sig == netbsd.SIGKILL || sig != 0 && l.attn.Load()&aPause == 0 {
				l.postsig(sig, deliver)
			}
		case l.flags&lOldMask != 0:
			l.flags &^= lOldMask
			l.setMaskLocked(l.oldmask)
		case a&aUpcall != 0 && l.makeUpcall():
		default:
			m.unlock()
			return
		}
	}
}

// wanted returns the pending signals that l may take now. A vfork child is not
// stopped by a terminal while its parent waits for it.
//
// The parent of a vfork child could not continue it: it sleeps until the child has let go of
// the memory. SIGSTOP is taken nevertheless (vforksigmask), but in 2003. mu is held.
func (l *LWP) wanted() netbsd.Sigset {
	s := l.pending() &^ l.mask
	if l.p.flags&fTraced != 0 && l.ext != nil {
		s |= l.pend.set & l.ext.forced
	}
	if l.p.flags&fPPWait != 0 {
		s &^= ttyStopSigs
		if l.p.m.r2003 {
			s &^= stopSigs
		}
	}
	return s
}

// shows reports whether p has a tracer that sees sig (kpsignal2: not if PT_SET_SIGPASS has named it). mu is held.
func (p *Proc) shows(sig netbsd.Signal) bool {
	return p.flags&fTraced != 0 && (p.ext == nil || !p.ext.sigPass.Has(sig))
}

// stopsFor reports whether l is to stop for its tracer before it takes sig: one that its own instruction has caused is shown even
// if PT_SET_SIGPASS has named it (trapsignal). A vfork child whose parent traces it is not stopped, as that sleeps until it has let go
// of the memory; in 2003 none is, whoever traces it. mu is held.
func (l *LWP) stopsFor(sig netbsd.Signal) bool {
	p := l.p
	forced := l.ext != nil && l.ext.forced.Has(sig) && l.pend.set.Has(sig)
	return (p.shows(sig) || forced && p.flags&fTraced != 0) && !p.hangsInVfork()
}

// hangsInVfork reports whether a stop of p for its tracer would never end: the tracer is the parent that sleeps
// in vfork(2) until p has let go of its memory, and could never continue p; in 2003 whoever traces p. mu is
// held.
func (p *Proc) hangsInVfork() bool {
	return p.flags&fPPWait != 0 && (p.m.r2003 || p.parent == p.opptr)
}

// hasEffect reports whether sig, once taken, does anything.
//
// Under a tracer every signal has: the tracer is shown even what is ignored. mu is held.
func (l *LWP) hasEffect(sig netbsd.Signal) bool {
	p := l.p
	if l.stopsFor(sig) {
		return true
	}
	if p.acts.ignore.Has(sig) {
		return false
	}
	a := &p.acts.act[sig]
	if a.caught() {
		return true
	}
	if a.Handler == netbsd.SIG_IGN || sigprops[sig]&sIgnore != 0 {
		return false
	}
	return p.pid > 1 || p.m.halting // init takes no default action
}

// sigispending returns the first pending signal that has an effect, without taking it.
//
// A signal for the tracee that the tracer has let through goes before all: its stop is over.
// mu is held.
func (l *LWP) sigispending() netbsd.Signal {
	if l.dbgSig != 0 {
		return l.dbgSig
	}
	s := l.wanted()
	for s != 0 {
		sig := firstsig(s)
		if l.hasEffect(sig) {
			return sig
		}
		s &^= sig.Bit()
	}
	return 0
}

// issignal returns the next signal that is to be delivered or kills, and leaves it
// pending. Stops, those for a tracer too, happen in here, and signals without
// effect are dropped. 0: nothing, or the LWP is to die.
//
// A loop, as each stop drops mu: what is pending, the action, the tracer may all be different
// afterwards. When nothing is wanted, aSignal is cleared while mu still keeps senders out, so
// that no signal can come between the look and the clearing.
//
// mu is held before and after.
func (l *LWP) issignal() netbsd.Signal {
	p := l.p
	for {
		if l.attn.Load()&aExit != 0 {
			return 0
		}
		if p.flags&(fStopping|fStopped) != 0 {
			l.stopHere()
			continue
		}
		want := l.wanted()
		if want.Has(netbsd.SIGKILL) && p.pid > 1 {
			return netbsd.SIGKILL // or a tracer's stop for another could hold it up
		}
		if l.dbgSig != 0 {
			return l.dbgSig
		}
		sig := l.firstOf(want)
		if sig == 0 {
			l.attn.And(^(aSignal | aStop))
			l.seeBlocked()
			return 0
		}
		switch {
		// The tracer decides what becomes of it.
		case l.stopsFor(sig) && sig == l.trapPending():
			l.showTrap(l.takeShown(sig))
		case l.stopsFor(sig):
			info, whom := l.takeShown(sig)
			p.extra().queuedInfo = info
			l.traceStop(info, whom)
		case !l.hasEffect(sig):
			l.take(sig)
		case sigprops[sig]&sStop != 0 && !p.acts.act[sig].caught():
			p.noteStop(l.takeShown(sig))
			if sigprops[sig]&sTTYStop == 0 || !p.orphaned() {
				p.stop(sig, false)
			}
		default:
			return sig
		}
	}
}

// firstOf returns the signal of want, which l may take, that goes first: the one that l's own instruction has caused, so that a handler for it
// finds the context of that instruction (trapsignal calls kpsendsig at once); then l's own; then the process's (issignal). mu is held.
func (l *LWP) firstOf(want netbsd.Sigset) netbsd.Signal {
	if sig := l.trapPending(); want.Has(sig) {
		return sig
	}
	if sig := firstsig(want & l.pend.set); sig != 0 {
		return sig
	}
	return firstsig(want)
}

// trapPending returns the signal that l's own instruction has caused and that is pending, 0 if there is none. mu is held.
func (l *LWP) trapPending() netbsd.Signal {
	if l.ext == nil || !l.pend.set.Has(l.ext.trapped) {
		return 0
	}
	return l.ext.trapped
}

// noteStop keeps what p stops for without a tracer: one that attaches to it then is told (ps_info, ps_lwp). mu is held.
func (p *Proc) noteStop(info netbsd.Siginfo, whom int32) {
	x := p.extra()
	x.stopInfo, x.stopFor = info, whom
}

// orphaned reports whether the group was orphaned after a signal of a terminal had been sent, so that nobody would continue p. In
// release 10 that holds of who had stopped then (orphanpg): others stop nevertheless. mu is held.
func (p *Proc) orphaned() bool {
	if p.m.r2003 {
		return p.pgrp.jobc == 0
	}
	return p.flags&fOrphanPG != 0
}

// take removes sig from the pending ones, the LWP's own first.
//
// mu is held.
func (l *LWP) take(sig netbsd.Signal) netbsd.Siginfo {
	info, _ := l.takeShown(sig)
	return info
}

// takeShown is take for a signal that the tracer is shown, with whom it was for (issignal's ps_lwp). mu is held.
func (l *LWP) takeShown(sig netbsd.Signal) (info netbsd.Siginfo, whom int32) {
	if l.pend.set.Has(sig) {
		if x := l.ext; x != nil && x.trapped == sig {
			x.trapped = 0
		}
		return l.pend.get(sig), l.lid
	}
	info = l.p.pend.get(sig)
	return info, info.LWP
}

// traceStop shows a signal to the tracer and stops until it says what to do. What
// it chose instead is kept in dbgSig.
//
// Whatever has the process go on clears inTrace (goOn): a request of the tracer's, its end, SIGKILL. After any
// other wakeup l stands again, unless it is to die. given is 0 but after a request that passed a signal.
//
// A signal that the tracer passes on and that l blocks is dropped (sigchecktrace); in 2003 it is made pending once more, as if it
// had just been sent. whom is the LWP that it was for, 0 for the process. mu is held before and after, and dropped while l stands.
func (l *LWP) traceStop(info netbsd.Siginfo, whom int32) {
	p := l.p
	x := p.extra()
	x.stopInfo, x.stopLid, x.stopFor = info, l.lid, whom
	l.extra().inTrace, l.ext.given = true, 0
	l.ext.forced &^= info.Signo.Bit()
	p.stop(info.Signo, true)
	for l.ext.inTrace && l.attn.Load()&aExit == 0 {
		l.stopHere()
	}
	l.ext.inTrace = false
	if sig := l.ext.given; sig != 0 {
		l.fromTracer(sig)
	}
}

// fromTracer has l take a signal that the tracer has passed to its request, unless it has no effect. mu is held.
func (l *LWP) fromTracer(sig netbsd.Signal) {
	p := l.p
	if l.mask.Has(sig) {
		if p.m.r2003 {
			l.pend.put(&netbsd.Siginfo{Signo: sig, Code: netbsd.SI_USER})
		}
		return
	}
	if sigprops[sig]&sStop != 0 && !p.acts.act[sig].caught() || !p.hasEffectFromTracer(sig) {
		return // as for a stop the tracer has had its stop already
	}
	l.dbgSig = sig
}

// hasEffectFromTracer is hasEffect for a signal that the tracer has passed to its tracee: it is not shown to the tracer
// again. ps_sigignore is not asked: it is the action that decides. mu is held.
func (p *Proc) hasEffectFromTracer(sig netbsd.Signal) bool {
	a := &p.acts.act[sig]
	return a.caught() || a.Handler == netbsd.SIG_DFL && sigprops[sig]&sIgnore == 0
}

// postsig takes sig and carries out its action. mu is dropped meanwhile.
//
// The mask that the handler runs with is set before mu is dropped: a second signal of the same
// number must find it blocked. The frame is built afterwards, without mu, since it is written
// to guest memory and may fail or block.
func (l *LWP) postsig(sig netbsd.Signal, deliver func(*Delivery) bool) {
	p, m := l.p, l.p.m
	info, whom := l.takeForDelivery(sig)
	p.extra().own.Nsignals++ // killing ones, too
	a := p.acts.act[sig]
	if !a.caught() {
		info.LWP = whom
		mask := l.mask
		m.unlock()
		l.tracePsig(&info, netbsd.SIG_DFL, mask)
		l.sigexit(&info)
		return // never
	}
	d := Delivery{Info: info, Action: a, OldMask: l.mask}
	if l.flags&lOldMask != 0 {
		l.flags &^= lOldMask
		d.OldMask = l.oldmask
	}
	l.mask |= a.Mask // with sig itself, unless SA_NODEFER was set
	if a.Flags&netbsd.SA_RESETHAND != 0 {
		p.resetHandler(sig)
	}
	if x := l.ext; x != nil {
		d.Stack = x.stack
		d.OnStack = a.Flags&netbsd.SA_ONSTACK != 0 && x.stack.Flags&(netbsd.SS_DISABLE|netbsd.SS_ONSTACK) == 0
	}
	upcall := l.upcallSignal(&d.Info)
	m.unlock()
	if p.Ktraced() {
		l.tracePsig(&d.Info, a.Handler, d.OldMask)
	}
	if !upcall {
		l.callHandler(&d, deliver)
	}
	m.lock()
}

// takeForDelivery takes sig, be it pending or passed by the tracer. whom is as takeShown's, and the stop's of what the tracer has passed. mu is held.
func (l *LWP) takeForDelivery(sig netbsd.Signal) (info netbsd.Siginfo, whom int32) {
	if l.dbgSig != sig {
		return l.takeShown(sig)
	}
	l.dbgSig = 0
	return l.passedInfo(sig), l.p.extra().stopFor
}

// passedInfo is what comes with a signal that the tracer has passed: what PT_SET_SIGINFO has set, or the event that the process stopped for, if that is of
// its number; else what was sent with it, whether the process has stopped for that or it is pending besides. mu is held.
func (l *LWP) passedInfo(sig netbsd.Signal) netbsd.Siginfo {
	x := l.p.extra()
	if x.faked && x.stopInfo.Signo == sig {
		x.faked = false
		return x.stopInfo
	}
	info := x.queuedInfo
	if info.Signo == sig {
		x.queuedInfo = netbsd.Siginfo{}
		return info
	}
	if l.pend.unqueue(sig, &info) || l.p.pend.unqueue(sig, &info) {
		return info
	}
	return netbsd.Siginfo{Signo: sig, Code: netbsd.SI_NOINFO}
}

// resetHandler is SA_RESETHAND: the default action from now on, for which a signal that is
// ignored by default is to be dropped when it is sent. mu is held.
func (p *Proc) resetHandler(sig netbsd.Signal) {
	a := p.ownActs()
	a.catch &^= sig.Bit()
	if sig != netbsd.SIGCONT && sigprops[sig]&sIgnore != 0 {
		a.ignore |= sig.Bit()
	}
	a.act[sig].Handler, a.act[sig].Func = netbsd.SIG_DFL, nil
}

// callHandler runs a Go handler, or has the platform build a frame for another.
//
// A Go handler runs as guest code: it may make kernel calls, even exit, so the LWP is in user
// mode meanwhile. Its return is the setcontext(2) that a NetBSD handler's trampoline makes. A
// frame is not called here: deliver points the registers at it, and the guest runs it.
func (l *LWP) callHandler(d *Delivery, deliver func(*Delivery) bool) {
	if f := d.Action.Func; f != nil {
		info := d.Info
		l.mode.Store(modeUser)
		f(l, &info)
		l.mode.Store(modeKernel)
		l.Platform().SetSigmask(d.OldMask)
		return
	}
	ok := false
	if deliver != nil {
		l.hook(func() { ok = deliver(d) })
	}
	if !ok {
		l.undeliverable()
	}
}

// undeliverable ends the process as its memory takes no frame: by SIGILL, unless the memory has gone because
// the process is to die. A guest chooses by its stack pointer where the frame goes, so this is its own doing;
// no handler is asked, as that would need a frame, too. mu is not held. It does not return.
func (l *LWP) undeliverable() {
	l.p.m.lock()
	info := l.takeFatal(netbsd.Siginfo{Signo: netbsd.SIGILL, Code: netbsd.SI_NOINFO})
	l.p.m.unlock()
	l.sigexit(&info)
}

// Undeliverable is undeliverable for what the platform writes to the memory itself. It does not return.
func (pl *Platform) Undeliverable() { (*LWP)(pl).undeliverable() }

// sigexit ends the process by a signal, with a core dump if the signal, the limit
// and the embedder want one. It does not return.
//
// P_WEXIT is set before the dump: an exit of another LWP meanwhile does not change how the process ended, and
// no signal but SIGKILL reaches it, which cuts the dump short. mu is not held.
func (l *LWP) sigexit(info *netbsd.Siginfo) {
	p, m := l.p, l.p.m
	sig := info.Signo
	e := killed(sig)
	m.lock()
	if p == m.init {
		m.unlock()
		l.exitWith(e)
	}
	// Another LWP has decided how the process ends: the first decision stands (item 2).
	if p.flags&(fWExit|fExecing) != 0 {
		m.unlock()
		l.die()
	}
	p.flags |= fWExit | fAXSig
	l.survivor = true
	p.step(l, StepSetWEXIT)
	// A set-id process leaves no core: it may hold what its user must not read. RLIMIT_CORE of
	// 0 is the user's word that none is wanted.
	if m.cfg.Core != nil && sigprops[sig]&sCore != 0 && p.flags&fSugid == 0 && p.lim[netbsd.RLIMIT_CORE].Cur > 0 && l.dumpCore(info) {
		e.w |= netbsd.CoreFlag
		p.flags |= fCoreDumped
	}
	m.unlock()
	// The rest is done below the body (finish), after its deferred functions.
	l.end = e
	l.mode.Store(modeDead)
	runtime.Goexit()
}

// Trap sends a signal that the LWP's own instruction caused (trapsignal). If it is
// blocked or ignored it gets its default action, so that it is not taken for ever; a tracer sees it in any case.
// The run loop's next UserRet delivers it.
func (pl *Platform) Trap(info *netbsd.Siginfo) {
	l := (*LWP)(pl)
	if !info.Signo.Valid() {
		return
	}
	p, m := l.p, l.p.m
	sig := info.Signo
	m.lock()
	defer m.unlock()
	if p.flags&fWExit != 0 || p.state != StateActive {
		return
	}
	// trapsignal posts it as any other, where it would stay pending for ever: the instruction
	// that caused it is made again and again.
	shown := p.flags&fTraced != 0 && !p.hangsInVfork()
	if shown && (l.mask.Has(sig) || !p.shows(sig)) {
		l.extra().forced |= sig.Bit() // the mask stays: the tracer decides
	}
	if !shown && (l.mask.Has(sig) || p.acts.ignore.Has(sig)) {
		a := p.ownActs()
		a.act[sig].Handler, a.act[sig].Func = netbsd.SIG_DFL, nil
		a.ignore &^= sig.Bit()
		a.catch &^= sig.Bit()
		l.mask &^= sig.Bit()
	}
	// What the tracer is shown, or a handler is called for, does not come by kpsignal2, which tells knotes.
	if direct := shown && !m.r2003 || !shown && p.acts.catch.Has(sig); !direct {
		p.knoteSignal(sig)
	}
	l.extra().trapped = sig
	l.pend.put(info)
	l.attn.Or(aSignal)
}
