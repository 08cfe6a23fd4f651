package kern

import (
	"sync/atomic"
	"time"

	"toaster/netbsd"
)

// Flags of a process, named as NetBSD names them.
type procFlags uint64

const (
	fWExit      procFlags = 1 << iota // P_WEXIT: somebody called exit
	fPPWait                           // P_PPWAIT: the vfork parent waits
	fNoCldWait                        // P_NOCLDWAIT
	fCldSigIgn                        // PK_CLDSIGIGN, release 10
	fNoCldStop                        // P_NOCLDSTOP
	fSugid                            // P_SUGID
	fExec                             // P_EXEC
	fControlT                         // P_CONTROLT
	fTraced                           // P_TRACED
	fChTraced                         // P_CHTRACED: a debugger holds a child of this one
	fFSTrace                          // P_FSTRACE, procfs tracing
	fSyscall                          // P_SYSCALL: stop at system calls
	fWaited                           // P_WAITED: the stop has been reported
	fContinued                        // PS_CONTINUED
	fStopping                         // PS_STOPPING: not all LWPs have stopped yet
	fStopped                          // SSTOP
	fStopFork                         // PS_STOPFORK
	fStopExec                         // PS_STOPEXEC
	fStopExit                         // PS_STOPEXIT
	fProfil                           // P_PROFIL
	fOrphanPG                         // PL_ORPHANPG
	fSubreaper                        // no NetBSD flag: SetSubreaper
	fQualifies                        // counted in its group's jobc
	fSA                               // P_SA, release 2003
	fClaimed                          // a waiter is copying the status out
	fAForked                          // AFORK: forked and never execed
	fACore                            // ACORE: dumped core
	fAXSig                            // AXSIG: killed by a signal
	fCoreDumped                       // PS_COREDUMP
	fDumping                          // its core is being dumped
	fNoticed                          // the exit has been told to ext.done
	fExecing                          // an exec is ending the other LWPs
	fNoteExited                       // NOTE_EXIT has been sent
	fNoJobs                           // its exit has come as far as fixjobc: children no longer count
	fDoomed                           // its address space has been told (doom)
	fDying                            // SDYING of release 10: it is not found any more
	fService                          // no NetBSD flag: SpawnArgs.Service
	fKmem                             // PK_KMEM: it has opened /dev/kmem
)

// Proc is a process. Its fields are guarded by Machine.mu. A *Proc is never used
// for another process, so it stays a safe name after the pid has been reused; all
// methods work on one that is gone and return what is still known or ESRCH.
//
// Rarely used state hangs off ext, to keep a million sleeping processes small.
type Proc struct {
	m       *Machine
	pid     int32
	xexit   int32 // p_xexit, all 32 bits of exit(2)'s argument; release 10 (item 1)
	flags   procFlags
	state   ProcState
	exitsig netbsd.Signal // p_exitsig: what the parent gets
	xsig    netbsd.Signal // why it stopped, or what the tracer sends instead
	wkind   waitKind      // which queue of the parent's it is in
	wclass  uint8

	xstat netbsd.WaitStatus // p_xstat; P_WAITSTATUS in release 10; cleared at the reap (item 91)
	final netbsd.WaitStatus // the same for Proc.Wait of the embedder; kept

	// The tree. parent is the debugger while one holds p, as p_pptr is; realParent is who it
	// was. kids is in the order of wait(2), and waits has those of them that are worth a wait.
	parent           *Proc
	opptr            *Proc // original parent while traced
	kids             *Proc // head of the child list
	sibNext, sibPrev *Proc
	seq              uint64            // place in the child list: bigger is nearer the head
	nkids            [numClasses]int32 // children by wait class
	nextLid          int32             // 2003: the last LWP id given; 10: the pid, while an LWP has it
	waits            *waitSet          // children worth reporting; nil until there is one
	hp               heapLinks         // place in the parent's queue
	node             *groupNode        // and by group; nil unless the parent has waited for one

	// Where p is listed besides: its group, and one of the machine's two lists.
	pgrp             *Pgrp
	pgNext, pgPrev   *Proc
	allNext, allPrev *Proc // allproc or zombproc

	// The LWPs, zombies included: exit_lwps waits until nlwps is 1, and an LWP that is a
	// zombie already counts in both.
	lwps   *LWP // newest first
	nlwps  int32
	nzlwps int32

	// NetBSD sleeps on addresses within the process; each has a queue here.
	waiters waitq // sleepers in wait4 and, in 2003, vfork: NetBSD's wakeup(p)
	lwpq    waitq // sleepers in _lwp_wait, exit_lwps, _lwp_suspend

	// Credentials, limits, image and, until a change, actions are shared with other processes
	// and never changed in place, so a fork copies pointers. acts and lim are nil from the end
	// of exit1 on, vm, files and dirs once they have been released.
	cred  *Cred
	lim   *Limits
	acts  *Sigacts
	pend  sigpend
	img   *Image
	vm    AddressSpace
	files Files
	dirs  Dirs
	ru    *netbsd.Rusage // final usage, from exit to reap
	start time.Duration  // since boot

	calls    atomic.Uint32 // who traces its calls, for who asks at every call
	fsize    atomic.Bool   // there is an RLIMIT_FSIZE, for who asks at every write
	vforkLWP *LWP          // release 10: who waits for p to exec or exit
	ext      *procExt
}

// procExt is what few processes need.
type procExt struct {
	lent    Lent    // where its LWP changes the signal actions; nil: they are not lent
	foreign Foreign // who runs its program; nil: that runs here
	deputy  ForeignGroup

	cru        netbsd.Rusage       // waited-for children
	own        netbsd.Rusage       // usage charged with AddUsage
	groups     map[*Pgrp]*kidGroup // nil until the first wait for a group
	stolen     []*Proc             // children whose original parent it is and which another process traces
	itimers    [numItimers]*itimer
	timers     map[int32]*posixTimer
	knotes     []Knote
	ktrace     Ref
	systrace   Ref
	pmc        Counters
	ras        []RAS
	sa         *saState
	prof       *profile
	exitHooks  []func(*Proc)
	pdeathsig  netbsd.Signal
	coreName   string // pl_corename; "": the machine's
	done       chan struct{}
	nice       int8
	events     ptraceEvents
	measured   bool           // own has what the address space measured
	stopInfo   netbsd.Siginfo // ps_info: why it stopped, for the tracer
	queuedInfo netbsd.Siginfo // what was sent with the signal that it stopped for last, for a tracer that passes it
	faked      bool           // ps_faked: stopInfo is what a handler is told
	sigwaits   uint64         // calls of sigtimedwait that slept
	deadParent int32          // p_ppid of a tracee whose original parent has ended: that one's pid
	stopLid    int32          // who stands for that
	stopFor    int32          // ps_lwp: whom it was for; 0 is the process
	sigPass    netbsd.Sigset  // ps_sigpass: what its tracer is not shown
	making     int32          // LWPs that newLWP has counted and not linked yet
	looked     chan struct{}  // not nil while somebody looks into it, so that its LWPs stay where they are; closed then
	specific   map[any]any
}

// extra returns what few processes need, made at the first use. nice 20 is NZERO, the middle.
// mu is held, or p is not yet known to anybody.
func (p *Proc) extra() *procExt {
	if p.ext == nil {
		p.ext = &procExt{nice: 20}
	}
	return p.ext
}

// Pid returns p_pid. It stays what it was after the process has gone.
func (p *Proc) Pid() int { return int(p.pid) }

// Machine returns the machine that p belongs to.
func (p *Proc) Machine() *Machine { return p.m }

// State returns where p stands.
func (p *Proc) State() ProcState {
	p.m.lock()
	defer p.m.unlock()
	return p.state
}

// Stopped reports SSTOP: all LWPs have stopped.
func (p *Proc) Stopped() bool { return p.has(fStopped) }

// Exiting reports P_WEXIT.
func (p *Proc) Exiting() bool { return p.has(fWExit) }

// has reports one flag as of this moment; it may be out of date when the caller looks at it.
func (p *Proc) has(f procFlags) bool {
	p.m.lock()
	defer p.m.unlock()
	return p.flags&f != 0
}

// Parent returns p_pptr: the debugger while one holds p. It is nil for init and
// for a process that is gone.
func (p *Proc) Parent() *Proc {
	p.m.lock()
	defer p.m.unlock()
	return p.parent
}

// Ppid is getppid(2): 0 for init. In release 10 it is the real parent even under
// a debugger (item 90), and until that lets go even if the parent has ended; in release 2003 the debugger.
func (p *Proc) Ppid() int {
	p.m.lock()
	defer p.m.unlock()
	return p.ppidLocked()
}

// mu is held.
func (p *Proc) ppidLocked() int {
	pp := p.parent
	switch {
	case p.m.r2003:
	case p.flags&fTraced != 0 && p.opptr == nil:
		return int(p.extra().deadParent)
	default:
		pp = p.realParent()
	}
	if pp == nil {
		return 0
	}
	return int(pp.pid)
}

// realParent is the parent that p has or will have when its debugger lets go.
//
// Job control goes by it, and getppid(2) as long as that one lives: a debugger that attaches must not orphan its target's
// group. mu is held.
func (p *Proc) realParent() *Proc {
	if p.flags&fTraced != 0 && p.opptr != p.parent {
		if p.opptr == nil {
			return p.m.init
		}
		return p.opptr
	}
	return p.parent
}

// Children returns the pids of the child list, its head first.
func (p *Proc) Children() []int {
	p.m.lock()
	defer p.m.unlock()
	var pids []int
	for c := p.kids; c != nil; c = c.sibNext {
		pids = append(pids, int(c.pid))
	}
	return pids
}

// VM returns the address space, Files the descriptors, Dirs the directories: what the
// embedder gave, nil when there is none or the process has dropped it.
func (p *Proc) VM() AddressSpace {
	p.m.lock()
	defer p.m.unlock()
	return p.vm
}

// Files returns the descriptor table; see VM.
func (p *Proc) Files() Files {
	p.m.lock()
	defer p.m.unlock()
	return p.files
}

// Looks returns what a path is looked up with, as of one moment.
func (p *Proc) Looks() (Dirs, Files, *Cred) {
	p.m.lock()
	defer p.m.unlock()
	return p.dirs, p.files, p.cred
}

// SetVM installs an address space, as an exec's Replace does. The old one is the
// caller's to drop.
func (p *Proc) SetVM(vm AddressSpace) {
	p.m.lock()
	p.vm = vm
	p.flags &^= fDoomed
	p.m.unlock()
}

// Image returns what p runs.
func (p *Proc) Image() *Image {
	p.m.lock()
	defer p.m.unlock()
	return p.img
}

// Comm returns p_comm.
func (p *Proc) Comm() string { return p.Image().Comm }

// StartTime is when p was forked.
func (p *Proc) StartTime() time.Time { return p.m.start.Add(p.start) }

// LWPs returns the LWPs, newest first, zombies too.
func (p *Proc) LWPs() []*LWP {
	p.m.lock()
	defer p.m.unlock()
	var ls []*LWP
	for l := p.lwps; l != nil; l = l.next {
		ls = append(ls, l)
	}
	return ls
}

// NumLWPs returns p_nlwps: how many LWPs p has, with those that have ended and have not been waited for.
func (p *Proc) NumLWPs() int {
	p.m.lock()
	defer p.m.unlock()
	return int(p.nlwps)
}

// LWP returns the LWP with id lid, nil if there is none (lwp_find).
func (p *Proc) LWP(lid int) *LWP {
	p.m.lock()
	defer p.m.unlock()
	return p.lwpLocked(int32(lid))
}

// lwpLocked walks the list: processes with many LWPs that look each other up often would want
// an index, and none have been seen. mu is held.
func (p *Proc) lwpLocked(lid int32) *LWP {
	for l := p.lwps; l != nil; l = l.next {
		if l.lid == lid {
			return l
		}
	}
	return nil
}

// SetArgs notes what p's program was started with. A fork has it, too, as it has the memory that NetBSD reads
// the arguments from; an exec has none.
func (p *Proc) SetArgs(v any) {
	p.m.lock()
	defer p.m.unlock()
	img := *p.img // with the reference to Text
	img.Args = v
	p.img = &img
}

// Specific returns what SetSpecific stored under key (proc_getspecific).
func (p *Proc) Specific(key any) any {
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil {
		return nil
	}
	return p.ext.specific[key]
}

// SetSpecific stores a value with p; a fork does not copy it.
func (p *Proc) SetSpecific(key, v any) {
	p.m.lock()
	defer p.m.unlock()
	x := p.extra()
	if x.specific == nil {
		x.specific = make(map[any]any)
	}
	x.specific[key] = v
}

// Status returns the exit status while p is a zombie and after it has gone; ok is
// false before.
func (p *Proc) Status() (w netbsd.WaitStatus, ok bool) {
	p.m.lock()
	defer p.m.unlock()
	return p.final, p.state == StateZombie || p.state == StateFree
}

// SetExitStatus changes the status of an exiting process; it is for an emulation's
// ProcExit. In release 2003 the status is stored after that hook (item 31) and
// replaces this one.
func (p *Proc) SetExitStatus(w netbsd.WaitStatus) {
	p.m.lock()
	if p.state == StateExiting {
		p.xstat, p.xexit = w, endingOf(w).code
	}
	p.m.unlock()
}

// Done is closed when p has become waitable (a zombie) or is gone.
func (p *Proc) Done() <-chan struct{} {
	p.m.lock()
	defer p.m.unlock()
	x := p.extra()
	if x.done == nil {
		x.done = make(chan struct{})
		if p.state == StateZombie || p.state == StateFree {
			close(x.done)
		}
	}
	return x.done
}

// Wait blocks the embedder's goroutine until p has exited and returns its status.
// It reaps nothing; LWPs use Wait4.
func (p *Proc) Wait() netbsd.WaitStatus {
	<-p.Done()
	w, _ := p.Status()
	return w
}

// procList is allproc or zombproc.
type procList struct{ head *Proc }

// pushFront puts p at the head, in O(1): allproc is in the order of birth, zombproc in that of
// death. mu is held.
func (q *procList) pushFront(p *Proc) {
	p.allPrev, p.allNext = nil, q.head
	if q.head != nil {
		q.head.allPrev = p
	}
	q.head = p
}

// remove takes p off the list that it is on, in O(1). mu is held.
func (q *procList) remove(p *Proc) {
	if p.allNext != nil {
		p.allNext.allPrev = p.allPrev
	}
	if p.allPrev != nil {
		p.allPrev.allNext = p.allNext
	} else {
		q.head = p.allNext
	}
	p.allNext, p.allPrev = nil, nil
}

// Procs returns all processes: those alive, newest first, then the zombies.
func (m *Machine) Procs() []*Proc {
	m.lock()
	defer m.unlock()
	var ps []*Proc
	for p := m.all.head; p != nil; p = p.allNext {
		ps = append(ps, p)
	}
	for p := m.zombies.head; p != nil; p = p.allNext {
		ps = append(ps, p)
	}
	return ps
}

// Find returns the process with that pid, a dead or zombie one too; nil if there is
// none.
func (m *Machine) Find(pid int) *Proc {
	m.lock()
	defer m.unlock()
	return m.pids.find(pid)
}

// pfind is proc_find: dead and zombie processes are not found, in release 10 from SDYING on
// (item 41).
//
// An embryo is not found either: its maker is still at work on it without mu. mu is held.
func (m *Machine) pfind(pid int) *Proc {
	p := m.pids.find(pid)
	if p == nil || !p.alive() {
		return nil
	}
	return p
}

// alive is what proc_find asks: SACTIVE or SSTOP in release 10, before SDEAD in 2003. mu is held.
func (p *Proc) alive() bool {
	return p.state == StateActive || p.state == StateExiting && p.flags&fDying == 0
}
