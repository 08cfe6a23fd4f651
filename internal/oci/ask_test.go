package oci

import (
	"os/exec"
	"testing"
)

// TestRefusalOfTheDying: who asks hears the reason that a kernel has for its end, also if the kernel has ended by the time that it is read.
func TestRefusalOfTheDying(t *testing.T) {
	dir := t.TempDir()
	l, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct{ say, want string }{{"the reason", "the reason"}, {"", errNotRunning.Error()}} {
		kernel := exec.Command("cat")
		if _, err := kernel.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := kernel.Start(); err != nil {
			t.Fatal(err)
		}
		_, start, err := procStat(kernel.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		th := &container{dir: dir, record: record{Pid: kernel.Process.Pid, PidStart: start}}
		go func() {
			defer kernel.Wait() // if it has not ended below
			defer kernel.Process.Kill()
			conn, err := accept(l)
			if err != nil {
				return
			}
			defer conn.close()
			var r request
			conn.receive(&r)
			kernel.Process.Kill()
			kernel.Wait()
			if c.say != "" {
				conn.send(&answer{Error: c.say})
			}
		}()
		if _, err := th.ask(&request{Op: opStart}); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
