package machine

import (
	"errors"
	"sync"
	"time"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/internal/platform"
	"toaster/internal/platform/outside"
	"toaster/internal/socket"
	"toaster/internal/syscalls"
	"toaster/internal/sysv"
	"toaster/internal/trace"
	"toaster/internal/tty"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// System is one running machine with a platform beneath: what the run loop and the
// system calls share.
type System struct {
	syscalls.Kernel
	Platform *platform.Platform
	FS       *vfs.Tree
	Files    *file.Machine
	Host     *hostfile.Host
	network  network
	TTY      *tty.Driver

	// All of the above is set by New and never changes. What follows has a lock of its own, or is one LWP's.

	releases sync.WaitGroup // of address spaces that are being given up, see Space.Exit

	// HostPrograms lets execve run the host's own executables (see hostprog.go).
	HostPrograms bool
	hosts        hostPrograms
	groups       hostGroups
	rewrites     rewrites // call sites of files, for all processes
	images       imageCache
	prescan      prescan
	Sink         trace.Sink    // nil: nobody looks
	followed     chan struct{} // closed when the sink has heard of everything

	// Fault, in tests, is called before each handler, and panics where a bug would.
	Fault  func(*syscalls.Call)
	memory *memory // never nil; its limit is 0 where nothing is counted
}

// Config describes a system. Sink is called by the goroutines of all LWPs, at once.
type Config struct {
	Kern     kern.Config
	FS       vfs.Config
	Quota    *file.Quota // of open files; nil for none
	Network  Network
	Platform platform.Options
	// HostPrograms, see System.
	HostPrograms bool
	NoHostExec   bool       // those programs run none of the machine's
	Sink         trace.Sink // nil: nobody looks on; the system closes it
	PhysMem      uint64     // as guests are told (hw.physmem); System V's shared memory is bounded by it, too
	// Bug, if it is not nil, is told of panics in the system's goroutines; otherwise they go
	// to standard error. It must not call the system.
	Bug func(*guard.Bug)
	// Memory limits what guests and the kernel for them may have, in bytes, and
	// MemoryFull is told when it refuses; 0 is no limit.
	Memory     uint64
	MemoryFull func()
	MaxFiles   int // as guests are told; the tables' quota is what holds. 0: NetBSD's default

	// Program may name the file that will be started first, on the host. It is looked
	// through while the platform starts.
	Program string
}

// New starts a system, the platform beside the rest. It returns the directories of the first
// process, too. The caller closes the system, with all processes, and the directories unless Start
// got them. The error is the platform's if the host cannot carry guests.
//
// If either half fails the other one is taken down here, in the order of Close.
func New(cfg Config) (*System, *vfs.Dirs, error) {
	// Who looks on wants to see every call.
	cfg.Platform.TrapAll = cfg.Platform.TrapAll || cfg.Sink != nil
	cfg.Platform.Memory, cfg.Platform.OverMemory = cfg.Memory, cfg.MemoryFull
	rest := beside(func() (*System, *vfs.Dirs, error) { return newSystem(cfg) })
	p, perr := platform.New(cfg.Platform) // here, as it takes longest: to start a thread takes a while
	s, dirs, err := rest()
	switch {
	case err == nil && perr == nil:
		// Nothing has used s.Platform before: guests have no LWP until Start makes one.
		s.Platform = p
		// Host processes are killed at once then: no guest is asked to notice its end.
		s.M.OnHalt(p.KillGuests)
		if s.Sink != nil {
			s.followed = make(chan struct{})
			go s.follow(s.M.Events())
		}
		return s, dirs, nil
	case err == nil:
		s.closeRest(dirs)
		return nil, nil, perr
	case perr == nil:
		p.Close()
	}
	return nil, nil, err
}

// closeRest ends a system that has no platform, and the directories that there would have been a process for.
func (s *System) closeRest(dirs *vfs.Dirs) {
	s.M.Close()
	s.TTY.Close()
	s.closeFiles()
	dirs.Close()
	s.FS.Close()
}

// beside begins to do what f does; the result waits for it. It must be called, or what f makes is nobody's.
//
// A stack of Go's grows by being copied, which takes time at each start: f's is made large at once.
func beside(f func() (*System, *vfs.Dirs, error)) func() (*System, *vfs.Dirs, error) {
	var s *System
	var dirs *vfs.Dirs
	var err error
	var wg sync.WaitGroup
	wg.Go(func() {
		guard.GrowStack[guard.Stack8K]()
		s, dirs, err = f()
	})
	return func() (*System, *vfs.Dirs, error) {
		wg.Wait()
		return s, dirs, err
	}
}

// mayReadConsole is the VOP_ACCESS of TIOCCONS.
func mayReadConsole(l *kern.LWP) netbsd.Errno {
	return syscalls.View(l).Access(netbsd.AT_FDCWD, "/dev/console", netbsd.R_OK, netbsd.AT_EACCESS)
}

// newSystem makes all but the platform.
//
// It runs beside platform.New, so nothing here may use s.Platform; Kernel's callbacks may, as
// they are called by LWPs, of which there are none yet.
func newSystem(cfg Config) (*System, *vfs.Dirs, error) {
	syscalls.Index()
	host := hostfile.NewHost()
	tree, dirs, err := vfs.New(host, cfg.FS)
	if err != nil {
		host.Close()
		return nil, nil, err
	}
	s := &System{FS: tree, Host: host, memory: newMemory(cfg.Memory, cfg.MemoryFull, cfg.Platform.Refused), HostPrograms: cfg.HostPrograms, Sink: cfg.Sink}
	maker, err := s.network.sockets(cfg.Network)
	if err != nil {
		host.Close()
		dirs.Close()
		tree.Close()
		return nil, nil, err
	}
	s.Files = file.NewMachine(file.MachineConfig{Quota: cfg.Quota, TableOf: syscalls.TableOf, UserOf: syscalls.UserOf, Watcher: host,
		// Looked up when it is called, as s.Kernel is not there yet; so in what is at /proc, below.
		Sigio: func(owner int, code int32) { s.Kernel.Sigio(owner, code) }})
	s.hosts.outside = outside.New(outside.Options{Off: cfg.NoHostExec, Identify: identify, Join: s.join})
	if cfg.Sink != nil {
		cfg.Kern.Events = traceEvents
	}
	// All of Kern is set before kern.New, which copies it.
	cfg.Kern.Bug = s.bugReporter(cfg.Bug)
	cfg.Kern.Core = s.dumpCore
	cfg.Kern.Limits = limitsOf(cfg.Kern.Limits)
	m := kern.New(cfg.Kern)
	s.groups.m = m
	s.TTY = tty.New(m, tree, host)
	s.TTY.SetConsole(mayReadConsole)
	tree.AddFS("/proc", func(v vfs.View, name string) (vfs.Device, netbsd.Errno) { return s.Kernel.ProcFS(v, name) })
	s.Kernel = syscalls.Kernel{
		M:          m,
		Sockets:    socket.New(host, socketConfig(&cfg, maker)),
		PhysMem:    cfg.PhysMem,
		MaxFiles:   cfg.MaxFiles,
		BootTime:   time.Now().Add(-platform.Monotonic()),
		Monotonic:  platform.Monotonic,
		Exec:       s.exec,
		Spawn:      s.spawn,
		LWPBody:    s.Body,
		NewThread:  s.newThread,
		CallOf:     func(l *kern.LWP) *syscalls.Call { return &l.Platform().Machdep().(*Context).call },
		CallAsleep: callAsleep,
		SetStack:   setStack,
		CPUTime:    cpuTime,
		DumpCore:   s.dumpTracee,
		NewMemory:  s.newMemory,
		SysV:       sysv.New(sysv.Config{PhysMem: cfg.PhysMem, NewMemory: s.newShared}),
	}
	s.addDevices(tree)
	if !cfg.Platform.NoLend {
		s.Kernel.NewEventSet = host.NewSet
	}
	s.prescan.begin(cfg.Program) // last: the platform's start waits for the rest
	return s, dirs, nil
}

// callAsleep implements syscalls.Kernel.CallAsleep.
func callAsleep(l *kern.LWP) *syscalls.Call {
	if mc, ok := l.Platform().Machdep().(*Context); ok {
		return &mc.call
	}
	return nil
}

// addDevices adds the devices that need the kernel.
func (s *System) addDevices(tree *vfs.Tree) {
	tree.AddDevice("drvctl", s.Kernel.DrvctlDevice())
	tree.AddDevice("mem", s.Kernel.MemDevice())
	tree.AddDevice("kmem", s.Kernel.KmemDevice())
	tree.AddDevice("drum", s.Kernel.DrumDevice())
	tree.AddDevice("ksyms", s.Kernel.KsymsDevice())
	if s.Kernel.M.Release() == kern.Release2003 {
		tree.AddDevice("systrace", s.Kernel.SystraceDevice())
	}
}

// socketConfig says how the machine's sockets are set up. Under a root they are confined: a directory that comes from outside in a message
// would lead out.
func socketConfig(cfg *Config, maker socket.Maker) socket.Config {
	c := socket.Config{Confined: cfg.FS.Root != "", Maker: maker, Creds: syscalls.Sockcred}
	if cfg.Quota != nil {
		c.MaxFiles = cfg.Quota.Max
	}
	return c
}

// bugReporter tells of bugs; of one that ends the machine the host processes hear, too.
//
// The result is called on the goroutine that has panicked, whichever that is. tell hears of the
// bug first: to kill the guests may be what fails next.
func (s *System) bugReporter(tell func(*guard.Bug)) func(*guard.Bug) {
	if tell == nil {
		tell = guard.Print
	}
	return func(b *guard.Bug) {
		tell(b)
		if b.Ends != "" {
			s.Platform.KillGuests()
		}
	}
}

// Close ends every guest and what carried it.
//
// The order is from the users to what they use: processes, with them their files and terminals;
// then the trace, which reads the kernel's events to their end; then what files and host
// processes stood on.
func (s *System) Close() error {
	err := s.M.Close()
	s.TTY.Close()
	if s.Sink != nil {
		<-s.followed
		err = errors.Join(err, s.Sink.Close())
	}
	s.closeFiles()
	s.Platform.Close()
	s.releases.Wait() // what guests had counts for nothing behind Close
	s.FS.Close()
	return err
}

// closeFiles ends what files have of the host, once no process has any.
//
// Accounting and traces hold open files, sockets stand on the host's poller. stopHosts comes before kill, which
// wants nothing to be started any more.
func (s *System) closeFiles() {
	s.Accounting.Close()
	s.Ktraces.Close()
	s.SysV.Close()
	s.Sockets.Close()
	s.Host.Close()
	s.network.close()
	s.stopHosts()
	s.groups.kill()
}

// Kill ends every process without waiting: host processes first, which no guest can
// delay. Close remains to be called. Deadlines and the ends of contexts come here, on goroutines of their own, and more than once.
//
// What a guest has made between the two dies as well: KillAll refuses every fork, and has KillGuests called
// once more (New, OnHalt).
func (s *System) Kill() {
	s.Platform.KillGuests()
	s.M.KillAll()
}

// KillProcess is Kill for one process. Another one that borrows its memory (vfork(2))
// goes with it.
//
// An exiting process's space may be another's as well (vfork(2)), or be gone.
func (s *System) KillProcess(p *kern.Proc) {
	if space, ok := p.VM().(*Space); ok && !p.Exiting() {
		space.proc.Kill()
	}
	p.Kill(netbsd.SIGKILL)
}

// newThread implements syscalls.Kernel.NewThread: l gets a host thread in the caller's space, with the
// caller's registers. EAGAIN, ENOMEM: the host has none. From here on the process has more than
// one LWP, and what is lent to a process with one is not any more.
//
// kern calls it before l can run. share comes first, or the thread could be up while the stub
// still answers its sibling.
func (s *System) newThread(c *syscalls.Call, l *kern.LWP) (syscalls.CPU, netbsd.Errno) {
	mc := c.CPU.(*Context)
	mc.share()
	t, err := mc.thread.NewThread()
	if err != nil {
		return nil, hostErrno(err)
	}
	// For the copies of its program, which come with so many threads ready (Space.drop), and for openText.
	mc.space.lwps.Add(1)
	n := &Context{sys: s, thread: t, space: mc.space, trapped: trappedCall}
	n.attach(l)
	return n, 0
}

// cpuTime implements syscalls.Kernel.CPUTime. l is a guest's LWP, of the calling process: it has a machine
// context, and its thread stays.
func cpuTime(l *kern.LWP) (user, system time.Duration) {
	return l.Platform().Machdep().(*Context).thread.CPUTime()
}

// setStack implements syscalls.Kernel.SetStack.
//
// l has not run, so its registers are the caller's. sp is the guest's choice and not checked: a
// stack that is none is a fault of l's own. 0 keeps the parent's (clone(2)).
func setStack(l *kern.LWP, sp uint64) netbsd.Errno {
	if sp != 0 {
		l.Platform().Machdep().(*Context).thread.Regs().RSP = sp
	}
	return 0
}

// opener returns how l's process finds its executables: from its directory, below its root, by its rights.
func (s *System) opener(l *kern.LWP) Opener {
	return syscalls.View(l)
}

// Process describes the first process of a program.
type Process struct {
	Path  string
	Argv  []string
	Envp  []string
	Files *file.Table
	Dirs  *vfs.Dirs
	Cred  *kern.Cred // by whose rights the program is looked up, and runs
	// Limits are the process's, nil for those that init has.
	Limits *kern.Limits
	// Leader, if it is not nil, becomes the parent; the program then leads the
	// foreground group of Leader's session instead of a session of its own.
	Leader *kern.Proc
	// Ready, if it is not nil, is called before there is the process, when its memory has been made.
	Ready func()
	// Setup runs with the new process before it can run.
	Setup func(*kern.LWP) netbsd.Errno
}

// Start runs a program as a child of init, or of a.Leader. The error is an *ExecError if the program
// cannot be run. Files and Dirs become the process's, or are closed. A panic over what is in
// the program is an error, too.
//
// Ready may have been called although an error comes back, as the process itself can be refused
// (kern.Machine.Spawn).
func (s *System) Start(a Process) (p *kern.Proc, err error) {
	if !s.M.Contain("starting "+a.Path, func() { p, err = s.start(a) }) {
		return nil, &ExecError{Path: a.Path, Errno: netbsd.ENOEXEC, Err: errBug}
	}
	return p, err
}

// errBug is what a caller sees of a panic. The panic itself, with its stack, has gone to Config.Bug.
var errBug = errors.New("a bug in toaster has kept it from being started")

// Check returns what Start says of a file that cannot be executed, an *ExecError, or nil; it starts nothing. Panics over what
// is in the file are errors, too.
//
// The answer is of the moment: Start opens the file anew. A program of the host is none that can be started,
// whatever HostPrograms says: only a guest executes those.
func (s *System) Check(o Opener, path string) (err error) {
	if !s.M.Contain("looking at "+path, func() { err = s.check(o, path) }) {
		return &ExecError{Path: path, Errno: netbsd.ENOEXEC, Err: errBug}
	}
	return err
}

func (s *System) check(o Opener, path string) error {
	p, xerr := s.load(o, path, nil, nil)
	if xerr != nil {
		return xerr
	}
	defer p.close()
	if p.host {
		return &ExecError{Path: path, Errno: netbsd.ENOEXEC, Err: p.why}
	}
	return nil
}

// start is Start, but for panics. Files and Dirs are closed unless the process has got them.
func (s *System) start(a Process) (*kern.Proc, error) {
	given := false
	defer func() { // after a panic, too
		if !given {
			a.Files.Close()
			a.Dirs.Close()
		}
	}()
	view := vfs.First{View: vfs.View{Dirs: a.Dirs, Files: a.Files, Cred: a.Cred}}
	p, xerr := s.load(view, a.Path, a.Argv, a.Envp)
	if xerr != nil {
		return nil, xerr
	}
	defer p.close()
	if p.host {
		return nil, &ExecError{Path: a.Path, Errno: netbsd.ENOEXEC, Err: p.why}
	}
	// What Spawn sets where Limits is nil.
	stack := stackLimit(s.M.Init())
	if a.Limits != nil {
		stack = a.Limits[netbsd.RLIMIT_STACK].Cur
	}
	mc, errno := s.build(p, a.Cred, stack)
	if errno != 0 {
		return nil, &ExecError{Path: a.Path, Errno: errno, Err: errno}
	}
	if a.Ready != nil {
		a.Ready()
	}
	// Before Spawn: if that panics nobody knows whose they are, and then they rather stay open.
	given = true
	proc, errno := s.M.Spawn(kern.SpawnArgs{
		Body:   s.Body,
		Manual: true,
		Cred:   a.Cred,
		Limits: a.Limits,
		Image:  &kern.Image{Comm: p.comm, Path: p.path, Emul: kern.EmulNetBSD},
		VM:     mc.space,
		Files:  syscalls.Files{Table: a.Files},
		Dirs:   syscalls.Dirs{Dirs: a.Dirs},
		Setsid: a.Leader == nil,
		Parent: a.Leader, Setpgrp: true, Foreground: true,
		Prepare: func(l *kern.LWP) netbsd.Errno {
			mc.attach(l)
			s.setArgs(l.Proc(), p)
			if a.Setup != nil {
				return a.Setup(l)
			}
			return 0
		},
	})
	if errno != 0 {
		given = false
		mc.space.release()
		return nil, &ExecError{Path: a.Path, Errno: errno, Err: errno}
	}
	return proc, nil
}
