package kern

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// dosa_register: what is there stays when a program registers once more. sys_sa_yield and sys_sa_enable: EINVAL without.
func TestRegistrationOfUpcalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inWorld(t, Release2003, nil, func(w *world) {
			w.guest(func(l *LWP) {
				w.is("without", []netbsd.Errno{l.SAYield(), l.SAEnable()}, []netbsd.Errno{netbsd.EINVAL, netbsd.EINVAL})
				f := newProgram(w, 9)
				up, errno := l.SARegister(false, func() Upcaller { return f })
				again, errno2 := l.SARegister(false, func() Upcaller { return newProgram(w, 9) })
				w.is("registered", []any{up == f, errno, again == f, errno2}, []any{true, netbsd.Errno(0), true, netbsd.Errno(0)})
				w.is("not yet on", []any{l.SAYield(), l.p.CallsTrap()}, []any{netbsd.EINVAL, false})
				w.is("SAEnable", l.SAEnable(), netbsd.Errno(0))
				w.is("calls that sleep are the kernel's", l.p.CallsTrap(), true)
			})
		})
	})
}

// kpsignal2: an LWP that takes no upcalls (_lwp_create(2) makes one) is told of no signal of the process's. sa_yield sleeps with
// PCATCH: of such an LWP a signal of its own ends it, and no wakeup.
func TestLWPsWithoutUpcalls(t *testing.T) {
	inActivations(t, 100, func(f *fakeProgram, l *LWP) {
		l.NewLWP(0, func(l *LWP) {
			f.note(l)
			f.read(l)
			f.w.mark("SAYield: %d", l.SAYield())
		}, true, nil)
		f.read(l)
	}, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("both sleep", &at, "BLOCKED on 2 of 1 in 1.1")
		p.Kill(netbsd.SIGUSR1)
		f.expect("a signal", &at, "SIGNAL on 2 interrupts SIGUSR1")
		f.wake(3)
		f.expect("it yields", &at, "read of 3: 0")
		f.lwp(3).Wake()
		f.expect("it sleeps on", &at)
		f.then(func(l *LWP) { l.LWPKill(3, netbsd.SIGUSR2) })
		p.Kill(netbsd.SIGSEGV)
		f.expect("a signal of its own", &at, "SIGNAL on 2 interrupts SIGSEGV", "2 returns", fmt.Sprintf("SAYield: %d", netbsd.ERESTART))
	})
}

// sa_switchcall, upcallret: who gets the virtual processor looks for signals, too. The sleep of who had it is not one that they end.
func TestSignalBeforeTheSwitch(t *testing.T) {
	first := func(f *fakeProgram, l *LWP) {
		l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
		f.readDisk(l)
	}
	inActivations(t, 100, first, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a sleep", &at, "BLOCKED on 2 of 1 in 1.1", "SIGNAL on 2 interrupts SIGUSR1")
		f.wake(1)
		f.expect("it wakes", &at, "read of 1: 0", "UNBLOCKED on 2 of 1 in 1.2 interrupts")
	})
	// Without a stack nobody is told until the sleep is over; the action's mask is the process's. The LWP that was to tell is in the cache again.
	inActivations(t, 0, first, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a sleep", &at, "no stack for BLOCKED on 2")
		w.is("all but one are in the cache", p.SACached(), p.NumLWPs()-1)
		f.setStacks(9)
		f.then(f.read)
		f.wake(1)
		f.expect("it wakes", &at, "read of 1: 0", "SIGNAL on 1 interrupts SIGUSR1", "BLOCKED on 2 of 1 in 1.2")
		w.is("the action's mask is set", f.lwp(2).Sigmask().Has(netbsd.SIGUSR1), true)
	})
}

// sa_switchcall without a stack, while other things happen: a signal is for the sleeper again, and ends its sleep; who has woken goes on; if it
// has ended, so does the other one (lwp_exit), and with the last one that is not in the cache the process.
func TestWithoutAStackMeanwhile(t *testing.T) {
	inActivations(t, 0, func(f *fakeProgram, l *LWP) {
		f.amid("Upcall on 2", func() { l.p.Kill(netbsd.SIGUSR1) })
		f.read(l)
	}, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a signal", &at, "no stack for BLOCKED on 2", fmt.Sprintf("read of 1: %d", netbsd.EINTR), "no stack for SIGNAL on 1", "1 returns")
	})
	inActivations(t, 0, func(f *fakeProgram, l *LWP) {
		asked, given := make(chan bool), make(chan bool)
		f.amid("Upcall on 2", func() {
			f.amid("Context of 1", func() { close(asked); <-given })
			f.wake(1)
			<-asked
			time.AfterFunc(time.Second, func() { close(given) })
		})
		f.read(l)
	}, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		settledFor(2 * time.Second)
		f.expect("it has woken", &at, "read of 1: 0", "no stack for BLOCKED on 2", "1 returns")
		w.locked(func() { w.is("it has the virtual processor", p.ext.sa.vp.lid, int32(1)) })
	})
	inActivations(t, 0, func(f *fakeProgram, l *LWP) {
		f.amid("Upcall on 2", func() {
			f.wake(1)
			time.Sleep(time.Second)
		})
		f.read(l)
		l.ExitLWP()
	}, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		w.is("status", p.Wait(), netbsd.ExitStatus(0, 0))
		f.expect("it has ended", &at, "read of 1: 0", "no stack for BLOCKED on 2")
	})
}

// sa_makeupcalls: where there is no memory for an upcall the process ends by SIGILL, whatever it catches.
func TestUpcallsWithoutMemory(t *testing.T) {
	inActivations(t, 9, func(f *fakeProgram, l *LWP) {
		f.fails = netbsd.EFAULT
		l.Sigaction(netbsd.SIGILL, &Action{Handler: 0x1000})
		f.read(l)
	}, func(w *world, p *Proc, f *fakeProgram) {
		w.is("status", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGILL))
	})
}

// proc_stop: an LWP that gets the virtual processor while the process stops makes its upcall when that goes on. Who wakes in a process that is
// about to stop, and stands aside, does not keep it from that.
func TestUpcallsOfAStoppingProcess(t *testing.T) {
	inActivations(t, 100, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		busy := make(chan bool)
		f.then(func(l *LWP) {
			l.LWPKill(1, netbsd.SIGSTOP)
			<-busy
			f.readDisk(l)
		})
		p.Kill(netbsd.SIGUSR1)
		f.expect("it begins to stop", &at, "BLOCKED on 2 of 1 in 1.1", "SIGNAL on 2 interrupts SIGUSR1")
		close(busy)
		f.expect("another sleeps", &at)
		p.Kill(netbsd.SIGCONT)
		f.expect("it goes on", &at, "BLOCKED on 3 of 2 in 2.1")
		f.wake(2)
		f.expect("it wakes", &at, "read of 2: 0", "UNBLOCKED on 3 of 2 in 2.2 interrupts")
	})
	inActivations(t, 100, (*fakeProgram).readDisk, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a sleep that no signal ends", &at, "BLOCKED on 2 of 1 in 1.1")
		p.Kill(netbsd.SIGSTOP)
		settled()
		f.wake(1)
		f.expect("it wakes", &at, "read of 1: 0")
		w.is("it has stopped", p.Stopped(), true)
		p.Kill(netbsd.SIGCONT)
		f.expect("it goes on", &at, "UNBLOCKED on 2 of 1 in 1.2 interrupts")
	})
}

// timer_delete(2): of a timer that has run out, and of which nobody has been told, nobody is, though others are: whether it waits for a stack
// or is just being told of.
func TestDeletedTimersAreNotToldOf(t *testing.T) {
	start := func(p *Proc, value uint64) int {
		id, _ := p.TimerCreateUpcall(netbsd.CLOCK_REALTIME, netbsd.Siginfo{Signo: netbsd.SIGUSR2, Value: value})
		p.TimerSettime(id, Itimerval{Value: time.Second})
		return id
	}
	inActivations(t, 1, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		one := start(p, 1)
		start(p, 2)
		settledFor(time.Second)
		p.TimerDelete(one)
		f.setStacks(9)
		f.notes(&at)
		f.wake(1)
		f.expect("one is left", &at, "read of 1: 0", "SIGEV on 2 interrupts SIGUSR2", "UNBLOCKED on 2 of 1 in 1.2 interrupts")
		w.is("it is the other", f.last().Value, uint64(2))
	})
	inActivations(t, 1, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		id := start(p, 1)
		f.amid("Upcall on 2", func() { p.TimerDelete(id) })
		settledFor(time.Second)
		f.setStacks(9)
		f.notes(&at)
		f.wake(1)
		f.expect("none is left", &at, "read of 1: 0", "UNBLOCKED on 2 of 1 in 1.2 interrupts")
	})
}

// sa_release, of an exec by an LWP that has slept, and been told of as blocked, before: it goes on alone, and no upcall tells of its sleeps.
func TestExecOfWhoWasToldOf(t *testing.T) {
	inActivations(t, 100, func(f *fakeProgram, l *LWP) {
		f.read(l)
		f.w.is("exec", l.Exec(ExecArgs{Comm: "x"}), netbsd.Errno(0))
		l.Platform().UserRet(nil)
		f.w.mark("%d returns", l.ID())
		f.read(l)
	}, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a sleep", &at, "BLOCKED on 2 of 1 in 1.1")
		f.wake(1)
		f.expect("an exec", &at, "read of 1: 0", "1 returns")
		w.is("LWPs", p.NumLWPs(), 1)
		p.Kill(netbsd.SIGTERM)
		settled()
		w.is("status", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGTERM))
	})
	// Another program that registers begins anew.
	inActivations(t, 100, func(f *fakeProgram, l *LWP) {
		f.read(l)
		f.w.is("exec", l.Exec(ExecArgs{Comm: "x"}), netbsd.Errno(0))
		l.SARegister(false, func() Upcaller { return f })
		f.w.is("SAEnable", l.SAEnable(), netbsd.Errno(0))
		l.Sigaction(netbsd.SIGUSR1, &Action{Handler: 0x1000})
		l.Kill(l.p.Pid(), netbsd.SIGUSR1)
	}, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a sleep", &at, "BLOCKED on 2 of 1 in 1.1")
		f.wake(1)
		f.expect("an exec", &at, "read of 1: 0", "SIGNAL on 1 interrupts SIGUSR1")
	})
}

// sa_release, of a process whose one LWP there is: where none could be made for the cache no exec has to end any.
func TestExecWithoutACache(t *testing.T) {
	in2003(t, func(w *world) {
		p := w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
			f := newProgram(w, 9)
			f.refuse = netbsd.EAGAIN
			l.SARegister(false, func() Upcaller { return f })
			w.is("SAEnable", l.SAEnable(), netbsd.Errno(0))
			w.is("exec", l.Exec(ExecArgs{Comm: "x"}), netbsd.Errno(0))
			w.is("a sleep", l.Sleep(true, time.Now().Add(time.Second)), netbsd.EWOULDBLOCK)
			l.Exit(3)
		}})
		w.is("status", p.Wait(), netbsd.ExitStatus(3, 0))
	})
}

// lwp_exit of who has the virtual processor, while one that has woken waits to be told of: that one ends as well (sa_unblock_userret,
// sa_vp_repossess). Who sleeps lives on, and a signal reaches it.
func TestEndBeforeTheWokenAreToldOf(t *testing.T) {
	inActivations(t, 100, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		busy := make(chan bool)
		f.then(func(l *LWP) { <-busy; l.ExitLWP() })
		p.Kill(netbsd.SIGUSR1)
		f.expect("one is busy", &at, "BLOCKED on 2 of 1 in 1.1", "SIGNAL on 2 interrupts SIGUSR1")
		f.wake(1)
		f.expect("it wakes", &at, "read of 1: 0")
		close(busy)
		w.is("status", p.Wait(), netbsd.ExitStatus(0, 0))
	})
	inActivations(t, 100, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		busy := make(chan bool)
		f.then(f.read, func(l *LWP) { <-busy; l.ExitLWP() })
		p.Kill(netbsd.SIGUSR1)
		f.expect("one is busy", &at, "BLOCKED on 2 of 1 in 1.1", "SIGNAL on 2 interrupts SIGUSR1", "BLOCKED on 3 of 2 in 2.1")
		f.wake(2)
		f.expect("one wakes", &at, "read of 2: 0")
		close(busy)
		settled()
		check(t, w.m)
		w.is("who sleeps, and the cache", p.NumLWPs()-p.SACached(), 1)
		p.Kill(netbsd.SIGTERM)
		settled()
		w.is("it ends by it", p.State() >= StateZombie, true)
	})
}
