package platform

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/hostlimits"
)

// This file decides whether the host may be asked for another process or thread of a
// guest. Where the host refuses a thread to Go's runtime, this process ends, and all
// guests with it; so a guest is refused before that, with EAGAIN (fork(2),
// _lwp_create(2)), and what is kept ready for guests is released first.
//
//   - The room is measured now and then (hostlimits.Tasks), and a part of it may be used
//     until the next time.
//   - Once there is little, threads are made in advance that the runtime can fall back on,
//     and long calls of the host are few (hostlimits.Tighten), so that it needs no more.
//   - Of descriptors and address space a reserve is kept, too.
//   - A guest that is refused has what is ready released for it first, and is tried again for a
//     tenth of a second (admit). Then the embedder is told (refuse), and the guest has its errno.
//   - Where the look was wrong, and the host itself refuses the clone, the guest fails in the same
//     way at once (clone in fork.go, reportRefusal), and nothing is kept ready any more. Whoever
//     has ordered the clone takes back what it has prepared.
//
// All of it is the process's, not a platform's, as the host's limits are.

const (
	littleRoom      = 512 // tasks: less than that is little
	maxSpareThreads = 32  // threads made in advance
	minSpareThreads = 6   // for those that hostlimits.Few lets block
	taskReserve     = 4   // room that is left when there are spares: for a program of the embedder's
	maxCredit       = 1024
)

type admission struct {
	find    sync.Once
	room    func() (tasks int, why string) // set by find, or by a test
	tighten func()                         // likewise

	mu     sync.Mutex // held while the room is measured
	credit int        // tasks that may be made until the next measurement

	spares atomic.Int32 // threads that were made in advance
}

var hostAdmission admission

// A refusal says what the host does not allow; it is the errno for the guest.
type refusal struct {
	why   string
	errno syscall.Errno
}

// Error names the limit; Unwrap is for errors.Is with the errno.
func (r *refusal) Error() string { return "the host allows no more: " + r.why }
func (r *refusal) Unwrap() error { return r.errno }

// begin finds the limits, and measures the room once: the first program need not wait for that.
func (a *admission) begin() {
	a.find.Do(func() {
		if a.room == nil {
			a.room, a.tighten = hostlimits.FindTasks().Room, hostlimits.Tighten
		}
		hostlimits.MemoryLimited()
		a.mu.Lock()
		defer a.mu.Unlock()
		if room, _ := a.room(); room >= littleRoom {
			a.extend(room)
		}
	})
}

// extend has a part of the room be used before the next look. mu is held.
func (a *admission) extend(room int) { a.credit = min((room-taskReserve)/8, maxCredit) }

// admitTask counts one more task, or says why not. To measure the room is dear, as /proc is read, so
// an eighth of it may then be used without another look: not all, as other programs of the
// same user take from the same room.
func (a *admission) admitTask() *refusal {
	a.begin()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.credit > 0 {
		a.credit--
		return nil
	}
	room, why := a.room()
	if room < littleRoom && a.spares.Load() == 0 {
		a.spares.Store(int32(spareThreads(min(room/4, maxSpareThreads))))
		a.tighten()
		room, why = a.room()
	}
	if room <= taskReserve {
		return &refusal{why, syscall.EAGAIN}
	}
	a.extend(room)
	return nil
}

// tight reports whether the host has, or has had, little room.
func (a *admission) tight() bool { return a.spares.Load() > 0 }

// spareThreads has the runtime make n threads more than it needs, and returns n. They stay
// idle until somebody blocks: the runtime never ends one.
func spareThreads(n int) int {
	n = max(n, minSpareThreads)
	var ready, end sync.WaitGroup
	hold := make(chan struct{})
	for range n {
		ready.Add(1)
		end.Go(func() {
			runtime.LockOSThread() // a goroutine that waits keeps its thread from the others
			defer runtime.UnlockOSThread()
			ready.Done()
			<-hold
		})
	}
	ready.Wait()
	close(hold)
	end.Wait()
	return n
}

// admitThread says whether a guest may have another thread. The error wraps the errno for the
// guest, EAGAIN or ENOMEM, and the embedder has been told the reason.
func (p *Platform) admitThread() error {
	return p.admit(func() *refusal {
		switch {
		case !p.admitsThread():
			return &refusal{"threads (the host has no futex_waitv, Linux 5.16)", syscall.EAGAIN}
		case !hostlimits.Addresses(0):
			return &refusal{"address space (RLIMIT_AS, ulimit -v)", syscall.ENOMEM}
		}
		return hostAdmission.admitTask()
	})
}

// admitProcess says whether a guest may have another process.
func (p *Platform) admitProcess() error { return p.admit(p.roomForProcess) }

// roomForProcess counts one more process, or says why there is none: it takes descriptors of toaster's and a window, beside the task.
func (p *Platform) roomForProcess() *refusal {
	fd, err := unix.FcntlInt(uintptr(p.stopEvent), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	switch {
	case err != nil || hostlimits.Scarce(fd):
		return &refusal{"open descriptors (RLIMIT_NOFILE, ulimit -n)", syscall.EAGAIN}
	case !p.admitsThread():
		return &refusal{"threads (the host has no futex_waitv, Linux 5.16)", syscall.EAGAIN}
	case !p.arena.hasRoom():
		return &refusal{"address space (RLIMIT_AS, ulimit -v)", syscall.ENOMEM}
	}
	return hostAdmission.admitTask()
}

// What is released, or has been killed, is gone from the host's count within some
// milliseconds.
const (
	soonTries = 20
	soonPause = 5 * time.Millisecond
)

// admit refuses what room has no room for, once what was kept ready has been released. It may
// sleep, for a tenth of a second at most: the host counts what has been killed until it is
// gone. No lock is held meanwhile.
func (p *Platform) admit(room func() *refusal) error {
	r := room()
	if r == nil {
		return nil
	}
	if p.dropReady() || p.anyEnding() {
		for i := 0; r != nil && i < soonTries; i++ {
			time.Sleep(soonPause)
			p.dropReady() // what had only just been told to park
			r = room()
		}
	}
	if r != nil {
		return p.refuse(r)
	}
	return nil
}

// anyEnding reports whether a host process is about to go.
func (p *Platform) anyEnding() bool {
	for _, q := range p.processes() {
		if q.ended.Load() {
			return true
		}
	}
	return false
}

// refuse tells the embedder.
func (p *Platform) refuse(r *refusal) error {
	p.reportRefusal(r)
	return r
}

// reportRefusal tells the embedder if err is a refusal. One by the host itself comes unforeseen, as
// where processes of the same user are in a container that this one does not see: what can
// be released then makes room for toaster's own threads, too. A guest can forge that, at the cost
// of its own machine.
func (p *Platform) reportRefusal(err error) {
	var r *refusal
	switch {
	case errors.As(err, &r):
	case errors.Is(err, slotsError{}):
		return
	case errors.Is(err, syscall.EAGAIN):
		r = &refusal{"processes and threads (a limit that does not show)", syscall.EAGAIN}
		p.dropReady()
	default:
		return
	}
	if p.opts.Refused != nil {
		p.opts.Refused(r.why)
	}
}

// raiseOOMScore asks the host to kill guests before anybody else where memory runs out, if
// a control group's limit makes that likely: they are many, and one of them can go without
// the others. They are forks of the zygote, and so as it is (proc_pid_oom_score_adj(5)).
func raiseOOMScore(zygote int) {
	if hostlimits.MemoryLimited() {
		os.WriteFile("/proc/"+strconv.Itoa(zygote)+"/oom_score_adj", []byte("1000"), 0)
	}
}

// dropReady releases what is kept ready for guests to come, and keeps nothing any more. It
// reports whether that was anything.
func (p *Platform) dropReady() bool {
	p.lean.Store(true)
	any := false
	for _, n := range p.allNurseries() {
		if n == p.pristine {
			any = n.drain() || any
			continue
		}
		n.Close()
		any = true
	}
	for _, q := range p.processes() {
		for n := q.takeParked(false); n != nil; n = q.takeParked(false) {
			n.Exit()
			any = true
		}
	}
	return any
}

// Lean reports whether nothing is to be kept ready for guests to come, for want of room.
func (p *Platform) Lean() bool { return p.lean.Load() || hostAdmission.tight() }
