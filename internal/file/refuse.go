package file

import "toaster/netbsd"

// A Refuser has no part in FIONBIO or FIOASYNC of ioctl(2), though the flag is changed before it is asked (sys_ioctl).
type Refuser interface {
	// Refuses is what comes of the request; 0: it is not refused. data is its argument.
	Refuses(cmd uint32, data []byte) netbsd.Errno
}

// Refuses implements Refuser: eventfd_ioctl and timerfd_fop_ioctl know FIONBIO alone.
func (*eventfd) Refuses(cmd uint32, _ []byte) netbsd.Errno { return onlyNonblock(cmd) }

// Refuses implements Refuser.
func (*Timer) Refuses(cmd uint32, _ []byte) netbsd.Errno { return onlyNonblock(cmd) }

func onlyNonblock(cmd uint32) netbsd.Errno {
	if cmd == netbsd.FIONBIO {
		return 0
	}
	return netbsd.ENOTTY
}

// Ioctl implements File: a semaphore has none (fbadop_ioctl).
func (*semFile) Ioctl(Call, uint32, []byte) netbsd.Errno { return netbsd.EOPNOTSUPP }

// Refuses implements Refuser.
func (*semFile) Refuses(uint32, []byte) netbsd.Errno { return netbsd.EOPNOTSUPP }

// Poll implements File: nothing is ever ready, and nobody hears of it (fnullop_poll).
func (*semFile) Poll(Events) Events { return 0 }

// Poll implements File.
func (*Memfd) Poll(Events) Events { return 0 }
