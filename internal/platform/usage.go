package platform

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what a host process or thread has used. Where it comes from a slot all of it is the guest's word, within what
// can be added up (stub.Slot.Usage).
type Usage struct {
	User, System         time.Duration
	MaxRSS               int64 // kilobytes
	MinorFaults          int64
	MajorFaults          int64
	InBlocks, OutBlocks  int64
	Voluntary, Preempted int64 // context switches
}

// Usage returns what the process has used so far, all its threads together; of
// a dead process, what it had used in the end. A stopped thread of the process
// makes the figures exact; without one (nil), times come in host clock ticks. The caller owns t.
//
// What came along with t's trap spares a turn, if it still holds; else t asks. Where the process was killed before that, the
// host's own figures are waited for, which come when the process is collected.
func (q *Process) Usage(t *Thread) Usage {
	if t != nil {
		if t.usageAt != nil && q.quietSince(t, *t.usageAt) {
			return t.usageInSlot()
		}
		if u, err := t.usage(unix.RUSAGE_SELF); err == nil {
			return u
		}
	}
	if q.ended.Load() {
		q.awaitGone()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped {
		return fromRusage(&q.usage)
	}
	return statUsage(fmt.Sprintf("/proc/%d", q.pid))
}

// awaitGone waits until a process is collected that has been killed: the host then knows
// exactly what it has used. One with much memory takes it long to end; then it must do
// without. No lock is held: the reaper takes Process.mu before it closes gone.
func (q *Process) awaitGone() {
	late := time.NewTimer(maxGoneWait)
	defer late.Stop()
	select {
	case <-q.gone:
	case <-late.C:
	}
}

const maxGoneWait = 250 * time.Millisecond

// usage has the stopped thread ask for itself (RUSAGE_THREAD) or its process (RUSAGE_SELF): exact, where /proc counts in
// ticks. The answer is in the slot, and so the guest's word: it can lie about itself to those who wait for it. Limits go by
// CPUTime.
func (t *Thread) usage(who int) (Usage, error) {
	if !t.enter() {
		return Usage{}, ErrGone
	}
	defer t.leave()
	if err := t.inject(t.slot.UsageCommand(who)); err != nil {
		return Usage{}, err
	}
	return t.usageInSlot(), nil
}

// A generation of a process is how often its other threads had entered guest code.
type generation uint32

// noteUsage follows the trap of a system call. What comes along with it is all that the process will
// have used, if nobody else of it is in guest code: the stub asks with exit(2) and execve(2) alone, behind which
// t itself has nothing more to run.
func (t *Thread) noteUsage() {
	t.usageAt = nil
	if !t.slot.UsageSaved() {
		return
	}
	if m, quiet := t.proc.othersGuestEntries(t); quiet {
		t.usageAt = &m
	}
}

// quietSince says whether no thread but t has been in guest code since m. One that has ended meanwhile is missing in the
// sum, so that it is another one.
func (q *Process) quietSince(t *Thread, m generation) bool {
	now, quiet := q.othersGuestEntries(t)
	return quiet && now == m
}

// othersGuestEntries reports whether all threads but t are with the kernel, or nap, and how
// often they had entered guest code: as long as that number stays, none of them has used any
// processor time of the guest's. That a thread naps is the guest's word: one that lies makes a figure of its own
// process wrong, and nothing else.
//
// It reads the number before the state, and the owner writes them in the opposite order (markRunning): so an entry that is
// in the number shows in the state, unless it is over, and one that is not makes the next number another one.
func (q *Process) othersGuestEntries(t *Thread) (m generation, quiet bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for o := range q.threads {
		if o == t {
			continue
		}
		m += generation(o.guestEntries.Load())
		if o.state.Load() == threadRunning && !o.slot.Napping() {
			return 0, false
		}
	}
	return m, true
}

// usageInSlot is what UsageCommand, or the stub by itself, has left there.
func (t *Thread) usageInSlot() Usage {
	ru := t.slot.Usage()
	return fromRusage(&ru)
}

func fromRusage(ru *unix.Rusage) Usage {
	return Usage{
		User:        time.Duration(syscall.TimevalToNsec(syscall.Timeval(ru.Utime))),
		System:      time.Duration(syscall.TimevalToNsec(syscall.Timeval(ru.Stime))),
		MaxRSS:      ru.Maxrss,
		MinorFaults: ru.Minflt, MajorFaults: ru.Majflt,
		InBlocks: ru.Inblock, OutBlocks: ru.Oublock,
		Voluntary: ru.Nvcsw, Preempted: ru.Nivcsw,
	}
}

// statUsage reads a process's or thread's stat file (proc_pid_stat(5)). That has no peak of the memory, so MaxRSS is what there
// is now, and nothing of blocks and switches. The result is zero if the process is gone.
func statUsage(dir string) (u Usage) {
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return u
	}
	f := statFields(stat)
	if len(f) < 22 {
		return u
	}
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(string(f[i]), 10, 64)
		return n
	}
	const tick = time.Second / 100 // USER_HZ
	u.MinorFaults, u.MajorFaults = number(7), number(9)
	u.User, u.System = time.Duration(number(11))*tick, time.Duration(number(12))*tick
	u.MaxRSS = number(21) * PageSize / 1024
	return u
}

// statFields returns the fields of a stat file behind the name: field n of proc_pid_stat(5) is the one at n-3. The name may have
// anything in it, if the process is no guest, and what follows is the host's: so the last parenthesis ends it.
func statFields(stat []byte) [][]byte { return bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) }
