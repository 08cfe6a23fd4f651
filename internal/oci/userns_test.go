package oci

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// asRootOfNamespace runs a command as user 0 of a user namespace that an ordinary user has made, which is what podman
// without root does with a runtime. The command's --root is left out.
func (w *world) asRootOfNamespace(env []string, args ...string) (out string, status int) {
	w.Helper()
	uid, gid := ordinaryUser()
	cmd := w.command(args...)
	cmd.Args = append(cmd.Args[:2], args...)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}},
		Credential:  &syscall.Credential{NoSetGroups: true},
	}
	f, err := os.Create(filepath.Join(w.TempDir(), "out"))
	if err != nil {
		w.Fatal(err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	switch err := cmd.Start(); {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.ENOSPC):
		w.Skipf("the host lets nobody make a user namespace: %v", err)
	case err != nil:
		w.Fatal(err)
	}
	defer cmd.Process.Release()
	status = w.ends(cmd.Process.Pid)
	b, _ := os.ReadFile(f.Name())
	return string(b), status
}

// ordinaryUser is who runs the tests, or nobody where that is root.
func ordinaryUser() (uid, gid int) {
	if os.Geteuid() == 0 {
		return 65534, 65534
	}
	return os.Geteuid(), os.Getegid()
}

// handOver makes a tree the ordinary user's, and lets everybody on the way to it.
func (w *world) handOver(dir string) {
	w.Helper()
	uid, gid := ordinaryUser()
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chown(name, uid, gid))
	})
	err = errors.Join(err, os.Chmod(filepath.Dir(dir), 0o711))
	if err != nil {
		w.Fatal(err)
	}
}

// TestRootOfUserNamespace: user 0 of a user namespace is an ordinary user to the host. Its containers lie in the user's directory,
// unless the environment is root's (runc's rule, shouldHonorXDGRuntimeDir), and do without a control group that the host
// does not let it make.
func TestRootOfUserNamespace(t *testing.T) {
	w := newWorld(t)
	runtimeDir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(runtimeDir, 0o700); err != nil {
		t.Fatal(err)
	}
	bundle := w.bundle(func(s *specs.Spec) {
		s.Process.User = specs.User{}
		s.Linux.CgroupsPath, s.Linux.Resources = groupsHome()+"/c", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: 40}}
	}, "report")
	for _, dir := range []string{runtimeDir, w.rootfs, bundle} {
		w.handOver(dir)
	}
	env := []string{"XDG_RUNTIME_DIR=" + runtimeDir, "USER=somebody"}
	out, status := w.asRootOfNamespace(env, "run", "--keep", "--bundle", bundle, "c")
	if status != 0 || !strings.Contains(out, "[A=1] box / 0 0 ") {
		t.Fatalf("status %d: %s", status, out)
	}
	if _, err := os.Stat(filepath.Join(runtimeDir, "toaster", "c", recordName)); err != nil {
		t.Error(err)
	}
	if out, status := w.asRootOfNamespace(env, "delete", "c"); status != 0 {
		t.Errorf("delete: status %d: %s", status, out)
	}
	out, status = w.asRootOfNamespace([]string{env[0], "USER=root"}, "state", "c")
	if status == 0 {
		t.Errorf("as root's: %s", out)
	}
}

// TestDefaultRoot: as runc has it for who is not in a user namespace of their own.
func TestDefaultRoot(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	want := "/run/user/7/toaster"
	if isHostRoot() {
		want = "/run/toaster"
	}
	if got := defaultRoot(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	if got := defaultRoot(); got != "/run/toaster" {
		t.Errorf("without a directory: %s", got)
	}
}
