package doctor

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"toaster/internal/hostlimits"
	"toaster/internal/platform"
	"toaster/internal/platform/netns"
	"toaster/internal/platform/outside"
)

// Features says which of the things that single promises of SECURITY.md rest on this host has. What is missing makes a promise smaller or a
// thing slower, as its Detail says, and does not keep programs from running.
func Features() []Finding {
	return []Finding{
		featureNetwork(), featureOpenat2(), featureFaccessat2(), featureYama(), featureFSGSBase(), featureWaitv(), featureStops(), featureLend(),
		featureIdentity(), featureSpeculation(), featureGroups(), featureOwnGroup(), featureTasks(), featureDescriptors(), featureAddresses(), HostPrograms(),
	}
}

// feature is a finding whose failure costs what lost says. What can be tried is
// tried: a version number says nothing of a container's profile, nor of what a distribution has
// brought to an older kernel.
func feature(name string, err error, good, lost, remedy string) Finding {
	f := finding(name, err, good, remedy)
	if err != nil {
		f.Detail += ": " + lost
	}
	return f
}

// HostPrograms says which way programs of the host run NetBSD programs here.
func HostPrograms() Finding {
	way := outside.Try()
	good := "they run NetBSD programs, which join the machine (seccomp, ptrace)"
	if way.Plain {
		good += "; set-id programs are started by toaster itself (no_new_privs)"
	}
	return feature("programs of the host", way.Err, good, "they cannot run NetBSD programs",
		"run toaster outside of another sandbox, with ptrace_scope 0 or 1 (Yama); see --host-exec=binfmt")
}

func featureNetwork() Finding {
	n, err := netns.New()
	if err == nil {
		n.Close()
	}
	return feature("network namespaces", err, "--network loopback works", "only --network none and host are there",
		NamespaceRemedy(err))
}

// NamespaceRemedy says what to do where the host grants no namespace, with that error.
func NamespaceRemedy(err error) string {
	status, _ := os.ReadFile("/proc/self/status")
	switch {
	case errors.Is(err, unix.ENOSPC):
		return "sysctl user.max_user_namespaces=10000, or what it takes: it is 0, or used up"
	case errors.Is(err, unix.ENOENT):
		return "mount -t proc proc /proc"
	case belowFilter(string(status)):
		return "outside of this container; or give it a profile that lets it make user namespaces, as podman's does"
	}
	return "run as root, or allow user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), kernel.unprivileged_userns_clone=1 (Debian); not in a chroot"
}

func featureOpenat2() Finding {
	fd, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
	if err == nil {
		unix.Close(fd)
	}
	return feature("openat2", err, "the host keeps names below a root", "names are walked one by one, which is slower",
		"Linux 5.6 or newer; in a container, a profile that allows openat2")
}

// featureFaccessat2 looks whether the host can be asked what the ids of a thread may do: the
// older call asks for those of the process.
func featureFaccessat2() Finding {
	err := unix.Faccessat2(unix.AT_FDCWD, "/", unix.X_OK, unix.AT_EACCESS)
	return feature("faccessat2", err, "the host is asked in access(2) and execve(2) of other users",
		"of other users, access(2) and execve(2) go by NetBSD's rules alone, without the host's access control lists",
		"Linux 5.8 or newer; in a container, a profile that allows faccessat2")
}

// featureYama looks whether processes of one user can look into each other: guests are
// the kernel's children, which Yama allows up to 1.
func featureYama() Finding {
	const file = "/proc/sys/kernel/yama/ptrace_scope"
	b, err := os.ReadFile(file)
	if err != nil {
		return Finding{Name: "Yama", OK: true, Detail: "not to be seen: if there is none, programs of your user can look into guests and the kernel"}
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	if n > 2 || n == 2 && missingCaps(unix.CAP_SYS_PTRACE) != "" {
		err = fmt.Errorf("%s is %d", file, n)
	}
	return feature("Yama", err, fmt.Sprintf("ptrace_scope is %d", n), "arguments of system calls cannot be read", platform.MemoryRemedy)
}

func featureFSGSBase() Finding {
	var err error
	if !platform.HaveFSGSBase() {
		err = errors.New("not there or switched off")
	}
	return feature("FSGSBASE", err, "calls need no signal", "every call takes a signal, which is slower",
		"Linux 5.9 on a processor that has it, without nofsgsbase")
}

func featureWaitv() Finding {
	var err error
	if !platform.HaveFutexWaitv() {
		err = errors.New("not there")
	}
	return feature("futex_waitv", err, "LWPs need no thread of the kernel's each", fmt.Sprintf("all machines of a program have %d LWPs at most together", platform.MaxThreadsWithoutWaitv),
		"Linux 5.16 or newer; in a container, a profile that allows futex_waitv")
}

func featureStops() Finding {
	return feature("stops of guests", platform.TryWaitKillable(), "one from outside (SIGSTOP, a freezer) costs a guest nothing",
		"one from outside (SIGSTOP, a freezer) may end a guest that forks or ends an LWP at that moment", "Linux 5.19 or newer")
}

// featureLend asks what a process has under a number that it cannot have.
func featureLend() Finding {
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err == nil {
		_, err = unix.PidfdGetfd(pidfd, 1<<30, 0)
		unix.Close(pidfd)
	}
	if err == unix.EBADF {
		err = nil
	}
	return feature("pidfd_getfd", err, "guests are lent their open files", "reads and writes are slower",
		"Linux 5.6 or newer; in a container, a profile that allows pidfd_getfd")
}

// featureIdentity looks whether files can be asked for with a guest's ids.
func featureIdentity() Finding {
	var err error
	good := "guests have the ids of your user, and no way to others on the host"
	if os.Geteuid() == 0 {
		good = "a guest that gives up root's rights has none on the host either"
		if missing := missingCaps(unix.CAP_SETUID, unix.CAP_SETGID); missing != "" {
			err = errors.New("root without " + missing)
		}
	}
	return feature("identity", err, good, "--user is refused, and NetBSD's rules of access hold by the kernel alone",
		"give the container these capabilities")
}

var capNames = map[int]string{unix.CAP_SETUID: "CAP_SETUID", unix.CAP_SETGID: "CAP_SETGID", unix.CAP_SYS_PTRACE: "CAP_SYS_PTRACE"}

// missingCaps names those of some capabilities that this process does not have.
func missingCaps(caps ...int) string {
	var hdr = unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&hdr, &data[0]) != nil {
		return "the right to ask"
	}
	var list []string
	for _, bit := range caps {
		if data[0].Effective&(1<<bit) == 0 {
			list = append(list, capNames[bit])
		}
	}
	return strings.Join(list, " and ")
}

func featureSpeculation() Finding {
	return feature("speculation", platform.TrySpeculationSafe(), "--spec-safe works, or there is nothing to switch off", "--spec-safe is refused",
		"boot without mitigations=off; in a virtual machine, show the guest the processor's controls")
}

// featureOwnGroup tries what --memory does.
func featureOwnGroup() Finding {
	g, err := hostlimits.MakeGroup(1 << 30)
	if err == nil {
		g.Remove()
	}
	return feature("control group of guests", err, "--memory bounds what guests really use", "--memory counts what guests ask for, and no more",
		"run toaster as root, or where a control group is delegated to it (systemd-run --user --scope -p Delegate=yes)")
}

// featureGroups looks at the control groups that toaster runs in.
func featureGroups() Finding {
	text, err := hostlimits.MemoryText(), error(nil)
	if !hostlimits.Memory(1) {
		text, err = "", errors.New(text)
	}
	return feature("control groups", err, text, "guests get ENOMEM", "raise the group's limit, or end what else is in it")
}

// enoughTasks is what a server that runs some programs at a time will want.
const enoughTasks = 1000

func featureTasks() Finding {
	room, why := hostlimits.FindTasks().Room()
	var err error
	if room < enoughTasks {
		err = fmt.Errorf("room for %d more, of %s", room, why)
	}
	good := fmt.Sprintf("room for %d more", room)
	if why == "" {
		good = "no limit"
	}
	return feature("processes and threads", err, good, "a guest that wants more gets EAGAIN", "raise that limit")
}

func featureDescriptors() Finding {
	var r unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r)
	if err == nil && r.Cur < 1024 {
		err = fmt.Errorf("%d", r.Cur)
	}
	return feature("descriptors", err, fmt.Sprintf("%d", r.Cur), "guests get ENFILE and EAGAIN soon", "ulimit -n 65536")
}

func featureAddresses() Finding {
	var err error
	if !hostlimits.Addresses(1 << 30) {
		err = fmt.Errorf("RLIMIT_AS is near: %w", syscall.ENOMEM)
	}
	return feature("address space", err, "room for more", "guests get ENOMEM soon", "ulimit -v unlimited; --memory is the better limit")
}
