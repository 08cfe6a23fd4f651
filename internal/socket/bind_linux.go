package socket

import (
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// This file binds sockets of the internet to ports. With SO_REUSEADDR the host lets two sockets
// have one address, datagram sockets always and others until one listens. NetBSD does so with
// SO_REUSEPORT alone, but for groups (in_pcbbind_port, in6_pcbbind_port), so the kernel keeps the
// addresses that are taken. What programs of the host have bound it cannot see.

// ports are the addresses that the machine's sockets are bound to.
type ports struct {
	mu    sync.Mutex // guards what follows, and is held while the host binds
	taken map[port][]*Socket
}

// port is an address as one that can be taken.
type port struct {
	family, typ int
	addr        netip.AddrPort
}

// bind binds s in the host, if no other socket has the address by itself. EADDRINUSE.
func (p *ports) bind(s *Socket, sa unix.Sockaddr, want netip.AddrPort) netbsd.Errno {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := port{s.family, s.typ, want}
	if slices.ContainsFunc(p.taken[k], func(other *Socket) bool { return !other.hasPeer.Load() && !mayShare(s, other, want.Addr()) }) {
		return netbsd.EADDRINUSE
	}
	if err := s.bindPort(sa); err != nil {
		return hostfile.Errno(err)
	}
	name, errno := s.Name()
	if errno != 0 || name.Addr.Port() == 0 {
		return 0
	}
	k.addr = name.Addr
	if p.taken == nil {
		p.taken = map[port][]*Socket{}
	}
	p.taken[k] = append(p.taken[k], s)
	s.port = &k
	return 0
}

// mayShare reports whether a and b may have one address.
func mayShare(a, b *Socket, addr netip.Addr) bool {
	bits := options(netbsd.SO_REUSEPORT)
	if addr.IsMulticast() {
		bits |= netbsd.SO_REUSEADDR
	}
	return a.has(bits) && b.has(bits)
}

// free forgets the address of s, which is closed.
func (p *ports) free(s *Socket) {
	if s.port == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k := *s.port
	if p.taken[k] = slices.DeleteFunc(p.taken[k], func(x *Socket) bool { return x == s }); len(p.taken[k]) == 0 {
		delete(p.taken, k)
	}
}
