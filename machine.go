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
	"strings"
	"syscall"
	"time"

	"toaster/file"
	"toaster/fs"
	"toaster/kern"
	"toaster/netbsd"
	"toaster/run"
	"toaster/trace"
	"toaster/tty"
)

var errBrokenPipe = syscall.EPIPE

// Options configure a machine. The zero value is good.
type Options struct {
	// Release says whose behaviour the machine has; the default is NetBSD 10.
	Release kern.Release
	// Root is the folder that guests see as "/"; no path leaves it. "" is the host's
	// own tree, and programs of the host can then be run by guests, too.
	Root string
	// Dir is the working folder in the guest's view; "" is this process's, or "/"
	// under Root.
	Dir string
	// Hostname is what guests are told; "" is the host's.
	Hostname string
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
	// Grace is how long what is left at the end has between SIGHUP and SIGKILL.
	Grace time.Duration
}

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

// Machine is a running NetBSD kernel with its processes. Its methods may be called
// from any goroutine.
type Machine struct {
	sys  *run.System
	dirs *fs.Dirs
	opts Options
}

// New starts a machine. Close it when it is no longer needed.
func New(opts Options) (*Machine, error) { return newMachine(opts, "") }

// newMachine starts a machine whose first program will be that file of the host, if
// one is named: it is looked at meanwhile.
func newMachine(opts Options, program string) (*Machine, error) {
	if opts.Hostname == "" {
		opts.Hostname, _ = os.Hostname()
	}
	if opts.Root != "" && opts.Dir == "" {
		opts.Dir = "/"
	}
	cfg := run.Config{
		Kern:         kern.Config{Release: opts.Release, Hostname: opts.Hostname, Grace: opts.Grace},
		FS:           fs.Config{Root: opts.Root, Dir: opts.Dir},
		HostPrograms: opts.Root == "",
		Sink:         opts.sink(),
		PhysMem:      physicalMemory(),
		Program:      program,
	}
	cfg.Platform.TimerSlack = opts.TimerSlack
	sys, dirs, err := run.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("toaster: %w", err)
	}
	return &Machine{sys: sys, dirs: dirs, opts: opts}, nil
}

// Close ends the machine as a shutdown does: every process gets SIGHUP and SIGCONT,
// then SIGKILL. Nothing of it is left on the host when Close returns.
func (m *Machine) Close() error {
	err := m.sys.Close()
	m.dirs.Close()
	return err
}

// Kern gives the process tree, for its own interface: events, checks, Go-function
// processes beside the programs.
func (m *Machine) Kern() *kern.Machine { return m.sys.M }

func physicalMemory() uint64 {
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
	if e := p.proc.Kill(sig); e != 0 {
		return fmt.Errorf("toaster: signal %v to process %d: %w", sig, p.Pid, e)
	}
	return nil
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
		c.killWhenDone()
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
func (m *Machine) workingDir(dir string, own bool) (*fs.Dirs, error) {
	d := m.dirs.Fork(false)
	if dir == "" || own {
		return d, nil
	}
	if e := (fs.View{Dirs: d, Files: file.NewTable()}).Chdir(dir); e != 0 {
		d.Close()
		return nil, fmt.Errorf("toaster: working folder %s: %w", dir, e)
	}
	return d, nil
}

// tableOf makes the descriptor table of a program from host files.
func (m *Machine) tableOf(files []*os.File) (*file.Table, error) {
	t := file.NewTable()
	for i, f := range files {
		if st, err := f.Stat(); m.opts.Root != "" && err == nil && st.IsDir() {
			t.Close()
			return nil, fmt.Errorf("toaster: descriptor %d (%s): a folder from outside would lead out of the root %s; pass a file, or none", i, f.Name(), m.opts.Root)
		}
		d, e := m.inherit(int(f.Fd()))
		if e == 0 {
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

func (m *Machine) startProcess(c *Cmd, table *file.Table, dirs *fs.Dirs, env []string) (*kern.Proc, error) {
	name, err := lookPath(fs.View{Dirs: dirs, Files: table}, c.Path, env)
	if err != nil {
		table.Close()
		dirs.Close()
		return nil, err
	}
	spawn := func(leader *kern.Proc) (*kern.Proc, error) {
		return m.sys.Start(run.Process{
			Path: name, Argv: c.Args, Envp: env,
			Files: table, Dirs: dirs, Cred: hostCred(), Leader: leader,
			Setup: inheritIgnored,
		})
	}
	p, err := c.startJob(spawn)
	var x *run.ExecError
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

// lookPath finds a name without a slash in the PATH of env, as execvp(3) does.
func lookPath(v fs.View, name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for i := len(env) - 1; i >= 0; i-- {
		list, ok := strings.CutPrefix(env[i], "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			full := filepath.Join(dir, name)
			if f, _, e := v.OpenExec(full); e == 0 {
				f.Close()
				return full, nil
			}
		}
		break
	}
	return "", &NotFoundError{fmt.Errorf("%s: not found on PATH; a program in the working folder is ./%s", name, name)}
}

// hostCred gives guests the ids that this process has.
func hostCred() *kern.Cred {
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	groups, _ := os.Getgroups()
	c := kern.UserCred(uid, gid)
	for _, g := range groups[:min(len(groups), kern.NGroupsMax)] {
		c.Groups = append(c.Groups, uint32(g))
	}
	return c
}

func (c *Cmd) killWhenDone() {
	if c.ctx == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-c.ctx.Done():
			c.Process.Kill()
		case <-done:
		}
	}()
	c.stop = func() bool { close(done); return true }
}

// Wait waits for the end of the program, and of the copying of its input and output.
// The error is an *ExitError unless the exit status is 0. With a machine of its own
// the machine ends, too: what the program left running gets SIGHUP, SIGCONT, SIGKILL.
func (c *Cmd) Wait() error {
	if c.Process == nil {
		return errors.New("toaster: not started")
	}
	if c.ProcessState != nil {
		return errors.New("toaster: Wait was already called")
	}
	p := c.Process.proc
	<-p.Done()
	status, _ := p.Status()
	usage, _ := p.Rusage(netbsd.RUSAGE_SELF)
	c.ProcessState = &ProcessState{pid: p.Pid(), status: status, usage: usage}
	if c.stop != nil {
		c.stop()
	}
	var closeErr error
	if c.own {
		closeErr = c.Machine.Close()
	}
	ioErr := c.stdio.wait()
	closeAll(c.parents)
	if !c.ProcessState.Success() {
		return &ExitError{ProcessState: c.ProcessState}
	}
	if c.ctx != nil && c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	return errors.Join(ioErr, closeErr)
}
