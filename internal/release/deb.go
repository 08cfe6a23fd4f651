package main

import (
	"crypto/md5"
	"fmt"
	"strings"
	"time"
)

// debianPackage is a binary package (deb(5)) that has the tree below /usr. It has no scripts, and depends on nothing: the
// executables are static.
func debianPackage(tree files, o options, when time.Time) ([]byte, error) {
	changes, err := compress([]byte(changelog(o, when)))
	if err != nil {
		return nil, err
	}
	tree = append(tree, file{name: "share/doc/toaster/changelog.gz", mode: 0o644, data: changes}).under("usr")
	data, err := tarball(tree, "./", when)
	if err != nil {
		return nil, err
	}
	control, err := tarball(files{
		{name: "control", mode: 0o644, data: []byte(control(tree, o))},
		{name: "md5sums", mode: 0o644, data: []byte(md5sums(tree))},
	}, "./", when)
	if err != nil {
		return nil, err
	}
	return ar([]file{
		{name: "debian-binary", data: []byte("2.0\n")},
		{name: "control.tar.gz", data: control},
		{name: "data.tar.gz", data: data},
	}, when), nil
}

// changelog is in Debian's form (deb-changelog(5)) what tools that list changes look for.
func changelog(o options, when time.Time) string {
	return fmt.Sprintf("toaster (%s) unstable; urgency=medium\n\n  * What has changed is in CHANGELOG.md, in this directory.\n\n -- %s  %s\n",
		o.version, o.maintainer, when.Format(time.RFC1123Z))
}

// control is the package's control file (deb-control(5)).
func control(tree files, o options) string {
	size := 0
	for _, f := range tree {
		size += (len(f.data) + 1023) / 1024
	}
	return fmt.Sprintf(`Package: toaster
Version: %s
Architecture: amd64
Maintainer: %s
Installed-Size: %d
Suggests: golang-go
Section: devel
Priority: optional
Description: run unmodified NetBSD/amd64 programs on Linux
 toaster is the process side of the NetBSD kernel as a program: it runs
 NetBSD's executables as ordinary processes, without a virtual machine and
 without root. With it, GOOS=netbsd go test ./... runs the tests.
`, o.version, o.maintainer, size)
}

// md5sums is what dpkg --verify compares files with.
func md5sums(tree files) string {
	var b strings.Builder
	for _, f := range tree {
		if f.link == "" {
			fmt.Fprintf(&b, "%x  %s\n", md5.Sum(f.data), f.name)
		}
	}
	return b.String()
}
