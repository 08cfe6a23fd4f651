package kern

import (
	"testing"

	"toaster/netbsd"
)

// ttymodem and ttyhup signal the session's leader; but, who has heard already, is left out. A
// terminal without a session, or whose leader is gone, has nobody.
func TestHangupOfALine(t *testing.T) {
	both(t, func(w *world) {
		tty := w.m.NewTTY(nil)
		tty.Hangup() // nobody's
		p, q := w.leader("L", &fakeDev{}, func(l *LWP, t *TTY) {
			w.catch(l, "L", netbsd.SIGHUP)
			w.fork(l, "C", func(l *LWP) {
				w.catch(l, "C", netbsd.SIGHUP)
				sleepForever(l)
			})
			sleepForever(l)
		})
		settled()
		q.HangupBut(p)
		settled()
		w.never("L.SIGHUP")
		q.HangupBut(w.find("C"))
		settled()
		q.Hangup()
		settled()
		w.order("L.SIGHUP", "L.SIGHUP")
		w.never("C.SIGHUP")
		q.Signal(netbsd.NSIG) // none
	})
}

// cttyvp: the terminal of a process that has P_CONTROLT, until the session loses it.
func TestControllingTerminalOfAProcess(t *testing.T) {
	both(t, func(w *world) {
		p, tty := w.leader("L", &fakeDev{}, func(l *LWP, t *TTY) {
			w.fork(l, "C", func(l *LWP) {
				w.is("inherited", l.Proc().TTY(), t)
				w.is("give up", l.DropTTY(), netbsd.Errno(0))
				w.is("given up", l.Proc().TTY() == nil, true)
				w.is("again", l.DropTTY(), netbsd.Errno(netbsd.ENOTTY))
				_, errno := l.GetForeground(t)
				w.is("not its terminal", errno, netbsd.Errno(netbsd.ENOTTY))
				w.is("not its terminal", l.SetForeground(t, l.Proc().Pgid()), netbsd.Errno(netbsd.ENOTTY))
			})
			w.wait(l, netbsd.WaitAny, 0)
			w.is("a leader keeps it", l.DropTTY(), netbsd.Errno(netbsd.EINVAL))
			w.fork(l, "S", func(l *LWP) {
				l.Setsid()
				w.is("a session of its own", []any{l.Proc().TTY() == nil, l.Proc().has(fControlT)}, []any{true, false})
				w.is("another's", l.AcquireTTY(t), netbsd.Errno(netbsd.EPERM))
				u := w.m.NewTTY(nil)
				w.is("its own", []any{l.AcquireTTY(u), l.AcquireTTY(u)}, []any{netbsd.Errno(0), netbsd.Errno(0)})
				w.is("a second one", l.AcquireTTY(w.m.NewTTY(nil)), netbsd.Errno(netbsd.EPERM))
			})
			w.wait(l, netbsd.WaitAny, 0)
			w.fork(l, "M", func(l *LWP) { w.is("no leader", l.AcquireTTY(w.m.NewTTY(nil)), netbsd.Errno(netbsd.EPERM)) })
			w.wait(l, netbsd.WaitAny, 0)
			sleepForever(l)
		})
		settled()
		w.is("the leader's", p.TTY(), tty)
		refs := p.Session().refs
		tty.Revoked()
		w.is("revoked", []any{p.TTY() == nil, tty.Session() == nil, tty.Foreground() == nil, p.Session().refs}, []any{true, true, true, refs - 1})
		p.Kill(netbsd.SIGKILL)
		p.Wait()
		settled()
		w.is("gone", p.TTY() == nil, true)
	})
}

// TIOCSPGRP and TIOCGPGRP: EINVAL for another machine's terminal or a negative group, EPERM for a
// group that is not in the session or has nobody.
func TestForegroundGroupRules(t *testing.T) {
	both(t, func(w *world) {
		other := New(Config{})
		defer other.Close()
		w.leader("L", &fakeDev{}, func(l *LWP, t *TTY) {
			get := func(t *TTY) netbsd.Errno { _, errno := l.GetForeground(t); return errno }
			w.is("none", []netbsd.Errno{get(nil), l.SetForeground(nil, 1)}, []netbsd.Errno{netbsd.EINVAL, netbsd.EINVAL})
			u := other.NewTTY(nil)
			w.is("another machine's", []netbsd.Errno{get(u), l.SetForeground(u, 1)}, []netbsd.Errno{netbsd.EINVAL, netbsd.EINVAL})
			c := w.fork(l, "C", func(l *LWP) { sleepForever(l) })
			w.is("new group", l.Setpgid(c.Pid(), 0), netbsd.Errno(0))
			for pgid, want := range map[int]netbsd.Errno{-1: netbsd.EINVAL, 0: netbsd.EPERM, 1: netbsd.EPERM, 9999: netbsd.EPERM, c.Pid(): 0} {
				w.is("set", l.SetForeground(t, pgid), want)
			}
			got, errno := l.GetForeground(t)
			w.is("get", []any{got, errno}, []any{c.Pid(), netbsd.Errno(0)})
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
			got, errno = l.GetForeground(t)
			w.is("no group", []any{got, errno}, []any{-1, netbsd.Errno(0)})
			w.mark("looked")
		})
		settled()
		w.order("looked")
	})
}

// ttread, ttycheckoutq and TTY's ioctls: a background reader is stopped, or gets EIO if SIGTTIN
// would do nothing, if nobody would continue it, or as a vfork child; a writer may write where
// SIGTTOU would do nothing.
func TestBackgroundRules(t *testing.T) {
	both(t, func(w *world) {
		w.leader("L", &fakeDev{}, func(l *LWP, t *TTY) {
			w.is("foreground", []netbsd.Errno{l.Background(t, true), l.Background(t, false)}, []netbsd.Errno{0, 0})
			other := w.m.NewTTY(nil)
			ask := func(what string, vfork bool, prepare func(l *LWP), read, write netbsd.Errno) {
				w.Helper()
				w.forkWith(l, what, ForkArgs{Vfork: vfork, Body: func(l *LWP) {
					l.Setpgid(0, 0)
					for _, s := range []netbsd.Signal{netbsd.SIGTTIN, netbsd.SIGTTOU} {
						w.handle(l, s, func(_ *LWP, si *netbsd.Siginfo) { w.mark("%s %v", what, si.Signo) })
					}
					prepare(l)
					w.is(what, []netbsd.Errno{l.Background(t, true), l.Background(t, false)}, []netbsd.Errno{read, write})
					w.is("not its terminal", l.Background(other, true), netbsd.Errno(0))
				}})
				w.wait(l, netbsd.WaitAny, 0)
			}
			ask("plain", false, func(*LWP) {}, netbsd.ERESTART, netbsd.ERESTART)
			w.order("plain SIGTTIN", "plain SIGTTOU")
			ask("ignoring", false, func(l *LWP) {
				l.Sigaction(netbsd.SIGTTIN, &Action{Handler: netbsd.SIG_IGN})
				l.Sigaction(netbsd.SIGTTOU, &Action{Handler: netbsd.SIG_IGN})
			}, netbsd.EIO, 0)
			ask("blocking", false, func(l *LWP) {
				m := netbsd.SigsetOf(netbsd.SIGTTIN, netbsd.SIGTTOU)
				l.Sigprocmask(netbsd.SIG_BLOCK, &m)
			}, netbsd.EIO, 0)
			ask("blocking SIGTTIN", false, func(l *LWP) {
				m := netbsd.SIGTTIN.Bit()
				l.Sigprocmask(netbsd.SIG_BLOCK, &m)
			}, netbsd.EIO, netbsd.ERESTART)
			ask("vfork", true, func(*LWP) {}, netbsd.EIO, 0)
			ask("orphaned", false, func(l *LWP) { l.p.m.lock(); l.p.uncountJob(); l.p.m.unlock() }, netbsd.EIO, netbsd.EIO)
			ask("without a terminal", false, func(l *LWP) { l.DropTTY() }, 0, 0)
			w.locked(func() { t.pgrp = nil })
			ask("no foreground", false, func(*LWP) {}, 0, 0)
			w.mark("looked")
		})
		settled()
		w.order("looked")
		w.never("ignoring SIGTTIN", "orphaned SIGTTIN", "orphaned SIGTTOU", "vfork SIGTTIN", "vfork SIGTTOU")
	})
}
