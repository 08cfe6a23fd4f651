#include "go_asm.h"
#include "textflag.h"

// The helper's code. It is never run here: its bytes, from helperBegin to helperLimit, are
// copied into a program of its own (helper_linux.go). It makes the system calls of a table
// one after the other. An entry has, eight bytes each,
//
//	number | address of the first argument, or 0 | six arguments | address for the result
//
// A call that fails ends the helper with the errno as its status; so does an entry whose
// number is negative, with 0. R12 is the entry.

// func helperBegin()
TEXT ·helperBegin(SB),NOSPLIT|NOFRAME,$0
	MOVQ $const_helperData, R12
next:
	MOVQ 0(R12), AX
	MOVQ 16(R12), DI
	MOVQ 24(R12), SI
	MOVQ 32(R12), DX
	MOVQ 40(R12), R10
	MOVQ 48(R12), R8
	MOVQ 56(R12), R9
	TESTQ AX, AX
	JS done
	MOVQ 8(R12), BX
	TESTQ BX, BX
	JZ call
	MOVQ 0(BX), DI
call:
	SYSCALL
	TESTQ AX, AX
	JS failed
	MOVQ 64(R12), BX
	MOVQ AX, 0(BX)
	ADDQ $const_helperEntry, R12
	JMP next
done:
	XORL AX, AX
failed:
	NEGQ AX
	MOVQ AX, DI
	MOVL $231, AX // exit_group
	SYSCALL
	HLT

// func helperLimit()
TEXT ·helperLimit(SB),NOSPLIT|NOFRAME,$0
	RET

DATA ·helperText+0(SB)/8, $·helperBegin(SB)
DATA ·helperText+8(SB)/8, $·helperLimit(SB)
GLOBL ·helperText(SB), NOPTR|RODATA, $16
