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

// SetFlag sets or clears one status flag: FIONBIO and FIOASYNC of ioctl(2).
func (d *Description) SetFlag(flag int, on bool) netbsd.Errno {
	flags := d.Flags() &^ flag
	if on {
		flags |= flag
	}
	return d.SetFlags(flags)
}

// SetNonblock sets or clears O_NONBLOCK.
func (d *Description) SetNonblock(on bool) netbsd.Errno { return d.SetFlag(netbsd.O_NONBLOCK, on) }
