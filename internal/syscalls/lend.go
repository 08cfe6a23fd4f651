package syscalls

import (
	"toaster/internal/file"
	"toaster/netbsd"
)

// Lender is a CPU whose process can be lent its open files: it then reads and writes them without
// the kernel.
type Lender interface {
	// LendFile lends a descriptor before the LWP goes back to user mode, if it may be lent.
	LendFile(fd int)
	// ReturnFiles takes back all that the process has been lent, before it returns.
	ReturnFiles()
}

// used counts a call that has to do with n bytes of d, which is descriptor fd: who makes many is
// lent the file.
func (c *Call) used(fd int, d *file.Description, n uint64) {
	if d.Used(n) {
		if l, ok := c.CPU.(Lender); ok {
			l.LendFile(fd)
		}
	}
}

// returnFiles is due before the caller's process ends: what it has open is then nobody's but its
// parent's, who may execute it.
func (c *Call) returnFiles() {
	if l, ok := c.CPU.(Lender); ok {
		l.ReturnFiles()
	}
}

// limitFiles follows a change of RLIMIT_FSIZE: what would exceed that is the kernel's to find.
func (c *Call) limitFiles(errno netbsd.Errno) netbsd.Errno {
	if _, bound := c.L.Proc().FileSize(); bound && errno == 0 {
		c.files().Recall(true)
	}
	return errno
}
