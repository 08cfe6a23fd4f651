package netbsdroot

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/owners"
)

// tree is a directory that files are made in, with owners of their own.
type tree struct {
	root  *os.Root
	top   *os.File // the directory itself
	marks *owners.Table

	// parent is the directory of the last file, as they come by directory.
	parent     *os.File
	parentName string

	topIs unix.Stat_t // what the host says of top
	room  int         // files that may still be made
	times []dirTime   // of directories, set last
}

type dirTime struct {
	name  string
	mtime time.Time
}

// openTree opens a directory. Where root does it, owners are the host's.
func openTree(dir string) (*tree, error) {
	t := &tree{parentName: "\x00", room: maxEntries}
	var err error
	if t.root, err = os.OpenRoot(dir); err != nil {
		return nil, err
	}
	if t.top, err = t.root.Open("."); err != nil {
		return nil, err
	}
	if err := unix.Fstat(int(t.top.Fd()), &t.topIs); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		t.marks, err = owners.NewKeeper().NewTable(int(t.top.Fd()), false)
	}
	return t, err
}

func (t *tree) close() {
	t.marks.Close()
	t.top.Close()
	t.closeParent()
	t.root.Close()
}

func (t *tree) closeParent() {
	if t.parent != nil {
		t.parent.Close()
	}
	t.parent, t.parentName = nil, "\x00"
}

// in opens the directory that a name is in, which may have to be made.
func (t *tree) in(name string) (fd int, base string, err error) {
	dir := path.Dir(name)
	if dir != t.parentName {
		t.closeParent()
		f, err := t.root.OpenFile(dir, unix.O_DIRECTORY, 0)
		if missing(err) {
			if err := t.dir(&entry{name: dir, mode: 0o755, mtime: time.Now()}); err != nil {
				return -1, "", err
			}
			t.closeParent()
			f, err = t.root.OpenFile(dir, unix.O_DIRECTORY, 0)
		}
		if err != nil {
			return -1, "", leadsOut(err)
		}
		t.parent, t.parentName = f, dir
	}
	fd, base = int(t.parent.Fd()), path.Base(name)
	return fd, base, t.mayName(fd, base)
}

// mayName refuses toaster's own names in the tree's root, by whatever way it was reached, and more files than a set
// has.
func (t *tree) mayName(fd int, base string) error {
	if t.room--; t.room < 0 {
		return errors.New("with it there are more files than a set of NetBSD's has")
	}
	if base = strings.ToLower(base); !strings.HasPrefix(base, owners.PlainName) && !strings.HasPrefix(base, manifestName) {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Dev == t.topIs.Dev && st.Ino == t.topIs.Ino {
		return errors.New("the name is toaster's own")
	}
	return nil
}

// leadsOut explains os.Root's word on a way through a link.
func leadsOut(err error) error {
	pe := (*os.PathError)(nil)
	if errors.As(err, &pe) && pe.Err.Error() == "path escapes from parent" {
		return fmt.Errorf("its directory %s is a link that leads out of the tree", pe.Path)
	}
	return err
}

// clear takes away what has a name, but for a directory.
func (t *tree) clear(fd int, base string) error {
	if err := unix.Unlinkat(fd, base, 0); err != nil && err != unix.ENOENT {
		return fmt.Errorf("there is something else of that name: %w", err)
	}
	return nil
}

// file makes a regular file.
func (t *tree) file(e *entry, r io.Reader) error {
	at, base, err := t.in(e.name)
	if err != nil {
		return err
	}
	if err := t.clear(at, base); err != nil {
		return err
	}
	fd, err := unix.Openat(at, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), e.name)
	defer f.Close()
	if n, err := io.Copy(f, r); err != nil {
		return err
	} else if n != e.size {
		return fmt.Errorf("%d bytes of %d", n, e.size)
	}
	if err := t.own(fd, unix.S_IFREG, 0, e); err != nil {
		return err
	}
	return f.Close()
}

// dir makes a directory, or sets the owner of one that is there.
func (t *tree) dir(e *entry) error {
	if e.name == "." {
		return t.own(int(t.top.Fd()), unix.S_IFDIR, 0, e)
	}
	at, base, err := t.in(e.name)
	if err != nil {
		return err
	}
	if err := unix.Mkdirat(at, base, 0o700); err != nil && err != unix.EEXIST {
		return err
	}
	fd, err := unix.Openat(at, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("there is something else of that name: %w", err)
	}
	defer unix.Close(fd)
	if e.kind != 0 {
		t.times = append(t.times, dirTime{e.name, e.mtime})
	}
	return t.own(fd, unix.S_IFDIR, 0, e)
}

// link makes a symbolic link. Where it leads is the guest's matter.
func (t *tree) link(e *entry) error {
	at, base, err := t.in(e.name)
	if err != nil {
		return err
	}
	if err := t.clear(at, base); err != nil {
		return err
	}
	if err := unix.Symlinkat(e.link, at, base); err != nil {
		return err
	}
	return t.ownNamed(at, base, unix.S_IFLNK, 0, e)
}

func (t *tree) hardLink(to, name string) error {
	toDir, toBase, err := t.in(to)
	if err != nil {
		return err
	}
	if toDir, err = unix.Dup(toDir); err != nil {
		return err
	}
	defer unix.Close(toDir)
	at, base, err := t.in(name)
	if err != nil {
		return err
	}
	if err := t.clear(at, base); err != nil {
		return err
	}
	return unix.Linkat(toDir, toBase, at, base, 0)
}

// hostMode is the mode that a file gets, of what it has in an archive: on the host a set-id program of NetBSD's would run
// by Linux's system calls, as its owner.
func (t *tree) hostMode(mode uint32) uint32 {
	if t.marks.On() {
		return mode
	}
	return mode &^ (unix.S_ISUID | unix.S_ISGID)
}

// special makes a FIFO or a device. Without the rights of root a device is a file that stands
// for it; with them it has no number, as NetBSD's is that of another device on the host. (Nothing is behind a device below
// the root of a machine, but in its own /dev.)
func (t *tree) special(e *entry, kind uint32, major, minor int64) error {
	if major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff {
		return errors.New("a device of no number that there is")
	}
	at, base, err := t.in(e.name)
	if err != nil {
		return err
	}
	if err := t.clear(at, base); err != nil {
		return err
	}
	host := kind
	if t.marks.On() && kind != unix.S_IFIFO {
		host = unix.S_IFREG
	}
	if err := unix.Mknodat(at, base, host|0o600, 0); err != nil {
		return err
	}
	return t.ownNamed(at, base, kind, netbsdDev(major, minor), e)
}

// netbsdDev is makedev(3).
func netbsdDev(major, minor int64) uint64 {
	return uint64(major<<8&0xfff00 | minor<<12&0xfff00000 | minor&0xff)
}

// ownNamed is own of what a name was just given to.
func (t *tree) ownNamed(at int, base string, kind uint32, rdev uint64, e *entry) error {
	fd, err := unix.Openat(at, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return t.own(fd, kind, rdev, e)
}

// own sets owner, mode and time of an open file.
func (t *tree) own(fd int, kind uint32, rdev uint64, e *entry) error {
	if err := t.give(fd, kind, rdev, e); err != nil {
		return fmt.Errorf("it cannot get its owner %d:%d and mode %o: %w", e.uid, e.gid, e.mode, err)
	}
	times := []unix.Timespec{unix.NsecToTimespec(e.mtime.UnixNano()), unix.NsecToTimespec(e.mtime.UnixNano())}
	if kind == unix.S_IFLNK {
		return nil // not worth a call that some file systems lack
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), times, 0)
}

func (t *tree) give(fd int, kind uint32, rdev uint64, e *entry) error {
	if t.marks.On() {
		return t.marks.Change(fd, func(m *owners.Mark) {
			*m = owners.Mark{UID: e.uid, GID: e.gid, Mode: kind | e.mode, Rdev: rdev}
			if kind == unix.S_IFLNK {
				m.Mode = unix.S_IFLNK | 0o777
			}
		})
	}
	if err := unix.Fchownat(fd, "", int(e.uid), int(e.gid), unix.AT_EMPTY_PATH); err != nil {
		return err
	}
	if kind == unix.S_IFLNK {
		return nil
	}
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), e.mode)
}

// ownManifest has the manifest be root's in the tree.
func (t *tree) ownManifest() error {
	return t.ownNamed(int(t.top.Fd()), manifestName, unix.S_IFREG, 0, &entry{mode: 0o644, mtime: time.Now()})
}

// finish sets the times of directories, which their files have changed.
func (t *tree) finish() {
	for i := len(t.times) - 1; i >= 0; i-- {
		t.root.Chtimes(t.times[i].name, t.times[i].mtime, t.times[i].mtime)
	}
}
