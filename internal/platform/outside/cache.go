package outside

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A cache knows files that are Linux's: a shell script executes the same few again and again.
type cache struct {
	mu    sync.Mutex
	files map[fileState]struct{}
}

// fileState is a file as long as nobody writes to it.
type fileState struct {
	dev, ino           uint64
	size, mtime, ctime int64
}

// cacheSize is how many files a cache knows; then it begins again.
const cacheSize = 512

// settled is how old a change must be for a state to tell the file from what it becomes next: the
// host's times have a grain.
const settled = 2 * time.Second

// native reports whether the file with that state is known to be Linux's.
func (c *cache) native(st *unix.Stat_t) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.files[fileState{st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()}]
	return ok
}

// add notes that f is Linux's.
func (c *cache) add(f *os.File) {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil || time.Since(time.Unix(0, st.Ctim.Nano())) < settled {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil || len(c.files) >= cacheSize {
		c.files = make(map[fileState]struct{})
	}
	c.files[fileState{st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()}] = struct{}{}
}
