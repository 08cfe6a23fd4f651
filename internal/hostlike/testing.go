package hostlike

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// SkipUnless skips a test where whoever runs it can't imitate that host.
func SkipUnless(t testing.TB, parts string) {
	t.Helper()
	for name := range strings.SplitSeq(parts, ",") {
		if part := find(name); part == nil {
			t.Fatalf("no part %q", name)
		} else if part.root && os.Geteuid() != 0 {
			t.Skipf("%s takes root", name)
		}
	}
}

// Home returns a directory where everybody may make files, and an environment that says so:
// another user can't make them where the test may.
func Home(t testing.TB, env []string) (dir string, with []string) {
	t.Helper()
	dir = t.TempDir()
	// The directories that the testing package makes are ours alone.
	for d := dir; d != filepath.Clean(os.TempDir()) && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o777|os.ModeSticky); err != nil {
			t.Fatal(err)
		}
	}
	return dir, append(env, "TMPDIR="+dir, "HOME="+dir)
}
