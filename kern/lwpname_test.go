package kern

import (
	"strings"
	"testing"
	"time"

	"toaster/netbsd"
)

// _lwp_setname(2) keeps MAXCOMLEN - 1 bytes of a longer name and reports no error
// (sys__lwp_setname, sys_lwp.c: ENAMETOOLONG of copyinstr is as good as 0).
func TestLWPNameIsTruncated(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for set, want := range map[string]string{
				"":                      "",
				strings.Repeat("x", 15): strings.Repeat("x", 15),
				"sixteen bytes 16":      "sixteen bytes 1",
				strings.Repeat("y", 99): strings.Repeat("y", 15),
			} {
				w.is("set "+set, l.LWPSetName(0, set), netbsd.Errno(0))
				got, errno := l.LWPGetName(l.ID())
				w.is("get", []any{got, errno}, []any{want, netbsd.Errno(0)})
			}
		})
	})
}

// lwp_exit calls an LWP that had a name "(zombie)" until it is waited for; it is listed that long (p_lwps).
func TestLWPNameOfAZombie(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, name := range []string{"worker", ""} {
				z, _ := l.NewLWP(0, func(l *LWP) { l.LWPSetName(0, name) }, false, nil)
				settledLWP(l, z)
				all := l.p.ListLWPs()
				want := ""
				if name != "" {
					want = "(zombie)"
				}
				w.is("listed", []any{len(all), all[0].LWP == z, all[0].Name, len(l.p.LWPInfos())}, []any{2, true, want, 1})
				l.LWPWait(z.ID())
				w.is("waited for", len(l.p.ListLWPs()), 1)
			}
			c := w.fork(l, "C", exit(0))
			nap(l, time.Second)
			w.is("a zombie process", []any{c.State(), len(c.ListLWPs())}, []any{StateZombie, 0})
		})
	})
	in2003(t, func(w *world) {
		release := w.blockReaper()
		p := w.spawn("P", exit(0))
		settledFor(time.Second)
		w.is("a dead one", []any{p.State(), len(p.ListLWPs())}, []any{StateDead, 0})
		release()
	})
}

// lwp_suspend does nothing to an LWP that a tracer holds (LW_DBGSUSPEND): it goes on when the tracer lets it.
func TestLWPSuspendOfWhoIsHeld(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				o, _ := l.NewLWP(0, func(l *LWP) {
					nap(l, time.Second)
					w.mark("goes on")
					asleep(l)
				}, false, nil)
				l.LWPKill(l.ID(), netbsd.SIGUSR1)
				nap(l, 2*time.Second)
				w.is("held", l.LWPSuspend(o.ID()), netbsd.Errno(0))
				w.mark("asked")
				l.LWPKill(l.ID(), netbsd.SIGUSR2)
				nap(l, 2*time.Second)
			})
			w.next(l, pid, 0)
			t, _ := l.TraceTarget(pid)
			other := t.LWPInfos()[0].LWP.ID()
			w.is("suspend", l.PtraceSuspend(pid, other, true), netbsd.Errno(0))
			w.next(l, pid, 0)
			w.is("not by _lwp_suspend(2)", t.LWPInfos()[0].Suspended, false)
			l.PtraceSuspend(pid, other, false)
			w.goOn(l, pid, 0)
			w.wait(l, pid, 0)
		})
		w.order("asked", "goes on")
	})
}
