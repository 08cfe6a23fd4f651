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
)

// Exit statuses of the commands: runc's.
const (
	exitFailure     = 1
	exitExecFailure = 255
)

// command is a subcommand of "toaster oci".
type command struct {
	name  string
	usage string // after the name
	about string
	run   func(c *call, args []string) (int, error)
}

// commands are runc's, in the order of "toaster oci help".
func commands() []command {
	return []command{
		{"create", "[flags] ID", "make a container; start runs its program", (*call).create},
		{"start", "ID", "run the program of a container that was created", (*call).start},
		{"run", "[flags] ID", "create and start; without --detach the exit status is the program's", (*call).runContainer},
		{"state", "ID", "say in what state a container is, as JSON", (*call).state},
		{"kill", "[--all] ID [SIGNAL]", "send a signal, SIGTERM if none is named, to the first program, or to all", (*call).kill},
		{"delete", "[--force] ID", "remove what is left of a container that has stopped", (*call).delete},
		{"exec", "[flags] ID [ARG...]", "run another program in a container", (*call).exec},
		{"ps", "[--format table|json] ID", "list the processes of a container; as JSON, their pids on the host", (*call).ps},
		{"list", "[--quiet] [--format table|json]", "list the containers", (*call).list},
		{"pause", "ID", "have all programs of a container stand still", (*call).pause},
		{"resume", "ID", "have them go on", (*call).resume},
		{"update", "[flags] ID", "change limits", (*call).update},
		{"events", "[--stats] [--interval TIME] ID", "say what a container uses, as JSON", (*call).events},
		{"features", "", "say what this runtime can, as JSON", (*call).features},
		{"spec", "[--bundle DIR]", "write a config.json to begin with", (*call).spec},
	}
}

// hidden are the processes that the commands start.
func hidden() []command {
	return []command{
		{kernelCommand, "", "", (*call).kernel},
		{relayCommand, "", "", (*call).relay},
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
	if len(args) == 1 && args[0] == "-v" { // runc's short form
		args = []string{"--version"}
	}
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		Help(os.Stdout)
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "toaster oci: %v; \"toaster help oci\" lists the commands\n", err)
		return exitFailure
	case c.version:
		printVersion(os.Stdout, version)
		return 0
	case set.NArg() == 0 || set.Arg(0) == "help":
		Help(os.Stdout)
		return 0
	}
	log, err := newLogger(c.logFile, c.logFormat, c.debug)
	if err != nil {
		fmt.Fprintf(os.Stderr, "toaster oci: %v\n", err)
		return exitFailure
	}
	c.log = log
	return c.dispatch(set.Args())
}

// Flags are the global ones.
func Flags() *flag.FlagSet { return new(call).flags() }

// Commands are the names of the commands, with | between them.
func Commands() string {
	var names []string
	for _, cmd := range commands() {
		names = append(names, cmd.name)
	}
	return strings.Join(names, "|")
}

// flags are the global ones. Those that are for Linux programs alone are taken and mean nothing.
func (c *call) flags() *flag.FlagSet {
	set := newFlagSet("oci")
	set.StringVar(&c.root, "root", defaultRoot(), "`DIR`: where the state of containers lies")
	set.StringVar(&c.logFile, "log", "", "`FILE`: where errors and warnings go")
	set.StringVar(&c.logFormat, "log-format", "text", "`text|json`: the form of the log")
	set.BoolVar(&c.debug, "debug", false, "log what is accepted without effect, too")
	set.BoolVar(&c.systemd, "systemd-cgroup", false, "cgroupsPath is slice:prefix:name")
	set.BoolVar(&c.version, "version", false, "say which toaster this is")
	set.String("rootless", "auto", "`auto|true|false`: means nothing here")
	set.String("criu", "", "`FILE`: means nothing here")
	return set
}

// newFlagSet makes a set that says nothing itself: who uses it words the errors.
func newFlagSet(name string) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	return set
}

// defaultRoot is where the state of containers lies: a directory that a restart of the host empties.
func defaultRoot() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && os.Geteuid() != 0 {
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
		status, err := cmd.run(c, args[1:])
		switch {
		case errors.Is(err, flag.ErrHelp):
			fmt.Printf("usage: toaster oci [flags] %s %s\n\n%s\n", cmd.name, cmd.usage, cmd.about)
			return 0
		case err != nil:
			c.log.fail(err)
			return max(status, exitFailure)
		}
		return status
	}
	c.log.fail(fmt.Errorf("no command %q; \"toaster help oci\" lists them", args[0]))
	return exitFailure
}

// Help prints the commands.
func Help(w io.Writer) {
	fmt.Fprintln(w, "usage: toaster oci [--root DIR] [--log FILE] [--log-format text|json] [--systemd-cgroup] COMMAND ...")
	fmt.Fprintln(w)
	for _, cmd := range commands() {
		fmt.Fprintf(w, "  %-40s %s\n", strings.TrimSpace(cmd.name+" "+cmd.usage), cmd.about)
	}
}

// parse reads a subcommand's flags and checks how many arguments there are beside them; most below 0 is any number.
func parse(set *flag.FlagSet, args []string, least, most int) ([]string, error) {
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if n := set.NArg(); n < least || most >= 0 && n > most {
		return nil, fmt.Errorf("%s: %d arguments; \"toaster oci %s --help\" says how it is used", set.Name(), n, set.Name())
	}
	return set.Args(), nil
}

// both defines a flag under its name and its letter, as runc has them.
func both(set *flag.FlagSet, names string, define func(name string)) {
	for name := range strings.FieldsSeq(names) {
		define(name)
	}
}
