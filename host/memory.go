package host

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// pageSize is the unit in which memory appears and disappears.
const pageSize = 4096

// Read copies guest memory at addr into b. It stops at the first page that the
// guest may not read: n says how far it came, ok whether that was all.
func (q *Process) Read(addr uint64, b []byte) (n int, ok bool) {
	return q.transfer(addr, b, unix.ProcessVMReadv)
}

// Write copies b into guest memory at addr, as Read does in the other direction.
func (q *Process) Write(addr uint64, b []byte) (n int, ok bool) {
	return q.transfer(addr, b, unix.ProcessVMWritev)
}

type vmCall func(pid int, local []unix.Iovec, remote []unix.RemoteIovec, flags uint) (int, error)

// transfer restricts the range to the guest's part of the address space: the
// stub and the control window are none of the guest's business.
func (q *Process) transfer(addr uint64, b []byte, call vmCall) (int, bool) {
	size := len(b)
	if addr >= GuestEnd {
		return 0, size == 0
	}
	size = int(min(uint64(size), GuestEnd-addr))
	done := 0
	for done < size {
		local := unix.Iovec{Base: &b[done]}
		local.SetLen(size - done)
		remote := unix.RemoteIovec{Base: uintptr(addr) + uintptr(done), Len: size - done}
		n, err := q.call(call, local, remote)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		done += n
	}
	return done, done == len(b)
}

// call makes sure that the pid is still ours while the kernel looks it up.
func (q *Process) call(call vmCall, local unix.Iovec, remote unix.RemoteIovec) (int, error) {
	if q.dead.Load() {
		return 0, ErrGone
	}
	return call(q.pid, []unix.Iovec{local}, []unix.RemoteIovec{remote}, 0)
}

// ReadString reads a NUL-terminated string of fewer than limit bytes. ok is
// false if memory ends before the string does; a string that is too long is
// returned with its first limit bytes, and terminated false.
func (q *Process) ReadString(addr uint64, limit int) (s string, terminated, ok bool) {
	var out []byte
	buf := make([]byte, 256)
	for len(out) < limit {
		// Pages end where memory may end.
		n := min(len(buf), limit-len(out), int(pageSize-addr%pageSize))
		got, all := q.Read(addr, buf[:n])
		if i := bytes.IndexByte(buf[:got], 0); i >= 0 {
			return string(append(out, buf[:i]...)), true, true
		}
		if !all {
			return "", false, false
		}
		out = append(out, buf[:got]...)
		addr += uint64(got)
	}
	return string(out), false, true
}
