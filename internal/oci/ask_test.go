package oci

import (
	"os"
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
	_, start, err := procStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	th := &container{dir: dir, record: record{Pid: os.Getpid(), PidStart: start}}
	for _, c := range []struct{ say, want string }{{"the reason", "the reason"}, {"", errNotRunning.Error()}} {
		th.PidStart = start
		go func() {
			conn, err := accept(l)
			if err != nil {
				return
			}
			defer conn.close()
			var r request
			conn.receive(&r)
			th.PidStart++ // the process is another one from here on
			if c.say != "" {
				conn.send(&answer{Error: c.say})
			}
		}()
		if _, err := th.ask(&request{Op: opStart}); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
