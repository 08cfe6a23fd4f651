package syscalls

import (
	"encoding/binary"
	"time"

	"toaster/internal/file"
	"toaster/netbsd"
)

// This file has the calls under sem_init(3) and sem_open(3), as uipc_sem.c serves them. A
// semaphore is known by a descriptor, or by an id of all processes (KSEM_PSHARED_MARKER).

// semUser is the caller as semaphores know it.
func (c *Call) semUser() file.SemUser {
	cred := c.cred()
	return file.SemUser{UID: cred.EUID, GID: cred.EGID, Root: cred.IsRoot()}
}

func (c *Call) sems() *file.Sems { return c.files().Machine().Sems() }

// onSem is ksem_get: it calls f with the semaphore that argument 0 names. EINVAL: none. A
// descriptor that another LWP closes meanwhile stays open for as long.
func (c *Call) onSem(f func(*file.Sem) netbsd.Errno) netbsd.Errno {
	id := c.Long(0)
	if id&netbsd.KSEM_MARKER_MASK == netbsd.KSEM_PSHARED_MARKER {
		if k := c.sems().Shared(uint32(id)); k != nil && id>>32 == 0 {
			return f(k)
		}
		return netbsd.EINVAL
	}
	d, k := c.openSem(id)
	if k == nil {
		return netbsd.EINVAL
	}
	defer d.Release()
	return f(k)
}

// openSem looks up a descriptor of a semaphore; the caller releases it unless there is none.
func (c *Call) openSem(fd int64) (*file.Description, *file.Sem) {
	if fd != int64(int32(fd)) {
		return nil, nil
	}
	d, errno := c.get(int(fd))
	if errno != 0 {
		return nil, nil
	}
	if k := file.SemOf(d); k != nil {
		return d, k
	}
	d.Release()
	return nil, nil
}

// semLimit bounds the descriptors of semaphores, as do_ksem_init does to tell them from process-shared ids.
func (c *Call) semLimit() uint64 { return min(c.nofile(), netbsd.KSEM_MARKER_MIN) }

// installSem opens k for the caller and returns its descriptor.
func (c *Call) installSem(d *file.Description) (int, netbsd.Errno) {
	fd, errno := c.files().Install(d, 0, c.semLimit(), 0)
	if errno != 0 {
		d.Release()
	}
	return fd, errno
}

// ksemInit is _ksem_init(unsigned value, intptr_t *id): a semaphore without a name. If KSEM_PSHARED
// lies at id, its id is one that all processes know. EFAULT. EMFILE. ENFILE.
func ksemInit(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(1), 8)
	if errno != 0 {
		return errno
	}
	shared := le64(b) == netbsd.KSEM_PSHARED
	if errno := c.files().Room(c.semLimit()); errno != 0 {
		return errno
	}
	k, errno := c.sems().Create(c.semUser(), c.Uint32(0))
	if errno != 0 {
		return errno
	}
	var id uint64
	if shared {
		id = uint64(k.Share(c.L.Proc()))
	}
	fd, errno := c.installSem(k.File())
	if errno != 0 {
		return errno
	}
	k.OpenAs(fd)
	if !shared {
		id = uint64(fd)
	}
	return c.outSem(fd, id, c.Ptr(1))
}

// outSem stores the id of a semaphore that has just been opened as fd, and closes it if that fails.
func (c *Call) outSem(fd int, id, at uint64) netbsd.Errno {
	b := c.out(8)
	binary.LittleEndian.PutUint64(b, id)
	errno := c.copyout(at, b)
	if errno != 0 {
		c.closeSem(fd)
	}
	return errno
}

// closeSem closes fd if that is a semaphore still.
// A sibling may have closed it and opened something else, which the caller must not lose.
func (c *Call) closeSem(fd int) netbsd.Errno {
	d, k := c.openSem(int64(fd))
	if k == nil {
		return netbsd.EBADF
	}
	defer d.Release()
	return c.files().CloseFD(fd)
}

// ksemOpen is _ksem_open(const char *name, int oflag, mode_t mode, unsigned value, intptr_t *id):
// the semaphore of a name, made if there is none and oflag has O_CREAT. EFAULT. ENAMETOOLONG.
// EINVAL: no name for a semaphore. EEXIST. EACCES. ENOENT. EMFILE. ENFILE.
func ksemOpen(c *Call) netbsd.Errno {
	name, errno := c.Space.ReadString(c.Ptr(0), netbsd.NAME_MAX)
	if errno != 0 {
		return errno
	}
	if errno := c.files().Room(c.semLimit()); errno != 0 {
		return errno
	}
	if errno := c.copyout(c.Ptr(4), c.out(8)); errno != 0 {
		return errno // do_ksem_open stores the id before it looks for the name
	}
	d, errno := c.sems().Open(c.semUser(), name, c.Int(1), c.Uint32(2), c.Uint32(3))
	if errno != 0 {
		return errno
	}
	fd, errno := c.installSem(d)
	if errno != 0 {
		return errno
	}
	return c.outSem(fd, uint64(fd), c.Ptr(4))
}

// ksemUnlink is _ksem_unlink(const char *name). EFAULT. ENAMETOOLONG. ENOENT. EACCES.
func ksemUnlink(c *Call) netbsd.Errno {
	name, errno := c.Space.ReadString(c.Ptr(0), netbsd.NAME_MAX)
	if errno != 0 {
		return errno
	}
	return c.sems().Unlink(c.semUser(), name)
}

// ksemClose is _ksem_close(intptr_t id). EINVAL: no semaphore with a name.
func ksemClose(c *Call) netbsd.Errno {
	errno := c.onSem(func(k *file.Sem) netbsd.Errno {
		if !k.Named() {
			return netbsd.EINVAL
		}
		return 0
	})
	if errno != 0 {
		return errno
	}
	return c.closeSem(c.Int(0))
}

// ksemDestroy is _ksem_destroy(intptr_t id). EINVAL: no semaphore, one with a name, or one that
// another process has made for all. EBUSY: it is waited for.
func ksemDestroy(c *Call) netbsd.Errno {
	fd := c.Int(0)
	errno := c.onSem(func(k *file.Sem) netbsd.Errno {
		own, errno := k.Destroy(c.L.Proc())
		if own >= 0 {
			fd = own
		}
		return errno
	})
	if errno != 0 {
		return errno
	}
	return c.closeSem(fd)
}

// ksemPost is _ksem_post(intptr_t id). EINVAL. EOVERFLOW: SEM_VALUE_MAX.
func ksemPost(c *Call) netbsd.Errno { return c.onSem((*file.Sem).Post) }

// ksemTrywait is _ksem_trywait(intptr_t id). EINVAL. EAGAIN: it would sleep.
func ksemTrywait(c *Call) netbsd.Errno { return c.onSem((*file.Sem).TryWait) }

// ksemWait is _ksem_wait(intptr_t id). EINVAL. EINTR.
func ksemWait(c *Call) netbsd.Errno {
	return c.onSem(func(k *file.Sem) netbsd.Errno { return k.Wait(c.L, time.Time{}) })
}

// ksemTimedwait is _ksem_timedwait(intptr_t id, const struct timespec *abstime), a time of
// CLOCK_REALTIME. EFAULT. EINVAL: no time, or no semaphore. ETIMEDOUT. EINTR.
func ksemTimedwait(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(1), netbsd.SizeofTimespec)
	if errno != 0 {
		return errno
	}
	ts := netbsd.DecodeTimespec(b)
	if ts.Sec < 0 || !ts.Valid() {
		return netbsd.EINVAL
	}
	return c.onSem(func(k *file.Sem) netbsd.Errno {
		now, _ := readClock(c, netbsd.CLOCK_REALTIME)
		errno := k.Wait(c.L, sleepDeadline(ts.Duration()-now))
		if errno == netbsd.EWOULDBLOCK {
			return netbsd.ETIMEDOUT
		}
		return errno
	})
}

// ksemGetvalue is _ksem_getvalue(intptr_t id, unsigned *value). EINVAL. EFAULT.
func ksemGetvalue(c *Call) netbsd.Errno {
	return c.onSem(func(k *file.Sem) netbsd.Errno {
		putLE32(c.scratch[:4], k.Value())
		return c.copyout(c.Ptr(1), c.scratch[:4])
	})
}
