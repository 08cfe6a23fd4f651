package host

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestInAContainer runs tests of every part again, below a filter that refuses what
// Docker's default profile refuses, without capabilities, and as nobody if we are root.
func TestInAContainer(t *testing.T) {
	if os.Getenv(containerEnv) != "" {
		t.Skip("this is the inner one")
	}
	tests := []string{
		"TestCheckFindsNothingHere", "TestSyscall", "TestForkSeparatesMemory", "TestThreadsShareMemory",
		"TestKilledFromOutside", "TestReadString", "TestMappings", "TestFaults", "TestNobodyIsLeft",
		"TestExtendedStateIsSavedAndRestored", "TestFastCallsHaveAllRegisters",
	}
	inner := "^(" + strings.Join(tests, "|") + ")$"
	cmd := exec.Command("/proc/self/exe", "-test.v", "-test.run", inner)
	cmd.Env = append(os.Environ(), containerEnv+"=1")
	out, err := cmd.CombinedOutput()
	if n := strings.Count(string(out), "\n--- PASS"); err != nil || n != len(tests) {
		t.Fatalf("%v, %d of %d pass\n%s", err, n, len(tests), out)
	}
}

const containerEnv = "TOASTER_HOST_CONTAINER"

// enterContainer is for TestMain.
func enterContainer() {
	if os.Geteuid() == 0 {
		must(syscall.Setgroups(nil))
		must(syscall.Setresgid(65534, 65534, 65534))
		must(syscall.Setresuid(65534, 65534, 65534))
	}
	const (
		nr      = 0 // offset in struct seccomp_data
		flags   = 16
		load    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		isEqual = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		isSet   = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		ret     = unix.BPF_RET | unix.BPF_K
		errno   = 0x50000
		allow   = 0x7fff0000

		namespaces = 0x7e020000
	)
	list := []unix.SockFilter{{Code: load, K: nr}}
	for _, n := range refusedInContainers {
		list = append(list,
			unix.SockFilter{Code: isEqual, K: n, Jf: 1},
			unix.SockFilter{Code: ret, K: errno | uint32(unix.EPERM)})
	}
	list = append(list,
		unix.SockFilter{Code: isEqual, K: unix.SYS_CLONE3, Jf: 1},
		unix.SockFilter{Code: ret, K: errno | uint32(unix.ENOSYS)},
		unix.SockFilter{Code: isEqual, K: unix.SYS_CLONE, Jf: 3},
		unix.SockFilter{Code: load, K: flags},
		unix.SockFilter{Code: isSet, K: namespaces, Jf: 1},
		unix.SockFilter{Code: ret, K: errno | uint32(unix.EPERM)},
		unix.SockFilter{Code: ret, K: allow})
	prog := unix.SockFprog{Len: uint16(len(list)), Filter: &list[0]}
	// With TSYNC all threads get it, and no_new_privs, too.
	must(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	if r, _, e := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog))); e != 0 || r != 0 {
		panic(e)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// refusedInContainers is what Docker's default profile leaves to who has a capability
// for it, or to nobody.
var refusedInContainers = []uint32{
	unix.SYS_ACCT, unix.SYS_ADD_KEY, unix.SYS_BPF, unix.SYS_CLOCK_ADJTIME, unix.SYS_CLOCK_SETTIME,
	unix.SYS_DELETE_MODULE, unix.SYS_FANOTIFY_INIT, unix.SYS_FINIT_MODULE, unix.SYS_FSCONFIG,
	unix.SYS_FSMOUNT, unix.SYS_FSOPEN, unix.SYS_GET_MEMPOLICY, unix.SYS_INIT_MODULE,
	unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_IO_URING_SETUP, unix.SYS_IOPERM,
	unix.SYS_IOPL, unix.SYS_KCMP, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_KEXEC_LOAD, unix.SYS_KEYCTL,
	unix.SYS_LOOKUP_DCOOKIE, unix.SYS_MBIND, unix.SYS_MOUNT, unix.SYS_MOUNT_SETATTR, unix.SYS_MOVE_MOUNT,
	unix.SYS_MOVE_PAGES, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_OPEN_TREE, unix.SYS_PERF_EVENT_OPEN,
	unix.SYS_PIDFD_GETFD, unix.SYS_PIVOT_ROOT, unix.SYS_PROCESS_MADVISE, unix.SYS_QUOTACTL, unix.SYS_REBOOT,
	unix.SYS_REQUEST_KEY, unix.SYS_SET_MEMPOLICY, unix.SYS_SETDOMAINNAME, unix.SYS_SETHOSTNAME,
	unix.SYS_SETNS, unix.SYS_SETTIMEOFDAY, unix.SYS_SWAPOFF, unix.SYS_SWAPON, unix.SYS_SYSLOG,
	unix.SYS_UMOUNT2, unix.SYS_UNSHARE, unix.SYS_USERFAULTFD, unix.SYS_VHANGUP,
}
