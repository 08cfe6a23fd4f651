package platform

import (
	"slices"

	"golang.org/x/sys/unix"

	"toaster/internal/guard"
)

// The reaper waits for the host processes that the platform made, and for no
// others: the program that embeds toaster has children of its own.
//
//   - a pidfd in epoll says that a process is dead;
//   - waitid for that very pidfd collects it, and nothing else may be collected:
//     the pid is the process's for as long as it is a zombie;
//   - everybody who waits for one of its threads is woken.
//
// It also answers the notifications that nobody waits for: of threads that end by themselves,
// and of guests that tamper with the stub. A bug in serving one host process must not keep it
// from the others, so panics are caught one event at a time.

// reapLoop is the reaper. It ends by stopEvent, which Close writes once all host processes that were known are collected.
func (p *Platform) reapLoop() {
	defer p.workers.Done()
	events := make([]unix.EpollEvent, 64)
	for {
		n, err := unix.EpollWait(p.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return
		}
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == p.stopEvent {
				return
			}
			guard.Report(guard.Catch("a host process was looked after", func() { p.handleEvent(&e) }))
		}
	}
}

// handleEvent sees to one event. A process is named by pid and pidfd together: either number
// may have passed to another one since the host reported the event.
func (p *Platform) handleEvent(e *unix.EpollEvent) {
	if int(e.Fd) == p.listener {
		if e.Events&unix.EPOLLHUP != 0 { // for good: nobody is left who could ask
			unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, p.listener, nil)
		}
		p.answerUnawaited()
		return
	}
	p.mu.Lock()
	q := p.procs[int(e.Pad)]
	p.mu.Unlock()
	if q != nil && q.pidfd == int(e.Fd) {
		q.collect()
	} else {
		p.endStray(int(e.Fd), int(e.Pad))
	}
}

// collectStray has the reaper collect a process that is refused and about to end by
// itself. pid comes from the host's notification, so that it is a descendant of the
// zygote. Beyond maxStrays at once, and without a descriptor to spare, they are looked
// for when another one ends.
func (p *Platform) collectStray(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.EINVAL || err == unix.ENOENT || err == unix.ESRCH {
		return // a thread, which needs no collecting; or nobody
	}
	p.mu.Lock()
	known := err == nil && len(p.strays) < maxStrays
	if known {
		p.strays[fd] = pid
	} else {
		p.unwatchedStrays = append(p.unwatchedStrays, pid)
	}
	p.mu.Unlock()
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd), Pad: int32(pid)}
	switch {
	case known:
		unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &event)
	case err == nil:
		unix.Close(fd)
	}
}

// maxStrays is how many are waited for by a descriptor each.
const maxStrays = 256

// endStray collects a stray that is dead, and those that nobody waits for. The event may
// be a former stray's, if a program that is just being started has its descriptor, too. Wait4 does not wait here, as mu is held,
// and takes that pid alone.
func (p *Platform) endStray(fd, pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.strays[fd] != pid {
		return
	}
	unix.Wait4(pid, nil, unix.WALL|unix.WNOHANG, nil)
	delete(p.strays, fd)
	unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	unix.Close(fd)
	p.unwatchedStrays = slices.DeleteFunc(p.unwatchedStrays, func(pid int) bool {
		n, err := unix.Wait4(pid, nil, unix.WALL|unix.WNOHANG, nil)
		return n == pid || err == unix.ECHILD
	})
}

// forgetStrays is for Close, which collects them with the rest of the zygote's group (killAll). The reaper has ended, and so mu is
// not needed.
func (p *Platform) forgetStrays() {
	for fd := range p.strays {
		unix.Close(fd)
	}
	p.strays, p.unwatchedStrays = nil, nil
}

// answerUnawaited answers what nobody waits for. If the listener is taken, a supervisor has it; what that leaves the epoll
// reports again, as it reports for as long as there is something. So it does with what is beyond maxUnawaited: guests that ask without
// end must not keep the reaper from those that have ended.
func (p *Platform) answerUnawaited() {
	select {
	case p.listening <- struct{}{}:
		defer func() { <-p.listening }()
		for i := 0; i < maxUnawaited && p.answerNext(0); i++ {
		}
	default:
	}
}

// maxUnawaited is how many questions are answered before the reaper looks at its other events.
const maxUnawaited = 64

// collect waits for the end of a host process and forgets it, but for whom somebody else
// already does so: then it returns false at once.
func (q *Process) collect() bool {
	if q.collected.Swap(true) {
		return false
	}
	used := q.awaitDeath()
	// toaster has not killed it: the host may have, for want of memory, which the group's count tells.
	if p := q.platform; p.group != nil && !q.ended.Load() {
		p.tellGroupKill()
	}
	q.mu.Lock()
	q.usage = used
	q.mu.Unlock()
	q.platform.processDied(q)
	return true
}

// awaitDeath waits for the end of q and returns what q has used: nothing, if somebody else in this program waits for everything (ECHILD).
// What is dead stays a zombie until markDead. The pidfd is open until then, and nobody else calls that.
func (q *Process) awaitDeath() (used unix.Rusage) {
	for unix.Waitid(unix.P_PIDFD, q.pidfd, nil, unix.WEXITED|unix.WNOWAIT|unix.WALL, &used) == unix.EINTR {
	}
	return used
}

// processDied drops all that the platform holds for a dead process and wakes everybody
// who waits for its threads.
func (p *Platform) processDied(q *Process) {
	p.markDead(q)
	q.returnWindow()
}

// markDead says that q is dead, and frees its pid and its pidfd in one step with that, by mu: whoever finds reaped unset under that
// lock can use both, and neither number is anybody else's. Nor is the pid while it is among Platform.procs. The host has nothing to
// wait for, as q is a zombie.
func (p *Platform) markDead(q *Process) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reaped = true
	p.forgetProcess(q)
	unix.Waitid(unix.P_PIDFD, q.pidfd, nil, unix.WEXITED|unix.WNOHANG|unix.WALL, nil)
	unix.Close(q.pidfd)
	q.dead.Store(true)
	q.ended.Store(true)
	q.wakeLocked() // again, in case that it was alive and has written over what Kill wrote
	close(q.gone)
}

// forgetProcess takes q out of what the platform knows, and adds its time to that of the dead in one step with that, as CPUTime would
// count it twice otherwise. Threads that were parked are among q.threads. Preconditions: q.mu is held.
func (p *Platform) forgetProcess(q *Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.procs, q.pid)
	p.addUsage(&q.usage)
	for t := range q.threads {
		delete(p.threads, uint32(t.tid))
	}
	p.parked -= len(q.parked)
}

// returnWindow returns the control window once the process is dead, its owner has
// released it and no call is inside one of its slots: the next user of the
// window must not meet a late reader, or writer, of toaster's.
func (q *Process) returnWindow() {
	q.mu.Lock()
	win := q.win
	idle := q.dead.Load() && q.released
	for t := range q.threads {
		idle = idle && t.state.Load() == threadIdle
	}
	if idle {
		q.win = nil
	}
	q.mu.Unlock()
	if idle && win != nil {
		q.platform.arena.release(win)
	}
}

// reapGroup collects the sentinel, and children that were killed between their clone and
// their first report, when nobody knew them yet. They are in the zygote's process group,
// where no other child of this process is. Preconditions: the group is killed.
func reapGroup(group int) {
	for {
		_, err := unix.Wait4(-group, nil, unix.WALL, nil)
		if err != nil && err != unix.EINTR {
			return
		}
	}
}
