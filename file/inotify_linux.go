package file

import (
	"encoding/binary"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// This file turns the host's inotify into the notes of EVFILT_VNODE. Inotify
// tells what was done, kevent(2) what became of the file: the link count and the
// size before and after make the difference.

// inodeWatch is one watch of inotify, which knows an inode once however many
// listeners it has.
type inodeWatch struct {
	listeners map[*InodeListener]bool // true: its inode; false: a folder it is in
}

// InodeListener hears what happens to one open file.
type InodeListener struct {
	fn    func(note uint32)
	fd    int
	dir   bool
	nlink uint64
	size  int64
	gone  bool
	wds   []int32
}

var inodes struct {
	once    sync.Once
	errno   netbsd.Errno
	fd      int
	mu      sync.Mutex
	watches map[int32]*inodeWatch
}

// ListenInode makes fn hear of the notes of kevent(2)'s EVFILT_VNODE until Stop,
// which must come before the file is closed. fn must not sleep, nor call back.
// EOPNOTSUPP for what is no file or folder of the host.
func (d *Description) ListenInode(want uint32, fn func(note uint32)) (*InodeListener, netbsd.Errno) {
	fd, ok := d.HostFD()
	var st unix.Stat_t
	if !ok || unix.Fstat(fd, &st) != nil {
		return nil, netbsd.EOPNOTSUPP
	}
	kind := st.Mode & unix.S_IFMT
	if kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return nil, netbsd.EOPNOTSUPP
	}
	if inodes.once.Do(startInotify); inodes.errno != 0 {
		return nil, inodes.errno
	}
	n := &InodeListener{fn: fn, fd: fd, dir: kind == unix.S_IFDIR, nlink: uint64(st.Nlink), size: st.Size}
	inodes.mu.Lock()
	defer inodes.mu.Unlock()
	name := "/proc/self/fd/" + strconv.Itoa(fd)
	if errno := n.watchLocked(name, inotifyMask(want, n.dir), true); errno != 0 {
		return nil, errno
	}
	if n.dir && want&netbsd.NOTE_DELETE != 0 {
		// A folder that is open is not told of its own removal; the one
		// above is.
		if real, err := filepath.EvalSymlinks(name); err == nil && real != "/" {
			n.watchLocked(filepath.Dir(real), unix.IN_DELETE|unix.IN_ONLYDIR, false)
		}
	}
	return n, 0
}

func inotifyMask(want uint32, dir bool) uint32 {
	m := uint32(unix.IN_ATTRIB | unix.IN_MODIFY | unix.IN_MOVE_SELF | unix.IN_DELETE_SELF)
	if dir {
		m |= inFolder
	}
	for _, w := range [...]struct{ note, bits uint32 }{
		{netbsd.NOTE_OPEN, unix.IN_OPEN}, {netbsd.NOTE_READ, unix.IN_ACCESS},
		{netbsd.NOTE_CLOSE, unix.IN_CLOSE}, {netbsd.NOTE_CLOSE_WRITE, unix.IN_CLOSE_WRITE},
	} {
		if want&w.note != 0 {
			m |= w.bits
		}
	}
	return m
}

func (n *InodeListener) watchLocked(name string, mask uint32, self bool) netbsd.Errno {
	wd, err := unix.InotifyAddWatch(inodes.fd, name, mask|unix.IN_MASK_ADD)
	if err != nil {
		return Errno(err)
	}
	w := inodes.watches[int32(wd)]
	if w == nil {
		w = &inodeWatch{listeners: map[*InodeListener]bool{}}
		inodes.watches[int32(wd)] = w
	}
	w.listeners[n] = self
	n.wds = append(n.wds, int32(wd))
	return 0
}

// Stop ends the listening; fn isn't called any more.
func (n *InodeListener) Stop() {
	inodes.mu.Lock()
	defer inodes.mu.Unlock()
	n.gone = true
	for _, wd := range n.wds {
		w := inodes.watches[wd]
		if w == nil {
			continue
		}
		delete(w.listeners, n)
		if len(w.listeners) == 0 {
			delete(inodes.watches, wd)
			unix.InotifyRmWatch(inodes.fd, uint32(wd))
		}
	}
	n.wds = nil
}

func startInotify() {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		inodes.errno = Errno(err)
		return
	}
	inodes.fd, inodes.watches = fd, map[int32]*inodeWatch{}
	f := &hostFile{fd: fd, mode: unix.S_IFIFO, kind: kindNonblock, poll: pollDesc{fd: fd}, shared: -1}
	go func() {
		buf := make([]byte, 16<<10)
		for l := newPumpSleeper(); ; {
			n, errno := f.Read(Call{L: l}, buf)
			if errno != 0 {
				return
			}
			dispatchInotify(buf[:n])
		}
	}()
}

// inFolder is what the coming and going of names does to a folder.
const inFolder = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO

// dispatchInotify reads records: wd, mask, cookie and the length of a name (4
// bytes each), then the name.
func dispatchInotify(b []byte) {
	inodes.mu.Lock()
	defer inodes.mu.Unlock()
	for len(b) >= unix.SizeofInotifyEvent {
		wd := int32(binary.LittleEndian.Uint32(b))
		mask := binary.LittleEndian.Uint32(b[4:])
		n := int(binary.LittleEndian.Uint32(b[12:]))
		b = b[min(unix.SizeofInotifyEvent+n, len(b)):]
		if n > 0 {
			mask &= inFolder // about a file in the folder: no more than its coming and going counts
		}
		w := inodes.watches[wd]
		if w == nil {
			continue
		}
		for l, self := range w.listeners {
			l.tellLocked(mask, self)
		}
		if mask&unix.IN_IGNORED != 0 {
			delete(inodes.watches, wd)
		}
	}
}

// tellLocked makes notes of what inotify says and of what fstat shows.
func (n *InodeListener) tellLocked(mask uint32, self bool) {
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

func (n *InodeListener) notes(mask uint32, st *unix.Stat_t) (note uint32) {
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
	if mask&inFolder != 0 {
		note |= netbsd.NOTE_WRITE
	}
	for _, w := range [...]struct{ bit, note uint32 }{
		{unix.IN_MOVE_SELF, netbsd.NOTE_RENAME}, {unix.IN_OPEN, netbsd.NOTE_OPEN}, {unix.IN_ACCESS, netbsd.NOTE_READ},
		{unix.IN_CLOSE_WRITE, netbsd.NOTE_CLOSE | netbsd.NOTE_CLOSE_WRITE}, {unix.IN_CLOSE_NOWRITE, netbsd.NOTE_CLOSE},
	} {
		if mask&w.bit != 0 {
			note |= w.note
		}
	}
	return note
}
