package main

// Cases about kqueues that are used so often that the kernel lends them: who waits in one sleeps in the host, and makes events of
// what it finds there as kqueue_scan of kern_event.c does.

var lendKqueueCases = []testCase{
	{"lend_kqueue_tells_what_comes", lendKqueueTells},
	{"lend_kqueue_EINTR_even_with_SA_RESTART", lendKqueueIntr},
	{"lend_kqueue_a_sleeper_hears_of_other_events", lendKqueueOthers},
	{"lend_kqueue_new_and_closed_descriptors", lendKqueueClose},
	{"lend_kqueue_the_end_of_a_killed_writer", lendKqueueEOF},
	{"lend_kqueue_vfork_child_has_none", lendKqueueVfork},
	{"lend_kqueue_memory_that_ends", lendKqueueFault},
	{"lend_kqueue_flags_of_events", lendKqueueFlags},
	{"lend_kqueue_two_descriptors", lendKqueueDup},
	{"lend_kqueue_timeout", lendKqueueTimeout},
	{"lend_kqueue_room_for_a_write", lendKqueueRoom},
	{"lend_kqueue_in_a_kqueue", lendKqueueNested},
	{"lend_kqueue_stop_and_continue", lendKqueueStop},
	{"lend_kqueue_fork_child_has_none", lendKqueueFork},
	{"lend_kqueue_storm", lendKqueueStorm},
}

const (
	evfiltWRITE = 1
	evfiltUSER  = 8
	evDELETE    = 2
	noteTRIGGER = 0x01000000
	manyEvents  = 16
)

var lendEvents [manyEvents]keventT

// A lentKqueue is a kqueue(2) that hears of one pipe, and was used until all is lent.
type lentKqueue struct {
	kq int
	p  pipe
}

func (k *lentKqueue) open() {
	k.kq = must("kqueue", sysKqueue)
	k.p.open()
	k.watch(int(k.p.r), 77)
	for range 4 * lendUses {
		k.p.post()
		k.one(int(k.p.r), 77, 1)
		k.p.wait()
	}
}

func (k *lentKqueue) watch(fd, udata int) {
	ev := keventT{ident: uint64(fd), filter: evfiltREAD, flags: evADD | evCLEAR, udata: uint64(udata)}
	must("kevent", sysKevent, k.kq, ptr(&ev), 1, 0, 0, 0)
}

// one waits for one event, which is of fd.
func (k *lentKqueue) one(fd, udata, data int) { eq("data", k.oneWithin(0, fd, udata), data) }

// oneWithin is one with the address of a time, and returns the event's data.
func (k *lentKqueue) oneWithin(timeout, fd, udata int) (data int) {
	eq("events", must("kevent", sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, timeout), 1)
	ev := &lendEvents[0]
	eq("ident", int(ev.ident), fd)
	eq("filter", int(ev.filter), evfiltREAD)
	eq("flags", int(ev.flags), evADD|evCLEAR)
	eq("fflags", int(ev.fflags), 0)
	eq("udata", int(ev.udata), udata)
	return int(ev.data)
}

var noTime [2]int

func (k *lentKqueue) none(what string) {
	eq(what, must("kevent", sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, ptr(&noTime)), 0)
}

// lendKqueueTells: EV_CLEAR is told of once each time that something comes, with what there is then.
func lendKqueueTells() {
	var k lentKqueue
	var q pipe
	k.open()
	q.open()
	k.none("nothing has come")
	pid := fork(func() {
		for range lendUses {
			q.wait()
			k.p.post()
			q.wait()
			k.p.post()
		}
	})
	for range lendUses {
		q.post()
		k.one(int(k.p.r), 77, 1)
		k.none("it is told of once")
		q.post()
		k.one(int(k.p.r), 77, 2)
		k.p.wait()
		k.p.wait()
	}
	reapOK(pid)
}

// sleep has another LWP wait for an event, whose filter is then in cells[1] and whose error in cells[2].
func (k *lentKqueue) sleep() (lid int) { return k.sleepFor(0) }

// sleepFor is sleep with the address of a time; cells[3] is how many events there were.
func (k *lentKqueue) sleepFor(timeout int) (lid int) {
	cells[0] = 0
	lid = lwpCreate(1, 0, func() {
		others[0] = newLwpctl()
		add(&cells[0])
		cells[3], cells[2] = call(sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, timeout)
		cells[1] = int(lendEvents[0].filter)
	})
	awaitSleepOrEnd(&others[0], timeout)
	return lid
}

func lendKqueueIntr() {
	var k lentKqueue
	k.open()
	catch(sigUSR1, saRESTART)
	lid := k.sleep()
	must("_lwp_kill", sysLwpKill, lid, sigUSR1)
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("kevent and a signal", cells[2], eintr)
	eq("signals", sigCount[sigUSR1], 1)
	k.p.post()
	k.one(int(k.p.r), 77, 1)
}

// lendKqueueOthers: whoever waits hears of an event that comes to the kqueue meanwhile.
func lendKqueueOthers() {
	for range 5 {
		var k lentKqueue
		k.open()
		lid := k.sleep()
		register(k.kq, 9, evfiltUSER, evADD|evCLEAR, 0)
		register(k.kq, 9, evfiltUSER, 0, noteTRIGGER)
		must("_lwp_wait", sysLwpWait, lid, 0)
		eq("error", cells[2], 0)
		eq("filter", cells[1], evfiltUSER)
		register(k.kq, 9, evfiltUSER, evDELETE, 0)
		for range 2 * lendUses { // it is lent again
			k.p.post()
			k.one(int(k.p.r), 77, 1)
			k.p.wait()
		}
		lid = k.sleep()
		var q pipe
		q.open()
		k.watch(int(q.r), 78)
		q.post()
		must("_lwp_wait", sysLwpWait, lid, 0)
		eq("of a new pipe", int(lendEvents[0].udata), 78)
		must("close", sysClose, k.kq)
		k.p.closeR()
		k.p.closeW()
		q.closeR()
		q.closeW()
	}
}

// lendKqueueClose: what is closed is told of no more, and the same number is another file.
func lendKqueueClose() {
	var k lentKqueue
	k.open()
	for i := range lendUses {
		var q pipe
		q.open()
		k.watch(int(q.r), 100+i)
		for range lendUses / 4 {
			q.post()
			k.one(int(q.r), 100+i, 1)
			q.wait()
		}
		q.post()
		q.closeR()
		q.closeW()
		k.none("closed")
		k.p.post()
		k.one(int(k.p.r), 77, 1)
		k.p.wait()
	}
}

func lendKqueueEOF() {
	var k lentKqueue
	var q pipe
	k.open()
	q.open()
	pid := fork(func() {
		q.post()
		for {
			k.p.post()
		}
	})
	k.p.closeW()
	q.wait()
	kill(pid, sigKILL)
	reap(pid, sigKILL)
	k.p.setfl(k.p.r, oNONBLOCK)
	for must("read", sysRead, int(k.p.r), ptr(&lendPipeBuf), len(lendPipeBuf)) > 0 {
	}
	eq("events", must("kevent", sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, 0), 1)
	yes("EV_EOF is not set", lendEvents[0].flags&evEOF != 0)
}

// lendKqueueVfork: no child has its parent's kqueue, nor one that has its memory; an LWP of the parent's goes on waiting.
func lendKqueueVfork() {
	for range 10 {
		var k lentKqueue
		k.open()
		lid := k.sleep()
		reapOK(vfork(func() {
			errs("kevent of a vfork child", ebadf, sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, ptr(&noTime))
			var q pipe
			q.open()
			must("dup2", sysDup2, int(q.r), k.kq)
			must("dup2", sysDup2, int(q.r), int(k.p.r))
		}))
		k.p.post()
		must("_lwp_wait", sysLwpWait, lid, 0)
		eq("error", cells[2], 0)
		eq("ident", int(lendEvents[0].ident), int(k.p.r))
		must("close", sysClose, k.kq)
		k.p.closeR()
		k.p.closeW()
	}
}

func lendKqueueFault() {
	var k lentKqueue
	k.open()
	m := anywhere(2 * page)
	must("munmap", sysMunmap, m+page, page)
	k.p.post()
	errs("kevent", efault, sysKevent, k.kq, 0, 0, m+page-8, manyEvents, 0)
	k.p.post()
	eq("events", must("kevent", sysKevent, k.kq, 0, 0, m+page-40, manyEvents, 0), 1)
}
