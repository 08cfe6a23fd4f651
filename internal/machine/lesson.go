package machine

import (
	"os"
	"syscall"

	"toaster/internal/guard"
	"toaster/internal/loader"
	"toaster/internal/platform"
	"toaster/internal/vm"
	"toaster/kern"
	"toaster/netbsd"
)

// This file finds out what a program maps of files, by the first of its processes that ends, executes something else, or has a child,
// and fills a shelf with it (shelf.go): the template of the program's copies is replaced by one that has it.
//
//	note   mmap(2) has mapped a part of a file
//	end    the process has been looked at for long enough
//	teach  the shelf is filled, on a goroutine of its own

// A lesson is what a process has mapped. It belongs to its Space, whose mu guards it, until it has ended.
type lesson struct {
	id     warmID
	image  *cachedImage // which the lesson is for, unless the cache has another one under id by then (claim)
	user   *kern.Cred   // whose process it is: the shelf is for processes of that user's alone (shelfUser)
	pieces []taughtPiece
	size   uint64 // of the pieces so far, their islands and the gaps behind them included; at most shelfMost
}

// taughtPiece is a piece, with what it takes to make it: by the time that it is put on a shelf the process may
// be gone, its descriptor closed, and the name another file's. Where it lies (at) fill decides.
type taughtPiece struct {
	piece
	file  *os.File // the lesson's own
	sites []loader.Site
}

// note keeps r, which has been mapped of the host's file fd, with these sites in it.
//
// mu is held. What is no file but memory (vm.Memory) is not taught: what its processes have written there is
// nobody else's to see. Once there are enough pieces, or one is too large for what is left, a mapping is passed
// by and the lesson goes on.
func (s *Space) note(r *vm.Region, fd int, sites []loader.Site) {
	l := s.lesson
	if l == nil || fd < 0 {
		return
	}
	if _, memory := r.Obj.(vm.Memory); memory || len(l.pieces) == maxPieces {
		return
	}
	x := taughtPiece{piece: piece{off: r.Off, size: r.Len(), prot: r.Prot, maxProt: r.MaxProt, shared: r.Shared, sites: len(sites)}, sites: sites}
	// Text and islands are moved from the shelf to the same distance, so that distance belongs to the piece.
	if len(sites) > 0 && !x.besideIslands(s, r) {
		return
	}
	// What fill puts beyond the shelf's end nobody would look for when something else is mapped there (coverShelf).
	size := x.end() - x.start() + netbsd.PageSize
	if size > shelfMost-l.size {
		return
	}
	if x.id, x.file = teachable(fd, r.Shared); x.file != nil {
		l.size += size
		l.pieces = append(l.pieces, x)
	}
}

// besideIslands finds out where the islands of text at r are, the last that was rewritten. It reports false if
// they are not below it, and near: those far below would take the room of other pieces. With the islands above
// r the difference wraps, and is too large as well. mu is held since mapText added the text, so nobody has
// added another one.
func (x *taughtPiece) besideIslands(s *Space, r *vm.Region) bool {
	if len(s.texts) == 0 {
		return false
	}
	last := &s.texts[len(s.texts)-1]
	x.islands = r.Start - last.rw.At()
	return r.Start <= last.start && last.end <= r.End && x.islands >= last.rw.Size() && x.islands < shelfMost/8
}

// teachable opens a file for a lesson if everybody may read it; else it returns no file. One that is to be mapped
// shared must be open for reading alone, as who has its mapping can do with it what the descriptor allows.
//
// The mode is looked at, and not whether this process may read the file: it may have been opened with more
// rights than the user has, or passed in a message. The file that is returned is the lesson's, by a descriptor
// of its own, as the guest may close its one at once.
func teachable(fd int, shared bool) (fileID, *os.File) {
	var st syscall.Stat_t
	if syscall.Fstat(fd, &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG || st.Mode&syscall.S_IROTH == 0 {
		return fileID{}, nil
	}
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	if errno != 0 || shared && flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return fileID{}, nil
	}
	dup, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return fileID{}, nil
	}
	return fileIDOf(&st), os.NewFile(dup, "a file that is mapped")
}

// endLesson is due when the process has a child or goes. mu is held, or nobody else uses s any more.
//
// A child ends it, as what is mapped afterwards belongs to no start of the program. So does the end of the
// space: there will be no more pieces. The shelf is filled elsewhere: whoever forks or exits does not wait for
// the host.
func (s *Space) endLesson() {
	l := s.lesson
	s.lesson = nil
	if l == nil || len(l.pieces) == 0 {
		return
	}
	guard.Go("a shelf was filled", func() {
		defer l.close()
		l.teach(s.sys)
	})
}

// returnShelf is due when a process has a child or goes, as endLesson is.
//
// Only the two together say that the shelf is out of date. A process that ends early leaves things there, and
// one that maps more than others misses some.
func (s *Space) returnShelf() {
	if s.missed && len(s.shelf) > 0 {
		s.sys.images.outdated(s.image)
	}
}

// close closes the files of the pieces. The host keeps a file as long as some of it is mapped.
func (l *lesson) close() {
	for i := range l.pieces {
		l.pieces[i].file.Close()
	}
}

// teach makes another template for the program's copies. What fails costs the next execution time, and nothing else.
//
// claim comes first, as it is what lets only one lesson at a time have a program. The nursery that t becomes
// the template of owns t, even where NewNursery fails, so nothing is left to be released here. Until install
// the old copies are taken as before.
func (l *lesson) teach(s *System) {
	old := s.images.claim(l)
	if old == nil {
		return
	}
	t, err := old.Fork()
	if err != nil {
		return
	}
	shelf := l.fill(s, t)
	n, err := s.Platform.NewNursery(t, warmCopies)
	if err != nil {
		return
	}
	// So that its copies have the threads parked that the program is known to make.
	n.ExpectAs(old)
	s.images.install(l, n, shelf)
}

// fill puts the pieces on the shelf of a process that has never run, by its thread, in place of what is there. Those that cannot
// be put there are left out.
//
// t's process is a copy of the template, which may have an older shelf. If that cannot be removed it is not
// known what lies there, and there is no shelf.
func (l *lesson) fill(s *System, t *platform.Thread) (shelf []piece) {
	if t.Process().Unmap(t, shelfBase, shelfMost) != nil {
		return nil
	}
	at := uint64(shelfBase)
	for i := range l.pieces {
		x := &l.pieces[i]
		x.at = at + x.islands
		if err := x.put(s, t); err == nil {
			shelf = append(shelf, x.piece)
		}
		at = x.end() + netbsd.PageSize // the host merges what lies side by side, and moves no part of that
	}
	return shelf
}

// put maps a piece on the shelf, and rewrites it. No code of a guest's runs meanwhile. What has failed leaves nothing there: copies
// would have it, readable and writable, and a shelf that does not know of it never clears it.
func (x *taughtPiece) put(s *System, t *platform.Thread) (err error) {
	q, fd := t.Process(), int(x.file.Fd())
	defer func() {
		if err != nil {
			q.Unmap(t, x.start(), x.end()-x.start())
		}
	}()
	m := platform.Mapping{Addr: x.at, Size: x.size, Flags: syscall.MAP_PRIVATE, Offset: x.off}
	if x.shared {
		m.Flags = syscall.MAP_SHARED
	}
	if len(x.sites) == 0 {
		return q.MapAll(t, fd, m)
	}
	sites := make([]platform.Site, len(x.sites))
	for i := range x.sites {
		sites[i] = platform.Site{Addr: x.at + uint64(x.sites[i].Off-x.off), Code: x.sites[i].Code}
	}
	rw := s.Platform.NewRewrite(x.start(), sites)
	if rw == nil {
		return syscall.EINVAL
	}
	m.Prot = netbsd.ProtToLinux(protRW)
	if err := q.MapAll(t, fd, m, islands(rw, protRW)); err != nil {
		return err
	}
	defer q.Forget(rw) // it is to be moved before anybody executes it
	if err := q.RewriteText(rw); err != nil {
		return err
	}
	// On the shelf nothing may be read, written or executed: the guest does not have it yet.
	m.Prot, m.Keep = 0, true
	i := islands(rw, 0)
	i.Keep = true
	return q.MapAll(t, -1, m, i)
}
