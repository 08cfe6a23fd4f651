package machine

import (
	"fmt"
	"sync"
	"syscall"

	"toaster/internal/platform"
	"toaster/internal/platform/netns"
	"toaster/internal/socket"
)

// Network says what the sockets of guests reach, local ones (AF_LOCAL) aside.
type Network int

const (
	// NetworkHost: what this process reaches.
	NetworkHost Network = iota
	// NetworkNone: nothing; NetBSD without the families of the internet.
	NetworkNone
	// NetworkLoopback: each other, by a loopback interface of the machine's own.
	NetworkLoopback
	// NetworkLoopbackOrNone: NetworkLoopback if the host grants it, else NetworkNone.
	NetworkLoopbackOrNone
)

// network is a machine's own network, made for the first socket in it.
// A machine whose guests never use the internet's families costs no process.
type network struct {
	once sync.Once
	net  *netns.Network
	err  error
}

// start makes the network of a machine that must have one.
//
// The outcome is final, an error, too: guests that try again would try the host each time.
func (n *network) start() error {
	n.once.Do(func() { n.net, n.err = netns.New() })
	if n.err != nil {
		return fmt.Errorf("a network of the machine's own: this host grants none (%w); choose the network \"none\" or \"host\", "+
			"or allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "+
			"kernel.apparmor_restrict_unprivileged_userns; a container's seccomp profile)", n.err)
	}
	return nil
}

// socket is a socket.Maker. A guest cannot tell a network that the host refuses from none.
//
// The descriptor is the caller's. Any goroutine may call it; the first one waits for the
// network.
func (n *network) socket(family, typ, proto int) (int, error) {
	if n.start() != nil {
		return -1, syscall.EAFNOSUPPORT
	}
	return n.net.Socket(family, typ, proto)
}

// close ends the network, or sees to it that none is made any more.
//
// once orders it with a start under way: that is waited for, and its network closed here.
func (n *network) close() {
	n.once.Do(func() { n.err = platform.ErrGone })
	if n.net != nil {
		n.net.Close()
	}
}

// sockets is how the machine's sockets are made. It fails for a network that the host
// does not grant.
func (n *network) sockets(which Network) (socket.Maker, error) {
	switch which {
	case NetworkHost:
		return nil, nil
	case NetworkNone:
		return noSocket, nil
	case NetworkLoopback:
		if err := n.start(); err != nil {
			return nil, err
		}
	}
	return n.socket, nil
}

// noSocket is a socket.Maker where there are no families of the internet: socket(2) then fails
// with EAFNOSUPPORT.
func noSocket(int, int, int) (int, error) { return -1, syscall.EAFNOSUPPORT }
