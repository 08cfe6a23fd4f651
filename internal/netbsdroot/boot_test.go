package netbsdroot

import (
	"archive/tar"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// TestDatabasesFail: what keeps pwd_mkdb(8) from its work is said, and what to do.
func TestDatabasesFail(t *testing.T) {
	m := newMirror(t)
	m.add("etc.tgz", pack(t, "etc.tgz", []file{
		{"./usr/sbin/pwd_mkdb", tar.TypeReg, 0o555, 0, "a program", [2]int64{}},
		{"./etc/master.passwd", tar.TypeReg, 0o600, 0, "root", [2]int64{}},
	}))
	err := m.attempt(t, filepath.Join(t.TempDir(), "tree"), func(c *creation) {
		c.Run = func(context.Context, string, ...string) error { return errors.New("met a limit") }
	})
	if err == nil || !strings.Contains(err.Error(), "/usr/sbin/pwd_mkdb in the tree: met a limit; see whether the sets") || !strings.Contains(err.Error(), "--from") {
		t.Errorf("%v", err)
	}
}
