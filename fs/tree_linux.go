package fs

import (
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
	const usual = 0o022
	fd, err := unix.Open("/proc/self/status", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return usual
	}
	defer closeFD(fd)
	b := make([]byte, 256) // it is in the second line
	n, _ := unix.Read(fd, b)
	_, rest, _ := strings.Cut(string(b[:max(n, 0)]), "\nUmask:\t")
	v, _, _ := strings.Cut(rest, "\n")
	if m, err := strconv.ParseUint(v, 8, 32); err == nil {
		return uint32(m)
	}
	return usual
}
