package machine

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/vfs"
)

// openFDs counts this program's descriptors.
func openFDs(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// A system that cannot be made leaves nothing of the host's open, wherever it has failed: one descriptor after the other is lacking.
func TestFailedSystemLeavesNothing(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	cfg := Config{FS: vfs.Config{Dir: "/"}, Network: NetworkLoopback}
	before := openFDs(t)
	for more := range 40 {
		few := old
		few.Cur = uint64(before + more)
		unix.Setrlimit(unix.RLIMIT_NOFILE, &few)
		s, dirs, err := newSystem(cfg)
		unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
		if err == nil {
			s.closeRest(dirs)
		}
		if got := openFDs(t); got != before {
			t.Fatalf("with %d descriptors more: %d are open, %d before (%v)", more, got, before, err)
		}
		if err == nil {
			return
		}
	}
}
