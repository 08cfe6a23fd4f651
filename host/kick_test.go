package host

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

var spinLoop = []byte{0x48, 0xff, 0xc0, 0xeb, 0xfb} // 1: inc %rax; jmp 1b

// within fails the test if f hangs; it is generous, as time proves nothing here.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { f(); close(done) }()
	select {
	case <-done:
	case <-time.After(60 * time.Second):
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
	p := newPlatform(t, Options{})
	for name, code := range map[string][]byte{"calling": syscallLoop, "spinning": spinLoop} {
		t.Run(name, func(t *testing.T) {
			_, th := newGuest(t, p, code...)
			const rounds = 5000
			seen := make(chan struct{})
			go func() {
				for range rounds {
					th.Kick()
					<-seen
				}
				close(seen)
			}()
			within(t, "hammer", func() {
				for n := 0; n < rounds; {
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
		})
	}
}

// Kicks in the midst of everything must not disturb the guest's registers.
func TestKicksLeaveNoTrace(t *testing.T) {
	p := newPlatform(t, Options{})
	// 1: inc %rax; cmp $0x3000000,%eax; jne 1b; syscall
	_, th := newGuest(t, p, code(t, "48 ff c0 3d 00 00 00 03 75 f6 0f 05")...)
	stop := kickOften(th, func() {})
	kicks := 0
	for {
		trap := th.Run()
		if trap.Kind == Kicked {
			kicks++
			continue
		}
		wantKind(t, trap, Syscall)
		break
	}
	stop()
	if th.Regs().RAX != 0x3000000 || th.Regs().RIP != codeAt+12 {
		t.Errorf("after %d kicks: %+v", kicks, th.Regs())
	}
}

// kickOften kicks th over and over, with a pause each time, until stop is called.
func kickOften(th *Thread, pause func()) (stop func()) {
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
				th.Kick()
				pause()
			}
		}
	})
	return func() {
		close(over)
		wg.Wait()
	}
}

// spinAtMost passes a random time of up to n rounds.
func spinAtMost(n int) {
	for range rand.IntN(n) {
	}
}
