#include "go_asm.h"
#include "textflag.h"

// An heir's code, as the proxy's is a program's in memory. R12 is its data, a heirMem. It
// waits until nobody is there any more who holds the other end of descriptor 0, and then has every
// execve that descriptor 1 asks about go on, until nobody can ask.
TEXT ·heirBegin(SB),NOSPLIT|NOFRAME,$0
	MOVQ $const_heirData, R12
wait:
	XORL AX, AX // read
	XORL DI, DI
	LEAQ heirMem_question(R12), SI
	MOVL $1, DX
	SYSCALL
	CMPQ AX, $0
	JGT wait
serve:
	MOVL $7, AX // poll
	LEAQ heirMem_poll(R12), DI
	MOVL $1, SI
	MOVL $-1, DX
	SYSCALL
	TESTQ AX, AX
	JS serve
	MOVW (heirMem_poll+6)(R12), AX
	TESTW $1, AX // POLLIN
	JZ over
	LEAQ heirMem_question(R12), DI
	XORL AX, AX
	MOVL $(notification__size/8), CX
	REP; STOSQ
	MOVL $16, AX // ioctl
	MOVL $1, DI
	MOVL $const_notifRecv, SI
	LEAQ heirMem_question(R12), DX
	SYSCALL
	TESTQ AX, AX
	JS serve
	MOVQ heirMem_question(R12), AX
	MOVQ AX, (heirMem_answer+response_id)(R12)
	MOVL $16, AX
	MOVL $1, DI
	MOVL $const_notifSend, SI
	LEAQ heirMem_answer(R12), DX
	SYSCALL
	JMP serve
over:
	XORL DI, DI
	MOVL $231, AX // exit_group
	SYSCALL
	HLT

TEXT ·heirLimit(SB),NOSPLIT|NOFRAME,$0
	RET

DATA ·heirText+0(SB)/8, $·heirBegin(SB)
DATA ·heirText+8(SB)/8, $·heirLimit(SB)
GLOBL ·heirText(SB), NOPTR|RODATA, $16
