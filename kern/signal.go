package kern

import (
	"time"

	"toaster/netbsd"
)

// This file has a process's signal state and the calls that change it. Sending is
// in sigsend.go, taking in sigdeliver.go, stopping in stop.go.

// Action is what a process does on a signal (sigaction(2)).
type Action struct {
	Handler uint64 // netbsd.SIG_DFL, SIG_IGN or an address
	Mask    netbsd.Sigset
	Flags   int32
	Vers    int32  // trampoline version of __sigaction_sigtramp
	Tramp   uint64 // trampoline

	// Func is the handler of a Go-function guest; Handler does not matter then.
	// It runs on the LWP's goroutine with the signal mask that a handler has.
	Func func(*LWP, *netbsd.Siginfo)
}

// caught reports whether a is a handler: a Go function, or an address.
func (a *Action) caught() bool { return a.Func != nil || a.Handler > netbsd.SIG_IGN }

// Sigacts are the actions of a process, or of several that share them. Two
// processes after a fork point to the same ones until either changes something.
//
// mu guards them; defaultActs, which machines share, is never written. cow and shared exclude each other: what
// is shared on purpose (__clone(2)) has to change for all who share it. ignore and catch follow act, and are
// kept beside it because psignal asks for them of every signal. act holds numbers of the guest's, addresses
// that may lead anywhere, and nothing in here relies on them.
type Sigacts struct {
	act    [netbsd.NSIG]Action
	ignore netbsd.Sigset // ps_sigignore: dropped when sent
	catch  netbsd.Sigset // ps_sigcatch
	cow    bool          // to be copied before a change
	shared bool          // changed in place: the processes wanted it so
}

// sigProp is what a signal does by default, SA_KILL to SA_NORESET of sys/signalvar.h. sTTYStop comes with
// sStop, for the stops that a terminal causes, which an orphaned group is spared. sNoReset has SA_RESETHAND of
// a handler ignored (sigaction1).
type sigProp uint16

const (
	sKill sigProp = 1 << iota
	sCore
	sStop
	sTTYStop
	sIgnore
	sCont
	sCantMask
	sNoReset
)

// sigprops says by default what each signal does (sigprop of sys/signalvar.h). The real-time
// signals kill. It is never written after start, so it needs no lock.
var sigprops = func() (t [netbsd.NSIG]sigProp) {
	for i := range t {
		t[i] = sKill
	}
	t[0] = 0
	for _, s := range []netbsd.Signal{netbsd.SIGQUIT, netbsd.SIGILL, netbsd.SIGTRAP, netbsd.SIGABRT,
		netbsd.SIGEMT, netbsd.SIGFPE, netbsd.SIGBUS, netbsd.SIGSEGV, netbsd.SIGSYS} {
		t[s] = sKill | sCore
	}
	t[netbsd.SIGILL] |= sNoReset
	t[netbsd.SIGTRAP] |= sNoReset
	for _, s := range []netbsd.Signal{netbsd.SIGURG, netbsd.SIGCHLD, netbsd.SIGIO, netbsd.SIGWINCH,
		netbsd.SIGINFO, netbsd.SIGPWR} {
		t[s] = sIgnore
	}
	t[netbsd.SIGPWR] |= sNoReset
	for _, s := range []netbsd.Signal{netbsd.SIGTSTP, netbsd.SIGTTIN, netbsd.SIGTTOU} {
		t[s] = sStop | sTTYStop
	}
	t[netbsd.SIGCONT] = sIgnore | sCont
	t[netbsd.SIGSTOP] = sStop | sCantMask
	t[netbsd.SIGKILL] = sKill | sCantMask
	return t
}()

// SIGCONT takes pending stopSigs away, and each of these takes a pending SIGCONT away: POSIX has the later one
// count. cantMask are the two that no process can block, catch or ignore.
var (
	ttyStopSigs = netbsd.SigsetOf(netbsd.SIGTSTP, netbsd.SIGTTIN, netbsd.SIGTTOU)
	stopSigs    = ttyStopSigs | netbsd.SIGSTOP.Bit()
	contSigs    = netbsd.SigsetOf(netbsd.SIGCONT)
	cantMask    = netbsd.SigsetOf(netbsd.SIGKILL, netbsd.SIGSTOP)
)

// defaultActs are the actions of a process that nobody forked. All machines of the program
// share them, so they are never written: cow makes whoever wants to copy first.
//
// ps_sigignore has what is ignored by default, so that psignal drops it when it is sent; not
// SIGCONT, which must always reach the process to continue it. Every action has SA_RESTART
// (siginit): a call that a tracer has interrupted with such a signal is made again.
var defaultActs = func() *Sigacts {
	a := &Sigacts{cow: true}
	for s, p := range sigprops {
		a.act[s].Flags = netbsd.SA_RESTART
		if p&sIgnore != 0 && p&sCont == 0 {
			a.ignore |= netbsd.Signal(s).Bit()
		}
	}
	return a
}()

// sigpend is a set of pending signals with what is known about them: those of one LWP or those of its process.
// q is in the order of sending, which real-time signals of one number keep. mu guards it.
type sigpend struct {
	set netbsd.Sigset
	q   *sigNode
}

// sigNode is one siginfo that waits. It is a copy, made when the signal was sent: the sender may have ended,
// and its credentials have changed, when the receiver is told.
type sigNode struct {
	info netbsd.Siginfo
	next *sigNode
}

// maxQueued is how many infos one set keeps (SIGQUEUE_MAX), of all signals together. It bounds the time of put
// and get as well, which walk the queue with mu held.
const maxQueued = 32

// tellsNothing reports whether the kernel has sent a signal without a siginfo (KSI_EMPTY_P).
func tellsNothing(info *netbsd.Siginfo) bool {
	return *info == netbsd.Siginfo{Signo: info.Signo, Code: netbsd.SI_NOINFO}
}

// put makes info pending. A second info for an ordinary signal replaces the first, unless it tells nothing; those of the real-time
// signals queue. EAGAIN: the queue is full, and the signal is pending without its info (sigput).
//
// Ordinary signals do not queue: POSIX lets the second be lost, and NetBSD keeps the newer
// siginfo. The bound keeps a process that sends real-time signals to one which blocks them
// from taking the machine's memory: each sender gets EAGAIN, as sigqueue(2) says. What has no info needs no
// room, nor do SIGKILL, SIGSTOP and SIGCONT: NetBSD tells nobody of a signal without room, and a guest that
// has filled its own queue could not be killed. mu is held.
func (sp *sigpend) put(info *netbsd.Siginfo) netbsd.Errno {
	sp.set |= info.Signo.Bit()
	if tellsNothing(info) {
		return 0
	}
	n, at := 0, &sp.q
	for ; *at != nil; at = &(*at).next {
		if (*at).info.Signo == info.Signo && info.Signo < netbsd.SIGRTMIN {
			(*at).info = *info
			return 0
		}
		n++
	}
	switch {
	case n < maxQueued:
		*at = &sigNode{info: *info}
	case sigprops[info.Signo]&(sCantMask|sCont) == 0:
		return netbsd.EAGAIN
	}
	return 0
}

// get takes one pending sig out and returns what is known about it.
//
// A real-time signal stays pending while its queue has another. A signal without siginfo, sent
// where there was no room for one, is SI_NOINFO. mu is held.
func (sp *sigpend) get(sig netbsd.Signal) netbsd.Siginfo {
	info := netbsd.Siginfo{Signo: sig, Code: netbsd.SI_NOINFO}
	found := false
	sp.set &^= sig.Bit()
	for at := &sp.q; *at != nil; {
		if (*at).info.Signo != sig {
			at = &(*at).next
			continue
		}
		if found {
			sp.set |= sig.Bit()
			break
		}
		info, found = (*at).info, true
		*at = (*at).next
	}
	return info
}

// unqueue takes the first info of sig out of the queue, into *info, and leaves what is pending as it is (siggetinfo). It reports whether there was
// one. mu is held.
func (sp *sigpend) unqueue(sig netbsd.Signal, info *netbsd.Siginfo) bool {
	for at := &sp.q; *at != nil; at = &(*at).next {
		if (*at).info.Signo == sig {
			*info = (*at).info
			*at = (*at).next
			return true
		}
	}
	return false
}

// clear drops the signals of s, all their infos with them: a signal that is ignored from now on, or that one of
// the opposite kind cancels, must not come back by what is left in the queue. mu is held.
func (sp *sigpend) clear(s netbsd.Sigset) {
	if sp.set&s == 0 && sp.q == nil {
		return
	}
	sp.set &^= s
	for at := &sp.q; *at != nil; {
		if s.Has((*at).info.Signo) {
			*at = (*at).next
		} else {
			at = &(*at).next
		}
	}
}

// firstsig returns the lowest signal of s, 0 if it is empty: pending signals are taken in this
// order, which POSIX wants for the real-time ones.
func firstsig(s netbsd.Sigset) netbsd.Signal {
	for g := netbsd.Signal(1); s != 0; g, s = g+1, s>>1 {
		if s&1 != 0 {
			return g
		}
	}
	return 0
}

// Sigaction is sigaction(2): it sets the action of sig to *set, if not nil, and
// returns the old one. EINVAL: no such signal, SIGKILL or SIGSTOP with set, or an unknown flag.
//
// The mask that is kept has sig itself, or with SA_NODEFER has it not (sigaction1).
//
// SA_NOCLDWAIT on SIGCHLD makes dying children go to init (item 44), except for
// init itself; so does SIG_IGN in release 10 (item 46).
func (l *LWP) Sigaction(sig netbsd.Signal, set *Action) (old Action, errno netbsd.Errno) {
	if !sig.Valid() {
		return Action{}, netbsd.EINVAL
	}
	errno = l.call(func() netbsd.Errno {
		old = l.p.acts.act[sig]
		if set == nil {
			return 0
		}
		return l.p.sigactionLocked(sig, set)
	})
	return old, errno
}

// saAllBits are the flags of sigaction(2), SA_ALLBITS.
const saAllBits = netbsd.SA_ONSTACK | netbsd.SA_RESTART | netbsd.SA_RESETHAND | netbsd.SA_NOCLDSTOP |
	netbsd.SA_NODEFER | netbsd.SA_NOCLDWAIT | netbsd.SA_SIGINFO | netbsd.SA_NOKERNINFO

// sigactionLocked sets p's action for sig. EINVAL: SIGKILL or SIGSTOP, or an unknown flag. set may come from guest
// memory (collectActions) and hold anything: the mask is cut to signals that can be blocked,
// and what else the action holds is only handed back to the guest.
//
// What is pending is dropped if the signal is ignored from now on (sigaction1); a blocked one,
// too, as POSIX requires. mu is held.
func (p *Proc) sigactionLocked(sig netbsd.Signal, set *Action) netbsd.Errno {
	if sigprops[sig]&sCantMask != 0 || set.Flags&^saAllBits != 0 {
		return netbsd.EINVAL
	}
	a := p.ownActs()
	n := *set
	n.Mask |= sig.Bit()
	if n.Flags&netbsd.SA_NODEFER != 0 {
		n.Mask &^= sig.Bit()
	}
	n.Mask &= maskable
	if sigprops[sig]&sNoReset != 0 {
		n.Flags &^= netbsd.SA_RESETHAND
	}
	a.act[sig] = n
	if sig == netbsd.SIGCHLD {
		p.setChldFlags(&n)
	}
	a.catch &^= sig.Bit()
	a.ignore &^= sig.Bit()
	switch {
	case n.caught():
		a.catch |= sig.Bit()
	case n.Handler == netbsd.SIG_IGN || sigprops[sig]&sIgnore != 0:
		p.clearPending(sig.Bit())
		if sig != netbsd.SIGCONT {
			a.ignore |= sig.Bit()
		}
	}
	return 0
}

// ownActs makes p's actions changeable.
//
// Processes share their actions after a fork until one changes something; most never do. Those
// that share on purpose change them in place, so shared actions are never marked cow. mu is
// held.
func (p *Proc) ownActs() *Sigacts {
	if p.acts.cow {
		n := *p.acts
		n.cow = false
		p.acts = &n
	}
	return p.acts
}

// setChldFlags keeps what the action of SIGCHLD means for dying children in p's flags, where
// an exit looks without knowing actions (items 44 and 46). init may not refuse zombies: they
// come to it because somebody must take them. mu is held.
func (p *Proc) setChldFlags(a *Action) {
	p.flags &^= fNoCldStop | fNoCldWait | fCldSigIgn
	if a.Flags&netbsd.SA_NOCLDSTOP != 0 {
		p.flags |= fNoCldStop
	}
	if p.pid == 1 {
		return
	}
	if a.Flags&netbsd.SA_NOCLDWAIT != 0 {
		p.flags |= fNoCldWait
	}
	if !p.m.r2003 && a.Func == nil && a.Handler == netbsd.SIG_IGN {
		p.flags |= fCldSigIgn
	}
}

// clearPending drops the signals of s for p and for each of its LWPs. mu is held.
func (p *Proc) clearPending(s netbsd.Sigset) {
	p.pend.clear(s)
	for l := p.lwps; l != nil; l = l.next {
		l.pend.clear(s)
	}
}

// Action returns p's action for sig; the zero Action if there is no such signal, or if p has come so far in its
// exit that it has none. What p's LWP has changed in user mode is collected first.
func (p *Proc) Action(sig netbsd.Signal) Action {
	p.m.lock()
	defer p.m.unlock()
	if !sig.Valid() || p.acts == nil {
		return Action{}
	}
	p.collectActions(false)
	return p.acts.act[sig]
}

// Sigprocmask is sigprocmask(2) on l's own mask; how is netbsd.SIG_BLOCK,
// SIG_UNBLOCK or SIG_SETMASK, and without set only the old mask is given. SIGKILL
// and SIGSTOP stay unblocked. EINVAL: an unknown how.
func (l *LWP) Sigprocmask(how int, set *netbsd.Sigset) (old netbsd.Sigset, errno netbsd.Errno) {
	errno = l.call(func() netbsd.Errno {
		old = l.mask
		if set == nil {
			return 0
		}
		switch how {
		case netbsd.SIG_BLOCK:
			l.setMaskLocked(old | *set)
		case netbsd.SIG_UNBLOCK:
			l.setMaskLocked(old &^ *set)
		case netbsd.SIG_SETMASK:
			l.setMaskLocked(*set)
		default:
			return netbsd.EINVAL
		}
		return 0
	})
	return old, errno
}

// setMaskLocked sets the mask; signals that it lets through are looked at before
// l returns to user mode.
//
// SIGKILL and SIGSTOP cannot be blocked: a mask that asks for it is cut, without an error
// (sigprocmask(2)). attn is set without a kick: l is in the kernel, or has not run yet. mu is
// held.
func (l *LWP) setMaskLocked(s netbsd.Sigset) {
	l.mask = s &^ cantMask & netbsd.AllSignals
	if (l.pend.set|l.p.pend.set)&^l.mask != 0 {
		l.attn.Or(aSignal)
	}
}

// Sigmask returns l's mask.
func (l *LWP) Sigmask() netbsd.Sigset {
	l.p.m.lock()
	defer l.p.m.unlock()
	return l.mask
}

// SetSigmask sets l's mask as setcontext(2) does; it may be called before l runs,
// and from a signal's deliver function.
func (pl *Platform) SetSigmask(s netbsd.Sigset) {
	l := (*LWP)(pl)
	l.p.m.lock()
	l.setMaskLocked(s)
	l.p.m.unlock()
}

// Sigpending is sigpending(2): what is pending for l and for its process.
func (l *LWP) Sigpending() netbsd.Sigset {
	l.p.m.lock()
	defer l.p.m.unlock()
	return l.pend.set | l.p.pend.set
}

// Altstack is struct sigaltstack. Sp and Size are the guest's, and not compared with its memory: what they are
// worth shows when a frame is put there. SS_ONSTACK in Flags says that l runs on it.
type Altstack struct {
	Sp, Size uint64
	Flags    int32
}

// Altstack returns l's signal stack; a new LWP has none (SS_DISABLE).
func (l *LWP) Altstack() Altstack {
	l.p.m.lock()
	defer l.p.m.unlock()
	if l.ext == nil {
		return Altstack{Flags: netbsd.SS_DISABLE}
	}
	return l.ext.stack
}

// Sigaltstack is sigaltstack(2): it returns the stack that there was, and without set changes nothing. EINVAL:
// unknown flags, or SS_DISABLE while l runs on the stack; ENOMEM: smaller than MINSIGSTKSZ.
func (l *LWP) Sigaltstack(set *Altstack) (old Altstack, errno netbsd.Errno) {
	errno = l.call(func() netbsd.Errno {
		x := l.extra()
		old = x.stack
		if set == nil {
			return 0
		}
		return x.setStack(set)
	})
	return old, errno
}

// sigaltstack1: the stack in use cannot be taken away, but another takes its place, and ss_flags say whether l is on that: a
// handler that leaves by longjmp(3) says so. mu is held.
func (x *lwpExt) setStack(set *Altstack) netbsd.Errno {
	switch {
	case set.Flags&^(netbsd.SS_ONSTACK|netbsd.SS_DISABLE) != 0:
		return netbsd.EINVAL
	case set.Flags&netbsd.SS_DISABLE != 0 && x.stack.Flags&netbsd.SS_ONSTACK != 0:
		return netbsd.EINVAL
	case set.Flags&netbsd.SS_DISABLE == 0 && set.Size < netbsd.MINSIGSTKSZ:
		return netbsd.ENOMEM
	}
	x.stack = *set
	return 0
}

// SetOnStack says whether l runs on its signal stack: set when a frame is put
// there, cleared by the setcontext(2) that leaves it.
func (pl *Platform) SetOnStack(on bool) {
	l := (*LWP)(pl)
	l.p.m.lock()
	defer l.p.m.unlock()
	x := l.extra()
	x.stack.Flags &^= netbsd.SS_ONSTACK
	if on {
		x.stack.Flags |= netbsd.SS_ONSTACK
	}
}

// OnStack reports whether l runs on its signal stack. For l's own goroutine.
func (pl *Platform) OnStack() bool { return pl.ext != nil && pl.ext.stack.Flags&netbsd.SS_ONSTACK != 0 }

// SetTempMask sets the mask until the next signal has been taken, as pselect(2)
// and pollts(2) need it (sigsuspendsetup). The handler's frame, or the next
// UserRet, restores the old one.
func (pl *Platform) SetTempMask(s netbsd.Sigset) {
	l := (*LWP)(pl)
	l.p.m.lock()
	l.tempMaskLocked(s)
	l.p.m.unlock()
}

// The mask that was there is kept once only: with two changes before a signal comes, the first
// one is what has to be restored. mu is held.
func (l *LWP) tempMaskLocked(s netbsd.Sigset) {
	if l.flags&lOldMask == 0 {
		l.oldmask = l.mask
		l.flags |= lOldMask
	}
	l.setMaskLocked(s)
	l.attn.Or(aSignal) // so that UserRet restores the mask even without a signal
}

// Sigsuspend is sigsuspend(2): waits with mask s for a signal that is delivered.
// It always returns EINTR (ESRCH, EBUSY: see LWP).
func (l *LWP) Sigsuspend(s netbsd.Sigset) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		l.tempMaskLocked(s)
		return l.pauseLocked()
	})
}

// pauseLocked sleeps until there is a signal to take. EINTR, always: ERESTART would have the call made again
// after the handler, and the program wait for one signal more. 0 is a wakeup without cause, or a stop that is
// over. mu is held before and after.
func (l *LWP) pauseLocked() netbsd.Errno {
	for l.sleep(nil, true, noDeadline) == 0 {
	}
	return netbsd.EINTR
}

// Pause waits for a signal with the mask as it is (pause(3)).
func (l *LWP) Pause() netbsd.Errno { return l.call(l.pauseLocked) }

// Sigtimedwait is sigtimedwait(2): waits until deadline (zero: for ever) for one
// of the signals in set and takes it. EAGAIN: the deadline passed; EINTR, ERESTART: another
// signal is to be delivered.
func (l *LWP) Sigtimedwait(set netbsd.Sigset, deadline time.Time) (info netbsd.Siginfo, errno netbsd.Errno) {
	errno = l.call(func() (errno netbsd.Errno) {
		info, errno = l.sigwait(set&^cantMask, deadline)
		return errno
	})
	return info, errno
}

// sigwait takes a signal of set without a handler. The process's pending signals go before
// the LWP's own, other than where handlers are called (issignal). While l sleeps, waitSet makes psignal hand a signal to it directly
// (sigunwait), whatever l's mask says: sigtimedwait(2) is for signals that are blocked. mu is held.
func (l *LWP) sigwait(set netbsd.Sigset, deadline time.Time) (info netbsd.Siginfo, errno netbsd.Errno) {
	if g := firstsig(l.p.pend.set & set); g != 0 {
		return l.p.pend.get(g), 0
	}
	if g := firstsig(l.pend.set & set); g != 0 {
		return l.pend.get(g), 0
	}
	x := l.extra()
	l.p.extra().sigwaits++
	x.waitSet, x.waitNo, x.got = set, l.p.ext.sigwaits, nil
	for errno == 0 && x.got == nil {
		errno = l.sleep(nil, true, deadline)
	}
	x.waitSet = 0
	// First: a signal that was handed over is pending nowhere, and would be lost to whatever ended the sleep.
	switch {
	case x.got != nil:
		return *x.got, 0
	case errno == netbsd.EWOULDBLOCK:
		return info, netbsd.EAGAIN
	}
	return info, errno
}
