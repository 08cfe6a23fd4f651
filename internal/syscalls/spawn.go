package syscalls

import (
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

func doPosixSpawn(c *Call) netbsd.Errno {
	x, e := c.execArgs(1, 4, 5)
	if e != 0 {
		return e
	}
	var a kern.PosixSpawnArgs
	if e := c.spawnAttr(c.Ptr(3), &a); e != 0 {
		return e
	}
	list, e := c.spawnActions(c.Ptr(2))
	if e != 0 {
		return e
	}
	if list != nil {
		a.Actions = func(l *kern.LWP) netbsd.Errno { return runSpawnActions(l, list) }
	}
	child, e := c.K.Spawn(c, x, a)
	if e != 0 || c.Ptr(0) == 0 {
		return e
	}
	b := c.out(4)
	putLE32(b, uint32(child.Pid()))
	return c.copyout(c.Ptr(0), b)
}

// spawnAttr reads the attributes; a null pointer is none. Scheduling parameters are
// not ours to set and are ignored.
func (c *Call) spawnAttr(addr uint64, a *kern.PosixSpawnArgs) netbsd.Errno {
	a.Early = true
	if addr == 0 {
		return 0
	}
	b, e := c.in(addr, netbsd.SizeofSpawnAttr)
	if e != 0 {
		return e
	}
	sa := netbsd.DecodeSpawnAttr(b)
	a.Early = sa.Flags&(netbsd.POSIX_SPAWN_RETURNERROR|netbsd.POSIX_SPAWN_SETPGROUP) == 0
	a.Setpgroup = sa.Flags&netbsd.POSIX_SPAWN_SETPGROUP != 0
	a.Pgroup = int(sa.Pgroup)
	a.ResetIDs = sa.Flags&netbsd.POSIX_SPAWN_RESETIDS != 0
	if sa.Flags&netbsd.POSIX_SPAWN_SETSIGMASK != 0 {
		a.Sigmask = &sa.Mask
	}
	if sa.Flags&netbsd.POSIX_SPAWN_SETSIGDEF != 0 {
		a.Sigdefault = sa.DefaultSigs
	}
	return 0
}

// A spawnAction is a file action with its path in our memory.
type spawnAction struct {
	netbsd.SpawnFileAction
	name string
}

// spawnActionsMax bounds the list beside RLIMIT_NOFILE (maxfiles).
const spawnActionsMax = 1 << 12

// spawnActions reads the file actions. EINVAL: more than there can be descriptors.
func (c *Call) spawnActions(addr uint64) ([]spawnAction, netbsd.Errno) {
	if addr == 0 {
		return nil, 0
	}
	b, e := c.in(addr, netbsd.SizeofSpawnFileActions)
	if e != 0 {
		return nil, e
	}
	fa := netbsd.DecodeSpawnFileActions(b)
	if uint64(fa.Len) > min(c.nofile(), spawnActionsMax) {
		return nil, netbsd.EINVAL
	}
	list := make([]spawnAction, fa.Len)
	for i := range list {
		b, e := c.in(fa.Addr+uint64(i)*netbsd.SizeofSpawnFileAction, netbsd.SizeofSpawnFileAction)
		if e != 0 {
			return nil, e
		}
		list[i].SpawnFileAction = netbsd.DecodeSpawnFileAction(b)
		switch list[i].Action {
		case netbsd.FAE_OPEN, netbsd.FAE_CHDIR:
			if list[i].name, e = c.Space.ReadString(list[i].Path, pathMax); e != 0 {
				return nil, e
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
		e := netbsd.Errno(0)
		switch a.Action {
		case netbsd.FAE_OPEN:
			e = spawnOpen(l, a, limit.Cur)
		case netbsd.FAE_DUP2:
			e = v.Files.Dup2(fd, int(a.NewFd), limit.Cur, false)
		case netbsd.FAE_CLOSE:
			e = v.Files.CloseFD(fd)
		case netbsd.FAE_CHDIR:
			e = v.Chdir(a.name)
		case netbsd.FAE_FCHDIR:
			e = v.Fchdir(fd)
		}
		if e != 0 {
			return e
		}
	}
	return 0
}

// spawnOpen opens a file as descriptor a.Fd, whatever that was before.
func spawnOpen(l *kern.LWP, a *spawnAction, limit uint64) netbsd.Errno {
	v := View(l)
	fd := int(a.Fd)
	v.Files.CloseFD(fd)
	d, e := v.Open(netbsd.AT_FDCWD, a.name, int(a.Oflag), a.Mode)
	if e != 0 {
		return e
	}
	cloexec := a.Oflag&netbsd.O_CLOEXEC != 0
	got, e := v.Files.Install(d, 0, limit, cloexec)
	if e != 0 {
		d.Release()
		return e
	}
	if got == fd {
		return 0
	}
	e = v.Files.Dup2(got, fd, limit, false)
	v.Files.CloseFD(got)
	return e
}
