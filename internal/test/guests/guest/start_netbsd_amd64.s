#include "textflag.h"

// The program's entry (-ldflags=-E=main.start): no runtime is started. It makes what
// compiled Go code needs, a g whose stack guard is 0 where -8(FS) finds it, and
// goes to Go on the kernel's stack.
TEXT ·start(SB),NOSPLIT|NOFRAME,$0
	MOVQ	SP, R12
	LEAQ	·tlsArea+32(SB), DI
	LEAQ	·theG(SB), AX
	MOVQ	AX, -8(DI)
	MOVL	$317, AX // _lwp_setprivate
	SYSCALL
	ANDQ	$~15, SP
	SUBQ	$16, SP
	MOVQ	R12, 0(SP)
	CALL	·entry(SB)
	INT	$3

// sys(nr, a1..a7) (r1, r2, errno): the 7th argument lies at 8(SP) in the kernel's
// view, where a C caller would have it.
TEXT ·sys(SB),NOSPLIT,$16-88
	MOVQ	a7+56(FP), AX
	MOVQ	AX, 8(SP)
	MOVQ	nr+0(FP), AX
	MOVQ	a1+8(FP), DI
	MOVQ	a2+16(FP), SI
	MOVQ	a3+24(FP), DX
	MOVQ	a4+32(FP), R10
	MOVQ	a5+40(FP), R8
	MOVQ	a6+48(FP), R9
	SYSCALL
	JCS	bad
	MOVQ	AX, r1+64(FP)
	MOVQ	DX, r2+72(FP)
	MOVQ	$0, errno+80(FP)
	RET
bad:
	MOVQ	$-1, r1+64(FP)
	MOVQ	$0, r2+72(FP)
	MOVQ	AX, errno+80(FP)
	RET

// forkOn(nr, a1, a2, stack, f) (pid, errno) forks by system call nr. The child runs f
// on stack, not on the parent's, which it may share, and exits with 0 after it.
TEXT ·forkOn(SB),NOSPLIT,$0-56
	MOVQ	nr+0(FP), AX
	MOVQ	a1+8(FP), DI
	MOVQ	a2+16(FP), SI
	MOVQ	stack+24(FP), R12
	MOVQ	f+32(FP), R13
	SYSCALL
	JCS	bad
	TESTQ	AX, AX
	JZ	child
	MOVQ	AX, pid+40(FP)
	MOVQ	$0, errno+48(FP)
	RET
bad:
	MOVQ	$-1, pid+40(FP)
	MOVQ	AX, errno+48(FP)
	RET
child:
	MOVQ	R12, SP
	ANDQ	$~15, SP
	SUBQ	$16, SP
	MOVQ	R13, 0(SP)
	CALL	·callFunc(SB)
	XORL	DI, DI
	MOVL	$1, AX // exit
	SYSCALL
	INT	$3

// lwpStart is where a created LWP begins: R12 holds the function. All LWPs share the
// g, which nobody writes.
TEXT ·lwpStart(SB),NOSPLIT|NOFRAME,$0
	LEAQ	·tlsArea+32(SB), DI
	MOVL	$317, AX
	SYSCALL
	SUBQ	$16, SP
	MOVQ	R12, 0(SP)
	CALL	·callFunc(SB)
	MOVL	$310, AX // _lwp_exit
	SYSCALL
	INT	$3

// bareLWP ends at once, without TLS or a stack.
TEXT ·bareLWP(SB),NOSPLIT|NOFRAME,$0
	MOVL	$310, AX
	SYSCALL
	INT	$3

// spinLWP never enters the kernel.
TEXT ·spinLWP(SB),NOSPLIT|NOFRAME,$0
loop:
	LOCK
	INCQ	·spins(SB)
	JMP	loop

// handler is every signal's handler; the kernel calls it as C. It keeps the trampoline's
// R15 and what C keeps.
TEXT ·handler(SB),NOSPLIT|NOFRAME,$0
	PUSHQ	R15
	PUSHQ	BP
	SUBQ	$32, SP
	MOVLQSX	DI, DI
	MOVQ	DI, 0(SP)
	MOVQ	SI, 8(SP)
	MOVQ	DX, 16(SP)
	CALL	·onSignal(SB)
	ADDQ	$32, SP
	POPQ	BP
	POPQ	R15
	RET

// tramp is the signal trampoline of version 2: R15 is the ucontext.
TEXT ·tramp(SB),NOSPLIT|NOFRAME,$0
	MOVQ	R15, DI
	MOVL	$308, AX // setcontext
	SYSCALL
	MOVQ	$-1, DI
	MOVL	$1, AX
	SYSCALL
	INT	$3

// fpRoundTrip(sigpid) loads known values in XMM0, XMM15 and YMM1's upper half, an x87
// register and MXCSR, has signal 30 sent to the process itself, whose handler spoils
// them, and returns what is left of them.
TEXT ·fpRoundTrip(SB),NOSPLIT,$32-56
	MOVQ	avx+8(FP), R13
	MOVQ	$0x1122334455667788, AX
	MOVQ	AX, X0
	MOVQ	$0x99aabbccddeeff00, AX
	MOVQ	AX, X15
	MOVL	$0x5f80, 0(SP) // round down, masks on
	LDMXCSR	0(SP)
	FLD1
	TESTQ	R13, R13
	JZ	noavx
	MOVQ	$0x0102030405060708, AX
	MOVQ	AX, X2
	VINSERTF128	$1, X2, Y1, Y1
noavx:
	MOVQ	pid+0(FP), DI
	MOVL	$30, SI
	MOVL	$37, AX // kill
	SYSCALL
	MOVQ	X0, AX
	MOVQ	AX, x0+16(FP)
	MOVQ	X15, AX
	MOVQ	AX, x15+24(FP)
	STMXCSR	0(SP)
	MOVLQZX	0(SP), AX
	MOVQ	AX, mxcsr+32(FP)
	FMOVDP	F0, 8(SP)
	MOVQ	8(SP), AX
	MOVQ	AX, st0+40(FP)
	MOVQ	$0, y1+48(FP)
	TESTQ	R13, R13
	JZ	done
	VEXTRACTF128	$1, Y1, X2
	MOVQ	X2, AX
	MOVQ	AX, y1+48(FP)
	VZEROUPPER
done:
	MOVL	$0x1f80, 0(SP)
	LDMXCSR	0(SP)
	RET

// spoilFP overwrites what fpRoundTrip set.
TEXT ·spoilFP(SB),NOSPLIT,$16-8
	MOVQ	avx+0(FP), R13
	MOVQ	$-1, AX
	MOVQ	AX, X0
	MOVL	$0x1f80, 0(SP)
	LDMXCSR	0(SP)
	FLDZ
	TESTQ	R13, R13
	JZ	done
	VINSERTF128	$1, X0, Y1, Y1
	VZEROUPPER
done:
	RET

// cpuid1() returns ECX of leaf 1; bits 27 and 28 are OSXSAVE and AVX.
TEXT ·cpuid1(SB),NOSPLIT,$0-8
	MOVL	$1, AX
	XORL	CX, CX
	CPUID
	MOVLQZX	CX, CX
	MOVQ	CX, ret+0(FP)
	RET

// contextTwice(uc): getcontext into uc, count, and setcontext of uc, which comes back
// to the counting; it returns at the second time.
TEXT ·contextTwice(SB),NOSPLIT,$0-8
	MOVQ	uc+0(FP), DI
	MOVL	$307, AX
	SYSCALL
	INCQ	·rounds(SB)
	CMPQ	·rounds(SB), $2
	JGE	done
	MOVQ	uc+0(FP), DI
	MOVL	$308, AX
	SYSCALL
done:
	RET

// loopAt increments *p until it is told to stop by a signal's death; it makes no calls.
TEXT ·loopAt(SB),NOSPLIT,$0-8
	MOVQ	p+0(FP), DI
loop:
	LOCK
	INCQ	(DI)
	JMP	loop

// readByte(p) and writeByte(p, v) touch memory that may not be there.
TEXT ·readByte(SB),NOSPLIT,$0-16
	MOVQ	p+0(FP), DI
	MOVBQZX	(DI), AX
	MOVQ	AX, ret+8(FP)
	RET

// readGS returns the word at GS's base.
TEXT ·readGS(SB),NOSPLIT,$0-8
	BYTE	$0x65; BYTE $0x48; BYTE $0x8b; BYTE $0x04; BYTE $0x25; LONG $0 // mov %gs:0,%rax
	MOVQ	AX, ret+0(FP)
	RET

TEXT ·writeByte(SB),NOSPLIT,$0-16
	MOVQ	p+0(FP), DI
	MOVQ	v+8(FP), AX
	MOVB	AX, (DI)
	RET

// breakpoint executes int3; nop behind it.
TEXT ·breakpoint(SB),NOSPLIT,$0-0
	INT	$3
	BYTE	$0x90
	RET

// jump goes to an address.
TEXT ·jump(SB),NOSPLIT,$0-8
	MOVQ	p+0(FP), AX
	JMP	AX

// addrs returns the places of the functions above that the kernel is told.
TEXT ·addrOf(SB),NOSPLIT,$0-16
	MOVQ	which+0(FP), CX
	LEAQ	·handler(SB), AX
	CMPQ	CX, $0
	JEQ	done
	LEAQ	·tramp(SB), AX
	CMPQ	CX, $1
	JEQ	done
	LEAQ	·lwpStart(SB), AX
	CMPQ	CX, $2
	JEQ	done
	LEAQ	·bareLWP(SB), AX
	CMPQ	CX, $3
	JEQ	done
	LEAQ	·spinLWP(SB), AX
	CMPQ	CX, $4
	JEQ	done
	LEAQ	·getpidLoop(SB), AX
	CMPQ	CX, $5
	JEQ	done
	LEAQ	·sequence(SB), AX
	CMPQ	CX, $6
	JEQ	done
	LEAQ	·upcall(SB), AX
done:
	MOVQ	AX, ret+8(FP)
	RET

// getpidLoop calls getppid for ever.
TEXT ·getpidLoop(SB),NOSPLIT|NOFRAME,$0
loop:
	MOVL	$39, AX
	SYSCALL
	LOCK
	INCQ	·spins(SB)
	JMP	loop

// sequence counts in seqStarts how often it begins, and spins until seqDone says so. It begins at its first instruction.
TEXT ·sequence(SB),NOSPLIT|NOFRAME,$0-0
	LOCK
	INCQ	·seqStarts(SB)
spin:
	CMPQ	·seqDone(SB), $0
	JEQ	spin
	RET

// upcall is where scheduler activations come up to: type, contexts, how many of events, how many interrupted, a siginfo. It does not return.
TEXT ·upcall(SB),NOSPLIT|NOFRAME,$0-0
	ANDQ	$~15, SP
	SUBQ	$48, SP
	MOVQ	DI, 0(SP)
	MOVQ	SI, 8(SP)
	MOVQ	DX, 16(SP)
	MOVQ	CX, 24(SP)
	MOVQ	R8, 32(SP)
	CALL	·onUpcall(SB)
	INT	$3
