package netbsdroot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSharedCache: what others have put into the cache has nobody wait, and nothing is written through it. What has the name of a whole
// archive is got anew.
func TestSharedCache(t *testing.T) {
	fifo := func(name, _ string) error { return unix.Mkfifo(name, 0o666) }
	link := func(name, victim string) error { return os.Symlink(victim, name) }
	huge := func(name, _ string) error {
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			return err
		}
		return os.Truncate(name, most+1)
	}
	for what, c := range map[string]struct {
		name string
		put  func(name, victim string) error
		want string
	}{
		"a FIFO":                  {"base.tar.xz", fifo, ""},
		"a link":                  {"base.tar.xz", link, ""},
		"a huge file":             {"base.tar.xz", huge, ""},
		"a FIFO for a part":       {"base.tar.xz.part", fifo, "remove it"},
		"a link for a part":       {"base.tar.xz.part", link, "remove it"},
		"another name for a part": {"base.tar.xz.part", func(name, victim string) error { return os.Link(victim, name) }, "remove it"},
		"a huge file as a part":   {"base.tar.xz.part", huge, "remove it"},
	} {
		t.Run(what, func(t *testing.T) {
			m := newMirror(t)
			dir := filepath.Join(t.TempDir(), "tree")
			victim := dir + ".victim"
			os.MkdirAll(dir+".cache", 0o755)
			os.WriteFile(victim, []byte("the user's"), 0o600)
			if err := c.put(filepath.Join(dir+".cache", c.name), victim); err != nil {
				t.Skip(err)
			}
			err := m.attempt(t, dir, nil)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if b, err := os.ReadFile(victim); string(b) != "the user's" {
				t.Errorf("the link's file has %q, %v", b, err)
			}
		})
	}
}

// TestSetsDirectory: a directory of sets may have links, as the user names it, and a FIFO has nobody wait.
func TestSetsDirectory(t *testing.T) {
	m := newMirror(t)
	sets := t.TempDir()
	for name, b := range m.files {
		if err := os.WriteFile(filepath.Join(sets, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	from := func(c *creation) {
		var err error
		if c.src, err = newSource(sets); err != nil {
			t.Fatal(err)
		}
	}
	base := filepath.Join(sets, "base.tar.xz")
	if err := os.Rename(base, base+".real"); err != nil {
		t.Fatal(err)
	}
	os.Symlink(base+".real", base)
	top := t.TempDir()
	if err := m.attempt(t, filepath.Join(top, "tree"), from); err != nil {
		t.Errorf("a link: %v", err)
	}
	os.Remove(base)
	if err := unix.Mkfifo(base, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := m.attempt(t, filepath.Join(top, "tree2"), from); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a FIFO: %v", err)
	}
}
