package kqueue

import "toaster/netbsd"

// userSource is EVFILT_USER: it is triggered by NOTE_TRIGGER, and carries the
// low 24 bits of fflags as the program combines them, and its data.
type userSource struct {
	kn *knote
	on bool // triggered; guarded by Queue.mu
}

func attachUser(kn *knote) (source, netbsd.Errno) {
	s := &userSource{kn: kn}
	kn.q.mu.Lock()
	defer kn.q.mu.Unlock()
	s.setLocked(kn.sfflags, kn.sdata)
	return s, 0
}

func (s *userSource) setLocked(fflags uint32, data int64) {
	kn, v := s.kn, fflags&netbsd.NOTE_FFLAGSMASK
	switch fflags & netbsd.NOTE_FFCTRLMASK {
	case netbsd.NOTE_FFAND:
		kn.fflags &= v
	case netbsd.NOTE_FFOR:
		kn.fflags |= v
	case netbsd.NOTE_FFCOPY:
		kn.fflags = v
	}
	kn.data = data
	s.on = s.on || fflags&netbsd.NOTE_TRIGGER != 0
}

func (s *userSource) poll(kn *knote) (state, bool) {
	kn.q.mu.Lock()
	defer kn.q.mu.Unlock()
	return state{}, s.on
}

func (s *userSource) touch(kn *knote, fflags uint32, data int64) {
	kn.q.mu.Lock()
	defer kn.q.mu.Unlock()
	s.setLocked(fflags, data)
}

// clearLocked implements clearer.
func (s *userSource) clearLocked() { s.on = false }

func (s *userSource) detach(*knote) {}
