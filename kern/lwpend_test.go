package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Tests of LWPs that come, go, stand still or are let go of while their process ends.

// exit_lwps has ended all others by then (item 12); _lwp_create(2) is EAGAIN.
func TestNoLWPIsMadeInAnExit(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.give(l.Proc(), func() {
				_, e := l.NewLWP(0, sleepForever, false, nil)
				w.is("in the exit", e, netbsd.EAGAIN)
			}, nil, nil)
			l.Exit(0)
		})
	})
}

// exit_lwps (items 53 and 54): nobody runs who came too late, and the status is the exit's.
func TestExitWhileAnLWPIsPrepared(t *testing.T) {
	both(t, func(w *world) {
		p := w.spawn("P", func(l *LWP) {
			l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) { time.Sleep(time.Second); l.Exit(3) }, false, nil)
			_, e := l.NewLWP(0, func(l *LWP) { w.mark("runs"); sleepForever(l) }, false, func(*LWP) netbsd.Errno { time.Sleep(3 * time.Second); return 0 })
			w.mark("errno %v", e)
		})
		time.Sleep(20 * time.Second)
		settled()
		st, ok := p.Status()
		w.is("status", []any{ok, st}, []any{true, netbsd.ExitStatus(3, 0)})
		w.never("runs")
	})
}

// _lwp_detach(2): a zombie is freed; who waits for the LWP looks again, and gets EINVAL.
func TestDetachOfAZombieAndOfOneThatIsWaitedFor(t *testing.T) {
	both(t, func(w *world) {
		p := w.spawn("P", func(l *LWP) {
			z, _ := l.NewLWP(0, func(l *LWP) { l.ExitLWP() }, false, nil)
			l.Nanosleep(time.Second)
			w.is("detach a zombie", l.LWPDetach(z.ID()), netbsd.Errno(0))
			w.is("freed", l.Proc().NumLWPs(), 1)
			s, _ := l.NewLWP(0, sleepForever, false, nil)
			l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
				_, e := l.LWPWait(s.ID())
				w.mark("waiter %v", e == netbsd.EINVAL)
			}, false, nil)
			l.Nanosleep(time.Second)
			l.LWPDetach(s.ID())
			l.Nanosleep(time.Second)
			w.order("waiter true")
			l.Exit(0)
		})
		time.Sleep(20 * time.Second)
		settled()
		p.Kill(netbsd.SIGKILL)
	})
}

// LW_WSUSPEND is looked at on the way to user mode (lwp_userret), where an LWP that exits never
// comes: it neither stands still nor ends the sleeps of the hooks.
func TestSuspensionIsNothingToWhoExits(t *testing.T) {
	both(t, func(w *world) {
		p := w.spawn("P", func(l *LWP) {
			w.give(l.Proc(), func() {
				e := l.Sleep(true, time.Now().Add(time.Second))
				w.is("sleep in close", e, netbsd.EWOULDBLOCK)
			}, nil, nil)
			first := l.ID()
			l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
				time.Sleep(time.Second / 2) // until the first is in user mode
				l.LWPSuspend(first)
			}, false, nil)
			time.Sleep(2 * time.Second) // user mode: the suspension is due
			l.Exit(4)
		})
		time.Sleep(30 * time.Second)
		settled()
		st, ok := p.Status()
		w.is("exited", []any{ok, st}, []any{true, netbsd.ExitStatus(4, 0)})
		if !ok {
			p.Kill(netbsd.SIGKILL)
		}
	})
}

// A stop that has begun, and waits for an LWP in user mode, is off when that LWP calls exit(2): no
// sleep of the exit stops, and the parent hears of the end alone (the promise of exit1, whose files
// must come to their close).
func TestStopThatHasBegunIsOffInAnExit(t *testing.T) {
	both(t, func(w *world) {
		p := w.spawn("P", func(l *LWP) {
			w.give(l.Proc(), func() {
				w.is("sleep in close", l.Sleep(true, time.Now().Add(time.Second)), netbsd.EWOULDBLOCK)
			}, nil, nil)
			l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
				time.Sleep(time.Second / 2)
				l.Kill(l.Proc().Pid(), netbsd.SIGSTOP)
			}, false, nil)
			time.Sleep(2 * time.Second) // in user mode: the process is stopping, not stopped
			l.Exit(4)
		})
		time.Sleep(time.Second)
		w.locked(func() { w.is("stopping", p.flags&(fStopping|fStopped), fStopping) })
		time.Sleep(30 * time.Second)
		settled()
		st, ok := p.Status()
		w.is("exited", []any{ok, st}, []any{true, netbsd.ExitStatus(4, 0)})
		if !ok {
			p.Kill(netbsd.SIGKILL)
		}
	})
}

// _lwp_unpark_all(2) goes on after an id that is no LWP's, and says so whatever comes after it.
func TestUnparkOfNobodyAndSomebody(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, lids := range [][]int{{9999, l.ID()}, {l.ID(), 9999}} {
				w.is("unpark", l.Unpark(lids...), netbsd.ESRCH)
				w.is("the other is unparked", l.Park(time.Time{}, 0), netbsd.EALREADY)
			}
			w.is("all are there", l.Unpark(l.ID(), l.ID()), netbsd.Errno(0))
			w.is("park", l.Park(time.Time{}, 0), netbsd.EALREADY)
		})
	})
}

// Wake before Sleep is not lost: the sleep returns at once, once (what file.Queue relies on).
func TestWakeBeforeSleep(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Wake()
			w.is("at once", []any{l.Sleep(true, time.Now().Add(time.Hour)), w.since()}, []any{netbsd.Errno(0), time.Duration(0)})
			w.is("once", l.Sleep(true, time.Now().Add(time.Second)), netbsd.EWOULDBLOCK)
		})
	})
}
