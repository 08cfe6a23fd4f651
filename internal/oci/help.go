package oci

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

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
		Flags: cmd.flags, Details: func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", cmd.name, cmd.about) }, Offer: cmd.offer(),
	}
}

// offer is what completion asks for the ids that a command can be about; nil where the command is about none, or about a new one.
func (cmd command) offer() func(words []string) []string {
	if cmd.least == 0 || cmd.name == "create" || cmd.name == "run" {
		return nil
	}
	return offerIDs
}

// mostOffered is how many ids a person at a shell can make use of.
const mostOffered = 1000

// offerIDs returns the ids of the containers whose state lies where the words of a command line say. A shell waits for it: nothing in the
// directory is opened, and where --root is a pipe nobody writes to it.
func offerIDs(words []string) (ids []string) {
	c := new(call)
	if len(words) > 0 && words[0] == "oci" {
		words = words[1:]
	}
	if c.flags().Parse(words) != nil {
		return nil
	}
	dir, err := os.OpenFile(c.root, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(mostOffered)
	for _, e := range entries {
		if e.IsDir() && checkID(e.Name()) == nil {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	return ids
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
