package sysv

import (
	"cmp"
	"sync"

	"toaster/kern"
	"toaster/netbsd"
)

// Limits of semaphores (sys/sem.h).
const (
	SEMMAP = 30
	SEMMNI = 10 // sets
	SEMMNS = 60 // semaphores
	SEMMNU = 30 // processes with undo entries
	SEMMSL = SEMMNS
	SEMOPM = 100 // operations of a call
	SEMUME = 10  // undo entries of a process
	SEMUSZ = 112 // sizeof(struct sem_undo), with its entries
	SEMVMX = 32767
	SEMAEM = 16384
)

// Semaphores are a machine's. The zero value has none.
type Semaphores struct {
	mu        sync.Mutex
	slots     []semSlot // nil: SEMMNI, all free
	most      int       // semaphores there may be; 0: SEMMNS
	mostUndos int       // processes with undo entries; 0: SEMMNU
	total     int       // semaphores in all sets
	undos     map[*kern.Proc]*semUndo
	hooked    map[*kern.Proc]struct{} // those whose exit will be told (PK_SYSVSEM)
}

// semSlot is a place for a set; seq outlives the set.
type semSlot struct {
	seq uint16
	set *semSet
}

type semSet struct {
	ds    netbsd.SemidDS
	sems  []semaphore
	dead  bool
	queue sleepers
}

type semaphore struct {
	val        uint16
	pid        int32
	ncnt, zcnt uint16 // who waits for more, and for zero
}

// find returns the set that an id names. EINVAL. mu is held.
func (s *Semaphores) find(id int) (*semSet, netbsd.Errno) {
	ix, seq := split(id)
	if ix >= len(s.slots) || s.slots[ix].set == nil || s.slots[ix].seq != seq {
		return nil, netbsd.EINVAL
	}
	return s.slots[ix].set, 0
}

// InRange reports whether an id can be one of a set: its place is in the table, whoever is there.
func (s *Semaphores) InRange(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ix, _ := split(id)
	s.places()
	return ix < len(s.slots)
}

// Get is semget(2). ENOENT: there is none, and none is to be made. EEXIST. EACCES. EINVAL: no
// number of semaphores, or more than the set has. ENOSPC: too many sets or semaphores.
func (s *Semaphores) Get(c Caller, key int64, n, flags int) (int, netbsd.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key != netbsd.IPC_PRIVATE {
		for i := range s.slots {
			if set := s.slots[i].set; set != nil && set.ds.Perm.Key == key {
				return idOf(i, &set.ds.Perm), set.old(&c, n, flags)
			}
		}
		if flags&netbsd.IPC_CREAT == 0 {
			return 0, netbsd.ENOENT
		}
	}
	return s.make(&c, key, n, flags)
}

// old says whether semget(2) may return a set that there is.
func (set *semSet) old(c *Caller, n, flags int) netbsd.Errno {
	if errno := c.may(&set.ds.Perm, uint32(flags)&0o700); errno != 0 {
		return errno
	}
	if n > 0 && len(set.sems) < n {
		return netbsd.EINVAL
	}
	if exclusive(flags) {
		return netbsd.EEXIST
	}
	return 0
}

func (s *Semaphores) make(c *Caller, key int64, n, flags int) (int, netbsd.Errno) {
	if n <= 0 || n > SEMMSL {
		return 0, netbsd.EINVAL
	}
	if n > cmp.Or(s.most, SEMMNS)-s.total {
		return 0, netbsd.ENOSPC
	}
	s.places()
	for i := range s.slots {
		slot := &s.slots[i]
		if slot.set != nil {
			continue
		}
		slot.seq = (slot.seq + 1) & 0x7fff
		set := &semSet{sems: make([]semaphore, n)}
		set.ds = netbsd.SemidDS{Nsems: uint16(n), Ctime: now()}
		c.own(&set.ds.Perm, key, uint32(flags)&netbsd.IPC_PERMS|netbsd.SEM_ALLOC)
		set.ds.Perm.Seq = slot.seq
		slot.set = set
		s.total += n
		return idOf(i, &set.ds.Perm), 0
	}
	return 0, netbsd.ENOSPC
}

// use calls f with a set that the caller may use so. EINVAL, EACCES, EPERM.
func (s *Semaphores) use(c *Caller, id int, mode uint32, f func(*semSet) netbsd.Errno) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	set, errno := s.find(id)
	if errno == 0 {
		errno = c.may(&set.ds.Perm, mode)
	}
	if errno != 0 {
		return errno
	}
	return f(set)
}

// Remove is IPC_RMID: who sleeps for the set gets EIDRM, and nothing of it is undone any more.
func (s *Semaphores) Remove(c Caller, id int) netbsd.Errno {
	return s.use(&c, id, netbsd.IPC_M, func(set *semSet) netbsd.Errno {
		ix, _ := split(id)
		s.slots[ix].set = nil
		s.total -= len(set.sems)
		s.clearUndo(set, -1)
		set.dead = true
		set.queue.wake()
		return 0
	})
}

// Set is IPC_SET.
func (s *Semaphores) Set(c Caller, id int, to netbsd.SemidDS) netbsd.Errno {
	return s.use(&c, id, netbsd.IPC_M, func(d *semSet) netbsd.Errno {
		set(&d.ds.Perm, &to.Perm)
		d.ds.Ctime = now()
		return 0
	})
}

// Stat is IPC_STAT.
func (s *Semaphores) Stat(c Caller, id int) (ds netbsd.SemidDS, errno netbsd.Errno) {
	errno = s.use(&c, id, netbsd.IPC_R, func(set *semSet) netbsd.Errno {
		ds = set.ds
		ds.Perm.Mode &= netbsd.IPC_PERMS
		return 0
	})
	return ds, errno
}

// Ask is GETVAL, GETPID, GETNCNT or GETZCNT of one semaphore. EINVAL: there is none.
func (s *Semaphores) Ask(c Caller, id, num, cmd int) (v int, errno netbsd.Errno) {
	errno = s.use(&c, id, netbsd.IPC_R, func(set *semSet) netbsd.Errno {
		if num < 0 || num >= len(set.sems) {
			return netbsd.EINVAL
		}
		sem := &set.sems[num]
		switch cmd {
		case netbsd.GETVAL:
			v = int(sem.val)
		case netbsd.GETPID:
			v = int(sem.pid)
		case netbsd.GETNCNT:
			v = int(sem.ncnt)
		case netbsd.GETZCNT:
			v = int(sem.zcnt)
		}
		return 0
	})
	return v, errno
}

// All is GETALL.
func (s *Semaphores) All(c Caller, id int) (list []uint16, errno netbsd.Errno) {
	errno = s.use(&c, id, netbsd.IPC_R, func(set *semSet) netbsd.Errno {
		for i := range set.sems {
			list = append(list, set.sems[i].val)
		}
		return 0
	})
	return list, errno
}

// SetVal is SETVAL. EINVAL: there is no such semaphore. ERANGE. No process undoes it.
func (s *Semaphores) SetVal(c Caller, id, num int, v uint32) netbsd.Errno {
	return s.use(&c, id, netbsd.IPC_W, func(set *semSet) netbsd.Errno {
		if num < 0 || num >= len(set.sems) {
			return netbsd.EINVAL
		}
		if v > SEMVMX {
			return netbsd.ERANGE
		}
		set.sems[num].val = uint16(v)
		s.clearUndo(set, num)
		set.queue.wake()
		return 0
	})
}

// Len is how many values SETALL takes.
func (s *Semaphores) Len(c Caller, id int) (n int, errno netbsd.Errno) {
	errno = s.use(&c, id, netbsd.IPC_W, func(set *semSet) netbsd.Errno { n = len(set.sems); return 0 })
	return n, errno
}

// SetAll is SETALL; list has what could be read. ERANGE: those before it are set all the same,
// and whatever comes of it, no process undoes anything.
func (s *Semaphores) SetAll(c Caller, id int, list []uint16) netbsd.Errno {
	return s.use(&c, id, netbsd.IPC_W, func(set *semSet) (errno netbsd.Errno) {
		for i := range min(len(list), len(set.sems)) {
			if list[i] > SEMVMX {
				errno = netbsd.ERANGE
				break
			}
			set.sems[i].val = list[i]
		}
		s.clearUndo(set, -1)
		set.queue.wake()
		return errno
	})
}
