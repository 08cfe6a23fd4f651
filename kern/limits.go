package kern

import "toaster/netbsd"

// Rlimit is struct rlimit: bytes, seconds or a count, as the resource has it.
type Rlimit struct{ Cur, Max uint64 }

// Limits is a process's limits; it is immutable and shared. Most of them are for the layers above to keep to, which
// ask by Rlimit; kern itself keeps to those of processes, LWPs, processor time and cores.
type Limits [netbsd.RLIM_NLIMITS]Rlimit

// DefaultLimits returns what init starts with on NetBSD/amd64.
func DefaultLimits() *Limits {
	l := new(Limits)
	for i := range l {
		l[i] = Rlimit{netbsd.RLIM_INFINITY, netbsd.RLIM_INFINITY}
	}
	l[netbsd.RLIMIT_DATA] = Rlimit{256 << 20, 8 << 30}
	l[netbsd.RLIMIT_STACK] = Rlimit{4 << 20, 128 << 20}
	l[netbsd.RLIMIT_NPROC] = Rlimit{netbsd.RLIM_INFINITY, netbsd.RLIM_INFINITY}
	l[netbsd.RLIMIT_NOFILE] = Rlimit{1024, 1 << 16}
	l[netbsd.RLIMIT_NTHR] = Rlimit{1024, netbsd.RLIM_INFINITY}
	return l
}

// Rlimit is getrlimit(2): EINVAL for a resource that does not exist, ESRCH for a process that is
// dead.
func (p *Proc) Rlimit(which int) (Rlimit, netbsd.Errno) {
	if which < 0 || which >= netbsd.RLIM_NLIMITS {
		return Rlimit{}, netbsd.EINVAL
	}
	p.m.lock()
	defer p.m.unlock()
	if p.lim == nil || p.state >= StateDead {
		return Rlimit{}, netbsd.ESRCH
	}
	return p.lim[which], 0
}

// SetRlimit is setrlimit(2) by l: EINVAL for a resource that does not exist or a
// soft limit above the hard one, EPERM for raising the hard limit unless root.
func (l *LWP) SetRlimit(which int, r Rlimit) netbsd.Errno {
	return l.SetRlimitWithin(which, r, 0, netbsd.RLIM_INFINITY)
}

// SetRlimitWithin is SetRlimit of a resource of which l's process has used something already, and of which there is
// no more than most: EINVAL for a limit below what is used, and one above most is cut to that (dosetrlimit).
func (l *LWP) SetRlimitWithin(which int, r Rlimit, used, most uint64) netbsd.Errno {
	if which < 0 || which >= netbsd.RLIM_NLIMITS {
		return netbsd.EINVAL
	}
	return l.call(func() netbsd.Errno { return l.p.setRlimitLocked(which, r, used, most) })
}

// What is above RLIM_INFINITY is cut to it, as the guest may pass any number, but asking for that is to raise a
// limit. Stacks have whole pages. The checks have the order of dosetrlimit: a setting that is the present one is
// granted to anybody, and nobody can lower a hard limit below the soft one. mu is held.
func (p *Proc) setRlimitLocked(which int, r Rlimit, used, most uint64) netbsd.Errno {
	switch {
	case r.Cur > r.Max:
		return netbsd.EINVAL
	case r == p.lim[which]:
		return 0
	case r.Max > p.lim[which].Max && !p.cred.IsRoot():
		return netbsd.EPERM
	}
	most = min(most, netbsd.RLIM_INFINITY)
	r.Cur, r.Max = min(r.Cur, most), min(r.Max, most)
	if which == netbsd.RLIMIT_STACK {
		const mask = netbsd.PageSize - 1
		r.Cur, r.Max = min((r.Cur+mask)&^mask, most), min((r.Max+mask)&^mask, most)
	}
	if r.Cur < used || r.Max < used {
		return netbsd.EINVAL
	}
	p.storeRlimit(which, r)
	return 0
}

// storeRlimit makes a new set of limits: they are shared after a fork and never changed. mu is held.
func (p *Proc) storeRlimit(which int, r Rlimit) {
	n := *p.lim
	n[which] = r
	p.lim = &n
	p.noteFsize()
	if which == netbsd.RLIMIT_CPU {
		p.m.watchCPU(&n)
	}
}

// noteFsize keeps whether there is an RLIMIT_FSIZE where that is asked for without mu. mu is held, or p is not
// yet known to anybody.
func (p *Proc) noteFsize() { p.fsize.Store(p.lim[netbsd.RLIMIT_FSIZE].Cur < netbsd.RLIM_INFINITY) }

// FileSize returns RLIMIT_FSIZE, and false where there is none, which costs a load. A setrlimit(2) of another LWP at
// the same moment may be seen or not, as it would be by a write that began a moment earlier.
func (p *Proc) FileSize() (limit uint64, bound bool) {
	if !p.fsize.Load() {
		return 0, false
	}
	r, errno := p.Rlimit(netbsd.RLIMIT_FSIZE)
	return r.Cur, errno == 0
}
