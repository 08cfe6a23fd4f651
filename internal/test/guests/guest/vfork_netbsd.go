package main

import "unsafe"

// Cases about vfork, __clone, execve and posix_spawn.

var forkCases = []testCase{
	{"vfork_memory_is_shared", vforkShares},
	{"vfork_08_parent_sleeps_until_exit", vforkExit},
	{"vfork_08_parent_sleeps_until_exec", vforkExec},
	{"vfork_child_killed_frees_the_parent", vforkKilled},
	{"vfork_child_that_stops_holds_the_parent", vforkStops},
	{"vfork_leaves_nothing_in_the_parent", vforkMany},
	{"vfork_other_LWPs_of_the_parent_run", vforkOthersRun},
	{"vfork_child_has_the_signal_stack", vforkAltstack},
	{"clone_81_exit_signals_and_waits", cloneSignals},
	{"clone_shared_memory_and_files", cloneShares},
	{"clone_bad_flags", cloneBad},
	{"fork_return_values", forkReturns},
	{"fork_descriptors_share_their_offset", forkFiles},
	{"fork_94_RLIMIT_NPROC_counts_zombies", forkLimit},
	{"fork_96_pid_not_reused_while_its_group_lives", pidReuse},
	{"exec_status_arguments_and_close_on_exec", execStatus},
	{"exec_errors", execErrors},
	{"exec_of_many_arguments", execMany},
	{"exec_signals_reset_mask_kept", execSignals},
	{"exec_ends_the_other_LWPs", execLWPs},
	{"spawn_status_and_pid", spawnStatus},
	{"spawn_file_actions", spawnActions},
	{"spawn_file_action_fails", spawnActionFails},
	{"spawn_attributes", spawnAttributes},
	{"spawn_order_of_what_fails", spawnOrder},
	{"spawn_errors", spawnErrors},
}

var shared int

func vforkShares() {
	shared = 1
	pid := vfork(func() {
		shared = 2
		exit(3)
	})
	eq("(8) the child's write after vfork", shared, 2)
	reap(pid, exited(3))
}

// SIGSTOP stops a vfork child at once (vforksigmask); it is somebody else who ends it, and the wait of its parent.
func vforkStops() {
	if !release10 {
		return
	}
	var born pipe
	born.open()
	parent := fork(func() {
		pid := vfork(func() {
			born.send(byte(getpid()))
			kill(getpid(), sigSTOP)
			exit(9)
		})
		reap(pid, sigKILL)
	})
	kill(int(born.wait()), sigKILL)
	reapOK(parent)
}

// A child that is gone has no part in its parent any more: there can be any number of
// them, one after the other (a process has 2,048 host threads at most).
func vforkMany() {
	for range 2500 {
		reapOK(vfork(func() {}))
	}
	noChildren()
}

// After vfork the child has made its last call: what it wrote to a pipe is there.
func vforkExit() {
	var p pipe
	p.open()
	must("O_NONBLOCK", sysFcntl, int(p.r), 4, oNONBLOCK)
	for range 20 {
		pid := vfork(func() {
			for range 100 {
				yield()
			}
			p.send('v')
		})
		eq("byte written before vfork's return", int(p.wait()), 'v')
		reapOK(pid)
	}
	noChildren()
}

// execArgs builds an argument vector; its memory is used by one exec at a time.
var (
	execArgv  [8]*byte
	execEnv   [1]*byte
	execWords [8][64]byte
)

func execArgs(name string, args ...string) {
	execArgv[0] = argv[0]
	word := func(i int, s string) {
		for j := range s {
			execWords[i][j] = s[j]
		}
		execWords[i][len(s)] = 0
		execArgv[i] = &execWords[i][0]
	}
	word(1, name)
	if release10 {
		word(2, "10")
	} else {
		word(2, "2003")
	}
	for i, s := range args {
		word(3+i, s)
	}
	execArgv[3+len(args)] = nil
}

// execSelf runs a sub-program in this process.
func execSelf(name string, args ...string) {
	execArgs(name, args...)
	_, e := call(sysExecve, addr(argv[0]), ptr(&execArgv), ptr(&execEnv))
	put("execve: errno ")
	putInt(e)
	end()
}

func addr(p *byte) int { return int(uintptr(unsafe.Pointer(p))) }

func cstr(s string) int { return int(uintptr(unsafe.Pointer(unsafe.StringData(s)))) }

func vforkExec() {
	execArgs("sub_exit", "77")
	for range 10 {
		shared = 0
		pid := vfork(func() {
			shared = 1
			call(sysExecve, addr(argv[0]), ptr(&execArgv), ptr(&execEnv))
			exit(126)
		})
		eq("memory after the child's exec", shared, 1)
		reap(pid, exited(77))
	}
}

func vforkKilled() {
	pid := vfork(func() {
		kill(getpid(), sigKILL)
		for {
			yield()
		}
	})
	reap(pid, sigKILL)
}

// vfork puts the calling LWP to sleep, not its process.
func vforkOthersRun() {
	var p pipe
	p.open()
	lwpCreate(1, lwpDETACHED, func() { p.post() })
	pid := vfork(func() { p.wait() })
	reapOK(pid)
}

func cloneSignals() {
	holdChild()
	block(sigUSR1)
	a := clone(sigCHLD, func() { exit(1) })
	awaitZombie()
	b := clone(sigUSR1, func() { exit(2) })
	eq("exit signal", sigwait(bit(sigUSR1)), sigUSR1)
	errs("(80) a plain wait for another exit signal", echild, sysWait4, b, 0, 0, 0)
	errs("(81) WALTSIG for SIGCHLD", echild, sysWait4, a, 0, wALTSIG, 0)
	got, _ := wait4(-1, wALTSIG)
	eq("(81) WALTSIG", got, b)
	b = clone(sigUSR1, func() { exit(2) })
	eq("exit signal", sigwait(bit(sigUSR1)), sigUSR1)
	got, _ = wait4(-1, wALLSIG|wALTSIG)
	eq("(82, 83) WALLSIG overrides WALTSIG, newest first", got, b)
	got, _ = wait4(-1, 0)
	eq("(80) plain wait", got, a)
	noChildren()
}

const (
	cloneVM      = 0x100
	cloneFS      = 0x200
	cloneFiles   = 0x400
	cloneSighand = 0x800
	cloneVfork   = 0x4000
)

func cloneShares() {
	var p pipe
	p.open()
	shared = 0
	pid := clone(cloneVM|cloneFiles|cloneSighand|sigCHLD, func() {
		shared = 5
		p.closeW()
		catch(sigUSR2, 0)
	})
	reapOK(pid)
	eq("memory", shared, 5)
	errs("a descriptor closed by the child", ebadf, sysClose, int(p.w))
	kill(getpid(), sigUSR2) // the handler is the parent's, too
	eq("shared handler", sigCount[sigUSR2], 1)
}

func cloneBad() {
	const clonePtrace = 0x2000
	for _, flags := range [...]int{64, 255, clonePtrace | sigCHLD, cloneSighand | sigCHLD} {
		errs("__clone", einval, sysClone, flags, 0)
	}
	reap(clone(0x7fff9000|sigCHLD, func() { exit(4) }), exited(4)) // sys___clone looks at no others
}

// lwp_create: a child that shares the memory has the signal stack, too.
func vforkAltstack() {
	altStack = stackT{sp: uintptr(ptr(&stacks[3])), size: len(stacks[3])}
	must("sigaltstack", sysSigaltstack, ptr(&altStack), 0)
	altSeen = stackT{}
	reapOK(vfork(func() { must("sigaltstack", sysSigaltstack, 0, ptr(&altSeen)) }))
	eq("the child's signal stack", int(altSeen.sp), int(altStack.sp))
	eq("its size", altSeen.size, altStack.size)
	eq("its flags", int(altSeen.flags), 0)
}

func forkReturns() {
	parent := getpid()
	var ids [2]int32
	var p pipe
	p.open()
	pid := fork(func() {
		ids[0], ids[1] = int32(getpid()), int32(getppid())
		must("write", sysWrite, int(p.w), ptr(&ids), 8)
	})
	must("read", sysRead, int(p.r), ptr(&ids), 8)
	eq("fork's result and the child's getpid", int(ids[0]), pid)
	eq("the child's getppid", int(ids[1]), parent)
	reapOK(pid)
}

func forkFiles() {
	fd := must("open", sysOpen, cstr("/dev/zero\x00"), oRDONLY, 0)
	dup := must("dup", sysDup, fd)
	reapOK(fork(func() { must("close", sysClose, fd) }))
	must("close after the child's", sysClose, fd)
	must("close", sysClose, dup)
	errs("close twice", ebadf, sysClose, dup)
}

// dropRoot makes the process an ordinary user's if it is root's.
func dropRoot() {
	if must("getuid", sysGetuid) == 0 {
		must("setuid", sysSetuid, 4321)
	}
}

func forkLimit() {
	dropRoot()
	// This process alone has the user if it was root, and perhaps others if not.
	var lim [2]int64
	must("getrlimit", sysGetrlimit, rlimitNPROC, ptr(&lim))
	holdChild()
	lim[0] = 3
	must("setrlimit", sysSetrlimit, rlimitNPROC, ptr(&lim))
	a := fork(func() {})
	awaitZombie()
	b := fork(func() {})
	awaitZombie()
	errs("fork with two zombies and a limit of 3", eagain, sysFork)
	errs("vfork", eagain, sysVfork)
	reapOK(a)
	c := fork(func() {})
	errs("fork after one wait", eagain, sysFork)
	reapOK(b)
	reapOK(c)
}

// A pid whose process has gone stays taken while its group has a member.
func pidReuse() {
	var up, down pipe
	up.open()
	down.open()
	leader := fork(func() {
		must("setpgid", sysSetpgid, 0, 0)
		fork(func() {
			up.post()
			down.wait()
		})
		up.post()
	})
	up.wait()
	up.wait()
	reapOK(leader)
	must("kill of the group", sysKill, -leader, 0)
	for range 200 {
		pid := fork(func() {})
		yes("(96) the pid of a living group was given again", pid != leader)
		reapOK(pid)
	}
	down.post()
}

func execStatus() {
	code := 300 // of which 2003 keeps 8 bits
	if !release10 {
		code &= 0xff
	}
	reap(fork(func() { execSelf("sub_exit", "300") }), exited(code))
	var p pipe
	p.open()
	must("F_SETFD", sysFcntl, int(p.w), fSETFD, 1)
	pid := fork(func() { execSelf("sub_wait0") })
	p.closeW()
	p.eof() // the child lives on, its writing end has gone
	kill(pid, sigKILL)
	reap(pid, sigKILL)
}

func execErrors() {
	execArgs("sub_exit", "1")
	errs("execve of nothing", enoent, sysExecve, cstr("/nonexistent\x00"), ptr(&execArgv), ptr(&execEnv))
	errs("execve of a folder", eacces, sysExecve, cstr("/\x00"), ptr(&execArgv), ptr(&execEnv))
	errs("execve with a bad path", efault, sysExecve, 8, ptr(&execArgv), ptr(&execEnv))
	errs("execve with bad arguments", efault, sysExecve, addr(argv[0]), 8, ptr(&execEnv))
	errs("execve with a bad environment", efault, sysExecve, addr(argv[0]), ptr(&execArgv), 8)
}

// Caught signals get their default action, ignored ones stay so; mask and pending
// signals survive.
func execSignals() {
	pid := fork(func() {
		catch(sigUSR1, 0)
		action(sigUSR2, sigIGN, 0)
		block(sigTERM, sigUSR1)
		kill(getpid(), sigTERM)
		execSelf("sub_signals")
	})
	reapOK(pid)
	pid = fork(func() {
		catch(sigUSR1, 0)
		block(sigUSR1)
		execSelf("sub_unblock")
	})
	reap(pid, sigUSR1)
}

// subSignals checks what execSignals left.
func subSignals() {
	var old sigactionT
	must("sigaction", sysSigaction, sigUSR1, 0, ptr(&old), 0, 0)
	eq("caught signal after exec", old.handler, sigDFL)
	must("sigaction", sysSigaction, sigUSR2, 0, ptr(&old), 0, 0)
	eq("ignored signal after exec", old.handler, sigIGN)
	eq("mask after exec", int(procmask(sigBlock, 0)), int(bit(sigTERM)|bit(sigUSR1)))
	eq("pending after exec", int(pending()), int(bit(sigTERM)))
}

func subUnblock() {
	kill(getpid(), sigUSR1)
	unblock(sigUSR1)
	exit(1)
}

// subWait0 waits to be killed.
func subWait0() {
	for {
		suspend(0)
	}
}

func execLWPs() {
	pid := fork(func() {
		var p pipe
		p.open()
		lwpCreate(1, 0, func() { p.wait() })
		lwpCreate(2, lwpSUSPENDED, func() {})
		lwpCreateAt(3, 0, addrOf(addrSpinLWP), nil)
		for load(&spins) == 0 {
			yield()
		}
		execSelf("sub_alone")
	})
	reap(pid, exited(11))
	// Not the first LWP execs.
	pid = fork(func() {
		lwpCreate(1, 0, func() { execSelf("sub_alone") })
		for {
			call(sysLwpPark, 0, 0, 0, 0, 0, 0)
		}
	})
	reap(pid, exited(11))
}

// subAlone ends as the last LWP's _lwp_exit would, if there were another.
func subAlone() {
	errs("_lwp_wait as the only one", esrch, sysLwpWait, 0, 0)
	exit(11)
}

// spawnattr is struct posix_spawnattr.
type spawnattr struct {
	flags      int16
	pgroup     int32
	prio, pol  int32
	sigdefault sigset
	sigmask    sigset
}

const (
	spawnRESETIDS    = 1
	spawnSETPGROUP   = 2
	spawnSETSIGDEF   = 0x10
	spawnSETSIGMASK  = 0x20
	spawnRETURNERROR = 0x40

	faeOPEN  = 0
	faeDUP2  = 1
	faeCLOSE = 2
)

// fileAction is struct posix_spawn_file_actions_entry.
type fileAction struct {
	action int32
	fd     int32
	path   uintptr // or newfd
	oflag  int32
	mode   int32
}

type fileActions struct {
	size, len uint32
	list      *fileAction
}

var (
	actionList [4]fileAction
	actions    fileActions
)

// spawn is posix_spawn of a sub-program (execArgs) with n file actions.
func spawn(attr *spawnattr, n int) (pid, errno int) {
	actions = fileActions{uint32(n), uint32(n), &actionList[0]}
	var p int32 = -1
	fa := 0
	if n > 0 {
		fa = ptr(&actions)
	}
	e := must("posix_spawn", sysPosixSpawn, ptr(&p), addr(argv[0]), fa, ptr(attr), ptr(&execArgv), ptr(&execEnv))
	return int(p), e
}

func spawnStatus() {
	for range 10 {
		execArgs("sub_exit", "21")
		pid, e := spawn(nil, 0)
		eq("posix_spawn", e, 0)
		reap(pid, exited(21))
	}
	noChildren()
}

func spawnActions() {
	var p pipe
	p.open()
	actionList[0] = fileAction{action: faeDUP2, fd: p.w, path: 9}
	actionList[1] = fileAction{action: faeCLOSE, fd: p.r}
	actionList[2] = fileAction{action: faeOPEN, fd: 0, path: uintptr(cstr("/dev/null\x00"))}
	execArgs("sub_spawned", "9")
	pid, e := spawn(nil, 3)
	eq("posix_spawn", e, 0)
	eq("the child's answer", int(p.wait()), 's')
	reapOK(pid)
}

func subSpawned() {
	var b byte
	eq("read of descriptor 0, /dev/null", must("read", sysRead, 0, ptr(&b), 1), 0)
	b = 's'
	must("write", sysWrite, number(3), ptr(&b), 1)
}

// The child's own trouble is its status, unless the parent asks for the error.
func spawnActionFails() {
	execArgs("sub_exit", "0")
	actionList[0] = fileAction{action: faeOPEN, fd: 3, path: uintptr(cstr("/nonexistent\x00"))}
	pid, e := spawn(nil, 1)
	eq("posix_spawn", e, 0)
	reap(pid, exited(127))
	_, e = spawn(&spawnattr{flags: spawnRETURNERROR}, 1)
	eq("posix_spawn with RETURNERROR", e, enoent)
	reapFailed()
	actionList[0] = fileAction{action: faeCLOSE, fd: 77}
	pid, e = spawn(&spawnattr{flags: spawnRETURNERROR}, 1)
	if has11 { // handle_posix_spawn_file_actions ignores it
		eq("posix_spawn that closes what is not open", e, 0)
		call(sysWait4, pid, 0, 0, 0)
	} else {
		eq("posix_spawn that closes what is not open", e, ebadf)
		reapFailed()
	}
	noChildren()
}

// reapFailed waits for the child of a posix_spawn that has told its error: it has ended as if nobody had been told (spawn_return).
func reapFailed() {
	_, st := wait4(-1, 0)
	eq("the end of who could not", st, exited(127))
}

// spawn_return has the attributes before the file actions; sys_posix_spawn reads the actions before all else, at most two for
// each descriptor that there can be. SIGCHLD tells of a child whose error is known, too.
func spawnOrder() {
	holdChild()
	execArgs("sub_exit", "0")
	actionList[0] = fileAction{action: faeOPEN, fd: 3, path: uintptr(cstr("/nonexistent\x00"))}
	_, e := spawn(&spawnattr{flags: spawnSETPGROUP, pgroup: 29999}, 1)
	eq("a group that there is not, and a file", e, eperm)
	eq("SIGCHLD", sigwait(bit(sigCHLD)), sigCHLD)
	reapFailed()
	_, e = spawn(&spawnattr{flags: spawnSETPGROUP, pgroup: -1}, 0)
	eq("a negative group", e, eperm)
	reapFailed()
	many := fileActions{9999, 9999, &actionList[0]}
	eq("too many actions for no program", must("posix_spawn", sysPosixSpawn, 0, 8, ptr(&many), 8, 0, 0), einval)
	eq("attributes that are not there for no program", must("posix_spawn", sysPosixSpawn, 0, cstr("/nonexistent\x00"), 0, 8, 0, 0), efault)
	noChildren()
}

func spawnAttributes() {
	catch(sigTERM, 0)
	action(sigUSR2, sigIGN, 0)
	action(sigUSR1, sigIGN, 0)
	block(sigHUP)
	execArgs("sub_attributes")
	a := spawnattr{
		flags:      spawnSETPGROUP | spawnSETSIGDEF | spawnSETSIGMASK,
		sigdefault: sigset{bit(sigUSR1)},
		sigmask:    sigset{bit(sigINT)},
	}
	pid, e := spawn(&a, 0)
	eq("posix_spawn", e, 0)
	reapOK(pid)
	execArgs("sub_wait0")
	leader, e := spawn(&spawnattr{flags: spawnSETPGROUP}, 0)
	eq("posix_spawn of a leader", e, 0)
	execArgs("sub_exit", "4")
	pid, e = spawn(&spawnattr{flags: spawnSETPGROUP, pgroup: int32(leader)}, 0)
	eq("posix_spawn into a group", e, 0)
	got, st := wait4(-leader, 0)
	eq("(79) wait4 for the group", got, pid)
	eq("status", st, exited(4))
	_, e = spawn(&spawnattr{flags: spawnSETPGROUP, pgroup: 29999}, 0)
	eq("posix_spawn into no group", e, eperm)
	reapFailed()
	kill(leader, sigKILL)
	reap(leader, sigKILL)
	noChildren()
}

func subAttributes() {
	eq("group", must("getpgrp", sysGetpgrp), getpid())
	eq("mask", int(procmask(sigBlock, 0)), int(bit(sigINT)))
	var old sigactionT
	for _, s := range [...][2]int{{sigUSR1, sigDFL}, {sigUSR2, sigIGN}, {sigTERM, sigDFL}} {
		must("sigaction", sysSigaction, s[0], 0, ptr(&old), 0, 0)
		eq("action", old.handler, s[1])
	}
}

func spawnErrors() {
	execArgs("sub_exit", "0")
	var p int32
	list := [...][2]int{{cstr("/nonexistent\x00"), enoent}, {cstr("/\x00"), eacces}, {8, efault}}
	for _, t := range list {
		eq("posix_spawn", must("posix_spawn", sysPosixSpawn, ptr(&p), t[0], 0, 0, ptr(&execArgv), ptr(&execEnv)), t[1])
	}
	eq("attributes that are not there", must("posix_spawn", sysPosixSpawn, 0, addr(argv[0]), 0, 8, ptr(&execArgv), ptr(&execEnv)), efault)
	eq("actions that are not there", must("posix_spawn", sysPosixSpawn, 0, addr(argv[0]), 8, 0, ptr(&execArgv), ptr(&execEnv)), efault)
	noChildren()
	pid := must("posix_spawn with nowhere to put the pid", sysPosixSpawn, 0, addr(argv[0]), 0, 0, ptr(&execArgv), ptr(&execEnv))
	eq("posix_spawn", pid, 0)
	wait4(-1, 0)
}

// execMany: strings count for ARG_MAX, and pointers do not (copyinargstrs): of short arguments there can be more than thirty thousand.
func execMany() {
	const short = 40_000
	reap(fork(func() {
		execArgs("sub_exit", "7")
		many := anywhere((8 + short) * 8)
		for i := range 4 + short {
			*at(many + 8*i) = addr(execArgv[min(i, 3)])
		}
		_, e := call(sysExecve, addr(argv[0]), many, ptr(&execEnv))
		exit(e)
	}), exited(7))
	const e2big, argMax = 7, 256 << 10
	p := anywhere(argMax + page)
	for i := 0; i < argMax; i++ {
		*(*byte)(unsafe.Pointer(uintptr(p + i))) = 'x'
	}
	vector := [2]int{p}
	errs("execve of a longer string", e2big, sysExecve, addr(argv[0]), ptr(&vector), ptr(&execEnv))
	errs("of what is none", enoent, sysExecve, cstr("/none\x00"), ptr(&vector), ptr(&execEnv))
}
