package main

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// three are the systems of a run, and none of them is asked for a program.
func three() *workshop {
	return &workshop{systems: []*system{{name: native}, {name: toaster}, {name: gvisor}}}
}

// fakeRow is a row that notes who is asked, and answers with what f says.
func fakeRow(asked *[]string, f func(system string) (float64, error)) row {
	return row{name: "fake", unit: inTime, measure: func(_ context.Context, s *system) (float64, error) {
		*asked = append(*asked, s.name)
		return f(s.name)
	}}
}

func TestSystemsTakeTurns(t *testing.T) {
	var asked []string
	r := fakeRow(&asked, func(string) (float64, error) { return 1, nil })
	res := &results{Systems: []string{native, toaster, gvisor}}
	result := res.add(r)
	for round := range 3 {
		measureRow(t.Context(), three(), r, result, round)
	}
	want := []string{native, toaster, gvisor, toaster, gvisor, native, gvisor, native, toaster}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
	for name, f := range result.Figures {
		if len(f.Values) != 3 {
			t.Errorf("%s has %d values of 3 rounds", name, len(f.Values))
		}
	}
}

// A system that fails once has no figures at all, as they had no partners from then on. The others go on.
func TestWhoFailsIsLeftOut(t *testing.T) {
	var asked []string
	r := fakeRow(&asked, func(system string) (float64, error) {
		if system == toaster && len(asked) > 3 {
			return 0, errors.New("no such call")
		}
		return 1, nil
	})
	res := &results{Systems: []string{native, toaster, gvisor}}
	result := res.add(r)
	for round := range 3 {
		measureRow(t.Context(), three(), r, result, round)
	}
	if result.Figures[toaster] != nil || len(result.Figures[native].Values) != 3 || len(asked) != 8 {
		t.Errorf("figures %v after asking %v", result.Figures, asked)
	}
	if err := res.failure(); err == nil || !strings.Contains(err.Error(), "fake under toaster: no such call") {
		t.Errorf("the run's error is %v", err)
	}
}

// What a host does not have is no failure of the run, nor is what gVisor cannot do.
func TestUnavailableIsNoFailure(t *testing.T) {
	var asked []string
	r := fakeRow(&asked, func(system string) (float64, error) {
		switch system {
		case native:
			return 0, unavailable("no such file")
		case gvisor:
			return 0, errors.New("panic")
		}
		return 1, nil
	})
	res := &results{Systems: []string{native, toaster, gvisor}}
	measureRow(t.Context(), three(), r, res.add(r), 0)
	if err := res.failure(); err != nil || res.Rows[0].Missing[native] != "no such file" || res.Rows[0].Missing[gvisor] != "panic" {
		t.Errorf("error %v, missing %v", err, res.Rows[0].Missing)
	}
}

func TestRowOfOneSystem(t *testing.T) {
	var asked []string
	r := fakeRow(&asked, func(string) (float64, error) { return 1, nil })
	r.of = toaster
	measureRow(t.Context(), three(), r, new(results).add(r), 0)
	if !slices.Equal(asked, []string{toaster}) {
		t.Errorf("asked %v", asked)
	}
}

func TestPrepareRows(t *testing.T) {
	var asked []string
	good := fakeRow(&asked, nil)
	bad := good
	bad.name, bad.prepare = "bad", func(context.Context, *workshop) error { return unavailable("npm is not here\nand more") }
	res := &results{Systems: []string{native, toaster, gvisor}}
	left := prepareRows(t.Context(), three(), []row{good, bad}, res)
	if len(left) != 1 || left[0].name != "fake" || len(res.Rows) != 2 || res.find("bad").Missing[""] != "npm is not here" {
		t.Errorf("%d rows are left; missing: %v", len(left), res.find("bad").Missing)
	}
}

func chosen(t *testing.T, args ...string) []string {
	t.Helper()
	o, err := parse(args)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range choose(o) {
		names = append(names, r.name)
	}
	return names
}

// -only is a name, as it was before there were patterns, or a pattern for whole names.
func TestOnly(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"-only", "read"}, []string{"read"}},
		{[]string{"-only", "http.*"}, []string{"http", "http8"}},
		{[]string{"-only", "v?fork|pipe2"}, []string{"pipe2", "fork", "vfork"}},
		{[]string{"-only", "nothing"}, nil},
		{[]string{"-scale", "-only", "spawn"}, []string{"spawn/1", "spawn/8", "spawn/64", "spawn/512"}},
		{[]string{"-scale", "-only", "mem/hello"}, []string{"mem/hello"}},
	} {
		if got := chosen(t, c.args...); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.args, got, c.want)
		}
	}
	for _, bad := range [][]string{{"-only", "("}, {"-rounds", "0"}, {"a.json", "b.json"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%v is no error", bad)
		}
	}
}

// TestNamesStay: people compare files of different commits, by the names of rows.
func TestNamesStay(t *testing.T) {
	const want = "clock getppid read pipe pipe2 fork vfork thread spawn zombies hello bundle stat walk create readfiles lines " +
		"write readbig tcp http http8 chan trees sort mutex go timers sleep sha256 gzip dd cat"
	if got := strings.Join(chosen(t), " "); got != want {
		t.Errorf("the rows are\n%s, were\n%s", got, want)
	}
	seen := map[string]bool{}
	for _, r := range rows() {
		if seen[r.name] {
			t.Errorf("two rows are called %s", r.name)
		}
		seen[r.name] = true
		if r.about == "" || r.unit != inTime && r.unit != inBytes || r.measure == nil || regexp.MustCompile(`[^a-z0-9/-]`).MatchString(r.name) {
			t.Errorf("row %q is not whole", r.name)
		}
	}
	for _, scale := range []string{"spawn/512", "pairs/64", "servers/512", "open/100000", "lwps/1000", "wake/1", "mem/hello-own", "mem/program"} {
		if !seen[scale] {
			t.Errorf("there is no row %s", scale)
		}
	}
}
