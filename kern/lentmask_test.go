package kern

import (
	"sync/atomic"
	"testing"
	"time"

	"toaster/netbsd"
)

// fakePlace is where an LWP has its mask while it plays a guest.
type fakePlace struct {
	mask  netbsd.Sigset
	user  bool
	kicks atomic.Int32
}

func (f *fakePlace) Mask() (netbsd.Sigset, bool) { return f.mask, f.user }

// guestLWP is an LWP that changes its mask without calls, and catches SIGUSR1.
type guestLWP struct {
	*LWP
	place fakePlace
	taken []netbsd.Signal
}

func newGuestLWP(l *LWP) *guestLWP {
	g := &guestLWP{LWP: l}
	l.SetKicker(func() { g.place.kicks.Add(1) })
	return g
}

// user is a stay in user mode; it says whether the mask was lent.
func (g *guestLWP) user(f func(mask *netbsd.Sigset)) bool {
	g.UserRet(func(d *Delivery) bool {
		g.taken = append(g.taken, d.Info.Signo)
		g.SetSigmask(d.OldMask) // as the handler's return would
		return true
	})
	mask, ok := g.LendMask(&g.place)
	set := func(s netbsd.Sigset, user bool) { // as a sender may be looking
		g.Proc().m.lock()
		g.place.mask, g.place.user = s, user
		g.Proc().m.unlock()
	}
	set(mask, true)
	f(&mask)
	set(mask, false)
	if ok {
		g.TakeMask(mask)
	}
	return ok
}

// with runs f as the only LWP of a guest that catches SIGUSR1 and SIGCONT.
func withGuestLWP(t *testing.T, f func(g *guestLWP)) {
	t.Helper()
	for _, r := range releases {
		m := New(Config{Release: r})
		p, e := m.Spawn(SpawnArgs{Manual: true, Body: func(l *LWP) {
			g := newGuestLWP(l)
			l.Sigaction(netbsd.SIGUSR1, &Action{Handler: 0x1000})
			f(g)
		}})
		if e != 0 {
			t.Fatal(e)
		}
		p.Wait()
		m.Close()
	}
}

const usr1 = netbsd.Sigset(1) << (netbsd.SIGUSR1 - 1)

func nothing(*netbsd.Sigset) {}

// What the guest blocks in its place stays pending; the guest is kicked, and its mask is
// not lent until it has taken it: letting it through is then a call, which delivers.
func TestSignalBlockedInUserMode(t *testing.T) {
	withGuestLWP(t, func(g *guestLWP) {
		g.user(func(mask *netbsd.Sigset) {
			*mask = usr1
			g.place.mask = usr1
			g.Proc().Kill(netbsd.SIGUSR1)
		})
		if n := g.place.kicks.Load(); n != 1 || g.Sigmask() != usr1 {
			t.Errorf("%d kicks, mask %v", n, g.Sigmask())
		}
		if g.user(nothing) || len(g.taken) != 0 {
			t.Errorf("lent with a signal pending, taken %v", g.taken)
		}
		var none netbsd.Sigset
		g.Sigprocmask(netbsd.SIG_SETMASK, &none)
		if !g.user(nothing) || len(g.taken) != 1 {
			t.Errorf("not lent, or taken %v", g.taken)
		}
	})
}

// What was blocked when the guest left and is not any more is taken at its next trap,
// which the kick brings about.
func TestSignalLetThroughInUserMode(t *testing.T) {
	withGuestLWP(t, func(g *guestLWP) {
		g.SetSigmask(usr1)
		g.user(func(mask *netbsd.Sigset) {
			g.Proc().Kill(netbsd.SIGUSR1) // looks when it is still blocked
			*mask = 0
		})
		g.user(nothing)
		if n := g.place.kicks.Load(); n != 1 || len(g.taken) != 1 {
			t.Errorf("%d kicks, taken %v", n, g.taken)
		}
	})
}

// A signal for the process that its LWP has blocked on the way to take it goes to
// another one.
func TestSignalBlockedTooLate(t *testing.T) {
	withGuestLWP(t, func(g *guestLWP) {
		var other *guestLWP
		ready, done := make(chan struct{}), make(chan struct{})
		_, e := g.NewLWP(LWP_DETACHED, func(l *LWP) {
			other = newGuestLWP(l)
			other.user(func(mask *netbsd.Sigset) {
				ready <- struct{}{}
				<-done
				*mask = other.place.mask
			})
			ready <- struct{}{}
			<-done
			other.user(nothing)
			ready <- struct{}{}
		}, true, nil)
		if e != 0 {
			t.Error(e)
			return
		}
		<-ready
		takes := other
		g.user(func(mask *netbsd.Sigset) {
			g.Proc().Kill(netbsd.SIGUSR1)
			chosen := g
			if other.place.kicks.Load() != 0 {
				chosen, takes = other, g
			}
			if chosen.place.kicks.Load() != 1 || takes.place.kicks.Load() != 0 {
				t.Error("not one of them was kicked")
			}
			g.Proc().m.lock()
			chosen.place.mask = usr1
			g.Proc().m.unlock()
			*mask = g.place.mask
			done <- struct{}{}
			<-ready
		})
		if n := takes.place.kicks.Load(); n != 1 {
			t.Errorf("the other one was kicked %d times", n)
		}
		g.user(nothing)
		done <- struct{}{}
		<-ready
		if len(g.taken)+len(other.taken) != 1 || len(takes.taken) != 1 {
			t.Errorf("taken %v and %v", g.taken, other.taken)
		}
	})
}

// SIGKILL and SIGSTOP can't be blocked, whatever is in the place.
func TestPlaceOfAHostileGuest(t *testing.T) {
	withGuestLWP(t, func(g *guestLWP) {
		g.user(func(mask *netbsd.Sigset) { *mask = ^netbsd.Sigset(0) })
		if got, want := g.Sigmask(), netbsd.AllSignals&^cantMask; got != want {
			t.Errorf("mask %v, want %v", got, want)
		}
		g.user(func(mask *netbsd.Sigset) {
			g.place.mask = ^netbsd.Sigset(0)
			g.Proc().Kill(netbsd.SIGKILL)
		})
		g.user(nothing)
		t.Error("it lives")
	})
}

// Who is born into a process with something pending can't have its mask; who is the
// only one to have its mask can.
func TestNewbornMask(t *testing.T) {
	withGuestLWP(t, func(g *guestLWP) {
		g.SetSigmask(usr1)
		g.Proc().Kill(netbsd.SIGUSR1)
		done := make(chan bool)
		g.NewLWP(LWP_DETACHED, func(l *LWP) { done <- newGuestLWP(l).user(nothing) }, true, nil)
		if <-done {
			t.Error("lent to a newborn with a signal pending")
		}
		// Taken otherwise, it does no longer matter.
		if _, e := g.Sigtimedwait(usr1, time.Now()); e != 0 {
			t.Error(e)
		}
		if !g.user(nothing) {
			t.Error("not lent though nothing is pending")
		}
	})
}

// The flags of a posted SIGCHLD action hold for the children's ends and stops.
func TestPostedSigchld(t *testing.T) {
	m := New(Config{})
	p, _ := m.Spawn(SpawnArgs{Body: func(l *LWP) {
		chld := netbsd.SigsetOf(netbsd.SIGCHLD)
		l.SetSigmask(chld)
		l.Sigaction(netbsd.SIGCHLD, &Action{Handler: 0x1000}) // or it would not become pending
		f := &fakePost{}
		if !l.ShowActions(f, func(netbsd.Signal, *Action) {}) {
			t.Fatal("not shown")
		}
		for _, flags := range []int32{netbsd.SA_NOCLDSTOP, 0} {
			f.changed = map[netbsd.Signal]*Action{netbsd.SIGCHLD: {Handler: 0x1000, Flags: flags}}
			c, e := l.Fork(ForkArgs{Body: func(l *LWP) { l.Proc().Kill(netbsd.SIGSTOP); l.UserRet(nil) }})
			if e != 0 {
				t.Fatal(e)
			}
			l.Wait4(c.Pid(), netbsd.WUNTRACED, nil)
			if told := l.Sigpending().Has(netbsd.SIGCHLD); told != (flags == 0) || f.changed != nil {
				t.Errorf("flags %#x: told of the stop: %v; left %v", flags, told, f.changed)
			}
			c.Kill(netbsd.SIGKILL)
			l.Wait4(c.Pid(), 0, nil)
			l.Sigtimedwait(chld, time.Now())
		}
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGCHLD: {Flags: netbsd.SA_NOCLDWAIT}}
		c, e := l.Fork(ForkArgs{Body: func(*LWP) {}})
		if e != 0 {
			t.Fatal(e)
		}
		if _, e := l.Wait4(c.Pid(), 0, nil); e != netbsd.ECHILD || f.changed != nil {
			t.Errorf("SA_NOCLDWAIT: %v, left %v", e, f.changed)
		}
	}})
	p.Wait()
	m.Close()
}
