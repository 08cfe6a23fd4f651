package platform

import (
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A guest's claim to have forked a child of the embedder's does not collect that, whatever its name: proc_pid_stat(5) has a name as it is,
// and this one says in the middle that it is a dead process of the zygote's group.
func TestCloneDiedLeavesOthersAlone(t *testing.T) {
	p := newPlatform(t, Options{Warm: -1})
	name := t.TempDir() + "/) Z 1 " + itoa(p.zygote.pid) + " "
	if err := os.Symlink("/bin/true", name); err != nil {
		t.Fatal(err)
	}
	pid, err := syscall.ForkExec(name, []string{"true"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if !p.cloneDied(pid) {
		t.Error("a process of another group is taken for a guest")
	}
	if got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); got != pid {
		t.Errorf("the child has been collected: %d, %v", got, err)
	}
}
