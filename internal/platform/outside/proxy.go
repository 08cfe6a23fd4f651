//lint:file-ignore U1000 the assembly of the proxy uses what Go does not

package outside

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/memprog"
)

// Where a proxy's code and data are.
const (
	proxyCode = 0x10000000
	proxyData = 0x20000000
)

// proxyRequest is the longest request: number, six arguments, and what these point to.
const (
	proxyHead    = 56
	proxyRequest = proxyHead + 2048
)

// proxyMem is a proxy's data. The assembly knows it by these names.
type proxyMem struct {
	mask    uint64
	polls   [2]unix.PollFd // the way to toaster; signals
	result  int64
	signal  [128]byte // struct signalfd_siginfo
	request [proxyRequest]byte
}

// proxyPayload is where in a proxy a request's data come to lie.
const proxyPayload = proxyData + unsafe.Offsetof(proxyMem{}.request) + proxyHead

// Implemented in proxy_amd64.s, and never called here.
func proxyBegin()
func proxyLimit()

var proxyText memprog.Code // between them

// proxyFile makes the executable of a proxy that finds its way to toaster at descriptor sock.
func proxyFile(sock int) (int, error) {
	m := proxyMem{mask: ^uint64(0), polls: [2]unix.PollFd{{Fd: int32(sock), Events: unix.POLLIN}, {Events: unix.POLLIN}}}
	data := (*[unsafe.Sizeof(m)]byte)(unsafe.Pointer(&m))[:]
	return memprog.File("toaster-proxy", &memprog.Image{Entry: proxyCode, Segments: []memprog.Segment{
		{Addr: proxyCode, Prot: unix.PROT_READ | unix.PROT_EXEC, Data: proxyText.Bytes()},
		{Addr: proxyData, Prot: unix.PROT_READ | unix.PROT_WRITE, Data: data}}})
}

// A Proxy is a process on the host in the place of a program that the machine runs: whoever
// has started the program there sees it stop and end, and reaches it by signals.
//
// A request is a system call that the proxy makes; so all that it does is said here. Its
// methods can be called by several goroutines.
type Proxy struct {
	Pid  int
	file *os.File // the way to it
	conn syscall.RawConn

	mu      sync.Mutex // held for a request and its reply
	replies chan reply // from listen
	gone    chan struct{}

	pidMu sync.Mutex
	pidfd int // guarded by pidMu; -1 once it is closed

	way, signalFD int // its descriptors for toaster and for signals
}

type reply struct {
	result int64
	fds    []int
}

// newProxy takes over toaster's end of the way to a process that has yet to become a proxy.
func newProxy(pid, sock, way int) (*Proxy, error) {
	if err := unix.SetNonblock(sock, true); err != nil {
		unix.Close(sock)
		return nil, os.NewSyscallError("fcntl", err)
	}
	pidfd, err := unix.PidfdOpen(pid, 0) // before it executes anything: its pid is its own
	if err != nil {
		unix.Close(sock)
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	p := &Proxy{Pid: pid, pidfd: pidfd, way: way, file: os.NewFile(uintptr(sock), "proxy"), replies: make(chan reply, 1), gone: make(chan struct{})}
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Listen passes the proxy's signals, by Linux's numbers, to signal until there is no proxy any more,
// and then closes Gone.
func (p *Proxy) Listen(signal func(sig int)) {
	defer close(p.gone)
	for {
		b, fds, err := p.receive()
		switch {
		case err != nil || len(b) == 0:
			return
		case len(b) == len(proxyMem{}.signal):
			signal(int(binary.LittleEndian.Uint32(b)))
		case len(b) == 8:
			p.replies <- reply{result: int64(binary.LittleEndian.Uint64(b))}
		default:
			p.replies <- reply{fds: fds}
		}
	}
}

// Gone is closed when the proxy has ended, by Exit, Die or somebody on the host.
func (p *Proxy) Gone() <-chan struct{} { return p.gone }

// awaitHello waits until the process is a proxy. An error: it never became one.
func (p *Proxy) awaitHello() error {
	b, _, err := p.receive()
	if err == nil && len(b) != 8 {
		err = ErrGone
	}
	if err == nil {
		p.signalFD = int(binary.LittleEndian.Uint64(b))
	}
	return err
}

// ErrGone is of a process of the host that has ended: a proxy, or a session's stand-in.
var ErrGone = errors.New("the host process is gone")

// receive returns the next message; it is empty at the end.
func (p *Proxy) receive() (b []byte, fds []int, err error) {
	buf, oob := make([]byte, 128), make([]byte, unix.CmsgSpace(4*maxRights))
	rerr := p.conn.Read(func(fd uintptr) bool {
		var n, on int
		n, on, _, _, err = unix.Recvmsg(int(fd), buf, oob, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EAGAIN {
			return false
		}
		b, oob = buf[:max(n, 0)], oob[:max(on, 0)]
		return true
	})
	if rerr != nil || err != nil {
		return nil, nil, errors.Join(rerr, err)
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err == nil && len(msgs) > 0 {
		fds, err = unix.ParseUnixRights(&msgs[0])
	}
	return b, fds, err
}

// request has the proxy make a call, with data at proxyPayload.
func (p *Proxy) request(data []byte, nr int, args ...uint64) (int64, error) {
	if err := p.send(data, nr, args); err != nil {
		return 0, err
	}
	r, err := p.reply()
	if err == nil && r.result < 0 && r.result > -4096 {
		err = unix.Errno(-r.result)
	}
	return r.result, err
}

func (p *Proxy) send(data []byte, nr int, args []uint64) error {
	b := make([]byte, proxyHead, proxyHead+len(data))
	binary.LittleEndian.PutUint64(b, uint64(nr))
	for i, a := range args {
		binary.LittleEndian.PutUint64(b[8+8*i:], a)
	}
	_, err := p.file.Write(append(b, data...))
	return err
}

func (p *Proxy) reply() (reply, error) {
	select {
	case r := <-p.replies:
		return r, nil
	case <-p.gone:
		return reply{}, ErrGone
	}
}

// Stop stops the proxy, so that its parent sees that. Whoever continues it on the host sends
// a signal that Listen reports.
func (p *Proxy) Stop() { p.signal(unix.SIGSTOP) }

func (p *Proxy) signal(sig unix.Signal) {
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	unix.PidfdSendSignal(p.pidfd, sig, nil, 0)
}

// Exit ends the proxy with a status. Preconditions, here and below: Listen runs.
func (p *Proxy) Exit(status int) {
	p.signal(unix.SIGCONT)
	p.mu.Lock()
	p.send(nil, unix.SYS_EXIT_GROUP, []uint64{uint64(status)})
	p.mu.Unlock()
	<-p.gone // not before it has read that: what it has sent itself could be an error then
	p.Close()
}

// Die ends the proxy by a signal, without a core: its memory is nobody's.
func (p *Proxy) Die(sig int) {
	p.signal(unix.SIGCONT)
	p.mu.Lock()
	le := binary.LittleEndian
	p.request(make([]byte, 16), unix.SYS_SETRLIMIT, unix.RLIMIT_CORE, uint64(proxyPayload))
	p.request(make([]byte, 32), unix.SYS_RT_SIGACTION, uint64(sig), uint64(proxyPayload), 0, 8)
	p.request(le.AppendUint64(nil, 1<<(sig-1)), unix.SYS_RT_SIGPROCMASK, unix.SIG_UNBLOCK, uint64(proxyPayload), 0, 8)
	p.request(nil, unix.SYS_KILL, uint64(p.Pid), uint64(sig))
	p.mu.Unlock()
	p.Exit(128 + sig)
}

// Close lets go of the proxy: if it is there still, it dies of SIGKILL.
func (p *Proxy) Close() {
	p.file.Close()
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	if p.pidfd >= 0 {
		unix.Close(p.pidfd)
		p.pidfd = -1
	}
}

// Args returns what the program was called with, and its environment.
func (p *Proxy) Args() (argv, envp []string, err error) {
	argv, err = p.strings("cmdline")
	if err == nil {
		envp, err = p.strings("environ")
	}
	return argv, envp, err
}

func (p *Proxy) strings(name string) ([]string, error) {
	b, err := os.ReadFile(p.proc(name))
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00"), nil
}

func (p *Proxy) proc(name string) string { return filepath.Join("/proc", strconv.Itoa(p.Pid), name) }

// Dir returns the working directory.
func (p *Proxy) Dir() (string, error) { return os.Readlink(p.proc("cwd")) }

// Files returns duplicates of the descriptors that the program has been started with, by their
// numbers there. They are the caller's. Preconditions: Listen runs.
//
// The host hands them out to whoever may trace the proxy (pidfd_getfd(2)). Where it does not,
// as in Docker, the proxy sends them.
func (p *Proxy) Files() (map[int]int, error) {
	names, err := os.ReadDir(p.proc("fd"))
	if err != nil {
		return nil, err
	}
	var want []int
	for _, e := range names {
		if n, err := strconv.Atoi(e.Name()); err == nil && n != p.signalFD && n != p.way {
			want = append(want, n)
		}
	}
	got, err := p.take(want)
	if err != nil {
		got, err = p.ask(want)
	}
	return got, err
}

func (p *Proxy) take(want []int) (map[int]int, error) {
	pidfd, err := unix.PidfdOpen(p.Pid, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(pidfd)
	got := make(map[int]int)
	for _, n := range want {
		fd, err := unix.PidfdGetfd(pidfd, n, 0)
		if err != nil {
			closeFiles(got)
			return nil, err
		}
		got[n] = fd
	}
	return got, nil
}

func closeFiles(m map[int]int) {
	for _, fd := range m {
		unix.Close(fd)
	}
}

// maxRights is how many descriptors are sent at a time.
const maxRights = 64

func (p *Proxy) ask(want []int) (map[int]int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := make(map[int]int)
	for len(want) > 0 {
		part := want[:min(maxRights, len(want))]
		want = want[len(part):]
		fds, err := p.askSome(part)
		if err != nil || len(fds) != len(part) {
			closeFiles(got)
			return nil, fmt.Errorf("descriptors of a program of the host: %w", errors.Join(err, ErrGone))
		}
		for i, fd := range fds {
			got[part[i]] = fd
		}
	}
	return got, nil
}

// askSome has the proxy make a sendmsg(2). What it points to is laid out here: the header,
// what it sends, the control message.
//
//	+0    struct msghdr
//	+56   struct iovec
//	+72   the byte
//	+80   struct cmsghdr, descriptors
func (p *Proxy) askSome(part []int) ([]int, error) {
	le := binary.LittleEndian
	b := make([]byte, 96+4*len(part))
	at := uint64(proxyPayload)
	le.PutUint64(b[16:], at+56)
	le.PutUint64(b[24:], 1)
	le.PutUint64(b[32:], at+80)
	le.PutUint64(b[40:], uint64(len(b)-80))
	le.PutUint64(b[56:], at+72)
	le.PutUint64(b[64:], 1)
	le.PutUint64(b[80:], uint64(16+4*len(part)))
	le.PutUint32(b[88:], unix.SOL_SOCKET)
	le.PutUint32(b[92:], unix.SCM_RIGHTS)
	for i, fd := range part {
		le.PutUint32(b[96+4*i:], uint32(fd))
	}
	if err := p.send(b, unix.SYS_SENDMSG, []uint64{uint64(p.way), at, unix.MSG_NOSIGNAL}); err != nil {
		return nil, err
	}
	r, err := p.reply() // the message, or an error of sendmsg
	if err != nil {
		return nil, err
	}
	if r.result < 0 {
		return nil, unix.Errno(-r.result)
	}
	_, err = p.reply()
	return r.fds, err
}
