package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// This file is how processes of a container talk: JSON values, one after the other, on a local stream socket, with
// descriptors beside them. Who connects to a kernel sends one request and gets one answer. After exec the connection
// stays: the relay sends signals, and gets one more answer with the program's end. The directory of the socket lets nobody
// in but its owner.

// The requests.
const (
	opFind   = "find" // the first program, which start is to run
	opStart  = "start"
	opExec   = "exec"
	opKill   = "kill"
	opPs     = "ps"
	opPause  = "pause"
	opResume = "resume"
	opLimits = "limits"
)

// request is what a kernel is asked for.
type request struct {
	Op string `json:"op"`
	// Process is what exec starts, with the descriptors that come along: 0, 1, 2 and up. Terminal says that descriptor 0
	// is a terminal, and is to control the program's session. Host is the relay's pid.
	Process *specs.Process `json:"process,omitempty"`
	Host    int            `json:"host,omitempty"`
	Paused  bool           `json:"paused,omitempty"` // exec: even so
	// Signal is the host's number. Of exec's connection it goes to the program, or to its terminal's foreground
	// group if the terminal is what has sent it.
	Signal int  `json:"signal,omitempty"`
	All    bool `json:"all,omitempty"`
	MaxLWP int  `json:"maxLWP,omitempty"`
}

// answer is what comes back.
type answer struct {
	Error string        `json:"error,omitempty"`
	Pid   int           `json:"pid,omitempty"` // of a process of the machine
	Procs []processInfo `json:"procs,omitempty"`
	Hosts []int         `json:"hosts,omitempty"` // the relays
	// Ended says that the program has ended, with Status as a shell has it.
	Ended  bool `json:"ended,omitempty"`
	Status int  `json:"status,omitempty"`
}

// processInfo is a process of the machine.
type processInfo struct {
	Pid  int    `json:"pid"`
	Ppid int    `json:"ppid"`
	UID  uint32 `json:"uid"`
	Comm string `json:"comm"`
}

// conn is an end of a connection. Files are the descriptors that have come and were not taken.
type conn struct {
	f     *os.File
	dec   *json.Decoder
	files []*os.File
}

// newConn makes a connection of a socket, which it owns from then on.
func newConn(fd int) *conn {
	unix.SetNonblock(fd, true)
	c := &conn{f: os.NewFile(uintptr(fd), "control")}
	c.dec = json.NewDecoder(c)
	return c
}

func (c *conn) close() {
	c.f.Close()
	closeAll(c.takeFiles())
}

// takeFiles returns the descriptors that have come; they are the caller's.
func (c *conn) takeFiles() []*os.File {
	files := c.files
	c.files = nil
	return files
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// mostFiles is how many descriptors may come with one piece of a message.
const mostFiles = 64

// Read is for the decoder. Descriptors come with the bytes of their message.
func (c *conn) Read(b []byte) (n int, err error) {
	raw, err := c.f.SyscallConn()
	if err != nil {
		return 0, err
	}
	oob := make([]byte, unix.CmsgSpace(4*mostFiles))
	noob := 0
	rerr := raw.Read(func(fd uintptr) bool {
		for err = unix.EINTR; err == unix.EINTR; {
			n, noob, _, _, err = unix.Recvmsg(int(fd), b, oob, unix.MSG_CMSG_CLOEXEC)
		}
		return err != unix.EAGAIN
	})
	switch {
	case rerr != nil:
		return 0, rerr
	case err != nil:
		return 0, os.NewSyscallError("recvmsg", err)
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, c.keep(oob[:noob])
}

// keep takes the descriptors out of a control message.
func (c *conn) keep(oob []byte) error {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return fmt.Errorf("control message: %w", err)
	}
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			return fmt.Errorf("control message: %w", err)
		}
		for _, fd := range fds {
			c.files = append(c.files, os.NewFile(uintptr(fd), fmt.Sprintf("descriptor %d", len(c.files))))
		}
	}
	return nil
}

// receive reads one value.
func (c *conn) receive(v any) error { return c.dec.Decode(v) }

// send writes one value. The files go with its first piece, and stay the caller's.
func (c *conn) send(v any, files ...*os.File) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	raw, err := c.f.SyscallConn()
	if err != nil {
		return err
	}
	var oob []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		oob = unix.UnixRights(fds...)
	}
	for len(b) > 0 {
		n := 0
		werr := raw.Write(func(fd uintptr) bool {
			for err = unix.EINTR; err == unix.EINTR; {
				n, err = unix.SendmsgN(int(fd), b, oob, nil, unix.MSG_NOSIGNAL)
			}
			return err != unix.EAGAIN
		})
		if err = errors.Join(werr, os.NewSyscallError("sendmsg", err)); err != nil {
			return err
		}
		b, oob = b[n:], nil
	}
	return nil
}

const socketName = "control"

// socketAddress is the address of the socket in a state directory, whose own name may be too long for one. The
// descriptor, which the caller closes, stands for it.
func socketAddress(dir string) (unix.Sockaddr, int, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, -1, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return &unix.SockaddrUnix{Name: filepath.Join("/proc/self/fd", fmt.Sprint(fd), socketName)}, fd, nil
}

// dial connects to the kernel of a state directory.
func dial(dir string) (*conn, error) {
	addr, at, err := socketAddress(dir)
	if err != nil {
		return nil, err
	}
	defer unix.Close(at)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, addr); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	return newConn(fd), nil
}

// refusal is an answer that says why not.
type refusal string

func (r refusal) Error() string { return string(r) }

// ask puts one request and returns the answer; a refusal is an error.
func ask(dir string, r *request) (*answer, error) {
	c, err := dial(dir)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.ask(r)
}

func (c *conn) ask(r *request, files ...*os.File) (*answer, error) {
	if err := c.send(r, files...); err != nil {
		return nil, err
	}
	var a answer
	if err := c.receive(&a); err != nil {
		return nil, fmt.Errorf("the container's kernel does not answer: %w", err)
	}
	if a.Error != "" {
		return nil, refusal(a.Error)
	}
	return &a, nil
}

// listen makes the socket of a state directory.
func listen(dir string) (*os.File, error) {
	addr, at, err := socketAddress(dir)
	if err != nil {
		return nil, err
	}
	defer unix.Close(at)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err = unix.Bind(fd, addr); err == nil {
		err = unix.Listen(fd, 128)
	}
	if err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	return os.NewFile(uintptr(fd), socketName), nil
}

// accept waits for one connection.
func accept(l *os.File) (*conn, error) {
	raw, err := l.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	rerr := raw.Read(func(s uintptr) bool {
		for err = unix.EINTR; err == unix.EINTR || err == unix.ECONNABORTED; {
			fd, _, err = unix.Accept4(int(s), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		}
		return err != unix.EAGAIN
	})
	if err := errors.Join(rerr, os.NewSyscallError("accept", err)); err != nil {
		return nil, err
	}
	return newConn(fd), nil
}
