package kern

import "toaster/netbsd"

// Resources of setrlimit(2).
const (
	RLIMIT_CPU     = 0
	RLIMIT_FSIZE   = 1
	RLIMIT_DATA    = 2
	RLIMIT_STACK   = 3
	RLIMIT_CORE    = 4
	RLIMIT_RSS     = 5
	RLIMIT_MEMLOCK = 6
	RLIMIT_NPROC   = 7
	RLIMIT_NOFILE  = 8
	RLIMIT_SBSIZE  = 9
	RLIMIT_AS      = 10
	RLIMIT_NTHR    = 11
	RLIM_NLIMITS   = 12
)

// RLIM_INFINITY is no limit.
const RLIM_INFINITY uint64 = 1<<63 - 1

// Rlimit is struct rlimit: bytes, seconds or a count, as the resource has it.
type Rlimit struct{ Cur, Max uint64 }

// Limits is a process's limits; it is immutable and shared.
type Limits [RLIM_NLIMITS]Rlimit

// DefaultLimits gives what init starts with on NetBSD/amd64.
func DefaultLimits() *Limits {
	l := new(Limits)
	for i := range l {
		l[i] = Rlimit{RLIM_INFINITY, RLIM_INFINITY}
	}
	l[RLIMIT_DATA] = Rlimit{256 << 20, 8 << 30}
	l[RLIMIT_STACK] = Rlimit{4 << 20, 128 << 20}
	l[RLIMIT_NPROC] = Rlimit{RLIM_INFINITY, RLIM_INFINITY}
	l[RLIMIT_NOFILE] = Rlimit{1024, 1 << 16}
	l[RLIMIT_NTHR] = Rlimit{1024, RLIM_INFINITY}
	return l
}

// Rlimit is getrlimit(2): EINVAL for a resource that does not exist.
func (p *Proc) Rlimit(which int) (Rlimit, netbsd.Errno) {
	if which < 0 || which >= RLIM_NLIMITS {
		return Rlimit{}, netbsd.EINVAL
	}
	p.m.lock()
	defer p.m.unlock()
	if p.lim == nil {
		return Rlimit{}, netbsd.ESRCH
	}
	return p.lim[which], 0
}

// SetRlimit is setrlimit(2) by l: EINVAL for a resource that does not exist or a
// soft limit above the hard one, EPERM for raising the hard limit unless root.
func (l *LWP) SetRlimit(which int, r Rlimit) netbsd.Errno {
	if which < 0 || which >= RLIM_NLIMITS {
		return netbsd.EINVAL
	}
	if e := l.enter(); e != 0 {
		return e
	}
	m := l.p.m
	m.lock()
	e := l.p.setRlimitLocked(which, r)
	m.unlock()
	return l.leave(e)
}

func (p *Proc) setRlimitLocked(which int, r Rlimit) netbsd.Errno {
	r.Cur, r.Max = min(r.Cur, RLIM_INFINITY), min(r.Max, RLIM_INFINITY)
	old := p.lim[which]
	if r.Cur > r.Max {
		return netbsd.EINVAL
	}
	if r.Max > old.Max && !p.cred.IsRoot() {
		return netbsd.EPERM
	}
	n := *p.lim
	n[which] = r
	p.lim = &n
	return 0
}
