package host

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// The arena is the memory of all control windows: one memfd, mapped here in
// large pieces that stay. A host process gets its window of it while it has
// only the stub to run, and loses the descriptor before it runs anything else.
type arena struct {
	slotSize   int
	windowSize int

	mu     sync.Mutex
	fd     int // never closed before Close
	size   int64
	chunks [][]byte
	free   []*window
	live   int
	closed bool
}

// A window is one process's part of the arena.
type window struct {
	mem []byte
	off uint64

	mu   sync.Mutex
	used []uint64 // bit set of slots
	high int      // slots used so far, to be cleared before the window's next use
}

const windowsPerChunk = 16

func newArena(slotSize int) (*arena, error) {
	fd, err := memfd("toaster-control", unix.MFD_CLOEXEC|mfdNoexecSeal)
	if err != nil {
		return nil, err
	}
	return &arena{slotSize: slotSize, windowSize: slotSize * slotsPerWindow, fd: fd}, nil
}

// memfd creates a memory file; kernels before 6.3 don't know the execution flags.
func memfd(name string, flags int) (int, error) {
	fd, err := unix.MemfdCreate(name, flags)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate(name, flags&^(mfdNoexecSeal|mfdExec))
	}
	return fd, os.NewSyscallError("memfd_create", err)
}

const (
	mfdNoexecSeal = 0x8
	mfdExec       = 0x10
)

// get returns a window with slot taken, and nothing of earlier users in it.
func (a *arena) get(slot int) (*window, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, ErrGone
	}
	if len(a.free) == 0 {
		if err := a.growLocked(); err != nil {
			return nil, err
		}
	}
	w := a.free[len(a.free)-1]
	a.free = a.free[:len(a.free)-1]
	a.live++
	w.used[slot/64] |= 1 << (slot % 64)
	w.high = slot + 1
	return w, nil
}

func (a *arena) growLocked() error {
	bytes := windowsPerChunk * a.windowSize
	if err := unix.Ftruncate(a.fd, a.size+int64(bytes)); err != nil {
		return fmt.Errorf("control memory: %w", os.NewSyscallError("ftruncate", err))
	}
	mem, err := unix.Mmap(a.fd, a.size, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("control memory: %w", os.NewSyscallError("mmap", err))
	}
	a.chunks = append(a.chunks, mem)
	for i := windowsPerChunk - 1; i >= 0; i-- {
		a.free = append(a.free, &window{
			mem:  mem[i*a.windowSize:][:a.windowSize:a.windowSize],
			off:  uint64(a.size) + uint64(i*a.windowSize),
			used: make([]uint64, slotsPerWindow/64),
		})
	}
	a.size += int64(bytes)
	return nil
}

// put takes a window back. Preconditions: its process is dead.
func (a *arena) put(w *window) {
	clear(w.mem[:w.high*a.slotSize])
	clear(w.used)
	w.high = 0
	a.mu.Lock()
	defer a.mu.Unlock()
	a.live--
	a.free = append(a.free, w)
	a.unmapLocked()
}

// close ends the arena, as soon as the last window has come back.
func (a *arena) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	unix.Close(a.fd)
	a.unmapLocked()
}

func (a *arena) unmapLocked() {
	if !a.closed || a.live > 0 {
		return
	}
	for _, c := range a.chunks {
		unix.Munmap(c)
	}
	a.chunks, a.free = nil, nil
}

// slot returns the i-th slot of w.
func (a *arena) slot(w *window, i int) slot {
	return slot{mem: w.mem[i*a.slotSize:][:a.slotSize:a.slotSize], addr: ctlAddr + uint64(i*a.slotSize)}
}

// take reserves a free slot.
func (w *window) take() (int, bool) {
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

// drop frees a slot.
func (w *window) drop(i int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used[i/64] &^= 1 << (i % 64)
}
