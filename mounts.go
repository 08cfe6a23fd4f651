package toaster

import "toaster/internal/vfs"

// Mount puts a directory or a file of the host, or an empty file system in memory, at a place
// in the root. Of what the host has mounted below Source guests see nothing.
type Mount struct {
	// Source is a directory or file of the host; "" is a file system in memory, which goes
	// with the machine.
	Source string
	// Target is the absolute name, in the guests' view, of what it covers: a directory for a
	// directory, a file for a file. It must be there, unless Make is set.
	Target string
	// Make has Target be made where there is nothing, with the directories on the way to it: on the host,
	// where it stays.
	Make bool
	// Access says what guests may do in it.
	Access MountAccess
	// Size is how many bytes a file system in memory holds; 0 is 256 MiB.
	Size int64
}

// MountAccess says what guests may do in a mount.
type MountAccess int8

// What guests may do in a mount.
const (
	// AsRoot is ReadOnly if Options.ReadOnly is set, else ReadWrite. A file system in memory
	// may be changed in either case.
	AsRoot = MountAccess(vfs.AsRoot)
	// ReadOnly has everything that changes a file or a directory fail with EROFS.
	ReadOnly = MountAccess(vfs.ReadOnly)
	// ReadWrite lets guests change what the host lets this process change.
	ReadWrite = MountAccess(vfs.ReadWrite)
)

// TryTmpfs returns why a Mount without Source cannot be had on this host; nil if it can.
func TryTmpfs() error { return vfs.TryTmpfs() }

// mounts returns the mounts as package vfs knows them.
func (o *Options) mounts() []vfs.Mount {
	list := make([]vfs.Mount, 0, len(o.Mounts))
	for _, m := range o.Mounts {
		list = append(list, vfs.Mount{Source: m.Source, Target: m.Target, Make: m.Make, Access: vfs.MountAccess(m.Access), Size: m.Size})
	}
	return list
}
