package syscalls

import (
	"strings"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// This file names what an LWP sleeps for (l_wmesg), which ps(1) shows as WCHAN and top(1) as STATE. toaster's sleeps have no names of their own: the call that an
// LWP has made says it, and of a read or a write the file.

// wmesgs are NetBSD's names by the calls that sleep so: of cv_init, kpause and sleepq_enqueue in the functions that serve them. Prefixes of
// compatibility and numbers of versions are left out of the calls' names.
var wmesgs = map[string]string{
	"wait": "wait", "waitid": "wait", "vfork": "vfork", "posix_spawn": "pspawn", "exit": "lwpwait", "execve": "lwpwait", "lwp_wait": "lwpwait",
	"nanosleep": "nanoslp", "clock_nanosleep": "nanoslp",
	"select": "select", "pselect": "select", "poll": "poll", "pollts": "poll", "kevent": "kqueue", "epoll_pwait": "kqueue",
	"sigsuspend": "pause", "sigtimedwait": "sigwait", "lwp_park": "parked", "futex": "futex", "ksem_wait": "psem", "ksem_timedwait": "psem",
	"semop": "semwait", "semtimedop": "semwait", "msgsnd": "msgwait", "msgrcv": "msgwait",
	"mq_receive": "mqrecvcv", "mq_timedreceive": "mqrecvcv", "mq_send": "mqsendcv", "mq_timedsend": "mqsendcv", "aio_suspend": "aiodone", "lio_listio": "aiodone",
	"flock": "lockf", "fcntl": "lockf", "accept": "socket", "paccept": "socket", "connect": "socket",
	"recvfrom": "netio", "recvmsg": "netio", "recvmmsg": "netio", "sendto": "netio", "sendmsg": "netio", "sendmmsg": "netio",
}

// wmesgOf names what a call sleeps for; of those that move bytes typ is what is at the descriptor, and mode its mode.
func wmesgOf(call string, typ, mode uint32) string {
	call = strings.TrimPrefix(call, "compat_")
	call = strings.TrimLeft(strings.TrimRight(call, "0123456789"), "_0123456789")
	if m, ok := wmesgs[call]; ok {
		return m
	}
	in := strings.Contains(call, "read")
	if !in && !strings.Contains(call, "write") {
		return "wait"
	}
	names := map[uint32][2]string{netbsd.DTYPE_PIPE: {"pipe_rd", "pipe_wr"}, netbsd.DTYPE_SOCKET: {"netio", "netio"}, netbsd.DTYPE_EVENTFD: {"efdread", "efdwrite"},
		netbsd.DTYPE_TIMERFD: {"tfdread", "tfdread"}}[typ]
	switch {
	case typ == netbsd.DTYPE_VNODE && mode&netbsd.S_IFMT == netbsd.S_IFIFO:
		names = [2]string{"fiford", "fifowr"}
	case typ == netbsd.DTYPE_VNODE && mode&netbsd.S_IFMT == netbsd.S_IFCHR:
		names = [2]string{"ttyraw", "ttyout"}
	case names[0] == "":
		names = [2]string{"biowait", "biowait"}
	}
	if in {
		return names[0]
	}
	return names[1]
}

// wmesg names what an LWP sleeps for, "" if it does not sleep.
func (k *Kernel) wmesg(l *kern.LWP) string {
	nr, fd := -1, 0
	if !l.Asleep(func() {
		if k.CallAsleep == nil {
			return
		}
		if c := k.CallAsleep(l); c != nil {
			nr, fd = c.Nr, c.Int(0)
		}
	}) {
		return ""
	}
	if nr < 0 {
		return "wait" // init, or another of the embedder's Go functions
	}
	var typ, mode uint32
	if files, ok := l.Proc().Files().(Files); ok {
		if d, errno := files.Get(fd); errno == 0 {
			st, _ := d.File.Stat()
			typ, mode = file.DtypeOf(d.File), st.Mode
			d.Release()
		}
	}
	return wmesgOf(netbsd.SyscallName(nr), typ, mode)
}

// procWmesg is that of the first LWP of a process that sleeps.
func (k *Kernel) procWmesg(p *kern.Proc, active kern.LWPState) string {
	if active != kern.LWPSleeping {
		return ""
	}
	for _, l := range p.LWPs() {
		if m := k.wmesg(l); m != "" {
			return m
		}
	}
	return "wait" // it has been woken meanwhile
}
