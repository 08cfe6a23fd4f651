package kern

import (
	"slices"
	"testing"
	"time"

	"toaster/netbsd"
)

// doomSpace is an address space that writes down what it is told.
type doomSpace struct {
	w    *world
	told []string
	deaf bool // the LWPs of its process do not end by themselves
}

func (s *doomSpace) Fork(*LWP, *LWP, bool) (AddressSpace, netbsd.Errno) { return s, 0 }
func (s *doomSpace) Exit(*Proc, *LWP)                                   {}
func (s *doomSpace) Kill(*Proc)                                         { s.told = append(s.told, "Kill") }
func (s *doomSpace) Doom(p *Proc) {
	if s.deaf && !p.Dying(s) { // others may have died meanwhile: mu is not held
		s.w.Error("told of a doom that is none")
	}
	s.told = append(s.told, "Doom")
}

// deaf spawns a process with an LWP that is in user mode, and comes back when it may.
func (w *world) deaf(s *doomSpace, before func(l *LWP)) (p *Proc, cont func()) {
	w.Helper()
	s.deaf = true
	c := make(chan struct{})
	p, errno := w.m.Spawn(SpawnArgs{VM: s, Body: func(l *LWP) {
		before(l)
		<-c
		l.Sigprocmask(netbsd.SIG_BLOCK, nil) // a way into the kernel
		for {
			l.Sleep(true, noDeadline)
		}
	}})
	w.is("Spawn", errno, netbsd.Errno(0))
	settled()
	return p, func() { close(c); settled() }
}

// An address space hears first of what ends its process: of SIGKILL that none of its code
// need run any more, of other signals that kill that its LWPs are to end.
func TestAddressSpaceHearsOfDoom(t *testing.T) {
	block := func(l *LWP) {
		set := netbsd.SigsetOf(netbsd.SIGTERM, netbsd.SIGKILL)
		l.Sigprocmask(netbsd.SIG_BLOCK, &set)
	}
	act := func(a Action) func(*LWP) { return func(l *LWP) { l.Sigaction(netbsd.SIGTERM, &a) } }
	for _, test := range []struct {
		name   string
		before func(l *LWP)
		sigs   []netbsd.Signal
		want   []string
	}{
		{"SIGKILL", func(*LWP) {}, []netbsd.Signal{netbsd.SIGKILL}, []string{"Kill"}},
		{"SIGTERM", func(*LWP) {}, []netbsd.Signal{netbsd.SIGTERM, netbsd.SIGTERM}, []string{"Doom"}},
		{"SIGTERM, then SIGKILL", func(*LWP) {}, []netbsd.Signal{netbsd.SIGTERM, netbsd.SIGKILL}, []string{"Doom", "Kill"}},
		{"caught", act(Action{Func: func(*LWP, *netbsd.Siginfo) {}}), []netbsd.Signal{netbsd.SIGTERM}, nil},
		{"ignored", act(Action{Handler: netbsd.SIG_IGN}), []netbsd.Signal{netbsd.SIGTERM}, nil},
		{"no effect", func(*LWP) {}, []netbsd.Signal{netbsd.SIGCHLD, netbsd.SIGWINCH}, nil},
		{"blocked SIGKILL", block, []netbsd.Signal{netbsd.SIGKILL}, []string{"Kill"}},
		{"SIGKILL after SIGSTOP", func(*LWP) {}, []netbsd.Signal{netbsd.SIGSTOP, netbsd.SIGKILL}, []string{"Kill"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			both(t, func(w *world) {
				s := &doomSpace{w: w}
				p, cont := w.deaf(s, test.before)
				for _, sig := range test.sigs {
					p.Kill(sig)
				}
				if !slices.Equal(s.told, test.want) {
					w.Errorf("told %v, want %v", s.told, test.want)
				}
				cont()
				p.Kill(netbsd.SIGKILL)
			})
		})
	}
}

// What has stopped dies of SIGTERM when it goes on (kpsignal2).
func TestDoomOfTheStopped(t *testing.T) {
	both(t, func(w *world) {
		s := &doomSpace{w: w}
		p, errno := w.m.Spawn(SpawnArgs{VM: s, Body: func(l *LWP) {
			for {
				l.Sleep(true, noDeadline)
			}
		}})
		w.is("Spawn", errno, netbsd.Errno(0))
		settled()
		p.Kill(netbsd.SIGSTOP)
		settled()
		p.Kill(netbsd.SIGTERM)
		settled()
		w.is("stopped", p.Stopped(), true)
		w.is("told", len(s.told), 0)
		p.Kill(netbsd.SIGCONT)
		settled()
		if !slices.Equal(s.told, []string{"Doom"}) {
			w.Errorf("told %v", s.told)
		}
		w.is("status", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGTERM))
	})
}

// A blocked signal is no doom; the space may have been told, and hears so when it asks.
func TestBlockedSignalIsNoDoom(t *testing.T) {
	both(t, func(w *world) {
		s := &doomSpace{w: w}
		p, cont := w.deaf(s, func(l *LWP) {
			set := netbsd.SigsetOf(netbsd.SIGTERM)
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
		})
		w.is("before", p.Dying(s), false)
		w.m.lock()
		p.pend.put(&netbsd.Siginfo{Signo: netbsd.SIGTERM})
		w.m.unlock()
		w.is("with SIGTERM pending and blocked", p.Dying(s), false)
		w.is("of another space", p.Dying(&doomSpace{}), false)
		cont()
		p.Kill(netbsd.SIGKILL)
		settled()
		w.is("status", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGKILL))
	})
}

// Exit and exec of one of several LWPs doom the others.
func TestOthersAreDoomed(t *testing.T) {
	for name, end := range map[string]func(l *LWP){
		"exit": func(l *LWP) { l.Exit(3) },
		"exec": func(l *LWP) { l.Exec(ExecArgs{Comm: "x"}); l.Exit(3) },
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(w *world) {
				s, c := &doomSpace{w: w, deaf: true}, make(chan struct{})
				p, errno := w.m.Spawn(SpawnArgs{VM: s, Body: func(l *LWP) {
					l.NewLWP(0, func(l *LWP) {
						<-c
						l.Sigprocmask(netbsd.SIG_BLOCK, nil)
					}, false, nil)
					l.Nanosleep(time.Second)
					end(l)
				}})
				w.is("Spawn", errno, netbsd.Errno(0))
				settledFor(2 * time.Second)
				if !slices.Equal(s.told, []string{"Doom"}) {
					w.Errorf("told %v", s.told)
				}
				w.is("dying", p.Dying(s), true)
				close(c)
				w.is("status", p.Wait(), netbsd.ExitStatus(3, 0))
			})
		})
	}
}

// An LWP whose machine is gone dies of what the process dies of.
func TestLost(t *testing.T) {
	for _, test := range []struct {
		name string
		sigs []netbsd.Signal
		want netbsd.Signal
	}{
		{"killed from outside", nil, netbsd.SIGKILL},
		{"SIGTERM", []netbsd.Signal{netbsd.SIGTERM}, netbsd.SIGTERM},
		{"a caught one besides", []netbsd.Signal{netbsd.SIGHUP, netbsd.SIGTERM}, netbsd.SIGTERM},
		{"SIGKILL besides", []netbsd.Signal{netbsd.SIGTERM, netbsd.SIGKILL}, netbsd.SIGKILL},
		{"only a caught one", []netbsd.Signal{netbsd.SIGHUP}, netbsd.SIGKILL},
	} {
		t.Run(test.name, func(t *testing.T) {
			both(t, func(w *world) {
				c := make(chan struct{})
				p := w.spawn("P", func(l *LWP) {
					l.Sigaction(netbsd.SIGHUP, &Action{Func: func(*LWP, *netbsd.Siginfo) { w.mark("handler") }})
					<-c
					l.Platform().Lost()
				})
				settled()
				for _, sig := range test.sigs {
					p.Kill(sig)
				}
				close(c)
				w.is("status", p.Wait(), netbsd.ExitStatus(0, test.want))
				w.never("handler")
			})
		})
	}
}
