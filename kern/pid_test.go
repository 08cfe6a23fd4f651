package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// The table grows while slots are free that were never used, used once, and in use:
// every process is found under its pid, no pid is given twice, and all slots are free
// in the end.
func TestPidTableGrows(t *testing.T) {
	for _, n := range []int{1, 2097, 5000} {
		both(t, func(w *world) {
			w.locked(func() { w.m.cfg.Trace = nil })
			w.guest(func(l *LWP) {
				for range 100 { // slots that have been used
					c, _ := l.Fork(ForkArgs{Body: func(*LWP) {}})
					l.Wait4(c.Pid(), 0, nil)
				}
				kids := map[int]*Proc{}
				for range n {
					c, errno := l.Fork(ForkArgs{Body: sleepForever})
					if errno != 0 || kids[c.Pid()] != nil {
						w.Errorf("fork %d: %v, pid given twice", len(kids), errno)
					}
					kids[c.Pid()] = c
				}
				check(w.T, w.m)
				for pid, c := range kids {
					if w.m.Find(pid) != c || l.Kill(pid, netbsd.SIGKILL) != 0 {
						w.Errorf("%d live: pid %d is not found", n, pid)
					}
				}
				for range n {
					if pid, errno := l.Wait4(netbsd.WaitAny, 0, nil); errno != 0 || kids[pid] == nil {
						w.Errorf("wait: %d, %v", pid, errno)
					}
				}
			})
			w.is("left", w.m.NumProcs(), 1)
		})
	}
}

// proc_alloc_lwpid and proc_free_lwpid of NetBSD 10's kern_proc.c: LWP ids are process ids. The
// first LWP has its process's own, which is given again once that LWP has gone; the others' are
// nobody's pid and come back no sooner. In 2003 each process counts from 1.
func TestLWPIdsComeFromThePidTable(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			w.is("the first", l.ID(), under(w, 1, p.Pid()))
			seen := map[int]bool{l.ID(): true}
			for range 3 {
				n, _ := l.NewLWP(0, (*LWP).ExitLWP, false, nil)
				if seen[n.ID()] {
					w.Errorf("id %d was given twice", n.ID())
				}
				seen[n.ID()] = true
				if !w.r2003 {
					w.is("no process", []any{w.m.Find(n.ID()) == nil, l.Kill(n.ID(), 0)}, []any{true, netbsd.ESRCH})
				}
				check(w.T, w.m)
				l.LWPWait(n.ID())
			}
			c := w.fork(l, "C", func(l *LWP) {
				l.NewLWP(0, func(l *LWP) {
					l.Nanosleep(time.Second) // the first has ended
					w.is("wait for the first", func() bool { n, _ := l.LWPWait(0); return n == under(w, 1, l.Proc().Pid()) }(), true)
					n, _ := l.NewLWP(0, sleepForever, false, nil)
					w.is("the process's id again", n.ID(), under(w, 3, l.Proc().Pid()))
					l.Exit(4)
				}, false, nil)
				l.ExitLWP()
			})
			if !w.r2003 && seen[c.Pid()] {
				w.Errorf("pid %d has been an LWP's", c.Pid())
			}
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(4, 0), 0)
			_, errno := l.NewLWP(0, sleepForever, false, func(*LWP) netbsd.Errno { return netbsd.ENOMEM })
			w.is("one that came to nothing", errno, netbsd.ENOMEM)
		})
		check(t, w.m)
	})
}
