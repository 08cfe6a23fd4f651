package kern

import (
	"slices"
	"testing"

	"toaster/netbsd"
)

// What an LWP has asked for is done once, when it ends, in its process's memory: of lwp_exit,
// exit1, and of an exec. A new LWP and the child of a fork have none of it.
func TestRobustIsReleasedAtTheEnd(t *testing.T) {
	both(t, func(w *world) {
		ended := make(chan int32, 9)
		arm := func(l *LWP) {
			l.Platform().SetRobust(8, func() {
				w.is("the memory is there", l.Proc().VM() != nil, true)
				ended <- l.lid
			})
		}
		p, errno := w.m.Spawn(SpawnArgs{VM: &doomSpace{w: w}, Body: func(l *LWP) {
			arm(l)
			other, _ := l.NewLWP(0, func(l *LWP) {
				head, _ := l.Robust(0)
				w.is("of a new LWP", head, uint64(0))
				arm(l)
				l.ExitLWP()
			}, false, nil)
			l.LWPWait(int(other.lid))
			w.is("of the LWP that has ended", <-ended, other.lid)
			_, errno := l.Robust(int(other.lid))
			w.is("Robust", errno, netbsd.ESRCH)
			l.Fork(ForkArgs{Body: func(l *LWP) {
				head, _ := l.Robust(0)
				w.is("of a child", head, uint64(0))
				l.Exit(0)
			}})
			l.Platform().EndRobust()
			w.is("of an exec", <-ended, l.lid)
			arm(l)
			l.Exit(0)
		}})
		w.is("Spawn", errno, netbsd.Errno(0))
		p.Wait()
		settled()
		w.is("of an exit", len(ended), 1)
	})
}

// Who holds robust locks is not killed before it has come by: they lie in its memory.
func TestRobustPutsOffTheKill(t *testing.T) {
	both(t, func(w *world) {
		s := &doomSpace{w: w}
		p, cont := w.deaf(s, func(l *LWP) { l.Platform().SetRobust(8, func() { s.told = append(s.told, "released") }) })
		p.Kill(netbsd.SIGKILL)
		settled()
		cont()
		p.Wait()
		if want := []string{"Doom", "released"}; !slices.Equal(s.told, want) {
			t.Errorf("told %q, want %q", s.told, want)
		}
	})
}
