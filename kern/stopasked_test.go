package kern

import (
	"testing"

	"toaster/netbsd"
)

// fork1 passes the wish to stop at a fork and at an exec on to the child, not that at an exit: the child is born stopped, goes
// on by SIGCONT, and ends without another stop.
func TestForkPassesStopsOn(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Proc().setStopOn(true, true, true)
			c := w.fork(l, "C", func(l *LWP) { l.Exit(6) })
			l.Proc().setStopOn(false, false, false)
			if !w.r2003 {
				w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(0), 0)
				var got [3]bool
				for i, which := range []int{netbsd.PROC_PID_STOPFORK, netbsd.PROC_PID_STOPEXEC, netbsd.PROC_PID_STOPEXIT} {
					got[i], _ = l.StopsOn(c.Pid(), which)
				}
				w.is("fork, exec, exit", got, [3]bool{true, true, false})
				l.Kill(c.Pid(), netbsd.SIGCONT)
			}
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(6, 0), 0)
		})
	})
}

// do_posix_spawn starts its child whatever PS_STOPFORK says; it is passed on.
func TestSpawnIsNotBornStopped(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Proc().setStopOn(true, false, true)
			c, errno := l.PosixSpawn(PosixSpawnArgs{
				Fork: ForkArgs{Body: func(l *LWP) {
					l.Proc().setStopOn(false, false, false)
					l.Exit(6)
				}},
				Exec: func(l *LWP) netbsd.Errno {
					on, _ := l.StopsOn(l.Proc().Pid(), netbsd.PROC_PID_STOPFORK)
					w.is("passed on", on, !w.r2003)
					return l.Exec(ExecArgs{Comm: "prog"})
				},
			})
			l.Proc().setStopOn(false, false, false)
			w.is("posix_spawn", errno, netbsd.Errno(0))
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.ExitStatus(6, 0), 0)
		})
	})
}
