package vfs

import (
	"strings"
	"testing"

	"toaster/netbsd"
)

// TestMayName: getcwd(2), F_GETPATH and a relative name of execve(2) want the right to search the directory, and to search and read those
// above it but the root (getcwd_common with GETCWD_CHECK_ACCESS, which sys___getcwd, vnode_to_path and exec_makepathbuf pass). What the
// kernel tells of others' working directories does not (fill_cwd).
func TestMayName(t *testing.T) {
	root, user := ownedWorld(t)
	root.Mkdir(here, "d", 0o755)
	root.Mkdir(here, "d/in", 0o755)
	root.write(t, "d/in/prog", "prog")
	root.Chmod(here, "d/in/prog", 0o755, true)
	root.Chmod(here, "/", 0o711, true)
	d, errno := root.Open(here, "d/in/prog", netbsd.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer d.Release()
	root.Chdir("d/in")
	for _, c := range []struct {
		above, dir uint32
		user       netbsd.Errno
	}{
		{0o755, 0o755, 0}, {0o755, 0o711, 0}, {0o755, 0o744, netbsd.EACCES}, {0o711, 0o755, netbsd.EACCES}, {0o744, 0o755, netbsd.EACCES},
	} {
		root.Chmod(here, "/d", c.above, true)
		root.Chmod(here, "/d/in", c.dir, true)
		for i, w := range []world{root, user} {
			want := []netbsd.Errno{0, c.user}[i]
			for call, f := range map[string]func() (string, netbsd.Errno){
				"getcwd":    w.Getcwd,
				"F_GETPATH": func() (string, netbsd.Errno) { return w.PathOf(d) },
				"execve":    func() (string, netbsd.Errno) { return w.execName("prog") },
			} {
				name, errno := f()
				if errno != want || errno == 0 && !strings.HasPrefix(name, "/d/in") {
					t.Errorf("%o, %o: %s is %q, %v; want %v", c.above, c.dir, call, name, errno, want)
				}
			}
			if f, name, errno := (First{w.View}).OpenExec("prog"); i == 0 && (name != "/d/in/prog" || errno != 0) {
				t.Errorf("%o, %o: the first program is %q, %v", c.above, c.dir, name, errno)
			} else if errno == 0 {
				f.Close()
			}
			if name, errno := w.CwdOf(w.Dirs); name != "/d/in" || errno != 0 {
				t.Errorf("%o, %o: fill_cwd says %q, %v", c.above, c.dir, name, errno)
			}
		}
	}
	root.Chroot("/d/in") // its own root is not asked
	root.Chmod(here, "/", 0o700, true)
	if name, errno := user.Getcwd(); name != "/" || errno != 0 {
		t.Errorf("of a root of one's own: %q, %v", name, errno)
	}
}

// execName is the name by which a program is executed.
func (w world) execName(name string) (string, netbsd.Errno) {
	f, full, errno := w.OpenExec(name)
	if errno == 0 {
		f.Close()
	}
	return full, errno
}

// TestExecNameLength: exec_makepathbuf puts the working directory's name in front of what is asked for.
func TestExecNameLength(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.Mkdir(here, "gone", 0o755)
		w.Chdir("gone")
		w.Unlink(here, "../gone", netbsd.AT_REMOVEDIR)
		if _, errno := w.execName("../prog"); errno != netbsd.ENOENT {
			t.Errorf("from where there is no name: %v", errno)
		}
		w.Chdir("/")
		for i, want := range map[int]netbsd.Errno{netbsd.PATH_MAX - 1: netbsd.ENAMETOOLONG, netbsd.PATH_MAX - 3: netbsd.ENAMETOOLONG, netbsd.PATH_MAX - 4: netbsd.ENOENT} {
			if _, errno := w.execName(strings.Repeat("./", i/2-1) + strings.Repeat("x", 2+i%2)); errno != want {
				t.Errorf("%d bytes: %v, want %v", i, errno, want)
			}
		}
	})
}
