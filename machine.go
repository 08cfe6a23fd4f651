// Package toaster runs unmodified NetBSD/amd64 programs on Linux, as ordinary
// processes, with no virtual machine, no root and no NetBSD installed.
//
// Command is shaped like os/exec:
//
//	out, err := toaster.Command("./hello.netbsd", "arg").Output()
//
// Several commands can share a Machine, and so see each other as processes. The process
// tree of a machine is package kern, which is usable alone, with Go functions for programs.
package toaster

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/machine"
	"toaster/internal/vfs"
	"toaster/kern"
)

// alterConfig is for tests.
var alterConfig = func(*machine.Config) {}

// Machine is a running NetBSD kernel with its processes. Its methods may be called
// from any goroutine.
type Machine struct {
	ctx    context.Context
	sys    *machine.System
	dirs   *vfs.Dirs
	cred   *kern.Cred // what programs begin with
	opts   Options
	limits *limiter
	files  file.Quota
	output *file.Meter // nil: no bound
	detach func() bool // ends the watch over ctx
	close  func() error

	mu     sync.Mutex
	closed bool // Close has begun; guarded by mu
}

// New starts a machine. The caller closes it when it is no longer needed; the end of ctx
// closes it, too, in the background. From the end of ctx on Start fails with ctx.Err(), and
// Wait returns within Options.Grace and a second, whatever the guests do.
//
// New fails if ctx has ended, if the host lacks what machines need ("toaster doctor" says
// what that is), or if it cannot do what opts ask for.
func New(ctx context.Context, opts Options) (*Machine, error) {
	if ctx == nil {
		panic("toaster: nil Context")
	}
	return newMachine(ctx, opts, "")
}

// newMachine starts a machine whose first program will be the host's file program, if that
// is not "": it is looked at meanwhile.
func newMachine(ctx context.Context, opts Options, program string) (*Machine, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	guard.GrowStack[guard.Stack16K]()
	opts.setDefaults()
	m := &Machine{ctx: ctx, opts: opts, limits: newLimiter(&opts)}
	m.files = file.Quota{Max: opts.MaxFiles, Full: func() { m.limits.refused(LimitFiles) }}
	m.output = m.limits.meter(opts.MaxOutput)
	cfg, err := m.config(program)
	if err != nil {
		return nil, fmt.Errorf("toaster: %w", err)
	}
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
	m.detach = context.AfterFunc(ctx, func() { m.close() })
	return m, nil
}

// config returns what the engine is told of m's options.
func (m *Machine) config(program string) (machine.Config, error) {
	o := &m.opts
	net, err := o.network()
	if err != nil {
		return machine.Config{}, err
	}
	cfg := machine.Config{
		Kern:         kern.Config{Release: o.Release, Hostname: o.Hostname, Grace: o.Grace, MaxLWPs: o.MaxLWPs, TableFull: m.limits.tableFull},
		FS:           vfs.Config{Root: o.Root, Dir: o.Dir, Mounts: o.mounts(), ReadOnly: o.ReadOnly, Owners: !o.NoOwners && os.Geteuid() != 0, Syslog: m.output.Writer(o.Syslog)},
		Quota:        &m.files,
		Network:      net,
		HostPrograms: o.Root == "" && net == machine.NetworkHost,
		NoHostExec:   o.NoHostExec,
		Sink:         o.sink(),
		PhysMem:      o.physicalMemory(),
		MaxFiles:     o.MaxFiles,
		Memory:       uint64(max(o.Memory, 0)),
		MemoryFull:   func() { m.limits.refused(LimitMemory) },
		Program:      program,
	}
	if o.MaxProcs > 0 {
		cfg.Kern.MaxProc = o.MaxProcs + 1 // init
	}
	cfg.Platform.TimerSlack, cfg.Platform.SpeculationSafe = o.TimerSlack, o.SpeculationSafe
	cfg.Platform.NoLend = o.NoLend
	if o.Log != nil {
		cfg.Bug = func(b *guard.Bug) { fmt.Fprint(o.Log, b.Text()) }
	}
	alterConfig(&cfg)
	cfg.Platform.Refused = m.limits.hostRefused
	return cfg, nil
}

// Close ends the machine as a shutdown does: every process gets SIGHUP and SIGCONT,
// and Options.Grace later SIGKILL. Nothing of it is left on the host when Close returns.
// Another call waits for the same end. The error is one of a sink (Options.Trace,
// Options.Timeline), or wraps kern.ErrBug if the machine broke down.
func (m *Machine) Close() error {
	m.detach()
	return m.close()
}

func (m *Machine) shutdown() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.limits.stop()
	defer m.limits.flush()
	err := m.sys.Close()
	m.dirs.Close()
	return err
}

// errClosed is what Start returns once Close has been called.
func errClosed() error { return fmt.Errorf("toaster: the machine is closed: %w", os.ErrClosed) }

// gone returns why nothing can be started any more: ctx.Err() or errClosed; nil if it can.
func (m *Machine) gone() error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errClosed()
	}
	return nil
}

// forkDirs returns the directories of a new process; errClosed once Close has begun.
func (m *Machine) forkDirs() (*vfs.Dirs, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed()
	}
	return m.dirs.Fork(false), nil
}

// Kern returns the process tree, for its own interface: events, checks, Go-function
// processes beside the programs.
func (m *Machine) Kern() *kern.Machine { return m.sys.M }

// Pause has the machine stand still, as a freezer of the host does: no program runs until Resume, nor what is
// started meanwhile. Programs cannot tell but by a clock. Pause returns when all stand; the error is ctx.Err()
// where one of them has not come to stand until then, though it will. SIGKILL and Close end who stands.
func (m *Machine) Pause(ctx context.Context) error { return m.Kern().Pause(ctx) }

// Resume ends a Pause.
func (m *Machine) Resume() { m.Kern().Resume() }
