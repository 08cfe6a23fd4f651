package file

import "time"

// Stat is struct stat of stat(2) before encoding; numbers and mode bits are
// NetBSD's.
type Stat struct {
	Dev, Ino, Rdev      uint64
	Mode                uint32
	Nlink               uint32
	UID, GID            uint32
	Size, Blocks        int64
	Blksize             uint32
	Flags, Gen          uint32
	Atime, Mtime, Ctime time.Time
	Birthtime           time.Time
}

// File types in Stat.Mode (stat(2)).
const (
	ModeFmt    = 0o170000
	ModeFifo   = 0o010000
	ModeChar   = 0o020000
	ModeDir    = 0o040000
	ModeBlock  = 0o060000
	ModeReg    = 0o100000
	ModeLink   = 0o120000
	ModeSocket = 0o140000
)

// Mkdev is makedev(3): 12 bits of major and 20 of minor, the low 8 minor bits
// at the bottom.
func Mkdev(major, minor uint32) uint64 {
	return uint64(major<<8&0xfff00 | minor<<12&0xfff00000 | minor&0xff)
}

// Timeset is one time of utimensat(2): a time, now, or left as it is.
type Timeset struct {
	Time      time.Time
	Now, Omit bool
}
