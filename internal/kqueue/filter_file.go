package kqueue

import (
	"math"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/netbsd"
)

// fileSource is EVFILT_READ and EVFILT_WRITE. It has no reference to the open file: the
// table tells it (FDClosed) when the descriptor is closed, before the table's own reference
// goes. What a scan that is on its way asks of the closed file is thrown away, as the knote
// is dead. With a reference of its own a watched pipe would never end for its reader.
type fileSource struct {
	kn    *knote
	d     *file.Description
	files *file.Table
	w     file.Waiter
	shut  file.Waiter // on a file.Shutter, for EVFILT_WRITE
	stop  func()      // of the watch of a regular file; nil for none

	hosted bool // the queue's set tells, see hosted.go; guarded by Queue.mu
}

func attachFile(c Caller, kn *knote) (source, netbsd.Errno) {
	fd := fdOf(kn.ident)
	d, errno := c.Files.Get(fd)
	if errno != 0 {
		return nil, errno
	}
	defer d.Release()
	if errno := checkNesting(c.Files.Machine(), kn, d.File); errno != 0 {
		return nil, errno
	}
	if p, ok := d.File.(pipeEnd); ok && kn.filter == netbsd.EVFILT_WRITE && p.PeerClosed() {
		return nil, netbsd.EBADF
	}
	if errno := refused(d, kn); errno != 0 {
		return nil, errno
	}
	s := &fileSource{kn: kn, d: d, files: c.Files}
	s.w.Mask = file.Readable
	if kn.filter == netbsd.EVFILT_WRITE {
		s.w.Mask = file.Writable
	}
	s.w.Fn = func(file.Events) { kn.activate() }
	if kn.filter == netbsd.EVFILT_READ && isRegular(d.File) {
		// A host that watches no more files leaves the knote with what it finds when it is looked at.
		s.stop, _ = watch(c, kn, d, netbsd.NOTE_WRITE|netbsd.NOTE_EXTEND|netbsd.NOTE_ATTRIB, func(uint32) { kn.activate() })
	}
	if errno := c.Files.Attach(fd, d, s); errno != 0 {
		s.unwatch()
		return nil, errno
	}
	if kn.filter == netbsd.EVFILT_WRITE {
		s.watchShut()
		if _, ok := d.File.(file.ReadTeller); ok {
			d.HearBlocking(s) // before the set is to tell, see fills
		}
	}
	return s, 0 // settleIn has it watched
}

// refused is what a file says that some filters, or all, cannot watch.
func refused(d *file.Description, kn *knote) netbsd.Errno {
	if r, ok := d.File.(file.KnoteRefuser); ok {
		return r.KnoteErrno(int(kn.filter))
	}
	return 0
}

// watchShut has s hear of the file's shutdown(2), be it hosted or not.
func (s *fileSource) watchShut() {
	f, ok := s.d.File.(file.Shutter)
	if !ok {
		return
	}
	s.shut = file.Waiter{Mask: file.WrHup, Fn: func(file.Events) { s.shutDown() }}
	f.WatchShut(&s.shut)
	if s.d.File.Poll(file.WrHup) != 0 {
		s.shutDown()
	}
}

// shutDown hears that no more can be sent, which is for good (SS_CANTSENDMORE): EV_EOF stays in the knote (knote_set_eof), where
// a host process finds it, too, and is an event (socantsendmore). A process that has taken one of the same file just before is told anew.
func (s *fileSource) shutDown() {
	q, kn, told := s.kn.q, s.kn, false
	guard.Locked(&q.mu, func() {
		kn.flags |= netbsd.EV_EOF
		told = s.hosted && q.retellLocked(kn)
	})
	if !told {
		kn.activate()
	}
}

// pipeEnd is an end of a pipe(2): pipe_kqfilter has nothing to watch for EVFILT_WRITE where the other
// end is closed. A FIFO is none.
type pipeEnd interface{ PeerClosed() bool }

// FDClosed implements file.Knote. The table still holds its reference.
func (s *fileSource) FDClosed() {
	q, dead := s.kn.q, false
	guard.Locked(&q.mu, func() {
		if dead = s.kn.dead; !dead {
			q.dropLocked(s.kn)
		}
	})
	if !dead {
		s.unwatch() // the knote may not have been in place yet
	}
}

func (s *fileSource) detach(*knote) {
	s.files.Detach(fdOf(s.kn.ident), s)
	s.unwatch()
}

func (s *fileSource) unwatch() {
	s.d.File.Unwatch(&s.w)
	if f, ok := s.d.File.(file.Shutter); ok {
		f.UnwatchShut(&s.shut)
	}
	if _, ok := s.d.File.(file.ReadTeller); ok && s.kn.filter == netbsd.EVFILT_WRITE {
		s.d.UnhearBlocking(s)
	}
	s.unhost()
	if s.stop != nil {
		s.stop()
	}
}

// poll looks at the file. kevent(2): data is what can be read or written, for a regular file what lies ahead.
// That is less than 0 beyond its end, and at its end, where it is 0, there is no event (filt_genfsread). An eventfd's count can be
// one that looks negative (eventfd_filt_read).
func (s *fileSource) poll(kn *knote) (state, bool) {
	if kn.filter == netbsd.EVFILT_WRITE {
		return s.pollWrite()
	}
	var st state
	ev := s.d.File.Poll(file.In | file.RdNorm | file.RdHup)
	n, counted := count(s.d.File, file.Counter.ReadCount)
	st.data = &n
	if ev&s.end(file.RdHup) != 0 {
		s.ends(&st)
		return st, true
	}
	if counted && isRegular(s.d.File) {
		return st, n != 0
	}
	return st, ev&(file.In|file.RdNorm|file.Err) != 0 && (!counted || n <= 0 || s.reaches(n, 1))
}

// end is what says that there is an end, beside what only kevent(2) is told.
func (s *fileSource) end(told file.Events) file.Events {
	if _, ok := s.d.File.(file.HupUntold); ok {
		return told
	}
	return told | file.Hup
}

// ends tells of the end, and of a socket with which error it came (so_error), as its fflags.
func (s *fileSource) ends(st *state) {
	st.flags |= netbsd.EV_EOF
	if f, ok := s.d.File.(file.Failing); ok {
		if errno := uint32(f.PendingErrno()); errno != 0 {
			st.fflags = &errno
		}
	}
}

// reaches reports whether n is NOTE_LOWAT's mark at least, and if there is none, least. Only sockets look at a mark (filt_soread, filt_sowrite).
func (s *fileSource) reaches(n, least int64) bool {
	if _, ok := s.d.File.(interface{ KnoteLowat() }); !ok {
		return n >= least
	}
	s.kn.q.mu.Lock()
	defer s.kn.q.mu.Unlock()
	if s.kn.sfflags&netbsd.NOTE_LOWAT != 0 {
		return n >= s.kn.sdata
	}
	return n >= least
}

// pollWrite is poll for EVFILT_WRITE. A socket with an error has an event, and its end only if it can send no more (filt_sowrite).
func (s *fileSource) pollWrite() (state, bool) {
	var st state
	ev := s.d.File.Poll(file.Out | file.WrHup)
	n, _ := count(s.d.File, file.Counter.WriteCount)
	st.data = &n
	if ev&(s.end(file.WrHup)|file.Err) != 0 {
		s.ends(&st)
		return st, true
	}
	return st, ev&file.Out != 0 && s.reaches(n, math.MinInt64)
}

// regular is a file that has an end rather than a stream's state.
type regular interface{ Regular() bool }

func isRegular(f file.File) bool {
	r, ok := f.(regular)
	return ok && r.Regular()
}

func count(f file.File, of func(file.Counter) int64) (int64, bool) {
	if c, ok := f.(file.Counter); ok {
		return of(c), true
	}
	return 0, false
}

// checkNesting refuses a cycle of queues: telling the news would never end. The lock is the
// machine's: two LWPs that close a cycle from two ends would both find none. So kn counts from here
// on (nested), though it is not in place yet. No kqueue leaves its machine, so a cycle is never one of
// two machines.
func checkNesting(m *file.Machine, kn *knote, f file.File) netbsd.Errno {
	target, ok := f.(*Queue)
	if !ok {
		return 0
	}
	nesting := &m.Kqueues().Nesting
	nesting.Lock()
	defer nesting.Unlock()
	if target.reaches(kn.q, 0, map[*Queue]int{}) {
		return netbsd.EINVAL
	}
	guard.Locked(&kn.q.mu, func() { kn.nested = target })
	return 0
}

// reaches reports whether q is, or watches, directly or not, the other queue, or is the beginning of a row that is too long. met
// has how far down a queue was when it was looked at: from there, or from further up, nothing else is found. Without it a guest
// would have layers of queues looked through by each of the ways that there are.
func (q *Queue) reaches(other *Queue, depth int, met map[*Queue]int) bool {
	if q == other || depth > 8 {
		return true
	}
	if at, ok := met[q]; ok && at >= depth {
		return false
	}
	met[q] = depth
	for _, t := range q.inner() {
		if t.reaches(other, depth+1, met) {
			return true
		}
	}
	return false
}

// inner lists the queues that q watches.
func (q *Queue) inner() (list []*Queue) {
	for _, n := range q.Nested() {
		list = append(list, n.Queue)
	}
	return list
}

// Nested is a knote that watches a queue.
type Nested struct {
	Queue *Queue
	Ext   [4]uint64 // what EV_ADD said there
}

// Nested lists the knotes of q that watch queues, or are about to.
func (q *Queue) Nested() (list []Nested) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, kn := range q.knotes {
		if kn.nested != nil {
			list = append(list, Nested{kn.nested, kn.ext})
		}
	}
	return list
}
