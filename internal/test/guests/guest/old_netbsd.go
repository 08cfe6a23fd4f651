package main

import "unsafe"

// Cases about systems that release 2003 alone has. They run below a root (old_test.go), as /proc and the devices do.

var oldCases = []testCase{
	{"trace_65_80_90_by_procfs", procfsTrace},
	{"systrace_30_asks_and_tells_the_end", systraceAsks},
	{"systrace_30_monitor_ends", systraceMonitorEnds},
	{"activations_05_12_upcalls_and_the_end", activations},
	{"activations_tell_who_blocks", activationsBlock},
	{"activations_tell_of_signals", activationsSignal},
	{"activations_preempt", activationsPreempt},
	{"pmc_43_counters_go_to_the_parent", pmcToParent},
	{"pmc_profiles", pmcProfiles},
}

const emsgsize = 40

// procName is a file below /proc/PID.
var procName [40]byte

// openCtl opens pid's ctl.
func openCtl(pid int) int { return must("open of ctl", sysOpen, ctlPath(pid), oWRONLY, 0) }

func ctlPath(pid int) int { return procPath(pid, "/ctl\x00") }

// procPath returns where the name of pid's file is, in procName.
func procPath(pid int, file string) int {
	n := copy(procName[:], "/proc/")
	digits := 1
	for d := pid; d > 9; d /= 10 {
		digits++
	}
	for i := digits - 1; i >= 0; i-- {
		procName[n+i] = byte('0' + pid%10)
		pid /= 10
	}
	copy(procName[n+digits:], file)
	return ptr(&procName)
}

func tell(fd int, word string) {
	eq(word, must(word, sysWrite, fd, cstring(word), len(word)), len(word))
}

func tellErrs(want, fd int, word string) {
	errs(word, want, sysWrite, fd, cstring(word), len(word))
}

// subAuxv: procfs_doauxv. The vector begins with AT_PHDR, 3, here, and ends with AT_NULL; what follows goes up to es_arglen. NetBSD
// copies the words as they are in the process's memory.
func subAuxv() {
	fd := must("open", sysOpen, cstr("/proc/curproc/auxv\x00"), oRDONLY, 0)
	n := must("read", sysRead, fd, ptr(&auxv), 8*len(auxv))
	eq("the first entry's type", int(auxv[0]), 3)
	end := 0
	for end < n/8 && auxv[end] != 0 {
		end += 2
	}
	eq("AT_NULL", int(auxv[end]), 0)
	if end < 4 || end+2 > n/8 {
		fail("the vector has no end within es_arglen")
	}
	errs("to write", ebadf, sysWrite, fd, ptr(&auxv), 8)
}

var auxv [160]uint64

// subRegs: /proc/PID/regs and fpregs are what PT_GETREGS and PT_GETFPREGS say, but need no tracer: only a process that has stopped
// (proc_regio of sys_process_lwpstatus.c). procfs_listener_cb: another user sees nothing of them.
func subRegs() {
	pid := tracee(func() { loopAt(ptr(&cells)) })
	resume(pid, 0)
	fd := must("open of regs", sysOpen, procPath(pid, "/regs\x00"), oRDWR, 0)
	fpFD := must("open of fpregs", sysOpen, procPath(pid, "/fpregs\x00"), oRDONLY, 0)
	errs("regs of one that runs", ebusy, sysRead, fd, ptr(&fileRegs), len(fileRegs)*8)
	errs("fpregs of one that runs", ebusy, sysRead, fpFD, ptr(&fileFP), len(fileFP))
	kill(pid, sigUSR1)
	awaitStop(pid, sigUSR1)
	regsAgree(pid, fd, fpFD)
	if must("geteuid", sysGeteuid) == 0 {
		reapOK(fork(func() {
			must("setuid", sysSetuid, nobody)
			errs("open by another user", eacces, sysOpen, procPath(pid, "/regs\x00"), oRDONLY, 0)
			errs("open by another user", eacces, sysOpen, procPath(pid, "/fpregs\x00"), oRDONLY, 0)
			errs("what another user has inherited", eperm, sysRead, fd, ptr(&fileRegs), 8)
		}))
	}
	// It makes itself exit(21) from where it is: a system call instruction is in bareLWP.
	fileRegs[0], fileRegs[21], fileRegs[14] = 21, 1<<63, sysExit
	errs("a bad RIP", einval, sysPwrite, fd, ptr(&fileRegs), len(fileRegs)*8, 0, 0)
	fileRegs[21] = uint64(addrOf(addrBareLWP)) + 5
	must("write", sysPwrite, fd, ptr(&fileRegs), len(fileRegs)*8, 0, 0)
	resume(pid, 0)
	reap(pid, exited(21))
	errs("regs of nobody", esrch, sysPread, fd, ptr(&fileRegs), 8, 0, 0)
	regsUntraced()
}

var (
	fileRegs [26]uint64
	fileFP   [512]byte
)

// regsAgree compares what files and ptrace(2) say of a tracee.
func regsAgree(pid, fd, fpFD int) {
	eq("read of regs", must("read of regs", sysPread, fd, ptr(&fileRegs), len(fileRegs)*8, 0, 0), 208)
	eq("read of fpregs", must("read of fpregs", sysPread, fpFD, ptr(&fileFP), len(fileFP), 0, 0), 512)
	ptrace("PT_GETREGS", ptGETREGS, pid, ptr(&regs), 0)
	ptrace("PT_GETFPREGS", ptGETFPREGS, pid, ptr(&fpu), 0)
	yes("regs are what PT_GETREGS says", fileRegs == regs && regs[21] != 0)
	yes("fpregs are what PT_GETFPREGS says", fileFP == fpu)
}

// regsUntraced is about a process that its shell has stopped, as it were.
func regsUntraced() {
	pid := fork(func() { kill(getpid(), sigSTOP); exit(5) })
	got, st := wait4(pid, wUNTRACED)
	eq("wait4", got, pid)
	eq("status", st, stopped(sigSTOP))
	fd := must("open of regs", sysOpen, procPath(pid, "/regs\x00"), oRDONLY, 0)
	fpFD := must("open of fpregs", sysOpen, procPath(pid, "/fpregs\x00"), oRDONLY, 0)
	eq("read of regs", must("read of regs", sysPread, fd, ptr(&fileRegs), len(fileRegs)*8, 0, 0), 208)
	untraced := fileRegs
	ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
	awaitStop(pid, sigSTOP)
	regsAgree(pid, fd, fpFD)
	yes("they were the same before", untraced == fileRegs)
	ptrace("PT_DETACH", ptDETACH, pid, 1, 0) // and it goes on
	reap(pid, exited(5))
}

// procfsTrace: procfs_control of procfs_ctl.c. The tracer is told of stops and of the end by wait(2) alone, without SIGCHLD
// (item 65), plain waits and those with WALTSIG see the child whatever its exit signal (item 80), and ptrace(2) has no part in it.
func procfsTrace() {
	holdChild()
	var up pipe
	up.open()
	pid := clone(sigUSR1, func() {
		catch(sigUSR2, 0)
		catch(sigHUP, 0)
		up.post()
		for sigCount[sigUSR2] == 0 || sigCount[sigHUP] == 0 {
			yield()
		}
		exit(5)
	})
	up.wait()
	errs("wait4 of a child of SIGUSR1", echild, sysWait4, pid, 0, wNOHANG, 0)
	fd := openCtl(pid)
	tellErrs(eperm, fd, "run")
	tellErrs(eperm, fd, "wait")
	tellErrs(eopnotsupp, fd, "nothing")
	tellErrs(emsgsize, fd, "attach it")
	errs("read", ebadf, sysRead, fd, ptr(&line), 1)
	tellErrs(einval, openCtl(getpid()), "attach")
	tell(fd, "attach\n")
	awaitStop(pid, sigSTOP)
	tell(fd, "wait") // which does not
	tellErrs(ebusy, fd, "attach")
	errs("PT_CONTINUE", ebusy, sysPtrace, ptCONTINUE, pid, 1, 0)
	errs("PT_ATTACH", ebusy, sysPtrace, ptATTACH, pid, 0, 0)
	tell(fd, "run")
	got, _ := wait4(pid, wNOHANG)
	eq("WNOHANG: it runs", got, 0)
	got, _ = wait4(pid, wNOHANG|wALTSIG)
	eq("WNOHANG|WALTSIG: it runs", got, 0)
	kill(pid, sigTERM)
	awaitStop(pid, sigTERM)
	tell(fd, "usr2") // which the child gets instead of SIGTERM
	tellErrs(ebusy, fd, "usr2")
	kill(pid, sigURG)
	awaitStop(pid, sigURG)
	tell(fd, "step")
	awaitStop(pid, sigTRAP)
	tell(fd, "hup")
	reap(pid, exited(5))
	noneNow("SIGCHLD, SIGUSR1", bit(sigCHLD)|bit(sigUSR1))
	tellErrs(esrch, fd, "run")
	procfsDetach()
	procfsGoesBack()
	noChildren()
}

// procfsDetach: "detach" needs no stop, and leaves the process to its parent; a signal's name is sent to who is not traced.
func procfsDetach() {
	pid := fork(subWait0)
	fd := openCtl(pid)
	tell(fd, "attach")
	awaitStop(pid, sigSTOP)
	tell(fd, "detach")
	got, _ := wait4(pid, wNOHANG|wUNTRACED)
	eq("it runs", got, 0)
	tell(fd, "attach")
	awaitStop(pid, sigSTOP)
	tell(fd, "run")
	tell(fd, "detach")
	tell(fd, "stop")
	got, st := wait4(pid, wUNTRACED)
	eq("pid", got, pid)
	eq("stopped by a name", st, stopped(sigSTOP))
	eq("SIGCHLD: it is not traced", sigwait(bit(sigCHLD)), sigCHLD)
	tell(fd, "kill")
	reap(pid, sigKILL)
	eq("SIGCHLD", sigwait(bit(sigCHLD)), sigCHLD)
}

// procfsGoesBack: the tracer's wait leaves the zombie to its parent, which gets its signal then (item 90), and the tracer's end
// kills whom it traces (items 33 to 36).
func procfsGoesBack() {
	pid := fork(subWait0)
	reapOK(fork(func() {
		holdChild()
		fd := openCtl(pid)
		tell(fd, "attach")
		awaitStop(pid, sigSTOP)
		kill(pid, sigKILL)
		reap(pid, sigKILL)
		noneNow("SIGCHLD for the tracer", bit(sigCHLD))
		noChildren()
	}))
	eq("SIGCHLD", sigwait(bit(sigCHLD)), sigCHLD)
	reap(pid, sigKILL)
	pid = fork(subWait0)
	reapOK(fork(func() {
		tell(openCtl(pid), "attach")
		awaitStop(pid, sigSTOP)
	}))
	reap(pid, sigKILL)
	eq("SIGCHLD", sigwait(bit(sigCHLD)), sigCHLD)
}

const (
	sysPmcGetInfo = 341
	sysPmcControl = 342
)

var pmcConfig [3]int

// pmcValue reads the counter, 3, or what ended children had counted, 4.
func pmcValue(which int) int {
	var v int
	must("pmc_get_info", sysPmcGetInfo, 0, which, ptr(&v))
	return v
}

// pmcBurn runs until the counter has come to n.
func pmcBurn(n int) {
	for pmcValue(3) < n {
	}
}

// pmcToParent: what a child has counted is added to what its parent's children have when it ends (pmc_accumulate), before somebody
// else becomes its parent because of SA_NOCLDWAIT. A child counts from 0 (pmc_md_fork); one whose counter has been stopped adds nothing.
func pmcToParent() {
	const enough = 2000000
	must("PMC_OP_CONFIGURE", sysPmcControl, 0, 3, ptr(&pmcConfig))
	must("PMC_OP_START", sysPmcControl, 0, 1, 0)
	errs("PMC_OP_START", 36, sysPmcControl, 0, 1, 0)
	pmcBurn(enough)
	eq("children's", pmcValue(4), 0)
	child := fork(func() {
		yes("a child counts from 0", pmcValue(3) < enough)
		eq("its children's", pmcValue(4), 0)
		pmcBurn(enough)
	})
	reapOK(child)
	sum := pmcValue(4)
	yes("a child's is added", sum >= enough)
	reapOK(fork(func() {
		pmcBurn(enough)
		must("PMC_OP_STOP", sysPmcControl, 0, 2, 0)
	}))
	eq("a stopped one's is not", pmcValue(4), sum)
	action(sigCHLD, sigDFL, saNOCLDWAIT)
	fork(func() { pmcBurn(enough) })
	errs("wait4", echild, sysWait4, -1, 0, 0, 0)
	yes("under SA_NOCLDWAIT, too", pmcValue(4) >= sum+enough)
	must("PMC_OP_STOP", sysPmcControl, 0, 2, 0)
	action(sigCHLD, sigDFL, 0)
	reapOK(fork(func() { eq("none from who does not count", pmcValue(3), 0) }))
}

// pmcProfiles: the counter makes profil(2)'s ticks, ten thousand a second here, where the clock makes a hundred (proftick, xscale_start_profiling).
// It belongs to who counts, or to the profiles.
func pmcProfiles() {
	const aTenthOfAMillisecond = 100000
	config := &pmcConfig
	must("PMC_OP_CONFIGURE", sysPmcControl, 0, 3, ptr(config))
	must("PMC_OP_START", sysPmcControl, 0, 1, 0)
	config[1] = aTenthOfAMillisecond
	errs("PMC_OP_PROFSTART while it counts", ebusy, sysPmcControl, 0, 4, ptr(config))
	must("PMC_OP_STOP", sysPmcControl, 0, 2, 0)
	must("PMC_OP_PROFSTART", sysPmcControl, 0, 4, ptr(config))
	errs("PMC_OP_START while it profiles", 36, sysPmcControl, 0, 1, 0)
	profileSequence()
	burnSequence()
	yes("more than the clock counts", samples[0] > 500)
	must("PMC_OP_PROFSTOP", sysPmcControl, 0, 5, 0)
	must("PMC_OP_START", sysPmcControl, 0, 1, 0)
}

const (
	striocATTACH  = 0x80047365
	striocDETACH  = 0x80047366
	striocANSWER  = 0x801c7367
	striocIO      = 0xc0207368
	striocPOLICY  = 0xc00c7369
	striocGETCWD  = 0x8004736a
	striocRESCWD  = 0x2000736b
	striocREPLACE = 0x8620736d

	systrAsk   = 1
	systrRes   = 2
	systrChild = 4

	systrPermit = 1
	systrNever  = 2
)

var (
	systraceFD   int
	systraceMsg  [1040 / 8]uint64
	systraceRepl [1568 / 8]uint64
	systraceIO   [4]uint64
	systraceBuf  [8]byte
)

func msg32(at int) int { return int(*(*int32)(unsafe.Add(unsafe.Pointer(&systraceMsg), at))) }

func openSystrace() {
	systraceFD = must("open of /dev/systrace", sysOpen, cstring("/dev/systrace\x00"), oRDWR, 0)
}

func attachSystrace(pid int) {
	p := int32(pid)
	must("STRIOCATTACH", sysIoctl, systraceFD, striocATTACH, ptr(&p))
}

// nextMsg reads a message about pid, and checks its type.
func nextMsg(what string, pid, kind int) {
	eq(what, must(what, sysRead, systraceFD, ptr(&systraceMsg), len(systraceMsg)*8), len(systraceMsg)*8)
	eq(what, msg32(0), kind)
	eq(what, msg32(4), pid)
}

// answer answers the last message.
func answer(policy, errno, flags int) {
	a := [7]int32{int32(msg32(4)), int32(msg32(8) & 0xffff), 0, 0, int32(policy), int32(errno), int32(flags)}
	must("STRIOCANSWER", sysIoctl, systraceFD, striocANSWER, ptr(&a))
}

// asked reads the question whether pid may make call nr.
func asked(what string, pid, nr int) {
	nextMsg(what, pid, systrAsk)
	eq(what, msg32(16), nr)
}

func permit(what string, pid, nr int) {
	asked(what, pid, nr)
	answer(systrPermit, 0, 0)
}

// systracedChild is what the monitor of systraceAsks is asked about.
func systracedChild(start, out *pipe) {
	start.wait()
	errs("getpid, denied", 77, sysGetpid)
	getppid()
	must("umask, of another mask", sysUmask, 0)
	eq("umask", must("umask", sysUmask, 0o22), 0o77)
	eq("write, of something else", must("write", sysWrite, int(out.w), cstring("no"), 2), 5)
	fork(func() {})
	errs("a policy's NEVER", enoent, sysGetpid)
	exit(3)
}

// systraceAsks: systrace_enter, systrace_exit and systrace_sys_exit of kern_systrace.c. The monitor is asked about each call, denies
// one, sees what comes of others, replaces their arguments. What it is told last is the end, when the files have closed (item 14) and
// before the parent can know.
func systraceAsks() {
	var start, out pipe
	start.open()
	out.open()
	holdChild()
	openSystrace()
	must("chdir", sysChdir, cstring("/dev\x00"))
	pid := fork(func() { systracedChild(&start, &out) })
	must("chdir", sysChdir, cstring("/\x00"))
	out.closeW()
	p := int32(getpid())
	errs("STRIOCATTACH of oneself", einval, sysIoctl, systraceFD, striocATTACH, ptr(&p))
	errs("STRIOCDETACH", esrch, sysIoctl, systraceFD, striocDETACH, ptr(&p))
	attachSystrace(pid)
	p = int32(pid)
	errs("STRIOCATTACH twice", ebusy, sysIoctl, systraceFD, striocATTACH, ptr(&p))
	start.post()
	nr := sysGetpid
	for {
		nextMsg("the first question", pid, systrAsk)
		if nr = msg32(16); nr != sysRead {
			break // it may have been attached before it slept
		}
		answer(systrPermit, 0, 0)
	}
	eq("the first question", nr, sysGetpid)
	systraceVisits(pid)
	answer(systrNever, 77, 0)
	asked("getppid", pid, sysGetppid)
	answer(systrPermit, 0, 1)
	nextMsg("getppid's result", pid, systrRes)
	eq("getppid's result", int(systraceMsg[(16+520)/8]), getpid())
	answer(systrPermit, 0, 0)
	systraceReplaces(pid, &out)
	systraceChildren(pid)
	out.w = -1
	must("F_SETFL", sysFcntl, int(out.r), 4, oNONBLOCK)
	eq("its files have closed", must("read", sysRead, int(out.r), ptr(&systraceBuf), 1), 0)
	eq("nobody is left", must("read", sysRead, systraceFD, ptr(&systraceMsg), len(systraceMsg)*8), 0)
	awaitZombie()
	reap(pid, exited(3))
}

// systraceVisits: the monitor is where the process is that waits, and back again (STRIOCGETCWD, STRIOCRESCWD).
func systraceVisits(pid int) {
	p := int32(pid)
	errs("STRIOCRESCWD of who has not left", einval, sysIoctl, systraceFD, striocRESCWD, 0)
	must("STRIOCGETCWD", sysIoctl, systraceFD, striocGETCWD, ptr(&p))
	is := func(what, name string) {
		n := must(what, sysGetcwd, ptr(&systraceMsg[100]), 64)
		got := (*[64]byte)(unsafe.Pointer(&systraceMsg[100]))
		eq(what, n, len(name)+1)
		for i := range name {
			eq(what, int(got[i]), int(name[i]))
		}
	}
	is("where it is", "/dev")
	must("STRIOCRESCWD", sysIoctl, systraceFD, striocRESCWD, 0)
	is("where the monitor is", "/")
	errs("STRIOCRESCWD again", einval, sysIoctl, systraceFD, striocRESCWD, 0)
}

// systraceReplaces has the monitor replace arguments of calls, by value and by data.
func systraceReplaces(pid int, out *pipe) {
	asked("umask", pid, sysUmask)
	systraceRepl[0] = uint64(pid)
	systraceRepl[1] = 1
	systraceRepl[36] = 0o77
	must("STRIOCREPLACE", sysIoctl, systraceFD, striocREPLACE, ptr(&systraceRepl))
	answer(systrPermit, 0, 0)
	permit("umask", pid, sysUmask)
	asked("write", pid, sysWrite)
	systraceIO = [4]uint64{uint64(pid) | 1<<32, systraceMsg[(16+8+8)/8], uint64(ptr(&systraceBuf)), 2}
	must("STRIOCIO", sysIoctl, systraceFD, striocIO, ptr(&systraceIO))
	eq("what it would have written", int(systraceBuf[0]), 'n')
	// arguments 1, of the data, and 2, 5 itself
	copy(systraceBuf[:], "systr")
	systraceRepl[1] = 2
	systraceRepl[2], systraceRepl[3] = uint64(ptr(&systraceBuf)), 5
	systraceRepl[4] = 1 | 2<<32
	systraceRepl[36], systraceRepl[37] = 0, 5
	systraceRepl[100], systraceRepl[101] = 5, 0
	must("STRIOCREPLACE", sysIoctl, systraceFD, striocREPLACE, ptr(&systraceRepl))
	answer(systrPermit, 0, 0)
	systraceBuf = [8]byte{}
	eq("what it has written", must("read", sysRead, int(out.r), ptr(&systraceBuf), 8), 5)
	eq("what it has written", int(systraceBuf[4]), 'r')
}

// systraceChildren: a fork is told, the child is asked about, too, and a policy answers for the monitor.
func systraceChildren(pid int) {
	asked("fork", pid, sysFork)
	policy := [3]int32{1, 0, 400}
	must("SYSTR_POLICY_NEW", sysIoctl, systraceFD, striocPOLICY, ptr(&policy))
	nr := policy[1]
	policy = [3]int32{3, nr, sysGetpid | systrNever<<16}
	must("SYSTR_POLICY_MODIFY", sysIoctl, systraceFD, striocPOLICY, ptr(&policy))
	policy = [3]int32{2, nr, int32(pid)}
	must("SYSTR_POLICY_ASSIGN", sysIoctl, systraceFD, striocPOLICY, ptr(&policy))
	answer(systrPermit, 0, 0)
	nextMsg("a child", pid, systrChild)
	child := msg32(16)
	// In which order parent and child come is nobody's promise.
	ended := 0
	for ended < 2 {
		must("read", sysRead, systraceFD, ptr(&systraceMsg), len(systraceMsg)*8)
		who := msg32(4)
		yes("whom it is about", who == pid || who == child)
		if msg32(0) == systrChild {
			eq("an end", msg32(16), -1)
			ended++
			continue
		}
		eq("a question", msg32(0), systrAsk)
		eq("a call", msg32(16), sysExit)
		answer(systrPermit, 0, 0)
	}
}

// systraceMonitorEnds: whose monitor closes the file is killed (systracef_close), and a detached process is left alone.
func systraceMonitorEnds() {
	pid := fork(subWait0)
	free := fork(subWait0)
	openSystrace()
	attachSystrace(pid)
	attachSystrace(free)
	p := int32(free)
	must("STRIOCDETACH", sysIoctl, systraceFD, striocDETACH, ptr(&p))
	must("close", sysClose, systraceFD)
	reap(pid, sigKILL)
	got, _ := wait4(free, wNOHANG)
	eq("who was detached", got, 0)
	kill(free, sigTERM)
	reap(free, sigTERM)
}

const (
	sysSaRegister       = 330
	sysSaStacks         = 331
	sysSaEnable         = 332
	sysSaSetconcurrency = 333
	sysSaYield          = 334
	sysSaPreempt        = 335
)

// Types of upcalls (sys/sa.h).
const (
	upPREEMPTED = 1
	upBLOCKED   = 2
	upUNBLOCKED = 3
	upSIGNAL    = 4
)

const saStacks = 5

// What the last upcall said, and how many of each type there were.
var (
	upcallType    int
	upcallEvents  int
	upcallLWP     int // of the event, or who was interrupted
	upcallSelf    int
	upcallInfo    [128]byte
	upcallContext *ucontext
	upcalls       [7]int
	onUp          func() // what it is to do first
	saOld         int
	saStackList   [saStacks][3]int
	saUsed        [saStacks]bool
)

// onUpcall notes what there is to know. A context that is said to block it leaves alone, and idles; else that of the event goes on, or
// the interrupted one.
func onUpcall(kind uintptr, sas *[3]*[2]int, events, interrupted, arg uintptr) {
	upcallType, upcallEvents, upcallSelf = int(kind), int(events), must("_lwp_self", sysLwpSelf)
	saUsed[(int(uintptr(unsafe.Pointer(sas)))-saStackList[0][0])/saStackList[0][1]] = true
	eq("whose upcall it is", sas[0][1]&0xffffffff, upcallSelf)
	upcallLWP, upcallContext = sas[1][1]&0xffffffff, (*ucontext)(unsafe.Pointer(uintptr(sas[1][0])))
	upcalls[kind]++
	switch kind {
	case upUNBLOCKED:
		eq("interrupted", int(interrupted), 1)
		eq("who was interrupted", sas[2][1]&0xffffffff, upcallSelf)
	case upSIGNAL:
		eq("events and interrupted", int(events+interrupted), 1)
		upcallInfo = *(*[128]byte)(unsafe.Pointer(arg))
	default:
		eq("interrupted", int(interrupted), 0)
	}
	if onUp != nil {
		onUp()
	}
	for kind == upBLOCKED {
		call(sysSaYield)
	}
	must("setcontext", 308, ptr(upcallContext))
}

// recycle says of the stacks that upcalls have used that they are free: none of the upcalls is under way.
func recycle() {
	for i, used := range saUsed {
		if used {
			stacks[i+1][0]++
			saUsed[i] = false
		}
	}
}

// enableActivations registers stacks, of which the first word is the generation, and enables upcalls.
func enableActivations(n int) { enableActivationsWith(0, n) }

// enableActivationsWith is enableActivations with flags for sa_register.
func enableActivationsWith(flags, n int) {
	errs("sa_enable", einval, sysSaEnable)
	errs("sa_stacks", einval, sysSaStacks, 0, 0)
	must("sa_register", sysSaRegister, addrOf(addrUpcall), ptr(&saOld), flags, 0)
	eq("the upcall before", saOld, 0)
	for i := range saStackList {
		saStackList[i] = [3]int{ptr(&stacks[i+1]), len(stacks[i+1]), 0}
	}
	eq("sa_stacks", must("sa_stacks", sysSaStacks, n, ptr(&saStackList)), n)
	errs("sa_yield", einval, sysSaYield)
	// It returns when the upcall resumes the context, which is that of the call: RAX is its number.
	eq("sa_enable", must("sa_enable", sysSaEnable), sysSaEnable)
	eq("SA_UPCALL_NEWPROC", upcalls[0], 1)
	eq("events", upcallEvents, 1)
	eq("of which LWP", upcallLWP, must("_lwp_self", sysLwpSelf))
}

// activations: sys_sa_register and its like (kern_sa.c), and the end of a process that takes upcalls: upcalls are off for who exits, and the
// others, of which one yields, are ended before anything else (items 5 and 12), whatever ends it.
func activations() {
	reap(fork(func() {
		enableActivations(1) // those that block are not told of for want of a stack
		errs("sa_enable twice", ebusy, sysSaEnable)
		errs("sa_preempt", enosys, sysSaPreempt, must("_lwp_self", sysLwpSelf))
		eq("sa_setconcurrency", must("sa_setconcurrency", sysSaSetconcurrency, 2), 0)
		var up pipe
		up.open()
		lwpCreate(4, 0, func() {
			up.post()
			call(sysSaYield)
			fail("sa_yield has returned")
		})
		up.wait()
		exit(7)
	}), exited(7))
	var up pipe
	up.open()
	pid := fork(func() {
		enableActivations(1)
		up.post()
		call(sysSaYield)
		fail("sa_yield has returned")
	})
	up.wait()
	kill(pid, sigKILL)
	reap(pid, sigKILL)
	// What is forked or executed takes no upcalls.
	reapOK(fork(func() {
		enableActivations(saStacks)
		reapOK(fork(func() { errs("sa_enable of a child", einval, sysSaEnable) }))
	}))
}

// What upcalls and what they interrupt share.
var (
	saPipe, saGo pipe
	saSelf       int // who is expected to block
)

// onRead is what upcalls about a read of saPipe check. Somebody writes once it is told of.
func onRead() {
	switch upcallType {
	case upBLOCKED:
		eq("events", upcallEvents, 1)
		eq("who blocks", upcallLWP, saSelf)
		yes("on another LWP", upcallSelf != saSelf)
		eq("its context is in the call", int(upcallContext[regRAX]), sysRead)
		saPipe.post()
	case upUNBLOCKED:
		eq("events", upcallEvents, 1)
		eq("who goes on", upcallLWP, saSelf)
		eq("the call has returned", int(upcallContext[regRAX]), 1)
	}
}

// saRead reads a byte of a pipe in which there is none yet. It goes on as another LWP.
func saRead() {
	saSelf = must("_lwp_self", sysLwpSelf)
	blocked, unblocked := upcalls[upBLOCKED], upcalls[upUNBLOCKED]
	onUp = onRead
	saPipe.wait()
	onUp = nil
	eq("SA_UPCALL_BLOCKED", upcalls[upBLOCKED]-blocked, 1)
	eq("SA_UPCALL_UNBLOCKED", upcalls[upUNBLOCKED]-unblocked, 1)
	eq("the LWP that the context goes on as", must("_lwp_self", sysLwpSelf), upcallSelf)
	yes("another one", upcallSelf != saSelf)
	recycle()
}

// onVfork lets the child of a vfork(2) end once its parent is told of as blocked.
func onVfork() {
	if upcallType == upBLOCKED {
		saGo.post()
	}
}

// activationsBlock: sa_switch, sa_setwoken and sa_upcall_userret of kern_sa.c. An LWP that sleeps in the kernel is told of on another one, which is
// told, too, when the sleep is over; the program goes on with its context there. A stack is used again once its generation says so;
// without one the LWP sleeps as if nobody had to be told.
func activationsBlock() {
	var up pipe
	up.open()
	saPipe.open()
	saGo.open()
	pid := fork(func() {
		enableActivations(saStacks)
		recycle()
		for range 2 * saStacks {
			saRead()
		}
		// A child has the memory, and its parent sleeps until it is done with it: that is told of, too.
		onUp = onVfork
		pid := vfork(func() {
			saGo.wait()
			exit(3)
		})
		onUp = nil
		reap(pid, exited(3))
		recycle()
		for i := range saStackList {
			stacks[i+1][0] += 0x80 // as if in use
		}
		self := must("_lwp_self", sysLwpSelf)
		blocked := upcalls[upBLOCKED]
		up.post()
		saPipe.wait()
		eq("without a stack", upcalls[upBLOCKED], blocked)
		eq("it is the same LWP", must("_lwp_self", sysLwpSelf), self)
		// Who blocks when the process ends is ended with it.
		for i := range saStackList {
			stacks[i+1][0] -= 0x80
		}
		onUp = func() { exit(0) }
		saPipe.wait()
		fail("the read has returned")
	})
	up.closeW()
	up.wait()
	saPipe.post()
	reapOK(pid)
}

// onReadSignalled is about a read of saPipe that somebody sends SIGUSR2 to when it is told of: that comes to who has the virtual processor, whether that idles
// already or not, and does not end the read.
func onReadSignalled() {
	switch upcallType {
	case upBLOCKED:
		saGo.post()
	case upSIGNAL:
		yes("not who reads", upcallLWP != saSelf)
		eq("si_signo", int(le32(&upcallInfo, 0)), sigUSR2)
		saPipe.post()
	}
}

// activationsSignal: kpsendsig of kern_sig.c. A signal that is caught is told, with its siginfo, and no handler is called: one that was sent interrupts
// who has the virtual processor, whoever sleeps elsewhere; what an instruction caused is an event. What the action blocks stays blocked.
func activationsSignal() {
	saPipe.open()
	saGo.open()
	reapOK(fork(func() {
		catch(sigUSR1, 0)
		catch(sigUSR2, 0)
		catch(sigTRAP, 0)
		enableActivations(saStacks)
		self := must("_lwp_self", sysLwpSelf)
		kill(getpid(), sigUSR1)
		eq("SA_UPCALL_SIGNAL", upcalls[upSIGNAL], 1)
		eq("si_signo", int(le32(&upcallInfo, 0)), sigUSR1)
		eq("si_pid", infoPid(&upcallInfo), getpid())
		eq("events", upcallEvents, 0)
		eq("who was interrupted", upcallLWP, self)
		yes("it is blocked", procmask(sigBlock, 0)&bit(sigUSR1) != 0)
		kill(getpid(), sigUSR1)
		eq("it is pending", int(pending()), int(bit(sigUSR1)))
		unblock(sigUSR1)
		eq("SA_UPCALL_SIGNAL", upcalls[upSIGNAL], 2)
		breakpoint()
		eq("SA_UPCALL_SIGNAL", upcalls[upSIGNAL], 3)
		eq("si_signo", int(le32(&upcallInfo, 0)), sigTRAP)
		eq("events", upcallEvents, 1)
		eq("whose instruction it was", upcallLWP, self)
		recycle()
		ppid := getpid()
		pid := fork(func() {
			saGo.wait()
			kill(ppid, sigUSR2)
		})
		saSelf, onUp = self, onReadSignalled
		saPipe.wait()
		onUp = nil
		eq("SA_UPCALL_SIGNAL", upcalls[upSIGNAL], 4)
		eq("handlers", sigCount[sigUSR1]+sigCount[sigUSR2]+sigCount[sigTRAP], 0)
		recycle()
		reapOK(pid)
	}))
}

// saOther is the thread that does not have the processor, at first saThread.
var (
	saOther  *ucontext
	saThread ucontext
)

// onPreempt has the threads take turns.
func onPreempt() {
	eq("SA_UPCALL_PREEMPTED", upcallType, upPREEMPTED)
	eq("events", upcallEvents, 1)
	eq("whose quantum was over", upcallLWP, upcallSelf)
	upcallContext, saOther = saOther, upcallContext
}

// activationsPreempt: preempt(9) and sa_preempt of kern_sa.c, with SA_FLAG_PREEMPT. Two threads, neither of which makes a call: each gets the
// processor since the other was preempted.
func activationsPreempt() {
	const saFlagPREEMPT = 1
	reapOK(fork(func() {
		must("getcontext", sysGetcontext, ptr(&saThread))
		saThread[regRIP], saThread[regRSP] = uint64(addrOf(addrLwpStart)), uint64(stackTop(saStacks))
		saThread[regR12] = uint64(uintptr(funcPtr(saStacks, func() {
			for {
				add(&cells[1])
			}
		})))
		saOther = &saThread
		enableActivationsWith(saFlagPREEMPT, saStacks-1)
		onUp = onPreempt
		for load(&cells[1]) == 0 {
			recycle()
		}
		onUp = nil
		yes("it has the processor again", upcalls[upPREEMPTED] >= 2)
	}))
}
