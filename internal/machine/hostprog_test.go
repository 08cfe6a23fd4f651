package machine

import (
	"os"
	"runtime"
	"syscall"
	"testing"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/internal/platform/outside"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// What is exported for one program is close-on-exec until that one has it, also where two
// guest descriptors share an open file, as with 2>&1: another program that starts meanwhile
// would inherit it, and a reader wait for the end of both (fork(2), execve(2) of the host).
func TestExportedFilesAreCloseOnExec(t *testing.T) {
	s := &System{Host: hostfile.NewHost()}
	defer s.Host.Close()
	table := file.NewMachine(file.MachineConfig{Watcher: s.Host}).NewTable()
	defer table.Close()
	r, w := file.NewPipe(0)
	defer r.Release()
	if _, errno := table.Install(w, 1, 10, 0); errno != 0 {
		t.Fatal(errno)
	}
	if _, errno := table.Dup(1, 2, 10, 0); errno != 0 {
		t.Fatal(errno)
	}
	fds := s.exportFiles(table)
	defer closeFDs(fds)
	if len(fds) != 3 || fds[0] != -1 || fds[1] == fds[2] {
		t.Fatalf("exported %v", fds)
	}
	for guest, fd := range fds[1:] {
		if flags, _, err := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0); err != 0 || flags&syscall.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d: flags %#x, %v", guest+1, flags, err)
		}
	}
}

// While somebody is about to signal the program its pid cannot become another's: a child that has
// ended keeps it until it is waited for (wait(2)), and that takes the lock that signal holds.
func TestHostProgramKeepsItsPidForSignal(t *testing.T) {
	play(t, func(x *script) {
		pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "exit 3"}, nil)
		if err != nil {
			t.Error(err)
			return
		}
		w := &hostWaiter{sys: &System{}, l: x.l, pid: pid}
		w.group.Store(&hostGroup{of: new(hostGroups), pgid: syscall.Getpgrp(), programs: 1})
		collected := make(chan struct{})
		w.mu.Lock()
		go func() {
			defer close(collected)
			w.collect()
		}()
		awaitHost(pid)
		for range 10000 {
			runtime.Gosched()
			if err := syscall.Kill(pid, 0); err != nil {
				t.Errorf("pid %d is free while signal holds the lock: %v", pid, err)
				break
			}
		}
		w.mu.Unlock()
		<-collected
		if !w.done || w.status.ExitStatus() != 3 || w.group.Load().programs != 0 {
			t.Errorf("done %v, status %v", w.done, w.status)
		}
	})
}

// A process whose directory was removed has no name of the host's for it, and no program of the host runs for it: it would run in
// toaster's own directory otherwise.
func TestNoHostProgramInARemovedDirectory(t *testing.T) {
	asUser(t, kern.Root, func(s *System, l *kern.LWP) {
		v, gone := syscalls.View(l), t.TempDir()+"/gone"
		if err := os.Mkdir(gone, 0o755); err != nil || v.Chdir(gone) != 0 || os.Remove(gone) != nil {
			t.Fatal("no removed directory", err)
		}
		var a kern.PosixSpawnArgs
		s.spawnHost(&program{path: "/bin/sh", comm: "sh"}, &a)
		if errno := a.Exec(l); errno != netbsd.ENOENT {
			t.Errorf("posix_spawn: %v", errno)
		}
		if errno := s.execHost(&syscalls.Call{L: l, CPU: &Context{sys: s, l: l}}, &program{path: "/bin/sh"}); errno != netbsd.ENOENT {
			t.Errorf("execve: %v", errno)
		}
	})
}

// A tracer is shown an execve before the new program's first instruction (eventswitch in execve_runproc, kern_exec.c), so a program of the
// host is not started before the tracer has it go on.
func TestTracerSeesExecBeforeAHostProgramBegins(t *testing.T) {
	asUser(t, kern.UserCred(uint32(os.Getuid()), uint32(os.Getgid())), func(s *System, l *kern.LWP) {
		s.groups.m, s.groups.tried = l.Proc().Machine(), true // no watch
		s.hosts.outside = outside.New(outside.Options{Off: true})
		defer s.hosts.outside.Stop()
		c, errno := l.Fork(kern.ForkArgs{Manual: true, Body: func(c *kern.LWP) {
			c.TraceMe()
			h := &hostProgram{path: "/bin/sh", argv: []string{"sh", "-c", "exit 3"}}
			if errno := c.Exec(kern.ExecArgs{Comm: "sh", Emul: emulLinux}); errno != 0 {
				t.Error(errno)
			} else if errno = s.lookAround(h, c); errno != 0 {
				t.Error(errno)
			}
			s.runHost(&Context{sys: s, l: c}, c, h)
		}})
		if errno != 0 {
			t.Fatal(errno)
		}
		r, _ := l.Wait(c.Pid(), 0)
		info, _, errno := l.PtraceSiginfo(c.Pid())
		if !r.Status.Stopped() || info.Code != netbsd.TRAP_EXEC || errno != 0 {
			t.Errorf("%v, %+v, %v; want the stop of an exec", r.Status, info, errno)
		}
		if c.GroupThere() != nil {
			t.Error("the program has begun")
		}
		if errno := l.PtraceResume(c.Pid(), kern.ResumeArgs{}); errno != 0 {
			t.Error(errno)
		}
		if r, errno := l.Wait(c.Pid(), 0); errno != 0 || r.Status != netbsd.ExitStatus(3, 0) {
			t.Errorf("%v, %v; want exit status 3", r.Status, errno)
		}
	})
}
