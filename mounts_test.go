package toaster_test

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"toaster"
)

// TestMountsGoWithMachine ends a machine whose guest is at work in a file system in memory:
// no descriptor of a mount is left, so the host has freed it.
func TestMountsGoWithMachine(t *testing.T) {
	root, src := t.TempDir(), t.TempDir()
	exe, err := os.ReadFile(guestExe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(src, "guest"), exe, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bin", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	opts := toaster.Options{Root: root, Dir: "/tmp", ReadOnly: true, Mounts: []toaster.Mount{{Source: src, Target: "/bin"}}}
	if err := toaster.TryTmpfs(); err == nil {
		opts.Mounts = append(opts.Mounts, toaster.Mount{Target: "/tmp", Size: 1 << 20})
	}
	m, err := toaster.New(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	cmd := m.Command("/bin/guest", "wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bufio.NewReader(out).ReadString('\n')
	if held := opened(t, root, src); len(held) == 0 {
		t.Error("a running machine does not hold its root open")
	}
	m.Close()
	cmd.Wait()
	if held := opened(t, root, src); len(held) > 0 {
		t.Errorf("still open: %v", held)
	}
}

// opened lists what of these directories this process has open, and what of no directory:
// a file system that is mounted nowhere has names that begin at its own root.
func opened(t *testing.T, dirs ...string) (held []string) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		name, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if err == nil && (name == "/" || strings.HasPrefix(name, dirs[0]) || strings.HasPrefix(name, dirs[1])) {
			held = append(held, name)
		}
	}
	return held
}
