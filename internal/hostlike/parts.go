package hostlike

import (
	"slices"

	"golang.org/x/sys/unix"
)

// ordinary is who "user" is.
const ordinary = 1000

// Parts are all of them.
var Parts = []Part{
	{Name: "root", About: "root with the capabilities that Docker leaves it", caps: dockerCaps, root: true},
	{Name: "user", About: "an ordinary user without capabilities", caps: []int{}, uid: ordinary},
	{Name: "docker", About: "Docker's default seccomp profile (moby/profiles, 2026)", rules: docker},
	{Name: "podman", About: "podman's default seccomp profile (containers/common, 2025)", rules: podman},
	{Name: "docker-2020", About: "Docker's profile of 2020: what came later is EPERM", rules: docker2020},
	{Name: "docker-2019", About: "Docker's profile of 2019", rules: docker2019},
	{Name: "no-userns", About: "no user namespaces (a kernel patch's or an LSM's EPERM)", rules: noUserNamespaces(unix.EPERM)},
	{Name: "max-userns-0", About: "no user namespaces (user.max_user_namespaces=0)", rules: noUserNamespaces(unix.ENOSPC)},
	{Name: "yama-2", About: "Yama's ptrace_scope 2, or 3: nobody's memory is reached", rules: yama},
	{Name: "linux-5.14", About: "what Linux 5.14 did not have", rules: linux514},
	{Name: "no-openat2", About: "openat2 and faccessat2 are EPERM, as with profiles of 2020", rules: refuse(unix.EPERM, unix.SYS_OPENAT2, unix.SYS_FACCESSAT2)},
	{Name: "linux-5.5", About: "what Linux 5.5 did not have", rules: linux55},
	{Name: "sealed-vdso", About: "the vdso cannot be moved (CONFIG_MSEAL_SYSTEM_MAPPINGS)", rules: sealedVDSO},
	{Name: "no-memfd-exec", About: "vm.memfd_noexec=2", rules: noexecMemory},
	{Name: "hidepid", About: "/proc is mounted with hidepid=2", mounts: hidePids, root: true},
	{Name: "no-proc", About: "/proc is empty", mounts: func() error { return cover("/proc") }, root: true},
	{Name: "no-tmp", About: "/tmp and /dev/shm cannot be written to", mounts: noTmp, root: true},
}

// dockerCaps are those of a container (capabilities of Docker's and, but for MKNOD,
// NET_RAW and AUDIT_WRITE, of podman's).
var dockerCaps = []int{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FSETID, unix.CAP_FOWNER, unix.CAP_MKNOD, unix.CAP_NET_RAW,
	unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SETFCAP, unix.CAP_SETPCAP, unix.CAP_NET_BIND_SERVICE,
	unix.CAP_SYS_CHROOT, unix.CAP_KILL, unix.CAP_AUDIT_WRITE,
}

// anyNamespace are the flags of clone(2) that make one.
const anyNamespace = 0x7e020000

// docker has a list of what is allowed; what is on no list at all is newer than it, and
// ENOSYS by the word of the container's runtime.
var docker = slices.Concat(
	refuse(unix.EPERM,
		unix.SYS_ACCT, unix.SYS_ADD_KEY, unix.SYS_BPF, unix.SYS_CLOCK_SETTIME, unix.SYS_CREATE_MODULE,
		unix.SYS_DELETE_MODULE, unix.SYS_FANOTIFY_INIT, unix.SYS_FINIT_MODULE, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT,
		unix.SYS_FSOPEN, unix.SYS_FSPICK, unix.SYS_GET_KERNEL_SYMS, unix.SYS_GET_MEMPOLICY, unix.SYS_INIT_MODULE,
		unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_IO_URING_SETUP, unix.SYS_IOPERM, unix.SYS_IOPL,
		unix.SYS_KCMP, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_KEXEC_LOAD, unix.SYS_KEYCTL, unix.SYS_LOOKUP_DCOOKIE,
		unix.SYS_LSM_GET_SELF_ATTR, unix.SYS_LSM_LIST_MODULES, unix.SYS_LSM_SET_SELF_ATTR, unix.SYS_MBIND,
		unix.SYS_MIGRATE_PAGES, unix.SYS_MOUNT, unix.SYS_MOUNT_SETATTR, unix.SYS_MOVE_MOUNT, unix.SYS_MOVE_PAGES,
		unix.SYS_NFSSERVCTL, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_OPEN_TREE, unix.SYS_PERF_EVENT_OPEN,
		unix.SYS_PIDFD_GETFD, unix.SYS_PIVOT_ROOT, unix.SYS_PROCESS_MADVISE, unix.SYS_QUERY_MODULE, unix.SYS_QUOTACTL,
		unix.SYS_QUOTACTL_FD, unix.SYS_REBOOT, unix.SYS_REQUEST_KEY, unix.SYS_SET_MEMPOLICY,
		unix.SYS_SET_MEMPOLICY_HOME_NODE, unix.SYS_SETDOMAINNAME, unix.SYS_SETHOSTNAME, unix.SYS_SETNS,
		unix.SYS_SETTIMEOFDAY, unix.SYS_SWAPOFF, unix.SYS_SWAPON, unix.SYS_SYSFS, unix.SYS_SYSLOG, unix.SYS_UMOUNT2,
		unix.SYS_UNSHARE, unix.SYS_USELIB, unix.SYS_USERFAULTFD, unix.SYS_USTAT, unix.SYS_VHANGUP, unix.SYS_VSERVER),
	refuse(unix.ENOSYS, unix.SYS_CLONE3),
	[]rule{
		{nr: unix.SYS_CLONE, errno: unix.EPERM, when: hasBits, arg: 0, value: anyNamespace},
		{nr: unix.SYS_SOCKET, errno: unix.EPERM, when: isEqual, arg: 0, value: unix.AF_ALG},
		{nr: unix.SYS_SOCKET, errno: unix.EPERM, when: isEqual, arg: 0, value: unix.AF_VSOCK},
		{nr: unix.SYS_REMOVEXATTRAT, errno: unix.ENOSYS, when: above},
	})

// podman lets containers make namespaces and mounts, where the kernel does. What it does
// not know is ENOSYS.
var podman = slices.Concat(
	refuse(unix.EPERM,
		unix.SYS_ACCT, unix.SYS_BPF, unix.SYS_CACHESTAT, unix.SYS_CLOCK_SETTIME, unix.SYS_DELETE_MODULE,
		unix.SYS_FINIT_MODULE, unix.SYS_FUTEX_REQUEUE, unix.SYS_FUTEX_WAIT, sysFutexWaitv, unix.SYS_FUTEX_WAKE,
		unix.SYS_INIT_MODULE, unix.SYS_IO_PGETEVENTS, unix.SYS_IOPERM, unix.SYS_IOPL, unix.SYS_KCMP,
		unix.SYS_KEXEC_FILE_LOAD, unix.SYS_KEXEC_LOAD, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_MAP_SHADOW_STACK,
		unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES, unix.SYS_NFSSERVCTL, unix.SYS_OPEN_BY_HANDLE_AT,
		unix.SYS_PERF_EVENT_OPEN, unix.SYS_PROCESS_MADVISE, unix.SYS_QUERY_MODULE, unix.SYS_QUOTACTL,
		unix.SYS_QUOTACTL_FD, unix.SYS_SETDOMAINNAME, unix.SYS_SETHOSTNAME, unix.SYS_SETNS, unix.SYS_SETTIMEOFDAY,
		unix.SYS_SWAPOFF, unix.SYS_SWAPON, unix.SYS_SYSFS, unix.SYS_USELIB, unix.SYS_USERFAULTFD, unix.SYS_USTAT,
		unix.SYS_VHANGUP, unix.SYS_VMSPLICE),
	refuse(unix.ENOSYS,
		unix.SYS_ADD_KEY, unix.SYS_CREATE_MODULE, unix.SYS_GETXATTRAT, unix.SYS_IO_URING_ENTER,
		unix.SYS_IO_URING_REGISTER, unix.SYS_IO_URING_SETUP, unix.SYS_LISTMOUNT, unix.SYS_LISTXATTRAT,
		unix.SYS_LSM_GET_SELF_ATTR, unix.SYS_LSM_LIST_MODULES, unix.SYS_LSM_SET_SELF_ATTR, unix.SYS_MSEAL,
		unix.SYS_REMOVEXATTRAT, unix.SYS_REQUEST_KEY, unix.SYS_SET_MEMPOLICY_HOME_NODE, unix.SYS_SETXATTRAT,
		unix.SYS_STATMOUNT),
	[]rule{{nr: unix.SYS_REMOVEXATTRAT, errno: unix.ENOSYS, when: above}})

// docker2020 is Docker 20.10: clone3 was not known to it, nor anything from Linux 5.9 on.
var docker2020 = slices.Concat(docker,
	refuse(unix.EPERM, unix.SYS_CLONE3, unix.SYS_CLOSE_RANGE, unix.SYS_EPOLL_PWAIT2),
	[]rule{{nr: unix.SYS_PROCESS_MADVISE, errno: unix.EPERM, when: above}})

// docker2019 is Docker 19.03: nothing from Linux 5.1 on was known to it.
var docker2019 = slices.Concat([]rule{{nr: unix.SYS_RSEQ, errno: unix.EPERM, when: above}}, docker)

func noUserNamespaces(errno unix.Errno) []rule {
	return []rule{
		{nr: unix.SYS_CLONE3, errno: unix.ENOSYS},
		{nr: unix.SYS_CLONE, errno: errno, when: hasBits, arg: 0, value: unix.CLONE_NEWUSER},
		{nr: unix.SYS_UNSHARE, errno: errno, when: hasBits, arg: 0, value: unix.CLONE_NEWUSER},
	}
}

var yama = refuse(unix.EPERM, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PTRACE,
	unix.SYS_PIDFD_GETFD, unix.SYS_KCMP)

const (
	sysFutexWaitv    = 449
	notifSetFlags    = 0x40082104 // SECCOMP_IOCTL_NOTIF_SET_FLAGS, of Linux 6.6
	mfdExec          = 0x10       // MFD_EXEC and MFD_NOEXEC_SEAL, of Linux 6.3
	mfdNoexecSeal    = 0x8
	waitKillableRecv = 1 << 5 // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, of Linux 5.19
)

var linux514 = []rule{
	{nr: unix.SYS_PROCESS_MRELEASE - 1, errno: unix.ENOSYS, when: above},
	{nr: unix.SYS_IOCTL, errno: unix.EINVAL, when: isEqual, arg: 1, value: notifSetFlags},
	{nr: unix.SYS_MEMFD_CREATE, errno: unix.EINVAL, when: hasBits, arg: 1, value: mfdExec | mfdNoexecSeal},
	{nr: unix.SYS_SECCOMP, errno: unix.EINVAL, when: hasBits, arg: 1, value: waitKillableRecv},
}

// linux55 has clone3 and what is older: openat2 came with 5.6, faccessat2 with 5.8,
// close_range with 5.9.
var linux55 = slices.Concat(linux514, []rule{{nr: unix.SYS_CLONE3, errno: unix.ENOSYS, when: above}})

// sealedVDSO goes by where it would be moved: beyond all that guests use nothing else is.
// Where it is differs from one start to the next.
var sealedVDSO = []rule{{nr: unix.SYS_MREMAP, errno: unix.EPERM, when: highFrom, arg: 4, value: 0x7fa0}}

var noexecMemory = []rule{{nr: unix.SYS_MEMFD_CREATE, errno: unix.EACCES, when: hasBits, arg: 1, value: mfdExec}}

// cover hides a directory behind an empty one that cannot be written to.
func cover(dir string) error {
	return unix.Mount("none", dir, "tmpfs", unix.MS_RDONLY, "")
}

func hidePids() error { return unix.Mount("proc", "/proc", "proc", 0, "hidepid=2") }

func noTmp() error {
	if err := cover("/tmp"); err != nil {
		return err
	}
	if err := cover("/dev/shm"); err != unix.ENOENT {
		return err
	}
	return nil
}
