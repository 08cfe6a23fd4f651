package vfs

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/kern"
	"toaster/netbsd"
)

// Nothing is written on the host where a mount is for reading only, not even what is kept beside files: open(2) with O_CREAT and
// fchflags(2) are EROFS (ufs_lookup, ufs_setattr).
func TestOwnersReadOnly(t *testing.T) {
	src, dir := t.TempDir(), t.TempDir()
	os.Chmod(src, 0o775)
	os.Mkdir(filepath.Join(dir, "ro"), 0o755)
	os.WriteFile(filepath.Join(src, "file"), nil, 0o644)
	tree, dirs, err := newTree(t, Config{Root: dir, Dir: "/", Owners: true, Mounts: []Mount{{Source: src, Target: "/ro", Access: ReadOnly}}})
	if err != nil {
		t.Fatal(err)
	}
	w := world{View: View{Dirs: dirs, Files: file.NewMachine(file.MachineConfig{}).NewTable(), L: filetest.NewSleeper(), Cred: kern.UserCred(0, 5)}}
	t.Cleanup(func() { w.Files.Close(); dirs.Close(); tree.Close() })
	tree.keeper.Judge()
	if _, errno := w.Open(here, "/ro/new", netbsd.O_CREAT|netbsd.O_WRONLY, 0o6755); errno != netbsd.EROFS {
		t.Errorf("open(2): %s", errno.Name())
	}
	d, errno := w.Open(here, "/ro/file", netbsd.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer d.Release()
	for _, flags := range []uint64{netbsd.UF_NODUMP, netbsd.UF_IMMUTABLE} {
		if errno := w.Fchflags(d, flags); errno != netbsd.EROFS {
			t.Errorf("fchflags(2) of %#x: %s", flags, errno.Name())
		}
	}
	var st unix.Stat_t
	if unix.Stat(src, &st) != nil || st.Mode&0o777 != 0o775 {
		t.Errorf("the directory's mode is %o", st.Mode)
	}
	for _, name := range []string{src, filepath.Join(src, "file")} {
		if n, err := unix.Listxattr(name, nil); n > 0 {
			t.Errorf("%s has attributes (%d bytes, %v)", name, n, err)
		}
	}
	if n := filetest.Entries(t, src); n != 1 {
		t.Errorf("there are %d files", n)
	}
}
