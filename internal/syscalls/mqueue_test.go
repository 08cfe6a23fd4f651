package syscalls

import (
	"fmt"
	"testing"
	"time"

	"toaster/internal/mqueue"
	"toaster/netbsd"
)

// Tests of POSIX message queues, by kern/sys_mqueue.c. A process of the rig has no descriptors,
// so that the first queue is 0.

const mqCreate = netbsd.O_CREAT | netbsd.O_RDWR

// mqAttr is struct mq_attr.
func mqAttr(flags, maxmsg, msgsize uint64) []byte { return longs(flags, maxmsg, msgsize, 99) }

// hasAttr wants struct mq_attr at argument i, without the flags that mq_open(3) was given.
func hasAttr(i int, flags, maxmsg, msgsize, curmsgs int64) func(r *result) string {
	return func(r *result) string {
		a := netbsd.DecodeMqAttr(r.mem(i, netbsd.SizeofMqAttr))
		a.Flags &^= mqCreate
		if want := (netbsd.MqAttr{Flags: flags, Maxmsg: maxmsg, Msgsize: msgsize, Curmsgs: curmsgs}); a != want {
			return fmt.Sprintf("%+v, want %+v", a, want)
		}
		return ""
	}
}

// timeOfDay is a struct timespec of CLOCK_REALTIME, that far from now.
func timeOfDay(d time.Duration) []byte {
	b := make([]byte, netbsd.SizeofTimespec)
	netbsd.TimespecAt(time.Now().Add(d)).Encode(b)
	return b
}

// received wants a message of n bytes that begins with body, and its priority.
func received(body string, prio uint32) func(r *result) string {
	return func(r *result) string {
		if b, p := r.mem(1, len(body)), le.Uint32(r.mem(3, 4)); string(b) != body || p != prio || r.ret[0] != uint64(len(body)) {
			return fmt.Sprintf("%d bytes, %q, of priority %d; want %q, %d", r.ret[0], b, p, body, prio)
		}
		return ""
	}
}

func TestMessageQueues(t *testing.T) {
	open, send, receive := netbsd.SYS_mq_open, netbsd.SYS_mq_send, netbsd.SYS_mq_receive
	long := make([]byte, mqueue.NameMax)
	for i := range long {
		long[i] = 'n'
	}
	full := []row{{"mq_open(3)", open, args{"/q", mqCreate, 0o600, mqAttr(0, 1, 8)}, 0, 0, nil}}
	full = append(full,
		row{"mq_send(3)", send, args{0, "x", 1, 0}, 0, nil, nil},
		row{"ETIMEDOUT: it has passed", netbsd.SYS___mq_timedsend50, args{0, "x", 1, 0, longs(1, 0)}, netbsd.ETIMEDOUT, nil, nil},
		row{"EINVAL: not a time", netbsd.SYS___mq_timedsend50, args{0, "x", 1, 0, longs(1, 1e9)}, netbsd.EINVAL, nil, nil},
		row{"ETIMEDOUT", netbsd.SYS___mq_timedsend50, args{0, "x", 1, 0, timeOfDay(time.Millisecond)}, netbsd.ETIMEDOUT, nil, nil},
		row{"ETIMEDOUT: struct timespec50", netbsd.SYS_compat_50_mq_timedsend, args{0, "x", 1, 0, longs(0xffffffff_00000001, 0)}, netbsd.ETIMEDOUT, nil, nil},
		row{"O_NONBLOCK for all users", netbsd.SYS_mq_setattr, args{0, mqAttr(netbsd.O_NONBLOCK, 7, 7), room(32)}, 0, hasAttr(2, 0, 1, 8, 1), nil},
		row{"EAGAIN", send, args{0, "x", 1, 0}, netbsd.EAGAIN, nil, nil},
		row{"only O_NONBLOCK was set", netbsd.SYS_mq_getattr, args{0, room(32)}, 0, hasAttr(1, netbsd.O_NONBLOCK, 1, 8, 1), nil},
		row{"EFAULT after the change", netbsd.SYS_mq_setattr, args{0, mqAttr(0, 0, 0), bad}, netbsd.EFAULT, nil, nil},
		row{"it has changed", netbsd.SYS_mq_getattr, args{0, room(32)}, 0, hasAttr(1, 0, 1, 8, 1), nil},
		row{"mq_receive(3)", receive, args{0, room(8), 8, room(4)}, 0, received("x", 0), nil},
		row{"ETIMEDOUT", netbsd.SYS___mq_timedreceive50, args{0, room(8), 8, 0, timeOfDay(time.Millisecond)}, netbsd.ETIMEDOUT, nil, nil},
		row{"EFAULT: the time", netbsd.SYS___mq_timedreceive50, args{0, room(8), 8, 0, bad}, netbsd.EFAULT, nil, nil},
		row{"ETIMEDOUT: struct timespec50", netbsd.SYS_compat_50_mq_timedreceive, args{0, room(8), 8, 0, longs(1, 0)}, netbsd.ETIMEDOUT, nil, nil},
	)
	stages(t, map[string][]row{
		"full": full,
		"descriptors": {
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, longs(0, 0)}, 0, nil, nil},
			{"mq_handle_open: EMFILE, before a queue is made", open, args{"/q", mqCreate, 0o600, 0}, netbsd.EMFILE, nil, nil},
			{"mq_unlink(3): ENOENT", netbsd.SYS_mq_unlink, args{"/q"}, netbsd.ENOENT, nil, nil},
		},
		"mq_open": {
			{"ENOENT", open, args{"/q", netbsd.O_RDWR, 0, 0}, netbsd.ENOENT, nil, nil},
			{"EFAULT: the name", open, args{bad, netbsd.O_RDWR, 0, 0}, netbsd.EFAULT, nil, nil},
			{"sys_mq_open: EINVAL for O_EXEC, before that", open, args{bad, netbsd.O_EXEC, 0, 0}, netbsd.EINVAL, nil, nil},
			{"EFAULT: attributes", open, args{"/q", mqCreate, 0, bad}, netbsd.EFAULT, nil, nil},
			{"ENAMETOOLONG", open, args{append(long, 0), mqCreate, 0o600, 0}, netbsd.ENAMETOOLONG, nil, nil},
			{"EINVAL: no name", open, args{"", mqCreate, 0o600, 0}, netbsd.EINVAL, nil, nil},
			{"EINVAL: no messages", open, args{"/q", mqCreate, 0o600, mqAttr(0, 0, 1)}, netbsd.EINVAL, nil, nil},
			{"EINVAL: more than mq_max_maxmsg", open, args{"/q", mqCreate, 0o600, mqAttr(0, mqueue.MaxMaxmsg+1, 1)}, netbsd.EINVAL, nil, nil},
			{"EINVAL: more than mq_max_msgsize", open, args{"/q", mqCreate, 0o600, mqAttr(0, 1, mqueue.MaxMsgsize+1)}, netbsd.EINVAL, nil, nil},
			{"mq_open(3)", open, args{"/q", mqCreate, 0o600, 0}, 0, 0, nil},
			{"the defaults", netbsd.SYS_mq_getattr, args{0, room(32)}, 0, hasAttr(1, 0, mqueue.DefMaxmsg, 992, 0), nil},
			{"EEXIST", open, args{"/q", mqCreate | netbsd.O_EXCL, 0o600, 0}, netbsd.EEXIST, nil, nil},
			{"another one of the same", open, args{"/q", netbsd.O_RDONLY, 0, bad}, 0, 1, nil},
			{"EBADF: not for writing", send, args{1, "x", 1, 0}, netbsd.EBADF, nil, nil},
			{"EBADF", netbsd.SYS_mq_getattr, args{7, room(32)}, netbsd.EBADF, nil, nil},
			{"pipe(2)", netbsd.SYS_pipe, nil, 0, nil, nil},
			{"EBADF: no queue", netbsd.SYS_mq_getattr, args{2, room(32)}, netbsd.EBADF, nil, nil},
			{"fbadop_read", netbsd.SYS_read, args{0, room(8), 8}, netbsd.EOPNOTSUPP, nil, nil},
			{"mq_close(3)", netbsd.SYS_mq_close, args{1}, 0, nil, nil},
			{"mq_close(3): EBADF", netbsd.SYS_mq_close, args{1}, netbsd.EBADF, nil, nil},
			{"mq_unlink(3)", netbsd.SYS_mq_unlink, args{"/q"}, 0, nil, nil},
			{"mq_unlink(3): ENOENT", netbsd.SYS_mq_unlink, args{"/q"}, netbsd.ENOENT, nil, nil},
			{"mq_unlink(3): EFAULT", netbsd.SYS_mq_unlink, args{bad}, netbsd.EFAULT, nil, nil},
			{"MQ_UNLINKED", netbsd.SYS_mq_getattr, args{0, room(32)}, 0, hasAttr(1, netbsd.MQ_UNLINKED, mqueue.DefMaxmsg, 992, 0), nil},
			{"it still works", send, args{0, "x", 1, 0}, 0, nil, nil},
			{"another one of that name", open, args{"/q", mqCreate | netbsd.O_EXCL, 0o600, 0}, 0, 1, nil},
		},
		"messages": {
			{"mq_open(3)", open, args{"/q", mqCreate, 0o600, mqAttr(0, 4, 16)}, 0, 0, nil},
			{"EINVAL: priority", send, args{0, "x", 1, mqueue.PrioMax}, netbsd.EINVAL, nil, nil},
			{"EMSGSIZE", send, args{0, make([]byte, 17), 17, 0}, netbsd.EMSGSIZE, nil, nil},
			{"EMSGSIZE: none", send, args{0, "x", 0, 0}, netbsd.EMSGSIZE, nil, nil},
			{"EMSGSIZE before EFAULT", send, args{0, bad, uint64(1) << 63, 0}, netbsd.EMSGSIZE, nil, nil},
			{"EFAULT before EBADF", send, args{9, bad, 1, 0}, netbsd.EFAULT, nil, nil},
			{"low", send, args{0, "low", 3, 1}, 0, nil, nil},
			{"high", send, args{0, "high", 4, 31}, 0, nil, nil},
			{"low again", send, args{0, "low2", 4, 1}, 0, nil, nil},
			{"EMSGSIZE: room for less than mq_msgsize", receive, args{0, room(15), 15, 0}, netbsd.EMSGSIZE, nil, nil},
			{"the highest priority", receive, args{0, room(16), 16, room(4)}, 0, received("high", 31), nil},
			{"the oldest one", receive, args{0, room(16), 16, room(4)}, 0, received("low", 1), nil},
			{"EFAULT", receive, args{0, bad, 16, 0}, netbsd.EFAULT, nil, nil},
			{"the message is lost", netbsd.SYS_mq_getattr, args{0, room(32)}, 0, hasAttr(1, 0, 4, 16, 0), nil},
			{"poll(2): room, and no message", netbsd.SYS_poll, args{longs(0x00000005_00000000), 1, 0}, 0, out{0, longs(0x00040005_00000000)}, nil},
			{"mq_send(3)", send, args{0, "x", 1, 0}, 0, nil, nil},
			{"poll(2): a message", netbsd.SYS_poll, args{longs(0x00000001_00000000), 1, 0}, 0, out{0, longs(0x00010001_00000000)}, nil},
			{"kqueue(2)", netbsd.SYS_kqueue, nil, 0, 1, nil},
			{"fnullop_kqfilter", netbsd.SYS___kevent50, args{1, watched(0, netbsd.EVFILT_READ), 1, room(40), 0, 0}, netbsd.EOPNOTSUPP, nil, nil},
		},
	})
}

// watched is a change list of one that adds a filter.
func watched(fd uint64, filter uint32) []byte {
	return kev(netbsd.Kevent{Ident: fd, Filter: filter, Flags: netbsd.EV_ADD})
}

// mq_open(3): EACCES by the class that the caller belongs to; mq_unlink(3): by the owner.
func TestMessageQueueAccess(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_umask, 0)
		p.ok(netbsd.SYS_mq_open, "/q", mqCreate, 0o604, 0)
		p.play([]row{
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.ok(netbsd.SYS_setgroups, 0, 0)
				c.ok(netbsd.SYS_setgid, 50)
				c.ok(netbsd.SYS_setuid, 100)
				c.play([]row{
					{"others may receive", netbsd.SYS_mq_open, args{"/q", netbsd.O_RDONLY, 0, 0}, 0, 1, nil},
					{"EACCES", netbsd.SYS_mq_open, args{"/q", netbsd.O_RDWR, 0, 0}, netbsd.EACCES, nil, nil},
					{"EACCES: mq_unlink(3)", netbsd.SYS_mq_unlink, args{"/q"}, netbsd.EACCES, nil, nil},
					{"the inherited one sends", netbsd.SYS_mq_send, args{0, "x", 1, 0}, 0, nil, nil},
				})
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"the child's message", netbsd.SYS_mq_receive, args{0, room(1024), 1024, room(4)}, 0, received("x", 0), nil},
		})
	})
}

// mq_notify(3): one signal, SI_MESGQ with the value, for a message that comes into an empty
// queue which nobody waits for. EBUSY while somebody is registered, who need not end it before
// he ends himself.
func TestMessageQueueNotify(t *testing.T) {
	event := func(signo netbsd.Signal) []byte {
		b := make([]byte, netbsd.SizeofSigevent)
		netbsd.Sigevent{Notify: netbsd.SIGEV_SIGNAL, Signo: int32(signo), Value: 77}.Encode(b)
		return b
	}
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_mq_open, "/q", mqCreate, 0o600, 0)
		p.play([]row{
			{"EINVAL", netbsd.SYS_mq_notify, args{0, event(netbsd.NSIG)}, netbsd.EINVAL, nil, nil},
			{"EFAULT", netbsd.SYS_mq_notify, args{0, bad}, netbsd.EFAULT, nil, nil},
			{"a child registers, and ends", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.ok(netbsd.SYS_mq_notify, 0, event(netbsd.SIGUSR1))
				c.play([]row{{"EBUSY", netbsd.SYS_mq_notify, args{0, event(netbsd.SIGUSR1)}, netbsd.EBUSY, nil, nil}})
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"mq_notify(3)", netbsd.SYS_mq_notify, args{0, event(netbsd.SIGUSR1)}, 0, nil, nil},
		})
		set := make([]byte, netbsd.SizeofSigset)
		netbsd.PutSigset(set, netbsd.SIGUSR1.Bit())
		p.ok(netbsd.SYS___sigprocmask14, netbsd.SIG_BLOCK, set, 0)
		p.ok(netbsd.SYS_mq_send, 0, "x", 1, 0)
		p.play([]row{
			{"SI_MESGQ", netbsd.SYS_____sigtimedwait50, args{set, room(128), longs(0, 0)}, 0, func(r *result) string {
				b := r.mem(1, 128)
				if le.Uint32(b) != uint32(netbsd.SIGUSR1) || int32(le.Uint32(b[4:])) != netbsd.SI_MESGQ || le.Uint64(b[24:]) != 77 {
					return fmt.Sprintf("siginfo is %x", b)
				}
				return ""
			}, nil},
			{"mq_receive(3)", netbsd.SYS_mq_receive, args{0, room(1024), 1024, 0}, 0, nil, nil},
			{"mq_send(3)", netbsd.SYS_mq_send, args{0, "x", 1, 0}, 0, nil, nil},
			{"no second signal", netbsd.SYS_____sigtimedwait50, args{set, room(128), longs(0, 0)}, netbsd.EAGAIN, nil, nil},
			{"mq_notify(3)", netbsd.SYS_mq_notify, args{0, event(netbsd.SIGUSR1)}, 0, nil, nil},
			{"mq_notify(3) of nothing", netbsd.SYS_mq_notify, args{0, 0}, 0, nil, nil},
		})
	})
}

// mq_receive(3) sleeps, which mq_getattr(3) tells; a message, a signal, a kill and mq_unlink(3) end
// that.
func TestMessageQueueSleep(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_mq_open, "/q", mqCreate, 0o600, mqAttr(0, 1, 8))
		receives := func(errno netbsd.Errno) func(*player) {
			return func(c *player) {
				c.play([]row{{"mq_receive(3)", netbsd.SYS_mq_receive, args{0, room(8), 8, 0}, errno, nil, nil}})
			}
		}
		waits := func(flags int64) {
			p.play([]row{{"MQ_RECEIVE", netbsd.SYS_mq_getattr, args{0, room(32)}, 0, hasAttr(1, flags, 1, 8, 0), nil}})
		}
		p.sleeper(receives(0), func(uint64) {
			waits(netbsd.MQ_RECEIVE)
			p.ok(netbsd.SYS_mq_send, 0, "x", 1, 0)
		})
		p.sleeper(receives(netbsd.EINTR), func(pid uint64) { p.ok(netbsd.SYS_kill, pid, netbsd.SIGKILL) })
		waits(0)
		p.ok(netbsd.SYS_mq_send, 0, "x", 1, 0)
		p.sleeper(func(c *player) {
			c.play([]row{{"mq_send(3)", netbsd.SYS_mq_send, args{0, "y", 1, 0}, 0, nil, nil}})
		}, func(uint64) { p.ok(netbsd.SYS_mq_receive, 0, room(8), 8, 0) })
		p.ok(netbsd.SYS_mq_receive, 0, room(8), 8, 0)
		p.sleeper(receives(netbsd.EINTR), func(uint64) { p.ok(netbsd.SYS_mq_unlink, "/q") })
	})
}

// kern.mqueue: what sysctl(7) says of it.
func TestMessageQueueSysctl(t *testing.T) {
	newRig(t).run(func(p *player) {
		for i, want := range []uint32{512, 32, 16384, 32, 512} {
			p.play([]row{{"kern.mqueue", netbsd.SYS___sysctl, args{words(1, ctlCreateBase+1, uint32(ctlCreateBase+i)), 3, room(4), longs(4), 0, 0}, 0, out{2, words(want)}, nil}})
		}
	})
}
