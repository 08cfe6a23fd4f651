package sysv

import (
	"slices"
	"sync"
	"sync/atomic"

	"toaster/netbsd"
)

// Limits of shared memory (kern/sysv_ipc.c); how large a segment may be, and all of them
// together, depends on the memory there is.
const (
	SHMMIN = 1
	SHMMNI = 128 // segments
	SHMSEG = 128 // attached to an address space
)

// Shared is a machine's shared memory.
type Shared struct {
	max       uint64 // bytes of a segment, and of all, that there is memory for; never changes
	newMemory func(uint64) (Memory, netbsd.Errno)

	mu        sync.Mutex
	slots     []shmSlot // nil: SHMMNI, all free
	told      uint64    // shmmax, if the superuser has set it, or 0
	perMap    *int      // attached to an address space; nil: SHMSEG
	lastFree  int       // the place that is used next, -1 for any
	committed uint64
}

// shmSlot is a place for a segment; seq outlives the segment.
type shmSlot struct {
	seq uint16
	seg *segment
}

type segment struct {
	ix     int
	ds     netbsd.ShmidDS
	memory Memory
}

// Map is what one address space has attached. The zero value has nothing.
type Map struct {
	used atomic.Bool // something was attached once: who forks or ends looks no further without
	list []*Attachment
	refs *int // of maps that a fork has made of one and nobody has changed since; nil: there is no other. Shared.mu guards it
}

// private is shmmap_getprivate: m is about to change. mu is held.
func (m *Map) private() {
	if m.refs != nil {
		*m.refs--
		m.refs = nil
	}
}

// Attachment is a segment in an address space, or on its way there.
type Attachment struct {
	seg  *segment
	id   int
	addr uint64
	in   bool // it is mapped, at addr
}

// Memory is what is to be mapped, Size how much of it: whole pages.
func (a *Attachment) Memory() Memory { return a.seg.memory }
func (a *Attachment) Size() uint64   { return pages(a.seg.ds.Segsz) }

func pages(size uint64) uint64 { return (size + netbsd.PageSize - 1) &^ (netbsd.PageSize - 1) }

func (s *Shared) init(cfg Config) {
	s.max = max(cfg.PhysMem/4/netbsd.PageSize, 1024) * netbsd.PageSize
	s.newMemory = cfg.NewMemory
}

func (s *Shared) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.slots {
		if seg := s.slots[i].seg; seg != nil {
			s.free(seg)
		}
	}
}

// free is shm_free_segment. mu is held.
func (s *Shared) free(seg *segment) {
	s.slots[seg.ix].seg = nil
	s.lastFree = seg.ix
	s.committed -= pages(seg.ds.Segsz)
	seg.memory.Free()
}

// find returns the segment that an id names. One that is removed is found only if it was made
// to linger. EINVAL. mu is held.
func (s *Shared) find(id int) (*segment, netbsd.Errno) {
	ix, seq := split(id)
	if ix >= len(s.slots) || s.slots[ix].seg == nil || s.slots[ix].seq != seq {
		return nil, netbsd.EINVAL
	}
	seg := s.slots[ix].seg
	if seg.ds.Perm.Mode&(netbsd.SHMSEG_REMOVED|netbsd.SHMSEG_RMLINGER) == netbsd.SHMSEG_REMOVED {
		return nil, netbsd.EINVAL
	}
	return seg, 0
}

// use calls f with a segment that the caller may use so. EINVAL, EACCES, EPERM.
func (s *Shared) use(c *Caller, id int, mode uint32, f func(*segment) netbsd.Errno) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg, errno := s.find(id)
	if errno == 0 {
		errno = c.may(&seg.ds.Perm, mode)
	}
	if errno != 0 {
		return errno
	}
	return f(seg)
}

// Get is shmget(2). ENOENT: there is none, and none is to be made. EEXIST. EACCES. EINVAL: more
// than the segment has, no size, or too much. ENOSPC: too many segments. ENOMEM.
func (s *Shared) Get(c Caller, key int64, size uint64, flags int) (int, netbsd.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key != netbsd.IPC_PRIVATE {
		for i := range s.slots {
			if seg := s.slots[i].seg; seg != nil && seg.ds.Perm.Key == key {
				return idOf(i, &seg.ds.Perm), seg.old(&c, size, flags)
			}
		}
		if flags&netbsd.IPC_CREAT == 0 {
			return 0, netbsd.ENOENT
		}
	}
	return s.make(&c, key, size, flags)
}

// old says whether shmget(2) may return a segment that there is.
func (seg *segment) old(c *Caller, size uint64, flags int) netbsd.Errno {
	if exclusive(flags) {
		return netbsd.EEXIST
	}
	if errno := c.may(&seg.ds.Perm, uint32(flags)&netbsd.IPC_PERMS); errno != 0 {
		return errno
	}
	if size > seg.ds.Segsz {
		return netbsd.EINVAL
	}
	return 0
}

func (s *Shared) make(c *Caller, key int64, size uint64, flags int) (int, netbsd.Errno) {
	if size < SHMMIN || size > s.limit() {
		return 0, netbsd.EINVAL
	}
	s.places()
	ix := s.place()
	if ix < 0 {
		return 0, netbsd.ENOSPC
	}
	if s.committed+pages(size) > s.limit() {
		return 0, netbsd.ENOMEM
	}
	memory, errno := s.newMemory(pages(size))
	if errno != 0 {
		return 0, errno
	}
	slot := &s.slots[ix]
	slot.seq = (slot.seq + 1) & 0x7fff
	mode := uint32(flags)&netbsd.IPC_PERMS | netbsd.SHMSEG_ALLOCATED
	if flags&netbsd.SHM_RMLINGER != 0 {
		mode |= netbsd.SHMSEG_RMLINGER
	}
	seg := &segment{ix: ix, memory: memory, ds: netbsd.ShmidDS{Segsz: size, Cpid: c.pid(), Ctime: now()}}
	c.own(&seg.ds.Perm, key, mode)
	seg.ds.Perm.Seq = slot.seq
	slot.seg = seg
	s.lastFree = -1
	s.committed += pages(size)
	return idOf(ix, &seg.ds.Perm), 0
}

// place returns where the next segment goes, -1 if there is no room. mu is held.
func (s *Shared) place() int {
	if s.lastFree >= 0 && s.slots[s.lastFree].seg == nil {
		return s.lastFree
	}
	return slices.IndexFunc(s.slots[:], func(slot shmSlot) bool { return slot.seg == nil })
}

// Remove is IPC_RMID: the segment goes with its last attachment, and has no key any more.
func (s *Shared) Remove(c Caller, id int) netbsd.Errno {
	return s.use(&c, id, netbsd.IPC_M, func(seg *segment) netbsd.Errno {
		seg.ds.Perm.Key = netbsd.IPC_PRIVATE
		seg.ds.Perm.Mode |= netbsd.SHMSEG_REMOVED
		if seg.ds.Nattch == 0 {
			s.free(seg)
		}
		return 0
	})
}

// Set is IPC_SET.
func (s *Shared) Set(c Caller, id int, to netbsd.ShmidDS) netbsd.Errno {
	return s.use(&c, id, netbsd.IPC_M, func(seg *segment) netbsd.Errno {
		set(&seg.ds.Perm, &to.Perm)
		seg.ds.Ctime = now()
		return 0
	})
}

// Stat is IPC_STAT. The kernel's own bits of the mode are for sysctl(7) alone.
func (s *Shared) Stat(c Caller, id int) (ds netbsd.ShmidDS, errno netbsd.Errno) {
	errno = s.use(&c, id, netbsd.IPC_R, func(seg *segment) netbsd.Errno { ds = seg.ds; return 0 })
	ds.Perm.Mode &= netbsd.IPC_PERMS
	return ds, errno
}

// Lock is SHM_LOCK, or SHM_UNLOCK: the superuser's (EPERM). What is locked is said to be: the host pages as it does.
func (s *Shared) Lock(c Caller, id int, on bool) netbsd.Errno {
	return s.use(&c, id, 0, func(seg *segment) netbsd.Errno {
		if !c.Cred.IsRoot() {
			return netbsd.EPERM
		}
		seg.ds.Perm.Mode &^= netbsd.SHMSEG_WIRED
		if on {
			seg.ds.Perm.Mode |= netbsd.SHMSEG_WIRED
		}
		return 0
	})
}

// Attach begins shmat(2): the segment counts as attached to m, and the caller maps it, to say
// Attached or Failed then. at is where: 0 for anywhere. EINVAL: no such segment, or an address
// that is none of a page's. EACCES. EMFILE: m has too much attached.
func (s *Shared) Attach(c Caller, m *Map, id int, addr uint64, flags int) (a *Attachment, at uint64, errno netbsd.Errno) {
	mode := uint32(netbsd.IPC_R | netbsd.IPC_W)
	if flags&netbsd.SHM_RDONLY != 0 {
		mode = netbsd.IPC_R
	}
	errno = s.use(&c, id, mode, func(seg *segment) netbsd.Errno {
		if len(m.list) >= min(s.attachable(), mostShared) {
			return netbsd.EMFILE
		}
		at = addr &^ (netbsd.PageSize - 1)
		if at != addr && flags&netbsd.SHM_RND == 0 {
			return netbsd.EINVAL
		}
		seg.ds.Lpid = c.pid()
		seg.ds.Nattch++
		a = &Attachment{seg: seg, id: id}
		m.private()
		m.list = append(m.list, a)
		m.used.Store(true)
		return 0
	})
	return a, at, errno
}

// Attached says where a segment is mapped.
func (s *Shared) Attached(a *Attachment, addr uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.addr, a.in = addr, true
	a.seg.ds.Atime = now()
}

// Failed ends an attachment that could not be mapped.
func (s *Shared) Failed(m *Map, a *Attachment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(m.list, a); i >= 0 {
		s.detach(m, i)
	}
}

// Detach is shmdt(2); what is mapped there, of size bytes, is the caller's to unmap. EINVAL:
// nothing is attached at addr.
func (s *Shared) Detach(m *Map, addr uint64) (size uint64, errno netbsd.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range slices.Backward(m.list) { // the newest first, as NetBSD's list has it
		if a.in && a.addr == addr {
			m.private()
			s.detach(m, i)
			return a.Size(), 0
		}
	}
	return 0, netbsd.EINVAL
}

// detach is shm_delete_mapping. mu is held.
func (s *Shared) detach(m *Map, i int) {
	seg := m.list[i].seg
	m.list = slices.Delete(m.list, i, i+1)
	seg.ds.Dtime = now()
	seg.ds.Nattch--
	if seg.ds.Nattch == 0 && seg.ds.Perm.Mode&netbsd.SHMSEG_REMOVED != 0 {
		s.free(seg)
	}
}

// Fork is shmfork: the child, whose map is new, has attached what the parent has.
func (s *Shared) Fork(parent, child *Map) {
	if !parent.used.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if parent.refs == nil {
		parent.refs = new(int)
		*parent.refs = 1
	}
	*parent.refs++
	child.refs = parent.refs
	for _, a := range parent.list {
		if !a.in {
			continue
		}
		b := *a
		b.seg.ds.Nattch++
		child.list = append(child.list, &b)
	}
	child.used.Store(true)
}

// Exit is shmexit: the address space is gone, at an exit or an exec. Of a map that another one shares nothing is said to be detached, for
// shm_dtime.
func (s *Shared) Exit(m *Map) {
	if !m.used.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shared := m.refs != nil && *m.refs > 1
	m.private()
	for len(m.list) > 0 {
		i := len(m.list) - 1
		seg, last := m.list[i].seg, m.list[i].seg.ds.Dtime
		s.detach(m, i)
		if shared {
			seg.ds.Dtime = last
		}
	}
}
