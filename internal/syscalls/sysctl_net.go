package syscalls

import (
	"toaster/netbsd"
)

// netNodes are those of networking. What the host's network has set is not to be seen by number; what
// a program can rely on is that the nodes are there.
func netNodes() []sysctlNode {
	return withNumbers([]sysctlNode{
		sysctlDir(netbsd.AF_LOCAL, "local",
			sysctlDir(netbsd.SOCK_STREAM, "stream",
				settableQuad(created, "sendspace", 8192, "Bytes of a buffer to send"),
				settableQuad(created, "recvspace", 8192, "Bytes of a buffer to receive"),
				pcbNode(created, netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0),
			).says("Streams"),
			sysctlDir(netbsd.SOCK_SEQPACKET, "seqpacket",
				pcbNode(created, netbsd.AF_LOCAL, netbsd.SOCK_SEQPACKET, 0),
			).says("Sequenced packets"),
			sysctlDir(netbsd.SOCK_DGRAM, "dgram",
				settableQuad(created, "sendspace", 2048, "Bytes of a buffer to send"),
				settableQuad(created, "recvspace", 16384, "Bytes of a buffer to receive"),
				pcbNode(created, netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0),
			).says("Datagrams"),
			constant(created, "inflight", 0, "Open files on their way"),
			constant(created, "deferred", 0, "Open files that are still to be closed"),
		).says("Local sockets"),
		sysctlDir(netbsd.AF_INET, "inet", inetNodes()...).says("IPv4"),
		sysctlDir(netbsd.AF_INET6, "inet6", inet6Nodes()...).says("IPv6"),
		sysctlDir(16, "atalk",
			sysctlDir(5, "ddp", counters(created, "stats", 10, "DDP statistics")).says("DDP"),
		).says("AppleTalk"),
		sysctlDir(netbsd.AF_LINK, "link",
			sysctlDir(created, "tap").says("Interfaces of tap(4)"),
			sysctlDir(created, "ieee80211", settable(created, "debug", 0, "Whether it is logged")).says("Wireless networks"),
		).says("Links"),
		sysctlDir(29, "key", keyNodes()...).says("Keys of IPsec"),
		sysctlDir(31, "bluetooth", append(bluetoothNodes(), settable(created, "debug", 0, "Whether it is logged"))...).says("Bluetooth"),
		sysctlDir(netbsd.AF_ROUTE, "route",
			sysctlTable(0, "rtable", routeTable).says("Routing table information"),
			sysctlStruct(created, "stats", zeros(5*8)).says("Routing statistics"),
		).says("PF_ROUTE information"),
		sysctlDir(created, "bpf",
			settableBool(created, "jit", false, "Whether filters are compiled"),
			settableIn(created, "maxbufsize", 1<<20, 32, 16<<20, "Most bytes of a buffer"),
			counters(created, "stats", 16, "Statistics of filters"),
			sysctlStruct(created, "peers", zeros(0)).says("Who has filters"),
		).says("Packet filter"),
		sysctlTable(created, "sdl", emptyTable).says("Link addresses"),
		{num: created, name: "interfaces", kind: netbsd.CTLTYPE_NODE, about: "Interfaces", found: interfaceNodes},
		sysctlDir(created, "ether",
			sysctlTable(created, "multicast", emptyTable).says("Multicast addresses"),
			rpsHash(),
		).says("Ethernet"),
		sysctlDir(created, "gif", rpsHash()).says("Tunnels of gif(4)"),
		sysctlDir(created, "ipsecif", rpsHash(),
			settableBool(created, "use_fixed_reqid", false, "Whether ids are fixed"),
			settable(created, "reqid_base", 0x2000, "First fixed id"),
			settable(created, "reqid_last", 0x2fff, "Last fixed id"),
		).says("Tunnels of ipsecif(4)"),
		sysctlDir(created, "pppoe", settableBool(created, "term_unknown", false, "Whether unknown sessions are ended"), rpsHash()).says("PPP over Ethernet"),
		inputQueues(),
		sysctlDir(created, "rtcache", settable(created, "debug", 0, "Whether caches of routes are logged")).says("Caches of routes"),
	})
}

// interfaceNodes are the queues of the interfaces that the machine sees: the packets in them are the host's.
func interfaceNodes(c *Call) (list []sysctlNode) {
	if c == nil || c.K == nil || c.K.Sockets == nil {
		return nil
	}
	for n, i := range c.K.Sockets.Interfaces() {
		list = append(list, sysctlDir(int32(ctlCreateBase+n), i.Name,
			sysctlDir(ctlCreateBase, "sndq",
				constant(ctlCreateBase, "len", 0, "Packets that wait"),
				constant(ctlCreateBase+1, "maxlen", 256, "Most packets that wait"),
				sysctlQuad(ctlCreateBase+2, "drops", noCount).says("Packets for which there was no room"),
			).says("Queue of departing packets"),
			sysctlDir(ctlCreateBase+1, "rcvq",
				sysctlQuad(ctlCreateBase, "drops", noCount).says("Packets for which there was no room"),
			).says("Queue of arriving packets"),
		).says("An interface"))
	}
	return list
}

// rpsHash is how packets are spread over processors (sysctl_pktq_rps_hash_handler).
func rpsHash() sysctlNode {
	return oneOf(created, "rps_hash", "toeplitz", 32, []string{"zero", "curcpu", "toeplitz", "toeplitz-othercpus"}, "How arriving packets are spread")
}

// inputQueues are those of protocols that have threads for what arrives (wqinput_create).
func inputQueues() sysctlNode {
	n := sysctlDir(created, "wqinput").says("Queues of protocols")
	for _, name := range []string{"icmp", "icmp6", "carp", "carp6"} {
		n.children = append(n.children, sysctlDir(created, name,
			sysctlDir(created, "inputq", sysctlQuad(created, "drops", noCount).says("Packets for which there was no room")).says("Queue of arriving packets"),
		).says("A protocol"))
	}
	return n
}
