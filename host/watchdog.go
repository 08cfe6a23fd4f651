package host

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"toaster/internal/guard"
)

// A guest that tampers with its slot or jumps into the stub can make its thread
// deaf: blocked in the stub while it is the guest's turn, or with the kick's
// signal blocked. A thread that plays by the rules is like that for
// microseconds, or for as long as the host lets it wait for a core. The watchdog
// looks at kicks that nobody has heard after a second, and ends a process whose
// thread is deaf several times in a row without having stopped in between.

const (
	patience = time.Second
	deafEnd  = 3
)

// watch starts a watchdog for a kick unless one runs already.
func (t *Thread) watch() {
	if t.watched.CompareAndSwap(false, true) {
		run := t.departures.Load()
		after(patience, func() { t.inspect(run, 0) })
	}
}

// after is time.AfterFunc, but a panic of f's goes no further.
func after(d time.Duration, f func()) {
	time.AfterFunc(d, func() { guard.Report(guard.Catch("a guest was looked after", f)) })
}

// inspect looks whether the thread is deaf still; run is which of its
// departures into guest code was seen last.
func (t *Thread) inspect(run uint32, deaf int) {
	now := t.departures.Load()
	waiting := t.kicked.Load() && t.state.Load() == threadRunning && !t.proc.dead.Load()
	if waiting && now == run && t.guestsTurn() && t.blocksKicks() {
		deaf++
	} else {
		deaf = 0
	}
	if waiting && now == run {
		t.nudge()
	}
	switch {
	case deaf == deafEnd:
		t.proc.Kill()
		t.watched.Store(false)
	case waiting:
		after(patience, func() { t.inspect(now, deaf) })
	default:
		t.watched.Store(false)
	}
}

// guestsTurn says whether it is; if not, it is our side that is late. Memory is
// there as long as the process has not been released, which takes Process.mu.
func (t *Thread) guestsTurn() bool {
	q := t.proc
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.win != nil && atomicTurn(t.slot) < turnKernel
}

// nudge wakes us, in case that a guest took the turn from itself: the stub then
// keeps kicks for later, and nobody has told us that the turn is ours.
func (t *Thread) nudge() {
	q := t.proc
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.win != nil && atomicTurn(t.slot) >= turnKernel {
		futexWake(t.slot.turn())
	}
}

// blocksKicks asks the host whether the thread has the kick's signal blocked.
func (t *Thread) blocksKicks() bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", t.proc.pid, t.tid))
	if err != nil {
		return false
	}
	_, rest, ok := bytes.Cut(status, []byte("\nSigBlk:\t"))
	if !ok || len(rest) < 16 {
		return false
	}
	mask, err := strconv.ParseUint(string(rest[:16]), 16, 64)
	return err == nil && mask&(1<<(kickSignal-1)) != 0
}
