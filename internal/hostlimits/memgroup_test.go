package hostlimits

import (
	"os"
	"path/filepath"
	"testing"
)

// What is left of a group is its limit without what is in use, but for the files that can
// be dropped, and without the reserve (cgroup(7), and the kernel's memory.rst).
func TestRoomOfAMemoryGroup(t *testing.T) {
	for _, c := range []struct {
		name  string
		files memoryFiles
		limit int64
		with  map[string]string
		want  int64
	}{
		{"version 2", memoryV2, 1 << 30, map[string]string{"memory.current": "500000000\n", "memory.stat": "anon 5\ninactive_file 100000000\nactive_file 7\n"}, 1<<30 - 500000000 + 100000000 - 64<<20},
		{"version 1", memoryV1, 1 << 30, map[string]string{"memory.usage_in_bytes": "500000000\n", "memory.stat": "inactive_file 1\ntotal_inactive_file 100000000"}, 1<<30 - 500000000 + 100000000 - 64<<20},
		{"little", memoryV2, 8 << 20, map[string]string{"memory.current": "0\n"}, 7 << 20},
		{"used up", memoryV2, 1 << 20, map[string]string{"memory.current": "1048576\n"}, -1 << 17},
		{"nothing can be read", memoryV2, 1 << 20, nil, 1 << 20},
	} {
		dir := t.TempDir()
		for name, text := range c.with {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		g := memoryGroup{group(dir), c.files, c.limit}
		if got := g.room(); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// Without a group nothing is refused.
func TestMemoryHere(t *testing.T) {
	if !MemoryLimited() && !Memory(1<<62) {
		t.Error("refused, although there is no limit")
	}
}
