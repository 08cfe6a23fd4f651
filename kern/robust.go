package kern

import "toaster/netbsd"

// This file keeps what an LWP wants done when it ends: its list of robust locks
// (l_robust_head of sys/lwp.h). A new LWP has none, nor has the child of a fork.

// robust is what one LWP has noted. head is the guest's word and only told to those who ask, never followed here;
// end knows how to walk the list. mu guards both.
type robust struct {
	head uint64
	end  func()
}

// SetRobust notes where l's list of robust locks lies, and what is to be done with it when l
// ends or its process runs another program: end is then called on l's goroutine, without the
// lock, while l's memory is still there. nil is nothing.
func (pl *Platform) SetRobust(head uint64, end func()) {
	l := (*LWP)(pl)
	l.p.m.lock()
	if end != nil || l.ext != nil {
		l.extra().robust = robust{head, end}
	}
	l.p.m.unlock()
}

// Robust returns where the list of an LWP of l's process lies, 0 if it has none; lid 0 is l. ESRCH: there is no such
// LWP, or it has ended.
func (l *LWP) Robust(lid int) (head uint64, errno netbsd.Errno) {
	errno = l.call(func() netbsd.Errno {
		t := l
		if lid != 0 {
			t = l.p.lwpLocked(int32(lid))
		}
		switch {
		case t == nil || t.stat >= LWPZombie:
			return netbsd.ESRCH
		case t.ext != nil:
			head = t.ext.robust.head
		}
		return 0
	})
	return head, errno
}

// endRobust does what SetRobust has noted, once: it is forgotten before mu is dropped, so that holdsRobust lets a
// SIGKILL take the memory even while end walks a long list. mu is held, and dropped meanwhile.
func (l *LWP) endRobust() {
	if l.ext == nil || l.ext.robust.end == nil {
		return
	}
	end := l.ext.robust.end
	l.ext.robust = robust{}
	l.p.unlocked(end)
}

// EndRobust is endRobust for an exec: the memory that the locks lie in goes.
func (pl *Platform) EndRobust() {
	l := (*LWP)(pl)
	l.p.m.lock()
	l.endRobust()
	l.p.m.unlock()
}

// holdsRobust says whether an LWP of p has a list of robust locks, so that SIGKILL must leave it
// its memory until it has come by. mu is held.
func (p *Proc) holdsRobust() bool {
	for l := p.lwps; l != nil; l = l.next {
		if l.ext != nil && l.ext.robust.end != nil {
			return true
		}
	}
	return false
}
