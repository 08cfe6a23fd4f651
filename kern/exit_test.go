package kern

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"toaster/netbsd"
)

// Items 1 to 48 of doc/lifecycle.md: exit(2) and exit1.

// The whole of exit1 and what follows, for a process with one LWP and nothing else:
// the order that each test below looks at a part of.
var plainExit = map[bool]string{
	true: "SetWEXIT AllocRusage IgnoreSignals FreeTimers PurgeRAS CloseFiles ReleaseDirs ExitHooks " +
		"FixJobControl Accounting StoreStatus FinalRusage SetDead NoteExit FreeSigacts FreeLimits CPUExit " +
		"QueueDead WakeReaper ReapLWP LWPMachdepWait LWPFreeVM LWPFree ReapProc FreeVM SetZombie SignalParent " +
		"WakeParent " + reapSteps,
	false: "SetWEXIT IgnoreSignals FreeTimers PurgeRAS CloseFiles ReleaseDirs ExitHooks FreeSigacts " +
		"Accounting StoreStatus FreeVM FixJobControl SetDead SignalParent FinalRusage NoteExit SetZombie " +
		"WakeParent CPUExit " + reapSteps10,
}

const reapSteps = "Reap ClearStatus AddRusage SetFree FreeRusage LeavePgrp LeaveLists UncountUser FreeCred ReleaseText FreeSA FreePid"

// In release 10 proc_free releases the limits, too.
var reapSteps10 = strings.Replace(reapSteps, "UncountUser", "UncountUser FreeLimits", 1)

func TestExit_01_StatusIsLowByteForWaiters(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, n := range []int{0, 1, 7, 127, 128, 255, 256, 257, 0x1ff, -1, -256, 1 << 30} {
				c := w.fork(l, "C", exit(n))
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.WaitStatus(under(w, int32(n&0xff)<<8, int32(n)<<8)), 0)
				st, ok := c.Status()
				w.is("exited, code", []any{ok, st.Exited(), st.ExitCode()}, []any{true, true, n & 0xff})
			}
		})
	})
}

// The whole int is kept (p_xexit): si_status of SIGCHLD and of wait6 has all 32 bits, the status
// word and NOTE_EXIT's data those that W_EXITCODE leaves (exit_psignal, match_process,
// P_WAITSTATUS).
func TestExit_01_StatusIsAWholeInt(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			got := w.infos(l, netbsd.SIGCHLD)
			for _, n := range []int{0x5a5a5a5a, 0x12345600, -1, -2147483648, 1 << 31, 1 << 40} {
				*got = nil
				word := netbsd.WaitStatus(int32(n) << 8)
				c := w.fork(l, "C", func(l *LWP) {
					l.Proc().AttachKnote(note(func(e NoteEvent) {
						if e.Kind == netbsd.NOTE_EXIT {
							w.is("NOTE_EXIT", e.Data, int64(word))
						}
					}))
					l.Exit(n)
				})
				var i netbsd.Siginfo
				var st netbsd.WaitStatus
				Restart(func() netbsd.Errno {
					_, errno := l.Wait6(netbsd.P_PID, c.Pid(), netbsd.WEXITED, &WaitOut{
						Status: func(x netbsd.WaitStatus) netbsd.Errno { st = x; return 0 },
						Info:   func(x *netbsd.Siginfo) netbsd.Errno { i = *x; return 0 },
					})
					return errno
				})
				l.Nanosleep(time.Millisecond)
				w.is("wait6", []any{i.Code, i.Status, st}, []any{int32(netbsd.CLD_EXITED), int32(n), word})
				w.is("SIGCHLD", []any{(*got)[0].Code, (*got)[0].Status}, []any{int32(netbsd.CLD_EXITED), int32(n)})
			}
		})
	})
}

func TestExit_02_FirstExitersStatusWins(t *testing.T) {
	for _, first := range []bool{true, false} {
		both(t, func(w *world) {
			in, late := make(chan struct{}), make(chan struct{})
			p := w.spawn("P", func(l *LWP) {
				a, b := func(l *LWP) { <-in; l.Exit(3) }, func(l *LWP) {
					close(in)
					<-late // user mode: no kernel call, so it gets to its own exit
					defer w.mark("deferred")
					l.Exit(5)
					w.mark("returned")
				}
				if !first {
					a, b = b, a
				}
				l.NewLWP(0, b, false, nil)
				a(l)
			})
			settled()
			w.is("exiting", []any{p.Exiting(), p.State()}, []any{true, StateExiting})
			close(late)
			w.is("status", p.Wait(), netbsd.ExitStatus(3, 0))
			settled()
			w.order("P.SetWEXIT", "deferred", "P.CloseFiles", "P.SetZombie")
			w.never("returned")
		})
	}
}

func TestExit_03_InitsDeathIsAnErrorBeforeAnyChange(t *testing.T) {
	for _, c := range []struct {
		end  func(*LWP)
		want string
	}{
		{exit(4), "init died (signal 0, exit 4)"},
		{func(*LWP) {}, "init died (signal 0, exit 0)"},
		{func(*LWP) { runtime.Goexit() }, "init died (signal 6, exit 0)"},
		{func(l *LWP) { // a frame that has no room (sendsig, sigexit)
			l.Sigaction(netbsd.SIGUSR1, &Action{Handler: 0x1000, Vers: 2})
			l.Kill(1, netbsd.SIGUSR1)
		}, "init died (signal 4, exit 0)"},
	} {
		die := make(chan struct{})
		bothWith(t, func(w *world, cfg *Config) {
			die = make(chan struct{})
			w.ended = ErrInitDied
			cfg.Init = func(l *LWP) { <-die; c.end(l) }
		}, func(w *world) {
			w.spawn("P", sleepForever)
			settled()
			w.is("no error yet", w.m.Err(), nil)
			close(die)
			err := w.m.Wait()
			if !errors.Is(err, ErrInitDied) || err.Error() != c.want {
				w.Errorf("got %v, want %s", err, c.want)
			}
			init := w.m.Init()
			w.is("init is", []any{init.State(), init.Exiting()}, []any{StateActive, false})
			w.is("its steps", w.steps(init), "")
			if _, errno := w.m.Spawn(SpawnArgs{Body: exit(0)}); errno != netbsd.EAGAIN {
				w.Errorf("spawn on a halted machine: %v", errno)
			}
			w.is("Close says it, too", w.m.Close(), err)
		})
	}
}

func TestExit_04_WExitIsSetFirst(t *testing.T) {
	both(t, func(w *world) {
		for name, end := range map[string]func(*LWP){
			"exit":   exit(1),
			"return": func(*LWP) {},
			"last":   func(l *LWP) { l.ExitLWP() },
			"signal": func(l *LWP) { l.Kill(l.Proc().Pid(), netbsd.SIGTERM) },
		} {
			p := w.spawn(name, func(l *LWP) {
				if name == "exit" || name == "signal" {
					defer func() { w.is(name+" in a deferred function", l.Proc().Exiting(), true) }()
				}
				w.give(l.Proc(), func() { w.is(name+" while closing", l.Proc().Exiting(), true) }, nil, nil)
				w.is(name+" before", l.Proc().Exiting(), false)
				end(l)
			})
			p.Wait()
			settled()
			if s := w.steps(p); !strings.HasPrefix(s, under(w, "SetWEXIT AllocRusage", "SetWEXIT IgnoreSignals")) || strings.Count(s, "SetWEXIT") != 1 {
				w.Errorf("%s: %s", name, s)
			}
		}
	})
}

func TestExit_05_UpcallsOffForCallerForcesExitLWPs(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			errno := l.saEnable()
			w.is("SAEnable", errno, under(w, netbsd.Errno(0), netbsd.ENOSYS))
			before, of := l.SA()
			w.is("SA", []bool{before, of}, []bool{w.r2003, w.r2003})
			w.give(l.Proc(), func() {
				proc, lwp := l.SA()
				w.is("P_SA stays and L_SA goes", []bool{proc, lwp}, []bool{w.r2003, false})
			}, nil, nil)
			l.Exit(0)
		})
		s := w.steps(p)
		if w.r2003 {
			w.is("steps", strings.HasPrefix(s, "SetWEXIT DisableUpcalls AllocRusage IgnoreSignals FreeTimers ExitLWPs "), true)
		} else {
			w.is("steps", s, plainExit[false])
		}
	})
}

func TestExit_06_ProfilingStops(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			l.Proc().Profil(Profile{Size: 8, Scale: 1})
			w.give(l.Proc(), func() { w.mark("close") }, nil, nil)
			l.Exit(0)
		})
		w.order(under(w, []string{"P.SetWEXIT", "P.StopProfiling", "P.AllocRusage", "close"},
			[]string{"P.SetWEXIT", "close", "P.FreeVM", "P.StopProfiling"})...)
		if !w.r2003 {
			w.order("P.FreeVM", "P.StopProfiling", "P.FixJobControl")
		}
		w.locked(func() { w.is("P_PROFIL", p.flags&fProfil != 0, false) })
		q := w.spawn("Q", exit(0)) // without P_PROFIL nothing of it
		q.Wait()
		settled()
		w.never("Q.StopProfiling")
	})
}

func TestExit_07_RusageIsAllocatedEarly(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			p := l.Proc()
			w.locked(func() { w.is("before", p.ru == nil, true) })
			w.give(p, func() { w.locked(func() { w.is("while closing", p.ru != nil, w.r2003) }) }, nil, nil)
			l.NewLWP(0, sleepForever, false, nil)
			l.Exit(0)
		})
		w.order(under(w, []string{"P.SetWEXIT", "P.AllocRusage", "P.IgnoreSignals", "P.ExitLWPs", "P.CloseFiles", "P.SetDead"},
			[]string{"P.SetWEXIT", "P.ExitLWPs", "P.IgnoreSignals", "P.CloseFiles", "P.SetDead"})...)
		w.locked(func() { w.is("given back", p.ru == nil, true) })
	})
}

func TestExit_08_VforkParentWakesFirst(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.forkWith(l, "C", ForkArgs{Vfork: true, Body: func(l *LWP) {
				l.Setitimer(netbsd.ITIMER_REAL, Itimerval{Value: time.Hour})
				l.NewLWP(0, func(l *LWP) { nap(l, 5*time.Second) }, false, nil)
				l.Nanosleep(time.Second)
				w.give(l.Proc(), func() { nap(l, 10*time.Second) }, nil, &fakeVM{exit: func(*Proc) {
					if !w.r2003 {
						nap(l, 20*time.Second)
					}
				}})
				l.Exit(9)
			}})
			w.mark("parent runs")
			if w.r2003 {
				// The child is still dying: neither signals, LWPs nor fds are done with.
				w.is("woken at", w.since(), time.Second)
				w.is("child", []any{c.Exiting(), c.NumLWPs()}, []any{true, 2})
				w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, 0)
			} else {
				w.is("woken at", w.since(), 35*time.Second) // 5 for the LWP, 10 for the fds, 20 for the VM
				w.is("no memory", c.VM(), nil)
			}
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(9, 0), 0)
		})
		if w.r2003 {
			w.order("C.SetWEXIT", "C.AllocRusage", "C.WakeVforkParent", "C.IgnoreSignals", "C.FreeTimers", "C.ExitLWPs", "C.CloseFiles", "C.StoreStatus")
		} else {
			w.order("C.SetWEXIT", "C.ExitLWPs", "C.IgnoreSignals", "C.FreeTimers", "C.CloseFiles", "C.StoreStatus", "C.FreeVM", "C.WakeVforkParent", "C.SetDead")
		}
	})
}

// In release 10 the session comes after the vfork parent's wakeup (exit1 of NetBSD 10's
// kern_exit.c): a terminal that drains does not hold it up. In 2003 the parent runs before all.
func TestExit_08_DrainingTerminalDoesNotHoldUpTheVforkParent(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			tty := w.m.NewTTY(&fakeDev{drain: func(l *LWP) netbsd.Errno { nap(l, 10*time.Second); return 0 }})
			c := w.forkWith(l, "C", ForkArgs{Vfork: true, Body: func(l *LWP) {
				l.Setsid()
				w.is("ctty", l.AcquireTTY(tty), netbsd.Errno(0))
				l.Exit(3)
			}})
			w.is("woken at", w.since(), time.Duration(0))
			w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, 0) // it drains
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
			w.is("ended at", w.since(), 10*time.Second)
		})
		w.order("C.WakeVforkParent", "C.HangupSession", "C.DrainTTY", "C.RevokeTTY", "C.FixJobControl")
	})
}

func TestExit_09_VforkWakeupNamesTheCurrentParent(t *testing.T) {
	both(t, func(w *world) {
		w.spawn("P", func(l *LWP) {
			w.forkWith(l, "C", ForkArgs{Vfork: true, Body: func(l *LWP) {
				nap(l, 10*time.Second)
				l.Exit(1)
			}})
			w.mark("P runs")
			w.wait(l, netbsd.WaitAny, 0)
		})
		settled()
		cpid := w.m.Procs()[0].Pid()
		w.spawn("D", func(l *LWP) {
			w.is("attach", l.PtraceAttach(cpid), netbsd.Errno(0))
			if !w.r2003 { // vforksigmask leaves SIGSTOP out
				w.waitIs(l, cpid, 0, cpid, netbsd.StopStatus(netbsd.SIGSTOP), 0)
				w.goOn(l, cpid, 0)
			}
			nap(l, 20*time.Second-w.since())
			w.mark("D waits")
			w.waitIs(l, cpid, 0, cpid, netbsd.ExitStatus(1, 0), 0)
		}).Wait()
		settled()
		if w.r2003 {
			// kern_exit.c 1.127 wakes D. P sleeps until it is woken as the parent again, at D's wait.
			w.order("C.WakeVforkParent", "D waits", "P runs")
			w.is("P at", w.when("P runs"), 20*time.Second)
		} else {
			w.order("C.WakeVforkParent", "P runs", "D waits")
			w.is("P at", w.when("P runs"), 10*time.Second)
		}
	})
}

func TestExit_10_SignalsAreIgnoredFromHere(t *testing.T) {
	both(t, func(w *world) {
		p := w.spawn("P", func(l *LWP) {
			set := netbsd.AllSignals
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			for _, s := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGTERM, netbsd.SIGTSTP} {
				l.Kill(l.Proc().Pid(), s)
			}
			w.is("pending before", l.Sigpending() != 0, true)
			w.give(l.Proc(), func() {
				w.is("pending ones are dropped", l.Sigpending(), netbsd.Sigset(0))
				errno := l.Sleep(true, time.Now().Add(10*time.Second))
				w.is("interruptible sleep in exit", errno, netbsd.EWOULDBLOCK)
				w.is("pending after", l.Sigpending(), netbsd.Sigset(0))
			}, nil, nil)
			l.Exit(5)
		})
		settled()
		for _, s := range []netbsd.Signal{netbsd.SIGKILL, netbsd.SIGSTOP, netbsd.SIGTERM, netbsd.SIGCONT, netbsd.SIGUSR1} {
			w.is("kill", p.Kill(s), netbsd.Errno(0)) // found, and ignored
		}
		settled()
		w.is("not stopped", []any{p.Stopped(), p.State()}, []any{false, StateExiting})
		w.is("status", p.Wait(), netbsd.ExitStatus(5, 0))
		w.is("it took its time", w.since(), 10*time.Second)
		w.order("P.SetWEXIT", "P.IgnoreSignals", "P.FreeTimers", "P.CloseFiles")
	})
}

// PS_STOPEXIT is release 10's: the stop with the exit begun can be waited for and
// ends by SIGCONT or SIGKILL.
func TestExit_10_StopOnExit(t *testing.T) {
	both(t, func(w *world) {
		for _, sig := range []netbsd.Signal{netbsd.SIGCONT, netbsd.SIGKILL} {
			w.guest(func(l *LWP) {
				c := w.fork(l, "C", func(l *LWP) {
					l.Proc().setStopOn(false, false, true)
					l.Exit(5)
				})
				if !w.r2003 {
					r := w.wait(l, c.Pid(), netbsd.WUNTRACED)
					w.is("stopped", []any{r.Pid, r.Status.Stopped(), c.Exiting()}, []any{c.Pid(), true, true})
					_, errno := l.Getpgid(c.Pid())
					w.is("found in SSTOP", errno, netbsd.Errno(0))
					w.is("kill", l.Kill(c.Pid(), sig), netbsd.Errno(0))
				}
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(5, 0), 0)
			})
		}
	})
}

func TestExit_11_TimersAreFreed(t *testing.T) {
	both(t, func(w *world) {
		p := w.spawn("P", func(l *LWP) {
			p := l.Proc()
			for which := range numItimers {
				l.Setitimer(which, Itimerval{Value: time.Second, Interval: time.Second})
			}
			id, errno := p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{Signo: netbsd.SIGUSR1})
			w.is("timer_create", errno, netbsd.Errno(0))
			p.TimerSettime(id, Itimerval{Value: time.Second, Interval: time.Second})
			w.give(p, func() {
				for which := range 3 {
					v, _ := p.Getitimer(which)
					w.is("itimer", v, Itimerval{})
				}
				_, errno := p.TimerGettime(id)
				w.is("timer", errno, netbsd.EINVAL)
				nap(l, time.Minute)
				_, errno = p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{Signo: netbsd.SIGUSR1})
				w.is("none can be made", errno, netbsd.ESRCH)
			}, nil, nil)
			p.AttachKnote(note(func(e NoteEvent) {
				if e.Kind == NoteSignal {
					w.mark("signal %v", e.Signal)
				}
			}))
			l.Exit(2)
		})
		w.is("status", p.Wait(), netbsd.ExitStatus(2, 0))
		w.order("P.IgnoreSignals", "P.FreeTimers", "P.PurgeRAS", "P.CloseFiles")
		w.never("signal SIGALRM", "signal SIGUSR1", "signal SIGPROF", "signal SIGVTALRM")
	})
}

func TestExit_12_LWPsEndBeforeFilesClose(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.NewLWP(0, func(l *LWP) { nap(l, 5*time.Second); w.mark("B woke") }, false, nil)
			l.Nanosleep(time.Second)
			w.give(l.Proc(), func() {
				w.mark("close")
				w.is("LWPs", l.Proc().NumLWPs(), 1)
			}, func() { w.mark("close dirs") }, nil)
			l.Exit(0)
		})
		w.order(under(w, []string{"P.FreeTimers", "P.ExitLWPs", "P.ClearUserret", "P.CloseFiles", "close", "P.ReleaseDirs", "close dirs"},
			[]string{"P.ExitLWPs", "P.ClearUserret", "P.FreeTimers", "P.CloseFiles", "close", "P.ReleaseDirs", "close dirs"})...)
		w.is("files closed at", w.when("close"), 5*time.Second)
		// With one LWP and no activations there is no exit_lwps.
		p := w.guest(exit(0))
		w.is("plain", w.steps(p), plainExit[w.r2003])
	})
}

func TestExit_13_RestartableSequencesArePurged(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			w.is("install", p.RasControl(RAS{0x1000, 16}, netbsd.RAS_INSTALL), netbsd.Errno(0))
			pc, in := p.RASStart(0x1008)
			w.is("inside", []any{pc, in}, []any{uint64(0x1000), true})
			l.NewLWP(0, func(l *LWP) {
				nap(l, time.Second)
				w.is("the others still have them", p.HasRAS(), 1)
			}, false, nil)
			w.give(p, func() {
				w.is("sequences", p.HasRAS(), 0)
				_, in := p.RASStart(0x1008)
				w.is("inside", in, false)
			}, nil, nil)
			l.Exit(0)
		})
		w.order("P.ExitLWPs", "P.ClearUserret", "P.PurgeRAS", "P.CloseFiles")
	})
}

func TestExit_14_FilesCloseBeforeSigchldAndWait(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			eof := make(chan struct{})
			w.catch(l, "P", netbsd.SIGCHLD)
			c := w.fork(l, "C", func(l *LWP) {
				w.give(l.Proc(), func() {
					nap(l, 10*time.Second)
					w.mark("EOF")
					close(eof)
					nap(l, 10*time.Second)
				}, nil, nil)
				l.Exit(0)
			})
			l.Nanosleep(time.Second)
			w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, 0)
			<-eof
			w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, 0) // a peer sees EOF first
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
			w.mark("waited")
			w.is("at", w.since(), 20*time.Second)
		})
		w.order("C.CloseFiles", "EOF", "P.SIGCHLD", "waited")
	})
}

func TestExit_15_DirsAfterFiles(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			p := l.Proc()
			w.give(p, func() {
				w.is("dirs while closing", p.Dirs() != nil, true)
				nap(l, time.Second)
				w.mark("closed")
			}, func() {
				w.is("files are gone", p.Files(), nil)
				w.mark("dirs dropped")
			}, nil)
			l.Exit(0)
		})
		w.order("P.CloseFiles", "closed", "P.ReleaseDirs", "dirs dropped", "P.ExitHooks")
		w.is("both gone", []any{p.Files(), p.Dirs()}, []any{nil, nil})
	})
}

func TestExit_16_ExitHooksAfterFilesBeforeSession(t *testing.T) {
	bothWith(t, func(w *world, c *Config) {
		c.ExitHooks = []func(*Proc){
			func(p *Proc) {
				if p.HasRAS() == 0 && w.names[p.Pid()] == "P" {
					w.is("files, dirs", []any{p.Files(), p.Dirs()}, []any{nil, nil})
					w.mark("hook 1")
				}
			},
			func(p *Proc) {
				if w.names[p.Pid()] == "P" {
					w.mark("hook 2")
				}
			},
		}
	}, func(w *world) {
		tty := w.m.NewTTY(&fakeDev{release: func() { w.mark("released") }})
		p := w.spawnWith("P", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			w.is("ctty", l.AcquireTTY(tty), netbsd.Errno(0))
			w.give(l.Proc(), func() { w.mark("files") }, func() { w.mark("dirs") }, nil)
			w.slowAcct()
			w.is("OnExit", l.Proc().OnExit(func(p *Proc) {
				w.is("leader still", p.Session().Leader(), p)
				w.mark("own hook")
			}), netbsd.Errno(0))
			l.Exit(0)
		}})
		p.Wait()
		w.order(under(w, []string{"files", "dirs", "P.ExitHooks", "hook 1", "hook 2", "own hook", "P.HangupSession", "P.ReleaseTTY", "released", "P.FixJobControl", "acct"},
			[]string{"files", "dirs", "P.ExitHooks", "hook 1", "hook 2", "own hook", "acct", "P.HangupSession", "P.ReleaseTTY", "released", "P.FixJobControl"})...)
		w.is("OnExit of a dead one", p.OnExit(func(*Proc) {}), netbsd.ESRCH)
	})
}

// slowAcct makes accounting take a second, which shows what was sent before it.
func (w *world) slowAcct() {
	w.m.SetAcct(func(r AcctRecord) error {
		time.Sleep(time.Second)
		w.mark("acct")
		return nil
	})
}

// leader runs body as a session's leader with a controlling terminal.
func (w *world) leader(name string, dev *fakeDev, body func(l *LWP, t *TTY)) (*Proc, *TTY) {
	t := w.m.NewTTY(dev)
	return w.spawnWith(name, SpawnArgs{Setsid: true, Body: func(l *LWP) {
		w.is("ctty", l.AcquireTTY(t), netbsd.Errno(0))
		body(l, t)
	}}), t
}

// job forks a child in a group of its own that marks the signals it gets.
func (w *world) job(l *LWP, name string, sigs ...netbsd.Signal) *Proc {
	ready := make(chan struct{})
	c := w.fork(l, name, func(l *LWP) {
		l.Setpgid(0, 0)
		w.catch(l, name, sigs...)
		close(ready)
		sleepForever(l)
	})
	<-ready
	return c
}

func TestExit_17_LeaderHangsUpTheForegroundGroup(t *testing.T) {
	both(t, func(w *world) {
		p, _ := w.leader("L", &fakeDev{drain: func(l *LWP) netbsd.Errno {
			nap(l, time.Second)
			w.mark("drained")
			return 0
		}}, func(l *LWP, t *TTY) {
			w.job(l, "B", netbsd.SIGHUP)
			f := w.job(l, "F", netbsd.SIGHUP)
			w.is("foreground", l.SetForeground(t, f.Pid()), netbsd.Errno(0))
			l.Exit(0)
		})
		p.Wait()
		settled()
		w.order("L.HangupSession", "F.SIGHUP", "drained", "L.SetZombie")
		w.never("B.SIGHUP")
	})
	t.Run("no foreground group", func(t *testing.T) {
		both(t, func(w *world) {
			p, _ := w.leader("L", &fakeDev{}, func(l *LWP, t *TTY) {
				w.job(l, "B", netbsd.SIGHUP)
				f := w.fork(l, "F", func(l *LWP) { l.Setpgid(0, 0); l.Nanosleep(time.Second) })
				l.Nanosleep(time.Millisecond)
				l.SetForeground(t, f.Pid())
				w.wait(l, f.Pid(), 0) // its group is gone, and the terminal has none
				w.is("foreground", t.Foreground() == nil, true)
				l.Exit(0)
			})
			p.Wait()
			settled()
			w.order("L.ExitHooks", "L.ClearTTY", "L.DrainTTY", "L.RevokeTTY", "L.ReleaseTTY")
			w.never("L.HangupSession", "B.SIGHUP")
		})
	})
	t.Run("not the leader", func(t *testing.T) {
		both(t, func(w *world) {
			p, tty := w.leader("L", &fakeDev{}, func(l *LWP, t *TTY) {
				w.catch(l, "L", netbsd.SIGHUP)
				c := w.fork(l, "C", exit(0))
				w.wait(l, c.Pid(), 0)
				sleepForever(l)
			})
			settled()
			w.never("L.SIGHUP", "C.HangupSession", "C.ClearTTY", "C.ClearLeader")
			w.is("still its", []any{tty.Session(), p.ControlT()}, []any{p.Session(), true})
		})
	})
}

func TestExit_18_TTYIsClearedBeforeDraining(t *testing.T) {
	both(t, func(w *world) {
		var refs, sid int32
		var sess *Session
		p, tty := w.leader("L", &fakeDev{}, nil2)
		tty.dev = &fakeDev{drain: func(*LWP) netbsd.Errno {
			w.mark("drain")
			w.is("t_pgrp, t_session", []any{tty.Foreground() == nil, tty.Session() == nil}, []any{true, true})
			w.locked(func() { w.is("references", sess.refs, refs-1) })
			return 0
		}}
		settled()
		sess = p.Session()
		w.locked(func() { refs, sid = sess.refs, sess.sid })
		w.is("before", []any{tty.Foreground().ID(), tty.Session(), int32(p.Pid())}, []any{int(sid), sess, sid})
		p.Kill(netbsd.SIGTERM)
		p.Wait()
		w.order("L.HangupSession", "L.ClearTTY", "L.ReleaseSession", "L.DrainTTY", "drain", "L.RevokeTTY")
	})
}

func nil2(l *LWP, _ *TTY) { sleepForever(l) }

func TestExit_19_OutputDrainsAndItsErrorIsIgnored(t *testing.T) {
	both(t, func(w *world) {
		p, _ := w.leader("L", &fakeDev{
			drain: func(l *LWP) netbsd.Errno {
				w.is("interruptible sleep", l.Sleep(true, time.Now().Add(5*time.Second)), netbsd.EWOULDBLOCK)
				w.mark("drained")
				return netbsd.EIO
			},
			revoke: func() { w.mark("revoked") },
		}, func(l *LWP, _ *TTY) {
			w.give(l.Proc(), func() { w.mark("files") }, nil, nil)
			l.Exit(6)
		})
		w.is("status", p.Wait(), netbsd.ExitStatus(6, 0))
		w.is("it took", w.since(), 5*time.Second)
		w.order(under(w, []string{"files", "L.DrainTTY", "drained", "L.RevokeTTY", "revoked", "L.ReleaseTTY", "L.StoreStatus"},
			[]string{"files", "L.StoreStatus", "L.FreeVM", "L.DrainTTY", "drained", "L.RevokeTTY", "revoked", "L.ReleaseTTY"})...)
	})
}

func TestExit_20_TTYRevokedDuringTheDrain(t *testing.T) {
	both(t, func(w *world) {
		var tty *TTY
		dev := &fakeDev{
			drain:   func(*LWP) netbsd.Errno { tty.Revoked(); return netbsd.EIO },
			revoke:  func() { w.mark("revoked again") },
			release: func() { w.mark("released") },
		}
		var p *Proc
		p, tty = w.leader("L", dev, nil2)
		settled()
		s := p.Session()
		p.Kill(netbsd.SIGKILL)
		p.Wait()
		settled()
		w.order("L.DrainTTY", "released", "L.ClearLeader")
		w.never("revoked again", "L.RevokeTTY", "L.ReleaseTTY")
		w.is("s_ttyvp", s.HasTTY(), false)
	})
}

func TestExit_21_TTYIsRevokedForAll(t *testing.T) {
	both(t, func(w *world) {
		revoked := 0
		p, tty := w.leader("L", &fakeDev{revoke: func() { revoked++ }}, func(l *LWP, t *TTY) {
			w.fork(l, "C", func(l *LWP) {
				l.Setpgid(0, 0)
				w.is("still ours", l.Background(t, true) != 0, true)
				_, errno := l.GetForeground(t)
				w.is("TIOCGPGRP", errno, netbsd.Errno(0))
				l.Nanosleep(2 * time.Second)
				_, errno = l.GetForeground(t)
				w.is("TIOCGPGRP after", errno, netbsd.ENOTTY)
				w.is("TIOCSPGRP after", l.SetForeground(t, l.Proc().Pid()), netbsd.ENOTTY)
			})
			// SIGTTIN would stop C.
			a := Action{Handler: netbsd.SIG_IGN}
			l.Sigaction(netbsd.SIGTTIN, &a)
			l.Nanosleep(time.Second)
			l.Exit(0)
		})
		p.Wait()
		w.is("revoked", revoked, 1)
		w.is("no session", tty.Session() == nil, true)
		time.Sleep(3 * time.Second)
		w.order("L.DrainTTY", "L.RevokeTTY", "L.ReleaseTTY")
	})
}

// lent makes a session that has the vnode of a terminal that another session uses.
func (w *world) lent(log func(string)) (a, b *Proc, tty *TTY) {
	dev := &fakeDev{
		drain:   func(*LWP) netbsd.Errno { log("drain"); return 0 },
		revoke:  func() { log("revoke") },
		release: func() { log("release") },
	}
	a, tty = w.leader("A", dev, nil2)
	settled()
	tty.Closed() // the last close: the line belongs to nobody, A still has its vnode
	w.is("A has it still", []any{a.Session().HasTTY(), tty.Session() == nil}, []any{true, true})
	b = w.spawnWith("B", SpawnArgs{Setsid: true, Body: func(l *LWP) {
		w.is("B's ctty", l.AcquireTTY(tty), netbsd.Errno(0))
		w.catch(l, "B", netbsd.SIGHUP)
		sleepForever(l)
	}})
	settled()
	w.is("B has it", tty.Session() == b.Session(), true)
	return a, b, tty
}

func TestExit_22_AnotherSessionsTTYIsLeftAlone(t *testing.T) {
	both(t, func(w *world) {
		a, b, tty := w.lent(func(s string) { w.mark("%s", s) })
		w.slowAcct()
		a.Kill(netbsd.SIGKILL)
		a.Wait()
		settled()
		w.never("B.SIGHUP", "drain", "revoke", "A.HangupSession", "A.ClearTTY", "A.ReleaseSession", "A.DrainTTY", "A.RevokeTTY")
		w.order(under(w, []string{"A.ExitHooks", "A.ReleaseTTY", "release", "A.ClearLeader", "A.FixJobControl", "acct"},
			[]string{"A.ExitHooks", "acct", "A.ReleaseTTY", "release", "A.ClearLeader", "A.FixJobControl"})...)
		w.is("B keeps it", []any{tty.Session() == b.Session(), tty.Foreground() == b.Pgrp(), b.Session().HasTTY()}, []any{true, true, true})
	})
}

func TestExit_23_VnodeReferenceIsReleasedEitherWay(t *testing.T) {
	both(t, func(w *world) {
		p, _ := w.leader("L", &fakeDev{release: func() { w.mark("L releases") }}, nil2)
		settled()
		s := p.Session()
		w.is("s_ttyvp before", s.HasTTY(), true)
		p.Kill(netbsd.SIGKILL)
		p.Wait()
		w.order(under(w, []string{"L.RevokeTTY", "L.ReleaseTTY", "L releases", "L.ClearLeader", "L.StoreStatus", "L.SetZombie"},
			[]string{"L.StoreStatus", "L.RevokeTTY", "L.ReleaseTTY", "L releases", "L.ClearLeader", "L.SetZombie"})...)
		w.is("own: s_ttyvp", s.HasTTY(), false)

		n := 0
		a, b, _ := w.lent(func(s string) {
			if s == "release" {
				n++
			}
		})
		s = a.Session()
		a.Kill(netbsd.SIGKILL)
		a.Wait()
		settled()
		w.is("another's: releases, s_ttyvp", []any{n, s.HasTTY()}, []any{1, false})
		b.Kill(netbsd.SIGKILL)
		b.Wait()
		settled()
		w.is("B's reference was its own", n, 2)
	})
}

func TestExit_24_TTYPointerStays(t *testing.T) {
	both(t, func(w *world) {
		p, tty := w.leader("L", nil2dev, nil2)
		settled()
		s := p.Session()
		p.Kill(netbsd.SIGKILL)
		p.Wait()
		settled()
		w.is("s_ttyp, s_ttyvp", []any{s.TTY() == tty, s.HasTTY()}, []any{true, false})
		q := w.spawnWith("Q", SpawnArgs{Setsid: true, Body: nil1})
		settled()
		w.is("never had one", q.Session().TTY() == nil, true)
	})
}

var nil2dev = &fakeDev{}

func nil1(l *LWP) { sleepForever(l) }

func TestExit_25_LeaderIsClearedWithOrWithoutTTY(t *testing.T) {
	both(t, func(w *world) {
		p, _ := w.leader("L", nil2dev, nil2)
		q := w.spawnWith("Q", SpawnArgs{Setsid: true, Body: nil1})
		settled()
		for _, x := range []*Proc{p, q} {
			s := x.Session()
			w.is("leader", s.Leader() == x, true)
			x.Kill(netbsd.SIGKILL)
			x.Wait()
			w.is("none", s.Leader() == nil, true)
		}
		w.order("Q.ExitHooks", "Q.ClearLeader", "Q.FixJobControl")
		w.never("Q.ClearTTY", "Q.ReleaseTTY", "Q.DrainTTY")
		// Another member of the session does not do it.
		r := w.spawnWith("R", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			w.wait(l, w.fork(l, "C", exit(0)).Pid(), 0)
			sleepForever(l)
		}})
		settled()
		w.is("R leads", r.Session().Leader() == r, true)
		w.never("C.ClearLeader")
	})
}

func TestExit_26_LeadersHangupPrecedesOrphans(t *testing.T) {
	both(t, func(w *world) {
		p, _ := w.leader("L", &fakeDev{drain: func(l *LWP) netbsd.Errno {
			nap(l, 5*time.Second)
			return 0
		}}, func(l *LWP, t *TTY) {
			f := w.job(l, "F", netbsd.SIGHUP)
			l.SetForeground(t, f.Pid())
			b := w.job(l, "B", netbsd.SIGHUP, netbsd.SIGCONT)
			l.Kill(b.Pid(), netbsd.SIGSTOP)
			w.wait(l, b.Pid(), netbsd.WUNTRACED)
			w.slowAcct()
			l.Exit(0)
		})
		p.Wait()
		settled()
		// Accounting takes a second: in 2003 after the terminal, in 10 before it.
		w.order(under(w, []string{"L.HangupSession", "L.DrainTTY", "F.SIGHUP", "L.RevokeTTY", "L.ClearLeader", "L.FixJobControl", "L.Accounting", "B.SIGHUP", "B.SIGCONT", "acct"},
			[]string{"L.Accounting", "acct", "L.HangupSession", "L.DrainTTY", "F.SIGHUP", "L.RevokeTTY", "L.ClearLeader", "L.FixJobControl", "B.SIGHUP", "B.SIGCONT"})...)
		w.is("F at", w.when("F.SIGHUP"), under(w, 0, time.Second))
		w.is("B at", w.when("B.SIGHUP"), under(w, 5*time.Second, 6*time.Second))
	})
}

// orphans makes a session's leader L, its child P in a group of its own, and below P
// two members of one more group: one stopped, one not. Only P connects that group
// with the session; own says that the two are in P's own group instead, which then
// only P connects with L's.
func (w *world) orphans(own, stop bool) (p *Proc) {
	hup := []netbsd.Signal{netbsd.SIGHUP, netbsd.SIGCONT}
	ready := make(chan struct{})
	w.spawnWith("L", SpawnArgs{Setsid: true, Body: func(l *LWP) {
		p = w.fork(l, "P", func(l *LWP) {
			l.Setpgid(0, 0)
			member := func(name string) func(*LWP) {
				return func(l *LWP) { w.catch(l, name, hup...); sleepForever(l) }
			}
			s := w.fork(l, "S", member("S"))
			r := w.fork(l, "R", member("R"))
			if !own {
				w.is("setpgid", l.Setpgid(s.Pid(), 0), netbsd.Errno(0))
				w.is("setpgid", l.Setpgid(r.Pid(), s.Pid()), netbsd.Errno(0))
			}
			l.Nanosleep(time.Millisecond)
			if stop {
				l.Kill(s.Pid(), netbsd.SIGSTOP)
				w.wait(l, s.Pid(), netbsd.WUNTRACED)
			}
			close(ready)
			sleepForever(l)
		})
		w.wait(l, p.Pid(), 0)
		sleepForever(l)
	}})
	<-ready
	settled()
	return p
}

func TestExit_27_OrphanedGroupsGetHangupAndContinue(t *testing.T) {
	for _, own := range []bool{false, true} {
		name := map[bool]string{false: "child's group", true: "own group"}[own]
		t.Run(name, func(t *testing.T) {
			both(t, func(w *world) {
				p := w.orphans(own, true)
				var g *Pgrp
				for _, q := range w.m.Procs() {
					if w.names[q.Pid()] == "S" {
						g = q.Pgrp()
					}
				}
				w.is("not orphaned", []any{g.Orphaned(), g == p.Pgrp()}, []any{false, own})
				w.slowAcct()
				p.Kill(netbsd.SIGKILL)
				p.Wait()
				settled()
				w.is("orphaned", g.Orphaned(), true)
				if w.r2003 {
					w.order("P.FixJobControl", "S.SIGHUP", "S.SIGCONT", "acct", "P.SetDead")
					w.order("P.FixJobControl", "R.SIGHUP", "R.SIGCONT", "acct", "P.SetDead") // any stopped: all
				} else {
					w.order("acct", "P.FixJobControl", "P.SetDead", "S.SIGHUP", "S.SIGCONT")
					w.never("R.SIGHUP", "R.SIGCONT")
				}
				w.locked(func() {
					for q := g.members; q != nil; q = q.pgNext {
						if q.state == StateActive { // orphanpg marks those that have stopped
							w.is("marked orphaned", q.flags&fOrphanPG != 0, !w.r2003 && w.names[int(q.pid)] == "S")
						}
					}
				})
			})
		})
	}
	t.Run("none stopped", func(t *testing.T) {
		both(t, func(w *world) {
			p := w.orphans(false, false)
			p.Kill(netbsd.SIGKILL)
			settled()
			w.never("S.SIGHUP", "R.SIGHUP", "S.SIGCONT", "R.SIGCONT")
		})
	})
	t.Run("connected still", func(t *testing.T) {
		both(t, func(w *world) {
			// Two connect the group: the end of one leaves it in peace.
			w.spawnWith("L", SpawnArgs{Setsid: true, Body: func(l *LWP) {
				s := w.job(l, "S", netbsd.SIGHUP, netbsd.SIGCONT)
				c := w.fork(l, "C", sleepForever)
				l.Setpgid(c.Pid(), s.Pid())
				l.Kill(s.Pid(), netbsd.SIGSTOP)
				w.wait(l, s.Pid(), netbsd.WUNTRACED)
				w.is("jobc", s.Pgrp().Jobc(), 2)
				l.Kill(c.Pid(), netbsd.SIGKILL)
				w.wait(l, c.Pid(), 0)
				w.is("jobc", s.Pgrp().Jobc(), 1)
				l.Nanosleep(time.Second)
				w.never("S.SIGHUP", "S.SIGCONT")
				l.Exit(0)
			}}).Wait()
			settled()
			w.order("L.FixJobControl", "S.SIGHUP", "S.SIGCONT")
		})
	})
	t.Run("zombie child's group", func(t *testing.T) {
		both(t, func(w *world) {
			// Z connects the group and is a zombie; its parent's end counts it no more,
			// or the count would drop twice.
			p := w.spawnWith("L", SpawnArgs{Setsid: true, Body: func(l *LWP) {
				z := w.fork(l, "Z", func(l *LWP) {
					l.Setpgid(0, 0)
					w.fork(l, "M", func(l *LWP) { w.catch(l, "M", netbsd.SIGHUP); sleepForever(l) })
					l.Nanosleep(time.Second)
				})
				l.Nanosleep(2 * time.Second)
				w.is("zombie", z.State(), StateZombie)
				w.is("jobc", z.Pgrp().Jobc(), 0)
				l.Exit(0)
			}})
			p.Wait()
			settled()
			w.never("M.SIGHUP")
		})
	})
}

func TestExit_28_AccountingAfterJobControl(t *testing.T) {
	both(t, func(w *world) {
		var rec AcctRecord
		w.m.SetAcct(func(r AcctRecord) error {
			if r.Comm != "worker" {
				return nil
			}
			rec = r
			w.mark("acct")
			return errors.New("disk full")
		})
		start := time.Now()
		p := w.spawnWith("P", SpawnArgs{Comm: "worker", Cred: &Cred{RUID: 7, EUID: 8, RGID: 9}, Body: func(l *LWP) {
			l.Proc().AddUsage(&netbsd.Rusage{Utime: 2 * time.Second, Stime: time.Second, Inblock: 3, Oublock: 4})
			l.Nanosleep(5 * time.Second)
			l.Kill(l.Proc().Pid(), netbsd.SIGTERM)
		}})
		w.is("status", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGTERM)) // the error harms nobody
		w.order(under(w, []string{"P.FixJobControl", "P.Accounting", "acct", "P.StoreStatus"},
			[]string{"P.ExitHooks", "P.Accounting", "acct", "P.StoreStatus", "P.FixJobControl"})...)
		w.is("record", rec, AcctRecord{Comm: "worker", Utime: 2 * time.Second, Stime: time.Second, Etime: 5 * time.Second,
			Btime: start, UID: 7, GID: 9, IO: 7, Flag: netbsd.AXSIG, Pid: p.Pid()})
		w.m.SetAcct(nil)
		q := w.spawn("Q", func(l *LWP) {})
		q.Wait()
		w.is("one record", slices.Index(w.all(), "acct") >= 0, true)
	})
}

// traces returns a process a ktrace file, a systrace and an emulation that leave marks.
func (w *world) traces(p *Proc) {
	p.setKtrace(&fakeRef{release: func() { w.mark("ktrace") }})
	p.setSystrace(&fakeRef{release: func() { w.mark("systrace") }})
	w.m.SetAcct(func(AcctRecord) error { w.mark("acct"); return nil })
	w.locked(func() {
		p.img = &Image{Emul: &Emul{ProcExit: func(p *Proc) { w.mark("emul") }}}
	})
}

func TestExit_29_KtraceAfterAccounting(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) { w.traces(l.Proc()); l.Exit(0) })
		w.order("P.Accounting", "acct", "P.ReleaseKtrace", "P.EmulExit")
		w.order("acct", "ktrace", "emul")
		w.is("gone", p.Ktrace(), nil)
	})
}

func TestExit_30_SystraceAfterKtrace(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) { w.traces(l.Proc()); l.Exit(0) })
		w.order("P.Accounting", "P.ReleaseKtrace", "P.DetachSystrace", "P.EmulExit")
		w.order("acct", "ktrace", "systrace", "emul")
	})
}

func TestExit_31_EmulationHookAndTheStatus(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			w.locked(func() {
				l.p.img = &Image{Emul: &Emul{ProcExit: func(p *Proc) {
					w.mark("emul")
					w.locked(func() { w.is("stored so far", p.xstat, under(w, 0, netbsd.ExitStatus(4, 0))) })
					p.SetExitStatus(netbsd.ExitStatus(99, 0))
				}}}
			})
			l.Exit(4)
		})
		st, _ := p.Status()
		w.is("status", st, under(w, netbsd.ExitStatus(4, 0), netbsd.ExitStatus(99, 0)))
		if w.r2003 {
			w.order("P.Accounting", "P.EmulExit", "emul", "P.StoreStatus", "P.FinalRusage")
		} else {
			w.order("P.Accounting", "P.StoreStatus", "P.EmulExit", "emul", "P.FreeVM")
		}
	})
}

// exit1 of NetBSD 10's kern_exit.c, from the LWPs to the wakeup of init, in one look.
func TestExit_OrderOfRelease10(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		var p *Proc
		w.spawn("Q", func(l *LWP) {
			tty := w.m.NewTTY(nil2dev)
			p = w.forkWith(l, "P", ForkArgs{Vfork: true, Body: func(l *LWP) {
				l.Setsid()
				l.AcquireTTY(tty)
				c := w.fork(l, "C", sleepForever)
				w.fork(l, "T", func(l *LWP) { l.PtraceAttach(c.Pid()); sleepForever(l) })
				l.NewLWP(0, sleepForever, false, nil)
				l.Nanosleep(time.Second)
				l.Proc().Profil(Profile{Size: 8, Scale: 1})
				l.Proc().setStopOn(false, false, true)
				l.Proc().setKtrace(&fakeRef{})
				w.locked(func() { l.p.img = &Image{Emul: &Emul{ProcExit: func(*Proc) {}}} })
				w.give(l.Proc(), func() {}, func() {}, &fakeVM{})
				time.AfterFunc(time.Second, func() { l.Proc().Kill(netbsd.SIGCONT) })
				l.Exit(0)
			}})
		}).Wait()
		settled()
		w.is("steps", w.steps(p), "SetWEXIT ExitLWPs SetUserret RunLWPs WaitLWPs LWPMachdepWait LWPFreeVM LWPZombie ClearUserret "+
			"StopOnExit IgnoreSignals FreeTimers PurgeRAS CloseFiles ReleaseDirs ExitHooks FreeSigacts Accounting ReleaseKtrace "+
			"StoreStatus EmulExit FreeVM StopProfiling WakeVforkParent HangupSession ClearTTY ReleaseSession DrainTTY RevokeTTY "+
			"ReleaseTTY ClearLeader FixJobControl ForgetTraced ReparentChildren SetDead SignalParent FinalRusage NoteExit "+
			"SetZombie WakeParent WakeInit CPUExit "+reapSteps10)
	})
}

func TestExit_32_InitIsWokenOnceAndGetsNoSigchld(t *testing.T) {
	bothWith(t, func(w *world, c *Config) {
		c.Init = func(l *LWP) {
			w.handle(l, netbsd.SIGCHLD, func(_ *LWP, si *netbsd.Siginfo) {
				w.mark("init.SIGCHLD %s", w.names[int(si.Pid)])
			})
			for {
				r, errno := l.Wait(netbsd.WaitAny, netbsd.WALLSIG)
				if errno == netbsd.ECHILD {
					l.awaitChild()
					continue
				}
				w.mark("init reaps %s", w.names[r.Pid])
			}
		}
	}, func(w *world) {
		w.guest(func(l *LWP) {
			w.fork(l, "Z1", func(l *LWP) { l.Exit(1) })
			w.fork(l, "Z2", func(l *LWP) { l.Nanosleep(time.Millisecond); l.Exit(2) })
			l.Nanosleep(time.Second)
			l.Exit(0)
		})
		// Each goes to the head of init's list, and the newest first: Z1 ends at the head.
		// In 2003 init is woken first, so that it may be there before P is a zombie.
		w.order(under(w, []string{"P.WakeInit", "P.ReparentChildren", "P.SetZombie"},
			[]string{"P.ReparentChildren", "P.SetZombie", "P.WakeInit", "init reaps Z1", "init reaps Z2"})...)
		w.order("P.ReparentChildren", "init reaps Z1", "init reaps Z2")
		w.order("P.WakeInit", "init.SIGCHLD P", "init reaps P")
		w.never("init.SIGCHLD Z1", "init.SIGCHLD Z2")
		q := w.spawn("Q", exit(0)) // no children, no wakeup
		q.Wait()
		w.never("Q.WakeInit", "Q.ReparentChildren")
	})
}

func TestExit_33_EveryChildIsReparented(t *testing.T) {
	bothWith(t, func(w *world, c *Config) { c.Init = sleepForever }, func(w *world) {
		var z, r, s *Proc
		p := w.guest(func(l *LWP) {
			z = w.fork(l, "Z", func(l *LWP) { l.Nanosleep(time.Millisecond); l.Exit(1) }) // after the others' births
			r = w.fork(l, "R", sleepForever)
			s = w.fork(l, "S", sleepForever)
			l.Kill(s.Pid(), netbsd.SIGSTOP)
			l.Nanosleep(time.Second)
			w.is("before", w.kids(l.Proc()), under(w, "S R Z", "Z S R")) // 10: who dies goes to the head
			l.Exit(0)
		})
		for _, c := range []*Proc{z, r, s} {
			w.is("parent", []any{c.Parent() == w.m.Init(), c.Ppid()}, []any{true, 1})
		}
		w.is("states", []any{z.State(), r.State(), s.Stopped()}, []any{StateZombie, StateActive, true})
		w.is("init's list: each to the head", w.kids(w.m.Init()), under(w, "Z R S P", "P R S Z"))
		w.is("none left", w.kids(p), "")
	})
}

func TestExit_34_TracedChildGoesToItsOriginalParent(t *testing.T) {
	both(t, func(w *world) {
		var c *Proc
		p := w.spawn("P", func(l *LWP) {
			w.catch(l, "P", netbsd.SIGCHLD)
			c = w.fork(l, "C", sleepForever)
			l.Nanosleep(time.Hour) // D comes and goes
			w.is("parent again", []any{c.Parent() == l.Proc(), c.Traced()}, []any{true, false})
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
		settled()
		d := w.spawn("D", func(l *LWP) {
			w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			w.is("D has it", c.Parent() == l.Proc(), true)
			l.Exit(0)
		})
		d.Wait()
		settled()
		w.locked(func() { w.is("original parent", c.opptr == nil, true) })
		w.order("D.ReparentChildren", "C.SetDead", "P.SIGCHLD")
		p.Wait()
	})
	t.Run("who is gone", func(t *testing.T) {
		bothWith(t, func(w *world, c *Config) { c.Init = sleepForever }, func(w *world) {
			var c *Proc
			w.spawn("P", func(l *LWP) {
				c = w.fork(l, "C", sleepForever)
				l.Nanosleep(time.Second)
				l.Exit(0)
			})
			settled()
			d := w.spawn("D", func(l *LWP) {
				l.PtraceAttach(c.Pid())
				l.Nanosleep(2 * time.Second)
				w.locked(func() { w.is("link", c.opptr == nil, true) })
				l.Exit(0)
			})
			d.Wait()
			settled()
			w.is("init's", []any{c.Parent() == w.m.Init(), c.State()}, []any{true, StateZombie})
		})
	})
}

func TestExit_35_ChildTracedByItsParentGoesToInit(t *testing.T) {
	bothWith(t, func(w *world, c *Config) { c.Init = sleepForever }, func(w *world) {
		var c *Proc
		w.guest(func(l *LWP) {
			c = w.forkWith(l, "C", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: func(l *LWP) {
				l.TraceMe()
				sleepForever(l)
			}})
			l.Nanosleep(time.Second)
			w.is("traced", c.Traced(), true)
			l.Exit(0)
		})
		st, _ := c.Status()
		w.is("init's, killed", []any{c.Parent() == w.m.Init(), c.Traced(), st}, []any{true, false, netbsd.ExitStatus(0, netbsd.SIGKILL)})
		w.locked(func() { w.is("exit signal, link", []any{c.exitsig, c.opptr == nil}, []any{netbsd.SIGCHLD, true}) })
	})
}

func TestExit_36_TracedChildLosesItsFlagsThenIsKilled(t *testing.T) {
	bothWith(t, func(w *world, c *Config) { c.Events = 1000 }, func(w *world) {
		var c *Proc
		ev := w.m.Events()
		p := w.spawn("P", func(l *LWP) {
			w.handle(l, netbsd.SIGCHLD, func(_ *LWP, si *netbsd.Siginfo) {
				w.mark("P.SIGCHLD %d", si.Code)
			})
			c = w.fork(l, "C", func(l *LWP) {
				l.Sigaction(netbsd.SIGTERM, &Action{Handler: netbsd.SIG_IGN})
				sleepForever(l)
			})
			sleepForever(l)
		})
		settled()
		d := w.spawn("D", func(l *LWP) {
			l.PtraceAttach(c.Pid())
			w.wait(l, c.Pid(), 0)
			c.setFSTrace(true) // or the exit signal would be left out under 2003
			w.locked(func() {
				w.is("TRACED, WAITED, FSTRACE", []bool{c.flags&fTraced != 0, c.flags&fWaited != 0, c.flags&fFSTrace != 0}, []bool{true, true, w.r2003})
			})
			l.Exit(0)
		})
		d.Wait()
		settled()
		w.locked(func() { w.is("flags", c.flags&(fTraced|fWaited|fFSTrace), procFlags(0)) })
		w.is("zombie of P", []any{c.State(), c.Parent() == p}, []any{StateZombie, true})
		w.order("D.ReparentChildren", "C.SetWEXIT", "P.SIGCHLD 2") // CLD_KILLED, at the parent it has now
		var got []string
		for e, ok := ev.TryNext(); ok; e, ok = ev.TryNext() {
			if int(e.Pid) == c.Pid() && e.Kind != EventStop {
				got = append(got, e.Kind.String())
			}
		}
		w.is("events of C", got, []string{"fork", "reparent", "reparent", "exit"})
	})
}

func TestExit_37_OriginalParentsDeathClearsTheLink(t *testing.T) {
	bothWith(t, func(w *world, c *Config) { c.Init = sleepForever }, func(w *world) {
		var c, z *Proc
		p := w.spawn("P", func(l *LWP) {
			c = w.fork(l, "C", sleepForever)
			z = w.fork(l, "Z", sleepForever)
			l.Nanosleep(10 * time.Second)
			l.Exit(0)
		})
		settled()
		w.spawn("D", func(l *LWP) {
			for _, t := range []*Proc{c, z} {
				l.PtraceAttach(t.Pid())
				w.wait(l, t.Pid(), 0)
			}
			w.locked(func() { w.is("P_CHTRACED", p.flags&fChTraced != 0, true) })
			l.PtraceKill(z.Pid())
			l.Nanosleep(20 * time.Second) // P dies; Z is its tracer's zombie then
			w.is("Z", []any{z.State(), z.Parent() == l.Proc()}, []any{StateZombie, true})
			w.locked(func() {
				w.is("C's link", c.opptr == nil, true)
				w.is("Z's link stays in kern_exit.c 1.127", z.opptr == nil, !w.r2003)
			})
			w.is("detach", l.PtraceResume(c.Pid(), ResumeArgs{Detach: true}), netbsd.Errno(0))
			w.is("C's parent", c.Parent() == w.m.Init(), true)
			w.waitIs(l, z.Pid(), 0, z.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			w.is("Z's parent", []any{z.Parent() == w.m.Init(), z.State()}, []any{true, StateZombie})
			l.Exit(0)
		}).Wait()
		w.order("P.ExitHooks", "P.FixJobControl", "P.ForgetTraced", "P.SetDead")
		w.never("D.ForgetTraced")
	})
}

func TestExit_38_StatusIsStoredAfterReparenting(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.fork(l, "C", sleepForever)
			w.locked(func() { l.p.img = &Image{Emul: &Emul{ProcExit: func(*Proc) {}}} })
			l.Exit(3)
		})
		if w.r2003 {
			w.order("P.EmulExit", "P.WakeInit", "P.ReparentChildren", "P.StoreStatus", "P.FinalRusage", "P.SetDead")
		} else {
			w.order("P.StoreStatus", "P.EmulExit", "P.FixJobControl", "P.ReparentChildren", "P.SetDead", "P.WakeInit")
		}
	})
}

func TestExit_39_RusageIsOwnThenChildren(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				g := w.fork(l, "G", func(l *LWP) {
					l.Proc().AddUsage(&netbsd.Rusage{Utime: 3 * time.Second, Maxrss: 500, Minflt: 1})
				})
				w.wait(l, g.Pid(), 0)
				w.fork(l, "U", func(l *LWP) { // never waited for by C: not counted
					l.Proc().AddUsage(&netbsd.Rusage{Utime: time.Hour})
				})
				l.Nanosleep(time.Second)
				l.Proc().AddUsage(&netbsd.Rusage{Utime: 2 * time.Second, Stime: time.Second, Maxrss: 100, Minflt: 2})
				// What the address space measures up to the very end counts, too.
				w.give(l.Proc(), func() { nap(l, time.Second) }, nil, &fakeVM{usage: func() netbsd.Rusage {
					return netbsd.Rusage{Utime: time.Duration(w.since())}
				}})
				l.Exit(0)
			})
			r := w.wait(l, c.Pid(), 0)
			w.is("utime, stime, maxrss, minflt",
				[]any{r.Rusage.Utime, r.Rusage.Stime, r.Rusage.Maxrss, r.Rusage.Minflt},
				[]any{7 * time.Second, time.Second, int64(500), int64(3)})
		})
		w.order(under(w, []string{"C.StoreStatus", "C.FinalRusage", "C.SetDead", "C.FreeVM"},
			[]string{"C.StoreStatus", "C.FreeVM", "C.SetDead", "C.FinalRusage"})...)
	})
}

// atNoteExit runs f while the process, which exits at once, is in NOTE_EXIT.
func (w *world) atNoteExit(l *LWP, name string, f func(c *Proc, e NoteEvent)) *Proc {
	return w.fork(l, name, func(l *LWP) {
		l.Proc().AttachKnote(note(func(e NoteEvent) {
			if e.Kind == netbsd.NOTE_EXIT {
				f(e.Proc, e)
			}
		}))
		l.Exit(6)
	})
}

func TestExit_40_NoSleepZone(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			other := w.fork(l, "Z", exit(0))
			l.Nanosleep(time.Second)
			c := w.atNoteExit(l, "C", func(c *Proc, _ NoteEvent) {
				w.is("SDEAD", c.State(), StateDead)
				var zombies []*Proc
				for _, q := range w.m.Procs() {
					if q.State() >= StateDead {
						zombies = append(zombies, q)
					}
				}
				w.is("at the head of zombproc", zombies, []*Proc{c, other})
				w.locked(func() {
					cl := c.lwps
					if w.r2003 {
						w.is("LWP", []any{cl.stat, cl.flags&lDetached != 0}, []any{LWPDead, true})
					}
					for q := w.m.all.head; q != nil; q = q.allNext {
						w.is("off allproc", q == c, false)
					}
				})
			})
			w.wait(l, c.Pid(), 0)
			w.wait(l, other.Pid(), 0)
		})
		w.is("the zone", w.steps(p), plainExit[w.r2003])
	})
}

func TestExit_41_DeadAndZombieAreNotFound(t *testing.T) {
	both(t, func(w *world) {
		gone := under(w, netbsd.ESRCH, netbsd.Errno(0)) // release 10 finds zombies with kill
		w.guest(func(l *LWP) {
			c := w.atNoteExit(l, "C", func(c *Proc, _ NoteEvent) {
				w.is("kill of SDEAD", c.Kill(netbsd.SIGTERM), gone)
				w.locked(func() { w.is("pfind", w.m.pfind(c.Pid()) == nil, true) })
			})
			l.Nanosleep(time.Second)
			w.is("zombie", c.State(), StateZombie)
			for _, s := range []netbsd.Signal{0, netbsd.SIGTERM, netbsd.SIGKILL, netbsd.SIGCONT} {
				w.is("kill of a zombie", l.Kill(c.Pid(), s), gone)
			}
			w.hidden(l, c)
			w.is("EVFILT_PROC", c.AttachKnote(note(func(NoteEvent) {})), netbsd.ESRCH)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(6, 0), 0) // it stays a zombie
			w.is("kill of nobody", l.Kill(c.Pid(), 0), netbsd.ESRCH)
		})
	})
}

// hidden demands that calls which ask proc_find say that there is no c.
func (w *world) hidden(l *LWP, c *Proc) {
	w.Helper()
	_, errno := l.Getpgid(c.Pid())
	w.is("getpgid", errno, netbsd.ESRCH)
	_, errno = l.Getsid(c.Pid())
	w.is("getsid", errno, netbsd.ESRCH)
	w.is("setpgid", l.Setpgid(c.Pid(), 0), netbsd.ESRCH)
	w.is("attach", l.PtraceAttach(c.Pid()), netbsd.ESRCH)
}

// From SDYING on proc_find (kern_proc.c of NetBSD 10) finds only SACTIVE and SSTOP; before,
// while the other LWPs end, the process is found. 1.127 hides it at SDEAD alone.
func TestExit_41_DyingIsNotFound(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.NewLWP(0, func(l *LWP) { nap(l, 10*time.Second) }, false, nil)
				w.give(l.Proc(), func() { nap(l, 10*time.Second) }, nil, nil)
				l.Nanosleep(time.Second)
				l.Exit(6)
			})
			l.Nanosleep(5 * time.Second) // its LWPs end
			_, errno := l.Getpgid(c.Pid())
			w.is("getpgid before SDYING", []any{errno, c.Exiting()}, []any{netbsd.Errno(0), true})
			w.is("EVFILT_PROC before SDYING", c.AttachKnote(note(func(e NoteEvent) { w.mark("note %#x", e.Kind) })), netbsd.Errno(0))
			l.Nanosleep(10 * time.Second) // its files close
			w.is("state", c.State(), StateExiting)
			w.is("kill", l.Kill(c.Pid(), netbsd.SIGKILL), netbsd.Errno(0))
			errno = c.AttachKnote(note(func(NoteEvent) {}))
			if w.r2003 {
				w.is("EVFILT_PROC", errno, netbsd.Errno(0))
				_, errno = l.Getpgid(c.Pid())
				w.is("getpgid", errno, netbsd.Errno(0))
			} else {
				w.is("EVFILT_PROC", errno, netbsd.ESRCH)
				w.hidden(l, c)
			}
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(6, 0), 0)
		})
		w.order("note 0x80000000") // who watched before hears of the end
	})
}

// kill1 (sys_sig.c of NetBSD 10) answers 0 for any process that is neither SACTIVE nor SSTOP,
// before it asks whether the sender may.
func TestExit_41_KillOfAnothersZombie(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			z := w.fork(l, "Z", exit(0))
			l.Nanosleep(time.Second)
			u := w.fork(l, "U", func(l *LWP) {
				l.Setuid(7)
				w.is("another's zombie", l.Kill(z.Pid(), netbsd.SIGTERM), under(w, netbsd.ESRCH, netbsd.Errno(0)))
				w.is("another's live process", l.Kill(l.Proc().Ppid(), netbsd.SIGTERM), netbsd.EPERM)
			})
			w.wait(l, u.Pid(), 0)
			w.wait(l, z.Pid(), 0)
		})
	})
}

func TestExit_42_NoteExitBeforeSigchldAndWait(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			at, on := make(chan struct{}), make(chan struct{})
			chld := netbsd.SIGCHLD.Bit()
			w.catch(l, "P", netbsd.SIGCHLD)
			l.Sigprocmask(netbsd.SIG_BLOCK, &chld)
			c := w.atNoteExit(l, "C", func(c *Proc, e NoteEvent) {
				w.mark("NOTE_EXIT")
				w.is("SIGCHLD has been sent", l.Sigpending().Has(netbsd.SIGCHLD), !w.r2003)
				w.is("state, data", []any{c.State(), e.Data}, []any{StateDead, under(w, int64(0), int64(6<<8))})
				w.is("parent", c.Parent() == l.Proc(), true)
				close(at)
				<-on
			})
			<-at
			if w.r2003 {
				w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, 0) // told of the exit, nothing to wait for
				close(on)
			} else {
				time.AfterFunc(time.Second, func() { close(on) })
			}
			// In release 10 WNOHANG waits for the second that NOTE_EXIT takes here (87).
			w.waitIs(l, c.Pid(), under(w, 0, netbsd.WNOHANG), c.Pid(), netbsd.ExitStatus(6, 0), 0)
			w.mark("waited")
		})
		w.order(under(w, []string{"C.SetDead", "C.NoteExit", "NOTE_EXIT", "C.SetZombie", "C.SignalParent", "C.WakeParent", "waited"},
			[]string{"C.SetDead", "C.SignalParent", "C.NoteExit", "NOTE_EXIT", "C.SetZombie", "C.WakeParent", "waited"})...)
	})
	t.Run("NOCLDWAIT", func(t *testing.T) {
		both(t, func(w *world) {
			w.guest(func(l *LWP) {
				l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDWAIT})
				c := w.atNoteExit(l, "C", func(c *Proc, _ NoteEvent) {
					w.is("given to init before NOTE_EXIT", c.Parent() == w.m.Init(), !w.r2003)
				})
				w.waitIs(l, c.Pid(), 0, 0, 0, netbsd.ECHILD)
			})
			w.order(under(w, []string{"C.SetDead", "C.NoteExit", "C.NoCldWait"}, []string{"C.SetDead", "C.NoCldWait", "C.NoteExit"})...)
		})
	})
}

func TestExit_43_CountersGoToTheParentBeforeNoCldWait(t *testing.T) {
	both(t, func(w *world) {
		w.m.Init().setPMC(&fakePMC{n: 1000})
		p := w.spawn("P", func(l *LWP) {
			l.Proc().setPMC(&fakePMC{n: 5})
			l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDWAIT})
			c := w.fork(l, "C", func(l *LWP) {
				l.Proc().setPMC(&fakePMC{n: 7, exit: func() { w.mark("pmc exit") }})
				l.Exit(0)
			})
			w.waitIs(l, c.Pid(), 0, 0, 0, netbsd.ECHILD)
			sleepForever(l)
		})
		settled()
		w.is("init's", w.m.Init().PMC(nil).(*fakePMC).n, 1000)
		if w.r2003 {
			w.is("parent's", p.PMC(nil).(*fakePMC).n, 12)
			w.order("C.SetDead", "C.SavePMC", "pmc exit", "C.NoCldWait")
			return
		}
		w.is("parent's", p.PMC(nil).(*fakePMC).n, 5) // exit1 of NetBSD 10 knows no counters
		w.order("C.SetDead", "C.NoCldWait")
		w.never("C.SavePMC", "pmc exit")
	})
}

func TestExit_44_NoCldWaitGivesTheChildToInit(t *testing.T) {
	bothWith(t, func(w *world, c *Config) {
		c.Init = func(l *LWP) {
			w.handle(l, netbsd.SIGCHLD, func(_ *LWP, si *netbsd.Siginfo) {
				w.mark("init.%v %s %d", si.Signo, w.names[int(si.Pid)], si.Code)
			})
			w.catch(l, "init", netbsd.SIGUSR1)
			sleepForever(l)
		}
	}, func(w *world) {
		w.spawn("P", func(l *LWP) {
			w.catch(l, "P", netbsd.SIGUSR1)
			w.handle(l, netbsd.SIGCHLD, func(*LWP, *netbsd.Siginfo) { w.mark("P.SIGCHLD") })
			a, _ := l.Sigaction(netbsd.SIGCHLD, nil)
			a.Flags |= netbsd.SA_NOCLDWAIT
			l.Sigaction(netbsd.SIGCHLD, &a)
			c := w.forkWith(l, "C", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: exit(3)})
			l.Nanosleep(time.Second)
			w.is("init's zombie", []any{c.State(), c.Parent() == w.m.Init()}, []any{StateZombie, true})
			w.waitIs(l, netbsd.WaitAny, netbsd.WALLSIG|netbsd.WNOHANG, 0, 0, netbsd.ECHILD)
			l.Exit(0)
		}).Wait()
		settled()
		w.order("C.NoCldWait", "C.SignalParent", "init.SIGCHLD C 1")
		w.never("P.SIGCHLD", "P.SIGUSR1", "init.SIGUSR1")
	})
}

func TestExit_45_OldParentWakesOnlyAtItsLastChild(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDWAIT})
			a := w.fork(l, "A", func(l *LWP) { l.Nanosleep(time.Second) })
			w.fork(l, "B", func(l *LWP) { l.Nanosleep(10 * time.Second) })
			// A has gone after a second, B is there: the wait for A stays asleep.
			w.waitIs(l, a.Pid(), 0, 0, 0, netbsd.ECHILD)
			w.is("woken at", w.since(), 10*time.Second)
		})
		w.order("A.NoCldWait", "B.NoCldWait")
	})
}

func TestExit_46_SigIgnIsNotNoCldWait(t *testing.T) {
	bothWith(t, func(w *world, c *Config) {
		c.Init = func(l *LWP) {
			// init may not set it: its children stay to be waited for.
			l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDWAIT, Handler: netbsd.SIG_IGN})
			c := w.fork(l, "I", exit(7))
			l.Nanosleep(time.Second)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(7, 0), 0)
			ReapLoop(l)
		}
	}, func(w *world) {
		time.Sleep(2 * time.Second)
		w.guest(func(l *LWP) {
			l.Sigaction(netbsd.SIGCHLD, &Action{Handler: netbsd.SIG_IGN})
			c := w.fork(l, "C", exit(1))
			l.Nanosleep(time.Second)
			w.is("parent", c.Parent() == l.Proc(), w.r2003)
			if w.r2003 {
				w.is("zombie", c.State(), StateZombie)
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(1, 0), 0)
			} else {
				w.is("reaped", c.State(), StateFree)
				w.waitIs(l, c.Pid(), 0, 0, 0, netbsd.ECHILD)
			}
			// The default action, under which SIGCHLD is dropped, too, never reaps.
			l.Sigaction(netbsd.SIGCHLD, &Action{})
			c = w.fork(l, "D", exit(2))
			l.Nanosleep(time.Second)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(2, 0), 0)
		})
	})
}

func TestExit_47_WhatSurvivesUntilTheWait(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			cred := UserCred(77, 88)
			c := w.fork(l, "C", func(l *LWP) {
				l.Setgid(88)
				l.Setuid(77)
				l.Setpgid(0, 0)
				w.catch(l, "C", netbsd.SIGUSR1)
				l.Proc().AddUsage(&netbsd.Rusage{Utime: 5 * time.Second})
				l.Exit(0)
			})
			l.Nanosleep(time.Second)
			w.is("zombie", c.State(), StateZombie)
			w.is("actions", []any{c.Caught(), c.Action(netbsd.SIGUSR1).Func == nil}, []any{netbsd.Sigset(0), true})
			_, errno := c.Rlimit(netbsd.RLIMIT_NPROC)
			w.is("limits", errno, netbsd.ESRCH)
			w.is("credentials", []any{c.Cred().RUID, c.Cred().EUID, c.Cred().EGID}, []any{cred.RUID, cred.EUID, cred.EGID})
			w.is("group", []any{c.Pgid(), c.Pgrp().Members()}, []any{c.Pid(), []int{c.Pid()}})
			w.is("counted", w.m.ProcCount(77), 1)
			r := w.wait(l, -c.Pid(), 0) // by its group
			w.is("rusage", []any{r.Pid, r.Rusage.Utime}, []any{c.Pid(), 5 * time.Second})
			w.is("gone", []any{c.Pgrp() == nil, w.m.ProcCount(77), w.m.FindPgrp(c.Pid()) == nil}, []any{true, 0, true})
		})
		w.order(under(w, []string{"C.SetDead", "C.FreeSigacts", "C.FreeLimits", "C.CPUExit", "C.SetZombie", "C.Reap"},
			[]string{"C.ExitHooks", "C.FreeSigacts", "C.Accounting", "C.SetDead", "C.SetZombie", "C.CPUExit", "C.Reap", "C.FreeLimits"})...)
	})
}

func TestExit_48_MemoryLivesUntilExit2(t *testing.T) {
	var probe func(StepEvent)
	bothWith(t, func(w *world, c *Config) {
		probe = nil
		c.Trace = func(e StepEvent) {
			w.trace(e)
			if probe != nil {
				probe(e)
			}
		}
	}, func(w *world) {
		p := w.guest(func(l *LWP) {
			w.give(l.Proc(), nil, nil, &fakeVM{exit: func(*Proc) { w.mark("vm freed") }})
			probe = func(e StepEvent) { // with the lock held
				switch e.Step {
				case StepCPUExit, StepSetDead, StepFixJobControl:
					if e.Proc == l.p {
						w.is("address space at "+e.Step.String(), e.Proc.vm != nil, w.r2003)
					}
				}
			}
			l.Exit(0)
		})
		w.is("steps", w.steps(p), plainExit[w.r2003])
		w.order(under(w, []string{"P.FreeSigacts", "P.CPUExit", "P.QueueDead", "P.ReapProc", "P.FreeVM", "vm freed", "P.SetZombie"},
			[]string{"P.FreeSigacts", "P.FreeVM", "vm freed", "P.FixJobControl", "P.SetDead", "P.SetZombie", "P.CPUExit"})...)
	})
}
