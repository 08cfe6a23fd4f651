package syscalls

import (
	"sync"

	"toaster/kern"
	"toaster/netbsd"
)

// This file serves getcontext(2) and setcontext(2); the layout of struct ucontext is
// netbsd.Ucontext's.

// Ucontext reads the machine context of the calling LWP with the mask given, as
// getucontext of kern_sig.c does. The caller is the LWP's own goroutine, as cpu's registers
// belong to it.
func Ucontext(l *kern.LWP, cpu CPU, mask netbsd.Sigset) (u netbsd.Ucontext) {
	fillUcontext(&u, l, cpu, mask)
	return u
}

// fillUcontext is Ucontext in the caller's memory.
func fillUcontext(u *netbsd.Ucontext, l *kern.LWP, cpu CPU, mask netbsd.Sigset) {
	*u = netbsd.Ucontext{
		Flags:   netbsd.UC_SIGMASK | netbsd.UC_STACK | netbsd.UC_CPU | netbsd.UC_FPU | netbsd.UC_TLSBASE,
		Mask:    mask,
		Link:    cpu.Link(),
		TLSBase: cpu.TLSBase(),
	}
	cpu.Gregs(&u.Gregs)
	if start, inside := l.Proc().RASStart(u.Gregs[netbsd.REG_RIP]); inside {
		u.Gregs[netbsd.REG_RIP] = start // cpu_getmcontext
	}
	cpu.FP(&u.FP)
	u.Stack = executionStack(l.Altstack(), u.Gregs[netbsd.REG_RSP])
}

// executionStack is uc_stack: the signal stack if the LWP is on it, or else the main stack of
// the process, whichever one the LWP really runs on. Of that ss_sp is p_stackbase, which on a
// machine whose stacks grow down is the end (exec_setup_stack), and ss_size is vm_ssize, how
// far it has grown, whatever RLIMIT_STACK would allow.
//
// NetBSD counts the page faults that make the stack grow (uvm_grow), and lets vm_ssize never
// shrink. The host does not tell toaster of those, so the size is what lies above the stack
// pointer now; for an LWP elsewhere, the page that ps_strings is in. sp is the guest's choice.
func executionStack(alt kern.Altstack, sp uint64) netbsd.Stack {
	if alt.Flags&netbsd.SS_ONSTACK != 0 {
		return netbsd.Stack{Sp: alt.Sp, Size: alt.Size, Flags: alt.Flags}
	}
	return netbsd.Stack{Sp: netbsd.StackTop, Size: MainStack(sp)}
}

// MainStack is how long the main stack is, as executionStack has it.
func MainStack(sp uint64) uint64 {
	if depth := netbsd.StackTop - sp; sp < netbsd.StackTop && depth <= netbsd.MAXSSIZ {
		return (depth + netbsd.PageSize - 1) &^ (netbsd.PageSize - 1)
	}
	return netbsd.PageSize
}

// A contextBuffer is a context on its way between a guest's memory and its registers. A call has one from bufferPool, and
// passes it back when nobody looks at it any more. What another guest's call has left there is written over whole.
type contextBuffer struct {
	b [netbsd.SizeofUcontext]byte
	u netbsd.Ucontext
}

var bufferPool = sync.Pool{New: func() any { return new(contextBuffer) }}

// copyinContext reads the context at addr. EFAULT. EINVAL without _UC_CPU.
func (c *Call) copyinContext(addr uint64, x *contextBuffer) netbsd.Errno {
	if errno := c.Space.Read(addr, x.b[:]); errno != 0 {
		return errno
	}
	x.u = netbsd.DecodeUcontext(x.b[:])
	if x.u.Flags&netbsd.UC_CPU == 0 {
		return netbsd.EINVAL
	}
	return 0
}

// getcontext is getcontext(ucontext_t *).
func getcontext(c *Call) netbsd.Errno {
	x := bufferPool.Get().(*contextBuffer)
	defer bufferPool.Put(x)
	fillUcontext(&x.u, c.L, c.CPU, c.L.Sigmask())
	x.u.Encode(x.b[:])
	return c.copyout(c.Ptr(0), x.b[:])
}

// setcontext is setcontext(const ucontext_t *). EFAULT; EINVAL without _UC_CPU. In release 2003 a null pointer, the end of a chain of
// contexts, exits the process.
//
// The order is setucontext's, and a guest can see it: the mask comes first and stays even if
// the registers are refused then, and what uc_stack says of the signal stack overrides
// _UC_SETSTACK and _UC_CLRSTACK. All of the context is in x by then: it lies in memory that
// other LWPs can write to, and what is checked must be what is set.
func setcontext(c *Call) netbsd.Errno {
	if c.Ptr(0) == 0 && c.K.M.Release().SetcontextExits() {
		c.L.Exit(0)
	}
	x := bufferPool.Get().(*contextBuffer)
	defer bufferPool.Put(x)
	if errno := c.copyinContext(c.Ptr(0), x); errno != 0 {
		return errno
	}
	u := &x.u
	if u.Flags&netbsd.UC_SIGMASK != 0 {
		c.L.Platform().SetSigmask(u.Mask)
	}
	if errno := setMachine(c.CPU, u); errno != 0 {
		return errno
	}
	c.CPU.EndSignal(c.Ptr(0)) // behind setMachine: it keeps the FXSAVE part, which may be the handler's
	c.CPU.SetLink(u.Link)
	if set := u.Flags & (netbsd.UC_SETSTACK | netbsd.UC_CLRSTACK); set != 0 { // cpu_setmcontext
		c.L.Platform().SetOnStack(set == netbsd.UC_SETSTACK)
	}
	if u.Flags&netbsd.UC_STACK != 0 {
		c.L.Platform().SetOnStack(u.Stack.Flags&netbsd.SS_ONSTACK != 0)
	}
	return netbsd.EJUSTRETURN
}

// setMachine is cpu_setmcontext: what the flags say that the context holds of general
// registers, floating point and TLS base. EINVAL: the general registers are not a program's.
// They come first, and nothing is set if they are refused.
//
// A TLS base outside user space is no error: cpu_setmcontext does not look at what
// lwp_setprivate says, so the LWP goes on with the base that it had.
func setMachine(cpu CPU, u *netbsd.Ucontext) netbsd.Errno {
	if u.Flags&netbsd.UC_CPU != 0 {
		if errno := cpu.SetGregs(&u.Gregs); errno != 0 {
			return errno
		}
	}
	if u.Flags&netbsd.UC_FPU != 0 {
		cpu.SetFP(&u.FP)
	}
	if u.Flags&netbsd.UC_TLSBASE != 0 {
		cpu.SetTLSBase(u.TLSBase)
	}
	return 0
}
