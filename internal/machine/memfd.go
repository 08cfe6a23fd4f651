package machine

import (
	"syscall"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/internal/vm"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has the memory of memfd_create(2): a file of the host without a name, which only grows, as guests have it mapped that would get
// SIGBUS otherwise. What is cut off becomes zeroes.
//
// How long the file is for guests, its seals and its position are file.Memfd's, under the lock of that. ReadAt, WriteAt and
// Resize are called with it held, Free when nobody has the file any more, so no two of them meet.

// memfdMemory implements file.Memory. The machine's account has its pages, whether somebody maps them or not:
// they stay when the process that has written them is gone, and a guest could fill the host with files that
// nobody maps otherwise.
type memfdMemory struct {
	fd int     // open for reading and writing; closed by Free
	m  *memory // the machine's account
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
	return &memfdMemory{fd, s.memory}, 0
}

// HostFD is the descriptor that mmap(2) maps. It may be written, so no guest is ever given it: what a guest may
// only read it gets by one that cannot do more (mapMemfd).
func (f *memfdMemory) HostFD() int { return f.fd }

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

// Resize implements file.Memory. What lies between an end and that of its page can have been written by who has the page mapped, so it is
// cleared when it becomes part of the file.
//
// Whole pages count. They are promised before the host's file grows, so that it never holds what nobody has
// counted, and the promise is taken back where the host refuses. ENOMEM: the machine's limit. Sizes are not
// negative (resizeLocked). Pages that are cut off are punched out of the host's file and not off its end: the
// memory goes, and who has them mapped reads zeroes.
func (f *memfdMemory) Resize(old, size int64) netbsd.Errno {
	was, is := wholePages(old), wholePages(size)
	if size < old {
		if is < was {
			if err := platform.Punch(f.fd, int64(is), int64(was-is)); err != nil {
				return hostfile.Errno(err)
			}
			f.m.give(was - is)
		}
		return 0
	}
	if errno := f.m.take(is - was); errno != 0 {
		return errno
	}
	errno := hostfile.Errno(f.grow(int64(is)))
	if errno == 0 {
		errno = f.WriteAt(make([]byte, min(size, int64(was))-old), old)
	}
	if errno != 0 {
		f.m.give(is - was)
	}
	return errno
}

// grow makes the host's file as long as this at least. It may be longer already, since it keeps its length
// where a guest's file was cut: to set the length then would shorten it, which its seal forbids
// (platform.GrowingMemory).
func (f *memfdMemory) grow(size int64) error {
	var st syscall.Stat_t
	if err := syscall.Fstat(f.fd, &st); err != nil || st.Size >= size {
		return err
	}
	return syscall.Ftruncate(f.fd, size)
}

// Free implements file.Memory. Who has it mapped keeps it.
func (f *memfdMemory) Free(size int64) {
	syscall.Close(f.fd)
	f.m.give(wholePages(size))
}

// wholePages is how many bytes the pages of size bytes have. No size is negative, so the sum cannot wrap in 64
// bits.
func wholePages(size int64) uint64 { return (uint64(size) + vm.PageSize - 1) &^ (vm.PageSize - 1) }

// maps implements syscalls.Kernel.Maps: whether any process has f mapped, for whatever, which F_SEAL_WRITE wants to know
// (memfd_fcntl looks whether its object has references beside the file's). f's lock is held, so nobody maps it anew meanwhile.
//
// The lock of f comes before those of the spaces, which are taken one after the other.
func (s *System) maps(f *file.Memfd) bool {
	for _, p := range s.Kernel.M.Procs() {
		if space := spaceOf(p); space != nil && space.maps(f) {
			return true
		}
	}
	return false
}

// spaceOf returns p's memory; nil if it has none, as a process whose LWPs are Go functions, or one that has exited.
func spaceOf(p *kern.Proc) *Space {
	s, _ := p.VM().(*Space)
	return s
}

// maps is System.maps for one space. It may be called by any goroutine.
func (s *Space) maps(f *file.Memfd) (found bool) {
	guard.Locked(&s.mu, func() {
		for r := range s.m.All() {
			found = found || r.Obj == any(f)
		}
	})
	return found
}

// mapMemfd is mmapFile for a memfd. What the mapping may not do now it may never (memfd_mmap): so one that is only read gets a descriptor that is.
//
// The descriptor matters: a hostile guest can have the stub call mprotect(2), which makes a shared mapping
// writable if the descriptor is, whatever the map says. A private mapping may be of any descriptor, as what is
// written there stays the process's own. done is called by release, and on an error here. EINVAL, EPERM: see
// file.Memfd.Map.
func mapMemfd(f *file.Memfd, m syscalls.MmapArgs, q *vm.Request, done func()) (fd int, release func(), errno netbsd.Errno) {
	shared := m.Flags&netbsd.MAP_SHARED != 0
	errno = f.Map(m.Offset, wholePages(int64(min(m.Len, vm.Max))), m.Prot, shared, func() netbsd.Errno {
		fd = f.HostMemory()
		if shared && m.Prot&netbsd.PROT_WRITE == 0 {
			ro, err := platform.ReadOnly(fd)
			if err != nil {
				return hostErrno(err)
			}
			fd, release = ro, func() { syscall.Close(ro); done() }
		}
		return 0
	})
	if errno != 0 {
		done()
		return -1, nil, errno
	}
	q.Obj, q.MaxProt = f, m.Prot
	if release == nil {
		release = done
	}
	return fd, release, 0
}
