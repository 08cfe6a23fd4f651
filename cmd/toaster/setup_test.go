package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A link that is right stays as it is, which a user may not write where a package has put it; a wrong one is
// replaced.
func TestInstallLink(t *testing.T) {
	link := filepath.Join(t.TempDir(), execName)
	inode := func() os.FileInfo {
		t.Helper()
		st, err := os.Lstat(link)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	install := func() {
		t.Helper()
		if err := installLink("toaster", link); err != nil {
			t.Fatal(err)
		}
		if target, err := os.Readlink(link); target != "toaster" {
			t.Errorf("it points to %q, %v", target, err)
		}
	}
	install()
	first := inode()
	if install(); !os.SameFile(first, inode()) {
		t.Error("a right link was made anew")
	}
	os.Remove(link)
	os.Symlink("other", link)
	install()
}
