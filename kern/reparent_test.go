package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Items 97 to 99: proc_reparent.

func TestReparent_97_NothingIfTheParentIsUnchanged(t *testing.T) {
	bothWith(t, func(w *world, c *Config) { c.Events = 100 }, func(w *world) {
		ev := w.m.Events()
		w.spawn("P", func(l *LWP) {
			w.fork(l, "A", sleepForever)
			w.forkWith(l, "B", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: sleepForever})
			w.fork(l, "C", sleepForever)
			var b *Proc
			w.locked(func() {
				b = l.p.kids.sibNext
				seq := b.seq
				b.reparent(l.p)
				w.is("place, signal", []any{b.seq, b.exitsig, b.parent == l.p}, []any{seq, netbsd.SIGUSR1, true})
			})
			w.is("order", w.kids(l.Proc()), "C B A")
			sleepForever(l)
		})
		settled()
		// Not even if it is init: the exit signal stays.
		w.locked(func() {
			init := w.m.init
			p := init.kids
			p.exitsig = netbsd.SIGUSR2
			p.reclass()
			p.reparent(init)
			w.is("init's child", p.exitsig, netbsd.SIGUSR2)
			p.exitsig = netbsd.SIGCHLD
			p.reclass()
		})
		for e, ok := ev.TryNext(); ok; e, ok = ev.TryNext() {
			if e.Kind == EventReparent {
				w.Errorf("event %v", e)
			}
		}
	})
}

func TestReparent_98_InitGetsSigchld(t *testing.T) {
	bothWith(t, func(w *world, c *Config) { c.Init = sleepForever }, func(w *world) {
		var a, b, traced *Proc
		w.guest(func(l *LWP) {
			a = w.forkWith(l, "A", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: sleepForever})
			b = w.forkWith(l, "B", ForkArgs{NoExitSignal: true, Body: sleepForever})
			traced = w.forkWith(l, "T", ForkArgs{ExitSignal: netbsd.SIGUSR2, Body: sleepForever})
			d := w.spawn("D", func(l *LWP) { // another parent than init leaves it
				l.PtraceAttach(traced.Pid())
				w.wait(l, traced.Pid(), 0)
				w.locked(func() { w.is("at the debugger", traced.exitsig, netbsd.SIGUSR2) })
				l.PtraceResume(traced.Pid(), ResumeArgs{Detach: true})
				w.locked(func() { w.is("and back", traced.exitsig, netbsd.SIGUSR2) })
			})
			<-d.Done()
			l.Exit(0)
		})
		for _, c := range []*Proc{a, b, traced} {
			w.locked(func() { w.is("exit signal", []any{c.exitsig, c.parent == w.m.init}, []any{netbsd.SIGCHLD, true}) })
		}
	})
}

func TestReparent_99_ToTheHeadWithoutSignalOrWakeup(t *testing.T) {
	bothWith(t, func(w *world, c *Config) {
		c.Init = func(l *LWP) { w.catch(l, "init", netbsd.SIGCHLD); sleepForever(l) }
	}, func(w *world) {
		var gen uint32
		p := w.spawn("P", func(l *LWP) {
			w.catch(l, "P", netbsd.SIGCHLD)
			w.fork(l, "old", sleepForever)
			w.wait(l, netbsd.WaitAny, 0) // asleep in wait4
		})
		q := w.spawn("Q", func(l *LWP) {
			w.fork(l, "zombie", func(l *LWP) { l.Nanosleep(time.Millisecond) }) // after the other's birth
			w.fork(l, "running", sleepForever)
			sleepForever(l)
		})
		settledFor(time.Second)
		var z, r *Proc
		w.locked(func() {
			r, z = q.kids, q.kids.sibNext
			if !w.r2003 { // who dies goes to the head
				r, z = z, r
			}
			w.is("a zombie", z.state, StateZombie)
			gen = p.lwps.gen
			z.reparent(p)
			r.reparent(p)
			w.is("asleep in the same sleep", []any{p.lwps.asleep, p.lwps.gen, p.lwps.token}, []any{true, gen, false})
			w.is("nothing pending", p.pend.set, netbsd.Sigset(0))
		})
		w.is("head of the new list", w.kids(p), "running zombie old")
		w.is("off the old list", w.kids(q), "")
		time.Sleep(time.Second)
		w.locked(func() { w.is("sleeps on", []any{p.lwps.asleep, p.lwps.gen}, []any{true, gen}) })
		w.never("P.SIGCHLD", "init.SIGCHLD")
		// It is reportable at its new parent when something else wakes that.
		w.locked(func() { p.waiters.wakeAll() })
		settled()
		w.is("reaped", z.State(), StateFree)
	})
}
