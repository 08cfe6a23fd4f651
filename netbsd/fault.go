package netbsd

// A Fault is an instruction that the processor refused in user mode.
type Fault struct {
	Exception uint64 // the processor's number, 14 for a page fault
	PC        uint64 // of the instruction
	Addr      uint64 // what it wanted to reach; of a page fault only
	// Code says more where the exception's number does not: SEGV_* of a page fault, FPE_* of
	// the FPU's and SSE's exceptions.
	Code int32
	// NoPage: of a page fault, the file that is mapped there ends before.
	NoPage bool
}

// exceptions is indexed by the processor's number: the trap that amd64_trap.S makes of it, and what
// trap() in sys/arch/amd64/amd64/trap.c sends for that. Holes, and traps without a signal, are
// what no user program can cause; if a guest that forges its signal frame does, it
// is told of a protection fault.
var exceptions = [...]struct {
	trap int32
	sig  Signal
	code int32
}{
	0:  {T_DIVIDE, SIGFPE, FPE_INTDIV},
	1:  {T_TRCTRAP, SIGTRAP, TRAP_TRACE},
	2:  {trap: T_NMI},
	3:  {T_BPTFLT, SIGTRAP, TRAP_BRKPT},
	4:  {T_OFLOW, SIGFPE, FPE_INTOVF},
	5:  {T_BOUND, SIGFPE, FPE_FLTSUB},
	6:  {T_PRIVINFLT, SIGILL, ILL_PRVOPC},
	7:  {trap: T_DNA},
	8:  {trap: T_DOUBLEFLT},
	9:  {T_FPOPFLT, SIGILL, ILL_COPROC},
	10: {T_TSSFLT, SIGBUS, BUS_OBJERR},
	11: {T_SEGNPFLT, SIGBUS, BUS_ADRERR},
	12: {T_STKFLT, SIGBUS, BUS_ADRERR},
	13: {T_PROTFLT, SIGSEGV, SEGV_ACCERR},
	14: {T_PAGEFLT, SIGSEGV, SEGV_MAPERR},
	16: {T_ARITHTRAP, SIGFPE, FPE_FLTINV},
	17: {T_ALIGNFLT, SIGBUS, BUS_ADRALN},
	18: {trap: T_MCA},
	19: {T_XMM, SIGFPE, FPE_FLTINV},
}

const protectionFault = 13

// Siginfo returns the signal that NetBSD/amd64 sends for f. Its address is that of the
// instruction, but of a page fault what the instruction wanted to reach, and of a
// breakpoint or a trace trap none.
func (f Fault) Siginfo() Siginfo {
	n := f.Exception
	if n >= uint64(len(exceptions)) || exceptions[n].sig == 0 && exceptions[n].trap == 0 {
		n = protectionFault
	}
	e := exceptions[n]
	info := Siginfo{Signo: e.sig, Code: e.code, Trap: e.trap, Addr: f.PC}
	switch e.trap {
	case T_PAGEFLT:
		info.Addr = f.Addr
		if f.NoPage {
			info.Signo, info.Code = SIGBUS, BUS_ADRERR
		} else if f.Code == SEGV_ACCERR {
			info.Code = SEGV_ACCERR
		}
	case T_ARITHTRAP, T_XMM:
		if f.Code >= FPE_INTDIV && f.Code <= FPE_FLTSUB {
			info.Code = f.Code
		}
	case T_BPTFLT, T_TRCTRAP:
		info.Addr = 0
	}
	if info.Signo == 0 {
		info.Signo, info.Code = SIGSEGV, SEGV_ACCERR
	}
	return info
}
