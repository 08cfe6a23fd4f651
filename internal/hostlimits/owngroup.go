package hostlimits

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// OwnGroup is a control group that toaster has made for the guests of one machine. The host
// holds them to its limit of memory, whichever way they come by it.
//
// It is a directory, and stays behind unless somebody removes it: Remove, when all who were in
// it are gone, or whoever outlives toaster and has Path.
type OwnGroup struct {
	dir   group
	files memoryFiles
}

// ownPrefix begins the names of such groups; the pid of their toaster follows, and a number.
const ownPrefix = "toaster-"

// ownCount tells the groups of one program apart.
var ownCount atomic.Int64

// MakeGroup makes a group for as many bytes of memory as limit. The error says what is missing
// where the host grants none: this is the case for most users who are not root.
func MakeGroup(limit uint64) (*OwnGroup, error) {
	return makeGroup(groups("memory"), limit, func(g group) bool {
		return hierarchy(string(g), unix.CGROUP_SUPER_MAGIC)
	})
}

// makeGroup tries toaster's own group first, then those above it.
//
// In version 2 a group has processes or groups with controllers, not both (cgroups(7), "no
// internal processes"), so that there it is mostly one above.
func makeGroup(parents []group, limit uint64, v1 func(group) bool) (*OwnGroup, error) {
	err := errors.New("no control group of memory is mounted")
	for _, parent := range parents {
		g := &OwnGroup{group(filepath.Join(string(parent), fmt.Sprintf("%s%d-%d", ownPrefix, os.Getpid(), ownCount.Add(1)))), memoryV2}
		if v1(parent) {
			g.files = memoryV1
		}
		parent.sweep()
		if err = unix.Mkdir(string(g.dir), 0o755); err != nil {
			err = &os.PathError{Op: "mkdir", Path: string(g.dir), Err: err}
			continue
		}
		if err = g.setLimit(limit); err == nil {
			return g, nil
		}
		g.Remove()
	}
	return nil, err
}

// sweep removes groups of toasters that are gone, as far as nobody else has: one that was killed
// in the moment between its guests' end and that of their group.
func (g group) sweep() {
	list, _ := filepath.Glob(string(g) + "/" + ownPrefix + "*")
	for _, dir := range list {
		name, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), ownPrefix), "-")
		if pid, err := strconv.Atoi(name); err == nil && pid > 0 && unix.Kill(pid, 0) == unix.ESRCH {
			unix.Rmdir(dir) // EBUSY if anybody is in it
		}
	}
}

// setLimit bounds memory and swap together. Hosts that do not count swap lack the second file.
func (g *OwnGroup) setLimit(limit uint64) error {
	if err := g.write(g.files.limit, strconv.FormatUint(limit, 10)); err != nil {
		return err
	}
	file, value := "memory.swap.max", "0"
	if g.files == memoryV1 {
		file, value = "memory.memsw.limit_in_bytes", strconv.FormatUint(limit, 10)
	}
	if err := g.write(file, value); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// write writes to a file of the group, which it does not make: the host did.
func (g *OwnGroup) write(file, value string) error {
	f, err := os.OpenFile(filepath.Join(string(g.dir), file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value)
	return err
}

// Path returns the group's directory.
func (g *OwnGroup) Path() string { return string(g.dir) }

// Move puts a process into the group, and with it whatever that forks from then on.
func (g *OwnGroup) Move(pid int) error { return g.write("cgroup.procs", strconv.Itoa(pid)) }

// Kills returns how many processes of the group the host has killed for want of memory.
func (g *OwnGroup) Kills() int64 {
	file := "memory.events"
	if g.files == memoryV1 {
		file = "memory.oom_control"
	}
	text, _ := ReadFile(filepath.Join(string(g.dir), file))
	n, _ := strconv.ParseInt(valueAfter(string(text), "oom_kill "), 10, 64)
	return n
}

const (
	removeTries = 100
	removePause = time.Millisecond
)

// Remove removes the group. Precondition: all processes in it are collected. The host may take
// some milliseconds more to see that it is empty.
func (g *OwnGroup) Remove() {
	for range removeTries {
		if unix.Rmdir(string(g.dir)) != unix.EBUSY {
			return
		}
		time.Sleep(removePause)
	}
}
