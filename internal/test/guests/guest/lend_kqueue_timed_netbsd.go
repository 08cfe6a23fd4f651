package main

// Cases about LWPs that wait for a time in a kqueue that is lent: they sleep in the host, too, and what ends that sleep early ends it as
// kqueue_scan does.

var lendTimedCases = []testCase{
	{"lend_kqueue_timed_tells_what_comes", lendTimedTells},
	{"lend_kqueue_timed_is_over", lendTimedOver},
	{"lend_kqueue_timed_times_that_are_none", lendTimedInvalid},
	{"lend_kqueue_timed_EINTR_even_with_SA_RESTART", lendTimedIntr},
	{"lend_kqueue_timed_a_sleeper_hears_of_other_events", lendTimedOthers},
	{"lend_kqueue_timed_goes_on_when_it_is_taken_back", lendTimedTaken},
	{"lend_kqueue_timed_two_descriptors", lendTimedDup},
	{"lend_kqueue_timed_stop_and_continue", lendTimedStop},
	{"lend_kqueue_timed_vfork_and_fork", lendTimedFork},
	{"lend_kqueue_timed_exit_of_a_sleeper", lendTimedExit},
}

var anHour = [2]int{3600, 1}

// clockNow is CLOCK_MONOTONIC in nanoseconds.
func clockNow() int {
	var now [2]int
	must("clock_gettime", sysClockGettime, 3, ptr(&now))
	return now[0]*1_000_000_000 + now[1]
}

// timed asks with a time.
func (k *lentKqueue) timed(ts *[2]int) int {
	return must("kevent", sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, ptr(ts))
}

// lendTimedTells: what has come is told at once, and what comes ends the sleep.
func lendTimedTells() {
	var k lentKqueue
	var q pipe
	k.open()
	q.open()
	pid := fork(func() {
		for range 2 * lendUses {
			q.wait()
			k.p.post()
		}
	})
	for i := range 2 * lendUses {
		q.post()
		if i%2 == 0 {
			k.p.wait()
			k.p.post()
		}
		eq("events", k.timed(&anHour), 1)
		eq("ident", int(lendEvents[0].ident), int(k.p.r))
		eq("flags", int(lendEvents[0].flags), evADD|evCLEAR)
		eq("data", int(lendEvents[0].data), 1)
		eq("udata", int(lendEvents[0].udata), 77)
		k.none("it is told of once")
		k.p.wait()
	}
	reapOK(pid)
}

// lendTimedOver: without an event a sleep lasts no shorter than it is to (tstohz).
func lendTimedOver() {
	var k lentKqueue
	k.open()
	for _, nsec := range []int{1, 999, 200_000, 1_000_000, 49_999_999, 50_000_000, 61_000_000} {
		ts := [2]int{0, nsec}
		begin := clockNow()
		eq("events", k.timed(&ts), 0)
		yes("it has ended early", clockNow()-begin >= nsec)
	}
	ts := [2]int{1, 0}
	begin := clockNow()
	eq("events", k.timed(&ts), 0)
	yes("a second has ended early", clockNow()-begin >= 1_000_000_000)
	k.p.post()
	eq("events", k.timed(&ts), 1)
}

// lendTimedInvalid: itimespecfix. What there is stays to be told.
func lendTimedInvalid() {
	var k lentKqueue
	k.open()
	k.p.post()
	for _, ts := range [][2]int{{1, 1_000_000_000}, {0, -1}, {-1, 0}, {-1 << 63, 0}, {1, -1 << 63}} {
		errs("kevent", einval, sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, ptr(&ts))
	}
	m := anywhere(2 * page)
	must("munmap", sysMunmap, m+page, page)
	errs("kevent with half a time", efault, sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, m+page-8)
	k.one(int(k.p.r), 77, 1)
	for _, ts := range [][2]int{{1 << 40, 0}, {1<<63 - 1, 999_999_999}} {
		k.p.post()
		eq("a long time", k.timed(&ts), 1)
	}
}

func lendTimedIntr() {
	var k lentKqueue
	k.open()
	catch(sigUSR1, saRESTART)
	for i := range 10 {
		lid := k.sleepFor(ptr(&anHour))
		must("_lwp_kill", sysLwpKill, lid, sigUSR1)
		must("_lwp_wait", sysLwpWait, lid, 0)
		eq("kevent and a signal", cells[2], eintr)
		eq("signals", sigCount[sigUSR1], i+1)
	}
	k.p.post()
	k.one(int(k.p.r), 77, 1)
}

// lendTimedOthers: who sleeps hears of an event that comes to the kqueue meanwhile.
func lendTimedOthers() {
	var k lentKqueue
	k.open()
	for range 5 {
		lid := k.sleepFor(ptr(&anHour))
		register(k.kq, 9, evfiltUSER, evADD|evCLEAR, 0)
		register(k.kq, 9, evfiltUSER, 0, noteTRIGGER)
		must("_lwp_wait", sysLwpWait, lid, 0)
		eq("error", cells[2], 0)
		eq("filter", cells[1], evfiltUSER)
		register(k.kq, 9, evfiltUSER, evDELETE, 0)
		k.again()
	}
}

// lendTimedTaken: a sleep ends when it is to, and no earlier, whatever comes to the kqueue and goes.
func lendTimedTaken() {
	var k lentKqueue
	k.open()
	for range 5 {
		ts := [2]int{0, 60_000_000}
		begin := clockNow()
		lid := k.sleepFor(ptr(&ts))
		register(k.kq, 9, evfiltUSER, evADD|evCLEAR, 0)
		register(k.kq, 9, evfiltUSER, evDELETE, 0)
		must("_lwp_wait", sysLwpWait, lid, 0)
		yes("it has ended early", clockNow()-begin >= ts[1])
		eq("error", cells[2], 0)
		eq("events", cells[3], 0)
		k.again()
	}
}

// lendTimedDup: who sleeps by a descriptor that is closed hears EBADF (kqueue_restart).
func lendTimedDup() {
	for range 5 {
		var k lentKqueue
		k.open()
		twin := must("dup", sysDup, k.kq)
		lid := k.sleepFor(ptr(&anHour))
		must("close", sysClose, k.kq)
		must("_lwp_wait", sysLwpWait, lid, 0)
		eq("kevent of what is closed", cells[2], ebadf)
		k.kq = twin
		k.p.post()
		eq("by the other descriptor", k.timed(&anHour), 1)
		k.close()
	}
}

func lendTimedStop() {
	var k lentKqueue
	var q pipe
	pid := k.waiterFor(&q, 1, ptr(&anHour))
	stopAndGoOn(pid)
	k.p.post()
	reapOK(pid)
}

// lendTimedFork: an LWP goes on waiting while another one makes children.
func lendTimedFork() {
	for range 5 {
		var k lentKqueue
		k.open()
		lid := k.sleepFor(ptr(&anHour))
		reapOK(vfork(func() {
			errs("kevent of a vfork child", ebadf, sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, ptr(&anHour))
		}))
		reapOK(fork(func() {
			errs("kevent of a child", ebadf, sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, ptr(&anHour))
		}))
		k.p.post()
		must("_lwp_wait", sysLwpWait, lid, 0)
		eq("error", cells[2], 0)
		eq("events", cells[3], 1)
		k.close()
	}
}

// lendTimedExit: a process ends beside one that sleeps, by exit(2) and by SIGKILL.
func lendTimedExit() {
	for i := range 6 {
		var q pipe
		q.open()
		pid := fork(func() {
			var k lentKqueue
			k.open()
			k.sleepFor(ptr(&anHour))
			if i%2 == 0 {
				exit(0)
			}
			q.post()
			k.timed(&anHour)
		})
		if i%2 == 0 {
			reapOK(pid)
			continue
		}
		q.wait()
		kill(pid, sigKILL)
		reap(pid, sigKILL)
	}
}
