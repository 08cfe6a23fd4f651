package outside

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/guesttest"
	"toaster/internal/hostlike"
)

// rolePrefix begins the first argument of this test program where it plays a program of the
// host.
const rolePrefix = "play-"

func TestMain(m *testing.M) {
	hostlike.Enter()
	if len(os.Args) > 2 && strings.HasPrefix(os.Args[1], rolePrefix) {
		fmt.Fprintln(os.Stderr, play(os.Args[1], os.Args[2:]))
		os.Exit(125)
	}
	if err := guesttest.DefaultSignals(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// play is a program that executes args in some way of its own.
func play(role string, args []string) error {
	switch role {
	case "play-spawn": // a program with threads, which forks by vfork(2)
		err := (&exec.Cmd{Path: args[0], Args: args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}).Run()
		if x, ok := err.(*exec.ExitError); ok {
			os.Exit(x.ExitCode())
		}
		return err
	case "play-exec": // a thread that is not its process's first
		return syscall.Exec(args[0], args, os.Environ())
	case "play-execveat":
		fd, err := unix.Open(args[0], unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return execveat(fd, "", args, unix.AT_EMPTY_PATH)
	case "play-execveat-dir":
		fd, err := unix.Open(filepath.Dir(args[0]), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return execveat(fd, filepath.Base(args[0]), args, 0)
	}
	return fmt.Errorf("no role %q", role)
}

func execveat(fd int, name string, args []string, flags int) error {
	var t table
	at, err := t.text(name)
	if err != nil {
		return err
	}
	argv, err := t.texts(args)
	if err != nil {
		return err
	}
	envp, err := t.texts(os.Environ())
	if err != nil {
		return err
	}
	_, _, e := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(fd), at, argv, envp, uintptr(flags), 0)
	return e
}

// identify takes for the machine's what begins with "MINE", which Linux does not execute.
func identify(f *os.File) Look {
	b := make([]byte, 128)
	n, _ := f.ReadAt(b, 0)
	b = b[:n]
	if line, ok := bytes.CutPrefix(b, []byte("#!")); ok {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		interp, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		return Look{Script, interp}
	}
	if bytes.HasPrefix(b, []byte("MINE")) {
		return Look{Kind: Guest}
	}
	return Look{}
}

// host starts programs in a directory that has a program of the machine's, ./prog. What joins says so on its own standard output,
// and exits with 7.
type host struct {
	*Starter
	dir string
}

func newHost(t *testing.T, join func(*Exec)) *host {
	h := &host{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(h.dir, "prog"), []byte("MINE\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "script"), []byte("#!"+filepath.Join(h.dir, "prog")+" word\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.Starter = New(Options{Identify: identify, Join: join})
	t.Cleanup(h.Stop)
	return h
}

// echo is a Join that writes the program's name and arguments to its standard output.
func echo(t *testing.T) func(x *Exec) {
	return func(x *Exec) {
		defer x.File.Close()
		go x.Proxy.Listen(func(int) {})
		argv, _, err := x.Proxy.Args()
		files, ferr := x.Proxy.Files()
		if err != nil || ferr != nil {
			t.Errorf("%v, %v", err, ferr)
		}
		defer closeFiles(files)
		if fd, ok := files[1]; ok {
			unix.Write(fd, []byte(x.Name+" "+strings.Join(argv, ",")+"\n"))
		}
		x.Proxy.Exit(7)
	}
}

// run runs a program to its end, and returns its output.
func (h *host) run(t *testing.T, argv ...string) (string, syscall.WaitStatus) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		t.Skip(err)
	}
	pid, err := h.ForkExec(path, argv, &syscall.ProcAttr{Dir: h.dir, Env: os.Environ(), Files: []uintptr{^uintptr(0), w.Fd(), 2}})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), wait(t, pid)
}

func wait(t *testing.T, pid int) (ws syscall.WaitStatus) {
	t.Helper()
	for {
		if _, err := syscall.Wait4(pid, &ws, 0, nil); err != syscall.EINTR {
			if err != nil {
				t.Fatal(err)
			}
			return ws
		}
	}
}

// A program of the host executes one of the machine's in whatever way.
func TestJoin(t *testing.T) {
	h := newHost(t, echo(t))
	prog, script := filepath.Join(h.dir, "prog"), filepath.Join(h.dir, "script")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		argv []string
		want string
	}{
		{[]string{"sh", "-c", "exec ./prog a b"}, "./prog ./prog,a,b"},
		{[]string{"sh", "-c", "./prog a; exit $?"}, "./prog ./prog,a"},
		{[]string{"sh", "-c", "(./prog '' a); exit $?"}, "./prog ./prog,,a"},
		{[]string{"nohup", "./prog"}, "./prog ./prog"},
		{[]string{"setsid", "-w", "./prog"}, "./prog ./prog"},
		{[]string{"env", "-i", prog, "x"}, prog + " " + prog + ",x"},
		{[]string{"sh", "-c", "./script y; exit $?"}, "./script ./script,y"},
		{[]string{self, "play-spawn", prog, "1"}, prog + " " + prog + ",1"},
		{[]string{self, "play-exec", prog, "2"}, prog + " " + prog + ",2"},
		{[]string{self, "play-execveat", prog, "3"}, prog + " " + prog + ",3"},
		{[]string{self, "play-execveat-dir", prog, "4"}, prog + " " + prog + ",4"},
		{[]string{self, "play-spawn", script, "5"}, script + " " + script + ",5"},
	} {
		out, ws := h.run(t, c.argv...)
		if out != c.want+"\n" || ws.ExitStatus() != 7 {
			t.Errorf("%v: %q, %v", c.argv, out, ws)
		}
	}
}
