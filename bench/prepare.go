package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// system is one of those that are compared.
type system struct {
	name    string
	goos    string   // the system that its programs are built for
	argv    []string // what stands in front of the program
	copyOf  string   // what argv[0] is a copy of, if it is one
	exe     string   // the guest
	tmp     string   // where it makes its files, which go with the run if it is killed
	source  string   // the directory with Go's sources
	esbuild string
	app     string // the directory that esbuild works in
	tree    string // the root of NetBSD's programs
	scratch string // a directory with data for them
}

// What the systems are called in the table and in files.
const (
	native  = "native"
	toaster = "toaster"
	before  = "before" // the toaster command of -beside
	gvisor  = "gVisor"
)

// workshop is where a run has its programs and data.
type workshop struct {
	dir     string
	systems []*system
}

// prepare builds toaster, and the guest for both systems. beside is another toaster command, or empty.
func prepare(ctx context.Context, dir, beside string) (*workshop, error) {
	command := filepath.Join(dir, "toaster")
	linux := filepath.Join(dir, "guest-linux")
	netbsd := filepath.Join(dir, "guest-netbsd")
	for _, b := range []struct{ out, goos, pkg string }{
		{command, "linux", "toaster/cmd/toaster"},
		{linux, "linux", "toaster/bench/guest"},
		{netbsd, "netbsd", "toaster/bench/guest"},
	} {
		progress("building %s", filepath.Base(b.out))
		cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", b.out, b.pkg)
		cmd.Env = append(os.Environ(), "GOOS="+b.goos, "GOARCH=amd64", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build %s: %w\n%s", b.pkg, err, out)
		}
	}
	w := &workshop{dir: dir, systems: []*system{
		{name: native, goos: "linux", exe: linux},
		{name: toaster, goos: "netbsd", argv: []string{command, "run"}, exe: netbsd},
	}}
	if beside != "" {
		s, err := besideSystem(dir, beside, w.systems[1])
		if err != nil {
			return nil, err
		}
		w.systems = append(w.systems, s)
	}
	if runsc, err := exec.LookPath("runsc"); err == nil {
		// Without the overlay, which keeps in memory what the others write to the disk. The command do puts one
		// over whatever --overlay2 says.
		w.systems = append(w.systems, &system{
			name: gvisor, goos: "linux", exe: linux,
			argv: []string{runsc, "--rootless", "--network=none", "do", "--force-overlay=false"},
		})
	}
	tmp := filepath.Join(dir, "tmp")
	for _, s := range w.systems {
		s.tmp = tmp
	}
	return w, os.Mkdir(tmp, 0o777)
}

// command is a program under the system.
func (s *system) command(ctx context.Context, exe string, args ...string) *exec.Cmd {
	return s.commandWith(ctx, nil, exe, args...)
}

// commandWith has flags for toaster, which other systems do without.
func (s *system) commandWith(ctx context.Context, flags []string, exe string, args ...string) *exec.Cmd {
	argv := append([]string{}, s.argv...)
	if s.goos == "netbsd" {
		argv = append(argv, flags...)
	}
	argv = append(append(argv, exe), args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "TMPDIR="+s.tmp, "TOASTER_BENCH_LEAVE=1")
	cmd.WaitDelay = patience
	return cmd
}
