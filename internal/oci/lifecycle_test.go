package oci

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// These tests do what a shim does, by hand (runtime-spec, "Runtime and Lifecycle"); what the specification leaves open is as
// runc has it.

func TestLifecycle(t *testing.T) {
	w := newWorld(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	out := w.create("c", w.bundle(nil, "report"), "--pid-file", pidFile)
	s := w.isIn("c", created)
	if pid := w.pidIn(pidFile); pid != s.Pid || s.Pid <= 0 {
		t.Errorf("the pid file has %d, the state %d", pid, s.Pid)
	}
	w.fails("process.args is empty", "exec", "c")
	if list := w.do("list", "-q"); list != "c\n" {
		t.Errorf("list: %q", list)
	}
	w.fails("already exists", "create", "--bundle", w.bundle(nil, "report"), "c")
	w.do("start", "c")
	if status := w.ends(s.Pid); status != 0 {
		t.Errorf("the kernel's status is %d", status)
	}
	b, _ := io.ReadAll(out)
	want := fmt.Sprintf("[A=1] box / %d %d ", os.Geteuid(), os.Getegid())
	if !strings.HasPrefix(string(b), want) {
		t.Errorf("the program says %q, want %q", b, want)
	}
	if s := w.isIn("c", stopped); s.Pid != 0 {
		t.Errorf("stopped with pid %d", s.Pid)
	}
	w.fails("cannot start a container in the stopped state", "start", "c")
	w.fails("container not running", "kill", "c", "KILL")
	w.fails("cannot exec in a stopped container", "exec", "c", "/bin/guest", "report")
	w.do("delete", "c")
	w.fails("does not exist", "delete", "c")
	w.fails("does not exist", "state", "c")
	w.do("delete", "--force", "c") // as runc: it is gone, which was wanted
}

// TestStatus: the kernel ends with the program's status, or with 128 and the host's number of the signal.
func TestStatus(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"exit", "0"}, 0}, {[]string{"exit", "7"}, 7}, {[]string{"exit", "256"}, 0},
		{[]string{"die", "15"}, 128 + 15}, {[]string{"die", "9"}, 128 + 9},
	} {
		if out, status := w.try("run", "--bundle", w.bundle(nil, c.args...), "c"); status != c.want {
			t.Errorf("%v: status %d, want %d: %s", c.args, status, c.want, out)
		}
	}
}

// TestShortLived: start succeeds if the program was started, however soon it has ended.
func TestShortLived(t *testing.T) {
	w := newWorld(t)
	bundle := w.bundle(nil, "exit", "3")
	for range 20 {
		w.create("c", bundle)
		pid := w.state("c").Pid
		w.do("start", "c")
		if status := w.ends(pid); status != 3 {
			t.Fatalf("status %d", status)
		}
		w.do("delete", "c")
	}
}

// TestShellStatus: the number is the host's, where it has one.
func TestShellStatus(t *testing.T) {
	for w, want := range map[netbsd.WaitStatus]int{
		netbsd.ExitStatus(0, netbsd.SIGUSR1): 128 + int(unix.SIGUSR1), netbsd.ExitStatus(0, netbsd.SIGBUS): 128 + int(unix.SIGBUS),
		netbsd.ExitStatus(0, netbsd.SIGKILL): 137, netbsd.ExitStatus(3, 0): 3,
	} {
		if got := shellStatus(w); got != want {
			t.Errorf("%#x: %d, want %d", int(w), got, want)
		}
	}
}

// TestUnfitProgram: create says what is wrong, in words that podman has its exit statuses from (podman-run(1): 127 for a command that
// cannot be found, 126 for one that cannot be invoked), and leaves nothing; exec says the same.
func TestUnfitProgram(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(filepath.Join(w.rootfs, "text"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w.running()
	for _, c := range []struct{ program, says string }{
		{"/bin/nothing", "/bin/nothing: no such file; check the name and the working directory (no such file or directory)"},
		{"nothing", "nothing: not found on PATH; a program in the working directory is ./nothing (no such file or directory)"},
		{"/text", "mode 0644 has no execute bit; chmod +x it (permission denied)"},
		{"/bin", "/bin: is a directory (permission denied)"},
	} {
		bundle := w.bundle(func(s *specs.Spec) { s.Process.Args = []string{c.program} })
		w.fails(c.says, "create", "--bundle", bundle, "none")
		w.fails("does not exist", "state", "none")
		w.fails(c.says, "exec", "c", c.program)
	}
	w.isIn("c", running)
}

// TestProgramOfHook: what a hook of create brings is there when create looks for the program.
func TestProgramOfHook(t *testing.T) {
	w := newWorld(t)
	guest := filepath.Join(w.rootfs, "bin/guest")
	w.do("run", "--bundle", w.bundle(func(s *specs.Spec) {
		s.Process.Args[0] = "/bin/late"
		s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/ln", Args: []string{"ln", guest, filepath.Join(w.rootfs, "bin/late")}}}}
	}, "exit", "0"), "c")
}

// TestNoProgram: start says what is wrong, and the container has ended.
func TestNoProgram(t *testing.T) {
	w := newWorld(t)
	name := filepath.Join(w.rootfs, "bin/nothing")
	if err := os.Link(filepath.Join(w.rootfs, "bin/guest"), name); err != nil {
		t.Fatal(err)
	}
	w.create("c", w.bundle(func(s *specs.Spec) { s.Process.Args = []string{"/bin/nothing"} }))
	pid := w.state("c").Pid
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	w.fails("/bin/nothing: no such file", "start", "c")
	if status := w.ends(pid); status != exitFailure {
		t.Errorf("status %d", status)
	}
	w.isIn("c", stopped)
	w.do("delete", "c")
}

func TestKill(t *testing.T) {
	w := newWorld(t)
	out, pid := w.running()
	w.isIn("c", running)
	w.fails("cannot delete container c that is not stopped: running", "delete", "c")
	for _, c := range []struct {
		send func()
		want string
	}{
		{func() { w.do("kill", "c", "SIGUSR1") }, "got 30"},
		{func() { w.do("kill", "c", "10") }, "got 30"},          // SIGUSR1 as the host counts
		{func() { unix.Kill(pid, unix.SIGUSR1) }, "got 30"},     // what the kernel's process gets is the program's
		{func() { w.do("kill", "--all", "c", "HUP") }, "got 1"}, // the first program is one of all
	} {
		c.send()
		if got := w.line(out); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	w.fails("unknown signal", "kill", "c", "NOSUCH")
	w.do("kill", "c")
	if status := w.ends(pid); status != 9 {
		t.Errorf("status %d, want 9", status)
	}
	w.do("delete", "c")
}

// TestKillCreated: before start a signal does what it would do to a program that has not asked for it.
func TestKillCreated(t *testing.T) {
	w := newWorld(t)
	w.create("c", w.bundle(nil, "signals"))
	pid := w.state("c").Pid
	w.do("kill", "c", "WINCH")
	w.isIn("c", created)
	w.do("kill", "c", "TERM")
	if status := w.ends(pid); status != 128+15 {
		t.Errorf("status %d", status)
	}
	w.do("delete", "c")
	w.create("d", w.bundle(nil, "signals"))
	w.do("delete", "d") // runc deletes a container that was not started, too
}

// TestKernelKilled: kill -9 of the kernel leaves a container that has stopped, and nothing of its programs.
func TestKernelKilled(t *testing.T) {
	w := newWorld(t)
	out, pid := w.running()
	unix.Kill(pid, unix.SIGKILL)
	if status := w.ends(pid); status != -int(unix.SIGKILL) {
		t.Errorf("status %d", status)
	}
	if b, err := io.ReadAll(out); len(b) > 0 || err != nil { // its end comes when no process has it open
		t.Errorf("%q, %v", b, err)
	}
	w.isIn("c", stopped)
	w.do("delete", "c")
}

func TestForcedDelete(t *testing.T) {
	w := newWorld(t)
	_, pid := w.running()
	w.do("delete", "--force", "c")
	if status := w.ends(pid); status != -int(unix.SIGKILL) {
		t.Errorf("status %d", status)
	}
	if list := w.do("list", "-q"); list != "" {
		t.Errorf("left: %q", list)
	}
}

func TestExec(t *testing.T) {
	w := newWorld(t)
	out := w.create("c", w.bundle(nil, "signals"))
	w.do("start", "c")
	w.line(out)
	cat := w.command("exec", "c", "/bin/guest", "cat")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("through a relay"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(text)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	pr, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pr.Close()
	cat.Stdin, cat.Stdout = in, pw
	status := w.run(cat)
	pw.Close()
	if b, err := io.ReadAll(pr); string(b) != "through a relay" || err != nil || status != 0 {
		t.Errorf("%q, %v, status %d", b, err, status)
	}
	if _, status := w.try("exec", "c", "/bin/guest", "exit", "5"); status != 5 {
		t.Errorf("status %d, want 5", status)
	}
	if _, status := w.try("exec", "c", "/bin/guest", "die", "15"); status != 128+15 {
		t.Errorf("status %d", status)
	}
	w.fails("no such file", "exec", "c", "/bin/nothing")
	w.fails("--console-socket", "exec", "--tty", "c", "/bin/guest", "cat")
	got := w.do("exec", "--env", "B=2", "--cwd", "/bin", "c", "/bin/guest", "report")
	if !strings.HasPrefix(got, "[A=1 B=2] box /bin ") {
		t.Errorf("%q", got)
	}
}

// TestDetachedExec: the relay becomes the shim's child, and stands for the program.
func TestDetachedExec(t *testing.T) {
	w := newWorld(t)
	out := w.create("c", w.bundle(nil, "signals"))
	w.do("start", "c")
	w.line(out)
	relay, said := w.detached(&specs.Process{Args: []string{"/bin/guest", "signals"}, Cwd: "/"})
	w.line(said)
	var pids []int
	if err := json.Unmarshal([]byte(w.do("ps", "--format", "json", "c")), &pids); err != nil {
		t.Fatal(err)
	}
	if want := []int{w.state("c").Pid, relay}; !slices.Equal(pids, slices.Sorted(slices.Values(want))) {
		t.Errorf("ps has %v, want %v", pids, want)
	}
	unix.Kill(relay, unix.SIGUSR2)
	if got := w.line(said); got != "got 31" { // NetBSD's SIGUSR2
		t.Errorf("%q", got)
	}
	unix.Kill(relay, unix.SIGTERM)
	if status := w.ends(relay); status != 9 {
		t.Errorf("status %d, want 9", status)
	}
	// Who kills the relay means the program.
	relay, said = w.detached(&specs.Process{Args: []string{"/bin/guest", "signals"}, Cwd: "/"})
	w.line(said)
	unix.Kill(relay, unix.SIGKILL)
	w.ends(relay)
	if b, err := io.ReadAll(said); len(b) > 0 || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	// With the container's end a relay ends, too.
	relay, said = w.detached(&specs.Process{Args: []string{"/bin/guest", "signals"}, Cwd: "/"})
	w.line(said)
	w.do("delete", "--force", "c")
	if status := w.ends(relay); status != 128+9 {
		t.Errorf("status %d, want 137", status)
	}
}

// detached starts a program as a shim does, and returns the relay's pid and the program's output.
func (w *world) detached(p *specs.Process, flags ...string) (int, io.Reader) {
	w.Helper()
	p.User = specs.User{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	b, err := json.Marshal(p)
	if err != nil {
		w.Fatal(err)
	}
	dir := w.TempDir()
	process, pidFile := filepath.Join(dir, "process.json"), filepath.Join(dir, "pid")
	if err := os.WriteFile(process, b, 0o600); err != nil {
		w.Fatal(err)
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { pr.Close() })
	cmd := w.command(append(append([]string{"exec", "--process", process, "--detach", "--pid-file", pidFile}, flags...), "c")...)
	cmd.Stdout, cmd.Stderr = pw, os.Stderr
	status := w.run(cmd)
	pw.Close()
	if status != 0 {
		w.Fatalf("exec: status %d", status)
	}
	return w.pidIn(pidFile), pr
}

func TestPauseContainer(t *testing.T) {
	w := newWorld(t)
	out := w.create("c", w.bundle(nil, "signals"))
	w.fails("container not running", "pause", "c")
	w.do("start", "c")
	w.line(out)
	w.fails("not paused", "resume", "c")
	w.do("pause", "c")
	w.isIn("c", paused)
	w.fails("cannot exec in a paused container", "exec", "c", "/bin/guest", "exit", "0")
	w.do("kill", "c", "USR1")
	w.do("resume", "c")
	w.isIn("c", running)
	if got := w.line(out); got != "got 30" {
		t.Errorf("%q", got)
	}
	w.do("pause", "c")
	pid := w.state("c").Pid
	w.do("kill", "c", "KILL") // SIGKILL does not wait for resume
	if status := w.ends(pid); status != 128+9 {
		t.Errorf("status %d", status)
	}
}

// TestHooks: each hook runs when the specification says, in its order and in the bundle's directory, and reads the state that the container has then.
func TestHooks(t *testing.T) {
	w := newWorld(t)
	log := filepath.Join(t.TempDir(), "hooks")
	host := func(name string) []specs.Hook {
		return []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", `test -f config.json && echo "$0 $(cat)" >> "$LOG"`, name}, Env: []string{"LOG=" + log, "PATH=/usr/bin:/bin"}}}
	}
	bundle := w.bundle(func(s *specs.Spec) {
		s.Mounts = []specs.Mount{{Destination: "/log", Type: "bind", Source: filepath.Dir(log), Options: []string{"rbind"}}}
		s.Hooks = &specs.Hooks{
			//lint:ignore SA1019 configurations still have them
			Prestart: host("prestart"), CreateRuntime: host("createRuntime"), CreateContainer: host("createContainer"),
			StartContainer: []specs.Hook{{Path: "/bin/guest", Args: []string{"guest", "hook", "startContainer"}}},
			Poststart:      host("poststart"), Poststop: host("poststop"),
		}
	}, "signals")
	out := w.create("c", bundle)
	pid := w.state("c").Pid
	w.do("start", "c")
	w.line(out)
	w.do("kill", "c")
	w.ends(pid)
	w.do("delete", "c")
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(b)) {
		name, text, _ := strings.Cut(line, " ")
		var s specs.State
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got = append(got, fmt.Sprint(name, " ", s.Status, " ", s.ID, " ", s.Pid == pid, " ", s.Bundle == bundle))
	}
	want := []string{
		"prestart creating c true true", "createRuntime creating c true true", "createContainer creating c true true",
		"startContainer created c true true", "poststart running c true true", "poststop stopped c false true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestFailingHooks: a hook of create undoes it, and one after the start is no more than logged.
func TestFailingHooks(t *testing.T) {
	w := newWorld(t)
	no := []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "echo because >&2; exit 3"}}}
	w.fails("createRuntime hook 0 (/bin/sh): exit status 3: because", "create", "--bundle", w.bundle(func(s *specs.Spec) { s.Hooks = &specs.Hooks{CreateRuntime: no} }, "exit", "0"), "c")
	w.fails("does not exist", "state", "c")
	second := 1
	slow := []specs.Hook{{Path: "/bin/sleep", Args: []string{"sleep", "100"}, Timeout: &second}}
	w.fails("has not ended in 1 seconds", "create", "--bundle", w.bundle(func(s *specs.Spec) { s.Hooks = &specs.Hooks{CreateRuntime: slow} }, "exit", "0"), "c")
	out, status := w.try("run", "--bundle", w.bundle(func(s *specs.Spec) { s.Hooks = &specs.Hooks{Poststart: no, Poststop: no} }, "exit", "4"), "c")
	if status != 4 || strings.Count(out, "because") != 2 {
		t.Errorf("status %d: %q", status, out)
	}
}

// TestSandbox: the container that holds a pod's namespaces runs nothing, and ends when asked to.
func TestSandbox(t *testing.T) {
	w := newWorld(t)
	w.create("c", w.bundle(func(s *specs.Spec) {
		s.Annotations = map[string]string{"io.kubernetes.cri.container-type": "sandbox"}
		s.Process.Args = []string{"/pause"}
	}))
	pid := w.state("c").Pid
	w.do("start", "c")
	w.isIn("c", running)
	w.do("kill", "c", "TERM")
	if status := w.ends(pid); status != 0 {
		t.Errorf("status %d", status)
	}
}

// TestEndlessStartHook: a hook of start is a program of the container, and need not end. kill ends the container even so, and a
// second start fails at once.
func TestEndlessStartHook(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	w.create("c", w.bundle(func(s *specs.Spec) {
		s.Mounts = []specs.Mount{{Destination: "/log", Type: "bind", Source: dir, Options: []string{"rbind"}}}
		s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/guest", Args: []string{"guest", "stay", "/log/ready"}}}}
	}, "signals"))
	pid := w.state("c").Pid
	start := w.command("start", "c")
	if err := start.Start(); err != nil {
		t.Fatal(err)
	}
	defer start.Process.Release()
	for _, err := os.Stat(filepath.Join(dir, "ready")); err != nil; _, err = os.Stat(filepath.Join(dir, "ready")) {
		if w.hasEnded(start.Process.Pid) {
			t.Fatalf("start has ended before its hook, with status %d", w.ends(start.Process.Pid))
		}
		runtime.Gosched()
	}
	w.fails("cannot start a container", "start", "c")
	w.do("kill", "c", "KILL")
	if status := w.ends(pid); status != 128+9 {
		t.Errorf("the kernel's status is %d", status)
	}
	if status := w.ends(start.Process.Pid); status == 0 {
		t.Error("start has succeeded")
	}
}

// TestHookLeavesSomething: a hook that has ended with status 0 has not failed, whatever it leaves running; nor has one that says much.
func TestHookLeavesSomething(t *testing.T) {
	w := newWorld(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	w.create("c", w.bundle(func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{
			Path: "/bin/sh", Args: []string{"sh", "-c", "cat " + fifo + " & exit 0"}, Env: []string{"PATH=/usr/bin:/bin"},
		}}}
	}, "signals"))
	if err := os.WriteFile(fifo, nil, 0); err != nil {
		t.Fatal(err)
	}
	w.isIn("c", created)
}

// TestHookOutput: of what a hook says no more is kept than a message can have.
func TestHookOutput(t *testing.T) {
	var o hookOutput
	for range 100 {
		if n, err := o.Write(make([]byte, 1000)); n != 1000 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if len(o.b) != mostHookOutput {
		t.Errorf("%d bytes", len(o.b))
	}
	if o.explain(nil) != nil || o.explain(exec.ErrWaitDelay) != nil || o.explain(io.EOF) == nil {
		t.Error("what has failed has not, or the other way round")
	}
}
