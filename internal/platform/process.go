package platform

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// A Process is a guest address space, carried by one host process.
//
// It ends in three steps. Kill, or the host process's own end, sets ended: whoever waits for
// one of the threads is woken and finds Gone. The reaper, once the host process is dead, sets
// reaped and collects it: from there on pid may be another process's, so whoever sends a signal
// holds mu and looks at reaped first. At last dead is set, for those on the hot path, who take no
// lock. The window goes back when the process is dead, released by its owner, and no call is
// inside one of its slots (returnWindow).
type Process struct {
	platform  *Platform // this and what follows up to gone: constant, but win
	pid       int
	pidfd     int
	win       *window       // guarded by mu; nil once it has been returned
	collected atomic.Bool   // or being collected
	gone      chan struct{} // closed once the host process is dead
	dead      atomic.Bool   // the same, for the hot path
	ranGuest  atomic.Bool   // guest code may have run in it
	ended     atomic.Bool   // it is dead, or has been killed: nobody waits for it any more

	rewritten atomic.Pointer[[]*Rewrite] // replaced with mu held, see rewrites
	ownGS     atomic.Bool                // its guest has GS for itself, see OwnGS

	// fdPassing is held while a file is open in the host process. All threads of it have the
	// same descriptors: a second file at the same time would be the first one's number.
	fdPassing sync.Mutex

	files lentFiles

	freezing freezing

	mu       sync.Mutex // orders before Platform.mu
	threads  map[*Thread]struct{}
	parked   []*Thread // of threads, those without an LWP
	reaped   bool      // pid may belong to somebody else by now
	released bool
	usage    unix.Rusage
}

// A Thread carries one LWP of a Process. It belongs to one goroutine at a time, its owner;
// only Kick, Mask, Asleep and CollectActions may be called by others. Fields are the owner's, but
// for those of sync/atomic, which the kicker, the watchdog, the reaper and the pollers
// look at, and where it says whose they are.
type Thread struct {
	proc  *Process
	tid   int
	index int
	slot  stub.Slot
	regs  Regs
	light bool // stopped without a signal frame

	// What the stub brought along, see Fetched.
	fetchAt uint64
	fetched [stub.FetchMax]byte

	// What the stub is to store in the guest's memory, see Return. outSize is 0 if there is nothing.
	outAt   uint64
	outSize int

	usageAt *generation // when the stub brought along what the process has used, nil if it didn't

	// The x87 and SSE state that the guest is to resume with, if it is in a light trap.
	fp      [stub.FPSize]byte
	fpDirty bool   // it is not in the slot yet
	xstate  []byte // and all that it has beyond, as XSAVE lays it out; nil to leave that alone
	fpSaved bool   // the stub has stored the one that the guest had
	xroom   []byte // where Borrow keeps all of it

	usedBefore Usage // by earlier LWPs

	// See borrow.go.
	lender    *Thread                // whose host thread it is
	returned  chan struct{}          // closed when it is the lender's again
	settled   atomic.Bool            // the borrower has begun to give back, or the lender waits for that no more
	borrower  atomic.Pointer[Thread] // who has it now
	usedSoFar Usage                  // of one who is out of use: by its LWP

	lent    lending
	trapAll bool // the slot says that the stub answers nothing

	events     [stub.MaxEvents]uint32 // see takeEvents
	eventCount int

	counted bool // among the platform's running threads

	chatty bool // the guest has called again soon, the last time

	debugging bool // the host watches for it, see debugregs.go

	wakeup       chan struct{} // by a poller, see await.go; nil until there was one
	falseWakeups int           // the poller's: how often the guest has woken it for nothing

	// For wake.
	lastWoken     time.Duration // when the thread last woke toaster
	sameCoreTurns int           // answers since then from the core that it is on

	kicked  atomic.Bool // a Kick that no Run has reported yet
	state   atomic.Int32
	watched atomic.Bool // it is in the watchdog's list

	guestEntries atomic.Uint32 // into guest code

	asksUsage bool          // the commands ask for usage, and for nothing else
	duties    atomic.Uint32 // see assign
	judgement judgement     // the watchdog's

	// What the supervisor may grant to this thread; guarded by Platform.mu.
	order order
}

// States of a thread. The owner alone changes them.
const (
	threadIdle    = iota // nobody uses the slot: its memory may go to another process
	threadInside         // a call of the owner uses the slot
	threadRunning        // guest code may be running: a kick needs a signal
)

// enter begins the use of t's slot; it fails if the host process is dead or about to die. It
// sets the state before it looks at ended, and Kill does the opposite in the opposite order:
// so either enter finds that the process has ended, or Kill finds the thread and wakes it.
func (t *Thread) enter() bool {
	t.state.Store(threadInside)
	if t.proc.ended.Load() {
		t.leave()
		return false
	}
	return true
}

// leave ends it. The last thread to leave a dead process returns its window.
func (t *Thread) leave() {
	t.state.Store(threadIdle)
	if t.proc.dead.Load() {
		t.proc.returnWindow()
	}
}

// Regs are a thread's general registers, and the bases of FS and GS. They are valid between
// Run calls, and the next Run loads what they hold.
type Regs = stub.Regs

// GuestEnd is the first address that a guest cannot use.
const GuestEnd = stub.GuestEnd

// Regs gives access to the registers, to read and to change.
func (t *Thread) Regs() *Regs { return &t.regs }

// Process returns the address space that t runs in.
func (t *Thread) Process() *Process { return t.proc }

// ID returns the host's thread id, for diagnostics.
func (t *Thread) ID() int { return t.tid }

// ID returns the host's process id, for diagnostics.
func (q *Process) ID() int { return q.pid }

// Gone returns a channel that is closed once the host process is dead.
func (q *Process) Gone() <-chan struct{} { return q.gone }

// register makes the platform look after host process pid, which has its control window and
// its one thread at slot index. Preconditions: pid is alive, or a zombie that nobody can have
// reaped, so that the pidfd is that process's.
func (p *Platform) register(pid int, win *window, index int) (*Process, *Thread, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("pidfd_open", err)
	}
	q := &Process{
		platform: p, pid: pid, pidfd: fd, win: win,
		gone:    make(chan struct{}),
		threads: map[*Thread]struct{}{},
	}
	t := &Thread{proc: q, tid: pid, index: index, slot: p.arena.slot(win, index)}
	q.threads[t] = struct{}{}
	p.mu.Lock()
	p.procs[pid] = q
	p.mu.Unlock()
	// Once: while Close collects it, the reaper is not to be told again and again.
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(fd), Pad: int32(pid)}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		p.mu.Lock()
		delete(p.procs, pid)
		p.mu.Unlock()
		unix.Close(fd)
		return nil, nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	return q, t, nil
}

// Kill ends the host process. It doesn't wait, and nobody else waits for what is being
// killed: Run calls end with Gone at once, and what its threads have been told to do fails.
// No guest code runs once the host has sent the signal, however long it then takes to free
// the memory.
func (q *Process) Kill() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped {
		return
	}
	unix.PidfdSendSignal(q.pidfd, unix.SIGKILL, nil, 0)
	if !q.ended.Swap(true) {
		q.wakeLocked()
	}
}

// wakeLocked wakes everybody who waits for a thread of q, by a turn that no stub gives: a
// waiter looks at ended whatever the turn says. Threads that nobody uses are left alone, as
// their slots may soon be others'. Preconditions: q.mu is held.
func (q *Process) wakeLocked() {
	for t := range q.threads {
		if t.state.Load() != threadIdle {
			t.slot.SetTurn(stub.TurnGone)
			futexWake(t.slot.Turn())
		}
	}
}

// Release gives the address space up. It doesn't wait; the host process is collected in the
// background. The caller must not use a thread of it afterwards, nor be in a call of one: the
// window, with the threads' slots, goes to the next process.
func (q *Process) Release() {
	q.mu.Lock()
	q.released = true
	q.mu.Unlock()
	q.Kill()
	if q.dead.Load() {
		q.returnWindow()
	}
}
