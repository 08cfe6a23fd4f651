package outside

import (
	"errors"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file is syscall.ForkExec as a table of calls.

// A table is what a thread is to do, with what it points to.
type table struct {
	calls []call
	keep  []any
}

func (t *table) add(must bool, nr int, args ...uintptr) {
	c := call{nr: nr}
	if must {
		c.must = 1
	}
	copy(c.args[:], args)
	t.calls = append(t.calls, c)
}

// try adds a call that may fail, call one that may not.
func (t *table) try(nr int, args ...uintptr)  { t.add(false, nr, args...) }
func (t *table) call(nr int, args ...uintptr) { t.add(true, nr, args...) }

// end is behind the last call.
func (t *table) end() { t.calls = append(t.calls, call{nr: -1}) }

// text, texts and words return where something lies that the table keeps.
func (t *table) text(s string) (uintptr, error) {
	p, err := syscall.BytePtrFromString(s)
	if err != nil {
		return 0, err
	}
	t.keep = append(t.keep, p)
	return uintptr(unsafe.Pointer(p)), nil
}

func (t *table) texts(list []string) (uintptr, error) {
	p, err := syscall.SlicePtrFromStrings(list)
	if err != nil {
		return 0, err
	}
	t.keep = append(t.keep, p)
	return uintptr(unsafe.Pointer(&p[0])), nil
}

func words[T any](t *table, list ...T) uintptr {
	t.keep = append(t.keep, list)
	return uintptr(unsafe.Pointer(unsafe.SliceData(list)))
}

var errAttr = errors.New("attribute of a process that is not supported")

// A start is a program that is to be started.
type start struct {
	path string
	argv []string
	attr *syscall.ProcAttr
	mask unix.Sigset_t // the signals that it begins with blocked
	pass uint64        // lets the execve by the filter without a question
	// ignored are the signals that it ignores, n's is bit n-1; nil: those that toaster does.
	ignored *uint64
	umask   *uint32 // nil is toaster's
	// front is the program's group, which it puts in the foreground of the terminal that master controls;
	// nil: it does not.
	front  *int32
	master int
}

// program has a table start a program as syscall.ForkExec does, in its order.
//
// Signals stay blocked until the last moment, and nothing is caught by then: the child has the
// memory of this process, and Go's handlers would run in it.
func (t *table) program(s *start) error {
	name, err := t.text(s.path)
	if err != nil {
		return err
	}
	args, err := t.texts(s.argv)
	if err != nil {
		return err
	}
	env, err := t.texts(s.attr.Env)
	if err != nil {
		return err
	}
	t.signals(s.ignored)
	if s.umask != nil {
		t.call(unix.SYS_UMASK, uintptr(*s.umask))
	}
	if err := t.place(s); err != nil {
		return err
	}
	t.files(s.attr.Files)
	if sys := s.attr.Sys; sys != nil && sys.Noctty {
		t.call(unix.SYS_IOCTL, 0, unix.TIOCNOTTY)
	}
	if sys := s.attr.Sys; sys != nil && sys.Setctty {
		t.call(unix.SYS_IOCTL, uintptr(sys.Ctty), unix.TIOCSCTTY, 1)
	}
	if lim := openFiles(); lim != nil {
		t.try(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, words(t, *lim))
	}
	t.call(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, words(t, s.mask), 0, 8)
	t.call(unix.SYS_EXECVE, name, args, env, 0, 0, uintptr(s.pass))
	t.end()
	return nil
}

// group puts the program into its group.
func (t *table) group(s *start) {
	t.call(unix.SYS_SETPGID, 0, uintptr(s.attr.Sys.Pgid))
	if s.front != nil {
		t.keep = append(t.keep, s.front)
		t.try(unix.SYS_IOCTL, uintptr(s.master), unix.TIOCSPGRP, uintptr(unsafe.Pointer(s.front)))
	}
}

// place is what s.attr says of session, group, user, directory and parent.
func (t *table) place(s *start) error {
	attr := s.attr
	sys := attr.Sys
	if sys == nil {
		sys = &syscall.SysProcAttr{}
	}
	if sys.Chroot != "" || sys.Ptrace || sys.Cloneflags|sys.Unshareflags != 0 || len(sys.AmbientCaps) > 0 || sys.UseCgroupFD || sys.PidFD != nil {
		return errAttr
	}
	if sys.Setsid {
		t.call(unix.SYS_SETSID)
	}
	if sys.Foreground {
		return errAttr
	}
	if sys.Setpgid {
		t.group(s)
	}
	t.user(sys.Credential)
	if attr.Dir != "" {
		dir, err := t.text(attr.Dir)
		if err != nil {
			return err
		}
		t.call(unix.SYS_CHDIR, dir)
	}
	if sys.Pdeathsig != 0 { // behind the ids, whose change forgets it
		t.call(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(sys.Pdeathsig))
	}
	return nil
}

func (t *table) user(c *syscall.Credential) {
	if c == nil {
		return
	}
	if !c.NoSetGroups {
		t.call(unix.SYS_SETGROUPS, uintptr(len(c.Groups)), words(t, c.Groups...))
	}
	t.call(unix.SYS_SETGID, uintptr(c.Gid))
	t.call(unix.SYS_SETUID, uintptr(c.Uid))
}

// files makes list the program's descriptors; the execve closes all others. What list names has
// numbers beyond it (beyond), so none is overwritten before its turn.
func (t *table) files(list []uintptr) {
	for i, fd := range list {
		if int(fd) < 0 {
			t.try(unix.SYS_CLOSE, uintptr(i))
		} else {
			t.call(unix.SYS_DUP3, fd, uintptr(i), 0)
		}
	}
	t.call(unix.SYS_CLOSE_RANGE, uintptr(len(list)), ^uintptr(0)>>32, unix.CLOSE_RANGE_CLOEXEC)
}

// beyond returns list with duplicates in place of those whose numbers are too low for files;
// the caller closes what is in made.
func beyond(list []uintptr) (high []uintptr, made []int, err error) {
	high = append(high, list...)
	for i, fd := range list {
		if int(fd) < 0 || int(fd) >= len(list) {
			continue
		}
		n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, len(list))
		if err != nil {
			closeAll(made)
			return nil, nil, err
		}
		high[i], made = uintptr(n), append(made, n)
	}
	return high, made, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// signals resets each signal that this process catches to its default action, as an execve would, and has those
// ignored that the set names, or, without one, that this process ignores, and no others.
func (t *table) signals(ignored *uint64) {
	for sig := uintptr(1); sig <= 64; sig++ {
		var act [4]uintptr // struct sigaction begins with the handler
		_, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&act)), 8, 0, 0)
		var want [4]uintptr
		switch {
		case e != 0:
			continue
		case ignored != nil && *ignored&(1<<(sig-1)) != 0, ignored == nil && act[0] == sigIgn:
			want[0] = sigIgn
		}
		if act[0] != want[0] {
			t.try(unix.SYS_RT_SIGACTION, sig, words(t, want), 0, 8)
		}
	}
}

const sigIgn = 1

// clone returns flags for clone(2), and where the host is to write the pid: in front, if the program
// makes the group.
func (s *start) clone(flags uintptr) (f, tid uintptr) {
	if s.front == nil || *s.front != 0 {
		return flags, 0
	}
	return flags | unix.CLONE_PARENT_SETTID, uintptr(unsafe.Pointer(s.front))
}

// lift has s name its files by numbers beyond those that they are to have. The caller closes what is in made, once
// there is a child.
func (s *start) lift() (made []int, err error) {
	attr := *s.attr
	if attr.Files, made, err = beyond(s.attr.Files); err == nil {
		s.attr = &attr
	}
	return made, err
}

// spawnFlags are clone(2)'s of a program: the thread goes on when it has executed something.
const spawnFlags = unix.CLONE_VM | unix.CLONE_VFORK | uintptr(unix.SIGCHLD)

// spawn has a thread start a program, and returns its pid. One at a time.
func (t *thread) spawn(s *start) (int, error) { return t.spawnWith(s, spawnFlags) }

func (t *thread) spawnWith(s *start, flags uintptr) (int, error) {
	made, err := s.lift()
	if err != nil {
		return 0, err
	}
	defer closeAll(made)
	t.mu.Lock()
	defer t.mu.Unlock()
	var tab table
	if err := tab.program(s); err != nil {
		return 0, err
	}
	t.ctl.flags, t.ctl.tid = s.clone(flags)
	pid, err := t.do(turnSpawn, tab.calls)
	runtime.KeepAlive(tab.keep)
	return pid, err
}
