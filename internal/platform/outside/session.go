package outside

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Session is a session of the host's with a terminal for its own. A stand-in leads it, a process that
// does nothing but what a thread does, in this program's memory and with its descriptors: so programs are started
// in the session as others are, by a table of calls.
//
//	the stand-in   leads the session; a child of this program, whose end is its own
//	a program      a member of it, and this program's child (CLONE_PARENT), which waits for it
//	an anchor      a member, and the stand-in's child, in a group of programs
//
// The host takes a group for orphaned unless one of its members has a parent in another group
// of its session, and has no stop of the terminal's in it. A program's parent is in another session; so
// the anchor is what has the group under job control, for as long as it is there.
//
// All of them have every signal blocked. What is sent to the stand-in's group, which no program is
// in, reaches nobody.
type Session struct {
	starter *Starter
	master  int // a descriptor of the terminal's controller

	mu      sync.Mutex // held while the stand-in has a turn
	leader  *process
	anchors map[int]*process
}

// A process is a thread that is a process of its own. Its control is the host's to write to until it
// has been waited for.
type process struct {
	*thread
	pid int
}

// lost are the controls of processes whose end nobody hears of.
var lost struct {
	mu   sync.Mutex
	list []*process
}

// processFlags are those of a stand-in and an anchor. A program has no part in the descriptors.
const (
	cloneFlags   = unix.CLONE_VM | unix.CLONE_CHILD_CLEARTID | uintptr(unix.SIGCHLD)
	processFlags = cloneFlags | unix.CLONE_FS | unix.CLONE_FILES
	programFlags = cloneFlags | unix.CLONE_PARENT
)

// clone has t make a process whose parent will be the one named, and waits until that has made its first calls. One at a
// time. After an error of the calls' there is the process.
func (t *thread) clone(flags, tid uintptr, parent int, first *table) (*process, error) {
	first.end()
	c := &control{turn: turnSelf, parent: parent, calls: uintptr(unsafe.Pointer(&first.calls[0]))}
	p := &process{thread: &thread{ctl: c}}
	t.ctl.flags, t.ctl.tid, t.ctl.next = flags, tid, uintptr(unsafe.Pointer(c))
	pid, err := t.do(turnClone, nil)
	if err != nil {
		return nil, os.NewSyscallError("clone", err)
	}
	p.pid = pid
	there := p.await(turnSelf)
	runtime.KeepAlive(first)
	switch {
	case c.errno != 0:
		err = syscall.Errno(c.errno)
	case !there:
		err = ErrGone
	}
	return p, err
}

// end kills a child of this program and waits for it; nil is none.
func (p *process) end() {
	if p == nil {
		return
	}
	unix.Kill(p.pid, unix.SIGKILL)
	collect(p.pid)
	runtime.KeepAlive(p)
}

// NewSession makes a session whose terminal is the one that the descriptor is of, which must
// belong to none. master is its controller's, which stays the caller's, and open until Close or
// HungUp.
func (s *Starter) NewSession(terminal, master int) (*Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin(); err != nil {
		return nil, err
	}
	var t table
	name, _ := t.text("toaster-session")
	t.try(unix.SYS_PRCTL, unix.PR_SET_NAME, name)
	t.call(unix.SYS_SETSID)
	t.call(unix.SYS_IOCTL, uintptr(terminal), unix.TIOCSCTTY)
	p, err := s.thread.clone(processFlags, 0, unix.Getpid(), &t)
	if err != nil {
		p.end()
		return nil, err
	}
	x := &Session{starter: s, master: master, leader: p, anchors: make(map[int]*process)}
	if s.sessions == nil {
		s.sessions = make(map[*Session]bool)
	}
	s.sessions[x] = true
	return x, nil
}

// self has the process make calls.
func (p *process) self(t *table) error {
	t.end()
	_, err := p.do(turnSelf, t.calls)
	runtime.KeepAlive(t.keep)
	return err
}

func (s *Starter) sessionsNow() (list []*Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for x := range s.sessions {
		list = append(list, x)
	}
	return list
}

// ID is the session's number, which is that of the stand-in's group, too.
func (x *Session) ID() int { return x.leader.pid }

// Takes reports whether a program can be started in a session: one that has to be beyond the filter
// cannot.
func (s *Starter) Takes(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begin() == nil && !(s.way.Plain && privilegedPath(path))
}

// A Place says how a program begins in the session.
type Place struct {
	Foreground bool // its group is put in the foreground
	Anchor     bool // its group is to have an anchor
}

// ForkExec is Starter.ForkExec for a member of the session. attr.Sys says which group it is in, by Setpgid and
// Pgid. anchor is 0 if there is none, as asked for or because the host has no process left.
func (x *Session) ForkExec(path string, argv []string, attr *syscall.ProcAttr, sig *Signals, in Place) (pid, anchor int, err error) {
	st := x.starter.startOf(path, argv, attr, sig)
	if in.Foreground {
		pgid := int32(attr.Sys.Pgid)
		st.front, st.master = &pgid, x.master
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if in.Anchor {
		return x.anchored(st)
	}
	pid, err = x.leader.spawnWith(st, spawnFlags|unix.CLONE_PARENT)
	return pid, 0, err
}

// anchored starts a program whose group has an anchor before it runs. mu is held.
func (x *Session) anchored(st *start) (pid, anchor int, err error) {
	made, err := st.lift()
	if err != nil {
		return 0, 0, err
	}
	p, err := x.member(st)
	closeAll(made) // it has its own
	if err != nil {
		p.end()
		return 0, 0, err
	}
	pgid := st.attr.Sys.Pgid
	if pgid == 0 {
		pgid = p.pid
	}
	a := x.anchor(pgid)
	if err := p.exec(st); err != nil {
		p.end()
		x.weigh(a)
		return 0, 0, err
	}
	if a != nil {
		anchor = a.pid
	}
	return p.pid, anchor, nil
}

// member makes the process of a program, in its group.
func (x *Session) member(st *start) (*process, error) {
	flags, tid := st.clone(programFlags)
	var t table
	t.group(st)
	p, err := x.leader.clone(flags, tid, unix.Getpid(), &t)
	st.front = nil // it is done
	return p, err
}

// exec has p execute a program. If it does not return an error there is one, or p was killed.
func (p *process) exec(st *start) error {
	var t table
	if err := t.program(st); err != nil {
		return err
	}
	_, err := p.do(turnSelf, t.calls)
	runtime.KeepAlive(t.keep)
	if err == ErrGone {
		return nil
	}
	return err
}

// anchor puts an anchor into a group; nil: it cannot. mu is held.
func (x *Session) anchor(pgid int) *process {
	var t table
	t.call(unix.SYS_SETPGID, 0, uintptr(pgid))
	p, err := x.leader.clone(processFlags, 0, x.leader.pid, &t)
	switch {
	case p == nil:
		return nil
	case err != nil:
		x.weigh(p)
		return nil
	}
	x.anchors[p.pid] = p
	return p
}

// Weigh takes an anchor away.
func (x *Session) Weigh(pid int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if p := x.anchors[pid]; p != nil {
		x.weigh(p)
	}
}

// weigh kills the anchor, whose pid is its own until the stand-in has waited for it; nil is none. mu is held.
func (x *Session) weigh(p *process) {
	if p == nil {
		return
	}
	delete(x.anchors, p.pid)
	unix.Kill(p.pid, unix.SIGKILL)
	var t table
	t.call(unix.SYS_WAIT4, uintptr(p.pid), 0, 0, 0)
	if x.leader.self(&t) != nil {
		lost.mu.Lock()
		defer lost.mu.Unlock()
		lost.list = append(lost.list, p)
	}
}

// Foreground returns the host's foreground group of the terminal.
func (x *Session) Foreground() (pgid int, err error) {
	return unix.IoctlGetInt(x.master, unix.TIOCGPGRP)
}

// SetForeground makes a group of the session's the foreground group.
func (x *Session) SetForeground(pgid int) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var t table
	t.call(unix.SYS_IOCTL, uintptr(x.master), unix.TIOCSPGRP, words(&t, int32(pgid)))
	return x.leader.self(&t)
}

// Close ends the session, and returns when the stand-in and all anchors are gone. The host hangs up on the
// foreground group then, as it does when a session's leader ends.
func (x *Session) Close() {
	if !x.starter.drop(x) {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range x.anchors {
		x.weigh(p)
	}
	x.leader.end()
}

// drop returns false if x is closed.
func (s *Starter) drop(x *Session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.sessions[x]
	delete(s.sessions, x)
	return was
}
