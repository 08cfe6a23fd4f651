package netbsdroot

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/owners"
)

// This file has archives and servers that want something of who unpacks: its disk, its memory, its files, its rights.

// packHeaders makes an archive of headers as they are, with contents.
func packHeaders(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, h := range entries {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		io.CopyN(w, zeroes{}, h.Size)
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// sparse makes an archive of one file with a hole in it, as GNU tar 1.0 of pax(5) has it: a map of no data at all, and a size.
func sparse(t *testing.T, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	records := ""
	for _, r := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=hole", fmt.Sprintf("GNU.sparse.realsize=%d", size)} {
		n := len(r) + 4 // the length, which is of two figures, a space and a newline
		records += fmt.Sprintf("%d %s\n", n, r)
	}
	raw := func(name string, kind byte, body string) {
		var b [512]byte
		copy(b[:], name)
		copy(b[100:], "0000644\x000000000\x000000000\x00")
		copy(b[124:], fmt.Sprintf("%011o\x0000000000000\x00", len(body)))
		b[156] = kind
		copy(b[257:], "ustar\x0000")
		copy(b[148:], "        ")
		sum := 0
		for _, c := range b {
			sum += int(c)
		}
		copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
		z.Write(b[:])
		z.Write([]byte(body))
		z.Write(make([]byte, (512-len(body)%512)%512))
	}
	raw("x", 'x', records)
	raw("hole", '0', "1\n0\n0\n"+strings.Repeat("\x00", 506))
	w.Close()
	z.Close()
	return out.Bytes()
}

// TestLittleBecomesMuch: what an archive makes is bounded by its size, holes that are in no archive included, and directories
// that it does not name.
func TestLittleBecomesMuch(t *testing.T) {
	deep := strings.Repeat("d/", 600)
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"a hole":            {sparse(t, 1<<40), "more than 64 times its size"},
		"a long name":       {packHeaders(t, tar.Header{Name: deep + "f", Typeflag: tar.TypeReg, Format: tar.FormatPAX}), "a name of more than"},
		"a long link":       {packHeaders(t, tar.Header{Name: "l", Linkname: strings.Repeat("x", 5000), Typeflag: tar.TypeSymlink, Format: tar.FormatPAX}), "name too long"},
		"nobody's owner":    {packHeaders(t, tar.Header{Name: "f", Typeflag: tar.TypeReg, Uid: -1, Format: tar.FormatGNU}), "no owner"},
		"everybody's group": {packHeaders(t, tar.Header{Name: "f", Typeflag: tar.TypeReg, Gid: 1 << 32, Format: tar.FormatGNU}), "no owner"},
	} {
		dir := filepath.Join(t.TempDir(), "tree")
		err := unpackAlone(t, dir, c.b)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if n, err := os.ReadDir(dir); err != nil || len(n) > 0 {
			t.Errorf("%s: %v, %v was made", name, n, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "tree")
	os.Mkdir(dir, 0o755)
	tree, err := openTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.close()
	b := packHeaders(t, tar.Header{Name: strings.Repeat("d/", 50) + "f", Typeflag: tar.TypeReg}, tar.Header{Name: strings.Repeat("e/", 50) + "f", Typeflag: tar.TypeReg})
	a := &archive{name: "x", set: "x", tree: tree, man: new(manifest), most: 90}
	if err := a.unpack(bytes.NewReader(b), int64(len(b))); err == nil || !strings.Contains(err.Error(), "more files") {
		t.Errorf("directories that are not named: %v", err)
	}
}

// TestOwnNamesByLinks: an archive takes toaster's own names by no way that leads to them.
func TestOwnNamesByLinks(t *testing.T) {
	for _, own := range []string{manifestName, owners.PlainName, strings.ToUpper(owners.PlainName), owners.PlainName + ".new"} {
		for what, name := range map[string]string{"itself": own, "a link": "l/" + own, "links": "d/up/" + own} {
			for kind, h := range map[string]tar.Header{
				"a file": {Typeflag: tar.TypeReg}, "a link": {Typeflag: tar.TypeSymlink, Linkname: "x"}, "a directory": {Typeflag: tar.TypeDir},
				"another name": {Typeflag: tar.TypeLink, Linkname: "f"}, "a FIFO": {Typeflag: tar.TypeFifo},
			} {
				h.Name, h.Mode = name, 0o600
				dir := filepath.Join(t.TempDir(), "tree")
				err := unpackAlone(t, dir, packHeaders(t,
					tar.Header{Name: "f", Typeflag: tar.TypeReg}, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "."},
					tar.Header{Name: "d", Typeflag: tar.TypeDir, Mode: 0o755}, tar.Header{Name: "d/up", Typeflag: tar.TypeSymlink, Linkname: ".."}, h))
				if err == nil || !strings.Contains(err.Error(), "toaster's own") {
					t.Errorf("%s, by %s, as %s: %v", own, what, kind, err)
				}
			}
		}
	}
}

// TestNothingRealOfGuests: whoever unpacks, root of the host too, the host gets no set-id program nor a device of the archive's
// numbers: these are NetBSD's, and another device here.
func TestNothingRealOfGuests(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	err := unpackAlone(t, dir, packHeaders(t,
		tar.Header{Name: "su", Typeflag: tar.TypeReg, Mode: 0o6755},
		tar.Header{Name: "dir", Typeflag: tar.TypeDir, Mode: 0o3777},
		tar.Header{Name: "tty", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 5, Devminor: 1},
		tar.Header{Name: "disk", Typeflag: tar.TypeBlock, Mode: 0o640, Devmajor: 8, Devminor: 0},
	))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"su", "tty", "disk"} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(dir, name), &st); err != nil {
			t.Fatal(err)
		}
		if st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 || st.Rdev != 0 {
			t.Errorf("%s on the host: mode %o, device %#x", name, st.Mode, st.Rdev)
		}
	}
}

// TestCheckOfRootsTree: a tree that root has made, without what the host must not have, is as it was unpacked.
func TestCheckOfRootsTree(t *testing.T) {
	m := newMirror(t)
	dir := filepath.Join(t.TempDir(), "tree")
	if err := m.attempt(t, dir, nil); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if n, err := Check(dir, &out); n != 0 || err != nil {
		t.Errorf("%d, %v\n%s", n, err, out.String())
	}
	os.Chmod(filepath.Join(dir, "bin/su"), 0o755)
	if n, _ := Check(dir, &out); n != 2 && os.Geteuid() == 0 { // it has two names
		t.Errorf("%d\n%s", n, out.String())
	}
}

// TestRangeIgnored: a server that cannot go on in the middle sends all, and that takes the place of what was there; one that has
// nothing to add to what is whole says so (416 of RFC 9110), and one that sends another part is not believed.
func TestRangeIgnored(t *testing.T) {
	for what, c := range map[string]struct {
		part  func(whole []byte) []byte
		serve func(w http.ResponseWriter, r *http.Request, b []byte)
		want  string
	}{
		"all": {func(b []byte) []byte { return b[:len(b)/2] }, func(w http.ResponseWriter, _ *http.Request, b []byte) { w.Write(b) }, ""},
		"all of no known length": {func(b []byte) []byte { return b[:len(b)/2] }, func(w http.ResponseWriter, _ *http.Request, b []byte) {
			w.(http.Flusher).Flush()
			w.Write(b)
		}, ""},
		"nothing more":          {func(b []byte) []byte { return b }, nil, ""},
		"a part that is longer": {func(b []byte) []byte { return append(append([]byte{}, b...), "more"...) }, nil, ""},
		"another part": {func(b []byte) []byte { return b[:len(b)/2] }, func(w http.ResponseWriter, r *http.Request, b []byte) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 1-%d/%d", len(b)-1, len(b)))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(b[1:])
		}, "the server was asked for what comes after"},
	} {
		t.Run(what, func(t *testing.T) {
			m := newMirror(t)
			whole := m.serve
			m.serve = func(w http.ResponseWriter, r *http.Request, b []byte) {
				if r.Header.Get("Range") == "" || c.serve == nil {
					whole(w, r, b)
					return
				}
				c.serve(w, r, b)
			}
			dir := filepath.Join(t.TempDir(), "tree")
			os.MkdirAll(dir+".cache", 0o755)
			os.WriteFile(dir+".cache/base.tar.xz.part", c.part(m.files["base.tar.xz"]), 0o644)
			err := m.attempt(t, dir, nil)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestServersThatHarm: one that sends without end, that sends nothing, and that leads from TLS to where anybody may change what comes.
func TestServersThatHarm(t *testing.T) {
	m := newMirror(t)
	whole := m.serve
	m.serve = func(w http.ResponseWriter, r *http.Request, b []byte) {
		if !strings.HasSuffix(r.URL.Path, ".xz") {
			whole(w, r, b)
			return
		}
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}
	err := m.attempt(t, filepath.Join(t.TempDir(), "tree"), func(c *creation) { c.src.most = 1 << 20 })
	if err == nil || !strings.Contains(err.Error(), "no set of NetBSD's is as large") {
		t.Errorf("without end: %v", err)
	}
	for _, silent := range []string{"SHA512", ".xz"} {
		ended := make(chan struct{})
		m.serve = func(w http.ResponseWriter, r *http.Request, b []byte) {
			if !strings.HasSuffix(r.URL.Path, silent) {
				whole(w, r, b)
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-ended:
			case <-r.Context().Done():
			}
		}
		err = m.attempt(t, filepath.Join(t.TempDir(), "tree"), func(c *creation) { c.src.stall = 50 * time.Millisecond })
		close(ended)
		if err == nil || !strings.Contains(err.Error(), silent) || !strings.Contains(err.Error(), "nothing came") {
			t.Errorf("%s never comes: %v", silent, err)
		}
	}
	tls := httptest.NewTLSServer(http.RedirectHandler(m.URL, http.StatusFound))
	defer tls.Close()
	err = m.attempt(t, filepath.Join(t.TempDir(), "tree"), func(c *creation) {
		c.src.at = tls.URL
		c.src.client.Transport = tls.Client().Transport
	})
	if err == nil || !strings.Contains(err.Error(), "without TLS") {
		t.Errorf("led away from TLS: %v", err)
	}
}

// TestInterrupted: who presses Ctrl-C while a set is unpacked does not wait for its end.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(t.TempDir(), "tree")
	os.Mkdir(dir, 0o755)
	tree, err := openTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.close()
	name := filepath.Join(t.TempDir(), "base.tgz")
	os.WriteFile(name, pack(t, "x.tgz", baseSet), 0o644)
	c := &creation{Options: Options{}, dir: dir, src: &source{}}
	if err := c.unpack(ctx, tree, name, "base", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestChangedBeforeUnpacking: what is unpacked is what was compared with its sum, or the tree does not become whole.
func TestChangedBeforeUnpacking(t *testing.T) {
	m := newMirror(t)
	from, dir := t.TempDir(), filepath.Join(t.TempDir(), "tree")
	for name, b := range m.files {
		os.WriteFile(filepath.Join(from, name), b, 0o644)
	}
	changed := false
	log := writerFunc(func(b []byte) (int, error) {
		if strings.HasPrefix(string(b), "unpacking base") {
			changed = true
			os.WriteFile(filepath.Join(from, "base.tar.xz"), pack(t, "base.tar.xz", etcSet), 0o644)
		}
		return len(b), nil
	})
	o := Options{Release: "11.0", Sets: []string{"base", "etc"}, From: from, NoHostFiles: true, Log: log}
	err := Create(t.Context(), dir, o)
	if !changed || err == nil || !strings.Contains(err.Error(), "base.tar.xz: it was changed") {
		t.Errorf("%t, %v", changed, err)
	}
	if _, err := Check(dir, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "broken off") {
		t.Errorf("check: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestRemoveNothingMounted: rm removes nothing if something is mounted in the tree (doc/root.md), be it a directory of the same
// file system as the tree's.
func TestRemoveNothingMounted(t *testing.T) {
	m := newMirror(t)
	top := t.TempDir()
	dir, mine := filepath.Join(top, "tree"), filepath.Join(top, "mine")
	if err := m.attempt(t, dir, nil); err != nil {
		t.Fatal(err)
	}
	os.Mkdir(mine, 0o755)
	os.WriteFile(filepath.Join(mine, "kept"), []byte("mine"), 0o644)
	if err := unix.Mount(mine, filepath.Join(dir, "tmp"), "", unix.MS_BIND, ""); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	defer unix.Unmount(filepath.Join(dir, "tmp"), unix.MNT_DETACH)
	if err := Remove(dir); err == nil || !strings.Contains(err.Error(), "tree/tmp: something is mounted there") {
		t.Errorf("%v", err)
	}
	for _, name := range []string{filepath.Join(mine, "kept"), filepath.Join(dir, "bin/ed")} {
		if _, err := os.Lstat(name); err != nil {
			t.Error(err)
		}
	}
}

// TestSwappedMeanwhile: getting sets takes its time, in which whoever may write beside the tree can have its name lead to
// somebody's files. Nothing is unpacked over them, nor do they become a tree, which rm would remove.
func TestSwappedMeanwhile(t *testing.T) {
	m := newMirror(t)
	dir, mine := filepath.Join(t.TempDir(), "tree"), t.TempDir()
	os.WriteFile(filepath.Join(mine, "kept"), []byte("mine"), 0o644)
	err := m.attempt(t, dir, func(c *creation) {
		c.Log = writerFunc(func(b []byte) (int, error) {
			if strings.Contains(string(b), "/etc.tgz") {
				os.Symlink(mine, dir)
			}
			return len(b), nil
		})
	})
	if err == nil || !strings.Contains(err.Error(), "it is not empty") {
		t.Errorf("%v", err)
	}
	if names, _ := os.ReadDir(mine); len(names) != 1 {
		t.Errorf("the other directory has %v", names)
	}
}

// TestManifestOfOneLine: the manifest lies in the tree, where a guest's root may have put a file that is one line without end.
func TestManifestOfOneLine(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, manifestName)
	for _, head := range []string{"", manifestHead + "\n" + stateWhole + "\nrelease 11.0\nsets base\n"} {
		if err := errors.Join(os.WriteFile(name, []byte(head), 0o644), os.Truncate(name, 1<<28)); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := readManifest(dir, true); err == nil {
			t.Error("it is taken")
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<24 {
			t.Errorf("%d bytes of memory for it", n)
		}
	}
}

// TestControlCharacters: what a server says is no command to the user's terminal.
func TestControlCharacters(t *testing.T) {
	for _, err := range []error{
		statusError(&http.Response{StatusCode: 500, Status: "500 \x1b[2J"}),
		func() error {
			_, err := (&creation{src: &source{}, list: sums{"\x1b[2J.tgz": ""}, Options: Options{Sets: []string{"base"}}}).files()
			return err
		}(),
	} {
		if err == nil || strings.Contains(err.Error(), "\x1b") || !strings.Contains(err.Error(), `\x1b[2J`) {
			t.Errorf("%q", err)
		}
	}
}

// TestNoProgress: a server that begins anew each time, and cuts the connection now a little earlier, now a little later, is given up
// as one that brings nothing.
func TestNoProgress(t *testing.T) {
	m := newMirror(t)
	asked := 0
	m.serve = func(w http.ResponseWriter, r *http.Request, b []byte) {
		if strings.HasSuffix(r.URL.Path, sumsName) {
			w.Write(b)
			return
		}
		if asked++; asked > 50 {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		w.Write(b[:10+asked%2])
	}
	err := m.attempt(t, filepath.Join(t.TempDir(), "tree"), nil)
	if err == nil || !strings.Contains(err.Error(), errCut.Error()) || asked > 3*tries {
		t.Errorf("after %d times: %v", asked, err)
	}
}
