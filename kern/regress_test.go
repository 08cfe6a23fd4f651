package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Bugs that this package had, or that others had (section 4 of the checklist).

// Two LWPs that end at the same moment, each while the other's memory is being
// freed, left a process without LWPs that never exited.
func TestLastTwoLWPsEndAtOnce(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				w.give(l.Proc(), nil, nil, &fakeVM{wait: func(*LWP) { time.Sleep(time.Second) }})
				for range 3 {
					l.NewLWP(LWP_DETACHED, func(l *LWP) { l.ExitLWP() }, false, nil)
				}
				l.ExitLWP()
			})
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
		})
	})
}

// The same with a tracer that stops the first at its end.
func TestLastLWPEndsWhileAnotherIsStoppedAtItsEnd(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.TraceMe()
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				l.NewLWP(0, func(l *LWP) { l.ExitLWP() }, false, nil)
				time.Sleep(time.Second)
				l.ExitLWP()
			})
			w.wait(l, c.Pid(), 0)
			mask := uint32(PTRACE_LWP_EXIT)
			_, e := l.PtraceEventMask(c.Pid(), &mask)
			w.is("event mask", e, netbsd.Errno(0))
			for range 10 {
				w.is("resume", l.PtraceResume(c.Pid(), ResumeArgs{}), netbsd.Errno(0))
				r := w.wait(l, c.Pid(), 0)
				if r.Status.Exited() {
					return
				}
				w.is("stop", r.Status.StopSignal(), netbsd.SIGTRAP)
				time.Sleep(2 * time.Second)
			}
			w.Error("the process does not end")
		})
	})
}
