package machine

import (
	"testing"

	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

const (
	handler    = 0x5000
	trampoline = 0x6000
)

// catch has the guest catch a signal.
func (x *script) catch(sig netbsd.Signal, flags int32) {
	x.l.Sigaction(sig, &kern.Action{Handler: handler, Flags: flags, Vers: syscalls.TrampVersion, Tramp: trampoline})
}

// context decodes the ucontext at addr.
func (x *script) context(addr uint64) netbsd.Ucontext {
	b := make([]byte, netbsd.SizeofUcontext)
	if errno := x.mem.Read(addr, b); errno != 0 {
		x.t.Errorf("no context at %#x", addr)
	}
	return netbsd.DecodeUcontext(b)
}

// pattern fills the registers with values that differ.
func (x *script) pattern() {
	r := x.thread.Regs()
	for i, f := range []*uint64{&r.RDI, &r.RSI, &r.RDX, &r.RCX, &r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15, &r.RBP, &r.RBX, &r.RAX} {
		*f = 0x1111 * uint64(i+1)
	}
	r.RFLAGS |= flagCarry | clearOnCall
	for i := range x.fp.fx {
		x.fp.fx[i] = byte(i)
	}
}

// The frame of a handler lies below the red zone, 8 below a multiple of 16: the address of
// the trampoline, siginfo, ucontext with all registers as they were. The handler gets the
// signal in RDI, the siginfo in RSI, the ucontext in RDX and R15, and flags without PSL_T,
// PSL_D and PSL_AC (PSL_CLEARSIG). See sendsig_siginfo and buildcontext of
// sys/arch/amd64/amd64/machdep.c.
func TestSignalFrame(t *testing.T) {
	play(t, func(x *script) {
		x.pattern()
		x.SetLink(0x77)
		x.catch(netbsd.SIGUSR1, 0)
		var before [netbsd.NGREG]uint64
		x.Gregs(&before)
		fx, sp := x.fp.fx, x.thread.Regs().RSP
		x.l.Platform().SetSigmask(netbsd.SigsetOf(netbsd.SIGHUP))
		x.l.Proc().Kill(netbsd.SIGUSR1)
		x.l.Platform().UserRet(x.deliver)

		r := *x.thread.Regs()
		if r.RIP != handler || r.RSP%16 != 8 || r.RSP > sp-128-netbsd.SizeofSignalFrame || r.RSP < sp-128-netbsd.SizeofSignalFrame-24 {
			t.Errorf("RIP %#x, RSP %#x; it was %#x", r.RIP, r.RSP, sp)
		}
		uc := r.RSP + 8 + netbsd.SizeofSiginfo
		if r.RDI != uint64(netbsd.SIGUSR1) || r.RSI != r.RSP+8 || r.RDX != uc || r.R15 != uc {
			t.Errorf("RDI %d, RSI %#x, RDX %#x, R15 %#x; the frame is at %#x", r.RDI, r.RSI, r.RDX, r.R15, r.RSP)
		}
		if r.RFLAGS&clearOnCall != 0 || r.RFLAGS&flagCarry == 0 {
			t.Errorf("RFLAGS %#x", r.RFLAGS)
		}
		b, _ := x.mem.at(r.RSP, 8+netbsd.SizeofSiginfo)
		if ret := le.Uint64(b); ret != trampoline {
			t.Errorf("it returns to %#x", ret)
		}
		if info := netbsd.DecodeSiginfo(b[8:]); info.Signo != netbsd.SIGUSR1 || info.Code != netbsd.SI_USER {
			t.Errorf("siginfo %+v", info)
		}
		got := x.context(uc)
		if got.Gregs != before || got.FP != fx || got.Link != 0x77 || got.Mask != netbsd.SigsetOf(netbsd.SIGHUP) {
			t.Errorf("context %+v", got)
		}
		const flags = netbsd.UC_SIGMASK | netbsd.UC_CLRSTACK | netbsd.UC_CPU | netbsd.UC_FPU | netbsd.UC_TLSBASE
		if got.Flags != flags || got.Stack != (netbsd.Stack{}) {
			t.Errorf("flags %#x, want %#x; stack %+v", got.Flags, flags, got.Stack)
		}
		if x.Link() != uc {
			t.Errorf("the handler's context is linked to %#x", x.Link())
		}
		if m := x.l.Sigmask(); m != netbsd.SigsetOf(netbsd.SIGHUP, netbsd.SIGUSR1) {
			t.Errorf("the handler's mask is %v", m)
		}
	})
}

// A handler begins with the FPU and SSE as they are for a new program as far as their control registers go, and without an x87 register in use
// (fpu_sigreset of sys/arch/x86/x86/fpu.c). Its frame has what it interrupts.
func TestHandlerFPU(t *testing.T) {
	play(t, func(x *script) {
		x.pattern()
		x.catch(netbsd.SIGUSR1, 0)
		before := x.fp.fx
		x.l.Proc().Kill(netbsd.SIGUSR1)
		x.l.Platform().UserRet(x.deliver)
		want := before
		copy(want[0:], "\x7f\x03")          // FCW
		want[4] = 0                         // FTW
		copy(want[24:], "\x80\x1f\x00\x00") // MXCSR
		if x.fp.fx != want {
			t.Errorf("the handler has % x\nwant % x", x.fp.fx[:32], want[:32])
		}
		if uc := x.context(x.Link()); uc.FP != before {
			t.Errorf("the frame has % x\nwant % x", uc.FP[:32], before[:32])
		}
		x.syscall(netbsd.SYS_setcontext, x.Link())
		if x.fp.fx != before {
			t.Error("the handler's return does not restore them")
		}
	})
}

// With SA_ONSTACK the frame is at the top of the signal stack, and the next one below it
// (getframe of the same file: not if SS_ONSTACK is set already).
func TestSignalFrameOnStack(t *testing.T) {
	play(t, func(x *script) {
		const size = 0x4000
		x.l.Sigaltstack(&kern.Altstack{Sp: scriptRAM, Size: size})
		x.catch(netbsd.SIGUSR1, netbsd.SA_ONSTACK)
		x.catch(netbsd.SIGUSR2, netbsd.SA_ONSTACK)
		x.l.Proc().Kill(netbsd.SIGUSR1)
		x.l.Platform().UserRet(x.deliver)
		first := x.thread.Regs().RSP
		if top := uint64(scriptRAM + size); first > top-netbsd.SizeofSignalFrame || first < top-netbsd.SizeofSignalFrame-24 || first%16 != 8 {
			t.Errorf("the frame is at %#x; the stack ends at %#x", first, top)
		}
		if !x.l.Platform().OnStack() {
			t.Error("the LWP is not on its signal stack")
		}
		x.l.Proc().Kill(netbsd.SIGUSR2)
		x.l.Platform().UserRet(x.deliver)
		if second := x.thread.Regs().RSP; second > first-128-netbsd.SizeofSignalFrame || second < first-128-netbsd.SizeofSignalFrame-24 {
			t.Errorf("the second frame is at %#x, the first one at %#x", second, first)
		}
		if uc := x.context(x.Link()); uc.Flags&(netbsd.UC_SETSTACK|netbsd.UC_CLRSTACK|netbsd.UC_STACK) != netbsd.UC_SETSTACK {
			t.Errorf("the second frame's flags are %#x", uc.Flags)
		}
		x.syscall(netbsd.SYS_setcontext, x.Link())
		if !x.l.Platform().OnStack() {
			t.Error("the second handler's return leaves the stack that the first one is on")
		}
		x.syscall(netbsd.SYS_setcontext, x.Link())
		if x.l.Platform().OnStack() {
			t.Error("the first handler's return does not leave the stack")
		}
	})
}

// A handler on the signal stack that is left by longjmp(3), which restores a mask and registers and no more
// (__siglongjmp14), leaves SS_ONSTACK set. Where the stack it went back to then takes no frame, the signal stack
// does, which is free; and what the frame interrupts is not on it.
func TestSignalFrameAfterLongjmp(t *testing.T) {
	play(t, func(x *script) {
		const size = 0x4000
		x.l.Sigaltstack(&kern.Altstack{Sp: scriptRAM, Size: size})
		x.catch(netbsd.SIGSEGV, netbsd.SA_ONSTACK|netbsd.SA_NODEFER)
		overflown := uint64(scriptRAM - 0x100000)
		for i := range 3 {
			x.thread.Regs().RSP = overflown
			x.l.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: netbsd.SEGV_MAPERR})
			x.l.Platform().UserRet(x.deliver)
			if sp := x.thread.Regs().RSP; sp < scriptRAM || sp >= scriptRAM+size || !x.l.Platform().OnStack() {
				t.Errorf("overflow %d: the frame is at %#x", i, sp)
			}
			if uc := x.context(x.Link()); uc.Flags&(netbsd.UC_SETSTACK|netbsd.UC_CLRSTACK) != netbsd.UC_CLRSTACK {
				t.Errorf("overflow %d: the frame's flags are %#x", i, uc.Flags)
			}
		}
	})
}

// Where there is no memory for the frame the process dies of SIGILL (sigexit in
// sendsig_siginfo), whatever it has for that.
func TestSignalFrameWithoutStack(t *testing.T) {
	status := play(t, func(x *script) {
		x.catch(netbsd.SIGUSR1, 0)
		x.catch(netbsd.SIGILL, 0)
		x.thread.Regs().RSP = scriptRAM + 8
		x.l.Proc().Kill(netbsd.SIGUSR1)
		x.l.Platform().UserRet(x.deliver)
		t.Error("UserRet returns")
	})
	if !status.Signaled() || status.TermSignal() != netbsd.SIGILL {
		t.Errorf("status %#x", status)
	}
}

// A handler outside user space ends the process with SIGILL, once the frame is written: the end
// of sendsig_siginfo.
func TestHandlerOutsideUserSpace(t *testing.T) {
	for _, at := range []uint64{netbsd.StackTop, 1 << 47, 1 << 63} {
		var frame []byte
		status := play(t, func(x *script) {
			x.l.Sigaction(netbsd.SIGUSR1, &kern.Action{Handler: at, Vers: syscalls.TrampVersion, Tramp: trampoline})
			x.catch(netbsd.SIGILL, 0)
			frame, _ = x.mem.at(netbsd.SignalFrameAddr(x.thread.Regs().RSP, nil), 8)
			x.l.Proc().Kill(netbsd.SIGUSR1)
			x.l.Platform().UserRet(x.deliver)
			t.Errorf("%#x: UserRet returns", at)
		})
		if !status.Signaled() || status.TermSignal() != netbsd.SIGILL {
			t.Errorf("%#x: status %#x", at, status)
		}
		if ret := le.Uint64(frame); ret != trampoline {
			t.Errorf("%#x: the frame returns to %#x", at, ret)
		}
	}
}

// The handler's return restores what it interrupted: registers, mask, x87 and SSE state as
// the frame has it, which the handler may have changed, and what is beyond SSE as it was,
// for which the frame has no room.
func TestHandlerReturns(t *testing.T) {
	play(t, func(x *script) {
		x.pattern()
		x.thread.Regs().RFLAGS &^= clearOnCall
		x.fp.x = 9
		x.catch(netbsd.SIGUSR1, 0)
		var before, after [netbsd.NGREG]uint64
		x.Gregs(&before)
		x.l.Proc().Kill(netbsd.SIGUSR1)
		x.l.Platform().UserRet(x.deliver)
		uc := x.Link()
		changed := x.context(uc)
		changed.FP[100] ^= 0xff
		b := make([]byte, netbsd.SizeofUcontext)
		changed.Encode(b)
		x.mem.Write(uc, b)
		x.fp = fpRegs{x: 1} // the handler has used them
		x.syscall(netbsd.SYS_setcontext, uc)
		x.Gregs(&after)
		if after != before || x.fp.fx != changed.FP || x.fp.x != 9 || x.l.Sigmask() != 0 || x.Link() != 0 {
			t.Errorf("registers %#x,\nthey were %#x;\nbeyond SSE %d, mask %v, link %#x", after, before, x.fp.x, x.l.Sigmask(), x.Link())
		}
	})
}

// A guest whose handlers never return makes toaster keep state for no more than
// maxSavedStates of them, and those that were entered last.
func TestHandlersThatDoNotReturn(t *testing.T) {
	play(t, func(x *script) {
		var last [maxSavedStates + 5]uint64
		for i := range last {
			last[i] = scriptRAM + 0x1000*uint64(i)
			x.fp.x = byte(i)
			x.saveState(last[i])
		}
		if n := len(x.frames); n != maxSavedStates {
			t.Errorf("%d states are kept", n)
		}
		x.fp.x = 0xff
		if x.EndSignal(last[0]); x.fp.x != 0xff {
			t.Error("the first one is still kept")
		}
		if x.EndSignal(last[len(last)-3]); x.fp.x != byte(len(last)-3) {
			t.Errorf("the state is %d", x.fp.x)
		}
		// Those that were entered after it are left behind, as by longjmp(3).
		x.fp.x = 0xff
		if x.EndSignal(last[len(last)-1]); x.fp.x != 0xff {
			t.Error("a handler that was left is still kept")
		}
	})
}

// Linux's words on a fault become NetBSD's: trap() of sys/arch/amd64/amd64/trap.c.
func TestFaults(t *testing.T) {
	const (
		mapErr, accErr = 1, 2
		kernel         = 0x80 // SI_KERNEL
		at             = 0x12345678
	)
	for _, c := range []struct {
		name string
		trap platform.Trap
		want netbsd.Siginfo
	}{
		{"nothing mapped", platform.Trap{Signo: 11, Code: mapErr, Addr: at, Trapno: 14}, netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: netbsd.SEGV_MAPERR, Addr: at, Trap: netbsd.T_PAGEFLT}},
		{"not to be written", platform.Trap{Signo: 11, Code: accErr, Addr: at, Trapno: 14, Err: 7}, netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: netbsd.SEGV_ACCERR, Addr: at, Trap: netbsd.T_PAGEFLT}},
		{"beyond the end of a file", platform.Trap{Signo: 7, Code: 2, Addr: at, Trapno: 14}, netbsd.Siginfo{Signo: netbsd.SIGBUS, Code: netbsd.BUS_ADRERR, Addr: at, Trap: netbsd.T_PAGEFLT}},
		{"no canonical address", platform.Trap{Signo: 11, Code: kernel, Trapno: 13}, netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: netbsd.SEGV_ACCERR, Addr: scriptCode, Trap: netbsd.T_PROTFLT}},
		{"division by zero", platform.Trap{Signo: 8, Code: 1, Addr: scriptCode, Trapno: 0}, netbsd.Siginfo{Signo: netbsd.SIGFPE, Code: netbsd.FPE_INTDIV, Addr: scriptCode, Trap: netbsd.T_DIVIDE}},
		{"no such instruction", platform.Trap{Signo: 4, Code: 2, Addr: scriptCode, Trapno: 6}, netbsd.Siginfo{Signo: netbsd.SIGILL, Code: netbsd.ILL_PRVOPC, Addr: scriptCode, Trap: netbsd.T_PRIVINFLT}},
		{"not aligned", platform.Trap{Signo: 7, Code: 1, Trapno: 17}, netbsd.Siginfo{Signo: netbsd.SIGBUS, Code: netbsd.BUS_ADRALN, Addr: scriptCode, Trap: netbsd.T_ALIGNFLT}},
		{"breakpoint", platform.Trap{Signo: 5, Code: kernel, Trapno: 3}, netbsd.Siginfo{Signo: netbsd.SIGTRAP, Code: netbsd.TRAP_BRKPT, Trap: netbsd.T_BPTFLT}},
		{"single step", platform.Trap{Signo: 5, Code: 2, Trapno: 1}, netbsd.Siginfo{Signo: netbsd.SIGTRAP, Code: netbsd.TRAP_TRACE, Trap: netbsd.T_TRCTRAP}},
	} {
		play(t, func(x *script) {
			x.catch(c.want.Signo, 0)
			c.trap.Kind = platform.Fault
			x.sys.handle(x.Context, &c.trap)
			delivered := false
			x.l.Platform().UserRet(func(d *kern.Delivery) bool {
				delivered = true
				if d.Info != c.want {
					t.Errorf("%s: %+v, want %+v", c.name, d.Info, c.want)
				}
				return true
			})
			if !delivered {
				t.Errorf("%s: no signal", c.name)
			}
		})
	}
}

// trap() and cpu_getmcontext of amd64: within a restartable sequence a breakpoint and a step are no signals, and a step goes on; a context has
// the sequence's beginning.
func TestFaultsInASequence(t *testing.T) {
	play(t, func(x *script) {
		r := x.thread.Regs()
		r.RIP = scriptCode
		x.l.Proc().RasControl(kern.RAS{Addr: scriptCode - 4, Len: 8}, netbsd.RAS_INSTALL)
		x.catch(netbsd.SIGTRAP, 0)
		for _, trapno := range []uint64{1, 3} {
			r.RFLAGS |= userFlagTF
			x.sys.handle(x.Context, &platform.Trap{Kind: platform.Fault, Signo: 5, Code: 2, Trapno: trapno})
			x.l.Platform().UserRet(func(d *kern.Delivery) bool {
				t.Errorf("exception %d: %+v", trapno, d.Info)
				return true
			})
			if r.RIP != scriptCode || r.RFLAGS&userFlagTF == 0 {
				t.Errorf("exception %d: %+v", trapno, r)
			}
		}
		if u := x.interrupted(0); u.Gregs[netbsd.REG_RIP] != scriptCode-4 {
			t.Errorf("the context's RIP: %#x", u.Gregs[netbsd.REG_RIP])
		}
		if r.RIP += 4; x.interrupted(0).Gregs[netbsd.REG_RIP] != r.RIP {
			t.Error("behind the sequence the context is not where the program is")
		}
		x.sys.handle(x.Context, &platform.Trap{Kind: platform.Fault, Signo: 5, Code: 128, Trapno: 3})
		met := false
		x.l.Platform().UserRet(func(d *kern.Delivery) bool { met = true; return true })
		if !met {
			t.Error("behind the sequence a breakpoint is no signal")
		}
	})
}

// A fault whose signal is blocked or ignored is not taken for ever: the process dies of it
// (trapsignal of kern_sig.c).
func TestFaultIgnored(t *testing.T) {
	for name, prepare := range map[string]func(*kern.LWP){
		"blocked": func(l *kern.LWP) { l.Platform().SetSigmask(netbsd.SigsetOf(netbsd.SIGSEGV)) },
		"ignored": func(l *kern.LWP) { l.Sigaction(netbsd.SIGSEGV, &kern.Action{Handler: netbsd.SIG_IGN}) },
	} {
		status := play(t, func(x *script) {
			prepare(x.l)
			x.sys.handle(x.Context, &platform.Trap{Kind: platform.Fault, Signo: 11, Code: 1, Trapno: 14})
			x.l.Platform().UserRet(x.deliver)
			t.Errorf("%s: it lives", name)
		})
		if status.TermSignal() != netbsd.SIGSEGV {
			t.Errorf("%s: status %#x", name, status)
		}
	}
}

// fputrap of sys/arch/x86/x86/fpu.c: what the FPU or SSE notes and does not mask is the code and si_trap, and is
// noted no longer; what else their state says stays.
func TestFPUExceptions(t *testing.T) {
	for _, c := range []struct {
		name            string
		trapno          uint64
		control, status uint16
		mxcsr           uint32
		code            int32
		noted           int32
		statusAfter     uint16
		mxcsrAfter      uint32
	}{
		{"x87, a division by zero", 16, 0x37b, 0xb884, 0x1f80, netbsd.FPE_FLTDIV, 4, 0x3800, 0x1f80},
		{"x87, overflow beside what is masked", 16, 0x377, 0x80a8, 0x1f80, netbsd.FPE_FLTOVF, 8, 0, 0x1f80},
		{"x87, a stack fault", 16, 0x37f, 0x8241, 0x1f80, netbsd.FPE_FLTINV, 0x40, 0x0200, 0x1f80},
		{"SSE, a division by zero", 19, 0x37f, 0, 0x1d84, netbsd.FPE_FLTDIV, 4, 0, 0x1d80},
		{"SSE, underflow and what is masked", 19, 0x37f, 0, 0x17b0, netbsd.FPE_FLTUND, 0x10, 0, 0x1780},
	} {
		play(t, func(x *script) {
			le.PutUint16(x.fp.fx[0:], c.control)
			le.PutUint16(x.fp.fx[2:], c.status)
			le.PutUint32(x.fp.fx[24:], c.mxcsr)
			x.catch(netbsd.SIGFPE, 0)
			x.sys.handle(x.Context, &platform.Trap{Kind: platform.Fault, Signo: 8, Trapno: c.trapno})
			var got netbsd.Siginfo
			x.l.Platform().UserRet(func(d *kern.Delivery) bool { got = d.Info; return true })
			if got.Signo != netbsd.SIGFPE || got.Code != c.code || got.Trap != c.noted || got.Addr != scriptCode {
				t.Errorf("%s: %+v, want code %d, trap %#x", c.name, got, c.code, c.noted)
			}
			if st, mx := le.Uint16(x.fp.fx[2:]), le.Uint32(x.fp.fx[24:]); st != c.statusAfter || mx != c.mxcsrAfter {
				t.Errorf("%s: status %#x, MXCSR %#x, want %#x, %#x", c.name, st, mx, c.statusAfter, c.mxcsrAfter)
			}
		})
	}
}
