package platform

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// This file lends open files to a guest's host process. The stub reads and writes them there,
// in the guest's thread, between the guest's memory and the host's file, where a call of the
// kernel's would take a hand-over and copy each byte twice.
//
//	LendFile     the host process gets the descriptor (supervise.go)
//	PublishFile  the stub may use it: a word in the window's table, which all threads share
//	UnlendFile   it may not any more. Any goroutine says so, at once and without waiting
//	ReturnFiles  the descriptor is closed there, by a thread that is stopped, before it goes on
//
// A thread may sleep in the stub in a call of a pipe or a socket, and is woken there by the
// other side, without the kernel. A kick makes an ordinary trap of the call (leaveWait), and the
// kernel goes on with it as if it had begun there: so signals, stops, and a close of
// the descriptor end it as they end the kernel's own sleeps. UnlendFile kicks who sleeps; who
// is about to finds the file no longer lent (SetFile).
//
// A descriptor that a host process has is one that any guest code in it can use, by a jump into
// the stub, whatever the table says. So only a file that the guest has open for itself may be
// lent, with the rights that it has; and that one is back is the host's word and not the
// guest's, whose thread closes it: the host is asked for what the descriptor is there, and
// a guest that has kept it is killed.

// LentFiles is how many of its descriptors a guest can be lent, the lowest ones.
const LentFiles = stub.LentFiles

// Rights of a lent file, as stub has them. They tell the stub what to try; what the host lets it do goes by the descriptor, so
// a guest that changes them in its table gains nothing.
const (
	MayRead  = stub.MayRead
	MayWrite = stub.MayWrite
	Waits    = stub.Waits // a pipe or a socket
	Events   = stub.Events
	Stream   = stub.Stream
)

// lentFiles is what a host process has of its guest's open files.
type lentFiles struct {
	// held is what the host process may have, guarded by Process.fdPassing.
	held fileSet

	// due is what of held is to be closed, and isDue whether that is anything, for those on
	// the hot path.
	isDue atomic.Bool
	mu    sync.Mutex // guards due; held for no longer than that takes
	due   fileSet

	// waits is cleared when the file is unlent, hasEnds never.
	waits   fileSet     // those that threads may sleep in; guarded by Process.mu
	hasEnds atomic.Bool // there has been one
}

// fileSet is a set of guests' descriptors below LentFiles. It has no lock of its own.
type fileSet [(stub.LentFiles + 63) / 64]uint64

func (s *fileSet) add(n int)      { s[n/64] |= 1 << (n % 64) }
func (s *fileSet) remove(n int)   { s[n/64] &^= 1 << (n % 64) }
func (s *fileSet) has(n int) bool { return s[n/64]>>(n%64)&1 != 0 }

// list returns what is in both sets.
func (s *fileSet) list(in *fileSet) (list []int) {
	for i, word := range s {
		for word &= in[i]; word != 0; word &= word - 1 {
			list = append(list, 64*i+bits.TrailingZeros64(word))
		}
	}
	return list
}

// mayLendFiles reports whether guests can be lent files: the stub answers at all; the host tells
// what descriptors a guest has; and no limit of toaster's own on the size of files would kill
// the host process that goes beyond it. Preconditions: the zygote runs.
func (p *Platform) mayLendFiles() bool {
	var r unix.Rlimit
	if p.opts.NoLend || p.opts.TrapAll || !p.canRewrite ||
		unix.Getrlimit(unix.RLIMIT_FSIZE, &r) != nil || r.Cur != unix.RLIM_INFINITY {
		return false
	}
	return p.zygote.fileBack(0)
}

// LendsFiles reports whether guests of the platform can be lent files.
func (p *Platform) LendsFiles() bool { return p.lendsFiles }

// fileBack asks the host whether q has no descriptor for n. It tells by the first thread of q, which stays (leads). Nothing but EBADF says so: where
// the host does not answer the file counts as one that is still there, and the guest is killed rather than believed.
func (q *Process) fileBack(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped {
		return true
	}
	fd, err := unix.PidfdGetfd(q.pidfd, stub.LentFD+n, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err == unix.EBADF
}

// LendFile passes the host process toaster's descriptor fd, as the guest's descriptor n, below
// LentFiles, and has publish say so. The guest can use it at once, whatever it is told; so it
// must be of a file that the guest has open, to read and write in the ways in which fd is open, and
// of no other use to it. still says whether that is so: no other file is lent between still
// and publish, whose false takes this one back. Neither may wait. The caller owns t.
func (t *Thread) LendFile(n, fd int, still, publish func() bool) {
	q := t.proc
	if !t.enterWithFrame() {
		return
	}
	defer t.leave()
	q.fdPassing.Lock()
	defer q.fdPassing.Unlock()
	t.returnFiles() // what was lent as n before is not to be closed later
	if !still() {
		return
	}
	q.files.held.add(n) // before it is there: from here on returnFiles looks for it, whatever becomes of the passing
	err := errInterrupted
	for err == errInterrupted {
		err = t.askForFile(fd, stub.LentFD+n, []stub.Command{{Nr: stub.AskFile}})
	}
	if err != nil || !publish() {
		q.UnlendFile(n)
	}
}

// owe notes that n is to be closed. Who unlends may hold locks, so it has a lock of its own, which nobody holds while a guest is
// waited for, as fdPassing is.
func (f *lentFiles) owe(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.due.add(n)
	f.isDue.Store(true)
}

// PublishFile lets the stub use what LendFile lends. It does not wait.
func (q *Process) PublishFile(n int, rights uint32) { q.setFile(n, rights) }

// UnlendFile lets the stub use it no longer: from here on calls of the guest's are the kernel's,
// but for one that is under way, which a kick ends if it may wait. ReturnFiles has the rest to
// do. It does not wait.
func (q *Process) UnlendFile(n int) {
	waits := q.setFile(n, 0)
	q.files.owe(n)
	if waits {
		for _, t := range q.sleepers() {
			t.Kick()
		}
	}
}

// PublishEvent says what an event of the kqueue that is lent is to look like.
func (q *Process) PublishEvent(n int, filter, flags uint32, udata uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.win != nil && !q.reaped && n < stub.EventFiles {
		stub.SetEvent(q.win.mem, n, filter != 0, flags, udata)
	}
}

// setFile writes the table, unless the window is another process's already, and reports whether
// threads may have slept in what n was.
func (q *Process) setFile(n int, rights uint32) (waits bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.win == nil || q.reaped {
		return false
	}
	waits = q.files.waits.has(n)
	q.files.waits.remove(n)
	if rights&Waits != 0 {
		q.files.waits.add(n)
		q.files.hasEnds.Store(true)
	}
	stub.SetFile(q.win.mem, n, rights)
	return waits
}

// HoldsEnds reports whether the host process may have pipes and sockets that it was lent: what others hear of their
// end when it has ended itself.
func (q *Process) HoldsEnds() bool {
	if !q.files.hasEnds.Load() {
		return false
	}
	q.fdPassing.Lock()
	defer q.fdPassing.Unlock()
	return q.files.held != fileSet{}
}

// sleepers are the threads that sleep in the stub, or are about to.
func (q *Process) sleepers() (list []*Thread) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.win == nil || q.reaped {
		return nil
	}
	for t := range q.threads {
		if t.Asleep() {
			list = append(list, t)
		}
	}
	return list
}

// Asleep reports whether t's guest sleeps in the stub. Any goroutine may call it; as the guest's
// word it is good for what others are shown, and for who is woken.
func (t *Thread) Asleep() bool { return t.state.Load() == threadRunning && t.slot.Napping() }

// RecallFiles has each thread of the process come into the kernel, where ReturnFiles is due.
func (q *Process) RecallFiles() {
	for _, t := range q.threadList() {
		t.Kick()
	}
}

func (q *Process) threadList() (list []*Thread) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for t := range q.threads {
		list = append(list, t)
	}
	return list
}

// FilesDue reports whether ReturnFiles has something to do. It is on the way of each return to
// user mode.
func (t *Thread) FilesDue() bool { return t.proc.files.isDue.Load() }

// ReturnFiles has t close what UnlendFile has been told of. When it returns the host process
// has none of it, or has been killed. The caller owns t. It waits for a sibling that is being lent a file or closes some, and
// so for no longer than the watchdog lets that take.
func (t *Thread) ReturnFiles() {
	if !t.enter() {
		return
	}
	defer t.leave()
	t.proc.fdPassing.Lock()
	defer t.proc.fdPassing.Unlock()
	t.returnFiles()
}

// returnFiles is ReturnFiles. Preconditions: t is entered, and fdPassing held.
func (t *Thread) returnFiles() {
	f := &t.proc.files
	f.mu.Lock()
	due := f.due
	f.due = fileSet{}
	f.isDue.Store(false)
	f.mu.Unlock()
	list := due.list(&f.held)
	t.closeFiles(list)
	for _, n := range list {
		if !t.proc.fileBack(n) && !t.proc.ended.Load() {
			t.killHostile()
		}
		f.held.remove(n)
	}
}

// closeFiles has t close files. What comes of it the host is asked: the results in the slot, and the commands themselves, can be
// changed by t's siblings.
func (t *Thread) closeFiles(list []int) {
	for len(list) > 0 {
		part := list[:min(len(list), stub.MaxCommands)]
		list = list[len(part):]
		var commands [stub.MaxCommands]stub.Command
		for i, n := range part {
			commands[i] = stub.Command{Nr: unix.SYS_CLOSE, Args: [6]uint64{stub.LentFD + uint64(n)}}
		}
		t.inject(commands[:len(part)]...)
	}
}

// leaveTransfer is for a signal that met the guest in a call of a lent file; rax is what it found
// in that register. If the host has moved something the call is done; if not it comes again. A
// fault behind what was read, where the file goes on, is the end of the guest's memory.
func (t *Thread) leaveTransfer(at stub.Region, signo int, rax uint64) {
	switch at {
	case stub.Transferred:
		if int64(rax) >= 0 {
			t.regs.Finish(rax)
		}
	case stub.Moved:
		if signo == int(unix.SIGSEGV) || signo == int(unix.SIGBUS) {
			t.regs.Fail(stub.GuestEFAULT)
			return
		}
		fallthrough
	case stub.Answered:
		t.regs.Finish(t.slot.Answer())
	}
}

// takePart returns what the stub says of the transfer that t's guest has come with.
func (t *Thread) takePart() stub.Part {
	part := t.slot.Part(t.regs.RDX)
	if part != (stub.Part{}) {
		t.slot.ForgetPart()
	}
	return part
}

// takeEvents has t keep of which descriptors its guest has taken events, n of them, for the kernel. It reports whether
// that is any.
func (t *Thread) takeEvents(n uint64) bool {
	if n == 0 {
		return false
	}
	t.slot.ForgetPart()
	t.events, t.eventCount = t.slot.EventKeys(n)
	return true
}

// takeWaited returns how long t's guest has waited in the kevent(2) that it has come with, as far as it says.
func (t *Thread) takeWaited() time.Duration {
	since := t.slot.Since()
	if since == 0 {
		return 0
	}
	t.slot.ForgetSince()
	return max(Monotonic()-since, 0)
}

// LentEvents returns of which descriptors the guest has taken events with the call that it has come with, if its trap
// says that there are some (Trap.Events).
func (t *Thread) LentEvents() []uint32 { return t.events[:t.eventCount] }

// leaveEvents is for a signal that met the guest in a kevent(2) of a lent kqueue: what it has taken and not told is the
// kernel's, which goes on with the time that is left. It returns false if the guest was not there, and the call comes again.
func (t *Thread) leaveEvents(at stub.Region, rax uint64) (Trap, bool) {
	r := &t.regs
	taken, waited := false, t.takeWaited()
	switch at {
	case stub.Asking:
	case stub.Took:
		taken = int64(rax) > 0 && t.takeEvents(rax)
	case stub.Telling:
		taken = t.takeEvents(t.slot.EventsTaken())
	case stub.Told, stub.Answered:
		r.Finish(t.slot.Answer())
		return t.kickTrap(), true
	default:
		if taken = t.takeEvents(t.slot.EventsTaken()); !taken {
			return Trap{}, false
		}
	}
	t.kicked.Store(false) // this is a way into the kernel as good as any
	r.RIP, r.R11 = r.RCX, r.RFLAGS
	return Trap{Kind: Syscall, Events: taken, Waited: waited}, true
}

// leaveWait is for a signal that met the guest in a call of a lent pipe or socket; rax is what it
// found in that register. A transfer that is over is done. Any other one is the kernel's from here
// on, as a trap, which the guest's next instruction is behind; so is a read up to where the guest's memory faults. It
// returns false if the guest was not there.
func (t *Thread) leaveWait(at stub.Region, signo int, rax uint64) (Trap, bool) {
	r := &t.regs
	var part stub.Part
	over := false
	switch at {
	case stub.Waiting:
	case stub.Waited:
		part, over = stub.PartOf(rax, r.RDX), int64(rax) >= 0
	case stub.WaitNoted:
		part, over = stub.PartOf(t.slot.Answer(), r.RDX), signo != int(unix.SIGSEGV) && signo != int(unix.SIGBUS)
	default:
		if part = t.takePart(); part == (stub.Part{}) {
			return Trap{}, false
		}
	}
	if read := r.RAX == stub.CallRead; over && (read || part.Moved == r.RDX) {
		r.Finish(part.Moved)
		trap := t.kickTrap()
		if read && trap.Kind != 0 {
			trap.Part = part.Moved
		}
		return trap, true
	}
	t.kicked.Store(false) // this is a way into the kernel as good as any
	r.RIP, r.R11 = r.RCX, r.RFLAGS
	return Trap{Kind: Syscall, Part: part.Moved, Refused: part.Refused}, true
}
