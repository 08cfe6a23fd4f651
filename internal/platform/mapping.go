package platform

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// The calls of this file change the guest's memory. They are made by t, a stopped thread of
// the process that the caller owns, with Linux's flags and protections, at the addresses given
// and nowhere else. Errors wrap a syscall.Errno of the host, or are ErrGone.
//
// The stopped thread tells how they went, so an error, or none, is the guest's word. The caller
// keeps a map of what the guest should have (internal/vm), which a hostile guest's memory may
// differ from; nothing but the guest itself depends on that.

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

// MapAll is Map for several mappings, of one file or anonymous, in one go: up to MaxMappings of
// them. It stops at the first that fails: those before it remain.
func (q *Process) MapAll(t *Thread, fd int, list ...Mapping) error {
	if len(list) > MaxMappings {
		return fmt.Errorf("host: map: %w", syscall.E2BIG)
	}
	var commands [stub.MaxCommands]stub.Command
	n, files := 1, false
	for _, m := range list {
		if !stub.InGuestRange(m.Addr, m.Size) {
			return fmt.Errorf("host: map: %w", syscall.EINVAL)
		}
		if m.Keep {
			commands[n] = stub.Command{Nr: unix.SYS_MPROTECT, Args: [6]uint64{m.Addr, m.Size, uint64(m.Prot)}}
			n++
			continue
		}
		flags := m.Flags &^ unix.MAP_ANONYMOUS
		if flags&unix.MAP_FIXED_NOREPLACE == 0 {
			flags |= unix.MAP_FIXED
		}
		file := uint64(stub.PassedFD)
		if m.Anonymous {
			flags |= unix.MAP_ANONYMOUS
			file = ^uint64(0)
		} else {
			files = true
		}
		commands[n] = stub.Command{Nr: unix.SYS_MMAP, Args: [6]uint64{
			m.Addr, m.Size, uint64(m.Prot), uint64(flags), file, uint64(m.Offset),
		}}
		n++
	}
	if !files {
		return t.execute("map", commands[1:n]...)
	}
	return t.executeWithFile("map", fd, commands[:n+1])
}

// MaxMappings is the number of mappings that MapAll takes, beside the file's passing and its end.
const MaxMappings = stub.MaxCommands - 2

// executeWithFile injects commands while the host process has fd; the first and the last of them are
// left free, for asking and for giving it up: what all went well of takes one hand-over.
// One thread at a time, as they all know the same descriptor. A sibling of the thread, if it
// is hostile, can use the file meanwhile by calls of the stub, which are to map it: that is
// why it must be one that the guest may map.
func (t *Thread) executeWithFile(what string, fd int, commands []stub.Command) error {
	if !t.enterWithFrame() {
		return ErrGone
	}
	defer t.leave()
	t.proc.fdPassing.Lock()
	defer t.proc.fdPassing.Unlock()
	commands[0] = stub.Command{Nr: stub.AskFile}
	commands[len(commands)-1] = closePassed
	err := errInterrupted
	for err == errInterrupted {
		err = t.whilePassing(fd, commands)
	}
	if err != nil {
		return fmt.Errorf("host: %s: %w", what, err)
	}
	return nil
}

// whilePassing does it once. The thread asks for the file by the first command, and the order
// lets the supervisor pass it once. It fails with errInterrupted if a signal to toaster's own
// thread came in between: the host has then told the guest's thread that the descriptor is
// there, and it is not.
func (t *Thread) whilePassing(fd int, commands []stub.Command) error {
	err := t.askForFile(fd, stub.PassedFD, commands)
	if err == errInterrupted {
		return err
	}
	if err != nil { // so the last command was not executed
		t.inject(closePassed)
	}
	return err
}

// closePassed ends the passing: a file may stay no longer than it takes to map it.
var closePassed = stub.Command{Nr: unix.SYS_CLOSE, Args: [6]uint64{stub.PassedFD}}

// askForFile has t execute commands, the first of which asks for a file: the supervisor passes
// fd as descriptor as, once. It fails with errInterrupted if it has not been passed.
func (t *Thread) askForFile(fd, as int, commands []stub.Command) error {
	p := t.proc.platform
	f := &pendingFile{fd: fd, as: as, done: make(chan struct{})}
	t.setOrder(order{kind: orderFile, file: f})
	p.supervise(f.done, func() { t.startCommands(commands...) }, func() bool {
		return isClosed(f.done) || t.slot.LoadTurn() >= stub.TurnKernel || t.proc.ended.Load()
	})
	err := t.finishCommands(len(commands))
	if _, waits := p.takeOrder(t, orderFile); waits {
		return err // who would have passed it was not asked
	}
	<-f.done // who passes it waits for no guest
	if f.again {
		return errInterrupted
	}
	return err
}

// setOrder sets what the supervisor may grant t, before t is given the turn, and withdraws it
// afterwards. It is the supervisor's only source of what t may ask for.
func (t *Thread) setOrder(o order) {
	p := t.proc.platform
	p.mu.Lock()
	t.order = o
	p.mu.Unlock()
}

// Unmap removes all mappings in a range.
func (q *Process) Unmap(t *Thread, addr, size uint64) error {
	if !stub.InGuestRange(addr, size) {
		return fmt.Errorf("host: unmap: %w", syscall.EINVAL)
	}
	return t.execute("unmap", stub.Command{Nr: unix.SYS_MUNMAP, Args: [6]uint64{addr, size}})
}

// Protect changes the protection of a range.
func (q *Process) Protect(t *Thread, addr, size uint64, prot int) error {
	if !stub.InGuestRange(addr, size) {
		return fmt.Errorf("host: protect: %w", syscall.EINVAL)
	}
	return t.execute("protect", stub.Command{Nr: unix.SYS_MPROTECT, Args: [6]uint64{addr, size, uint64(prot)}})
}

// Advise is madvise with the advices that concern the guest's memory alone.
func (q *Process) Advise(t *Thread, addr, size uint64, advice int) error {
	if !stub.InGuestRange(addr, size) {
		return fmt.Errorf("host: advise: %w", syscall.EINVAL)
	}
	return t.execute("advise", stub.Command{Nr: unix.SYS_MADVISE, Args: [6]uint64{addr, size, uint64(advice)}})
}

// Sync writes a range of a shared file mapping back.
func (q *Process) Sync(t *Thread, addr, size uint64, flags int) error {
	if !stub.InGuestRange(addr, size) {
		return fmt.Errorf("host: sync: %w", syscall.EINVAL)
	}
	if !t.enterWithFrame() { // with signals blocked: this is a call that they interrupt
		return ErrGone
	}
	t.leave()
	return t.execute("sync", stub.Command{Nr: unix.SYS_MSYNC, Args: [6]uint64{addr, size, uint64(flags)}})
}

// Remap resizes a mapping, in place if to equals addr, and moves it to address
// to otherwise, replacing what is there.
func (q *Process) Remap(t *Thread, addr, size, to, newSize uint64) error {
	if !stub.InGuestRange(addr, size) || !stub.InGuestRange(to, newSize) {
		return fmt.Errorf("host: remap: %w", syscall.EINVAL)
	}
	flags := uint64(0)
	if to != addr {
		flags = unix.MREMAP_MAYMOVE | unix.MREMAP_FIXED
	}
	return t.execute("remap", stub.Command{Nr: unix.SYS_MREMAP, Args: [6]uint64{addr, size, newSize, flags, to}})
}

// A Move is one piece of what MoveAll moves.
type Move struct {
	From, To, Size uint64
	Prot           int // which it has afterwards
}

// MoveAll moves mappings, replacing what is there, and protects them, in one go: up to MaxMoves of them. It stops
// at the first that fails: those before it are where they should be.
func (q *Process) MoveAll(t *Thread, list ...Move) error {
	if len(list) > MaxMoves {
		return fmt.Errorf("host: move: %w", syscall.E2BIG)
	}
	var commands [stub.MaxCommands]stub.Command
	for i, m := range list {
		if !stub.InGuestRange(m.From, m.Size) || !stub.InGuestRange(m.To, m.Size) {
			return fmt.Errorf("host: move: %w", syscall.EINVAL)
		}
		commands[2*i] = stub.Command{Nr: unix.SYS_MREMAP, Args: [6]uint64{m.From, m.Size, m.Size, unix.MREMAP_MAYMOVE | unix.MREMAP_FIXED, m.To}}
		commands[2*i+1] = stub.Command{Nr: unix.SYS_MPROTECT, Args: [6]uint64{m.To, m.Size, uint64(m.Prot)}}
	}
	return t.execute("move", commands[:2*len(list)]...)
}

// MaxMoves is the number of pieces that MoveAll takes.
const MaxMoves = stub.MaxCommands / 2
