package syscalls

import (
	"fmt"
	"strings"
	"testing"

	"toaster/netbsd"
)

// waits has an LWP wait until somebody unparks it, and end.
func waits(p *player) {
	p.do(netbsd.SYS____lwp_park60, 0, 0, 0, 0, 0, 0)
	p.do(netbsd.SYS__lwp_exit)
}

// ends has an LWP end at once.
func ends(p *player) { p.do(netbsd.SYS__lwp_exit) }

// noPri as a priority leaves it as it is (PRI_NONE).
const noPri = 1<<32 - 1

func TestLWP(t *testing.T) {
	start := context(at(0x5000))
	stages(t, map[string][]row{
		"create": {
			{"_lwp_self(2)", netbsd.SYS__lwp_self, nil, 0, lid, nil},
			{"_lwp_create(2): EFAULT for the context", netbsd.SYS__lwp_create, args{bad, 0, room(4)}, netbsd.EFAULT, nil, nil},
			{"sys__lwp_create: EINVAL without _UC_CPU", netbsd.SYS__lwp_create, args{context(netbsd.Ucontext{}), 0, room(4)}, netbsd.EINVAL, nil, nil},
			{"cpu_mcontext_validate: EINVAL", netbsd.SYS__lwp_create, args{context(at(1 << 63)), 0, room(4)}, netbsd.EINVAL, nil, nil},
			{"_lwp_create(2): EFAULT for the id", netbsd.SYS__lwp_create, args{start, 0, bad}, netbsd.EFAULT, nil, nil},
			{"_lwp_wait(2): EDEADLK for oneself", netbsd.SYS__lwp_wait, args{lid, 0}, netbsd.EDEADLK, nil, nil},
			{"_lwp_wait(2): ESRCH", netbsd.SYS__lwp_wait, args{nobody, 0}, netbsd.ESRCH, nil, nil},
			{"_lwp_create(2)", netbsd.SYS__lwp_create, args{start, 0, room(4)}, 0, func(r *result) string {
				if l := r.p.c.L.Proc().LWP(int(le.Uint32(r.mem(2, 4)))); l == nil {
					return "there is no such LWP"
				}
				return ""
			}, ends},
			{"_lwp_wait(2): any", netbsd.SYS__lwp_wait, args{0, room(4)}, 0, nil, nil},
			{"_lwp_detach(2): ESRCH", netbsd.SYS__lwp_detach, args{nobody}, netbsd.ESRCH, nil, nil},
			{"_lwp_create(2): LWP_DETACHED", netbsd.SYS__lwp_create, args{start, netbsd.LWP_DETACHED, room(4)}, 0, nil, ends},
			{"startlwp: uc_link of the context is not the LWP's", netbsd.SYS__lwp_create, args{start, netbsd.LWP_DETACHED, room(4)}, 0, nil, func(p *player) {
				p.play([]row{{"getucontext: l_ctxlink", netbsd.SYS_getcontext, args{room(netbsd.SizeofUcontext)}, 0, func(r *result) string {
					if u := netbsd.DecodeUcontext(r.mem(0, netbsd.SizeofUcontext)); u.Link != 0 {
						return fmt.Sprintf("link %#x", u.Link)
					}
					return ""
				}, nil}})
				ends(p)
			}},
			{"_lwp_suspend(2): ESRCH", netbsd.SYS__lwp_suspend, args{nobody}, netbsd.ESRCH, nil, nil},
			{"_lwp_continue(2): ESRCH", netbsd.SYS__lwp_continue, args{nobody}, netbsd.ESRCH, nil, nil},
			{"_lwp_wakeup(2): ESRCH", netbsd.SYS__lwp_wakeup, args{nobody}, netbsd.ESRCH, nil, nil},
			{"_lwp_wakeup(2): ENODEV for one that does not sleep", netbsd.SYS__lwp_wakeup, args{lid}, netbsd.ENODEV, nil, nil},
			{"_lwp_kill(2): ESRCH", netbsd.SYS__lwp_kill, args{nobody, 0}, netbsd.ESRCH, nil, nil},
			{"_lwp_kill(2): EINVAL", netbsd.SYS__lwp_kill, args{lid, netbsd.NSIG}, netbsd.EINVAL, nil, nil},
			{"_lwp_kill(2): 0 looks", netbsd.SYS__lwp_kill, args{lid, 0}, 0, nil, nil},
		},
		"beyond the limit": {
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NTHR, longs(0, 0)}, 0, nil, nil},
			{"setuid(2)", netbsd.SYS_setuid, args{7}, 0, nil, nil},
			{"sys__lwp_create: EFAULT for the context comes before EAGAIN", netbsd.SYS__lwp_create, args{bad, 0, bad}, netbsd.EFAULT, nil, nil},
			{"so does EINVAL without _UC_CPU", netbsd.SYS__lwp_create, args{context(netbsd.Ucontext{}), 0, bad}, netbsd.EINVAL, nil, nil},
			{"and cpu_mcontext_validate's", netbsd.SYS__lwp_create, args{context(at(1 << 63)), 0, bad}, netbsd.EINVAL, nil, nil},
			{"lwp_create: EAGAIN comes before EFAULT for the id", netbsd.SYS__lwp_create, args{start, 0, bad}, netbsd.EAGAIN, nil, nil},
		},
		"park": {
			{"_lwp_unpark(2) before the park", netbsd.SYS__lwp_unpark, args{lid, 0}, 0, nil, nil},
			{"_lwp_park(2): EALREADY", netbsd.SYS____lwp_park60, args{0, 0, 0, 0, 0, 0}, netbsd.EALREADY, nil, nil},
			{"_lwp_park(2): ETIMEDOUT", netbsd.SYS____lwp_park60, args{netbsd.CLOCK_MONOTONIC, netbsd.TIMER_ABSTIME, timespec(0, 1), 0, 0, 0}, netbsd.ETIMEDOUT, nil, nil},
			{"_lwp_park(2): what is left is written back", netbsd.SYS____lwp_park60, args{netbsd.CLOCK_MONOTONIC, 0, timespec(0, 1), 0, 0, 0}, netbsd.ETIMEDOUT, out{2, timespec(0, 0)}, nil},
			{"_lwp_park(2): EFAULT", netbsd.SYS____lwp_park60, args{0, 0, bad, 0, 0, 0}, netbsd.EFAULT, nil, nil},
			{"_lwp_park(2): EINVAL for nanoseconds", netbsd.SYS____lwp_park60, args{0, 0, timespec(0, -1), 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"_lwp_park(2): ESRCH for whom to unpark", netbsd.SYS____lwp_park60, args{0, 0, 0, nobody, 0, 0}, netbsd.ESRCH, nil, nil},
			{"ts2timo: EINVAL for a clock that there is not", netbsd.SYS____lwp_park60, args{99, 0, timespec(1, 0), 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"_lwp_unpark(2)", netbsd.SYS__lwp_unpark, args{lid, 0}, 0, nil, nil},
			{"lwp_park: a time that is over comes before the unpark", netbsd.SYS____lwp_park60, args{netbsd.CLOCK_REALTIME, netbsd.TIMER_ABSTIME, timespec(1, 0), 0, 0, 0}, netbsd.ETIMEDOUT, nil, nil},
			{"lwp_park: no time at all, too", netbsd.SYS____lwp_park60, args{netbsd.CLOCK_MONOTONIC, 0, timespec(0, 0), 0, 0, 0}, netbsd.ETIMEDOUT, nil, nil},
			{"lwp_park: the next one finds the unpark", netbsd.SYS____lwp_park60, args{netbsd.CLOCK_MONOTONIC, 0, timespec(1000, 0), 0, 0, 0}, netbsd.EALREADY, nil, nil},
			{"sys____lwp_park60: the other is unparked all the same", netbsd.SYS____lwp_park60, args{0, 0, timespec(0, -1), lid, 0, 0}, netbsd.EINVAL, nil, nil},
			{"so this does not sleep", netbsd.SYS____lwp_park60, args{0, 0, 0, 0, 0, 0}, netbsd.EALREADY, nil, nil},
			{"sys____lwp_park60: ESRCH for the other comes first", netbsd.SYS____lwp_park60, args{0, 0, timespec(0, -1), nobody, 0, 0}, netbsd.ESRCH, nil, nil},
			{"_lwp_unpark(2): ESRCH", netbsd.SYS__lwp_unpark, args{nobody, 0}, netbsd.ESRCH, nil, nil},
			{"the park of before NetBSD 7: a time of CLOCK_REALTIME", netbsd.SYS____lwp_park50, args{timespec(1, 0), 0, 0, 0}, netbsd.ETIMEDOUT, nil, nil},
			{"the park of before NetBSD 7: ESRCH for whom to unpark", netbsd.SYS____lwp_park50, args{0, nobody, 0, 0}, netbsd.ESRCH, nil, nil},
			{"_lwp_unpark_all(2): how many at once", netbsd.SYS__lwp_unpark_all, args{0, 0, 0}, 0, unparkMax, nil},
			{"_lwp_unpark_all(2): EINVAL for too many", netbsd.SYS__lwp_unpark_all, args{words(1), unparkMax + 1, 0}, netbsd.EINVAL, nil, nil},
			{"sys__lwp_unpark_all: EINVAL for none", netbsd.SYS__lwp_unpark_all, args{words(1), 0, 0}, netbsd.EINVAL, nil, nil},
			{"_lwp_unpark_all(2): EFAULT", netbsd.SYS__lwp_unpark_all, args{bad, 1, 0}, netbsd.EFAULT, nil, nil},
			{"_lwp_create(2)", netbsd.SYS__lwp_create, args{start, 0, room(4)}, 0, nil, waits},
			{"_lwp_unpark_all(2)", netbsd.SYS__lwp_unpark_all, args{func(p *player) uint64 { return p.arg(words(uint32(newLWP(p)), nobody)) }, 2, 0}, netbsd.ESRCH, nil, nil},
			{"_lwp_wait(2): it went on", netbsd.SYS__lwp_wait, args{newLWP, room(4)}, 0, nil, nil},
		},
		"names": {
			{"_lwp_setname(2): ESRCH", netbsd.SYS__lwp_setname, args{nobody, "x"}, netbsd.ESRCH, nil, nil},
			{"_lwp_setname(2): EFAULT", netbsd.SYS__lwp_setname, args{lid, bad}, netbsd.EFAULT, nil, nil},
			{"_lwp_setname(2)", netbsd.SYS__lwp_setname, args{lid, "worker"}, 0, nil, nil},
			{"_lwp_getname(2)", netbsd.SYS__lwp_getname, args{lid, room(32), 32}, 0, out{1, []byte("worker\x00")}, nil},
			{"copyoutstr: ENAMETOOLONG, and what fits", netbsd.SYS__lwp_getname, args{lid, room(32), 4}, netbsd.ENAMETOOLONG, out{1, []byte("work\xa5")}, nil},
			{"copyoutstr: ENAMETOOLONG without room", netbsd.SYS__lwp_getname, args{lid, room(32), 0}, netbsd.ENAMETOOLONG, out{1, []byte("\xa5")}, nil},
			{"_lwp_getname(2): ESRCH", netbsd.SYS__lwp_getname, args{nobody, room(32), 32}, netbsd.ESRCH, nil, nil},
			{"_lwp_getname(2): EFAULT", netbsd.SYS__lwp_getname, args{lid, bad, 32}, netbsd.EFAULT, nil, nil},
			{"sys__lwp_setname: too long a name is cut", netbsd.SYS__lwp_setname, args{lid, strings.Repeat("x", 99)}, 0, nil, nil},
		},
		"private": {
			{"_lwp_setprivate(2): EINVAL for no user's address", netbsd.SYS__lwp_setprivate, args{netbsd.StackTop}, netbsd.EINVAL, nil, nil},
			{"lwp_setprivate: it is told nevertheless", netbsd.SYS__lwp_getprivate, nil, 0, netbsd.StackTop, nil},
			{"_lwp_setprivate(2)", netbsd.SYS__lwp_setprivate, args{0x1000}, 0, nil, nil},
			{"_lwp_getprivate(2)", netbsd.SYS__lwp_getprivate, nil, 0, 0x1000, nil},
			{"sysarch(2): X86_GET_FSBASE", netbsd.SYS_sysarch, args{netbsd.X86_GET_FSBASE, room(8)}, 0, out{1, longs(0x1000)}, nil},
			{"sysarch(2): X86_SET_FSBASE", netbsd.SYS_sysarch, args{netbsd.X86_SET_FSBASE, longs(0x2000)}, 0, nil, nil},
			{"x86_set_sdbase: l_private stays", netbsd.SYS__lwp_getprivate, nil, 0, 0x1000, nil},
			{"sysarch(2): the new X86_GET_FSBASE", netbsd.SYS_sysarch, args{netbsd.X86_GET_FSBASE, room(8)}, 0, out{1, longs(0x2000)}, nil},
			{"sysarch(2): X86_SET_GSBASE", netbsd.SYS_sysarch, args{netbsd.X86_SET_GSBASE, longs(0x3000)}, 0, nil, nil},
			{"sysarch(2): X86_GET_GSBASE", netbsd.SYS_sysarch, args{netbsd.X86_GET_GSBASE, room(8)}, 0, out{1, longs(0x3000)}, nil},
			{"x86_set_sdbase: EINVAL for no user's address", netbsd.SYS_sysarch, args{netbsd.X86_SET_GSBASE, longs(1 << 63)}, netbsd.EINVAL, nil, nil},
			{"x86_set_sdbase: EFAULT", netbsd.SYS_sysarch, args{netbsd.X86_SET_GSBASE, bad}, netbsd.EFAULT, nil, nil},
			{"x86_get_sdbase: EFAULT", netbsd.SYS_sysarch, args{netbsd.X86_GET_GSBASE, bad}, netbsd.EFAULT, nil, nil},
			{"x86_set_sdbase64: EINVAL for no user's address", netbsd.SYS_sysarch, args{netbsd.X86_SET_FSBASE, longs(1 << 63)}, netbsd.EINVAL, nil, nil},
			{"sysarch(2): EFAULT", netbsd.SYS_sysarch, args{netbsd.X86_SET_FSBASE, bad}, netbsd.EFAULT, nil, nil},
			{"sys_sysarch: EINVAL for an operation", netbsd.SYS_sysarch, args{99, 0}, netbsd.EINVAL, nil, nil},
			{"lwp_ctl_alloc: ENODEV for a feature", netbsd.SYS__lwp_ctl, args{4, room(8)}, netbsd.ENODEV, nil, nil},
			{"_lwp_ctl(2): EFAULT", netbsd.SYS__lwp_ctl, args{netbsd.LWPCTL_FEATURE_CURCPU, bad}, netbsd.EFAULT, nil, nil},
			{"_lwp_ctl(2)", netbsd.SYS__lwp_ctl, args{netbsd.LWPCTL_FEATURE_CURCPU, room(8)}, 0, out{1, longs(lwpctl)}, nil},
			{"vfork(2)", netbsd.SYS___vfork14, nil, 0, nil, func(p *player) {
				p.play([]row{{"lwp_ctl_alloc: EBUSY in another's memory", netbsd.SYS__lwp_ctl, args{netbsd.LWPCTL_FEATURE_CURCPU, room(8)}, netbsd.EBUSY, nil, nil}})
			}},
			{"sched_yield(2)", netbsd.SYS_sched_yield, nil, 0, 0, nil},
		},
		"scheduling": {
			{"_sched_setparam(2): ESRCH", netbsd.SYS__sched_setparam, args{nobody, 0, 0, words(0)}, netbsd.ESRCH, nil, nil},
			{"_sched_setparam(2): ESRCH for an LWP", netbsd.SYS__sched_setparam, args{0, nobody, 0, words(0)}, netbsd.ESRCH, nil, nil},
			{"_sched_setparam(2): EFAULT", netbsd.SYS__sched_setparam, args{0, 0, 0, bad}, netbsd.EFAULT, nil, nil},
			{"_sched_getparam(2)", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{2, words(0)}, nil},
			{"_sched_getparam(2): ESRCH", netbsd.SYS__sched_getparam, args{nobody, 0, room(4), room(4)}, netbsd.ESRCH, nil, nil},
			{"do_sched_getparam: EINVAL for a negative process", netbsd.SYS__sched_getparam, args{-1, 0, room(4), room(4)}, netbsd.EINVAL, nil, nil},
			{"do_sched_getparam: EINVAL for a negative LWP", netbsd.SYS__sched_getparam, args{nobody, -1, room(4), room(4)}, netbsd.EINVAL, nil, nil},
			{"sys__sched_getaffinity: EINVAL for a negative process, before the set is looked at", netbsd.SYS__sched_getaffinity, args{-1, 0, 32, bad}, netbsd.EINVAL, nil, nil},
			{"sys__sched_getaffinity: EINVAL for a negative LWP", netbsd.SYS__sched_getaffinity, args{0, -1, 32, room(32)}, netbsd.EINVAL, nil, nil},
			{"_sched_getparam(2): EFAULT", netbsd.SYS__sched_getparam, args{0, 0, bad, room(4)}, netbsd.EFAULT, nil, nil},
			{"_sched_setaffinity(2): EINVAL for no set", netbsd.SYS__sched_setaffinity, args{0, 0, 0, words(1)}, netbsd.EINVAL, nil, nil},
			{"_sched_setaffinity(2): EINVAL for an empty set", netbsd.SYS__sched_setaffinity, args{0, 0, 32, make([]byte, 32)}, netbsd.EINVAL, nil, nil},
			{"_sched_setaffinity(2): EFAULT", netbsd.SYS__sched_setaffinity, args{0, 0, 32, bad}, netbsd.EFAULT, nil, nil},
			{"_sched_setaffinity(2)", netbsd.SYS__sched_setaffinity, args{0, 0, 32, append(words(1), make([]byte, 28)...)}, 0, nil, nil},
			{"_sched_getaffinity(2): the first processor is in it", netbsd.SYS__sched_getaffinity, args{0, 0, 32, room(32)}, 0, func(r *result) string {
				if r.mem(3, 1)[0]&1 == 0 {
					return "it is not"
				}
				return ""
			}, nil},
			{"genkcpuset: EFAULT comes before ESRCH", netbsd.SYS__sched_getaffinity, args{nobody, 0, 8, bad}, netbsd.EFAULT, nil, nil},
			{"_sched_getaffinity(2): EINVAL", netbsd.SYS__sched_getaffinity, args{0, 0, 0, room(32)}, netbsd.EINVAL, nil, nil},
		},
		"classes": {
			{"do_sched_setparam: nothing to do", netbsd.SYS__sched_setparam, args{nobody, 0, -1, words(noPri)}, 0, nil, nil},
			{"do_sched_setparam: EINVAL for a policy", netbsd.SYS__sched_setparam, args{0, 0, 3, words(0)}, netbsd.EINVAL, nil, nil},
			{"do_sched_setparam: EINVAL for a priority", netbsd.SYS__sched_setparam, args{0, 0, netbsd.SCHED_RR, words(64)}, netbsd.EINVAL, nil, nil},
			{"do_sched_setparam: EINVAL for a priority of SCHED_OTHER", netbsd.SYS__sched_setparam, args{0, 0, -1, words(1)}, netbsd.EINVAL, nil, nil},
			{"do_sched_getparam: SCHED_OTHER's is by the niceness", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{3, words(43)}, nil},
			{"_sched_getparam(2): EFAULT for the priority", netbsd.SYS__sched_getparam, args{0, 0, 0, bad}, netbsd.EFAULT, nil, nil},
			{"_sched_getparam(2): without a policy", netbsd.SYS__sched_getparam, args{0, lid, 0, room(4)}, 0, out{3, words(43)}, nil},
			{"sys__sched_protect: EINVAL for none to end", netbsd.SYS__sched_protect, args{-1}, netbsd.EINVAL, nil, nil},
			{"sys__sched_protect: no change for SCHED_OTHER", netbsd.SYS__sched_protect, args{0}, 0, nil, nil},
			{"sys__sched_protect: the end of it", netbsd.SYS__sched_protect, args{-1}, 0, nil, nil},
			{"convert_pri: the lowest one", netbsd.SYS__sched_setparam, args{0, 0, netbsd.SCHED_FIFO, words(noPri)}, 0, nil, nil},
			{"_sched_getparam(2): SCHED_FIFO", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{2, words(netbsd.SCHED_FIFO)}, nil},
			{"_sched_getparam(2): and its priority", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{3, words(0)}, nil},
			{"_sched_setparam(2): SCHED_RR", netbsd.SYS__sched_setparam, args{0, lid, netbsd.SCHED_RR, words(30)}, 0, nil, nil},
			{"convert_pri: real-time to real-time keeps the priority", netbsd.SYS__sched_setparam, args{0, 0, netbsd.SCHED_FIFO, words(noPri)}, 0, nil, nil},
			{"_sched_getparam(2)", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{3, words(30)}, nil},
			{"sys__sched_protect: EPERM below one's own", netbsd.SYS__sched_protect, args{29}, netbsd.EPERM, nil, nil},
			{"sys__sched_protect: EPERM for no priority", netbsd.SYS__sched_protect, args{64}, netbsd.EPERM, nil, nil},
			{"sys__sched_protect", netbsd.SYS__sched_protect, args{40}, 0, nil, nil},
			{"sys__sched_protect: which there is", netbsd.SYS__sched_protect, args{-2}, 0, 40, nil},
			{"sys__sched_protect: the end of it", netbsd.SYS__sched_protect, args{-1}, 0, nil, nil},
			{"sys__sched_protect: ENOENT when asked while there is none", netbsd.SYS__sched_protect, args{-2}, netbsd.ENOENT, nil, nil},
			{"_sched_getparam(2): the priority was not changed", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{3, words(30)}, nil},
			{"lwp_create: a new LWP has its maker's", netbsd.SYS__lwp_create, args{start, 0, room(4)}, 0, nil, func(p *player) {
				p.play([]row{{"_sched_getparam(2)", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{3, words(30)}, nil}})
				p.do(netbsd.SYS__lwp_exit)
			}},
			{"_lwp_wait(2)", netbsd.SYS__lwp_wait, args{0, 0}, 0, nil, nil},
			{"fork(2): and a child its parent's", netbsd.SYS_fork, nil, 0, nil, func(p *player) {
				p.play([]row{{"_sched_getparam(2)", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{2, words(netbsd.SCHED_FIFO)}, nil}})
				p.do(netbsd.SYS_exit, 0)
			}},
			{"wait4(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"setuid(2)", netbsd.SYS_setuid, args{100}, 0, nil, nil},
			{"sched_listener_cb: EPERM for a higher priority", netbsd.SYS__sched_setparam, args{0, 0, netbsd.SCHED_NONE, words(31)}, netbsd.EPERM, nil, nil},
			{"sched_listener_cb: EPERM for another real-time class", netbsd.SYS__sched_setparam, args{0, 0, netbsd.SCHED_RR, words(1)}, netbsd.EPERM, nil, nil},
			{"sched_listener_cb: a lower priority", netbsd.SYS__sched_setparam, args{0, 0, netbsd.SCHED_NONE, words(20)}, 0, nil, nil},
			{"sched_listener_cb: SCHED_OTHER", netbsd.SYS__sched_setparam, args{0, 0, netbsd.SCHED_OTHER, words(noPri)}, 0, nil, nil},
			{"sched_listener_cb: EPERM for the way back", netbsd.SYS__sched_setparam, args{0, 0, netbsd.SCHED_FIFO, words(0)}, netbsd.EPERM, nil, nil},
			{"sched_listener_cb: EPERM for another user's process", netbsd.SYS__sched_getparam, args{1, 0, room(4), room(4)}, netbsd.EPERM, nil, nil},
			{"secmodel_suser: EPERM for processors", netbsd.SYS__sched_setaffinity, args{0, 0, 4, words(1)}, netbsd.EPERM, nil, nil},
		},
		"affinity": {
			{"sys__sched_getaffinity: none was set", netbsd.SYS__sched_getaffinity, args{0, 0, 4, room(4)}, 0, out{3, words(0)}, nil},
			{"_sched_setaffinity(2)", netbsd.SYS__sched_setaffinity, args{0, 0, 4, words(1)}, 0, nil, nil},
			{"_sched_getaffinity(2)", netbsd.SYS__sched_getaffinity, args{0, 0, 4, room(4)}, 0, out{3, words(1)}, nil},
			{"sys__sched_setaffinity: no processor that there is ends it", netbsd.SYS__sched_setaffinity, args{0, 0, 512, append(make([]byte, 511), 0x80)}, 0, nil, nil},
			{"_sched_getaffinity(2): so it is empty", netbsd.SYS__sched_getaffinity, args{0, 0, 4, room(4)}, 0, out{3, words(0)}, nil},
			{"_sched_getaffinity(2): ESRCH", netbsd.SYS__sched_getaffinity, args{0, nobody, 4, room(4)}, netbsd.ESRCH, nil, nil},
			{"_sched_setaffinity(2): ESRCH", netbsd.SYS__sched_setaffinity, args{nobody, 0, 4, words(1)}, netbsd.ESRCH, nil, nil},
			{"_sched_getaffinity(2): EFAULT", netbsd.SYS__sched_getaffinity, args{0, 0, 4, bad}, netbsd.EFAULT, nil, nil},
			{"kcpuset_copyin: EINVAL for too large a set", netbsd.SYS__sched_setaffinity, args{0, 0, 513, words(1)}, netbsd.EINVAL, nil, nil},
		},
		"processor sets": {
			{"psid_validate: EINVAL", netbsd.SYS_pset_assign, args{7, 0, room(4)}, netbsd.EINVAL, nil, nil},
			{"sys_pset_assign: EINVAL for no processor", netbsd.SYS_pset_assign, args{netbsd.PS_NONE, 1 << 20, room(4)}, netbsd.EINVAL, nil, nil},
			{"sys__pset_bind: EINVAL for a type of id", netbsd.SYS__pset_bind, args{99, 0, 0, netbsd.PS_NONE, 0}, netbsd.EINVAL, nil, nil},
			{"_pset_bind(2): back to the default set", netbsd.SYS__pset_bind, args{netbsd.P_PID, netbsd.P_MYID, 0, netbsd.PS_NONE, room(4)}, 0, out{4, words(netbsd.PS_NONE)}, nil},
			{"kern_pset_destroy: EINVAL for the default set", netbsd.SYS_pset_destroy, args{netbsd.PS_NONE}, netbsd.EINVAL, nil, nil},
			{"setuid(2)", netbsd.SYS_setuid, args{100}, 0, nil, nil},
			{"pset_create(2): EPERM", netbsd.SYS_pset_create, args{room(4)}, netbsd.EPERM, nil, nil},
			{"pset_destroy(2): EPERM", netbsd.SYS_pset_destroy, args{1}, netbsd.EPERM, nil, nil},
			{"pset_assign(2): EPERM", netbsd.SYS_pset_assign, args{netbsd.PS_NONE, 0, room(4)}, netbsd.EPERM, nil, nil},
			{"pset_bind(2): EPERM", netbsd.SYS__pset_bind, args{netbsd.P_PID, netbsd.P_MYID, 0, netbsd.PS_NONE, room(4)}, netbsd.EPERM, nil, nil},
			{"pset_assign(2): PS_QUERY is for everybody", netbsd.SYS_pset_assign, args{netbsd.PS_QUERY, 0, room(4)}, 0, out{2, words(netbsd.PS_NONE)}, nil},
			{"pset_bind(2): PS_QUERY, of the caller", netbsd.SYS__pset_bind, args{netbsd.P_LWPID, netbsd.P_MYID, 0, netbsd.PS_QUERY, room(4)}, 0, out{4, words(netbsd.PS_NONE)}, nil},
			{"pset_bind(2): of an LWP", netbsd.SYS__pset_bind, args{netbsd.P_LWPID, lid, netbsd.P_MYID, netbsd.PS_QUERY, room(4)}, 0, out{4, words(netbsd.PS_NONE)}, nil},
			{"pset_bind(2): ESRCH", netbsd.SYS__pset_bind, args{netbsd.P_PID, nobody, 0, netbsd.PS_QUERY, room(4)}, netbsd.ESRCH, nil, nil},
			{"sys__pset_bind: EPERM for the system's process", netbsd.SYS__pset_bind, args{netbsd.P_PID, 0, 0, netbsd.PS_QUERY, 0}, netbsd.EPERM, nil, nil},
			{"pset_bind(2): ESRCH for an LWP", netbsd.SYS__pset_bind, args{netbsd.P_LWPID, nobody, netbsd.P_MYID, netbsd.PS_QUERY, room(4)}, netbsd.ESRCH, nil, nil},
			{"pset_bind(2): EFAULT", netbsd.SYS__pset_bind, args{netbsd.P_PID, netbsd.P_MYID, 0, netbsd.PS_QUERY, bad}, netbsd.EFAULT, nil, nil},
		},
	})
}
