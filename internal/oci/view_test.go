package oci

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// inMounts calls f in the mount namespace of a process, at its root, as podman cp does (setns(2)).
func inMounts(pid int, f func() error) error {
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		if err := setns("/proc/"+itoa(pid)+"/ns/mnt", unix.CLONE_NEWNS); err != nil {
			return err
		}
		return f()
	})
}

// TestMountNamespace: who joins a container's mount namespace, as the specification has it be one of its own, has the container's
// files below "/", and none of the host's. podman cp to a running container writes there.
func TestMountNamespace(t *testing.T) {
	w := newWorld(t)
	if !mayMount() {
		t.Skip("to make a mount namespace takes CAP_SYS_ADMIN")
	}
	volume := t.TempDir()
	if err := os.Symlink("/real", filepath.Join(w.rootfs, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(w.rootfs, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	change := func(readOnly bool) func(*specs.Spec) {
		return func(s *specs.Spec) {
			s.Root.Readonly = readOnly
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.MountNamespace})
			s.Mounts = []specs.Mount{
				{Destination: "/volume", Type: "bind", Source: volume, Options: []string{"rbind"}},
				{Destination: "/link/ro", Type: "bind", Source: volume, Options: []string{"bind", "ro"}},
			}
		}
	}
	out := w.create("c", w.bundle(change(false), "signals"))
	w.do("start", "c")
	w.line(out)
	err := inMounts(w.state("c").Pid, func() error {
		if _, err := os.Stat(w.rootfs); err == nil {
			t.Error("the host's files are there")
		}
		if err := os.WriteFile("/real/ro/x", nil, 0o644); !errors.Is(err, unix.EROFS) {
			t.Errorf("a mount that is read-only: %v", err)
		}
		return errors.Join(os.WriteFile("/volume/in-volume", nil, 0o644), os.WriteFile("/bin/in-root", nil, 0o644))
	})
	if err != nil {
		t.Error(err)
	}
	for _, name := range []string{filepath.Join(volume, "in-volume"), filepath.Join(w.rootfs, "bin/in-root")} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
	if got := w.do("exec", "c", "/bin/guest", "write", "/volume/in-volume", "/bin/in-root"); got != "/volume/in-volume true\n/bin/in-root true\n" {
		t.Errorf("the container has %q", got)
	}
	w.create("ro", w.bundle(change(true), "signals"))
	err = inMounts(w.state("ro").Pid, func() error { return os.WriteFile("/bin/more", nil, 0o644) })
	if !errors.Is(err, unix.EROFS) {
		t.Errorf("a root that is read-only: %v", err)
	}
}
