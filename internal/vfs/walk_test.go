package vfs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/filetest"
)

// resolvers are the ways to resolve a path below a root: the host's, and steps by either
// call. All must agree.
var resolvers = []struct {
	name   string
	set    func(r *resolver)
	noCall bool
}{
	{"one call", func(*resolver) {}, false},
	{"steps", func(r *resolver) { r.search = func(node) error { return nil } }, false},
	{"steps without openat2", func(*resolver) {}, true},
}

// maze is a tree of a few directories, files and links, with names of one letter, and open
// directories to start from.
type maze struct {
	tree  *Tree
	root  *dir
	start []node
}

// newMaze makes a maze that the host's way out of, and one beside it, is next to.
func newMaze(t testing.TB, r *rand.Rand) *maze {
	top := t.TempDir()
	root := filepath.Join(top, "a")
	dirs := []string{root}
	put := func(make func(name string) error) string {
		name := filepath.Join(dirs[r.IntN(len(dirs))], string("abc"[r.IntN(3)]))
		if make(name) != nil {
			return ""
		}
		return name
	}
	os.MkdirAll(filepath.Join(top, "b", "c"), 0o755)
	os.Mkdir(root, 0o755)
	for range 12 {
		switch r.IntN(4) {
		case 0:
			put(func(name string) error { return os.WriteFile(name, nil, 0o644) })
		case 1:
			put(func(name string) error { return os.Symlink(randomPath(r), name) })
		default:
			if name := put(func(name string) error { return os.Mkdir(name, 0o755) }); name != "" {
				dirs = append(dirs, name)
			}
		}
	}
	tree, d, err := newTree(t, Config{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	m := &maze{tree: tree, root: d.root}
	for _, name := range dirs {
		fd, err := unix.Open(name, dirFlags, 0)
		if err != nil {
			t.Fatal(err)
		}
		m.start = append(m.start, node{fd, tree.top})
	}
	t.Cleanup(func() {
		for _, n := range m.start {
			n.close()
		}
		d.Close()
		tree.Close()
	})
	return m
}

// randomPath is a path that is likely to lead somewhere, with what is special in paths.
func randomPath(r *rand.Rand) string {
	var b strings.Builder
	if r.IntN(4) == 0 {
		b.WriteByte('/')
	}
	for i := range 1 + r.IntN(5) {
		if i > 0 {
			b.WriteString([]string{"/", "/", "/", "//"}[r.IntN(4)])
		}
		b.WriteString([]string{"a", "b", "c", "a", "b", "c", "..", ".."}[r.IntN(8)])
	}
	b.WriteString([]string{"", "", "", "/", "/."}[r.IntN(5)])
	return b.String()
}

// try resolves a path in all ways and returns what is wrong, and whether it leads somewhere.
func (m *maze) try(at node, name string, flags int) (wrong string, found bool) {
	var want string
	for i, way := range resolvers {
		m.tree.noOpenat2.Store(way.noCall)
		res := resolver{tree: m.tree, root: m.root}
		way.set(&res)
		n, err := res.find(at, name, flags)
		m.tree.noOpenat2.Store(false)
		got := fmt.Sprint(err)
		if err == nil {
			var st unix.Stat_t
			unix.Fstat(n.fd, &st)
			full, perr := n.path()
			n.close()
			got = fmt.Sprintf("inode %d, %s, %v", st.Ino, full, perr)
		}
		if i == 0 {
			want = got
		} else if got != want {
			wrong = fmt.Sprintf("%s: %s; %s: %s", way.name, got, resolvers[0].name, want)
		}
		found = err == nil
	}
	return wrong, found
}

// TestWalkAgrees walks random paths in random mazes as the host does.
func TestWalkAgrees(t *testing.T) {
	found := 0
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 9))
		m := newMaze(t, r)
		for range 100 {
			at, name := m.start[r.IntN(len(m.start))], randomPath(r)
			flags := []int{0, unix.O_NOFOLLOW, unix.O_DIRECTORY, unix.O_DIRECTORY | unix.O_NOFOLLOW}[r.IntN(4)]
			wrong, ok := m.try(at, name, flags)
			if ok {
				found++
			}
			if wrong != "" {
				from, _ := at.path()
				t.Errorf("seed %d, from %q, %q with %#x: %s", seed, from, name, flags, wrong)
			}
		}
	}
	if found < 500 || found > 2500 {
		t.Errorf("%d of 3000 paths led somewhere: the mazes say little", found)
	}
}

// FuzzWalk has the fuzzer make up the path.
func FuzzWalk(f *testing.F) {
	for _, name := range []string{"a/b/c", "/../a", "../../..", "a/./b//c/", "./", "///", "a\x00b", strings.Repeat("a/", 2000), strings.Repeat("../", 500) + "a"} {
		f.Add(uint64(1), uint8(0), name)
	}
	f.Fuzz(func(t *testing.T, seed uint64, from uint8, name string) {
		if name == "" || strings.Contains(name, "\x00") || len(name) > 1023 {
			return // refused at the edge
		}
		m := newMaze(t, rand.New(rand.NewPCG(seed%64, 9)))
		if wrong, _ := m.try(m.start[int(from)%len(m.start)], name, 0); wrong != "" {
			t.Error(wrong)
		}
	})
}

// TestWalkDeep goes down and up again beyond what the walker keeps open, and holds few
// descriptors meanwhile.
func TestWalkDeep(t *testing.T) {
	const depth = 200
	root := t.TempDir()
	os.MkdirAll(filepath.Join(root, strings.Repeat("d/", depth)), 0o755)
	os.WriteFile(filepath.Join(root, "f"), nil, 0o644)
	tree, d, err := newTree(t, Config{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	defer d.Close()
	most, before := 0, filetest.OpenFDs(t)
	r := resolver{tree: tree, root: d.root, search: func(node) error {
		most = max(most, filetest.OpenFDs(t)-before)
		return nil
	}}
	for _, name := range []string{
		strings.Repeat("d/", depth) + strings.Repeat("../", depth) + "f",
		strings.Repeat("d/", depth) + strings.Repeat("../", depth+5) + "f",
		strings.Repeat("d/", depth) + strings.Repeat("../", depth-1) + "../d/../f",
	} {
		n, err := r.find(d.root.node, name, 0)
		if err != nil {
			t.Fatal(err)
		}
		if full, _ := n.path(); full != "/f" {
			t.Errorf("it led to %s", full)
		}
		n.close()
	}
	if most > maxVisited+2 {
		t.Errorf("%d descriptors at once", most)
	}
	if after := filetest.OpenFDs(t); after != before {
		t.Errorf("%d descriptors are open, before %d", after, before)
	}
}

// TestHostMountOf has both ways to tell mounts apart say the same.
func TestHostMountOf(t *testing.T) {
	for _, name := range []string{"/", "/proc", t.TempDir()} {
		fd, err := unix.Open(name, dirFlags, 0)
		if err != nil {
			t.Fatal(err)
		}
		m, err := hostMountOf(fd)
		id, ok := fdinfoMount(fd)
		unix.Close(fd)
		if err != nil || !ok || m.id != id {
			t.Errorf("%s: %+v, %v; fdinfo says %d, %t", name, m, err, id, ok)
		}
	}
}
