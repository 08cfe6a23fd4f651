package oci

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// relayCommand is the hidden command that stands for a program which exec has started.
const relayCommand = "relay"

// relay is the hidden command "toaster oci relay FD". Its pid is what a shim knows of the program: signals that it gets go
// to the program, its end is the program's, and its terminal is the program's.
func (c *call) relay(args []string) (int, error) {
	fd, err := bootDescriptor(args)
	if err != nil {
		return 0, err
	}
	unix.CloseOnExec(fd)
	boot := newConn(fd)
	signals := collect()
	kernel, err := beginRelay(boot)
	if err != nil {
		boot.send(&answer{Error: err.Error()})
		return exitExecFailure, nil
	}
	boot.send(&answer{})
	boot.close()
	go func() {
		for s := range signals {
			kernel.send(&request{Signal: int(s.(syscall.Signal))})
		}
	}()
	var a answer
	if err := kernel.receive(&a); err != nil || !a.Ended {
		return 128 + int(unix.SIGKILL), nil // the kernel has gone, and the program with it
	}
	return a.Status, nil
}

// beginRelay has the kernel start the program, and closes what the program has got. The connection is the way to the kernel.
func beginRelay(boot *conn) (*conn, error) {
	var b relayBoot
	if err := boot.receive(&b); err != nil {
		return nil, fmt.Errorf("the boot message: %w", err)
	}
	files := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	if came := boot.takeFiles(); b.Process.Terminal {
		if len(came) == 0 {
			return nil, fmt.Errorf("no socket has come for the terminal")
		}
		t, err := openTerminal(came[0], b.Process)
		closeAll(came)
		if err != nil {
			return nil, err
		}
		defer t.Close()
		files = []*os.File{t, t, t}
	}
	for fd := 3; fd < 3+b.Preserve; fd++ {
		files = append(files, os.NewFile(uintptr(fd), "preserved"))
	}
	kernel, err := dial(b.Dir)
	if err != nil {
		return nil, errNotRunning
	}
	if _, err := kernel.ask(&request{Op: opExec, Process: b.Process, Host: os.Getpid(), Paused: b.IgnorePaused}, files...); err != nil {
		kernel.close()
		return nil, err
	}
	closeAll(files[3:])
	return kernel, dropStandard()
}
