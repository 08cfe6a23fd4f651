package syscalls

import (
	"toaster/kern"
	"toaster/netbsd"
)

// This file serves signals as programs of before NetBSD 2 know them: a set is an int, and the kernel has
// the trampoline. NetBSD/amd64 has no such trampoline, so that nobody can set a handler by these calls; what they
// say of SIG_DFL and SIG_IGN holds (sigaction1: EINVAL for version 0, as there is no sendsig_sigcontext).

// sigactionOf is a sigaction(2) whose structure decode and encode know, and that has no trampoline.
func sigactionOf(size int, decode func([]byte) netbsd.Sigaction, encode func(netbsd.Sigaction, []byte)) Handler {
	return func(c *Call) netbsd.Errno {
		var set *netbsd.Sigaction
		if c.Ptr(1) != 0 {
			b, errno := c.in(c.Ptr(1), size)
			if errno != 0 {
				return errno
			}
			a := decode(b)
			set = &a
		}
		old, errno := c.setSigaction(set, 0, 0)
		if errno != 0 || c.Ptr(2) == 0 {
			return errno
		}
		b := c.out(size)
		encode(old, b)
		return c.copyout(c.Ptr(2), b)
	}
}

// Three ages of sigaction(int signum, const struct sigaction *nsa, struct sigaction *osa), the eldest of which
// is sigvec(2).
var (
	sigaction14 = sigactionOf(netbsd.SizeofSigaction, netbsd.DecodeSigaction, netbsd.Sigaction.Encode)
	sigaction13 = sigactionOf(netbsd.SizeofSigaction13, netbsd.DecodeSigaction13, netbsd.Sigaction.Encode13)
	sigvec43    = sigactionOf(netbsd.SizeofSigaction13, decodeSigvec, encodeSigvec)
)

// decodeSigvec reads struct sigvec, whose SV_INTERRUPT is the opposite of SA_RESTART.
func decodeSigvec(b []byte) netbsd.Sigaction {
	a := netbsd.DecodeSigaction13(b)
	a.Flags ^= netbsd.SA_RESTART
	return a
}

func encodeSigvec(a netbsd.Sigaction, b []byte) {
	a.Flags ^= netbsd.SA_RESTART
	a.Encode13(b)
}

// mask13 changes the mask by a set that is an int, and returns the one that was.
func (c *Call) mask13(how, mask int) netbsd.Errno {
	set := netbsd.SigsetOf13(c.Uint32(mask))
	old, errno := c.L.Sigprocmask(how, &set)
	c.Ret[0] = uint64(old.Sigset13())
	return errno
}

// sigprocmask13 is sigprocmask(int how, int mask). EINVAL: how.
func sigprocmask13(c *Call) netbsd.Errno { return c.mask13(c.Int(0), 1) }

// sigblock43 is sigblock(int mask), and sigsetmask43 sigsetmask(int mask).
func sigblock43(c *Call) netbsd.Errno   { return c.mask13(netbsd.SIG_BLOCK, 0) }
func sigsetmask43(c *Call) netbsd.Errno { return c.mask13(netbsd.SIG_SETMASK, 0) }

// sigpending13 is sigpending(void).
func sigpending13(c *Call) netbsd.Errno { return c.ok(uint64(c.L.Sigpending().Sigset13())) }

// sigsuspend13 is sigsuspend(int mask); it always ends with EINTR.
func sigsuspend13(c *Call) netbsd.Errno { return c.L.Sigsuspend(netbsd.SigsetOf13(c.Uint32(0))) }

// altstackOf is a sigaltstack(2) whose structure of 16 bytes decode and encode know.
func altstackOf(decode func([]byte) netbsd.Stack, encode func(netbsd.Stack, []byte)) Handler {
	return func(c *Call) netbsd.Errno {
		var set *kern.Altstack
		if c.Ptr(0) != 0 {
			b, errno := c.in(c.Ptr(0), netbsd.SizeofStack13)
			if errno != 0 {
				return errno
			}
			s := decode(b)
			set = &kern.Altstack{Sp: s.Sp, Size: s.Size, Flags: s.Flags}
		}
		old, errno := c.L.Sigaltstack(set)
		if errno != 0 || c.Ptr(1) == 0 {
			return errno
		}
		b := c.out(netbsd.SizeofStack13)
		encode(netbsd.Stack{Sp: old.Sp, Size: old.Size, Flags: old.Flags}, b)
		return c.copyout(c.Ptr(1), b)
	}
}

// sigaltstack13 is sigaltstack(const struct sigaltstack13 *nss, struct sigaltstack13 *oss), and sigstack43
// sigstack(struct sigstack *nss, struct sigstack *oss).
var (
	sigaltstack13 = altstackOf(netbsd.DecodeStack13, netbsd.Stack.Encode13)
	sigstack43    = altstackOf(netbsd.DecodeSigstack43, netbsd.Stack.EncodeSigstack43)
)
