package attacks

import (
	"flag"
	"strings"
	"testing"
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
