package machine

import (
	"toaster/internal/file"
	"toaster/internal/platform"
	"toaster/internal/syscalls"
)

// This file lends open files to the stub (internal/platform/lend_files.go). A process is lent a
// file when it has used it some times, as to lend it costs as much as some calls. The
// table of descriptors knows what is lent, and takes back what is closed or replaced
// (internal/file/lend.go): the stub leaves it alone from then on, and before the LWP that has
// closed it goes back to user mode, the host process has it no longer.

// LendFile implements syscalls.Lender. It only asks: the call that is being served still uses the descriptor as the kernel's, and the
// thread can take a file when it is about to go back, at publish. One file at a time: another one
// is asked for again at its next use.
func (mc *Context) LendFile(fd int) {
	if fd < platform.LentFiles && mc.sys.Platform.LendsFiles() {
		mc.toLend = fd
		mc.stale |= platform.LentDescriptors
	}
}

// publishFiles lends what LendFile asks for.
func (mc *Context) publishFiles() {
	fd, t := mc.toLend, syscalls.TableOf(mc.l)
	if t == nil {
		return
	}
	d, errno := t.Get(fd)
	if errno != 0 {
		return
	}
	defer d.Release()
	host, ok := d.HostToLend(mc.sys.Host.LentPipe)
	if !ok || !mc.mayLend(d) {
		return
	}
	// A sibling can close or replace fd, or vfork, at any moment. So it is looked at twice: before the host process gets the file, and, under
	// the table's lock, before the stub may use it. What is closed in between the process keeps until ReturnFiles, unused.
	may := func() bool { return mc.mayLend(d) }
	mc.thread.LendFile(fd, host,
		func() bool { return may() && t.Means(fd, d) },
		func() bool { return t.Lend(fd, d, mc.space.proc, may) })
}

// mayLend reports whether d can be lent to mc's process, now: not to a host process that carries
// two, a vfork's, of which each has a table of its own; nor for writing if RLIMIT_FSIZE bounds that.
func (mc *Context) mayLend(d *file.Description) bool {
	_, bound := mc.l.Proc().FileSize()
	return mc.space.sole() && !(bound && d.Writable())
}

// revokeFiles takes back all that mc's process has been lent. Unlend stops the stub's use at once; that the host process holds nothing
// any more is certain only once its thread has closed it, which ReturnFiles waits for, and which a thread that lies about it is killed for.
// No lock is held meanwhile.
func (mc *Context) revokeFiles() {
	if t := syscalls.TableOf(mc.l); t != nil {
		t.Unlend()
	}
	if mc.thread.FilesDue() {
		mc.thread.ReturnFiles()
	}
}

// shareFiles is revokeFiles for a process whose memory another one is about to have, and its host process with it: also of what a
// sibling is being lent just now, which waits for that. Preconditions: mayLend says no already.
func (mc *Context) shareFiles() {
	mc.revoke(platform.LentDescriptors)
	if mc.sys.Platform.LendsFiles() {
		mc.thread.ReturnFiles()
	}
}

// serveWithEvents is serve for a kevent(2) for which the stub has taken events from the set that is lent, and told the guest of none.
// They are on the queue's list before the call begins; and whatever comes of that, as a tracer can
// refuse it, what is left of them others are told of behind it.
func (mc *Context) serveWithEvents() {
	t := syscalls.TableOf(mc.l)
	if t == nil {
		mc.sys.serve(mc)
		return
	}
	t.EventsTaken(mc.thread.LentEvents())
	mc.sys.serve(mc)
	t.SettleEvents()
}

// ReturnFiles implements syscalls.Lender.
func (mc *Context) ReturnFiles() { mc.revoke(platform.LentDescriptors) }

// hasRead is for a kick that met the guest in a read, which may have been for that: others may have to hear of it.
func (mc *Context) hasRead() {
	if t := syscalls.TableOf(mc.l); t != nil {
		t.HasRead(int(int32(mc.thread.Regs().RDI)))
	}
}
