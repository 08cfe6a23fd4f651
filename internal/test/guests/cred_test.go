package guests

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"toaster"
	"toaster/kern"
)

// rootFor makes a root with the guest in it.
func rootFor(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root's guests can become another user")
	}
	root := t.TempDir()
	b, err := os.ReadFile(guestPath)
	for _, err := range []error{err, os.Chmod(root, 0o755), os.WriteFile(filepath.Join(root, "guest"), b, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestOtherUser runs a guest that begins as root and becomes somebody else, on a
// machine that root of the host runs: NetBSD's permissions hold, and the host has the
// same owners.
func TestOtherUser(t *testing.T) {
	for _, release := range releases {
		t.Run(release.String(), func(t *testing.T) {
			root := rootFor(t)
			if out := runCred(root, release); out != "" {
				t.Error(out)
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

// runCred runs the guest and returns what is wrong.
func runCred(root string, release kern.Release, args ...string) string {
	// Ports are tried as well, and not every host grants a network of one's own.
	m, err := toaster.New(context.Background(), toaster.Options{Root: root, Release: release, Network: toaster.NetworkHost})
	if err != nil {
		return err.Error()
	}
	defer m.Close()
	c := m.Command("/guest", append([]string{"sub_cred", release.String()}, args...)...)
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil || out.Len() > 0 {
		return fmt.Sprintf("%v: %s", err, out.String())
	}
	return ""
}

// credRole, before the name of a root, makes this program one that has root's rights but
// for being somebody else, and runs the guest so.
const credRole = "cred:"

// TestOtherUserByOwnWord has a host that does not let toaster be somebody else, as
// in a container without CAP_SETUID: the permissions are the same.
func TestOtherUserByOwnWord(t *testing.T) {
	root := rootFor(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"="+credRole+root)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func playCred(root string) int {
	runtime.LockOSThread()
	for _, c := range []uintptr{unix.CAP_SETUID, unix.CAP_SETGID} {
		if have, _ := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0); have == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if c == unix.CAP_SETGID {
			fmt.Fprintln(os.Stderr, syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
			return 1
		}
	}
	if out := runCred(root, kern.Release11, "word"); out != "" {
		fmt.Fprintln(os.Stderr, out)
		return 1
	}
	return 0
}

// TestOtherUserRunsHostProgram: a program of the host that a guest starts has no more
// rights than the guest.
func TestOtherUserRunsHostProgram(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root's guests can become another user")
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	c := m.Command(guestPath, "sub_drop_run", "10", "/bin/sh", "-c", "umask 022; id -ru; id -u; id -rg; id -G; cat "+secret+" 2>/dev/null; cd /root 2>/dev/null && echo in")
	out, err := c.Output()
	if got := strings.Fields(string(out)); len(got) < 4 || got[0] != "1001" || got[1] != "1001" || got[2] != "1001" || strings.Contains(string(out), "secret") {
		t.Fatalf("%q, %v", out, err)
	}
	for _, g := range strings.Fields(strings.SplitN(string(out), "\n", 5)[3]) {
		if g != "1001" && g != "20" {
			t.Errorf("the program is in group %s", g)
		}
	}
}
