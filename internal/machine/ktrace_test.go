package machine

import (
	"slices"
	"testing"

	"toaster/internal/vm"
	"toaster/netbsd"
)

// What a call has moved is in records of KTR_GENIO, one for a buffer, a vector or a message, cut to the result (ktr_io). Calls for
// messages have them as well (do_sys_sendmsg_so, do_sys_recvmsg_so), but for one without a vector.
func TestGenio(t *testing.T) {
	const at, messages = 0x10000000, 0x10000100
	const vector = at + vm.PageSize - 2*netbsd.SizeofIovec // behind which there is nothing
	x := newCarried(t)
	x.memory(vm.Request{Addr: at, Len: vm.PageSize, Prot: protRW, Flags: netbsd.MAP_PRIVATE | netbsd.MAP_FIXED | netbsd.MAP_ANON}, -1, []byte("abcdefghij"))
	var iov, m []byte
	for _, v := range []uint64{at + 6, 2, at + 2, 3} {
		iov = le.AppendUint64(iov, v)
	}
	x.Write(vector, iov)
	for _, h := range []struct {
		netbsd.Msghdr
		moved uint32
	}{
		{netbsd.Msghdr{Iov: vector, Iovlen: 2}, 5}, {netbsd.Msghdr{}, 0}, {netbsd.Msghdr{Iov: vector, Iovlen: 1}, 1},
		{netbsd.Msghdr{Iov: vector, Iovlen: 1 << 30}, ^uint32(0)}, {netbsd.Msghdr{Iov: 8, Iovlen: 2}, 7},
	} {
		b := make([]byte, netbsd.SizeofMsghdr)
		h.Encode(b)
		m = append(le.AppendUint32(append(m, b...), h.moved), 0, 0, 0, 0)
	}
	x.Write(messages, m)
	mc := x.c.CPU.(*Context)
	for _, c := range []struct {
		name                string
		nr                  int
		addr, count, result uint64
		want                []string
	}{
		{"read(2)", netbsd.SYS_read, at, 10, 4, []string{"abcd"}},
		{"write(2) of nothing", netbsd.SYS_write, at, 10, 0, []string{""}},
		{"readv(2)", netbsd.SYS_readv, vector, 2, 4, []string{"ghcd"}},
		{"sendmsg(2)", netbsd.SYS_sendmsg, messages, 0, 5, []string{"ghcde"}},
		{"recvmsg(2) of less than there is room for", netbsd.SYS_recvmsg, messages, 0, 3, []string{"ghc"}},
		{"sendmsg(2) without a vector", netbsd.SYS_sendmsg, messages + netbsd.SizeofMmsghdr, 0, 0, nil},
		{"recvmsg(2) whose header has gone", netbsd.SYS_recvmsg, 8, 0, 3, nil},
		{"sendmmsg(2)", netbsd.SYS_sendmmsg, messages, 9, 3, []string{"ghcde", "g"}},
		{"recvmmsg(2) whose headers have changed", netbsd.SYS_recvmmsg, messages, 9, 5, []string{"ghcde", "g", "ghcde", ""}},
	} {
		rw, where, ok := genioCall(c.nr)
		if sends := c.nr == netbsd.SYS_write || c.nr == netbsd.SYS_sendmsg || c.nr == netbsd.SYS_sendmmsg; !ok || (rw == uioWrite) != sends {
			t.Errorf("%s: %d, %v", c.name, rw, ok)
		}
		var got []string
		for _, b := range mc.moved(where, c.addr, c.count, c.result) {
			got = append(got, string(b))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
