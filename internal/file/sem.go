package file

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"toaster/netbsd"
)

// This file has the semaphores of _ksem_init(2) and _ksem_open(2), which sem_init(3) and
// sem_open(3) call: a word that is waited for while it is 0. Each is an open file
// (DTYPE_SEM of uipc_sem.c), so that fork(2) shares it, an exec keeps it and an exit lets go
// of it, as of any descriptor.

// Sems are the semaphores of a machine. A lock of one is taken with mu held, never the other
// way round.
type Sems struct {
	mu     sync.Mutex
	named  map[string]*Sem
	shared map[uint32]*Sem // by the id of those with process-shared ids
	users  map[uint32]int  // how many a user has made that still exist (ui_semcnt)
	most   *int32          // what the superuser has set; nil: KSEM_MAX
}

// SemUser is who makes or opens a semaphore: the effective ids, and whether the user is the
// superuser.
type SemUser struct {
	UID, GID uint32
	Root     bool
}

// Sem is a semaphore (struct ksem).
type Sem struct {
	machine  *Sems
	name     string // of _ksem_open(2); "" without one
	mode     uint32
	uid, gid uint32
	id       uint32 // process-shared; 0: it is known by descriptors alone
	maker    any    // the process that made it, if id is not 0

	mu       sync.Mutex // guards what follows, but for queue
	value    uint32
	open     int  // descriptions
	sleepers int  // in Wait
	unlinked bool // no name leads to it any more
	dead     bool // _ksem_destroy(2) has been called: the id leads nowhere
	fd       int  // of the maker, under which a process-shared one is open

	queue Queue
}

// semFile is an open semaphore.
type semFile struct {
	Base
	NoPathconf
	sem *Sem
}

// Sems returns the machine's.
func (m *Machine) Sems() *Sems { return &m.sems }

// Named counts those with a name (kern.posix.semcnt).
func (s *Sems) Named() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.named)
}

// Max is kern.posix.semmax; SetMax changes it. No more than KSEM_MAX there are in any case.
func (s *Sems) Max() int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most != nil {
		return *s.most
	}
	return netbsd.KSEM_MAX
}

func (s *Sems) SetMax(n int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = &n
}

func (s *Sems) fullLocked() bool {
	return len(s.named) >= netbsd.KSEM_MAX || s.most != nil && len(s.named) >= int(*s.most)
}

// Create makes a semaphore without a name.
//
// ENFILE: the machine has as many with a name as it may (ksem_create asks that for these, too). Of these there are no more than
// descriptors.
func (s *Sems) Create(u SemUser, value uint32) (*Sem, netbsd.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fullLocked() {
		return nil, netbsd.ENFILE
	}
	return s.createLocked(u, "", 0, value), 0
}

func (s *Sems) createLocked(u SemUser, name string, mode, value uint32) *Sem {
	s.countLocked(u.UID, 1)
	return &Sem{machine: s, name: name, mode: mode, uid: u.UID, gid: u.GID, value: value}
}

// countLocked is chgsemcnt.
func (s *Sems) countLocked(uid uint32, n int) {
	if s.users == nil {
		s.users = map[uint32]int{}
	}
	if s.users[uid] += n; s.users[uid] == 0 {
		delete(s.users, uid)
	}
}

// Of is how many a user has made that still exist.
func (s *Sems) Of(uid uint32) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users[uid]
}

// Open opens the semaphore of a name, or makes it if oflag has O_CREAT.
//
// ENAMETOOLONG. EINVAL: the name does not begin with a slash, has another one, or nothing else;
// it is looked at only where a semaphore may have to be made. EEXIST: there is one, and O_EXCL.
// EACCES: it is another user's, whose mode does not let this one in. ENOENT. ENFILE: there are
// as many as there may be.
func (s *Sems) Open(u SemUser, name string, oflag int, mode, value uint32) (*Description, netbsd.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	create := oflag&netbsd.O_CREAT != 0
	if create {
		if errno := s.mayCreateLocked(name); errno != 0 {
			return nil, errno
		}
	}
	sem := s.named[name]
	switch {
	case sem != nil && oflag&netbsd.O_EXCL != 0:
		return nil, netbsd.EEXIST
	case sem != nil && !sem.permits(u):
		return nil, netbsd.EACCES
	case sem == nil && !create:
		return nil, netbsd.ENOENT
	case sem == nil:
		sem = s.createLocked(u, name, mode, value)
		if s.named == nil {
			s.named = map[string]*Sem{}
		}
		s.named[name] = sem
	}
	return sem.File(), 0
}

// mayCreateLocked is ksem_create's look at the name, which it takes even if there is a
// semaphore of this name already.
func (s *Sems) mayCreateLocked(name string) netbsd.Errno {
	switch {
	case s.fullLocked():
		return netbsd.ENFILE
	case len(name) < 2 || name[0] != '/' || strings.Contains(name[1:], "/"):
		return netbsd.EINVAL
	}
	return 0
}

// Unlink takes the name from a semaphore, which lives on for who has it open.
// ENOENT. EACCES: as for Open.
func (s *Sems) Unlink(u SemUser, name string) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	sem := s.named[name]
	if sem == nil {
		return netbsd.ENOENT
	}
	if !sem.permits(u) {
		return netbsd.EACCES
	}
	delete(s.named, name)
	sem.mu.Lock()
	defer sem.mu.Unlock()
	sem.unlinked = true
	if sem.open == 0 {
		s.countLocked(sem.uid, -1)
	}
	return 0
}

// permits is ksem_listener_cb: to write is what counts.
func (k *Sem) permits(u SemUser) bool {
	switch {
	case u.Root:
		return true
	case u.UID == k.uid && k.mode&netbsd.S_IWUSR != 0:
		return true
	case u.GID == k.gid && k.mode&netbsd.S_IWGRP != 0:
		return true
	}
	return k.mode&netbsd.S_IWOTH != 0
}

// File makes an open file of k.
func (k *Sem) File() *Description {
	k.mu.Lock()
	k.open++
	k.mu.Unlock()
	return New(&semFile{sem: k}, netbsd.O_RDWR)
}

// Share assigns k an id that every process of the machine knows it by, and returns the id. maker
// alone may destroy it. The number cannot be told from one drawn at random (ksem_alloc_pshared_id).
// Preconditions: nobody but the caller knows k.
func (k *Sem) Share(maker any) uint32 {
	s := k.machine
	s.mu.Lock()
	defer s.mu.Unlock()
	for k.id == 0 || s.shared[k.id] != nil {
		k.id = rand.Uint32()&^netbsd.KSEM_MARKER_MASK | netbsd.KSEM_PSHARED_MARKER
	}
	if s.shared == nil {
		s.shared = map[uint32]*Sem{}
	}
	s.shared[k.id], k.maker = k, maker
	return k.id
}

// OpenAs notes the descriptor of its maker under which a process-shared semaphore is open.
func (k *Sem) OpenAs(fd int) {
	k.mu.Lock()
	k.fd = fd
	k.mu.Unlock()
}

// Shared returns the semaphore with a process-shared id, nil if there is none.
func (s *Sems) Shared(id uint32) *Sem {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shared[id]
}

// SemOf returns the semaphore that is open as d, nil if d is something else.
func SemOf(d *Description) *Sem {
	if f, ok := d.File.(*semFile); ok {
		return f.sem
	}
	return nil
}

// Named reports whether k was made with a name.
func (k *Sem) Named() bool { return k.name != "" }

// Value is how often k can be waited for without a sleep.
func (k *Sem) Value() uint32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.value
}

// Post adds 1 and wakes who waits. EOVERFLOW: SEM_VALUE_MAX.
func (k *Sem) Post() netbsd.Errno {
	k.mu.Lock()
	if k.value == netbsd.SEM_VALUE_MAX {
		k.mu.Unlock()
		return netbsd.EOVERFLOW
	}
	k.value++
	k.mu.Unlock()
	k.queue.Notify(In)
	return 0
}

// TryWait takes 1 off. EAGAIN: it is 0.
func (k *Sem) TryWait() netbsd.Errno {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.value == 0 {
		return netbsd.EAGAIN
	}
	k.value--
	return 0
}

// Wait takes 1 off as soon as it is not 0. EINTR and ERESTART, as of any sleep; EWOULDBLOCK:
// the deadline, if there is one, has passed.
func (k *Sem) Wait(l Sleeper, deadline time.Time) netbsd.Errno {
	if k.TryWait() == 0 {
		return 0
	}
	k.count(1)
	defer k.count(-1) // deferred: a sleep that ends in the LWP's death unwinds with Goexit
	_, errno := BlockUntil(Call{L: l}, semQueue{k}, In, deadline, func() (int, netbsd.Errno) {
		return 0, k.TryWait()
	})
	return errno
}

func (k *Sem) count(n int) {
	k.mu.Lock()
	k.sleepers += n
	k.mu.Unlock()
}

// semQueue is who waits for a semaphore. poll(2) and kevent(2) of its descriptor do not
// (fnullop_poll).
type semQueue struct{ k *Sem }

func (q semQueue) Watch(w *Waiter)   { q.k.queue.Add(w) }
func (q semQueue) Unwatch(w *Waiter) { q.k.queue.Remove(w) }

// Destroy says whether k may be destroyed, by the process given, and if so has its
// process-shared id lead nowhere. It returns the descriptor that the caller then closes if k is
// process-shared, -1 if not.
//
// EINVAL: k has a name, or is process-shared and another process made it. EBUSY: somebody
// waits.
func (k *Sem) Destroy(by any) (fd int, errno netbsd.Errno) {
	s := k.machine
	s.mu.Lock()
	defer s.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.name != "":
		return -1, netbsd.EINVAL
	case k.sleepers > 0:
		return -1, netbsd.EBUSY
	case k.id == 0:
		return -1, 0
	case k.maker != by || k.dead:
		return -1, netbsd.EINVAL
	}
	k.dead = true
	delete(s.shared, k.id)
	return k.fd, 0
}

// Close implements File. The last close ends a semaphore without a name. A process-shared
// one goes with it, whoever closes it: in ksem_close_fop one that is last closed by
// another process than its maker is never freed.
func (f *semFile) Close() {
	k := f.sem
	s := k.machine
	s.mu.Lock()
	defer s.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.open--; k.open > 0 || k.name != "" && !k.unlinked {
		return
	}
	if k.id != 0 && !k.dead {
		k.dead = true
		delete(s.shared, k.id)
	}
	s.countLocked(k.uid, -1)
}

// KnoteErrno implements KnoteRefuser (fnullop_kqfilter).
func (*semFile) KnoteErrno(int) netbsd.Errno { return netbsd.EOPNOTSUPP }

// Read implements File: the name and its NUL, as ksem_read_fop has it, whatever was read before.
func (f *semFile) Read(_ Call, b []byte) (int, netbsd.Errno) {
	if f.sem.name == "" {
		return 0, 0
	}
	return copy(b, f.sem.name+"\x00"), 0
}

// Stat implements File as ksem_stat_fop does: the size is the value.
func (f *semFile) Stat() (Stat, netbsd.Errno) {
	k := f.sem
	k.mu.Lock()
	defer k.mu.Unlock()
	now := netbsd.TimespecAt(time.Now())
	st := Stat{
		Mode: k.mode | netbsd.S_IFREG, Nlink: uint32(k.open), UID: k.uid, GID: k.gid,
		Atime: now, Mtime: now, Ctime: now, Btime: now, Size: int64(k.value), Blksize: 4096,
	}
	if k.name != "" {
		st.Mode = k.mode | netbsd.S_IFLNK
	}
	if k.value > 0 {
		st.Blocks = 1
	}
	return st, 0
}
