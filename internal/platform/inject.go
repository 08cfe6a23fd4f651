package platform

import (
	"fmt"
	"syscall"
)

// A command is a host system call that a stopped thread makes for toaster.
type command struct {
	nr   uint64
	args [6]uint64
}

// inject has t execute commands, up to the first that fails, whose index and
// error it returns. Preconditions: t is entered.
func (t *Thread) inject(commands ...command) error {
	t.startCommands(commands...)
	return t.finishCommands(len(commands))
}

// startCommands is inject's first half: it doesn't wait.
func (t *Thread) startCommands(commands ...command) {
	t.setCommands(commands...)
	t.giveTurn(opCall)
}

func (t *Thread) setCommands(commands ...command) {
	s := t.slot
	for i, c := range commands {
		base := slotCommand + i*commandSize
		s.store(base, c.nr)
		for j, a := range c.args {
			s.store(base+8+8*j, a)
		}
		s.store(base+56, 0)
	}
	s.store32(slotCount, uint32(len(commands)))
	t.asksUsage = commands[0].nr == syscall.SYS_GETRUSAGE
}

// finishCommands is the second half: it waits for n commands to be executed.
func (t *Thread) finishCommands(n int) error {
	s := t.slot
	if !t.awaitTurn() {
		return ErrGone
	}
	for i := range n {
		if err := s.result(i); err != nil {
			return err
		}
	}
	return nil
}

// execute injects into a thread that its owner has stopped. In a light trap signals are
// not blocked: a late kick may interrupt what can be interrupted.
func (t *Thread) execute(what string, commands ...command) error {
	if !t.enter() {
		return ErrGone
	}
	defer t.leave()
	if err := t.inject(commands...); err != nil {
		return fmt.Errorf("host: %s: %w", what, err)
	}
	return nil
}
