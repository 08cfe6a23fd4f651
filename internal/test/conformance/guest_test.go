package conformance

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"toaster"
	"toaster/netbsd"
)

// guest is a NetBSD program to be run.
type guest struct {
	exe   string
	args  []string
	dir   string
	env   []string // in addition to the usual environment
	limit time.Duration
}

// run returns what the guest wrote on both of its outputs, and how it ended. A guest over
// its limit gets SIGQUIT, for a Go program's stacks, then SIGKILL.
func (g guest) run(t *testing.T) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), g.limit+10*time.Second)
	defer cancel()
	cmd := toaster.CommandContext(ctx, g.exe, g.args...)
	cmd.Dir = g.dir
	cmd.Env = append(guestEnv(t), "PWD="+g.dir)
	cmd.Env = append(cmd.Env, g.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	quit := time.AfterFunc(g.limit, func() { cmd.Process.Signal(netbsd.SIGQUIT) })
	defer quit.Stop()
	err := cmd.Wait()
	return out.Bytes(), err
}

// guestEnv is the environment of every guest: a go command in it builds for the guest
// and runs what it has built under toaster again.
func guestEnv(t *testing.T) []string {
	t.Helper()
	dir := execFolder(t)
	env := append(os.Environ(), crossEnv...)
	return append(env, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// execName is the name by which the go command looks for a program that runs what it
// has built (go help run).
const execName = "go_netbsd_amd64_exec"

// buildCommand builds the toaster command once, under that name.
var buildCommand = sync.OnceValues(func() (string, error) {
	dir := inWork("exec")
	cmd := goCommand("", "build", "-buildvcs=false", "-o", filepath.Join(dir, execName), "toaster/cmd/toaster")
	cmd.Env = append(cmd.Env, "GOOS=linux")
	_, err := cmd.Output()
	return dir, err
})

func execFolder(t *testing.T) string {
	t.Helper()
	dir, err := buildCommand()
	if err != nil {
		t.Fatalf("build of the toaster command: %v", err)
	}
	return dir
}
