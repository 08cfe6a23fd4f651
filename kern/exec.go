package kern

import "toaster/netbsd"

// ExecArgs describes an exec(2).
type ExecArgs struct {
	Comm string
	Path string
	Emul *Emul // nil: EmulNetBSD
	Text Ref   // the new executable's vnode; becomes the process's on success

	// SetUID and SetGID are the owner and group of a set-id executable, nil if it
	// is not one. A traced process does not change its ids.
	SetUID, SetGID *uint32

	// Replace installs the new image. It is the point of no return: the other LWPs
	// are gone when it is called, so what can fail is better tried before Exec.
	Replace func() netbsd.Errno
}

// Exec is the process side of execve(2), in its order: the other LWPs end; Replace;
// descriptors marked close-on-exec go; caught signals get their default action and
// the signal stack goes; ids change; P_EXEC is set; a vfork parent wakes; NOTE_EXEC;
// a traced process gets SIGTRAP. Mask, pending signals and interval timers stay.
//
// Errors are Replace's, and EINTR if the process is exiting or another LWP execs;
// then the caller is to go to UserRet, which ends it.
func (l *LWP) Exec(a ExecArgs) netbsd.Errno {
	if errno := l.enter(); errno != 0 {
		return errno
	}
	return l.leave(l.exec(&a))
}

// exec is Exec without the way into the kernel.
//
// Two LWPs that exec at once, and an exec beside an exit, are decided by fExecing and fWExit
// under mu: the first one wins, the other goes to its end with EINTR. mu is dropped while the
// other LWPs die and again for Replace: from the second moment on no other LWP exists that
// could see the process half changed.
func (l *LWP) exec(a *ExecArgs) netbsd.Errno {
	p, m := l.p, l.p.m
	m.lock()
	if p.flags&(fWExit|fExecing) != 0 || l.attn.Load()&aExit != 0 {
		m.unlock()
		return netbsd.EINTR
	}
	// A guest whose threads do not answer must not hold up the exec: doom has the platform end
	// them by force after a while.
	if p.nlwps > 1 {
		p.flags |= fExecing
		p.doom(false)
		l.exitLWPs()
		p.flags &^= fExecing
	}
	m.unlock()
	// Close-on-exec descriptors go after Replace: until then the exec can fail, and a program
	// that goes on must find its files.
	var errno netbsd.Errno
	if !l.hook(func() {
		if a.Replace != nil {
			errno = a.Replace()
		}
		if f := p.Files(); errno == 0 && f != nil {
			f.Exec()
		}
	}) {
		errno = netbsd.ENOMEM
	}
	if errno != 0 {
		return errno
	}
	m.lock()
	// execve1 has this order: signals, credentials, then P_EXEC with the vfork parent's
	// wakeup. The parent must not run while the child still has handlers in memory that is the
	// parent's.
	p.execSignals(l)
	p.execCred(a)
	p.execImage(a)
	p.freePosixTimers()
	p.purgeRAS(l)
	p.endSA(l)
	p.stopProfil()
	p.wakeVforkParent(l)
	p.notify(NoteEvent{Kind: netbsd.NOTE_EXEC})
	m.event(Event{Kind: EventExec, Pid: p.pid})
	l.execTrap()
	// stop needs mu, ProcExec must not have it; the emulation is read while mu still says
	// whose it is.
	stop := p.flags&fStopExec != 0
	if stop {
		p.stop(0, false)
	}
	f := p.img.Emul.ProcExec
	m.unlock()
	if f != nil {
		l.hook(func() { f(p) })
	}
	return 0
}

// execSignals is execsigs.
//
// What was pending of a caught signal that is ignored from now on goes. In release 10 so does
// what was sent to the LWP alone. mu is held.
func (p *Proc) execSignals(l *LWP) {
	for c := p.acts.catch; c != 0; {
		sig := firstsig(c)
		c &^= sig.Bit()
		if sigprops[sig]&sIgnore != 0 {
			p.clearPending(sig.Bit())
		}
	}
	if !p.m.r2003 {
		l.pend.clear(netbsd.AllSignals)
	}
	if p.ext != nil {
		p.ext.queuedInfo = netbsd.Siginfo{} // ksiginfo_exechook
	}
	p.acts = p.acts.afterExec()
	p.flags &^= fNoCldWait | fCldSigIgn
	if p.m.r2003 {
		p.flags &^= fNoCldStop // a later execsigs leaves it
	}
	if l.ext != nil {
		l.ext.stack = Altstack{Flags: netbsd.SS_DISABLE}
		l.ext.debug = nil // x86_dbregs_clear
	}
	l.onCPU = nil // lwp_ctl_exit
}

// afterExec returns the actions of a new program. Caught signals get their default action, since
// the handlers' addresses mean nothing in it; ignored ones stay ignored, as nohup(1) relies on, but
// for SIGCHLD, which POSIX leaves open and NetBSD resets. Where that leaves the default actions
// everybody shares them.
func (a *Sigacts) afterExec() *Sigacts {
	n := defaultActs
	for s := netbsd.Signal(1); s < netbsd.NSIG; s++ {
		if s == netbsd.SIGCHLD || a.act[s].Func != nil || a.act[s].Handler != netbsd.SIG_IGN {
			continue
		}
		if n.cow {
			c := *defaultActs
			c.cow, n = false, &c
		}
		n.act[s].Handler = netbsd.SIG_IGN
		if s != netbsd.SIGCONT {
			n.ignore |= s.Bit()
		}
	}
	return n
}

// execCred changes ids for a set-id executable, or forgets that they were changed
// when all is even again.
//
// A traced process does not change its ids: the tracer could otherwise write its own code into
// a set-id program. Saved ids follow the effective ones in any case (execve(2)), so that a
// program which has dropped a privilege cannot take it up again through an exec. A
// parent-death signal is forgotten at a set-id exec: the parent may no longer signal this
// process. One whose ids are the process's already is like any other program (credexec).
//
// mu is held.
func (p *Proc) execCred(a *ExecArgs) {
	if a.changes(p.cred) && p.flags&fTraced == 0 {
		p.dropKtrace()
		c := *p.cred
		if a.SetUID != nil {
			c.EUID = *a.SetUID
		}
		if a.SetGID != nil {
			c.EGID = *a.SetGID
		}
		c.SUID, c.SGID = c.EUID, c.EGID
		p.setCredLocked(&c, true)
		if p.ext != nil {
			p.ext.pdeathsig = 0
		}
		return
	}
	if p.cred.EUID == p.cred.RUID && p.cred.EGID == p.cred.RGID {
		p.flags &^= fSugid
	}
	if p.cred.SUID != p.cred.EUID || p.cred.SGID != p.cred.EGID {
		c := *p.cred
		c.SUID, c.SGID = c.EUID, c.EGID
		p.cred = &c
	}
}

// changes reports whether the set-id bits of a program make other ids of c's.
func (a *ExecArgs) changes(c *Cred) bool {
	return a.SetUID != nil && *a.SetUID != c.EUID || a.SetGID != nil && *a.SetGID != c.EGID
}

// execImage makes a what p runs and lets go of the old executable, whose vnode may be the last
// reference to a file that was unlinked. mu is held.
func (p *Proc) execImage(a *ExecArgs) {
	emul := a.Emul
	if emul == nil {
		emul = EmulNetBSD
	}
	comm := a.Comm
	comm = comm[:min(len(comm), netbsd.MAXCOMLEN)]
	p.m.releaseImage(p.img)
	p.img = &Image{Comm: comm, Path: a.Path, Emul: emul, Text: a.Text}
	p.flags |= fExec
	p.flags &^= fAForked
}

// PosixSpawnArgs describes a posix_spawn(3).
type PosixSpawnArgs struct {
	Fork ForkArgs // Body runs the new program

	// Early has the call return as soon as there is a child, as NetBSD's does where it
	// can: if the child fails then, its exit status is 127 and nobody learns why.
	Early bool

	Setpgroup  bool // POSIX_SPAWN_SETPGROUP
	Pgroup     int
	Sched      *SpawnSched    // POSIX_SPAWN_SETSCHEDULER, POSIX_SPAWN_SETSCHEDPARAM
	ResetIDs   bool           // POSIX_SPAWN_RESETIDS
	Sigmask    *netbsd.Sigset // POSIX_SPAWN_SETSIGMASK
	Sigdefault netbsd.Sigset  // POSIX_SPAWN_SETSIGDEF

	// Actions carries out the file actions, when all else has changed, and Exec
	// the exec, both on the child's LWP; their errors are the parent's.
	Actions func(child *LWP) netbsd.Errno
	Exec    func(child *LWP) netbsd.Errno
}

// SpawnSched is the policy of a child and its priority; netbsd.SCHED_NONE with the priority that its parent is to have.
type SpawnSched struct{ Policy, Priority int }

// spawning is what parent and child of a posix_spawn share; mu guards it.
type spawning struct {
	parent *LWP
	done   bool
	errno  netbsd.Errno
}

// finish lets the parent go on.
//
// It is called twice where all goes well, the second time by a defer that is for the child
// killed on its way: only the first counts.
func (s *spawning) finish(errno netbsd.Errno) {
	m := s.parent.p.m
	m.lock()
	if !s.done {
		s.done, s.errno = true, errno
		s.parent.wakeup(rWoken)
	}
	m.unlock()
}

// PosixSpawn is posix_spawn (474): it makes a child, has it change what is asked for
// and exec, and returns when that has worked or failed. After a failure the error is the child's, which
// has the exit status 127 and is to be waited for, as after any other end (spawn_return).
func (l *LWP) PosixSpawn(a PosixSpawnArgs) (*Proc, netbsd.Errno) {
	if a.Fork.Body == nil {
		return nil, netbsd.EINVAL
	}
	if errno := l.enter(); errno != 0 {
		return nil, errno
	}
	c, errno := l.posixSpawn(&a)
	return c, l.leave(errno)
}

// posixSpawn is a fork whose child carries out the rest on its own LWP, so that errors of the
// file actions and of the exec are met where they arise, and the parent sleeps until they are
// known. The sleep is uninterruptible, as NetBSD's is (cv_wait): the child always comes to
// finish, whatever kills it.
func (l *LWP) posixSpawn(a *PosixSpawnArgs) (*Proc, netbsd.Errno) {
	s := &spawning{parent: l, done: a.Early}
	body := a.Fork.Body
	a.Fork.Body = func(cl *LWP) {
		// body below may never return; this is only for what ends the child before.
		defer s.finish(netbsd.EINTR) // killed before the exec
		errno := cl.spawnChild(a, l.p)
		cl.spawned(errno)
		s.finish(errno)
		if errno != 0 {
			cl.Exit(127)
		}
		cl.firstUserRet()
		body(cl)
	}
	a.Fork.spawn = true
	c, errno := l.fork(&a.Fork)
	if errno != 0 {
		return nil, errno
	}
	m := l.p.m
	m.lock()
	for !s.done {
		l.sleep(nil, false, noDeadline)
	}
	if errno = s.errno; errno == 0 {
		l.tell(netbsd.PTRACE_POSIX_SPAWN, c.pid)
	}
	m.unlock()
	if errno != 0 {
		return nil, errno
	}
	return c, 0
}

// The order is spawn_return's: group, scheduling, ids, mask and defaults, then file actions by the child's new rights, then the exec. It
// runs on the child's LWP. parent is who has asked for it.
func (l *LWP) spawnChild(a *PosixSpawnArgs, parent *Proc) netbsd.Errno {
	if errno := l.spawnAttrs(a, parent); errno != 0 {
		return errno
	}
	if a.Actions != nil {
		if errno := a.Actions(l); errno != 0 {
			return errno
		}
	}
	if a.Exec != nil {
		return a.Exec(l)
	}
	return 0
}

// spawnAttrs is handle_posix_spawn_attrs.
func (l *LWP) spawnAttrs(a *PosixSpawnArgs, parent *Proc) netbsd.Errno {
	if a.Setpgroup {
		if errno := l.spawnGroup(a.Pgroup, parent); errno != 0 {
			return errno
		}
	}
	if s := a.Sched; s != nil {
		if errno := l.spawnSched(s, parent); errno != 0 {
			return errno
		}
	}
	if a.ResetIDs {
		l.changeCred(func(o Cred, c *Cred) netbsd.Errno {
			c.EUID, c.EGID = o.RUID, o.RGID
			return 0
		})
	}
	if a.Sigmask != nil {
		l.Platform().SetSigmask(*a.Sigmask)
	}
	for s := netbsd.Signal(1); s < netbsd.NSIG; s++ {
		if a.Sigdefault.Has(s) && sigprops[s]&sCantMask == 0 {
			l.Sigaction(s, &Action{})
		}
	}
	return 0
}

// spawnGroup is POSIX_SPAWN_SETPGROUP: the parent asks for it, so that a child whose parent is a tracer is ESRCH. A negative group is one
// that nobody has: proc_enterpgrp is called without what sys_setpgid asks before.
func (l *LWP) spawnGroup(pgid int, parent *Proc) netbsd.Errno {
	if pgid == 0 {
		pgid = int(l.p.pid)
	}
	return l.call(func() netbsd.Errno { return l.p.m.enterpgrp(parent, int(l.p.pid), pgid) })
}

// spawnSched is POSIX_SPAWN_SETSCHEDULER, which is for the child, and POSIX_SPAWN_SETSCHEDPARAM, which NetBSD sets for the parent. ESRCH: that
// has ended, as it need not wait for the child.
func (l *LWP) spawnSched(s *SpawnSched, parent *Proc) netbsd.Errno {
	if s.Policy != netbsd.SCHED_NONE {
		return l.SetSched(0, 0, s.Policy, s.Priority)
	}
	return l.setSchedOf(func() (*Proc, netbsd.Errno) {
		if parent.state != StateActive {
			return nil, netbsd.ESRCH
		}
		return parent, 0
	}, 0, s.Policy, s.Priority)
}
