package kern

import "toaster/netbsd"

// This file lets a tracer look into a stopped process: its registers and memory are
// the layers' above.

// Look calls f with pid, which must be a tracee of the caller whose stop has been
// waited for (errors: see TraceTarget). Until f returns no LWP of it goes on, whatever
// happens, so f may use the machine contexts of them all. f must not sleep.
func (l *LWP) Look(pid int, f func(t *Proc) netbsd.Errno) netbsd.Errno {
	m := l.p.m
	m.lock()
	t, errno := l.p.tracee(pid, true)
	if errno != 0 {
		m.unlock()
		return errno
	}
	x := t.extra()
	// Several tracers' LWPs may look at the same time; the last one lets the tracee go.
	if x.looks++; x.looks == 1 {
		x.looked = make(chan struct{})
	}
	m.unlock()
	defer func() {
		m.lock()
		if x.looks--; x.looks == 0 {
			close(x.looked)
		}
		m.unlock()
	}()
	return f(t)
}

// LWPInfo is what ptrace(2) tells of an LWP.
type LWPInfo struct {
	LWP           *LWP
	Name          string
	Mask, Pending netbsd.Sigset
	Suspended     bool
	Stopped       bool // it took the signal that the process stopped for
}

// LWPInfos describes the living LWPs, newest first.
func (p *Proc) LWPInfos() []LWPInfo {
	p.m.lock()
	defer p.m.unlock()
	var list []LWPInfo
	for l := p.lwps; l != nil; l = l.next {
		if l.stat >= LWPDead {
			continue
		}
		name := ""
		if l.ext != nil {
			name = l.ext.name
		}
		list = append(list, LWPInfo{
			LWP: l, Name: name, Mask: l.mask, Pending: l.pend.set,
			Suspended: l.attn.Load()&aSuspend != 0,
			Stopped:   p.ext != nil && p.ext.stopLid == l.lid,
		})
	}
	return list
}

// PtraceSuspend is PT_SUSPEND and PT_RESUME: lid stands still when the process goes
// on, or no longer. ESRCH: no such LWP.
func (l *LWP) PtraceSuspend(pid, lid int, on bool) netbsd.Errno {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, true)
	if errno != 0 {
		return errno
	}
	tl := t.lwpLocked(int32(lid))
	switch {
	case tl == nil || tl.stat >= LWPDead:
		return netbsd.ESRCH
	case on:
		tl.attn.Or(aSuspend)
	default:
		tl.attn.And(^aSuspend)
	}
	return 0
}
