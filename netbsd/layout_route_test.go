package netbsd

import (
	"net/netip"
	"testing"
)

// Messages are walked the way Go's route package does it.
func TestRouteMessages(t *testing.T) {
	i := &IfInfo{Index: 1, Name: "lo0", Flags: IFF_UP | IFF_LOOPBACK, Type: IFT_LOOP, MTU: 33624}
	b := AppendIfInfo(nil, i)
	b = AppendIfAddr(b, i, netip.MustParsePrefix("127.0.0.1/8"))
	b = AppendIfAddr(b, i, netip.MustParsePrefix("::1/128"))
	var types []byte
	for len(b) > 0 {
		n := int(le.Uint16(b))
		if n%8 != 0 || b[2] != RTM_VERSION {
			t.Fatalf("% x", b[:16])
		}
		types = append(types, b[3])
		switch b[3] {
		case RTM_IFINFO:
			dl := b[SizeofIfMsghdr:]
			if le.Uint64(b[24:]) != 33624 || dl[1] != AF_LINK || string(dl[8:8+dl[5]]) != "lo0" {
				t.Errorf("% x", b[:n])
			}
		case RTM_NEWADDR:
			mask := b[SizeofIfaMsghdr:]
			dl := mask[(mask[0]+7)&^7:]
			addr, errno := DecodeSockaddr(dl[(dl[0]+7)&^7 : n-SizeofIfaMsghdr-int((mask[0]+7)&^7)])
			if errno != 0 || !addr.Addr.Addr().IsLoopback() || mask[1] != addr.Family {
				t.Errorf("%+v %v", addr, errno)
			}
		}
		b = b[n:]
	}
	if string(types) != string([]byte{RTM_IFINFO, RTM_NEWADDR, RTM_NEWADDR}) {
		t.Error(types)
	}
}
