package netbsdroot

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options say what tree to make.
type Options struct {
	Release string   // as "11.0"
	Sets    []string // as "base"; at least one
	From    string   // a directory or a URL with the sets; "" is NetBSD's own mirror
	Cache   string   // where archives are kept while they are needed; "" is the user's cache directory
	Keep    bool     // archives stay in the cache

	// NoHostFiles leaves /etc/resolv.conf and /etc/hosts as the sets have them.
	NoHostFiles bool

	// Log is told of the steps, a line each; Terminal, unless nil, of how far they have come.
	Log, Terminal io.Writer

	// Run runs a program in the tree as its root; nil: what takes one is not done.
	Run func(ctx context.Context, dir string, argv ...string) error

	hostEtc string // for tests: instead of /etc
}

// Mirror is where a release's sets are.
func Mirror(release string) string {
	return "https://cdn.NetBSD.org/pub/NetBSD/NetBSD-" + release + "/amd64/binary/sets/"
}

// creation is a tree on its way.
type creation struct {
	Options
	dir  string
	src  *source
	list sums
	man  manifest
}

// Create makes a tree in dir, which must not be there yet, or be empty, or be what an attempt
// left that failed.
func Create(ctx context.Context, dir string, o Options) error {
	c := &creation{Options: o, dir: dir}
	if c.From == "" {
		c.From = Mirror(c.Release)
	}
	if c.hostEtc == "" {
		c.hostEtc = "/etc"
	}
	var err error
	if c.src, err = newSource(c.From); err != nil {
		return err
	}
	return c.run(ctx)
}

func (c *creation) run(ctx context.Context) error {
	if err := c.checkDir(); err != nil {
		return err
	}
	if err := c.openCache(); err != nil {
		return err
	}
	var err error
	if c.list, err = c.src.sums(ctx); err != nil {
		return err
	}
	files, err := c.files()
	if err != nil {
		return err
	}
	// All sets first: what cannot be had leaves no half of a tree.
	for i, file := range files {
		if files[i], err = c.fetch(ctx, file); err != nil {
			return err
		}
	}
	if err := c.unpackAll(ctx, files); err != nil {
		return err
	}
	if c.src.remote && !c.Keep {
		for _, f := range files {
			os.Remove(f)
		}
	}
	return nil
}

// checkDir looks whether a tree can be made in the directory.
func (c *creation) checkDir() error {
	return c.checkIn(c.dir)
}

// checkIn is checkDir of the directory by another name.
func (c *creation) checkIn(dir string) error {
	names, err := os.ReadDir(dir)
	switch {
	case missing(err):
		return nil
	case err != nil:
		return err
	case len(names) == 0:
		return nil
	}
	m, err := readManifest(dir, false)
	switch {
	case err != nil:
		return fmt.Errorf("%s: it is not empty, and %w; name another directory, or one that is not there yet", c.dir, err)
	case m.state == stateWhole:
		return fmt.Errorf("%s: there is a tree of NetBSD %s already; \"toaster root rm\" removes it", c.dir, m.release)
	}
	return nil
}

func (c *creation) openCache() error {
	if !c.src.remote {
		return nil
	}
	if c.Cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("%w; say where archives can be kept meanwhile (--cache DIR)", err)
		}
		c.Cache = filepath.Join(user, "toaster", "sets", strings.NewReplacer("/", "_").Replace(c.Release))
	}
	return noRoom(os.MkdirAll(c.Cache, 0o755))
}

// files are the archives of the sets.
func (c *creation) files() (files []string, err error) {
	for _, set := range c.Sets {
		file, ok := c.list.fileOf(set)
		if !ok {
			names := c.list.sets()
			for i, name := range names {
				names[i] = text(name)
			}
			slices.Sort(names)
			return nil, fmt.Errorf("%s: there is no set %q; there are %s", c.src.name(sumsName), set, strings.Join(names, ", "))
		}
		files = append(files, file)
	}
	return files, nil
}

func (c *creation) fetch(ctx context.Context, file string) (string, error) {
	verb := "checking"
	if c.src.remote {
		verb = "getting"
	}
	c.say("%s %s", verb, c.src.name(file))
	p := &progress{w: c.Terminal, what: file}
	defer p.end()
	return c.src.fetch(ctx, file, c.list[file], c.Cache, p)
}

func (c *creation) say(format string, args ...any) {
	if c.Log != nil {
		fmt.Fprintf(c.Log, format+"\n", args...)
	}
}

func (c *creation) unpackAll(ctx context.Context, files []string) error {
	top, err := c.begin()
	if err != nil {
		return err
	}
	defer top.Close()
	t, err := openTree(inside(top))
	if err != nil {
		return fmt.Errorf("%s: %w", c.dir, err)
	}
	defer t.close()
	if err := t.dir(&entry{name: ".", mode: 0o755, mtime: time.Now()}); err != nil {
		return fmt.Errorf("%s: %w", c.dir, err)
	}
	for i, name := range files {
		c.say("unpacking %s", filepath.Base(name))
		if err := c.unpack(ctx, t, name, c.Sets[i], c.list[filepath.Base(name)]); err != nil {
			return err
		}
	}
	if err := c.boot(ctx, t); err != nil {
		return err
	}
	t.finish()
	c.man.state = stateWhole
	if err := c.man.write(inside(top)); err != nil {
		return err
	}
	return t.ownManifest()
}

// begin makes the directory and its manifest. Getting the sets has taken its time, and the name may lead elsewhere by now:
// what is opened here is looked at again, and from then on it is the tree, whatever becomes of its name.
func (c *creation) begin() (*os.File, error) {
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return nil, noRoom(err)
	}
	top, err := os.Open(c.dir)
	if err != nil {
		return nil, err
	}
	if err = c.checkIn(inside(top)); err == nil {
		c.man = manifest{state: stateHalf, release: c.Release, sets: c.Sets}
		err = c.man.write(inside(top))
	}
	if err != nil {
		top.Close()
		return nil, err
	}
	return top, nil
}

// inside is a name of an open directory that leads to it alone; its files are below.
func inside(top *os.File) string { return fmt.Sprintf("/proc/self/fd/%d/.", top.Fd()) }

// unpack unpacks an archive, which is to have the sum that it was compared with when it was fetched: where it lies may be
// somebody else's.
func (c *creation) unpack(ctx context.Context, t *tree, name, set, sum string) error {
	f, err := c.src.openFile(name, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	p := &progress{w: c.Terminal, what: filepath.Base(name)}
	defer p.end()
	p.begin(0, st.Size())
	a := &archive{name: name, set: set, tree: t, man: &c.man}
	h := sha512.New()
	in := io.TeeReader(until{ctx, io.LimitReader(p.counting(f), most)}, h)
	err = a.unpack(in, st.Size())
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w; the same command makes the tree anew", name, ctx.Err())
	}
	if _, rest := io.Copy(io.Discard, in); rest != nil {
		return fmt.Errorf("%s: %w", name, rest)
	}
	if hex.EncodeToString(h.Sum(nil)) != sum {
		return fmt.Errorf("%s: it was changed while it was unpacked; the same command makes the tree anew", name)
	}
	return err
}

// until reads until its context ends.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u until) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(b)
}
