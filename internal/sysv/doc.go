// Package sysv is System V IPC: semaphores, messages and shared memory (sysv_sem.c,
// sysv_msg.c, sysv_shm.c of NetBSD). All of it belongs to a machine and outlives the
// processes that made it. How much there is of each is bounded by NetBSD's own limits, as
// GENERIC has them, so that no guest can have the kernel remember more.
//
// What goes with a process: its undo entries (semaphores that it has changed with SEM_UNDO go
// back when it ends), and with an address space what is attached to it (Map). What a sleeper
// holds, a count of waiters or a queue that is locked for it, goes with the sleep.
//
// Each of the three has one lock, which nothing is called with but file.Queue's Notify and,
// for memory, Memory.Free.
package sysv

import (
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// IPC is what one machine has of System V IPC.
type IPC struct {
	Sem Semaphores
	Msg Messages
	Shm Shared
}

// Config says how a machine's IPC is set up.
type Config struct {
	// PhysMem is how much memory the machine is said to have: a quarter of it can be shared.
	PhysMem uint64
	// NewMemory makes size bytes of memory, whole pages of zeroes, that can be mapped. ENOMEM.
	NewMemory func(size uint64) (Memory, netbsd.Errno)
}

// Memory is what a shared segment consists of. Free is called once; what is mapped of it then
// stays until it is unmapped.
type Memory interface{ Free() }

// New returns a machine's IPC, in which there is nothing.
func New(cfg Config) *IPC {
	i := &IPC{}
	i.Shm.init(cfg)
	return i
}

// Close frees the memory of all segments. Nobody uses them any more.
func (i *IPC) Close() { i.Shm.close() }

// Caller is on whose behalf a call runs.
type Caller struct {
	L    file.Sleeper
	P    *kern.Proc
	Cred *kern.Cred
}

func (c *Caller) pid() int32 { return int32(c.P.Pid()) }

// may is ipcperm: EACCES, or EPERM where it is IPC_M. The superuser may do everything. Of the
// creator and the owner the owner's bits decide, even where the group's allow more.
func (c *Caller) may(p *netbsd.IPCPerm, mode uint32) netbsd.Errno {
	owner := c.Cred.EUID == p.UID || c.Cred.EUID == p.CUID
	if c.Cred.IsRoot() || mode == netbsd.IPC_M && owner {
		return 0
	}
	if mode == netbsd.IPC_M {
		return netbsd.EPERM
	}
	want := mode & (netbsd.IPC_R | netbsd.IPC_W)
	switch {
	case owner:
	case c.Cred.InGroup(p.GID) || c.Cred.InGroup(p.CGID):
		want >>= 3
	default:
		want >>= 6
	}
	if p.Mode&want != want {
		return netbsd.EACCES
	}
	return 0
}

// own makes the caller the creator and the owner.
func (c *Caller) own(p *netbsd.IPCPerm, key int64, mode uint32) {
	p.UID, p.CUID = c.Cred.EUID, c.Cred.EUID
	p.GID, p.CGID = c.Cred.EGID, c.Cred.EGID
	p.Mode, p.Key = mode, key
}

// set is what IPC_SET does.
func set(p *netbsd.IPCPerm, to *netbsd.IPCPerm) {
	p.UID, p.GID = to.UID, to.GID
	p.Mode = p.Mode&^netbsd.IPC_PERMS | to.Mode&netbsd.IPC_PERMS
}

// idOf is IXSEQ_TO_IPCID: the place in the table, and how often that was used before, so that
// an old id is not taken for a new one.
func idOf(ix int, p *netbsd.IPCPerm) int { return int(int32(uint32(p.Seq)<<16 | uint32(ix))) }

// split is the reverse of idOf. Any number is allowed.
func split(id int) (ix int, seq uint16) { return id & 0xffff, uint16(id >> 16) }

// exclusive says whether flags ask for something that is not there yet.
func exclusive(flags int) bool {
	const both = netbsd.IPC_CREAT | netbsd.IPC_EXCL
	return flags&both == both
}

func now() int64 { return time.Now().Unix() }

// sleepers is a file.Queue as file.BlockUntil wants it.
type sleepers struct{ file.Queue }

func (s *sleepers) Watch(w *file.Waiter)   { s.Add(w) }
func (s *sleepers) Unwatch(w *file.Waiter) { s.Remove(w) }

// wake has all of them look again (cv_broadcast).
func (s *sleepers) wake() { s.Notify(file.In) }

// sleep repeats try until that has come to an end. EINTR: a signal came first, whatever its
// action says of restarts, as the calls of IPC have it. EAGAIN: the deadline passed.
func (s *sleepers) sleep(l file.Sleeper, deadline time.Time, try func() (done bool)) netbsd.Errno {
	_, errno := file.BlockUntil(file.Call{L: l}, s, file.In, deadline, func() (int, netbsd.Errno) {
		if try() {
			return 0, 0
		}
		return 0, netbsd.EAGAIN
	})
	if errno == netbsd.ERESTART {
		errno = netbsd.EINTR
	}
	return errno
}
