package machine

import (
	"sync"
	"sync/atomic"
	"testing"

	"toaster/internal/loader"
	"toaster/internal/platform"
)

// The second execution of a file shows that a program is executed again, and one LWP alone
// makes the copies, however many execute it at once. Another state of the file is another
// program.
func TestProgramBecomesWarm(t *testing.T) {
	var c imageCache
	id := fileID{ino: 1, size: 10}
	if c.due(id) || !c.due(id) || c.due(id) {
		t.Error("not at the second execution alone")
	}
	id.ctime++
	if c.due(id) {
		t.Error("a file that has changed counts as executed before")
	}
	var wg sync.WaitGroup
	var due atomic.Int32
	for range 32 {
		wg.Go(func() {
			if c.due(fileID{ino: 2}) {
				due.Add(1)
			}
		})
	}
	wg.Wait()
	if due.Load() != 1 {
		t.Errorf("%d of them make copies", due.Load())
	}
}

// A guest that executes ever new files makes toaster remember no more than maxKnown.
func TestKnownProgramsAreBounded(t *testing.T) {
	var c imageCache
	for i := range uint64(5 * maxKnown) {
		c.due(fileID{ino: i})
		if n := len(c.known); n > maxKnown {
			t.Fatalf("%d programs are remembered", n)
		}
	}
}

// The addresses that rewritten call sites jump through must be free in the program.
func TestRoomToRewrite(t *testing.T) {
	const at, size = platform.RewriteAddr, platform.RewriteMax
	for _, c := range []struct {
		name      string
		addr, len uint64
		want      bool
	}{
		{"below", at - 0x2000, 0x1000, true},
		{"up to it", at - 0x1000, 0x1000, true},
		{"into it", at - 0x1000, 0x1001, false},
		{"all around it", at - 0x1000, size + 0x2000, false},
		{"its last byte", at + size - 1, 1, false},
		{"behind it", at + size, 0x1000, true},
	} {
		m := &loader.Image{Segments: []loader.Segment{{Addr: 0x400000, Len: 0x1000}, {Addr: c.addr, Len: c.len}}}
		if got := roomToRewrite(m); got != c.want {
			t.Errorf("a segment %s: %v", c.name, got)
		}
	}
}
