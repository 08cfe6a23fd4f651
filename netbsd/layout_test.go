package netbsd

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// codec is a layout as a test drives it.
type codec struct {
	size   int
	recode func(b []byte) (v any, out []byte) // decode, and encode what was decoded
}

func codecOf[T any](size int, dec func([]byte) T, enc func(*T, []byte)) codec {
	return codec{size, func(b []byte) (any, []byte) {
		v := dec(b)
		out := bytes.Repeat([]byte{0xa5}, size) // what encoding leaves out shows
		enc(&v, out)
		return v, out
	}}
}

var codecs = map[string]codec{
	"timespec":    codecOf(16, DecodeTimespec, func(v *Timespec, b []byte) { v.Encode(b) }),
	"timeval":     codecOf(16, DecodeTimeval, func(v *Timeval, b []byte) { v.Encode(b) }),
	"itimerval":   codecOf(32, DecodeItimerval, func(v *Itimerval, b []byte) { v.Encode(b) }),
	"itimerspec":  codecOf(32, DecodeItimerspec, func(v *Itimerspec, b []byte) { v.Encode(b) }),
	"rlimit":      codecOf(16, DecodeRlimit, func(v *Rlimit, b []byte) { v.Encode(b) }),
	"siginfo":     codecOf(128, DecodeSiginfo, (*Siginfo).Encode),
	"sigaction":   codecOf(32, DecodeSigaction, func(v *Sigaction, b []byte) { v.Encode(b) }),
	"stack":       codecOf(24, DecodeStack, func(v *Stack, b []byte) { v.Encode(b) }),
	"sigevent":    codecOf(32, DecodeSigevent, func(v *Sigevent, b []byte) { v.Encode(b) }),
	"ucontext":    codecOf(784, DecodeUcontext, (*Ucontext).Encode),
	"stat":        codecOf(152, DecodeStat, (*Stat).Encode),
	"statvfs":     codecOf(3296, DecodeStatvfs, (*Statvfs).Encode),
	"statvfs90":   codecOf(2256, DecodeStatvfs90, (*Statvfs).Encode90),
	"flock":       codecOf(24, DecodeFlock, func(v *Flock, b []byte) { v.Encode(b) }),
	"pollfd":      codecOf(8, DecodePollfd, func(v *Pollfd, b []byte) { v.Encode(b) }),
	"iovec":       codecOf(16, DecodeIovec, func(v *Iovec, b []byte) { v.Encode(b) }),
	"kevent":      codecOf(40, DecodeKevent, (*Kevent).Encode),
	"keventext":   codecOf(72, DecodeKeventExt, (*Kevent).EncodeExt),
	"epoll":       codecOf(16, DecodeEpollEvent, func(e *EpollEvent, b []byte) { e.Encode(b) }),
	"msghdr":      codecOf(48, DecodeMsghdr, (*Msghdr).Encode),
	"termios":     codecOf(44, DecodeTermios, (*Termios).Encode),
	"winsize":     codecOf(8, DecodeWinsize, func(v *Winsize, b []byte) { v.Encode(b) }),
	"sysctlnode":  codecOf(96, DecodeSysctlnode, (*Sysctlnode).Encode),
	"spawnattr":   codecOf(48, DecodeSpawnAttr, (*SpawnAttr).Encode),
	"spawnfa":     codecOf(16, DecodeSpawnFileActions, func(v *SpawnFileActions, b []byte) { v.Encode(b) }),
	"spawnaction": codecOf(24, DecodeSpawnFileAction, (*SpawnFileAction).Encode),
	"iodesc":      codecOf(32, DecodePtraceIODesc, func(v *PtraceIODesc, b []byte) { v.Encode(b) }),
	"lwpinfo":     codecOf(8, DecodePtraceLwpinfo, func(v *PtraceLwpinfo, b []byte) { v.Encode(b) }),
	"psiginfo":    codecOf(136, DecodePtraceSiginfo, (*PtraceSiginfo).Encode),
}

// Every layout survives a round trip, and encoding fills all of its bytes.
func FuzzLayouts(f *testing.F) {
	f.Add(bytes.Repeat([]byte{1, 0, 0, 0}, 824))
	f.Add(bytes.Repeat([]byte{0xff}, 3296))
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, c := range codecs {
			in := make([]byte, c.size)
			copy(in, b)
			v, out := c.recode(in)
			again, out2 := c.recode(out)
			if !reflect.DeepEqual(v, again) || !bytes.Equal(out, out2) {
				t.Fatalf("%s: %+v became %+v", name, v, again)
			}
		}
	})
}

func TestLayoutSizes(t *testing.T) {
	for name, c := range codecs {
		if n := LayoutSize(name); n != 0 && n != c.size {
			t.Errorf("LayoutSize(%s) = %d, want %d", name, n, c.size)
		}
	}
}

// Offsets, against those of Go's ztypes_netbsd_amd64.go and defs1_netbsd_amd64.go,
// and NetBSD's headers for what Go does not have.
func TestOffsets(t *testing.T) {
	type field struct {
		off   int
		bytes string
	}
	for _, c := range []struct {
		name string
		enc  func([]byte)
		size int
		want []field
	}{
		{"stat", (&Stat{Mode: 1, Ino: 2, Nlink: 3, UID: 4, GID: 5, Rdev: 6, Atime: Timespec{7, 8}, Btime: Timespec{9, 10}, Size: 11, Blocks: 12, Blksize: 13, Flags: 14, Gen: 15}).Encode, 152,
			[]field{{8, "\x01"}, {16, "\x02"}, {24, "\x03"}, {28, "\x04"}, {32, "\x05"}, {40, "\x06"}, {48, "\x07"}, {56, "\x08"}, {96, "\x09"}, {104, "\x0a"}, {112, "\x0b"}, {120, "\x0c"}, {128, "\x0d"}, {132, "\x0e"}, {136, "\x0f"}}},
		{"kevent", (&Kevent{Filter: 1, Flags: 2, Fflags: 3, Data: 4, Udata: 5}).Encode, 40,
			[]field{{8, "\x01"}, {12, "\x02"}, {16, "\x03"}, {24, "\x04"}, {32, "\x05"}}},
		{"rusage", (&Rusage{Stime: time.Microsecond, Maxrss: 2, Nivcsw: 3}).Encode, 144,
			[]field{{24, "\x01"}, {32, "\x02"}, {136, "\x03"}}},
		{"siginfo child", (&Siginfo{Signo: SIGCHLD, Code: CLD_EXITED, Pid: 2, UID: 3, Status: 4, Utime: 5, Stime: 6}).Encode, 128,
			[]field{{0, "\x14"}, {4, "\x01"}, {16, "\x02"}, {20, "\x03"}, {24, "\x04"}, {28, "\x05"}, {32, "\x06"}}},
		{"siginfo fault", (&Siginfo{Signo: SIGSEGV, Code: SEGV_MAPERR, Addr: 2, Trap: 6}).Encode, 128,
			[]field{{0, "\x0b"}, {4, "\x01"}, {16, "\x02"}, {24, "\x06"}}},
		{"siginfo queue", (&Siginfo{Signo: SIGUSR1, Code: SI_QUEUE, Pid: 2, UID: 3, Value: 4}).Encode, 128,
			[]field{{0, "\x1e"}, {4, "\xff\xff\xff\xff"}, {16, "\x02"}, {20, "\x03"}, {24, "\x04"}}},
		{"ucontext", (&Ucontext{Flags: 1, Link: 2, Mask: 3, Stack: Stack{4, 5, 6}, Gregs: [NGREG]uint64{REG_RDI: 7, REG_RIP: 8, REG_SS: 9}, TLSBase: 10, FP: [512]byte{0: 11, 511: 12}}).Encode, 784,
			[]field{{0, "\x01"}, {8, "\x02"}, {16, "\x03"}, {32, "\x04"}, {40, "\x05"}, {48, "\x06"}, {56, "\x07"}, {56 + 8*21, "\x08"}, {56 + 8*25, "\x09"}, {264, "\x0a"}, {272, "\x0b"}, {783, "\x0c"}}},
		{"sigaction", Sigaction{1, 2, 3}.Encode, 32, []field{{0, "\x01"}, {8, "\x02"}, {24, "\x03"}}},
		{"msghdr", (&Msghdr{1, 2, 3, 4, 5, 6, 7}).Encode, 48,
			[]field{{0, "\x01"}, {8, "\x02"}, {16, "\x03"}, {24, "\x04"}, {32, "\x05"}, {40, "\x06"}, {44, "\x07"}}},
		{"flock", Flock{1, 2, 3, 4, 5}.Encode, 24, []field{{0, "\x01"}, {8, "\x02"}, {16, "\x03"}, {20, "\x04"}, {22, "\x05"}}},
		{"termios", (&Termios{1, 2, 3, 4, [20]byte{19: 5}, 6, 7}).Encode, 44,
			[]field{{0, "\x01"}, {4, "\x02"}, {8, "\x03"}, {12, "\x04"}, {35, "\x05"}, {36, "\x06"}, {40, "\x07"}}},
		{"sysctlnode", (&Sysctlnode{Flags: 1, Num: 2, Name: "n", Ver: 3, Value: 4, Size: 5}).Encode, 96,
			[]field{{0, "\x01"}, {4, "\x02"}, {8, "n"}, {40, "\x03"}, {48, "\x04"}, {64, "\x05"}}},
		{"statvfs90", (&Statvfs{Fsid: 1, Namemax: 2, Owner: 3, Type: "t", MountedOn: "m", From: "f"}).Encode90, 2256,
			[]field{{136, "\x01"}, {144, "\x02"}, {152, "\x03"}, {172, "t"}, {204, "m"}, {1228, "f"}}},
		{"statvfs", (&Statvfs{Type: "t", MountedOn: "m", From: "f", Label: "l"}).Encode, 3296,
			[]field{{192, "t"}, {224, "m"}, {1248, "f"}, {2272, "l"}}},
		{"lwpstatus", (&PtraceLwpstatus{1, 2, 3, "n", 4}).Encode, 64,
			[]field{{0, "\x01"}, {4, "\x02"}, {20, "\x03"}, {36, "n"}, {56, "\x04"}}},
	} {
		want := make([]byte, c.size)
		for _, f := range c.want {
			copy(want[f.off:], f.bytes)
		}
		got := bytes.Repeat([]byte{0xa5}, c.size)
		c.enc(got)
		if !bytes.Equal(got, want) {
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("%s: byte %d is %#x, want %#x", c.name, i, got[i], want[i])
				}
			}
		}
	}
}

func TestDirent(t *testing.T) {
	var b []byte
	in := []Dirent{{1, DT_DIR, "."}, {2, DT_REG, "file"}, {3, DT_LNK, string(bytes.Repeat([]byte("x"), NAME_MAX))}}
	for i := range in {
		b = in[i].Append(b)
		if len(b)%8 != 0 || in[i].Reclen() > 528 {
			t.Errorf("%d bytes, record %d", len(b), in[i].Reclen())
		}
	}
	for _, w := range in {
		d, n := DecodeDirent(b)
		if n == 0 || d != w {
			t.Fatalf("%+v, want %+v", d, w)
		}
		b = b[n:]
	}
	if _, n := DecodeDirent(b); n != 0 {
		t.Error("something is left")
	}
}

func FuzzDecodeVariable(f *testing.F) {
	f.Add((&Dirent{1, DT_REG, "name"}).Append(nil))
	f.Add(AppendCmsg(nil, Cmsg{SOL_SOCKET, SCM_RIGHTS, []byte{1, 0, 0, 0}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, n := DecodeDirent(b); n > len(b) || n > 0 && len(d.Name) >= n {
			t.Fatal("dirent outside of the bytes")
		}
		l, errno := ParseCmsgs(b)
		if errno == 0 {
			var out []byte
			for _, c := range l {
				out = AppendCmsg(out, c)
			}
			again, errno := ParseCmsgs(out)
			if errno != 0 || len(again) != len(l) {
				t.Fatalf("%+v became %+v", l, again)
			}
		}
		if a, errno := DecodeSockaddr(b); errno == 0 {
			again, errno := DecodeSockaddr(a.Bytes())
			if errno != 0 || !reflect.DeepEqual(a, again) && len(a.Raw) == 0 {
				t.Fatalf("%+v became %+v", a, again)
			}
		}
		if i := DecodeIoctl(uint64(len(b))); i.Len < 0 {
			t.Errorf("a negative size: %+v", i)
		}
	})
}

func TestSockaddrs(t *testing.T) {
	for _, c := range []struct {
		a    Sockaddr
		want string
	}{
		{Sockaddr{Family: AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:80")}, "\x10\x02\x00\x50\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"},
		{Sockaddr{Family: AF_INET6, Addr: netip.MustParseAddrPort("[::1]:258"), Scope: 3}, "\x1c\x18\x01\x02\x00\x00\x00\x00" + string(make([]byte, 15)) + "\x01\x03\x00\x00\x00"},
		{Sockaddr{Family: AF_LOCAL, Path: "/x"}, "\x05\x01/x\x00"},
		{Sockaddr{Family: AF_INET}, "\x10\x02" + string(make([]byte, 14))},
	} {
		if got := string(c.a.Bytes()); got != c.want {
			t.Errorf("%+v: %q, want %q", c.a, got, c.want)
		}
	}
	if _, errno := DecodeSockaddr([]byte{0, AF_INET, 0}); errno != EINVAL {
		t.Error(errno)
	}
}

func TestTimes(t *testing.T) {
	for _, d := range []time.Duration{0, 1, -1, time.Second, -time.Second - 1, 1<<63 - 1, -1 << 63} {
		ts := TimespecOf(d)
		if ts.Nsec < 0 || ts.Nsec >= 1e9 {
			t.Errorf("%v: %+v", d, ts)
		}
		if got := ts.Duration(); got != d && d < 1<<62 && d > -1<<62 {
			t.Errorf("%v became %v", d, got)
		}
	}
	if d := (Timespec{1 << 40, 0}).Duration(); d != 1<<63-1 {
		t.Error(d)
	}
	if (Timespec{0, 1e9}).Valid() || (Timespec{-1, 0}).Valid() || (Timeval{0, 1e6}).Valid() {
		t.Error("took an invalid time")
	}
}

func TestSignalFrame(t *testing.T) {
	if SizeofSignalFrame != 920 {
		t.Error(SizeofSignalFrame)
	}
	for _, rsp := range []uint64{0x7f7fffffe000, 0x7f7fffffe008, 0xc000001234} {
		a := SignalFrameAddr(rsp, nil)
		if a%16 != 8 || a+SizeofSignalFrame > rsp-128 {
			t.Errorf("%#x: frame at %#x", rsp, a)
		}
	}
	if a := SignalFrameAddr(0x1000, &Stack{Sp: 0x20000, Size: 0x8000}); a != (0x28000-920)&^15-8 {
		t.Errorf("%#x", a)
	}
}

func TestLinuxTables(t *testing.T) {
	for _, c := range []struct {
		linux int
		want  Errno
	}{{0, 0}, {2, ENOENT}, {11, EAGAIN}, {35, EDEADLK}, {38, ENOSYS}, {95, EOPNOTSUPP}, {110, ETIMEDOUT}, {22, EINVAL}, {34, ERANGE}, {41, EIO}, {133, EIO}, {-1, EIO}, {61, ENODATA}} {
		if got := FromLinux(c.linux); got != c.want {
			t.Errorf("FromLinux(%d) = %v, want %v", c.linux, got, c.want)
		}
	}
	for s := Signal(1); s < NSIG; s++ {
		l := s.ToLinux()
		if l == 0 {
			if s != SIGEMT && s != SIGINFO {
				t.Errorf("%v has no number on Linux", s)
			}
			continue
		}
		if l > 64 || SignalFromLinux(l) != s {
			t.Errorf("%v -> %d -> %v", s, l, SignalFromLinux(l))
		}
	}
	for _, f := range []uint64{O_RDONLY, O_RDWR | O_CREAT | O_TRUNC, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC, O_SYNC, O_DSYNC, O_DIRECTORY | O_NOFOLLOW} {
		l, rest := OpenToLinux(f)
		if rest != 0 || OpenFromLinux(l)&^O_DSYNC != f&^O_DSYNC {
			t.Errorf("%#x -> %#x (rest %#x) -> %#x", f, l, rest, OpenFromLinux(l))
		}
	}
	if _, rest := OpenToLinux(O_EXLOCK | O_CREAT); rest != O_EXLOCK {
		t.Errorf("rest %#x", rest)
	}
}
