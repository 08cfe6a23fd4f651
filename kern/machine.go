package kern

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"toaster/netbsd"
)

// Config describes a machine. The zero value is a usable Release11 machine.
type Config struct {
	Release  Release
	Hostname string
	MaxProc  int           // most processes at once (kern.maxproc); 0 means 2,097,152
	MaxLWPs  int           // most LWPs at once, of all processes together; 0 means no limit
	Limits   *Limits       // limits of init and so of all; nil means DefaultLimits
	Grace    time.Duration // how long Close waits between SIGHUP and SIGKILL; 0 means no wait

	// Init is the body of process 1; nil means ReapLoop. When it returns or
	// exits, init has died: Machine.Err says so and the machine halts.
	Init func(*LWP)

	// TableFull, if set, is told that a limit of the whole machine has refused a process
	// (TableProc) or an LWP (TableLWP), as tablefull(9) tells the console. It is called
	// with no kernel lock held, each time.
	TableFull func(table string)

	// Trace, if set, is told every step of exit, in order (see Step). It is
	// called with kernel locks held: it may record, and must not call kern.
	Trace func(StepEvent)

	// SchedWait is the scheduler's wait hook (item 91), called at each reap under
	// the same rules as Trace.
	SchedWait func(parent, child *Proc)

	// Events, if above 0, keeps that many events for the readers of
	// Machine.Events.
	Events int

	// Core writes a core dump for a process that dies from sig and reports
	// whether it did. It runs on the dying LWP with no kernel lock held. info.LWP is the LWP that sig was for, 0 the process.
	Core func(l *LWP, sig netbsd.Signal, info *netbsd.Siginfo) bool

	// ExitHooks run in every exit after fds and cwd are gone (item 16).
	ExitHooks []func(*Proc)
	// ForkHooks run in every fork (doforkhooks) with no lock held.
	ForkHooks []func(child, parent *Proc)

	// Bug, if set, is told of each panic in a goroutine of the machine's, LWPs included,
	// and the panic is kept from the program that embeds it: the process that was served
	// is killed, or the machine ends, see bug.go. It must not call kern. Without it a
	// panic is what it is in Go.
	Bug func(*Bug)
}

// Machine is one running kernel with its process table. Machines share nothing.
// All methods may be called from any goroutine unless they say otherwise.
type Machine struct {
	cfg   Config
	r2003 bool
	start time.Time

	// mu is NetBSD's proc_lock and p_lock in one. It guards everything in
	// Proc, LWP, Pgrp, Session, TTY and the fields below, except where a field
	// says otherwise. It is held for short spans and never across a hook or a
	// sleep.
	mu     sync.Mutex
	seized atomic.Bool // mu has been taken from somebody, see seize
	held   atomic.Bool // since then: somebody has mu, and it has not been taken away

	pids        pidTable
	init        *Proc
	nprocs      int  // processes in the table, zombies too, init too
	services    int  // processes that the limits are not meant for
	maxProc     *int // kern.maxproc, without services; nil: nobody has set it
	lwps        int  // LWPs that are being made or whose goroutine has not ended, init's too
	all         procList
	zombies     procList
	nzombies    int
	uids        map[uint32]int        // processes by real user (chgproccnt)
	ulwps       map[uint32]int        // LWPs by real user (chglwpcnt)
	left        map[int32][]leftGroup // groups of foreign programs alone, by the id they had here
	seq         uint64                // order of the child lists: bigger is nearer to the head
	nsubreapers int
	watchesCPU  bool // lookAtCPU will come
	ruFree      []*netbsd.Rusage
	wakes       []chan struct{}
	post        []func() // to be run as soon as mu is dropped
	onHalt      []func()
	acct        func(AcctRecord) error

	reaper reaper

	nlwp     int           // LWP goroutines alive
	idle     chan struct{} // made by Close; closed when nlwp reaches 0
	changed  chan struct{} // made by Close; closed when a process is freed
	closing  bool          // no more forks
	halt     bool          // nobody is left to wait for: uninterruptible sleeps end
	halting  bool          // init itself may go
	paused   bool          // LWPs stand where they would return to user mode
	err      error
	halted   chan struct{} // closed when init has died or Close has finished
	haltOnce sync.Once
	closed   chan struct{}
	closeOne sync.Once

	bugs        atomic.Int32
	profiling   atomic.Bool           // somebody has made a profil(2)
	profSource  atomic.Int64          // nanoseconds: SetProfileSource
	sequences   atomic.Bool           // somebody has installed a restartable sequence (rasctl(2))
	secureLevel atomic.Int32          // kern.securelevel; changed with mu held
	broken      atomic.Pointer[error] // why the machine broke down
	giveUp      chan struct{}         // closed breakGrace later
	killed      chan struct{}         // closed by KillAll
	killOnce    sync.Once

	ev *eventRing // nil when events are off
}

// ErrInitDied is wrapped by the error of a machine whose init died (item 3).
var ErrInitDied = errors.New("init died")

// New makes a machine and starts its init.
func New(cfg Config) *Machine {
	m := &Machine{cfg: cfg, r2003: cfg.Release.row().oldLife, start: time.Now()}
	m.uids, m.ulwps = make(map[uint32]int), make(map[uint32]int)
	m.secureLevel.Store(insecure)
	m.halted = make(chan struct{})
	m.closed = make(chan struct{})
	m.giveUp = make(chan struct{})
	m.killed = make(chan struct{})
	if m.cfg.MaxProc <= 0 {
		m.cfg.MaxProc = 1 << 21
	}
	if m.cfg.Limits == nil {
		m.cfg.Limits = DefaultLimits()
	}
	if cfg.Events > 0 {
		m.ev = newEventRing(cfg.Events)
	}
	m.pids.reset()
	m.watchCPU(m.cfg.Limits)
	m.startInit()
	m.startReaper()
	return m
}

// lock takes mu. After mu has been taken from a goroutine that panicked with it (seize), held
// says whether the present holder came by it in the ordinary way, so that drop does not unlock
// what is no longer its own.
func (m *Machine) lock() {
	m.mu.Lock()
	if m.seized.Load() {
		m.held.Store(true)
	}
}

// drop returns mu up, unless it has been taken away meanwhile.
func (m *Machine) drop() {
	if !m.seized.Load() || m.held.CompareAndSwap(true, false) {
		m.mu.Unlock()
	}
}

// unlock drops mu and then runs what was put off until no lock is held: kicks,
// knotes and releases of references, whose code is not kern's.
func (m *Machine) unlock() {
	if len(m.post) == 0 {
		m.drop()
		return
	}
	post := m.post
	m.post = nil
	m.drop()
	for _, f := range post {
		m.contain(nil, "somebody was told of a change", f)
	}
}

// after has f run when mu is dropped. f is somebody else's: it may take locks that are above
// mu, or call kern. mu is held.
func (m *Machine) after(f func()) { m.post = append(m.post, f) }

// Hostname returns what gethostname(3) tells guests: Config.Hostname, until a guest has changed it.
func (m *Machine) Hostname() string {
	m.lock()
	defer m.unlock()
	return m.cfg.Hostname
}

// SetHostname is sethostname(3). Whether the caller may is the caller's business.
func (m *Machine) SetHostname(name string) {
	m.lock()
	defer m.unlock()
	m.cfg.Hostname = name
}

// MaxProc returns how many processes there may be at once, init and those that serve the
// machine included (kern.maxproc of sysctl(7)), or what the superuser has set.
func (m *Machine) MaxProc() int {
	m.lock()
	defer m.unlock()
	if m.maxProc != nil {
		return *m.maxProc
	}
	return m.cfg.MaxProc
}

// BootTime is when the machine was made.
func (m *Machine) BootTime() time.Time { return m.start }

// Init returns process 1.
func (m *Machine) Init() *Proc { return m.init }

// NumProcs counts the processes, zombies and init included.
func (m *Machine) NumProcs() int {
	m.lock()
	defer m.unlock()
	return m.nprocs
}

// Err is nil while the machine runs and after a clean Close; otherwise it says
// what halted the machine and wraps ErrInitDied or ErrBug.
func (m *Machine) Err() error {
	if err := m.broken.Load(); err != nil {
		return *err
	}
	m.lock()
	defer m.unlock()
	return m.err
}

// Wait blocks until the machine has halted, by Close or because init died, and
// returns Err.
func (m *Machine) Wait() error {
	<-m.halted
	return m.Err()
}

// Halted is closed when the machine has halted.
func (m *Machine) Halted() <-chan struct{} { return m.halted }

// initDied ends a machine whose init has exited (item 3): everything is killed, and Err says
// how init ended. With Close under way init is to go, and it is no error.
func (m *Machine) initDied(e ending) {
	m.lock()
	if m.halting {
		m.unlock()
		return
	}
	if m.err == nil {
		m.err = fmt.Errorf("%w (signal %d, exit %d)", ErrInitDied, int(e.w.TermSignal()), e.code)
	}
	m.killForGood()
	m.unlock()
	m.haltOnce.Do(func() { close(m.halted) })
}

// Close ends the machine as a shutdown does: every process but init gets SIGHUP
// and SIGCONT, after Config.Grace SIGKILL; then init ends. Close returns when
// every LWP's goroutine has ended; a Go-function guest that never makes a kernel
// call holds it up. Calling it again waits for the same end. It returns Err.
//
// It must not be called from an LWP's goroutine.
func (m *Machine) Close() error {
	m.closeOne.Do(func() {
		go m.contain(nil, "the machine was closed", m.shutdown)
	})
	m.await(m.closed, 2*breakGrace)
	return m.Err()
}

// shutdown is what Close does, on a goroutine of its own: a hook that blocks must not keep
// Close from giving up on a machine that broke down.
//
// The order is that of shutdown(8): everybody is asked to end, then made to; init ends last,
// as it reaps the others; the reaper of 2003 last, as it
// may still have something to free.
func (m *Machine) shutdown() {
	m.lock()
	if m.nprocs > 1 {
		m.killAllLocked(netbsd.SIGHUP)
		m.killAllLocked(netbsd.SIGCONT)
		m.unlock()
		m.awaitEmpty(m.cfg.Grace)
		m.lock()
	}
	m.killForGood()
	m.unlock()
	m.awaitGuests()
	m.lock()
	// Only now: until here init's death would be an error.
	m.halting = true
	for l := m.init.lwps; l != nil; l = l.next {
		l.condemn()
	}
	m.stopReaper()
	if m.nlwp == 0 {
		m.unlock()
	} else {
		if m.idle == nil {
			m.idle = make(chan struct{})
		}
		idle := m.idle
		m.unlock()
		m.await(idle, breakGrace)
	}
	// LWPs that never ended hold on to memory and files of the layers above.
	if m.hasBroken() {
		m.releaseAll()
	}
	m.awaitReaper()
	m.haltOnce.Do(func() { close(m.halted) })
	if m.ev != nil {
		m.ev.close()
	}
	close(m.closed)
}

// awaitEmpty waits until no process but init lives, at most d.
func (m *Machine) awaitEmpty(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		m.lock()
		if m.liveLocked() == 0 {
			m.unlock()
			return
		}
		ch := m.changedLocked()
		m.unlock()
		select {
		case <-ch:
		case <-t.C:
			return
		case <-m.killed:
			return
		}
	}
}

// KillAll kills every process but init at once, with no way to escape or to fork, and
// does not wait. Nothing can be started afterwards; Close remains to be called, and one
// that is under way gives no more grace.
func (m *Machine) KillAll() {
	m.lock()
	m.killForGood()
	m.unlock()
	m.killOnce.Do(func() { close(m.killed) })
}

// awaitGuests waits until there is no process but init, or until Close gives up.
func (m *Machine) awaitGuests() { m.awaitIdle(m.giveUp, nil) }

// WaitIdle waits until there is no process but init, daemons and what they start included. It
// returns nil then, Err once the machine has halted, and ctx.Err() when ctx is done.
//
// It must not be called from an LWP's goroutine.
func (m *Machine) WaitIdle(ctx context.Context) error {
	if m.awaitIdle(ctx.Done(), m.halted) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.Err()
}

// awaitIdle waits until no process but init has LWPs left, and until the default init has
// reaped them. False: one of the channels was closed before.
func (m *Machine) awaitIdle(stop, halted <-chan struct{}) bool {
	for {
		m.lock()
		reaps := m.cfg.Init == nil && m.err == nil && !m.hasBroken()
		if m.liveLocked() == 0 && (m.nprocs == 1 || !reaps) {
			m.unlock()
			return true
		}
		ch := m.changedLocked()
		m.unlock()
		select {
		case <-ch:
		case <-stop:
			return false
		case <-halted:
			return false
		}
	}
}

// changedLocked returns a channel that is closed at the next change of what Close waits for.
// It is made on demand: while nobody waits, a process that is freed costs nothing for it. mu
// is held.
func (m *Machine) changedLocked() chan struct{} {
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	return m.changed
}

// noteChange wakes those who wait for a change. mu is held.
func (m *Machine) noteChange() {
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// liveLocked counts the LWP goroutines that are not init's.
func (m *Machine) liveLocked() int {
	n := m.nlwp
	for l := m.init.lwps; l != nil; l = l.next {
		if l.started && !l.ended {
			n--
		}
	}
	return n
}

// OnHalt has f called when the machine's processes are killed for good: a device
// makes an end then of what even a dying process would wait for.
func (m *Machine) OnHalt(f func()) {
	m.lock()
	defer m.unlock()
	if m.halt {
		m.after(f)
		return
	}
	m.onHalt = append(m.onHalt, f)
}

// killForGood kills all processes but init, with no way to escape or to fork.
//
// closing refuses every later fork: without it a fork bomb would outrun its killer. halt ends
// the sleeps that SIGKILL does not, those of a vfork parent whose child is gone without a word
// (release 2003). mu is held, so nobody is born between the two. Called again it does no harm.
func (m *Machine) killForGood() {
	m.closing, m.halt = true, true
	for _, f := range m.onHalt {
		m.after(f)
	}
	m.onHalt = nil
	m.killAllLocked(netbsd.SIGKILL)
	for p := m.all.head; p != nil; p = p.allNext {
		for l := p.lwps; l != nil; l = l.next {
			if l.vforkwait && l.asleep {
				l.wakeup(rWoken)
			}
		}
	}
}

// killAllLocked sends sig to every process but init, in the name of nobody. The next one is
// remembered before, as a dying process changes lists. mu is held.
func (m *Machine) killAllLocked(sig netbsd.Signal) {
	info := netbsd.Siginfo{Signo: sig, Code: netbsd.SI_USER}
	for p := m.all.head; p != nil; {
		next := p.allNext
		if p.pid > 1 {
			m.psignal(p, &info, nil)
		}
		p = next
	}
}
