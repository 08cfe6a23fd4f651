package outside

import (
	"crypto/rand"
	"encoding/binary"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Options say what a Starter does with programs that its programs execute.
type Options struct {
	// Off has it do nothing.
	Off bool
	// Identify says what a file is. It is called for each execve below the Starter's
	// programs, by several goroutines at once.
	Identify func(*os.File) Look
	// Join is told of each of the machine's programs, on a goroutine of its own. The program
	// has become a proxy, which waits for what Join makes of it.
	Join func(*Exec)
}

// A Starter starts programs of the host. There is nothing of it before the first one.
type Starter struct {
	opts Options

	mu      sync.Mutex // held while a program is started
	thread  *thread
	beyond  *thread // without the filter; nil unless it was needed
	mask    unix.Sigset_t
	pass    uint64
	sv      *supervisor
	heir    *heir
	stopped bool
	way     Way
	// sessions are those that are not closed.
	sessions map[*Session]bool
}

// A Way says how a Starter meets what its programs execute.
type Way struct {
	Err   error // why it does not
	Plain bool  // programs get no new rights by set-id files (no_new_privs)
}

// New makes a Starter.
func New(opts Options) *Starter { return &Starter{opts: opts} }

// ForkExec is syscall.ForkExec, but for what attr.Sys says beyond session, group, terminal, user and parent,
// which is refused. The caller waits for the program.
//
// sig is what the program ignores and blocks; nil: what toaster does.
func (s *Starter) ForkExec(path string, argv []string, attr *syscall.ProcAttr, sig *Signals) (pid int, err error) {
	return s.forkExec(path, argv, attr, sig, ^uint64(0))
}

// Signals are the sets that an execve(2) leaves as they are, bit n-1 for signal n.
type Signals struct{ Ignored, Blocked uint64 }

// forkExec is ForkExec, with what of the pass the program's own start has.
func (s *Starter) forkExec(path string, argv []string, attr *syscall.ProcAttr, sig *Signals, pass uint64) (pid int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin(); err != nil {
		return 0, err
	}
	t := s.thread
	if s.way.Plain && privilegedPath(path) {
		if t, err = s.freeLocked(); err != nil {
			return 0, err
		}
	}
	x := s.startOf(path, argv, attr, sig)
	x.pass &= pass
	return t.spawn(x)
}

// startOf describes the start of a program. begin has returned.
func (s *Starter) startOf(path string, argv []string, attr *syscall.ProcAttr, sig *Signals) *start {
	x := &start{path: path, argv: argv, attr: attr, mask: s.mask, pass: s.pass}
	if sig != nil {
		x.ignored, x.mask.Val[0] = &sig.Ignored, sig.Blocked
	}
	return x
}

// free returns the thread that has no filter.
func (s *Starter) free() (*thread, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.freeLocked()
}

func (s *Starter) freeLocked() (_ *thread, err error) {
	if s.stopped {
		return nil, os.ErrClosed
	}
	if s.beyond == nil {
		s.beyond, _, err = newThread()
	}
	return s.beyond, err
}

// begin makes the thread, and puts it below the filter. Programs are started without, where
// that cannot be. s.mu is held.
func (s *Starter) begin() error {
	if s.stopped {
		return os.ErrClosed
	}
	if s.thread != nil {
		return nil
	}
	var b [8]byte
	rand.Read(b[:])
	s.pass = binary.LittleEndian.Uint64(b[:])
	t, mask, err := newThread()
	if err != nil {
		return err
	}
	s.thread, s.mask = t, mask
	if !s.opts.Off {
		s.way.Err = s.supervise()
	}
	return nil
}

func (s *Starter) supervise() (err error) {
	sv := &supervisor{identify: s.opts.Identify, join: s.opts.Join, free: s.free, last: ^s.pass}
	if sv.listener, s.way.Plain, err = s.thread.install(s.pass); err != nil {
		return err
	}
	if s.heir, err = startHeir(sv.listener); err != nil {
		s.heir = nil // what is left behind then executes nothing
	}
	sv.plain = s.way.Plain
	s.sv = sv
	sv.run()
	return nil
}

// Stop ends the thread, and with it the programs that asked for that; there are no starts
// afterwards. What is left of them goes on without a supervisor.
func (s *Starter) Stop() {
	for _, x := range s.sessionsNow() {
		x.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.thread == nil {
		s.stopped = true
		return
	}
	s.stopped = true
	if s.sv != nil {
		s.sv.stop(s.thread)
	}
	s.thread.quit()
	if s.beyond != nil {
		s.beyond.quit()
	}
	if s.sv == nil {
		return
	}
	if s.heir != nil {
		s.heir.takeOver(nobodyAsks(s.sv.listener))
	}
	unix.Close(s.sv.listener)
}
