package socket

import (
	"encoding/binary"
	"testing"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

// rawSocket makes one; only root may.
func rawSocket(t *testing.T, family, proto int) *Socket {
	t.Helper()
	s, errno := newStack(t, Config{}).NewSocket(family, netbsd.SOCK_RAW, proto)
	if errno == netbsd.EPERM || errno == netbsd.EAFNOSUPPORT {
		t.Skip("the host has no raw sockets for this user: ", errno)
	}
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(s.Close)
	return s
}

// echo is an echo request of ICMP with a checksum.
func echo() []byte {
	b := []byte{icmpEcho, 0, 0, 0, 0x12, 0x34, 0, 1, 't', 'o', 'a', 's'}
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(b[2:], ^uint16(sum))
	return b
}

// rip_output takes a header, and rip_input returns one, with length and offset in the processor's
// order, the latter without the header in its length. A raw socket does not see the request that
// the kernel answers (icmp_input).
func TestRawIP(t *testing.T) {
	for _, proto := range []int{netbsd.IPPROTO_ICMP, 0} {
		s := rawSocket(t, netbsd.AF_INET, proto)
		s.Setsockopt(netbsd.IPPROTO_IP, netbsd.IP_HDRINCL, on)
		s.Setsockopt(netbsd.SOL_SOCKET, netbsd.SO_RCVTIMEO, values(60, 0, 0, 0))
		data := echo()
		packet := append(make([]byte, ipHeaderMin), data...)
		packet[0], packet[8], packet[9] = 0x45, 64, netbsd.IPPROTO_ICMP
		binary.NativeEndian.PutUint16(packet[ipLen:], uint16(len(packet)))
		binary.NativeEndian.PutUint16(packet[ipOff:], 0x4000) // IP_DF
		copy(packet[16:], []byte{127, 0, 0, 1})
		call := file.Call{L: filetest.NewSleeper()}
		if n, errno := s.Send(call, packet, &Message{Addr: loopback(0)}); n != len(packet) || errno != 0 {
			t.Fatal(n, errno)
		}
		b := make([]byte, 99)
		n, errno := s.Recv(call, b, &Message{}, false)
		if errno != 0 || n != len(packet) || b[ipHeaderMin] != 0 {
			t.Fatalf("protocol %d: %x, %v, want an echo reply", proto, b[:n], errno)
		}
		if size := binary.NativeEndian.Uint16(b[ipLen:]); int(size) != len(data) {
			t.Errorf("ip_len is %d, want %d", size, len(data))
		}
		if off := binary.NativeEndian.Uint16(b[ipOff:]); off != 0 && off != 0x4000 {
			t.Errorf("ip_off is %#x", off)
		}
	}
}

// rip6_input: protocol 0 is of ICMPv6, whose filter has a bit for what passes (ICMP6_FILTER).
func TestRawIP6(t *testing.T) {
	rawSocket(t, netbsd.AF_INET6, 0)
	s := rawSocket(t, netbsd.AF_INET6, netbsd.IPPROTO_ICMPV6)
	all := make([]byte, sizeofICMP6Filter)
	for i := range all {
		all[i] = 0xff
	}
	if b, errno := s.Getsockopt(netbsd.IPPROTO_ICMPV6, netbsd.ICMP6_FILTER, 99); errno != 0 || string(b) != string(all) {
		t.Errorf("%x, %v: at first all pass", b, errno)
	}
	all[16] = 0
	if errno := s.Setsockopt(netbsd.IPPROTO_ICMPV6, netbsd.ICMP6_FILTER, all); errno != 0 {
		t.Error(errno)
	}
	if b, errno := s.Getsockopt(netbsd.IPPROTO_ICMPV6, netbsd.ICMP6_FILTER, 99); errno != 0 || string(b) != string(all) {
		t.Errorf("%x, %v, want %x", b, errno, all)
	}
	for _, w := range []struct {
		v     int32
		errno netbsd.Errno
	}{{2, 0}, {4, netbsd.EINVAL}, {-1, netbsd.EINVAL}} {
		if errno := s.Setsockopt(netbsd.IPPROTO_IPV6, netbsd.IPV6_CHECKSUM, values(w.v)); errno != w.errno {
			t.Errorf("IPV6_CHECKSUM %d: %v, want %v (ip6_raw_ctloutput)", w.v, errno, w.errno)
		}
	}
}
