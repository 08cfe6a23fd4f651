package guests

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"toaster"
)

// TestOtherUser runs a guest that begins as root and becomes somebody else, on a
// machine that root of the host runs: NetBSD's permissions hold, and the host has the
// same owners.
func TestOtherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root's guests can become another user")
	}
	for _, release := range releases {
		t.Run(release.String(), func(t *testing.T) {
			root := t.TempDir()
			b, err := os.ReadFile(guestPath)
			for _, err := range []error{err, os.Chmod(root, 0o755), os.WriteFile(filepath.Join(root, "guest"), b, 0o755)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			m, err := toaster.New(toaster.Options{Root: root, Release: release})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			c := m.Command("/guest", "sub_cred", release.String())
			var out strings.Builder
			c.Stdout, c.Stderr = &out, &out
			if err := c.Run(); err != nil || out.Len() > 0 {
				t.Errorf("%v: %s", err, out.String())
			}
			for name, want := range map[string][2]uint32{
				"c/open/file": {1001, 7}, "c/open/dir": {1001, 7}, "c/open/newfifo": {1001, 7}, "c/open/newsock": {1001, 7}, "c/roots": {1002, 1002},
			} {
				var st syscall.Stat_t
				if err := syscall.Lstat(filepath.Join(root, name), &st); err != nil || st.Uid != want[0] || st.Gid != want[1] {
					t.Errorf("on the host %s is of %d:%d, %v; want %v", name, st.Uid, st.Gid, err, want)
				}
			}
		})
	}
}
