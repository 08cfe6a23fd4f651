package doctor

import "testing"

func TestCheckFindsNothingHere(t *testing.T) {
	for _, f := range Check() {
		if !f.OK {
			t.Errorf("%s: %s (%s)", f.Name, f.Detail, f.Remedy)
		}
		if f.Detail == "" {
			t.Errorf("%s says nothing", f.Name)
		}
	}
}

func TestReleaseAtLeast(t *testing.T) {
	for release, want := range map[string]bool{
		"6.1.0-13-amd64": true, "5.14.0": true, "5.13.19": false, "4.19": false, "10.0-rc1": true, "": false, "x": false,
	} {
		if got := releaseAtLeast(release, 5, 14); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}

// Whatever this host has, each feature says what was found, and what to do where it is
// missing.
func TestFeaturesExplainThemselves(t *testing.T) {
	for _, f := range Features() {
		if f.Name == "" || f.Detail == "" || !f.OK && f.Remedy == "" {
			t.Errorf("%+v", f)
		}
	}
}
