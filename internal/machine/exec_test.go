package machine

import (
	"os"
	"testing"

	"toaster/internal/loader"
	"toaster/internal/platform"
)

// A program that cannot be made at all, as there are too many processes, leaves the rewriting of others as it is.
func TestFailedProgramLeavesRewritingOn(t *testing.T) {
	p, err := platform.New(platform.Options{})
	if err != nil {
		t.Skip(err)
	}
	p.Close() // no process is made any more
	s := &System{Platform: p, memory: newMemory(0, nil, nil)}
	if !s.canRewrite() {
		t.Skip("nothing is rewritten on this host")
	}
	f, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	prog := &program{file: f, stat: st, image: &loader.Image{Low: 0x400000, End: 0x500000}}
	id, _ := prog.fileID()
	known := s.rewrites.file(id)
	known.once.Do(func() { known.sites = []loader.Site{{Addr: 0x401000, Code: []byte{0xb8, 1, 0, 0, 0}}} })
	if s.rewriteOf(prog) == nil {
		t.Fatal("nothing to rewrite")
	}
	if _, errno := s.fresh(prog); errno == 0 {
		t.Fatal("a process of a platform that is closed")
	}
	if !s.canRewrite() {
		t.Error("nothing is rewritten any more")
	}
}
