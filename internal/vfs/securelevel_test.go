package vfs

import (
	"path/filepath"
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// Above securelevel 0 the superuser sets no system flag of a file that has SF_IMMUTABLE or SF_APPEND, nor takes one off
// (genfs_can_chflags, secmodel_securelevel_vnode_cb).
func TestChflagsAtSecurelevel(t *testing.T) {
	root, _ := openOwned(t, filepath.Join(t.TempDir(), "root"))
	root.write(t, "fixed", "")
	root.write(t, "free", "")
	m := kern.New(kern.Config{})
	asked := make(chan struct{})
	_, errno := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
		defer close(asked)
		v := root
		v.L = l
		set := func(name string, flags uint64, want netbsd.Errno) {
			t.Helper()
			if errno := v.Chflags(name, true, flags); errno != want {
				t.Errorf("level %d, %s %#x: %v, want %v", m.SecureLevel(), name, flags, errno, want)
			}
		}
		set("fixed", netbsd.SF_IMMUTABLE, 0)
		set("fixed", 0, 0)
		set("fixed", netbsd.SF_IMMUTABLE, 0)
		if errno := l.SetSecureLevel(1); errno != 0 {
			t.Error(errno)
		}
		set("fixed", 0, netbsd.EPERM)
		set("fixed", netbsd.SF_IMMUTABLE|netbsd.SF_ARCHIVED, netbsd.EPERM)
		set("free", netbsd.UF_NODUMP, 0)
		set("free", netbsd.SF_APPEND, 0)
		set("free", 0, netbsd.EPERM)
	}})
	if errno != 0 {
		t.Fatal(errno)
	}
	<-asked
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
