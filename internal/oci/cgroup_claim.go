package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// This file keeps which control group is whose. A state directory names the container's group from before that is made until both are
// removed: what a create leaves that is killed can be found, and no two containers have one group.

const cgroupName = "cgroup"

// claimCgroup names the group in the state directory. Only then it looks for others': of two creates at once not both go on.
func (c *call) claimCgroup(t *container, g *cgroup) error {
	b, err := json.Marshal(g)
	if err == nil {
		err = writeFile(filepath.Join(t.place(), cgroupName), b, 0o600)
	}
	if err != nil {
		return err
	}
	if other, dir := c.sharer(t.ID, g); other != "" {
		return fmt.Errorf("linux.cgroupsPath: the control group %s is that of container %q; name another one, or delete that container first", dir, other)
	}
	return g.unused()
}

// sharer returns another container that has named one of the group's directories, and which; "" if there is none.
func (c *call) sharer(id string, g *cgroup) (other, dir string) {
	list, _ := os.ReadDir(c.root)
	for _, e := range list {
		if e.Name() == id {
			continue
		}
		theirs := readCgroup(filepath.Join(c.root, e.Name()))
		for _, dir := range theirs.dirs() {
			if slices.Contains(g.dirs(), dir) {
				return e.Name(), dir
			}
		}
	}
	return "", ""
}

// readCgroup returns the group that a state directory names; none if it names none.
func readCgroup(dir string) (g cgroup) {
	b, err := os.ReadFile(filepath.Join(dir, cgroupName))
	if err != nil || json.Unmarshal(b, &g) != nil {
		return cgroup{}
	}
	return g
}

// unused looks that nobody is in the group, which would get the container's limits and keep its group from being removed. runc refuses it, too.
func (g *cgroup) unused() error {
	for _, dir := range g.dirs() {
		if pids := processesIn(dir); len(pids) > 0 {
			return fmt.Errorf("linux.cgroupsPath: process %s of the host is in the control group %s already, of a container below another --root perhaps; name another group, or end the process first", pids[0], dir)
		}
	}
	return nil
}

// processesIn are the pids of a group's processes.
func processesIn(dir string) []string {
	b, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	return strings.Fields(string(b))
}

// removeHalf removes what there is of a container without a record: its create was killed, or is under way. That one finds its directory
// gone then, and ends what it has put in the group; so the directory comes first, and is let go.
func (c *call) removeHalf(t *container) error {
	g := readCgroup(t.dir)
	if other, _ := c.sharer(t.ID, &g); other != "" {
		g = cgroup{}
	}
	if err := os.RemoveAll(t.dir); err != nil {
		return err
	}
	t.letGo()
	if err := g.remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; remove it by hand once nobody is in it", err)
	}
	return nil
}
