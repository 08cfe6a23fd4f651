package machine

import (
	"slices"
	"syscall"

	"toaster/internal/loader"
	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/internal/vm"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has mappings of files ready that a program is about to ask for. A dynamic linker maps the same
// parts of the same files at each start of a program: for each of them the host process would have to
// be passed the file, and code would have to be rewritten. So a warm copy (imagecache.go) comes with a shelf: a stretch of
// addresses where these parts lie already, code rewritten, and nobody may touch them. What mmap(2) then asks for is moved from
// there to its place, by one order, without a question to the supervisor.
//
//	lesson.go  finds out what a program maps, and fills the shelf of the copies to come
//	offShelf   mmap(2): is it on the shelf?
//
// Nothing of it is in the map (vm.Map): what is on the shelf is not mapped for the guest, and mmap(2) chooses addresses as
// without. A guest that maps over it (MAP_FIXED) gets what it has asked for, and a fault there is one of nothing mapped.
//
// A hostile guest can reach what is on its shelf, as it can jump to the stub's mprotect. So there is only what any process of its
// user could map for itself, see shelfUser and mayTeach.

// A piece is a part of a file on a shelf.
type piece struct {
	id            fileID
	off           int64
	size          uint64
	prot, maxProt int // with which it is asked for
	shared        bool

	at      uint64 // where it is
	islands uint64 // how far below it its islands begin, 0 if it has none
	sites   int    // that are rewritten
}

// Where shelves are: far from what programs use, as far as anybody knows.
const (
	shelfBase = 0x6a0000000000
	shelfMost = 64 << 20 // bytes on a shelf
	shelfEnd  = shelfBase + shelfMost
	maxPieces = 24
)

// start is where a piece begins, its islands included.
func (p *piece) start() uint64 { return p.at - p.islands }

func (p *piece) end() uint64 { return p.at + p.size }

// is says whether r asks for the piece, of the file with that id.
func (p *piece) is(r *vm.Region, id fileID, sites int) bool {
	return p.off == r.Off && p.size == r.Len() && p.shared == r.Shared && p.prot == r.Prot && p.maxProt == r.MaxProt &&
		p.sites == sites && p.id == id
}

// offShelf moves r, a part of the host's file fd, to its place, if it is on the shelf. It reports false if it
// did not: r is then to be mapped as any other. sites are those in it that are rewritten. mu is held.
func (s *Space) offShelf(t *platform.Thread, r *vm.Region, fd int, sites []loader.Site) bool {
	if len(s.shelf) == 0 || fd < 0 || r.Wired {
		return false
	}
	var st syscall.Stat_t
	if syscall.Fstat(fd, &st) != nil {
		return false
	}
	id := fileIDOf(&st)
	i := slices.IndexFunc(s.shelf, func(p piece) bool { return p.is(r, id, len(sites)) })
	if i < 0 {
		s.missed = true
		return false
	}
	p := s.shelf[i]
	s.shelf = slices.Delete(slices.Clone(s.shelf), i, i+1) // the copies share it
	move := platform.Move{From: p.at, To: r.Start, Size: p.size, Prot: netbsd.ProtToLinux(r.Prot)}
	if len(sites) > 0 {
		return s.textOffShelf(t, &p, r, move, sites)
	}
	return s.proc.MoveAll(t, move) == nil
}

// textOffShelf moves code, and its islands to the same distance from it. The process knows of the islands
// before it can execute them.
func (s *Space) textOffShelf(t *platform.Thread, p *piece, r *vm.Region, move platform.Move, sites []loader.Site) bool {
	rw := s.textAt(r, p.id, sites)
	if rw == nil || r.Start-rw.At() != p.islands || s.record(rw.At(), rw.Size(), protRX, nil, 0, "") != 0 {
		return false
	}
	s.proc.Know(rw)
	i := islands(rw, protRX)
	if s.proc.MoveAll(t, platform.Move{From: p.start(), To: i.Addr, Size: i.Size, Prot: i.Prot}, move) != nil {
		s.dropIslands(t, rw)
		return false
	}
	s.addText(rw)
	return true
}

// coverShelf is due when something is mapped at a range: what it covers is on the shelf no longer. mu is held.
func (s *Space) coverShelf(start, end uint64) {
	if start < shelfEnd && shelfBase < end && len(s.shelf) > 0 {
		s.shelf = slices.DeleteFunc(slices.Clone(s.shelf), func(p piece) bool { return p.start() < end && start < p.end() })
	}
}

// clearShelf unmaps what is left on the shelf: before a fork, which would copy it, and for a process that may not have it.
// mu is held, or nobody else knows s.
func (s *Space) clearShelf(t *platform.Thread) (err error) {
	for i := range s.shelf {
		p := &s.shelf[i]
		if err == nil {
			err = s.proc.Unmap(t, p.start(), p.end()-p.start())
		}
	}
	s.shelf = nil
	return err
}

// onShelf reports whether an address is one where a shelf can be and where the guest has nothing mapped.
func (s *Space) onShelf(addr uint64) bool {
	if addr < shelfBase || addr >= shelfEnd {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Free(addr, 1)
}

// shelfUser says for whom l executes p, which has a shelf only of what the same user's processes have mapped: nil if it is to
// have none. That is a program with set-id bits, one below another root than the machine's, and one that a debugger looks at,
// whose eyes see what nobody may touch.
func shelfUser(l *kern.LWP, p *program) *kern.Cred {
	dirs, _, cred := l.Proc().Looks()
	if p.interp == nil || p.setID.setuid || p.setID.setgid || l.Proc().Traced() {
		return nil
	}
	if d, ok := dirs.(syscalls.Dirs); !ok || d.Chrooted() {
		return nil
	}
	return cred
}

// sameUser reports whether files are to both what they are to the other.
func sameUser(a, b *kern.Cred) bool {
	return a == b || a != nil && b != nil && a.EUID == b.EUID && a.EGID == b.EGID && slices.Equal(a.Groups, b.Groups)
}
