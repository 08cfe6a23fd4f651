#include "textflag.h"

// The watch: a static program that kills process groups when toaster is gone. Its bytes, from
// watchBegin to watchLimit, are copied into the program; they are never run here.
// Position-independent, and without data but its stack.
//
// Descriptor 0 is a pipe that nobody writes to: its end is toaster's. Descriptor 1 is the table,
// a page of 4-byte numbers of groups, 0 where there is none.
TEXT ·watchBegin(SB), NOSPLIT|NOFRAME, $0
	MOVL $9, AX // mmap(0, 4096, PROT_READ, MAP_SHARED, 1, 0)
	XORL DI, DI
	MOVL $4096, SI
	MOVL $1, DX
	MOVL $1, R10
	MOVL $1, R8
	XORL R9, R9
	SYSCALL
	TESTQ AX, AX
	JS over
	MOVQ AX, BX
	SUBQ $16, SP
again:
	XORL AX, AX // read(0, SP, 1)
	XORL DI, DI
	MOVQ SP, SI
	MOVL $1, DX
	SYSCALL
	CMPQ AX, $-4 // EINTR
	JEQ again
	TESTQ AX, AX
	JG again
	XORL R12, R12
next:
	MOVL (BX)(R12*4), DI
	TESTL DI, DI
	JZ skip
	NEGQ DI
	MOVL $9, SI
	MOVL $62, AX // kill(-group, SIGKILL)
	SYSCALL
skip:
	INCQ R12
	CMPQ R12, $1024
	JLT next
over:
	MOVL $231, AX // exit_group(0)
	XORL DI, DI
	SYSCALL
	HLT

TEXT ·watchLimit(SB), NOSPLIT|NOFRAME, $0
	HLT

DATA ·watchCode+0(SB)/8, $·watchBegin(SB)
DATA ·watchCode+8(SB)/8, $·watchLimit(SB)
GLOBL ·watchCode(SB), NOPTR|RODATA, $16
