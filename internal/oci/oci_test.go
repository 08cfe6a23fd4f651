package oci

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"toaster/internal/guesttest"
)

// guest is the program of the containers here.
const guest = `package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "report":
		host, _ := os.Hostname()
		dir, _ := os.Getwd()
		groups, _ := os.Getgroups()
		var lim syscall.Rlimit
		syscall.Getrlimit(7, &lim)
		fmt.Println(os.Environ(), host, dir, os.Getuid(), os.Getgid(), groups, syscall.Umask(0), lim.Cur, lim.Max)
	case "cat":
		io.Copy(os.Stdout, os.Stdin)
	case "exit":
		n, _ := strconv.Atoi(os.Args[2])
		os.Exit(n)
	case "die":
		n, _ := strconv.Atoi(os.Args[2])
		syscall.Kill(os.Getpid(), syscall.Signal(n))
		time.Sleep(time.Hour)
	case "write":
		for _, name := range os.Args[2:] {
			fmt.Println(name, os.WriteFile(name, []byte("x"), 0o666) == nil)
		}
	case "hook":
		state, _ := io.ReadAll(os.Stdin)
		f, _ := os.OpenFile("/log/hooks", os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o666)
		fmt.Fprintln(f, os.Args[2], strings.Join(strings.Fields(string(state)), ""))
	case "stay":
		os.WriteFile(os.Args[2], nil, 0)
		time.Sleep(time.Hour)
	case "loopback":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			_, err = net.Dial("tcp", l.Addr().String())
		}
		fmt.Println(err)
	case "signals":
		c := make(chan os.Signal, 8)
		signal.Notify(c)
		fmt.Println("ready", os.Getpid())
		for s := range c {
			if s == syscall.SIGURG { // the runtime's own
				continue
			}
			fmt.Println("got", int(s.(syscall.Signal)))
			if s == syscall.SIGTERM {
				os.Exit(9)
			}
		}
	case "stdin-tty":
		c := make(chan os.Signal, 8)
		signal.Notify(c, syscall.SIGINT, syscall.SIGWINCH)
		size := func() string {
			w, err := winsize()
			return fmt.Sprint(w, err)
		}
		fmt.Println("ready", size())
		for s := range c {
			fmt.Println("got", int(s.(syscall.Signal)), size())
			if s == syscall.SIGINT {
				os.Exit(4)
			}
		}
	}
}
`

// guestTail is a second piece, which needs unsafe.
const guestTail = `package main

import (
	"syscall"
	"unsafe"
)

// winsize is TIOCGWINSZ of tty(4).
func winsize() (w [4]uint16, err error) {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 0, 0x40087468, uintptr(unsafe.Pointer(&w)))
	if errno != 0 {
		err = errno
	}
	return w, err
}
`

var guestExe []byte

// TestMain has the test binary be toaster, for those processes that the tests and toaster itself start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "oci" {
		os.Exit(Main(os.Args[2:], "test"))
	}
	if len(os.Args) > 2 && os.Args[1] == sweepCommand {
		sweep(os.Args[2])
		return
	}
	err := guesttest.DefaultSignals()
	if err == nil {
		err = buildGuest()
	}
	// Whose creator has ended becomes a child of the tests, as of a shim.
	if err == nil {
		err = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	end := func() {}
	if err == nil {
		end, err = startSweeper()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	end()
	os.Exit(status)
}

func buildGuest() error {
	dir, err := os.MkdirTemp("", "toaster-oci-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{"main.go": guest, "tty.go": guestTail, "go.mod": "module guest\ngo 1.24\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", "guest", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=netbsd", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	guestExe, err = os.ReadFile(filepath.Join(dir, "guest"))
	return err
}

// world is a place for containers.
type world struct {
	*testing.T
	root, rootfs string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t, filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "rootfs")}
	if err := os.MkdirAll(filepath.Join(w.rootfs, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.rootfs, "bin/guest"), guestExe, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		list, _ := os.ReadDir(w.root)
		for _, e := range list {
			w.try("delete", "--force", e.Name())
		}
	})
	return w
}

// bundle makes a bundle whose program is the guest with these arguments.
func (w *world) bundle(change func(*specs.Spec), args ...string) string {
	w.Helper()
	spec := &specs.Spec{
		Version: "1.0.2", Root: &specs.Root{Path: w.rootfs}, Hostname: "box",
		Process: &specs.Process{Args: append([]string{"/bin/guest"}, args...), Cwd: "/", Env: []string{"A=1"},
			User: specs.User{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}},
		Linux: &specs.Linux{
			CgroupsPath: groupName(),
			Namespaces:  []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.NetworkNamespace}},
		},
	}
	if change != nil {
		change(spec)
	}
	b, err := json.Marshal(spec)
	dir := w.TempDir()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, configName), b, 0o644)
	}
	if err != nil {
		w.Fatal(err)
	}
	return dir
}

// groups is how many names groupName has made.
var groups int

// groupName names a control group, below that of the tests, which no other bundle has, nor any of tests that run beside these.
func groupName() string {
	groups++
	return fmt.Sprintf("%s-%d", filepath.Base(home), groups)
}

// command is toaster oci with arguments.
func (w *world) command(args ...string) *exec.Cmd {
	return exec.Command("/proc/self/exe", append([]string{"oci", "--root", w.root}, args...)...)
}

// try runs a command and returns what it says and its status. A file is for the output, as what the command leaves
// running may hold it open.
func (w *world) try(args ...string) (out string, status int) {
	w.Helper()
	f, err := os.CreateTemp(w.TempDir(), "out")
	if err != nil {
		w.Fatal(err)
	}
	defer f.Close()
	cmd := w.command(args...)
	cmd.Stdout, cmd.Stderr = f, f
	status = w.run(cmd)
	b, _ := os.ReadFile(f.Name())
	return string(b), status
}

// run starts a command, whose descriptors are files, and waits for its end.
func (w *world) run(cmd *exec.Cmd) int {
	w.Helper()
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	defer cmd.Process.Release()
	return w.ends(cmd.Process.Pid)
}

// do is try for what has to work.
func (w *world) do(args ...string) string {
	w.Helper()
	out, status := w.try(args...)
	if status != 0 {
		w.Fatalf("%q: status %d: %s", args, status, out)
	}
	return out
}

// fails is try for what has to fail, with what it is to say.
func (w *world) fails(want string, args ...string) {
	w.Helper()
	if out, status := w.try(args...); status == 0 || !strings.Contains(out, want) {
		w.Errorf("%q: status %d, %q; want a failure with %q", args, status, out, want)
	}
}

// state is what state says.
func (w *world) state(id string) (s stateText) {
	w.Helper()
	if err := json.Unmarshal([]byte(w.do("state", id)), &s); err != nil {
		w.Fatal(err)
	}
	return s
}

// isIn checks a container's state.
func (w *world) isIn(id, want string) stateText {
	w.Helper()
	s := w.state(id)
	if s.Status != want {
		w.Errorf("%s is %s, want %s", id, s.Status, want)
	}
	return s
}

// create makes a container whose program writes to the result.
func (w *world) create(id, bundle string, flags ...string) io.Reader {
	w.Helper()
	pr, pw, err := os.Pipe()
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { pr.Close() })
	cmd := w.command(append(append([]string{"create", "--bundle", bundle}, flags...), id)...)
	cmd.Stdout, cmd.Stderr = pw, pw
	status := w.run(cmd)
	pw.Close()
	if status != 0 {
		w.Fatalf("create %s: status %d: %s", id, status, w.waiting(pr))
	}
	return pr
}

// waiting reads what there is in a pipe. Its end may never come, where what has failed has left somebody who holds it open.
func (w *world) waiting(pr *os.File) []byte {
	w.Helper()
	n, err := unix.IoctlGetInt(int(pr.Fd()), unix.TIOCINQ)
	if err != nil {
		w.Fatal(err)
	}
	said := make([]byte, n)
	io.ReadFull(pr, said)
	return said
}

// ended has the wait statuses, by pid, of processes that ends has reaped while it waited for another one. Once a process is reaped the host may
// reuse its pid.
var ended = map[int]unix.WaitStatus{}

// ends waits for the end of a process of the host, and returns its status, below 0 the signal. As a shim, it reaps whatever
// ends meanwhile. The caller has seen to it that the process is a child of the tests by now.
func (w *world) ends(pid int) int {
	w.Helper()
	if unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) != unix.ECHILD {
		delete(ended, pid) // it is there, so what has ended was another one with its pid
	}
	for {
		if ws, ok := ended[pid]; ok {
			delete(ended, pid)
			if ws.Exited() {
				return ws.ExitStatus()
			}
			return -int(ws.Signal())
		}
		var ws unix.WaitStatus
		switch got, err := unix.Wait4(-1, &ws, 0, nil); {
		case err == nil:
			ended[got] = ws
		case err != unix.EINTR:
			w.Fatalf("process %d: %v", pid, err)
		}
	}
}

// hasEnded reports whether a child of the tests has ended that nobody has reaped yet.
func (w *world) hasEnded(pid int) bool {
	w.Helper()
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err != nil {
		w.Fatal(err)
	}
	return info.Signo != 0
}

// explain tells of a test that has failed how the process has ended, should it end soon, and what kernels have logged.
func (w *world) explain(pid int) {
	w.Helper()
	if fd, err := unix.PidfdOpen(pid, 0); err == nil {
		err = awaitEnd(fd, pid, endPatience)
		unix.Close(fd)
		if err == nil {
			w.Logf("process %d: status %d", pid, w.ends(pid))
		} else {
			w.Logf("process %d has not ended", pid)
		}
	} else if ws, ok := ended[pid]; ok {
		w.Logf("process %d: wait status %#x", pid, int(ws))
	}
	logs, _ := filepath.Glob(filepath.Join(w.root, "*", "kernel.log"))
	for _, name := range logs {
		b, _ := os.ReadFile(name)
		w.Logf("%s: %s", name, b)
	}
}

// TestEndsOfTheSamePid: the end of a process is not taken for that of a later one with its pid, as the host wraps around within minutes.
func TestEndsOfTheSamePid(t *testing.T) {
	w := &world{T: t}
	for _, reaped := range []bool{false, true} {
		cmd := exec.Command("/bin/sh", "-c", "exit 3")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pid := cmd.Process.Pid
		cmd.Process.Release()
		ended[pid] = unix.WaitStatus(unix.SIGKILL)
		for got := 0; reaped && got != pid; {
			var ws unix.WaitStatus
			got, _ = unix.Wait4(-1, &ws, 0, nil)
			ended[got] = ws
		}
		if status := w.ends(pid); status != 3 {
			t.Errorf("status %d, want 3 (reaped before: %t)", status, reaped)
		}
	}
}

// running makes and starts container c, whose program tells of signals: what the program writes from its first signal on, and its process.
func (w *world) running() (out io.Reader, pid int) {
	w.Helper()
	out = w.create("c", w.bundle(nil, "signals"))
	pid = w.state("c").Pid
	w.do("start", "c")
	w.line(out)
	return out, pid
}

// line reads one line of a program's.
func (w *world) line(r io.Reader) string {
	w.Helper()
	var b []byte
	for c := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, c); err != nil {
			w.Fatalf("after %q: %v", b, err)
		}
		if c[0] == '\n' {
			return strings.TrimSuffix(string(b), "\r")
		}
		b = append(b, c[0])
	}
}

// pidIn reads a pid file.
func (w *world) pidIn(name string) int {
	w.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		w.Fatal(err)
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil {
		w.Fatal(err)
	}
	return pid
}
