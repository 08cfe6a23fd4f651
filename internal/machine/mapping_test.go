package machine

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"toaster/internal/hostfile"
	"toaster/internal/vm"
	"toaster/kern"
	"toaster/netbsd"
)

// A limit of 0 is one (sys_obreak, sys_mmap): no page fits. RLIM_INFINITY and its like are none.
func TestLimitOfNothing(t *testing.T) {
	play(t, func(x *script) {
		for _, c := range []struct {
			limit      uint64
			mmap, obrk netbsd.Errno
		}{
			{1<<63 - 1, 0, 0},
			{2 * vm.PageSize, 0, 0},
			{vm.PageSize, 0, 0},
			{1, netbsd.ENOMEM, netbsd.ENOMEM},
			{0, netbsd.ENOMEM, netbsd.ENOMEM},
		} {
			for _, which := range []int{netbsd.RLIMIT_AS, netbsd.RLIMIT_DATA} {
				if errno := x.l.SetRlimit(which, kern.Rlimit{Cur: c.limit, Max: 1<<63 - 1}); errno != 0 {
					t.Fatal(errno)
				}
			}
			q := vm.Request{Len: vm.PageSize, Flags: netbsd.MAP_PRIVATE | netbsd.MAP_ANON, LimitAS: limitOf(&x.call, netbsd.RLIMIT_AS)}
			if _, _, errno := vm.New().Map(q); errno != c.mmap {
				t.Errorf("mmap at a limit of %#x: %v, want %v", c.limit, errno, c.mmap)
			}
			m := vm.New()
			m.SetBreak(1<<32, 1<<32)
			limit := limitOf(&x.call, netbsd.RLIMIT_DATA)
			if limit == 0 {
				limit = vm.Max
			}
			if _, errno := m.Brk(1<<32+vm.PageSize, limit); errno != c.obrk {
				t.Errorf("break at a limit of %#x: %v, want %v", c.limit, errno, c.obrk)
			}
		}
	})
}

// A guest can do what the descriptor allows that it is lent for a mapping, whatever it has asked for: so of a file whose writes the
// kernel has to see it is one for reading. What is open for writing alone gets one that the host maps.
func TestDescriptorsThatAreLentToMap(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(name, []byte("some"), 0o644); err != nil {
		t.Fatal(err)
	}
	host := hostfile.NewHost()
	for _, c := range []struct {
		flags   int
		watched bool
		written bool
		want    int
	}{
		{syscall.O_RDONLY, false, false, syscall.O_RDONLY},
		{syscall.O_RDWR, false, true, syscall.O_RDWR},
		{syscall.O_WRONLY, false, true, syscall.O_RDWR},
		{syscall.O_WRONLY, false, false, syscall.O_RDONLY},
		{syscall.O_RDWR, true, false, syscall.O_RDONLY},
		{syscall.O_WRONLY, true, false, syscall.O_RDONLY},
	} {
		f, err := os.OpenFile(name, c.flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		d, errno := host.Inherit(int(f.Fd()))
		f.Close()
		if errno != 0 {
			t.Fatal(errno)
		}
		own, _ := d.HostFD()
		fd, done, errno := lendToMap(d, own, c.written, c.watched)
		if errno != 0 {
			t.Fatal(errno)
		}
		if got := accessMode(t, fd); got != c.want {
			t.Errorf("open %#x, watched %v, to be written %v: mode %#x, want %#x", c.flags, c.watched, c.written, got, c.want)
		}
		done()
	}
}

// accessMode returns for what a descriptor is open, O_RDONLY, O_WRONLY or O_RDWR.
func accessMode(t *testing.T, fd int) int {
	t.Helper()
	fl, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	if e != 0 {
		t.Fatal(e)
	}
	return int(fl) & syscall.O_ACCMODE
}
