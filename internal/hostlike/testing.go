package hostlike

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// SkipUnless skips a test where whoever runs it can't imitate that host.
func SkipUnless(t testing.TB, parts string) {
	t.Helper()
	if err := Can(parts); err != nil {
		t.Skip(err)
	}
}

// Can says why whoever runs this can't imitate that host, nil if nothing is in the way.
func Can(parts string) error {
	host, err := parse(parts)
	if err != nil {
		return err
	}
	need := 0
	if host.mounts != nil {
		need |= 1 << unix.CAP_SYS_ADMIN
	}
	if host.caps != nil && os.Geteuid() == 0 {
		need |= 1 << unix.CAP_SETPCAP
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&head, &have[0]); err != nil {
		return err
	}
	if need&^int(have[0].Effective) != 0 {
		return fmt.Errorf("hostlike: %s takes capabilities that root does not have here", parts)
	}
	return nil
}

// Home returns a directory where everybody may make files, and an environment that says so:
// another user can't make them where the test may.
func Home(t testing.TB, env []string) (dir string, with []string) {
	t.Helper()
	dir = t.TempDir()
	// The directories that the testing package makes are its user's alone.
	for d := dir; d != filepath.Clean(os.TempDir()) && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o777|os.ModeSticky); err != nil {
			t.Fatal(err)
		}
	}
	return dir, append(env, "TMPDIR="+dir, "HOME="+dir)
}
