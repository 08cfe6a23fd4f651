package oci

import (
	"bufio"
	"io"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestServeGoesOn: accept(2) fails for as long as the process has no descriptor to spare (EMFILE). Who asks meanwhile is answered
// when there is one, and the log has a line.
func TestServeGoesOn(t *testing.T) {
	dir := t.TempDir()
	l, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	said, log := io.Pipe()
	k := &kernel{listen: l, log: &logger{Logger: slog.New(slog.NewTextHandler(log, nil))}}
	c, err := dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		k.serve()
		close(served)
	}()
	line, _ := bufio.NewReader(said).ReadString('\n')
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, said)
	if !strings.Contains(line, "too many open files") {
		t.Errorf("the log has %q", line)
	}
	if _, err := c.ask(&request{Op: "nothing"}); err == nil || !strings.Contains(err.Error(), `there is no request "nothing"`) {
		t.Errorf("the answer is %v", err)
	}
	l.Close()
	<-served
}
