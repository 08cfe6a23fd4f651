// Package tree tests NetBSD's own programs: scripts for sh(1) that run under the root of an unpacked
// NetBSD file tree, which TOASTER_NETBSD_ROOT names:
//
//	TOASTER_NETBSD_ROOT=DIR go test ./internal/test/tree
//
// DIR is what base.tar.xz and comp.tar.xz of a release were unpacked to. It is mounted read-only, with
// a scratch directory at its /tmp. Without it the tests are skipped, as no file of NetBSD's is here.
//
// What a script prints is compared with what it says itself that NetBSD's manual pages promise: a line
//
//	#= text
//
// is a line of output, and the comment above it names the page and its sentence. What a script
// writes to standard error is a difference, too.
package tree
