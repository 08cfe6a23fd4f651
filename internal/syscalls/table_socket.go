package syscalls

import "toaster/netbsd"

var socketCalls = []Syscall{
	{netbsd.SYS_recvmsg, "s fd, msg <>msghdr, flags |msg", netbsd.RetSize, Full, recvmsg, ""},
	{netbsd.SYS_sendmsg, "s fd, msg <msghdr, flags |msg", netbsd.RetSize, Full, sendmsg, ""},
	{netbsd.SYS_recvfrom, "s fd, buf >buf[len], len size, flags |msg, from >sockaddr[*fromlen], fromlen <>socklen", netbsd.RetSize, Full, recvfrom, ""},
	{netbsd.SYS_accept, "s fd, name >sockaddr[*namelen], namelen <>socklen", netbsd.RetFd, Full, accept, ""},
	{netbsd.SYS_getpeername, "fdes fd, asa >sockaddr[*alen], alen <>socklen", netbsd.RetInt, Full, getpeername, ""},
	{netbsd.SYS_getsockname, "fdes fd, asa >sockaddr[*alen], alen <>socklen", netbsd.RetInt, Full, getsockname, ""},
	{netbsd.SYS_connect, "s fd, name <sockaddr[namelen], namelen uint", netbsd.RetInt, Full, connect, ""},
	{netbsd.SYS_bind, "s fd, name <sockaddr[namelen], namelen uint", netbsd.RetInt, Full, bind, ""},
	{netbsd.SYS_setsockopt, "s fd, level =sollevel, name =sockopt, val <buf[valsize], valsize uint", netbsd.RetInt, Full, setsockopt, ""},
	{netbsd.SYS_listen, "s fd, backlog int", netbsd.RetInt, Full, listen, ""},
	{netbsd.SYS_getsockopt, "s fd, level =sollevel, name =sockopt, val >buf[*avalsize], avalsize <>socklen", netbsd.RetInt, Full, getsockopt, ""},
	{netbsd.SYS_sendto, "s fd, buf <buf[len], len size, flags |msg, to <sockaddr[tolen], tolen uint", netbsd.RetSize, Full, sendto, ""},
	{netbsd.SYS_shutdown, "s fd, how =shut", netbsd.RetInt, Full, shutdown, ""},
	{netbsd.SYS_socketpair, "domain =af, type |sock, protocol int, rsv >int[2]", netbsd.RetInt, Full, socketpair, ""},
	{netbsd.SYS_getsockopt2, "s fd, level =sollevel, name =sockopt, val <>buf[*avalsize], avalsize <>socklen", netbsd.RetInt, Full, getsockopt2, "since 10"},
	{netbsd.SYS___socket30, "domain =af, type |sock, protocol =ipproto", netbsd.RetFd, Full, newSocket, ""},
	{netbsd.SYS_paccept, "s fd, name >sockaddr[*anamelen], anamelen <>socklen, mask <sigset, flags |sock", netbsd.RetFd, Full, paccept, ""},
	{netbsd.SYS_recvmmsg, "s fd, mmsg <>mmsghdr[vlen], vlen uint, flags |msg, timeout <timespec", netbsd.RetSize, Full, recvmmsg, "since 7"},
	{netbsd.SYS_sendmmsg, "s fd, mmsg <>mmsghdr[vlen], vlen uint, flags |msg", netbsd.RetSize, Full, sendmmsg, "since 7"},
}
