package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func compared(t *testing.T, old, now *results) (string, error) {
	t.Helper()
	var b strings.Builder
	err := judge(&b, "old.json", old, now)
	return b.String(), err
}

func TestNothingSlower(t *testing.T) {
	text, err := compared(t, sample(4), sample(4))
	if err != nil || !strings.Contains(text, "3 rows are the same") || strings.Contains(text, "slower") || strings.Contains(text, "another host") {
		t.Errorf("%v:\n%s", err, text)
	}
}

func TestSlowerRowsAreNamed(t *testing.T) {
	text, err := compared(t, sample(4), sample(6))
	if err == nil || !strings.Contains(err.Error(), "2 rows are slower than in old.json") {
		t.Errorf("the error is %v", err)
	}
	for _, want := range []string{"slower  stat           6.06x (6.00-6.12), was 4.04x (4.00-4.08)", "slower  mem/hello-own", "1 rows are the same"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if text, err := compared(t, sample(6), sample(4)); err != nil || !strings.Contains(text, "faster  stat") {
		t.Errorf("the other way round: %v:\n%s", err, text)
	}
}

// A row whose spreads meet is not slower, however its medians differ.
func TestWithinTheSpread(t *testing.T) {
	old, now := sample(4), sample(5)
	old.Rows[0].Figures[toaster].Values[2] = 5.2e6
	old.summarize()
	c := compare(old, now)
	if len(c.slower) != 1 || c.slower[0].name != "mem/hello-own" {
		t.Errorf("slower: %+v", c.slower)
	}
}

// A machine that has become slower altogether changes no ratio.
func TestRatiosAreCompared(t *testing.T) {
	now := sample(4)
	for _, r := range now.Rows[:2] {
		for _, f := range r.Figures {
			for i := range f.Values {
				f.Values[i] *= 3
			}
		}
	}
	now.summarize()
	now.Host.CPU = "another"
	text, err := compared(t, sample(4), now)
	if err != nil || !strings.Contains(text, "another host: CPU, 2 processors") {
		t.Errorf("%v:\n%s", err, text)
	}
}

func TestRowsOfOneRunAlone(t *testing.T) {
	old, now := sample(4), sample(4)
	old.Rows[0].Name = "was"
	now.Rows[0].Name = "is"
	text, err := compared(t, old, now)
	if err != nil || !strings.Contains(text, "gone    was\n") || !strings.Contains(text, "new     is\n") {
		t.Errorf("%v:\n%s", err, text)
	}
}

// What -only leaves out is not gone, but what could not be measured is.
func TestRowsThatAreNotAskedFor(t *testing.T) {
	now := sample(4)
	now.Rows = now.Rows[:2]
	now.Rows[1].miss(toaster, "a reason")
	if c := compare(sample(4), now); len(c.gone) != 1 || c.gone[0] != "spawn/8" || c.same != 1 {
		t.Errorf("%+v", c)
	}
}

// TestFilesAreEnough: with results, nothing is measured; they are printed, drawn and compared.
func TestFilesAreEnough(t *testing.T) {
	dir := t.TempDir()
	old, now, svg := filepath.Join(dir, "old.json"), filepath.Join(dir, "new.json"), filepath.Join(dir, "p.svg")
	if err := sample(4).store(old); err != nil {
		t.Fatal(err)
	}
	if err := sample(8).store(now); err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"-against", old, "-plot", svg, now})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := run(t.Context(), &b, o); err == nil || !strings.Contains(err.Error(), "slower than in "+old) {
		t.Errorf("the error is %v", err)
	}
	for _, want := range []string{"20,000 <stat> & more", "8.08x", "8.00-8.16", "2.00x", "0.51x", "spawn, at once: 8", "80.0MiB",
		"without spawn/8: under gVisor: permission denied", "3 rounds; load 0.50 before, 1.00 after", "slower  stat"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if !exists(svg) {
		t.Error("there is no picture")
	}
}
