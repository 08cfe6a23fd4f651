package vfs

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/internal/hostfile"
	"toaster/kern"
	"toaster/netbsd"
)

// newTree opens a tree of a machine that ends with the test, after the tree.
func newTree(t testing.TB, c Config) (*Tree, *Dirs, error) {
	h := hostfile.NewHost()
	t.Cleanup(h.Close)
	return New(h, c)
}

// world is a tree on a scratch directory, with what lies outside of it.
type world struct {
	View
	dir     string // the directory, as the host names it
	prefix  string // as guests name it
	outside string
}

// otherGroups is toaster's own user with other groups, whose rights the kernel has to look at.
func otherGroups() *kern.Cred {
	return kern.UserCred(uint32(os.Geteuid()), uint32(os.Getegid()), 54321)
}

// eachWorld runs a test against the host's tree, a confined one, one that has to walk,
// and one whose caller's rights are checked.
func eachWorld(t *testing.T, f func(t *testing.T, w world)) {
	for _, mode := range []string{"host", "openat2", "walk", "groups"} {
		t.Run(mode, func(t *testing.T) {
			top := t.TempDir()
			w := world{dir: filepath.Join(top, "in"), outside: filepath.Join(top, "out")}
			os.Mkdir(w.dir, 0o755)
			os.Mkdir(w.outside, 0o755)
			os.WriteFile(filepath.Join(w.outside, "secret"), []byte("secret"), 0o644)
			c := Config{Dir: w.dir}
			w.prefix = w.dir
			if mode != "host" {
				c = Config{Root: w.dir, Dir: "/"}
				w.prefix = ""
			}
			c.noOpenat2 = mode == "walk"
			tree, dirs, err := newTree(t, c)
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			machine := file.NewMachine(file.MachineConfig{Watcher: tree.host})
			w.View = View{Dirs: dirs, Files: machine.NewTable(), L: filetest.NewSleeper()}
			if mode == "groups" {
				w.View.Cred = otherGroups()
			}
			defer dirs.Close()
			defer w.Files.Close()
			before := file.LiveDescriptions()
			f(t, w)
			if n := file.LiveDescriptions() - before; n > int64(len(w.Files.Open())) {
				t.Errorf("%d descriptions leaked", n)
			}
		})
	}
}

func (w world) write(t *testing.T, name, text string) {
	t.Helper()
	d, errno := w.Open(netbsd.AT_FDCWD, name, netbsd.O_WRONLY|netbsd.O_CREAT|netbsd.O_TRUNC, 0o644)
	if errno != 0 {
		t.Fatalf("%s: %v", name, errno)
	}
	defer d.Release()
	d.Write(w.L, []byte(text))
}

func (w world) read(name string) (string, netbsd.Errno) {
	d, errno := w.Open(netbsd.AT_FDCWD, name, netbsd.O_RDONLY, 0)
	if errno != 0 {
		return "", errno
	}
	defer d.Release()
	b := make([]byte, 100)
	n, errno := d.Read(w.L, b)
	return string(b[:n]), errno
}

func TestErrnos(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.write(t, "f", "text")
		w.Mkdir(netbsd.AT_FDCWD, "d", 0o755)
		w.Mkdir(netbsd.AT_FDCWD, "full", 0o755)
		w.write(t, "full/f", "")
		w.Symlink("f", netbsd.AT_FDCWD, "link")
		w.Symlink("nowhere", netbsd.AT_FDCWD, "dangling")
		w.Symlink("loop", netbsd.AT_FDCWD, "loop")
		w.Symlink("socket", netbsd.AT_FDCWD, "to-socket")
		socket, err := net.Listen("unix", filepath.Join(w.dir, "socket"))
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		open := func(name string, flags int) netbsd.Errno {
			d, errno := w.Open(netbsd.AT_FDCWD, name, flags, 0o644)
			if errno == 0 {
				d.Release()
			}
			return errno
		}
		stat := func(name string, follow bool) netbsd.Errno {
			_, errno := w.Stat(netbsd.AT_FDCWD, name, follow)
			return errno
		}
		for _, c := range []struct {
			name string
			got  netbsd.Errno
			want netbsd.Errno
		}{
			{"open missing", open("x", netbsd.O_RDONLY), netbsd.ENOENT},
			{"open empty", open("", netbsd.O_RDONLY), netbsd.ENOENT},
			{"open long", open(strings.Repeat("a/", 600), netbsd.O_RDONLY), netbsd.ENAMETOOLONG},
			{"open long name", open(strings.Repeat("a", 300), netbsd.O_RDONLY), netbsd.ENAMETOOLONG},
			{"open below a file", open("f/x", netbsd.O_RDONLY), netbsd.ENOTDIR},
			{"open a file as directory", open("f", netbsd.O_DIRECTORY), netbsd.ENOTDIR},
			{"open a file with a slash", open("f/", netbsd.O_RDONLY), netbsd.ENOTDIR},
			{"open a directory to write", open("d", netbsd.O_RDWR), netbsd.EISDIR},
			{"open both ways wrong", open("f", 3), netbsd.EINVAL},
			{"open exclusively", open("f", netbsd.O_RDWR|netbsd.O_CREAT|netbsd.O_EXCL), netbsd.EEXIST},
			{"open a dangling link exclusively", open("dangling", netbsd.O_RDWR|netbsd.O_CREAT|netbsd.O_EXCL), netbsd.EEXIST},
			{"open a link nofollow", open("link", netbsd.O_NOFOLLOW), netbsd.EFTYPE},
			{"open a socket", open("socket", netbsd.O_RDWR), netbsd.EOPNOTSUPP},
			{"open a socket to write, without waiting", open("socket", netbsd.O_WRONLY|netbsd.O_NONBLOCK), netbsd.EOPNOTSUPP},
			{"open a socket to write", open("to-socket", netbsd.O_WRONLY), netbsd.EOPNOTSUPP},
			{"open a socket behind a link", open("to-socket", netbsd.O_RDONLY), netbsd.EOPNOTSUPP},
			{"open a socket with O_CREAT", open("socket", netbsd.O_RDWR|netbsd.O_CREAT), netbsd.EOPNOTSUPP},
			{"open a directory regular", open("d", netbsd.O_REGULAR), netbsd.EFTYPE},
			{"open a loop", open("loop", netbsd.O_RDONLY), netbsd.ELOOP},
			{"open a loop nofollow", open("loop/", netbsd.O_NOFOLLOW), netbsd.ELOOP},
			{"stat dangling", stat("dangling", true), netbsd.ENOENT},
			{"lstat dangling", stat("dangling", false), 0},
			{"stat link", stat("link", true), 0},
			{"lstat link with slash", stat("link/", false), netbsd.ENOTDIR},
			{"unlink directory", w.Unlink(netbsd.AT_FDCWD, "d", 0), netbsd.EPERM},
			{"unlink directory with slash", w.Unlink(netbsd.AT_FDCWD, "d/", 0), netbsd.EPERM},
			{"unlink: other flags are not looked at (do_sys_unlinkat)", w.Unlink(netbsd.AT_FDCWD, "d", 1), netbsd.EPERM},
			{"rmdir file", w.Unlink(netbsd.AT_FDCWD, "f", netbsd.AT_REMOVEDIR), netbsd.ENOTDIR},
			{"rmdir link", w.Unlink(netbsd.AT_FDCWD, "link", netbsd.AT_REMOVEDIR), netbsd.ENOTDIR},
			{"rmdir full", w.Unlink(netbsd.AT_FDCWD, "full", netbsd.AT_REMOVEDIR), netbsd.ENOTEMPTY},
			{"rmdir dot", w.Unlink(netbsd.AT_FDCWD, ".", netbsd.AT_REMOVEDIR), netbsd.EINVAL},
			{"mkdir existing", w.Mkdir(netbsd.AT_FDCWD, "d", 0o755), netbsd.EEXIST},
			{"mkdir with slash", w.Mkdir(netbsd.AT_FDCWD, "d2/", 0o755), 0},
			{"rename file over directory", w.Rename(netbsd.AT_FDCWD, "f", netbsd.AT_FDCWD, "d"), netbsd.EISDIR},
			{"rename directory over file", w.Rename(netbsd.AT_FDCWD, "d", netbsd.AT_FDCWD, "f"), netbsd.ENOTDIR},
			{"rename over full", w.Rename(netbsd.AT_FDCWD, "d", netbsd.AT_FDCWD, "full"), netbsd.ENOTEMPTY},
			{"rename into itself", w.Rename(netbsd.AT_FDCWD, "d", netbsd.AT_FDCWD, "d/e"), netbsd.EINVAL},
			// namei_oneroot, do_sys_unlinkat, do_sys_renameat: the root, and the dots.
			{"unlink root", w.Unlink(netbsd.AT_FDCWD, "/", 0), netbsd.EBUSY},
			{"unlink root with slashes", w.Unlink(netbsd.AT_FDCWD, "///", 0), netbsd.EBUSY},
			{"rmdir root", w.Unlink(netbsd.AT_FDCWD, "/", netbsd.AT_REMOVEDIR), netbsd.EBUSY},
			{"unlink dot", w.Unlink(netbsd.AT_FDCWD, "d/.", 0), netbsd.EINVAL},
			{"unlink dot that is missing", w.Unlink(netbsd.AT_FDCWD, "x/.", 0), netbsd.ENOENT},
			{"unlink dotdot", w.Unlink(netbsd.AT_FDCWD, "d/..", 0), map[bool]netbsd.Errno{true: netbsd.EBUSY, false: netbsd.EPERM}[w.prefix == ""]}, // the root is VV_ROOT
			{"rename root", w.Rename(netbsd.AT_FDCWD, "/", netbsd.AT_FDCWD, "new"), netbsd.EBUSY},
			{"rename onto root", w.Rename(netbsd.AT_FDCWD, "d", netbsd.AT_FDCWD, "/"), netbsd.EBUSY},
			{"rename dot", w.Rename(netbsd.AT_FDCWD, ".", netbsd.AT_FDCWD, "new"), netbsd.EINVAL},
			{"rename dot below", w.Rename(netbsd.AT_FDCWD, "d/.", netbsd.AT_FDCWD, "new"), netbsd.EINVAL},
			{"rename dot with slash", w.Rename(netbsd.AT_FDCWD, "d/./", netbsd.AT_FDCWD, "new"), netbsd.EINVAL},
			{"rename dot that is missing", w.Rename(netbsd.AT_FDCWD, "x/.", netbsd.AT_FDCWD, "new"), netbsd.ENOENT},
			{"rename dotdot", w.Rename(netbsd.AT_FDCWD, "d/..", netbsd.AT_FDCWD, "new"), netbsd.EINVAL},
			{"rename onto dot", w.Rename(netbsd.AT_FDCWD, "d", netbsd.AT_FDCWD, "full/."), netbsd.EISDIR},
			{"rename onto dotdot", w.Rename(netbsd.AT_FDCWD, "full/f", netbsd.AT_FDCWD, "d/.."), netbsd.EINVAL},
			{"rename missing onto dot", w.Rename(netbsd.AT_FDCWD, "x", netbsd.AT_FDCWD, "d/."), netbsd.ENOENT},
			{"link directory", w.Link(netbsd.AT_FDCWD, "d", netbsd.AT_FDCWD, "hard", true), netbsd.EPERM},
			{"link existing", w.Link(netbsd.AT_FDCWD, "f", netbsd.AT_FDCWD, "link", true), netbsd.EEXIST},
			{"link", w.Link(netbsd.AT_FDCWD, "link", netbsd.AT_FDCWD, "hard", true), 0},
			{"access", w.Access(netbsd.AT_FDCWD, "f", 4, 0), 0},
			{"access mode", w.Access(netbsd.AT_FDCWD, "f", 8, 0), netbsd.EINVAL},
			{"access with AT_SYMLINK_FOLLOW", w.Access(netbsd.AT_FDCWD, "link", 4, netbsd.AT_SYMLINK_FOLLOW), 0},
			{"access with AT_SYMLINK_FOLLOW, dangling", w.Access(netbsd.AT_FDCWD, "dangling", 0, netbsd.AT_SYMLINK_FOLLOW), netbsd.ENOENT},
			{"access missing", w.Access(netbsd.AT_FDCWD, "x", 0, 0), netbsd.ENOENT},
			{"truncate", w.Truncate("link", 2), 0},
			{"truncate negative", w.Truncate("f", -1), netbsd.EINVAL},
			{"chmod", w.Chmod(netbsd.AT_FDCWD, "link", 0o600, true), 0},
			{"at a bad descriptor", errnoOf(w.Stat(99, "f", true)), netbsd.EBADF},
			{"mknod of a device", w.MknodDev(netbsd.AT_FDCWD, "dev", netbsd.S_IFCHR|0o600, 514), netbsd.EPERM},
			{"mkfifo", w.Mknod(netbsd.AT_FDCWD, "fifo", netbsd.S_IFIFO|0o600), 0},
			{"chdir to file", w.Chdir("f"), netbsd.ENOTDIR},
			{"readlink of file", errnoOf(w.Readlink(netbsd.AT_FDCWD, "f")), netbsd.EINVAL},
			{"unlink", w.Unlink(netbsd.AT_FDCWD, "link", 0), 0},
		} {
			if c.got != c.want {
				t.Errorf("%s: %s, want %s", c.name, c.got.Name(), c.want.Name())
			}
		}
		st, _ := w.Stat(netbsd.AT_FDCWD, "hard", true)
		if st.Size != 2 || st.Nlink != 2 || st.Mode != netbsd.S_IFREG|0o600 {
			t.Errorf("%+v", st)
		}
	})
}

// TestSlashedNames checks what each call says of a name with a slash after it.
func TestSlashedNames(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		const at = netbsd.AT_FDCWD
		w.write(t, "f", "text")
		for name, target := range map[string]string{
			"toFile": "f", "free": "d1", "free2": w.prefix + "/d2", "chain": "free3", "free3": "sub/../d3//", "loop": "loop",
			"toDir": "d1", "toDir2": "d2", "toDir3": "d3", "last": "d5",
		} {
			w.Symlink(target, at, name)
		}
		w.Mkdir(at, "sub", 0o755)
		w.Mkdir(at, "d4", 0o755)
		for _, c := range []struct {
			name      string
			got, want netbsd.Errno
		}{
			{"mkdir link", w.Mkdir(at, "free", 0o755), netbsd.EEXIST},
			{"mkdir link/", w.Mkdir(at, "free/", 0o755), 0},
			{"mkdir absolute link/", w.Mkdir(at, "free2///", 0o755), 0},
			{"mkdir chain/", w.Mkdir(at, "chain/", 0o755), 0},
			{"mkdir loop/", w.Mkdir(at, "loop/", 0o755), netbsd.ELOOP},
			{"mkdir link/ again", w.Mkdir(at, "free/", 0o755), netbsd.EEXIST},
			{"mkdir file/", w.Mkdir(at, "f/", 0o755), netbsd.ENOTDIR},
			{"rmdir link", w.Unlink(at, "toDir", netbsd.AT_REMOVEDIR), netbsd.ENOTDIR},
			{"rmdir link/", w.Unlink(at, "toDir/", netbsd.AT_REMOVEDIR), 0},
			{"stat what it led to", errnoOf(w.Stat(at, "d1", false)), netbsd.ENOENT},
			{"unlink link/ to a directory", w.Unlink(at, "toDir2/", 0), netbsd.EPERM},
			{"unlink link/ to a file", w.Unlink(at, "toFile/", 0), netbsd.ENOTDIR},
			{"unlink file/", w.Unlink(at, "f/", 0), netbsd.ENOTDIR},
			{"symlink free/", w.Symlink("f", at, "new/"), netbsd.ENOENT},
			{"mkfifo free/", w.Mknod(at, "new/", netbsd.S_IFIFO|0o600), netbsd.ENOENT},
			{"link free/", w.Link(at, "f", at, "new/", true), netbsd.ENOENT},
			{"readlink link/", errnoOf(w.Readlink(at, "toDir2/")), netbsd.EINVAL},
			{"rename file free/", w.Rename(at, "f", at, "new/"), netbsd.ENOENT},
			{"rename file/", w.Rename(at, "f/", at, "new"), netbsd.ENOTDIR},
			{"rename directory free/", w.Rename(at, "d4", at, "new/"), 0},
			{"rename link/", w.Rename(at, "toDir2/", at, "moved"), 0},
			{"rename to link/", w.Rename(at, "moved/", at, "last/"), 0},
			{"stat the link", errnoOf(w.Stat(at, "toDir2", false)), 0},
			{"stat what the last led to", errnoOf(w.Stat(at, "d5", false)), 0},
		} {
			if c.got != c.want {
				t.Errorf("%s: %s, want %s", c.name, c.got.Name(), c.want.Name())
			}
		}
	})
}

func errnoOf[T any](_ T, errno netbsd.Errno) netbsd.Errno { return errno }

// A link with a slash after it is followed, as namei does.
func TestTrailingSlash(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.Mkdir(netbsd.AT_FDCWD, "d", 0o755)
		w.Symlink("d", netbsd.AT_FDCWD, "to-d")
		w.Symlink("new/", netbsd.AT_FDCWD, "dangling")
		w.Symlink("dangling", netbsd.AT_FDCWD, "chain")
		w.Symlink("loop", netbsd.AT_FDCWD, "loop")
		w.write(t, "file", "")
		for _, c := range []struct {
			name string
			got  netbsd.Errno
			want netbsd.Errno
		}{
			{"mkdir", w.Mkdir(netbsd.AT_FDCWD, "chain/", 0o755), 0},
			{"mkdir again", w.Mkdir(netbsd.AT_FDCWD, "new", 0o755), netbsd.EEXIST},
			{"rename", w.Rename(netbsd.AT_FDCWD, "to-d/", netbsd.AT_FDCWD, "renamed"), 0},
			{"rename again", w.Rename(netbsd.AT_FDCWD, "to-d/", netbsd.AT_FDCWD, "x"), netbsd.ENOENT},
			{"rmdir", w.Unlink(netbsd.AT_FDCWD, "dangling//", netbsd.AT_REMOVEDIR), 0},
			{"link stays", errnoOf(w.Stat(netbsd.AT_FDCWD, "dangling", false)), 0},
			{"loop", w.Mkdir(netbsd.AT_FDCWD, "loop/", 0o755), netbsd.ELOOP},
			{"root", w.Mkdir(netbsd.AT_FDCWD, "/", 0o755), netbsd.EEXIST},
			{"linkat", w.Link(netbsd.AT_FDCWD, "file/", netbsd.AT_FDCWD, "other", false), netbsd.ENOTDIR},
		} {
			if c.got != c.want {
				t.Errorf("%s: %s, want %s", c.name, c.got.Name(), c.want.Name())
			}
		}
	})
}

func TestUmask(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		for _, mask := range []uint32{0, 0o077, 0o22} {
			w.Dirs.Umask(mask)
			name := fmt.Sprintf("m%o", mask)
			d, _ := w.Open(netbsd.AT_FDCWD, name, netbsd.O_RDWR|netbsd.O_CREAT, 0o666)
			d.Release()
			w.Mkdir(netbsd.AT_FDCWD, name+"d", 0o777)
			w.Mknod(netbsd.AT_FDCWD, name+"p", netbsd.S_IFIFO|0o666)
			for suffix, full := range map[string]uint32{"": 0o666, "d": 0o777, "p": 0o666} {
				st, _ := w.Stat(netbsd.AT_FDCWD, name+suffix, true)
				if st.Mode&0o777 != full&^mask {
					t.Errorf("umask %o: %s%s has %o", mask, name, suffix, st.Mode&0o777)
				}
			}
		}
	})
}

func TestChdirAt(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.Mkdir(netbsd.AT_FDCWD, "a", 0o755)
		w.Mkdir(netbsd.AT_FDCWD, "a/b", 0o755)
		w.write(t, "a/b/f", "deep")
		w.Chdir("a/b")
		if cwd, errno := w.Getcwd(); cwd != w.prefix+"/a/b" || errno != 0 {
			t.Errorf("%q %v", cwd, errno)
		}
		if s, errno := w.read("../b/./f"); s != "deep" {
			t.Error(s, errno)
		}
		child := w
		child.Dirs = w.Dirs.fork(false)
		defer child.Dirs.Close()
		child.Chdir("/")
		d, errno := w.Open(netbsd.AT_FDCWD, "..", netbsd.O_RDONLY|netbsd.O_DIRECTORY, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		fd, _ := w.Files.Install(d, 0, 100, 0)
		if st, errno := w.Stat(fd, "b/f", true); st.Size != 4 || errno != 0 {
			t.Error(st, errno)
		}
		if st, errno := w.Stat(fd, "../a/b/f", true); st.Size != 4 || errno != 0 {
			t.Error(st, errno)
		}
		w.Fchdir(fd)
		if cwd, _ := w.Getcwd(); cwd != w.prefix+"/a" {
			t.Error(cwd)
		}
		w.Mkdir(netbsd.AT_FDCWD, "gone", 0o755)
		w.Chdir("gone")
		w.Unlink(netbsd.AT_FDCWD, "../gone", netbsd.AT_REMOVEDIR)
		if _, errno := w.Getcwd(); errno != netbsd.ENOENT {
			t.Error(errno)
		}
		w.Chdir(w.prefix + "/a")
		old := w.install(t, w.prefix+"/", netbsd.O_RDONLY)
		w.Mkdir(netbsd.AT_FDCWD, "gone", 0o755)
		gone := w.install(t, "gone", netbsd.O_RDONLY)
		w.Unlink(netbsd.AT_FDCWD, "gone", netbsd.AT_REMOVEDIR)
		if errno := w.Fchdir(gone); errno != 0 {
			t.Errorf("fchdir to what was removed: %s", errno.Name())
		}
		w.write(t, w.prefix+"/a/closed", "") // sys_fchdir and change_root look at the kind before they look at rights
		closed := w.install(t, w.prefix+"/a/closed", netbsd.O_RDONLY)
		w.Chmod(netbsd.AT_FDCWD, w.prefix+"/a/closed", 0, true)
		if errno := w.Fchdir(closed); errno != netbsd.ENOTDIR {
			t.Errorf("fchdir to a file: %s", errno.Name())
		}
		if errno := w.Chroot(w.prefix + "/a"); errno != 0 {
			t.Fatal(errno)
		}
		if s, errno := w.read("/b/f"); s != "deep" {
			t.Error(s, errno)
		}
		if cwd, _ := w.Getcwd(); cwd != "/" {
			t.Error(cwd)
		}
		if errno := w.Fchdir(old); errno != netbsd.EPERM {
			t.Errorf("fchdir out of the root: %s, want EPERM", errno.Name())
		}
		if errno := w.Fchroot(old); errno != 0 {
			t.Errorf("fchroot back: %s", errno.Name())
		}
		if s, errno := w.read("/a/b/f"); w.prefix == "" && (s != "deep" || errno != 0) {
			t.Error(s, errno)
		}
	})
}

func TestGetdents(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		var want []string
		w.Mkdir(netbsd.AT_FDCWD, "big", 0o755)
		for i := range 1000 {
			name := fmt.Sprintf("%0*d", 1+i%60, i)
			want = append(want, name)
			w.write(t, "big/"+name, "")
		}
		slices.Sort(want)
		d, _ := w.Open(netbsd.AT_FDCWD, "big", netbsd.O_RDONLY, 0)
		defer d.Release()
		first := listing(t, d, 512)
		d.File.Lseek(0, netbsd.SEEK_SET)
		if again := listing(t, d, 1<<20); !slices.Equal(first, want) || !slices.Equal(again, want) {
			t.Errorf("%d and %d names, want %d", len(first), len(again), len(want))
		}
		if _, errno := d.File.(file.DirReader).Getdents(make([]byte, 8)); errno != 0 && errno != netbsd.EINVAL {
			t.Error(errno)
		}
	})
}

// listing reads a directory with a buffer of a given size, and after each call
// goes away and comes back to the cookie.
func listing(t *testing.T, d *file.Description, size int) []string {
	var names []string
	b := make([]byte, size)
	for {
		n, errno := d.File.(file.DirReader).Getdents(b)
		if errno != 0 {
			t.Fatal(errno)
		}
		if n == 0 {
			slices.Sort(names)
			return names
		}
		for rec := b[:n]; len(rec) > 0; rec = rec[int(rec[8])|int(rec[9])<<8:] {
			if name := string(rec[13 : 13+int(rec[10])]); name != "." && name != ".." {
				names = append(names, name)
			}
		}
		cookie, _ := d.File.Lseek(0, netbsd.SEEK_CUR)
		d.File.Lseek(0, netbsd.SEEK_SET)
		if back, errno := d.File.Lseek(cookie, netbsd.SEEK_SET); back != cookie || errno != 0 {
			t.Fatal(back, errno)
		}
	}
}

func TestConfined(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		if w.prefix != "" {
			t.Skip("the host's tree is not confined")
		}
		w.Mkdir(netbsd.AT_FDCWD, "d", 0o755)
		os.Symlink(w.outside, filepath.Join(w.dir, "abs"))
		os.Symlink("../../out", filepath.Join(w.dir, "d", "rel"))
		os.Symlink("/proc/self/root"+w.outside, filepath.Join(w.dir, "proc"))
		os.Symlink(filepath.Join(w.outside, "new"), filepath.Join(w.dir, "create"))
		w.Chdir("d")
		for _, name := range []string{
			w.outside + "/secret", "../../out/secret", "../../../../../../.." + w.outside + "/secret",
			"/../out/secret", "/abs/secret", "/d/rel/secret", "rel/secret", "../abs/secret", "/proc/secret",
			"/dev/fd/../../../out/secret",
		} {
			if s, errno := w.read(name); errno == 0 {
				t.Errorf("%s: %q", name, s)
			}
			w.Unlink(netbsd.AT_FDCWD, name, 0)
			w.Rename(netbsd.AT_FDCWD, name, netbsd.AT_FDCWD, "/stolen")
			w.Link(netbsd.AT_FDCWD, name, netbsd.AT_FDCWD, "/stolen", true)
			w.Chmod(netbsd.AT_FDCWD, name, 0, true)
			w.Truncate(name, 0)
		}
		w.Mkdir(netbsd.AT_FDCWD, "/abs/x", 0o755)
		w.Mkdir(netbsd.AT_FDCWD, "rel/x", 0o755)
		w.Symlink("x", netbsd.AT_FDCWD, "/abs/")
		w.Rename(netbsd.AT_FDCWD, "/d", netbsd.AT_FDCWD, "/abs/d")
		if d, errno := w.Open(netbsd.AT_FDCWD, "/create", netbsd.O_RDWR|netbsd.O_CREAT, 0o644); errno == 0 {
			d.Release()
		}
		ents, _ := os.ReadDir(w.outside)
		st, err := os.Stat(filepath.Join(w.outside, "secret"))
		if len(ents) != 1 || err != nil || st.Size() != 6 || st.Mode() != 0o644 {
			t.Errorf("outside: %v %v %v", ents, st, err)
		}
		if _, err := os.Stat(filepath.Join(w.dir, "stolen")); err == nil {
			t.Error("stolen")
		}
	})
}

// A directory that moves out of the root and back while others resolve through it.
func TestConfinedRace(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		if w.prefix != "" {
			t.Skip("the host's tree is not confined")
		}
		os.MkdirAll(filepath.Join(w.dir, "a", "b"), 0o755)
		inside, moved := filepath.Join(w.dir, "a"), filepath.Join(w.outside, "a")
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				default:
					os.Rename(inside, moved)
					os.Rename(moved, inside)
				}
			}
		}()
		for range 2000 {
			if s, errno := w.read("a/b/../../secret"); errno == 0 {
				t.Errorf("read %q", s)
				break
			}
		}
		close(stop)
		<-done
	})
}

func TestDevices(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		for _, name := range []string{"/dev/null", "/dev/zero", "/dev/urandom", "/dev//null", "/dev/./zero"} {
			st, errno := w.Stat(netbsd.AT_FDCWD, name, true)
			if errno != 0 || st.Mode&netbsd.S_IFMT != netbsd.S_IFCHR {
				t.Errorf("%s: %o %v", name, st.Mode, errno)
			}
		}
		w.Symlink("/dev/zero", netbsd.AT_FDCWD, "z")
		if s, errno := w.read("z"); s != strings.Repeat("\x00", 100) || errno != 0 {
			t.Errorf("%q %v", s, errno)
		}
		if s, errno := w.read("/dev/null"); s != "" || errno != 0 {
			t.Errorf("%q %v", s, errno)
		}
		if _, errno := w.read("/dev/fd/7"); errno != netbsd.EBADF {
			t.Error(errno)
		}
		w.write(t, "f", "through fd")
		d, _ := w.Open(netbsd.AT_FDCWD, "f", netbsd.O_RDONLY, 0)
		fd, _ := w.Files.Install(d, 0, 100, 0)
		if s, errno := w.read(fmt.Sprintf("/dev/fd/%d", fd)); s != "through fd" {
			t.Error(s, errno)
		}
		if _, errno := w.Open(netbsd.AT_FDCWD, "/dev/stdin", netbsd.O_RDWR, 0); errno != netbsd.EACCES {
			t.Error(errno)
		}
		if errno := w.Unlink(netbsd.AT_FDCWD, "/dev/null", 0); errno != netbsd.EPERM {
			t.Error(errno)
		}
	})
}

// A name below /dev/fd is as its file, whatever its number is (fd(4)).
func TestHighDescriptors(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.write(t, "file", "text")
		d, errno := w.Open(netbsd.AT_FDCWD, "file", netbsd.O_RDONLY, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		fd, errno := w.Files.Install(d, 300, 1000, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		if st, errno := w.Stat(netbsd.AT_FDCWD, fmt.Sprintf("/dev/fd/%d", fd), true); errno != 0 || st.Mode&netbsd.S_IFMT != netbsd.S_IFREG || st.Size != 4 {
			t.Errorf("fd/%d: %s, mode %o, size %d", fd, errno.Name(), st.Mode, st.Size)
		}
	})
}

// fcntl(2): F_GETPATH of a vnode, a device's as any other's (vnode_to_path; t_fcntl of NetBSD's tests/kernel).
func TestPathOfDevices(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.Symlink("/dev/zero", netbsd.AT_FDCWD, "z")
		w.write(t, "f", "a file")
		f, _ := w.Open(netbsd.AT_FDCWD, "f", netbsd.O_RDONLY, 0)
		fd, _ := w.Files.Install(f, 0, 100, 0)
		file, errno := w.PathOf(f)
		if errno != 0 {
			t.Fatal(errno)
		}
		for name, want := range map[string]string{"/dev/null": "/dev/null", "/dev/./zero": "/dev/zero", "z": "/dev/zero", fmt.Sprintf("/dev/fd/%d", fd): file} {
			d, errno := w.Open(netbsd.AT_FDCWD, name, netbsd.O_RDONLY, 0)
			if errno != 0 {
				t.Fatal(name, errno)
			}
			if path, errno := w.PathOf(d); path != want || errno != 0 {
				t.Errorf("%s: %q, %v, want %q", name, path, errno, want)
			}
			d.Release()
		}
		root, _ := w.Open(netbsd.AT_FDCWD, "/", netbsd.O_RDONLY, 0)
		defer root.Release()
		if path, errno := w.PathOf(root); errno != netbsd.ENOENT {
			t.Errorf("the root, which is an entry of no directory (cache_revlookup): %q, %v", path, errno)
		}
	})
}

func TestFifo(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.Mknod(netbsd.AT_FDCWD, "p", netbsd.S_IFIFO|0o600)
		if _, errno := w.Open(netbsd.AT_FDCWD, "p", netbsd.O_WRONLY|netbsd.O_NONBLOCK, 0); errno != netbsd.ENXIO {
			t.Error(errno)
		}
		got := make(chan string)
		reader := w
		reader.View.L = filetest.NewSleeper()
		go func() {
			s, errno := reader.read("p")
			if errno != 0 {
				t.Error(errno)
			}
			got <- s
		}()
		w.write(t, "p", "through")
		if s := <-got; s != "through" {
			t.Errorf("%q", s)
		}
	})
}

// interrupted is an LWP whose sleeps a signal ends.
type interrupted struct{}

func (interrupted) Wake()                              {}
func (interrupted) Sleep(bool, time.Time) netbsd.Errno { return netbsd.EINTR }

func TestFifoInterrupted(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.Mknod(netbsd.AT_FDCWD, "p", netbsd.S_IFIFO|0o600)
		w.View.L = interrupted{}
		for _, mode := range []int{netbsd.O_RDONLY, netbsd.O_WRONLY} {
			if _, errno := w.Open(netbsd.AT_FDCWD, "p", mode, 0); errno != netbsd.EINTR {
				t.Error(errno)
			}
		}
	})
}
