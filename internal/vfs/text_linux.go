package vfs

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// texts has NetBSD's word on files that are written to and programs that run: no file is both (v_writecount and VI_TEXT of a vnode). It
// counts what the machine's guests have open by name, and what their processes run, so an entry is paid for with an open file or a
// process. What programs of the host have open, and what those are that run, is the host's to refuse.
//
// mu guards all of it; no other lock is taken with it.
type texts struct {
	mu sync.Mutex
	of map[file.Inode]textUse
}

// textUse is one file's. Not both counts are above 0.
type textUse struct {
	writers, runs int
	kept          int // a descriptor while it runs, without which its number could become another file's once it has no name
}

// busy is vn_writechk: ETXTBSY for a program that runs.
func (t *texts) busy(id file.Inode) netbsd.Errno {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[id].runs > 0 {
		return netbsd.ETXTBSY
	}
	return 0
}

// write counts a file that is about to be open for writing, until the function that it returns is called.
func (t *texts) write(id file.Inode) (done func(), errno netbsd.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.of[id]
	if u.runs > 0 {
		return nil, netbsd.ETXTBSY
	}
	u.writers++
	t.put(id, u)
	return func() { t.wrote(id) }, 0
}

func (t *texts) wrote(id file.Inode) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.of[id]
	u.writers--
	t.put(id, u)
}

// put is called with mu held.
func (t *texts) put(id file.Inode, u textUse) {
	switch {
	case u.writers == 0 && u.runs == 0:
		delete(t.of, id)
		return
	case t.of == nil:
		t.of = map[file.Inode]textUse{}
	}
	t.of[id] = u
}

// A Text is a program that a process runs. Whoever has one owes it End. The zero Text is nobody's.
type Text struct {
	t  *texts
	id file.Inode
}

// RunText is vn_marktext of an open program: ETXTBSY if a guest has it open for writing. Until the Text ends nobody opens it so.
func (v View) RunText(f *os.File) (Text, netbsd.Errno) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return Text{}, hostfile.Errno(err)
	}
	x := Text{&v.Dirs.tree.texts, hostfile.InodeOf(&st)}
	x.t.mu.Lock()
	defer x.t.mu.Unlock()
	u := x.t.of[x.id]
	switch {
	case u.writers > 0:
		return Text{}, netbsd.ETXTBSY
	case u.runs == 0:
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return Text{}, hostfile.Errno(err)
		}
		u.kept = fd
	}
	u.runs++
	x.t.put(x.id, u)
	return x, 0
}

// Again is the Text of one more process that runs it: a fork's child.
func (x Text) Again() Text {
	if x.t == nil {
		return x
	}
	x.t.mu.Lock()
	defer x.t.mu.Unlock()
	u := x.t.of[x.id]
	u.runs++
	x.t.put(x.id, u)
	return x
}

// End says that the process runs it no more.
func (x Text) End() {
	if x.t == nil {
		return
	}
	x.t.mu.Lock()
	defer x.t.mu.Unlock()
	u := x.t.of[x.id]
	if u.runs--; u.runs == 0 {
		unix.Close(u.kept)
	}
	x.t.put(x.id, u)
}

// toWrite counts a file that is about to be opened with flags that write, if they do, until done is called.
// st is what the host says of it.
func (l *lookup) toWrite(st *unix.Stat_t, flags int) (done func(), err error) {
	if !writes(flags) || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return func() {}, nil
	}
	done, errno := l.tree.texts.write(hostfile.InodeOf(st))
	return done, asError(errno)
}

// nameToWrite is toWrite of what a name of the host's leads to, which may be another file when it is opened: describe looks again.
func (l *lookup) nameToWrite(flags int) (done func(), err error) {
	if !writes(flags) {
		return func() {}, nil
	}
	hf := 0
	if flags&netbsd.O_NOFOLLOW != 0 {
		hf = unix.AT_SYMLINK_NOFOLLOW
	}
	var st unix.Stat_t
	if unix.Fstatat(l.at.fd, l.name, &st, hf) != nil {
		return func() {}, nil // the open will say why
	}
	return l.toWrite(&st, flags)
}
