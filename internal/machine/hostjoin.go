package machine

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"toaster/internal/guard"
	"toaster/internal/loader"
	"toaster/internal/platform/outside"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has programs of the host run the machine's: what such a program executes is met
// on the host (package outside) and joins the machine that the program came from.
//
//	identify   what a file is, before the host executes it
//	join       whose process it becomes: that of the program itself, if a guest has started
//	           that one (sh -c 'exec ./prog'), or else a new one (sh -c './prog; true')
//	become     the first: the LWP that has lived the program's life runs guest code again
//	adopt      the second: a child of the nearest process that the machine knows
//	attend     either: signals in, the end out
//
// On the host a proxy stays in its place, with the pid that others there know.
//
// What the host says of a program (its parent, its group, what it has open) is of one moment. The program itself stands still, in
// its execve, but its parent can die and its group can go meanwhile, so nothing here relies on two answers that agree.

// hostPrograms is what a System knows of the programs of the host that it has started.
type hostPrograms struct {
	outside *outside.Starter

	// mu guards what follows. Of the locks about programs of the host (hostGroups has the order) only
	// hostSession.mu comes after it. It is held while a program is started.
	mu      sync.Mutex
	waiters map[int]*hostWaiter     // by pid on the host
	groups  map[int]int             // the machine's, by that of the host; bounded by its pids, so none is removed
	proxies map[*outside.Proxy]bool // of processes that live
	first   *vfs.Dirs               // for those whose ancestors are gone
	over    bool                    // the machine ends: nothing joins any more

	left sync.WaitGroup // for each of proxies
}

// identify says what the host's file f is to a program of the host that executes it. It is asked for each execve there, so of
// what is not NetBSD's, or cannot be read, it says nothing: Linux then does what it always does, errors included.
//
// What is found wrong only later, such as a dynamic linker that is missing, ends the proxy (refuse): the host's
// execve has gone well by then. f stays the caller's. Several goroutines call this at once, and nothing here is
// shared.
func identify(f *os.File) outside.Look {
	st, err := f.Stat()
	if err != nil {
		return outside.Look{}
	}
	m, err := loader.Load(f, st.Size())
	switch {
	case err != nil:
		return outside.Look{}
	case m.Script != nil:
		return outside.Look{Kind: outside.Script, Interp: m.Script.Interp}
	}
	return outside.Look{Kind: outside.Guest}
}

// startHost starts h in g, whose life w lives, and enters it where join finds it.
//
// The lock is held meanwhile: the program may execute one of the machine's before its pid is known here.
//
// On an error there is no program, and nothing has been entered. Directories are kept of the first program that
// is started: they are what there is to go by for one whose starters are all gone.
func (s *System) startHost(w *hostWaiter, h *hostProgram, g *hostGroup) (err error) {
	hp := &s.hosts
	hp.mu.Lock()
	defer hp.mu.Unlock()
	if w.pid, err = h.forkExec(hp.outside, g); err != nil {
		return err
	}
	if hp.waiters == nil {
		hp.waiters, hp.groups, hp.proxies = make(map[int]*hostWaiter), make(map[int]int), make(map[*outside.Proxy]bool)
		hp.first = w.dirs.Fork(false)
	}
	hp.waiters[w.pid] = w
	return nil
}

// forget is due when the program is collected: its pid may become another's.
//
// Another program may have got the number by then and be entered under it: that one stays.
func (s *System) forget(w *hostWaiter) {
	s.hosts.mu.Lock()
	defer s.hosts.mu.Unlock()
	if s.hosts.waiters[w.pid] == w {
		delete(s.hosts.waiters, w.pid)
	}
}

// waiterOf returns the nearest program that a guest has started, from x on upwards; nil if there
// is none, as for a daemon whose parents are gone.
//
// itself says that w's program is the one that has executed x: it has the same pid. A process whose parent ends
// meanwhile is handed to another one, the host's init as a rule, where the way ends: x has no starter then, as
// a daemon has none.
func (s *System) waiterOf(x *outside.Exec) (w *hostWaiter, itself bool) {
	// The lock is not held on the way up: each step asks the host. Who is found may have ended just now; hand says so then.
	find := func(pid int) *hostWaiter {
		s.hosts.mu.Lock()
		defer s.hosts.mu.Unlock()
		return s.hosts.waiters[pid]
	}
	if w := find(x.Status.Pid); w != nil {
		return w, true
	}
	for pid := x.Status.Parent; pid > 1; {
		if w := find(pid); w != nil {
			return w, false
		}
		st, err := outside.StatusOf(pid)
		if err != nil {
			break
		}
		pid = st.Parent
	}
	return nil, false
}

// join is outside.Options.Join. x is join's from here on: whatever comes of it, file and proxy are closed in the end, or the
// proxy would stay on the host for ever, and its parent there would wait for it.
func (s *System) join(x *outside.Exec) {
	if !s.keepProxy(x.Proxy) {
		x.File.Close()
		x.Proxy.Close()
		return
	}
	j := &joiner{Exec: x}
	// Before anything is asked of the proxy: its answers come by Listen.
	guard.Go("signals of a host process were passed on", func() {
		x.Proxy.Listen(j.signal)
		j.signal(int(syscall.SIGKILL)) // of which nobody on the host can say more than that it is gone
	})
	w, itself := s.waiterOf(x)
	if itself {
		// The LWP is about to end, or runs what the program has executed before: nobody is left to become j.
		if !w.hand(j) {
			s.refuse(j, nil)
		}
		return
	}
	s.adopt(w, j)
}

// keepProxy notes a proxy for stopJoins; false if that has been.
//
// The count is raised under the lock that sets over, so stopHosts waits for every proxy that was kept.
func (s *System) keepProxy(p *outside.Proxy) bool {
	s.hosts.mu.Lock()
	defer s.hosts.mu.Unlock()
	if s.hosts.over {
		return false
	}
	s.hosts.proxies[p] = true
	s.hosts.left.Add(1)
	return true
}

// dropProxy is due when a proxy has been told its end. Only the first call for one counts.
func (s *System) dropProxy(p *outside.Proxy) {
	s.hosts.mu.Lock()
	defer s.hosts.mu.Unlock()
	if s.hosts.proxies[p] {
		delete(s.hosts.proxies, p)
		s.hosts.left.Done()
	}
}

// stopHosts ends what the host has of programs, once no process runs any. No lock is held while proxies end: who looks after
// one (attend) takes it to say that it is gone.
//
// First nothing joins any more, then those that have joined are let go of, and only then the first directories
// are closed: whoever adopts a program forks these.
func (s *System) stopHosts() {
	hp := &s.hosts
	for _, p := range hp.end() {
		p.Close()
	}
	hp.left.Wait()
	if hp.first != nil {
		hp.first.Close()
	}
	hp.outside.Stop()
}

// end has no more programs join, and returns the proxies that are left.
func (hp *hostPrograms) end() []*outside.Proxy {
	hp.mu.Lock()
	defer hp.mu.Unlock()
	hp.over = true
	return slices.Collect(maps.Keys(hp.proxies))
}

// refuse ends the proxy of a program that cannot be run, and says why where the program would
// have complained: its caller was told that the execve has worked.
//
// The statuses are a shell's: 126 for what is there and cannot be run, 127, with a nil error, for what there is
// nobody to run. The complaint may wait for room (outside.Say), which Close waits for in turn; so no lock is
// held. Each proxy is refused once, or attended, and never both.
func (s *System) refuse(j *joiner, err error) {
	status := 126
	if err == nil {
		status = 127
	} else if files, ferr := j.Proxy.Files(); ferr == nil {
		if fd, ok := files[2]; ok {
			outside.Say(fd, fmt.Appendf(nil, "toaster: %v\n", err))
		}
		closeAll(files)
	}
	j.File.Close()
	j.Proxy.Exit(status)
	s.dropProxy(j.Proxy)
}

// closeAll closes what outside.Proxy.Files has opened here.
func closeAll(fds map[int]int) {
	for _, fd := range fds {
		syscall.Close(fd)
	}
}

// A joiner is a program on its way into the machine.
type joiner struct {
	*outside.Exec
	// setsIDs: the set-id bits of its file count, as for who executes it here.
	setsIDs bool

	// What prepare makes. It belongs to the goroutine that has the joiner join, until the process has it.
	view  vfs.View
	prog  *program
	ready *Context

	// mu guards what the goroutine that listens to the proxy and the one that makes the process both know.
	mu    sync.Mutex
	proc  *kern.Proc      // nil before it is there
	early []netbsd.Signal // what has come before that
}

// signal passes on what the proxy gets, by Linux's number, once there is a process. A signal that NetBSD does not have is lost, as
// there is nothing it could be there; SIGCHLD is of the proxy's own children, and the machine sends its own. A
// process that has ended gets none, so the SIGKILL with which join ends does no harm then.
func (j *joiner) signal(sig int) {
	n := netbsd.SignalFromLinux(sig)
	if n == 0 || n == netbsd.SIGCHLD {
		return
	}
	if p := j.keep(n); p != nil {
		p.Kill(n)
	}
}

// keep returns the process, or keeps a signal for it.
func (j *joiner) keep(sig netbsd.Signal) *kern.Proc {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.proc == nil {
		j.early = append(j.early, sig)
	}
	return j.proc
}

// is says which process j has become, and returns what signals it has missed. What comes later goes straight to the process, and can
// overtake those: the host does not promise an order of pending signals either (signal(7)).
func (j *joiner) is(p *kern.Proc) []netbsd.Signal {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.proc = p
	return j.early
}

// execOpener opens the program that the host has opened already, and everything else by its name.
type execOpener struct {
	vfs.View
	x *outside.Exec
}

// OpenExec implements Opener. The file is the one that the host has found executable, so that a name which is made to lead elsewhere
// meanwhile changes nothing. It is handed out once: what else is asked for, a script's interpreter, goes by its name.
func (o *execOpener) OpenExec(name string) (*os.File, string, netbsd.Errno) {
	if o.x.File == nil || name != o.x.Name {
		return o.View.OpenExec(name)
	}
	f, full := o.x.File, name
	o.x.File = nil
	if !filepath.IsAbs(full) {
		dir, _ := o.CwdOf(o.Dirs)
		full = filepath.Join(dir, name)
	}
	return f, full, 0
}

// prepare builds what j is to run: descriptors and directories as they are on the host now,
// and the image. base is directories of its own, which it takes over. On an error nothing is left but j.
//
// known is the program below which j's was started, nil if that is gone: by it what a guest has passed on is
// told from what programs have opened themselves (exported). The error says what is wrong to a person (refuse);
// an ExecError where it is about the file.
func (s *System) prepare(j *joiner, base *vfs.Dirs, cred *kern.Cred, known *hostWaiter) (err error) {
	// The order is that of what can fail cheaply: memory comes last. Base is j's own from here on, so that drop closes it.
	x := j.Exec
	j.view = vfs.View{Dirs: base, Cred: cred}
	defer func() {
		if err != nil {
			j.drop()
		}
	}()
	if j.view.Files, err = s.joinFiles(x, known); err != nil {
		return err
	}
	dir, err := x.Proxy.Dir()
	if err != nil {
		return err
	}
	// By name, as the host tells no more: a directory that has been removed, or that its user may not search,
	// keeps the program from running.
	if errno := j.view.Chdir(dir); errno != 0 {
		return errno
	}
	if own, err := outside.StatusOf(os.Getpid()); err == nil && own.Umask != x.Status.Umask { // it is not what it was started with
		j.view.Dirs.Umask(x.Status.Umask)
	}
	argv, envp, err := x.Proxy.Args()
	if err != nil {
		return err
	}
	o := &execOpener{View: j.view, x: x}
	prog, xerr := s.load(o, x.Name, argv, envp)
	if xerr != nil {
		return xerr
	}
	if j.prog = prog; prog.host {
		return &ExecError{Path: x.Name, Errno: netbsd.ENOEXEC, Err: prog.why}
	}
	if j.setsIDs {
		cred = prog.setID.after(cred)
	}
	mc, errno := s.build(prog, cred, stackLimit(s.M.Init()))
	if errno != 0 {
		return &ExecError{Path: x.Name, Errno: errno, Err: errno}
	}
	j.ready = mc
	return nil
}

// drop undoes prepare, as far as that has come. The file and the proxy are left to refuse. Once a process has
// what prepare has made, only done is due.
func (j *joiner) drop() {
	if j.ready != nil {
		j.ready.space.release()
	}
	if j.view.Files != nil {
		j.view.Files.Close()
	}
	j.view.Dirs.Close()
	j.done()
}

// done lets go of the program's file, of which all is mapped that is needed.
func (j *joiner) done() {
	if j.prog != nil {
		j.prog.close()
		j.prog = nil
	}
}

// adopt makes j a process of its own: a child of w's, if there is one. It runs on the supervisor's goroutine for this program, and
// waits for the host: others that execute something meanwhile have goroutines of their own.
//
// w may end at any moment. Its process stays the parent if it has not begun to exit when the child is made; if
// it has, Spawn makes it init's. If w has left by addChild nobody tells the proxy of the child's stops; of its
// end attend tells it in any case.
func (s *System) adopt(w *hostWaiter, j *joiner) {
	var parent *kern.Proc
	var of *kern.Cred
	if w != nil {
		parent, of = w.l.Proc(), w.cred
	}
	cred := s.credOf(&j.Status, of)
	if err := s.prepare(j, s.dirsOf(w), cred, w); err != nil {
		s.refuse(j, err)
		return
	}
	defer j.done()
	p, errno := s.M.Spawn(s.spawnArgs(j, w, parent, cred))
	if errno != 0 {
		j.drop()
		s.refuse(j, errno)
		return
	}
	if w != nil {
		w.addChild(p, j.Proxy)
	}
	s.attend(p, j)
}

// dirsOf returns directories for a program that w's has started, or somebody who is gone. They are a copy, and
// the caller's; prepare sets the directory.
func (s *System) dirsOf(w *hostWaiter) *vfs.Dirs {
	if w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.dirs != nil {
			return w.dirs.Fork(false)
		}
	}
	return s.hosts.first.Fork(false)
}

// attend passes signals to p until it ends, and then its end to the proxy. It does not
// wait.
//
// The proxy ends when the process has become a zombie, and not before: until then what is sent to the proxy is
// to reach the process. When the machine halts nobody is told how the process has ended, and the proxy dies of
// SIGKILL.
func (s *System) attend(p *kern.Proc, j *joiner) {
	for _, sig := range j.is(p) {
		p.Kill(sig)
	}
	guard.Go("the end of a process was passed on", func() {
		defer s.dropProxy(j.Proxy)
		select {
		case <-p.Done():
		case <-s.M.Halted():
			j.Proxy.Close()
			return
		}
		w, _ := p.Status()
		switch sig := w.TermSignal().ToLinux(); {
		case w.Exited():
			j.Proxy.Exit(w.ExitCode())
		case sig == 0: // Linux has no such signal: the status is a shell's for it
			j.Proxy.Exit(128 + int(w.TermSignal()))
		default:
			j.Proxy.Die(sig)
		}
	})
}
