package netbsd

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

// The old structures that are read and written; those that are only written are in TestOldOffsets.
var oldCodecs = map[string]codec{
	"timespec50":   codecOf(16, DecodeTimespec50, func(v *Timespec, b []byte) { v.Encode50(b) }),
	"itimerspec50": codecOf(32, DecodeItimerspec50, func(v *Itimerspec, b []byte) { v.Encode50(b) }),
	"sigaction13":  codecOf(16, DecodeSigaction13, func(v *Sigaction, b []byte) { v.Encode13(b) }),
	"stack13":      codecOf(16, DecodeStack13, func(v *Stack, b []byte) { v.Encode13(b) }),
	"sigstack43":   codecOf(16, DecodeSigstack43, func(v *Stack, b []byte) { v.EncodeSigstack43(b) }),
	"msghdr43":     codecOf(48, DecodeMsghdr43, (*Msghdr43).Encode),
}

// Old layouts survive a round trip, whatever a guest has in its memory, and what is only written fills its bytes.
func FuzzOldLayouts(f *testing.F) {
	f.Add(bytes.Repeat([]byte{1, 0, 0, 0}, 824))
	f.Add(bytes.Repeat([]byte{0xff}, SizeofStatvfs))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := make([]byte, SizeofStatvfs)
		copy(in, b)
		for name, c := range oldCodecs {
			v, out := c.recode(in[:c.size])
			if again, out2 := c.recode(out); !reflect.DeepEqual(v, again) || !bytes.Equal(out, out2) {
				t.Fatalf("%s: %+v became %+v", name, v, again)
			}
		}
		st, fs := DecodeStat(in), DecodeStatvfs(in)
		for size, enc := range map[int]func([]byte){
			SizeofStat43: st.Encode43, SizeofStat12: st.Encode12, SizeofStat13: st.Encode13, SizeofStat30: st.Encode30,
			SizeofStatfs12: fs.EncodeStatfs12, SizeofRlimit43: DecodeRlimit(in).Encode43,
			SizeofUtsname09: (&Utsname09{fs.Type, fs.MountedOn, fs.From, fs.Label, ""}).Encode,
		} {
			one, other := make([]byte, size), bytes.Repeat([]byte{0xa5}, size)
			enc(one)
			enc(other)
			if !bytes.Equal(one, other) {
				t.Fatalf("%d bytes are not all filled", size)
			}
		}
		d, n := DecodeDirent(in)
		if n > 0 && (len(d.Append12(nil)) > n || len(d.Append43(nil)) > n) {
			t.Fatalf("%+v is longer in an old form", d)
		}
	})
}

// Offsets, against NetBSD's sys/compat/sys.
func TestOldOffsets(t *testing.T) {
	type field struct {
		off   int
		bytes string
	}
	st := Stat{Dev: 1, Mode: 2, Ino: 3, Nlink: 4, UID: 5, GID: 6, Rdev: 7, Atime: Timespec{8, 9}, Mtime: Timespec{10, 11},
		Ctime: Timespec{12, 13}, Btime: Timespec{14, 15}, Size: 16, Blocks: 17, Blksize: 18, Flags: 19, Gen: 20}
	fs := Statvfs{Flag: 1, Frsize: 2, Iosize: 3, Blocks: 4, Bfree: 6, Bresvd: 1, Files: 7, Ffree: 8, Fsidx: [2]int32{9, 10}, Owner: 11, Type: "ffs", MountedOn: "m", From: "f"}
	for _, c := range []struct {
		name string
		enc  func([]byte)
		size int
		want []field
	}{
		{"timespec50", Timespec{-1, 2}.Encode50, 16, []field{{0, "\xff\xff\xff\xff\x00"}, {8, "\x02"}}},
		{"stat43", st.Encode43, 88, []field{{0, "\x01"}, {4, "\x03"}, {8, "\x02"}, {10, "\x04"}, {12, "\x05"}, {14, "\x06"}, {16, "\x07"}, {20, "\x10"}, {24, "\x08"}, {32, "\x09"}, {40, "\x0a"}, {48, "\x0b"}, {56, "\x0c"}, {64, "\x0d"}, {72, "\x12"}, {76, "\x11"}, {80, "\x13"}, {84, "\x14"}}},
		{"stat12", st.Encode12, 120, []field{{0, "\x01"}, {4, "\x03"}, {8, "\x02"}, {10, "\x04"}, {12, "\x05"}, {16, "\x06"}, {20, "\x07"}, {24, "\x08"}, {32, "\x09"}, {40, "\x0a"}, {48, "\x0b"}, {56, "\x0c"}, {64, "\x0d"}, {72, "\x10"}, {80, "\x11"}, {88, "\x12"}, {92, "\x13"}, {96, "\x14"}}},
		{"stat13", st.Encode13, 128, []field{{0, "\x01"}, {4, "\x03"}, {8, "\x02"}, {12, "\x04"}, {16, "\x05"}, {20, "\x06"}, {24, "\x07"}, {32, "\x08"}, {40, "\x09"}, {48, "\x0a"}, {56, "\x0b"}, {64, "\x0c"}, {72, "\x0d"}, {80, "\x10"}, {88, "\x11"}, {96, "\x12"}, {100, "\x13"}, {104, "\x14"}, {112, "\x0e"}, {120, "\x0f"}}},
		{"stat30", st.Encode30, 136, []field{{0, "\x01"}, {4, "\x02"}, {8, "\x03"}, {16, "\x04"}, {20, "\x05"}, {24, "\x06"}, {28, "\x07"}, {32, "\x08"}, {40, "\x09"}, {48, "\x0a"}, {56, "\x0b"}, {64, "\x0c"}, {72, "\x0d"}, {80, "\x0e"}, {88, "\x0f"}, {96, "\x10"}, {104, "\x11"}, {112, "\x12"}, {116, "\x13"}, {120, "\x14"}}},
		{"stat43 of a large file", (&Stat{Size: 1 << 32}).Encode43, 88, []field{{20, "\xfe\xff\xff\xff"}}},
		{"stat12 of many links", (&Stat{Nlink: 1 << 20}).Encode12, 120, []field{{10, "\xff\x7f"}}},
		{"statfs12", fs.EncodeStatfs12, 312, []field{{0, "\x01"}, {2, "\x01"}, {8, "\x02"}, {16, "\x03"}, {24, "\x04"}, {32, "\x06"}, {40, "\x05"}, {48, "\x07"}, {56, "\x08"}, {64, "\x09"}, {68, "\x0a"}, {72, "\x0b"}, {80, "\x01"}, {112, "ffs"}, {128, "m"}, {218, "f"}}},
		{"statfs12 without room", (&Statvfs{Bfree: 1, Bresvd: 3}).EncodeStatfs12, 312, []field{{32, "\x01"}, {40, "\xfe\xff\xff\xff\xff\xff\xff\xff"}}},
		{"orlimit", Rlimit{1<<63 - 1, 5}.Encode43, 8, []field{{0, "\xff\xff\xff\x7f"}, {4, "\x05"}}},
		{"sigaction13", Sigaction{1, 1<<40 | 2, 3}.Encode13, 16, []field{{0, "\x01"}, {8, "\x02"}, {12, "\x03"}}},
		{"sigaltstack13", Stack{1, 2, 4}.Encode13, 16, []field{{0, "\x01"}, {8, "\x02"}, {12, "\x04"}}},
		{"sigstack", Stack{1, 2, SS_ONSTACK}.EncodeSigstack43, 16, []field{{0, "\x01"}, {8, "\x01"}}},
		{"omsghdr", (&Msghdr43{1, 2, 3, 4, 5, 6}).Encode, 48, []field{{0, "\x01"}, {8, "\x02"}, {16, "\x03"}, {24, "\x04"}, {32, "\x05"}, {40, "\x06"}}},
		{"outsname", (&Utsname09{"s", "n", "r", "v", "m"}).Encode, 160, []field{{0, "s"}, {32, "n"}, {64, "r"}, {96, "v"}, {128, "m"}}},
	} {
		want := make([]byte, c.size)
		for _, f := range c.want {
			copy(want[f.off:], f.bytes)
		}
		got := bytes.Repeat([]byte{0xa5}, c.size)
		if c.enc(got); !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", c.name, got, want)
		}
	}
}

// struct timeval50, struct itimerval50 and struct rusage50 of amd64 are today's: a long of seconds, and one of
// microseconds, of which the high half is 0.
func TestOldTimesOfToday(t *testing.T) {
	b := make([]byte, SizeofRusage)
	(&Rusage{Utime: 3*time.Second + 4*time.Microsecond, Maxrss: 5}).Encode(b)
	if le.Uint64(b) != 3 || le.Uint64(b[8:]) != 4 || le.Uint64(b[32:]) != 5 {
		t.Errorf("%x", b)
	}
}

func TestOldDirents(t *testing.T) {
	d := Dirent{Ino: 1<<32 | 2, Type: DT_REG, Name: "abc"}
	for name, c := range map[string]struct{ got, want string }{
		"dirent12": {string(d.Append12([]byte("x"))), "x\x02\x00\x00\x00\x0c\x00\x08\x03abc\x00"},
		"dirent43": {string(d.Append43(nil)), "\x02\x00\x00\x00\x0c\x00\x03\x00abc\x00"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %x, want %x", name, c.got, c.want)
		}
	}
}
