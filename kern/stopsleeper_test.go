package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// proc_stop of kern_sig.c: an LWP that sleeps and cannot be interrupted is told, too, whoever takes the signal. It stops when it comes out of the kernel, and with
// it the process has stopped.
func TestUninterruptibleSleeperStopsWhenItWakes(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := w.fork(l, "C", func(l *LWP) {
				l.NewLWP(0, sleepForever, false, nil) // it takes the stop
				w.is("the sleep", l.Sleep(false, w.start.Add(10*time.Second)), netbsd.EWOULDBLOCK)
				w.mark("goes on %v", w.since())
			})
			nap(l, time.Second)
			l.Kill(p.Pid(), netbsd.SIGSTOP)
			nap(l, time.Second)
			w.is("it still sleeps", p.Stopped(), false)
			w.waitIs(l, p.Pid(), netbsd.WUNTRACED, p.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			w.is("it has woken", w.since(), 10*time.Second)
			nap(l, 2*time.Second)
			l.Kill(p.Pid(), netbsd.SIGCONT)
			w.wait(l, p.Pid(), 0)
		})
		w.order("goes on 12s")
	})
}
