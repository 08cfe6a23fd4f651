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
	errs("kevent of no signal", einval, sysKevent, kq, ptr(&ev), 1, 0, 0, 0)
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
