package main

// Cases about exit1 and what a parent sees of it; numbers are items of doc/lifecycle.md.

// subprograms are what cases exec or the host runs by name.
var subprograms = []testCase{
	{"sub_cred", subCred},
	{"sub_drop_run", subDropRun},
	{"sub_shm", subShm},
	{"sub_core", subCore},
	{"sub_pax", subPax},
	{"sub_stack", subStack},
	{"sub_ktrace", subKtrace},
	{"sub_lend_ktrace", subLendKtrace},
	{"sub_lend_count", subLendCount},
	{"sub_acct", subAcct},
	{"sub_no_sequence", subNoSequence},
	{"sub_core_dump", subCoreDump},
	{"sub_core_by_tracer", subCoreByTracer},
	{"sub_exit", func() { exit(number(3)) }},
	{"sub_closed", subClosed},
	{"sub_wait0", subWait0},
	{"sub_ready", subReady},
	{"sub_tree", subTree},
	{"sub_forever", subForever},
	{"sub_lwp_ctl", subLwpCtl},
	{"sub_gs", subGS},
	{"sub_ksem", subKsem},
	{"sub_sched", subSched},
	{"sub_catch", subCatch},
	{"sub_jump", subJump},
	{"sub_scribble", subScribble},
	{"sub_remap", subRemap},
	{"sub_random", subRandom},
	{"sub_signals", subSignals},
	{"sub_unblock", subUnblock},
	{"sub_alone", subAlone},
	{"sub_spawned", subSpawned},
	{"sub_attributes", subAttributes},
	{"sub_used", subUsed},
	{"sub_heap", subHeap},
	{"sub_fill", subFill},
	{"sub_auxv", subAuxv},
	{"sub_regs", subRegs},
	{"sub_fexec", subFexec},
	{"sub_fexec_script", subFexecScript},
	{"sub_fexec_run", subFexecRun},
}

var exitCases = []testCase{
	{"exit_01_status_is_truncated", exitTruncated},
	{"exit_01_si_status_is_the_whole_int", exitWhole},
	{"exit_02_one_exiter_wins", exitOneWins},
	{"exit_14_files_close_before_SIGCHLD", exitFilesFirst},
	{"exit_33_orphans_go_to_init", exitOrphans},
	{"exit_33_zombies_go_to_init", exitOrphanZombies},
	{"exit_98_orphans_exit_signal_is_SIGCHLD", exitOrphanClone},
	{"exit_39_usage_includes_the_last_slice", exitUsage},
	{"exec_keeps_what_was_used", execKeepsUsage},
	{"exit_41_zombies_and_kill", exitKillZombie},
	{"exit_44_NOCLDWAIT_leaves_no_zombie", exitNoCldWait},
	{"exit_45_NOCLDWAIT_wakes_at_the_last_child", exitNoCldWaitLast},
	{"exit_46_SIGCHLD_ignored", exitIgnored},
	{"exit_53_ends_LWPs_in_all_states", exitLWPs},
	{"exit_56_last_lwp_exit", exitLastLWP},
	{"exit_64_wait_in_the_handler", exitHandlerWait},
	{"exit_65_exit_signal_0", exitSignal0},
	{"exit_66_exit_signal_USR1", exitSignalUSR1},
	{"exit_67_codes_of_SIGCHLD", exitCodes},
	{"exit_69_contents_of_SIGCHLD", exitInfo},
}

func exitTruncated() {
	for _, n := range [...]int{0, 1, 42, 255, 256, 0x1ff, -1, 0x12345678} {
		pid := fork(func() { exit(n) })
		if release10 {
			reap(pid, int(int32(n)<<8)) // W_EXITCODE of the whole int
		} else {
			reap(pid, n&0xff<<8)
		}
	}
	noChildren()
}

// exit_psignal and match_process of NetBSD 10's kern_exit.c: si_status is p_xexit.
func exitWhole() {
	if !release10 {
		return
	}
	holdChild()
	for _, n := range [...]int{0x5a5a5a5a, -2, 256} {
		var info, at6 [128]byte
		block(sigCHLD)
		pid := fork(func() { exit(n) })
		sigwaitInfo(bit(sigCHLD), &info)
		eq("si_status of SIGCHLD", infoStatus(&info), n)
		eq("wait6", must("wait6", sysWait6, pPID, pid, 0, wEXITED, 0, ptr(&at6)), pid)
		eq("si_status of wait6", infoStatus(&at6), n)
	}
}

// exitGate is opened once all who want to exit are there: who is created while another
// exits is refused.
var exitGate int

func exitOneWins() {
	pid := fork(func() {
		for i := 1; i <= 4; i++ {
			lwpCreate(i, 0, func() {
				for load(&exitGate) == 0 {
					yield()
				}
				exit(3)
			})
		}
		add(&exitGate)
		exit(3)
	})
	reap(pid, exited(3))
}

// The other end sees end of file before SIGCHLD comes: when the signal is there, a
// reader that does not block finds it.
func exitFilesFirst() {
	holdChild()
	for range 20 {
		var p pipe
		p.open()
		pid := fork(func() { p.closeR() })
		p.closeW()
		awaitZombie()
		must("O_NONBLOCK", sysFcntl, int(p.r), 4, oNONBLOCK)
		p.eof()
		p.closeR()
		reapOK(pid)
	}
}

func exitOrphans() {
	var up, down pipe
	up.open()
	down.open()
	child := fork(func() {
		fork(func() {
			down.wait() // until the parent has gone
			eq("an orphan's getppid", getppid(), 1)
			up.send('o')
		})
		exit(5)
	})
	reap(child, exited(5))
	noChildren()
	down.post()
	eq("the orphan's answer", int(up.wait()), 'o')
}

// A grandchild that is a zombie when its parent exits is init's, and init reaps it.
func exitOrphanZombies() {
	var pid [1]int32
	var p pipe
	p.open()
	child := fork(func() {
		holdChild()
		pid[0] = int32(fork(func() { exit(9) }))
		awaitZombie()
		must("write", sysWrite, int(p.w), ptr(&pid), 4)
	})
	must("read", sysRead, int(p.r), ptr(&pid), 4)
	reapOK(child)
	awaitGone(int(pid[0]))
}

// awaitGone returns when nobody has pid any more.
func awaitGone(pid int) {
	for {
		if _, e := call(sysKill, pid, 0); e == esrch {
			return
		}
		yield()
	}
}

func exitOrphanClone() {
	var pid [1]int32
	var p, down pipe
	p.open()
	down.open()
	child := fork(func() {
		pid[0] = int32(clone(sigUSR1, func() { down.wait() }))
		must("write", sysWrite, int(p.w), ptr(&pid), 4)
	})
	must("read", sysRead, int(p.r), ptr(&pid), 4)
	reapOK(child)
	down.post()
	awaitGone(int(pid[0])) // init waits for children with SIGCHLD only
}

type rusage [18]int64

func (r *rusage) utime() int { return int(r[0]*1e6 + r[1]) }

func getrusage(who int) (r rusage) {
	must("getrusage", sysGetrusage, who, ptr(&r))
	return r
}

// burn uses up user time, as far as its own usage shows it.
func burn(us int) {
	for {
		r := getrusage(0)
		if r.utime()+int(r[2]*1e6+r[3]) >= us {
			return
		}
		for i := range 20000 {
			spins += i
		}
	}
}

func (r *rusage) time() int { return int((r[0]+r[2])*1e6 + r[1] + r[3]) }

func exitUsage() {
	const us = 30000
	holdChild()
	child := fork(func() {
		holdChild()
		grandchild := fork(func() { burn(us) })
		awaitZombie()
		r := getrusage(-1)
		eq("(92) usage of children before the wait", r.time(), 0)
		reapOK(grandchild)
		r = getrusage(-1)
		yes("usage of children after the wait is too small", r.time() >= us)
		burn(us)
	})
	var r rusage
	var st int32
	eq("wait4", must("wait4", sysWait4, child, ptr(&st), 0, ptr(&r)), child)
	eq("status", int(st), 0)
	yes("(39, 74) wait4's rusage lacks the child's or the grandchild's time", r.time() >= 2*us)
	r = getrusage(-1)
	yes("(92) RUSAGE_CHILDREN lacks the grandchild's time", r.time() >= 2*us)
}

// execKeepsUsage: the program changes, the process and what it has used stay.
func execKeepsUsage() {
	const us = 30000
	reapOK(fork(func() {
		burn(us)
		execSelf("sub_used", "30000")
	}))
}

// subUsed is sub_used RELEASE MICROSECONDS: so much time has been used at least.
func subUsed() {
	r := getrusage(0)
	yes("rusage lacks what was used before the execve", r.time() >= number(3))
	yes("ru_ixrss, ru_idrss or ru_isrss is not there (ruspace)", r[5] > 0 && r[6] > 0 && r[7] > 0)
	reapOK(fork(func() {
		child := getrusage(0)
		eq("ru_ixrss is of one program, and not of that before the execve", int(child[5]), int(r[5]))
	}))
}

func exitKillZombie() {
	holdChild()
	pid := fork(func() { exit(4) })
	awaitZombie()
	for _, sig := range [...]int{0, sigTERM, sigKILL, sigSTOP, sigCONT} {
		if release10 {
			must("kill of a zombie", sysKill, pid, sig)
		} else {
			errs("kill of a zombie", esrch, sysKill, pid, sig)
		}
	}
	reap(pid, exited(4)) // a zombie that is signalled stays what it is
	errs("kill after the wait", esrch, sysKill, pid, 0)
}

func exitNoCldWait() {
	block(sigCHLD)
	action(sigCHLD, sigDFL, saNOCLDWAIT)
	pid := fork(func() {})
	errs("wait4 with SA_NOCLDWAIT", echild, sysWait4, -1, 0, 0, 0)
	noneNow("SIGCHLD in spite of SA_NOCLDWAIT", bit(sigCHLD))
	awaitGone(pid)
	catch(sigCHLD, saNOCLDWAIT)
	fork(func() {})
	errs("wait4 with SA_NOCLDWAIT and a handler", echild, sysWait4, -1, 0, 0, 0)
	action(sigCHLD, sigDFL, 0)
	reapOK(fork(func() {}))
}

// A wait for one child stays asleep while another lives, and ends with ECHILD after
// the last.
func exitNoCldWaitLast() {
	action(sigCHLD, sigDFL, saNOCLDWAIT)
	var first, second pipe
	first.open()
	second.open()
	a := fork(func() { first.wait() })
	b := fork(func() { second.wait() })
	fork(func() {
		first.post()
		awaitGone(a)
		second.post()
	})
	errs("wait4 of a reaped one", echild, sysWait4, a, 0, 0, 0)
	if _, e := call(sysKill, b, 0); e == 0 && release10 {
		// Its zombie may still be init's; alive it is not.
		awaitGone(b)
	}
}

func exitIgnored() {
	block(sigCHLD)
	action(sigCHLD, sigIGN, 0)
	pid := fork(func() { exit(6) })
	if release10 {
		errs("wait4 with SIGCHLD ignored", echild, sysWait4, pid, 0, 0, 0)
		awaitGone(pid)
		return
	}
	reap(pid, exited(6))
}

// LWPs that sleep, are suspended, are parked, spin in user mode, have ended: exit(2)
// of one ends them all, and its status counts.
func exitLWPs() {
	pid := fork(func() {
		var p pipe
		p.open()
		lwpCreate(1, 0, func() { p.wait() })
		lwpCreate(2, 0, func() { call(sysLwpPark, 0, 0, 0, 0, 0, 0) })
		lwpCreate(3, lwpSUSPENDED, func() { exit(1) })
		lwpCreateAt(4, 0, addrOf(addrSpinLWP), nil)
		lwpCreate(5, lwpDETACHED, func() { suspend(0) })
		lwpCreate(6, 0, func() {})
		for load(&spins) == 0 {
			yield()
		}
		exit(7)
	})
	reap(pid, exited(7))
}

func exitLastLWP() {
	reap(fork(func() { call(sysLwpExit) }), 0)
	pid := fork(func() {
		main := must("_lwp_self", sysLwpSelf)
		lwpCreate(1, 0, func() {
			must("_lwp_wait", sysLwpWait, main, 0)
			call(sysLwpExit)
		})
		call(sysLwpExit)
	})
	reap(pid, 0)
}

var handlerGot int

func exitHandlerWait() {
	catch(sigCHLD, 0)
	onSig = func(int) {
		handlerGot = must("wait4 in the handler", sysWait4, -1, 0, wNOHANG, 0)
	}
	for range 10 {
		old := procmask(sigBlock, bit(sigCHLD))
		handlerGot = 0
		pid := fork(func() {})
		for handlerGot == 0 {
			suspend(old &^ bit(sigCHLD))
		}
		eq("wait4 in the handler", handlerGot, pid)
		unblock(sigCHLD)
	}
}

func exitSignal0() {
	holdChild()
	block(sigUSR1)
	pid := clone(0, func() {})
	errs("(80) a plain wait skips exit signal 0", echild, sysWait4, pid, 0, 0, 0)
	got, _ := wait4(pid, wALTSIG)
	eq("(81) wait4 with WALTSIG", got, pid)
	noneNow("a signal with exit signal 0", bit(sigCHLD))
	pid = clone(0, func() { exit(8) })
	reap(pid, exited(8))
}

func exitSignalUSR1() {
	holdChild()
	block(sigUSR1)
	pid := clone(sigUSR1, func() { exit(2) })
	var info [128]byte
	sigwaitInfo(bit(sigUSR1), &info)
	eq("signal", int(le32(&info, 0)), sigUSR1)
	eq("(68) code", infoCode(&info), 0)
	eq("(69) pid", infoPid(&info), pid)
	noneNow("SIGCHLD beside the exit signal", bit(sigCHLD))
	reap(pid, exited(2))
}

// childInfo makes a child end by f and returns its SIGCHLD and wait status.
func childInfo(f func(), info *[128]byte) (pid, status int) {
	pid = fork(f)
	sigwaitInfo(bit(sigCHLD), info)
	eq("signal", int(le32(info, 0)), sigCHLD)
	eq("si_pid", infoPid(info), pid)
	_, status = wait4(pid, 0)
	return pid, status
}

func exitCodes() {
	holdChild()
	var info [128]byte
	_, st := childInfo(func() { exit(3) }, &info)
	eq("status of an exit", st, exited(3))
	eq("code of an exit", infoCode(&info), cldEXITED)
	_, st = childInfo(func() { kill(getpid(), sigTERM) }, &info)
	eq("status of a kill", st, sigTERM)
	eq("code of a kill", infoCode(&info), cldKILLED)
	_, st = childInfo(func() { kill(getpid(), sigABRT) }, &info)
	eq("status of an abort", st&0x7f, sigABRT)
	if st&0x80 != 0 {
		eq("code of a core dump", infoCode(&info), cldDUMPED)
	} else {
		eq("code without a core dump", infoCode(&info), cldKILLED)
	}
	_, st = childInfo(func() { writeByte(8, 1) }, &info)
	eq("status of a fault", st&0x7f, sigSEGV)
}

func exitInfo() {
	holdChild()
	uid := must("geteuid", sysGeteuid)
	var info [128]byte
	_, st := childInfo(func() {
		if uid == 0 {
			uid = 1234
			must("seteuid", sysSeteuid, uid)
		}
		exit(0x17)
	}, &info)
	if uid == 0 {
		uid = 1234
	}
	eq("status", st, exited(0x17))
	eq("si_uid is the effective uid", infoUID(&info), uid)
	if release10 {
		eq("si_status is the exit code", infoStatus(&info), 0x17)
	} else {
		eq("si_status is the raw status", infoStatus(&info), exited(0x17))
	}
	childInfo(func() { kill(getpid(), sigHUP) }, &info)
	eq("si_status of a signal", infoStatus(&info), sigHUP)
}
