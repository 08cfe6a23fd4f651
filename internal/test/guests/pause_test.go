package guests

import (
	"bufio"
	"context"
	"strings"
	"testing"
	"time"

	"toaster"
	"toaster/netbsd"
)

// A machine is paused while its programs sleep in kqueues that are lent, and wake each other there: all stand, and go on when it is resumed.
func TestPauseBesideALentKqueue(t *testing.T) {
	for name, opts := range map[string]toaster.Options{"lent": {}, "not lent": {NoLend: true}} {
		t.Run(name, func(t *testing.T) { pauses(t, opts) })
	}
}

func pauses(t *testing.T, opts toaster.Options) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m, err := toaster.New(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	c := m.Command(guestPath, "sub_lend_count")
	var wrong strings.Builder
	c.Stderr = &wrong
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1<<20)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	for range 20 {
		if line, open := <-lines; line != "round" || !open {
			m.Close()
			t.Fatalf("the guest has ended, or says %q: %s", line, &wrong)
		}
		if err := m.Pause(ctx); err != nil {
			t.Fatal(err)
		}
		before := usedBy(m)
		time.Sleep(3 * time.Millisecond) // in which it would have made some rounds
		if after := usedBy(m); after != before {
			t.Errorf("%v used while all stand", after-before)
		}
		for len(lines) > 0 {
			<-lines
		}
		m.Resume()
	}
	m.Close()
	c.Wait()
}

// usedBy is the processor time of all that the machine's programs have done.
func usedBy(m *toaster.Machine) (used time.Duration) {
	for _, p := range m.Kern().Procs() {
		u, _ := p.Rusage(netbsd.RUSAGE_SELF)
		used += u.Utime + u.Stime
	}
	return used
}
