package machine

import (
	"strconv"
	"strings"
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// A core file says what is pending for the process, and in a note for each of its LWPs what is for that, and what that blocks; and what it ignores, by
// default or not: SIGCONT is never among that (coredump_note_procinfo of core_elf32.c 1.67, sigaction1, siginit).
func TestCoreProcinfo(t *testing.T) {
	play(t, func(x *script) {
		set := func(list ...netbsd.Signal) (s netbsd.Sigset) {
			for _, sig := range list {
				s |= sig.Bit()
			}
			return s
		}
		one, other := set(netbsd.SIGUSR1, netbsd.SIGHUP), set(netbsd.SIGUSR2)
		x.l.Sigprocmask(netbsd.SIG_SETMASK, &one)
		sibling, errno := x.l.NewLWP(netbsd.LWP_SUSPENDED, func(*kern.LWP) {}, true, func(l *kern.LWP) netbsd.Errno {
			l.Platform().SetSigmask(other)
			return 0
		})
		if errno != 0 {
			t.Fatal(errno)
		}
		p := x.l.Proc()
		x.l.Sigaction(netbsd.SIGQUIT, &kern.Action{Handler: netbsd.SIG_IGN})
		x.l.Sigaction(netbsd.SIGCONT, &kern.Action{Handler: netbsd.SIG_IGN})
		x.l.Sigaction(netbsd.SIGTERM, &kern.Action{Handler: 0x1000})
		x.l.Sigaction(netbsd.SIGWINCH, &kern.Action{Handler: 0x1000})
		x.l.LWPKill(sibling.ID(), netbsd.SIGUSR2)
		x.l.LWPKill(x.l.ID(), netbsd.SIGUSR1)
		blocked := one | netbsd.SIGWINCH.Bit()
		x.l.Sigprocmask(netbsd.SIG_SETMASK, &blocked)
		sibling.Platform().SetSigmask(other | netbsd.SIGWINCH.Bit())
		x.l.Kill(p.Pid(), netbsd.SIGWINCH)
		i := x.procinfo(p, netbsd.SIGSEGV, &netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: 2, LWP: 7})
		for _, s := range []struct {
			name      string
			got, want netbsd.Sigset
		}{
			{"pending", i.Pend, set(netbsd.SIGWINCH)},
			{"blocked", i.Mask, 0},
			{"ignored", i.Ign, set(netbsd.SIGQUIT, netbsd.SIGURG, netbsd.SIGCHLD, netbsd.SIGIO, netbsd.SIGINFO, netbsd.SIGPWR)},
			{"caught", i.Catch, set(netbsd.SIGTERM, netbsd.SIGWINCH)},
		} {
			if s.got != s.want {
				t.Errorf("%s: %#x, want %#x", s.name, s.got, s.want)
			}
		}
		if i.Signo != netbsd.SIGSEGV || i.Sigcode != 2 || i.Pid != p.Pid() || i.Nlwps != 2 || i.Siglwp != 7 || i.Ppid != p.Parent().Pid() {
			t.Errorf("%+v", i)
		}
	})
}

// coredump_buildname: %n, %p, %u and %t, whatever else follows a %, and ENAMETOOLONG.
func TestCoreName(t *testing.T) {
	asUser(t, kern.UserCred(5, 6), func(s *System, l *kern.LWP) {
		p := l.Proc()
		if errno := l.Exec(kern.ExecArgs{Comm: "prog"}); errno != 0 {
			t.Fatal(errno)
		}
		pid, began := strconv.Itoa(p.Pid()), strconv.FormatInt(p.StartTime().Unix(), 10)
		for _, c := range []struct{ pattern, want string }{
			{"", "prog.core"},
			{"/tmp/%n.%p.core", "/tmp/prog." + pid + ".core"},
			{"%t%u.core", began + p.Getlogin() + ".core"},
			{"%x%%n.core", "%x%prog.core"},
			{"%p%n/core", pid + "prog/core"},
			{strings.Repeat("%n", 300) + ".core", ""},
		} {
			pattern, want := c.pattern, c.want
			if pattern != "" {
				if errno := l.SetCoreName(p.Pid(), pattern); errno != 0 {
					t.Fatal(errno)
				}
			}
			name, errno := coreName(p, s.Kernel.CoreName(p))
			if name != want || (errno == 0) != (want != "") {
				t.Errorf("%.20q: %q, %v; want %q", pattern, name, errno, want)
			}
		}
	})
}

// A tracer's name is a pattern as the others are (coredump, coredump_buildname).
func TestCoreNameOfATracer(t *testing.T) {
	asUser(t, kern.UserCred(5, 6), func(s *System, l *kern.LWP) {
		name, errno := coreName(l.Proc(), "a%p%%p")
		if pid := strconv.Itoa(l.Proc().Pid()); name != "a"+pid+"%"+pid || errno != 0 {
			t.Errorf("%q, %v", name, errno)
		}
	})
}
