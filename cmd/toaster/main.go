// Command toaster runs NetBSD/amd64 programs on Linux. See "toaster help".
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
)

// execName is the name under which the go command looks for a program that runs
// GOOS=netbsd executables; under it, toaster is "toaster run".
const execName = "go_netbsd_amd64_exec"

// Exit statuses of toaster itself, as env(1), timeout(1) and the shell have them.
const (
	exitOutputLimit   = 123
	exitTimeLimit     = 124
	exitOwnFailure    = 125
	exitNotExecutable = 126
	exitNotFound      = 127
)

// subcommand is a row of "toaster help".
type subcommand struct {
	name  string
	usage string // the command line after "toaster"
	about string // one line
	// details prints what "toaster help NAME" says beyond usage and about.
	details func(w io.Writer)
	run     func(args []string) int
}

func subcommands() []subcommand {
	return []subcommand{
		{"run", "run [flags] PROGRAM [ARG...]", "run a NetBSD program; the exit status is the program's", runHelp, runMain},
		{"go", "go ARG...", "the go command for netbsd/amd64, its programs run under toaster", text(goHelp), goMain},
		{"setup", "setup", "install " + execName + " beside toaster, for plain GOOS=netbsd go test", text(setupHelp), withoutArgs("setup", setupMain)},
		{"doctor", "doctor", "say what this host allows, and what to do where it doesn't", text(doctorHelp), withoutArgs("doctor", doctorMain)},
		{"version", "version [-v]", "say which toaster this is", text(versionHelp), versionMain},
		{"help", "help [COMMAND]", "say how a command is used", text(helpHelp), helpMain},
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
	if len(argv) < 2 {
		usage(os.Stderr)
		return exitOwnFailure
	}
	if isHelp(argv[1]) {
		return helpMain(nil)
	}
	if c := find(argv[1]); c != nil {
		return c.run(argv[2:])
	}
	complain("no command %q; %q lists them", argv[1], "toaster help")
	return exitOwnFailure
}

// find returns the command of that name, or nil.
func find(name string) *subcommand {
	for _, c := range subcommands() {
		if c.name == name {
			return &c
		}
	}
	return nil
}

// complain prints one line that names the speaker: who failed, on what, why.
func complain(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "toaster: "+format+"\n", args...)
}
