package netbsd

// Socket types of socket(2), and the flags that go with them.
const (
	SOCK_STREAM     = 1
	SOCK_DGRAM      = 2
	SOCK_RAW        = 3
	SOCK_RDM        = 4
	SOCK_SEQPACKET  = 5
	SOCK_CLOEXEC    = 0x10000000
	SOCK_NONBLOCK   = 0x20000000
	SOCK_NOSIGPIPE  = 0x40000000
	SOCK_CLOFORK    = 0x80000000
	SOCK_FLAGS_MASK = 0xf0000000
)

// Address families.
const (
	AF_UNSPEC = 0
	AF_LOCAL  = 1
	AF_UNIX   = 1
	AF_INET   = 2
	AF_LINK   = 18
	AF_INET6  = 24
	AF_ROUTE  = 34
	AF_OROUTE = 17
	AF_MAX    = 37
)

// Levels and options of setsockopt(2).
const (
	SOL_SOCKET      = 0xffff
	SO_DEBUG        = 1
	SO_ACCEPTCONN   = 2
	SO_REUSEADDR    = 4
	SO_KEEPALIVE    = 8
	SO_DONTROUTE    = 0x10
	SO_BROADCAST    = 0x20
	SO_USELOOPBACK  = 0x40
	SO_LINGER       = 0x80
	SO_OOBINLINE    = 0x100
	SO_REUSEPORT    = 0x200
	SO_NOSIGPIPE    = 0x800
	SO_ACCEPTFILTER = 0x1000
	SO_TIMESTAMP    = 0x2000
	SO_RERROR       = 0x4000
	SO_SNDBUF       = 0x1001
	SO_RCVBUF       = 0x1002
	SO_SNDLOWAT     = 0x1003
	SO_RCVLOWAT     = 0x1004
	SO_ERROR        = 0x1007
	SO_TYPE         = 0x1008
	SO_OVERFLOWED   = 0x1009
	SO_NOHEADER     = 0x100a
	SO_SNDTIMEO     = 0x100b
	SO_RCVTIMEO     = 0x100c
)

// Protocols.
const (
	IPPROTO_IP     = 0
	IPPROTO_ICMP   = 1
	IPPROTO_TCP    = 6
	IPPROTO_UDP    = 17
	IPPROTO_IPV6   = 41
	IPPROTO_ICMPV6 = 58
	IPPROTO_RAW    = 255
)

// Options of TCP.
const (
	TCP_NODELAY   = 1
	TCP_MAXSEG    = 2
	TCP_KEEPIDLE  = 3
	TCP_KEEPINTVL = 5
	TCP_KEEPCNT   = 6
	TCP_KEEPINIT  = 7
	TCP_INFO      = 9
	TCP_MD5SIG    = 16
	TCP_CONGCTL   = 32
)

// Options of IP.
const (
	IP_OPTIONS         = 1
	IP_HDRINCL         = 2
	IP_TOS             = 3
	IP_TTL             = 4
	IP_RECVOPTS        = 5
	IP_RECVRETOPTS     = 6
	IP_RECVDSTADDR     = 7
	IP_RETOPTS         = 8
	IP_MULTICAST_IF    = 9
	IP_MULTICAST_TTL   = 10
	IP_MULTICAST_LOOP  = 11
	IP_ADD_MEMBERSHIP  = 12
	IP_DROP_MEMBERSHIP = 13
	IP_PORTALGO        = 18
	IP_PORTRANGE       = 19
	IP_RECVIF          = 20
	IP_ERRORMTU        = 21
	IP_RECVTTL         = 23
	IP_MINTTL          = 24
	IP_PKTINFO         = 25
	IP_RECVPKTINFO     = 26
	IP_SENDSRCADDR     = IP_RECVDSTADDR // of a message that is sent

	// Where IP_PORTRANGE and IPV6_PORTRANGE look for a free port.
	IP_PORTRANGE_DEFAULT = 0
	IP_PORTRANGE_HIGH    = 1
	IP_PORTRANGE_LOW     = 2
)

// Options of IPv6, and one of ICMPv6.
const (
	IPV6_UNICAST_HOPS     = 4
	IPV6_MULTICAST_IF     = 9
	IPV6_MULTICAST_HOPS   = 10
	IPV6_MULTICAST_LOOP   = 11
	IPV6_JOIN_GROUP       = 12
	IPV6_LEAVE_GROUP      = 13
	IPV6_PORTRANGE        = 14
	IPV6_PORTALGO         = 17
	ICMP6_FILTER          = 18
	IPV6_CHECKSUM         = 26
	IPV6_V6ONLY           = 27
	IPV6_FAITH            = 29
	IPV6_RTHDRDSTOPTS     = 35
	IPV6_RECVPKTINFO      = 36
	IPV6_RECVHOPLIMIT     = 37
	IPV6_RECVRTHDR        = 38
	IPV6_RECVHOPOPTS      = 39
	IPV6_RECVDSTOPTS      = 40
	IPV6_RECVRTHDRDSTOPTS = 41
	IPV6_USE_MIN_MTU      = 42
	IPV6_RECVPATHMTU      = 43
	IPV6_PATHMTU          = 44
	IPV6_PKTINFO          = 46
	IPV6_HOPLIMIT         = 47
	IPV6_NEXTHOP          = 48
	IPV6_HOPOPTS          = 49
	IPV6_DSTOPTS          = 50
	IPV6_RTHDR            = 51
	IPV6_RECVTCLASS       = 57
	IPV6_OTCLASS          = 58
	IPV6_TCLASS           = 61
	IPV6_DONTFRAG         = 62
	IPV6_PREFER_TEMPADDR  = 63
)

// Options of local sockets, at level 0 (unix(4)). LOCAL_OCREDS is the one from before NetBSD 8.
const (
	LOCAL_OCREDS   = 1
	LOCAL_CONNWAIT = 2
	LOCAL_PEEREID  = 3
	LOCAL_CREDS    = 4
)

// Flags of send(2) and recv(2).
const (
	MSG_OOB          = 1
	MSG_PEEK         = 2
	MSG_DONTROUTE    = 4
	MSG_EOR          = 8
	MSG_TRUNC        = 0x10
	MSG_CTRUNC       = 0x20
	MSG_WAITALL      = 0x40
	MSG_DONTWAIT     = 0x80
	MSG_BCAST        = 0x100
	MSG_MCAST        = 0x200
	MSG_NOSIGNAL     = 0x400
	MSG_CMSG_CLOEXEC = 0x800
	MSG_NBIO         = 0x1000
	MSG_WAITFORONE   = 0x2000
	MSG_CMSG_CLOFORK = 0x8000
)

// Types of control messages, and the sides of shutdown(2).
const (
	SCM_RIGHTS    = 1
	SCM_OCREDS    = 4
	SCM_TIMESTAMP = 8
	SCM_CREDS     = 16
	SHUT_RD       = 0
	SHUT_WR       = 1
	SHUT_RDWR     = 2
	SOMAXCONN     = 128
)

// Interface flags, and the requests of the routing sysctl.
const (
	IFF_UP          = 1
	IFF_BROADCAST   = 2
	IFF_DEBUG       = 4
	IFF_LOOPBACK    = 8
	IFF_POINTOPOINT = 0x10
	IFF_RUNNING     = 0x40
	IFF_NOARP       = 0x80
	IFF_PROMISC     = 0x100
	IFF_ALLMULTI    = 0x200
	IFF_SIMPLEX     = 0x800
	IFF_MULTICAST   = 0x8000

	IFLR_ACTIVE    = 0x4000 // of SIOCGLIFADDR
	IFLR_FACTORY   = 0x2000
	IFLR_PREFIX    = 0x8000
	NET_RT_DUMP    = 1
	NET_RT_FLAGS   = 2
	NET_RT_OIFLIST = 5
	NET_RT_IFLIST  = 6
	RTM_VERSION    = 4
)

// Types of routing messages (route(4)). Go knows the numbers of before NetBSD 8 of RTM_NEWADDR and
// RTM_DELADDR.
const (
	RTM_ADD        = 0x1
	RTM_DELETE     = 0x2
	RTM_CHANGE     = 0x3
	RTM_GET        = 0x4
	RTM_LOCK       = 0x8
	RTM_ONEWADDR   = 0xc
	RTM_ODELADDR   = 0xd
	RTM_OIFINFO    = 0xf
	RTM_IFANNOUNCE = 0x10
	RTM_IFINFO     = 0x14
	RTM_NEWADDR    = 0x16
	RTM_DELADDR    = 0x17
)

// Flags of routes, and what RTM_IFANNOUNCE announces.
const (
	RTF_UP         = 0x1
	RTF_GATEWAY    = 0x2
	RTF_HOST       = 0x4
	RTF_REJECT     = 0x8
	RTF_DONE       = 0x40
	RTF_CONNECTED  = 0x100
	RTF_STATIC     = 0x800
	RTF_BLACKHOLE  = 0x1000
	RTF_LOCAL      = 0x40000
	IFAN_ARRIVAL   = 0
	IFAN_DEPARTURE = 1
)
