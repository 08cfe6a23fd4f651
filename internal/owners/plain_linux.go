package owners

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// This file keeps marks of files that can have no attribute, in lines of a plain file:
//
//	INODE BORN MARK FLAGS
//
// where BORN is when the inode was made, in nanoseconds, for its number may be another file's
// later; and "INODE BORN -" for a mark that is gone. Of two lines of one inode the later one
// holds. Lines are only added, in one write each, so that machines can share the file; who has
// it alone when it is opened leaves out what is old.
//
// Guests see a file of root's that nobody may change, remove or give another name (SF_IMMUTABLE of
// chflags(2)), and so root's mistakes do not lose what is kept there.

// PlainName is the plain file's name in the root of the tree.
const PlainName = ".toaster-owners"

// plainHead is the plain file's first line.
const plainHead = "toaster owners 1\n"

// maxPlain bounds what a file that is no such file can cost.
const maxPlain = 1 << 30

// plain are such marks, guarded by the keeper's mu.
type plain struct {
	root   int // of the tree; -1: nothing is written
	uid    uint32
	file   *os.File // nil until there is a mark
	inode  uint64
	marks  map[uint64]line
	lines  int
	broken error // the file cannot be written: nothing more is kept
}

type line struct {
	born stamp
	mark Mark
}

func (p *plain) init(root int, inMemory bool, uid uint32) {
	p.root, p.uid = root, uid
	if inMemory {
		p.root = -1
	}
}

func (p *plain) close() {
	if p.file != nil {
		p.file.Close()
	}
}

// ino is the plain file's inode, 0 if there is none.
func (p *plain) ino() uint64 { return p.inode }

// get returns the mark of a file.
func (p *plain) get(s seen, fd int) (Mark, bool) {
	l, ok := p.marks[s.ino]
	if !ok || l.mark.Mode&netbsd.S_IFMT != s.kind() && s.kind() != netbsd.S_IFREG {
		return Mark{}, false
	}
	return l.mark, l.born == stampOf(s, fd)
}

// stampOf is when the inode of an open file was made.
func stampOf(s seen, fd int) stamp {
	if s.born != (stamp{}) {
		return s.born
	}
	s, _ = look(fd)
	return s.born
}

// put keeps a mark.
func (p *plain) put(s seen, fd int, m Mark) error {
	l := line{stampOf(s, fd), m}
	if has, ok := p.marks[s.ino]; ok && has == l {
		return nil
	}
	if err := p.write(s.ino, l, m.String()); err != nil {
		return err
	}
	p.set(s.ino, l)
	return nil
}

func (p *plain) set(ino uint64, l line) {
	if p.marks == nil {
		p.marks = map[uint64]line{}
	}
	p.marks[ino] = l
}

// drop takes the mark of a file away.
func (p *plain) drop(s seen, _ int) error {
	p.forget(s.ino)
	return nil
}

// forget drops what is known of an inode. A line that cannot be written does no harm: the
// next file of that number is another one.
func (p *plain) forget(ino uint64) {
	if l, ok := p.marks[ino]; ok {
		delete(p.marks, ino)
		p.write(ino, l, "-")
	}
}

// write adds a line.
func (p *plain) write(ino uint64, l line, mark string) error {
	if p.root < 0 {
		return nil
	}
	if p.file == nil {
		if err := p.open(true); err != nil {
			return err
		}
	}
	if p.broken != nil {
		return p.broken
	}
	p.lines++
	n, err := p.file.WriteString(format(ino, l, mark))
	if n > 0 && err != nil { // half a line would spoil the next one
		p.broken = err
	}
	return unwrap(err)
}

func format(ino uint64, l line, mark string) string {
	if mark == "-" {
		return fmt.Sprintf("%d %d%09d -\n", ino, l.born.sec, l.born.nsec)
	}
	return fmt.Sprintf("%d %d%09d %s %#x\n", ino, l.born.sec, l.born.nsec, mark, l.mark.Flags)
}

// unwrap is the host's error in one of os.
func unwrap(err error) error {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err
	}
	return err
}

// open opens the plain file, and makes it with create. EPERM: what has its name is none.
//
// The file is locked (flock(2)) as long as it is open, so that nobody else writes it anew meanwhile: then the name is
// another file's when the lock is there. Somebody who keeps the lock for good is not waited for.
func (p *plain) open(create bool) error {
	for tries := 0; ; tries++ {
		fd, err := p.openOrMake(create)
		if err != nil {
			return err
		}
		locked := unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB) == nil
		s, err := p.check(fd)
		if err != nil {
			unix.Close(fd)
			return err
		}
		if tries < lockTries && !(locked && p.stillNamed(s)) {
			unix.Close(fd)
			time.Sleep(lockPause)
			continue
		}
		p.file, p.inode = os.NewFile(uintptr(fd), PlainName), s.ino
		return nil
	}
}

// lockTries and lockPause bound the wait for who writes the file anew.
const lockTries, lockPause = 100, 5 * time.Millisecond

func (p *plain) openOrMake(create bool) (fd int, err error) {
	fd, err = p.openNamed(PlainName, unix.O_RDWR)
	if err == unix.EROFS {
		fd, err = p.openNamed(PlainName, unix.O_RDONLY)
	}
	if err != unix.ENOENT || !create {
		return fd, err
	}
	if fd, err = p.make(PlainName); err != nil {
		return -1, err
	}
	if _, err := unix.Write(fd, []byte(plainHead)); err != nil {
		unix.Close(fd)
		unix.Unlink(path(p.root) + "/" + PlainName)
		return -1, err
	}
	return fd, nil
}

// check tells the plain file from what a guest has given its name: what is not marked as toaster's own is not taken for
// one. A guest may be able to make files in the root, and none can mark one so. A link is none, ever.
func (p *plain) check(fd int) (seen, error) {
	s, err := look(fd)
	if err == nil && (s.kind() != netbsd.S_IFREG || s.uid != p.uid || !isOwn(fd, s)) {
		err = unix.EPERM
	}
	return s, err
}

// stillNamed reports whether the name is still the file's.
func (p *plain) stillNamed(s seen) bool {
	var st unix.Stat_t
	return unix.Lstat(path(p.root)+"/"+PlainName, &st) == nil && st.Ino == s.ino
}

func (p *plain) openNamed(name string, flags int) (int, error) {
	const always = unix.O_APPEND | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	return unix.Open(path(p.root)+"/"+name, flags|always, 0o600)
}

// make makes a file that is marked as toaster's own: by the attribute that no guest sets, or, where there are none, by
// the sticky bit, which no guest can set on a file of the host's that is no directory (canChmod of package vfs).
func (p *plain) make(name string) (int, error) {
	fd, err := p.openNamed(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return -1, err
	}
	err = unix.Fsetxattr(fd, attrName, []byte(ownMark.String()), 0)
	if err == unix.EOPNOTSUPP {
		err = unix.Fchmod(fd, 0o600|unix.S_ISVTX)
	}
	if err != nil {
		unix.Close(fd)
		unix.Unlink(path(p.root) + "/" + name)
		return -1, err
	}
	return fd, nil
}

// ownMark is the plain file's.
var ownMark = Mark{Mode: netbsd.S_IFREG | 0o600, Flags: netbsd.SF_IMMUTABLE}

func isOwn(fd int, s seen) bool {
	var b [maxMark]byte
	n, err := unix.Fgetxattr(fd, attrName, b[:])
	if err == unix.EOPNOTSUPP {
		return s.mode&unix.S_ISVTX != 0
	}
	return err == nil && string(b[:n]) == ownMark.String()
}

// load reads the plain file, if there is one.
func (p *plain) load() (found bool, err error) {
	if p.root < 0 {
		return false, nil
	}
	switch err := p.open(false); err {
	case nil:
	case unix.ENOENT:
		return false, nil
	case unix.EROFS, unix.EACCES, unix.EPERM, unix.ELOOP, unix.ENXIO, unix.EISDIR:
		return false, nil // what cannot be written to is not toaster's
	default:
		return false, fmt.Errorf("%s: %w", PlainName, err)
	}
	if err := p.read(); err != nil {
		return false, err
	}
	if p.lines > 2*len(p.marks)+1024 {
		p.compact()
	}
	return true, nil
}

// anyAppends reports whether some file is append-only.
func (p *plain) anyAppends() bool {
	for _, l := range p.marks {
		if l.mark.AppendOnly() {
			return true
		}
	}
	return false
}

// read reads the file from its beginning.
func (p *plain) read() error {
	p.marks, p.lines = nil, 0
	st, err := p.file.Stat()
	if err != nil {
		return err
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if st.Size() > maxPlain {
		return fmt.Errorf("%s: it is too long for what it should be; remove it, and all links and devices of the tree are yours again", PlainName)
	}
	in := bufio.NewScanner(p.file)
	for in.Scan() {
		if ino, l, ok := parseLine(in.Text()); ok {
			p.lines++
			if l.mark == (Mark{}) {
				delete(p.marks, ino)
			} else {
				p.set(ino, l)
			}
		}
	}
	return in.Err()
}

// parseLine reads a line; ok: it is one. The mark of one that takes a mark away is empty.
func parseLine(s string) (ino uint64, l line, ok bool) {
	f := strings.Fields(s)
	if len(f) != 3 && len(f) != 4 {
		return 0, l, false
	}
	ino, err := strconv.ParseUint(f[0], 10, 64)
	if err != nil || len(f[1]) < 10 {
		return 0, l, false
	}
	sec, err1 := strconv.ParseInt(f[1][:len(f[1])-9], 10, 64)
	nsec, err2 := strconv.ParseUint(f[1][len(f[1])-9:], 10, 32)
	if err1 != nil || err2 != nil {
		return 0, l, false
	}
	l.born = stamp{sec, uint32(nsec)}
	if len(f) == 3 {
		return ino, l, f[2] == "-"
	}
	flags, err := strconv.ParseUint(f[3], 0, 32)
	if err != nil {
		return 0, l, false
	}
	l.mark, err = parsePlain(f[2])
	l.mark.Flags = uint32(flags)
	return ino, l, err == nil
}

// parsePlain reads a mark that says its type itself.
func parsePlain(s string) (m Mark, err error) {
	_, kind, _ := cutLast(s)
	for _, k := range kinds {
		if k.name == kind {
			return Parse(s, k.mode)
		}
	}
	return Parse(s, netbsd.S_IFREG)
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// compact writes the file anew, if no other machine has it open. What fails leaves the old one. The file is read
// again, as somebody may have come and gone while the lock was not there.
func (p *plain) compact() {
	fd := int(p.file.Fd())
	if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil || p.read() != nil {
		unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB)
		return
	}
	var b bytes.Buffer
	b.WriteString(plainHead)
	for ino, l := range p.marks {
		b.WriteString(format(ino, l, l.mark.String()))
	}
	if p.replace(b.Bytes()) != nil {
		unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB)
		return
	}
	p.file.Close()
	p.file, p.inode = nil, 0
	if p.open(false) == nil {
		p.lines = len(p.marks)
	}
}

// replace puts a new plain file in the old one's place. What has the new one's name meanwhile is not written to: it
// may be a guest's link.
func (p *plain) replace(b []byte) error {
	const tmp = PlainName + ".new"
	root := path(p.root) + "/"
	unix.Unlink(root + tmp)
	fd, err := p.make(tmp)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), tmp)
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		unix.Unlink(root + tmp)
		return err
	}
	return unix.Rename(root+tmp, root+PlainName)
}
