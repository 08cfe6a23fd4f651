package syscalls

import (
	"fmt"
	"testing"
	"time"

	"toaster/netbsd"
)

// kevs wants one event that tells data.
func kevs(data int64) func(r *result) string {
	return func(r *result) string {
		if ev := netbsd.DecodeKevent(r.mem(3, netbsd.SizeofKevent)); r.ret[0] != 1 || ev.Data != data {
			return fmt.Sprintf("%d events, %+v; want data %d", r.ret[0], ev, data)
		}
		return ""
	}
}

// eventfd(2), by kern/sys_eventfd.c.
func TestEventfd(t *testing.T) {
	const most = 1<<64 - 2
	stages(t, map[string][]row{
		"eventfd": {
			{"EINVAL", netbsd.SYS_eventfd, args{0, netbsd.O_APPEND}, netbsd.EINVAL, nil, nil},
			{"eventfd(2)", netbsd.SYS_eventfd, args{5, netbsd.EFD_NONBLOCK}, 0, 0, nil},
			{"EINVAL: less than a count", netbsd.SYS_read, args{0, room(7), 7}, netbsd.EINVAL, nil, nil},
			{"poll(2)", netbsd.SYS_poll, args{longs(0x00000005_00000000), 1, 0}, 0, out{0, longs(0x00050005_00000000)}, nil},
			{"all of it", netbsd.SYS_read, args{0, room(16), 16}, 0, out{1, longs(5)}, nil},
			{"EAGAIN", netbsd.SYS_read, args{0, room(8), 8}, netbsd.EAGAIN, nil, nil},
			{"EINVAL: EVENTFD_MAXVAL", netbsd.SYS_write, args{0, longs(most + 1), 8}, netbsd.EINVAL, nil, nil},
			{"EINVAL: less than a count", netbsd.SYS_write, args{0, longs(1), 4}, netbsd.EINVAL, nil, nil},
			{"as much as it holds", netbsd.SYS_write, args{0, longs(most), 8}, 0, 8, nil},
			{"EAGAIN", netbsd.SYS_write, args{0, longs(1), 8}, netbsd.EAGAIN, nil, nil},
			{"nothing", netbsd.SYS_write, args{0, longs(0), 8}, 0, 8, nil},
			{"poll(2): no room", netbsd.SYS_poll, args{longs(0x00000005_00000000), 1, 0}, 0, out{0, longs(0x00010005_00000000)}, nil},
			{"FIONREAD", netbsd.SYS_ioctl, args{0, uint64(netbsd.FIONREAD), room(4)}, 0, out{2, words(8)}, nil},
			{"eventfd_ioctl: ENOTTY for FIONSPACE", netbsd.SYS_ioctl, args{0, uint64(netbsd.FIONSPACE), room(4)}, netbsd.ENOTTY, nil, nil},
		},
		"semaphore": {
			{"eventfd(2)", netbsd.SYS_eventfd, args{3, netbsd.EFD_SEMAPHORE | netbsd.EFD_CLOEXEC}, 0, 0, nil},
			{"FD_CLOEXEC", netbsd.SYS_fcntl, args{0, netbsd.F_GETFD, 0}, 0, 1, nil},
			{"one", netbsd.SYS_read, args{0, room(8), 8}, 0, out{1, longs(1)}, nil},
			{"kqueue(2)", netbsd.SYS_kqueue, nil, 0, 1, nil},
			{"kevent(2): what is left", netbsd.SYS___kevent50, args{1, watched(0, netbsd.EVFILT_READ), 1, room(40), 1, longs(0, 0)}, 0, kevs(2), nil},
		},
	})
}

// A read of an eventfd sleeps; a write, in another process, and a kill end that.
func TestEventfdSleep(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_eventfd, 0, 0)
		reads := func(errno netbsd.Errno) func(*player) {
			return func(c *player) {
				c.play([]row{{"read(2)", netbsd.SYS_read, args{0, room(8), 8}, errno, nil, nil}})
			}
		}
		p.sleeper(reads(0), func(uint64) { p.ok(netbsd.SYS_write, 0, longs(1), 8) })
		p.sleeper(reads(netbsd.EINTR), func(pid uint64) { p.ok(netbsd.SYS_kill, pid, netbsd.SIGKILL) })
	})
}

// itimerspec is the structure: the interval first.
func itimerspec(interval, value time.Duration) []byte {
	b := make([]byte, netbsd.SizeofItimerspec)
	netbsd.Itimerspec{Interval: netbsd.TimespecOf(interval), Value: netbsd.TimespecOf(value)}.Encode(b)
	return b
}

// timerfd_create(2), by kern/sys_timerfd.c.
func TestTimerfd(t *testing.T) {
	set, get := netbsd.SYS_timerfd_settime, netbsd.SYS_timerfd_gettime
	stages(t, map[string][]row{
		"timerfd": {
			{"EINVAL: flags", netbsd.SYS_timerfd_create, args{netbsd.CLOCK_MONOTONIC, netbsd.O_APPEND}, netbsd.EINVAL, nil, nil},
			{"EINVAL: another clock", netbsd.SYS_timerfd_create, args{netbsd.CLOCK_VIRTUAL, 0}, netbsd.EINVAL, nil, nil},
			{"timerfd_create(2)", netbsd.SYS_timerfd_create, args{netbsd.CLOCK_MONOTONIC, netbsd.TFD_NONBLOCK}, 0, 0, nil},
			{"EINVAL: less than a count", netbsd.SYS_read, args{0, room(7), 7}, netbsd.EINVAL, nil, nil},
			{"EAGAIN", netbsd.SYS_read, args{0, room(8), 8}, netbsd.EAGAIN, nil, nil},
			{"EBADF: it is read from", netbsd.SYS_write, args{0, longs(1), 8}, netbsd.EBADF, nil, nil},
			{"not set", netbsd.SYS_timerfd_gettime, args{0, room(32)}, 0, out{1, itimerspec(0, 0)}, nil},
			{"EFAULT", set, args{0, 0, bad, 0}, netbsd.EFAULT, nil, nil},
			{"EBADF", netbsd.SYS_timerfd_settime, args{9, 0, itimerspec(0, 1), 0}, netbsd.EBADF, nil, nil},
			{"EINVAL: flags", set, args{0, 4, itimerspec(0, 1), 0}, netbsd.EINVAL, nil, nil},
			{"EINVAL: not a time", set, args{0, 0, longs(0, 0, 0, 1e9), 0}, netbsd.EINVAL, nil, nil},
			{"in an hour", set, args{0, 0, itimerspec(time.Minute, time.Hour), room(32)}, 0, out{3, itimerspec(0, 0)}, nil},
			{"an hour, or less", get, args{0, room(32)}, 0, func(r *result) string {
				it := netbsd.DecodeItimerspec(r.mem(1, 32))
				if v := it.Value.Duration(); it.Interval.Duration() != time.Minute || v > time.Hour || v <= 0 {
					return fmt.Sprintf("%+v", it)
				}
				return ""
			}, nil},
			{"TFD_IOC_SET_TICKS: EINVAL", netbsd.SYS_ioctl, args{0, uint64(netbsd.TFD_IOC_SET_TICKS), longs(1 << 31)}, netbsd.EINVAL, nil, nil},
			{"TFD_IOC_SET_TICKS", netbsd.SYS_ioctl, args{0, uint64(netbsd.TFD_IOC_SET_TICKS), longs(3)}, 0, nil, nil},
			{"poll(2)", netbsd.SYS_poll, args{longs(0x00000001_00000000), 1, 0}, 0, out{0, longs(0x00010001_00000000)}, nil},
			{"three", netbsd.SYS_read, args{0, room(8), 8}, 0, out{1, longs(3)}, nil},
			{"long past", set, args{0, netbsd.TFD_TIMER_ABSTIME, itimerspec(0, 1), 0}, 0, nil, nil},
			{"poll(2) waits", netbsd.SYS_poll, args{longs(0x00000001_00000000), 1, -1}, 0, out{0, longs(0x00010001_00000000)}, nil},
			{"timerfd_fop_poll: it cannot be written to", netbsd.SYS_poll, args{longs(0x00000005_00000000), 1, 0}, 0, out{0, longs(0x00010005_00000000)}, nil},
			{"timerfd_fop_ioctl: ENOTTY for FIONSPACE", netbsd.SYS_ioctl, args{0, uint64(netbsd.FIONSPACE), room(4)}, netbsd.ENOTTY, nil, nil},
			{"timerfd_fop_ioctl: FIONREAD", netbsd.SYS_ioctl, args{0, uint64(netbsd.FIONREAD), room(4)}, 0, out{2, words(8)}, nil},
			{"once", netbsd.SYS_read, args{0, room(8), 8}, 0, out{1, longs(1)}, nil},
			{"stopped", get, args{0, room(32)}, 0, out{1, itimerspec(0, 0)}, nil},
			{"kqueue(2)", netbsd.SYS_kqueue, nil, 0, 1, nil},
			{"EINVAL: EVFILT_WRITE", netbsd.SYS___kevent50, args{1, watched(0, netbsd.EVFILT_WRITE), 1, room(40), 0, 0}, netbsd.EINVAL, nil, nil},
			{"EINVAL: no timer", get, args{1, room(32)}, netbsd.EINVAL, nil, nil},
			{"soon", set, args{0, 0, itimerspec(0, time.Millisecond), 0}, 0, nil, nil},
			{"kevent(2) waits", netbsd.SYS___kevent50, args{1, watched(0, netbsd.EVFILT_READ), 1, room(40), 1, 0}, 0, kevs(1), nil},
		},
		"realtime": {
			{"timerfd_create(2)", netbsd.SYS_timerfd_create, args{netbsd.CLOCK_REALTIME, 0}, 0, 0, nil},
			{"a time of day", set, args{0, netbsd.TFD_TIMER_ABSTIME, append(longs(0, 0), timeOfDay(time.Millisecond)...), 0}, 0, nil, nil},
			{"read(2) waits", netbsd.SYS_read, args{0, room(8), 8}, 0, out{1, longs(1)}, nil},
			{"very often", set, args{0, 0, itimerspec(1, 1), 0}, 0, nil, nil},
			{"read(2) counts", netbsd.SYS_read, args{0, room(8), 8}, 0, nil, nil},
			{"and again", netbsd.SYS_read, args{0, room(8), 8}, 0, nil, nil},
			{"longer than a time can be", set, args{0, 0, longs(1<<62, 0, 1<<62, 0), 0}, 0, nil, nil},
			{"EFAULT", get, args{0, bad}, netbsd.EFAULT, nil, nil},
		},
	})
}
