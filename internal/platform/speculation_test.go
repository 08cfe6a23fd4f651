package platform

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// With SpeculationSafe guests say of themselves that nothing is speculated about
// (proc_pid_status(5)), or the platform does not start and says what the host does not let
// it switch off. Toaster's own threads stay as they are.
func TestSpeculationSafe(t *testing.T) {
	runtime.LockOSThread() // the thread that makes the zygote is another one, which may be the process's first
	defer runtime.UnlockOSThread()
	before := speculationStatus(t, unix.Gettid())
	p, err := New(Options{Warm: -1, SpeculationSafe: true})
	if unsafe := TrySpeculationSafe(); unsafe != nil {
		if err == nil {
			p.Close()
			t.Errorf("it starts, although %s", unsafe)
		}
		t.Skip("this host cannot: ", unsafe)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	q, _, err := p.NewProcess()
	if err != nil {
		t.Fatal(err)
	}
	defer q.Release()
	for _, s := range speculationStatus(t, q.ID()) {
		if bytes.Contains(s, []byte("vulnerable")) || bytes.Contains(s, []byte("enabled")) {
			t.Errorf("a guest: %s", s)
		}
	}
	if after := speculationStatus(t, unix.Gettid()); fmt.Sprintf("%s", before) != fmt.Sprintf("%s", after) {
		t.Errorf("this thread was %s, is %s", before, after)
	}
}

func speculationStatus(t *testing.T, pid int) [][]byte {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^Speculation.*$`).FindAll(b, -1)
}
