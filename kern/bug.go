package kern

import (
	"errors"
	"fmt"
	"time"

	"toaster/internal/guard"
	"toaster/netbsd"
)

// This file keeps a bug of toaster's from ending the program that embeds the machine. With
// Config.Bug a panic is caught
//
//   - in an LWP's goroutine: its process is killed, and ends as any other (finish);
//   - in a hook, which runs without the kernel's lock: its caller goes on, too (contain);
//   - in a goroutine of the kernel's own, a timer's or the reaper's.
//
// What a panic leaves behind it is looked at, not assumed. If the kernel's lock does not
// come free, the goroutine that panicked had it, and what it guards may be half done; if
// Check finds fault the tree is; a process whose end has failed cannot be waited for. In
// these cases the machine breaks down: the lock is taken from the dead, every process is
// killed, and Wait and Close return an error. The layers above unlock by defer, so that a
// panic leaves no other lock behind.

// ErrBug is wrapped by the error of a machine that a bug has ended.
var ErrBug = errors.New("the machine has ended")

// A Bug is a panic that has been caught. Pid and LID are the process and the LWP that were
// served, 0 if none were, Doing is what was done, Value and Stack are the panic's, and Ends
// says why the whole machine ends for it, "" if it does not. Text returns all that for
// people. The name is here as embedders cannot import package guard.
type Bug = guard.Bug

// A Doer is what an LWP's Machdep may be, too: it says in a word or two what is being
// done for the LWP, for whoever reads of a bug.
type Doer interface{ Doing() string }

// Tests are less patient.
var (
	// lockPatience is how long the kernel's lock may be held at most: spans are short.
	lockPatience = 5 * time.Second

	// breakGrace is how long Close waits for processes and goroutines of a machine that
	// broke down.
	breakGrace = 5 * time.Second
)

const (
	lockLook = time.Millisecond

	// mostBugs bounds what is told of a machine that has broken down.
	mostBugs = 8
)

// Contain calls f, from a goroutine that belongs to the machine as a whole, and reports
// whether it returned: a panic is reported, and goes no further. What was done fits
// behind "panic while".
func (m *Machine) Contain(doing string, f func()) bool { return m.contain(nil, doing, f) }

// Without Config.Bug f is called as it is: the panic is the embedder's, and its stack is
// whole.
func (m *Machine) contain(l *LWP, doing string, f func()) bool {
	if m.cfg.Bug == nil {
		f()
		return true
	}
	b := guard.Catch(doing, f)
	if b != nil {
		m.found(l, b)
	}
	return b == nil
}

// afterFunc is time.AfterFunc for the kernel's timers.
func (m *Machine) afterFunc(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() { m.contain(nil, "a timer fired", f) })
}

// found reports a bug that l's call, nil for none, has met, and does what follows. The
// caller holds no lock that it knows of.
func (m *Machine) found(l *LWP, b *guard.Bug) {
	if l != nil {
		b.Pid, b.LID = int(l.p.pid), int(l.lid)
		if d, ok := l.machdep.(Doer); ok {
			b.Doing = d.Doing()
		}
	}
	// The goroutine may have panicked with mu held. Nobody can be asked: whether the lock
	// comes free is the only sign.
	free := m.comesFree(lockPatience)
	if b.Ends == "" {
		b.Ends = m.damage(free)
	}
	if n := m.bugs.Add(1); n <= mostBugs || m.broken.Load() == nil {
		guard.Catch("a bug was reported", func() { m.cfg.Bug(b) })
	}
	if !free {
		m.seize()
	}
	switch {
	case b.Ends != "":
		m.breakDown(b)
	case l != nil:
		l.p.Kill(netbsd.SIGKILL)
	}
}

// damage says why the machine cannot go on, "" if it can.
func (m *Machine) damage(free bool) string {
	if !free {
		return "the kernel's lock was held, and what it guards may be half done"
	}
	if m.broken.Load() != nil {
		return ""
	}
	var errs []error
	if b := guard.Catch("the process tree was checked", func() { errs = m.Check() }); b != nil {
		return "its process tree cannot be checked"
	}
	if len(errs) > 0 {
		return fmt.Sprintf("its process tree is damaged (%v)", errs[0])
	}
	return ""
}

// comesFree says whether the kernel's lock does, within d. It asks again and again, as
// who waits for it would wait for good. It counts how often, as whoever has the lock may
// have been stopped for any time, together with who asks.
func (m *Machine) comesFree(d time.Duration) bool {
	for range d / lockLook {
		if m.mu.TryLock() {
			m.mu.Unlock()
			return true
		}
		time.Sleep(lockLook)
	}
	return false
}

// seize takes the kernel's lock from a goroutine that has died with it.
func (m *Machine) seize() {
	if m.seized.CompareAndSwap(false, true) || m.held.CompareAndSwap(true, false) {
		m.mu.Unlock()
	}
}

// breakDown ends the machine: everything that still runs is killed, and may find things
// that make it panic again, which is no news.
func (m *Machine) breakDown(b *guard.Bug) {
	err := fmt.Errorf("%w: %v", ErrBug, b)
	if !m.broken.CompareAndSwap(nil, &err) {
		return
	}
	time.AfterFunc(breakGrace, func() { close(m.giveUp) })
	m.haltOnce.Do(func() { close(m.halted) })
	guard.Catch("the machine broke down", func() {
		m.lock()
		defer m.unlock()
		m.killForGood()
		for p := m.all.head; p != nil; p = p.allNext {
			if p.flags&(fWExit|fExecing) != 0 { // whose end may have failed
				p.condemnOthers(nil)
			}
		}
	})
}

// hasBroken says whether a bug has ended the machine. An LWP that finds no end of its own
// then ends its goroutine.
func (m *Machine) hasBroken() bool { return m.broken.Load() != nil }

// await waits for ch. On a machine that broke down it gives up once breakGrace and d are
// over.
func (m *Machine) await(ch <-chan struct{}, d time.Duration) {
	select {
	case <-ch:
		return
	case <-m.giveUp:
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ch:
	case <-t.C:
	}
}

// releaseAll lets go of what processes hold whose end has failed.
func (m *Machine) releaseAll() {
	var all []func()
	m.lock()
	for _, list := range []*procList{&m.all, &m.zombies} {
		for p := list.head; p != nil; p = p.allNext {
			if p.files != nil {
				all = append(all, p.files.Close)
			}
			if p.dirs != nil {
				all = append(all, p.dirs.Close)
			}
			if vm := p.vm; vm != nil {
				all = append(all, func() { vm.Exit(p, nil) })
			}
			p.files, p.dirs, p.vm = nil, nil, nil
		}
	}
	m.unlock()
	for _, f := range all {
		guard.Catch("a process was let go of", f)
	}
}

// panicked is for a body, or what it deferred, that has panicked: its process dies of it.
func (l *LWP) panicked(v any) {
	l.p.m.found(l, guard.New("a process ran", v))
	if l.mode.Swap(modeDead) != modeDead {
		l.decideExit(killed(netbsd.SIGKILL))
	}
}

// lastly is for the end of an LWP that has panicked itself. Nobody can wait for it.
func (l *LWP) lastly() {
	m := l.p.m
	if m.cfg.Bug == nil {
		return
	}
	v := recover()
	if v == nil {
		return
	}
	b := guard.New("a process ended", v)
	b.Ends = "a process cannot end"
	m.found(l, b)
	if !l.ended {
		guard.Catch("a process ended", l.goroutineEnds)
	}
}
