package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"toaster/internal/cmdline"
)

// rootProgram does what "toaster root" is asked for. It is a program of its own, as git has one for
// HTTP: what it links would make every start of a guest slower, and this program a dynamic one.
const rootProgram = "toaster-root"

const rootHelp = `root create DIR makes DIR a NetBSD file tree: it gets the sets of a release from
a mirror, compares them with the release's SHA512 list and unpacks them. root
check DIR says what has changed since, root rm DIR removes what create has made.

` + rootProgram + ` does it, which is to be beside toaster or on PATH:
go install ./cmd/` + rootProgram + `. "toaster root help" prints its flags.
`

// rootMain is "toaster root ARG...".
func rootMain(args []string) int {
	program, err := besideOrPath(rootProgram)
	if err != nil {
		complain("root: there is no %s beside toaster nor on PATH; install it as toaster, by \"go install ./cmd/%s\"", rootProgram, rootProgram)
		return exitNotFound
	}
	err = syscall.Exec(program, append([]string{rootProgram}, args...), os.Environ())
	complain("root: %s: %v", program, err)
	return exitOwnFailure
}

// rootComplete asks the program that knows.
func rootComplete(w io.Writer, words []string) {
	program, err := besideOrPath(rootProgram)
	if err != nil {
		return
	}
	cmd := exec.Command(program, append([]string{cmdline.CompleteName}, words...)...)
	cmd.Stdout = w
	cmd.Run()
}

// besideOrPath finds a program in the directory of this one, or on PATH.
func besideOrPath(name string) (string, error) {
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), name)
		if found, err := exec.LookPath(beside); err == nil {
			return found, nil
		}
	}
	found, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) {
		err = nil
	}
	return found, err
}
