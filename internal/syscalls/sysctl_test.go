package syscalls

import (
	"encoding/binary"
	"testing"

	"toaster/kern"
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
		if _, errno := sysctlValue(&Call{}, c.name, 100, false); errno != c.want {
			t.Errorf("%v: %s, want %s", c.name, errno.Name(), c.want.Name())
		}
	}
	if _, errno := sysctlValue(&Call{}, []int32{1, 1}, 100, true); errno != netbsd.EPERM {
		t.Errorf("write: %s", errno.Name())
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

// What a program is told of the machine is what the machine goes by: kern.maxproc is the
// number at which fork(2) fails with EAGAIN, kern.hostname the machine's name (sysctl(7)).
func TestSysctlOfTheMachine(t *testing.T) {
	for _, c := range []struct {
		kern.Config
		maxproc  uint32
		hostname string
	}{
		{kern.Config{}, 1 << 21, "\x00"},
		{kern.Config{MaxProc: 2, Hostname: "alpha"}, 2, "alpha\x00"},
	} {
		m := kern.New(c.Config)
		p, _ := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
			call := &Call{L: l, K: &Kernel{M: m}}
			maxproc, errno := sysctlValue(call, []int32{1, netbsd.KERN_MAXPROC}, 100, false)
			if errno != 0 || binary.LittleEndian.Uint32(maxproc) != c.maxproc {
				t.Errorf("kern.maxproc is %v, %v, want %d", maxproc, errno, c.maxproc)
			}
			hostname, errno := sysctlValue(call, []int32{1, netbsd.KERN_HOSTNAME}, 100, false)
			if errno != 0 || string(hostname) != c.hostname {
				t.Errorf("kern.hostname is %q, %v, want %q", hostname, errno, c.hostname)
			}
			if _, errno = l.Fork(kern.ForkArgs{Body: func(*kern.LWP) {}}); c.maxproc == 2 && errno != netbsd.EAGAIN {
				t.Errorf("a process more than kern.maxproc: %v", errno)
			}
		}})
		p.Wait()
		m.Close()
	}
}
