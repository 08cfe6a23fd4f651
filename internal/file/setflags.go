package file

import (
	"slices"

	"toaster/netbsd"
)

// BlockHearer hears that O_NONBLOCK of an open file has been cleared, by whoever has it: its writes wait from now on.
type BlockHearer interface {
	// Blocks is called with no lock held.
	Blocks()
}

// HearBlocking has h hear of d.
func (d *Description) HearBlocking(h BlockHearer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hearers = append(d.hearers, h)
}

// UnhearBlocking ends that. h may be told once more by who is on his way.
func (d *Description) UnhearBlocking(h BlockHearer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hearers = slices.DeleteFunc(slices.Clone(d.hearers), func(x BlockHearer) bool { return x == h })
}

// SetFlags is F_SETFL of fcntl(2): only the netbsd.SetflMask flags change. No lock of a file's may be held.
func (d *Description) SetFlags(flags int) netbsd.Errno {
	hearers, errno := d.setFlags(flags)
	for _, h := range hearers {
		h.Blocks()
	}
	return errno
}

// ForceFlags sets or clears status flags whatever the file says of F_SETFL: fd_dup2, and FIONBIO of sys_ioctl, which asks the file
// afterwards.
func (d *Description) ForceFlags(flags int, on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := d.Flags() &^ (flags & netbsd.SetflMask)
	if on {
		next |= flags & netbsd.SetflMask
	}
	d.File.SetFlags(next)
	d.flags.Store(int32(next))
}

// setFlags returns who is to hear of it.
func (d *Description) setFlags(flags int) (hearers []BlockHearer, errno netbsd.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.Flags()
	next := old&^netbsd.SetflMask | flags&netbsd.SetflMask
	if errno := d.File.SetFlags(next); errno != 0 {
		return nil, errno
	}
	d.flags.Store(int32(next))
	if old&^next&netbsd.O_NONBLOCK != 0 {
		hearers = d.hearers // never changed in place
	}
	return hearers, 0
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
