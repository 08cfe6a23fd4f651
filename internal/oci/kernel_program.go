package oci

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"toaster"
	"toaster/netbsd"
)

// start runs the first program. A container is started once; one whose program cannot be run ends. Hooks are
// the container's own programs, and may never end: kill reaches the container meanwhile.
func (k *kernel) start() error {
	if err := k.beginStart(); err != nil {
		return err
	}
	err := k.runStartHooks()
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		err = k.startProgram()
	}
	if err != nil {
		k.end(exitFailure)
		return err
	}
	return k.setState(running)
}

// beginStart has a second start fail.
func (k *kernel) beginStart() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state != created || k.starts {
		return fmt.Errorf("cannot start a container in the %s state", k.state)
	}
	k.starts = true
	return nil
}

// find says what would keep start from running the first program. create asks, as runc looks for the program then: podman and Docker
// make their exit statuses of what create says.
func (k *kernel) find() error {
	if k.plan.sandbox {
		return nil
	}
	cmd, err := k.firstCommand()
	if err != nil {
		return err
	}
	return inDriversWords(cmd.Check())
}

// firstCommand is the first program as the configuration has it, without its descriptors.
func (k *kernel) firstCommand() (*toaster.Cmd, error) {
	cmd, err := prepare(k.machine, k.Spec.Process)
	if err == nil {
		cmd.MakeDir = true // as runc does for the first program
	}
	return cmd, err
}

// inDriversWords has an error about a program say what drivers of runc look for in its text: podman and Docker end with 127
// for the first of these phrases, a program that is missing, and with 126 for the second, one that cannot be executed.
func inDriversWords(err error) error {
	var missing *toaster.NotFoundError
	phrase := ""
	switch {
	case errors.As(err, &missing):
		phrase = "no such file or directory"
	case errors.Is(err, netbsd.EACCES):
		phrase = "permission denied"
	}
	if phrase == "" || strings.Contains(err.Error(), phrase) {
		return err
	}
	return fmt.Errorf("%w (%s)", err, phrase)
}

// runStartHooks runs the hooks that are programs of the container.
func (k *kernel) runStartHooks() error {
	if k.Spec.Hooks == nil {
		return nil
	}
	t := container{record: record{Version: specs.Version, ID: k.ID, Pid: os.Getpid(), Bundle: k.Bundle, Annotations: k.Spec.Annotations}}
	state, err := t.hookState(created)
	if err != nil {
		return err
	}
	for i, h := range k.Spec.Hooks.StartContainer {
		if err := k.runStartHook(&h, state); err != nil {
			return fmt.Errorf("startContainer hook %d (%s): %w", i, h.Path, err)
		}
	}
	return nil
}

func (k *kernel) runStartHook(h *specs.Hook, state []byte) error {
	ctx, cancel := hookContext(h)
	defer cancel()
	cmd := k.machine.CommandContext(ctx, h.Path)
	cmd.Args, cmd.Env = hookArgs(h), append([]string{}, h.Env...)
	var said hookOutput
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(state), &said, &said
	cmd.WaitDelay = time.Second
	return said.explain(cmd.Run())
}

// startProgram starts what the configuration names. mu is held.
func (k *kernel) startProgram() error {
	if k.plan.sandbox {
		k.first = &first{sandbox: k.sandboxSignal}
		return nil
	}
	cmd, err := k.firstCommand()
	if err != nil {
		return err
	}
	k.attach(cmd, k.files, k.console)
	if err := cmd.Start(); err != nil {
		return inDriversWords(err)
	}
	k.first = &first{cmd: cmd}
	k.leaveDescriptors()
	go func() {
		cmd.Wait()
		k.end(shellStatus(cmd.ProcessState.Status()))
	}()
	return nil
}

// sandboxSignal is what a pod's first container does with signals: it waits for one that ends it.
func (k *kernel) sandboxSignal(sig netbsd.Signal) {
	switch sig {
	case netbsd.SIGTERM, netbsd.SIGINT:
		k.end(0)
	case netbsd.SIGKILL:
		k.end(128 + int(sig))
	}
}

// attach connects a program with descriptors of the host, and with its terminal.
func (k *kernel) attach(cmd *toaster.Cmd, files []*os.File, terminal *os.File) {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files[0], files[1], files[2]
	cmd.ExtraFiles = files[3:]
	if terminal != nil {
		cmd.JobControl = &toaster.JobControl{Terminal: terminal}
	}
}

// leaveDescriptors closes what the first program has got: who reads its output sees its end when the programs have ended,
// whatever this process does.
func (k *kernel) leaveDescriptors() {
	if err := dropStandard(); err != nil {
		k.log.Error(err.Error())
	}
	closeAll(k.files[3:])
	k.files = nil
}

// dropStandard makes the standard descriptors of this process lead nowhere. Their numbers stay taken, or something else
// would become them.
func dropStandard() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for fd := range 3 {
		if err := unix.Dup3(int(null.Fd()), fd, 0); err != nil {
			return os.NewSyscallError("dup3", err)
		}
	}
	return nil
}

// execed is a program that runs beside the first one, for a relay.
type execed struct{ cmd *toaster.Cmd }

// serveExec starts a program for a relay, and stays with it to the program's end.
func (k *kernel) serveExec(conn *conn, r *request) {
	files := conn.takeFiles()
	x, err := k.startExec(r, files)
	if err != nil {
		closeAll(files)
		conn.send(&answer{Error: err.Error()})
		return
	}
	if x.cmd.JobControl == nil {
		closeAll(files) // the program has its own
	}
	conn.send(&answer{Pid: x.cmd.Process.Pid})
	go x.obey(conn)
	x.cmd.Wait()
	if x.cmd.JobControl != nil {
		closeAll(files)
	}
	k.mu.Lock()
	delete(k.relays, x)
	k.mu.Unlock()
	conn.send(&answer{Ended: true, Status: shellStatus(x.cmd.ProcessState.Status())})
}

// startExec starts the program.
func (k *kernel) startExec(r *request, files []*os.File) (*execed, error) {
	if r.Process == nil || len(files) < 3 {
		return nil, errors.New("exec: no process, or no descriptors for it")
	}
	if err := new(plan).checkProcess(r.Process, "process"); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.state == paused && !r.Paused:
		return nil, errors.New("cannot exec in a paused container (use --ignore-paused to override)")
	case k.first == nil && k.state != created:
		return nil, errNotRunning
	}
	cmd, err := prepare(k.machine, r.Process)
	if err != nil {
		return nil, err
	}
	var terminal *os.File
	if r.Process.Terminal {
		terminal = files[0]
	}
	k.attach(cmd, files, terminal)
	if err := cmd.Start(); err != nil {
		return nil, inDriversWords(err)
	}
	x := &execed{cmd}
	k.relays[x] = r.Host
	return x, nil
}

// obey carries out what the relay sends on. The end of the relay is the end of the program: who has killed the one means the other.
func (x *execed) obey(conn *conn) {
	for {
		var r request
		if conn.receive(&r) != nil {
			x.cmd.Process.Kill()
			return
		}
		passTo(x.cmd, r.Signal, x.cmd.JobControl != nil)
	}
}
