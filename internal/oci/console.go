package oci

import (
	"fmt"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// dialConsole connects to the socket that a terminal is to be sent to.
func dialConsole(path string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("--console-socket %s: %w", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// openPeer opens the other side of a pseudo-terminal. By its name another one might be found: the host can have several devpts.
func openPeer(master int) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return -1, os.NewSyscallError("TIOCGPTPEER", errno)
	}
	return int(fd), nil
}

// openTerminal makes a pseudo-terminal of the host, sends its master to sock in runc's form, which is its name with
// the descriptor beside it, and makes it the terminal of this process's session. The result is the program's side.
//
// This process leads the session, so the host tells it of what is typed, of new sizes and of the end. The terminal belongs to whom the program runs
// as, as login(1) has it and runc: it may be opened again by its name.
func openTerminal(sock *os.File, p *specs.Process) (*os.File, error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/dev/ptmx", Err: err}
	}
	defer unix.Close(master)
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		return nil, os.NewSyscallError("ioctl of a pseudo-terminal", err)
	}
	name := "/dev/pts/" + strconv.Itoa(n)
	slave, err := openPeer(master)
	if err != nil {
		return nil, fmt.Errorf("the terminal %s: %w", name, err)
	}
	f := os.NewFile(uintptr(slave), name)
	if size := p.ConsoleSize; size != nil && size.Height > 0 && size.Width > 0 {
		err = unix.IoctlSetWinsize(slave, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(size.Height), Col: uint16(size.Width)})
	}
	if err == nil && os.Geteuid() == 0 {
		err = unix.Fchown(slave, int(p.User.UID), -1)
	}
	if err == nil {
		err = unix.IoctlSetInt(slave, unix.TIOCSCTTY, 0)
	}
	if err == nil {
		err = unix.Sendmsg(int(sock.Fd()), []byte(name), unix.UnixRights(master), nil, unix.MSG_NOSIGNAL)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("the terminal %s: %w", name, err)
	}
	return f, nil
}
