package vfs

import (
	"strings"
	"sync"
	"sync/atomic"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/internal/owners"
	"toaster/kern"
	"toaster/netbsd"
)

// Tree is the file system of a machine: mounts, the first of which holds "/", and the
// devices.
type Tree struct {
	host     *hostfile.Host
	top      *mount
	others   []*mount // in the order that they were mounted in
	hostMask uint32
	ownFDs   int            // /proc/self/fd, by which open files are opened again
	refs     atomic.Int32   // who may still use the mounts: the machine, processes, lookups
	user     *hostUser      // who toaster is to the host
	keeper   *owners.Keeper // of owners that the host does not know; nil: its own are the guests'

	mu      sync.RWMutex // guards devices; no other lock is taken with it
	devices map[string]Device

	logger    *logger  // where syslog(3) sends to; nil: not to this machine
	made      []madeFS // those of the machine's own; set before there are guests
	fifos     fifoTable
	texts     texts
	fifoWaits atomic.Int32 // threads of the host that wait in an open (fifo_linux.go)

	// noOpenat2 is set once the host turns out not to have openat2(2): before Linux 5.6,
	// or in a container whose filter forbids it.
	noOpenat2 atomic.Bool
	born      netbsd.Timespec // when the machine was made, which stamps its devices
}

// mounts reports whether there are others than that of the root.
func (t *Tree) mounts() bool { return len(t.others) > 0 }

func (t *Tree) ref() *Tree {
	t.refs.Add(1)
	return t
}

func (t *Tree) release() {
	if t.refs.Add(-1) > 0 {
		return
	}
	for _, m := range t.others {
		m.close()
	}
	if t.top != nil {
		t.top.close()
	}
	t.closeOwn()
}

// dir is an open directory of the host, shared by processes. It is held open (O_PATH), not
// remembered by name: renaming it, or a directory above, moves no process.
type dir struct {
	node
	id   file.Inode
	refs atomic.Int32
	dev  string // where below /dev it is, "" if not there
	made string // its name, if the machine makes it up: the node is then the root's
}

func (d *dir) ref() *dir {
	if d != nil {
		d.refs.Add(1)
	}
	return d
}

func (d *dir) release() {
	if d != nil && d.refs.Add(-1) == 0 {
		d.close()
	}
}

// Dirs is a process's working directory, root and umask (struct cwdinfo).
type Dirs struct {
	tree *Tree

	mu    sync.Mutex // guards what follows
	refs  int
	cwd   *dir
	root  *dir // nil: the host's "/", not confined
	moved bool // root is not the machine's, or has not always been
	umask uint32
}

// Fork returns the directories of a new process: these shared, or a copy.
func (d *Dirs) fork(share bool) *Dirs {
	d.mu.Lock()
	defer d.mu.Unlock()
	if share {
		d.refs++
		return d
	}
	return &Dirs{tree: d.tree.ref(), refs: 1, cwd: d.cwd.ref(), root: d.root.ref(), moved: d.moved, umask: d.umask}
}

// Close drops one process's use.
func (d *Dirs) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refs--; d.refs > 0 {
		return
	}
	d.cwd.release()
	d.root.release()
	d.cwd, d.root = nil, nil
	d.tree.release()
}

// Chrooted reports whether the process, or one that it comes from, has called chroot(2).
func (d *Dirs) Chrooted() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.moved
}

// Umask is umask(2): it sets the mask and returns the old one.
func (d *Dirs) Umask(mask uint32) uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.umask
	d.umask = mask & 0o7777 // ALLPERMS (sys_umask)
	return old
}

// Mask returns the file mode creation mask.
func (d *Dirs) Mask() uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.umask
}

// get takes references to the directories that a path starts from, and to the tree, which
// put returns. They are nil if the process is gone.
func (d *Dirs) get() (cwd, root *dir, umask uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cwd != nil {
		d.tree.ref()
	}
	return d.cwd.ref(), d.root.ref(), d.umask
}

// rooted reports whether the process has a root other than the host's.
func (d *Dirs) rooted() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.root != nil
}

// chrooted reports whether the process has a root other than the tree's.
func (d *Dirs) chrooted() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.root != nil && (d.root.mnt != d.tree.top || d.root.id != d.tree.top.id)
}

func (d *Dirs) put(cwd, root *dir) {
	if cwd == nil {
		return
	}
	cwd.release()
	root.release()
	d.tree.release()
}

// View is a process's look at the tree for the length of one call.
type View struct {
	Dirs  *Dirs
	Files *file.Table  // where the *at calls find their descriptor, /dev/fd
	L     file.Sleeper // who sleeps when opening a FIFO; whose terminal is /dev/tty
	Cred  *kern.Cred   // who asks; nil is whoever toaster runs as

	links int // how many links of the machine's own the call has followed (lookup.onward)
}

// Device is an entry of /dev.
type Device struct {
	Stat file.Stat
	// Open returns the open file. flags are open(2)'s.
	Open func(v View, flags int) (*file.Description, netbsd.Errno)
	// Revoke takes it from all who have it open; nil if it can't.
	Revoke func(v View) netbsd.Errno

	// Link is where it leads, if it is a symbolic link. An alias is another name of what it leads to,
	// and no link to lstat(2).
	Link  string
	Alias bool
	// List has it be a directory, and returns what is in it but for "." and "..".
	List func() []Entry

	// Local has it be a socket, and is the name under which the host finds that.
	Local string

	// There says that Open returns an open file that is there already, under another name.
	There bool

	// Fixed says that nothing is made, renamed or removed where it is: EROFS.
	Fixed bool

	errno netbsd.Errno // why there is none
}

// AddDevice puts a device at a name below /dev, in place of what was there.
func (t *Tree) AddDevice(name string, dev Device) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.devices[name] = dev
}

// isDevice reports whether a path is the name of one of the devices.
func (t *Tree) isDevice(name string) bool {
	rest, ok := strings.CutPrefix(name, "/dev/")
	if !ok {
		return false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, ok = t.devices[rest]
	return ok
}

// RemoveDevice takes it away (a pseudo-terminal that was closed).
func (t *Tree) RemoveDevice(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.devices, name)
}
