package socket

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// Socket is a socket of the host, in NetBSD's terms. The host's descriptor never
// blocks: calls wait by the machine's poller.
type Socket struct {
	hostfile.File
	stack       *Stack
	local       *local  // nil unless the family is AF_LOCAL
	route       *router // nil unless it is AF_ROUTE
	family, typ int     // NetBSD's
	proto       int

	// idle: a stream that was never connected nor listens. The host calls such
	// a socket hung up and writable, NetBSD neither.
	idle      atomic.Bool
	listening atomic.Bool

	// cantSend: the guest has shut it down for sending (SS_CANTSENDMORE), which the host does not tell.
	cantSend atomic.Bool
	cantRecv atomic.Bool // and for receiving (SS_CANTRCVMORE)
	shut     file.Queue  // who is to hear of that

	port    *port       // what it is bound to, nil if it was never; changed by bind(2) alone
	hasPeer atomic.Bool // connect(2) was called: nobody else is kept from its address

	// exported: a program of the host has it, and may have cleared the host's O_NONBLOCK.
	exported atomic.Bool
	// lent: host processes may have it, so the host's O_NONBLOCK and timeouts are the guest's.
	lent atomic.Bool

	// Owner is fstat(2)'s of a local socket. It is set before the socket is known to anybody.
	Owner file.Owner

	options atomic.Uint64 // those that are on; changed with mu held
	failed  atomic.Int32  // an error that the next call is to tell (so_error), a netbsd.Errno
	faulty  atomic.Int32  // one that only who receives is told (so_rerror)
	source  atomic.Uint32 // the IPv4 address that all messages come from (IP_PKTINFO), 0 if any

	mu         sync.Mutex    // guards what follows
	recvTimeo  time.Duration // SO_RCVTIMEO; 0 is none
	sendTimeo  time.Duration
	numbers    map[optionKey]int32 // those that the guest has set
	pktinfo6   [netbsd.SizeofIn6Pktinfo]byte
	guestName  string // the AF_LOCAL name that it is bound to
	hostName   string // and how the host knows it
	afterClose func() // lets go of what hostName needs
}

// NewSocket is socket(2) without its flags. EAFNOSUPPORT: the host has no such
// family, or the machine no network.
func (k *Stack) NewSocket(family, typ, proto int) (*Socket, netbsd.Errno) {
	if family == netbsd.AF_ROUTE {
		return k.newRouteSocket(typ, proto)
	}
	if family == netbsd.AF_LINK {
		return k.newLinkSocket(typ, proto)
	}
	hf, ok := netbsd.LinuxFamily(family)
	if !ok || family == netbsd.AF_UNSPEC {
		return nil, netbsd.EAFNOSUPPORT
	}
	if typ < netbsd.SOCK_STREAM || typ > netbsd.SOCK_SEQPACKET {
		return nil, netbsd.EPROTOTYPE
	}
	newSocket := k.maker
	if family == netbsd.AF_LOCAL { // which is no network's
		newSocket = unix.Socket
	}
	hostProto := hostProtocol(family, typ, proto)
	fd, err := newSocket(hf, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, hostProto)
	if err != nil {
		return nil, socketErrno(err)
	}
	if family == netbsd.AF_INET6 {
		// NetBSD's default (net.inet6.ip6.v6only).
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	s, errno := k.wrapSocket(fd, family, typ)
	if errno == 0 {
		s.proto = proto
		s.hideRequests(hostProto)
		s.idle.Store(typ == netbsd.SOCK_STREAM || typ == netbsd.SOCK_SEQPACKET)
		if family == netbsd.AF_INET6 {
			s.options.Store(uint64(v6Only))
		}
	}
	return s, errno
}

// hostProtocol is the host's protocol of a socket. A raw one of protocol 0 receives in NetBSD what
// no other part of the kernel takes (rip_input), which is ICMP above all. The host has no such
// socket, so it is one of ICMP.
func hostProtocol(family, typ, proto int) int {
	switch {
	case typ != netbsd.SOCK_RAW || proto != 0:
	case family == netbsd.AF_INET:
		return unix.IPPROTO_ICMP
	case family == netbsd.AF_INET6:
		return unix.IPPROTO_ICMPV6
	}
	return proto
}

// socketErrno names the errors that both systems have for different causes.
func socketErrno(err error) netbsd.Errno {
	if err == unix.EINVAL || err == unix.ESOCKTNOSUPPORT {
		return netbsd.EPROTONOSUPPORT
	}
	return hostfile.Errno(err)
}

// NewSocketPair is socketpair(2), which l calls.
func (k *Stack) NewSocketPair(l file.Sleeper, family, typ, proto int) (a, b *Socket, errno netbsd.Errno) {
	switch hf, ok := netbsd.LinuxFamily(family); {
	case !ok || hf == unix.AF_UNSPEC:
		return nil, nil, netbsd.EAFNOSUPPORT
	case family != netbsd.AF_LOCAL:
		return nil, nil, netbsd.EOPNOTSUPP
	case typ < netbsd.SOCK_STREAM || typ > netbsd.SOCK_SEQPACKET:
		return nil, nil, netbsd.EPROTOTYPE
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return nil, nil, socketErrno(err)
	}
	a, errno = k.wrapSocket(fds[0], family, typ)
	if errno != 0 {
		unix.Close(fds[1])
		return nil, nil, errno
	}
	if b, errno = k.wrapSocket(fds[1], family, typ); errno != 0 {
		a.Close()
		return nil, nil, errno
	}
	pairUp(a, b, l)
	return a, b, 0
}

// wrapSocket owns fd, which doesn't block.
func (k *Stack) wrapSocket(fd, family, typ int) (*Socket, netbsd.Errno) {
	s := &Socket{stack: k, family: family, typ: typ}
	if family == netbsd.AF_LOCAL {
		s.local = &local{wish: &wishes{}, born: netbsd.TimespecAt(time.Now())}
	}
	s.InitSocket(k.host, fd)
	return s, 0
}

// Family and Type are socket(2)'s arguments.
func (s *Socket) Family() int { return s.family }

// Dtype implements file.Typed.
func (s *Socket) Dtype() uint32 { return netbsd.DTYPE_SOCKET }

// Type is SOCK_STREAM and the like.
func (s *Socket) Type() int { return s.typ }

// Stat is soo_stat. Nothing is said of any but local sockets.
func (s *Socket) Stat() (file.Stat, netbsd.Errno) {
	st := file.Stat{Mode: netbsd.S_IFSOCK}
	if s.local != nil {
		s.statLocal(&st)
	}
	return st, 0
}

// NoSigpipe reports SO_NOSIGPIPE.
func (s *Socket) NoSigpipe() bool { return s.has(netbsd.SO_NOSIGPIPE) }

// SetNoSigpipe sets SO_NOSIGPIPE as O_NOSIGPIPE of the open file is: they are one.
func (s *Socket) SetNoSigpipe(on bool) { s.setFlag(netbsd.SO_NOSIGPIPE, on) }

// Fail has the next call tell an error that this one cannot tell any more (so_error).
func (s *Socket) Fail(errno netbsd.Errno) { s.failed.Store(int32(errno)) }

// FailReceive is Fail for the next call that receives (so_rerror).
func (s *Socket) FailReceive(errno netbsd.Errno) { s.faulty.Store(int32(errno)) }

// ReceiveFailure takes what FailReceive has left, 0 if that is nothing.
func (s *Socket) ReceiveFailure() netbsd.Errno { return taken(&s.faulty, false) }

// receiveFailure is the error that who receives is told, if nothing has come. With peek it stays (soreceive).
func (s *Socket) receiveFailure(peek bool) netbsd.Errno {
	if errno := taken(&s.failed, peek); errno != 0 {
		return errno
	}
	return taken(&s.faulty, peek)
}

func taken(e *atomic.Int32, stays bool) netbsd.Errno {
	if v := e.Load(); v == 0 || stays {
		return netbsd.Errno(v)
	}
	return netbsd.Errno(e.Swap(0))
}

// Connects reports whether nothing goes through the socket but on a connection (PR_CONNREQUIRED).
func (s *Socket) Connects() bool {
	return s.typ == netbsd.SOCK_STREAM || s.typ == netbsd.SOCK_SEQPACKET
}

// unconnected reports whether there would have to be a connection, and is none: nobody has asked for one.
func (s *Socket) unconnected() bool {
	return s.Connects() && (s.idle.Load() || s.listening.Load())
}

// failure takes the error that waits, 0 if none does.
func (s *Socket) failure() netbsd.Errno {
	if s.failed.Load() == 0 {
		return 0
	}
	return netbsd.Errno(s.failed.Swap(0))
}

// Close shuts the socket and forgets its name.
func (s *Socket) Close() {
	s.mu.Lock()
	host, after := s.hostName, s.afterClose
	s.mu.Unlock()
	if host != "" {
		s.stack.names.Delete(host)
		s.unbound()
	}
	if s.route != nil {
		s.route.close()
	}
	s.stack.ports.free(s)
	s.File.Close()
	if after != nil {
		after()
	}
}

// Poll is sodopoll: there is no POLLHUP and no POLLERR of a socket. One that has ended in a direction is ready there, and one
// with an error in both (soreadable, sowritable). What the host thinks of a stream that nobody has connected yet counts for nothing.
func (s *Socket) Poll(want file.Events) file.Events {
	const reads, writes, urgent = file.In | file.RdNorm, file.Out, file.Pri | file.RdBand
	ask := want
	if want&urgent != 0 {
		ask |= file.Pri
	}
	ev := file.Events(0)
	if !s.idle.Load() {
		ev = s.File.Poll(ask)
	}
	if ev&file.Hup != 0 { // the host says so of both directions
		ev |= reads | writes | file.RdHup | file.WrHup
	}
	if ev&file.Err != 0 || s.failed.Load() != 0 {
		ev |= reads | writes
	}
	if ev&file.Pri != 0 {
		ev |= urgent
	}
	if s.cantSend.Load() {
		ev |= writes | file.WrHup
	}
	if s.cantRecv.Load() {
		ev |= reads | file.RdHup
	}
	if s.faulty.Load() != 0 {
		ev |= reads
	}
	return ev & want &^ (file.Hup | file.Err)
}

// ReadCount is what there is to read; of a listening socket, how many wait to be accepted (filt_solisten).
func (s *Socket) ReadCount() int64 {
	switch {
	case !s.listening.Load():
		return s.File.ReadCount()
	case s.File.Poll(file.In) == 0:
		return 0
	case s.local != nil:
		return max(1, s.local.waiting())
	}
	if info, err := unix.GetsockoptTCPInfo(s.FD(), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
		return max(1, int64(info.Unacked)) // of a socket that listens the length of its queue
	}
	return 1
}

// PendingErrno implements file.Failing. The host's error becomes the kernel's, as it tells of it once; not where host processes would miss it.
func (s *Socket) PendingErrno() netbsd.Errno {
	if !s.lent.Load() && !s.exported.Load() && s.failed.Load() == 0 && s.File.Poll(0)&file.Err != 0 {
		if v, err := unix.GetsockoptInt(s.FD(), unix.SOL_SOCKET, unix.SO_ERROR); err == nil && v != 0 && !s.endsInReset(unix.Errno(v)) {
			s.Fail(netbsd.FromLinux(v))
		}
	}
	return netbsd.Errno(s.failed.Load())
}

// WriteCount is the room in the send buffer.
func (s *Socket) WriteCount() int64 {
	size, err := unix.GetsockoptInt(s.FD(), unix.SOL_SOCKET, unix.SO_SNDBUF)
	if err != nil {
		return roomUnknown
	}
	queued, err := unix.IoctlGetInt(s.FD(), unix.TIOCOUTQ)
	if err != nil {
		queued = 0
	}
	return int64(max(1, size/2-queued))
}

// Undelivered implements file.Drainer: what TCP's other side has not acknowledged. Other sockets keep nothing.
func (s *Socket) Undelivered() (left int64, come uint64) {
	if !s.MayLend() || s.listening.Load() {
		return 0, 0
	}
	n, err := unix.IoctlGetInt(s.FD(), unix.TIOCOUTQ)
	if err != nil {
		return 0, 0
	}
	// Behind the other: what comes in between is told along with this.
	if info, err := unix.GetsockoptTCPInfo(s.FD(), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
		come = info.Bytes_acked
	}
	return int64(n), come
}

// Ioctl serves SIOCATMARK (sockatmark(3)): whether the next byte is the urgent one. Sockets that
// have no such byte, and of which the host will not say it, are never there (soo_ioctl). The rest is
// not for sockets alone.
func (s *Socket) Ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	if cmd>>8&0xff == 'i' {
		return s.interfaceIoctl(cmd, data)
	}
	switch cmd {
	case netbsd.SIOCATMARK:
	case netbsd.FIONWRITE:
		return file.PutInt(data, s.unsent())
	case netbsd.FIOASYNC, netbsd.FIONREAD, netbsd.FIONSPACE,
		netbsd.FIOSETOWN, netbsd.FIOGETOWN, netbsd.SIOCSPGRP, netbsd.SIOCGPGRP, netbsd.TIOCSPGRP, netbsd.TIOCGPGRP:
		return s.File.Ioctl(c, cmd, data)
	default:
		switch {
		case cmd == netbsd.SIOCPEELOFF: // do_sys_peeloff without SCTP
			return netbsd.EOPNOTSUPP
		case s.family == netbsd.AF_INET: // in_control
			return netbsd.ENOTTY
		case s.family == netbsd.AF_INET6 && (cmd == netbsd.SIOCAADDRCTL_POLICY || cmd == netbsd.SIOCDADDRCTL_POLICY):
			return netbsd.EPERM
		}
		return netbsd.EOPNOTSUPP // unp_ioctl, in6_control1, raw_ioctl
	}
	mark, err := unix.IoctlGetInt(s.FD(), unix.SIOCATMARK)
	if err != nil {
		mark = 0
	}
	binary.LittleEndian.PutUint32(data, uint32(mark))
	return 0
}

// unsent is how many bytes are in the socket's own queue: of TCP what the peer has not acknowledged, of others nothing, as what they send is
// queued by who receives it.
func (s *Socket) unsent() int {
	if s.local != nil || s.typ != netbsd.SOCK_STREAM {
		return 0
	}
	n, err := unix.IoctlGetInt(s.FD(), unix.TIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// roomUnknown is what WriteCount says where the host doesn't.
const roomUnknown = netbsd.PIPE_BUF

// deadline makes the time until which a call waits of a timeout option.
func (s *Socket) deadline(of *time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *of == 0 {
		return time.Time{}
	}
	return time.Now().Add(*of)
}

// wait runs try now and again until it returns anything but EAGAIN, or the time of
// a timeout option is up, which is EAGAIN again.
func (s *Socket) wait(c file.Call, mask file.Events, timeo *time.Duration, try func() (int, netbsd.Errno)) (int, netbsd.Errno) {
	n, errno := try()
	if errno != netbsd.EAGAIN || c.Nonblock {
		return n, errno
	}
	return file.BlockUntil(c, s, mask, s.deadline(timeo), try)
}

// MayConnect is what soconnect looks at before the address itself. EOPNOTSUPP: it listens. EISCONN. EAFNOSUPPORT: the family is
// another one's; a datagram socket has no peer then.
func (s *Socket) MayConnect(family int) netbsd.Errno {
	if s.listening.Load() {
		return netbsd.EOPNOTSUPP
	}
	if s.Connects() && !s.idle.Load() {
		if _, err := unix.Getpeername(s.FD()); err == nil {
			return netbsd.EISCONN
		}
	}
	if family != s.family {
		s.Dissolve()
		return netbsd.EAFNOSUPPORT
	}
	return 0
}

// Connect is connect(2). A call that is interrupted goes on connecting; asking
// again says EALREADY. A datagram socket has no peer any more when it is to have another, even if
// that cannot be one (soconnect).
func (s *Socket) Connect(c file.Call, a *netbsd.Sockaddr) netbsd.Errno {
	if s.family == netbsd.AF_LINK {
		return netbsd.EOPNOTSUPP
	}
	sa, errno := toHostAddr(a, s.family)
	if errno != 0 {
		s.Dissolve()
		return errno
	}
	s.idle.Store(false)
	had := s.hasPeer.Swap(true)
	var m *meeting
	err := hostfile.Retry(func() (err error) {
		if s.family == netbsd.AF_LOCAL {
			m, err = s.connectLocal(c.L, sa, a.Path)
			return err
		}
		return unix.Connect(s.FD(), sa)
	})
	switch {
	case m != nil:
		return m.await(c)
	case err == unix.EAGAIN: // a local socket whose backlog is full
		s.refused(had)
		return netbsd.ECONNREFUSED
	case err != unix.EINPROGRESS:
		if err != nil && err != unix.EALREADY && err != unix.EISCONN {
			s.refused(had)
		}
		return hostfile.Errno(err)
	case c.Nonblock:
		return netbsd.EINPROGRESS
	}
	_, errno = s.wait(c, file.Writable, &s.sendTimeo, s.connected)
	if errno == netbsd.ERESTART { // connect(2) again would be EALREADY
		errno = netbsd.EINTR
	}
	return errno
}

// refused ends a connect(2) that has failed. The host lets a datagram socket have the peer that it had.
func (s *Socket) refused(had bool) {
	s.idle.Store(s.typ == netbsd.SOCK_STREAM || s.typ == netbsd.SOCK_SEQPACKET)
	if had {
		s.Dissolve()
	}
	s.hasPeer.Store(false)
}

// Dissolve has a datagram socket have no peer, as it is to have another one that it cannot have (soconnect).
func (s *Socket) Dissolve() {
	if s.typ != netbsd.SOCK_DGRAM || !s.hasPeer.Swap(false) {
		return
	}
	var unspecified [16]byte // a struct sockaddr of AF_UNSPEC
	unix.Syscall(unix.SYS_CONNECT, uintptr(s.FD()), uintptr(unsafe.Pointer(&unspecified[0])), uintptr(len(unspecified)))
	if s.local != nil {
		s.local.peer.Store(nil)
	}
}

// connected reports how a connect went; EAGAIN while it is on its way.
func (s *Socket) connected() (int, netbsd.Errno) {
	if s.File.Poll(file.Out)&(file.Out|file.Hup|file.Err) == 0 {
		return 0, netbsd.EAGAIN
	}
	v, err := unix.GetsockoptInt(s.FD(), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return 0, hostfile.Errno(err)
	}
	return 0, netbsd.FromLinux(v)
}

// Bind is bind(2). For AF_LOCAL the path is the host's, and guest is the name
// that the program knows; after is called when the socket is closed.
func (s *Socket) Bind(l file.Sleeper, a *netbsd.Sockaddr, guest string, after func()) netbsd.Errno {
	if s.family == netbsd.AF_LINK {
		return netbsd.EOPNOTSUPP
	}
	sa, errno := toHostAddr(a, s.family)
	if errno != 0 {
		return errno
	}
	if portOf(sa) != nil {
		return s.stack.ports.bind(s, sa, a.Addr)
	}
	if err := unix.Bind(s.FD(), sa); err != nil {
		return hostfile.Errno(err)
	}
	if s.family == netbsd.AF_LOCAL {
		s.mu.Lock()
		s.guestName, s.hostName, s.afterClose = guest, a.Path, after
		s.mu.Unlock()
		s.stack.names.Store(a.Path, guest)
		s.boundBy(l, a.Path)
	}
	return 0
}

// The ports that IP_PORTRANGE_LOW means (net.inet.ip.lowportmin and lowportmax).
const lowPortMin, lowPortMax = 600, 1023

// bindPort binds to the port of an address, or to a free one: the highest of the low ones if they
// are asked for (in_pcbsetport).
func (s *Socket) bindPort(sa unix.Sockaddr) error {
	port := portOf(sa)
	if port == nil || *port != 0 || !s.has(lowPort) {
		return unix.Bind(s.FD(), sa)
	}
	for *port = lowPortMax; *port >= lowPortMin; *port-- {
		if err := unix.Bind(s.FD(), sa); err != unix.EADDRINUSE {
			return err
		}
	}
	return unix.EAGAIN
}

// portOf is where an address has its port, nil if it has none.
func portOf(sa unix.Sockaddr) *int {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return &sa.Port
	case *unix.SockaddrInet6:
		return &sa.Port
	}
	return nil
}

// LowPort reports whether the socket is to have a low port (IP_PORTRANGE_LOW), which is the
// superuser's.
func (s *Socket) LowPort() bool { return s.has(lowPort) }

// Listen is listen(2).
func (s *Socket) Listen(backlog int) netbsd.Errno {
	// As many as sonewconn lets wait; the host's one is as well one less.
	errno := hostfile.Errno(unix.Listen(s.FD(), 3*min(max(backlog, 0), netbsd.SOMAXCONN)/2))
	if errno == 0 {
		s.idle.Store(false)
		s.listening.Store(true)
	}
	return errno
}

// Accept is accept(2).
func (s *Socket) Accept(c file.Call) (*Socket, netbsd.Sockaddr, netbsd.Errno) {
	var from unix.Sockaddr
	fd, errno := s.wait(c, file.Readable, &s.recvTimeo, func() (int, netbsd.Errno) {
		if s.exported.Load() && s.File.Poll(file.In) == 0 {
			return -1, netbsd.EAGAIN
		}
		for {
			fd, sa, err := unix.Accept4(s.FD(), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			switch {
			case err == unix.EINTR:
				continue
			case s.cantRecv.Load() && (err == unix.EAGAIN || err == unix.EINVAL):
				return -1, s.abortedErrno(c)
			}
			from = sa
			return fd, hostfile.Errno(err)
		}
	})
	if errno != 0 {
		return nil, netbsd.Sockaddr{}, errno
	}
	n, errno := s.stack.wrapSocket(fd, s.family, s.typ)
	if errno == 0 {
		n.proto, n.Owner = s.proto, s.Owner
		n.inherit(s)
	}
	if u, ok := from.(*unix.SockaddrUnix); ok && errno == 0 {
		n.met(s, u.Name)
	}
	return n, s.fromHostAddr(from), errno
}

// abortedErrno is what accept(2) says where nobody waits any more, and none will come (do_sys_accept).
func (s *Socket) abortedErrno(c file.Call) netbsd.Errno {
	switch {
	case !s.listening.Load():
		return netbsd.EINVAL
	case c.Nonblock:
		return netbsd.EAGAIN
	}
	return netbsd.ECONNABORTED
}

// Name is getsockname(2).
func (s *Socket) Name() (netbsd.Sockaddr, netbsd.Errno) {
	if s.family == netbsd.AF_LINK {
		return netbsd.Sockaddr{}, netbsd.EOPNOTSUPP
	}
	sa, err := unix.Getsockname(s.FD())
	return s.fromHostAddr(sa), hostfile.Errno(err)
}

// Peer is getpeername(2).
func (s *Socket) Peer() (netbsd.Sockaddr, netbsd.Errno) {
	sa, err := unix.Getpeername(s.FD())
	return s.fromHostAddr(sa), hostfile.Errno(err)
}

// Shutdown is shutdown(2); the three ways have the host's numbers.
func (s *Socket) Shutdown(how int) netbsd.Errno {
	if how < netbsd.SHUT_RD || how > netbsd.SHUT_RDWR {
		return netbsd.EINVAL
	}
	if s.family == netbsd.AF_LINK {
		return netbsd.EOPNOTSUPP
	}
	if how != netbsd.SHUT_WR {
		s.flush()
	}
	if how = s.hostShut(how); how >= 0 {
		if err := unix.Shutdown(s.FD(), how); err != nil && err != unix.ENOTCONN {
			return hostfile.Errno(err)
		}
	}
	if how > netbsd.SHUT_RD {
		s.cantSend.Store(true)
		s.shut.Notify(file.WrHup)
		s.Notify(file.Out | file.WrHup)
	}
	return 0
}

// hostShut is what the host is to shut, -1 for nothing. That a local socket receives no more is not the other end's matter (sorflush), which the
// host would have send no more.
func (s *Socket) hostShut(how int) int {
	switch {
	case s.local == nil || how == netbsd.SHUT_WR:
		return how
	case how == netbsd.SHUT_RD:
		return -1
	}
	return netbsd.SHUT_WR
}

// flush is sorflush: the socket is at its end, and what has come is gone. What comes later can be read of a local socket alone (unp_send).
func (s *Socket) flush() {
	s.cantRecv.Store(true)
	s.discard()
	s.Notify(file.In | file.RdNorm | file.RdHup)
}

// discardMost bounds what a call discards: somebody may send all the time.
const discardMost = 1 << 10

func (s *Socket) discard() {
	if s.unconnected() || s.route != nil {
		return
	}
	b, oob := make([]byte, 16<<10), make([]byte, unix.CmsgSpace(4*(maxRights+1)))
	for range discardMost {
		var m Message
		if n, errno := s.tryRecv(b, oob, 0, &m, false); errno != 0 || n == 0 && s.Connects() {
			return
		}
	}
}

// WatchShut implements file.Shutter.
func (s *Socket) WatchShut(w *file.Waiter) { s.shut.Add(w) }

// UnwatchShut implements file.Shutter.
func (s *Socket) UnwatchShut(w *file.Waiter) { s.shut.Remove(w) }

// Pathconf implements file.Pathconfer.
func (s *Socket) Pathconf(name int) (int64, netbsd.Errno) { return file.PipePathconf(name) }

// KnoteLowat says that kevent(2) has NOTE_LOWAT for sockets (filt_soread).
func (s *Socket) KnoteLowat() {}
