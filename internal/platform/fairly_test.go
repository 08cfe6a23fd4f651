package platform

import (
	"time"

	"toaster/internal/platform/stub"
)

// A guest that is sent somewhere stops there, or it computes or sleeps for good and has to be kicked: not before it has come there,
// which takes as long as a busy host likes. So the host is asked what the guest does, every tick.
const (
	tick = time.Millisecond

	// chance is the processor time with which a guest has come to where it was sent, by far: one that waits in the stub
	// spins for less (spinTime).
	chance = 500 * time.Microsecond

	// idleTicks is how many times a guest is found asleep that has not been woken by its turn: it does not wait for it.
	idleTicks = 100
)

// runFairly runs a guest until it stops, or has come to where it was sent and goes on with what it does there.
func runFairly(th *Thread) Trap {
	used := cpuTimeOf(th.proc.pid)
	over := make(chan struct{})
	defer close(over)
	go kickInTime(th, used, over)
	return th.Run()
}

// killAfter kills a process once it has used so much processor time.
func killAfter(q *Process, used time.Duration) {
	for !q.ended.Load() {
		time.Sleep(tick)
		if cpuTimeOf(q.pid) >= used {
			q.Kill()
		}
	}
}

// kickInTime kicks a guest that has come to where it was sent, and kills one that does not hear that.
func kickInTime(th *Thread, used time.Duration, over <-chan struct{}) {
	if !awaitChance(th, used, over) {
		return
	}
	used = cpuTimeOf(th.proc.pid)
	th.Kick()
	if awaitChance(th, used, over) && th.slot.LoadTurn() < stub.TurnKernel {
		th.proc.Kill()
	}
}

// awaitChance waits until th has computed for a while since it had used so much, or sleeps again; it returns false once over is closed.
func awaitChance(th *Thread, used time.Duration, over <-chan struct{}) bool {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for idle := 0; idle < idleTicks; {
		select {
		case <-over:
			return false
		case <-ticker.C:
		}
		ran := cpuTimeOf(th.proc.pid) - used
		if ran >= chance {
			return true
		}
		switch state, _, _, ok := th.hostState(); {
		case !ok || state != 'S':
		case th.slot.LoadTurn() >= stub.TurnKernel || ran == 0: // it has stopped, as it says, or is about to be woken
			idle++
		case !th.waitsForHost():
			return true
		}
	}
	return true
}
