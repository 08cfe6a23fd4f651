package kern

import (
	"testing"

	"toaster/netbsd"
)

// lc_curcpu follows mi_switch of kern_synch.c: an LWP has no processor while it sleeps or is
// stopped, one as soon as it goes on, and none is told of after execve(2), which ends it
// (lwp_ctl_exit).
func TestOnCPU(t *testing.T) {
	both(t, func(w *world) {
		var told []bool
		hook := func(on bool) { told = append(told, on) }
		wake := make(chan *LWP, 1)
		p := w.spawn("P", func(l *LWP) {
			l.Platform().SetOnCPU(hook)
			wake <- l
			w.is("sleep", l.Sleep(true, noDeadline), netbsd.Errno(0))
			w.is("told of the sleep", len(told), 2)
			l.Sleep(true, noDeadline)
			w.is("told of the stop", told[len(told)-1], true)
			l.Exec(ExecArgs{Comm: "x"})
			n := len(told)
			l.Nanosleep(1)
			w.is("told after exec", len(told), n)
			l.Exit(0)
		})
		l := <-wake
		settled()
		w.is("asleep", told[len(told)-1], false)
		l.Wake()
		settled()
		p.Kill(netbsd.SIGSTOP)
		settled()
		w.is("stopped", told[len(told)-1], false)
		p.Kill(netbsd.SIGCONT)
		settled()
		l.Wake()
		w.is("status", p.Wait(), netbsd.ExitStatus(0, 0))
	})
}
