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
	endless   = "endless" // noticed, as the tests used up their processor time, or twice did not end
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
	certain bool   // of an endless one: it has used up its processor time, however busy the machine is
	output  []byte
	wall    time.Duration
	cpu     time.Duration
}

// bound is what a run may take.
type bound struct{ wall, cpu time.Duration }

// run runs those tests with a fault; 0 is none, and no names are all tests.
func (b *testBinary) run(ctx context.Context, id int, names []string, most bound, env ...string) outcome {
	ctx, cancel := context.WithTimeout(ctx, most.wall)
	defer cancel()
	args := []string{"-test.v", "-test.short", "-test.failfast", "-test.count=1", "-test.timeout=0"}
	if names != nil {
		args = append(args, "-test.run=^("+strings.Join(names, "|")+")$")
	}
	cmd := exec.CommandContext(ctx, b.path, append(args, b.args...)...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), faultVar+"="+strconv.Itoa(id), cpuVar+"="+strconv.Itoa(int(most.cpu/time.Second)+1))
	cmd.Env = append(cmd.Env, env...)
	cmd.WaitDelay = time.Second
	begin := time.Now()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := nicely(cmd)
	o := outcome{verdict: unnoticed, output: out, wall: time.Since(begin)}
	if cmd.ProcessState != nil {
		o.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	switch {
	case byLimit(err):
		o.verdict, o.certain = endless, true
	case ctx.Err() != nil:
		o.verdict = endless
	case err != nil:
		o.verdict, o.by = noticed, failed(out)
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

var (
	failLine = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)
	runLine  = regexp.MustCompile(`(?m)^=== RUN   (\w+)`)
)

// failed returns the test that failed first, by what a test binary prints: a line for a failure;
// of a panic the test that ran is the cause.
func failed(out []byte) string {
	if m := failLine.FindSubmatch(out); m != nil {
		return string(m[1])
	}
	if m := runLine.FindAllSubmatch(out, -1); m != nil {
		return string(m[len(m)-1][1])
	}
	return "?"
}

// judge runs tests with a fault until one fails. One that does not end in its time proves nothing
// on a busy machine: it counts if it does not end in twice the time either.
func (b *testBinary) judge(ctx context.Context, id int, tests []*test) outcome {
	for _, batch := range batches(tests) {
		names, most := batch.names(), batch.bound()
		o := b.run(ctx, id, names, most)
		if o.verdict == endless && !o.certain {
			o = b.run(ctx, id, names, bound{2 * most.wall, 2 * most.cpu})
		}
		if o.verdict != unnoticed {
			return o
		}
	}
	return outcome{verdict: unnoticed}
}
