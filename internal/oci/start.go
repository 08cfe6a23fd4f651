package oci

import (
	"flag"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// start is "toaster oci start ID".
func (c *call) start(args []string) (int, error) {
	t, err := c.load(args[0])
	if err != nil {
		return 0, err
	}
	return 0, c.startContainer(t)
}

func (c *call) startContainer(t *container) error {
	if s := t.status(); s != created {
		return fmt.Errorf("cannot start a container in the %s state", s)
	}
	if _, err := t.ask(&request{Op: opStart}); err != nil {
		return err
	}
	if t.Hooks != nil {
		c.tryHooks(t, "poststart", t.Hooks.Poststart, running)
	}
	return nil
}

// bindRun is "toaster oci run".
func bindRun(set *flag.FlagSet) action {
	f := new(createFlags)
	f.define(set)
	both(set, "detach d", func(n string) { set.BoolVar(&f.detach, n, false, "do not wait for the program") })
	set.BoolVar(&f.keep, "keep", false, "keep the container when its program has ended")
	set.Bool("no-subreaper", false, noEffect)
	return func(c *call, args []string) (int, error) { return c.runContainer(args[0], f) }
}

// runContainer creates a container and starts it, and without --detach waits for it and deletes it.
func (c *call) runContainer(id string, f *createFlags) (int, error) {
	if !f.detach {
		// What the kernel leaves is this process's to reap, as a shim would, whatever process 1 of the host does.
		unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	t, err := c.createContainer(id, f)
	if err != nil {
		return 0, err
	}
	defer t.claim.Close()
	if err := c.startContainer(t); err != nil {
		c.takeDown(t)
		return 0, err
	}
	if f.detach {
		return 0, nil
	}
	status := t.await()
	if f.keep {
		return status, nil
	}
	return status, c.deleteContainer(t, false)
}

// await waits for the kernel, which is this process's child, and passes signals on to it. It returns the exit status. Signals
// go to the process and not to its pid, which is another's perhaps while the container is deleted; its descriptor stays open for that.
func (t *container) await() int {
	ch := make(chan os.Signal, 64)
	signal.Notify(ch, passed...)
	kernel, err := unix.PidfdOpen(t.Pid, 0)
	go func() {
		for s := range ch {
			if err == nil {
				unix.PidfdSendSignal(kernel, s.(unix.Signal), nil, 0)
			}
		}
	}()
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(t.Pid, &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
