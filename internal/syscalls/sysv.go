package syscalls

import (
	"encoding/binary"
	"time"

	"toaster/internal/sysv"
	"toaster/netbsd"
)

// This file serves System V IPC: decode, call sysv, encode. The three control calls come in
// three forms each, which differ in the structure that they take (netbsd.IPCForm).

// ipcCaller is on whose behalf a call of IPC runs.
func (c *Call) ipcCaller() sysv.Caller {
	p := c.L.Proc()
	return sysv.Caller{L: c.L, P: p, Cred: p.Cred()}
}

// okID stores an id of IPC, an int that may be negative.
func (c *Call) okID(id int, errno netbsd.Errno) netbsd.Errno {
	if errno != 0 {
		return errno
	}
	return c.ok(uint64(id))
}

// semget is semget(key_t key, int nsems, int semflg). ENOENT, EEXIST, EACCES, EINVAL, ENOSPC. Of the key, a long, sys_semget takes an int.
func semget(c *Call) netbsd.Errno {
	return c.okID(c.K.SysV.Sem.Get(c.ipcCaller(), int64(c.Int(0)), c.Int(1), c.Int(2)))
}

// semop is semop(int semid, struct sembuf *sops, size_t nsops). E2BIG, EFAULT, EINVAL, EACCES,
// EFBIG, EAGAIN, EINTR, EIDRM, ENOSPC.
func semop(c *Call) netbsd.Errno {
	ops, errno := c.sembufs()
	if errno != 0 {
		return errno
	}
	return c.K.SysV.Sem.Op(c.ipcCaller(), c.Int(0), ops, time.Time{})
}

// semtimedop is semtimedop(int semid, struct sembuf *sops, size_t nsops, struct timespec *timeout): semop(2) that waits for so
// long at most, and then is EAGAIN. A null timeout is none. EINVAL: a time that is none. ETIMEDOUT: no time at all, which
// do_semop1 looks at before all else but the range of semid, whether the operations would have to wait or not.
func semtimedop(c *Call) netbsd.Errno {
	ops, errno := c.sembufs()
	if errno != 0 {
		return errno
	}
	deadline, nowait, errno := c.timeout(c.Ptr(3))
	switch {
	case errno != 0:
		return errno
	case nowait && c.K.SysV.Sem.InRange(c.Int(0)):
		return netbsd.ETIMEDOUT
	}
	return c.K.SysV.Sem.Op(c.ipcCaller(), c.Int(0), ops, deadline)
}

// sembufs reads the operations of semop(2). E2BIG, EFAULT.
func (c *Call) sembufs() ([]netbsd.Sembuf, netbsd.Errno) {
	n := c.Ptr(2)
	if n > sysv.SEMOPM {
		return nil, netbsd.E2BIG
	}
	b := make([]byte, n*netbsd.SizeofSembuf)
	if errno := c.Space.Read(c.Ptr(1), b); errno != 0 {
		return nil, errno
	}
	ops := make([]netbsd.Sembuf, n)
	for i := range ops {
		ops[i] = netbsd.DecodeSembuf(b[i*netbsd.SizeofSembuf:])
	}
	return ops, 0
}

// semconfig is semconfig(int flag), which does nothing (sys_semconfig).
func semconfig(*Call) netbsd.Errno { return 0 }

// A control is what IPC_SET and IPC_STAT of one of the three do, with a structure D.
type control[D interface {
	Size(netbsd.IPCForm) int
	Encode([]byte, netbsd.IPCForm)
}] struct {
	decode func([]byte, netbsd.IPCForm) D
	set    func(sysv.Caller, int, D) netbsd.Errno
	stat   func(sysv.Caller, int) (D, netbsd.Errno)
}

// do serves cmd with the structure at addr. EINVAL for another command. The structure is read
// before the id is looked at, as sys___msgctl50 does.
func (k control[D]) do(c *Call, f netbsd.IPCForm, id, cmd int, addr uint64) netbsd.Errno {
	var d D
	b := c.out(d.Size(f))
	switch cmd {
	case netbsd.IPC_SET:
		if errno := c.Space.Read(addr, b); errno != 0 {
			return errno
		}
		return k.set(c.ipcCaller(), id, k.decode(b, f))
	case netbsd.IPC_STAT:
		d, errno := k.stat(c.ipcCaller(), id)
		if errno != 0 {
			return errno
		}
		d.Encode(b, f)
		return c.copyout(addr, b)
	}
	return netbsd.EINVAL
}

// semctl is ____semctl50(int semid, int semnum, int cmd, union __semun *arg), semctl13 and
// semctl14 its forms of before. EINVAL, EACCES, EPERM, ERANGE, EFAULT.
func semctl(c *Call) netbsd.Errno   { return c.semctl(netbsd.IPC50) }
func semctl13(c *Call) netbsd.Errno { return c.semctl(netbsd.IPC13) }
func semctl14(c *Call) netbsd.Errno { return c.semctl(netbsd.IPC14) }

func (c *Call) semctl(f netbsd.IPCForm) netbsd.Errno {
	sem, id, num, cmd := &c.K.SysV.Sem, c.Int(0), c.Int(1), c.Int(2)
	switch cmd {
	case netbsd.IPC_RMID:
		return sem.Remove(c.ipcCaller(), id)
	case netbsd.GETVAL, netbsd.GETPID, netbsd.GETNCNT, netbsd.GETZCNT:
		return c.okID(sem.Ask(c.ipcCaller(), id, num, cmd))
	case netbsd.IPC_SET, netbsd.IPC_STAT, netbsd.SETVAL, netbsd.GETALL, netbsd.SETALL:
	default:
		return netbsd.EINVAL
	}
	b, errno := c.in(c.Ptr(3), 8) // union __semun: a pointer, or an int
	if errno != 0 {
		return errno
	}
	arg := le64(b)
	switch cmd {
	case netbsd.SETVAL:
		return sem.SetVal(c.ipcCaller(), id, num, uint32(arg))
	case netbsd.GETALL:
		return c.semGetAll(id, arg)
	case netbsd.SETALL:
		return c.semSetAll(id, arg)
	}
	return control[netbsd.SemidDS]{netbsd.DecodeSemidDS, sem.Set, sem.Stat}.do(c, f, id, cmd, arg)
}

func (c *Call) semGetAll(id int, addr uint64) netbsd.Errno {
	list, errno := c.K.SysV.Sem.All(c.ipcCaller(), id)
	if errno != 0 {
		return errno
	}
	var b []byte
	for _, v := range list {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return c.copyout(addr, b)
}

// semSetAll reads the values one by one: those before an address that is none are set.
func (c *Call) semSetAll(id int, addr uint64) netbsd.Errno {
	n, errno := c.K.SysV.Sem.Len(c.ipcCaller(), id)
	if errno != 0 {
		return errno
	}
	list := make([]uint16, 0, n)
	for len(list) < n && errno == 0 {
		var b []byte
		if b, errno = c.in(addr+uint64(2*len(list)), 2); errno == 0 {
			list = append(list, binary.LittleEndian.Uint16(b))
		}
	}
	if e := c.K.SysV.Sem.SetAll(c.ipcCaller(), id, list); e != 0 {
		return e
	}
	return errno
}

// msgget is msgget(key_t key, int msgflg). ENOENT, EEXIST, EACCES, ENOSPC. Of the key, a long, sys_msgget takes an int.
func msgget(c *Call) netbsd.Errno {
	return c.okID(c.K.SysV.Msg.Get(c.ipcCaller(), int64(c.Int(0)), c.Int(1)))
}

// msgctl is __msgctl50(int msqid, int cmd, struct msqid_ds *buf), msgctl13 and msgctl14 its
// forms of before. EINVAL, EACCES, EPERM, EFAULT.
func msgctl(c *Call) netbsd.Errno   { return c.msgctl(netbsd.IPC50) }
func msgctl13(c *Call) netbsd.Errno { return c.msgctl(netbsd.IPC13) }
func msgctl14(c *Call) netbsd.Errno { return c.msgctl(netbsd.IPC14) }

func (c *Call) msgctl(f netbsd.IPCForm) netbsd.Errno {
	msg := &c.K.SysV.Msg
	if c.Int(1) == netbsd.IPC_RMID {
		return msg.Remove(c.ipcCaller(), c.Int(0))
	}
	return control[netbsd.MsqidDS]{netbsd.DecodeMsqidDS, msg.Set, msg.Stat}.do(c, f, c.Int(0), c.Int(1), c.Ptr(2))
}

// msgsnd is msgsnd(int msqid, const void *msgp, size_t msgsz, int msgflg); msgp leads to a long,
// the type, and the bytes. EINVAL, EACCES, EAGAIN, EINTR, EIDRM, EFAULT.
func msgsnd(c *Call) netbsd.Errno {
	return c.K.SysV.Msg.Send(c.ipcCaller(), c.Int(0), c.Ptr(2), c.Int(3), func(size int) (int64, []byte, netbsd.Errno) {
		b := make([]byte, 8+size)
		errno := c.Space.Read(c.Ptr(1), b)
		if errno != 0 && c.Space.Read(c.Ptr(1), b[:8]) != 0 {
			return 1, nil, errno
		}
		return int64(le64(b)), b[8:], errno
	})
}

// msgrcv is msgrcv(int msqid, void *msgp, size_t msgsz, long msgtyp, int msgflg). E2BIG, ENOMSG,
// EINVAL, EACCES, EINTR, EIDRM. EFAULT: the message is lost.
func msgrcv(c *Call) netbsd.Errno {
	typ, body, errno := c.K.SysV.Msg.Receive(c.ipcCaller(), c.Int(0), c.Ptr(2), c.Long(3), c.Int(4))
	if errno != 0 {
		return errno
	}
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, 8+len(body)), uint64(typ))
	if errno := c.copyout(c.Ptr(1), append(b, body...)); errno != 0 {
		return errno
	}
	return c.ok(uint64(len(body)))
}

// shmget is shmget(key_t key, size_t size, int shmflg). ENOENT, EEXIST, EACCES, EINVAL, ENOSPC,
// ENOMEM.
func shmget(c *Call) netbsd.Errno {
	return c.okID(c.K.SysV.Shm.Get(c.ipcCaller(), c.Long(0), c.Ptr(1), c.Int(2)))
}

// shmat is shmat(int shmid, const void *shmaddr, int shmflg). EINVAL, EACCES, EMFILE. ENOMEM: no
// room, or something is mapped at shmaddr, or that is in the first page.
func shmat(c *Call) netbsd.Errno {
	shm, at, flags := &c.K.SysV.Shm, c.Space.Attached(), c.Int(2)
	a, addr, errno := shm.Attach(c.ipcCaller(), at, c.Int(0), c.Ptr(1), flags)
	if errno != 0 {
		return errno
	}
	if addr == 0 && c.Ptr(1) != 0 { // where nothing can be mapped
		shm.Failed(at, a)
		return netbsd.ENOMEM
	}
	prot := netbsd.PROT_READ | netbsd.PROT_WRITE
	if flags&netbsd.SHM_RDONLY != 0 {
		prot = netbsd.PROT_READ
	}
	if addr, errno = c.Space.MapShared(c, SharedArgs{Memory: a.Memory(), Addr: addr, Len: a.Size(), Prot: prot}); errno != 0 {
		shm.Failed(at, a)
		return errno
	}
	shm.Attached(a, addr)
	return c.ok(addr)
}

// shmdt is shmdt(const void *shmaddr). EINVAL: nothing is attached there. What the program has
// unmapped of it by itself is no error (uvm_deallocate).
func shmdt(c *Call) netbsd.Errno {
	size, errno := c.K.SysV.Shm.Detach(c.Space.Attached(), c.Ptr(0))
	if errno == 0 {
		c.Space.Munmap(c, c.Ptr(0), size)
	}
	return errno
}

// shmctl is __shmctl50(int shmid, int cmd, struct shmid_ds *buf), shmctl13 and shmctl14 its
// forms of before. EINVAL, EACCES, EPERM, EFAULT.
func shmctl(c *Call) netbsd.Errno   { return c.shmctl(netbsd.IPC50) }
func shmctl13(c *Call) netbsd.Errno { return c.shmctl(netbsd.IPC13) }
func shmctl14(c *Call) netbsd.Errno { return c.shmctl(netbsd.IPC14) }

func (c *Call) shmctl(f netbsd.IPCForm) netbsd.Errno {
	shm, id, cmd := &c.K.SysV.Shm, c.Int(0), c.Int(1)
	switch cmd {
	case netbsd.IPC_RMID:
		return shm.Remove(c.ipcCaller(), id)
	case netbsd.SHM_LOCK, netbsd.SHM_UNLOCK:
		return shm.Lock(c.ipcCaller(), id, cmd == netbsd.SHM_LOCK)
	}
	return control[netbsd.ShmidDS]{netbsd.DecodeShmidDS, shm.Set, shm.Stat}.do(c, f, id, cmd, c.Ptr(2))
}

// ipcNodes are those of kern.ipc. The numbers from ctlCreateBase on are made up by the kernel,
// in this order (CTL_CREATE).
func ipcNodes() []sysctlNode {
	return []sysctlNode{
		{num: netbsd.KERN_SYSVIPC_INFO, name: "sysvipc_info", kind: netbsd.CTLTYPE_STRUCT, below: true, value: sysvipcInfo},
		sysctlInt(netbsd.KERN_SYSVIPC_MSG, "sysvmsg", fixedInt(1)),
		sysctlInt(netbsd.KERN_SYSVIPC_SEM, "sysvsem", fixedInt(1)),
		sysctlInt(netbsd.KERN_SYSVIPC_SHM, "sysvshm", fixedInt(1)),
		shmMaxNode(netbsd.KERN_SYSVIPC_SHMMAX),
		held(netbsd.KERN_SYSVIPC_SHMMNI, "shmmni", func(i *sysv.IPC) int { _, n, _ := i.Shm.Limits(); return n },
			func(i *sysv.IPC, n int) netbsd.Errno { return i.Shm.SetSegments(n) }).says("Maximum number of segments"),
		held(netbsd.KERN_SYSVIPC_SHMSEG, "shmseg", func(i *sysv.IPC) int { _, _, n := i.Shm.Limits(); return n },
			func(i *sysv.IPC, n int) netbsd.Errno { i.Shm.SetPerMap(n); return 0 }).says("Segments of a process"),
		held(netbsd.KERN_SYSVIPC_SHMMAXPGS, "shmmaxpgs", func(i *sysv.IPC) int { b, _, _ := i.Shm.Limits(); return int(clampInt32(b / netbsd.PageSize)) },
			func(i *sysv.IPC, n int) netbsd.Errno { return i.Shm.SetMax(uint64(uint32(n)) * netbsd.PageSize) }).says("Pages of all segments"),
		settable(netbsd.KERN_SYSVIPC_SHMUSEPHYS, "shm_use_phys", 0, "Whether segments are locked in memory"),
		held(ctlCreateBase, "msgmni", func(i *sysv.IPC) int { n, _ := i.Msg.Limits(); return n },
			func(i *sysv.IPC, n int) netbsd.Errno { return i.Msg.SetQueues(n) }).says("Maximum number of queues"),
		held(ctlCreateBase+1, "msgseg", func(i *sysv.IPC) int { _, n := i.Msg.Limits(); return n },
			func(i *sysv.IPC, n int) netbsd.Errno { return i.Msg.SetSegments(n) }).says("Parts of all messages"),
		held(ctlCreateBase+2, "semmni", func(i *sysv.IPC) int { n, _, _ := i.Sem.Limits(); return n },
			func(i *sysv.IPC, n int) netbsd.Errno { return i.Sem.SetSets(n) }).says("Maximum number of sets"),
		held(ctlCreateBase+3, "semmns", func(i *sysv.IPC) int { _, n, _ := i.Sem.Limits(); return n },
			func(i *sysv.IPC, n int) netbsd.Errno { return i.Sem.SetSems(n) }).says("Maximum number of semaphores"),
		held(ctlCreateBase+4, "semmnu", func(i *sysv.IPC) int { _, _, n := i.Sem.Limits(); return n },
			func(i *sysv.IPC, n int) netbsd.Errno { return i.Sem.SetUndos(n) }).says("Processes whose operations are undone"),
	}
}

// held is an int that the machine's System V IPC goes by.
func held(num int32, name string, get func(*sysv.IPC) int, set func(*sysv.IPC, int) netbsd.Errno) sysctlNode {
	n := sysctlInt(num, name, func(c *Call) int32 { return int32(get(c.K.SysV)) })
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		return set(c.K.SysV, int(int32(le32(b))))
	}
	return n
}

func shmMaxNode(num int32) sysctlNode {
	n := sysctlQuad(num, "shmmax", func(c *Call) uint64 { b, _, _ := c.K.SysV.Shm.Limits(); return b }).says("Bytes of a segment")
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 8 {
			return netbsd.EINVAL
		}
		return c.K.SysV.Shm.SetMax(le64(b))
	}
	return n
}

// sysvipcInfo is kern.ipc.sysvipc_info.WHAT: limits, and what there is. EINVAL. The limits alone
// where there is room for no more; else the table begins at a multiple of 8.
func sysvipcInfo(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno) {
	if len(rest) != 1 {
		return nil, netbsd.EINVAL
	}
	limits, table, errno := c.K.SysV.Info(int(rest[0]))
	if errno != 0 || c.Ptr(2) != 0 && oldlen <= uint64(len(limits)) {
		return limits, errno
	}
	limits = append(limits, make([]byte, -len(limits)&7)...)
	return append(limits, table...), 0
}
