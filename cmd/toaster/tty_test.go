package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// These tests run "toaster run" on a terminal of the host, as a job of a shell.

// ptyShell is the shell: the session's leader, with commands and events on descriptor
// 3. It starts its arguments as a job in the foreground and says how the job fares.
func ptyShell() {
	ctl := os.NewFile(3, "control")
	job := exec.Command(os.Args[1], os.Args[2:]...)
	job.Args[0] = "toaster"
	job.Stdin, job.Stdout, job.Stderr = os.Stdin, os.Stdout, os.Stderr
	job.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: 0}
	if err := job.Start(); err != nil {
		fmt.Fprintln(ctl, "failed", err)
		os.Exit(1)
	}
	fmt.Fprintln(ctl, "started", job.Process.Pid)
	over := make(chan struct{})
	go func() {
		shellCommands(ctl, job.Process.Pid)
		close(over)
	}()
	for {
		var w syscall.WaitStatus
		_, err := syscall.Wait4(job.Process.Pid, &w, syscall.WUNTRACED, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			fmt.Fprintln(ctl, "failed", err)
			os.Exit(1)
		case w.Stopped():
			if err := foreground(os.Getpid()); err != nil {
				fmt.Fprintln(ctl, "failed", err)
				os.Exit(1)
			}
			fmt.Fprintln(ctl, "stopped", int(w.StopSignal()))
		default:
			if w.Exited() {
				fmt.Fprintln(ctl, "exited", w.ExitStatus())
			} else {
				fmt.Fprintln(ctl, "killed", int(w.Signal()))
			}
			<-over // the end of this process would drop what the user has not read
			os.Exit(0)
		}
	}
}

// foreground makes a group the terminal's. The shell may not be in that group, and only a thread with SIGTTOU blocked may do it then: the host
// answers any other one of this group, which is orphaned, with ENOTTY.
func foreground(pgid int) error {
	runtime.LockOSThread() // the mask is the thread's
	defer runtime.UnlockOSThread()
	var set unix.Sigset_t
	set.Val[0] = 1 << (unix.SIGTTOU - 1)
	unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil)
	return unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, pgid)
}

func shellCommands(ctl io.Reader, pid int) {
	for s := bufio.NewScanner(ctl); s.Scan(); {
		if s.Text() == "fg" {
			if err := foreground(pid); err != nil {
				fmt.Fprintln(os.Stderr, "tcsetpgrp:", err)
			}
		}
		syscall.Kill(-pid, syscall.SIGCONT)
	}
}

// console is a user at a terminal.
type console struct {
	t    *testing.T
	tty  *os.File // what the user sees and types on
	ctl  *os.File // the shell's control socket
	ev   *bufio.Reader
	cmd  *exec.Cmd
	mu   sync.Mutex
	cond *sync.Cond
	out  []byte // guarded by mu: what is on the screen and was not yet expected
	eof  bool
}

// guest builds the guest of the tests, once.
var guest = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "toaster-guest")
	if err != nil {
		return "", err
	}
	exe := filepath.Join(dir, "ttyguest")
	c := exec.Command("go", "build", "-buildvcs=false", "-o", exe, "./testdata/guests/tty")
	c.Env = append(os.Environ(), "GOOS=netbsd", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return exe, nil
})

// onConsole starts toaster run with the guest and its verbs.
func onConsole(t *testing.T, verbs ...string) *console {
	t.Helper()
	exe, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "control")
	defer theirs.Close()
	c := &console{t: t, ctl: os.NewFile(uintptr(fds[0]), "control")}
	c.cond = sync.NewCond(&c.mu)
	c.ev = bufio.NewReader(c.ctl)
	c.cmd = &exec.Cmd{Path: self, Args: append([]string{"ptyshell", self, "run", exe}, verbs...), ExtraFiles: []*os.File{theirs}}
	started, err := pty.StartWithSize(c.cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	c.tty = pollable(t, started)
	go c.watch()
	t.Cleanup(func() { c.ctl.Close(); c.tty.Close(); c.cmd.Wait() })
	if got := c.event(); !strings.HasPrefix(got, "started ") {
		t.Fatalf("shell: %s", got)
	}
	return c
}

// pollable returns f anew, so that a Close ends its reads: pty has asked for its descriptor,
// which made it blocking.
func pollable(t *testing.T, f *os.File) *os.File {
	t.Helper()
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), f.Name())
}

// control runs f with the terminal's descriptor.
func (c *console) control(f func(fd int) error) {
	c.t.Helper()
	rc, err := c.tty.SyscallConn()
	if err != nil {
		c.t.Fatal(err)
	}
	if cerr := rc.Control(func(fd uintptr) { err = f(int(fd)) }); cerr != nil || err != nil {
		c.t.Fatal(cerr, err)
	}
}

// watch collects the screen.
func (c *console) watch() {
	b := make([]byte, 4096)
	for {
		n, err := c.tty.Read(b)
		c.mu.Lock()
		c.out = append(c.out, b[:n]...)
		c.eof = err != nil
		c.cond.Broadcast()
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// expect waits until s is on the screen, and forgets all up to there.
func (c *console) expect(s string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if i := bytes.Index(c.out, []byte(s)); i >= 0 {
			c.out = c.out[i+len(s):]
			return
		}
		if c.eof {
			c.t.Fatalf("the terminal was closed; waiting for %q, there is %q", s, c.out)
		}
		c.cond.Wait()
	}
}

func (c *console) typed(s string) {
	c.t.Helper()
	if _, err := c.tty.WriteString(s); err != nil {
		c.t.Fatal(err)
	}
}

// event returns what the shell has to say next.
func (c *console) event() string {
	c.t.Helper()
	s, err := c.ev.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		c.t.Fatal(err)
	}
	return strings.TrimSpace(s)
}

func (c *console) wantEvent(want string) {
	c.t.Helper()
	if got := c.event(); got != want {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.t.Fatalf("shell: %q, want %q; on the screen: %q", got, want, c.out)
	}
}

func (c *console) modes() unix.Termios {
	c.t.Helper()
	var m unix.Termios
	c.control(func(fd int) error {
		got, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil {
			m = *got
		}
		return err
	})
	return m
}

func TestTerminalOfTheUser(t *testing.T) {
	c := onConsole(t, "isatty", "size", "job", "devtty", "line")
	for fd := range 3 {
		c.expect(fmt.Sprintf("fd %d terminal: true\r\n", fd))
	}
	c.expect("size 24 80 true\r\n")
	c.expect("foreground: true leads its group: true session is the parent's: true\r\n")
	c.expect("by /dev/tty\r\n")
	c.typed("oops\x7f\x7f\x7f\x7fhello\r")
	c.expect(`line "hello\n" <nil>`)
	c.wantEvent("exited 0")
}

func TestTerminalInterrupt(t *testing.T) {
	for typed, sig := range map[string]int{"\x03": 2, "\x1c": 3} {
		c := onConsole(t, "say:ready", "pause")
		c.expect("ready\r\n")
		c.typed(typed)
		if sig == 2 {
			c.expect("signal: SIGINT\r\n")
		} else {
			c.expect("goroutine 1") // a Go program's answer to SIGQUIT
		}
		want := fmt.Sprint("exited ", 128+sig)
		if sig == 3 {
			want = "exited 2"
		}
		c.wantEvent(want)
	}
}

func TestTerminalCaughtInterrupt(t *testing.T) {
	c := onConsole(t, "catch", "caught", "line")
	c.expect("catching\r\n")
	c.typed("\x03")
	c.expect("caught interrupt\r\n")
	c.typed("on\r")
	c.expect(`line "on\n" <nil>`)
	c.wantEvent("exited 0")
}

func TestTerminalEOF(t *testing.T) {
	c := onConsole(t, "line")
	c.typed("\x04")
	c.expect(`line "" EOF`)
	c.wantEvent("exited 0")
}

// Ctrl-Z stops the guest and then toaster; fg continues both.
func TestTerminalSuspend(t *testing.T) {
	c := onConsole(t, "say:ready", "line", "line")
	c.expect("ready\r\n")
	c.typed("\x1a")
	c.wantEvent(fmt.Sprint("stopped ", int(unix.SIGTSTP)))
	fmt.Fprintln(c.ctl, "fg")
	c.typed("one\r")
	c.expect(`line "one\n" <nil>`)
	c.typed("\x1a")
	c.wantEvent(fmt.Sprint("stopped ", int(unix.SIGTSTP)))
	fmt.Fprintln(c.ctl, "fg")
	c.typed("two\r")
	c.expect(`line "two\n" <nil>`)
	c.wantEvent("exited 0")
}

// A job that is continued in the background is stopped by its next read, by the host.
func TestTerminalBackground(t *testing.T) {
	c := onConsole(t, "say:ready", "line", "line")
	c.expect("ready\r\n")
	c.typed("\x1a")
	c.wantEvent(fmt.Sprint("stopped ", int(unix.SIGTSTP)))
	fmt.Fprintln(c.ctl, "bg")
	c.wantEvent(fmt.Sprint("stopped ", int(unix.SIGTTIN)))
	fmt.Fprintln(c.ctl, "fg")
	c.typed("one\r")
	c.expect(`line "one\n" <nil>`)
	c.typed("two\r")
	c.wantEvent("exited 0")
}

// A guest that sets raw mode reads control characters; while it is stopped and at its
// end the terminal is as the user had it.
func TestTerminalModes(t *testing.T) {
	c := onConsole(t, "raw", "byte", "stop", "byte", "byte")
	before := c.modes()
	c.expect("raw\r\n")
	if m := c.modes(); m.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != 0 || m.Oflag&unix.OPOST != 0 {
		t.Errorf("modes under the guest: %+v", m)
	}
	c.typed("\x03")
	c.expect("byte 0x3 <nil>\r\n")
	c.wantEvent(fmt.Sprint("stopped ", int(unix.SIGTSTP)))
	if m := c.modes(); m.Lflag != before.Lflag || m.Oflag != before.Oflag || m.Iflag != before.Iflag {
		t.Errorf("modes while stopped: %+v, want %+v", m, before)
	}
	fmt.Fprintln(c.ctl, "fg")
	c.typed("x")
	c.expect("byte 0x78 <nil>\r\n")
	if m := c.modes(); m.Lflag&unix.ICANON != 0 {
		t.Errorf("modes after the stop: %+v", m)
	}
	c.typed("\x1a")
	c.expect("byte 0x1a <nil>\r\n")
	c.wantEvent("exited 0")
	if m := c.modes(); m.Lflag != before.Lflag || m.Oflag != before.Oflag || m.Iflag != before.Iflag || m.Cc != before.Cc {
		t.Errorf("modes at the end: %+v, want %+v", m, before)
	}
}

func TestTerminalWindowSize(t *testing.T) {
	c := onConsole(t, "winch", "size")
	c.expect("waiting\r\n")
	c.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 132})
	})
	c.expect("got window size changes\r\n")
	c.expect("size 50 132 true\r\n")
	c.wantEvent("exited 0")
}

// The terminal goes: the guest gets SIGHUP.
func TestTerminalClosed(t *testing.T) {
	c := onConsole(t, "say:ready", "pause")
	c.expect("ready\r\n")
	c.tty.Close()
	// The shell dies of the hang-up, too, or lives to tell. The job holds the control
	// socket, so its end is that of the job at the latest.
	for {
		ev := c.event()
		if ev == "" || strings.HasPrefix(ev, "exited 129") {
			return
		}
		t.Logf("shell: %s", ev)
	}
}

// A guest's O_NONBLOCK is its own affair: the user's shell shares the terminal.
func TestTerminalStaysBlocking(t *testing.T) {
	c := onConsole(t, "nonblock", "say:set", "block", "line")
	c.expect("set\r\n")
	fl, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/0", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var flags int
	for _, l := range strings.Split(string(info), "\n") {
		fmt.Sscanf(l, "flags:\t%o", &flags)
	}
	if flags&unix.O_NONBLOCK != 0 {
		t.Errorf("%s of the shell has flags %#o", fl, flags)
	}
	c.typed("done\r")
	c.expect(`line "done\n" <nil>`)
	c.wantEvent("exited 0")
}

// A signal that comes while the program ends, or before it has begun, is lost or kills:
// toaster ends either way.
func TestTerminalSignalAtTheEnd(t *testing.T) {
	for range 5 {
		for _, typed := range []string{"\x03", "\x1c"} {
			c := onConsole(t, "say:ready")
			c.expect("ready")
			c.typed(typed)
			if got := c.event(); !strings.HasPrefix(got, "exited ") && !strings.HasPrefix(got, "killed ") {
				t.Fatalf("shell: %q", got)
			}
		}
		c := onConsole(t, "say:ready")
		c.typed("\x03")
		if got := c.event(); !strings.HasPrefix(got, "exited ") && !strings.HasPrefix(got, "killed ") {
			t.Fatalf("shell: %q", got)
		}
	}
}
