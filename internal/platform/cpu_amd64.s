#include "textflag.h"

// func haveRDTSCP() bool
TEXT ·haveRDTSCP(SB), NOSPLIT, $0-1
	MOVL $0x80000001, AX
	CPUID
	SHRL $27, DX
	ANDL $1, DX
	MOVB DX, ret+0(FP)
	RET

// func currentCPU() uint32
TEXT ·currentCPU(SB), NOSPLIT, $0-4
	RDTSCP
	INCL CX
	MOVL CX, ret+0(FP)
	RET

// func spinWhile(word *uint32, last, rounds uint32) bool
TEXT ·spinWhile(SB), NOSPLIT, $0-17
	MOVQ word+0(FP), DI
	MOVL last+8(FP), SI
	MOVL rounds+12(FP), CX
again:
	MOVL (DI), AX
	CMPL AX, SI
	JHI over
	PAUSE
	SUBL $1, CX
	JG again
	MOVB $0, ret+16(FP)
	RET
over:
	MOVB $1, ret+16(FP)
	RET

// func xsaveComponent(n uint32) (size, at uint32)
TEXT ·xsaveComponent(SB), NOSPLIT, $0-16
	MOVL n+0(FP), CX
	MOVL $0xd, AX
	CPUID
	MOVL AX, size+8(FP)
	MOVL BX, at+12(FP)
	RET
