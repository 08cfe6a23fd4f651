package file

import "toaster/netbsd"

// SetFlags is F_SETFL of fcntl(2): only the settable flags change.
func (d *Description) SetFlags(flags int) netbsd.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := d.Flags()&^settable | flags&settable
	if errno := d.File.SetFlags(next); errno != 0 {
		return errno
	}
	d.flags.Store(int32(next))
	return 0
}

// SetNonblock is FIONBIO of ioctl(2).
func (d *Description) SetNonblock(on bool) netbsd.Errno {
	flags := d.Flags() &^ oNONBLOCK
	if on {
		flags |= oNONBLOCK
	}
	return d.SetFlags(flags)
}
