package machine

import (
	"maps"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/platform/outside"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has what the LWP does that lives a program's life, when the program executes one of the
// machine's, or its descendants do.
//
// The LWP sleeps in kern as long as the program runs (hostprog.go), and is woken for each of these things. hostWaiter.mu guards what it is
// woken for; it is never held while anything is done about it.

// hand passes what the program has executed to the LWP, and returns false if the LWP is gone. Wake follows the unlock: the LWP may run at
// once, and take mu.
//
// False leaves j with the caller. At most one is on its way, as the program is a proxy from then on, and a
// proxy executes nothing.
func (w *hostWaiter) hand(j *joiner) bool {
	w.mu.Lock()
	ok := !w.left && !w.done && w.joined == nil
	if ok {
		w.joined = j
	}
	w.mu.Unlock()
	if ok {
		w.l.Wake()
	}
	return ok
}

// become has the process run j in the program's place: an execve(2) without a caller. False: it
// cannot be run, and the process will end as the proxy does.
//
// The program's ids, parent, group and terminal are the process's all the time. What the host has made of
// its descriptors, its directory and its signals counts.
//
// It runs on the LWP's goroutine. What can fail comes before Exec, or in Exec before Replace: from there on the
// process has j's memory.
func (s *System) become(mc *Context, w *hostWaiter, j *joiner) bool {
	l := w.l
	j.setsIDs = true
	if err := s.prepare(j, s.dirsOf(w), l.Proc().Cred(), w); err != nil {
		// Elsewhere, as the complaint can be long in being written, and the LWP is to hear of signals and of the proxy's end.
		guard.Go("a program of the host was refused", func() { s.refuse(j, err) })
		return false
	}
	defer j.done()
	// Before Exec, which keeps what is ignored and blocked, and drops handlers.
	inheritSignals(l, &j.Status)
	changes := j.prog.changes(l)
	errno := l.Exec(kern.ExecArgs{
		Comm:   j.prog.comm,
		Path:   j.prog.path,
		SetUID: j.prog.setID.user(),
		SetGID: j.prog.setID.group(),
		Replace: func() netbsd.Errno {
			w.moveIn(mc, j)
			return 0
		},
	})
	if errno != 0 { // the process is about to end
		j.drop()
		s.refuse(j, errno)
		return false
	}
	s.setArgs(l.Proc(), j.prog)
	s.attend(l.Proc(), j)
	if changes {
		j.prog.mustBeSafe(l)
	}
	return true
}

// moveIn makes mc the machine context of the LWP, with j's memory, and what j has open and where it is the
// process's. It is Exec's Replace, when nothing can fail any more.
//
// The proxy is the process's deputy in the program's group. The state that is lent is the new thread's, of
// which nothing has been published.
func (w *hostWaiter) moveIn(mc *Context, j *joiner) {
	w.mu.Lock()
	w.left = true // from here on children join as any other's, and no second program does
	w.mu.Unlock()
	next, l := j.ready, w.l
	l.Platform().SetDeputy(w.group.Load())
	mc.begin(next)
	mc.alone, mc.stale = true, lentAlone
	mc.attach(l)
	l.Proc().SetVM(mc.space)
	v := syscalls.View(l)
	fill(v.Files, j.view.Files)
	if dir, errno := j.view.CwdOf(j.view.Dirs); errno == 0 {
		v.Chdir(dir)
	}
	v.Dirs.Umask(j.view.Dirs.Umask(0))
	j.view.Dirs.Close()
}

// fill makes to's descriptors those of from, which is closed. The table itself stays: kern and the process's own LWP know it. Each
// file has a reference of its own in between, so none is closed for good on its way.
func fill(to, from *file.Table) {
	to.CloseFrom(0)
	for _, fd := range from.Open() {
		if d, errno := from.Get(fd); errno == 0 {
			// The number is free and the limit none, so only the machine's quota can refuse: the file is
			// missing then.
			if _, errno = to.Install(d, fd, 1<<30, 0); errno != 0 {
				d.Release()
			}
		}
	}
	from.Close()
}

// addChild notes a process that a descendant of the program has become.
func (w *hostWaiter) addChild(p *kern.Proc, proxy *outside.Proxy) {
	if w.keepChild(p.Pid(), proxy) {
		w.l.Wake() // the child may have ended already
	}
}

// keepChild returns false if the LWP is elsewhere: then it is a child like any other.
func (w *hostWaiter) keepChild(pid int, proxy *outside.Proxy) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left {
		return false
	}
	if w.children == nil {
		w.children = make(map[int]*outside.Proxy)
	}
	w.children[pid] = proxy
	return true
}

// lookAfterChildren waits for those that have joined below the program, which itself knows nothing of
// them but their proxies: those stop as they do, and end by attend.
//
// In place of a parent that would wait for them: zombies are reaped, and stops reported once. WNOHANG, as the
// LWP has the program itself to look after. An error, as ECHILD where somebody else has reaped it, is an end as
// well.
func (w *hostWaiter) lookAfterChildren() {
	for pid, proxy := range w.childrenNow() {
		r, errno := w.l.Wait(pid, netbsd.WNOHANG|netbsd.WUNTRACED)
		switch {
		case errno == 0 && r.Pid == 0:
		case errno == 0 && r.Status.Stopped():
			proxy.Stop()
		default:
			w.dropChild(pid)
		}
	}
}

// childrenNow returns a copy: waiting for one takes locks of kern's.
func (w *hostWaiter) childrenNow() map[int]*outside.Proxy {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.children)
}

// dropChild forgets a child that has been waited for, before its pid can be another's.
func (w *hostWaiter) dropChild(pid int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.children, pid)
}
