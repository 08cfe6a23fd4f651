package kern

import (
	"encoding/hex"
	"testing"
	"time"
)

// struct acct of acct(5): encode_comp_t's 13 bits of fraction and 3 of exponent, in 1/64 s.
func TestAcctEncode(t *testing.T) {
	r := AcctRecord{Comm: "a name longer than sixteen", Utime: time.Second, Stime: 500 * time.Millisecond, Etime: 200 * time.Second,
		Btime: time.Unix(0x1122334455, 0), UID: 0x01020304, GID: 0x05060708, Mem: 0x1234, IO: 2, Flag: 0x11}
	b := make([]byte, SizeofAcct+1)
	for i := range b {
		b[i] = 0xee
	}
	r.Encode(b, 0x0a0b0c0d)
	want := hex.EncodeToString([]byte("a name longer th")) + "4000" + "2000" + "4026" + "0000" + // 12800 is 8^1 * 1600
		"5544332211000000" + "04030201" + "08070605" + "3412" + "8000" + "00000000" + "0d0c0b0a00000000" + "11" + "00000000000000" + "ee"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// encode_comp_t: the last bit shifted out rounds up, which can make it too large once more; what has
// no room is the largest.
func TestCompNum(t *testing.T) {
	for v, want := range map[uint64]uint16{
		0: 0, 1: 1, 8191: 8191, 8192: 1<<13 | 1024, 8195: 1<<13 | 1024, 8196: 1<<13 | 1025, 65531: 1<<13 | 8191,
		65535: 2<<13 | 1024, 8191 << 21: 7<<13 | 8191, 8192 << 21: 1<<16 - 1, 8191<<21 + 1<<20: 1<<16 - 1, 1 << 63: 1<<16 - 1,
	} {
		if got := compNum(v); got != want {
			t.Errorf("%d: %#x, want %#x", v, got, want)
		}
	}
}
