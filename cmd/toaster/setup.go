package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"toaster/internal/platform/doctor"
)

const setupHelp = `setup installs the name ` + execName + ` beside the toaster that runs
it. The go command looks for a program of that name on PATH to run what it has
built for netbsd/amd64, so "GOOS=netbsd go test ./..." then runs under toaster.
It also says whether programs of the host that a test starts, such as /bin/sh,
can run NetBSD programs here.
`

type setupFlags struct{ speech }

func (f *setupFlags) set() *flag.FlagSet {
	fs := newFlagSet("setup")
	f.addQuiet(fs, "say nothing but what goes wrong")
	return fs
}

// setupMain installs the link execName beside the toaster executable, so that plain
// "GOOS=netbsd go test ./..." finds it.
func setupMain(args []string) int {
	var f setupFlags
	if status, ok := parseOnlyFlags("setup", f.set(), args); !ok {
		return status
	}
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		complain("setup: cannot find my own executable: %v", err)
		return exitOwnFailure
	}
	link := filepath.Join(filepath.Dir(self), execName)
	if err := installLink(filepath.Base(self), link); err != nil {
		complain("setup: cannot install %s: %v; install toaster in a directory that you may write, such as with \"go install ./cmd/toaster\"", link, err)
		return exitOwnFailure
	}
	if !f.quiet {
		saySetup(link)
	}
	return 0
}

// saySetup says what there is now, and what may be missing.
func saySetup(link string) {
	fmt.Printf("installed %s\n", link)
	found, err := exec.LookPath(execName)
	switch {
	case err != nil:
		fmt.Printf("%s is not on PATH yet: add it, then \"GOOS=netbsd go test ./...\" runs under toaster\n", filepath.Dir(link))
	case found != link:
		fmt.Printf("note: PATH finds %s first; remove that one or reorder PATH\n", found)
	default:
		fmt.Println("\"GOOS=netbsd go test ./...\" now runs under toaster")
	}
	printFindings(os.Stdout, []doctor.Finding{doctor.HostPrograms()}, "no  ")
}

// installLink makes link point to target, unless it does: a package of the distribution's has the link, where a
// user may write nothing.
func installLink(target, link string) error {
	if have, err := os.Readlink(link); err == nil && have == target {
		return nil
	}
	return replaceLink(target, link)
}

// replaceLink makes link point to target in one step, whatever was there.
func replaceLink(target, link string) error {
	tmp := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := os.Symlink(target, tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, link); err != nil {
		os.Remove(tmp)
		return err
	}
	return nil
}
