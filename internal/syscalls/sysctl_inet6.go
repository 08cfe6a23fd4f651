package syscalls

import (
	"slices"

	"toaster/netbsd"
)

// This file has net.inet6 of sysctl(7), as sysctl_inet.go has net.inet.

var (
	ip6Hops      = intOption(64) // IPV6_DEFHLIM
	ip6V6Only    = intOption(1)
	anon6PortMin = intOption(49152)
	anon6PortMax = intOption(65535)
	low6PortMin  = intOption(600)
	low6PortMax  = intOption(1023)
)

func inet6Nodes() []sysctlNode {
	return []sysctlNode{
		sysctlDir(netbsd.IPPROTO_IPV6, "ip6", ip6Nodes()...).says("IPv6"),
		sysctlDir(netbsd.IPPROTO_ICMPV6, "icmp6", icmp6Nodes()...).says("ICMPv6"),
		sysctlDir(netbsd.IPPROTO_TCP, "tcp6", tcpNodes(netbsd.AF_INET6)...).says("TCP"),
		sysctlDir(netbsd.IPPROTO_UDP, "udp6",
			settable(1, "sendspace", 9216, "Bytes of a buffer to send"),
			settable(2, "recvspace", 40*(1024+28), "Bytes of a buffer to receive"),
			settable(3, "do_loopback_cksum", 0, "Whether checksums are computed on loopback interfaces"),
			counters(4, "stats", 10, "UDP statistics"),
			pcbNode(created, netbsd.AF_INET6, netbsd.SOCK_DGRAM, netbsd.IPPROTO_UDP),
		).says("UDP"),
		sysctlDir(netbsd.IPPROTO_RAW, "raw6",
			counters(1, "stats", 7, "Statistics of raw sockets"),
			pcbNode(created, netbsd.AF_INET6, netbsd.SOCK_RAW, 0),
		).says("Raw sockets"),
		sysctlDir(103, "pim6", counters(1, "stats", 7, "PIM statistics")).says("PIM"),
		sysctlTable(created, "multicast", emptyTable).says("Multicast addresses"),
		sysctlTable(created, "multicast_kludge", emptyTable).says("Multicast addresses of interfaces that are gone"),
		sysctlDir(51, "ipsec6", ipsec6Nodes()...).says("IPsec"),
	}
}

func ip6Nodes() []sysctlNode {
	return slices.Concat([]sysctlNode{
		settable(1, "forwarding", 0, "Whether packets are forwarded"),
		settable(2, "redirect", 1, "Whether redirects are sent"),
		ip6Hops.node(3, "hlim", netbsd.CTLTYPE_INT).says("Hop limit of packets"),
		counters(6, "stats", 412, "IPv6 statistics"),
		settable(9, "maxfragpackets", 200, "Maximum number of packets in fragments"),
		settable(13, "keepfaith", 0, "Whether there is a faith(4) interface"),
		settable(14, "log_interval", 5, "Seconds between messages of packets without a route"),
		settable(15, "hdrnestlimit", 50, "Headers of a packet"),
		settable(16, "dad_count", 1, "Number of probes for an address"),
		settable(17, "auto_flowlabel", 1, "Whether flow labels are made up"),
		settable(18, "defmcasthlim", 1, "Hop limit of multicasts"),
		settable(19, "gifhlim", 30, "Hop limit of packets in a gif(4) tunnel"),
		sysctlString(20, "kame_version", fixedString("NetBSD")).says("Version of KAME"),
		settable(21, "use_deprecated", 1, "Whether deprecated addresses are used"),
		ip6V6Only.node(24, "v6only", netbsd.CTLTYPE_INT).says("Whether sockets of IPv6 take no IPv4"),
		settable(35, "auto_linklocal", 0, "Whether interfaces get a local address"),
		sysctlStruct(38, "addctlpolicy", zeros(0)).says("Policy of addresses"),
		settable(39, "use_defaultzone", 0, "Whether there is a zone by default"),
		settable(41, "maxfrags", 200, "Maximum number of fragments"),
		ifqNode(42),
		settableIn(45, "gifpmtu", 0, 0, 1, "MTU of paths in a gif(4) tunnel"),
		settable(46, "ipsecifhlim", 64, "Hop limit of packets in an ipsecif(4) tunnel"),
		settableIn(47, "ipsecifpmtu", 0, 0, 1, "MTU of paths in an ipsecif(4) tunnel"),
		settable(created, "prefer_tempaddr", 0, "Whether temporary addresses are preferred"),
		settable(created, "mcast_pmtu", 0, "Whether the MTU of multicasts is looked for"),
		portAlgorithms(),
		settable(created, "neighborgcthresh", 2048, "Maximum number of neighbours"),
		settable(created, "maxdynroutes", 4096, "Maximum number of routes by redirects"),
		settable(created, "param_rt_msg", 1, "Whether changed parameters of interfaces are told"),
	}, portNodes(28, 29, 30, 31, anon6PortMin, anon6PortMax, low6PortMin, low6PortMax))
}

func icmp6Nodes() []sysctlNode {
	return []sysctlNode{
		counters(1, "stats", 542, "ICMPv6 statistics"),
		settable(2, "rediraccept", 1, "Whether redirects are taken"),
		settableIn(3, "redirtimeout", 600, 0, maxInt, "Seconds that their routes live"),
		settable(6, "nd6_prune", 1, "Seconds between looks at neighbours"),
		settable(8, "nd6_delay", 5, "Seconds before the first probe"),
		settable(9, "nd6_umaxtries", 3, "Number of unicast probes"),
		settable(10, "nd6_mmaxtries", 3, "Number of multicast probes"),
		settable(11, "nd6_useloopback", 1, "Whether local packets go by the loopback interface"),
		settable(13, "nodeinfo", 1, "Whether questions about the node are answered"),
		settable(14, "errppslimit", 100, "Maximum number of errors a second"),
		settable(15, "nd6_maxnudhint", 0, "Hints taken one after the other"),
		settable(16, "mtudisc_hiwat", 1280, "Most routes of a known path's MTU"),
		settable(17, "mtudisc_lowat", 256, "Most routes of an unknown path's MTU"),
		settable(18, "nd6_debug", 0, "Whether discovery of neighbours is logged"),
		sysctlStruct(19, "nd6_drlist", zeros(0)).says("Routers, of NetBSD 9"),
		sysctlStruct(20, "nd6_prlist", zeros(0)).says("Prefixes, of NetBSD 9"),
		settableIn(24, "maxqueuelen", 1, -maxInt-1, maxInt, "Packets that wait for a neighbour"),
		settableBool(25, "reflect_pmtu", false, "Whether replies look for the MTU of the path"),
		settableBool(26, "dynamic_rt_msg", false, "Whether dynamic routes are told"),
	}
}
