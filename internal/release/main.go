// Command release makes the files of a release, of what is committed at HEAD:
//
//	go run ./internal/release [--version V] [--out DIR] [--maintainer NAME]
//
// They are the sources as an archive, the commands as static executables in another one with manual pages and
// completion, a Debian package of the same, and SHA256SUMS. Who makes them twice, of the same commit and with
// the same Go, has the same bytes, wherever and whenever: nothing in them is of the directory, the clock, the user or the
// environment. The times of files are that of the commit.
//
// Only the host's git and go are run. The archives are written by the standard library; a Debian package is an archive
// of ar(1) around two of them, which is less than a library for it would ask for.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	o := options{repository: "."}
	flag.StringVar(&o.version, "version", "", "the `V`ersion; without it by the last tag v*, or by the commit")
	flag.StringVar(&o.out, "out", "dist", "the `DIR`ectory for the files")
	flag.StringVar(&o.maintainer, "maintainer", "the toaster authors", "`NAME` <address> for the Debian package")
	flag.Parse()
	files, err := release(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
	for _, f := range files {
		fmt.Println(filepath.Join(o.out, f))
	}
}

// options are what a release is made by.
type options struct {
	repository string // its directory
	version    string
	out        string
	maintainer string
}

// release makes the files, and returns their names.
func release(o options) ([]string, error) {
	c, err := head(o.repository)
	if err != nil {
		return nil, err
	}
	if o.version == "" {
		o.version = c.version
	}
	if err := checkVersion(o.version); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "toaster-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	source, err := c.archive("toaster-"+o.version, filepath.Join(dir, "src"))
	if err != nil {
		return nil, err
	}
	b := build{commit: c, version: o.version, source: filepath.Join(dir, "src", "toaster-"+o.version), bin: filepath.Join(dir, "bin")}
	tree, err := b.tree()
	if err != nil {
		return nil, err
	}
	deb, err := debianPackage(tree, o, c.time)
	if err != nil {
		return nil, err
	}
	binary, err := tarball(tree.under("toaster-"+o.version), "", c.time)
	if err != nil {
		return nil, err
	}
	return write(o.out, []file{
		{name: "toaster-" + o.version + ".tar.gz", data: source},
		{name: "toaster-" + o.version + "-linux-amd64.tar.gz", data: binary},
		{name: "toaster_" + o.version + "_amd64.deb", data: deb},
	})
}

// checkVersion says whether a version is one that Debian can compare (deb-version(7)), without a revision.
func checkVersion(v string) error {
	const allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+~"
	if v == "" || v[0] < '0' || v[0] > '9' || strings.Trim(v, allowed) != "" {
		return fmt.Errorf("version %q: want a digit, then digits, letters, and . + ~ as in 1.2.0~rc1", v)
	}
	return nil
}

// write writes the files and their sums.
func write(dir string, files []file) (names []string, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	var sums strings.Builder
	for _, f := range files {
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(f.data), f.name)
	}
	files = append(files, file{name: "SHA256SUMS", data: []byte(sums.String())})
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.data, 0o666); err != nil {
			return nil, err
		}
		names = append(names, f.name)
	}
	return names, nil
}
