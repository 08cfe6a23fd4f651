package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// issignal takes the LWP's own pending signals before the process's, whatever their numbers.
func TestOwnSignalsComeFirst(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGUSR2)
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			for _, sig := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGUSR2} {
				l.Sigaction(sig, &Action{Handler: 1 << 20, Mask: set, Func: func(*LWP, *netbsd.Siginfo) { w.mark("%v", sig) }})
			}
			l.Kill(l.p.Pid(), netbsd.SIGUSR1)
			l.LWPKill(l.ID(), netbsd.SIGUSR2)
			l.Sigprocmask(netbsd.SIG_UNBLOCK, &set)
		})
		w.order("SIGUSR2", "SIGUSR1")
	})
}

// lwp_wait leaves an LWP that somebody waits for by its number to that one (l_waiter); who waits for itself and is detached gets
// EINVAL, as for any other that is.
func TestLWPWaitByNumberComesFirst(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			z, _ := l.NewLWP(0, func(l *LWP) { nap(l, 3*time.Second) }, false, nil)
			l.NewLWP(netbsd.LWP_DETACHED, func(o *LWP) {
				_, errno := o.LWPWait(o.ID())
				w.is("itself", errno, netbsd.EINVAL)
				nap(o, time.Second)
				n, errno := o.LWPWait(z.ID())
				w.is("by its number", []any{n, errno}, []any{z.ID(), netbsd.Errno(0)})
				w.mark("by its number")
			}, false, nil)
			_, errno := l.LWPWait(0)
			w.mark("any")
			w.is("nobody is left", errno, netbsd.ESRCH)
			nap(l, time.Second)
		})
		w.order("by its number") // that it was first its number and ESRCH for the other say
		w.order("any")
	})
}

// pgsignal has no siginfo (KSI_INIT_EMPTY): SI_NOINFO.
func TestGroupSignalHasNoInfo(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			int1 := netbsd.SIGINT.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &int1)
			w.locked(func() { l.p.pgrp.signalLocked(netbsd.SIGINT, false, nil, nil) })
			si, errno := l.Sigtimedwait(int1, time.Now())
			w.is("siginfo", []any{si.Signo, si.Code, errno}, []any{netbsd.Signal(netbsd.SIGINT), int32(netbsd.SI_NOINFO), netbsd.Errno(0)})
		})
	})
}

// proc_uidmatch: neither another's saved user or group, nor a group that the caller is not in.
func TestUIDMatch(t *testing.T) {
	me := &Cred{RUID: 7, EUID: 7, SUID: 7, RGID: 8, EGID: 8, SGID: 8, Groups: []uint32{9}}
	for name, c := range map[string]struct {
		t    Cred
		want bool
	}{
		"the same":           {Cred{RUID: 7, SUID: 7, RGID: 8, SGID: 8}, true},
		"a group of groups":  {Cred{RUID: 7, SUID: 7, RGID: 9, SGID: 9}, true},
		"another user":       {Cred{RUID: 6, SUID: 7, RGID: 8, SGID: 8}, false},
		"another saved user": {Cred{RUID: 7, SUID: 0, RGID: 8, SGID: 8}, false},
		"another group":      {Cred{RUID: 7, SUID: 7, RGID: 5, SGID: 5}, false},
		"a saved group":      {Cred{RUID: 7, SUID: 7, RGID: 8, SGID: 0}, false},
	} {
		if got := me.uidMatch(&c.t); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
