package hostlike

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
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
	if usesLibc() && strings.Contains(parts, "docker-2019") {
		return fmt.Errorf("hostlike: libc, which the race detector brings along, starts threads by clone3(2), and takes an EPERM of %s for the last word", parts)
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
	if host.caps != nil && host.uid == 0 {
		return CanSend()
	}
	return nil
}

// usesLibc tells whether this program's threads are libc's: with the race detector they are.
func usesLibc() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// CanSend returns why a process of this user that has no rights cannot send a descriptor; nil
// if it can. Where the user has more in flight in local sockets than RLIMIT_NOFILE, whoever has
// sent them, who lacks CAP_SYS_RESOURCE can send none (unix(7), ETOOMANYREFS), on an imitated
// host and in a user namespace as here.
func CanSend() error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread, and the rights it has given up, end with it
		result <- sendWithoutCaps()
	}()
	return <-result
}

func sendWithoutCaps() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&head, &none[0]); err != nil {
		return fmt.Errorf("hostlike: capset: %w", err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("hostlike: socketpair: %w", err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC) // not one of the sockets, which would keep itself
	if err != nil {
		return fmt.Errorf("hostlike: eventfd: %w", err)
	}
	defer unix.Close(event)
	if err := unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(event), nil, 0); err != nil {
		return fmt.Errorf("hostlike: this user's descriptors in flight leave no room: %w", err)
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

// Working are hosts on which toaster works: each refuses something that it does without.
var Working = []string{
	"docker,root", "docker,user", "podman,root", "podman,user", "no-userns,user", "max-userns-0,user",
	"linux-5.14,user", "linux-5.14,docker,root", "no-openat2,user", "sealed-vdso,user", "hidepid,user", "hidepid,docker,root", "no-tmp,user",
}

// variable names the parts of the host on which a test program is to go on.
const variable = "TOASTER_HOST_LIKE"

// Enter makes this test program go on where RunSelf wants it. TestMain calls it first.
func Enter() {
	parts := os.Getenv(variable)
	if parts == "" {
		return
	}
	os.Unsetenv(variable)
	fmt.Fprintln(os.Stderr, Exec(parts, "/proc/self/exe", os.Args, os.Environ()))
	os.Exit(1)
}

// RunSelf runs this test program again, with arguments, on another host, and returns what it
// writes. Preconditions: its TestMain calls Enter.
func RunSelf(t testing.TB, parts string, args ...string) (string, error) {
	t.Helper()
	SkipUnless(t, parts)
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), variable+"="+parts)
	cmd.Dir, cmd.Env = Home(t, cmd.Env)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// RunTests runs tests of this program on another host; all must pass there, and none skip.
func RunTests(t testing.TB, parts string, tests ...string) {
	t.Helper()
	out, err := RunSelf(t, parts, "-test.v", "-test.run", "^("+strings.Join(tests, "|")+")$")
	if n := strings.Count(out, "\n--- PASS"); err != nil || n != len(tests) {
		t.Fatalf("%v, %d of %d pass\n%s", err, n, len(tests), out)
	}
}
