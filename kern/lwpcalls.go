package kern

import (
	"time"

	"toaster/netbsd"
)

// This file has the calls by which LWPs of one process deal with each other:
// _lwp_create(2) and its like. An lid that is no LWP of the caller's process is
// ESRCH in all of them.
//
// Ids are looked up in the caller's own process, so that no guest reaches an LWP of another's, although in
// release 10 the ids of all processes are distinct. Those who wait for LWPs, in _lwp_wait(2), _lwp_suspend(2)
// and exit_lwps, sleep in one queue of the process (lwpq): whoever changes what any of them may wait for wakes
// all, and each looks again.

// NewLWP is _lwp_create(2): it makes an LWP that runs body with l's signal mask.
// manual says that body calls UserRet itself. prepare, if not nil, is called with
// the new LWP before it can run; its error undoes all. A panic that Config.Bug keeps from
// the embedder is ENOMEM, and the process is killed.
//
// EINVAL: no body or an unknown flag; EAGAIN: the real user has as many LWPs as RLIMIT_NTHR allows, or the process
// exits or execs.
func (l *LWP) NewLWP(flags int, body func(*LWP), manual bool, prepare func(*LWP) netbsd.Errno) (*LWP, netbsd.Errno) {
	if body == nil || flags&^(netbsd.LWP_DETACHED|netbsd.LWP_SUSPENDED) != 0 {
		return nil, netbsd.EINVAL
	}
	if errno := l.enter(); errno != 0 {
		return nil, errno
	}
	n, errno := l.newLWP(flags, body, manual, prepare)
	return n, l.leave(errno)
}

// The limits are asked by countLWP and, for the machine's own (MaxLWPs), takePlace. prepare runs without mu, and
// the process may have begun to exit or exec meanwhile: it gets no new LWP then.
//
// The new LWP is on no list before link, so neither a signal nor exit_lwps finds it half made, and its failure
// needs no more than to return what it had taken: id, place and count.
func (l *LWP) newLWP(flags int, body func(*LWP), manual bool, prepare func(*LWP) netbsd.Errno) (made *LWP, errno netbsd.Errno) {
	p, m := l.p, l.p.m
	m.lock()
	defer m.unlock()
	if p.flags&(fWExit|fExecing) != 0 {
		return nil, netbsd.EAGAIN
	}
	n := new(LWP)
	if !p.countLWP() {
		return nil, netbsd.EAGAIN
	}
	defer func() { p.lwpMade(errno) }()
	if !n.takePlace(m) {
		return nil, netbsd.EAGAIN
	}
	n.setup(p, body, manual)
	n.inheritSched(l)
	// A prepare that reads the mask of a ucontext sets another. In sigsuspend(2) the caller's mask is a loan,
	// and the newcomer has the one that will be restored.
	n.mask = l.mask
	if l.flags&lOldMask != 0 {
		n.mask = l.oldmask
	}
	if flags&netbsd.LWP_DETACHED != 0 {
		n.flags |= lDetached
	}
	if prepare != nil {
		p.unlocked(func() {
			if !l.hook(func() { errno = prepare(n) }) {
				errno = netbsd.ENOMEM
			}
		})
		if errno == 0 && p.flags&(fWExit|fExecing) != 0 {
			errno = netbsd.EAGAIN
		}
		if errno != 0 {
			n.stat = LWPFree
			p.freeLid(n.lid)
			n.leavePlace()
			return nil, errno
		}
	}
	n.link()
	if flags&lwpCached != 0 {
		n.enterCache()
	}
	// In attn as well as in its state: the end of a pause or of a tracer's hold must not let it go on.
	if flags&netbsd.LWP_SUSPENDED != 0 {
		n.attn.Or(aSuspend)
	}
	// The newcomer reports itself before it goes to user mode.
	if p.tells(netbsd.PTRACE_LWP_CREATE) {
		n.trapLater(traceEvent{code: netbsd.TRAP_LWP, kind: netbsd.PTRACE_LWP_CREATE, other: n.lid})
	}
	n.launch(flags&(netbsd.LWP_SUSPENDED|lwpCached) != 0)
	return n, 0
}

// countLWP counts an LWP that is about to be made for its real user, whatever processes that has. It reports false
// beyond RLIMIT_NTHR, for all but root (lwp_create). The count comes before prepare, for which mu is dropped: LWPs
// that make others at the same time would all find room otherwise. mu is held.
func (p *Proc) countLWP() bool {
	n := p.m.chglwpcnt(p.cred.RUID, 1)
	if !p.cred.IsRoot() && uint64(n) > p.lim[netbsd.RLIMIT_NTHR].Cur {
		p.m.chglwpcnt(p.cred.RUID, -1)
		return false
	}
	p.extra().making++
	return true
}

// lwpMade follows countLWP: the LWP is on the list, or, with an error, is none. mu is held.
func (p *Proc) lwpMade(errno netbsd.Errno) {
	p.ext.making--
	if errno != 0 {
		p.m.chglwpcnt(p.cred.RUID, -1)
	}
}

// LWPWait is _lwp_wait(2): it waits for the LWP lid, or for any if lid is 0, and
// frees it. It returns the one that went.
//
// ESRCH: there is none to wait for; EINVAL: it is detached; EDEADLK: it is the
// caller itself, it waits for the caller, or all others wait, too; EINTR, ERESTART: a signal.
func (l *LWP) LWPWait(lid int) (n int, errno netbsd.Errno) {
	errno = l.call(func() netbsd.Errno {
		found, errno := l.lwpWait(int32(lid))
		n = int(found)
		return errno
	})
	return n, errno
}

// lwpWait waits, and wakes the others that wait, whatever comes of it (lwp_wait): of a success those who wait for
// the same LWP must learn, and of a failure those that left it to this one, and may take it now (awaited). mu is held
// before and after.
func (l *LWP) lwpWait(lid int32) (int32, netbsd.Errno) {
	if lid == l.lid {
		if l.flags&lDetached != 0 {
			return 0, netbsd.EINVAL
		}
		return 0, netbsd.EDEADLK
	}
	z, errno := l.awaitGone(lid)
	if errno == 0 {
		z.free()
		lid = z.lid
	} else {
		lid = 0
	}
	l.p.lwpq.wakeAll()
	return lid, errno
}

// A loop: another waiter may take the zombie first, and the LWP may be detached while it is
// waited for. waiting is set before the look for a deadlock, which follows it from LWP to LWP,
// and cleared before every return. While it is set, others leave the LWP that it names to this one (awaited).
// mu is held before and after.
func (l *LWP) awaitGone(lid int32) (*LWP, netbsd.Errno) {
	x := l.extra()
	for {
		z, errno := l.findGone(lid)
		if z != nil || errno != 0 {
			return z, errno
		}
		x.waiting = lid
		if lid == 0 {
			x.waiting = -1
		}
		errno = netbsd.EDEADLK
		if !l.waitDeadlock() {
			errno = l.sleep(&l.p.lwpq, true, time.Time{})
		}
		x.waiting = 0
		if errno != 0 {
			return nil, errno
		}
	}
}

// findGone finds a zombie that l may free. Without one and without an error there
// is something to wait for.
//
// lid 0 is any LWP but l, and those that somebody waits for by name. With several waiters the first to look takes it. mu is held.
//
// An LWP that is left to another still counts as one to wait for: that waiter may be interrupted, and not
// take it. Detached ones count for nobody, as they go without a zombie.
func (l *LWP) findGone(lid int32) (*LWP, netbsd.Errno) {
	if lid != 0 {
		t := l.p.lwpLocked(lid)
		switch {
		case t == nil:
			return nil, netbsd.ESRCH
		case t.flags&lDetached != 0:
			return nil, netbsd.EINVAL
		case t.stat == LWPZombie:
			return t, 0
		}
		return nil, 0
	}
	errno := netbsd.ESRCH
	for t := l.p.lwps; t != nil; t = t.next {
		if t == l || t.flags&lDetached != 0 {
			continue
		}
		if t.stat == LWPZombie && !l.p.awaited(t) {
			return t, 0
		}
		errno = 0
	}
	return nil, errno
}

// awaited reports whether an LWP waits for t in particular: then t is left to it (l_waiter). mu is held.
func (p *Proc) awaited(t *LWP) bool {
	for o := p.lwps; o != nil; o = o.next {
		if o.ext != nil && o.ext.waiting == t.lid {
			return true
		}
	}
	return false
}

// waitDeadlock reports whether l's wait, just entered in l.ext.waiting, cannot end:
// it goes in a circle, or no LWP is left that does not wait.
//
// The circle is followed for at most as many steps as there are LWPs, since it need not
// contain l. lwp_wait(2) says EDEADLK for both. mu is held.
func (l *LWP) waitDeadlock() bool {
	for t, n := l, int32(0); t != nil && n <= l.p.nlwps; n++ {
		if t.ext == nil || t.ext.waiting <= 0 {
			break
		}
		if t = l.p.lwpLocked(t.ext.waiting); t == l {
			return true
		}
	}
	// One that has ended without becoming a zombie yet (release 2003) counts as awake: the reaper is still
	// to make a zombie of it, or to free it, and wakes those who wait.
	for t := l.p.lwps; t != nil; t = t.next {
		if t.stat <= LWPDead && (t.ext == nil || t.ext.waiting == 0) && !t.isCached() {
			return false
		}
		if t.stat == LWPZombie && t.flags&lDetached == 0 {
			return false // it is in p_nlwps, and somebody is about to take it
		}
	}
	return true
}

// LWPDetach is _lwp_detach(2); a zombie is freed. EINVAL: it is detached already. The waiters are woken in
// either case: who waits for this one is to get EINVAL or ESRCH, and for others it may be a deadlock by now.
func (l *LWP) LWPDetach(lid int) netbsd.Errno {
	return l.onLWP(lid, func(t *LWP) netbsd.Errno {
		if t.flags&lDetached != 0 {
			return netbsd.EINVAL
		}
		t.flags |= lDetached
		if t.stat == LWPZombie {
			t.free()
		}
		l.p.lwpq.wakeAll()
		return 0
	})
}

// onLWP runs f with mu held on the LWP lid, a zombie too. ESRCH: there is none. lid may be any number: one
// that does not fit an lwpid_t must not find the LWP of its low bits.
func (l *LWP) onLWP(lid int, f func(*LWP) netbsd.Errno) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		if t := l.p.lwpLocked(int32(lid)); t != nil && int(t.lid) == lid {
			return f(t)
		}
		return netbsd.ESRCH
	})
}

// onLive is onLWP for those that have not ended (lwp_find).
func (l *LWP) onLive(lid int, f func(*LWP) netbsd.Errno) netbsd.Errno {
	return l.onLWP(lid, func(t *LWP) netbsd.Errno {
		if t.stat >= LWPDead {
			return netbsd.ESRCH
		}
		return f(t)
	})
}

// LWPSuspend is _lwp_suspend(2): lid stands still until LWPContinue. Another LWP is
// waited for until it does; the caller itself does so when it returns to user mode.
// EDEADLK: the caller is the only one that runs. ESRCH: there is no LWP lid, or it has ended meanwhile. ERESTART: a signal
// has come, whatever its action says (sys__lwp_suspend).
func (l *LWP) LWPSuspend(lid int) netbsd.Errno {
	return l.onLive(lid, func(t *LWP) netbsd.Errno {
		if t == l && !l.otherRuns() {
			return netbsd.EDEADLK
		}
		if t.attn.Load()&aHold != 0 {
			return 0 // lwp_suspend leaves alone who stands by PT_SUSPEND
		}
		t.setAttn(aSuspend)
		if t == l {
			return 0
		}
		// An interruptible sleeper comes by and suspends itself (interrupted); continued, it sleeps on.
		if t.stat == LWPSleeping && t.flags&lIntr != 0 {
			t.wakeup(rSignal)
		}
		// The caller may find that somebody has continued t meanwhile: its wish has been granted and taken back.
		for t.stat != LWPSuspended && t.stat < LWPDead && t.attn.Load()&aSuspend != 0 {
			if l.sleep(&l.p.lwpq, true, time.Time{}) != 0 {
				return netbsd.ERESTART
			}
		}
		if t.stat >= LWPDead {
			return netbsd.ESRCH
		}
		return 0
	})
}

// otherRuns reports whether somebody is left who could continue l. A sleeper counts: it may wake and do so. An
// LWP that is told to stand still does not, even if it has not come by yet. mu is held.
func (l *LWP) otherRuns() bool {
	for t := l.p.lwps; t != nil; t = t.next {
		s := t.shown()
		if t != l && (s == LWPRunning || s == LWPSleeping) && t.attn.Load()&(aSuspend|aHold) == 0 {
			return true
		}
	}
	return false
}

// LWPContinue is _lwp_continue(2); it does nothing for an LWP that is not suspended. One that a tracer has stand still
// goes on standing.
func (l *LWP) LWPContinue(lid int) netbsd.Errno {
	return l.onLive(lid, func(t *LWP) netbsd.Errno {
		t.unsuspend()
		return 0
	})
}

// unsuspend is lwp_continue. Who waits in _lwp_suspend(2) for t to stand still is told that it will not.
//
// Other reasons to stand outlast it: the cache of scheduler activations, a tracer's hold, and a stop of the
// process, with which t counts as stopped from now on. mu is held.
func (t *LWP) unsuspend() {
	t.attn.And(^aSuspend)
	t.p.lwpq.wakeAll()
	switch {
	case t.stat != LWPSuspended || t.isCached() || t.attn.Load()&aHold != 0:
	case t.p.flags&(fStopped|fStopping) != 0:
		t.setStat(LWPStopped)
	default:
		t.resume()
	}
}

// LWPWakeup is _lwp_wakeup(2): it ends lid's sleep, if it sleeps, and its next sleep with EINTR. ENODEV: it does not sleep;
// EBUSY: not interruptibly.
//
// The next sleep is ended in any case: sys__lwp_wakeup sets LW_CANCELLED and LW_UNPARKED
// before it looks. A sleep in user mode (lent.go) counts as one: the kick hands it to the kernel, which finds
// aCancel.
func (l *LWP) LWPWakeup(lid int) netbsd.Errno {
	return l.onLive(lid, func(t *LWP) netbsd.Errno {
		t.setAttn(aCancel) // in user mode, too, where it may be about to sleep
		t.flags |= lUnparked
		switch {
		case t.sleepsLent():
			return 0
		case t.stat != LWPSleeping:
			return netbsd.ENODEV
		case t.flags&lIntr == 0:
			return netbsd.EBUSY
		}
		t.wakeup(rSignal)
		return 0
	})
}

// LWPKill is _lwp_kill(2): sig goes to lid alone; 0 only looks. EINVAL: no such
// signal. No right is asked for: sender and target are one process. What cannot be blocked, stops, and SIGCONT act
// on all of it nevertheless (psignal). A full queue is no error of it: the signal is pending without its siginfo.
func (l *LWP) LWPKill(lid int, sig netbsd.Signal) netbsd.Errno {
	if sig != 0 && !sig.Valid() {
		return netbsd.EINVAL
	}
	return l.onLive(lid, func(t *LWP) netbsd.Errno {
		if sig == 0 {
			return 0
		}
		info := netbsd.Siginfo{Signo: sig, Code: netbsd.SI_LWP, Pid: l.p.pid, UID: l.p.cred.EUID, LWP: t.lid}
		l.p.m.psignal(l.p, &info, t)
		return 0
	})
}

// Park is ___lwp_park60(2): it unparks another LWP, if unpark is not 0, and sleeps
// until Unpark or the deadline (zero: none). It may return 0 without cause.
//
// EALREADY: an Unpark came before; ETIMEDOUT; EINTR; ESRCH: there is no LWP unpark,
// and the caller has not slept.
func (l *LWP) Park(deadline time.Time, unpark int) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		if unpark != 0 {
			if errno := l.p.unpark(int32(unpark)); errno != 0 {
				return errno
			}
		}
		return l.park10(deadline)
	})
}

// An unpark that came first is remembered in lUnparked, so that the two may race: the sleep
// returns at once then, with EALREADY, as ___lwp_park60 has it. A token of Wake must not
// count: it was meant for another sleep. EWOULDBLOCK is ETIMEDOUT here, and ERESTART EINTR,
// since the caller's libpthread makes the call again itself with the time that is left. mu is
// held.
func (l *LWP) park10(deadline time.Time) netbsd.Errno {
	if l.flags&lUnparked != 0 || l.attn.Load()&aCancel != 0 {
		l.flags &^= lUnparked
		l.attn.And(^aCancel)
		return netbsd.EALREADY
	}
	l.flags |= lParking
	l.token = false
	errno := l.sleep(nil, true, deadline)
	l.flags &^= lParking
	switch errno {
	case netbsd.EWOULDBLOCK:
		return netbsd.ETIMEDOUT
	case netbsd.ERESTART:
		return netbsd.EINTR
	}
	return errno
}

// unpark lets lid go on if it is parked; otherwise its next park returns at once. Unparks do not add up: however
// many come before that park, it is one that returns. One that is stopped in its park is woken as well, and
// finds so when the process goes on. mu is held.
func (p *Proc) unpark(lid int32) netbsd.Errno {
	t := p.lwpLocked(lid)
	switch {
	case t == nil || t.stat >= LWPDead:
		return netbsd.ESRCH
	case t.flags&lParking != 0 && t.asleep:
		t.wakeup(rWoken)
	default:
		t.flags |= lUnparked
	}
	return 0
}

// Unpark is _lwp_unpark(2), for several LWPs _lwp_unpark_all(2): each goes on, or
// its next Park returns at once. ESRCH: one of them does not exist; the others are
// unparked nevertheless.
func (l *LWP) Unpark(lids ...int) netbsd.Errno {
	return l.call(func() (errno netbsd.Errno) {
		for _, lid := range lids {
			if r := l.p.unpark(int32(lid)); r != 0 {
				errno = r
			}
		}
		return errno
	})
}

// LWPSetName is _lwp_setname(2): the LWP with id lid, 0 for l itself, is named by the first
// MAXCOMLEN - 1 bytes of name. ESRCH: l's process has no such LWP. An exec takes the name away (execSignals).
func (l *LWP) LWPSetName(lid int, name string) netbsd.Errno {
	return l.onLive(l.orSelf(lid), func(t *LWP) netbsd.Errno {
		t.extra().name = name[:min(len(name), netbsd.MAXCOMLEN-1)]
		return 0
	})
}

// orSelf is the rule of _lwp_setname(2) and _lwp_getname(2) that 0 is the caller's id.
func (l *LWP) orSelf(lid int) int {
	if lid == 0 {
		return int(l.lid)
	}
	return lid
}

// LWPGetName is _lwp_getname(2): the name that LWPSetName gave the LWP with id lid, 0 for l
// itself, or the empty one. ESRCH: l's process has no such LWP.
func (l *LWP) LWPGetName(lid int) (string, netbsd.Errno) {
	var name string
	errno := l.onLive(l.orSelf(lid), func(t *LWP) netbsd.Errno {
		if t.ext != nil {
			name = t.ext.name
		}
		return 0
	})
	return name, errno
}
