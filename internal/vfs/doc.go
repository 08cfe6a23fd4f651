// Package vfs gives names to files: the host's tree as it is, or a directory of it
// that no guest path leaves, with NetBSD's /dev laid over either.
//
// A Tree belongs to a machine; Dirs is the part of a process: working
// directory, root, umask. A View binds them to a caller, and has one method per
// system call that takes a path.
//
// How a confined tree stays closed. A tree is made of mounts: the root, and what
// the user has put on it. Each is what lies below one directory in one mount of
// the host's, and names lead from one to another where the user said so. Every
// path is resolved by the host's openat2 with RESOLVE_IN_ROOT and
// RESOLVE_NO_XDEV, so that "..", absolute links and a concurrent rename end at
// the root, and whatever else the host has mounted below it is closed; or, where
// openat2 is missing, where mounts of the tree may lie on the way, or where the
// caller's right to search each directory is in question, by a walk that opens
// one component at a time without following links (walk_linux.go). What acts on
// a name (unlink, rename) resolves the directory that way, then uses the last
// component alone, never through a link. What opens a file finds it first
// (O_PATH), and looks at what it is: a device of the host is never opened, a FIFO
// is a pipe inside the machine.
//
// How other users are kept apart. The host knows toaster's user and none of the
// guests'. Where a caller is somebody else, each directory of its path and what is
// done at the end is judged by NetBSD's rules (permit.go, guest_linux.go), and the
// host's calls are made with the caller's ids, if toaster may take them (asuser_linux.go).
package vfs
