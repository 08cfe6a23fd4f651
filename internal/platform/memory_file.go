package platform

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"toaster/internal/memprog"
)

// SharedMemory makes size bytes of memory that several guests can map: a file of the host
// without a name. No guest that it is passed to can make it shorter, which would have the kernel
// and other guests fault, or longer, past what was counted. The descriptor is the caller's.
func SharedMemory(size uint64) (int, error) {
	fd, err := memprog.Memfd("toaster-shared", memprog.NoexecSeal|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, fmt.Errorf("host: %w", err)
	}
	err = unix.Ftruncate(fd, int64(size))
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("host: shared memory: %w", err)
	}
	return fd, nil
}

// GrowingMemory makes memory without a size, for a file that several guests can map and that toaster makes longer. Nobody can make it shorter, which
// would have the kernel and other guests fault. The descriptor is the caller's.
func GrowingMemory() (int, error) {
	fd, err := memprog.Memfd("toaster-memfd", memprog.NoexecSeal|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, fmt.Errorf("host: %w", err)
	}
	if _, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("host: memory: %w", err)
	}
	return fd, nil
}

// Punch makes zeroes of a range of memory, and returns its pages to the host. The file keeps its size.
func Punch(fd int, off, size int64) error {
	err := unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, size)
	return os.NewSyscallError("fallocate", err)
}

// CopyMemory makes a file of size bytes, whole pages, of to, which is new and empty, with what from has there. Holes stay holes.
//
// A hostile guest can write to from meanwhile, and make data of a hole: each step goes on by a page at least, whatever is there by
// then. from never becomes shorter.
func CopyMemory(to, from int, size int64) error {
	if err := unix.Ftruncate(to, size); err != nil {
		return os.NewSyscallError("ftruncate", err)
	}
	buf := make([]byte, 256<<10)
	for at := int64(0); at < size; {
		data, err := unix.Seek(from, at, unix.SEEK_DATA)
		if err == unix.ENXIO || err == nil && data >= size { // a hole up to the end
			return nil
		}
		hole := int64(0)
		if err == nil {
			hole, err = unix.Seek(from, data, unix.SEEK_HOLE)
		}
		if err != nil {
			return os.NewSyscallError("lseek", err)
		}
		n := min(max(hole-data, int64(os.Getpagesize())), size-data, int64(len(buf)))
		if err := copyPiece(to, from, buf[:n], data); err != nil {
			return err
		}
		at = data + n
	}
	return nil
}

// copyPiece copies what there is at at, as much as b has room for, by way of b.
func copyPiece(to, from int, b []byte, at int64) error {
	n, err := unix.Pread(from, b, at)
	if err == nil && n == len(b) {
		n, err = unix.Pwrite(to, b, at)
	}
	if err == nil && n < len(b) {
		err = unix.EIO
	}
	return os.NewSyscallError("copy", err)
}

// ReadOnly opens what SharedMemory or GrowingMemory has made again, for reading alone: a guest can do what the
// descriptor allows that it is passed. The descriptor is the caller's.
func ReadOnly(fd int) (int, error) {
	ro, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	return ro, os.NewSyscallError("open", err)
}
