package oci

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOfferIDs: a shell that completes a line waits for the answer, so whatever --root is there is one; a pipe that nobody writes to
// would keep who opens it waiting (open(2)).
func TestOfferIDs(t *testing.T) {
	w := newWorld(t)
	w.create("c", w.bundle(nil, "report"))
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.root, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ words, want []string }{
		{[]string{"oci", "--root", w.root, "state"}, []string{"c"}},
		{[]string{"--root=" + w.root, "--debug", "exec", "--tty"}, []string{"c"}},
		{[]string{"oci", "--root", pipe, "state"}, nil},
		{[]string{"oci", "--root", w.root + "/none", "state"}, nil},
		{[]string{"oci", "--nonsense", "state"}, nil},
	} {
		if got := offerIDs(c.words); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
	for _, cmd := range commands() {
		if _, takes := map[string]bool{"create": true, "run": true, "list": true, "features": true, "spec": true}[cmd.name]; takes == (cmd.offer() != nil) {
			t.Errorf("%s: offers ids: %v", cmd.name, !takes)
		}
	}
}
