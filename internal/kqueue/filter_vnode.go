package kqueue

import (
	"toaster/internal/file"
	"toaster/netbsd"
)

// vnodeSource is EVFILT_VNODE: what happens to a file or directory of the host.
type vnodeSource struct {
	kn    *knote
	files *file.Table
	stop  func()
}

// attachVnode needs a file or directory of the host. EINVAL: the file is none, and knows other filters alone. EOPNOTSUPP: it knows
// none (fnullop_kqfilter), or the kernel makes it.
func attachVnode(c Caller, kn *knote) (source, netbsd.Errno) {
	fd := fdOf(kn.ident)
	d, errno := c.Files.Get(fd)
	if errno != 0 {
		return nil, errno
	}
	defer d.Release()
	if errno := refused(d, kn); errno != 0 {
		return nil, errno
	}
	s := &vnodeSource{kn: kn, files: c.Files}
	if s.stop, errno = watch(c, kn, d, kn.sfflags, s.note); errno != 0 {
		return nil, unwatchable(d, errno)
	}
	if errno := c.Files.Attach(fd, d, s); errno != 0 {
		s.stop()
		return nil, errno
	}
	return s, 0
}

// unwatchable is why d cannot be watched, as pipe_kqfilter, soo_kqfilter and others have it of a filter that is not theirs.
func unwatchable(d *file.Description, errno netbsd.Errno) netbsd.Errno {
	st, failed := d.File.Stat()
	if kind := st.Mode & netbsd.S_IFMT; errno != netbsd.EOPNOTSUPP || failed != 0 || kind == netbsd.S_IFREG || kind == netbsd.S_IFDIR {
		return errno
	}
	return netbsd.EINVAL
}

// watch has fn hear what happens to d, for a knote.
func watch(c Caller, kn *knote, d *file.Description, want uint32, fn func(note uint32)) (stop func(), errno netbsd.Errno) {
	m := c.Files.Machine()
	if stop, errno = m.Watch(d, want, fn); errno == 0 {
		kn.q.watching.Store(m)
	}
	return stop, errno
}

// oneHint are the notes that VN_KNOTE is given together: a write that extends its file, a size that grows, and a directory that
// comes or goes in another.
var oneHint = [...]uint32{
	netbsd.NOTE_WRITE | netbsd.NOTE_EXTEND, netbsd.NOTE_ATTRIB | netbsd.NOTE_EXTEND, netbsd.NOTE_WRITE | netbsd.NOTE_LINK,
}

// note is filt_genfsvnode: who wants one note of a hint is told the whole hint.
func (s *vnodeSource) note(n uint32) {
	s.kn.happen(func() bool {
		wanted := n & s.kn.sfflags
		s.kn.fflags |= wanted
		for _, hint := range oneHint {
			if wanted&hint != 0 {
				s.kn.fflags |= n & hint
			}
		}
		return wanted != 0
	})
}

// FDClosed implements file.Knote.
func (s *vnodeSource) FDClosed() {
	s.stop()
	q := s.kn.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if !s.kn.dead {
		q.dropLocked(s.kn)
	}
}

func (s *vnodeSource) detach(*knote) {
	s.files.Detach(fdOf(s.kn.ident), s)
	s.stop()
}

func (s *vnodeSource) poll(kn *knote) (state, bool) { return state{}, kn.happened() }
