package syscalls

import (
	"testing"

	"toaster/netbsd"
)

func TestSysctlNames(t *testing.T) {
	for _, c := range []struct {
		name []int32
		want netbsd.Errno
	}{
		{[]int32{1, 1}, 0},
		{[]int32{1}, netbsd.EISDIR},
		{[]int32{1, ctlQuery}, 0},
		{[]int32{1, 1, 1}, netbsd.ENOTDIR},
		{[]int32{1, 1, ctlQuery}, netbsd.ENOTDIR},
		{[]int32{1, 9999}, netbsd.ENOENT},
		{[]int32{99, 1}, netbsd.ENOENT},
	} {
		if _, e := sysctlValue(&Call{}, c.name, 100, false); e != c.want {
			t.Errorf("%v: %s, want %s", c.name, e.Name(), c.want.Name())
		}
	}
	if _, e := sysctlValue(&Call{}, []int32{1, 1}, 100, true); e != netbsd.EPERM {
		t.Errorf("write: %s", e.Name())
	}
}

// TestSysctlNodesHaveChildren checks what a query can meet: Go's own search by name
// takes it for granted that a node it enters has children.
func TestSysctlNodesHaveChildren(t *testing.T) {
	for _, n := range sysctlRoot.children {
		if n.name != "user" && n.value == nil && len(n.children) == 0 {
			t.Errorf("%s is empty", n.name)
		}
	}
}
