package main

// Cases about process groups, sessions and job control without a terminal.

var jobCases = []testCase{
	{"job_setpgid_rules", jobSetpgid},
	{"job_setsid_rules", jobSetsid},
	{"job_26_27_orphaned_group_with_a_stopped_member", jobOrphan},
	{"job_27_not_orphaned_by_another_parent", jobNotOrphan},
	{"job_orphans_are_not_stopped_by_the_terminal", jobOrphanTTYStop},
	{"job_setsid_while_a_group_is_orphaned", jobSetsidOrphan},
	{"job_getsid_getpgid", jobIDs},
}

func jobSetpgid() {
	var up, down pipe
	up.open()
	down.open()
	child := fork(func() {
		up.post()
		down.wait()
		execSelf("sub_wait0")
	})
	up.wait()
	errs("setpgid of init", esrch, sysSetpgid, 1, 0)
	errs("setpgid to a negative group", einval, sysSetpgid, 0, -1)
	errs("setpgid of a negative process", esrch, sysSetpgid, -1, 0)
	errs("setpgid to no group", eperm, sysSetpgid, child, 29999)
	must("setpgid of a session leader to its own group", sysSetpgid, 0, 0)
	must("setpgid of a child", sysSetpgid, child, child)
	errs("setpgid of a session leader", eperm, sysSetpgid, 0, child)
	eq("its group", must("getpgid", sysGetpgid, child), child)
	must("setpgid back", sysSetpgid, child, getpid())
	down.post()
	for { // until it has made its exec
		_, e := call(sysSetpgid, child, child)
		if e == eacces {
			break
		}
		eq("setpgid", e, 0)
		yield()
	}
	kill(child, sigKILL)
	reap(child, sigKILL)
	// A child in another session is out of reach.
	child = fork(func() {
		must("setsid", sysSetsid)
		up.post()
		down.wait()
	})
	up.wait()
	errs("setpgid of a child in another session", eperm, sysSetpgid, child, getpid())
	reapOK(fork(func() {
		must("setpgid of oneself into another session's group", sysSetpgid, 0, child) // nothing in proc_enterpgrp asks for the session then
		errs("setpgid of no descendant", esrch, sysSetpgid, child, child)
	}))
	down.post()
	reapOK(child)
}

func jobSetsid() {
	errs("setsid of a group leader", eperm, sysSetsid)
	reapOK(fork(func() {
		sid := must("setsid", sysSetsid)
		eq("setsid's result", sid, getpid())
		eq("getpgrp", must("getpgrp", sysGetpgrp), sid)
		eq("getsid", must("getsid", sysGetsid, 0), sid)
		errs("setsid again", eperm, sysSetsid)
	}))
	// A group of the caller's id is in the way, even without the caller.
	var up, down pipe
	up.open()
	down.open()
	reapOK(fork(func() {
		must("setpgid", sysSetpgid, 0, 0)
		member := fork(func() {
			up.post()
			down.wait()
		})
		up.wait()
		must("setpgid to the parent's group", sysSetpgid, 0, getppid2())
		errs("setsid with a group of that id", eperm, sysSetsid)
		down.post()
		reapOK(member)
		must("setsid", sysSetsid)
	}))
}

func getppid2() int { return must("getpgid", sysGetpgid, getppid()) }

// orphanMember reports what reaches it.
func orphanMember(p *pipe) {
	catch(sigHUP, 0)
	catch(sigCONT, 0)
	block(sigHUP, sigCONT)
	p.post()
	for {
		p.send(byte(sigwait(bit(sigHUP) | bit(sigCONT))))
	}
}

// The parent of a group's last qualified member exits: the stopped member gets SIGHUP
// and SIGCONT; in 2003 every member gets them.
func jobOrphan() {
	var a, b, up pipe
	a.open()
	b.open()
	up.open()
	middle := fork(func() {
		leader := fork(func() {
			must("setpgid", sysSetpgid, 0, 0)
			fork(func() { orphanMember(&b) })
			b.wait()
			orphanMember(&a)
		})
		a.wait()
		kill(leader, sigSTOP)
		got, st := wait4(leader, wUNTRACED)
		eq("wait4", got, leader)
		eq("status", st, stopped(sigSTOP))
		var id [1]int32
		id[0] = int32(leader)
		must("write", sysWrite, int(up.w), ptr(&id), 4)
	})
	var id [1]int32
	must("read", sysRead, int(up.r), ptr(&id), 4)
	reapOK(middle)
	eq("(27) first signal of the stopped member", int(a.wait()), sigHUP)
	eq("(27) its second signal", int(a.wait()), sigCONT)
	if !release10 {
		eq("(27) first signal of the other member", int(b.wait()), sigHUP)
		eq("(27) its second signal", int(b.wait()), sigCONT)
	} else {
		kill(-int(id[0]), sigCONT)
		eq("the only signal of the other member", int(b.wait()), sigCONT)
	}
	kill(-int(id[0]), sigKILL)
	awaitGone(-int(id[0]))
}

// With another member whose parent is in another group of the session, the group is
// not orphaned, and nobody hears of the exit.
func jobNotOrphan() {
	var a, up, down pipe
	a.open()
	up.open()
	down.open()
	keeper := fork(func() {
		must("setpgid", sysSetpgid, 0, 0)
		down.wait()
	})
	call(sysSetpgid, keeper, keeper)
	middle := fork(func() {
		member := fork(func() {
			must("setpgid", sysSetpgid, 0, keeper)
			orphanMember(&a)
		})
		a.wait()
		kill(member, sigSTOP)
		wait4(member, wUNTRACED)
		var id [1]int32
		id[0] = int32(member)
		must("write", sysWrite, int(up.w), ptr(&id), 4)
	})
	var id [1]int32
	must("read", sysRead, int(up.r), ptr(&id), 4)
	reapOK(middle)
	kill(int(id[0]), sigCONT)
	eq("the member's first signal", int(a.wait()), sigCONT)
	kill(int(id[0]), sigKILL)
	down.post()
	reapOK(keeper)
	awaitGone(int(id[0]))
}

// SIGTSTP and its like do not stop a member of an orphaned group.
func jobOrphanTTYStop() {
	var up, down pipe
	up.open()
	down.open()
	pid := fork(func() {
		must("setsid", sysSetsid)
		for _, sig := range [...]int{sigTSTP, sigTTIN, sigTTOU} {
			kill(getpid(), sig)
		}
	})
	got, st := wait4(pid, wUNTRACED)
	eq("wait4", got, pid)
	eq("status", st, 0)
	pid = fork(func() {
		kill(getpid(), sigSTOP)
	})
	got, st = wait4(pid, wUNTRACED)
	eq("wait4", got, pid)
	eq("SIGSTOP stops all the same", st, stopped(sigSTOP))
	kill(pid, sigCONT)
	reapOK(pid)
	// In a group that is not orphaned they do.
	pid = fork(func() {
		must("setpgid", sysSetpgid, 0, 0)
		kill(getpid(), sigTSTP)
	})
	got, st = wait4(pid, wUNTRACED)
	eq("wait4", got, pid)
	eq("SIGTSTP where somebody could continue it", st, stopped(sigTSTP))
	kill(pid, sigCONT)
	reapOK(pid)
}

// The parent leaves for a session of its own: the child's group is orphaned by that.
func jobSetsidOrphan() {
	var a, up pipe
	a.open()
	up.open()
	middle := fork(func() {
		member := fork(func() {
			must("setpgid", sysSetpgid, 0, 0)
			orphanMember(&a)
		})
		a.wait()
		kill(member, sigSTOP)
		wait4(member, wUNTRACED)
		must("setsid", sysSetsid)
		eq("first signal", int(a.wait()), sigHUP)
		eq("second signal", int(a.wait()), sigCONT)
		kill(member, sigKILL)
		reap(member, sigKILL)
	})
	reapOK(middle)
}

func jobIDs() {
	eq("getsid(0)", must("getsid", sysGetsid, 0), getpid())
	eq("getpgid(0)", must("getpgid", sysGetpgid, 0), getpid())
	errs("getsid of nobody", esrch, sysGetsid, 29999)
	errs("getpgid of nobody", esrch, sysGetpgid, 29999)
	reapOK(fork(func() {
		eq("a child's session", must("getsid", sysGetsid, 0), getppid())
		eq("a child's group", must("getpgrp", sysGetpgrp), getppid())
	}))
}
