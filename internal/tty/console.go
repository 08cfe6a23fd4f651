package tty

import (
	"sync"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// console is which terminal is a machine's (constty). No message of a kernel comes there: a machine has none for it.
type console struct {
	mayRead func(*kern.LWP) netbsd.Errno // see Driver.SetConsole

	mu sync.Mutex // taken with a pair's mu held, never the other way round
	is device     // nil: none
}

// SetConsole has mayRead say whether a caller may read /dev/console, without which no terminal becomes the console. It is called before
// guests run; without it there is no /dev/console.
func (d *Driver) SetConsole(mayRead func(*kern.LWP) netbsd.Errno) { d.console.mayRead = mayRead }

// set is TIOCCONS. EBUSY: another terminal is the console, and is open.
func (o *console) set(c file.Call, t device, on bool) netbsd.Errno {
	if l := lwpOf(c); on && l != nil {
		// Without the lock: files of the host are looked up.
		if errno := o.mayBe(l, t); errno != 0 {
			return errno
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case on:
		o.is = t
	case o.is == t:
		o.is = nil
	}
	return 0
}

func (o *console) mayBe(l *kern.LWP, t device) netbsd.Errno {
	switch is := o.now(); {
	case is != nil && is != t && is.inUse():
		return netbsd.EBUSY
	case o.mayRead == nil:
		return netbsd.ENOENT
	}
	return o.mayRead(l)
}

func (o *console) now() device {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.is
}

// closed has t no longer be the console.
func (o *console) closed(t device) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.is == t {
		o.is = nil
	}
}
