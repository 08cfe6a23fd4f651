package platform

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// The calls of this file change the guest's memory. They are made by t, a
// stopped thread of the process, with Linux's flags and protections, at the
// addresses given and nowhere else. Errors wrap a syscall.Errno of the host.

// inGuest says whether a range lies where guests may map.
func inGuest(addr, size uint64) bool {
	return addr < GuestEnd && size <= GuestEnd-addr
}

// Map maps size bytes at addr, replacing what is there unless flags has
// MAP_FIXED_NOREPLACE. With fd < 0 the memory is anonymous; otherwise fd is a
// descriptor of toaster's, whose file is mapped from off. The guest could use the
// file as far as the descriptor allows, so it must not allow more than the
// guest itself may do.
func (q *Process) Map(t *Thread, addr, size uint64, prot, flags, fd int, off int64) error {
	return q.MapAll(t, fd, Mapping{addr, size, prot, flags, off, fd < 0, false})
}

// A Mapping is one piece of what MapAll maps.
type Mapping struct {
	Addr, Size uint64
	Prot       int
	Flags      int
	Offset     int64
	Anonymous  bool // not of the file
	Keep       bool // only change the protection of what is there
}

// MapAll is Map for several mappings, of one file or anonymous, in one go: up to
// MaxMappings of them. It stops at the first that fails.
func (q *Process) MapAll(t *Thread, fd int, list ...Mapping) error {
	if len(list) > MaxMappings {
		return fmt.Errorf("host: map: %w", syscall.E2BIG)
	}
	var commands [maxCommands]command
	n, files := 1, false
	for _, m := range list {
		if !inGuest(m.Addr, m.Size) {
			return fmt.Errorf("host: map: %w", syscall.EINVAL)
		}
		if m.Keep {
			commands[n] = command{unix.SYS_MPROTECT, [6]uint64{m.Addr, m.Size, uint64(m.Prot)}}
			n++
			continue
		}
		flags := m.Flags &^ unix.MAP_ANONYMOUS
		if flags&unix.MAP_FIXED_NOREPLACE == 0 {
			flags |= unix.MAP_FIXED
		}
		file := uint64(passedFD)
		if m.Anonymous {
			flags |= unix.MAP_ANONYMOUS
			file = ^uint64(0)
		} else {
			files = true
		}
		commands[n] = command{unix.SYS_MMAP, [6]uint64{
			m.Addr, m.Size, uint64(m.Prot), uint64(flags), file, uint64(m.Offset),
		}}
		n++
	}
	if !files {
		return t.execute("map", commands[1:n]...)
	}
	return t.doWithFile("map", fd, commands[:n])
}

// MaxMappings is the number of mappings that MapAll takes.
const MaxMappings = maxCommands - 2

// doWithFile injects commands while the host process has fd; the first command
// is left free. One thread at a time, as they all know the same descriptor.
func (t *Thread) doWithFile(what string, fd int, commands []command) error {
	if !t.enterWithFrame() {
		return ErrGone
	}
	defer t.leave()
	t.proc.fdPassing.Lock()
	defer t.proc.fdPassing.Unlock()
	commands[0] = command{nr: askFile}
	err := errInterrupted
	for err == errInterrupted {
		err = t.whilePassing(fd, commands)
	}
	if err != nil {
		return fmt.Errorf("host: %s: %w", what, err)
	}
	return nil
}

// whilePassing does it once.
func (t *Thread) whilePassing(fd int, commands []command) error {
	p := t.proc.platform
	t.setOrder(order{kind: orderFile, fd: fd})
	p.superviseFrom(func() { t.startCommands(commands...) }, func() bool {
		return p.delivered(t) || atomicTurn(t.slot) >= turnKernel || t.proc.ended.Load()
	})
	err := t.finishCommands(len(commands))
	again := p.undelivered(t)
	if again {
		return errInterrupted
	}
	// A file may stay no longer than it takes to map it.
	if e := t.inject(command{unix.SYS_CLOSE, [6]uint64{passedFD}}); err == nil {
		err = e
	}
	return err
}

// undelivered withdraws t's order, and says whether it must be given again.
func (p *Platform) undelivered(t *Thread) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	again := t.order.kind == orderAgain
	t.order = order{}
	return again
}

// delivered says whether the supervisor has carried out t's order.
func (p *Platform) delivered(t *Thread) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return t.order.kind != orderFile
}

// setOrder sets what the supervisor may grant t.
func (t *Thread) setOrder(o order) {
	p := t.proc.platform
	p.mu.Lock()
	t.order = o
	p.mu.Unlock()
}

// Unmap removes all mappings in a range.
func (q *Process) Unmap(t *Thread, addr, size uint64) error {
	if !inGuest(addr, size) {
		return fmt.Errorf("host: unmap: %w", syscall.EINVAL)
	}
	return t.execute("unmap", command{unix.SYS_MUNMAP, [6]uint64{addr, size}})
}

// Protect changes the protection of a range.
func (q *Process) Protect(t *Thread, addr, size uint64, prot int) error {
	if !inGuest(addr, size) {
		return fmt.Errorf("host: protect: %w", syscall.EINVAL)
	}
	return t.execute("protect", command{unix.SYS_MPROTECT, [6]uint64{addr, size, uint64(prot)}})
}

// Advise is madvise with the advices that concern the guest's memory alone.
func (q *Process) Advise(t *Thread, addr, size uint64, advice int) error {
	if !inGuest(addr, size) {
		return fmt.Errorf("host: advise: %w", syscall.EINVAL)
	}
	return t.execute("advise", command{unix.SYS_MADVISE, [6]uint64{addr, size, uint64(advice)}})
}

// Sync writes a range of a shared file mapping back.
func (q *Process) Sync(t *Thread, addr, size uint64, flags int) error {
	if !inGuest(addr, size) {
		return fmt.Errorf("host: sync: %w", syscall.EINVAL)
	}
	if !t.enterWithFrame() { // with signals blocked: this is a call that they interrupt
		return ErrGone
	}
	t.leave()
	return t.execute("sync", command{unix.SYS_MSYNC, [6]uint64{addr, size, uint64(flags)}})
}

// Remap resizes a mapping, in place if to equals addr, and moves it to address
// to otherwise, replacing what is there.
func (q *Process) Remap(t *Thread, addr, size, to, newSize uint64) error {
	if !inGuest(addr, size) || !inGuest(to, newSize) {
		return fmt.Errorf("host: remap: %w", syscall.EINVAL)
	}
	flags := uint64(0)
	if to != addr {
		flags = unix.MREMAP_MAYMOVE | unix.MREMAP_FIXED
	}
	return t.execute("remap", command{unix.SYS_MREMAP, [6]uint64{addr, size, newSize, flags, to}})
}
