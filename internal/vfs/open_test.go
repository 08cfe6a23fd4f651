package vfs

import (
	"testing"

	"toaster/netbsd"
)

// TestOpenErrnos: what open(2) with O_CREAT says of directories and of names that end in a slash (vn_open of vfs_vnops.c 1.246,
// lookup_once of vfs_lookup.c 1.238), with O_NOFOLLOW of links, and with O_EXEC (vn_openchk), whatever the umask, by which a host is asked
// in another way.
func TestOpenErrnos(t *testing.T) {
	const (
		creat, excl = netbsd.O_CREAT, netbsd.O_CREAT | netbsd.O_EXCL
		rdwr, nofol = netbsd.O_RDWR, netbsd.O_NOFOLLOW
		dir         = netbsd.O_DIRECTORY
	)
	eachWorld(t, func(t *testing.T, w world) {
		w.write(t, "f", "text")
		w.write(t, "x", "text")
		w.Chmod(here, "x", 0o755, true)
		w.Mkdir(here, "d", 0o755)
		w.Symlink("f", here, "link")
		w.Symlink("d", here, "toDir")
		w.Symlink("new", here, "dangling")
		for _, umask := range []uint32{0, 0o777} {
			w.Dirs.Umask(umask)
			for _, c := range []struct {
				name  string
				flags int
				want  netbsd.Errno
			}{
				{"d", creat, 0}, {"d/", creat, 0}, {"toDir", creat, 0}, {"toDir/", creat, 0}, {".", creat, 0}, {"/", creat, 0},
				{"d", creat | rdwr, netbsd.EISDIR}, {"d/", creat | rdwr, netbsd.EISDIR}, {"d", creat | netbsd.O_TRUNC, netbsd.EISDIR},
				{"d", excl, netbsd.EEXIST}, {"d/", excl, netbsd.EEXIST}, {"d/.", excl, netbsd.EEXIST}, {"/", excl, netbsd.EEXIST},
				{"new/", creat, netbsd.ENOENT}, {"new/", creat | rdwr, netbsd.ENOENT}, {"new/", excl, netbsd.ENOENT},
				{"dangling/", creat, netbsd.ENOENT}, {"f/", creat, netbsd.ENOTDIR}, {"f/", excl, netbsd.ENOTDIR},
				{"dangling", excl, netbsd.EEXIST}, {"link", excl, netbsd.EEXIST},
				{"link", nofol, netbsd.EFTYPE}, {"link", nofol | dir, netbsd.EFTYPE}, {"toDir", nofol | dir, netbsd.EFTYPE},
				{"link", nofol | creat, netbsd.EFTYPE}, {"dangling", nofol | creat, netbsd.EFTYPE}, {"toDir/", nofol | dir, 0},
				{"f", nofol | dir, netbsd.ENOTDIR}, {"link/", nofol | dir, netbsd.ENOTDIR},
				{"f", netbsd.O_EXEC, netbsd.EACCES}, {"x", netbsd.O_EXEC, 0}, {"d", netbsd.O_EXEC, 0},
				{"x", netbsd.O_EXEC | rdwr, netbsd.EINVAL}, {"f", netbsd.O_SHLOCK | netbsd.O_EXLOCK, 0},
			} {
				if errno := w.openErr(c.name, c.flags); errno != c.want {
					t.Errorf("%q, %#x, umask %o: %v, want %v", c.name, c.flags, umask, errno, c.want)
				}
			}
			if _, errno := w.Stat(here, "new", false); errno != netbsd.ENOENT {
				t.Errorf("umask %o: a file is made: %v", umask, errno)
			}
		}
		w.Dirs.Umask(0)
	})
}

// TestRemoveDotDot: a directory is never empty that one comes from, the machine's root is busy, and from a root of the process's own ".." leads
// nowhere else (lookup_once, do_sys_unlinkat, ufs_rmdir).
func TestRemoveDotDot(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.Mkdir(here, "d", 0o755)
		w.Mkdir(here, "d/sub", 0o755)
		w.Mkdir(here, "d/sub/low", 0o755)
		check := func(when, name string, unlink, rmdir netbsd.Errno) {
			t.Helper()
			if errno := w.Unlink(here, name, 0); errno != unlink {
				t.Errorf("%s, unlink(2) of %q: %v, want %v", when, name, errno, unlink)
			}
			if errno := w.Unlink(here, name, netbsd.AT_REMOVEDIR); errno != rmdir {
				t.Errorf("%s, rmdir(2) of %q: %v, want %v", when, name, errno, rmdir)
			}
		}
		check("below the root", "d/sub/..", netbsd.EPERM, netbsd.ENOTEMPTY)
		check("below the root", "d/sub/../", netbsd.EPERM, netbsd.ENOTEMPTY)
		check("below the root", "/..", netbsd.EBUSY, netbsd.EBUSY)
		check("below the root", "x/..", netbsd.ENOENT, netbsd.ENOENT)
		if errno := w.Chroot("d"); errno != 0 {
			t.Fatal(errno)
		}
		check("in a root of its own", "/..", netbsd.EINVAL, netbsd.EINVAL)
		check("in a root of its own", "..", netbsd.EINVAL, netbsd.EINVAL)
		check("in a root of its own", "sub/..", netbsd.EPERM, netbsd.ENOTEMPTY)
		check("in a root of its own", "sub/low/..", netbsd.EPERM, netbsd.ENOTEMPTY)
	})
}
