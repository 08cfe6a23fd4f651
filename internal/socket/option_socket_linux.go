package socket

import (
	"encoding/binary"
	"math"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// This file has the options at SOL_SOCKET (sosetopt1, sogetopt1), and those of TCP.

// socketOptions are the options that every socket has.
var socketOptions = sync.OnceValue(func() map[int]option {
	return map[int]option{
		netbsd.SO_DEBUG:        {kind: flag, bit: netbsd.SO_DEBUG},
		netbsd.SO_REUSEADDR:    {kind: flag, bit: netbsd.SO_REUSEADDR},
		netbsd.SO_KEEPALIVE:    {kind: flag, bit: netbsd.SO_KEEPALIVE},
		netbsd.SO_DONTROUTE:    {kind: flag, bit: netbsd.SO_DONTROUTE},
		netbsd.SO_BROADCAST:    {kind: flag, bit: netbsd.SO_BROADCAST},
		netbsd.SO_USELOOPBACK:  {kind: flag, bit: netbsd.SO_USELOOPBACK},
		netbsd.SO_OOBINLINE:    {kind: flag, bit: netbsd.SO_OOBINLINE},
		netbsd.SO_REUSEPORT:    {kind: flag, bit: netbsd.SO_REUSEPORT},
		netbsd.SO_NOSIGPIPE:    {kind: flag, bit: netbsd.SO_NOSIGPIPE},
		netbsd.SO_TIMESTAMP:    {kind: flag, bit: netbsd.SO_TIMESTAMP},
		netbsd.SO_RERROR:       {kind: flag, bit: netbsd.SO_RERROR},
		netbsd.SO_ACCEPTCONN:   {kind: own, get: getAcceptConn},
		netbsd.SO_LINGER:       {kind: own, get: getLinger, set: setLinger},
		netbsd.SO_SNDBUF:       {kind: own, get: bufferGetter(netbsd.SO_SNDBUF), set: bufferSetter(netbsd.SO_SNDBUF)},
		netbsd.SO_RCVBUF:       {kind: own, get: bufferGetter(netbsd.SO_RCVBUF), set: bufferSetter(netbsd.SO_RCVBUF)},
		netbsd.SO_SNDLOWAT:     {kind: own, get: getSendLowat, set: lowatSetter(netbsd.SO_SNDLOWAT, netbsd.SO_SNDBUF)},
		netbsd.SO_RCVLOWAT:     {kind: own, get: getRecvLowat, set: lowatSetter(netbsd.SO_RCVLOWAT, netbsd.SO_RCVBUF)},
		netbsd.SO_SNDTIMEO:     {kind: own, get: func(s *Socket, _ int) ([]byte, netbsd.Errno) { return s.timeout(&s.sendTimeo) }, set: func(s *Socket, b []byte) netbsd.Errno { return s.setTimeout(&s.sendTimeo, b) }},
		netbsd.SO_RCVTIMEO:     {kind: own, get: func(s *Socket, _ int) ([]byte, netbsd.Errno) { return s.timeout(&s.recvTimeo) }, set: func(s *Socket, b []byte) netbsd.Errno { return s.setTimeout(&s.recvTimeo, b) }},
		netbsd.SO_TYPE:         {kind: own, get: func(s *Socket, _ int) ([]byte, netbsd.Errno) { return intBytes(int32(s.typ)), 0 }},
		netbsd.SO_ERROR:        {kind: own, get: getError},
		netbsd.SO_OVERFLOWED:   {kind: own, get: func(*Socket, int) ([]byte, netbsd.Errno) { return intBytes(0), 0 }},
		netbsd.SO_ACCEPTFILTER: {kind: own, get: getAcceptFilter, set: setAcceptFilter},
		netbsd.SO_NOHEADER:     {kind: own, set: setNoHeader},
	}
})

func getAcceptConn(s *Socket, _ int) ([]byte, netbsd.Errno) {
	if s.listening.Load() {
		return intBytes(1), 0
	}
	return intBytes(0), 0
}

// getError takes the error that waits.
func getError(s *Socket, _ int) ([]byte, netbsd.Errno) {
	if errno := s.failure(); errno != 0 {
		return intBytes(int32(errno)), 0
	}
	v, err := unix.GetsockoptInt(s.FD(), unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case s.endsInReset(unix.Errno(v)):
		v = 0
	case v != 0:
		v = int(netbsd.FromLinux(v))
	}
	if v == 0 && err == nil {
		v = int(s.ReceiveFailure())
	}
	return intBytes(int32(v)), hostfile.Errno(err)
}

// setLinger takes a struct linger, on or off 0 and seconds 4, which must fit 16 bits (EDOM).
func setLinger(s *Socket, val []byte) netbsd.Errno {
	if len(val) != netbsd.SizeofLinger {
		return netbsd.EINVAL
	}
	on, sec := binary.LittleEndian.Uint32(val), int32(binary.LittleEndian.Uint32(val[4:]))
	if sec < 0 || sec > math.MaxUint16 {
		return netbsd.EDOM
	}
	s.keep(optionKey{netbsd.SOL_SOCKET, netbsd.SO_LINGER}, sec)
	l := unix.Linger{Linger: sec}
	if on != 0 {
		l.Onoff = 1
	}
	return hostfile.Errno(unix.SetsockoptLinger(s.FD(), unix.SOL_SOCKET, unix.SO_LINGER, &l))
}

func getLinger(s *Socket, _ int) ([]byte, netbsd.Errno) {
	b := make([]byte, netbsd.SizeofLinger)
	if _, errno := s.hostOption(unix.SOL_SOCKET, unix.SO_LINGER, b); errno != 0 {
		return nil, errno
	}
	if sec, ok := s.kept(optionKey{netbsd.SOL_SOCKET, netbsd.SO_LINGER}); ok {
		binary.LittleEndian.PutUint32(b[4:], uint32(sec))
	}
	return b, 0
}

// maxBuffer is what sbreserve grants at most: kern.sbmax, 256 kB, less what its mbufs are.
const maxBuffer = 256 << 10 * 2048 / (2048 + 512)

// bufferSetter makes the setter of a buffer's size. ENOBUFS: more than sbreserve grants.
func bufferSetter(name int) func(*Socket, []byte) netbsd.Errno {
	k := optionKey{netbsd.SOL_SOCKET, name}
	return func(s *Socket, val []byte) netbsd.Errno {
		v, errno := positive(val)
		switch {
		case errno != 0:
			return errno
		case v > maxBuffer:
			return netbsd.ENOBUFS
		}
		return s.setNumber(k, &option{lo: 1, hi: maxBuffer}, v)
	}
}

// positive reads an int that must not be below 1.
func positive(val []byte) (int32, netbsd.Errno) {
	if len(val) != 4 {
		return 0, netbsd.EINVAL
	}
	v := int32(binary.LittleEndian.Uint32(val))
	if v < 1 {
		return 0, netbsd.EINVAL
	}
	return v, 0
}

func bufferGetter(name int) func(*Socket, int) ([]byte, netbsd.Errno) {
	return func(s *Socket, _ int) ([]byte, netbsd.Errno) {
		v, errno := s.buffer(name)
		return intBytes(v), errno
	}
}

// buffer is the size that was set, or the host's, of which it shows the double.
func (s *Socket) buffer(name int) (int32, netbsd.Errno) {
	k := optionKey{netbsd.SOL_SOCKET, name}
	if v, ok := s.kept(k); ok {
		return v, 0
	}
	v, errno := s.number(k, &option{live: true})
	return v / 2, errno
}

// lowatSetter makes the setter of a low-water mark, which is never above the buffer's size. The
// host knows it for receiving alone.
func lowatSetter(name, buffer int) func(*Socket, []byte) netbsd.Errno {
	return func(s *Socket, val []byte) netbsd.Errno {
		v, errno := positive(val)
		if errno != 0 {
			return errno
		}
		size, errno := s.buffer(buffer)
		if errno != 0 {
			return errno
		}
		v = min(v, size)
		if name == netbsd.SO_RCVLOWAT {
			if err := unix.SetsockoptInt(s.FD(), unix.SOL_SOCKET, unix.SO_RCVLOWAT, int(v)); err != nil {
				return hostfile.Errno(err)
			}
		}
		s.keep(optionKey{netbsd.SOL_SOCKET, name}, v)
		return 0
	}
}

// sendLowat is the mark of a send buffer that nobody has set (MCLBYTES, soreserve).
const sendLowat = 2048

func getSendLowat(s *Socket, _ int) ([]byte, netbsd.Errno) {
	if v, ok := s.kept(optionKey{netbsd.SOL_SOCKET, netbsd.SO_SNDLOWAT}); ok {
		return intBytes(v), 0
	}
	return intBytes(sendLowat), 0
}

func getRecvLowat(s *Socket, _ int) ([]byte, netbsd.Errno) {
	if v, ok := s.kept(optionKey{netbsd.SOL_SOCKET, netbsd.SO_RCVLOWAT}); ok {
		return intBytes(v), 0
	}
	return intBytes(1), 0
}

// tick is the clock's, in which sb_timeo counts.
const tick = 10 * time.Millisecond

// setTimeout takes a struct timeval. EDOM: none that ticks in an int can count. It is cut to
// ticks, but not to none.
func (s *Socket) setTimeout(of *time.Duration, val []byte) netbsd.Errno {
	if len(val) != 16 {
		return netbsd.EINVAL
	}
	tv := netbsd.DecodeTimeval(val)
	if !tv.Valid() || tv.Sec > math.MaxInt32/int64(time.Second/tick) {
		return netbsd.EDOM
	}
	d := tv.Duration()
	if d > 0 {
		d = max(d.Truncate(tick), tick)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*of = d
	return s.hostTimeouts()
}

func (s *Socket) timeout(of *time.Duration) ([]byte, netbsd.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := make([]byte, 16)
	netbsd.TimevalOf(*of).Encode(b)
	return b, 0
}

// sizeofAcceptFilter is struct accept_filter_arg: a name of 16 bytes and an argument of 240.
const sizeofAcceptFilter = 256

// setAcceptFilter is accept_filt_setopt of a kernel that has no filter loaded: there is none by
// any name, ENOENT, and none to take away.
func setAcceptFilter(_ *Socket, val []byte) netbsd.Errno {
	switch len(val) {
	case 0:
		return 0
	case sizeofAcceptFilter:
		return netbsd.ENOENT
	}
	return netbsd.EINVAL
}

// getAcceptFilter is accept_filt_getopt: EINVAL for a socket that has none.
func getAcceptFilter(*Socket, int) ([]byte, netbsd.Errno) { return nil, netbsd.EINVAL }

// setNoHeader takes SO_NOHEADER of sockets of IPv4 (ip_ctloutput), of which nothing but a raw
// one heeds it; that the host cannot.
func setNoHeader(s *Socket, _ []byte) netbsd.Errno {
	if s.family == netbsd.AF_INET && s.typ != netbsd.SOCK_RAW {
		return 0
	}
	return netbsd.ENOPROTOOPT
}

// tcpOptions are the options of TCP (tcp_ctloutput). The host counts keepalive in less: what
// NetBSD takes beyond that is kept, and the host does its most. TCP_KEEPINIT the host has not.
var tcpOptions = sync.OnceValue(func() map[int]option {
	return map[int]option{
		netbsd.TCP_NODELAY:   {kind: flag, bit: noDelay, on: 4}, // TF_NODELAY
		netbsd.TCP_MAXSEG:    {kind: own, get: getMaxseg, set: setMaxseg},
		netbsd.TCP_KEEPIDLE:  {kind: number, lo: 1, hi: math.MaxInt32, max: 32767, live: true},
		netbsd.TCP_KEEPINTVL: {kind: number, lo: 1, hi: math.MaxInt32, max: 32767, live: true},
		netbsd.TCP_KEEPCNT:   {kind: number, lo: 1, hi: math.MaxInt32, max: 127, live: true},
		netbsd.TCP_KEEPINIT:  {kind: number, lo: 1, hi: math.MaxInt32, def: 150},
		netbsd.TCP_INFO:      {kind: own, get: getTCPInfo},
	}
})

func (s *Socket) maxseg() (int32, netbsd.Errno) {
	k := optionKey{netbsd.IPPROTO_TCP, netbsd.TCP_MAXSEG}
	return s.number(k, &option{live: true})
}

func getMaxseg(s *Socket, _ int) ([]byte, netbsd.Errno) {
	v, errno := s.maxseg()
	return intBytes(v), errno
}

// setMaxseg makes segments smaller, never larger.
func setMaxseg(s *Socket, val []byte) netbsd.Errno {
	v, errno := positive(val)
	if errno != 0 {
		return errno
	}
	now, errno := s.maxseg()
	switch {
	case errno != 0:
		return errno
	case v > now:
		return netbsd.EINVAL
	}
	k := optionKey{netbsd.IPPROTO_TCP, netbsd.TCP_MAXSEG}
	// The host refuses segments below TCP_MIN_MSS: it does its least.
	if err := unix.SetsockoptInt(s.FD(), unix.IPPROTO_TCP, unix.TCP_MAXSEG, int(max(v, minHostSegment))); err != nil {
		return hostfile.Errno(err)
	}
	s.keep(k, v)
	return 0
}

const minHostSegment = 88

// tcpStates are NetBSD's numbers of the host's states, from TCP_ESTABLISHED, 1, on.
var tcpStates = [...]uint8{0, 4, 2, 3, 6, 9, 10, 0, 5, 8, 1, 7, 3}

// getTCPInfo is struct tcp_info, which is the host's up to tcpi_rcv_space, 104 bytes, but for
// the state; 34 numbers more follow.
func getTCPInfo(s *Socket, _ int) ([]byte, netbsd.Errno) {
	const shared, size = 104, 240
	b := make([]byte, size)
	n, errno := s.hostOption(unix.IPPROTO_TCP, unix.TCP_INFO, b[:shared])
	if errno != 0 || n < 1 {
		return nil, errno
	}
	b[0] = tcpStates[min(int(b[0]), len(tcpStates)-1)]
	return b, 0
}
