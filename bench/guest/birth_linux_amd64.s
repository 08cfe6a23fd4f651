#include "textflag.h"

#define BIRTH(NR) \
	MOVQ $NR, AX \
	SYSCALL \
	CMPQ AX, $0 \
	JEQ child \
	JLT failed \
	MOVQ AX, pid+0(FP) \
	MOVQ $0, errno+8(FP) \
	RET \
failed: \
	NEGQ AX \
	MOVQ AX, errno+8(FP) \
	MOVQ $0, pid+0(FP) \
	RET

#define EXIT \
	MOVQ $60, AX \
	XORL DI, DI \
	SYSCALL \
	INT $3

// func forkExit() (pid, errno uintptr)
TEXT ·forkExit(SB), NOSPLIT, $0-16
	BIRTH(57)
child:
	EXIT

// func vforkExit() (pid, errno uintptr)
TEXT ·vforkExit(SB), NOSPLIT, $0-16
	BIRTH(58)
child:
	EXIT

// func forkRead() (pid, errno uintptr)
TEXT ·forkRead(SB), NOSPLIT, $16-16
	BIRTH(57)
child:
	MOVQ $0, AX
	XORL DI, DI
	LEAQ buf-8(SP), SI
	MOVQ $1, DX
	SYSCALL
	EXIT
