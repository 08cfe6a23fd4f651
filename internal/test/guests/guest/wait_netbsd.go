package main

// Cases about wait4 and wait6.

var waitCases = []testCase{
	{"wait_70_pid_0_and_groups", waitGroups},
	{"wait_71_bad_options", waitBadOptions},
	{"wait_72_WNOHANG_touches_nothing", waitNohang},
	{"wait_75_EFAULT_on_status", waitFaultStatus},
	{"wait_76_EFAULT_on_rusage", waitFaultRusage},
	{"wait_77_null_pointers", waitNull},
	{"wait_78_EFAULT_loses_a_stop", waitFaultStop},
	{"wait_83_newest_first", waitOrder},
	{"wait_85_stops_reported_once", waitStops},
	{"wait_85_stops_need_WUNTRACED", waitStopsUnasked},
	{"wait_88_ECHILD_before_WNOHANG", waitNobody},
	{"wait_89_EINTR_and_restart", waitInterrupted},
	{"wait_89_two_waiters_one_reaps", waitTwo},
	{"wait6_selectors", wait6Selectors},
	{"wait6_idtypes", wait6Types},
	{"wait6_WNOWAIT_leaves_the_zombie", wait6NoWait},
	{"wait6_siginfo_and_wrusage", wait6Info},
	{"wait6_WCONTINUED", wait6Continued},
	{"wait6_EFAULT_on_each_pointer", wait6Faults},
	{"stop_SIGCHLD_and_SA_NOCLDSTOP", stopSignals},
	{"stop_67_codes", stopCodes},
}

const nowhere = 8 // an address where nothing is

func waitGroups() {
	var down pipe
	down.open()
	other := fork(func() {
		must("setpgid", sysSetpgid, 0, 0)
		down.wait()
	})
	call(sysSetpgid, other, other)
	mine := fork(func() { exit(1) })
	got, _ := wait4(0, 0)
	eq("wait4(0)", got, mine)
	errs("wait4(0) with a child in another group", echild, sysWait4, 0, 0, 0, 0)
	errs("wait4 of a group without children", echild, sysWait4, -mine, 0, 0, 0)
	down.post()
	got, _ = wait4(-other, 0)
	eq("wait4(-group)", got, other)
	noChildren()
}

func waitBadOptions() {
	for _, o := range [...]int{0x80, 0x100, 0x4000000, -0x80000000} {
		errs("wait4 with an unknown option and no child", einval, sysWait4, -1, 0, o, 0)
	}
	if !release10 {
		for _, o := range [...]int{wCONTINUED, wEXITED, wTRAPPED, wNOWAIT, wNOZOMBIE} {
			errs("wait4 with an option of release 10", einval, sysWait4, -1, 0, o, 0)
		}
		return
	}
	errs("wait6 with an unknown option", einval, sysWait6, pALL, 0, 0, wEXITED|0x80, 0, 0)
	errs("wait6 without a selector", einval, sysWait6, pALL, 0, 0, wNOHANG, 0, 0)
}

func waitNohang() {
	var down pipe
	down.open()
	pid := fork(func() { down.wait() })
	var st int32 = 0x5a5a
	ru := rusage{99}
	eq("WNOHANG", must("wait4", sysWait4, pid, ptr(&st), wNOHANG, ptr(&ru)), 0)
	eq("status", int(st), 0x5a5a)
	eq("rusage", int(ru[0]), 99)
	down.post()
	reapOK(pid)
}

// waitFault: in 2003 the zombie is kept for another try, in 10 it is lost.
func afterFault(pid, status int) {
	if release10 {
		errs("wait4 after EFAULT", echild, sysWait4, pid, 0, 0, 0)
		return
	}
	reap(pid, status)
}

func waitFaultStatus() {
	pid := fork(func() { exit(5) })
	errs("wait4 with a bad status pointer", efault, sysWait4, pid, nowhere, 0, 0)
	afterFault(pid, exited(5))
	noChildren()
}

func waitFaultRusage() {
	pid := fork(func() { exit(6) })
	var st int32 = -1
	errs("wait4 with a bad rusage pointer", efault, sysWait4, pid, ptr(&st), 0, nowhere)
	eq("status, which is written first", int(st), exited(6))
	afterFault(pid, exited(6))
	noChildren()
}

func waitNull() {
	pid := fork(func() { exit(6) })
	eq("wait4 without pointers", must("wait4", sysWait4, pid, 0, 0, 0), pid)
	noChildren()
}

// stopChild forks a child that stops itself, and then exits with status code.
func stopChild(code int) int {
	return fork(func() {
		kill(getpid(), sigSTOP)
		exit(code)
	})
}

func waitFaultStop() {
	holdChild()
	pid := stopChild(1)
	eq("SIGCHLD", sigwait(bit(sigCHLD)), sigCHLD)
	errs("wait4 of a stop with a bad status pointer", efault, sysWait4, pid, nowhere, wUNTRACED, 0)
	got, _ := wait4(pid, wUNTRACED|wNOHANG)
	eq("the stop is lost", got, 0)
	kill(pid, sigCONT)
	reap(pid, exited(1))
}

func waitOrder() {
	holdChild()
	var pids [5]int
	for i := range pids {
		pids[i] = fork(func() {})
		awaitZombie()
	}
	for i := range pids {
		got, _ := wait4(-1, 0)
		eq("the newest zombie", got, pids[len(pids)-1-i])
	}
	noChildren()
}

func waitStops() {
	pid := fork(func() {
		kill(getpid(), sigSTOP)
		kill(getpid(), sigSTOP)
		exit(9)
	})
	for range 2 {
		ru := rusage{77}
		var st int32
		eq("wait4 of a stop", must("wait4", sysWait4, pid, ptr(&st), wUNTRACED, ptr(&ru)), pid)
		eq("status of a stop", int(st), stopped(sigSTOP))
		if release10 {
			yes("(78) rusage of a stop", ru[0] != 77)
		} else {
			eq("(78) rusage of a stop", int(ru[0]), 77)
		}
		got, _ := wait4(pid, wUNTRACED|wNOHANG)
		eq("the same stop again", got, 0)
		kill(pid, sigCONT)
	}
	reap(pid, exited(9))
}

func waitStopsUnasked() {
	holdChild()
	pid := stopChild(2)
	eq("SIGCHLD", sigwait(bit(sigCHLD)), sigCHLD)
	got, _ := wait4(pid, wNOHANG)
	eq("wait4 without WUNTRACED", got, 0)
	got, st := wait4(pid, wUNTRACED)
	eq("wait4 with it", got, pid)
	eq("status", st, stopped(sigSTOP))
	kill(pid, sigKILL)
	reap(pid, sigKILL)
}

func waitNobody() {
	errs("WNOHANG without children", echild, sysWait4, -1, 0, wNOHANG, 0)
	pid := fork(func() {})
	errs("WNOHANG for another pid", echild, sysWait4, getpid(), 0, wNOHANG, 0)
	errs("WNOHANG for another group", echild, sysWait4, -pid, 0, wNOHANG, 0)
	reapOK(pid)
}

// A handler ends wait4 with EINTR; with SA_RESTART it goes on.
func waitInterrupted() {
	me := getpid()
	var down pipe
	down.open()
	pid := fork(func() {
		down.wait()
		exit(3)
	})
	catch(sigUSR1, 0)
	pest := fork(func() {
		for {
			kill(me, sigUSR1)
			yield()
		}
	})
	errs("wait4 and a signal", eintr, sysWait4, pid, 0, 0, 0)
	kill(pest, sigKILL)
	for {
		if _, e := call(sysWait4, pest, 0, 0, 0); e == 0 {
			break
		}
	}
	n := sigCount[sigUSR1]
	catch(sigUSR1, saRESTART)
	pest = fork(func() {
		for range 50 {
			kill(me, sigUSR1)
			yield()
		}
		down.post()
	})
	got, st := wait4(pid, 0)
	eq("restarted wait4", got, pid)
	eq("status", st, exited(3))
	reapOK(pest)
	yes("no signal came", sigCount[sigUSR1] > n)
}

var waitResults [3]int

func waitTwo() {
	var down pipe
	down.open()
	pid := fork(func() { down.wait() })
	waiter := func() {
		_, e := call(sysWait4, pid, 0, 0, 0)
		switch e {
		case 0:
			add(&waitResults[0])
		case echild:
			add(&waitResults[1])
		default:
			add(&waitResults[2])
		}
	}
	lids := [3]int{lwpCreate(1, 0, waiter), lwpCreate(2, 0, waiter), lwpCreate(3, 0, waiter)}
	down.post()
	for _, lid := range lids {
		must("_lwp_wait", sysLwpWait, lid, 0)
	}
	eq("waiters that reaped", waitResults[0], 1)
	eq("waiters with ECHILD", waitResults[1], 2)
}

func wait6(idtype, id, options int) (got, status int) {
	var st int32 = -1
	got = must("wait6", sysWait6, idtype, id, ptr(&st), options, 0, 0)
	return got, int(st)
}

// wait6 reports what it is asked for, and nothing else.
func wait6Selectors() {
	if !release10 {
		return
	}
	holdChild()
	pid := stopChild(1)
	eq("SIGCHLD", sigwait(bit(sigCHLD)), sigCHLD)
	got, _ := wait6(pALL, 0, wEXITED|wNOHANG)
	eq("WEXITED for a stop", got, 0)
	got, st := wait6(pALL, 0, wUNTRACED)
	eq("WSTOPPED", got, pid)
	eq("status", st, stopped(sigSTOP))
	kill(pid, sigCONT)
	eq("SIGCHLD", sigwait(bit(sigCHLD)), sigCHLD) // continued, or exited, or both
	for {
		got, _ = wait6(pALL, 0, wEXITED|wNOHANG|wNOWAIT)
		if got != 0 {
			break
		}
		yield()
	}
	errs("WSTOPPED for a zombie", echild, sysWait6, pALL, 0, 0, wUNTRACED|wNOHANG, 0, 0)
	got, st = wait6(pALL, 0, wEXITED)
	eq("WEXITED", got, pid)
	eq("status", st, exited(1))
}

func wait6Types() {
	if !release10 {
		return
	}
	holdChild()
	pid := fork(func() { exit(4) })
	awaitZombie()
	uid, gid := must("geteuid", sysGeteuid), must("getegid", 43)
	pgid, sid := must("getpgrp", sysGetpgrp), must("getsid", sysGetsid, 0)
	good := [...][2]int{{pALL, 12345}, {pPID, pid}, {pPGID, pgid}, {pSID, sid}, {pUID, uid}, {pGID, gid}}
	for _, t := range good {
		got, _ := wait6(t[0], t[1], wEXITED|wNOWAIT)
		eq("wait6 by an id that matches", got, pid)
	}
	bad := [...][2]int{{pPID, getpid()}, {pPGID, pid}, {pSID, pid}, {pUID, 7654}, {pGID, 7654}, {pPPID, getpid()}, {6, 0}, {9, 0}, {11, 0}}
	for _, t := range bad {
		_, e := call(sysWait6, t[0], t[1], 0, wEXITED|wNOWAIT|wNOHANG, 0, 0)
		eq("wait6 by an id that does not match", e, echild)
	}
	reap(pid, exited(4))
}

func wait6NoWait() {
	if !release10 {
		return
	}
	pid := fork(func() { exit(5) })
	for range 3 {
		got, st := wait6(pPID, pid, wEXITED|wNOWAIT)
		eq("wait6 with WNOWAIT", got, pid)
		eq("status", st, exited(5))
	}
	reap(pid, exited(5))
	noChildren()
}

var (
	waitInfo [128]byte
	wrusage  [2]rusage
)

func wait6Info() {
	if !release10 {
		return
	}
	pid := fork(func() {
		reapOK(fork(func() { burn(20000) }))
		exit(0x33)
	})
	var st int32
	eq("wait6", must("wait6", sysWait6, pPID, pid, ptr(&st), wEXITED, ptr(&wrusage), ptr(&waitInfo)), pid)
	eq("status", int(st), exited(0x33))
	eq("si_signo", int(le32(&waitInfo, 0)), sigCHLD)
	eq("si_code", infoCode(&waitInfo), cldEXITED)
	eq("si_pid", infoPid(&waitInfo), pid)
	eq("si_status", infoStatus(&waitInfo), 0x33)
	yes("wrusage: the children's part lacks the grandchild", wrusage[1].time() >= 20000)
	pid = fork(func() { kill(getpid(), sigTERM) })
	eq("wait6", must("wait6", sysWait6, pPID, pid, ptr(&st), wEXITED, 0, ptr(&waitInfo)), pid)
	eq("si_code of a kill", infoCode(&waitInfo), cldKILLED)
	eq("si_status of a kill", infoStatus(&waitInfo), sigTERM)
	var down pipe
	down.open()
	pid = fork(func() { down.wait() })
	eq("wait6 with WNOHANG", must("wait6", sysWait6, pPID, pid, 0, wEXITED|wNOHANG, 0, ptr(&waitInfo)), 0)
	down.post()
	reapOK(pid)
}

func wait6Continued() {
	if !release10 {
		return
	}
	pid := fork(func() {
		kill(getpid(), sigSTOP)
		subWait0()
	})
	got, st := wait6(pPID, pid, wUNTRACED)
	eq("WSTOPPED", got, pid)
	eq("status", st, stopped(sigSTOP))
	kill(pid, sigCONT)
	got, st = wait6(pPID, pid, wCONTINUED)
	eq("WCONTINUED", got, pid)
	eq("status of a continuation", st, continuedStatus)
	got, _ = wait6(pPID, pid, wCONTINUED|wNOHANG)
	eq("the same continuation again", got, 0)
	kill(pid, sigKILL)
	reap(pid, sigKILL)
}

func wait6Faults() {
	if !release10 {
		return
	}
	var st int32
	for i := range 3 {
		pid := fork(func() { exit(1) })
		switch i {
		case 0:
			errs("status", efault, sysWait6, pPID, pid, nowhere, wEXITED, ptr(&wrusage), ptr(&waitInfo))
		case 1:
			errs("wrusage", efault, sysWait6, pPID, pid, ptr(&st), wEXITED, nowhere, ptr(&waitInfo))
		case 2:
			errs("siginfo", efault, sysWait6, pPID, pid, ptr(&st), wEXITED, ptr(&wrusage), nowhere)
		}
		errs("wait6 after EFAULT", echild, sysWait6, pPID, pid, 0, wEXITED, 0, 0)
	}
	noChildren()
}

func stopSignals() {
	block(sigCHLD)
	catch(sigCHLD, saNOCLDSTOP)
	pid := stopChild(0)
	got, _ := wait4(pid, wUNTRACED)
	eq("wait4", got, pid)
	noneNow("SIGCHLD of a stop with SA_NOCLDSTOP", bit(sigCHLD))
	kill(pid, sigCONT)
	reapOK(pid)
	eq("SIGCHLD of the exit", sigwait(bit(sigCHLD)), sigCHLD)
}

func stopCodes() {
	holdChild()
	var info [128]byte
	pid := fork(func() {
		kill(getpid(), sigSTOP)
		subWait0()
	})
	sigwaitInfo(bit(sigCHLD), &info)
	eq("si_pid", infoPid(&info), pid)
	eq("si_code of a stop", infoCode(&info), cldSTOPPED)
	eq("si_status of a stop", infoStatus(&info), sigSTOP)
	kill(pid, sigCONT)
	if release10 {
		sigwaitInfo(bit(sigCHLD), &info)
		eq("si_code of a continuation", infoCode(&info), cldCONTINUED)
		eq("si_status of a continuation", infoStatus(&info), sigCONT)
	}
	kill(pid, sigKILL)
	sigwaitInfo(bit(sigCHLD), &info)
	eq("si_code of a kill", infoCode(&info), cldKILLED)
	reap(pid, sigKILL)
}
