package owners

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// attrName is the extended attribute that a mark is.
const attrName = "user.containers.override_stat"

// Reserved reports whether an attribute in the namespace of users, by its name without
// "user.", is toaster's: a guest that could set it would choose its files' owners. Some file
// systems of the host's find an attribute by its name in any case.
func Reserved(name string) bool { return strings.EqualFold("user."+name, attrName) }

// Keeper is a machine's side of marks: whether there are any.
type Keeper struct {
	uid    uint32
	judged atomic.Bool
	marked atomic.Bool

	// names is held by who makes or moves names, mu by who reads a mark or changes it: from
	// before a file is made until it has its mark, nobody else sees what the host says of it,
	// through whichever mount. names comes first.
	names sync.Mutex
	mu    sync.RWMutex
}

// NewKeeper makes the keeper of files of the user that this process is.
func NewKeeper() *Keeper {
	return &Keeper{uid: uint32(unix.Geteuid())}
}

// Judge has the host's word on who may do what no longer be asked for: there are guests who
// will give files owners, and a call that the host judges must not meet such a file.
func (k *Keeper) Judge() { k.judged.Store(true) }

// Judged reports whether the host's word is not asked for: after Judge, and with the first mark.
func (k *Keeper) Judged() bool { return k != nil && k.judged.Load() }

// found notes that there are marks.
func (k *Keeper) found() {
	k.judged.Store(true)
	k.marked.Store(true)
}

// Marked reports whether any file of the machine's has a mark.
func (k *Keeper) Marked() bool { return k != nil && k.marked.Load() }

// Table has the marks of what lies below one directory, or of one file. Its methods may be
// called from any goroutine.
type Table struct {
	k    *Keeper
	root int // borrowed; -1: of a file alone
	ino  uint64

	begun   bool // the root has a mark; guarded by the keeper's mu
	plain   plain
	known   known
	noAttrs atomic.Bool // the file system has no such attributes
	setIDs  atomic.Int64
	appends atomic.Int64 // see Appends
	memory  bool         // the files are the machine's memory
}

// NewTable opens the marks below an open directory, which stays the caller's until after
// Close. inMemory: the files go with the machine, and so does all that is kept of them.
func (k *Keeper) NewTable(root int, inMemory bool) (*Table, error) {
	t := &Table{k: k, root: root, memory: inMemory}
	s, err := look(root)
	if err != nil {
		return nil, err
	}
	t.ino = s.ino
	if s.kind() != netbsd.S_IFDIR {
		t.root = -1
	}
	t.plain.init(t.root, inMemory, k.uid)
	t.known.init(root)
	found, err := t.plain.load()
	if err != nil {
		return nil, err
	}
	if t.plain.anyAppends() {
		t.appends.Add(1)
	}
	if _, ok := t.attr(root, s); ok || found {
		t.begun = true
		k.found()
	}
	return t, nil
}

// Close lets go of the plain file.
func (t *Table) Close() {
	if t != nil {
		t.plain.close()
	}
}

// On reports whether marks are kept at all.
func (t *Table) On() bool { return t != nil }

// Marked reports whether there may be marks.
func (t *Table) Marked() bool { return t != nil && t.k.marked.Load() }

// seen is what the host says of a file.
type seen struct {
	ino      uint64
	uid, gid uint32
	mode     uint32
	born     stamp // when the inode was made: its number may be another file's later
	changed  stamp // when its attributes last changed
}

// stamp is a time of the host's clock.
type stamp struct {
	sec  int64
	nsec uint32
}

func (s seen) kind() uint32 { return s.mode & netbsd.S_IFMT }

// attrs reports whether the host has extended attributes for such a file.
func (s seen) attrs() bool { return s.kind() == netbsd.S_IFREG || s.kind() == netbsd.S_IFDIR }

// look asks the host about an open file.
func look(fd int) (seen, error) {
	var st unix.Statx_t
	for {
		err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st)
		if err == unix.EINTR {
			continue
		}
		return seen{st.Ino, st.Uid, st.Gid, uint32(st.Mode), stamp{st.Btime.Sec, st.Btime.Nsec}, stamp{st.Ctime.Sec, st.Ctime.Nsec}}, err
	}
}

// path is a name of the host by which an open file is reached, also if it is open by name
// alone (O_PATH).
func path(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// attr returns the mark of a file that can have an attribute.
func (t *Table) attr(fd int, s seen) (Mark, bool) {
	if t.noAttrs.Load() || s.uid != t.k.uid {
		return Mark{}, false
	}
	if k, found := t.known.get(s); found {
		return k.mark, k.ok
	}
	m, err := t.readAttr(fd, s)
	switch err {
	case nil, unix.ENODATA, errForm:
		t.known.put(s, m, err == nil)
	case unix.EOPNOTSUPP:
		t.noAttrs.Store(true)
	}
	return m, err == nil
}

// readAttr reads the mark of a file. ENODATA: it has none; errForm: what it has is none.
func (t *Table) readAttr(fd int, s seen) (Mark, error) {
	var b [maxMark + 1]byte
	n, err := unix.Getxattr(path(fd), attrName, b[:])
	for err == unix.EINTR {
		n, err = unix.Getxattr(path(fd), attrName, b[:])
	}
	if err != nil {
		return Mark{}, err
	}
	return Parse(string(b[:n]), s.kind())
}

// find is what a guest is to be told of a file. Preconditions: the keeper's mu is held, for reading at
// least.
func (t *Table) find(fd int, s seen) Mark {
	host := Mark{UID: s.uid, GID: s.gid, Mode: s.mode}
	switch {
	case s.uid != t.k.uid:
		return host
	case s.ino == t.plain.ino():
		return ownMark
	}
	m, ok := host, false
	if s.attrs() {
		m, ok = t.attr(fd, s)
	}
	if p, has := t.plain.get(s, fd); has {
		if ok {
			m.Flags = p.Flags
			return m
		}
		return p
	}
	if !ok {
		return host
	}
	return m
}

// Show puts what a guest is to be told of an open file into st, which the host has filled in.
func (t *Table) Show(fd int, st *netbsd.Stat) {
	if !t.Marked() {
		return
	}
	t.k.mu.RLock()
	defer t.k.mu.RUnlock()
	m := t.find(fd, seen{st.Ino, st.UID, st.GID, st.Mode, stamp{st.Btime.Sec, uint32(st.Btime.Nsec)}, stamp{st.Ctime.Sec, uint32(st.Ctime.Nsec)}})
	st.UID, st.GID, st.Mode, st.Flags = m.UID, m.GID, m.Mode, st.Flags|m.Flags
	if m.Rdev != 0 {
		st.Rdev = m.Rdev
	}
}

// Of is Show for what the host's fstat says. Rdev and Flags are those of the mark alone.
func (t *Table) Of(fd int, st *unix.Stat_t) Mark {
	s := seen{ino: st.Ino, uid: st.Uid, gid: st.Gid, mode: st.Mode, changed: stamp{st.Ctim.Sec, uint32(st.Ctim.Nsec)}}
	if !t.Marked() {
		return Mark{UID: s.uid, GID: s.gid, Mode: s.mode}
	}
	t.k.mu.RLock()
	defer t.k.mu.RUnlock()
	return t.find(fd, s)
}

// Mine reports whether a file, as the host describes it, is of the user whose files have marks.
func (t *Table) Mine(st *unix.Stat_t) bool { return t != nil && st.Uid == t.k.uid }
