package main

import "unsafe"

// Cases about ptrace.

const (
	ptTRACEME     = 0
	ptREADI       = 1
	ptREADD       = 2
	ptWRITEI      = 4
	ptWRITED      = 5
	ptCONTINUE    = 7
	ptKILL        = 8
	ptATTACH      = 9
	ptDETACH      = 10
	ptIO          = 11
	ptDUMPCORE    = 12
	ptLWPINFO     = 13
	ptSYSCALL     = 14
	ptSETEVENTS   = 16
	ptGETEVENTS   = 17
	ptGETSTATE    = 18
	ptSETSIGINFO  = 19
	ptGETSIGINFO  = 20
	ptRESUME      = 21
	ptSUSPEND     = 22
	ptLWPSTATUS   = 24
	ptLWPNEXT     = 25
	ptSTEP        = 32
	ptGETREGS     = 33
	ptSETREGS     = 34
	ptGETDBREGS   = 37
	ptSETDBREGS   = 38
	ptGETFPREGS   = 35
	ptSETFPREGS   = 36
	ptGETXSTATE   = 41
	ptSETXSTATE   = 42
	trapBRKPT     = 1
	trapTRACE     = 2
	trapEXEC      = 3
	trapCHLD      = 4
	trapLWP       = 5
	trapSCE       = 7
	trapSCX       = 8
	ptraceFORK    = 1
	ptraceVFORK   = 2
	ptraceVDONE   = 4
	ptraceLWPNew  = 8
	ptraceLWPExit = 0x10
	ptraceSPAWN   = 0x20
)

var traceCases = []testCase{
	{"trace_me_signals_are_shown_first", traceMe},
	{"trace_me_exec_stops", traceExec},
	{"trace_me_errors", traceMeErrors},
	{"trace_attach_and_detach", traceAttach},
	{"trace_attach_errors", traceAttachErrors},
	{"trace_child_attaches_to_its_parent", traceParent},
	{"trace_child_attaches_to_its_stopped_parent", traceStoppedParent},
	{"trace_parent_and_child_trace_each_other", traceEachOther},
	{"trace_traced_parent_ends", traceParentEnds},
	{"trace_vfork_child_and_its_parent", traceVforkParent},
	{"trace_32_36_tracees_die_with_their_tracer", traceDies},
	{"trace_34_attached_child_goes_back_and_dies", traceAttachedDies},
	{"trace_37_detach_after_the_parent_died", traceParentDies},
	{"trace_90_debugger_reaps_then_the_parent", traceReapTwice},
	{"trace_90_parent_of_a_held_child", traceParentWaits},
	{"trace_getppid_under_a_tracer", traceGetppid},
	{"trace_memory", traceMemory},
	{"trace_registers", traceRegisters},
	{"trace_debug_registers", traceDebugRegisters},
	{"trace_watchpoint_and_breakpoint", traceWatchpoint},
	{"trace_breakpoint_and_step", traceStep},
	{"trace_system_calls", traceSyscalls},
	{"trace_events_of_fork", traceForkEvents},
	{"trace_events_of_vfork", traceVforkEvents},
	{"trace_events_of_posix_spawn", traceSpawnEvents},
	{"trace_events_of_LWPs", traceLWPEvents},
	{"trace_LWP_lists_and_suspension", traceLWPs},
	{"trace_calls_that_the_tracer_makes", traceEmulated},
	{"trace_siginfo", traceSiginfo},
	{"trace_kill", traceKill},
	{"trace_requests_need_a_stopped_tracee", traceRunning},
}

func ptrace(what string, req, pid, addr, data int) int {
	return must(what, sysPtrace, req, pid, addr, data)
}

// tracee forks a child that is traced, runs f and has stopped by SIGSTOP before it.
func tracee(f func()) int {
	pid := fork(func() {
		ptrace("PT_TRACE_ME", ptTRACEME, 0, 0, 0)
		kill(getpid(), sigSTOP)
		f()
	})
	awaitStop(pid, sigSTOP)
	return pid
}

func awaitStop(pid, sig int) {
	got, st := wait4(pid, 0)
	eq("wait4 of a tracee", got, pid)
	eq("status of a tracee", st, stopped(sig))
}

func resume(pid, sig int) { ptrace("PT_CONTINUE", ptCONTINUE, pid, 1, sig) }

func traceMe() {
	pid := tracee(func() {
		catch(sigUSR1, 0)
		action(sigUSR2, sigIGN, 0)
		kill(getpid(), sigUSR1)
		eq("a signal that the tracer took away", sigCount[sigUSR1], 0)
		kill(getpid(), sigUSR1)
		eq("a signal that it let through", sigCount[sigUSR1], 1)
		kill(getpid(), sigHUP)
		eq("a signal that became another", sigCount[sigUSR1], 2)
		kill(getpid(), sigUSR2) // ignored, and shown nevertheless
		exit(4)
	})
	resume(pid, 0)
	awaitStop(pid, sigUSR1)
	resume(pid, 0)
	awaitStop(pid, sigUSR1)
	resume(pid, sigUSR1)
	awaitStop(pid, sigHUP)
	resume(pid, sigUSR1)
	got, st := wait4(pid, 0)
	if st == stopped(sigUSR2) {
		resume(got, 0)
		got, st = wait4(pid, 0)
	}
	eq("wait4", got, pid)
	eq("status", st, exited(4))
	pid = tracee(func() { subWait0() })
	resume(pid, sigTERM)
	reap(pid, sigTERM)
}

func traceExec() {
	pid := tracee(func() { execSelf("sub_exit", "6") })
	resume(pid, 0)
	awaitStop(pid, sigTRAP)
	var psi [136]byte
	ptrace("PT_GET_SIGINFO", ptGETSIGINFO, pid, ptr(&psi), len(psi))
	eq("si_code after exec", int(le32((*[128]byte)(psi[:128]), 4)), trapEXEC)
	resume(pid, 0)
	reap(pid, exited(6))
}

func traceMeErrors() {
	errs("PT_TRACE_ME as init's child", eperm, sysPtrace, ptTRACEME, 0, 0, 0)
	reapOK(fork(func() {
		ptrace("PT_TRACE_ME", ptTRACEME, 0, 0, 0)
		errs("PT_TRACE_ME twice", ebusy, sysPtrace, ptTRACEME, 0, 0, 0)
	}))
	errs("an unknown request", einval, sysPtrace, 9999, getpid(), 0, 0)
}

func traceAttach() {
	var p pipe
	p.open()
	pid := fork(func() {
		p.wait()
		exit(7)
	})
	reapOK(fork(func() {
		ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
		awaitStop(pid, sigSTOP)
		resume(pid, 0)
		kill(pid, sigWINCH)
		awaitStop(pid, sigWINCH)
		ptrace("PT_DETACH", ptDETACH, pid, 1, 0)
	}))
	p.post()
	reap(pid, exited(7))
	// Attached to a spinning one, detached with a signal, which is lost (sigchecktrace: it is traced no more).
	pid = fork(func() {
		for {
			add(&cells[0])
		}
	})
	ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
	awaitStop(pid, sigSTOP)
	ptrace("PT_DETACH", ptDETACH, pid, 1, sigTERM)
	kill(pid, sigKILL)
	reap(pid, sigKILL)
}

func traceAttachErrors() {
	errs("PT_ATTACH to oneself", einval, sysPtrace, ptATTACH, getpid(), 0, 0)
	errs("PT_ATTACH to init", eperm, sysPtrace, ptATTACH, 1, 0, 0)
	errs("PT_ATTACH to nobody", esrch, sysPtrace, ptATTACH, 29999, 0, 0)
	pid := tracee(func() {})
	errs("PT_ATTACH to a tracee", ebusy, sysPtrace, ptATTACH, pid, 0, 0)
	reapOK(fork(func() {
		errs("PT_ATTACH to another's tracee", ebusy, sysPtrace, ptATTACH, pid, 0, 0)
		errs("PT_CONTINUE of another's tracee", ebusy, sysPtrace, ptCONTINUE, pid, 1, 0)
	}))
	resume(pid, 0)
	reapOK(pid)
	if must("getuid", sysGetuid) != 0 {
		return
	}
	var p pipe
	p.open()
	pid = fork(func() { p.wait() })
	reapOK(fork(func() {
		dropRoot()
		errs("PT_ATTACH to root's", eperm, sysPtrace, ptATTACH, pid, 0, 0)
	}))
	p.post()
	reapOK(pid)
}

// traceParent is child_attach_to_its_parent of t_ptrace_topology_wait.h.
func traceParent() { childTraces(false) }

// traceStoppedParent is child_attach_to_its_stopped_parent there, in a child, whose stop and end are seen.
func traceStoppedParent() {
	var held pipe
	held.open()
	pid := fork(func() {
		childTraces(true)
		exit(15)
	})
	held.closeW()
	held.eof() // in 2003 a tracee is no child of its parent's
	reap(pid, exited(15))
	noChildren()
}

// kinfo is a struct kinfo_proc2.
var kinfo [680]byte

// awaitStopped returns when kern.proc2 says that a process has stopped.
func awaitStopped(pid int) {
	const ctlKern, kernProc2, byPid, realStat, sSTOP = 1, 47, 1, 632, 4
	for {
		mib := [6]int32{ctlKern, kernProc2, byPid, int32(pid), int32(len(kinfo)), 1}
		size := len(kinfo)
		must("kern.proc2", sysSysctl, ptr(&mib), len(mib), ptr(&kinfo), ptr(&size), 0, 0)
		if kinfo[realStat] == sSTOP {
			return
		}
		yield()
	}
}

func childTraces(stop bool) {
	var down, up pipe
	down.open()
	up.open()
	parent := getpid()
	tracer := fork(func() {
		down.wait()
		if stop {
			awaitStopped(parent)
		}
		ptrace("PT_ATTACH of the parent", ptATTACH, getppid(), 0, 0)
		awaitStop(parent, sigSTOP)
		if release10 {
			eq("getppid", getppid(), parent)
		}
		ptrace("PT_DETACH of the parent", ptDETACH, parent, 1, 0)
		errs("wait4 for the parent", echild, sysWait4, parent, 0, 0, 0)
		up.post()
		exit(5)
	})
	down.post()
	if stop {
		kill(parent, sigSTOP)
	}
	up.wait()
	reap(tracer, exited(5))
	noChildren()
}

// traceEachOther: a tracer's end kills its tracee (exit1), and its parent, who is the tracer of the tracer, too.
func traceEachOther() {
	var held pipe
	held.open()
	pid := fork(func() {
		fork(func() {
			parent := getppid()
			ptrace("PT_ATTACH of the parent", ptATTACH, parent, 0, 0)
			awaitStop(parent, sigSTOP)
			ptrace("PT_TRACE_ME", ptTRACEME, 0, 0, 0)
			exit(5)
		})
		subWait0()
	})
	held.closeW()
	held.eof()
	reap(pid, sigKILL)
	noChildren()
}

// traceParentEnds: the end of a parent is seen by its child, which traces it, and then by its own parent.
func traceParentEnds() {
	var up pipe
	up.open()
	pid := fork(func() {
		fork(func() {
			parent := getppid()
			ptrace("PT_ATTACH of the parent", ptATTACH, parent, 0, 0)
			awaitStop(parent, sigSTOP)
			resume(parent, sigTERM)
			reap(parent, sigTERM)
			eq("getppid afterwards", getppid(), 1)
			up.post()
		})
		subWait0()
	})
	up.wait()
	reap(pid, sigTERM)
	noChildren()
}

// traceVforkParent: ptrace_allowed, (5).
func traceVforkParent() {
	reapOK(vfork(func() { errs("PT_ATTACH of the parent", eperm, sysPtrace, ptATTACH, getppid(), 0, 0) }))
}

// A tracer that exits takes its tracees, its own children, with it; they are init's.
func traceDies() {
	var id [1]int32
	var p pipe
	p.open()
	reapOK(fork(func() {
		id[0] = int32(tracee(func() { subWait0() }))
		must("write", sysWrite, int(p.w), ptr(&id), 4)
	}))
	must("read", sysRead, int(p.r), ptr(&id), 4)
	awaitGone(int(id[0]))
}

// A child that another process traces comes back when that one exits, killed.
func traceAttachedDies() {
	pid := fork(func() { subWait0() })
	reapOK(fork(func() {
		ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
		awaitStop(pid, sigSTOP)
	}))
	reap(pid, sigKILL)
}

func traceParentDies() {
	var id [1]int32
	var p, down, up pipe
	p.open()
	down.open()
	up.open()
	middle := fork(func() {
		id[0] = int32(fork(func() {
			down.wait()
			eq("getppid after a detach", getppid(), 1)
			up.post()
		}))
		must("write", sysWrite, int(p.w), ptr(&id), 4)
		down.wait()
	})
	must("read", sysRead, int(p.r), ptr(&id), 4)
	pid := int(id[0])
	ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
	awaitStop(pid, sigSTOP)
	kill(middle, sigKILL)
	reap(middle, sigKILL)
	ptrace("PT_DETACH", ptDETACH, pid, 1, 0)
	down.post()
	up.wait()
	awaitGone(pid)
	noChildren()
}

func traceReapTwice() {
	holdChild()
	var p, up pipe
	p.open()
	up.open()
	pid := fork(func() {
		p.wait()
		exit(9)
	})
	tracer := fork(func() {
		ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
		awaitStop(pid, sigSTOP)
		resume(pid, 0)
		up.post()
		reap(pid, exited(9)) // the debugger's wait
	})
	up.wait()
	p.post()
	reapOK(tracer)
	reap(pid, exited(9)) // and the parent's
	noChildren()
}

// The parent of a child that a debugger holds: in release 10 it has a child to wait
// for, in 2003 it has none.
func traceParentWaits() {
	var up, down pipe
	up.open()
	down.open()
	pid := fork(func() { subWait0() })
	tracer := fork(func() {
		ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
		awaitStop(pid, sigSTOP)
		up.post()
		down.wait()
		ptrace("PT_KILL", ptKILL, pid, 1, 0)
		reap(pid, sigKILL)
	})
	up.wait()
	if release10 {
		eq("WNOHANG for the child", must("wait4", sysWait4, pid, 0, wNOHANG, 0), 0)
	} else {
		errs("WNOHANG for the child", echild, sysWait4, pid, 0, wNOHANG, 0)
	}
	down.post()
	reapOK(tracer)
	reap(pid, sigKILL)
}

func traceGetppid() {
	parent := getpid()
	var up, down, answer pipe
	up.open()
	down.open()
	answer.open()
	pid := fork(func() {
		down.wait()
		if getppid() == parent {
			answer.send(1)
		} else {
			answer.send(2)
		}
	})
	tracer := fork(func() {
		ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
		awaitStop(pid, sigSTOP)
		resume(pid, 0)
		up.post()
		reapOK(pid)
	})
	up.wait()
	down.post()
	if release10 {
		eq("getppid is the parent", int(answer.wait()), 1)
	} else {
		eq("getppid is the debugger", int(answer.wait()), 2)
	}
	reapOK(tracer)
	reapOK(pid)
}

type ioDesc struct {
	op   int
	offs int
	addr int
	len  int
}

var traceBuf [64]byte

func traceMemory() {
	cells[0] = 0x1122334455667788
	pid := tracee(func() { exit(cells[0] & 0xff) })
	at := ptr(&cells)
	eq("PT_READ_D", ptrace("PT_READ_D", ptREADD, pid, at, 0), 0x55667788)
	ptrace("PT_WRITE_D", ptWRITED, pid, at, 0x1234)
	eq("our own memory", cells[0], 0x1122334455667788)
	d := ioDesc{op: 1, offs: at, addr: ptr(&traceBuf), len: 16}
	ptrace("PT_IO", ptIO, pid, ptr(&d), 0)
	eq("PT_IO's length", d.len, 16)
	eq("PT_IO's byte", int(traceBuf[1]), 0x12)
	traceBuf[0] = 0x56
	d = ioDesc{op: 2, offs: at, addr: ptr(&traceBuf), len: 1}
	ptrace("PT_IO", ptIO, pid, ptr(&d), 0)
	// uvm_io: bytes_transfer_eof of t_ptrace_bytetransfer_wait.h has EINVAL for what is not there.
	errs("PT_READ_D of nothing", einval, sysPtrace, ptREADD, pid, 0, 0)
	errs("PT_WRITE_D of nothing", einval, sysPtrace, ptWRITED, pid, 0, 0)
	eq("PT_READ_D outside user space", ptrace("PT_READ_D", ptREADD, pid, 0x7f8000001000, 0), 0)
	ptrace("PT_WRITE_D outside user space", ptWRITED, pid, 0x7f8000001000, 0)
	// The auxiliary vector begins with AT_PHDR, 3, here.
	d = ioDesc{op: 5, offs: 0, addr: ptr(&traceBuf), len: 16}
	ptrace("PT_IO", ptIO, pid, ptr(&d), 32)
	eq("PIOD_READ_AUXV's length", d.len, 16)
	eq("the first entry's type", int(traceBuf[0]), 3)
	// The text is read-only, but not for a debugger.
	text := addrOf(addrBareLWP)
	own := readByte(text)
	eq("text as it is in the file", ptrace("PT_READ_I", ptREADI, pid, text, 0)&0xff, 0xb8) // MOVL $nr, AX
	ptrace("PT_WRITE_I", ptWRITEI, pid, text, 0x01020304)
	eq("text written", ptrace("PT_READ_D", ptREADD, pid, text, 0), 0x01020304)
	eq("our own text", readByte(text), own)
	resume(pid, 0)
	reap(pid, exited(0x56))
}

var (
	regs [26]uint64
	fpu  [512]byte

	xstate    [2384]byte // struct xstate
	xstateIov [2]int
)

// traceXState: the part that every processor has is what PT_GETFPREGS says, and can be changed by either.
func traceXState(pid int) {
	xstateIov = [2]int{ptr(&xstate), len(xstate)}
	ptrace("PT_GETXSTATE", ptGETXSTATE, pid, ptr(&xstateIov), 0)
	eq("xs_rfbm has x87 and SSE", int(xstate[0]&3), 3)
	for i := range 416 { // beyond is nobody's
		eq("xs_fxsave", int(xstate[16+i]), int(fpu[i]))
	}
	const xmm7 = 160 + 7*16
	xstate[0], xstate[8], xstate[16+xmm7] = 3, 3, fpu[xmm7]+1
	ptrace("PT_SETXSTATE", ptSETXSTATE, pid, ptr(&xstateIov), 0)
	ptrace("PT_GETFPREGS", ptGETFPREGS, pid, ptr(&fpu), 0)
	eq("xmm7", int(fpu[xmm7]), int(xstate[16+xmm7]))
	xstate[7] = 0x80
	errs("PT_SETXSTATE of no component", einval, sysPtrace, ptSETXSTATE, pid, ptr(&xstateIov), 0)
}

func traceRegisters() {
	pid := tracee(func() { loopAt(ptr(&cells)) })
	resume(pid, 0)
	kill(pid, sigUSR1)
	awaitStop(pid, sigUSR1)
	for i := range regs {
		regs[i] = 0
	}
	ptrace("PT_GETREGS", ptGETREGS, pid, ptr(&regs), 0)
	// It makes itself exit(21) from where it is: a system call instruction is in bareLWP.
	regs[0] = 21
	regs[21] = uint64(addrOf(addrBareLWP)) + 5
	regs[14] = sysExit
	ptrace("PT_GETFPREGS", ptGETFPREGS, pid, ptr(&fpu), 0)
	traceXState(pid)
	ptrace("PT_SETFPREGS", ptSETFPREGS, pid, ptr(&fpu), 0)
	bad := regs[21]
	regs[21] = 1 << 63
	errs("PT_SETREGS with a bad RIP", einval, sysPtrace, ptSETREGS, pid, ptr(&regs), 0)
	regs[21] = bad
	ptrace("PT_SETREGS", ptSETREGS, pid, ptr(&regs), 0)
	resume(pid, 0)
	reap(pid, exited(21))
}

func traceStep() {
	pid := tracee(func() {
		breakpoint()
		exit(3)
	})
	resume(pid, 0)
	awaitStop(pid, sigTRAP)
	ptrace("PT_GETREGS", ptGETREGS, pid, ptr(&regs), 0)
	pc := regs[21]
	ptrace("PT_STEP", ptSTEP, pid, 1, 0)
	awaitStop(pid, sigTRAP)
	var psi [136]byte
	ptrace("PT_GET_SIGINFO", ptGETSIGINFO, pid, ptr(&psi), len(psi))
	eq("si_code of a step", int(le32((*[128]byte)(psi[:128]), 4)), trapTRACE)
	ptrace("PT_GETREGS", ptGETREGS, pid, ptr(&regs), 0)
	eq("a step over a nop", int(regs[21]), int(pc)+1)
	for range 30 {
		ptrace("PT_STEP", ptSTEP, pid, 1, 0)
		awaitStop(pid, sigTRAP)
	}
	resume(pid, 0)
	reap(pid, exited(3))
}

var debugRegs [16]uint64

// watched is what debug registers watch.
var watched, unwatched uint32

//go:noinline
//go:nosplit
func write32(at *uint32, v uint32) { *at = v }

// debugTrap awaits the trap of a debug register: TRAP_DBREG, and DR6 has which (x86_dbregs_user_trap, x86_dbregs_store_dr6).
func debugTrap(pid int, reg uint) {
	awaitStop(pid, sigTRAP)
	eq("si_code", traceCode(pid), 6)
	ptrace("PT_GETDBREGS", ptGETDBREGS, pid, ptr(&debugRegs), 0)
	eq("DR6", int(debugRegs[6]), 0xffff0ff0|1<<reg)
}

func traceCode(pid int) int {
	var psi [136]byte
	ptrace("PT_GET_SIGINFO", ptGETSIGINFO, pid, ptr(&psi), len(psi))
	return int(le32((*[128]byte)(psi[:128]), 4))
}

func setDebug(pid int) { ptrace("PT_SETDBREGS", ptSETDBREGS, pid, ptr(&debugRegs), 0) }

// traceWatchpoint: a write to what DR1 watches traps behind it, and one to what is beside it does not. A child has no such registers
// (x86_dbregs_clear). One that is enabled for the task alone traps as a step does (x86_dbregs_user_trap). A breakpoint of DR0 traps before the
// instruction, again and again, as nobody sets RF, until it is taken away.
func traceWatchpoint() {
	pid := tracee(func() {
		write32(&unwatched, 1)
		write32(&watched, 2)
		reapOK(fork(func() { write32(&watched, 4) }))
		write32(&watched, 3)
		kill(getpid(), sigSTOP)
		write32(&watched, 5)
		exit(3)
	})
	if notRoot(pid) {
		resume(pid, 0)
		awaitStop(pid, sigCHLD)
		resume(pid, 0)
		awaitStop(pid, sigSTOP)
		resume(pid, 0)
		reap(pid, exited(3))
		return
	}
	ptrace("PT_GETDBREGS", ptGETDBREGS, pid, ptr(&debugRegs), 0)
	debugRegs[1], debugRegs[7] = uint64(uintptr(unsafe.Pointer(&watched))), 0x400|1<<3|1<<20|3<<22
	setDebug(pid)
	resume(pid, 0)
	debugTrap(pid, 1)
	debugRegs[7] ^= 1<<3 | 1<<2
	setDebug(pid)
	resume(pid, 0)
	awaitStop(pid, sigCHLD)
	resume(pid, 0)
	awaitStop(pid, sigTRAP)
	eq("si_code of a task's own", traceCode(pid), 2)
	resume(pid, 0)
	awaitStop(pid, sigSTOP)
	code := write32
	debugRegs[0], debugRegs[7] = **(**uint64)(unsafe.Pointer(&code)), 0x400|2
	setDebug(pid)
	for range 2 {
		resume(pid, 0)
		debugTrap(pid, 0)
	}
	debugRegs[7] = 0x400
	setDebug(pid)
	resume(pid, 0)
	reap(pid, exited(3))
}

// notRoot reports whether only the superuser might set registers: others must not (secmodel_extensions_process_cb).
func notRoot(pid int) bool {
	if must("getuid", sysGetuid) == 0 {
		return false
	}
	errs("PT_SETDBREGS of a user", eperm, sysPtrace, ptSETDBREGS, pid, ptr(&debugRegs), 0)
	return true
}

// traceDebugRegisters: what is set is kept for the LWP (x86_dbregs_write), and what cannot be is refused (x86_dbregs_validate).
func traceDebugRegisters() {
	const get, set = ptGETDBREGS, ptSETDBREGS
	pid := tracee(func() { exit(3) })
	if notRoot(pid) {
		resume(pid, 0)
		reap(pid, exited(3))
		return
	}
	ptrace("PT_GETDBREGS", get, pid, ptr(&debugRegs), 0)
	eq("DR0", int(debugRegs[0]), 0)
	eq("DR7", int(debugRegs[7]), 0x400)
	debugRegs[0] = uint64(addrOf(addrLwpStart))
	ptrace("PT_SETDBREGS", set, pid, ptr(&debugRegs), 0)
	debugRegs = [16]uint64{}
	ptrace("PT_GETDBREGS", get, pid, ptr(&debugRegs), 0)
	eq("DR0", int(debugRegs[0]), addrOf(addrLwpStart))
	debugRegs[7] = 1 << 13
	errs("PT_SETDBREGS with general detection", einval, sysPtrace, set, pid, ptr(&debugRegs), 0)
	debugRegs[7], debugRegs[1] = 0, 1<<63
	errs("PT_SETDBREGS of the kernel's memory", einval, sysPtrace, set, pid, ptr(&debugRegs), 0)
	errs("PT_GETDBREGS", efault, sysPtrace, get, pid, 0, 0)
	resume(pid, 0)
	reap(pid, exited(3))
}

// PT_SYSCALL stops before and after each call; the tracer can change both.
func traceSyscalls() {
	pid := tracee(func() {
		eq("a result that the tracer made", must("_lwp_self", sysLwpSelf), 4242)
		eq("a result that the tracer made", getppid(), 4242)
		exit(1) // 5, says the tracer
	})
	calls := [...]int{sysLwpSelf, sysGetppid}
	seen := 0
	var psi [136]byte
	info := (*[128]byte)(psi[:128])
	ptrace("PT_SYSCALL", ptSYSCALL, pid, 1, 0)
	want := trapSCE
	for n := 0; ; n++ {
		awaitStop(pid, sigTRAP)
		ptrace("PT_GET_SIGINFO", ptGETSIGINFO, pid, ptr(&psi), len(psi))
		if n == 0 && int(le32(info, 4)) == trapSCX {
			// The rest of the call that it stopped in.
			ptrace("PT_SYSCALL", ptSYSCALL, pid, 1, 0)
			continue
		}
		eq("si_code", int(le32(info, 4)), want)
		ptrace("PT_GETREGS", ptGETREGS, pid, ptr(&regs), 0)
		if want == trapSCE {
			if regs[14] == sysExit {
				break
			}
			yes("more calls than were made", seen < len(calls))
			eq("the call", int(regs[14]), calls[seen])
			eq("si_sysnum", int(le32(info, 16)), calls[seen])
			seen++
			want = trapSCX
		} else {
			eq("si_retval", int(le32(info, 20)), int(int32(regs[14])))
			eq("si_error", int(le32(info, 28)), 0)
			regs[14] = 4242
			ptrace("PT_SETREGS", ptSETREGS, pid, ptr(&regs), 0)
			want = trapSCE
		}
		ptrace("PT_SYSCALL", ptSYSCALL, pid, 1, 0)
	}
	eq("calls that stopped", seen, len(calls))
	regs[0] = 5
	ptrace("PT_SETREGS", ptSETREGS, pid, ptr(&regs), 0)
	resume(pid, 0)
	reap(pid, exited(5))
}

// traceEmulated: PT_SYSCALLEMU at the stop before a call has nobody make it, nor is there a stop behind it (trace_enter,
// trace_exit of kern_syscall.c). The next one is made.
func traceEmulated() {
	pid := tracee(func() {
		eq("a call that the tracer made", getppid(), 77)
		yes("a call that it did not", getpid() > 1)
		exit(0)
	})
	var psi [136]byte
	info := (*[128]byte)(psi[:128])
	for {
		ptrace("PT_SYSCALL", ptSYSCALL, pid, 1, 0)
		awaitStop(pid, sigTRAP)
		ptrace("PT_GET_SIGINFO", ptGETSIGINFO, pid, ptr(&psi), len(psi))
		ptrace("PT_GETREGS", ptGETREGS, pid, ptr(&regs), 0)
		if int(le32(info, 4)) == trapSCE && regs[14] == sysGetppid {
			break
		}
	}
	ptrace("PT_SYSCALLEMU", 15, pid, 0, 0)
	regs[14] = 77  // RAX
	regs[23] &^= 1 // the carry flag
	ptrace("PT_SETREGS", ptSETREGS, pid, ptr(&regs), 0)
	ptrace("PT_SYSCALL", ptSYSCALL, pid, 1, 0)
	awaitStop(pid, sigTRAP)
	ptrace("PT_GET_SIGINFO", ptGETSIGINFO, pid, ptr(&psi), len(psi))
	eq("the next stop is in front of a call", int(le32(info, 4)), trapSCE)
	ptrace("PT_GETREGS", ptGETREGS, pid, ptr(&regs), 0)
	eq("of the next one", int(regs[14]), sysGetpid)
	resume(pid, 0)
	reapOK(pid)
}

type traceState struct{ event, other int32 }

func events(pid, mask int) {
	m := int32(mask)
	ptrace("PT_SET_EVENT_MASK", ptSETEVENTS, pid, ptr(&m), 4)
	m = 0
	ptrace("PT_GET_EVENT_MASK", ptGETEVENTS, pid, ptr(&m), 4)
	eq("event mask", int(m), mask)
}

func state(pid int) (s traceState) {
	ptrace("PT_GET_PROCESS_STATE", ptGETSTATE, pid, ptr(&s), 8)
	return s
}

// birthEvents has a tracee make a child that exits with 8, and then exit with 2: both
// stop first, whether signals are masked or not.
func birthEvents(event int, birth func() int) {
	if !release10 {
		return // the parent of a child that a debugger holds has none there (90)
	}
	for _, mask := range []uint64{0, ^uint64(0) >> 1} {
		birthEvent(event, mask, birth)
	}
}

func birthEvent(event int, mask uint64, birth func() int) {
	pid := tracee(func() {
		procmask(sigBlock, mask)
		reap(birth(), exited(8))
		exit(2)
	})
	events(pid, event)
	resume(pid, 0)
	awaitStop(pid, sigTRAP)
	s := state(pid)
	eq("event", int(s.event), event)
	child := int(s.other)
	var psi [136]byte
	info := (*[128]byte)(psi[:128])
	ptrace("PT_GET_SIGINFO", ptGETSIGINFO, pid, ptr(&psi), len(psi))
	eq("si_pe_report_event", int(le32(info, 16)), event)
	eq("si_pe_other_pid", int(le32(info, 20)), child)
	awaitStop(child, sigTRAP)
	s = state(child)
	eq("the child's event", int(s.event), event)
	eq("the child's other", int(s.other), pid)
	resume(child, 0)
	resume(pid, 0)
	reap(child, exited(8))
	// Its end is a SIGCHLD of the parent's, shown to the tracer first, if it is not masked.
	got, st := wait4(pid, 0)
	for mask == 0 && st == stopped(sigCHLD) {
		resume(pid, 0)
		got, st = wait4(pid, 0)
	}
	eq("wait4", got, pid)
	eq("status", st, exited(2))
}

func traceForkEvents() {
	birthEvents(ptraceFORK, func() int { return fork(func() { exit(8) }) })
}

func traceSpawnEvents() {
	birthEvents(ptraceSPAWN, func() int {
		execArgs("sub_exit", "8")
		pid, e := spawn(nil, 0)
		eq("posix_spawn", e, 0)
		return pid
	})
}

func traceVforkEvents() {
	birthEvents(ptraceVFORK, func() int { return vfork(func() { exit(8) }) })
	pid := tracee(func() {
		child := vfork(func() { exit(8) })
		reap(child, exited(8))
		exit(2)
	})
	events(pid, ptraceVDONE)
	resume(pid, 0)
	got, st := wait4(pid, 0)
	seen := false
	for st&0xff == 0x7f {
		if st == stopped(sigTRAP) {
			eq("event", int(state(pid).event), ptraceVDONE)
			seen = true
		}
		resume(pid, 0)
		got, st = wait4(pid, 0)
	}
	eq("wait4", got, pid)
	eq("status", st, exited(2))
	yes("no PTRACE_VFORK_DONE", seen)
}

func traceLWPEvents() {
	pid := tracee(func() {
		lid := lwpCreate(1, 0, func() {})
		must("_lwp_wait", sysLwpWait, lid, 0)
	})
	events(pid, ptraceLWPNew|ptraceLWPExit)
	resume(pid, 0)
	awaitStop(pid, sigTRAP)
	s := state(pid)
	eq("event", int(s.event), ptraceLWPNew)
	lid := int(s.other)
	resume(pid, 0)
	awaitStop(pid, sigTRAP)
	s = state(pid)
	eq("event", int(s.event), ptraceLWPExit)
	eq("LWP", int(s.other), lid)
	resume(pid, 0)
	reapOK(pid)
}

var lwpStatus [64]byte

func traceLWPs() {
	pid := tracee(func() {
		lwpCreateAt(1, 0, addrOf(addrSpinLWP), nil)
		lwpCreate(2, 0, func() { park() })
		kill(getpid(), sigUSR1)
		for {
			yield()
		}
	})
	resume(pid, 0)
	awaitStop(pid, sigUSR1)
	n, lid := 0, int32(0)
	var lids [3]int
	for {
		pl := [2]int32{lid, 0}
		ptrace("PT_LWPINFO", ptLWPINFO, pid, ptr(&pl), 8)
		next := lid
		ptrace("PT_LWPNEXT", ptLWPNEXT, pid, ptr(&next), 4)
		eq("PT_LWPNEXT's LWP", int(next), int(pl[0]))
		if lid = pl[0]; lid == 0 {
			break
		}
		lids[n] = int(lid)
		n++
		*(*int32)(ptrOf(&lwpStatus)) = lid
		ptrace("PT_LWPSTATUS", ptLWPSTATUS, pid, ptr(&lwpStatus), len(lwpStatus))
		ptrace("PT_SUSPEND", ptSUSPEND, pid, 0, int(lid))
	}
	eq("LWPs", n, 3)
	errs("PT_CONTINUE with all suspended", edeadlk, sysPtrace, ptCONTINUE, pid, 1, 0)
	if release10 {
		yes("the first LWP's id is the pid", lids[0] == pid || lids[1] == pid || lids[2] == pid)
	}
	for _, lid := range lids {
		ptrace("PT_RESUME", ptRESUME, pid, 0, lid)
	}
	errs("PT_SETREGS of no LWP", esrch, sysPtrace, ptSETREGS, pid, ptr(&regs), 77)
	errs("PT_SUSPEND of nobody", esrch, sysPtrace, ptSUSPEND, pid, 0, 9999)
	errs("PT_LWPINFO after nobody", esrch, sysPtrace, ptLWPINFO, pid, ptr(&[2]int32{9999, 0}), 8)
	errs("PT_LWPINFO with a bad size", einval, sysPtrace, ptLWPINFO, pid, ptr(&[2]int32{}), 4)
	errs("PT_DUMPCORE with a bad length", einval, sysPtrace, ptDUMPCORE, pid, ptr(&dot), -1)
	errs("PT_SYSCALLEMU without PT_SYSCALL", einval, sysPtrace, 15, pid, 0, 0)
	resume(pid, sigKILL)
	reap(pid, sigKILL)
}

func traceSiginfo() {
	pid := tracee(func() {
		catch(sigUSR1, 0)
		catch(sigUSR2, 0)
		kill(getpid(), sigUSR1)
		eq("handler calls", sigCount[sigUSR1], 1)
		exit(infoCode(&lastInfo[sigUSR1]) & 0xff)
	})
	resume(pid, 0)
	awaitStop(pid, sigUSR1)
	var psi [136]byte
	info := (*[128]byte)(psi[:128])
	ptrace("PT_GET_SIGINFO", ptGETSIGINFO, pid, ptr(&psi), len(psi))
	eq("si_signo", int(le32(info, 0)), sigUSR1)
	eq("si_code", infoCode(info), siUSER)
	eq("si_pid", infoPid(info), pid)
	errs("PT_GET_SIGINFO with a bad size", einval, sysPtrace, ptGETSIGINFO, pid, ptr(&psi), 128)
	*(*int32)(ptrOf(&psi[4])) = 33
	ptrace("PT_SET_SIGINFO", ptSETSIGINFO, pid, ptr(&psi), len(psi))
	resume(pid, sigUSR1)
	reap(pid, exited(33))
}

func traceKill() {
	pid := tracee(func() { exit(1) })
	ptrace("PT_KILL", ptKILL, pid, 1, 0)
	reap(pid, sigKILL)
	pid = tracee(func() { subWait0() })
	kill(pid, sigKILL)
	reap(pid, sigKILL)
	errs("PT_KILL of nobody", esrch, sysPtrace, ptKILL, pid, 1, 0)
}

func traceRunning() {
	pid := tracee(func() { subWait0() })
	resume(pid, 0)
	errs("PT_CONTINUE of a running one", ebusy, sysPtrace, ptCONTINUE, pid, 1, 0)
	errs("PT_GETREGS of a running one", ebusy, sysPtrace, ptGETREGS, pid, ptr(&regs), 0)
	errs("PT_READ_D of a running one", ebusy, sysPtrace, ptREADD, pid, ptr(&regs), 0)
	errs("PT_DETACH of a running one", ebusy, sysPtrace, ptDETACH, pid, 1, 0)
	kill(pid, sigKILL)
	reap(pid, sigKILL)
	pid = fork(func() { subWait0() })
	errs("PT_CONTINUE of what is not traced", eperm, sysPtrace, ptCONTINUE, pid, 1, 0)
	kill(pid, sigKILL)
	reap(pid, sigKILL)
}
