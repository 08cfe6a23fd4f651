package vfs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/internal/owners"
	"toaster/netbsd"
)

const dirFlags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC

// New opens a tree, whose files are the host's on that side of the machine, and returns the
// directories of its first process.
func New(h *hostfile.Host, c Config) (*Tree, *Dirs, error) {
	t := &Tree{host: h, hostMask: readUmask(), user: newHostUser(), devices: map[string]Device{}, born: netbsd.TimespecAt(time.Now())}
	t.refs.Store(1)
	t.noOpenat2.Store(c.noOpenat2)
	if c.Owners && c.Root != "" {
		t.keeper = owners.NewKeeper()
		t.user.switches = false
	}
	addDevices(t)
	if err := t.open(c); err != nil {
		t.Close()
		return nil, nil, err
	}
	addDevDir(t)
	d := &Dirs{tree: t.ref(), refs: 1, umask: t.hostMask}
	err := d.start(c)
	if err != nil {
		d.Close()
		t.Close()
		return nil, nil, err
	}
	return t, d, nil
}

// open opens what the tree is made of.
func (t *Tree) open(c Config) (err error) {
	if t.ownFDs, err = unix.Open("/proc/self/fd", dirFlags, 0); err != nil {
		return fmt.Errorf("/proc/self/fd: %w; mount proc on /proc", err)
	}
	if err := t.mountTop(c.Root); err != nil {
		return err
	}
	if c.Syslog != nil {
		if err := t.addLogger(c.Syslog); err != nil {
			return err
		}
	}
	return t.mountAll(c)
}

func (t *Tree) closeOwn() {
	t.logger.close()
	unix.Close(t.ownFDs)
}

// mountTop opens what "/" is.
func (t *Tree) mountTop(root string) error {
	name := root
	if root == "" {
		name = "/"
	}
	fd, err := unix.Open(name, dirFlags, 0)
	if err != nil {
		return fmt.Errorf("root %s: %w; name a directory that is there", name, err)
	}
	if root != "" {
		if err := checkData(fd); err != nil {
			unix.Close(fd)
			return fmt.Errorf("root %s: %w", name, err)
		}
	}
	if t.top, err = newMount(t, fd); err != nil {
		return fmt.Errorf("root %s: %w", name, err)
	}
	t.top.free, t.top.origin.NoSetID = root == "", root != ""
	if err := t.top.keepOwners(); err != nil {
		return fmt.Errorf("root %s: %w", name, err)
	}
	return nil
}

// start enters the first root and working directory.
func (d *Dirs) start(c Config) error {
	name, at := c.Dir, node{unix.AT_FDCWD, d.tree.top}
	if c.Root != "" {
		n, err := d.tree.top.root().dup()
		if err != nil {
			return err
		}
		if d.root, err = newDir(n); err != nil {
			return err
		}
		name, at = "/"+name, d.root.node
	}
	if name == "" {
		name = "."
	}
	r := resolver{tree: d.tree, root: d.root}
	n, err := r.find(at, name, unix.O_DIRECTORY)
	if err == nil {
		d.cwd, err = newDir(n)
	}
	if err != nil {
		return &os.PathError{Op: "chdir", Path: name, Err: err}
	}
	return nil
}

// newDir makes a dir of an open directory, which it owns from then on, even if it fails.
func newDir(n node) (*dir, error) {
	var st unix.Stat_t
	if err := unix.Fstat(n.fd, &st); err != nil {
		n.close()
		return nil, err
	}
	d := &dir{node: n, id: hostfile.InodeOf(&st)}
	d.refs.Store(1)
	return d, nil
}

// Close lets go of the mounts. Processes have references of their own.
func (t *Tree) Close() { t.release() }

// readUmask returns the host process's umask without touching it: umask(2) can
// only be read by being set, for every thread at once.
func readUmask() uint32 {
	const usual = 0o022
	fd, err := unix.Open("/proc/self/status", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return usual
	}
	defer unix.Close(fd)
	b := make([]byte, 256) // it is in the second line
	n, _ := unix.Read(fd, b)
	_, rest, _ := strings.Cut(string(b[:max(n, 0)]), "\nUmask:\t")
	v, _, _ := strings.Cut(rest, "\n")
	if m, err := strconv.ParseUint(v, 8, 32); err == nil {
		return uint32(m)
	}
	return usual
}
