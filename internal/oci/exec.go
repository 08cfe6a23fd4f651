package oci

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// execFlags are those of exec.
type execFlags struct {
	process, pidFile, console, cwd, user string
	env                                  []string
	groups                               []uint32
	terminal, detach, ignorePaused       bool
	preserve                             int
}

func (f *execFlags) define(set *flag.FlagSet) {
	both(set, "process p", func(n string) { set.StringVar(&f.process, n, "", "`FILE`: the process as JSON, in place of arguments") })
	both(set, "detach d", func(n string) { set.BoolVar(&f.detach, n, false, "do not wait for the program") })
	both(set, "tty t", func(n string) { set.BoolVar(&f.terminal, n, false, "its standard streams are a terminal") })
	both(set, "user u", func(n string) { set.StringVar(&f.user, n, "", "`UID[:GID]`: whom it runs as") })
	both(set, "env e", func(n string) { set.Func(n, "`K=V`: add to its environment; repeatable", f.addEnv) })
	both(set, "additional-gids g", func(n string) { set.Func(n, "`GID`: one more group; repeatable", f.addGroup) })
	set.StringVar(&f.cwd, "cwd", "", "`DIR`: its working directory")
	set.StringVar(&f.pidFile, "pid-file", "", "`FILE`: gets the pid of the relay")
	set.StringVar(&f.console, "console-socket", "", "`FILE`: a socket that the terminal is sent to")
	set.BoolVar(&f.ignorePaused, "ignore-paused", false, "start it in a paused container, too")
	set.IntVar(&f.preserve, "preserve-fds", 0, "`N`: as many descriptors from 3 on are the program's")
	for _, name := range []string{"no-subreaper", "no-new-privs"} {
		set.Bool(name, false, noEffect)
	}
	for name, arg := range map[string]string{"process-label": "LABEL", "apparmor": "PROFILE", "cgroup": "PATH"} {
		set.String(name, "", "`"+arg+"`: "+noEffect)
	}
	both(set, "cap c", func(n string) { set.String(n, "", "`CAP`: "+noEffect) })
}

func (f *execFlags) addEnv(kv string) error {
	f.env = append(f.env, kv)
	return nil
}

func (f *execFlags) addGroup(s string) error {
	n, err := strconv.ParseUint(s, 10, 32)
	f.groups = append(f.groups, uint32(n))
	return err
}

// bindExec is "toaster oci exec".
func bindExec(set *flag.FlagSet) action {
	f := new(execFlags)
	f.define(set)
	return func(c *call, args []string) (int, error) { return c.exec(args[0], args[1:], f) }
}

// exec starts a relay, which becomes the child of the subreaper when this process ends, or whose end this process waits for.
func (c *call) exec(id string, args []string, f *execFlags) (int, error) {
	if f.preserve < 0 {
		return 0, fmt.Errorf("--preserve-fds %d: want a number of descriptors", f.preserve)
	}
	t, err := c.load(id)
	if err != nil {
		return 0, err
	}
	if s := t.status(); s == stopped {
		return 0, errors.New("cannot exec in a stopped container")
	}
	p, err := f.processOf(t, args)
	if err != nil {
		return 0, err
	}
	return f.startRelay(t, p)
}

// processOf is what is to be started: as the file says, or as the container's own process with what the command line
// changes.
func (f *execFlags) processOf(t *container, args []string) (*specs.Process, error) {
	p := new(specs.Process)
	if f.process != "" {
		b, err := os.ReadFile(f.process)
		if err == nil {
			err = json.Unmarshal(b, p)
		}
		if err != nil {
			return nil, fmt.Errorf("--process: %w", err)
		}
		return p, f.checkTerminal(p)
	}
	spec, err := loadConfig(t.Bundle)
	if err != nil {
		return nil, err
	}
	if spec.Process == nil {
		return nil, refused("there is no process")
	}
	*p = *spec.Process
	p.Args, p.Terminal, p.Env = args, f.terminal, append(p.Env, f.env...)
	if f.cwd != "" {
		p.Cwd = f.cwd
	}
	if f.user != "" {
		if err := setUser(&p.User, f.user); err != nil {
			return nil, err
		}
	}
	p.User.AdditionalGids = append(p.User.AdditionalGids, f.groups...)
	return p, f.checkTerminal(p)
}

func (f *execFlags) checkTerminal(p *specs.Process) error {
	if p.Terminal && f.console == "" {
		return errors.New("the process is to have a terminal, so exec needs a --console-socket to send it to")
	}
	return nil
}

// setUser takes UID[:GID]. What it does not name stays the container's, as in runc: the group is not that of root.
func setUser(u *specs.User, s string) error {
	uid, gid, both := strings.Cut(s, ":")
	n, err := strconv.ParseUint(uid, 10, 32)
	g := uint64(u.GID)
	if err == nil && both {
		g, err = strconv.ParseUint(gid, 10, 32)
	}
	if err != nil {
		return fmt.Errorf("--user %q: want UID or UID:GID", s)
	}
	u.UID, u.GID = uint32(n), uint32(g)
	return nil
}

// startRelay starts the relay and returns when the program runs, or, unless it is detached, when it has ended.
func (f *execFlags) startRelay(t *container, p *specs.Process) (int, error) {
	r, err := f.forkRelay()
	if err != nil {
		return 0, err
	}
	defer r.conn.close()
	if err = t.Cgroup.enter(r.cmd.Process.Pid); err == nil {
		err = r.begin(t, p, f)
	}
	if err == nil {
		err = writePidFile(f.pidFile, r.cmd.Process.Pid)
	}
	if err != nil {
		r.cmd.Process.Kill()
		r.cmd.Wait()
		return 0, err
	}
	if f.detach {
		return 0, nil
	}
	return r.await(), nil
}

// startedRelay is a relay, seen from exec.
type startedRelay struct {
	cmd  *exec.Cmd
	conn *conn
}

// relayBoot is what exec tells a relay.
type relayBoot struct {
	Dir          string
	Process      *specs.Process
	IgnorePaused bool
	Preserve     int
}

func (f *execFlags) forkRelay() (*startedRelay, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	r := &startedRelay{conn: newConn(pair[0])}
	theirs := os.NewFile(uintptr(pair[1]), "boot")
	defer theirs.Close()
	unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	r.cmd = exec.Command("/proc/self/exe", "oci", relayCommand, strconv.Itoa(3+f.preserve))
	r.cmd.Args[0] = "toaster"
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	for fd := 3; fd < 3+f.preserve; fd++ {
		r.cmd.ExtraFiles = append(r.cmd.ExtraFiles, os.NewFile(uintptr(fd), "preserved"))
	}
	r.cmd.ExtraFiles = append(r.cmd.ExtraFiles, theirs)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := r.cmd.Start(); err != nil {
		r.conn.close()
		return nil, fmt.Errorf("starting the relay: %w", err)
	}
	return r, nil
}

// begin tells the relay what to start, and returns when it has.
func (r *startedRelay) begin(t *container, p *specs.Process, f *execFlags) error {
	var files []*os.File
	if p.Terminal {
		sock, err := dialConsole(f.console)
		if err != nil {
			return err
		}
		defer sock.Close()
		files = append(files, sock)
	}
	if err := r.conn.send(&relayBoot{t.dir, p, f.ignorePaused, f.preserve}, files...); err != nil {
		return fmt.Errorf("the relay: %w", err)
	}
	var a answer
	if err := r.conn.receive(&a); err != nil {
		return fmt.Errorf("the relay has ended before it could say why: %w", err)
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	return nil
}

// await waits for the relay, and passes signals on to it.
func (r *startedRelay) await() int {
	ch := make(chan os.Signal, 64)
	signal.Notify(ch, passed...)
	go func() {
		for s := range ch {
			r.cmd.Process.Signal(s)
		}
	}()
	r.cmd.Wait()
	ws := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
