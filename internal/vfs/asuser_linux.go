package vfs

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/kern"
	"toaster/netbsd"
)

// This file makes the host agree: where toaster has the rights of the host's root, a
// host call for a guest of another user runs on a thread that has that user's ids
// for everything about files (setfsuid(2), setfsgid(2), setgroups(2)). Those are
// the thread's alone, and Linux takes the capabilities that pass over file
// permissions away and brings them back with the id.
//
// The invariant: a thread on which other goroutines may run has the ids of the
// process. So the goroutine is locked to its thread from before the first change
// until after the last is undone. Deferred, that holds for panics and Goexit, too;
// and if the host refuses to undo it, the goroutine stays locked and panics: Go ends
// a thread whose goroutine ended so. Nobody may sleep meanwhile.

// fsCaps are the capabilities that come and go with setfsuid (capabilities(7)):
// CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, LINUX_IMMUTABLE, MKNOD,
// MAC_OVERRIDE.
const fsCaps = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_FOWNER |
	1<<unix.CAP_FSETID | 1<<unix.CAP_LINUX_IMMUTABLE | 1<<unix.CAP_MKNOD | 1<<unix.CAP_MAC_OVERRIDE

// noSetuidFixup is SECBIT_NO_SETUID_FIXUP of prctl(2): ids change and capabilities stay.
const noSetuidFixup = 1 << 2

// hostUser is who the toaster process is on its host.
type hostUser struct {
	cred   *kern.Cred // as guests have it: with at most NGROUPS_MAX groups
	groups []uint32   // all of them
	// switches says that threads can take other ids and get these back.
	switches bool
	dumpable bool // changing ids forbids core dumps of the whole process
}

func newHostUser() *hostUser {
	h := &hostUser{cred: kern.UserCred(uint32(unix.Geteuid()), uint32(unix.Getegid()))}
	groups, _ := unix.Getgroups()
	for _, g := range groups {
		h.groups = append(h.groups, uint32(g))
	}
	h.cred.Groups = h.groups[:min(len(h.groups), netbsd.NGROUPS_MAX)]
	h.switches = unix.Geteuid() == 0 && canSwitch()
	dump, _ := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	h.dumpable = dump == 1
	return h
}

// canSwitch reports whether root has what it takes, and whether going back restores
// exactly the capabilities that there were.
func canSwitch() bool {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&head, &data[0]) != nil {
		return false
	}
	eff := uint64(data[1].Effective)<<32 | uint64(data[0].Effective)
	perm := uint64(data[1].Permitted)<<32 | uint64(data[0].Permitted)
	const need = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	if eff&need != need || eff&fsCaps != perm&fsCaps {
		return false
	}
	bits, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
	return err == nil && bits&noSetuidFixup == 0
}

// errNotSwitched says that no thread can have these credentials: toaster has not the
// right, or the ids mean nothing on this host (a user namespace without them).
var errNotSwitched = errors.New("vfs: the host knows no such user")

// as runs call with c's ids on the host. call must not sleep. It returns
// errNotSwitched, without a call, where that cannot be had.
func (h *hostUser) as(c *kern.Cred, call func() error) (err error) {
	if !h.switches {
		return errNotSwitched
	}
	runtime.LockOSThread()
	death := parentDeath()
	own := ids{h.cred.EUID, h.cred.EGID, h.groups}
	now := own
	defer func() {
		if err := now.become(own); err != nil {
			panic(fmt.Sprintf("vfs: a thread that served user %d cannot be given the ids of this process again: %v; it ends", c.EUID, err))
		}
		death.restore()
		if h.dumpable {
			unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
		}
		runtime.UnlockOSThread()
	}()
	if err := now.become(ids{c.EUID, c.EGID, c.Groups}); err != nil {
		return err
	}
	return call()
}

// ids are those of a thread that count for files.
type ids struct {
	uid, gid uint32
	groups   []uint32
}

// become gives the calling thread, which has the ids of now, those of next where they
// differ. now is then what it has, also if the host refuses a part. Of setfsuid one learns
// what became of it only by asking again.
func (now *ids) become(next ids) error {
	if !slices.Equal(now.groups, next.groups) {
		switch e := setGroups(next.groups); e {
		case 0:
			now.groups = next.groups
		case unix.EPERM, unix.EINVAL:
			return errNotSwitched
		default:
			return e
		}
	}
	if now.gid != next.gid && !setID(unix.SYS_SETFSGID, next.gid) {
		return errNotSwitched
	}
	now.gid = next.gid
	if now.uid != next.uid && !setID(unix.SYS_SETFSUID, next.uid) {
		return errNotSwitched
	}
	now.uid = next.uid
	return nil
}

// setGroups retries, as setID does.
func setGroups(groups []uint32) (e unix.Errno) {
	var list unsafe.Pointer
	if len(groups) > 0 {
		list = unsafe.Pointer(&groups[0])
	}
	for range 3 {
		if _, _, e = unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(list), 0); e != unix.ENOMEM {
			break
		}
	}
	return e
}

// setID retries: the host may lack memory for a moment.
func setID(nr uintptr, id uint32) bool {
	for range 3 {
		unix.RawSyscall(nr, uintptr(id), 0, 0)
		if now, _, _ := unix.RawSyscall(nr, ^uintptr(0), 0, 0); uint32(now) == id {
			return true
		}
	}
	return false
}

// deathSignal is the signal that a thread gets when its parent dies, which Linux
// forgets when ids change: toaster itself may have been started with one.
type deathSignal struct {
	sig    int
	parent int
}

func parentDeath() (d deathSignal) {
	var sig int32
	unix.RawSyscall(unix.SYS_PRCTL, unix.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&sig)), 0)
	if sig != 0 {
		d = deathSignal{int(sig), unix.Getppid()}
	}
	return d
}

// restore asks for the signal again, and sends it if the parent died meanwhile.
func (d deathSignal) restore() {
	if d.sig == 0 {
		return
	}
	unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(d.sig), 0)
	if unix.Getppid() != d.parent {
		unix.Kill(unix.Getpid(), unix.Signal(d.sig))
	}
}
