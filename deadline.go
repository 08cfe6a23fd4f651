package toaster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// This file has the end that a command gets from outside: its context is done, or a limit
// of its machine is reached, or the context of its machine is done. From then on Wait takes WaitDelay and lastDelay at most,
// whatever the guests do:
//
//	cut            Cancel; or the machine has been killed, or has had Options.Grace to close
//	+ WaitDelay    the kill, if that was not enough; pipes are closed (enforce)
//	+ lastDelay    Wait returns, whoever has not ended, once OnLimit has been told

const (
	defaultWaitDelay = 500 * time.Millisecond
	lastDelay        = 300 * time.Millisecond
)

// ErrWaitDelay is os/exec's: the program ended with status 0, but its output was still
// held open by another process when WaitDelay was over.
var ErrWaitDelay = exec.ErrWaitDelay

// errNotClosed says that a machine did not end in time; it ends in the background.
var errNotClosed = errors.New("toaster: the machine has not ended in time; its end goes on in the background")

// cutoff is what ends a command from outside.
type cutoff struct {
	at      chan struct{} // closed when it has come
	when    time.Time     // and when; set before at is closed
	err     error         // what Wait says of it if the program did not fail; likewise
	over    chan struct{} // closed when Wait returns
	settled chan struct{} // closed when Cancel has returned, or will not be called
}

// watch waits for the cutoff of a command that has been started, and sees it through.
func (c *Cmd) watch() {
	c.cut = &cutoff{at: make(chan struct{}), over: make(chan struct{}), settled: make(chan struct{})}
	go func() {
		came := c.awaitCutoff()
		close(c.cut.settled)
		if came && !within(c.cut.over, c.cut.when.Add(c.delay())) {
			c.enforce()
		}
	}()
}

// awaitCutoff waits for the cutoff, or until Wait is over, and reports whether it has come.
func (c *Cmd) awaitCutoff() bool {
	var done <-chan struct{}
	if c.ctx != nil {
		done = c.ctx.Done()
	}
	select {
	case <-done:
		c.cut.when = time.Now()
		c.cut.err = c.cancel()
	case <-c.Machine.limits.ended:
		c.cut.when = time.Now()
	case <-c.Machine.ctx.Done():
		c.cut.when = time.Now().Add(c.Machine.opts.Grace)
		c.cut.err = c.Machine.ctx.Err()
	case <-c.cut.over:
		return false
	}
	close(c.cut.at)
	return true
}

// end tells that Wait is over. When it returns nobody calls Cancel any more, as in os/exec: what the caller does to the
// context from then on, such as a deferred cancel, is no word about this program.
func (cut *cutoff) end() {
	close(cut.over)
	<-cut.settled
}

// enforce is what the end of WaitDelay does after a cutoff, whether Wait has been called or
// not: who reads from StdoutPipe, and waits afterwards, is not to wait for a descendant
// that holds the pipe.
func (c *Cmd) enforce() {
	select {
	case <-c.Process.proc.Done():
	default:
		c.kill()
	}
	closeAll(c.parents)
}

// cancel is what the end of the context does, as in os/exec.
func (c *Cmd) cancel() error {
	if c.Cancel == nil {
		return nil
	}
	err := c.Cancel()
	switch {
	case err == nil:
		return c.ctx.Err()
	case errors.Is(err, os.ErrProcessDone):
		return nil
	}
	return fmt.Errorf("toaster: canceling the command: %w", err)
}

// kill ends the program whatever it does, and its machine if that is its own: host
// processes first, as no guest can delay that.
func (c *Cmd) kill() {
	if c.own {
		c.Machine.sys.Kill()
		return
	}
	c.Machine.sys.KillProcess(c.Process.proc)
}

// delay is WaitDelay, or what stands for it after a cutoff.
func (c *Cmd) delay() time.Duration {
	if c.WaitDelay > 0 {
		return c.WaitDelay
	}
	return defaultWaitDelay
}

// awaitExit waits for the program's end, and reports it.
func (c *Cmd) awaitExit() *ProcessState {
	p := c.Process.proc
	select {
	case <-p.Done():
	case <-c.Machine.Kern().Halted(): // without it: the machine has broken down
	case <-c.cut.at:
		within(p.Done(), c.cut.when.Add(c.delay()+lastDelay)) // enforce kills before that
	}
	return c.Process.state()
}

// awaitAll waits until the machine has no process left, or until the cutoff.
func (c *Cmd) awaitAll() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-c.cut.at:
			cancel()
		case <-ctx.Done():
		}
	}()
	c.Machine.Kern().WaitIdle(ctx) // what ended it is told by others
}

// closeOwn closes the command's own machine.
func (c *Cmd) closeOwn() error {
	done := make(chan struct{})
	var err error
	go func() {
		err = c.Machine.Close()
		close(done)
	}()
	select {
	case <-done:
		return err
	case <-c.cut.at:
	}
	c.kill() // it may only have begun to close, with the grace that takes
	if within(done, c.cut.when.Add(c.delay()+lastDelay)) {
		return err
	}
	return errNotClosed
}

// awaitIO waits until the copying of input and output is done. exited is when the
// program has ended, from which WaitDelay counts unless the cutoff came before.
func (c *Cmd) awaitIO(exited time.Time) error {
	done := c.stdio.finished()
	var late <-chan time.Time
	if c.WaitDelay > 0 {
		late = time.After(time.Until(exited.Add(c.WaitDelay)))
	}
	select {
	case <-done:
		return c.stdio.error()
	case <-late:
	case <-c.cut.at:
		if within(done, c.cut.when.Add(c.delay())) {
			return c.stdio.error()
		}
	}
	c.stdio.giveUp()
	return ErrWaitDelay
}

// within waits for done until end, and says whether it came.
func within(done <-chan struct{}, end time.Time) bool {
	t := time.NewTimer(time.Until(end))
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
	}
	select {
	case <-done: // both at once
		return true
	default:
		return false
	}
}
