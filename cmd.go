package toaster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"toaster/kern"
)

// Cmd is a NetBSD program being prepared or run, shaped like os/exec's Cmd. It cannot
// be reused after Start.
type Cmd struct {
	// Path is the program: a name with a slash is a path in the guest's view, another
	// is looked up in the PATH of Env.
	Path string
	// Args holds the arguments, the program's name first; if it is empty, Path is the only
	// one.
	Args []string
	// Env is the environment as "K=V"; nil is that of this process, or an empty one under
	// a Root, as it is not the guests' to know. Of several values of a name the last
	// counts. Without a PATH, Path is looked up in NetBSD's default one.
	Env []string
	// Dir is the working directory in the guest's view; "" is this process's.
	Dir string
	// MakeDir has Dir, which is absolute then, be made where there is nothing, with the directories on the way to it. They
	// are those of the user whom the machine's programs run as (Options.User).
	MakeDir bool

	// Stdin, Stdout and Stderr are the standard descriptors. A nil one is /dev/null, an
	// *os.File is handed to the guest as it is, another is copied through a pipe.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// ExtraFiles become descriptors 3 and up. A nil one leaves its descriptor closed.
	ExtraFiles []*os.File

	// User is who the program runs as; nil is who all programs of the machine do
	// (Options.User). Another than this process takes root.
	User *User
	// Rlimits are resource limits, by netbsd.RLIMIT_*, in place of those that programs of the machine start with;
	// what NetBSD has no more of is cut to what there is, as setrlimit(2) does.
	Rlimits map[int]kern.Rlimit
	// Umask is the file mode creation mask (umask(2)); nil is that of this process.
	Umask *uint32

	// JobControl, if it is not nil, gives the program the controlling terminal of this
	// process. The zero one is good for a program that is not to be stopped.
	JobControl *JobControl

	// Machine is where the program runs; nil is a machine of its own, which ends with
	// the program.
	Machine *Machine
	// Options configure the machine of its own; used only where Machine is nil.
	Options Options

	// Cancel is called when the context of CommandContext is done, which sets it to a
	// function that kills the program, and with a machine of its own everything in it. What
	// it returns is treated as in os/exec; with nil nothing is done until WaitDelay is over.
	Cancel func() error
	// WaitDelay is how long the program has from the end of the context until it is killed,
	// and how long Wait waits for output that other processes hold open, from then or from
	// the program's end. 0 is half a second once the context is done or a limit has ended
	// the machine, unlike os/exec's, and without end otherwise. When it is over after the
	// end of the context or a limit, StdinPipe and its like are closed, too.
	WaitDelay time.Duration

	// WaitAll has Wait of a command with a machine of its own wait until no process of the
	// machine is left: daemons, which would get SIGHUP and SIGKILL else, outlive the program.
	// ProcessState is the program's; WaitDelay counts from the end of the last process.
	WaitAll bool

	// Err is what Start returns instead of starting anything. Command leaves it nil, as only
	// Start can look Path up in the guest's view; Start sets it if that finds nothing.
	Err error

	// Process is set by Start, ProcessState by Wait.
	Process      *Process
	ProcessState *ProcessState

	ctx     context.Context
	own     bool // Machine was made by Start
	stdio   stdio
	parents []*os.File // the caller's ends of StdinPipe and its like
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
	return Command(name, arg...).withContext(ctx)
}

// CommandContext is CommandContext in machine m: when ctx is done the program is killed,
// and others of the machine go on.
func (m *Machine) CommandContext(ctx context.Context, name string, arg ...string) *Cmd {
	return m.Command(name, arg...).withContext(ctx)
}

// withContext has the end of ctx kill the program.
func (c *Cmd) withContext(ctx context.Context) *Cmd {
	if ctx == nil {
		panic("toaster: nil Context")
	}
	c.ctx = ctx
	c.Cancel = func() error {
		c.kill()
		return nil
	}
	return c
}

// Command prepares to run a program in machine m.
func (m *Machine) Command(name string, arg ...string) *Cmd {
	c := Command(name, arg...)
	c.Machine = m
	return c
}

// String returns the program and its arguments for people to read. It is no input for a
// shell.
func (c *Cmd) String() string {
	if c.Err != nil || len(c.Args) == 0 {
		return strings.Join(c.argv(), " ")
	}
	return strings.Join(append([]string{c.Path}, c.Args[1:]...), " ")
}

// argv returns what the program gets as its arguments.
func (c *Cmd) argv() []string {
	if len(c.Args) == 0 {
		return []string{c.Path}
	}
	return c.Args
}

// Run starts the program and waits for its end.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the program and returns what it wrote on its standard output. An *ExitError has what it wrote on its standard
// error, if nobody else gets that: the beginning and the end, if it is long.
func (c *Cmd) Output() ([]byte, error) {
	if c.Stdout != nil {
		return nil, errors.New("toaster: Stdout already set")
	}
	var out bytes.Buffer
	var errOut headAndTail
	c.Stdout = &out
	if c.Stderr == nil {
		c.Stderr = &errOut
	}
	err := c.Run()
	var exit *ExitError
	if errors.As(err, &exit) {
		exit.Stderr = errOut.bytes()
	}
	return out.Bytes(), err
}

// CombinedOutput runs the program and returns its standard output and standard error.
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

// StdinPipe returns the writing end of a pipe that becomes descriptor 0. Wait closes it.
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

// StdoutPipe returns the reading end of a pipe that becomes descriptor 1. Read it to its
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
