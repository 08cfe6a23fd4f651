package machine

import (
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// This file makes a process with a new program in one step (posix_spawn(3)): nothing of
// the parent's memory is copied, the image is built before the child exists, and so
// what is wrong with the program is the parent's error and leaves no child.

// spawn implements syscalls.Kernel.Spawn. What the child does before the program runs is in a. The
// space is the child's once kern has asked for it (given); until then spawn releases it on a failure.
//
// do_posix_spawn of kern_exec.c does the same: it calls execve_loadvm in the parent, so that
// the program is looked up in the parent's directory and with the parent's ids, whatever the
// child's file actions are; the child goes on with those and with execve_runproc
// (spawn_return).
func (s *System) spawn(c *syscalls.Call, x syscalls.ExecArgs, a kern.PosixSpawnArgs) (*kern.Proc, netbsd.Errno) {
	p, errno := s.loadArgs(s.opener(c.L), &x, dataLimit(c.L.Proc()))
	if errno != 0 {
		return nil, errno
	}
	defer p.close()
	a.Fork.Manual = true
	if p.host {
		s.spawnHost(p, &a)
		return c.L.PosixSpawn(a)
	}
	if !a.ResetIDs {
		p.user = shelfUser(c.L, p)
	}
	cred := p.idsOf(c.L)
	if a.ResetIDs { // the child's own are the real ones before it executes anything
		real := *cred
		real.EUID, real.EGID = real.RUID, real.RGID
		cred = p.setID.after(&real)
	}
	next, errno := s.build(p, cred, stackLimit(c.L.Proc()))
	if errno != 0 {
		return nil, errno
	}
	// VM may have been called although PosixSpawn fails, as for an action that fails in the
	// child. Then kern has had the space dropped with the child, and to release it again would
	// be twice.
	given := false
	a.Fork.VM = func(l *kern.LWP) (kern.AddressSpace, netbsd.Errno) {
		given = true
		next.attach(l)
		return next.space, 0
	}
	a.Fork.Body = s.Body
	a.Exec = func(l *kern.LWP) netbsd.Errno {
		s.setArgs(l.Proc(), p)
		changes := p.changes(l)
		if errno := l.Exec(kern.ExecArgs{Comm: p.comm, Path: p.path, SetUID: p.setID.user(), SetGID: p.setID.group()}); errno != 0 || !changes {
			return errno
		}
		return p.safe(l)
	}
	child, errno := c.L.PosixSpawn(a)
	if errno != 0 && !given {
		next.space.release()
	}
	return child, errno
}

// spawnHost completes a for a program of the host.
//
// There is no address space: VM returns nil, and the child's memory is that of the program. Its
// ids and its directory are those that the child has when it execs, after its file actions.
func (s *System) spawnHost(p *program, a *kern.PosixSpawnArgs) {
	h := &hostProgram{path: p.path, argv: p.argv, envp: p.envp}
	a.Fork.VM = func(*kern.LWP) (kern.AddressSpace, netbsd.Errno) { return nil, 0 }
	a.Fork.Body = func(l *kern.LWP) {
		s.runHost(&Context{sys: s}, l, h)
		s.Body(l)
	}
	a.Exec = func(l *kern.LWP) netbsd.Errno {
		if errno := s.lookAround(h, l); errno != 0 {
			return errno
		}
		s.setArgs(l.Proc(), p)
		return l.Exec(kern.ExecArgs{Comm: p.comm, Path: p.path, Emul: emulLinux})
	}
}
