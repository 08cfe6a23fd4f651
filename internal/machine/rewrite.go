package machine

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"toaster/internal/loader"
	"toaster/internal/platform"
	"toaster/netbsd"
)

// This file has the system calls of programs rewritten so that they come to the kernel
// without a signal (internal/platform/rewrite.go). A file is looked through once.

// rewrites remembers what was found in executables.
type rewrites struct {
	off   atomic.Bool // this host refuses
	mu    sync.Mutex
	known map[fileID]*platform.Rewrite
}

// fileID names a state of a file, and where its program goes. Whoever writes to the file
// changes its ctime, which no program can set.
// A number that the host gives again to another file comes with another ctime.
type fileID struct {
	dev, ino    uint64
	size        int64
	mtim, ctime time.Duration
	base        uint64
}

// maxKnown bounds the memory; a machine that runs more programs begins again.
const maxKnown = 256

// rewriteOf returns what to write into a process that runs p; nil: nothing. Two LWPs that execute
// the same new program wait for one look.
//
// mu is held during the look, which reads the file and may take milliseconds: only those who
// execute something wait for it. The result is shared by all processes that run the program,
// and never changed. Nil is remembered, too: a program without call sites is not looked through
// again.
func (s *System) rewriteOf(p *program) *platform.Rewrite {
	if s.rewrites.off.Load() || !s.Platform.CanRewrite() || !roomToRewrite(p.image) {
		return nil
	}
	id, ok := p.fileID()
	if !ok {
		return nil
	}
	s.rewrites.mu.Lock()
	defer s.rewrites.mu.Unlock()
	rw, ok := s.rewrites.known[id]
	if !ok {
		rw = s.findRewrite(p, id)
		if s.rewrites.known == nil || len(s.rewrites.known) >= maxKnown {
			s.rewrites.known = map[fileID]*platform.Rewrite{}
		}
		s.rewrites.known[id] = rw
	}
	return rw
}

// findRewrite looks through p's code. What it finds is certain to be a call site (loader.Site):
// an instruction that is changed by mistake would be the guest's end.
//
// The look and the mapping are of one open file. Whoever writes to it in between may do with
// the program what they like anyway; the patch then hits other bytes, in processes that run it.
func (s *System) findRewrite(p *program, id fileID) *platform.Rewrite {
	sites, ok := s.prescan.get(id)
	if !ok {
		sites = p.image.Sites(p.file, platform.CanRewrite)
	}
	var at []uint64
	var code [][]byte
	for _, site := range sites {
		at, code = append(at, site.Addr), append(code, site.Code)
	}
	return s.Platform.NewRewrite(at, code)
}

// fileID names the state of p's file when it was opened; ok is false if it has no name.
//
// It is the descriptor's state, not the name's: what is mapped later is that file, whatever the
// name leads to by then. A program at another base is another one, as addresses differ.
func (p *program) fileID() (id fileID, ok bool) {
	sys, ok := p.stat.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, false
	}
	return fileID{
		dev: sys.Dev, ino: sys.Ino, size: sys.Size, base: p.image.Base,
		mtim: time.Duration(sys.Mtim.Nano()), ctime: time.Duration(sys.Ctim.Nano()),
	}, true
}

// roomToRewrite says whether the program leaves the addresses alone that rewriting needs.
//
// They are in the map afterwards, so mmap(2) chooses others. A guest that replaces them by
// MAP_FIXED breaks its own call sites and nobody else's.
func roomToRewrite(m *loader.Image) bool {
	for _, seg := range m.Segments {
		if seg.Addr < platform.RewriteAddr+platform.RewriteMax && platform.RewriteAddr < seg.Addr+seg.Len {
			return false
		}
	}
	return true
}

// rewrite writes rw, and returns what remains to be protected afterwards: code that could be
// written until then.
//
// Code stays writable until mapStack, with no guest code to make use of it. What is returned
// the caller must map: Keep changes protections only.
func (mc *Context) rewrite(m *loader.Image, rw *platform.Rewrite) ([]platform.Mapping, netbsd.Errno) {
	if rw == nil {
		return nil, 0
	}
	const rx = netbsd.PROT_READ | netbsd.PROT_EXEC
	if err := mc.space.proc.Rewrite(rw); err != nil {
		return nil, hostErrno(err)
	}
	list := []platform.Mapping{{Addr: platform.RewriteAddr, Size: rw.Size(), Prot: rx, Keep: true}}
	for _, seg := range m.Segments {
		if seg.Prot&netbsd.PROT_EXEC != 0 && seg.Prot&netbsd.PROT_WRITE == 0 && seg.FileLen > 0 {
			list = append(list, platform.Mapping{Addr: seg.Addr, Size: seg.FileLen, Prot: netbsd.ProtToLinux(seg.Prot), Keep: true})
		}
	}
	return list, 0
}
