// Package fs gives names to files: the host's tree as it is, or a folder of it
// that no guest path leaves, with NetBSD's /dev laid over either.
//
// A Tree belongs to a machine; Dirs is the part of a process: working
// directory, root, umask. A View binds them to a caller, and has one method per
// system call that takes a path.
//
// How a confined tree stays closed. Every path is resolved by the host's
// openat2 with RESOLVE_IN_ROOT, so that "..", absolute links and a concurrent
// rename end at the root; where openat2 is missing, by a walk that opens one
// component at a time without following links and keeps the folders above it
// open, so that ".." never asks the host. What acts on a name (unlink, rename)
// resolves the folder that way, then uses the last component alone, never
// through a link.
//
// How other users are kept apart. The host knows toaster's user and none of the
// guests'. Where a caller is somebody else, each directory of its path and what is
// done at the end is judged by NetBSD's rules (permit.go, guest_linux.go), and the
// host's calls are made with the caller's ids, if toaster may take them (asuser_linux.go).
package fs
