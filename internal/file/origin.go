package file

import (
	"toaster/internal/owners"
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
	// Owners has the owners and modes that guests have set where all files are one host user's;
	// nil where the host's are the guests', too.
	Owners *owners.Table
	// Dev and Ino are those of the place's root, in the host's numbers.
	Dev, Ino uint64
	// Of is for the tree.
	Of any
}

// Fixed says why owner, mode and times are not a guest's to change; 0 if they are. Of no
// origin they are.
func (o *Origin) Fixed() netbsd.Errno {
	if o != nil && o.ReadOnly {
		return netbsd.EROFS
	}
	return 0
}

// Marks is Owners; nil for no origin.
func (o *Origin) Marks() *owners.Table {
	if o == nil {
		return nil
	}
	return o.Owners
}

// IsRoot reports whether a file, in the host's numbers, is the root of where it was found.
func (o *Origin) IsRoot(dev, ino uint64) bool {
	return o != nil && o.Dev == dev && o.Ino == ino
}

// HostMode takes the set-id bits off a mode where files get none. kind is S_IFMT of the
// file. What was not found by name was sent or inherited, and its tree may not allow them.
func (o *Origin) HostMode(mode, kind uint32) uint32 {
	switch {
	case o != nil && !o.NoSetID:
		return mode
	case kind == netbsd.S_IFDIR:
		return mode &^ netbsd.S_ISUID
	}
	return mode &^ (netbsd.S_ISUID | netbsd.S_ISGID)
}

// Named is a file that knows the name it was found by.
type Named interface {
	File
	// Origin is where it was found; nil if it was not found by name.
	Origin() *Origin
	// NameFD is a host descriptor by which its name and file system can be asked for,
	// and no more; it stays the file's.
	NameFD() int
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
