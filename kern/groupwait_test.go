package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Tests of waits for a group, whose index follows what becomes of the children, and of groups
// that are empty or orphaned.

// find_stopped_child compares p_pgid at each look: a child that has changed groups is no longer
// found in the old one (item 79).
func TestGroupWaitAfterSetpgid(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.Nanosleep(2 * time.Second)
				l.Setpgid(0, 0)
				l.Nanosleep(2 * time.Second)
				l.Exit(3)
			})
			l.Setpgid(0, 0) // away from group 1, which is any child in 2003
			l.Setpgid(c.Pid(), l.Proc().Pid())
			l.Nanosleep(time.Second)
			w.waitIs(l, 0, netbsd.WNOHANG, 0, 0, 0) // index
			l.Nanosleep(2 * time.Second)
			w.waitIs(l, 0, netbsd.WNOHANG, 0, 0, netbsd.ECHILD)
			w.waitIs(l, -c.Pid(), netbsd.WNOHANG, 0, 0, 0)
			w.waitIs(l, -c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
		})
	})
}

// proc_enterpgrp (kern_proc.c): "Don't attach to 'zombie' pgrp". The group of a session's id stays in
// the table while the session lives.
func TestEmptyGroupOfASessionCannotBeJoined(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var sid int
			c := w.fork(l, "C", func(l *LWP) {
				sid, _ = l.Setsid()
				w.fork(l, "G", func(l *LWP) {
					l.Setpgid(0, 0)
					l.Nanosleep(2 * time.Second)
					w.is("setpgid to the empty group", l.Setpgid(0, sid), netbsd.EPERM)
				})
				l.Nanosleep(time.Second)
				l.Exit(0)
			})
			w.wait(l, c.Pid(), 0)
			l.Nanosleep(3 * time.Second)
		})
	})
}

// In a group that has been orphaned since it was sent, issignal (kern_sig.c) of 2003 ignores a stop of the terminal's by the
// group's pg_jobc; that of 10 asks for PL_ORPHANPG, which orphanpg sets for those alone that have stopped: others stop, and
// nobody is there to continue them.
func TestPendingTSTPOfAnOrphanedGroup(t *testing.T) {
	both(t, func(w *world) {
		var c *Proc
		w.spawnWith("L", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			c = w.fork(l, "C", func(l *LWP) {
				l.Setpgid(0, 0)
				set := netbsd.SIGTSTP.Bit()
				l.Sigprocmask(netbsd.SIG_BLOCK, &set)
				l.Kill(l.Proc().Pid(), netbsd.SIGTSTP)
				l.Nanosleep(5 * time.Second)
				l.Sigprocmask(netbsd.SIG_UNBLOCK, &set)
				l.Nanosleep(5 * time.Second)
				w.mark("C ends")
			})
			l.Nanosleep(time.Second)
			l.Exit(0)
		}})
		time.Sleep(20 * time.Second)
		settled()
		w.is("has stopped", c.Stopped(), !w.r2003)
		if w.r2003 {
			w.order("C ends")
		} else {
			w.never("C ends")
		}
		if c.State() == StateActive {
			c.Kill(netbsd.SIGKILL)
		}
	})
}

// kpsignal2 (kern_sig.c) discards it where pg_jobc is 0: not even a sleep ends.
func TestTSTPDoesNotDisturbAnOrphan(t *testing.T) {
	both(t, func(w *world) {
		w.spawnWith("L", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			time.AfterFunc(time.Second, func() { l.Proc().Kill(netbsd.SIGTSTP) })
			_, e := l.Nanosleep(10 * time.Second)
			w.is("nanosleep", []any{e, w.since()}, []any{netbsd.Errno(0), 10 * time.Second})
		}}).Wait()
	})
}

// exit1 calls pgsignal(t_pgrp, SIGHUP, 1): only members with PL_CONTROLT get it (item 17).
func TestHangupOnlyWithAControllingTerminal(t *testing.T) {
	both(t, func(w *world) {
		p, _ := w.leader("L", &fakeDev{}, func(l *LWP, t *TTY) {
			ready := make(chan struct{})
			f := w.fork(l, "F", func(l *LWP) {
				l.Setpgid(0, 0)
				w.is("TIOCNOTTY", l.DropTTY(), netbsd.Errno(0))
				w.catch(l, "F", netbsd.SIGHUP)
				close(ready)
				sleepForever(l)
			})
			<-ready
			w.is("foreground", l.SetForeground(t, f.Pid()), netbsd.Errno(0))
			l.Exit(0)
		})
		p.Wait()
		settled()
		w.never("F.SIGHUP")
	})
}

// proc_enterpgrp calls fixjobc for the group that is left: if its last member with a parent apart
// goes, it is orphaned, and who is stopped in it is told (orphanpg).
func TestGroupIsOrphanedWhenItsConnectionLeaves(t *testing.T) {
	both(t, func(w *world) {
		w.spawnWith("L", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			a := w.fork(l, "A", func(l *LWP) {
				l.Setpgid(0, 0)
				x := w.fork(l, "X", func(l *LWP) {
					w.fork(l, "T", func(l *LWP) {
						w.catch(l, "T", netbsd.SIGHUP, netbsd.SIGCONT)
						l.Kill(l.Proc().Pid(), netbsd.SIGSTOP)
						sleepForever(l)
					})
					l.Nanosleep(time.Second)
				})
				w.wait(l, x.Pid(), 0)
				g := l.Proc().Pgrp()
				l.Nanosleep(time.Second)
				w.is("connected by A", []any{g.Jobc(), w.find("T").Stopped()}, []any{1, true})
				w.is("leaves", l.Setpgid(0, l.Proc().Ppid()), netbsd.Errno(0))
				w.is("orphaned", g.Jobc(), 0)
				l.Nanosleep(time.Second)
			})
			w.wait(l, a.Pid(), 0)
			w.order("T.SIGHUP", "T.SIGCONT")
		}}).Wait()
	})
}

// A member that goes from a group which others still connect disturbs nobody.
func TestGroupThatStaysConnectedIsLeftAlone(t *testing.T) {
	both(t, func(w *world) {
		w.spawnWith("L", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			s := w.job(l, "S", netbsd.SIGHUP, netbsd.SIGCONT)
			c := w.fork(l, "C", sleepForever)
			l.Setpgid(c.Pid(), s.Pid())
			l.Kill(s.Pid(), netbsd.SIGSTOP)
			w.wait(l, s.Pid(), netbsd.WUNTRACED)
			w.is("leaves", l.Setpgid(c.Pid(), l.Proc().Pid()), netbsd.Errno(0))
			w.is("jobc", s.Pgrp().Jobc(), 1)
			l.Nanosleep(time.Second)
			w.never("S.SIGHUP", "S.SIGCONT")
			l.Kill(c.Pid(), netbsd.SIGKILL)
			l.Kill(s.Pid(), netbsd.SIGKILL)
		}}).Wait()
	})
}

// Job control goes by the real parent (doc/lifecycle.md, where toaster differs, 27): its end counts
// for a child that a debugger holds, too.
func TestEndOfTheRealParentOrphansADebuggersTarget(t *testing.T) {
	both(t, func(w *world) {
		var c *Proc
		w.spawnWith("L", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			p := w.fork(l, "P", func(l *LWP) {
				c = w.job(l, "C")
				l.Nanosleep(2 * time.Second)
			})
			l.Nanosleep(time.Second)
			w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
			w.wait(l, c.Pid(), 0)
			w.is("connected by P", c.Pgrp().Jobc(), 1)
			w.wait(l, p.Pid(), 0)
			w.is("P has gone", c.Pgrp().Jobc(), 0)
			l.PtraceKill(c.Pid())
			w.wait(l, c.Pid(), 0)
		}}).Wait()
	})
}
