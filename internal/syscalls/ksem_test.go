package syscalls

import (
	"strings"
	"testing"
	"time"

	"toaster/netbsd"
)

// ids are intptr_t, as _ksem_init(2) takes and leaves them. A test of one process has them in order
// of descriptors.
func semOf(id uint64) out { return out{1, longs(id)} }

// soon is a time of CLOCK_REALTIME a moment ahead.
func soon(p *player) uint64 {
	t := time.Now().Add(time.Millisecond)
	return p.mem.put(timespec(t.Unix(), int64(t.Nanosecond())))
}

// posts has another process post the semaphore with descriptor 0.
func posts(p *player) {
	p.ok(netbsd.SYS__ksem_post, 0)
	p.do(netbsd.SYS_exit, 0)
}

func TestKsem(t *testing.T) {
	shared := longs(netbsd.KSEM_PSHARED)
	past := timespec(1, 0)
	stages(t, map[string][]row{
		"unnamed": {
			{"do_ksem_init: EFAULT for the id, which is read", netbsd.SYS__ksem_init, args{1, bad}, netbsd.EFAULT, nil, nil},
			{"_ksem_init(2): a descriptor", netbsd.SYS__ksem_init, args{2, longs(0)}, 0, semOf(0), nil},
			{"_ksem_getvalue(2)", netbsd.SYS__ksem_getvalue, args{0, room(4)}, 0, out{1, words(2)}, nil},
			{"_ksem_getvalue(2): EFAULT", netbsd.SYS__ksem_getvalue, args{0, bad}, netbsd.EFAULT, nil, nil},
			{"_ksem_wait(2)", netbsd.SYS__ksem_wait, args{0}, 0, nil, nil},
			{"_ksem_trywait(2)", netbsd.SYS__ksem_trywait, args{0}, 0, nil, nil},
			{"_ksem_trywait(2): EAGAIN", netbsd.SYS__ksem_trywait, args{0}, netbsd.EAGAIN, nil, nil},
			{"_ksem_timedwait(2): ETIMEDOUT", netbsd.SYS__ksem_timedwait, args{0, past}, netbsd.ETIMEDOUT, nil, nil},
			{"_ksem_timedwait(2): ETIMEDOUT after a sleep", netbsd.SYS__ksem_timedwait, args{0, soon}, netbsd.ETIMEDOUT, nil, nil},
			{"sys__ksem_timedwait: EINVAL for nanoseconds", netbsd.SYS__ksem_timedwait, args{0, timespec(0, 1e9)}, netbsd.EINVAL, nil, nil},
			{"sys__ksem_timedwait: EINVAL for a time before 1970", netbsd.SYS__ksem_timedwait, args{0, timespec(-1, 0)}, netbsd.EINVAL, nil, nil},
			{"_ksem_timedwait(2): EFAULT", netbsd.SYS__ksem_timedwait, args{0, bad}, netbsd.EFAULT, nil, nil},
			{"_ksem_post(2)", netbsd.SYS__ksem_post, args{0}, 0, nil, nil},
			{"do_ksem_wait: a time that is over does not matter where there is no sleep", netbsd.SYS__ksem_timedwait, args{0, past}, 0, nil, nil},
			{"fork(2): the child has it", netbsd.SYS_fork, nil, 0, nil, posts},
			{"_ksem_wait(2): and has posted it", netbsd.SYS__ksem_wait, args{0}, 0, nil, nil},
			{"sys__ksem_close: EINVAL for one without a name", netbsd.SYS__ksem_close, args{0}, netbsd.EINVAL, nil, nil},
			{"ksem_get: EINVAL for no descriptor", netbsd.SYS__ksem_post, args{7}, netbsd.EINVAL, nil, nil},
			{"ksem_get: EINVAL for a number that is no int", netbsd.SYS__ksem_post, args{uint64(1) << 32}, netbsd.EINVAL, nil, nil},
			{"pipe(2)", netbsd.SYS_pipe, nil, 0, pair{1, 2}, nil},
			{"ksem_get: EINVAL for another file", netbsd.SYS__ksem_wait, args{1}, netbsd.EINVAL, nil, nil},
			{"ksem_read_fop: no name", netbsd.SYS_read, args{0, room(4), 4}, 0, 0, nil},
			{"fbadop_write: EOPNOTSUPP", netbsd.SYS_write, args{0, "x", 1}, netbsd.EOPNOTSUPP, nil, nil},
			{"fnullop_poll: never", netbsd.SYS_poll, args{pollfd(0, netbsd.POLLIN|netbsd.POLLOUT, 0), 1, 0}, 0, 0, nil},
			{"sys_fcntl: EOPNOTSUPP, as O_NONBLOCK is fbadop_ioctl's", netbsd.SYS_fcntl, args{0, netbsd.F_SETFL, netbsd.O_NONBLOCK}, netbsd.EOPNOTSUPP, nil, nil},
			{"and it is as it was", netbsd.SYS_fcntl, args{0, netbsd.F_GETFL, 0}, 0, netbsd.O_RDWR, nil},
			{"sys_fcntl: other flags are nobody's", netbsd.SYS_fcntl, args{0, netbsd.F_SETFL, netbsd.O_APPEND}, 0, nil, nil},
			{"sys_ioctl: FIONBIO sets it first", netbsd.SYS_ioctl, args{0, uint64(netbsd.FIONBIO), words(1)}, netbsd.EOPNOTSUPP, nil, nil},
			{"sys_ioctl: and FIOASYNC", netbsd.SYS_ioctl, args{0, uint64(netbsd.FIOASYNC), words(1)}, netbsd.EOPNOTSUPP, nil, nil},
			{"fcntl(2): F_GETFL", netbsd.SYS_fcntl, args{0, netbsd.F_GETFL, 0}, 0, netbsd.O_RDWR | netbsd.O_APPEND | netbsd.O_NONBLOCK | netbsd.O_ASYNC, nil},
			{"kqueue(2)", netbsd.SYS_kqueue, nil, 0, 3, nil},
			{"fnullop_kqfilter: EOPNOTSUPP", netbsd.SYS___kevent50, args{3, kev(netbsd.Kevent{Filter: netbsd.EVFILT_READ, Flags: netbsd.EV_ADD}), 1, 0, 0, 0}, netbsd.EOPNOTSUPP, nil, nil},
			{"_ksem_destroy(2)", netbsd.SYS__ksem_destroy, args{0}, 0, nil, nil},
			{"_ksem_destroy(2): EINVAL for one that is gone", netbsd.SYS__ksem_destroy, args{0}, netbsd.EINVAL, nil, nil},
			{"_ksem_init(2): the largest value", netbsd.SYS__ksem_init, args{uint32(netbsd.SEM_VALUE_MAX), longs(0)}, 0, semOf(0), nil},
			{"_ksem_post(2): EOVERFLOW", netbsd.SYS__ksem_post, args{0}, netbsd.EOVERFLOW, nil, nil},
			{"close(2) is as good as _ksem_destroy(2)", netbsd.SYS_close, args{0}, 0, nil, nil},
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, longs(3, 3)}, 0, nil, nil},
			{"_ksem_init(2)", netbsd.SYS__ksem_init, args{0, longs(0)}, 0, semOf(0), nil},
			{"fd_allocfile: EMFILE", netbsd.SYS__ksem_init, args{0, longs(0)}, netbsd.EMFILE, nil, nil},
			{"do_ksem_open: EMFILE, before one is made", netbsd.SYS__ksem_open, args{"/none", netbsd.O_CREAT, 0o600, 1, room(8)}, netbsd.EMFILE, nil, nil},
			{"ENOENT", netbsd.SYS__ksem_unlink, args{"/none"}, netbsd.ENOENT, nil, nil},
		},
		"named": {
			{"ksem_lookup: ENOENT", netbsd.SYS__ksem_open, args{"/s", 0, 0, 0, room(8)}, netbsd.ENOENT, nil, nil},
			{"ksem_create: EINVAL without a slash", netbsd.SYS__ksem_open, args{"s", netbsd.O_CREAT, 0600, 1, room(8)}, netbsd.EINVAL, nil, nil},
			{"ksem_create: EINVAL with two", netbsd.SYS__ksem_open, args{"/s/t", netbsd.O_CREAT, 0600, 1, room(8)}, netbsd.EINVAL, nil, nil},
			{"ksem_create: EINVAL for no name", netbsd.SYS__ksem_open, args{"/", netbsd.O_CREAT, 0600, 1, room(8)}, netbsd.EINVAL, nil, nil},
			{"name_copyin: ENAMETOOLONG", netbsd.SYS__ksem_open, args{"/" + strings.Repeat("s", 511), netbsd.O_CREAT, 0600, 1, room(8)}, netbsd.ENAMETOOLONG, nil, nil},
			{"_ksem_open(2): EFAULT for the name", netbsd.SYS__ksem_open, args{bad, netbsd.O_CREAT, 0600, 1, room(8)}, netbsd.EFAULT, nil, nil},
			{"_ksem_open(2): EFAULT for the id", netbsd.SYS__ksem_open, args{"/s", netbsd.O_CREAT, 0600, 1, bad}, netbsd.EFAULT, nil, nil},
			{"do_ksem_open: that has made none", netbsd.SYS__ksem_unlink, args{"/s"}, netbsd.ENOENT, nil, nil},
			{"_ksem_open(2)", netbsd.SYS__ksem_open, args{"/s", netbsd.O_CREAT | netbsd.O_EXCL, 0600, 1, room(8)}, 0, out{4, longs(0)}, nil},
			{"_ksem_open(2): EEXIST", netbsd.SYS__ksem_open, args{"/s", netbsd.O_CREAT | netbsd.O_EXCL, 0600, 1, room(8)}, netbsd.EEXIST, nil, nil},
			{"_ksem_open(2): another descriptor of it", netbsd.SYS__ksem_open, args{"/s", netbsd.O_CREAT, 0600, 9, room(8)}, 0, out{4, longs(1)}, nil},
			{"_ksem_wait(2)", netbsd.SYS__ksem_wait, args{0}, 0, nil, nil},
			{"_ksem_getvalue(2): both are the same", netbsd.SYS__ksem_getvalue, args{1, room(4)}, 0, out{1, words(0)}, nil},
			{"ksem_read_fop: the name", netbsd.SYS_read, args{1, room(9), 9}, 0, out{1, []byte("/s\x00\xa5")}, nil},
			{"sys__ksem_destroy: EINVAL for one with a name", netbsd.SYS__ksem_destroy, args{0}, netbsd.EINVAL, nil, nil},
			{"_ksem_close(2)", netbsd.SYS__ksem_close, args{0}, 0, nil, nil},
			{"_ksem_unlink(2)", netbsd.SYS__ksem_unlink, args{"/s"}, 0, nil, nil},
			{"_ksem_unlink(2): ENOENT", netbsd.SYS__ksem_unlink, args{"/s"}, netbsd.ENOENT, nil, nil},
			{"_ksem_unlink(2): EFAULT", netbsd.SYS__ksem_unlink, args{bad}, netbsd.EFAULT, nil, nil},
			{"_ksem_post(2): who has it open keeps it", netbsd.SYS__ksem_post, args{1}, 0, nil, nil},
			{"_ksem_open(2): the name is free", netbsd.SYS__ksem_open, args{"/s", netbsd.O_CREAT | netbsd.O_EXCL, 0600, 5, room(8)}, 0, out{4, longs(0)}, nil},
			{"_ksem_getvalue(2): that is another one", netbsd.SYS__ksem_getvalue, args{0, room(4)}, 0, out{1, words(5)}, nil},
			{"_ksem_close(2)", netbsd.SYS__ksem_close, args{0}, 0, nil, nil},
			{"_ksem_open(2): one that nobody has open is there still", netbsd.SYS__ksem_open, args{"/s", 0, 0, 0, room(8)}, 0, out{4, longs(0)}, nil},
			{"_ksem_getvalue(2)", netbsd.SYS__ksem_getvalue, args{0, room(4)}, 0, out{1, words(5)}, nil},
			{"setuid(2)", netbsd.SYS_setuid, args{100}, 0, nil, nil},
			{"ksem_perm: EACCES", netbsd.SYS__ksem_open, args{"/s", 0, 0, 0, room(8)}, netbsd.EACCES, nil, nil},
			{"sys__ksem_unlink: EACCES", netbsd.SYS__ksem_unlink, args{"/s"}, netbsd.EACCES, nil, nil},
			{"_ksem_open(2): one's own", netbsd.SYS__ksem_open, args{"/t", netbsd.O_CREAT, 0600, 0, room(8)}, 0, out{4, longs(2)}, nil},
			{"_ksem_open(2): and again", netbsd.SYS__ksem_open, args{"/t", 0, 0, 0, room(8)}, 0, out{4, longs(3)}, nil},
			{"_ksem_open(2): one that nobody may write", netbsd.SYS__ksem_open, args{"/u", netbsd.O_CREAT, 0400, 0, room(8)}, 0, out{4, longs(4)}, nil},
			{"ksem_listener_cb: EACCES for the owner, too", netbsd.SYS__ksem_open, args{"/u", 0, 0, 0, room(8)}, netbsd.EACCES, nil, nil},
		},
		"shared": {
			{"do_ksem_init: KSEM_PSHARED", netbsd.SYS__ksem_init, args{1, shared}, 0, func(r *result) string {
				id := le.Uint64(r.mem(1, 8))
				if id&netbsd.KSEM_MARKER_MASK != netbsd.KSEM_PSHARED_MARKER || id>>32 != 0 {
					return "it has no id of all processes"
				}
				r.p.play([]row{
					{"_ksem_wait(2)", netbsd.SYS__ksem_wait, args{id}, 0, nil, nil},
					{"ksem_get: EINVAL for another number of its kind", netbsd.SYS__ksem_wait, args{id ^ 2}, netbsd.EINVAL, nil, nil},
					{"ksem_get: EINVAL for a longer one", netbsd.SYS__ksem_wait, args{id | 1<<32}, netbsd.EINVAL, nil, nil},
					{"_ksem_init(2): another one", netbsd.SYS__ksem_init, args{0, longs(0)}, 0, semOf(1), nil},
					{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(p *player) {
						p.play([]row{
							{"close(2): the descriptor is of no matter", netbsd.SYS_close, args{0}, 0, nil, nil},
							{"sys__ksem_destroy: EINVAL for who did not make it", netbsd.SYS__ksem_destroy, args{id}, netbsd.EINVAL, nil, nil},
							{"_ksem_post(2)", netbsd.SYS__ksem_post, args{id}, 0, nil, nil},
							{"_ksem_post(2)", netbsd.SYS__ksem_post, args{1}, 0, nil, nil},
							{"exit(2)", netbsd.SYS_exit, args{0}, netbsd.EJUSTRETURN, nil, nil},
						})
					}},
					{"_ksem_wait(2): the child is done", netbsd.SYS__ksem_wait, args{1}, 0, nil, nil},
					{"_ksem_wait(2): the child's post", netbsd.SYS__ksem_wait, args{id}, 0, nil, nil},
					{"_ksem_destroy(2)", netbsd.SYS__ksem_destroy, args{id}, 0, nil, nil},
					{"_ksem_post(2): EINVAL once it is gone", netbsd.SYS__ksem_post, args{id}, netbsd.EINVAL, nil, nil},
					{"close(2): EBADF for its descriptor", netbsd.SYS_close, args{0}, netbsd.EBADF, nil, nil},
				})
				return ""
			}, nil},
		},
	})
}

// KSEM_MAX bounds the names of a machine, and does not leak. What has no name is bounded by descriptors alone, and counted for the user
// (chgsemcnt).
func TestKsemLimits(t *testing.T) {
	r := newRig(t)
	r.run(func(p *player) {
		for range 2 {
			for i := range netbsd.KSEM_MAX {
				p.ok(netbsd.SYS__ksem_open, "/"+strings.Repeat("n", i+1), netbsd.O_CREAT, 0600, 0, room(8))
			}
			p.play([]row{
				{"ksem_create: ENFILE", netbsd.SYS__ksem_open, args{"/one-more", netbsd.O_CREAT, 0600, 0, room(8)}, netbsd.ENFILE, nil, nil},
				{"ksem_create: ENFILE, without a name, too", netbsd.SYS__ksem_init, args{0, longs(0)}, netbsd.ENFILE, nil, nil},
			})
			for i := range netbsd.KSEM_MAX {
				p.ok(netbsd.SYS__ksem_unlink, "/"+strings.Repeat("n", i+1))
			}
			p.ok(netbsd.SYS_fcntl, 0, netbsd.F_CLOSEM, 0)
		}
		const many = 300
		for range many {
			p.ok(netbsd.SYS__ksem_init, 0, longs(0))
		}
		p.play([]row{
			{"sysctl_kern_uidinfo_cnt: semcnt", netbsd.SYS___sysctl, args{words(1, ctlCreateBase+19, ctlCreateBase+3), 3, room(8), longs(8), 0, 0}, 0, out{2, longs(many)}, nil},
			{"_ksem_destroy(2)", netbsd.SYS__ksem_destroy, args{9}, 0, nil, nil},
			{"_ksem_init(2): there is room for one", netbsd.SYS__ksem_init, args{0, longs(0)}, 0, semOf(9), nil},
		})
	})
}

// A post lets in one of those who wait.
func TestKsemWaiters(t *testing.T) {
	r := newRig(t)
	start := context(at(0x5000))
	r.run(func(p *player) {
		p.ok(netbsd.SYS__ksem_init, 0, longs(0))
		p.ok(netbsd.SYS__ksem_init, 0, longs(0))
		for range 3 {
			p.cpu.next = func(p *player) {
				p.ok(netbsd.SYS__ksem_post, 1)
				p.ok(netbsd.SYS__ksem_wait, 0)
				p.ok(netbsd.SYS__ksem_post, 1)
				p.do(netbsd.SYS__lwp_exit)
			}
			p.ok(netbsd.SYS__lwp_create, start, netbsd.LWP_DETACHED, room(4))
			p.ok(netbsd.SYS__ksem_wait, 1)
		}
		for range 3 {
			p.ok(netbsd.SYS__ksem_post, 0)
			p.ok(netbsd.SYS__ksem_wait, 1)
		}
		p.play([]row{
			{"_ksem_trywait(2): all posts were taken", netbsd.SYS__ksem_trywait, args{0}, netbsd.EAGAIN, nil, nil},
			{"_ksem_destroy(2): nobody waits", netbsd.SYS__ksem_destroy, args{0}, 0, nil, nil},
		})
	})
}
