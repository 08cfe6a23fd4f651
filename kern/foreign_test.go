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
			for range 2 {
				c := w.fork(l, fmt.Sprint("C", len(pids)), func(l *LWP) { a.run(l) })
				pids = append(pids, c.Pid())
				l.Setpgid(c.Pid(), pids[0])
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
