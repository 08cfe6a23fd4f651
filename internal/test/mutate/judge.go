package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Verdicts.
const (
	noticed   = "noticed"
	unnoticed = "unnoticed"
	endless   = "endless" // noticed, as the tests did not end, and did not end once more
	unreached = "unreached"
)

// testBinary is the test binary with all faults in it.
type testBinary struct {
	path string
	dir  string // in which tests run
	args []string
}

// outcome is what became of one run of the binary.
type outcome struct {
	verdict string // noticed, unnoticed or endless
	by      string // the test that failed, if it says so
	output  []byte
	wall    time.Duration
	cpu     time.Duration
}

// bound is what a run may take.
type bound struct{ wall, cpu time.Duration }

// run runs those tests with a fault; 0 is none, and no names are all tests.
func (b *testBinary) run(id int, names []string, most bound, env ...string) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), most.wall)
	defer cancel()
	args := []string{"-test.short", "-test.failfast", "-test.count=1", "-test.timeout=0"}
	if names != nil {
		args = append(args, "-test.run=^("+strings.Join(names, "|")+")$")
	}
	cmd := exec.CommandContext(ctx, b.path, append(args, b.args...)...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), faultVar+"="+strconv.Itoa(id), cpuVar+"="+strconv.Itoa(int(most.cpu/time.Second)+1))
	cmd.Env = append(cmd.Env, env...)
	cmd.WaitDelay = time.Second
	begin := time.Now()
	out, err := nicely(cmd)
	o := outcome{verdict: unnoticed, output: out, wall: time.Since(begin)}
	if cmd.ProcessState != nil {
		o.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	switch {
	case ctx.Err() != nil, byLimit(err):
		o.verdict = endless
	case err != nil:
		o.verdict, o.by = noticed, failed(out, names)
	}
	return o
}

// nicely runs cmd below others in priority, and returns what it prints.
func nicely(cmd *exec.Cmd) ([]byte, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, 10)
	err := cmd.Wait()
	return out.Bytes(), err
}

// byLimit reports an end by the limit of processor time.
func byLimit(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	ws, ok := exit.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && (ws.Signal() == syscall.SIGXCPU || ws.Signal() == syscall.SIGKILL)
}

var failLine = regexp.MustCompile(`(?m)^--- FAIL: (\w+)|^\s+(Test\w+|Example\w*|Fuzz\w+)(?:/\S*)? \(\d`)

// failed returns the test that failed first, by what a test binary prints: a line for a failure,
// the running tests for a panic.
func failed(out []byte, names []string) string {
	if m := failLine.FindSubmatch(out); m != nil {
		return string(m[1]) + string(m[2])
	}
	if len(names) == 1 {
		return names[0]
	}
	return "?"
}

// judge runs the tests that reach a fault, the fastest first, until one fails. A run that does not
// end proves nothing on a busy machine: it counts if it does not end in twice the time either.
func (b *testBinary) judge(id int, tests []*test) outcome {
	for _, batch := range batches(tests) {
		names, most := batch.names(), batch.bound()
		o := b.run(id, names, most)
		if o.verdict == endless {
			o = b.run(id, names, bound{2 * most.wall, 2 * most.cpu})
		}
		if o.verdict != unnoticed {
			return o
		}
	}
	return outcome{verdict: unnoticed}
}
