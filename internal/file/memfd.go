package file

import (
	"math"
	"sync"
	"time"

	"toaster/netbsd"
)

// Memory is what a memfd keeps its bytes in: as many pages of zeroes as it has been asked for.
type Memory interface {
	// ReadAt and WriteAt transfer bytes that Resize has made room for.
	ReadAt(b []byte, off int64) netbsd.Errno
	WriteAt(b []byte, off int64) netbsd.Errno
	// Resize makes room for size bytes where there was some for old. Pages that no longer belong to it are zeroes when they come back.
	// ENOMEM, EFBIG.
	Resize(old, size int64) netbsd.Errno
	// Seal has nobody write to it any more but WriteAt and Resize. EBUSY: somebody has it mapped, for whatever. ENOMEM, ENFILE.
	Seal() netbsd.Errno
	// Free is called once, when nobody has a descriptor any more.
	Free()
}

// Memfd is the file of memfd_create(2), by sys_memfd.c: memory that has a descriptor and no name, and that seals can keep from
// being changed. Duplicates and children share its one position.
type Memfd struct {
	Base
	NoPathconf
	mem   Memory
	name  string
	owner Owner
	born  netbsd.Timespec

	// mu guards what follows. It is held while bytes move, as f_lock is.
	mu            sync.Mutex
	size, pos     int64
	seals         int
	read, written netbsd.Timespec
}

const (
	sealAnyWrite = netbsd.F_SEAL_WRITE | netbsd.F_SEAL_FUTURE_WRITE
	knownSeals   = netbsd.F_SEAL_SEAL | netbsd.F_SEAL_SHRINK | netbsd.F_SEAL_GROW | sealAnyWrite
)

// NewMemfd makes an open memfd. Without sealing it is born with F_SEAL_SEAL.
func NewMemfd(mem Memory, name string, sealing bool, owner Owner) *Description {
	f := &Memfd{mem: mem, name: name, owner: owner, born: netbsd.TimespecAt(time.Now())}
	if !sealing {
		f.seals = netbsd.F_SEAL_SEAL
	}
	return New(f, netbsd.O_RDWR)
}

// Name is F_GETPATH of fcntl(2).
func (f *Memfd) Name() string { return "memfd:" + f.name }

// Close implements File.
func (f *Memfd) Close() { f.mem.Free() }

// Memory is what f keeps its bytes in, for who maps it. It stays f's.
func (f *Memfd) Memory() Memory { return f.mem }

// Read implements File.
func (f *Memfd) Read(_ Call, b []byte) (int, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, errno := f.readLocked(b, f.pos)
	f.pos += int64(n)
	return n, errno
}

// Pread implements File.
func (f *Memfd) Pread(_ Call, b []byte, off int64) (int, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readLocked(b, off)
}

// readLocked is memfd_read. EINVAL: a position before the beginning, where lseek(2) may have gone.
func (f *Memfd) readLocked(b []byte, off int64) (int, netbsd.Errno) {
	f.read = netbsd.TimespecAt(time.Now())
	if off < 0 {
		return 0, netbsd.EINVAL
	}
	n := min(int64(len(b)), max(f.size-off, 0))
	if errno := f.mem.ReadAt(b[:n], off); errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// Write implements File.
func (f *Memfd) Write(_ Call, b []byte) (int, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, errno := f.writeLocked(b, f.pos)
	f.pos += int64(n)
	return n, errno
}

// Pwrite implements File.
func (f *Memfd) Pwrite(_ Call, b []byte, off int64) (int, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writeLocked(b, off)
}

// writeLocked is memfd_write. EPERM: a seal against it, or beyond the end of what may not grow; what reaches over that end is cut there. EINVAL.
func (f *Memfd) writeLocked(b []byte, off int64) (int, netbsd.Errno) {
	switch {
	case f.seals&sealAnyWrite != 0:
		return 0, netbsd.EPERM
	case off < 0 || off > math.MaxInt64-int64(len(b)):
		return 0, netbsd.EINVAL
	case f.seals&netbsd.F_SEAL_GROW != 0:
		if off >= f.size {
			return 0, netbsd.EPERM
		}
		b = b[:min(int64(len(b)), f.size-off)]
	case off+int64(len(b)) > f.size:
		if errno := f.resizeLocked(off + int64(len(b))); errno != 0 {
			return 0, errno
		}
	}
	if errno := f.mem.WriteAt(b, off); errno != 0 {
		return 0, errno
	}
	f.written = netbsd.TimespecAt(time.Now())
	return len(b), 0
}

// Lseek implements File. No place is refused, not even one before the beginning (memfd_seek).
func (f *Memfd) Lseek(off int64, whence int) (int64, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch whence {
	case netbsd.SEEK_SET:
	case netbsd.SEEK_CUR:
		off += f.pos
	case netbsd.SEEK_END:
		off += f.size
	default:
		return 0, netbsd.EINVAL
	}
	f.pos = off
	return off, 0
}

// Truncate implements File. EINVAL. EPERM: a seal against it.
func (f *Memfd) Truncate(size int64) netbsd.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.resizeLocked(size)
}

// resizeLocked is memfd_truncate_locked.
func (f *Memfd) resizeLocked(size int64) netbsd.Errno {
	switch {
	case size < 0:
		return netbsd.EINVAL
	case size == f.size:
		return 0
	case size < f.size && f.seals&netbsd.F_SEAL_SHRINK != 0, size > f.size && f.seals&netbsd.F_SEAL_GROW != 0:
		return netbsd.EPERM
	}
	if errno := f.mem.Resize(f.size, size); errno != 0 {
		return errno
	}
	f.size, f.written = size, netbsd.TimespecAt(time.Now())
	return 0
}

// AddSeals is F_ADD_SEALS of fcntl(2). EPERM: F_SEAL_SEAL. EINVAL: a seal that there is not. EBUSY, ENOMEM, ENFILE: see
// Memory.Seal, which F_SEAL_WRITE asks for the first time. F_SEAL_FUTURE_WRITE leaves mappings as they are.
func (f *Memfd) AddSeals(seals int) netbsd.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.seals&netbsd.F_SEAL_SEAL != 0:
		return netbsd.EPERM
	case seals&^knownSeals != 0:
		return netbsd.EINVAL
	case seals&^f.seals&netbsd.F_SEAL_WRITE != 0:
		if errno := f.mem.Seal(); errno != 0 {
			return errno
		}
	}
	f.seals |= seals
	return 0
}

// Seals is F_GET_SEALS of fcntl(2).
func (f *Memfd) Seals() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seals
}

// Map has do map size bytes, whole pages, from off on, as mmap(2) would. EINVAL: more than there is: of a page that the file has a part of, too. EPERM: shared and to be
// written, and a seal against it. No seal comes in between (memfd_mmap).
func (f *Memfd) Map(off int64, size uint64, prot int, shared bool, do func() netbsd.Errno) netbsd.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case off < 0 || size > math.MaxInt64 || off > f.size-int64(size):
		return netbsd.EINVAL
	case shared && prot&netbsd.PROT_WRITE != 0 && f.seals&sealAnyWrite != 0:
		return netbsd.EPERM
	}
	return do()
}

// Stat implements File: no type, no inode, and the right to write only as long as no seal is against it (memfd_stat).
func (f *Memfd) Stat() (Stat, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := Stat{Mode: 0o600, Size: f.size, UID: f.owner.UID, GID: f.owner.GID, Atime: f.read, Mtime: f.written, Ctime: f.written, Btime: f.born}
	if f.seals&sealAnyWrite != 0 {
		st.Mode = 0o400
	}
	return st, 0
}

// Ioctl implements File: there are none, not even FIONBIO.
func (*Memfd) Ioctl(Call, uint32, []byte) netbsd.Errno { return netbsd.EINVAL }

// SetFlags implements File: memfd_fcntl knows no F_SETFL.
func (*Memfd) SetFlags(int) netbsd.Errno { return netbsd.EINVAL }

// KnoteErrno implements KnoteRefuser.
func (*Memfd) KnoteErrno(int) netbsd.Errno { return netbsd.EOPNOTSUPP }
