package netbsd

import "testing"

// TestKinfoProc2Ids: where struct kinfo_proc2 of sys/sysctl.h 1.241 has the saved ids and the emulation's name, p_svuid, p_svgid and p_ename, which
// ps -o svuid,emul shows.
func TestKinfoProc2Ids(t *testing.T) {
	var b [SizeofKinfoProc2]byte
	k := KinfoProc2{SvUID: 1, SvGID: 2, Emul: "netbsd", Size: 3}
	k.Encode(b[:])
	if svuid, svgid := le.Uint32(b[640:]), le.Uint32(b[644:]); svuid != 1 || svgid != 2 {
		t.Errorf("p_svuid %d, p_svgid %d", svuid, svgid)
	}
	if name := field(b[648:664]); name != "netbsd" {
		t.Errorf("p_ename is %q", name)
	}
}

// TestKinfoPcbAddresses: ki_pcbaddr, ki_ppcbaddr and ki_sockaddr of struct kinfo_pcb (sys/socket.h 1.134).
func TestKinfoPcbAddresses(t *testing.T) {
	var b [SizeofKinfoPcb]byte
	k := KinfoPcb{Addr: 1, Ppcb: 2, Socket: 3}
	k.Encode(b[:])
	for i, want := range []uint64{1, 2, 3} {
		if got := le.Uint64(b[8*i:]); got != want {
			t.Errorf("at %d: %d, want %d", 8*i, got, want)
		}
	}
}
