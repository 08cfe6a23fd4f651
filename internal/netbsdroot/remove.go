package netbsdroot

import (
	"errors"
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
func openUp(dir string) error {
	var top unix.Stat_t
	if err := unix.Lstat(dir, &top); err != nil {
		return err
	}
	var walk func(dir string) error
	walk = func(dir string) error {
		var st unix.Stat_t
		if err := unix.Lstat(dir, &st); err != nil {
			return &os.PathError{Op: "stat", Path: dir, Err: err}
		}
		if st.Dev != top.Dev {
			return fmt.Errorf("%s: something is mounted there; unmount it first", dir)
		}
		if st.Mode&0o700 != 0o700 {
			if err := os.Chmod(dir, 0o700); err != nil {
				return err
			}
		}
		names, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, n := range names {
			if n.IsDir() {
				err = errors.Join(err, walk(filepath.Join(dir, n.Name())))
			}
		}
		return err
	}
	return walk(dir)
}
