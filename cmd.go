package toaster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"toaster/netbsd"
)

// Cmd is a NetBSD program being prepared or run, shaped like os/exec's Cmd. It cannot
// be reused after Start.
type Cmd struct {
	// Path is the program: a name with a slash is a path in the guest's view, another
	// is looked up in the PATH of Env.
	Path string
	// Args holds the arguments, the program's name first.
	Args []string
	// Env is the environment as "K=V"; nil is that of this process, or an empty one under
	// a Root, as it is not the guests' to know. Of several values of a name the last
	// counts. Without a PATH, Path is looked up in NetBSD's default one.
	Env []string
	// Dir is the working folder in the guest's view; "" is this process's.
	Dir string

	// Stdin, Stdout and Stderr are the standard descriptors. A nil one is /dev/null, an
	// *os.File is handed to the guest as it is, another is copied through a pipe.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// ExtraFiles become descriptors 3 and up.
	ExtraFiles []*os.File

	// JobControl, if it is not nil, gives the program the controlling terminal of this
	// process. The zero one is good for a program that is not to be stopped.
	JobControl *JobControl

	// Machine is where the program runs; nil is a machine of its own, which ends with
	// the program.
	Machine *Machine
	// Options configure the machine of its own; used only where Machine is nil.
	Options Options

	// Cancel is called when the context of CommandContext is done; nil kills the program,
	// and with a machine of its own everything in it. What it returns is treated as in
	// os/exec. WaitDelay is how long the program then has, and how long Wait waits for
	// output that other processes hold open, after that or after the program's end. 0 is
	// half a second once the context is done or a limit has ended the machine, and without
	// end otherwise.
	Cancel    func() error
	WaitDelay time.Duration

	// Process is set by Start, ProcessState by Wait.
	Process      *Process
	ProcessState *ProcessState

	ctx     context.Context
	own     bool // Machine was made by Start
	stdio   stdio
	parents []*os.File // our ends of StdinPipe and its like
	guests  []*os.File // the guest's ends of those
	cut     *cutoff    // set by Start
}

// Command prepares to run the named NetBSD program in a machine of its own.
func Command(name string, arg ...string) *Cmd {
	return &Cmd{Path: name, Args: append([]string{name}, arg...)}
}

// CommandContext is Command, but the program is killed when ctx is done; see Cancel and
// WaitDelay.
func CommandContext(ctx context.Context, name string, arg ...string) *Cmd {
	c := Command(name, arg...)
	c.ctx = ctx
	return c
}

// CommandContext is CommandContext in machine m: when ctx is done the program is killed,
// and others of the machine go on.
func (m *Machine) CommandContext(ctx context.Context, name string, arg ...string) *Cmd {
	c := m.Command(name, arg...)
	c.ctx = ctx
	return c
}

// Command prepares to run a program in machine m.
func (m *Machine) Command(name string, arg ...string) *Cmd {
	c := Command(name, arg...)
	c.Machine = m
	return c
}

// ExitError says that a program did not end with exit status 0.
type ExitError struct {
	*ProcessState
	// Stderr holds what Output collected of the standard error.
	Stderr []byte
}

func (e *ExitError) Error() string { return e.ProcessState.String() }

// ProcessState tells how a program ended and what it used.
type ProcessState struct {
	pid    int
	status netbsd.WaitStatus
	usage  netbsd.Rusage
}

// Pid gives the guest's process id.
func (s *ProcessState) Pid() int { return s.pid }

// Status gives the raw wait status (wait(2)).
func (s *ProcessState) Status() netbsd.WaitStatus { return s.status }

// Usage gives the resources used by the program and the children it waited for
// (getrusage(2)).
func (s *ProcessState) Usage() netbsd.Rusage { return s.usage }

// ExitCode gives the exit status, or -1 if a signal killed the program.
func (s *ProcessState) ExitCode() int {
	if s == nil || !s.status.Exited() {
		return -1
	}
	return s.status.ExitCode()
}

// Success reports exit status 0.
func (s *ProcessState) Success() bool { return s.status == 0 }

// String says "exit status 3" or "signal: SIGKILL", with "(core dumped)" where the
// signal is one that dumps core.
func (s *ProcessState) String() string {
	switch {
	case s.status.Exited():
		return fmt.Sprintf("exit status %d", s.status.ExitCode())
	case s.status.CoreDump():
		return fmt.Sprintf("signal: %v (core dumped)", s.status.TermSignal())
	}
	return fmt.Sprintf("signal: %v", s.status.TermSignal())
}

// Run starts the program and waits for its end.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the program and gives what it wrote on its standard output.
func (c *Cmd) Output() ([]byte, error) {
	if c.Stdout != nil {
		return nil, errors.New("toaster: Stdout already set")
	}
	var out, errOut bytes.Buffer
	c.Stdout = &out
	if c.Stderr == nil {
		c.Stderr = &errOut
	}
	err := c.Run()
	var exit *ExitError
	if errors.As(err, &exit) {
		exit.Stderr = errOut.Bytes()
	}
	return out.Bytes(), err
}

// CombinedOutput runs the program and gives its standard output and standard error.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	if c.Stdout != nil || c.Stderr != nil {
		return nil, errors.New("toaster: Stdout or Stderr already set")
	}
	var out bytes.Buffer
	c.Stdout = &out
	c.Stderr = &out
	err := c.Run()
	return out.Bytes(), err
}

// StdinPipe gives the writing end of a pipe that becomes descriptor 0. Wait closes it.
func (c *Cmd) StdinPipe() (io.WriteCloser, error) {
	if c.Stdin != nil {
		return nil, errors.New("toaster: Stdin already set")
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.Stdin = pr
	c.guests = append(c.guests, pr)
	c.parents = append(c.parents, pw)
	return pw, nil
}

// StdoutPipe gives the reading end of a pipe that becomes descriptor 1. Read it to its
// end before Wait, which closes it.
func (c *Cmd) StdoutPipe() (io.ReadCloser, error) {
	return c.readPipe(&c.Stdout, "Stdout")
}

// StderrPipe is StdoutPipe for descriptor 2.
func (c *Cmd) StderrPipe() (io.ReadCloser, error) {
	return c.readPipe(&c.Stderr, "Stderr")
}

func (c *Cmd) readPipe(w *io.Writer, name string) (io.ReadCloser, error) {
	if *w != nil {
		return nil, fmt.Errorf("toaster: %s already set", name)
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	*w = pw
	c.guests = append(c.guests, pw)
	c.parents = append(c.parents, pr)
	return pr, nil
}

// prepareStdio lays out the guest's descriptors.
func (c *Cmd) prepareStdio() error {
	if err := c.stdio.input(c.Stdin); err != nil {
		return err
	}
	if err := c.stdio.output(c.Stdout); err != nil {
		return err
	}
	if c.Stderr != nil && interfaceEqual(c.Stderr, c.Stdout) {
		c.stdio.files = append(c.stdio.files, c.stdio.files[1])
	} else if err := c.stdio.output(c.Stderr); err != nil {
		return err
	}
	c.stdio.files = append(c.stdio.files, c.ExtraFiles...)
	return nil
}

// interfaceEqual compares, and holds incomparable values for different.
func interfaceEqual(a, b any) bool {
	defer func() { _ = recover() }()
	return a == b
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
