package fs

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func closeFD(fd int) { unix.Close(fd) }

const dirFlags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC

// New opens a tree and gives the directories of its first process.
func New(c Config) (*Tree, *Dirs, error) {
	t := &Tree{hostMask: readUmask(), devices: map[string]Device{}}
	addDevices(t)
	if c.Root != "" {
		fd, err := unix.Open(c.Root, dirFlags, 0)
		if err != nil {
			return nil, nil, fmt.Errorf("root %s: %w; name a folder that is there", c.Root, err)
		}
		t.root = newDir(fd)
	}
	d := &Dirs{tree: t, refs: 1, root: t.root.ref(), umask: t.hostMask}
	if err := d.start(c.Dir); err != nil {
		t.Close()
		return nil, nil, err
	}
	return t, d, nil
}

// start enters the first working directory.
func (d *Dirs) start(name string) error {
	if d.root != nil {
		name = "/" + name
	}
	if name == "" {
		name = "."
	}
	r := resolver{cwd: &dir{fd: unix.AT_FDCWD}, root: d.root}
	fd, err := r.open(unix.AT_FDCWD, name, dirFlags, 0)
	if err != nil {
		return &os.PathError{Op: "chdir", Path: name, Err: err}
	}
	d.cwd = newDir(fd)
	return nil
}

// Close lets go of the root. Processes have references of their own.
func (t *Tree) Close() { t.root.release() }

// readUmask gives the host process's umask without touching it: umask(2) can
// only be read by being set, for every thread at once.
func readUmask() uint32 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0o022
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "Umask:"); ok {
			if m, err := strconv.ParseUint(strings.TrimSpace(v), 8, 32); err == nil {
				return uint32(m)
			}
		}
	}
	return 0o022
}
