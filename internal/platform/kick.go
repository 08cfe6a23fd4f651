package platform

import (
	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// Kick makes the current Run, or else the next one, end with Kicked. Any goroutine may call it.
// Kicks are not counted: several before a Run ends are one.
//
// It stores kicked before it loads the state, and the owner does the opposite in the opposite
// order (markRunning): so no kick falls between the owner's last look and the guest's first
// instruction. A guest can block the signal, by a frame of its own for rt_sigreturn; the
// watchdog finds that out.
func (t *Thread) Kick() {
	t.kicked.Store(true)
	if t.state.Load() != threadRunning {
		return // the owner looks at kicked before guest code runs again
	}
	q := t.proc
	if q.ended.Load() {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.reaped {
		unix.Tgkill(q.pid, t.tid, stub.KickSignal)
		t.watch()
	}
}
