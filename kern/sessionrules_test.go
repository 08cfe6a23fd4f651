package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// The id of a session is nobody else's as long as it has a member, its leader's group gone or not (SESSRELE, item 96); then it is free.
func TestSessionIdOutlivesItsLeader(t *testing.T) {
	both(t, func(w *world) {
		there := func(id int) bool {
			w.m.lock()
			defer w.m.unlock()
			return w.m.pids.findGroup(id) != nil
		}
		w.guest(func(l *LWP) {
			for _, apart := range []bool{true, false} {
				var last *Proc
				s := w.fork(l, "S", func(l *LWP) {
					sid, _ := l.Setsid()
					w.is("there", there(sid), true)
					last = w.fork(l, "last", func(l *LWP) {
						if apart {
							l.Setpgid(0, 0)
						}
						sleepForever(l)
					})
					nap(l, time.Second)
				})
				w.wait(l, s.Pid(), 0)
				w.is("without its leader", []any{there(s.Pid()), w.m.Find(s.Pid()) == nil, last.Sid()}, []any{true, true, s.Pid()})
				n := l.Kill(-s.Pid(), 0)
				w.is("its group", n, map[bool]netbsd.Errno{true: netbsd.ESRCH, false: 0}[apart])
				w.is("the other's group", there(last.Pgid()), true)
				check(t, w.m)
				last.Kill(netbsd.SIGKILL)
				nap(l, time.Second)
				w.is("gone", []any{there(s.Pid()), there(last.Pid())}, []any{false, false})
				check(t, w.m)
			}
		})
	})
}

// A terminal holds its session (s_count): the id is taken until it lets go, if there is nobody else.
func TestTerminalHoldsItsSession(t *testing.T) {
	both(t, func(w *world) {
		p, tty := w.leader("L", &fakeDev{}, func(l *LWP, _ *TTY) {
			i, _ := l.Proc().Info()
			w.is("a member", []any{i.TTY != nil, i.HasTTY}, []any{true, true})
			c := w.fork(l, "C", func(l *LWP) {
				w.is("drop", l.DropTTY(), netbsd.Errno(0))
				i, _ := l.Proc().Info()
				w.is("dropped", []any{i.TTY == nil, l.Proc().TTY() == nil}, []any{true, true})
				s := w.fork(l, "D", func(l *LWP) {
					l.Setsid()
					i, _ := l.Proc().Info()
					w.is("a new session", []any{i.TTY == nil, i.Flags & netbsd.P_CONTROLT}, []any{true, uint32(0)})
				})
				w.wait(l, s.Pid(), 0)
			})
			w.wait(l, c.Pid(), 0)
			d := w.fork(l, "E", func(l *LWP) {
				l.Setsid()
				w.is("another's terminal", l.AcquireTTY(l.p.parent.pgrp.sess.tty), netbsd.EPERM)
			})
			w.wait(l, d.Pid(), 0)
		})
		p.Wait()
		settled()
		check(t, w.m)
		w.is("parted", []any{tty.Session() == nil, tty.Foreground() == nil}, []any{true, true})
		none, _ := w.m.Spawn(SpawnArgs{Body: sleepForever, Setsid: true})
		i, _ := none.Info()
		w.is("spawned", []any{i.TTY == nil, i.Flags & netbsd.P_CONTROLT}, []any{true, uint32(0)})
	})
}

// setpgid(2) counts anew (fixjobc): the group of a child that is left behind has somebody to continue it, and one whose last such member is
// reaped has nobody.
func TestJobCountsFollowTheParent(t *testing.T) {
	both(t, func(w *world) {
		jobc := func(p *Proc) int { i, _ := p.Info(); return i.Jobc }
		w.spawnWith("P", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			m := w.fork(l, "M", func(l *LWP) {
				c := w.fork(l, "C", sleepForever)
				l.Setpgid(c.Pid(), 0)
				w.is("apart", jobc(c), 1)
				l.Setpgid(0, c.Pid())
				w.is("together, the parent is apart", jobc(c), 1)
				d := w.fork(l, "D", sleepForever)
				l.Setpgid(0, 0)
				w.is("apart again", []int{jobc(d), jobc(l.Proc())}, []int{2, 1})
				w.is("another's session", l.Setpgid(c.Pid(), w.m.Init().Pid()), netbsd.EPERM)
				w.is("no group", l.Setpgid(c.Pid(), 9999), netbsd.EPERM)
				w.is("the same", l.Setpgid(c.Pid(), c.Pid()), netbsd.Errno(0))
				t := w.fork(l, "T", func(l *LWP) {
					w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
					w.wait(l, c.Pid(), 0)
					nap(l, 2*time.Second)
				})
				nap(l, time.Second)
				l.Setpgid(0, c.Pid())
				w.is("together, one is with a debugger", jobc(c), 1)
				l.Setpgid(0, 0)
				w.is("apart, one is with a debugger", jobc(d), 2)
				check(w.T, w.m)
				w.wait(l, t.Pid(), 0)
				nap(l, time.Second)
				check(w.T, w.m)
			})
			w.wait(l, m.Pid(), 0)
			w.spawn("E", func(l *LWP) {})
			e := w.fork(l, "E", func(l *LWP) { w.slowAcct(); l.Exit(0) })
			o := w.fork(l, "O", sleepForever)
			l.Setpgid(o.Pid(), 0)
			nap(l, time.Second/10)
			l.Setpgid(e.Pid(), o.Pid())
			w.wait(l, e.Pid(), 0)
			check(w.T, w.m)
			w.is("reaped", jobc(o), 1)
		}}).Wait()
	})
}

// SetSubreaper: orphans go past ancestors that are none; one that is told twice is one; KillSubtree reaches the living.
func TestSubreaperAboveOthers(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			me := l.Proc()
			for range 2 {
				me.SetSubreaper(true)
			}
			var c *Proc
			a := w.fork(l, "A", func(l *LWP) {
				w.fork(l, "B", func(l *LWP) {
					c = w.fork(l, "C", sleepForever)
					nap(l, time.Second)
				})
				w.wait(l, netbsd.WaitAny, 0)
				w.is("not the nearest ancestor", c.Ppid(), me.Pid())
				sleepForever(l)
			})
			nap(l, 2*time.Second)
			w.is("reapers", []int{a.ReapStatus().Reaper, me.ReapStatus().Reaper}, []int{me.Pid(), me.Pid()})
			w.fork(l, "Z", exit(0))
			e := w.fork(l, "E", func(l *LWP) {
				w.give(l.Proc(), func() { nap(l, time.Hour) }, nil, nil)
				l.Exit(0)
			})
			nap(l, time.Second)
			n, errno := me.KillSubtree(netbsd.SIGTERM)
			w.is("the living", []any{n, errno, e.State()}, []any{2, netbsd.Errno(0), StateExiting})
			w.is("no signal", func() netbsd.Errno { _, errno := me.KillSubtree(netbsd.NSIG); return errno }(), netbsd.EINVAL)
			for range 2 {
				me.SetSubreaper(false)
			}
			w.locked(func() { w.is("none left", w.m.nsubreapers, 0) })
			me.SetSubreaper(true)
			w.fork(l, "F", func(l *LWP) {
				l.Proc().SetSubreaper(true)
				w.fork(l, "G", func(l *LWP) {
					w.fork(l, "H", sleepForever)
					l.Exit(0)
				})
				w.wait(l, netbsd.WaitAny, 0)
				w.is("the nearest", len(l.Proc().Children()), 1)
				l.Exit(0)
			})
			nap(l, time.Second)
			w.is("and after its end the next one", w.find("H").Ppid(), me.Pid())
			w.locked(func() { w.is("one is left", w.m.nsubreapers, 1) })
			me.KillSubtree(netbsd.SIGKILL)
		})
	})
}

// A subtree is who descends by original parents (p_opptr while a debugger is the parent): a debugger outside of it takes nobody out, with
// what is below, and one inside brings nobody in.
func TestSubtreeAndDebuggers(t *testing.T) {
	for _, inside := range []bool{false, true} {
		both(t, func(w *world) {
			w.guest(func(l *LWP) {
				other := w.fork(l, "other", func(l *LWP) { w.fork(l, "below", sleepForever); sleepForever(l) })
				debug := func(l *LWP, p *Proc) {
					w.is("attach", l.PtraceAttach(p.Pid()), netbsd.Errno(0))
					w.wait(l, p.Pid(), 0)
					w.goOn(l, p.Pid(), 0)
				}
				s := w.fork(l, "S", func(l *LWP) {
					c := w.fork(l, "C", func(l *LWP) { w.fork(l, "D", sleepForever); sleepForever(l) })
					w.fork(l, "E", func(l *LWP) {
						nap(l, time.Second)
						if inside {
							debug(l, c)
							debug(l, other)
						}
						sleepForever(l)
					})
					sleepForever(l)
				})
				nap(l, time.Second)
				if !inside {
					debug(l, w.find("C"))
				}
				nap(l, time.Second)
				w.is("descendants", w.namesOf(s.Descendants()), "C D E")
				st := s.ReapStatus()
				w.is("status", []int{st.Children, st.Descendants}, []int{2, 3})
				w.is("of init", len(w.m.init.Descendants()), w.m.NumProcs()-1)
				n, errno := s.KillSubtree(netbsd.SIGKILL)
				w.is("killed", []any{n, errno}, []any{3, netbsd.Errno(0)})
				nap(l, time.Second)
				if !inside { // a debugger's end would have killed it
					w.is("another's", other.State(), StateActive)
				}
				s.Kill(netbsd.SIGKILL)
				other.Kill(netbsd.SIGKILL)
			})
		})
	}
}

// A parent-death signal of any number is sent, also to a child that is with a debugger when its parent dies.
func TestParentDeathSignals(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, traced := range []bool{false, true} {
				var c *Proc
				p := w.fork(l, "P", func(l *LWP) {
					c = w.fork(l, "C", func(l *LWP) {
						l.Proc().SetParentDeathSignal(netbsd.SIGHUP)
						w.handle(l, netbsd.SIGHUP, func(*LWP, *netbsd.Siginfo) { w.mark("SIGHUP %t", traced) })
						sleepForever(l)
					})
					nap(l, 2*time.Second)
				})
				nap(l, time.Second)
				if traced {
					w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
					w.wait(l, c.Pid(), 0)
					w.goOn(l, c.Pid(), 0)
				}
				w.wait(l, p.Pid(), 0)
				if traced {
					w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGHUP), 0)
					w.goOn(l, c.Pid(), netbsd.SIGHUP)
				}
				nap(l, time.Second)
				c.Kill(netbsd.SIGKILL)
			}
		})
		w.order("SIGHUP false", "SIGHUP true")
	})
}

// proc_enterpgrp asks for the session of a group where another process is moved, and not where the caller moves itself: the caller is in
// that session then (kern_proc.c 1.63, 1.194 and 1.263 alike).
func TestSetpgidIntoAnotherSession(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", sleepForever)
			s := w.fork(l, "S", func(l *LWP) {
				l.Setsid()
				w.is("a leader", []netbsd.Errno{l.Setpgid(0, 0), l.Setpgid(0, l.Proc().Ppid()), l.Setpgid(0, 9999)}, []netbsd.Errno{0, netbsd.EPERM, netbsd.EPERM})
				sleepForever(l)
			})
			nap(l, time.Second)
			w.is("another process", l.Setpgid(c.Pid(), s.Pid()), netbsd.EPERM)
			w.is("its group and its leader", []netbsd.Errno{l.Setpgid(c.Pid(), c.Pid()), l.Setpgid(c.Pid(), c.Pid())}, []netbsd.Errno{0, 0})
			m := w.fork(l, "M", func(l *LWP) {
				w.is("oneself", l.Setpgid(0, s.Pid()), netbsd.Errno(0))
				w.is("of that session", []int{l.Proc().Pgid(), l.Proc().Sid()}, []int{s.Pid(), s.Pid()})
				w.is("a group of one's own, in it", []any{l.Setpgid(0, 0), l.Proc().Pgid(), l.Proc().Sid()}, []any{netbsd.Errno(0), l.Proc().Pid(), s.Pid()})
				sleepForever(l)
			})
			nap(l, time.Second)
			w.is("is apart from its parent's session now", l.Setpgid(m.Pid(), 0), netbsd.EPERM)
			check(t, w.m)
			s.Kill(netbsd.SIGKILL)
			w.wait(l, s.Pid(), 0)
			w.is("which outlives its leader", m.Sid(), s.Pid())
			check(t, w.m)
			for _, p := range []*Proc{m, c} {
				p.Kill(netbsd.SIGKILL)
				w.wait(l, p.Pid(), 0)
			}
		})
	})
}
