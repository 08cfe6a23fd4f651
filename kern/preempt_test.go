package kern

import (
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// preempt, sa_preempt and roundrobin: an LWP that runs for a tenth of a second is preempted, which is told on it, of it, with its context
// as it is, before a signal that has come meanwhile. Who sleeps or idles is not, and for who does nothing else no clock runs.
func TestPreemption(t *testing.T) {
	inActivationsOf(t, true, 100, (*fakeProgram).spin, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		clock := func(what string, want bool) {
			w.Helper()
			w.locked(func() { w.is(what, p.ext.sa.clock != nil, want) })
		}
		settledFor(quantum - 1)
		f.expect("it runs", &at)
		f.then(f.spin, f.read)
		settledFor(1)
		f.expect("its quantum is over", &at, "PREEMPTED on 1 of 1")
		settledFor(quantum)
		f.expect("another", &at, "PREEMPTED on 1 of 1", "BLOCKED on 2 of 1 in 1.1")
		settledFor(10 * quantum)
		f.expect("who idles is not preempted", &at)
		clock("nor is there a clock", false)
		f.then(f.spin)
		f.wake(1)
		f.expect("it goes on", &at, "read of 1: 0", "UNBLOCKED on 2 of 1 in 1.2 interrupts")
		clock("there is a clock", true)
		f.then(f.spin)
		settledFor(quantum)
		f.expect("whoever has the virtual processor", &at, "PREEMPTED on 2 of 2")
		busy := make(chan bool)
		f.then(func(*LWP) { <-busy })
		settledFor(quantum)
		f.expect("one that is hard to interrupt", &at, "PREEMPTED on 2 of 2")
		settledFor(quantum)
		p.Kill(netbsd.SIGUSR1)
		close(busy)
		f.expect("a signal comes behind it", &at, "PREEMPTED on 2 of 2", "SIGNAL on 2 interrupts SIGUSR1")
	})
	inActivations(t, 100, (*fakeProgram).spin, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		settledFor(10 * quantum)
		f.expect("who did not ask is not told", &at)
	})
}

// mi_switch forgets want_resched: who was to be preempted, and sleeps before it comes to user mode, is told of as blocked alone. Where nobody
// can be told of that (sa_switch without an LWP), or the quantum ends amid the sleep, it is preempted in the next one that it runs through.
func TestPreemptionOfWhoSleeps(t *testing.T) {
	inActivationsOf(t, true, 100, func(f *fakeProgram, l *LWP) {
		f.spin(l)
		f.read(l)
	}, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		settledFor(quantum)
		f.expect("it sleeps", &at, "BLOCKED on 2 of 1 in 1.1")
		f.then(f.read)
		f.wake(1)
		f.expect("and has the processor once more", &at, "read of 1: 0", "UNBLOCKED on 2 of 1 in 1.2 interrupts", "BLOCKED on 1 of 2 in 2.1")
	})
	synctest.Test(t, func(t *testing.T) {
		inWorld(t, Release2003, nil, func(w *world) {
			f := newProgram(w, 9)
			f.refuse = netbsd.EAGAIN
			p := w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
				f.kickable(l)
				l.SARegister(true, func() Upcaller { return f })
				l.SAEnable()
				l.Platform().UserRet(nil)
				f.readDisk(l)
				l.Platform().UserRet(nil)
				f.spin(l)
				f.Body(l)
			}})
			at := 0
			settled()
			f.note(p.LWPs()[0])
			settledFor(3 * quantum)
			f.wake(1)
			f.expect("it goes on", &at, "read of 1: 0")
			settledFor(quantum)
			f.expect("its quantum is over", &at, "PREEMPTED on 1 of 1")
			p.Kill(netbsd.SIGKILL)
		})
	})
}

// sa_upcall: without a stack an LWP that was preempted goes on, and nobody hears of it; the next time there may be one.
func TestPreemptionWithoutAStack(t *testing.T) {
	inActivationsOf(t, true, 0, (*fakeProgram).spin, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.then(f.spin)
		settledFor(quantum)
		f.expect("no stack", &at, "no stack for PREEMPTED on 1", "1 returns")
	})
}

// An exec, an exit and the end of who had the virtual processor end the clock; a stop has it wait.
func TestEndsOfPreemption(t *testing.T) {
	for name, end := range map[string]func(l *LWP){
		"exec":     func(l *LWP) { l.Exec(ExecArgs{Comm: "x"}) },
		"lwp_exit": func(l *LWP) { l.ExitLWP() },
	} {
		inActivationsOf(t, true, 100, func(f *fakeProgram, l *LWP) {
			s := l.p.ext.sa
			if name == "lwp_exit" {
				l.NewLWP(0, func(n *LWP) {
					time.Sleep(quantum / 2)
					f.w.locked(func() { f.w.is(name+": the clock", s.clock == nil, true) })
					f.read(n)
				}, true, nil)
			}
			f.w.locked(func() { f.w.is(name+": there is a clock", s.clock != nil, true) })
			end(l)
			f.w.locked(func() { f.w.is(name+": the clock", s.clock == nil, true) })
			f.read(l)
		}, func(w *world, p *Proc, f *fakeProgram) { settledFor(10 * quantum) })
	}
	inActivationsOf(t, true, 100, (*fakeProgram).spin, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		s := p.ext.sa
		p.Kill(netbsd.SIGSTOP)
		settledFor(10 * quantum)
		f.expect("it has stopped", &at)
		w.locked(func() { w.is("the clock", s.clock == nil, true) })
		p.Kill(netbsd.SIGCONT)
		f.expect("it goes on", &at, "1 returns")
		f.then(f.spin)
		p.Kill(netbsd.SIGUSR1)
		settledFor(quantum)
		f.expect("its quantum is over", &at, "SIGNAL on 1 interrupts SIGUSR1", "PREEMPTED on 1 of 1")
		p.Kill(netbsd.SIGKILL)
		settled()
		w.locked(func() { w.is("the clock of who has ended", s.clock == nil, true) })
	})
}
