//lint:file-ignore U1000 the keeper's code is used by its address

// Package netns makes networks of a machine's own, which reach nothing but themselves: network
// namespaces of the host's (network_namespaces(7)) with a loopback interface.
package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/memprog"
)

// A Network is a network namespace of the host's with nothing in it but a loopback interface.
// Sockets belong to the namespace in which they are made, whoever uses them; so a process of
// its own, the keeper, makes them there and sends them to toaster.
//
// Root could as well have a thread of toaster's leave for the namespace. An ordinary user can't:
// the namespace must be in a user namespace, which a program with threads can't enter. So a
// process does both. It holds no descriptor but the way to toaster, and ends when that ends, or
// with the thread that made it. It runs no guest code and reads nothing of a guest's: what a
// guest chooses are the three numbers of socket(2).
//
// Its methods may be called by any goroutine.
type Network struct {
	pid  int
	stop chan struct{} // ends the thread that made the keeper

	mu   sync.Mutex // one question at a time; held for keeperPatience at most
	sock int        // the way to the keeper, -1 when it is over
}

// keeperPatience is how long the keeper has for an answer, which takes microseconds.
const keeperPatience = 5 * time.Second

// Implemented in keeper_amd64.s, and never called here.
func keeperBegin()
func keeperLimit()

var keeperCode memprog.Code // between them

// New makes a network. It fails where the host grants no network namespace, with the host's
// reason: EPERM where users may not make one, ENOSPC where there may be no more, EINVAL where
// the kernel has none. The caller must Close it.
func New() (*Network, error) {
	exe, err := keeperFile()
	if err != nil {
		return nil, err
	}
	defer unix.Close(exe)
	for _, flags := range namespaceFlags() {
		var n *Network
		if n, err = newNetwork(exe, flags); err == nil {
			return n, nil
		}
	}
	return nil, err // of the last way, which asks for the least
}

// namespaceFlags are the ways to a network namespace: root may have one as it is, another
// user needs to be somebody in a user namespace first.
func namespaceFlags() []uintptr {
	const inUser = unix.CLONE_NEWUSER | unix.CLONE_NEWNET
	if os.Geteuid() == 0 {
		return []uintptr{unix.CLONE_NEWNET, inUser}
	}
	return []uintptr{inUser}
}

func newNetwork(exe int, flags uintptr) (*Network, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	n := &Network{stop: make(chan struct{}), sock: pair[0]}
	patience := unix.NsecToTimeval(keeperPatience.Nanoseconds())
	unix.SetsockoptTimeval(n.sock, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience)
	err = n.startKeeper(exe, pair[1], flags)
	unix.Close(pair[1])
	if err != nil {
		close(n.stop)
		unix.Close(n.sock)
		return nil, fmt.Errorf("a process with a network namespace: %w", err)
	}
	if err := n.raiseLoopback(); err != nil {
		n.Close()
		return nil, fmt.Errorf("the loopback interface of a network namespace: %w", err)
	}
	return n, nil
}

// startKeeper starts it from a thread that lives as long as the network, since the host
// sends the parent-death signal when the creating thread ends.
func (n *Network) startKeeper(exe, sock int, flags uintptr) (err error) {
	started := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		n.pid, err = memprog.Start(exe, []string{keeperName}, &syscall.ProcAttr{
			Dir: "/", Env: []string{}, Files: []uintptr{uintptr(sock)},
			Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: flags},
		})
		close(started)
		<-n.stop
	}()
	<-started
	return err
}

// raiseLoopback does what "ip link set lo up" does. It needs no privilege of toaster's here:
// who has made a user namespace may do everything in it.
func (n *Network) raiseLoopback() error {
	fd, err := n.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return os.NewSyscallError("ioctl SIOCSIFFLAGS", unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr))
}

// Socket is socket(2) in the network: the descriptor is the caller's, or the error the host's
// unix.Errno. It is ENETDOWN once the keeper is gone, or when it has not answered in time: a
// keeper that somebody has stopped must not stop toaster.
func (n *Network) Socket(family, typ, proto int) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sock < 0 {
		return -1, unix.ENETDOWN
	}
	fd, err := n.askLocked(family, typ, proto)
	var refused unix.Errno
	if err != nil && !errors.As(err, &refused) { // the keeper is gone, or stopped
		unix.Close(n.sock)
		n.sock = -1
		return -1, unix.ENETDOWN
	}
	return fd, err
}

// askLocked puts one question to the keeper. An Errno is socket(2)'s; any other error means that
// the keeper is gone or out of step, so that an answer could be another question's, and it must
// not be asked again. Preconditions: n.mu is held.
func (n *Network) askLocked(family, typ, proto int) (int, error) {
	le := binary.LittleEndian
	var b [12]byte
	for i, v := range []int{family, typ, proto} {
		le.PutUint32(b[4*i:], uint32(v))
	}
	if err := unix.Sendmsg(n.sock, b[:], nil, nil, unix.MSG_NOSIGNAL); err != nil {
		return -1, fmt.Errorf("asking the keeper: %v", err)
	}
	var answer [8]byte
	oob := make([]byte, unix.CmsgSpace(4))
	got, noob, err := receiveAnswer(n.sock, answer[:], oob)
	if err != nil || got != len(answer) {
		return -1, fmt.Errorf("the keeper does not answer: %v", err)
	}
	if v := int64(le.Uint64(answer[:])); v < 0 {
		return -1, unix.Errno(-v)
	}
	fds, err := rightsOf(oob[:noob])
	if err != nil || len(fds) != 1 { // toaster's own descriptors are used up
		return -1, unix.EMFILE
	}
	return fds[0], nil
}

// receiveAnswer is recvmsg(2), again if a signal interrupts it; the host counts the time
// anew then, as Go's own signals come.
func receiveAnswer(sock int, b, oob []byte) (n, noob int, err error) {
	for end := time.Now().Add(keeperPatience); ; {
		n, noob, _, _, err = unix.Recvmsg(sock, b, oob, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR || time.Now().After(end) {
			return n, noob, err
		}
	}
}

// rightsOf are the descriptors of a control message.
func rightsOf(oob []byte) ([]int, error) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(msgs) == 0 {
		return nil, err
	}
	return unix.ParseUnixRights(&msgs[0])
}

// Close ends the keeper. Sockets that were made live on, and with them the network.
func (n *Network) Close() {
	n.mu.Lock()
	if n.sock >= 0 {
		unix.Close(n.sock)
		n.sock = -1
	}
	n.mu.Unlock()
	unix.Kill(n.pid, unix.SIGKILL)
	for {
		if _, err := unix.Wait4(n.pid, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	close(n.stop)
}

// keeperName is what the keeper is called in the host's process list, as its argument.
const keeperName = "toaster-net"

// keeperFile makes the keeper's program, in memory.
func keeperFile() (int, error) {
	const base = 0x400000
	text := memprog.Segment{Addr: base, Prot: unix.PROT_READ | unix.PROT_EXEC, Data: keeperCode.Bytes()}
	return memprog.File(keeperName, &memprog.Image{Entry: base, Segments: []memprog.Segment{text}})
}
