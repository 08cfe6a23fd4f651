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
	RET \
child: \
	MOVQ $60, AX \
	XORL DI, DI \
	SYSCALL \
	INT $3

// func forkExit() (pid, errno uintptr)
TEXT ·forkExit(SB), NOSPLIT, $0-16
	BIRTH(57)

// func vforkExit() (pid, errno uintptr)
TEXT ·vforkExit(SB), NOSPLIT, $0-16
	BIRTH(58)
