package hostlimits

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mine makes a group on this host, or skips.
func mine(t *testing.T, limit uint64) *OwnGroup {
	t.Helper()
	g, err := MakeGroup(limit)
	if err != nil {
		t.Skip("this host grants no control group: ", err)
	}
	t.Cleanup(g.Remove)
	return g
}

// cgroups(7): who is moved is in the group, and it cannot be removed meanwhile; afterwards it can.
func TestOwnGroup(t *testing.T) {
	g := mine(t, 64<<20)
	if n, ok := g.dir.number(g.files.limit); !ok || n != 64<<20 {
		t.Errorf("the limit is %d, %v", n, ok)
	}
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Move(cmd.Process.Pid); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(filepath.Join(g.Path(), "cgroup.procs")); strings.TrimSpace(string(b)) != fmt.Sprint(cmd.Process.Pid) {
		t.Errorf("in the group: %q, want %d", b, cmd.Process.Pid)
	}
	if err := os.Remove(g.Path()); err == nil {
		t.Error("a group with a process was removed")
	}
	cmd.Process.Kill()
	cmd.Wait()
	g.Remove()
	if _, err := os.Stat(g.Path()); !os.IsNotExist(err) {
		t.Errorf("the group is still there: %v", err)
	}
}

// A process that takes more than the limit is killed, and the group counts it (cgroup-v2.rst,
// memory.events; memory.rst, memory.oom_control).
func TestOwnGroupKills(t *testing.T) {
	g := mine(t, 8<<20)
	// The shell waits until it is in the group.
	cmd := exec.Command("sh", "-c", `read go; x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Move(cmd.Process.Pid); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatal(err)
	}
	fmt.Fprintln(in, "go")
	err = cmd.Wait()
	if g.Kills() != 1 {
		t.Errorf("%d kills are counted; the process ended with %v", g.Kills(), err)
	}
}

// Groups of a toaster that is gone are removed with the next one's start; others' are not.
func TestOwnGroupSweep(t *testing.T) {
	dir := t.TempDir()
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	for name, stays := range map[string]bool{
		fmt.Sprintf("%s%d-1", ownPrefix, gone.Process.Pid): false,
		fmt.Sprintf("%s%d-1", ownPrefix, os.Getpid()):      true,
		ownPrefix + "x": true,
		ownPrefix + "0": true,
		"another":       true,
	} {
		at := filepath.Join(dir, name)
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Fatal(err)
		}
		group(dir).sweep()
		if _, err := os.Stat(at); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where the host grants nothing, what it has refused is said, and nothing is left.
func TestOwnGroupRefused(t *testing.T) {
	dir := t.TempDir() // no control group: its directories have no files
	for _, parents := range [][]group{nil, {group(dir)}, {group(dir + "/none")}} {
		g, err := makeGroup(parents, 1<<20, func(group) bool { return false })
		if g != nil || err == nil {
			t.Errorf("%q: %v, %v", parents, g, err)
		}
	}
	if list, _ := os.ReadDir(dir); len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
}
