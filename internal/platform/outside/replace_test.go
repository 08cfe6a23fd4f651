package outside

import (
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// A thread that is killed before it stops for its tracer is not waited for, though nobody has collected it.
func TestAwaitStopOfTheDead(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	pid, gone := cmd.Process.Pid, make(chan bool)
	go func() {
		runtime.LockOSThread()
		defer close(gone)
		if err := unix.PtraceSeize(pid); err != nil {
			t.Log(err) // this host lets nobody trace
			return
		}
		defer letGo(pid)
		unix.Kill(pid, unix.SIGKILL)
		if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
			t.Error(err)
		}
		if awaitStop(pid, new(unix.PtraceRegs)) {
			t.Error("it has stopped")
		}
	}()
	<-gone
}
