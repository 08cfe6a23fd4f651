package vfs

import (
	"testing"

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
