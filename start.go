package toaster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/internal/machine"
	"toaster/internal/tty"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// Start starts the program. It returns Err if that is set, a *NotFoundError or a
// *NotExecutableError if that is why it cannot, a *LimitError if a limit has ended the
// machine, and what the context's Err returns once that has ended.
func (c *Cmd) Start() error {
	if c.Process != nil {
		return errors.New("toaster: already started")
	}
	err := c.mayStart()
	if err == nil {
		err = c.start()
	}
	c.stdio.closeGuestEnds()
	closeAll(c.guests)
	if err == nil {
		c.stdio.start()
		c.watch()
		return nil
	}
	closeAll(c.parents)
	closeAll(c.stdio.ends)
	closeAll(c.stdio.readers)
	if c.own {
		c.Machine.Close()
	}
	return err
}

// mayStart returns what forbids a start before anything has been tried.
func (c *Cmd) mayStart() error {
	switch {
	case c.Path == "" && c.Err == nil:
		c.Err = errors.New("toaster: no command")
	case c.Cancel != nil && c.ctx == nil:
		return errors.New("toaster: command with a non-nil Cancel was not created with CommandContext")
	case c.ctx != nil && c.ctx.Err() != nil:
		return c.ctx.Err()
	}
	return c.Err
}

func (c *Cmd) start() error {
	if err := c.prepareStdio(); err != nil {
		return fmt.Errorf("toaster: %w", err)
	}
	if err := c.ownMachine(); err != nil {
		return err
	}
	ready := c.becomeReady()
	p, err := c.startProcess(ready)
	ready()
	if err == nil {
		c.Process = &Process{Pid: p.Pid(), proc: p, machine: c.Machine.Kern()}
		return nil
	}
	if limit := c.Machine.limits.reached(err); limit != nil {
		return limit
	}
	if gone := c.Machine.gone(); gone != nil {
		return gone
	}
	return err
}

// becomeReady calls Ready, while there is a core to spare, and returns what waits for it.
func (c *Cmd) becomeReady() (wait func()) {
	if c.JobControl == nil || c.JobControl.Ready == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.JobControl.Ready()
	}()
	return func() { <-done }
}

// ownMachine makes a machine for the program if it was given none.
func (c *Cmd) ownMachine() error {
	if c.Machine != nil {
		return nil
	}
	opts := c.Options
	if c.Dir != "" && !c.MakeDir { // the machine wants to find it
		opts.Dir = c.Dir
	}
	m, err := newMachine(context.Background(), opts, c.hostFile(opts))
	if err != nil {
		return err
	}
	c.Machine, c.own = m, true
	return nil
}

// hostFile is where the program is if guests see the host's own tree.
func (c *Cmd) hostFile(opts Options) string {
	if opts.Root != "" {
		return ""
	}
	if filepath.IsAbs(c.Path) {
		return c.Path
	}
	return filepath.Join(opts.Dir, c.Path)
}

// workingDir returns the directories of the program's process, which runs as cred.
func (c *Cmd) workingDir(cred *kern.Cred) (*vfs.Dirs, error) {
	m := c.Machine
	d, err := m.forkDirs()
	if err != nil || c.Dir == "" || c.own && !c.MakeDir {
		return d, err
	}
	errno := netbsd.Errno(0)
	if c.MakeDir {
		errno = m.makeDir(d, c.Dir)
	}
	if errno == 0 {
		errno = vfs.View{Dirs: d, Files: m.sys.Files.NewTable(), Cred: cred}.Chdir(c.Dir)
	}
	if errno != 0 {
		d.Close()
		return nil, fmt.Errorf("toaster: working directory %s: %w", c.Dir, errno)
	}
	return d, nil
}

// makeDir makes an absolute name a directory, step by step, as a guest of the machine's own user would: no link in
// the tree leads out of it, whatever other guests do meanwhile.
func (m *Machine) makeDir(d *vfs.Dirs, name string) netbsd.Errno {
	v := vfs.View{Dirs: d, Files: m.sys.Files.NewTable(), Cred: m.cred}
	for i := 1; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		_, errno := v.Stat(netbsd.AT_FDCWD, name[:i], true)
		if errno == netbsd.ENOENT {
			errno = v.Mkdir(netbsd.AT_FDCWD, name[:i], 0o755)
		}
		if errno != 0 && errno != netbsd.EEXIST {
			return errno
		}
	}
	return 0
}

// tableOf makes the descriptor table of a program from host files. A nil one is a descriptor that is not open, as in
// os.ProcAttr.
func (m *Machine) tableOf(files []*os.File) (*file.Table, error) {
	t := m.sys.Files.NewTable()
	for i, f := range files {
		if f == nil {
			continue
		}
		if err := m.install(t, i, f); err != nil {
			t.Close()
			return nil, fmt.Errorf("toaster: descriptor %d (%s): %w", i, f.Name(), err)
		}
	}
	return t, nil
}

// install makes the host's file f descriptor fd of t.
func (m *Machine) install(t *file.Table, fd int, f *os.File) error {
	if st, err := f.Stat(); m.opts.Root != "" && err == nil && st.IsDir() {
		return fmt.Errorf("a directory from outside would lead out of the root %s; pass a file, or none", m.opts.Root)
	}
	d, errno := m.inherit(int(f.Fd()))
	if errno != 0 {
		return errno
	}
	if m.output != nil && (fd == 1 || fd == 2) {
		d.SetMeter(m.output)
	}
	if _, errno = t.Install(d, fd, 1<<16, 0); errno != 0 {
		d.Release()
		return errno
	}
	return nil
}

// inherit makes an open file of a host descriptor; a terminal's is one to guests, too.
func (m *Machine) inherit(fd int) (*file.Description, netbsd.Errno) {
	if tty.IsTerminal(fd) {
		return m.sys.TTY.Inherit(fd)
	}
	d, errno := m.sys.Host.Inherit(fd)
	if errno == 0 && m.opts.Root != "" {
		hostfile.Confine(d)
	}
	return d, errno
}

// startProcess makes the program a process of c.Machine, which does not run before ready has returned.
func (c *Cmd) startProcess(ready func()) (*kern.Proc, error) {
	m := c.Machine
	cred, limits, err := c.rights()
	if err != nil {
		return nil, err
	}
	dirs, err := c.workingDir(cred)
	if err != nil {
		return nil, err
	}
	if c.Umask != nil {
		dirs.Umask(*c.Umask)
	}
	table, err := m.tableOf(c.stdio.files)
	if err != nil {
		dirs.Close()
		return nil, err
	}
	env := c.Environ()
	name, err := lookPath(vfs.View{Dirs: dirs, Files: table, Cred: cred}, c.Path, env)
	if err != nil {
		table.Close()
		dirs.Close()
		c.Err = err
		return nil, err
	}
	p, err := c.startJob(func(leader *kern.Proc) (*kern.Proc, error) {
		return m.sys.Start(machine.Process{
			Path: name, Argv: c.argv(), Envp: env,
			Files: table, Dirs: dirs, Cred: cred, Limits: limits, Leader: leader,
			Ready: ready, Setup: inheritIgnored,
		})
	})
	return p, refineExecError(err)
}

// Check looks whether there is a program for Start to execute, as things are now, and starts none. It takes a command of
// a Machine; where MakeDir asks for the working directory it is made. The errors are those of Start: a *NotFoundError, a
// *NotExecutableError, or what is wrong with Dir, User or Rlimits.
func (c *Cmd) Check() error {
	if c.Machine == nil {
		return errors.New("toaster: Check: the command has no machine that the program could be in; make it with Machine.Command")
	}
	if err := c.mayStart(); err != nil {
		return err
	}
	cred, _, err := c.rights()
	if err != nil {
		return err
	}
	dirs, err := c.workingDir(cred)
	if err != nil {
		return err
	}
	defer dirs.Close()
	table := c.Machine.sys.Files.NewTable()
	defer table.Close()
	view := vfs.View{Dirs: dirs, Files: table, Cred: cred}
	name, err := lookPath(view, c.Path, c.Environ())
	if err != nil {
		return err
	}
	return refineExecError(c.Machine.sys.Check(vfs.First{View: view}, name))
}

// refineExecError makes one of the public errors of the engine's.
func refineExecError(err error) error {
	var x *machine.ExecError
	switch {
	case errors.As(err, &x) && x.Missing:
		return &NotFoundError{err}
	case errors.As(err, &x):
		return &NotExecutableError{err}
	}
	return err
}

// startJob starts the program, with job control if that is wanted and there is a
// terminal.
func (c *Cmd) startJob(spawn func(leader *kern.Proc) (*kern.Proc, error)) (*kern.Proc, error) {
	if c.JobControl == nil {
		return spawn(nil)
	}
	h := c.JobControl.terminal(c.Machine.sys.TTY)
	if h == nil {
		return spawn(nil)
	}
	return c.JobControl.start(c.Machine.Kern(), h, spawn)
}

// defaultPath is where execvp(3) looks without a PATH (_PATH_DEFPATH of <paths.h>).
const defaultPath = "/usr/bin:/bin:/usr/pkg/bin:/usr/local/bin"

// lookPath finds a name without a slash in the PATH of env, as execvp(3) does.
func lookPath(v vfs.View, name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	list := defaultPath
	for _, kv := range env {
		if l, ok := strings.CutPrefix(kv, "PATH="); ok {
			list = l
		}
	}
	for _, dir := range filepath.SplitList(list) {
		full := filepath.Join(dir, name)
		if f, _, errno := v.OpenExec(full); errno == 0 {
			f.Close()
			return full, nil
		}
	}
	return "", &NotFoundError{fmt.Errorf("%s: not found on PATH; a program in the working directory is ./%s", name, name)}
}

// NotFoundError says that a program does not exist; errors.Is holds it for exec.ErrNotFound
// and for fs.ErrNotExist. NotExecutableError says that what is there cannot be run. Their
// texts say what it is and what to do.
type (
	NotFoundError      struct{ Err error }
	NotExecutableError struct{ Err error }
)

func (e *NotFoundError) Error() string { return e.Err.Error() }
func (e *NotFoundError) Unwrap() error { return e.Err }

// Is reports whether target is one of the errors that os/exec has for a missing program.
func (e *NotFoundError) Is(target error) bool {
	return target == exec.ErrNotFound || target == fs.ErrNotExist
}

func (e *NotExecutableError) Error() string { return e.Err.Error() }
func (e *NotExecutableError) Unwrap() error { return e.Err }
