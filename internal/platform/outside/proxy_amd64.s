#include "go_asm.h"
#include "textflag.h"

// A proxy's code. It is never run here: its bytes, from proxyBegin to proxyLimit, are copied
// into a program (proxy.go). R12 is its data, a proxyMem. It blocks all signals, says which
// descriptor it reads them from, and then makes the system calls that it is sent, and sends the
// signals that it gets. When nobody is there any more to talk to, it kills itself.
TEXT ·proxyBegin(SB),NOSPLIT|NOFRAME,$0
	MOVQ $const_proxyData, R12
	MOVL $14, AX // rt_sigprocmask
	MOVL $2, DI  // SIG_SETMASK
	LEAQ proxyMem_mask(R12), SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL
	MOVL $289, AX // signalfd4
	MOVL $-1, DI
	LEAQ proxyMem_mask(R12), SI
	MOVL $8, DX
	MOVL $0x80800, R10 // SFD_CLOEXEC, SFD_NONBLOCK
	SYSCALL
	MOVL AX, (proxyMem_polls+8)(R12)
	MOVQ AX, R13
reply:
	MOVQ R13, proxyMem_result(R12)
	LEAQ proxyMem_result(R12), SI
	MOVL $8, DX
send:
	MOVL $44, AX // sendto
	MOVL proxyMem_polls(R12), DI
	MOVL $0x4000, R10 // MSG_NOSIGNAL
	XORL R8, R8
	XORL R9, R9
	SYSCALL
	TESTQ AX, AX
	JS gone
wait:
	MOVL $7, AX // poll
	LEAQ proxyMem_polls(R12), DI
	MOVL $2, SI
	MOVL $-1, DX
	SYSCALL
	TESTQ AX, AX
	JS wait
	MOVW (proxyMem_polls+6)(R12), BX
	TESTW BX, BX
	JNZ request
	MOVL $0, AX // read
	MOVL (proxyMem_polls+8)(R12), DI
	LEAQ proxyMem_signal(R12), SI
	MOVL $128, DX
	SYSCALL
	CMPQ AX, $128
	JNE wait
	LEAQ proxyMem_signal(R12), SI
	MOVL $128, DX
	JMP send
request:
	MOVL $45, AX // recvfrom
	MOVL proxyMem_polls(R12), DI
	LEAQ proxyMem_request(R12), SI
	MOVL $const_proxyRequest, DX
	XORL R10, R10
	XORL R8, R8
	XORL R9, R9
	SYSCALL
	CMPQ AX, $56
	JLT gone
	MOVQ (proxyMem_request+0)(R12), AX
	MOVQ (proxyMem_request+8)(R12), DI
	MOVQ (proxyMem_request+16)(R12), SI
	MOVQ (proxyMem_request+24)(R12), DX
	MOVQ (proxyMem_request+32)(R12), R10
	MOVQ (proxyMem_request+40)(R12), R8
	MOVQ (proxyMem_request+48)(R12), R9
	SYSCALL
	MOVQ AX, R13
	JMP reply
gone:
	MOVL $39, AX // getpid
	SYSCALL
	MOVL AX, DI
	MOVL $9, SI
	MOVL $62, AX // kill
	SYSCALL
	MOVL $137, DI
	MOVL $231, AX // exit_group
	SYSCALL
	HLT

TEXT ·proxyLimit(SB),NOSPLIT|NOFRAME,$0
	RET

DATA ·proxyText+0(SB)/8, $·proxyBegin(SB)
DATA ·proxyText+8(SB)/8, $·proxyLimit(SB)
GLOBL ·proxyText(SB), NOPTR|RODATA, $16
