package machine

import (
	"encoding/binary"

	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/internal/vm"
	"toaster/kern"
	"toaster/netbsd"
)

var le = binary.LittleEndian

// Context is the machine context of one LWP: its host thread and the address space it
// runs in. NetBSD keeps that in struct mdlwp and the trap frame. A handler sees it as
// syscalls.CPU.
//
// It belongs to the LWP's goroutine, between traps: nobody else may look at registers that
// the guest is about to load. What others need of it (to kick the thread, to read what is
// lent) they reach through kern, which was told where in bind.
type Context struct {
	sys    *System
	l      *kern.LWP
	thread *platform.Thread
	space  *Space
	fpu    fpu // the thread, in tests a scripted one
	call   syscalls.Call
	link   uint64 // uc_link of the current context: l_ctxlink
	alone  bool   // since its exec or fork the process had no other LWP, and has memory of its own

	private private   // l_private, where it is not the base of FS
	trapped trapFrame // what the last trap has left of itself

	cpuAt uint64 // where the guest has its struct lwpctl; 0: it has not called _lwp_ctl(2)

	stale  platform.Lent // what of the lent state is to be published before the next Run
	toLend int           // the descriptor that LendFile wants lent
	lends  bool          // the kernel collects the process's signal actions from the thread

	frames  []savedState // extended state of the contexts that handlers interrupted
	scratch [64]byte
}

// fpu is what signal frames and contexts take of a thread beside the general registers.
// These are rare enough for an interface.
//
// SaveX's result is the caller's, and only RestoreX of a thread on the same host understands
// it. What is in it is the guest's to choose.
type fpu interface {
	FP() [netbsd.SizeofFpregs]byte
	SetFP(*[netbsd.SizeofFpregs]byte)
	SaveX() []byte
	RestoreX([]byte)
	// XFeatures are the components of a state that SaveX returns, as bits of XCR0, and XComponent where one of them is.
	XFeatures() uint64
	XComponent(n int) (at, size int)
}

// savedState is the extended state (AVX and above) that a signal frame has no room for,
// and the address of the frame's ucontext. The address is only compared: a guest that resumes a
// context of its own making at that address gets its own state back.
type savedState struct {
	uc    uint64
	state []byte
}

// maxSavedStates bounds what a guest that never returns from its handlers can have the
// kernel keep; the oldest go first.
const maxSavedStates = 64

// Bits of RFLAGS. A guest may set the settable ones in a context; a handler begins without
// those of clearOnCall (PSL_CLEARSIG), as the System V ABI wants the direction flag clear
// at a function's entry.
const (
	userFlags   = 0x0cd5 // carry, parity, adjust, zero, sign, direction, overflow, trap off
	userFlagTF  = 0x0100
	userFlagID  = 0x00200000
	userFlagAC  = 0x00040000
	flagsFixed  = 0x0002
	flagsIntOn  = 0x0200
	flagsStatic = 0xffda_f22a // PSL_USERSTATIC: in user mode these are as flagsFixed and flagsIntOn say
	settable    = userFlags | userFlagTF | userFlagID | userFlagAC
	clearOnCall = userFlagTF | userFlagAC | 0x0400 // trap, alignment check, direction
)

// Selectors of user code in the GDT, which a program may use instead of those in the LDT.
const (
	gdtUserCS = 3<<3 | 3
	gdtUserDS = 4<<3 | 3
)

// trapFrame is tf_trapno and tf_err: why the LWP is in the kernel, and what the processor has said of a fault. A context tells it (cpu_getmcontext), and
// nobody sets it (cpu_setmcontext).
type trapFrame struct{ no, err uint32 }

// What there is of a system call, whose tf_err is the length of the instruction (locore.S), and of an interrupt, or before the first
// trap of a program (setregs).
var (
	trappedCall = trapFrame{netbsd.T_ASTFLT, syscallLen}
	trappedAST  = trapFrame{netbsd.T_ASTFLT, 0}
)

// Gregs implements syscalls.CPU. Selectors are those that NetBSD shows for user code, not
// the host's. A hostile guest can leave any flags in its slot; those that are shown are a
// program's, so that its tracer can set them again.
//
// The caller is the LWP's goroutine, or its tracer's while the LWP is stopped: Run, which
// stores what the guest has left in them, is not under way then.
func (mc *Context) Gregs(u *[netbsd.NGREG]uint64) {
	r := mc.thread.Regs()
	*u = [netbsd.NGREG]uint64{
		netbsd.REG_RDI: r.RDI, netbsd.REG_RSI: r.RSI, netbsd.REG_RDX: r.RDX, netbsd.REG_RCX: r.RCX,
		netbsd.REG_R8: r.R8, netbsd.REG_R9: r.R9, netbsd.REG_R10: r.R10, netbsd.REG_R11: r.R11,
		netbsd.REG_R12: r.R12, netbsd.REG_R13: r.R13, netbsd.REG_R14: r.R14, netbsd.REG_R15: r.R15,
		netbsd.REG_RBP: r.RBP, netbsd.REG_RBX: r.RBX, netbsd.REG_RAX: r.RAX,
		netbsd.REG_RIP: r.RIP, netbsd.REG_RFLAGS: r.RFLAGS&^flagsStatic | flagsFixed | flagsIntOn, netbsd.REG_RSP: r.RSP,
		netbsd.REG_CS: netbsd.UserCS, netbsd.REG_SS: netbsd.UserDS,
		netbsd.REG_DS: netbsd.UserDS, netbsd.REG_ES: netbsd.UserDS,
		netbsd.REG_TRAPNO: uint64(mc.trapped.no), netbsd.REG_ERR: uint64(mc.trapped.err),
	}
}

// CheckGregs implements syscalls.CPU as cpu_mcontext_validate: EINVAL for what no program of NetBSD's can have.
// The host would not load them in any case; selectors are checked and then the
// host's.
func (*Context) CheckGregs(u *[netbsd.NGREG]uint64) netbsd.Errno {
	data := func(reg int) bool {
		sel := uint16(u[reg])
		return sel == netbsd.UserDS || sel == gdtUserDS
	}
	for _, reg := range []int{netbsd.REG_ES, netbsd.REG_FS, netbsd.REG_GS} {
		if uint16(u[reg]) != 0 && !data(reg) {
			return netbsd.EINVAL
		}
	}
	cs := uint16(u[netbsd.REG_CS])
	if u[netbsd.REG_RFLAGS]&flagsStatic == flagsFixed|flagsIntOn &&
		data(netbsd.REG_DS) && data(netbsd.REG_SS) && (cs == netbsd.UserCS || cs == gdtUserCS) &&
		u[netbsd.REG_RIP] < vm.Max {
		return 0
	}
	return netbsd.EINVAL
}

// SetGregs implements syscalls.CPU. EINVAL: not a program's, and nothing is set.
//
// Registers that are refused leave those of before. settable leaves out IOPL and NT. RIP has to
// be below VM_MAXUSER_ADDRESS, a page before GuestEnd, beyond which there are the stub and its slots.
func (mc *Context) SetGregs(u *[netbsd.NGREG]uint64) netbsd.Errno {
	if errno := mc.CheckGregs(u); errno != 0 {
		return errno
	}
	r := mc.thread.Regs()
	r.RDI, r.RSI, r.RDX, r.RCX = u[netbsd.REG_RDI], u[netbsd.REG_RSI], u[netbsd.REG_RDX], u[netbsd.REG_RCX]
	r.R8, r.R9, r.R10, r.R11 = u[netbsd.REG_R8], u[netbsd.REG_R9], u[netbsd.REG_R10], u[netbsd.REG_R11]
	r.R12, r.R13, r.R14, r.R15 = u[netbsd.REG_R12], u[netbsd.REG_R13], u[netbsd.REG_R14], u[netbsd.REG_R15]
	r.RBP, r.RBX, r.RAX = u[netbsd.REG_RBP], u[netbsd.REG_RBX], u[netbsd.REG_RAX]
	r.RIP, r.RSP = u[netbsd.REG_RIP], u[netbsd.REG_RSP]
	r.RFLAGS = u[netbsd.REG_RFLAGS]&settable | flagsFixed | flagsIntOn
	return 0
}

// FP implements syscalls.CPU.
func (mc *Context) FP(fp *[netbsd.SizeofFpregs]byte) { *fp = mc.fpu.FP() }

// SetFP implements syscalls.CPU. The thread drops the bits of MXCSR that the processor does not
// have: to load them would be a fault, and not the guest's.
func (mc *Context) SetFP(fp *[netbsd.SizeofFpregs]byte) { mc.fpu.SetFP(fp) }

// private is l_private of an LWP whose base of FS is another: fs, which sysarch(2) has set, or which was there when _lwp_setprivate(2) was refused. Nearly
// always they are one, and the zero value says so: the stub answers _lwp_setprivate(2), and what it sets is in the registers. So
// it is over when the base is no longer fs.
type private struct {
	differs bool
	ptr, fs uint64
}

// TLSBase implements syscalls.CPU.
func (mc *Context) TLSBase() uint64 {
	base := mc.thread.Regs().FSBase
	if p := &mc.private; p.differs && base == p.fs {
		return p.ptr
	}
	return base
}

// SetTLSBase implements syscalls.CPU: lwp_setprivate. EINVAL: it is outside user space. Then the base of FS stays, on which setcontext(2) counts;
// but that l_private is told from then on, as lwp_setprivate stores it first.
func (mc *Context) SetTLSBase(base uint64) netbsd.Errno {
	mc.private = private{}
	r := mc.thread.Regs()
	if base >= vm.Max {
		mc.private = private{true, base, r.FSBase}
		return netbsd.EINVAL
	}
	r.FSBase = base
	return 0
}

// FSBase implements syscalls.CPU.
func (mc *Context) FSBase() uint64 { return mc.thread.Regs().FSBase }

// SetFSBase implements syscalls.CPU: EINVAL outside user space (x86_set_sdbase), and the old one stays. l_private stays in any case.
func (mc *Context) SetFSBase(base uint64) netbsd.Errno {
	if base >= vm.Max {
		return netbsd.EINVAL
	}
	mc.private = private{true, mc.TLSBase(), base}
	mc.thread.Regs().FSBase = base
	return 0
}

// GSBase implements syscalls.CPU. While the stub has GS it is 0 for the guest.
func (mc *Context) GSBase() uint64 { return mc.thread.Regs().GSBase }

// SetGSBase implements syscalls.CPU: EINVAL outside user space (x86_set_sdbase). From the first one on, the guest's calls are no longer
// light traps (Space.leaveGS).
func (mc *Context) SetGSBase(base uint64) netbsd.Errno {
	if base >= vm.Max {
		return netbsd.EINVAL
	}
	r := mc.thread.Regs()
	if base == r.GSBase {
		return 0
	}
	if errno := mc.space.leaveGS(mc.thread); errno != 0 {
		return errno
	}
	r.GSBase = base
	return 0
}

// Fetched implements syscalls.CPU.
func (mc *Context) Fetched(addr uint64, b []byte) bool { return mc.thread.Fetched(addr, b) }

// FetchedPath implements syscalls.CPU.
func (mc *Context) FetchedPath(addr uint64) (string, bool) { return mc.thread.FetchedPath(addr) }

// Return implements syscalls.CPU. Who traces the call is shown what it has stored.
func (mc *Context) Return(addr uint64, b []byte) bool {
	return mc.sys.Sink == nil && !mc.l.Proc().CallsTraced() && mc.thread.Return(addr, b)
}

// Settle implements kern.Settler.
func (mc *Context) Settle() { mc.thread.Settle() }

// Link implements syscalls.CPU.
// NetBSD keeps it in l_ctxlink, and tells it to a handler and to getcontext(2); nothing in the
// kernel follows it.
func (mc *Context) Link() uint64 { return mc.link }

// SetLink implements syscalls.CPU.
func (mc *Context) SetLink(uc uint64) { mc.link = uc }
