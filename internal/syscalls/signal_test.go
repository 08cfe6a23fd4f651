package syscalls

import (
	"fmt"
	"testing"

	"toaster/netbsd"
)

// encoded is what n bytes become by f, as an argument in memory.
func encoded(n int, f func([]byte)) []byte {
	b := make([]byte, n)
	f(b)
	return b
}

func sigset(signals ...netbsd.Signal) []byte {
	var set netbsd.Sigset
	for _, s := range signals {
		set |= 1 << (s - 1)
	}
	return encoded(netbsd.SizeofSigset, func(b []byte) { netbsd.PutSigset(b, set) })
}

func action(a netbsd.Sigaction) []byte { return encoded(netbsd.SizeofSigaction, a.Encode) }

func timespec(sec, nsec int64) []byte { return longs(uint64(sec), uint64(nsec)) }

// caught wants that handlers have run for these signals since the process began.
func caught(signals ...netbsd.Signal) func(r *result) string {
	return func(r *result) string {
		if got := fmt.Sprint(r.p.delivered); got != fmt.Sprint(signals) {
			return fmt.Sprintf("delivered %s, want %v", got, signals)
		}
		return ""
	}
}

func TestSignal(t *testing.T) {
	const (
		handler = 0x401000
		tramp   = 0x402000
	)
	usr1 := action(netbsd.Sigaction{Handler: handler, Mask: 1 << (netbsd.SIGUSR2 - 1), Flags: netbsd.SA_RESTART})
	dfl := action(netbsd.Sigaction{})
	first := action(netbsd.Sigaction{Flags: netbsd.SA_RESTART}) // siginit
	kept := action(netbsd.Sigaction{Handler: handler, Mask: 1<<(netbsd.SIGUSR2-1) | 1<<(netbsd.SIGUSR1-1), Flags: netbsd.SA_RESTART})
	refused := at(1 << 63)
	refused.Flags, refused.TLSBase, refused.Mask = refused.Flags|netbsd.UC_TLSBASE, 0x5000, 1<<(netbsd.SIGUSR1-1)
	foreign := at(0x4321)
	foreign.Flags, foreign.TLSBase = foreign.Flags|netbsd.UC_TLSBASE, 1<<63
	stages(t, map[string][]row{
		"kill": {
			{"kill(2): EINVAL for a signal", netbsd.SYS_kill, args{self, netbsd.NSIG}, netbsd.EINVAL, nil, nil},
			{"kill(2): EINVAL for a negative signal", netbsd.SYS_kill, args{self, -1}, netbsd.EINVAL, nil, nil},
			{"kill(2): ESRCH", netbsd.SYS_kill, args{nobody, 0}, netbsd.ESRCH, nil, nil},
			{"kill(2): 0 looks whether there is one", netbsd.SYS_kill, args{self, 0}, 0, 0, nil},
			{"killpg1: group 0 is the caller's", netbsd.SYS_compat_43_killpg, args{0, 0}, 0, nil, nil},
			{"compat_43_sys_killpg: EINVAL for a signal, before the group", netbsd.SYS_compat_43_killpg, args{nobody, netbsd.NSIG}, netbsd.EINVAL, nil, nil},
			{"killpg1: ESRCH for a negative group", netbsd.SYS_compat_43_killpg, args{-5, 0}, netbsd.ESRCH, nil, nil},
			{"killpg1: init's group has nobody that can be signalled", netbsd.SYS_compat_43_killpg, args{1, 0}, netbsd.ESRCH, nil, nil},
			{"killpg(2): ESRCH", netbsd.SYS_compat_43_killpg, args{nobody, 0}, netbsd.ESRCH, nil, nil},
			{"killpg(2)", netbsd.SYS_compat_43_killpg, args{self, 0}, 0, nil, nil},
		},
		"actions": {
			{"sigaction(2): EINVAL for 0", netbsd.SYS___sigaction_sigtramp, args{0, dfl, 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"sigaction(2): EINVAL for SIGKILL", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGKILL, usr1, 0, tramp, 2}, netbsd.EINVAL, nil, nil},
			{"sigaction(2): EFAULT for the new one", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR1, bad, 0, tramp, 2}, netbsd.EFAULT, nil, nil},
			{"sigaction1: EINVAL for a trampoline's version", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR1, usr1, 0, tramp, 9}, netbsd.EINVAL, nil, nil},
			{"sigaction(2): EFAULT for the old one", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR1, 0, bad, 0, 0}, netbsd.EFAULT, nil, nil},
			{"sigaction(2)", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR1, usr1, room(32), tramp, 2}, 0, out{2, first}, nil},
			{"sigaction1: the old one blocks its signal, too", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR1, 0, room(32), 0, 0}, 0, out{2, kept}, nil},
			{"kill(2): the handler runs", netbsd.SYS_kill, args{self, netbsd.SIGUSR1}, 0, caught(netbsd.SIGUSR1), nil},
		},
		"numbers that are no call's": {
			{"sigaction(2)", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGSYS, action(netbsd.Sigaction{Handler: handler}), 0, tramp, 2}, 0, nil, nil},
			{"sys_nosys: ENOSYS and SIGSYS", 511, args{}, netbsd.ENOSYS, caught(netbsd.SIGSYS), nil},
			{"sys_sbrk: ENOSYS alone", netbsd.SYS_sbrk, args{0}, netbsd.ENOSYS, caught(netbsd.SIGSYS), nil},
			{"sigprocmask(2)", netbsd.SYS___sigprocmask14, args{netbsd.SIG_BLOCK, sigset(netbsd.SIGSYS), 0}, 0, nil, nil},
			{"sys_nosys: a blocked SIGSYS waits", 510, args{}, netbsd.ENOSYS, caught(netbsd.SIGSYS), nil},
			{"sigtimedwait(2): psignal's has no info", netbsd.SYS_____sigtimedwait50, args{sigset(netbsd.SIGSYS), room(128), 0}, 0, func(r *result) string {
				if info := netbsd.DecodeSiginfo(r.mem(1, netbsd.SizeofSiginfo)); info.Signo != netbsd.SIGSYS || info.Code != netbsd.SI_NOINFO {
					return fmt.Sprintf("%+v", info)
				}
				return ""
			}, nil},
		},
		"masks": {
			{"sigprocmask(2): EINVAL for how", netbsd.SYS___sigprocmask14, args{9, sigset(), 0}, netbsd.EINVAL, nil, nil},
			{"sigprocmask(2): EFAULT for the set", netbsd.SYS___sigprocmask14, args{netbsd.SIG_BLOCK, bad, 0}, netbsd.EFAULT, nil, nil},
			{"sigprocmask(2): how is not looked at without a set", netbsd.SYS___sigprocmask14, args{9, 0, room(16)}, 0, out{2, sigset()}, nil},
			{"sigprocmask(2): SIGKILL cannot be blocked", netbsd.SYS___sigprocmask14, args{netbsd.SIG_BLOCK, sigset(netbsd.SIGUSR1, netbsd.SIGKILL), 0}, 0, nil, nil},
			{"sigprocmask(2): EFAULT for the old set", netbsd.SYS___sigprocmask14, args{netbsd.SIG_BLOCK, 0, bad}, netbsd.EFAULT, nil, nil},
			{"sigprocmask(2): the old set", netbsd.SYS___sigprocmask14, args{netbsd.SIG_BLOCK, sigset(netbsd.SIGUSR2), room(16)}, 0, out{2, sigset(netbsd.SIGUSR1)}, nil},
			{"sigpending(2): none", netbsd.SYS___sigpending14, args{room(16)}, 0, out{0, sigset()}, nil},
			{"kill(2): stays pending", netbsd.SYS_kill, args{self, netbsd.SIGUSR1}, 0, caught(), nil},
			{"sigpending(2)", netbsd.SYS___sigpending14, args{room(16)}, 0, out{0, sigset(netbsd.SIGUSR1)}, nil},
			{"sigpending(2): EFAULT", netbsd.SYS___sigpending14, args{bad}, netbsd.EFAULT, nil, nil},
			{"sigtimedwait(2): EFAULT", netbsd.SYS_____sigtimedwait50, args{bad, 0, 0}, netbsd.EFAULT, nil, nil},
			{"sigtimedwait(2): EINVAL for nanoseconds", netbsd.SYS_____sigtimedwait50, args{sigset(netbsd.SIGUSR2), 0, timespec(0, 1e9)}, netbsd.EINVAL, nil, nil},
			{"sigtimedwait(2): EAGAIN", netbsd.SYS_____sigtimedwait50, args{sigset(netbsd.SIGUSR2), 0, timespec(0, 0)}, netbsd.EAGAIN, nil, nil},
			{"sigtimedwait(2): the number, and who sent it", netbsd.SYS_____sigtimedwait50, args{sigset(netbsd.SIGUSR1), room(128), 0}, 0, func(r *result) string {
				info := netbsd.DecodeSiginfo(r.mem(1, netbsd.SizeofSiginfo))
				if r.ret[0] != uint64(netbsd.SIGUSR1) || info.Signo != netbsd.SIGUSR1 || info.Code != netbsd.SI_USER || uint64(info.Pid) != self(r.p) {
					return fmt.Sprintf("%d: %+v", r.ret[0], info)
				}
				return ""
			}, nil},
			{"sigsuspend(2): EFAULT", netbsd.SYS___sigsuspend14, args{bad}, netbsd.EFAULT, nil, nil},
			{"sigaction(2)", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR1, usr1, 0, tramp, 2}, 0, nil, nil},
			{"kill(2)", netbsd.SYS_kill, args{self, netbsd.SIGUSR1}, 0, nil, nil},
			{"sigsuspend(2): EINTR, behind the handler", netbsd.SYS___sigsuspend14, args{sigset()}, netbsd.EINTR, caught(netbsd.SIGUSR1), nil},
			{"sigsuspend(2): the old mask again", netbsd.SYS___sigprocmask14, args{netbsd.SIG_BLOCK, 0, room(16)}, 0, out{2, sigset(netbsd.SIGUSR1, netbsd.SIGUSR2)}, nil},
		},
		"queue": {
			{"sigqueueinfo(2): EFAULT", netbsd.SYS_sigqueueinfo, args{self, bad}, netbsd.EFAULT, nil, nil},
			{"sigqueueinfo(2): ESRCH", netbsd.SYS_sigqueueinfo, args{nobody, sent(0, netbsd.SI_QUEUE)}, netbsd.ESRCH, nil, nil},
			{"kill1: EPERM for another's pid", netbsd.SYS_sigqueueinfo, args{nobody, sent(1, netbsd.SI_QUEUE)}, netbsd.EPERM, nil, nil},
			{"kill1: EPERM for a code of the kernel's", netbsd.SYS_sigqueueinfo, args{nobody, sent(0, netbsd.SI_TIMER)}, netbsd.EPERM, nil, nil},
			{"sigqueueinfo(2): EINVAL for a signal", netbsd.SYS_sigqueueinfo, args{self, sigqueue(netbsd.NSIG, 7)}, netbsd.EINVAL, nil, nil},
			{"sigprocmask(2)", netbsd.SYS___sigprocmask14, args{netbsd.SIG_BLOCK, sigset(netbsd.SIGUSR1), 0}, 0, nil, nil},
			{"sigqueueinfo(2)", netbsd.SYS_sigqueueinfo, args{self, sigqueue(netbsd.SIGUSR1, 7)}, 0, nil, nil},
			{"sigtimedwait(2): the value", netbsd.SYS_____sigtimedwait50, args{sigset(netbsd.SIGUSR1), room(128), 0}, 0, func(r *result) string {
				info := netbsd.DecodeSiginfo(r.mem(1, netbsd.SizeofSiginfo))
				if info.Value != 7 || info.Code != netbsd.SI_QUEUE {
					return fmt.Sprintf("%+v", info)
				}
				return ""
			}, nil},
		},
		"stacks": {
			{"sigaltstack(2): EFAULT", netbsd.SYS___sigaltstack14, args{bad, 0}, netbsd.EFAULT, nil, nil},
			{"sigaltstack(2): EINVAL for flags", netbsd.SYS___sigaltstack14, args{longs(0x9000, 0x4000, 0x40), 0}, netbsd.EINVAL, nil, nil},
			{"sigaltstack(2): ENOMEM if it is too small", netbsd.SYS___sigaltstack14, args{longs(0x9000, 100, 0), 0}, netbsd.ENOMEM, nil, nil},
			{"sigaltstack(2)", netbsd.SYS___sigaltstack14, args{longs(0x9000, 0x4000, 0), room(24)}, 0, out{1, longs(0, 0, netbsd.SS_DISABLE)[:20]}, nil},
			{"sigaltstack(2): the old one", netbsd.SYS___sigaltstack14, args{0, room(24)}, 0, out{1, longs(0x9000, 0x4000, 0)[:20]}, nil},
			{"sigaltstack(2): EFAULT for the old one", netbsd.SYS___sigaltstack14, args{0, bad}, netbsd.EFAULT, nil, nil},
		},
		"contexts": {
			{"getcontext(2): EFAULT", netbsd.SYS_getcontext, args{bad}, netbsd.EFAULT, nil, nil},
			{"setcontext(2): EFAULT", netbsd.SYS_setcontext, args{bad}, netbsd.EFAULT, nil, nil},
			{"sys_setcontext: EINVAL without _UC_CPU", netbsd.SYS_setcontext, args{context(netbsd.Ucontext{Flags: netbsd.UC_SIGMASK})}, netbsd.EINVAL, nil, nil},
			{"cpu_mcontext_validate: EINVAL for an address that is not the user's", netbsd.SYS_setcontext, args{context(at(1 << 63))}, netbsd.EINVAL, nil, nil},
			{"setcontext(2): registers and mask", netbsd.SYS_setcontext, args{context(at(0x1234))}, netbsd.EJUSTRETURN, func(r *result) string {
				if rip := r.p.cpu.gregs[netbsd.REG_RIP]; rip != 0x1234 || r.p.cpu.ended != r.args[0] || r.p.cpu.link != 0x77 {
					return fmt.Sprintf("RIP %#x, ended %#x, link %#x", rip, r.p.cpu.ended, r.p.cpu.link)
				}
				return ""
			}, nil},
			{"getcontext(2): they are told", netbsd.SYS_getcontext, args{room(netbsd.SizeofUcontext)}, 0, func(r *result) string {
				u := netbsd.DecodeUcontext(r.mem(0, netbsd.SizeofUcontext))
				if u.Gregs[netbsd.REG_RIP] != 0x1234 || u.Mask != 1<<(netbsd.SIGHUP-1) || u.Link != 0x77 {
					return fmt.Sprintf("RIP %#x, mask %#x, link %#x", u.Gregs[netbsd.REG_RIP], u.Mask, u.Link)
				}
				return ""
			}, nil},
			{"cpu_setmcontext: no TLS base with registers that are refused", netbsd.SYS_setcontext, args{context(refused)}, netbsd.EINVAL, func(r *result) string {
				if r.p.cpu.tls != 0 || r.p.cpu.link != 0x77 {
					return fmt.Sprintf("TLS base %#x, link %#x", r.p.cpu.tls, r.p.cpu.link)
				}
				return ""
			}, nil},
			{"setucontext: the mask comes first, and stays when registers are refused", netbsd.SYS_getcontext, args{room(netbsd.SizeofUcontext)}, 0, func(r *result) string {
				if u := netbsd.DecodeUcontext(r.mem(0, netbsd.SizeofUcontext)); u.Mask != refused.Mask {
					return fmt.Sprintf("mask %#x", u.Mask)
				}
				return ""
			}, nil},
			{"cpu_setmcontext: a TLS base outside user space is left out, the rest counts", netbsd.SYS_setcontext, args{context(foreign)}, netbsd.EJUSTRETURN, func(r *result) string {
				if rip := r.p.cpu.gregs[netbsd.REG_RIP]; rip != 0x4321 || r.p.cpu.fs != 0 {
					return fmt.Sprintf("RIP %#x, TLS base %#x", rip, r.p.cpu.fs)
				}
				return ""
			}, nil},
		},
		"stacks of contexts": {
			{"setcontext(2): on the main stack", netbsd.SYS_setcontext, args{context(onStack(netbsd.StackTop-0x5010, 0))}, netbsd.EJUSTRETURN, nil, nil},
			{"getucontext: uc_stack is the main stack, as far as it has grown", netbsd.SYS_getcontext, args{room(netbsd.SizeofUcontext)}, 0, ucStack(netbsd.Stack{Sp: netbsd.StackTop, Size: 0x6000}), nil},
			{"setcontext(2): on a stack of the program's own", netbsd.SYS_setcontext, args{context(onStack(0x9000, 0))}, netbsd.EJUSTRETURN, nil, nil},
			{"getucontext: p_stackbase is one for all LWPs", netbsd.SYS_getcontext, args{room(netbsd.SizeofUcontext)}, 0, ucStack(netbsd.Stack{Sp: netbsd.StackTop, Size: netbsd.PageSize}), nil},
			{"sigaltstack(2)", netbsd.SYS___sigaltstack14, args{longs(0x9000, 0x4000, 0), 0}, 0, nil, nil},
			{"cpu_setmcontext: _UC_SETSTACK", netbsd.SYS_setcontext, args{context(onStack(0xa000, netbsd.UC_SETSTACK))}, netbsd.EJUSTRETURN, nil, nil},
			{"getucontext: uc_stack is the signal stack that the LWP is on", netbsd.SYS_getcontext, args{room(netbsd.SizeofUcontext)}, 0, ucStack(netbsd.Stack{Sp: 0x9000, Size: 0x4000, Flags: netbsd.SS_ONSTACK}), nil},
			{"setucontext: _UC_STACK has the last word", netbsd.SYS_setcontext, args{context(onStack(0xa000, netbsd.UC_SETSTACK|netbsd.UC_STACK))}, netbsd.EJUSTRETURN, nil, nil},
			{"getucontext: the stack was left", netbsd.SYS_getcontext, args{room(netbsd.SizeofUcontext)}, 0, ucStack(netbsd.Stack{Sp: netbsd.StackTop, Size: netbsd.PageSize}), nil},
		},
	})
}

func sigqueue(sig netbsd.Signal, value uint64) []byte {
	info := netbsd.Siginfo{Signo: sig, Code: netbsd.SI_QUEUE, Value: value}
	return encoded(netbsd.SizeofSiginfo, info.Encode)
}

// sent is the siginfo of a sender whose pid is that many above the caller's.
func sent(off uint64, code int32) func(*player) uint64 {
	return func(p *player) uint64 {
		info := netbsd.Siginfo{Signo: netbsd.SIGUSR1, Code: code, Pid: int32(self(p) + off)}
		return p.arg(encoded(netbsd.SizeofSiginfo, info.Encode))
	}
}

func context(u netbsd.Ucontext) []byte { return encoded(netbsd.SizeofUcontext, u.Encode) }

// at is a context that goes on at rip, with SIGHUP blocked.
func at(rip uint64) netbsd.Ucontext {
	u := netbsd.Ucontext{Flags: netbsd.UC_CPU | netbsd.UC_SIGMASK, Mask: 1 << (netbsd.SIGHUP - 1), Link: 0x77}
	u.Gregs[netbsd.REG_RIP] = rip
	return u
}

// onStack is a context with that stack pointer and more flags.
func onStack(sp uint64, flags uint32) netbsd.Ucontext {
	u := at(0x1234)
	u.Flags, u.Gregs[netbsd.REG_RSP] = u.Flags|flags, sp
	return u
}

// ucStack wants a context with this uc_stack.
func ucStack(want netbsd.Stack) func(r *result) string {
	return func(r *result) string {
		u := netbsd.DecodeUcontext(r.mem(0, netbsd.SizeofUcontext))
		if u.Stack != want || u.Flags&netbsd.UC_STACK == 0 {
			return fmt.Sprintf("stack %+v, want %+v; flags %#x", u.Stack, want, u.Flags)
		}
		return ""
	}
}
