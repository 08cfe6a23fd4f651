package syscalls

import "toaster/netbsd"

var eventCalls = []Syscall{
	{netbsd.SYS_timerfd_create, "clock_id clock, flags |open", netbsd.RetFd, Full, timerfdCreate, "since 10"},
	{netbsd.SYS_timerfd_settime, "fd fd, flags hex, new_value <itimerspec, old_value >itimerspec", netbsd.RetInt, Full, timerfdSettime, "since 10"},
	{netbsd.SYS_timerfd_gettime, "fd fd, curr_value >itimerspec", netbsd.RetInt, Full, timerfdGettime, "since 10"},
	{netbsd.SYS_poll, "fds <>pollfd[nfds], nfds uint, timeout int", netbsd.RetSize, Full, poll, ""},
	{netbsd.SYS_eventfd, "val uint, flags |open", netbsd.RetFd, Full, eventfd, "since 10"},
	{netbsd.SYS_kqueue, "", netbsd.RetFd, Full, newKqueue, ""},
	{netbsd.SYS___select50, "nd int, in <>fdset[nd], ou <>fdset[nd], ex <>fdset[nd], tv <timeval", netbsd.RetSize, Full, sel, ""},
	{netbsd.SYS___kevent50, "fd fd, changelist <kevent[nchanges], nchanges size, eventlist >kevent[nevents], nevents size, timeout <timespec", netbsd.RetSize, Full, kevent, "since 11 `__kevent100` has taken its place"},
	{netbsd.SYS___pselect50, "nd int, in <>fdset[nd], ou <>fdset[nd], ex <>fdset[nd], ts <timespec, mask <sigset", netbsd.RetSize, Full, pselect, ""},
	{netbsd.SYS___pollts50, "fds <>pollfd[nfds], nfds uint, ts <timespec, mask <sigset", netbsd.RetSize, Full, pollts, ""},
	{netbsd.SYS_kqueue1, "flags |open", netbsd.RetFd, Full, kqueue1, ""},
	{netbsd.SYS___kevent100, "fd fd, changelist <keventext[nchanges], nchanges size, eventlist >keventext[nevents], nevents size, timeout <timespec", netbsd.RetSize, Full, kevent, "since 11"},
	{netbsd.SYS_epoll_create1, "flags |open", netbsd.RetFd, Full, epollCreate1, "since 11"},
	{netbsd.SYS_epoll_ctl, "epfd fd, op |epollctl, fd fd, event <epoll", netbsd.RetInt, Full, epollCtl, "since 11"},
	{netbsd.SYS_epoll_pwait2, "epfd fd, events >epoll[maxevents], maxevents int, timeout <timespec, sigmask <sigset", netbsd.RetSize, Full, epollPwait2, "since 11"},
}
