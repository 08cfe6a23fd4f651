package vfs

import (
	"path"
	"strings"

	"toaster/netbsd"
)

// This file looks names up in the file systems that the machine makes up. As in /dev, only the words of
// a path count, after "." and ".." are taken out of it; what a link of the host's leads to is met by
// linkToMade.

// AddFS puts a file system of the machine's own at an absolute name, unless the user has put one there. Only
// a tree with a root has such: the host's own has its file systems there already.
func (t *Tree) AddFS(at string, find Finder) { t.addFS(madeFS{at: at, find: find}) }

func (t *Tree) addFS(fs madeFS) {
	if t.top.free || !fs.open && t.mountedAt(fs.at) {
		return
	}
	t.made = append(t.made, fs)
}

// mountedAt reports whether the user has put a mount at a name, or below.
func (t *Tree) mountedAt(at string) bool {
	for _, m := range t.others {
		if name, err := m.on.path(); err == nil && (name == at || strings.HasPrefix(name, at+"/")) {
			return true
		}
	}
	return false
}

// enterMade finds what the path means there, and leaves it in l.made. Links on the way are followed; one
// at the end is, too, if a slash comes after it, or if it is another name of the file itself. A link
// may lead out, into the root: l.name is then where to.
func (l *lookup) enterMade() netbsd.Errno {
	for range netbsd.MAXSYMLINKS {
		fs, rest := l.madeAt()
		if fs == nil {
			return 0
		}
		next, errno := l.walkMade(fs, rest)
		switch {
		case errno == netbsd.ENOENT && fs.open:
			return 0
		case errno != 0:
			l.made, l.isMade = Device{errno: errno, Fixed: true}, true
			return 0
		case next == "":
			return 0
		}
		l.name = next
		if next[0] != '/' {
			return netbsd.ENOENT
		}
	}
	return netbsd.ELOOP
}

// madeAt returns the file system that the path leads into by its words, and the name there.
func (l *lookup) madeAt() (*madeFS, string) {
	if l.name[0] != '/' || !strings.Contains(l.name, "dev") && !strings.Contains(l.name, "proc") {
		return nil, ""
	}
	made := l.v.Dirs.tree.made
	if len(made) == 0 || l.v.Dirs.chrooted() {
		return nil, ""
	}
	name := path.Clean(l.name)
	for i := range made {
		if rest, ok := strings.CutPrefix(name, made[i].at); ok && (rest == "" || rest[0] == '/') {
			return &made[i], strings.TrimPrefix(rest, "/")
		}
	}
	return nil, ""
}

// walkMade looks a name up one component at a time. It returns where to go on if there is a link to
// follow; else l.made is what was found.
func (l *lookup) walkMade(fs *madeFS, rest string) (next string, errno netbsd.Errno) {
	dev, errno := fs.find(l.v, "")
	for done := ""; errno == 0 && rest != ""; {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		if dev.List == nil {
			return "", netbsd.ENOTDIR
		}
		dir := done
		done = path.Join(done, part)
		if dev, errno = fs.find(l.v, done); errno != 0 {
			break
		}
		if dev.Link == "" || rest == "" && !dev.Alias && !strings.HasSuffix(l.name, "/") {
			continue
		}
		next = dev.Link
		if next[0] != '/' {
			next = path.Join(fs.at, dir, next)
		}
		return belowMade(next, rest+slashOf(l.name)), 0
	}
	if errno == 0 && dev.List == nil && dev.Link == "" && strings.HasSuffix(l.name, "/") {
		errno = netbsd.ENOTDIR
	}
	if errno == 0 {
		l.made, l.isMade = dev, true
	}
	return "", errno
}

// belowMade is the name that a name means in a directory of the machine's own. The host need not have that
// directory, so ".." is taken out of it here.
func belowMade(dir, name string) string { return path.Join(dir, name) + slashOf(name) }

// slashOf is the slash at the end of a name.
func slashOf(name string) string {
	if strings.HasSuffix(name, "/") {
		return "/"
	}
	return ""
}

// target is where a link that was found in a file system of the machine's own leads.
func (l *lookup) target(dev Device) string {
	if dev.Link[0] == '/' {
		return dev.Link
	}
	return path.Join(path.Dir(path.Clean(l.name)), dev.Link)
}

// onward is the caller's view for the call that goes on where such a link leads. A link can lead to itself: a guest can make a
// directory beneath /proc, by a name that does not begin there, work in it, and so choose what /proc/PID/cwd says.
func (l *lookup) onward() View {
	v := l.v
	v.links++
	return v
}

// inMade reports whether a name leads into a file system of the machine's own.
func (t *Tree) inMade(name string) bool {
	for i := range t.made {
		if rest, ok := strings.CutPrefix(path.Clean(name), t.made[i].at); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// enterMadeDir makes a directory of the machine's own the one that set takes. It has no host directory:
// that of the root stands in for it, and names from it begin with its own.
func (v View) enterMadeDir(l *lookup, dev Device, set func(*dir) netbsd.Errno) netbsd.Errno {
	switch {
	case dev.errno != 0:
		return dev.errno
	case dev.List == nil:
		return netbsd.ENOTDIR
	}
	if l.cred != nil {
		if errno := canAccess(l.cred, attrsOfDevice(dev), mayExec); errno != 0 {
			return errno
		}
	}
	return v.setMadeDir(path.Clean(l.name), set)
}

func (v View) setMadeDir(name string, set func(*dir) netbsd.Errno) netbsd.Errno {
	top, err := v.Dirs.tree.top.root().dup()
	if err != nil {
		return netbsd.ENFILE
	}
	n, err := newDir(top)
	if err != nil {
		return netbsd.EIO
	}
	n.made = name
	v.Dirs.mu.Lock()
	defer v.Dirs.mu.Unlock()
	if v.Dirs.cwd == nil { // the process is gone
		n.release()
		return netbsd.ESRCH
	}
	return set(n)
}
