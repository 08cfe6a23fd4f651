package platform

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var spinLoop = []byte{0x48, 0xff, 0xc0, 0xeb, 0xfb} // 1: inc %rax; jmp 1b

// within fails the test if f hangs; it is generous, as time proves nothing here. f may
// call Fatal.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	done, returned := make(chan struct{}), false
	go func() {
		defer close(done)
		f()
		returned = true
	}()
	select {
	case <-done:
		if !returned {
			t.FailNow()
		}
	case <-time.After(5 * time.Minute):
		panic(what + ": hangs")
	}
}

func TestKickEndsRun(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, spinLoop...)
	for range 100 {
		go th.Kick()
		within(t, "Run", func() { wantKind(t, th.Run(), Kicked) })
	}
}

func TestKickBeforeRun(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, syscallLoop...)
	th.Kick()
	th.Kick()
	wantKind(t, th.Run(), Kicked)
	wantKind(t, th.Run(), Syscall)
}

// Every kick must end a Run that begins before or after it, also if the guest
// makes system calls all the time.
func TestKickHammer(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, Options{})
	for name, code := range map[string][]byte{"calling": syscallLoop, "spinning": spinLoop} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			together(upTo(5000/kickRounds), func(share <-chan int) {
				for range share {
					hammerKicks(t, p, code)
				}
			})
		})
	}
}

const kickRounds = 500

// hammerKicks kicks a guest, each time when the last kick has ended a Run.
func hammerKicks(t *testing.T, p *Platform, code []byte) {
	t.Helper()
	_, th := newGuest(t, p, code...)
	seen := make(chan struct{})
	go func() {
		for range kickRounds {
			th.Kick()
			<-seen
		}
		close(seen)
	}()
	within(t, "hammer", func() {
		for n := 0; n < kickRounds; {
			switch trap := th.Run(); trap.Kind {
			case Kicked:
				n++
				seen <- struct{}{}
			case Syscall:
			default:
				panic(fmt.Sprintf("%+v", trap))
			}
		}
	})
	if _, open := <-seen; open {
		t.Error("one kick ended two Runs")
	}
}

// Kicks in the midst of everything must not disturb the guest's registers.
func TestKicksLeaveNoTrace(t *testing.T) {
	p := newPlatform(t, Options{})
	// 1: inc %rax; cmp $0x3000000,%eax; jne 1b; syscall
	_, th := newGuest(t, p, code(t, "48 ff c0 3d 00 00 00 03 75 f6 0f 05")...)
	kicker := kickOften(th, func() {})
	kicks := 0
	for {
		trap := kicker.run()
		if trap.Kind == Kicked {
			kicks++
			continue
		}
		wantKind(t, trap, Syscall)
		break
	}
	kicker.stop()
	if th.Regs().RAX != 0x3000000 || th.Regs().RIP != codeAt+12 {
		t.Errorf("after %d kicks: %+v", kicks, th.Regs())
	}
}

// A kicker kicks a thread over and over.
type kicker struct {
	th   *Thread
	over chan struct{}
	wg   sync.WaitGroup
	rest atomic.Int64 // how often it offers its core to others before the next kick
	last Regs
}

// kickFor is how long a kicker kicks: some 40,000 times a second on a quiet host, and 300
// times on one whose cores are taken, where a guest would take minutes to come to its end.
const kickFor = 15 * time.Second

// kickOften kicks th, with a pause each time, until stop is called or it has done so for
// kickFor.
func kickOften(th *Thread, pause func()) *kicker { return kickUntil(th, Monotonic()+kickFor, pause) }

// kickUntil is kickOften with another end.
func kickUntil(th *Thread, until time.Duration, pause func()) *kicker {
	k := &kicker{th: th, over: make(chan struct{})}
	k.wg.Go(func() {
		for Monotonic() < until {
			select {
			case <-k.over:
				return
			default:
				th.Kick()
				pause()
				for n := int64(0); n <= k.rest.Load(); n++ {
					runtime.Gosched()
					unix.RawSyscallNoError(unix.SYS_SCHED_YIELD, 0, 0, 0)
				}
			}
		}
	})
	return k
}

// run is Run of the kicked thread. On a busy host a guest that waits for a core is kicked
// before it executes anything, each time again; so one that gets nowhere has more and
// more peace.
func (k *kicker) run() Trap {
	trap := k.th.Run()
	if r := *k.th.Regs(); trap.Kind != Kicked || r != k.last {
		k.rest.Store(0)
		k.last = r
	} else {
		k.rest.Store(2*k.rest.Load() + 1)
	}
	return trap
}

func (k *kicker) stop() {
	close(k.over)
	k.wg.Wait()
}

// spinAtMost passes a random time of up to n rounds.
func spinAtMost(n int) {
	for range rand.IntN(n) {
	}
}
