package vfs

import "io"

// Config says what a machine's guests see.
type Config struct {
	Root string // the directory that is "/"; "" for the host's own tree
	Dir  string // first working directory as guests name it; "" for the host's

	// Mounts are what lies on the root, in the order that they are mounted in: a later
	// one may lie in an earlier one, or on it.
	Mounts []Mount
	// ReadOnly has nothing be changed in the root, nor in the mounts that follow it.
	ReadOnly bool

	// Owners has guests give files owners, modes and device numbers that the host's files, which
	// stay those of the user that toaster runs as, do not get (package owners). It needs a Root.
	Owners bool

	// Syslog, if it is not nil, has the machine have a logger, which writes to it (logger_linux.go).
	Syslog io.Writer

	// noOpenat2 has the tree do without openat2(2), as on a host that refuses it.
	noOpenat2 bool
}

// Mount puts a directory or a file of the host, or an empty file system in memory, at a
// place in the root. Of other mounts of the host's that lie below, guests see nothing.
type Mount struct {
	// Source is a directory or file of the host; "" for a file system in memory, which
	// goes with the machine.
	Source string
	// Target is the absolute name of what it covers: a directory for a directory, a
	// file for a file. It must be there, unless Make has it made.
	Target string
	Make   bool
	Access MountAccess
	// Size is how much a file system in memory holds; 0 is DefaultTmpfs.
	Size int64
}

// MountAccess says what guests may do in a mount.
type MountAccess int8

const (
	// AsRoot is read-only if the root is. A file system in memory may be changed.
	AsRoot MountAccess = iota
	ReadOnly
	ReadWrite
)

// DefaultTmpfs is the size of a file system in memory that says none.
const DefaultTmpfs = 256 << 20

// readOnly reports whether nothing may be changed in it.
func (m Mount) readOnly(root bool) bool {
	return m.Access == ReadOnly || m.Access == AsRoot && root && m.Source != ""
}
