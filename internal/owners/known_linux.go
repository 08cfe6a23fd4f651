package owners

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// This file remembers the marks that were read from attributes, as to read one is as dear as all else that stat(2) does.
//
// The host stamps an inode with the time of each change of its attributes (ctime of inode(7)), also of one that another
// machine or a program of the host makes. So a mark is what it was as long as that time is. Two changes in one tick of
// the host's clock have one time: a mark is remembered only when that has passed. Nobody but the host's root, who may set the
// clock, can have an inode changed and its time be the same.

// settled is longer than any tick of the host's clock.
const settled = 40 * time.Millisecond

// maxKnown bounds what is remembered.
const maxKnown = 1 << 15

// stamped are file systems whose times of change are this kernel's own.
var stamped = map[int64]bool{
	unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true, unix.F2FS_SUPER_MAGIC: true,
	unix.TMPFS_MAGIC: true, unix.OVERLAYFS_SUPER_MAGIC: true,
}

// known are marks by inode.
type known struct {
	off bool             // not in this file system
	now func() time.Time // tests have a clock of their own

	mu    sync.Mutex // guards marks; no other lock is taken with it
	marks map[uint64]knownMark
}

type knownMark struct {
	changed stamp
	mark    Mark
	ok      bool // there is one
}

// init looks what file system an open file is in.
func (k *known) init(fd int) {
	var st unix.Statfs_t
	k.now = time.Now
	k.off = unix.Fstatfs(fd, &st) != nil || !stamped[int64(uint32(st.Type))]
}

// get returns what was read of a file that has not changed since; found: it was.
func (k *known) get(s seen) (m knownMark, found bool) {
	if k.off {
		return m, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	m, found = k.marks[s.ino]
	return m, found && m.changed == s.changed
}

// put remembers what was read just now.
func (k *known) put(s seen, m Mark, ok bool) {
	if k.off || k.now().Sub(time.Unix(s.changed.sec, int64(s.changed.nsec))) < settled {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.marks == nil || len(k.marks) == maxKnown {
		k.marks = map[uint64]knownMark{}
	}
	k.marks[s.ino] = knownMark{s.changed, m, ok}
}

// forget hears that the mark of an inode changes.
func (k *known) forget(ino uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.marks, ino)
}
