package platform

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pageSize is the unit in which memory appears and disappears.
const PageSize = 4096

// Read copies guest memory at addr into b. It stops at the first page that the
// guest may not read: n says how far it came, ok whether that was all.
func (q *Process) Read(addr uint64, b []byte) (n int, ok bool) {
	return q.transfer(unix.SYS_PROCESS_VM_READV, addr, b)
}

// Write copies b into guest memory at addr, as Read does in the other direction. It waits for the end of a freeze of that memory, with whatever
// locks its caller holds: for as long as it takes to copy the memory, or, at most, as the watchdog lets a guest take to stop.
func (q *Process) Write(addr uint64, b []byte) (n int, ok bool) {
	q.freezing.unfrozen(addr, len(b), func() { n, ok = q.transfer(unix.SYS_PROCESS_VM_WRITEV, addr, b) })
	return n, ok
}

// transfer restricts the range to the guest's part of the address space: a system call whose
// buffer lies in the stub or the window is EFAULT, as NetBSD has no memory there, and no guest
// learns its own control memory, or has the kernel write it, by a pointer.
//
// It takes no lock, as it is on the way of most system calls. What is read can change while it
// is being copied: callers copy once and check the copy.
func (q *Process) transfer(nr uintptr, addr uint64, b []byte) (int, bool) {
	if len(b) == 0 || addr >= GuestEnd {
		return 0, len(b) == 0
	}
	size := int(min(uint64(len(b)), GuestEnd-addr))
	done := 0
	for done < size {
		// A dead process's pid may be somebody else's.
		if q.dead.Load() {
			break
		}
		n, err := moveMemory(nr, q.pid, addr+uint64(done), b[done:size])
		if err == syscall.EINTR {
			continue
		}
		if err != 0 || n <= 0 {
			break
		}
		done += n
	}
	return done, done == len(b)
}

// Resident says of each page from addr on whether the process has it in memory: 1 if so, else 0. The host keeps
// 8 bytes a page (proc_pid_pagemap(5)), of which the highest bit says that.
func (q *Process) Resident(addr uint64, pages []byte) error {
	f, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", q.pid))
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 8*len(pages))
	if _, err := f.ReadAt(b, int64(addr/PageSize*8)); err != nil {
		return err
	}
	if q.dead.Load() { // the pid may have been somebody else's
		return syscall.ESRCH
	}
	for i := range pages {
		pages[i] = b[8*i+7] >> 7
	}
	return nil
}

// smallMove is what is copied faster than the scheduler could be told of it.
const smallMove = 16 << 10

// moveMemory is process_vm_readv or process_vm_writev with one range.
func moveMemory(nr uintptr, pid int, addr uint64, b []byte) (int, syscall.Errno) {
	local := syscall.Iovec{Base: &b[0], Len: uint64(len(b))}
	// A guest's address must not look like a pointer: the collector would follow it.
	remote := struct{ base, size uint64 }{addr, uint64(len(b))}
	var n uintptr
	var e syscall.Errno
	if len(b) <= smallMove {
		n, _, e = syscall.RawSyscall6(nr, uintptr(pid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	} else {
		n, _, e = syscall.Syscall6(nr, uintptr(pid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	}
	runtime.KeepAlive(b)
	return int(n), e
}

// ReadString reads a NUL-terminated string of fewer than limit bytes. ok is
// false if memory ends before the string does; a string that is too long is
// returned with its first limit bytes, and terminated false.
func (q *Process) ReadString(addr uint64, limit int) (s string, terminated, ok bool) {
	var out []byte
	buf := make([]byte, 256)
	for len(out) < limit {
		// Pages end where memory may end.
		n := min(len(buf), limit-len(out), int(PageSize-addr%PageSize))
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
