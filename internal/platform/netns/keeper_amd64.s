#include "textflag.h"

// The keeper of a network namespace: a static program that makes sockets in it and sends
// them to toaster. Its bytes, from keeperBegin to keeperLimit, are copied into the program;
// they are never run here. Position-independent, and without data but its stack.
//
// Descriptor 0 is the way to toaster, which keeps messages apart. A request is family, type
// and protocol, 4 bytes each; the answer is 8 bytes, what socket(2) returned, with the
// descriptor unless that is an error. Anything else ends the keeper.
//
//	BX+0    request, answer
//	BX+16   struct iovec
//	BX+32   control message: length 8, level 4, type 4, descriptor 4
//	BX+64   struct msghdr
TEXT ·keeperBegin(SB), NOSPLIT|NOFRAME, $0
	SUBQ $128, SP
	ANDQ $~15, SP
	MOVQ SP, BX
	XORL AX, AX
	MOVQ AX, 64(BX)
	MOVQ AX, 72(BX)
	LEAQ 16(BX), CX
	MOVQ CX, 80(BX)
	MOVQ $1, 88(BX)
	LEAQ 32(BX), CX
	MOVQ CX, 96(BX)
	MOVQ AX, 112(BX)
	MOVQ BX, 16(BX)
	MOVQ $8, 24(BX)
	MOVQ $20, 32(BX)
	MOVL $1, 40(BX) // SOL_SOCKET
	MOVL $1, 44(BX) // SCM_RIGHTS
	MOVL $0, 52(BX)
	MOVL $436, AX // close_range(1, ~0, 0): what the keeper has inherited
	MOVL $1, DI
	MOVL $-1, SI
	XORL DX, DX
	SYSCALL
	TESTQ AX, AX
	JS over
again:
	XORL AX, AX // read(0, BX, 16)
	XORL DI, DI
	MOVQ BX, SI
	MOVL $16, DX
	SYSCALL
	CMPQ AX, $12
	JNE over
	MOVL $41, AX // socket
	MOVL 0(BX), DI
	MOVL 4(BX), SI
	MOVL 8(BX), DX
	SYSCALL
	MOVQ AX, R12
	MOVQ AX, 0(BX)
	MOVL AX, 48(BX)
	XORL CX, CX
	TESTQ AX, AX
	JS send
	MOVL $24, CX
send:
	MOVQ CX, 104(BX)
	MOVL $46, AX // sendmsg(0, BX+64, 0)
	XORL DI, DI
	LEAQ 64(BX), SI
	XORL DX, DX
	SYSCALL
	TESTQ AX, AX
	JS over
	TESTQ R12, R12
	JS again
	MOVL $3, AX // close
	MOVQ R12, DI
	SYSCALL
	JMP again
over:
	MOVL $231, AX // exit_group
	XORL DI, DI
	SYSCALL
	HLT

TEXT ·keeperLimit(SB), NOSPLIT|NOFRAME, $0
	HLT

DATA ·keeperCode+0(SB)/8, $·keeperBegin(SB)
DATA ·keeperCode+8(SB)/8, $·keeperLimit(SB)
GLOBL ·keeperCode(SB), NOPTR|RODATA, $16
