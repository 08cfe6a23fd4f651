package syscalls

import (
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// kill is kill(pid_t pid, int sig). EINVAL: not a signal, 0 apart, which only looks. ESRCH:
// nobody has the id. EPERM: all who have it are other users'.
func kill(c *Call) netbsd.Errno { return c.L.Kill(c.Int(0), signalArg(c.Int(1))) }

// killpg is the old killpg(int pgrp, int sig), of which 0 is the caller's group (killpg1). EINVAL: not a signal. ESRCH: nobody is in it.
func killpg(c *Call) netbsd.Errno { return c.L.Killpg(c.Int(0), signalArg(c.Int(1))) }

// signalArg keeps a guest's number that is no signal invalid.
func signalArg(n int) netbsd.Signal {
	if n < 0 || n >= netbsd.NSIG {
		return -1
	}
	return netbsd.Signal(n)
}

// TrampVersion is what libc's and Go's signal trampolines have: they want siginfo.
const TrampVersion = 2

// sigaction is __sigaction_sigtramp(int sig, const struct sigaction *new, struct
// sigaction *old, const void *tramp, int vers). EINVAL for a signal that cannot be
// caught, or a handler without a trampoline, or with one whose version is not 2 (siginfo).
func sigaction(c *Call) netbsd.Errno {
	var set *netbsd.Sigaction
	if c.Ptr(1) != 0 {
		b, errno := c.in(c.Ptr(1), netbsd.SizeofSigaction)
		if errno != 0 {
			return errno
		}
		a := netbsd.DecodeSigaction(b)
		set = &a
	}
	old, errno := c.setSigaction(set, c.Ptr(3), int32(c.Int(4)))
	if errno != 0 || c.Ptr(2) == 0 {
		return errno
	}
	b := c.out(netbsd.SizeofSigaction)
	old.Encode(b)
	return c.copyout(c.Ptr(2), b)
}

// setSigaction is sigaction1 for the signal that is the first argument; set is nil to ask alone.
func (c *Call) setSigaction(set *netbsd.Sigaction, tramp uint64, vers int32) (netbsd.Sigaction, netbsd.Errno) {
	var action *kern.Action
	if set != nil {
		action = &kern.Action{Handler: set.Handler, Mask: set.Mask, Flags: set.Flags, Tramp: tramp, Vers: vers}
		if set.Handler > netbsd.SIG_IGN && (vers != TrampVersion || tramp == 0) {
			return netbsd.Sigaction{}, netbsd.EINVAL
		}
	}
	old, errno := c.L.Sigaction(signalArg(c.Int(0)), action)
	return netbsd.Sigaction{Handler: old.Handler, Mask: old.Mask, Flags: old.Flags}, errno
}

// sigset reads a sigset_t.
func (c *Call) sigset(addr uint64) (netbsd.Sigset, netbsd.Errno) {
	b, errno := c.in(addr, netbsd.SizeofSigset)
	if errno != 0 {
		return 0, errno
	}
	return netbsd.GetSigset(b), 0
}

func (c *Call) sigsetOut(addr uint64, s netbsd.Sigset) netbsd.Errno {
	b := c.out(netbsd.SizeofSigset)
	netbsd.PutSigset(b, s)
	return c.copyout(addr, b)
}

// sigprocmask is sigprocmask(int how, const sigset_t *set, sigset_t *oset). EINVAL: how, which
// is not looked at without a set. SIGKILL and SIGSTOP are left out in silence.
func sigprocmask(c *Call) netbsd.Errno {
	var set *netbsd.Sigset
	if c.Ptr(1) != 0 {
		s, errno := c.sigset(c.Ptr(1))
		if errno != 0 {
			return errno
		}
		set = &s
	}
	old, errno := c.L.Sigprocmask(c.Int(0), set)
	if errno != 0 || c.Ptr(2) == 0 {
		return errno
	}
	return c.sigsetOut(c.Ptr(2), old)
}

// sigpending is sigpending(sigset_t *set).
func sigpending(c *Call) netbsd.Errno { return c.sigsetOut(c.Ptr(0), c.L.Sigpending()) }

// sigsuspend is sigsuspend(const sigset_t *set); it always ends with EINTR. Without a set the mask is what it is.
func sigsuspend(c *Call) netbsd.Errno {
	if c.Ptr(0) == 0 {
		return c.L.Pause()
	}
	s, errno := c.sigset(c.Ptr(0))
	if errno != 0 {
		return errno
	}
	return c.L.Sigsuspend(s)
}

// sigaltstack is sigaltstack(const stack_t *new, stack_t *old). EINVAL: unknown flags, or the
// LWP runs on the stack. ENOMEM: less than MINSIGSTKSZ.
func sigaltstack(c *Call) netbsd.Errno {
	var set *kern.Altstack
	if c.Ptr(0) != 0 {
		b, errno := c.in(c.Ptr(0), netbsd.SizeofStack)
		if errno != 0 {
			return errno
		}
		s := netbsd.DecodeStack(b)
		set = &kern.Altstack{Sp: s.Sp, Size: s.Size, Flags: s.Flags}
	}
	old, errno := c.L.Sigaltstack(set)
	if errno != 0 || c.Ptr(1) == 0 {
		return errno
	}
	b := c.out(netbsd.SizeofStack)
	netbsd.Stack{Sp: old.Sp, Size: old.Size, Flags: old.Flags}.Encode(b)
	return c.copyout(c.Ptr(1), b)
}

// sigtimedwait is ____sigtimedwait50(const sigset_t *set, siginfo_t *info, struct
// timespec *timeout). In sigtimedwait1's order: EFAULT, EINVAL and ETIMEDOUT of the time, EFAULT of the set. EAGAIN when the time passes. EINTR, ERESTART: another
// signal came first, see sigwaitBroken.
func sigtimedwait(c *Call) netbsd.Errno {
	var deadline time.Time
	if c.Ptr(2) != 0 {
		d, errno := c.timespecIn(c.Ptr(2))
		if errno != 0 {
			return errno
		}
		deadline = sleepDeadline(d)
	}
	set, errno := c.sigset(c.Ptr(0))
	if errno != 0 {
		return errno
	}
	info, errno := c.L.Sigtimedwait(set, deadline)
	if errno == netbsd.EINTR || errno == netbsd.ERESTART {
		return c.sigwaitBroken(errno, deadline)
	}
	if errno != 0 {
		return errno
	}
	c.Ret[0] = uint64(info.Signo)
	if c.Ptr(1) == 0 {
		return 0
	}
	return c.ksiginfoOut(c.Ptr(1), &info)
}

// sigwaitBroken is how a wait ends that another signal interrupts: what is left of its time is stored, with which a restarted
// call goes on (SA_RESTART). EFAULT. EAGAIN: nothing is left.
//
// Before release 11 EINTR is ECANCELED, and where the time is stored the call succeeds with that, with no signal (PR 59586).
func (c *Call) sigwaitBroken(errno netbsd.Errno, deadline time.Time) netbsd.Errno {
	old := c.K.M.Release().SigwaitOld()
	if old && errno == netbsd.EINTR {
		errno = netbsd.ECANCELED
	}
	if c.Ptr(2) == 0 {
		return errno
	}
	left := time.Until(deadline)
	if left < 0 {
		return netbsd.EAGAIN
	}
	if errno := c.timespecOut(c.Ptr(2), netbsd.TimespecOf(left)); errno != 0 {
		return errno
	}
	if old && c.Ptr(1) != 0 {
		return c.ksiginfoOut(c.Ptr(1), &netbsd.Siginfo{})
	}
	if old {
		return 0
	}
	return errno
}

func (c *Call) siginfoOut(addr uint64, info *netbsd.Siginfo) netbsd.Errno {
	b := c.out(netbsd.SizeofSiginfo)
	info.Encode(b)
	return c.copyout(addr, b)
}

// ksiginfoOut stores a siginfo without the padding of siginfo_t, as sigtimedwait1 does.
func (c *Call) ksiginfoOut(addr uint64, info *netbsd.Siginfo) netbsd.Errno {
	b := c.out(netbsd.SizeofSiginfo)
	info.Encode(b)
	return c.copyout(addr, b[:netbsd.SizeofKsiginfo])
}

// sigqueueinfo is sigqueueinfo(pid_t pid, const siginfo_t *info). EINVAL: not a signal. ESRCH:
// no such process. EPERM: another user's.
func sigqueueinfo(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(1), netbsd.SizeofKsiginfo)
	if errno != 0 {
		return errno
	}
	info := netbsd.DecodeSiginfo(b)
	return c.L.Sigqueue(c.Int(0), &info)
}
