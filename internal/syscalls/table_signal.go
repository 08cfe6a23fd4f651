package syscalls

import "toaster/netbsd"

var signalCalls = []Syscall{
	{netbsd.SYS_kill, "pid pid, signum signal", netbsd.RetInt, Full, kill, ""},
	{netbsd.SYS_sigqueueinfo, "pid pid, info <siginfo", netbsd.RetInt, Full, sigqueueinfo, ""},
	{netbsd.SYS___sigaltstack14, "nss <stack, oss >stack", netbsd.RetInt, Full, sigaltstack, ""},
	{netbsd.SYS___sigpending14, "set >sigset", netbsd.RetInt, Full, sigpending, ""},
	{netbsd.SYS___sigprocmask14, "how =sighow, set <sigset, oset >sigset", netbsd.RetInt, Full, sigprocmask, ""},
	{netbsd.SYS___sigsuspend14, "set <sigset", netbsd.RetInt, Full, sigsuspend, ""},
	{netbsd.SYS_getcontext, "ucp >ucontext", netbsd.RetInt, Full, getcontext, "ss_size of the main stack is its depth now, which in NetBSD never shrinks"},
	{netbsd.SYS_setcontext, "ucp <ucontext", netbsd.RetNever, Full, setcontext, ""},
	{netbsd.SYS___sigaction_sigtramp, "signum signal, nsa <sigaction, osa >sigaction, tramp ptr, vers int", netbsd.RetInt, Full, sigaction, ""},
	{netbsd.SYS_____sigtimedwait50, "set <sigset, info >siginfo, timeout <>timespec", netbsd.RetInt, Full, sigtimedwait, ""},
}
