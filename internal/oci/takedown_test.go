package oci

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// lasting starts a process that stays until the test ends.
func lasting(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return cmd.Process.Pid
}

// TestTakeDownOfTheLiving: takeDown waits for no process that it has not ended: here it takes the pid for another one's.
func TestTakeDownOfTheLiving(t *testing.T) {
	root := t.TempDir()
	th := &container{dir: filepath.Join(root, "c"), record: record{Pid: lasting(t)}}
	var err error
	if th.claim, err = makeStateDir(root, th.dir, "c"); err != nil {
		t.Fatal(err)
	}
	defer th.claim.Close()
	new(call).takeDown(th)
	if _, err := os.Stat(th.dir); err == nil {
		t.Error("the state directory is left")
	}
}

// TestLastingKernel: who waits in vain for the end of a process says for which, and what to do.
func TestLastingKernel(t *testing.T) {
	pid := lasting(t)
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	err = awaitEnd(fd, pid, 0)
	if err == nil || !strings.Contains(err.Error(), "process "+itoa(pid)+" ") || !strings.Contains(err.Error(), "delete --force") {
		t.Errorf("%v", err)
	}
}
