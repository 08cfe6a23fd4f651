#include "textflag.h"

#define BIRTH(NR) \
	MOVQ $NR, AX \
	SYSCALL \
	JCS failed \
	CMPQ AX, $0 \
	JEQ child \
	MOVQ AX, pid+0(FP) \
	MOVQ $0, errno+8(FP) \
	RET \
failed: \
	MOVQ AX, errno+8(FP) \
	MOVQ $0, pid+0(FP) \
	RET

#define EXIT \
	MOVQ $1, AX \
	XORL DI, DI \
	SYSCALL \
	INT $3

// func forkExit() (pid, errno uintptr)
TEXT ·forkExit(SB), NOSPLIT, $0-16
	BIRTH(2)
child:
	EXIT

// func vforkExit() (pid, errno uintptr)
TEXT ·vforkExit(SB), NOSPLIT, $0-16
	BIRTH(66)
child:
	EXIT

// func forkRead() (pid, errno uintptr)
TEXT ·forkRead(SB), NOSPLIT, $16-16
	BIRTH(2)
child:
	MOVQ $3, AX
	XORL DI, DI
	LEAQ buf-8(SP), SI
	MOVQ $1, DX
	SYSCALL
	EXIT
