package toaster

import (
	"slices"
	"testing"
)

func TestLastOfEach(t *testing.T) {
	got := lastOfEach([]string{"A=1", "B=2", "A=3", "odd", "B=", "odd"})
	if want := []string{"A=3", "odd", "B=", "odd"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEnvironmentFollowsDir(t *testing.T) {
	t.Setenv("PWD", "/elsewhere")
	c := &Cmd{Dir: "/tmp", Machine: &Machine{}}
	if got := c.Environ(); !slices.Contains(got, "PWD=/tmp") || slices.Contains(got, "PWD=/elsewhere") {
		t.Errorf("PWD does not follow Dir: %q", got)
	}
	c.Env = []string{"X=1"}
	if got := c.Environ(); !slices.Equal(got, []string{"X=1"}) {
		t.Errorf("an environment of the caller's was changed: %q", got)
	}
}
