package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"toaster"
	"toaster/kern"
)

// runFlags are the flags of "toaster run".
type runFlags struct {
	release  string
	root     string
	dir      string
	env      envFlag
	trace    string
	timeline string
	hostExec bool
}

// envFlag collects --env K=V.
type envFlag []string

func (e *envFlag) String() string     { return fmt.Sprint(*e) }
func (e *envFlag) Set(v string) error { *e = append(*e, v); return nil }

func (f *runFlags) set() *flag.FlagSet {
	fs := flag.NewFlagSet("toaster run", flag.ContinueOnError)
	fs.StringVar(&f.release, "release", "10", "behave as NetBSD `10` or as NetBSD of November 2003")
	fs.StringVar(&f.root, "root", "", "`folder` that the program sees as /; nothing outside it can be reached")
	fs.StringVar(&f.dir, "dir", "", "working `folder` in the program's view")
	fs.Var(&f.env, "env", "add `K=V` to the environment; may be repeated")
	fs.StringVar(&f.trace, "trace", "", "write a line for each system call and signal to `file`; - is standard error")
	fs.StringVar(&f.timeline, "timeline", "", "write the life of every process to `file` as Chrome trace events")
	fs.BoolVar(&f.hostExec, "host-exec", false, "let programs of the host run NetBSD programs, too")
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "usage: toaster run [flags] PROGRAM [ARG...]")
		fs.PrintDefaults()
	}
	return fs
}

// runMain is "toaster run [flags] PROGRAM [ARG...]".
func runMain(args []string) int {
	var f runFlags
	set := f.set()
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitOwnFailure
	}
	if set.NArg() == 0 {
		complain("run: no program named; usage: toaster run [flags] PROGRAM [ARG...]")
		return exitOwnFailure
	}
	if f.hostExec {
		if status, inside := setUpHostExec(args); !inside {
			return status
		}
	}
	cmd := toaster.Command(set.Arg(0), set.Args()[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Dir = f.dir
	if len(f.env) > 0 {
		cmd.Env = append(os.Environ(), f.env...)
	}
	finish, err := f.options(&cmd.Options)
	if err != nil {
		complain("run: %v", err)
		return exitOwnFailure
	}
	defer finish()
	return runCommand(cmd)
}

// timerSlack is for a process that does nothing but carry guests.
const timerSlack = 500 * time.Microsecond

// options turns the flags into options; finish closes the files that they named.
func (f *runFlags) options(o *toaster.Options) (finish func(), err error) {
	o.Root, o.TimerSlack = f.root, timerSlack
	switch f.release {
	case "10":
		o.Release = kern.Release10
	case "2003":
		o.Release = kern.Release2003
	default:
		return nil, fmt.Errorf("--release %s: there are only 10 and 2003", f.release)
	}
	var files []*os.File
	finish = func() {
		for _, file := range files {
			file.Close()
		}
	}
	open := func(flag, name string, w *io.Writer) error {
		switch name {
		case "":
		case "-":
			*w = os.Stderr
		default:
			file, err := os.Create(name)
			if err != nil {
				return fmt.Errorf("--%s: %w", flag, err)
			}
			files = append(files, file)
			*w = file
		}
		return nil
	}
	if err := errors.Join(open("trace", f.trace, &o.Trace), open("timeline", f.timeline, &o.Timeline)); err != nil {
		finish()
		return nil, err
	}
	return finish, nil
}

// runCommand runs cmd in our place and gives our exit status.
func runCommand(cmd *toaster.Cmd) int {
	job := &toaster.JobControl{Suspend: toaster.SuspendSelf}
	cmd.JobControl = job
	// It takes a while, as does the start of the machine.
	signals := make(chan *forwarder, 1)
	go func() { signals <- collectSignals(job) }()
	var collected *forwarder
	job.Ready = func() { collected = <-signals }
	err := cmd.Start()
	if err != nil {
		return startFailure(cmd, err)
	}
	collected.start(cmd.Process)
	err = cmd.Wait()
	var exit *toaster.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		complain("%s: %v", cmd.Path, err)
		return exitOwnFailure
	case exit.ExitCode() >= 0:
		return exit.ExitCode()
	}
	complain("%s: %v", cmd.Path, exit)
	return 128 + int(exit.Status().TermSignal())
}

// startFailure says why there is no program, and gives the status a shell would.
func startFailure(cmd *toaster.Cmd, err error) int {
	var notFound *toaster.NotFoundError
	var notExec *toaster.NotExecutableError
	complain("%s", strings.TrimPrefix(err.Error(), "toaster: "))
	switch {
	case errors.As(err, &notFound):
		return exitNotFound
	case errors.As(err, &notExec):
		return exitNotExecutable
	}
	return exitOwnFailure
}
