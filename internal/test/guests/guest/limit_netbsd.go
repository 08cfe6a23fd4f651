package main

// Cases about limits of getrlimit(2) in which a process is seen to meet one.

const (
	rlimitCPU   = 0
	rlimitSTACK = 3
	sigXCPU     = 24
	segvACCERR  = 2
	infinity    = 1<<63 - 1
	mib         = 1 << 20
	userStack   = 0x7f7ffffff000 // USRSTACK
	mostStack   = 128 * mib      // MAXSSIZ
	usualStack  = 4 * mib        // DFLSSIZ
)

var limitCases = []testCase{
	{"limit_STACK_is_what_can_be_touched", limitStack},
	{"limit_STACK_raised_and_lowered", limitStackMoves},
	{"limit_STACK_overflow", limitOverflow},
	{"limit_STACK_of_a_new_program", limitStackExec},
	{"limit_CPU_soft", limitCPUSoft},
	{"limit_CPU_hard", limitCPUHard},
}

func setLimit(which, cur, max int) {
	l := [2]int{cur, max}
	must("setrlimit", sysSetrlimit, which, ptr(&l))
}

func isLimit(what string, which, cur, max int) {
	var l [2]int
	must("getrlimit", sysGetrlimit, which, ptr(&l))
	eq(what, l[0], cur)
	eq(what, l[1], max)
}

// fits says that size bytes of the stack can be touched, and no more. Children try it: what is touched is used.
func fits(what string, size int) {
	reapOK(fork(func() { writeByte(userStack-size, 1) }))
	if size == mostStack {
		return
	}
	p := fork(func() {
		coreLimit(0)
		writeByte(userStack-size-1, 1)
	})
	got, st := wait4(p, 0)
	eq(what, got, p)
	eq(what, st, sigSEGV)
}

// limitStack: exec_setup_stack makes as much of MAXSSIZ accessible as the soft limit says. What is below is mapped all
// the same, so the fault is SEGV_ACCERR.
func limitStack() {
	isLimit("at first", rlimitSTACK, usualStack, mostStack)
	fits("at first", usualStack)
	reap(fork(func() {
		onSignalStack()
		onSig = func(sig int) {
			eq("si_code", infoCode(&lastInfo[sig]), segvACCERR)
			eq("si_addr", int(le64(&lastInfo[sig], 16)), userStack-usualStack-1)
			exit(7)
		}
		writeByte(userStack-usualStack-1, 1)
	}), exited(7))
}

// onSignalStack has SIGSEGV taken on a stack of its own.
func onSignalStack() {
	altStack = stackT{sp: uintptr(ptr(&stacks[3])), size: len(stacks[3])}
	must("sigaltstack", sysSigaltstack, ptr(&altStack), 0)
	catch(sigSEGV, saONSTACK)
}

// limitStackMoves: dosetrlimit protects what is between the old limit and the new one, of the soft limits alone; the
// kernel has MAXSSIZ at most; and what is used cannot be forbidden (EINVAL).
func limitStackMoves() {
	setLimit(rlimitSTACK, mib, mostStack)
	fits("lower", mib)
	setLimit(rlimitSTACK, 8*mib-1, 64*mib)
	isLimit("whole pages", rlimitSTACK, 8*mib, 64*mib)
	fits("higher", 8*mib)
	if must("getuid", sysGetuid) == 0 {
		setLimit(rlimitSTACK, infinity, infinity)
		isLimit("none", rlimitSTACK, mostStack, mostStack)
		fits("none", mostStack)
		setLimit(rlimitSTACK, 8*mib, mostStack)
	}
	writeByte(userStack-3*mib, 1)
	l := [2]int{2 * mib, 64 * mib}
	errs("less than is used", einval, sysSetrlimit, rlimitSTACK, ptr(&l))
	l[1] = 2 * mib
	errs("a hard limit below that", einval, sysSetrlimit, rlimitSTACK, ptr(&l))
	setLimit(rlimitSTACK, 3*mib, 64*mib)
	fits("no less", 3*mib)
	dropRoot()
	l = [2]int{3 * mib, mostStack + 1}
	errs("to raise the hard limit", eperm, sysSetrlimit, rlimitSTACK, ptr(&l))
}

// overflow uses all of the stack there is.
func overflow(n int) int {
	var b [4096]byte
	b[n&4095] = byte(n)
	return overflow(n+1) + int(b[(n+1)&4095])
}

// limitOverflow: a handler takes SIGSEGV on a signal stack; without one there is no room for its frame, and the end is
// SIGILL (sendsig_siginfo); without a handler it is SIGSEGV.
func limitOverflow() {
	setLimit(rlimitSTACK, mib, mostStack)
	coreLimit(0)
	reap(fork(func() {
		onSignalStack()
		onSig = func(sig int) { exit(7) }
		overflow(0)
	}), exited(7))
	reap(fork(func() {
		catch(sigSEGV, 0)
		overflow(0)
	}), sigILL)
	reap(fork(func() { overflow(0) }), sigSEGV)
}

// limitStackExec: an execve takes its stack from the limit of the process, whatever is kept ready for the program;
// ENOMEM if the arguments do not fit (execve1).
func limitStackExec() {
	for range 4 {
		for _, size := range [...]int{mib, 2 * mib, usualStack} {
			reapOK(fork(func() {
				setLimit(rlimitSTACK, size, mostStack)
				if size == mib {
					execSelf("sub_stack", "1")
				}
				if size == 2*mib {
					execSelf("sub_stack", "2")
				}
				execSelf("sub_stack", "4")
			}))
		}
	}
}

// subStack says whether the stack has so many MiB.
func subStack() { fits("the new program's stack", number(3)*mib) }

// limitCPUSoft: SIGXCPU at the soft limit, which is raised by five seconds then (sched_pstats). Its default is
// to kill. What release 2003 does is the same.
func limitCPUSoft() {
	if !release10 {
		return
	}
	coreLimit(0)
	pid := fork(func() {
		setLimit(rlimitCPU, 1, 100)
		catch(sigXCPU, 0)
		for sigCount[sigXCPU] == 0 {
			add(&cells[0])
		}
		isLimit("raised", rlimitCPU, 6, 100)
		exit(5)
	})
	other := fork(func() {
		setLimit(rlimitCPU, 1, 100)
		for {
			add(&cells[0])
		}
	})
	reap(pid, exited(5))
	reap(other, sigXCPU)
}

// limitCPUHard: SIGKILL at the hard limit, for whoever has inherited it, too.
func limitCPUHard() {
	if !release10 {
		return
	}
	pid := fork(func() {
		setLimit(rlimitCPU, 1, 1)
		reap(fork(func() {
			action(sigXCPU, sigIGN, 0)
			for {
				add(&cells[0])
			}
		}), sigKILL)
	})
	reapOK(pid)
}
