package netbsdroot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCheckOfChanging: a guest may change the tree while it is checked. No more is read of a file than it should have, and nobody waits for a
// FIFO that has got its name since it was looked at, and has a writer.
func TestCheckOfChanging(t *testing.T) {
	top := t.TempDir()
	dir, err := os.Open(top)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := os.WriteFile(filepath.Join(top, "grows"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(top, "grows"), 1<<40); err != nil {
		t.Skip(err)
	}
	fifo := filepath.Join(top, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for name, want := range map[string]string{"grows": "is changing", "fifo": "another kind of file"} {
		if got := contentDiffers(int(dir.Fd()), name, 5, &entry{size: 5}); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestManifestThatLies: the manifest may be a guest's own. No file that it names takes for ever to read, nor does it.
func TestManifestThatLies(t *testing.T) {
	top := t.TempDir()
	big := filepath.Join(top, "big")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 1<<40); err != nil {
		t.Skip(err)
	}
	m := manifest{state: stateWhole, release: "11.0", sets: []string{"base"}}
	m.add(entry{name: "big", kind: 'f', set: "base", mode: 0o600, size: 1 << 40, uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())})
	if err := m.write(top); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	if wrong, err := Check(top, &said); wrong != 1 || err != nil || !strings.Contains(said.String(), "big: larger than any file of a set") {
		t.Errorf("%d, %v, %q", wrong, err, said.String())
	}
	if err := os.Truncate(filepath.Join(top, manifestName), maxManifest+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(top, &said); err == nil || !strings.Contains(err.Error(), manifestName+" is larger than any that toaster has written") {
		t.Errorf("%v", err)
	}
}
