package hostfile

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/netbsd"
)

// This file turns the host's inotify into the notes of EVFILT_VNODE. Inotify
// tells what was done, kevent(2) what became of the file: the link count and the
// size before and after make the difference.

// inodeWatch is one watch of inotify, which knows an inode once however many
// listeners it has.
type inodeWatch struct {
	listeners map[*listener]bool // true: its inode; false: a directory it is in
}

// listener hears what happens to one open file.
type listener struct {
	of    *inodes
	fn    func(note uint32)
	fd    int
	dir   bool
	nlink uint64
	size  int64
	gone  bool
	wds   []int32
}

// inodes are a machine's watches, on an instance of inotify that is made for the first.
type inodes struct {
	host  *Host
	once  sync.Once
	errno netbsd.Errno
	f     *File
	over  atomic.Bool   // read no more
	l     *file.Kthread // of the goroutine that reads
	ended chan struct{} // closed by it

	// reading is held from a read of the instance until what was read has been told, so that who has it knows
	// that nothing is on its way. It is taken before mu.
	reading sync.Mutex

	mu      sync.Mutex
	watches map[int32]*inodeWatch
}

// Watch implements file.Watcher.
// EOPNOTSUPP for what is no file or directory of the host.
func (h *Host) Watch(d *file.Description, want uint32, fn func(note uint32)) (stop func(), errno netbsd.Errno) {
	fd, ok := d.HostFD()
	var st unix.Stat_t
	if !ok || unix.Fstat(fd, &st) != nil {
		return nil, netbsd.EOPNOTSUPP
	}
	kind := st.Mode & unix.S_IFMT
	if kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return nil, netbsd.EOPNOTSUPP
	}
	in := &h.inodes
	if in.once.Do(in.start); in.errno != 0 {
		return nil, in.errno
	}
	n := &listener{of: in, fn: fn, fd: fd, dir: kind == unix.S_IFDIR, nlink: uint64(st.Nlink), size: st.Size}
	in.mu.Lock()
	defer in.mu.Unlock()
	if errno := n.watchLocked(ProcPath(fd), inotifyMask(want, n.dir), true); errno != 0 {
		return nil, errno
	}
	if n.dir && want&netbsd.NOTE_DELETE != 0 && !d.Origin().IsRoot(st.Dev, st.Ino) {
		n.watchAboveLocked()
	}
	return n.stop, 0
}

// watchAboveLocked watches the directory above: one that is open is not told of its own
// removal, the one above is. The root of a tree has none that is a guest's business.
func (n *listener) watchAboveLocked() {
	up, err := unix.Openat(n.fd, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(up)
	n.watchLocked(ProcPath(up), unix.IN_DELETE|unix.IN_ONLYDIR, false)
}

// inotifyMask is what inotify must report for the notes that are wanted. Opens, reads and
// closes are asked for only if somebody wants them: every guest's own would come.
func inotifyMask(want uint32, dir bool) uint32 {
	m := uint32(unix.IN_ATTRIB | unix.IN_MODIFY | unix.IN_MOVE_SELF | unix.IN_DELETE_SELF)
	if dir {
		m |= inDirectory
	}
	for _, w := range [...]struct{ note, bits uint32 }{
		{netbsd.NOTE_OPEN, unix.IN_OPEN}, {netbsd.NOTE_READ, unix.IN_ACCESS},
		{netbsd.NOTE_CLOSE, unix.IN_CLOSE_NOWRITE}, {netbsd.NOTE_CLOSE_WRITE, unix.IN_CLOSE_WRITE},
	} {
		if want&w.note != 0 {
			m |= w.bits
		}
	}
	return m
}

// watchLocked adds a watch of a name, or its bits to the one that the inode has (IN_MASK_ADD):
// a mask that replaced it would make other listeners deaf.
func (n *listener) watchLocked(name string, mask uint32, self bool) netbsd.Errno {
	wd, err := unix.InotifyAddWatch(n.of.f.fd, name, mask|unix.IN_MASK_ADD)
	if err != nil {
		return Errno(err)
	}
	w := n.of.watches[int32(wd)]
	if w == nil {
		w = &inodeWatch{listeners: map[*listener]bool{}}
		n.of.watches[int32(wd)] = w
	}
	w.listeners[n] = self
	n.wds = append(n.wds, int32(wd))
	return 0
}

// stop ends the listening; fn isn't called any more.
func (n *listener) stop() {
	in := n.of
	in.mu.Lock()
	defer in.mu.Unlock()
	n.gone = true
	for _, wd := range n.wds {
		w := in.watches[wd]
		if w == nil {
			continue
		}
		delete(w.listeners, n)
		if len(w.listeners) == 0 {
			delete(in.watches, wd)
			unix.InotifyRmWatch(in.f.fd, uint32(wd))
		}
	}
	n.wds = nil
}

// start makes the instance and the goroutine that reads it, once. Where the host has no
// instance left (fs.inotify.max_user_instances), every later watch fails with that error.
func (in *inodes) start() {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		in.errno = Errno(err)
		return
	}
	in.f = new(File)
	in.f.init(in.host, fd, unix.S_IFIFO, kindNonblock)
	in.watches, in.ended = map[int32]*inodeWatch{}, make(chan struct{})
	in.l = file.NewKthread()
	in.l.Stop = in.over.Load
	go in.read()
}

func (in *inodes) read() {
	defer close(in.ended)
	for {
		if _, errno := file.Block(file.Call{L: in.l}, in.f, file.Readable, in.pass); errno != 0 {
			return
		}
	}
}

// pass tells what the host has noted since the last time; EAGAIN if that is nothing.
func (in *inodes) pass() (n int, errno netbsd.Errno) {
	in.reading.Lock()
	defer in.reading.Unlock()
	var buf [4096]byte // more than a record with the longest name
	if n, errno = in.f.TryRead(buf[:]); errno == 0 {
		guard.Report(guard.Catch("changes of files were passed on", func() { in.dispatch(buf[:n]) }))
	}
	return n, errno
}

// Settle implements file.Watcher. Linux notes a change before the call that makes it returns, so that
// what has happened can be read now, and need not wait for the goroutine that is woken for it. What guests
// make happen meanwhile is not waited for, as that may never end.
func (h *Host) Settle() {
	for left := h.inodes.noted(); left > 0; {
		n, errno := h.inodes.pass()
		if errno != 0 {
			return
		}
		left -= n
	}
}

// noted returns how many bytes of notes the host has that nobody has read. What was read before has been told.
func (in *inodes) noted() int {
	in.reading.Lock()
	defer in.reading.Unlock()
	return in.f.Queued()
}

// close ends the reading. Nobody listens any more, nor will.
func (in *inodes) close() {
	in.once.Do(func() { in.errno = netbsd.EOPNOTSUPP })
	if in.f == nil {
		return
	}
	in.over.Store(true)
	in.l.Wake()
	<-in.ended
	in.f.Close()
}

// inDirectory is what the coming and going of names does to a directory.
const inDirectory = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO

// dispatch reads records: wd, mask, cookie and the length of a name (4
// bytes each), then the name.
func (in *inodes) dispatch(b []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(b) >= unix.SizeofInotifyEvent {
		wd := int32(binary.LittleEndian.Uint32(b))
		mask := binary.LittleEndian.Uint32(b[4:])
		n := int(binary.LittleEndian.Uint32(b[12:]))
		b = b[min(unix.SizeofInotifyEvent+n, len(b)):]
		if mask&unix.IN_Q_OVERFLOW != 0 {
			in.tellAllLocked()
			continue
		}
		if n > 0 {
			mask &= inDirectory // about a file in the directory: no more than its coming and going counts
		}
		w := in.watches[wd]
		if w == nil {
			continue
		}
		for l, self := range w.listeners {
			l.tellLocked(mask, self)
		}
		if mask&unix.IN_IGNORED != 0 {
			delete(in.watches, wd)
		}
	}
}

// tellAllLocked tells all listeners that their files may have changed, as the host has noted more than it keeps, and it is not known what
// is lost. Who is told of a write that was none looks in vain; who is not told of one waits for ever.
func (in *inodes) tellAllLocked() {
	for _, w := range in.watches {
		for l, self := range w.listeners {
			mask := uint32(unix.IN_MODIFY | unix.IN_ATTRIB)
			if l.dir {
				mask = unix.IN_ATTRIB | inDirectory
			}
			l.tellLocked(mask, self)
		}
	}
}

// tellLocked makes notes of what inotify says and of what fstat shows.
func (n *listener) tellLocked(mask uint32, self bool) {
	var st unix.Stat_t
	if n.gone || unix.Fstat(n.fd, &st) != nil {
		return
	}
	var note uint32
	if self {
		note = n.notes(mask, &st)
	}
	if nlink := uint64(st.Nlink); nlink != n.nlink {
		switch {
		case nlink == 0:
			note |= netbsd.NOTE_DELETE
		case self:
			note |= netbsd.NOTE_LINK
		}
		n.nlink = nlink
	}
	n.size = st.Size
	if note != 0 {
		n.fn(note)
	}
}

func (n *listener) notes(mask uint32, st *unix.Stat_t) (note uint32) {
	switch {
	case mask&unix.IN_MODIFY == 0:
	case st.Size < n.size:
		note |= netbsd.NOTE_ATTRIB // cut off, which NetBSD has as a change of attributes
	case st.Size > n.size:
		note |= netbsd.NOTE_WRITE | netbsd.NOTE_EXTEND
	default:
		note |= netbsd.NOTE_WRITE
	}
	// A change of the link count is told as an attribute's, too.
	if mask&unix.IN_ATTRIB != 0 && uint64(st.Nlink) == n.nlink {
		note |= netbsd.NOTE_ATTRIB
	}
	if mask&inDirectory != 0 {
		note |= netbsd.NOTE_WRITE
	}
	for _, w := range [...]struct{ bit, note uint32 }{
		{unix.IN_MOVE_SELF, netbsd.NOTE_RENAME}, {unix.IN_OPEN, netbsd.NOTE_OPEN}, {unix.IN_ACCESS, netbsd.NOTE_READ},
		{unix.IN_CLOSE_WRITE, netbsd.NOTE_CLOSE_WRITE}, {unix.IN_CLOSE_NOWRITE, netbsd.NOTE_CLOSE},
	} {
		if mask&w.bit != 0 {
			note |= w.note
		}
	}
	return note
}
