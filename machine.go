// Package toaster runs unmodified NetBSD/amd64 programs on Linux, as ordinary
// processes, with no virtual machine, no root and no NetBSD installed.
//
// Command is shaped like os/exec:
//
//	out, err := toaster.Command("./hello.netbsd", "arg").Output()
//
// Several commands can share a Machine, and so see each other as processes. What a
// machine is made of is in the packages below: kern (the process tree, usable alone,
// with Go functions for programs), host, run, syscalls, file, fs.
package toaster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/machine"
	"toaster/internal/trace"
	"toaster/internal/tty"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

var errBrokenPipe = syscall.EPIPE

// Options configure a machine. The zero value is good.
type Options struct {
	// Release says whose behaviour the machine has; the default is NetBSD 10.
	Release kern.Release
	// Root is the folder that guests see as "/"; no path leaves it. "" is the host's
	// own tree, and programs of the host can then be run by guests, too.
	Root string
	// Mounts are what lies on the root, in the order that they are mounted in; ReadOnly has
	// nothing be changed in the root, nor in those that follow it. Both need a Root.
	Mounts   []Mount
	ReadOnly bool
	// Dir is the working folder in the guest's view; "" is this process's, or "/"
	// under Root.
	Dir string
	// Hostname is what guests are told; "" is the host's, or "toaster" under Root.
	Hostname string
	// User is who programs run as; nil is who this process is. Another one takes root.
	User *User
	// Network says what the guests' sockets reach. Unless it is the host's, programs of the
	// host cannot be run, as they reach all.
	Network Network
	// Trace receives a line for each system call and signal.
	Trace io.Writer
	// Timeline receives the life of every process as Chrome trace events (JSON).
	Timeline io.Writer
	// TimerSlack, if positive, is how late timed sleeps of this process's own threads may
	// end that have waited for guests (prctl(2), PR_SET_TIMERSLACK). It holds for the rest
	// of their lives, and for programs that they start. Go's scheduler then moves
	// goroutines less often: with 500 µs guests spawn and fork 4% faster, make LWPs 17% and
	// talk through pipes 30% faster, but timers, theirs and this process's, are that much
	// later. 0 leaves it alone.
	TimerSlack time.Duration
	// Log receives what there is to say of a panic in toaster's own goroutines: a bug. It
	// kills the process that was served, or ends the machine, but never this process. nil
	// is standard error.
	Log io.Writer
	// Grace is how long what is left at the end has between SIGHUP and SIGKILL.
	Grace time.Duration

	// MaxProcs is how many processes there may be at once, MaxLWPs how many LWPs in all of
	// them together: fork(2) and _lwp_create(2) then fail with EAGAIN. 0 is no limit.
	MaxProcs, MaxLWPs int
	// MaxFiles is how many files all processes together may have open: open(2) and its
	// like then fail with ENFILE. 0 leaves it to the host's limit of descriptors.
	MaxFiles int
	// Memory is how many bytes the guests may have, and what they are told that the
	// machine has: see the page SECURITY.md for how it is counted. mmap(2), brk(2) and
	// fork(2) then fail with ENOMEM. 0 is no limit; guests are told of the host's memory
	// then, or of 1 GiB under Root.
	Memory int64
	// MaxOutput is how many bytes may be written to the standard output and error of all
	// commands together, and WallTime and CPUTime are how long the machine may run, and
	// how much processor time guests may use. Beyond them the machine is ended: Wait
	// returns a *LimitError. 0 is no limit. Neither the toaster process's own time nor
	// what programs of the host use and write is counted.
	MaxOutput         int64
	WallTime, CPUTime time.Duration
	// SpeculationSafe switches off, for guests, speculative store bypass and speculation at
	// indirect branches, where these are not off already. They are slower then. New fails
	// where the host does not let a process do so. See SECURITY.md.
	SpeculationSafe bool
	// OnLimit, if it is not nil, is told of the first time that each limit is met, one after
	// the other. Wait and Close give it a moment to return, and no more.
	OnLimit func(*LimitError)
}

// Mount puts a directory or a file of the host, or an empty file system in memory, at a place
// in the root.
type (
	Mount       = vfs.Mount
	MountAccess = vfs.MountAccess
)

// What guests may do in a mount.
const (
	AsRoot    = vfs.AsRoot
	ReadOnly  = vfs.ReadOnly
	ReadWrite = vfs.ReadWrite
)

// TryTmpfs says why a Mount without Source cannot be had on this host; nil if it can.
func TryTmpfs() error { return vfs.TryTmpfs() }

// sink gives what the machine reports to; nil if nobody asked.
func (o *Options) sink() trace.Sink {
	var sinks []trace.Sink
	if o.Trace != nil {
		sinks = append(sinks, trace.NewText(o.Trace, trace.TextOptions{Times: true, Durations: true}))
	}
	if o.Timeline != nil {
		sinks = append(sinks, trace.NewTimeline(o.Timeline))
	}
	return trace.Multi(sinks...)
}

// alterConfig is for tests.
var alterConfig = func(*machine.Config) {}

// Machine is a running NetBSD kernel with its processes. Its methods may be called
// from any goroutine.
type Machine struct {
	sys    *machine.System
	dirs   *vfs.Dirs
	cred   *kern.Cred // what programs begin with
	opts   Options
	limits *limiter
	files  file.Quota
	output *file.Meter // nil: no bound
	close  func() error
}

// New starts a machine. Close it when it is no longer needed.
func New(opts Options) (*Machine, error) { return newMachine(opts, "") }

// newMachine starts a machine whose first program will be that file of the host, if
// one is named: it is looked at meanwhile.
func newMachine(opts Options, program string) (*Machine, error) {
	opts.setDefaults()
	m := &Machine{opts: opts, limits: newLimiter(&opts)}
	m.files = file.Quota{Max: opts.MaxFiles, Full: func() { m.limits.refused(LimitFiles) }}
	m.output = m.limits.meter(opts.MaxOutput)
	net, err := opts.network()
	if err != nil {
		return nil, fmt.Errorf("toaster: %w", err)
	}
	cfg := machine.Config{
		Kern:         kern.Config{Release: opts.Release, Hostname: opts.Hostname, Grace: opts.Grace, MaxLWPs: opts.MaxLWPs, TableFull: m.limits.tableFull},
		FS:           vfs.Config{Root: opts.Root, Dir: opts.Dir, Mounts: opts.Mounts, ReadOnly: opts.ReadOnly},
		Files:        file.MachineConfig{Confined: opts.Root != "", Quota: &m.files},
		Network:      net,
		HostPrograms: opts.Root == "" && net == machine.NetworkHost,
		Sink:         opts.sink(),
		PhysMem:      opts.physicalMemory(),
		MaxFiles:     opts.MaxFiles,
		Memory:       uint64(max(opts.Memory, 0)),
		MemoryFull:   func() { m.limits.refused(LimitMemory) },
		Program:      program,
	}
	if opts.MaxProcs > 0 {
		cfg.Kern.MaxProc = opts.MaxProcs + 1 // init
	}
	cfg.Platform.TimerSlack, cfg.Platform.SpeculationSafe = opts.TimerSlack, opts.SpeculationSafe
	if opts.Log != nil {
		cfg.Bug = func(b *guard.Bug) { fmt.Fprint(opts.Log, b.Text()) }
	}
	alterConfig(&cfg)
	cfg.Platform.Refused = m.limits.hostRefused
	if m.sys, m.dirs, err = machine.New(cfg); err != nil {
		return nil, fmt.Errorf("toaster: %w", err)
	}
	if m.cred, err = m.credentials(opts.User); err != nil {
		m.sys.Close()
		m.dirs.Close()
		return nil, fmt.Errorf("toaster: %w", err)
	}
	m.close = sync.OnceValue(m.shutdown)
	m.limits.kill = m.sys.Kill
	m.files.May = m.sys.MemoryLeft
	m.limits.watch(&opts, m.sys.Platform.CPUTime, runtime.NumCPU())
	return m, nil
}

// rootHostname and rootMemory are what guests are told under a root, where they are to
// learn nothing of the host.
const (
	rootHostname = "toaster"
	rootMemory   = 1 << 30
)

// setDefaults fills in what depends on other options or on the host.
func (o *Options) setDefaults() {
	if o.Root != "" && o.Dir == "" {
		o.Dir = "/"
	}
	switch {
	case o.Hostname != "":
	case o.Root != "":
		o.Hostname = rootHostname
	default:
		o.Hostname, _ = os.Hostname()
	}
}

// physicalMemory is what guests are told of the machine's memory.
func (o *Options) physicalMemory() uint64 {
	switch {
	case o.Memory > 0:
		return uint64(o.Memory)
	case o.Root != "":
		return rootMemory
	}
	return hostMemory()
}

// Close ends the machine as a shutdown does: every process gets SIGHUP and SIGCONT,
// then SIGKILL. Nothing of it is left on the host when Close returns.
func (m *Machine) Close() error { return m.close() }

func (m *Machine) shutdown() error {
	m.limits.stop()
	defer m.limits.flush()
	err := m.sys.Close()
	m.dirs.Close()
	return err
}

// Kern gives the process tree, for its own interface: events, checks, Go-function
// processes beside the programs.
func (m *Machine) Kern() *kern.Machine { return m.sys.M }

func hostMemory() uint64 {
	var si syscall.Sysinfo_t
	if syscall.Sysinfo(&si) != nil {
		return 0
	}
	return si.Totalram * uint64(si.Unit)
}

// Process is a program that was started.
type Process struct {
	Pid  int // the guest's process id
	proc *kern.Proc
}

// Signal sends sig, with NetBSD's number.
func (p *Process) Signal(sig netbsd.Signal) error {
	switch e := p.proc.Kill(sig); e {
	case 0:
		return nil
	case netbsd.ESRCH:
		return fmt.Errorf("toaster: signal %v to process %d: %w (%w)", sig, p.Pid, os.ErrProcessDone, e)
	default:
		return fmt.Errorf("toaster: signal %v to process %d: %w", sig, p.Pid, e)
	}
}

// Kill sends SIGKILL.
func (p *Process) Kill() error { return p.Signal(netbsd.SIGKILL) }

// NotFoundError says that a program does not exist; NotExecutableError that what is
// there cannot be run. Their texts say what it is and what to do.
type (
	NotFoundError      struct{ Err error }
	NotExecutableError struct{ Err error }
)

func (e *NotFoundError) Error() string      { return e.Err.Error() }
func (e *NotFoundError) Unwrap() error      { return e.Err }
func (e *NotExecutableError) Error() string { return e.Err.Error() }
func (e *NotExecutableError) Unwrap() error { return e.Err }

// Start starts the program. It returns a *NotFoundError or a *NotExecutableError if
// that is why it cannot.
func (c *Cmd) Start() error {
	if c.Process != nil {
		return errors.New("toaster: already started")
	}
	if c.ctx != nil && c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	err := c.start()
	c.stdio.closeGuestEnds()
	closeAll(c.guests)
	if err == nil {
		c.stdio.start()
		c.watch()
		return nil
	}
	closeAll(c.parents)
	closeAll(c.stdio.ends)
	if c.own {
		c.Machine.Close()
	}
	return err
}

func (c *Cmd) start() error {
	if err := c.prepareStdio(); err != nil {
		return fmt.Errorf("toaster: %w", err)
	}
	if c.Machine == nil {
		opts := c.Options
		if c.Dir != "" {
			opts.Dir = c.Dir
		}
		m, err := newMachine(opts, c.hostFile(opts))
		if err != nil {
			return err
		}
		c.Machine, c.own = m, true
	}
	if c.JobControl != nil && c.JobControl.Ready != nil {
		c.JobControl.Ready()
	}
	dirs, err := c.Machine.workingDir(c.Dir, c.own)
	if err != nil {
		return err
	}
	table, err := c.Machine.tableOf(c.stdio.files)
	if err != nil {
		dirs.Close()
		return err
	}
	p, err := c.Machine.startProcess(c, table, dirs, c.environment())
	if err != nil {
		if limit := c.Machine.limits.reached(err); limit != nil {
			return limit
		}
		return err
	}
	c.Process = &Process{Pid: p.Pid(), proc: p}
	return nil
}

// hostFile is where the program is if guests see the host's own tree.
func (c *Cmd) hostFile(opts Options) string {
	if opts.Root != "" {
		return ""
	}
	if filepath.IsAbs(c.Path) {
		return c.Path
	}
	return filepath.Join(opts.Dir, c.Path)
}

// workingDir gives the folders of a new process.
func (m *Machine) workingDir(dir string, own bool) (*vfs.Dirs, error) {
	d := m.dirs.Fork(false)
	if dir == "" || own {
		return d, nil
	}
	if e := (vfs.View{Dirs: d, Files: m.sys.Files.NewTable(), Cred: m.cred}).Chdir(dir); e != 0 {
		d.Close()
		return nil, fmt.Errorf("toaster: working folder %s: %w", dir, e)
	}
	return d, nil
}

// tableOf makes the descriptor table of a program from host files.
func (m *Machine) tableOf(files []*os.File) (*file.Table, error) {
	t := m.sys.Files.NewTable()
	for i, f := range files {
		if st, err := f.Stat(); m.opts.Root != "" && err == nil && st.IsDir() {
			t.Close()
			return nil, fmt.Errorf("toaster: descriptor %d (%s): a folder from outside would lead out of the root %s; pass a file, or none", i, f.Name(), m.opts.Root)
		}
		d, e := m.inherit(int(f.Fd()))
		if e == 0 {
			if m.output != nil && (i == 1 || i == 2) {
				d.SetMeter(m.output)
			}
			if _, e = t.Install(d, i, 1<<16, false); e != 0 {
				d.Release()
			}
		}
		if e != 0 {
			t.Close()
			return nil, fmt.Errorf("toaster: descriptor %d (%s): %w", i, f.Name(), e)
		}
	}
	return t, nil
}

// inherit makes an open file of a host descriptor; a terminal's is one to guests, too.
func (m *Machine) inherit(fd int) (*file.Description, netbsd.Errno) {
	if tty.IsTerminal(fd) {
		return m.sys.TTY.Inherit(fd)
	}
	d, e := file.Inherit(fd)
	if e == 0 && m.opts.Root != "" {
		d.Confine()
	}
	return d, e
}

func (m *Machine) startProcess(c *Cmd, table *file.Table, dirs *vfs.Dirs, env []string) (*kern.Proc, error) {
	name, err := lookPath(vfs.View{Dirs: dirs, Files: table, Cred: m.cred}, c.Path, env)
	if err != nil {
		table.Close()
		dirs.Close()
		return nil, err
	}
	spawn := func(leader *kern.Proc) (*kern.Proc, error) {
		return m.sys.Start(machine.Process{
			Path: name, Argv: c.Args, Envp: env,
			Files: table, Dirs: dirs, Cred: m.cred, Leader: leader,
			Setup: inheritIgnored,
		})
	}
	p, err := c.startJob(spawn)
	var x *machine.ExecError
	switch {
	case errors.As(err, &x) && x.Missing:
		return nil, &NotFoundError{err}
	case errors.As(err, &x):
		return nil, &NotExecutableError{err}
	}
	return p, err
}

// startJob starts the program, with job control if that is wanted and there is a
// terminal.
func (c *Cmd) startJob(spawn func(leader *kern.Proc) (*kern.Proc, error)) (*kern.Proc, error) {
	if c.JobControl == nil {
		return spawn(nil)
	}
	h := c.JobControl.terminal(c.Machine.sys.TTY)
	if h == nil {
		return spawn(nil)
	}
	return c.JobControl.start(c.Machine.Kern(), h, spawn)
}

// defaultPath is where execvp(3) looks without a PATH (_PATH_DEFPATH of <paths.h>).
const defaultPath = "/usr/bin:/bin:/usr/pkg/bin:/usr/local/bin"

// lookPath finds a name without a slash in the PATH of env, as execvp(3) does.
func lookPath(v vfs.View, name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	list := defaultPath
	for _, kv := range env {
		if l, ok := strings.CutPrefix(kv, "PATH="); ok {
			list = l
		}
	}
	for _, dir := range filepath.SplitList(list) {
		full := filepath.Join(dir, name)
		if f, _, e := v.OpenExec(full); e == 0 {
			f.Close()
			return full, nil
		}
	}
	return "", &NotFoundError{fmt.Errorf("%s: not found on PATH; a program in the working folder is ./%s", name, name)}
}

// Wait waits for the end of the program, and of the copying of its input and output.
// The error is an *ExitError unless the exit status is 0, or a *LimitError if a limit has
// ended the machine. With a machine of its own the machine ends, too: what the program
// left running gets SIGHUP, SIGCONT, SIGKILL.
//
// When the context is done or the machine has met a limit, Wait returns within a second,
// or WaitDelay and a little more if that is set.
func (c *Cmd) Wait() error {
	if c.Process == nil {
		return errors.New("toaster: not started")
	}
	if c.ProcessState != nil {
		return errors.New("toaster: Wait was already called")
	}
	defer close(c.cut.over)
	c.ProcessState = c.awaitExit()
	exited := time.Now()
	var closeErr error
	if c.own {
		closeErr = c.closeOwn()
	}
	ioErr := c.awaitIO(exited)
	closeAll(c.parents)
	return c.verdict(ioErr, closeErr)
}

// verdict is what Wait returns.
func (c *Cmd) verdict(ioErr, closeErr error) error {
	c.Machine.limits.flush()
	var exit error
	if !c.ProcessState.Success() {
		exit = &ExitError{ProcessState: c.ProcessState}
	}
	if limit := c.Machine.limits.reached(exit); limit != nil {
		return limit
	}
	if err := c.Machine.Kern().Err(); errors.Is(err, kern.ErrBug) {
		return fmt.Errorf("toaster: %w", err)
	}
	if exit != nil {
		return exit
	}
	select {
	case <-c.cut.at:
		if c.cut.err != nil {
			return c.cut.err
		}
	default:
	}
	if closeErr == nil {
		return ioErr // as it is, for those who compare
	}
	return errors.Join(ioErr, closeErr)
}
