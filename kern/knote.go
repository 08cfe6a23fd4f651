package kern

import "toaster/netbsd"

// This file tells kqueue's EVFILT_PROC and EVFILT_SIGNAL what happens to a process.

// NoteSignal in NoteEvent.Kind is a signal that was sent; the other kinds are NOTE_EXIT, NOTE_FORK
// and NOTE_EXEC of kqueue(2).
const NoteSignal = 0x00100000

// NoteEvent is what has happened to Proc.
type NoteEvent struct {
	Kind   uint32
	Proc   *Proc
	Data   int64 // EXIT: the status word in release 10, 0 in 2003; FORK: the child's pid
	Signal netbsd.Signal
}

// Knote is told of everything that happens to a process; it picks what it wants.
// Notify is called with no lock of kern held, and must not sleep.
type Knote interface{ Notify(NoteEvent) }

// KnoteTracker is a Knote that follows forks (NOTE_TRACK): Track is called before
// the child can run and returns the child's Knote, nil for none. The new one is to
// begin with NOTE_CHILD and the parent's pid as data; if none can be made, the
// parent's gets NOTE_TRACKERR; both are the kqueue's own affair.
type KnoteTracker interface {
	Knote
	Track(parent, child *Proc) Knote
}

// AttachKnote attaches k to p. ESRCH: p is not found any more (item 41), or not yet, or is past
// NOTE_EXIT.
//
// The slice is copied on each change, so that a notification which is under way walks the one
// it began with.
func (p *Proc) AttachKnote(k Knote) netbsd.Errno {
	p.m.lock()
	defer p.m.unlock()
	if p.flags&fNoteExited != 0 || !p.alive() {
		return netbsd.ESRCH
	}
	x := p.extra()
	x.knotes = append(x.knotes[:len(x.knotes):len(x.knotes)], k)
	return 0
}

// DetachKnote detaches k. A call of k.Notify that has begun may still end later.
func (p *Proc) DetachKnote(k Knote) {
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil {
		return
	}
	var rest []Knote
	for _, o := range p.ext.knotes {
		if o != k {
			rest = append(rest, o)
		}
	}
	p.ext.knotes = rest
}

// notify tells p's knotes of e, when mu is dropped: a kqueue's lock is above mu. Without
// knotes, as most processes are, it allocates nothing. mu is held.
func (p *Proc) notify(e NoteEvent) {
	if p.ext == nil || len(p.ext.knotes) == 0 {
		return
	}
	e.Proc = p
	ks := p.ext.knotes
	p.m.after(func() {
		for _, k := range ks {
			k.Notify(e)
		}
	})
}

// knoteSignal is for EVFILT_SIGNAL, which counts a signal that is ignored, too: so it comes
// before anything is decided about it. mu is held.
func (p *Proc) knoteSignal(sig netbsd.Signal) {
	if p.ext != nil && len(p.ext.knotes) > 0 {
		p.notify(NoteEvent{Kind: NoteSignal, Signal: sig})
	}
}

// mu is held.
func (p *Proc) noteFork(c *Proc) {
	if p.ext != nil && len(p.ext.knotes) > 0 {
		p.notify(NoteEvent{Kind: netbsd.NOTE_FORK, Data: int64(c.pid)})
	}
}

// trackFork has the knotes that follow forks attach themselves to c. mu is not held.
//
// c is an embryo that only its maker knows, so its knotes are set without mu.
func (p *Proc) trackFork(c *Proc) {
	p.m.lock()
	var ks []Knote
	if p.ext != nil {
		ks = p.ext.knotes
	}
	p.m.unlock()
	var kids []Knote
	for _, k := range ks {
		if t, ok := k.(KnoteTracker); ok {
			if n := t.Track(p, c); n != nil {
				kids = append(kids, n)
			}
		}
	}
	if kids != nil {
		c.extra().knotes = kids
	}
}

// noteExit sends NOTE_EXIT (item 42); mu is dropped meanwhile.
//
// In release 10 a watcher gets the status with the note, in 2003 it has to wait for the
// process. From here on a knote cannot be attached: it would wait for a note that has gone
// (NetBSD kern/60358). mu is held, and dropped while the watchers are told.
func (p *Proc) noteExit(l *LWP) {
	p.step(l, StepNoteExit)
	p.flags |= fNoteExited
	if p.ext == nil || len(p.ext.knotes) == 0 {
		return
	}
	e := NoteEvent{Kind: netbsd.NOTE_EXIT, Proc: p}
	if !p.m.r2003 {
		e.Data = int64(p.xstat)
	}
	ks := p.ext.knotes
	p.ext.knotes = nil
	p.unlocked(func() {
		for _, k := range ks {
			k.Notify(e)
		}
	})
}
