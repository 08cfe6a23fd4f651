package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

func TestParentOf(t *testing.T) {
	for stat, want := range map[string][2]int{
		"12 (cat) S 11 12 12 0":      {12, 11},
		"13 (a) b (c)) R 1 13 13 0 ": {13, 1},
	} {
		if pid, parent, ok := parentOf(stat); !ok || pid != want[0] || parent != want[1] {
			t.Errorf("%q: %d, %d, %v", stat, pid, parent, ok)
		}
	}
	for _, bad := range []string{"", "12", "12 (cat", "x (cat) S 11", "12 (cat) S", ") 12 ("} {
		if _, _, ok := parentOf(bad); ok {
			t.Errorf("%q is a process", bad)
		}
	}
}

// A child counts together with its parent.
func TestTogether(t *testing.T) {
	child := exec.Command("cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Skip(err)
	}
	defer child.Wait()
	defer stdin.Close()
	children, err := family()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, pid := range children[os.Getpid()] {
		found = found || pid == child.Process.Pid
	}
	if !found {
		t.Errorf("%d is not among %v", child.Process.Pid, children[os.Getpid()])
	}
	all, err := together(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	alone, err := field(fmt.Sprintf("/proc/%d/smaps_rollup", os.Getpid()), "Pss_Anon")
	if err != nil || alone <= 0 || all <= alone {
		t.Errorf("%v bytes of anonymous memory, %v with the child: %v", alone, all, err)
	}
	if own, err := own(os.Getpid()); err != nil || own < 1<<20 {
		t.Errorf("own memory is %v, %v", own, err)
	}
}

// TestOutputHasLastWords: what a program says at its end is why it has failed.
func TestOutputHasLastWords(t *testing.T) {
	_, err := output(exec.Command("/bin/sh", "-c", "echo one >&2; echo two >&2; exit 3"))
	if err == nil || err.Error() != "exit status 3: two" {
		t.Errorf("%v", err)
	}
}
