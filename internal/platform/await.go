package platform

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/hostlimits"

	"toaster/internal/guard"

	"toaster/internal/platform/stub"
)

// A goroutine that waits for its guest sleeps on the word that says whose turn it is. Where
// few do, each has a seat and a thread of toaster's to itself, which the guest wakes
// directly. But Go ends a program that has 10,000 threads, and guests can have more LWPs
// than that in user mode.
//
//   - There are seatCount seats. Beyond them a poller sleeps for up to maxPolled waiters at
//     once (futex_waitv(2)) and wakes each through a channel, which takes a switch more.
//   - A waiter that has sat in its seat for settledAfter goes to a poller when another one
//     wants the seat. So the guests that call often have the seats.
//   - Where the host has no futex_waitv, all sleep directly, and the platforms of the program
//     have no more than MaxThreadsWithoutWaitv threads together: see admitsThread.
const (
	seatCount    = 64
	maxPolled    = 127 // futex_waitv takes 128, of which one is the poller's own
	settledAfter = 10 * time.Millisecond

	// MaxThreadsWithoutWaitv is how many threads all platforms of the program have together at most, on a host that has no
	// futex_waitv(2).
	MaxThreadsWithoutWaitv = 4000

	// A guest wakes its waiter once a turn, and the watchdog or whoever wants the seat may do
	// so too. A guest that does it over and over again wants to keep the kernel busy. It counts
	// for one sleep, and with pollers alone: in a seat a guest wakes nobody but its own waiter,
	// and pays as much for that as the kernel.
	maxFalseWakeups = 1000
)

// waiters is how a platform waits for its guests. direct and maxThreads are set before it starts.
type waiters struct {
	seats      [seatCount]seat
	direct     bool // the host has no futex_waitv
	maxThreads int  // threads of guests then, of all platforms

	mu      sync.Mutex // guards pollers, and what each of them has under it
	pollers []*poller
}

// A seat is a thread of toaster's that sleeps for one guest. There is no lock: whoever takes it, from nobody or
// from another thread, and who leaves it change holder by a compare-and-swap, and one of them succeeds. since stays what it
// was when the seat is left, and for a moment when it is taken: at worst the new holder soon loses it.
type seat struct {
	holder atomic.Pointer[Thread]
	since  atomic.Int64 // by Monotonic
	_      [48]byte     // a cache line each
}

// sleepForTurn waits until somebody wakes who waits for t, or less. direct says that it may be
// in a seat; sleepForTurn returns whether it still may. On the way of a system call whose guest
// is not watched it is a futex call between two compare-and-swaps.
func (p *Platform) sleepForTurn(t *Thread, now time.Duration, direct bool) bool {
	w := &p.waiters
	var s *seat
	if direct {
		s = w.takeSeat(t, now)
	}
	if s == nil && !w.direct {
		w.sleepPolled(p, t)
		return direct
	}
	futexWait(t.slot.Turn(), stub.TurnGuestAwaits, p.slack)
	// It fails for who was woken as another one has taken the seat.
	return s == nil || s.holder.CompareAndSwap(t, nil)
}

// takeSeat takes a seat, if need be that of somebody who has settled; nil if there is none. The search begins at a place of
// t's own, so that not all threads try the same seat first.
func (w *waiters) takeSeat(t *Thread, now time.Duration) *seat {
	count := w.usable()
	for i := range count {
		s := &w.seats[(t.tid+i)%count]
		if s.holder.Load() == nil && s.holder.CompareAndSwap(nil, t) {
			s.since.Store(int64(now))
			return s
		}
	}
	return w.unseat(t, now)
}

// usable is how many seats there are: few where the host has little room for threads, as a
// goroutine in a seat keeps a thread of Go's runtime.
func (w *waiters) usable() int {
	if w.direct {
		return seatCount
	}
	return hostlimits.Few(seatCount)
}

// unseat gives t the seat of who has slept for longest, if that is long enough. Who had it is
// woken, finds that the turn has not come and its seat is another's, and goes to a poller.
func (w *waiters) unseat(t *Thread, now time.Duration) *seat {
	var oldest *seat
	least := int64(now - settledAfter)
	for i := range w.usable() {
		if at := w.seats[i].since.Load(); at < least {
			oldest, least = &w.seats[i], at
		}
	}
	if oldest == nil {
		return nil
	}
	old := oldest.holder.Load()
	if old == nil || !oldest.holder.CompareAndSwap(old, t) {
		return nil
	}
	oldest.since.Store(int64(now))
	futexWake(old.slot.Turn()) // if it has left meanwhile, whatever is there is woken for nothing
	return oldest
}

// directPlatforms are the platforms, from New to Close, whose waiters are direct. It is no map under a lock, as that lock would be
// held while each platform's mu is taken.
var directPlatforms sync.Map

// admitsThread says whether the host can have one more thread to wait for. Go counts the threads of the program, so those of all
// platforms are. Several who ask at once may all be admitted: the bound is far enough from Go's.
func (p *Platform) admitsThread() bool {
	if !p.waiters.direct {
		return true
	}
	threads := 0
	directPlatforms.Range(func(o, _ any) bool {
		threads += o.(*Platform).threadsWaitedFor()
		return true
	})
	return threads < p.waiters.maxThreads
}

func (p *Platform) threadsWaitedFor() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.threads) - p.parked
}

// A poller sleeps for many. It ends when it has nobody left. New waiters ring its bell, a word
// of its own that it sleeps on with the others, and it lays out its list anew.
//
// All words but the bell are the guests' memory. A guest that wakes its word without passing
// the turn makes the poller look at all 127, so the poller counts that and kills the guest that
// does it too often (countFalseWakeup).
type poller struct {
	w *waiters

	// Guarded by waiters.mu.
	load  int       // of list and added
	added []*Thread // since it has looked
	bell  uint32    // futex: 1 if it sleeps or is about to; written with the lock held

	// The poller's own. The slots of list stay in memory: each thread of it is in a call, and so keeps its process's
	// window (returnWindow). vec is for the bell, and behind it for list.
	list []*Thread
	vec  [maxPolled + 1]waitv
}

// waitv is struct futex_waitv.
type waitv struct {
	value uint64
	addr  uintptr
	flags uint32
	_     uint32
}

const (
	sysFutexWaitv = 449
	futex2Size32  = 2
	futex2Private = 128
)

// sleepPolled waits for t by way of a poller.
func (w *waiters) sleepPolled(p *Platform, t *Thread) {
	if t.wakeup == nil {
		t.wakeup = make(chan struct{}, 1)
	}
	t.falseWakeups = 0 // no poller has t now
	k, rings := w.assign(p, t)
	if rings {
		futexWakePrivate(&k.bell)
	}
	<-t.wakeup
}

// assign gives t to a poller, which is to be woken if it rings.
func (w *waiters) assign(p *Platform, t *Thread) (k *poller, rings bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k = w.roomyLocked(p)
	k.load++
	k.added = append(k.added, t)
	rings = k.bell != 0
	atomic.StoreUint32(&k.bell, 0)
	return k, rings
}

// roomyLocked returns a poller that can take one more.
func (w *waiters) roomyLocked(p *Platform) *poller {
	for i := len(w.pollers) - 1; i >= 0; i-- {
		if w.pollers[i].load < maxPolled {
			return w.pollers[i]
		}
	}
	k := &poller{w: w}
	w.pollers = append(w.pollers, k)
	guard.Go("guests were waited for", func() { k.run(p.slack) })
	return k
}

// run sleeps until the bell rings, a guest wakes its word, or one of the words is not what it was (EAGAIN), and looks at all
// of them in any case: which one it was matters to the count alone.
func (k *poller) run(slack uintptr) {
	for k.prepare() {
		n, e := futexWaitv(&k.vec[0], len(k.list)+1, slack)
		switch {
		case e == 0 && n > 0:
			k.countFalseWakeup(k.list[n-1])
		case e != 0 && e != unix.EAGAIN && e != unix.EINTR:
			time.Sleep(time.Millisecond) // the host has no memory for it
		}
		k.wakeReady()
	}
}

// countFalseWakeup counts what wakes t's waiter before the turn is the kernel's.
func (k *poller) countFalseWakeup(t *Thread) {
	if t.slot.LoadTurn() != stub.TurnGuestAwaits {
		return
	}
	if t.falseWakeups++; t.falseWakeups > maxFalseWakeups {
		t.proc.Kill()
	}
}

// prepare takes those that have come and lays out whom to sleep for; false: nobody is left. That is decided with
// mu held, under which assign chooses pollers: so nobody is given to one that ends.
func (k *poller) prepare() bool {
	w := k.w
	w.mu.Lock()
	defer w.mu.Unlock()
	k.list = append(k.list, k.added...)
	clear(k.added)
	k.added = k.added[:0]
	if k.load == 0 {
		w.dropLocked(k)
		return false
	}
	k.bell = 1
	k.vec[0] = waitv{1, uintptr(unsafe.Pointer(&k.bell)), futex2Size32 | futex2Private, 0}
	for i, t := range k.list {
		k.vec[i+1] = waitv{stub.TurnGuestAwaits, uintptr(unsafe.Pointer(t.slot.Turn())), futex2Size32, 0}
	}
	return true
}

// dropLocked removes k, which is about to end. The order of pollers means nothing.
func (w *waiters) dropLocked(k *poller) {
	for i, o := range w.pollers {
		if o == k {
			last := len(w.pollers) - 1
			w.pollers[i], w.pollers[last] = w.pollers[last], nil
			w.pollers = w.pollers[:last]
			return
		}
	}
}

// wakeReady wakes those whose sleep is over. Each has a channel with room for one word, and waits for
// one at a time, so that the poller never waits for a waiter. Whoever comes once the bell is 0
// need not ring, as prepare is next.
func (k *poller) wakeReady() {
	left := k.list[:0]
	for _, t := range k.list {
		if t.proc.ended.Load() || t.slot.LoadTurn() != stub.TurnGuestAwaits {
			t.wakeup <- struct{}{}
		} else {
			left = append(left, t)
		}
	}
	gone := len(k.list) - len(left)
	clear(k.list[len(left):])
	k.list = left
	k.w.mu.Lock()
	k.load -= gone
	k.bell = 0
	k.w.mu.Unlock()
}

// HaveFutexWaitv reports whether the host has futex_waitv(2), which came with Linux 5.16, and
// no filter above toaster refuses it. It asks for no words at all, which is EINVAL where the call exists.
var HaveFutexWaitv = sync.OnceValue(func() bool {
	_, _, e := syscall.RawSyscall6(sysFutexWaitv, 0, 0, 0, 0, 0, 0)
	return e == unix.EINVAL
})
