package kqueue

import "toaster/netbsd"

// userSource is EVFILT_USER: it is triggered by NOTE_TRIGGER, and carries the
// low 24 bits of fflags as the program combines them, and its data, which stay when it has been reported.
type userSource struct {
	kn *knote
	on bool // triggered; guarded by Queue.mu
}

// EV_ADD of a new event keeps fflags as they are, and does not trigger: filt_userattach looks at the flags that have happened, of
// which there are none yet.
func attachUser(kn *knote) (source, netbsd.Errno) { return &userSource{kn: kn}, 0 }

func (s *userSource) poll(kn *knote) (state, bool) {
	kn.q.mu.Lock()
	defer kn.q.mu.Unlock()
	fflags, data := kn.sfflags, kn.sdata
	return state{fflags: &fflags, data: &data}, s.on
}

// touch is filt_usertouch. EV_CLEAR in the change takes its trigger back.
func (s *userSource) touch(kn *knote, ev *netbsd.Kevent) netbsd.Errno {
	kn.q.mu.Lock()
	defer kn.q.mu.Unlock()
	v := ev.Fflags & netbsd.NOTE_FFLAGSMASK
	switch ev.Fflags & netbsd.NOTE_FFCTRLMASK {
	case netbsd.NOTE_FFAND:
		kn.sfflags &= v
	case netbsd.NOTE_FFOR:
		kn.sfflags |= v
	case netbsd.NOTE_FFCOPY:
		kn.sfflags = v
	}
	kn.sdata = ev.Data
	s.on = (s.on || ev.Fflags&netbsd.NOTE_TRIGGER != 0) && ev.Flags&netbsd.EV_CLEAR == 0
	return 0
}

// clearLocked implements clearer.
func (s *userSource) clearLocked() { s.on = false }

func (s *userSource) detach(*knote) {}
