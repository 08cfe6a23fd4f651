package main

// Cases about pipes that are used so often that the kernel lends them: who waits in one sleeps in the
// host, and all that ends such a sleep ends it as pipe_read and pipe_write of sys_pipe.c say.

var lendPipeCases = []testCase{
	{"lend_pipe_bytes_come_in_order", lendPipeOrder},
	{"lend_pipe_nonblock_is_the_open_files", lendPipeNonblock},
	{"lend_pipe_EPIPE_and_SIGPIPE", lendPipeEPIPE},
	{"lend_pipe_EINTR_and_SA_RESTART", lendPipeRestart},
	{"lend_pipe_close_under_a_reader", lendPipeClose},
	{"lend_pipe_lwp_wakeup", lendPipeWakeup},
	{"lend_pipe_end_of_a_killed_writer", lendPipeKilled},
	{"lend_pipe_interrupted_write_says_how_much", lendPipeShortWrite},
	{"lend_pipe_memory_that_ends", lendPipeFault},
	{"lend_pipe_stop_and_continue", lendPipeStop},
	{"lend_pipe_kevent_hears", lendPipeKevent},
	{"lend_pipe_vfork_child_has_its_own", lendPipeVfork},
}

const (
	evfiltREAD = 0
	fSETFL     = 4
	pipeMax    = 64 << 10
)

var lendPipeBuf [2 * pipeMax]byte

// openLent makes a pipe both ends of which are lent to the caller's process.
func (p *pipe) openLent() {
	p.open()
	p.use()
}

// use has the caller's process use both ends until they are lent to it. Preconditions: the pipe is empty.
func (p *pipe) use() {
	for range lendUses {
		p.post()
		p.wait()
	}
}

func (p *pipe) setfl(end int32, flags int) { must("F_SETFL", sysFcntl, int(end), fSETFL, flags) }

// lendPipeOrder: a megabyte arrives as it was sent, in pieces of other sizes.
func lendPipeOrder() {
	var p pipe
	p.openLent()
	const size = 1 << 20
	pid := fork(func() {
		p.closeR()
		for i := 0; i < size; {
			n := min(1+i%5000, size-i)
			for j := range n {
				lendPipeBuf[j] = byte((i + j) % 251)
			}
			eq("write", must("write", sysWrite, int(p.w), ptr(&lendPipeBuf), n), n)
			i += n
		}
	})
	p.closeW()
	at := 0
	for {
		n := must("read", sysRead, int(p.r), ptr(&lendPipeBuf), 1+at%7000)
		if n == 0 {
			break
		}
		for _, c := range lendPipeBuf[:n] {
			if int(c) != at%251 {
				eq("a byte", int(c), at%251)
			}
			at++
		}
	}
	eq("bytes", at, size)
	reapOK(pid)
}

// lendPipeNonblock: O_NONBLOCK is the open file's, whichever process has set it.
func lendPipeNonblock() {
	var p, q pipe
	p.openLent()
	q.open()
	var b byte
	pid := fork(func() {
		q.wait()
		p.setfl(p.r, 0)
		p.setfl(p.w, 0)
		p.post()
	})
	p.setfl(p.r, oNONBLOCK)
	for range lendUses {
		errs("read of an empty pipe", eagain, sysRead, int(p.r), ptr(&b), 1)
	}
	p.setfl(p.w, oNONBLOCK)
	eq("write of what fits", must("write", sysWrite, int(p.w), ptr(&lendPipeBuf), 2*pipeMax), pipeMax)
	errs("write to a full pipe", eagain, sysWrite, int(p.w), ptr(&b), 1)
	eq("read of all", must("read", sysRead, int(p.r), ptr(&lendPipeBuf), 2*pipeMax), pipeMax)
	errs("read of an empty pipe", eagain, sysRead, int(p.r), ptr(&b), 1)
	q.post()
	reapOK(pid) // F_SETFL, and a byte
	p.wait()
	pid = fork(func() { p.post() })
	p.wait() // waits, if the child is late
	reapOK(pid)
}

func lendPipeEPIPE() {
	var p pipe
	p.openLent()
	var b byte
	catch(sigPIPE, 0)
	p.closeR()
	for i := range lendUses {
		errs("write that nobody reads", epipe, sysWrite, int(p.w), ptr(&b), 1)
		eq("SIGPIPE", sigCount[sigPIPE], i+1)
	}
	action(sigPIPE, 0, 0)
	reap(fork(func() { call(sysWrite, int(p.w), ptr(&b), 1) }), sigPIPE)
}

// lendPipeRestart is signalRestart for a pipe that is lent.
func lendPipeRestart() {
	var p pipe
	p.openLent()
	readAmidSignals(&p, func() {})
}

// awaitSleep waits until an LWP of the process sleeps.
func awaitSleep(c **lwpctl) {
	for load(&cells[0]) == 0 || (*c).cpu() != cpuNone {
		yield()
	}
}

// awaitSleepOrEnd is awaitSleep of an LWP whose sleep has an end, if timeout is not 0: on a busy machine that can be over before anybody
// looks.
func awaitSleepOrEnd(c **lwpctl, timeout int) {
	if timeout == 0 {
		awaitSleep(c)
		return
	}
	for load(&cells[0]) == 0 || (*c).cpu() > cpuNone {
		yield()
	}
}

// lendPipeClose: a read that waits while another LWP closes its descriptor looks that up again (pipe_restart): EBADF.
func lendPipeClose() {
	for range 20 {
		var p pipe
		p.openLent()
		cells[0] = 0
		lid := lwpCreate(1, 0, func() {
			others[0] = newLwpctl()
			add(&cells[0])
			var b byte
			_, cells[1] = call(sysRead, int(p.r), ptr(&b), 1)
		})
		awaitSleep(&others[0])
		p.closeR()
		must("_lwp_wait", sysLwpWait, lid, 0)
		eq("the read", cells[1], ebadf)
		p.closeW()
	}
}

// lendPipeWakeup: who sleeps there is asleep for _lwp_wakeup(2), which ends the read.
func lendPipeWakeup() {
	var p pipe
	p.openLent()
	lid := lwpCreate(1, 0, func() {
		others[0] = newLwpctl()
		add(&cells[0])
		var b byte
		_, cells[1] = call(sysRead, int(p.r), ptr(&b), 1)
	})
	awaitSleep(&others[0])
	wakeFromSleep(lid)
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("the read", cells[1], eintr)
}

// lendPipeKilled: what a process has open is closed when its parent knows of its end (items 14 and 15).
func lendPipeKilled() {
	for range 20 {
		var p pipe
		p.open()
		pid := fork(func() {
			p.use()
			for {
				p.post()
			}
		})
		p.closeW()
		p.wait()
		kill(pid, sigKILL)
		reap(pid, sigKILL)
		p.setfl(p.r, oNONBLOCK)
		for must("read", sysRead, int(p.r), ptr(&lendPipeBuf), len(lendPipeBuf)) > 0 {
		}
		p.closeR()
	}
}

// lendPipeShortWrite: a write that has written something and is interrupted says how much that is.
func lendPipeShortWrite() {
	var p pipe
	p.openLent()
	catch(sigUSR1, 0)
	lid := lwpCreate(1, 0, func() {
		others[0] = newLwpctl()
		add(&cells[0])
		cells[1], cells[2] = call(sysWrite, int(p.w), ptr(&lendPipeBuf), 2*pipeMax)
	})
	awaitSleep(&others[0])
	must("_lwp_kill", sysLwpKill, lid, sigUSR1)
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("error", cells[2], 0)
	yes("a part is written", cells[1] >= pipeMax && cells[1] < 2*pipeMax)
	eq("what is there", must("read", sysRead, int(p.r), ptr(&lendPipeBuf), len(lendPipeBuf)), cells[1])
}

// lendPipeFault: memory that ends is EFAULT, and nothing of such a write arrives.
func lendPipeFault() {
	var p pipe
	p.openLent()
	m := anywhere(2 * page)
	must("munmap", sysMunmap, m+page, page)
	for range lendUses {
		errs("write", efault, sysWrite, int(p.w), m+page-4, 8)
		p.post()
		p.post()
		eq("read of less", must("read", sysRead, int(p.r), m+page-4, 4000), 2)
		for range 4 {
			p.post()
		}
		eq("read up to the end", must("read", sysRead, int(p.r), m+page-4, 8), 4)
		for range 8 {
			p.post()
		}
		errs("read beyond the end", efault, sysRead, int(p.r), m+page-4, 8)
		p.setfl(p.r, oNONBLOCK)
		call(sysRead, int(p.r), ptr(&lendPipeBuf), 100)
		p.setfl(p.r, 0)
	}
}

// lendPipeStop: a process whose LWP sleeps there stops and goes on, and the sleep with it.
func lendPipeStop() {
	var p, q pipe
	p.open()
	q.open()
	pid := fork(func() {
		p.use()
		q.post()
		eq("read", int(p.wait()), 'x')
	})
	q.wait()
	stopAndGoOn(pid)
	p.send('x')
	reapOK(pid)
}

// lendPipeKevent: kevent(2) hears of what comes by an end that is lent.
func lendPipeKevent() {
	var p, q, ready pipe
	p.open()
	q.open()
	ready.open()
	kq := must("kqueue", sysKqueue)
	pid := fork(func() {
		p.use()
		ready.post()
		for range lendUses {
			q.wait()
			p.post()
		}
	})
	p.closeW()
	ready.wait()
	register(kq, int(p.r), evfiltREAD, evADD, 0)
	for range lendUses {
		q.post()
		ev := next(kq)
		eq("ident", int(ev.ident), int(p.r))
		eq("data", int(ev.data), 1)
		p.wait()
	}
	reapOK(pid)
	ev := next(kq)
	yes("EV_EOF is not set", ev.flags&evEOF != 0)
}

// lendPipeVfork: a vfork child, which may run in its parent's host thread, closes and replaces descriptors of its own. An LWP
// of its parent's sleeps in a pipe meanwhile, and goes on sleeping there: it gets what comes there and nothing else.
func lendPipeVfork() {
	for range 10 {
		var p, q pipe
		q.openLent()
		p.openLent()
		cells[0] = 0
		lid := lwpCreate(1, 0, func() {
			others[0] = newLwpctl()
			add(&cells[0])
			cells[1] = int(p.wait())
		})
		awaitSleep(&others[0])
		reapOK(vfork(func() {
			must("dup2", sysDup2, int(q.r), int(p.r))
			must("dup2", sysDup2, int(q.w), int(p.w))
			for range lendUses {
				p.send('q')
				eq("the child's", int(p.wait()), 'q')
			}
			p.send('q') // for the parent, by q
			p.closeR()
			p.closeW()
			errs("write to what the child has closed", ebadf, sysWrite, int(p.w), ptr(&line), 1)
		}))
		p.send('p')
		must("_lwp_wait", sysLwpWait, lid, 0)
		eq("what the sleeper got", cells[1], 'p')
		for range lendUses {
			p.send('p')
			eq("the parent's", int(p.wait()), 'p')
		}
		eq("what the child has left", int(q.wait()), 'q')
		p.closeR()
		p.closeW()
		q.closeR()
		q.closeW()
	}
}

// stopAndGoOn stops a child that sleeps, and continues it, again and again.
func stopAndGoOn(pid int) {
	for range 20 {
		kill(pid, sigSTOP)
		got, st := wait4(pid, wUNTRACED)
		eq("stopped", got, pid)
		eq("status", st, stopped(sigSTOP))
		kill(pid, sigCONT)
	}
}
