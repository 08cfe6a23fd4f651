package socket

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// flight is a machine of which nothing may be left when a test ends.
func flight(t *testing.T, max int) *Stack {
	t.Helper()
	descriptions, fds, goroutines := file.LiveDescriptions(), filetest.OpenFDs(t), runtime.NumGoroutine()
	var m *Stack
	t.Cleanup(func() { // after newStack's
		if n := file.LiveDescriptions() - descriptions; n != 0 {
			t.Errorf("%d open files are left", n)
		}
		filetest.Eventually(t, "descriptors of the host to be closed", func() bool { return filetest.OpenFDs(t) <= fds })
		filetest.Eventually(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
		if n := len(m.rights.tokens) + len(m.rights.sockets) + m.rights.n; n != 0 {
			t.Errorf("rights are left: %v %v %d", m.rights.tokens, m.rights.sockets, m.rights.n)
		}
	})
	m = newStack(t, Config{MaxRights: max})
	return m
}

// newStack makes the sockets of a machine that ends with the test.
func newStack(t *testing.T, cfg Config) *Stack {
	h := hostfile.NewHost()
	s := New(h, cfg)
	t.Cleanup(func() {
		s.Close()
		h.Close()
	})
	return s
}

func inFlight(m *Stack) int {
	m.rights.mu.Lock()
	defer m.rights.mu.Unlock()
	return m.rights.n
}

// opened makes open files of a pair of sockets.
func opened(t *testing.T, m *Stack, typ int) (a, b *file.Description) {
	t.Helper()
	sa, sb, errno := m.NewSocketPair(nil, netbsd.AF_LOCAL, typ, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return file.New(sa, netbsd.O_RDWR), file.New(sb, netbsd.O_RDWR)
}

func sendRights(by *file.Description, files ...*file.Description) netbsd.Errno {
	_, errno := by.File.(*Socket).Send(file.Call{L: filetest.NewSleeper(), Nonblock: true}, []byte("x"), &Message{Rights: files})
	return errno
}

func mustSend(t *testing.T, by *file.Description, files ...*file.Description) {
	t.Helper()
	if errno := sendRights(by, files...); errno != 0 {
		t.Fatal(errno)
	}
}

func receiveRights(t *testing.T, by *file.Description, flags int) []*file.Description {
	t.Helper()
	m := Message{Flags: flags}
	if n, errno := by.File.(*Socket).Recv(file.Call{L: filetest.NewSleeper(), Nonblock: true}, make([]byte, 10), &m, true); n != 1 || errno != 0 {
		t.Fatal(n, errno)
	}
	return m.Rights
}

func release(files ...*file.Description) {
	for _, d := range files {
		d.Release()
	}
}

// Whatever an open file is, it goes through a socket and is the same on the other side,
// in its place.
func TestRights(t *testing.T) {
	for name, typ := range map[string]int{"stream": netbsd.SOCK_STREAM, "datagram": netbsd.SOCK_DGRAM, "packets": netbsd.SOCK_SEQPACKET} {
		t.Run(name, func(t *testing.T) {
			m := flight(t, 0)
			a, b := opened(t, m, typ)
			c, d := opened(t, m, netbsd.SOCK_STREAM)
			r, w := file.NewPipe(0)
			want := []*file.Description{r, c, w, d, c, b}
			mustSend(t, a, want...)
			if n := inFlight(m); n != len(want) {
				t.Errorf("%d in flight", n)
			}
			got := receiveRights(t, b, 0)
			if len(got) != len(want) {
				t.Fatalf("%d came", len(got))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%d is another", i)
				}
			}
			if n := inFlight(m); n != 0 {
				t.Errorf("%d in flight", n)
			}
			release(got...)
			release(a, b, c, d, r, w)
		})
	}
}

// A file of which all but what is in flight is closed lives on: a socket with its
// connection, its data and its watchers.
func TestRightsOutliveTheirSender(t *testing.T) {
	m := flight(t, 0)
	a, b := opened(t, m, netbsd.SOCK_STREAM)
	c, d := opened(t, m, netbsd.SOCK_STREAM)
	mustSend(t, c) // a byte for d
	mustSend(t, a, d)
	d.Release()
	if fd, _ := d.HostFD(); fd >= 0 {
		t.Error("the socket does not rest")
	}
	for _, flags := range []int{netbsd.MSG_PEEK, netbsd.MSG_PEEK, 0} {
		got := receiveRights(t, b, flags)
		if len(got) != 1 || got[0] != d {
			t.Fatalf("%v", got)
		}
		if flags != 0 {
			release(got...)
		}
	}
	receiveRights(t, d, 0)
	heard := make(chan file.Events, 10)
	w := file.Waiter{Mask: file.Readable, Fn: func(ev file.Events) { heard <- ev }}
	d.File.Watch(&w)
	mustSend(t, c)
	<-heard
	d.File.Unwatch(&w)
	release(a, b, c, d)
}

// Nobody receives what was sent, in each of the ways there are; it is closed.
func TestRightsLost(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, a, b *file.Description){
		"closed": func(*testing.T, *file.Description, *file.Description) {},
		"read": func(t *testing.T, _, b *file.Description) {
			if n, errno := b.Read(filetest.NewSleeper(), make([]byte, 10)); n != 1 || errno != 0 {
				t.Error(n, errno)
			}
		},
		"not asked for": func(t *testing.T, _, b *file.Description) {
			if n, errno := b.File.(*Socket).Recv(file.Call{}, make([]byte, 10), &Message{}, false); n != 1 || errno != 0 {
				t.Error(n, errno)
			}
		},
		"received and released": func(t *testing.T, _, b *file.Description) { release(receiveRights(t, b, 0)...) },
	} {
		t.Run(name, func(t *testing.T) {
			m := flight(t, 0)
			a, b := opened(t, m, netbsd.SOCK_STREAM)
			r, w := file.NewPipe(0)
			mustSend(t, a, w)
			w.Release()
			lose(t, a, b)
			release(a, b)
			if n, errno := r.Read(filetest.NewSleeper(), make([]byte, 1)); n != 0 || errno != 0 {
				t.Errorf("%d %v, want the end: nobody can write", n, errno)
			}
			r.Release()
			filetest.Eventually(t, "the loss to be heard of", func() bool { return inFlight(m) == 0 })
		})
	}
}

// Sockets that only sockets of their own kind hold are collected (unp_gc), and with them
// what they hold; those that somebody has are not.
func TestRightsInCycles(t *testing.T) {
	for name, tie := range map[string]func(t *testing.T, m *Stack) []*file.Description{
		"over itself": func(t *testing.T, m *Stack) []*file.Description {
			a, b := opened(t, m, netbsd.SOCK_DGRAM)
			mustSend(t, b, a)
			return []*file.Description{a, b}
		},
		"over itself, the other end first": func(t *testing.T, m *Stack) []*file.Description {
			a, b := opened(t, m, netbsd.SOCK_DGRAM)
			mustSend(t, b, a)
			return []*file.Description{b, a}
		},
		"both over each other": func(t *testing.T, m *Stack) []*file.Description {
			a, b := opened(t, m, netbsd.SOCK_STREAM)
			mustSend(t, a, a, b)
			mustSend(t, b, b, a)
			return []*file.Description{a, b}
		},
		"a ring of four pairs": func(t *testing.T, m *Stack) []*file.Description {
			var ends [8]*file.Description
			for i := 0; i < 8; i += 2 {
				ends[i], ends[i+1] = opened(t, m, netbsd.SOCK_STREAM)
			}
			for i := 0; i < 8; i += 2 {
				mustSend(t, ends[i], ends[(i+3)%8])
			}
			return ends[:]
		},
		"not yet accepted": func(t *testing.T, m *Stack) []*file.Description {
			l, errno := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
			if errno != 0 {
				t.Fatal(errno)
			}
			addr := &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: filepath.Join(t.TempDir(), "s")}
			if errno := l.Bind(nil, addr, "s", nil); errno != 0 {
				t.Fatal(errno)
			}
			l.Listen(1)
			c, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
			if errno := c.Connect(file.Call{L: filetest.NewSleeper()}, addr); errno != 0 {
				t.Fatal(errno)
			}
			dl, dc := file.New(l, netbsd.O_RDWR), file.New(c, netbsd.O_RDWR)
			mustSend(t, dc, dl, dc)
			return []*file.Description{dl, dc}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := flight(t, 0)
			held := tie(t, m)
			r, w := file.NewPipe(0)
			mustSend(t, held[len(held)-1], w)
			w.Release()
			collectInHost()
			if !w.InFlightOnly() {
				t.Error("what somebody can receive is not in flight")
			}
			release(held...)
			if n, errno := r.Read(filetest.NewSleeper(), make([]byte, 1)); n != 0 || errno != 0 {
				t.Errorf("%d %v, want the end: nobody can write", n, errno)
			}
			r.Release()
			filetest.Eventually(t, "the cycle to be collected", func() bool { return inFlight(m) == 0 })
		})
	}
}

// Cycles without end make no difference: h7 of the attacks.
func TestManyCycles(t *testing.T) {
	m := flight(t, 100)
	for range 5000 {
		a, b := opened(t, m, netbsd.SOCK_DGRAM)
		for sendRights(b, a) == netbsd.EAGAIN { // the collector is behind
			runtime.Gosched()
		}
		release(a, b)
	}
	filetest.Eventually(t, "cycles to be collected", func() bool { return inFlight(m) == 0 })
}

// How many files are in flight is limited (unp_internalize); what is lost makes room.
func TestRightsLimit(t *testing.T) {
	m := flight(t, 10)
	a, b := opened(t, m, netbsd.SOCK_STREAM)
	c, d := opened(t, m, netbsd.SOCK_STREAM)
	r, w := file.NewPipe(0)
	for range 5 {
		mustSend(t, a, w, c)
	}
	if errno := sendRights(a, w); errno != netbsd.EAGAIN {
		t.Errorf("%v, want EAGAIN", errno)
	}
	if errno := sendRights(a, c); errno != netbsd.EAGAIN {
		t.Errorf("%v, want EAGAIN", errno)
	}
	release(a, b)
	mustSend(t, c, w, w, w, w, w)
	release(c, d, r, w)
}

// What can't be sent is refused, and nothing of it is in flight.
func TestRightsRefused(t *testing.T) {
	m := flight(t, 0)
	a, b := opened(t, m, netbsd.SOCK_STREAM)
	inet, errno := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_DGRAM, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	ip := file.New(inet, netbsd.O_RDWR)
	r, w := file.NewPipe(0)
	private := file.New(privateFile{}, 0)
	many := make([]*file.Description, maxRights+1)
	for i := range many {
		many[i] = a
	}
	alone, peer := opened(t, m, netbsd.SOCK_STREAM)
	release(peer)
	for _, c := range []struct {
		name  string
		by    *file.Description
		files []*file.Description
		want  netbsd.Errno
	}{
		{"not a local socket", ip, []*file.Description{w}, netbsd.EINVAL},
		{"too many", a, many, netbsd.EINVAL},
		{"kqueue(2), which is its process's", a, []*file.Description{w, private}, netbsd.EBADF},
		{"nobody reads", alone, []*file.Description{w, a, r}, netbsd.EPIPE},
	} {
		if errno := sendRights(c.by, c.files...); errno != c.want {
			t.Errorf("%s: %v, want %v", c.name, errno, c.want)
		}
		if n := inFlight(m); n != 0 {
			t.Errorf("%s: %d in flight", c.name, n)
		}
	}
	release(a, b, ip, r, w, private, alone)
}

type privateFile struct{ file.Base }

func (privateFile) NotInherited() bool { return true }

// The host refuses: the guest is told so, and what was begun is undone.
func TestRightsWithoutDescriptors(t *testing.T) {
	m := flight(t, 0)
	a, b := opened(t, m, netbsd.SOCK_STREAM)
	r, w := file.NewPipe(0)
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	few := lim
	few.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	errno := sendRights(a, a, w)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	if errno != netbsd.EMFILE {
		t.Errorf("%v, want EMFILE", errno)
	}
	if n := inFlight(m); n != 0 {
		t.Errorf("%d in flight", n)
	}
	release(a, b, r, w)
}

// Close discards what lies in a queue that somebody outside holds.
func TestMachineCloseDiscardsRights(t *testing.T) {
	m := flight(t, 0)
	a, b := opened(t, m, netbsd.SOCK_STREAM)
	outside, errno := m.host.Export(b)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer unix.Close(outside)
	before := filetest.OpenFDs(t)
	c, d := opened(t, m, netbsd.SOCK_STREAM)
	r, w := file.NewPipe(0)
	mustSend(t, a, c, w)
	release(a, b, c, d, w)
	m.Close()
	m.host.Close()
	if n, errno := r.Read(filetest.NewSleeper(), make([]byte, 1)); n != 0 || errno != 0 {
		t.Errorf("%d %v, want the end", n, errno)
	}
	r.Release()
	filetest.Eventually(t, "all descriptors but one to be closed", func() bool { return filetest.OpenFDs(t) <= before-2 })
	unix.Close(outside)
}

// Two machines in one program do not know each other's files: what comes from the other
// one is a file of the host's, or what stands for it.
func TestRightsOfAnotherMachine(t *testing.T) {
	ours, other := flight(t, 0), newStack(t, Config{})
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	sa, _ := other.wrapSocket(fds[0], netbsd.AF_LOCAL, netbsd.SOCK_STREAM)
	sb, _ := ours.wrapSocket(fds[1], netbsd.AF_LOCAL, netbsd.SOCK_STREAM)
	a, b := file.New(sa, netbsd.O_RDWR), file.New(sb, netbsd.O_RDWR)
	r, w := file.NewPipe(0)
	c, d := opened(t, other, netbsd.SOCK_STREAM)
	mustSend(t, a, w, c)
	got := receiveRights(t, b, 0)
	for _, g := range got {
		if g == w || g == c {
			t.Error("an open file of the other machine")
		}
		if _, ok := g.File.(*hostfile.File); !ok {
			t.Errorf("%T, want a file of the host's", g.File)
		}
	}
	if n := inFlight(ours); n != 0 {
		t.Errorf("%d in flight", n)
	}
	release(got...)
	release(a, b, c, d, r, w)
	filetest.Eventually(t, "the other machine to hear of the loss", func() bool { return inFlight(other) == 0 })
}

// Under a root what a program of the host sends stays as it is, and a directory, which
// would lead out, is refused with all that came along (EPERM of unp_externalize).
func TestRightsFromOutside(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "f")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		confined bool
		paths    []string
		want     netbsd.Errno
		chmod    netbsd.Errno
	}{
		{"file", false, []string{plain}, 0, 0},
		{"directory", false, []string{dir}, 0, 0},
		{"file under a root", true, []string{plain}, 0, netbsd.EPERM},
		{"directory under a root", true, []string{plain, dir, plain}, netbsd.EPERM, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := flight(t, 0)
			m.confined = c.confined
			a, b := opened(t, m, netbsd.SOCK_STREAM)
			var fds []int
			for _, p := range c.paths {
				fd, err := unix.Open(p, unix.O_RDONLY|unix.O_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				fds = append(fds, fd)
			}
			host, _ := a.HostFD()
			if err := unix.Sendmsg(host, []byte("x"), unix.UnixRights(fds...), nil, 0); err != nil {
				t.Fatal(err)
			}
			for _, fd := range fds {
				unix.Close(fd)
			}
			var msg Message
			_, errno := b.File.(*Socket).Recv(file.Call{L: filetest.NewSleeper()}, make([]byte, 1), &msg, true)
			if errno != c.want {
				t.Errorf("%v, want %v", errno, c.want)
			}
			if errno == 0 && len(msg.Rights) != len(c.paths) {
				t.Errorf("%d came", len(msg.Rights))
			}
			for _, d := range msg.Rights {
				if errno := d.File.Chmod(0o755); errno != c.chmod {
					t.Errorf("chmod: %v, want %v", errno, c.chmod)
				}
			}
			msg.Release()
			release(a, b)
		})
	}
}

// O_ASYNC of a socket that nobody but a message had for a while goes on as before: the open file is the same (unp_externalize).
func TestAsyncAfterFlight(t *testing.T) {
	m := flight(t, 10)
	a, b := opened(t, m, netbsd.SOCK_STREAM)
	x, y := opened(t, m, netbsd.SOCK_STREAM)
	defer a.Release()
	defer b.Release()
	defer y.Release()
	told := make(chan int32, 100)
	x.SetOwner(7)
	x.SetAsync(file.NewMachine(file.MachineConfig{Sigio: func(_ int, code int32) { told <- code }}), true)
	c := file.Call{L: filetest.NewSleeper()}
	if _, errno := a.File.(*Socket).Send(c, []byte("x"), &Message{Rights: []*file.Description{x}}); errno != 0 {
		t.Fatal(errno)
	}
	x.Release()
	if fd := x.File.(*Socket).FD(); fd >= 0 {
		t.Fatalf("it has descriptor %d", fd)
	}
	var got Message
	if _, errno := b.File.(*Socket).Recv(c, make([]byte, 1), &got, true); errno != 0 || len(got.Rights) != 1 {
		t.Fatal(errno, got.Rights)
	}
	defer got.Release()
	y.Write(c.L, []byte("news"))
	if code := <-told; code != netbsd.POLL_IN {
		t.Errorf("SIGIO has code %d", code)
	}
}
