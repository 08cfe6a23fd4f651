package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Both commands are copies of the same age, and the one of -beside is asked for the same program.
func TestBesideIsAnotherToaster(t *testing.T) {
	dir := t.TempDir()
	old, built := filepath.Join(dir, "old"), filepath.Join(dir, "toaster")
	os.WriteFile(old, []byte("old"), 0o755)
	os.WriteFile(built, []byte("now"), 0o755)
	now := &system{name: toaster, goos: "netbsd", argv: []string{built, "run"}, exe: "guest"}
	s, err := besideSystem(dir, old, now)
	if err != nil {
		t.Fatal(err)
	}
	if s.name != before || s.exe != "guest" || s.argv[1] != "run" || now.name != toaster || now.argv[0] == built {
		t.Errorf("before is %+v, now %+v", s, now)
	}
	for command, want := range map[string]string{s.argv[0]: "old", now.argv[0]: "now"} {
		st, err := os.Stat(command)
		if err != nil || st.Mode().Perm()&0o100 == 0 {
			t.Fatalf("%s: %v, %v", command, st, err)
		}
		if b, _ := os.ReadFile(command); string(b) != want {
			t.Errorf("%s is %q, want %q", command, b, want)
		}
	}
	os.WriteFile(old, []byte("older"), 0o755)
	kept, err := os.Open(s.argv[0])
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if err := s.renew(); err != nil {
		t.Fatal(err)
	}
	was, _ := io.ReadAll(kept)
	if b, _ := os.ReadFile(s.argv[0]); string(b) != "older" || string(was) != "old" {
		t.Errorf("a round's copy is %q, and the file of the last one %q", b, was)
	}
	if _, err := besideSystem(dir, filepath.Join(dir, "missing"), now); err == nil {
		t.Error("a command that is not there is taken")
	}
}

// The ratio is that of each round, whatever disturbed the machine in it; a row that one of them cannot do has none.
func TestBesideComparesRoundByRound(t *testing.T) {
	var out strings.Builder
	printBeside(&out, &results{Rows: []*result{
		{Name: "slow", Figures: map[string]*figure{toaster: {Values: []float64{22, 220, 2200}}, before: {Values: []float64{20, 200, 2000}}}},
		{Name: "new", Figures: map[string]*figure{toaster: {Values: []float64{1}}}},
	}})
	if want := "now, of what it was before:\n  slow           1.10x (1.10-1.10)\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	out.Reset()
	if printBeside(&out, &results{Rows: []*result{{Name: "hello", Figures: map[string]*figure{toaster: {Values: []float64{1}}}}}}); out.Len() != 0 {
		t.Errorf("a run without -beside prints %q", out.String())
	}
}
