package kqueue

import (
	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/netbsd"
)

// A queue that is used much, and has nothing but EVFILT_READ and EVFILT_WRITE of files whose readiness is a host
// descriptor's, has the host tell of all of them by one set (file.EventSet), in place of one waiter a file. That can be lent
// to the host process of the guest, which then waits in it by itself, and makes events of what it finds
// there.
//
// A knote of such a file is hosted: its source does not hear of the file, but looks when the set is harvested, at the
// beginning of each scan. Knotes of other kinds may come later; then the queue is the kernel's alone again, and is scanned as ever,
// with the set as one source more.

// hostedFile is a descriptor of the guest in the set, with the knotes that hear of it.
type hostedFile struct {
	host        int
	read, write *knote
}

// MaxHosted bounds the descriptors that can be in a set: it is what the stub has room for.
const MaxHosted = 128

// plain reports whether a set tells all that kn is to hear. Preconditions: mu is held.
func (kn *knote) plain() bool {
	const known = netbsd.EV_ADD | netbsd.EV_CLEAR | netbsd.EV_ENABLE | netbsd.EV_EOF
	if kn.dead || kn.disabled || kn.sfflags != 0 || kn.ext != [4]uint64{} || kn.flags&^known != 0 || kn.ident >= MaxHosted {
		return false
	}
	return kn.filter == netbsd.EVFILT_READ || kn.filter == netbsd.EVFILT_WRITE && kn.flags&netbsd.EV_CLEAR != 0 && kn.fills()
}

// fills reports whether whoever hears of kn writes until there is no room, as far as that is known. For a pipe that has not been full the host
// tells nothing of reads, of each of which NetBSD tells (pipe_read). Where writes wait the guest cannot fill it before
// it asks.
func (kn *knote) fills() bool {
	s, ok := kn.src.(*fileSource)
	if !ok {
		return false
	}
	_, pipe := s.d.File.(pipeEnd)
	return !pipe || s.d.Flags()&netbsd.O_NONBLOCK != 0
}

// entry is what the set is to tell of h. ok is false if the knotes want it in different ways.
func (h *hostedFile) entry(key uint64) (e file.SetEntry, ok bool) {
	edge := func(kn *knote) bool { return kn.flags&netbsd.EV_CLEAR != 0 }
	e = file.SetEntry{Key: uint32(key), In: h.read != nil, Out: h.write != nil}
	e.Edge = h.read == nil || edge(h.read)
	return e, h.write == nil || e.Edge
}

// host has the set tell of s's file, if it can; then the source need not watch it. What is there already the set tells, though
// it may have been told before. Preconditions: mu is not held.
func (s *fileSource) host() bool {
	f, ok := s.d.File.(file.Hosted)
	if !ok {
		return false
	}
	fd, ok := f.HostEvents(nil)
	if !ok {
		return false
	}
	q := s.kn.q
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.hostLocked(s, fd)
}

// hostLocked is host for a file that the host's descriptor fd is of: while the knote lives, the descriptor of the guest's has not been
// closed, and fd has not.
func (q *Queue) hostLocked(s *fileSource, fd int) bool {
	kn := s.kn
	if q.set == nil || q.closed || !kn.plain() {
		return false
	}
	h, there := q.hosted[kn.ident]
	if there && h.host != fd || s.hosted {
		return s.hosted
	}
	h.host = fd
	if kn.filter == netbsd.EVFILT_READ {
		h.read = kn
	} else {
		h.write = kn
	}
	e, ok := h.entry(kn.ident)
	if !ok {
		return false
	}
	q.publishLocked(kn, kn.flags) // first: what the set tells is looked up there at once
	if q.set.Put(fd, e, there) != 0 {
		q.publishLocked(kn, 0)
		return false
	}
	q.hosted[kn.ident] = h
	q.nhosted++
	s.hosted = true
	return true
}

// unhost takes s out of the set. Preconditions: mu is not held.
func (s *fileSource) unhost() {
	q := s.kn.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.hosted {
		q.unhostLocked(s)
	}
}

func (q *Queue) unhostLocked(s *fileSource) {
	kn := s.kn
	s.hosted = false
	q.nhosted--
	h := q.hosted[kn.ident]
	if h.read == kn {
		h.read = nil
	} else {
		h.write = nil
	}
	q.publishLocked(kn, 0)
	if h.read == nil && h.write == nil {
		delete(q.hosted, kn.ident)
		q.set.Drop(h.host)
		return
	}
	q.hosted[kn.ident] = h
	e, _ := h.entry(kn.ident)
	q.set.Put(h.host, e, true)
}

// changed follows a change of a knote, and reports whether that is all that is due: what the set can tell is told anew, as after
// EV_ADD. Else the source watches the file itself from now on, and is to be asked. Preconditions: mu is not held.
func (s *fileSource) changed() bool {
	q, kn := s.kn.q, s.kn
	left, told := false, false
	guard.Locked(&q.mu, func() {
		switch {
		case !s.hosted:
		case kn.plain():
			told = q.retellLocked(kn)
		default:
			q.unhostLocked(s)
			left = true
		}
	})
	if left {
		s.watch()
	}
	return told
}

// retellLocked has the set tell of what is there, by the flags that kn, which is hosted, has now.
func (q *Queue) retellLocked(kn *knote) bool {
	h := q.hosted[kn.ident]
	e, _ := h.entry(kn.ident)
	q.publishLocked(kn, kn.flags)
	return q.set.Put(h.host, e, true) == 0
}

// tellReads has the reads of a pipe told that the host does not tell of. It is due once the source watches that.
func (s *fileSource) tellReads() {
	if f, ok := s.d.File.(file.ReadTeller); ok && s.kn.filter == netbsd.EVFILT_WRITE && !s.kn.fills() {
		f.TellReads()
	}
}

// Blocks implements file.BlockHearer: who hears of room does not write until there is none any more. If the set has told him, his knote
// leaves it, and what there is then he is told once more.
func (s *fileSource) Blocks() {
	q, kn := s.kn.q, s.kn
	if !s.isHosted() {
		s.tellReads()
		return
	}
	s.changed()
	q.evaluate(kn, false)
	q.Settle()
}

// settleIn has a new knote hosted where the queue has a set, and reports whether it is: then that tells of what is there
// already. Else the source watches the file.
func (s *fileSource) settleIn() bool {
	if set, _ := s.kn.q.theSet(); set != nil && s.host() {
		return true
	}
	s.watch()
	return false
}

// watch has the source watch the file by itself, unless the guest's descriptor is being closed: then FDClosed ends the knote, or has.
func (s *fileSource) watch() {
	d, errno := s.files.Get(fdOf(s.kn.ident))
	if errno != 0 {
		return
	}
	defer d.Release()
	if d != s.d {
		return
	}
	d.File.Watch(&s.w)
	s.tellReads()
	dead := false
	guard.Locked(&s.kn.q.mu, func() { dead = s.kn.dead })
	if dead {
		s.unwatch()
	}
}

// harvest has the knotes look of whose files the set tells; and beside it those whose files are watched, some of which may be the host's.
func (q *Queue) harvest() {
	set, all := q.theSet()
	if set == nil {
		return
	}
	if !all {
		set.Settle()
	}
	set.Harvest(q.activateHosted)
}

func (q *Queue) activateHosted(key uint32, in, out bool) {
	r, w := q.hostedAt(key)
	if r != nil && in {
		r.activate()
	}
	if w != nil && out {
		w.activate()
	}
}

func (q *Queue) hostedAt(key uint32) (r, w *knote) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := q.hosted[uint64(key)]
	return h.read, h.write
}

// Harvested implements file.EventQueue. The host process may say what it likes: each is looked at.
func (q *Queue) Harvested(keys []uint32) {
	for _, key := range keys {
		q.activateHosted(key, true, true)
	}
}

// PromoteToLend implements file.Promoter: all knotes become hosted, if they can. What is there then is told once more, and
// what comes meanwhile, perhaps twice: by the set, and by the files, which are watched until they are in it.
func (q *Queue) PromoteToLend(newPipe file.HostPipe) {
	list, ok := q.hostable()
	if q.Lent() || !ok || !canHost(list, newPipe) || !q.makeSet() {
		return
	}
	for _, s := range list {
		if !s.host() {
			break
		}
		s.d.File.Unwatch(&s.w)
		if !s.isHosted() { // another LWP has changed the knote meanwhile
			s.watch()
			q.evaluate(s.kn, false)
			break
		}
		s.d.UseAnew()
	}
	q.follow()
}

func (s *fileSource) isHosted() bool {
	s.kn.q.mu.Lock()
	defer s.kn.q.mu.Unlock()
	return s.hosted
}

// canHost reports whether the files of all have a descriptor of the host, or get one by newPipe, which is not asked
// in vain.
func canHost(list []*fileSource, newPipe file.HostPipe) bool {
	for _, s := range list {
		if f, ok := s.d.File.(file.Hosted); !ok || !f.MayHost() {
			return false
		}
	}
	for _, s := range list {
		if _, ok := s.d.File.(file.Hosted).HostEvents(newPipe); !ok {
			return false
		}
	}
	return true
}

// hostable lists the sources that are not hosted yet; ok says whether all could be.
func (q *Queue) hostable() (list []*fileSource, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, kn := range q.knotes {
		s, is := kn.src.(*fileSource)
		if !is || !kn.plain() {
			return nil, false
		}
		if !s.hosted {
			list = append(list, s)
		}
	}
	return list, !q.closed && len(q.knotes) > 0
}

func (q *Queue) makeSet() bool {
	if set, _ := q.theSet(); set != nil {
		return true
	}
	set, errno := q.NewSet()
	if errno != 0 {
		return false
	}
	if !q.keep(set) {
		set.Close()
		return false
	}
	return true
}

func (q *Queue) keep(set file.EventSet) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.set != nil || q.closed {
		return false
	}
	q.forSet = file.Waiter{Mask: file.In, Fn: func(file.Events) { q.waiters.Notify(notified) }}
	q.hosted, q.set = map[uint64]hostedFile{}, set
	return true
}

// theSet returns nil if there is none, or q is closed; all says that it tells of all knotes.
func (q *Queue) theSet() (set file.EventSet, all bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, false
	}
	return q.set, q.nhosted == len(q.knotes)
}

// follow has the set watched as long as somebody waits in the kernel. It is due behind each change of who does.
func (q *Queue) follow() {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.set == nil || q.closed:
	case q.waiters.Empty():
		q.set.Unwatch(&q.forSet)
	default:
		q.set.Watch(&q.forSet)
	}
}

// answerableLocked reports whether the set tells all that a scan would find: all knotes are hosted, and none that is told
// of once waits to be handed out.
func (q *Queue) answerableLocked() bool {
	if q.set == nil || q.closed || q.nhosted != len(q.knotes) || q.asked > 0 {
		return false
	}
	for kn := q.ready.head; kn != nil; kn = kn.next {
		if kn.flags&netbsd.EV_CLEAR != 0 {
			return false
		}
	}
	return true
}

// Settle takes q back from the host process that it is lent to if that would miss something. It is due behind all that can bring knotes
// into the queue, or onto its list, with no locks held.
func (q *Queue) Settle() {
	if !q.lent.Load() {
		return
	}
	var lender *file.Table
	guard.Locked(&q.mu, func() {
		if !q.answerableLocked() {
			lender = q.table
		}
	})
	if lender != nil {
		lender.UnlendFile(q)
	}
}

// Lent reports whether a host process has the set.
func (q *Queue) Lent() bool { return q.lent.Load() }

// MayLend implements file.Lendable.
func (q *Queue) MayLend() bool { return q.NewSet != nil }

// MayWait implements file.Lendable.
func (q *Queue) MayWait() bool { return true }

// Gone implements file.Lendable.
func (q *Queue) Gone() bool { return false }

// LentAs tells the stub that it is no file to be read and written.
func (q *Queue) LentAs(uint32) uint32 { return file.LentEvents | file.LentWaits }

// LendFD implements file.Lendable.
func (q *Queue) LendFD(int) (int, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.answerableLocked() {
		return -1, false
	}
	return q.set.FD(), true
}

// LentTo implements file.EventQueue. Whoever adds something from here on finds that q is lent (Settle).
func (q *Queue) LentTo(t *file.Table, b file.Borrower) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if b != nil && !q.answerableLocked() {
		return false
	}
	q.table, q.borrower = t, b
	q.lent.Store(b != nil)
	for _, h := range q.hosted {
		for _, kn := range []*knote{h.read, h.write} {
			if kn != nil {
				q.publishLocked(kn, kn.flags)
			}
		}
	}
	return true
}

// publishLocked tells the host process that q is lent to what events of kn look like: flags 0, that there are none. udata stays then, for
// an LWP that has read the flags already: it tells of an event that was there when its call began.
func (q *Queue) publishLocked(kn *knote, flags uint32) {
	if q.borrower != nil {
		q.borrower.PublishEvent(int(kn.ident), kn.filter, flags, kn.udata)
	}
}
