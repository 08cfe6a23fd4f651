package vfs

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/kern"
	"toaster/netbsd"
)

// eachOther runs a test in every world with a view of somebody else than who runs the
// test: with the host's consent, if root runs it, and by toaster's word alone.
func eachOther(t *testing.T, f func(t *testing.T, w, other world, consent bool)) {
	eachWorld(t, func(t *testing.T, w world) {
		for _, consent := range []bool{true, false} {
			user := w.Dirs.tree.user
			if consent && !agrees(user) {
				continue
			}
			name := map[bool]string{true: "host agrees", false: "own word"}[consent]
			t.Run(name, func(t *testing.T) {
				was := user.switches
				user.switches = consent
				defer func() { user.switches = was }()
				sub := w
				sub.dir = filepath.Join(w.dir, map[bool]string{true: "yes", false: "no"}[consent])
				os.Mkdir(sub.dir, 0o755)
				if errno := w.Chdir(filepath.Base(sub.dir)); errno != 0 {
					t.Fatal(errno)
				}
				defer w.Chdir("..")
				other := sub
				me := user.cred
				other.Cred = kern.UserCred(me.EUID+1001, me.EGID+1001)
				f(t, sub, other, consent)
			})
		}
	})
}

// TestOthersFiles does to files of toaster's user what somebody else may and may not. All is the
// same whether the host agrees or not.
func TestOthersFiles(t *testing.T) {
	eachOther(t, func(t *testing.T, w, o world, _ bool) {
		const at = netbsd.AT_FDCWD
		o.Dirs.Umask(0)
		for name, mode := range map[string]uint32{"secret": 0o600, "public": 0o644, "writable": 0o666, "prog": 0o711, "text": 0o644} {
			w.write(t, name, "text")
			w.Chmod(at, name, mode, true)
		}
		for name, mode := range map[string]uint32{"shut": 0o700, "list": 0o744, "pass": 0o711, "open": 0o777, "sticky": 0o1777, "bent": 0o770} {
			w.Mkdir(at, name, mode)
			w.write(t, name+"/f", "text")
			w.Chmod(at, name+"/f", 0o644, true)
			w.Chmod(at, name, mode, true)
		}
		for name, mode := range map[string]uint32{"socket": 0o644, "listener": 0o666} {
			if err := syscall.Mknod(filepath.Join(w.dir, name), syscall.S_IFSOCK|mode, 0); err != nil {
				t.Fatal(err)
			}
			w.Chmod(at, name, mode, true)
		}
		w.Symlink("secret", at, "link")
		w.Symlink("shut/f", at, "through")
		any, now := file.Timeset{}, file.Timeset{Now: true}
		for _, c := range []struct {
			name      string
			got, want netbsd.Errno
		}{
			{"read", o.openErr("secret", netbsd.O_RDONLY), netbsd.EACCES},
			{"read through a link", o.openErr("link", netbsd.O_RDONLY), netbsd.EACCES},
			{"read what all may", o.openErr("public", netbsd.O_RDONLY), 0},
			{"write what all may read", o.openErr("public", netbsd.O_RDWR), netbsd.EACCES},
			{"truncate what all may read", o.openErr("public", netbsd.O_RDONLY|netbsd.O_TRUNC), netbsd.EACCES},
			{"write what all may", o.openErr("writable", netbsd.O_RDWR|netbsd.O_TRUNC), 0},
			{"O_CREAT of what is there", o.openErr("writable", netbsd.O_RDWR|netbsd.O_CREAT), 0},
			{"O_CREAT of what one may not", o.openErr("secret", netbsd.O_RDWR|netbsd.O_CREAT), netbsd.EACCES},
			{"O_CREAT|O_EXCL of what is there", o.openErr("secret", netbsd.O_RDWR|netbsd.O_CREAT|netbsd.O_EXCL), netbsd.EEXIST},
			{"O_CREAT where one may not", o.openErr("new", netbsd.O_RDWR|netbsd.O_CREAT), netbsd.EACCES},
			{"write a directory", o.openErr("open", netbsd.O_RDWR), netbsd.EISDIR},
			{"a directory", o.openErr("list", netbsd.O_RDONLY), 0},
			{"a directory that can only be searched", o.openErr("pass", netbsd.O_RDONLY), netbsd.EACCES},
			{"below it", o.openErr("pass/f", netbsd.O_RDONLY), 0},
			{"below one that cannot", o.openErr("shut/f", netbsd.O_RDONLY), netbsd.EACCES},
			{"below it, by a link", o.openErr("through", netbsd.O_RDONLY), netbsd.EACCES},
			{"stat below it", errnoOf(o.Stat(at, "list/f", true)), netbsd.EACCES},
			{"lstat below it", errnoOf(o.Stat(at, "list/f", false)), netbsd.EACCES},
			{"lstat of what is not there below it", errnoOf(o.Stat(at, "list/x", false)), netbsd.EACCES},
			{"readlink below it", errnoOf(o.Readlink(at, "list/f")), netbsd.EACCES},
			{"the way back", errnoOf(o.Stat(at, "list/../secret", true)), netbsd.EACCES},
			{"the way out", errnoOf(o.Stat(at, "pass/../secret", true)), 0},
			{"chdir", o.Chdir("list"), netbsd.EACCES},
			{"chroot", o.Chroot("list"), netbsd.EACCES},
			{"statvfs", errnoOf(o.Statvfs("shut/f")), netbsd.EACCES},
			{"pathconf", errnoOf(o.Pathconf("shut/f", netbsd.PC_NAME_MAX, true)), netbsd.EACCES},
			{"execute", o.execErr("prog"), errnoOf(o.Getcwd())}, // exec_makepathbuf
			{"execute what is no program", o.execErr("text"), netbsd.EACCES},
			{"execute below", o.execErr("shut/f"), netbsd.EACCES},

			{"access", o.Access(at, "secret", 4, 0), netbsd.EACCES},
			{"access, existence", o.Access(at, "secret", 0, 0), 0},
			{"access with AT_EACCESS", o.Access(at, "secret", 4, netbsd.AT_EACCESS), netbsd.EACCES},
			{"access to read", o.Access(at, "public", 4, 0), 0},
			{"access to read and write", o.Access(at, "public", 6, 0), netbsd.EACCES},
			{"access below", o.Access(at, "shut/f", 0, 0), netbsd.EACCES},
			{"chmod", o.Chmod(at, "writable", 0o777, true), netbsd.EPERM},
			{"lchmod of a link", o.Chmod(at, "link", 0o700, false), netbsd.EPERM},
			{"revoke", o.Revoke("public", func(func(*file.Description)) {}), netbsd.EPERM},
			{"chown", o.Chown(at, "writable", int(o.Cred.EUID), -1, true), netbsd.EPERM},
			{"lchown", o.Chown(at, "link", int(o.Cred.EUID), -1, false), netbsd.EPERM},
			{"chflags", o.Chflags("writable", true, 0), netbsd.EPERM},
			{"utimes", o.Utimens(at, "writable", any, any, true), netbsd.EPERM},
			{"utimes, now", o.Utimens(at, "writable", now, now, true), 0},
			{"utimes of what one may not write, now", o.Utimens(at, "public", now, now, true), netbsd.EACCES},
			{"truncate", o.Truncate("public", 0), netbsd.EACCES},
			{"truncate what all may write", o.Truncate("writable", 3), 0},

			{"mkdir", o.Mkdir(at, "new", 0o777), netbsd.EACCES},
			{"mkdir over", o.Mkdir(at, "shut", 0o777), netbsd.EEXIST},
			{"symlink", o.Symlink("x", at, "new"), netbsd.EACCES},
			{"mkfifo", o.Mknod(at, "new", netbsd.S_IFIFO|0o666), netbsd.EACCES},
			{"mknod", o.MknodDev(at, "open/new", netbsd.S_IFREG|0o666, 0), netbsd.EPERM},
			{"link", o.Link(at, "writable", at, "new", true), netbsd.EACCES},
			{"link over", o.Link(at, "writable", at, "public", true), netbsd.EEXIST},
			{"unlink", o.Unlink(at, "writable", 0), netbsd.EACCES},
			{"unlink what is not there", o.Unlink(at, "none", 0), netbsd.ENOENT},
			{"rmdir", o.Unlink(at, "shut", netbsd.AT_REMOVEDIR), netbsd.EACCES},
			{"rename", o.Rename(at, "writable", at, "open/new"), netbsd.EACCES},
			{"rename to", o.Rename(at, "open/f", at, "new"), netbsd.EACCES},
			{"rename a directory", o.Rename(at, "list", at, "open/list"), netbsd.EACCES},
			{"unlink in a sticky directory", o.Unlink(at, "sticky/f", 0), netbsd.EPERM},
			{"rename in a sticky directory", o.Rename(at, "sticky/f", at, "sticky/g"), netbsd.EPERM},
			{"rename over in a sticky directory", o.Rename(at, "open/f", at, "sticky/f"), netbsd.EPERM},
			{"bind", o.bindErr("new"), netbsd.EACCES},
			{"bind over", o.bindErr("writable"), netbsd.EADDRINUSE},
			{"connect to what one may not write", o.localErr(o.LocalConnect, "socket"), netbsd.EACCES},
			{"connect to what one may", o.localErr(o.LocalConnect, "listener"), 0},
			{"connect to no socket, before EACCES", o.localErr(o.LocalConnect, "public"), netbsd.ENOTSOCK},
			{"rename another's where one may", o.Rename(at, "open/f", at, "open/g"), 0},
			{"unlink another's where one may", o.Unlink(at, "open/g", 0), 0},

			{"a device", o.openErr("/dev/null", netbsd.O_RDWR), 0},
			{"a device that only root writes to", o.openErr("/dev/urandom", netbsd.O_RDWR), netbsd.EACCES},
			{"access to it", o.Access(at, "/dev/urandom", 2, 0), netbsd.EACCES},
		} {
			if c.got != c.want {
				t.Errorf("%s: %s, want %s", c.name, c.got.Name(), c.want.Name())
			}
		}
	})
}

func (w world) bindErr(name string) netbsd.Errno {
	return w.LocalBind(name, func(_ string, done func()) netbsd.Errno { return netbsd.EIO })
}

// TestOthersDescriptors changes what toaster's user has opened, as somebody else.
func TestOthersDescriptors(t *testing.T) {
	eachOther(t, func(t *testing.T, w, o world, _ bool) {
		const at = netbsd.AT_FDCWD
		w.write(t, "f", "text")
		w.Chmod(at, "f", 0o644, true)
		w.Mkdir(at, "shut", 0o700)
		f, errno := w.Open(at, "f", netbsd.O_RDWR, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer f.Release()
		dir, errno := w.Open(at, "shut", netbsd.O_RDONLY, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		fd, _ := w.Files.Install(dir, 0, 100, 0)
		defer w.Files.CloseFD(fd)
		now := file.Timeset{Now: true}
		_, werr := f.Write(o.L, []byte("x"))
		for _, c := range []struct {
			name      string
			got, want netbsd.Errno
		}{
			{"fchmod", o.Fchmod(f, 0o666), netbsd.EPERM},
			{"fchown", o.Fchown(f, int(o.Cred.EUID), -1), netbsd.EPERM},
			{"fchflags", o.Fchflags(f, 0), netbsd.EPERM},
			{"futimens", o.Futimens(f, file.Timeset{}, file.Timeset{}), netbsd.EPERM},
			{"futimens, now", o.Futimens(f, now, now), netbsd.EACCES},
			{"fchdir", o.Fchdir(fd), netbsd.EACCES},
			{"fchroot", o.Fchroot(fd), netbsd.EACCES},
			{"openat", errnoOf(o.Stat(fd, "x", true)), netbsd.EACCES},
			{"write to what was opened for writing", werr, 0},
			{"fchmod by the owner", w.Fchmod(f, 0o600), 0},
		} {
			if c.got != c.want {
				t.Errorf("%s: %s, want %s", c.name, c.got.Name(), c.want.Name())
			}
		}
	})
}

// TestOthersNewFiles makes files. With the host's consent they are the caller's, and of the
// directory's group; without, none is made that would be toaster's.
func TestOthersNewFiles(t *testing.T) {
	eachOther(t, func(t *testing.T, w, o world, consent bool) {
		const at = netbsd.AT_FDCWD
		o.Dirs.Umask(0o027)
		w.Mkdir(at, "d", 0o777)
		w.Chmod(at, "d", 0o777, true)
		group := w.Dirs.tree.user.cred.EGID
		if consent {
			group = 7
			w.Chown(at, "d", -1, 7, true)
		}
		makes := func(name string) netbsd.Errno { return o.openErr(name, netbsd.O_RDWR|netbsd.O_CREAT) }
		bind := func(name string) netbsd.Errno {
			s, _ := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			defer unix.Close(s)
			return o.LocalBind(name, func(host string, done func()) netbsd.Errno {
				err := unix.Bind(s, &unix.SockaddrUnix{Name: host})
				if err == nil {
					done()
				}
				return hostfile.Errno(err)
			})
		}
		for _, c := range []struct {
			name string
			made func(name string) netbsd.Errno
			mode uint32
		}{
			{"d/file", makes, 0o640},
			{"d/dir", func(name string) netbsd.Errno { return o.Mkdir(at, name, 0o777) }, 0o750},
			{"d/fifo", func(name string) netbsd.Errno { return o.Mknod(at, name, netbsd.S_IFIFO|0o666) }, 0o640},
			{"d/link", func(name string) netbsd.Errno { return o.Symlink("x", at, name) }, 0o777},
			{"d/sock", bind, 0o750},
		} {
			errno := c.made(c.name)
			st, serr := w.Stat(at, c.name, false)
			switch {
			case !consent:
				if errno != netbsd.EPERM || serr != netbsd.ENOENT {
					t.Errorf("%s: %s, and then %s; want EPERM and ENOENT", c.name, errno.Name(), serr.Name())
				}
			case errno != 0 || st.UID != o.Cred.EUID || st.GID != group || st.Mode&0o7777 != c.mode:
				t.Errorf("%s: %s, of %d:%d, mode %#o; want %d:%d, %#o", c.name, errno.Name(), st.UID, st.GID, st.Mode, o.Cred.EUID, group, c.mode)
			}
		}
		if consent {
			if errno := o.Chmod(at, "d/file", 0o600, true); errno != 0 {
				t.Errorf("chmod of one's own: %s", errno.Name())
			}
			if errno := o.Chown(at, "d/file", -1, int(o.Cred.EGID), true); errno != 0 {
				t.Errorf("chown to one's own group: %s", errno.Name())
			}
		}
	})
}

// TestOnlyRealIDsDiffer: access(2) goes by the real ids, and by nothing else.
func TestOnlyRealIDsDiffer(t *testing.T) {
	eachOther(t, func(t *testing.T, w, o world, _ bool) {
		w.write(t, "secret", "text")
		w.Chmod(netbsd.AT_FDCWD, "secret", 0o600, true)
		me := w.Dirs.tree.user.cred
		mixed := *o.Cred
		mixed.EUID, mixed.EGID, mixed.Groups = me.EUID, me.EGID, me.Groups
		o.Cred = &mixed
		if errno := o.openErr("secret", netbsd.O_RDONLY); errno != 0 {
			t.Errorf("open with our effective ids: %s", errno.Name())
		}
		if errno := o.Access(netbsd.AT_FDCWD, "secret", 4, 0); errno != netbsd.EACCES {
			t.Errorf("access with another's real ids: %s, want EACCES", errno.Name())
		}
		if errno := o.Access(netbsd.AT_FDCWD, "secret", 4, netbsd.AT_EACCESS); errno != 0 {
			t.Errorf("faccessat with AT_EACCESS: %s", errno.Name())
		}
	})
}

// TestHostHasTheLastWord has a file that NetBSD's rules open to all and the host's do not: it
// has an access control list.
func TestHostHasTheLastWord(t *testing.T) {
	eachOther(t, func(t *testing.T, w, o world, consent bool) {
		w.write(t, "f", "text")
		w.Chmod(netbsd.AT_FDCWD, "f", 0o644, true)
		name := filepath.Join(w.dir, "f")
		if err := unix.Setxattr(name, "system.posix_acl_access", aclWithout(o.Cred.EUID), 0); err != nil {
			t.Skip("the file system has no access control lists:", err)
		}
		want := netbsd.Errno(0)
		if consent {
			want = netbsd.EACCES
		}
		answers := map[string]netbsd.Errno{"open": o.openErr("f", netbsd.O_RDONLY)}
		// A host without faccessat2 cannot be asked on behalf of another user.
		if unix.Faccessat2(unix.AT_FDCWD, "/", unix.X_OK, unix.AT_EACCESS) == nil {
			answers["access"] = o.Access(netbsd.AT_FDCWD, "f", 4, 0)
		}
		for call, errno := range answers {
			if errno != want {
				t.Errorf("%s: %s, want %s", call, errno.Name(), want.Name())
			}
		}
	})
}

// aclWithout is the list of a 0644 file that gives one user nothing (acl(5) of Linux): a
// version, then tag, permissions and id of each entry.
func aclWithout(uid uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{0x01, 6, ^uint32(0)}, {0x02, 0, uid}, {0x04, 4, ^uint32(0)}, {0x10, 4, ^uint32(0)}, {0x20, 4, ^uint32(0)}} {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

// TestOthersWritesTakeSetIDs: what another writes to is set-id no more
// (ufs_post_write_update), where set-id bits are kept at all.
func TestOthersWritesTakeSetIDs(t *testing.T) {
	eachOther(t, func(t *testing.T, w, o world, _ bool) {
		if w.Dirs.tree.top.origin.NoSetID {
			return
		}
		w.write(t, "f", "text")
		w.Chmod(netbsd.AT_FDCWD, "f", 0o6777, true)
		d, errno := o.Open(netbsd.AT_FDCWD, "f", netbsd.O_WRONLY, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer d.Release()
		if st, _ := w.Stat(netbsd.AT_FDCWD, "f", true); st.Mode&0o7777 != 0o6777 {
			t.Errorf("opened, the mode is %#o", st.Mode)
		}
		d.Write(o.L, []byte("x"))
		if st, _ := w.Stat(netbsd.AT_FDCWD, "f", true); st.Mode&0o7777 != 0o777 {
			t.Errorf("written to, the mode is %#o, want 0777", st.Mode)
		}
	})
}

// TestSameUserAsksNobody: whoever has the ids that toaster has is judged by the host
// alone, in the calls that it always took.
func TestSameUserAsksNobody(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		same := *w.Dirs.tree.user.cred
		for name, c := range map[string]*kern.Cred{"none": nil, "ours": w.Dirs.tree.user.cred, "equal": &same} {
			w.Cred = c
			l, errno := w.newLookup(netbsd.AT_FDCWD, "x")
			if errno != 0 {
				t.Fatal(errno)
			}
			if l.cred != nil || l.search != nil {
				t.Errorf("credentials %s: rules are asked", name)
			}
			l.close()
		}
	})
}

// TestUsersSideBySide has several users at the same files at once: nobody is ever taken
// for another.
func TestUsersSideBySide(t *testing.T) {
	eachOther(t, func(t *testing.T, w, o world, consent bool) {
		const at = netbsd.AT_FDCWD
		w.write(t, "secret", "text")
		w.Chmod(at, "secret", 0o600, true)
		w.Mkdir(at, "d", 0o777)
		w.Chmod(at, "d", 0o777, true)
		var wg sync.WaitGroup
		for i := range uint32(8) {
			user := o
			user.Cred = kern.UserCred(o.Cred.EUID+i, o.Cred.EGID+i, 7+i)
			name := fmt.Sprintf("d/%d", i)
			wg.Go(func() {
				for range 100 {
					if errno := user.openErr("secret", netbsd.O_RDONLY); errno != netbsd.EACCES {
						t.Errorf("user %d reads the secret: %s", user.Cred.EUID, errno.Name())
						return
					}
					if !consent {
						continue
					}
					user.openErr(name, netbsd.O_RDWR|netbsd.O_CREAT)
					if st, errno := w.Stat(at, name, true); errno != 0 || st.UID != user.Cred.EUID {
						t.Errorf("user %d's file is %d's, %s", user.Cred.EUID, st.UID, errno.Name())
						return
					}
					user.Unlink(at, name, 0)
				}
			})
			wg.Go(func() {
				for range 100 {
					if errno := w.openErr("secret", netbsd.O_RDWR); errno != 0 {
						t.Errorf("the owner cannot open it: %s", errno.Name())
						return
					}
				}
			})
		}
		wg.Wait()
		allThreadsAre(t, w.Dirs.tree.user)
	})
}

// genfs_can_chmod: the sticky bit is for directories, EFTYPE, unless the superuser asks. Linux lets every file
// have it, so that is no matter of other users alone.
func TestSticky(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		const at = netbsd.AT_FDCWD
		own := kern.UserCred(w.Dirs.tree.user.cred.EUID, w.Dirs.tree.user.cred.EGID)
		if own.IsRoot() {
			own.EUID = 1001
		}
		w.Mknod(at, "p", netbsd.S_IFIFO|0o600)
		w.write(t, "f", "text")
		w.Mkdir(at, "d", 0o755)
		for _, name := range []string{"p", "f", "d"} {
			os.Chown(filepath.Join(w.dir, name), int(own.EUID), -1)
		}
		d, errno := w.Open(at, "f", netbsd.O_RDONLY, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer d.Release()
		was := w.Dirs.tree.user.cred
		defer func() { w.Dirs.tree.user.cred = was }()
		w.Dirs.tree.user.cred = own
		w.Cred = own
		for _, c := range []struct {
			name      string
			got, want netbsd.Errno
		}{
			{"a FIFO", w.Chmod(at, "p", 0o1600, true), netbsd.EFTYPE},
			{"a file", w.Chmod(at, "f", 0o1600, true), netbsd.EFTYPE},
			{"a file, by a descriptor", w.Fchmod(d, 0o1600), netbsd.EFTYPE},
			{"a directory", w.Chmod(at, "d", 0o1755, true), 0},
			{"a FIFO without it", w.Chmod(at, "p", 0o640, true), 0},
		} {
			if c.got != c.want {
				t.Errorf("%s: %s, want %s", c.name, c.got.Name(), c.want.Name())
			}
		}
		w.Dirs.tree.user.cred = kern.UserCred(0, 0)
		w.Cred = w.Dirs.tree.user.cred
		if errno := w.Chmod(at, "f", 0o1600, true); errno != 0 && os.Geteuid() == 0 {
			t.Errorf("the superuser: %s", errno.Name())
		}
	})
}
