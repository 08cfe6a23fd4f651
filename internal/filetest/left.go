package filetest

import (
	"os"
	"testing"
	"time"
)

// OpenFDs counts the descriptors that this process has open on the host.
func OpenFDs(t testing.TB) int {
	t.Helper()
	return Entries(t, "/proc/self/fd")
}

// Entries counts what a directory of the host holds.
func Entries(t testing.TB, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// Eventually waits for what happens in the background, however long that takes.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for range 6000 {
		if cond() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("waiting for %s", what)
}

// OpenNames lists what the descriptors of this process are, as proc(5) has it: paths, or a
// kind and an inode.
func OpenNames(t testing.TB) (names []string) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if name, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			names = append(names, name)
		}
	}
	return names
}
