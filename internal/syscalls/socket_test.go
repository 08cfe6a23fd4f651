package syscalls

import (
	"fmt"
	"strings"
	"testing"

	"toaster/netbsd"
)

// sun is the address of a local socket.
func sun(name string) []byte {
	return append([]byte{byte(2 + len(name)), netbsd.AF_LOCAL}, name...)
}

// msghdr is a struct msghdr in memory whose vector has the parts given.
func msghdr(parts ...any) func(p *player) uint64 {
	return func(p *player) uint64 {
		return p.mem.put(longs(0, 0, iov(parts...)(p), uint64(len(parts)), 0, 0))
	}
}

// rights is a struct msghdr with a byte, and a control message that has descriptors.
func rights(fds ...uint32) func(p *player) uint64 {
	return func(p *player) uint64 {
		control := netbsd.AppendCmsg(nil, netbsd.Cmsg{Level: netbsd.SOL_SOCKET, Type: netbsd.SCM_RIGHTS, Data: words(fds...)})
		h := netbsd.Msghdr{Iov: iov([]byte("x"))(p), Iovlen: 1, Control: p.mem.put(control), Controllen: uint32(len(control))}
		return p.mem.put(encoded(netbsd.SizeofMsghdr, h.Encode))
	}
}

// controlled is a struct msghdr with a part and control messages.
func controlled(part any, control []byte) func(p *player) uint64 {
	return func(p *player) uint64 {
		h := netbsd.Msghdr{Iov: iov(part)(p), Iovlen: 1, Control: p.mem.put(control), Controllen: uint32(len(control))}
		return p.mem.put(encoded(netbsd.SizeofMsghdr, h.Encode))
	}
}

// told wants one control message to have come, for which there was room.
func told(want netbsd.Cmsg) func(r *result) string {
	return func(r *result) string {
		h := netbsd.DecodeMsghdr(r.mem(1, netbsd.SizeofMsghdr))
		b := make([]byte, h.Controllen)
		r.p.mem.Read(h.Control, b)
		got, errno := netbsd.ParseCmsgs(b)
		if errno != 0 || len(got) != 1 || got[0].Type != want.Type || string(got[0].Data) != string(want.Data) {
			return fmt.Sprintf("%+v, %v, want %+v", got, errno, want)
		}
		return ""
	}
}

// mmsgs are struct mmsghdr, each with a vector of one part and a length that is not looked at;
// nil is one whose vector is too long.
func mmsgs(parts ...any) func(p *player) uint64 {
	return func(p *player) uint64 {
		var b []byte
		for _, part := range parts {
			if part == nil {
				b = append(b, longs(0, 0, 0, netbsd.IOV_MAX+1, 0, 0, 0)...)
				continue
			}
			b = append(b, longs(0, 0, iov(part)(p), 1, 0, 0, 0xffff_ffff)...)
		}
		return p.mem.put(b)
	}
}

// lengths wants n messages, of so many bytes each.
func lengths(n uint64, want ...uint32) func(r *result) string {
	return func(r *result) string {
		if r.ret[0] != n {
			return fmt.Sprintf("returned %d, want %d", r.ret[0], n)
		}
		for i, v := range want {
			b := r.mem(1, (i+1)*netbsd.SizeofMmsghdr)
			if got := le.Uint32(b[i*netbsd.SizeofMmsghdr+netbsd.SizeofMsghdr:]); got != v {
				return fmt.Sprintf("message %d has %d bytes, want %d", i, got, v)
			}
		}
		return ""
	}
}

// socketStat wants what unp_stat says.
func socketStat(ino uint64) func(r *result) string {
	return func(r *result) string {
		st := netbsd.DecodeStat(r.mem(1, netbsd.SizeofStat))
		cred := r.p.c.L.Proc().Cred()
		if st.Mode != netbsd.S_IFSOCK || st.Ino != ino || st.Dev != 1<<64-1 || st.Nlink != 0 || st.UID != cred.EUID || st.GID != cred.EGID ||
			st.Blksize != 8192 || st.Ctime.Sec == 0 || st.Atime != st.Ctime {
			return fmt.Sprintf("%+v", st)
		}
		return ""
	}
}

func TestSocket(t *testing.T) {
	const stream, dgram, local = netbsd.SOCK_STREAM, netbsd.SOCK_DGRAM, netbsd.AF_LOCAL
	hello := []byte("hello")
	long := strings.Repeat("n", 104)
	inet4 := make([]byte, 16)
	inet4[0], inet4[1] = 16, netbsd.AF_INET
	fileStages(t, map[string][]row{
		"pairs": {
			{"socketpair(2): EFAULT, and nothing stays open", netbsd.SYS_socketpair, args{local, stream, 0, bad}, netbsd.EFAULT, nil, nil},
			{"socketpair(2)", netbsd.SYS_socketpair, args{local, stream | netbsd.SOCK_NONBLOCK, 0, room(8)}, 0, out{3, words(0, 1)}, nil},
			{"sendto(2): EBADF", netbsd.SYS_sendto, args{9, hello, 5, 0, 0, 0}, netbsd.EBADF, nil, nil},
			{"sendto(2): EFAULT", netbsd.SYS_sendto, args{0, bad, 5, 0, 0, 0}, netbsd.EFAULT, nil, nil},
			{"recvfrom(2): EAGAIN", netbsd.SYS_recvfrom, args{1, room(9), 9, 0, 0, 0}, netbsd.EAGAIN, nil, nil},
			{"sendto(2)", netbsd.SYS_sendto, args{0, hello, 5, 0, 0, 0}, 0, 5, nil},
			{"recvfrom(2): MSG_PEEK", netbsd.SYS_recvfrom, args{1, room(9), 9, netbsd.MSG_PEEK, 0, 0}, 0, out{1, []byte("hello\xa5")}, nil},
			{"recvfrom(2)", netbsd.SYS_recvfrom, args{1, room(9), 9, 0, 0, 0}, 0, 5, nil},
			{"sendmsg(2): EFAULT", netbsd.SYS_sendmsg, args{0, bad, 0}, netbsd.EFAULT, nil, nil},
			{"sendmsg(2)", netbsd.SYS_sendmsg, args{0, msghdr([]byte("ab"), []byte("c")), 0}, 0, 3, nil},
			{"recvmsg(2): EFAULT", netbsd.SYS_recvmsg, args{1, bad, 0}, netbsd.EFAULT, nil, nil},
			{"recvmsg(2)", netbsd.SYS_recvmsg, args{1, msghdr(room(2), room(9)), 0}, 0, 3, nil},
			{"write(2)", netbsd.SYS_write, args{1, hello, 5}, 0, 5, nil},
			{"read(2)", netbsd.SYS_read, args{0, room(9), 9}, 0, out{1, []byte("hello\xa5")}, nil},
			{"getsockname(2)", netbsd.SYS_getsockname, args{0, room(16), words(16)}, 0, nil, nil},
			{"getpeername(2): EFAULT", netbsd.SYS_getpeername, args{0, room(16), bad}, netbsd.EFAULT, nil, nil},
			{"shutdown(2): EINVAL", netbsd.SYS_shutdown, args{0, 9}, netbsd.EINVAL, nil, nil},
			{"shutdown(2)", netbsd.SYS_shutdown, args{0, 1}, 0, 0, nil},
			{"read(2): the end", netbsd.SYS_read, args{1, room(9), 9}, 0, 0, nil},
			{"getsockopt(2): SO_TYPE", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_TYPE, room(4), words(4)}, 0, out{3, words(stream)}, nil},
			{"soo_ioctl: SIOCATMARK of a socket without an urgent byte", netbsd.SYS_ioctl, args{0, netbsd.SIOCATMARK, room(4)}, 0, out{2, words(0)}, nil},
			{"ioctl(2): EFAULT", netbsd.SYS_ioctl, args{0, netbsd.SIOCATMARK, bad}, netbsd.EFAULT, nil, nil},
			{"unp_ioctl: EOPNOTSUPP", netbsd.SYS_ioctl, args{0, netbsd.TIOCGETA, room(64)}, netbsd.EOPNOTSUPP, nil, nil},
			{"ifconf: the length of nothing", netbsd.SYS_ioctl, args{0, netbsd.SIOCGIFCONF, longs(999, 0)}, 0, out{2, longs(0, 0)}, nil},
			{"doifioctl: ENXIO for no such interface", netbsd.SYS_ioctl, args{0, netbsd.SIOCGIFMTU, make([]byte, netbsd.SizeofIfreq)}, netbsd.ENXIO, nil, nil},
			{"soo_ioctl: SIOCGPGRP", netbsd.SYS_ioctl, args{0, netbsd.SIOCGPGRP, room(4)}, 0, out{2, words(0)}, nil},
			{"sogetopt1: an option that is off is 0", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_KEEPALIVE, room(4), words(4)}, 0, out{3, words(0)}, nil},
			{"setsockopt(2): on is any number but 0", netbsd.SYS_setsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_KEEPALIVE, words(7), 4}, 0, 0, nil},
			{"sogetopt1: an option that is on is 1", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_KEEPALIVE, room(4), words(4)}, 0, out{3, words(1)}, nil},
			{"setsockopt(2): SO_NOSIGPIPE", netbsd.SYS_setsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_NOSIGPIPE, words(7), 4}, 0, 0, nil},
			{"sogetopt1: SO_NOSIGPIPE is 1", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_NOSIGPIPE, room(4), words(4)}, 0, out{3, words(1)}, nil},
			{"sogetopt1: SO_ACCEPTCONN is 0", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_ACCEPTCONN, room(4), words(4)}, 0, out{3, words(0)}, nil},
			{"getsockopt(2): ENOPROTOOPT", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, 0x7777, room(4), words(4)}, netbsd.ENOPROTOOPT, nil, nil},
			{"getsockopt(2): EFAULT for the length", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_TYPE, room(4), bad}, netbsd.EFAULT, nil, nil},
			{"setsockopt(2)", netbsd.SYS_setsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_RCVBUF, words(8192), 4}, 0, 0, nil},
			{"sys_setsockopt: EINVAL for no value comes before EBADF", netbsd.SYS_setsockopt, args{9, netbsd.SOL_SOCKET, netbsd.SO_RCVBUF, 0, 4}, netbsd.EINVAL, nil, nil},
			{"sys_setsockopt: EINVAL for more than MCLBYTES", netbsd.SYS_setsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_RCVBUF, room(8), 2049}, netbsd.EINVAL, nil, nil},
			{"sys_setsockopt: a value of no bytes", netbsd.SYS_setsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_RCVBUF, 0, 0}, netbsd.EINVAL, nil, nil},
			{"sys_getsockopt: without room the option is looked up, and nothing stored", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_RCVBUF, 0, bad}, 0, 0, nil},
			{"sys_getsockopt: ENOPROTOOPT without room", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, 0x7777, 0, 0}, netbsd.ENOPROTOOPT, nil, nil},
			{"sys_getsockopt: EFAULT for the length comes before EBADF", netbsd.SYS_getsockopt, args{9, netbsd.SOL_SOCKET, netbsd.SO_TYPE, room(4), bad}, netbsd.EFAULT, nil, nil},
			{"sys_getsockopt: cut to the room", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_RCVBUF, room(4), words(1)}, 0, out{3, []byte{0, 0xa5}}, nil},
			{"getsockopt2", netbsd.SYS_getsockopt2, args{0, netbsd.SOL_SOCKET, netbsd.SO_RCVBUF, room(4), words(9)}, 0, out{3, words(8192)}, nil},
			{"getsockopt2: EBADF", netbsd.SYS_getsockopt2, args{9, netbsd.SOL_SOCKET, netbsd.SO_RCVBUF, room(4), words(4)}, netbsd.EBADF, nil, nil},
			{"getsockopt2: EFAULT", netbsd.SYS_getsockopt2, args{0, netbsd.SOL_SOCKET, netbsd.SO_RCVBUF, bad, words(4)}, netbsd.EFAULT, nil, nil},
			{"fcntl(2)", netbsd.SYS_fcntl, args{0, netbsd.F_SETFL, netbsd.O_NONBLOCK}, 0, nil, nil},
			{"sys_getsockopt: SO_NOSIGPIPE is O_NOSIGPIPE of the file", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_NOSIGPIPE, room(4), words(4)}, 0, out{3, words(0)}, nil},
			{"do_sys_sendmsg: EINVAL for a control message shorter than its header", netbsd.SYS_sendmsg, args{0, controlled([]byte("x"), make([]byte, 15)), 0}, netbsd.EINVAL, nil, nil},
			{"sockargs: EINVAL for control messages of more than a page", netbsd.SYS_sendmsg, args{0, controlled([]byte("x"), make([]byte, 4097)), 0}, netbsd.EINVAL, nil, nil},
			{"unp_internalize: EINVAL for anything but rights", netbsd.SYS_sendmsg, args{0, controlled([]byte("x"),
				netbsd.AppendCmsg(nil, netbsd.Cmsg{Level: netbsd.SOL_SOCKET, Type: netbsd.SCM_CREDS, Data: words(1, 2, 3, 4, 5, 0, 0)})), 0}, netbsd.EINVAL, nil, nil},
			{"setsockopt(2): EFAULT", netbsd.SYS_setsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_RCVBUF, bad, 4}, netbsd.EFAULT, nil, nil},
		},
		"local": {
			{"socket(2)", netbsd.SYS___socket30, args{local, stream | netbsd.SOCK_CLOEXEC, 0}, 0, 0, nil},
			{"fcntl(2): SOCK_CLOEXEC", netbsd.SYS_fcntl, args{0, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOEXEC, nil},
			{"getpeername(2): ENOTCONN", netbsd.SYS_getpeername, args{0, room(16), words(16)}, netbsd.ENOTCONN, nil, nil},
			{"bind(2): EFAULT", netbsd.SYS_bind, args{0, bad, 8}, netbsd.EFAULT, nil, nil},
			{"sockargs_sb: EINVAL for more than 255 bytes", netbsd.SYS_bind, args{0, sun("s"), 256}, netbsd.EINVAL, nil, nil},
			{"sockargs_sb: EINVAL for nothing behind the family", netbsd.SYS_bind, args{0, sun(""), 2}, netbsd.EINVAL, nil, nil},
			{"bind(2): ENOENT for no name", netbsd.SYS_bind, args{0, sun("\x00"), 3}, netbsd.ENOENT, nil, nil},
			{"bind(2)", netbsd.SYS_bind, args{0, sun("sock"), 6}, 0, 0, nil},
			{"listen(2)", netbsd.SYS_listen, args{0, 5}, 0, 0, nil},
			{"sogetopt1: SO_ACCEPTCONN is 1", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_ACCEPTCONN, room(4), words(4)}, 0, out{3, words(1)}, nil},
			{"socket(2)", netbsd.SYS___socket30, args{local, stream, 0}, 0, 1, nil},
			{"connect(2): ENOENT", netbsd.SYS_connect, args{1, sun("none"), 6}, netbsd.ENOENT, nil, nil},
			{"connect(2)", netbsd.SYS_connect, args{1, sun("sock"), 6}, 0, 0, nil},
			{"connect(2): EISCONN", netbsd.SYS_connect, args{1, sun("sock"), 6}, netbsd.EISCONN, nil, nil},
			{"accept(2)", netbsd.SYS_accept, args{0, room(16), words(16)}, 0, 2, nil},
			{"socket(2)", netbsd.SYS___socket30, args{local, dgram, 0}, 0, 3, nil},
			{"bind(2): a name that fills sun_path", netbsd.SYS_bind, args{3, sun(long), 106}, 0, 0, nil},
			{"socket(2)", netbsd.SYS___socket30, args{local, dgram, 0}, 0, 4, nil},
			{"unp_bind: EADDRINUSE for it", netbsd.SYS_bind, args{4, sun(long), 106}, netbsd.EADDRINUSE, nil, nil},
			{"sendto(2): to it", netbsd.SYS_sendto, args{4, hello, 5, 0, sun(long), 106}, 0, 5, nil},
			{"recvfrom(2)", netbsd.SYS_recvfrom, args{3, room(9), 9, 0, 0, 0}, 0, 5, nil},
			{"getsockname(2): it", netbsd.SYS_getsockname, args{3, room(200), words(200)}, 0, func(r *result) string {
				if b := r.mem(1, 106); string(b[2:]) != long {
					return string(b)
				}
				return ""
			}, nil},
			{"connect(2): to it", netbsd.SYS_connect, args{4, sun(long), 106}, 0, 0, nil},
			{"connect(2): to nothing", netbsd.SYS_connect, args{4, sun("none"), 6}, netbsd.ENOENT, nil, nil},
			{"soconnect: it has no peer any more", netbsd.SYS_sendto, args{4, hello, 5, 0, 0, 0}, netbsd.EDESTADDRREQ, nil, nil},
			{"close(2)", netbsd.SYS_close, args{4}, 0, nil, nil},
			{"close(2)", netbsd.SYS_close, args{3}, 0, nil, nil},
			{"getpeername(2): the name that was bound", netbsd.SYS_getpeername, args{1, room(16), words(16)}, 0, func(r *result) string {
				if b := r.mem(1, 6); b[1] != local || string(b[2:6]) != "sock" {
					return string(b)
				}
				return ""
			}, nil},
			{"sys_paccept: EFAULT for the mask, before EBADF", netbsd.SYS_paccept, args{9, 0, 0, bad, 0}, netbsd.EFAULT, nil, nil},
			{"do_sys_accept: EINVAL for what does not listen", netbsd.SYS_accept, args{1, 0, 0}, netbsd.EINVAL, nil, nil},
			{"fcntl(2)", netbsd.SYS_fcntl, args{0, netbsd.F_SETFL, netbsd.O_NONBLOCK}, 0, nil, nil},
			{"sys_paccept: flags are not looked at", netbsd.SYS_paccept, args{0, 0, 0, 0, 3}, netbsd.EAGAIN, nil, nil},
			{"paccept(2): EAGAIN", netbsd.SYS_paccept, args{0, 0, 0, 0, netbsd.SOCK_NONBLOCK}, netbsd.EAGAIN, nil, nil},
			{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_CREAT | netbsd.O_RDWR, 0o600}, 0, 3, nil},
			{"accept(2): ENOTSOCK", netbsd.SYS_accept, args{3, 0, 0}, netbsd.ENOTSOCK, nil, nil},
			{"bind(2): ENOTSOCK", netbsd.SYS_bind, args{3, sun("x"), 3}, netbsd.ENOTSOCK, nil, nil},
			{"listen(2): EBADF", netbsd.SYS_listen, args{9, 1}, netbsd.EBADF, nil, nil},
		},
		"order": {
			{"socketpair(2)", netbsd.SYS_socketpair, args{local, stream | netbsd.SOCK_NONBLOCK, 0, room(8)}, 0, out{3, words(0, 1)}, nil},
			{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_CREAT | netbsd.O_RDWR, 0o600}, 0, 2, nil},
			{"sys_bind, sockargs_sb: EFAULT, before EBADF", netbsd.SYS_bind, args{9, bad, 8}, netbsd.EFAULT, nil, nil},
			{"sockargs_sb: EINVAL, before ENOTSOCK", netbsd.SYS_connect, args{2, bad, 256}, netbsd.EINVAL, nil, nil},
			{"sys_sendmsg: EFAULT, before EBADF", netbsd.SYS_sendmsg, args{9, bad, 0}, netbsd.EFAULT, nil, nil},
			{"sys_recvmsg: EFAULT, before ENOTSOCK", netbsd.SYS_recvmsg, args{2, bad, 0}, netbsd.EFAULT, nil, nil},
			{"do_sys_sendmsg_so: but EBADF before what it names", netbsd.SYS_sendmsg, args{9, longs(0, 0, bad, 1, 0, 0), 0}, netbsd.EBADF, nil, nil},
			{"soconnect: EISCONN, before EAFNOSUPPORT", netbsd.SYS_connect, args{0, inet4, 16}, netbsd.EISCONN, nil, nil},
			{"soconnect: EISCONN, before ENOENT", netbsd.SYS_connect, args{0, sun("none"), 6}, netbsd.EISCONN, nil, nil},
			{"unp_send: of a connection no address is looked at", netbsd.SYS_sendto, args{0, hello, 5, 0, sun("none"), 6}, 0, 5, nil},
			{"copyout_sockname: EINVAL for a negative length", netbsd.SYS_recvfrom, args{1, room(9), 1, 0, room(16), words(1 << 31)}, netbsd.EINVAL, nil, nil},
			{"copyout_sockname: EFAULT for no length", netbsd.SYS_recvfrom, args{1, room(9), 1, 0, room(16), 0}, netbsd.EFAULT, nil, nil},
			{"copyout_sockname: a stream's bytes have no address", netbsd.SYS_recvfrom, args{1, room(9), 1, 0, room(16), words(16)}, 0, out{5, words(0)}, nil},
			{"copyout_sockname: EINVAL by recvmsg(2)", netbsd.SYS_recvmsg, args{1, func(p *player) uint64 {
				return p.mem.put(longs(p.arg(room(16)), 1<<31, iov(room(9))(p), 1, 0, 0))
			}, 0}, netbsd.EINVAL, nil, nil},
			{"socket(2)", netbsd.SYS___socket30, args{local, stream, 0}, 0, 3, nil},
			{"unp_connect: ENOTSOCK for what is none", netbsd.SYS_connect, args{3, sun("f"), 3}, netbsd.ENOTSOCK, nil, nil},
			{"unp_listen: EINVAL without a name", netbsd.SYS_listen, args{3, 1}, netbsd.EINVAL, nil, nil},
			{"sobind: EAFNOSUPPORT", netbsd.SYS_bind, args{3, inet4, 16}, netbsd.EAFNOSUPPORT, nil, nil},
			{"sockargs_sb: a family of 16 bits, as in 4.3BSD", netbsd.SYS_bind, args{3, []byte("\x01\x00old"), 5}, 0, 0, nil},
			{"unp_bind: EINVAL for another name", netbsd.SYS_bind, args{3, sun("again"), 7}, netbsd.EINVAL, nil, nil},
			{"unp_connect: ECONNREFUSED by who does not listen", netbsd.SYS_connect, args{3, sun("old"), 5}, netbsd.ECONNREFUSED, nil, nil},
			{"getsockname(2): its name", netbsd.SYS_getsockname, args{3, room(16), words(16)}, 0, func(r *result) string {
				if b := r.mem(1, 5); b[1] != local || string(b[2:5]) != "old" {
					return string(b)
				}
				return ""
			}, nil},
		},
		"stat": {
			{"socketpair(2)", netbsd.SYS_socketpair, args{local, stream, 0, room(8)}, 0, out{3, words(0, 1)}, nil},
			{"setsockopt(2)", netbsd.SYS_setsockopt, args{1, netbsd.SOL_SOCKET, netbsd.SO_SNDBUF, words(8192), 4}, 0, 0, nil},
			{"unp_stat: the number of who asks first", netbsd.SYS___fstat50, args{1, room(netbsd.SizeofStat)}, 0, socketStat(1), nil},
			{"setsockopt(2)", netbsd.SYS_setsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_SNDBUF, words(8192), 4}, 0, 0, nil},
			{"unp_stat: the next one", netbsd.SYS___fstat50, args{0, room(netbsd.SizeofStat)}, 0, socketStat(2), nil},
			{"unp_stat: it stays", netbsd.SYS___fstat50, args{1, room(netbsd.SizeofStat)}, 0, socketStat(1), nil},
		},
		"accept": {
			{"socket(2)", netbsd.SYS___socket30, args{local, stream | netbsd.SOCK_NONBLOCK | netbsd.SOCK_NOSIGPIPE, 0}, 0, 0, nil},
			{"bind(2)", netbsd.SYS_bind, args{0, sun("sock"), 6}, 0, 0, nil},
			{"listen(2)", netbsd.SYS_listen, args{0, 5}, 0, 0, nil},
			{"F_SETOWN", netbsd.SYS_fcntl, args{0, netbsd.F_SETOWN, self}, 0, nil, nil},
			{"socket(2)", netbsd.SYS___socket30, args{local, stream, 0}, 0, 1, nil},
			{"connect(2)", netbsd.SYS_connect, args{1, sun("sock"), 6}, 0, 0, nil},
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, longs(2, 100)}, 0, nil, nil},
			{"fd_allocfile: EMFILE", netbsd.SYS_accept, args{0, 0, 0}, netbsd.EMFILE, nil, nil},
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, longs(100, 100)}, 0, nil, nil},
			{"do_sys_accept: it has waited", netbsd.SYS_accept, args{0, 0, 0}, 0, 2, nil},
			{"do_sys_accept: all flags of what listens", netbsd.SYS_fcntl, args{2, netbsd.F_GETFL, 0}, 0, netbsd.O_RDWR | netbsd.O_NONBLOCK | netbsd.O_NOSIGPIPE, nil},
			{"sonewconn: and whom it signals", netbsd.SYS_fcntl, args{2, netbsd.F_GETOWN, 0}, 0, self, nil},
			{"socket(2)", netbsd.SYS___socket30, args{local, stream, 0}, 0, 3, nil},
			{"connect(2)", netbsd.SYS_connect, args{3, sun("sock"), 6}, 0, 0, nil},
			{"paccept(2)", netbsd.SYS_paccept, args{0, 0, 0, 0, 0}, 0, 4, nil},
			{"sys_paccept: but O_NONBLOCK", netbsd.SYS_fcntl, args{4, netbsd.F_GETFL, 0}, 0, netbsd.O_RDWR | netbsd.O_NOSIGPIPE, nil},
			{"socket(2)", netbsd.SYS___socket30, args{local, dgram, 0}, 0, 5, nil},
			{"do_sys_accept: EOPNOTSUPP for datagrams", netbsd.SYS_accept, args{5, 0, 0}, netbsd.EOPNOTSUPP, nil, nil},
		},
		"rights": {
			{"socketpair(2)", netbsd.SYS_socketpair, args{local, stream | netbsd.SOCK_NONBLOCK, 0, room(8)}, 0, out{3, words(0, 1)}, nil},
			{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_CREAT | netbsd.O_RDWR, 0o600}, 0, 2, nil},
			{"sendmsg(2): EBADF for a descriptor", netbsd.SYS_sendmsg, args{0, rights(9), 0}, netbsd.EBADF, nil, nil},
			{"sendmsg(2): SCM_RIGHTS", netbsd.SYS_sendmsg, args{0, rights(2), 0}, 0, 1, nil},
			{"close(2)", netbsd.SYS_close, args{2}, 0, nil, nil},
			{"recvmsg(2): a descriptor of the same file", netbsd.SYS_recvmsg, args{1, rights(0xffff), netbsd.MSG_CMSG_CLOEXEC}, 0, 1, nil},
			{"it is the lowest, and the file", netbsd.SYS_fcntl, args{2, netbsd.F_GETPATH, room(1024)}, 0, out{2, []byte("/f\x00")}, nil},
			{"MSG_CMSG_CLOEXEC", netbsd.SYS_fcntl, args{2, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOEXEC, nil},
			{"sendmsg(2)", netbsd.SYS_sendmsg, args{0, rights(2), 0}, 0, 1, nil},
			{"copyout_msg_control: rights are whole, with their padding, or MSG_CTRUNC", netbsd.SYS_recvmsg, args{1, controlled(room(9), make([]byte, 20)), 0}, 0, func(r *result) string {
				h := netbsd.DecodeMsghdr(r.mem(1, netbsd.SizeofMsghdr))
				if h.Controllen != 0 || h.Flags&netbsd.MSG_CTRUNC == 0 {
					return fmt.Sprintf("%+v", h)
				}
				return ""
			}, nil},
			{"and closed", netbsd.SYS_fcntl, args{3, netbsd.F_GETFD, 0}, netbsd.EBADF, nil, nil},
			{"sendmsg(2): two of them", netbsd.SYS_sendmsg, args{0, rights(2, 2), 0}, 0, 1, nil},
			{"copyout_msg_control: not as many as there is room for", netbsd.SYS_recvmsg, args{1, controlled(room(9), make([]byte, 23)), 0}, 0, 1, nil},
			{"and closed", netbsd.SYS_fcntl, args{3, netbsd.F_GETFD, 0}, netbsd.EBADF, nil, nil},
			{"sendmsg(2)", netbsd.SYS_sendmsg, args{0, rights(2), 0}, 0, 1, nil},
			{"recvmsg(2): without room the files are closed", netbsd.SYS_recvmsg, args{1, msghdr(room(9)), 0}, 0, 1, nil},
			{"there is no new descriptor", netbsd.SYS_fcntl, args{3, netbsd.F_GETFD, 0}, netbsd.EBADF, nil, nil},
		},
		"datagrams": {
			{"socket(2)", netbsd.SYS___socket30, args{local, dgram | netbsd.SOCK_NONBLOCK, 0}, 0, 0, nil},
			{"bind(2)", netbsd.SYS_bind, args{0, sun("here"), 6}, 0, nil, nil},
			{"socket(2)", netbsd.SYS___socket30, args{local, dgram, 0}, 0, 1, nil},
			{"bind(2)", netbsd.SYS_bind, args{1, sun("there"), 7}, 0, nil, nil},
			{"sendto(2): ENOENT", netbsd.SYS_sendto, args{1, hello, 5, 0, sun("none"), 6}, netbsd.ENOENT, nil, nil},
			{"sendto(2): EFAULT for the address", netbsd.SYS_sendto, args{1, hello, 5, 0, bad, 6}, netbsd.EFAULT, nil, nil},
			{"sendto(2)", netbsd.SYS_sendto, args{1, hello, 5, 0, sun("here"), 6}, 0, 5, nil},
			{"recvfrom(2): who sent it", netbsd.SYS_recvfrom, args{0, room(9), 9, 0, room(16), words(16)}, 0, func(r *result) string {
				if b := r.mem(4, 7); b[1] != local || string(b[2:7]) != "there" {
					return string(b)
				}
				return ""
			}, nil},
			{"recvfrom(2): EAGAIN", netbsd.SYS_recvfrom, args{0, room(9), 9, 0, 0, 0}, netbsd.EAGAIN, nil, nil},
			{"getpeername(2): ENOTCONN", netbsd.SYS_getpeername, args{1, room(16), words(16)}, netbsd.ENOTCONN, nil, nil},
		},
		"several messages": {
			{"socketpair(2)", netbsd.SYS_socketpair, args{local, dgram | netbsd.SOCK_NONBLOCK, 0, room(8)}, 0, out{3, words(0, 1)}, nil},
			{"sendmmsg(2): EBADF", netbsd.SYS_sendmmsg, args{9, mmsgs(hello), 1, 0}, netbsd.EBADF, nil, nil},
			{"sendmmsg(2): EFAULT for the first", netbsd.SYS_sendmmsg, args{0, bad, 1, 0}, netbsd.EFAULT, nil, nil},
			{"sys_sendmmsg: none", netbsd.SYS_sendmmsg, args{0, bad, 0, 0}, 0, 0, nil},
			{"sendmmsg(2): how many, and how long", netbsd.SYS_sendmmsg, args{0, mmsgs(hello, []byte("ab"), []byte("c")), 3, 0}, 0, lengths(3, 5, 2, 1), nil},
			{"recvmmsg(2): EFAULT for the time comes first", netbsd.SYS_recvmmsg, args{9, mmsgs(room(9)), 1, 0, bad}, netbsd.EFAULT, nil, nil},
			{"recvmmsg(2): EBADF", netbsd.SYS_recvmmsg, args{9, mmsgs(room(9)), 1, 0, 0}, netbsd.EBADF, nil, nil},
			{"recvmmsg(2): as many as asked for", netbsd.SYS_recvmmsg, args{1, mmsgs(room(9)), 1, 0, 0}, 0, lengths(1, 5), nil},
			{"sys_recvmmsg: EAGAIN after the first is none", netbsd.SYS_recvmmsg, args{1, mmsgs(room(9), room(9), room(9)), 3, 0, 0}, 0, lengths(2, 2, 1), nil},
			{"sys_recvmmsg: EAGAIN", netbsd.SYS_recvmmsg, args{1, mmsgs(room(9)), 1, 0, 0}, netbsd.EAGAIN, nil, nil},
			{"sendmmsg(2)", netbsd.SYS_sendmmsg, args{0, mmsgs(hello, []byte("ab")), 2, 0}, 0, 2, nil},
			{"sys_recvmmsg: a time that is over ends after a message", netbsd.SYS_recvmmsg, args{1, mmsgs(room(9), room(9)), 2, 0, timespec(-1, 0)}, 0, lengths(1, 5), nil},
			{"sendmmsg(2): EMSGSIZE for the first", netbsd.SYS_sendmmsg, args{0, mmsgs(nil, []byte("x")), 2, 0}, netbsd.EMSGSIZE, nil, nil},
			{"sys_sendmmsg: an error after the first only ends it", netbsd.SYS_sendmmsg, args{0, mmsgs([]byte("x"), nil, []byte("y")), 3, 0}, 0, lengths(1, 1), nil},
			{"sys_sendmmsg: and is forgotten", netbsd.SYS_getsockopt, args{0, netbsd.SOL_SOCKET, netbsd.SO_ERROR, room(4), words(4)}, 0, out{3, words(0)}, nil},
			{"recvmmsg(2): a time that is not over", netbsd.SYS_recvmmsg, args{1, mmsgs(room(9), room(9), room(9)), 3, 0, timespec(1000, 0)}, 0, lengths(2, 2, 1), nil},
			{"sys_recvmmsg: EINVAL for nanoseconds, before EBADF", netbsd.SYS_recvmmsg, args{9, mmsgs(room(9)), 1, 0, timespec(0, 1e9)}, netbsd.EINVAL, nil, nil},
			{"sendmmsg(2)", netbsd.SYS_sendmmsg, args{0, mmsgs(hello, []byte("ab")), 2, 0}, 0, 2, nil},
			{"sys_recvmmsg: an error after the first only ends it", netbsd.SYS_recvmmsg, args{1, mmsgs(room(9), nil), 2, 0, 0}, 0, lengths(1, 5), nil},
			{"so_rerror: who sends is not told", netbsd.SYS_sendto, args{1, hello, 5, 0, 0, 0}, 0, 5, nil},
			{"sys_recvmmsg: the next one tells it, whatever is there", netbsd.SYS_recvmmsg, args{1, mmsgs(room(9)), 0, 0, 0}, netbsd.EMSGSIZE, nil, nil},
			{"and that one alone", netbsd.SYS_recvmmsg, args{1, mmsgs(room(9)), 1, 0, 0}, 0, lengths(1, 2), nil},
			{"recvfrom(2)", netbsd.SYS_recvfrom, args{0, room(9), 9, 0, 0, 0}, 0, 5, nil},
			{"fcntl(2): now it waits", netbsd.SYS_fcntl, args{1, netbsd.F_SETFL, 0}, 0, nil, nil},
			{"sendto(2)", netbsd.SYS_sendto, args{0, hello, 5, 0, 0, 0}, 0, 5, nil},
			{"recvmmsg(2): MSG_WAITFORONE waits for one", netbsd.SYS_recvmmsg, args{1, mmsgs(room(9), room(9)), 2, netbsd.MSG_WAITFORONE, 0}, 0, lengths(1, 5), nil},
		},
		"creds": {
			{"socketpair(2)", netbsd.SYS_socketpair, args{local, dgram | netbsd.SOCK_NONBLOCK, 0, room(8)}, 0, out{3, words(0, 1)}, nil},
			{"setsockopt(2): LOCAL_CREDS", netbsd.SYS_setsockopt, args{1, 0, netbsd.LOCAL_CREDS, words(1), 4}, 0, 0, nil},
			{"writev(2): a datagram of nothing (sosend)", netbsd.SYS_writev, args{0, iov([]byte{}), 1}, 0, 0, nil},
			{"recvfrom(2): it has come", netbsd.SYS_recvfrom, args{1, room(9), 9, 0, 0, 0}, 0, 0, nil},
			{"recvfrom(2): and no other", netbsd.SYS_recvfrom, args{1, room(9), 9, 0, 0, 0}, netbsd.EAGAIN, nil, nil},
			{"write(2)", netbsd.SYS_write, args{0, hello, 5}, 0, 5, nil},
			{"unp_addsockcred: who sent", netbsd.SYS_recvmsg, args{1, controlled(room(9), make([]byte, 200)), 0}, 0, func(r *result) string {
				c := Sockcred(r.p.c.L)
				return told(netbsd.Cmsg{Type: netbsd.SCM_CREDS, Data: c.Append(nil)})(r)
			}, nil},
			{"write(2)", netbsd.SYS_write, args{0, hello, 5}, 0, 5, nil},
			{"copyout_msg_control: MSG_CTRUNC, and what there is room for", netbsd.SYS_recvmsg, args{1, controlled(room(9), make([]byte, 20)), 0}, 0, func(r *result) string {
				h := netbsd.DecodeMsghdr(r.mem(1, netbsd.SizeofMsghdr))
				if h.Controllen != 20 || h.Flags&netbsd.MSG_CTRUNC == 0 {
					return fmt.Sprintf("%+v", h)
				}
				return ""
			}, nil},
			{"socketpair(2)", netbsd.SYS_socketpair, args{local, stream, 0, room(8)}, 0, out{3, words(2, 3)}, nil},
			{"getsockopt(2): LOCAL_PEEREID of a pair is who made it", netbsd.SYS_getsockopt, args{2, 0, netbsd.LOCAL_PEEREID, room(12), words(12)}, 0, func(r *result) string {
				c := Sockcred(r.p.c.L)
				if b := r.mem(3, 12); string(b) != string(words(uint32(c.Pid), c.EUID, c.EGID)) {
					return fmt.Sprintf("%x", b)
				}
				return ""
			}, nil},
		},
		"families": {
			{"socket(2): EAFNOSUPPORT", netbsd.SYS___socket30, args{99, stream, 0}, netbsd.EAFNOSUPPORT, nil, nil},
			{"the socket of before NetBSD 4: EPROTONOSUPPORT for that (compat_30_sys_socket)", netbsd.SYS_compat_30_socket, args{99, stream, 0}, netbsd.EPROTONOSUPPORT, nil, nil},
			{"the socket of before NetBSD 4", netbsd.SYS_compat_30_socket, args{local, dgram, 0}, 0, 0, nil},
			{"fsocreate: EAFNOSUPPORT for no family of a pair", netbsd.SYS_socketpair, args{99, stream, 0, room(8)}, netbsd.EAFNOSUPPORT, nil, nil},
			{"fsocreate: EPROTOTYPE for no type of a pair", netbsd.SYS_socketpair, args{local, 9, 0, bad}, netbsd.EPROTOTYPE, nil, nil},
			{"socketpair(2): EOPNOTSUPP for a family that has none", netbsd.SYS_socketpair, args{netbsd.AF_INET, stream, 0, room(8)}, netbsd.EOPNOTSUPP, nil, nil},
		},
	})
}

// recv(2): MSG_WAITALL waits for all that is asked for, and what a stream has in the end, however
// much that is.
func TestWaitall(t *testing.T) {
	const size = 3*ioChunk + 5
	r := newRig(t)
	r.run(func(p *player) {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i >> 10)
		}
		p.do(netbsd.SYS_socketpair, netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0, room(8))
		p.cpu.next = func(p *player) {
			p.do(netbsd.SYS_close, 0)
			p.ok(netbsd.SYS_write, 1, data, size)
			p.ok(netbsd.SYS_write, 1, data, 7)
		}
		p.ok(netbsd.SYS_fork)
		p.do(netbsd.SYS_close, 1)
		all := p.do(netbsd.SYS_recvfrom, 0, room(size), size, netbsd.MSG_WAITALL, 0, 0)
		if all.ret[0] != size || string(all.mem(1, size)) != string(data) {
			t.Errorf("%d bytes, want %d", all.ret[0], size)
		}
		rest := p.do(netbsd.SYS_recvmsg, 0, msghdr(room(3), room(ioChunk)), netbsd.MSG_WAITALL)
		if rest.ret[0] != 7 {
			t.Errorf("%d bytes at the end, want 7", rest.ret[0])
		}
	})
}

// ru_msgsnd and ru_msgrcv (getrusage(2)): sosend counts each call that it is asked to make, soreceive each that has found something. Pipes
// count nothing. What a child has counted is its parent's when it has waited for it.
func TestMessagesAreCounted(t *testing.T) {
	newRig(t).run(func(p *player) {
		counts := func(what string, who int, sent, received int64) {
			t.Helper()
			r := p.do(netbsd.SYS___getrusage50, who, room(netbsd.SizeofRusage))
			if u := netbsd.DecodeRusage(r.mem(1, netbsd.SizeofRusage)); u.Msgsnd != sent || u.Msgrcv != received {
				t.Errorf("%s: %d sent, %d received; want %d and %d", what, u.Msgsnd, u.Msgrcv, sent, received)
			}
		}
		part := func(b any) func(*player) uint64 { return func(p *player) uint64 { return p.arg(longs(p.arg(b), 2)) } }
		p.ok(netbsd.SYS_socketpair, netbsd.AF_LOCAL, netbsd.SOCK_STREAM|netbsd.SOCK_NONBLOCK, 0, room(8))
		p.ok(netbsd.SYS_pipe)
		counts("nothing", netbsd.RUSAGE_SELF, 0, 0)
		p.ok(netbsd.SYS_write, 3, "ab", 2)
		p.ok(netbsd.SYS_read, 2, room(2), 2)
		counts("a pipe", netbsd.RUSAGE_SELF, 0, 0)
		p.ok(netbsd.SYS_write, 0, "ab", 2)
		p.ok(netbsd.SYS_writev, 0, part("ab"), 1)
		p.ok(netbsd.SYS_sendto, 0, "ab", 2, 0, 0, 0)
		p.ok(netbsd.SYS_sendmsg, 0, msghdr([]byte("ab")), 0)
		counts("sent", netbsd.RUSAGE_SELF, 4, 0)
		p.ok(netbsd.SYS_read, 1, room(2), 2)
		p.ok(netbsd.SYS_readv, 1, part(room(2)), 1)
		p.ok(netbsd.SYS_recvfrom, 1, room(2), 2, netbsd.MSG_PEEK, 0, 0)
		p.ok(netbsd.SYS_recvmsg, 1, msghdr(room(2)), 0)
		p.do(netbsd.SYS_read, 1, room(9), 9)
		if r := p.do(netbsd.SYS_read, 1, room(9), 9); r.errno != netbsd.EAGAIN {
			t.Errorf("read: %s", errnoName(r.errno))
		}
		counts("received", netbsd.RUSAGE_SELF, 4, 5)
		p.ok(netbsd.SYS_shutdown, 0, netbsd.SHUT_WR)
		p.ok(netbsd.SYS_read, 1, room(9), 9)
		counts("the end is nothing", netbsd.RUSAGE_SELF, 4, 5)
		if r := p.do(netbsd.SYS_sendto, 0, "ab", 2, netbsd.MSG_NOSIGNAL, 0, 0); r.errno != netbsd.EPIPE {
			t.Errorf("sendto: %s", errnoName(r.errno))
		}
		counts("what failed was asked for", netbsd.RUSAGE_SELF, 5, 5)
		p.cpu.next = func(p *player) { p.ok(netbsd.SYS_write, 1, "ab", 2) }
		p.ok(netbsd.SYS_fork)
		p.ok(netbsd.SYS___wait450, -1, 0, 0, 0)
		counts("without its child", netbsd.RUSAGE_SELF, 5, 5)
		counts("the child", netbsd.RUSAGE_CHILDREN, 1, 0)
	})
}
