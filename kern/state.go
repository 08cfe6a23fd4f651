package kern

import (
	"fmt"
	"strings"
)

// This file has the states of processes and LWPs, each as one table with checked
// transitions, and the lock order. Text and pictures are drawn from the tables.

// ProcState is where a process stands between fork and the reuse of its pid.
// Stopping is no state of its own here (see Proc.Stopped): 1.127's SSTOP is
// StateActive and stopped.
type ProcState uint8

// The states of a process, with NetBSD's names.
const (
	StateEmbryo  ProcState = iota // SIDL: being made by fork, not to be found
	StateActive                   // SACTIVE, SSTOP
	StateExiting                  // P_WEXIT; SDYING in release 10
	StateDead                     // SDEAD: on the zombie list, not yet waitable
	StateZombie                   // SZOMB: waits for its parent
	StateFree                     // gone; kern_exit.c sets SIDL again (item 93)
	numProcStates
)

var procStateNames = [numProcStates]string{"embryo", "active", "exiting", "dead", "zombie", "free"}

// String returns the state in lower case.
func (s ProcState) String() string {
	if s < numProcStates {
		return procStateNames[s]
	}
	return fmt.Sprintf("state %d", s)
}

// procEdge is a transition that there is. why is for the picture; the code compares from and to alone.
type procEdge struct {
	from, to ProcState
	why      string
}

// procEdges has one way from each state to the next, and no way back: a *Proc is never used for another
// process. So whoever has seen a state may rely on it that no earlier one comes again, as Proc.Done does.
var procEdges = []procEdge{
	{StateEmbryo, StateActive, "fork done"},
	{StateEmbryo, StateFree, "fork failed"},
	{StateActive, StateExiting, "exit1"},
	{StateExiting, StateDead, "last LWP gone"},
	{StateDead, StateZombie, "memory freed"},
	{StateZombie, StateFree, "waited for"},
}

// LWPState is what an LWP does.
type LWPState uint8

// The states of an LWP, with NetBSD's names.
const (
	LWPIdle      LWPState = iota // LSIDL: not yet started
	LWPRunning                   // LSRUN and LSONPROC
	LWPSleeping                  // LSSLEEP
	LWPStopped                   // LSSTOP
	LWPSuspended                 // LSSUSPENDED
	LWPDead                      // LSDEAD: ended, the reaper's (release 2003)
	LWPZombie                    // LSZOMB: waits for _lwp_wait(2) or proc_free
	LWPFree                      // unlinked
	numLWPStates
)

var lwpStateNames = [numLWPStates]string{
	"idle", "running", "sleeping", "stopped", "suspended", "dead", "zombie", "free",
}

// String returns the state in lower case.
func (s LWPState) String() string {
	if s < numLWPStates {
		return lwpStateNames[s]
	}
	return fmt.Sprintf("LWP state %d", s)
}

type lwpEdge struct {
	from, to LWPState
	why      string
}

// lwpEdges leave out what would be a mistake. An LWP that has started ends only while it runs: one that is
// killed where it sleeps or stands is made to run first. Nor is one suspended but by itself: to suspend another
// is to ask for it (aSuspend), and that one does it when it next comes by.
var lwpEdges = []lwpEdge{
	{LWPIdle, LWPRunning, "start"},
	{LWPIdle, LWPStopped, "start in a stopped process"},
	{LWPIdle, LWPSuspended, "created suspended"},
	{LWPIdle, LWPFree, "fork failed"},
	{LWPRunning, LWPSleeping, "sleep"},
	{LWPRunning, LWPStopped, "stop"},
	{LWPRunning, LWPSuspended, "suspend"},
	{LWPRunning, LWPDead, "exit, release 2003"},
	{LWPRunning, LWPZombie, "exit"},
	{LWPRunning, LWPFree, "exit, detached"},
	{LWPSleeping, LWPRunning, "wakeup"},
	{LWPSleeping, LWPStopped, "stop while asleep"},
	{LWPStopped, LWPRunning, "continue"},
	{LWPStopped, LWPSleeping, "continue while asleep"},
	{LWPSuspended, LWPRunning, "continue"},
	{LWPSuspended, LWPStopped, "continue in a stopped process"},
	{LWPDead, LWPZombie, "reaper"},
	{LWPDead, LWPFree, "reaper, detached"},
	{LWPZombie, LWPFree, "waited for"},
}

// procNext and lwpNext are the tables as sets of bits, by state: a transition is checked at each fork, sleep
// and wakeup. They are written in init alone.
var (
	procNext [numProcStates]uint16
	lwpNext  [numLWPStates]uint16
)

func init() {
	for _, e := range procEdges {
		procNext[e.from] |= 1 << e.to
	}
	for _, e := range lwpEdges {
		lwpNext[e.from] |= 1 << e.to
	}
}

// setState moves p along an edge of the table. A step that the table lacks is a bug of this package, and going
// on would corrupt the tree. With Config.Bug the panic is kept from the embedder's program (bug.go). mu is
// held.
func (p *Proc) setState(s ProcState) {
	if procNext[p.state]&(1<<s) == 0 {
		panic(fmt.Sprintf("kern: process %d: %v to %v is no transition", p.pid, p.state, s))
	}
	p.state = s
}

// setStat is setState for an LWP. Whoever stops, wakes or ends LWPs goes through here, so a
// transition that nobody thought of is found where it happens. mu is held.
func (l *LWP) setStat(s LWPState) {
	if lwpNext[l.stat]&(1<<s) == 0 {
		panic(fmt.Sprintf("kern: LWP %d.%d: %v to %v is no transition", l.p.pid, l.lid, l.stat, s))
	}
	l.stat = s
}

// ProcStateGraph draws the states of a process as a mermaid state diagram.
func ProcStateGraph() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> embryo\n")
	for _, e := range procEdges {
		fmt.Fprintf(&b, "    %v --> %v: %s\n", e.from, e.to, e.why)
	}
	b.WriteString("    free --> [*]\n")
	return b.String()
}

// LWPStateGraph draws the states of an LWP as a mermaid state diagram.
func LWPStateGraph() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> idle\n")
	for _, e := range lwpEdges {
		fmt.Fprintf(&b, "    %v --> %v: %s\n", e.from, e.to, e.why)
	}
	b.WriteString("    free --> [*]\n")
	return b.String()
}

// LockOrder states the locks of this package and what may be taken while holding
// what: "a < b" means that b may be taken while a is held, never the reverse.
// Nothing sleeps and no hook runs while one is held.
const LockOrder = `
Machine.mu < eventRing.mu
`
