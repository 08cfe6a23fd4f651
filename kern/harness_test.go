package kern

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// This file has what the tests of doc/lifecycle.md share. A test runs on a world: one
// machine in a synctest bubble, with a record of every step that exit takes and of
// every mark that the test's guests and hooks leave. Time is virtual; a wakeup that
// is lost is a deadlock that synctest reports.

type world struct {
	*testing.T
	m     *Machine
	r2003 bool
	start time.Time
	ended error // what Close must return (ErrInitDied), nil mostly

	mu    sync.Mutex
	marks []mark
	names map[int]string
}

// mark is a step (pid above 0) or a note.
type mark struct {
	pid, lid int
	what     string
	at       time.Duration
}

// both runs f under each release; the subtests are named release=2003, release=10 and release=11.
func both(t *testing.T, f func(w *world)) {
	t.Helper()
	bothWith(t, nil, f)
}

// bothWith is both with a change to the configuration.
func bothWith(t *testing.T, conf func(w *world, c *Config), f func(w *world)) {
	t.Helper()
	for _, r := range releases {
		t.Run("release="+r.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { inWorld(t, r, conf, f) })
		})
	}
}

func inWorld(t *testing.T, r Release, conf func(w *world, c *Config), f func(w *world)) {
	w := &world{T: t, r2003: r == Release2003, start: time.Now(), names: map[int]string{1: "init"}}
	c := Config{Release: r, Trace: w.trace}
	if conf != nil {
		conf(w, &c)
	}
	w.m = New(c)
	synctest.Wait()
	f(w)
	synctest.Wait()
	check(t, w.m)
	err := w.m.Close()
	if w.ended == nil && err != nil {
		t.Error(err)
	}
	check(t, w.m)
}

func (w *world) trace(e StepEvent) {
	w.add(mark{pid: e.Proc.Pid(), lid: e.LID, what: e.Step.String()})
}

func (w *world) add(k mark) {
	k.at = time.Since(w.start)
	w.mu.Lock()
	w.marks = append(w.marks, k)
	w.mu.Unlock()
}

func (w *world) mark(format string, a ...any) { w.add(mark{what: fmt.Sprintf(format, a...)}) }

// name returns a process the name that its steps have in order.
func (w *world) name(p *Proc, name string) *Proc {
	w.mu.Lock()
	w.names[p.Pid()] = name
	w.mu.Unlock()
	return p
}

func (w *world) text(k mark) string {
	if k.pid == 0 {
		return k.what
	}
	if n := w.names[k.pid]; n != "" {
		return n + "." + k.what
	}
	return fmt.Sprintf("%d.%s", k.pid, k.what)
}

// all returns every mark as text.
func (w *world) all() (s []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.marks {
		s = append(s, w.text(k))
	}
	return s
}

// order demands that, of all marks, those named here came each once and in this
// order. A name may be given several times.
func (w *world) order(want ...string) {
	w.Helper()
	var got []string
	for _, s := range w.all() {
		if slices.Contains(want, s) {
			got = append(got, s)
		}
	}
	if !slices.Equal(got, want) {
		w.Errorf("order\n got %s\nwant %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}

// never demands that no mark has one of these names.
func (w *world) never(names ...string) {
	w.Helper()
	for _, s := range w.all() {
		if slices.Contains(names, s) {
			w.Errorf("%s happened", s)
		}
	}
}

// steps returns the steps of one process, blank-separated.
func (w *world) steps(p *Proc) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var s []string
	for _, k := range w.marks {
		if k.pid == p.Pid() {
			s = append(s, k.what)
		}
	}
	return strings.Join(s, " ")
}

// when returns the virtual time of the first such mark.
func (w *world) when(what string) time.Duration {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.marks {
		if w.text(k) == what {
			return k.at
		}
	}
	w.Errorf("%s did not happen", what)
	return -1
}

// is demands got == want.
func (w *world) is(what string, got, want any) {
	w.Helper()
	if !reflect.DeepEqual(got, want) {
		w.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// under picks by release.
func under[T any](w *world, in2003, in10 T) T {
	if w.r2003 {
		return in2003
	}
	return in10
}

// since is the virtual time that has passed.
func (w *world) since() time.Duration { return time.Since(w.start) }

// spawn starts a child of init.
func (w *world) spawn(name string, body func(*LWP)) *Proc {
	w.Helper()
	return w.spawnWith(name, SpawnArgs{Body: body})
}

func (w *world) spawnWith(name string, a SpawnArgs) *Proc {
	w.Helper()
	ready := make(chan struct{})
	body := a.Body
	if !a.Manual {
		a.Body = func(l *LWP) {
			<-ready // until it has its name
			body(l)
		}
	}
	p, errno := w.m.Spawn(a)
	if errno != 0 {
		w.Fatal(errno)
	}
	w.name(p, name)
	close(ready)
	return p
}

// guest runs body as a child of init and waits for its end.
func (w *world) guest(body func(*LWP)) *Proc {
	w.Helper()
	p := w.spawn("P", body)
	p.Wait()
	synctest.Wait()
	return p
}

// fork makes a child with a name.
func (w *world) fork(l *LWP, name string, body func(*LWP)) *Proc {
	w.Helper()
	return w.forkWith(l, name, ForkArgs{Body: body})
}

func (w *world) forkWith(l *LWP, name string, a ForkArgs) *Proc {
	w.Helper()
	a.Linked = func(c *Proc) { w.name(c, name) }
	c, errno := l.Fork(a)
	if errno != 0 {
		w.Errorf("fork %s: %v", name, errno)
	}
	return c
}

// wait waits and demands success.
func (w *world) wait(l *LWP, pid, options int) WaitResult {
	w.Helper()
	r, errno := l.Wait(pid, options)
	if errno != 0 {
		w.Errorf("wait %d, %#x: %v", pid, options, errno)
	}
	return r
}

// waitIs waits and demands pid, status and errno.
func (w *world) waitIs(l *LWP, pid, options, wantPid int, status netbsd.WaitStatus, errno netbsd.Errno) {
	w.Helper()
	r, got := l.Wait(pid, options)
	if r.Pid != wantPid || r.Status != status || got != errno {
		w.Errorf("wait %d, %#x: got %d, %#x, %v; want %d, %#x, %v", pid, options, r.Pid, int(r.Status), got, wantPid, int(status), errno)
	}
}

// catch marks the signals that l's process gets as name.SIGxxx.
func (w *world) catch(l *LWP, name string, sigs ...netbsd.Signal) {
	w.Helper()
	for _, s := range sigs {
		w.handle(l, s, func(l *LWP, si *netbsd.Siginfo) { w.mark("%s.%v", name, si.Signo) })
	}
}

// handle installs a handler with SA_RESTART; children inherit one that does nothing.
func (w *world) handle(l *LWP, s netbsd.Signal, f func(*LWP, *netbsd.Siginfo)) {
	w.Helper()
	p := l.Proc()
	if _, errno := l.Sigaction(s, &Action{Flags: netbsd.SA_RESTART, Func: func(l *LWP, si *netbsd.Siginfo) {
		if l.Proc() == p {
			f(l, si)
		}
	}}); errno != 0 {
		w.Errorf("sigaction %v: %v", s, errno)
	}
}

// locked runs f with the machine's lock, to look inside.
func (w *world) locked(f func()) {
	w.m.lock()
	defer w.m.unlock()
	f()
}

// kids returns p's children by name, head first.
func (w *world) kids(p *Proc) string {
	var s []string
	for _, pid := range p.Children() {
		w.mu.Lock()
		n := w.names[pid]
		w.mu.Unlock()
		if n == "" {
			n = fmt.Sprint(pid)
		}
		s = append(s, n)
	}
	return strings.Join(s, " ")
}

// nap sleeps without being interruptible: for hooks and guests.
func nap(l *LWP, d time.Duration) {
	end := time.Now().Add(d)
	for l.Sleep(false, end) == 0 {
	}
}

// exit returns a body that exits.
func exit(status int) func(*LWP) { return func(l *LWP) { l.Exit(status) } }

// settled waits until all guests are asleep; from the test's goroutine only.
func settled() { synctest.Wait() }

type fakeFiles struct{ close func() }

func (f *fakeFiles) Fork(bool) Files { return nil }
func (f *fakeFiles) Exec()           {}
func (f *fakeFiles) Close()          { f.close() }

type fakeDirs struct{ close func() }

func (f *fakeDirs) Fork(bool) Dirs { return nil }
func (f *fakeDirs) Close()         { f.close() }

type fakeVM struct {
	exit  func(*Proc)
	wait  func(*LWP)
	free  func(*LWP)
	usage func() netbsd.Rusage
}

func (v *fakeVM) Fork(_, _ *LWP, _ bool) (AddressSpace, netbsd.Errno) { return nil, 0 }
func (v *fakeVM) Exit(p *Proc, _ *LWP) {
	if v.exit != nil {
		v.exit(p)
	}
}
func (v *fakeVM) WaitLWP(l *LWP) {
	if v.wait != nil {
		v.wait(l)
	}
}
func (v *fakeVM) FreeLWP(l *LWP, _ bool) {
	if v.free != nil {
		v.free(l)
	}
}
func (v *fakeVM) Usage(*Proc, *LWP) (u netbsd.Rusage) {
	if v.usage != nil {
		return v.usage()
	}
	return u
}

type fakeDev struct {
	drain           func(*LWP) netbsd.Errno
	revoke, release func()
}

func (d *fakeDev) Drain(l *LWP) netbsd.Errno {
	if d.drain != nil {
		return d.drain(l)
	}
	return 0
}
func (d *fakeDev) Revoke() {
	if d.revoke != nil {
		d.revoke()
	}
}
func (d *fakeDev) Release() {
	if d.release != nil {
		d.release()
	}
}

type fakeRef struct{ hold, release func() }

func (r *fakeRef) Hold() {
	if r.hold != nil {
		r.hold()
	}
}
func (r *fakeRef) Release() {
	if r.release != nil {
		r.release()
	}
}

type fakePMC struct {
	n    int
	exit func()
}

func (c *fakePMC) Fork(*Proc) Counters { return nil }
func (c *fakePMC) Accumulate(o Counters) Counters {
	return &fakePMC{n: c.n + o.(*fakePMC).n, exit: c.exit}
}
func (c *fakePMC) Exit() {
	if c.exit != nil {
		c.exit()
	}
}

type knoteFunc func(NoteEvent)

func (f knoteFunc) Notify(e NoteEvent) { f(e) }

// note is a comparable Knote.
func note(f func(NoteEvent)) Knote { k := knoteFunc(f); return &k }

// give hands parts to a process that has begun to run.
func (w *world) give(p *Proc, files, dirs func(), vm *fakeVM) {
	w.locked(func() {
		if files != nil {
			p.files = &fakeFiles{files}
		}
		if dirs != nil {
			p.dirs = &fakeDirs{dirs}
		}
		if vm != nil {
			p.vm = vm
		}
	})
}
