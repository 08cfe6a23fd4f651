package kern

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"toaster/netbsd"
)

// abroad is another kernel with one group. It does what it is told and tells kern of it.
type abroad struct {
	alive bool // of the group

	mu  sync.Mutex
	got []string
}

type program struct {
	*abroad
	l *LWP
}

func (a *abroad) note(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = append(a.got, what)
}

func (a *abroad) take() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := strings.Join(a.got, " ")
	a.got = nil
	return s
}

func (a *abroad) Signal(sig netbsd.Signal)   { a.note("group:" + sig.String()) }
func (a *abroad) Left() bool                 { a.note("left"); return a.alive }
func (a *abroad) Orphaned()                  { a.note("orphaned") }
func (a *abroad) Has(sig netbsd.Signal) bool { return sig != netbsd.SIGINFO }

func (p *program) Group() ForeignGroup { return p.abroad }
func (p *program) Signal(sig netbsd.Signal) {
	p.note("one:" + sig.String())
	switch sig {
	case netbsd.SIGTSTP, netbsd.SIGSTOP:
		p.l.Platform().ForeignStopped(sig)
	case netbsd.SIGCONT:
		p.l.Platform().ForeignContinued()
	}
}

// run is a process's body that a runs from then on.
func (a *abroad) run(l *LWP) {
	if !l.Platform().SetForeign(&program{abroad: a, l: l}) {
		return
	}
	for {
		l.Platform().UserRet(func(*Delivery) bool { return true })
		l.Sleep(true, time.Time{})
	}
}

// kill(2) of a process is for its program, of a group for the group there, once; of SIGCHLD, which is
// about children here, only who runs the program hears.
func TestForeignSignals(t *testing.T) {
	both(t, func(w *world) {
		a := &abroad{}
		w.guest(func(l *LWP) {
			var pids []int
			group := 0 // the first child's own
			for range 2 {
				to := group
				c := w.fork(l, fmt.Sprint("C", len(pids)), func(l *LWP) {
					l.Setpgid(0, to) // before it runs there, as the group there is that of its group then
					a.run(l)
				})
				pids = append(pids, c.Pid())
				l.Setpgid(c.Pid(), pids[0]) // so that the second child finds it, as shells do
				group = pids[0]
			}
			l.Nanosleep(time.Millisecond)
			w.is("one", l.Kill(pids[1], netbsd.SIGTERM), netbsd.Errno(0))
			w.is("told", a.take(), "one:SIGTERM")
			w.is("of a child here", l.Kill(pids[1], netbsd.SIGCHLD), netbsd.Errno(0))
			w.is("told", a.take(), "one:SIGCHLD")
			w.is("all", l.Kill(-pids[0], netbsd.SIGINT), netbsd.Errno(0))
			w.is("told", a.take(), "group:SIGINT")
			l.Kill(-pids[0], netbsd.SIGCHLD)
			w.is("told", a.take(), "")
			l.Kill(-pids[0], netbsd.SIGKILL)
			for _, pid := range pids {
				w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			}
			if s := strings.Fields(a.take()); !slices.Contains(s, "group:SIGKILL") || !slices.Contains(s, "left") {
				w.Error(s)
			}
		})
	})
}

// A stop and a continuation there are the process's, and the parent is told of the signal.
func TestForeignStops(t *testing.T) {
	both(t, func(w *world) {
		a := &abroad{}
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) { a.run(l) })
			l.Nanosleep(time.Millisecond)
			for _, sig := range []netbsd.Signal{netbsd.SIGTSTP, netbsd.SIGSTOP} {
				l.Kill(c.Pid(), sig)
				w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.WaitStatus(sig)<<8|0x7f, 0)
				l.Kill(c.Pid(), netbsd.SIGCONT)
				if !w.r2003 {
					w.waitIs(l, c.Pid(), netbsd.WCONTINUED, c.Pid(), 0xffff, 0)
				}
			}
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
	})
}

// A group that has members there alone is found by its id, until these have gone.
func TestForeignGroupIsLeft(t *testing.T) {
	both(t, func(w *world) {
		a := &abroad{alive: true}
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) { l.Setpgid(0, 0); a.run(l) })
			l.Nanosleep(time.Millisecond)
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			a.take()
			w.is("kill", l.Kill(-c.Pid(), netbsd.SIGTERM), netbsd.Errno(0))
			w.is("told", a.take(), "group:SIGTERM")
			w.m.ForgetForeign(a)
			w.is("kill", l.Kill(-c.Pid(), netbsd.SIGTERM), netbsd.Errno(netbsd.ESRCH))
			w.is("told", a.take(), "")
		})
	})
}

// A process that runs here and has a deputy there gets a signal for the group once, by that one;
// what cannot be passed on it gets here: what the deputy cannot catch, what there is not there.
func TestForeignDeputy(t *testing.T) {
	both(t, func(w *world) {
		a := &abroad{alive: true}
		w.guest(func(l *LWP) {
			var got []netbsd.Signal
			c := w.fork(l, "C", func(l *LWP) {
				l.Setpgid(0, 0)
				for _, sig := range []netbsd.Signal{netbsd.SIGTERM, netbsd.SIGINFO} {
					w.handle(l, sig, func(_ *LWP, si *netbsd.Siginfo) { got = append(got, si.Signo) })
				}
				l.Platform().SetForeign(&program{abroad: a, l: l})
				l.Platform().SetDeputy(a)
				for {
					l.Sleep(true, time.Time{})
				}
			})
			l.Nanosleep(time.Millisecond)
			l.Kill(-c.Pid(), netbsd.SIGTERM)
			l.Nanosleep(time.Millisecond)
			w.is("here", len(got), 0)
			w.is("there", a.take(), "group:SIGTERM")
			l.Kill(c.Pid(), netbsd.SIGTERM)
			l.Kill(-c.Pid(), netbsd.SIGINFO)
			l.Nanosleep(time.Millisecond)
			w.is("here", fmt.Sprint(got), fmt.Sprint([]netbsd.Signal{netbsd.SIGTERM, netbsd.SIGINFO}))
			l.Kill(-c.Pid(), netbsd.SIGSTOP)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.WaitStatus(netbsd.SIGSTOP)<<8|0x7f, 0)
			l.Kill(-c.Pid(), netbsd.SIGKILL)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
	})
}

// Which group is in the foreground of a terminal another kernel can say, too. One of which nothing is known
// here, or of another session, is none of the groups here: all are in the background then, until a
// guest sets another one.
func TestForegroundThere(t *testing.T) {
	both(t, func(w *world) {
		const nobody = -1
		none := w.m.NewTTY(nil)
		none.ForegroundThere(nil)
		w.is("of no session", none.Foreground() == nil, true)
		w.leader("L", &fakeDev{}, func(l *LWP, t *TTY) {
			own := l.Proc().Pgrp()
			is := func(what string, pgid int, background netbsd.Errno) {
				got, _ := l.GetForeground(t)
				w.is(what, []any{got, l.Background(t, true)}, []any{pgid, background})
			}
			is("at first", own.ID(), 0)
			t.ForegroundThere(nil)
			is("there", nobody, netbsd.EIO) // an orphaned group
			t.ForegroundThere(own)
			is("here", own.ID(), 0)
			t.ForegroundThere(w.m.Init().Pgrp())
			is("another session's", nobody, netbsd.EIO)
			w.is("set", l.SetForeground(t, own.ID()), netbsd.Errno(0))
			is("set", own.ID(), 0)
			t.ForegroundThere(nil)
			w.is("taken", l.AcquireTTY(t), netbsd.Errno(0))
			is("taken", own.ID(), 0)
			w.job(l, "J", netbsd.SIGINT)
			t.ForegroundThere(w.find("J").Pgrp())
			t.Signal(netbsd.SIGINT)
			settledFor(time.Millisecond)
			w.order("J.SIGINT")
			l.Kill(w.find("J").Pid(), netbsd.SIGKILL)
			w.wait(l, netbsd.WaitAny, 0)
		})
		settledFor(time.Second)
	})
}

// What the other kernel sends a group there itself reaches nobody in it a second time, by kern; the rest of
// the foreground group gets it.
func TestSignalBut(t *testing.T) {
	both(t, func(w *world) {
		a := &abroad{alive: true}
		w.leader("L", &fakeDev{}, func(l *LWP, t *TTY) {
			w.catch(l, "L", netbsd.SIGINT)
			program := w.fork(l, "P", func(l *LWP) { a.run(l) })
			deputised := w.fork(l, "D", func(l *LWP) {
				w.catch(l, "D", netbsd.SIGINT)
				l.Platform().SetDeputy(a)
				sleepForever(l)
			})
			l.Nanosleep(time.Millisecond)
			t.SignalBut(netbsd.SIGINT, a)
			l.Nanosleep(time.Millisecond)
			w.order("L.SIGINT")
			w.is("told", a.take(), "")
			t.SignalBut(netbsd.SIGINT, nil)
			l.Nanosleep(time.Millisecond)
			w.order("L.SIGINT", "L.SIGINT")
			w.never("D.SIGINT")
			w.is("told", a.take(), "group:SIGINT")
			w.is("there", []any{program.GroupThere(), deputised.GroupThere(), l.Proc().GroupThere()}, []any{a, a, nil})
			for range 2 {
				l.Kill(program.Pid(), netbsd.SIGKILL)
				l.Kill(deputised.Pid(), netbsd.SIGKILL)
				w.wait(l, netbsd.WaitAny, 0)
			}
		})
		settledFor(time.Second)
	})
}

// A process can be born with a deputy, in a group that has the deputy's already.
func TestBornWithADeputy(t *testing.T) {
	both(t, func(w *world) {
		a := &abroad{alive: true}
		w.guest(func(l *LWP) {
			parent := w.fork(l, "P", func(l *LWP) { l.Setpgid(0, 0); a.run(l) })
			l.Nanosleep(time.Millisecond)
			d := w.spawnWith("D", SpawnArgs{Parent: parent, Body: sleepForever, Prepare: func(l *LWP) netbsd.Errno {
				l.Platform().SetDeputy(a)
				return 0
			}})
			l.Kill(-parent.Pid(), netbsd.SIGTERM)
			w.is("told", a.take(), "group:SIGTERM")
			w.is("there", d.GroupThere(), ForeignGroup(a))
			l.Kill(-parent.Pid(), netbsd.SIGKILL)
			l.Wait(parent.Pid(), 0)
		})
	})
}

// A group there is told when its group here is orphaned, behind the signals of that (orphanpg).
func TestForeignGroupIsOrphaned(t *testing.T) {
	both(t, func(w *world) {
		a := &abroad{alive: true}
		w.spawnWith("L", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) { l.Setpgid(0, 0); a.run(l) })
			settledFor(time.Millisecond)
			w.is("under control", c.Pgrp().Orphaned(), false)
			w.is("told", a.take(), "")
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.WaitStatus(netbsd.SIGSTOP)<<8|0x7f, 0)
			a.take()
		}})
		settledFor(time.Second)
		w.is("told", a.take(), "group:SIGHUP group:SIGCONT orphaned")
		w.is("orphaned", w.find("C").Pgrp().Orphaned(), true)
		w.find("C").Kill(netbsd.SIGKILL)
	})
}
