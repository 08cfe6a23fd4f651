package vfs

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
)

// This file builds the mount table of a tree. It does not change once guests run, so no
// guest's call waits for another's to look at it.

// mountAll makes the mounts that the user named.
func (t *Tree) mountAll(c Config) error {
	if c.Root == "" {
		if len(c.Mounts) > 0 || c.ReadOnly {
			return errors.New("mounts and read-only file systems need a root (--root DIR): in the host's own tree they would be the host's")
		}
		return nil
	}
	t.top.origin.ReadOnly = c.ReadOnly
	for _, m := range c.Mounts {
		if err := t.mount(m, m.readOnly(c.ReadOnly)); err != nil {
			return fmt.Errorf("mount on %s: %w", m.Target, err)
		}
	}
	return nil
}

// mount adds one mount to the table.
func (t *Tree) mount(c Mount, readOnly bool) error {
	if c.Make {
		if err := t.makeMountPoint(c); err != nil {
			return err
		}
	}
	on, st, err := t.mountPoint(c.Target)
	if err != nil {
		return err
	}
	fd, err := c.open(st.Mode & unix.S_IFMT)
	if err != nil {
		on.close()
		return err
	}
	m, err := newMount(t, fd)
	if err != nil {
		on.close()
		return err
	}
	m.on, m.inMemory = on, c.Source == ""
	m.origin.ReadOnly, m.origin.NoSetID = readOnly, true
	on.mnt.covered[hostfile.InodeOf(&st)] = m
	t.others = append(t.others, m)
	return m.keepOwners()
}

// mountPoint finds what a mount is to cover.
func (t *Tree) mountPoint(target string) (n node, st unix.Stat_t, err error) {
	if !strings.HasPrefix(target, "/") {
		return n, st, errors.New("name the parentDir from the root, as /data")
	}
	r := resolver{tree: t, root: &dir{node: t.top.root(), id: t.top.id}}
	n, err = r.find(t.top.root(), target, 0)
	switch {
	case err == unix.ENOENT:
		return n, st, errors.New("there is nothing in the root to cover; make a directory (or a file, for a file) of that name first")
	case err == errForeign:
		return n, st, errors.New("something of the host's is mounted there, or on the way there; mount that first")
	case err != nil:
		return n, st, err
	}
	if err = unix.Fstat(n.fd, &st); err == nil && n.mnt == t.top && hostfile.InodeOf(&st) == t.top.id {
		err = errors.New("that is the root itself; name it with --root")
	}
	if err != nil {
		n.close()
	}
	return n, st, err
}

// makeMountPoint makes what c is to cover, if there is nothing. Each directory on the way is looked up as a guest's
// would be, links and earlier mounts included, so nothing is made outside of the tree; no guest runs yet.
func (t *Tree) makeMountPoint(c Mount) error {
	kind := uint32(unix.S_IFDIR)
	var st unix.Stat_t
	if c.Source != "" && unix.Stat(c.Source, &st) == nil {
		kind = st.Mode & unix.S_IFMT
	}
	r := resolver{tree: t, root: &dir{node: t.top.root(), id: t.top.id}}
	parts := strings.FieldsFunc(c.Target, func(r rune) bool { return r == '/' })
	for i := range parts {
		last := i == len(parts)-1
		n, err := r.find(t.top.root(), "/"+strings.Join(parts[:i+1], "/"), 0)
		if err == unix.ENOENT {
			err = r.makePart("/"+strings.Join(parts[:i], "/"), parts[i], last && kind != unix.S_IFDIR)
		} else if err == nil {
			n.close()
		}
		if err != nil {
			return fmt.Errorf("making it: %w", err)
		}
	}
	return nil
}

// makePart makes a directory, or an empty file, in a directory of the tree. What is mounted for reading only is not changed by that either; of the
// root itself only guests are kept.
func (r *resolver) makePart(parent, name string, isFile bool) error {
	n, err := r.find(r.tree.top.root(), parent, unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer n.close()
	if n.mnt != r.tree.top && n.mnt.origin.ReadOnly {
		return unix.EROFS
	}
	if !isFile {
		return unix.Mkdirat(n.fd, name, 0o755)
	}
	fd, err := unix.Openat(n.fd, name, unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// open opens what is mounted on a file of some kind.
func (c Mount) open(on uint32) (int, error) {
	if c.Source == "" {
		if on != unix.S_IFDIR {
			return -1, errors.New("a file system in memory needs a directory to lie on")
		}
		return openTmpfs(c.Size)
	}
	fd, err := unix.Open(c.Source, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: %w; name a directory or file that is there", c.Source, err)
	}
	if err := checkSource(fd, on); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: %w", c.Source, err)
	}
	return fd, nil
}

// checkSource refuses what cannot cover the file that it is to lie on: a directory covers a
// directory, a file a file; and what is in no file system for data.
func checkSource(fd int, on uint32) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	kind := st.Mode & unix.S_IFMT
	switch {
	case kind != unix.S_IFDIR && kind != unix.S_IFREG:
		return errors.New("only directories and files can be mounted")
	case kind == unix.S_IFDIR && on != unix.S_IFDIR:
		return errors.New("a directory can be mounted on a directory only")
	case kind == unix.S_IFREG && on != unix.S_IFREG:
		return errors.New("a file can be mounted on a file only")
	}
	return checkData(fd)
}
