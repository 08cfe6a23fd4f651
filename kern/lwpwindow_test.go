package kern

import (
	"sync/atomic"
	"testing"
	"time"

	"toaster/netbsd"
)

// Between its end and the reaper an LWP of release 2003 is LSDEAD: nobody finds it any more, though
// it is on its process's list still. Here the reaper waits for the memory.
func TestDeadLWPIsNotFound(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var gate atomic.Bool
			w.give(l.Proc(), nil, nil, &fakeVM{wait: func(t *LWP) {
				for !gate.Load() {
					time.Sleep(time.Second)
				}
			}})
			d, _ := l.NewLWP(0, func(*LWP) {}, false, nil)
			lid := d.ID()
			nap(l, time.Second)
			if w.r2003 {
				w.is("state", d.State(), LWPDead)
				srch := netbsd.Errno(netbsd.ESRCH)
				_, robust := l.Robust(lid)
				for what, errno := range map[string]netbsd.Errno{
					"suspend": l.LWPSuspend(lid), "continue": l.LWPContinue(lid), "wakeup": l.LWPWakeup(lid), "kill": l.LWPKill(lid, netbsd.SIGURG),
					"unpark": l.Unpark(lid), "setname": l.LWPSetName(lid, "x"), "signal": d.signalLWP(&netbsd.Siginfo{Signo: netbsd.SIGURG}),
				} {
					w.is(what, errno, srch)
				}
				w.is("robust", robust, netbsd.Errno(0)) // lwp_find2 finds it until it is LSZOMB
				w.is("alone", l.LWPSuspend(l.ID()), netbsd.Errno(netbsd.EDEADLK))
				d.Wake()
				for _, i := range l.Proc().LWPInfos() {
					w.is("told", i.LWP, l)
				}
				i, _ := l.Proc().Info()
				w.is("active", i.Active, LWPRunning)
				// It blocks nothing: a signal that the living one blocks is blocked by all.
				cont := netbsd.SIGCONT.Bit()
				l.Sigprocmask(netbsd.SIG_BLOCK, &cont)
				l.Kill(l.Proc().Pid(), netbsd.SIGCONT)
				w.is("SIGCONT is blocked by all", l.Sigpending().Has(netbsd.SIGCONT), true)
			}
			gate.Store(true)
		})
	})
}
