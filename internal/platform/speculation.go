package platform

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file is about what a processor does ahead of what a program says (prctl(2),
// PR_SET_SPECULATION_CTRL). Guests run each in a host process of their own, without the
// kernel's secrets in it, so by default they get what other processes get. With
// Options.SpeculationSafe they get what can be had: what a task sets holds for those that
// it makes, and the zygote is made by a thread that has set it.

// A speculation is one kind, by its number in prctl(2).
type speculation struct {
	number uintptr
	name   string
}

var speculations = []speculation{
	{unix.PR_SPEC_STORE_BYPASS, "speculative store bypass"},
	{unix.PR_SPEC_INDIRECT_BRANCH, "indirect branch speculation"},
}

// state is what the host says of it for the calling thread.
func (s speculation) state() (int, error) {
	v, _, e := syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_GET_SPECULATION_CTRL, s.number, 0, 0, 0, 0)
	if e != 0 {
		return 0, fmt.Errorf("%s: the host does not say whether it can be switched off: %w", s.name, e)
	}
	return int(v), nil
}

// safe reports whether guests are safe from it, or can be made so.
func (s speculation) safe() error {
	v, err := s.state()
	switch {
	case err != nil:
		return err
	case v == unix.PR_SPEC_NOT_AFFECTED, v&(unix.PR_SPEC_DISABLE|unix.PR_SPEC_FORCE_DISABLE) != 0, v&unix.PR_SPEC_PRCTL != 0:
		return nil
	}
	return fmt.Errorf("%s is on, and the host lets no process switch it off", s.name)
}

// disable switches it off for the calling thread and what it makes, for good: FORCE_DISABLE
// cannot be taken back, not even by the guest, if it could make the call.
func (s speculation) disable() error {
	v, err := s.state()
	if err != nil || v&unix.PR_SPEC_PRCTL == 0 {
		return s.safe()
	}
	_, _, e := syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_SPECULATION_CTRL, s.number, unix.PR_SPEC_FORCE_DISABLE, 0, 0, 0)
	if e != 0 {
		return fmt.Errorf("%s: %w", s.name, e)
	}
	return nil
}

// disableSpeculation switches all kinds off for the calling thread and what it makes.
func disableSpeculation() error {
	for _, s := range speculations {
		if err := s.disable(); err != nil {
			return fmt.Errorf("guests cannot be made safe from speculation: %w", err)
		}
	}
	return nil
}

// TrySpeculationSafe finds out whether New would accept Options.SpeculationSafe. Its error
// names, for people, all that guests cannot be made safe from.
func TrySpeculationSafe() error {
	var list []string
	for _, s := range speculations {
		if err := s.safe(); err != nil {
			list = append(list, err.Error())
		}
	}
	if len(list) == 0 {
		return nil
	}
	return errors.New(strings.Join(list, "; "))
}
