package kern

import (
	"time"

	"toaster/netbsd"
)

// ProcInfo is what ps(1) and its like see of a process at one moment (fill_kproc2 of
// kern_proc.c). What has been released with its end is zero: a zombie has neither limits nor LWPs.
//
// It is a copy, made under one hold of mu, so its fields fit each other; Cred and TTY are shared, the former
// immutable. Who may see which process is for the layers above to decide: sysctl(7) and /proc print from it.
type ProcInfo struct {
	Pid, Ppid, Pgid, Sid int
	Tpgid                int  // the foreground group of its terminal, -1 if it has none
	Jobc                 int  // pg_jobc of its group
	TTY                  *TTY // controlling terminal, nil if it has none
	HasTTY, Leads        bool // EPROC_CTTY, EPROC_SLEADER
	Login                string

	State    ProcState
	Stopped  bool     // SSTOP
	Active   LWPState // of its most active LWP
	NLWPs    int
	Flags    uint32 // P_* of sys/sysctl.h
	ExitSig  netbsd.Signal
	Status   netbsd.WaitStatus // as wait(2) would tell it, once it has ended
	Acct     uint16            // AFORK, ACORE and their like
	Nice     int               // 0 to 40, 20 in the middle
	Cred     *Cred
	Comm     string
	Start    time.Time
	Children netbsd.Rusage // of those waited for

	Pending, Mask, Ignored, Caught netbsd.Sigset

	Shared netbsd.Sigset // what is pending for the process, and none of its LWPs alone
}

// Info describes p. It is false for one that is not to be found: being made by fork(2), or gone. What p has
// used is Rusage's. A process whose group is nil has been reaped, and its pid may be another's.
func (p *Proc) Info() (ProcInfo, bool) {
	p.m.lock()
	defer p.m.unlock()
	if p.state == StateEmbryo || p.state == StateFree || p.pgrp == nil {
		return ProcInfo{}, false
	}
	i := ProcInfo{
		Pid: int(p.pid), Ppid: p.ppidLocked(), NLWPs: int(p.nlwps),
		State: p.state, Stopped: p.flags&fStopped != 0, Flags: p.sysctlFlags(), ExitSig: p.exitsig,
		Status: p.xstat, Acct: uint16(p.acctFlags()), Nice: 20, Cred: p.cred, Start: p.m.start.Add(p.start),
	}
	if p.img != nil {
		i.Comm = p.img.Comm
	}
	if p.ext != nil {
		i.Nice, i.Children = int(p.ext.nice), p.ext.cru
	}
	p.infoOfSession(&i)
	p.infoOfSignals(&i)
	return i, true
}

// infoOfSession fills in group, session and terminal. P_CONTROLT is asked for the terminal, as a session keeps
// its tty when the leader has gone (item 24), and as a process may have given it up (TIOCNOTTY). The
// foreground group may have gone: then there is a terminal, and Tpgid is -1 all the same. mu is held.
func (p *Proc) infoOfSession(i *ProcInfo) {
	s := p.pgrp.sess
	i.Pgid, i.Sid, i.Jobc, i.Login = int(p.pgrp.id), int(s.sid), int(p.pgrp.jobc), s.login
	i.HasTTY, i.Leads, i.Tpgid = s.ttyvp, s.leader == p, -1
	if p.flags&fControlT != 0 && s.tty != nil {
		i.TTY = s.tty
		if g := s.tty.pgrp; g != nil {
			i.Tpgid = int(g.id)
		}
	}
}

// infoOfSignals fills in sets of signals, and which LWP stands for the others: one that runs before one that
// sleeps, as proc_active_lwp has it. There is one set of each kind, so those of the LWPs are united. What a
// running guest has changed of masks and actions that are lent to it is collected, or read where it is. mu is held.
func (p *Proc) infoOfSignals(i *ProcInfo) {
	if p.acts != nil {
		p.collectActions(false)
		i.Ignored, i.Caught = p.acts.ignore, p.acts.catch
	}
	i.Pending, i.Shared = p.pend.set, p.pend.set // without what the guest ignores by now
	best := -1
	for l := p.lwps; l != nil; l = l.next {
		if l.stat >= LWPDead {
			continue
		}
		i.Pending, i.Mask = i.Pending|l.pend.set, i.Mask|l.maskNow()
		stat := l.shown()
		if rank := activity[stat]; rank > best {
			best, i.Active = rank, stat
		}
	}
}

// activity ranks the states of LWPs for ps(1). Those that are left out are of LWPs that have ended, which
// infoOfSignals skips. A process has several LWPs and one letter: it counts as asleep only if none runs.
var activity = [numLWPStates]int{LWPRunning: 6, LWPSleeping: 5, LWPStopped: 4, LWPSuspended: 3, LWPIdle: 2}

// sysctlFlags are the flags of a process as sys/sysctl.h numbers them: what programs were compiled with,
// whatever the kernel's own numbers are. Flags of toaster's own have none there. P_INMEM is always set, as
// nothing is swapped out. mu is held.
func (p *Proc) sysctlFlags() uint32 {
	flags := uint32(netbsd.P_INMEM)
	for _, f := range [...]struct {
		have procFlags
		is   uint32
	}{
		{fControlT, netbsd.P_CONTROLT}, {fNoCldStop, netbsd.P_NOCLDSTOP}, {fPPWait, netbsd.P_PPWAIT},
		{fProfil, netbsd.P_PROFIL}, {fSugid, netbsd.P_SUGID}, {fTraced, netbsd.P_TRACED}, {fWExit, netbsd.P_WEXIT},
		{fExec, netbsd.P_EXEC}, {fFSTrace, netbsd.P_FSTRACE}, {fNoCldWait, netbsd.P_NOCLDWAIT},
		{fCldSigIgn, netbsd.P_CLDSIGIGN}, {fChTraced, netbsd.P_CHTRACED}, {fStopFork, netbsd.P_STOPFORK},
		{fStopExec, netbsd.P_STOPEXEC}, {fStopExit, netbsd.P_STOPEXIT}, {fSyscall, netbsd.P_SYSCALL},
	} {
		if p.flags&f.have != 0 {
			flags |= f.is
		}
	}
	return flags
}

// SetKmem notes that p has opened /dev/kmem (PK_KMEM): until it ends it may be shown the kernel's addresses. A fork does not pass it on.
func (p *Proc) SetKmem() {
	p.m.lock()
	defer p.m.unlock()
	p.flags |= fKmem
}

// HasKmem reports whether SetKmem has been called.
func (p *Proc) HasKmem() bool {
	p.m.lock()
	defer p.m.unlock()
	return p.flags&fKmem != 0
}
