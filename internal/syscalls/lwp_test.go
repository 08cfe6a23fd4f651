package syscalls

import (
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
			{"_lwp_suspend(2): ESRCH", netbsd.SYS__lwp_suspend, args{nobody}, netbsd.ESRCH, nil, nil},
			{"_lwp_continue(2): ESRCH", netbsd.SYS__lwp_continue, args{nobody}, netbsd.ESRCH, nil, nil},
			{"_lwp_wakeup(2): ESRCH", netbsd.SYS__lwp_wakeup, args{nobody}, netbsd.ESRCH, nil, nil},
			{"_lwp_wakeup(2): ENODEV for one that does not sleep", netbsd.SYS__lwp_wakeup, args{lid}, netbsd.ENODEV, nil, nil},
			{"_lwp_kill(2): ESRCH", netbsd.SYS__lwp_kill, args{nobody, 0}, netbsd.ESRCH, nil, nil},
			{"_lwp_kill(2): EINVAL", netbsd.SYS__lwp_kill, args{lid, netbsd.NSIG}, netbsd.EINVAL, nil, nil},
			{"_lwp_kill(2): 0 looks", netbsd.SYS__lwp_kill, args{lid, 0}, 0, nil, nil},
		},
		"park": {
			{"_lwp_unpark(2) before the park", netbsd.SYS__lwp_unpark, args{lid, 0}, 0, nil, nil},
			{"_lwp_park(2): EALREADY", netbsd.SYS____lwp_park60, args{0, 0, 0, 0, 0, 0}, netbsd.EALREADY, nil, nil},
			{"_lwp_park(2): ETIMEDOUT", netbsd.SYS____lwp_park60, args{netbsd.CLOCK_MONOTONIC, netbsd.TIMER_ABSTIME, timespec(0, 1), 0, 0, 0}, netbsd.ETIMEDOUT, nil, nil},
			{"_lwp_park(2): what is left is written back", netbsd.SYS____lwp_park60, args{netbsd.CLOCK_MONOTONIC, 0, timespec(0, 1), 0, 0, 0}, netbsd.ETIMEDOUT, out{2, timespec(0, 0)}, nil},
			{"_lwp_park(2): EFAULT", netbsd.SYS____lwp_park60, args{0, 0, bad, 0, 0, 0}, netbsd.EFAULT, nil, nil},
			{"_lwp_park(2): EINVAL for nanoseconds", netbsd.SYS____lwp_park60, args{0, 0, timespec(0, -1), 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"_lwp_park(2): ESRCH for whom to unpark", netbsd.SYS____lwp_park60, args{0, 0, 0, nobody, 0, 0}, netbsd.ESRCH, nil, nil},
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
			{"_lwp_unpark_all(2): EFAULT", netbsd.SYS__lwp_unpark_all, args{bad, 1, 0}, netbsd.EFAULT, nil, nil},
			{"_lwp_create(2)", netbsd.SYS__lwp_create, args{start, 0, room(4)}, 0, nil, waits},
			{"_lwp_unpark_all(2)", netbsd.SYS__lwp_unpark_all, args{func(p *player) uint64 { return p.arg(words(uint32(newLWP(p)), nobody)) }, 2, 0}, 0, nil, nil},
			{"_lwp_wait(2): it went on", netbsd.SYS__lwp_wait, args{newLWP, room(4)}, 0, nil, nil},
		},
		"names": {
			{"_lwp_setname(2): ESRCH", netbsd.SYS__lwp_setname, args{nobody, "x"}, netbsd.ESRCH, nil, nil},
			{"_lwp_setname(2): EFAULT", netbsd.SYS__lwp_setname, args{lid, bad}, netbsd.EFAULT, nil, nil},
			{"_lwp_setname(2)", netbsd.SYS__lwp_setname, args{lid, "worker"}, 0, nil, nil},
			{"_lwp_getname(2)", netbsd.SYS__lwp_getname, args{lid, room(32), 32}, 0, out{1, []byte("worker\x00")}, nil},
			{"_lwp_getname(2): cut", netbsd.SYS__lwp_getname, args{lid, room(32), 4}, 0, out{1, []byte("wor\x00\xa5")}, nil},
			{"_lwp_getname(2): ESRCH", netbsd.SYS__lwp_getname, args{nobody, room(32), 32}, netbsd.ESRCH, nil, nil},
			{"_lwp_getname(2): EFAULT", netbsd.SYS__lwp_getname, args{lid, bad, 32}, netbsd.EFAULT, nil, nil},
			{"sys__lwp_setname: too long a name is cut", netbsd.SYS__lwp_setname, args{lid, strings.Repeat("x", 99)}, 0, nil, nil},
		},
		"private": {
			{"_lwp_setprivate(2): EINVAL for no user's address", netbsd.SYS__lwp_setprivate, args{uint64(1 << 63)}, netbsd.EINVAL, nil, nil},
			{"_lwp_setprivate(2)", netbsd.SYS__lwp_setprivate, args{0x1000}, 0, nil, nil},
			{"_lwp_getprivate(2)", netbsd.SYS__lwp_getprivate, nil, 0, 0x1000, nil},
			{"sysarch(2): X86_GET_FSBASE", netbsd.SYS_sysarch, args{netbsd.X86_GET_FSBASE, room(8)}, 0, out{1, longs(0x1000)}, nil},
			{"sysarch(2): X86_SET_FSBASE", netbsd.SYS_sysarch, args{netbsd.X86_SET_FSBASE, longs(0x2000)}, 0, nil, nil},
			{"_lwp_getprivate(2): the new one", netbsd.SYS__lwp_getprivate, nil, 0, 0x2000, nil},
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
			{"_sched_getaffinity(2): EINVAL", netbsd.SYS__sched_getaffinity, args{0, 0, 0, room(32)}, netbsd.EINVAL, nil, nil},
		},
	})
}
