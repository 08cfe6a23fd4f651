package kern

import (
	"testing"

	"toaster/netbsd"
)

// While a process dumps core its other LWPs stand still, nobody ends it by force for what it
// dies of, and SIGKILL does. What the hook says is what wait(2) tells (sigexit, coredump).
func TestCoreDump(t *testing.T) {
	for _, dumped := range []bool{true, false} {
		both(t, func(w *world) {
			s := &doomSpace{w: w}
			w.m.cfg.Core = func(l *LWP, sig netbsd.Signal, info *netbsd.Siginfo) bool {
				p := l.Proc()
				w.is("Dying", p.Dying(s), false)
				for _, o := range p.LWPs() {
					w.is("another LWP stands", o == l || o.Still(), true)
				}
				s.told = nil
				p.Kill(netbsd.SIGTERM)
				w.is("told of SIGTERM", len(s.told), 0)
				p.Kill(netbsd.SIGKILL)
				w.is("told during the dump", s.told, []string{"Kill"})
				return dumped
			}
			p, errno := w.m.Spawn(SpawnArgs{VM: s, Body: func(l *LWP) {
				sleeps := func(l *LWP) {
					for {
						l.Sleep(true, noDeadline)
					}
				}
				_, errno := l.NewLWP(0, sleeps, false, nil)
				w.is("NewLWP", errno, netbsd.Errno(0))
				settled()
				l.Kill(l.Proc().Pid(), netbsd.SIGSEGV)
				sleeps(l)
			}})
			w.is("Spawn", errno, netbsd.Errno(0))
			w.is("status", p.Wait().CoreDump(), dumped)
		})
	}
}

// issignal keeps in ps_lwp whom a signal was for: the LWP that has caused it, or that _lwp_kill(2) has named; 0 is the process.
func TestWhoseSignalDumpsCore(t *testing.T) {
	segv := netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: netbsd.SEGV_MAPERR, Addr: 8}
	for _, c := range []struct {
		name string
		own  bool
		send func(l *LWP)
	}{
		{"kill(2)", false, func(l *LWP) { l.Kill(l.p.Pid(), netbsd.SIGSEGV) }},
		{"_lwp_kill(2)", true, func(l *LWP) { l.LWPKill(l.ID(), netbsd.SIGSEGV) }},
		{"a fault", true, func(l *LWP) { l.Platform().Trap(&segv) }},
	} {
		both(t, func(w *world) {
			var got *netbsd.Siginfo
			w.m.cfg.Core = func(l *LWP, sig netbsd.Signal, info *netbsd.Siginfo) bool {
				got = info
				return true
			}
			lid := 0
			p := w.spawn("P", func(l *LWP) {
				if c.own {
					lid = l.ID()
				}
				c.send(l)
				l.Platform().UserRet(nil)
			})
			p.Wait()
			w.is(c.name, []any{int(got.LWP), got.Signo}, []any{lid, netbsd.SIGSEGV})
		})
	}
}

// sysctl_proc_corename (kern_resource.c): the last part of the name is "core" or ends in ".core". Another user's process is
// EPERM (KAUTH_PROCESS_CORENAME asks proc_uidmatch), whatever the name is, and one that is not there is ESRCH.
func TestSetCoreName(t *testing.T) {
	both(t, func(w *world) {
		c := w.spawn("C", sleepForever)
		set := func(uid uint32, pid int, name string) (errno netbsd.Errno) {
			w.spawnWith("S", SpawnArgs{Cred: &Cred{RUID: uid, EUID: uid, SUID: uid}, Body: func(l *LWP) {
				errno = l.SetCoreName(pid, name)
			}}).Wait()
			return errno
		}
		w.is("the machine's", c.CoreName(), "")
		for _, x := range []struct {
			uid   uint32
			name  string
			errno netbsd.Errno
		}{
			{0, "core", 0},
			{0, "%n.core", 0},
			{0, "/var/crash/core", 0},
			{0, "", netbsd.EINVAL},
			{0, "ore", netbsd.EINVAL},
			{0, "score", netbsd.EINVAL},
			{0, "core.%p", netbsd.EINVAL},
			{0, "/core/%n", netbsd.EINVAL},
			{7, "7.core", netbsd.EPERM},
			{7, "7", netbsd.EPERM},
			{0, ".core", 0},
		} {
			before := c.CoreName()
			w.is(x.name, set(x.uid, c.Pid(), x.name), x.errno)
			want := x.name
			if x.errno != 0 {
				want = before
			}
			w.is("the name after "+x.name, c.CoreName(), want)
		}
		w.is("nobody", set(0, 9999, "core"), netbsd.ESRCH)
		u := w.spawnWith("U", SpawnArgs{Cred: &Cred{RUID: 7, EUID: 7, SUID: 7}, Body: sleepForever})
		w.is("its own user", []any{set(7, u.Pid(), "7.core"), u.CoreName()}, []any{netbsd.Errno(0), "7.core"})
		w.is("the superuser", []any{set(0, u.Pid(), "0.core"), u.CoreName()}, []any{netbsd.Errno(0), "0.core"})
	})
}

// pl_corename is in p_limit, which a child of fork(2) has in common with its parent until one of them changes it (lim_copy,
// lim_setcorename), and which an exec leaves.
func TestCoreNameIsInherited(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			w.locked(func() { p.extra() }) // there may be something else to inherit
			plain := w.fork(l, "plain", sleepForever)
			w.is("the machine's", plain.CoreName(), "")
			w.is("set", l.SetCoreName(p.Pid(), "p.core"), netbsd.Errno(0))
			c := w.fork(l, "C", sleepForever)
			w.is("the parent's", c.CoreName(), "p.core")
			w.is("set", l.SetCoreName(c.Pid(), "c.core"), netbsd.Errno(0))
			w.is("each its own", []string{p.CoreName(), c.CoreName(), plain.CoreName()}, []string{"p.core", "c.core", ""})
			for _, x := range []*Proc{plain, c} {
				x.Kill(netbsd.SIGKILL)
				w.wait(l, x.Pid(), 0)
			}
		})
	})
}
