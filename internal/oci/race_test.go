package oci

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestLateCreate: a create that is overtaken by delete --force and by another create of the same name fails, and leaves
// the other container as it is.
func TestLateCreate(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	ready, goOn := filepath.Join(dir, "ready"), filepath.Join(dir, "go")
	for _, name := range []string{ready, goOn} {
		if err := unix.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	waits := []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "echo > " + ready + "; cat " + goOn}, Env: []string{"PATH=/usr/bin:/bin"}}}
	late := w.command("create", "--bundle", w.bundle(func(s *specs.Spec) { s.Hooks = &specs.Hooks{CreateRuntime: waits} }, "signals"), "c")
	if err := late.Start(); err != nil {
		t.Fatal(err)
	}
	defer late.Process.Release()
	if _, err := os.ReadFile(ready); err != nil {
		t.Fatal(err)
	}
	w.isIn("c", creating)
	w.do("delete", "--force", "c")
	out := w.create("c", w.bundle(nil, "signals"))
	pid := w.state("c").Pid
	if err := os.WriteFile(goOn, nil, 0); err != nil {
		t.Fatal(err)
	}
	if status := w.ends(late.Process.Pid); status == 0 {
		t.Error("the first create has succeeded")
	}
	if s := w.isIn("c", created); s.Pid != pid {
		t.Errorf("the pid is %d, was %d", s.Pid, pid)
	}
	w.do("start", "c")
	w.line(out)
	w.isIn("c", running)
}

// TestClaim: what create writes goes to the directory that it has made, and it removes no other one.
func TestClaim(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	th := &container{dir: filepath.Join(root, "c")}
	var err error
	if th.claim, err = makeStateDir(root, th.dir, "c"); err != nil {
		t.Fatal(err)
	}
	defer th.claim.Close()
	if err := th.setStatus(created); err != nil || !th.isOurs() {
		t.Errorf("%v, ours %t", err, th.isOurs())
	}
	if err := os.RemoveAll(th.dir); err != nil {
		t.Fatal(err)
	}
	if err := th.setStatus(created); err == nil || th.isOurs() {
		t.Errorf("in a directory that is gone: %v, ours %t", err, th.isOurs())
	}
	other, err := makeStateDir(root, th.dir, "c")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := th.save(); err == nil || th.isOurs() {
		t.Errorf("where another one has the name: %v, ours %t", err, th.isOurs())
	}
	c := &call{}
	if c.log, err = newLogger("", "", false); err != nil {
		t.Fatal(err)
	}
	c.takeDown(th)
	if list, err := os.ReadDir(th.dir); err != nil || len(list) != 0 {
		t.Errorf("the other directory has %v, %v", list, err)
	}
}

// TestHiddenCommands: what only create and exec start says so to anybody else.
func TestHiddenCommands(t *testing.T) {
	w := newWorld(t)
	for _, args := range [][]string{{kernelCommand}, {relayCommand}, {kernelCommand, "x"}, {relayCommand, "2"}} {
		w.fails("create and exec start this command", args...)
	}
	w.fails("--preserve-fds -1", "create", "--preserve-fds", "-1", "c")
	w.fails("--preserve-fds -1", "exec", "--preserve-fds", "-1", "c", "/bin/guest")
}

// TestNoProcessAnyMore: exec reads the bundle again, which may have changed.
func TestNoProcessAnyMore(t *testing.T) {
	w := newWorld(t)
	bundle := w.bundle(nil, "signals")
	w.create("c", bundle)
	err := os.WriteFile(filepath.Join(bundle, configName), []byte(`{"ociVersion":"1.0.0"}`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	out, status := w.try("exec", "c", "/bin/guest", "exit", "0")
	if status != exitExecFailure || !strings.Contains(out, "there is no process") {
		t.Errorf("status %d: %s", status, out)
	}
}
