package outside

import (
	"maps"
	"slices"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file runs programs of the host for programs of the host, beyond the filter: those that
// cannot be run below it. A proxy stays in the place of such a program, as for one of the
// machine's.
//
//   - Where the thread had to promise that it gets no new rights, a set-id program would run
//     without its owner's.
//   - A toaster needs a filter of its own that asks, and Linux allows one in a line of
//     processes. It says so by a flag that execveat(2) does not have.

// outsideFlag is that flag.
const outsideFlag = 1 << 30

// Again executes this program once more, with the same arguments, if a program of the host has
// started it that is below a Starter's filter: then beyond that. It returns an error where there
// is no such filter.
func Again(argv, envp []string) error {
	exe, err := unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(exe)
	var t table
	name, _ := t.text("")
	args, err := t.texts(argv)
	if err != nil {
		return err
	}
	env, err := t.texts(envp)
	if err != nil {
		return err
	}
	_, _, e := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(exe), name, args, env, unix.AT_EMPTY_PATH|outsideFlag, 0)
	_ = t
	return e
}

// privileged reports whether a file would give whoever executes it rights of its own.
func privileged(fd int, st *unix.Stat_t) bool {
	if st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
		return true
	}
	n, err := unix.Getxattr(procFD(fd), "security.capability", nil)
	return err == nil && n > 0
}

// A carried is a program that runs beyond the filter.
type carried struct {
	proxy *Proxy

	mu   sync.Mutex
	pid  int // 0: not started yet; -1: collected
	sent []int
}

// carry runs x beyond the filter, for as long as that takes.
func (s *supervisor) carry(x *Exec) {
	defer x.File.Close()
	c := &carried{proxy: x.Proxy}
	go func() {
		x.Proxy.Listen(c.signal)
		c.signal(int(unix.SIGKILL)) // if it has not ended by itself, its proxy was killed
	}()
	pid, err := s.startOutside(x)
	if err != nil {
		x.Proxy.Exit(126)
		return
	}
	c.started(pid)
	c.wait(pid)
}

// startOutside starts x as the proxy's process would be, had it executed it.
func (s *supervisor) startOutside(x *Exec) (int, error) {
	t, err := s.free()
	if err != nil {
		return 0, err
	}
	argv, envp, err := x.Proxy.Args()
	if err != nil {
		return 0, err
	}
	dir, err := x.Proxy.Dir()
	if err != nil {
		return 0, err
	}
	got, err := x.Proxy.Files()
	if err != nil {
		return 0, err
	}
	defer closeFiles(got)
	files := listOf(got)
	exe, err := unix.FcntlInt(x.File.Fd(), unix.F_DUPFD_CLOEXEC, len(files))
	if err != nil {
		return 0, err
	}
	defer unix.Close(exe)
	attr := &syscall.ProcAttr{Dir: dir, Env: envp, Files: files, Sys: x.Status.attr()}
	return t.spawn(&start{
		path: procFD(exe), argv: argv, attr: attr, ignored: &x.Status.Ignored, umask: &x.Status.Umask,
		mask: unix.Sigset_t{Val: [16]uint64{x.Status.Blocked}},
	})
}

// listOf turns descriptors by number into a list.
func listOf(m map[int]int) []uintptr {
	var list []uintptr
	for _, n := range slices.Sorted(maps.Keys(m)) {
		for len(list) < n {
			list = append(list, ^uintptr(0))
		}
		list = append(list, uintptr(m[n]))
	}
	return list
}

// attr places a program where the process is: in its group, if that can be, and as its user.
func (st *Status) attr() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	own, err := StatusOf(unix.Getpid())
	if err != nil {
		return a
	}
	if own.Session == st.Session {
		a.Setpgid, a.Pgid = true, st.Group
	}
	if own.UID != st.UID || own.GID != st.GID || !slices.Equal(own.Groups, st.Groups) {
		a.Credential = &syscall.Credential{Uid: st.UID, Gid: st.GID, Groups: st.Groups}
	}
	return a
}

// signal passes on what the proxy gets.
func (c *carried) signal(sig int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.pid > 0:
		unix.Kill(c.pid, unix.Signal(sig))
	case c.pid == 0:
		c.sent = append(c.sent, sig)
	}
}

func (c *carried) started(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pid = pid
	for _, sig := range c.sent {
		unix.Kill(pid, unix.Signal(sig))
	}
}

// wait has the proxy do what the program does, to its end.
func (c *carried) wait(pid int) {
	for {
		if err := await(pid); err != nil {
			c.proxy.Exit(127)
			return
		}
		switch ws := c.collect(pid); {
		case ws.Exited():
			c.proxy.Exit(ws.ExitStatus())
			return
		case ws.Signaled():
			c.proxy.Die(int(ws.Signal()))
			return
		case ws.Stopped():
			c.proxy.Stop()
		}
	}
}

// collect takes what await has seen. The lock keeps signal from a pid that is another's.
func (c *carried) collect(pid int) (ws unix.WaitStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	unix.Wait4(pid, &ws, unix.WUNTRACED|unix.WCONTINUED|unix.WNOHANG, nil)
	if ws.Exited() || ws.Signaled() {
		c.pid = -1
	}
	return ws
}

// await returns when there is something to collect of a child.
func await(pid int) error {
	var info [128]byte
	for {
		_, _, e := unix.Syscall6(unix.SYS_WAITID, unix.P_PID, uintptr(pid), uintptr(unsafe.Pointer(&info)),
			unix.WEXITED|unix.WSTOPPED|unix.WCONTINUED|unix.WNOWAIT, 0, 0)
		switch e {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return e
		}
	}
}
