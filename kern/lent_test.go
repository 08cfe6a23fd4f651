package kern

import (
	"sync/atomic"
	"testing"
	"time"

	"toaster/netbsd"
)

// fakeLent is where an LWP that plays a guest changes its mask and its actions.
type fakeLent struct {
	mask    netbsd.Sigset
	user    bool
	kicks   atomic.Int32
	changed map[netbsd.Signal]*Action
	settled int
	asleep  bool
}

func (f *fakeLent) Asleep() bool { return f.asleep }

func (f *fakeLent) Mask() (netbsd.Sigset, bool) { return f.mask, f.user }

func (f *fakeLent) Actions(settle bool, set func(netbsd.Signal, Action)) {
	for s, a := range f.changed {
		set(s, *a)
	}
	f.changed = nil
	if settle {
		f.settled++
	}
}

// guestLWP is an LWP that changes its mask without calls, and catches SIGUSR1.
type guestLWP struct {
	*LWP
	lent  fakeLent
	taken []netbsd.Signal
}

func newGuestLWP(l *LWP) *guestLWP {
	g := &guestLWP{LWP: l}
	l.Platform().SetKicker(func() { g.lent.kicks.Add(1) })
	l.Platform().SetLent(&g.lent)
	return g
}

// user is a stay in user mode; it says whether the mask was lent.
func (g *guestLWP) user(f func(mask *netbsd.Sigset)) bool {
	g.Platform().UserRet(func(d *Delivery) bool {
		g.taken = append(g.taken, d.Info.Signo)
		g.Platform().SetSigmask(d.OldMask) // as the handler's return would
		return true
	})
	mask, ok := g.Platform().PublishMask()
	set := func(s netbsd.Sigset, user bool) { // as a sender may be looking
		g.Proc().m.lock()
		g.lent.mask, g.lent.user = s, user
		g.Proc().m.unlock()
	}
	set(mask, true)
	f(&mask)
	set(mask, false)
	if ok {
		g.Platform().CollectMask(mask)
	}
	return ok
}

// with runs f as the only LWP of a guest that catches SIGUSR1 and SIGCONT.
func withGuestLWP(t *testing.T, f func(g *guestLWP)) {
	t.Helper()
	for _, r := range releases {
		m := New(Config{Release: r})
		p, errno := m.Spawn(SpawnArgs{Manual: true, Body: func(l *LWP) {
			g := newGuestLWP(l)
			l.Sigaction(netbsd.SIGUSR1, &Action{Handler: 0x1000})
			f(g)
		}})
		if errno != 0 {
			t.Fatal(errno)
		}
		p.Wait()
		m.Close()
	}
}

const usr1 = netbsd.Sigset(1) << (netbsd.SIGUSR1 - 1)

func nothing(*netbsd.Sigset) {}

// What the guest blocks in user mode stays pending; the guest is kicked, and its mask is
// not lent until it has taken it: letting it through is then a call, which delivers.
func TestSignalBlockedInUserMode(t *testing.T) {
	withGuestLWP(t, func(g *guestLWP) {
		g.user(func(mask *netbsd.Sigset) {
			*mask = usr1
			g.lent.mask = usr1
			g.Proc().Kill(netbsd.SIGUSR1)
		})
		if n := g.lent.kicks.Load(); n != 1 || g.Sigmask() != usr1 {
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

// fill_kproc2 (kern_proc.c): what ps(1) shows of masks and actions is what they are, also of a guest that runs and has changed
// them without a call.
func TestInfoOfWhatIsLent(t *testing.T) {
	withGuestLWP(t, func(g *guestLWP) {
		g.user(nothing)
		g.Platform().PublishActions(func(netbsd.Signal, *Action) {})
		g.user(func(mask *netbsd.Sigset) {
			g.Proc().m.lock()
			g.lent.mask = usr1
			g.lent.changed = map[netbsd.Signal]*Action{netbsd.SIGHUP: {Handler: 0x1000}, netbsd.SIGTERM: {Handler: netbsd.SIG_IGN}}
			g.Proc().m.unlock()
			i, _ := g.Proc().Info()
			if i.Mask != usr1 || i.Caught != usr1|netbsd.SIGHUP.Bit() || !i.Ignored.Has(netbsd.SIGTERM) {
				t.Errorf("mask %#x, caught %#x, ignored %#x", uint64(i.Mask), uint64(i.Caught), uint64(i.Ignored))
			}
			*mask = usr1
		})
	})
}

// What was blocked when the guest left and is not any more is taken at its next trap,
// which the kick brings about.
func TestSignalLetThroughInUserMode(t *testing.T) {
	withGuestLWP(t, func(g *guestLWP) {
		g.Platform().SetSigmask(usr1)
		g.user(func(mask *netbsd.Sigset) {
			g.Proc().Kill(netbsd.SIGUSR1) // looks when it is still blocked
			*mask = 0
		})
		g.user(nothing)
		if n := g.lent.kicks.Load(); n != 1 || len(g.taken) != 1 {
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
		_, errno := g.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
			other = newGuestLWP(l)
			other.user(func(mask *netbsd.Sigset) {
				ready <- struct{}{}
				<-done
				*mask = other.lent.mask
			})
			ready <- struct{}{}
			<-done
			other.user(nothing)
			ready <- struct{}{}
		}, true, nil)
		if errno != 0 {
			t.Error(errno)
			return
		}
		<-ready
		takes := other
		g.user(func(mask *netbsd.Sigset) {
			g.Proc().Kill(netbsd.SIGUSR1)
			chosen := g
			if other.lent.kicks.Load() != 0 {
				chosen, takes = other, g
			}
			if chosen.lent.kicks.Load() != 1 || takes.lent.kicks.Load() != 0 {
				t.Error("not one of them was kicked")
			}
			g.Proc().m.lock()
			chosen.lent.mask = usr1
			g.Proc().m.unlock()
			*mask = g.lent.mask
			done <- struct{}{}
			<-ready
		})
		if n := takes.lent.kicks.Load(); n != 1 {
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

// SIGKILL and SIGSTOP can't be blocked, whatever the guest writes for its mask.
func TestLentMaskOfAHostileGuest(t *testing.T) {
	withGuestLWP(t, func(g *guestLWP) {
		g.user(func(mask *netbsd.Sigset) { *mask = ^netbsd.Sigset(0) })
		if got, want := g.Sigmask(), netbsd.AllSignals&^cantMask; got != want {
			t.Errorf("mask %v, want %v", got, want)
		}
		g.user(func(mask *netbsd.Sigset) {
			g.lent.mask = ^netbsd.Sigset(0)
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
		g.Platform().SetSigmask(usr1)
		g.Proc().Kill(netbsd.SIGUSR1)
		done := make(chan bool)
		g.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) { done <- newGuestLWP(l).user(nothing) }, true, nil)
		if <-done {
			t.Error("lent to a newborn with a signal pending")
		}
		// Taken otherwise, it does no longer matter.
		if _, errno := g.Sigtimedwait(usr1, time.Now()); errno != 0 {
			t.Error(errno)
		}
		if !g.user(nothing) {
			t.Error("not lent though nothing is pending")
		}
	})
}

// The flags of a SIGCHLD action that was set in user mode hold for the children's ends and stops.
func TestLentSigchld(t *testing.T) {
	m := New(Config{})
	p, _ := m.Spawn(SpawnArgs{Body: func(l *LWP) {
		chld := netbsd.SigsetOf(netbsd.SIGCHLD)
		l.Platform().SetSigmask(chld)
		l.Sigaction(netbsd.SIGCHLD, &Action{Handler: 0x1000}) // or it would not become pending
		f := &fakeLent{}
		l.Platform().SetLent(f)
		if !l.Platform().PublishActions(func(netbsd.Signal, *Action) {}) {
			t.Fatal("not published")
		}
		for _, flags := range []int32{netbsd.SA_NOCLDSTOP, 0} {
			f.changed = map[netbsd.Signal]*Action{netbsd.SIGCHLD: {Handler: 0x1000, Flags: flags}}
			c, errno := l.Fork(ForkArgs{Body: func(l *LWP) { l.Proc().Kill(netbsd.SIGSTOP); l.Platform().UserRet(nil) }})
			if errno != 0 {
				t.Fatal(errno)
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
		c, errno := l.Fork(ForkArgs{Body: func(*LWP) {}})
		if errno != 0 {
			t.Fatal(errno)
		}
		if _, errno := l.Wait4(c.Pid(), 0, nil); errno != netbsd.ECHILD || f.changed != nil {
			t.Errorf("SA_NOCLDWAIT: %v, left %v", errno, f.changed)
		}
	}})
	p.Wait()
	m.Close()
}

// Whoever looks at the actions of another process sees what its LWP has changed in user
// mode, and what may not be lent is not: sigaction(2) says which actions a process has, not
// who was asked last.
func TestLentActions(t *testing.T) {
	none := func(netbsd.Signal, *Action) {}
	m := New(Config{})
	p, _ := m.Spawn(SpawnArgs{Body: func(l *LWP) {
		f := &fakeLent{}
		if l.Platform().PublishActions(none) {
			t.Error("published to nowhere")
		}
		l.Platform().SetLent(f)
		given := 0
		if !l.Platform().PublishActions(func(netbsd.Signal, *Action) { given++ }) || given != netbsd.NSIG-1 {
			t.Errorf("%d actions given", given)
		}
		p := l.Proc()
		caught := &Action{Func: func(*LWP, *netbsd.Siginfo) {}}
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGUSR1: caught}
		if !p.Caught().Has(netbsd.SIGUSR1) {
			t.Error("Caught does not show a handler that was set in user mode")
		}
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGUSR2: {Handler: netbsd.SIG_IGN}}
		if !p.Ignored().Has(netbsd.SIGUSR2) {
			t.Error("Ignored does not show a SIG_IGN that was set in user mode")
		}
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGHUP: {Handler: 0x1234}}
		if p.Action(netbsd.SIGHUP).Handler != 0x1234 {
			t.Error("Action does not show what was set in user mode")
		}
		// A signal that would kill, were it not for what was set in user mode.
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGTERM: {Handler: netbsd.SIG_IGN}}
		if errno := p.Kill(netbsd.SIGTERM); errno != 0 || f.changed != nil {
			t.Errorf("kill: %v, left %v", errno, f.changed)
		}
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGKILL: {Handler: netbsd.SIG_IGN}, netbsd.SIGALRM: caught}
		l.Platform().CollectActions()
		if f.settled != 1 || !p.Caught().Has(netbsd.SIGALRM) || p.Ignored().Has(netbsd.SIGKILL) {
			t.Errorf("settled %d times; caught %v, ignored %v", f.settled, p.Caught(), p.Ignored())
		}
		l.Platform().RevokeActions()
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGINT: caught}
		if p.Caught().Has(netbsd.SIGINT) || f.changed == nil {
			t.Error("collected although it is revoked")
		}
		stop := make(chan struct{})
		if _, errno := l.NewLWP(0, func(*LWP) { <-stop }, false, nil); errno != 0 {
			t.Error(errno)
		}
		if l.Platform().PublishActions(none) {
			t.Error("published to one LWP of two")
		}
		close(stop)
	}})
	p.Wait()
	m.Close()
}

// An LWP that sleeps in a call that the kernel does not know of is asleep for others, and _lwp_wakeup(2) ends that: sys__lwp_wakeup
// finds LSSLEEP. One that runs gets ENODEV, and its next sleep, which must be the kernel's, ends at once (LW_CANCELLED).
func TestAsleepInUserMode(t *testing.T) {
	withGuestLWP(t, func(g *guestLWP) {
		wakeup := func() netbsd.Errno { return g.LWPWakeup(g.ID()) }
		for _, c := range []struct {
			asleep bool
			state  LWPState
			want   netbsd.Errno
		}{{true, LWPSleeping, 0}, {false, LWPRunning, netbsd.ENODEV}} {
			g.lent.asleep = c.asleep
			kicks := g.lent.kicks.Load()
			if i, _ := g.Proc().Info(); g.State() != c.state || i.Active != c.state {
				t.Errorf("asleep %v: state %v, the process's %v", c.asleep, g.State(), i.Active)
			}
			if g.Platform().Cancelled() {
				t.Error("cancelled already")
			}
			if errno := wakeup(); errno != c.want || g.lent.kicks.Load() == kicks || !g.Platform().Cancelled() {
				t.Errorf("asleep %v: %v, %d kicks", c.asleep, errno, g.lent.kicks.Load()-kicks)
			}
			g.lent.asleep = false
			if errno := g.Sleep(true, time.Time{}); errno != netbsd.EINTR || g.Platform().Cancelled() {
				t.Errorf("the sleep afterwards: %v", errno)
			}
		}
	})
}
