package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// setreuid(2) and setregid(2) (do_setresuid, sys_setreuid and sys_setregid of kern_prot.c, from 2003 to NetBSD 11): who is not the
// superuser takes only ids that he has, and the saved id becomes the new effective one if the real one has changed, else stays.
func TestSetreidRules(t *testing.T) {
	type ids [3]uint32 // real, effective, saved
	const keep = -1
	for _, c := range []struct {
		from  ids
		r, e  int64
		to    ids
		errno netbsd.Errno
	}{
		{ids{0, 0, 0}, 5, 6, ids{5, 6, 6}, 0},
		{ids{0, 0, 0}, keep, 6, ids{0, 6, 0}, 0},
		{ids{0, 0, 0}, 5, keep, ids{5, 0, 0}, 0},
		{ids{0, 0, 0}, keep, keep, ids{0, 0, 0}, 0},
		{ids{1, 2, 3}, keep, keep, ids{1, 2, 3}, 0},
		{ids{1, 2, 3}, 2, keep, ids{2, 2, 2}, 0},
		{ids{1, 2, 3}, 1, keep, ids{1, 2, 3}, 0},
		{ids{1, 2, 3}, 3, keep, ids{1, 2, 3}, netbsd.EPERM},
		{ids{1, 2, 3}, 4, keep, ids{1, 2, 3}, netbsd.EPERM},
		{ids{1, 2, 3}, keep, 1, ids{1, 1, 3}, 0},
		{ids{1, 2, 3}, keep, 2, ids{1, 2, 3}, 0},
		{ids{1, 2, 3}, keep, 3, ids{1, 3, 3}, 0},
		{ids{1, 2, 3}, 1, 1, ids{1, 1, 3}, 0},
		{ids{1, 2, 3}, keep, 4, ids{1, 2, 3}, netbsd.EPERM},
		{ids{1, 2, 3}, 2, 1, ids{2, 1, 1}, 0},
		{ids{1, 1, 3}, keep, keep, ids{1, 1, 3}, 0},
	} {
		both(t, func(w *world) {
			// The superuser's group is no privilege: for groups the effective user decides.
			start := func(uids, gids ids) *Cred {
				return &Cred{RUID: uids[0], EUID: uids[1], SUID: uids[2], RGID: gids[0], EGID: gids[1], SGID: gids[2]}
			}
			w.spawnWith("uid", SpawnArgs{Cred: start(c.from, ids{9, 9, 9}), Body: func(l *LWP) {
				errno := l.Setreuid(c.r, c.e)
				got := l.Proc().Cred()
				w.is("setreuid", []any{ids{got.RUID, got.EUID, got.SUID}, errno}, []any{c.to, c.errno})
			}}).Wait()
			user := ids{7, 7, 7}
			if c.from == (ids{}) {
				user = ids{}
			}
			w.spawnWith("gid", SpawnArgs{Cred: start(user, c.from), Body: func(l *LWP) {
				errno := l.Setregid(c.r, c.e)
				got := l.Proc().Cred()
				w.is("setregid", []any{ids{got.RGID, got.EGID, got.SGID}, errno}, []any{c.to, c.errno})
			}}).Wait()
		})
	}
}

func TestSetidRules(t *testing.T) {
	cred := &Cred{RUID: 1, EUID: 2, SUID: 3, RGID: 4, EGID: 5, SGID: 6}
	both(t, func(w *world) {
		try := func(name string, want netbsd.Errno, f func(l *LWP) netbsd.Errno, after Cred) {
			w.Helper()
			w.spawnWith("P", SpawnArgs{Cred: cred, Body: func(l *LWP) {
				errno := f(l)
				w.is(name, []any{errno, *l.Proc().Cred(), l.Proc().Issetugid()}, []any{want, after, !after.equal(cred)})
			}}).Wait()
		}
		perm, same := netbsd.Errno(netbsd.EPERM), *cred
		try("setuid real", 0, func(l *LWP) netbsd.Errno { return l.Setuid(1) }, Cred{1, 1, 1, 4, 5, 6, nil})
		try("setuid effective", perm, func(l *LWP) netbsd.Errno { return l.Setuid(2) }, same)
		try("setuid saved", perm, func(l *LWP) netbsd.Errno { return l.Setuid(3) }, same)
		try("seteuid real", 0, func(l *LWP) netbsd.Errno { return l.Seteuid(1) }, Cred{1, 1, 3, 4, 5, 6, nil})
		try("seteuid effective", perm, func(l *LWP) netbsd.Errno { return l.Seteuid(2) }, same)
		try("seteuid saved", 0, func(l *LWP) netbsd.Errno { return l.Seteuid(3) }, Cred{1, 3, 3, 4, 5, 6, nil})
		try("setgid real", 0, func(l *LWP) netbsd.Errno { return l.Setgid(4) }, Cred{1, 2, 3, 4, 4, 4, nil})
		try("setgid other", perm, func(l *LWP) netbsd.Errno { return l.Setgid(6) }, same)
		try("setegid real", 0, func(l *LWP) netbsd.Errno { return l.Setegid(4) }, Cred{1, 2, 3, 4, 4, 6, nil})
		try("setegid saved", 0, func(l *LWP) netbsd.Errno { return l.Setegid(6) }, Cred{1, 2, 3, 4, 6, 6, nil})
		try("setegid other", perm, func(l *LWP) netbsd.Errno { return l.Setegid(7) }, same)
		// do_setresuid and do_setresgid: -1 is no id but "as it is", for whoever asks.
		try("setuid -1", 0, func(l *LWP) netbsd.Errno { return l.Setuid(noID) }, same)
		try("seteuid -1", 0, func(l *LWP) netbsd.Errno { return l.Seteuid(noID) }, same)
		try("setgid -1", 0, func(l *LWP) netbsd.Errno { return l.Setgid(noID) }, same)
		try("setegid -1", 0, func(l *LWP) netbsd.Errno { return l.Setegid(noID) }, same)
		try("setgroups", perm, func(l *LWP) netbsd.Errno { return l.Setgroups([]uint32{1}) }, same)
		w.guest(func(l *LWP) {
			list := make([]uint32, netbsd.NGROUPS_MAX+1)
			w.is("too many", l.Setgroups(list), netbsd.Errno(netbsd.EINVAL))
			w.is("not set-id", l.Proc().Issetugid(), false)
			w.is("as many as there may be", l.Setgroups(list[1:]), netbsd.Errno(0))
			w.is("changed", l.Proc().Issetugid(), true)
			c := w.fork(l, "root", func(l *LWP) {
				for _, set := range []func(uint32) netbsd.Errno{l.Setuid, l.Seteuid, l.Setgid, l.Setegid} {
					w.is("-1 of the superuser's", set(noID), netbsd.Errno(0))
				}
				w.is("nothing has changed", []uint32{l.Proc().Cred().RUID, l.Proc().Cred().EUID, l.Proc().Cred().RGID, l.Proc().Cred().EGID}, []uint32{0, 0, 0, 0})
			})
			w.wait(l, c.Pid(), 0)
			list[1] = 77
			w.is("a copy", []any{l.Proc().Cred().InGroup(77), len(l.Proc().Cred().Groups)}, []any{false, netbsd.NGROUPS_MAX})
			l.Setgroups([]uint32{5, 6})
			l.Setegid(9)
			cred := l.Proc().Cred()
			w.is("groups", []bool{cred.InGroup(5), cred.InGroup(6), cred.InGroup(9), cred.InGroup(8)}, []bool{true, true, true, false})
			w.is("login", []any{l.Setlogin("me"), l.Proc().Getlogin()}, []any{netbsd.Errno(0), "me"})
			l.Setuid(5)
			w.is("login", []any{l.Setlogin("you"), l.Proc().Getlogin()}, []any{perm, "me"})
		})
	})
}

// kauth_proc_setgroups: P_SUGID is set even if the groups are those of before, other than by setuid(2) and its like
// (do_setresuid leaves off early).
func TestTheSameGroupsAreAChange(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Setuid(0)
			l.Setgid(0)
			l.Setreuid(0, 0)
			w.is("the same ids", l.Proc().Issetugid(), false)
			w.is("the same groups", []any{l.Setgroups(l.Proc().Cred().Groups), l.Proc().Issetugid()}, []any{netbsd.Errno(0), true})
		})
	})
}

// Cred.equal decides whether P_SUGID is set: any id or group that differs.
func TestCredEqual(t *testing.T) {
	a := Cred{1, 2, 3, 4, 5, 6, []uint32{7}}
	same := a
	if !a.equal(&same) {
		t.Error("a copy is the same")
	}
	for i, change := range []func(*Cred){
		func(c *Cred) { c.RUID = 9 }, func(c *Cred) { c.EUID = 9 }, func(c *Cred) { c.SUID = 9 }, func(c *Cred) { c.RGID = 9 },
		func(c *Cred) { c.EGID = 9 }, func(c *Cred) { c.SGID = 9 }, func(c *Cred) { c.Groups = []uint32{9} },
	} {
		b := a
		if change(&b); a.equal(&b) {
			t.Errorf("%d: %+v", i, b)
		}
	}
}

// KAUTH_PROCESS_KEVENT_FILTER: root, and the same real user unless the other has changed its
// identity; of one that is gone anybody may ask, and hears ESRCH.
func TestMayWatch(t *testing.T) {
	both(t, func(w *world) {
		me := &Cred{RUID: 5, EUID: 6, SUID: 6}
		spawn := func(c *Cred) *Proc {
			p, _ := w.m.Spawn(SpawnArgs{Cred: c, Body: sleepForever})
			return p
		}
		p := spawn(me)
		sugid := spawn(&Cred{RUID: 5, EUID: 5, SUID: 5})
		w.locked(func() { sugid.flags |= fSugid })
		gone := w.spawnWith("gone", SpawnArgs{Cred: Root, Body: exit(0)})
		gone.Wait()
		settled()
		for _, c := range []struct {
			name string
			who  *Proc
			of   *Proc
			want bool
		}{
			{"root", w.m.Init(), p, true}, {"root, of a set-id one", w.m.Init(), sugid, true},
			{"the same real user", p, spawn(UserCred(5, 5)), true}, {"a set-id one", p, sugid, false},
			{"the effective user", p, spawn(UserCred(6, 6)), false}, {"gone", p, gone, true}, {"root's", p, w.m.Init(), false},
		} {
			w.is(c.name, c.who.MayWatch(c.of), c.want)
		}
		w.m.Spawn(SpawnArgs{Cred: Root, Body: sleepForever, Prepare: func(l *LWP) netbsd.Errno {
			w.is("another's embryo", p.MayWatch(l.Proc()), false)
			return 0
		}})
	})
}

// CANSIGNAL, signal_listener_cb of kern_sig.c and kauth_cred_uidmatch of kern_auth.c: each of the sender's two users is compared with the
// target's real and its effective one; SIGCONT goes everywhere in the session.
func TestCanSignal(t *testing.T) {
	both(t, func(w *world) {
		spawn := func(c *Cred, sid bool) *Proc {
			p, _ := w.m.Spawn(SpawnArgs{Cred: c, Setsid: sid, Body: sleepForever})
			return p
		}
		from := spawn(&Cred{RUID: 1, EUID: 2, SUID: 9}, false)
		for _, c := range []struct {
			name string
			of   *Cred
			want bool
		}{
			{"real, real", &Cred{RUID: 1, EUID: 5, SUID: 5}, true},
			{"effective, real", &Cred{RUID: 2, EUID: 5, SUID: 5}, true},
			{"saved, real", &Cred{RUID: 9, EUID: 5, SUID: 5}, false},
			{"real, effective", &Cred{RUID: 5, EUID: 1, SUID: 5}, true},
			{"effective, effective", &Cred{RUID: 5, EUID: 2, SUID: 5}, true},
			{"real, saved", &Cred{RUID: 5, EUID: 5, SUID: 1}, false},
			{"effective, saved", &Cred{RUID: 5, EUID: 5, SUID: 2}, false},
			{"nobody's", &Cred{RUID: 5, EUID: 5, SUID: 5}, false},
		} {
			p, apart := spawn(c.of, false), spawn(c.of, true)
			w.locked(func() {
				w.is(c.name, from.canSignal(p, netbsd.SIGTERM), c.want)
				w.is(c.name+", SIGCONT in the session", from.canSignal(p, netbsd.SIGCONT), true)
				w.is(c.name+", SIGCONT", from.canSignal(apart, netbsd.SIGCONT), c.want)
			})
		}
		w.locked(func() { w.is("itself", from.canSignal(from, netbsd.SIGTERM), true) })
	})
}

// kill1: sigqueueinfo(2) to others tells nothing but the sender and SI_USER or SI_QUEUE.
func TestSigqueueSaysWhoSends(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			me := int32(l.Proc().Pid())
			c := w.fork(l, "C", sleepForever)
			for _, q := range []struct {
				info netbsd.Siginfo
				want netbsd.Errno
			}{
				{netbsd.Siginfo{Code: netbsd.SI_QUEUE, Pid: me}, 0},
				{netbsd.Siginfo{Code: netbsd.SI_USER, Pid: me}, 0},
				{netbsd.Siginfo{Code: netbsd.SI_TIMER, Pid: me}, netbsd.EPERM},
				{netbsd.Siginfo{Code: netbsd.SI_QUEUE, Pid: me + 1}, netbsd.EPERM},
				{netbsd.Siginfo{Code: netbsd.SI_USER, Pid: me + 1}, netbsd.EPERM},
				{netbsd.Siginfo{Code: netbsd.SI_QUEUE, Pid: me, UID: 3}, netbsd.EPERM},
				{netbsd.Siginfo{Code: netbsd.SI_USER, Pid: me, UID: 3}, netbsd.EPERM},
			} {
				q.info.Signo = netbsd.SIGURG
				w.is("sigqueue", l.Sigqueue(c.Pid(), &q.info), q.want)
				w.is("to itself", l.Sigqueue(int(me), &q.info), netbsd.Errno(0))
			}
		})
	})
}

// setrlimit(2), getrlimit(2): resources that there are, no soft limit above the hard one, and the
// superuser alone raises that.
func TestRlimitRules(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			for _, which := range []int{-1, netbsd.RLIM_NLIMITS} {
				_, errno := p.Rlimit(which)
				w.is("none", []netbsd.Errno{errno, l.SetRlimit(which, Rlimit{})}, []netbsd.Errno{netbsd.EINVAL, netbsd.EINVAL})
			}
			set := func(r Rlimit, want netbsd.Errno) {
				w.Helper()
				w.is("set", l.SetRlimit(netbsd.RLIMIT_FSIZE, r), want)
			}
			_, bound := p.FileSize()
			w.is("none yet", bound, false)
			set(Rlimit{5, 4}, netbsd.EINVAL)
			set(Rlimit{4, 4}, 0)
			set(Rlimit{5, 1<<64 - 1}, 0) // cut to RLIM_INFINITY
			r, errno := p.Rlimit(netbsd.RLIMIT_FSIZE)
			w.is("cut", []any{r, errno}, []any{Rlimit{5, netbsd.RLIM_INFINITY}, netbsd.Errno(0)})
			set(Rlimit{1<<64 - 1, 1<<64 - 1}, 0)
			_, bound = p.FileSize()
			w.is("infinite", bound, false)
			set(Rlimit{5, 6}, 0)
			n, bound := p.FileSize()
			w.is("bound", []any{n, bound}, []any{uint64(5), true})
			c := w.fork(l, "C", func(l *LWP) { nap(l, time.Second) })
			n, bound = c.FileSize()
			w.is("inherited", []any{n, bound}, []any{uint64(5), true})
			lim := *DefaultLimits()
			lim[netbsd.RLIMIT_FSIZE] = Rlimit{8, 8}
			s, _ := w.m.Spawn(SpawnArgs{Limits: &lim, Body: sleepForever})
			n, bound = s.FileSize()
			w.is("spawned", []any{n, bound}, []any{uint64(8), true})
			w.is("the last resource", l.SetRlimit(netbsd.RLIM_NLIMITS-1, Rlimit{1 << 40, 1 << 40}), netbsd.Errno(0))
			l.Setuid(7)
			set(Rlimit{5, 7}, netbsd.EPERM)
			set(Rlimit{4, 6}, 0)
			set(Rlimit{3, 5}, 0)
			w.wait(l, c.Pid(), 0)
			_, errno = c.Rlimit(netbsd.RLIMIT_FSIZE)
			_, bound = c.FileSize()
			w.is("gone", []any{errno, bound}, []any{netbsd.Errno(netbsd.ESRCH), false})
		})
	})
}
