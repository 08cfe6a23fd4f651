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

type subcommand struct {
	name  string
	usage string
	about string
	run   func(args []string) int
}

func subcommands() []subcommand {
	return []subcommand{
		{"run", "run [flags] PROGRAM [ARG...]", "run a NetBSD program; the exit status is the program's", runMain},
		{"go", "go ARG...", "the go command for netbsd/amd64, its programs run under toaster", goMain},
		{"setup", "setup", "install " + execName + " beside toaster, for plain GOOS=netbsd go test", setupMain},
		{"doctor", "doctor", "say what this host allows, and what to do where it doesn't", doctorMain},
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
	switch argv[1] {
	case "help", "-h", "-help", "--help":
		usage(os.Stdout)
		return 0
	}
	for _, c := range subcommands() {
		if c.name == argv[1] {
			return c.run(argv[2:])
		}
	}
	complain("no command %q; %q lists them", argv[1], "toaster help")
	return exitOwnFailure
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "toaster runs NetBSD/amd64 programs on Linux, as ordinary processes.")
	fmt.Fprintln(w)
	for _, c := range subcommands() {
		fmt.Fprintf(w, "  toaster %-30s %s\n", c.usage, c.about)
	}
	fmt.Fprintln(w, "\n\"toaster run -h\" lists the flags of run.")
}

// complain prints one line that names the speaker: who failed, on what, why.
func complain(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "toaster: "+format+"\n", args...)
}
