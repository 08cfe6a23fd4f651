package oci

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func ptr[T any](v T) *T { return &v }

// resources has a limit of each kind.
func resources() *specs.LinuxResources {
	return &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: ptr(int64(64 << 20)), Swap: ptr(int64(96 << 20)), Reservation: ptr(int64(32 << 20))},
		Pids:   &specs.LinuxPids{Limit: 10},
		CPU:    &specs.LinuxCPU{Shares: ptr(uint64(1024)), Quota: ptr(int64(50000)), Period: ptr(uint64(100000))},
	}
}

// TestSettings: the files and values of the host's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst; the weight is that of
// runc and crun.
func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		group cgroup
		want  string
	}{
		"v1": {cgroup{V1: map[string]string{}}, "memory.limit_in_bytes=67108864 memory.memsw.limit_in_bytes=100663296 memory.soft_limit_in_bytes=33554432 " +
			"pids.max=276 cpu.shares=1024 cpu.cfs_period_us=100000 cpu.cfs_quota_us=50000"},
		"v2": {cgroup{V2: "x"}, "memory.max=67108864 memory.swap.max=33554432 memory.low=33554432 pids.max=276 cpu.weight=39 cpu.max=50000 100000"},
	} {
		var got []string
		for _, s := range c.group.settings(resources()) {
			got = append(got, s.name+"="+s.value)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s\nwant %s", name, text, c.want)
		}
	}
	none := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(-1))}, Pids: &specs.LinuxPids{Limit: -1}}
	if got := settingsV2(none); len(got) != 1 || got[0].value != "max" {
		t.Errorf("no limits: %v", got)
	}
	for shares, want := range map[uint64]uint64{2: 1, 1024: 39, 262144: 10000, 1: 1, 1 << 40: 10000} {
		if got := weightOf(shares); got != want {
			t.Errorf("%d shares: weight %d, want %d", shares, got, want)
		}
	}
}

// TestSlicePath: the directory that systemd.slice(5) has for a name.
func TestSlicePath(t *testing.T) {
	for s, want := range map[string]string{
		"a-b.slice:cri:id":         "/a.slice/a-b.slice/cri-id.scope",
		"system.slice:docker:1":    "/system.slice/docker-1.scope",
		"-.slice:x:y":              "/x-y.scope",
		":x:y":                     "/x-y.scope",
		"a.slice:x:inner.slice":    "/a.slice/inner.slice",
		"/plain/path":              "/plain/path",
		"kubepods-pod1.slice:c:id": "/kubepods.slice/kubepods-pod1.slice/c-id.scope",
	} {
		if got := sliceToPath(s); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
}

// TestGroupV2 makes a group in a directory that stands for the host's hierarchy.
func TestGroupV2(t *testing.T) {
	top := t.TempDir()
	defer func(old string) { cgroupRoot = old }(cgroupRoot)
	cgroupRoot = top
	if err := os.WriteFile(filepath.Join(top, "cgroup.controllers"), []byte("cpu memory pids"), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := newLogger(filepath.Join(t.TempDir(), "log"), "json", false)
	if err != nil {
		t.Fatal(err)
	}
	c := &call{log: log}
	th := &container{dir: t.TempDir(), record: record{ID: "id"}}
	err = c.makeCgroup(th, "/a/b", resources())
	g := &th.Cgroup
	if err != nil || g.V2 != filepath.Join(top, "a/b") || !g.limitsMemory() {
		t.Fatalf("%+v, %v", g, err)
	}
	for name, want := range map[string]string{"a/b/memory.max": "67108864", "a/b/cpu.max": "50000 100000"} {
		if b, err := os.ReadFile(filepath.Join(top, name)); string(b) != want || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for _, dir := range []string{"", "a"} { // each group on the way hands its controllers down
		if _, err := os.Stat(filepath.Join(top, dir, "cgroup.subtree_control")); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.placeCgroup("/../b", "id"); err == nil || !strings.Contains(err.Error(), "leads up") {
		t.Errorf("a path that leads up: %v", err)
	}
	for _, path := range []string{"/", "//", "/."} {
		if _, err := c.placeCgroup(path, "id"); err == nil || !strings.Contains(err.Error(), "the group of others") {
			t.Errorf("%q, the root's own group: %v", path, err)
		}
	}
}

// A controller that the group has not is named, as a limit is not dropped in silence.
func TestGroupWithoutAController(t *testing.T) {
	top := t.TempDir()
	defer func(old string) { cgroupRoot = old }(cgroupRoot)
	cgroupRoot = top
	group := filepath.Join(top, "a")
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{top, group} {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.controllers"), []byte("cpu pids\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g := &cgroup{V2: group}
	err := g.limit(resources())
	if !errors.Is(err, errNoController) || !strings.Contains(err.Error(), "the host has no controller memory") {
		t.Error(err)
	}
	r := resources()
	r.Memory = nil
	if err := g.limit(r); err != nil {
		t.Error(err)
	}
}

// TestCgroupManager: crun's flag, which podman passes for --cgroups=disabled. A group is not even looked at then.
func TestCgroupManager(t *testing.T) {
	for name, want := range map[string]call{
		"cgroupfs": {}, "systemd": {globals: globals{systemd: true}}, "disabled": {globals: globals{groupless: true}},
	} {
		var c call
		if err := c.flags().Parse([]string{"--cgroup-manager", name}); err != nil || c.systemd != want.systemd || c.groupless != want.groupless {
			t.Errorf("%s: systemd %v, none %v, %v", name, c.systemd, c.groupless, err)
		}
	}
	if err := new(call).flags().Parse([]string{"--cgroup-manager=none"}); err == nil || !strings.Contains(err.Error(), "there are cgroupfs, systemd and disabled") {
		t.Errorf("another one: %v", err)
	}
	w := newWorld(t)
	bundle := w.bundle(func(s *specs.Spec) {
		s.Linux.CgroupsPath, s.Linux.Resources = groupsHome()+"/none", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: 40}}
	}, "signals")
	w.do("--cgroup-manager", "disabled", "create", "--bundle", bundle, "c")
	box, err := (&call{globals: globals{root: w.root}}).load("c")
	if err != nil || len(box.Cgroup.dirs()) != 0 {
		t.Errorf("it has the group %v, %v", box.Cgroup, err)
	}
	w.do("update", "--pids-limit", "30", "c") // the machine holds it
	w.fails("has no control group, so its limits of memory stay as they are", "update", "--memory", "100000000", "c")
}

// TestGroup: a container is in its group from the beginning, with its limits, and the group goes with it.
func TestGroup(t *testing.T) {
	w := newWorld(t)
	if os.Geteuid() != 0 {
		t.Skip("to make control groups takes root")
	}
	r := resources()
	r.Memory.Swap = nil // not every host counts it
	r.Memory.Limit = ptr(int64(512 << 20))
	path := groupsHome() + "/c"
	out := w.create("c", w.bundle(func(s *specs.Spec) { s.Linux.CgroupsPath, s.Linux.Resources = path, r }, "signals"))
	c := &call{globals: globals{root: w.root}}
	box, err := c.load("c")
	if err != nil {
		t.Fatal(err)
	}
	dirs := box.Cgroup.dirs()
	if len(dirs) == 0 {
		t.Skip("the host has no control groups")
	}
	b, err := os.ReadFile("/proc/" + itoa(box.Pid) + "/cgroup")
	if err != nil || !strings.Contains(string(b), ":"+path+"\n") {
		t.Errorf("it is in %s, %v", b, err)
	}
	w.do("start", "c")
	w.line(out)
	if stats := w.do("events", "--stats", "c"); !strings.Contains(stats, `"limit":536870912`) || !strings.Contains(stats, `"type":"stats"`) {
		t.Errorf("%s", stats)
	}
	w.do("update", "--memory", "400000000", "--pids-limit", "20", "c")
	if stats := w.do("events", "--stats", "c"); !strings.Contains(stats, `"limit":399998976`) || !strings.Contains(stats, `"limit":296`) { // whole pages
		t.Errorf("%s", stats)
	}
	w.do("delete", "--force", "c")
	for _, dir := range dirs {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is left", dir)
		}
		os.Remove(filepath.Dir(dir))
	}
}
