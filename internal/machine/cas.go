package machine

import (
	"syscall"

	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/internal/vm"
	"toaster/netbsd"
)

// This file changes a word of a guest's in one step, which nobody can do from outside: the calling thread itself
// executes an instruction for the kernel, on a page that is there for as long as that takes.

// casCode is LOCK CMPXCHGL SI, (DI), and UD2, whose trap says that it is done.
var casCode = []byte{0xf0, 0x0f, 0xb1, 0x37, 0x0f, 0x0b}

const (
	casDone  = 4    // where the UD2 is
	casTries = 1000 // a kick ends a try: it is for later
)

// CompareAndSwap implements syscalls.Space. The page is where the map has room, and mu is held so that nobody
// maps anything over it. A sibling that has the host do so nevertheless can keep the thread from coming back,
// and itself from changing its memory, until the process is killed.
func (s *Space) CompareAndSwap(c *syscalls.Call, addr uint64, old, to uint32) (uint32, netbsd.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.m.FindFree(0, vm.PageSize, vm.PageSize)
	if !ok {
		return 0, netbsd.ENOMEM
	}
	s.coverShelf(at, at+vm.PageSize)
	t := threadOf(c)
	if errno := hostErrno(s.mapCode(t, at, casCode)); errno != 0 {
		return 0, errno
	}
	defer s.proc.Unmap(t, at, vm.PageSize)
	// Nobody else looks at the registers meanwhile: the thread's goroutine is the one that is here, in the guest's own call.
	saved := *t.Regs()
	defer func() { *t.Regs() = saved }()
	r := t.Regs()
	r.RIP, r.RDI, r.RSI, r.RAX = at, addr, uint64(to), uint64(old)
	r.RFLAGS &^= userFlagTF // a step would end each try before its instruction is done
	// The instruction is done once, whatever happens: the trap comes behind it, and a kick that comes before it leaves RIP where
	// it was. Any other end is a fault of the address, which is the guest's, and EFAULT as for a write to it.
	for range casTries {
		trap := t.Run()
		switch r = t.Regs(); {
		case trap.Kind == platform.Gone:
			return 0, netbsd.EFAULT
		case r.RIP == at+casDone:
			return uint32(r.RAX), 0
		case trap.Kind != platform.Kicked || r.RIP != at:
			return 0, netbsd.EFAULT
		}
	}
	return 0, netbsd.EFAULT
}

// mapCode puts code on a page of its own, which is never writable and executable at once. mu is held.
//
// A sibling can write to the page before it is protected. It gains nothing: what runs there is guest code, by the caller's thread, in
// the caller's memory, and a system call from it meets the filter as from any other.
func (s *Space) mapCode(t *platform.Thread, at uint64, code []byte) error {
	const private = syscall.MAP_PRIVATE | syscall.MAP_NORESERVE
	if err := s.proc.Map(t, at, vm.PageSize, syscall.PROT_READ|syscall.PROT_WRITE, private, -1, 0); err != nil {
		return err
	}
	if _, ok := s.proc.Write(at, code); !ok {
		return syscall.EFAULT
	}
	return s.proc.Protect(t, at, vm.PageSize, syscall.PROT_READ|syscall.PROT_EXEC)
}
