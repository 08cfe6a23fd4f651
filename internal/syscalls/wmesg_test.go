package syscalls

import (
	"testing"

	"toaster/netbsd"
)

// The names of NetBSD 11's sleeps, where they are made: kern_proc.c, kern_lwp.c, kern_time.c, sys_select.c, kern_event.c, sys_sig.c, sys_lwp.c, sys_futex.c,
// sysv_sem.c, sysv_msg.c, sys_mqueue.c, sys_pipe.c, fifo_vnops.c, uipc_socket2.c, sys_eventfd.c, sys_timerfd.c and tty.c.
func TestWmesg(t *testing.T) {
	for _, c := range []struct {
		nr        int
		typ, mode uint32
		want      string
	}{
		{netbsd.SYS___wait450, 0, 0, "wait"}, {netbsd.SYS_wait6, 0, 0, "wait"}, {netbsd.SYS_compat_50_wait4, 0, 0, "wait"}, {netbsd.SYS___vfork14, 0, 0, "vfork"},
		{netbsd.SYS___nanosleep50, 0, 0, "nanoslp"}, {netbsd.SYS_clock_nanosleep, 0, 0, "nanoslp"}, {netbsd.SYS___select50, 0, 0, "select"},
		{netbsd.SYS_poll, 0, 0, "poll"}, {netbsd.SYS___pollts50, 0, 0, "poll"}, {netbsd.SYS___kevent50, 0, 0, "kqueue"}, {netbsd.SYS___kevent100, 0, 0, "kqueue"},
		{netbsd.SYS_epoll_pwait2, 0, 0, "kqueue"}, {netbsd.SYS___sigsuspend14, 0, 0, "pause"}, {netbsd.SYS_____sigtimedwait50, 0, 0, "sigwait"},
		{netbsd.SYS____lwp_park60, 0, 0, "parked"}, {netbsd.SYS__lwp_wait, 0, 0, "lwpwait"}, {netbsd.SYS___futex, 0, 0, "futex"}, {netbsd.SYS_semop, 0, 0, "semwait"}, {netbsd.SYS_msgrcv, 0, 0, "msgwait"},
		{netbsd.SYS_mq_receive, netbsd.DTYPE_MQUEUE, 0, "mqrecvcv"}, {netbsd.SYS_accept, netbsd.DTYPE_SOCKET, 0, "socket"}, {netbsd.SYS_recvfrom, netbsd.DTYPE_SOCKET, 0, "netio"},
		{netbsd.SYS_read, netbsd.DTYPE_PIPE, 0, "pipe_rd"}, {netbsd.SYS_writev, netbsd.DTYPE_PIPE, 0, "pipe_wr"}, {netbsd.SYS_read, netbsd.DTYPE_SOCKET, 0, "netio"},
		{netbsd.SYS_read, netbsd.DTYPE_VNODE, netbsd.S_IFIFO, "fiford"}, {netbsd.SYS_write, netbsd.DTYPE_VNODE, netbsd.S_IFIFO, "fifowr"},
		{netbsd.SYS_read, netbsd.DTYPE_VNODE, netbsd.S_IFCHR, "ttyraw"}, {netbsd.SYS_write, netbsd.DTYPE_VNODE, netbsd.S_IFCHR, "ttyout"}, {netbsd.SYS_pread, netbsd.DTYPE_VNODE, netbsd.S_IFREG, "biowait"},
		{netbsd.SYS_read, netbsd.DTYPE_EVENTFD, 0, "efdread"}, {netbsd.SYS_read, netbsd.DTYPE_TIMERFD, 0, "tfdread"}, {netbsd.SYS_read, netbsd.DTYPE_KQUEUE, 0, "biowait"},
		{netbsd.SYS_flock, netbsd.DTYPE_VNODE, netbsd.S_IFREG, "lockf"}, {9999, 0, 0, "wait"},
	} {
		if got := wmesgOf(netbsd.SyscallName(c.nr), c.typ, c.mode); got != c.want {
			t.Errorf("%s, type %d, mode %o: %s, want %s", netbsd.SyscallName(c.nr), c.typ, c.mode, got, c.want)
		}
	}
}
