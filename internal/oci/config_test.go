package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"toaster"
)

func itoa(n int) string { return strconv.Itoa(n) }

// example is a configuration that is whole.
func example(root string) *specs.Spec {
	return &specs.Spec{
		Version: "1.0.2", Root: &specs.Root{Path: root},
		Process: &specs.Process{Args: []string{"/bin/sh"}, Cwd: "/"},
		Linux:   &specs.Linux{},
	}
}

// TestRefused: what a container would not be what was asked for without is refused, by its name.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(s *specs.Spec)
	}{
		{"no process", func(s *specs.Spec) { s.Process = nil }},
		{"no root", func(s *specs.Spec) { s.Root = nil }},
		{"windows", func(s *specs.Spec) { s.Windows = &specs.Windows{} }},
		{"process.args is empty", func(s *specs.Spec) { s.Process.Args = nil }},
		{"process.cwd", func(s *specs.Spec) { s.Process.Cwd = "tmp" }},
		{"additionalGids", func(s *specs.Spec) { s.Process.User.AdditionalGids = make([]uint32, 17) }},
		{`rlimits: there is no "RLIMIT_X"`, func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_X"}} }},
		{"RLIMIT_CPU is there twice", func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CPU"}, {Type: "RLIMIT_CPU"}}
		}},
		{"above the hard one", func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CPU", Soft: 2, Hard: 1}} }},
		{"no absolute path", func(s *specs.Spec) { s.Mounts = []specs.Mount{{Destination: "x", Type: "tmpfs"}} }},
		{"nfs on /x", func(s *specs.Spec) { s.Mounts = []specs.Mount{{Destination: "/x", Type: "nfs"}} }},
		{"idmap", func(s *specs.Spec) {
			s.Mounts = []specs.Mount{{Destination: "/x", Source: "/", Options: []string{"bind", "idmap"}}}
		}},
		{"uidMappings", func(s *specs.Spec) {
			s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1, Size: 1}}
		}},
		{"user: users are the host's", func(s *specs.Spec) { s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.UserNamespace}} }},
		{`type "time"`, func(s *specs.Spec) { s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.TimeNamespace}} }},
		{"two of type network", func(s *specs.Spec) {
			s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.NetworkNamespace}, {Type: specs.NetworkNamespace}}
		}},
		{"timeOffsets", func(s *specs.Spec) { s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {}} }},
		{"/secret", func(s *specs.Spec) { s.Linux.MaskedPaths = []string{"/proc/kcore", "/secret"} }},
		{"a bind mount without a source", func(s *specs.Spec) {
			s.Mounts = []specs.Mount{{Destination: "/x", Options: []string{"bind"}}}
		}},
		{`hooks.poststop[0]: path "hook" is not absolute`, func(s *specs.Spec) { s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Path: "hook"}}} }},
		{"hooks.createRuntime[0]: timeout 0", func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/hook", Timeout: new(int)}}}
		}},
		{"LINUX32", func(s *specs.Spec) { s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32} }},
	} {
		s := example(t.TempDir())
		c.change(s)
		if _, err := newPlan(s, "/"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q is wanted, got %v", c.want, err)
		}
	}
}

// TestAccepted: what only Linux has is noted, and the container is made.
func TestAccepted(t *testing.T) {
	s := example(t.TempDir())
	s.Process.Capabilities, s.Process.ApparmorProfile = &specs.LinuxCapabilities{}, "docker-default"
	s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_SIGPENDING", Hard: 1}}
	s.Linux.Seccomp, s.Linux.RootfsPropagation = &specs.LinuxSeccomp{}, "rslave"
	s.Linux.MaskedPaths = []string{"/proc/kcore", "/sys/firmware"}
	s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.PIDNamespace, Path: "/proc/1/ns/pid"}, {Type: specs.CgroupNamespace}}
	s.Mounts = []specs.Mount{{Destination: "/proc", Type: "proc"}, {Destination: "/dev", Type: "tmpfs"}, {Destination: "/sys", Type: "sysfs"}}
	p, err := newPlan(s, "/")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"linux.namespaces: the pid namespace /proc/1/ns/pid is not joined; each container has its own",
		"linux.rootfsPropagation", "linux.seccomp", "mounts: sysfs on /sys", "process.apparmorProfile", "process.capabilities",
		"process.rlimits.RLIMIT_SIGPENDING",
	}
	if slices.Sort(p.notes); !slices.Equal(p.notes, want) {
		t.Errorf("noted %q\nwant  %q", p.notes, want)
	}
	if len(p.opts.Mounts) != 0 {
		t.Errorf("mounts %+v", p.opts.Mounts)
	}
}

// TestMountOptions: fstab(5)'s options as runc reads them, and the size of tmpfs(5).
func TestMountOptions(t *testing.T) {
	s := example(t.TempDir())
	s.Mounts = []specs.Mount{
		{Destination: "/a/../b", Source: "dir", Options: []string{"rbind", "ro", "nosuid"}},
		{Destination: "/c", Type: "bind", Source: "/x"},
		{Destination: "/d", Type: "tmpfs", Options: []string{"size=64m"}},
		{Destination: "/e", Type: "tmpfs", Options: []string{"ro", "size=65536k", "noexec"}},
		{Destination: "/f", Type: "tmpfs", Options: []string{"size=50%"}},
	}
	p, err := newPlan(s, "/bundle")
	if err != nil {
		t.Fatal(err)
	}
	want := []toaster.Mount{
		{Source: "/bundle/dir", Target: "/b", Make: true, Access: toaster.ReadOnly},
		{Source: "/x", Target: "/c", Make: true, Access: toaster.ReadWrite},
		{Target: "/d", Make: true, Access: toaster.ReadWrite, Size: 64 << 20},
		{Target: "/e", Make: true, Access: toaster.ReadOnly, Size: 64 << 20},
		{Target: "/f", Make: true, Access: toaster.ReadWrite},
	}
	if !slices.Equal(p.opts.Mounts, want) {
		t.Errorf("got  %+v\nwant %+v", p.opts.Mounts, want)
	}
	if got := []string{"mounts: /e: option noexec", "mounts: /f: option size=50%"}; !slices.Equal(p.notes, got) {
		t.Errorf("noted %q", p.notes)
	}
}

// TestProcess runs a program with all that a configuration says of a process.
func TestProcess(t *testing.T) {
	w := newWorld(t)
	os.Mkdir(filepath.Join(w.rootfs, "dir"), 0o755)
	mask := uint32(0o27)
	out, status := w.try("run", "--bundle", w.bundle(func(s *specs.Spec) {
		p := s.Process
		p.Cwd, p.Env, p.User.Umask = "/dir", []string{"X=y"}, &mask
		p.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NPROC", Soft: 77, Hard: 88}}
		if os.Geteuid() == 0 {
			p.User = specs.User{UID: 1000, GID: 100, Umask: &mask, AdditionalGids: []uint32{5, 6}}
			os.Chmod(filepath.Dir(w.rootfs), 0o755)
		}
	}, "report"), "c")
	user := fmt.Sprint(os.Geteuid(), " ", os.Getegid(), " ")
	if os.Geteuid() == 0 {
		user = "1000 100 [5 6] "
	}
	if !strings.HasPrefix(out, "[X=y] box /dir "+user) || !strings.HasSuffix(out, " 23 77 88\n") || status != 0 {
		t.Errorf("status %d: %q", status, out)
	}
}

// TestWorkingDirIsMade: the first program's cwd is made where there is none, inside of the root, and an exec's is not, as in runc.
func TestWorkingDirIsMade(t *testing.T) {
	w := newWorld(t)
	top := filepath.Dir(w.rootfs)
	err := errors.Join(os.Symlink("/", filepath.Join(w.rootfs, "link")), os.Symlink("../..", filepath.Join(w.rootfs, "up")))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/a/b/", "/link/c//d", "/up/e", "/"} {
		out, status := w.try("run", "--bundle", w.bundle(func(s *specs.Spec) { s.Process.Cwd = dir }, "report"), "c")
		want := map[string]string{"/a/b/": "/a/b", "/link/c//d": "/c/d", "/up/e": "/e", "/": "/"}[dir]
		if !strings.HasPrefix(out, "[A=1] box "+want+" ") || status != 0 {
			t.Errorf("%s: status %d: %q", dir, status, out)
		}
	}
	if list, err := os.ReadDir(top); err != nil || len(list) != 1 {
		t.Errorf("beside the root are %v, %v", list, err)
	}
	w.create("c", w.bundle(nil, "signals"))
	w.fails("no such file", "exec", "--cwd", "/new", "c", "/bin/guest", "report")
	ro := w.bundle(func(s *specs.Spec) { s.Process.Cwd, s.Root.Readonly = "/new", true }, "report")
	if out, status := w.try("run", "--bundle", ro, "d"); status == 0 || !strings.Contains(out, "read-only file system") {
		t.Errorf("status %d: %q", status, out)
	}
}

// TestMounts: what is mounted can be written to where it may be, and what is read-only cannot.
func TestMounts(t *testing.T) {
	if err := toaster.TryTmpfs(); err != nil {
		t.Skip(err)
	}
	w := newWorld(t)
	src := t.TempDir()
	out, _ := w.try("run", "--bundle", w.bundle(func(s *specs.Spec) {
		s.Root.Readonly = true
		s.Mounts = []specs.Mount{
			{Destination: "/mnt/rw", Type: "bind", Source: src, Options: []string{"bind"}},
			{Destination: "/mnt/ro", Type: "bind", Source: src, Options: []string{"rbind", "ro"}},
			{Destination: "/tmp", Type: "tmpfs", Options: []string{"size=1m"}},
		}
	}, "write", "/file", "/mnt/rw/file", "/mnt/ro/other", "/tmp/file"), "c")
	if want := "/file false\n/mnt/rw/file true\n/mnt/ro/other false\n/tmp/file true\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if _, err := os.Stat(filepath.Join(src, "file")); err != nil {
		t.Error(err)
	}
}

// TestNetwork: a new namespace is the kernel's own, with a loopback interface, and one that is named is joined.
func TestNetwork(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to make a network namespace for the kernel takes root")
	}
	w := newWorld(t)
	w.create("c", w.bundle(nil, "exit", "0"))
	own, err := os.Readlink("/proc/self/ns/net")
	of, err2 := os.Readlink("/proc/" + itoa(w.state("c").Pid) + "/ns/net")
	if err = errors.Join(err, err2); err != nil || of == own {
		t.Errorf("the container is in %s, the test in %s, %v", of, own, err)
	}
	path := "/proc/" + itoa(w.state("c").Pid) + "/ns/net"
	out := w.create("d", w.bundle(func(s *specs.Spec) {
		s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.NetworkNamespace, Path: path}}
	}, "loopback"))
	pid := w.state("d").Pid
	if got, err := os.Readlink("/proc/" + itoa(pid) + "/ns/net"); err != nil || got != of {
		t.Errorf("it has joined %s, %v, want %s", got, err, of)
	}
	w.do("start", "d")
	w.ends(pid)
	if b, err := io.ReadAll(out); string(b) != "<nil>\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	w.fails("joining the network namespace", "create", "--bundle", w.bundle(func(s *specs.Spec) {
		s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.NetworkNamespace, Path: "/nowhere"}}
	}, "exit", "0"), "e")
}

// TestExecUser: what --user does not name stays the container's (runc-exec(8)): who has no group named is not in root's.
func TestExecUser(t *testing.T) {
	for s, want := range map[string][2]uint32{"5": {5, 100}, "5:6": {5, 6}, "0:0": {0, 0}, "": {}, "x": {}, "5:": {}, ":6": {}, "-1": {}, "4294967296": {}} {
		u := specs.User{UID: 1000, GID: 100, AdditionalGids: []uint32{7}}
		err := setUser(&u, s)
		switch {
		case want == [2]uint32{} && s != "0:0":
			if err == nil || u.UID != 1000 || u.GID != 100 {
				t.Errorf("%q: %+v, %v", s, u, err)
			}
		case err != nil || [2]uint32{u.UID, u.GID} != want || !slices.Equal(u.AdditionalGids, []uint32{7}):
			t.Errorf("%q: %+v, %v", s, u, err)
		}
	}
}

func TestSignalNames(t *testing.T) {
	for s, want := range map[string]int{"9": 9, "KILL": 9, "SIGKILL": 9, "sigusr1": int(unix.SIGUSR1), "64": 64, "0": 0, "65": 0, "": 0, "NO": 0} {
		if got, err := parseSignal(s); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
}

func TestIDs(t *testing.T) {
	for id, ok := range map[string]bool{"a": true, "a-b_c.d+e9": true, "": false, ".": false, "..": false, "a/b": false, "a b": false, "a\x00": false} {
		if err := checkID(id); (err == nil) != ok {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// TestSpecCommand: what spec writes is a configuration that this runtime takes.
func TestSpecCommand(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	w.do("spec", "--bundle", dir)
	w.fails("exists", "spec", "--bundle", dir)
	spec, err := loadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	os.Mkdir(filepath.Join(dir, "rootfs"), 0o755)
	if p, err := newPlan(spec, dir); err != nil || len(p.notes) != 0 {
		t.Errorf("%v, noted %q", err, p.notes)
	}
	var f map[string]any
	if err := json.Unmarshal([]byte(w.do("features")), &f); err != nil || f["ociVersionMax"] != specs.Version {
		t.Errorf("features: %v, %v", f["ociVersionMax"], err)
	}
	if out := w.do("--version"); !strings.HasPrefix(out, "toaster oci version test\nspec: ") {
		t.Errorf("%q", out)
	}
}

// FuzzConfig: any configuration is taken or refused, and what was taken can be written and read again.
func FuzzConfig(f *testing.F) {
	root := f.TempDir()
	for _, s := range []*specs.Spec{example(root), exampleSpec()} {
		b, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"ociVersion":"1.0.0","process":{"args":["x"],"cwd":"/"},"root":{"path":"/"},"mounts":[{"destination":"/","options":["size=9g"]}],"linux":{"resources":{"pids":{"limit":-1}}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		spec, err := decodeConfig(b)
		if err != nil {
			return
		}
		p, err := newPlan(spec, root)
		if err != nil {
			return
		}
		for _, g := range []cgroup{{V2: "x"}, {}} {
			if spec.Linux != nil && spec.Linux.Resources != nil {
				g.settings(spec.Linux.Resources)
			}
		}
		if !filepath.IsAbs(p.root) {
			t.Errorf("the root is %q", p.root)
		}
		for _, m := range p.opts.Mounts {
			if !filepath.IsAbs(m.Target) || m.Size < 0 {
				t.Errorf("mount %+v", m)
			}
		}
		again, err := json.Marshal(spec)
		if err == nil {
			_, err = decodeConfig(again)
		}
		if err != nil {
			t.Error(err)
		}
	})
}
