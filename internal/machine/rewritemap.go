package machine

import (
	"io"
	"slices"
	"syscall"

	"toaster/internal/loader"
	"toaster/internal/platform"
	"toaster/internal/vm"
	"toaster/netbsd"
)

// This file rewrites the system calls of files that programs map for execution themselves: what a
// dynamic linker maps, or dlopen(3). All of it is about speed: where something fails the code
// stays as it is, or becomes what it was, and its calls go the slow way.
//
// Code is changed before anybody can execute it, never under the feet of a running LWP: while it
// is mapped, or on its way from memory that is no code to code (mprotect(2)). Memory that is
// executable already is left alone, and so is what is no file's, as code that is made at run time.
//
// All functions here are called with Space.mu held.

// A text is code that has been rewritten: the pages from the first of its sites to the last. Its
// islands lie elsewhere, and go with it.
type text struct {
	rw         *platform.Rewrite // shared with other processes that have the same code at the same place
	start, end uint64            // what of it is mapped still; it shrinks where an end is unmapped (leaveText)
}

// What is remembered of a process, and looked through at a signal, is bounded by its texts and
// their sites together.
const (
	maxTexts     = 64
	maxTextSites = 4096
)

// roomForText says whether one more text of so many sites may be remembered.
func (s *Space) roomForText(sites int) bool {
	for i := range s.texts {
		sites += s.texts[i].rw.Len()
	}
	return sites <= maxTextSites && len(s.texts) < maxTexts
}

// mayRewrite says whether call sites in this space may be rewritten. mu is held.
func (s *Space) mayRewrite() bool { return s.sys.canRewrite() && !s.ownGS }

// leaveGS leaves GS to the guest, by which the stub finds its slot at rewritten call sites: these become what they were, and none will be
// rewritten. The process's other threads are stopped meanwhile, so that none of them is between a site and the stub. It is done once for a
// space, and holds for those that are forked from it.
//
// ENOMEM: some text could not be restored. What was is as good as before, and slower.
func (s *Space) leaveGS(t *platform.Thread) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ownGS {
		return 0
	}
	s.endLesson()
	if err := s.clearShelf(t); err != nil { // which has code that is rewritten already
		return hostErrno(err)
	}
	defer t.Freeze(0, 0)()
	for i := range s.texts {
		if !s.proc.Restore(s.texts[i].rw) {
			return netbsd.ENOMEM
		}
	}
	s.ownGS = true
	s.proc.OwnGS()
	return 0
}

// addText notes what has been rewritten, so that it can be restored, and a signal in an island be said to be at its site.
func (s *Space) addText(rw *platform.Rewrite) {
	start, end := rw.Span()
	s.texts = append(slices.Clip(s.texts), text{rw, start, end}) // spaces share what there was
	if s.sys.memory.limit > 0 {                                  // changed pages are the guest's own
		rw.Pages(s.m.Own)
		s.m.Own(rw.At(), rw.At()+rw.Size())
	}
}

// textSites returns the sites in a file that is being mapped as q says, and the file's name; none
// if it stays as it is.
//
// Only what is mapped to be executed and not to be written is looked through. Of a range that MAP_FIXED takes
// from code nothing is, as an LWP may be there.
func (s *Space) textSites(q *vm.Request, fd int) (id fileID, sites []loader.Site) {
	if q.Prot&(netbsd.PROT_EXEC|netbsd.PROT_WRITE) != netbsd.PROT_EXEC || q.Flags&netbsd.MAP_SHARED != 0 || q.Obj == nil ||
		!s.mayRewrite() || q.Flags&netbsd.MAP_FIXED != 0 && s.executable(q.Addr, q.Len) {
		return id, nil
	}
	// The descriptor is asked, which is what will be mapped. What lies behind it can still be written to by others: then the bytes at a
	// site are not those that were found, and RewriteText, which compares them, leaves all as it is.
	var st syscall.Stat_t
	if syscall.Fstat(fd, &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return id, nil
	}
	id = fileIDOf(&st)
	all := s.sys.rewrites.sitesOf(id, func() []loader.Site {
		f := hostText(fd)
		m, err := loader.LoadText(f, st.Size)
		if err != nil {
			return nil
		}
		return m.Sites(f, platform.CanRewrite)
	})
	// A site that the part does not have as a whole would be rewritten in what lies behind it.
	outside := func(site loader.Site) bool {
		return site.Off < q.Off || uint64(site.Off-q.Off)+siteMost > q.Len
	}
	if slices.ContainsFunc(all, outside) {
		all = slices.DeleteFunc(slices.Clone(all), outside)
	}
	if !s.roomForText(len(all)) {
		return id, nil
	}
	return id, all
}

// siteMost is how long a site is at most, with its system call instruction.
const siteMost = platform.MaxSiteCode + syscallLen

// executable says whether some of a range is code already: an LWP may be in it, or about to come back to it.
func (s *Space) executable(addr, size uint64) bool {
	start, end := pagesOf(addr, size)
	for r := range s.m.Overlap(start, end) {
		if r.Prot&netbsd.PROT_EXEC != 0 {
			return true
		}
	}
	return false
}

// textMost is how much memory the rewriting of so many sites may count for: the islands, and of each site the pages that it may lie
// across, which become the process's own.
func (s *Space) textMost(sites []loader.Site) uint64 {
	if len(sites) == 0 || s.sys.memory.limit == 0 {
		return 0
	}
	return 2 * (platform.IslandsSize(len(sites)) + 2*netbsd.PageSize*uint64(len(sites)))
}

// textAt returns what writes these sites of the file that r is of, nil if there is no room for islands.
func (s *Space) textAt(r *vm.Region, id fileID, found []loader.Site) *platform.Rewrite {
	at, ok := s.roomBeside(r, platform.IslandsSize(len(found)))
	if !ok {
		return nil
	}
	// addr may wrap, as a file's offset can be larger than the address. It only tells one placement from another.
	p := placement{id: id, addr: r.Start - uint64(r.Off), islands: at, off: r.Off, end: r.Off + int64(r.Len())}
	return s.sys.place(p, found, func(site *loader.Site) uint64 { return r.Start + uint64(site.Off-r.Off) })
}

// mapText maps the file that r is of, with these sites of it rewritten. It reports false if it did
// not: r is then to be mapped as any other.
func (s *Space) mapText(t *platform.Thread, r *vm.Region, fd int, id fileID, found []loader.Site) bool {
	rw := s.textAt(r, id, found)
	file := platform.Mapping{Addr: r.Start, Size: r.Len(), Prot: netbsd.ProtToLinux(protRW), Flags: syscall.MAP_PRIVATE, Offset: r.Off}
	seal := platform.Mapping{Addr: r.Start, Size: r.Len(), Prot: netbsd.ProtToLinux(r.Prot), Keep: true}
	return s.writeText(t, rw, fd, file, seal)
}

// writeText maps code so that it can be written, if that is what first does, and islands beside it,
// writes rw, and protects what it has mapped; seal protects the code.
//
// The islands enter the map first, so that they have their place to themselves, and leave it again on a
// failure. Neither they nor the code are ever writable and executable together: the guest would gain nothing,
// but a host can forbid it.
func (s *Space) writeText(t *platform.Thread, rw *platform.Rewrite, fd int, first, seal platform.Mapping) bool {
	if rw == nil || s.record(rw.At(), rw.Size(), protRX, nil, 0, "") != 0 {
		return false
	}
	// Know comes with RewriteText, before anybody can execute an island: a signal there is understood from the
	// first one on.
	written := s.proc.MapAll(t, fd, first, islands(rw, protRW)) == nil && s.proc.RewriteText(rw) == nil
	beside := islands(rw, protRX)
	beside.Keep = true
	if !written || s.proc.MapAll(t, -1, beside, seal) != nil {
		s.proc.Restore(rw) // an mprotect(2) keeps the code, whose jumps would lead nowhere
		s.dropIslands(t, rw)
		return false
	}
	s.addText(rw)
	return true
}

// roomBeside returns where islands of that size go for code at r, near enough. FindFree's first choice is below r, and its last
// anywhere: what is too far away is no room.
func (s *Space) roomBeside(r *vm.Region, size uint64) (at uint64, ok bool) {
	at, ok = s.m.FindFree(r.Start-min(size, r.Start), size, netbsd.PageSize)
	return at, ok && max(r.End, at+size)-min(r.Start, at) < platform.SiteReach
}

// rewriteFor is due before an mprotect(2), and does nothing before one that the map refuses: that changes neither protections nor
// contents. Memory that is to be written and executed is only restored: what the guest writes there next nobody would look through.
func (s *Space) rewriteFor(t *platform.Thread, addr, size uint64, prot int) {
	switch {
	case s.m.MayProtect(addr, size, prot) != 0:
	case prot&netbsd.PROT_WRITE != 0:
		s.openText(t, addr, size)
	case prot&netbsd.PROT_EXEC != 0:
		s.protectText(t, addr, size)
	}
}

// pagesOf returns the pages of a range as a guest names it, which may be no range at all: then
// nothing lies between start and end.
func pagesOf(addr, size uint64) (start, end uint64) {
	start, end, errno := vm.Span(addr, size)
	if errno != 0 {
		return 0, 0
	}
	return start, end
}

// protectText rewrites what of a range becomes code by an mprotect(2), and has been a file's that
// is no code, before it does. The file may be closed by now, and the guest has had its way with
// the memory: so it is that which is looked through, and nothing is remembered.
//
// Protections are afterwards what they were: the step that makes it code is still to come, and the host can refuse it.
func (s *Space) protectText(t *platform.Thread, addr, size uint64) {
	start, end := pagesOf(addr, size)
	if !s.mayRewrite() {
		return
	}
	for _, r := range slices.Collect(s.m.Overlap(start, end)) {
		if r.Obj == nil || r.Shared || r.Prot&netbsd.PROT_EXEC != 0 || r.MaxProt&netbsd.PROT_EXEC == 0 || r.Len() > maxProtected || !s.roomForText(0) {
			continue
		}
		m := &loader.Image{Segments: []loader.Segment{{Addr: r.Start, Len: r.Len(), FileLen: r.Len(), Prot: protRX}}}
		var sites []platform.Site
		for _, site := range m.Sites(guestText{s.proc, r.Start}, platform.CanRewrite) {
			sites = append(sites, platform.Site{Addr: site.Addr, Code: site.Code})
		}
		at, ok := s.roomBeside(&r, platform.IslandsSize(len(sites)))
		if len(sites) == 0 || !ok || !s.roomForText(len(sites)) {
			continue
		}
		open := platform.Mapping{Addr: r.Start, Size: r.Len(), Prot: netbsd.ProtToLinux(r.Prot | protRW), Keep: true}
		seal := open
		seal.Prot = netbsd.ProtToLinux(r.Prot)
		if !s.writeText(t, s.sys.Platform.NewRewrite(at, sites), -1, open, seal) {
			s.proc.Protect(t, r.Start, r.Len(), seal.Prot)
		}
	}
}

// maxProtected bounds what an mprotect(2) looks through.
const maxProtected = 16 << 20

// openText is due before a range may be written: text in it becomes what it was, as the guest is
// going to look at it, or to change it.
//
// Not if the process has had more than one LWP: another one may be executing it.
func (s *Space) openText(t *platform.Thread, addr, size uint64) {
	if s.lwps.Load() == 0 && s.sole() {
		s.restoreText(t, addr, size)
	}
}

// restoreText is due before a range is moved, or mapped over: text that it touches, or whose
// islands it does, becomes what it was. A failing call leaves it so.
//
// Text that the host does not let be restored stays known, as its jumps and islands are in use still.
func (s *Space) restoreText(t *platform.Thread, addr, size uint64) {
	start, end := pagesOf(addr, size)
	s.touchedText(start, end, func(x *text) (keep bool) {
		if !s.proc.Restore(x.rw) {
			return true
		}
		s.dropIslands(t, x.rw)
		return false
	})
}

// leaveText is due when a range is about to be unmapped. The islands of text that is gone as a
// whole go, too; those of text that is left in part stay.
func (s *Space) leaveText(t *platform.Thread, start, end uint64) {
	s.touchedText(start, end, func(x *text) (keep bool) {
		switch {
		case start <= x.start && x.end <= end:
			s.dropIslands(t, x.rw)
			return false
		// The islands are to go, and the code stays: its jumps would lead nowhere.
		case start < x.rw.At()+x.rw.Size() && x.rw.At() < end:
			if !s.proc.Restore(x.rw) {
				return true
			}
			s.dropIslands(t, x.rw)
			return false
		// Of a hole in the middle nothing need be noted: the sites on both sides are as good as before.
		case start <= x.start:
			x.start = end
		case x.end <= end:
			x.end = start
		}
		return true
	})
}

// noteText is due when the stub has mapped a range, over text or its islands perhaps: what is left
// of that text becomes what it was.
//
// The stub has done it already, so nothing can be refused; and the islands are not unmapped, as what has been
// mapped may lie there.
func (s *Space) noteText(start, end uint64) {
	s.touchedText(start, end, func(x *text) (keep bool) {
		s.proc.Restore(x.rw)
		s.proc.Forget(x.rw)
		return false
	})
}

// touchedText calls f for each text that a range touches, itself or its islands. f may change it,
// and says whether it is one still. The list becomes another one then, as spaces share it after a
// fork.
func (s *Space) touchedText(start, end uint64, f func(*text) (keep bool)) {
	for i := range s.texts {
		if s.texts[i].touches(start, end) {
			s.changeTexts(start, end, f)
			return
		}
	}
}

// changeTexts is touchedText once it is known that there are some.
func (s *Space) changeTexts(start, end uint64, f func(*text) (keep bool)) {
	var kept []text
	for _, x := range s.texts {
		if !x.touches(start, end) || f(&x) {
			kept = append(kept, x)
		}
	}
	s.texts = kept
}

// touches says whether a range has something of the text or of its islands.
func (x *text) touches(start, end uint64) bool {
	return start < x.end && x.start < end || start < x.rw.At()+x.rw.Size() && x.rw.At() < end
}

// dropIslands unmaps the islands of text that is not rewritten any more. Where the host fails they stay, which harms nobody: no jump
// leads there, and they are what any code in the guest's memory is.
func (s *Space) dropIslands(t *platform.Thread, rw *platform.Rewrite) {
	s.proc.Forget(rw)
	ops, _ := s.m.Unmap(rw.At(), rw.Size())
	s.do(t, ops, -1)
}

// hostText reads a file by a host descriptor, which stays its owner's: an os.File made of it would close it
// when it is collected.
type hostText int

// ReadAt implements io.ReaderAt. A signal to toaster's own thread is no error of the file's.
func (f hostText) ReadAt(b []byte, off int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := syscall.Pread(int(f), b[done:], off+int64(done))
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return done, err
		case n == 0:
			return done, io.EOF
		default:
			done += n
		}
	}
	return done, nil
}

// guestText reads a process's memory, counted from an address. Nothing keeps siblings from writing there meanwhile; what is found is
// compared again when it is changed.
type guestText struct {
	proc *platform.Process
	base uint64
}

// ReadAt implements io.ReaderAt. What cannot be read is taken for the end: nothing behind it is rewritten.
func (g guestText) ReadAt(b []byte, off int64) (int, error) {
	n, ok := g.proc.Read(g.base+uint64(off), b)
	if !ok {
		return n, io.EOF
	}
	return n, nil
}
