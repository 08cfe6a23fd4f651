package file

import (
	"strconv"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// Origin is where in a tree of names an open file was found, and what holds there. It is
// not changed once files have it.
type Origin struct {
	// ReadOnly: mode, owner and times are not to be changed (EROFS), however it was
	// opened.
	ReadOnly bool
	// NoSetID: files get no set-id bits.
	NoSetID bool
	// Dev and Ino are those of the place's root, in the host's numbers.
	Dev, Ino uint64
	// Of is for the tree.
	Of any
}

// fixed is why owner, mode and times are not a guest's to change; 0 if they are.
func (o *Origin) fixed() netbsd.Errno {
	if o != nil && o.ReadOnly {
		return netbsd.EROFS
	}
	return 0
}

// isRoot reports whether a file is the root of where it was found.
func (o *Origin) isRoot(st *unix.Stat_t) bool {
	return o != nil && o.Dev == st.Dev && o.Ino == st.Ino
}

// HostMode takes the set-id bits off a mode where files get none. kind is S_IFMT of the
// file. What was not found by name is a gift of the host's, which may not allow them.
func (o *Origin) HostMode(mode, kind uint32) uint32 {
	switch {
	case o != nil && !o.NoSetID:
		return mode
	case kind == unix.S_IFDIR:
		return mode &^ unix.S_ISUID
	}
	return mode &^ (unix.S_ISUID | unix.S_ISGID)
}

// Origin returns where d was found; nil if it has no name, or one outside of every tree.
func (d *Description) Origin() *Origin {
	if f, ok := d.File.(interface{ Origin() *Origin }); ok {
		return f.Origin()
	}
	return nil
}

// Directory reports whether d is a directory of the host.
func (d *Description) Directory() bool {
	f, ok := d.File.(interface{ Directory() bool })
	return ok && f.Directory()
}

// NameFD returns a host descriptor by which d's name and file system can be asked for, and
// no more; it stays d's.
func (d *Description) NameFD() (int, bool) {
	if f, ok := d.File.(interface{ NameFD() int }); ok {
		return f.NameFD(), true
	}
	return d.HostFD()
}

// fdName is a name of the host by which an open file is reached again.
func fdName(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
