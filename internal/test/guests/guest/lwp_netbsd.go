package main

import "unsafe"

// Cases about LWPs.

var lwpCases = []testCase{
	{"lwp_create_and_wait", lwpWaits},
	{"lwp_wait_errors", lwpWaitErrors},
	{"lwp_wait_for_any", lwpWaitAny},
	{"lwp_61_detached_cannot_be_waited_for", lwpDetach},
	{"lwp_suspend_and_continue", lwpSuspend},
	{"lwp_created_suspended", lwpCreatedSuspended},
	{"lwp_suspend_errors", lwpSuspendErrors},
	{"lwp_wakeup_ends_a_sleep", lwpWakeup},
	{"lwp_kill_reaches_that_LWP", lwpKill},
	{"lwp_park_and_unpark", lwpPark},
	{"lwp_unpark_before_park", lwpUnparkFirst},
	{"lwp_park_times_out", lwpParkTimeout},
	{"lwp_unpark_all", lwpUnparkAll},
	{"lwp_names", lwpNames},
	{"lwp_create_errors", lwpCreateErrors},
	{"lwp_private_is_each_ones_own", lwpPrivate},
	{"lwp_spinning_one_can_be_stopped", lwpSpinStop},
}

var cells [8]int

func lwpWaits() {
	for i := range 30 {
		lid := lwpCreate(1, 0, func() { add(&cells[0]) })
		var departed int32
		must("_lwp_wait", sysLwpWait, lid, ptr(&departed))
		eq("departed", int(departed), lid)
		eq("the LWP's work", load(&cells[0]), i+1)
	}
	lid := lwpCreateAt(1, 0, addrOf(addrBareLWP), nil)
	must("_lwp_wait for a bare one", sysLwpWait, lid, 0)
	errs("_lwp_wait twice", esrch, sysLwpWait, lid, 0)
}

func lwpWaitErrors() {
	self := must("_lwp_self", sysLwpSelf)
	errs("_lwp_wait for oneself", edeadlk, sysLwpWait, self, 0)
	errs("_lwp_wait for nobody", esrch, sysLwpWait, 999, 0)
	// Two that would wait for each other.
	lid := lwpCreate(1, 0, func() {
		_, e := call(sysLwpWait, self, 0)
		cells[0] = e
	})
	_, e := call(sysLwpWait, lid, 0)
	if e == 0 {
		eq("the other's _lwp_wait", cells[0], edeadlk)
		return
	}
	eq("_lwp_wait in a circle", e, edeadlk)
	call(sysLwpExit) // the other one's wait succeeds, and it ends the process
}

func lwpWaitAny() {
	var seen [8]int
	var lids [3]int
	for i := range lids {
		lids[i] = lwpCreate(1+i, 0, func() {})
	}
	for range lids {
		var departed int32
		must("_lwp_wait", sysLwpWait, 0, ptr(&departed))
		for i, lid := range lids {
			if lid == int(departed) {
				seen[i]++
			}
		}
	}
	for i := range lids {
		eq("times departed", seen[i], 1)
	}
	errs("_lwp_wait with nobody left", esrch, sysLwpWait, 0, 0)
}

func lwpDetach() {
	var p pipe
	p.open()
	lid := lwpCreate(1, lwpDETACHED, func() { p.wait() })
	errs("_lwp_wait for a detached one", einval, sysLwpWait, lid, 0)
	errs("_lwp_detach twice", einval, sysLwpDetach, lid)
	p.post()
	for {
		if _, e := call(sysLwpKill, lid, 0); e == esrch {
			break
		}
		yield()
	}
	lid = lwpCreate(1, 0, func() { p.wait() })
	must("_lwp_detach", sysLwpDetach, lid)
	errs("_lwp_wait after _lwp_detach", einval, sysLwpWait, lid, 0)
	p.post()
	errs("_lwp_detach of nobody", esrch, sysLwpDetach, 999)
}

// A suspended LWP stands still, in user mode as well as in the kernel.
func lwpSuspend() {
	lid := lwpCreateAt(1, lwpDETACHED, addrOf(addrSpinLWP), nil)
	for range 10 {
		n := load(&spins)
		for load(&spins) == n {
			yield()
		}
		must("_lwp_suspend", sysLwpSuspend, lid)
		n = load(&spins)
		for range 1000 {
			yield()
		}
		eq("count of a suspended LWP", load(&spins), n)
		must("_lwp_suspend again", sysLwpSuspend, lid)
		must("_lwp_continue", sysLwpContinue, lid)
	}
	var p pipe
	p.open()
	sleeper := lwpCreate(2, 0, func() {
		p.wait()
		cells[1] = 1
	})
	must("_lwp_suspend of a sleeper", sysLwpSuspend, sleeper)
	p.post()
	for range 1000 {
		yield()
	}
	eq("work of a suspended sleeper", load(&cells[1]), 0)
	must("_lwp_continue", sysLwpContinue, sleeper)
	must("_lwp_wait", sysLwpWait, sleeper, 0)
	eq("work after _lwp_continue", load(&cells[1]), 1)
}

func lwpCreatedSuspended() {
	lid := lwpCreate(1, lwpSUSPENDED, func() { cells[0] = 1 })
	for range 1000 {
		yield()
	}
	eq("work of an LWP created suspended", load(&cells[0]), 0)
	must("_lwp_continue", sysLwpContinue, lid)
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("work", load(&cells[0]), 1)
}

func lwpSuspendErrors() {
	self := must("_lwp_self", sysLwpSelf)
	errs("_lwp_suspend of the only one", edeadlk, sysLwpSuspend, self)
	errs("_lwp_suspend of nobody", esrch, sysLwpSuspend, 999)
	errs("_lwp_continue of nobody", esrch, sysLwpContinue, 999)
	// One that suspends itself goes on when the other says so.
	lid := lwpCreate(1, 0, func() {
		me, _ := call(sysLwpSelf)
		call(sysLwpSuspend, me)
		cells[0] = 1
	})
	for load(&cells[0]) == 0 {
		call(sysLwpContinue, lid)
		yield()
	}
	must("_lwp_wait", sysLwpWait, lid, 0)
}

// wakeFromSleep ends the sleep of an LWP by _lwp_wakeup(2), as soon as it has begun: ENODEV until then.
func wakeFromSleep(lid int) {
	for {
		_, e := call(sysLwpWakeup, lid)
		if e == 0 || e == esrch {
			break
		}
		eq("_lwp_wakeup before the sleep", e, enodev)
		yield()
	}
}

func lwpWakeup() {
	var p pipe
	p.open()
	lid := lwpCreate(1, 0, func() {
		var b byte
		_, e := call(sysRead, int(p.r), ptr(&b), 1)
		cells[0] = e
	})
	wakeFromSleep(lid)
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("the read that was ended", cells[0], eintr)
	errs("_lwp_wakeup of nobody", esrch, sysLwpWakeup, 999)
}

func lwpKill() {
	catch(sigUSR1, 0)
	block(sigUSR1) // new LWPs inherit the mask
	var up, down pipe
	up.open()
	down.open()
	lid := lwpCreate(1, 0, func() {
		up.post()
		down.wait()
		cells[0] = int(pending())
		unblock(sigUSR1)
		cells[1] = sigCount[sigUSR1]
	})
	up.wait()
	must("_lwp_kill", sysLwpKill, lid, sigUSR1)
	eq("pending for this LWP", int(pending()), 0)
	down.post()
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("pending for the other", cells[0], int(bit(sigUSR1)))
	eq("delivered to the other", cells[1], 1)
	eq("si_code", infoCode(&lastInfo[sigUSR1]), siLWP)
	errs("_lwp_kill of nobody", esrch, sysLwpKill, 999, sigUSR1)
	errs("_lwp_kill with no signal", einval, sysLwpKill, must("_lwp_self", sysLwpSelf), 64)
	must("_lwp_kill with 0", sysLwpKill, must("_lwp_self", sysLwpSelf), 0)
}

func park() int {
	_, e := call(sysLwpPark, 3, 0, 0, 0, 0, 0)
	return e
}

func lwpPark() {
	lid := lwpCreate(1, 0, func() {
		for load(&cells[0]) == 0 {
			park()
		}
	})
	add(&cells[0])
	if _, e := call(sysLwpUnpark, lid); e != 0 {
		eq("_lwp_unpark of one that may have gone", e, esrch)
	}
	must("_lwp_wait", sysLwpWait, lid, 0)
	errs("_lwp_unpark of nobody", esrch, sysLwpUnpark, lid)
	// Ping-pong in one call: unpark the other and sleep.
	self := must("_lwp_self", sysLwpSelf)
	lid = lwpCreate(1, 0, func() {
		for i := 1; i < 200; i += 2 {
			for load(&cells[1]) != i {
				call(sysLwpPark, 3, 0, 0, 0, 0, 0)
			}
			add(&cells[1])
			call(sysLwpUnpark, self)
		}
	})
	for i := 0; i < 200; i += 2 {
		add(&cells[1])
		call(sysLwpPark, 3, 0, 0, lid, 0, 0)
		for load(&cells[1]) != i+2 {
			park()
		}
	}
	must("_lwp_wait", sysLwpWait, lid, 0)
}

func lwpUnparkFirst() {
	self := must("_lwp_self", sysLwpSelf)
	must("_lwp_unpark of oneself", sysLwpUnpark, self)
	eq("_lwp_park after it", park(), ealready)
	catch(sigALRM, 0)
	setitimer(0, 1000, 0)
	for sigCount[sigALRM] == 0 {
		if e := park(); e != eintr && e != 0 {
			eq("_lwp_park and a signal", e, eintr)
		}
	}
}

func lwpParkTimeout() {
	ts := [2]int64{0, 2e6}
	errs("_lwp_park with a relative time", etimedout, sysLwpPark, 3, 0, ptr(&ts), 0, 0, 0)
	eq("time left, seconds", int(ts[0]), 0)
	eq("time left, nanoseconds", int(ts[1]), 0)
	var now [2]int64
	must("clock_gettime", sysClockGettime, 3, ptr(&now))
	errs("_lwp_park with a time that has passed", etimedout, sysLwpPark, 3, 1, ptr(&now), 0, 0, 0)
	ts = [2]int64{0, 2e9}
	errs("_lwp_park with a bad time", einval, sysLwpPark, 3, 0, ptr(&ts), 0, 0, 0)
}

var lidList [4]int32

func lwpUnparkAll() {
	for i := range lidList {
		lidList[i] = int32(lwpCreate(1+i, 0, func() {
			for load(&cells[0]) == 0 {
				park()
			}
			for load(&cells[1]) == 0 { // an LWP that has ended would be ESRCH (lwp_unpark)
				yield()
			}
		}))
	}
	add(&cells[0])
	must("_lwp_unpark_all", sysLwpUnparkAll, ptr(&lidList), len(lidList), 0)
	add(&cells[1])
	for _, lid := range lidList {
		must("_lwp_wait", sysLwpWait, int(lid), 0)
	}
	yes("_lwp_unpark_all's limit", must("_lwp_unpark_all", sysLwpUnparkAll, 0, 0, 0) > 0)
}

var nameBuf [32]byte

func lwpNames() {
	self := must("_lwp_self", sysLwpSelf)
	must("_lwp_setname", sysLwpSetname, self, cstr("fred\x00"))
	must("_lwp_getname", sysLwpGetname, self, ptr(&nameBuf), len(nameBuf))
	yes("name", string(nameBuf[:5]) == "fred\x00")
	must("_lwp_setname of 0", sysLwpSetname, 0, cstr("sixteen bytes 16, and more\x00"))
	must("_lwp_getname of 0", sysLwpGetname, 0, ptr(&nameBuf), len(nameBuf))
	yes("MAXCOMLEN - 1 bytes of a name", string(nameBuf[:16]) == "sixteen bytes 1\x00")
	errs("_lwp_setname with a bad name", efault, sysLwpSetname, self, nowhere)
	errs("_lwp_setname of nobody", esrch, sysLwpSetname, 999, cstr("x\x00"))
}

func lwpCreateErrors() {
	var uc ucontext
	var lid int32
	must("getcontext", sysGetcontext, ptr(&uc))
	errs("_lwp_create with a bad context", efault, sysLwpCreate, nowhere, 0, ptr(&lid))
	uc[0] &^= ucCPU
	errs("_lwp_create without registers", einval, sysLwpCreate, ptr(&uc), 0, ptr(&lid))
	must("getcontext", sysGetcontext, ptr(&uc))
	uc[regRIP] = uint64(addrOf(addrBareLWP))
	if _, e := call(sysLwpCreate, ptr(&uc), 0, nowhere); e == 0 {
		// NetBSD may have started it by then; it must be there.
		must("_lwp_wait", sysLwpWait, 0, 0)
	} else {
		eq("_lwp_create with nowhere to put the id", e, efault)
	}
	uc[regRIP] = 1 << 63
	errs("_lwp_create outside user space", einval, sysLwpCreate, ptr(&uc), 0, ptr(&lid))
}

func lwpPrivate() {
	// The g is found below the pointer, wherever that points.
	*(*uintptr)(unsafe.Pointer(&tlsArea[32])) = uintptr(unsafe.Pointer(&theG))
	lid := lwpCreate(1, 0, func() {
		must("_lwp_setprivate", 317, ptr(&tlsArea)+40)
		cells[0], _ = call(316)
		must("_lwp_setprivate", 317, ptr(&tlsArea)+32)
	})
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("the other's private pointer", cells[0], ptr(&tlsArea)+40)
	eq("ours", must("_lwp_getprivate", 316), ptr(&tlsArea)+32)
}

// A process whose LWPs spin stops as a whole.
func lwpSpinStop() {
	pid := fork(func() {
		lwpCreateAt(1, 0, addrOf(addrSpinLWP), nil)
		lwpCreateAt(2, 0, addrOf(addrGetpidLoop), nil)
		lwpCreate(3, 0, func() { park() })
		for {
			add(&cells[0])
		}
	})
	for range 3 {
		kill(pid, sigSTOP)
		got, st := wait4(pid, wUNTRACED)
		eq("wait4", got, pid)
		eq("status", st, stopped(sigSTOP))
		kill(pid, sigCONT)
	}
	kill(pid, sigKILL)
	reap(pid, sigKILL)
}
