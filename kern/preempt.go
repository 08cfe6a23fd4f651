package kern

import (
	"time"

	"toaster/netbsd"
)

// This file preempts who has the virtual processor of a program that has asked to be told of it (SA_FLAG_PREEMPT). Every tenth of a
// second the processor goes round (roundrobin of kern_synch.c): an LWP that is running then is preempted when it next returns to user
// mode, and the program is told by an upcall on that LWP, with its context as an event (preempt, sa_preempt). Who has gone to sleep
// before has given the processor up, and is not.
//
// preempt tells if mi_switch says that another LWP has run meanwhile, of whatever process. What the host has run is not known here, and
// on its processors something always may have, so it is taken to be so each time.
//
// The clock runs for as long as a program is told and does something: one that finds the LWP asleep stops it, and it begins again with
// the next return to user mode. What it costs is bounded, ten looks a second for each process.

// quantum is rrticks, hz / 10.
const quantum = 100 * time.Millisecond

// startQuantum is due when l is about to return to user mode. mu is held.
func (l *LWP) startQuantum() {
	p := l.p
	s := p.ext.sa
	if s == nil || !s.preempts || s.clock != nil || s.vp != l || p.flags&fWExit != 0 {
		return
	}
	s.clock = p.m.afterFunc(quantum, func() { p.roundrobin(s) })
}

// stopQuantum ends the clock; one that has fired finds it gone. mu is held.
func (s *saState) stopQuantum() {
	if s.clock != nil {
		s.clock.Stop()
		s.clock = nil
	}
}

// roundrobin is need_resched for the LWP that has the virtual processor. One that is about to be told of something anyway has just got
// it.
func (p *Proc) roundrobin(s *saState) {
	p.m.lock()
	defer p.m.unlock()
	if s.clock == nil {
		return
	}
	s.clock = nil
	v := s.vp
	a := v.ext.act
	if v.stat != LWPRunning || a.yields || len(a.queue) > 0 {
		v.attn.Or(aUpcall) // it comes by makeUpcall, and the clock begins again
		return
	}
	a.preempted = true
	v.setAttn(aUpcall)
}

// preempted returns the upcall of sa_preempt, nil if l has not been preempted. Of the context it is known when the upcall is made
// (SA_UPCALL_DEFER_EVENT). mu is held.
func (l *LWP) preempted() *Upcall {
	if !l.ext.act.preempted {
		return nil
	}
	l.ext.act.preempted = false
	return &Upcall{Type: netbsd.SA_UPCALL_PREEMPTED, Events: []UpcallEvent{{LWP: int(l.lid)}}}
}
