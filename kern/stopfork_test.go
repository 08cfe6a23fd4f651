package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// fork1 of kern_fork.c: the child of a process with PS_STOPFORK is stopped before it runs; who stops at its exit stops once.
func TestStopForkStopsTheChild(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			l.SetStopOn(l.Proc().Pid(), netbsd.PROC_PID_STOPFORK, true)
			c := w.fork(l, "C", func(l *LWP) {
				w.mark("runs")
				on, _ := l.StopsOn(l.Proc().Pid(), netbsd.PROC_PID_STOPFORK)
				w.is("inherited", on, true)
				l.SetStopOn(l.Proc().Pid(), netbsd.PROC_PID_STOPEXIT, true)
				l.Exit(3)
			})
			nap(l, time.Second)
			w.is("stopped", c.Stopped(), true)
			w.never("runs")
			w.is("wait", w.wait(l, c.Pid(), netbsd.WUNTRACED).Status.Stopped(), true)
			l.Kill(c.Pid(), netbsd.SIGCONT)
			nap(l, time.Second)
			w.order("runs")
			on, _ := l.StopsOn(c.Pid(), netbsd.PROC_PID_STOPEXIT)
			w.is("stopped at its exit, once", []any{c.Stopped(), on}, []any{true, false})
			l.Kill(c.Pid(), netbsd.SIGCONT)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
			w.is("vfork", l.SetStopOn(l.Proc().Pid(), netbsd.PROC_PID_STOPFORK, false), netbsd.Errno(0))
			w.wait(l, w.fork(l, "D", exit(0)).Pid(), 0)
		})
	})
}
