package syscalls

import (
	"toaster/internal/file"
	"toaster/internal/socket"
	"toaster/kern"
	"toaster/netbsd"
)

// This file holds what of the network is the superuser's. The host judges by who
// toaster is, so that it says nothing of a guest that is somebody else.

// mayOpenSocket is socket_listener_cb of uipc_socket.c: raw sockets are the
// superuser's, but for those of the routing and local families.
func (c *Call) mayOpenSocket(family, typ int) netbsd.Errno {
	if typ != netbsd.SOCK_RAW || family == netbsd.AF_LOCAL || family == netbsd.AF_ROUTE {
		return 0
	}
	return c.suser()
}

// portReserved is IPPORT_RESERVED: ports below are the superuser's to bind.
const portReserved = 1024

// mayBindPort is in_pcbbind_port's and in6_pcbbind_port's check; EACCES, not EPERM.
// A port that the kernel chooses is as one that is named (in_pcbsetport).
func (c *Call) mayBindPort(s *socket.Socket, a *netbsd.Sockaddr) netbsd.Errno {
	if a.Family != netbsd.AF_INET && a.Family != netbsd.AF_INET6 {
		return 0
	}
	port := a.Addr.Port()
	if low := port == 0 && s.LowPort(); !low && (port == 0 || port >= portReserved) || c.suser() == 0 {
		return 0
	}
	return netbsd.EACCES
}

// suser is EPERM for a guest that neither is root nor the user that toaster runs as:
// the latter may what the host lets it.
func (c *Call) suser() netbsd.Errno {
	v := View(c.L)
	if v.NotHost() && !v.Cred.IsRoot() {
		return netbsd.EPERM
	}
	return 0
}

// Sockcred is who makes a call, as messages of local sockets tell it (unp_addsockcred).
func Sockcred(l file.Sleeper) netbsd.Sockcred {
	p := l.(*kern.LWP).Proc()
	c := p.Cred()
	return netbsd.Sockcred{Pid: int32(p.Pid()), UID: c.RUID, EUID: c.EUID, GID: c.RGID, EGID: c.EGID, Groups: c.Groups}
}
