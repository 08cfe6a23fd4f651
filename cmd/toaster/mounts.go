package main

import (
	"errors"
	"strings"

	"toaster"
)

var (
	errMount = errors.New("want SRC:DST, or SRC:DST:ro or :rw: a directory or file of the host, and an absolute name in the root")
	errTmpfs = errors.New("want DST, or DST:SIZE: an absolute name in the root, and bytes as in 64M")
)

// mountFlags collects what --mount and --tmpfs name, in their order, which is that of the
// mounts.
type mountFlags []toaster.Mount

// bind is --mount SRC:DST[:ro]. DST cannot hold a colon; SRC can.
func (m *mountFlags) bind(s string) error {
	access := toaster.AsRoot
	for suffix, a := range map[string]toaster.MountAccess{":ro": toaster.ReadOnly, ":rw": toaster.ReadWrite} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, access = rest, a
			break
		}
	}
	i := strings.LastIndexByte(s, ':')
	if i <= 0 || !strings.HasPrefix(s[i+1:], "/") {
		return errMount
	}
	*m = append(*m, toaster.Mount{Source: s[:i], Target: s[i+1:], Access: access})
	return nil
}

// tmpfs is --tmpfs DST[:SIZE].
func (m *mountFlags) tmpfs(s string) error {
	target, size, sized := strings.Cut(s, ":")
	mount := toaster.Mount{Target: target}
	if !strings.HasPrefix(target, "/") {
		return errTmpfs
	}
	if sized {
		var err error
		if mount.Size, err = parseSize(size); err != nil {
			return errTmpfs
		}
	}
	*m = append(*m, mount)
	return nil
}
