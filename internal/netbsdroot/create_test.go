package netbsdroot

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ulikunitz/xz"
	"golang.org/x/sys/unix"

	"toaster/internal/owners"
)

// file is an entry of a set that a test makes.
type file struct {
	name string
	kind byte
	mode int64
	uid  int
	text string // contents, or where a link leads
	dev  [2]int64
}

// pack makes a tar archive, packed as the name says.
func pack(t *testing.T, name string, files []file) []byte {
	t.Helper()
	var out bytes.Buffer
	var z interface {
		Write([]byte) (int, error)
		Close() error
	}
	z = gzip.NewWriter(&out)
	if strings.HasSuffix(name, ".xz") {
		w, err := xz.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		z = w
	}
	w := tar.NewWriter(z)
	for _, f := range files {
		h := tar.Header{Name: f.name, Typeflag: f.kind, Mode: f.mode, Uid: f.uid, Gid: f.uid, ModTime: time.Unix(1e9, 0), Devmajor: f.dev[0], Devminor: f.dev[1]}
		if f.kind == tar.TypeReg {
			h.Size = int64(len(f.text))
		} else {
			h.Linkname = f.text
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if f.kind == tar.TypeReg {
			w.Write([]byte(f.text))
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var baseSet = []file{
	{".", tar.TypeDir, 0o755, 0, "", [2]int64{}},
	{"./bin", tar.TypeDir, 0o755, 0, "", [2]int64{}},
	{"./bin/su", tar.TypeReg, 0o4555, 0, "a program", [2]int64{}},
	{"./bin/su2", tar.TypeLink, 0, 0, "./bin/su", [2]int64{}},
	{"./bin/ed", tar.TypeReg, 0o444, 0, strings.Repeat("text ", 30000), [2]int64{}},
	{"./bin/link", tar.TypeSymlink, 0o777, 3, "/outside/../of", [2]int64{}},
	{"./var/spool/mail", tar.TypeDir, 0o1777, 7, "", [2]int64{}},
	{"./shut", tar.TypeDir, 0, 9, "", [2]int64{}},
	{"./shut/in", tar.TypeReg, 0, 9, "secret", [2]int64{}},
	{"./fifo", tar.TypeFifo, 0o640, 2, "", [2]int64{}},
	{"./null", tar.TypeChar, 0o666, 0, "", [2]int64{2, 2}},
}

var etcSet = []file{
	{"./etc/hosts", tar.TypeReg, 0o644, 0, "of the set", [2]int64{}},
	{"./etc/rc", tar.TypeReg, 0o644, 0, "start", [2]int64{}},
}

// mirror is a server with sets.
type mirror struct {
	*httptest.Server
	files map[string][]byte
	serve func(w http.ResponseWriter, r *http.Request, b []byte)
	asked []string // requests, with their ranges
}

func newMirror(t *testing.T) *mirror {
	m := &mirror{files: map[string][]byte{}}
	m.serve = func(w http.ResponseWriter, r *http.Request, b []byte) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.asked = append(m.asked, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")))
		b, ok := m.files[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		m.serve(w, r, b)
	}))
	t.Cleanup(m.Close)
	m.add("base.tar.xz", pack(t, "base.tar.xz", baseSet))
	m.add("etc.tgz", pack(t, "etc.tgz", etcSet))
	return m
}

// add adds a file and its sum.
func (m *mirror) add(name string, b []byte) {
	m.files[name] = b
	m.files[sumsName] = fmt.Appendf(m.files[sumsName], "SHA512 (%s) = %x\n", name, sha512.Sum512(b))
}

// attempt makes a tree in a directory of its own.
func (m *mirror) attempt(t *testing.T, dir string, change func(*creation)) error {
	t.Helper()
	src, err := newSource(m.URL)
	if err != nil {
		t.Fatal(err)
	}
	src.pause = func(context.Context, int) {}
	host := filepath.Join(filepath.Dir(dir), "hostetc")
	os.Mkdir(host, 0o755)
	os.WriteFile(filepath.Join(host, "hosts"), []byte("of the host"), 0o600)
	c := &creation{Options: Options{Release: "11.0", Sets: []string{"base", "etc"}, From: m.URL, Cache: dir + ".cache", hostEtc: host}, dir: dir, src: src}
	if change != nil {
		change(c)
	}
	return c.run(t.Context())
}

// TestCreate makes a tree, and looks at it as a guest and as the host see it.
func TestCreate(t *testing.T) {
	m := newMirror(t)
	dir := filepath.Join(t.TempDir(), "tree")
	var log bytes.Buffer
	if err := m.attempt(t, dir, func(c *creation) { c.Log = &log }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "getting "+m.URL+"/base.tar.xz\n") || strings.Contains(log.String(), "\x1b") {
		t.Errorf("it says %q", log.String())
	}
	if left, _ := os.ReadDir(dir + ".cache"); len(left) > 0 {
		t.Errorf("the cache keeps %v", left)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "etc/hosts")); string(b) != "of the host" {
		t.Errorf("/etc/hosts is %q", b)
	}
	var out bytes.Buffer
	if n, err := Check(dir, &out); n != 0 || err != nil {
		t.Errorf("a new tree: %d, %v\n%s", n, err, out.String())
	}
	if os.Geteuid() != 0 {
		filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
			var st unix.Stat_t
			if unix.Lstat(name, &st); err != nil || st.Uid != uint32(os.Geteuid()) || st.Mode&unix.S_IFMT != unix.S_IFLNK && st.Mode&0o7000 != 0 {
				t.Errorf("%s: %d, %o, %v", name, st.Uid, st.Mode, err)
			}
			return nil
		})
	}
	if err := m.attempt(t, dir, nil); err == nil || !strings.Contains(err.Error(), "there is a tree of NetBSD 11.0 already") {
		t.Errorf("a second one in its place: %v", err)
	}
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); !missing(err) {
		t.Error("it is still there")
	}
}

// TestCreateFromDirectory takes the sets from where they are, and leaves them there.
func TestCreateFromDirectory(t *testing.T) {
	m := newMirror(t)
	from, dir := t.TempDir(), filepath.Join(t.TempDir(), "tree")
	for name, b := range m.files {
		os.WriteFile(filepath.Join(from, name), b, 0o644)
	}
	o := Options{Release: "11.0", Sets: []string{"base", "etc"}, From: from, NoHostFiles: true}
	if err := Create(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "etc/hosts")); string(b) != "of the set" {
		t.Errorf("/etc/hosts is %q", b)
	}
	os.WriteFile(filepath.Join(from, "etc.tgz"), []byte("other"), 0o644)
	if err := Create(t.Context(), dir+"2", o); err == nil || !strings.Contains(err.Error(), "its SHA512 sum is") {
		t.Errorf("a wrong sum: %v", err)
	}
	if _, err := os.Lstat(dir + "2"); !missing(err) {
		t.Error("something was unpacked")
	}
}

// TestCheck finds each kind of change, and lets be what is there to be changed.
func TestCheck(t *testing.T) {
	m := newMirror(t)
	dir := filepath.Join(t.TempDir(), "tree")
	if err := m.attempt(t, dir, nil); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	os.Chmod(in("bin/ed"), 0o600)
	os.WriteFile(in("bin/ed"), []byte(strings.Repeat("tExt ", 30000)), 0)
	os.Remove(in("bin/link"))
	os.Symlink("elsewhere", in("bin/link"))
	os.Remove(in("fifo"))
	os.WriteFile(in("fifo"), nil, 0o600)
	os.Remove(in("null"))
	os.WriteFile(in("etc/rc"), []byte("mine"), 0o600)
	var out bytes.Buffer
	n, err := Check(dir, &out)
	if err != nil || n != 4 {
		t.Errorf("%d, %v", n, err)
	}
	for _, want := range []string{"bin/ed: ", "bin/link: ", "fifo: another kind of file", "null: missing"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// TestCutDownload: what came before a connection was cut is not asked for again, in one attempt and from one to the next.
func TestCutDownload(t *testing.T) {
	m := newMirror(t)
	dir := filepath.Join(t.TempDir(), "tree")
	whole, cuts := m.serve, 0
	m.serve = func(w http.ResponseWriter, r *http.Request, b []byte) {
		if !strings.HasSuffix(r.URL.Path, ".xz") || cuts == 0 {
			whole(w, r, b)
			return
		}
		cuts--
		var from int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		w.Header().Set("Content-Length", fmt.Sprint(len(b)-from))
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(b)-1, len(b)))
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(b[from:min(from+10, len(b))])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	cuts = 3
	if err := m.attempt(t, dir, nil); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.asked, "; "); !strings.Contains(got, "/base.tar.xz; /base.tar.xz bytes=10-; /base.tar.xz bytes=20-; /base.tar.xz bytes=30-") {
		t.Errorf("asked for %s", got)
	}
	m.asked, cuts = nil, 1
	ctx, cancel := context.WithCancel(t.Context())
	err := m.attempt(t, dir+"2", func(c *creation) {
		c.src.pause = func(context.Context, int) { cancel() }
		c.src.client = cancelled(ctx, c.src.client)
	})
	if err == nil {
		t.Error("an attempt that was broken off is one that was not")
	}
	m.asked = nil
	if err := m.attempt(t, dir+"2", nil); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.asked, "; "); !strings.Contains(got, "/base.tar.xz bytes=10-") {
		t.Errorf("asked for %s", got)
	}
}

// cancelled is a client whose requests end with ctx.
func cancelled(ctx context.Context, c *http.Client) *http.Client {
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return c.Transport.RoundTrip(r)
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestWrongSums: what is not what the list says is not unpacked; an old part is thrown away and got anew.
func TestWrongSums(t *testing.T) {
	m := newMirror(t)
	dir := filepath.Join(t.TempDir(), "tree")
	os.MkdirAll(dir+".cache", 0o755)
	os.WriteFile(dir+".cache/base.tar.xz.part", []byte("of another release"), 0o644)
	if err := m.attempt(t, dir, nil); err != nil {
		t.Errorf("an old part: %v", err)
	}
	m.files["etc.tgz"] = []byte("changed by somebody")
	err := m.attempt(t, dir+"2", nil)
	if err == nil || !strings.Contains(err.Error(), "/etc.tgz: its SHA512 sum is ") || !strings.Contains(err.Error(), "--from") {
		t.Errorf("a changed set: %v", err)
	}
	if _, err := os.Lstat(dir + "2"); !missing(err) {
		t.Error("something was unpacked")
	}
	if left, _ := filepath.Glob(dir + "2.cache/etc*"); len(left) > 0 {
		t.Errorf("%v is kept", left)
	}
}

// TestRefusals are messages for people: what, why, and what to do.
func TestRefusals(t *testing.T) {
	m := newMirror(t)
	top := t.TempDir()
	full := filepath.Join(top, "full")
	os.Mkdir(full, 0o755)
	os.WriteFile(filepath.Join(full, "mine"), nil, 0o644)
	for _, c := range []struct {
		name   string
		dir    string
		change func(*creation)
		want   string
	}{
		{"no such set", "a", func(c *creation) { c.Sets = []string{"bse"} }, `there is no set "bse"; there are base, etc`},
		{"a directory of somebody's", "full", nil, "it is not empty, and it is no tree that toaster has made"},
		{"no list", "b", func(c *creation) { c.src.at += "/elsewhere" }, "SHA512: the server has no such file (404); "},
		{"nobody there", "c", func(c *creation) { c.src.at = "http://127.0.0.1:1" }, "connection refused"},
	} {
		err := m.attempt(t, filepath.Join(top, c.dir), c.change)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for dir, want := range map[string]string{full: "no tree that toaster has made", filepath.Join(top, "none"): "no such file"} {
		if err := Remove(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("rm: %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(full, "mine")); err != nil {
		t.Error("rm has removed what is not its own")
	}
	if _, err := newSource("ftp://host/dir"); err == nil {
		t.Error("ftp is spoken")
	}
}

// TestEvilArchives: nothing outside of the tree is touched, and little stays little.
func TestEvilArchives(t *testing.T) {
	top := t.TempDir()
	os.WriteFile(filepath.Join(top, "secret"), []byte("secret"), 0o644)
	reg := func(name string) file { return file{name: name, kind: tar.TypeReg, mode: 0o644, text: "evil"} }
	for i, c := range []struct {
		name  string
		files []file
		want  string
	}{
		{"absolute", []file{reg("/tmp/evil")}, "an absolute name"},
		{"climbing", []file{reg("./../evil")}, "leads out of the tree"},
		{"climbing later", []file{reg("a/../../evil")}, "leads out of the tree"},
		{"through a link", []file{{name: "l", kind: tar.TypeSymlink, text: ".."}, reg("l/evil")}, "link that leads out"},
		{"through an absolute link", []file{{name: "l", kind: tar.TypeSymlink, text: top}, reg("l/evil")}, "link that leads out"},
		{"a directory of a link", []file{{name: "l", kind: tar.TypeSymlink, text: ".."}, {name: "l", kind: tar.TypeDir, mode: 0o777}}, "something else of that name"},
		{"a link to what is outside", []file{{name: "h", kind: tar.TypeLink, text: "../secret"}}, "leads out of the tree"},
		{"a link through a link", []file{{name: "l", kind: tar.TypeSymlink, text: ".."}, {name: "h", kind: tar.TypeLink, text: "l/secret"}}, "link that leads out"},
		{"the manifest", []file{reg("./" + manifestName)}, "toaster's own"},
		{"the owners", []file{reg(owners.PlainName)}, "toaster's own"},
		{"no device", []file{{name: "d", kind: tar.TypeBlock, dev: [2]int64{1 << 20, 0}}}, "a device of no number"},
		{"another kind", []file{{name: "k", kind: '9'}}, "a kind of file that there is not"},
		{"a bomb", []file{{name: "zeroes", kind: tar.TypeReg, text: strings.Repeat("\x00", 65<<20)}}, "more than 64 times its size"},
	} {
		for _, ext := range []string{".tgz", ".tar.xz"} {
			if ext == ".tar.xz" && c.name == "a bomb" && testing.Short() {
				continue
			}
			err := unpackAlone(t, filepath.Join(top, fmt.Sprint(i)+ext), pack(t, "x"+ext, c.files))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s%s: %v, want %s", c.name, ext, err, c.want)
			}
		}
	}
	if _, err := os.Lstat(filepath.Join(top, "evil")); err == nil {
		t.Error("a file was made outside")
	}
	if b, err := os.ReadFile(filepath.Join(top, "secret")); string(b) != "secret" {
		t.Errorf("the file outside has %q, %v", b, err)
	}
	for name, b := range map[string][]byte{"cut": pack(t, "x.tar.xz", baseSet)[:200], "empty": nil, "text": []byte("no archive at all")} {
		if err := unpackAlone(t, filepath.Join(top, name), b); err == nil {
			t.Errorf("%s: it was unpacked", name)
		}
	}
}

// unpackAlone unpacks bytes below a directory.
func unpackAlone(t *testing.T, dir string, b []byte) error {
	t.Helper()
	os.Mkdir(dir, 0o755)
	tree, err := openTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.close()
	a := &archive{name: "x", set: "x", tree: tree, man: new(manifest)}
	return a.unpack(bytes.NewReader(b), int64(len(b)))
}

// TestLinkReplaced: an archive's file takes the place of a link, and does not go through it.
func TestLinkReplaced(t *testing.T) {
	top := t.TempDir()
	os.WriteFile(filepath.Join(top, "secret"), []byte("secret"), 0o644)
	err := unpackAlone(t, filepath.Join(top, "tree"), pack(t, "x.tgz", []file{
		{name: "l", kind: tar.TypeSymlink, text: filepath.Join(top, "secret")},
		{name: "l", kind: tar.TypeReg, mode: 0o644, text: "evil"},
	}))
	if b, _ := os.ReadFile(filepath.Join(top, "secret")); err != nil || string(b) != "secret" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestFullDisk: the message says what was not written, and what to do.
func TestFullDisk(t *testing.T) {
	for _, err := range []error{unix.ENOSPC, &os.PathError{Op: "write", Path: "/x/base.tar.xz.part", Err: unix.EDQUOT}} {
		if got := noRoom(err).Error(); !strings.Contains(got, "make room") || !strings.HasPrefix(got, err.Error()) {
			t.Error(got)
		}
	}
	dir := filepath.Join(t.TempDir(), "small")
	os.Mkdir(dir, 0o755)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	defer unix.Unmount(dir, 0)
	err := unpackAlone(t, filepath.Join(dir, "tree"), pack(t, "x.tgz", baseSet))
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), `"./bin/ed"`) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("a full disk: %v", err)
	}
	if err := Remove(dir); err == nil {
		t.Error("rm takes what is none")
	}
}

// TestUnfinished: what a broken attempt has left is known for that, made anew and removed.
func TestUnfinished(t *testing.T) {
	m := newMirror(t)
	dir := filepath.Join(t.TempDir(), "tree")
	m.add("games.tgz", pack(t, "x.tgz", []file{{name: "../evil", kind: tar.TypeReg}}))
	err := m.attempt(t, dir, func(c *creation) { c.Sets = []string{"base", "games"} })
	if err == nil || !strings.Contains(err.Error(), "games.tgz") {
		t.Errorf("an evil set: %v", err)
	}
	if _, err := Check(dir, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "broken off") {
		t.Errorf("check: %v", err)
	}
	if err := m.attempt(t, dir, nil); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
}
