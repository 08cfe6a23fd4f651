package tty

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"toaster/internal/file"
	"toaster/netbsd"
)

// hostPair is a pseudo-terminal of the host.
func hostPair(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("the host has no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() {
		master.Close()
		slave.Close()
	})
	return master, slave
}

// TestRetire: once a terminal is retired, its session has ended and nobody has it open, its other end reads that it is
// closed, which Linux says by EIO, and another terminal may have its number.
func TestRetire(t *testing.T) {
	d := onHost(t)
	for _, opensLast := range []bool{false, true} {
		master, slave := hostPair(t)
		name := slave.Name()
		fd, errno := d.Inherit(int(slave.Fd()))
		h, errno2 := d.HostTTY(int(slave.Fd()))
		if errno != 0 || errno2 != 0 {
			t.Fatal(errno, errno2)
		}
		slave.Close()
		if opensLast { // a daemon has it longer than its session
			h.Retire()
			h.Revoke()
			if len(d.hosts) != 1 {
				t.Error("the machine has let go of a terminal that a guest has open")
			}
			fd.Release()
		} else {
			fd.Release()
			h.Revoke()
			if len(d.hosts) != 1 {
				t.Error("the machine has let go of a terminal that is not retired")
			}
			h.Retire()
		}
		if len(d.hosts) != 0 || len(d.taken) != 0 {
			t.Errorf("%s: %d terminals and %d numbers are left", name, len(d.hosts), len(d.taken))
		}
		if _, err := master.Read(make([]byte, 1)); !errors.Is(err, syscall.EIO) {
			t.Errorf("the other end reads %v, want EIO", err)
		}
	}
}

// TestHostTTYOwner: a terminal that is handed to a guest is its owner's (tty(4)), of the host's where root hands it out.
func TestHostTTYOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to give a terminal away takes root")
	}
	d := onHost(t)
	_, slave := hostPair(t)
	if err := slave.Chown(1000, -1); err != nil {
		t.Fatal(err)
	}
	h, errno := d.HostTTY(int(slave.Fd()))
	if errno != 0 || h.stat.UID != 1000 || h.stat.GID != ttyGroup {
		t.Errorf("owner %d, group %d, %v", h.stat.UID, h.stat.GID, errno)
	}
}

// TIOCSTAT on a terminal whose output is stopped does not wait for it to go on, which nobody need ever have it do.
func TestStatusOfAStoppedTerminal(t *testing.T) {
	d := onHost(t)
	master, slave := hostPair(t)
	h, errno := d.HostTTY(int(slave.Fd()))
	if errno != 0 {
		t.Fatal(errno)
	}
	for _, cmd := range []uint32{netbsd.TIOCSTOP, netbsd.TIOCSTAT, netbsd.TIOCSTART, netbsd.TIOCSTAT} {
		if errno := h.ioctl(file.Call{}, cmd, nil); errno != 0 {
			t.Errorf("%#x: %v", cmd, errno)
		}
	}
	line := "load: 0.00  not a controlling terminal\r\n"
	b := make([]byte, 2*len(line))
	if n, err := master.Read(b); string(b[:n]) != line {
		t.Errorf("%q, %v, want %q once", b[:n], err, line)
	}
}

// ttioctl of the user's terminal, too: CIGNORE, the size of its queues, and the room in them.
func TestRequestsForTheUsersTerminal(t *testing.T) {
	d := onHost(t)
	_, slave := hostPair(t)
	h, errno := d.HostTTY(int(slave.Fd()))
	if errno != 0 {
		t.Fatal(errno)
	}
	ask := func(cmd uint32, data []byte) ([]byte, netbsd.Errno) {
		errno := h.ioctl(file.Call{}, cmd, data)
		return data, errno
	}
	b, _ := ask(netbsd.TIOCGETA, make([]byte, netbsd.SizeofTermios))
	was := netbsd.DecodeTermios(b)
	m := was
	m.Cflag, m.Ospeed, m.Lflag = netbsd.CIGNORE, 300, m.Lflag&^netbsd.ECHO
	m.Encode(b)
	if _, errno := ask(netbsd.TIOCSETA, b); errno != 0 {
		t.Errorf("TIOCSETA: %s", errno.Name())
	}
	ask(netbsd.TIOCGETA, b)
	if is := netbsd.DecodeTermios(b); is.Cflag != was.Cflag || is.Ospeed != was.Ospeed || is.Lflag != m.Lflag {
		t.Errorf("%+v, want %+v without ECHO", is, was)
	}
	for cmd, want := range map[uint32]uint32{netbsd.TIOCGQSIZE: inputMax, netbsd.FIONSPACE: outputMax} {
		if b, errno := ask(cmd, make([]byte, 4)); errno != 0 || le.Uint32(b) != want {
			t.Errorf("%#x: %d, %s, want %d", cmd, le.Uint32(b), errno.Name(), want)
		}
	}
	for size, want := range map[uint32]netbsd.Errno{0: netbsd.EINVAL, 1024: 0, 2000: 0, 4096: netbsd.EBUSY, 1 << 20: netbsd.EINVAL} {
		if _, errno := ask(netbsd.TIOCSQSIZE, le.AppendUint32(nil, size)); errno != want {
			t.Errorf("TIOCSQSIZE %d: %s, want %s", size, errno.Name(), want.Name())
		}
	}
}
