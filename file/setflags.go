package file

import "toaster/netbsd"

// SetFlags is F_SETFL of fcntl(2): only the netbsd.SetflMask flags change.
func (d *Description) SetFlags(flags int) netbsd.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := d.Flags()&^netbsd.SetflMask | flags&netbsd.SetflMask
	if errno := d.File.SetFlags(next); errno != 0 {
		return errno
	}
	d.flags.Store(int32(next))
	return 0
}

// SetNonblock is FIONBIO of ioctl(2).
func (d *Description) SetNonblock(on bool) netbsd.Errno {
	flags := d.Flags() &^ netbsd.O_NONBLOCK
	if on {
		flags |= netbsd.O_NONBLOCK
	}
	return d.SetFlags(flags)
}
