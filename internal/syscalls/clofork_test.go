package syscalls

import (
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// Each way to a close-on-fork descriptor that NetBSD 11's tests/kernel/t_clofork.c knows: F_GETFD tells of it, a child lacks it, and
// the parent keeps it.
func TestCloseOnFork(t *testing.T) {
	const clofork, rw = netbsd.O_CLOFORK, netbsd.O_RDWR | netbsd.O_CREAT
	get := func(fd, want int) row {
		return row{"F_GETFD", netbsd.SYS_fcntl, args{fd, netbsd.F_GETFD, 0}, 0, want, nil}
	}
	set := row{"open(2)", netbsd.SYS_open, args{"f", rw, 0o644}, 0, 0, nil}
	ways := map[string]struct {
		rows []row
		last int
	}{
		"open(2)":      {[]row{{"O_CLOFORK", netbsd.SYS_open, args{"f", rw | clofork, 0o644}, 0, 0, nil}}, 0},
		"F_SETFD":      {[]row{set, {"FD_CLOFORK", netbsd.SYS_fcntl, args{0, netbsd.F_SETFD, netbsd.FD_CLOFORK}, 0, nil, nil}}, 0},
		"F_DUPFD":      {[]row{set, {"F_DUPFD_CLOFORK", netbsd.SYS_fcntl, args{0, netbsd.F_DUPFD_CLOFORK, 5}, 0, 5, nil}}, 5},
		"__dup3100":    {[]row{set, {"O_CLOFORK", netbsd.SYS___dup3100, args{0, 3, clofork}, 0, 3, nil}}, 3},
		"dup3(2)":      {[]row{set, {"the old number takes it, too", netbsd.SYS_dup3, args{0, 3, clofork}, 0, 3, nil}}, 3},
		"pipe2(2)":     {[]row{{"O_CLOFORK", netbsd.SYS_pipe2, args{room(8), clofork}, 0, out{0, words(0, 1)}, nil}, get(0, netbsd.FD_CLOFORK)}, 1},
		"socket(2)":    {[]row{{"SOCK_CLOFORK", netbsd.SYS___socket30, args{netbsd.AF_LOCAL, netbsd.SOCK_STREAM | netbsd.SOCK_CLOFORK, 0}, 0, 0, nil}}, 0},
		"socketpair":   {[]row{{"SOCK_CLOFORK", netbsd.SYS_socketpair, args{netbsd.AF_LOCAL, netbsd.SOCK_STREAM | netbsd.SOCK_CLOFORK, 0, room(8)}, 0, out{3, words(0, 1)}, nil}, get(0, netbsd.FD_CLOFORK)}, 1},
		"memfd_create": {[]row{{"MFD_CLOFORK", netbsd.SYS_memfd_create, args{"m", netbsd.MFD_CLOFORK}, 0, 0, nil}}, 0},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			newRigAsHost(t).run(func(p *player) {
				p.play(way.rows)
				p.play([]row{
					get(way.last, netbsd.FD_CLOFORK),
					{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(p *player) {
						p.play([]row{{"fd_copy: the child lacks it", netbsd.SYS_fcntl, args{way.last, netbsd.F_GETFD, 0}, netbsd.EBADF, nil, nil}})
					}},
					{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
					get(way.last, netbsd.FD_CLOFORK),
					{"sys___clone: EINVAL for a table that is to be shared", netbsd.SYS___clone, args{netbsd.CLONE_FILES | int(netbsd.SIGCHLD), 0}, netbsd.EINVAL, nil, nil},
				})
			})
		})
	}
}

// newRigAsHost is a machine whose first process is whom the test runs as.
func newRigAsHost(t *testing.T) *rig {
	r := newRig(t)
	r.asHost = true
	return r
}

// sys_fcntl, fd_dup2 and sys_ioctl of NetBSD 11 where both flags meet.
func TestCloseOnForkAndExec(t *testing.T) {
	const both = netbsd.FD_CLOEXEC | netbsd.FD_CLOFORK
	fileStages(t, map[string][]row{
		"both": {
			{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_RDWR | netbsd.O_CREAT | netbsd.O_CLOEXEC | netbsd.O_CLOFORK, 0o644}, 0, 0, nil},
			{"F_GETFD", netbsd.SYS_fcntl, args{0, netbsd.F_GETFD, 0}, 0, both, nil},
			{"F_DUPFD_CLOBOTH", netbsd.SYS_fcntl, args{0, netbsd.F_DUPFD_CLOBOTH, 1}, 0, 1, nil},
			{"F_GETFD", netbsd.SYS_fcntl, args{1, netbsd.F_GETFD, 0}, 0, both, nil},
			{"F_DUPFD_CLOBOTH: EINVAL", netbsd.SYS_fcntl, args{0, netbsd.F_DUPFD_CLOBOTH, -1}, netbsd.EINVAL, nil, nil},
			{"F_DUPFD_CLOFORK: EBADF", netbsd.SYS_fcntl, args{9, netbsd.F_DUPFD_CLOFORK, 0}, netbsd.EBADF, nil, nil},
			{"dup(2) copies no flag", netbsd.SYS_dup, args{0}, 0, 2, nil},
			{"F_GETFD", netbsd.SYS_fcntl, args{2, netbsd.F_GETFD, 0}, 0, 0, nil},
			{"FIONCLEX leaves close-on-fork", netbsd.SYS_ioctl, args{0, uint64(netbsd.FIONCLEX), 0}, 0, nil, nil},
			{"F_GETFD", netbsd.SYS_fcntl, args{0, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOFORK, nil},
			{"F_SETFD sets both anew", netbsd.SYS_fcntl, args{0, netbsd.F_SETFD, netbsd.FD_CLOEXEC}, 0, nil, nil},
			{"F_GETFD", netbsd.SYS_fcntl, args{0, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOEXEC, nil},
		},
		"__dup3100": {
			{"sys___dup3100: EINVAL for from == to, open or not", netbsd.SYS___dup3100, args{9, 9, 0}, netbsd.EINVAL, nil, nil},
			{"EBADF", netbsd.SYS___dup3100, args{9, 1, 0}, netbsd.EBADF, nil, nil},
			{"pipe(2)", netbsd.SYS_pipe, nil, 0, pair{0, 1}, nil},
			{"EBADF for a negative one", netbsd.SYS___dup3100, args{0, -1, 0}, netbsd.EBADF, nil, nil},
			{"EINVAL for flags", netbsd.SYS___dup3100, args{0, 2, netbsd.O_APPEND}, netbsd.EINVAL, nil, nil},
			{"fd_dup2: O_NONBLOCK is the open file's", netbsd.SYS___dup3100, args{0, 2, netbsd.O_NONBLOCK | netbsd.O_CLOEXEC}, 0, 2, nil},
			{"F_GETFL", netbsd.SYS_fcntl, args{0, netbsd.F_GETFL, 0}, 0, netbsd.O_RDONLY | netbsd.O_NONBLOCK, nil},
			{"F_GETFD", netbsd.SYS_fcntl, args{2, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOEXEC, nil},
		},
	})
}

// NetBSD 10 has neither the calls from 500 on, whose numbers are sys_nosys's, nor close-on-fork: its sys_pipe2 and fd_dup2 refuse the
// flag as they do others, its sys_fcntl the commands, and its open(2) and socket(2) let it pass.
func TestRelease10(t *testing.T) {
	r := newRigOf(t, kern.Release10)
	r.asHost = true
	r.run(func(p *player) {
		p.ok(netbsd.SYS___sigaction_sigtramp, netbsd.SIGSYS, action(netbsd.Sigaction{Handler: 0x401000, Flags: netbsd.SA_NODEFER}), 0, 1, 2)
		for nr := netbsd.SYS_memfd_create; nr <= netbsd.SYS_semtimedop; nr++ {
			p.delivered = nil
			if got := p.do(nr, 0, 0, 0, 0, 0); got.errno != netbsd.ENOSYS || len(p.delivered) != 1 || p.delivered[0] != netbsd.SIGSYS {
				t.Errorf("call %d: %s, signals %v", nr, got.errno.Name(), p.delivered)
			}
		}
		p.play([]row{
			{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_RDWR | netbsd.O_CREAT | netbsd.O_CLOFORK, 0o644}, 0, 0, nil},
			{"F_GETFD", netbsd.SYS_fcntl, args{0, netbsd.F_GETFD, 0}, 0, 0, nil},
			{"F_SETFD", netbsd.SYS_fcntl, args{0, netbsd.F_SETFD, netbsd.FD_CLOFORK}, 0, nil, nil},
			{"F_GETFD", netbsd.SYS_fcntl, args{0, netbsd.F_GETFD, 0}, 0, 0, nil},
			{"F_DUPFD_CLOFORK", netbsd.SYS_fcntl, args{0, netbsd.F_DUPFD_CLOFORK, 0}, netbsd.EINVAL, nil, nil},
			{"F_DUPFD_CLOBOTH: EBADF", netbsd.SYS_fcntl, args{9, netbsd.F_DUPFD_CLOBOTH, 0}, netbsd.EBADF, nil, nil},
			{"F_GET_SEALS", netbsd.SYS_fcntl, args{0, netbsd.F_GET_SEALS, 0}, netbsd.EINVAL, nil, nil},
			{"pipe2(2)", netbsd.SYS_pipe2, args{room(8), netbsd.O_CLOFORK}, netbsd.EINVAL, nil, nil},
			{"dup3(2)", netbsd.SYS_dup3, args{0, 1, netbsd.O_CLOFORK}, netbsd.EINVAL, nil, nil},
			{"socket(2)", netbsd.SYS___socket30, args{netbsd.AF_LOCAL, netbsd.SOCK_STREAM | netbsd.SOCK_CLOFORK, 0}, 0, 1, nil},
			{"F_GETFD", netbsd.SYS_fcntl, args{1, netbsd.F_GETFD, 0}, 0, 0, nil},
			{"timerfd_create(2)", netbsd.SYS_timerfd_create, args{netbsd.CLOCK_MONOTONIC, 0}, 0, 2, nil},
			{"timerfd_fop_ioctl: FIONREAD (1.8)", netbsd.SYS_ioctl, args{2, uint64(netbsd.FIONREAD), room(4)}, 0, out{2, words(0)}, nil},
			{"kern.osrevision", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, netbsd.KERN_OSREV), 2, room(4), longs(4), 0, 0}, 0, out{2, words(1001000000)}, nil},
		})
	})
}
