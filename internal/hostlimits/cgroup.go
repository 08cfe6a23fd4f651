package hostlimits

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A group is a directory of a control group that this process is in, or of one above it.
type group string

// groups returns the directories, from toaster's own up to the mount's root, in which a
// controller has its files: of version 1 if there is one, else of version 2. They may be
// none, as a container need not show them.
func groups(controller string) []group {
	if list := usualGroups(cgroupText(), controller, hierarchy); list != nil {
		return list
	}
	return groupsIn(cgroupText(), mountText(), controller, isDir)
}

// The texts are read once: they do not change for a process that nobody moves.
var (
	cgroupText = textOf("/proc/self/cgroup")
	mountText  = textOf("/proc/self/mountinfo")
)

func textOf(name string) func() string {
	return sync.OnceValue(func() string {
		b, _ := ReadFile(name)
		return string(b)
	})
}

// usualGroups finds the groups where hosts have the hierarchies mounted as a rule, without
// the list of all mounts, which is dear to read. It returns nil where the directory of
// toaster's own group is not there.
func usualGroups(cgroups, controller string, hierarchy func(dir string, magic int64) bool) []group {
	for _, u := range []struct {
		v1    bool
		at    string
		magic int64
	}{{true, "/sys/fs/cgroup/" + controller, unix.CGROUP_SUPER_MAGIC}, {false, "/sys/fs/cgroup", unix.CGROUP2_SUPER_MAGIC}} {
		path, ok := groupPath(cgroups, controller, u.v1)
		if !ok {
			continue
		}
		dir := filepath.Join(u.at, path)
		if !strings.HasPrefix(dir, u.at) || !hierarchy(dir, u.magic) {
			return nil
		}
		return upTo(dir, u.at)
	}
	return nil
}

// hierarchy reports whether dir is a directory of control groups, by the type that
// statfs(2) says it has.
func hierarchy(dir string, magic int64) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Type == magic
}

func isDir(name string) bool {
	st, err := os.Stat(name)
	return err == nil && st.IsDir()
}

// groupsIn finds them by the texts of cgroup(7) and proc_pid_mountinfo(5).
func groupsIn(cgroups, mounts, controller string, isDir func(string) bool) []group {
	for _, v1 := range []bool{true, false} {
		path, ok := groupPath(cgroups, controller, v1)
		if !ok {
			continue
		}
		root, at, ok := groupMount(mounts, controller, v1)
		if !ok {
			continue
		}
		// In a container the path may be the host's, and the mount be of just that.
		dir := filepath.Join(at, strings.TrimPrefix(path, root))
		if !isDir(dir) {
			dir = at
		}
		return upTo(dir, at)
	}
	return nil
}

// upTo lists dir and what is above it, as far as at.
func upTo(dir, at string) []group {
	list := []group{group(dir)}
	for dir != at && strings.HasPrefix(dir, at) && dir != "/" {
		dir = filepath.Dir(dir)
		list = append(list, group(dir))
	}
	return list
}

// groupPath finds toaster's path among lines such as "4:memory:/a/b" and "0::/c".
func groupPath(cgroups, controller string, v1 bool) (string, bool) {
	for line := range strings.Lines(cgroups) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) != 3 {
			continue
		}
		if v1 && hasWord(f[1], controller) || !v1 && f[0] == "0" && f[1] == "" {
			return f[2], true
		}
	}
	return "", false
}

// groupMount finds where the hierarchy is mounted, and which part of it.
func groupMount(mounts, controller string, v1 bool) (root, at string, ok bool) {
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if len(f) < 5 || len(g) < 3 {
			continue
		}
		if v1 && g[0] == "cgroup" && hasWord(g[2], controller) || !v1 && g[0] == "cgroup2" {
			return f[3], f[4], true
		}
	}
	return "", "", false
}

func hasWord(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}

// number reads a file of the group; "max", and what cannot be read, is not ok.
func (g group) number(file string) (int64, bool) {
	fd, err := unix.Open(string(g)+"/"+file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd)
	var b [32]byte // one read has all of a number
	n, err := unix.Read(fd, b[:])
	if err != nil {
		return 0, false
	}
	return parseNumber(string(b[:n]))
}

// parseNumber reads a limit. Version 1 writes "no limit" as a number close to 2^63.
func parseNumber(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return n, err == nil && n >= 0 && n < math.MaxInt64&^0xffff
}
