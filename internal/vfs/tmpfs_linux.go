package vfs

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// A file system in memory is a tmpfs of the host that is mounted nowhere: it is reached by
// its descriptor alone, and gone with the last one, however this process ends.

// tmpfsOption is a parameter of tmpfs(5).
type tmpfsOption struct{ key, value string }

// tmpfsOptions bound a tmpfs: names take memory, too, so there may be one for every 4 KiB,
// and some in a small one.
func tmpfsOptions(size int64) []tmpfsOption {
	return []tmpfsOption{
		{"size", strconv.FormatInt(size, 10)},
		{"nr_inodes", strconv.FormatInt(max(size/4096, 1024), 10)},
		{"mode", "1777"},
	}
}

const tmpfsAttrs = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV

// openTmpfs makes a tmpfs of some size and opens its root. Who may not mount on this host
// has it made in a user namespace of its own, where everybody may whom the host lets make
// one.
func openTmpfs(size int64) (int, error) {
	if size == 0 {
		size = DefaultTmpfs
	}
	fd, err := makeTmpfs(tmpfsOptions(size))
	if err == unix.EPERM {
		if fd, err = helpTmpfs(tmpfsOptions(size)); err != nil {
			return -1, fmt.Errorf("this host does not let us make a file system in memory: %w; run as root, or allow user namespaces", err)
		}
	}
	if err == unix.ENOSYS {
		err = errors.New("this host cannot make a file system in memory for us (fsopen is missing, or a container forbids it)")
	}
	if err != nil {
		return -1, err
	}
	if err := checkTmpfs(fd, size); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// TryTmpfs returns why this host makes toaster no file system in memory, nil if it does.
func TryTmpfs() error {
	fd, err := openTmpfs(1 << 20)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func makeTmpfs(options []tmpfsOption) (int, error) {
	fd, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fd)
	for _, o := range options {
		if err := unix.FsconfigSetString(fd, o.key, o.value); err != nil {
			return -1, err
		}
	}
	if err := unix.FsconfigCreate(fd); err != nil {
		return -1, err
	}
	return unix.Fsmount(fd, unix.FSMOUNT_CLOEXEC, tmpfsAttrs)
}

// checkTmpfs insists on what was asked for: a tmpfs that is bounded.
func checkTmpfs(fd int, size int64) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return err
	}
	if st.Type != unix.TMPFS_MAGIC || int64(st.Blocks)*st.Bsize < size || int64(st.Blocks)*st.Bsize > size+1<<20 {
		return fmt.Errorf("the host made a file system of %d bytes instead of %d", int64(st.Blocks)*st.Bsize, size)
	}
	return nil
}
