package hostfile

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/netbsd"
)

// TestFifoAttributes has an end answer for its name.
func TestFifoAttributes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "p")
	if err := unix.Mkfifo(name, 0o640); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	end, errno := file.NewFifo().Open(nil, netbsd.O_RDONLY|netbsd.O_NONBLOCK, NewUnopened(fd, unix.S_IFIFO, nil), func() {})
	if errno != 0 {
		t.Fatal(errno)
	}
	r := file.New(end, netbsd.O_RDONLY)
	defer r.Release()
	if errno := r.File.Chmod(0o4711); errno != 0 {
		t.Error(errno)
	}
	if errno := r.File.Chown(-1, -1); errno != 0 {
		t.Error(errno)
	}
	if errno := r.File.Utimens(file.Timeset{Now: true}, file.Timeset{Now: true}); errno != 0 {
		t.Error(errno)
	}
	st, errno := r.File.Stat()
	var host unix.Stat_t
	unix.Stat(name, &host)
	if errno != 0 || st.Ino != host.Ino || st.Mode != netbsd.S_IFIFO|0o711 || st.Size != 0 {
		t.Errorf("%+v, %v", st, errno)
	}
	if _, errno := r.File.Lseek(0, 0); errno != netbsd.ESPIPE {
		t.Errorf("lseek: %s, want ESPIPE", errno.Name())
	}
}
