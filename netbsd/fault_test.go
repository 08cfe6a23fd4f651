package netbsd

import "testing"

// What trap() of sys/arch/amd64/amd64/trap.c (1.118, NetBSD 9; the same in 10) sends for each
// trap from user mode, by the processor's exception, as the entries trap00 to trap13 of
// amd64_trap.S number the traps. The FPU's codes come from fputrap (x86/fpu.c).
func TestFaultSiginfo(t *testing.T) {
	const pc, addr = 0x401000, 0x7f0000
	for name, c := range map[string]struct {
		Fault
		want Siginfo
	}{
		"divide":                {Fault{Exception: 0}, Siginfo{Signo: SIGFPE, Code: FPE_INTDIV, Trap: T_DIVIDE, Addr: pc}},
		"single step":           {Fault{Exception: 1}, Siginfo{Signo: SIGTRAP, Code: TRAP_TRACE, Trap: T_TRCTRAP}},
		"breakpoint":            {Fault{Exception: 3}, Siginfo{Signo: SIGTRAP, Code: TRAP_BRKPT, Trap: T_BPTFLT}},
		"overflow":              {Fault{Exception: 4}, Siginfo{Signo: SIGFPE, Code: FPE_INTOVF, Trap: T_OFLOW, Addr: pc}},
		"bounds":                {Fault{Exception: 5}, Siginfo{Signo: SIGFPE, Code: FPE_FLTSUB, Trap: T_BOUND, Addr: pc}},
		"illegal instruction":   {Fault{Exception: 6}, Siginfo{Signo: SIGILL, Code: ILL_PRVOPC, Trap: T_PRIVINFLT, Addr: pc}},
		"coprocessor operand":   {Fault{Exception: 9}, Siginfo{Signo: SIGILL, Code: ILL_COPROC, Trap: T_FPOPFLT, Addr: pc}},
		"invalid TSS":           {Fault{Exception: 10}, Siginfo{Signo: SIGBUS, Code: BUS_OBJERR, Trap: T_TSSFLT, Addr: pc}},
		"segment not present":   {Fault{Exception: 11}, Siginfo{Signo: SIGBUS, Code: BUS_ADRERR, Trap: T_SEGNPFLT, Addr: pc}},
		"stack":                 {Fault{Exception: 12}, Siginfo{Signo: SIGBUS, Code: BUS_ADRERR, Trap: T_STKFLT, Addr: pc}},
		"protection":            {Fault{Exception: 13}, Siginfo{Signo: SIGSEGV, Code: SEGV_ACCERR, Trap: T_PROTFLT, Addr: pc}},
		"nothing mapped":        {Fault{Exception: 14, Code: SEGV_MAPERR}, Siginfo{Signo: SIGSEGV, Code: SEGV_MAPERR, Trap: T_PAGEFLT, Addr: addr}},
		"no right to the page":  {Fault{Exception: 14, Code: SEGV_ACCERR}, Siginfo{Signo: SIGSEGV, Code: SEGV_ACCERR, Trap: T_PAGEFLT, Addr: addr}},
		"beyond a file's end":   {Fault{Exception: 14, NoPage: true}, Siginfo{Signo: SIGBUS, Code: BUS_ADRERR, Trap: T_PAGEFLT, Addr: addr}},
		"x87":                   {Fault{Exception: 16, Code: FPE_FLTDIV}, Siginfo{Signo: SIGFPE, Code: FPE_FLTDIV, Trap: T_ARITHTRAP, Addr: pc}},
		"alignment":             {Fault{Exception: 17}, Siginfo{Signo: SIGBUS, Code: BUS_ADRALN, Trap: T_ALIGNFLT, Addr: pc}},
		"SSE":                   {Fault{Exception: 19, Code: FPE_FLTUND}, Siginfo{Signo: SIGFPE, Code: FPE_FLTUND, Trap: T_XMM, Addr: pc}},
		"SSE without a code":    {Fault{Exception: 19, Code: 99}, Siginfo{Signo: SIGFPE, Code: FPE_FLTINV, Trap: T_XMM, Addr: pc}},
		"NMI, forged":           {Fault{Exception: 2}, Siginfo{Signo: SIGSEGV, Code: SEGV_ACCERR, Trap: T_NMI, Addr: pc}},
		"double fault, forged":  {Fault{Exception: 8}, Siginfo{Signo: SIGSEGV, Code: SEGV_ACCERR, Trap: T_DOUBLEFLT, Addr: pc}},
		"machine check, forged": {Fault{Exception: 18}, Siginfo{Signo: SIGSEGV, Code: SEGV_ACCERR, Trap: T_MCA, Addr: pc}},
		"reserved, forged":      {Fault{Exception: 15}, Siginfo{Signo: SIGSEGV, Code: SEGV_ACCERR, Trap: T_PROTFLT, Addr: pc}},
		"no exception, forged":  {Fault{Exception: 1 << 63}, Siginfo{Signo: SIGSEGV, Code: SEGV_ACCERR, Trap: T_PROTFLT, Addr: pc}},
	} {
		c.PC, c.Addr = pc, addr
		if got := c.Siginfo(); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
