package oci

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"toaster"
)

// This file makes what others find who join the mount namespace of a container's process, as podman cp does and nsenter(1): they take
// "/" there for the container's root, and would read and write the host's files under the container's names.
//
// The process itself goes on with the host's tree, where its state lies and where programs of the machine have their files from. So
// its namespace keeps that tree, and has the container's mounted over its "/": who joins a namespace begins at the topmost
// mount of its root, and who was there before begins, by an absolute name, where it began (setns(2), path_resolution(7)).

// mayMount reports whether this process may make a mount namespace, and mounts in it.
func mayMount() bool {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&head, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// show has the container's tree be the root of the mount namespace, which is this process's alone. Mounts of
// the machine's own memory, proc and dev are not in it.
func (p *plan) show() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return os.NewSyscallError("mount: the host's tree as a slave", err)
	}
	root, err := cloneTree(p.root, p.opts.ReadOnly)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	if err := unix.MoveMount(root, "", unix.AT_FDCWD, "/", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mounting %s: %w", p.root, err)
	}
	var failed error
	for _, m := range p.opts.Mounts {
		if m.Source != "" {
			failed = errors.Join(failed, showMount(root, m))
		}
	}
	return failed
}

// showMount mounts what the host has at m.Source. The name that it goes on is resolved in root: links of the container's tree,
// which its programs may have made, lead nowhere else.
func showMount(root int, m toaster.Mount) error {
	source, err := cloneTree(m.Source, m.Access == toaster.ReadOnly)
	if err != nil {
		return err
	}
	defer unix.Close(source)
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	target, err := unix.Openat2(root, m.Target, &how)
	if err == nil {
		err = unix.MoveMount(source, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
		unix.Close(target)
	}
	if err != nil {
		return fmt.Errorf("mounting %s on %s: %w", m.Source, m.Target, err)
	}
	return nil
}

// cloneTree makes a mount of what is at a name of the host, with what is mounted below: a user namespace may not part them.
func cloneTree(name string, readOnly bool) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return -1, &os.PathError{Op: "open_tree", Path: name, Err: err}
	}
	if readOnly {
		attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
		err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr)
	}
	if err != nil {
		unix.Close(fd)
		return -1, &os.PathError{Op: "mount_setattr", Path: name, Err: err}
	}
	return fd, nil
}
