package kern

import (
	"time"

	"toaster/netbsd"
)

// This file makes processes: Spawn for the embedder, Fork for an LWP.
//
// Both make an embryo first (newProc), which has a pid and counts against the limits, but is on no list and is
// not found by a guest's calls (pfind). Then hooks of the layers above fill it without mu. begin lets it out.
// What fails before is undone by abandon, and by dropParts for what a fork's hooks have made.

// SpawnArgs describes a process that nobody forked. Cred, Limits and Image become the process's as they are,
// which may share them with others: the embedder must not change them any more.
type SpawnArgs struct {
	Body    func(*LWP) // what its first LWP runs; required
	Manual  bool       // Body is a run loop that calls UserRet itself
	Cred    *Cred      // nil: Root
	Limits  *Limits    // nil: init's
	Comm    string     // nil Image: its name
	Image   *Image
	VM      AddressSpace
	Files   Files
	Dirs    Dirs
	Mask    netbsd.Sigset
	Setsid  bool // a session and a group of its own
	Setpgrp bool // a group of its own in the parent's session
	// Parent is init if nil, or if it has begun to exit.
	Parent *Proc
	// Foreground puts the group of Setpgrp in the foreground of the session's
	// terminal, if it has one: what a shell does for a job.
	Foreground bool
	// Prepare is called with the new LWP before it can run: SetMachdep, SetKicker.
	Prepare func(*LWP) netbsd.Errno
	// Service says that the process is the embedder's own and lives as long as the
	// machine: MaxProc and MaxLWPs are meant for the others, and so is Pause.
	Service bool
}

// ForkArgs says what kind of fork it is. The zero value, with a Body, is fork(2). ExitSignal may be any number
// of a guest's (__clone(2)): Fork checks it.
type ForkArgs struct {
	// ExitSignal is what the parent gets at the end; 0 is none. NoExitSignal
	// tells 0 from SIGCHLD, the default.
	ExitSignal   netbsd.Signal
	NoExitSignal bool
	Vfork        bool // the caller sleeps until the child execs or exits (P_PPWAIT)
	ShareVM      bool
	ShareFiles   bool
	ShareCwd     bool
	ShareSigacts bool
	Body         func(*LWP) // what the child runs; required
	Manual       bool       // Body calls UserRet itself
	// Prepare is called with the child's LWP before it can run, after
	// AddressSpace.Fork.
	Prepare func(child *LWP) netbsd.Errno
	// VM, if set, makes the child's address space instead of the parent's Fork, as
	// posix_spawn(3) needs it: there is nothing to copy.
	VM func(child *LWP) (AddressSpace, netbsd.Errno)
	// Linked is called when the child exists and before it can run.
	Linked func(child *Proc)

	spawn bool // it is half of a posix_spawn
}

// procLWP is a process with its first LWP, in one allocation.
type procLWP struct {
	p Proc
	l LWP
}

// Spawn starts a process as a child of init.
//
// EINVAL: no Body; EAGAIN: too many processes, or the machine is closing. VM, Files
// and Dirs become the process's, on success only.
func (m *Machine) Spawn(a SpawnArgs) (*Proc, netbsd.Errno) {
	if a.Body == nil {
		return nil, netbsd.EINVAL
	}
	cred := a.Cred
	if cred == nil {
		cred = Root
	}
	m.lock()
	if a.Service {
		m.serve()
	}
	p, l, errno := m.newProc(cred)
	if errno != 0 {
		m.unlock()
		return nil, errno
	}
	p.spawnParts(&a)
	l.setup(p, a.Body, a.Manual)
	l.mask = a.Mask &^ cantMask & netbsd.AllSignals
	// The hook belongs to the embedder and may take its time, so it runs with mu dropped. The
	// process is an embryo until begin: no list has it, so nobody else can have come to know
	// it meanwhile.
	if a.Prepare != nil {
		m.unlock()
		errno = a.Prepare(l)
		m.lock()
		if errno != 0 || m.closing {
			m.abandon(p, l)
			m.unlock()
			if errno == 0 {
				errno = netbsd.EAGAIN
			}
			return nil, errno
		}
	}
	// The parent was named without mu: it may have begun to exit since, and a child that it
	// gets now would be forgotten by its orphanChildren.
	parent := a.Parent
	if parent == nil || parent.m != m || parent.state != StateActive || parent.flags&fWExit != 0 {
		parent = m.init
	}
	m.placeSpawned(p, parent, &a)
	p.begin(l, parent)
	m.unlock()
	return p, 0
}

// spawnParts gives the embryo p what a asks for, or what every process has. mu is held.
func (p *Proc) spawnParts(a *SpawnArgs) {
	p.lim, p.img = a.Limits, a.Image
	if p.lim == nil {
		p.lim = p.m.cfg.Limits
	}
	p.noteFsize()
	if p.img == nil {
		p.img = spawnImage
		if a.Comm != "" {
			p.img = &Image{Comm: a.Comm, Emul: EmulNetBSD}
		}
	}
	if p.img.Text != nil {
		p.img.Text.Hold()
	}
	// Every process starts with the one set of default actions; whoever changes one copies
	// first (ownActs).
	p.acts = defaultActs
	p.vm, p.files, p.dirs = a.VM, a.Files, a.Dirs
	if a.Service {
		p.flags |= fService
	}
}

// spawnImage is what a process runs that was spawned with neither Image nor Comm. Processes share it, as it has
// no Text that would be counted.
var spawnImage = &Image{Comm: "guest", Emul: EmulNetBSD}

// placeSpawned puts p in its session and group before it is counted for job control, which
// begin does. mu is held.
func (m *Machine) placeSpawned(p, parent *Proc, a *SpawnArgs) {
	if a.Setsid {
		m.newSession(p, "")
		return
	}
	p.flags |= parent.flags & fControlT
	if !a.Setpgrp {
		parent.pgrp.join(p)
		return
	}
	// A shell makes the group and puts it in the foreground in two steps, between which the
	// job could already read the terminal and be stopped for it. Here mu is held across both.
	s := parent.pgrp.sess
	m.newPgrp(p.pid, s).join(p)
	if a.Foreground && s.ttyvp && s.tty.sess == s {
		s.tty.pgrp, s.tty.away = p.pgrp, false
	}
}

// newProc makes an embryo with a pid, counted for its user.
//
// EAGAIN: the machine is closing, or its table of processes or LWPs is full; the latter is
// told to Config.TableFull. mu is held.
//
// Process and LWP are one allocation, since every process has a first LWP and a fork is
// counted in allocations.
func (m *Machine) newProc(cred *Cred) (*Proc, *LWP, netbsd.Errno) {
	if m.closing {
		return nil, nil, netbsd.EAGAIN
	}
	if m.procTableFull() {
		return nil, nil, netbsd.EAGAIN
	}
	// Nothing is counted before everything has been granted: what follows cannot fail.
	pl := new(procLWP)
	p := &pl.p
	if !pl.l.takePlace(m) {
		return nil, nil, netbsd.EAGAIN
	}
	p.m = m
	p.exitsig = netbsd.SIGCHLD
	p.cred = cred
	p.pid = m.pids.alloc(p)
	p.start = m.uptime()
	m.nprocs++
	m.chgproccnt(cred.RUID, 1)
	return p, &pl.l, 0
}

// abandon undoes newProc.
//
// mu is held. The pid is freed at once: the embryo was on no list, and pfind shows no embryos.
func (m *Machine) abandon(p *Proc, l *LWP) {
	l.leavePlace()
	p.setState(StateFree)
	m.releaseImage(p.img)
	m.chgproccnt(p.cred.RUID, -1)
	m.nprocs--
	m.pids.free(p.pid)
}

// begin makes the embryo p a running child of parent.
//
// The order matters. The child list comes before the state, so that nobody finds an active
// process without a parent; the event comes before launch, so that a reader sees the fork
// before anything that the child does. mu is held.
func (p *Proc) begin(l *LWP, parent *Proc) {
	m := p.m
	parent.addChild(p)
	m.all.pushFront(p)
	p.setState(StateActive)
	l.link()
	m.watchCPU(p.lim)
	p.countJob()
	m.event(Event{Kind: EventFork, Pid: p.pid, Other: parent.pid})
	l.launch(false)
}

// Fork is fork(2), vfork(2) and __clone(2): it makes a child of l's process whose
// one LWP runs a.Body, with l's signal mask.
//
// EINVAL: no Body or no such exit signal; EAGAIN: too many processes, for the
// machine or, by RLIMIT_NPROC, for the real user (item 94), root excepted; others
// come from the hooks.
func (l *LWP) Fork(a ForkArgs) (*Proc, netbsd.Errno) {
	if errno := l.enter(); errno != 0 {
		return nil, errno
	}
	c, errno := l.fork(&a)
	return c, l.leave(errno)
}

// fork is Fork without the way into the kernel, for posix_spawn, too.
//
// It has three parts. The embryo is made with mu held and cannot be seen. The hooks, which
// copy memory and descriptors, run without mu, as they may block for long; meanwhile the
// machine may have begun to close, so that is asked again. What makes the child visible is
// done with mu held throughout: no signal can come to the group between the child's joining it
// and its birth and miss the child.
func (l *LWP) fork(a *ForkArgs) (*Proc, netbsd.Errno) {
	p, m := l.p, l.p.m
	if a.Body == nil || a.ExitSignal != 0 && !a.ExitSignal.Valid() {
		return nil, netbsd.EINVAL
	}
	m.lock()
	c, cl, errno := l.embryo(a)
	if errno != 0 {
		m.unlock()
		return nil, errno
	}
	// A fork of a Go function has none, and then mu is taken once for the whole.
	if p.needsForkHooks(a) {
		l.vforks = a.Vfork && a.ShareVM && !m.r2003
		m.unlock()
		if !l.hook(func() { errno = l.forkHooks(c, cl, a) }) {
			errno = netbsd.ENOMEM
		}
		m.lock()
		if errno == 0 && m.closing {
			errno = netbsd.EAGAIN
		}
		if errno != 0 {
			// Whichever hooks have run are undone, and the caller sees a fork that never was.
			c.dropParts(cl)
			m.abandon(c, cl)
			m.unlock()
			return nil, errno
		}
	}
	p.pgrp.join(c)
	p.inheritTrace(cl, a)
	l.beforeChild(c, a)
	c.begin(cl, p)
	p.noteFork(c)
	if p.flags&(fStopFork|fTraced) != 0 {
		p.forkStops(c, a)
		if !a.spawn {
			l.tell(a.forkEvent(), c.pid)
		}
	}
	if a.Vfork {
		l.awaitVfork(c)
	}
	m.unlock()
	return c, 0
}

// beforeChild is what has to be so before a fork's child can run. mu is held.
func (l *LWP) beforeChild(c *Proc, a *ForkArgs) {
	// P_PPWAIT, as the child may exit before its parent goes to sleep, and then there is nothing to
	// wait for.
	if a.Vfork {
		c.flags |= fPPWait
		c.vforkLWP = l
		l.vforkwait = true
	}
	// The caller learns the child, so that a trace has the fork before the child's first call.
	if a.Linked != nil {
		a.Linked(c)
	}
	// PS_STOPFORK: its LWP is born stopped. do_posix_spawn does not look at it.
	if l.p.flags&fStopFork != 0 && !a.spawn && !l.p.tells(a.forkEvent()) {
		c.flags |= fStopping
	}
}

// Vforks reports, to the hooks of a fork, whether l runs no more before its child has let go of the memory that they share. In release 2003 it may, as
// a child that exits wakes its parent first.
func (pl *Platform) Vforks() bool { return pl.vforks }

// manyProcs reports whether the real user of p would have more processes than RLIMIT_NPROC allows with so many more (chgproccnt). The limit
// does not bind the superuser, who could raise it: in release 2003 who is that by his real id, since then by his effective one
// (KAUTH_REQ_PROCESS_RLIMIT_BYPASS). mu is held.
func (p *Proc) manyProcs(more uint64) bool {
	m, ruid := p.m, p.cred.RUID
	if m.r2003 && ruid == 0 || !m.r2003 && p.cred.IsRoot() {
		return false
	}
	return uint64(m.uids[ruid])+more > p.lim[netbsd.RLIMIT_NPROC].Cur
}

// MaySpawn is check_posix_spawn, which comes before all else of a posix_spawn(3). EAGAIN: RLIMIT_NPROC, or the machine's table is
// full. The fork looks again.
func (l *LWP) MaySpawn() netbsd.Errno {
	return l.call(func() netbsd.Errno {
		if l.p.m.procTableFull() || l.p.manyProcs(1) {
			return netbsd.EAGAIN
		}
		return 0
	})
}

// MayExec is what execve_loadvm begins with. EAGAIN: the process has changed its ids, and has a user now who has too many processes: setuid(2)
// does not fail for that, as who calls it seldom looks. Release 2003 has no such rule.
func (l *LWP) MayExec() netbsd.Errno {
	return l.call(func() netbsd.Errno {
		if p := l.p; !p.m.r2003 && p.flags&fSugid != 0 && p.manyProcs(0) {
			return netbsd.EAGAIN
		}
		return 0
	})
}

// embryo makes the child with what needs no hook.
//
// EAGAIN: RLIMIT_NPROC, which counts the processes of the real user, zombies included (item
// 94), or the table is full. mu is
// held.
func (l *LWP) embryo(a *ForkArgs) (*Proc, *LWP, netbsd.Errno) {
	p, m := l.p, l.p.m
	if p.manyProcs(1) {
		return nil, nil, netbsd.EAGAIN
	}
	c, cl, errno := m.newProc(p.cred)
	if errno != 0 {
		return nil, nil, errno
	}
	c.flags = p.flags&(fSugid|fStopFork|fStopExec) | fAForked // not fStopExit (fork1)
	if p.pgrp.sess.ttyvp {
		c.flags |= p.flags & fControlT
	}
	if a.ExitSignal != 0 || a.NoExitSignal {
		c.exitsig = a.ExitSignal
	}
	c.lim, c.img = p.lim, p.img
	c.noteFsize()
	if c.img.Text != nil {
		c.img.Text.Hold()
	}
	c.inheritActs(p, a.ShareSigacts)
	c.flags |= p.flags & (fNoCldStop | fNoCldWait | fCldSigIgn) // they go with the actions
	if p.ext != nil {
		c.inheritExt(p.ext)
	}
	cl.setup(c, a.Body, a.Manual)
	cl.inheritSched(l)
	cl.mask = l.mask
	// In sigsuspend(2) the mask is a loan: the child gets the one that will be restored.
	if l.flags&lOldMask != 0 {
		cl.mask = l.oldmask
	}
	// Whether they share the memory or not: a vfork parent sleeps meanwhile, and who clones otherwise is to see to it
	// (lwp_create).
	if l.ext != nil && l.ext.stack.Flags&netbsd.SS_DISABLE == 0 {
		cl.extra().stack = l.ext.stack
	}
	return c, cl, 0
}

// inheritActs makes the parent's signal actions the child's: shared in place if the fork asks for it
// (__clone(2)), else shared until one of the two changes something. A parent whose own actions are still shared
// by cow gets some of its own first: the others of before have no part in what these two agree on. mu is held.
func (c *Proc) inheritActs(p *Proc, share bool) {
	switch {
	case share:
		a := p.ownActs()
		a.shared = true
		c.acts = a
	// The parent shares its actions with somebody else already; those may change at any
	// moment, and the child asked for no part in that: it gets a copy now.
	case p.acts.shared:
		n := *p.acts
		n.shared = false
		c.acts = &n
	default:
		p.acts.setCow()
		c.acts = p.acts
	}
}

// setCow writes only if it must: defaultActs belongs to all machines of the program, whose
// locks do not know each other, and is marked from the start.
func (a *Sigacts) setCow() {
	if !a.cow {
		a.cow = true
	}
}

// inheritExt copies what a child gets of the rarely used state.
//
// It is called for few parents: most have no extra state, and then the child allocates none. Left out are
// timers, knotes, exit hooks and the children's usage, and what belongs to a tracer (forkStops). References to
// ktrace and systrace are held here, and counters and a clock begin, which dropParts ends if the fork fails. mu is held.
func (c *Proc) inheritExt(x *procExt) {
	if x.nice != 20 {
		c.extra().nice = x.nice
	}
	if x.coreName != "" {
		c.extra().coreName = x.coreName
	}
	if len(x.ras) > 0 {
		c.inheritRAS(x.ras)
	}
	if x.ktrace != nil {
		c.inheritKtrace(x.ktrace)
	}
	if _, asks := x.systrace.(Systracer); x.systrace != nil && !asks {
		x.systrace.Hold()
		c.extra().systrace = x.systrace
		c.calls.Or(callsSystrace)
	}
	if x.pmc != nil {
		c.extra().pmc = x.pmc.Fork(c)
	}
	if x.prof != nil {
		c.startProfil(x.prof.Profile, 0)
	}
}

// needsForkHooks reports whether there is anything for forkHooks to call. What is added to forkHooks has to be
// asked for here, too, or a fork of a Go function passes it by. mu is held.
func (p *Proc) needsForkHooks(a *ForkArgs) bool {
	return p.vm != nil || p.files != nil || p.dirs != nil || a.Prepare != nil || a.VM != nil ||
		len(p.m.cfg.ForkHooks) > 0 || p.img.Emul.ProcFork != nil ||
		p.ext != nil && (len(p.ext.knotes) > 0 || p.ext.systrace != nil)
}

// forkHooks calls the embedder's hooks, with mu not held: they may do as they like.
//
// Files and directories come before the memory: they cannot fail. VM may fail, and Prepare
// may; an error leaves to dropParts what has been made. The knotes come last, when nothing can
// fail any more: a note of a child that is taken back could not be withdrawn.
func (l *LWP) forkHooks(c *Proc, cl *LWP, a *ForkArgs) (errno netbsd.Errno) {
	p := l.p
	if p.files != nil {
		c.files = p.files.Fork(a.ShareFiles)
	}
	if p.dirs != nil {
		c.dirs = p.dirs.Fork(a.ShareCwd)
	}
	switch {
	case a.VM != nil:
		c.vm, errno = a.VM(cl)
	case p.vm != nil:
		c.vm, errno = p.vm.Fork(l, cl, a.ShareVM)
	}
	if errno != 0 {
		c.vm = nil
		return errno
	}
	if a.Prepare != nil {
		if errno = a.Prepare(cl); errno != 0 {
			return errno
		}
	}
	for _, h := range p.m.cfg.ForkHooks {
		h(c, p)
	}
	if f := p.img.Emul.ProcFork; f != nil {
		f(c, p)
	}
	p.systraceFork(c)
	p.trackFork(c)
	return 0
}

// dropParts undoes forkHooks, and what of inheritExt does not go by itself.
//
// What it drops belongs to the layers above, whose code may block or call kern, so all of it
// runs when mu has been dropped. mu is held.
func (c *Proc) dropParts(cl *LWP) {
	vm, files, dirs := c.vm, c.files, c.dirs
	c.vm, c.files, c.dirs = nil, nil, nil
	c.m.after(func() {
		if vm != nil {
			vm.Exit(c, cl)
		}
		if files != nil {
			files.Close()
		}
		if dirs != nil {
			dirs.Close()
		}
	})
	c.stopProfil()
	if x := c.ext; x != nil {
		if x.ktrace != nil {
			c.m.after(x.ktrace.Release)
		}
		if x.systrace != nil {
			c.m.after(x.systrace.Release)
		}
		if x.pmc != nil {
			c.m.after(x.pmc.Exit)
		}
	}
}

// awaitVfork sleeps until the child has let go of the memory. In release 2003 the sleep is on the process
// itself, where wait4 sleeps, too; in 10 the LWP is woken by name (items 8, 9). A debugger's exit can leave
// the LWP of 2003 asleep for good; only the end of the machine gets it out then. The sleep is uninterruptible,
// even for SIGKILL: the child runs in the caller's memory. mu is held before and after.
func (l *LWP) awaitVfork(c *Proc) {
	// NetBSD of 2003 sleeps on the process, tsleep(p, "ppwait"): every wakeup of it looks
	// again.
	if l.p.m.r2003 {
		for c.flags&fPPWait != 0 && !l.p.m.halt {
			l.sleep(&l.p.waiters, false, time.Time{})
		}
		l.vforkwait = false
	} else {
		for l.vforkwait && !l.p.m.halt {
			l.sleep(nil, false, time.Time{})
		}
	}
	l.tell(netbsd.PTRACE_VFORK_DONE, c.pid)
}
