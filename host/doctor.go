package host

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
)

// A Finding is one thing that the platform needs from the host.
type Finding struct {
	Name   string
	OK     bool
	Detail string // what was found; if not OK, what is missing and why it is needed
	Remedy string // what to do, if not OK
}

// Check finds out what this host allows, step by step, so that every failure
// has its own explanation. It leaves nothing behind.
func Check() []Finding {
	list := []Finding{
		checkKernel(), checkProc(), checkMemfd(), checkSeccomp(), checkListener(),
	}
	p, err := New(Options{Warm: -1})
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
	fd, err := memfd("toaster-check", unix.MFD_CLOEXEC|mfdExec)
	if err == nil {
		unix.Close(fd)
	}
	return finding("memory files", err, "memfd_create works, with execution",
		"sysctl vm.memfd_noexec=1 or less; in a container, allow memfd_create")
}

func checkSeccomp() Finding {
	action := uint32(retNotify)
	_, _, e := syscall.Syscall(unix.SYS_SECCOMP, seccompActionAvail, 0, uintptr(unsafe.Pointer(&action)))
	var err error
	if e != 0 {
		err = fmt.Errorf("seccomp notifications: %w", e)
	}
	return finding("seccomp", err, "filters with notifications are available",
		"a kernel with CONFIG_SECCOMP_FILTER; a container whose profile allows seccomp(2)")
}

const seccompActionAvail = 2

// checkListener finds out whether we run below a filter with a listener of its
// own: a second one in the same chain is refused.
func checkListener() Finding {
	status, err := os.ReadFile("/proc/self/status")
	detail := "no filter above us"
	if err == nil && strings.Contains(string(status), "\nSeccomp:\t2") {
		detail = "we run below a filter, which is fine unless it has a listener"
	}
	return finding("outer filters", err, detail, "")
}

// checkGuest tries what guests need once the zygote runs.
func checkGuest(p *Platform) []Finding {
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
		"sysctl kernel.yama.ptrace_scope=1 or less; in a container, allow these calls (docker: --cap-add SYS_PTRACE on old hosts)"))
	if err != nil {
		return list
	}
	t.Regs().RIP = at
	if trap := t.Run(); trap.Kind != Syscall {
		err = fmt.Errorf("a guest's system call gave %v instead of a trap", trap.Kind)
	}
	return append(list, finding("trapping", err, "a guest's system call arrives", ""))
}
