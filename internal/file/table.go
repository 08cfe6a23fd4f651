package file

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"toaster/netbsd"
)

// maxFiles bounds a table whatever RLIMIT_NOFILE says: a guest may ask for fd
// 2^31-1 with F_DUPFD, and the slots are an array.
const maxFiles = 1 << 20

// MaxOpenFiles is how many files a machine is said to have at most (kern.maxfiles).
const MaxOpenFiles = 65536

// Knote hears of the close of the descriptor it is attached to (kevent(2):
// events of a descriptor go with it).
type Knote interface {
	// FDClosed is called after the slot is free, with no lock held.
	FDClosed()
}

// FDFlags are the flags of a descriptor, which are not those of its open file (F_GETFD of fcntl(2)).
type FDFlags uint8

// What closes a descriptor.
const (
	CloseOnExec FDFlags = netbsd.FD_CLOEXEC
	CloseOnFork FDFlags = netbsd.FD_CLOFORK // in the child: the parent keeps it
)

type slot struct {
	d      *Description
	flags  FDFlags
	lent   bool // to the table's borrower
	knotes map[Knote]struct{}
}

// Table maps file descriptors to open files (struct filedesc). Processes made
// by a fork that shares files share one Table.
type Table struct {
	machine *Machine // set once

	// mu guards what follows, but for quota and the counts. Files
	// are closed, and knotes told, after it is dropped.
	mu    sync.Mutex
	refs  int // processes that share it
	slots []slot
	used  []uint64 // bit per slot, to find the lowest free one
	quota *Quota   // what its files count in, nil for none; never changes
	// borrower has what is lent of the files, see lend.go; nil if nothing is.
	borrower Borrower
	events   EventQueue // the kqueue(2) that is lent, or was last; nil if none has been
	// foclose is fd_foclose: since the last exec some descriptor has been CloseOnFork.
	foclose bool

	records atomic.Int32 // POSIX locks held, see lock.go
	sems    atomic.Int32 // semaphores made and not gone, see sem.go
}

// NewTable makes an empty table with one reference, of a machine that has no other.
func NewTable() *Table { return NewMachine(MachineConfig{}).NewTable() }

// Machine is the one that the table's process lives in.
func (t *Table) Machine() *Machine { return t.machine }

// usedBy reports whether an LWP's descriptors are those of t.
func (t *Table) usedBy(l Sleeper) bool {
	return t.machine.cfg.TableOf != nil && t.machine.cfg.TableOf(l) == t
}

// Get looks fd up and takes a reference, which the caller releases (fd_getfile,
// fd_putfile).
func (t *Table) Get(fd int) (*Description, netbsd.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slotLocked(fd)
	if s == nil {
		return nil, netbsd.EBADF
	}
	return s.d.Ref(), 0
}

// slotLocked returns the slot of an open fd, nil if fd is not open.
func (t *Table) slotLocked(fd int) *slot {
	if uint(fd) >= uint(len(t.slots)) || t.slots[fd].d == nil {
		return nil
	}
	return &t.slots[fd]
}

// Install gives d the lowest free descriptor at or above min. limit is
// RLIMIT_NOFILE: EMFILE at or above it; ENFILE if the machine's quota is used up. The
// caller's reference moves into the table on success only.
func (t *Table) Install(d *Description, min int, limit uint64, flags FDFlags) (int, netbsd.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fd := t.freeLocked(min)
	if uint64(fd) >= limit || fd >= maxFiles {
		return -1, netbsd.EMFILE
	}
	if errno := t.quota.admit(d); errno != 0 {
		return -1, errno
	}
	t.setLocked(fd, d, flags)
	return fd, 0
}

// Room says what Install would of one more file, for who must not do anything before that is known (fd_allocfile). EMFILE, ENFILE. It
// keeps no room: another LWP may take it.
func (t *Table) Room(limit uint64) netbsd.Errno {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fd := t.freeLocked(0); uint64(fd) >= limit || fd >= maxFiles {
		return netbsd.EMFILE
	}
	return t.quota.room()
}

// freeLocked finds the lowest free descriptor at or above min, possibly beyond
// the array.
func (t *Table) freeLocked(min int) int {
	for w := min / 64; w < len(t.used); w++ {
		free := ^t.used[w]
		if w == min/64 {
			free &= ^uint64(0) << (min % 64)
		}
		if free != 0 {
			return w*64 + bits.TrailingZeros64(free)
		}
	}
	return max(min, len(t.used)*64)
}

// setLocked fills a free slot. Preconditions: 0 <= fd < maxFiles.
func (t *Table) setLocked(fd int, d *Description, flags FDFlags) {
	for len(t.used)*64 <= fd {
		t.used = append(t.used, 0)
	}
	if n := len(t.used) * 64; len(t.slots) < n {
		t.slots = append(t.slots, make([]slot, n-len(t.slots))...)
	}
	t.slots[fd] = slot{d: d, flags: flags}
	t.foclose = t.foclose || flags&CloseOnFork != 0
	t.used[fd/64] |= 1 << (fd % 64)
}

// clearLocked empties a slot and returns what was in it.
func (t *Table) clearLocked(fd int) slot {
	t.unlendLocked(fd)
	s := t.slots[fd]
	t.slots[fd] = slot{}
	t.used[fd/64] &^= 1 << (fd % 64)
	return s
}

// FDFlags is F_GETFD of fcntl(2).
func (t *Table) FDFlags(fd int) (FDFlags, netbsd.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slotLocked(fd)
	if s == nil {
		return 0, netbsd.EBADF
	}
	return s.flags, 0
}

// SetFDFlags sets those flags of a descriptor that are in mask to the values that they have in flags: F_SETFD of fcntl(2),
// and FIOCLEX and FIONCLEX of ioctl(2).
func (t *Table) SetFDFlags(fd int, flags, mask FDFlags) netbsd.Errno {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slotLocked(fd)
	if s == nil {
		return netbsd.EBADF
	}
	s.flags = s.flags&^mask | flags&mask
	t.foclose = t.foclose || s.flags&CloseOnFork != 0
	return 0
}

// ClosesOnFork reports whether some descriptor has been CloseOnFork since the last exec. Such a table cannot be shared with a
// child (sys___clone).
func (t *Table) ClosesOnFork() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.foclose
}

// Highest is F_MAXFD of fcntl(2): the highest open descriptor, -1 if none.
func (t *Table) Highest() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for w := len(t.used) - 1; w >= 0; w-- {
		if t.used[w] != 0 {
			return w*64 + 63 - bits.LeadingZeros64(t.used[w])
		}
	}
	return -1
}

// Open lists the open descriptors in order (kern.file2's sysctl, traces).
func (t *Table) Open() []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	var fds []int
	for fd := range t.slots {
		if t.slots[fd].d != nil {
			fds = append(fds, fd)
		}
	}
	return fds
}

// Attach ties k to fd: FDClosed is called when fd is closed. want is what the
// caller looked up; EBADF if fd no longer means that.
func (t *Table) Attach(fd int, want *Description, k Knote) netbsd.Errno {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slotLocked(fd)
	if s == nil || s.d != want {
		return netbsd.EBADF
	}
	if s.knotes == nil {
		s.knotes = map[Knote]struct{}{}
	}
	s.knotes[k] = struct{}{}
	return 0
}

// Detach undoes Attach; harmless if fd was closed meanwhile.
func (t *Table) Detach(fd int, k Knote) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.slotLocked(fd); s != nil {
		delete(s.knotes, k)
	}
}
