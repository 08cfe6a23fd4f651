package platform

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"toaster/internal/hostlimits"
	"toaster/internal/memprog"

	"toaster/internal/platform/stub"
)

// The arena is the memory of all control windows: a memory file for each, so that no host
// process can ever reach another one's. A host process is given its own while it has only the
// stub to run, and loses the descriptor before it runs anything else.
//
// A window is live from acquire to release, in between of which it belongs to one process.
// What an earlier process has left there must not reach a later one, which may be another
// user's: release cleans it while nobody has it mapped but toaster. A guest may have written
// anywhere in its window, whatever slots its threads had, so all of it is cleaned.
type arena struct {
	slotSize   int
	windowSize int

	// mu is the last of the platform's locks: whoever has it takes no other one. It guards a window's fd as well, but not the
	// window's other fields, which nobody else looks at while no process has the window.
	mu     sync.Mutex
	free   []*window // clean, in use by nobody
	live   map[*window]struct{}
	closed bool

	retired atomic.Bool // no window that comes back is used again
}

// A window is one process's control memory.
type window struct {
	fd  int // -1 once the arena is closed; guarded by arena.mu
	mem []byte

	mu   sync.Mutex
	used []uint64 // bit set of slots: a slot is a thread's from takeSlot until that has asked to exit
	high int      // slots used so far, to be cleared before the window's next use

	kept int // slots whose pages stay from one process to the next; written while no process has the window
}

// maxFreeWindows are kept for the next processes: to make one takes 10 µs.
const maxFreeWindows = 64

func newArena(slotSize int) *arena {
	return &arena{slotSize: slotSize, windowSize: slotSize*stub.SlotsPerWindow + stub.FilesSize, live: map[*window]struct{}{}}
}

// acquire returns a window with slot taken, and nothing of earlier users in it. A fork's child has its only thread in the
// slot of its creator, as it has that one's signal stack on the host (sigaltstack(2)), which is at an address there. ErrGone: the
// platform is being closed.
func (a *arena) acquire(slot int) (*window, error) {
	w, err := a.reuseOrCreate()
	if err != nil {
		return nil, err
	}
	w.used[slot/64] |= 1 << (slot % 64)
	w.high = slot + 1
	return w, nil
}

// reuseOrCreate returns a window that was used before, or a new one.
func (a *arena) reuseOrCreate() (*window, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.retired.Load() {
		return nil, ErrGone
	}
	if n := len(a.free); n > 0 {
		w := a.free[n-1]
		a.free = a.free[:n-1]
		a.live[w] = struct{}{}
		return w, nil
	}
	w, err := newWindow(a.windowSize)
	if err == nil {
		a.live[w] = struct{}{}
	}
	return w, err
}

// hasRoom reports whether there can be another window without the reserve of address space
// that Go's heap needs. The answer is old at once; newWindow asks again.
func (a *arena) hasRoom() bool {
	a.mu.Lock()
	free := len(a.free)
	a.mu.Unlock()
	return free > 0 || hostlimits.Addresses(uint64(a.windowSize))
}

// newWindow makes a window and maps it here. Its errors are for the guest's fork(2): a refusal (ENOMEM), or what the host
// says, as EMFILE. The memory is reserved by nobody: a slot that is not used costs the host nothing. NoexecSeal, where the host
// knows it, keeps the file from ever being executed (memfd_create(2)).
func newWindow(size int) (*window, error) {
	if !hostlimits.Addresses(uint64(size)) {
		return nil, fmt.Errorf("control memory: %w", &refusal{"address space (RLIMIT_AS, ulimit -v)", unix.ENOMEM})
	}
	fd, err := memprog.Memfd("toaster-control", memprog.NoexecSeal)
	if err != nil {
		return nil, fmt.Errorf("control memory: %w", err)
	}
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("control memory: %w", os.NewSyscallError("ftruncate", err))
	}
	mem, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("control memory: %w", os.NewSyscallError("mmap", err))
	}
	return &window{fd: fd, mem: mem, used: make([]uint64, stub.SlotsPerWindow/64)}, nil
}

// destroy frees the memory. Preconditions: no process has it mapped, and nobody has a slot of it: toaster would fault there.
func (w *window) destroy() {
	unix.Munmap(w.mem)
	if w.fd >= 0 {
		unix.Close(w.fd)
	}
}

// clean removes what the process of w has left: in the slots that had threads, in the table of
// files, and, as a guest can write all of its window, everywhere else. The pages of the first
// slots and of the table stay and are cleared: the next process wants them, and a page that
// went back to the host would cost it, the host and toaster's own mapping a fault each. What
// else there is (the host counts the pages) goes back by MADV_REMOVE, which also reads as zeros
// to whoever should have it mapped still. It reports whether that succeeded.
func (a *arena) clean(w *window) bool {
	const keep = 8
	w.kept = max(w.kept, min(w.high, keep))
	slots, files := w.mem[:w.kept*a.slotSize], len(w.mem)-stub.FilesSize
	clear(slots)
	clear(w.mem[files:])
	clear(w.used)
	w.high = 0
	// Clearing has allocated all of what stays: if the host holds just as much, there is nothing else.
	if a.allocated(w) == int64(len(slots)+stub.FilesSize) {
		return true
	}
	return unix.Madvise(w.mem[len(slots):files], unix.MADV_REMOVE) == nil
}

// allocated returns the bytes that the host holds for w, -1 if that cannot be told.
func (a *arena) allocated(w *window) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	var st unix.Stat_t
	if unix.Fstat(w.fd, &st) != nil {
		return -1
	}
	return st.Blocks * 512
}

// release takes a window back. Preconditions: its process is dead. Once the arena retires, none
// is cleaned for a next user. One that could not be cleaned is destroyed: nobody is to find in it what was there.
func (a *arena) release(w *window) {
	clean := !a.retired.Load() && a.clean(w)
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.live, w)
	if a.closed || !clean || len(a.free) == maxFreeWindows {
		w.destroy()
		return
	}
	a.free = append(a.free, w)
}

// retire says that no process will be born any more: who is being born is refused a window, and what comes
// back need not be cleaned. close must follow.
func (a *arena) retire() { a.retired.Store(true) }

// close ends the arena. The memory of windows that are in use ends as they come back; their
// descriptors go at once, as no process is born any more.
func (a *arena) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, w := range a.free {
		w.destroy()
	}
	a.free = nil
	for w := range a.live {
		unix.Close(w.fd)
		w.fd = -1
	}
}

// descriptor returns what the process of w is to map, -1 once the arena is closed. It is asked
// when the newborn reports, not when it is ordered: Close may have come in between.
func (a *arena) descriptor(w *window) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return w.fd
}

// windows returns how many are in use, and how many there are.
func (a *arena) windows() (live, all int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.live), len(a.live) + len(a.free)
}

// slot returns the i-th slot of w.
func (a *arena) slot(w *window, i int) stub.Slot { return stub.SlotAt(w.mem, i, a.slotSize) }

// takeSlot reserves a free slot, the lowest, so that few pages are used; false if the process has as many threads as its
// window has slots.
func (w *window) takeSlot() (int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, bits := range w.used {
		if bits == ^uint64(0) {
			continue
		}
		for b := range 64 {
			if bits&(1<<b) == 0 {
				w.used[i] |= 1 << b
				n := 64*i + b
				w.high = max(w.high, n+1)
				return n, true
			}
		}
	}
	return 0, false
}

// freeSlot frees a slot. Preconditions: its thread executes no more instructions (deregister), or does not exist. What
// was in it stays, as it is the same guest's who has it next; prepareSlot sets what matters.
func (w *window) freeSlot(i int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used[i/64] &^= 1 << (i % 64)
}
