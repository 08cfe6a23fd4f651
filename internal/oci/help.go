package oci

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"toaster/internal/cmdline"
)

// noEffect is said of flags that runc has for what only Linux's programs have or need.
const noEffect = cmdline.NoEffect

// globalNames are the flags before the command, in the order of help. There are too many commands for lines of theirs.
var globalNames = []string{"root", "log", "log-format", "debug", "systemd-cgroup", "cgroup-manager", "version", "rootless", "criu"}

// Command is the row of "toaster oci" in the table of the command line, without the commands below it: of every start
// of toaster only those pay for them that ask for them.
func Command() cmdline.Command {
	return cmdline.Command{
		Name: "oci", Usage: "oci [flags] COMMAND ...", About: "an OCI runtime, as runc is",
		Flags: new(call).flags, Groups: []cmdline.Group{{More: globalNames}}, Details: printCommands,
	}
}

// Commands are those below it.
func Commands() (list []cmdline.Command) {
	for _, cmd := range commands() {
		list = append(list, cmd.row())
	}
	return list
}

// row is the command in the table.
func (cmd command) row() cmdline.Command {
	return cmdline.Command{
		Name: cmd.name, Usage: strings.TrimSpace("oci [flags] " + cmd.name + " " + cmd.usage), About: cmd.about,
		Flags: cmd.flags, Details: func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", cmd.name, cmd.about) },
	}
}

// flags are the command's, for who looks at them only.
func (cmd command) flags() *flag.FlagSet {
	set := newFlagSet(cmd.name)
	cmd.bind(set)
	return set
}

// printCommands prints the commands, a line each.
func printCommands(w io.Writer) {
	for _, cmd := range commands() {
		fmt.Fprintf(w, "  %-38s %s\n", strings.TrimSpace(cmd.name+" "+cmd.usage), cmd.about)
	}
}

// help prints how the command is used that a word names, if one does, or else what commands there are. It returns the exit status.
func help(words ...string) int {
	table := Command()
	table.Commands = Commands()
	page := &table
	if len(words) > 0 {
		if page = table.Find(words[0]); page == nil {
			fmt.Fprintf(os.Stderr, "toaster oci: help: no command %q; \"toaster help oci\" lists them\n", words[0])
			return exitFailure
		}
	}
	cmdline.Page(os.Stdout, "toaster", page, false)
	return 0
}
