package machine

import (
	"testing"

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
			m.SetBreak(1 << 32)
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
