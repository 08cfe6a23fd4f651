package oci

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"toaster/internal/hostlimits"
)

// Exit statuses of the commands: runc's.
const (
	exitFailure     = 1
	exitExecFailure = 255
)

// command is a subcommand of "toaster oci": a row of the table that the command line is read by, and that help, completion
// and the manual come from.
type command struct {
	name        string
	usage       string // after the name
	about       string
	least, most int // arguments behind the flags; most below 0 is any number
	failure     int // the exit status of an error
	// bind defines the command's flags, and returns what carries it out once they are read.
	bind func(set *flag.FlagSet) action
}

// action carries a command out, with its arguments. It returns the exit status.
type action func(c *call, args []string) (int, error)

// noFlags is the bind of a command that has no flags.
func noFlags(act action) func(*flag.FlagSet) action {
	return func(*flag.FlagSet) action { return act }
}

// commands are runc's, in the order of "toaster oci help".
func commands() []command {
	return []command{
		{"create", "[flags] ID", "make a container", 1, 1, exitFailure, bindCreate},
		{"start", "ID", "run its program", 1, 1, exitFailure, noFlags((*call).start)},
		{"run", "[flags] ID", "create and start", 1, 1, exitFailure, bindRun},
		{"state", "ID", "say in what state it is, as JSON", 1, 1, exitFailure, noFlags((*call).state)},
		{"kill", "[--all] ID [SIGNAL]", "send a signal, SIGTERM if none is named", 1, 2, exitFailure, bindKill},
		{"delete", "[--force] ID", "remove what is left of one that stopped", 1, 1, exitFailure, bindDelete},
		{"exec", "[flags] ID [ARG...]", "run another program in a container", 1, -1, exitExecFailure, bindExec},
		{"ps", "[--format table|json] ID", "list its processes", 1, -1, exitFailure, bindPs}, // runc takes options of ps(1) behind the id
		{"list", "[--quiet] [--format table|json]", "list the containers", 0, 0, exitFailure, bindList},
		{"pause", "ID", "have its programs stand still", 1, 1, exitFailure, noFlags((*call).pause)},
		{"resume", "ID", "have them go on", 1, 1, exitFailure, noFlags((*call).resume)},
		{"update", "[flags] ID", "change limits", 1, 1, exitFailure, bindUpdate},
		{"events", "[--stats] [--interval TIME] ID", "say what it uses, as JSON", 1, 1, exitFailure, bindEvents},
		{"features", "", "say what this runtime can, as JSON", 0, 0, exitFailure, noFlags((*call).features)},
		{"spec", "[--bundle DIR]", "write a config.json to begin with", 0, 0, exitFailure, bindSpec},
	}
}

// hidden are the processes that the commands start.
func hidden() []command {
	return []command{
		{kernelCommand, "", "", 0, -1, exitFailure, noFlags((*call).kernel)},
		{relayCommand, "", "", 0, -1, exitFailure, noFlags((*call).relay)},
	}
}

// bootDescriptor is the argument of the hidden commands, a descriptor that the command which starts them leaves them.
func bootDescriptor(args []string) (int, error) {
	if len(args) == 1 {
		if fd, err := strconv.Atoi(args[0]); err == nil && fd > 2 {
			return fd, nil
		}
	}
	return -1, errors.New("create and exec start this command")
}

// globals are the flags before the subcommand.
type globals struct {
	root      string
	logFile   string
	logFormat string
	debug     bool
	systemd   bool
	groupless bool // no container gets a control group
	version   bool
}

// call is one command that is carried out.
type call struct {
	globals
	name string
	log  *logger
	args []string // of the process, with the globals
}

// Main is "toaster oci" with what follows that on the command line. version is what --version says. It returns the exit status.
func Main(args []string, version string) int {
	c := &call{args: args}
	set := c.flags()
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return help()
	case err != nil:
		fmt.Fprintf(os.Stderr, "toaster oci: %v; \"toaster help oci\" lists the commands\n", err)
		return exitFailure
	case c.version:
		printVersion(os.Stdout, version)
		return 0
	case set.NArg() == 0 || set.Arg(0) == "help":
		return help(set.Args()[min(1, set.NArg()):]...)
	}
	log, err := newLogger(c.logFile, c.logFormat, c.debug)
	if err != nil {
		fmt.Fprintf(os.Stderr, "toaster oci: %v\n", err)
		return exitFailure
	}
	c.log = log
	return c.dispatch(set.Args())
}

// flags are the global ones. Those that are for Linux programs alone are taken and mean nothing.
func (c *call) flags() *flag.FlagSet {
	set := newFlagSet("oci")
	set.StringVar(&c.root, "root", defaultRoot(), "`DIR`: where the state of containers lies")
	set.StringVar(&c.logFile, "log", "", "`FILE`: where errors and warnings go")
	set.StringVar(&c.logFormat, "log-format", "text", "`text|json`: the form of the log")
	set.BoolVar(&c.debug, "debug", false, "log what is accepted without effect, too")
	set.BoolVar(&c.systemd, "systemd-cgroup", false, "cgroupsPath is slice:prefix:name")
	set.Func("cgroup-manager", "`HOW`: cgroupfs, systemd, or disabled: no control group", c.setManager)
	both(set, "version v", func(n string) { set.BoolVar(&c.version, n, false, "say which toaster this is") })
	set.String("rootless", "auto", "`auto|true|false`: "+noEffect)
	set.String("criu", "", "`FILE`: "+noEffect)
	return set
}

// setManager takes the argument of --cgroup-manager, by which podman asks for what runc has --systemd-cgroup for, or for no group.
func (c *call) setManager(name string) error {
	switch name {
	case "cgroupfs", "systemd", "disabled":
	default:
		return errors.New("there are cgroupfs, systemd and disabled")
	}
	c.systemd, c.groupless = name == "systemd", name == "disabled"
	return nil
}

// newFlagSet makes a set that says nothing itself: who uses it words the errors.
func newFlagSet(name string) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	return set
}

// isHostRoot reports whether the host has this process for its superuser: user 0 of a user namespace is
// whoever made that.
func isHostRoot() bool { return os.Geteuid() == 0 && !hostlimits.InUserNamespace() }

// defaultRoot is where the state of containers lies: a directory that a restart of the host empties. Who is user 0 of a user
// namespace, as under podman without root, has the user's directory, unless the environment is root's: that
// namespace is a container with a /run of its own. runc has the same rule.
func defaultRoot() string {
	asRoot := isHostRoot() || os.Geteuid() == 0 && os.Getenv("USER") == "root"
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && !asRoot {
		return filepath.Join(dir, "toaster")
	}
	return "/run/toaster"
}

// dispatch carries a subcommand out. An error is told to who called, and to the log, where a shim reads it.
func (c *call) dispatch(args []string) int {
	for _, cmd := range append(commands(), hidden()...) {
		if cmd.name != args[0] {
			continue
		}
		c.name = cmd.name
		status, err := cmd.carryOut(c, args[1:])
		switch {
		case errors.Is(err, flag.ErrHelp):
			return help(cmd.name)
		case err != nil:
			c.log.fail(err)
			return cmd.failure
		}
		return status
	}
	c.log.fail(fmt.Errorf("no command %q; \"toaster help oci\" lists them", args[0]))
	return exitFailure
}

// carryOut reads the command's flags, checks how many arguments there are beside them, and does what they say.
func (cmd command) carryOut(c *call, args []string) (int, error) {
	set := newFlagSet(cmd.name)
	act := cmd.bind(set)
	if err := set.Parse(args); err != nil {
		return 0, err
	}
	if n := set.NArg(); n < cmd.least || cmd.most >= 0 && n > cmd.most {
		return 0, fmt.Errorf("%s: %d arguments; \"toaster oci %s --help\" says how it is used", cmd.name, n, cmd.name)
	}
	return act(c, set.Args())
}

// both defines a flag under its name and its letter, as runc has them.
func both(set *flag.FlagSet, names string, define func(name string)) {
	for name := range strings.FieldsSeq(names) {
		define(name)
	}
}
