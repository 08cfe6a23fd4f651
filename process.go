package toaster

import (
	"fmt"
	"os"
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// Process is a program that was started.
type Process struct {
	Pid int // the guest's process id

	proc    *kern.Proc
	machine *kern.Machine
}

// Signal sends sig, with NetBSD's number. The error wraps os.ErrProcessDone if the program
// has ended, else the errno of kill(2).
func (p *Process) Signal(sig netbsd.Signal) error {
	switch errno := p.proc.Kill(sig); errno {
	case 0:
		return nil
	case netbsd.ESRCH:
		return fmt.Errorf("toaster: signal %v to process %d: %w (%w)", sig, p.Pid, os.ErrProcessDone, errno)
	default:
		return fmt.Errorf("toaster: signal %v to process %d: %w", sig, p.Pid, errno)
	}
}

// Kill sends SIGKILL.
func (p *Process) Kill() error { return p.Signal(netbsd.SIGKILL) }

// Wait waits for the end of the program, and returns how it ended: with SIGKILL if the
// machine broke down beneath it, which Machine.Close tells. It can be called again, and by
// several goroutines, unlike os.Process.Wait. It does not wait for output, nor does it end
// what Start has set up: that is what Cmd.Wait does, which is to be called in any case. The
// error is always nil; it is there for the likeness to os.Process.
func (p *Process) Wait() (*ProcessState, error) {
	select {
	case <-p.proc.Done():
	case <-p.machine.Halted():
	}
	return p.state(), nil
}

// state returns how p has ended; a process that has not counts as killed.
func (p *Process) state() *ProcessState {
	s := &ProcessState{pid: p.Pid}
	var ended bool
	if s.status, ended = p.proc.Status(); !ended {
		s.status = netbsd.ExitStatus(0, netbsd.SIGKILL)
	}
	s.usage, _ = p.proc.Rusage(netbsd.RUSAGE_SELF)
	children, _ := p.proc.Rusage(netbsd.RUSAGE_CHILDREN)
	s.usage.Add(&children)
	return s
}

// ProcessState tells how a program ended and what it used.
type ProcessState struct {
	pid    int
	status netbsd.WaitStatus
	usage  netbsd.Rusage
}

// Pid returns the guest's process id.
func (s *ProcessState) Pid() int { return s.pid }

// Status returns the raw wait status (wait(2)).
func (s *ProcessState) Status() netbsd.WaitStatus { return s.status }

// Sys is Status, under the name that os.ProcessState has for it: a netbsd.WaitStatus.
func (s *ProcessState) Sys() any { return s.status }

// Usage returns the resources that the program and the children it waited for have used:
// what wait4(2) tells the parent.
func (s *ProcessState) Usage() netbsd.Rusage { return s.usage }

// SysUsage is Usage, under the name that os.ProcessState has for it: a *netbsd.Rusage.
func (s *ProcessState) SysUsage() any {
	u := s.usage
	return &u
}

// UserTime returns the processor time that the program and the children it waited for have
// spent in their own code.
func (s *ProcessState) UserTime() time.Duration { return s.usage.Utime }

// SystemTime returns the processor time that the host's kernel has spent for them. What
// toaster itself has spent is not in it.
func (s *ProcessState) SystemTime() time.Duration { return s.usage.Stime }

// Exited reports whether the program has ended by itself, by exit(3).
func (s *ProcessState) Exited() bool { return s.status.Exited() }

// ExitCode returns the exit status, or -1 if a signal killed the program or it has not
// ended. As with package os on NetBSD it has the 24 bits that wait4(2) tells, which a shell cuts
// to 8; in release 2003 there are no more than these.
func (s *ProcessState) ExitCode() int {
	if s == nil || !s.status.Exited() {
		return -1
	}
	return int(uint32(s.status) >> 8)
}

// Success reports exit status 0.
func (s *ProcessState) Success() bool { return s.status == 0 }

// String returns "exit status 3" or "signal: SIGKILL", with "(core dumped)" where the
// signal is one that dumps core; "<nil>" before the end.
func (s *ProcessState) String() string {
	switch {
	case s == nil:
		return "<nil>"
	case s.status.Exited():
		return fmt.Sprintf("exit status %d", s.ExitCode())
	case s.status.CoreDump():
		return fmt.Sprintf("signal: %v (core dumped)", s.status.TermSignal())
	}
	return fmt.Sprintf("signal: %v", s.status.TermSignal())
}

// ExitError says that a program did not end with exit status 0.
type ExitError struct {
	*ProcessState
	// Stderr holds what Output collected of the standard error: of much the beginning and the end, with a note between
	// them.
	Stderr []byte
}

func (e *ExitError) Error() string { return e.ProcessState.String() }
