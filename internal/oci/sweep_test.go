package oci

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// This file has the sweeper: a process that removes what the tests leave, however they end. A container's kernel lives on
// when its maker is gone, as it should, and so do its control group and its guests.

// sweepCommand has the test binary be the sweeper.
const sweepCommand = "sweep-after-tests"

// home is the directory in which all lies that the tests make. Its name is random, and it is TMPDIR to whatever they start: what has that name
// is theirs, and theirs alone.
var home string

// groupsHome is the control group, from the root of the host's hierarchies, for those of tests that choose a place.
func groupsHome() string { return "/" + filepath.Base(home) }

// sweeper is the sweeper's process.
var sweeper *exec.Cmd

// startSweeper makes home, and starts the sweeper. The result is for the end of the tests, and returns when nothing is left.
func startSweeper() (end func(), err error) {
	if home, err = os.MkdirTemp("", "toaster-oci-"); err != nil {
		return nil, err
	}
	sweeper = exec.Command("/proc/self/exe", sweepCommand, home)
	sweeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what interrupts the tests is not meant for it
	lifeline, err := sweeper.StdinPipe()                     // whose other end is the tests' alone
	err = errors.Join(err, os.Chmod(home, 0o711), os.Setenv("TMPDIR", home), sweeper.Start())
	return func() {
		lifeline.Close()
		sweeper.Wait()
	}, err
}

// sweep waits until the tests are gone, and removes what has the name of dir, which is their home. Processes come first, as who makes containers
// makes none any more then.
func sweep(dir string) {
	io.Copy(io.Discard, os.Stdin)
	home = dir
	for range 10 { // who has just been made by one that is being ended is found the next time
		if !endHeirs() {
			break
		}
	}
	for _, dir := range stateDirs() {
		c := &call{globals: globals{root: filepath.Dir(dir)}, log: &logger{Logger: slog.New(slog.DiscardHandler)}}
		c.delete(filepath.Base(dir), true)
	}
	for _, pattern := range []string{"*" + groupsHome(), groupsHome()} {
		dirs, _ := filepath.Glob(filepath.Join(cgroupRoot, pattern))
		for _, dir := range dirs {
			os.Remove(dir)
		}
	}
	os.RemoveAll(home)
}

// endHeirs ends the processes that have home from the tests, in their environment, and reports whether there were any.
func endHeirs() (found bool) {
	list, _ := os.ReadDir("/proc")
	for _, e := range list {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != os.Getpid() && isHeir(pid) {
			found = true
			endHeir(pid)
		}
	}
	return found
}

func isHeir(pid int) bool {
	b, _ := os.ReadFile("/proc/" + itoa(pid) + "/environ")
	return slices.Contains(strings.Split(string(b), "\x00"), "TMPDIR="+home)
}

// endHeir looks again once the process cannot end and another one have its pid.
func endHeir(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if isHeir(pid) && unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil {
		awaitEnd(fd, pid, endPatience)
	}
}

// stateDirs are the directories of containers below home.
func stateDirs() (dirs []string) {
	filepath.WalkDir(home, func(name string, e fs.DirEntry, err error) error {
		if base := filepath.Base(name); err == nil && (base == recordName || base == cgroupName) && !slices.Contains(dirs, filepath.Dir(name)) {
			dirs = append(dirs, filepath.Dir(name))
		}
		return nil
	})
	return dirs
}

// interrupted is set in the environment of tests that TestInterrupted kills.
const interrupted = "TOASTER_OCI_INTERRUPTED"

// TestInterrupted: of tests that are killed no process is left, no control group, and no file.
func TestInterrupted(t *testing.T) {
	w := newWorld(t)
	if os.Getenv(interrupted) != "" {
		_, pid := w.running()
		fmt.Println(pid, sweeper.Process.Pid, home)
		io.Copy(io.Discard, os.Stdin)
		return
	}
	tests := exec.Command("/proc/self/exe", "-test.run=^TestInterrupted$")
	tests.Env, tests.Stderr = append(os.Environ(), interrupted+"=1"), os.Stderr
	in, err := tests.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := tests.StdoutPipe()
	if err == nil {
		err = tests.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer tests.Process.Release()
	var kernel, sweeper int
	var place string
	if _, err := fmt.Sscan(w.line(out), &kernel, &sweeper, &place); err != nil {
		t.Fatal(err)
	}
	group, err := os.ReadFile("/proc/" + itoa(kernel) + "/cgroup")
	if err != nil || os.Geteuid() == 0 && !strings.Contains(string(group), filepath.Base(place)) {
		t.Errorf("the kernel is in %s, %v", group, err)
	}
	tests.Process.Kill()
	if w.ends(tests.Process.Pid); w.ends(sweeper) != 0 {
		t.Error("the sweeper has failed")
	}
	if _, reaped := ended[kernel]; !reaped && !w.hasEnded(kernel) {
		t.Error("the kernel lives")
		unix.Kill(kernel, unix.SIGKILL)
	}
	w.ends(kernel)
	left, _ := filepath.Glob(filepath.Join(cgroupRoot, "*", filepath.Base(place)+"*"))
	if _, err := os.Stat(place); err == nil || len(left) > 0 {
		t.Errorf("%s is left (%v), and the groups %v", place, err, left)
	}
}
