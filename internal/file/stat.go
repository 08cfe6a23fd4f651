package file

import (
	"time"

	"toaster/netbsd"
)

// Stat is struct stat of stat(2).
type Stat = netbsd.Stat

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
