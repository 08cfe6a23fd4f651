package syscalls

import (
	"bytes"
	"math"
	"sync"
	"sync/atomic"

	"toaster/kern"
	"toaster/netbsd"
)

// This file serves ptrace(2): kern knows who traces whom, and keeps a tracee where it
// is while the debugger is at its registers (CPU) and memory (Peeker).

// Peeker is a Space that lets debuggers at memory whatever its protection.
type Peeker interface {
	Peek(addr uint64, b []byte) bool
	Poke(addr uint64, b []byte) bool
}

// regFlagTrap is the processor's single-step flag.
const regFlagTrap = 0x100

// ptrace is ptrace(int request, pid_t pid, void *addr, int data).
//
// ESRCH: no such process; EINVAL: an unknown request; EPERM: it is not traced; EBUSY: by somebody else, or
// it is not stopped, or nobody has waited for its stop. Then come those of the request.
func ptrace(c *Call) netbsd.Errno {
	req, pid := c.Int(0), c.Int(1)
	if p := c.K.M.Find(pid); p != nil && req != netbsd.PT_TRACE_ME && !c.maySee(p) {
		return netbsd.ESRCH // ptrace_find
	}
	switch req {
	case netbsd.PT_TRACE_ME:
		return c.L.TraceMe()
	case netbsd.PT_ATTACH:
		return c.ptraceAttach(pid)
	}
	r, ok := traceRequests()[req]
	if !ok {
		if !c.L.TraceFinds(pid) {
			return netbsd.ESRCH
		}
		return netbsd.EINVAL
	}
	if p := c.K.M.Find(pid); r.inside && p != nil && !c.isUnder(p) {
		return netbsd.EPERM
	}
	if errno := c.L.TraceAllowed(pid, r.running, r.private); errno != 0 {
		return errno
	}
	return r.serve(c, req, pid, c.Ptr(2), c.Int(3))
}

// ptraceAttach is PT_ATTACH: what kern.LWP.PtraceAttach says, and EPERM: the process is not below the caller's root. A tracee that slept in the kernel
// mostly stops before the caller goes on, as who is woken there runs before who goes back to user mode.
func (c *Call) ptraceAttach(pid int) netbsd.Errno {
	if errno := c.L.MayAttach(pid); errno != 0 {
		return errno
	}
	if p := c.K.M.Find(pid); p != nil && !c.isUnder(p) {
		return netbsd.EPERM
	}
	errno := c.L.PtraceAttach(pid)
	if errno == 0 {
		yield()
	}
	return errno
}

// traceRequest is a request about a tracee: what is asked before (kern.LWP.TraceAllowed), and who serves it. inside: it is about memory
// or registers, which are shown to nobody out of a root that the tracee is not below.
type traceRequest struct {
	running, private, inside bool

	serve func(c *Call, req, pid int, addr uint64, data int) netbsd.Errno
}

// traceRequests are those of amd64.
var traceRequests = sync.OnceValue(func() map[int]traceRequest {
	return map[int]traceRequest{
		netbsd.PT_KILL:              {true, false, false, func(c *Call, _, pid int, _ uint64, _ int) netbsd.Errno { return c.L.PtraceKill(pid) }},
		netbsd.PT_STOP:              {true, false, false, func(c *Call, _, pid int, _ uint64, _ int) netbsd.Errno { return c.L.PtraceStop(pid) }},
		netbsd.PT_CONTINUE:          {false, false, false, (*Call).ptraceResume},
		netbsd.PT_STEP:              {false, false, false, (*Call).ptraceResume},
		netbsd.PT_SYSCALL:           {false, false, false, (*Call).ptraceResume},
		netbsd.PT_DETACH:            {false, false, false, (*Call).ptraceResume},
		netbsd.PT_READ_I:            {false, true, true, (*Call).ptraceWord},
		netbsd.PT_READ_D:            {false, true, true, (*Call).ptraceWord},
		netbsd.PT_WRITE_I:           {false, true, true, (*Call).ptraceWord},
		netbsd.PT_WRITE_D:           {false, true, true, (*Call).ptraceWord},
		netbsd.PT_IO:                {false, true, true, (*Call).ptraceIO},
		netbsd.PT_GETREGS:           {false, true, true, (*Call).ptraceRegs},
		netbsd.PT_SETREGS:           {false, true, true, (*Call).ptraceRegs},
		netbsd.PT_GETFPREGS:         {false, true, true, (*Call).ptraceRegs},
		netbsd.PT_SETFPREGS:         {false, true, true, (*Call).ptraceRegs},
		netbsd.PT_GETXSTATE:         {false, true, true, (*Call).ptraceXState},
		netbsd.PT_SETXSTATE:         {false, true, true, (*Call).ptraceXState},
		netbsd.PT_GETDBREGS:         {false, true, true, (*Call).ptraceDebugRegs},
		netbsd.PT_SETDBREGS:         {false, true, true, (*Call).ptraceDebugRegs},
		netbsd.PT_SUSPEND:           {false, false, false, (*Call).ptraceLWPState},
		netbsd.PT_RESUME:            {false, false, false, (*Call).ptraceLWPState},
		netbsd.PT_SETSTEP:           {false, false, false, (*Call).ptraceLWPState},
		netbsd.PT_CLEARSTEP:         {false, false, false, (*Call).ptraceLWPState},
		netbsd.PT_LWPINFO:           {false, false, false, (*Call).ptraceLWP},
		netbsd.PT_LWPSTATUS:         {false, false, false, (*Call).ptraceLWP},
		netbsd.PT_LWPNEXT:           {false, false, false, (*Call).ptraceLWP},
		netbsd.PT_SET_EVENT_MASK:    {false, true, false, (*Call).ptraceEvents},
		netbsd.PT_GET_EVENT_MASK:    {false, true, false, (*Call).ptraceEvents},
		netbsd.PT_GET_PROCESS_STATE: {false, true, false, (*Call).ptraceState},
		netbsd.PT_SET_SIGINFO:       {false, true, true, (*Call).ptraceSiginfo},
		netbsd.PT_GET_SIGINFO:       {false, true, true, (*Call).ptraceSiginfo},
		netbsd.PT_SET_SIGPASS:       {false, false, false, (*Call).ptraceSigpass},
		netbsd.PT_GET_SIGPASS:       {false, false, false, (*Call).ptraceSigpass},
		netbsd.PT_DUMPCORE:          {false, false, false, (*Call).ptraceDump},
		netbsd.PT_SYSCALLEMU:        {false, false, false, func(c *Call, _, pid int, _ uint64, _ int) netbsd.Errno { return c.L.PtraceSyscallEmu(pid) }},
	}
})

// ptraceResume makes a tracee go on: at addr unless that is 1. data is a signal; negative, or above 0 for PT_STEP, it is the one LWP that goes on. EINVAL, ESRCH and EDEADLK of kern.Proc.MayResume; EINVAL: addr is 0, where
// no program can be.
func (c *Call) ptraceResume(req, pid int, addr uint64, data int) netbsd.Errno {
	a := kern.ResumeArgs{
		Step:    req == netbsd.PT_STEP,
		Syscall: req == netbsd.PT_SYSCALL,
		Detach:  req == netbsd.PT_DETACH,
	}
	switch {
	case data < 0:
		a.LWP = -data
	case a.Step:
		a.LWP = data // alone, whatever ptrace(2) says
	default:
		a.Signal = netbsd.Signal(min(data, netbsd.NSIG))
	}
	errno := c.L.Look(pid, func(t *kern.Proc) netbsd.Errno {
		if data == math.MinInt32 {
			t.AskCalls(a.Syscall)
			return netbsd.ESRCH
		}
		l, errno := t.MayResume(&a)
		if errno == 0 && addr == 0 {
			errno = netbsd.EINVAL // vm.user_va0_disable
		}
		if errno != 0 {
			return errno
		}
		return prepareResume(t, l, &a, addr)
	})
	if errno != 0 {
		return errno
	}
	return c.L.PtraceResume(pid, a)
}

// prepareResume sets the program counter of one LWP, and the single-step flag of it and the
// others. EINVAL: that of a program of the host, which has them elsewhere, so that it goes on where it is.
func prepareResume(t *kern.Proc, which *kern.LWP, a *kern.ResumeArgs, pc uint64) netbsd.Errno {
	for _, l := range t.LWPInfos() {
		cpu, ok := l.LWP.Platform().Machdep().(CPU)
		switch {
		case ok:
		case l.LWP == which && (a.Step || pc != 1):
			return netbsd.EINVAL
		default:
			continue
		}
		var g [netbsd.NGREG]uint64
		cpu.Gregs(&g)
		g[netbsd.REG_RFLAGS] &^= regFlagTrap
		if l.Steps && !a.Detach || a.Step && l.LWP == which {
			g[netbsd.REG_RFLAGS] |= regFlagTrap
		}
		if l.LWP == which && pc != 1 {
			g[netbsd.REG_RIP] = pc
		}
		if errno := cpu.SetGregs(&g); errno != 0 {
			return errno
		}
	}
	return 0
}

// traceLWP picks an LWP of a tracee by id; 0 is the first, the youngest. Of a single one the id is not looked at
// (ptrace_update_lwp); one that has ended and has not been waited for counts.
func traceLWP(t *kern.Proc, lid int) (kern.LWPInfo, netbsd.Errno) {
	single := t.NumLWPs() == 1
	for _, l := range t.LWPInfos() {
		if l.LWP.ID() == lid || lid == 0 || single {
			return l, 0
		}
	}
	return kern.LWPInfo{}, netbsd.ESRCH
}

// ptraceLWPState is PT_SUSPEND, PT_RESUME, PT_SETSTEP and PT_CLEARSTEP. ESRCH: no LWP is data.
func (c *Call) ptraceLWPState(req, pid int, _ uint64, data int) netbsd.Errno {
	if req == netbsd.PT_SETSTEP || req == netbsd.PT_CLEARSTEP {
		return c.L.PtraceSetStep(pid, data, req == netbsd.PT_SETSTEP)
	}
	return c.L.PtraceSuspend(pid, data, req == netbsd.PT_SUSPEND)
}

// ptraceWord moves an int from or to the tracee's memory. Beyond the addresses of programs nothing is moved, and that is no
// error (uvm_io).
func (c *Call) ptraceWord(req, pid int, addr uint64, data int) netbsd.Errno {
	return c.L.Look(pid, func(t *kern.Proc) netbsd.Errno {
		var b [4]byte
		if req == netbsd.PT_WRITE_I || req == netbsd.PT_WRITE_D {
			putLE32(b[:], uint32(data))
			if errno := outsideRAS(t, addr); errno != 0 {
				return errno
			}
			_, errno := pokeMemory(t, addr, b[:])
			return errno
		}
		_, errno := peekMemory(t, addr, b[:])
		c.Ret[0] = uint64(int64(int32(le32(b[:]))))
		return errno
	})
}

// traceRange is how much of n bytes at addr uvm_io moves: none beyond the addresses of programs. EIO: the range goes beyond the
// last address there is.
func traceRange(addr uint64, n int) (int, netbsd.Errno) {
	if n > 0 && addr+uint64(n)-1 < addr {
		return 0, netbsd.EIO
	}
	if addr >= netbsd.VM_MAXUSER_ADDRESS {
		return 0, 0
	}
	return int(min(uint64(n), netbsd.VM_MAXUSER_ADDRESS-addr)), 0
}

// peekMemory returns how much it has read. EINVAL: there is a hole (uvm_map_extract).
func peekMemory(t *kern.Proc, addr uint64, b []byte) (int, netbsd.Errno) {
	n, errno := traceRange(addr, len(b))
	if errno != 0 || n == 0 {
		return 0, errno
	}
	if m, ok := t.VM().(Peeker); ok && m.Peek(addr, b[:n]) {
		return n, 0
	}
	return 0, netbsd.EINVAL
}

// outsideRAS is EACCES for an address in a restartable sequence (ptrace_doio). PT_WRITE_I and PT_WRITE_D ask for where they write, PT_IO
// for where its descriptor lies.
func outsideRAS(t *kern.Proc, addr uint64) netbsd.Errno {
	if _, in := t.RASStart(addr); in {
		return netbsd.EACCES
	}
	return 0
}

// pokeMemory returns how much it has written. EINVAL: there is a hole.
func pokeMemory(t *kern.Proc, addr uint64, b []byte) (int, netbsd.Errno) {
	n, errno := traceRange(addr, len(b))
	if errno != 0 || n == 0 {
		return 0, errno
	}
	if m, ok := t.VM().(Peeker); ok && m.Poke(addr, b[:n]) {
		return n, 0
	}
	return 0, netbsd.EINVAL
}

// ptraceIOMax is what one PT_IO moves; the length that comes back tells.
const ptraceIOMax = 1 << 20

// ptraceIO is PT_IO: addr is a struct ptrace_io_desc, whose size is data, if that is not 0. EINVAL: it is another, no such
// operation, or nothing is to be moved. EFAULT.
func (c *Call) ptraceIO(_, pid int, addr uint64, data int) netbsd.Errno {
	if data != 0 && data != netbsd.SizeofPtraceIODesc {
		return netbsd.EINVAL
	}
	in, errno := c.in(addr, netbsd.SizeofPtraceIODesc)
	if errno != 0 {
		return errno
	}
	d := netbsd.DecodePtraceIODesc(in)
	if d.Len < 1 {
		return netbsd.EINVAL
	}
	d.Len = min(d.Len, ptraceIOMax)
	b := make([]byte, d.Len)
	errno = c.L.Look(pid, func(t *kern.Proc) netbsd.Errno {
		if d.Op == netbsd.PIOD_WRITE_D || d.Op == netbsd.PIOD_WRITE_I {
			if errno := outsideRAS(t, addr); errno != 0 {
				return errno
			}
		}
		n, errno := c.ptraceMove(t, &d, b)
		d.Len = uint64(n)
		return errno
	})
	if errno != 0 {
		return errno
	}
	out := c.out(netbsd.SizeofPtraceIODesc)
	d.Encode(out)
	return c.copyout(addr, out)
}

// ptraceMove carries out an operation of PT_IO with b as the buffer, and returns how much has been moved (ptrace_doio).
func (c *Call) ptraceMove(t *kern.Proc, d *netbsd.PtraceIODesc, b []byte) (n int, errno netbsd.Errno) {
	switch d.Op {
	case netbsd.PIOD_WRITE_D, netbsd.PIOD_WRITE_I:
		if errno := c.Space.Read(d.Addr, b); errno != 0 {
			return 0, errno
		}
		return pokeMemory(t, d.Offs, b)
	case netbsd.PIOD_READ_D, netbsd.PIOD_READ_I:
		n, errno = peekMemory(t, d.Offs, b)
	case netbsd.PIOD_READ_AUXV:
		n, errno = peekAuxv(t, d.Offs, b)
	default:
		return 0, netbsd.EINVAL
	}
	if errno != 0 || n == 0 {
		return 0, errno
	}
	return n, c.copyout(d.Addr, b[:n])
}

// peekAuxv reads from offset off of the auxiliary vector, which begins behind the environment (process_auxv_offset). EIO: there is
// no such offset, or the program has made nonsense of struct ps_strings.
func peekAuxv(t *kern.Proc, off uint64, b []byte) (int, netbsd.Errno) {
	if off > netbsd.AuxvRoom {
		return 0, netbsd.EIO
	}
	b = b[:min(uint64(len(b)), netbsd.AuxvRoom-off)]
	const psStrings = netbsd.StackTop - 32
	var ps [32]byte
	if _, errno := peekMemory(t, psStrings, ps[:]); errno != 0 {
		return 0, errno
	}
	envp, n := le64(ps[16:]), uint64(le32(ps[24:]))
	at := envp + 8*(n+1) + off
	if envp == 0 || at > psStrings {
		return 0, netbsd.EIO
	}
	return peekMemory(t, at, b[:min(uint64(len(b)), psStrings-at)])
}

// ptraceDump has a tracee leave a core file, whose name has data bytes at addr; without any it is the usual one
// (ptrace_dumpcore). EINVAL: no such length. EFAULT. EFBIG: RLIMIT_CORE. EPERM: it runs with another's rights. Those of open(2).
func (c *Call) ptraceDump(_, pid int, addr uint64, data int) netbsd.Errno {
	info, lid, errno := c.L.PtraceSiginfo(pid)
	if errno != 0 {
		return errno
	}
	info.LWP = int32(lid)
	var name *string
	if addr != 0 {
		if data < 0 || data >= netbsd.PATH_MAX {
			return netbsd.EINVAL
		}
		path := make([]byte, data)
		if errno := c.Space.Read(addr, path); errno != 0 {
			return errno
		}
		path, _, _ = bytes.Cut(path, []byte{0})
		s := string(path)
		name = &s
	}
	return c.L.Look(pid, func(t *kern.Proc) netbsd.Errno {
		l, errno := traceLWP(t, 0)
		if errno != 0 {
			return errno
		}
		return c.K.DumpCore(c.L, l.LWP, name, &info)
	})
}

// lookAt calls f with the processor of a tracee's LWP, 0 for the first. ESRCH: there is none. EINVAL: it has no processor.
func (c *Call) lookAt(pid, lid int, f func(CPU, *kern.LWPInfo) netbsd.Errno) netbsd.Errno {
	return c.L.Look(pid, func(t *kern.Proc) netbsd.Errno {
		info, errno := traceLWP(t, lid)
		if errno != 0 {
			return errno
		}
		cpu, ok := info.LWP.Platform().Machdep().(CPU)
		if !ok {
			return netbsd.EINVAL
		}
		return f(cpu, &info)
	})
}

// ptraceRegs moves registers; data is the LWP, 0 for the first. ESRCH: there is none. EFAULT. EBUSY: they are not to be set now. EINVAL: no program's.
func (c *Call) ptraceRegs(req, pid int, addr uint64, data int) netbsd.Errno {
	set := &generalRegs
	if req == netbsd.PT_GETFPREGS || req == netbsd.PT_SETFPREGS {
		set = &fpRegs
	}
	return c.lookAt(pid, data, func(cpu CPU, info *kern.LWPInfo) netbsd.Errno {
		if req == netbsd.PT_GETREGS || req == netbsd.PT_GETFPREGS {
			b := c.out(set.size)
			set.read(cpu, b)
			return c.copyout(addr, b)
		}
		b, errno := c.in(addr, set.size)
		switch {
		case errno != 0:
			return errno
		case info.Busy:
			return netbsd.EBUSY
		}
		return set.write(cpu, b)
	})
}

// ptraceXState is PT_GETXSTATE and PT_SETXSTATE: addr is a struct iovec that says where the caller has a struct xstate, and how much of
// it; data is the LWP. What is set is what is there with as much of the caller's as there is (process_machdep_doxstate). ESRCH: no such LWP. EFAULT. EINVAL as CPU.SetXState.
func (c *Call) ptraceXState(req, pid int, addr uint64, data int) netbsd.Errno {
	return c.lookAt(pid, data, func(cpu CPU, _ *kern.LWPInfo) netbsd.Errno {
		var iov [16]byte
		if errno := c.Space.Read(addr, iov[:]); errno != 0 {
			return errno
		}
		at, n := le64(iov[:]), min(le64(iov[8:]), netbsd.SizeofXstate)
		var x netbsd.Xstate
		cpu.XState(&x)
		if req == netbsd.PT_GETXSTATE {
			return c.copyout(at, x[:n])
		}
		if errno := c.Space.Read(at, x[:n]); errno != 0 {
			return errno
		}
		return cpu.SetXState(&x)
	})
}

// ptraceDebugRegs is PT_GETDBREGS and PT_SETDBREGS; data is the LWP. EPERM: only the superuser sets them, unless
// security.models.extensions.user_set_dbregs lets everybody (secmodel_extensions_process_cb), or the host lets nobody. EINVAL: an address that is not a
// program's, or bits that must be 0 (x86_dbregs_validate); or what the host has no watch for.
func (c *Call) ptraceDebugRegs(req, pid int, addr uint64, data int) netbsd.Errno {
	if req == netbsd.PT_SETDBREGS && c.L.Proc().Cred().RUID != 0 && c.K.userDebugRegs.Load() == 0 {
		return netbsd.EPERM
	}
	return c.L.Look(pid, func(t *kern.Proc) netbsd.Errno {
		info, errno := traceLWP(t, data)
		if errno != 0 {
			return errno
		}
		if req == netbsd.PT_GETDBREGS {
			b := c.out(netbsd.SizeofDbregs)
			for i, v := range info.LWP.Platform().DebugRegs() {
				putLE64(b[8*i:], v)
			}
			return c.copyout(addr, b)
		}
		return c.setDebugRegs(&info, addr)
	})
}

// userDebugRegsNode says whether users may set debug registers of processes that they trace.
func userDebugRegsNode(num int32) sysctlNode {
	n := settableInt(num, "user_set_dbregs", func(c *Call) *atomic.Int32 { return &c.K.userDebugRegs }).says("Whether users may set debug registers")
	return n.judged(func(c *Call, v int64) netbsd.Errno {
		if v == 0 || v == int64(c.K.userDebugRegs.Load()) {
			return 0
		}
		return c.secured()
	})
}

func (c *Call) setDebugRegs(l *kern.LWPInfo, addr uint64) netbsd.Errno {
	b, errno := c.in(addr, netbsd.SizeofDbregs)
	if errno != 0 {
		return errno
	}
	if l.Busy {
		return netbsd.EBUSY
	}
	var r kern.DebugRegs
	for i := range r {
		r[i] = le64(b[8*i:])
	}
	if errno := checkDebugRegs(&r); errno != 0 {
		return errno
	}
	cpu, ok := l.LWP.Platform().Machdep().(CPU)
	if !ok {
		return netbsd.EINVAL
	}
	if errno := cpu.SetDebugRegs(&r); errno != 0 {
		return errno
	}
	l.LWP.Platform().SetDebugRegs(r)
	return 0
}

func checkDebugRegs(r *kern.DebugRegs) netbsd.Errno {
	const generalDetect = 1 << 13
	for _, at := range r[:4] {
		if at >= netbsd.VM_MAXUSER_ADDRESS {
			return netbsd.EINVAL
		}
	}
	if r[6]>>32 != 0 || r[7]>>32 != 0 || r[7]&generalDetect != 0 {
		return netbsd.EINVAL
	}
	return 0
}

// ptraceLWP tells of an LWP. PT_LWPINFO and PT_LWPNEXT: the one after the one named,
// 0 for the first; 0 comes back after the last. PT_LWPSTATUS: that one.
func (c *Call) ptraceLWP(req, pid int, addr uint64, data int) netbsd.Errno {
	if req == netbsd.PT_LWPINFO && data != netbsd.SizeofPtraceLwpinfo ||
		req != netbsd.PT_LWPINFO && (data < 4 || data > netbsd.SizeofPtraceStatus) {
		return netbsd.EINVAL
	}
	size := 4
	if req == netbsd.PT_LWPINFO {
		size = netbsd.SizeofPtraceLwpinfo
	}
	b, errno := c.in(addr, size)
	if errno != 0 {
		return errno
	}
	lid := int(int32(le32(b)))
	var info kern.LWPInfo
	errno = c.L.Look(pid, func(t *kern.Proc) (errno netbsd.Errno) {
		if req == netbsd.PT_LWPSTATUS {
			info, errno = traceLWP(t, lid)
		} else {
			info, errno = nextLWP(t, lid)
		}
		return errno
	})
	if errno != 0 {
		return errno
	}
	return c.copyout(addr, c.lwpInfo(req, &info)[:data])
}

// nextLWP returns the LWP that comes after lid; none after the last.
func nextLWP(t *kern.Proc, lid int) (kern.LWPInfo, netbsd.Errno) {
	list := t.LWPInfos()
	if lid == 0 && len(list) > 0 {
		return list[0], 0
	}
	for i, l := range list {
		switch {
		case l.LWP.ID() != lid:
		case i+1 < len(list):
			return list[i+1], 0
		default:
			return kern.LWPInfo{}, 0
		}
	}
	return kern.LWPInfo{}, netbsd.ESRCH
}

// lwpInfo encodes what is told of an LWP; none is zeros.
func (c *Call) lwpInfo(req int, i *kern.LWPInfo) []byte {
	b := c.out(netbsd.SizeofPtraceStatus)
	if i.LWP == nil {
		return b
	}
	if req == netbsd.PT_LWPINFO {
		p := netbsd.PtraceLwpinfo{Lwpid: int32(i.LWP.ID())}
		switch {
		case i.Suspended:
			p.Event = netbsd.PL_EVENT_SUSPENDED
		case i.Stopped:
			p.Event = netbsd.PL_EVENT_SIGNAL
		}
		p.Encode(b)
		return b
	}
	st := netbsd.PtraceLwpstatus{Lwpid: int32(i.LWP.ID()), Pending: i.Pending, Mask: i.Mask, Name: i.Name}
	if cpu, ok := i.LWP.Platform().Machdep().(CPU); ok {
		st.Private = cpu.TLSBase()
	}
	st.Encode(b)
	return b
}

// ptraceEvents is PT_SET_EVENT_MASK and PT_GET_EVENT_MASK.
func (c *Call) ptraceEvents(req, pid int, addr uint64, data int) netbsd.Errno {
	if data != netbsd.SizeofPtraceEvent {
		return netbsd.EINVAL
	}
	if req == netbsd.PT_SET_EVENT_MASK {
		b, errno := c.in(addr, 4)
		if errno != 0 {
			return errno
		}
		mask := le32(b)
		_, errno = c.L.PtraceEventMask(pid, &mask)
		return errno
	}
	mask, errno := c.L.PtraceEventMask(pid, nil)
	if errno != 0 {
		return errno
	}
	b := c.out(4)
	putLE32(b, mask)
	return c.copyout(addr, b)
}

// ptraceState is PT_GET_PROCESS_STATE.
func (c *Call) ptraceState(_, pid int, addr uint64, data int) netbsd.Errno {
	if data != netbsd.SizeofPtraceState {
		return netbsd.EINVAL
	}
	st, errno := c.L.PtraceState(pid)
	if errno != 0 {
		return errno
	}
	b := c.out(netbsd.SizeofPtraceState)
	netbsd.PtraceState{Event: int32(st.Event), Other: int32(st.Other)}.Encode(b)
	return c.copyout(addr, b)
}

// ptraceSiginfo is PT_SET_SIGINFO and PT_GET_SIGINFO.
func (c *Call) ptraceSiginfo(req, pid int, addr uint64, data int) netbsd.Errno {
	if data != netbsd.SizeofPtraceSiginfo {
		return netbsd.EINVAL
	}
	if req == netbsd.PT_SET_SIGINFO {
		b, errno := c.in(addr, netbsd.SizeofPtraceSiginfo)
		if errno != 0 {
			return errno
		}
		psi := netbsd.DecodePtraceSiginfo(b)
		return c.L.PtraceSetSiginfo(pid, int(psi.Lwpid), psi.Info)
	}
	info, lid, errno := c.L.PtraceSiginfo(pid)
	if errno != 0 {
		return errno
	}
	b := c.out(netbsd.SizeofPtraceSiginfo)
	(&netbsd.PtraceSiginfo{Info: info, Lwpid: int32(lid)}).Encode(b)
	return c.copyout(addr, b)
}

// ptraceSigpass is PT_SET_SIGPASS and PT_GET_SIGPASS. data is how much of a sigset_t is moved: EINVAL for more
// than there is, or nothing.
func (c *Call) ptraceSigpass(req, pid int, addr uint64, data int) netbsd.Errno {
	if data <= 0 || data > netbsd.SizeofSigset {
		return netbsd.EINVAL
	}
	var b [netbsd.SizeofSigset]byte
	if req == netbsd.PT_SET_SIGPASS {
		if errno := c.Space.Read(addr, b[:data]); errno != 0 {
			return errno
		}
		set := netbsd.GetSigset(b[:])
		_, errno := c.L.PtraceSigpass(pid, &set)
		return errno
	}
	set, errno := c.L.PtraceSigpass(pid, nil)
	if errno != 0 {
		return errno
	}
	netbsd.PutSigset(b[:], set)
	return c.copyout(addr, b[:data])
}
