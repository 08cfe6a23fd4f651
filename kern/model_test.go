package kern

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"toaster/netbsd"
)

// The model test makes random processes do random things and compares, after every
// step, all that a guest can see with the reference, and the machine with itself
// (Check). A failing sequence shrinks and prints as Go code for TestModelReplay.

var modelSteps = flag.Int("modelsteps", 60, "most actions in one sequence of TestModel")

type op uint8

const (
	opTick op = iota // what shrinking replaces others by
	opFork
	opForkSig
	opVfork
	opExit
	opKill
	opKillGroup
	opWait
	opWaitBlock
	opWait6
	opSetpgid
	opSetsid
	opAttach
	opTraceMe
	opResume
	opDetach
	opExec
	opIgnore
	opNoCldWait
	opLWPNew
	opLWPExit
	opLWPWait
	opMask
	opHandle
	opSetuid
	opLimit
	numOps
)

var opNames = [numOps]string{"opTick", "opFork", "opForkSig", "opVfork", "opExit", "opKill", "opKillGroup", "opWait", "opWaitBlock", "opWait6",
	"opSetpgid", "opSetsid", "opAttach", "opTraceMe", "opResume", "opDetach", "opExec", "opIgnore", "opNoCldWait", "opLWPNew",
	"opLWPExit", "opLWPWait", "opMask", "opHandle", "opSetuid", "opLimit"}

// action is one step: who does it, and up to three numbers whose meaning op and the
// moment give. So any list of actions is a valid one, and shrinks freely.
type action struct {
	op      op
	who     uint8
	a, b, c uint8
}

// actions formats itself as Go.
type actions []action

func (as actions) GoString() string {
	var b strings.Builder
	b.WriteString("actions{\n")
	for _, a := range as {
		if a.op == opTick {
			continue
		}
		fmt.Fprintf(&b, "\t{%s, %d, %d, %d, %d},\n", opNames[a.op], a.who, a.a, a.b, a.c)
	}
	return b.String() + "}"
}

func genActions(t *rapid.T) actions {
	small := rapid.Uint8Range(0, 31)
	one := rapid.Custom(func(t *rapid.T) action {
		return action{op(rapid.IntRange(0, int(numOps)-1).Draw(t, "op")), small.Draw(t, "who"), small.Draw(t, "a"), small.Draw(t, "b"), small.Draw(t, "c")}
	})
	least := rapid.SampledFrom([]int{1, *modelSteps / 2, *modelSteps}).Draw(t, "least")
	return rapid.SliceOfN(one, least, *modelSteps).Draw(t, "actions")
}

func TestModel(t *testing.T) { testModel(t, runModel) }

// TestModelPaused: no process can tell that the machine is paused (Machine.Pause), so the reference, which knows of no pauses, holds with a pause
// before each step, or in the middle of it.
func TestModelPaused(t *testing.T) { testModel(t, runModelPaused) }

func testModel(t *testing.T, run func(*testing.T, Release, actions) (int, error)) {
	flag.Set("rapid.nofailfile", "true") // the replay in the output does it
	if c := flag.Lookup("rapid.checks"); c.Value.String() == c.DefValue {
		c.Value.Set("300")
	}
	for _, r := range releases {
		t.Run("release="+r.String(), func(t *testing.T) {
			steps := 0
			rapid.Check(t, func(rt *rapid.T) {
				as := genActions(rt)
				n, err := run(t, r, as)
				steps += n
				if err != nil {
					rt.Fatalf("%v\nreplay:\n%#v", err, as)
				}
			})
			t.Log(steps, "steps")
		})
	}
}

// TestModelReplay has sequences that once failed.
func TestModelReplay(t *testing.T) {
	for i, as := range replays {
		for _, r := range releases {
			t.Run(fmt.Sprintf("%d/release=%v", i, r), func(t *testing.T) {
				for _, pauses := range []bool{false, true} {
					if _, err := playModel(t, r, as, pauses); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

var replays = []actions{
	{
		{opFork, 0, 0, 0, 0},
		{opAttach, 0, 1, 0, 0},
		{opWait, 0, 0, 0, 0},
		{opResume, 0, 1, 3, 0},
	},
	// A stopped parent is told of a tracee's stop, by a handler that runs later.
	{
		{opHandle, 0, 2, 0, 0},
		{opFork, 0, 0, 0, 0},
		{opKill, 0, 0, 1, 0},
		{opTraceMe, 0, 0, 0, 0},
		{opExec, 0, 0, 0, 0},
	},
	// A signal that comes while a tracee stands at its exec.
	{
		{opFork, 0, 0, 0, 0},
		{opTraceMe, 1, 0, 0, 0},
		{opExec, 1, 0, 0, 0},
		{opWait, 0, 0, 0, 0},
		{opKill, 0, 1, 0, 0},
		{opResume, 0, 1, 0, 0},
	},
	// A debugger and the parent that it took the child from both wait for it.
	{
		{opFork, 0, 0, 0, 0},
		{opVfork, 0, 0, 0, 0},
		{opFork, 0, 0, 0, 0},
		{opAttach, 1, 3, 0, 0},
		{opWait, 1, 0, 0, 0},
		{opWaitBlock, 0, 0, 0, 0},
		{opWaitBlock, 0, 0, 0, 0},
		{opKill, 0, 3, 2, 0}, // nobody can: the child is killed
	},
	// Who waits for a child that a debugger has is not to wait for it when it comes back.
	{
		{opFork, 0, 0, 0, 0},
		{opFork, 0, 0, 0, 0},
		{opFork, 0, 0, 0, 0},
		{opFork, 1, 0, 0, 0},
		{opAttach, 2, 4, 0, 0},
		{opKill, 0, 4, 3, 0},
		{opWaitBlock, 1, 0, 2, 0},
		{opWait, 1, 0, 0, 0},
	},
	// What a debugger collects is its parent's, which stops for its own debugger.
	{
		{opFork, 0, 0, 0, 0},
		{opFork, 1, 0, 0, 0},
		{opWaitBlock, 1, 0, 0, 0},
		{opFork, 1, 0, 0, 0},
		{opAttach, 0, 3, 0, 0},
		{opKill, 0, 3, 3, 0},
		{opTraceMe, 1, 0, 0, 0},
		{opWait, 0, 0, 0, 0},
	},
	// A continuation that leads to death at once: who waits can meet either.
	{
		{opFork, 0, 0, 0, 0},
		{opKill, 0, 1, 1, 0},
		{opKill, 0, 1, 0, 0},
		{opWaitBlock, 0, 0, 8, 0},
		{opKill, 0, 1, 0, 0}, // nobody can: the child is continued
	},
}

// driver is a real process with the reference's idea of it.
type driver struct {
	ref  *refProc
	p    *Proc
	l    *LWP
	subs []*LWP

	mu     sync.Mutex
	cmd    func(*LWP)
	got    *reply // of the last command; nil while it runs
	expect string // what got must say; "" for a wait, which says it itself
	busy   bool   // a command has not answered yet
	kill   map[*LWP]bool

	chld atomic.Int32 // how often SIGCHLD was sent to it

	hmu     sync.Mutex
	handled map[netbsd.Signal]int // handlers called since the last quiet moment
	info    netbsd.Siginfo        // that of SIGCHLD was given
}

type reply struct {
	text   string
	pid    int
	status netbsd.WaitStatus
	errno  netbsd.Errno

	// What a wait tells besides: how much time, and in wait6 the children's and the siginfo.
	used, kids time.Duration
	info       *netbsd.Siginfo
}

type model struct {
	m   *Machine
	ref *ref
	ds  []*driver
	// by says which driver a process is, for handlers, which a fork inherits.
	by  sync.Map
	log []string
	err error
	// over: a step had no certain outcome. Check and Close still judge it.
	over bool
	// pauses: each step is played in a machine that is paused.
	pauses bool
}

func runModel(t *testing.T, r Release, as actions) (steps int, err error) {
	return playModel(t, r, as, false)
}

func runModelPaused(t *testing.T, r Release, as actions) (steps int, err error) {
	return playModel(t, r, as, true)
}

func playModel(t *testing.T, r Release, as actions, pauses bool) (steps int, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("panic: %v", x)
		}
	}()
	synctest.Test(t, func(*testing.T) {
		mo := &model{m: New(Config{Release: r}), ref: newRef(r == Release2003), pauses: pauses}
		root := &refProc{id: 0, due: map[netbsd.Signal]int{}, own: time.Second, parent: mo.ref.init, exitsig: netbsd.SIGCHLD, leader: true}
		mo.ref.procs = append(mo.ref.procs, root)
		mo.ref.init.kids = append(mo.ref.init.kids, root)
		d := newDriver()
		d.ref = root
		d.p, _ = mo.m.Spawn(SpawnArgs{Setsid: true, Body: d.body})
		mo.by.Store(d.p, d)
		mo.ds = append(mo.ds, d)
		root.pid, root.pgid, root.sid = d.p.Pid(), d.p.Pid(), d.p.Pid()
		synctest.Wait()
		for _, a := range as {
			mo.step(a)
			steps++
			if mo.err != nil || mo.over {
				break
			}
		}
		if errs := mo.m.Check(); mo.err == nil && len(errs) > 0 {
			mo.err = fmt.Errorf("%v", errs)
		}
		mo.m.Close()
		if errs := mo.m.Check(); mo.err == nil && len(errs) > 0 {
			mo.err = fmt.Errorf("after Close: %v", errs)
		}
		if mo.err != nil {
			err = fmt.Errorf("%w\n%s", mo.err, strings.Join(mo.log, "\n"))
		}
	})
	return steps, err
}

func newDriver() *driver {
	return &driver{kill: map[*LWP]bool{}, handled: map[netbsd.Signal]int{}}
}

// handler counts for the process that it runs in, which may have inherited it.
func (mo *model) handler(l *LWP, i *netbsd.Siginfo) {
	v, _ := mo.by.Load(l.Proc())
	d := v.(*driver)
	d.hmu.Lock()
	d.handled[i.Signo]++
	if i.Signo == netbsd.SIGCHLD {
		d.info = *i
	}
	d.hmu.Unlock()
}

// body runs commands; between them it sleeps interruptibly in the kernel.
func (d *driver) body(l *LWP) {
	d.mu.Lock()
	d.l = l
	d.mu.Unlock()
	l.Proc().AddUsage(&netbsd.Rusage{Utime: d.ref.own})
	l.Proc().AttachKnote(note(func(e NoteEvent) {
		if e.Kind == NoteSignal && e.Signal == netbsd.SIGCHLD {
			d.chld.Add(1)
		}
	}))
	for {
		d.mu.Lock()
		f := d.cmd
		d.cmd = nil
		d.mu.Unlock()
		if f != nil {
			f(l)
			continue
		}
		l.Sleep(true, time.Time{})
	}
}

// sub is the body of the other LWPs.
func (d *driver) sub(l *LWP) {
	for {
		d.mu.Lock()
		end := d.kill[l]
		d.mu.Unlock()
		if end {
			l.ExitLWP()
		}
		l.Sleep(true, time.Time{})
	}
}

// do has d run f; expect is what f must answer.
func (mo *model) do(d *driver, expect string, f func(*LWP) reply) {
	d.mu.Lock()
	d.busy, d.expect, d.got = true, expect, nil
	d.cmd = func(l *LWP) {
		r := f(l)
		d.mu.Lock()
		d.got = &r
		d.mu.Unlock()
	}
	d.mu.Unlock()
	d.l.Wake()
}

func errText(errno netbsd.Errno) string { return fmt.Sprint(errno) }

func answer(errno netbsd.Errno) reply { return reply{text: errText(errno)} }

func (mo *model) fail(format string, a ...any) {
	if mo.err == nil {
		mo.err = fmt.Errorf(format, a...)
	}
}

// free returns the processes that can run a command.
func (mo *model) free() (ds []*driver) {
	for _, d := range mo.ds {
		if d.ref.state == refRun && d.ref.wait == nil && d.ref.vforking == nil && !d.busy {
			ds = append(ds, d)
		}
	}
	return ds
}

var modelSignals = []netbsd.Signal{netbsd.SIGTERM, netbsd.SIGSTOP, netbsd.SIGCONT, netbsd.SIGKILL, netbsd.SIGTSTP, netbsd.SIGSTOP, netbsd.SIGCONT, netbsd.SIGCHLD, 0,
	netbsd.SIGUSR1, netbsd.SIGUSR1}

// modelMask is what a process blocks: those of the first whose bit is set.
var modelMask = []netbsd.Signal{netbsd.SIGTERM, netbsd.SIGTSTP, netbsd.SIGUSR1, netbsd.SIGCHLD, netbsd.SIGHUP}

func (mo *model) step(a action) {
	free := mo.free()
	if len(free) == 0 {
		mo.rescue(a)
		return
	}
	d := free[int(a.who)%len(free)]
	other := mo.ds[int(a.a)%len(mo.ds)]
	if a.op == opTick {
		return
	}
	mo.log = append(mo.log, fmt.Sprintf("%s by %v, other %v (%d %d %d)", opNames[a.op], d.ref, other.ref, a.a, a.b, a.c))
	mo.paused(a, func() { mo.act(a, d, other) })
	mo.quiet()
}

// paused runs f, and has the machine paused meanwhile, or from then on for a while.
func (mo *model) paused(a action, f func()) {
	switch {
	case !mo.pauses:
		f()
		return
	case a.c%2 == 0:
		mo.m.Pause(context.Background())
		f()
	default:
		f()
		mo.m.Pause(context.Background())
	}
	synctest.Wait()
	if errs := mo.m.Check(); len(errs) > 0 {
		mo.fail("paused: %v", errs)
	}
	mo.m.Resume()
}

// rescue continues somebody from outside when nobody can act.
func (mo *model) rescue(a action) {
	var ds []*driver
	for _, d := range mo.ds {
		if d.ref.alive() {
			ds = append(ds, d)
		}
	}
	if len(ds) == 0 {
		return
	}
	d := ds[int(a.a)%len(ds)]
	sig := []netbsd.Signal{netbsd.SIGCONT, netbsd.SIGCONT, netbsd.SIGKILL}[int(a.b)%3]
	mo.log = append(mo.log, fmt.Sprintf("rescue %v with %v", d.ref, sig))
	mo.ref.send(d.ref, sig)
	mo.paused(a, func() { d.p.Kill(sig) })
	mo.quiet()
}

func (mo *model) act(a action, d, other *driver) {
	r, p, t := mo.ref, d.ref, other.ref
	switch a.op {
	case opFork, opForkSig, opVfork:
		if len(mo.ds) >= 14 || a.op == opVfork && (p.lwps > 0 || p.traced || p.zlwps > 0) {
			return
		}
		mo.fork(a, d)
	case opExit:
		if len(mo.alive()) < 3 {
			return
		}
		code := int32(a.a) * 0x1010101
		p.code = code
		if r.r2003 {
			r.exit(p, netbsd.WaitStatus(code&0xff)<<8)
		} else {
			r.exit(p, netbsd.WaitStatus(code<<8))
		}
		mo.do(d, "", func(l *LWP) reply { l.Exit(int(code)); return reply{} })
	case opKill:
		sig := modelSignals[int(a.b)%len(modelSignals)]
		want := netbsd.Errno(0)
		switch {
		case t.state == refGone || t.state == refZombie && r.r2003:
			want = netbsd.ESRCH
		case t.alive() && !r.may(p, t, sig):
			want = netbsd.EPERM
		default:
			r.sendInfo(t, p.says(sig))
		}
		mo.do(d, errText(want), func(l *LWP) reply { return answer(l.Kill(t.pid, sig)) })
	case opKillGroup:
		mo.killGroup(a, d, other)
	case opWait, opWaitBlock, opWait6:
		mo.wait(a, d, other)
	case opSetpgid:
		pgid := mo.ds[int(a.b)%len(mo.ds)].ref.pid
		if a.c%2 == 0 {
			pgid = t.pid
		}
		if t.state == refGone {
			return // its pid may be a group's only
		}
		want := r.setpgid(p, t, pgid)
		mo.do(d, errText(want), func(l *LWP) reply { return answer(l.Setpgid(t.pid, pgid)) })
	case opSetsid:
		want := r.setsid(p)
		mo.do(d, errText(want), func(l *LWP) reply { _, errno := l.Setsid(); return answer(errno) })
	case opAttach:
		if t.ppwait || t.vforking != nil || t.wait != nil || other.busy {
			return
		}
		want := r.attach(p, t)
		mo.do(d, errText(want), func(l *LWP) reply { return answer(l.PtraceAttach(t.pid)) })
	case opTraceMe:
		if p.ppwait || p.parent == r.init {
			return
		}
		want := r.traceme(p)
		mo.do(d, errText(want), func(l *LWP) reply { return answer(l.TraceMe()) })
	case opResume, opDetach:
		sig := []netbsd.Signal{0, 0, netbsd.SIGTERM, netbsd.SIGSTOP, netbsd.SIGCONT}[int(a.b)%5]
		want := r.resume(p, t, sig, a.op == opDetach)
		mo.do(d, errText(want), func(l *LWP) reply {
			return answer(l.PtraceResume(t.pid, ResumeArgs{Signal: sig, Detach: a.op == opDetach}))
		})
	case opExec:
		if p.ppwait && p.pend != 0 && p.parent.pend != 0 {
			return // its stop and its parent's end would race
		}
		p.execed, p.noCld, p.lwps, p.zlwps = true, false, 0, 0
		p.pend &^= p.catch & netbsd.SIGCHLD.Bit() // execsigs: caught, and ignored from now on
		p.catch, p.sugid = 0, false
		d.subs = nil
		mo.do(d, "errno 0", func(l *LWP) reply { return answer(l.Exec(ExecArgs{Comm: "x"})) })
		r.endVfork(p)
		if p.traced {
			r.send(p, netbsd.SIGTRAP)
		}
		r.resolve(p) // stops that vfork put off
	case opIgnore:
		act := Action{Handler: netbsd.SIG_IGN * uint64(a.b%2)}
		p.ignore &^= netbsd.SIGTERM.Bit()
		p.catch &^= netbsd.SIGTERM.Bit()
		if a.b%2 == 1 {
			p.ignore |= netbsd.SIGTERM.Bit()
			p.pend &^= netbsd.SIGTERM.Bit()
		}
		mo.do(d, "errno 0", func(l *LWP) reply { _, errno := l.Sigaction(netbsd.SIGTERM, &act); return answer(errno) })
	case opNoCldWait:
		act := Action{Flags: netbsd.SA_NOCLDWAIT * int32(a.b%2), Handler: netbsd.SIG_IGN * uint64(a.c%2)}
		p.noCld = a.b%2 == 1 || a.c%2 == 1 && !r.r2003
		p.catch &^= netbsd.SIGCHLD.Bit()
		p.pend &^= netbsd.SIGCHLD.Bit()
		mo.do(d, "errno 0", func(l *LWP) reply { _, errno := l.Sigaction(netbsd.SIGCHLD, &act); return answer(errno) })
	case opLWPNew:
		if p.lwps >= 3 {
			return
		}
		p.lwps++
		mo.do(d, "errno 0", func(l *LWP) reply {
			n, errno := l.NewLWP(0, d.sub, false, nil)
			d.mu.Lock()
			d.subs = append(d.subs, n)
			d.mu.Unlock()
			return answer(errno)
		})
	case opLWPExit:
		d.mu.Lock()
		if len(d.subs) > 0 {
			s := d.subs[0]
			d.subs = d.subs[1:]
			d.kill[s] = true
			p.lwps--
			p.zlwps++
			d.mu.Unlock()
			s.Wake()
			return
		}
		d.mu.Unlock()
	case opLWPWait:
		if p.zlwps == 0 {
			return
		}
		p.zlwps--
		mo.do(d, "errno 0", func(l *LWP) reply { _, errno := l.LWPWait(0); return answer(errno) })
	default:
		mo.actSelf(a, d)
	}
}

// actSelf has what a process changes about itself alone.
func (mo *model) actSelf(a action, d *driver) {
	r, p := mo.ref, d.ref
	switch a.op {
	case opMask:
		if p.lwps > 0 {
			return // others have masks of their own
		}
		how, set := netbsd.SIG_BLOCK+int(a.a)%3, netbsd.Sigset(0)
		for i, s := range modelMask {
			if a.b&(1<<i) != 0 {
				set |= s.Bit()
			}
		}
		p.mask = map[int]netbsd.Sigset{netbsd.SIG_BLOCK: p.mask | set, netbsd.SIG_UNBLOCK: p.mask &^ set, netbsd.SIG_SETMASK: set}[how]
		mo.do(d, "errno 0", func(l *LWP) reply { _, errno := l.Sigprocmask(how, &set); return answer(errno) })
		r.resolve(p)
	case opHandle:
		sig := []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGTERM, netbsd.SIGCHLD}[int(a.a)%3]
		act := Action{Func: mo.handler}
		if a.b%2 == 1 {
			act.Flags = netbsd.SA_RESTART
			p.restart |= sig.Bit()
		} else {
			p.restart &^= sig.Bit()
		}
		p.catch |= sig.Bit()
		p.ignore &^= sig.Bit()
		if sig == netbsd.SIGCHLD {
			p.noCld = false
		}
		mo.do(d, "errno 0", func(l *LWP) reply { _, errno := l.Sigaction(sig, &act); return answer(errno) })
	case opSetuid:
		uid := uint32(a.a) % 3
		want := netbsd.Errno(0)
		switch {
		case p.uid != 0 && uid != p.uid:
			want = netbsd.EPERM
		case uid != p.uid:
			p.uid, p.sugid = uid, true
		}
		mo.do(d, errText(want), func(l *LWP) reply { return answer(l.Setuid(uid)) })
	case opLimit:
		p.nproc = uint64(a.a)%6 + 1
		lim := Rlimit{p.nproc, netbsd.RLIM_INFINITY}
		mo.do(d, "errno 0", func(l *LWP) reply { return answer(l.SetRlimit(netbsd.RLIMIT_NPROC, lim)) })
	}
}

func (mo *model) alive() (ds []*driver) {
	for _, d := range mo.ds {
		if d.ref.alive() {
			ds = append(ds, d)
		}
	}
	return ds
}

func (mo *model) fork(a action, d *driver) {
	sig := netbsd.SIGCHLD
	args := ForkArgs{Vfork: a.op == opVfork}
	if a.op == opForkSig {
		sig = []netbsd.Signal{0, netbsd.SIGCHLD, netbsd.SIGCONT}[int(a.a)%3] // SIGCONT harms nobody
		args.ExitSignal, args.NoExitSignal = sig, sig == 0
	}
	if p := d.ref; p.uid != 0 && p.nproc != 0 && mo.ref.usersProcs(p.uid)+1 > p.nproc {
		args.Body = func(*LWP) {}
		mo.do(d, errText(netbsd.EAGAIN), func(l *LWP) reply { _, errno := l.Fork(args); return answer(errno) })
		return
	}
	c := newDriver()
	args.Body = c.body
	args.Linked = func(p *Proc) {
		c.p, c.ref.pid = p, p.Pid()
		mo.by.Store(p, c)
	}
	c.ref = mo.ref.fork(d.ref, sig, args.Vfork)
	mo.ds = append(mo.ds, c)
	mo.do(d, "errno 0", func(l *LWP) reply { _, errno := l.Fork(args); return answer(errno) })
}

// killGroup leaves out what has no certain outcome: who stops or dies first among
// members that watch each other.
func (mo *model) killGroup(a action, d, other *driver) {
	r := mo.ref
	sig := modelSignals[int(a.b)%len(modelSignals)]
	members := r.group(other.ref.pgid)
	for _, m := range members {
		if m.traced || m.parent.traced || m.wait != nil || m.parent.wait != nil || m.vforking != nil || m.ppwait || slices.ContainsFunc(m.kids, func(k *refProc) bool { return k.traced }) {
			return
		}
	}
	if len(members) == len(mo.alive()) && (sig == netbsd.SIGKILL || sig == netbsd.SIGTERM || sig == netbsd.SIGUSR1) {
		return
	}
	pgid := other.ref.pgid
	want := netbsd.ESRCH
	if slices.ContainsFunc(members, func(m *refProc) bool { return r.may(d.ref, m, sig) }) {
		want = 0
	}
	// All get it in one moment: what one's end brings comes after.
	if sig == netbsd.SIGKILL || sig == netbsd.SIGTERM || sig == netbsd.SIGUSR1 {
		if slices.ContainsFunc(members, func(m *refProc) bool { return m.state == refStopped }) || len(members) > 1 {
			return
		}
	}
	for _, m := range members {
		if r.may(d.ref, m, sig) {
			r.sendInfo(m, d.ref.says(sig))
		}
	}
	mo.do(d, errText(want), func(l *LWP) reply { return answer(l.Kill(-pgid, sig)) })
}

func (mo *model) wait(a action, d, other *driver) {
	r := mo.ref
	w := &refWait{options: netbsd.WEXITED | netbsd.WTRAPPED}
	for i, o := range []int{netbsd.WUNTRACED, netbsd.WALTSIG, netbsd.WALLSIG, netbsd.WCONTINUED} {
		if a.b&(1<<i) != 0 && (o != netbsd.WCONTINUED || !r.r2003) {
			w.options |= o
		}
	}
	pid := netbsd.WaitAny
	switch a.c % 5 {
	case 0, 1:
		w.idtype = netbsd.P_ALL
	case 2:
		pid = other.ref.pid
		w.idtype, w.id = netbsd.P_PID, pid
	case 3:
		pid = 0
		w.idtype, w.id = netbsd.P_PGID, d.ref.pgid
	case 4:
		pid = -other.ref.pgid
		w.idtype, w.id = netbsd.P_PGID, other.ref.pgid
	}
	six := a.op == opWait6 && !r.r2003
	if six {
		w.idtype = []int{netbsd.P_ALL, netbsd.P_PID, netbsd.P_PGID, netbsd.P_SID, netbsd.P_UID, netbsd.P_PPID}[int(a.c)%6]
		w.id = []int{0, other.ref.pid, other.ref.pgid, other.ref.sid, int(a.a) % 2, 1}[int(a.c)%6]
		w.options = w.options &^ (netbsd.WEXITED | netbsd.WTRAPPED) // chosen freely
		if a.b&16 != 0 {
			w.options |= netbsd.WEXITED
		}
		if a.a&1 != 0 {
			w.options |= netbsd.WTRAPPED
		}
		if a.a&2 != 0 {
			w.options |= netbsd.WNOWAIT
		}
	}
	options := w.options
	if a.op != opWaitBlock || d.ref.traced {
		options |= netbsd.WNOHANG
	}
	w.options = options
	w.efault = a.a&12 == 12
	d.ref.wait = w
	mo.do(d, "", func(l *LWP) reply {
		var rep reply
		out := &WaitOut{
			Status: func(s netbsd.WaitStatus) netbsd.Errno {
				rep.status = s
				if w.efault {
					return netbsd.EFAULT
				}
				return 0
			},
			Rusage:  func(u *netbsd.Rusage) netbsd.Errno { rep.used = u.Utime; return 0 },
			Wrusage: func(u, c *netbsd.Rusage) netbsd.Errno { rep.used, rep.kids = u.Utime, c.Utime; return 0 },
			Info:    func(i *netbsd.Siginfo) netbsd.Errno { rep.info = i; return 0 },
		}
		if six {
			rep.pid, rep.errno = l.Wait6(w.idtype, w.id, options, out)
		} else {
			rep.pid, rep.errno = l.Wait4(pid, options&^(netbsd.WEXITED|netbsd.WTRAPPED), out)
		}
		return rep
	})
	mo.log[len(mo.log)-1] += fmt.Sprintf(" idtype %d id %d options %#x", w.idtype, w.id, options)
}

// quiet waits until nothing moves and compares.
func (mo *model) quiet() {
	synctest.Wait()
	if mo.ref.ambiguous() {
		mo.over = true
		return
	}
	mo.ref.exits, mo.ref.hangups = 0, 0
	for _, d := range mo.ds {
		mo.traceSignal(d)
	}
	for changed := true; changed && mo.err == nil; {
		changed = mo.collectAll((*model).early) || mo.collectAll(nil)
		synctest.Wait()
		for _, d := range mo.ds {
			mo.traceSignal(d)
		}
	}
	for _, d := range mo.ds {
		mo.compareHandlers(d)
		mo.compare(d)
		d.ref.fresh, d.ref.back, d.ref.passed, d.ref.told, d.ref.puts = false, false, false, false, 0
	}
	clear(mo.ref.must)
	if errs := mo.m.Check(); len(errs) > 0 {
		mo.fail("Check: %v", errs)
	}
}

// collectAll takes the answers that are there, but for those that are to be left, and
// reports whether there was one.
func (mo *model) collectAll(leave func(*model, *driver) bool) (any bool) {
	for _, d := range mo.ds {
		if (leave == nil || !leave(mo, d)) && mo.collect(d) {
			any = true
		}
	}
	return any
}

// early reports whether d's answer is a wait's that only another answer can explain: what
// a debugger has collected is its parent's then, and may stop the parent.
func (mo *model) early(d *driver) bool {
	d.mu.Lock()
	got := d.got
	d.mu.Unlock()
	if got == nil || d.ref.wait == nil {
		return false
	}
	found, any := mo.ref.look(d.ref, d.ref.wait)
	if got.pid == 0 {
		return any && got.errno == netbsd.ECHILD
	}
	return !slices.ContainsFunc(found, func(c *refProc) bool {
		status, _ := mo.ref.reports(c, d.ref.wait)
		return c.pid == got.pid && status == got.status
	})
}

// traceSignal learns which of several pending signals a tracee stopped for.
func (mo *model) traceSignal(d *driver) {
	if !d.ref.needSig || d.ref.state != refStopped {
		d.ref.needSig = false
		return
	}
	d.ref.needSig = false
	mo.m.lock()
	sig := d.p.xsig
	mo.m.unlock()
	if !(d.ref.pend &^ d.ref.mask).Has(sig) {
		mo.fail("%v stopped for %v", d.ref, sig)
	}
	d.ref.stopSig = sig
	d.ref.pend &^= sig.Bit()
}

// collect takes d's answer, if there is one that was not there before.
func (mo *model) collect(d *driver) bool {
	d.mu.Lock()
	got, busy, expect := d.got, d.busy, d.expect
	d.mu.Unlock()
	if !busy {
		return false
	}
	p := d.ref
	if got == nil {
		if p.state != refRun || p.vforking != nil {
			return false
		}
		if p.wait != nil {
			mo.stillWaiting(d)
			return false
		}
		mo.fail("%v does not answer, expected %q", p, expect)
		return false
	}
	d.mu.Lock()
	d.busy, d.got = false, nil
	d.mu.Unlock()
	if p.wait != nil {
		w := p.wait
		p.wait = nil
		mo.waited(d, w, got)
	} else if got.text != expect {
		mo.fail("%v answers %q, expected %q", p, got.text, expect)
	}
	return true
}

// stillWaiting: a wait that sleeps must have nothing new to find.
func (mo *model) stillWaiting(d *driver) {
	if w := d.ref.wait; w.intr != 0 && !w.maybe {
		mo.fail("%v sleeps in wait %+v, which a handler has interrupted", d.ref, *w)
	}
	found, any := mo.ref.look(d.ref, d.ref.wait)
	for _, c := range found {
		if c.fresh {
			mo.fail("%v sleeps in wait %+v and %v has news", d.ref, *d.ref.wait, c)
		}
	}
	if d.ref.wait.options&netbsd.WNOHANG != 0 {
		mo.fail("%v sleeps in a wait with WNOHANG", d.ref)
	}
	if !any && mo.ref.must[d.ref] {
		mo.fail("%v sleeps in a wait without children", d.ref)
	}
}

// waited judges what a wait says. Where several children had news in one step any of
// them will do; otherwise it must be the first of the list.
func (mo *model) waited(d *driver, w *refWait, got *reply) {
	found, any := mo.ref.look(d.ref, w)
	switch {
	case w.options&(netbsd.WUNTRACED|netbsd.WCONTINUED|netbsd.WEXITED|netbsd.WTRAPPED) == 0:
		if got.errno != netbsd.EINVAL {
			mo.fail("%v: wait %+v without a selector: %v", d.ref, *w, got.errno)
		}
		return
	case w.intr != 0 && got.errno == w.intr && got.pid == 0:
		return
	case w.intr != 0 && !w.maybe:
		mo.fail("%v: wait %+v, which a handler has interrupted, says %d, %v", d.ref, *w, got.pid, got.errno)
		return
	case got.errno == netbsd.ECHILD:
		if any && !mo.ref.onlyBack(d.ref, w) {
			mo.fail("%v: wait %+v says ECHILD", d.ref, *w)
		}
		return
	case got.errno != 0 && !(w.efault && got.errno == netbsd.EFAULT):
		mo.fail("%v: wait %+v says %v", d.ref, *w, got.errno)
		return
	case got.pid != 0 && w.efault && got.errno == 0:
		mo.fail("%v: wait %+v has written a status", d.ref, *w)
		return
	case got.pid == 0:
		if w.options&netbsd.WNOHANG == 0 || len(found) > 0 || !any {
			mo.fail("%v: wait %+v says 0, found %v, any %t", d.ref, *w, found, any)
		}
		return
	}
	if got.status == netbsd.ContinuedStatus && mo.ref.hadPassed(got.pid, w) {
		return
	}
	fresh := 0
	for _, c := range found {
		if c.fresh {
			fresh++
		}
	}
	for i, c := range found {
		if c.pid != got.pid {
			continue
		}
		status, _ := mo.ref.reports(c, w)
		if i > 0 && fresh < 2 {
			mo.fail("%v: wait %+v reports %v, expected %v", d.ref, *w, c, found[0])
		}
		if status != got.status {
			mo.fail("%v: wait %+v reports %v with %#x, expected %#x", d.ref, *w, c, int(got.status), int(status))
		}
		if w.efault {
			if c.state == refZombie && mo.ref.r2003 {
				return // it stays (item 75)
			}
		} else {
			mo.details(d, c, w, got)
		}
		mo.ref.take(c, w.options)
		return
	}
	mo.fail("%v: wait %+v reports pid %d, expected one of %v", d.ref, *w, got.pid, found)
}

// details judges what a wait tells of a child besides its pid and status.
func (mo *model) details(d *driver, c *refProc, w *refWait, got *reply) {
	if want := mo.ref.usage(c, w); got.used != want {
		mo.fail("%v: wait %+v says that %v has used %v, expected %v", d.ref, *w, c, got.used, want)
	}
	if got.info == nil {
		return
	}
	if want := mo.ref.kidsUsage(c, w); got.kids != want {
		mo.fail("%v: wait %+v says that children of %v have used %v, expected %v", d.ref, *w, c, got.kids, want)
	}
	if want := mo.ref.siginfo(c); *got.info != want {
		mo.fail("%v: wait %+v tells of %v %+v, expected %+v", d.ref, *w, c, *got.info, want)
	}
}

// compareHandlers judges which handlers have run. Of a signal that was sent several times they may
// have run once: ordinary signals do not queue.
func (mo *model) compareHandlers(d *driver) {
	p := d.ref
	d.hmu.Lock()
	defer d.hmu.Unlock()
	for _, s := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGTERM, netbsd.SIGCHLD} {
		if n, due := d.handled[s], p.due[s]; p.alive() && (n > due || n < min(due, 1)) {
			mo.fail("%v: the handler of %v has run %d times, expected %d", p, s, n, due)
		}
	}
	want := p.info // which stays as it is: the handler may not have run yet
	if want.Status == anySignal {
		want.Status, want.Code = d.info.Status, netbsd.CLD_STOPPED
		if d.info.Status == int32(netbsd.SIGCONT) {
			want.Code = netbsd.CLD_CONTINUED
		}
	}
	if p.alive() && p.due[netbsd.SIGCHLD] == 1 && !p.vague && d.info != want {
		mo.fail("%v: SIGCHLD says %+v, expected %+v", p, d.info, want)
	}
	clear(d.handled)
	clear(p.due)
}

// compare looks at all that can be seen of a process.
func (mo *model) compare(d *driver) {
	p, k := d.ref, d.p
	if mo.err != nil || k == nil {
		return
	}
	state := map[refState]ProcState{refRun: StateActive, refStopped: StateActive, refZombie: StateZombie, refGone: StateFree}[p.state]
	if k.State() != state || k.Stopped() != (p.state == refStopped) {
		mo.fail("%v is %v, stopped %t", p, k.State(), k.Stopped())
		return
	}
	if p.state == refGone {
		return
	}
	if p.state != refZombie {
		mo.m.lock()
		pend, mask, uid := k.pend.set, d.l.mask, k.cred.EUID
		for l := k.lwps; l != nil; l = l.next {
			pend |= l.pend.set
		}
		mo.m.unlock()
		if mask != p.mask || uid != p.uid {
			mo.fail("%v has mask %#x and user %d, expected %#x and %d", p, uint64(mask), uid, uint64(p.mask), p.uid)
			return
		}
		if p.traced && p.state == refStopped && p.puts > 1 {
			// It has stopped for the first SIGCHLD before the second came, or for both.
			p.pend = p.pend&^netbsd.SIGCHLD.Bit() | pend&netbsd.SIGCHLD.Bit()
		}
		if pend != p.pend {
			mo.fail("%v has pending %#x", p, uint64(pend))
			return
		}
		if n := int(d.chld.Load()); n != p.chld {
			mo.fail("%v was sent SIGCHLD %d times, expected %d", p, n, p.chld)
			return
		}
	}
	var kids []int
	for _, c := range p.kids {
		kids = append(kids, c.pid)
	}
	lwps := 1 + p.lwps + p.zlwps
	if p.state == refZombie {
		lwps = k.NumLWPs()
	}
	want := fmt.Sprint(p.pgid, p.sid, p.traced, kids, lwps, mo.ref.ppid(p), p.parent.pid)
	got := fmt.Sprint(k.Pgid(), k.Sid(), k.Traced(), k.Children(), k.NumLWPs(), k.Ppid(), k.Parent().Pid())
	if want != got {
		mo.fail("%v: pgid, sid, traced, children, LWPs, ppid, parent: got %s, want %s", p, got, want)
	}
}
