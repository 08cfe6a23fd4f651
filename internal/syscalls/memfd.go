package syscalls

import (
	"toaster/internal/file"
	"toaster/internal/kqueue"
	"toaster/netbsd"
)

// memfdMaxName is how long a name may be with its NUL: NAME_MAX+1 bytes, less the prefix "memfd:" and its own NUL.
const memfdMaxName = 512 - 7

// memfdCreate is memfd_create(const char *name, unsigned int flags). EINVAL: unknown flags. EFAULT, ENAMETOOLONG: of the name.
// EMFILE, ENFILE.
func memfdCreate(c *Call) netbsd.Errno {
	flags := c.Int(1)
	if flags&^(netbsd.MFD_CLOEXEC|netbsd.MFD_ALLOW_SEALING|netbsd.MFD_CLOFORK) != 0 {
		return netbsd.EINVAL
	}
	name, errno := c.Space.ReadString(c.Ptr(0), memfdMaxName)
	if errno != 0 {
		return errno
	}
	mem, errno := c.K.NewMemory()
	if errno != 0 {
		return errno
	}
	fl := c.closeOnFork(flags&netbsd.MFD_CLOFORK != 0)
	if flags&netbsd.MFD_CLOEXEC != 0 {
		fl |= file.CloseOnExec
	}
	return c.install(file.NewMemfd(mem, name, flags&netbsd.MFD_ALLOW_SEALING != 0, c.owner()), fl)
}

// sealing is F_ADD_SEALS and F_GET_SEALS of fcntl(2). EINVAL where the release has none. EOPNOTSUPP: no memfd; ENOTTY: a kqueue.
func (c *Call) sealing(d *file.Description, arg int) netbsd.Errno {
	f, ok := d.File.(*file.Memfd)
	switch {
	case !c.has(netbsd.SYS_memfd_create):
		return netbsd.EINVAL
	case !ok:
		if _, is := d.File.(*kqueue.Queue); is {
			return netbsd.ENOTTY
		}
		return netbsd.EOPNOTSUPP
	case c.Int(1) == netbsd.F_GET_SEALS:
		return c.ok(uint64(f.Seals()))
	}
	return f.AddSeals(arg)
}
