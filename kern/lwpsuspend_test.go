package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// sys__lwp_suspend waits until the other LWP stands still. If that ends instead it is ESRCH, and a signal makes the
// call begin again, SA_RESTART or not.
func TestSuspendOfAnLWPThatDoesNotStand(t *testing.T) {
	both(t, func(w *world) {
		for _, ends := range []bool{true, false} {
			w.guest(func(l *LWP) {
				l.Sigaction(netbsd.SIGUSR1, &Action{Func: func(*LWP, *netbsd.Siginfo) {}})
				busy, errno := l.NewLWP(0, func(l *LWP) {
					time.Sleep(time.Minute) // in user mode: it does not look
					if ends {
						l.ExitLWP()
					}
					time.Sleep(time.Hour)
				}, true, nil)
				w.is("_lwp_create", errno, netbsd.Errno(0))
				me := l.ID()
				l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
					l.Nanosleep(time.Second)
					if !ends {
						l.LWPKill(me, netbsd.SIGUSR1)
					}
					l.Nanosleep(2 * time.Hour)
				}, false, nil)
				want := netbsd.ERESTART
				if ends {
					want = netbsd.ESRCH
				}
				w.is("_lwp_suspend", l.LWPSuspend(busy.ID()), want)
				l.Exit(0)
			})
		}
	})
}
