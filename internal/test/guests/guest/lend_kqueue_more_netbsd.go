package main

const (
	evENABLE   = 4
	evDISABLE  = 8
	evONESHOT  = 0x10
	evDISPATCH = 0x80
	noteLOWAT  = 1
)

// again uses the kqueue until it is lent again.
func (k *lentKqueue) again() {
	for range 6 * lendUses {
		k.p.post()
		k.one(int(k.p.r), 77, 1)
		k.p.wait()
	}
}

func (k *lentKqueue) close() {
	must("close", sysClose, k.kq)
	k.p.closeR()
	k.p.closeW()
}

// ask asks without waiting.
func (k *lentKqueue) ask() int {
	return must("kevent", sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, ptr(&noTime))
}

// with has the event of the pipe with other flags, while f runs.
func (k *lentKqueue) with(flags int, f func()) {
	register(k.kq, int(k.p.r), evfiltREAD, evDELETE, 0)
	register(k.kq, int(k.p.r), evfiltREAD, evADD|flags, 0)
	f()
	call(sysKevent, k.kq, ptr(&keventT{ident: uint64(k.p.r), filter: evfiltREAD, flags: evDELETE}), 1, 0, 0, 0)
	k.watch(int(k.p.r), 77)
	k.again()
}

// lendKqueueFlags: kevent(2) of EV_ONESHOT, EV_DISPATCH, EV_DISABLE and none, in a kqueue that was lent and is again.
func lendKqueueFlags() {
	var k lentKqueue
	k.open()
	for range 3 {
		k.with(evONESHOT, func() {
			k.p.post()
			eq("EV_ONESHOT", k.ask(), 1)
			k.p.post()
			eq("EV_ONESHOT again", k.ask(), 0)
			k.p.wait()
			k.p.wait()
		})
		k.with(evDISPATCH, func() {
			k.p.post()
			eq("EV_DISPATCH", k.ask(), 1)
			k.p.post()
			eq("EV_DISPATCH again", k.ask(), 0)
			register(k.kq, int(k.p.r), evfiltREAD, evENABLE, 0)
			eq("EV_ENABLE", k.ask(), 1)
			eq("data", int(lendEvents[0].data), 2)
			k.p.wait()
			k.p.wait()
		})
		k.with(evCLEAR, func() {
			register(k.kq, int(k.p.r), evfiltREAD, evDISABLE, 0)
			k.p.post()
			eq("EV_DISABLE", k.ask(), 0)
			register(k.kq, int(k.p.r), evfiltREAD, evENABLE, 0)
			eq("EV_ENABLE", k.ask(), 1)
			k.p.wait()
		})
		k.with(0, func() {
			for range 6 * lendUses {
				k.p.post()
				eq("level", k.ask(), 1)
				eq("flags", int(lendEvents[0].flags), evADD)
				eq("level again", k.ask(), 1)
				k.p.wait()
				eq("nothing", k.ask(), 0)
			}
		})
	}
}

// lendKqueueDup: a kqueue of two descriptors is one kqueue. Who sleeps by one of them while that is closed hears EBADF, and what comes
// is told by the other.
func lendKqueueDup() {
	for range 5 {
		var k lentKqueue
		k.open()
		twin := must("dup", sysDup, k.kq)
		for range 2 * lendUses {
			k.p.post()
			eq("events by the other descriptor", must("kevent", sysKevent, twin, 0, 0, ptr(&lendEvents), manyEvents, 0), 1)
			k.none("told by the other")
			k.p.post()
			k.one(int(k.p.r), 77, 2)
			k.p.wait()
			k.p.wait()
		}
		lid := k.sleep()
		must("close", sysClose, k.kq)
		must("_lwp_wait", sysLwpWait, lid, 0)
		eq("kevent of what is closed", cells[2], ebadf)
		k.kq = twin
		k.p.post()
		k.one(int(k.p.r), 77, 1)
		k.p.wait()
		k.again()
		k.close()
	}
}

// lendKqueueTimeout: a time that is over is no event, and what comes before it is.
func lendKqueueTimeout() {
	var k lentKqueue
	k.open()
	short, long := [2]int{0, 1_000_000}, [2]int{3600, 0}
	for range 10 {
		eq("a millisecond", must("kevent", sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, ptr(&short)), 0)
		pid := fork(func() { k.p.post() })
		eq("an hour", must("kevent", sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, ptr(&long)), 1)
		reapOK(pid)
		k.p.wait()
		k.again()
	}
}

// lendKqueueRoom: a full pipe has room for PIPE_BUF again when it has been read (filt_pipewrite). Of each read of one that was not
// full pipe_read tells, too: who does not write until there is no room waits for that.
func lendKqueueRoom() {
	var k lentKqueue
	k.open()
	var q pipe
	q.open()
	register(k.kq, int(q.w), evfiltWRITE, evADD|evCLEAR, 0)
	for range 3 * lendUses {
		for k.ask() > 0 {
		}
		must("write", sysWrite, int(q.w), ptr(&lendPipeBuf), 512)
		must("read", sysRead, int(q.r), ptr(&lendPipeBuf), 512)
		eq("room", must("kevent", sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, 0), 1)
		eq("filter", int(lendEvents[0].filter), evfiltWRITE)
		eq("data", int(lendEvents[0].data), pipeMax)
	}
	register(k.kq, int(q.w), evfiltWRITE, evDELETE, 0)
	q.setfl(q.w, oNONBLOCK)
	register(k.kq, int(q.w), evfiltWRITE, evADD|evCLEAR, 0)
	for range 3 * lendUses {
		for k.ask() > 0 {
		}
		for {
			if _, e := call(sysWrite, int(q.w), ptr(&lendPipeBuf), 4096); e != 0 {
				eq("write to a full pipe", e, eagain)
				break
			}
		}
		k.none("there is no room")
		pid := fork(func() { must("read", sysRead, int(q.r), ptr(&lendPipeBuf), pipeMax) })
		eq("room", must("kevent", sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, 0), 1)
		eq("filter", int(lendEvents[0].filter), evfiltWRITE)
		yes("data is less than PIPE_BUF", lendEvents[0].data >= 512)
		reapOK(pid)
	}
}

// lendKqueueNested: a kqueue is itself something to wait for.
func lendKqueueNested() {
	var k lentKqueue
	k.open()
	outer := must("kqueue", sysKqueue)
	for range 5 {
		register(outer, k.kq, evfiltREAD, evADD, 0)
		for range 2 * lendUses {
			k.p.post()
			ev := next(outer)
			eq("ident", int(ev.ident), k.kq)
			eq("events of the inner one", int(ev.data), 1)
			k.one(int(k.p.r), 77, 1)
			eq("nothing", must("kevent", sysKevent, outer, 0, 0, ptr(&lendEvents), 1, ptr(&noTime)), 0)
			k.p.wait()
		}
		register(outer, k.kq, evfiltREAD, evDELETE, 0)
		k.again()
	}
}

// lendKqueueStop: a process whose LWP sleeps there stops and goes on, and the sleep with it.
func lendKqueueStop() {
	var k lentKqueue
	var q pipe
	pid := k.waiterFor(&q, 1, 0)
	stopAndGoOn(pid)
	k.p.post()
	reapOK(pid)
}

func lendKqueueFork() {
	var k lentKqueue
	k.open()
	for range 10 {
		reapOK(fork(func() {
			errs("kevent of a child", ebadf, sysKevent, k.kq, 0, 0, ptr(&lendEvents), manyEvents, ptr(&noTime))
		}))
		k.p.post()
		k.one(int(k.p.r), 77, 1)
		k.p.wait()
	}
}
