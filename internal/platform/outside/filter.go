package outside

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data.
const (
	dataNr   = 0
	dataArch = 4
	dataArg5 = 16 + 8*5
)

// filter lets everything through but execve and execveat, of which the supervisor is asked
// unless the sixth argument, which neither has, is pass.
func filter(pass uint64) []unix.SockFilter {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	equal := func(k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: yes, Jf: no, K: k}
	}
	is := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	return []unix.SockFilter{
		load(dataArch),
		equal(unix.AUDIT_ARCH_X86_64, 0, 7),
		load(dataNr),
		equal(unix.SYS_EXECVEAT, 6, 0),
		equal(unix.SYS_EXECVE, 0, 4),
		load(dataArg5),
		equal(uint32(pass), 0, 3),
		load(dataArg5 + 4),
		equal(uint32(pass>>32), 0, 1),
		is(unix.SECCOMP_RET_ALLOW),
		is(unix.SECCOMP_RET_USER_NOTIF),
	}
}

// Flags of the filter, from what all kernels here have to what only some have. The last one
// has a thread that asks be interrupted by nothing but its end once it is being answered
// (Linux 5.19): else a signal could come between, whose handler then makes execve fail
// with EINTR.
const (
	filterFlags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	killable    = unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
)

// install puts the filter on a thread, and returns the descriptor where its questions come.
// plain: the thread has to promise that it gets no new rights (no_new_privs), and so set-id programs
// below it have no effect.
//
// EBUSY: the thread is below a filter of that kind already, as where toaster is run by a
// program of the host that a guest has started.
func (t *thread) install(pass uint64) (listener int, plain bool, err error) {
	prog := filter(pass)
	fprog := &unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	defer runtime.KeepAlive(prog)
	try := func(flags uintptr) error {
		n, err := t.own(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(fprog)))
		listener = int(n)
		return err
	}
	flags := uintptr(filterFlags | killable)
	err = try(flags)
	if errors.Is(err, syscall.EINVAL) {
		flags = filterFlags
		err = try(flags)
	}
	if errors.Is(err, syscall.EACCES) {
		plain = true
		if _, err = t.own(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1); err == nil {
			err = try(flags)
		}
	}
	runtime.KeepAlive(fprog)
	return listener, plain, os.NewSyscallError("seccomp", err)
}

// own has the thread make a call itself.
func (t *thread) own(nr int, args ...uintptr) (uintptr, error) {
	var tab table
	tab.call(nr, args...)
	tab.end()
	_, err := t.do(turnSelf, tab.calls)
	return tab.calls[0].result, err
}
