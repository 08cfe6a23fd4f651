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
	if err := checkID(id); err != nil {
		return err
	}
	claim, err := claimAgain(filepath.Join(c.root, id))
	if errors.Is(err, fs.ErrNotExist) {
		if force {
			return nil
		}
		return noContainer(id)
	}
	if err != nil {
		return err
	}
	defer claim.Close()
	t, err := c.load(id)
	if err == nil {
		t.claim = claim
		return c.deleteHeld(t, force)
	}
	if force {
		return c.removeHalf(&container{dir: filepath.Join(c.root, id), claim: claim, record: record{ID: id}})
	}
	return err
}

// claimAgain opens the state directory that has a name and holds it. Of commands at once one removes it; the others, which
// have waited, do not take what has the name then for what they were to remove.
func claimAgain(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if t := (&container{dir: dir, claim: f}); !t.hold() {
		f.Close()
		return nil, fs.ErrNotExist
	}
	return f, nil
}

// deleteContainer removes a container that this process has made, unless somebody has done so before.
func (c *call) deleteContainer(t *container, force bool) error {
	defer t.letGo()
	if !t.hold() {
		return nil
	}
	return c.deleteHeld(t, force)
}

// deleteHeld removes a container whose directory is held. The kernel comes first, then its group, which is empty only when the
// host's processes of programs are gone, too; the directory comes last, so that a delete that fails can be made again.
func (c *call) deleteHeld(t *container, force bool) error {
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
