package socket

import (
	"encoding/binary"
	"math"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// maxSockopt bounds what an option holds.
const maxSockopt = 1024

// Setsockopt is setsockopt(2). ENOPROTOOPT: neither the kernel nor the host
// knows the option.
func (s *Socket) Setsockopt(level, opt int, val []byte) netbsd.Errno {
	if len(val) > maxSockopt {
		return netbsd.EINVAL
	}
	if level == netbsd.SOL_SOCKET {
		switch opt {
		case netbsd.SO_RCVTIMEO:
			return s.setTimeout(&s.recvTimeo, val)
		case netbsd.SO_SNDTIMEO:
			return s.setTimeout(&s.sendTimeo, val)
		case netbsd.SO_NOSIGPIPE:
			if len(val) < 4 {
				return netbsd.EINVAL
			}
			on := binary.LittleEndian.Uint32(val) != 0
			s.mu.Lock()
			s.noSigpipe = on
			s.mu.Unlock()
			return 0
		case netbsd.SO_USELOOPBACK, netbsd.SO_RERROR:
			return 0
		case netbsd.SO_TIMESTAMP, netbsd.SO_ERROR, netbsd.SO_TYPE, netbsd.SO_ACCEPTCONN:
			return netbsd.ENOPROTOOPT
		}
	}
	l, o, ok := netbsd.SockoptToLinux(level, opt)
	if !ok {
		return netbsd.ENOPROTOOPT
	}
	return hostfile.Errno(unix.SetsockoptString(s.FD(), l, o, string(val)))
}

func (s *Socket) setTimeout(of *time.Duration, val []byte) netbsd.Errno {
	if len(val) < 16 {
		return netbsd.EINVAL
	}
	tv := netbsd.DecodeTimeval(val)
	if !tv.Valid() {
		return netbsd.EDOM
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*of = tv.Duration()
	return 0
}

// Getsockopt is getsockopt(2), with room for n bytes.
func (s *Socket) Getsockopt(level, opt, n int) ([]byte, netbsd.Errno) {
	n = min(n, maxSockopt)
	if level == netbsd.SOL_SOCKET {
		if b, errno, ok := s.ownOption(opt); ok {
			return b[:min(n, len(b))], errno
		}
	}
	l, o, ok := netbsd.SockoptToLinux(level, opt)
	if !ok {
		return nil, netbsd.ENOPROTOOPT
	}
	b := make([]byte, max(n, 1))
	size := uint32(n)
	_, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s.FD()), uintptr(l), uintptr(o),
		uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&size)), 0)
	if e != 0 {
		return nil, hostfile.Errno(e)
	}
	b = b[:min(int(size), n)]
	if level == netbsd.SOL_SOCKET && len(b) >= 4 {
		fixOption(opt, b)
	}
	return b, 0
}

// ownOption returns the options that aren't the host's.
func (s *Socket) ownOption(opt int) ([]byte, netbsd.Errno, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := make([]byte, 16)
	switch opt {
	case netbsd.SO_RCVTIMEO:
		netbsd.TimevalOf(s.recvTimeo).Encode(b)
		return b, 0, true
	case netbsd.SO_SNDTIMEO:
		netbsd.TimevalOf(s.sendTimeo).Encode(b)
		return b, 0, true
	case netbsd.SO_NOSIGPIPE:
		if s.noSigpipe {
			b[0] = 1
		}
		return b[:4], 0, true
	case netbsd.SO_USELOOPBACK, netbsd.SO_RERROR, netbsd.SO_TIMESTAMP, netbsd.SO_OVERFLOWED:
		return b[:4], 0, true
	}
	return nil, 0, false
}

// fixOption puts a number in NetBSD's terms: errors have other numbers, and the
// host shows buffers with its own overhead, twice what was set.
func fixOption(opt int, b []byte) {
	v := int(int32(binary.LittleEndian.Uint32(b)))
	switch opt {
	case netbsd.SO_ERROR:
		if v != 0 {
			v = int(netbsd.FromLinux(v))
		}
	case netbsd.SO_SNDBUF, netbsd.SO_RCVBUF:
		v /= 2
	case netbsd.SO_REUSEADDR, netbsd.SO_KEEPALIVE, netbsd.SO_BROADCAST, netbsd.SO_REUSEPORT, netbsd.SO_OOBINLINE,
		netbsd.SO_DONTROUTE, netbsd.SO_DEBUG, netbsd.SO_ACCEPTCONN:
		if v != 0 {
			v = 1
		}
	}
	binary.LittleEndian.PutUint32(b, uint32(min(v, math.MaxInt32)))
}
