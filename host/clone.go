package host

import (
	"bytes"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A guest can jump to the stub's clone with registers, flags and a signal stack of its
// choice. What it would gain is a host process or thread that nobody knows; or, if it
// may take the place of one that is awaited, one that has been let in and then does as
// the guest likes. So each clone is a question to the supervisor, and what is born runs
// nothing but the stub until it has reported.

// A process that has not run guest code asks nobody: its clones have the pass in a
// register, which the filter knows. That spares copies of programs that are kept ready
// (nursery.go), and their threads, a question each. The pass is in no memory of a process
// that runs guest code: it is in the slot for as long as such a clone takes, and in the
// zygote's window until its filter is installed.

// pass returns what the filter lets t's next clone through with, 0 if that is a question.
func (t *Thread) pass() uint64 {
	if t.light || t.proc.ran.Load() {
		return 0
	}
	return t.proc.platform.pass
}

// A clone is what its registers say.
type clone struct{ flags, token, target uint64 }

// mostGrants bounds how often one clone may be tried.
const mostGrants = 16

// answerClone grants what was ordered. A trap on the newborn's way to its report must
// kill it, so that it never runs guest code before: a process has no control window yet,
// and ends with any signal (stubHandler); a thread shares its creator's, so that is to
// have all signals blocked. Neither the registers of the notification nor that mask can
// change before the asker is answered.
func (p *Platform) answerClone(n *notification, t *Thread) {
	c := clone{n.args[0], n.args[2], n.args[4]}
	if n.args[1] != 0 || n.args[3] != 0 || !p.grantable(t, c) || c.flags == threadFlags && !t.blocksAll() {
		p.deny(n)
		return
	}
	p.grant(n)
}

// grantable says whether c is what t was told to make, and counts it.
func (p *Platform) grantable(t *Thread, c clone) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := &t.order
	if o.kind != orderClone || o.clone != c || o.grants == mostGrants {
		return false
	}
	o.grants++
	return true
}

// blocksAll asks the host whether t blocks all signals that the stub takes. Of the mask,
// stat has the 31 standard ones, and is read in half the time of status.
func (t *Thread) blocksAll() bool {
	var buf [1 << 10]byte
	stat := t.proc.readTask(t.tid, "/stat", buf[:])
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // a name can have spaces
	const blocked = 32 - 3                      // proc(5) counts from 1, and two are cut
	f := bytes.Fields(rest)
	if len(f) <= blocked {
		return false
	}
	mask, err := strconv.ParseUint(string(f[blocked]), 10, 64)
	return err == nil && mask<<1&stubSignals == stubSignals
}

// readTask reads what the host says of a thread, without telling the scheduler of Go: it
// takes 7 µs, and to be waited for 70.
func (q *Process) readTask(tid int, file string, buf []byte) []byte {
	name := "/proc/" + strconv.Itoa(q.pid) + "/task/" + strconv.Itoa(tid) + file
	path, err := syscall.BytePtrFromString(name)
	if err != nil {
		return nil
	}
	fd, _, e := syscall.RawSyscall(unix.SYS_OPEN, uintptr(unsafe.Pointer(path)), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if e != 0 {
		return nil
	}
	n, _, e := syscall.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
	syscall.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
	if e != 0 {
		return nil
	}
	return buf[:n]
}
