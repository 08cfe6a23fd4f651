package main

// Cases about systems that release 2003 alone has. They run below a root (old_test.go), as /proc and the devices do.

var oldCases = []testCase{
	{"trace_65_80_90_by_procfs", procfsTrace},
	{"pmc_43_counters_go_to_the_parent", pmcToParent},
}

const emsgsize = 40

// ctlName is /proc/PID/ctl.
var ctlName [40]byte

// openCtl opens pid's ctl.
func openCtl(pid int) int { return must("open of ctl", sysOpen, ctlPath(pid), oWRONLY, 0) }

func ctlPath(pid int) int {
	n := copy(ctlName[:], "/proc/")
	digits := 1
	for d := pid; d > 9; d /= 10 {
		digits++
	}
	for i := digits - 1; i >= 0; i-- {
		ctlName[n+i] = byte('0' + pid%10)
		pid /= 10
	}
	n += digits
	n += copy(ctlName[n:], "/ctl")
	ctlName[n] = 0
	return ptr(&ctlName)
}

func tell(fd int, word string) {
	eq(word, must(word, sysWrite, fd, cstring(word), len(word)), len(word))
}

func tellErrs(want, fd int, word string) {
	errs(word, want, sysWrite, fd, cstring(word), len(word))
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
