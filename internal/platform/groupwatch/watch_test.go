package groupwatch

import (
	"os/exec"
	"syscall"
	"testing"
)

// sleeper starts a program with a child in a group of its own. Its output ends with both.
func sleeper(t *testing.T) (*exec.Cmd, func()) {
	t.Helper()
	c := exec.Command("/bin/sh", "-c", "sleep 1000 & echo ready; wait")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	out.Read(b)
	return c, func() {
		if n, _ := out.Read(b); n != 0 {
			t.Errorf("%q", b[:n])
		}
		c.Wait()
	}
}

// What is in the table when the other end goes is killed, all of the group; what has been taken
// out is not.
func TestWatchKillsGroups(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	a, aGone := sleeper(t)
	b, bGone := sleeper(t)
	other, otherGone := sleeper(t)
	for _, c := range []*exec.Cmd{a, other, b} {
		w.Add(c.Process.Pid)
	}
	w.Remove(other.Process.Pid)
	w.Close()
	aGone()
	bGone()
	if err := syscall.Kill(other.Process.Pid, 0); err != nil {
		t.Error(err)
	}
	syscall.Kill(-other.Process.Pid, syscall.SIGKILL)
	otherGone()
	if s := other.ProcessState.Sys().(syscall.WaitStatus); s.Signal() != syscall.SIGKILL {
		t.Error(s)
	}
}

// A full table takes no more, and has room again once something is taken out.
func TestWatchTableIsFull(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	const nobody = 1 << 30 // above pid_max(5)
	for i := range slots + 1 {
		w.Add(nobody + i)
	}
	w.Remove(nobody + 7)
	w.Add(nobody + slots)
	if got := w.slot(7).Load(); got != nobody+slots {
		t.Errorf("%d", got)
	}
}
