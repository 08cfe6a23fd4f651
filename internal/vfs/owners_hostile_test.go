package vfs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/internal/owners"
	"toaster/netbsd"
)

// This file has guests who want to choose owners, or what flags keep from them.

// toasters is a guest of the user that toaster runs as.
func (w world) toasters() world {
	w.Cred = w.Dirs.tree.HostCred()
	return w
}

// TestPlainFileIsKept: neither the tree's root nor anybody else changes the plain file, takes its name from it, or gives
// it another, by whatever way it is named (SECURITY.md). By a descriptor (/dev/fd) it can be read at most.
func TestPlainFileIsKept(t *testing.T) {
	root, user := ownedWorld(t)
	root.Symlink("x", here, "link")
	root.Chown(here, "link", 7, 8, false)
	root.Mkdir(here, "d", 0o777)
	root.Chmod(here, "d", 0o777, true)
	root.Symlink("/"+owners.PlainName, here, "d/to")
	root.Symlink("..", here, "d/up")
	root.write(t, "d/own", "x")
	host, _ := os.ReadFile(filepath.Join(root.dir, owners.PlainName))
	r, errno := root.Open(here, owners.PlainName, netbsd.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	fd, _ := root.Files.Install(r, 0, 100, 0)
	defer root.Files.CloseFD(fd)
	for _, name := range []string{owners.PlainName, "/" + owners.PlainName, "./d/../" + owners.PlainName, "d/up/" + owners.PlainName, "d/to"} {
		for who, w := range map[string]world{"root": root, "a user": user, "toaster's own": root.toasters()} {
			for what, errno := range map[string]netbsd.Errno{
				"open to write": w.openErr(name, netbsd.O_RDWR),
				"truncate":      w.Truncate(name, 0),
				"chmod":         w.Chmod(here, name, 0o666, true),
				"chown":         w.Chown(here, name, 1, 1, true),
				"chflags":       w.Chflags(name, true, 0),
				"link to it":    w.Link(here, name, here, "d/other", true),
				"extattr":       w.Xattrs(name, true, func(x *Xattrs) netbsd.Errno { return x.Set("mine", []byte("x"), 0) }),
			} {
				if errno != netbsd.EPERM && errno != netbsd.EACCES {
					t.Errorf("%s, %s: %s: %s", who, name, what, errno.Name())
				}
			}
			if strings.HasSuffix(name, "to") {
				continue // the link's own names are its owner's to change
			}
			for what, errno := range map[string]netbsd.Errno{
				"unlink":       w.Unlink(here, name, 0),
				"rename":       w.Rename(here, name, here, "d/other"),
				"rename over":  w.Rename(here, "d/own", here, name),
				"link, as is":  w.Link(here, name, here, "d/other", false),
				"make another": w.openErr(name+".new", netbsd.O_CREAT|netbsd.O_WRONLY),
				"in its case":  w.Mkdir(here, filepath.Join(filepath.Dir(name), strings.ToUpper(owners.PlainName)+".d"), 0o755),
				"a socket":     w.bindErr(name + ".socket"),
				"a device":     w.MknodDev(here, name+".dev", netbsd.S_IFCHR|0o666, 0),
			} {
				if errno != netbsd.EPERM && errno != netbsd.EACCES {
					t.Errorf("%s, %s: %s: %s", who, name, what, errno.Name())
				}
			}
		}
	}
	again := fmt.Sprintf("/dev/fd/%d", fd)
	if d, errno := root.Open(here, again, netbsd.O_RDWR, 0); errno == 0 {
		if _, errno := d.Write(root.L, []byte("1 2\n")); errno == 0 {
			t.Errorf("%s can be written to", again)
		}
		d.Release()
	}
	for what, errno := range map[string]netbsd.Errno{
		"fchmod": root.Fchmod(r, 0o666), "fchown": root.Fchown(r, 1, 1), "fchflags": root.Fchflags(r, 0),
		"fextattr": root.Fxattrs(r, func(x *Xattrs) netbsd.Errno { return x.Remove("containers.override_stat") }),
	} {
		if errno == 0 {
			t.Errorf("%s succeeds", what)
		}
	}
	if b, err := os.ReadFile(filepath.Join(root.dir, owners.PlainName)); err != nil || string(b) != string(host) {
		t.Errorf("it has become %q, %v", b, err)
	}
	root.shows(t, "link", 7, 8, 0o777)
}

// TestNoPlainFileBeforeMarks: in a tree without marks nobody makes what later machines would look at, toaster's own
// user neither.
func TestNoPlainFileBeforeMarks(t *testing.T) {
	root, _ := ownedWorld(t)
	own := root.toasters()
	own.Mkdir(here, "d", 0o755)
	own.Symlink("../"+owners.PlainName, here, "d/dead")
	own.write(t, "own", "x")
	for what, errno := range map[string]netbsd.Errno{
		"open":                  own.openErr(owners.PlainName, netbsd.O_CREAT|netbsd.O_RDWR),
		"open, roundabout":      own.openErr("d/../"+owners.PlainName, netbsd.O_CREAT|netbsd.O_RDWR),
		"open a dead link":      own.openErr("d/dead", netbsd.O_CREAT|netbsd.O_RDWR),
		"open in another case":  own.openErr(strings.ToUpper(owners.PlainName), netbsd.O_CREAT|netbsd.O_RDWR),
		"mkdir":                 own.Mkdir(here, owners.PlainName, 0o755),
		"mkdir with a slash":    own.Mkdir(here, owners.PlainName+"/", 0o755),
		"mkfifo":                own.Mknod(here, owners.PlainName, netbsd.S_IFIFO|0o644),
		"symlink":               own.Symlink("own", here, owners.PlainName),
		"link":                  own.Link(here, "own", here, owners.PlainName, true),
		"rename":                own.Rename(here, "own", here, owners.PlainName),
		"rename of a directory": own.Rename(here, "d", here, owners.PlainName),
		"bind":                  own.bindErr(owners.PlainName),
	} {
		if errno != netbsd.EPERM {
			t.Errorf("%s: %s", what, errno.Name())
		}
	}
	if own.Dirs.tree.keeper.Marked() {
		t.Error("the tree has marks now")
	}
	if errno := own.openErr("d/"+owners.PlainName, netbsd.O_CREAT|netbsd.O_RDWR); errno != 0 {
		t.Errorf("a file of that name elsewhere: %s", errno.Name())
	}
}

// TestJudgedBeforeMarks: from when somebody else than toaster's own user may come, that one's calls are judged by NetBSD's
// rules: one that began before the first mark must not end as the host would have it.
func TestJudgedBeforeMarks(t *testing.T) {
	root, _ := ownedWorld(t)
	own := root.toasters()
	if own.otherUser() != nil {
		t.Error("the host is not asked though there is nobody else")
	}
	if !root.Dirs.tree.CanBe(own.Cred) || own.otherUser() != nil {
		t.Error("toaster's own user is somebody else")
	}
	if !root.Dirs.tree.CanBe(root.Cred) && os.Geteuid() != 0 || os.Geteuid() != 0 && own.otherUser() == nil {
		t.Error("the host is asked though there is somebody else")
	}
	if root.Dirs.tree.keeper.Marked() {
		t.Error("that has marked the tree")
	}
}

// TestOwnersFlagsHold: what chflags(2) keeps from being changed stays so by a file's other names and descriptors
// (ufs_link, ufs_setattr, ufs_write).
func TestOwnersFlagsHold(t *testing.T) {
	root, _ := ownedWorld(t)
	root.write(t, "log", "text")
	root.write(t, "fixed", "text")
	opened, _ := root.Open(here, "fixed", netbsd.O_RDWR, 0)
	defer opened.Release()
	root.Chflags("log", true, netbsd.SF_APPEND)
	root.Chflags("fixed", true, netbsd.SF_IMMUTABLE)
	log, errno := root.Open(here, "log", netbsd.O_RDWR|netbsd.O_APPEND, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer log.Release()
	for _, c := range []struct {
		what      string
		got, want netbsd.Errno
	}{
		{"link, as is", root.Link(here, "fixed", here, "other", false), netbsd.EPERM},
		{"link of a log", root.Link(here, "log", here, "other", true), netbsd.EPERM},
		{"truncate a log", root.Truncate("log", 0), netbsd.EPERM},
		{"ftruncate a log", log.File.Truncate(0), netbsd.EPERM},
		{"ftruncate what became fixed", opened.File.Truncate(0), netbsd.EPERM},
		{"utimes", root.Utimens(here, "log", file.Timeset{Now: true}, file.Timeset{Now: true}, true), netbsd.EPERM},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got.Name(), c.want.Name())
		}
	}
	log.File.(interface{ SetFlags(int) netbsd.Errno }).SetFlags(netbsd.O_RDWR)
	log.File.Lseek(0, netbsd.SEEK_SET)
	log.Write(root.L, []byte("over"))
	if b, _ := os.ReadFile(filepath.Join(root.dir, "log")); string(b) != "textover" && string(b) != "text" {
		t.Errorf("the log was overwritten: %q", b)
	}
}

// TestOwnersWiden: root inside searches directories, opens FIFOs and sets attributes of files that their owner on the host may not write to, as it may
// all else (TestOwnersOfPlainTree).
func TestOwnersWiden(t *testing.T) {
	root, _ := ownedWorld(t)
	unix.Mkfifo(filepath.Join(root.dir, "fifo"), 0o400)
	os.WriteFile(filepath.Join(root.dir, "f"), nil, 0o400)
	d, errno := root.Open(here, "fifo", netbsd.O_RDWR|netbsd.O_NONBLOCK, 0)
	if errno != 0 {
		t.Errorf("a FIFO of mode 400: %s", errno.Name())
	} else {
		d.Release()
	}
	f, errno := root.Open(here, "f", netbsd.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer f.Release()
	set := func(x *Xattrs) netbsd.Errno { return x.Set("mine", []byte("x"), 0) }
	if errno := root.Fxattrs(f, set); errno != 0 {
		t.Errorf("extattr_set_fd of mode 400: %s", errno.Name())
	}
	os.MkdirAll(filepath.Join(root.dir, "shut/in"), 0o755)
	os.WriteFile(filepath.Join(root.dir, "shut/in/f"), []byte("text"), 0o644)
	os.Chmod(filepath.Join(root.dir, "shut"), 0)
	if text, errno := root.read("shut/in/f"); text != "text" {
		t.Errorf("a directory of mode 0: %s", errno.Name())
	}
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	root.shows2(t, "shut", uid, gid, 0)
	root.shows2(t, "fifo", uid, gid, 0o400)
	root.shows2(t, "f", uid, gid, 0o400)
}

// TestHostSetID: set-id bits of the host's own mean nothing inside (SECURITY.md), also where a mark says nothing of them.
func TestHostSetID(t *testing.T) {
	root, user := ownedWorld(t)
	root.Mkdir(here, "marked", 0o755)
	name := filepath.Join(root.dir, "su")
	os.WriteFile(name, []byte("x"), 0o755)
	os.Chmod(name, 0o755|os.ModeSetuid|os.ModeSetgid)
	f, _, errno := user.OpenExec("su")
	if errno != 0 {
		t.Fatal(errno)
	}
	defer f.Close()
	st, _ := f.Stat()
	if mode, _, _ := user.SetIDs(f, st); mode != 0 {
		t.Errorf("bits %o count", mode)
	}
}

// TestSetIDOpenedWhileSet: set-id bits that come while somebody opens the file for writing go with the first write.
func TestSetIDOpenedWhileSet(t *testing.T) {
	root, user := ownedWorld(t)
	root.write(t, "su", "prog")
	root.Chown(here, "su", 0, 5, true)
	root.Chmod(here, "su", 0o666, true)
	lock, errno := root.Open(here, "su", netbsd.O_RDONLY|netbsd.O_EXLOCK, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	opened := make(chan *file.Description)
	go func() {
		d, _ := user.Open(here, "su", netbsd.O_WRONLY|netbsd.O_EXLOCK, 0)
		opened <- d
	}()
	root.Chmod(here, "su", 0o6777, true)
	lock.Release()
	d := <-opened
	if d == nil {
		t.Fatal("not opened")
	}
	defer d.Release()
	d.Write(user.L, []byte("evil"))
	root.shows(t, "su", 0, 5, 0o777)
}

// TestOwnersHammer: a guest with the number of toaster's own user, whose all files are on the host, never gets hold of
// one that another makes for itself, from the first in a tree on.
func TestOwnersHammer(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("toaster's own user is root here, who may open every file")
	}
	for range 20 {
		root, _ := ownedWorld(t)
		root.Dirs.tree.CanBe(root.Cred) // as Machine.credentials asks
		root.Dirs.Umask(0)
		own := root.toasters()
		own.L = filetest.NewSleeper()
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, name := range []string{"f", "d/f", "null"} {
					if d, errno := own.Open(here, name, netbsd.O_RDWR, 0); errno == 0 {
						t.Errorf("%s was opened", name)
						d.Release()
					}
				}
			}
		}()
		for range 20 {
			d, errno := root.Open(here, "f", netbsd.O_RDWR|netbsd.O_CREAT|netbsd.O_EXCL, 0o600)
			if errno != 0 {
				t.Error(errno)
				break
			}
			d.Release()
			root.Mkdir(here, "d", 0o700)
			d, _ = root.Open(here, "d/f", netbsd.O_RDWR|netbsd.O_CREAT, 0o644)
			d.Release()
			root.MknodDev(here, "null", netbsd.S_IFCHR|0o600, file.Mkdev(2, 2))
			root.Rename(here, "f", here, "d/f")
			root.Unlink(here, "d/f", 0)
			root.Unlink(here, "d", netbsd.AT_REMOVEDIR)
			root.Unlink(here, "null", 0)
		}
		close(stop)
		<-stopped
	}
}
