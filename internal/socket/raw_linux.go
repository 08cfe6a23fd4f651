package socket

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// This file has what is NetBSD's way of raw sockets of IPv4. A packet's header has its length and
// the offset of a fragment in the processor's order; what is received does not count the header
// in its length (rip_input, rip_output).

const (
	ipLen       = 2 // offsets in an IP header
	ipOff       = 6
	ipHeaderMin = 20
)

func (s *Socket) rawIP() bool { return s.typ == netbsd.SOCK_RAW && s.family == netbsd.AF_INET }

// toWire puts the header of a packet that a guest has made in the network's order.
func (s *Socket) toWire(b []byte) {
	if s.rawIP() && s.has(hdrIncl) && len(b) >= ipHeaderMin {
		swap(b[ipLen:])
		swap(b[ipOff:])
	}
}

// fromWire makes NetBSD's header of the one that came.
func (s *Socket) fromWire(b []byte) {
	if !s.rawIP() || len(b) < ipHeaderMin {
		return
	}
	size := binary.BigEndian.Uint16(b[ipLen:])
	binary.NativeEndian.PutUint16(b[ipLen:], size-uint16(b[0]&0xf)*4)
	swap(b[ipOff:])
}

// swap puts two bytes in the other order, if that is not the processor's.
func swap(b []byte) { binary.NativeEndian.PutUint16(b, binary.BigEndian.Uint16(b)) }

// The types of ICMP that NetBSD answers without telling raw sockets of them (icmp_input).
const (
	icmpEcho      = 8
	icmpTimestamp = 13
)

// hideRequests has the host keep those, which it shows to every raw socket, from one of ICMP.
func (s *Socket) hideRequests(proto int) {
	if !s.rawIP() || proto != unix.IPPROTO_ICMP {
		return
	}
	const icmpFilter = 1 // ICMP_FILTER
	unix.SetsockoptInt(s.FD(), unix.SOL_RAW, icmpFilter, 1<<icmpEcho|1<<icmpTimestamp)
}
