package fs

import "golang.org/x/sys/unix"

// checkSlash insists on a directory before a trailing slash. With create the name may
// be free: a directory is about to have it.
func (p place) checkSlash(create bool) error {
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

func (p place) isDir() (bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(p.at, p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st.Mode&unix.S_IFMT == unix.S_IFDIR, err
}
