package owners

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"toaster/netbsd"
)

// Mark is what a guest was told of a file.
type Mark struct {
	UID, GID uint32
	Mode     uint32 // with S_IFMT
	Rdev     uint64 // of a device, in NetBSD's form
	Flags    uint32 // of chflags(2)
}

// AppendOnly reports whether a file is to be written to at its end only.
func (m Mark) AppendOnly() bool { return m.Flags&(netbsd.UF_APPEND|netbsd.SF_APPEND) != 0 }

// maxMark is longer than any mark is.
const maxMark = 64

// String is the mark without its flags, in the form of the extended attribute.
func (m Mark) String() string {
	return fmt.Sprintf("%d:%d:%04o:%s", m.UID, m.GID, m.Mode&0o7777, m.kind())
}

// kinds are the types without a number.
var kinds = []struct {
	name string
	mode uint32
}{
	{"file", netbsd.S_IFREG}, {"dir", netbsd.S_IFDIR}, {"symlink", netbsd.S_IFLNK}, {"pipe", netbsd.S_IFIFO}, {"socket", netbsd.S_IFSOCK},
}

func (m Mark) kind() string {
	switch m.Mode & netbsd.S_IFMT {
	case netbsd.S_IFBLK:
		return fmt.Sprintf("block-%d-%d", major(m.Rdev), minor(m.Rdev))
	case netbsd.S_IFCHR:
		return fmt.Sprintf("char-%d-%d", major(m.Rdev), minor(m.Rdev))
	}
	for _, k := range kinds {
		if k.mode == m.Mode&netbsd.S_IFMT {
			return k.name
		}
	}
	return "file"
}

// errForm says that something is no mark.
var errForm = errors.New("owners: not of the form UID:GID:MODE:TYPE")

// Parse reads a mark of a file that is of a kind of S_IFMT on the host. Older tools leave the
// type out: it is the host's then. A type that the host's kind cannot stand for is refused, as
// the tree's names are resolved by the host.
func Parse(s string, kind uint32) (m Mark, err error) {
	part := strings.Split(s, ":")
	if len(part) < 3 || len(part) > 4 || len(s) > maxMark {
		return m, errForm
	}
	uid, err1 := strconv.ParseUint(part[0], 10, 32)
	gid, err2 := strconv.ParseUint(part[1], 10, 32)
	mode, err3 := strconv.ParseUint(part[2], 8, 32)
	if err1 != nil || err2 != nil || err3 != nil {
		return m, errForm
	}
	m = Mark{UID: uint32(uid), GID: uint32(gid), Mode: uint32(mode)&0o7777 | kind}
	if len(part) < 4 {
		return m, nil
	}
	return m.withKind(part[3], kind)
}

// withKind is m with a type.
func (m Mark) withKind(name string, host uint32) (Mark, error) {
	for _, k := range kinds {
		if k.name == name && k.mode == host {
			return m, nil
		}
	}
	typ, numbers, _ := strings.Cut(name, "-")
	of, ok := map[string]uint32{"char": netbsd.S_IFCHR, "block": netbsd.S_IFBLK}[typ]
	maj, min, both := strings.Cut(numbers, "-")
	a, err1 := strconv.ParseUint(maj, 10, 12)
	b, err2 := strconv.ParseUint(min, 10, 20)
	if !ok || !both || err1 != nil || err2 != nil || host != netbsd.S_IFREG {
		return m, errForm
	}
	m.Mode, m.Rdev = m.Mode&0o7777|of, mkdev(uint32(a), uint32(b))
	return m, nil
}

// Device numbers are NetBSD's (makedev(3)): 12 bits of major, 20 of minor.

func mkdev(major, minor uint32) uint64 {
	return uint64(major<<8&0xfff00 | minor<<12&0xfff00000 | minor&0xff)
}

func major(dev uint64) uint32 { return uint32(dev) >> 8 & 0xfff }

func minor(dev uint64) uint32 { return uint32(dev)>>12&0xfff00 | uint32(dev)&0xff }

// hostMode is the mode that the host's file has beneath a mark. The owner may all that
// toaster needs to serve root inside; nobody else may write, as the guest's groups are not
// the host's.
func (m Mark) hostMode() uint32 {
	if m.Mode&netbsd.S_IFMT == netbsd.S_IFDIR {
		return m.Mode&0o755 | 0o700
	}
	return m.Mode&0o755 | 0o600
}

// plain reports whether the host's file can have all that the mark says, by itself.
func (m Mark) plain(host seen) bool {
	needs := uint32(0o600)
	switch host.kind() {
	case netbsd.S_IFLNK:
		return m.UID == host.uid && m.GID == host.gid && m.Flags == 0 && m.Mode == host.mode
	case netbsd.S_IFDIR:
		needs = 0o700
	}
	return m.UID == host.uid && m.GID == host.gid && m.Flags == 0 && m.Rdev == 0 &&
		m.Mode&netbsd.S_IFMT == host.kind() && m.Mode&needs == needs && m.Mode&^(netbsd.S_IFMT|0o777) == 0
}
