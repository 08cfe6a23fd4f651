package main

// Cases about items of doc/lifecycle.md that the cases of calls leave out.

var itemCases = []testCase{
	{"vfork_09_whom_the_childs_end_wakes", vforkTraced},
	{"exit_10_pending_signals_are_dropped", exitPending},
	{"exit_12_LWPs_end_before_files_close", exitLWPsFirst},
	{"trace_35_childs_of_their_tracer_go_to_init", traceOrphan},
	{"exit_51_detached_LWPs_are_waited_for", exitDetached},
	{"exit_63_zombie_owns_no_memory", exitNoMemory},
	{"exit_10_stops_that_were_asked_for", stopsAsked},
	{"wait_74_status_and_rusage_of_a_zombie", waitBoth},
	{"wait_79_any_pid_or_group", waitWhom},
	{"wait_82_WALLSIG_overrides_WALTSIG", waitAllSig},
	{"wait_84_WNOZOMBIE_skips_but_counts", waitNoZombie},
	{"wait_86_each_stop_is_reported_once", waitStopOnce},
	{"wait_87_running_children_count", waitRunning},
}

// A debugger holds a vfork child that dies. In release 10 the LWP that called vfork goes on at
// once, in 2003 when the debugger has waited: it is the present parent that is woken (line 229).
func vforkTraced() {
	var born, back, seen pipe
	born.open()
	back.open()
	seen.open()
	parent := fork(func() {
		pid := vfork(func() {
			born.send(byte(getpid()))
			seen.wait() // the debugger has attached
			exit(9)
		})
		back.post()
		reap(pid, exited(9))
	})
	pid := int(born.wait())
	tracer := fork(func() {
		ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
		if release10 { // in 2003 it does not stop while its parent waits
			reap(pid, stopped(sigSTOP))
			resume(pid, 0)
		}
		seen.post()
		if release10 {
			back.wait() // the parent runs while its child is nobody's but the debugger's
		}
		reap(pid, exited(9))
		if !release10 {
			back.wait()
		}
	})
	reapOK(tracer)
	reapOK(parent)
}

// What is pending when exit(2) is called changes nothing any more.
func exitPending() {
	pid := fork(func() {
		block(sigTERM, sigUSR1, sigTSTP, sigRTMIN)
		for _, sig := range [...]int{sigTERM, sigUSR1, sigTSTP, sigRTMIN} {
			kill(getpid(), sig)
		}
		exit(5)
	})
	got, st := wait4(pid, wUNTRACED)
	eq("pid", got, pid)
	eq("status", st, exited(5))
}

// An LWP that writes all the time is gone before the pipe is closed: its reader sees whole lives
// of LWPs, then the end of the file, then the zombie.
func exitLWPsFirst() {
	var p pipe
	p.open()
	holdChild()
	pid := fork(func() {
		lwpCreate(1, lwpDETACHED, func() {
			for {
				p.send('x')
			}
		})
		for range 100 {
			yield()
		}
		exit(3)
	})
	p.closeW()
	for {
		var b [64]byte
		if must("read", sysRead, int(p.r), ptr(&b), len(b)) == 0 {
			break
		}
	}
	awaitZombie()
	reap(pid, exited(3))
}

// A child that its own parent traces goes to init when that ends, and is killed.
func traceOrphan() {
	var p pipe
	p.open()
	parent := fork(func() {
		p.send(byte(tracee(func() { subWait0() })))
	})
	pid := int(p.wait())
	reapOK(parent)
	awaitGone(pid)
}

// The exit waits for LWPs that nobody else could wait for.
func exitDetached() {
	for _, state := range [...]func(){func() { park() }, func() {
		for {
			yield()
		}
	}} {
		pid := fork(func() {
			for i := 1; i <= 3; i++ {
				lwpCreate(i, lwpDETACHED, state)
			}
			exit(4)
		})
		reap(pid, exited(4))
	}
	noChildren()
}

func waitBoth() {
	holdChild()
	pid := fork(func() { burn(10000); exit(7) })
	awaitZombie()
	var st int32
	ru := rusage{}
	eq("wait4", must("wait4", sysWait4, pid, ptr(&st), 0, ptr(&ru)), pid)
	eq("status", int(st), exited(7))
	yes("rusage lacks the child's time", ru.time() >= 10000)
	errs("it is freed", echild, sysWait4, pid, 0, 0, 0)
}

func waitWhom() {
	holdChild()
	a := fork(func() { exit(1) })
	awaitZombie()
	b := fork(func() {
		must("setpgid", sysSetpgid, 0, 0)
		exit(2)
	})
	awaitZombie()
	errs("somebody else", echild, sysWait4, getpid(), 0, 0, 0)
	got, st := wait4(-b, 0)
	eq("by its group", got, b)
	eq("status", st, exited(2))
	c := fork(func() { exit(3) })
	awaitZombie()
	got, _ = wait4(a, 0)
	eq("by its pid", got, a)
	got, _ = wait4(-1, 0)
	eq("any", got, c)
	noChildren()
}

func waitAllSig() {
	holdChild()
	block(sigUSR1)
	a := fork(func() { exit(1) })
	awaitZombie()
	b := clone(sigUSR1, func() { exit(2) })
	eq("exit signal", sigwait(bit(sigUSR1)), sigUSR1)
	for _, want := range [...]int{b, a} {
		got, _ := wait4(-1, wALLSIG|wALTSIG)
		eq("WALLSIG and WALTSIG", got, want)
	}
	noChildren()
}

// WNOZOMBIE is the kernel's own in 2003.
func waitNoZombie() {
	if !release10 {
		errs("WNOZOMBIE", einval, sysWait4, -1, 0, wNOZOMBIE, 0)
		return
	}
	holdChild()
	pid := fork(func() { exit(1) })
	awaitZombie()
	got, _ := wait4(pid, wNOZOMBIE|wNOHANG)
	eq("the zombie is skipped", got, 0)
	reap(pid, exited(1))
	errs("nobody", echild, sysWait4, pid, 0, wNOZOMBIE|wNOHANG, 0)
}

func waitStopOnce() {
	pid := stopChild(3)
	if release10 {
		for range 2 {
			got, st := wait4(pid, wUNTRACED|wNOWAIT)
			eq("WNOWAIT", got, pid)
			eq("status", st, stopped(sigSTOP))
		}
	}
	got, st := wait4(pid, wUNTRACED)
	eq("the stop", got, pid)
	eq("status", st, stopped(sigSTOP))
	got, _ = wait4(pid, wUNTRACED|wNOHANG)
	eq("not again", got, 0)
	kill(pid, sigCONT)
	reap(pid, exited(3))
}

func waitRunning() {
	var down pipe
	down.open()
	pid := fork(func() { down.wait() })
	for _, who := range [...]int{pid, -1, 0} {
		got, _ := wait4(who, wNOHANG)
		eq("WNOHANG", got, 0)
	}
	down.post()
	reapOK(pid)
	noChildren()
}

// A zombie that can be waited for has no memory any more, so that a segment of System V's is attached by its parent alone (exit1 of 10 and 11, the
// reaper of kern_exit.c 1.127).
func exitNoMemory() {
	holdChild()
	id, _ := shm(page)
	for range 20 {
		pid := fork(func() {
			must("shmat", sysShmat, id, 0, 0)
			eq("attached", nattch(id), 3)
		})
		awaitZombie()
		eq("attached beside a zombie", nattch(id), 1)
		reapOK(pid)
	}
	must("IPC_RMID", sysShmctl, id, ipcRmid, 0)
}

// The last words of sysctl proc.PID.stopfork, stopexec and stopexit.
const (
	pidStopfork = 3
	pidStopexec = 4
	pidStopexit = 5
)

func stopOn(pid, what int) {
	name, one := [3]int32{10, int32(pid), int32(what)}, int32(1)
	must("sysctl proc.PID.stop", sysSysctl, ptr(&name), 3, 0, 0, ptr(&one), 4)
}

// PS_STOPEXIT, PS_STOPEXEC and PS_STOPFORK (exit1, execve_runproc, fork1): who stops can be waited for as a stopped child, gets no signal that would say
// so to its parent, and goes on by SIGCONT, its exit with the status that it had. A child that is born stopped has not run. fork1 passes the wish to
// stop at a fork and an exec on, not that at an exit.
func stopsAsked() {
	if !release10 {
		return
	}
	holdChild()
	var go1 pipe
	go1.open()
	for what := pidStopexec; what <= pidStopexit; what++ {
		pid := fork(func() {
			go1.wait()
			execSelf("sub_exit", "5")
		})
		stopOn(pid, what)
		go1.post()
		stopsOnce(pid, 5)
	}
	go1.open()
	stopsOnce(fork(func() {
		stopOn(getpid(), pidStopfork)
		stopOn(getpid(), pidStopexit)
		born := fork(func() {
			go1.post()
			exit(6)
		})
		stopsOnce(born, 6)
		go1.wait()
	}), 0)
}

// stopsOnce waits for pid's stop, which no SIGCHLD has told of, has it go on, which one tells, and waits for its end.
// That is told, too, but may come before the first one has been taken, and replaces it then.
func stopsOnce(pid, code int) {
	got, st := wait4(pid, wUNTRACED)
	eq("who has stopped", got, pid)
	eq("how", st, 0x7f)
	noneNow("SIGCHLD of a stop that was asked for", bit(sigCHLD))
	kill(pid, sigCONT)
	var info [128]byte
	sigwaitInfo(bit(sigCHLD), &info)
	reap(pid, exited(code))
	if infoCode(&info) != cldEXITED {
		eq("si_code of its going on", infoCode(&info), cldCONTINUED)
		awaitZombie()
	}
}
