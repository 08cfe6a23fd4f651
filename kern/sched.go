package kern

import "toaster/netbsd"

// This file has what _sched_setparam(2), _sched_setaffinity(2) and their like leave with an LWP:
// its class, its real-time priority and its processors. They are kept, inherited and told, by
// the rules of sys_sched.c; the host's scheduler does not hear of them. So no guest gets more of the host's
// processors by them, whatever it may set, and a program that asks what it has set is told that.

// Priorities of the kernel's (sys/param.h): those of real-time LWPs lie above those of all others.
const (
	priNone   = -1
	priUserRT = 128
)

// sched is an LWP's: mu guards it.
type sched struct {
	class   int8   // netbsd.SCHED_*
	rt      int8   // the priority, unless class is SCHED_OTHER
	ceiling int8   // l_protectprio of _sched_protect(2) and 1; 0 is none
	depth   uint32 // l_protectdepth: how many ceilings there are
	cpus    []byte // l_affinity; nil: none was set. It never changes.
}

// inheritSched is lwp_create's part: a new LWP has its maker's class, priority and processors. Ceilings are
// those of mutexes that the maker holds, and stay with it. Of an ordinary LWP there is nothing to inherit, and
// the new one needs no ext for it. It is for the first LWP of a fork, too. mu is held.
func (l *LWP) inheritSched(from *LWP) {
	if x := from.ext; x != nil && x.sched.inherits() {
		l.extra().sched = sched{class: x.sched.class, rt: x.sched.rt, cpus: x.sched.cpus}
	}
}

func (s *sched) inherits() bool { return s.class != netbsd.SCHED_OTHER || s.cpus != nil }

// sched returns l's, without making one. mu is held.
func (l *LWP) sched() (s sched) {
	if l.ext != nil {
		s = l.ext.sched
	}
	return s
}

// priority is l_priority as far as toaster has it: that of an LWP which has used no processor for
// a while, if it is not a real-time one (resetpriority of sched_4bsd.c). mu is held.
func (l *LWP) priority() int {
	if s := l.sched(); s.class != netbsd.SCHED_OTHER {
		return priUserRT + int(s.rt)
	}
	// A process whose niceness nobody has set may have no ext, and has NZERO.
	nice := 20
	if x := l.p.ext; x != nil {
		nice = int(x.nice)
	}
	return 63 - nice
}

// schedProc returns the process of a pid, of which 0 is the caller's. ESRCH: there is none, or it is a zombie.
// The rights to it are the caller's to look at. mu is held.
func (l *LWP) schedProc(pid int) (*Proc, netbsd.Errno) {
	if pid == 0 {
		return l.p, 0
	}
	if p := l.p.m.pfind(pid); p != nil {
		return p, 0
	}
	return nil, netbsd.ESRCH
}

// SetSched is _sched_setparam(2) of the LWP lid of process pid, of all of them if lid is 0.
// A policy or a priority of -1 stays as it is.
//
// EINVAL: no policy, no priority, or a priority for SCHED_OTHER. ESRCH. EPERM: another user's
// process; or, unless by the superuser, a real-time class that the LWP does not have, or a higher
// priority than it has. LWPs that were changed before one that fails stay changed (do_sched_setparam).
func (l *LWP) SetSched(pid, lid, policy, pri int) netbsd.Errno {
	return l.setSchedOf(func() (*Proc, netbsd.Errno) { return l.schedProc(pid) }, lid, policy, pri)
}

// setSchedOf is SetSched for the process that find returns, which is asked once the numbers are right, with mu held.
func (l *LWP) setSchedOf(find func() (*Proc, netbsd.Errno), lid, policy, pri int) netbsd.Errno {
	if pri == priNone && policy == netbsd.SCHED_NONE {
		return 0
	}
	if policy != netbsd.SCHED_NONE && (policy < netbsd.SCHED_OTHER || policy > netbsd.SCHED_RR) {
		return netbsd.EINVAL
	}
	if pri != priNone && (pri < netbsd.SCHED_PRI_MIN || pri > netbsd.SCHED_PRI_MAX) {
		return netbsd.EINVAL
	}
	return l.call(func() netbsd.Errno {
		p, errno := find()
		if errno != 0 {
			return errno
		}
		return p.eachSched(lid, func(t *LWP) netbsd.Errno { return l.setSched(t, policy, pri) })
	})
}

// eachSched calls f with each LWP of p that lid names, until it fails. ESRCH: it names none; zombies are none.
// f must not change the list of LWPs. mu is held.
func (p *Proc) eachSched(lid int, f func(*LWP) netbsd.Errno) netbsd.Errno {
	found := false
	for t := p.lwps; t != nil; t = t.next {
		if lid != 0 && int(t.lid) != lid || t.stat >= LWPZombie {
			continue
		}
		found = true
		if errno := f(t); errno != 0 {
			return errno
		}
	}
	if !found {
		return netbsd.ESRCH
	}
	return 0
}

// setSched is do_sched_setparam's work on t, and sched_listener_cb. What is wrong with the numbers is told before
// rights are: whoever asks for a priority of SCHED_OTHER gets EINVAL, of anybody's LWP. mu is held.
func (l *LWP) setSched(t *LWP, policy, pri int) netbsd.Errno {
	old := t.sched()
	if policy == netbsd.SCHED_NONE {
		policy = int(old.class)
	}
	if policy == netbsd.SCHED_OTHER && pri != priNone {
		return netbsd.EINVAL
	}
	want := t.convertPri(policy, pri)
	if !l.maySched(t, policy, want) {
		return netbsd.EPERM
	}
	s := &t.extra().sched
	s.class, s.rt = int8(policy), 0
	if policy != netbsd.SCHED_OTHER {
		s.rt = int8(want - priUserRT)
	}
	return 0
}

// convertPri is convert_pri: the priority in the kernel's numbers. pri is none, or that of a real-time policy:
// setSched has refused others. Who becomes an ordinary LWP has no real-time priority afterwards; the number is
// for maySched alone then, and low enough to be granted. mu is held.
func (l *LWP) convertPri(policy, pri int) int {
	old := int(l.sched().class)
	switch {
	case pri != priNone:
		return priUserRT + pri
	case old == policy:
		return l.priority()
	case old == netbsd.SCHED_OTHER:
		return priUserRT
	case policy == netbsd.SCHED_OTHER:
		return l.priority() - priUserRT
	}
	return l.priority()
}

// maySched says who may give t this class and priority: users may lower their own LWPs, and take them out of a
// real-time class, but not put them into one, even the lowest, which lies above everybody else's. mu is held.
func (l *LWP) maySched(t *LWP, policy, pri int) bool {
	switch {
	case l.p.cred.IsRoot():
		return true
	case !uidMatch(l.p.cred, t.p.cred):
		return false
	}
	return (policy == int(t.sched().class) || policy == netbsd.SCHED_OTHER) && pri <= t.priority()
}

// uidMatch is kauth_cred_uidmatch.
func uidMatch(a, b *Cred) bool {
	return a.RUID == b.RUID || a.RUID == b.EUID || a.EUID == b.RUID || a.EUID == b.EUID
}

// findSched is lwp_find2: the LWP that pid and lid name, the caller or the first one of a process
// if lid is 0, which is its newest. ESRCH: there is none, or it has ended. mu is held.
func (l *LWP) findSched(pid, lid int) (*LWP, netbsd.Errno) {
	p, errno := l.schedProc(pid)
	if errno != 0 {
		return nil, netbsd.ESRCH
	}
	if pid == 0 && lid == 0 {
		return l, 0
	}
	for t := p.lwps; t != nil; t = t.next {
		if (lid == 0 || int(t.lid) == lid) && t.stat < LWPZombie {
			return t, 0
		}
	}
	return nil, netbsd.ESRCH
}

// Sched is _sched_getparam(2): class and priority of an LWP. ESRCH. EPERM: another user's.
func (l *LWP) Sched(pid, lid int) (policy, pri int, errno netbsd.Errno) {
	errno = l.call(func() netbsd.Errno {
		t, errno := l.findSched(pid, lid)
		if errno != 0 {
			return errno
		}
		if !l.p.cred.IsRoot() && !uidMatch(l.p.cred, t.p.cred) {
			return netbsd.EPERM
		}
		policy, pri = int(t.sched().class), t.priority()
		if policy != netbsd.SCHED_OTHER {
			pri -= priUserRT
		}
		return 0
	})
	return policy, pri, errno
}

// SchedProtect is _sched_protect(2): the caller is to have at least the priority pri until it says
// -1, once for each. Any other negative number asks for the highest of them.
//
// EINVAL: there is none to end. EPERM: pri is none, or below the caller's own. ENOENT: there is none to tell.
//
// libpthread enters and leaves a mutex of PTHREAD_PRIO_PROTECT by it. Ceilings are counted and not stacked, so
// that of the highest mutex lasts until the last of them is left.
func (l *LWP) SchedProtect(pri int) (was int, errno netbsd.Errno) {
	errno = l.call(func() netbsd.Errno {
		s := l.sched()
		switch {
		case pri == -1 && s.depth == 0:
			return netbsd.EINVAL
		case pri == -1:
			l.endProtect()
		case pri < 0 && s.ceiling == 0:
			return netbsd.ENOENT
		case pri < 0:
			was = int(s.ceiling) - 1
		case pri > netbsd.SCHED_PRI_MAX || l.priority() > pri+priUserRT:
			return netbsd.EPERM
		default:
			l.protect(pri)
		}
		return 0
	})
	return was, errno
}

// protect notes one ceiling more; it raises nobody that is no real-time LWP. pri is at most SCHED_PRI_MAX, so
// that its successor fits ceiling. mu is held.
func (l *LWP) protect(pri int) {
	s := &l.extra().sched
	s.depth++
	if s.class != netbsd.SCHED_OTHER && pri+1 > int(s.ceiling) {
		s.ceiling = int8(pri + 1)
	}
}

// endProtect ends one, and with the last of them the priority. There must be one: depth has no sign. mu is held.
func (l *LWP) endProtect() {
	s := &l.extra().sched
	if s.depth--; s.depth == 0 {
		s.ceiling = 0
	}
}

// SetAffinity is _sched_setaffinity(2): the LWPs named are to run on the processors of a set that
// the caller does not change any more; nil is all of them.
// ESRCH. EPERM: only the superuser may (secmodel_suser). A process that does not exist comes before EPERM, and
// that before an LWP which does not (sys__sched_setaffinity).
func (l *LWP) SetAffinity(pid, lid int, set []byte) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		p, errno := l.schedProc(pid)
		if errno != 0 {
			return errno
		}
		if !l.p.cred.IsRoot() {
			return netbsd.EPERM
		}
		return p.eachSched(lid, func(t *LWP) netbsd.Errno {
			t.extra().sched.cpus = set
			return 0
		})
	})
}

// Affinity is _sched_getaffinity(2): the set of SetAffinity, nil if none was set. ESRCH. Anybody may ask of any
// LWP (sched_listener_cb). LWPs share the set, so the caller must not write to it.
func (l *LWP) Affinity(pid, lid int) (set []byte, errno netbsd.Errno) {
	errno = l.call(func() netbsd.Errno {
		t, errno := l.findSched(pid, lid)
		if errno == 0 {
			set = t.sched().cpus
		}
		return errno
	})
	return set, errno
}
