package toaster_test

import (
	"context"
	"errors"
	"testing"

	"toaster"
	"toaster/netbsd"
)

// Options.Memory bounds what guests are promised: mmap(2) and fork(2) fail with ENOMEM
// beyond it. What is unmapped may be had again; what was written stays counted when it is
// protected from access, as it stays there; and all of it is given back at the end.
func TestMemoryLimit(t *testing.T) {
	const limit = 512 << 20
	for manner, want := range map[string]string{
		"grow":    "refused between 256 and 512, then again\n",
		"hide":    "refused between 256 and 512, then again\n",
		"reserve": "reserved\n",
		"copy":    "fork: cannot allocate memory\n",
		// A memfd, or a segment of System V's, counts as long as the host has it for somebody, whatever of it is left.
		"memfd closed": "refused between 256 and 512, then again\n",
		"memfd cut":    "refused between 256 and 512, then again\n",
		"memfd left":   "refused between 256 and 512, then again\n",
		"segment left": "refused between 256 and 512, then again\n",
	} {
		t.Run(manner, func(t *testing.T) {
			told := 0
			m, err := toaster.New(context.Background(), toaster.Options{Memory: limit, OnLimit: func(e *toaster.LimitError) {
				if e.Limit == toaster.LimitMemory {
					told++
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if got := run(t, m.Command(guestExe, "memory", manner)); got != want {
				t.Errorf("the guest says %q, want %q", got, want)
			}
			if (told == 1) != (manner != "reserve") {
				t.Errorf("told %d times", told)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			if n := m.MemoryGiven(); n != 0 {
				t.Errorf("%d bytes are counted after the end", n)
			}
		})
	}
}

// A program too large for the limit is not started (execve(2): ENOMEM), and nothing of it counts.
func TestMemoryLimitAtExec(t *testing.T) {
	m, err := toaster.New(context.Background(), toaster.Options{Memory: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Command(guestExe, "exit", "0").Start(); !errors.Is(err, netbsd.ENOMEM) {
		t.Errorf("got %v, want ENOMEM", err)
	}
	if n := m.MemoryGiven(); n != 0 {
		t.Errorf("%d bytes are counted", n)
	}
}
