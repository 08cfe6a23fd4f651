package machine

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/platform/outside"
	"toaster/internal/syscalls"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// This file runs programs of the host in a guest's process (a test that wants
// /bin/sh): the program is a host process of its own, with the guest process's open
// files and environment. The pid, the parent and the status remain kern's: the LWP waits
// for the program, hands it the signals that the process gets, and stops, goes on and
// ends as it does (kern.Foreign).
//
//	execHost, spawnHost  the process side of execve(2) and posix_spawn(3)
//	hostGroups.start     in the host's process group that stands for the process's (hostgroup.go)
//	startHost            a thread that never ends starts all programs (package outside)
//	hostWaiter           a goroutine collects what the program does
//
// What it executes in turn is met in hostjoin.go.
//
// Such a program runs outside the sandbox, with the rights of toaster's user. So there is none
// under --root, where guests are not trusted (System.HostPrograms).

// emulLinux is the emulation of such a process.
// It has no hooks: kern starts and ends such a process like any other.
var emulLinux = &kern.Emul{Name: "linux"}

// hostProgram is what is needed to start a program of the host.
type hostProgram struct {
	path  string
	argv  []string
	envp  []string
	dir   string
	files []int // host descriptors by guest descriptor, -1 for none; runHost closes them

	// cred is whose ids it gets, for good: nil is toaster's.
	cred *syscall.Credential

	// session: it leads a session of the host's, as its process leads one. ctty is the guest
	// descriptor of the session's terminal, -1 for none.
	session bool
	ctty    int

	// sess is the session of the host that it is a member of; nil: toaster's, or its own.
	sess *hostSession

	signals outside.Signals

	// setpgid: it gets the host's process group pgid, or 0, one of its own.
	setpgid bool
	pgid    int
}

// lead has the program of a session's leader lead one of the host's, where it cannot be a member of one
// (hostSession), with the same terminal if that is one of the host's by now and the program has it open.
func (s *System) lead(p *kern.Proc, h *hostProgram) {
	sess := p.Session()
	if h.session = sess != nil && sess.Leader() == p; !h.session {
		return
	}
	t := p.Files().(syscalls.Files).Table
	for fd, host := range h.files {
		if host < 0 {
			continue
		}
		d, errno := t.Get(fd)
		if errno != 0 {
			continue
		}
		if s.TTY.Lead(d, p) {
			h.ctty = fd
		}
		d.Release()
		if h.ctty >= 0 {
			return
		}
	}
}

// hostCredential returns what makes a program of the host run as the user that c is in
// effect; nil if that is toaster's user. EPERM: the host does not let toaster be it, so
// the program would have more rights than the guest.
//
// The program is beyond every check of the machine's, so a guest's superuser that toaster
// cannot be gets none.
func (s *System) hostCredential(c *kern.Cred) (*syscall.Credential, netbsd.Errno) {
	if s.FS.SameAsHost(c) {
		return nil, 0
	}
	if !s.FS.CanBe(c) {
		return nil, netbsd.EPERM
	}
	return &syscall.Credential{Uid: c.EUID, Gid: c.EGID, Groups: c.Groups}, 0
}

// execHost is the execve(2) of a host program. It returns only if that fails.
//
// What can fail is looked at before Exec, which is the point of no return. The directory is
// taken then, too: the process keeps it, but the program needs a name of the host's.
func (s *System) execHost(c *syscalls.Call, p *program) netbsd.Errno {
	mc := c.CPU.(*Context)
	h := &hostProgram{path: p.path, argv: p.argv, envp: p.envp}
	errno := s.lookAround(h, c.L)
	if errno != 0 {
		return errno
	}
	errno = c.L.Exec(kern.ExecArgs{
		Comm: p.comm,
		Path: p.path,
		Emul: emulLinux,
		Replace: func() netbsd.Errno {
			mc.dropSpace()
			return 0
		},
	})
	if errno != 0 {
		return errno
	}
	s.setArgs(c.L.Proc(), p)
	s.runHost(mc, c.L, h)
	return netbsd.EJUSTRETURN
}

// lookAround notes in what directory h is to run for l, and as whom. ENOENT: the directory has no name any more, as it was removed. h would
// run in toaster's own otherwise, and what it does to files there was meant for none.
func (s *System) lookAround(h *hostProgram, l *kern.LWP) (errno netbsd.Errno) {
	v := syscalls.View(l)
	if h.dir, errno = v.CwdOf(v.Dirs); errno == 0 {
		h.cred, errno = s.hostCredential(l.Proc().Cred())
	}
	return errno
}

// dropSpace releases the process's address space, before the process runs a program of the
// host: Linux manages that program's memory.
//
// It runs in Exec's Replace, when the process has no other LWP. Kicks and lent state are taken
// out of kern's reach before the thread ends, as any goroutine may ask for both. mc has nothing
// to run afterwards until become: execHost stays in runHost.
func (mc *Context) dropSpace() {
	space, thread := mc.space, mc.thread
	mc.keepUsage()
	mc.hideCPU()
	mc.l.Platform().EndRobust()
	mc.l.Platform().SetKicker(nil)
	mc.l.Platform().SetLent(nil)
	mc.l.Proc().SetVM(nil)
	mc.thread, mc.space = nil, nil
	mc.l.Platform().SetMachdep(nil)
	thread.Exit()
	space.Exit(mc.l.Proc(), nil)
}

// runHost starts h and lives its life in l's process. It returns when the program has executed
// one of the machine's: mc runs that. A program that cannot be started ends with 127, as a
// shell's child would: the old image is gone by then.
//
// What is due before its first instruction comes before its start: a tracer is shown the exec, and
// signals that are pending stop or end the process. From then on the kernel sees an LWP that sleeps
// interruptibly. Signals are the host's to deliver (kern.Foreign), but for SIGKILL, which ends the
// goroutine, too. act is behind UserRet and before Sleep; a Wake that comes between them is a token
// that Sleep takes at once.
func (s *System) runHost(mc *Context, l *kern.LWP, h *hostProgram) {
	l.Platform().UserRet(noHandler)
	w := s.newHostWaiter(l)
	defer w.leave() // the LWP's goroutine ends by runtime.Goexit when the process is killed
	h.files = s.exportFiles(w.files)
	w.noteExports(h.files)
	if h.ctty, h.sess = -1, s.hostSession(l.Proc(), h.path); h.sess == nil {
		s.lead(l.Proc(), h)
	}
	h.signals = hostSignals(l)
	// Children that have joined are looked at by act.
	l.Sigaction(netbsd.SIGCHLD, &kern.Action{Func: func(*kern.LWP, *netbsd.Siginfo) {}, Flags: netbsd.SA_RESTART})
	err := s.groups.start(w, h)
	// The child has its own by now, or there is none. Kept here they would hold pipes open.
	closeFDs(h.files)
	switch {
	case err == errDying:
		l.Platform().UserRet(noHandler)
		l.Exit(127)
	case err != nil:
		l.Exit(127)
	}
	w.started = true
	guard.Go("a program of the host was waited for", w.collect)
	for {
		l.Platform().UserRet(noHandler)
		if w.act(mc) {
			return
		}
		l.Sleep(true, time.Time{})
	}
}

// noHandler is UserRet's callback where no handler is machine code.
// It says that the handler has been entered: to say no would be SIGILL.
func noHandler(*kern.Delivery) bool { return true }

// exportFiles makes host descriptors for a descriptor table that exec has already
// cleared of what it does not inherit. Guest descriptors that share an open file share
// the host's, too, and so its offset. A file that the host cannot have, such as a kqueue, is
// missing in the program.
//
// The caller closes them. They are close-on-exec: a program that starts at the same time must
// inherit none, or a pipe's reader would wait for that one's end, too. Get keeps a file from
// being closed while it is exported.
func (s *System) exportFiles(t *file.Table) []int {
	var fds []int
	made := make(map[*file.Description]int)
	for _, fd := range t.Open() {
		for len(fds) <= fd {
			fds = append(fds, -1)
		}
		d, errno := t.Get(fd)
		if errno != 0 {
			continue
		}
		if old, ok := made[d]; ok {
			fds[fd] = dupCloexec(old)
		} else if n, errno := s.Host.Export(d); errno == 0 {
			fds[fd], made[d] = n, n
		}
		d.Release()
	}
	return fds
}

// dupCloexec is dup(2) with FD_CLOEXEC set from the beginning: to set it afterwards would leave
// a moment in which another program's start inherits the descriptor. -1: the host has none left.
func dupCloexec(fd int) int {
	n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1
	}
	return int(n)
}

// closeFDs closes what exportFiles has made, once the program has its own.
func closeFDs(fds []int) {
	for _, fd := range fds {
		if fd >= 0 {
			syscall.Close(fd)
		}
	}
}

// hostWaiter lives beside one host program; it is its process's kern.Foreign. mu is held for no
// call of the kernel's but SetForeign, at the start.
type hostWaiter struct {
	sys   *System
	l     *kern.LWP
	pid   int
	group atomic.Pointer[hostGroup] // set by start, under the locks that it takes

	// What the process has while it runs the program; dirs is the waiter's own.
	files   *file.Table
	cred    *kern.Cred
	exports map[hostFile]int
	started bool // there is a program; the LWP's

	mu       sync.Mutex
	status   syscall.WaitStatus // how it ended
	done     bool               // it has ended and is collected
	left     bool               // the LWP is elsewhere
	dirs     *vfs.Dirs          // nil once left
	joined   *joiner            // what the program has executed, not acted upon yet
	children map[int]*outside.Proxy
}

func (s *System) newHostWaiter(l *kern.LWP) *hostWaiter {
	v := syscalls.View(l)
	return &hostWaiter{sys: s, l: l, files: v.Files, cred: v.Cred, dirs: v.Dirs.Fork(false)}
}

// collect waits for the program's changes of state until its end, and tells kern of them. Stops
// and continuations are the process's own, whoever caused them; of the end the LWP hears, which
// acts on it.
//
// It ends with the program, at the latest by leave, so there is nothing to stop it by. Nobody
// else waits for the pid. Once the LWP is elsewhere there is nothing to be told but the group.
func (w *hostWaiter) collect() {
	for {
		ws, left := w.report(awaitHost(w.pid))
		ended := ws.Exited() || ws.Signaled()
		if ended {
			w.sys.forget(w)
			w.sys.hostEnded()
		}
		if !left {
			w.tell(ws)
		}
		if ended {
			return
		}
	}
}

// hostEnded is called when a program has ended, before its process does.
func (s *System) hostEnded() {
	if s.TTY != nil {
		s.TTY.HostProgramEnded()
	}
}

func (w *hostWaiter) tell(ws syscall.WaitStatus) {
	switch {
	case ws.Stopped():
		w.l.Platform().ForeignStopped(netbsd.SignalFromLinux(int(ws.StopSignal())))
	case ws.Continued():
		w.l.Platform().ForeignContinued()
	case ws.Exited() || ws.Signaled():
		w.l.Platform().ForeignEnded()
	}
}

// unchanged is a wait status that is none.
const unchanged = syscall.WaitStatus(0x8000ff)

// report returns what awaitHost has seen, and whether the LWP is elsewhere. The pid of a program
// that has ended is given up here, with mu held: signal must not find it free, or another's; and
// with the group's, whose number may be free then, too.
//
// A wait that fails is taken for the program's end: the guest must not hang. A stop with an
// event is a debugger's matter: toaster's own (package outside).
func (w *hostWaiter) report(err error) (ws syscall.WaitStatus, left bool) {
	w.group.Load().mu.Lock()
	defer w.group.Load().mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		var pid int
		if pid, err = syscall.Wait4(w.pid, &ws, syscall.WUNTRACED|syscall.WCONTINUED|syscall.WNOHANG, nil); err == nil && pid == 0 {
			return unchanged, w.left // a stop that was over before it was reported
		}
	}
	if err != nil {
		ws = 127 << 8
	}
	if ws.Stopped() && ws>>16 != 0 {
		return unchanged, w.left
	}
	if w.done = ws.Exited() || ws.Signaled(); w.done {
		w.status = ws
		w.group.Load().leave(w)
	}
	return ws, w.left
}

// awaitHost returns when wait4(2) would report something of a child, which remains to be
// reported (WNOWAIT).
func awaitHost(pid int) error {
	const pPid, options = 1, syscall.WEXITED | syscall.WSTOPPED | syscall.WCONTINUED | syscall.WNOWAIT
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPid, uintptr(pid), 0, options, 0, 0)
		switch errno {
		case 0:
			return nil
		case syscall.EINTR:
		default:
			return errno
		}
	}
}

// signal sends the program a host signal unless it is gone, whose number could be
// another's by now. A program that could not be started has none.
//
// A program of another user's (hostCredential) that toaster may not signal gets nothing.
func (w *hostWaiter) signal(sig syscall.Signal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done && w.pid > 0 {
		syscall.Kill(w.pid, sig)
	}
}

// leave ends the program with its process, unless that has become what the program has executed.
func (w *hostWaiter) leave() {
	w.mu.Lock()
	kill, j, dirs := w.started && !w.left, w.joined, w.dirs
	w.left, w.dirs, w.joined = true, nil, nil
	w.mu.Unlock()
	dirs.Close()
	if kill {
		w.signal(syscall.SIGKILL)
	}
	if j != nil {
		j.File.Close()
		w.sys.dropProxy(j.Proxy)
		j.Proxy.Close()
	}
}

// Signal implements kern.Foreign. What the host has no number for the program does not get; of
// SIGCHLD, which is about children that have joined, the LWP hears.
func (w *hostWaiter) Signal(sig netbsd.Signal) {
	n := sig.ToLinux()
	switch {
	case sig == netbsd.SIGCHLD:
		w.l.Wake()
	case n != 0:
		w.signal(syscall.Signal(n))
	}
}

// Group implements kern.Foreign.
func (w *hostWaiter) Group() kern.ForeignGroup { return w.group.Load() }

// act ends the process as the program ended, if it has. It returns true when mc is to run a
// program of the machine's, which the program has executed.
//
// What there is to do is taken under mu and done without it: Exit may not return, and a
// deferred leave wants the lock.
func (w *hostWaiter) act(mc *Context) bool {
	w.mu.Lock()
	ws, done, j := w.status, w.done, w.joined
	w.joined = nil
	w.mu.Unlock()
	if j != nil && w.sys.become(mc, w, j) {
		return true
	}
	w.lookAfterChildren()
	switch {
	case !done:
	case ws.Exited():
		w.l.Exit(ws.ExitStatus())
	default:
		w.die(ws)
	}
	return false
}

// die ends the process by the signal that ended the program.
//
// ExitAs is used, and no signal sent: that would be the program's (kern.Foreign), and its core
// dump is told in the status. A signal that NetBSD does not have becomes a
// shell's number for it.
func (w *hostWaiter) die(ws syscall.WaitStatus) {
	sig := netbsd.SignalFromLinux(int(ws.Signal()))
	if sig == 0 {
		w.l.Exit(128 + int(ws.Signal()))
	}
	status := netbsd.ExitStatus(0, sig)
	if ws.CoreDump() {
		status |= netbsd.CoreFlag
	}
	w.l.Platform().ExitAs(status)
}

// forkExec starts h with exactly the files that it is to have: what is not listed is closed in the
// child, as toaster's own descriptors are close-on-exec.
//
// Nothing else of the platform's ends such a program when toaster is killed: Pdeathsig does.
func (h *hostProgram) forkExec(by *outside.Starter, g *hostGroup) (pid int, err error) {
	files := make([]uintptr, len(h.files))
	for i, fd := range h.files {
		files[i] = ^uintptr(0)
		if fd >= 0 {
			files[i] = uintptr(fd)
		}
	}
	attr := &syscall.ProcAttr{
		Dir: h.dir, Env: hostEnv(h.envp), Files: files,
		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: h.cred,
			Setsid: h.session, Setctty: h.ctty >= 0, Ctty: max(0, h.ctty), Setpgid: h.setpgid, Pgid: h.pgid},
	}
	if h.sess != nil {
		pid, err = h.sess.start(h, attr, g)
	} else {
		pid, err = by.ForkExec(h.path, h.argv, attr, &h.signals)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", h.path, err)
	}
	return pid, nil
}

// hostEnv leaves out what cannot stand in an environment of the host.
// A guest can put any bytes there; ForkExec would refuse all for one of them.
func hostEnv(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool { return strings.IndexByte(kv, 0) >= 0 })
}
