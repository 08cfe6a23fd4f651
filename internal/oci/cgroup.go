package oci

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// cgroup is a container's control group: one directory where the host has the hierarchy of version 2, one a controller
// in those of version 1. The zero one is none: the host lets the user make none, and nothing needs one.
type cgroup struct {
	V2 string            `json:"v2,omitempty"`
	V1 map[string]string `json:"v1,omitempty"` // by controller
}

// cgroupRoot is where the host has its hierarchies; tests have their own.
var cgroupRoot = "/sys/fs/cgroup"

// controllers are those of version 1 that a container is put in: those with limits, and those that drivers of runc read.
var controllers = []string{"memory", "pids", "cpu", "cpuacct", "freezer"}

// makeCgroup makes the container's group. An ordinary user to whom the host grants none does without.
func (c *call) makeCgroup(t *container, path string, r *specs.LinuxResources) error {
	if c.groupless {
		c.doWithout(r, "--cgroup-manager disabled")
		return nil
	}
	g, err := c.placeCgroup(path, t.ID)
	if err == nil {
		err = c.claimCgroup(t, &g)
	}
	if err != nil {
		return err
	}
	if err = g.make(); err == nil {
		err = g.limit(r)
	}
	if err == nil {
		t.Cgroup = g
		return nil
	}
	g.remove()
	if !isHostRoot() && (errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) || errors.Is(err, errNoController)) {
		c.doWithout(r, err.Error())
		return os.Remove(filepath.Join(t.place(), cgroupName))
	}
	return fmt.Errorf("control group: %w", err)
}

// placeCgroup says where the group is to be. path is the configuration's: from the hierarchy's root, or, relative or empty, below the
// caller's own group, as runc has it.
func (c *call) placeCgroup(path, id string) (g cgroup, err error) {
	if path == "" {
		path = id
	} else if c.systemd {
		path = sliceToPath(path)
	}
	if strings.Contains("/"+path+"/", "/../") {
		return g, refused("linux.cgroupsPath %q leads up", path)
	}
	if filepath.Clean("/"+path) == "/" {
		return g, refused("linux.cgroupsPath %q is the group of others, too", path)
	}
	if err = g.place(path); err != nil {
		err = fmt.Errorf("control group: %w", err)
	}
	return g, err
}

// doWithout says that the container has no control group, and why.
func (c *call) doWithout(r *specs.LinuxResources, why string) {
	say := c.log.Debug
	if r != nil && r.CPU != nil {
		say = c.log.Warn // nobody else holds these limits
	}
	say("there is no control group for the container: " + why)
}

// sliceToPath turns systemd's form of a path, slice:prefix:name, into the directory that systemd would make: a-b.slice lies in
// a.slice. systemd itself is not asked.
func sliceToPath(s string) string {
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return s
	}
	path := "/"
	if slice := strings.TrimSuffix(parts[0], ".slice"); slice != "" && slice != "-" {
		for i := range slice {
			if slice[i] == '-' {
				path = filepath.Join(path, slice[:i]+".slice")
			}
		}
		path = filepath.Join(path, slice+".slice")
	}
	unit := parts[2]
	if !strings.HasSuffix(unit, ".slice") {
		unit = parts[1] + "-" + parts[2] + ".scope"
	}
	return filepath.Join(path, unit)
}

// place finds the directories of a path.
func (g *cgroup) place(path string) error {
	own, err := ownCgroups()
	if err != nil {
		return err
	}
	at := func(base, own string) string {
		if strings.HasPrefix(path, "/") {
			return filepath.Join(base, path)
		}
		return filepath.Join(base, own, path)
	}
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		g.V2 = at(cgroupRoot, own[""])
		return nil
	}
	g.V1 = map[string]string{}
	for _, name := range controllers {
		base := filepath.Join(cgroupRoot, name)
		if _, err := os.Stat(filepath.Join(base, "cgroup.procs")); err == nil { // the host has got it
			g.V1[name] = at(base, own[name])
		}
	}
	return nil
}

// make makes the directories.
func (g *cgroup) make() error {
	if g.V2 != "" {
		return g.makeV2()
	}
	for _, dir := range g.V1 {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// makeV2 makes the directory, and has the controllers that have limits work in it: each group on the way hands them down.
func (g *cgroup) makeV2() error {
	rel, err := filepath.Rel(cgroupRoot, g.V2)
	if err != nil {
		return err
	}
	dir := cgroupRoot
	for part := range strings.SplitSeq(rel, "/") {
		for _, name := range []string{"cpu", "memory", "pids"} {
			// A controller that is missing, or is not delegated, shows when there is a limit to write (lacks).
			os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+name), 0o644)
		}
		dir = filepath.Join(dir, part)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// ownCgroups returns the groups of this process by controller; that of version 2 has none (cgroups(7)).
func ownCgroups() (map[string]string, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	own := map[string]string{}
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for name := range strings.SplitSeq(parts[1], ",") {
			own[name] = parts[2]
		}
	}
	return own, nil
}

// dirs are the group's directories.
func (g *cgroup) dirs() []string {
	var dirs []string
	if g.V2 != "" {
		dirs = append(dirs, g.V2)
	}
	for _, dir := range g.V1 {
		dirs = append(dirs, dir)
	}
	return dirs
}

// enter puts a process in.
func (g *cgroup) enter(pid int) error {
	for _, dir := range g.dirs() {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644); err != nil {
			return fmt.Errorf("control group: %w", err)
		}
	}
	return nil
}

// remove removes the group. It is busy for a moment after its last process.
func (g *cgroup) remove() error {
	var failed error
	for _, dir := range g.dirs() {
		err := removeGroup(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	if failed != nil {
		return fmt.Errorf("control group: %w", failed)
	}
	return nil
}

func removeGroup(dir string) error {
	for end := time.Now().Add(endPatience); ; time.Sleep(time.Millisecond) {
		reapOrphans()
		err := unix.Rmdir(dir)
		if err != unix.EBUSY || time.Now().After(end) {
			return rmdirError(dir, err)
		}
	}
}

// rmdirError says who keeps a group that is not removed.
func rmdirError(dir string, err error) error {
	if err == nil {
		return nil
	}
	err = &os.PathError{Op: "rmdir", Path: dir, Err: err}
	if pids := processesIn(dir); len(pids) > 0 {
		return fmt.Errorf("%w: process %s of the host is still in it; end that one first", err, pids[0])
	}
	return err
}

// limitsMemory reports whether the group is one that can hold limits of memory.
func (g *cgroup) limitsMemory() bool { return g.V2 != "" || g.V1["memory"] != "" }

// reapOrphans reaps what has become this process's child, and has ended: what is not reaped is still in its group.
func reapOrphans() {
	for {
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 && err != unix.EINTR {
			return
		}
	}
}
