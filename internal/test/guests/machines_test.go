package guests

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"toaster/internal/guesttest"
	"toaster/internal/machine"
	"toaster/internal/platform"
	"toaster/internal/vfs"
	"toaster/kern"
)

// machinesGuest answers each line of its standard input with one line.
const machinesGuest = `package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

func main() {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		f := strings.Fields(in.Text())
		fmt.Println(do(f[0], f[1:]))
	}
}

var kept []int // descriptors, which close what they are with them

func do(what string, args []string) string {
	switch what {
	case "hostname":
		name, err := os.Hostname()
		return fmt.Sprint(name, " ", err)
	case "pid":
		return strconv.Itoa(os.Getpid())
	case "kill":
		pid, _ := strconv.Atoi(args[0])
		return fmt.Sprint(syscall.Kill(pid, 0))
	case "clock":
		var ts syscall.Timespec
		syscall.Syscall(427, 3, uintptr(unsafe.Pointer(&ts)), 0) // __clock_gettime50 of CLOCK_MONOTONIC
		return strconv.FormatInt(ts.Sec, 10)
	case "boottime":
		mib, tv, n := [2]int32{1, 83}, syscall.Timeval{}, unsafe.Sizeof(syscall.Timeval{})
		syscall.Syscall6(syscall.SYS___SYSCTL, uintptr(unsafe.Pointer(&mib)), 2, uintptr(unsafe.Pointer(&tv)), uintptr(unsafe.Pointer(&n)), 0, 0)
		return strconv.FormatInt(tv.Sec, 10)
	case "record":
		fd := open(args[0])
		l := syscall.Flock_t{Type: syscall.F_WRLCK}
		return fmt.Sprint(syscall.FcntlFlock(uintptr(fd), syscall.F_SETLK, &l))
	case "flock":
		return fmt.Sprint(syscall.Flock(open(args[0]), syscall.LOCK_EX|syscall.LOCK_NB))
	case "listen":
		s := local()
		return fmt.Sprint(syscall.Bind(s, &syscall.SockaddrUnix{Name: args[0]}), syscall.Listen(s, 1))
	case "send": // the write end of a pipe
		var p [2]int
		if err := syscall.Pipe(p[:]); err != nil {
			return err.Error()
		}
		kept = append(kept, p[0], p[1])
		s := local()
		if err := syscall.Connect(s, &syscall.SockaddrUnix{Name: args[0]}); err != nil {
			return err.Error()
		}
		return fmt.Sprint(syscall.Sendmsg(s, []byte("x"), syscall.UnixRights(p[1]), nil, 0))
	case "receive":
		c, _, err := syscall.Accept(kept[len(kept)-1])
		if err != nil {
			return err.Error()
		}
		oob := make([]byte, 64)
		_, n, _, _, err := syscall.Recvmsg(c, make([]byte, 1), oob, 0)
		if err != nil {
			return err.Error()
		}
		msgs, _ := syscall.ParseSocketControlMessage(oob[:n])
		fds, err := syscall.ParseUnixRights(&msgs[0])
		if err != nil {
			return err.Error()
		}
		_, err = syscall.Write(fds[0], []byte("through"))
		return fmt.Sprint(err)
	}
	return "what?"
}

func open(name string) int {
	fd, err := syscall.Open(name, syscall.O_RDWR|syscall.O_CREAT, 0o644)
	if err != nil {
		panic(err)
	}
	kept = append(kept, fd)
	return fd
}

func local() int {
	s, err := syscall.Socket(syscall.AF_LOCAL, syscall.SOCK_STREAM, 0)
	if err != nil {
		panic(err)
	}
	kept = append(kept, s)
	return s
}
`

// station is a running machinesGuest.
type station struct {
	t    *testing.T
	to   *os.File
	from *bufio.Reader
	proc *kern.Proc
}

// talkTo starts a guest on a machine. It ends with the test, when its input does.
func talkTo(t *testing.T, sys *machine.System, dirs *vfs.Dirs, exe string) *station {
	t.Helper()
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	tab := sys.Files.NewTable()
	for _, f := range []*os.File{in, out, os.Stderr} {
		d, errno := sys.Host.Inherit(int(f.Fd()))
		if errno == 0 {
			_, errno = tab.Install(d, 0, 100, 0)
		}
		if errno != 0 {
			t.Fatal(errno)
		}
	}
	p, err := sys.Start(machine.Process{Path: exe, Argv: []string{exe}, Files: tab, Dirs: dirs.Fork(false), Cred: sys.FS.HostCred()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		to.Close()
		p.Wait()
		from.Close()
	})
	return &station{t: t, to: to, from: bufio.NewReader(from), proc: p}
}

// ask has the guest do something and returns its answer.
func (g *station) ask(format string, args ...any) string {
	g.t.Helper()
	fmt.Fprintf(g.to, format+"\n", args...)
	line, err := g.from.ReadString('\n')
	if err != nil {
		g.t.Fatalf(format+": %v", append(args, err)...)
	}
	return strings.TrimSpace(line)
}

func (g *station) expect(want, format string, args ...any) {
	g.t.Helper()
	if got := g.ask(format, args...); got != want {
		g.t.Errorf(format+": %q, want %q", append(args, got, want)...)
	}
}

// newMachine starts a machine on the host's tree whose clock is ahead of the host's.
func newMachine(t *testing.T, hostname string, ahead time.Duration) (*machine.System, *vfs.Dirs) {
	t.Helper()
	sys, dirs, err := machine.New(machine.Config{
		Kern: kern.Config{Hostname: hostname},
		FS:   vfs.Config{Dir: "/"},
		// The stub knows no clock but the host's.
		Platform: platform.Options{TrapAll: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		dirs.Close()
	})
	sys.BootTime = sys.BootTime.Add(-ahead)
	sys.Monotonic = func() time.Duration { return platform.Monotonic() + ahead }
	return sys, dirs
}

// TestTwoMachines runs two machines in one process, over one directory of the host: two
// computers that share a disk. Names, processes, clocks, record locks and open files in
// flight are each machine's own. The files themselves are the host's, and so are the locks
// of flock(2) on them, which programs of the host take, too.
func TestTwoMachines(t *testing.T) {
	exe, dir := guesttest.Build(t, machinesGuest), t.TempDir()
	const year = 365 * 24 * time.Hour
	sysA, dirsA := newMachine(t, "alpha", 0)
	sysB, dirsB := newMachine(t, "beta", year)
	a, b := talkTo(t, sysA, dirsA, exe), talkTo(t, sysB, dirsB, exe)
	a2 := talkTo(t, sysA, dirsA, exe)

	t.Run("hostname", func(t *testing.T) {
		a.expect("alpha <nil>", "hostname")
		b.expect("beta <nil>", "hostname")
	})
	t.Run("pids", func(t *testing.T) {
		a.expect(b.ask("pid"), "pid") // each machine counts from 1
		a.expect("<nil>", "kill %s", a2.ask("pid"))
		b.expect("no such process", "kill %s", a2.ask("pid"))
	})
	t.Run("clocks", func(t *testing.T) {
		apart := func(what string) time.Duration {
			var x, y int64
			fmt.Sscan(a.ask(what), &x)
			fmt.Sscan(b.ask(what), &y)
			return time.Duration(y-x) * time.Second
		}
		if d := apart("clock"); d < year || d > year+time.Hour {
			t.Errorf("the monotonic clocks are %v apart, want %v", d, year)
		}
		if d := apart("boottime"); d < -year-time.Hour || d > -year+time.Hour {
			t.Errorf("kern.boottime is %v apart, want %v", d, -year)
		}
	})
	t.Run("locks", func(t *testing.T) {
		name := filepath.Join(dir, "record")
		a.expect("<nil>", "record %s", name)
		a2.expect("resource temporarily unavailable", "record %s", name)
		b.expect("<nil>", "record %s", name)
		name = filepath.Join(dir, "flock")
		a.expect("<nil>", "flock %s", name)
		a2.expect("resource temporarily unavailable", "flock %s", name)
		b.expect("resource temporarily unavailable", "flock %s", name)
	})
	t.Run("rights", func(t *testing.T) {
		// Within a machine the open file arrives itself; the other one gets what stands
		// for it, which cannot be written to.
		for _, r := range []struct {
			to   *station
			want string
		}{{a2, "<nil>"}, {b, "bad file descriptor"}} {
			name := filepath.Join(dir, fmt.Sprintf("s%d", r.to.proc.Pid())+r.to.ask("hostname")[:4])
			r.to.expect("<nil> <nil>", "listen %s", name)
			a.expect("<nil>", "send %s", name)
			r.to.expect(r.want, "receive")
		}
	})
}
