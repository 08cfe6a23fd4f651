package kern

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// A fakeProgram takes upcalls as a program does. What an LWP has been told it does next; the context of an LWP is its id and how often it
// was asked for.
type fakeProgram struct {
	w     *world
	kicks chan bool // for LWPs that spin

	mu     sync.Mutex
	stacks int // free ones
	refuse netbsd.Errno
	fails  netbsd.Errno      // of Upcall, but for want of a stack
	during map[string]func() // by "Context of 1", "Upcall on 2": called once, in the middle of that
	told   map[*LWP]*Upcall
	asked  map[int]int
	lwps   map[int]*LWP

	woken map[*LWP]bool
	info  netbsd.Siginfo // what came last
	does  []func(l *LWP)
}

func newProgram(w *world, stacks int) *fakeProgram {
	return &fakeProgram{w: w, kicks: make(chan bool, 1), stacks: stacks, during: map[string]func(){}, told: map[*LWP]*Upcall{}, asked: map[int]int{},
		lwps: map[int]*LWP{}, woken: map[*LWP]bool{}}
}

// inActivations runs f for a process of release 2003 whose first LWP, 1, takes upcalls, catches some signals, and then does first.
func inActivations(t *testing.T, stacks int, first func(f *fakeProgram, l *LWP), f func(w *world, p *Proc, f *fakeProgram)) {
	inActivationsOf(t, false, stacks, first, f)
}

// inActivationsOf is inActivations of a program that is told if it is preempted, or not.
func inActivationsOf(t *testing.T, preempt bool, stacks int, first func(f *fakeProgram, l *LWP), f func(w *world, p *Proc, f *fakeProgram)) {
	synctest.Test(t, func(t *testing.T) {
		inWorld(t, Release2003, nil, func(w *world) {
			prog := newProgram(w, stacks)
			p := w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
				prog.kickable(l)
				l.SARegister(preempt, func() Upcaller { return prog })
				w.is("SAEnable", l.SAEnable(), netbsd.Errno(0))
				prog.note(l)
				for _, sig := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGUSR2, netbsd.SIGSEGV} {
					l.Sigaction(sig, &Action{Handler: 0x1000})
				}
				l.Platform().UserRet(nil)
				first(prog, l)
				prog.Body(l)
			}})
			settled()
			f(w, p, prog)
			p.Kill(netbsd.SIGKILL)
			settled()
			w.is("it ends", p.State() >= StateZombie, true)
		})
	})
}

func (f *fakeProgram) note(l *LWP) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lwps[l.ID()] = l
}

// lwp returns an LWP that has run.
func (f *fakeProgram) lwp(id int) *LWP {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lwps[id]
}

func (f *fakeProgram) last() netbsd.Siginfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.info
}

func (f *fakeProgram) setStacks(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stacks = n
}

// amid has do called during what, once.
func (f *fakeProgram) amid(what string, do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.during[what] = do
}

// meanwhile calls what is to happen during what is being done.
func (f *fakeProgram) meanwhile(what string, l *LWP) {
	what = fmt.Sprintf("%s %d", what, l.ID())
	f.mu.Lock()
	do := f.during[what]
	delete(f.during, what)
	f.mu.Unlock()
	if do != nil {
		do()
	}
}

func (f *fakeProgram) Context(l *LWP) any {
	f.meanwhile("Context of", l)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[l.ID()]++
	return fmt.Sprintf("%d.%d", l.ID(), f.asked[l.ID()])
}

var upcallNames = []string{"NEWPROC", "PREEMPTED", "BLOCKED", "UNBLOCKED", "SIGNAL", "SIGEV", "USER"}

func (f *fakeProgram) Upcall(l *LWP, u *Upcall) netbsd.Errno {
	f.meanwhile("Upcall on", l)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails != 0 {
		return f.fails
	}
	if f.stacks == 0 {
		f.w.mark("no stack for %s on %d", upcallNames[u.Type], l.ID())
		return netbsd.ENOMEM
	}
	f.stacks--
	s := fmt.Sprintf("%s on %d", upcallNames[u.Type], l.ID())
	for _, e := range u.Events {
		s += fmt.Sprintf(" of %d", e.LWP)
		if e.Context != nil {
			s += fmt.Sprintf(" in %v", e.Context)
		}
	}
	if u.Interrupted {
		s += " interrupts"
	}
	if u.Info != nil {
		s += " " + u.Info.Signo.String()
		f.info = *u.Info
	}
	f.w.mark("%s", s)
	f.told[l] = u
	return 0
}

func (f *fakeProgram) NewLWP(_, n *LWP) netbsd.Errno {
	f.kickable(n)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refuse
}

// Body implements Upcaller: the run loop. Who returns to user mode without having been told anything goes on as if it made no calls.
func (f *fakeProgram) Body(l *LWP) {
	f.note(l)
	for {
		l.Platform().UserRet(func(*Delivery) bool { f.w.mark("a handler runs on %d", l.ID()); return true })
		f.mu.Lock()
		u := f.told[l]
		delete(f.told, l)
		does := func(l *LWP) { l.SAYield() }
		if u != nil && len(f.does) > 0 {
			does, f.does = f.does[0], f.does[1:]
		}
		f.mu.Unlock()
		if u == nil {
			f.w.mark("%d returns", l.ID())
		}
		does(l)
	}
}

// kickable has l look up from its spin if it is kicked.
func (f *fakeProgram) kickable(l *LWP) {
	l.Platform().SetKicker(func() {
		select {
		case f.kicks <- true:
		default:
		}
	})
}

// spin makes no calls until l is kicked, and something waits for it.
func (f *fakeProgram) spin(l *LWP) {
	for l.attn.Load() == 0 {
		<-f.kicks
	}
}

// read is a call that sleeps until somebody wakes it by wake.
func (f *fakeProgram) read(l *LWP) { f.sleep(l, true) }

// readDisk is a read that no signal ends.
func (f *fakeProgram) readDisk(l *LWP) { f.sleep(l, false) }

func (f *fakeProgram) sleep(l *LWP, interruptible bool) {
	var errno netbsd.Errno
	for errno == 0 && !f.ready(l) {
		errno = l.Sleep(interruptible, noDeadline)
	}
	f.w.mark("read of %d: %d", l.ID(), errno)
}

func (f *fakeProgram) ready(l *LWP) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	ready := f.woken[l]
	delete(f.woken, l)
	return ready
}

// wake ends the read of an LWP.
func (f *fakeProgram) wake(id int) {
	l := f.lwp(id)
	f.mu.Lock()
	f.woken[l] = true
	f.mu.Unlock()
	l.Wake()
}

// then sets what LWPs do after an upcall: next[i] after the i-th from now on; after those they yield.
func (f *fakeProgram) then(next ...func(l *LWP)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.does = next
}

// notes are the marks since the last time.
func (f *fakeProgram) notes(from *int) []string {
	var s []string
	f.w.mu.Lock()
	defer f.w.mu.Unlock()
	for _, k := range f.w.marks[*from:] {
		if k.pid == 0 {
			s = append(s, k.what)
		}
	}
	*from = len(f.w.marks)
	return s
}

// expect demands that these marks have come since the last time.
func (f *fakeProgram) expect(what string, from *int, want ...string) {
	f.w.Helper()
	settled()
	if got := f.notes(from); !slices.Equal(got, want) {
		f.w.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// sa_switch, sa_setwoken, sa_upcall_userret: who sleeps is told of on an LWP of the cache, with the context of its call; who has woken is told
// of on the one that has the virtual processor, with another context, and serves again: who came into the cache last serves first
// (sa_putcachelwp, sa_getcachelwp). Of what sleeps once more in its call nobody hears.
func TestUpcallsOfWhoBlocks(t *testing.T) {
	inActivations(t, 100, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a sleep", &at, "BLOCKED on 2 of 1 in 1.1")
		f.lwp(1).Wake() // for nothing: it sleeps once more
		f.expect("it sleeps on", &at)
		f.then(f.read) // the thread that goes on sleeps again
		f.wake(1)
		f.expect("it has woken", &at, "read of 1: 0", "UNBLOCKED on 2 of 1 in 1.2 interrupts", "BLOCKED on 1 of 2 in 2.1")
		f.then(f.read)
		f.wake(2)
		f.expect("the next", &at, "read of 2: 0", "UNBLOCKED on 1 of 2 in 2.2 interrupts", "BLOCKED on 2 of 1 in 1.3")
		// 1 sleeps; 2 is busy, and is told of it when it comes by.
		busy := make(chan bool)
		f.then(func(*LWP) { <-busy })
		p.Kill(netbsd.SIGUSR1)
		f.expect("a signal", &at, "SIGNAL on 2 interrupts SIGUSR1")
		f.wake(1)
		f.expect("it wakes", &at, "read of 1: 0")
		w.is("it stands", f.lwp(1).State(), LWPSuspended)
		close(busy)
		f.expect("it is told of", &at, "UNBLOCKED on 2 of 1 in 1.4 interrupts")
	})
}

// All who have woken by then are events of one upcall (sa_makeupcalls, which fills the list of them from its end: who woke first is first, of the
// others the last). They go into the cache in the order in which they woke.
func TestOneUpcallTellsOfAllWhoHaveWoken(t *testing.T) {
	inActivations(t, 100, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a sleep", &at, "BLOCKED on 2 of 1 in 1.1")
		busy := make(chan bool)
		f.then(f.read, f.read, f.read, func(*LWP) { <-busy })
		p.Kill(netbsd.SIGUSR1)
		f.expect("others", &at, "SIGNAL on 2 interrupts SIGUSR1", "BLOCKED on 3 of 2 in 2.1", "BLOCKED on 4 of 3 in 3.1", "BLOCKED on 5 of 4 in 4.1")
		for i := range 4 {
			f.wake(i + 1)
			f.expect("one wakes", &at, fmt.Sprintf("read of %d: 0", i+1))
		}
		f.then(f.read)
		close(busy)
		f.expect("they are told of", &at, "UNBLOCKED on 5 of 1 in 1.2 of 4 in 4.2 of 3 in 3.2 of 2 in 2.2 interrupts", "BLOCKED on 4 of 5 in 5.1")
		w.is("all but two are in the cache", p.SACached(), 4)
	})
}

// kpsignal2 and kpsendsig: a signal is for who has the virtual processor, who idles or not, and ends no sleep of the others; its mask is the
// one that counts. What no handler is set for does what it ever does.
func TestSignalsAreUpcalls(t *testing.T) {
	inActivations(t, 100, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a sleep", &at, "BLOCKED on 2 of 1 in 1.1")
		p.Kill(netbsd.SIGUSR1)
		f.expect("who idles", &at, "SIGNAL on 2 interrupts SIGUSR1")
		w.is("the action's mask is set", f.lwp(2).Sigmask().Has(netbsd.SIGUSR1), true)
		p.Kill(netbsd.SIGUSR1)
		f.expect("it is blocked", &at)
		// It goes to whoever has the virtual processor, with the mask.
		term := netbsd.SIGTERM.Bit()
		f.then(f.read)
		p.Kill(netbsd.SIGUSR2)
		f.expect("another sleep", &at, "SIGNAL on 2 interrupts SIGUSR2", "BLOCKED on 3 of 2 in 2.1")
		w.is("the mask went along", f.lwp(3).Sigmask(), netbsd.SIGUSR1.Bit()|netbsd.SIGUSR2.Bit())
		f.then(func(l *LWP) {
			all := netbsd.AllSignals
			l.Sigprocmask(netbsd.SIG_SETMASK, &all)
			l.SAYield()
		})
		f.wake(1)
		f.expect("a wakeup", &at, "read of 1: 0", "UNBLOCKED on 3 of 1 in 1.2 interrupts")
		p.Kill(netbsd.SIGTERM)
		settled()
		w.locked(func() {
			w.is("nobody would die of it", []any{p.fatal(), p.pend.set.Has(netbsd.SIGTERM)}, []any{false, true})
		})
		w.is("nor does it end a sleep", []any{f.lwp(2).State(), f.lwp(3).State()}, []any{LWPSleeping, LWPSleeping})
		f.then(func(l *LWP) {
			l.Sigprocmask(netbsd.SIG_UNBLOCK, &term)
		})
		f.wake(2)
		settled()
		w.is("SIGTERM ends it", p.State() >= StateZombie, true)
	})
	inActivations(t, 100, func(f *fakeProgram, l *LWP) {
		l.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: netbsd.SEGV_MAPERR})
	}, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a trap", &at, "SIGNAL on 1 of 1 SIGSEGV")
	})
}

// sa_switchcall without a stack: the LWP has the virtual processor back, and sleeps as if upcalls were off; a signal ends the sleep, and is
// lost (kpsendsig). sa_upcall_userret without one goes on without, and tries again.
func TestUpcallsWithoutStacks(t *testing.T) {
	inActivations(t, 0, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a sleep", &at, "no stack for BLOCKED on 2")
		p.Kill(netbsd.SIGUSR1)
		f.expect("a signal", &at, fmt.Sprintf("read of 1: %d", netbsd.EINTR), "no stack for SIGNAL on 1", "1 returns")
	})
	inActivations(t, 1, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		busy := make(chan bool)
		f.expect("a sleep", &at, "BLOCKED on 2 of 1 in 1.1")
		f.wake(1)
		f.expect("it wakes", &at, "read of 1: 0", "no stack for UNBLOCKED on 2")
		f.setStacks(1)
		f.then(func(*LWP) { <-busy })
		p.Kill(netbsd.SIGUSR1)
		f.expect("there is one", &at, "SIGNAL on 2 interrupts SIGUSR1", "no stack for UNBLOCKED on 2")
		f.setStacks(1)
		close(busy)
		f.expect("there is another", &at, "UNBLOCKED on 2 of 1 in 1.2 interrupts")
	})
	// Who wakes before it is known that there is no stack goes on itself.
	inActivations(t, 0, func(f *fakeProgram, l *LWP) {
		f.w.locked(func() {
			s := l.p.ext.sa
			l.ext.act.context = "its own"
			l.attn.Or(aUpcall)
			again := l.saSwitch()
			f.w.is("it has been told of", []any{again, s.vp != l}, []any{false, true})
		})
	}, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("it goes on", &at, "no stack for BLOCKED on 2", "1 returns")
		w.locked(func() { w.is("it has the virtual processor", p.ext.sa.vp.lid, int32(1)) })
	})
}

// sa_newcachelwp fails: nobody is told of the sleep, which a signal ends.
func TestUpcallsWithoutLWPs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inWorld(t, Release2003, nil, func(w *world) {
			f := newProgram(w, 9)
			f.refuse = netbsd.EAGAIN
			p := w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
				l.SARegister(false, func() Upcaller { return f })
				l.SAEnable()
				l.Sigaction(netbsd.SIGUSR1, &Action{Handler: 0x1000})
				f.read(l)
				f.Body(l)
			}})
			at := 0
			f.expect("a sleep", &at)
			p.Kill(netbsd.SIGUSR1)
			f.expect("a signal", &at, fmt.Sprintf("read of 1: %d", netbsd.EINTR), "SIGNAL on 1 interrupts SIGUSR1")
			w.is("LWPs", p.NumLWPs(), 1)
			p.Kill(netbsd.SIGKILL)
		})
	})
}

// A stop and a pause of the machine have upcalls wait; what has become of the sleeps is told afterwards.
func TestUpcallsOfAStoppedProcess(t *testing.T) {
	inActivations(t, 100, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a sleep", &at, "BLOCKED on 2 of 1 in 1.1")
		p.Kill(netbsd.SIGSTOP)
		settled()
		w.is("it has stopped", p.Stopped(), true)
		f.wake(1)
		f.expect("it wakes", &at)
		p.Kill(netbsd.SIGCONT)
		f.expect("it goes on", &at, "read of 1: 0", "UNBLOCKED on 2 of 1 in 1.2 interrupts")
		f.then(f.read)
		p.Kill(netbsd.SIGUSR1)
		f.expect("a sleep", &at, "SIGNAL on 2 interrupts SIGUSR1", "BLOCKED on 1 of 2 in 2.1")
		if err := w.m.Pause(t.Context()); err != nil {
			t.Error(err)
		}
		f.wake(2)
		f.expect("it is paused", &at, "read of 2: 0")
		check(t, w.m)
		w.m.Resume()
		f.expect("it goes on", &at, "UNBLOCKED on 1 of 2 in 2.2 interrupts")
	})
}

// The end of who has the virtual processor: nobody would tell of those who wake, and so they end (sa_vp_repossess, sa_unblock_userret); LWPs
// of the cache do not keep a process alive (sa_putcachelwp). An exec has upcalls end, and another program can register.
func TestEndsOfActivations(t *testing.T) {
	inActivations(t, 100, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.then((*LWP).ExitLWP)
		p.Kill(netbsd.SIGUSR1)
		f.expect("it ends", &at, "BLOCKED on 2 of 1 in 1.1", "SIGNAL on 2 interrupts SIGUSR1")
		w.is("the process lives", p.State(), StateActive)
		f.wake(1)
		f.expect("the last one", &at, "read of 1: 0")
		w.is("status", p.Wait(), netbsd.ExitStatus(0, 0))
	})
	inActivations(t, 100, func(f *fakeProgram, l *LWP) { l.ExitLWP() }, func(w *world, p *Proc, f *fakeProgram) {
		w.is("status", p.Wait(), netbsd.ExitStatus(0, 0))
	})
	inActivations(t, 100, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.then(func(l *LWP) {
			w.is("exec", l.Exec(ExecArgs{Comm: "x"}), netbsd.Errno(0))
			w.is("SAEnable", l.SAEnable(), netbsd.EINVAL)
			w.is("traps", l.p.CallsTrap(), false)
			l.SARegister(false, func() Upcaller { return f })
			w.is("SAEnable", l.SAEnable(), netbsd.Errno(0))
			f.read(l)
		})
		p.Kill(netbsd.SIGUSR1)
		settled()
		w.is("LWPs", p.NumLWPs(), 3)
		f.expect("the program", &at, "BLOCKED on 2 of 1 in 1.1", "SIGNAL on 2 interrupts SIGUSR1", fmt.Sprintf("read of 1: %d", netbsd.EINTR), "BLOCKED on 4 of 2 in 2.1")
	})
}

// itimerfire and timerupcall: a timer of SIGEV_SA is told of by who has the virtual processor, once, however often it has run out, with what
// timer_create(2) was given; of one that was deleted nobody hears. Where no upcalls are on nothing comes.
func TestTimersAreUpcalls(t *testing.T) {
	inActivations(t, 3, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		start := func(every time.Duration) int {
			id, errno := p.TimerCreateUpcall(netbsd.CLOCK_REALTIME, netbsd.Siginfo{Signo: netbsd.SIGUSR2, Value: 0x77})
			p.TimerSettime(id, Itimerval{time.Second, every})
			w.is("timer_create", errno, netbsd.Errno(0))
			return id
		}
		id := start(time.Second)
		settledFor(time.Second)
		f.expect("it has run out", &at, "BLOCKED on 2 of 1 in 1.1", "SIGEV on 2 interrupts SIGUSR2")
		w.is("its siginfo", f.last(), netbsd.Siginfo{Signo: netbsd.SIGUSR2, Value: 0x77, Pid: p.pid})
		settledFor(time.Second)
		f.expect("once more", &at, "SIGEV on 2 interrupts SIGUSR2")
		settledFor(3 * time.Second)
		over, _ := p.TimerOverrun(id)
		w.is("overruns are told of with the next, as there is no stack", over, 0)
		other := start(0)
		settledFor(time.Second)
		p.TimerDelete(other)
		p.TimerSettime(id, Itimerval{})
		f.setStacks(9)
		f.notes(&at)
		f.wake(1)
		f.expect("it is told of first", &at, "read of 1: 0", "SIGEV on 2 interrupts SIGUSR2", "UNBLOCKED on 2 of 1 in 1.2 interrupts")
		p.TimerDelete(id)
	})
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			id, errno := l.p.TimerCreateUpcall(netbsd.CLOCK_REALTIME, netbsd.Siginfo{Signo: netbsd.SIGUSR2})
			w.is("timer_create", errno, netbsd.Errno(0))
			l.p.TimerSettime(id, Itimerval{time.Second, time.Second})
			nap(l, 3*time.Second)
			over, _ := l.p.TimerOverrun(id)
			w.is("nothing has come", []any{over, l.Sigpending()}, []any{0, netbsd.Sigset(0)})
		})
	})
	// The lowest number comes first, whichever has run out first.
	inActivations(t, 1, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		for i, sig := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGUSR2} {
			id, _ := p.TimerCreateUpcall(netbsd.CLOCK_REALTIME, netbsd.Siginfo{Signo: sig})
			p.TimerSettime(id, Itimerval{Value: time.Duration(2-i) * time.Second})
		}
		settledFor(2 * time.Second)
		f.setStacks(9)
		f.notes(&at)
		f.wake(1)
		f.expect("both are told of", &at, "read of 1: 0", "SIGEV on 2 interrupts SIGUSR1", "SIGEV on 2 interrupts SIGUSR2",
			"UNBLOCKED on 2 of 1 in 1.2 interrupts")
	})
	for _, clock := range []int{-1, netbsd.CLOCK_MONOTONIC + 1} {
		if _, errno := new(Proc).TimerCreateUpcall(clock, netbsd.Siginfo{}); errno != netbsd.EINVAL {
			t.Errorf("clock %d: %v", clock, errno)
		}
	}
}

// A hammeredProgram takes upcalls at random, and sees to what is promised: one LWP at most is in user mode; of whom the program is told that
// it blocks it is told once that it goes on, before it does anything else.
type hammeredProgram struct {
	t     *testing.T
	until time.Time
	user  atomic.Int32

	mu      sync.Mutex
	blocked map[int]bool
	told    map[*LWP]bool
	lwps    []*LWP
	kinds   [7]int
}

func (f *hammeredProgram) Context(l *LWP) any { return l.ID() }

func (f *hammeredProgram) NewLWP(_, n *LWP) netbsd.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lwps = append(f.lwps, n)
	return 0
}

func (f *hammeredProgram) Upcall(l *LWP, u *Upcall) netbsd.Errno {
	if rand.IntN(8) == 0 {
		return netbsd.ENOMEM
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range u.Events {
		switch {
		case u.Type == netbsd.SA_UPCALL_SIGNAL || u.Type == netbsd.SA_UPCALL_PREEMPTED:
			continue
		case e.LWP == l.ID() || e.Context != e.LWP:
			f.t.Errorf("%s on %d of %d in %v", upcallNames[u.Type], l.ID(), e.LWP, e.Context)
		case f.blocked[e.LWP] == (u.Type == netbsd.SA_UPCALL_BLOCKED):
			f.t.Errorf("%s of %d, which is blocked: %t", upcallNames[u.Type], e.LWP, f.blocked[e.LWP])
		}
		f.blocked[e.LWP] = u.Type == netbsd.SA_UPCALL_BLOCKED
	}
	f.kinds[u.Type]++
	f.told[l] = true
	return 0
}

func (f *hammeredProgram) Body(l *LWP) {
	for {
		l.Platform().UserRet(func(*Delivery) bool { f.t.Error("a handler runs"); return true })
		if n := f.user.Add(1); n != 1 {
			f.t.Errorf("%d LWPs are in user mode", n)
		}
		f.mu.Lock()
		if f.blocked[l.ID()] {
			f.t.Errorf("%d is blocked, and in user mode", l.ID())
		}
		delete(f.told, l)
		f.mu.Unlock()
		f.user.Add(-1)
		f.call(l)
	}
}

// call makes a call at random.
func (f *hammeredProgram) call(l *LWP) {
	switch rand.IntN(8) {
	case 0, 1, 2:
		l.Sleep(rand.IntN(4) > 0, time.Now().Add(time.Duration(rand.IntN(200))*time.Microsecond))
	case 3:
		l.Nanosleep(time.Duration(rand.IntN(100)) * time.Microsecond)
	case 4:
		l.SAYield()
	case 5:
		var none netbsd.Sigset
		l.Sigprocmask(netbsd.SIG_SETMASK, &none)
	case 6:
		l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
	case 7:
		l.LWPWakeup(f.some().ID())
	}
}

// some returns an LWP that may have ended.
func (f *hammeredProgram) some() *LWP {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lwps[rand.IntN(len(f.lwps))]
}

// TestUpcallsHammer has the LWPs of a process sleep, wake and be signalled at once, while it is stopped, paused and told of timers.
func TestUpcallsHammer(t *testing.T) {
	before := runtime.NumGoroutine()
	m := New(Config{Release: Release2003, MaxLWPs: 200})
	f := &hammeredProgram{t: t, until: time.Now().Add(hammerTime(t)), blocked: map[int]bool{}, told: map[*LWP]bool{}}
	p, _ := m.Spawn(SpawnArgs{Manual: true, Body: func(l *LWP) {
		f.mu.Lock()
		f.lwps = append(f.lwps, l)
		f.mu.Unlock()
		l.Sigaction(netbsd.SIGUSR1, &Action{Handler: 0x1000})
		l.SARegister(true, func() Upcaller { return f })
		l.SAEnable()
		id, _ := l.Proc().TimerCreateUpcall(netbsd.CLOCK_REALTIME, netbsd.Siginfo{})
		l.Proc().TimerSettime(id, Itimerval{timerTick, timerTick})
		f.Body(l)
	}})
	for time.Now().Before(f.until) && !t.Failed() {
		switch rand.IntN(60) {
		case 0:
			p.Kill(netbsd.SIGSTOP)
			p.Kill(netbsd.SIGCONT)
		case 1:
			p.Kill(netbsd.SIGUSR1)
		case 2:
			m.Pause(t.Context())
			m.Resume()
		default:
			f.mu.Lock()
			n := len(f.lwps)
			f.mu.Unlock()
			if n > 0 {
				f.some().Wake()
			}
		}
		check(t, m)
		runtime.Gosched()
	}
	p.Kill(netbsd.SIGKILL)
	p.Wait()
	m.Close()
	check(t, m)
	for i := 0; i < 20_000 && runtime.NumGoroutine() > before; i++ {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines before, %d after", before, n)
	}
	t.Log(f.kinds, len(f.lwps))
}
