package host

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// A guest that tampers with its slot or jumps into the stub can make its thread
// deaf: blocked in the stub while it is the guest's turn, or with the kick's
// signal blocked. A thread that plays by the rules is like that for
// microseconds. The watchdog looks at kicks that nobody has heard after a
// second, and ends a process that is deaf twice in a row.

const patience = time.Second

// watch starts a watchdog for a kick unless one runs already.
func (t *Thread) watch() {
	if t.watched.CompareAndSwap(false, true) {
		time.AfterFunc(patience, func() { t.inspect(0) })
	}
}

func (t *Thread) inspect(deaf int) {
	waiting := t.kicked.Load() && t.state.Load() == threadRunning && !t.proc.dead.Load()
	if waiting && t.blocksKicks() {
		deaf++
	} else {
		deaf = 0
	}
	switch {
	case deaf == 2:
		t.proc.Kill()
		t.watched.Store(false)
	case waiting:
		time.AfterFunc(patience, func() { t.inspect(deaf) })
	default:
		t.watched.Store(false)
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
