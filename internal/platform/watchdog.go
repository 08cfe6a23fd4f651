package platform

import (
	"bytes"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/guard"
	"toaster/internal/hostlimits"

	"toaster/internal/platform/stub"
)

// A guest that means harm can make its threads deaf: blocked in the stub, asleep in the
// host or computing, with the kick's signal blocked, while it is their turn to do what
// they have been told. So whatever is expected of a thread has an end. The watchdog looks,
// a few times a second, after
//
//   - threads that have been kicked;
//   - threads that have been told to do something for the kernel (an order);
//   - threads that have been told to end or to park;
//   - processes that are to end (Doom),
//
// and at nothing else; it costs a list entry for each, and a timer while there is one.
//
// It judges a thread by what it does instead, not by the time it takes: on a busy machine
// an honest one waits for a core, for the host's disk or for the kernel as long as they want, and
// when all are stopped and go on, no time has passed. A thread is deaf that is found
// asleep, or has used processor time, several times in a row without an answer. Honest
// ones are never asleep, and compute for microseconds; but what they have the host do can
// take it long, in the kernel: that counts less.
const (
	lookEvery = 100 * time.Millisecond
	deafLooks = 4   // looks at a deaf thread
	longLooks = 100 // and at one that has used a tick or more in the host since the last: ten seconds at least
	doomLooks = 2   // looks at a process that is to end
)

// A watchdog has no goroutine. A timer runs as long as there is somebody to look after; a look
// takes the list, so that whoever is added meanwhile waits for the next one. armed stays set while a look goes on, and so no two
// of them are under way at once: what only looks use needs no lock.
type watchdog struct {
	mu    sync.Mutex
	list  []suspect
	armed bool // a timer runs, or a look goes on
}

// A suspect is what is looked after. look says whether it still is. It is called without locks,
// by one timer at a time, and may be called for a thread whose process is dead and whose slot
// is another's: it takes Process.mu before it reads a slot. To
// wake somebody else's waiter for nothing does no harm.
type suspect interface {
	look() bool
	Process() *Process // that is killed if look panics
}

// add has s looked after until its look says that it need not be. It takes mu alone, so it may be called with Process.mu held,
// as Kick does.
func (w *watchdog) add(s suspect) {
	w.mu.Lock()
	w.list = append(w.list, s)
	idle := !w.armed
	w.armed = true
	w.mu.Unlock()
	if idle {
		time.AfterFunc(lookEvery, w.look)
	}
}

// look calls each suspect once, without mu, as they kill and read /proc.
func (w *watchdog) look() {
	w.mu.Lock()
	list := w.list
	w.list = nil
	w.mu.Unlock()
	left := list[:0]
	for _, s := range list {
		if lookAt(s) {
			left = append(left, s)
		}
	}
	clear(list[len(left):])
	w.mu.Lock()
	w.list = append(left, w.list...)
	w.armed = len(w.list) > 0
	again := w.armed
	w.mu.Unlock()
	if again {
		time.AfterFunc(lookEvery, w.look)
	}
}

// lookAt reports whether s is still to be looked after. A bug in one suspect drops that one and no other. Nobody would end what waits
// for it any more, so its process is killed.
func lookAt(s suspect) (still bool) {
	bug := guard.Catch("a guest was looked after", func() { still = s.look() })
	if bug != nil {
		guard.Print(bug)
		guard.Report(guard.Catch("a guest was killed that cannot be looked after", s.Process().Kill))
	}
	return still
}

// A duty is what is expected of a thread.
type duty uint8

const (
	dutyNone  duty = iota
	dutyStop       // a kick
	dutyQuick      // an order that takes no time
	dutySlow       // an order that the host can take long for
	dutyEnd        // to end
)

// Bits of Thread.duties: what its owner has told it to do, and in front a number that each
// assignment raises, so that the watchdog does not take a new duty for the old one.
const (
	assignedQuick = 1 << iota
	assignedSlow
	assignedEnd
	assignedMask = assignedQuick | assignedSlow | assignedEnd
	assignedNext = 1 << iota
)

// assign says that the thread is being told to do something; the watchdog sees that it
// does. Its owner calls it before it passes the turn: a thread that has its turn and no duty owes nothing.
func (t *Thread) assign(kind uint32) {
	t.duties.Store(t.duties.Load()&^assignedMask + assignedNext | kind)
	t.watch()
}

// dutyFor says how long an order can take: what changes memory can take the host long.
func (t *Thread) dutyFor(op uint32) uint32 {
	if op == stub.OpFork || op == stub.OpThread || op == stub.OpCall && !t.asksUsage {
		return assignedSlow
	}
	return assignedQuick
}

// fulfil says that it has. The watchdog may say so, too, of a thread that is parked: if an owner assigns something at that very
// moment, the compare-and-swap fails and the new duty stays.
func (t *Thread) fulfil() {
	if d := t.duties.Load(); d&assignedMask != 0 {
		t.duties.CompareAndSwap(d, d&^assignedMask)
	}
}

// watch has the watchdog look after t.
func (t *Thread) watch() {
	if !t.watched.Load() && t.watched.CompareAndSwap(false, true) {
		t.proc.platform.watchdog.add(t)
	}
}

// duty returns what is expected of t, and a number that another duty does not have: as long as
// both stay, t owes the same thing as at the last look.
func (t *Thread) duty() (duty, uint32) {
	d := t.duties.Load()
	switch {
	case d&assignedEnd != 0:
		return dutyEnd, d
	case d&assignedSlow != 0:
		return dutySlow, d
	case d&assignedQuick != 0:
		return dutyQuick, d
	case t.kicked.Load() && t.state.Load() == threadRunning:
		return dutyStop, t.guestEntries.Load()
	}
	return dutyNone, 0
}

// A judgement is what the watchdog knows of a thread; it is the watchdog's.
type judgement struct {
	duty       duty
	number     uint32
	known      bool   // user and sys
	user, sys  uint64 // processor time by the last look, in ticks
	deaf, long int    // looks that have found it so
}

// look is a look at t. The first one at a duty notes it, the second one the times, so a deaf thread is killed at the sixth.
func (t *Thread) look() bool {
	if t.proc.ended.Load() {
		return false
	}
	what, number := t.duty()
	// Once watched is false, assign and Kick add t again. Whoever did either before that found it true, and has done so after
	// it set what is expected: so the second question finds that.
	if what == dutyNone {
		t.watched.Store(false)
		what, number = t.duty()
		if what == dutyNone || !t.watched.CompareAndSwap(false, true) {
			return false
		}
	}
	j := &t.judgement
	if j.duty != what || j.number != number {
		*j = judgement{duty: what, number: number}
		return true
	}
	// One that is to end is judged whatever its turn says: nobody waits for that turn, so it is nothing but the guest's word.
	if !t.isGuestsTurn() && what != dutyEnd {
		return true
	}
	if t.judge(); j.deaf >= deafLooks || j.long >= longLooks {
		t.proc.Kill()
	}
	return true
}

// isGuestsTurn says whether it is, and kicks the guest again if that is what it is about. If
// the turn is the kernel's, its waiter is late, or the guest has taken the turn from itself
// and woken nobody: so the waiter is woken. mu is held, as slot and ids may be others' once the process is reaped.
func (t *Thread) isGuestsTurn() bool {
	q := t.proc
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped || q.win == nil {
		return false
	}
	if t.slot.LoadTurn() >= stub.TurnKernel {
		futexWakeAll(t.slot.Turn())
		if t.state.Load() == threadIdle && t.duties.Load()&assignedEnd == 0 {
			t.fulfil() // it is parked
		}
		return false
	}
	if t.kicked.Load() && t.state.Load() == threadRunning {
		unix.Tgkill(q.pid, t.tid, stub.KickSignal)
	}
	return true
}

// judge finds out what the thread does instead of its duty, by the host's word on it: its state,
// and the processor time it has used since the last look, for itself and in the host. Looks that find it waiting count for
// nothing, but take nothing back either, or a guest could look busy and idle by turns; only an answer does.
func (t *Thread) judge() {
	j := &t.judgement
	state, user, sys, ok := t.hostState()
	if !ok {
		return
	}
	if !j.known {
		j.known, j.user, j.sys = true, user, sys
		return
	}
	du, ds := user-j.user, sys-j.sys
	switch {
	case state == 'S':
		if !t.waitsForHost() {
			futexWakeAll(t.slot.Turn()) // if it should sleep on that, it is awake at the next look
			j.deaf++
		}
	case du+ds == 0: // it waits for a core, or is stopped, or in the host, which waits
	case du > ds || j.duty == dutyQuick || j.duty == dutyEnd:
		j.deaf++
	default:
		j.long++
	}
	j.user, j.sys = user, sys
}

// hostState asks the host what the thread is doing, and for the processor time that it has
// used, in ticks. A thread that has ended owes nothing any more, so the id is t's.
func (t *Thread) hostState() (state byte, user, sys uint64, ok bool) {
	stat, err := hostlimits.ReadFile(t.procFile("stat"))
	if err != nil {
		return 0, 0, 0, false
	}
	f := statFields(stat)
	if len(f) < 13 {
		return 0, 0, 0, false
	}
	return f[0][0], number(f[11]), number(f[12]), true
}

// waitsForHost says whether a thread that is asleep waits for an answer of the kernel's, or for the
// host's disk. proc_pid_syscall(5) takes the right to trace, without which the platform does not start (checkReachable). futex(2)
// is not among them: there a thread sleeps that has nothing to do.
func (t *Thread) waitsForHost() bool {
	b, err := hostlimits.ReadFile(t.procFile("syscall"))
	if err != nil {
		return false
	}
	f := bytes.Fields(b)
	if len(f) < 2 { // it runs again
		return true
	}
	switch number(f[0]) {
	case unix.SYS_CLONE, unix.SYS_EXIT, stub.AskProcess, stub.AskThread, stub.AskFile, unix.SYS_MSYNC:
		return true
	}
	return false
}

func (t *Thread) procFile(name string) string {
	return "/proc/" + strconv.Itoa(t.proc.pid) + "/task/" + strconv.Itoa(t.tid) + "/" + name
}

func number(b []byte) uint64 {
	n, _ := strconv.ParseUint(string(b), 10, 64)
	return n
}

// A doom is a process that is to end by itself. Its fields are the watchdog's.
type doom struct {
	q     *Process
	due   func() (still, now bool)
	looks int
}

// Doom has the process killed if it does not end soon: as long as due says that it still
// is to end, and as soon as it says that nobody else needs it now. due is called by the watchdog, without locks, some times a
// second, and must not wait for a guest: no other suspect is looked after meanwhile.
func (q *Process) Doom(due func() (still, now bool)) {
	if !q.ended.Load() {
		q.platform.watchdog.add(&doom{q: q, due: due})
	}
}

// Process returns the process that is to end.
func (d *doom) Process() *Process { return d.q }

func (d *doom) look() bool {
	if d.q.ended.Load() {
		return false
	}
	still, now := d.due()
	if d.looks++; still && now && d.looks >= doomLooks {
		d.q.Kill()
	}
	return still
}
