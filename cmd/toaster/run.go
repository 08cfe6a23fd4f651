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
	"toaster/internal/platform/outside"
	"toaster/kern"
)

// runFlags are the flags of "toaster run".
type runFlags struct {
	release  string
	env      envFlags
	trace    string
	timeline string
	hostExec hostExecFlag
	wait     bool
	opts     toaster.Options // what needs no more than to be read
}

// flagGroups is the order in which "toaster help run" and README show the flags.
var flagGroups = []struct {
	title string
	names []string
}{
	{"what the program sees", []string{"root", "mount", "tmpfs", "read-only", "dir", "env", "env-host", "hostname", "user", "network", "host-exec", "release", "wait"}},
	{"what it may use", []string{"max-procs", "max-lwps", "max-files", "memory", "max-output", "cpu-time", "wall-time", "spec-safe", "no-lend"}},
	{"what you see", []string{"trace", "timeline"}},
}

func (f *runFlags) set() *flag.FlagSet {
	fs := flag.NewFlagSet("toaster run", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o := &f.opts
	fs.StringVar(&o.Root, "root", "", "`DIR` is the program's /; nothing outside it can be reached, and nothing of the host's environment comes along")
	mounts := (*mountFlags)(&o.Mounts)
	fs.Func("mount", "show the host's `SRC` at DST in the root, SRC:DST[:ro|:rw]; may be repeated", mounts.bind)
	fs.Func("tmpfs", "put an empty file system in memory at `DST` in the root, DST[:SIZE]; may be repeated", mounts.tmpfs)
	fs.BoolVar(&o.ReadOnly, "read-only", false, "nothing is changed in the root, nor in mounts that are not :rw")
	fs.StringVar(&o.Dir, "dir", "", "working directory, `DIR` in the program's view")
	fs.Func("env", "add `K=V` to the environment; may be repeated", f.env.set)
	fs.Func("env-host", "pass the host's variable `NAME` on; may be repeated", f.env.fromHost)
	fs.Func("hostname", "the host's `NAME` as the program sees it", into(&o.Hostname, parseHostname))
	fs.Func("user", "run as `UID[:GID]`: what the program may do to files, and whose are those it makes (takes root)", into(&o.User, parseUser))
	fs.Func("network", "sockets reach `WHAT`: none, loopback (each other) or host; programs of the host run with host only", into(&o.Network, parseNetwork))
	fs.Var(&f.hostExec, "host-exec", "=off: programs of the host cannot run NetBSD programs; `=WAY` binfmt: by a namespace, as another machine")
	fs.StringVar(&f.release, "release", kern.Release11.String(), "behave as NetBSD `N`: "+strings.Join(kern.ReleaseNames(), ", ")+" (November of that year)")
	fs.BoolVar(&f.wait, "wait", false, "end when no process is left: daemons outlive the program; the status is the program's")
	fs.Func("max-procs", "at most `N` processes: fork fails with EAGAIN", into(&o.MaxProcs, parseCount))
	fs.Func("max-lwps", "at most `N` LWPs: fork and _lwp_create fail with EAGAIN", into(&o.MaxLWPs, parseCount))
	fs.Func("max-files", "at most `N` open files in all processes: open fails with ENFILE", into(&o.MaxFiles, parseCount))
	fs.Func("memory", "at most `SIZE` of memory: mmap, brk and fork fail with ENOMEM", into(&o.Memory, parseSize))
	fs.Func("max-output", "at most `SIZE` of output, standard error included: then all ends", into(&o.MaxOutput, parseSize))
	fs.Func("cpu-time", "at most `TIME` on processors: then all ends", into(&o.CPUTime, parseDuration))
	fs.Func("wall-time", "at most `TIME` by the clock: then all ends", into(&o.WallTime, parseDuration))
	fs.BoolVar(&o.SpeculationSafe, "spec-safe", false, "switch off for guests what processors do ahead of time; slower")
	fs.BoolVar(&o.NoLend, "no-lend", false, "guests' open files are read and written by toaster alone; slower")
	fs.StringVar(&f.trace, "trace", "", "write a line for each system call and signal to `FILE`; - is standard error")
	fs.StringVar(&f.timeline, "timeline", "", "write the life of every process to `FILE` as Chrome trace events")
	return fs
}

// runHelp prints the flags in their groups, in the form that README uses.
func runHelp(w io.Writer) {
	fs := new(runFlags).set()
	for i, g := range flagGroups {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s:\n", g.title)
		for _, name := range g.names {
			arg, text := flag.UnquoteUsage(fs.Lookup(name))
			fmt.Fprintf(w, "  --%-20s %s\n", strings.TrimSpace(name+" "+arg), text)
		}
	}
	fmt.Fprintln(w, "\nSIZE is bytes, or with K, M, G; TIME has its unit, as 500ms, 90s, 1h30m.")
}

// parse reads the command line of run. If ok is false, that was all, with status.
func (f *runFlags) parse(args []string) (set *flag.FlagSet, status int, ok bool) {
	set = f.set()
	err := set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil, helpMain([]string{"run"}), false
	case err != nil:
		text := strings.Replace(err.Error(), "flag -", "flag --", 1)
		text = strings.Replace(text, "not defined: -", "not defined: --", 1)
		text = strings.Replace(text, "invalid boolean value", "invalid value", 1)
		text = strings.Replace(text, " for -", " for flag --", 1)
		complain("run: %s; \"toaster help run\" lists the flags", text)
		return nil, exitOwnFailure, false
	case set.NArg() == 0:
		complain("run: no program named; usage: toaster run [flags] PROGRAM [ARG...]")
		return nil, exitOwnFailure, false
	}
	return set, 0, true
}

// runMain is "toaster run [flags] PROGRAM [ARG...]".
func runMain(args []string) int {
	var f runFlags
	set, status, ok := f.parse(args)
	if !ok {
		return status
	}
	if f.hostExec == hostExecBinfmt {
		if status, inside := setUpHostExec(args); !inside {
			return status
		}
	}
	cmd := toaster.Command(set.Arg(0), set.Args()[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Dir = f.opts.Dir
	cmd.Env = f.env.environment(f.opts.Root)
	cmd.Options, cmd.WaitAll = f.opts, f.wait
	finish, err := f.options(&cmd.Options)
	if err != nil {
		complain("run: %v", err)
		return exitOwnFailure
	}
	defer finish()
	cmd.Options.OnLimit = func(e *toaster.LimitError) { complain("%s: %s", cmd.Path, plain(e)) }
	return runCommand(cmd)
}

// timerSlack is for a process that does nothing but carry guests.
const timerSlack = 500 * time.Microsecond

// options turns the flags into options; finish closes the files that they named.
func (f *runFlags) options(o *toaster.Options) (finish func(), err error) {
	o.TimerSlack = timerSlack
	o.NoHostExec = f.hostExec != hostExecOn
	if o.Release, err = kern.ReleaseNamed(f.release); err != nil {
		return nil, fmt.Errorf("--release %s: there are only %s", f.release, strings.Join(kern.ReleaseNames(), ", "))
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

// runCommand runs cmd in toaster's place and returns toaster's exit status.
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
	collected.start(cmd)
	err = cmd.Wait()
	var exit *toaster.ExitError
	var limit *toaster.LimitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &limit):
		return limitStatus(limit)
	case !errors.As(err, &exit):
		complain("%s: %v", cmd.Path, err)
		return exitOwnFailure
	case exit.ExitCode() >= 0:
		return exit.ExitCode()
	}
	complain("%s: %v", cmd.Path, exit)
	return 128 + int(exit.Status().TermSignal())
}

// startFailure says why there is no program, and returns the status a shell would.
func startFailure(cmd *toaster.Cmd, err error) int {
	var notFound *toaster.NotFoundError
	var notExec *toaster.NotExecutableError
	var limit *toaster.LimitError
	if errors.As(err, &limit) {
		return limitStatus(limit)
	}
	found, executable := !errors.As(err, &notFound), !errors.As(err, &notExec)
	if found && executable {
		// It may be that this toaster has been started below another one's guest, where the host
		// does not let it watch its own. If so, this does not return.
		outside.Again(os.Args, os.Environ())
	}
	complain("%s", plain(err))
	switch {
	case !found:
		return exitNotFound
	case !executable:
		return exitNotExecutable
	}
	return exitOwnFailure
}

// plain is an error's text without the speaker, whom complain names.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "toaster: ") }

// limitStatus is the exit status where a limit has ended the program. OnLimit has said so.
func limitStatus(e *toaster.LimitError) int {
	if e.Limit == toaster.LimitOutput {
		return exitOutputLimit
	}
	return exitTimeLimit
}
