package machine

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"toaster/internal/loader"
	"toaster/internal/platform"
	"toaster/internal/vm"
	"toaster/netbsd"
)

// The second execution of a file shows that a program is executed again, and one LWP alone
// makes the copies, however many execute it at once. Another state of the file is another
// program.
func TestProgramBecomesWarm(t *testing.T) {
	var c imageCache
	id := warmID{program: fileID{ino: 1, size: 10}}
	if c.due(id) || !c.due(id) || c.due(id) {
		t.Error("not at the second execution alone")
	}
	id.program.ctime++
	if c.due(id) {
		t.Error("a file that has changed counts as executed before")
	}
	id.interp.ctime++
	if c.due(id) || !c.due(id) {
		t.Error("a program with another dynamic linker counts as executed before")
	}
	var wg sync.WaitGroup
	var due atomic.Int32
	for range 32 {
		wg.Go(func() {
			if c.due(warmID{program: fileID{ino: 2}}) {
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
		c.due(warmID{program: fileID{ino: i}})
		if n := len(c.known); n > maxKnown {
			t.Fatalf("%d programs are remembered", n)
		}
	}
}

// Islands go where nothing of the program is, nor the break comes, and where jumps reach.
func TestRoomForIslands(t *testing.T) {
	const size = 2 * netbsd.PageSize
	for _, c := range []struct {
		name     string
		low, end uint64
		want     uint64
		ok       bool
	}{
		{"where programs are linked", 0x400000, 0x600000, 0x400000 - size, true},
		{"position-independent", pieBase, pieBase + 0x1000, pieBase - size, true},
		{"a dynamic linker", interpBase, interpBase + 0x1000, interpBase - size, true},
		{"room for no more than they", vm.Min + size, 0x600000, vm.Min, true},
		{"no room below", vm.Min + size - netbsd.PageSize, 0x600000, 0x600000 + aboveBreak, true},
		{"at the very beginning", vm.Min, 0x600000, 0x600000 + aboveBreak, true},
		{"large", 0x400000, 0x70000000, 0x400000 - size, true},
		{"too large", 0x400000, 0x90000000, 0, false},
		{"large, and no room below", vm.Min, 0x50000000, 0, false},
	} {
		m := &loader.Image{Low: c.low, End: c.end}
		if at, ok := roomForIslands(m, size); ok != c.ok || ok && at != c.want {
			t.Errorf("%s: %#x, %v", c.name, at, ok)
		}
	}
}

// A program that was forgotten while its copies were made can be made warm twice: the second copies take the place of the first, whose host
// processes end.
func TestMadeWarmTwice(t *testing.T) {
	p, err := platform.New(platform.Options{})
	if err != nil {
		t.Skip(err)
	}
	defer p.Close()
	var c imageCache
	id := warmID{program: fileID{ino: 1}}
	c.due(id)
	var templates [2]*platform.Process
	for i := range templates {
		hp, th, err := p.NewProcess()
		if err != nil {
			t.Fatal(err)
		}
		n, err := p.NewNursery(th, 1)
		if err != nil {
			t.Fatal(err)
		}
		templates[i] = hp
		c.add(id, &cachedImage{nursery: n, m: vm.New()})
	}
	select {
	case <-templates[0].Gone():
	case <-time.After(time.Minute): // patience, which decides nothing where it is closed
		t.Error("the first copies are kept")
	}
	select {
	case <-templates[1].Gone():
		t.Error("the second copies are gone")
	default:
	}
}
