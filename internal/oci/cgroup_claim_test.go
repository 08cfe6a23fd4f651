package oci

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// half is a world in which creates stop once they have made their groups, in a directory that stands for the host's hierarchy.
type half struct {
	*testing.T
	*call
}

func newHalf(t *testing.T) *half {
	t.Helper()
	old := cgroupRoot
	t.Cleanup(func() { cgroupRoot = old })
	cgroupRoot = t.TempDir()
	if err := os.WriteFile(filepath.Join(cgroupRoot, "cgroup.controllers"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c := &call{globals: globals{root: filepath.Join(t.TempDir(), "root")}}
	var err error
	if c.log, err = newLogger("", "", false); err != nil {
		t.Fatal(err)
	}
	return &half{t, c}
}

// begin is the beginning of a create: container id in the group at path.
func (h *half) begin(id, path string) (*container, error) {
	h.Helper()
	th := &container{dir: filepath.Join(h.root, id), record: record{ID: id}}
	var err error
	if th.claim, err = makeStateDir(h.root, th.dir, id); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { th.claim.Close() })
	return th, h.makeCgroup(th, path, nil)
}

// has checks whether there is a group.
func (h *half) has(path string, want bool) {
	h.Helper()
	if _, err := os.Stat(filepath.Join(cgroupRoot, path)); (err == nil) != want {
		h.Errorf("the group %s: %v, want it there: %t", path, err, want)
	}
}

// TestGroupOfAKilledCreate: delete --force of a container that has no record yet removes its group, too.
func TestGroupOfAKilledCreate(t *testing.T) {
	h := newHalf(t)
	th, err := h.begin("c", "/a/b")
	if err != nil {
		t.Fatal(err)
	}
	h.has("a/b", true)
	if err := h.delete("c", true); err != nil {
		t.Error(err)
	}
	h.has("a/b", false)
	if _, err := os.Stat(th.dir); err == nil {
		t.Error("the state directory is left")
	}
}

// TestSharedGroup: a second container in one group is refused, with the name of the first, and its end leaves the group alone.
func TestSharedGroup(t *testing.T) {
	h := newHalf(t)
	if _, err := h.begin("first", "/a/b"); err != nil {
		t.Fatal(err)
	}
	for id, end := range map[string]func(*container){
		"second": h.takeDown,
		"third": func(th *container) {
			if err := h.delete(th.ID, true); err != nil {
				t.Error(err)
			}
		},
	} {
		th, err := h.begin(id, "/a/b")
		if err == nil || !strings.Contains(err.Error(), `a/b is that of container "first"`) {
			t.Errorf("%s: %v", id, err)
		}
		end(th)
		h.has("a/b", true)
	}
	if _, err := h.begin("fourth", "/a/c"); err != nil {
		t.Errorf("another group: %v", err)
	}
}

// TestGroupInUse: so is one in a group that has processes, as of a container below another --root. runc does the same.
func TestGroupInUse(t *testing.T) {
	h := newHalf(t)
	dir := filepath.Join(cgroupRoot, "a/b")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("42\n43\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	th, err := h.begin("c", "/a/b")
	if err == nil || !strings.Contains(err.Error(), "process 42 of the host is in the control group") {
		t.Errorf("%v", err)
	}
	h.takeDown(th)
	h.has("a/b", true)
}
