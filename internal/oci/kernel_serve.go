package oci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"toaster"
	"toaster/kern"
	"toaster/netbsd"
)

// acceptPause is how long serve waits when the host refuses a connection. Who asks stays in the socket's queue meanwhile.
const acceptPause = 50 * time.Millisecond

// serve answers requests until the socket is closed. What the host refuses it may grant a moment later, as a descriptor that
// others have (EMFILE, ENFILE): a container that stopped listening could not be told to end. The log has the first refusal of a row.
func (k *kernel) serve() {
	for refused := false; ; {
		conn, err := accept(k.listen)
		switch {
		case err == nil:
			refused = false
			go k.answer(conn)
			continue
		case !errors.As(err, new(*os.SyscallError)):
			return
		case !refused:
			refused = true
			k.log.Error("accepting requests: " + err.Error() + "; the container goes on, and tries again")
		}
		time.Sleep(acceptPause)
	}
}

// answer serves one connection.
func (k *kernel) answer(conn *conn) {
	defer conn.close()
	var r request
	if conn.receive(&r) != nil {
		return
	}
	k.busy.Add(1)
	defer k.busy.Done()
	if r.Op == opExec {
		k.serveExec(conn, &r)
		return
	}
	a, err := k.carryOut(&r)
	if err != nil {
		a = &answer{Error: err.Error()}
	}
	conn.send(a)
}

// carryOut does what is asked for.
func (k *kernel) carryOut(r *request) (*answer, error) {
	switch r.Op {
	case opFind:
		return &answer{}, k.find()
	case opStart:
		return &answer{}, k.start()
	case opKill:
		return &answer{}, k.kill(r.Signal, r.All)
	case opPause:
		return &answer{}, k.pause()
	case opResume:
		return &answer{}, k.resume()
	case opLimits:
		k.machine.Kern().SetMaxLWPs(r.MaxLWP)
		return &answer{}, nil
	case opPs:
		return k.processes(), nil
	}
	return nil, fmt.Errorf("there is no request %q", r.Op)
}

// answerPatience is how long answers may take once all has ended. Who asks reads them at once.
const answerPatience = 2 * time.Second

// awaitAnswers waits until who has asked for something knows what has become of it: a program that is started may have
// ended before its start is reported.
func (k *kernel) awaitAnswers() {
	done := make(chan struct{})
	go func() {
		k.busy.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(answerPatience):
	}
}

// errNotSignal is for a number that NetBSD has no signal for.
var errNotSignal = errors.New("NetBSD has no such signal")

// kill sends a signal, by the host's number, to the first program, or to all processes. Before start there is no program
// yet: what would end it ends the container.
func (k *kernel) kill(number int, all bool) error {
	sig := netbsd.SignalFromLinux(number)
	if sig == 0 {
		return fmt.Errorf("signal %d: %w", number, errNotSignal)
	}
	k.mu.Lock()
	first := k.first
	k.mu.Unlock()
	if first == nil {
		k.killCreated(sig)
		return nil
	}
	if all {
		for _, p := range k.programs() {
			p.Kill(sig)
		}
		return nil
	}
	err := first.signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		return errNotRunning
	}
	return err
}

// programs are the processes that the container has for its own: not init, nor what leads a terminal's session.
func (k *kernel) programs() []*kern.Proc {
	return slices.DeleteFunc(k.machine.Kern().Procs(), func(p *kern.Proc) bool { return p.Pid() <= 1 || p.Service() })
}

// killCreated is kill before start.
func (k *kernel) killCreated(sig netbsd.Signal) {
	switch sig {
	case netbsd.SIGCHLD, netbsd.SIGCONT, netbsd.SIGURG, netbsd.SIGWINCH, netbsd.SIGSTOP, netbsd.SIGTSTP, netbsd.SIGTTIN, netbsd.SIGTTOU, netbsd.SIGIO:
	default:
		k.end(128 + sig.ToLinux())
	}
}

// end ends this process, once.
func (k *kernel) end(status int) {
	select {
	case k.ended <- status:
	default:
	}
}

// pausePatience is how long programs have to come to stand. Honest ones take microseconds.
const pausePatience = 5 * time.Second

func (k *kernel) pause() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state != running {
		return fmt.Errorf("container not running: it is %s", k.state)
	}
	ctx, cancel := context.WithTimeout(context.Background(), pausePatience)
	defer cancel()
	if err := k.machine.Pause(ctx); err != nil {
		k.machine.Resume()
		return fmt.Errorf("some program does not come to stand: %w", err)
	}
	return k.setState(paused)
}

func (k *kernel) resume() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state != paused {
		return fmt.Errorf("container not paused: it is %s", k.state)
	}
	k.machine.Resume()
	return k.setState(running)
}

// processes lists what runs.
func (k *kernel) processes() *answer {
	a := &answer{Procs: []processInfo{}, Hosts: []int{os.Getpid()}}
	for _, p := range k.programs() {
		a.Procs = append(a.Procs, processInfo{Pid: p.Pid(), Ppid: p.Ppid(), UID: p.Cred().EUID, Comm: p.Comm()})
	}
	slices.SortFunc(a.Procs, func(x, y processInfo) int { return x.Pid - y.Pid })
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, pid := range k.relays {
		a.Hosts = append(a.Hosts, pid)
	}
	slices.Sort(a.Hosts)
	return a
}

// passed are the signals of the host that mean the program. SIGCONT is the host's own business, as are the stops.
var passed = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGWINCH,
}

// collectSignals begins to collect them, from before anybody can know the pid.
func (k *kernel) collectSignals() <-chan os.Signal { return collect() }

func collect() <-chan os.Signal {
	ch := make(chan os.Signal, 64)
	signal.Notify(ch, passed...)
	signal.Ignore(syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU)
	return ch
}

// passSignals passes on what this process is sent, by others or by its terminal.
func (k *kernel) passSignals(ch <-chan os.Signal) {
	for s := range ch {
		number := int(s.(syscall.Signal))
		k.mu.Lock()
		first := k.first
		k.mu.Unlock()
		switch {
		case first == nil:
			k.killCreated(netbsd.SignalFromLinux(number))
		default:
			first.passOn(number, k.console != nil)
		}
	}
}

// first is the first program, or what stands for it.
type first struct {
	cmd     *toaster.Cmd // nil in a sandbox, whose program is a function
	sandbox func(netbsd.Signal)
}

func (f *first) signal(sig netbsd.Signal) error {
	if f.cmd == nil {
		f.sandbox(sig)
		return nil
	}
	return f.cmd.Process.Signal(sig)
}

// passOn passes a signal of the host on.
func (f *first) passOn(number int, terminal bool) {
	if f.cmd != nil {
		passTo(f.cmd, number, terminal)
		return
	}
	f.sandbox(netbsd.SignalFromLinux(number))
}

// passTo passes a signal that the host has sent to a program's stand-in: with a terminal of its own it is most probably the
// terminal's, and means the foreground group (tty(4)).
func passTo(cmd *toaster.Cmd, number int, terminal bool) {
	sig := netbsd.SignalFromLinux(number)
	switch {
	case sig == 0:
	case terminal && sig == netbsd.SIGHUP && cmd.JobControl.Hangup():
	case terminal && ofTerminal(sig) && cmd.JobControl.Signal(sig):
	default:
		cmd.Process.Signal(sig)
	}
}

// ofTerminal reports whether a terminal sends sig.
func ofTerminal(sig netbsd.Signal) bool {
	return sig == netbsd.SIGINT || sig == netbsd.SIGQUIT || sig == netbsd.SIGWINCH
}
