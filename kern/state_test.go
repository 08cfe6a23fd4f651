package kern

import (
	"fmt"
	"testing"
)

// What has a name says it; any other number is shown as one.
func TestNamesOfNumbers(t *testing.T) {
	for _, c := range []struct {
		v    fmt.Stringer
		want string
	}{
		{StateEmbryo, "embryo"}, {StateFree, "free"}, {ProcState(numProcStates), fmt.Sprintf("state %d", numProcStates)},
		{LWPIdle, "idle"}, {LWPFree, "free"}, {LWPState(numLWPStates), fmt.Sprintf("LWP state %d", numLWPStates)},
		{EventFork, "fork"}, {EventGap, "gap"}, {EventGap + 1, "?"},
	} {
		if got := c.v.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if a, b := Step(numSteps-1).String(), Step(numSteps).String(); a == b || a == "" {
		t.Errorf("%q, %q", a, b)
	}
}
