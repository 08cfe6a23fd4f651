package syscalls

import (
	"fmt"
	"testing"
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// itimer is a struct itimerval or itimerspec: an interval, and what is left.
// sigevent is a struct sigevent.
func sigevent(notify, signo byte) []byte {
	b := make([]byte, netbsd.SizeofSigevent)
	b[0], b[4] = notify, signo
	return b
}

func itimer(sec, fraction, left, leftFraction int64) []byte {
	return longs(uint64(sec), uint64(fraction), uint64(left), uint64(leftFraction))
}

func TestTime(t *testing.T) {
	const real, mono = netbsd.CLOCK_REALTIME, netbsd.CLOCK_MONOTONIC
	stages(t, map[string][]row{
		"clocks": {
			{"clock_gettime(2): EINVAL", netbsd.SYS___clock_gettime50, args{99, room(16)}, netbsd.EINVAL, nil, nil},
			{"clock_gettime(2): EFAULT", netbsd.SYS___clock_gettime50, args{real, bad}, netbsd.EFAULT, nil, nil},
			{"clock_gettime(2)", netbsd.SYS___clock_gettime50, args{real, room(16)}, 0, func(r *result) string {
				if d := time.Since(netbsd.DecodeTimespec(r.mem(1, 16)).Time()); d < 0 || d > time.Hour {
					return fmt.Sprint("off by ", d)
				}
				return ""
			}, nil},
			{"clock_gettime(2): the LWP's processor time", netbsd.SYS___clock_gettime50, args{netbsd.CLOCK_THREAD_CPUTIME_ID, room(16)}, 0, out{1, timespec(5, 0)}, nil},
			{"clock_gettime(2): ESRCH for a process", netbsd.SYS___clock_gettime50, args{netbsd.CLOCK_PROCESS_CPUTIME_ID | nobody, room(16)}, netbsd.ESRCH, nil, nil},
			{"sys/time.h of NetBSD 7.99: CLOCK_THREAD_CPUTIME_ID", netbsd.SYS___clock_gettime50, args{uint32(threadCPUTime799), room(16)}, 0, nil, nil},
			{"sys/time.h of NetBSD 7.99: ESRCH for an LWP", netbsd.SYS___clock_gettime50, args{uint32(threadCPUTime799 | nobody), room(16)}, netbsd.ESRCH, nil, nil},
			{"clock_gettime(2): ESRCH for an LWP", netbsd.SYS___clock_gettime50, args{netbsd.CLOCK_THREAD_CPUTIME_ID | nobody, room(16)}, netbsd.ESRCH, nil, nil},
			{"clock_gettime(2): CLOCK_VIRTUAL", netbsd.SYS___clock_gettime50, args{netbsd.CLOCK_VIRTUAL, room(16)}, 0, nil, nil},
			{"clock_gettime(2): CLOCK_PROF", netbsd.SYS___clock_gettime50, args{netbsd.CLOCK_PROF, room(16)}, 0, nil, nil},
			{"clock_getres(2): EINVAL", netbsd.SYS___clock_getres50, args{99, room(16)}, netbsd.EINVAL, nil, nil},
			{"clock_getres(2)", netbsd.SYS___clock_getres50, args{mono, room(16)}, 0, out{1, timespec(0, 1)}, nil},
			{"clock_getres1: processor time", netbsd.SYS___clock_getres50, args{netbsd.CLOCK_PROCESS_CPUTIME_ID, room(16)}, 0, out{1, timespec(0, 1)}, nil},
			{"clock_getres1: an LWP's", netbsd.SYS___clock_getres50, args{netbsd.CLOCK_THREAD_CPUTIME_ID, room(16)}, 0, out{1, timespec(0, 1)}, nil},
			{"clock_getres1: EINVAL for another process's", netbsd.SYS___clock_getres50, args{netbsd.CLOCK_PROCESS_CPUTIME_ID | 1, 0}, netbsd.EINVAL, nil, nil},
			{"clock_getres1: EINVAL for that of a timer", netbsd.SYS___clock_getres50, args{netbsd.CLOCK_PROF, 0}, netbsd.EINVAL, nil, nil},
			{"clock_getres(2): nowhere", netbsd.SYS___clock_getres50, args{mono, 0}, 0, 0, nil},
			{"clock_getres1: the caller's processor time", netbsd.SYS___clock_getres50, args{netbsd.CLOCK_PROCESS_CPUTIME_ID, room(16)}, 0, out{1, timespec(0, 1)}, nil},
			{"clock_getres1: EINVAL for a process's", netbsd.SYS___clock_getres50, args{func(p *player) uint64 { return netbsd.CLOCK_PROCESS_CPUTIME_ID | self(p) }, room(16)}, netbsd.EINVAL, nil, nil},
			{"clock_getres1: EINVAL for an LWP's", netbsd.SYS___clock_getres50, args{netbsd.CLOCK_THREAD_CPUTIME_ID | nobody, room(16)}, netbsd.EINVAL, nil, nil},
			{"clock_gettime1: a process's comes before an LWP's", netbsd.SYS___clock_gettime50, args{netbsd.CLOCK_PROCESS_CPUTIME_ID | netbsd.CLOCK_THREAD_CPUTIME_ID, room(16)}, 0, nil, nil},
			{"sys_clock_getcpuclockid2: EINVAL for a type", netbsd.SYS_clock_getcpuclockid2, args{netbsd.P_PGID, 0, room(4)}, netbsd.EINVAL, nil, nil},
			{"sys_clock_getcpuclockid2: EFAULT", netbsd.SYS_clock_getcpuclockid2, args{netbsd.P_PID, 0, bad}, netbsd.EFAULT, nil, nil},
			{"sys_clock_getcpuclockid2: of a process, whether it is there or not", netbsd.SYS_clock_getcpuclockid2, args{netbsd.P_PID, nobody, room(4)}, 0, out{2, words(0x40000000 | nobody)}, nil},
			{"sys_clock_getcpuclockid2: of the caller", netbsd.SYS_clock_getcpuclockid2, args{netbsd.P_PID, 0, room(4)}, 0, func(r *result) string {
				if id := le.Uint32(r.mem(2, 4)); uint64(id) != 0x40000000|self(r.p) {
					return fmt.Sprintf("%#x", id)
				}
				return ""
			}, nil},
			{"sys_clock_getcpuclockid2: of an LWP", netbsd.SYS_clock_getcpuclockid2, args{netbsd.P_LWPID, 0, room(4)}, 0, func(r *result) string {
				if id := le.Uint32(r.mem(2, 4)); uint64(id) != 0x20000000|lid(r.p) {
					return fmt.Sprintf("%#x", id)
				}
				return ""
			}, nil},
			{"clock_settime(2): EPERM", netbsd.SYS___clock_settime50, args{real, timespec(1, 0)}, netbsd.EPERM, nil, nil},
			{"clock_settime1: EINVAL for nanoseconds", netbsd.SYS___clock_settime50, args{real, timespec(1, 1e9)}, netbsd.EINVAL, nil, nil},
			{"settime1: EINVAL before the epoch", netbsd.SYS___clock_settime50, args{real, timespec(-1, 0)}, netbsd.EINVAL, nil, nil},
			{"settime1: EINVAL for what nobody means", netbsd.SYS___clock_settime50, args{real, timespec(1<<36+1, 0)}, netbsd.EINVAL, nil, nil},
			{"settime1: the latest", netbsd.SYS___clock_settime50, args{real, timespec(1<<36, 0)}, netbsd.EPERM, nil, nil},
			{"settimeofday1: EINVAL for microseconds", netbsd.SYS___settimeofday50, args{longs(1, 1e6), 0}, netbsd.EINVAL, nil, nil},
			{"settimeofday1: EINVAL before the epoch", netbsd.SYS___settimeofday50, args{longs(^uint64(0), 0), 0}, netbsd.EINVAL, nil, nil},
			{"clock_settime1: EINVAL for CLOCK_MONOTONIC, which is read-only", netbsd.SYS___clock_settime50, args{mono, timespec(1, 0)}, netbsd.EINVAL, nil, nil},
			{"clock_settime1: EINVAL for no clock", netbsd.SYS___clock_settime50, args{99, timespec(1, 0)}, netbsd.EINVAL, nil, nil},
			{"clock_settime(2): EFAULT comes first (sys___clock_settime50)", netbsd.SYS___clock_settime50, args{mono, bad}, netbsd.EFAULT, nil, nil},
			{"settimeofday(2): EPERM", netbsd.SYS___settimeofday50, args{longs(1, 0), 0}, netbsd.EPERM, nil, nil},
			{"gettimeofday(2): EFAULT", netbsd.SYS___gettimeofday50, args{bad, 0}, netbsd.EFAULT, nil, nil},
			{"gettimeofday(2)", netbsd.SYS___gettimeofday50, args{room(16), 0}, 0, 0, nil},
			{"sys___gettimeofday50: a time zone of zeroes", netbsd.SYS___gettimeofday50, args{room(16), room(8)}, 0, out{1, make([]byte, 8)}, nil},
			{"sys___gettimeofday50: that alone", netbsd.SYS___gettimeofday50, args{0, room(8)}, 0, out{1, make([]byte, 8)}, nil},
			{"sys___gettimeofday50: EFAULT for the time zone", netbsd.SYS___gettimeofday50, args{room(16), bad}, netbsd.EFAULT, nil, nil},
		},
		"sleeps": {
			{"nanosleep(2): EFAULT", netbsd.SYS___nanosleep50, args{bad, 0}, netbsd.EFAULT, nil, nil},
			{"nanosleep(2): EINVAL", netbsd.SYS___nanosleep50, args{timespec(0, 1e9), 0}, netbsd.EINVAL, nil, nil},
			{"itimespecfix: a negative time has passed", netbsd.SYS___nanosleep50, args{timespec(-1, 0), 0}, 0, 0, nil},
			{"itimespecfix: EINVAL for what is no time", netbsd.SYS___nanosleep50, args{timespec(-1, -1), 0}, netbsd.EINVAL, nil, nil},
			{"nanosleep(2)", netbsd.SYS___nanosleep50, args{timespec(0, 1), 0}, 0, 0, nil},
			{"sys___nanosleep50: nothing is left", netbsd.SYS___nanosleep50, args{timespec(0, 1), room(16)}, 0, out{1, timespec(0, 0)}, nil},
			{"sys___nanosleep50: nothing of what had passed", netbsd.SYS___nanosleep50, args{timespec(-1, 0), room(16)}, 0, out{1, timespec(0, 0)}, nil},
			{"sys___nanosleep50: EFAULT", netbsd.SYS___nanosleep50, args{timespec(0, 1), bad}, netbsd.EFAULT, nil, nil},
			{"sys_clock_nanosleep: nothing is left", netbsd.SYS_clock_nanosleep, args{mono, 0, timespec(0, 1), room(16)}, 0, out{3, timespec(0, 0)}, nil},
			{"sys_clock_nanosleep: not told of an absolute time", netbsd.SYS_clock_nanosleep, args{mono, netbsd.TIMER_ABSTIME, timespec(0, 1), room(16)}, 0, out{3, filler(16)}, nil},
			{"ts2timo: EINVAL before the clock", netbsd.SYS_clock_nanosleep, args{99, 0, timespec(0, 1e9), 0}, 0, int(netbsd.EINVAL), nil},
			{"clock_gettime1: the time of an LWP that has used more", netbsd.SYS_clock_nanosleep, args{netbsd.CLOCK_THREAD_CPUTIME_ID, netbsd.TIMER_ABSTIME, timespec(0, 1), room(16)}, 0, 0, nil},
			{"clock_gettime1: ESRCH", netbsd.SYS_clock_nanosleep, args{netbsd.CLOCK_PROCESS_CPUTIME_ID | nobody, 0, timespec(0, 1), 0}, 0, int(netbsd.ESRCH), nil},
			{"clock_nanosleep(2): its result is the errno", netbsd.SYS_clock_nanosleep, args{real, 0, timespec(0, 1e9), 0}, 0, int(netbsd.EINVAL), nil},
			{"ts2timo: nobody asks for the clock if nothing is to be slept, nor told", netbsd.SYS_clock_nanosleep, args{netbsd.CLOCK_PROF, 0, timespec(-1, 0), 0}, 0, 0, nil},
			{"ts2timo: which is asked for what is left", netbsd.SYS_clock_nanosleep, args{netbsd.CLOCK_PROF, 0, timespec(-1, 0), room(16)}, 0, int(netbsd.EINVAL), nil},
			{"clock_gettime1: EINVAL for a clock", netbsd.SYS_clock_nanosleep, args{netbsd.CLOCK_PROF, 0, timespec(0, 1), 0}, 0, int(netbsd.EINVAL), nil},
			{"clock_nanosleep(2): a time that has been", netbsd.SYS_clock_nanosleep, args{real, netbsd.TIMER_ABSTIME, timespec(1, 0), 0}, 0, 0, nil},
			{"clock_nanosleep(2)", netbsd.SYS_clock_nanosleep, args{mono, 0, timespec(0, 1), 0}, 0, 0, nil},
		},
		"interval timers": {
			{"setitimer(2): EINVAL for which", netbsd.SYS___setitimer50, args{9, itimer(0, 0, 0, 0), 0}, netbsd.EINVAL, nil, nil},
			{"setitimer(2): EINVAL for microseconds", netbsd.SYS___setitimer50, args{0, itimer(0, 1e6, 0, 0), 0}, netbsd.EINVAL, nil, nil},
			{"dosetitimer: EINVAL for a time that has no time_t", netbsd.SYS___setitimer50, args{0, itimer(0, 0, 1<<63-2, 0), 0}, netbsd.EINVAL, nil, nil},
			{"dosetitimer: nor has it passed the clocks of processor time", netbsd.SYS___setitimer50, args{netbsd.ITIMER_PROF, itimer(0, 0, 1<<63-2, 0), 0}, 0, 0, nil},
			{"setitimer(2): EFAULT", netbsd.SYS___setitimer50, args{0, bad, 0}, netbsd.EFAULT, nil, nil},
			{"setitimer(2): the old one", netbsd.SYS___setitimer50, args{0, itimer(7, 8, 1000, 0), room(32)}, 0, out{2, itimer(0, 0, 0, 0)}, nil},
			{"sys___setitimer50: the old one cannot be told, and nothing is set", netbsd.SYS___setitimer50, args{0, itimer(1, 0, 1000, 0), bad}, netbsd.EFAULT, nil, nil},
			{"sys___setitimer50: the new one is refused, and the old one is told", netbsd.SYS___setitimer50, args{0, itimer(0, 1e6, 0, 0), room(32)}, netbsd.EINVAL, out{2, longs(7, 8)}, nil},
			{"sys___setitimer50: neither, and nothing is looked at", netbsd.SYS___setitimer50, args{9, 0, 0}, 0, 0, nil},
			{"dosetitimer: one that is off keeps its interval", netbsd.SYS___setitimer50, args{netbsd.ITIMER_MONOTONIC, itimer(0, 0, 1000, 0), 0}, 0, 0, nil},
			{"if it has ever been set", netbsd.SYS___setitimer50, args{netbsd.ITIMER_MONOTONIC, itimer(5, 0, 0, 0), 0}, 0, 0, nil},
			{"itimer_gettime: and has it", netbsd.SYS___getitimer50, args{netbsd.ITIMER_MONOTONIC, room(32)}, 0, out{1, itimer(5, 0, 0, 0)}, nil},
			{"dosetitimer: one that never was has none", netbsd.SYS___setitimer50, args{netbsd.ITIMER_VIRTUAL, itimer(5, 0, 0, 0), 0}, 0, 0, nil},
			{"itimer_gettime: none", netbsd.SYS___getitimer50, args{netbsd.ITIMER_VIRTUAL, room(32)}, 0, out{1, itimer(0, 0, 0, 0)}, nil},
			{"getitimer(2): the interval", netbsd.SYS___getitimer50, args{0, room(32)}, 0, out{1, longs(7, 8)}, nil},
			{"getitimer(2): EINVAL", netbsd.SYS___getitimer50, args{-1, room(32)}, netbsd.EINVAL, nil, nil},
			{"getitimer(2): EFAULT", netbsd.SYS___getitimer50, args{0, bad}, netbsd.EFAULT, nil, nil},
		},
		"timers": {
			{"timer_delete(2): EINVAL", netbsd.SYS_timer_delete, args{5}, netbsd.EINVAL, nil, nil},
			{"timer_create(2): EFAULT for the event", netbsd.SYS_timer_create, args{real, bad, room(4)}, netbsd.EFAULT, nil, nil},
			{"timer_create(2): EFAULT for the id", netbsd.SYS_timer_create, args{real, 0, bad}, netbsd.EFAULT, nil, nil},
			{"timer_create1: the timer is there nevertheless", netbsd.SYS___timer_gettime50, args{4, room(32)}, 0, nil, nil},
			{"and has the first slot", netbsd.SYS_timer_create, args{real, 0, room(4)}, 0, out{2, words(5)}, nil},
			{"until it is deleted", netbsd.SYS_timer_delete, args{5}, 0, nil, nil},
			{"until it is deleted", netbsd.SYS_timer_delete, args{4}, 0, nil, nil},
			{"timer_create1: the slots of setitimer(2) are passed over", netbsd.SYS_timer_create, args{real, 0, room(4)}, 0, out{2, words(4)}, nil},
			{"timer_settime(2): EINVAL for nanoseconds", netbsd.SYS___timer_settime50, args{4, 0, itimer(0, 0, 0, 1e9), 0}, netbsd.EINVAL, nil, nil},
			{"dotimer_settime: EINVAL for a time that has been", netbsd.SYS___timer_settime50, args{4, 0, itimer(0, 0, -1, 0), 0}, netbsd.EINVAL, nil, nil},
			{"dotimer_settime: EINVAL for an interval", netbsd.SYS___timer_settime50, args{4, netbsd.TIMER_ABSTIME, itimer(-1, 0, 1, 0), 0}, netbsd.EINVAL, nil, nil},
			{"timer_settime(2): EINVAL for an id", netbsd.SYS___timer_settime50, args{9, 0, itimer(0, 0, 1, 0), 0}, netbsd.EINVAL, nil, nil},
			{"dotimer_settime, timespecaddok: EINVAL for more than there is", netbsd.SYS___timer_settime50, args{4, 0, itimer(0, 0, 1<<63-1, 0), 0}, netbsd.EINVAL, nil, nil},
			{"dotimer_settime: even if only just", netbsd.SYS___timer_settime50, args{4, 0, itimer(0, 0, 1<<63-1e9, 0), 0}, netbsd.EINVAL, nil, nil},
			{"dotimer_settime: of an interval there cannot be too much", netbsd.SYS___timer_settime50, args{4, 0, itimer(1<<63-1, 0, 1000, 0), 0}, 0, 0, nil},
			{"dotimer_settime: and an absolute time is what it is", netbsd.SYS___timer_settime50, args{4, netbsd.TIMER_ABSTIME, itimer(0, 0, 1<<63-1, 0), 0}, 0, 0, nil},
			{"timer_settime(2): 0 disarms", netbsd.SYS___timer_settime50, args{4, 0, itimer(0, 0, 0, 0), 0}, 0, 0, nil},
			{"timer_settime(2): EFAULT", netbsd.SYS___timer_settime50, args{4, 0, bad, 0}, netbsd.EFAULT, nil, nil},
			{"timer_settime(2)", netbsd.SYS___timer_settime50, args{4, 0, itimer(3, 4, 1000, 0), room(32)}, 0, out{3, itimer(0, 0, 0, 0)}, nil},
			{"timer_gettime(2)", netbsd.SYS___timer_gettime50, args{4, room(32)}, 0, out{1, timespec(3, 4)}, nil},
			{"timer_gettime(2): EINVAL", netbsd.SYS___timer_gettime50, args{9, room(32)}, netbsd.EINVAL, nil, nil},
			{"itimer_gettime: the interval of one that is off", netbsd.SYS___timer_settime50, args{4, 0, itimer(3, 4, 0, 0), 0}, 0, 0, nil},
			{"itimer_gettime: the interval", netbsd.SYS___timer_gettime50, args{4, room(32)}, 0, out{1, itimer(3, 4, 0, 0)}, nil},
			{"timer_getoverrun(2)", netbsd.SYS_timer_getoverrun, args{4}, 0, 0, nil},
			{"timer_getoverrun(2): EINVAL", netbsd.SYS_timer_getoverrun, args{9}, netbsd.EINVAL, nil, nil},
			{"timer_delete(2)", netbsd.SYS_timer_delete, args{4}, 0, 0, nil},
			{"timer_create1: EINVAL for a clock", netbsd.SYS_timer_create, args{4, bad, room(4)}, netbsd.EINVAL, nil, nil},
			{"timer_create1: EINVAL for a signal", netbsd.SYS_timer_create, args{real, sigevent(1, 64), room(4)}, netbsd.EINVAL, nil, nil},
			{"timer_create1: EINVAL for another notification", netbsd.SYS_timer_create, args{real, sigevent(4, 1), room(4)}, netbsd.EINVAL, nil, nil},
			{"timer_create1: SIGEV_THREAD, which sends nothing", netbsd.SYS_timer_create, args{netbsd.CLOCK_PROF, sigevent(2, 0), room(4)}, 0, out{2, words(4)}, nil},
			{"timer_create1: CLOCK_VIRTUAL", netbsd.SYS_timer_create, args{netbsd.CLOCK_VIRTUAL, 0, room(4)}, 0, out{2, words(5)}, nil},
			{"dotimer_settime: an absolute time of CLOCK_MONOTONIC that has been", netbsd.SYS_timer_create, args{mono, sigevent(0, 0), room(4)}, 0, out{2, words(6)}, nil},
			{"it counts from the boot", netbsd.SYS___timer_settime50, args{6, netbsd.TIMER_ABSTIME, itimer(0, 0, 1<<30, 0), 0}, 0, 0, nil},
			{"it counts from the boot", netbsd.SYS___timer_gettime50, args{6, room(32)}, 0, func(r *result) string {
				if left := netbsd.DecodeTimespec(r.mem(1, 32)[16:]); left.Sec > 1<<30 || left.Sec < 1<<29 {
					return fmt.Sprint(left)
				}
				return ""
			}, nil},
		},
	})
}

// What a handler does to calls that sleep (sigaction(2), SA_RESTART): they are interrupted,
// those that are never restarted by EINTR. The signal comes between the beginning of the call and
// its sleep.
func TestInterrupted(t *testing.T) {
	newRig(t).run(func(p *player) {
		catch := action(netbsd.Sigaction{Handler: 0x1000, Flags: netbsd.SA_RESTART | netbsd.SA_NODEFER})
		p.ok(netbsd.SYS___sigaction_sigtramp, netbsd.SIGUSR1, catch, 0, 0x1000, 2)
		p.ok(netbsd.SYS_pipe)
		p.ok(netbsd.SYS_kqueue)
		p.ok(netbsd.SYS_mq_open, "/q", mqCreate, 0o600, mqAttr(0, 1, 8))
		long := timespec(100000, 0)
		rows := []row{
			{"nanosleep(2), and what is left", netbsd.SYS___nanosleep50, args{long, room(16)}, netbsd.EINTR, func(r *result) string {
				if left := netbsd.DecodeTimespec(r.mem(1, 16)); left.Sec > 100000 || left.Sec < 1 {
					return fmt.Sprint(left)
				}
				return ""
			}, nil},
			{"nanosleep(2): EFAULT for what is left", netbsd.SYS___nanosleep50, args{long, bad}, netbsd.EFAULT, nil, nil},
			{"clock_nanosleep(2): its result", netbsd.SYS_clock_nanosleep, args{netbsd.CLOCK_MONOTONIC, 0, long, 0}, 0, int(netbsd.EINTR), nil},
			{"poll(2)", netbsd.SYS_poll, args{pollfd(0, netbsd.POLLIN, 0), 1, -1}, netbsd.EINTR, nil, nil},
			{"select(2)", netbsd.SYS___select50, args{1, words(1), 0, 0, 0}, netbsd.EINTR, nil, nil},
			{"kevent(2)", netbsd.SYS___kevent50, args{2, 0, 0, room(40), 1, 0}, netbsd.EINTR, nil, nil},
			{"_lwp_park(2)", netbsd.SYS____lwp_park60, args{0, 0, 0, 0, 0, 0}, netbsd.EINTR, nil, nil},
			{"mq_recv1", netbsd.SYS_mq_receive, args{3, room(8), 8, 0}, netbsd.EINTR, nil, nil},
			{"read(2): begins again", netbsd.SYS_read, args{0, room(1), 1}, netbsd.ERESTART, nil, nil},
		}
		for i := range rows {
			w := &rows[i]
			p.c.L.Proc().Kill(netbsd.SIGUSR1)
			if wrong := w.check(p.do(w.nr, w.args...)); wrong != "" {
				t.Errorf("%s: %s", w.name, wrong)
			}
			if n := len(p.delivered); n != i+1 {
				t.Errorf("%s: handlers have run for %v", w.name, p.delivered)
			}
		}
	})
}

// clock_gettime1: EPERM for the processor time of another user's process, as to read its memory (ptrace_listener_cb).
func TestProcessorTimeOfOthers(t *testing.T) {
	const itself, init = netbsd.CLOCK_PROCESS_CPUTIME_ID, netbsd.CLOCK_PROCESS_CPUTIME_ID | 1
	newRig(t).run(func(p *player) {
		p.play([]row{
			{"the superuser may", netbsd.SYS___clock_gettime50, args{init, room(16)}, 0, nil, nil},
			{"setuid(2)", netbsd.SYS_setuid, args{100}, 0, nil, nil},
			{"EPERM", netbsd.SYS___clock_gettime50, args{init, room(16)}, netbsd.EPERM, nil, nil},
			{"clock_getres1: EINVAL for its resolution", netbsd.SYS___clock_getres50, args{init, 0}, netbsd.EINVAL, nil, nil},
			{"EPERM to sleep by it", netbsd.SYS_clock_nanosleep, args{init, 0, timespec(0, 1), 0}, 0, int(netbsd.EPERM), nil},
			{"one's own", netbsd.SYS___clock_gettime50, args{itself, room(16)}, 0, nil, nil},
		})
	})
}

// nanosleep1: a time that is far longer than a clock of processor time will ever show has not passed at once.
func TestSleepLongByProcessorTime(t *testing.T) {
	newRig(t).run(func(p *player) {
		sleeps := func(c *player) {
			c.play([]row{{"EINTR", netbsd.SYS_clock_nanosleep, args{netbsd.CLOCK_THREAD_CPUTIME_ID, 0, timespec(1<<63-1, 0), 0}, 0, int(netbsd.EINTR), nil}})
		}
		p.sleeper(sleeps, func(pid uint64) { p.ok(netbsd.SYS_kill, pid, netbsd.SIGKILL) })
	})
}

// Calls of release 10 that are otherwise in 11: dotimer_settime hands on what itimespecfix says, and sbrk(2) and sstk(2) are there (kern_time.c and
// syscalls.master of it).
func TestOldTimesAndBreaks(t *testing.T) {
	newRigOf(t, kern.Release10).run(func(p *player) {
		p.play([]row{
			{"timer_create(2)", netbsd.SYS_timer_create, args{0, 0, room(4)}, 0, out{2, words(4)}, nil},
			{"itimespecfix: ETIMEDOUT for a time that has been", netbsd.SYS___timer_settime50, args{4, 0, itimer(0, 0, -1, 0), 0}, netbsd.ETIMEDOUT, nil, nil},
			{"itimespecfix: EINVAL for its nanoseconds comes first", netbsd.SYS___timer_settime50, args{4, 0, itimer(-1, 0, 0, 1e9), 0}, netbsd.EINVAL, nil, nil},
			{"sys_sstk: ENOSYS alone", netbsd.SYS_sstk, args{0}, netbsd.ENOSYS, nil, nil},
		})
	})
}
