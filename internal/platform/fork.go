package platform

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"syscall"
	"time"

	"toaster/internal/platform/stub"
)

// This file creates processes and threads. Only a thread of the guest's own host process can
// clone it, so the guest's thread is told to, and nothing that the guest can write may decide
// what comes of it:
//
//  1. The newborn's slot is laid out in advance (prepareSlot): it has the creator's registers,
//     and the turn is the kernel's.
//  2. A pendingClone is entered under a random token, and the creator is given an order: which
//     flags, token and slot it may clone with.
//  3. The creator has its turn. Its clone is a question to the supervisor, which compares the
//     registers with the order (clone.go). A copy of a program that has never run asks nobody.
//  4. The newborn runs the stub alone. It asks the supervisor in turn, with the token and its
//     slot in registers, and so is bound to the pendingClone (supervise.go). A process is given
//     its control window with the answer.
//  5. Both creator and newborn wait in the stub with the turn the kernel's.
//
// The creator's report and the newborn's come in any order; whoever ordered the clone answers
// the questions meanwhile, and waits for both.

// Fork copies the address space. The result is a process with one thread that has t's
// registers and extended state, stopped where t is. The caller owns the new thread. It fails
// with an error that wraps EAGAIN or ENOMEM where the host has no room for another process,
// and with ErrGone where t's is dead.
func (t *Thread) Fork() (*Process, *Thread, error) {
	if err := t.proc.platform.admitProcess(); err != nil {
		return nil, nil, fmt.Errorf("host: fork: %w", err)
	}
	if !t.enter() {
		return nil, nil, ErrGone
	}
	defer t.leave()
	if !t.ensureFPLoaded() {
		return nil, nil, ErrGone
	}
	child, err := t.fork()
	if err != nil {
		t.proc.platform.reportRefusal(err)
		return nil, nil, fmt.Errorf("host: fork: %w", err)
	}
	return child.proc, child, nil
}

// ensureFPLoaded sees to it that a newborn inherits the extended state that t is to have: it
// is in the processor, or in the signal frame. State that waits in t to be loaded would be
// loaded after the clone, by the creator alone.
func (t *Thread) ensureFPLoaded() bool { return !t.fpDirty || t.ensureFrame() }

func (t *Thread) fork() (*Thread, error) {
	for range maxForkTries {
		n, err := t.forkOnce()
		if err != errInterrupted {
			return n, err
		}
	}
	return nil, errInterrupted
}

// maxForkTries bounds how often a fork is tried that a signal to toaster's own
// thread spoils: one in some thousands is.
const maxForkTries = 100

// forkOnce fails with errInterrupted if a signal to toaster's own thread spoilt the passing of
// the control window: the newborn has then ended, and the fork is to be made again.
func (t *Thread) forkOnce() (*Thread, error) {
	p := t.proc.platform
	if t.proc == p.zygote {
		p.learnX(t)
	}
	win, err := p.arena.acquire(t.index)
	if err != nil {
		return nil, err
	}
	s := p.arena.slot(win, t.index)
	if !t.prepareSlot(s) {
		p.arena.release(win)
		return nil, ErrGone
	}
	b := &pendingClone{fork: true, target: s.Addr(), win: win, index: t.index, done: make(chan struct{})}
	if err := t.clone(b, stub.OpFork, stub.ForkFlags); err != nil {
		p.arena.release(win)
		return nil, err
	}
	if b.err != nil {
		if b.thread == nil {
			p.arena.release(win)
		}
		return nil, b.err
	}
	b.thread.regs, b.thread.light = t.regs, t.light
	b.thread.proc.rewritten.Store(t.proc.rewritten.Load())
	b.thread.proc.ownGS.Store(t.proc.ownGS.Load())
	return b.thread, nil
}

// maxCloneSeconds is how many seconds a newborn may take that is alive, by its parent's word.
const maxCloneSeconds = 10

// prepareSlot makes s the slot of a newborn that t clones, as if it had stopped where t has.
// The turn is the kernel's before the newborn exists: it waits at once.
func (t *Thread) prepareSlot(s stub.Slot) bool {
	if t.light {
		s.PrepareLight(t.slot)
	} else if !s.Adopt(t.slot) {
		t.killHostile()
		return false
	}
	s.SetTurn(stub.TurnKernel)
	return true
}

// NewThread creates another thread in t's address space. It starts with t's registers and
// extended state; the caller owns it, and sets what is to differ. A parked host thread is
// used if there is one. It fails as Fork does, and where the process has as many threads as
// its window has slots.
func (t *Thread) NewThread() (*Thread, error) {
	if !t.enter() {
		return nil, ErrGone
	}
	defer t.leave()
	if n := t.unpark(); n != nil {
		return n, nil
	}
	if !t.ensureFPLoaded() {
		return nil, ErrGone
	}
	err := t.proc.platform.admitThread()
	var n *Thread
	if err == nil {
		if n, err = t.newThread(); err != nil {
			t.proc.platform.reportRefusal(err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("host: new thread: %w", err)
	}
	return n, nil
}

// slotsError says that a process has as many threads as its window has slots.
type slotsError struct{}

func (slotsError) Error() string {
	return fmt.Sprintf("a process has %d threads at most: %v", stub.SlotsPerWindow, syscall.EAGAIN)
}
func (slotsError) Unwrap() error { return syscall.EAGAIN }

func (t *Thread) newThread() (*Thread, error) {
	p, win := t.proc.platform, t.proc.win
	index, ok := win.takeSlot()
	if !ok {
		return nil, slotsError{}
	}
	s := p.arena.slot(win, index)
	if !t.prepareSlot(s) {
		return nil, ErrGone
	}
	b := &pendingClone{target: s.Addr(), proc: t.proc, index: index, done: make(chan struct{})}
	if err := t.clone(b, stub.OpThread, stub.ThreadFlags); err != nil {
		win.freeSlot(index)
		return nil, err
	}
	if b.err != nil {
		return nil, b.err
	}
	b.thread.regs, b.thread.light = t.regs, t.light
	return b.thread, nil
}

// clone has t make the clone of b and waits until t has its turn back and the newborn has
// reported. Neither need ever happen with a hostile guest: the newborn can have been killed by
// a sibling of t, t can say that a clone has succeeded that it has not made, or that it has
// failed, and it can do nothing at all, which the watchdog sees. So after a second, and each
// second from then on, the process that t claims to have made is looked for. t is not believed
// for longer than maxCloneSeconds.
//
// Preconditions: t is entered, prepareSlot has been called, and b is registered nowhere.
func (t *Thread) clone(b *pendingClone, op uint32, flags uint64) error {
	p, s := t.proc.platform, t.slot
	token := newToken()
	p.mu.Lock()
	p.pendingClones[token] = b
	t.order = order{kind: orderClone, args: cloneArgs{flags, token, b.target}}
	p.mu.Unlock()
	defer t.setOrder(order{})
	s.SetClone(flags, token, b.target, t.pass())
	defer s.ClearPass()
	// The newborn may report before or after its parent has its turn back.
	patience := time.Now().Add(time.Second)
	late, dead := 0, false
	var failed syscall.Errno
	p.supervise(b.done, func() { t.giveTurn(op) }, func() bool {
		if isClosed(b.done) || t.proc.ended.Load() {
			return true
		}
		if s.LoadTurn() < stub.TurnKernel {
			return false
		}
		pid, e := s.CloneResult()
		if e == 0 && time.Now().After(patience) {
			patience = time.Now().Add(time.Second)
			late++
			dead = p.cloneDied(pid) || late > maxCloneSeconds && t.killHostile().Kind == Gone
		}
		failed = e
		return e != 0 || dead
	})
	if !t.awaitTurn() || dead {
		return p.cancelClone(token, b, ErrGone)
	}
	if failed != 0 {
		return p.cancelClone(token, b, failed)
	}
	return nil
}

// cancelClone withdraws a clone that was ordered, and returns err; or nil, if the newborn has
// reported after all and so is b's.
func (p *Platform) cancelClone(token uint64, b *pendingClone, err error) error {
	p.mu.Lock()
	_, waiting := p.pendingClones[token]
	delete(p.pendingClones, token)
	p.mu.Unlock()
	if waiting {
		return err
	}
	<-b.done // somebody has taken b, to bind the newborn, and waits for no guest
	return nil
}

// newToken returns a number that no guest can guess: it names a pendingClone, and the pass is
// one. crypto/rand does not fail.
func newToken() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}
