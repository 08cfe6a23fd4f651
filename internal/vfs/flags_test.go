package vfs

import (
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// chflags(2): UF_NODUMP is kept where the host's file system has it, stat(2) tells of it, and a file's flags can
// all be cleared.
func TestChflags(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.write(t, "f", "")
		set := func(flags uint64) netbsd.Errno { return w.Chflags("f", true, flags) }
		if errno := set(netbsd.UF_NODUMP); errno == netbsd.EOPNOTSUPP {
			t.Skip("the file system keeps no flags")
		} else if errno != 0 {
			t.Fatal(errno.Name())
		}
		told := func() uint32 {
			st, errno := w.Stat(netbsd.AT_FDCWD, "f", true)
			if errno != 0 {
				t.Error(errno.Name())
			}
			return st.Flags
		}
		if got := told(); got != netbsd.UF_NODUMP {
			t.Errorf("flags %#x", got)
		}
		if errno := set(netbsd.UF_NODUMP | netbsd.UF_IMMUTABLE); errno != netbsd.EOPNOTSUPP {
			t.Errorf("UF_IMMUTABLE: %s", errno.Name())
		}
		d, errno := w.Open(netbsd.AT_FDCWD, "f", netbsd.O_RDONLY, 0)
		if errno != 0 {
			t.Fatal(errno.Name())
		}
		defer d.Release()
		if errno := w.Fchflags(d, 0); errno != 0 || told() != 0 {
			t.Errorf("cleared by fchflags(2): %s, %#x", errno.Name(), told())
		}
	})
}

// Who does not own the file changes no flags (genfs_can_chflags), not even to those it has; that the file system does not have them comes
// first (zfs_netbsd_setattr), and all bits set change nothing.
func TestChflagsOfAnother(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.write(t, "f", "")
		w.Chmod(netbsd.AT_FDCWD, "f", 0o666, true)
		d, errno := w.Open(netbsd.AT_FDCWD, "f", netbsd.O_RDONLY, 0)
		if errno != 0 {
			t.Fatal(errno.Name())
		}
		defer d.Release()
		w.Cred = kern.UserCred(1007, 1008)
		for flags, want := range map[uint64]netbsd.Errno{
			0: netbsd.EPERM, netbsd.UF_NODUMP: netbsd.EPERM, allFlags: 0,
			netbsd.UF_APPEND: netbsd.EOPNOTSUPP, netbsd.SF_ARCHIVED | netbsd.UF_NODUMP: netbsd.EOPNOTSUPP,
		} {
			// In the host's tree another user may not come by the directories of the test.
			if errno := w.Chflags("f", true, flags); errno != want && errno != netbsd.EACCES {
				t.Errorf("chflags(2), %#x: %s, want %s", flags, errno.Name(), want.Name())
			}
			if errno := w.Fchflags(d, flags); errno != want {
				t.Errorf("fchflags(2), %#x: %s, want %s", flags, errno.Name(), want.Name())
			}
		}
	})
}
