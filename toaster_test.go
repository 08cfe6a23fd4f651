package toaster_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"toaster"
	"toaster/internal/file"
	"toaster/internal/guesttest"
	"toaster/kern"
	"toaster/netbsd"
)

// guest is one program with many manners.
const guest = `package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	switch os.Args[1] {
	case "args":
		fmt.Printf("%q %s\n", os.Args[2:], os.Getenv("GREETING"))
	case "exit":
		n, _ := strconv.Atoi(os.Args[2])
		os.Exit(n)
	case "cat":
		io.Copy(os.Stdout, os.Stdin)
	case "both":
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
	case "dir":
		dir, err := os.Getwd()
		fmt.Println(dir, err)
	case "rights":
		var stack, files syscall.Rlimit
		syscall.Getrlimit(3, &stack) // RLIMIT_STACK of sys/resource.h
		syscall.Getrlimit(7, &files) // RLIMIT_NPROC; the runtime raises that of files
		groups, _ := syscall.Getgroups()
		fmt.Println(os.Getuid(), os.Getgid(), groups, syscall.Umask(0), stack.Cur, stack.Max, files.Cur, files.Max)
	case "count":
		for i := 0; ; i++ {
			fmt.Println(i)
			time.Sleep(time.Millisecond)
		}
	case "fd3":
		io.Copy(os.Stdout, os.NewFile(3, "fd3"))
	case "fstat3":
		if err := syscall.Fstat(3, new(syscall.Stat_t)); err != nil {
			os.Exit(int(err.(syscall.Errno)))
		}
	case "complain":
		n, _ := strconv.Atoi(os.Args[2])
		fmt.Fprint(os.Stderr, "first", strings.Repeat("x", n), "last")
		os.Exit(1)
	case "crash":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	case "wait":
		fmt.Println(os.Getpid())
		time.Sleep(time.Hour)
	case "deaf":
		signal.Ignore()
		fmt.Println("deaf")
		time.Sleep(time.Hour)
	case "hangup":
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGHUP)
		fmt.Println("hangup")
		<-c
		os.Exit(9)
	case "burn":
		var u syscall.Rusage
		for u.Utime.Nano() < 50_000_000 || u.Stime.Nano() == 0 { // the host counts by ticks, as a rule
			syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		}
	case "parent-of-burn":
		start("burn").Wait()
	case "spin":
		fmt.Println("spin")
		for {
		}
	case "yes":
		for {
			fmt.Println("yes")
		}
	case "parent-of-deaf":
		start("deaf").Wait()
	case "orphan":
		fmt.Println("orphan")
		start("silent")
	case "silent":
		signal.Ignore()
		time.Sleep(time.Hour)
	case "bomb":
		fmt.Println("bomb")
		for {
			start("bomb")
		}
	case "memory":
		memory(os.Args[2])
	case "work":
		for used := time.Duration(0); used < 50*time.Millisecond; {
			var r syscall.Rusage
			syscall.Getrusage(syscall.RUSAGE_SELF, &r)
			used = time.Duration(r.Utime.Nano() + r.Stime.Nano())
		}
		syscall.Exec("/bin/sh", []string{"sh", "-c", ":"}, nil)
	case "kill":
		pid, _ := strconv.Atoi(os.Args[2])
		fmt.Println(syscall.Kill(pid, syscall.SIGTERM))
	}
}

func memory(manner string) {
	const piece, rw = 16 << 20, syscall.PROT_READ | syscall.PROT_WRITE
	grow := func(size, prot int) ([]byte, error) {
		return syscall.Mmap(-1, 0, size, prot, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	}
	switch manner {
	case "reserve": // no memory
		if _, err := grow(1<<36, syscall.PROT_NONE); err == nil {
			fmt.Println("reserved")
		}
	case "copy":
		if _, err := grow(300<<20, rw); err != nil {
			fmt.Println(err)
		}
		_, _, errno := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
		if errno == 0 {
			return
		}
		fmt.Println("fork:", errno)
	default:
		if how, ok := strings.CutPrefix(manner, "memfd "); ok {
			grow = func(size, prot int) ([]byte, error) { return growFile(size, prot, how) }
		}
		if manner == "segment left" {
			grow = growSegment
		}
		var list [][]byte
		for len(list) < 64 { // more than the limit
			b, err := grow(piece, rw)
			if err != nil {
				break
			}
			if manner == "hide" {
				b[0] = 1
				syscall.Syscall(syscall.SYS_MPROTECT, uintptr(unsafe.Pointer(&b[0])), piece, syscall.PROT_NONE)
			}
			list = append(list, b)
		}
		if n := len(list) * piece >> 20; n > 256 && n < 512 {
			fmt.Print("refused between 256 and 512")
		}
		syscall.Syscall(syscall.SYS_MUNMAP, uintptr(unsafe.Pointer(&list[0][0])), uintptr(len(list[0])), 0)
		if _, err := grow(piece, rw); err == nil {
			fmt.Println(", then again")
		}
	}
}

// growFile grows by a memfd, written through its mapping, and then has only that: the descriptor is closed, the file is cut to nothing
// before, or its mapping is left with one page.
func growFile(size, prot int, how string) ([]byte, error) {
	const memfdCreate = 500
	name := []byte("m\x00")
	fd, _, errno := syscall.Syscall(memfdCreate, uintptr(unsafe.Pointer(&name[0])), 0, 0)
	if errno != 0 {
		return nil, errno
	}
	defer syscall.Close(int(fd))
	if err := syscall.Ftruncate(int(fd), int64(size)); err != nil {
		return nil, err
	}
	b, err := syscall.Mmap(int(fd), 0, size, prot, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	if how == "cut" {
		err = syscall.Ftruncate(int(fd), 0)
	}
	b[size-1] = 1
	if how == "left" {
		_, _, errno = syscall.Syscall(syscall.SYS_MUNMAP, uintptr(unsafe.Pointer(&b[4096])), uintptr(size-4096), 0)
		if errno != 0 {
			err = errno
		}
	}
	return b, err
}

// elsewhere is where nothing else is.
var elsewhere uintptr = 0x300000000000

// growSegment grows by a segment of System V's, which is removed, and detached but for one page that was moved before.
func growSegment(size, prot int) ([]byte, error) {
	const shmget, shmat, shmdt, mremap, shmctl, create, remove, fixed = 231, 228, 230, 411, 443, 0o1600, 0, 0x10
	var err syscall.Errno
	call := func(nr, a, b, c, d, e uintptr) uintptr {
		r, _, errno := syscall.Syscall6(nr, a, b, c, d, e, 0)
		if err == 0 {
			err = errno
		}
		return r
	}
	id := call(shmget, 0, uintptr(size), create, 0, 0)
	if err != 0 {
		return nil, err
	}
	at := call(shmat, id, 0, 0, 0, 0)
	elsewhere += 4096
	page := call(mremap, at, 4096, elsewhere, 4096, fixed)
	call(shmdt, at, 0, 0, 0, 0)
	call(shmctl, id, remove, 0, 0, 0)
	if err != 0 {
		return nil, err
	}
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&page))), 4096), nil
}

func start(manner string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], manner)
	cmd.Stdout = os.Stdout
	cmd.Start()
	return cmd
}
`

var guestExe string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "toaster-test-")
	if err == nil {
		err = guesttest.DefaultSignals()
	}
	if err == nil {
		guestExe, err = guesttest.BuildIn(dir, guest)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	if n := file.LiveDescriptions(); code == 0 && n != 0 {
		fmt.Fprintf(os.Stderr, "%d open file descriptions are left over\n", n)
		code = 99
	}
	os.Exit(code)
}

func run(t *testing.T, cmd *toaster.Cmd) string {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args[1:], err)
	}
	return string(out)
}

func TestArgumentsAndEnvironment(t *testing.T) {
	cmd := toaster.Command(guestExe, "args", "one", "two words", "")
	cmd.Env = []string{"GREETING=hi"}
	if got, want := run(t, cmd), "[\"one\" \"two words\" \"\"] hi\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExitStatus(t *testing.T) {
	for _, n := range []int{1, 3, 255, 256, 1 << 20} {
		var exit *toaster.ExitError
		err := toaster.Command(guestExe, "exit", fmt.Sprint(n)).Run()
		if !errors.As(err, &exit) || exit.ExitCode() != n {
			t.Errorf("exit %d: %v", n, err)
		}
	}
	// In release 2003 only 8 bits count (item 1 of doc/lifecycle.md).
	cmd := toaster.Command(guestExe, "exit", "256")
	cmd.Options.Release = kern.Release2003
	if err := cmd.Run(); err != nil {
		t.Errorf("exit 256 in release 2003: %v", err)
	}
}

func TestDeathBySignal(t *testing.T) {
	var exit *toaster.ExitError
	err := toaster.Command(guestExe, "crash").Run()
	if !errors.As(err, &exit) || exit.Status().TermSignal() != netbsd.SIGKILL || exit.ExitCode() != -1 {
		t.Fatalf("got %v, want death by SIGKILL", err)
	}
	if !strings.HasPrefix(exit.Error(), "signal: SIGKILL") {
		t.Errorf("the error says %q", exit)
	}
}

// Who passes signals on is asked before there is anybody to get them.
func TestReadyBeforeTheProgram(t *testing.T) {
	cmd := toaster.Command(guestExe, "exit", "0")
	calls := 0
	cmd.JobControl = &toaster.JobControl{Ready: func() {
		calls++
		if n := cmd.Machine.Kern().NumProcs(); n != 1 || cmd.Process != nil { // init
			t.Errorf("%d processes already, %v", n, cmd.Process)
		}
	}}
	if err := cmd.Run(); err != nil || calls != 1 {
		t.Errorf("%v, %d calls", err, calls)
	}
}

func TestOutputAndErrorOutput(t *testing.T) {
	cmd := toaster.Command(guestExe, "both")
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil || out.String() != "to stdout\n" || errOut.String() != "to stderr\n" {
		t.Errorf("%q, %q, %v", &out, &errOut, err)
	}
	both, err := toaster.Command(guestExe, "both").CombinedOutput()
	if err != nil || string(both) != "to stdout\nto stderr\n" {
		t.Errorf("CombinedOutput: %q, %v", both, err)
	}
}

func TestWorkingDirectory(t *testing.T) {
	dir := t.TempDir()
	cmd := toaster.Command(guestExe, "dir")
	cmd.Dir = dir
	if got, want := run(t, cmd), dir+" <nil>\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExtraFiles(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	io.WriteString(w, "by descriptor 3")
	w.Close()
	cmd := toaster.Command(guestExe, "fd3")
	cmd.ExtraFiles = []*os.File{r}
	if got := run(t, cmd); got != "by descriptor 3" {
		t.Errorf("got %q", got)
	}
}

// A directory from outside is not passed under a root: names begin in it.
func TestNoDirectoriesIntoRoot(t *testing.T) {
	root := t.TempDir()
	exe, err := os.ReadFile(guestExe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "guest"), exe, 0o755); err != nil {
		t.Fatal(err)
	}
	outside, err := os.Open(filepath.Dir(guestExe))
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	for _, root := range []string{root, ""} {
		cmd := toaster.Command("/guest", "exit", "0")
		if root == "" {
			cmd = toaster.Command(guestExe, "exit", "0")
		}
		cmd.Options.Root = root
		cmd.Stdin = outside
		err := cmd.Run()
		if refused := err != nil && strings.Contains(err.Error(), "descriptor 0"); refused != (root != "") {
			t.Errorf("root %q: %v", root, err)
		}
	}
	cmd := toaster.Command("/guest", "exit", "0")
	cmd.Options.Root = root
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
}

// TestGigabyteThroughPipes sends data in by one pipe and gets it back by another.
func TestGigabyteThroughPipes(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 1 << 24
	}
	sent, got := fnv.New64a(), fnv.New64a()
	cmd := toaster.Command(guestExe, "cat")
	cmd.Stdin = io.TeeReader(io.LimitReader(new(pattern), size), sent)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(got, out)
	if err != nil || n != size {
		t.Errorf("%d bytes came back, of %d: %v", n, size, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if sent.Sum64() != got.Sum64() {
		t.Error("what came back is not what was sent")
	}
}

// pattern is an endless reader whose bytes repeat at no power of two.
type pattern struct{ n byte }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = p.n
		if p.n++; p.n == 251 {
			p.n = 0
		}
	}
	return len(b), nil
}

func TestContextKills(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cmd := toaster.CommandContext(ctx, guestExe, "wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	cancel()
	var exit *toaster.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Status().TermSignal() != netbsd.SIGKILL {
		t.Errorf("got %v, want death by SIGKILL", err)
	}
}

// TestCommandsShareAMachine has one program kill another.
func TestCommandsShareAMachine(t *testing.T) {
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	victim := m.Command(guestExe, "wait")
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != fmt.Sprint(victim.Process.Pid) {
		t.Fatalf("the program says it is process %q, %v; its Process says %d", line, err, victim.Process.Pid)
	}
	if got := run(t, m.Command(guestExe, "kill", strings.TrimSpace(line))); got != "<nil>\n" {
		t.Errorf("kill said %q", got)
	}
	var exit *toaster.ExitError
	if err := victim.Wait(); !errors.As(err, &exit) || exit.Status().TermSignal() != netbsd.SIGTERM {
		t.Errorf("got %v, want death by SIGTERM", err)
	}
	if err := m.Kern().Check(); err != nil {
		t.Error(err)
	}
}

// TestCloseEndsWhatRuns closes a machine beneath a program.
func TestCloseEndsWhatRuns(t *testing.T) {
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cmd := m.Command(guestExe, "wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bufio.NewReader(out).ReadString('\n')
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	var exit *toaster.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Errorf("got %v, want death by a signal", err)
	}
}

// Check says what Start would, and starts nothing.
func TestCheck(t *testing.T) {
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, name := range []string{"./no such program", "no-such-program", "/", "/proc/self/exe"} {
		checked, started := m.Command(name).Check(), m.Command(name).Start()
		if checked == nil || started == nil || checked.Error() != started.Error() || reflect.TypeOf(checked) != reflect.TypeOf(started) {
			t.Errorf("%s: Check: %T %v; Start: %T %v", name, checked, checked, started, started)
		}
	}
	cmd := m.Command(guestExe, "exit", "0")
	if err := cmd.Check(); err != nil || cmd.Process != nil || len(m.Kern().Procs()) != 1 {
		t.Errorf("%v, and %d processes", err, len(m.Kern().Procs()))
	}
	if err := cmd.Run(); err != nil {
		t.Errorf("run after Check: %v", err)
	}
	if err := toaster.Command("/").Check(); err == nil || !strings.Contains(err.Error(), "has no machine") {
		t.Errorf("without a machine: %v", err)
	}
}

func TestWhatCannotBeRun(t *testing.T) {
	var notFound *toaster.NotFoundError
	if err := toaster.Command("./no such program").Start(); !errors.As(err, &notFound) {
		t.Errorf("a missing program: %v", err)
	}
	var notExec *toaster.NotExecutableError
	if err := toaster.Command("/").Start(); !errors.As(err, &notExec) {
		t.Errorf("a directory: %v", err)
	}
	if err := toaster.Command("/proc/self/exe").Start(); !errors.As(err, &notExec) || !strings.Contains(err.Error(), "Linux") {
		t.Errorf("a program of the host: %v", err)
	}
}
