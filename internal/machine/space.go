package machine

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"

	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/internal/sysv"
	"toaster/internal/vfs"
	"toaster/internal/vm"
	"toaster/kern"
	"toaster/netbsd"
)

// Space is the address space of one process, or of two while a vfork child borrows
// it: the host process that carries it and the map of what lies where (struct vmspace). It
// implements kern.AddressSpace and syscalls.Space.
//
// The map is the kernel's word on what a guest has mapped; the host process may differ, as
// a hostile guest can map by itself what is its own to map. So nothing that protects
// anybody else depends on the map: reads and writes go by the host's view and fail with EFAULT.
type Space struct {
	sys  *System
	proc *platform.Process

	nursery *platform.Nursery // of the program, if it is warm
	lwps    atomic.Int32      // created beside the first
	uses    atomic.Int32      // processes
	pax     atomic.Bool       // PaX MPROTECT holds, as m says

	text, data atomic.Uint64 // see sizes

	// mu guards what follows. It is held while a guest's thread is told to change its
	// memory, so only LWPs of the space take it, and who asks what is mapped (Mappings, Sizes): a guest
	// that does not answer keeps nobody else waiting, and these until it is killed.
	mu sync.Mutex
	m  *vm.Map

	shm sysv.Map // what of System V's shared memory is attached; it has a lock of its own

	texts []text // what has been rewritten in it; never changed, but replaced
	ownGS bool   // none of that is in use, nor will be: see leaveGS

	shelf  []piece      // what is left on its shelf; never changed, but replaced
	missed bool         // something was not there
	image  *cachedImage // whose copy it is, nil if it is none
	lesson *lesson      // nil: it is not looked at

	running []vfs.Text // the program and its dynamic linker, while a process is in here

	committed uint64 // bytes, see huge
	charged   uint64 // bytes, see memory
}

// newSpace returns the address space of a pristine process, in which nothing is mapped.
func newSpace(s *System, p *platform.Process) *Space {
	return s.spaceOf(p, vm.New(), nil)
}

// spaceOf returns the address space that p carries, with what m says in it.
func (s *System) spaceOf(p *platform.Process, m *vm.Map, n *platform.Nursery) *Space {
	space := &Space{sys: s, proc: p, m: m, nursery: n}
	space.pax.Store(m.Mprotects())
	space.uses.Store(1)
	return space
}

// Read implements syscalls.Space. Other threads of the guest run meanwhile: a handler reads
// each byte once and checks what it has read.
func (s *Space) Read(addr uint64, b []byte) netbsd.Errno {
	if len(b) == 0 {
		return 0
	}
	if _, ok := s.proc.Read(addr, b); !ok {
		return netbsd.EFAULT
	}
	return 0
}

// Write implements syscalls.Space.
// What is written may be overwritten by a sibling at once. A range that ends in memory that
// cannot be written may be written up to there, as by copyout(9).
func (s *Space) Write(addr uint64, b []byte) netbsd.Errno {
	if len(b) == 0 {
		return 0
	}
	if _, ok := s.proc.Write(addr, b); !ok {
		return netbsd.EFAULT
	}
	return 0
}

// ReadString implements syscalls.Space.
// At most max bytes are read, the terminating one included, however long the guest's memory
// goes on.
func (s *Space) ReadString(addr uint64, max int) (string, netbsd.Errno) {
	str, terminated, ok := s.proc.ReadString(addr, max)
	switch {
	case !ok:
		return "", netbsd.EFAULT
	case !terminated:
		return "", netbsd.ENAMETOOLONG
	}
	return str, 0
}

// Fork implements kern.AddressSpace. The child's LWP starts as the parent stands, but
// that its fork(2) has returned 0.
//
// kern calls it on the parent's goroutine, with the parent stopped in its call and the child
// unknown to all others, so the registers of both are the caller's. With share the child is one
// more thread of the parent's host process, and what is lent to a process with memory of its
// own ends first. The saved states are copied, as the child may return from its parent's
// handlers, too.
func (s *Space) Fork(parent, child *kern.LWP, share bool) (kern.AddressSpace, netbsd.Errno) {
	from := parent.Platform().Machdep().(*Context)
	to := &Context{sys: s.sys, private: from.private, trapped: trappedCall, frames: append([]savedState(nil), from.frames...)}
	if share {
		guard.Locked(&s.mu, s.endLesson)
		from.share()
		s.uses.Add(1)
		from.shareFiles()
		t, err := from.sharedThread(parent)
		if err != nil {
			s.uses.Add(-1)
			return nil, hostErrno(err)
		}
		to.thread, to.space = t, s
	} else {
		from.revoke(platform.LentActions) // clone(2) can share them
		if errno := s.copyTo(from, to); errno != 0 {
			return nil, errno
		}
	}
	r := to.thread.Regs()
	r.RAX, r.RDX = 0, 1
	r.RFLAGS &^= flagCarry
	to.attach(child)
	return to.space, 0
}

// sharedThread returns a thread for a child that shares the memory: the parent's own if that sleeps meanwhile. A
// parent that shows its processor (_lwp_ctl(2)) does so in its thread's slot, where the child must not show its own; and
// its debug registers are not the child's.
func (mc *Context) sharedThread(l *kern.LWP) (*platform.Thread, error) {
	if l.Platform().Vforks() && mc.cpuAt == 0 && !mc.thread.Debugging() {
		return mc.thread.Borrow()
	}
	return mc.thread.NewThread()
}

// Reclaim implements syscalls.Vforker.
func (mc *Context) Reclaim() {
	mc.thread.Reclaim()
	mc.thread.SetLWP(mc.l.ID())
}

// copyTo makes a copy of from's address space and gives it to to. The host forks the process,
// and the copy of the map follows with what minherit(2) asks for. mu is held throughout:
// no sibling may change the map between the two.
//
// The child's charge is promised before the host forks, which is the dear part. A sibling that
// maps by itself, past the kernel, can make map and copy differ; it deceives its own process.
func (s *Space) copyTo(from, to *Context) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLesson()
	s.returnShelf()
	if err := s.clearShelf(from.thread); err != nil {
		return hostErrno(err)
	}
	m, ops := s.m.Fork()
	n := s.charged
	if s.sys.memory.limit > 0 {
		n = max(n, m.Charge()) // more, if it gets copies of what is shared
	}
	p, t, errno := s.forkHost(from.thread, n)
	if errno != 0 {
		s.sys.memory.give(m.Clear())
		return errno
	}
	to.thread, to.alone, to.stale = t, true, lentAlone
	to.space = s.sys.spaceOf(p, m, nil)
	to.space.committed, to.space.charged = s.committed, n
	to.space.texts, to.space.ownGS = s.texts, s.ownGS
	for _, x := range s.running {
		to.space.running = append(to.space.running, x.Again())
	}
	to.space.settle()
	for i := range ops {
		var err error
		if r := &ops[i].Region; ops[i].Kind == vm.OpCopy {
			err = to.space.copyIn(t, r, s, r.Start, false)
		} else {
			err = to.space.step(t, &ops[i], -1)
		}
		if err != nil {
			to.space.release()
			return hostErrno(err)
		}
	}
	s.sys.SysV.Shm.Fork(&s.shm, &to.space.shm)
	return 0
}

// forkHost has the host fork t's process, whose copy counts for n bytes. mu is held.
func (s *Space) forkHost(t *platform.Thread, n uint64) (*platform.Process, *platform.Thread, netbsd.Errno) {
	if errno := s.sys.memory.hostHas(); errno != 0 {
		return nil, nil, errno
	}
	if errno := s.sys.memory.take(n); errno != 0 {
		return nil, nil, errno
	}
	p, child, err := t.Fork()
	if err != nil {
		s.sys.memory.give(n)
		return nil, nil, hostErrno(err)
	}
	return p, child, 0
}

// Usage implements kern.Usager. Times are the host's, in its grain; Ixrss and its like are how long text, data and stack are, in KiB (ruspace), of which
// the stack is what executionStack says.
//
// A guest's processor time is the host's account of it, so no guest can forge it.
func (s *Space) Usage(p *kern.Proc, l *kern.LWP) netbsd.Rusage {
	var t *platform.Thread
	if l != nil {
		if mc, ok := l.Platform().Machdep().(*Context); ok && mc.space == s {
			t = mc.thread
		}
	}
	u := s.proc.Usage(t)
	text, data := s.sizes()
	stack := uint64(netbsd.PageSize)
	if t != nil {
		stack = syscalls.MainStack(t.Regs().RSP)
	}
	return netbsd.Rusage{
		Utime: u.User, Stime: u.System, Maxrss: u.MaxRSS,
		Ixrss: int64(text >> 10), Idrss: int64(data >> 10), Isrss: int64(stack >> 10),
		Minflt: u.MinorFaults, Majflt: u.MajorFaults,
		Inblock: u.InBlocks, Oublock: u.OutBlocks, Nvcsw: u.Voluntary, Nivcsw: u.Preempted,
	}
}

// sizes returns how long text and data are. Who measures a process must not wait for its memory: while that is being changed they are what they
// were when somebody last asked.
func (s *Space) sizes() (text, data uint64) {
	if s.mu.TryLock() {
		text, data = s.m.Sizes()
		s.mu.Unlock()
		s.text.Store(text)
		s.data.Store(data)
	}
	return s.text.Load(), s.data.Load()
}

// sole says whether s belongs to one process alone.
// Only a user of s can make another one, so for its only user the answer stands; others may
// find it old.
func (s *Space) sole() bool { return s.uses.Load() == 1 }

// Kill implements kern.Killer: what ends first is the host process. One that a vfork child
// borrows is spared for as long as it does.
func (s *Space) Kill(p *kern.Proc) {
	if s.sole() {
		s.proc.Kill()
		return
	}
	s.Doom(p)
}

// Doom implements kern.Killer: p is to die, and if its LWPs have not ended by themselves after
// a while the host process is killed. Both questions are asked then, not now.
func (s *Space) Doom(p *kern.Proc) {
	s.proc.Doom(func() (still, now bool) { return p.Dying(s), s.sole() })
}

// Exit implements kern.AddressSpace. The host process goes with its last user; until
// then, l's thread goes alone.
//
// The release is on a goroutine of its own, so that the exit does not wait for the host. But what a killed
// process still has of pipes and sockets has to be closed before its parent knows of its end, so that who is at the other end
// hears of that by then (items 14 and 15 come before the zombie).
func (s *Space) Exit(_ *kern.Proc, l *kern.LWP) {
	if s.drop() {
		if s.proc.HoldsEnds() {
			s.release()
			<-s.proc.Gone()
			return
		}
		s.sys.releases.Add(1)
		guard.Go("a host process was let go of", func() {
			defer s.sys.releases.Done()
			s.release()
		})
		return
	}
	if l == nil {
		return // FreeLWP has seen to it
	}
	if mc, ok := l.Platform().Machdep().(*Context); ok && mc.space == s {
		mc.endThread()
	}
}

// drop ends the use by one process, and says whether it was the last one.
func (s *Space) drop() bool {
	last := s.uses.Add(-1) == 0
	if last {
		s.sys.SysV.Shm.Exit(&s.shm)
	}
	if last {
		s.endLesson()
		s.returnShelf()
		s.clear()
	}
	if last && s.nursery != nil {
		s.nursery.Expect(int(s.lwps.Load()))
	}
	return last
}

// FreeLWP implements kern.LWPFreer: the host thread goes with its LWP, or, if that is
// about to end, with the host process: to end each takes several switches.
//
// kern calls it at most once for an LWP, which runs no guest code any more, and without its
// lock.
func (s *Space) FreeLWP(l *kern.LWP, exiting bool) {
	if exiting && s.sole() {
		return
	}
	if mc, ok := l.Platform().Machdep().(*Context); ok && mc.space == s {
		mc.endThread()
	}
}

// WaitLWP implements kern.LWPFreer. Nothing is left to wait for: a thread that was told to end
// touches no guest memory any more.
func (s *Space) WaitLWP(*kern.LWP) {}

// attach makes mc the machine context of l, before l can run.
//
// Nobody else uses l or mc yet. mc must be complete but for what is set here.
func (mc *Context) attach(l *kern.LWP) {
	mc.l, mc.call.L = l, l
	l.Platform().SetMachdep(mc)
	mc.bind()
}

// bind makes mc's thread and space those of its LWP, before it runs and after an exec.
//
// From here on any goroutine may kick the thread or read what is lent to it; it must stay valid
// until another bind, dropSpace, or the LWP's end.
func (mc *Context) bind() {
	mc.fpu, mc.call.Space = mc.thread, mc.space
	mc.l.Platform().SetKicker(mc.thread.Kick)
	mc.l.Platform().SetLent(lentBy{mc.thread})
	mc.thread.SetLWP(mc.l.ID())
}

// share is due before the process gets another LWP, or another process its memory.
//
// It must come before the other one exists: with two LWPs the actions have two writers, and
// room that one of them maps could be taken by the other.
func (mc *Context) share() {
	mc.alone = false
	mc.revoke(lentAlone)
}

// hostErrno converts what the host answered. What has no errno, such as that the host process
// is gone, is ENOMEM: the caller dies of it, or had asked for a process or memory.
func hostErrno(err error) netbsd.Errno {
	if err == nil {
		return 0
	}
	var e syscall.Errno
	if errors.As(err, &e) {
		return hostfile.Errno(e)
	}
	return netbsd.ENOMEM
}

// Peek implements syscalls.Peeker.
// It is a debugger's look, whatever protections say; the rules of ptrace(2) have been asked
// before.
func (s *Space) Peek(addr uint64, b []byte) bool { return !s.onShelf(addr) && s.proc.Peek(addr, b) }

// Poke implements syscalls.Peeker.
func (s *Space) Poke(addr uint64, b []byte) bool { return !s.onShelf(addr) && s.proc.Poke(addr, b) }

// PaxMprotect says whether PaX MPROTECT holds in the space (proc.PID.paxflags of sysctl(7)).
func (s *Space) PaxMprotect() bool { return s.pax.Load() }
