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

// faultInfo says in NetBSD's words what the processor refused.
func (g *Guest) faultInfo(t *platform.Trap) netbsd.Siginfo {
	f := netbsd.Fault{Exception: t.Trapno, PC: g.thread.Regs().RIP, Addr: t.Addr, Code: int32(t.Code), NoPage: t.Signo == linuxSIGBUS}
	if t.Code == linuxSIKERNEL {
		f.Code = netbsd.SEGV_ACCERR
	}
	return f.Siginfo()
}

// Linux's numbers in a platform.Trap. Those of SEGV_* and FPE_* are NetBSD's, too.
const (
	linuxSIGBUS   = 7
	linuxSIKERNEL = 0x80

	x86Debug = 1
)
