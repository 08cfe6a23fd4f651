package kern

import (
	"testing"

	"toaster/netbsd"
)

// While a process dumps core its other LWPs stand still, nobody ends it by force for what it
// dies of, and SIGKILL does. What the hook says is what wait(2) tells (sigexit, coredump).
func TestCoreDump(t *testing.T) {
	for _, dumped := range []bool{true, false} {
		both(t, func(w *world) {
			s := &doomSpace{w: w}
			w.m.cfg.Core = func(l *LWP, sig netbsd.Signal, info *netbsd.Siginfo) bool {
				p := l.Proc()
				w.is("Dying", p.Dying(s), false)
				for _, o := range p.LWPs() {
					w.is("another LWP stands", o == l || o.Still(), true)
				}
				s.told = nil
				p.Kill(netbsd.SIGTERM)
				w.is("told of SIGTERM", len(s.told), 0)
				p.Kill(netbsd.SIGKILL)
				w.is("told during the dump", s.told, []string{"Kill"})
				return dumped
			}
			p, errno := w.m.Spawn(SpawnArgs{VM: s, Body: func(l *LWP) {
				sleeps := func(l *LWP) {
					for {
						l.Sleep(true, noDeadline)
					}
				}
				_, errno := l.NewLWP(0, sleeps, false, nil)
				w.is("NewLWP", errno, netbsd.Errno(0))
				settled()
				l.Kill(l.Proc().Pid(), netbsd.SIGSEGV)
				sleeps(l)
			}})
			w.is("Spawn", errno, netbsd.Errno(0))
			w.is("status", p.Wait().CoreDump(), dumped)
		})
	}
}
