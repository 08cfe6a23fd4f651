package syscalls

import (
	"slices"
	"sync"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has the requests by which a monitor says what it wants of systrace(4) (systracef_ioctl).

// Ioctl implements file.File. EINVAL: no such request, or pid 0; ESRCH: the process is not attached here; then come those of the
// request.
func (f *systraceFile) Ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	l, ok := c.L.(*kern.LWP)
	if !ok {
		return netbsd.EIO
	}
	switch cmd {
	case netbsd.FIONBIO, netbsd.FIOASYNC:
		return 0
	case netbsd.STRIOCATTACH:
		return f.attach(l, int(int32(le32(data))))
	case netbsd.STRIOCPOLICY:
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.setPolicy(data)
	case netbsd.STRIOCRESCWD:
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.goBack(l)
	}
	request := systraceRequests()[cmd]
	pid := 0
	if request != nil {
		pid = int(int32(le32(data)))
	}
	if pid == 0 {
		return netbsd.EINVAL
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.find(pid)
	if s == nil {
		return netbsd.ESRCH
	}
	return request(s, l, data)
}

// getcwd is systrace_getcwd: the monitor's working directory and root are those of the process that waits, so that it finds the files that
// the call is about. EBUSY: it does not wait. EINVAL: one of them has ended. mu is held.
func (s *systraced) getcwd(l *kern.LWP, _ []byte) netbsd.Errno {
	if errno := s.ready(); errno != 0 {
		return errno
	}
	mine, its := dirsOf(l.Proc()), dirsOf(s.p)
	if mine == nil || its == nil {
		return netbsd.EINVAL
	}
	left := mine.Visit(its)
	if left == nil {
		return netbsd.EINVAL
	}
	s.fst.forgetPlace()
	s.fst.left = left
	return 0
}

// goBack is STRIOCRESCWD: the caller is where the monitor was. EINVAL: it has not left. mu is held.
func (f *systraceFile) goBack(l *kern.LWP) netbsd.Errno {
	mine := dirsOf(l.Proc())
	if f.left == nil || mine == nil {
		return netbsd.EINVAL
	}
	mine.Return(f.left)
	f.left = nil
	return 0
}

// systraceRequests are those about an attached process; fst.mu is held.
var systraceRequests = sync.OnceValue(func() map[uint32]func(s *systraced, l *kern.LWP, data []byte) netbsd.Errno {
	return map[uint32]func(s *systraced, l *kern.LWP, data []byte) netbsd.Errno{
		netbsd.STRIOCDETACH: func(s *systraced, _ *kern.LWP, _ []byte) netbsd.Errno { s.fst.detach(s); return 0 },
		netbsd.STRIOCREPORT: func(s *systraced, _ *kern.LWP, _ []byte) netbsd.Errno { s.report = true; return 0 },
		netbsd.STRIOCGETCWD: (*systraced).getcwd, netbsd.STRIOCANSWER: (*systraced).takeAnswer, netbsd.STRIOCIO: (*systraced).io, netbsd.STRIOCREPLACE: (*systraced).takeReplace,
	}
})

// attach attaches a process. EINVAL: pid 0, or the caller; ESRCH; EBUSY: it is attached already; EPERM.
func (f *systraceFile) attach(l *kern.LWP, pid int) netbsd.Errno {
	if pid == 0 {
		return netbsd.EINVAL
	}
	// It is in the list before it can make a call: a reader that found nobody attached would take that for the end.
	s := &systraced{fst: f, p: f.k.M.Find(pid), fast: true}
	if s.p == nil {
		return netbsd.ESRCH
	}
	f.enter(s)
	errno := l.SystraceAttach(pid, func(t *kern.Proc) kern.Ref { return s })
	if errno != 0 {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.leave(s)
	}
	return errno
}

// enter puts s in the list.
func (f *systraceFile) enter(s *systraced) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.procs = append(f.procs, s)
}

// ready is systrace_processready. EBUSY: it does not wait for an answer, or its question has not been read. mu is held.
func (s *systraced) ready() netbsd.Errno {
	if s.queued || !s.waiting {
		return netbsd.EBUSY
	}
	return 0
}

// takeAnswer is systrace_answer. EINVAL: no such answer; ESRCH: it is not to what was asked last; EBUSY. mu is held.
func (s *systraced) takeAnswer(_ *kern.LWP, b []byte) netbsd.Errno {
	policy, flags := int32(le32(b[16:])), le32(b[24:])
	switch {
	case policy < netbsd.SYSTR_POLICY_ASK || policy > netbsd.SYSTR_POLICY_NEVER:
		return netbsd.EINVAL
	case le16(b[4:]) != s.seqnr:
		return netbsd.ESRCH
	}
	if errno := s.ready(); errno != 0 {
		return errno
	}
	s.answer, s.errno = policy, netbsd.Errno(int16(le32(b[20:])))
	if s.errno <= 0 {
		s.errno = netbsd.EPERM
	}
	if flags&netbsd.SYSTR_FLAGS_RESULT != 0 {
		s.result = true
	}
	if flags&netbsd.SYSTR_FLAGS_SETEUID != 0 {
		uid := le32(b[8:])
		s.euid = &uid
	}
	if flags&netbsd.SYSTR_FLAGS_SETEGID != 0 {
		gid := le32(b[12:])
		s.egid = &gid
	}
	s.waiting = false
	s.asking.Notify(file.In)
	return 0
}

// io is systrace_io: memory of the process that waits is read into the monitor's, or written from it. EINVAL: no such operation;
// EBUSY; EFAULT. mu is held.
func (s *systraced) io(l *kern.LWP, b []byte) netbsd.Errno {
	op, at, mine, n := le32(b[4:]), le64(b[8:]), le64(b[16:]), le64(b[24:])
	if op != netbsd.SYSTR_READ && op != netbsd.SYSTR_WRITE {
		return netbsd.EINVAL
	}
	if errno := s.ready(); errno != 0 {
		return errno
	}
	m, ok := l.Proc().VM().(Space)
	if !ok {
		return netbsd.EFAULT
	}
	buf := make([]byte, min(n, ptraceIOMax))
	if op == netbsd.SYSTR_WRITE {
		if errno := m.Read(mine, buf); errno != 0 {
			return errno
		}
		done, errno := moveMemory(s.p, at, buf, Peeker.Poke)
		putLE64(b[24:], uint64(done))
		return errno
	}
	done, errno := moveMemory(s.p, at, buf, Peeker.Peek)
	putLE64(b[24:], uint64(done))
	if errno != 0 {
		return errno
	}
	return m.Write(mine, buf[:done])
}

// systraceReplace is what the arguments of a call are to be instead: numbers, or pieces of data that are put into memory.
type systraceReplace struct {
	args []systraceArg
	data []byte
}

type systraceArg struct {
	index    int32
	off, len uint64 // without a length off is the argument
}

// systraceReplaceMax is how much data may be put into memory for one call.
const systraceReplaceMax = 2048

// takeReplace is systrace_preprepl. EBUSY; EINVAL: too many arguments, or pieces that do not add up; EFAULT. mu is held.
func (s *systraced) takeReplace(l *kern.LWP, b []byte) netbsd.Errno {
	if errno := s.ready(); errno != 0 {
		return errno
	}
	s.replace = nil
	n := int32(le32(b[8:]))
	if n < 0 || n > netbsd.SYSTR_MAXARGS {
		return netbsd.EINVAL
	}
	r := &systraceReplace{}
	var sum uint64
	for i := range int(n) {
		a := systraceArg{int32(le32(b[32+4*i:])), le64(b[288+8*i:]), le64(b[800+8*i:])}
		sum += a.len
		if a.len != 0 && (a.len > systraceReplaceMax || a.off > systraceReplaceMax || a.len+a.off > sum) {
			return netbsd.EINVAL
		}
		r.args = append(r.args, a)
	}
	if sum > systraceReplaceMax || le64(b[24:]) != sum {
		return netbsd.EINVAL
	}
	r.data = make([]byte, sum)
	m, ok := l.Proc().VM().(Space)
	if !ok || m.Read(le64(b[16:]), r.data) != 0 {
		return netbsd.EFAULT
	}
	s.replace = r
	return 0
}

// setPolicy is systrace_policy. EINVAL: no such operation, policy, process or call, or too large a policy. mu is held.
func (f *systraceFile) setPolicy(b []byte) netbsd.Errno {
	op, nr := le32(b), int32(le32(b[4:]))
	if op == netbsd.SYSTR_POLICY_NEW {
		return f.newPolicy(b)
	}
	i := slices.IndexFunc(f.policies, func(p *systracePolicy) bool { return p.nr == nr })
	switch op {
	case netbsd.SYSTR_POLICY_ASSIGN:
		s := f.find(int(int32(le32(b[8:]))))
		if i < 0 || s == nil {
			return netbsd.EINVAL
		}
		old := s.policy
		s.policy = f.policies[i]
		s.policy.refs++
		f.dropPolicy(old)
		return 0
	case netbsd.SYSTR_POLICY_MODIFY:
		code, policy := int(int16(le16(b[8:]))), int16(le16(b[10:]))
		if policy < netbsd.SYSTR_POLICY_ASK || policy > netbsd.SYSTR_POLICY_NEVER || i < 0 || code < 0 || code >= len(f.policies[i].calls) {
			return netbsd.EINVAL
		}
		f.policies[i].calls[code] = uint8(policy)
		return 0
	}
	return netbsd.EINVAL
}

// systraceCallsMax is the largest policy.
const systraceCallsMax = 1024

// newPolicy makes a policy that asks about every call, and tells its number. ENOBUFS: there are too many, and each is in use
// (systrace_newpolicy); the superuser has as many as the file quota would have others have. mu is held.
func (f *systraceFile) newPolicy(b []byte) netbsd.Errno {
	n := int32(le32(b[8:]))
	if n <= 0 || n > systraceCallsMax {
		return netbsd.EINVAL
	}
	if len(f.policies) > netbsd.SYSTR_MAX_POLICIES {
		i := slices.IndexFunc(f.policies, func(p *systracePolicy) bool { return p.refs == 1 })
		if i < 0 {
			return netbsd.ENOBUFS
		}
		f.tellPolicy(f.policies[i])
		f.dropPolicy(f.policies[i])
	}
	p := &systracePolicy{nr: f.nextNr, refs: 1, calls: make([]uint8, n)}
	f.nextNr++
	f.policies = append(f.policies, p)
	putLE32(b[4:], uint32(p.nr))
	return 0
}

// dropPolicy is systrace_closepolicy. mu is held.
func (f *systraceFile) dropPolicy(p *systracePolicy) {
	if p == nil {
		return
	}
	if p.refs--; p.refs == 0 {
		f.policies = slices.DeleteFunc(f.policies, func(o *systracePolicy) bool { return o == p })
	}
}

// tellPolicy is systrace_msg_policyfree; the monitor, who makes policies at will, loses what is beyond the queue. mu is held.
func (f *systraceFile) tellPolicy(p *systracePolicy) {
	if len(f.messages) >= systraceQueueMax {
		return
	}
	b := make([]byte, netbsd.SizeofSystraceMessage)
	putLE32(b, netbsd.SYSTR_MSG_POLICYFREE)
	putLE16(b[10:], uint16(p.nr))
	f.messages = append(f.messages, systraceMsg{data: b})
	f.readers.Notify(file.In | file.RdNorm)
}
