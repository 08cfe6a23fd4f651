package syscalls

import "toaster/netbsd"

// netNodes are those of networking. What the host's network has set is not to be seen by number; what
// a program can rely on is that the nodes are there.
func netNodes() []sysctlNode {
	return []sysctlNode{
		sysctlDir(netbsd.AF_LOCAL, "local",
			sysctlDir(netbsd.SOCK_STREAM, "stream",
				sysctlInt(ctlCreateBase, "sendspace", fixedInt(4096)).says("Bytes of a buffer to send"),
				sysctlInt(ctlCreateBase+1, "recvspace", fixedInt(4096)).says("Bytes of a buffer to receive"),
				pcbNode(ctlCreateBase+2, netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0),
			).says("Streams"),
			sysctlDir(netbsd.SOCK_SEQPACKET, "seqpacket",
				pcbNode(ctlCreateBase, netbsd.AF_LOCAL, netbsd.SOCK_SEQPACKET, 0),
			).says("Sequenced packets"),
			sysctlDir(netbsd.SOCK_DGRAM, "dgram",
				sysctlInt(ctlCreateBase, "sendspace", fixedInt(2048)).says("Bytes of a buffer to send"),
				sysctlInt(ctlCreateBase+1, "recvspace", fixedInt(16384)).says("Bytes of a buffer to receive"),
				pcbNode(ctlCreateBase+2, netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0),
			).says("Datagrams"),
		).says("Local sockets"),
		sysctlDir(netbsd.AF_INET, "inet", inetNodes()...).says("IPv4"),
		sysctlDir(netbsd.AF_INET6, "inet6",
			sysctlDir(netbsd.IPPROTO_IPV6, "ip6",
				sysctlInt(1, "forwarding", fixedInt(0)).says("Whether packets are forwarded"),
				sysctlInt(3, "hlim", fixedInt(64)).says("Hop limit of packets"),
				sysctlInt(24, "v6only", fixedInt(1)).says("Whether sockets of IPv6 take no IPv4"),
			).says("IPv6"),
			sysctlDir(netbsd.IPPROTO_TCP, "tcp6",
				pcbNode(ctlCreateBase, netbsd.AF_INET6, netbsd.SOCK_STREAM, netbsd.IPPROTO_TCP),
			).says("TCP"),
			sysctlDir(netbsd.IPPROTO_UDP, "udp6",
				pcbNode(ctlCreateBase, netbsd.AF_INET6, netbsd.SOCK_DGRAM, netbsd.IPPROTO_UDP),
			).says("UDP"),
			sysctlDir(netbsd.IPPROTO_RAW, "raw6",
				pcbNode(ctlCreateBase, netbsd.AF_INET6, netbsd.SOCK_RAW, 0),
			).says("Raw sockets"),
		).says("IPv6"),
		sysctlDir(netbsd.AF_ROUTE, "route",
			sysctlTable(0, "rtable", routeTable).says("Routing table information"),
			sysctlStruct(ctlCreateBase, "stats", zeros(5*8)).says("Routing statistics"),
		).says("PF_ROUTE information"),
	}
}

func inetNodes() []sysctlNode {
	return []sysctlNode{
		sysctlDir(netbsd.IPPROTO_IP, "ip",
			sysctlInt(1, "forwarding", fixedInt(0)).says("Whether packets are forwarded"),
			sysctlInt(3, "ttl", fixedInt(64)).says("Time to live of packets"),
			sysctlInt(10, "anonportmin", fixedInt(49152)).says("Lowest port that is chosen for a program"),
			sysctlInt(11, "anonportmax", fixedInt(65535)).says("Highest port that is chosen for a program"),
		).says("IP"),
		sysctlDir(netbsd.IPPROTO_TCP, "tcp",
			sysctlInt(2, "sendspace", fixedInt(32768)).says("Bytes of a buffer to send"),
			sysctlInt(3, "recvspace", fixedInt(32768)).says("Bytes of a buffer to receive"),
			sysctlInt(4, "mssdflt", fixedInt(536)).says("Segment size by default"),
			pcbNode(ctlCreateBase, netbsd.AF_INET, netbsd.SOCK_STREAM, netbsd.IPPROTO_TCP),
		).says("TCP"),
		sysctlDir(netbsd.IPPROTO_UDP, "udp",
			sysctlInt(1, "checksum", fixedInt(1)).says("Whether checksums are computed"),
			sysctlInt(2, "sendspace", fixedInt(9216)).says("Bytes of a buffer to send"),
			sysctlInt(3, "recvspace", fixedInt(41600)).says("Bytes of a buffer to receive"),
			pcbNode(ctlCreateBase, netbsd.AF_INET, netbsd.SOCK_DGRAM, netbsd.IPPROTO_UDP),
		).says("UDP"),
		sysctlDir(netbsd.IPPROTO_RAW, "raw",
			pcbNode(ctlCreateBase, netbsd.AF_INET, netbsd.SOCK_RAW, 0),
		).says("Raw sockets"),
	}
}
