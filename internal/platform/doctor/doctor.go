// Package doctor finds out what a Linux host allows, and says in plain words what is missing
// and what to do about it. It is behind "toaster doctor" and changes nothing.
//
//   - Check tries what no guest can run without, step by step;
//   - Features looks for what single promises of SECURITY.md rest on: without one of them a
//     promise is smaller or a thing slower.
package doctor

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/memprog"
	"toaster/internal/platform"
	"toaster/internal/platform/seccomp"
)

// A Finding is one thing that toaster needs, or wants, from the host.
type Finding struct {
	Name   string
	OK     bool
	Detail string // what was found; if not OK, what is missing and why it is needed
	Remedy string // what to do, if not OK
}

// Check tries what the platform cannot do without, step by step, so that every failure has
// its own explanation. It leaves nothing behind. Guests can run if all findings are OK.
func Check() []Finding {
	list := []Finding{
		checkKernel(), checkProc(), checkMemfd(), checkCalls(), checkSeccomp(), checkListener(),
	}
	p, err := platform.New(platform.Options{Warm: -1})
	list = append(list, finding("guest processes", err, "a stub process runs",
		"see the failures above; if there are none, this host's security policy (AppArmor, SELinux, gVisor?) is in the way"))
	if err != nil {
		return list
	}
	defer p.Close()
	return append(list, checkGuest(p)...)
}

func finding(name string, err error, good, remedy string) Finding {
	if err != nil {
		return Finding{Name: name, Detail: err.Error(), Remedy: remedy}
	}
	return Finding{Name: name, OK: true, Detail: good}
}

// KernelAtLeast says whether this is Linux of that version or newer.
func KernelAtLeast(major, minor int) bool {
	var u unix.Utsname
	return unix.Uname(&u) == nil && releaseAtLeast(unix.ByteSliceToString(u.Release[:]), major, minor)
}

func checkKernel() Finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return finding("kernel", err, "", "")
	}
	release := unix.ByteSliceToString(u.Release[:])
	var err error
	if !releaseAtLeast(release, 5, 14) {
		err = fmt.Errorf("version %s is too old: descriptors are handed over with SECCOMP_ADDFD_FLAG_SEND, which came with 5.14", release)
	} else if runtime.GOARCH != "amd64" {
		err = errors.New("guests are amd64 programs, this machine is " + runtime.GOARCH)
	}
	return finding("kernel", err, "Linux "+release, "use Linux 5.14 or newer on amd64")
}

// releaseAtLeast compares a kernel release such as 6.1.0-13-amd64.
func releaseAtLeast(release string, major, minor int) bool {
	f := strings.FieldsFunc(release, func(r rune) bool { return r < '0' || r > '9' })
	if len(f) < 2 {
		return false
	}
	a, _ := strconv.Atoi(f[0])
	b, _ := strconv.Atoi(f[1])
	return a > major || a == major && b >= minor
}

func checkProc() Finding {
	_, err := os.Stat("/proc/self/fd")
	return finding("/proc", err, "mounted", "mount -t proc proc /proc: the stub is executed by its name there")
}

func checkMemfd() Finding {
	fd, err := memprog.Memfd("toaster-check", memprog.Exec)
	if err == nil {
		unix.Close(fd)
	}
	return finding("memory files", err, "memfd_create works, with execution",
		"sysctl vm.memfd_noexec=1 or less; in a container, allow memfd_create")
}

// A neededCall is a system call that the platform cannot do without, with arguments that do
// nothing, and what it answers to them. Any other answer is a filter's, or an older kernel's: a
// filter may refuse with whatever errno its author liked.
type neededCall struct {
	name   string
	nr     uintptr
	args   [6]uintptr
	answer syscall.Errno
	since  string // which Linux brought it
}

var neededCalls = []neededCall{
	{"pidfd_open", unix.SYS_PIDFD_OPEN, [6]uintptr{}, unix.EINVAL, "5.3"},
	{"pidfd_send_signal", unix.SYS_PIDFD_SEND_SIGNAL, [6]uintptr{^uintptr(0)}, unix.EBADF, "5.1"},
	{"close_range", unix.SYS_CLOSE_RANGE, [6]uintptr{1, 0}, unix.EINVAL, "5.9"},
	{"seccomp", unix.SYS_SECCOMP, [6]uintptr{unix.SECCOMP_SET_MODE_FILTER}, unix.EFAULT, "3.17"},
	{"process_vm_readv", unix.SYS_PROCESS_VM_READV, [6]uintptr{5: 1}, unix.EINVAL, "3.2"},
	{"process_vm_writev", unix.SYS_PROCESS_VM_WRITEV, [6]uintptr{5: 1}, unix.EINVAL, "3.2"},
}

func checkCalls() Finding {
	var missing []string
	for _, c := range neededCalls {
		if _, _, e := syscall.RawSyscall6(c.nr, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5]); e != c.answer {
			missing = append(missing, fmt.Sprintf("%s (Linux %s): %v", c.name, c.since, e))
		}
	}
	var err error
	if len(missing) > 0 {
		err = errors.New(strings.Join(missing, "; "))
	}
	return finding("system calls", err, "all that are needed are there",
		"Linux 5.14 or newer; in a container, a newer Docker or podman, or --security-opt seccomp= with a profile that allows these calls")
}

func checkSeccomp() Finding {
	action := uint32(seccomp.Notify)
	_, _, e := syscall.Syscall(unix.SYS_SECCOMP, seccompActionAvail, 0, uintptr(unsafe.Pointer(&action)))
	var err error
	if e != 0 {
		err = fmt.Errorf("seccomp notifications: %w", e)
	}
	return finding("seccomp", err, "filters with notifications are available",
		"a kernel with CONFIG_SECCOMP_FILTER; a container whose profile allows seccomp(2)")
}

const seccompActionAvail = 2

// checkListener finds out whether toaster runs below a filter with a listener of its own:
// the host refuses a second one in the same chain.
func checkListener() Finding {
	status, err := os.ReadFile("/proc/self/status")
	detail := "no filter above toaster"
	if belowFilter(string(status)) {
		detail = "toaster runs below a filter, which is fine unless it has a listener"
	}
	return finding("outer filters", err, detail, "mount -t proc proc /proc")
}

// belowFilter reads it from /proc/self/status.
func belowFilter(status string) bool { return strings.Contains(status, "\nSeccomp:\t2") }

// checkGuest tries what guests need once the zygote runs: to be forked, memory that can be
// executed, memory that toaster reads and writes, and a system call that traps. It stops at the
// first that fails, as the next ones rest on it.
func checkGuest(p *platform.Platform) []Finding {
	q, t, err := p.NewProcess()
	list := []Finding{finding("processes", err, "the zygote forks, and gets its control memory",
		"raise the limit of processes (ulimit -u, pids.max of the container)")}
	if err != nil {
		return list
	}
	defer q.Release()
	const at = 0x400000
	err = q.Map(t, at, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE, -1, 0)
	list = append(list, finding("executable memory", err, "may be mapped",
		"allow execmem (SELinux), or use a host without that restriction"))
	if err != nil {
		return list
	}
	var back [2]byte
	if _, ok := q.Write(at, []byte{0x0f, 0x05}); !ok {
		err = errors.New("process_vm_writev is refused: arguments of system calls can't be reached")
	} else if _, ok := q.Read(at, back[:]); !ok {
		err = errors.New("process_vm_readv is refused: arguments of system calls can't be reached")
	}
	list = append(list, finding("guest memory", err, "process_vm_readv and process_vm_writev work",
		platform.MemoryRemedy))
	if err != nil {
		return list
	}
	t.Regs().RIP = at
	if trap := t.Run(); trap.Kind != platform.Syscall {
		err = fmt.Errorf("a guest's system call came as %v instead of a trap", trap.Kind)
	}
	return append(list, finding("trapping", err, "a guest's system call arrives", ""))
}
