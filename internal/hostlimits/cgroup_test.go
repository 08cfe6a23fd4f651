package hostlimits

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The texts are of cgroup(7) and proc_pid_mountinfo(5), as found on several hosts.
func TestGroups(t *testing.T) {
	const (
		v1Mounts = "36 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n" +
			"40 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:3 - cgroup cgroup rw,pids\n"
		v2Mounts  = "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
		v1Docker  = "700 690 0:33 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n"
		bothPaths = "8:pids:/a/b\n4:cpu,memory:/c\n0::/d\n"
	)
	all := func(string) bool { return true }
	none := func(string) bool { return false }
	for _, c := range []struct {
		name, cgroups, mounts, controller string
		isDir                             func(string) bool
		want                              []group
	}{
		{"version 1", bothPaths, v1Mounts + v2Mounts, "pids", all, []group{"/sys/fs/cgroup/pids/a/b", "/sys/fs/cgroup/pids/a", "/sys/fs/cgroup/pids"}},
		{"version 2", "0::/user.slice/x.scope\n", v2Mounts, "pids", all, []group{"/sys/fs/cgroup/user.slice/x.scope", "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup"}},
		{"a controller of version 1 that is not mounted", bothPaths, v2Mounts, "memory", all, []group{"/sys/fs/cgroup/d", "/sys/fs/cgroup"}},
		{"the root", "0::/\n", v2Mounts, "pids", all, []group{"/sys/fs/cgroup"}},
		{"a container with the host's path", "8:pids:/docker/abc\n", v1Docker, "pids", all, []group{"/sys/fs/cgroup/pids"}},
		{"a path that is not shown", "8:pids:/docker/abc\n", v1Mounts, "pids", none, []group{"/sys/fs/cgroup/pids"}},
		{"nothing mounted", bothPaths, "", "pids", all, nil},
		{"no groups", "", v1Mounts, "pids", all, nil},
		{"nonsense", "a\nb:c\n", "x - y\n - \n", "pids", all, nil},
	} {
		if got := groupsIn(c.cgroups, c.mounts, c.controller, c.isDir); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Where hosts mount the hierarchies as a rule no list of mounts is read; what is not found
// there is left to it.
func TestUsualGroups(t *testing.T) {
	v1 := func(dir string, magic int64) bool {
		return magic == unix.CGROUP_SUPER_MAGIC && strings.HasPrefix(dir, "/sys/fs/cgroup/pids")
	}
	v2 := func(dir string, magic int64) bool { return magic == unix.CGROUP2_SUPER_MAGIC }
	none := func(string, int64) bool { return false }
	for _, c := range []struct {
		name, cgroups string
		hierarchy     func(string, int64) bool
		want          []group
	}{
		{"version 1", "8:pids:/a\n0::/d\n", v1, []group{"/sys/fs/cgroup/pids/a", "/sys/fs/cgroup/pids"}},
		{"version 2", "0::/x/y\n", v2, []group{"/sys/fs/cgroup/x/y", "/sys/fs/cgroup/x", "/sys/fs/cgroup"}},
		{"the root", "0::/\n", v2, []group{"/sys/fs/cgroup"}},
		{"mounted elsewhere, or a container with the host's path", "8:pids:/docker/abc\n", none, nil},
		{"a path above the mount", "0::/../../x\n", v2, nil},
		{"no groups", "", v2, nil},
	} {
		if got := usualGroups(c.cgroups, "pids", c.hierarchy); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Both ways find the same on this host.
func TestGroupsHere(t *testing.T) {
	for _, controller := range []string{"pids", "memory"} {
		quick := usualGroups(cgroupText(), controller, hierarchy)
		if all := groupsIn(cgroupText(), mountText(), controller, isDir); quick != nil && !slices.Equal(quick, all) {
			t.Errorf("%s: %q, and by the list of mounts %q", controller, quick, all)
		}
	}
}

func TestNumbers(t *testing.T) {
	for s, want := range map[string]int64{"5\n": 5, "0": 0, "max\n": -1, "": -1, "-1": -1, "9223372036854771712\n": -1, "9223372036854775807": -1} {
		n, ok := parseNumber(s)
		if ok != (want >= 0) || ok && n != want {
			t.Errorf("%q: %d, %v; want %d", s, n, ok, want)
		}
	}
}

// proc_pid_status(5): the first of the four ids is the real one.
func TestTasksOfAProcess(t *testing.T) {
	const status = "Name:\tx\nState:\tZ (zombie)\nUid:\t7\t8\t8\t8\nThreads:\t3\nSigQ:\t0/1\n"
	for uid, want := range map[int]int64{7: 3, 8: 0, 0: 0} {
		if got := tasksIn(status, uid); got != want {
			t.Errorf("user %d: %d tasks, want %d", uid, got, want)
		}
	}
	if got := tasksIn("Uid:\t7\t7\t7\t7\n", 7); got != 1 {
		t.Errorf("a process without threads is %d tasks", got)
	}
}

// Whatever this host has, the room is one that a limit of its own says, or none does.
func TestRoomHere(t *testing.T) {
	room, why := FindTasks().Room()
	if room < 0 || (room == Unlimited) != (why == "") {
		t.Errorf("room for %d, by %q", room, why)
	}
}

// Whatever the files say, what is found lies below a mount.
func FuzzGroups(f *testing.F) {
	f.Add("8:pids:/a/b\n0::/d\n", "40 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n")
	f.Add("0::/../x\n", "31 23 0:28 /y /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	f.Fuzz(func(t *testing.T, cgroups, mounts string) {
		list := groupsIn(cgroups, mounts, "pids", func(string) bool { return true })
		if len(list) > 1+len(cgroups) {
			t.Errorf("%d groups", len(list))
		}
		for i, g := range list {
			if g == "" || i > 0 && len(g) >= len(list[i-1]) {
				t.Errorf("%q in %q", g, list)
			}
		}
	})
}
