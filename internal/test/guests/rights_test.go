package guests

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster"
	"toaster/internal/guesttest"
)

// rightsGuest tries what its argument names, and is silent if all is as on NetBSD.
const rightsGuest = `package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	tries := map[string]func(){
		"cycles": cycles, "kqueue": kqueue, "too many": tooMany, "no descriptors": noDescriptors,
		"truncated": truncated, "peeked": peeked, "a directory from outside the root": jail, "left behind": leftBehind,
	}
	tries[os.Args[1]]()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func want(what string, got, want any) {
	if got != want {
		fmt.Printf("%s: %v, want %v\n", what, got, want)
	}
}

func pair(typ int) (a, b int) {
	fds, err := syscall.Socketpair(syscall.AF_LOCAL, typ, 0)
	must(err)
	return fds[0], fds[1]
}

func pipe() (r, w int) {
	var p [2]int
	must(syscall.Pipe(p[:]))
	return p[0], p[1]
}

func send(by int, fds ...int) error {
	return syscall.Sendmsg(by, []byte("x"), syscall.UnixRights(fds...), nil, 0)
}

// receive has room for n descriptors.
func receive(by, n, flags int) (fds []int, got int, err error) {
	oob := make([]byte, syscall.CmsgSpace(4*n))
	_, size, got, _, err := syscall.Recvmsg(by, make([]byte, 1), oob, flags)
	msgs, _ := syscall.ParseSocketControlMessage(oob[:max(size, 0)])
	if len(msgs) > 0 {
		fds, _ = syscall.ParseUnixRights(&msgs[0])
	}
	return fds, got, err
}

func ended(what string, r int) {
	n, err := syscall.Read(r, make([]byte, 1))
	want(what, fmt.Sprint(n, err), "0 <nil>")
}

func cycles() {
	for range 3000 {
		a, b := pair(syscall.SOCK_DGRAM)
		for {
			err := send(b, a)
			if err == nil {
				break
			}
			want("send", err, syscall.EAGAIN) // the collector is behind
		}
		syscall.Close(a)
		syscall.Close(b)
	}
}

func kqueue() {
	a, _ := pair(syscall.SOCK_STREAM)
	kq, err := syscall.Kqueue()
	must(err)
	want("a kqueue", send(a, kq), syscall.EBADF)
}

func tooMany() {
	a, b := pair(syscall.SOCK_STREAM)
	big := 1 << 20
	syscall.SetsockoptInt(a, syscall.SOL_SOCKET, syscall.SO_SNDBUF, big)
	syscall.SetsockoptInt(b, syscall.SOL_SOCKET, syscall.SO_RCVBUF, big)
	r, w := pipe()
	fds := make([]int, 200)
	for i := range fds {
		fds[i] = w
	}
	sent := 0
	for ; sent < 1000; sent++ {
		if err := send(a, fds...); err != nil {
			want("send", err, syscall.EAGAIN)
			break
		}
	}
	if sent == 0 || sent == 1000 {
		fmt.Println(sent, "messages of 200 files in flight")
	}
	syscall.Close(w)
	syscall.Close(b)
	ended("when nobody can receive them", r)
	c, _ := pair(syscall.SOCK_STREAM)
	want("after that", send(c, r), nil)
}

func noDescriptors() {
	a, b := pair(syscall.SOCK_STREAM)
	r, w := pipe()
	must(send(a, w, w))
	syscall.Close(w)
	free, err := syscall.Dup(a)
	must(err)
	syscall.Close(free)
	must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(free + 1), Max: 3000}))
	_, _, err = receive(b, 2, 0)
	want("one descriptor for two files", err, syscall.EMSGSIZE)
	ended("what was not received", r)
	fd, err := syscall.Dup(a)
	want("the descriptor", fmt.Sprint(fd, err), fmt.Sprint(free, nil))
}

func truncated() {
	a, b := pair(syscall.SOCK_STREAM)
	r, w := pipe()
	r2, w2 := pipe()
	must(send(a, w, w2))
	syscall.Close(w)
	syscall.Close(w2)
	// CMSG_SPACE(8) is 24 bytes; what has no room for all has room for none (copyout_msg_control).
	oob := make([]byte, 20)
	_, size, flags, _, err := syscall.Recvmsg(b, make([]byte, 1), oob, 0)
	want("flags", flags&syscall.MSG_CTRUNC, syscall.MSG_CTRUNC)
	want("size", fmt.Sprint(size, err), "0 <nil>")
	ended("the one that would have had room", r)
	ended("the one that had none", r2)
}

func peeked() {
	a, b := pair(syscall.SOCK_DGRAM)
	c, d := pair(syscall.SOCK_STREAM)
	must(send(a, d))
	syscall.Close(d)
	for _, flags := range []int{syscall.MSG_PEEK, syscall.MSG_PEEK, 0} {
		fds, _, err := receive(b, 1, flags)
		if err != nil || len(fds) != 1 {
			fmt.Println("received:", fds, err)
			return
		}
		syscall.Write(c, []byte("z"))
		n, err := syscall.Read(fds[0], make([]byte, 2))
		want("read", fmt.Sprint(n, err), "1 <nil>")
		syscall.Close(fds[0])
	}
	n, err := syscall.Write(c, []byte("z"))
	want("when all are closed", fmt.Sprint(n, err), fmt.Sprint(-1, syscall.EPIPE))
}

func jail() {
	a, b := pair(syscall.SOCK_STREAM)
	must(syscall.Mkdir("/jail", 0o755))
	top, err := syscall.Open("/", syscall.O_RDONLY, 0)
	must(err)
	in, err := syscall.Open("/jail", syscall.O_RDONLY, 0)
	must(err)
	must(send(a, in))
	must(send(a, top))
	must(syscall.Chroot("/jail"))
	_, _, err = receive(b, 1, 0)
	want("the root", err, nil)
	_, _, err = receive(b, 1, 0)
	want("a directory above it", err, syscall.EPERM)
}

// leftBehind ends with its files in flight, in a socket that it has closed, one that
// nobody has accepted, and its own.
func leftBehind() {
	a, b := pair(syscall.SOCK_STREAM)
	c, d := pair(syscall.SOCK_DGRAM)
	r, w := pipe()
	must(send(a, a, b, c, d, r, w))
	must(send(c, a, b, c, d, r, w))
	l, err := syscall.Socket(syscall.AF_LOCAL, syscall.SOCK_STREAM, 0)
	must(err)
	must(syscall.Bind(l, &syscall.SockaddrUnix{Name: "/socket"}))
	must(syscall.Listen(l, 5))
	n, err := syscall.Socket(syscall.AF_LOCAL, syscall.SOCK_STREAM, 0)
	must(err)
	must(syscall.Connect(n, &syscall.SockaddrUnix{Name: "/socket"}))
	must(send(n, l, n, a, w))
}
`

// TestRightsInFlight tries what can be done with open files in messages. Nothing of it is
// left when the machine has ended: no descriptor of the host, no goroutine.
func TestRightsInFlight(t *testing.T) {
	exe := guesttest.Build(t, rightsGuest)
	// Once, for what the program keeps for all machines.
	tryRights(t, exe, "kqueue")
	for _, what := range []string{
		"cycles", "kqueue", "too many", "no descriptors", "truncated", "peeked",
		"a directory from outside the root", "left behind",
	} {
		t.Run(what, func(t *testing.T) {
			if what == "a directory from outside the root" && os.Geteuid() != 0 {
				t.Skip("chroot(2) is the superuser's")
			}
			fds, goroutines := countFDs(t), runtime.NumGoroutine()
			tryRights(t, exe, what)
			if n := countFDs(t); n > fds {
				t.Errorf("%d descriptors, were %d", n, fds)
			}
			for end := time.Now().Add(patience); runtime.NumGoroutine() > goroutines; runtime.Gosched() {
				if time.Now().After(end) {
					t.Errorf("%d goroutines, were %d", runtime.NumGoroutine(), goroutines)
					break
				}
			}
		})
	}
}

// tryRights runs the guest in a machine of its own.
func tryRights(t *testing.T, exe, what string) {
	t.Helper()
	root := t.TempDir()
	if err := unix.Link(exe, root+"/guest"); err != nil {
		t.Fatal(err)
	}
	cmd := toaster.Command("/guest", what)
	cmd.Options.Root = root
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, strings.TrimSpace(string(out)))
	}
}

func countFDs(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
