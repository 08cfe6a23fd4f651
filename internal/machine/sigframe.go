package machine

import (
	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// This file enters and leaves signal handlers (sendsig_siginfo of amd64): the frame is
// netbsd.SignalFrame; RDI is the signal, RSI its siginfo, RDX and R15 the ucontext
// that the trampoline hands to setcontext(2).

// deliver implements the callback of kern's UserRet.
func (g *Guest) deliver(d *kern.Delivery) bool {
	s := g.sys
	s.traceSignal(g.l, &d.Info, &d.Action)
	if d.Action.Flags&netbsd.SA_RESETHAND != 0 {
		g.revoke(platform.LentActions)
	}
	r := g.thread.Regs()
	var alt *netbsd.Stack
	if d.OnStack {
		alt = &netbsd.Stack{Sp: d.Stack.Sp, Size: d.Stack.Size}
	}
	addr := netbsd.SignalFrameAddr(r.RSP, alt)
	frame := netbsd.SignalFrame{
		Return: d.Action.Tramp,
		Info:   d.Info,
		UC:     syscalls.Ucontext(g.l, g, d.OldMask),
	}
	var b [netbsd.SizeofSignalFrame]byte
	frame.Encode(b[:])
	if g.space.Write(addr, b[:]) != 0 {
		g.revoke(platform.LentActions) // the kernel now takes the default
		return false
	}
	uc := addr + netbsd.SignalFrameUC
	g.saveState(uc)
	g.link = uc
	r.RDI, r.RSI, r.RDX, r.R15 = uint64(d.Info.Signo), addr+netbsd.SignalFrameInfo, uc, uc
	r.RIP, r.RSP = d.Action.Handler, addr
	r.RFLAGS &^= clearOnCall
	if d.OnStack {
		g.l.SetOnStack(true)
	}
	return true
}

// saveState keeps what of the extended state the frame cannot hold.
func (g *Guest) saveState(uc uint64) {
	for i, f := range g.frames {
		if f.uc == uc {
			g.frames = append(g.frames[:i], g.frames[i+1:]...)
			break
		}
	}
	if len(g.frames) == maxSavedStates {
		g.frames = append(g.frames[:0], g.frames[1:]...)
	}
	g.frames = append(g.frames, savedState{uc, g.thread.SaveX()})
}

// EndSignal implements syscalls.CPU: the context at uc is being resumed. Its frame
// has the FXSAVE part, which the guest may have changed, and which stays.
func (g *Guest) EndSignal(uc uint64) {
	for i := len(g.frames) - 1; i >= 0; i-- {
		if g.frames[i].uc == uc {
			fp := g.thread.FP()
			g.thread.RestoreX(g.frames[i].state)
			g.thread.SetFP(&fp)
			g.frames = g.frames[:i]
			return
		}
	}
}

// faultInfo says in NetBSD's words what the processor refused (trap.c of amd64).
func faultInfo(t *platform.Trap) netbsd.Siginfo {
	info := netbsd.Siginfo{Addr: t.Addr, Trap: int32(faultTrap(t.Trapno))}
	switch t.Signo {
	case linuxSIGSEGV:
		info.Signo, info.Code = netbsd.SIGSEGV, netbsd.SEGV_MAPERR
		if t.Code == linuxSEGVACCERR || t.Code == linuxSIKERNEL {
			info.Code = netbsd.SEGV_ACCERR
		}
	case linuxSIGBUS:
		info.Signo, info.Code = netbsd.SIGBUS, netbsd.BUS_ADRERR
		if t.Code == linuxBUSADRALN {
			info.Code = netbsd.BUS_ADRALN
		}
	case linuxSIGFPE:
		info.Signo, info.Code = netbsd.SIGFPE, int32(t.Code)
		if t.Code < netbsd.FPE_INTDIV || t.Code > netbsd.FPE_FLTINV+1 {
			info.Code = netbsd.FPE_INTDIV
		}
	case linuxSIGTRAP:
		info.Signo, info.Code = netbsd.SIGTRAP, netbsd.TRAP_BRKPT
		if t.Trapno == x86Debug {
			info.Code = netbsd.TRAP_TRACE
		}
	default:
		info.Signo, info.Code = netbsd.SIGILL, netbsd.ILL_ILLOPC
	}
	return info
}

// Linux's numbers in a platform.Trap.
const (
	linuxSIGTRAP    = 5
	linuxSIGBUS     = 7
	linuxSIGFPE     = 8
	linuxSIGSEGV    = 11
	linuxSEGVACCERR = 2
	linuxBUSADRALN  = 1
	linuxSIKERNEL   = 0x80

	x86Debug = 1
)

// faultTrap maps the processor's exception number to NetBSD's trap number.
func faultTrap(exception uint64) int {
	switch exception {
	case 0:
		return netbsd.T_DIVIDE
	case 1:
		return netbsd.T_TRCTRAP
	case 3:
		return netbsd.T_BPTFLT
	case 4:
		return netbsd.T_OFLOW
	case 5:
		return netbsd.T_BOUND
	case 6:
		return netbsd.T_PRIVINFLT
	case 7:
		return netbsd.T_DNA
	case 10:
		return netbsd.T_TSSFLT
	case 11:
		return netbsd.T_SEGNPFLT
	case 12:
		return netbsd.T_STKFLT
	case 13:
		return netbsd.T_PROTFLT
	case 14:
		return netbsd.T_PAGEFLT
	case 16:
		return netbsd.T_ARITHTRAP
	case 17:
		return netbsd.T_ALIGNFLT
	case 19:
		return netbsd.T_XMM
	}
	return int(exception)
}
