package vfs

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// resolver turns a guest's path into a host file, from a root. A nil root is the host's:
// names then go to the host as they are.
type resolver struct {
	tree *Tree
	root *dir

	// search, unless nil, says whether the caller may look names up in a directory. Paths
	// are then walked, and it is asked for each directory on the way.
	search func(node) error
}

// top is where absolute names start.
func (r *resolver) top() node {
	if r.root != nil {
		return r.root.node
	}
	return r.tree.top.root()
}

func (r *resolver) start(at node, name string) node {
	if strings.HasPrefix(name, "/") {
		return r.top()
	}
	return at
}

// walks reports whether paths from a mount go one component at a time.
func (r *resolver) walks(m *mount) bool {
	if r.search != nil || len(m.covered) > 0 {
		return true
	}
	return r.tree.noOpenat2.Load() && (!m.free || r.root != nil)
}

// direct reports whether names go to the host as they are.
func (r *resolver) direct() bool { return r.root == nil && r.search == nil }

// find opens what a path leads to, relative to at, without the file itself hearing of it
// (O_PATH). Of flags, O_NOFOLLOW and O_DIRECTORY count.
func (r *resolver) find(at node, name string, flags int) (node, error) {
	flags |= unix.O_PATH | unix.O_CLOEXEC
	from := r.start(at, name)
	switch {
	case r.walks(from.mnt):
		return r.walk(at, name, flags)
	case r.root == nil:
		fd, err := openHost(at.fd, name, flags, 0)
		return node{fd, from.mnt}, err
	case name[0] == '/':
		return r.findFromRoot(at, name, name, flags)
	}
	fd, err := openat2(at.fd, name, flags, 0, unix.RESOLVE_BENEATH|at.mnt.within())
	if err != unix.EXDEV {
		return r.orWalk(node{fd, at.mnt}, err, at, name, flags)
	}
	// It climbs above at, meets an absolute link or another mount of the host: name the
	// place from the root.
	if r.tree.mounts() {
		return r.walk(at, name, flags)
	}
	base, err := r.pathOf(at)
	if err != nil {
		return node{fd: -1}, err
	}
	return r.findFromRoot(at, name, base+"/"+name, flags)
}

// findFromRoot resolves full, a path from the root, in one call of the host; at and name are
// what the walker begins with if that cannot be. EXDEV means a mount of the host's that the
// user has not named.
func (r *resolver) findFromRoot(at node, name, full string, flags int) (node, error) {
	fd, err := openat2(r.root.fd, full, flags, 0, unix.RESOLVE_IN_ROOT|r.root.mnt.within())
	if err == unix.EXDEV {
		err = errForeign
	}
	return r.orWalk(node{fd, r.root.mnt}, err, at, name, flags)
}

// orWalk falls back on walk where the host refuses openat2 itself, or again and again
// because somebody renames directories meanwhile.
func (r *resolver) orWalk(n node, err error, at node, name string, flags int) (node, error) {
	if err == unix.EAGAIN || r.tree.refused(err) {
		return r.walk(at, name, flags)
	}
	return n, err
}

// refused reports that the host refuses openat2 itself, and has later calls do without.
func (t *Tree) refused(err error) bool {
	if err == unix.ENOSYS || err == unix.EPERM && !haveOpenat2() {
		t.noOpenat2.Store(true)
		return true
	}
	return false
}

// haveOpenat2 tells a filter's EPERM from a file's.
func haveOpenat2() bool {
	fd, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: dirFlags})
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// errSteps says that a path cannot be opened in one call.
var errSteps = errors.New("vfs: step by step")

// inOneCall opens a path with any flags of the host's, if that takes no more than one call
// and nobody's rights need be looked at.
func (r *resolver) inOneCall(at node, name string, flags int, mode uint32) (node, error) {
	from := r.start(at, name)
	if r.walks(from.mnt) || r.direct() {
		return node{fd: -1}, errSteps
	}
	resolve := unix.RESOLVE_BENEATH | from.mnt.within()
	if name[0] == '/' {
		resolve = unix.RESOLVE_IN_ROOT | from.mnt.within()
	}
	fd, err := openat2(from.fd, name, flags|unix.O_CLOEXEC, mode, resolve)
	if err == unix.EXDEV || err == unix.EAGAIN || r.tree.refused(err) {
		return node{fd: -1}, errSteps
	}
	return node{fd, from.mnt}, err
}

// create makes a file under a name and opens it. EEXIST if there is something, be it a
// link that leads nowhere.
func (r *resolver) create(at node, name string, flags int, mode uint32) (node, error) {
	flags |= unix.O_CREAT | unix.O_EXCL | unix.O_CLOEXEC
	if from := r.start(at, name); !from.mnt.origin.ReadOnly && !strings.HasSuffix(name, "/") {
		if n, err := r.inOneCall(at, name, flags, mode); err != errSteps {
			return n, err
		}
	}
	p, err := r.parent(at, name)
	if err != nil {
		return node{fd: -1}, err
	}
	defer p.close()
	return p.create(flags, mode)
}

// create is resolver.create once the directory is found.
func (p parentDir) create(flags int, mode uint32) (node, error) {
	if p.slash {
		err := p.checkSlash(false)
		if err == nil {
			err = unix.EISDIR
		}
		return node{fd: -1}, err
	}
	if err := p.writable(); err != nil {
		return node{fd: -1}, err
	}
	fd, err := p.at.mnt.openAt(p.at.fd, p.name, flags, mode)
	return node{fd, p.at.mnt}, err
}

// openHost is openat(2) of the host.
func openHost(at int, name string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Openat(at, name, flags|unix.O_LARGEFILE, mode)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// renameTries is how often a path that climbs is tried again while others rename.
const renameTries = 64

// openat2 is openat2(2) of the host. RESOLVE_NO_MAGICLINKS always: a link of procfs leads to
// an open file by no name that could be judged. The host gives up with EAGAIN where a rename
// meets a "..", as it cannot tell then whether the path stays inside; after some tries
// the path is walked instead, so a guest that renames for ever slows down its own calls.
func openat2(at int, name string, flags int, mode uint32, resolve uint64) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_LARGEFILE), Resolve: resolve | unix.RESOLVE_NO_MAGICLINKS}
	if flags&unix.O_PATH != 0 {
		how.Flags &^= unix.O_LARGEFILE
	}
	if flags&unix.O_CREAT != 0 {
		how.Mode = uint64(mode)
	}
	for tries := 0; ; {
		fd, err := unix.Openat2(at, name, &how)
		switch {
		case err == unix.EINTR:
		// EAGAIN: something was renamed while the host climbed a "..".
		case err == unix.EAGAIN && tries < renameTries:
			tries++
		default:
			return fd, err
		}
	}
}

// pathOf returns the name of an open file from the root: "" for the root itself.
// ENOENT if it is outside or gone.
func (r *resolver) pathOf(n node) (string, error) {
	name, err := n.path()
	if err != nil || r.root == nil || !n.mnt.free && r.root.id == r.tree.top.id && r.root.mnt == r.tree.top {
		return name, err
	}
	root, err := r.root.path()
	if err != nil {
		return "", err
	}
	return below(root, name)
}

// path returns the present name of an open file in its tree, "" for the tree's root.
func (n node) path() (string, error) {
	name, err := fdPath(n.fd)
	if err != nil || n.mnt.free {
		return name, err
	}
	root, err := fdPath(n.mnt.fd)
	if err != nil {
		return "", err
	}
	name, err = below(root, name)
	if err != nil || n.mnt.on.mnt == nil {
		return name, err
	}
	on, err := n.mnt.on.path()
	return on + name, err
}

// below returns the part of a name that is below a directory's: ENOENT if it is not.
func below(root, name string) (string, error) {
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(root, "/"))
	if !ok || rest != "" && rest[0] != '/' {
		return "", unix.ENOENT
	}
	return strings.TrimSuffix(rest, "/"), nil
}

// fdPath asks the host for the present name of an open file; ENOENT if it was
// removed.
func fdPath(fd int) (string, error) {
	var b [unix.PathMax]byte
	n, err := unix.Readlink(hostfile.ProcPath(fd), b[:])
	if err != nil {
		return "", err
	}
	name := string(b[:n])
	if !strings.HasPrefix(name, "/") {
		return "", unix.ENOENT
	}
	if strings.HasSuffix(name, " (deleted)") {
		// The host's note, unless the file is called so: it has it also of a file that has another link left.
		var st, named unix.Stat_t
		if unix.Fstat(fd, &st) == nil && (st.Nlink == 0 || unix.Lstat(name, &named) != nil || named.Dev != st.Dev || named.Ino != st.Ino) {
			return "", unix.ENOENT
		}
	}
	return name, nil
}

// parentDir is a directory and a name in it, for calls that act on names. In a
// confined tree the name is one component.
type parentDir struct {
	at    node
	name  string
	slash bool // a trailing slash was cut off
	own   bool // at is the caller's to close
}

func (p parentDir) close() {
	if p.own {
		p.at.close()
	}
}

// parent finds where a name is, or would be. A link at the end is followed if a
// slash comes after it, by whatever call, even to what isn't there yet: so namei
// does it, and the host doesn't.
func (r *resolver) parent(at node, name string) (parentDir, error) {
	for links := 0; ; links++ {
		p, err := r.plainParent(at, name)
		if err != nil || !strings.HasSuffix(name, "/") {
			return p, err
		}
		target, isLink, _ := readLink(p.at.fd, p.name)
		if !isLink {
			return p, nil
		}
		p.close()
		if links == netbsd.MAXSYMLINKS {
			return parentDir{}, unix.ELOOP
		}
		name = linked(name, target) + "/"
	}
}

// linked is the name that the link under a name leads to.
func linked(name, target string) string {
	if strings.HasPrefix(target, "/") {
		return target
	}
	dir, _ := path.Split(strings.TrimRight(name, "/"))
	return dir + target
}

// plainParent splits a path and opens its directory; a link at the end is not followed.
func (r *resolver) plainParent(at node, name string) (parentDir, error) {
	trimmed := strings.TrimRight(name, "/")
	slash := len(trimmed) < len(name)
	if r.direct() {
		if trimmed == "" {
			trimmed = "/"
		}
		return parentDir{at: at, name: trimmed, slash: slash}, nil
	}
	dirName, last := path.Split(trimmed)
	p := parentDir{name: last, slash: slash, own: true}
	switch {
	case trimmed == "":
		dirName, p.name = "/", "."
	case dirName == "":
		dirName = "."
	}
	if last == ".." {
		// The host must not climb from a directory that may be the root.
		dirName, p.name = trimmed, "."
	}
	var err error
	p.at, err = r.find(at, dirName, unix.O_DIRECTORY)
	return p, err
}
