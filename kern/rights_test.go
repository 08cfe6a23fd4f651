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

// kill(2), and kauth_cred_uidmatch of kern_auth.c as CANSIGNAL before it: the receiver's real and effective users count, not its saved one.
func TestSavedUserMayNotSignal(t *testing.T) {
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
				w.is("kill", l.Kill(c.Pid(), 0), netbsd.EPERM)
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

// check_posix_spawn counts one process more, execve_loadvm those that there are, of who has changed its identity alone.
func TestRLIMIT_NPROCOfSpawnAndExec(t *testing.T) {
	both(t, func(w *world) {
		most := func(n int) { w.locked(func() { w.m.cfg.MaxProc = n }) }
		most(3) // with init
		lim := *DefaultLimits()
		lim[netbsd.RLIMIT_NPROC] = Rlimit{2, 2}
		again := netbsd.Errno(netbsd.EAGAIN)
		w.spawnWith("P", SpawnArgs{Cred: UserCred(5, 5), Limits: &lim, Body: func(l *LWP) {
			w.is("one more is allowed", []netbsd.Errno{l.MaySpawn(), l.MayExec()}, []netbsd.Errno{0, 0})
			c := w.fork(l, "C", sleepForever)
			w.is("the table is full", l.MaySpawn(), again)
			most(9)
			w.is("as many as there may be", []netbsd.Errno{l.MaySpawn(), l.MayExec()}, []netbsd.Errno{again, 0})
			l.SetRlimit(netbsd.RLIMIT_NPROC, Rlimit{1, 1})
			w.is("too many", l.MayExec(), netbsd.Errno(0))
			w.locked(func() { l.p.flags |= fSugid })
			w.is("too many, and another user before", l.MayExec(), under(w, netbsd.Errno(0), again))
			c.Kill(netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
		}}).Wait()
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
				g := w.fork(l, "G", func(l *LWP) { l.Proc().AddUsage(&netbsd.Rusage{Utime: 5 * time.Second, Minflt: 3}) })
				w.wait(l, g.Pid(), 0)
				l.Proc().AddUsage(&netbsd.Rusage{Utime: 2 * time.Second})
			})
			var self, kids netbsd.Rusage
			out := &WaitOut{Wrusage: func(s, c *netbsd.Rusage) netbsd.Errno { self, kids = *s, *c; return 0 }}
			l.Wait6(netbsd.P_PID, c.Pid(), netbsd.WEXITED|netbsd.WNOWAIT, out)
			w.is("WNOWAIT", self.Utime, 2*time.Second)
			// match_process has calcru put the child's own times there, too.
			w.is("WNOWAIT, descendants", []any{kids.Utime, kids.Minflt}, []any{2 * time.Second, int64(3)})
			l.Wait6(netbsd.P_PID, c.Pid(), netbsd.WEXITED, out)
			w.is("reaped", self.Utime, 7*time.Second)
			w.is("reaped, descendants", []any{kids.Utime, kids.Minflt}, []any{5 * time.Second, int64(3)})
			c = w.fork(l, "C", func(l *LWP) {
				l.Proc().AddUsage(&netbsd.Rusage{Stime: 4 * time.Second})
				sleepForever(l)
			})
			w.is("WNOHANG", waited6(l, netbsd.P_ALL, 0, netbsd.WEXITED|netbsd.WNOHANG, out), 0)
			w.is("WNOHANG, descendants", []time.Duration{self.Stime, kids.Stime}, []time.Duration{4 * time.Second, 4 * time.Second})
			c.Kill(netbsd.SIGSTOP)
			w.is("a stop", waited6(l, netbsd.P_ALL, 0, netbsd.WUNTRACED, out), c.Pid())
			w.is("a stop, descendants", kids.Stime, 4*time.Second)
			c.Kill(netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
		})
	})
}

// match_process compares users and groups as uid_t and gid_t: -2 is the user 4294967294, whatever the register of the call has above.
func TestWaitForTheLargestUsersAndGroups(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			const big = ^uint32(0) - 1
			c := w.fork(l, "C", func(l *LWP) {
				l.Setgid(big)
				l.Setuid(big)
			})
			const how = netbsd.WEXITED | netbsd.WNOWAIT
			w.is("user", waited6(l, netbsd.P_UID, -2, how, nil), c.Pid())
			w.is("group", waited6(l, netbsd.P_GID, -2, how, nil), c.Pid())
			w.is("user", waited6(l, netbsd.P_UID, int(big), how, nil), c.Pid())
			w.is("another", waited6(l, netbsd.P_UID, -3, how, nil), 0)
			w.wait(l, c.Pid(), 0)
		})
	})
}

// waited6 is wait6(2), whose error is no part of the test.
func waited6(l *LWP, idtype, id, options int, out *WaitOut) int {
	l.Nanosleep(time.Millisecond) // until the child has come to rest
	pid, _ := l.Wait6(idtype, id, options, out)
	return pid
}

// debugged_child_exists has match_process fill in the siginfo, but not the usage, of a child that a debugger holds; match_process
// tells how a zombie ended that WALTSIG leaves out.
func TestWhatAWaitTellsThatHasFoundNothing(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			var info netbsd.Siginfo
			var self netbsd.Rusage
			out := &WaitOut{
				Info:    func(i *netbsd.Siginfo) netbsd.Errno { info = *i; return 0 },
				Wrusage: func(s, _ *netbsd.Rusage) netbsd.Errno { self = *s; return 0 },
			}
			u := w.forkWith(l, "U", ForkArgs{ExitSignal: netbsd.SIGURG, Body: exit(0x123)})
			l.Nanosleep(time.Millisecond)
			live := w.fork(l, "L", sleepForever) // so that there is somebody to wait for, ahead of U
			w.is("an end that is left out", waited6(l, netbsd.P_ALL, 0, netbsd.WEXITED|netbsd.WNOHANG, out), 0)
			w.is("is told of", []any{int(info.Pid), info.Code, info.Status}, []any{u.Pid(), int32(netbsd.CLD_EXITED), int32(0x123)})
			w.wait(l, u.Pid(), netbsd.WALTSIG)
			live.Kill(netbsd.SIGKILL)
			w.wait(l, live.Pid(), 0)

			c := w.fork(l, "C", func(l *LWP) {
				l.Proc().AddUsage(&netbsd.Rusage{Utime: 4 * time.Second})
				sleepForever(l)
			})
			w.spawn("D", func(l *LWP) {
				w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
				l.Nanosleep(time.Second)
				l.PtraceKill(c.Pid())
				w.wait(l, c.Pid(), 0)
			})
			settled()
			info, self = netbsd.Siginfo{}, netbsd.Rusage{}
			for _, by := range [][2]int{{netbsd.P_ALL, 0}, {netbsd.P_PID, c.Pid()}} {
				w.is("nothing", waited6(l, by[0], by[1], netbsd.WEXITED|netbsd.WNOHANG, out), 0)
				w.is("who it is", []any{int(info.Pid), info.Signo, info.Code, info.Status, self.Utime},
					[]any{c.Pid(), netbsd.Signal(netbsd.SIGCHLD), int32(netbsd.CLD_KILLED), int32(netbsd.SIGSTOP), time.Duration(0)})
			}
			w.wait(l, c.Pid(), 0)
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
				w.is(fmt.Sprint(c, " forks"), []netbsd.Errno{errno, l.MaySpawn()}, []netbsd.Errno{want, want})
				w.is(fmt.Sprint(c, " executes"), l.MayExec(), exec)
				if errno == 0 {
					w.wait(l, netbsd.WaitAny, 0)
				}
			}}).Wait()
		}
	})
}
