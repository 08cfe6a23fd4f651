package toaster

import (
	"errors"
	"fmt"
	"time"

	"toaster/kern"
)

// Wait waits for the end of the program, and of the copying of its input and output.
// The error is an *ExitError unless the exit status is 0, or a *LimitError if a limit has
// ended the machine. With a machine of its own the machine ends, too: what the program
// left running gets SIGHUP, SIGCONT, SIGKILL, unless WaitAll has Wait wait for it.
//
// When the context is done or the machine has met a limit, Wait returns within a second,
// or WaitDelay and a little more if that is set, whoever holds the program's output open;
// when the context of New is done, Options.Grace later.
func (c *Cmd) Wait() error {
	if c.Process == nil {
		return errors.New("toaster: not started")
	}
	if c.ProcessState != nil {
		return errors.New("toaster: Wait was already called")
	}
	defer c.cut.end()
	c.ProcessState = c.awaitExit()
	if c.own && c.WaitAll {
		c.awaitAll()
	}
	exited := time.Now()
	var closeErr error
	if c.own {
		closeErr = c.closeOwn()
	}
	ioErr := c.awaitIO(exited)
	closeAll(c.parents)
	return c.verdict(ioErr, closeErr)
}

// verdict is what Wait returns.
func (c *Cmd) verdict(ioErr, closeErr error) error {
	c.Machine.limits.flush()
	var exit error
	if !c.ProcessState.Success() {
		exit = &ExitError{ProcessState: c.ProcessState}
	}
	if limit := c.Machine.limits.reached(exit); limit != nil {
		return limit
	}
	if err := c.Machine.Kern().Err(); errors.Is(err, kern.ErrBug) {
		return fmt.Errorf("toaster: %w", err)
	}
	if exit != nil {
		return exit
	}
	select {
	case <-c.cut.at:
		if c.cut.err != nil {
			return c.cut.err
		}
	default:
	}
	if closeErr == nil {
		return ioErr // as it is, for those who compare
	}
	return errors.Join(ioErr, closeErr)
}
