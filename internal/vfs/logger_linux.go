package vfs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// This file has the socket of the system's logger. NetBSD's syslog(3) sends datagrams to
// /var/run/log (_PATH_LOG in <syslog.h>), where syslogd(8) has its socket, and other libraries
// try /dev/log first. Where the machine has a logger of its own it is at /dev/log, and at
// /var/run/log unless something is there: a syslogd of the guests' has its name to itself.

const (
	logPath = "/var/run/log"
	logDev  = "log"

	// maxLogMessage is where longer messages are cut. syslog(3) sends 2,048 bytes at most
	// (TBUF_LEN in xsyslog.c).
	maxLogMessage = 8 << 10
)

// logger takes what guests log.
type logger struct {
	sock  *os.File
	fd    int // the socket's file on the host (O_PATH), which has no name any more
	out   io.Writer
	ended chan struct{} // closed once nothing more is written
}

// newLogger begins to pass messages on to out. Its socket has a name for a moment only, so that
// nothing is left of it however this process ends.
func newLogger(out io.Writer) (_ *logger, err error) {
	dir, err := os.MkdirTemp("", "toaster-log-")
	if err != nil {
		return nil, fmt.Errorf("the logger's socket: %w", err)
	}
	defer os.RemoveAll(dir)
	at, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("the logger's socket: %s: %w", dir, err)
	}
	defer unix.Close(at)
	l := &logger{out: out, ended: make(chan struct{})}
	if err := l.open(filepath.Join(hostfile.ProcPath(at), "log")); err != nil { // which is short, whatever dir is
		return nil, fmt.Errorf("the logger's socket: %w", err)
	}
	go l.pass()
	return l, nil
}

// open makes the socket, under a name of the host's.
func (l *logger) open(name string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	l.sock = os.NewFile(uintptr(fd), "log")
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err == nil {
		l.fd, err = unix.Open(name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		l.sock.Close()
		return os.NewSyscallError("bind", err)
	}
	return nil
}

// pass writes messages until the logger is closed, and then those that are left. Who logs while out takes its time
// waits, as for a slow syslogd.
func (l *logger) pass() {
	defer close(l.ended)
	buf := make([]byte, maxLogMessage)
	for {
		n, err := l.sock.Read(buf)
		if err != nil && err != io.EOF { // which an empty message is, too
			break
		}
		l.write(buf[:n])
	}
	raw, err := l.sock.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		for n, err := unix.Read(int(fd), buf); err == nil || err == unix.EINTR; n, err = unix.Read(int(fd), buf) {
			l.write(buf[:max(n, 0)])
		}
	})
}

// write writes a message by itself.
func (l *logger) write(message []byte) {
	if len(message) > 0 {
		l.out.Write(message)
	}
}

// close ends the logger once it has written what was sent, for which it has a second.
func (l *logger) close() {
	if l == nil {
		return
	}
	l.sock.SetReadDeadline(time.Unix(1, 0))
	select {
	case <-l.ended:
	case <-time.After(time.Second):
	}
	l.sock.Close()
	unix.Close(l.fd)
}

// addLogger has messages go to out.
func (t *Tree) addLogger(out io.Writer) (err error) {
	if t.logger, err = newLogger(out); err != nil {
		return err
	}
	st := MadeStat(t.born, 7, netbsd.S_IFSOCK|0o666, 0, 0)
	t.AddDevice(logDev, Device{Stat: st, Local: hostfile.ProcPath(t.logger.fd), Open: openSocket})
	return nil
}

// openSocket is open(2) of a socket (vn_open).
func openSocket(View, int) (*file.Description, netbsd.Errno) { return nil, netbsd.EOPNOTSUPP }

// loggerFor returns where the host finds the logger if name, at which there is nothing, is the logger's. In the
// host's own tree it is the host's logger, unless the machine has one. A process in a root of its own (chroot(2))
// has none.
func (v View) loggerFor(name string) (string, bool) {
	t := v.Dirs.tree
	switch {
	case name != logPath || v.Dirs.chrooted():
		return "", false
	case t.logger != nil:
		return hostfile.ProcPath(t.logger.fd), true
	}
	return "/dev/" + logDev, t.top.free
}
