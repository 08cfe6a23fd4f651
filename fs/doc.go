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
package fs
