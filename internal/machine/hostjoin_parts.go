package machine

import (
	"maps"
	"slices"
	"syscall"

	"toaster/internal/file"
	"toaster/internal/platform/outside"
	"toaster/internal/syscalls"
	"toaster/internal/tty"
	"toaster/kern"
	"toaster/netbsd"
)

// This file turns parts of a process of the host into the machine's.
//
// They are what the host's program made of them, and that was given some of them by a guest. So whatever was the machine's when the
// program got it becomes the machine's own again, a terminal, a socket or a pipe with all that guests see of it; what the program has opened
// itself becomes a file of the host's, as a guest's own open would have made it.

// joinFiles makes a descriptor table of what x has open, under the same numbers. They are in order, as a table that is filled
// from below needs no more room than it has entries. The proxy's own descriptors stay the proxy's: closeAll closes copies.
//
// The error is the host's, or ENFILE: the machine's quota of open files. The descriptors are asked for once:
// the proxy has them from its execve on, and nobody changes them.
func (s *System) joinFiles(x *outside.Exec, known *hostWaiter) (*file.Table, error) {
	fds, err := x.Proxy.Files()
	if err != nil {
		return nil, err
	}
	defer closeAll(fds)
	t := s.Files.NewTable()
	for _, fd := range slices.Sorted(maps.Keys(fds)) {
		if errno := s.joinFile(t, fd, fds[fd], known); errno != 0 {
			t.Close()
			return nil, errno
		}
	}
	return t, nil
}

// joinFile installs one file. What there cannot be is left out, rather than the program with it: a descriptor
// that a shell has left open by mistake should not keep a program from running.
//
// fd is free, as the caller goes upwards, so Install takes that number and no other. RLIMIT_NOFILE is not
// asked: what a process has inherited beyond its limit it keeps, as on NetBSD.
func (s *System) joinFile(t *file.Table, fd, host int, known *hostWaiter) netbsd.Errno {
	d, errno := known.exported(host) // a nil known has exported nothing
	if d == nil {
		d, errno = s.inherit(host)
	}
	if errno != 0 {
		return 0 // the host can have what the machine cannot
	}
	if _, errno = t.Install(d, fd, 1<<30, 0); errno != 0 {
		d.Release()
	}
	return errno
}

// inherit makes an open file of a host descriptor; a terminal's is one to guests, too. fd stays the caller's.
func (s *System) inherit(fd int) (*file.Description, netbsd.Errno) {
	if tty.IsTerminal(fd) {
		return s.TTY.Inherit(fd)
	}
	return s.Host.Inherit(fd)
}

// hostFile is what tells one open file of the host from another: the device and the inode, and which end. A
// pipe's two ends have one inode and differ in how they are open; each socket has an inode of its own.
type hostFile struct{ dev, ino, access uint64 }

// hostFileOf returns that of a descriptor, and false for files and directories: of those one can be open
// twice, with an offset each. A descriptor that is none, -1 among them, is false as well.
func hostFileOf(fd int) (h hostFile, ok bool) {
	var st syscall.Stat_t
	if syscall.Fstat(fd, &st) != nil {
		return h, false
	}
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFREG, syscall.S_IFDIR, syscall.S_IFBLK:
		return h, false
	}
	flags, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	return hostFile{st.Dev, st.Ino, uint64(flags & syscall.O_ACCMODE)}, e == 0
}

// noteExports notes which guest descriptor each exported file stands for. Of two that are the same file the first counts: they
// share one description, or cannot be told apart.
//
// It is called before the program starts, by the LWP, and exports is not changed afterwards: so those who join
// later read it without a lock.
func (w *hostWaiter) noteExports(fds []int) {
	w.exports = make(map[hostFile]int)
	for guest, fd := range fds {
		if h, ok := hostFileOf(fd); fd >= 0 && ok {
			if _, twice := w.exports[h]; !twice {
				w.exports[h] = guest
			}
		}
	}
}

// exported returns the guest's open file that the program was given as what is now the host
// descriptor fd, so that a terminal or a socket of the machine's is one again; nil if it is none. The caller releases
// it.
//
// The process keeps its table as long as it runs the program, and nobody else changes it.
//
// A program can have changed what is behind the number that it was given, so the number counts for nothing and
// the file alone does. A file that the process has lost meanwhile is the host's.
func (w *hostWaiter) exported(fd int) (*file.Description, netbsd.Errno) {
	if w == nil {
		return nil, 0
	}
	h, ok := hostFileOf(fd)
	if !ok {
		return nil, 0
	}
	guest, ok := w.exports[h]
	if !ok {
		return nil, 0
	}
	d, errno := w.files.Get(guest)
	if errno != 0 {
		return nil, 0
	}
	return d, 0
}

// signalsFromLinux converts a set of the host's. What NetBSD does not have, as signals for threads of libc's own, is left out.
func signalsFromLinux(set uint64) (to netbsd.Sigset) {
	for n := 1; n <= 64; n++ {
		if sig := netbsd.SignalFromLinux(n); set&(1<<(n-1)) != 0 && sig != 0 {
			to |= sig.Bit()
		}
	}
	return to
}

// hostSignals is what l ignores and blocks, which a program that it executes inherits (execve(2)).
//
// A signal that l catches is not ignored there, and has its default. One that Linux does not have is left out.
func hostSignals(l *kern.LWP) (s outside.Signals) {
	mask := l.Sigmask() // l is the caller: nobody changes its mask meanwhile
	for sig := netbsd.Signal(1); sig < netbsd.NSIG; sig++ {
		n := sig.ToLinux()
		if n == 0 {
			continue
		}
		bit := uint64(1) << (n - 1)
		if l.Proc().Action(sig).Handler == netbsd.SIG_IGN {
			s.Ignored |= bit
		}
		if mask.Has(sig) {
			s.Blocked |= bit
		}
	}
	return s
}

// inheritSignals has l ignore and block what the program did that has executed it. Handlers do not outlive an execve (execsigs), so
// what is not ignored is the default. SIGKILL and SIGSTOP cannot be ignored, and signals that Linux does not
// have stay as they are. An action that is right already is not set again: to have a signal ignored also drops
// what is pending of it.
func inheritSignals(l *kern.LWP, st *outside.Status) {
	ignored := signalsFromLinux(st.Ignored)
	for sig := netbsd.Signal(1); sig < netbsd.NSIG; sig++ {
		if sig.ToLinux() == 0 || sig == netbsd.SIGKILL || sig == netbsd.SIGSTOP {
			continue
		}
		a := &kern.Action{}
		if ignored.Has(sig) {
			a.Handler = netbsd.SIG_IGN
		}
		if l.Proc().Action(sig).Handler != a.Handler || l.Proc().Action(sig).Func != nil {
			l.Sigaction(sig, a)
		}
	}
	l.Platform().SetSigmask(signalsFromLinux(st.Blocked))
}

// credOf returns base if st's user is the one that base's programs of the host have, else one
// with the host's ids.
//
// base is kept where the host's ids are still those that its programs have, as Status has the effective ids
// alone, and base the others, too.
func (s *System) credOf(st *outside.Status, base *kern.Cred) *kern.Cred {
	c := kern.UserCred(st.UID, st.GID, st.Groups...)
	own, err := outside.StatusOf(syscall.Getpid())
	switch {
	case base == nil:
		return c
	case c.EUID == base.EUID && c.EGID == base.EGID:
		return base
	case err == nil && own.UID == c.EUID && own.GID == c.EGID && s.FS.SameAsHost(base):
		return base
	}
	return c
}

// spawnArgs describes the new process. Session and group are those that the host has it in, as
// far as the machine knows them.
//
// Prepare sets signals before the process can run. A child in the group of w's program has a deputy there, its
// proxy: a signal for the whole group reaches it by that one.
func (s *System) spawnArgs(j *joiner, w *hostWaiter, parent *kern.Proc, cred *kern.Cred) kern.SpawnArgs {
	a := kern.SpawnArgs{
		Body:   s.Body,
		Manual: true,
		Cred:   cred,
		Image:  &kern.Image{Comm: j.prog.comm, Path: j.prog.path, Emul: kern.EmulNetBSD},
		VM:     j.ready.space,
		Files:  syscalls.Files{Table: j.view.Files},
		Dirs:   syscalls.Dirs{Dirs: j.view.Dirs},
		Parent: parent,
		Prepare: func(l *kern.LWP) netbsd.Errno {
			j.ready.attach(l)
			s.setArgs(l.Proc(), j.prog)
			inheritSignals(l, &j.Status)
			return 0
		},
	}
	s.placeJoined(&a, w, &j.Status)
	if prepare := a.Prepare; !a.Setsid && !a.Setpgrp {
		a.Prepare = func(l *kern.LWP) netbsd.Errno {
			l.Platform().SetDeputy(w.group.Load()) // the proxy is in the program's group
			return prepare(l)
		}
	}
	return a
}

// placeJoined chooses session and group by comparing the new program's on the host with those of the program that a guest has started.
// What is the same there is the same here: SpawnArgs without a word puts a child into its parent's. One in another session, or whose
// starter is gone, leads a session here, without a terminal.
//
// Where the host does not say how w's program stands, as it has ended, nothing compares equal, and the new
// process leads a session.
func (s *System) placeJoined(a *kern.SpawnArgs, w *hostWaiter, st *outside.Status) {
	var of outside.Status
	if w != nil {
		of, _ = outside.StatusOf(w.pid)
	}
	switch {
	case w == nil || st.Session != of.Session:
		a.Setsid = true
	case st.Group != of.Group:
		a.Setpgrp = true
		s.joinGroup(a, w, st)
	}
}

// joinGroup has a process that is not to lead a group enter the one that the host's group is,
// once it is there; the first one makes it.
//
// It is done by the process itself, before its program runs, as only an LWP of it or of its parent may move it
// (setpgid(2)). If the group is gone by then, or of another session, it leads one of its own, which Setpgrp has
// made, and the host's number stands for that.
func (s *System) joinGroup(a *kern.SpawnArgs, w *hostWaiter, st *outside.Status) {
	known := s.hosts.group(st.Group)
	body := a.Body
	a.Body = func(l *kern.LWP) {
		if st.Group == st.Pid || known == 0 || l.Setpgid(0, known) != 0 {
			s.hosts.setGroup(st.Group, l.Proc().Pid())
		}
		if sess := w.group.Load().sess; sess != nil {
			l.Platform().SetDeputy(s.groups.made(sess, l.Proc().Pgrp(), st))
		}
		body(l)
	}
}

// group returns the machine's group that the host's group is, 0 if none is known. A number that is reused on the host leads to
// a group which is gone, and setpgid(2) refuses that.
func (hp *hostPrograms) group(host int) int {
	hp.mu.Lock()
	defer hp.mu.Unlock()
	return hp.groups[host]
}

// setGroup notes which group the host's is from now on.
func (hp *hostPrograms) setGroup(host, pgid int) {
	hp.mu.Lock()
	defer hp.mu.Unlock()
	hp.groups[host] = pgid
}
