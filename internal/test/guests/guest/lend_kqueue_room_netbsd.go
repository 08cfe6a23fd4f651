package main

// Cases about EVFILT_WRITE of pipes whose ends are lent. pipe_read tells of each read, be the pipe full or not, which who writes until
// there is no room need not hear.

var lendRoomCases = []testCase{
	{"lend_kqueue_room_of_a_pipe_that_was_lent", lendRoomOfLent},
	{"lend_kqueue_room_once_O_NONBLOCK_is_cleared", lendRoomOfBlocking},
	{"lend_kqueue_room_O_NONBLOCK_cleared_by_a_sharer", lendRoomOfSharer},
	{"lend_kqueue_room_read_by_a_sleeper", lendRoomOfSleeper},
}

// told has kq's events taken, then half a kilobyte written to q and read again, of which there must be one event.
func (k *lentKqueue) told(q *pipe) {
	for k.ask() > 0 {
	}
	must("write", sysWrite, int(q.w), ptr(&lendPipeBuf), 512)
	must("read", sysRead, int(q.r), ptr(&lendPipeBuf), 512)
	eq("events of room", k.ask(), 1)
	eq("ident", int(lendEvents[0].ident), int(q.w))
	eq("filter", int(lendEvents[0].filter), evfiltWRITE)
	eq("data", int(lendEvents[0].data), pipeMax)
}

func lendRoomOfLent() {
	for range 3 {
		k := lentKqueue{kq: must("kqueue", sysKqueue)}
		var q pipe
		q.openLent()
		register(k.kq, int(q.w), evfiltWRITE, evADD|evCLEAR, 0)
		for range 2 * lendUses {
			k.told(&q)
		}
		register(k.kq, int(q.w), evfiltWRITE, evDELETE, 0)
		q.use() // it is lent again
		register(k.kq, int(q.w), evfiltWRITE, evADD|evCLEAR, 0)
		k.told(&q)
		must("close", sysClose, k.kq)
		q.closeR()
		q.closeW()
	}
}

// nonblocking opens a kqueue that is lent, with the room of a pipe whose writes do not wait.
func (k *lentKqueue) nonblocking(q *pipe) {
	k.open()
	q.open()
	q.setfl(q.w, oNONBLOCK)
	register(k.kq, int(q.w), evfiltWRITE, evADD|evCLEAR, 0)
	k.roomAgain(q)
}

// roomAgain uses pipe and kqueue until both are lent.
func (k *lentKqueue) roomAgain(q *pipe) {
	for range 6 * lendUses {
		q.post()
		q.wait()
		k.ask()
	}
}

func lendRoomOfBlocking() {
	for range 3 {
		var k lentKqueue
		var q pipe
		k.nonblocking(&q)
		for range 3 {
			q.setfl(q.w, 0)
			for range 3 {
				k.told(&q)
			}
			q.setfl(q.w, oNONBLOCK)
			k.roomAgain(&q)
		}
		k.close()
		q.closeR()
		q.closeW()
	}
}

// lendRoomOfSharer: the flag is the open file's, and so another process's, too.
func lendRoomOfSharer() {
	var k lentKqueue
	var q pipe
	k.nonblocking(&q)
	reapOK(fork(func() { q.setfl(q.w, 0) }))
	k.told(&q)
	k.told(&q)
	// The sharer may also be who reads.
	var to, from pipe
	to.open()
	from.open()
	pid := fork(func() {
		for range 3 * lendUses {
			to.wait()
			must("read", sysRead, int(q.r), ptr(&lendPipeBuf), 512)
			from.post()
		}
	})
	for range 3 * lendUses {
		for k.ask() > 0 {
		}
		must("write", sysWrite, int(q.w), ptr(&lendPipeBuf), 512)
		to.post()
		from.wait()
		eq("events of room", k.ask(), 1)
	}
	reapOK(pid)
}

// lendRoomOfSleeper: who is asleep in a read when somebody begins to hear of that, and is woken by what is written at once.
func lendRoomOfSleeper() {
	var q, ack pipe
	q.open()
	ack.open()
	pid := fork(func() {
		q.closeW()
		for must("read", sysRead, int(q.r), ptr(&lendPipeBuf), 512) > 0 {
			ack.post()
		}
	})
	for range 40 {
		for range lendUses {
			must("write", sysWrite, int(q.w), ptr(&lendPipeBuf), 512)
			ack.wait()
		}
		k := lentKqueue{kq: must("kqueue", sysKqueue)}
		register(k.kq, int(q.w), evfiltWRITE, evADD|evCLEAR, 0)
		for k.ask() > 0 {
		}
		must("write", sysWrite, int(q.w), ptr(&lendPipeBuf), 512)
		eq("events of room", k.timed(&anHour), 1)
		ack.wait()
		must("close", sysClose, k.kq)
	}
	q.closeW()
	reapOK(pid)
}
