package oci

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// These tests run containers under containerd with runc's shim, by its command ctr.

// daemon is a containerd of the test's own.
type daemon struct {
	*testing.T
	dir, runtime, rootfs string
}

// startDaemon starts containerd without what Kubernetes needs. It skips where there is none, or where it cannot run.
func startDaemon(t *testing.T) *daemon {
	t.Helper()
	return startDaemonWith(t, "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n", nil)
}

// startDaemonWith starts containerd with a configuration, to which more is added that depends on the daemon, and other programs that are needed.
func startDaemonWith(t *testing.T, top string, more func(*daemon) string, needs ...string) *daemon {
	t.Helper()
	for _, name := range append([]string{"containerd", "ctr", "containerd-shim-runc-v2"}, needs...) {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%v; install containerd", err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("containerd takes root")
	}
	dir, err := os.MkdirTemp("", "ctd") // short enough for an address
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &daemon{t, dir, filepath.Join(dir, "toaster-oci"), newWorld(t).rootfs}
	exe, err := os.Executable()
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\n%s[grpc]\naddress = %q\n[plugins.\"io.containerd.internal.v1.opt\"]\npath = %q\n",
		filepath.Join(dir, "root"), filepath.Join(dir, "state"), top, d.socket(), filepath.Join(dir, "opt"))
	if more != nil {
		config += more(d)
	}
	err = errors.Join(err,
		os.WriteFile(filepath.Join(dir, "config.toml"), []byte(config), 0o644),
		os.WriteFile(d.runtime, []byte("#!/bin/sh\nexec '"+exe+"' oci \"$@\"\n"), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	// The daemon makes shims and waits for them: it is to be the nearest subreaper, not the test.
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	t.Cleanup(func() { unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })
	cmd := exec.Command("containerd", "--config", filepath.Join(dir, "config.toml"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(unix.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Logf("containerd: %s", said.Bytes())
		}
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := d.try("version"); err == nil {
			return d
		} else if time.Now().After(end) {
			t.Fatalf("containerd does not answer: %v", err)
		}
	}
}

func (d *daemon) socket() string { return filepath.Join(d.dir, "s") }

func (d *daemon) try(args ...string) (string, error) {
	cmd := exec.Command("ctr", append([]string{"--address", d.socket()}, args...)...)
	cmd.Env = append(os.Environ(), "CONTAINERD_NAMESPACE="+filepath.Base(home)) // which the path of the control group begins with
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (d *daemon) do(args ...string) string {
	d.Helper()
	out, err := d.try(args...)
	if err != nil {
		d.Errorf("ctr %q: %v: %s", args, err, out)
	}
	return out
}

// run is the arguments of ctr for a container.
func (d *daemon) run(flags []string, id string, args ...string) []string {
	list := append([]string{"run"}, flags...)
	list = append(list, "--runc-binary", d.runtime, "--runc-root", filepath.Join(d.dir, "runc"), "--rootfs", d.rootfs, id, "/bin/guest")
	return append(list, args...)
}

// status is the exit status of a command.
func status(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// task returns the state of a container's task and its pid; "" for none.
func (d *daemon) task(id string) (state, pid string) {
	d.Helper()
	for line := range strings.Lines(d.do("task", "ls")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == id {
			return f[2], f[1]
		}
	}
	return "", ""
}

// becomes waits until the task is in a state.
func (d *daemon) becomes(id, want string) {
	d.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		state, _ := d.task(id)
		if state == want {
			return
		}
		if time.Now().After(end) {
			d.Fatalf("%s is %q, want %q", id, state, want)
		}
	}
}

func TestContainerd(t *testing.T) {
	d := startDaemon(t)
	t.Run("run", func(t *testing.T) {
		if out := d.do(d.run([]string{"--rm", "--env", "K=V"}, "a", "report")...); !strings.Contains(out, "K=V") {
			t.Errorf("%q", out)
		}
		for args, want := range map[string]int{"exit 7": 7, "die 15": 128 + 15} {
			if out, err := d.try(d.run([]string{"--rm"}, "b", strings.Fields(args)...)...); status(err) != want {
				t.Errorf("%s: %v: %s", args, err, out)
			}
		}
	})
	t.Run("exec, pause, kill", func(t *testing.T) {
		d.do(d.run([]string{"-d"}, "c", "signals")...)
		if _, err := d.try("task", "exec", "--exec-id", "1", "c", "/bin/guest", "exit", "5"); status(err) != 5 {
			t.Errorf("exec: %v", err)
		}
		if out := d.do("task", "metrics", "c"); !strings.Contains(out, "pids.current") && !strings.Contains(out, "pids") {
			t.Errorf("metrics: %s", out)
		}
		d.do("task", "pause", "c")
		if state, _ := d.task("c"); state != "PAUSED" {
			t.Errorf("it is %s", state)
		}
		d.do("task", "resume", "c")
		d.do("task", "kill", "--signal", "SIGTERM", "c")
		d.becomes("c", "STOPPED")
		if _, err := d.try("task", "rm", "c"); status(err) != 0 && status(err) != 9 {
			t.Error(err)
		}
		d.do("container", "rm", "c")
	})
	t.Run("kernel killed", func(t *testing.T) {
		d.do(d.run([]string{"-d"}, "e", "signals")...)
		_, pid := d.task("e")
		n := 0
		fmt.Sscan(pid, &n)
		unix.Kill(n, unix.SIGKILL)
		d.becomes("e", "STOPPED")
		d.try("task", "rm", "e")
		d.do("container", "rm", "e")
	})
	t.Run("forced", func(t *testing.T) {
		d.do(d.run([]string{"-d"}, "f", "signals")...)
		d.try("task", "rm", "--force", "f")
		if state, _ := d.task("f"); state != "" {
			t.Errorf("it is %s", state)
		}
		d.do("container", "rm", "f")
	})
	t.Run("many at once", func(t *testing.T) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if out, err := d.try(d.run([]string{"--rm"}, fmt.Sprint("m", i), "exit", itoa(i))...); status(err) != i {
					t.Errorf("container %d: %v: %s", i, err, out)
				}
			})
		}
		wg.Wait()
	})
}
