package fs

import (
	"strings"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// walker resolves a path in user mode. stack holds the open folders from the
// root to where it stands: ".." pops, and at the root does nothing.
type walker struct {
	stack []int
	links int
}

// walk is resolver.open for hosts without openat2.
func (r *resolver) walk(at int, name string, flags int, mode uint32) (int, error) {
	if !strings.HasPrefix(name, "/") {
		base, err := r.pathOf(at)
		if err != nil {
			return -1, err
		}
		name = base + "/" + name
	}
	w := walker{stack: []int{r.root.fd}}
	defer w.pop(1)
	return w.run(name, flags, mode)
}

func (w *walker) top() int { return w.stack[len(w.stack)-1] }

// pop closes folders until keep are left; the first is the root's own.
func (w *walker) pop(keep int) {
	for len(w.stack) > keep {
		unix.Close(w.top())
		w.stack = w.stack[:len(w.stack)-1]
	}
}

func (w *walker) run(name string, flags int, mode uint32) (int, error) {
	for {
		head, rest, more := strings.Cut(strings.TrimLeft(name, "/"), "/")
		rest = strings.TrimLeft(rest, "/")
		last := rest == ""
		switch head {
		case "", ".":
			if last {
				return openHost(w.top(), ".", flags&^unix.O_CREAT, mode)
			}
			name = rest
			continue
		case "..":
			w.pop(max(1, len(w.stack)-1))
			name = "./" + rest
			continue
		}
		target, isLink, err := readLink(w.top(), head)
		if err != nil && !(last && err == unix.ENOENT) {
			return -1, err
		}
		if isLink && !(last && !more && keepsLink(flags)) {
			if w.links++; w.links > netbsd.MAXSYMLINKS {
				return -1, unix.ELOOP
			}
			if strings.HasPrefix(target, "/") {
				w.pop(1)
			}
			name = target
			if more {
				name += "/" + rest
			}
			continue
		}
		if last {
			if more {
				flags |= unix.O_DIRECTORY
			}
			return openHost(w.top(), head, flags|unix.O_NOFOLLOW, mode)
		}
		fd, err := openHost(w.top(), head, dirFlags|unix.O_NOFOLLOW, 0)
		if err != nil {
			return -1, err
		}
		w.stack = append(w.stack, fd)
		name = rest
	}
}

// keepsLink reports whether an open with these flags is about the link itself.
func keepsLink(flags int) bool {
	return flags&unix.O_NOFOLLOW != 0 || flags&(unix.O_CREAT|unix.O_EXCL) == unix.O_CREAT|unix.O_EXCL
}

func readLink(at int, name string) (string, bool, error) {
	var b [unix.PathMax]byte
	n, err := unix.Readlinkat(at, name, b[:])
	if err == unix.EINVAL {
		return "", false, nil
	}
	return string(b[:max(n, 0)]), err == nil, err
}
