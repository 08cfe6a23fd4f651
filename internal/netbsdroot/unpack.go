package netbsdroot

import (
	"archive/tar"
	"bufio"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/ulikunitz/xz"
	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// This file unpacks an archive below a directory. The archive may be anybody's: names are looked
// up below the directory alone, never through a link that leads out (os.Root); its size is
// bounded by that of what it came in, so that little cannot become much; set-id bits and devices are
// the guests', never the host's.

// maxRatio and minRoom bound what an archive unpacks to: NetBSD's sets become some 6 times as large.
const (
	maxRatio = 64
	minRoom  = 64 << 20
)

// maxEntries bounds the files of one archive, directories that it does not name included; the largest set has some
// 30,000.
const maxEntries = 1 << 20

// maxID is the largest id that a file can have: ^0 leaves an owner alone (chown(2)).
const maxID = 1<<32 - 2

// archive is one that is being unpacked.
type archive struct {
	name string // for messages
	set  string
	tree *tree
	man  *manifest
	left int64 // bytes that may still come out of it
	room int64 // bytes that files may still have, holes included, which are nowhere in an archive
	most int   // files; 0: maxEntries
}

// errMuch says that an archive is a bomb.
var errMuch = errors.New("it unpacks to more than 64 times its size; that is no set of NetBSD's")

// openArchive finds out how a file is packed, by its first bytes.
func openArchive(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<20)
	head, err := b.Peek(6)
	if err != nil {
		return nil, errors.New("it is empty, or cut short")
	}
	switch {
	case string(head) == "\xfd7zXZ\x00":
		return xz.NewReader(b)
	case head[0] == 0x1f && head[1] == 0x8b:
		return gzip.NewReader(b)
	}
	return nil, errors.New("it is neither xz nor gzip")
}

// unpack unpacks an archive that was read from a file of size bytes.
func (a *archive) unpack(r io.Reader, size int64) error {
	a.left = max(size*maxRatio, minRoom)
	a.room, a.tree.room = a.left, cmp.Or(a.most, maxEntries)
	plain, err := openArchive(r)
	if err != nil {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	t := tar.NewReader(&bounded{plain, a})
	for {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w; get it again", a.name, err)
		}
		if err := a.entry(h, t); err != nil {
			return fmt.Errorf("%s: %q: %w", a.name, h.Name, err)
		}
	}
}

// bounded is an archive's contents up to what they may be.
type bounded struct {
	r io.Reader
	a *archive
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.a.left -= int64(n); b.a.left < 0 {
		return 0, errMuch
	}
	return n, err
}

// entryName is the name of an entry, from the tree's root.
func entryName(name string) (string, error) {
	switch {
	case strings.HasPrefix(name, "/"):
		return "", errors.New("an absolute name")
	case strings.Contains(name, "\x00"):
		return "", errors.New("no name")
	case len(name) >= netbsd.PATH_MAX:
		return "", fmt.Errorf("a name of more than %d bytes", netbsd.PATH_MAX-1)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", errors.New("the name leads out of the tree")
		}
	}
	return path.Clean(name), nil
}

// entry unpacks one file.
func (a *archive) entry(h *tar.Header, r io.Reader) error {
	name, err := entryName(h.Name)
	if err != nil {
		return err
	}
	if h.Uid < 0 || h.Uid > maxID || h.Gid < 0 || h.Gid > maxID {
		return fmt.Errorf("%d:%d is no owner that a file can have", h.Uid, h.Gid)
	}
	f := entry{name: name, uid: uint32(h.Uid), gid: uint32(h.Gid), mode: uint32(h.Mode) & 0o7777, mtime: h.ModTime, set: a.set}
	switch h.Typeflag {
	case tar.TypeReg:
		if a.room -= h.Size; a.room < 0 {
			return errMuch
		}
		f.kind, f.size = 'f', h.Size
		f.mode = a.tree.hostMode(f.mode)
		sum := sha256.New()
		err = a.tree.file(&f, io.TeeReader(r, sum))
		f.sum = hex.EncodeToString(sum.Sum(nil))
	case tar.TypeDir:
		f.kind = 'd'
		err = a.tree.dir(&f)
	case tar.TypeSymlink:
		f.kind, f.link = 'l', h.Linkname
		err = a.tree.link(&f)
	case tar.TypeLink:
		return a.hardLink(name, h.Linkname)
	case tar.TypeFifo:
		f.kind = 'p'
		err = a.tree.special(&f, unix.S_IFIFO, 0, 0)
	case tar.TypeChar:
		f.kind = 'c'
		err = a.tree.special(&f, unix.S_IFCHR, h.Devmajor, h.Devminor)
	case tar.TypeBlock:
		f.kind = 'b'
		err = a.tree.special(&f, unix.S_IFBLK, h.Devmajor, h.Devminor)
	case tar.TypeXGlobalHeader:
		return nil
	default:
		return fmt.Errorf("a kind of file that there is not (%q)", h.Typeflag)
	}
	if err != nil {
		return noRoom(err)
	}
	a.man.add(f)
	return nil
}

// hardLink makes another name for what was unpacked before.
func (a *archive) hardLink(name, to string) error {
	to, err := entryName(to)
	if err != nil {
		return fmt.Errorf("a link to %q: %w", to, err)
	}
	if err := a.tree.hardLink(to, name); err != nil {
		return fmt.Errorf("a link to %q: %w", to, err)
	}
	a.man.link(to, name)
	return nil
}

// entry is one file of a set.
type entry struct {
	name, link, sum, set string
	kind                 byte // f, d, l, p, c, b
	uid, gid, mode       uint32
	size                 int64
	mtime                time.Time
}

// noRoom says what to do about a full disk.
func noRoom(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w; make room, or name a directory on another disk. base and etc need some 400 MB, with comp 900, and the cache what the sets have, see \"toaster help root\"", err)
	}
	return err
}

// missing reports whether an error says that there is nothing.
func missing(err error) bool { return errors.Is(err, os.ErrNotExist) }
