package oci

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// bindDelete is "toaster oci delete ID".
func bindDelete(set *flag.FlagSet) action {
	var force bool
	both(set, "force f", func(n string) { set.BoolVar(&force, n, false, "end it first; none of that name is no error") })
	return func(c *call, args []string) (int, error) { return 0, c.delete(args[0], force) }
}

func (c *call) delete(id string, force bool) error {
	t, err := c.load(id)
	if err != nil {
		if force && checkID(id) == nil {
			return c.deleteHalf(id)
		}
		return err
	}
	return c.deleteContainer(t, force)
}

// deleteHalf removes what a create leaves that was killed before it had a record; nothing is fine.
func (c *call) deleteHalf(id string) error {
	err := os.RemoveAll(filepath.Join(c.root, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// deleteContainer removes the container. The kernel comes first, then its group, which is empty only when the host's
// processes of programs are gone, too; the directory comes last, so that a delete that fails can be made again.
func (c *call) deleteContainer(t *container, force bool) error {
	switch s := t.status(); {
	case s == stopped:
	case force, s == created:
		if err := t.killKernel(); err != nil {
			return err
		}
	default:
		return fmt.Errorf("cannot delete container %s that is not stopped: %s", t.ID, s)
	}
	if err := t.Cgroup.remove(); err != nil {
		return err
	}
	if err := os.RemoveAll(t.dir); err != nil {
		return err
	}
	unix.Wait4(t.Pid, nil, unix.WNOHANG, nil) // where it is this process's own child
	if t.Hooks != nil {
		c.tryHooks(t, "poststop", t.Hooks.Poststop, stopped)
	}
	return nil
}
