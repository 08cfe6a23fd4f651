package syscalls

import (
	"toaster/kern"
	"toaster/netbsd"
)

// This file serves getcontext(2) and setcontext(2); the layout of struct ucontext is
// netbsd.Ucontext's.

// Ucontext reads the machine context of the calling LWP with the mask given, as
// getucontext of kern_sig.c does.
func Ucontext(l *kern.LWP, cpu CPU, mask netbsd.Sigset) netbsd.Ucontext {
	st := l.Altstack()
	u := netbsd.Ucontext{
		Flags:   netbsd.UC_SIGMASK | netbsd.UC_STACK | netbsd.UC_CPU | netbsd.UC_FPU | netbsd.UC_TLSBASE,
		Mask:    mask,
		Link:    cpu.Link(),
		TLSBase: cpu.TLSBase(),
	}
	if st.Flags&netbsd.SS_ONSTACK != 0 {
		u.Stack = netbsd.Stack{Sp: st.Sp, Size: st.Size, Flags: int32(st.Flags)}
	}
	cpu.Gregs(&u.Gregs)
	cpu.FP(&u.FP)
	return u
}

// getcontext is getcontext(ucontext_t *).
func getcontext(c *Call) netbsd.Errno {
	u := Ucontext(c.L, c.CPU, c.L.Sigmask())
	b := make([]byte, netbsd.SizeofUcontext)
	u.Encode(b)
	return c.copyout(c.Ptr(0), b)
}

// setcontext is setcontext(const ucontext_t *). A null pointer exits the process, as
// the end of a chain of contexts does; EINVAL without _UC_CPU.
func setcontext(c *Call) netbsd.Errno {
	if c.Ptr(0) == 0 {
		c.L.Exit(0)
	}
	b := make([]byte, netbsd.SizeofUcontext)
	if errno := c.Space.Read(c.Ptr(0), b); errno != 0 {
		return errno
	}
	u := netbsd.DecodeUcontext(b)
	if u.Flags&netbsd.UC_CPU == 0 {
		return netbsd.EINVAL
	}
	if errno := setMachine(c.CPU, &u); errno != 0 {
		return errno
	}
	c.CPU.EndSignal(c.Ptr(0))
	c.CPU.SetLink(u.Link)
	if u.Flags&netbsd.UC_SIGMASK != 0 {
		c.L.Platform().SetSigmask(u.Mask)
	}
	if u.Flags&netbsd.UC_STACK != 0 {
		c.L.Platform().SetOnStack(u.Stack.Flags&netbsd.SS_ONSTACK != 0)
	}
	if set := u.Flags & (netbsd.UC_SETSTACK | netbsd.UC_CLRSTACK); set != 0 { // cpu_setmcontext
		c.L.Platform().SetOnStack(set == netbsd.UC_SETSTACK)
	}
	return netbsd.EJUSTRETURN
}

// setMachine is cpu_setmcontext: what the flags say that the context holds of general
// registers, floating point and TLS base. Nothing is set if any part is refused.
func setMachine(cpu CPU, u *netbsd.Ucontext) netbsd.Errno {
	if u.Flags&netbsd.UC_TLSBASE != 0 {
		if errno := cpu.SetTLSBase(u.TLSBase); errno != 0 {
			return errno
		}
	}
	if u.Flags&netbsd.UC_CPU != 0 {
		if errno := cpu.SetGregs(&u.Gregs); errno != 0 {
			return errno
		}
	}
	if u.Flags&netbsd.UC_FPU != 0 {
		cpu.SetFP(&u.FP)
	}
	return 0
}
