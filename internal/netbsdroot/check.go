package netbsdroot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Check compares a tree with what was unpacked, writes a line for each file that is missing or another
// one, and returns how many there are. What is meant to be changed, as all of the sets etc and xetc,
// only has to be there.
func Check(dir string, w io.Writer) (wrong int, err error) {
	m, err := readManifest(dir, true)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", dir, err)
	}
	if m.state != stateWhole {
		return 0, fmt.Errorf("%s: making it was broken off; the same \"toaster root create\" makes it anew", dir)
	}
	t, err := openTree(dir)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", dir, err)
	}
	defer t.close()
	for i := range m.entries {
		e := &m.entries[i]
		if what := t.differs(e); what != "" {
			wrong++
			fmt.Fprintf(w, "%s: %s\n", text(e.name), what)
		}
	}
	return wrong, nil
}

// mayChange reports whether a file is there to be changed.
func (e *entry) mayChange() bool {
	return e.set == "etc" || e.set == "xetc" || e.set == "toaster" || strings.HasPrefix(e.name, "var/") || strings.HasPrefix(e.name, "tmp/")
}

// kindOf is S_IFMT of an entry.
func (e *entry) kindOf() uint32 {
	return map[byte]uint32{'f': unix.S_IFREG, 'd': unix.S_IFDIR, 'l': unix.S_IFLNK, 'p': unix.S_IFIFO, 'c': unix.S_IFCHR, 'b': unix.S_IFBLK}[e.kind]
}

// differs says in what a file is not what was unpacked; "" in nothing.
func (t *tree) differs(e *entry) string {
	dir, err := t.root.OpenFile(path.Dir(e.name), unix.O_DIRECTORY, 0)
	if err != nil {
		return "missing, with its directory"
	}
	defer dir.Close()
	base := path.Base(e.name)
	fd, err := unix.Openat(int(dir.Fd()), base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "missing"
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err.Error()
	}
	size := st.Size
	if t.marks.On() {
		m := t.marks.Of(fd, &st)
		st.Mode, st.Uid, st.Gid = m.Mode, m.UID, m.GID
	}
	switch {
	case st.Mode&unix.S_IFMT != e.kindOf():
		return "another kind of file"
	case e.mayChange():
		return ""
	case st.Uid != e.uid || st.Gid != e.gid:
		return fmt.Sprintf("owner %d:%d, was %d:%d", st.Uid, st.Gid, e.uid, e.gid)
	case e.kind == 'l':
		return t.linkDiffers(int(dir.Fd()), base, e)
	case st.Mode&0o7777 != e.mode:
		return fmt.Sprintf("mode %04o, was %04o", st.Mode&0o7777, e.mode)
	case e.kind == 'f':
		return contentDiffers(int(dir.Fd()), base, size, e)
	}
	return ""
}

func (t *tree) linkDiffers(dir int, base string, e *entry) string {
	var b [unix.PathMax]byte
	n, err := unix.Readlinkat(dir, base, b[:])
	if err != nil || string(b[:n]) != e.link {
		return fmt.Sprintf("leads to %s, was %s", text(string(b[:max(n, 0)])), text(e.link))
	}
	return ""
}

func contentDiffers(dir int, base string, size int64, e *entry) string {
	switch {
	case size != e.size:
		return fmt.Sprintf("%d bytes, were %d", size, e.size)
	case size > most: // the manifest may be a guest's, and the file all holes
		return "larger than any file of a set"
	}
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return "cannot be read: " + err.Error()
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	// A guest may have changed it since it was looked at.
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return "another kind of file"
	}
	sum := sha256.New()
	if n, err := io.Copy(sum, io.LimitReader(f, size+1)); err != nil {
		return "cannot be read: " + err.Error()
	} else if n != size {
		return "is changing"
	}
	if hex.EncodeToString(sum.Sum(nil)) != e.sum {
		return "other contents"
	}
	return ""
}
