#include "go_asm.h"
#include "textflag.h"

// The stub: the code that every host process carries. It is never run here; its bytes, from
// stubBegin to stubLimit, are copied into the zygote.
//
// It has three entries: stubBegin, where the zygote begins; stubHandler, where signals arrive;
// stubFast, where rewritten call sites jump to.
//
// Rules:
//   - Position-independent between the first and the last symbol: jumps are relative, and
//     addresses that are loaded are those of a host process.
//   - No stack but the slot's, no data but the configuration page and the slot. R14 is the
//     configuration page and R15 the slot, once they are loaded. Newborns have not even a
//     slot that they could trust: they have registers.
//   - A hostile guest can jump to every byte here with registers of its choice, so no code
//     relies on what came before it. What keeps a guest in is the filter, which must let
//     nothing through from here that does harm, whatever the arguments are.
//   - A fault here, while a guest is served, is the guest's own: it is put back in front of its
//     call (stubFast), or its process ends. So guest memory is read and written here without
//     asking whether it is there, but only below GuestEnd: above it the guest would write its
//     slot, or learn of it, by a pointer that the kernel would refuse.
//   - Between two marks nothing may be moved without a look at Marks in region.go.

// CHECKED makes the system call in AX; if it fails, the process ends with code, by which
// toaster names the step that the host refused (zygoteSteps).
#define CHECKED(code) \
	MOVL $code, BX \
	SYSCALL \
	TESTQ AX, AX \
	JS die

// CONTROL maps the process's own control window, descriptor ControlFD, and keeps it
// out of what a fork copies. No guest code ever runs with that descriptor open, and the
// filter lets no other one be mapped there.
#define CONTROL \
	MOVL $9, AX \
	MOVQ $const_WindowAddr, DI \
	MOVQ const_cfgWindow(R14), SI \
	MOVL $3, DX \
	MOVL $0x11, R10 \
	MOVL $const_ControlFD, R8 \
	XORL R9, R9 \
	CHECKED(120) \
	MOVL $3, AX \
	MOVL $const_ControlFD, DI \
	CHECKED(121) \
	MOVL $28, AX \
	MOVQ $const_WindowAddr, DI \
	MOVQ const_cfgWindow(R14), SI \
	MOVL $10, DX \
	CHECKED(122)

// AWAIT wakes the kernel if it sleeps, which the old turn in AX tells, and waits for the next
// turn. On the core that the kernel is on, spinning is what would keep it from answering. CX
// counts the rounds; after a sleep it is 0, so that who was woken for nothing sleeps again.
// The turn is the guest's up to TurnGuestAwaits; a process that is to end has TurnGone, and
// waits here until the host kills it.
#define AWAIT \
given: \
	CMPL AX, $const_TurnGuestAwaits \
	JNE wait \
	MOVL $202, AX /* futex(turn, FUTEX_WAKE, 1) */ \
	MOVQ R15, DI \
	MOVL $1, SI \
	MOVL $1, DX \
	SYSCALL \
wait: \
	MOVL const_slotGuestCPU(R15), AX \
	XORL CX, CX \
	CMPL AX, const_slotHostCPU(R15) \
	JEQ spin \
	MOVL const_slotSpin(R15), CX \
spin: \
	MOVL (R15), AX \
	CMPL AX, $const_TurnGuestAwaits \
	JLS act \
	SUBL $1, CX \
	JLE sleep \
	PAUSE \
	JMP spin \
sleep: \
	MOVL $const_TurnKernel, AX \
	MOVL $const_TurnKernelAwaits, DX \
	LOCK \
	CMPXCHGL DX, (R15) \
	JEQ asleep \
	CMPL AX, $const_TurnGuestAwaits \
	JLS act \
asleep: \
	MOVL $202, AX /* futex(turn, FUTEX_WAIT, turnKernelAwait, 0) */ \
	MOVQ R15, DI \
	XORL SI, SI \
	MOVL $const_TurnKernelAwaits, DX \
	XORL R10, R10 \
	SYSCALL \
	XORL CX, CX \
	JMP spin \
act:

// COMMANDS makes a list of system calls, up to the first that fails, and goes on at done. The
// list is in memory that the guest's other threads can change meanwhile: the filter judges
// each call as if the guest had made it.
#define COMMANDS(done) \
	MOVL const_slotCount(R15), R13 \
	LEAQ const_slotCommand(R15), R12 \
command: \
	MOVQ 0(R12), AX \
	MOVQ 8(R12), DI \
	MOVQ 16(R12), SI \
	MOVQ 24(R12), DX \
	MOVQ 32(R12), R10 \
	MOVQ 40(R12), R8 \
	MOVQ 48(R12), R9 \
	SYSCALL \
	MOVQ AX, 56(R12) \
	CMPQ AX, $-4095 \
	JCC done \
	ADDQ $const_commandSize, R12 \
	SUBL $1, R13 \
	JG command \
	JMP done

// LOADREGS loads the registers of a light trap, but for SP and R15, the slot.
#define LOADREGS \
	MOVQ const_lightR8(R15), R8 \
	MOVQ const_lightR9(R15), R9 \
	MOVQ const_lightR10(R15), R10 \
	MOVQ const_lightR11(R15), R11 \
	MOVQ const_lightR12(R15), R12 \
	MOVQ const_lightR13(R15), R13 \
	MOVQ const_lightR14(R15), R14 \
	MOVQ const_lightRDI(R15), DI \
	MOVQ const_lightRSI(R15), SI \
	MOVQ const_lightRBP(R15), BP \
	MOVQ const_lightRBX(R15), BX \
	MOVQ const_lightRDX(R15), DX \
	MOVQ const_lightRAX(R15), AX \
	MOVQ const_lightRCX(R15), CX

// DIE is where CHECKED goes.
#define DIE \
die: \
	MOVL $231, AX /* exit_group */ \
	MOVL BX, DI \
	SYSCALL \
	HLT

// CLONEMARK is a no-op that loadStub finds the clone instruction by.
#define CLONEMARK \
	BYTE $0x0f; BYTE $0x1f; BYTE $0x80; LONG $0x6e6f6c63

// LIGHTMARK is CLONEMARK of the one in light traps.
#define LIGHTMARK \
	BYTE $0x0f; BYTE $0x1f; BYTE $0x80; LONG $0x6e6f6c6c

// SIGMASK sets the signal mask to what is at set in the configuration page.
#define SIGMASK(set) \
	MOVL $14, AX /* rt_sigprocmask(SIG_SETMASK, set, 0, 8) */ \
	MOVL $2, DI \
	LEAQ set(R14), SI \
	XORL DX, DX \
	MOVL $8, R10 \
	SYSCALL

// REPORT is the beginning of a newborn process, up to its control window; R13 is its
// token, and R15 its slot. With toaster's end it ends, also if that came before it could
// say so. What a sibling of its creator was being given is not for it.
#define REPORT \
	MOVL $157, AX /* prctl(PR_SET_PDEATHSIG, SIGKILL) */ \
	MOVL $1, DI \
	MOVL $9, SI \
	XORL DX, DX \
	XORL R10, R10 \
	XORL R8, R8 \
	CHECKED(130) \
	MOVL $110, AX /* getppid */ \
	CHECKED(131) \
	CMPL AX, const_cfgParent(R14) \
	JNE die \
	MOVL $436, AX /* close_range(0, ~0, 0) */ \
	XORL DI, DI \
	MOVL $0xffffffff, SI \
	XORL DX, DX \
	CHECKED(129) \
	MOVL $const_AskProcess, AX \
	MOVQ R13, DI \
	MOVQ R15, SI \
	CHECKED(132) \
	CONTROL

// LEAVE returns to the guest from a call that the stub has answered: R11 has the flags, as after a
// system call instruction, AX the result, and CX becomes where to go on. A signal in it finds
// all that it loads in the slot.
#define LEAVE \
	XORL DX, DX \
	PUSHQ R11 \
	POPFQ \
	MOVQ const_lightR8(R15), R8 \
	MOVQ const_lightR9(R15), R9 \
	MOVQ const_lightR10(R15), R10 \
	MOVQ const_lightR12(R15), R12 \
	MOVQ const_lightR13(R15), R13 \
	MOVQ const_lightR14(R15), R14 \
	MOVQ const_lightRDI(R15), DI \
	MOVQ const_lightRSI(R15), SI \
	MOVQ const_lightRBX(R15), BX \
	MOVQ const_lightRCX(R15), CX \
	MOVQ const_lightRSP(R15), SP \
	MOVQ const_lightR15(R15), R15 \
	JMP CX

// DOZE notes that the thread is about to sleep in what is lent, and is on no processor (LWPCTL_CPU_NONE). Whoever takes that back
// clears it first and looks for sleepers then, so the note is there before the stub looks once more (XCHG).
#define DOZE \
	MOVL $-1, const_slotCurCPU(R15) \
	MOVL $1, CX \
	XCHGL CX, const_slotNapping(R15)

// WAKE notes that it does not sleep any more.
#define WAKE \
	MOVL $0, const_slotNapping(R15) \
	MOVL $0, const_slotCurCPU(R15)

// EVENT stores a struct kevent at R10: R12 the descriptor, AX the data, R8 the row of the table, which has flags and udata. An
// event that is none by now, as another thread has deleted it, the kernel looks for.
#define EVENT(filter, flags, udata) \
	MOVL flags(R8), CX \
	TESTL CX, CX \
	JEQ light \
	MOVQ udata(R8), DX \
	MOVQ R12, 0(R10) \
	MOVL $filter, 8(R10) \
	MOVL CX, 12(R10) \
	MOVQ $0, 16(R10) \
	MOVQ AX, 24(R10) \
	MOVQ DX, 32(R10) \
	ADDQ $40, R10 \
	INCQ const_slotAnswer(R15)

// EVENTEXT adds what a struct kevent has since __kevent100.
#define EVENTEXT(done) \
	CMPQ const_lightRAX(R15), $const_CallKevent100 \
	JNE done \
	MOVQ $0, 0(R10) \
	MOVQ $0, 8(R10) \
	MOVQ $0, 16(R10) \
	MOVQ $0, 24(R10) \
	ADDQ $32, R10

// MARK is a no-op that loadStub finds a place by.
#define MARK(a, b, c, d) \
	BYTE $0x0f; BYTE $0x1f; BYTE $0x80; BYTE $a; BYTE $b; BYTE $c; BYTE $d

// The zygote begins here: descriptor 0 is a socket, ControlFD the control memory.
TEXT ·stubBegin(SB), NOSPLIT|NOFRAME, $0
	MOVQ $const_ConfigAddr, R14
	MOVQ $const_WindowAddr, R15

	MOVL $436, AX // close_range(ControlFD+1, ~0, 0)
	MOVL $(const_ControlFD+1), DI
	MOVL $0xffffffff, SI
	XORL DX, DX
	CHECKED(101)

	// The sentinel stays outside the sandbox: it reads from the socket until toaster
	// has gone, however it went, and then kills the process group. What else ends host
	// processes (PDEATHSIG) depends on the first instructions of each of them.
	MOVL $56, AX // clone(CLONE_PARENT)
	MOVL $const_ForkFlags, DI
	XORL SI, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	CHECKED(115)
	TESTQ AX, AX
	JNE sandbox
	MOVL $3, AX // close(ControlFD)
	MOVL $const_ControlFD, DI
	SYSCALL
	MOVL $157, AX // prctl(PR_SET_NAME, sentinel)
	MOVL $15, DI
	LEAQ const_cfgSentinel(R14), SI
	SYSCALL
	MOVQ SP, SI
	SUBQ $64, SI
watch:
	XORL AX, AX // read(0, below the stack, 1)
	XORL DI, DI
	MOVL $1, DX
	SYSCALL
	CMPQ AX, $-4 // EINTR
	JEQ watch
	TESTQ AX, AX
	JGT watch // nobody writes
	// With a second argument there is a control group to remove, so the sentinel leaves the
	// process group first.
	MOVL $111, AX // getpgrp
	SYSCALL
	MOVL AX, R12
	NEGQ R12
	CMPQ (SP), $2
	JLT sweep
	MOVL $109, AX // setpgid(0, 0)
	XORL DI, DI
	XORL SI, SI
	SYSCALL
sweep:
	MOVL $62, AX // kill(-group, SIGKILL)
	MOVQ R12, DI
	MOVL $9, SI
	SYSCALL
	// The host says EBUSY until all of them have ended.
	MOVL $const_sentinelTries, R12
	MOVQ $0, -64(SP) // a millisecond
	MOVQ $1000000, -56(SP)
remove:
	MOVL $84, AX // rmdir(argv[1])
	MOVQ 16(SP), DI
	SYSCALL
	CMPQ AX, $-16 // EBUSY
	JNE removed
	MOVL $35, AX // nanosleep
	LEAQ -64(SP), DI
	XORL SI, SI
	SYSCALL
	DECL R12
	JNE remove
removed:
	MOVL $231, AX // exit_group(0)
	XORL DI, DI
	SYSCALL
	HLT
sandbox:

	// The vdso goes where the filter knows it. Its address is in the auxiliary
	// vector, behind the arguments and the environment.
	MOVQ (SP), AX
	LEAQ 16(SP)(AX*8), BX
environ:
	MOVQ (BX), AX
	ADDQ $8, BX
	TESTQ AX, AX
	JNE environ
auxiliary:
	MOVQ (BX), AX
	MOVQ 8(BX), R12
	ADDQ $16, BX
	CMPQ AX, $33 // AT_SYSINFO_EHDR
	JEQ found
	TESTQ AX, AX
	JNE auxiliary
	XORL R12, R12
found:
	LEAQ const_cfgPieces(R14), R13
piece:
	MOVQ 8(R13), SI
	TESTQ SI, SI
	JEQ moved
	MOVL $25, AX // mremap(old, size, size, MREMAP_MAYMOVE|MREMAP_FIXED, new)
	MOVQ 0(R13), DI
	ADDQ R12, DI
	MOVQ SI, DX
	MOVL $3, R10
	MOVQ 16(R13), R8
	CHECKED(113)
	ADDQ $const_pieceSize, R13
	JMP piece
moved:

	// All below the stub goes, the program's own stack with it, and all above what was moved:
	// what is left is the stub, its configuration, and the vdso.
	MOVL $11, AX // munmap
	XORL DI, DI
	MOVQ $const_Addr, SI
	CHECKED(102)
	MOVL $11, AX
	MOVQ const_cfgKeep(R14), DI
	MOVQ const_cfgKeepSize(R14), SI
	SYSCALL // a kernel that seals the vdso refuses: it may stay up here

	MOVL $160, AX // setrlimit(RLIMIT_CORE, 0): a guest's core files are the kernel's business
	MOVL $4, DI
	LEAQ const_cfgZero(R14), SI
	CHECKED(103)

	CONTROL

	MOVL $157, AX // prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	MOVL $38, DI
	MOVL $1, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	CHECKED(104)

	MOVL $157, AX // prctl(PR_SET_NAME, name)
	MOVL $15, DI
	LEAQ const_cfgName(R14), SI
	CHECKED(112)

	MOVL $157, AX // prctl(PR_SET_TIMERSLACK, nanoseconds)
	MOVL $29, DI
	MOVQ const_cfgSlack(R14), SI
	CHECKED(114)

	// The stub's handler takes what a guest can cause and what kicks it, with all signals
	// blocked meanwhile. A fork inherits that, and nobody can change it: the filter has no
	// rt_sigaction.
	MOVL $31, R12
	MOVQ $const_stubSignals, R13
actions:
	BTQ R12, R13
	JCC next
	MOVL $13, AX // rt_sigaction(signo, action, 0, 8)
	MOVL R12, DI
	LEAQ const_cfgAction(R14), SI
	XORL DX, DX
	MOVL $8, R10
	CHECKED(105)
next:
	DECL R12
	JNZ actions

	// That nobody reads any more the kernel tells the guest, and not the host.
	MOVL $13, AX // rt_sigaction(SIGPIPE, ignore, 0, 8)
	MOVL $13, DI
	LEAQ const_cfgIgnore(R14), SI
	XORL DX, DX
	MOVL $8, R10
	CHECKED(105)

	MOVL $14, AX // rt_sigprocmask(SIG_SETMASK, empty, 0, 8)
	MOVL $2, DI
	LEAQ const_cfgMask(R14), SI
	XORL DX, DX
	MOVL $8, R10
	CHECKED(106)

	MOVL $131, AX // sigaltstack
	LEAQ const_cfgAltstack(R14), DI
	XORL SI, SI
	CHECKED(107)

	// From here on only what the filter lets through. The listener is in R12.
	MOVL $317, AX // seccomp(SECCOMP_SET_MODE_FILTER, flags, program)
	MOVL $1, DI
	MOVQ const_cfgFlags(R14), SI
	LEAQ const_cfgProgram(R14), DX
	CHECKED(108)
	MOVQ AX, R12

	// The message was prepared in the slot by toaster, with one field left open.
	MOVL R12, (const_slotScratch+const_msgFD)(R15)
	MOVL $46, AX // sendmsg(0, message, 0)
	XORL DI, DI
	LEAQ const_slotScratch(R15), SI
	XORL DX, DX
	CHECKED(109)
	MOVL $3, AX
	XORL DI, DI
	SYSCALL
	MOVL $3, AX
	MOVQ R12, DI
	SYSCALL

	// A call that the filter doesn't let through makes the first signal frame,
	// the one that all pristine processes start from.
	MOVL $0xffff, AX
	CHECKED(110)
	MOVL $111, BX
	DIE

// Signals arrive here on the slot's stack, with every signal blocked. A frame anywhere
// but in the process's own control window is that of a guest that has moved its signal
// stack, or of a newborn that a trap caught before it had a window: the process ends.
TEXT ·stubHandler(SB), NOSPLIT|NOFRAME, $0
	MOVQ $const_ConfigAddr, R14
	MOVQ $const_WindowAddr, AX
	MOVQ DX, R15
	SUBQ AX, R15
	MOVL $136, BX
	CMPQ R15, const_cfgWindow(R14)
	JCC die
	CMPL DI, $const_sigSys
	JNE other
	MOVQ const_ucRAX(DX), AX
	CMPQ AX, $const_CallClockGettime
	JEQ answer
	CMPQ AX, $const_CallSchedYield
	JEQ answer
	JMP trap

	// A kick that comes while a light trap is with the kernel must not give the
	// turn a second time. The stub looks at slotKicked before it resumes.
other:
	CMPL DI, $const_KickSignal
	JNE trap
	MOVQ const_ucRIP(DX), AX
	CMPQ AX, const_cfgLightBegin(R14)
	JCS trap
	CMPQ AX, const_cfgLightEnd(R14)
	JCC trap
	MOVQ DX, R15
	ANDQ const_cfgSlotMask(R14), R15
	CMPL (R15), $const_TurnGuestAwaits
	JHI later
	CMPL const_slotOp(R15), $const_OpResume
	JEQ trap
later:
	MOVL $1, const_slotKicked(R15)
	MOVQ DX, SP
	MOVL $15, AX // rt_sigreturn
	SYSCALL
	HLT

	// The guest's registers lie in the frame; where it is, and the segment bases, which a frame
	// does not have, go into the slot.
trap:
	MOVQ DX, R15
	ANDQ const_cfgSlotMask(R14), R15
	MOVL $const_modeFrame, const_slotMode(R15)
	MOVL DI, const_slotSigno(R15)
	MOVQ DX, const_slotFrame(R15)
	MOVQ SI, const_slotInfo(R15)
	MOVL $0, const_slotUsed(R15)
	CMPL DI, $const_sigSys
	JNE state
	MOVQ const_ucRAX(DX), AX
	CMPQ AX, $const_CallExit
	JEQ used
	CMPQ AX, $const_CallExecve
	JNE state
used: // as in a light trap
	MOVL $98, AX // getrusage(RUSAGE_SELF, slotScratch)
	XORL DI, DI
	LEAQ const_slotScratch(R15), SI
	SYSCALL
	MOVL $1, const_slotUsed(R15)
state:
	CMPL const_cfgFSGSBase(R14), $0
	JEQ report
	RDFSBASEQ AX
	MOVQ AX, const_slotFSBase(R15)
	RDGSBASEQ AX
	MOVQ AX, const_slotGSBase(R15)

	JMP report

	// What needs no kernel is answered here. Whatever is unusual goes the long way: the switch
	// that turns it off, a call from elsewhere than guest code, a pointer that is not the
	// guest's, another clock. DX is the ucontext and SI the siginfo, which the host has just
	// written, on a stack that only this guest's threads can spoil.
answer:
	CMPL const_cfgAnswer(R14), $0
	JEQ trap
	MOVQ DX, CX
	ANDQ const_cfgSlotMask(R14), CX
	CMPL const_slotTrapAll(CX), $0
	JNE trap
	CMPL const_infoArch(SI), $const_archAMD64
	JNE trap
	MOVQ const_infoCall(SI), CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC trap
	CMPQ AX, $const_CallSchedYield
	JEQ yield
	MOVQ const_ucRSI(DX), R9
	MOVQ R9, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC trap
	MOVL const_ucRDI(DX), CX
	XORL R8, R8
	TESTL CX, CX
	JEQ clock
	CMPL CX, $const_GuestMonotonic
	JNE trap
	MOVL $1, R8
clock:
	// The host's own call, as it gives EFAULT where a store of the stub would fault.
	MOVQ DI, R12
	MOVQ SI, R13
	MOVL $228, AX // clock_gettime
	MOVQ R8, DI
	MOVQ R9, SI
	SYSCALL
	MOVQ R12, DI
	MOVQ R13, SI
	TESTQ AX, AX
	JNE trap
	JMP answered
yield:
	MOVL $24, AX // sched_yield
	SYSCALL

	// The frame becomes that of a guest whose call has succeeded with 0, and is loaded.
answered:
	XORL AX, AX
	MOVQ AX, const_ucRAX(DX)
	MOVQ AX, const_ucRDX(DX)
	ANDQ $-2, const_ucEflags(DX) // no carry: no error
	MOVQ DX, SP
	MOVL $15, AX // rt_sigreturn
	SYSCALL
	HLT

	// The guest's turn is over: wake the kernel if it sleeps, then wait for the next one.
report:
	CMPL const_cfgRDTSCP(R14), $0
	JEQ give
	RDTSCP
	INCL CX
	MOVL CX, const_slotGuestCPU(R15)
give:
	MOVL $const_TurnKernel, AX
	XCHGL AX, (R15)
	AWAIT
	MOVL const_slotOp(R15), AX
	CMPL AX, $const_OpCall
	JEQ call
	JHI clone
	CMPL const_cfgFSGSBase(R14), $0
	JEQ bases
	MOVQ const_slotFSBase(R15), AX
	WRFSBASEQ AX
	MOVQ const_slotGSBase(R15), AX
	WRGSBASEQ AX
resume:
	MOVQ const_slotFrame(R15), SP
	MOVL $15, AX // rt_sigreturn
	SYSCALL
	HLT

	// Without those instructions the host sets the bases; nobody else changes them then,
	// so that the slot has what they are. A base that the host refuses stays as it was.
bases:
	MOVL $158, AX // arch_prctl
	MOVL $0x1002, DI // ARCH_SET_FS
	MOVQ const_slotFSBase(R15), SI
	SYSCALL
	MOVL $158, AX
	MOVL $0x1001, DI // ARCH_SET_GS
	MOVQ const_slotGSBase(R15), SI
	SYSCALL
	JMP resume

	// A list of system calls, up to the first that fails.
call:
	COMMANDS(report)

clone:
	CMPL AX, $const_OpExit
	JCC exit
	MOVL $56, AX
	MOVQ const_slotFlags(R15), DI
	LEAQ const_cfgZero(R14), SI
	MOVQ const_slotToken(R15), DX
	XORL R10, R10
	MOVQ const_slotTarget(R15), R8
	MOVQ const_slotPass(R15), R9

	// The filter asks the supervisor about each clone from here, or from the other place
	// below, with one of two sets of flags, and refuses all others; the supervisor grants
	// what it has ordered. A trap on the newborn's way (by TF in its flags, say) kills it,
	// as there is no place for a signal frame: its stack is the configuration page, a new
	// thread has no signal stack, and a process has no control window yet. It has no memory
	// that a hostile sibling could not write, and trusts its registers alone: DI the flags, DX
	// the token, R8 its slot, which the supervisor has compared with its order. With the
	// pass in R9 it is not asked: a process has that only before it has run a guest.
	CLONEMARK
	SYSCALL
	TESTQ AX, AX
	JEQ born
	MOVQ AX, const_slotResult(R15)
	JMP report

born:
	MOVQ $const_ConfigAddr, R14
	MOVQ R8, R15
	MOVQ DX, R13
	CMPQ DI, $const_ThreadFlags
	JEQ thread

	REPORT
	JMP wait

thread:
	MOVL $const_AskThread, AX
	MOVQ R13, DI
	MOVQ R15, SI
	CHECKED(133)
	JMP wait

exit:
	MOVL $60, AX // exit
	XORL DI, DI
	SYSCALL
	HLT
	DIE

// Rewritten call sites come here, by way of an island that has put the address
// behind the call into CX, with the slot in GS. Only CX and R11 may change before
// everything is saved. A signal can arrive at every instruction; what the guest's
// registers are then is a matter of four ranges between marks, see lighttrap.go.
TEXT ·stubFast(SB), NOSPLIT|NOFRAME, $0
	MARK('e', 'n', 't', '0')
	MOVQ const_slotSelf(GS), R11
	MOVQ R8, const_lightR8(R11)
	MOVQ R9, const_lightR9(R11)
	MOVQ R10, const_lightR10(R11)
	MOVQ R12, const_lightR12(R11)
	MOVQ R13, const_lightR13(R11)
	MOVQ R14, const_lightR14(R11)
	MOVQ R15, const_lightR15(R11)
	MOVQ DI, const_lightRDI(R11)
	MOVQ SI, const_lightRSI(R11)
	MOVQ BP, const_lightRBP(R11)
	MOVQ BX, const_lightRBX(R11)
	MOVQ DX, const_lightRDX(R11)
	MOVQ AX, const_lightRAX(R11)
	MOVQ CX, const_lightRCX(R11)
	MOVQ SP, const_lightRSP(R11)
	MARK('s', 'a', 'v', '0')
	LEAQ const_slotCalls(R11), SP
	PUSHFQ
	POPQ const_lightFlags(R11)
	MARK('s', 'a', 'v', '1')
	CLD
	MOVQ $const_ConfigAddr, R14
	MOVQ R11, R15
	CMPQ const_slotFetch(R15), $0 // a store of what is there already would take the kernel's cache line away
	JEQ unfetched
	MOVQ $0, const_slotFetch(R15)
unfetched:
	CMPQ const_slotSavedFP(R15), $0 // and slotUsed
	JEQ unsaved
	MOVQ $0, const_slotSavedFP(R15)
unsaved:
	CMPL const_slotTrapAll(R15), $0
	JNE light
	CMPL const_cfgAnswer(R14), $0
	JEQ light
	CMPQ AX, $const_CallSigaction
	JEQ action
	CMPQ AX, $const_CallSigprocmask
	JEQ procmask
	CMPQ AX, $const_CallMmap
	JEQ map
	CMPQ AX, $const_CallClockGettime
	JEQ clock
	CMPQ AX, $const_CallGettimeofday
	JEQ timeofday
	CMPQ AX, $const_CallSchedYield
	JEQ yield
	CMPQ AX, $const_CallSleep
	JEQ nap
	CMPQ AX, $const_CallLWPSelf
	JEQ self
	CMPQ AX, $const_CallLWPSetprivate
	JEQ private
	CMPQ AX, $const_CallSigaltstack
	JEQ altstack
	CMPQ AX, $const_CallGetcontext
	JEQ keep
	CMPQ AX, $const_CallLWPCreate
	JEQ keep
	CMPQ AX, $const_CallExit
	JEQ used
	CMPQ AX, $const_CallExecve
	JEQ used
	CMPQ AX, $const_CallRead
	JEQ input
	CMPQ AX, $const_CallWrite
	JEQ output
	CMPQ AX, $const_CallPread
	JEQ inputat
	CMPQ AX, $const_CallPwrite
	JEQ outputat
	CMPQ AX, $const_CallLseek
	JEQ position
	CMPQ AX, $const_CallKevent50
	JEQ events
	CMPQ AX, $const_CallKevent100
	JEQ events
	CMPQ AX, $const_pathCalls
	JCC light
	MOVQ AX, CX
	SHRQ $6, CX
	MOVQ const_cfgPathsAt(R14)(CX*8), R8
	BTQ AX, R8
	JCS path
	MOVQ const_cfgPaths(R14)(CX*8), R8
	MOVQ DI, SI
	BTQ AX, R8
	JCS path

	// A light trap: the kernel is given the turn with the registers in slotLight, the base of FS
	// beside them, and all else still in the processor. From 'gav0' on the guest's registers are
	// the kernel's to change, and a signal that arrives is not to touch them.
light:
	RDFSBASEQ AX
	MOVQ AX, const_slotFSBase(R15)
	CMPL const_cfgRDTSCP(R14), $0
	JEQ give
	RDTSCP
	INCL CX
	MOVL CX, const_slotGuestCPU(R15)
	// The mode goes in front of the turn: who has the turn reads it.
give:
	MOVL $const_modeLight, const_slotMode(R15)
	MOVL $const_TurnKernel, AX
	XCHGL AX, (R15)
	MARK('g', 'a', 'v', '0')
	AWAIT
	MOVL const_slotOp(R15), AX
	CMPL AX, $const_OpExit
	JEQ exit
	CMPL AX, $const_OpCall
	JEQ call
	CMPL AX, $const_OpThread
	JEQ clone
	CMPL AX, $const_OpFork
	JEQ clone
	CMPL AX, $const_OpSaveFP
	JEQ save
	CMPL AX, $const_OpSaveX
	JEQ saveall
	CMPL AX, $const_OpResume
	JNE frame
	CMPL const_slotKicked(R15), $0
	JNE kicked
	CMPL const_slotLoad(R15), $0
	JNE load
	// Back to the guest, by the shortest way: all registers from slotLight, CX where to go on.
	// A signal here finds the thread in a light trap, and the kernel still has its registers.
loaded:
	MOVQ const_slotFSBase(R15), AX
	WRFSBASEQ AX
	CMPL const_slotExact(R15), $0
	JNE exact
	LEAQ const_slotCalls(R15), SP
	PUSHQ const_lightFlags(R15)
	POPFQ
	LOADREGS
	MOVQ const_lightRSP(R15), SP
	MOVQ const_lightR15(R15), R15
	JMP CX

	// Where RCX is not where to go on: it takes longer, and leaves no register out.
exact:
	LEAQ const_slotIret(R15), SP
	LOADREGS
	MOVQ const_lightR15(R15), R15
	IRETQ

save:
	FXSAVE64 const_slotFP(R15)
	JMP again

saveall:
	MOVL const_slotFeatures(R15), AX
	MOVL (const_slotFeatures+4)(R15), DX
	XSAVE64 const_slotFP(R15)
	JMP again

	// A signal before slotLoad is cleared makes it happen twice; a pointer that is bad, too, so that the
	// kernel stores there itself, and is refused.
load:
	TESTL $const_LoadOut, const_slotLoad(R15)
	JEQ state
	MOVQ const_slotOut(R15), DI
	MOVQ DI, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC state
	MOVQ const_slotOutSize(R15), CX
	ANDL $(const_CarryMax*2-1), CX // the slot ends behind that
	LEAQ const_slotCarry(R15), SI
	REP; MOVSB
state:
	TESTL $const_LoadX, const_slotLoad(R15)
	JNE loadall
	TESTL $const_LoadFP, const_slotLoad(R15)
	JEQ restored
	FXRSTOR64 const_slotFP(R15)
	JMP restored
loadall:
	MOVL const_slotFeatures(R15), AX
	MOVL (const_slotFeatures+4)(R15), DX
	XRSTOR64 const_slotFP(R15)
restored:
	MOVL $0, const_slotLoad(R15)
	JMP loaded

	// As in the handler, but that the newborn goes on in a light trap, with the extended
	// state that is in the processor. A thread has no signal stack yet.
clone:
	SIGMASK(const_cfgBlocked)
	MOVL $56, AX
	MOVQ const_slotFlags(R15), DI
	LEAQ const_cfgZero(R14), SI
	MOVQ const_slotToken(R15), DX
	XORL R10, R10
	MOVQ const_slotTarget(R15), R8
	XORL R9, R9
	LIGHTMARK
	SYSCALL
	TESTQ AX, AX
	JEQ born
	MOVQ AX, const_slotResult(R15)
	SIGMASK(const_cfgMask)
	CMPL const_cfgRDTSCP(R14), $0
	JEQ again
	RDTSCP
	INCL CX
	MOVL CX, const_slotGuestCPU(R15)
	JMP again
born:
	MOVQ $const_ConfigAddr, R14
	MOVQ R8, R15
	MOVQ DX, R13
	CMPQ DI, $const_ThreadFlags
	JEQ thread
	REPORT
	SIGMASK(const_cfgMask)
	JMP wait
thread:
	MOVL $131, AX // sigaltstack
	LEAQ const_slotAltstack(R15), DI
	XORL SI, SI
	CHECKED(134)
	MOVL $const_AskThread, AX
	MOVQ R13, DI
	MOVQ R15, SI
	CHECKED(135)
	WRGSBASEQ R15
	SIGMASK(const_cfgMask)
	JMP wait
	DIE

	// As in the handler; only calls that no signal interrupts: there is no frame that would
	// restart them.
call:
	COMMANDS(again)
again:
	MOVL $const_TurnKernel, AX
	XCHGL AX, (R15)
	JMP given

kicked:
	MOVL $0, const_slotKicked(R15)
	// OpFrame, and a kick that came meanwhile, make a signal frame of a light trap: the handler
	// then reports it, and Thread.ensureFrame knows what it is.
frame:
	UD2 // whatever signal makes the frame will do
	HLT

exit:
	SIGMASK(const_cfgBlocked)
	MOVL $60, AX // exit
	XORL DI, DI
	SYSCALL
	HLT
	MARK('e', 'n', 'd', '0')

	// What needs no kernel, without any system call of the host: behind 'end0' as the range up
	// to 'gav0' goes on here. A light trap has not begun: until 'ans0', or a mark at which
	// something is noted as done, a signal puts the guest back in front of its call, and the
	// call is made again. So the order in each of these is: check, read, answer, note, mark.
	//
	// gettimeofday(2) is clock 0 in microseconds; what it says of time zones is the kernel's to
	// write.
timeofday:
	TESTQ SI, SI
	JNE light
	MOVQ DI, SI
	TESTQ SI, SI
	JEQ light
	XORL DI, DI

	// The vdso may use any XMM register, which belong to the guest.
clock:
	MOVQ const_cfgClock(R14), AX
	TESTQ AX, AX
	JEQ light
	TESTL DI, DI
	JEQ known
	CMPL DI, $const_GuestMonotonic
	JNE light
	MOVL $1, DI
known:
	MOVQ SI, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC light
	MOVQ SI, R12
ask:
	LEAQ const_slotTime(R15), SI
	MOVUPS X0, (const_slotXMM+0x00)(R15)
	MOVUPS X1, (const_slotXMM+0x10)(R15)
	MOVUPS X2, (const_slotXMM+0x20)(R15)
	MOVUPS X3, (const_slotXMM+0x30)(R15)
	MOVUPS X4, (const_slotXMM+0x40)(R15)
	MOVUPS X5, (const_slotXMM+0x50)(R15)
	MOVUPS X6, (const_slotXMM+0x60)(R15)
	MOVUPS X7, (const_slotXMM+0x70)(R15)
	MOVUPS X8, (const_slotXMM+0x80)(R15)
	MOVUPS X9, (const_slotXMM+0x90)(R15)
	MOVUPS X10, (const_slotXMM+0xa0)(R15)
	MOVUPS X11, (const_slotXMM+0xb0)(R15)
	MOVUPS X12, (const_slotXMM+0xc0)(R15)
	MOVUPS X13, (const_slotXMM+0xd0)(R15)
	MOVUPS X14, (const_slotXMM+0xe0)(R15)
	MOVUPS X15, (const_slotXMM+0xf0)(R15)
	CALL AX
	MARK('x', 'm', 'm', '0')
	MOVUPS (const_slotXMM+0x00)(R15), X0
	MOVUPS (const_slotXMM+0x10)(R15), X1
	MOVUPS (const_slotXMM+0x20)(R15), X2
	MOVUPS (const_slotXMM+0x30)(R15), X3
	MOVUPS (const_slotXMM+0x40)(R15), X4
	MOVUPS (const_slotXMM+0x50)(R15), X5
	MOVUPS (const_slotXMM+0x60)(R15), X6
	MOVUPS (const_slotXMM+0x70)(R15), X7
	MOVUPS (const_slotXMM+0x80)(R15), X8
	MOVUPS (const_slotXMM+0x90)(R15), X9
	MOVUPS (const_slotXMM+0xa0)(R15), X10
	MOVUPS (const_slotXMM+0xb0)(R15), X11
	MOVUPS (const_slotXMM+0xc0)(R15), X12
	MOVUPS (const_slotXMM+0xd0)(R15), X13
	MOVUPS (const_slotXMM+0xe0)(R15), X14
	MOVUPS (const_slotXMM+0xf0)(R15), X15
	MARK('x', 'm', 'm', '1')
	TESTL AX, AX
	JNE light
	MOVL (const_slotTime+8)(R15), AX // nanoseconds
	CMPQ const_lightRAX(R15), $const_CallClockGettime
	JEQ told
	CMPQ const_lightRAX(R15), $const_CallGettimeofday
	JNE since
	XORL DX, DX
	MOVL $1000, CX
	DIVL CX
told:
	MOVL AX, CX
	MOVQ const_slotTime(R15), AX
	MOVQ AX, 0(R12) // a bad pointer faults here, and the call goes the long way
	MOVQ CX, 8(R12)
	JMP success

	// Short sleeps only: in a longer one the kernel must see the guest asleep. A signal
	// makes a trap of it; what is left of it is then in slotTime, see napped.
nap:
	TESTQ SI, SI // what is left is told, 0 too, after a sleep that has come to its end
	JNE light
	MOVQ DI, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC light
	MOVQ 8(DI), CX
	CMPQ 0(DI), $0
	JNE light
	CMPQ CX, $const_LongestNap
	JCC light
	MOVQ $0, const_slotTime(R15)
	MOVQ CX, (const_slotTime+8)(R15)
	LEAQ const_slotTime(R15), DI
	MOVQ DI, SI
	MOVL $-1, const_slotCurCPU(R15) // LWPCTL_CPU_NONE
	MOVL $1, const_slotNapping(R15)
	MOVL $35, AX // nanosleep
	MARK('n', 'a', 'p', '0')
	SYSCALL
	WAKE
	TESTQ AX, AX
	JNE light
	JMP success
	MARK('n', 'a', 'p', '1')

	// Who asks for a context, or makes one for a new LWP, wants the x87 and SSE state, too: it
	// comes along, which saves the kernel a turn to ask for it.
keep:
	FXSAVE64 const_slotFP(R15)
	MOVL $1, const_slotSavedFP(R15)
	JMP light

	// Who ends, or becomes another program, is asked at once what it has used.
used:
	MOVL $98, AX // getrusage(RUSAGE_SELF, slotScratch)
	XORL DI, DI
	LEAQ const_slotScratch(R15), SI
	SYSCALL
	MOVL $1, const_slotUsed(R15)
	JMP light

	// What the kernel would have to copy in comes along. A bad pointer faults, and the
	// call goes the long way.
fetch:
	CMPQ AX, $const_CallMmap
	JNE second
	MOVQ const_lightRSP(R15), SI
	ADDQ $8, SI // behind the return address
second:
	TESTQ SI, SI
	JEQ light
	MOVQ SI, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC light
	MOVQ 0(SI), CX
	MOVQ CX, (const_slotFetched+0)(R15)
	CMPQ AX, $const_CallMmap
	JEQ fetched
	MOVQ 8(SI), CX
	MOVQ CX, (const_slotFetched+8)(R15)
	CMPQ AX, $const_CallSigaction
	JNE fetched
	MOVQ 16(SI), CX
	MOVQ CX, (const_slotFetched+16)(R15)
	MOVQ 24(SI), CX
	MOVQ CX, (const_slotFetched+24)(R15)
fetched:
	MOVQ SI, const_slotFetch(R15)
	JMP light

	// A path at SI comes along up to its end, a word at a time, if it is no longer than there is room and ends with the word in its
	// page: R9 is where it begins, R10 how many words there can be. A word has a zero byte if one of its highest bits is set in
	// (w - 0x01...01) & ~w.
path:
	MOVQ SI, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC light
	MOVQ SI, R9
	MOVL SI, R10
	NOTL R10
	ANDL $4095, R10
	INCL R10
	SHRL $3, R10
	JEQ light
	CMPL R10, $const_carryWords
	JLS words
	MOVL $const_carryWords, R10
words:
	LEAQ const_slotCarry(R15), DI
	MOVQ $0x0101010101010101, R12
	MOVQ $0x8080808080808080, R13
word:
	MOVQ (SI), AX
	MOVQ AX, (DI)
	MOVQ AX, CX
	SUBQ R12, CX
	NOTQ AX
	ANDQ AX, CX
	ANDQ R13, CX
	JNE ended
	ADDQ $8, SI
	ADDQ $8, DI
	DECL R10
	JNE word
	JMP light
ended:
	MOVQ R9, const_slotFetch(R15)
	JMP light

	// sigaction(2): DI the signal, SI the new action, DX where the old one goes, R10 the
	// trampoline, R8 its version. A change is left in the slot, where the kernel takes
	// it as soon as it matters. What is not plain goes the long way, as does a second
	// change before the kernel has seen the first.
action:
	TESTL $const_LentActions, const_slotLent(R15)
	JEQ fetch
	LEAQ -1(DI), CX
	CMPQ CX, $62
	JHI fetch
	MOVQ DX, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC fetch
	LEAQ (DI)(DI*4), R12
	LEAQ const_slotActions(R15)(R12*8), R12
	TESTQ SI, SI
	JEQ old
	MOVQ SI, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC fetch
	CMPQ R8, $const_trampVersion
	JNE fetch
	TESTQ R10, R10
	JEQ fetch
	MOVQ $const_unpostable, CX
	BTQ DI, CX
	JCS fetch
	MOVQ const_slotActionsNoted(R15), CX
	BTQ DI, CX
	JCS fetch
	MOVQ 0(SI), R8
	MOVQ 8(SI), R9
	MOVQ 24(SI), CX
	TESTL $const_saResetHand, CX
	JNE fetch
	ANDQ $~const_cantMask, R9
	BTRQ $63, R9
old:
	TESTQ DX, DX
	JEQ new
	MOVQ 0(R12), R14
	MOVQ R14, 0(DX)
	MOVQ 8(R12), R14
	MOVQ R14, 8(DX)
	MOVQ 16(R12), R14
	MOVQ R14, 16(DX)
	MOVL 24(R12), R14
	MOVQ R14, 24(DX)
new:
	TESTQ SI, SI
	JEQ success
	MOVQ R8, 0(R12)
	MOVQ R9, 8(R12)
	MOVQ $0, 16(R12)
	MOVL CX, 24(R12)
	MOVL $const_trampVersion, 28(R12)
	MOVQ R10, 32(R12)
	MOVQ $0, const_slotAnswer(R15)
	MOVQ const_slotActionsNoted(R15), CX
	BTSQ DI, CX
	MOVQ CX, const_slotActionsNoted(R15)
	MARK('p', 's', 't', '0')
	JMP answered
	MARK('p', 's', 't', '1')

	// sigprocmask(2): DI how, SI the set, DX where the old mask goes. The set is read before the
	// old mask is written, as they may be in one place; the mask itself is the note, so that it
	// is stored last. SIGKILL and SIGSTOP cannot be in it, nor what NetBSD has no signal for.
procmask:
	TESTL $const_LentMask, const_slotLent(R15)
	JEQ fetch
	MOVQ const_slotMask(R15), R8
	MOVQ R8, R9
	TESTQ SI, SI
	JEQ oldmask
	MOVQ SI, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC fetch
	MOVQ 8(SI), R10 // of no use, but a fault if it isn't there
	MOVQ 0(SI), R10
	CMPL DI, $const_sigSetmask
	JEQ setmask
	CMPL DI, $const_sigBlock
	JEQ block
	CMPL DI, $const_sigUnblock
	JNE fetch
	NOTQ R10
	ANDQ R10, R9
	JMP oldmask
block:
	ORQ R8, R10
setmask:
	MOVQ R10, R9
	ANDQ $~const_cantMask, R9
	BTRQ $63, R9
oldmask:
	MOVQ $0, const_slotAnswer(R15)
	TESTQ DX, DX
	JEQ newmask
	MOVQ DX, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC fetch
	MOVQ R8, 0(DX)
	MOVQ $0, 8(DX)
newmask:
	MOVQ R9, const_slotMask(R15)
	MARK('m', 's', 'k', '0')
	JMP answered
	MARK('m', 's', 'k', '1')

	// sigaltstack(2): DI the new stack, SI where the old one goes, which is the kernel's to say.
	// Two places take turns, so that the note of a choice never tells of one that is half
	// written. A stack that is too small is an error, which is the kernel's, too.
altstack:
	TESTL $const_LentStack, const_slotLent(R15)
	JEQ light
	TESTQ SI, SI
	JNE light
	TESTQ DI, DI
	JEQ light
	MOVQ DI, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC light
	MOVQ 0(DI), R8
	MOVQ 8(DI), R9
	MOVQ 16(DI), R10
	TESTL $~const_ssKnown, R10
	JNE light
	TESTL $const_ssDisable, R10
	JNE chosen
	CMPQ R9, $const_minSigstksz
	JCS light
chosen:
	MOVL $1, R13
	CMPL R13, const_slotStackNoted(R15)
	JNE other
	MOVL $2, R13
other:
	LEAQ (R13)(R13*2), CX
	LEAQ (const_slotStacks-const_stackSize)(R15)(CX*8), CX
	MOVQ R8, 0(CX)
	MOVQ R9, 8(CX)
	MOVQ R10, 16(CX) // flags, and padding
	MOVQ $0, const_slotAnswer(R15)
	MOVL R13, const_slotStackNoted(R15)
	MARK('s', 't', 'k', '0')
	JMP answered
	MARK('s', 't', 'k', '1')

	// mmap(2): DI the address, SI the size, DX the protection, R10 the flags, R8 the file.
	// Memory is mapped at once, and noted in the slot, where the kernel takes it at the next
	// trap. The note is written before the call and counted after it: a signal in between finds
	// in AX whether the host has mapped ('map0'). What takes from the room lowers its top
	// first, so that no failure lets two mappings have the same place.
map:
	TESTL $const_LentRoom, const_slotLent(R15)
	JEQ fetch
	MOVL const_slotRoomNoted(R15), R12
	CMPL R12, $const_MaxPlaced
	JCC fetch
	CMPL R8, $-1
	JNE fetch
	TESTL $~const_mapProt, DX
	JNE fetch
	MOVQ SI, CX
	SHRQ $const_guestBits, CX
	JNE fetch
	MOVQ SI, R13
	ADDQ $4095, R13
	ANDQ $~4095, R13
	JEQ fetch
	MOVQ const_slotRoomHigh(R15), R9
	MOVQ const_slotRoomLow(R15), BX
	MOVL $(const_mapHost|const_mapOver), R8
	CMPL R10, $(const_mapPlain|const_mapFixed)
	JEQ fixed
	CMPL R10, $const_mapPlain
	JNE fetch
	MOVL $(const_mapHost|const_mapBeside), R8
	TESTQ DI, DI
	JNE hint
	SUBQ R13, R9
	JCS fetch
	CMPQ R9, BX
	JCS fetch
	MOVQ R9, DI
	JMP place
hint: // where nothing is, and not too high up
	LEAQ (DI)(R13*1), CX
	CMPQ R9, CX
	JCS fetch
fixed:
	TESTL $4095, DI
	JNE fetch
	MOVQ DI, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC fetch
	CMPQ DI, $const_mapLowest
	JCS fetch
	MOVQ $const_mapHighest, CX
	SUBQ R13, CX
	CMPQ CX, DI
	JCS fetch
	CMPQ DI, R9
	JCC place
	LEAQ (DI)(R13*1), CX
	CMPQ BX, CX
	JCC place
	MOVQ BX, R9 // it takes from the room: that is not to be used any more
place:
	MOVQ R9, const_slotRoomHigh(R15)
	MOVQ R13, SI
	MOVL DX, DX
	LEAQ (R12)(R12*2), CX
	LEAQ const_slotCommand(R15)(CX*8), CX
	MOVQ DI, 0(CX)
	MOVQ SI, 8(CX)
	MOVQ DX, 16(CX)
	MOVQ DI, const_slotAnswer(R15)
	INCL R12
	MOVL R8, R10
	MOVQ $-1, R8
	XORL R9, R9
	MOVL $9, AX
	SYSCALL
	MARK('m', 'a', 'p', '0')
	CMPQ AX, DI
	JNE refused
	MOVL R12, const_slotRoomNoted(R15)
	MARK('m', 'a', 'p', '1')
	JMP answered
	MARK('m', 'a', 'p', '2')
refused:
	MOVL $const_CallMmap, AX
	JMP fetch

	// read(2), write(2), pread(2), pwrite(2) and lseek(2) of a file that is lent: DI the
	// descriptor, SI the memory, DX how much, R8 where. The host does it, on its own
	// descriptor; where it fails the kernel makes the call and finds out why. R13 has
	// the rights that it takes, R12 the guest's descriptor.
input:
	XORL AX, AX // read
	MOVL $const_MayRead, R13
	JMP transfer
output:
	MOVL $1, AX // write
	MOVL $const_MayWrite, R13
	JMP transfer
inputat:
	MOVL $17, AX // pread64
	MOVL $const_MayRead, R13
	JMP transfer
outputat:
	MOVL $18, AX // pwrite64
	MOVL $const_MayWrite, R13
transfer:
	MOVL DI, R12
	CMPL R12, $const_LentFiles
	JCC light
	MOVQ const_cfgFiles(R14), R9
	MOVL 0(R9)(R12*4), BX
	TESTL R13, BX
	JEQ light
	LEAQ -1(DX), CX
	CMPQ CX, $const_longestTransfer
	JCC light
	MOVQ SI, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC light
	MOVQ R8, R10
	CMPL R13, $const_MayWrite
	JNE carry

	// The host would write as much as it can read, NetBSD writes all or nothing (EFAULT).
	LEAQ -1(SI)(DX*1), R9
	MOVQ SI, CX
touch:
	CMPB 0(CX), $0
	ADDQ $4096, CX
	CMPQ CX, R9
	JLS touch
	CMPB 0(R9), $0
carry:
	TESTL $const_Waits, BX
	JEQ transmit
	CMPL AX, $1 // a position is the kernel's to refuse
	JHI light

	// A pipe or a socket: here the thread may sleep, for as long as the other side likes, and
	// the guest's O_NONBLOCK is the host's. It says first that it sleeps and then looks
	// whether the file is still lent, and who takes the file back does the opposite in the
	// opposite order: so one of them notices, and the thread does not sleep, or is kicked.
	// A kick makes a trap of the call (Thread.leaveWait): from 'wai0' to 'wai1' the host has
	// moved nothing, up to 'wai2' AX says what it has.
	MARK('w', 'a', 'i', '0')
	MOVL AX, R10
	DOZE
	MOVQ const_cfgFiles(R14), R9
	MOVL 0(R9)(R12*4), CX
	ANDL R13, CX
	JEQ unwaited
	MOVL R10, AX
	LEAL const_LentFD(R12), DI
	SYSCALL
	MARK('w', 'a', 'i', '1')
	WAKE
	TESTQ AX, AX
	JLT unmoved
	MOVQ AX, const_slotAnswer(R15)
	MARK('w', 'a', 'i', '2')
	// A write of less was cut short, or does not wait: that the kernel finds out. A read of
	// less is what there was, unless the memory has ended, which then faults here.
	CMPQ AX, DX
	JEQ answered
	CMPL R13, $const_MayRead
	JNE partly
	TESTQ AX, AX
	JEQ answered
	LOCK
	ORB $0, 0(SI)(AX*1)
	JMP answered
partly:
	MOVQ AX, const_slotPart(R15)
	JMP light
	MARK('w', 'a', 'i', '3')
unwaited:
	WAKE
	JMP light
unmoved: // an error of a socket's is told once: the kernel is told it
	CMPQ AX, $const_hostEAGAIN
	JNE partly
	MOVL $const_GuestEAGAIN, AX
	MOVQ const_lightFlags(R15), R11
	ORQ $1, R11 // carry: an error
	LEAVE
position: // DX where to, R10 from where
	MOVL $(const_MayRead|const_MayWrite), R13
	MOVL DI, R12
	CMPL R12, $const_LentFiles
	JCC light
	MOVQ const_cfgFiles(R14), R9
	TESTL R13, 0(R9)(R12*4)
	JEQ light
	CMPL R10, $2 // SEEK_END, the last that the two agree on
	JHI light
	MOVQ DX, SI
	MOVL R10, DX
	MOVL $8, AX // lseek
transmit:
	LEAL const_LentFD(R12), DI
	SYSCALL
	MARK('f', 'i', 'l', '0')
	TESTQ AX, AX
	JLT light
	MOVQ AX, const_slotAnswer(R15)
	MARK('f', 'i', 'l', '1')
	CMPL R13, $const_MayRead
	JNE answered
	CMPQ AX, DX
	JEQ answered
	// The file has ended, or the memory, which is EFAULT: if the file goes on, the memory does
	// not, and it faults here.
	MOVQ AX, R12
	MOVQ SI, R13
	ADDQ R8, AX
	CMPQ const_lightRAX(R15), $const_CallPread
	JEQ behind
	XORL SI, SI
	MOVL $1, DX // SEEK_CUR
	MOVL $8, AX // lseek
	SYSCALL
behind:
	MOVQ AX, R10
	LEAQ const_slotTime(R15), SI
	MOVL $1, DX
	MOVL $17, AX // pread64
	SYSCALL
	CMPQ AX, $1
	JNE answered
	LOCK
	ORB $0, 0(R13)(R12*1)
	JMP answered
	MARK('f', 'i', 'l', '2')

	// kevent(2) that changes nothing, of a kqueue that is lent: DI the kqueue, DX how many changes, R10 where events go, R8
	// how many, R9 how long to wait: for ever, not at all, or for a time. The thread sleeps in the host's set as it does in a
	// pipe. What it takes from there is the kernel's to know of if it comes to no event here: a signal before 'kev3', or a descriptor of which
	// the host has more to tell, makes a trap of the call, and slotPart says how many are in slotScratch. Since when it waits for a time
	// is in slotSince, so that the kernel goes on with the rest of that.
events:
	TESTQ DX, DX
	JNE light
	MOVL DI, R12
	CMPL R12, $const_LentFiles
	JCC light
	CMPQ R8, $(2*const_MaxEvents)
	JCS light
	MOVQ R10, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC light
	MOVQ const_cfgFiles(R14), R13
	TESTL $const_Events, 0(R13)(R12*4)
	JEQ light
	XORL BX, BX
	MOVQ $-1, R10
	TESTQ R9, R9
	JEQ enter
	MOVQ R9, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC light
	MOVQ 0(R9), DX
	MOVQ 8(R9), CX
	XORL R10, R10
	MOVQ DX, AX
	ORQ CX, AX
	JEQ enter
	CMPQ DX, $const_longestWait // a negative time is one that is too long
	JCC light
	CMPQ CX, $const_second
	JCC light
	MOVQ DX, const_slotTimeout(R15)
	MOVQ CX, (const_slotTimeout+8)(R15)
	MOVQ const_cfgClock(R14), AX
	TESTQ AX, AX
	JEQ light
	MOVL $1, DI // CLOCK_MONOTONIC
	JMP ask
since: // AX the nanoseconds
	MOVQ const_slotTime(R15), CX
	IMULQ $const_second, CX
	ADDQ AX, CX
	MOVQ CX, const_slotSince(R15)
	LEAQ const_slotTimeout(R15), R10
	CMPQ const_slotTimeout(R15), $0
	JNE enter
	CMPQ (const_slotTimeout+8)(R15), $const_shortWait
	JCC enter
	MOVL $157, AX // prctl(PR_SET_TIMERSLACK), until the wait is over; or, if a kick ends it, the next one is
	MOVL $29, DI
	MOVL $const_WaitSlack, SI
	SYSCALL
	MOVL $1, BX
enter:
	MARK('k', 'e', 'v', '0')
	TESTQ R10, R10
	JEQ look
	DOZE
look:
	MOVQ const_cfgFiles(R14), R13
	TESTL $const_Events, 0(R13)(R12*4)
	JEQ unwaited
	LEAL const_LentFD(R12), DI
	LEAQ const_slotScratch(R15), SI
	MOVL $const_MaxEvents, DX
	MOVL $232, AX // epoll_wait
	TESTQ R10, R10
	JLE take
	XORL R8, R8 // no mask
	MOVL $441, AX // epoll_pwait2
take:
	SYSCALL
	MARK('k', 'e', 'v', '1')
	WAKE
	TESTQ AX, AX
	JLT light
	MOVQ AX, const_slotPart(R15)
	MARK('k', 'e', 'v', '2')
	MOVL AX, R9
	TESTL BX, BX
	JEQ tell
	MOVL $157, AX
	MOVL $29, DI
	MOVL $const_GuestSlack, SI
	SYSCALL
tell:
	MOVQ $0, const_slotAnswer(R15)
	LEAQ const_slotScratch(R15), BX
	MOVQ const_lightR10(R15), R10
each:
	SUBL $1, R9
	JLT delivered
	MOVL 4(BX), R12
	CMPL R12, $const_EventFiles
	JCC light
	TESTL $~5, 0(BX) // EPOLLIN|EPOLLOUT
	JNE light
	LEAQ (R12)(R12*2), R8
	LEAQ const_eventsAt(R13)(R8*8), R8
	TESTL $1, 0(BX) // EPOLLIN
	JEQ writable
	TESTL $const_MayRead, 0(R13)(R12*4)
	JEQ light
	MOVL $16, AX // ioctl(FIONREAD)
	LEAL const_LentFD(R12), DI
	MOVL $0x541b, SI
	LEAQ const_slotTime(R15), DX
	SYSCALL
	TESTQ AX, AX
	JNE light
	MOVL const_slotTime(R15), AX
	TESTL AX, AX
	JNE readable
	TESTL $const_Stream, 0(R13)(R12*4)
	JNE light
	JMP writable // of a pipe somebody else has read it
readable:
	EVENT(0, 16, 0)
	EVENTEXT(writable)
writable:
	TESTL $4, 0(BX) // EPOLLOUT
	JEQ behindevent
	MOVL 0(R13)(R12*4), CX
	TESTL $const_MayWrite, CX
	JEQ light
	MOVL $16, AX // ioctl
	LEAL const_LentFD(R12), DI
	LEAQ const_slotTime(R15), DX
	TESTL $const_Stream, CX
	JNE stream
	MOVL $0x541b, SI // FIONREAD
	SYSCALL
	TESTQ AX, AX
	JNE light
	MOVL $const_pipeRoom, AX
	SUBL const_slotTime(R15), AX
	JMP room
stream: // half of what the host says is for what it needs itself
	MOVL $0x5411, SI // TIOCOUTQ
	SYSCALL
	TESTQ AX, AX
	JNE light
	MOVQ R10, const_slotXMM(R15)
	MOVQ R8, (const_slotXMM+8)(R15)
	MOVQ $4, (const_slotTime+8)(R15)
	MOVL $55, AX // getsockopt(SOL_SOCKET, SO_SNDBUF)
	MOVL $1, SI
	MOVL $7, DX
	LEAQ (const_slotTime+4)(R15), R10
	LEAQ (const_slotTime+8)(R15), R8
	SYSCALL
	MOVQ const_slotXMM(R15), R10
	MOVQ (const_slotXMM+8)(R15), R8
	TESTQ AX, AX
	JNE light
	MOVL (const_slotTime+4)(R15), AX
	SHRL $1, AX
	SUBL const_slotTime(R15), AX
	JGT room
	MOVL $1, AX
room:
	EVENT(1, 20, 8)
	EVENTEXT(behindevent)
behindevent:
	ADDQ $12, BX
	JMP each
delivered: // nothing is left of it: again, with what is left of a time by the kernel
	CMPQ const_slotAnswer(R15), $0
	JNE told2
	CMPQ const_lightR9(R15), $0
	JEQ forever
	CMPQ const_slotSince(R15), $0
	JEQ told2
	CMPQ const_slotPart(R15), $0
	JEQ told2
	MOVQ $0, const_slotPart(R15)
	JMP light
forever:
	MOVQ $0, const_slotPart(R15)
	MOVQ const_lightRDI(R15), DI
	XORL DX, DX
	MOVQ const_lightR10(R15), R10
	MOVQ const_lightR8(R15), R8
	XORL R9, R9
	JMP events
told2:
	MOVQ $0, const_slotPart(R15)
	MARK('k', 'e', 'v', '3')
	MOVQ $0, const_slotSince(R15)
	JMP answered
	MARK('k', 'e', 'v', '4')

	// _lwp_self(2), if the slot says it; _lwp_setprivate(2) of an address of the guest's, as
	// another base would be refused by the processor.
self:
	MOVQ const_slotLWP(R15), AX
	TESTQ AX, AX
	JEQ light
	MOVQ AX, const_slotAnswer(R15)
	JMP answered
private:
	MOVQ DI, CX
	SHRQ $const_guestBits, CX
	CMPQ CX, $const_guestTop
	JCC light
	WRFSBASEQ DI
	JMP success
yield:
	MOVL $24, AX // sched_yield
	SYSCALL
success:
	MOVQ $0, const_slotAnswer(R15)
	// The call is done: what is left is to load the registers that a call leaves, which is
	// Regs.Finish if a signal comes here.
answered:
	MARK('a', 'n', 's', '0')
	MOVQ const_lightFlags(R15), R11
	ANDQ $-2, R11 // no carry: no error
	MOVQ const_slotAnswer(R15), AX
	LEAVE
	MARK('e', 'n', 'd', '1')

TEXT ·stubLimit(SB), NOSPLIT|NOFRAME, $0
	RET

DATA ·stubCode+0(SB)/8, $·stubBegin(SB)
DATA ·stubCode+8(SB)/8, $·stubLimit(SB)
DATA ·stubCode+16(SB)/8, $·stubHandler(SB)
DATA ·stubCode+24(SB)/8, $·stubFast(SB)
GLOBL ·stubCode(SB), NOPTR|RODATA, $32

// func fxsave(to *[512]byte)
TEXT ·fxsave(SB), NOSPLIT, $0-8
	MOVQ to+0(FP), AX
	FXSAVE64 (AX)
	RET
