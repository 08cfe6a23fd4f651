package hostfile

import (
	"os"
	"path/filepath"
	"testing"

	"toaster/internal/file"
	"toaster/netbsd"
)

// A device that is inherited stays as it is; a file does if it is confined.
func TestInheritedAttributes(t *testing.T) {
	h := newHost(t)
	plain, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, c := range []struct {
		name    string
		f       *os.File
		confine bool
		want    netbsd.Errno
	}{
		{"file", plain, false, 0},
		{"confined file", plain, true, netbsd.EPERM},
		{"device", null, false, netbsd.EPERM},
	} {
		before, _ := c.f.Stat()
		d, errno := h.Inherit(int(c.f.Fd()))
		if errno != 0 {
			t.Fatal(errno)
		}
		if c.confine {
			Confine(d)
		}
		if errno := d.File.Chmod(uint32(before.Mode().Perm())); errno != c.want {
			t.Errorf("%s: chmod: %v", c.name, errno)
		}
		if errno := d.File.Chown(-1, -1); errno != c.want {
			t.Errorf("%s: chown: %v", c.name, errno)
		}
		if errno := d.File.Utimens(file.Timeset{Omit: true}, file.Timeset{Omit: true}); errno != c.want {
			t.Errorf("%s: utimens: %v", c.name, errno)
		}
		if after, _ := c.f.Stat(); after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) {
			t.Errorf("%s: %v, was %v", c.name, after, before)
		}
		d.Release()
	}
}
