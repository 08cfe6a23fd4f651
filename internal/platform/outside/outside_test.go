package outside

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
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

// self is this program, also where its user cannot come by its name.
const self = "/proc/self/exe"

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
	case "play-again": // a toaster where Linux lets it watch nobody
		if os.Getenv("AGAIN") != "" {
			fmt.Println(strings.Join(args, ","), filters())
			os.Exit(5)
		}
		return Again(os.Args, append(os.Environ(), "AGAIN=1"))
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

// filters is how many seccomp filters this process is below.
func filters() string {
	b, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(b), "Seccomp_filters:")
	n, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(n)
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
	pid, err := h.ForkExec(path, argv, &syscall.ProcAttr{Dir: h.dir, Env: os.Environ(), Files: []uintptr{^uintptr(0), w.Fd(), 2}}, nil)
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

// What signals a proxy gets on the host is told, and the status that it is to have is what its
// parent sees (wait(2)).
func TestSignalsAndEnds(t *testing.T) {
	for _, c := range []struct {
		line string
		end  func(p *Proxy)
		want func(ws syscall.WaitStatus) bool
	}{
		{"mkfifo up; ./prog >up & read line <up; kill $!; wait $!; exit $?", func(p *Proxy) { p.Exit(3) },
			func(ws syscall.WaitStatus) bool { return ws.ExitStatus() == 3 }},
		{"mkfifo up; ./prog >up & read line <up; kill $!; wait $!; exit $?", func(p *Proxy) { p.Die(1) },
			func(ws syscall.WaitStatus) bool { return ws.ExitStatus() == 128+1 }},
		{"exec ./prog", func(p *Proxy) { p.Die(15) },
			func(ws syscall.WaitStatus) bool { return ws.Signaled() && ws.Signal() == 15 }},
		{"trap '' HUP; exec ./prog", func(p *Proxy) { p.Die(1) },
			func(ws syscall.WaitStatus) bool { return ws.Signaled() && ws.Signal() == 1 }},
		{"exec ./prog", func(p *Proxy) { p.Die(11) },
			func(ws syscall.WaitStatus) bool { return ws.Signaled() && ws.Signal() == 11 && !ws.CoreDump() }},
		{"exec ./prog", func(p *Proxy) { p.Die(9) },
			func(ws syscall.WaitStatus) bool { return ws.Signaled() && ws.Signal() == 9 }},
		{"exec ./prog", func(p *Proxy) { p.Close() },
			func(ws syscall.WaitStatus) bool { return ws.Signaled() && ws.Signal() == 9 }},
	} {
		h := newHost(t, func(x *Exec) {
			x.File.Close()
			term := make(chan bool, 1)
			go x.Proxy.Listen(func(sig int) { term <- sig == 15 })
			if strings.Contains(c.line, "kill") {
				files, err := x.Proxy.Files()
				if err != nil {
					t.Error(err)
				}
				unix.Write(files[1], []byte("ready\n"))
				closeFiles(files)
				if !<-term {
					t.Error("another signal than SIGTERM came")
				}
			}
			c.end(x.Proxy)
		})
		if out, ws := h.run(t, "sh", "-c", c.line); !c.want(ws) {
			t.Errorf("%s: %q, %v", c.line, out, ws)
		}
	}
}

// A proxy that is told to stop is seen to, and says so when it goes on.
func TestStop(t *testing.T) {
	h := newHost(t, func(x *Exec) {
		x.File.Close()
		x.Proxy.Stop()
		x.Proxy.Listen(func(sig int) {
			if sig == int(unix.SIGCONT) {
				go x.Proxy.Exit(4)
			}
		})
	})
	pid, err := h.ForkExec("/bin/sh", []string{"sh", "-c", "exec ./prog"}, &syscall.ProcAttr{Dir: h.dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ws syscall.WaitStatus
	for !ws.Stopped() || ws>>16 != 0 { // the latter is toaster's own moment of ptrace
		if _, err := syscall.Wait4(pid, &ws, syscall.WUNTRACED, nil); err != nil && err != syscall.EINTR {
			t.Fatal(err)
		}
	}
	syscall.Kill(pid, syscall.SIGCONT)
	if ws = wait(t, pid); ws.ExitStatus() != 4 {
		t.Error(ws)
	}
}

// What may not run below the filter runs beyond it, in the same place.
func TestAgain(t *testing.T) {
	h := newHost(t, echo(t))
	if out, ws := h.run(t, self, "play-again", "x", "y"); out != "x,y "+filters()+"\n" || ws.ExitStatus() != 5 {
		t.Errorf("%q, %v", out, ws)
	}
	if err := Again(os.Args, nil); err != unix.EINVAL {
		t.Errorf("without a supervisor: %v", err)
	}
}

// Set-id programs have their owner's rights, by whoever they are executed, although the filter takes the
// promise to get none (SECURITY.md).
func TestSetID(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs a program of root's")
	}
	id, err := exec.LookPath("id")
	if err != nil {
		t.Skip(err)
	}
	b, err := os.ReadFile(id)
	if err != nil {
		t.Fatal(err)
	}
	dir, _ := hostlike.Home(t, nil)
	path := filepath.Join(dir, "id")
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SET_ID", path)
	hostlike.RunTests(t, "user", "TestSetIDAsUser")
}

func TestSetIDAsUser(t *testing.T) {
	path := os.Getenv("SET_ID")
	if path == "" {
		t.Skip("TestSetID runs it")
	}
	h := newHost(t, echo(t))
	for _, argv := range [][]string{{path, "-u"}, {"sh", "-c", path + " -u; exit $?"}, {"env", path, "-u"}} {
		if out, ws := h.run(t, argv...); out != "0\n" || ws != 0 {
			t.Errorf("%v: %q, %v", argv, out, ws)
		}
	}
	if !h.way.Plain {
		t.Error("an ordinary user has a filter without a promise")
	}
}

// A program is started with what it is given, and nothing else.
func TestForkExec(t *testing.T) {
	h := newHost(t, echo(t))
	if out, ws := h.run(t, "sh", "-c", "ls /proc/self/fd | tr '\n' ' '; pwd; ulimit -n"); ws != 0 || !strings.HasPrefix(out, "1 2 3 "+h.dir+"\n") && !strings.HasPrefix(out, "0 1 2 "+h.dir+"\n") {
		t.Errorf("%q, %v", out, ws)
	}
	if _, err := h.ForkExec("/bin/sh", []string{"sh"}, &syscall.ProcAttr{Dir: h.dir + "/nowhere"}, nil); err != syscall.ENOENT {
		t.Errorf("no such directory: %v", err)
	}
	if _, err := h.ForkExec(h.dir+"/nothing", []string{"sh"}, &syscall.ProcAttr{}, nil); err != syscall.ENOENT {
		t.Errorf("no such program: %v", err)
	}
	if _, err := h.ForkExec("/bin/sh", []string{"sh"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Chroot: "/"}}, nil); err != errAttr {
		t.Errorf("an attribute that is not supported: %v", err)
	}
	pid, err := h.ForkExec("/bin/sh", []string{"sh", "-c", "exit $(( $(ps -o sid= -p $$) == $$ ? 6 : 7 ))"}, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ws := wait(t, pid); ws.ExitStatus() != 6 {
		t.Errorf("a session of its own: %v", ws)
	}
}

// Programs start while Go's collector stops the world: the child waits for the supervisor, a
// goroutine.
func TestStartsBesideTheCollector(t *testing.T) {
	h := newHost(t, echo(t))
	stop := make(chan struct{})
	var gc sync.WaitGroup
	gc.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	var starts sync.WaitGroup
	for range 8 {
		starts.Go(func() {
			for range 5 {
				if out, ws := h.run(t, "sh", "-c", "/bin/true; ./prog; exit $?"); out != "./prog ./prog\n" || ws.ExitStatus() != 7 {
					t.Errorf("%q, %v", out, ws)
				}
			}
		})
	}
	starts.Wait()
	close(stop)
	gc.Wait()
}

// What programs leave behind goes on when toaster is gone: Linux executes for it.
func TestLeftBehind(t *testing.T) {
	h := newHost(t, echo(t))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	in, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := h.ForkExec("/bin/sh", []string{"sh", "-c", "(read line; /bin/echo left) <&3 &"},
		&syscall.ProcAttr{Dir: h.dir, Files: []uintptr{^uintptr(0), w.Fd(), 2, in.Fd()}}, nil)
	w.Close()
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	wait(t, pid)
	h.Stop()
	hold.Close()
	if out, err := io.ReadAll(r); string(out) != "left\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// The trial that the doctor makes agrees with what the other tests here show.
func TestTry(t *testing.T) {
	if way := Try(); way.Err != nil {
		t.Error(way.Err)
	}
}

// TestOnOtherHosts runs tests again where there are no namespaces, other profiles, other kernels.
func TestOnOtherHosts(t *testing.T) {
	for _, parts := range hostlike.Working {
		t.Run(parts, func(t *testing.T) {
			if strings.Contains(parts, "no-tmp") {
				t.Skip("there the tests have no directory")
			}
			hostlike.RunTests(t, parts, "TestJoin", "TestSignalsAndEnds", "TestStop", "TestAgain", "TestForkExec", "TestTry")
		})
	}
}
