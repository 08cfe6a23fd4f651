package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Tests of timers of timer_create(2) that fire late, or when they are no longer meant (kern_time.c).

// itimer_callout counts the periods that are over when a timer of real time fires late as overruns, which the signal tells of; of process
// time it does not.
func TestOverrunsOfALateTimer(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			w.give(p, nil, nil, &fakeVM{usage: func() netbsd.Rusage { return netbsd.Rusage{Utime: time.Hour} }})
			for clock, want := range map[int]int{netbsd.CLOCK_REALTIME: 2, netbsd.CLOCK_MONOTONIC: 2, netbsd.CLOCK_VIRTUAL: 0, netbsd.CLOCK_PROF: 0} {
				set := netbsd.SIGUSR1.Bit()
				l.Sigprocmask(netbsd.SIG_BLOCK, &set)
				id, _ := p.TimerCreate(clock, &netbsd.Siginfo{Signo: netbsd.SIGUSR1})
				p.TimerSettime(id, Itimerval{time.Hour, time.Second})
				var pt *posixTimer
				gen := 0
				w.locked(func() {
					pt = p.posixTimer(id)
					pt.due -= time.Hour + 2500*time.Millisecond
					gen = pt.gen
				})
				pt.fire(gen)
				_, errno := l.Sigtimedwait(set, time.Now())
				over, _ := p.TimerOverrun(id)
				w.is("sent, with overruns", []any{errno, over}, []any{netbsd.Errno(0), want})
				left, _ := p.TimerGettime(id)
				w.is("the next", left.Value, 500*time.Millisecond)
				p.TimerDelete(id)
			}
		})
	})
}

// dotimer_settime stops the callout: a timer that was just firing, and is set anew, fires for the new setting alone.
func TestTimerThatIsSetWhileItFires(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			set := netbsd.SIGUSR1.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			id, _ := p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{Signo: netbsd.SIGUSR1})
			p.TimerSettime(id, Itimerval{time.Hour, 0})
			var pt *posixTimer
			gen := 0
			w.locked(func() { pt = p.posixTimer(id); gen = pt.gen })
			p.TimerSettime(id, Itimerval{2 * time.Hour, 0})
			pt.fire(gen) // it was on its way to mu
			w.is("pending", l.Sigpending(), netbsd.Sigset(0))
			left, _ := p.TimerGettime(id)
			w.is("left", left.Value, 2*time.Hour)
		})
	})
}

// itimer_fire asks for SIGEV_SIGNAL first: a timer of SIGEV_NONE sends nothing, so EVFILT_SIGNAL counts nothing.
func TestSilentTimerTellsNobody(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p, n := l.Proc(), 0
			p.AttachKnote(note(func(e NoteEvent) {
				if e.Kind == NoteSignal {
					n++
				}
			}))
			id, _ := p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{})
			p.TimerSettime(id, Itimerval{time.Second, time.Second})
			nap(l, 5500*time.Millisecond)
			w.is("signals", n, 0)
			p.TimerDelete(id)
		})
	})
}

// itimerfire of 2003: a timer of SIGEV_SA that runs out again before it has been told of counts an overrun, and timer_getoverrun(2) says
// from the next time on how many there were.
func TestOverrunsOfAnUpcallTimer(t *testing.T) {
	inActivations(t, 2, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		id, errno := p.TimerCreateUpcall(netbsd.CLOCK_REALTIME, netbsd.Siginfo{Signo: netbsd.SIGUSR2})
		w.is("timer_create", errno, netbsd.Errno(0))
		over := func(what string, want int) {
			w.Helper()
			n, errno := p.TimerOverrun(id)
			w.is(what, []any{n, errno}, []any{want, netbsd.Errno(0)})
		}
		p.TimerSettime(id, Itimerval{time.Second, time.Second})
		settledFor(1500 * time.Millisecond) // told of with the second stack
		settledFor(3 * time.Second)         // 2, 3 and 4 pass without a stack
		over("not yet", 0)
		f.setStacks(9)
		f.wake(1)
		settledFor(time.Second)
		over("two after the one that was told of late", 2)
		settledFor(time.Second)
		over("none since", 0)
		p.TimerDelete(id)
	})
}
