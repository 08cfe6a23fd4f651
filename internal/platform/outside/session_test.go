package outside

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A terminal is a pseudo-terminal of the host's.
type terminal struct {
	t       *testing.T
	master  *os.File
	slave   int
	starter *Starter
	session *Session
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	m, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("the host has no pseudo-terminal:", err)
	}
	x := &terminal{t: t, master: os.NewFile(uintptr(m), "controller"), starter: New(Options{Off: true})}
	t.Cleanup(func() { x.starter.Stop(); x.master.Close() })
	if err := unix.IoctlSetPointerInt(m, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	s, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(m), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if e != 0 {
		t.Fatal(e)
	}
	x.slave = int(s)
	t.Cleanup(func() { unix.Close(x.slave) })
	if x.session, err = x.starter.NewSession(x.slave, m); err != nil {
		t.Fatal(err)
	}
	return x
}

// sh starts a script in a group of its own.
func (x *terminal) sh(script string, in Place) (pid, anchor int) {
	x.t.Helper()
	fd := uintptr(x.slave)
	pid, anchor, err := x.session.ForkExec("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{
		Files: []uintptr{fd, fd, fd}, Env: os.Environ(), Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}, nil, in)
	if err != nil {
		x.t.Fatal(err)
	}
	return pid, anchor
}

func (x *terminal) until(word string) string {
	x.t.Helper()
	var out []byte
	b := make([]byte, 1024)
	for !strings.Contains(string(out), word) {
		n, err := x.master.Read(b)
		if out = append(out, b[:n]...); err != nil {
			x.t.Fatalf("%q, %v", out, err)
		}
	}
	return string(out)
}

func change(t *testing.T, pid int) (ws syscall.WaitStatus) {
	t.Helper()
	for {
		if _, err := syscall.Wait4(pid, &ws, syscall.WUNTRACED, nil); err != syscall.EINTR {
			if err != nil {
				t.Fatal(err)
			}
			return ws
		}
	}
}

// A program is a member of the session, this program's child, and has the terminal for its own (tty(4),
// credentials(7)). When the session is closed nothing is left of it.
func TestSessionHasATerminal(t *testing.T) {
	x := newTerminal(t)
	pid, anchor := x.sh("test -t 0 && echo here </dev/tty >/dev/tty; read x", Place{Foreground: true})
	if anchor != 0 {
		t.Errorf("anchor %d", anchor)
	}
	st, err := StatusOf(pid)
	if err != nil || st.Parent != os.Getpid() || st.Session != x.session.ID() || st.Group != pid {
		t.Errorf("%+v, %v", st, err)
	}
	x.until("here\r\n")
	if pgid, err := x.session.Foreground(); pgid != pid || err != nil {
		t.Errorf("foreground %d, %v, want %d", pgid, err, pid)
	}
	x.session.Close()
	if ws := change(t, pid); ws.Signal() != syscall.SIGHUP {
		t.Errorf("%#x, want SIGHUP", ws)
	}
	for _, id := range []int{pid, x.session.ID()} {
		if err := syscall.Kill(id, 0); err != syscall.ESRCH {
			t.Errorf("%d is there: %v", id, err)
		}
	}
}

// A group with an anchor is under job control, and one without is orphaned: it is not stopped by
// the terminal (setpgid(2)).
func TestAnchorsHaveGroupsUnderControl(t *testing.T) {
	x := newTerminal(t)
	// A shell that reads while the stand-in has the foreground has an EIO, as a member of an orphaned group,
	// and ends: behind its word it does not read.
	pid, anchor := x.sh("echo ready; read x; echo got $x; exec sleep 60", Place{Foreground: true, Anchor: true})
	if st, err := StatusOf(anchor); err != nil || st.Group != pid || st.Parent != x.session.ID() {
		t.Errorf("anchor %+v, %v", st, err)
	}
	if st, err := StatusOf(pid); err != nil || st.Group != pid || st.Parent != os.Getpid() {
		t.Errorf("program %+v, %v", st, err)
	}
	x.until("ready\r\n")
	x.master.WriteString("\x1a")
	if ws := change(t, pid); !ws.Stopped() || ws.StopSignal() != syscall.SIGTSTP {
		t.Fatalf("%#x, want a stop by SIGTSTP", ws)
	}
	syscall.Kill(-pid, syscall.SIGCONT)
	x.session.Weigh(anchor)
	if err := syscall.Kill(anchor, 0); err != syscall.ESRCH {
		t.Errorf("the anchor is there: %v", err)
	}
	x.master.WriteString("\x1aword\n")
	x.until("got word")
	x.session.SetForeground(x.session.ID())
	x.master.WriteString("\x03") // to nobody
	x.session.SetForeground(pid)
	x.master.WriteString("\x03")
	if ws := change(t, pid); ws.Signal() != syscall.SIGINT {
		t.Errorf("%#x, want SIGINT", ws)
	}
}

// A program that cannot be executed is nobody's child, and one that is started into a group that is gone
// neither; the session goes on.
func TestSessionStartFails(t *testing.T) {
	x := newTerminal(t)
	for _, in := range []Place{{}, {Foreground: true}, {Anchor: true}, {Foreground: true, Anchor: true}} {
		attr := &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Setpgid: true}}
		if pid, anchor, err := x.session.ForkExec("/nowhere", []string{"x"}, attr, nil, in); err != syscall.ENOENT {
			t.Errorf("%d, %d, %v, want ENOENT", pid, anchor, err)
		}
		attr.Sys.Pgid = 1
		if pid, anchor, err := x.session.ForkExec("/bin/sh", []string{"sh"}, attr, nil, in); err != syscall.EPERM {
			t.Errorf("%d, %d, %v, want EPERM", pid, anchor, err)
		}
		pid, _ := x.sh("exit 3", in)
		if ws := change(t, pid); ws.ExitStatus() != 3 {
			t.Errorf("%#x", ws)
		}
	}
}

// A stand-in that somebody has killed is noticed, and waited for when the session is closed.
func TestSessionIsKilled(t *testing.T) {
	x := newTerminal(t)
	pid, _ := x.sh("exit 3", Place{Anchor: true})
	change(t, pid)
	syscall.Kill(x.session.ID(), syscall.SIGKILL)
	await(x.session.ID())
	if err := x.session.SetForeground(x.session.ID()); err != ErrGone {
		t.Errorf("%v, want %v", err, ErrGone)
	}
	for _, in := range []Place{{}, {Anchor: true}} {
		attr := &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Setpgid: true}}
		if _, _, err := x.session.ForkExec("/bin/sh", []string{"sh"}, attr, nil, in); !errors.Is(err, ErrGone) {
			t.Errorf("%v, want %v", err, ErrGone)
		}
	}
	x.session.Close()
	if err := syscall.Kill(x.session.ID(), 0); err != syscall.ESRCH {
		t.Error(err)
	}
}

// A terminal that has a session is refused.
func TestTerminalHasASession(t *testing.T) {
	x := newTerminal(t)
	if _, err := x.starter.NewSession(x.slave, int(x.master.Fd())); err != syscall.EPERM {
		t.Errorf("%v, want EPERM", err)
	}
}
