#include "go_asm.h"
#include "textflag.h"

// func cloneThread(flags, at uintptr) (tid int)
//
// The new thread is none of Go's: it has no stack, no g and all signals blocked, and looks at
// nothing but the struct control at R12 and the tables that this names (thread.go).
TEXT ·cloneThread(SB),NOSPLIT,$0-24
	MOVQ flags+0(FP), DI
	MOVQ at+8(FP), R12
	XORL SI, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	MOVL $56, AX // clone
	SYSCALL
	TESTQ AX, AX
	JZ loop
	MOVQ AX, tid+16(FP)
	RET
loop:
	MOVL control_turn(R12), AX
	CMPL AX, $const_turnSpawn
	JE spawn
	CMPL AX, $const_turnSelf
	JE self
	CMPL AX, $const_turnClone
	JE clone
	CMPL AX, $const_turnQuit
	JE quit
	MOVQ R12, DI
	MOVL $const_futexWait, SI
	MOVL AX, DX
	XORL R10, R10
	MOVL $202, AX // futex
	SYSCALL
	JMP loop
spawn:
	MOVQ control_flags(R12), DI
	XORL SI, SI
	MOVQ control_tid(R12), DX // for CLONE_PARENT_SETTID
	XORL R10, R10
	XORL R8, R8
	MOVL $56, AX // clone
	SYSCALL
	TESTQ AX, AX
	JZ child
	MOVQ AX, control_pid(R12)
done:
	MOVL $const_turnDone, AX
	XCHGL AX, control_turn(R12)
	MOVQ R12, DI
	MOVL $const_futexWake, SI
	MOVL $1, DX
	MOVL $202, AX
	SYSCALL
	JMP loop
clone:
	MOVQ control_next(R12), R14
	MOVQ control_flags(R12), DI
	XORL SI, SI
	MOVQ control_tid(R12), DX
	LEAQ control_turn(R14), R10 // for CLONE_CHILD_CLEARTID
	XORL R8, R8
	MOVL $56, AX // clone
	SYSCALL
	TESTQ AX, AX
	JZ born
	MOVQ AX, control_pid(R12)
	JMP done
born: // it ends with its parent, which may have ended before it could say so
	MOVQ R14, R12
	MOVL $1, DI // PR_SET_PDEATHSIG
	MOVL $9, SI
	MOVL $157, AX // prctl
	SYSCALL
	MOVL $110, AX // getppid
	SYSCALL
	CMPQ AX, control_parent(R12)
	JEQ loop
	XORL DI, DI
	MOVL $231, AX // exit_group
	SYSCALL
self:
	XORL R14, R14
	JMP calls
child:
	MOVL $1, R14
calls:
	MOVQ control_calls(R12), R13
next:
	MOVQ call_nr(R13), AX
	TESTQ AX, AX
	JS end
	MOVQ (call_args+0)(R13), DI
	MOVQ (call_args+8)(R13), SI
	MOVQ (call_args+16)(R13), DX
	MOVQ (call_args+24)(R13), R10
	MOVQ (call_args+32)(R13), R8
	MOVQ (call_args+40)(R13), R9
	SYSCALL
	MOVQ AX, call_result(R13)
	CMPQ AX, $-4095
	JCS good
	CMPQ call_must(R13), $0
	JNE failed
good:
	ADDQ $call__size, R13
	JMP next
failed:
	NEGQ AX
	MOVQ AX, control_errno(R12)
end:
	TESTQ R14, R14
	JZ done
	MOVL $127, DI
	MOVL $231, AX // exit_group
	SYSCALL
quit:
	MOVL $const_turnDone, AX
	XCHGL AX, control_turn(R12)
	MOVQ R12, DI
	MOVL $const_futexWake, SI
	MOVL $1, DX
	MOVL $202, AX
	SYSCALL
	XORL DI, DI
	MOVL $60, AX // exit
	SYSCALL
	HLT
