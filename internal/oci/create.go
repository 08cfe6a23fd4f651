package oci

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// createFlags are those of create and run. What is for Linux's ways to make a root is taken and means nothing.
type createFlags struct {
	bundle, pidFile, console string
	preserve                 int
	detach, keep             bool // of run
}

func (f *createFlags) define(set *flag.FlagSet) {
	both(set, "bundle b", func(n string) { set.StringVar(&f.bundle, n, ".", "`DIR`: the bundle, without the flag this directory") })
	set.StringVar(&f.pidFile, "pid-file", "", "`FILE`: gets the pid of the container's process")
	set.StringVar(&f.console, "console-socket", "", "`FILE`: a socket that the terminal is sent to")
	set.IntVar(&f.preserve, "preserve-fds", 0, "`N`: as many descriptors from 3 on are the program's")
	set.Bool("no-pivot", false, noEffect)
	set.Bool("no-new-keyring", false, noEffect)
}

// check judges what was given, the container's name included.
func (f *createFlags) check(id string) (err error) {
	if f.preserve < 0 {
		return fmt.Errorf("--preserve-fds %d: want a number of descriptors", f.preserve)
	}
	if f.bundle, err = filepath.Abs(f.bundle); err != nil {
		return err
	}
	return checkID(id)
}

// bindCreate is "toaster oci create".
func bindCreate(set *flag.FlagSet) action {
	f := new(createFlags)
	f.define(set)
	return func(c *call, args []string) (int, error) {
		t, err := c.createContainer(args[0], f)
		if err == nil {
			t.claim.Close()
		}
		return 0, err
	}
}

// createContainer makes a container, whole or not at all. The caller closes its claim.
func (c *call) createContainer(id string, f *createFlags) (*container, error) {
	if err := f.check(id); err != nil {
		return nil, err
	}
	spec, err := loadConfig(f.bundle)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(spec, f.bundle)
	if err != nil {
		return nil, err
	}
	for _, n := range p.notes {
		c.log.Debug("accepted without effect: " + n)
	}
	if err := checkConsole(spec.Process, f); err != nil {
		return nil, err
	}
	t := &container{dir: filepath.Join(c.root, id), record: record{
		Version: specs.Version, ID: id, Bundle: f.bundle, Rootfs: p.root, Created: time.Now().UTC(), Owner: owner(),
		Annotations: spec.Annotations, Hooks: spec.Hooks,
	}}
	if t.claim, err = makeStateDir(c.root, t.dir, id); err != nil {
		return nil, err
	}
	if err = c.bringUp(t, p, f); err != nil {
		c.takeDown(t)
		t.claim.Close()
		return nil, err
	}
	return t, nil
}

// checkConsole: a terminal's other end has to go somewhere.
func checkConsole(p *specs.Process, f *createFlags) error {
	switch {
	case p.Terminal && f.console == "":
		return errors.New("process.terminal is set, so create needs a --console-socket to send the terminal to")
	case !p.Terminal && f.console != "":
		return errors.New("--console-socket is given, and process.terminal is not set")
	}
	return nil
}

// owner is who makes the container, by the name that passwd(5) of the host has, or else by number. Package os/user would do, and link cgo.
func owner() string {
	uid := strconv.Itoa(os.Getuid())
	b, _ := os.ReadFile("/etc/passwd")
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(line, ":"); len(f) > 2 && f[2] == uid {
			return f[0]
		}
	}
	return uid
}

// makeStateDir claims the id: the directory is there once. While create holds it open it can tell it from another one of that name, which
// somebody makes after a delete --force.
func makeStateDir(root, dir, id string) (*os.File, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("--root: %w", err)
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("container with given ID already exists: %q", id)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(dir)
}

// place is where files of the state directory are made and written: in that directory and in no other one, while create holds it.
func (t *container) place() string {
	if t.claim != nil {
		return fmt.Sprintf("/proc/self/fd/%d", t.claim.Fd())
	}
	return t.dir
}

// hold waits until nobody else removes the state directory, and keeps others from it while the claim is open. It reports
// whether the directory still has its name: what has the name else is another container's.
func (t *container) hold() bool {
	for {
		if err := unix.Flock(int(t.claim.Fd()), unix.LOCK_EX); err != unix.EINTR {
			return err == nil && t.isOurs()
		}
	}
}

// letGo ends hold.
func (t *container) letGo() { unix.Flock(int(t.claim.Fd()), unix.LOCK_UN) }

// isOurs reports whether the state directory is the one that create has made.
func (t *container) isOurs() bool {
	ours, err := t.claim.Stat()
	there, err2 := os.Lstat(t.dir)
	return err == nil && err2 == nil && os.SameFile(ours, there)
}

// bringUp takes the steps of create in their order: the group before the kernel, so that nothing of it is ever outside; the
// hooks once the kernel has its namespaces, and before anything of the program.
func (c *call) bringUp(t *container, p *plan, f *createFlags) (err error) {
	var resources *specs.LinuxResources
	path := ""
	if l := p.spec.Linux; l != nil {
		resources, path = l.Resources, l.CgroupsPath
	}
	if err = c.makeCgroup(t, path, resources); err != nil {
		return err
	}
	k, err := c.startKernel(t, p, f)
	if err != nil {
		return err
	}
	defer k.close()
	t.Pid = k.pid
	if _, t.PidStart, err = procStat(k.pid); err != nil {
		return err
	}
	// Of the creating container there is a record, so that delete --force finds the kernel.
	if err := t.announce(); err != nil {
		return err
	}
	if err := k.boot(t, p, c); err != nil {
		return err
	}
	if err := t.runCreateHooks(); err != nil {
		return err
	}
	// Hooks may have brought the program.
	if _, err := t.ask(&request{Op: opFind}); err != nil {
		return err
	}
	if err := t.setStatus(created); err != nil {
		return err
	}
	return writePidFile(f.pidFile, t.Pid)
}

// announce writes the record, unless somebody removes the container at this moment, who has found none.
func (t *container) announce() error {
	defer t.letGo()
	if !t.hold() {
		return fmt.Errorf("container %q was deleted while it was created", t.ID)
	}
	return t.save()
}

// takeDown removes what a create that has failed leaves; all of it stays for delete --force if the kernel does not end.
func (c *call) takeDown(t *container) {
	if t.Pid > 0 {
		if err := t.killKernel(); err != nil {
			c.log.Warn(err.Error())
			return
		}
		unix.Wait4(t.Pid, nil, unix.WNOHANG, nil) // it has ended, or it is not the kernel
	}
	ours := t.hold()
	if _, err := os.Lstat(t.dir); err == nil && !ours {
		return // delete --force has been here, and another container has the name by now
	}
	if err := t.Cgroup.remove(); err != nil {
		c.log.Warn(err.Error())
	}
	if ours {
		os.RemoveAll(t.dir)
	}
}

// setStatus says in which state the container is, as long as its kernel lives.
func (t *container) setStatus(s string) error {
	return writeFile(filepath.Join(t.place(), statusName), []byte(s), 0o600)
}
