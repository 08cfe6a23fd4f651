package platform

import (
	"fmt"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// This file has a stopped thread make system calls of the host, for what only a thread of the
// process itself can do: change its memory, above all. The commands lie in the slot, where the
// guest's other threads can change them while they are executed. That gains a guest nothing:
// the filter judges the calls, and lets none through that the guest could not make by jumping
// to the stub itself. Results are the guest's word, too.

// inject has t execute commands, up to the first that fails, whose error it returns.
// Preconditions: t is entered.
func (t *Thread) inject(commands ...stub.Command) error {
	t.startCommands(commands...)
	return t.finishCommands(len(commands))
}

// startCommands is inject's first half: it doesn't wait.
func (t *Thread) startCommands(commands ...stub.Command) {
	t.setCommands(commands...)
	t.giveTurn(stub.OpCall)
}

func (t *Thread) setCommands(commands ...stub.Command) {
	t.slot.SetCommands(commands)
	t.asksUsage = commands[0].Nr == unix.SYS_GETRUSAGE
}

// finishCommands is the second half: it waits for n commands to be executed.
func (t *Thread) finishCommands(n int) error {
	s := t.slot
	if !t.awaitTurn() {
		return ErrGone
	}
	for i := range n {
		if err := s.Result(i); err != nil {
			return err
		}
	}
	return nil
}

// execute injects into a thread that its owner has stopped. In a light trap signals are
// not blocked: a late kick may interrupt what can be interrupted.
func (t *Thread) execute(what string, commands ...stub.Command) error {
	if !t.enter() {
		return ErrGone
	}
	defer t.leave()
	if err := t.inject(commands...); err != nil {
		return fmt.Errorf("host: %s: %w", what, err)
	}
	return nil
}
