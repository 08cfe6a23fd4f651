package trace_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"toaster/internal/syscalls"
	. "toaster/internal/trace"
	"toaster/netbsd"
)

var le = binary.LittleEndian

// memory is a guest's memory of one piece.
type memory struct {
	base uint64
	b    []byte
}

func (m *memory) Read(addr uint64, b []byte) (int, bool) {
	if addr < m.base || addr-m.base > uint64(len(m.b)) {
		return 0, false
	}
	n := copy(b, m.b[addr-m.base:])
	return n, n == len(b)
}

// put adds bytes and returns their address.
func (m *memory) put(b []byte) uint64 {
	a := m.base + uint64(len(m.b))
	m.b = append(m.b, b...)
	return a
}

func (m *memory) str(s string) uint64 { return m.put([]byte(s + "\x00")) }

func (m *memory) words(w ...uint64) uint64 {
	var b []byte
	for _, v := range w {
		b = le.AppendUint64(b, v)
	}
	return m.put(b)
}

func enc(n int, f func([]byte)) []byte {
	b := make([]byte, n)
	f(b)
	return b
}

// finish runs a call through a text sink; write changes memory between entry and
// exit, as a handler does.
func finish(c *Call, write func()) string {
	var out strings.Builder
	t := NewText(&out, TextOptions{})
	c.Pid, c.Lid = 12, 1
	t.Enter(c)
	if write != nil {
		write()
	}
	t.Exit(c)
	return strings.TrimSuffix(strings.TrimPrefix(out.String(), "12.1 "), "\n")
}

func TestCalls(t *testing.T) {
	m := &memory{base: 0x10000}
	path := m.str("/etc/passwd")
	ts := m.put(enc(16, netbsd.Timespec{Sec: 1, Nsec: 500}.Encode))
	buf := m.put([]byte("hello\nworld\x00\x01"))
	argv := m.words(m.str("sh"), m.str("-c"), 0)
	st := m.put(make([]byte, 152))
	status := m.put([]byte{0, 3, 0, 0})
	ints := m.put([]byte{3, 0, 0, 0, 4, 0, 0, 0})
	sa := m.put(enc(32, netbsd.Sigaction{Handler: 0x401000, Mask: netbsd.AllSignals, Flags: netbsd.SA_SIGINFO | netbsd.SA_ONSTACK}.Encode))
	in4 := m.put([]byte("\x10\x02\x00\x50\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"))
	kev := m.put(enc(40, (&netbsd.Kevent{Ident: 3, Filter: netbsd.EVFILT_READ, Flags: netbsd.EV_ADD | netbsd.EV_CLEAR}).Encode))
	win := m.put(enc(8, netbsd.Winsize{Row: 24, Col: 80}.Encode))
	mib := m.put([]byte{6, 0, 0, 0, 3, 0, 0, 0})
	iov := m.words(buf, 5, buf+6, 5)
	for _, c := range []struct {
		nr    int
		args  []uint64
		ret   uint64
		err   netbsd.Errno
		write func()
		want  string
	}{
		{netbsd.SYS_open, []uint64{path, netbsd.O_RDWR | netbsd.O_CLOEXEC, 0o644}, 3, 0, nil, `open("/etc/passwd", O_RDWR|O_CLOEXEC) = 3`},
		{netbsd.SYS_open, []uint64{path, netbsd.O_CREAT, 0o644}, 0, netbsd.EACCES, nil, `open("/etc/passwd", O_RDONLY|O_CREAT, 0644) = -1 EACCES (permission denied)`},
		{netbsd.SYS_openat, []uint64{0xffffff9c, path, 0}, 4, 0, nil, `openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 4`},
		{netbsd.SYS_read, []uint64{0, buf, 100}, 5, 0, nil, `read(0, "hello", 100) = 5`},
		{netbsd.SYS_read, []uint64{0, buf, 100}, 0, netbsd.EINTR, nil, `read(0, 0x1001c, 100) = -1 EINTR (interrupted system call)`},
		{netbsd.SYS_read, []uint64{0, buf, 100}, 0, netbsd.ERESTART, nil, `read(0, 0x1001c, 100) = ? ERESTART (begins again after the signal)`},
		{netbsd.SYS_write, []uint64{1, buf, 13}, 13, 0, nil, `write(1, "hello\nworld\0\1", 13) = 13`},
		{netbsd.SYS_writev, []uint64{1, iov, 2}, 10, 0, nil, `writev(1, [{"hello", 5}, {"world", 5}], 2) = 10`},
		{netbsd.SYS_readv, []uint64{1, iov, 2}, 7, 0, nil, `readv(1, [{"hello", 5}, {"wo", 5}], 2) = 7`},
		{netbsd.SYS_execve, []uint64{path, argv, 0}, 0, netbsd.EJUSTRETURN, nil, `execve("/etc/passwd", ["sh", "-c"], NULL) = 0`},
		{netbsd.SYS___stat50, []uint64{path, st}, 0, 0, func() {
			(&netbsd.Stat{Mode: netbsd.S_IFREG | 0o644, Ino: 7, Size: 9}).Encode(m.b[st-m.base:])
		}, `__stat50("/etc/passwd", {S_IFREG|0644, ino=7, size=9}) = 0`},
		{netbsd.SYS___wait450, []uint64{^uint64(0), status, netbsd.WNOHANG, 0}, 13, 0, nil, `__wait450(-1, [exited with 3], WNOHANG, NULL) = 13`},
		{netbsd.SYS___wait450, []uint64{^uint64(0), status, netbsd.WNOHANG, buf}, 0, 0, nil, fmt.Sprintf("__wait450(-1, %#x, WNOHANG, 0x1001c) = 0", status)},
		{netbsd.SYS_pipe2, []uint64{ints, netbsd.O_CLOEXEC}, 0, 0, nil, `pipe2([3, 4], O_RDONLY|O_CLOEXEC) = 0`},
		{netbsd.SYS_pipe, nil, 5, 0, nil, `pipe() = [5, 6]`},
		{netbsd.SYS___nanosleep50, []uint64{ts, 0}, 0, 0, nil, `__nanosleep50(1.000000500, NULL) = 0`},
		{netbsd.SYS____lwp_park60, []uint64{3, 0, ts, 0, 0, 0}, 0, netbsd.ETIMEDOUT, func() { clear(m.b[ts-m.base : ts-m.base+16]) },
			`___lwp_park60(CLOCK_MONOTONIC, 0, 1.000000500, 0, NULL, NULL) = -1 ETIMEDOUT (connection timed out)`},
		{netbsd.SYS___sigaction_sigtramp, []uint64{20, sa, 0, 0x402000, 2}, 0, 0, nil,
			`__sigaction_sigtramp(SIGCHLD, {0x401000, mask=~[], flags=SA_ONSTACK|SA_SIGINFO}, NULL, 0x402000, 2) = 0`},
		{netbsd.SYS_connect, []uint64{3, in4, 16}, 0, 0, nil, `connect(3, 127.0.0.1:80, 16) = 0`},
		{netbsd.SYS___kevent50, []uint64{4, kev, 1, 0, 0, 0}, 0, 0, nil, `__kevent50(4, [{3, EVFILT_READ, EV_ADD|EV_CLEAR, 0, 0, 0x0}], 1, NULL, 0, NULL) = 0`},
		{netbsd.SYS_ioctl, []uint64{0, netbsd.TIOCGWINSZ, win}, 0, 0, nil, `ioctl(0, TIOCGWINSZ, {rows=24, cols=80, xpixels=0, ypixels=0}) = 0`},
		{netbsd.SYS_fcntl, []uint64{1, netbsd.F_SETFL, netbsd.O_NONBLOCK}, 0, 0, nil, `fcntl(1, F_SETFL, O_RDONLY|O_NONBLOCK) = 0`},
		{netbsd.SYS_fcntl, []uint64{1, netbsd.F_GETFD, 0}, 1, 0, nil, `fcntl(1, F_GETFD) = 1`},
		{netbsd.SYS_mmap, []uint64{0, 4096, 3, netbsd.MAP_ANON | netbsd.MAP_PRIVATE, ^uint64(0), 0, 0}, 0x7f7ff0000000, 0, nil,
			`mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANON, -1, 0) = 0x7f7ff0000000`},
		{netbsd.SYS___sysctl, []uint64{mib, 2, 0, 0, 0, 0}, 0, 0, nil, `__sysctl([CTL_HW, HW_NCPU], 2, NULL, NULL, NULL, 0) = 0`},
		{netbsd.SYS_setsockopt, []uint64{3, netbsd.IPPROTO_TCP, netbsd.TCP_NODELAY, status, 4}, 0, 0, nil, `setsockopt(3, IPPROTO_TCP, TCP_NODELAY, [768], 4) = 0`},
		{netbsd.SYS___posix_fadvise50, nil, 22, 0, nil, `__posix_fadvise50(0, 0, 0, POSIX_FADV_NORMAL) = 22 EINVAL (invalid argument)`},
		{509, nil, 0, netbsd.ENOSYS, nil, `syscall_509() = -1 ENOSYS (function not implemented)`},
	} {
		call := &Call{Nr: c.nr, Proto: syscalls.Prototype(c.nr), Mem: m, Ret: [2]uint64{c.ret, c.ret + 1}, Err: c.err}
		copy(call.Args[:], c.args)
		if got := finish(call, c.write); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestSignalsAndEvents(t *testing.T) {
	var out strings.Builder
	s := NewText(&out, TextOptions{})
	ev := func(e Event) { e.Pid, e.Lid = 7, 1; s.Event(&e) }
	s.Enter(&Call{Pid: 7, Lid: 1, Nr: netbsd.SYS_read, Proto: syscalls.Prototype(netbsd.SYS_read), Args: [8]uint64{0, 0x1000, 5}})
	s.Signal(&Signal{Pid: 7, Lid: 1, Info: netbsd.Siginfo{Signo: netbsd.SIGCHLD, Code: netbsd.CLD_EXITED, Pid: 8, Status: 3}})
	s.Signal(&Signal{Pid: 7, Lid: 1, Info: netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: netbsd.SEGV_MAPERR, Addr: 16, Trap: 6}})
	s.Signal(&Signal{Pid: 7, Lid: 1, Info: netbsd.Siginfo{Signo: netbsd.SIGURG, Code: netbsd.SI_LWP}})
	ev(Event{Kind: Forked, Other: 8})
	ev(Event{Kind: Execed, Path: "/bin/sh"})
	ev(Event{Kind: Stopped, Status: netbsd.StopStatus(netbsd.SIGTSTP)})
	ev(Event{Kind: Exited, Status: netbsd.ExitStatus(0, netbsd.SIGKILL)})
	s.Enter(&Call{Pid: 9, Lid: 1, Nr: netbsd.SYS_exit, Proto: syscalls.Prototype(netbsd.SYS_exit), Args: [8]uint64{3}})
	s.Enter(&Call{Pid: 9, Lid: 2, Nr: netbsd.SYS_kqueue, Proto: syscalls.Prototype(netbsd.SYS_kqueue)})
	s.Close()
	want := `7.1 --- SIGCHLD {si_code=CLD_EXITED, si_pid=8, si_uid=0, si_status=3} ---
7.1 --- SIGSEGV {si_code=SEGV_MAPERR, si_addr=0x10, si_trap=6} ---
7.1 --- SIGURG {si_code=SI_LWP} ---
7.1 +++ process 8 began +++
7.1 +++ runs "/bin/sh" +++
7.1 +++ stopped by SIGTSTP +++
7.1 read(0, 0x1000, 5) = ? (ended meanwhile)
7.1 +++ killed by SIGKILL +++
9.1 exit(3) = ?
9.2 kqueue() = ? (ended meanwhile)
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestTimesAndFilter(t *testing.T) {
	var out strings.Builder
	s := NewText(&out, TextOptions{Times: true, Durations: true, Filter: func(c *Call) bool { return c.Nr != netbsd.SYS_write }})
	t0 := time.Unix(100, 0)
	for i, nr := range []int{netbsd.SYS_getppid, netbsd.SYS_write, netbsd.SYS_getppid} {
		c := &Call{Pid: 1, Lid: 1, Nr: nr, Proto: syscalls.Prototype(nr), Start: t0.Add(time.Duration(i) * time.Second)}
		s.Enter(c)
		c.End = c.Start.Add(time.Millisecond)
		s.Exit(c)
	}
	want := "   0.000000 1.1 getppid() = 0 <1ms>\n   2.000000 1.1 getppid() = 0 <1ms>\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestKtrace(t *testing.T) {
	m := &memory{base: 0x1000}
	var out bytes.Buffer
	k := NewKtrace(&out)
	c := &Call{Pid: 5, Lid: 2, Comm: "prog", Nr: netbsd.SYS_open, Proto: syscalls.Prototype(netbsd.SYS_open), Mem: m, Args: [8]uint64{m.str("/x"), 1, 2}, Start: time.Unix(9, 8)}
	k.Enter(c)
	c.Err = netbsd.ENOENT
	k.Exit(c)
	k.Signal(&Signal{Pid: 5, Lid: 2, Info: netbsd.Siginfo{Signo: netbsd.SIGTERM}})
	k.Event(&Event{Kind: Execed, Argv: []string{"a"}})
	var types []uint16
	for b := out.Bytes(); len(b) > 0; {
		n := int(le.Uint32(b))
		types = append(types, le.Uint16(b[4:]))
		if le.Uint16(b[6:]) != 2 {
			t.Fatal("version")
		}
		b = b[KtrHeaderSize+n:]
	}
	if len(types) != 6 || types[0] != 1 || types[1] != 3 || types[2] != 2 || types[3] != 5 || types[4] != 10 || types[5] != 7 {
		t.Error(types)
	}
	b := out.Bytes()
	if le.Uint32(b) != 8+24 || le.Uint32(b[8:]) != 5 || string(b[12:16]) != "prog" || le.Uint64(b[32:]) != 9 || le.Uint32(b[48:]) != 2 || le.Uint32(b[56:]) != 5 {
		t.Errorf("% x", b[:80])
	}
}

func TestTimeline(t *testing.T) {
	var out bytes.Buffer
	s := Multi(nil, NewTimeline(&out), NewText(&bytes.Buffer{}, TextOptions{}))
	c := &Call{Pid: 5, Lid: 2, Nr: netbsd.SYS_kqueue, Proto: syscalls.Prototype(netbsd.SYS_kqueue), Start: time.Unix(9, 0), End: time.Unix(9, 1000), Ret: [2]uint64{3}}
	s.Enter(c)
	s.Exit(c)
	s.Event(&Event{Kind: Forked, Pid: 5, Other: 6, Time: time.Unix(10, 0)})
	s.Signal(&Signal{Pid: 5, Info: netbsd.Siginfo{Signo: netbsd.SIGTERM}, Time: time.Unix(10, 0)})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var l []map[string]any
	if err := json.Unmarshal(out.Bytes(), &l); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if len(l) != 6 || l[0]["name"] != "kqueue" || l[0]["dur"] != 1.0 || l[4]["name"] != "process 6 began" {
		t.Errorf("%v", l)
	}
	if Multi(nil, nil) != nil {
		t.Error("Multi of nothing is something")
	}
	out.Reset()
	NewTimeline(&out).Close()
	if out.String() != "[]\n" {
		t.Error(out.String())
	}
}

func arguments(nr int) []netbsd.Arg {
	if p := syscalls.Prototype(nr); p != nil {
		return p.Args
	}
	return nil
}

// Every structure that the table names can be shown.
func TestLayoutsCovered(t *testing.T) {
	special := map[string]bool{"sockaddr": true, "dirents": true, "fdset": true, "msghdr": true, "iovec": true, "mmsghdr": true}
	for nr := range netbsd.MaxSyscall {
		for _, a := range arguments(nr) {
			if a.Kind == netbsd.KStruct && !HasLayout(a.Layout) && !special[a.Layout] {
				t.Errorf("%s: no text for %s", netbsd.SyscallName(nr), a.Layout)
			}
		}
	}
}

// No call with whatever arguments makes the decoder panic, or read without bounds.
func FuzzText(f *testing.F) {
	f.Add(3, uint64(0), uint64(0x1000), uint64(1<<63), uint64(0x1008), []byte("data"))
	f.Fuzz(func(t *testing.T, nr int, a, b, c, d uint64, data []byte) {
		m := &memory{base: 0x1000, b: data}
		if len(finish(&Call{Nr: nr % 512, Proto: syscalls.Prototype(nr % 512), Mem: m, Args: [8]uint64{a, b, c, d, a, b, c, d}, Ret: [2]uint64{c, d}}, nil)) > 1<<20 {
			t.Fatal("long line")
		}
		for nr := range netbsd.MaxSyscall {
			finish(&Call{Nr: nr, Proto: syscalls.Prototype(nr), Mem: m, Args: [8]uint64{a, b, c, d, a, b, c, d}, Ret: [2]uint64{c, d}}, nil)
		}
	})
}

// ktr_psig of kern_ktrace.c: the code of a signal's record is the trap's number (KSI_TRAPCODE), which signals that are sent have none of.
func TestKtraceSignalCode(t *testing.T) {
	for want, info := range map[uint32]netbsd.Siginfo{
		6: {Signo: netbsd.SIGSEGV, Code: netbsd.SEGV_MAPERR, Trap: 6},
		0: {Signo: netbsd.SIGSEGV, Code: netbsd.SI_USER, Trap: 6},
	} {
		var b bytes.Buffer
		NewKtrace(&b).Signal(&Signal{Info: info})
		if code := le.Uint32(b.Bytes()[56+32:]); code != want {
			t.Errorf("%+v: code %d, want %d", info, code, want)
		}
	}
}
