package syscalls

import (
	"time"

	"toaster/internal/file"
	"toaster/netbsd"
)

// This file is what a process that is attached to a systrace(4) does about each of its calls.

// Systraced makes a call about which somebody may be asked (systrace_enter, systrace_exit). ERESTART: a signal came while it waited
// for an answer.
func (c *Call) Systraced(serve func() netbsd.Errno) netbsd.Errno {
	p := c.L.Proc()
	s, ok := p.Systrace().(*systraced)
	if !ok {
		return serve()
	}
	errno := c.systraceEnter(s)
	if errno == 0 {
		errno = serve()
	}
	// By now it can be detached, or have been attached by the call itself.
	if s, ok = p.Systrace().(*systraced); ok {
		c.systraceExit(s, errno)
	}
	return errno
}

// systraceEnter is systrace_enter. The error is the policy's, or the monitor's; the arguments may be others afterwards.
func (c *Call) systraceEnter(s *systraced) netbsd.Errno {
	switch policy := c.putQuestion(s, c.mayControl(s.fst)); policy {
	case netbsd.SYSTR_POLICY_ASK:
		if errno := c.await(s); errno != 0 {
			return errno
		}
		return c.heed(s)
	case netbsd.SYSTR_POLICY_PERMIT:
		return 0
	default:
		return netbsd.Errno(policy) // what is not permitted is ENOENT, as NEVER is 2
	}
}

// putQuestion says what becomes of the call, and asks about it if that is to be asked.
func (c *Call) putQuestion(s *systraced, may bool) int {
	s.fst.mu.Lock()
	defer s.fst.mu.Unlock()
	policy := s.policyFor(c.Nr, may)
	if policy != netbsd.SYSTR_POLICY_ASK {
		s.fast, s.replace = true, nil
		return policy
	}
	s.ask(netbsd.SYSTR_MSG_ASK, func(b []byte) { c.systraceArgs(b, 0, [2]uint64{}) })
	return policy
}

// mayControl reports whether f's monitor is asked about the caller: it is the superuser's, or of the same user and group, and the
// caller has not executed what has other rights.
func (c *Call) mayControl(f *systraceFile) bool {
	i, ok := c.L.Proc().Info()
	return f.super || ok && i.Flags&netbsd.P_SUGID == 0 && i.Cred.RUID == f.ruid && i.Cred.RGID == f.rgid
}

// systraceUnasked reports whether the caller is attached, and has other rights, so that its monitor need not have been asked about the exec that
// it makes.
func (c *Call) systraceUnasked() bool {
	if c.L.Proc().Systrace() == nil {
		return false
	}
	i, ok := c.L.Proc().Info()
	return ok && i.Flags&netbsd.P_SUGID != 0
}

// systraceExec is systrace_execve1, for who could not be asked about until this exec: the monitor is told what program it is, and its answer is
// waited for. The superuser was asked before. NetBSD's kernel puts the message again after each signal, without a sleep in between while one is
// pending; here the program goes on, and stands at its first call.
func (c *Call) systraceExec(path string) {
	s, ok := c.L.Proc().Systrace().(*systraced)
	if !ok || s.fst.super || !c.mayControl(s.fst) {
		return
	}
	s.fst.mu.Lock()
	defer s.fst.mu.Unlock()
	c.tell(s, netbsd.SYSTR_MSG_EXECVE, func(b []byte) { copy(b[:netbsd.PATH_MAX-1], path) })
}

// policyFor says what becomes of call nr. mu is held.
func (s *systraced) policyFor(nr int, may bool) int {
	switch {
	case s.gone || !may:
		return netbsd.SYSTR_POLICY_PERMIT
	case s.policy == nil:
		return netbsd.SYSTR_POLICY_ASK
	case nr >= len(s.policy.calls):
		return netbsd.SYSTR_POLICY_NEVER
	}
	return int(s.policy.calls[nr])
}

// ask is systrace_make_msg without its sleep. A second LWP's question is not put while the first one's has not been read: it waits
// for the answer to that. mu is held.
func (s *systraced) ask(kind int, fill func(data []byte)) {
	s.seqnr++
	s.waiting = true
	if !s.queued {
		s.queued = true
		s.fst.put(s, kind, s.seqnr, true, fill)
	}
}

// await sleeps until the monitor has answered, or the process is detached, which permits everything.
func (c *Call) await(s *systraced) netbsd.Errno {
	w := &file.Waiter{Mask: file.In, L: c.L}
	s.asking.Add(w)
	defer s.asking.Remove(w) // the sleep can end in the LWP's death
	for {
		s.fst.mu.Lock()
		done := s.gone || !s.waiting
		s.fst.mu.Unlock()
		if done {
			return 0
		}
		if c.L.Sleep(true, time.Time{}) != 0 {
			return netbsd.ERESTART
		}
	}
}

// heed does as the monitor has answered.
func (c *Call) heed(s *systraced) netbsd.Errno {
	s.fst.mu.Lock()
	gone, answer, errno, replace, euid, egid := s.gone, s.answer, s.errno, s.replace, s.euid, s.egid
	if !s.fst.super {
		s.euid, s.egid, euid, egid = nil, nil, nil, nil
	}
	s.fst.mu.Unlock()
	switch {
	case gone:
		return 0
	case answer == netbsd.SYSTR_POLICY_NEVER:
	case replace != nil:
		errno = c.replaceArgs(replace)
	default:
		errno = 0
	}
	cred := c.L.Proc().Cred()
	s.fst.mu.Lock()
	s.fast, s.replace = errno != 0, nil
	s.ruid, s.gid = cred.RUID, cred.RGID
	s.fst.mu.Unlock()
	if errno == 0 && (euid != nil || egid != nil) {
		uid, gid := c.L.SystraceIDs(euid, egid)
		s.fst.mu.Lock()
		s.saved = &[2]uint32{uid, gid}
		s.fst.mu.Unlock()
	}
	return errno
}

// replaceArgs is systrace_replace. Data goes below the caller's stack, behind what the ABI keeps for leaf functions; NetBSD has a gap
// for it above the stack. EINVAL: there is no such argument, or no memory.
func (c *Call) replaceArgs(r *systraceReplace) netbsd.Errno {
	var g [netbsd.NGREG]uint64
	c.CPU.Gregs(&g)
	gap := (g[netbsd.REG_RSP] - 128 - uint64(len(r.data))) &^ 15
	for _, a := range r.args {
		if a.index < 0 || int(a.index) >= NArgs(c.Nr) {
			return netbsd.EINVAL
		}
		if a.len == 0 {
			c.Args[a.index] = a.off
			continue
		}
		if c.Space.Write(gap+a.off, r.data[a.off:a.off+a.len]) != 0 {
			return netbsd.EINVAL
		}
		c.Args[a.index] = gap + a.off
	}
	return 0
}

// systraceArgs fills in struct str_msg_ask.
func (c *Call) systraceArgs(b []byte, errno netbsd.Errno, ret [2]uint64) {
	n := NArgs(c.Nr)
	putLE32(b, uint32(c.Nr))
	putLE32(b[4:], uint32(8*n))
	for i := range n {
		putLE64(b[8+8*i:], c.Args[i])
	}
	putLE64(b[520:], ret[0])
	putLE64(b[528:], ret[1])
	putLE32(b[536:], uint32(errno))
}

// systraceExit is systrace_exit: it tells what the call has changed, and what came of it, if the monitor wants that.
func (c *Call) systraceExit(s *systraced, errno netbsd.Errno) {
	f := s.fst
	c.dropIDs(s)
	i, ok := c.L.Proc().Info()
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.gone || s.fast || !ok || i.Flags&netbsd.P_SUGID != 0 && !f.super {
		return
	}
	if s.report {
		s.report = false
		f.dropPolicy(s.policy)
		s.policy = nil
		c.tell(s, netbsd.SYSTR_MSG_EMUL, func(b []byte) { copy(b, "netbsd\x00") })
	}
	if s.ruid != i.Cred.RUID || s.gid != i.Cred.RGID {
		c.tell(s, netbsd.SYSTR_MSG_UGID, func(b []byte) {
			putLE32(b, i.Cred.RUID)
			putLE32(b[4:], i.Cred.RGID)
		})
	}
	if s.result {
		s.result = false
		c.tell(s, netbsd.SYSTR_MSG_RES, func(b []byte) { c.systraceArgs(b, errno, c.Ret) })
	}
}

// tell puts a message, and waits until it has been answered. mu is held, and dropped while it sleeps.
func (c *Call) tell(s *systraced, kind int, fill func(b []byte)) {
	if s.gone {
		return
	}
	s.ask(kind, fill)
	s.fst.mu.Unlock()
	defer s.fst.mu.Lock()
	c.await(s)
}

// dropIDs returns the rights that the monitor has lent for the call, if the call has left them.
func (c *Call) dropIDs(s *systraced) {
	s.fst.mu.Lock()
	euid, egid, saved := s.euid, s.egid, s.saved
	s.euid, s.egid, s.saved = nil, nil, nil
	s.fst.mu.Unlock()
	if saved == nil {
		return
	}
	now := c.L.Proc().Cred()
	if euid != nil && now.EUID == *euid {
		c.L.SystraceIDs(&saved[0], nil)
	}
	if egid != nil && now.EGID == *egid {
		c.L.SystraceIDs(nil, &saved[1])
	}
}
