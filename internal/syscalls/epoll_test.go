package syscalls

import (
	"fmt"
	"testing"

	"toaster/netbsd"
)

func epollEvent(events uint32, data uint64) []byte {
	return encoded(netbsd.SizeofEpoll, netbsd.EpollEvent{Events: events, Data: data}.Encode)
}

// epolled wants these events of epoll_pwait2.
func epolled(want ...netbsd.EpollEvent) func(r *result) string {
	return func(r *result) string {
		var got []netbsd.EpollEvent
		for i := range int(r.ret[0]) {
			got = append(got, netbsd.DecodeEpollEvent(r.mem(1, netbsd.SizeofEpoll*(i+1))[netbsd.SizeofEpoll*i:]))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Sprintf("%+v, want %+v", got, want)
		}
		return ""
	}
}

// epoll(2), by kern/sys_epoll.c 1.4 and tests/kernel/t_epoll.c of NetBSD 11.
func TestEpoll(t *testing.T) {
	const create, ctl, wait = netbsd.SYS_epoll_create1, netbsd.SYS_epoll_ctl, netbsd.SYS_epoll_pwait2
	const add, del, mod = netbsd.EPOLL_CTL_ADD, netbsd.EPOLL_CTL_DEL, netbsd.EPOLL_CTL_MOD
	const in, writable, edge = netbsd.EPOLLIN, netbsd.EPOLLOUT, netbsd.EPOLLET
	no := longs(0, 0)
	look := func(name string, events ...netbsd.EpollEvent) row {
		return row{"epoll_pwait2: " + name, wait, args{0, room(64), 4, no, 0}, 0, epolled(events...), nil}
	}
	change := func(name string, op, fd int, events uint32, errno netbsd.Errno) row {
		return row{"epoll_ctl: " + name, ctl, args{0, op, fd, epollEvent(events, 0x77)}, errno, nil, nil}
	}
	begin := []row{
		{"epoll_create1", create, args{0}, 0, 0, nil},
		{"pipe(2)", netbsd.SYS_pipe, nil, 0, pair{1, 2}, nil},
	}
	abc := row{"write(2)", netbsd.SYS_write, args{2, "abc", 3}, 0, 3, nil}
	fileStages(t, map[string][]row{
		"create": {
			{"EINVAL", netbsd.SYS_epoll_create1, args{netbsd.O_NONBLOCK}, netbsd.EINVAL, nil, nil},
			{"EPOLL_CLOEXEC", create, args{netbsd.EPOLL_CLOEXEC}, 0, 0, nil},
			{"F_GETFD", netbsd.SYS_fcntl, args{0, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOEXEC, nil},
			{"it is a kqueue", netbsd.SYS___kevent50, args{0, 0, 0, 0, 0, no}, 0, 0, nil},
		},
		"ctl's errors": append(begin,
			row{"sys_epoll_ctl: EFAULT before all else", ctl, args{9, add, 9, bad}, netbsd.EFAULT, nil, nil},
			row{"EBADF: the instance", ctl, args{9, add, 1, epollEvent(in, 0)}, netbsd.EBADF, nil, nil},
			row{"EINVAL: no kqueue", ctl, args{1, add, 9, epollEvent(in, 0)}, netbsd.EINVAL, nil, nil},
			change("EBADF", add, 9, in, netbsd.EBADF),
			change("EBADF for a negative one", add, -1, in, netbsd.EBADF),
			change("EINVAL: itself", add, 0, in, netbsd.EINVAL),
			row{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_RDWR | netbsd.O_CREAT, 0o644}, 0, 3, nil},
			change("EPERM: a regular file", add, 3, in, netbsd.EPERM),
			row{"open(2)", netbsd.SYS_open, args{".", netbsd.O_RDONLY, 0}, 0, 4, nil},
			change("EPERM: a directory", del, 4, in, netbsd.EPERM),
			row{"memfd_create(2)", netbsd.SYS_memfd_create, args{"m", 0}, 0, 5, nil},
			change("EPERM: what no knote can watch", add, 5, in, netbsd.EPERM),
			row{"_ksem_init(2)", netbsd.SYS__ksem_init, args{0, longs(0)}, 0, nil, nil},
			change("ENOENT: a semaphore is no vnode", del, 6, in, netbsd.ENOENT),
			change("EINVAL: EPOLLEXCLUSIVE, which there is not", add, 1, in|1<<28, netbsd.EINVAL),
			change("EINVAL: EPOLLWAKEUP", add, 1, in|netbsd.EPOLLWAKEUP, netbsd.EINVAL),
			change("EINVAL: an operation", 4, 1, in, netbsd.EINVAL),
			change("ENOENT", mod, 1, in, netbsd.ENOENT),
			row{"EPOLL_CTL_DEL: ENOENT; no event is looked at", ctl, args{0, del, 1, bad}, netbsd.ENOENT, nil, nil},
			change("", add, 1, in, 0),
			change("EEXIST", add, 1, writable, netbsd.EEXIST),
			row{"EPOLL_CTL_DEL", ctl, args{0, del, 1, 0}, 0, nil, nil},
			change("", add, 1, 0, 0),
			change("EEXIST: without events it is added, too", add, 1, in, netbsd.EEXIST),
		),
		"wait's errors": append(begin,
			row{"EINVAL before EBADF", wait, args{9, room(16), 0, bad, 0}, netbsd.EINVAL, nil, nil},
			row{"EINVAL: EPOLL_MAX_EVENTS", wait, args{0, room(16), netbsd.EPOLL_MAX_EVENTS, 0, 0}, netbsd.EINVAL, nil, nil},
			row{"EFAULT of the time before EBADF", wait, args{9, room(16), 1, bad, 0}, netbsd.EFAULT, nil, nil},
			row{"EFAULT of the mask", wait, args{9, room(16), 1, no, bad}, netbsd.EFAULT, nil, nil},
			row{"EBADF before EINVAL of the time", wait, args{9, room(16), 1, longs(0, 1e9), 0}, netbsd.EBADF, nil, nil},
			row{"EINVAL: no kqueue", wait, args{1, room(16), 1, no, 0}, netbsd.EINVAL, nil, nil},
			row{"EINVAL: the time", wait, args{0, room(16), 1, longs(0, 1e9), 0}, netbsd.EINVAL, nil, nil},
			row{"epoll_wait_common: with a mask the error is lost", wait, args{0, room(16), 1, longs(0, 1e9), sigset()}, 0, 0, nil},
			change("", add, 2, writable, 0),
			row{"EFAULT of the events", wait, args{0, bad, 1, no, 0}, netbsd.EFAULT, nil, nil},
		),
		"level": append(begin, change("", add, 1, in|netbsd.EPOLLRDHUP, 0), look("nothing"), abc,
			look("what can be read", netbsd.EpollEvent{Events: in, Data: 0x77}), look("again", netbsd.EpollEvent{Events: in, Data: 0x77}),
			row{"close(2)", netbsd.SYS_close, args{2}, 0, nil, nil},
			look("at its end EPOLLRDHUP", netbsd.EpollEvent{Events: in | netbsd.EPOLLRDHUP, Data: 0x77}),
			change("without events", mod, 1, 0, 0), look("nothing"),
		),
		"edge": append(begin, change("", add, 1, in|edge, 0), abc, look("once", netbsd.EpollEvent{Events: in, Data: 0x77}), look("once"), abc,
			look("news", netbsd.EpollEvent{Events: in, Data: 0x77})),
		"one shot": append(begin, change("", add, 1, in|netbsd.EPOLLONESHOT, 0), abc, look("once", netbsd.EpollEvent{Events: in, Data: 0x77}), look("once"),
			change("rearmed", mod, 1, in, 0), look("again", netbsd.EpollEvent{Events: in, Data: 0x77})),
		"both ways": {
			{"epoll_create1", create, args{0}, 0, 0, nil},
			{"eventfd(2)", netbsd.SYS_eventfd, args{0, 0}, 0, 1, nil},
			change("", add, 1, in|writable, 0), look("room", netbsd.EpollEvent{Events: writable, Data: 0x77}),
			{"write(2)", netbsd.SYS_write, args{1, longs(1), 8}, 0, 8, nil},
			look("two events of one descriptor", netbsd.EpollEvent{Events: writable, Data: 0x77}, netbsd.EpollEvent{Events: in, Data: 0x77}),
			change("both go", del, 1, 0, 0), look("nothing"),
		},
		"loops": {
			{"epoll_create1", create, args{0}, 0, 0, nil},
			{"epoll_create1", create, args{0}, 0, 1, nil},
			change("", add, 1, in, 0),
			{"ELOOP", netbsd.SYS_epoll_ctl, args{1, add, 0, epollEvent(in, 0)}, netbsd.ELOOP, nil, nil},
			{"epoll_create1", create, args{0}, 0, 2, nil},
			{"epoll_create1", create, args{0}, 0, 3, nil},
			change("", add, 2, in, 0),
			{"", ctl, args{1, add, 3, epollEvent(in, 0)}, 0, nil, nil},
			{"epoll_dfs meets no queue twice from here", ctl, args{2, add, 3, epollEvent(in, 0)}, 0, nil, nil},
			{"epoll_create1", create, args{0}, 0, 4, nil},
			{"epoll_dfs: ELOOP where two ways lead to one queue, without a circle", ctl, args{4, add, 0, epollEvent(in, 0)}, netbsd.ELOOP, nil, nil},
		},
		"depth": {
			{"epoll_create1", create, args{0}, 0, 0, nil},
			{"epoll_create1", create, args{0}, 0, 1, nil},
			{"epoll_create1", create, args{0}, 0, 2, nil},
			{"epoll_create1", create, args{0}, 0, 3, nil},
			{"epoll_create1", create, args{0}, 0, 4, nil},
			{"epoll_create1", create, args{0}, 0, 5, nil},
			{"two", ctl, args{1, add, 0, epollEvent(in, 0)}, 0, nil, nil},
			{"three", ctl, args{2, add, 1, epollEvent(in, 0)}, 0, nil, nil},
			{"four", ctl, args{3, add, 2, epollEvent(in, 0)}, 0, nil, nil},
			{"five", ctl, args{4, add, 3, epollEvent(in, 0)}, 0, nil, nil},
			{"EINVAL: EPOLL_MAX_DEPTH", ctl, args{5, add, 4, epollEvent(in, 0)}, netbsd.EINVAL, nil, nil},
		},
	})
}

// keventExt is a struct kevent with ext.
func keventExt(ev netbsd.Kevent) []byte { return encoded(netbsd.SizeofKeventExt, ev.EncodeExt) }

// __kevent100: ext is what EV_ADD said, whatever later changes say (kqueue_register); __kevent50 neither sees nor clears it.
func TestKeventExt(t *testing.T) {
	no := longs(0, 0)
	added := netbsd.Kevent{Ident: 7, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD, Fflags: netbsd.NOTE_TRIGGER, Udata: 1, Ext: [4]uint64{11, 22, 33, 44}}
	later := netbsd.Kevent{Ident: 7, Filter: netbsd.EVFILT_USER, Fflags: netbsd.NOTE_TRIGGER, Udata: 2, Ext: [4]uint64{5, 6, 7, 8}}
	event := func(udata uint64) func(r *result) string {
		return func(r *result) string {
			ev := netbsd.DecodeKeventExt(r.mem(3, netbsd.SizeofKeventExt))
			if r.ret[0] != 1 || ev.Ident != 7 || ev.Udata != udata || ev.Ext != added.Ext {
				return fmt.Sprintf("%d: %+v", r.ret[0], ev)
			}
			return ""
		}
	}
	receipt := later
	receipt.Flags = netbsd.EV_RECEIPT
	stages(t, map[string][]row{"ext": {
		{"kqueue(2)", netbsd.SYS_kqueue, nil, 0, 0, nil},
		{"EFAULT", netbsd.SYS___kevent100, args{0, bad, 1, 0, 0, no}, netbsd.EFAULT, nil, nil},
		{"EBADF", netbsd.SYS___kevent100, args{9, 0, 0, 0, 0, no}, netbsd.EBADF, nil, nil},
		{"ENOENT", netbsd.SYS___kevent100, args{0, keventExt(later), 1, 0, 0, no}, netbsd.ENOENT, nil, nil},
		{"EV_ADD", netbsd.SYS___kevent100, args{0, keventExt(added), 1, 0, 0, no}, 0, 0, nil},
		{"filt_userattach: it is not triggered by that", netbsd.SYS___kevent100, args{0, 0, 0, room(144), 2, no}, 0, 0, nil},
		{"but by a second one", netbsd.SYS___kevent100, args{0, keventExt(added), 1, 0, 0, no}, 0, 0, nil},
		{"what it said", netbsd.SYS___kevent100, args{0, 0, 0, room(144), 2, no}, 0, event(1), nil},
		{"a change", netbsd.SYS___kevent100, args{0, keventExt(later), 1, 0, 0, no}, 0, 0, nil},
		{"udata is new, ext is not", netbsd.SYS___kevent100, args{0, 0, 0, room(144), 2, no}, 0, event(2), nil},
		{"a change by __kevent50", netbsd.SYS___kevent50, args{0, kev(later), 1, 0, 0, no}, 0, 0, nil},
		{"ext stays", netbsd.SYS___kevent100, args{0, 0, 0, room(144), 2, no}, 0, event(2), nil},
		{"__kevent50: 40 bytes", netbsd.SYS___kevent50, args{0, 0, 0, room(80), 2, no}, 0, func(r *result) string {
			b := r.mem(3, 48)
			if ev := netbsd.DecodeKevent(b); r.ret[0] != 1 || ev.Udata != 2 || le.Uint64(b[40:]) != 0xa5a5a5a5_a5a5a5a5 {
				return fmt.Sprintf("%x", b)
			}
			return ""
		}, nil},
		{"EV_RECEIPT: the change comes back", netbsd.SYS___kevent100, args{0, keventExt(receipt), 1, room(72), 1, no}, 0, func(r *result) string {
			if ev := netbsd.DecodeKeventExt(r.mem(3, 72)); r.ret[0] != 1 || ev.Flags != netbsd.EV_ERROR || ev.Data != 0 || ev.Ext != later.Ext {
				return fmt.Sprintf("%+v", ev)
			}
			return ""
		}, nil},
		{"a change more", netbsd.SYS___kevent100, args{0, keventExt(netbsd.Kevent{Ident: 2, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD}), 1, 0, 0, no}, 0, 0, nil},
		{"three changes of 72 bytes", netbsd.SYS___kevent100, args{0, append(append(keventExt(netbsd.Kevent{Ident: 1, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD}),
			keventExt(netbsd.Kevent{Ident: 2, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD, Fflags: netbsd.NOTE_TRIGGER})...),
			keventExt(netbsd.Kevent{Ident: 7, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_DELETE})...), 3, 0, 0, no}, 0, 0, nil},
		{"two are left, one of them triggered", netbsd.SYS___kevent100, args{0, 0, 0, room(144), 2, no}, 0, func(r *result) string {
			if ev := netbsd.DecodeKeventExt(r.mem(3, 72)); r.ret[0] != 1 || ev.Ident != 2 {
				return fmt.Sprintf("%d: %+v", r.ret[0], ev)
			}
			return ""
		}, nil},
	}})
}

// A signal that only the mask of epoll_pwait2 lets through ends its wait, and stays pending (epoll_wait_common).
func TestEpollMask(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS___sigaction_sigtramp, netbsd.SIGUSR1, action(netbsd.Sigaction{Handler: 0x401000}), 0, 1, 2)
		p.ok(netbsd.SYS_epoll_create1, 0)
		p.ok(netbsd.SYS___sigprocmask14, netbsd.SIG_BLOCK, sigset(netbsd.SIGUSR1), 0)
		p.ok(netbsd.SYS_kill, self, netbsd.SIGUSR1)
		p.play([]row{{"epoll_pwait2", netbsd.SYS_epoll_pwait2, args{0, room(16), 1, 0, sigset()}, 0, 0, nil}})
		if len(p.delivered) != 0 || !p.c.L.Sigpending().Has(netbsd.SIGUSR1) {
			t.Errorf("delivered %v, pending %v", p.delivered, p.c.L.Sigpending())
		}
		p.ok(netbsd.SYS___sigprocmask14, netbsd.SIG_UNBLOCK, sigset(netbsd.SIGUSR1), 0)
		if len(p.delivered) != 1 {
			t.Errorf("delivered %v", p.delivered)
		}
	})
}
