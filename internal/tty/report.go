package tty

import (
	"fmt"
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// report is ttyinfo: what VSTATUS (^T) shows of the foreground group. It must be called
// without mu: it asks kern, and kern asks the host.
func (p *pair) report() {
	line := describe(p.d.m, p.k)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tw != nil {
		p.tw.write([]byte(line))
		return
	}
	for _, c := range []byte(line) {
		p.output(c)
	}
	p.rocount = 0 // what is being typed is shown anew at the next erase
	p.start()
}

// describe returns the line of ttyinfo. The load is left out of it (0.00): a machine has
// none of its own.
func describe(m *kern.Machine, k *kern.TTY) string {
	const load = "load: 0.00  "
	if k.Session() == nil {
		return load + "not a controlling terminal\n"
	}
	notice(k)
	g := k.Foreground()
	if g == nil {
		return load + "no foreground process group\n"
	}
	p := pick(m, g)
	if p == nil {
		return load + "empty foreground process group\n"
	}
	u, _ := p.Rusage(netbsd.RUSAGE_SELF)
	secs := func(d time.Duration) float64 { return d.Seconds() }
	return fmt.Sprintf("%scmd: %s %d [%s] %.2fu %.2fs 0%% %dk\n",
		load, p.Comm(), p.Pid(), "running", secs(u.Utime), secs(u.Stime), u.Maxrss)
}

// pick chooses the youngest process of the group that is no zombie.
// NetBSD prefers who runs (proc_compare); here every process may be running.
func pick(m *kern.Machine, g *kern.Pgrp) *kern.Proc {
	var best *kern.Proc
	for _, pid := range g.Members() {
		p := m.Find(pid)
		if p != nil && (best == nil || p.Pid() > best.Pid()) {
			best = p
		}
	}
	return best
}
