package hostfile

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// Settle is done with what has happened when it is called, however fast others go on changing files (file.Watcher).
func TestSettleEnds(t *testing.T) {
	h := NewHost()
	defer h.Close()
	name := filepath.Join(t.TempDir(), "f")
	os.WriteFile(name, nil, 0o644)
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	d, errno := h.Inherit(fd)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer d.Release()
	var told atomic.Int64
	var over atomic.Bool
	stop, errno := h.Watch(d, netbsd.NOTE_WRITE, func(uint32) {
		told.Add(1)
		if !over.Load() {
			unix.Pwrite(fd, []byte("x"), 0)
		}
	})
	if errno != 0 {
		t.Skipf("no file can be watched here: %s", errno.Name())
	}
	unix.Pwrite(fd, []byte("x"), 0)
	h.Settle()
	if told.Load() == 0 {
		t.Error("what had happened was not told")
	}
	over.Store(true)
	stop()
	unix.Close(fd)
}

// Whoever changes files so fast that the host notes no more (fs.inotify.max_queued_events) keeps nobody from hearing of his own: a
// knote of NetBSD's is told by the change itself (VN_KNOTE).
func TestOverflowTellsAll(t *testing.T) {
	h := NewHost()
	defer h.Close()
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	most, err2 := strconv.Atoi(strings.TrimSpace(string(limit)))
	if err != nil || err2 != nil || most > 1<<17 {
		t.Skip("it is not known how much the host notes, or it is much")
	}
	var fds [3]int
	var notes [3]atomic.Uint32
	for i := range fds {
		name := filepath.Join(t.TempDir(), "f")
		os.WriteFile(name, nil, 0o644)
		if fds[i], err = unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fds[i])
		d, errno := h.Inherit(fds[i])
		if errno != 0 {
			t.Fatal(errno)
		}
		defer d.Release()
		stop, errno := h.Watch(d, netbsd.NOTE_WRITE, func(n uint32) { notes[i].Or(n) })
		if errno != 0 {
			t.Skipf("no file can be watched here: %s", errno.Name())
		}
		defer stop()
	}
	h.inodes.reading.Lock()
	for i := range most + 2 { // by turns, as the host notes what is the same once
		unix.Pwrite(fds[i%2], []byte("x"), 0)
	}
	unix.Pwrite(fds[2], []byte("x"), 0)
	h.inodes.reading.Unlock()
	h.Settle()
	if n := notes[2].Load(); n&(netbsd.NOTE_WRITE|netbsd.NOTE_EXTEND) != netbsd.NOTE_WRITE|netbsd.NOTE_EXTEND {
		t.Errorf("the third was told %#x", n)
	}
}
