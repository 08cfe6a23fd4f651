package netbsd

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"reflect"
	"testing"
)

var hostileInputs = flag.Int("inputs", 20_000, "how many hostile inputs TestHostileLayouts gives each decoder")

// hostileBytes fills b with numbers that could matter: lengths, signs, pointers.
func hostileBytes(rnd *rand.Rand, b []byte) {
	words := [...]uint64{0, 1, 2, 4, 8, 12, 16, 20, 24, 127, 128, 255, 1 << 15, 1<<16 - 1, 1 << 31, 1<<31 - 1, 1<<32 - 1, 1 << 32, 1e9, 1e9 - 1, 1e6, 1 << 62, 1<<63 - 1, 1 << 63, ^uint64(0)}
	for i := 0; i+8 <= len(b); i += 8 {
		v := rnd.Uint64()
		if v>>62 != 0 {
			v = words[v%uint64(len(words))]
		}
		if rnd.IntN(3) == 0 {
			v = v<<32 | v&0xffffffff
		}
		binary.LittleEndian.PutUint64(b[i:], v)
	}
	for i := len(b) &^ 7; i < len(b); i++ {
		b[i] = byte(rnd.Uint32())
	}
}

// Every decoder takes whatever a guest has in its memory; what it makes of it can be encoded
// and decoded again.
func TestHostileLayouts(t *testing.T) {
	for name, c := range codecs {
		t.Run(name, func(t *testing.T) {
			rnd, in := rand.New(rand.NewPCG(1, uint64(len(name)))), make([]byte, c.size)
			for range *hostileInputs {
				hostileBytes(rnd, in)
				v, out := c.recode(in)
				if again, _ := c.recode(out); !reflect.DeepEqual(v, again) {
					t.Fatalf("%x: %+v became %+v", in, v, again)
				}
			}
		})
	}
}

// The same for structures whose size is in them, and for the parts of a clock.
func TestHostileVariableLayouts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 3))
	var room [256]byte
	for range *hostileInputs {
		b := room[:rnd.IntN(len(room))]
		hostileBytes(rnd, b)
		if d, n := DecodeDirent(b); n < 0 || n > len(b) || n > 0 && len(d.Name) >= n {
			t.Fatalf("%x: dirent of %d bytes", b, n)
		}
		rights := 0
		if l, errno := ParseCmsgs(b); errno == 0 {
			for _, c := range l {
				rights += len(c.Data)
			}
		}
		if rights > len(b) {
			t.Fatalf("%x: more in control messages than there is", b)
		}
		if a, errno := DecodeSockaddr(b); errno == 0 && len(a.Path) > len(b) {
			t.Fatalf("%x: socket address %+v", b, a)
		}
		if len(b) >= 16 {
			if d := DecodeTimespec(b).Duration(); DecodeTimespec(b).Valid() && d < 0 {
				t.Fatalf("%x: a valid time of %v", b, d)
			}
		}
		if i := DecodeIoctl(rnd.Uint64()); i.Len < 0 || i.Len > 1<<13 {
			t.Fatalf("ioctl of %d bytes", i.Len)
		}
	}
}
