package main

// Cases about the events of processes and signals (kqueue(2)).

var kqueueCases = []testCase{
	{"kqueue_42_NOTE_EXIT_and_status", kqueueExit},
	{"kqueue_NOTE_FORK_and_EXEC", kqueueForkExec},
	{"kqueue_NOTE_TRACK_and_CHILD", kqueueTrack},
	{"kqueue_NOTE_EXIT_of_a_kill", kqueueKill},
	{"kqueue_44_NOTE_EXIT_with_NOCLDWAIT", kqueueNoCldWait},
	{"kqueue_EVFILT_PROC_errors", kqueueErrors},
	{"kqueue_EVFILT_SIGNAL_counts", kqueueSignal},
	{"kqueue_not_inherited_by_fork", kqueueFork},
	{"kqueue_close_under_a_waiter", kqueueClose},
	{"kqueue_disabled_counts_until_a_scan", kqueueDisabled},
	{"kqueue_NOTE_TRACK_of_a_disabled_event", kqueueTrackDisabled},
	{"kqueue_receipts_and_no_room", kqueueReceipts},
}

const (
	evfiltPROC   = 4
	evfiltSIGNAL = 5

	evADD   = 1
	evCLEAR = 0x20
	evEOF   = 0x8000

	noteEXIT  = 0x80000000
	noteFORK  = 0x40000000
	noteEXEC  = 0x20000000
	noteTRACK = 1
	noteCHILD = 4
)

// keventT is struct kevent.
type keventT struct {
	ident  uint64
	filter uint32
	flags  uint32
	fflags uint32
	data   int64
	udata  uint64
}

// register adds a filter.
func register(kq, ident, filter, flags, fflags int) {
	ev := keventT{ident: uint64(ident), filter: uint32(filter), flags: uint32(flags), fflags: uint32(fflags)}
	must("kevent", sysKevent, kq, ptr(&ev), 1, 0, 0, 0)
}

// next waits for one event.
func next(kq int) (ev keventT) {
	eq("events", must("kevent", sysKevent, kq, 0, 0, ptr(&ev), 1, 0), 1)
	return ev
}

// held forks a child that runs f when told to.
func held(p *pipe, f func()) int {
	p.open()
	return fork(func() {
		p.wait()
		f()
	})
}

func kqueueExit() {
	var p pipe
	kq := must("kqueue", sysKqueue)
	pid := held(&p, func() { exit(13) })
	register(kq, pid, evfiltPROC, evADD, noteEXIT)
	p.post()
	ev := next(kq)
	eq("ident", int(ev.ident), pid)
	eq("filter", int(ev.filter), evfiltPROC)
	yes("NOTE_EXIT is not set", ev.fflags&noteEXIT != 0)
	yes("EV_EOF is not set", ev.flags&evEOF != 0)
	if release10 {
		eq("data is the status", int(ev.data), exited(13))
	}
	reap(pid, exited(13))
}

func kqueueForkExec() {
	var p pipe
	kq := must("kqueue", sysKqueue)
	pid := held(&p, func() {
		reapOK(fork(func() {}))
		p.wait()
		execSelf("sub_exit", "3")
	})
	register(kq, pid, evfiltPROC, evADD|evCLEAR, noteFORK|noteEXEC|noteEXIT)
	p.post()
	eq("after fork", int(next(kq).fflags), noteFORK)
	p.post()
	seen := 0
	for seen&noteEXIT == 0 {
		ev := next(kq)
		eq("ident", int(ev.ident), pid)
		seen |= int(ev.fflags)
	}
	eq("after exec and exit", seen, noteEXEC|noteEXIT)
	reap(pid, exited(3))
}

func kqueueTrack() {
	var p, up pipe
	up.open()
	kq := must("kqueue", sysKqueue)
	pid := held(&p, func() {
		var id [1]int32
		id[0] = int32(fork(func() {
			fork(func() { exit(5) }) // tracked, too
			wait4(-1, 0)
			exit(4)
		}))
		must("write", sysWrite, int(up.w), ptr(&id), 4)
		wait4(-1, 0)
		exit(3)
	})
	register(kq, pid, evfiltPROC, evADD|evCLEAR, noteEXIT|noteFORK|noteTRACK)
	p.post()
	var id [1]int32
	must("read", sysRead, int(up.r), ptr(&id), 4)
	child := int(id[0])
	children, exits := 0, 0
	for exits < 3 {
		ev := next(kq)
		if ev.fflags&noteCHILD != 0 {
			children++
			if int(ev.ident) == child {
				eq("data of NOTE_CHILD is the parent", int(ev.data), pid)
			} else {
				eq("data of the grandchild's NOTE_CHILD", int(ev.data), child)
			}
		}
		if ev.fflags&noteEXIT != 0 {
			exits++
		}
	}
	eq("NOTE_CHILD", children, 2)
	reap(pid, exited(3))
}

func kqueueKill() {
	kq := must("kqueue", sysKqueue)
	pid := fork(func() { subWait0() })
	register(kq, pid, evfiltPROC, evADD, noteEXIT)
	kill(pid, sigKILL)
	ev := next(kq)
	yes("NOTE_EXIT is not set", ev.fflags&noteEXIT != 0)
	if release10 {
		eq("data is the status", int(ev.data), sigKILL)
	}
	reap(pid, sigKILL)
}

func kqueueNoCldWait() {
	var p pipe
	action(sigCHLD, sigDFL, saNOCLDWAIT)
	kq := must("kqueue", sysKqueue)
	pid := held(&p, func() {})
	register(kq, pid, evfiltPROC, evADD, noteEXIT)
	p.post()
	eq("ident", int(next(kq).ident), pid)
	errs("wait4", echild, sysWait4, pid, 0, 0, 0)
}

func kqueueErrors() {
	kq := must("kqueue", sysKqueue)
	ev := keventT{ident: 29999, filter: evfiltPROC, flags: evADD, fflags: noteEXIT}
	errs("kevent of nobody", esrch, sysKevent, kq, ptr(&ev), 1, 0, 0, 0)
	ev = keventT{ident: 64, filter: evfiltSIGNAL, flags: evADD}
	register(kq, 64, evfiltSIGNAL, evADD, 0) // filt_sigattach looks at no number
	ev.filter = 99
	errs("kevent of no filter", einval, sysKevent, kq, ptr(&ev), 1, 0, 0, 0)
	var ts [2]int64
	eq("kevent without events", must("kevent", sysKevent, kq, 0, 0, ptr(&ev), 1, ptr(&ts)), 0)
}

// EVFILT_SIGNAL tells of signals that are ignored or blocked, too.
func kqueueSignal() {
	kq := must("kqueue", sysKqueue)
	action(sigUSR1, sigIGN, 0)
	block(sigUSR2)
	register(kq, sigUSR1, evfiltSIGNAL, evADD|evCLEAR, 0)
	register(kq, sigUSR2, evfiltSIGNAL, evADD|evCLEAR, 0)
	for range 3 {
		kill(getpid(), sigUSR1)
	}
	kill(getpid(), sigUSR2)
	var n [64]int
	for range 2 {
		ev := next(kq)
		n[ev.ident&63] = int(ev.data)
	}
	eq("USR1", n[sigUSR1], 3)
	eq("USR2", n[sigUSR2], 1)
}

func kqueueFork() {
	kq := must("kqueue", sysKqueue)
	reapOK(fork(func() {
		errs("a child's kqueue", ebadf, sysClose, kq)
	}))
	must("close", sysClose, kq)
}

// kqueueClose: kevent(2) that waits while another LWP closes its descriptor looks that up again (kqueue_restart): EBADF, though
// the kqueue has another one.
func kqueueClose() {
	kq := must("kqueue", sysKqueue)
	twin := must("dup", sysDup, kq)
	cells[0] = 0
	lid := lwpCreate(1, 0, func() {
		others[0] = newLwpctl()
		add(&cells[0])
		var ev keventT
		_, cells[2] = call(sysKevent, kq, 0, 0, ptr(&ev), 1, 0)
	})
	awaitSleep(&others[0])
	must("close", sysClose, kq)
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("kevent of what is closed", cells[2], ebadf)
	must("close", sysClose, twin)
}

// readable reports whether poll(2) finds fd readable at once.
func readable(fd int) int {
	p := [2]int32{int32(fd), 1} // POLLIN
	return must("poll", sysPoll, ptr(&p), 1, 0)
}

// kqueue_register disables an event after it has looked whether there is one, and leaves it in the queue: it counts until kqueue_scan
// finds that nobody wants it. So it is in a queue that is asked often, and so may be lent, too.
func kqueueDisabled() {
	var p pipe
	p.open()
	kq := must("kqueue", sysKqueue)
	var ev keventT
	var now [2]int64
	register(kq, int(p.r), evfiltREAD, evADD, 0)
	p.post()
	for range 64 {
		eq("ident", int(next(kq).ident), int(p.r))
	}
	for range 3 {
		register(kq, int(p.r), evfiltREAD, evDISABLE, 0)
		eq("disabled, and not looked for", readable(kq), 1)
		eq("events", must("kevent", sysKevent, kq, 0, 0, ptr(&ev), 1, ptr(&now)), 0)
		eq("disabled, and looked for", readable(kq), 0)
		register(kq, int(p.r), evfiltREAD, evENABLE, 0)
		eq("enabled", readable(kq), 1)
		next(kq)
	}
	register(kq, int(p.r), evfiltREAD, evDELETE, 0)
	eq("deleted", readable(kq), 0)
	register(kq, int(p.r), evfiltREAD, evADD|evDISABLE, 0)
	eq("added, and disabled", readable(kq), 1)
	eq("events", must("kevent", sysKevent, kq, 0, 0, ptr(&ev), 1, ptr(&now)), 0)
	eq("and looked for", readable(kq), 0)
}

// knote_proc_fork_track: the children of a process are followed by events that are enabled, whatever its own is.
func kqueueTrackDisabled() {
	var p pipe
	kq := must("kqueue", sysKqueue)
	pid := held(&p, func() {
		reap(fork(func() { exit(5) }), exited(5))
		exit(3)
	})
	register(kq, pid, evfiltPROC, evADD|evDISABLE, noteEXIT|noteFORK|noteTRACK)
	p.post()
	child := next(kq)
	eq("NOTE_CHILD", int(child.fflags), noteCHILD)
	eq("data is the parent", int(child.data), pid)
	eq("flags", int(child.flags), evADD|evENABLE|evDISABLE|evONESHOT|evCLEAR)
	gone := next(kq)
	eq("ident", int(gone.ident), int(child.ident))
	eq("NOTE_EXIT", int(gone.fflags), noteEXIT)
	reap(pid, exited(3))
	eq("the parent's is disabled", readable(kq), 0)
	register(kq, pid, evfiltPROC, evENABLE, noteEXIT)
	eq("and enabled", int(next(kq).fflags), noteFORK|noteEXIT)
}

// changes are those of kqueueReceipts, and what is told of them.
var changes, told [4]keventT

// kevent1: what fails, and what asks for a receipt, is told while there is room; the first that finds none ends the call, with its error or with
// none, and those behind it are not made.
func kqueueReceipts() {
	const evRECEIPT, evERROR, enoent = 0x40, 0x4000, 2
	kq := must("kqueue", sysKqueue)
	changes = [4]keventT{
		{ident: 1, filter: evfiltUSER, flags: evADD | evRECEIPT, fflags: 5, data: 6, udata: 7},
		{ident: 2, filter: evfiltUSER, flags: evDELETE, fflags: 5, udata: 8},
		{ident: 3, filter: evfiltUSER, flags: evADD | evRECEIPT},
		{ident: 4, filter: evfiltUSER, flags: evADD},
	}
	eq("the third has no room, and is made", must("kevent", sysKevent, kq, ptr(&changes), 4, ptr(&told), 2, 0), 0)
	eq("a receipt's flags", int(told[0].flags), evERROR)
	eq("a receipt's fflags, which the event has", int(told[0].fflags), 0)
	eq("a receipt's data", int(told[0].data), 0)
	eq("a receipt's udata", int(told[0].udata), 7)
	eq("an error", int(told[1].data), enoent)
	eq("its fflags, which nobody has taken", int(told[1].fflags), 5)
	changes[0] = keventT{ident: 3, filter: evfiltUSER, flags: evDELETE}
	changes[1] = keventT{ident: 4, filter: evfiltUSER, flags: evDELETE}
	errs("the fourth was not made", enoent, sysKevent, kq, ptr(&changes), 2, 0, 0, 0)
}
