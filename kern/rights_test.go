package kern

import (
	"fmt"
	"testing"
	"time"

	"toaster/netbsd"
)

// Tests of who may signal and who is limited, and what a wait without a reap tells.

// killpg1 (sys_sig.c): "p == cp" is skipped.
func TestKillAllLeavesOutTheCaller(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.handle(l, netbsd.SIGUSR1, func(*LWP, *netbsd.Siginfo) { w.mark("caller") })
			c := w.fork(l, "C", sleepForever)
			l.Kill(-1, netbsd.SIGUSR1)
			l.Nanosleep(time.Second)
			w.never("caller")
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
		})
	})
}

// CANSIGNAL of 1.127's time looks at the effective user; NetBSD 10 (secmodel_bsd44, proc_uidmatch)
// at the saved one, too.
func TestSavedUserIsWhoMaySignal(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.Setreuid(60, 50) // real 60, effective and saved 50
				l.Seteuid(60)
				sleepForever(l)
			})
			l.Nanosleep(time.Millisecond)
			k := w.fork(l, "K", func(l *LWP) {
				l.Setuid(50)
				w.is("kill", l.Kill(c.Pid(), 0), under(w, netbsd.EPERM, netbsd.Errno(0)))
			})
			w.wait(l, k.Pid(), 0)
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
		})
	})
}

// fork1 (kern_fork.c): RLIMIT_NPROC does not bind root, and P_SUGID is inherited.
func TestForkOfRootAndOfWhoChangedUsers(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.SetRlimit(netbsd.RLIMIT_NPROC, Rlimit{1, 1})
				g := w.fork(l, "root is not limited", exit(0))
				w.wait(l, g.Pid(), 0)
				l.Setuid(5)
				w.is("issetugid", l.Proc().Issetugid(), true)
			})
			w.wait(l, c.Pid(), 0)
			c = w.fork(l, "C", func(l *LWP) {
				l.Setuid(5)
				w.fork(l, "G", func(l *LWP) { w.is("inherited", l.Proc().Issetugid(), true) })
				w.wait(l, netbsd.WaitAny, 0)
			})
			w.wait(l, c.Pid(), 0)
		})
	})
}

// NetBSD 10 adds p_cru in proc_free, to which WNOWAIT does not come (do_sys_waitid).
func TestUsageOfAWaitWithoutAReapIsTheChildsOwn(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				g := w.fork(l, "G", func(l *LWP) { l.Proc().AddUsage(&netbsd.Rusage{Utime: 5 * time.Second}) })
				w.wait(l, g.Pid(), 0)
				l.Proc().AddUsage(&netbsd.Rusage{Utime: 2 * time.Second})
			})
			var self netbsd.Rusage
			out := &WaitOut{Wrusage: func(s, _ *netbsd.Rusage) netbsd.Errno { self = *s; return 0 }}
			l.Wait6(netbsd.P_PID, c.Pid(), netbsd.WEXITED|netbsd.WNOWAIT, out)
			w.is("WNOWAIT", self.Utime, 2*time.Second)
			l.Wait6(netbsd.P_PID, c.Pid(), netbsd.WEXITED, out)
			w.is("reaped", self.Utime, 7*time.Second)
		})
	})
}

// SetSubreaper: nobody can become one whose exit has begun, as its orphanChildren may be over.
func TestSubreaperOfWhoExits(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			defer func() { w.is("in a deferred function", l.Proc().SetSubreaper(true), netbsd.ESRCH) }()
			w.give(l.Proc(), func() { w.is("exiting", l.Proc().SetSubreaper(true), netbsd.ESRCH) }, nil, nil)
			l.Exit(0)
		})
		w.is("gone", p.SetSubreaper(true), netbsd.ESRCH)
	})
}

// ptrace(2), PT_ATTACH: EPERM for another user's process and for one that has changed its user
// (secmodel_bsd44); root may.
func TestWhoMayAttach(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			user := func(uid uint32) *Proc {
				return w.spawnWith("U", SpawnArgs{Cred: UserCred(uid, uid), Body: sleepForever})
			}
			own, other, root := user(7), user(8), w.spawn("R", sleepForever)
			changed := w.spawn("C", func(l *LWP) { l.Setuid(7); sleepForever(l) })
			l.Nanosleep(time.Second)
			w.spawnWith("D", SpawnArgs{Cred: UserCred(7, 7), Body: func(l *LWP) {
				w.is("another's", l.PtraceAttach(other.Pid()), netbsd.EPERM)
				w.is("root's", l.PtraceAttach(root.Pid()), netbsd.EPERM)
				w.is("one that was root's", l.PtraceAttach(changed.Pid()), netbsd.EPERM)
				w.is("own", l.PtraceAttach(own.Pid()), netbsd.Errno(0))
			}}).Wait()
			w.is("root", l.PtraceAttach(other.Pid()), netbsd.Errno(0))
			for _, p := range []*Proc{other, root, changed} {
				p.Kill(netbsd.SIGKILL)
			}
			w.wait(l, other.Pid(), netbsd.WALLSIG)
		})
	})
}

// PT_SUSPEND and PT_RESUME: ESRCH for an LWP that is not there, or has ended.
func TestSuspendOfNoLWP(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			zombie := 0
			pid := w.tracedWith(l, 0, func(l *LWP) {
				n, _ := l.NewLWP(0, (*LWP).ExitLWP, false, nil)
				zombie = n.ID()
				l.Nanosleep(time.Second)
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
			})
			w.next(l, pid, 0)
			for _, on := range []bool{true, false} {
				w.is("nobody", l.PtraceSuspend(pid, 9999, on), netbsd.ESRCH)
				w.is("a zombie", l.PtraceSuspend(pid, zombie, on), netbsd.ESRCH)
				w.is("the first", l.PtraceSuspend(pid, under(w, 1, pid), on), netbsd.Errno(0))
			}
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}

// RLIMIT_NPROC does not bind the superuser, who is that by his effective id (KAUTH_REQ_PROCESS_RLIMIT_BYPASS, fork1 and check_posix_spawn), in 2003
// by his real one. Whose user has too many processes executes nothing once he has changed his ids (execve_loadvm); in 2003 he does.
func TestWhomTheLimitOfProcessesBinds(t *testing.T) {
	both(t, func(w *world) {
		for _, c := range []struct {
			real, effective uint32
			fork, old       netbsd.Errno
			exec            netbsd.Errno
		}{
			{0, 0, 0, 0, 0},
			{0, 5, netbsd.EAGAIN, 0, netbsd.EAGAIN},
			{5, 0, 0, netbsd.EAGAIN, 0},
			{5, 5, netbsd.EAGAIN, netbsd.EAGAIN, netbsd.EAGAIN},
		} {
			w.spawnWith("P", SpawnArgs{Cred: &Cred{RUID: c.real, EUID: c.effective, SUID: c.effective}, Body: func(l *LWP) {
				l.SetRlimit(netbsd.RLIMIT_NPROC, Rlimit{0, 0})
				w.is("exec as before", l.MayExec(), netbsd.Errno(0))
				w.locked(func() { l.p.flags |= fSugid })
				want, exec := c.fork, c.exec
				if w.r2003 {
					want, exec = c.old, 0
				}
				_, errno := l.Fork(ForkArgs{Body: exit(0)})
				w.is(fmt.Sprint(c, " forks"), []netbsd.Errno{errno, l.MayFork()}, []netbsd.Errno{want, want})
				w.is(fmt.Sprint(c, " executes"), l.MayExec(), exec)
				if errno == 0 {
					w.wait(l, netbsd.WaitAny, 0)
				}
			}}).Wait()
		}
	})
}
