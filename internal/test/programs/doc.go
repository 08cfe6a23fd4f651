// Package programs tests toaster with programs that others built for NetBSD and that
// know nothing of it. The tests fetch them with npm and skip, with the reason, where
// there is none. Go's toolchain is built from the sources that are there.
package programs
