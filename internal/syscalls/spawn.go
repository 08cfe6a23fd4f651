package syscalls

import (
	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// posixSpawn is posix_spawn(pid_t *pid, const char *path, const struct
// posix_spawn_file_actions *, const struct posix_spawnattr *, char *const argv[], char
// *const envp[]). The call itself never fails: its result is 0 or an errno.
//
// As in NetBSD the parent is told what is wrong with the program, but of the child's
// own troubles only if the attributes have POSIX_SPAWN_RETURNERROR or SETPGROUP;
// otherwise the child's status is 127.
func posixSpawn(c *Call) netbsd.Errno { return c.ok(uint64(doPosixSpawn(c))) }

// The order is sys_posix_spawn's: what is wrong with the lists is told before what is wrong with the program.
func doPosixSpawn(c *Call) netbsd.Errno {
	if errno := c.L.MaySpawn(); errno != 0 {
		return errno
	}
	list, errno := c.spawnActions(c.Ptr(2))
	if errno != 0 {
		return errno
	}
	var a kern.PosixSpawnArgs
	if errno := c.spawnAttr(c.Ptr(3), &a); errno != 0 {
		return errno
	}
	if list != nil {
		a.Actions = func(l *kern.LWP) netbsd.Errno { return runSpawnActions(l, list) }
	}
	x, errno := c.execArgs(1, 4, 5)
	if errno != 0 {
		return errno
	}
	child, errno := c.K.Spawn(c, x, a)
	if errno != 0 || c.Ptr(0) == 0 {
		return errno
	}
	b := c.out(4)
	putLE32(b, uint32(child.Pid()))
	return c.copyout(c.Ptr(0), b)
}

// spawnAttr reads the attributes; a null pointer is none.
func (c *Call) spawnAttr(addr uint64, a *kern.PosixSpawnArgs) netbsd.Errno {
	a.Early = true
	if addr == 0 {
		return 0
	}
	b, errno := c.in(addr, netbsd.SizeofSpawnAttr)
	if errno != 0 {
		return errno
	}
	sa := netbsd.DecodeSpawnAttr(b)
	a.Early = sa.Flags&(netbsd.POSIX_SPAWN_RETURNERROR|netbsd.POSIX_SPAWN_SETPGROUP) == 0
	a.Setpgroup = sa.Flags&netbsd.POSIX_SPAWN_SETPGROUP != 0
	a.Pgroup = int(sa.Pgroup)
	switch {
	case sa.Flags&netbsd.POSIX_SPAWN_SETSCHEDULER != 0:
		a.Sched = &kern.SpawnSched{Policy: int(sa.Policy), Priority: int(sa.Priority)}
	case sa.Flags&netbsd.POSIX_SPAWN_SETSCHEDPARAM != 0:
		a.Sched = &kern.SpawnSched{Policy: netbsd.SCHED_NONE, Priority: int(sa.Priority)}
	}
	a.ResetIDs = sa.Flags&netbsd.POSIX_SPAWN_RESETIDS != 0
	if sa.Flags&netbsd.POSIX_SPAWN_SETSIGMASK != 0 {
		a.Sigmask = &sa.Mask
	}
	if sa.Flags&netbsd.POSIX_SPAWN_SETSIGDEF != 0 {
		a.Sigdefault = sa.DefaultSigs
	}
	return 0
}

// A spawnAction is a file action with its path copied in.
type spawnAction struct {
	netbsd.SpawnFileAction
	name string
}

// spawnActionsMax bounds the list beside RLIMIT_NOFILE, in the place of kern.maxfiles: each action may have a path.
const spawnActionsMax = 1 << 13

// spawnActions reads the file actions, all of them before the first path (posix_spawn_fa_alloc). EINVAL: more than two for each descriptor
// that there can be.
func (c *Call) spawnActions(addr uint64) ([]spawnAction, netbsd.Errno) {
	if addr == 0 {
		return nil, 0
	}
	b, errno := c.in(addr, netbsd.SizeofSpawnFileActions)
	if errno != 0 {
		return nil, errno
	}
	fa := netbsd.DecodeSpawnFileActions(b)
	if uint64(fa.Len) > min(2*min(c.nofile(), file.MaxOpenFiles), spawnActionsMax) {
		return nil, netbsd.EINVAL
	}
	const size = netbsd.SizeofSpawnFileAction
	b = make([]byte, int(fa.Len)*size)
	if errno = c.Space.Read(fa.Addr, b); errno != 0 {
		return nil, errno
	}
	list := make([]spawnAction, fa.Len)
	for i := range list {
		list[i].SpawnFileAction = netbsd.DecodeSpawnFileAction(b[i*size:][:size])
	}
	for i := range list {
		switch list[i].Action {
		case netbsd.FAE_OPEN, netbsd.FAE_CHDIR:
			if list[i].name, errno = c.Space.ReadString(list[i].Path, netbsd.PATH_MAX); errno != 0 {
				return nil, errno
			}
		}
	}
	return list, 0
}

// runSpawnActions carries them out as the child, up to the first that fails.
func runSpawnActions(l *kern.LWP, list []spawnAction) netbsd.Errno {
	v := View(l)
	limit, _ := l.Proc().Rlimit(netbsd.RLIMIT_NOFILE)
	for i := range list {
		a, fd := &list[i], int(list[i].Fd)
		errno := netbsd.Errno(0)
		switch a.Action {
		case netbsd.FAE_OPEN:
			errno = spawnOpen(l, a, limit.Cur)
		case netbsd.FAE_DUP2:
			errno = v.Files.Dup2(fd, int(a.NewFd), limit.Cur, 0)
		case netbsd.FAE_CLOSE:
			// POSIX has one that is closed already be none of the failures; nor is what can be none.
			if errno = v.Files.CloseFD(fd); !l.Proc().Machine().Release().SpawnOld() {
				errno = 0
			}
		case netbsd.FAE_CHDIR:
			errno = v.Chdir(a.name)
		case netbsd.FAE_FCHDIR:
			errno = v.Fchdir(fd)
		}
		if errno != 0 {
			return errno
		}
	}
	return 0
}

// spawnOpen opens a file as descriptor a.Fd, whatever that was before.
func spawnOpen(l *kern.LWP, a *spawnAction, limit uint64) netbsd.Errno {
	v := View(l)
	fd := int(a.Fd)
	v.Files.CloseFD(fd)
	d, errno := v.Open(netbsd.AT_FDCWD, a.name, int(a.Oflag), a.Mode)
	if errno != 0 {
		return errno
	}
	var flags file.FDFlags
	if a.Oflag&netbsd.O_CLOEXEC != 0 {
		flags = file.CloseOnExec
	}
	got, errno := v.Files.Install(d, 0, limit, flags)
	if errno != 0 {
		d.Release()
		return errno
	}
	if got == fd {
		return 0
	}
	errno = v.Files.Dup2(got, fd, limit, 0)
	v.Files.CloseFD(got)
	return errno
}
