package kern

import (
	"testing"

	"toaster/netbsd"
)

// fakePost is a place where changed actions lie.
type fakePost struct {
	changed map[netbsd.Signal]*Action
	settled int
}

func (f *fakePost) Take(settle bool, set func(netbsd.Signal, *Action)) {
	for s, a := range f.changed {
		set(s, a)
	}
	f.changed = nil
	if settle {
		f.settled++
	}
}

// Whoever looks at the actions of another process sees what is posted; and who may not
// post is told so.
func TestPostedActions(t *testing.T) {
	none := func(netbsd.Signal, *Action) {}
	m := New(Config{})
	p, _ := m.Spawn(SpawnArgs{Body: func(l *LWP) {
		f := &fakePost{}
		given := 0
		if !l.ShowActions(f, func(netbsd.Signal, *Action) { given++ }) || given != netbsd.NSIG-1 {
			t.Errorf("%d actions given", given)
		}
		p := l.Proc()
		caught := &Action{Func: func(*LWP, *netbsd.Siginfo) {}}
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGUSR1: caught}
		if !p.Caught().Has(netbsd.SIGUSR1) {
			t.Error("Caught does not show a posted handler")
		}
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGUSR2: {Handler: netbsd.SIG_IGN}}
		if !p.Ignored().Has(netbsd.SIGUSR2) {
			t.Error("Ignored does not show a posted SIG_IGN")
		}
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGHUP: {Handler: 0x1234}}
		if p.Action(netbsd.SIGHUP).Handler != 0x1234 {
			t.Error("Action does not show a posted one")
		}
		// A signal that would kill, were it not for what is posted.
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGTERM: {Handler: netbsd.SIG_IGN}}
		if e := p.Kill(netbsd.SIGTERM); e != 0 || f.changed != nil {
			t.Errorf("kill: %v, left %v", e, f.changed)
		}
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGKILL: {Handler: netbsd.SIG_IGN}, netbsd.SIGALRM: caught}
		l.TakeActions()
		if f.settled != 1 || !p.Caught().Has(netbsd.SIGALRM) || p.Ignored().Has(netbsd.SIGKILL) {
			t.Errorf("settled %d times; caught %v, ignored %v", f.settled, p.Caught(), p.Ignored())
		}
		l.HideActions()
		f.changed = map[netbsd.Signal]*Action{netbsd.SIGINT: caught}
		if p.Caught().Has(netbsd.SIGINT) || f.changed == nil {
			t.Error("taken although it is hidden")
		}
		stop := make(chan struct{})
		if _, e := l.NewLWP(0, func(*LWP) { <-stop }, false, nil); e != 0 {
			t.Error(e)
		}
		if l.ShowActions(f, none) {
			t.Error("shown to one LWP of two")
		}
		close(stop)
	}})
	p.Wait()
	m.Close()
}
