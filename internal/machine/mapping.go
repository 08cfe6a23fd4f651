package machine

import (
	"syscall"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/internal/loader"
	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/internal/vm"
	"toaster/netbsd"
)

// This file serves mmap(2) and its relatives: the map decides, the host follows. The map
// (internal/vm) says what NetBSD would do and returns the steps that get the host there; the
// guest's own thread takes them, as Linux changes another process's memory for nobody.
//
// Where the host fails between two steps the map is ahead of it. A new mapping is taken back;
// otherwise the guest finds less than it was told, which only it can notice.

// do carries out the steps of a change of the map, with t's thread. fd is the host
// file of what an OpMap maps, -1 for anonymous memory.
//
// Preconditions: s.mu is held, or nobody else knows s.
//
// It stops at the first step that fails, and undoes none: which those are depends on the call,
// and so does what the caller can put right. t belongs to the calling LWP, which is stopped.
func (s *Space) do(t *platform.Thread, ops []vm.Op, fd int) netbsd.Errno {
	for _, op := range ops {
		// What puts something at an address takes the shelf's place there. An unmap needs no look: its range
		// was in the map, which has nothing of the shelf.
		if op.Kind != vm.OpUnmap {
			s.coverShelf(op.Region.Start, op.Region.End)
		}
		if errno := hostErrno(s.step(t, &op, fd)); errno != 0 {
			return errno
		}
	}
	return 0
}

// An allocator that reserves addresses, and then takes them into use a few megabytes at a
// time, is going to fill them: that is how Go's heap grows. Such memory gets huge pages,
// where the host leaves it to programs to ask for them: one fault for 2 MiB instead of 512.
// Not the first pieces, as small programs fork, which huge pages make dearer. And neither
// much at once nor what was not reserved, as of stacks, tables and the like but a little
// may ever be touched.
//
// hugeMin is the least by which Go's heap grows on amd64, and hugeMax the size of one of its arenas.
const (
	hugeFrom = 4 << 20 // bytes committed
	hugeMin  = 4 << 20 // bytes of a mapping
	hugeMax  = 64 << 20
)

// huge counts a commitment of size bytes, and says whether it gets huge pages. mu is held.
func (s *Space) huge(size uint64) bool {
	if size < hugeMin || size > hugeMax {
		return false
	}
	s.committed += size
	return s.committed > hugeFrom
}

// step carries out one step. Anonymous memory is mapped without a reserve of the host's: NetBSD
// overcommits, and --memory counts by itself.
//
// All addresses are the map's, which are whole pages below vm.Max: no guest can have the stub
// mapped over by what it asks for.
func (s *Space) step(t *platform.Thread, op *vm.Op, fd int) error {
	r := &op.Region
	switch op.Kind {
	case vm.OpMap:
		flags := syscall.MAP_PRIVATE
		if r.Shared {
			flags = syscall.MAP_SHARED
		}
		if r.Obj == nil {
			err := s.proc.Map(t, r.Start, r.Len(), netbsd.ProtToLinux(r.Prot), flags|syscall.MAP_NORESERVE, -1, 0)
			if err == nil && op.Commit && s.huge(r.Len()) {
				s.proc.Advise(t, r.Start, r.Len(), syscall.MADV_HUGEPAGE) // it may have none
			}
			return err
		}
		return s.proc.Map(t, r.Start, r.Len(), netbsd.ProtToLinux(r.Prot), flags, fd, r.Off)
	case vm.OpUnmap:
		return s.proc.Unmap(t, r.Start, r.Len())
	case vm.OpProtect:
		return s.proc.Protect(t, r.Start, r.Len(), netbsd.ProtToLinux(r.Prot))
	case vm.OpMove:
		// Both lengths are the same: what an mremap(2) adds or cuts off is a step of its own.
		return s.proc.Remap(t, op.From, r.Len(), r.Start, r.Len())
	case vm.OpCopy:
		return s.makeShared(t, r, op.Zero)
	case vm.OpDup:
		return s.proc.Remap(t, op.From, 0, r.Start, r.Len()) // of nothing at From: it stays there, too
	case vm.OpExtend:
		return s.extend(t, op)
	case vm.OpDiscard:
		// uvm_map_clean frees the pages at once (PGO_FREE). Linux's own MADV_FREE would leave them until the
		// host is short of memory.
		return s.proc.Advise(t, r.Start, r.Len(), syscall.MADV_DONTNEED)
	}
	return syscall.EINVAL
}

// extend has a mapping go on. What is on the shelf at its new end, or was what MAP_FIXED replaces, would be in the way.
func (s *Space) extend(t *platform.Thread, op *vm.Op) error {
	if err := s.proc.Unmap(t, op.Region.Start, op.Region.Len()); err != nil {
		return err
	}
	return s.proc.Remap(t, op.From, vm.PageSize, op.From, vm.PageSize+op.Region.Len())
}

// change makes one change of the map and has the host follow. most is how much more
// memory it may count for (memory.go), nil for none; it is only asked where something may be
// refused, as to look costs time. ENOMEM: that is too much.
//
// The lock is held from the decision to the last step: two LWPs that change the same range must
// reach the host in the order in which they reached the map.
//
// f changes the map and returns the steps. Where it fails the map must be as it was: the host hears of nothing
// then, and nothing is charged.
func (s *Space) change(c *syscalls.Call, most func() uint64, f func() ([]vm.Op, netbsd.Errno)) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := uint64(0)
	if most != nil && s.sys.memory.watches() {
		n = most()
	}
	return s.charge(n, func() netbsd.Errno {
		ops, errno := f()
		if errno != 0 {
			return errno
		}
		return s.do(threadOf(c), ops, -1)
	})
}

// threadOf returns the caller's thread, which is stopped in the call and so can be told to
// change its memory.
func threadOf(c *syscalls.Call) *platform.Thread { return c.CPU.(*Context).thread }

// Mmap implements syscalls.Space. ENODEV: a file that the host does not have, such as a kqueue.
// A file that --max-output meters is mapped as if it were not open for writing: nobody counts
// what is written through a shared mapping.
//
// Arguments are the guest's and unchecked but for what vm.Map.Map says. The description is held
// until the host has the mapping: a close(2) by a sibling could otherwise give its number to
// another file. The mapping itself keeps no descriptor. m.Len is cut before it is charged, so
// that the sum cannot wrap; what is longer than user space the map refuses.
func (s *Space) Mmap(c *syscalls.Call, m syscalls.MmapArgs) (uint64, netbsd.Errno) {
	q := vm.Request{Addr: m.Addr, Len: m.Len, Prot: m.Prot, Flags: m.Flags, Off: m.Offset}
	q.LimitAS = limitOf(c, netbsd.RLIMIT_AS)
	if errno := q.Check(); errno != 0 {
		return 0, errno
	}
	fd, done, errno := mmapFile(c, m, &q)
	if errno != 0 {
		return 0, errno
	}
	defer done()
	s.mu.Lock()
	defer s.mu.Unlock()
	wired := m.Flags&netbsd.MAP_WIRED != 0 || s.m.WiresFuture()
	if wired {
		q.Memlock = memlock(c)
	}
	id, sites := s.textSites(&q, fd)
	var addr uint64
	errno = s.charge(mostOf(min(m.Len, vm.Max), m.Prot)+s.textMost(sites), func() (errno netbsd.Errno) {
		var ops []vm.Op
		if m.Flags&netbsd.MAP_FIXED != 0 {
			// While the text is still there: Restore writes the old code back, which must not happen to what is
			// mapped next.
			s.restoreText(threadOf(c), m.Addr, m.Len)
		}
		if addr, ops, errno = s.m.Map(q); errno != 0 {
			return errno
		}
		// There is no step for a length of 0, which mmap(2) takes for success (uvm_mmap).
		if len(ops) > 0 && s.mapReady(threadOf(c), &ops[0].Region, fd, id, sites) {
			return 0
		}
		// After a failure what MAP_FIXED was to replace is gone from the map, as uvm_mmap unmaps it before it
		// maps.
		if errno = s.do(threadOf(c), ops, fd); errno != 0 {
			s.m.Unmap(addr, m.Len)
		} else if wired {
			s.populate(addr, m.Len)
		}
		return errno
	})
	if errno != 0 {
		return 0, errno
	}
	return addr, 0
}

// mapReady maps r, a part of the host's file fd with these sites in it, where that is more than to map it: it is on
// the shelf, or to be rewritten. It reports false if it is not mapped yet.
func (s *Space) mapReady(t *platform.Thread, r *vm.Region, fd int, id fileID, sites []loader.Site) bool {
	s.coverShelf(r.Start, r.End) // of two pieces none is moved over the other
	if s.offShelf(t, r, fd, sites) {
		return true
	}
	rewritten := len(sites) > 0 && s.mapText(t, r, fd, id, sites)
	if rewritten || len(sites) == 0 {
		s.note(r, fd, sites)
	}
	return rewritten
}

// sharedFile is a file that is mapped so that others see it: the same one, whoever has opened it. Semaphores and futexes in such
// memory are one for all who map it (Backing).
type sharedFile struct{ dev, ino uint64 }

// mapped is what a map knows a file as. It must be comparable, as the map merges neighbours with the same
// object. A private mapping is known by the open file: nobody waits for anybody in it (Backing). So is a shared
// one of a file that has no inode to ask for.
func mapped(f file.File, flags int) any {
	if flags&netbsd.MAP_SHARED != 0 {
		if st, errno := f.Stat(); errno == 0 {
			return sharedFile{st.Dev, st.Ino}
		}
	}
	return f
}

// Backing implements syscalls.Space: what a word in memory is, for two processes that wait for and wake each other there. Private
// memory is the space and the address; a fork's child has another space, and so words of its own. EFAULT: nothing is mapped.
func (s *Space) Backing(addr uint64) (obj any, off uint64, errno netbsd.Errno) {
	var r vm.Region
	var ok bool
	guard.Locked(&s.mu, func() { r, ok = s.m.Lookup(addr) })
	off = addr - r.Start + uint64(r.Off)
	switch {
	case !ok:
		return nil, 0, netbsd.EFAULT
	case !r.Shared:
		return s, addr, 0
	case r.Anon != nil:
		return r.Anon, off, 0
	}
	return r.Obj, off, 0
}

// mmapFile looks up what q is to map: fd is the host's descriptor, -1 for anonymous memory, which names no file
// (EINVAL). The caller calls done once the host has the mapping.
//
// EBADF: no such descriptor. ENODEV: no file of the host's. EPERM: a file that must not change was to be
// written through a shared mapping. The others are those of fileProt and mapMemfd. On an error nothing is left
// to be released.
func mmapFile(c *syscalls.Call, m syscalls.MmapArgs, q *vm.Request) (fd int, done func(), errno netbsd.Errno) {
	if m.Flags&netbsd.MAP_ANON != 0 {
		if m.FD != -1 {
			errno = netbsd.EINVAL
		}
		return -1, func() {}, errno
	}
	d, errno := c.L.Proc().Files().(syscalls.Files).Get(m.FD)
	if errno != 0 {
		return -1, nil, errno
	}
	if f, ok := d.File.(*file.Memfd); ok {
		return mapMemfd(f, m, q, d.Release)
	}
	fd, ok := d.HostFD()
	flagged := d.Writable() && unchanging(d)
	writable := d.Writable() && !d.Metered() && !flagged
	shared := m.Flags&netbsd.MAP_SHARED != 0
	switch {
	case !ok:
		errno = netbsd.ENODEV
	case flagged && !d.Metered() && shared && m.Prot&netbsd.PROT_WRITE != 0:
		// A shared mapping for reading alone is granted, as vn_mmap does, but one that mprotect(2) could make
		// writable later is not.
		errno = netbsd.EPERM
	default:
		q.MaxProt, errno = fileProt(d.Readable(), writable, m)
	}
	if errno == 0 {
		fd, done, errno = lendToMap(d, fd, writable && shared, d.Metered() || flagged)
	}
	if errno != 0 {
		d.Release()
		return -1, nil, errno
	}
	q.Obj = mapped(d.File, m.Flags)
	return fd, done, 0
}

// lendToMap returns the descriptor by which the host process maps d, whose own is fd, and what drops it and d again.
//
// NetBSD maps a file that is open for writing alone; Linux answers EACCES (mmap(2)), whatever the protection. Of a file whose writes the
// kernel has to see (watched), as they are metered or flags keep it from them, only
// a descriptor for reading is lent: a hostile guest can do what the descriptor allows, whatever the map says, and have the stub make the
// mapping shared and writable.
func lendToMap(d *file.Description, fd int, written, watched bool) (int, func(), netbsd.Errno) {
	if d.Readable() && !watched {
		return fd, d.Release, 0
	}
	own, errno := hostfile.Mappable(fd, written)
	return own, func() { syscall.Close(own); d.Release() }, errno
}

// unchanging reports whether guests have set flags on a file that keep it from being written to through memory
// (vn_mmap). What the host itself keeps from being changed (chattr(1)) the host refuses in open(2) and mmap(2).
// A file whose flags cannot be read counts as one without.
func unchanging(d *file.Description) bool {
	if !d.Origin().Marks().Marked() {
		return false
	}
	const flags = netbsd.UF_IMMUTABLE | netbsd.SF_IMMUTABLE | netbsd.UF_APPEND | netbsd.SF_APPEND
	st, errno := d.File.Stat()
	return errno == 0 && st.Flags&flags != 0
}

// fileProt returns the most that a mapping of a file may allow (vn_mmap). EINVAL, EOVERFLOW: a range of
// the file that there cannot be. EACCES: to be read, and not open for reading, or a shared one to be written that is
// not open for writing.
//
// Mmap and a later mprotect(2) are bound by it, as by uvm_mmap's maxprot. A private mapping may
// be written whatever the file allows: what is written is the process's own.
func fileProt(readable, writable bool, m syscalls.MmapArgs) (int, netbsd.Errno) {
	switch {
	case m.Offset < 0:
		return 0, netbsd.EINVAL
	case m.Len <= vm.Max && m.Offset+int64(m.Len) < m.Offset:
		return 0, netbsd.EOVERFLOW
	case !readable && m.Prot&netbsd.PROT_READ != 0:
		return 0, netbsd.EACCES
	}
	most := netbsd.PROT_EXEC
	if readable {
		most |= netbsd.PROT_READ
	}
	if m.Flags&netbsd.MAP_SHARED == 0 || writable {
		return most | netbsd.PROT_WRITE, 0
	}
	if m.Prot&netbsd.PROT_WRITE != 0 {
		return 0, netbsd.EACCES
	}
	return most, 0
}

// limitOf returns a current limit of the caller, 0 for none. What is 0 is told as 1, as no page fits in either (sys_obreak, sys_mmap).
//
// One that is not to be found belongs to a process that ends: its call is of no consequence.
// Values from 1<<62 on, RLIM_INFINITY among them, bound nothing that fits in user space.
func limitOf(c *syscalls.Call, which int) uint64 {
	r, errno := c.L.Proc().Rlimit(which)
	if errno != 0 || r.Cur >= 1<<62 {
		return 0
	}
	return max(r.Cur, 1)
}

// Munmap implements syscalls.Space.
// It asks for no memory, so it works at the limit: a guest must be able to give back.
func (s *Space) Munmap(c *syscalls.Call, addr, length uint64) netbsd.Errno {
	return s.change(c, nil, func() ([]vm.Op, netbsd.Errno) {
		// The map first: what munmap(2) refuses must leave the text as it is.
		ops, errno := s.m.Unmap(addr, length)
		if len(ops) > 0 {
			s.leaveText(threadOf(c), ops[0].Region.Start, ops[len(ops)-1].Region.End)
		}
		return ops, errno
	})
}

// Mprotect implements syscalls.Space.
//
// A page that may be written for the first time counts from then on, whether or not it is
// touched (vm.Region.Charge).
func (s *Space) Mprotect(c *syscalls.Call, addr, length uint64, prot int) netbsd.Errno {
	more := func() uint64 { return s.gains(addr, length, prot) }
	return s.change(c, more, func() ([]vm.Op, netbsd.Errno) {
		// Before the map changes, which is asked what the range has been until now.
		s.rewriteFor(threadOf(c), addr, length, prot)
		return s.m.Protect(addr, length, prot)
	})
}

// Madvise implements syscalls.Space.
// What the map has a step for is MADV_FREE alone; other advice is checked and then ignored,
// which madvise(2) allows. No memory is asked for: advice can only free some.
func (s *Space) Madvise(c *syscalls.Call, addr, length uint64, advice int) netbsd.Errno {
	return s.change(c, nil, func() ([]vm.Op, netbsd.Errno) { return s.m.Advise(addr, length, advice) })
}

// Msync implements syscalls.Space. mu is held while the host writes to a disk, so the LWPs of
// this space wait with their own changes; nobody else does.
func (s *Space) Msync(c *syscalls.Call, addr, length uint64, flags int) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	regions, errno := s.m.Msync(addr, length, flags)
	if errno != 0 {
		return errno
	}
	// MS_INVALIDATE takes no step: on the host a file's mappings and its reads and writes share one cache.
	hostFlags := syscall.MS_SYNC
	if flags&netbsd.MS_ASYNC != 0 {
		hostFlags = syscall.MS_ASYNC
	}
	for _, r := range regions {
		if errno := hostErrno(s.proc.Sync(threadOf(c), r.Start, r.Len(), hostFlags)); errno != 0 {
			return errno
		}
	}
	return 0
}

// Mincore implements syscalls.Space. Of anonymous memory the host says which pages there are; those of a file,
// which are in the host's cache or are read when they are needed, count as resident, as everything does where
// the host does not say.
//
// The lock is not held for the writes, which can take as long as vec is long; a sibling that
// unmaps meanwhile gets the answer of before. The bytes go out in pieces, as the guest chooses
// how many there are.
//
// Errors are those of vm.Map.Mincore, and EFAULT where a sibling takes the vector away meanwhile.
func (s *Space) Mincore(c *syscalls.Call, addr, length uint64, vec uint64) netbsd.Errno {
	var pages uint64
	var errno netbsd.Errno
	guard.Locked(&s.mu, func() { pages, errno = s.m.Mincore(addr, length) })
	const chunk = 4096
	b := make([]byte, min(pages, chunk))
	for done := uint64(0); done < pages; done += chunk {
		part := b[:min(chunk, pages-done)]
		s.resident(addr+done*vm.PageSize, part)
		if errno := s.Write(vec+done, part); errno != 0 {
			return errno
		}
	}
	return errno
}

// resident says of each page from addr on whether it is in memory. The host is asked without the lock: its answer is of a moment that
// is over when the guest reads it.
func (s *Space) resident(addr uint64, b []byte) {
	if s.proc.Resident(addr, b) != nil {
		for i := range b {
			b[i] = 1
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.m.Overlap(addr, addr+uint64(len(b))*vm.PageSize) {
		if _, memory := r.Obj.(vm.Memory); memory || r.Obj == nil {
			continue
		}
		for at := r.Start; at < r.End; at += vm.PageSize {
			b[(at-addr)/vm.PageSize] = 1
		}
	}
}

// LimitStack implements syscalls.Space. The limit and the map change together, as siblings can do the same. set
// runs with mu held, after the charge and before the host follows: where kern refuses the limit nothing has
// changed, and no sibling sees the new limit beside the old stack. Where the host then fails the limit stays,
// and the stack is as the host left it.
func (s *Space) LimitStack(c *syscalls.Call, to uint64, set func(used uint64) netbsd.Errno) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := stackLimit(c.L.Proc())
	more := uint64(0)
	if to = min(to, netbsd.MAXSSIZ); to > from {
		more = mostOf(to-from, netbsd.PROT_WRITE)
	}
	return s.charge(more, func() netbsd.Errno {
		if errno := set(s.stackUsed(from, threadOf(c).Regs().RSP)); errno != 0 {
			return errno
		}
		return s.do(threadOf(c), s.m.LimitStack(from, to), -1)
	})
}

// stackUsed is vm_ssize, how far the stack has grown: to the lowest page that has been touched (uvm_grow). Where the host
// does not say which those are, it is to the stack pointer.
func (s *Space) stackUsed(limit, sp uint64) uint64 {
	end := (min(limit, netbsd.MAXSSIZ) + vm.PageSize - 1) &^ (vm.PageSize - 1)
	pages := make([]byte, end/vm.PageSize)
	if s.proc.Resident(netbsd.StackTop-end, pages) == nil {
		for i := range pages {
			if pages[i]&1 != 0 {
				return end - uint64(i)*vm.PageSize
			}
		}
	}
	return min(netbsd.StackTop-sp&^(vm.PageSize-1), end) // which may be elsewhere
}

// Mremap implements syscalls.Space.
// The old pages count until they are gone, so a move asks for all of the new length. What the map then refuses
// has restored the text for nothing: its calls go the slow way from then on, which is no harm.
func (s *Space) Mremap(c *syscalls.Call, m syscalls.MremapArgs) (addr uint64, errno netbsd.Errno) {
	more := func() uint64 { return mostOf(min(m.NewLen, vm.Max), netbsd.PROT_WRITE) }
	errno = s.change(c, more, func() (ops []vm.Op, errno netbsd.Errno) {
		if errno = s.lengthen(m); errno != 0 {
			return nil, errno
		}
		s.restoreText(threadOf(c), m.Old, m.OldLen) // its jumps would lead astray elsewhere
		addr, ops, errno = s.m.Remap(m.Old, m.OldLen, m.New, m.NewLen, m.Flags)
		return ops, errno
	})
	return addr, errno
}

// lengthen makes room in a memfd for a mapping that is to be longer than the file is: what lies behind its end is memory as well, its
// object having no size (sys_memfd_create). Whether mremap(2) succeeds is not known yet; the room counts until the file's next change of
// size, or its end.
//
// ENOMEM: see memfdMemory.reserveLocked. The sum cannot wrap, as no position of a region is negative.
func (s *Space) lengthen(m syscalls.MremapArgs) netbsd.Errno {
	if m.OldLen > vm.Max || m.NewLen > vm.Max {
		return 0 // which the map refuses
	}
	was, is := wholePages(int64(m.OldLen)), wholePages(int64(m.NewLen))
	r, ok := s.m.Lookup(m.Old + was - 1)
	mem, memfd := r.Obj.(*memfdMemory)
	if !ok || !memfd || is <= was {
		return 0
	}
	mem.mu.Lock()
	defer mem.mu.Unlock()
	return mem.reserveLocked(uint64(r.Off) + (m.Old + was - r.Start) + (is - was))
}

// Minherit implements syscalls.Space.
// The host learns of most of it when the process forks (copyTo). Private memory that is to be shared
// becomes shared memory at once, while all others who use the memory stand still.
func (s *Space) Minherit(c *syscalls.Call, addr, length uint64, inherit int) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	errno := s.m.SetInherit(addr, length, inherit)
	if errno != 0 || inherit != netbsd.MAP_INHERIT_SHARE {
		return errno
	}
	return s.charge(mostOf(min(length, vm.Max), netbsd.PROT_WRITE), func() netbsd.Errno {
		return s.do(threadOf(c), s.m.Convert(addr, length), -1)
	})
}

// makeShared puts shared memory in r's place, with what is there: it is filled where the map has room, and moved into its place in one step, so that
// who reads meanwhile finds the one or the other. t is the caller's thread, and mu is held; the others of the process are stopped. Where it
// fails the old memory is still there, as what the process has in it is more than that its children share it. zero: what has not been touched is zeroes.
func (s *Space) makeShared(t *platform.Thread, r *vm.Region, zero bool) error {
	aside, ok := s.m.FindFree(0, r.Len(), vm.PageSize)
	if !ok {
		return syscall.ENOMEM
	}
	s.coverShelf(aside, aside+r.Len())
	copied := *r
	copied.Start, copied.End = aside, aside+r.Len()
	defer t.Freeze(r.Start, r.Len())()
	err := s.copyIn(t, &copied, s, r.Start, zero)
	if err == nil {
		err = s.proc.Remap(t, aside, r.Len(), r.Start, r.Len())
	}
	if err != nil {
		s.proc.Unmap(t, aside, r.Len())
	}
	return err
}

// copyIn maps r, which is anonymous, with what from has at address at, which with zero is zeroes where nobody has touched it. What cannot be read, as
// behind the end of a file, is left 0. t is a thread of s, which is stopped, and nobody writes to from meanwhile. An error can leave some of it there.
func (s *Space) copyIn(t *platform.Thread, r *vm.Region, from *Space, at uint64, zero bool) error {
	flags := syscall.MAP_PRIVATE | syscall.MAP_NORESERVE
	if r.Shared {
		flags = syscall.MAP_SHARED | syscall.MAP_NORESERVE
	}
	// Writable until it is filled, as Write obeys the protection, which comes last.
	if err := s.proc.Map(t, r.Start, r.Len(), syscall.PROT_READ|syscall.PROT_WRITE, flags, -1, 0); err != nil {
		return err
	}
	// Zeroes are not written, so that the host keeps no pages for memory that nobody has touched.
	const chunk = 64 << 10
	if !from.proc.Contents(at, r.Len(), zero, func(found uint64, b []byte) bool {
		to := r.Start + (found - at)
		for ; len(b) > 0; b, to = b[min(chunk, len(b)):], to+chunk {
			part := b[:min(chunk, len(b))]
			if isZero(part) {
				continue
			}
			if _, ok := s.proc.Write(to, part); !ok {
				return false
			}
		}
		return true
	}) {
		return syscall.EFAULT
	}
	return s.proc.Protect(t, r.Start, r.Len(), netbsd.ProtToLinux(r.Prot))
}

// isZero says whether there is nothing in b that a fresh page would not have.
func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// Mlock implements syscalls.Space. RLIMIT_MEMLOCK bounds what is wired. The host wires nothing: its own limit is toaster's user's, and
// pages that cannot be paged out would be a way to press others; so a guest's pages are brought in, and the map
// remembers the rest. EAGAIN, ENOMEM: see vm.Map.Wire. A page that cannot be brought in fails no call.
func (s *Space) Mlock(c *syscalls.Call, addr, length uint64, on bool) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	errno := s.m.Wire(addr, length, on, memlock(c))
	if errno == 0 && on {
		s.populate(addr, length)
	}
	return errno
}

// populate brings in the pages that are to stay, by reading them, as far as that is no burden. mu is held, by who waits for nobody but
// the host.
func (s *Space) populate(addr, length uint64) {
	const chunk = 64 << 10
	if length > mostPopulated {
		return
	}
	b := make([]byte, min(length, chunk))
	for done := uint64(0); done < length; done += chunk {
		s.proc.Read(addr+done, b[:min(length-done, chunk)])
	}
}

// Mlockall implements syscalls.Space.
// flags are known to the caller to be valid; 0 is munlockall(2). ENOMEM: more than RLIMIT_MEMLOCK would be
// wired. MCL_FUTURE holds even then, and ends with munlockall(2).
func (s *Space) Mlockall(c *syscalls.Call, flags int) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	if flags == 0 || flags&netbsd.MCL_FUTURE != 0 { // MCL_CURRENT alone leaves it (uvm_map_pageable_all)
		s.m.WireFuture(flags != 0)
	}
	if flags != 0 && flags&netbsd.MCL_CURRENT == 0 {
		return 0
	}
	errno := s.m.WireAll(flags != 0, memlock(c))
	if errno == 0 && flags != 0 && s.m.Wired() <= mostPopulated {
		for r := range s.m.All() {
			if r.Wired {
				s.populate(r.Start, r.Len())
			}
		}
	}
	return errno
}

// mostPopulated is up to which size memory that is to stay is brought in: a guest could have the kernel read
// for long otherwise, with mu held. The default stack fits.
const mostPopulated = 64 << 20

// memlock is the caller's RLIMIT_MEMLOCK. That of a process which ends is not to be found: then it is 0, and
// nothing may be wired.
func memlock(c *syscalls.Call) uint64 {
	r, _ := c.L.Proc().Rlimit(netbsd.RLIMIT_MEMLOCK)
	return r.Cur
}

// Brk implements syscalls.Space. RLIMIT_DATA bounds the break (sys_obreak).
//
// The old break is read by most, under the lock that change holds. A break that shrinks asks
// for 0.
func (s *Space) Brk(c *syscalls.Call, addr uint64) netbsd.Errno {
	limit := limitOf(c, netbsd.RLIMIT_DATA)
	if limit == 0 {
		limit = platform.GuestEnd
	}
	more := func() uint64 {
		_, end := s.m.Break()
		return mostOf(max(min(addr, vm.Max), end)-end, netbsd.PROT_WRITE)
	}
	return s.change(c, more, func() ([]vm.Op, netbsd.Errno) { return s.m.Brk(addr, limit) })
}

// record enters what exec mapped into the map of a space that nobody else knows.
//
// No steps are carried out: the caller maps all of it in few hand-overs. An error means that
// the program does not fit in user space.
func (s *Space) record(addr, size uint64, prot int, obj any, off int64, name string) netbsd.Errno {
	flags := netbsd.MAP_FIXED | netbsd.MAP_PRIVATE
	if obj == nil {
		flags |= netbsd.MAP_ANON
	}
	// The map has room where the shelf is, as it knows nothing of that: islands may be put there.
	s.coverShelf(addr, addr+size)
	_, _, errno := s.m.Map(vm.Request{Addr: addr, Len: size, Prot: prot, Flags: flags, Obj: obj, Off: off, Name: name})
	return errno
}
