package machine

import (
	"reflect"
	"testing"

	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// The number is the lower bits of RAX (SYS_NSYSENT is 512), the arguments are RDI, RSI, RDX,
// R10, R8, R9 and what lies above the return address (syscall() of
// sys/arch/x86/x86/syscall.c). syscall(2) and __syscall(2) take number and arguments one
// place later (sys_syscall of kern/sys_syscall.c).
func TestDecode(t *testing.T) {
	const mmap, pid = netbsd.SYS_mmap, netbsd.SYS_getpid
	for _, c := range []struct {
		name  string
		nr    uint64
		args  []uint64
		want  int
		wants []uint64
	}{
		{"no argument", pid, nil, pid, nil},
		{"bits above are ignored", 1<<32 | 3<<9 | pid, nil, pid, nil},
		{"six in registers", mmap, []uint64{1, 2, 3, 4, 5, 6, 0x1122334455667788}, mmap, []uint64{1, 2, 3, 4, 5, 6, 0x1122334455667788}},
		{"syscall", netbsd.SYS_syscall, []uint64{pid}, pid, nil},
		{"syscall, five in registers", netbsd.SYS_syscall, []uint64{mmap, 1, 2, 3, 4, 5, 6, 7}, mmap, []uint64{1, 2, 3, 4, 5, 6, 7}},
		{"__syscall", netbsd.SYS___syscall, []uint64{1<<40 | mmap, 1, 2, 3, 4, 5, 6, 7}, mmap, []uint64{1, 2, 3, 4, 5, 6, 7}},
	} {
		play(t, func(x *script) {
			x.syscall(c.nr, c.args...)
			if len(x.called) != 1 {
				t.Fatalf("%s: %d calls", c.name, len(x.called))
			}
			got := x.called[0]
			if got.Nr != c.want || len(c.wants) > 0 && !reflect.DeepEqual(got.Args[:len(c.wants)], c.wants) {
				t.Errorf("%s: %d%#x, want %d%#x", c.name, got.Nr, got.Args, c.want, c.wants)
			}
		})
	}
}

// What is on the stack is copied in before the call begins; where there is no stack the call
// is EFAULT, and does not happen (the same function's copyin).
func TestArgumentsBeyondTheStack(t *testing.T) {
	play(t, func(x *script) {
		x.thread.Regs().RSP = scriptStack - 8 // a return address, and nothing above
		r := x.syscall(netbsd.SYS_mmap, 0, 4096, 3, netbsd.MAP_ANON, ^uint64(0), 0)
		if r.RAX != uint64(netbsd.EFAULT) || r.RFLAGS&flagCarry == 0 || len(x.mem.mmaps) != 0 {
			t.Errorf("RAX %d, carry %d, mapped %+v", r.RAX, r.RFLAGS&flagCarry, x.mem.mmaps)
		}
		// Who passes all arguments in registers needs no stack.
		if r := x.syscall(netbsd.SYS_getpid); r.RFLAGS&flagCarry != 0 {
			t.Errorf("getpid: %d", r.RAX)
		}
	})
}

// A result is RAX and RDX with the carry flag clear, an error RAX with the carry flag set
// and RDX as it was (syscall() of sys/arch/x86/x86/syscall.c). getpid(2) returns the parent's
// number in RDX (sys_getpid_with_ppid).
func TestResults(t *testing.T) {
	play(t, func(x *script) {
		r := x.thread.Regs()
		r.RFLAGS |= flagCarry
		p := x.l.Proc()
		if r := x.syscall(netbsd.SYS_getpid); r.RAX != uint64(p.Pid()) || r.RDX != uint64(p.Ppid()) || r.RFLAGS&flagCarry != 0 || r.RIP != scriptCode {
			t.Errorf("getpid: %+v", r)
		}
		if r := x.syscall(netbsd.SYS_mmap, 0, 4096, 3, netbsd.MAP_ANON, ^uint64(0), 0, 0); r.RAX != 0x7f0000001000 || r.RDX != 0 {
			t.Errorf("mmap: %+v", r)
		}
		for name, nr := range map[string]uint64{
			"a call that there is not":   511,
			"syscall of syscall":         netbsd.SYS_syscall, // sys_syscall: SYCALL_INDIRECT is ENOSYS
			"syscall of __syscall":       netbsd.SYS_syscall,
			"setcontext without _UC_CPU": netbsd.SYS_setcontext,
		} {
			args := map[string][]uint64{
				"syscall of syscall":         {netbsd.SYS_syscall, netbsd.SYS_getpid},
				"syscall of __syscall":       {netbsd.SYS___syscall, netbsd.SYS_getpid},
				"setcontext without _UC_CPU": {scriptRAM, 1, 0x77},
			}[name]
			want := netbsd.ENOSYS
			if nr == netbsd.SYS_setcontext {
				want = netbsd.EINVAL
			}
			r.RFLAGS &^= flagCarry
			if got := x.syscall(nr, args...); got.RAX != uint64(want) || got.RFLAGS&flagCarry == 0 || got.RIP != scriptCode || got.RDX != regArg(args, 2) {
				t.Errorf("%s: RAX %d, want %d; RFLAGS %#x, RDX %#x", name, got.RAX, want, got.RFLAGS, got.RDX)
			}
		}
	})
}

// regArg is what syscall leaves in a register for which there is no argument.
func regArg(args []uint64, i int) uint64 {
	if i < len(args) {
		return args[i]
	}
	return 0xdead
}

// encode's outcomes one by one: ERESTART rewinds the instruction by its two bytes and
// leaves the number for it, EJUSTRETURN touches nothing.
func TestEncode(t *testing.T) {
	before := platform.Regs{RAX: 77, RDX: 8, RIP: 0x1002, RFLAGS: 0x246, RDI: 3}
	for _, c := range []struct {
		name  string
		errno netbsd.Errno
		want  func(*platform.Regs)
	}{
		{"success", 0, func(r *platform.Regs) { r.RAX, r.RDX, r.RFLAGS = 5, 6, 0x246 }},
		{"error", netbsd.EBADF, func(r *platform.Regs) { r.RAX, r.RFLAGS = uint64(netbsd.EBADF), 0x247 }},
		{"restart", netbsd.ERESTART, func(r *platform.Regs) { r.RIP, r.RAX = 0x1000, 0x2000_0000_0000_0003 }},
		{"just return", netbsd.EJUSTRETURN, func(*platform.Regs) {}},
	} {
		for _, carry := range []uint64{0, flagCarry} {
			r, want := before, before
			r.RFLAGS |= carry
			want.RFLAGS |= carry
			c.want(&want)
			encode(&r, &syscalls.Call{Ret: [2]uint64{5, 6}}, c.errno, 0x2000_0000_0000_0003)
			if r != want {
				t.Errorf("%s, carry %d:\ngot  %+v\nwant %+v", c.name, carry, r, want)
			}
		}
	}
}

// A call that a handler with SA_RESTART interrupts is made again once the handler has
// returned: the context that its frame has is in front of the instruction. Without
// SA_RESTART the call fails with EINTR (sigaction(2)).
func TestRestart(t *testing.T) {
	for _, flags := range []int32{netbsd.SA_RESTART, 0} {
		play(t, func(x *script) {
			stop := make(chan struct{})
			defer close(stop)
			if _, errno := x.l.Fork(kern.ForkArgs{Body: func(*kern.LWP) { <-stop }}); errno != 0 {
				t.Fatal(errno)
			}
			x.l.Sigaction(netbsd.SIGUSR1, &kern.Action{Handler: 0x5000, Flags: flags, Vers: syscalls.TrampVersion})
			x.l.Proc().Kill(netbsd.SIGUSR1)
			r := x.syscall(netbsd.SYS___wait450, ^uint64(0), 0, 0, 0)
			want := platform.Regs{RIP: scriptCode, RAX: uint64(netbsd.EINTR)}
			if flags != 0 {
				want = platform.Regs{RIP: scriptCode - 2, RAX: netbsd.SYS___wait450}
			}
			if r.RIP != want.RIP || r.RAX != want.RAX || (r.RFLAGS&flagCarry != 0) != (flags == 0) {
				t.Errorf("flags %#x: RIP %#x, RAX %d, RFLAGS %#x", flags, r.RIP, r.RAX, r.RFLAGS)
			}
			x.l.Platform().UserRet(x.deliver)
			uc := x.context(x.thread.Regs().RDX)
			if uc.Gregs[netbsd.REG_RIP] != want.RIP || uc.Gregs[netbsd.REG_RAX] != want.RAX {
				t.Errorf("flags %#x: the frame has RIP %#x, RAX %d", flags, uc.Gregs[netbsd.REG_RIP], uc.Gregs[netbsd.REG_RAX])
			}
		})
	}
}

// setcontext(2) returns into the context (EJUSTRETURN): nothing of it is a result's.
func TestJustReturn(t *testing.T) {
	play(t, func(x *script) {
		uc := netbsd.Ucontext{Flags: netbsd.UC_CPU, Gregs: userGregs()}
		uc.Gregs[netbsd.REG_RFLAGS] |= flagCarry
		b := make([]byte, netbsd.SizeofUcontext)
		uc.Encode(b)
		x.mem.Write(scriptRAM, b)
		x.syscall(netbsd.SYS_setcontext, scriptRAM)
		var got [netbsd.NGREG]uint64
		x.Gregs(&got)
		for _, i := range []int{netbsd.REG_RAX, netbsd.REG_RDX, netbsd.REG_RDI, netbsd.REG_RIP, netbsd.REG_RSP, netbsd.REG_RFLAGS} {
			if got[i] != uc.Gregs[i] {
				t.Errorf("register %d is %#x, want %#x", i, got[i], uc.Gregs[i])
			}
		}
	})
}

// After the host process nothing of the process can run: it dies of SIGKILL, or of the
// signal for which it was killed (kern.LWP.Lost).
func TestGone(t *testing.T) {
	status := play(t, func(x *script) {
		x.sys.handle(x.Context, &platform.Trap{Kind: platform.Gone})
		t.Error("handle returns")
	})
	if !status.Signaled() || status.TermSignal() != netbsd.SIGKILL {
		t.Errorf("status %#x", status)
	}
	status = play(t, func(x *script) {
		x.l.Proc().Kill(netbsd.SIGTERM)
		x.sys.handle(x.Context, &platform.Trap{Kind: platform.Gone})
	})
	if status.TermSignal() != netbsd.SIGTERM {
		t.Errorf("with SIGTERM pending: status %#x", status)
	}
}

// A kick is a way into the kernel, and changes nothing.
func TestKicked(t *testing.T) {
	play(t, func(x *script) {
		before := *x.thread.Regs()
		x.sys.handle(x.Context, &platform.Trap{Kind: platform.Kicked})
		if *x.thread.Regs() != before || len(x.called) != 0 {
			t.Errorf("registers %+v, calls %d", *x.thread.Regs(), len(x.called))
		}
		// But that it begins a restartable sequence anew (cpu_switchto of amd64).
		x.l.Proc().RasControl(kern.RAS{Addr: scriptCode - 4, Len: 8}, netbsd.RAS_INSTALL)
		x.thread.Regs().RIP = scriptCode
		x.sys.handle(x.Context, &platform.Trap{Kind: platform.Kicked})
		if rip := x.thread.Regs().RIP; rip != scriptCode-4 {
			t.Errorf("RIP %#x", rip)
		}
	})
}

// How much of a kevent(2) has passed in the stub the kernel is told with the call, and not with the next one.
func TestWaited(t *testing.T) {
	play(t, func(x *script) {
		x.thread.Regs().RAX = netbsd.SYS_getpid
		x.sys.handle(x.Context, &platform.Trap{Kind: platform.Syscall, Waited: 300})
		x.syscall(netbsd.SYS_getpid)
		if c := x.called; c[0].Waited != 300 || c[1].Waited != 0 {
			t.Errorf("%v, then %v", c[0].Waited, c[1].Waited)
		}
	})
}

// What is interrupted in the stub's nanosleep goes on in the kernel's, which must know.
func TestNapped(t *testing.T) {
	play(t, func(x *script) {
		x.thread.Regs().RAX = netbsd.SYS_getpid
		x.sys.handle(x.Context, &platform.Trap{Kind: platform.Syscall, Napped: true, Left: 300})
		x.syscall(netbsd.SYS_getpid)
		if c := x.called; !c[0].Napped || c[0].Left != 300 || c[1].Napped || c[1].Left != 0 {
			t.Errorf("first %v, %v; then %v, %v", c[0].Napped, c[0].Left, c[1].Napped, c[1].Left)
		}
	})
}
