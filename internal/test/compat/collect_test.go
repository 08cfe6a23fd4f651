package main

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// recorded is what "go test -json -timeout=5s ./..." of Go 1.26 printed of the module that testdata/module.txtar has.
func recorded(t *testing.T) []byte {
	text, err := os.ReadFile("testdata/events.json")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// collect returns the outcome of each package. The text comes in pieces of n bytes, as from a pipe.
func collect(t *testing.T, text []byte, n int) map[string]*outcome {
	t.Helper()
	outcomes := map[string]*outcome{}
	c := newCollector(func(path string, o *outcome) {
		if outcomes[path] != nil {
			t.Errorf("%s ended twice", path)
		}
		outcomes[path] = o
	}, func(*event, outcome) {})
	for len(text) > 0 {
		piece := text[:min(n, len(text))]
		if m, err := c.Write(piece); m != len(piece) || err != nil {
			t.Fatal(m, err)
		}
		text = text[len(piece):]
	}
	return outcomes
}

func TestCollect(t *testing.T) {
	got := collect(t, recorded(t), 1000)
	for path, want := range map[string]struct {
		pass, skip, fail int
		failures         map[string]string // what each says, a part of it
	}{
		"m/passes": {pass: 3, skip: 2}, // TestSubtests counts by a, b and c
		"m/fails":  {pass: 1, fail: 3, failures: map[string]string{"TestPlain": "plain says why", "TestSub/bad": "sub says why", "TestAfter": "itself"}},
		"m/crash":  {pass: 1, fail: 1, failures: map[string]string{"TestCrash": "panic: on purpose"}},
		"m/exits":  {pass: 1, fail: 1, failures: map[string]string{"TestExit": "did not end"}},
		"m/hangs":  {pass: 1, fail: 1, failures: map[string]string{"TestHang": "test timed out"}},
		"m/broken": {fail: 1, failures: map[string]string{"": "undefined: nothing"}},
		"m/status": {pass: 1, fail: 1, failures: map[string]string{"": "FAIL"}},
		"m/none":   {},
	} {
		o := got[path]
		if o == nil {
			t.Errorf("%s did not end", path)
			continue
		}
		if o.Pass != want.pass || o.Skip != want.skip || o.Fail != want.fail || len(o.Failures) != want.fail {
			t.Errorf("%s: %+v", path, o)
		}
		for _, f := range o.Failures {
			if said, ok := want.failures[f.Test]; !ok || !strings.Contains(f.Said, said) {
				t.Errorf("%s %s: said %q", path, f.Test, f.Said)
			}
		}
	}
}

func TestCollectInPieces(t *testing.T) {
	text := recorded(t)
	want := collect(t, text, len(text))
	for _, n := range []int{1, 7, 4096} {
		if got := collect(t, text, n); !reflect.DeepEqual(got, want) {
			t.Errorf("in pieces of %d: %v, want %v", n, got, want)
		}
	}
}

func TestLinesThatAreNoEvents(t *testing.T) {
	text := []byte("hello from a test\n{\"Action\":\"pass\"\n\n{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\n" +
		"{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"T\"}\n{\"Action\":\"bench\",\"Package\":\"p\",\"Test\":\"T\"}\n{\"Action\":\"pass\",\"Package\":\"p\"}")
	if got := collect(t, append(text, '\n'), 5); len(got) != 1 || got["p"].Pass != 1 || got["p"].Fail != 0 {
		t.Errorf("%+v", got["p"])
	}
}

func TestShorten(t *testing.T) {
	s := "first\n"
	for range 300 {
		s = shorten(s + "line of some length\n")
	}
	if s = shorten(s + "end\n"); len(s) > 1700 || !strings.HasPrefix(s, "first\n") || !strings.HasSuffix(s, "end\n") {
		t.Errorf("%q", s)
	}
}

func TestSkips(t *testing.T) {
	got := collect(t, recorded(t), 1000)["m/passes"].Skips
	want := []failure{{"TestSkipped", "no reason"}, {"TestSubtests/c", "neither"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestMerge(t *testing.T) {
	first := func() *outcome {
		return &outcome{Pass: 1, Fail: 3, Failures: []failure{{Test: "TestA"}, {Test: "TestB/x"}, {Test: "TestC/y"}}}
	}
	o := first()
	o.merge("p", &outcome{Pass: 2, Fail: 1, Failures: []failure{{Test: "TestB/other"}}}) // of TestB, so that x is not over
	if o.Pass != 3 || o.Fail != 1 || o.Failures[0].Test != "TestB/x" || !reflect.DeepEqual(o.Again, []string{"TestA", "TestC/y"}) {
		t.Errorf("%+v", o)
	}
	reasons["p"] = map[string]string{"TestA": "because"}
	defer delete(reasons, "p")
	o = first()
	if o.merge("p", &outcome{Pass: 1}); o.Fail != 1 || o.Failures[0].Test != "TestA" || len(o.unexplained("p")) != 0 {
		t.Errorf("what has a reason was not run again: %+v", o)
	}
	o = first()
	if o.merge("p", &outcome{Fail: 1, Failures: []failure{{}}}); o.Fail != 3 || len(o.Again) != 0 {
		t.Errorf("after a run that crashed: %+v", o)
	}
}

func TestReplace(t *testing.T) {
	crashed := &outcome{Pass: 5, Fail: 1, Failures: []failure{{}}}
	o := *crashed
	if o.replace(&outcome{Pass: 9}); o.Pass != 9 || o.Fail != 0 || len(o.Again) != 1 {
		t.Errorf("%+v", o)
	}
	o = *crashed
	if o.replace(&outcome{Pass: 4}); !reflect.DeepEqual(&o, crashed) {
		t.Errorf("%+v", o)
	}
}

func TestAlone(t *testing.T) {
	failures := []failure{{Test: "TestA/x"}, {Test: "TestA/y"}, {Test: "TestB"}}
	if pattern, ok := alone(failures); pattern != "^(TestA|TestB)$" || !ok {
		t.Error(pattern, ok)
	}
	for _, f := range []failure{{Test: ""}, {Test: "TestC", Said: "did not end\nx"}, {Test: "TestD", Said: "--- FAIL\npanic: x"}} {
		if _, ok := alone([]failure{f}); ok {
			t.Errorf("%+v can be run alone", f)
		}
	}
}
