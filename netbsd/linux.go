package netbsd

import "sync"

// What Linux/amd64 calls things, as pure tables: numbers only, so that this package
// builds and is tested anywhere.

// linuxErrno is indexed by Linux's errno. 1 to 34 agree except EAGAIN (11) and
// EDEADLK; the rest goes by name, and what NetBSD lacks by meaning.
var linuxErrno = [...]Errno{
	1: EPERM, ENOENT, ESRCH, EINTR, EIO, ENXIO, E2BIG, ENOEXEC, EBADF, ECHILD, EAGAIN, ENOMEM,
	EACCES, EFAULT, ENOTBLK, EBUSY, EEXIST, EXDEV, ENODEV, ENOTDIR, EISDIR, EINVAL, ENFILE,
	EMFILE, ENOTTY, ETXTBSY, EFBIG, ENOSPC, ESPIPE, EROFS, EMLINK, EPIPE, EDOM, ERANGE,
	35:  EDEADLK,
	36:  ENAMETOOLONG,
	37:  ENOLCK,
	38:  ENOSYS,
	39:  ENOTEMPTY,
	40:  ELOOP,
	42:  ENOMSG,
	43:  EIDRM,
	56:  EINVAL, // EBADRQC
	60:  ENOSTR,
	61:  ENODATA,
	62:  ETIME,
	63:  ENOSR,
	66:  EREMOTE,
	67:  ENOLINK,
	71:  EPROTO,
	72:  EMULTIHOP,
	74:  EBADMSG,
	75:  EOVERFLOW,
	77:  EBADF, // EBADFD
	84:  EILSEQ,
	85:  EINTR, // ERESTART
	87:  EUSERS,
	88:  ENOTSOCK,
	89:  EDESTADDRREQ,
	90:  EMSGSIZE,
	91:  EPROTOTYPE,
	92:  ENOPROTOOPT,
	93:  EPROTONOSUPPORT,
	94:  ESOCKTNOSUPPORT,
	95:  EOPNOTSUPP,
	96:  EPFNOSUPPORT,
	97:  EAFNOSUPPORT,
	98:  EADDRINUSE,
	99:  EADDRNOTAVAIL,
	100: ENETDOWN,
	101: ENETUNREACH,
	102: ENETRESET,
	103: ECONNABORTED,
	104: ECONNRESET,
	105: ENOBUFS,
	106: EISCONN,
	107: ENOTCONN,
	108: ESHUTDOWN,
	109: ETOOMANYREFS,
	110: ETIMEDOUT,
	111: ECONNREFUSED,
	112: EHOSTDOWN,
	113: EHOSTUNREACH,
	114: EALREADY,
	115: EINPROGRESS,
	116: ESTALE,
	117: EIO, // EUCLEAN: the file system needs repair
	122: EDQUOT,
	123: ENODEV, // ENOMEDIUM
	124: EFTYPE, // EMEDIUMTYPE
	125: ECANCELED,
}

// FromLinux converts an error number of the host; EIO where it has no meaning here.
func FromLinux(errno int) Errno {
	switch {
	case errno == 0:
		return 0
	case errno > 0 && errno < len(linuxErrno) && linuxErrno[errno] != 0:
		return linuxErrno[errno]
	}
	return EIO
}

// linuxSignal is indexed by NetBSD's number; 0 where Linux has no such signal.
var linuxSignal = [...]int{
	SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6, SIGFPE: 8, SIGKILL: 9,
	SIGBUS: 7, SIGSEGV: 11, SIGSYS: 31, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15, SIGURG: 23,
	SIGSTOP: 19, SIGTSTP: 20, SIGCONT: 18, SIGCHLD: 17, SIGTTIN: 21, SIGTTOU: 22, SIGIO: 29,
	SIGXCPU: 24, SIGXFSZ: 25, SIGVTALRM: 26, SIGPROF: 27, SIGWINCH: 28, SIGUSR1: 10, SIGUSR2: 12,
	SIGPWR: 30, SIGRTMAX: 0,
}

// linuxRTMin is the first real-time signal that C libraries on Linux leave to
// programs; NetBSD's 31 of them map onto 34 to 64.
const linuxRTMin = 34

// ToLinux returns the host's number for a signal, 0 where it has none (SIGEMT and
// SIGINFO).
func (s Signal) ToLinux() int {
	switch {
	case !s.Valid():
		return 0
	case s >= SIGRTMIN:
		return linuxRTMin + int(s-SIGRTMIN)
	}
	return linuxSignal[s]
}

// SignalFromLinux converts a signal number of the host; 0 where there is none.
func SignalFromLinux(n int) Signal {
	if n >= linuxRTMin && n < linuxRTMin+int(SIGRTMAX-SIGRTMIN)+1 {
		return SIGRTMIN + Signal(n-linuxRTMin)
	}
	for s, l := range linuxSignal {
		if l == n && n != 0 {
			return Signal(s)
		}
	}
	return 0
}

// bitPair is a bit here and there.
type bitPair struct{ netbsd, linux uint64 }

func toLinux(t []bitPair, v uint64) (l, rest uint64) {
	for _, p := range t {
		if v&p.netbsd == p.netbsd {
			l |= p.linux
			v &^= p.netbsd
		}
	}
	return l, v
}

func fromLinux(t []bitPair, v uint64) (n, rest uint64) {
	for _, p := range t {
		if v&p.linux == p.linux {
			n |= p.netbsd
			v &^= p.linux
		}
	}
	return n, v
}

// linuxOpen: O_RSYNC counts as O_SYNC. Locks (O_SHLOCK, O_EXLOCK), O_NOSIGPIPE,
// O_REGULAR, O_ALT_IO and O_EXEC have no bit on Linux: the caller sees to them.
var linuxOpen = []bitPair{
	{O_WRONLY, 0x1}, {O_RDWR, 0x2}, {O_CREAT, 0x40}, {O_EXCL, 0x80}, {O_NOCTTY, 0x100},
	{O_TRUNC, 0x200}, {O_APPEND, 0x400}, {O_NONBLOCK, 0x800}, {O_SYNC, 0x101000},
	{O_DSYNC, 0x1000}, {O_ASYNC, 0x2000}, {O_DIRECT, 0x4000}, {O_DIRECTORY, 0x10000},
	{O_NOFOLLOW, 0x20000}, {O_CLOEXEC, 0x80000}, {O_SEARCH, 0x200000},
}

// OpenToLinux converts open(2) flags. The rest is what Linux has no bit for.
func OpenToLinux(flags uint64) (linux int, rest uint64) {
	l, r := toLinux(linuxOpen, flags)
	if r&O_RSYNC != 0 {
		l, r = l|0x101000, r&^O_RSYNC
	}
	return int(l), r
}

// OpenFromLinux converts what the host's F_GETFL says; bits unknown here are
// dropped.
func OpenFromLinux(flags int) uint64 {
	n, _ := fromLinux(linuxOpen, uint64(flags))
	return n
}

// ProtToLinux converts PROT_* bits, which are the same; the bits of PROT_MPROTECT
// are dropped.
func ProtToLinux(prot int) int { return prot & (PROT_READ | PROT_WRITE | PROT_EXEC) }

var linuxMsg = []bitPair{
	{MSG_OOB, 0x1}, {MSG_PEEK, 0x2}, {MSG_DONTROUTE, 0x4}, {MSG_CTRUNC, 0x8}, {MSG_TRUNC, 0x20},
	{MSG_DONTWAIT, 0x40}, {MSG_EOR, 0x80}, {MSG_WAITALL, 0x100}, {MSG_NOSIGNAL, 0x4000},
	{MSG_WAITFORONE, 0x10000}, {MSG_CMSG_CLOEXEC, 0x40000000},
}

// MsgToLinux converts flags of send(2) and recv(2).
func MsgToLinux(flags uint64) (linux int, rest uint64) {
	l, r := toLinux(linuxMsg, flags)
	return int(l), r
}

// MsgFromLinux converts the flags that recvmsg(2) of the host returns.
func MsgFromLinux(flags int) uint64 {
	n, _ := fromLinux(linuxMsg, uint64(flags))
	return n
}

// LinuxFamily converts an address family; ok is false where the host has none.
func LinuxFamily(af int) (linux int, ok bool) {
	switch af {
	case AF_UNSPEC, AF_LOCAL, AF_INET:
		return af, true
	case AF_INET6:
		return 10, true
	}
	return 0, false
}

// sockoptKey is a level and an option.
type sockoptKey struct{ level, opt int }

// linuxSockopt has options whose value means the same on both sides, all ints
// except SO_LINGER (the same struct), the timeouts (timeval, which the caller must
// convert: 64-bit microseconds on Linux) and multicast groups.
var linuxSockopt = sync.OnceValue(func() map[sockoptKey]sockoptKey {
	return map[sockoptKey]sockoptKey{
		{SOL_SOCKET, SO_DEBUG}:              {1, 1},
		{SOL_SOCKET, SO_REUSEADDR}:          {1, 2},
		{SOL_SOCKET, SO_TYPE}:               {1, 3},
		{SOL_SOCKET, SO_ERROR}:              {1, 4},
		{SOL_SOCKET, SO_DONTROUTE}:          {1, 5},
		{SOL_SOCKET, SO_BROADCAST}:          {1, 6},
		{SOL_SOCKET, SO_SNDBUF}:             {1, 7},
		{SOL_SOCKET, SO_RCVBUF}:             {1, 8},
		{SOL_SOCKET, SO_KEEPALIVE}:          {1, 9},
		{SOL_SOCKET, SO_OOBINLINE}:          {1, 10},
		{SOL_SOCKET, SO_LINGER}:             {1, 13},
		{SOL_SOCKET, SO_REUSEPORT}:          {1, 15},
		{SOL_SOCKET, SO_RCVLOWAT}:           {1, 18},
		{SOL_SOCKET, SO_SNDLOWAT}:           {1, 19},
		{SOL_SOCKET, SO_RCVTIMEO}:           {1, 20},
		{SOL_SOCKET, SO_SNDTIMEO}:           {1, 21},
		{SOL_SOCKET, SO_TIMESTAMP}:          {1, 29},
		{SOL_SOCKET, SO_ACCEPTCONN}:         {1, 30},
		{IPPROTO_TCP, TCP_NODELAY}:          {6, 1},
		{IPPROTO_TCP, TCP_MAXSEG}:           {6, 2},
		{IPPROTO_TCP, TCP_KEEPIDLE}:         {6, 4},
		{IPPROTO_TCP, TCP_KEEPINTVL}:        {6, 5},
		{IPPROTO_TCP, TCP_KEEPCNT}:          {6, 6},
		{IPPROTO_IP, IP_TOS}:                {0, 1},
		{IPPROTO_IP, IP_TTL}:                {0, 2},
		{IPPROTO_IP, IP_HDRINCL}:            {0, 3},
		{IPPROTO_IP, IP_MULTICAST_IF}:       {0, 32},
		{IPPROTO_IP, IP_MULTICAST_TTL}:      {0, 33},
		{IPPROTO_IP, IP_MULTICAST_LOOP}:     {0, 34},
		{IPPROTO_IP, IP_ADD_MEMBERSHIP}:     {0, 35},
		{IPPROTO_IP, IP_DROP_MEMBERSHIP}:    {0, 36},
		{IPPROTO_IPV6, IPV6_UNICAST_HOPS}:   {41, 16},
		{IPPROTO_IPV6, IPV6_MULTICAST_IF}:   {41, 17},
		{IPPROTO_IPV6, IPV6_MULTICAST_HOPS}: {41, 18},
		{IPPROTO_IPV6, IPV6_MULTICAST_LOOP}: {41, 19},
		{IPPROTO_IPV6, IPV6_JOIN_GROUP}:     {41, 20},
		{IPPROTO_IPV6, IPV6_LEAVE_GROUP}:    {41, 21},
		{IPPROTO_IPV6, IPV6_V6ONLY}:         {41, 26},
		{IPPROTO_IPV6, IPV6_RECVPKTINFO}:    {41, 49},
		{IPPROTO_IPV6, IPV6_PKTINFO}:        {41, 50},
		{IPPROTO_IPV6, IPV6_RECVHOPLIMIT}:   {41, 51},
		{IPPROTO_IPV6, IPV6_HOPLIMIT}:       {41, 52},
		{IPPROTO_IPV6, IPV6_RECVTCLASS}:     {41, 66},
		{IPPROTO_IPV6, IPV6_TCLASS}:         {41, 67},
		{IPPROTO_IPV6, IPV6_DONTFRAG}:       {41, 62},
		{IPPROTO_IP, IP_RECVTTL}:            {0, 12},
		{IPPROTO_IP, IP_PKTINFO}:            {0, 8},
		{IPPROTO_IP, IP_MINTTL}:             {0, 21},
	}
})

// SockoptToLinux converts a level and an option of setsockopt(2).
func SockoptToLinux(level, opt int) (l, o int, ok bool) {
	k, ok := linuxSockopt()[sockoptKey{level, opt}]
	return k.level, k.opt, ok
}
