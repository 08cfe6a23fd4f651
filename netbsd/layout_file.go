package netbsd

// Sizes of file structures.
const (
	SizeofStat      = 152
	SizeofStatvfs90 = 2256
	SizeofStatvfs   = 3296
	SizeofFlock     = 24
	SizeofPollfd    = 8
	SizeofIovec     = 16
	SizeofKevent    = 40
	SizeofKeventExt = 72
	SizeofEpoll     = 16
)

// Stat is struct stat of NetBSD 5 and later, 152 bytes:
//
//	0 dev   8 mode (4+4)  16 ino  24 nlink 28 uid 32 gid (4+4)  40 rdev
//	48 atime 64 mtime 80 ctime 96 birthtime (16 each)
//	112 size 120 blocks 128 blksize 132 flags 136 gen 140 spare (12)
type Stat struct {
	Dev                        uint64
	Mode                       uint32
	Ino                        uint64
	Nlink, UID, GID            uint32
	Rdev                       uint64
	Atime, Mtime, Ctime, Btime Timespec
	Size, Blocks               int64
	Blksize, Flags, Gen        uint32
}

// Encode fills 152 bytes.
func (s *Stat) Encode(b []byte) {
	clear(b[:SizeofStat])
	le.PutUint64(b, s.Dev)
	le.PutUint32(b[8:], s.Mode)
	le.PutUint64(b[16:], s.Ino)
	le.PutUint32(b[24:], s.Nlink)
	le.PutUint32(b[28:], s.UID)
	le.PutUint32(b[32:], s.GID)
	le.PutUint64(b[40:], s.Rdev)
	for i, t := range [...]Timespec{s.Atime, s.Mtime, s.Ctime, s.Btime} {
		t.Encode(b[48+16*i:])
	}
	le.PutUint64(b[112:], uint64(s.Size))
	le.PutUint64(b[120:], uint64(s.Blocks))
	le.PutUint32(b[128:], s.Blksize)
	le.PutUint32(b[132:], s.Flags)
	le.PutUint32(b[136:], s.Gen)
}

// DecodeStat reads 152 bytes.
func DecodeStat(b []byte) (s Stat) {
	s.Dev, s.Mode, s.Ino = le.Uint64(b), le.Uint32(b[8:]), le.Uint64(b[16:])
	s.Nlink, s.UID, s.GID = le.Uint32(b[24:]), le.Uint32(b[28:]), le.Uint32(b[32:])
	s.Rdev = le.Uint64(b[40:])
	for i, t := range [...]*Timespec{&s.Atime, &s.Mtime, &s.Ctime, &s.Btime} {
		*t = DecodeTimespec(b[48+16*i:])
	}
	s.Size, s.Blocks = int64(le.Uint64(b[112:])), int64(le.Uint64(b[120:]))
	s.Blksize, s.Flags, s.Gen = le.Uint32(b[128:]), le.Uint32(b[132:]), le.Uint32(b[136:])
	return s
}

// Dirent is struct dirent: inode 0, record length 8, name length 10, type 12, name
// 13 with a zero byte, padded to a multiple of 8.
type Dirent struct {
	Ino  uint64
	Type uint8
	Name string
}

const direntName = 13

// Reclen returns the length of the record, at most 528.
func (d *Dirent) Reclen() int { return (direntName + len(d.Name) + 1 + 7) &^ 7 }

// Append adds the record to b.
func (d *Dirent) Append(b []byte) []byte {
	n := d.Reclen()
	b = append(b, make([]byte, n)...)
	r := b[len(b)-n:]
	le.PutUint64(r, d.Ino)
	le.PutUint16(r[8:], uint16(n))
	le.PutUint16(r[10:], uint16(len(d.Name)))
	r[12] = d.Type
	copy(r[direntName:], d.Name)
	return b
}

// DecodeDirent reads one record and returns its length; 0 where b holds none that is
// well formed.
func DecodeDirent(b []byte) (d Dirent, n int) {
	if len(b) < direntName+1 {
		return d, 0
	}
	n = int(le.Uint16(b[8:]))
	nl := int(le.Uint16(b[10:]))
	if n > len(b) || direntName+nl+1 > n {
		return d, 0
	}
	return Dirent{le.Uint64(b), b[12], string(b[direntName : direntName+nl])}, n
}

// Flock is struct flock: start 0, length 8, pid 16, type 20, whence 22.
type Flock struct {
	Start, Len   int64
	Pid          int32
	Type, Whence int16
}

// Encode fills 24 bytes.
func (f Flock) Encode(b []byte) {
	le.PutUint64(b, uint64(f.Start))
	le.PutUint64(b[8:], uint64(f.Len))
	le.PutUint32(b[16:], uint32(f.Pid))
	le.PutUint16(b[20:], uint16(f.Type))
	le.PutUint16(b[22:], uint16(f.Whence))
}

// DecodeFlock reads 24 bytes.
func DecodeFlock(b []byte) Flock {
	return Flock{int64(le.Uint64(b)), int64(le.Uint64(b[8:])), int32(le.Uint32(b[16:])), int16(le.Uint16(b[20:])), int16(le.Uint16(b[22:]))}
}

// Pollfd is struct pollfd.
type Pollfd struct {
	Fd              int32
	Events, Revents int16
}

// Encode fills 8 bytes.
func (p Pollfd) Encode(b []byte) {
	le.PutUint32(b, uint32(p.Fd))
	le.PutUint16(b[4:], uint16(p.Events))
	le.PutUint16(b[6:], uint16(p.Revents))
}

// DecodePollfd reads 8 bytes.
func DecodePollfd(b []byte) Pollfd {
	return Pollfd{int32(le.Uint32(b)), int16(le.Uint16(b[4:])), int16(le.Uint16(b[6:]))}
}

// Iovec is struct iovec.
type Iovec struct{ Base, Len uint64 }

// Encode fills 16 bytes.
func (v Iovec) Encode(b []byte) { le.PutUint64(b, v.Base); le.PutUint64(b[8:], v.Len) }

// DecodeIovec reads 16 bytes.
func DecodeIovec(b []byte) Iovec { return Iovec{le.Uint64(b), le.Uint64(b[8:])} }

// Kevent is struct kevent: ident 0, filter 8, flags 12, fflags 16 (4+4), data 24, udata 32. Up to NetBSD 10 that is all, 40
// bytes; since 11 ext follows at 40, four words that the kernel keeps and returns.
type Kevent struct {
	Ident                 uint64
	Filter, Flags, Fflags uint32
	Data                  int64
	Udata                 uint64
	Ext                   [4]uint64
}

// EncodeExt fills 72 bytes.
func (k *Kevent) EncodeExt(b []byte) {
	k.Encode(b)
	for i, w := range k.Ext {
		le.PutUint64(b[SizeofKevent+8*i:], w)
	}
}

// DecodeKeventExt reads 72 bytes.
func DecodeKeventExt(b []byte) Kevent {
	k := DecodeKevent(b)
	for i := range k.Ext {
		k.Ext[i] = le.Uint64(b[SizeofKevent+8*i:])
	}
	return k
}

// EpollEvent is struct epoll_event, 16 bytes: events 0, data 8. It is not packed, as Linux has it.
type EpollEvent struct {
	Events uint32
	Data   uint64
}

// Encode fills 16 bytes.
func (e EpollEvent) Encode(b []byte) {
	le.PutUint64(b, uint64(e.Events))
	le.PutUint64(b[8:], e.Data)
}

// DecodeEpollEvent reads 16 bytes.
func DecodeEpollEvent(b []byte) EpollEvent {
	return EpollEvent{le.Uint32(b), le.Uint64(b[8:])}
}

// Encode fills 40 bytes.
func (k *Kevent) Encode(b []byte) {
	le.PutUint64(b, k.Ident)
	le.PutUint32(b[8:], k.Filter)
	le.PutUint32(b[12:], k.Flags)
	le.PutUint64(b[16:], uint64(k.Fflags))
	le.PutUint64(b[24:], uint64(k.Data))
	le.PutUint64(b[32:], k.Udata)
}

// DecodeKevent reads 40 bytes.
func DecodeKevent(b []byte) Kevent {
	return Kevent{Ident: le.Uint64(b), Filter: le.Uint32(b[8:]), Flags: le.Uint32(b[12:]), Fflags: le.Uint32(b[16:]),
		Data: int64(le.Uint64(b[24:])), Udata: le.Uint64(b[32:])}
}

// FdSet is an fd_set of any length, as 32-bit words.
type FdSet []byte

// FdSetLen returns how many bytes of an fd_set select(2) copies for nd descriptors.
func FdSetLen(nd int) int { return (nd + 31) / 32 * 4 }

// Has reports whether fd is in the set.
func (s FdSet) Has(fd int) bool { return fd/8 < len(s) && s[fd/8]&(1<<(fd%8)) != 0 }

// Set puts fd into the set.
func (s FdSet) Set(fd int) { s[fd/8] |= 1 << (fd % 8) }

// Clear takes fd out of the set.
func (s FdSet) Clear(fd int) { s[fd/8] &^= 1 << (fd % 8) }
