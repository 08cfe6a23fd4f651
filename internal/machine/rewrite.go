package machine

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"toaster/internal/loader"
	"toaster/internal/platform"
	"toaster/internal/vm"
	"toaster/netbsd"
)

// This file has the system calls of programs rewritten so that they come to the kernel
// without a signal (internal/platform/rewrite.go): those of what execve(2) maps, and, in
// rewritemap.go, those of what programs map themselves. A file is looked through once.

// rewrites remembers what was found in files, and what was made of it.
//
// Both tables are by a file's state, of which a guest can make as many as it likes: each has a bound, and begins again there.
type rewrites struct {
	off   atomic.Bool           // this host refuses
	mu    sync.Mutex            // guards both tables, not what is in them, which does not change once it is made
	known map[fileID]*fileSites // by the file alone: without a base
	made  map[placement]*platform.Rewrite
}

// fileSites are the call sites of a file, once somebody has looked. Their addresses are the
// file's own, as if its base were 0.
type fileSites struct {
	once  sync.Once
	sites []loader.Site
}

// A placement is some of a file's sites at an address.
type placement struct {
	id      fileID
	addr    uint64 // of the file's address or offset 0
	islands uint64
	off     int64 // the part of the file that is mapped; of an executable: 0, 0
	end     int64
}

// fileID names a state of a file, and where its program goes. Whoever writes to the file
// changes its ctime, which no program can set.
// An inode number that the host assigns again, to another file, comes with another ctime.
type fileID struct {
	dev, ino    uint64
	size        int64
	mtim, ctime time.Duration
	base        uint64
}

// maxKnown bounds the memory; a machine that runs more programs begins again.
const maxKnown = 256

// sitesOf returns the call sites of a file, which look finds if nobody has looked yet. Two LWPs
// that want to know of the same new file wait for one look.
//
// mu is not held during the look, which reads the file and may take milliseconds: only those who
// want that file wait for it. The result is shared and never changed. None is remembered, too: a
// file without call sites is not looked through again.
func (r *rewrites) sitesOf(id fileID, look func() []loader.Site) []loader.Site {
	f := r.file(id)
	f.once.Do(func() { f.sites = look() })
	return f.sites
}

// file returns what is known of a file, to be filled by who comes first. Who holds one that the table has dropped goes on with it.
func (r *rewrites) file(id fileID) *fileSites {
	id.base = 0
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.known[id]
	if f == nil {
		if r.known == nil || len(r.known) >= maxKnown {
			r.known = map[fileID]*fileSites{}
		}
		f = new(fileSites)
		r.known[id] = f
	}
	return f
}

// place returns what writes these sites, which lie where at says. Processes that run a program mostly
// have it at the same place.
func (s *System) place(p placement, found []loader.Site, at func(*loader.Site) uint64) *platform.Rewrite {
	r := &s.rewrites
	p.id.base = 0
	r.mu.Lock()
	defer r.mu.Unlock()
	rw, ok := r.made[p]
	if !ok {
		sites := make([]platform.Site, len(found))
		for i := range found {
			sites[i] = platform.Site{Addr: at(&found[i]), Code: found[i].Code}
		}
		rw = s.Platform.NewRewrite(p.islands, sites)
		if r.made == nil || len(r.made) >= maxKnown {
			r.made = map[placement]*platform.Rewrite{}
		}
		r.made[p] = rw
	}
	return rw
}

// canRewrite says whether call sites are rewritten here at all.
func (s *System) canRewrite() bool { return !s.rewrites.off.Load() && s.Platform.CanRewrite() }

// rewriteOf returns what to write into a process that runs p; nil: nothing.
//
// The look and the mapping are of one open file. Whoever writes to it in between may do with
// the program what they like anyway; the patch then hits other bytes, in processes that run it.
// What is found is certain to be a call site (loader.Sites): an instruction that is changed by
// mistake would be the guest's end.
func (s *System) rewriteOf(p *program) *platform.Rewrite {
	if p == nil || !s.canRewrite() {
		return nil
	}
	id, ok := p.fileID()
	if !ok {
		return nil
	}
	found := s.rewrites.sitesOf(id, func() []loader.Site {
		sites, ok := s.prescan.get(id)
		if !ok {
			sites = p.image.Sites(p.file, platform.CanRewrite)
		}
		return unplaced(sites, p.image.Base)
	})
	if len(found) == 0 {
		return nil
	}
	at, ok := roomForIslands(p.image, platform.IslandsSize(len(found)))
	if !ok {
		return nil
	}
	return s.place(placement{id: id, addr: p.image.Base, islands: at}, found, func(site *loader.Site) uint64 { return p.image.Base + site.Addr })
}

// unplaced returns sites as they stand in the file.
func unplaced(sites []loader.Site, base uint64) []loader.Site {
	list := make([]loader.Site, len(sites))
	for i, site := range sites {
		site.Addr -= base
		list[i] = site
	}
	return list
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
	id = fileIDOf(sys)
	id.base = p.image.Base
	return id, true
}

// fileIDOf is the state of a file by what the host says of it. Its base is 0.
func fileIDOf(st *syscall.Stat_t) fileID {
	return fileID{
		dev: st.Dev, ino: st.Ino, size: st.Size,
		mtim: time.Duration(st.Mtim.Nano()), ctime: time.Duration(st.Ctim.Nano()),
	}
}

// aboveBreak is how far above an image its islands are, where there is no room below: a break
// has room up to there.
const aboveBreak = 1 << 30

// roomForIslands says where the islands of an image go: below it, where they are in nobody's way,
// as the break grows upwards and mmap(2) begins at the top.
//
// They are in the map afterwards, so mmap(2) chooses other addresses. A guest that replaces them
// in the stub (MAP_FIXED) breaks its own call sites and nobody else's.
func roomForIslands(m *loader.Image, size uint64) (at uint64, ok bool) {
	at = m.Low - size
	if m.Low < size+vm.Min {
		at = m.End + aboveBreak
	}
	return at, max(m.End, at+size)-min(m.Low, at) < platform.SiteReach && vm.CheckRange(at, size, false) == 0
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
	if err := mc.space.proc.Rewrite(rw); err != nil {
		return nil, hostErrno(err)
	}
	mc.space.addText(rw)
	list := []platform.Mapping{islands(rw, protRX)}
	list[0].Keep = true
	for _, seg := range m.Segments {
		if seg.Prot&netbsd.PROT_EXEC != 0 && seg.Prot&netbsd.PROT_WRITE == 0 && seg.FileLen > 0 {
			list = append(list, platform.Mapping{Addr: seg.Addr, Size: seg.FileLen, Prot: netbsd.ProtToLinux(seg.Prot), Keep: true})
		}
	}
	return list, 0
}

const (
	protRX = netbsd.PROT_READ | netbsd.PROT_EXEC
	protRW = netbsd.PROT_READ | netbsd.PROT_WRITE
)

// islands is the mapping of rw's islands.
func islands(rw *platform.Rewrite, prot int) platform.Mapping {
	return platform.Mapping{Addr: rw.At(), Size: rw.Size(), Prot: netbsd.ProtToLinux(prot), Flags: syscall.MAP_PRIVATE, Anonymous: true}
}
