package fs

import (
	"path"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// resolver turns a guest's path into a host file, from a working directory and
// a root. A nil root is the host's: names then go to the host as they are.
type resolver struct {
	cwd, root *dir
}

// noOpenat2 is set once the host turns out not to have it (before Linux 5.6, or
// forbidden by a container's filter).
var noOpenat2 atomic.Bool

// open opens a path relative to the folder at. flags and mode are the host's.
func (r *resolver) open(at int, name string, flags int, mode uint32) (int, error) {
	flags |= unix.O_CLOEXEC
	if r.root == nil {
		return openHost(at, name, flags, mode)
	}
	if noOpenat2.Load() {
		return r.walk(at, name, flags, mode)
	}
	if !strings.HasPrefix(name, "/") {
		fd, err := openat2(at, name, flags, mode, unix.RESOLVE_BENEATH)
		if err != unix.EXDEV {
			return r.orWalk(fd, err, at, name, flags, mode)
		}
		// It climbs above at, or meets an absolute link: name the place
		// from the root.
		base, err := r.pathOf(at)
		if err != nil {
			return -1, err
		}
		name = base + "/" + name
	}
	fd, err := openat2(r.root.fd, name, flags, mode, unix.RESOLVE_IN_ROOT)
	return r.orWalk(fd, err, at, name, flags, mode)
}

// orWalk falls back on walk where the host refuses openat2 itself.
func (r *resolver) orWalk(fd int, err error, at int, name string, flags int, mode uint32) (int, error) {
	if err == unix.ENOSYS || (err == unix.EPERM && !haveOpenat2()) {
		noOpenat2.Store(true)
		return r.walk(at, name, flags, mode)
	}
	return fd, err
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

func openHost(at int, name string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Openat(at, name, flags|unix.O_LARGEFILE, mode)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func openat2(at int, name string, flags int, mode uint32, resolve uint64) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_LARGEFILE), Resolve: resolve | unix.RESOLVE_NO_MAGICLINKS}
	if flags&unix.O_PATH != 0 {
		how.Flags &^= unix.O_LARGEFILE
	}
	if flags&unix.O_CREAT != 0 {
		how.Mode = uint64(mode)
	}
	for {
		fd, err := unix.Openat2(at, name, &how)
		// EAGAIN: something was renamed while the host climbed a "..".
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
}

// pathOf gives the name of an open folder from the root: "" for the root
// itself. ENOENT if it is outside or gone.
func (r *resolver) pathOf(fd int) (string, error) {
	name, err := fdPath(fd)
	if err != nil || r.root == nil {
		return name, err
	}
	root, err := fdPath(r.root.fd)
	if err != nil {
		return "", err
	}
	if root == "/" {
		return name, nil
	}
	rest, ok := strings.CutPrefix(name, root)
	if !ok || rest != "" && rest[0] != '/' {
		return "", unix.ENOENT
	}
	return rest, nil
}

// fdPath asks the host for the present name of an open file; ENOENT if it was
// removed.
func fdPath(fd int) (string, error) {
	link := procPath(fd)
	if fd == unix.AT_FDCWD {
		link = "/proc/self/cwd"
	}
	var b [unix.PathMax]byte
	n, err := unix.Readlink(link, b[:])
	if err != nil {
		return "", err
	}
	name := string(b[:n])
	if !strings.HasPrefix(name, "/") {
		return "", unix.ENOENT
	}
	if strings.HasSuffix(name, " (deleted)") {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Nlink == 0 {
			return "", unix.ENOENT
		}
	}
	return name, nil
}

// procPath is a name of the host by which an open file is reached again,
// whatever its real name is now.
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// place is a folder and a name in it, for calls that act on names. In a
// confined tree the name is one component.
type place struct {
	at    int
	name  string
	slash bool // a trailing slash was cut off
	own   bool // at is ours to close
}

func (p place) close() {
	if p.own {
		unix.Close(p.at)
	}
}

// parent finds where a name is, or would be. A link at the end is followed if a
// slash comes after it, by whatever call, even to what isn't there yet: so namei
// does it, and the host doesn't.
func (r *resolver) parent(at int, name string) (place, error) {
	for links := 0; ; links++ {
		p, err := r.plainParent(at, name)
		if err != nil || !strings.HasSuffix(name, "/") {
			return p, err
		}
		target, isLink, _ := readLink(p.at, p.name)
		if !isLink {
			return p, nil
		}
		p.close()
		if links == netbsd.MAXSYMLINKS {
			return place{}, unix.ELOOP
		}
		if dir, _ := path.Split(strings.TrimRight(name, "/")); !strings.HasPrefix(target, "/") {
			target = dir + target
		}
		name = target + "/"
	}
}

func (r *resolver) plainParent(at int, name string) (place, error) {
	trimmed := strings.TrimRight(name, "/")
	slash := len(trimmed) < len(name)
	if r.root == nil {
		if trimmed == "" {
			trimmed = "/"
		}
		return place{at: at, name: trimmed, slash: slash}, nil
	}
	dirName, last := path.Split(trimmed)
	p := place{name: last, slash: slash, own: true}
	switch {
	case trimmed == "":
		dirName, p.name = "/", "."
	case dirName == "":
		dirName = "."
	}
	if last == ".." {
		// The host must not climb from a folder that may be the root.
		dirName, p.name = trimmed, "."
	}
	var err error
	p.at, err = r.open(at, dirName, dirFlags, 0)
	return p, err
}
