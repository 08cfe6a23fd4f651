package platform

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"syscall"
	"time"

	"toaster/internal/platform/stub"
)

// Fork copies the address space. The result is a process with one thread that
// has t's registers and extended state, stopped where t is.
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

// ensureFPLoaded sees to it that a newborn inherits the extended state that t is to have: it is
// in the processor, or in the signal frame.
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
	b := &pendingClone{fork: true, target: s.Addr(), win: win, index: t.index}
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
	b.thread.proc.rewritten = t.proc.rewritten
	return b.thread, nil
}

// maxCloneSeconds is how many seconds a newborn may take that is alive, by its parent's word.
const maxCloneSeconds = 10

// prepareSlot makes s the slot of a newborn that t clones.
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

// NewThread creates another thread in t's address space. It starts with t's
// registers and extended state; the caller sets what is to differ.
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

// errSlots says that a process has as many threads as its window has slots.
var errSlots = fmt.Errorf("a process has %d threads at most: %w", stub.SlotsPerWindow, syscall.EAGAIN)

func (t *Thread) newThread() (*Thread, error) {
	p, win := t.proc.platform, t.proc.win
	index, ok := win.takeSlot()
	if !ok {
		return nil, errSlots
	}
	s := p.arena.slot(win, index)
	if !t.prepareSlot(s) {
		return nil, ErrGone
	}
	b := &pendingClone{target: s.Addr(), proc: t.proc, index: index}
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

// clone has t make the clone of b and waits for the newborn to report.
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
	p.superviseFrom(func() { t.giveTurn(op) }, func() bool {
		if b.done.Load() || t.proc.ended.Load() {
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

// cancelClone withdraws a clone that was ordered, unless the newborn has reported after all.
func (p *Platform) cancelClone(token uint64, b *pendingClone, err error) error {
	p.mu.Lock()
	_, waiting := p.pendingClones[token]
	delete(p.pendingClones, token)
	p.mu.Unlock()
	if waiting {
		return err
	}
	p.supervise(b.done.Load) // somebody is about to set it
	return nil
}

func newToken() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}
