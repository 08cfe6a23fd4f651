package kern

import (
	"strings"
	"testing"
	"time"

	"toaster/netbsd"
)

// fakeKtrace is a ktrace file that marks what it hears.
type fakeKtrace struct {
	fakeRef
	w                 *world
	inherit, persists bool
}

func (k *fakeKtrace) Inherits() bool { return k.inherit }
func (k *fakeKtrace) Persists() bool { return k.persists }
func (k *fakeKtrace) Psig(l *LWP, i *netbsd.Siginfo, h uint64, m netbsd.Sigset) {
	k.w.mark("psig %v %d %#x", i.Signo, h, uint64(m))
}
func (k *fakeKtrace) Switch(l *LWP, out bool) { k.w.mark("switch %t", out) }

// ktrace(2): a file is released when another takes its place; KTRFAC_INHERIT has children traced,
// KTRFAC_PERSISTENT keeps it beyond an exec that changes ids; signals and switches are told.
func TestKtraceFileGoesAlong(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			refs := 0
			file := func(inherit, persists bool) *fakeKtrace {
				refs++
				return &fakeKtrace{fakeRef{func() { refs++ }, func() { refs-- }}, w, inherit, persists}
			}
			p := l.Proc()
			w.is("none", []any{p.Ktrace() == nil, p.Ktraced(), p.CallsTraced()}, []any{true, false, false})
			alone, along := file(false, false), file(true, true)
			w.is("set", p.SetKtrace(alone), netbsd.Errno(0))
			w.is("set", []any{p.Ktrace() == Ref(alone), p.Ktraced(), p.CallsTraced()}, []any{true, true, true})
			second := func(l *LWP) { nap(l, time.Second) } // it is looked at while it lives
			c := w.fork(l, "alone", second)
			w.is("not inherited", []any{c.Ktrace() == nil, refs}, []any{true, 2})
			w.wait(l, c.Pid(), 0)
			w.is("another", p.SetKtrace(along), netbsd.Errno(0))
			w.is("the first is released", refs, 1)
			c = w.fork(l, "along", second)
			w.is("inherited", []any{c.Ktrace() == Ref(along), c.Ktraced()}, []any{true, true})
			w.wait(l, c.Pid(), 0)
			w.is("released by its exit", []any{refs, c.SetKtrace(along)}, []any{1, netbsd.Errno(netbsd.ESRCH)})
			uid := uint32(7)
			l.Exec(ExecArgs{Comm: "x", SetUID: &uid})
			w.is("persists", p.Ktraced(), true)
			w.handle(l, netbsd.SIGUSR1, func(*LWP, *netbsd.Siginfo) {})
			m := netbsd.SIGHUP.Bit()
			l.Sigprocmask(netbsd.SIG_SETMASK, &m)
			l.Kill(p.Pid(), netbsd.SIGUSR1)
			w.order("psig SIGUSR1 0 0x1")
			w.is("none", []any{p.SetKtrace(nil), p.Ktraced(), refs}, []any{netbsd.Errno(0), false, 0})
			p.SetKtrace(file(true, false))
			uid++ // the ids that it has end no trace (credexec)
			l.Exec(ExecArgs{Comm: "x", SetUID: &uid})
			w.is("does not persist", []any{p.Ktraced(), refs}, []any{false, 0})
			p.SetKtrace(file(false, false))
			before := len(w.all())
			l.Sleep(false, time.Now().Add(time.Second))
			w.is("out and in", w.all()[before:], []string{"switch true", "switch false"})
			l.Kill(p.Pid(), netbsd.SIGTERM)
		})
		w.order("psig SIGTERM 0 0x1")
	})
}

// __futex_set_robust_list(2): an LWP has what it has set; another of the process can look, nobody
// can look at one that is gone.
func TestRobustHeads(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			head := func(lid int, want uint64, errno netbsd.Errno) {
				w.Helper()
				got, e := l.Robust(lid)
				w.is("head", []any{got, e}, []any{want, errno})
			}
			l.Platform().SetRobust(5, nil) // nothing to do, and nothing kept
			head(0, 0, 0)
			l.Platform().SetRobust(7, func() {})
			head(0, 7, 0)
			head(l.ID(), 7, 0)
			n, _ := l.NewLWP(0, func(l *LWP) { l.Platform().SetRobust(9, func() {}); sleepForever(l) }, false, nil)
			z, _ := l.NewLWP(0, func(l *LWP) {}, false, nil)
			settledLWP(l, z)
			head(n.ID(), 9, 0)
			head(z.ID(), 0, netbsd.ESRCH)
			head(9999, 0, netbsd.ESRCH)
			l.Platform().SetRobust(0, nil)
			head(0, 0, 0)
		})
	})
}

// The end of a program elsewhere ends the stop that its process was in, and wakes who carries it.
func TestForeignEndIsNoStop(t *testing.T) {
	both(t, func(w *world) {
		a := &abroad{}
		w.guest(func(l *LWP) {
			for _, stop := range []bool{false, true} {
				ended := false
				c := w.fork(l, "C", func(l *LWP) {
					l.Platform().SetForeign(&program{abroad: a, l: l})
					for !ended {
						l.Platform().UserRet(func(*Delivery) bool { return true })
						l.Sleep(true, time.Time{})
					}
					l.Platform().ExitAs(netbsd.ExitStatus(6, 0))
				})
				nap(l, time.Second)
				cl := c.LWPs()[0]
				if stop {
					l.Kill(c.Pid(), netbsd.SIGSTOP)
					w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
				}
				ended = true
				cl.Platform().ForeignEnded()
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(6, 0), 0)
				cl.Platform().ForeignEnded() // too late
			}
		})
	})
}

// kill(2) of a group that has members elsewhere alone asks for their user.
func TestKillOfALeftGroup(t *testing.T) {
	both(t, func(w *world) {
		mine, theirs := &abroad{alive: true}, &abroad{alive: true}
		w.m.left = map[int32][]leftGroup{77: {{mine, 5}, {theirs, 6}}}
		try := func(c *Cred, want netbsd.Errno, got ...string) {
			w.Helper()
			w.spawnWith("P", SpawnArgs{Cred: c, Body: func(l *LWP) { w.is("kill", l.Kill(-77, netbsd.SIGTERM), want) }}).Wait()
			settled()
			w.is("told", []string{mine.take(), theirs.take()}, got)
		}
		try(UserCred(5, 5), 0, "group:SIGTERM", "")
		try(&Cred{RUID: 6, EUID: 9}, 0, "", "group:SIGTERM")
		try(&Cred{RUID: 9, EUID: 6}, 0, "", "group:SIGTERM")
		try(UserCred(7, 7), netbsd.ESRCH, "", "")
		try(Root, 0, "group:SIGTERM", "group:SIGTERM")
		w.m.ForgetForeign(mine)
		try(Root, 0, "", "group:SIGTERM")
		w.m.ForgetForeign(theirs)
		try(Root, netbsd.ESRCH, "", "")
		w.is("forgotten", len(w.m.left), 0)
	})
}

// sys_setpgid: EINVAL for a negative group; a negative process is nobody (proc_enterpgrp); 0 is the caller.
func TestSetpgidNumbers(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, bad := range [][2]int{{0, -1}, {-1, -1}} {
				w.is("negative group", l.Setpgid(bad[0], bad[1]), netbsd.Errno(netbsd.EINVAL))
			}
			w.is("negative process", l.Setpgid(-1, 0), netbsd.Errno(netbsd.ESRCH))
			w.is("zeroes", []any{l.Setpgid(0, 0), l.p.Pgid()}, []any{netbsd.Errno(0), l.p.Pid()})
		})
	})
}

// sendsig: what cannot be delivered ends the process by SIGILL.
func TestUndeliverableIsSIGILL(t *testing.T) {
	both(t, func(w *world) {
		for _, deliver := range []func(*Delivery) bool{nil, func(*Delivery) bool { return false }} {
			p := w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
				l.Sigaction(netbsd.SIGUSR1, &Action{Handler: 0x1000})
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				l.Platform().UserRet(deliver)
				w.mark("alive")
			}})
			w.is("status", p.Wait()&^netbsd.CoreFlag, netbsd.ExitStatus(0, netbsd.SIGILL))
		}
		w.never("alive")
	})
}

// trapsignal, proc_stoptrace and eventswitch tell ktrace(2) of what a tracer was shown, whatever that made of it, once the tracee goes on; issignal does not, and
// postsig tells of what is acted upon.
func TestKtraceOfWhatATracerIsShown(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, netbsd.PTRACE_LWP_CREATE, func(l *LWP) {
				m := netbsd.SIGHUP.Bit()
				l.Sigprocmask(netbsd.SIG_SETMASK, &m)
				w.handle(l, netbsd.SIGSEGV, func(*LWP, *netbsd.Siginfo) { w.mark("handled") })
				l.Proc().SetKtrace(&fakeKtrace{w: w, fakeRef: fakeRef{func() {}, func() {}}})
				l.Platform().TraceStop(netbsd.TRAP_SCE, nil)
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				for range 2 {
					l.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: netbsd.SEGV_MAPERR})
					l.Platform().UserRet(nil)
				}
				n, _ := l.NewLWP(0, func(*LWP) {}, false, nil)
				l.LWPWait(n.ID())
				l.Proc().SetKtrace(nil)
				l.Exit(3)
			})
			l.PtraceResume(pid, ResumeArgs{Syscall: true})
			w.wait(l, pid, 0)
			for _, give := range []netbsd.Signal{0, 0, netbsd.SIGSEGV, 0, 0} {
				w.mark("go on with %v", give)
				w.goOn(l, pid, give)
				w.wait(l, pid, 0)
			}
		})
		var told []string
		for _, s := range w.all() {
			if strings.HasPrefix(s, "psig") || strings.HasPrefix(s, "go on") || s == "handled" {
				told = append(told, s)
			}
		}
		none, segv := "go on with signal 0", "go on with SIGSEGV"
		want := []string{none, "psig SIGTRAP 0 0x1", none, segv, "psig SIGSEGV 0 0x1", "psig SIGSEGV 0 0x1", "handled", none, "psig SIGSEGV 0 0x1", none, "psig SIGTRAP 0 0x1"}
		if w.r2003 {
			want = []string{none, none, segv, "psig SIGSEGV 0 0x1", "handled", none, none}
		}
		w.is("told", told, want)
	})
}
