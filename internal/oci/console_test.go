package oci

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// consoleSocket is where a shim waits for a terminal.
func (w *world) consoleSocket() (path string, receive func() *os.File) {
	w.Helper()
	dir, err := os.MkdirTemp("", "oci") // short enough for an address
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 1))
	}
	if err != nil {
		w.Fatal(err)
	}
	return path, func() *os.File {
		w.Helper()
		defer unix.Close(fd)
		c, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if err != nil {
			w.Fatal(err)
		}
		defer unix.Close(c)
		name, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
		n, noob, _, _, err := unix.Recvmsg(c, name, oob, unix.MSG_CMSG_CLOEXEC)
		if err != nil {
			w.Fatal(err)
		}
		msgs, err := unix.ParseSocketControlMessage(oob[:noob])
		if err != nil || len(msgs) != 1 || !strings.HasPrefix(string(name[:n]), "/dev/pts/") {
			w.Fatalf("%q, %d messages, %v", name[:n], len(msgs), err)
		}
		fds, err := unix.ParseUnixRights(&msgs[0])
		if err != nil || len(fds) != 1 {
			w.Fatalf("%v, %v", fds, err)
		}
		master := os.NewFile(uintptr(fds[0]), "master")
		w.Cleanup(func() { master.Close() })
		return master
	}
}

// playTerminal does what a user does at the master's side of a "stdin-tty" program of the size 33 by 101: a new size, ^C. pid is the process that
// stands for the program; where the terminal is closed early, how that has ended says why.
func (w *world) playTerminal(master *os.File, pid int) {
	w.Helper()
	defer func() {
		if w.Failed() {
			w.explain(pid)
		}
	}()
	if got := w.line(master); got != "ready [33 101 0 0] <nil>" {
		w.Errorf("%q", got)
	}
	unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 20, Col: 44})
	if got := w.line(master); got != "got 28 [20 44 0 0] <nil>" { // SIGWINCH
		w.Errorf("%q", got)
	}
	master.Write([]byte{3})
	if got := w.line(master); got != "^Cgot 2 [20 44 0 0] <nil>" { // SIGINT, and the echo
		w.Errorf("%q", got)
	}
}

// closed checks that nobody has the program's side open any more.
func (w *world) closed(master *os.File) {
	w.Helper()
	if n, err := master.Read(make([]byte, 100)); !errors.Is(err, syscall.EIO) {
		w.Errorf("the terminal's other end reads %d bytes, %v; want EIO", n, err)
	}
}

func TestTerminal(t *testing.T) {
	w := newWorld(t)
	bundle := w.bundle(func(s *specs.Spec) {
		s.Process.Terminal, s.Process.ConsoleSize = true, &specs.Box{Height: 33, Width: 101}
	}, "stdin-tty")
	w.fails("--console-socket", "create", "--bundle", bundle, "c")
	path, receive := w.consoleSocket()
	out := w.create("c", bundle, "--console-socket", path)
	// Who has called create may read to the end of its output, which the container must not hold open.
	if n, _ := out.Read(make([]byte, 1)); n != 0 {
		t.Error("create has said something")
	}
	master := receive()
	pid := w.state("c").Pid
	w.do("start", "c")
	w.playTerminal(master, pid)
	if status := w.ends(pid); status != 4 {
		t.Errorf("status %d, want 4", status)
	}
	w.closed(master)
	w.do("delete", "c")
}

// TestTerminalOwner: a terminal is its user's, who can open it again (tty(4)).
func TestTerminalOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to be another user takes root")
	}
	w := newWorld(t)
	os.Chmod(filepath.Dir(w.rootfs), 0o755)
	path, receive := w.consoleSocket()
	w.create("c", w.bundle(func(s *specs.Spec) {
		s.Process.Terminal, s.Process.User = true, specs.User{UID: 1000, GID: 100}
	}, "write", "/dev/tty"), "--console-socket", path)
	master := receive()
	pid := w.state("c").Pid
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat("/dev/pts/"+itoa(n), &st); err != nil || st.Uid != 1000 {
		t.Errorf("the terminal belongs to %d, %v", st.Uid, err)
	}
	w.do("start", "c")
	var said []byte
	for b := make([]byte, 100); ; {
		n, err := master.Read(b)
		said = append(said, b[:n]...)
		if err != nil {
			break
		}
	}
	w.ends(pid)
	if got := strings.ReplaceAll(string(said), "\r\n", "\n"); got != "x/dev/tty true\n" {
		t.Errorf("the program says %q", got)
	}
}

// TestExecTerminal: each exec has a terminal of its own, of which the container keeps nothing when it has ended.
func TestExecTerminal(t *testing.T) {
	w := newWorld(t)
	_, pid := w.running()
	open := 0
	for i := range 4 {
		path, receive := w.consoleSocket()
		relay, _ := w.detached(&specs.Process{
			Args: []string{"/bin/guest", "stdin-tty"}, Cwd: "/", Terminal: true, ConsoleSize: &specs.Box{Height: 33, Width: 101},
		}, "--console-socket", path)
		master := receive()
		w.playTerminal(master, relay)
		if status := w.ends(relay); status != 4 {
			t.Errorf("status %d, want 4", status)
		}
		w.closed(master)
		terminals, err := filepath.Glob("/proc/" + itoa(pid) + "/fd/*")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, name := range terminals {
			if to, _ := os.Readlink(name); strings.HasPrefix(to, "/dev/pts/") {
				n++
			}
		}
		if i == 0 {
			open = n
		}
		if n > open {
			t.Errorf("after %d programs the kernel has %d terminals open, after the first %d", i+1, n, open)
		}
	}
	// The terminal's end is a hangup.
	path, receive := w.consoleSocket()
	relay, _ := w.detached(&specs.Process{Args: []string{"/bin/guest", "cat"}, Cwd: "/", Terminal: true}, "--console-socket", path)
	receive().Close()
	if status := w.ends(relay); status != 128+int(unix.SIGHUP) && status != 0 { // cat may see the end of its input first
		t.Errorf("status %d, want that of SIGHUP", status)
	}
}
