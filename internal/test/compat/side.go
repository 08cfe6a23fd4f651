package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"toaster/internal/test/attacks"
)

// A side is where tests are run.
type side struct {
	name  string
	env   []string
	gocmd []string // the go command
}

// sides returns toaster's side and the host's. The first has what "toaster setup" leaves and nothing else:
// a name on PATH. Both are without cgo, which go chooses for NetBSD by itself but where the go command is a guest.
func sides(ctx context.Context, top, tmp string) ([]side, error) {
	bin := filepath.Join(tmp, "bin")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin+"/", "./cmd/toaster")
	build.Dir = top
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build of toaster: %w\n%s", err, out)
	}
	path := "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")
	setup := exec.CommandContext(ctx, filepath.Join(bin, "toaster"), "setup")
	setup.Env = append(os.Environ(), path)
	if out, err := setup.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("toaster setup: %w\n%s", err, out)
	}
	netbsd := side{name: "NetBSD", env: []string{path, "GOOS=netbsd", "GOARCH=amd64", "CGO_ENABLED=0"}, gocmd: []string{"go"}}
	linux := side{name: "Linux", env: []string{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0"}, gocmd: []string{"go"}}
	return []side{netbsd, linux}, nil
}

// command returns a go command of the side, in a session of its own: no test finds the terminal. What it
// leaves is ended by endAll.
func (s *side) command(ctx context.Context, dir, tmp string, args ...string) *exec.Cmd {
	words := append(s.gocmd[1:len(s.gocmd):len(s.gocmd)], args...)
	cmd := exec.CommandContext(ctx, s.gocmd[0], words...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOTOOLCHAIN=local", "TMPDIR="+tmp, "PWD="+dir)
	cmd.Env = append(cmd.Env, s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// list returns the packages that the patterns match and that have tests.
func (s *side) list(ctx context.Context, dir, tmp string, patterns []string) ([]string, error) {
	format := "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}"
	cmd := s.command(ctx, dir, tmp, append([]string{"list", "-f", format}, patterns...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, shorten(errs.String()))
	}
	return strings.Fields(string(out)), nil
}

// obtain gets what the packages and their tests are built from, so that a module that cannot be had is
// told from a test that fails.
func (s *side) obtain(ctx context.Context, dir, tmp string, packages []string) error {
	cmd := s.command(ctx, dir, tmp, append([]string{"list", "-deps", "-test"}, packages...)...)
	var errs strings.Builder
	cmd.Stdout, cmd.Stderr = nil, &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go list -deps: %w: %s", err, shorten(errs.String()))
	}
	return nil
}

// endAll ends what tests have left behind, and says what it was. Each process that is ended may leave
// children of its own to this one, which is a subreaper.
func endAll() (left []string) {
	for {
		s := attacks.AwaitNoChildren(2 * time.Second)
		if s == "" {
			return left
		}
		left = append(left, s)
	}
}

// removeAll removes a directory in which tests may have made others that may not be written.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
