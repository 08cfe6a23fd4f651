package syscalls

import (
	"bytes"
	"encoding/binary"

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
// ESRCH: no such process or LWP; EPERM: it is not traced; EBUSY: by somebody else, or
// it is not stopped, or nobody has waited for its stop; EINVAL: an unknown request, or
// data that is not the size of what addr points to.
func ptrace(c *Call) netbsd.Errno {
	pid, addr, data := c.Int(1), c.Ptr(2), c.Int(3)
	switch req := c.Int(0); req {
	case netbsd.PT_TRACE_ME:
		return c.L.TraceMe()
	case netbsd.PT_ATTACH:
		return c.L.PtraceAttach(pid)
	case netbsd.PT_KILL:
		return c.L.PtraceKill(pid)
	case netbsd.PT_CONTINUE, netbsd.PT_STEP, netbsd.PT_SYSCALL, netbsd.PT_DETACH:
		return c.ptraceResume(req, pid, addr, data)
	case netbsd.PT_READ_I, netbsd.PT_READ_D, netbsd.PT_WRITE_I, netbsd.PT_WRITE_D:
		return c.ptraceWord(req, pid, addr, data)
	case netbsd.PT_IO:
		return c.ptraceIO(pid, addr)
	case netbsd.PT_GETREGS, netbsd.PT_SETREGS, netbsd.PT_GETFPREGS, netbsd.PT_SETFPREGS:
		return c.ptraceRegs(req, pid, addr, data)
	case netbsd.PT_SUSPEND, netbsd.PT_RESUME:
		return c.L.PtraceSuspend(pid, data, req == netbsd.PT_SUSPEND)
	case netbsd.PT_LWPINFO, netbsd.PT_LWPSTATUS, netbsd.PT_LWPNEXT:
		return c.ptraceLWP(req, pid, addr, data)
	case netbsd.PT_SET_EVENT_MASK, netbsd.PT_GET_EVENT_MASK:
		return c.ptraceEvents(req, pid, addr, data)
	case netbsd.PT_GET_PROCESS_STATE:
		return c.ptraceState(pid, addr, data)
	case netbsd.PT_SET_SIGINFO, netbsd.PT_GET_SIGINFO:
		return c.ptraceSiginfo(req, pid, addr, data)
	case netbsd.PT_SET_SIGPASS, netbsd.PT_GET_SIGPASS:
		return c.ptraceSigpass(req, pid, addr, data)
	case netbsd.PT_DUMPCORE:
		return c.ptraceDump(pid, addr, data)
	case netbsd.PT_SYSCALLEMU:
		return c.L.PtraceSyscallEmu(pid)
	}
	return netbsd.EINVAL
}

// ptraceResume makes a tracee go on: at addr unless that is 1. data is a signal, but
// for PT_STEP an LWP; negative, it is the one LWP that goes on.
func (c *Call) ptraceResume(req, pid int, addr uint64, data int) netbsd.Errno {
	a := kern.ResumeArgs{
		Step:    req == netbsd.PT_STEP,
		Syscall: req == netbsd.PT_SYSCALL,
		Detach:  req == netbsd.PT_DETACH,
	}
	target := 0 // the LWP whose registers change; 0: the one that stopped
	switch {
	case data < 0:
		a.LWP, target = -data, -data
	case a.Step:
		target = data
	case data >= netbsd.NSIG:
		return netbsd.EINVAL
	default:
		a.Signal = netbsd.Signal(data)
	}
	if a.Detach && a.LWP != 0 {
		return netbsd.EINVAL
	}
	errno := c.L.Look(pid, func(t *kern.Proc) netbsd.Errno { return prepareResume(t, target, a.Step, addr) })
	if errno != 0 {
		return errno
	}
	return c.L.PtraceResume(pid, a)
}

// prepareResume sets the program counter and the single-step flag of one LWP, and
// clears the flag of the others.
func prepareResume(t *kern.Proc, lid int, step bool, pc uint64) netbsd.Errno {
	info, errno := traceLWP(t, lid)
	if errno != 0 {
		return errno
	}
	if info.Suspended {
		return netbsd.EDEADLK
	}
	for _, l := range t.LWPInfos() {
		cpu, ok := l.LWP.Platform().Machdep().(CPU)
		if !ok {
			return netbsd.EINVAL // a program of the host
		}
		var g [netbsd.NGREG]uint64
		cpu.Gregs(&g)
		g[netbsd.REG_RFLAGS] &^= regFlagTrap
		if l.LWP == info.LWP {
			if step {
				g[netbsd.REG_RFLAGS] |= regFlagTrap
			}
			if pc != 1 {
				g[netbsd.REG_RIP] = pc
			}
		}
		if errno := cpu.SetGregs(&g); errno != 0 {
			return errno
		}
	}
	return 0
}

// traceLWP picks an LWP of a tracee by id; 0 is the one that stopped, or else any.
func traceLWP(t *kern.Proc, lid int) (kern.LWPInfo, netbsd.Errno) {
	list := t.LWPInfos()
	for _, l := range list {
		if l.LWP.ID() == lid || lid == 0 && l.Stopped {
			return l, 0
		}
	}
	if lid != 0 || len(list) == 0 {
		return kern.LWPInfo{}, netbsd.ESRCH
	}
	return list[0], 0
}

// ptraceWord moves an int from or to the tracee's memory.
func (c *Call) ptraceWord(req, pid int, addr uint64, data int) netbsd.Errno {
	return c.L.Look(pid, func(t *kern.Proc) netbsd.Errno {
		var b [4]byte
		if req == netbsd.PT_WRITE_I || req == netbsd.PT_WRITE_D {
			putLE32(b[:], uint32(data))
			return pokeMemory(t, addr, b[:])
		}
		errno := peekMemory(t, addr, b[:])
		c.Ret[0] = uint64(int64(int32(le32(b[:]))))
		return errno
	})
}

func peekMemory(t *kern.Proc, addr uint64, b []byte) netbsd.Errno {
	if m, ok := t.VM().(Peeker); ok && m.Peek(addr, b) {
		return 0
	}
	return netbsd.EFAULT
}

// pokeMemory does not write into a restartable sequence (ras_lookup).
func pokeMemory(t *kern.Proc, addr uint64, b []byte) netbsd.Errno {
	if _, in := t.RASStart(addr); in {
		return netbsd.EACCES
	}
	if m, ok := t.VM().(Peeker); ok && m.Poke(addr, b) {
		return 0
	}
	return netbsd.EFAULT
}

// ptraceIOMax is what one PT_IO moves; the length that comes back tells.
const ptraceIOMax = 1 << 20

// ptraceIO is PT_IO: addr is a struct ptrace_io_desc.
func (c *Call) ptraceIO(pid int, addr uint64) netbsd.Errno {
	in, errno := c.in(addr, netbsd.SizeofPtraceIODesc)
	if errno != 0 {
		return errno
	}
	d := netbsd.DecodePtraceIODesc(in)
	d.Len = min(d.Len, ptraceIOMax)
	b := make([]byte, d.Len)
	errno = c.L.Look(pid, func(t *kern.Proc) netbsd.Errno {
		switch d.Op {
		case netbsd.PIOD_READ_D, netbsd.PIOD_READ_I:
			if errno := peekMemory(t, d.Offs, b); errno != 0 {
				return errno
			}
			return c.copyout(d.Addr, b)
		case netbsd.PIOD_WRITE_D, netbsd.PIOD_WRITE_I:
			if errno := c.Space.Read(d.Addr, b); errno != 0 {
				return errno
			}
			return pokeMemory(t, d.Offs, b)
		}
		return netbsd.EINVAL
	})
	if errno != 0 {
		return errno
	}
	out := c.out(netbsd.SizeofPtraceIODesc)
	d.Encode(out)
	return c.copyout(addr, out)
}

// ptraceDump has a tracee leave a core file, whose name has data bytes at addr; without any it is the usual one
// (ptrace_dumpcore). EINVAL: no such length. EFAULT. EPERM: it runs with another's rights. EFBIG: RLIMIT_CORE. Those of open(2).
func (c *Call) ptraceDump(pid int, addr uint64, data int) netbsd.Errno {
	info, lid, errno := c.L.PtraceSiginfo(pid)
	if errno != 0 {
		return errno
	}
	var path []byte
	if addr != 0 {
		if data < 0 || data >= netbsd.PATH_MAX {
			return netbsd.EINVAL
		}
		path = make([]byte, data)
		if errno := c.Space.Read(addr, path); errno != 0 {
			return errno
		}
		path, _, _ = bytes.Cut(path, []byte{0})
	}
	return c.L.Look(pid, func(t *kern.Proc) netbsd.Errno {
		l, errno := traceLWP(t, lid)
		if errno != 0 {
			return errno
		}
		return c.K.DumpCore(c.L, l.LWP, string(path), &info)
	})
}

// ptraceRegs moves registers; data is the LWP, 0 for the one that stopped.
func (c *Call) ptraceRegs(req, pid int, addr uint64, data int) netbsd.Errno {
	return c.L.Look(pid, func(t *kern.Proc) netbsd.Errno {
		info, errno := traceLWP(t, data)
		if errno != 0 {
			return errno
		}
		cpu, ok := info.LWP.Platform().Machdep().(CPU)
		if !ok {
			return netbsd.EINVAL
		}
		switch req {
		case netbsd.PT_GETREGS:
			return c.regsOut(addr, cpu)
		case netbsd.PT_SETREGS:
			return c.regsIn(addr, cpu)
		}
		var fp [netbsd.SizeofFpregs]byte
		if req == netbsd.PT_GETFPREGS {
			cpu.FP(&fp)
			return c.copyout(addr, fp[:])
		}
		if errno := c.Space.Read(addr, fp[:]); errno != 0 {
			return errno
		}
		cpu.SetFP(&fp)
		return 0
	})
}

// regsOut writes struct reg: the registers in the order of struct ucontext.
func (c *Call) regsOut(addr uint64, cpu CPU) netbsd.Errno {
	var g [netbsd.NGREG]uint64
	cpu.Gregs(&g)
	b := c.out(netbsd.SizeofPtraceRegs)
	for i, v := range g {
		binary.LittleEndian.PutUint64(b[8*i:], v)
	}
	return c.copyout(addr, b)
}

func (c *Call) regsIn(addr uint64, cpu CPU) netbsd.Errno {
	b, errno := c.in(addr, netbsd.SizeofPtraceRegs)
	if errno != 0 {
		return errno
	}
	var g [netbsd.NGREG]uint64
	for i := range g {
		g[i] = le64(b[8*i:])
	}
	return cpu.SetGregs(&g)
}

// ptraceLWP tells of an LWP. PT_LWPINFO and PT_LWPNEXT: the one after the one named,
// 0 for the first; 0 comes back after the last. PT_LWPSTATUS: that one.
func (c *Call) ptraceLWP(req, pid int, addr uint64, data int) netbsd.Errno {
	if req == netbsd.PT_LWPINFO && data != netbsd.SizeofPtraceLwpinfo ||
		req != netbsd.PT_LWPINFO && (data < 4 || data > netbsd.SizeofPtraceStatus) {
		return netbsd.EINVAL
	}
	b, errno := c.in(addr, 4)
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
	if lid == 0 {
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
func (c *Call) ptraceState(pid int, addr uint64, data int) netbsd.Errno {
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
		return c.L.PtraceSetSiginfo(pid, netbsd.DecodePtraceSiginfo(b).Info)
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
// than there is, or less than nothing.
func (c *Call) ptraceSigpass(req, pid int, addr uint64, data int) netbsd.Errno {
	if _, errno := c.L.TraceTarget(pid); errno != 0 {
		return errno
	}
	if data < 0 || data > netbsd.SizeofSigset {
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
