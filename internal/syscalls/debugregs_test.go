package syscalls

import (
	"testing"

	"toaster/netbsd"
)

// Debug registers of a child that stopped (dbregs.c): what they say is kept for the LWP, and only the superuser says it, unless
// security.models.extensions.user_set_dbregs lets everybody (secmodel_extensions_process_cb).
func TestDebugRegisters(t *testing.T) {
	const base = ctlCreateBase
	allowed := words(netbsd.CTL_SECURITY, base+1, base, base+3)
	stopped := func(p *player) {
		p.ok(netbsd.SYS_ptrace, netbsd.PT_TRACE_ME, 0, 0, 0)
		p.ok(netbsd.SYS_kill, self, netbsd.SIGSTOP)
		p.do(netbsd.SYS_exit, 0)
	}
	regs := func(dr0, dr6, dr7 uint64) []byte {
		return longs(dr0, 0, 0, 0, 0, 0, dr6, dr7, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	set := func(b []byte) args { return args{netbsd.PT_SETDBREGS, last, b, 0} }
	get := args{netbsd.PT_GETDBREGS, last, room(netbsd.SizeofDbregs), 0}
	traced := []row{
		{"the child stops", netbsd.SYS_fork, nil, 0, nil, stopped},
		{"W_STOPCODE(SIGSTOP)", netbsd.SYS___wait450, args{-1, room(4), netbsd.WUNTRACED, 0}, 0, out{1, words(0x117f)}, nil},
	}
	ended := []row{
		{"PT_KILL", netbsd.SYS_ptrace, args{netbsd.PT_KILL, last, 0, 0}, 0, nil, nil},
		{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
	}
	user := func(errno netbsd.Errno) func(*player) {
		return func(p *player) {
			p.ok(netbsd.SYS_setreuid, 7, -1) // so that it may still trace
			p.play(traced)
			p.play([]row{
				{"kauth_cred_getuid: the real user", netbsd.SYS_ptrace, set(regs(0x401000, 0, 1<<1)), errno, nil, nil},
				{"everybody may look", netbsd.SYS_ptrace, get, 0, nil, nil},
			})
			p.play(ended)
		}
	}
	newRig(t).run(func(p *player) {
		p.play(traced)
		p.play([]row{
			{"x86_dbregs_init", netbsd.SYS_ptrace, get, 0, out{2, regs(0, 0xffff0ff0, 0x400)}, nil},
			{"EFAULT", netbsd.SYS_ptrace, args{netbsd.PT_GETDBREGS, last, bad, 0}, netbsd.EFAULT, nil, nil},
			{"EFAULT", netbsd.SYS_ptrace, args{netbsd.PT_SETDBREGS, last, bad, 0}, netbsd.EFAULT, nil, nil},
			{"x86_dbregs_validate: the kernel's address", netbsd.SYS_ptrace, set(regs(uint64(netbsd.VM_MAXUSER_ADDRESS), 0, 0)), netbsd.EINVAL, nil, nil},
			{"x86_dbregs_validate: bits of DR6", netbsd.SYS_ptrace, set(regs(0, 1<<32, 0)), netbsd.EINVAL, nil, nil},
			{"x86_dbregs_validate: bits of DR7", netbsd.SYS_ptrace, set(regs(0, 0, 1<<32)), netbsd.EINVAL, nil, nil},
			{"x86_dbregs_validate: general detection", netbsd.SYS_ptrace, set(regs(0, 0, 1<<13)), netbsd.EINVAL, nil, nil},
			{"what the processor cannot have is not kept", netbsd.SYS_ptrace, set(regs(0x60, 0, 2<<16|1)), netbsd.EINVAL, nil, nil},
			{"PT_GETDBREGS: as before", netbsd.SYS_ptrace, get, 0, out{2, regs(0, 0xffff0ff0, 0x400)}, nil},
			{"PT_SETDBREGS", netbsd.SYS_ptrace, set(regs(0x401000, 0, 0x402)), 0, nil, nil},
			{"PT_GETDBREGS", netbsd.SYS_ptrace, get, 0, out{2, regs(0x401000, 0, 0x402)}, nil},
		})
		p.play(ended)
		p.play([]row{
			{"nobody else may", netbsd.SYS___sysctl, args{allowed, 4, room(4), longs(4), 0, 0}, 0, out{2, words(0)}, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, user(netbsd.EPERM)},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"EINVAL", netbsd.SYS___sysctl, args{allowed, 4, 0, 0, words(1, 1), 8}, netbsd.EINVAL, nil, nil},
			{"all may", netbsd.SYS___sysctl, args{allowed, 4, 0, 0, words(1), 4}, 0, nil, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, user(0)},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		})
	})
}
