package kern

import (
	"testing"

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
