package syscalls

import (
	"fmt"
	"testing"

	"toaster/netbsd"
)

// asked wants that the address space was asked for want.
func asked(want any) func(r *result) string {
	return func(r *result) string {
		if r.p.mem.asked != want {
			return fmt.Sprintf("asked for %+v, want %+v", r.p.mem.asked, want)
		}
		return ""
	}
}

// What the map of memory does is vm's and the platform's to test; here it is which of it a
// call asks for.
func TestMemory(t *testing.T) {
	rows := []row{
		{"mmap(2): seven arguments, the sixth is padding", netbsd.SYS_mmap, args{0x1000, 0x2000, 3, 0x1002, -1, 99, 0x4000}, 0,
			asked(MmapArgs{Addr: 0x1000, Len: 0x2000, Prot: 3, Flags: 0x1002, FD: -1, Offset: 0x4000}), nil},
		{"mmap(2): the address", netbsd.SYS_mmap, args{0, 0x2000, 3, 0x1002, -1, 0, 0}, 0, 0x7000_0000, nil},
		{"munmap(2)", netbsd.SYS_munmap, args{0x1000, 0x2000}, 0, asked(rangeArgs{0x1000, 0x2000, 0}), nil},
		{"mprotect(2)", netbsd.SYS_mprotect, args{0x1000, 0x2000, 1}, 0, asked(rangeArgs{0x1000, 0x2000, 1}), nil},
		{"madvise(2)", netbsd.SYS_madvise, args{0x1000, 0x2000, 4}, 0, asked(rangeArgs{0x1000, 0x2000, 4}), nil},
		{"minherit(2)", netbsd.SYS_minherit, args{0x1000, 0x2000, 2}, 0, asked(rangeArgs{0x1000, 0x2000, 2}), nil},
		{"msync(2)", netbsd.SYS___msync13, args{0x1000, 0x2000, 4}, 0, asked(rangeArgs{0x1000, 0x2000, 4}), nil},
		{"mincore(2)", netbsd.SYS_mincore, args{0x1000, 0x2000, 0x9000}, 0, asked(vecArgs{0x1000, 0x2000, 0x9000}), nil},
		{"mremap(2)", netbsd.SYS_mremap, args{0x1000, 0x2000, 0x3000, 0x4000, 0x10}, 0, asked(MremapArgs{0x1000, 0x2000, 0x3000, 0x4000, 0x10}), nil},
		{"mremap(2): the address", netbsd.SYS_mremap, args{0x1000, 0x2000, 0, 0x4000, 0}, 0, 0x7100_0000, nil},
		{"brk(2)", netbsd.SYS_break, args{0x600000}, 0, asked(rangeArgs{Addr: 0x600000}), nil},
		{"mlock(2): ENOMEM for a range past the end", netbsd.SYS_mlock, args{uint64(1<<64 - 1), 0x1000}, netbsd.ENOMEM, nil, nil},
		{"mlock(2)", netbsd.SYS_mlock, args{0x1000, 0x1000}, 0, 0, nil},
		{"mlock(2)", netbsd.SYS_mlock, args{0x1000, 0x2000}, 0, asked(lockArgs{0x1000, 0x2000, true}), nil},
		{"munlock(2)", netbsd.SYS_munlock, args{0x1000, 0x1000}, 0, 0, nil},
		{"munlock(2)", netbsd.SYS_munlock, args{0x1000, 0x3000}, 0, asked(lockArgs{0x1000, 0x3000, false}), nil},
		{"mlockall(2): EINVAL without a flag", netbsd.SYS_mlockall, args{0}, netbsd.EINVAL, nil, nil},
		{"mlockall(2): EINVAL for unknown flags", netbsd.SYS_mlockall, args{8}, netbsd.EINVAL, nil, nil},
		{"mlockall(2)", netbsd.SYS_mlockall, args{netbsd.MCL_CURRENT | netbsd.MCL_FUTURE}, 0, 0, nil},
		{"mlockall(2)", netbsd.SYS_mlockall, args{netbsd.MCL_FUTURE}, 0, asked(rangeArgs{Arg: netbsd.MCL_FUTURE}), nil},
		{"munlockall(2)", netbsd.SYS_munlockall, nil, 0, 0, nil},
		{"munlockall(2)", netbsd.SYS_munlockall, nil, 0, asked(rangeArgs{}), nil},
	}
	stages(t, map[string][]row{"asked": rows})
	newRig(t).run(func(p *player) {
		p.mem.answer = netbsd.ENOMEM
		for _, nr := range []int{netbsd.SYS_mmap, netbsd.SYS_munmap, netbsd.SYS_mprotect, netbsd.SYS_mremap, netbsd.SYS_break, netbsd.SYS_mincore} {
			p.play([]row{{"what the map answers is the call's", nr, args{0x1000, 0x1000}, netbsd.ENOMEM, nil, nil}})
		}
	})
}
