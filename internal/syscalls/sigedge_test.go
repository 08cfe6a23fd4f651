package syscalls

import (
	"fmt"
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// What sys_sig.c checks and writes where a caller would seldom look.
func TestSignalEdges(t *testing.T) {
	const handler, tramp = 0x401000, 0x402000
	queued := func(signo uint32) []byte {
		code := int32(netbsd.SI_QUEUE)
		return encoded(netbsd.SizeofSiginfo, func(b []byte) {
			le.PutUint32(b, signo)
			le.PutUint32(b[4:], uint32(code))
		})
	}
	act := func(h uint64) []byte { return action(netbsd.Sigaction{Handler: h}) }
	stages(t, map[string][]row{
		"trampolines": {
			{"sigaction1: EINVAL for a handler without a trampoline", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR1, act(handler), 0, 0, 2}, netbsd.EINVAL, nil, nil},
			{"sigaction1: nothing has changed", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR1, 0, room(32), 0, 0}, 0, out{2, action(netbsd.Sigaction{Flags: netbsd.SA_RESTART})}, nil},
			{"sigaction1: what is no handler needs none, whatever its version", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR1, act(netbsd.SIG_IGN), 0, 0, 9}, 0, nil, nil},
			{"sigaction1: a handler", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR1, act(handler), 0, tramp, 2}, 0, nil, nil},
		},
		"sigsuspend without a set": {
			{"sigaction(2)", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGALRM, act(handler), 0, tramp, 2}, 0, nil, nil},
			{"setitimer(2)", netbsd.SYS___setitimer50, args{0, longs(0, 0, 0, 1), 0}, 0, nil, nil},
			{"sigsuspend1: the mask stays", netbsd.SYS___sigsuspend14, args{0}, netbsd.EINTR, caught(netbsd.SIGALRM), nil},
			{"sigsuspend(2): EFAULT", netbsd.SYS___sigsuspend14, args{8}, netbsd.EFAULT, nil, nil},
		},
		"times and infos": {
			{"itimespecfix: ETIMEDOUT for a time below 0", netbsd.SYS_____sigtimedwait50, args{sigset(netbsd.SIGUSR2), 0, timespec(-1, 0)}, netbsd.ETIMEDOUT, nil, nil},
			{"itimespecfix: nanoseconds come first", netbsd.SYS_____sigtimedwait50, args{sigset(netbsd.SIGUSR2), 0, timespec(-1, 1e9)}, netbsd.EINVAL, nil, nil},
			{"sigprocmask(2)", netbsd.SYS___sigprocmask14, args{netbsd.SIG_BLOCK, sigset(netbsd.SIGUSR1), 0}, 0, nil, nil},
			{"kill1: EINVAL for a number whose low byte is a signal", netbsd.SYS_sigqueueinfo, args{self, queued(0x100 + uint32(netbsd.SIGUSR1))}, netbsd.EINVAL, nil, nil},
			{"sigpending(2)", netbsd.SYS___sigpending14, args{room(16)}, 0, out{0, sigset()}, nil},
			{"kill(2)", netbsd.SYS_kill, args{self, netbsd.SIGUSR1}, 0, nil, nil},
			{"sigtimedwait1: the padding of a siginfo_t is left alone", netbsd.SYS_____sigtimedwait50, args{sigset(netbsd.SIGUSR1), room(128), 0}, 0, func(r *result) string {
				b := r.mem(1, 128)
				if string(b[96:]) != string(filler(32)) || le.Uint32(b) != uint32(netbsd.SIGUSR1) || string(b[32:96]) != string(make([]byte, 64)) {
					return fmt.Sprintf("%x", b)
				}
				return ""
			}, nil},
		},
		"infos to oneself": {
			{"sigprocmask(2)", netbsd.SYS___sigprocmask14, args{netbsd.SIG_BLOCK, sigset(netbsd.SIGUSR1, netbsd.SIGSEGV), 0}, 0, nil, nil},
			{"sys_sigqueueinfo: all of struct _ksiginfo is sent", netbsd.SYS_sigqueueinfo, args{self, wholeInfo(netbsd.SIGUSR1, netbsd.SI_QUEUE)}, 0, nil, nil},
			{"sigtimedwait(2)", netbsd.SYS_____sigtimedwait50, args{sigset(netbsd.SIGUSR1), room(128), 0}, 0, out{1, append(wholeInfo(netbsd.SIGUSR1, netbsd.SI_QUEUE)[:96:96], filler(32)...)}, nil},
			{"sys_sigqueueinfo: a fault's, too", netbsd.SYS_sigqueueinfo, args{self, wholeInfo(netbsd.SIGSEGV, netbsd.SEGV_MAPERR)}, 0, nil, nil},
			{"sigtimedwait(2)", netbsd.SYS_____sigtimedwait50, args{sigset(netbsd.SIGSEGV), room(96), 0}, 0, out{1, wholeInfo(netbsd.SIGSEGV, netbsd.SEGV_MAPERR)[:96]}, nil},
		},
		"setcontext": {{"sys_setcontext: EFAULT at 0", netbsd.SYS_setcontext, args{0}, netbsd.EFAULT, nil, nil}},
		"park": {
			{"ts2timo: EINVAL for a clock comes before a time below 0", netbsd.SYS____lwp_park60, args{99, 0, timespec(-1, 0), 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"itimespecfix: ETIMEDOUT for a time below 0", netbsd.SYS____lwp_park60, args{netbsd.CLOCK_MONOTONIC, 0, timespec(-1, 5), 0, 0, 0}, netbsd.ETIMEDOUT, nil, nil},
			{"ts2timo: and of a moment before the clock's", netbsd.SYS____lwp_park60, args{netbsd.CLOCK_REALTIME, netbsd.TIMER_ABSTIME, timespec(-1, 5), 0, 0, 0}, netbsd.ETIMEDOUT, nil, nil},
			{"ts2timo: EINVAL for nanoseconds comes before the clock", netbsd.SYS____lwp_park60, args{99, 0, timespec(1, -1), 0, 0, 0}, netbsd.EINVAL, nil, nil},
		},
		"names": {
			{"_lwp_setname(2)", netbsd.SYS__lwp_setname, args{0, "name"}, 0, nil, nil},
			{"sys__lwp_getname: uimin looks at 32 bits of a length", netbsd.SYS__lwp_getname, args{0, room(16), uint64(1)<<32 + 2}, netbsd.ENAMETOOLONG, out{1, append([]byte("na"), filler(14)...)}, nil},
		},
	})
	// The end of a chain of contexts was the kernel's to see when there were scheduler activations.
	newRigOf(t, kern.Release2003).run(func(p *player) {
		p.play([]row{
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(p *player) { p.do(netbsd.SYS_setcontext, 0) }},
			{"setcontext(2): a null pointer ends the process with 0", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(0)}, nil},
		})
	})
}

// What do_ptrace does in an order that a tracer can see.
func TestPtraceEdges(t *testing.T) {
	stopped := func(p *player) {
		p.ok(netbsd.SYS_rasctl, uint64(ramBase), 64, netbsd.RAS_INSTALL)
		z, _ := p.c.L.NewLWP(0, func(*kern.LWP) {}, false, nil)
		for z.State() < kern.LWPZombie {
			p.do(netbsd.SYS_sched_yield)
		}
		p.ok(netbsd.SYS_ptrace, netbsd.PT_TRACE_ME, 0, 0, 0)
		p.ok(netbsd.SYS_kill, self, netbsd.SIGSTOP)
		p.do(netbsd.SYS_exit, 0)
	}
	piod := func(op uint64, offs uint64) func(p *player) uint64 {
		return func(p *player) uint64 { return p.mem.put(longs(op, offs, p.mem.put(make([]byte, 8)), 4)) }
	}
	stages(t, map[string][]row{"debugger": {
		{"setreuid(2)", netbsd.SYS_setreuid, args{7, -1}, 0, nil, nil},
		{"the child's memory will be there", netbsd.SYS_getrlimit, args{netbsd.RLIMIT_CORE, room(64)}, 0, nil, nil},
		{"the child stops", netbsd.SYS_fork, nil, 0, nil, stopped},
		{"W_STOPCODE(SIGSTOP)", netbsd.SYS___wait450, args{-1, room(4), netbsd.WUNTRACED, 0}, 0, out{1, words(0x117f)}, nil},
		{"ptrace_update_lwp: a zombie counts in p_nlwps", netbsd.SYS_ptrace, args{netbsd.PT_GETREGS, last, room(8 * netbsd.NGREG), 77}, netbsd.ESRCH, nil, nil},
		{"ptrace_update_lwp: a zombie counts in p_nlwps", netbsd.SYS_ptrace, args{netbsd.PT_LWPSTATUS, last, words(append([]uint32{77}, make([]uint32, 15)...)...), netbsd.SizeofPtraceStatus}, netbsd.ESRCH, nil, nil},
		{"ptrace_listener_cb comes before ptrace_regs", netbsd.SYS_ptrace, args{netbsd.PT_SETDBREGS, last, bad, 77}, netbsd.EPERM, nil, nil},
		{"ptrace_doio: EACCES in a sequence", netbsd.SYS_ptrace, args{netbsd.PT_WRITE_D, last, uint64(ramBase) + 8, 1}, netbsd.EACCES, nil, nil},
		{"ptrace_doio: PT_IO asks for the address of its descriptor", netbsd.SYS_ptrace, args{netbsd.PT_IO, last, piod(netbsd.PIOD_WRITE_D, ramBase+8), 32}, 0, nil, nil},
		{"PT_SYSCALL that is refused has the calls stop already", netbsd.SYS_ptrace, args{netbsd.PT_SYSCALL, last, 1, netbsd.NSIG}, netbsd.EINVAL, nil, nil},
		{"PT_SYSCALLEMU", netbsd.SYS_ptrace, args{netbsd.PT_SYSCALLEMU, last, 0, 0}, 0, nil, nil},
		{"PT_CONTINUE that is refused ends that", netbsd.SYS_ptrace, args{netbsd.PT_CONTINUE, last, 1, 1 << 31}, netbsd.ESRCH, nil, nil},
		{"PT_SYSCALLEMU: EINVAL", netbsd.SYS_ptrace, args{netbsd.PT_SYSCALLEMU, last, 0, 0}, netbsd.EINVAL, nil, nil},
		{"PT_DETACH: ESRCH for INT_MIN", netbsd.SYS_ptrace, args{netbsd.PT_DETACH, last, 1, 1 << 31}, netbsd.ESRCH, nil, nil},
		{"PT_KILL", netbsd.SYS_ptrace, args{netbsd.PT_KILL, last, 0, 0}, 0, nil, nil},
		{"wait(2)", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(uint32(netbsd.SIGKILL))}, nil},
	}})
}

// wholeInfo is a siginfo_t without a byte that is 0 behind signal and code.
func wholeInfo(sig netbsd.Signal, code int32) []byte {
	b := make([]byte, netbsd.SizeofSiginfo)
	for i := range b {
		b[i] = byte(i + 1)
	}
	le.PutUint32(b, uint32(sig))
	le.PutUint32(b[4:], uint32(code))
	return b
}
