package netbsdroot

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Remove removes a tree, if toaster has made it. Nothing goes that is mounted in it, nor what its links
// lead to.
func Remove(dir string) error {
	st, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !st.IsDir():
		return fmt.Errorf("%s: not a directory; name the tree's own", dir)
	}
	if _, err := readManifest(dir, false); err != nil {
		return fmt.Errorf("%s: %w; if you want it removed, do that yourself", dir, err)
	}
	if err := openUp(dir); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// openUp makes all directories ones that their owner can remove files from, and looks that nothing is mounted there.
// A guest may still run in the tree: each step is one name in an open directory, never through a link.
func openUp(dir string) error {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	top, err := mountOf(fd)
	if err != nil {
		unix.Close(fd)
		return err
	}
	return openUpIn(fd, dir, top)
}

// hostMount tells mounts of the host apart: by id, as a bind mount has the device of what it shows; by device where the
// host says no id (before Linux 5.8).
type hostMount struct{ id, dev uint64 }

func mountOf(fd int) (hostMount, error) {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MODE|unix.STATX_MNT_ID, &st)
	if err != nil || st.Mask&unix.STATX_MNT_ID == 0 {
		var old unix.Stat_t
		err = unix.Fstat(fd, &old)
		return hostMount{dev: old.Dev}, err
	}
	return hostMount{id: st.Mnt_id}, nil
}

// openUpIn is openUp below an open directory (O_PATH), which it closes.
func openUpIn(fd int, name string, top hostMount) error {
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if here, err := mountOf(fd); err != nil || here != top {
		return fmt.Errorf("%s: something is mounted there; unmount it first", name)
	}
	own := fmt.Sprintf("/proc/self/fd/%d", fd)
	if st.Mode&0o700 != 0o700 {
		if err := unix.Chmod(own, 0o700); err != nil {
			return &os.PathError{Op: "chmod", Path: name, Err: err}
		}
	}
	names, err := os.ReadDir(own)
	if err != nil {
		return err
	}
	for _, n := range names {
		if !n.IsDir() {
			continue
		}
		sub, err := unix.Openat(fd, n.Name(), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == unix.ENOENT || err == unix.ENOTDIR {
			continue // somebody was quicker
		}
		if err == nil {
			err = openUpIn(sub, filepath.Join(name, n.Name()), top)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
