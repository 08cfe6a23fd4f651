package main

import (
	"os"
	"testing"
	"time"
)

// asGuest is the environment variable that makes this test program the guest, as which the
// modes start it again.
const asGuest = "TOASTER_BENCH_GUEST"

func TestMain(m *testing.M) {
	if os.Getenv(asGuest) != "" {
		main()
		return
	}
	os.Setenv(asGuest, "1")
	os.Exit(m.Run())
}

// little is how often each mode is tried, where that is not 2; and what it is told.
var little = map[string]struct {
	n   int
	arg string
}{
	"http8": {n: 16}, "walk": {2, "."},
	"spawns": {4, "2"}, "pairs": {4, "2"}, "servers": {4, "2"}, "open": {20, "10"}, "lwps": {8, "4"}, "wake": {8, "4"},
}

// TestModes does what each mode does, a little of it, on the host.
func TestModes(t *testing.T) {
	for name, m := range modes {
		t.Run(name, func(t *testing.T) {
			l := little[name]
			w := new(watch)
			w.start()
			if err := m.run(w, max(l.n, 2), l.arg); err != nil {
				t.Error(err)
			}
			w.stop()
			if w.running {
				t.Error("the watch is running")
			}
		})
	}
}

// Many children that sleep have gone when their input is closed.
func TestSleepersEnd(t *testing.T) {
	for _, mode := range []string{"sleepers", "programs"} {
		cmd := self(mode, "3")
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 6)
		if n, err := stdout.Read(b); string(b[:n]) != "ready\n" {
			t.Errorf("%s: %q, %v", mode, b[:n], err)
		}
		stdin.Close()
		// The children of sleepers have the output, too: its end is theirs.
		if n, err := stdout.Read(b); n != 0 || err == nil {
			t.Errorf("%s: %q, %v", mode, b[:n], err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

// What a mode does before restart, and after stop, is not measured.
func TestWatch(t *testing.T) {
	w := &watch{total: time.Hour}
	w.restart()
	w.stop()
	if w.total >= time.Hour || w.running {
		t.Errorf("%+v", w)
	}
	before := w.total
	w.stop()
	if w.total != before {
		t.Error("a stopped watch runs")
	}
}
