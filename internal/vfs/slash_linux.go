package vfs

import "golang.org/x/sys/unix"

// checkSlash insists on a directory before a trailing slash. With create the name may
// be free: a directory is about to have it.
func (p parentDir) checkSlash(create bool) error {
	if !p.slash {
		return nil
	}
	isDir, err := p.isDir()
	switch {
	case err == unix.ENOENT && create:
		return nil
	case err == nil && !isDir:
		return unix.ENOTDIR
	}
	return err
}

func (p parentDir) isDir() (bool, error) {
	st, err := p.stat()
	return st.Mode&unix.S_IFMT == unix.S_IFDIR, err
}

// stat describes what has the name now. Of a file that a mount lies on it is the mount's
// root.
func (p parentDir) stat() (st unix.Stat_t, err error) {
	if p.at.mnt.free {
		err = unix.Fstatat(p.at.fd, p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
		return st, err
	}
	n, st, err := step(p.at, p.name)
	if err == nil {
		n.show(&st)
		n.close()
	}
	return st, err
}

// attrs describes what has the name now to the rules.
func (p parentDir) attrs() (attrs, error) {
	if !p.at.marks().Marked() {
		st, err := p.stat()
		return attrsOfHost(&st), err
	}
	n, st, err := step(p.at, p.name)
	if err != nil {
		return attrs{}, err
	}
	defer n.close()
	return n.attrsOf(&st), nil
}

// writable refuses what would change a directory that is read-only: EROFS.
func (p parentDir) writable() error {
	if !p.at.mnt.origin.ReadOnly {
		return nil
	}
	if _, err := p.stat(); err == nil {
		return unix.EEXIST
	}
	return unix.EROFS
}
