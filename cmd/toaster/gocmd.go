package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

const goHelp = `go passes ARG... to the go command found on PATH, with GOOS=netbsd, GOARCH=amd64
and CGO_ENABLED=0; what "go run" and "go test" build runs under toaster.
"toaster go help" is the go command's own help.
`

// goMain is "toaster go ARG...": the host's own go command, told to build for
// netbsd/amd64 and to run what it built through this executable. The go command
// looks for a program named go_GOOS_GOARCH_exec on PATH (go help run), so a directory
// that holds just that link is put in front.
func goMain(args []string) int {
	gocmd, err := exec.LookPath("go")
	if err != nil {
		complain("go: not found on PATH: install Go (https://go.dev/dl) or add its bin directory to PATH")
		return exitNotFound
	}
	dir, err := execDir()
	if err != nil {
		complain("go: cannot set up %s: %v", execName, err)
		return exitOwnFailure
	}
	defer os.RemoveAll(dir)

	cmd := exec.Command(gocmd, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"GOOS=netbsd", "GOARCH=amd64", "CGO_ENABLED=0",
		"PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	status, err := runHostCommand(cmd)
	if err != nil {
		complain("%v", err)
	}
	return status
}

// execDir makes a temporary directory with a link named execName to this executable.
func execDir() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "toaster-go-")
	if err != nil {
		return "", fmt.Errorf("%w (TMPDIR names another directory for such files)", err)
	}
	if err := os.Symlink(self, filepath.Join(dir, execName)); err != nil {
		os.RemoveAll(dir)
		return "", err
	}
	return dir, nil
}

// runHostCommand runs a host program in toaster's place. The terminal sends Ctrl-C and
// its like to the program and to toaster, which outlives it to report its status. An error says that
// there was no program.
func runHostCommand(cmd *exec.Cmd) (status int, err error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return exitOwnFailure, err
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case s := <-signals:
				if s == syscall.SIGTERM || s == syscall.SIGHUP {
					cmd.Process.Signal(s)
				}
			case <-done:
				return
			}
		}
	}()
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		ws := exit.Sys().(syscall.WaitStatus)
		if ws.Signaled() {
			return 128 + int(ws.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	if err != nil {
		return exitOwnFailure, err
	}
	return 0, nil
}
