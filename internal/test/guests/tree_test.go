package guests

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"toaster/internal/file"
	"toaster/internal/machine"
	"toaster/internal/platform"
	"toaster/internal/vfs"
	"toaster/kern"
)

const treeSize = 1000

// TestTree makes trees of 1,000 processes that fork, exec, vfork, spawn, are killed and
// exit in all orders, and counts what is left: nothing but init.
func TestTree(t *testing.T) {
	for _, release := range releases {
		for seed := range 2 {
			t.Run(fmt.Sprintf("release%v/seed%d", release, seed), func(t *testing.T) { plantTree(t, release, seed) })
		}
	}
}

func plantTree(t *testing.T, release kern.Release, seed int) {
	files := file.LiveDescriptions()
	descriptors := openDescriptors(t)
	var forks atomic.Int64
	sys, dirs, err := machine.New(machine.Config{
		Kern: kern.Config{Release: release, ForkHooks: []func(c, p *kern.Proc){func(c, p *kern.Proc) { forks.Add(1) }}},
		FS:   vfs.Config{Dir: "/"},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := sys.Start(machine.Process{
		Path:  guestPath,
		Argv:  []string{guestPath, "sub_tree", release.String(), strconv.Itoa(treeSize), strconv.Itoa(seed)},
		Files: file.NewTable(), Dirs: dirs.Fork(false), Cred: kern.Root,
	})
	if err != nil {
		t.Fatal(err)
	}
	if st := p.Wait(); st != 0 {
		t.Errorf("the root ended with %v", st)
	}
	emptied(sys.M)
	if n := forks.Load(); n < treeSize-1 {
		t.Errorf("%d forks, want %d", n, treeSize-1)
	}
	for _, err := range sys.M.Check() {
		t.Errorf("inconsistent: %v", err)
	}
	if n := file.LiveDescriptions(); n != files {
		t.Errorf("%d open files, had %d", n, files)
	}
	settled(t, sys.Platform)
	if err := sys.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	dirs.Close()
	if n := openDescriptors(t); n > descriptors {
		t.Errorf("%d descriptors, had %d", n, descriptors)
	}
}

// emptied returns when only init is left.
func emptied(m *kern.Machine) {
	for m.NumProcs() > 1 {
		for _, p := range m.Procs() {
			if p != m.Init() {
				<-p.Done()
			}
		}
		runtime.Gosched()
	}
}

// settled waits until the host side has only its pool left; dead host processes are
// collected in the background.
func settled(t *testing.T, p *platform.Platform) {
	t.Helper()
	for {
		st := p.Stats()
		if st.Processes == st.Warm && st.Threads == st.Warm {
			return
		}
		runtime.Gosched()
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}
