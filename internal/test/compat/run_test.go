package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"toaster/internal/test/attacks"
	"toaster/internal/test/progress"
)

// fake returns a trial whose go command is a script of the shell; its arguments are those of go.
func fake(t *testing.T, script string) *trial {
	if err := attacks.BecomeSubreaper(); err != nil {
		t.Skip(err)
	}
	r := &runner{plan: &plan{}, top: t.TempDir(), known: &results{}, show: &progress.Line{}}
	if err := os.MkdirAll(filepath.Join(r.top, filepath.Dir(resultsFile)), 0o755); err != nil {
		t.Fatal(err)
	}
	s := side{name: linuxSide, gocmd: []string{"sh", "-c", script, "go"}}
	return &trial{runner: r, row: row{name: "os"}, side: s, source: t.TempDir(), tmp: t.TempDir()}
}

// ends are the events of a package p whose test a ends so, as lines of the shell.
func ends(action string) string {
	return `echo '{"Action":"run","Package":"p","Test":"TestA"}'
echo '{"Action":"` + action + `","Package":"p","Test":"TestA"}'
echo '{"Action":"` + action + `","Package":"p"}'
`
}

func TestWhatFailsIsRunAgainAlone(t *testing.T) {
	trial := fake(t, `case "$*" in *"-run=^(TestA)$"*) `+ends("pass")+`;; *) `+ends("fail")+`exit 1;; esac`)
	if err := trial.run(t.Context(), []string{"p"}); err != nil {
		t.Fatal(err)
	}
	o := trial.known.get("os", "p").Linux
	if o.Pass != 1 || o.Fail != 0 || len(o.Failures) != 0 || len(o.Again) != 1 || o.Again[0] != "TestA" {
		t.Errorf("%+v", o)
	}
	again, err := load(trial.top)
	if err != nil || again.get("os", "p").Linux.Pass != 1 {
		t.Errorf("what is kept: %v, %v", again, err)
	}
}

func TestNothingIsLeftOfARun(t *testing.T) {
	trial := fake(t, `setsid sh -c 'sleep 1000; true' </dev/null >/dev/null 2>&1 & `+ends("pass"))
	if err := trial.run(t.Context(), []string{"p"}); err != nil {
		t.Fatal(err)
	}
	if left := attacks.AwaitNoChildren(0); left != "" {
		t.Error(left)
	}
}

func TestARunIsEnded(t *testing.T) {
	trial := fake(t, ends("pass")+"sleep 1000")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := trial.test(ctx, []string{"p"}, "", func(string, *outcome) { cancel() }, func(*event, outcome) {})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left := attacks.AwaitNoChildren(0); left != "" {
		t.Error(left)
	}
}

func TestAPackageThatDoesNotEndIsAnError(t *testing.T) {
	trial := fake(t, "true")
	if err := trial.run(t.Context(), []string{"p"}); err == nil || !strings.Contains(err.Error(), "0 of 1 packages") {
		t.Error(err)
	}
}

func TestChoose(t *testing.T) {
	list, err := choose("net/http,github.com/miekg/dns")
	if err != nil || len(list) != 2 || list[0].name != "net/http" || list[1].name != "miekg/dns" {
		t.Error(list, err)
	}
	if _, err := choose("net/https"); err == nil {
		t.Error("a row that there is not was found")
	}
}

// TestRemoveAll: tests make directories that may not be written, as the module cache is.
func TestRemoveAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "a"), 0o555); err != nil {
		t.Fatal(err)
	}
	if err := removeAll(dir); err != nil {
		t.Error(err)
	}
}

// Both sides of a result are of one run, and skips that both have are not kept.
func TestPut(t *testing.T) {
	k, r := &results{}, row{name: "os"}
	skips := func(tests ...string) *outcome {
		o := &outcome{Skip: len(tests)}
		for _, test := range tests {
			o.Skips = append(o.Skips, failure{Test: test})
		}
		return o
	}
	k.put(r, "p", netbsdSide, skips("TestA", "TestB"))
	k.put(r, "p", linuxSide, skips("TestA", "TestC"))
	got := k.get("os", "p")
	got.forget()
	if n, l := got.NetBSD, got.Linux; n.Skip != 2 || len(n.Skips) != 1 || n.Skips[0].Test != "TestB" || len(l.Skips) != 1 || l.Skips[0].Test != "TestC" {
		t.Errorf("%+v, %+v", n, l)
	}
	if k.put(r, "p", netbsdSide, skips()); k.get("os", "p").Linux != nil || k.has("os", "p", linuxSide) {
		t.Error("the outcome on Linux is of a run before")
	}
}
