package syscalls

import (
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// kern_sa.c: which errors there are before anything happens; and an upcall, whose registers are cpu_upcall's.
func TestSchedulerActivations(t *testing.T) {
	newRigOf(t, kern.Release2003).run(func(p *player) {
		stack := func(at uint64) []byte {
			b := make([]byte, netbsd.SizeofStack)
			putLE64(b, at)
			putLE64(b[8:], 4096)
			return b
		}
		first := p.mem.put(make([]byte, 4096))
		p.cpu.gregs[netbsd.REG_RSP] = p.mem.put(make([]byte, 4096)) + 4096
		p.play([]row{
			{"sa_stacks(2): EINVAL before sa_register(2)", netbsd.SYS_compat_60_sa_stacks, args{0, 0}, netbsd.EINVAL, nil, nil},
			{"sa_enable(2): EINVAL before sa_register(2)", netbsd.SYS_compat_60_sa_enable, nil, netbsd.EINVAL, nil, nil},
			{"EFAULT for the old one", netbsd.SYS_compat_60_sa_register, args{0x1000, bad, 0, 0}, netbsd.EFAULT, nil, nil},
			{"sa_register(2)", netbsd.SYS_compat_60_sa_register, args{0x2000, room(8), 0, 0}, 0, out{1, longs(0x1000)}, nil},
			{"EINVAL: less than none", netbsd.SYS_compat_60_sa_stacks, args{-1, 0}, netbsd.EINVAL, nil, nil},
			{"EFAULT", netbsd.SYS_compat_60_sa_stacks, args{1, bad}, netbsd.EFAULT, nil, nil},
			{"sa_enable(2): ENOMEM without a stack", netbsd.SYS_compat_60_sa_enable, nil, netbsd.ENOMEM, nil, nil},
			{"sa_stacks(2)", netbsd.SYS_compat_60_sa_stacks, args{1, stack(first)}, 0, 1, nil},
			{"EEXIST: it is free", netbsd.SYS_compat_60_sa_stacks, args{1, stack(first)}, netbsd.EEXIST, nil, nil},
			{"sa_yield(2): EINVAL before sa_enable(2)", netbsd.SYS_compat_60_sa_yield, nil, netbsd.EINVAL, nil, nil},
			{"sa_preempt(2): EINVAL before sa_enable(2)", netbsd.SYS_compat_60_sa_preempt, args{lid}, netbsd.EINVAL, nil, nil},
			{"sa_setconcurrency(2): EINVAL before sa_enable(2)", netbsd.SYS_compat_60_sa_setconcurrency, args{1}, netbsd.EINVAL, nil, nil},
			{"sa_enable(2)", netbsd.SYS_compat_60_sa_enable, nil, netbsd.EJUSTRETURN, func(r *result) string {
				g := r.p.cpu.gregs
				if g[netbsd.REG_RIP] != 0x2000 || g[netbsd.REG_RDI] != 0 || g[netbsd.REG_RDX] != 1 || g[netbsd.REG_RCX] != 0 || g[netbsd.REG_RSP]%16 != 8 {
					return "the registers are wrong"
				}
				return ""
			}, nil},
			{"sa_enable(2): EBUSY", netbsd.SYS_compat_60_sa_enable, nil, netbsd.EBUSY, nil, nil},
			{"sa_setconcurrency(2)", netbsd.SYS_compat_60_sa_setconcurrency, args{4}, 0, 0, nil},
			{"sa_preempt(2): ESRCH", netbsd.SYS_compat_60_sa_preempt, args{nobody}, netbsd.ESRCH, nil, nil},
			{"sa_preempt(2): ENOMEM, as the stack is in use", netbsd.SYS_compat_60_sa_preempt, args{lid}, netbsd.ENOMEM, nil, nil},
			{"sa_stacks(2): a stack that was in use", netbsd.SYS_compat_60_sa_stacks, args{1, stack(first)}, 0, 1, nil},
		})
	})
}
