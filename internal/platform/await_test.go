package platform

import (
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// ourThreads counts the host threads of this program.
func ourThreads(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

const ucRBX = 128

// sleepersAt is where the ucontexts of sleepers are, one a thread.
const sleepersAt = 0x10000000

// newSleeper returns a guest whose threads are asleep in the host for good, without an LWP
// that knows: they have the stub make the call. A kick interrupts it, and it begins anew.
func newSleeper(t testing.TB, p *Platform) (*Process, *Thread) {
	t.Helper()
	if !p.sparesHostile {
		p.sparesHostile = true // or a guest that a kick finds in the stub dies of it
	}
	// mov $35,%eax; mov $time,%edi; xor %esi,%esi; mov %rbx,%rdx; jmp *%r11
	q, th := newGuest(t, p, code(t, "b8 23 00 00 00 bf 00 00 50 00 31 f6 48 89 da 41 ff e3")...)
	q.Write(dataAt, []byte{0, 0, 0, 1}) // seconds
	if err := q.Map(th, sleepersAt, stub.SlotsPerWindow*512, 3, unix.MAP_PRIVATE, -1, 0); err != nil {
		t.Fatal(err)
	}
	toSleep(t, th)
	return q, th
}

// toSleep makes th, a thread of a sleeper, sleep when it runs.
func toSleep(t testing.TB, th *Thread) {
	at, r := uint64(sleepersAt+512*th.index), th.Regs()
	r.RIP, r.RBX, r.R11 = codeAt, at, gadgets(t, "0f 05 31 c0")[0] // SYSCALL; XORL AX, AX; ... rt_sigreturn
	uc, le := make([]byte, stub.OffUCSize), binary.LittleEndian
	for off, v := range map[int]uint64{
		stub.OffUCStack: th.slot.Addr() + stub.OffStack, stub.OffUCStack + 16: uint64(len(th.slot.Memory()) - stub.OffStack),
		stub.OffUCRIP: r.RIP, stub.OffUCEflags: 0x202, stub.OffUCSegs: stub.Segments, stub.OffUCR8 + 24: r.R11, ucRBX: at,
	} {
		le.PutUint64(uc[off:], v)
	}
	if _, ok := th.proc.Write(at, uc); !ok {
		t.Fatal("Write")
	}
}

// crowd makes n sleepers, in processes of up to 500, and has each run f on a goroutine of
// its own.
func crowd(t testing.TB, p *Platform, n int, f func(*Thread)) (list []*Thread, wait func()) {
	t.Helper()
	var wg sync.WaitGroup
	for len(list) < n {
		_, th := newSleeper(t, p)
		list = append(list, th)
		for range min(n-len(list), 499) {
			nt := newLWP(t, th)
			toSleep(t, nt)
			list = append(list, nt)
		}
	}
	for _, th := range list {
		wg.Go(func() { f(th) })
	}
	return list, wg.Wait
}

// waitUntilRunning waits until all are in user mode.
func waitUntilRunning(t testing.TB, list []*Thread) {
	t.Helper()
	waitFor(t, "all to run", func() bool {
		return !slices.ContainsFunc(list, func(th *Thread) bool { return th.guestEntries.Load() == 0 })
	})
}

// Guests in user mode do not cost a thread of toaster's each; kicks reach all of them, and
// Close ends them.
func TestManyGuestsInUserMode(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 600
	}
	p := newPlatform(t, Options{})
	before := ourThreads(t)
	var kicks atomic.Int64
	list, wait := crowd(t, p, n, func(th *Thread) {
		for {
			switch trap := th.Run(); trap.Kind {
			case Kicked:
				kicks.Add(1)
			case Gone:
				return
			}
		}
	})
	waitUntilRunning(t, list)
	for round := range 3 {
		for _, th := range list {
			th.Kick()
		}
		waitFor(t, "kicks to be heard", func() bool { return kicks.Load() >= int64(n*(round+1)) })
		// Without futex_waitv each has one (MaxThreadsWithoutWaitv bounds that).
		if most := before + seatCount + n/maxPolled + 64; HaveFutexWaitv() && ourThreads(t) > most {
			t.Errorf("%d guests in user mode, and %d threads of toaster; %d before", n, ourThreads(t), before)
		}
	}
	within(t, "Close", func() { p.Close(); wait() })
	waitFor(t, "keepers to end", func() bool {
		p.waiters.mu.Lock()
		defer p.waiters.mu.Unlock()
		return len(p.waiters.pollers) == 0
	})
}

// Calls and kicks of more guests than there are seats: none is lost, whoever waits where.
func TestNoWakeIsLost(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, Options{})
	const n, rounds = 3 * seatCount, 100
	var calls atomic.Int64
	var wg sync.WaitGroup
	var list []*Thread
	_, th := newGuest(t, p, syscallLoop...)
	for range n {
		list = append(list, newLWP(t, th))
	}
	for _, th := range list {
		wg.Go(func() {
			for n := 0; n < rounds; {
				switch trap := th.Run(); trap.Kind {
				case Syscall:
					n++
					calls.Add(1)
				case Kicked:
				default:
					t.Errorf("%+v", trap)
					return
				}
			}
		})
	}
	over := make(chan struct{})
	go func() {
		for {
			for _, th := range list {
				select {
				case <-over:
					return
				default:
					th.Kick()
				}
			}
			time.Sleep(time.Millisecond)
		}
	}()
	within(t, "hammer", wg.Wait)
	close(over)
	if calls.Load() != n*rounds {
		t.Errorf("%d calls, want %d", calls.Load(), n*rounds)
	}
}

func seatsOf(p *Platform) (list []*seat) {
	for i := range p.waiters.seats {
		list = append(list, &p.waiters.seats[i])
	}
	return list
}

// Who is called often takes the seat of somebody who has slept for long.
func TestSeatsAreForTheBusy(t *testing.T) {
	p := newPlatform(t, Options{Warm: -1})
	_, th := newGuest(t, p, syscallLoop...)
	list, wait := crowd(t, p, 2*seatCount, func(th *Thread) {
		for th.Run().Kind != Gone {
		}
	})
	waitUntilRunning(t, list)
	seated := func(th *Thread) bool {
		return slices.ContainsFunc(seatsOf(p), func(s *seat) bool { return s.holder.Load() == th })
	}
	waitFor(t, "sleepers to fill the seats", func() bool { return !seated(nil) })
	waitFor(t, "a seat", func() bool {
		wantKind(t, th.Run(), Syscall)
		return seated(nil)
	})
	within(t, "Close", func() { p.Close(); wait() })
}

// Without futex_waitv(2) there are no pollers, and only so many threads: EAGAIN
// (ARCHITECTURE.md, what a waiting LWP costs).
func TestWithoutWaitv(t *testing.T) {
	const most = 3 * seatCount
	p := newPlatform(t, Options{Warm: -1, beforeStart: func(p *Platform) { p.waiters.direct, p.waiters.maxThreads = true, most }})
	list, wait := crowd(t, p, most-1, func(th *Thread) { // and the zygote's
		for th.Run().Kind != Gone {
		}
	})
	waitUntilRunning(t, list)
	if len(p.waiters.pollers) != 0 {
		t.Error("there are keepers")
	}
	if _, _, err := p.NewProcess(); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("one process more: %v, want EAGAIN", err)
	}
	within(t, "Close", func() { p.Close(); wait() })
}

// All platforms of a program share that number, as it is the program that Go ends at 10,000 threads.
func TestWithoutWaitvInOneProgram(t *testing.T) {
	const most = 2 + 10 + 1 // two zygotes, and guests of one thread each
	opts := Options{Warm: -1, beforeStart: func(p *Platform) { p.waiters.direct, p.waiters.maxThreads = true, most }}
	one, other := newPlatform(t, opts), newPlatform(t, opts)
	for range 10 {
		newGuest(t, one)
	}
	_, th := newGuest(t, other)
	if _, _, err := other.NewProcess(); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("one process more: %v, want EAGAIN", err)
	}
	if _, err := th.NewThread(); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("one thread more: %v, want EAGAIN", err)
	}
	one.Close()
	if _, err := th.NewThread(); err != nil {
		t.Errorf("when the others are gone: %v", err)
	}
}
