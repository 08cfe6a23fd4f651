package machine

import (
	"math"
	"sync"
	"syscall"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/internal/vm"
	"toaster/netbsd"
)

// This file has the memory of memfd_create(2): a file of the host without a name, which only grows, as guests have it mapped that would get
// SIGBUS otherwise. What is cut off becomes zeroes.
//
// How long the file is for guests, its seals and its position are file.Memfd's, under the lock of that. ReadAt, WriteAt,
// Resize, Seal and lend are called with it held, Free when nobody has a descriptor any more, so no two of them meet.

// memfdMemory implements file.Memory, and vm.Counted for the regions that map it. The machine's account has its pages until nobody has a
// descriptor of it and nobody has any of it mapped: the host keeps all of a file until then, and a guest could fill the host with files
// that it has a page of otherwise. Who maps it can write to any page of its mapping at any time, also where the file has been cut off, so
// nothing is given back for a cut as long as there is a mapping.
type memfdMemory struct {
	fd int     // open for reading and writing. Seal changes it with file.Memfd's lock and mu held, either is enough to read it. -1: Free has closed it, with mu held
	m  *memory // the machine's account

	// mu guards what follows. It is taken with file.Memfd's lock, or a Space's, held, and before the account's; nobody waits with it held but
	// for the host's memory.
	mu      sync.Mutex
	refs    int    // one for the descriptors, one for each region and for each mmap(2) under way. With more the host's file stays this one
	lent    bool   // this file of the host, to a guest that may write to it
	counted uint64 // bytes, whole pages: behind them there is nothing but holes, and nobody has mapped them
	length  uint64 // of the host's file
}

// newMemory implements syscalls.Kernel.NewMemory. An empty file counts for nothing yet, but the host is asked whether it
// has memory at all. ENFILE: it has no descriptor left; ENOMEM: no memory.
func (s *System) newMemory() (file.Memory, netbsd.Errno) {
	if errno := s.memory.hostHas(); errno != 0 {
		return nil, errno
	}
	fd, err := platform.GrowingMemory()
	if err != nil {
		return nil, netbsd.ENFILE
	}
	return &memfdMemory{fd: fd, m: s.memory, refs: 1}, 0
}

// Memory implements vm.Memory.
func (*memfdMemory) Memory() {}

// Ref implements vm.Counted.
func (f *memfdMemory) Ref(n int) (freed uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refs += n; f.refs == 0 {
		freed, f.counted = f.counted, 0
	}
	return freed
}

// ReadAt implements file.Memory. The caller has cut b to the file's end, behind which the host's file may well go on.
func (f *memfdMemory) ReadAt(b []byte, off int64) netbsd.Errno {
	for len(b) > 0 {
		n, err := syscall.Pread(f.fd, b, off)
		if err != nil {
			return hostfile.Errno(err)
		}
		if n == 0 { // cannot be: the file is never cut
			return netbsd.EIO
		}
		b, off = b[n:], off+int64(n)
	}
	return 0
}

// WriteAt implements file.Memory. Resize has made room before: a write that the host had to grow the file for
// would be one that nobody has counted.
//
// An error can leave some of b written, which the guest then finds in the file.
func (f *memfdMemory) WriteAt(b []byte, off int64) netbsd.Errno {
	for len(b) > 0 {
		n, err := syscall.Pwrite(f.fd, b, off)
		if err != nil {
			return hostfile.Errno(err)
		}
		b, off = b[n:], off+int64(n)
	}
	return 0
}

// Resize implements file.Memory. All that becomes part of the file is zeroes (memfd_truncate): who has it mapped can have written behind its
// end, within the last page and on pages that were cut off before.
//
// Sizes are not negative (resizeLocked). ENOMEM, EFBIG: see reserveLocked.
func (f *memfdMemory) Resize(old, size int64) netbsd.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	was, is := wholePages(old), wholePages(size)
	if errno := f.cutLocked(min(was, is), max(was, is)); errno != 0 || size <= old {
		return errno
	}
	if errno := f.reserveLocked(is); errno != 0 {
		return errno
	}
	return f.WriteAt(make([]byte, min(size, int64(was))-old), old)
}

// cutLocked makes zeroes of a range. It is punched out of the host's file and not cut off its end: the memory goes, and who has it mapped
// reads zeroes. Where nobody has, all behind from is, and the file counts for it no longer.
func (f *memfdMemory) cutLocked(from, to uint64) netbsd.Errno {
	alone := f.refs == 1
	if to = min(to, f.counted); alone {
		to = f.counted
	}
	if from >= to {
		return 0
	}
	if err := platform.Punch(f.fd, int64(from), int64(to-from)); err != nil {
		return hostfile.Errno(err)
	}
	if alone {
		f.m.give(f.counted - from)
		f.counted = from
	}
	return 0
}

// reserveLocked has the machine promise so many bytes, before the host's file grows, so that it never holds what nobody has counted. ENOMEM:
// the machine's limit, or only mappings are left, for which toaster keeps no descriptor. EFBIG: more than the host's file can have.
func (f *memfdMemory) reserveLocked(size uint64) netbsd.Errno {
	if size <= f.counted {
		return 0
	}
	switch {
	case size > math.MaxInt64:
		return netbsd.EFBIG
	case size > f.length && f.fd < 0:
		return netbsd.ENOMEM
	}
	if errno := f.m.take(size - f.counted); errno != 0 {
		return errno
	}
	if size > f.length {
		if err := syscall.Ftruncate(f.fd, int64(size)); err != nil {
			f.m.give(size - f.counted)
			return hostfile.Errno(err)
		}
		f.length = size
	}
	f.counted = size
	return 0
}

// Seal implements file.Memory. EBUSY: somebody has it mapped, or is about to (memfd_fcntl looks whether its object has references beside the
// file's).
//
// A hostile guest that has been lent the host's file to write can have it mapped where no map says so: the stub's mremap(2) moves what it is
// told to. So what is sealed becomes another file of the host, which nobody has been lent, and such a guest has the old one.
func (f *memfdMemory) Seal() netbsd.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refs > 1 {
		return netbsd.EBUSY
	}
	if !f.lent {
		return 0
	}
	fd, errno := f.copyLocked()
	if errno != 0 {
		return errno
	}
	syscall.Close(f.fd)
	f.fd, f.length, f.lent = fd, f.counted, false
	return 0
}

// copyLocked makes another file of the host with the same bytes. The machine promises them once more until one of the two is closed, which the
// caller is about to do. ENOMEM: there is no room for both. ENFILE: the host has no descriptor left.
//
// It takes as long as to copy what the host has pages for, which its memory bounds, and the machine's limit. Who waits meanwhile wants to
// read, write, map or seal this memfd: nobody has it mapped, so no Space comes for mu.
func (f *memfdMemory) copyLocked() (fd int, errno netbsd.Errno) {
	var st syscall.Stat_t
	if err := syscall.Fstat(f.fd, &st); err != nil {
		return -1, hostfile.Errno(err)
	}
	if errno := f.m.hostHasRoom(uint64(st.Blocks) * 512); errno != 0 {
		return -1, errno
	}
	if errno := f.m.take(f.counted); errno != 0 {
		return -1, errno
	}
	defer f.m.give(f.counted)
	fd, err := platform.GrowingMemory()
	if err != nil {
		return -1, netbsd.ENFILE
	}
	if err := platform.CopyMemory(fd, f.fd, int64(f.counted)); err != nil {
		syscall.Close(fd)
		return -1, hostErrno(err)
	}
	return fd, 0
}

// Free implements file.Memory. Who has it mapped keeps it, and then it still counts.
func (f *memfdMemory) Free() {
	guard.Locked(&f.mu, func() {
		syscall.Close(f.fd)
		f.fd = -1
	})
	f.m.give(f.Ref(-1))
}

// wholePages is how many bytes the pages of size bytes have. No size is negative, so the sum cannot wrap in 64
// bits.
func wholePages(size int64) uint64 { return (uint64(size) + vm.PageSize - 1) &^ (vm.PageSize - 1) }

// mapMemfd is mmapFile for a memfd. What the mapping may not do now it may never (memfd_mmap). done is called by release, and on an error
// here. EINVAL, EPERM: see file.Memfd.Map.
//
// mapMemfd takes a reference under f's lock, as memfd_mmap does, and release drops it. F_ADD_SEALS takes the same lock and counts references,
// so it cannot seal the file between the look at the seals and the entry of the region, which has a reference of its own.
func mapMemfd(f *file.Memfd, m syscalls.MmapArgs, q *vm.Request, done func()) (fd int, release func(), errno netbsd.Errno) {
	shared := m.Flags&netbsd.MAP_SHARED != 0
	mem := f.Memory().(*memfdMemory)
	var takeBack func()
	within := m.Offset & (vm.PageSize - 1) // sys_mmap rounds the position down, and the length up
	errno = f.Map(m.Offset-within, wholePages(int64(min(m.Len, vm.Max))+within), m.Prot, shared, func() (errno netbsd.Errno) {
		fd, takeBack, errno = mem.lend(shared && m.Prot&netbsd.PROT_WRITE != 0)
		return errno
	})
	if errno != 0 {
		done()
		return -1, nil, errno
	}
	q.Obj, q.MaxProt = mem, m.Prot|vm.NoProt
	return fd, func() { takeBack(); done() }, 0
}

// lend returns the descriptor that a mapping is made of, and takes a reference, until takeBack. file.Memfd's lock is held.
//
// A hostile guest can have the stub map the file again while the host process has the descriptor, or call mprotect(2), and write as far as the
// descriptor allows, whatever the map says. So only what is to be shared and written gets one that writes: no seal is against that. A private
// mapping, which seals allow, may be written with one for reading.
func (f *memfdMemory) lend(writable bool) (fd int, takeBack func(), errno netbsd.Errno) {
	fd, closeFD := f.fd, func() {}
	if !writable {
		ro, err := platform.ReadOnly(f.fd)
		if err != nil {
			return -1, nil, hostErrno(err)
		}
		fd, closeFD = ro, func() { syscall.Close(ro) }
	}
	guard.Locked(&f.mu, func() {
		f.refs++
		f.lent = f.lent || writable
	})
	return fd, func() { closeFD(); f.m.give(f.Ref(-1)) }, 0
}
