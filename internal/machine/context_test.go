package machine

import (
	"testing"

	"toaster/internal/platform"
	"toaster/netbsd"
)

// userGregs are general registers that a program can have.
func userGregs() (u [netbsd.NGREG]uint64) {
	for i := range u {
		u[i] = 0x1000 + uint64(i)
	}
	u[netbsd.REG_CS], u[netbsd.REG_SS] = netbsd.UserCS, netbsd.UserDS
	u[netbsd.REG_DS], u[netbsd.REG_ES], u[netbsd.REG_FS], u[netbsd.REG_GS] = netbsd.UserDS, 0, 0, 0
	u[netbsd.REG_RFLAGS] = flagsFixed | flagsIntOn
	return u
}

// Registers that no user program can have are EINVAL, and none is set: flags of
// PSL_USERSTATIC, selectors other than the user's in GDT and LDT, which data segments but %ds
// and %ss may leave empty, and code outside user space, which ends at VM_MAXUSER_ADDRESS, a page below the kernel's part
// (cpu_mcontext_validate of sys/arch/amd64/amd64/machdep.c, which process_write_regs uses, too; vmparam.h).
func TestSetGregs(t *testing.T) {
	const gdtCS, gdtDS = 3<<3 | 3, 4<<3 | 3
	for _, c := range []struct {
		name  string
		set   func(*[netbsd.NGREG]uint64)
		errno netbsd.Errno
	}{
		{"as they are", func(u *[netbsd.NGREG]uint64) {}, 0},
		{"selectors of the GDT", func(u *[netbsd.NGREG]uint64) {
			u[netbsd.REG_CS], u[netbsd.REG_SS], u[netbsd.REG_DS] = gdtCS, gdtDS, gdtDS
		}, 0},
		{"all data segments", func(u *[netbsd.NGREG]uint64) {
			u[netbsd.REG_ES], u[netbsd.REG_FS], u[netbsd.REG_GS] = netbsd.UserDS, gdtDS, netbsd.UserDS
		}, 0},
		{"above 16 bits", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_CS] |= 1 << 16 }, 0},
		{"flags that are the program's", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_RFLAGS] |= settable }, 0},
		{"no stack segment", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_SS] = 0 }, netbsd.EINVAL},
		{"no data segment", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_DS] = 0 }, netbsd.EINVAL},
		{"the kernel's code", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_CS] = 1 << 3 }, netbsd.EINVAL},
		{"data for code", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_CS] = netbsd.UserDS }, netbsd.EINVAL},
		{"code for data", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_FS] = netbsd.UserCS }, netbsd.EINVAL},
		{"interrupts off", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_RFLAGS] &^= flagsIntOn }, netbsd.EINVAL},
		{"I/O privilege", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_RFLAGS] |= 0x3000 }, netbsd.EINVAL},
		{"nested task", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_RFLAGS] |= 0x4000 }, netbsd.EINVAL},
		{"virtual 8086", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_RFLAGS] |= 0x20000 }, netbsd.EINVAL},
		{"a bit that must be zero", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_RFLAGS] |= 8 }, netbsd.EINVAL},
		{"the last code address", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_RIP] = 0x7f7fffffefff }, 0},
		{"code beyond user space", func(u *[netbsd.NGREG]uint64) { u[netbsd.REG_RIP] = 0x7f7ffffff000 }, netbsd.EINVAL},
	} {
		play(t, func(x *script) {
			u := userGregs()
			c.set(&u)
			before := *x.thread.Regs()
			if errno := x.SetGregs(&u); errno != c.errno {
				t.Errorf("%s: %v, want %v", c.name, errno, c.errno)
			}
			r := *x.thread.Regs()
			switch {
			case c.errno != 0 && r != before:
				t.Errorf("%s: refused, but set", c.name)
			case c.errno == 0 && (r.RIP != u[netbsd.REG_RIP] || r.RFLAGS != u[netbsd.REG_RFLAGS] || r.R15 != u[netbsd.REG_R15]):
				t.Errorf("%s: %+v", c.name, r)
			}
		})
	}
}

// Whatever flags a guest leaves in its slot, its registers can be set as they were read.
func TestGregsOfAHostileGuest(t *testing.T) {
	play(t, func(x *script) {
		var u [netbsd.NGREG]uint64
		for bit := range 64 {
			x.thread.Regs().RFLAGS = 1 << bit
			x.Gregs(&u)
			if errno := x.SetGregs(&u); errno != 0 {
				t.Errorf("bit %d: %v", bit, errno)
			}
		}
	})
}

// x86_set_sdbase (sys/arch/x86/x86/sys_machdep.c): EINVAL from VM_MAXUSER_ADDRESS on, and the base of FS stays. lwp_setprivate (kern_lwp.c) has stored
// the pointer by then, which is told.
func TestSetTLSBase(t *testing.T) {
	play(t, func(x *script) {
		for _, c := range []struct {
			base  uint64
			errno netbsd.Errno
		}{{0x1000, 0}, {0, 0}, {0x7f7fffffefff, 0}, {0x7f7ffffff000, netbsd.EINVAL}, {1 << 63, netbsd.EINVAL}} {
			want := c.base
			if c.errno != 0 {
				want = x.thread.Regs().FSBase
			}
			if errno := x.SetTLSBase(c.base); errno != c.errno || x.TLSBase() != c.base || x.thread.Regs().FSBase != want {
				t.Errorf("%#x: %v, want %v; l_private %#x, the base of FS %#x, want %#x", c.base, errno, c.errno, x.TLSBase(), x.thread.Regs().FSBase, want)
			}
		}
	})
}

// sysarch(2) sets the base of FS and leaves l_private (x86_set_sdbase), until _lwp_setprivate(2) sets both, which the stub answers.
func TestSetFSBase(t *testing.T) {
	play(t, func(x *script) {
		are := func(name string, private, fs uint64) {
			t.Helper()
			if x.TLSBase() != private || x.FSBase() != fs {
				t.Errorf("%s: l_private %#x, the base of FS %#x, want %#x and %#x", name, x.TLSBase(), x.FSBase(), private, fs)
			}
		}
		x.SetTLSBase(0x1000)
		x.SetFSBase(0x2000)
		are("sysarch(2)", 0x1000, 0x2000)
		x.SetFSBase(0x3000)
		are("another", 0x1000, 0x3000)
		if errno := x.SetFSBase(1 << 63); errno != netbsd.EINVAL {
			t.Error(errno)
		}
		are("one that is refused", 0x1000, 0x3000)
		x.thread.Regs().FSBase = 0x4000
		are("_lwp_setprivate(2), answered by the stub", 0x4000, 0x4000)
		x.SetFSBase(0x2000)
		x.SetTLSBase(0x5000)
		are("_lwp_setprivate(2)", 0x5000, 0x5000)
	})
}

// A context says why the LWP was in the kernel (cpu_getmcontext of sys/arch/amd64/amd64/machdep.c, which reads the trap frame): of a fault
// the trap and the processor's error code, of a system call T_ASTFLT and the length of its instruction (syscall in
// locore.S), of an interrupt T_ASTFLT. Who sets registers sets neither (cpu_setmcontext).
func TestContextTellsTrap(t *testing.T) {
	play(t, func(x *script) {
		told := func(name string, trapno, err uint64) {
			t.Helper()
			var u [netbsd.NGREG]uint64
			x.Gregs(&u)
			if u[netbsd.REG_TRAPNO] != trapno || u[netbsd.REG_ERR] != err {
				t.Errorf("%s: trap %d, error %#x, want %d and %#x", name, u[netbsd.REG_TRAPNO], u[netbsd.REG_ERR], trapno, err)
			}
		}
		x.syscall(netbsd.SYS_getpid)
		told("a call", netbsd.T_ASTFLT, 2)
		x.catch(netbsd.SIGSEGV, 0)
		x.sys.handle(x.Context, &platform.Trap{Kind: platform.Fault, Signo: 11, Code: netbsd.SEGV_MAPERR, Addr: 0x10, Trapno: 14, Err: 6})
		told("a write to what is not there", netbsd.T_PAGEFLT, 6)
		x.l.Platform().UserRet(x.deliver)
		if uc := x.context(x.Link()); uc.Gregs[netbsd.REG_TRAPNO] != netbsd.T_PAGEFLT || uc.Gregs[netbsd.REG_ERR] != 6 {
			t.Errorf("the handler is told of trap %d, error %#x", uc.Gregs[netbsd.REG_TRAPNO], uc.Gregs[netbsd.REG_ERR])
		}
		x.syscall(netbsd.SYS_setcontext, x.Link())
		told("setcontext(2)", netbsd.T_ASTFLT, 2)
		x.sys.handle(x.Context, &platform.Trap{Kind: platform.Kicked})
		told("an interrupt", netbsd.T_ASTFLT, 0)
	})
}
