package vfs

import (
	"strings"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// walker resolves a path one component at a time: where the host has no openat2, where
// mounts of the tree's own may lie on the way, and where the caller's right to search each
// directory is checked.
//
// stack holds the files that it has come through, up to where it stands, so that ".." goes
// back to them without asking the host, wherever a directory was moved meanwhile. Above
// the first the host is asked, and its answer is looked at (above): that is where the walk
// began, or as far back as is kept, for each open file of the host's is one less for others.
type walker struct {
	r     *resolver
	stack []visited
	links int
}

// maxVisited is how many files the stack holds.
const maxVisited = 16

type visited struct {
	node
	own bool // the caller's to close
	dir bool
}

// walk is resolver.find in single steps.
func (r *resolver) walk(at node, name string, flags int) (node, error) {
	w := walker{r: r, stack: []visited{{node: at, dir: true}}}
	if strings.HasPrefix(name, "/") {
		w.stack[0].node = r.top()
	}
	defer w.pop(0)
	return w.run(name, flags)
}

func (w *walker) top() *visited { return &w.stack[len(w.stack)-1] }

// pop forgets files until keep are left.
func (w *walker) pop(keep int) {
	for len(w.stack) > keep {
		if v := w.top(); v.own {
			v.close()
		}
		w.stack = w.stack[:len(w.stack)-1]
	}
}

// run takes the steps. A link's target takes the place of the link in what is left of the
// path, so that a path that grows without end ends as namei has it: by MAXSYMLINKS or
// PATH_MAX.
func (w *walker) run(name string, flags int) (node, error) {
	for {
		name = strings.TrimLeft(name, "/")
		head, rest, slash := strings.Cut(name, "/")
		last := strings.Trim(rest, "/") == ""
		target, err := w.enter(head, last && !slash && flags&unix.O_NOFOLLOW != 0)
		if err != nil {
			return node{fd: -1}, err
		}
		switch {
		case target != "":
			name = target
			if slash {
				name += "/" + rest
			}
			if len(name) >= netbsd.PATH_MAX {
				return node{fd: -1}, unix.ENAMETOOLONG
			}
		case last:
			return w.result(slash || flags&unix.O_DIRECTORY != 0)
		default:
			name = rest
		}
	}
}

// enter goes on to one component. If that is a link to be followed, it stays where the
// link's target is to be resolved from, and returns the target.
func (w *walker) enter(name string, keepLink bool) (target string, err error) {
	if name == "" { // the path was all slashes
		return "", nil
	}
	if err := w.search(); err != nil {
		return "", err
	}
	switch name {
	case ".":
		return "", nil
	case "..":
		return "", w.up()
	}
	n, st, err := step(w.top().node, name)
	if err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK && !keepLink {
		return w.link(n, name)
	}
	w.push(n, st.Mode&unix.S_IFMT == unix.S_IFDIR)
	return "", nil
}

// push goes on to n, which it owns.
func (w *walker) push(n node, dir bool) {
	if len(w.stack) == maxVisited {
		if w.stack[0].own {
			w.stack[0].close()
		}
		w.stack = append(w.stack[:0], w.stack[1:]...)
	}
	w.stack = append(w.stack, visited{n, true, dir})
}

// search checks that names can be looked up where the walker stands, and by the caller.
func (w *walker) search() error {
	v := w.top()
	if !v.dir {
		return unix.ENOTDIR
	}
	if w.r.search == nil {
		return nil
	}
	return w.r.search(v.node)
}

// up is "..".
func (w *walker) up() error {
	if len(w.stack) > 1 {
		w.pop(len(w.stack) - 1)
		return nil
	}
	n, err := w.r.above(w.top().node)
	if err != nil {
		return err
	}
	w.pop(0)
	w.push(n, true)
	return nil
}

// link reads a link, which it closes. What the host answers for one of procfs, whose
// target is more than a name, is only for its own tree.
func (w *walker) link(n node, name string) (string, error) {
	defer n.close()
	if w.links++; w.links > netbsd.MAXSYMLINKS {
		return "", unix.ELOOP
	}
	if n.mnt.free && isMagic(n.fd) {
		return "", w.follow(name)
	}
	target, isLink, err := readLink(n.fd, "")
	if err == nil && (!isLink || target == "") {
		err = unix.ENOENT
	}
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(target, "/") {
		w.pop(0)
		w.stack = append(w.stack, visited{node: w.r.top(), dir: true})
	}
	return target, nil
}

// isMagic reports whether a link is one of procfs.
func isMagic(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && st.Type == unix.PROC_SUPER_MAGIC
}

// follow goes through a magic link.
func (w *walker) follow(name string) error {
	if w.r.root != nil {
		return unix.ELOOP
	}
	v := w.top()
	fd, err := openHost(v.fd, name, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return err
	}
	w.push(node{fd, v.mnt}, st.Mode&unix.S_IFMT == unix.S_IFDIR)
	return nil
}

// result hands over where the walker stands.
func (w *walker) result(wantDir bool) (node, error) {
	v := w.top()
	if wantDir && !v.dir {
		return node{fd: -1}, unix.ENOTDIR
	}
	if !v.own {
		return v.dup()
	}
	v.own = false
	return v.node, nil
}

// step opens what a directory has under a name, not through a link. Where a mount lies on
// it, it is the mount's root.
func step(dir node, name string) (n node, st unix.Stat_t, err error) {
	n = node{mnt: dir.mnt}
	if n.fd, err = n.mnt.openAt(dir.fd, name, unix.O_PATH, 0); err != nil {
		return n, st, err
	}
	if err = unix.Fstat(n.fd, &st); err != nil {
		n.close()
		return n, st, err
	}
	for {
		m := n.mnt.covered[hostfile.InodeOf(&st)]
		if m == nil {
			return n, st, nil
		}
		n.close()
		if n, err = m.root().dup(); err != nil {
			return n, st, err
		}
		if err = unix.Fstat(n.fd, &st); err != nil {
			n.close()
			return n, st, err
		}
	}
}

// above opens the directory above n: from the root of a mount, that above what it covers;
// from the root of all, itself. ENOENT if n is not below the root, or not any more: so
// the answer that the host gave for ".." is kept only if that is.
func (r *resolver) above(n node) (node, error) {
	for {
		var st unix.Stat_t
		if err := unix.Fstat(n.fd, &st); err != nil {
			return node{fd: -1}, err
		}
		id := hostfile.InodeOf(&st)
		if r.root != nil && n.mnt == r.root.mnt && id == r.root.id {
			return n.dup()
		}
		if n.mnt.on.mnt == nil || id != n.mnt.id {
			break
		}
		n = n.mnt.on
	}
	fd, err := openHost(n.fd, "..", dirFlags, 0)
	if err != nil {
		return node{fd: -1}, err
	}
	up := node{fd, n.mnt}
	if r.root != nil {
		if _, err := r.pathOf(up); err != nil {
			up.close()
			return node{fd: -1}, err
		}
	}
	return up, nil
}

// readLink reads the link that a directory has under a name, or the open link itself if
// the name is empty.
func readLink(at int, name string) (string, bool, error) {
	var b [unix.PathMax]byte
	n, err := unix.Readlinkat(at, name, b[:])
	if err == unix.EINVAL {
		return "", false, nil
	}
	return string(b[:max(n, 0)]), err == nil, err
}
