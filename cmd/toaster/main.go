// Command toaster runs NetBSD/amd64 programs on Linux. See "toaster help".
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"toaster/internal/cmdline"
	"toaster/internal/oci"
)

// execName is the name under which the go command looks for a program that runs
// GOOS=netbsd executables; under it, toaster is "toaster run".
const execName = "go_netbsd_amd64_exec"

// program is the table of the command line: its commands, with what they take, and those below them.
func program() *cmdline.Command {
	c := commands()
	c.Find("oci").Commands = oci.Commands()
	c.Find("help").Commands = cmdline.Names(c.Commands)
	return c
}

// commands is the table as far as it takes to find the command of a start.
func commands() *cmdline.Command {
	return &cmdline.Command{
		Name: "toaster",
		Commands: []cmdline.Command{
			{
				Name: "run", Usage: "run [flags] PROGRAM [ARG...]", About: "run a NetBSD program",
				Flags: new(runFlags).set, Groups: runGroups, Args: cmdline.Files, Details: text(runHelp), Run: runMain,
			},
			{
				Name: "go", Usage: "go ARG...", About: "the go command, for NetBSD",
				Args: cmdline.Files, Details: text(goHelp), Run: goMain,
			},
			{
				Name: "setup", Usage: "setup", About: "have go test run NetBSD's tests here",
				Flags: new(setupFlags).set, Details: text(setupHelp), Run: setupMain,
			},
			{
				Name: "root", Usage: "root create|check|rm DIR", About: "make NetBSD file trees",
				Details: text(rootHelp), Run: rootMain, Complete: rootComplete,
			},
			{
				Name: "shell", Usage: "shell [flags] DIR [COMMAND...]", About: "log in to such a tree",
				Flags: new(runFlags).set, FlagsOf: "run", Args: cmdline.Dirs, Details: text(shellHelp), Run: shellMain,
			},
			ociCommand(),
			{
				Name: "doctor", Usage: "doctor", About: "what this host allows, and what to do",
				Flags: new(doctorFlags).set, Details: text(doctorHelp), Run: doctorMain,
			},
			{
				Name: "completion", Usage: "completion " + cmdline.Shells, About: "completion for a shell",
				Flags: noFlags, Args: cmdline.Shells, Details: text(completionHelp), Run: completionMain,
			},
			{
				Name: "version", Usage: "version [-v]", About: "say which toaster this is",
				Flags: new(versionFlags).set, Details: text(versionHelp), Run: versionMain,
			},
			{
				Name: "help", Usage: "help [COMMAND...]", About: "say how a command is used",
				Flags: new(helpFlags).set, Details: text(helpHelp), Run: helpMain,
			},
		},
	}
}

func main() {
	// A goroutine that watches its guest keeps its P. With some to spare the scheduler need
	// not start a thread each time one goes to sleep, nor wait for one to be taken away.
	// The environment's GOMAXPROCS and GOGC are meant for the guest.
	runtime.GOMAXPROCS(max(4, 2*runtime.NumCPU()))
	// Little is kept and much comes and goes with each process: collect at 32 MiB, not 4.
	debug.SetGCPercent(800)
	os.Exit(dispatch(os.Args))
}

func dispatch(argv []string) int {
	if len(argv) > 0 && filepath.Base(argv[0]) == execName {
		return runMain(argv[1:])
	}
	if len(argv) > 0 && filepath.Base(argv[0]) == ociName {
		return ociMain(argv[1:])
	}
	if len(argv) < 2 {
		usage(os.Stderr)
		return exitOwnFailure
	}
	switch {
	case isHelp(argv[1]):
		return helpMain(nil)
	case argv[1] == cmdline.CompleteName:
		program().CompleteWords(os.Stdout, argv[2:])
		return 0
	}
	if c := commands().Find(argv[1]); c != nil {
		return c.Run(argv[2:])
	}
	complain("no command %q; %q lists them", argv[1], "toaster help")
	return exitOwnFailure
}

// complain prints one line that names the speaker: who failed, on what, why.
func complain(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "toaster: "+format+"\n", args...)
}
