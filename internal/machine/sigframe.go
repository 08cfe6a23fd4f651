package machine

import (
	"math/bits"

	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/internal/vm"
	"toaster/kern"
	"toaster/netbsd"
)

// This file enters and leaves signal handlers (sendsig_siginfo of amd64): the frame is
// netbsd.SignalFrame; RDI is the signal, RSI its siginfo, RDX and R15 the ucontext
// that the trampoline hands to setcontext(2).

// deliver implements the callback of kern's UserRet: it has the guest go on in a handler. It
// returns false, and has changed no register, if there is no memory for the frame or the handler
// is outside user space; the kernel then ends the process with SIGILL, caught or not. No lock of
// the kernel's is held, and the mask is the handler's already; d.OldMask is the one to restore.
//
// The address of the frame is the guest's choice (RSP or its signal stack): it is written to
// like any other address of the guest's.
func (mc *Context) deliver(d *kern.Delivery) bool {
	s := mc.sys
	s.traceSignal(mc.l, &d.Info, &d.Action)
	if d.Action.Flags&netbsd.SA_RESETHAND != 0 {
		mc.revoke(platform.LentActions)
	}
	r := mc.thread.Regs()
	var frame netbsd.SignalFrame
	addr, errno := mc.putFrame(d, &frame)
	if errno != 0 && mc.leftStack(d) {
		d.OnStack = true
		mc.l.Platform().SetOnStack(false)
		addr, errno = mc.putFrame(d, &frame)
	}
	// An address that is not the user's is refused only once the frame is there, as in NetBSD.
	if errno != 0 || d.Action.Handler >= vm.Max {
		mc.revoke(platform.LentActions) // the kernel now takes the default
		return false
	}
	uc := addr + netbsd.SignalFrameUC
	mc.saveState(uc)
	mc.resetFPU(&frame.UC.FP)
	mc.link = uc
	r.RDI, r.RSI, r.RDX, r.R15 = uint64(d.Info.Signo), addr+netbsd.SignalFrameInfo, uc, uc
	r.RIP, r.RSP = d.Action.Handler, addr
	r.RFLAGS &^= clearOnCall
	if d.OnStack {
		mc.l.Platform().SetOnStack(true)
	}
	return true
}

// putFrame writes the frame, and returns where it is; what is in it is left in frame.
func (mc *Context) putFrame(d *kern.Delivery, frame *netbsd.SignalFrame) (addr uint64, errno netbsd.Errno) {
	var alt *netbsd.Stack
	if d.OnStack {
		alt = &netbsd.Stack{Sp: d.Stack.Sp, Size: d.Stack.Size}
	}
	addr = netbsd.SignalFrameAddr(mc.thread.Regs().RSP, alt)
	*frame = netbsd.SignalFrame{
		Return: d.Action.Tramp,
		Info:   d.Info,
		UC:     mc.interrupted(d.OldMask),
	}
	var b [netbsd.SizeofSignalFrame]byte
	frame.Encode(b[:])
	return addr, mc.call.Space.Write(addr, b[:])
}

// leftStack reports whether a handler that was to run on the signal stack has been left by longjmp(3), which on
// amd64 does not tell the kernel: SS_ONSTACK is set, and RSP is elsewhere. NetBSD then has no stack to put a frame
// on where the current one has overflowed, and kills the process; a second overflow is caught here as the
// first one was.
func (mc *Context) leftStack(d *kern.Delivery) bool {
	return d.Action.Flags&netbsd.SA_ONSTACK != 0 && d.Stack.Flags&netbsd.SS_ONSTACK != 0 &&
		mc.thread.Regs().RSP-d.Stack.Sp >= d.Stack.Size
}

// interrupted is the context that a handler interrupts. Unlike one of getcontext(2) it says
// by _UC_SETSTACK or _UC_CLRSTACK alone whether the LWP is on its signal stack, and has no
// uc_stack (sendsig_siginfo).
//
// mask is what the handler's return restores, which is not the LWP's now: that is the handler's
// already, and in sigsuspend(2) the one before the call.
func (mc *Context) interrupted(mask netbsd.Sigset) netbsd.Ucontext {
	u := syscalls.Ucontext(mc.l, mc, mask)
	u.Stack, u.Flags = netbsd.Stack{}, u.Flags&^netbsd.UC_STACK|netbsd.UC_CLRSTACK
	if mc.l.Platform().OnStack() {
		u.Flags ^= netbsd.UC_CLRSTACK | netbsd.UC_SETSTACK
	}
	return u
}

// saveState keeps what of the extended state the frame cannot hold.
//
// A frame at an address that has one replaces it: the earlier handler was left by longjmp(3)
// and will not return.
func (mc *Context) saveState(uc uint64) {
	for i, f := range mc.frames {
		if f.uc == uc {
			mc.frames = append(mc.frames[:i], mc.frames[i+1:]...)
			break
		}
	}
	if len(mc.frames) == maxSavedStates {
		mc.frames = append(mc.frames[:0], mc.frames[1:]...)
	}
	mc.frames = append(mc.frames, savedState{uc, mc.fpu.SaveX()})
}

// Interrupted implements syscalls.CPU.
func (mc *Context) Interrupted(uc uint64) { mc.saveState(uc) }

// resetFPU is fpu_sigreset: a handler begins with the control registers of a new program, and with no x87 register in use. The others are nobody's
// promise, and what they hold stays. Nearly always all of it is so already, and the thread has nothing to load. fp is what they hold, which the
// frame has been told: to ask for it again could take a hand-over.
func (mc *Context) resetFPU(fp *[netbsd.SizeofFpregs]byte) {
	const controlAt, tagAt, mxcsrAt = 0, 4, 24 // in the FXSAVE area
	const control, mxcsr = 0x37f, 0x1f80       // __NetBSD_NPXCW__, __INITIAL_MXCSR__
	if le.Uint16(fp[controlAt:]) == control && fp[tagAt] == 0 && le.Uint32(fp[mxcsrAt:]) == mxcsr {
		return
	}
	le.PutUint16(fp[controlAt:], control)
	fp[tagAt] = 0
	le.PutUint32(fp[mxcsrAt:], mxcsr)
	mc.fpu.SetFP(fp)
}

// EndSignal implements syscalls.CPU: the context at uc is being resumed. Its frame
// has the FXSAVE part, which the guest may have changed, and which stays.
//
// uc is any address that a guest may pass to setcontext(2). One without a frame changes
// nothing. Frames that were entered later go, too: whoever resumes an earlier context has left
// them.
func (mc *Context) EndSignal(uc uint64) {
	for i := len(mc.frames) - 1; i >= 0; i-- {
		if mc.frames[i].uc == uc {
			fp := mc.fpu.FP()
			mc.fpu.RestoreX(mc.frames[i].state)
			mc.fpu.SetFP(&fp)
			mc.frames = mc.frames[:i]
			return
		}
	}
}

// faultInfo says in NetBSD's words what the processor refused.
//
// A hostile guest can make a fault up: what follows is a signal to its own process. SI_KERNEL
// comes with a general protection fault, for which NetBSD's trap() says SEGV_ACCERR.
func (mc *Context) faultInfo(t *platform.Trap) netbsd.Siginfo {
	f := netbsd.Fault{Exception: t.Trapno, PC: mc.thread.Regs().RIP, Addr: t.Addr, Code: int32(t.Code), NoPage: t.Signo == linuxSIGBUS}
	if t.Code == linuxSIKERNEL {
		f.Code = netbsd.SEGV_ACCERR
	}
	if t.Code == netbsd.SEGV_ACCERR && mc.space.onShelf(t.Addr) {
		f.Code = netbsd.SEGV_MAPERR // nobody has mapped it
	}
	info := f.Siginfo()
	mc.trapped = trapFrame{uint32(info.Trap), uint32(t.Err)}
	if info.Trap == netbsd.T_ARITHTRAP || info.Trap == netbsd.T_XMM {
		mc.clearFPU(&info)
	}
	return info
}

// clearFPU is fputrap(): of the exceptions that the FPU or SSE notes and does not mask the first one makes the
// code, all of them are si_trap, and what was noted is forgotten. Otherwise the FPU would raise the exception
// again at its next instruction, and a handler that returns would never get further.
func (mc *Context) clearFPU(info *netbsd.Siginfo) {
	const (
		controlAt, statusAt, mxcsrAt = 0, 2, 24 // in the FXSAVE area
		exceptions                   = 0x3f
		stackFault, fnclex           = 0x40, 0x80ff
	)
	fp := mc.fpu.FP()
	var noted uint32
	if info.Trap == netbsd.T_XMM {
		mxcsr := le.Uint32(fp[mxcsrAt:])
		noted = mxcsr &^ (mxcsr >> 7) & exceptions
		le.PutUint32(fp[mxcsrAt:], mxcsr&^exceptions)
	} else {
		status := le.Uint16(fp[statusAt:])
		noted = uint32(status&(exceptions|stackFault)) &^ uint32(le.Uint16(fp[controlAt:])&exceptions)
		le.PutUint16(fp[statusAt:], status&^fnclex)
	}
	mc.fpu.SetFP(&fp)
	if noted != 0 {
		info.Code, info.Trap = fpeCodes[bits.TrailingZeros32(noted)], int32(noted)
	}
}

// fpeCodes is x86fp_ksiginfo_table: invalid operation, denormal operand, division by zero, overflow, underflow, loss
// of precision, stack fault.
var fpeCodes = [...]int32{netbsd.FPE_FLTINV, netbsd.FPE_FLTRES, netbsd.FPE_FLTDIV, netbsd.FPE_FLTOVF, netbsd.FPE_FLTUND, netbsd.FPE_FLTRES, netbsd.FPE_FLTINV}

// Linux's numbers in a platform.Trap. Those of SEGV_* and FPE_* are NetBSD's, too.
const (
	linuxSIGBUS   = 7
	linuxSIKERNEL = 0x80

	x86Debug      = 1
	x86Breakpoint = 3
)
