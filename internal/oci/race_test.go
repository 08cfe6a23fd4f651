package oci

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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
	told, tells := fifo(t, ready)
	_, lets := fifo(t, goOn)
	waits := []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "echo > " + ready + "; read word < " + goOn}}}
	late := w.command("create", "--bundle", w.bundle(func(s *specs.Spec) { s.Hooks = &specs.Hooks{CreateRuntime: waits} }, "signals"), "c")
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	late.Stderr = said
	late.ExtraFiles = []*os.File{tells} // create has it open to its end, which ends the read
	if err := late.Start(); err != nil {
		t.Fatal(err)
	}
	defer late.Process.Release()
	tells.Close()
	if n, err := told.Read(make([]byte, 1)); n == 0 {
		text, _ := os.ReadFile(said.Name())
		t.Fatalf("create has ended before its hook: %v, %s", err, text)
	}
	w.isIn("c", creating)
	w.do("delete", "--force", "c")
	out := w.create("c", w.bundle(nil, "signals"))
	pid := w.state("c").Pid
	if _, err := lets.WriteString("\n"); err != nil {
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

// fifo makes a FIFO and opens both its ends, which waits for nobody. Closed they are by the test, at its end at the latest.
func fifo(t *testing.T, name string) (r, w *os.File) {
	t.Helper()
	err := unix.Mkfifo(name, 0o600)
	if err == nil {
		r, err = os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	}
	if err == nil {
		w, err = os.OpenFile(name, os.O_WRONLY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return r, w
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

// TestDeleteOfAnother: who was to remove a container that others have removed meanwhile leaves alone the one that has its
// name now, which it may have waited for.
func TestDeleteOfAnother(t *testing.T) {
	w := newWorld(t)
	bundle := w.bundle(nil, "signals")
	w.create("c", bundle)
	c := &call{globals: globals{root: w.root}}
	var err error
	if c.log, err = newLogger("", "", false); err != nil {
		t.Fatal(err)
	}
	gone, err := c.load("c")
	if err != nil {
		t.Fatal(err)
	}
	if gone.claim, err = os.Open(gone.dir); err != nil {
		t.Fatal(err)
	}
	defer gone.claim.Close()
	w.do("delete", "--force", "c")
	out := w.create("c", bundle)
	c.takeDown(gone)
	if err := c.deleteContainer(gone, false); err != nil {
		t.Error(err)
	}
	w.isIn("c", created)
	w.do("start", "c")
	w.line(out)
	w.isIn("c", running)
}

// TestDeleteWaits: a delete --force that has found no record waits for a create that is writing one, and a create does not go on
// whose directory was removed before.
func TestDeleteWaits(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	th := &container{dir: filepath.Join(root, "c"), record: record{ID: "c"}}
	var err error
	if th.claim, err = makeStateDir(root, th.dir, "c"); err != nil {
		t.Fatal(err)
	}
	defer th.claim.Close()
	if !th.hold() {
		t.Fatal("it cannot be held")
	}
	c := &call{globals: globals{root: root}}
	deleted := make(chan error)
	go func() { deleted <- c.delete("c", true) }()
	for !waitsForLock(t, th) {
		runtime.Gosched()
	}
	th.letGo()
	if err := <-deleted; err != nil {
		t.Error(err)
	}
	if err := th.announce(); err == nil || !strings.Contains(err.Error(), "was deleted") {
		t.Errorf("the create goes on: %v", err)
	}
}

// waitsForLock reports whether somebody waits for the lock of a container's directory (proc_locks(5)).
func waitsForLock(t *testing.T, th *container) bool {
	b, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(th.claim.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, "-> FLOCK") && strings.Contains(line, fmt.Sprintf(":%d ", st.Ino)) {
			return true
		}
	}
	return false
}
