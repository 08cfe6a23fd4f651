// Package hostlike lets tests meet hosts that refuse what this one grants: it takes rights
// from the calling thread, as a container's profile, an old kernel or an administrator
// would, and executes a program there. Nothing of toaster uses it but tests.
//
// What it does is real where a process can do it to itself: namespaces, users,
// capabilities, mounts. The rest is imitated by a seccomp filter which answers as the other
// host does. A filter can't imitate what a host lacks without saying so, such as an
// instruction or a flag that is ignored.
package hostlike

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Exec turns this process into a program on the host that is described by parts, which are
// names of Parts with commas between them. It returns only if it fails.
func Exec(parts string, path string, args, env []string) error {
	runtime.LockOSThread() // what follows is this thread's, and the new program's
	host, err := parse(parts)
	if err != nil {
		return err
	}
	// Opened now, as its name may lead nowhere there.
	exe, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := host.enter(); err != nil {
		return fmt.Errorf("a host like %s: %w", parts, err)
	}
	return fmt.Errorf("%s: %w", path, execute(exe, args, env))
}

// execute is execve(2) of an open file.
func execute(exe int, args, env []string) error {
	argv, err := syscall.SlicePtrFromStrings(args)
	if err != nil {
		return err
	}
	envv, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return err
	}
	var empty [1]byte
	_, _, e := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(exe), uintptr(unsafe.Pointer(&empty)),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])), unix.AT_EMPTY_PATH, 0)
	return e
}

// A Part is one thing that a host refuses or lacks.
type Part struct {
	Name, About string

	mounts func() error // what it does to the mounts that it sees
	rules  []rule
	caps   []int // what of root's capabilities is left, if not nil
	uid    int   // who the program runs as, if not 0
	root   bool  // only root can imitate it
}

// enter is what the parts do, in an order in which none forbids the next.
func (p *Part) enter() error {
	if p.mounts != nil {
		if err := ownMounts(); err != nil {
			return err
		}
		if err := p.mounts(); err != nil {
			return err
		}
	}
	if err := install(p.rules); err != nil {
		return err
	}
	if p.caps != nil {
		if err := leaveCaps(p.caps); err != nil {
			return err
		}
	}
	return becomeUser(p.uid)
}

// parse puts the parts with these names together.
func parse(names string) (*Part, error) {
	whole := &Part{}
	for name := range strings.SplitSeq(names, ",") {
		part := find(name)
		if part == nil {
			return nil, fmt.Errorf("hostlike: no part %q", name)
		}
		if part.root && os.Geteuid() != 0 {
			return nil, fmt.Errorf("hostlike: %s takes root", name)
		}
		whole.add(part)
	}
	return whole, nil
}

func find(name string) *Part {
	for i := range Parts {
		if Parts[i].Name == name {
			return &Parts[i]
		}
	}
	return nil
}

func (p *Part) add(other *Part) {
	if other.mounts != nil {
		p.mounts = other.mounts
	}
	p.rules = append(p.rules, other.rules...)
	if other.caps != nil {
		p.caps = other.caps
	}
	p.uid = max(p.uid, other.uid)
}

// ownMounts gives the thread mounts of its own, and nothing of them to anybody else.
func ownMounts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("a mount namespace: %w", err)
	}
	return unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}

// becomeUser makes the thread an ordinary user's, if root runs it.
func becomeUser(uid int) error {
	if uid == 0 || os.Geteuid() != 0 {
		return nil
	}
	// Raw calls, as those of package syscall change every thread.
	for _, c := range [][4]uintptr{
		{unix.SYS_SETGROUPS, 0, 0, 0},
		{unix.SYS_SETRESGID, uintptr(uid), uintptr(uid), uintptr(uid)},
		{unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)},
	} {
		if _, _, e := unix.RawSyscall(c[0], c[1], c[2], c[3]); e != 0 {
			return fmt.Errorf("becoming user %d: %w", uid, e)
		}
	}
	return nil
}

// leaveCaps bounds what a program gets that root executes.
func leaveCaps(keep []int) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for c := 0; c <= unix.CAP_LAST_CAP; c++ {
		if slices.Contains(keep, c) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil && err != unix.EINVAL {
			return fmt.Errorf("dropping capability %d: %w", c, err)
		}
	}
	return nil
}
