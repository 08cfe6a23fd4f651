package kern

import (
	"fmt"
	"testing"
	"time"

	"toaster/netbsd"
)

// Tests of what traced children, and those that come back from a debugger, are to waits, to their
// parents and to subreapers.

// proc_free (kern_exit.c 1.127, lines 787 to 789; the same in NetBSD 10) sends the exit signal to
// the original parent only if it is not 0.
func TestZombieWithoutExitSignalComesBackSilently(t *testing.T) {
	both(t, func(w *world) {
		var c *Proc
		n := 0
		w.spawn("P", func(l *LWP) {
			l.Proc().AttachKnote(note(func(e NoteEvent) {
				if e.Kind == NoteSignal {
					n++
				}
			}))
			c = w.forkWith(l, "C", ForkArgs{NoExitSignal: true, Body: func(l *LWP) { l.Nanosleep(3 * time.Second) }})
			l.Nanosleep(10 * time.Second)
			w.is("signals sent", n, 0)
			w.wait(l, c.Pid(), netbsd.WALLSIG)
		})
		settled()
		w.spawn("D", func(l *LWP) {
			l.PtraceAttach(c.Pid())
			w.wait(l, c.Pid(), 0)
			l.PtraceResume(c.Pid(), ResumeArgs{})
			w.wait(l, c.Pid(), 0)
			l.Nanosleep(20 * time.Second)
		})
		time.Sleep(time.Minute)
		settled()
	})
}

// A debugger exits without a wait for its zombie. The original parent, asleep in wait4, is woken
// (doc/lifecycle.md, where toaster differs: NetBSD 10 only reparents).
func TestParentAsleepIsToldOfAZombieThatItsDebuggerLeft(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		var c *Proc
		p := w.spawn("P", func(l *LWP) {
			c = w.forkWith(l, "C", ForkArgs{NoExitSignal: true, Body: sleepForever})
			l.Nanosleep(2 * time.Second)
			r, e := l.Wait(c.Pid(), netbsd.WALLSIG)
			w.is("reaped", []any{r.Pid, e}, []any{c.Pid(), netbsd.Errno(0)})
			w.mark("P reaps")
		})
		settled()
		w.spawn("D", func(l *LWP) {
			w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
			w.wait(l, c.Pid(), 0)
			l.PtraceKill(c.Pid())
			l.Nanosleep(5 * time.Second) // a zombie, not collected
			w.is("zombie", c.State(), StateZombie)
			l.Exit(0)
		})
		time.Sleep(20 * time.Second)
		settled()
		w.order("P reaps")
		p.Kill(netbsd.SIGKILL)
	})
}

// debugged_child_exists asks match_process, which skips zombies without WEXITED: there is nobody
// to wait for (NetBSD 10).
func TestHeldZombieIsHiddenWithoutWEXITED(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		var c *Proc
		w.spawn("P", func(l *LWP) {
			c = w.fork(l, "C", sleepForever)
			l.Nanosleep(5 * time.Second)
			_, e := l.Wait6(netbsd.P_ALL, 0, netbsd.WUNTRACED|netbsd.WNOHANG, nil)
			w.is("errno", e, netbsd.ECHILD)
			l.Nanosleep(time.Hour)
		})
		settled()
		d := w.spawn("D", func(l *LWP) {
			l.PtraceAttach(c.Pid())
			w.wait(l, c.Pid(), 0)
			l.PtraceKill(c.Pid())
			l.Nanosleep(20 * time.Second)
		})
		d.Wait()
	})
}

// A traced child goes to init, as the parent wants no zombies, but it is the parent's by p_opptr:
// the wait finds it with debugged_child_exists, and is no ECHILD (find_stopped_child of NetBSD 10).
func TestTracedChildOfANoCldWaitParent(t *testing.T) {
	bothWith(t, func(w *world, c *Config) { c.Init = sleepForever }, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDWAIT})
			c := w.fork(l, "C", func(l *LWP) { l.TraceMe(); l.Exit(3) })
			l.Nanosleep(time.Second)
			w.is("init's", []any{c.Parent() == w.m.Init(), c.State()}, []any{true, StateZombie})
			w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, 0) // debugged_child_exists
		})
	})
}

// 1.127 clears p_opptr on allproc alone (line 353), and a child in SDEAD is on zombproc.
func TestDeadChildKeepsItsLinkIn2003(t *testing.T) {
	both(t, func(w *world) {
		if !w.r2003 {
			return
		}
		var c *Proc
		p := w.spawn("P", func(l *LWP) {
			c = w.fork(l, "C", sleepForever)
			l.Nanosleep(10 * time.Second)
		})
		settled()
		rel := make(chan struct{})
		w.spawn("D", func(l *LWP) {
			l.PtraceAttach(c.Pid())
			w.wait(l, c.Pid(), 0)
			c.AttachKnote(note(func(e NoteEvent) {
				if e.Kind == netbsd.NOTE_EXIT {
					<-rel
				}
			}))
			l.PtraceKill(c.Pid())
			l.Nanosleep(20 * time.Second)
			w.is("dead", c.State(), StateDead)
			w.locked(func() { w.is("link", c.opptr == p, true) })
			close(rel)
			w.wait(l, c.Pid(), 0)
		})
		time.Sleep(time.Minute)
		settled()
	})
}

// match_process and find_stopped_child of NetBSD 10: CLD_TRAPPED for who is traced, the signal, and
// the usage so far.
func TestWait6OfATrap(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.Proc().AddUsage(&netbsd.Rusage{Utime: 3 * time.Second})
				l.TraceMe()
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
			})
			var i netbsd.Siginfo
			var self netbsd.Rusage
			l.Wait6(netbsd.P_PID, c.Pid(), netbsd.WTRAPPED, &WaitOut{Info: func(x *netbsd.Siginfo) netbsd.Errno { i = *x; return 0 },
				Wrusage: func(s, _ *netbsd.Rusage) netbsd.Errno { self = *s; return 0 }})
			w.is("code, status", []int32{i.Code, i.Status}, []int32{netbsd.CLD_TRAPPED, int32(netbsd.SIGUSR1)})
			w.is("usage", self.Utime, 3*time.Second)
			l.PtraceKill(c.Pid())
			w.wait(l, c.Pid(), 0)
		})
	})
}

// P_EXITSIG of a traced child is SIGCHLD (sys/proc.h), so a wait for its group finds it from then
// on, even if it has looked for the group before.
func TestGroupWaitSeesATracedChild(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			go1 := make(chan struct{})
			c := w.forkWith(l, "C", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: func(l *LWP) {
				l.Setpgid(0, 0)
				<-go1
				l.TraceMe()
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR2)
			}})
			l.Nanosleep(time.Second)
			w.waitIs(l, -c.Pid(), netbsd.WNOHANG, 0, 0, netbsd.ECHILD) // makes the index; C is skipped
			close(go1)
			l.Nanosleep(time.Second)
			w.waitIs(l, -c.Pid(), netbsd.WNOHANG, c.Pid(), netbsd.StopStatus(netbsd.SIGUSR2), 0)
			l.PtraceKill(c.Pid())
			w.wait(l, c.Pid(), 0)
		})
	})
}

// A subreaper adopts orphans with SIGCHLD as init does (item 98), but a tracer does not change the
// exit signal (proc_changeparent of ptrace): the real parent still waits with WALTSIG.
func TestSubreaperAsTracerLeavesTheExitSignal(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Proc().SetSubreaper(true)
			var c *Proc
			a := w.fork(l, "A", func(l *LWP) {
				c = w.forkWith(l, "C", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: sleepForever})
				l.Sigaction(netbsd.SIGUSR1, &Action{Func: func(*LWP, *netbsd.Siginfo) {}})
				l.Nanosleep(10 * time.Second)
				w.waitIs(l, c.Pid(), netbsd.WALTSIG, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			})
			l.Nanosleep(time.Second)
			w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
			w.wait(l, c.Pid(), 0)
			l.PtraceResume(c.Pid(), ResumeArgs{Detach: true})
			w.locked(func() { w.is("exit signal", c.exitsig, netbsd.SIGUSR1) })
			c.Kill(netbsd.SIGKILL)
			w.wait(l, a.Pid(), 0)
		})
	})
}

// SetSubreaper: what NOCLDWAIT gives away (item 44) goes to the subreaper as an orphan would.
func TestNoCldWaitBelowASubreaper(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			s := l.Proc()
			s.SetSubreaper(true)
			var c *Proc
			a := w.fork(l, "A", func(l *LWP) {
				l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDWAIT})
				c = w.fork(l, "C", exit(3))
				l.Nanosleep(5 * time.Second)
			})
			l.Nanosleep(time.Second)
			w.is("the subreaper has it", []any{c.Parent() == s, c.State()}, []any{true, StateZombie})
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
			w.wait(l, a.Pid(), 0)
		})
	})
}

// match_process of NetBSD 10 skips a zombie without WEXITED, whoever else there is to wait for.
func TestZombieIsSkippedWithoutWEXITED(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			z := w.fork(l, "Z", exit(3))
			c := w.fork(l, "C", sleepForever)
			l.Nanosleep(time.Second)
			for _, by := range [][2]int{{netbsd.P_ALL, 0}, {netbsd.P_PGID, 0}, {netbsd.P_SID, l.Proc().Sid()}} {
				pid, errno := l.Wait6(by[0], by[1], netbsd.WUNTRACED|netbsd.WNOHANG, nil)
				w.is("a live one is there", []any{pid, errno}, []any{0, netbsd.Errno(0)})
			}
			_, errno := l.Wait6(netbsd.P_PID, z.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG, nil)
			w.is("the zombie alone", errno, netbsd.ECHILD)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			pid, errno := l.Wait6(netbsd.P_ALL, 0, netbsd.WUNTRACED, nil)
			w.is("the stop", []any{pid, errno}, []any{c.Pid(), netbsd.Errno(0)})
			l.Kill(c.Pid(), netbsd.SIGKILL)
		})
	})
}

// proc_free of NetBSD 10 gives a debugger's zombie back before it adds what descendants have used:
// the debugger learns the child's own usage, and the parent all of it. In 2003 p_ru has both
// already.
func TestUsageThatADebuggerLearns(t *testing.T) {
	both(t, func(w *world) {
		var c *Proc
		w.spawn("P", func(l *LWP) {
			c = w.fork(l, "C", func(l *LWP) {
				g := w.fork(l, "G", func(l *LWP) { l.Proc().AddUsage(&netbsd.Rusage{Utime: 5 * time.Second}) })
				w.wait(l, g.Pid(), 0)
				l.Proc().AddUsage(&netbsd.Rusage{Utime: 2 * time.Second})
				l.Nanosleep(time.Hour)
			})
			l.Nanosleep(10 * time.Second)
			r := w.wait(l, c.Pid(), 0)
			w.is("the parent", r.Rusage.Utime, 7*time.Second)
			u, _ := l.Rusage(netbsd.RUSAGE_CHILDREN)
			w.is("its children's", u.Utime, 7*time.Second)
		})
		time.Sleep(time.Second)
		w.guest(func(l *LWP) {
			l.PtraceAttach(c.Pid())
			w.wait(l, c.Pid(), 0)
			l.PtraceKill(c.Pid())
			r := w.wait(l, c.Pid(), 0)
			w.is("the debugger", r.Rusage.Utime, under(w, 7*time.Second, 2*time.Second))
			u, _ := l.Rusage(netbsd.RUSAGE_CHILDREN)
			w.is("its children's", u.Utime, time.Duration(0))
		})
		time.Sleep(time.Minute)
		settled()
	})
}

// circle has G's child P traced by P's child C, which has waited for the stop and then runs then.
func (w *world) circle(then func(l *LWP, p *Proc), body func(l *LWP)) {
	w.guest(func(l *LWP) {
		p := w.fork(l, "P", func(l *LWP) {
			w.fork(l, "C", func(l *LWP) {
				p := l.Proc().Parent()
				g := p.Ppid()
				time.Sleep(time.Millisecond) // G waits by then: in release 2003 nobody can begin to for what a debugger holds
				w.is("attach", l.PtraceAttach(p.Pid()), netbsd.Errno(0))
				w.waitIs(l, p.Pid(), 0, p.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
				w.is("its parent", p.Parent() == l.Proc(), true)
				w.is("getppid", p.Ppid(), under(w, l.Proc().Pid(), g))
				then(l, p)
			})
			body(l)
		})
		r := w.wait(l, p.Pid(), 0)
		w.mark("G sees %v", r.Status)
	})
}

// ptrace_allowed asks of no ancestor (t_ptrace_topology_wait.h, child_attach_to_its_parent): a child
// traces its parent, and both are seen to end by who was their parent before.
func TestAChildTracesItsParent(t *testing.T) {
	both(t, func(w *world) {
		w.circle(func(l *LWP, p *Proc) {
			w.is("detach", l.PtraceResume(p.Pid(), ResumeArgs{Detach: true}), netbsd.Errno(0))
			w.is("given back", p.Parent() == l.Proc(), false)
			l.Exit(5)
		}, func(l *LWP) {
			w.is("C", w.wait(l, netbsd.WaitAny, 0).Status, netbsd.ExitStatus(5, 0))
			w.waitIs(l, netbsd.WaitAny, 0, 0, 0, netbsd.ECHILD)
			l.Exit(6)
		})
		w.order("G sees " + fmt.Sprint(netbsd.ExitStatus(6, 0)))
	})
}

// Each traces the other: the child by PT_ATTACH, its parent as PT_TRACE_ME told it. A tracer's end kills
// its tracees (exit1), and gives them back.
func TestParentAndChildTraceEachOther(t *testing.T) {
	both(t, func(w *world) {
		w.circle(func(l *LWP, p *Proc) {
			w.is("PT_TRACE_ME", l.TraceMe(), netbsd.Errno(0))
			l.Exit(5)
		}, sleepForever)
		w.order("G sees " + fmt.Sprint(netbsd.ExitStatus(0, netbsd.SIGKILL)))
	})
}

// A tracee stops for each signal, SIGCHLD of its own tracee's stop, too. So both stand still, until SIGKILL ends
// one, and with it the other.
func TestTwoWhoTraceEachOtherStandStill(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := w.fork(l, "P", func(l *LWP) {
				w.fork(l, "C", func(l *LWP) { // it may not return: P can be stopped in it
					l.TraceMe()
					l.PtraceAttach(l.Proc().Parent().Pid())
					sleepForever(l)
				})
				sleepForever(l)
			})
			l.Nanosleep(time.Minute)
			c := w.find("C")
			w.is("stopped", []bool{p.Stopped(), c.Stopped()}, []bool{true, true})
			p.Kill(netbsd.SIGKILL)
			w.is("C", c.Wait(), netbsd.ExitStatus(0, netbsd.SIGKILL))
			w.waitIs(l, p.Pid(), 0, p.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
	})
}

// A parent that ends is seen by its child, which traces it, and then by its own parent (items 34 and 90). The
// child is init's by then.
func TestATracedParentEnds(t *testing.T) {
	gSees := "G sees " + fmt.Sprint(netbsd.ExitStatus(0, netbsd.SIGTERM))
	both(t, func(w *world) {
		w.circle(func(l *LWP, p *Proc) {
			l.PtraceResume(p.Pid(), ResumeArgs{Signal: netbsd.SIGTERM})
			time.Sleep(time.Second)
			w.never(gSees) // before C has
			w.waitIs(l, p.Pid(), 0, p.Pid(), netbsd.ExitStatus(0, netbsd.SIGTERM), 0)
			w.mark("C sees it")
			w.is("C's parent", l.Proc().Parent() == w.m.Init(), true)
		}, sleepForever)
		w.order("C sees it")
		w.order(gSees)
	})
}

// While parent and child are each other's parents, whoever goes through the tree comes to an end: setpgid(2), which
// would not in p_inferior, and PROC_REAP_STATUS.
func TestWalksEndInACircle(t *testing.T) {
	both(t, func(w *world) {
		w.circle(func(l *LWP, p *Proc) {
			check(w.T, w.m)
			x := w.spawn("X", func(l *LWP) {
				w.is("setpgid of P", l.Setpgid(p.Pid(), 0), netbsd.ESRCH)
				w.is("setpgid of C", l.Setpgid(p.Children()[0], 0), netbsd.ESRCH)
			})
			x.Wait()
			w.is("P's descendants", p.Descendants(), []int{l.Proc().Pid()})
			l.PtraceResume(p.Pid(), ResumeArgs{Detach: true})
		}, func(l *LWP) { w.wait(l, netbsd.WaitAny, 0) })
		w.order("G sees " + fmt.Sprint(netbsd.ExitStatus(0, 0)))
	})
}

// With its parent gone a subreaper that its own child has traced goes to init, not to itself.
func TestASubreaperComesBackFromItsChild(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			g := w.fork(l, "G", func(l *LWP) {
				w.fork(l, "P", func(l *LWP) {
					l.Proc().SetSubreaper(true)
					w.fork(l, "C", func(l *LWP) {
						p := l.Proc().Parent()
						g := p.Parent()
						w.is("attach", l.PtraceAttach(p.Pid()), netbsd.Errno(0))
						w.wait(l, p.Pid(), 0)
						g.Kill(netbsd.SIGKILL)
						g.Wait()
						w.is("detach", l.PtraceResume(p.Pid(), ResumeArgs{Detach: true}), netbsd.Errno(0))
						w.is("init's", p.Parent() == w.m.Init(), true)
						w.mark("given back")
					})
					w.wait(l, netbsd.WaitAny, 0)
				})
				sleepForever(l)
			})
			w.wait(l, g.Pid(), 0)
		})
		time.Sleep(time.Second)
		w.order("given back")
	})
}

// ptrace_allowed, (5): a child of vfork(2) that still has its parent's memory cannot trace it.
func TestVforkChildCannotTraceItsParent(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.forkWith(l, "C", ForkArgs{Vfork: true, Body: func(l *LWP) {
				w.is("attach", l.PtraceAttach(l.Proc().Parent().Pid()), netbsd.EPERM)
			}})
			w.wait(l, c.Pid(), 0)
		})
	})
}

// A child that a debugger holds may trace its original parent.
func TestAHeldChildTracesItsOriginalParent(t *testing.T) {
	both(t, func(w *world) {
		var c *Proc
		p := w.spawn("P", func(l *LWP) {
			c = w.fork(l, "C", func(l *LWP) {
				l.Nanosleep(5 * time.Second)
				op := l.p.opptr
				w.is("attach", l.PtraceAttach(op.Pid()), netbsd.Errno(0))
				w.wait(l, op.Pid(), 0)
				w.mark("attached")
				check(w.T, w.m)
				w.is("detach", l.PtraceResume(op.Pid(), ResumeArgs{Detach: true}), netbsd.Errno(0))
			})
			sleepForever(l)
		})
		settled()
		w.guest(func(l *LWP) {
			l.PtraceAttach(c.Pid())
			for w.wait(l, c.Pid(), 0).Status.Stopped() { // for SIGCHLD of P's stop, too
				l.PtraceResume(c.Pid(), ResumeArgs{})
			}
		})
		w.order("attached")
		p.Kill(netbsd.SIGKILL)
	})
}

// proc_reparent changes p_ppid where init becomes the parent, and exit1 clears p_opptr of a tracee alone: that has the pid of its dead parent until its
// tracer lets go. In release 2003 getppid(2) is the tracer throughout.
func TestParentOfATraceeEnds(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var c *Proc
			p := w.fork(l, "P", func(l *LWP) {
				c = w.fork(l, "C", sleepForever)
				nap(l, 2*time.Second)
			})
			nap(l, time.Second)
			w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
			w.wait(l, c.Pid(), netbsd.WUNTRACED)
			w.is("of the living", c.Ppid(), under(w, l.p, p).Pid())
			w.wait(l, p.Pid(), 0)
			w.is("of the dead", c.Ppid(), under(w, l.p, p).Pid())
			w.is("detach", l.PtraceResume(c.Pid(), ResumeArgs{Detach: true}), netbsd.Errno(0))
			w.is("init's", c.Ppid(), 1)
			c.Kill(netbsd.SIGKILL)
		})
	})
}
