package socket

import (
	"sync"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// This file has routing sockets (route(4)). Such a socket is one end of a pair of the host's local
// sockets, so that it can be waited for and read as any other. The kernel has the other end: it
// answers there what the guest writes, and tells of what changes, which it hears from the host
// (rtnetlink(7)).

// router is the kernel's side of a routing socket.
type router struct {
	stack  *Stack
	family int            // of which messages are told; 0 is all
	end    int            // the kernel's end of the pair
	news   *hostfile.File // the host's messages
	w      file.Waiter

	mu     sync.Mutex // guards what follows, and the order of what is told
	closed bool
}

// routeGroups are the host's groups of changes: interfaces, addresses, routes.
const routeGroups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE

// newRouteSocket is socket(2) for AF_ROUTE. Everybody may have one; what the host does not tell of,
// nobody hears.
func (k *Stack) newRouteSocket(typ, proto int) (*Socket, netbsd.Errno) {
	if typ != netbsd.SOCK_RAW {
		return nil, netbsd.EPROTOTYPE
	}
	news, err := k.maker(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, hostfile.Errno(err)
	}
	unix.Bind(news, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: routeGroups})
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		unix.Close(news)
		return nil, hostfile.Errno(err)
	}
	s, errno := k.wrapSocket(pair[0], netbsd.AF_ROUTE, typ)
	if errno != 0 {
		unix.Close(news)
		unix.Close(pair[1])
		return nil, errno
	}
	s.proto = proto
	s.options.Store(netbsd.SO_USELOOPBACK) // route_attach
	s.route = &router{stack: k, family: proto, end: pair[1], news: &hostfile.File{}}
	s.route.news.InitSocket(k.host, news)
	s.route.listen()
	k.routers.Store(s.route, nil)
	return s, 0
}

// listen has the host's messages relayed as they come.
func (r *router) listen() {
	// A goroutine of its own: relaying must not happen under the queue's lock.
	r.w = file.Waiter{Mask: file.In | file.Err, Fn: func(file.Events) {
		r.stack.rights.losses.Go(func() { guard.Report(guard.Catch("a routing socket hears nothing more", r.relay)) })
	}}
	r.news.Watch(&r.w)
}

// relay tells what the host has told since.
func (r *router) relay() {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := make([]byte, 64<<10)
	for !r.closed {
		n, _, err := unix.Recvfrom(r.news.FD(), b, unix.MSG_DONTWAIT)
		switch err {
		case nil:
			r.tell(r.stack.translate(b[:n]))
		case unix.EINTR, unix.ENOBUFS: // the latter has lost messages, as a full queue of NetBSD does
		default:
			return
		}
	}
}

// notice is a message to routing sockets, with the family that it is of, 0 if of none.
type notice struct {
	family int
	b      []byte
}

// tell passes on what r listens for (raw_input). What there is no room for is lost.
func (r *router) tell(list []notice) {
	for _, m := range list {
		if r.family == 0 || r.family == m.family {
			unix.Sendto(r.end, m.b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
		}
	}
}

// close ends the kernel's side.
func (r *router) close() {
	r.stack.routers.Delete(r)
	r.news.Unwatch(&r.w)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.news.Close()
	unix.Close(r.end)
}

// request serves what l has written to the routing socket s (route_output). The answer goes to
// all routing sockets, but not to s without SO_USELOOPBACK; an error is told there, too. EACCES:
// routes are the host's, and nobody here changes them. ESRCH: no route.
func (s *Socket) request(l file.Sleeper, b []byte) (int, netbsd.Errno) {
	m, asked, errno := netbsd.DecodeRouteMsg(b)
	if errno == 0 {
		errno = s.stack.answer(&m, asked)
	}
	if errno == netbsd.EPROTONOSUPPORT || errno == netbsd.EINVAL && m.Type == 0 {
		return 0, errno // nothing that could be told of
	}
	if m.Pid = 0; s.stack.creds != nil {
		m.Pid = s.stack.creds(l).Pid
	}
	if m.Errno = int32(errno); errno == 0 {
		m.Flags |= netbsd.RTF_DONE
	}
	n := notice{b: m.Append(nil)}
	if dst := m.Addrs[0]; len(dst) > 1 {
		n.family = int(dst[1])
	}
	s.stack.routers.Range(func(key, _ any) bool {
		if r := key.(*router); r != s.route || s.has(netbsd.SO_USELOOPBACK) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if !r.closed {
				r.tell([]notice{n})
			}
		}
		return true
	})
	if errno != 0 {
		return 0, errno
	}
	return len(b), 0
}

// answer completes a request in place.
func (k *Stack) answer(m *netbsd.RouteMsg, asked uint32) netbsd.Errno {
	dst, errno := netbsd.DecodeSockaddr(m.Addrs[0])
	switch {
	case errno != 0:
		return netbsd.EINVAL
	case m.Type == netbsd.RTM_ADD, m.Type == netbsd.RTM_DELETE, m.Type == netbsd.RTM_CHANGE, m.Type == netbsd.RTM_LOCK:
		return netbsd.EACCES
	case m.Type != netbsd.RTM_GET:
		return netbsd.EOPNOTSUPP
	case !dst.Addr.IsValid():
		return netbsd.ESRCH // rt_tables of a family without routes
	}
	r, ok := k.routeTo(dst.Addr.Addr())
	if !ok {
		return netbsd.ESRCH
	}
	i := k.interfaceAt(r.index)
	pid, seq := m.Pid, m.Seq
	*m = r.message(i, asked&(netbsd.RTA_IFP|netbsd.RTA_IFA) != 0)
	m.Pid, m.Seq = pid, seq
	return 0
}

// interfaceAt is the interface of a number; one without a name if there is none.
func (k *Stack) interfaceAt(index int) Interface {
	for _, i := range k.Interfaces() {
		if i.Index == index {
			return i
		}
	}
	return Interface{Index: index}
}
