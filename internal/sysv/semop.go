package sysv

import (
	"cmp"
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// This file implements semop(2): all operations of a call, or none, and what of them is undone
// when the process ends (semexit).

// Op is semop(2), and semtimedop(2) with a deadline. E2BIG, EINVAL, EACCES. EFBIG: a semaphore
// that there is not. EAGAIN: it would sleep, or the deadline passed. EINTR. EIDRM: the set was
// removed meanwhile. ENOSPC, EINVAL: no room for what is to be undone.
func (s *Semaphores) Op(c Caller, id int, ops []netbsd.Sembuf, deadline time.Time) netbsd.Errno {
	o := &semOp{s: s, c: &c, ops: ops}
	errno := s.use(&c, id, netbsd.IPC_W, func(set *semSet) netbsd.Errno {
		for i := range ops {
			if int(ops[i].Num) >= len(set.sems) {
				return netbsd.EFBIG
			}
		}
		o.set = set
		return 0
	})
	if errno != 0 {
		return errno
	}
	if o.try() {
		return o.errno
	}
	defer o.forget() // a sleep can end in the death of the LWP
	if errno := o.set.queue.sleep(c.L, deadline, o.try); errno != 0 {
		return o.broken(errno)
	}
	return o.errno
}

// semOp is a call on its way. Its fields but for counted belong to the calling LWP.
type semOp struct {
	s     *Semaphores
	c     *Caller
	set   *semSet
	ops   []netbsd.Sembuf
	errno netbsd.Errno

	counted *uint16 // the count of waiters that it is in; s.mu guards it
}

// try makes the operations, and says whether the call has come to its end, with errno.
func (o *semOp) try() (done bool) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.uncount()
	if o.set.dead {
		o.errno = netbsd.EIDRM
		return true
	}
	wake, at := o.advance()
	if at < len(o.ops) {
		o.rollback(at)
		return o.wait(&o.ops[at])
	}
	if o.errno = o.s.noteUndo(o.c.P, o.set, o.ops); o.errno != 0 {
		o.rollback(len(o.ops))
		return true
	}
	for i := range o.ops {
		o.set.sems[o.ops[i].Num].pid = o.c.pid()
	}
	o.set.ds.Otime = now()
	if wake {
		o.set.queue.wake()
	}
	return true
}

// advance makes the operations up to the first that cannot be, whose index it returns, and says
// whether somebody may wait for them. A value wraps as NetBSD's unsigned short does.
func (o *semOp) advance() (wake bool, at int) {
	for i := range o.ops {
		op, sem := &o.ops[i], &o.set.sems[o.ops[i].Num]
		switch {
		case op.Op < 0 && int(sem.val)+int(op.Op) < 0, op.Op == 0 && sem.val > 0:
			return wake, i
		case op.Op < 0:
			sem.val += uint16(op.Op)
			wake = wake || sem.val == 0 && sem.zcnt > 0
		case op.Op > 0:
			wake = wake || sem.ncnt > 0
			sem.val += uint16(op.Op)
		}
	}
	return wake, len(o.ops)
}

// rollback takes the first n operations back.
func (o *semOp) rollback(n int) {
	for _, op := range o.ops[:n] {
		o.set.sems[op.Num].val -= uint16(op.Op)
	}
}

// wait counts the caller among those who wait for what op needs, unless op is not to wait.
func (o *semOp) wait(op *netbsd.Sembuf) (done bool) {
	if int(op.Flags)&netbsd.IPC_NOWAIT != 0 {
		o.errno = netbsd.EAGAIN
		return true
	}
	o.counted = &o.set.sems[op.Num].ncnt
	if op.Op == 0 {
		o.counted = &o.set.sems[op.Num].zcnt
	}
	*o.counted++
	return false
}

// uncount is what wait did, undone. s.mu is held.
func (o *semOp) uncount() {
	if o.counted != nil {
		*o.counted--
		o.counted = nil
	}
}

func (o *semOp) forget() {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.uncount()
}

// broken is what a call returns whose sleep has failed: a set that is gone comes first.
func (o *semOp) broken(errno netbsd.Errno) netbsd.Errno {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if o.set.dead {
		return netbsd.EIDRM
	}
	return errno
}

// semUndo is struct sem_undo: what is added to semaphores when a process ends.
type semUndo struct {
	n    int
	list [SEMUME]undoEntry
}

type undoEntry struct {
	set *semSet
	num uint16
	adj int16
}

// noteUndo notes what of ops is to be undone: all of it, or with an error nothing. ENOSPC: too
// many processes have something. EINVAL: p has too much. mu is held.
func (s *Semaphores) noteUndo(p *kern.Proc, set *semSet, ops []netbsd.Sembuf) netbsd.Errno {
	for i := range ops {
		if int(ops[i].Flags)&netbsd.SEM_UNDO == 0 || ops[i].Op == 0 {
			continue
		}
		errno := s.adjust(p, set, ops[i].Num, -ops[i].Op)
		if errno == 0 {
			continue
		}
		for i--; i >= 0; i-- {
			if int(ops[i].Flags)&netbsd.SEM_UNDO != 0 && ops[i].Op != 0 {
				s.adjust(p, set, ops[i].Num, ops[i].Op)
			}
		}
		return errno
	}
	return 0
}

// adjust is semundo_adjust. An entry that comes to 0 is none.
func (s *Semaphores) adjust(p *kern.Proc, set *semSet, num uint16, adj int16) netbsd.Errno {
	u, errno := s.undoOf(p)
	if errno != 0 {
		return errno
	}
	for i := range u.list[:u.n] {
		e := &u.list[i]
		if e.set != set || e.num != num {
			continue
		}
		if e.adj += adj; e.adj == 0 {
			u.drop(i)
		}
		return 0
	}
	if u.n == SEMUME {
		return netbsd.EINVAL
	}
	u.list[u.n] = undoEntry{set, num, adj}
	u.n++
	return 0
}

// drop removes entry i.
func (u *semUndo) drop(i int) {
	u.n--
	u.list[i] = u.list[u.n]
	u.list[u.n] = undoEntry{}
}

// undoOf is semu_alloc: the entries of p, which are made if there is room. ENOSPC. ESRCH: p is
// about to end, and would not be heard of.
func (s *Semaphores) undoOf(p *kern.Proc) (*semUndo, netbsd.Errno) {
	if u := s.undos[p]; u != nil {
		return u, 0
	}
	if len(s.undos) >= cmp.Or(s.mostUndos, SEMMNU) {
		for q, u := range s.undos {
			if u.n == 0 {
				delete(s.undos, q)
			}
		}
	}
	if len(s.undos) >= cmp.Or(s.mostUndos, SEMMNU) {
		return nil, netbsd.ENOSPC
	}
	if s.undos == nil {
		s.undos, s.hooked = map[*kern.Proc]*semUndo{}, map[*kern.Proc]struct{}{}
	}
	if _, ok := s.hooked[p]; !ok {
		if errno := p.OnExit(s.exit); errno != 0 {
			return nil, errno
		}
		s.hooked[p] = struct{}{}
	}
	u := &semUndo{}
	s.undos[p] = u
	return u, 0
}

// clearUndo is semundo_clear: nobody undoes what was done to a set's semaphore num, or to any
// of them if that is -1. mu is held.
func (s *Semaphores) clearUndo(set *semSet, num int) {
	for _, u := range s.undos {
		for i := 0; i < u.n; {
			if u.list[i].set == set && (num == -1 || int(u.list[i].num) == num) {
				u.drop(i)
				continue
			}
			i++
		}
	}
}

// exit is semexit, which exit1 calls with the exit hooks: no value falls below 0.
func (s *Semaphores) exit(p *kern.Proc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hooked, p)
	u := s.undos[p]
	if u == nil {
		return
	}
	delete(s.undos, p)
	for _, e := range u.list[:u.n] {
		sem := &e.set.sems[e.num]
		if e.adj < 0 && int(sem.val) < -int(e.adj) {
			sem.val = 0
		} else {
			sem.val += uint16(e.adj)
		}
		e.set.queue.wake()
	}
}
