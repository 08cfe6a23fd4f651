package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

// The keys are those that package debug documents for BuildSetting.
func TestPrintVersion(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.26.1",
		Main:      debug.Module{Path: "example.org/toaster", Version: "v1.2.3"},
		Settings: []debug.BuildSetting{
			{Key: "-ldflags", Value: "-s"}, {Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "0123abc"},
			{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
		},
	}
	const short = "toaster v1.2.3 go1.26.1 linux/amd64\n"
	const long = short + "module example.org/toaster\nvcs git\nvcs.revision 0123abc\nvcs.time 2026-01-02T03:04:05Z\nvcs.modified true\n"
	for verbose, want := range map[bool]string{false: short, true: long} {
		var b strings.Builder
		printVersion(&b, info, verbose)
		if b.String() != want {
			t.Errorf("verbose %v: %q, want %q", verbose, &b, want)
		}
	}
	var b strings.Builder
	printVersion(&b, &debug.BuildInfo{GoVersion: "go1.26.1"}, false)
	if got := b.String(); got != "toaster (devel) go1.26.1 linux/amd64\n" {
		t.Errorf("without a version: %q", got)
	}
}
