package platform

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/hostlimits"
	"toaster/internal/platform/stub"
)

// Options configures New. The zero value is good.
type Options struct {
	// Warm is how many pristine processes are kept ready: 0 means a default,
	// a negative number none.
	Warm int
	// TrapAll makes every system call end Run. Without it the stub answers some
	// itself; see the numbers beside stub.CallClockGettime.
	TrapAll bool
	// NoLend lends guests none of their open files.
	NoLend bool
	// NoRewrite leaves programs' call sites as they are.
	NoRewrite bool

	// SpeculationSafe switches off for guests what the processor does ahead of time; New
	// fails if the host does not let it.
	SpeculationSafe bool

	// Refused, if not nil, is told what the host has no more of when a guest is refused a
	// process or a thread for that. It must not wait for the platform.
	Refused func(what string)

	// Memory, if positive, is what the guests of the platform may use of the host's memory
	// together, whatever way they come by it, as far as the host grants a control group.
	Memory uint64

	// OverMemory, if not nil, is told when the host has killed a guest for going beyond Memory. It
	// must not wait for the platform.
	OverMemory func()

	// TimerSlack, if positive, becomes that of toaster's threads that wait for guests.
	TimerSlack time.Duration

	beforeStart  func(*Platform) // for tests: before anything is started
	beforeZygote func(*Platform) // for tests: before a zygote is started
}

const defaultWarm = 2

// ErrGone is what operations on a dead host process or thread return.
var ErrGone = errors.New("host: the guest's host process is gone")

// A Platform creates guest address spaces and looks after the host processes that carry them.
//
// It has goroutines of three kinds: the creator, locked to the thread whose child the zygote is and
// whose end would be all guests' (createZygote); the reaper, which waits for host processes to
// end (reapLoop); and, for each nursery, one that fills it (keepWarm). Pollers (await.go) and a timer of the watchdog's
// come and go. Everything else is done by those who call.
type Platform struct {
	opts       Options
	cores      int32
	spinRounds uint32 // rounds of PAUSE that take spinTime

	rdtscp bool // cores can be told apart

	stub       stub.Text
	vdso       stub.VDSO
	pass       uint64 // lets a clone through without a question; see clone.go
	canRewrite bool   // call sites can be rewritten
	lendsFiles bool   // guests may be lent their open files

	fsgsbase bool // guests and stub have the instructions for it

	xlayout atomic.Pointer[stub.XLayout] // nil if it isn't known

	arena       *arena
	zygote      *Process      // nil until it is there, and again if its start has failed (explainStart)
	pristine    *Nursery      // of the zygote
	listener    int           // of the filter's notifications
	listening   chan struct{} // it has room for one: who has the listener, see "Locks"
	supervisors atomic.Int32  // how many want to answer: while there are any, the reaper does not
	stopEvent   int           // eventfd that ends the reaper
	lifeline    int           // a socket; the sentinel kills all guests when it is closed
	epoll       int           // what the reaper sleeps on

	// mu guards what follows up to closed, and the order of each thread. It is held for map
	// operations, never for a call of the host that can sleep.
	mu              sync.Mutex
	threads         map[uint32]*Thread       // by host thread id: everyone who may ask the supervisor
	pendingClones   map[uint64]*pendingClone // by token
	procs           map[int]*Process         // by host process id
	strays          map[int]int              // pids of those that nobody knows, by pidfd, see collectStray
	unwatchedStrays []int                    // and of those without one
	parked          int                      // of threads, those without an LWP
	usedByDead      time.Duration            // processor time of the dead
	nurseries       map[*Nursery]struct{}
	closed          bool

	usedOnce atomic.Bool   // NewProcess has been called
	lean     atomic.Bool   // nothing is kept ready for guests to come, for want of room
	done     chan struct{} // closed when Close begins
	tracer   chan struct{} // it has room for one, see beTracer
	workers  sync.WaitGroup

	running runningThreads
	waiters waiters

	group     *hostlimits.OwnGroup // nil if there is none
	groupKill atomic.Int64         // kills of the group that have been told

	watchdog watchdog

	slack    uintptr     // of toaster's threads, in nanoseconds; 0 leaves it alone
	affinity unix.CPUSet // toaster's own when the platform started: the guests'

	sparesHostile bool   // for tests: guests in the stub live on
	stop          func() // ends the creating thread; nil if there is none, see endCreator
}

// New starts a platform: it checks nothing in advance, but its error says which step the host
// refused; package doctor says what to do then. The caller must Close it.
func New(opts Options) (*Platform, error) {
	if opts.Warm == 0 {
		opts.Warm = defaultWarm
	}
	p := &Platform{
		opts:       opts,
		cores:      int32(runtime.NumCPU()),
		rdtscp:     haveRDTSCP(),
		stub:       stub.Load(),
		vdso:       stub.FindVDSO(),
		pass:       newToken(),
		canRewrite: HaveFSGSBase() && !opts.NoRewrite,
		fsgsbase:   HaveFSGSBase(),
		listener:   -1, stopEvent: -1, epoll: -1, lifeline: -1,
		threads:       map[uint32]*Thread{},
		pendingClones: map[uint64]*pendingClone{},
		listening:     make(chan struct{}, 1),
		procs:         map[int]*Process{},
		strays:        map[int]int{},
		nurseries:     map[*Nursery]struct{}{},
		done:          make(chan struct{}),
		tracer:        make(chan struct{}, 1),
	}
	unix.SchedGetaffinity(0, &p.affinity)
	originalSlack() // before anybody changes it
	p.waiters.direct, p.waiters.maxThreads = !HaveFutexWaitv(), MaxThreadsWithoutWaitv
	p.slack = uintptr(max(opts.TimerSlack, 0))
	if opts.beforeStart != nil {
		opts.beforeStart(p)
	}
	if p.waiters.direct {
		directPlatforms.Store(p, nil)
	}
	p.makeGroup()
	if err := p.start(); err != nil {
		p.Close()
		return nil, fmt.Errorf("host: %w", err)
	}
	return p, nil
}

// start makes what the host must grant, in an order in which Close can undo any part of it. The
// zygote is started a second time without the vdso where the host does not let that be moved.
func (p *Platform) start() (err error) {
	p.arena = newArena(stub.SlotSize())
	if p.stopEvent, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.stopEvent)}
	if err = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.stopEvent, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	if err = p.startZygote(); err == errNoVDSO {
		p.vdso = stub.VDSO{} // the host doesn't let it be moved: fast calls do without
		err = p.startZygote()
	}
	if err != nil {
		return fmt.Errorf("zygote: %w", err)
	}
	event.Fd = int32(p.listener)
	if err = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.listener, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	p.lendsFiles = p.mayLendFiles()
	p.workers.Add(1)
	go p.reapLoop()
	p.pristine, err = p.newNursery(p.pristine.template, max(p.opts.Warm, 0))
	return err
}

// Close kills every guest and frees what the platform holds. All Run calls end with Gone.
// Control memory stays until all processes are released. A second Close returns at once, and
// may do so before the first has ended.
//
// The order matters: closed comes first, so that whoever is born from then on is released at
// once (bindProcess); the reaper lives until all that were known are collected; descriptors go
// last, as the reaper and whoever answers notifications use them.
func (p *Platform) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	p.mu.Unlock()
	close(p.done)
	if p.arena != nil {
		p.arena.retire()
	}
	if p.zygote != nil {
		p.killAll()
	}
	for _, n := range p.allNurseries() {
		n.Close()
	}
	if p.stopEvent >= 0 {
		unix.Write(p.stopEvent, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
	p.workers.Wait()
	p.forgetStrays()
	if p.group != nil {
		p.group.Remove()
	}
	for _, fd := range []int{p.listener, p.stopEvent, p.epoll, p.lifeline} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	if p.arena != nil {
		p.arena.close()
	}
	directPlatforms.Delete(p)
	p.endCreator()
}

// killAll kills and collects all host processes. The zygote's process group holds everything
// that ever came from it, even a child that could not report: no guest can leave the group, as
// the filter does not let setpgid through. It waits for each itself, or with the reaper,
// whoever comes first: to be told by the reaper takes a wakeup more.
func (p *Platform) killAll() {
	unix.Kill(-p.zygote.pid, unix.SIGKILL)
	for {
		p.mu.Lock()
		var one *Process
		for _, q := range p.procs {
			one = q
			break
		}
		p.mu.Unlock()
		if one == nil {
			break
		}
		if !one.collect() {
			<-one.gone
		}
	}
	reapGroup(p.zygote.pid)
	p.zygote.Release()
}

func (p *Platform) allNurseries() []*Nursery {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.nurseries))
}

// Stats counts what a platform holds on the host, for tests and diagnostics. The numbers are of
// one moment, but for the pools of nurseries.
type Stats struct {
	Processes   int // host processes, without the zygote; warm ones included
	Threads     int // host threads of these, but for those that are parked
	Parked      int // threads that wait for an LWP to be born
	Warm        int // processes in nurseries: ready for use, or what these are copied from
	Windows     int // control windows in use, the zygote's included
	Descriptors int // descriptors that the platform holds in this process, but for spare control memory
}

// Stats returns the current counts.
func (p *Platform) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Processes: len(p.procs), Threads: len(p.threads) - p.parked, Parked: p.parked}
	s.Windows, _ = p.arena.windows()
	s.Descriptors = 4 + len(p.procs) + s.Windows // listener, eventfd, epoll, lifeline; a pidfd and control memory each
	if p.zygote != nil && p.procs[p.zygote.pid] != nil {
		s.Processes--
		s.Threads--
	}
	for n := range p.nurseries {
		s.Warm += len(n.pool)
		if n != p.pristine {
			s.Warm++
		}
	}
	return s
}
