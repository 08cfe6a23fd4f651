package syscalls

import (
	"sync"
	"time"

	"toaster/internal/file"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// This file serves acct(2): a file gets a record of each process that ends, written by the
// process itself before its parent can learn of the end (kern_acct.c).

// Accounting is where a machine's records go. The zero value has no file.
type Accounting struct {
	mu sync.RWMutex // held for reading while a record is written, so that no file is let go of meanwhile
	d  *file.Description

	checkMu   sync.Mutex // guards what follows
	checked   time.Time  // when somebody last looked how much room there is
	suspended bool       // there was too little
	// free replaces vfs.Free in tests.
	free func(*file.Description) (avail, all uint64, errno netbsd.Errno)
}

// Accounting is suspended where a disk has 2% left (acctsuspend), and resumed where it has more than 4% (acctresume); that is
// looked at every 15 s (acctchkfreq).
const (
	acctSuspend = 2
	acctResume  = 4
	acctFreq    = 15 * time.Second
)

// roomy is acct_chkfree, and reports whether records are to be written. A disk of which nothing is known has room.
func (a *Accounting) roomy(now time.Time) bool {
	a.checkMu.Lock()
	defer a.checkMu.Unlock()
	if now.Sub(a.checked) < acctFreq {
		return !a.suspended
	}
	a.checked = now
	free := a.free
	if free == nil {
		free = vfs.Free
	}
	avail, all, errno := free(a.d)
	switch {
	case errno != 0:
	case a.suspended:
		a.suspended = avail <= acctResume*all/100
	default:
		a.suspended = avail <= acctSuspend*all/100
	}
	return !a.suspended
}

// acct is acct(const char *path). EPERM: only the superuser. EACCES: not a regular file. Those
// of open(2). Part of a record at the end of the file is cut off.
func acct(c *Call) netbsd.Errno {
	if !c.L.Proc().Cred().IsRoot() {
		return netbsd.EPERM
	}
	var d *file.Description
	if c.Ptr(0) != 0 {
		name, errno := c.path(0)
		if errno != 0 {
			return errno
		}
		if d, errno = View(c.L).Open(netbsd.AT_FDCWD, name, netbsd.O_WRONLY|netbsd.O_APPEND, 0); errno != 0 {
			return errno
		}
		if errno := fitForAcct(d); errno != 0 {
			d.Release()
			return errno
		}
	}
	a := &c.K.Accounting
	a.set(d)
	if d == nil {
		c.K.M.SetAcct(nil)
	} else {
		c.K.M.SetAcct(a.write)
	}
	return 0
}

// fitForAcct sees to it that records can be appended to d.
func fitForAcct(d *file.Description) netbsd.Errno {
	st, errno := d.File.Stat()
	if errno != 0 {
		return errno
	}
	if st.Mode&netbsd.S_IFMT != netbsd.S_IFREG {
		return netbsd.EACCES
	}
	if pad := st.Size % kern.SizeofAcct; pad != 0 {
		return d.File.Truncate(st.Size - pad)
	}
	return 0
}

// set has records go to d, nil for nowhere, and lets go of the file of before.
func (a *Accounting) set(d *file.Description) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.d != nil {
		a.d.Release()
	}
	a.d = d
	a.checkMu.Lock()
	defer a.checkMu.Unlock()
	a.checked, a.suspended = time.Time{}, false
}

// Close ends the accounting.
func (a *Accounting) Close() { a.set(nil) }

// write is acct_process. A guest's limit of file sizes does not count for it.
func (a *Accounting) write(r kern.AcctRecord) error {
	tty := ^uint64(0)
	if r.TTY != nil {
		if dev, ok := r.TTY.Device().(interface{ Dev() uint64 }); ok {
			tty = dev.Dev()
		}
	}
	var b [kern.SizeofAcct]byte
	r.Encode(b[:], tty)
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.d != nil && a.roomy(time.Now()) {
		if _, errno := a.d.Write(file.NewKthread(), b[:]); errno != 0 {
			return errno
		}
	}
	return nil
}
