package hostfile

import (
	"encoding/binary"
	"sync"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// dirScratch are buffers for the host's records. What is left in one from another guest's
// directory is never handed out: only what the host has just filled is converted.
var dirScratch = sync.Pool{New: func() any { return new([65536]byte) }}

// Getdents is getdents(2) in dirent(5)'s form:
//
//	d_fileno u64 | d_reclen u16 | d_namlen u16 | d_type u8 | d_name, NUL, pad to 8
//
// The host's record for the same name is never shorter than NetBSD's, so what
// the host puts into a buffer of the guest's size always fits, and the host's
// own position serves as the guest's: lseek(2) takes it in one step.
func (f *File) Getdents(b []byte) (int, netbsd.Errno) {
	if f.mode != unix.S_IFDIR {
		return 0, netbsd.EINVAL
	}
	scratch := dirScratch.Get().(*[65536]byte)
	defer dirScratch.Put(scratch)
	h := scratch[:min(len(b), len(scratch))]
	for {
		n, err := unix.Getdents(f.fd, h)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, Errno(err)
		}
		return convertDirents(b, h[:n]), 0
	}
}

// Offsets in the host's record (struct linux_dirent64) and in dirent(5)'s.
const (
	hostReclen, hostType, hostName    = 16, 18, 19
	guestReclen, guestNamlen          = 8, 10
	guestType, guestName, guestMaxLen = 12, 13, 511
)

func convertDirents(dst, src []byte) int {
	out := 0
	for len(src) >= hostName {
		reclen := int(binary.LittleEndian.Uint16(src[hostReclen:]))
		if reclen < hostName || reclen > len(src) {
			break
		}
		out += putDirent(dst[out:], src[:reclen])
		src = src[reclen:]
	}
	return out
}

// putDirent writes one record, and zeros for what pads it: nothing of an older call reaches
// the guest.
func putDirent(dst, rec []byte) int {
	name := rec[hostName:]
	for i, c := range name {
		if c == 0 {
			name = name[:i]
			break
		}
	}
	n := (guestName + len(name) + 1 + 7) &^ 7
	clear(dst[:n])
	copy(dst, rec[:8])
	binary.LittleEndian.PutUint16(dst[guestReclen:], uint16(n))
	binary.LittleEndian.PutUint16(dst[guestNamlen:], uint16(len(name)))
	dst[guestType] = rec[hostType]
	copy(dst[guestName:], name)
	return n
}

// seekDir moves a directory's reader to a cookie that lseek(2) gave before.
func (f *File) seekDir(off int64, whence int) (int64, netbsd.Errno) {
	n, err := unix.Seek(f.fd, off, whence)
	return n, Errno(err)
}
