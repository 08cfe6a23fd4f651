package kern

import (
	"context"
	"time"

	"toaster/netbsd"
)

// This file has a whole machine stand still, as a control group that the host has frozen: no LWP returns to
// user mode until it is resumed. No process can tell, but by a clock: a pause is no stop of job control nor of
// a tracer, nobody is told of it, and an LWP that stands for it alone counts as one that runs wherever a process could look.
//
// What is under way in the kernel goes on up to the return to user mode, so an exec, an exit, a wait ends all the other LWPs or
// finds its child as ever, and sleeps end when they would, uninterruptible ones and a vfork's parent's among them; that is seen
// afterwards. Stops, holds of a tracer and _lwp_suspend(2) are reasons to stand besides: each is over when it is taken back, whichever is first.
//
// Signals stay pending, but for SIGKILL, which ends who stands, as it does in a frozen control group of version 2 of Linux's (in one
// of version 1 it waits, too): who has a machine paused must be able to end it.

// Pause has every LWP stand where it would return to user mode, and returns when none is left that
// runs. LWPs that are made meanwhile stand from their birth. A machine that is paused stays so; a Resume that comes before Pause has returned ends it.
// Init and services (SpawnArgs.Service) go on, and so do programs of the host, which are not the machine's.
//
// The error is ctx.Err(): some LWP has not come into the kernel until then, as a Go function that makes no
// kernel call never does. The machine is paused all the same.
//
// It must not be called from an LWP's goroutine.
func (m *Machine) Pause(ctx context.Context) error {
	m.lock()
	m.paused = true
	m.eachPausable(func(l *LWP) { l.setAttn(aPause) })
	m.unlock()
	for m.anyRuns() {
		// Whoever goes to sleep in the kernel tells nobody, as that would make every sleep dearer.
		t := time.NewTimer(pauseLook)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
	return nil
}

// pauseLook is how often Pause looks whether all stand.
const pauseLook = time.Millisecond

// Resume ends a Pause; it does nothing for a machine that is not paused.
func (m *Machine) Resume() {
	m.lock()
	defer m.unlock()
	if !m.paused {
		return
	}
	m.paused = false
	m.eachPausable((*LWP).endPause)
	// Signals that kill did not doom anybody who could not take them.
	for p := m.all.head; p != nil; p = p.allNext {
		if p.state == StateActive && p.fatal() {
			p.doom(false)
		}
	}
}

// Paused reports whether the machine is paused.
func (m *Machine) Paused() bool {
	m.lock()
	defer m.unlock()
	return m.paused
}

// Service reports whether p is the embedder's own (SpawnArgs.Service).
func (p *Proc) Service() bool { return p.has(fService) }

// pauses reports whether a pause of the machine is meant for p. mu is held.
func (p *Proc) pauses() bool { return p != p.m.init && p.flags&fService == 0 }

// eachPausable calls f for every LWP that a pause is meant for. mu is held.
func (m *Machine) eachPausable(f func(*LWP)) {
	for p := m.all.head; p != nil; p = p.allNext {
		for l := p.lwps; l != nil && p.pauses(); l = l.next {
			if l.stat < LWPDead {
				f(l)
			}
		}
	}
}

// anyRuns reports whether an LWP that Pause has told to stand may still run.
func (m *Machine) anyRuns() (runs bool) {
	m.lock()
	defer m.unlock()
	m.eachPausable(func(l *LWP) { runs = runs || l.stat == LWPRunning && l.attn.Load()&aPause != 0 })
	return runs
}

// endPause lets l go on, if nothing else has it stand: one whose process has stopped meanwhile is stopped with the others. mu
// is held.
func (l *LWP) endPause() {
	only := l.pausedOnly()
	l.attn.And(^aPause)
	switch {
	case !only:
	case l.p.flags&(fStopped|fStopping) != 0:
		l.setStat(LWPStopped)
	default:
		l.resume()
	}
}

// pausedOnly reports whether l stands for a pause and for nothing else that the state of a suspended LWP is for. mu is held.
func (l *LWP) pausedOnly() bool {
	return l.stat == LWPSuspended && l.attn.Load()&(aSuspend|aHold|aPause) == aPause && !l.isCached()
}

// killed reports whether a SIGKILL is pending, for which l does not stand. mu is held.
func (l *LWP) killed() bool { return (l.pend.set | l.p.pend.set).Has(netbsd.SIGKILL) }

// pauseSelf stands still until Resume; who is to die goes on to do so. An LWP so far in its pause stands for its process's stop, too.
//
// It does not leave its processor, as for the process it runs: neither lwpctl nor a trace of switches tells. mu is held before
// and after.
func (l *LWP) pauseSelf() {
	m := l.p.m
	for l.attn.Load()&(aPause|aExit) == aPause && !l.killed() {
		l.setStat(LWPSuspended)
		l.p.checkStopped(false)
		l.parked = true
		m.unlock()
		<-l.wake
		m.lock()
		l.awaitLooks()
	}
}
