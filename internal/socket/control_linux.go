package socket

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// This file turns control messages of the internet's protocols into the host's and back. What a
// guest has written comes here as netbsd.ParseCmsgs has split it; nothing else of it is trusted.

// hostControl makes the host's control messages of those of sendmsg(2). Messages of other levels
// are passed over, as NetBSD does it (ip_setpktopts, ip6_setpktopts). EINVAL: the protocol takes
// none (tcp_send, rip_send), or a value of the wrong size. ENOPROTOOPT: an unknown type.
func (s *Socket) hostControl(msgs []netbsd.Cmsg) ([]byte, netbsd.Errno) {
	switch {
	case s.family == netbsd.AF_INET && s.typ == netbsd.SOCK_DGRAM:
		return hostControl4(msgs)
	case s.family == netbsd.AF_INET6 && s.typ != netbsd.SOCK_STREAM:
		return hostControl6(msgs)
	}
	return nil, netbsd.EINVAL
}

// hostControl4 makes one struct in_pktinfo of the host (interface 0, source 4) of all that say
// where a datagram is to come from.
func hostControl4(msgs []netbsd.Cmsg) ([]byte, netbsd.Errno) {
	var info unix.Inet4Pktinfo
	some := false
	for _, m := range msgs {
		if m.Level != netbsd.IPPROTO_IP {
			continue
		}
		switch {
		case m.Type == netbsd.IP_PKTINFO && len(m.Data) == netbsd.SizeofInPktinfo:
			p := netbsd.DecodeInPktinfo(m.Data)
			info = unix.Inet4Pktinfo{Ifindex: int32(p.Index), Spec_dst: p.Addr}
		case m.Type == netbsd.IP_SENDSRCADDR && len(m.Data) == 4:
			info.Spec_dst = [4]byte(m.Data)
		case m.Type == netbsd.IP_PKTINFO || m.Type == netbsd.IP_SENDSRCADDR:
			return nil, netbsd.EINVAL
		default:
			return nil, netbsd.ENOPROTOOPT
		}
		some = true
	}
	if !some {
		return nil, 0
	}
	return unix.PktInfo4(&info), 0
}

// sourceControl is hostControl4 of a socket whose source was set for all that it sends.
func (s *Socket) sourceControl() []byte {
	var info unix.Inet4Pktinfo
	binary.LittleEndian.PutUint32(info.Spec_dst[:], s.source.Load())
	return unix.PktInfo4(&info)
}

// ip6Controls are the types of IPv6's control messages that the host has, too, with the size of
// the value and the numbers that it may be, if it is one.
var ip6Controls = map[int32]struct {
	host, size int
	lo, hi     int32
}{
	netbsd.IPV6_PKTINFO:  {unix.IPV6_PKTINFO, netbsd.SizeofIn6Pktinfo, 0, 0},
	netbsd.IPV6_HOPLIMIT: {unix.IPV6_HOPLIMIT, 4, -1, 255},
	netbsd.IPV6_TCLASS:   {unix.IPV6_TCLASS, 4, -1, 255},
	netbsd.IPV6_DONTFRAG: {unix.IPV6_DONTFRAG, 4, -1 << 31, 1<<31 - 1},
}

// hostControl6 passes on what the host knows (ip6_setpktopt).
func hostControl6(msgs []netbsd.Cmsg) (oob []byte, errno netbsd.Errno) {
	for _, m := range msgs {
		if m.Level != netbsd.IPPROTO_IPV6 {
			continue
		}
		k, ok := ip6Controls[m.Type]
		switch {
		case !ok && (m.Type == netbsd.IPV6_USE_MIN_MTU || m.Type == netbsd.IPV6_PREFER_TEMPADDR) && len(m.Data) == 4:
			continue // the host has nothing like them
		case !ok:
			return nil, netbsd.ENOPROTOOPT
		case len(m.Data) != k.size:
			return nil, netbsd.EINVAL
		}
		data := m.Data
		if k.size == 4 {
			v := int32(binary.LittleEndian.Uint32(data))
			switch {
			case v < k.lo || v > k.hi:
				return nil, netbsd.EINVAL
			case m.Type == netbsd.IPV6_DONTFRAG: // the host takes 0 and 1
				data = intBytes(min(1, max(v, -v)))
			}
		}
		oob = appendHostCmsg(oob, unix.IPPROTO_IPV6, k.host, data)
	}
	return oob, 0
}

// appendHostCmsg adds a control message of the host: length 0 (8 bytes), level 8, type 12, data 16.
func appendHostCmsg(b []byte, level, kind int, data []byte) []byte {
	b = binary.NativeEndian.AppendUint64(b, uint64(unix.CmsgLen(len(data))))
	b = binary.NativeEndian.AppendUint32(b, uint32(level))
	b = binary.NativeEndian.AppendUint32(b, uint32(kind))
	b = append(b, data...)
	return append(b, make([]byte, -len(b)&7)...)
}

// controlErrno is NetBSD's error for a message that the host has refused with control messages:
// the source is no address of this machine, or there is no such interface.
func (s *Socket) controlErrno(err error, oob []byte) netbsd.Errno {
	switch {
	case err == unix.ENODEV && s.family == netbsd.AF_INET6:
		return netbsd.ENXIO
	case err == unix.ENODEV:
		return netbsd.EADDRNOTAVAIL
	}
	if from := sourceOf(oob); !from.IsUnspecified() && !from.IsLoopback() && !s.stack.hasAddr(from) {
		return netbsd.EADDRNOTAVAIL
	}
	return hostfile.Errno(err)
}

// sourceOf is the source that control messages of the host name, an unspecified address if none.
func sourceOf(oob []byte) netip.Addr {
	msgs, _ := unix.ParseSocketControlMessage(oob)
	for i := range msgs {
		h, data := &msgs[i].Header, msgs[i].Data
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= 8:
			return netip.AddrFrom4([4]byte(data[4:]))
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= 16:
			return netip.AddrFrom16([16]byte(data))
		}
	}
	return netip.IPv6Unspecified()
}

// hasAddr reports whether an interface has the address.
func (k *Stack) hasAddr(addr netip.Addr) bool {
	return slices.ContainsFunc(k.Interfaces(), func(i Interface) bool {
		return slices.ContainsFunc(i.Addrs, func(p netip.Prefix) bool { return p.Addr() == addr })
	})
}

// controlRoom is enough for all the control messages of the internet's protocols that the host
// is ever asked for.
const controlRoom = 512

// guestControl makes NetBSD's control messages of the host's, in NetBSD's order (ip_savecontrol,
// ip6_savecontrol): those that were asked for. The host tells of a destination and an interface
// together.
func guestControl(want options, oob []byte) (list []netbsd.Cmsg) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range msgs {
		h, data := &msgs[i].Header, msgs[i].Data
		switch h.Level {
		case unix.SOL_SOCKET:
			if h.Type == unix.SCM_TIMESTAMP && len(data) == 16 && want&netbsd.SO_TIMESTAMP != 0 {
				list = append(list, netbsd.Cmsg{Level: netbsd.SOL_SOCKET, Type: netbsd.SCM_TIMESTAMP, Data: data})
			}
		case unix.IPPROTO_IP:
			list = appendControl4(list, want, h.Type, data)
		case unix.IPPROTO_IPV6:
			list = appendControl6(list, want, h.Type, data)
		}
	}
	return list
}

// appendControl4 reads the host's struct in_pktinfo (interface 0, local address 4, destination 8)
// and time to live, an int.
func appendControl4(list []netbsd.Cmsg, want options, kind int32, data []byte) []netbsd.Cmsg {
	add := func(bit options, kind int32, data []byte) {
		if want&bit != 0 {
			list = append(list, netbsd.Cmsg{Level: netbsd.IPPROTO_IP, Type: kind, Data: data})
		}
	}
	switch {
	case kind == unix.IP_PKTINFO && len(data) == unix.SizeofInet4Pktinfo:
		index := binary.NativeEndian.Uint32(data)
		info := make([]byte, netbsd.SizeofInPktinfo)
		(&netbsd.InPktinfo{Addr: [4]byte(data[8:]), Index: index}).Encode(info)
		add(recvDstAddr, netbsd.IP_RECVDSTADDR, info[:4:4])
		add(recvPktinfo, netbsd.IP_PKTINFO, info)
		add(recvIf, netbsd.IP_RECVIF, netbsd.LinkIndex(uint16(index)))
	case kind == unix.IP_TTL && len(data) == 4:
		add(recvTTL, netbsd.IP_RECVTTL, data[:1:1])
	}
	return list
}

// appendControl6 renames what has the same form on both sides, but for the address in a path MTU.
func appendControl6(list []netbsd.Cmsg, want options, kind int32, data []byte) []netbsd.Cmsg {
	for _, k := range []struct {
		host, kind int32
		bit        options
		size       int
	}{
		{unix.IPV6_PKTINFO, netbsd.IPV6_PKTINFO, recv6Pktinfo, netbsd.SizeofIn6Pktinfo},
		{unix.IPV6_HOPLIMIT, netbsd.IPV6_HOPLIMIT, recv6Hoplimit, 4},
		{unix.IPV6_TCLASS, netbsd.IPV6_TCLASS, recv6Tclass, 4},
		{unix.IPV6_PATHMTU, netbsd.IPV6_PATHMTU, recv6PathMTU, netbsd.SizeofSockaddrIn6 + 4},
	} {
		if k.host != kind || k.size != len(data) || want&k.bit == 0 {
			continue
		}
		if kind == unix.IPV6_PATHMTU {
			data = slices.Clone(data)
			data[0], data[1] = netbsd.SizeofSockaddrIn6, netbsd.AF_INET6
		}
		list = append(list, netbsd.Cmsg{Level: netbsd.IPPROTO_IPV6, Type: k.kind, Data: data})
	}
	return list
}
