package vfs

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/kern"
	"toaster/netbsd"
)

// TestTmpfs fills a file system in memory: it holds what it is said to hold, in bytes and in
// names, and nothing of it is in the host's mount table.
func TestTmpfs(t *testing.T) {
	const size = 1 << 20
	table, _ := os.ReadFile("/proc/self/mountinfo")
	before := filetest.OpenFDs(t)
	root := t.TempDir()
	put(t, root, "tmp/covered", "tmp/sub/", "top")
	tree, dirs, err := newTree(t, Config{Root: root, ReadOnly: true, Mounts: []Mount{{Target: "/tmp", Size: size}}})
	if err != nil {
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	w := world{View: View{Dirs: dirs, Files: file.NewMachine(file.MachineConfig{Watcher: tree.host}).NewTable(), L: filetest.NewSleeper()}, dir: root}
	st, errno := w.Statvfs("/tmp")
	if errno != 0 || st.Type != "tmpfs" || st.MountedOn != "/tmp" || st.Blocks*st.Frsize != size || st.Flag&netbsd.MNT_RDONLY != 0 {
		t.Errorf("%+v, %v", st, errno)
	}
	if errno := w.openErr("/tmp/covered", netbsd.O_RDONLY); errno != netbsd.ENOENT {
		t.Errorf("what it covers: %s, want ENOENT", errno.Name())
	}
	for _, errno := range []netbsd.Errno{
		w.Mkdir(netbsd.AT_FDCWD, "/tmp/d", 0o755), w.Mknod(netbsd.AT_FDCWD, "/tmp/d/p", netbsd.S_IFIFO|0o600),
		w.Symlink("/top", netbsd.AT_FDCWD, "/tmp/d/link"), w.openErr("/tmp/d/link", netbsd.O_RDONLY),
		w.Chdir("/tmp/d"), w.openErr("../../top", netbsd.O_RDONLY), w.Chdir("/"),
	} {
		if errno != 0 {
			t.Error(errno)
		}
	}
	if got := w.fill(t, "/tmp/big"); got > size {
		t.Errorf("it took %d bytes, of %d", got, size)
	}
	w.Unlink(netbsd.AT_FDCWD, "/tmp/big", 0)
	names := 0
	for ; names < size; names++ {
		if errno := w.Mknod(netbsd.AT_FDCWD, fmt.Sprintf("/tmp/n%d", names), netbsd.S_IFREG|0o600); errno != 0 {
			break
		}
	}
	if names > 1024 {
		t.Errorf("it took %d names", names)
	}
	if now, _ := os.ReadFile("/proc/self/mountinfo"); string(now) != string(table) {
		t.Errorf("the host's mounts are\n%s\nbefore\n%s", now, table)
	}
	w.Files.Close()
	dirs.Close()
	tree.Close()
	if after := filetest.OpenFDs(t); after != before {
		t.Errorf("%d descriptors are open, before %d", after, before)
	}
}

// fill writes to a file until it is refused.
func (w world) fill(t *testing.T, name string) (total int) {
	d, errno := w.Open(netbsd.AT_FDCWD, name, netbsd.O_WRONLY|netbsd.O_CREAT, 0o600)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer d.Release()
	chunk := make([]byte, 64<<10)
	for {
		n, errno := d.Write(w.L, chunk)
		total += n
		if errno != 0 || n == 0 {
			if errno != netbsd.ENOSPC {
				t.Errorf("the last write: %s, want ENOSPC", errno.Name())
			}
			return total
		}
	}
}

// TestTmpfsHelper has the file system made by the helper, as who may not mount has it. What
// is made there is this process's own.
func TestTmpfsHelper(t *testing.T) {
	before := filetest.OpenFDs(t)
	fd, err := helpTmpfs(tmpfsOptions(1 << 20))
	if err != nil {
		t.Skip("the host grants no user namespace: ", err)
	}
	if err := checkTmpfs(fd, 1<<20); err != nil {
		t.Error(err)
	}
	f, err := unix.Openat(fd, "f", unix.O_CREAT|unix.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if unix.Fstat(f, &st); st.Uid != uint32(os.Geteuid()) || st.Gid != uint32(os.Getegid()) {
		t.Errorf("a new file is of %d:%d", st.Uid, st.Gid)
	}
	unix.Close(f)
	unix.Close(fd)
	if after := filetest.OpenFDs(t); after != before {
		t.Errorf("%d descriptors are open, before %d", after, before)
	}
}

// TestHelperFails has what the host answers come back from the helper.
func TestHelperFails(t *testing.T) {
	_, err := helpTmpfs([]tmpfsOption{{"size", "no number"}})
	if err != unix.EINVAL && !strings.Contains(err.Error(), "namespace") {
		t.Errorf("a size that is no number: %v, want EINVAL", err)
	}
}

// A tmpfs that a helper has made, as where root may not mount itself, has files of every
// user that this host has.
func TestTmpfsOfAHelperHasUsers(t *testing.T) {
	h := asRoot(t)
	fd, err := helpTmpfs(tmpfsOptions(1 << 20))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
		t.Skip("this host lets nobody make a user namespace:", err)
	}
	if errors.Is(err, unix.ETOOMANYREFS) {
		// The helper, which has no rights outside its namespace, sends a descriptor, and
		// all processes of its user together may have RLIMIT_NOFILE in flight (unix(7)).
		t.Skip("this host has as many descriptors in flight as the user may:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	err = h.as(kern.UserCred(1001, 1002), func() error { return unix.Mkdirat(fd, "d", 0o700) })
	if err != nil {
		t.Fatal("mkdir as another user:", err)
	}
	var st unix.Stat_t
	if err := unix.Fstatat(fd, "d", &st, 0); err != nil || st.Uid != 1001 || st.Gid != 1002 {
		t.Errorf("it is of %d:%d, %v; want 1001:1002", st.Uid, st.Gid, err)
	}
}
