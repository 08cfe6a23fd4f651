package attacks

import (
	"flag"
	"strings"
	"testing"

	"toaster/internal/hostlimits"
)

var long = flag.Bool("long", false, "attack for longer, and with more LWPs")

// Programs of the same kinds: they try all places, not one, with one LWP and with several.
// Each says "done" when it has tried everything; its own children may die of it.
func TestOwn(t *testing.T) {
	root := newRoot(t)
	seconds, step, rounds := "2", "6", "60"
	if *long {
		seconds, step, rounds = "60", "1", "2000"
	}
	for _, args := range [][]string{
		{"/frames"},
		{"/frames", "lwps"},
		{"/words", "alone", step},
		{"/words", "lwps", step},
		{"/scribble", seconds},
		{"/sigret", step},
		{"/window", rounds},
	} {
		t.Run(strings.Join(args, " ")[1:], func(t *testing.T) {
			o := attack(t, inRoot(root, args...))
			o.says(t, "done")
			if o.status != 0 {
				t.Errorf("status %d", o.status)
			}
		})
	}
}

// memory: with a control group --memory holds for those who take memory by the stub's calls, too.
func TestMemoryByTheStub(t *testing.T) {
	g, err := hostlimits.MakeGroup(1 << 20)
	if err != nil {
		t.Skip("this host grants no control group: ", err)
	}
	g.Remove()
	root := newRoot(t)
	// The attack does what it says: without a limit it succeeds.
	attack(t, inRoot(root, "/memory", "512")).says(t, "signal of the child: 0", "status of the child: 0", "done")
	o := attack(t, inRoot(root, "--memory", "64M", "/memory", "512"))
	o.says(t, "signal of the child: 9", "done", "more than 64M of memory")
}
