package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeSets makes a directory of sets.
func writeSets(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var sums strings.Builder
	for set, files := range map[string]map[string]string{"base": {"./bin/sh": "a shell"}, "etc": {"./etc/rc": "start"}} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		for name, text := range files {
			w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(text))})
			w.Write([]byte(text))
		}
		w.Close()
		z.Close()
		fmt.Fprintf(&sums, "SHA512 (%s.tgz) = %x\n", set, sha512.Sum512(b.Bytes()))
		if err := os.WriteFile(filepath.Join(dir, set+".tgz"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA512"), []byte(sums.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestRun is a tree's life as a user types it: statuses, and what is said where.
func TestRun(t *testing.T) {
	sets, top := writeSets(t), t.TempDir()
	tree := filepath.Join(top, "tree")
	for _, c := range []struct {
		args           []string
		before         func()
		status         int
		stdout, stderr string // what is in it; "" for nothing at all
	}{
		{args: nil, status: exitFailure, stderr: "usage: toaster root create DIR"},
		{args: []string{"help"}, stdout: "  --release N "},
		{args: []string{"create", "--help"}, stdout: "  --sets NAME,..."},
		{args: []string{"make", tree}, status: exitFailure, stderr: `toaster: root make: no command "make"; there are create, check and rm`},
		{args: []string{"create"}, status: exitFailure, stderr: "takes one directory"},
		{args: []string{"create", tree, "--release", "../x"}, status: exitFailure, stderr: "no release's name"},
		{args: []string{"create", tree, "--from", sets, "--sets", "comp"}, status: exitFailure, stderr: `there is no set "comp"; there are base, etc`},
		{args: []string{"check", tree}, status: exitFailure, stderr: "no tree that toaster has made"},
		{args: []string{"create", tree, "--from", sets}, stderr: "unpacking base.tgz"},
		{args: []string{"create", "--quiet", "--from", sets, tree + "2"}},
		{args: []string{"check", tree}},
		{args: []string{"check", tree}, before: func() { os.Remove(filepath.Join(tree, "bin/sh")) }, status: 1, stdout: "bin/sh: missing"},
		{args: []string{"rm", top}, status: exitFailure, stderr: "no tree that toaster has made"},
		{args: []string{"rm", tree}},
	} {
		if c.before != nil {
			c.before()
		}
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), c.args, &stdout, &stderr)
		if status != c.status || !says(&stdout, c.stdout) || !says(&stderr, c.stderr) {
			t.Errorf("%q: %d, %q, %q; want %d, %q, %q", c.args, status, stdout.String(), stderr.String(), c.status, c.stdout, c.stderr)
		}
	}
	if _, err := os.Lstat(tree); !os.IsNotExist(err) {
		t.Error("rm has left the tree")
	}
}

func says(out *bytes.Buffer, want string) bool {
	return want == "" && out.Len() == 0 || want != "" && strings.Contains(out.String(), want)
}
