package kqueue

import (
	"toaster/kern"
	"toaster/netbsd"
)

// procSource is EVFILT_PROC.
type procSource struct {
	kn *knote
	p  *kern.Proc
}

// attachProc watches process ident. ESRCH: there is none, or it has exited. EACCES: it is
// another user's (filt_procattach).
// EV_CLEAR is implied.
func attachProc(c Caller, kn *knote) (source, netbsd.Errno) {
	if c.Proc == nil {
		return nil, netbsd.ESRCH
	}
	p := c.Proc.Machine().Find(int(int32(kn.ident))) // proc_find takes a pid_t
	if p == nil {
		return nil, netbsd.ESRCH
	}
	if !c.Proc.MayWatch(p) {
		return nil, netbsd.EACCES
	}
	kn.flags |= netbsd.EV_CLEAR
	kn.sfflags &^= netbsd.NOTE_CHILD // the kernel's own to tell
	s := &procSource{kn, p}
	return s, p.AttachKnote(s)
}

func (s *procSource) poll(kn *knote) (state, bool) { return state{}, kn.happened() }
func (s *procSource) detach(*knote)                { s.p.DetachKnote(s) }

// Notify implements kern.Knote. The exit is the last event there is: it comes
// with EV_EOF and takes the knote with it, even unasked.
func (s *procSource) Notify(ev kern.NoteEvent) {
	kn := s.kn
	kn.happen(func() bool {
		got := kn.sfflags & ev.Kind & (netbsd.NOTE_EXIT | netbsd.NOTE_FORK | netbsd.NOTE_EXEC)
		kn.fflags |= got
		if ev.Kind&netbsd.NOTE_EXIT != 0 {
			kn.data = ev.Data
			kn.flags |= netbsd.EV_EOF | netbsd.EV_ONESHOT
			return true
		}
		return got != 0
	})
}

// Track implements kern.KnoteTracker: with NOTE_TRACK the child is watched as
// its parent is, beginning with one NOTE_CHILD event that names the parent. Who asks to watch the child is its
// parent, which forks: one that has changed its identity may not watch what is as it is itself.
func (s *procSource) Track(parent, child *kern.Proc) kern.Knote {
	kn, q := s.kn, s.kn.q
	may := parent.MayWatch(child)
	defer q.waiters.Notify(notified)
	q.mu.Lock()
	defer q.mu.Unlock()
	k := key{netbsd.EVFILT_PROC, uint64(child.Pid())}
	if kn.dead || kn.sfflags&netbsd.NOTE_TRACK == 0 || q.closed {
		return nil
	}
	flags := kn.flags | netbsd.EV_ADD | netbsd.EV_ENABLE | netbsd.EV_CLEAR // it is enabled, whether kn is or not
	follow := &knote{q: q, filter: k.filter, ident: k.ident, udata: kn.udata, flags: flags,
		sfflags: kn.sfflags, sdata: int64(parent.Pid())}
	src := &procSource{follow, child}
	follow.src = src
	// What tells of a fork is in no map, and so outlives what the program deletes: the list is bounded, too.
	if !may || q.knotes[k] != nil || q.ready.n >= maxKnotes || q.putLocked(k, follow) != 0 {
		kn.fflags |= netbsd.NOTE_TRACKERR
		kn.activateLocked()
		return nil
	}
	// One knote for the NOTE_CHILD alone, as knote_proc_fork_track
	// has it, since the other's fflags are
	// what the child does. It is in no map: nobody can change it, and being handed out once
	// is its end.
	born := &knote{q: q, src: unattached{}, filter: k.filter, ident: k.ident, udata: kn.udata,
		flags: flags | netbsd.EV_ONESHOT, fflags: netbsd.NOTE_CHILD, data: int64(parent.Pid())}
	born.activateLocked()
	return src
}

// signalSource is EVFILT_SIGNAL: it counts how often a signal was sent to the
// caller's process, ignored or not. What is no signal's number is never sent (filt_sigattach looks at none).
type signalSource struct {
	kn *knote
	p  *kern.Proc
}

func attachSignal(c Caller, kn *knote) (source, netbsd.Errno) {
	if c.Proc == nil {
		return nil, netbsd.EINVAL
	}
	kn.flags |= netbsd.EV_CLEAR
	s := &signalSource{kn, c.Proc}
	return s, c.Proc.AttachKnote(s)
}

// Notify implements kern.Knote.
func (s *signalSource) Notify(ev kern.NoteEvent) {
	if ev.Kind&kern.NoteSignal == 0 || uint64(ev.Signal) != s.kn.ident {
		return
	}
	s.kn.happen(func() bool {
		s.kn.data++
		return true
	})
}

func (s *signalSource) poll(kn *knote) (state, bool) { return state{}, kn.happened() }
func (s *signalSource) detach(*knote)                { s.p.DetachKnote(s) }
