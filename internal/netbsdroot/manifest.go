package netbsdroot

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// manifestName is the file in a tree by which it is known for one that toaster has made, and in which
// all that was unpacked is listed. It is told from what a guest's root may have made of it by
// nobody: it serves Check, and keeps Remove from what is none.
const manifestName = ".toaster-root"

// manifestHead is its first line. The second one says whether the tree is whole.
const manifestHead = "toaster root 1"

const (
	stateHalf  = "unfinished"
	stateWhole = "whole"
)

// manifest is what a tree was made of.
type manifest struct {
	state   string
	release string
	sets    []string
	entries []entry
	index   map[string]int
}

// add notes a file; a later one of the same name takes its place.
func (m *manifest) add(e entry) {
	if m.index == nil {
		m.index = map[string]int{}
	}
	if i, ok := m.index[e.name]; ok {
		m.entries[i] = e
		return
	}
	m.index[e.name] = len(m.entries)
	m.entries = append(m.entries, e)
}

// link notes another name of a file.
func (m *manifest) link(to, name string) {
	if i, ok := m.index[to]; ok {
		e := m.entries[i]
		e.name = name
		m.add(e)
	}
}

// write writes the manifest of a tree anew.
func (m *manifest) write(dir string) error {
	tmp := filepath.Join(dir, manifestName+".new")
	os.Remove(tmp)
	// Anew, as what has the name may be a link that a guest has made.
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return noRoom(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, "%s\n%s\nrelease %s\nsets %s\n", manifestHead, m.state, m.release, strings.Join(m.sets, ","))
	for _, e := range m.entries {
		fmt.Fprintf(w, "%c %s %d:%d %04o %d %s %q %q\n", e.kind, e.set, e.uid, e.gid, e.mode, e.size, orDash(e.sum), e.name, e.link)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return noRoom(err)
	}
	return os.Rename(tmp, filepath.Join(dir, manifestName))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// errNoRoot says that a directory is none that toaster has made.
var errNoRoot = errors.New("it is no tree that toaster has made (it has no " + manifestName + ")")

// readManifest reads the manifest of a tree. all: its files, too.
func readManifest(dir string, all bool) (*manifest, error) {
	st, err := os.Lstat(filepath.Join(dir, manifestName))
	switch {
	case missing(err):
		return nil, errNoRoot
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, errNoRoot
	}
	f, err := os.OpenFile(filepath.Join(dir, manifestName), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err = f.Stat(); err != nil || !st.Mode().IsRegular() { // a guest may have changed it since
		return nil, errNoRoot
	}
	if all && st.Size() > maxManifest {
		return nil, fmt.Errorf("%s is larger than any that toaster has written", manifestName)
	}
	m := &manifest{}
	in := bufio.NewReaderSize(io.LimitReader(f, maxManifest), mostLine)
	if line(in) != manifestHead {
		return nil, errNoRoot
	}
	m.state = line(in)
	m.release = strings.TrimPrefix(line(in), "release ")
	m.sets = strings.Split(strings.TrimPrefix(line(in), "sets "), ",")
	for n := 5; all; n++ {
		s, err := in.ReadSlice('\n')
		if err == io.EOF && len(s) == 0 {
			break
		}
		e, ok := parseEntry(string(s))
		if err != nil || !ok {
			return nil, fmt.Errorf("%s: line %d is none that toaster has written", manifestName, n)
		}
		m.add(e)
	}
	return m, nil
}

// maxManifest is more than the manifest of a release's sets has: room for half a million files with long names. A guest's root may have put anything there.
const maxManifest = 128 << 20

// mostLine is more than a line can have: names and links have PATH_MAX bytes at most, and quotes make four of one. A guest's root
// may have put a file there that is all one line.
const mostLine = 64 << 10

func line(r *bufio.Reader) string {
	s, _ := r.ReadSlice('\n')
	return strings.TrimSuffix(string(s), "\n")
}

// parseEntry reads a line.
func parseEntry(s string) (e entry, ok bool) {
	n, err := fmt.Sscanf(s, "%c %s %d:%d %o %d %s %q %q", &e.kind, &e.set, &e.uid, &e.gid, &e.mode, &e.size, &e.sum, &e.name, &e.link)
	if e.sum == "-" {
		e.sum = ""
	}
	return e, err == nil && n == 9
}

// text is how a message shows a name.
func text(name string) string {
	if q := strconv.Quote(name); len(q) != len(name)+2 {
		return q
	}
	return name
}
