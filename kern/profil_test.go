package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// PC_TO_INDEX of sys/resourcevar.h: ((pc - off) * scale >> 16) & ~1, and nothing below the offset or behind the size.
func TestProfileSlots(t *testing.T) {
	for _, c := range []struct {
		f    Profile
		pc   uint64
		slot uint64
		ok   bool
	}{
		{Profile{Size: 8, Offset: 0x1000, Scale: 1 << 16}, 0xfff, 0, false},
		{Profile{Size: 8, Offset: 0x1000, Scale: 1 << 16}, 0x1000, 0, true},
		{Profile{Size: 8, Offset: 0x1000, Scale: 1 << 16}, 0x1003, 2, true},
		{Profile{Size: 8, Offset: 0x1000, Scale: 1 << 15}, 0x1006, 2, true},
		{Profile{Size: 8, Offset: 0x1000, Scale: 1 << 16}, 0x1008, 8, false},
		{Profile{Size: 8, Scale: 1}, 1 << 63, 0, true}, // (int) of what is shifted
	} {
		slot, ok := c.f.Slot(c.pc)
		if ok != c.ok || ok && slot != c.slot {
			t.Errorf("%+v, %#x: %d, %v, want %d, %v", c.f, c.pc, slot, ok, c.slot, c.ok)
		}
	}
}

// statclock and profclock of kern_clock.c: each tick of processor time that a process has used while it is profiled is
// counted once, where its program is; who runs is interrupted for it, who sleeps is not.
func TestProfilCountsTicks(t *testing.T) {
	both(t, func(w *world) {
		kicks := counter{n: map[string]int{}}
		kicker := func(name string) func(*LWP) netbsd.Errno {
			return func(l *LWP) netbsd.Errno {
				l.Platform().SetKicker(func() { kicks.add(name) })
				return 0
			}
		}
		w.spawnWith("P", SpawnArgs{Prepare: kicker("runs"), Body: func(l *LWP) {
			p, f := l.Proc(), Profile{Base: 0x4000, Size: 64, Offset: 0x1000, Scale: 1 << 16}
			l.NewLWP(0, sleepForever, false, kicker("sleeps"))
			l.NewLWP(0, func(*LWP) { time.Sleep(time.Hour) }, true, nil) // runs, and nobody can kick it
			use := func(d time.Duration) {
				p.AddUsage(&netbsd.Rusage{Utime: d - time.Millisecond, Stime: time.Millisecond})
				time.Sleep(5 * timerTick / 2)
			}
			ticks := func(what string, n int, of Profile) {
				w.Helper()
				got, profile := l.Platform().ProfileTicks()
				w.is(what, []any{got, profile}, []any{n, of})
			}
			on := func(want bool) {
				w.Helper()
				i, _ := p.Info()
				w.is("P_PROFIL", i.Flags&netbsd.P_PROFIL != 0, want)
			}
			ticks("nobody is profiled", 0, Profile{})
			w.is("scale", p.Profil(Profile{Size: 8, Scale: 1<<16 + 1}), netbsd.EINVAL)
			on(false)
			use(5 * timerTick)
			w.is("profil", p.Profil(f), netbsd.Errno(0))
			on(true)
			kicks.take()
			time.Sleep(5 * timerTick / 2)
			ticks("what was used before is not counted", 0, f)
			w.is("nobody is interrupted for nothing", kicks.take(), map[string]int{})
			use(25 * time.Millisecond)
			w.is("who runs is", kicks.take(), map[string]int{"runs": 1})
			ticks("two", 2, f)
			ticks("each is taken once", 0, f)
			use(5 * time.Millisecond)
			ticks("the rest of the third", 1, f)
			use(timerTick)
			ticks("just one", 1, f)
			w.locked(func() { w.is("another process has no profile", w.m.init.ext == nil || w.m.init.ext.prof == nil, true) })
			w.is("profil", p.Profil(Profile{Size: 8, Scale: 1}), netbsd.Errno(0)) // instead of the first
			on(true)
			use(timerTick)
			ticks("the second profile's", 1, Profile{Size: 8, Scale: 1})
			w.is("off", p.Profil(Profile{}), netbsd.Errno(0))
			on(false)
			use(timerTick)
			ticks("off", 0, Profile{})
		}})
		time.Sleep(time.Minute)
	})
}

// profsrc of kern_clock.c and proftick: where a performance counter is the source, each overflow of that is a tick, of every profile that
// there is; what it has counted so far is none of the next source's.
func TestProfilByACounter(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p, f := l.Proc(), Profile{Base: 0x4000, Size: 64, Scale: 1 << 16}
			ticks := func(what string, d time.Duration, n int) {
				w.Helper()
				p.AddUsage(&netbsd.Rusage{Utime: d})
				time.Sleep(5 * timerTick / 2)
				got, _ := l.Platform().ProfileTicks()
				w.is(what, got, n)
			}
			p.Profil(f)
			w.m.SetProfileSource(3 * timerTick)
			ticks("the beginning", 0, 0)
			ticks("two periods", 7*timerTick, 2)
			ticks("and what is left of them", 2*timerTick, 1)
			ticks("the beginning of another", 2*timerTick, 0)
			w.m.SetProfileSource(0)
			ticks("by the clock", 0, 0)
			ticks("by the clock", timerTick, 1)
			w.m.SetProfileSource(1)
			ticks("the beginning", 0, 0)
			ticks("as many as a counter holds", time.Hour, 1<<16)
			for range 1 << 15 {
				p.AddUsage(&netbsd.Rusage{Utime: time.Hour})
				time.Sleep(timerTick)
			}
			got, _ := l.Platform().ProfileTicks()
			w.is("nobody has taken them for long", got > 1<<16, true)
			w.m.SetProfileSource(0)
			p.Profil(Profile{})
		})
	})
}

// fork1: a profiled parent's child is profiled, and its time is its own; exit1 stops the clock, and none begins any
// more. A process that nobody profiles has no ticks, whoever else is.
func TestProfilOfFamilies(t *testing.T) {
	both(t, func(w *world) {
		f := Profile{Base: 0x4000, Size: 64, Scale: 1 << 16}
		var before *profile
		w.guest(func(l *LWP) {
			l.Proc().AddUsage(&netbsd.Rusage{Utime: time.Second})
			l.Proc().Profil(f)
			c := w.fork(l, "C", func(l *LWP) {
				p := l.Proc()
				w.is("P_PROFIL", p.has(fProfil), true)
				p.AddUsage(&netbsd.Rusage{Utime: 3 * timerTick})
				time.Sleep(3 * timerTick)
				n, of := l.Platform().ProfileTicks()
				w.is("the child's", []any{n, of}, []any{3, f})
				before = p.ext.prof
				w.give(p, func() {
					w.is("the clock runs until the exit", p.Profil(f), netbsd.Errno(0))
					w.locked(func() { w.is("none begins any more", p.ext.prof == nil || w.r2003 && p.ext.prof == before, true) })
				}, nil, nil)
			})
			w.wait(l, c.Pid(), 0)
			n, _ := l.Platform().ProfileTicks()
			w.is("not the parent's", n, 0)
		})
		other, _ := w.m.Spawn(SpawnArgs{Body: func(l *LWP) {
			n, of := l.Platform().ProfileTicks()
			w.is("nobody profiles it", []any{n, of}, []any{0, Profile{}})
		}})
		settled()
		w.is("gone", other.State() >= StateZombie, true)
		// A tick that has begun while the clock was stopped counts nothing and comes no more.
		before.seen = -time.Hour
		before.tick()
		w.is("late", before.ticks.Load(), int32(0))
	})
}
