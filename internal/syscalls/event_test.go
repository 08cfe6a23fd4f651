package syscalls

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"toaster/netbsd"
)

func kev(ev netbsd.Kevent) []byte { return encoded(netbsd.SizeofKevent, ev.Encode) }

// pollfd is a struct pollfd.
func pollfd(fd int32, events, revents uint16) []byte {
	return append(words(uint32(fd)), byte(events), byte(events>>8), byte(revents), byte(revents>>8))
}

// kfilter is a struct kfilter_mapping.
func kfilter(name any, n uint64, filter uint32) func(p *player) uint64 {
	return func(p *player) uint64 { return p.mem.put(append(longs(p.arg(name), n), words(filter, 0)...)) }
}

// named wants what the name of a struct kfilter_mapping points to now.
func named(want string) func(r *result) string {
	return func(r *result) string {
		b := make([]byte, len(want))
		if errno := r.p.mem.Read(le.Uint64(r.mem(2, 8)), b); errno != 0 || string(b) != want {
			return fmt.Sprintf("%q, %s", b, errnoName(errno))
		}
		return ""
	}
}

// numbered wants the filter of a struct kfilter_mapping to be this.
func numbered(want uint32) func(r *result) string {
	return func(r *result) string {
		if n := le.Uint32(r.mem(2, 24)[16:]); n != want {
			return fmt.Sprintf("filter %d, want %d", n, want)
		}
		return ""
	}
}

func TestEvent(t *testing.T) {
	const in, writable, nval = netbsd.POLLIN, netbsd.POLLOUT, netbsd.POLLNVAL
	no := timespec(0, 0)
	readable := netbsd.Kevent{Ident: 0, Filter: netbsd.EVFILT_READ, Flags: netbsd.EV_ADD, Udata: 0x77}
	stages(t, map[string][]row{
		"poll": {
			{"pipe(2)", netbsd.SYS_pipe, nil, 0, pair{0, 1}, nil},
			{"poll(2): nothing", netbsd.SYS_poll, args{pollfd(0, in, 9), 1, 0}, 0, out{0, pollfd(0, in, 0)}, nil},
			{"poll(2): 0 after the time", netbsd.SYS_poll, args{pollfd(0, in, 9), 1, 1}, 0, 0, nil},
			{"poll(2): writable", netbsd.SYS_poll, args{append(pollfd(0, in, 0), pollfd(1, writable, 0)...), 2, -1}, 0, 1, nil},
			{"poll(2): POLLNVAL", netbsd.SYS_poll, args{pollfd(9, in, 0), 1, 0}, 0, out{0, pollfd(9, in, nval)}, nil},
			{"poll(2): a negative descriptor is passed over", netbsd.SYS_poll, args{pollfd(-1, in, 9), 1, 0}, 0, out{0, pollfd(-1, in, 0)}, nil},
			{"poll(2): EFAULT", netbsd.SYS_poll, args{bad, 1, 0}, netbsd.EFAULT, nil, nil},
			{"poll(2): EINVAL for more than there can be descriptors", netbsd.SYS_poll, args{pollfd(0, in, 0), 1 << 30, 0}, netbsd.EINVAL, nil, nil},
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, longs(4, 2000)}, 0, nil, nil},
			{"pollcommon: the hard limit counts, and 1000", netbsd.SYS_poll, args{bytes.Repeat(pollfd(-1, in, 0), 3000), 3000, 0}, 0, 0, nil},
			{"pollcommon: EINVAL for more", netbsd.SYS_poll, args{bad, 3001, 0}, netbsd.EINVAL, nil, nil},
			{"sys_poll, inittimeleft: EINVAL for a time below INFTIM", netbsd.SYS_poll, args{pollfd(0, in, 0), 1, -2}, netbsd.EINVAL, nil, nil},
			{"pollts(2): EINVAL for nanoseconds", netbsd.SYS___pollts50, args{pollfd(0, in, 0), 1, timespec(0, 1e9), 0}, netbsd.EINVAL, nil, nil},
			{"pollts(2): EFAULT for the mask", netbsd.SYS___pollts50, args{pollfd(0, in, 0), 1, no, bad}, netbsd.EFAULT, nil, nil},
			{"pollts(2): EFAULT for the mask, before EINVAL", netbsd.SYS___pollts50, args{pollfd(0, in, 0), 1, timespec(0, 1e9), bad}, netbsd.EFAULT, nil, nil},
			{"pollcommon: EFAULT for what is polled, before EINVAL for the time", netbsd.SYS___pollts50, args{bad, 1, timespec(0, 1e9), 0}, netbsd.EFAULT, nil, nil},
			{"pollcommon: and by poll(2)", netbsd.SYS_poll, args{bad, 1, -2}, netbsd.EFAULT, nil, nil},
			{"pollts(2)", netbsd.SYS___pollts50, args{pollfd(1, writable, 0), 1, 0, sigset()}, 0, out{0, pollfd(1, writable, writable)}, nil},
		},
		// fo_poll may say what it was not asked, and selscan sets the bit of whatever it says.
		"selscan": {
			{"pipe(2)", netbsd.SYS_pipe, nil, 0, pair{0, 1}, nil},
			{"close(2)", netbsd.SYS_close, args{1}, 0, nil, nil},
			{"pipe_poll: POLLHUP, in each set", netbsd.SYS___select50, args{1, words(1), words(1), words(1), longs(0, 0)}, 0, 3, nil},
			{"of what is out of band alone, too", netbsd.SYS___select50, args{1, 0, 0, words(1), 0}, 0, out{3, words(1)}, nil},
			{"socketpair(2)", netbsd.SYS_socketpair, args{netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0, room(8)}, 0, out{3, words(1, 2)}, nil},
			{"close(2)", netbsd.SYS_close, args{2}, 0, nil, nil},
			{"sodopoll: none", netbsd.SYS___select50, args{2, words(2), words(2), words(2), longs(0, 0)}, 0, 2, nil},
		},
		"select": {
			{"pipe(2)", netbsd.SYS_pipe, nil, 0, pair{0, 1}, nil},
			{"select(2): nothing", netbsd.SYS___select50, args{2, words(1), 0, 0, longs(0, 0)}, 0, out{1, words(0)}, nil},
			{"select(2): the bits that are set", netbsd.SYS___select50, args{2, words(1), words(2), 0, 0}, 0, 1, nil},
			{"select(2): they are left", netbsd.SYS___select50, args{2, 0, words(2), 0, 0}, 0, out{2, words(2)}, nil},
			{"select(2): EINVAL for a negative count", netbsd.SYS___select50, args{-1, 0, 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"select(2): EINVAL for microseconds", netbsd.SYS___select50, args{2, 0, 0, 0, longs(0, 1e6)}, netbsd.EINVAL, nil, nil},
			{"sys___select50: EINVAL for them, before EFAULT", netbsd.SYS___select50, args{2, bad, 0, 0, longs(0, 1e6)}, netbsd.EINVAL, nil, nil},
			{"sel_do_scan: EINVAL for seconds", netbsd.SYS___select50, args{2, 0, 0, 0, longs(^uint64(0), 0)}, netbsd.EINVAL, nil, nil},
			{"select(2): EFAULT for a set", netbsd.SYS___select50, args{2, bad, 0, 0, longs(0, 0)}, netbsd.EFAULT, nil, nil},
			{"select(2): EFAULT for the time", netbsd.SYS___select50, args{2, 0, 0, 0, bad}, netbsd.EFAULT, nil, nil},
			{"open(2) makes 2 the highest", netbsd.SYS_dup2, args{0, 5}, 0, nil, nil},
			{"selcommon: EBADF for a bit beyond all descriptors", netbsd.SYS___select50, args{64, words(0, 1<<31), 0, 0, longs(0, 0)}, netbsd.EBADF, nil, nil},
			{"selcommon: room for more is harmless", netbsd.SYS___select50, args{64, words(0, 0), words(2, 0), 0, longs(0, 0)}, 0, 1, nil},
			{"selcommon: EINVAL for an absurd count", netbsd.SYS___select50, args{1 << 20, 0, 0, 0, longs(0, 0)}, netbsd.EINVAL, nil, nil},
			{"select(2): EBADF", netbsd.SYS___select50, args{4, words(8), 0, 0, longs(0, 0)}, netbsd.EBADF, nil, nil},
			{"pselect(2): EINVAL for nanoseconds", netbsd.SYS___pselect50, args{2, 0, 0, 0, timespec(0, -1), 0}, netbsd.EINVAL, nil, nil},
			{"pselect(2): EFAULT for the mask, before EINVAL", netbsd.SYS___pselect50, args{2, 0, 0, 0, timespec(0, -1), bad}, netbsd.EFAULT, nil, nil},
			{"selcommon: EFAULT for a set, before EINVAL for the time", netbsd.SYS___pselect50, args{2, bad, 0, 0, timespec(0, -1), 0}, netbsd.EFAULT, nil, nil},
			{"selcommon: and by select(2)", netbsd.SYS___select50, args{2, 0, bad, 0, longs(1<<64-1, 0)}, netbsd.EFAULT, nil, nil},
			{"sys___select50: EINVAL for microseconds, before that", netbsd.SYS___select50, args{2, 0, bad, 0, longs(0, 1e6)}, netbsd.EINVAL, nil, nil},
			{"selscan: EINVAL for the time, before EBADF", netbsd.SYS___select50, args{4, words(8), 0, 0, longs(1<<64-1, 0)}, netbsd.EINVAL, nil, nil},
			{"selscan: EINVAL for the time, before EBADF", netbsd.SYS___select50, args{4, words(8), 0, 0, longs(0, 1e6)}, netbsd.EINVAL, nil, nil},
			{"pselect(2)", netbsd.SYS___pselect50, args{2, words(1), 0, 0, no, sigset()}, 0, 0, nil},
		},
		"select of what has ended": {
			{"mkfifo(2)", netbsd.SYS_mkfifo, args{"fifo", 0o600}, 0, 0, nil},
			{"open(2): a reader", netbsd.SYS_open, args{"fifo", netbsd.O_RDONLY | netbsd.O_NONBLOCK, 0}, 0, 0, nil},
			{"open(2): a writer", netbsd.SYS_open, args{"fifo", netbsd.O_WRONLY | netbsd.O_NONBLOCK, 0}, 0, 1, nil},
			{"fifo_poll: a reader has room", netbsd.SYS___select50, args{1, 0, words(1), 0, longs(0, 0)}, 0, 1, nil},
			{"close(2)", netbsd.SYS_close, args{1}, 0, 0, nil},
			{"sel_flag: POLLHUP counts for who reads", netbsd.SYS___select50, args{1, words(1), 0, 0, longs(0, 0)}, 0, out{1, words(1)}, nil},
			{"sel_flag: and for who writes", netbsd.SYS___select50, args{1, 0, words(1), 0, longs(0, 0)}, 0, out{2, words(1)}, nil},
			{"selscan: a bit for each", netbsd.SYS___select50, args{1, words(1), words(1), words(1), longs(0, 0)}, 0, 3, nil},
			{"fifo_poll: and for the third set, unasked", netbsd.SYS___select50, args{1, 0, 0, words(1), longs(0, 0)}, 0, out{3, words(1)}, nil},
			{"poll(2): POLLHUP beside what was asked for", netbsd.SYS_poll, args{pollfd(0, writable, 0), 1, 0}, 0, out{0, pollfd(0, writable, netbsd.POLLHUP)}, nil},
		},
		"filters by name": {
			{"kqueue(2)", netbsd.SYS_kqueue, nil, 0, 0, nil},
			{"pipe(2)", netbsd.SYS_pipe, nil, 0, pair{1, 2}, nil},
			{"kqueue(2): KFILTER_BYNAME", netbsd.SYS_ioctl, args{0, netbsd.KFILTER_BYNAME, kfilter("EVFILT_TIMER", 0, 99)}, 0, numbered(6), nil},
			{"kfilter_byname: one that nobody serves, too", netbsd.SYS_ioctl, args{0, netbsd.KFILTER_BYNAME, kfilter("EVFILT_AIO", 0, 99)}, 0, numbered(2), nil},
			{"kqueue_ioctl: ENOENT for a name", netbsd.SYS_ioctl, args{0, netbsd.KFILTER_BYNAME, kfilter("EVFILT_", 0, 0)}, netbsd.ENOENT, nil, nil},
			{"kqueue_ioctl: EFAULT for a name", netbsd.SYS_ioctl, args{0, netbsd.KFILTER_BYNAME, kfilter(bad, 0, 0)}, netbsd.EFAULT, nil, nil},
			{"kqueue_ioctl: ENAMETOOLONG", netbsd.SYS_ioctl, args{0, netbsd.KFILTER_BYNAME, kfilter(strings.Repeat("x", 256), 0, 0)}, netbsd.ENAMETOOLONG, nil, nil},
			{"kqueue(2): KFILTER_BYFILTER", netbsd.SYS_ioctl, args{0, netbsd.KFILTER_BYFILTER, kfilter(room(40), 40, netbsd.EVFILT_USER)}, 0, named("EVFILT_USER\x00\xa5"), nil},
			{"copyoutstr: ENAMETOOLONG, and what fits", netbsd.SYS_ioctl, args{0, netbsd.KFILTER_BYFILTER, kfilter(room(40), 11, netbsd.EVFILT_READ)}, netbsd.ENAMETOOLONG, named("EVFILT_READ\xa5"), nil},
			{"kqueue_ioctl: ENOENT for a filter", netbsd.SYS_ioctl, args{0, netbsd.KFILTER_BYFILTER, kfilter(room(40), 40, 10)}, netbsd.ENOENT, nil, nil},
			{"kqueue_ioctl: EFAULT", netbsd.SYS_ioctl, args{0, netbsd.KFILTER_BYFILTER, kfilter(bad, 40, 0)}, netbsd.EFAULT, nil, nil},
			{"ioctl(2): ENOTTY for what is no kqueue", netbsd.SYS_ioctl, args{1, netbsd.KFILTER_BYNAME, kfilter("EVFILT_READ", 0, 0)}, netbsd.ENOTTY, nil, nil},
		},
		"kqueue": {
			{"pipe(2)", netbsd.SYS_pipe, nil, 0, pair{0, 1}, nil},
			{"kqueue(2)", netbsd.SYS_kqueue, nil, 0, 2, nil},
			{"kqueue1 of kern_event.c: no flag is refused", netbsd.SYS_kqueue1, args{netbsd.O_CLOEXEC | 1<<30}, 0, 3, nil},
			{"fcntl(2): close-on-exec", netbsd.SYS_fcntl, args{3, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOEXEC, nil},
			{"kevent(2): EBADF for what is no kqueue", netbsd.SYS___kevent50, args{0, 0, 0, 0, 0, no}, netbsd.EBADF, nil, nil},
			{"kevent(2): EFAULT for the changes", netbsd.SYS___kevent50, args{2, bad, 1, 0, 0, no}, netbsd.EFAULT, nil, nil},
			{"kevent(2): EINVAL for nanoseconds", netbsd.SYS___kevent50, args{2, 0, 0, room(40), 1, timespec(0, 1e9)}, netbsd.EINVAL, nil, nil},
			{"kqueue_scan: which are not looked at without room for events", netbsd.SYS___kevent50, args{2, 0, 0, 0, 0, timespec(0, 1e9)}, 0, 0, nil},
			{"kevent1: nor before the changes", netbsd.SYS___kevent50, args{2, kev(netbsd.Kevent{Filter: netbsd.EVFILT_READ, Flags: netbsd.EV_DELETE}), 1, 0, 0, timespec(0, 1e9)}, netbsd.ENOENT, nil, nil},
			{"kqueue_fcntl: ENOTTY for a command of a file system's", netbsd.SYS_fcntl, args{2, int64(-1 << 31), 0}, netbsd.ENOTTY, nil, nil},
			{"kqueue_fcntl: ENOTTY for its path", netbsd.SYS_fcntl, args{2, netbsd.F_GETPATH, room(1024)}, netbsd.ENOTTY, nil, nil},
			{"kqueue_fpathconf: EINVAL", netbsd.SYS_fpathconf, args{2, netbsd.PC_PIPE_BUF}, netbsd.EINVAL, nil, nil},
			{"do_posix_fadvise: EOPNOTSUPP", netbsd.SYS___posix_fadvise50, args{2, 0, 0, 0, 0}, 0, int(netbsd.EOPNOTSUPP), nil},
			{"sys_fcntl: F_SETNOSIGPIPE does not ask kqueue_fcntl", netbsd.SYS_fcntl, args{2, netbsd.F_SETNOSIGPIPE, 1}, 0, 0, nil},
			{"fcntl(2): F_GETNOSIGPIPE", netbsd.SYS_fcntl, args{2, netbsd.F_GETNOSIGPIPE, 0}, 0, 1, nil},
			{"fcntl(2): F_SETNOSIGPIPE", netbsd.SYS_fcntl, args{2, netbsd.F_SETNOSIGPIPE, 0}, 0, 0, nil},
			{"fd_dup2: O_NONBLOCK is set whatever kqueue_fcntl says", netbsd.SYS_dup3, args{2, 4, netbsd.O_NONBLOCK}, 0, 4, nil},
			{"fcntl(2): F_GETFL", netbsd.SYS_fcntl, args{2, netbsd.F_GETFL, 0}, 0, netbsd.O_RDWR | netbsd.O_NONBLOCK, nil},
			{"sys_ioctl: kqueue_ioctl is asked when it is cleared", netbsd.SYS_ioctl, args{2, uint64(netbsd.FIONBIO), words(0)}, netbsd.ENOTTY, nil, nil},
			{"fcntl(2): F_GETFL", netbsd.SYS_fcntl, args{2, netbsd.F_GETFL, 0}, 0, netbsd.O_RDWR, nil},
			{"kqueue_fcntl: ENOTTY", netbsd.SYS_fcntl, args{2, netbsd.F_SETFL, netbsd.O_NONBLOCK}, netbsd.ENOTTY, nil, nil},
			{"kevent(2): ENOENT for what is not there", netbsd.SYS___kevent50, args{2, kev(netbsd.Kevent{Filter: netbsd.EVFILT_READ, Flags: netbsd.EV_DELETE}), 1, 0, 0, no}, netbsd.ENOENT, nil, nil},
			{"kevent(2): EBADF for a descriptor, in the event list", netbsd.SYS___kevent50, args{2, kev(netbsd.Kevent{Ident: 9, Filter: netbsd.EVFILT_READ, Flags: netbsd.EV_ADD}), 1, room(40), 1, no}, 0, func(r *result) string {
				if ev := netbsd.DecodeKevent(r.mem(3, netbsd.SizeofKevent)); r.ret[0] != 1 || ev.Flags != netbsd.EV_ERROR || ev.Data != int64(netbsd.EBADF) {
					return fmt.Sprintf("%d: %+v", r.ret[0], ev)
				}
				return ""
			}, nil},
			{"kqueue_register: a new knote keeps the flags", netbsd.SYS___kevent50, args{2, kev(netbsd.Kevent{Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD | netbsd.EV_RECEIPT, Fflags: 7, Data: 9}), 1, room(40), 1, no}, 0, func(r *result) string {
				want := netbsd.Kevent{Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ERROR}
				if ev := netbsd.DecodeKevent(r.mem(3, netbsd.SizeofKevent)); r.ret[0] != 1 || ev != want {
					return fmt.Sprintf("%d: %+v", r.ret[0], ev)
				}
				return ""
			}, nil},
			{"kevent(2): EINVAL for a filter", netbsd.SYS___kevent50, args{2, kev(netbsd.Kevent{Filter: 99, Flags: netbsd.EV_ADD}), 1, 0, 0, no}, netbsd.EINVAL, nil, nil},
			{"kevent(2): EV_ADD", netbsd.SYS___kevent50, args{2, kev(readable), 1, 0, 0, no}, 0, 0, nil},
			{"kevent(2): nothing", netbsd.SYS___kevent50, args{2, 0, 0, room(40), 1, no}, 0, 0, nil},
			{"write(2)", netbsd.SYS_write, args{1, "abc", 3}, 0, 3, nil},
			{"kevent(2): what can be read", netbsd.SYS___kevent50, args{2, 0, 0, room(80), 2, 0}, 0, func(r *result) string {
				if ev := netbsd.DecodeKevent(r.mem(3, netbsd.SizeofKevent)); r.ret[0] != 1 || ev.Filter != netbsd.EVFILT_READ || ev.Data != 3 || ev.Udata != 0x77 {
					return fmt.Sprintf("%d: %+v", r.ret[0], ev)
				}
				return ""
			}, nil},
			{"kevent(2): EFAULT for the events", netbsd.SYS___kevent50, args{2, 0, 0, bad, 1, no}, netbsd.EFAULT, nil, nil},
		},
	})
}
