package netbsd

// Indexes into the general registers of a context (machine/mcontext.h).
const (
	REG_RDI = iota
	REG_RSI
	REG_RDX
	REG_RCX
	REG_R8
	REG_R9
	REG_R10
	REG_R11
	REG_R12
	REG_R13
	REG_R14
	REG_R15
	REG_RBP
	REG_RBX
	REG_RAX
	REG_GS
	REG_FS
	REG_ES
	REG_DS
	REG_TRAPNO
	REG_ERR
	REG_RIP
	REG_CS
	REG_RFLAGS
	REG_RSP
	REG_SS
	NGREG
)

// Selectors that NetBSD/amd64 shows to 64-bit programs.
const (
	UserCS = 0x47
	UserDS = 0x3f
)

// Trap numbers, as mcontext and siginfo carry them (machine/trap.h).
const (
	T_PRIVINFLT = 0
	T_BPTFLT    = 1
	T_ARITHTRAP = 2
	T_ASTFLT    = 3
	T_PROTFLT   = 4
	T_TRCTRAP   = 5
	T_PAGEFLT   = 6
	T_ALIGNFLT  = 7
	T_DIVIDE    = 8
	T_NMI       = 9
	T_OFLOW     = 10
	T_BOUND     = 11
	T_DNA       = 12
	T_DOUBLEFLT = 13
	T_FPOPFLT   = 14
	T_TSSFLT    = 15
	T_SEGNPFLT  = 16
	T_STKFLT    = 17
	T_MCA       = 18
	T_XMM       = 19
)

// Ucontext is struct __ucontext, 784 bytes:
//
//	0 flags (4+4)   8 link   16 signal mask (16)   32 stack (24)
//	56 general registers (26 × 8)   264 TLS base   272 FXSAVE area (512)
type Ucontext struct {
	Flags   uint32 // UC_*: which parts count
	Link    uint64
	Mask    Sigset
	Stack   Stack
	Gregs   [NGREG]uint64
	TLSBase uint64
	FP      [SizeofFpregs]byte
}

const (
	ucLink, ucMask, ucStack    = 8, 16, 32
	ucGregs, ucTLSBase, ucFP   = 56, 264, 272
	sigFrameRed, sigFrameAlign = 128, 16
)

// Encode fills 784 bytes.
func (u *Ucontext) Encode(b []byte) {
	le.PutUint64(b, uint64(u.Flags))
	le.PutUint64(b[ucLink:], u.Link)
	PutSigset(b[ucMask:], u.Mask)
	u.Stack.Encode(b[ucStack:])
	for i, r := range u.Gregs {
		le.PutUint64(b[ucGregs+8*i:], r)
	}
	le.PutUint64(b[ucTLSBase:], u.TLSBase)
	copy(b[ucFP:SizeofUcontext], u.FP[:])
}

// DecodeUcontext reads 784 bytes.
func DecodeUcontext(b []byte) (u Ucontext) {
	u.Flags = le.Uint32(b)
	u.Link = le.Uint64(b[ucLink:])
	u.Mask = GetSigset(b[ucMask:])
	u.Stack = DecodeStack(b[ucStack:])
	for i := range u.Gregs {
		u.Gregs[i] = le.Uint64(b[ucGregs+8*i:])
	}
	u.TLSBase = le.Uint64(b[ucTLSBase:])
	copy(u.FP[:], b[ucFP:SizeofUcontext])
	return u
}

// SignalFrame is what a handler finds on its stack (the siginfo form, trampoline
// version 2), 920 bytes: return address 0, siginfo 8, ucontext 136.
type SignalFrame struct {
	Return uint64
	Info   Siginfo
	UC     Ucontext
}

// Offsets and size of a signal frame.
const (
	SizeofSignalFrame = 8 + SizeofSiginfo + SizeofUcontext
	SignalFrameInfo   = 8
	SignalFrameUC     = 8 + SizeofSiginfo
)

// SignalFrameAddr returns where the frame goes: below the top of the signal stack, or
// below the red zone under the stack pointer, so that the handler is entered with a
// stack pointer as if it had been called: 8 below a multiple of 16.
func SignalFrameAddr(rsp uint64, alt *Stack) uint64 {
	sp := rsp - sigFrameRed
	if alt != nil {
		sp = alt.Sp + alt.Size
	}
	return (sp-SizeofSignalFrame)&^(sigFrameAlign-1) - 8
}

// Encode fills 920 bytes.
func (f *SignalFrame) Encode(b []byte) {
	le.PutUint64(b, f.Return)
	f.Info.Encode(b[SignalFrameInfo:])
	f.UC.Encode(b[SignalFrameUC:])
}
