package kern

import (
	"strings"
	"time"

	"toaster/netbsd"
)

// This file is what a core dump needs of the process: its other LWPs stand still meanwhile,
// nobody ends them by force, and SIGKILL ends the dump.

// dumpCore has the embedder dump core, and says whether that has worked.
//
// fDumping keeps the platform from ending the process that is doomed (Dying), whose memory is
// what is dumped. mu is held before and after, and dropped meanwhile.
func (l *LWP) dumpCore(info *netbsd.Siginfo) (done bool) {
	p, m := l.p, l.p.m
	p.flags |= fDumping
	l.holdOthers()
	m.unlock()
	l.hook(func() { done = m.cfg.Core(l, info.Signo, info) })
	m.lock()
	p.flags &^= fDumping
	return done
}

// DumpsCore is for who dumps p's core, at its end or for a tracer, once there is a file that will have it: acct(5) tells of that (ACORE), whatever comes of the
// rest (coredump).
func (p *Proc) DumpsCore() {
	p.m.lock()
	defer p.m.unlock()
	p.flags |= fACore
}

// dumpPatience is how long a dump waits for the other LWPs. One that does not come into the
// kernel in that time has no registers in the core.
const dumpPatience = 250 * time.Millisecond

// holdOthers suspends the other LWPs (LW_WCORE), and waits until those that run stand. They are
// ended as they are, when the process exits. A sleeper stands already; when it wakes it goes no
// further than to its next return to user mode. mu is held before and after.
func (l *LWP) holdOthers() {
	p := l.p
	for o := p.lwps; o != nil; o = o.next {
		if o != l && o.stat < LWPDead {
			o.setAttn(aSuspend)
		}
	}
	deadline := time.Now().Add(dumpPatience)
	for p.runs(l) && l.sleep(&p.lwpq, false, deadline) == 0 {
	}
}

// runs reports whether an LWP other than l may run. mu is held.
func (p *Proc) runs(l *LWP) bool {
	for o := p.lwps; o != nil; o = o.next {
		if o != l && o.stat == LWPRunning {
			return true
		}
	}
	return false
}

// Still reports whether l stands, so that while its process dumps core its machine context may
// be looked at.
func (l *LWP) Still() bool {
	l.p.m.lock()
	defer l.p.m.unlock()
	return l.stat == LWPSleeping || l.stat == LWPStopped || l.stat == LWPSuspended
}

// CoreName returns the pattern of the name of p's core files (proc.PID.corename of sysctl(7)), "" if it is the machine's. It stays over an exec, and a
// fork's child has it, too.
func (p *Proc) CoreName() string {
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil {
		return ""
	}
	return p.ext.coreName
}

// SetCoreName sets it for the process pid. ESRCH. EPERM: it is another user's, or the security level is above 1 (KAUTH_PROCESS_CORENAME). EINVAL: the last part of the name is neither
// "core" nor ends in ".core" (sysctl_proc_corename).
func (l *LWP) SetCoreName(pid int, name string) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		p, c := l.p.m.pfind(pid), l.p.cred
		switch {
		case p == nil:
			return netbsd.ESRCH
		case !c.IsRoot() && !c.uidMatch(p.cred), l.p.m.SecureLevel() > 1:
			return netbsd.EPERM
		case name != "core" && !strings.HasSuffix(name, "/core") && !strings.HasSuffix(name, ".core"):
			return netbsd.EINVAL
		}
		p.extra().coreName = name
		return 0
	})
}
