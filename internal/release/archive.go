package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// file is one of an archive. One with a link is a symbolic link.
type file struct {
	name string // without a slash at the beginning
	mode int64
	data []byte
	link string
}

// files are a tree, without its directories.
type files []file

// under returns the tree below a directory.
func (list files) under(dir string) files {
	moved := slices.Clone(list)
	for i := range moved {
		moved[i].name = path.Join(dir, moved[i].name)
	}
	return moved
}

// tarball is a compressed archive of the tree, owned by root, with the directories that it needs, sorted. Each name
// begins with prefix: nothing, or "./" as dpkg has it.
func tarball(tree files, prefix string, when time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	tree = withDirectories(tree)
	for _, f := range tree {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: prefix + f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: when, Uname: "root", Gname: "root", Format: tar.FormatGNU}
		switch {
		case strings.HasSuffix(f.name, "/"):
			h.Typeflag = tar.TypeDir
		case f.link != "":
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.link, 0o777
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return compress(b.Bytes())
}

// withDirectories adds the directories that files are in, and sorts.
func withDirectories(tree files) files {
	seen := map[string]bool{".": true}
	all := slices.Clone(tree)
	for _, f := range tree {
		for dir := path.Dir(f.name); !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			all = append(all, file{name: dir + "/", mode: 0o755})
		}
	}
	slices.SortFunc(all, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return all
}

// compress is gzip -9n: without a name and a time.
func compress(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// ar is an archive as ar(1) and deb(5) have it. Preconditions: names have 16 bytes at most.
func ar(list []file, when time.Time) []byte {
	b := bytes.NewBufferString("!<arch>\n")
	for _, f := range list {
		fmt.Fprintf(b, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", f.name, when.Unix(), 0, 0, 0o100644, len(f.data))
		b.Write(f.data)
		if len(f.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}
