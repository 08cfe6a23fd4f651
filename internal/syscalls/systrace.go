package syscalls

import (
	"slices"
	"sync"

	"toaster/internal/file"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// This file is /dev/systrace of release 2003 (kern_systrace.c): who opens it may attach processes to it, and is asked about the system
// calls of each. It reads messages, and answers by ioctl(2) (systrace_ioctl.go). What the attached process does is in
// systrace_call.go.
//
// The order of locks is that of the kernel's files: systraceFile.mu, that of a process's directories or a queue's, kern's.

// systraceMajor is systrace's major number in the conf/majors of 2003.
const systraceMajor = 160

// systraceFile is struct fsystrace.
type systraceFile struct {
	file.Base
	k          *Kernel
	st         file.Stat
	super      bool // issuser
	ruid, rgid uint32
	readers    file.Queue

	mu       sync.Mutex // guards what follows, and what its processes have
	procs    []*systraced
	messages []systraceMsg
	policies []*systracePolicy
	nextNr   int32
	left     *vfs.Place // where a monitor was that is where an attached process is (fd_cdir, fd_rdir)
}

// systraced is struct str_process: an attached process. It implements kern.Systracer.
type systraced struct {
	fst    *systraceFile
	p      *kern.Proc
	asking file.Queue // its LWPs that wait for an answer

	// fst.mu guards what follows.
	gone      bool // detached
	policy    *systracePolicy
	replace   *systraceReplace
	queued    bool // STR_PROC_ONQUEUE
	waiting   bool // STR_PROC_WAITANSWER
	result    bool // STR_PROC_SYSCALLRES
	report    bool // STR_PROC_REPORT
	fast      bool // nobody was asked about the call that is being made (oldemul)
	answer    int32
	errno     netbsd.Errno
	seqnr     uint16
	euid      *uint32 // STR_PROC_SETEUID
	egid      *uint32
	saved     *[2]uint32 // effective user and group before they were lent
	ruid, gid uint32     // before the call
}

// systracePolicy says what becomes of each call without a question.
type systracePolicy struct {
	nr    int32
	refs  int
	calls []uint8
}

// systraceMsg is a message in the queue; who is nil for those that are about nobody that waits (SYSTR_MSG_NOPROCESS).
type systraceMsg struct {
	who  *systraced
	data []byte
}

// SystraceDevice is /dev/systrace.
func (k *Kernel) SystraceDevice() vfs.Device {
	return k.cloning(systraceMajor, func(c *kern.Cred, st file.Stat, _ int) file.File {
		return &systraceFile{k: k, st: st, super: c.IsRoot(), ruid: c.RUID, rgid: c.RGID}
	})
}

// Dtype implements file.Typed.
func (f *systraceFile) Dtype() uint32 { return netbsd.DTYPE_MISC }

func (f *systraceFile) Stat() (file.Stat, netbsd.Errno) { return f.st, 0 }

// Read takes one message. EINVAL: the room is not a message's. No process is left: the end of the file.
func (f *systraceFile) Read(c file.Call, b []byte) (int, netbsd.Errno) {
	if len(b) != netbsd.SizeofSystraceMessage {
		return 0, netbsd.EINVAL
	}
	try := func() (int, netbsd.Errno) { return f.take(b) }
	if n, errno := try(); errno != netbsd.EAGAIN {
		return n, errno
	}
	return file.Block(c, f, file.In, try)
}

func (f *systraceFile) take(b []byte) (int, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case len(f.messages) == 0 && len(f.procs) == 0:
		return 0, 0
	case len(f.messages) == 0:
		return 0, netbsd.EAGAIN
	}
	m := f.messages[0]
	f.messages = f.messages[1:]
	if m.who != nil {
		m.who.queued = false
	}
	return copy(b, m.data), 0
}

// Write implements file.File: nothing is written here.
func (f *systraceFile) Write(file.Call, []byte) (int, netbsd.Errno) { return 0, netbsd.EIO }

// Poll implements file.File.
func (f *systraceFile) Poll(want file.Events) file.Events {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.messages) > 0 {
		return want & (file.In | file.RdNorm)
	}
	return 0
}

func (f *systraceFile) Watch(w *file.Waiter)   { f.readers.Add(w) }
func (f *systraceFile) Unwatch(w *file.Waiter) { f.readers.Remove(w) }

// SetFlags implements file.File: O_NONBLOCK and O_ASYNC are taken.
func (f *systraceFile) SetFlags(int) netbsd.Errno { return 0 }

// Close kills all that are attached: nobody could be asked about them (systracef_close).
func (f *systraceFile) Close() {
	for _, s := range f.detachAll() {
		s.p.Signal(&netbsd.Siginfo{Signo: netbsd.SIGKILL, Code: netbsd.SI_NOINFO})
	}
}

// detachAll detaches all, and returns who was attached.
func (f *systraceFile) detachAll() []*systraced {
	f.mu.Lock()
	defer f.mu.Unlock()
	procs := slices.Clone(f.procs)
	for _, s := range procs {
		f.detach(s)
	}
	f.messages, f.policies = nil, nil
	f.forgetPlace()
	return procs
}

// forgetPlace releases the place that a monitor has left. mu is held.
func (f *systraceFile) forgetPlace() {
	if f.left != nil {
		f.left.Release()
		f.left = nil
	}
}

// detach is systrace_detach: who waits for an answer goes on, and nobody is asked any more. mu is held.
func (f *systraceFile) detach(s *systraced) {
	if s.gone {
		return
	}
	s.gone, s.waiting, s.replace = true, false, nil
	s.p.SystraceDetach(s)
	f.leave(s)
	f.dropPolicy(s.policy)
	s.asking.Notify(file.In)
	f.readers.Notify(file.In | file.RdNorm)
}

// leave takes s from the list. mu is held.
func (f *systraceFile) leave(s *systraced) {
	f.procs = slices.DeleteFunc(f.procs, func(o *systraced) bool { return o == s })
}

// find is systrace_findpid: nil if pid is not attached here. mu is held.
func (f *systraceFile) find(pid int) *systraced {
	for _, s := range f.procs {
		if s.p.Pid() == pid && s.p.State() < kern.StateDead {
			return s
		}
	}
	return nil
}

// put queues a message about s. mu is held.
func (f *systraceFile) put(s *systraced, kind int, seqnr uint16, asks bool, fill func(data []byte)) {
	b := make([]byte, netbsd.SizeofSystraceMessage)
	putLE32(b, uint32(kind))
	putLE32(b[4:], uint32(s.p.Pid()))
	putLE16(b[8:], seqnr)
	nr := int32(-1)
	if s.policy != nil {
		nr = s.policy.nr
	}
	putLE16(b[10:], uint16(nr))
	fill(b[16:])
	m := systraceMsg{data: b}
	if asks {
		m.who = s
	}
	f.messages = append(f.messages, m)
	f.readers.Notify(file.In | file.RdNorm)
}

// systraceQueueMax is how many messages may wait; those about forks, ends and policies are lost beyond it, as guests make them at will.
const systraceQueueMax = 4096

// tellChild is systrace_msg_child: of a fork, or with -1 of s's end. mu is held.
func (f *systraceFile) tellChild(s *systraced, pid int) {
	if len(f.messages) >= systraceQueueMax {
		return
	}
	f.put(s, netbsd.SYSTR_MSG_CHILD, 0, false, func(b []byte) { putLE32(b, uint32(pid)) })
}

// Hold implements kern.Ref; nobody shares an attachment.
func (s *systraced) Hold() {}

// Release is systrace_sys_exit: the process ends.
func (s *systraced) Release() {
	f := s.fst
	f.mu.Lock()
	defer f.mu.Unlock()
	if !s.gone {
		f.tellChild(s, -1)
		f.detach(s)
	}
}

// Forked is systrace_sys_fork: the child is attached, under its parent's policy.
func (s *systraced) Forked(child *kern.Proc) kern.Ref {
	f := s.fst
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &systraced{fst: f, p: child, policy: s.policy, fast: true}
	if s.gone {
		c.gone = true
		return c
	}
	if c.policy != nil {
		c.policy.refs++
	}
	f.procs = append(f.procs, c)
	f.tellChild(s, child.Pid())
	return c
}
