package syscalls

import (
	"toaster/kern"
	"toaster/netbsd"
)

// This file has the registers of others as ptrace(2) and procfs move them.

// regSet is a set of registers in the form of NetBSD's structure.
type regSet struct {
	size  int // 512 at most
	read  func(cpu CPU, b []byte)
	write func(cpu CPU, b []byte) netbsd.Errno
}

// generalRegs is struct reg, fpRegs struct fpreg.
var (
	generalRegs = regSet{netbsd.SizeofPtraceRegs, readGregs, writeGregs}
	fpRegs      = regSet{netbsd.SizeofFpregs, readFP, writeFP}
)

func readGregs(cpu CPU, b []byte) {
	var g [netbsd.NGREG]uint64
	cpu.Gregs(&g)
	for i, v := range g {
		putLE64(b[8*i:], v)
	}
}

func writeGregs(cpu CPU, b []byte) netbsd.Errno {
	var g [netbsd.NGREG]uint64
	for i := range g {
		g[i] = le64(b[8*i:])
	}
	return cpu.SetGregs(&g)
}

func readFP(cpu CPU, b []byte) { cpu.FP((*[netbsd.SizeofFpregs]byte)(b)) }

func writeFP(cpu CPU, b []byte) netbsd.Errno {
	cpu.SetFP((*[netbsd.SizeofFpregs]byte)(b))
	return 0
}

// transfer moves what there is of the set of p's first LWP from off on, to b or, if write is set, from there (proc_regio). What is written is
// all of it, with as much from b as there is. ESRCH: p has ended. EBUSY: the LWP has not stopped, and the caller's own never has; NetBSD 10
// shows registers of one that runs as they last came into the kernel, 11 does not. EINVAL: there is nothing at off; what is written is not a
// program's; the LWP is no guest's.
func (s *regSet) transfer(p *kern.Proc, b []byte, off int64, write bool) (n int, errno netbsd.Errno) {
	if off > int64(s.size) {
		return 0, netbsd.EINVAL
	}
	errno = p.LookStopped(func(l *kern.LWP) netbsd.Errno {
		cpu, ok := l.Platform().Machdep().(CPU)
		if !ok {
			return netbsd.EINVAL
		}
		regs := make([]byte, s.size)
		s.read(cpu, regs)
		if !write {
			n = copy(b, regs[off:])
			return 0
		}
		n = copy(regs[off:], b)
		return s.write(cpu, regs)
	})
	if errno != 0 {
		n = 0
	}
	return n, errno
}
