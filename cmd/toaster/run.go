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
	"toaster/internal/cmdline"
	"toaster/internal/platform/outside"
	"toaster/kern"
)

// runFlags are the flags of "toaster run".
type runFlags struct {
	speech
	release  string
	env      envFlags
	trace    string
	timeline string
	syslog   string
	hostExec hostExecFlag
	wait     bool
	opts     toaster.Options // what needs no more than to be read
}

// runGroups is the order in which "toaster help run", README and toaster-run(1) show the flags.
var runGroups = []cmdline.Group{
	{
		Title: "what the program sees",
		Names: []string{"root", "mount", "read-only", "user", "network"},
		More:  []string{"tmpfs", "dir", "env", "env-host", "hostname", "no-owners", "host-exec", "release", "wait"},
	},
	{
		Title: "what it may use",
		Names: []string{"max-procs", "memory", "wall-time"},
		More:  []string{"max-lwps", "max-files", "max-output", "cpu-time", "spec-safe", "no-lend"},
	},
	{
		Title: "what you see",
		Names: []string{"trace", "quiet", "verbose"},
		More:  []string{"timeline", "syslog"},
	},
}

const runHelp = `SIZE is as 64M, TIME as 90s; "toaster help --verbose run" has all flags.
`

// releases are what --release can be.
func releases() string { return strings.Join(kern.ReleaseNames(), "|") }

func (f *runFlags) set() *flag.FlagSet {
	fs := newFlagSet("run")
	o := &f.opts
	fs.StringVar(&o.Root, "root", "", "`DIR` is its /; no other file of the host is reached")
	mounts := (*mountFlags)(&o.Mounts)
	fs.Func("mount", "`SRC:DST[:ro]`: the host's SRC is at DST; repeatable", mounts.bind)
	fs.Func("tmpfs", "`DST[:SIZE]`: a file system in memory at DST; repeatable", mounts.tmpfs)
	fs.BoolVar(&o.ReadOnly, "read-only", false, "nothing is changed but in mounts that are :rw")
	fs.StringVar(&o.Dir, "dir", "", "`DIR`: the working directory, as the program sees it")
	fs.Func("env", "`K=V`: a variable of the environment; repeatable", f.env.set)
	fs.Func("env-host", "`NAME`: a variable to pass on from here; repeatable", f.env.fromHost)
	fs.Func("hostname", "`NAME`: the host's name as the program sees it", into(&o.Hostname, parseHostname))
	fs.Func("user", "`UID[:GID]`: whom it runs as (takes root, or --root)", into(&o.User, parseUser))
	fs.BoolVar(&o.NoOwners, "no-owners", false, "owners are the host's, not kept beside the files")
	fs.Func("network", "`none|loopback|host`: what sockets reach", into(&o.Network, parseNetwork))
	fs.Var(&f.hostExec, "host-exec", "`=on|off|binfmt`: how the host's programs run NetBSD's")
	fs.StringVar(&f.release, "release", kern.Release11.String(), "`"+releases()+"`: whose kernel it is")
	fs.BoolVar(&f.wait, "wait", false, "end when no process is left, daemons included")
	fs.Func("max-procs", "at most `N` processes", into(&o.MaxProcs, parseCount))
	fs.Func("max-lwps", "at most `N` LWPs", into(&o.MaxLWPs, parseCount))
	fs.Func("max-files", "at most `N` open files", into(&o.MaxFiles, parseCount))
	fs.Func("memory", "at most `SIZE` of memory", into(&o.Memory, parseSize))
	fs.Func("max-output", "at most `SIZE` of output; then all ends", into(&o.MaxOutput, parseSize))
	fs.Func("cpu-time", "at most `TIME` on processors; then all ends", into(&o.CPUTime, parseDuration))
	fs.Func("wall-time", "at most `TIME` by the clock; then all ends", into(&o.WallTime, parseDuration))
	fs.BoolVar(&o.SpeculationSafe, "spec-safe", false, "without what processors do ahead of time; slower")
	fs.BoolVar(&o.NoLend, "no-lend", false, "toaster alone reads and writes files; slower")
	fs.StringVar(&f.trace, "trace", "", "`FILE` gets a line a system call; - is stderr")
	fs.StringVar(&f.timeline, "timeline", "", "`FILE` gets the life of every process, for Perfetto")
	fs.StringVar(&f.syslog, "syslog", "", "`FILE|host` gets what it tells syslog(3)")
	f.addQuiet(fs, "leave it to the exit status what ended the program")
	f.addVerbose(fs, "say what is run, as what, and what it used")
	return fs
}

// parse reads the command line of run. If ok is false, that was all, with status.
func (f *runFlags) parse(args []string) (set *flag.FlagSet, status int, ok bool) {
	set = f.set()
	if status, ok = parseFlags("run", set, args); !ok {
		return nil, status, false
	}
	if set.NArg() == 0 {
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
	return runCommand(cmd, f.speech)
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
	var files []io.Closer
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
	err = errors.Join(open("trace", f.trace, &o.Trace), open("timeline", f.timeline, &o.Timeline))
	log, logErr := openLog(f.syslog)
	if log != nil {
		files, o.Syslog = append(files, log), log
	}
	if err = errors.Join(err, logErr); err != nil {
		finish()
		return nil, err
	}
	return finish, nil
}

// runCommand runs cmd in toaster's place and returns toaster's exit status.
func runCommand(cmd *toaster.Cmd, s speech) int {
	if !s.quiet {
		cmd.Options.OnLimit = func(e *toaster.LimitError) { complain("%s: %s", cmd.Path, plain(e)) }
	}
	dropChildSignals()
	job := &toaster.JobControl{Suspend: toaster.SuspendSelf}
	cmd.JobControl = job
	var collected *forwarder
	job.Ready = func() { collected = collectSignals(job) }
	started := time.Now()
	err := cmd.Start()
	if err != nil {
		return startFailure(cmd, err)
	}
	collected.start(cmd)
	if s.verbose {
		sayStart(cmd)
	}
	err = cmd.Wait()
	if s.verbose && cmd.ProcessState != nil {
		sayEnd(cmd, time.Since(started))
	}
	return endStatus(cmd, err, s.quiet || s.verbose)
}

// endStatus is toaster's exit status for a program that has ended with err. Unless told, it says what has
// killed the program.
func endStatus(cmd *toaster.Cmd, err error, told bool) int {
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
	if !told {
		complain("%s: %v", cmd.Path, exit)
	}
	return exitSignal + int(exit.Status().TermSignal())
}

// sayStart says what was started, as --verbose asks.
func sayStart(cmd *toaster.Cmd) {
	o := &cmd.Options
	what := []string{"NetBSD " + o.Release.String()}
	if o.Root != "" {
		what = append(what, "root "+o.Root)
	}
	if o.User != nil {
		what = append(what, fmt.Sprintf("user %d:%d", o.User.UID, o.User.GID))
	}
	if o.Network != "" {
		what = append(what, "network "+string(o.Network))
	}
	complain("%s: process %d, %s", cmd.Path, cmd.Process.Pid, strings.Join(what, ", "))
}

// sayEnd says how a program has ended and what it used, with the children that it has waited for.
func sayEnd(cmd *toaster.Cmd, took time.Duration) {
	p := cmd.ProcessState
	usage := p.Usage()
	complain("%s: %v after %v; %v in user mode, %v in the kernel, %d KiB resident at most",
		cmd.Path, p, took.Round(time.Millisecond), p.UserTime(), p.SystemTime(), usage.Maxrss)
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
