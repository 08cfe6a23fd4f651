package syscalls

import (
	"slices"

	"toaster/internal/socket"
	"toaster/netbsd"
)

// This file has net.inet of sysctl(7): the protocols of IPv4. The packets are the host's; what a superuser sets here is kept and told, and holds
// for new sockets where it is an option of theirs (setDefaults).

const created = netbsd.CTL_CREATE // a number that the kernel makes up (withNumbers)

func inetNodes() []sysctlNode {
	return []sysctlNode{
		sysctlDir(netbsd.IPPROTO_IP, "ip", ipNodes()...).says("IPv4"),
		sysctlDir(netbsd.IPPROTO_ICMP, "icmp", icmpNodes()...).says("ICMP"),
		sysctlDir(2, "igmp", counters(created, "stats", 10, "IGMP statistics")).says("IGMP"),
		sysctlDir(netbsd.IPPROTO_TCP, "tcp", tcpNodes(netbsd.AF_INET)...).says("TCP"),
		sysctlDir(netbsd.IPPROTO_UDP, "udp",
			settable(1, "checksum", 1, "Whether checksums are computed"),
			settable(2, "sendspace", 9216, "Bytes of a buffer to send"),
			settable(3, "recvspace", 41600, "Bytes of a buffer to receive"),
			settable(4, "do_loopback_cksum", 0, "Whether they are on loopback interfaces"),
			pcbNode(created, netbsd.AF_INET, netbsd.SOCK_DGRAM, netbsd.IPPROTO_UDP),
			counters(5, "stats", 9, "UDP statistics"),
		).says("UDP"),
		sysctlDir(netbsd.IPPROTO_RAW, "raw",
			pcbNode(created, netbsd.AF_INET, netbsd.SOCK_RAW, 0),
		).says("Raw sockets"),
		sysctlDir(4, "ipip", counters(created, "ipip_stats", 10, "IPIP statistics")).says("IP in IP"),
		sysctlDir(50, "esp", counters(created, "esp_stats", 276, "ESP statistics")).says("ESP"),
		sysctlDir(51, "ah", counters(created, "ah_stats", 35, "AH statistics")).says("AH"),
		sysctlDir(108, "ipcomp", counters(created, "ipcomp_stats", 25, "IPComp statistics")).says("IPComp"),
		sysctlDir(112, "carp",
			settable(created, "preempt", 0, "Whether a better host takes over"),
			settable(created, "arpbalance", 0, "Whether ARP balances"),
			settable(created, "allow", 1, "Whether CARP packets are taken"),
			settable(created, "log", 0, "Whether errors are logged"),
			counters(5, "stats", 16, "CARP statistics"),
		).says("CARP"),
		sysctlDir(0x1000, "accf",
			sysctlDir(2, "http", settable(1, "parsehttpversion", 1, "Whether the version is looked at")).says("Filter of HTTP"),
		).says("Filters of accept(2)"),
		sysctlTable(created, "multicast", emptyTable).says("Multicast addresses"),
		sysctlDir(created, "arp", arpNodes()...).says("Address resolution"),
		sysctlDir(created, "ipsec", ipsec4Nodes()...).says("IPsec"),
	}
}

var (
	ipTTL       = intOption(64) // IPDEFTTL
	anonPortMin = intOption(49152)
	anonPortMax = intOption(65535)
	lowPortMin  = intOption(600)
	lowPortMax  = intOption(1023)
)

func ipNodes() []sysctlNode {
	return slices.Concat([]sysctlNode{
		settable(1, "forwarding", 0, "Whether packets are forwarded"),
		settable(2, "redirect", 1, "Whether redirects are sent"),
		ipTTL.node(3, "ttl", netbsd.CTLTYPE_INT).says("Time to live of packets"),
		settable(5, "forwsrcrt", 1, "Whether packets with a source route are forwarded").judged(belowSecurelevel),
		settable(6, "directed-broadcast", 0, "Whether broadcasts are forwarded"),
		settable(7, "allowsrcrt", 1, "Whether packets with a source route are taken"),
		settable(8, "subnetsarelocal", 1, "Whether subnets are local"),
		settable(9, "mtudisc", 1, "Whether the MTU of paths is looked for"),
		settableIn(12, "mtudisctimeout", 600, 0, maxInt, "Seconds that such a route lives"),
		settable(14, "hostzerobroadcast", 0, "Whether the address of zeros is a broadcast"),
		settable(15, "gifttl", 30, "Time to live of packets in a gif(4) tunnel"),
		settable(18, "maxfragpackets", 200, "Maximum number of packets in fragments"),
		settable(19, "grettl", 30, "Time to live of packets in a gre(4) tunnel"),
		settable(20, "checkinterface", 0, "Whether a packet must arrive where its address is"),
		ifqNode(21),
		settable(22, "random_id", 0, "Whether ids of packets are random"),
		settable(23, "do_loopback_cksum", 0, "Whether checksums are computed on loopback interfaces"),
		counters(24, "stats", 41, "IP statistics"),
		settable(25, "dad_count", 3, "Number of probes for an address"),
		sysctlDir(created, "selectsrc",
			settable(created, "debug", 0, "Whether the choice of source addresses is logged"),
			sysctlStruct(created, "default", zeros(128)).says("Policy of the choice"),
		).says("Choice of source addresses"),
		portAlgorithms(),
	}, portNodes(10, 11, 16, 17, anonPortMin, anonPortMax, lowPortMin, lowPortMax))
}

// portNodes are the four ports of sysctl_net_inet_ip_ports, which has the bounds.
func portNodes(anonLo, anonHi, lowLo, lowHi int32, amin, amax, lmin, lmax *option) []sysctlNode {
	const reserved = 1024 // IPPORT_RESERVED
	between := func(lo, hi int64, below, above *option) func(*Call, int64) netbsd.Errno {
		return func(c *Call, v int64) netbsd.Errno {
			if v < lo || v > hi || below != nil && v >= below.number(c.K) || above != nil && v <= above.number(c.K) {
				return netbsd.EINVAL
			}
			return 0
		}
	}
	return []sysctlNode{
		amin.node(anonLo, "anonportmin", netbsd.CTLTYPE_INT).judged(between(reserved, 65535, amax, nil)).says("Lowest port that is chosen for a program"),
		amax.node(anonHi, "anonportmax", netbsd.CTLTYPE_INT).judged(between(reserved, 65535, nil, amin)).says("Highest port that is chosen for a program"),
		lmin.node(lowLo, "lowportmin", netbsd.CTLTYPE_INT).judged(between(0, reserved-1, lmax, nil)).says("Lowest reserved port that is chosen"),
		lmax.node(lowHi, "lowportmax", netbsd.CTLTYPE_INT).judged(between(0, reserved-1, nil, lmin)).says("Highest reserved port that is chosen"),
	}
}

// algorithms are those of rfc6056(7); the host chooses, whatever is selected.
var algorithms = []string{"bsd", "random_start", "random_pick", "hash", "doublehash", "randinc"}

func portAlgorithms() sysctlNode {
	return sysctlDir(created, "anonportalgo",
		sysctlString(created, "available", fixedString("bsd random_start random_pick hash doublehash randinc")).says("Ways to choose ports"),
		oneOf(created, "selected", "bsd", 16, algorithms, "Way to choose ports"),
		portsReserved(),
	).says("Choice of ports")
}

// portsReserved is a bitmap of ports that are not chosen (sysctl_portalgo_reserve).
func portsReserved() sysctlNode {
	return (&option{make([]byte, 65536/8)}).node(created, "reserve", netbsd.CTLTYPE_STRUCT).says("Ports that are not chosen")
}

// oneOf is a string that is one of those. EINVAL: the new one is none.
func oneOf(num int32, name, v string, room int, of []string, about string) sysctlNode {
	n := settableText(num, name, v, room, about)
	set := n.set
	n.set = setString(room, func(c *Call, s string) netbsd.Errno {
		if !slices.Contains(of, s) {
			return netbsd.EINVAL
		}
		return set(c, []byte(s))
	})
	return n
}

// ifqNode is the queue of arriving packets, which is the host's.
func ifqNode(num int32) sysctlNode {
	return sysctlDir(num, "ifq",
		sysctlQuad(1, "len", noCount).says("Packets that wait"),
		settableIn(2, "maxlen", 256, 0, maxInt, "Most packets that wait"),
		sysctlQuad(4, "drops", noCount).says("Packets for which there was no room"),
	).says("Queue of arriving packets")
}

func icmpNodes() []sysctlNode {
	return []sysctlNode{
		settable(1, "maskrepl", 0, "Whether questions for the netmask are answered"),
		settableIn(3, "returndatabytes", 8, 8, 512, "Bytes of the packet that an error returns"),
		settable(4, "errppslimit", 100, "Maximum number of errors a second"),
		settable(5, "rediraccept", 1, "Whether redirects are taken"),
		settableIn(6, "redirtimeout", 600, 0, maxInt, "Seconds that their routes live"),
		sysctlStruct(7, "stats", zeros(8*(13+2*19))).says("ICMP statistics"),
		settable(8, "bmcastecho", 0, "Whether echo to broadcasts is answered"),
		settableBool(9, "dynamic_rt_msg", false, "Whether dynamic routes are told"),
	}
}

func arpNodes() []sysctlNode {
	return []sysctlNode{
		counters(created, "stats", 23, "ARP statistics"),
		settable(created, "log_movements", 1, "Whether other hardware addresses are logged"),
		settable(created, "log_permanent_modify", 1, "Whether they are for permanent entries"),
		settable(created, "log_wrong_iface", 1, "Whether the wrong interface is logged"),
		settable(created, "debug", 0, "Whether collisions of addresses are logged"),
		settable(created, "nd_delay", 5, "Seconds before the first probe"),
		settable(created, "nd_bmaxtries", 3, "Number of broadcast probes"),
		settable(created, "nd_umaxtries", 3, "Number of unicast probes"),
		settable(created, "nd_reachable", 30000, "Milliseconds that an entry is good"),
		settable(created, "nd_retrans", 1000, "Milliseconds between probes"),
		settable(created, "nd_nud", 1, "Whether entries are probed"),
		settable(created, "nd_maxnudhint", 0, "Hints taken one after the other"),
		settable(created, "maxqueuelen", 1, "Packets that wait for an address"),
	}
}

// congestionControls are those that GENERIC has.
var congestionControls = []string{"reno", "newreno", "cubic"}

// tcpNodes are net.inet.tcp and net.inet6.tcp6, which have most in common (sysctl_net_inet_tcp_setup2): each option is one, under both names.
func tcpNodes(family int) []sysctlNode {
	return append([]sysctlNode{pcbNode(created, family, netbsd.SOCK_STREAM, netbsd.IPPROTO_TCP)}, tcpOptions...)
}

// slowHz is PR_SLOWHZ, in whose ticks TCP counts.
const slowHz = 2

var tcpOptions = []sysctlNode{
	settable(1, "rfc1323", 1, "Whether there are extensions of RFC 1323"),
	settable(2, "sendspace", 32768, "Bytes of a buffer to send"),
	settable(3, "recvspace", 32768, "Bytes of a buffer to receive"),
	settableIn(4, "mssdflt", 536, 32, maxInt, "Segment size by default"),
	settable(5, "syn_cache_limit", 293*35, "Connections on their way"),
	settable(6, "syn_bucket_limit", 3*35, "Those of one hash"),
	settableIn(8, "init_win", 4, 0, 10, "First window in segments"),
	settable(9, "mss_ifmtu", 0, "Whether segments go by the interface's MTU"),
	sysctlDir(10, "sack",
		settable(created, "enable", 1, "Whether there are selective acknowledgements"),
		settable(created, "maxholes", 32, "Holes of a connection"),
		settable(created, "globalmaxholes", 1024, "Holes of all connections"),
		constant(created, "globalholes", 0, "Number of holes"),
	).says("Selective acknowledgements"),
	settable(11, "win_scale", 1, "Whether windows are scaled"),
	settable(12, "timestamps", 1, "Whether there are timestamps"),
	settable(14, "cwm", 0, "Whether the window is watched"),
	settable(15, "cwm_burstsize", 4, "Packets of a burst"),
	settable(16, "ack_on_push", 0, "Whether pushed data are acknowledged at once"),
	settable(17, "keepidle", 120*60*slowHz, "Ticks before a connection is probed"),
	settable(18, "keepintvl", 75*slowHz, "Ticks between probes"),
	settable(19, "keepcnt", 8, "Number of probes"),
	constant(20, "slowhz", slowHz, "Ticks of a second"),
	settable(22, "log_refused", 0, "Whether refused connections are logged"),
	settable(24, "rstppslimit", 100, "Maximum number of resets a second"),
	settable(25, "delack_ticks", hz/5, "Ticks of the clock before an acknowledgement"),
	settableIn(26, "init_win_local", 4, 0, 10, "First window of the local network"),
	sysctlRefuse(27, "ident", netbsd.EINVAL).says("Users of connections"),
	settable(29, "do_loopback_cksum", 0, "Whether checksums are computed on loopback interfaces"),
	counters(30, "stats", 76, "TCP statistics"),
	sysctlRefuse(33, "drop", netbsd.EPERM).says("To drop a connection"),
	settable(34, "msl", 30, "Seconds that a segment lives"),
	settable(created, "minmss", 216, "Lowest segment size"),
	sysctlDir(created, "congctl",
		sysctlString(created, "available", fixedString("reno newreno cubic")).says("Kinds of congestion control"),
		oneOf(created, "selected", "newreno", 12, congestionControls, "Congestion control"),
	).says("Congestion control"),
	settable(created, "keepinit", 75*slowHz, "Ticks of a connection on its way"),
	settable(created, "recvbuf_auto", 1, "Whether buffers to receive grow"),
	settable(created, "recvbuf_inc", 16<<10, "By how much they do"),
	settable(created, "recvbuf_max", 256<<10, "How far they do"),
	settable(created, "sendbuf_auto", 1, "Whether buffers to send grow"),
	settable(created, "sendbuf_inc", 8<<10, "By how much they do"),
	settable(created, "sendbuf_max", 256<<10, "How far they do"),
	sysctlDir(created, "ecn",
		settable(created, "enable", 0, "Whether congestion is notified"),
		settable(created, "maxretries", 1, "Number of trials"),
	).says("Notification of congestion"),
	settable(created, "local_by_rtt", 0, "Whether the round trip says what is local"),
	settable(created, "iss_hash", 0, "Whether first sequence numbers are hashes"),
	sysctlDir(created, "abc",
		settable(created, "enable", 1, "Whether bytes are counted"),
		settable(created, "aggressive", 1, "Whether two segments are added"),
	).says("Byte counting"),
	sysctlDir(created, "mslt",
		settable(created, "enable", 1, "Whether TIME_WAIT is shortened"),
		settable(created, "loopback", slowHz, "Ticks on loopback"),
		settable(created, "local", 5*slowHz, "Ticks in the local network"),
		settable(created, "remote", 30*slowHz, "Ticks to others"),
		settable(created, "remote_threshold", 3*slowHz, "Round trip of others"),
	).says("Length of TIME_WAIT"),
	sysctlDir(created, "vtw",
		settable(created, "enable", 0, "Whether TIME_WAIT is kept apart"),
		constant(created, "entries", 16, "Number of such entries"),
	).says("TIME_WAIT kept apart"),
}

// setDefaults sets the options of a new socket whose defaults the superuser has changed by sysctl(3). The others keep the defaults of the host.
func (k *Kernel) setDefaults(s *socket.Socket, family int) {
	set := func(o *option, level, name int) {
		if v, ok := k.options.set.Load(o); ok {
			s.Setsockopt(level, name, v.([]byte))
		}
	}
	switch family {
	case netbsd.AF_INET:
		set(ipTTL, netbsd.IPPROTO_IP, netbsd.IP_TTL)
	case netbsd.AF_INET6:
		set(ip6Hops, netbsd.IPPROTO_IPV6, netbsd.IPV6_UNICAST_HOPS)
		set(ip6V6Only, netbsd.IPPROTO_IPV6, netbsd.IPV6_V6ONLY)
	}
	for all, bit := uint32(socketOptions.number(k)), uint32(1); all != 0 && bit != 0; bit <<= 1 {
		if all&bit != 0 {
			s.Setsockopt(netbsd.SOL_SOCKET, int(bit), []byte{1, 0, 0, 0})
		}
		all &^= bit
	}
}
