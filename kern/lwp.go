package kern

import (
	"runtime"
	"sync/atomic"
	"time"

	"toaster/internal/guard"
	"toaster/netbsd"
)

// This file has the LWP: its goroutine, its way into the kernel and back, its
// creation and its end. The calls that LWPs make on one another are in
// lwpcalls.go.
//
// An LWP's goroutine runs lwpMain: wait to be made runnable, the body, exit. It is
// the only one that may call the methods documented as the LWP's own; each of them
// enters the kernel (enter) and leaves it (leave). enter refuses a second
// goroutine while one is inside, and everybody once the LWP has begun to die, so
// that a stray call gets an errno and never harms the tree.

// Modes of an LWP, in mode.
const (
	modeUser   = iota // its own goroutine runs guest code
	modeKernel        // in one of the methods of this package
	modeHook          // in a hook that the kernel called: may sleep
	modeDead          // dying or gone: kernel calls return ESRCH
)

// Reasons for an LWP to look around before it returns to user mode, in attn.
const (
	aSignal  uint32 = 1 << iota // LW_PENDSIG
	aExit                       // LW_WEXIT
	aSuspend                    // LW_WSUSPEND
	aStop                       // the process is stopping
	aCancel                     // LW_CANCELLED
	aUpcall                     // scheduler activations: an upcall is due
	aTrap                       // trapDue
	aHold                       // LW_DBGSUSPEND: the tracer has it stand still
	aPause                      // the machine is paused
)

// Flags of an LWP.
const (
	lDetached uint8 = 1 << iota // LPR_DETACHED, L_DETACHED
	lSA                         // L_SA
	lUnparked                   // LW_UNPARKED
	lIntr                       // LW_SINTR: the sleep is interruptible
	lOldMask                    // sigsuspend: oldmask is to be restored
	lParking                    // in _lwp_park
	lLeaving                    // past the decision to end alone: no longer counts as live
	lPlaced                     // counts in Machine.lwps
)

// LWP is a light-weight process: a thread of a process. Machine.mu guards its
// fields unless they say otherwise; "own" marks what only its own goroutine
// touches.
type LWP struct {
	p          *Proc
	lid        int32
	attn       atomic.Uint32
	mode       atomic.Uint32
	stat       LWPState
	flags      uint8
	started    bool   // its goroutine exists
	ended      bool   // and is past its last kernel work
	manual     bool   // the body calls UserRet itself; never changes
	survivor   bool   // own: it carries out the exit
	parked     bool   // blocked on wake, or about to be
	parks      uint32 // how often it was
	asleep     bool   // in sleep (stat sleeping, or stopped meanwhile)
	token      bool   // Wake came before Sleep
	vforkwait  bool   // l_vforkwaiting
	vforks     bool   // see Vforks
	reason     int8   // why the sleep ended
	dbgSig     netbsd.Signal
	end        ending // own: what the survivor passes to exit1
	wake       chan struct{}
	body       func(*LWP)
	mask       netbsd.Sigset
	oldmask    netbsd.Sigset
	blocked    bool // own: something was pending when it was last seen
	first      bool // made with the process; never changes
	lent       Lent // where the mask is in user mode, if it is lent
	pend       sigpend
	next, prev *LWP // the process's LWPs

	// A sleeper is on one queue at most, by links of its own: to sleep allocates nothing.
	wq           *waitq // the queue it sleeps in
	qnext, qprev *LWP

	// What belongs to the platform, or to the embedder's body. kicker and machdep are set
	// before l runs.
	gen     uint32 // counts sleeps, so that a late timer harms nothing
	kicker  func()
	onCPU   func(on bool) // own, see SetOnCPU
	machdep any
	ext     *lwpExt
}

// lwpExt is what few LWPs need.
type lwpExt struct {
	name    string
	stack   Altstack
	waitSet netbsd.Sigset // sigtimedwait
	waitNo  uint64        // the how many-th sigtimedwait of the process that slept
	got     *netbsd.Siginfo
	upcall  bool // SA: sleeps on its own upcall stack
	act     *activation
	step    bool
	steps   bool          // LP_SINGLESTEP: it steps whenever it goes on
	due     traceEvent    // of trapLater
	spawner int32         // on the way to a posix_spawn's program: the pid of who asked for it (p_oppid)
	inTrace bool          // in traceStop
	forced  netbsd.Sigset // blocked, but for the tracer to see: its own instruction caused them
	trapped netbsd.Signal // its own instruction caused it, and it is pending
	given   netbsd.Signal // what the tracer gave there
	waiting int32         // the LWP it waits for, for the deadlock check
	sched   sched
	robust  robust
	debug   *DebugRegs
}

// extra returns what few LWPs need, made at the first use: a sleeping LWP of a large program
// should cost little. mu is held, or l has not run yet.
func (l *LWP) extra() *lwpExt {
	if l.ext == nil {
		l.ext = &lwpExt{stack: Altstack{Flags: netbsd.SS_DISABLE}}
	}
	return l.ext
}

// Proc returns the process that l belongs to.
func (l *LWP) Proc() *Proc { return l.p }

// ID returns l_lid (_lwp_self(2)).
func (l *LWP) ID() int { return int(l.lid) }

// Alone reports whether l's process has no other LWP, be it a zombie.
func (l *LWP) Alone() bool {
	l.p.m.lock()
	defer l.p.m.unlock()
	return l.p.nlwps == 1
}

// State returns what l does; a pause of the machine is not in it.
func (l *LWP) State() LWPState {
	l.p.m.lock()
	defer l.p.m.unlock()
	return l.shown()
}

// Asleep calls f if l sleeps, and reports whether it does. f may read what l's goroutine alone may use otherwise, as l goes on behind it; it runs with the kernel's
// lock held, so it calls nothing of this package and takes no lock.
func (l *LWP) Asleep(f func()) bool {
	l.p.m.lock()
	defer l.p.m.unlock()
	if l.stat != LWPSleeping || !l.parked {
		return false
	}
	f()
	return true
}

// setAttn leaves a reason for l to look at and, if it runs, kicks it.
//
// A kick is put off until mu is dropped: the platform's own locks are above mu, never below.
// An LWP that is not running needs none, as it looks at attn before it returns to user mode.
// mu is held.
func (l *LWP) setAttn(a uint32) {
	l.attn.Or(a)
	if l.stat == LWPRunning && l.kicker != nil {
		l.p.m.after(l.kicker)
	}
}

// enter begins a kernel call of l's own goroutine. ESRCH: l is dying or gone.
// EBUSY: another goroutine is inside as l.
//
// One compare-and-swap on the way in keeps a second goroutine out. A Go-function guest that is
// to die does so here, since its body may never come to leave; one with a run loop is told by
// UserRet, so that the call it is about to make still happens or not as a whole.
func (l *LWP) enter() netbsd.Errno {
	if l == nil {
		return netbsd.EINVAL
	}
	if l.mode.CompareAndSwap(modeUser, modeKernel) {
		if !l.manual && l.attn.Load()&aExit != 0 {
			l.die()
		}
		return 0
	}
	return l.enterSlow()
}

// enterSlow is enter for an LWP that is not in user mode. A hook is called with the LWP inside
// the kernel already, and may make calls as the LWP.
func (l *LWP) enterSlow() netbsd.Errno {
	switch l.mode.Load() {
	case modeHook:
		return 0
	case modeDead:
		return netbsd.ESRCH
	}
	return netbsd.EBUSY
}

// leave ends what enter began. A Go-function guest takes its signals here, is
// stopped or suspended here, and dies here.
//
// An LWP in a hook is still inside the call that made it: the outer leave does this. Load of
// attn is all that it costs where nothing is due.
func (l *LWP) leave(errno netbsd.Errno) netbsd.Errno {
	if l.mode.Load() == modeHook {
		return errno
	}
	if !l.manual && l.attn.Load() != 0 {
		l.userret(nil)
	}
	l.mode.Store(modeUser)
	return errno
}

// call is one kernel call of l's own goroutine: f runs with mu held, and its result is the call's. f may
// sleep, which drops mu meanwhile. ESRCH, EBUSY: see enter; f has not run then.
//
// Calls that hold mu only in part, or are as frequent as fork(2), wait4(2) and execve(2),
// enter and leave by hand.
func (l *LWP) call(f func() netbsd.Errno) netbsd.Errno {
	if errno := l.enter(); errno != 0 {
		return errno
	}
	m := l.p.m
	m.lock()
	errno := f()
	m.unlock()
	return l.leave(errno)
}

// hook runs f, which is not the kernel's, outside the lock and lets it use l to sleep. It says
// whether f returned: after a panic l's process has been killed.
func (l *LWP) hook(f func()) bool {
	old := l.mode.Swap(modeHook)
	ok := l.p.m.contain(l, "a hook ran", f)
	l.mode.Store(old)
	return ok
}

// Restart calls f until it returns something else than ERESTART: how a Go-function
// guest does what SA_RESTART promises.
func Restart(f func() netbsd.Errno) netbsd.Errno {
	for {
		if errno := f(); errno != netbsd.ERESTART {
			return errno
		}
	}
}

// setup makes l an idle LWP of p, with an id and a wake channel. The channel is one of the machine's spare ones if there is one: it would be an
// allocation of every fork. mu is held.
func (l *LWP) setup(p *Proc, body func(*LWP), manual bool) {
	l.p = p
	l.first = p.lwps == nil
	l.lid = p.newLid()
	l.body = body
	l.wake = p.m.newWake()
	l.manual = manual
}

// link puts l on its process's list.
func (l *LWP) link() {
	p := l.p
	l.prev, l.next = nil, p.lwps
	if p.lwps != nil {
		p.lwps.prev = l
	}
	p.lwps = l
	p.nlwps++
}

// unlink takes l off its process's list, and from its user's number of LWPs (lwp_free). mu is held.
func (l *LWP) unlink() {
	p := l.p
	if p.nlwps > 1 {
		p.m.chglwpcnt(p.cred.RUID, -1)
	}
	if l.next != nil {
		l.next.prev = l.prev
	}
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		p.lwps = l.next
	}
	l.next, l.prev = nil, nil
	p.nlwps--
}

// launch starts l's goroutine; l runs at once, or stands still where its process
// or its creator wants it to.
//
// Whatever its creator wants it to stand still for is decided with mu held, before the
// goroutine exists: it begins by waiting on its channel then, and resume sends to that. A
// signal that is pending already must be looked at by the newcomer, too: it may be the only
// LWP that does not block it.
func (l *LWP) launch(suspended bool) {
	p := l.p
	l.started = true
	p.m.nlwp++
	switch {
	case suspended:
		l.setStat(LWPSuspended)
		l.parked = true
	case p.flags&(fStopped|fStopping) != 0 && p.flags&fWExit == 0:
		l.setStat(LWPStopped)
		l.parked = true
	default:
		l.setStat(LWPRunning)
	}
	if p.pend.set&^l.mask != 0 {
		l.attn.Or(aSignal)
	}
	if p.m.paused && p.pauses() {
		l.attn.Or(aPause)
	}
	l.seeBlocked()
	go lwpMain(l, l.parked)
}

// lwpMain is the goroutine of an LWP. What Exit and ExitLWP decided is carried out
// here, below all frames of the body: so deferred functions of the body have run
// before anybody can wait for the process.
func lwpMain(l *LWP, parked bool) {
	guard.GrowStack[guard.Stack4K]()
	defer l.finish()
	if parked {
		<-l.wake
	}
	l.firstUserRet()
	l.body(l)
	l.returned()
}

// firstUserRet is the return to user mode of a Go-function guest's birth.
func (l *LWP) firstUserRet() {
	if !l.manual {
		l.Platform().UserRet(nil)
	}
}

// returned is the end of a body that returned: the first LWP's end is the
// process's, with status 0; another LWP ends alone.
//
// The body's end is decided like a call of its own: from modeDead on the LWP makes no kernel
// calls.
func (l *LWP) returned() {
	if l.mode.Load() == modeDead {
		return
	}
	l.mode.Store(modeDead)
	if l.first {
		l.decideExit(ending{})
	}
}

// finish carries out the exit. A body that ended by a Goexit of its own, as
// testing's FailNow does, counts as killed by SIGABRT.
//
// A deferred function, so that it runs whatever ended the body: a return, runtime.Goexit from
// inside a kernel call, or a panic. A panic is the embedder's affair unless Config.Bug wants
// it. All that the exit does runs below the body's frames: its deferred functions have run by
// then, and what they hold is free.
func (l *LWP) finish() {
	var v any
	if l.p.m.cfg.Bug != nil || l.mode.Load() != modeDead {
		v = recover()
	}
	switch {
	case v != nil && l.p.m.cfg.Bug == nil:
		panic(v)
	case v != nil:
		l.panicked(v)
	case l.mode.Load() != modeDead:
		l.mode.Store(modeDead)
		l.decideExit(killed(netbsd.SIGABRT))
	}
	defer l.lastly()
	l.body, l.onCPU = nil, nil
	switch {
	case l.p == l.p.m.init:
		l.goroutineEnds() // init's state stays as it was (item 3)
	case l.survivor:
		l.exit1(l.end)
	default:
		l.exitLWP()
	}
}

// Exit is _exit(2) (sys_exit, items 1 and 2): the process ends with the low 32 bits of status,
// of which release 2003 keeps 8. If it is already exiting only this LWP ends. It does not return: the goroutine's
// deferred functions run, and with them the LWP makes no more kernel calls.
func (l *LWP) Exit(status int) {
	if l.mode.Load() == modeDead {
		return
	}
	l.exitWith(exited(status))
}

// exitWith decides the end and leaves the body; all else is finish's. It does not return.
func (l *LWP) exitWith(e ending) {
	l.mode.Store(modeDead)
	l.decideExit(e)
	runtime.Goexit()
}

// decideExit makes e the process's end unless another LWP has been first. It sets
// P_WEXIT (items 2 and 4).
//
// Several LWPs can come here at once; mu and fWExit choose. init does not exit at all: that is
// an error of the machine, found before anything has changed (item 3).
func (l *LWP) decideExit(e ending) {
	p := l.p
	p.m.lock()
	if p == p.m.init {
		p.m.unlock()
		p.m.initDied(e)
		return
	}
	if p.flags&(fWExit|fExecing) == 0 {
		p.flags |= fWExit
		l.survivor = true
		p.step(l, StepSetWEXIT)
		l.end = e
	}
	p.m.unlock()
}

// ExitLWP is _lwp_exit(2): the LWP ends. The last live one ends the process with
// status 0 (item 56). It does not return.
func (l *LWP) ExitLWP() {
	if l.mode.Load() == modeDead {
		return
	}
	l.die()
}

// die ends the LWP from within the kernel.
func (l *LWP) die() {
	l.mode.Store(modeDead)
	runtime.Goexit()
}

// goroutineEnds counts the goroutine out; nothing of the LWP runs after it.
//
// It is the last thing that an LWP does with mu. Close waits for the count, so nothing of the
// machine is touched after it. The wake channel goes back empty: nobody sends to an LWP that
// is dead.
func (l *LWP) goroutineEnds() {
	m := l.p.m
	m.lock()
	l.ended = true
	if len(m.wakes) < maxWakes {
		m.wakes = append(m.wakes, l.wake)
	}
	l.wake = nil
	m.nlwp--
	l.leavePlace()
	m.noteChange()
	if m.nlwp == 0 && m.idle != nil {
		close(m.idle)
		m.idle = nil
	}
	m.unlock()
}

// maxWakes is how many wake channels are kept for the next LWPs.
const maxWakes = 256

// newWake returns an empty wake channel. mu is held.
func (m *Machine) newWake() chan struct{} {
	n := len(m.wakes)
	if n == 0 {
		return make(chan struct{}, 1)
	}
	c := m.wakes[n-1]
	m.wakes = m.wakes[:n-1]
	return c
}

// uptime is the machine's clock: time since boot.
func (m *Machine) uptime() time.Duration { return time.Since(m.start) }
