package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// fill_kproc2: group, session, terminal, sets of signals and flags.
func TestInfo(t *testing.T) {
	both(t, func(w *world) {
		tty := w.m.NewTTY(&fakeDev{})
		w.spawnWith("L", SpawnArgs{Setsid: true, Comm: "lead", Body: func(l *LWP) {
			p := l.Proc()
			l.Setlogin("me")
			i, ok := p.Info()
			w.is("without a terminal", []any{ok, i.TTY == nil, i.HasTTY, i.Leads, i.Tpgid, i.Nice, i.Jobc}, []any{true, true, false, true, -1, 20, 0})
			l.AcquireTTY(tty)
			c := w.fork(l, "C", func(l *LWP) {
				l.Setpgid(0, 0)
				l.Sigaction(netbsd.SIGUSR1, &Action{Func: func(*LWP, *netbsd.Siginfo) {}})
				l.Sigaction(netbsd.SIGUSR2, &Action{Handler: netbsd.SIG_IGN})
				m := netbsd.SIGUSR1.Bit()
				l.Sigprocmask(netbsd.SIG_BLOCK, &m)
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				m |= netbsd.SIGTERM.Bit()
				l.NewLWP(0, func(l *LWP) {
					m := netbsd.SIGHUP.Bit()
					l.Sigprocmask(netbsd.SIG_BLOCK, &m)
					l.LWPKill(l.ID(), netbsd.SIGHUP)
					sleepForever(l)
				}, false, nil)
				l.NewLWP(netbsd.LWP_SUSPENDED, func(l *LWP) {}, false, nil)
				sleepForever(l)
			})
			nap(l, time.Second)
			i, ok = c.Info()
			w.is("child", []any{ok, i.Pid, i.Ppid, i.Pgid, i.Sid, i.Jobc, i.Login, i.NLWPs, i.Comm}, []any{true, c.Pid(), p.Pid(), c.Pid(), p.Pid(), 1, "me", 3, "lead"})
			w.is("terminal", []any{i.TTY == tty, i.HasTTY, i.Leads, i.Tpgid}, []any{true, true, false, p.Pid()})
			w.is("states", []any{i.State, i.Stopped, i.Active, i.ExitSig}, []any{StateActive, false, LWPSleeping, netbsd.Signal(netbsd.SIGCHLD)})
			w.is("signals", []any{i.Pending, i.Mask, i.Caught, i.Ignored &^ defaultActs.ignore},
				[]any{netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGHUP), netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGHUP), netbsd.SIGUSR1.Bit(), netbsd.SIGUSR2.Bit()})
			w.is("flags", i.Flags, uint32(netbsd.P_INMEM|netbsd.P_CONTROLT))
			w.is("start", i.Start, c.StartTime())
			c.SetNice(25)
			c.Kill(netbsd.SIGSTOP)
			nap(l, time.Second)
			i, _ = c.Info()
			w.is("stopped", []any{i.Stopped, i.Active, i.Nice}, []any{true, LWPStopped, 25})
			c.Kill(netbsd.SIGKILL)
			nap(l, time.Second)
			i, ok = c.Info()
			w.is("zombie", []any{ok, i.State, i.Active, i.Status, i.Pending, i.Mask}, []any{true, StateZombie, LWPIdle, netbsd.ExitStatus(0, netbsd.SIGKILL), netbsd.Sigset(0), netbsd.Sigset(0)})
			l.Wait(netbsd.WaitAny, 0)
			_, ok = c.Info()
			w.is("gone", ok, false)
			i, _ = p.Info()
			w.is("leader", []any{i.Leads, i.Tpgid, i.HasTTY, i.Active}, []any{true, p.Pid(), true, LWPRunning})
			tty.Revoked()
			i, _ = p.Info()
			w.is("after revoke(2)", []any{i.HasTTY, i.Tpgid}, []any{false, -1})
			// fork1: P_CONTROLT is for who is born while the session has the terminal (s_ttyvp).
			c = w.fork(l, "later", sleepForever)
			j, _ := c.Info()
			w.is("born afterwards", []any{i.Flags & netbsd.P_CONTROLT, j.Flags & netbsd.P_CONTROLT, j.TTY == nil}, []any{uint32(netbsd.P_CONTROLT), uint32(0), true})
			c.Kill(netbsd.SIGKILL)
			l.Wait(netbsd.WaitAny, 0)
		}}).Wait()
	})
}

// An embryo is not to be seen yet: its maker still works on it.
func TestInfoOfAnEmbryo(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			_, errno := l.Fork(ForkArgs{Body: exit(0), Prepare: func(cl *LWP) netbsd.Errno {
				_, ok := cl.Proc().Info()
				w.is("embryo", ok, false)
				return 0
			}})
			w.is("fork", errno, netbsd.Errno(0))
		})
	})
}

// The flags of sys/sysctl.h, by what sets them.
func TestInfoFlags(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			has := func(what string, flag uint32, want bool) {
				w.Helper()
				i, _ := p.Info()
				w.is(what, i.Flags&flag != 0, want)
			}
			has("P_INMEM", netbsd.P_INMEM, true)
			has("P_EXEC", netbsd.P_EXEC, false)
			l.Exec(ExecArgs{Comm: "x"})
			has("P_EXEC", netbsd.P_EXEC, true)
			l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDSTOP})
			has("P_NOCLDSTOP", netbsd.P_NOCLDSTOP, true)
			has("P_NOCLDWAIT", netbsd.P_NOCLDWAIT, false)
			l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDWAIT})
			has("P_NOCLDWAIT", netbsd.P_NOCLDWAIT, true)
			has("P_NOCLDSTOP", netbsd.P_NOCLDSTOP, false)
			has("P_SUGID", netbsd.P_SUGID, false)
			l.Setuid(7)
			has("P_SUGID", netbsd.P_SUGID, true)
			has("P_TRACED", netbsd.P_TRACED|netbsd.P_CHTRACED|netbsd.P_WEXIT|netbsd.P_PPWAIT, false)
		})
	})
}
