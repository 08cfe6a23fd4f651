package toaster

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"toaster/internal/guard"
	"toaster/internal/tty"
	"toaster/kern"
	"toaster/netbsd"
)

// JobControl gives a command the controlling terminal of this process, as a shell
// gives its own to a job: the program leads the foreground group of a session whose
// leader stands for the shell. That leader is a process of the machine, the program's
// parent; were the program itself the leader, its group would be orphaned, and Ctrl-Z
// could not stop it.
//
// The host tells of Ctrl-C and the like by signals to this process. Whoever receives
// them passes them on with Signal, Hangup and Continue. One command uses a JobControl.
type JobControl struct {
	// Suspend is called when the program has been stopped, with the terminal in the
	// modes that it had before: the place to stop oneself (SuspendSelf). The program
	// goes on when it returns. If it is nil, the program is not continued.
	Suspend func()

	// Terminal, if it is not nil, is the terminal, instead of this process's own. The caller, who keeps
	// the file, passes on what that terminal's foreground is sent. When the program has ended and
	// nobody has the terminal open any more, nothing of it is left in the machine.
	Terminal *os.File

	// Ready, if it is not nil, is called once before the program can run: whoever
	// passes signals on must be able to when it returns. It has a goroutine of its own, beside
	// Start, which waits for it.
	Ready func()

	mu   sync.Mutex
	host *tty.HostTTY // nil: there is no terminal
	owed bool         // guests' modes are to be set again once toaster is in the foreground
}

// terminal finds j.Terminal, or the controlling terminal of this process; nil if it has none.
func (j *JobControl) terminal(d *tty.Driver) *tty.HostTTY {
	f := j.Terminal
	if f == nil {
		var err error
		if f, err = os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
			return nil
		}
		defer f.Close()
	}
	h, errno := d.HostTTY(int(f.Fd()))
	if errno != 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.host = h
	return h
}

func (j *JobControl) get() *tty.HostTTY {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.host
}

// SuspendSelf stops this process as Ctrl-Z does, and returns when it is continued.
func SuspendSelf() { tty.SuspendSelf() }

// HasTerminal reports whether the program got a terminal. Preconditions: Start.
func (j *JobControl) HasTerminal() bool { return j.get() != nil }

// Signal sends sig to the terminal's foreground group. False: there is no terminal.
func (j *JobControl) Signal(sig netbsd.Signal) bool {
	h := j.get()
	if h == nil {
		return false
	}
	h.Signal(sig)
	return true
}

// Hangup tells that the terminal has gone: the session's leader gets SIGHUP, and with
// its death the foreground group. False: there was no terminal.
func (j *JobControl) Hangup() bool {
	h := j.get()
	if h == nil {
		return false
	}
	h.Hangup()
	return true
}

// Continue tells that this process has been continued: modes that guests had set are
// set again if it was in the foreground, and the foreground group gets SIGCONT. False:
// there is no terminal.
func (j *JobControl) Continue() bool {
	h := j.get()
	if h == nil {
		return false
	}
	j.retake(h)
	h.Signal(netbsd.SIGCONT)
	return true
}

func (j *JobControl) retake(h *tty.HostTTY) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.owed && h.Retake() {
		j.owed = false
	}
}

// start starts a program by way of spawn, below a leader that j's terminal belongs to.
func (j *JobControl) start(m *kern.Machine, h *tty.HostTTY, spawn func(leader *kern.Proc) (*kern.Proc, error)) (*kern.Proc, error) {
	type result struct {
		p   *kern.Proc
		err error
	}
	done := make(chan result, 1)
	_, errno := m.Spawn(kern.SpawnArgs{Comm: "toaster", Setsid: true, Service: true, Body: func(l *kern.LWP) {
		if errno := l.AcquireTTY(h.TTY()); errno != 0 {
			done <- result{nil, fmt.Errorf("toaster: the terminal has another session: %w", errno)}
			l.Exit(1)
		}
		p, err := spawn(l.Proc())
		done <- result{p, err}
		if err == nil {
			j.lead(l, h, p.Pid())
		}
		if j.Terminal != nil {
			h.Retire()
		}
		l.Exit(0)
	}})
	if errno != 0 {
		return nil, fmt.Errorf("toaster: %w", errno)
	}
	r := <-done
	return r.p, r.err
}

// lead is a shell's part for its one job: it waits for it, hands the terminal over when
// it is stopped, and goes when it has ended, which hangs up what is left of the session.
func (j *JobControl) lead(l *kern.LWP, h *tty.HostTTY, job int) {
	for {
		r, errno := l.Wait(job, netbsd.WUNTRACED)
		if errno != 0 || !r.Status.Stopped() {
			return
		}
		if j.Suspend == nil {
			continue
		}
		guard.Locked(&j.mu, func() { j.owed = h.RestoreForStop() || j.owed })
		j.Suspend()
		j.retake(h)
		l.SetForeground(h.TTY(), job)
		l.Kill(-job, netbsd.SIGCONT)
		h.Wake()
	}
}
