package netbsd

import "sync"

// This file has the structures that only old programs know, as the kernel's compat code does
// (sys/compat/sys). A number in a name is the last release that had the structure, 43 is 4.3BSD. Of
// the times, struct timeval50 is the same as today's on amd64, and so are struct itimerval50 and struct
// rusage50: they need nothing here.

// Sizes of old structures.
const (
	SizeofTimespec50   = 16
	SizeofItimerspec50 = 2 * SizeofTimespec50
	SizeofStat43       = 88
	SizeofStat12       = 120
	SizeofStat13       = 128
	SizeofStat30       = 136
	SizeofStatfs12     = 312
	SizeofRlimit43     = 8
	SizeofSigaction13  = 16
	SizeofSigstack43   = 16
	SizeofStack13      = 16
	SizeofMsghdr43     = 48
	SizeofUtsname09    = 160
	SizeofNtptimeval30 = 32
	SizeofNtptimeval50 = 48
)

// Encode50 fills the 16 bytes of struct timespec50: 32 bits of seconds, 4 bytes padding, nanoseconds.
func (t Timespec) Encode50(b []byte) {
	le.PutUint64(b, uint64(uint32(t.Sec)))
	le.PutUint64(b[8:], uint64(t.Nsec))
}

// DecodeTimespec50 reads 16 bytes.
func DecodeTimespec50(b []byte) Timespec {
	return Timespec{int64(int32(le.Uint32(b))), int64(le.Uint64(b[8:]))}
}

// Encode50 fills the 32 bytes of struct itimerspec50.
func (t Itimerspec) Encode50(b []byte) { t.Interval.Encode50(b); t.Value.Encode50(b[16:]) }

// DecodeItimerspec50 reads 32 bytes.
func DecodeItimerspec50(b []byte) Itimerspec {
	return Itimerspec{DecodeTimespec50(b), DecodeTimespec50(b[16:])}
}

// Encode43 fills the 88 bytes of struct stat43. A file of 4 GB or more has a size of -2.
//
//	0 dev (2)  4 ino  8 mode 10 nlink 12 uid 14 gid 16 rdev (2 each)  20 size (4)
//	24 atime 40 mtime 56 ctime (16 each)  72 blksize 76 blocks 80 flags 84 gen (4 each)
func (s *Stat) Encode43(b []byte) {
	clear(b[:SizeofStat43])
	le.PutUint16(b, uint16(s.Dev))
	le.PutUint32(b[4:], uint32(s.Ino))
	le.PutUint16(b[8:], uint16(s.Mode))
	le.PutUint16(b[10:], uint16(s.Nlink))
	le.PutUint16(b[12:], uint16(s.UID))
	le.PutUint16(b[14:], uint16(s.GID))
	le.PutUint16(b[16:], uint16(s.Rdev))
	size := int32(-2)
	if s.Size < 1<<32 {
		size = int32(s.Size)
	}
	le.PutUint32(b[20:], uint32(size))
	s.encodeTimes50(b[24:], s.Atime, s.Mtime, s.Ctime)
	le.PutUint32(b[72:], s.Blksize)
	le.PutUint32(b[76:], uint32(s.Blocks))
	le.PutUint32(b[80:], s.Flags)
	le.PutUint32(b[84:], s.Gen)
}

// Encode12 fills the 120 bytes of struct stat12. There are no more than 32767 links.
//
//	0 dev 4 ino  8 mode 10 nlink (2 each)  12 uid 16 gid 20 rdev
//	24 atime 40 mtime 56 ctime (16 each)  72 size 80 blocks  88 blksize 92 flags 96 gen; spare
func (s *Stat) Encode12(b []byte) {
	clear(b[:SizeofStat12])
	le.PutUint32(b, uint32(s.Dev))
	le.PutUint32(b[4:], uint32(s.Ino))
	le.PutUint16(b[8:], uint16(s.Mode))
	le.PutUint16(b[10:], uint16(min(s.Nlink, 1<<15-1)))
	le.PutUint32(b[12:], s.UID)
	le.PutUint32(b[16:], s.GID)
	le.PutUint32(b[20:], uint32(s.Rdev))
	s.encodeTimes50(b[24:], s.Atime, s.Mtime, s.Ctime)
	s.encodeSizes(b[72:])
}

// Encode13 fills the 128 bytes of struct stat13.
//
//	0 dev 4 ino 8 mode 12 nlink 16 uid 20 gid 24 rdev  32 atime 48 mtime 64 ctime (16 each)
//	80 size 88 blocks  96 blksize 100 flags 104 gen  112 birthtime
func (s *Stat) Encode13(b []byte) {
	clear(b[:SizeofStat13])
	for i, v := range [...]uint32{uint32(s.Dev), uint32(s.Ino), s.Mode, s.Nlink, s.UID, s.GID, uint32(s.Rdev)} {
		le.PutUint32(b[4*i:], v)
	}
	s.encodeTimes50(b[32:], s.Atime, s.Mtime, s.Ctime)
	s.encodeSizes(b[80:])
	s.encodeTimes50(b[112:], s.Btime)
}

// Encode30 fills the 136 bytes of struct stat30, which NetBSD 3 to 5 have.
//
//	0 dev 4 mode  8 ino (8)  16 nlink 20 uid 24 gid 28 rdev
//	32 atime 48 mtime 64 ctime 80 birthtime (16 each)
//	96 size 104 blocks  112 blksize 116 flags 120 gen; spare
func (s *Stat) Encode30(b []byte) {
	clear(b[:SizeofStat30])
	le.PutUint32(b, uint32(s.Dev))
	le.PutUint32(b[4:], s.Mode)
	le.PutUint64(b[8:], s.Ino)
	for i, v := range [...]uint32{s.Nlink, s.UID, s.GID, uint32(s.Rdev)} {
		le.PutUint32(b[16+4*i:], v)
	}
	s.encodeTimes50(b[32:], s.Atime, s.Mtime, s.Ctime, s.Btime)
	s.encodeSizes(b[96:])
}

func (s *Stat) encodeTimes50(b []byte, times ...Timespec) {
	for i, t := range times {
		t.Encode50(b[16*i:])
	}
}

// encodeSizes fills the part that three of the old structures have in common.
func (s *Stat) encodeSizes(b []byte) {
	le.PutUint64(b, uint64(s.Size))
	le.PutUint64(b[8:], uint64(s.Blocks))
	le.PutUint32(b[16:], s.Blksize)
	le.PutUint32(b[20:], s.Flags)
	le.PutUint32(b[24:], s.Gen)
}

// oldReclen returns the length of a record of a directory of before NetBSD 4.
func (d *Dirent) oldReclen() int { return (oldDirentName + len(d.Name) + 1 + 3) &^ 3 }

const oldDirentName = 8

// Append12 adds the entry as a struct dirent12, of NetBSD 1.3 to 3: inode 0 (4), record length 4, type
// 6, name length 7, name 8 with a zero byte, padded to a multiple of 4.
func (d *Dirent) Append12(b []byte) []byte {
	r := append(b, make([]byte, d.oldReclen())...)
	p := r[len(b):]
	d.putOldHead(p)
	p[6], p[7] = d.Type, byte(len(d.Name))
	return r
}

// Append43 adds the entry as a struct dirent43, which has no type, and 16 bits of name length at 6.
func (d *Dirent) Append43(b []byte) []byte {
	r := append(b, make([]byte, d.oldReclen())...)
	p := r[len(b):]
	d.putOldHead(p)
	le.PutUint16(p[6:], uint16(len(d.Name)))
	return r
}

func (d *Dirent) putOldHead(p []byte) {
	le.PutUint32(p, uint32(d.Ino))
	le.PutUint16(p[4:], uint16(len(p)))
	copy(p[oldDirentName:], d.Name)
}

// statfsTypes are the numbers that file systems had before they had names (vfs_syscalls_20.c).
var statfsTypes = sync.OnceValue(func() map[string]uint16 {
	return map[string]uint16{
		"ffs": 1, "nfs": 2, "mfs": 3, "msdos": 4, "cd9660": 5, "fdesc": 6, "kernfs": 7, "afs": 9,
	}
})

// mnamelen is MNAMELEN, the room that struct statfs12 has for a name.
const mnamelen, mfsnamelen = 90, 16

// EncodeStatfs12 fills the 312 bytes of struct statfs12. Names that are too long are cut off, without a
// zero byte, as strncpy does it.
//
//	0 type 2 flags (2 each)  8 bsize 16 iosize 24 blocks 32 bfree 40 bavail 48 files 56 ffree
//	64 fsid (4+4)  72 owner (4)  80 flags 88 syncwrites 96 asyncwrites 104 spare
//	112 type (16) 128 mounted on (90) 218 mounted from (90)
func (s *Statvfs) EncodeStatfs12(b []byte) {
	clear(b[:SizeofStatfs12])
	le.PutUint16(b, statfsTypes()[s.Type])
	le.PutUint16(b[2:], uint16(s.Flag))
	avail := clamp(s.Bfree - s.Bresvd)
	if s.Bfree <= s.Bresvd {
		avail = -clamp(s.Bresvd - s.Bfree)
	}
	for i, v := range [...]int64{clamp(s.Frsize), clamp(s.Iosize), clamp(s.Blocks), clamp(s.Bfree), avail, clamp(s.Files), clamp(s.Ffree)} {
		le.PutUint64(b[8+8*i:], uint64(v))
	}
	le.PutUint32(b[64:], uint32(s.Fsidx[0]))
	le.PutUint32(b[68:], uint32(s.Fsidx[1]))
	le.PutUint32(b[72:], s.Owner)
	le.PutUint64(b[80:], s.Flag)
	copy(b[112:112+mfsnamelen], s.Type)
	copy(b[128:128+mnamelen], s.MountedOn)
	copy(b[128+mnamelen:128+2*mnamelen], s.From)
}

// clamp holds a count to the largest long there is.
func clamp(v uint64) int64 { return int64(min(v, 1<<63-1)) }

// Encode43 fills the 8 bytes of struct orlimit, which has room for the low half of a limit alone. One that has
// all bits set, as that of RLIM_INFINITY, is the largest int.
func (r Rlimit) Encode43(b []byte) {
	le.PutUint32(b, rlimit43(r.Cur))
	le.PutUint32(b[4:], rlimit43(r.Max))
}

func rlimit43(v uint64) uint32 {
	if uint32(v) == 1<<32-1 {
		return 1<<31 - 1
	}
	return uint32(v)
}

// DecodeRlimit43 reads 8 bytes. The numbers have a sign.
func DecodeRlimit43(b []byte) Rlimit {
	return Rlimit{uint64(int64(int32(le.Uint32(b)))), uint64(int64(int32(le.Uint32(b[4:]))))}
}

// Sigset13 is the first word of a signal set, which is all that programs of before NetBSD 1.4 know.
func (s Sigset) Sigset13() uint32 { return uint32(s) }

// SigsetOf13 reads one.
func SigsetOf13(v uint32) Sigset { return Sigset(v) & AllSignals }

// Encode13 fills the 16 bytes of struct sigaction13, and of struct sigvec, which has the same shape:
// handler 0, mask 8, flags 12.
func (a Sigaction) Encode13(b []byte) {
	le.PutUint64(b, a.Handler)
	le.PutUint32(b[8:], a.Mask.Sigset13())
	le.PutUint32(b[12:], uint32(a.Flags))
}

// DecodeSigaction13 reads 16 bytes.
func DecodeSigaction13(b []byte) Sigaction {
	return Sigaction{le.Uint64(b), SigsetOf13(le.Uint32(b[8:])), int32(le.Uint32(b[12:]))}
}

// Encode13 fills the 16 bytes of struct sigaltstack13, whose size is an int: address 0, size 8, flags 12.
func (s Stack) Encode13(b []byte) {
	le.PutUint64(b, s.Sp)
	le.PutUint32(b[8:], uint32(s.Size))
	le.PutUint32(b[12:], uint32(s.Flags))
}

// DecodeStack13 reads 16 bytes.
func DecodeStack13(b []byte) Stack {
	return Stack{le.Uint64(b), uint64(int64(int32(le.Uint32(b[8:])))), int32(le.Uint32(b[12:]))}
}

// EncodeSigstack43 fills the 16 bytes of struct sigstack: address 0, and whether it is used 8.
func (s Stack) EncodeSigstack43(b []byte) {
	le.PutUint64(b, s.Sp)
	on := uint64(0)
	if s.Flags&SS_ONSTACK != 0 {
		on = 1
	}
	le.PutUint64(b[8:], on)
}

// DecodeSigstack43 reads 16 bytes. The stack has SIGSTKSZ bytes, as struct sigstack says nothing of that.
func DecodeSigstack43(b []byte) Stack {
	s := Stack{Sp: le.Uint64(b), Size: SIGSTKSZ}
	if le.Uint32(b[8:]) != 0 {
		s.Flags = SS_ONSTACK
	}
	return s
}

// Msghdr43 is struct omsghdr: name 0, its length 8, vector 16, its length 24, rights 32, their length 40.
type Msghdr43 struct {
	Name      uint64
	Namelen   int32
	Iov       uint64
	Iovlen    int32
	Rights    uint64
	Rightslen int32
}

// Encode fills 48 bytes.
func (m *Msghdr43) Encode(b []byte) {
	le.PutUint64(b, m.Name)
	le.PutUint64(b[8:], uint64(uint32(m.Namelen)))
	le.PutUint64(b[16:], m.Iov)
	le.PutUint64(b[24:], uint64(uint32(m.Iovlen)))
	le.PutUint64(b[32:], m.Rights)
	le.PutUint64(b[40:], uint64(uint32(m.Rightslen)))
}

// DecodeMsghdr43 reads 48 bytes.
func DecodeMsghdr43(b []byte) Msghdr43 {
	return Msghdr43{
		le.Uint64(b), int32(le.Uint32(b[8:])), le.Uint64(b[16:]), int32(le.Uint32(b[24:])),
		le.Uint64(b[32:]), int32(le.Uint32(b[40:])),
	}
}

// Utsname09 is struct outsname: five fields of 32 bytes.
type Utsname09 struct{ Sysname, Nodename, Release, Version, Machine string }

// Encode fills 160 bytes. As strncpy does it, a name of 32 bytes or more has no zero byte at its end; the version
// always has one.
func (u *Utsname09) Encode(b []byte) {
	clear(b[:SizeofUtsname09])
	for i, s := range [...]string{u.Sysname, u.Nodename, u.Release, u.Version, u.Machine} {
		copy(b[32*i:32*i+32], s)
	}
	b[32*3+31] = 0
}
