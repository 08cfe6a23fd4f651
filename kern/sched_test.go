package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// What these tests expect is do_sched_setparam's, do_sched_getparam's, convert_pri's,
// sys__sched_protect's and sched_listener_cb's of sys_sched.c.

// schedIs demands class and priority of an LWP.
func (w *world) schedIs(l *LWP, pid, lid, policy, pri int) {
	w.Helper()
	gotPolicy, gotPri, errno := l.Sched(pid, lid)
	w.is("class, priority", []int{gotPolicy, gotPri, int(errno)}, []int{policy, pri, 0})
}

func TestSchedParameters(t *testing.T) {
	const none, other, fifo, rr = netbsd.SCHED_NONE, netbsd.SCHED_OTHER, netbsd.SCHED_FIFO, netbsd.SCHED_RR
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := func(policy, pri int, want netbsd.Errno) {
				w.Helper()
				w.is("set", l.SetSched(0, 0, policy, pri), want)
			}
			w.schedIs(l, 0, 0, other, 43)
			w.is("nothing to set, of nobody", l.SetSched(9999, 9999, none, -1), netbsd.Errno(0))
			for _, bad := range [][2]int{{-2, 1}, {rr + 1, 1}, {fifo, -2}, {fifo, 64}, {other, 0}, {none, 5}} {
				set(bad[0], bad[1], netbsd.EINVAL)
			}
			set(fifo, -1, 0)
			w.schedIs(l, 0, 0, fifo, 0) // from SCHED_OTHER to the lowest
			set(none, 10, 0)
			w.schedIs(l, 0, 0, fifo, 10)
			set(rr, -1, 0)
			w.schedIs(l, 0, 0, rr, 10) // the priority stays
			set(rr, -1, 0)
			w.schedIs(l, 0, 0, rr, 10)
			set(rr, 63, 0)
			w.schedIs(l, 0, 0, rr, 63)
			set(fifo, 0, 0)
			w.schedIs(l, 0, 0, fifo, 0)
			set(rr, 63, 0)
			set(other, -1, 0)
			w.schedIs(l, 0, 0, other, 43)
			l.Proc().SetNice(30)
			w.schedIs(l, 0, 0, other, 33)
			w.is("no process", l.SetSched(9999, 0, fifo, 1), netbsd.Errno(netbsd.ESRCH))
			w.is("no LWP", l.SetSched(0, 9999, fifo, 1), netbsd.Errno(netbsd.ESRCH))
			_, _, errno := l.Sched(9999, 0)
			w.is("no process", errno, netbsd.Errno(netbsd.ESRCH))
			_, _, errno = l.Sched(0, 9999)
			w.is("no LWP", errno, netbsd.Errno(netbsd.ESRCH))
		})
	})
}

// An lid of 0 sets all LWPs of a process, another one that LWP. lwp_find2: pid 0 and lid 0 is the
// caller. Zombies are nobody.
func TestSchedOfOneLWP(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := l.Proc().Pid()
			a, _ := l.NewLWP(0, func(l *LWP) { l.Pause() }, false, nil)
			z, _ := l.NewLWP(0, func(l *LWP) {}, false, nil)
			settledLWP(l, z)
			w.is("one", l.SetSched(pid, a.ID(), netbsd.SCHED_FIFO, 5), netbsd.Errno(0))
			w.schedIs(l, 0, a.ID(), netbsd.SCHED_FIFO, 5)
			w.schedIs(l, pid, a.ID(), netbsd.SCHED_FIFO, 5)
			w.schedIs(l, 0, 0, netbsd.SCHED_OTHER, 43)
			w.schedIs(l, 0, l.ID(), netbsd.SCHED_OTHER, 43)
			w.schedIs(l, pid, 0, netbsd.SCHED_FIFO, 5) // the first of the list that lives
			w.is("a zombie", l.SetSched(pid, z.ID(), netbsd.SCHED_FIFO, 5), netbsd.Errno(netbsd.ESRCH))
			_, _, errno := l.Sched(0, z.ID())
			w.is("a zombie", errno, netbsd.Errno(netbsd.ESRCH))
			w.is("all", l.SetSched(pid, 0, netbsd.SCHED_RR, 7), netbsd.Errno(0))
			w.schedIs(l, 0, a.ID(), netbsd.SCHED_RR, 7)
			w.schedIs(l, 0, 0, netbsd.SCHED_RR, 7)
			w.is("an error ends it", l.SetSched(pid, 0, netbsd.SCHED_OTHER, 7), netbsd.Errno(netbsd.EINVAL))
		})
	})
}

// settledLWP sleeps until an LWP of l's process has ended.
func settledLWP(l *LWP, t *LWP) {
	for t.State() < LWPZombie {
		nap(l, time.Millisecond)
	}
}

// lwp_create: a new LWP, and a child's first, have class, priority and processors of their maker;
// not its ceilings.
func TestSchedIsInherited(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := []byte{1}
			inherited := func(what string, class, pri int, cpus []byte) {
				n, _ := l.NewLWP(0, func(l *LWP) { l.Pause() }, false, nil)
				w.schedIs(l, 0, n.ID(), class, pri)
				got, errno := l.Affinity(0, n.ID())
				w.is(what, []any{got, errno}, []any{cpus, netbsd.Errno(0)})
				c := w.fork(l, what, func(l *LWP) { l.Pause() })
				w.schedIs(l, c.Pid(), 0, class, pri)
				got, _ = l.Affinity(c.Pid(), 0)
				w.is(what, got, cpus)
			}
			inherited("nothing", netbsd.SCHED_OTHER, 43, []byte(nil))
			w.is("affinity", l.SetAffinity(0, l.ID(), set), netbsd.Errno(0))
			inherited("cpus", netbsd.SCHED_OTHER, 43, set)
			l.SetSched(0, l.ID(), netbsd.SCHED_FIFO, 9)
			l.SchedProtect(20)
			inherited("class", netbsd.SCHED_FIFO, 9, set)
			l.SetAffinity(0, l.ID(), nil)
			inherited("class alone", netbsd.SCHED_FIFO, 9, []byte(nil))
			n, _ := l.NewLWP(0, func(l *LWP) {
				_, errno := l.SchedProtect(-1)
				w.is("no ceiling", errno, netbsd.Errno(netbsd.EINVAL))
			}, false, nil)
			settledLWP(l, n)
		})
	})
}

// The superuser alone changes processors, real-time classes and priorities of others; everybody may
// give up a class, and set his own processes no higher.
func TestSchedRights(t *testing.T) {
	const none, other, fifo, rr = netbsd.SCHED_NONE, netbsd.SCHED_OTHER, netbsd.SCHED_FIFO, netbsd.SCHED_RR
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			theirs := w.fork(l, "root's", func(l *LWP) { l.Pause() })
			l.SetSched(0, 0, fifo, 10)
			l.Setuid(7)
			set := func(policy, pri int, want netbsd.Errno) {
				w.Helper()
				w.is("set", l.SetSched(0, 0, policy, pri), want)
			}
			set(fifo, 11, netbsd.EPERM)
			set(rr, 5, netbsd.EPERM)
			set(fifo, 10, 0)
			set(none, 9, 0)
			set(fifo, 10, netbsd.EPERM)
			set(other, -1, 0)
			set(fifo, -1, netbsd.EPERM)
			w.is("root's", l.SetSched(theirs.Pid(), 0, other, -1), netbsd.Errno(netbsd.EPERM))
			_, _, errno := l.Sched(theirs.Pid(), 0)
			w.is("to look", errno, netbsd.Errno(netbsd.EPERM))
			w.is("processors", l.SetAffinity(0, 0, []byte{1}), netbsd.Errno(netbsd.EPERM))
			w.is("of nobody", l.SetAffinity(9999, 0, []byte{1}), netbsd.Errno(netbsd.ESRCH))
			_, errno = l.Affinity(9999, 0)
			w.is("of nobody", errno, netbsd.Errno(netbsd.ESRCH))
			w.schedIs(l, 0, 0, other, 43)
		})
	})
}

// kauth_cred_uidmatch: a real or effective user of one is one of the other's.
func TestUidmatch(t *testing.T) {
	for _, c := range []struct {
		a, b Cred
		want bool
	}{
		{Cred{RUID: 1, EUID: 2}, Cred{RUID: 1, EUID: 3}, true},
		{Cred{RUID: 1, EUID: 2}, Cred{RUID: 3, EUID: 1}, true},
		{Cred{RUID: 1, EUID: 2}, Cred{RUID: 2, EUID: 3}, true},
		{Cred{RUID: 1, EUID: 2}, Cred{RUID: 3, EUID: 2}, true},
		{Cred{RUID: 1, EUID: 2, SUID: 3}, Cred{RUID: 3, EUID: 4, SUID: 1}, false},
	} {
		if got := uidMatch(&c.a, &c.b); got != c.want {
			t.Errorf("%+v, %+v: %t", c.a, c.b, got)
		}
	}
}

// sys__sched_protect: each ceiling is ended by one -1; a lower number asks for the highest, and finds none
// where nobody is raised (ENOENT); one below the caller's own priority or above SCHED_PRI_MAX is EPERM.
func TestSchedProtect(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			protect := func(pri, was int, want netbsd.Errno) {
				w.Helper()
				got, errno := l.SchedProtect(pri)
				w.is("protect", []any{got, errno}, []any{was, want})
			}
			protect(-1, 0, netbsd.EINVAL)
			protect(5, 0, 0) // it raises nobody that is no real-time LWP
			protect(-2, 0, netbsd.ENOENT)
			protect(-1, 0, 0)
			protect(-1, 0, netbsd.EINVAL)
			l.SetSched(0, 0, netbsd.SCHED_FIFO, 10)
			protect(9, 0, netbsd.EPERM)
			protect(64, 0, netbsd.EPERM)
			protect(-1, 0, netbsd.EINVAL)
			protect(10, 0, 0)
			protect(-2, 10, 0)
			protect(63, 0, 0)
			protect(-2, 63, 0)
			protect(-1, 0, 0)
			protect(-2, 63, 0)
			protect(-1, 0, 0)
			protect(-2, 0, netbsd.ENOENT)
			protect(-1, 0, netbsd.EINVAL)
		})
	})
}
