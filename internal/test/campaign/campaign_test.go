package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"toaster/internal/test/attacks"
	"toaster/internal/test/progress"
)

// TestMain doubles as the kernel of a campaign.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-role") {
		main()
		return
	}
	os.Exit(m.Run())
}

func newRunner(t *testing.T) *runner {
	t.Helper()
	r := &runner{dir: t.TempDir(), end: time.Now().Add(3 * time.Second), show: &progress.Line{}}
	r.programs = filepath.Join(r.dir, "programs")
	err := attacks.Build(r.programs)
	if errors.Is(err, attacks.ErrNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var smallPlan = plan{seed: 1, procs: 4, lwps: 2, steps: 100, kinds: allKinds, births: 10, limit: 2 * time.Second}

// A short campaign plays rounds and finds nothing.
func TestShortCampaign(t *testing.T) {
	r, p := newRunner(t), smallPlan
	for !r.over() {
		n, wrong, err := r.stretch(&p)
		if err != nil || wrong != "" || n == 0 {
			t.Fatalf("seed %d: %v, %s", p.seed, err, wrong)
		}
	}
}

// A kernel that ends, whatever it ends of, is found, and leaves nothing.
func TestDeadKernelIsFound(t *testing.T) {
	r := newRunner(t)
	k, err := r.start(smallPlan)
	if err != nil {
		t.Fatal(err)
	}
	k.cmd.Process.Kill()
	if _, wrong := k.play(smallPlan); !strings.Contains(wrong, "the kernel has ended") {
		t.Errorf("found %q", wrong)
	}
}

func TestKernelsAreKilled(t *testing.T) {
	r := newRunner(t)
	r.end = time.Now().Add(time.Minute)
	if status := r.murders(smallPlan, 3); status != 0 {
		t.Errorf("status %d", status)
	}
}

// What grows a little in each round is found, what comes and goes is not.
func TestGrowth(t *testing.T) {
	first := usage{goroutines: 10, threads: 20, files: 10, heap: 8 << 20}
	for _, c := range []struct {
		now  usage
		want string
	}{
		{first, ""},
		{usage{20, 60, 12, 20 << 20}, ""},
		{usage{60, 20, 10, 8 << 20}, "goroutines"},
		{usage{10, 220, 10, 8 << 20}, "threads"},
		{usage{10, 20, 60, 8 << 20}, "descriptors"},
		{usage{10, 20, 10, 80 << 20}, "heap"},
		{usage{1, 1, 1, 1}, ""},
	} {
		if got := growth(first, c.now); got == "" != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: %q, want %q", c.now, got, c.want)
		}
	}
}

// Minimising comes to an end: each smaller plan does less, and the smallest has none.
func TestSmaller(t *testing.T) {
	size := func(p plan) int {
		n := p.procs + p.lwps + p.births + p.steps
		for k := p.kinds; k != 0; k &= k - 1 {
			n++
		}
		return n
	}
	for p := smallPlan; ; {
		list := p.smaller()
		for _, q := range list {
			if size(q) >= size(p) || q.kinds == 0 || q.procs == 0 {
				t.Fatalf("%+v is not smaller than %+v", q, p)
			}
		}
		if len(list) == 0 {
			return
		}
		p = list[0]
	}
}
