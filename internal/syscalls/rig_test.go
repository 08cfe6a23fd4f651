package syscalls

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/internal/socket"
	"toaster/internal/sysv"
	"toaster/internal/tty"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// A rig has processes that no host process carries: Go functions of a kern.Machine, with a
// scripted memory and processor, descriptors, and an empty directory as their root. A test
// makes system calls as one of them.
type rig struct {
	t   testing.TB
	m   *kern.Machine
	k   *Kernel
	dir string // the host's directory that is the root

	// asHost has the first process be whom the test runs as, who may make files. Else it
	// is the superuser, whom the host need not take for one.
	asHost  bool
	network bool // sockets are those of the host's network

	// owners has owners be kept beside the files whoever the test runs as.
	owners bool

	mapped bool // of memfds, whether somebody has them mapped

	mu    sync.Mutex
	execs []ExecArgs
	image string // of the open file that was executed last
	row   string // the one that is being played
}

// newRig makes a machine; it ends with the test.
func newRig(t testing.TB) *rig { return newRigOf(t, kern.Release11) }

// newRigOf makes a machine of a release.
func newRigOf(t testing.TB, release kern.Release) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	r.m = kern.New(kern.Config{Release: release, Hostname: "rig", Bug: func(b *guard.Bug) { t.Errorf("%s", b.Text()) }})
	r.k = &Kernel{
		M: r.m, PhysMem: 1 << 30, BootTime: time.Now(),
		Exec: r.exec, Spawn: r.spawn, LWPBody: r.body, NewThread: r.newThread,
		CallOf:    func(l *kern.LWP) *Call { return r.player(l).c },
		NewMemory: func() (file.Memory, netbsd.Errno) { return &plainMemory{mapped: &r.mapped}, 0 },
		SetStack:  func(l *kern.LWP, sp uint64) netbsd.Errno { machineOf(l).gregs[netbsd.REG_RSP] = sp; return 0 },
		SysV:      sysv.New(sysv.Config{PhysMem: 1 << 30, NewMemory: newSharedRAM}),
		DumpCore: func(by, l *kern.LWP, path *string, info *netbsd.Siginfo) netbsd.Errno {
			if path == nil {
				path = new(string)
			}
			if *path != "name" || by.Proc() == l.Proc() || info.Signo != netbsd.SIGSTOP {
				t.Errorf("a core of %d, by %d, as %q, of %v", l.Proc().Pid(), by.Proc().Pid(), *path, info.Signo)
			}
			return 0
		},
		CPUTime: func(*kern.LWP) (user, system time.Duration) { return 3 * time.Second, 2 * time.Second },
	}
	return r
}

// run has f be a process, and waits for it.
func (r *rig) run(f func(p *player)) {
	r.t.Helper()
	host := hostfile.NewHost()
	// As a machine below a root has it: who is not root on the host can be it inside.
	tree, dirs, err := vfs.New(host, vfs.Config{Root: r.dir, Owners: r.owners || os.Geteuid() != 0 && !r.asHost})
	if err != nil {
		r.t.Fatal(err)
	}
	sockets := socket.Config{Confined: true, Creds: Sockcred, Maker: func(family, _, _ int) (int, error) {
		if family == netbsd.AF_LOCAL {
			return -1, errors.New("a local socket needs no network")
		}
		return -1, syscall.EAFNOSUPPORT
	}}
	if r.network {
		sockets.Maker = nil
	}
	r.k.Sockets = socket.New(host, sockets)
	term := tty.New(r.m, tree, host)
	tree.AddFS("/proc", r.k.ProcFS)
	tree.AddDevice("drvctl", r.k.DrvctlDevice())
	tree.AddDevice("mem", r.k.MemDevice())
	tree.AddDevice("kmem", r.k.KmemDevice())
	tree.AddDevice("drum", r.k.DrumDevice())
	tree.AddDevice("ksyms", r.k.KsymsDevice())
	files := file.NewMachine(file.MachineConfig{TableOf: TableOf, UserOf: UserOf, Watcher: host, Sigio: r.k.Sigio})
	var cred *kern.Cred // nil is the superuser
	if r.asHost {
		cred = tree.HostCred()
	}
	p, errno := r.m.Spawn(kern.SpawnArgs{
		Cred:  cred,
		Files: Files{files.NewTable()}, Dirs: Dirs{dirs}, VM: newRAM(r.k.SysV), Manual: true, Setsid: true,
		Body:    func(l *kern.LWP) { f(r.player(l)) },
		Prepare: func(l *kern.LWP) netbsd.Errno { l.Platform().SetMachdep(&machine{}); return 0 },
	})
	if errno != 0 {
		r.t.Fatal(errno)
	}
	r.await(p)
	r.m.Close()
	term.Close()
	r.k.Sockets.Close()
	host.Close()
	tree.Close()
}

// patience is how long a process may take: so long that only one that sleeps for good is late.
const patience = 2 * time.Minute

// await waits for the process, and says where it is if it does not end.
func (r *rig) await(p *kern.Proc) {
	r.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-p.Done():
		// A row that its process does not survive would hide those behind it.
		if w, _ := p.Status(); w.Signaled() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Errorf("%s: killed by %v", r.row, w.TermSignal())
		}
	case <-late.C:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.t.Errorf("%s: does not end", r.row)
		r.m.KillAll()
		<-p.Done()
	}
}

// at notes the row that is being played.
func (r *rig) at(row string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.row = row
}

// body implements Kernel.LWPBody.
func (r *rig) body(l *kern.LWP) {
	p := r.player(l)
	p.settle()
	if p.cpu.does != nil {
		p.cpu.does(p)
	}
	l.Exit(0)
}

// exec implements Kernel.Exec: the program is noted, and nothing of it runs. Of an open file the text is noted.
func (r *rig) exec(c *Call, x ExecArgs) netbsd.Errno {
	var text []byte
	if x.File != nil {
		text, _ = io.ReadAll(x.File)
		x.File.Close()
		x.File = nil
	}
	if x.Path == "missing" {
		return netbsd.ENOENT
	}
	if x.Bad != 0 && text == nil {
		f, _, errno := View(c.L).OpenExec(x.Path)
		if errno != 0 {
			return errno
		}
		f.Close()
	}
	if x.Traced != nil {
		x.Traced(x.Argv, x.Envp)
		x.Traced = nil
	}
	if x.Bad != 0 {
		return x.Bad
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.execs, r.image = append(r.execs, x), string(text)
	return netbsd.EJUSTRETURN
}

// spawn implements Kernel.Spawn; of the program the test says what it does.
func (r *rig) spawn(c *Call, x ExecArgs, a kern.PosixSpawnArgs) (*kern.Proc, netbsd.Errno) {
	a.Fork.Body, a.Fork.Manual = r.body, true
	if x.Bad != 0 {
		return nil, r.exec(c, x)
	}
	a.Exec = func(l *kern.LWP) netbsd.Errno {
		if errno := r.exec(c, x); errno != netbsd.EJUSTRETURN {
			return errno
		}
		return 0
	}
	return c.L.PosixSpawn(a)
}

// newThread implements Kernel.NewThread.
func (r *rig) newThread(c *Call, l *kern.LWP) (CPU, netbsd.Errno) {
	m := &machine{does: c.CPU.(*machine).next}
	l.Platform().SetMachdep(m)
	return m, 0
}

// A player makes the calls of one LWP.
type player struct {
	*rig
	c         *Call
	mem       *ram
	cpu       *machine
	delivered []netbsd.Signal // those that handlers would have run for
}

func (r *rig) player(l *kern.LWP) *player {
	mem, cpu := l.Proc().VM().(*ram), machineOf(l)
	return &player{rig: r, mem: mem, cpu: cpu, c: &Call{L: l, K: r.k, Space: mem, CPU: cpu}}
}

func machineOf(l *kern.LWP) *machine { return l.Platform().Machdep().(*machine) }

// settle does what is due before the return to user mode: it takes signals.
func (p *player) settle() {
	p.c.L.Platform().UserRet(func(d *kern.Delivery) bool {
		p.delivered = append(p.delivered, netbsd.Signal(d.Info.Signo))
		return true
	})
}

// result is what a call has left.
type result struct {
	p     *player
	args  [8]uint64
	ret   [2]uint64
	errno netbsd.Errno
}

// mem returns n bytes of what argument i points to.
func (r *result) mem(i, n int) []byte {
	b := make([]byte, n)
	if errno := r.p.mem.Read(r.args[i], b); errno != 0 {
		r.p.t.Errorf("argument %d is no address: %#x", i, r.args[i])
	}
	return b
}

// do makes call nr.
func (p *player) do(nr int, a ...any) *result {
	p.c.Nr, p.c.Args, p.c.Ret = nr, p.args(a), [2]uint64{}
	r := &result{p: p, args: p.c.Args, errno: netbsd.ENOSYS}
	if serve := Lookup(nr); serve != nil {
		r.errno = serve(p.c)
	}
	r.ret = p.c.Ret
	p.settle()
	return r
}

// ok is do for a call that succeeds; it returns RAX.
func (p *player) ok(nr int, a ...any) uint64 {
	p.t.Helper()
	r := p.do(nr, a...)
	if r.errno != 0 {
		p.t.Errorf("%s%v: %s", netbsd.SyscallName(nr), a, r.errno.Name())
	}
	return r.ret[0]
}

// Arguments that are more than a number: bad is an address where there is no memory; room
// is the address of as many bytes; strv that of a vector of strings. A string or bytes are put in
// memory, and a function is asked.
const bad = uint64(0xdead_0000_0000)

type (
	room int
	strv []string
)

// args makes registers of arguments.
func (p *player) args(list []any) (regs [8]uint64) {
	for i, a := range list {
		regs[i] = p.arg(a)
	}
	return regs
}

func (p *player) arg(a any) uint64 {
	switch a := a.(type) {
	case int:
		return uint64(a)
	case uint32:
		return uint64(a)
	case int64:
		return uint64(a)
	case uint64:
		return a
	case netbsd.Signal:
		return uint64(a)
	case string:
		return p.mem.put(append([]byte(a), 0))
	case []byte:
		return p.mem.put(a)
	case room:
		return p.mem.put(filler(int(a)))
	case strv:
		var vector []byte
		for _, s := range a {
			vector = le.AppendUint64(vector, p.arg(s))
		}
		return p.mem.put(append(vector, make([]byte, 8)...))
	case func(*player) uint64:
		return a(p)
	}
	panic(fmt.Sprintf("no argument: %T", a))
}

// filler is what room has in it until somebody writes there.
func filler(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 0xa5
	}
	return b
}

// self, parent and group are ids of the caller.
func self(p *player) uint64 { return uint64(p.c.L.Proc().Pid()) }
func lid(p *player) uint64  { return uint64(p.c.L.ID()) }

// newLWP is the id of the caller's newest LWP.
func newLWP(p *player) uint64 { return uint64(p.c.L.Proc().LWPs()[0].ID()) }

// A row is one call of a table test.
type row struct {
	name  string // what the manual page or the function named says
	nr    int
	args  args
	errno netbsd.Errno
	want  any             // of what is left; see check
	child func(p *player) // what a process that the call makes does
}

type args []any

// pair is what a call leaves in RAX and RDX.
type pair [2]uint64

// out is what argument i points to.
type out struct {
	i int
	b []byte
}

// check says what is wrong with a call's result, "" if nothing.
func (w *row) check(r *result) string {
	if r.errno != w.errno {
		return fmt.Sprintf("%s, want %s", errnoName(r.errno), errnoName(w.errno))
	}
	switch want := w.want.(type) {
	case int:
		if r.ret[0] != uint64(want) {
			return fmt.Sprintf("returned %d, want %d", int64(r.ret[0]), want)
		}
	case pair:
		if r.ret != want {
			return fmt.Sprintf("returned %v, want %v", r.ret, want)
		}
	case func(*player) uint64:
		if v := want(r.p); r.ret[0] != v {
			return fmt.Sprintf("returned %d, want %d", r.ret[0], v)
		}
	case out:
		if b := r.mem(want.i, len(want.b)); string(b) != string(want.b) {
			return fmt.Sprintf("argument %d points to %x, want %x", want.i, b, want.b)
		}
	case func(*result) string:
		return want(r)
	case nil:
	default:
		return fmt.Sprintf("no expectation: %T", want)
	}
	return ""
}

func errnoName(errno netbsd.Errno) string {
	if errno == 0 {
		return "no error"
	}
	return errno.Name()
}

// play makes the calls of rows one after the other.
func (p *player) play(rows []row) {
	p.t.Helper()
	for i := range rows {
		w := &rows[i]
		p.cpu.next = w.child
		name := netbsd.SyscallName(w.nr) + ": " + w.name
		p.at(name)
		if wrong := w.check(p.do(w.nr, w.args...)); wrong != "" {
			p.t.Errorf("%s: %s", name, wrong)
		}
	}
}

// stages runs each list of rows in a machine of its own, by the superuser.
func stages(t *testing.T, list map[string][]row) { playAll(t, list, false) }

// fileStages is stages by whom the test runs as.
func fileStages(t *testing.T, list map[string][]row) { playAll(t, list, true) }

func playAll(t *testing.T, list map[string][]row, asHost bool) {
	for name, rows := range list {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.asHost = asHost
			played := false
			r.run(func(p *player) {
				p.play(rows)
				played = true
			})
			if !played && rows[len(rows)-1].nr != netbsd.SYS_exit {
				t.Errorf("%s: the process has ended", r.row)
			}
		})
	}
}
