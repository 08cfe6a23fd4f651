package platform

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// The supervisor answers what host processes ask through the filter's
// notifications. It grants exactly what was ordered from the asking thread,
// once; the kernel says which thread that is. Nothing that decides comes from
// memory that a guest can write, only from registers, which can't change while
// the thread waits for the answer.
//
// A thread that asks sleeps in the host until it is answered, and nobody but the host can make
// it ask. So the order is looked up by the thread's id, under Platform.mu, and what does not
// match it is refused, which the guest sees as EPERM. Refusing is enough: who gets there
// without an order is a guest that has jumped into the stub.
//
// It is no goroutine of its own: who gives an order supervises until it is
// carried out, as waking another thread would take longer than all the rest.
// Only what nobody waits for, an ending thread or a guest's tampering, is left
// to the reaper.

// An order is what a thread has been told to ask for. A thread has one at a time, Thread.order; the zero value grants nothing.
type order struct {
	kind   int
	file   *pendingFile // orderFile
	args   cloneArgs    // orderClone
	grants int          // how often it was granted, see maxGrants
}

const (
	orderNone  = iota
	orderFile  // file
	orderExit  // the thread's own end
	orderClone // args
)

// A pendingClone is a process or thread that was ordered and has not reported yet. What is above thread is constant. thread
// and err are written by who answers the newborn, who closes done then: the goroutine that ordered the clone reads them afterwards.
type pendingClone struct {
	fork   bool
	target uint64 // the address of its slot
	win    *window
	index  int
	proc   *Process // of a new thread
	thread *Thread  // the result
	err    error
	done   chan struct{}
}

// A pendingFile is a file that a thread was told to ask for. fd and as are constant. again is written by who answers the question, who
// closes done then: whoever gave the order reads it afterwards.
type pendingFile struct {
	fd, as int  // toaster's descriptor, and its number in the process
	again  bool // it has not arrived, and the order must be given again (errInterrupted)
	done   chan struct{}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// A notification is struct seccomp_notif, with its struct seccomp_data from nr on. pid is the id of the thread that asks. The host
// fills in a structure that is zero, and refuses any other one (EINVAL).
type notification struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

// A notifyResponse is struct seccomp_notif_resp: errno is negative, and the call goes on if flags say so (notifContinue).
type notifyResponse struct {
	id    uint64
	val   int64
	errno int32
	flags uint32
}

// A notifyAddFD is struct seccomp_notif_addfd: srcfd is toaster's descriptor, newfd the asker's, which replaces what is there.
type notifyAddFD struct {
	id         uint64
	flags      uint32
	srcfd      uint32
	newfd      uint32
	newfdFlags uint32
}

// The requests of seccomp_unotify(2), with the sizes of their structures in the second byte, and their flags. To add a descriptor and
// answer in one step (addFDSend) takes Linux 5.14.
const (
	notifRecv  = 0xc0502100
	notifSend  = 0xc0182101
	notifAddFD = 0x40182103

	notifContinue = 1
	addFDSetFD    = 1
	addFDSend     = 2
)

// filterFlags are the flags of seccomp(2). Without SPEC_ALLOW a host that switches
// speculation off for whoever has a filter (spec_store_bypass_disable=seccomp,
// spectre_v2_user=seccomp, the default before Linux 5.16) does so for guests.
//
// With WAIT_KILLABLE_RECV nothing but its end interrupts who asks, once the question is received. What a question is granted is granted
// once, and the stub asks with signals blocked; but SIGSTOP, a freezer and a debugger come through, and whom they interrupt asks again,
// without an order.
func (o *Options) filterFlags() uint64 {
	flags := uint64(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	if !o.SpeculationSafe {
		flags |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	}
	if TryWaitKillable() == nil {
		flags |= unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	}
	return flags
}

// TryWaitKillable returns why the host does not keep a stop from who asks (Linux 5.19): the host looks at the flags first (EINVAL), and
// then for a filter, of which there is none here (EFAULT).
func TryWaitKillable() error {
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	if _, _, e := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, 0); e != syscall.EFAULT {
		return e
	}
	return nil
}

// superviseTick is how many milliseconds pass before a supervisor looks whether
// what it waits for has failed. Success always comes with a question.
const superviseTick = 10

// supervise answers what begin causes to be asked, until cond holds. Several goroutines may do so at once: one has the listener, and
// answers the questions of all; for the others done is closed by whoever has carried out their order, upon which cond must hold. So
// nobody waits longer for its own guest because others wait for theirs, which may never answer. cond is called without locks, often,
// and must not wait.
func (p *Platform) supervise(done <-chan struct{}, begin func(), cond func() bool) {
	// The reaper need not wake up for what this goroutine is here for.
	if p.supervisors.Add(1) == 1 {
		p.watchListener(0)
	}
	defer func() {
		if p.supervisors.Add(-1) == 0 {
			p.watchListener(unix.EPOLLIN)
		}
	}()
	begin()
	for !cond() {
		if p.awaitListener(done) {
			p.listen(cond)
		}
	}
}

// awaitListener takes the listener, unless it is told first that there is nothing left to wait for, or it is time to look for a failure.
func (p *Platform) awaitListener(done <-chan struct{}) bool {
	select {
	case p.listening <- struct{}{}:
		return true
	default:
	}
	tick := time.NewTimer(superviseTick * time.Millisecond)
	defer tick.Stop()
	select {
	case p.listening <- struct{}{}:
		return true
	case <-done:
	case <-tick.C:
	}
	return false
}

// listen answers questions until cond holds, and leaves the listener to the next. Preconditions: the caller has it.
func (p *Platform) listen(cond func() bool) {
	defer func() { <-p.listening }()
	for !cond() {
		p.answerNext(superviseTick)
	}
}

// watchListener sets whether the reaper hears of notifications. A supervisor calls it after it is counted, or no longer: so the
// last one to go, behind whom the count is 0, has the last word, and no question stays without anybody to hear of it.
func (p *Platform) watchListener(events uint32) {
	event := unix.EpollEvent{Events: events, Fd: int32(p.listener)}
	unix.EpollCtl(p.epoll, unix.EPOLL_CTL_MOD, p.listener, &event)
}

// answerNext answers one question, if one comes within a number of milliseconds.
// Preconditions: the caller has the listener, or another one could take the question between poll and ioctl, which would then wait for the next.
func (p *Platform) answerNext(timeout int) bool {
	fds := [1]unix.PollFd{{Fd: int32(p.listener), Events: unix.POLLIN}}
	poll := pollBlock
	if timeout == 0 {
		poll = pollNow
	}
	if n, err := poll(&fds[0], timeout); err != 0 || n == 0 || fds[0].Revents&unix.POLLIN == 0 {
		return false
	}
	var n notification
	// It fails if the asker was killed meanwhile.
	if ioctl(p.listener, notifRecv, unsafe.Pointer(&n)) == nil {
		p.answer(&n)
	}
	return true
}

// answer sends a question to whom it concerns. A thread that is known may ask only for what
// known threads ask, a newborn only to be bound: a guest that calls the newborn's questions by
// a jump into the stub is known, and refused.
func (p *Platform) answer(n *notification) {
	p.mu.Lock()
	t := p.threads[n.pid]
	p.mu.Unlock()
	switch {
	case n.nr == unix.SYS_EXIT && t != nil:
		p.answerExit(n, t)
	case n.nr == unix.SYS_CLONE && t != nil:
		p.answerClone(n, t)
	case n.nr == stub.AskFile && t != nil:
		p.answerFile(n, t)
	case n.nr == stub.AskProcess && t == nil, n.nr == stub.AskThread && t == nil:
		p.answerNewborn(n)
	default:
		p.deny(n)
	}
}

// deny refuses; only a guest that tampers with the stub ever gets here.
func (p *Platform) deny(n *notification) {
	p.respond(&notifyResponse{id: n.id, errno: -int32(syscall.EPERM)})
}

// grant lets the call go on as it was made. seccomp_unotify(2) warns of that where the arguments point to memory, which can be
// another by then; those of exit and of clone here are all in registers. An error says that the asker waits no more.
func (p *Platform) grant(n *notification) error {
	return p.respond(&notifyResponse{id: n.id, flags: notifContinue})
}

// respond may find that the asker was killed in the meantime.
func (p *Platform) respond(r *notifyResponse) error {
	return ioctl(p.listener, notifSend, unsafe.Pointer(r))
}

// takeOrder withdraws t's order if it is of this kind.
func (p *Platform) takeOrder(t *Thread, kind int) (order, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := t.order
	if o.kind != kind {
		return o, false
	}
	t.order = order{}
	return o, true
}

// answerExit drops the thread before it is let go: once it is gone the host may give its id to
// another one, which must not be taken for it. A thread that does not wait for the answer any more, as a signal has come that it
// should have blocked, would live on with nobody knowing it, and could report as a newborn: its process is killed.
func (p *Platform) answerExit(n *notification, t *Thread) {
	if _, ok := p.takeOrder(t, orderExit); !ok {
		p.deny(n)
		return
	}
	t.deregister()
	if p.grant(n) != nil {
		t.proc.Kill()
	}
}

// answerFile passes the file of the order, if there is one. It is withdrawn first, so that a
// guest gets a file once, whatever it does with the turn.
func (p *Platform) answerFile(n *notification, t *Thread) {
	o, ok := p.takeOrder(t, orderFile)
	if !ok {
		p.deny(n)
		return
	}
	f := o.file
	defer close(f.done)
	f.again = p.passFD(n, &notifyAddFD{flags: addFDSetFD, srcfd: uint32(f.fd), newfd: uint32(f.as)}) == errInterrupted
}

// errInterrupted means that a signal came to toaster's thread while it handed a
// descriptor over. The kernel has then answered the asker without giving it
// anything, and the whole must be done again.
var errInterrupted = errors.New("interrupted by a signal")

// passFD answers with a descriptor.
func (p *Platform) passFD(n *notification, add *notifyAddFD) error {
	add.id = n.id
	add.flags |= addFDSend
	err := ioctl(p.listener, notifAddFD, unsafe.Pointer(add))
	switch err {
	case nil:
		return nil
	case syscall.EINPROGRESS, syscall.ENOENT:
		// What the call restarted after a signal says, as the question is
		// answered or even gone. ENOENT may also be an asker that was killed.
		return errInterrupted
	}
	p.respond(&notifyResponse{id: n.id, errno: -errnoOf(err)})
	return os.NewSyscallError("seccomp_addfd", err)
}

// answerNewborn binds a new host process or thread to the order for it. The token is
// good only from a thread that nobody knows yet: that is one which has run
// nothing but the stub's code since a clone that answerClone has granted, with
// registers that it can't change before it acts on them.
func (p *Platform) answerNewborn(n *notification) {
	p.mu.Lock()
	b := p.pendingClones[n.args[0]]
	if b == nil || b.target != n.args[1] || b.fork != (n.nr == stub.AskProcess) {
		p.mu.Unlock()
		p.collectStray(int(n.pid))
		p.deny(n)
		return
	}
	delete(p.pendingClones, n.args[0])
	p.mu.Unlock()
	defer close(b.done)
	if b.fork {
		p.bindProcess(n, b)
	} else {
		p.bindThread(n, b)
	}
}

// bindProcess makes a Process of a newborn and passes its control window. From the answer on it
// can map that, and waits for its turn. If the platform is closed, or the descriptor has not
// reached it, it is killed, and who ordered it is told so: its window is given back at once, and is not to be used.
func (p *Platform) bindProcess(n *notification, b *pendingClone) {
	q, t, err := p.register(int(n.pid), b.win, b.index)
	if err != nil {
		b.err = err
		p.collectStray(int(n.pid))
		p.deny(n)
		return
	}
	b.thread = t
	// Close sets closed first and then kills whom it finds in procs: so either it finds q, or closed is set here.
	p.mu.Lock()
	p.threads[n.pid] = t
	closed := p.closed
	p.mu.Unlock()
	b.err = p.passFD(n, &notifyAddFD{flags: addFDSetFD, srcfd: uint32(p.arena.descriptor(b.win)), newfd: stub.ControlFD})
	if closed && b.err == nil {
		b.err = ErrGone
	}
	if b.err != nil {
		q.Release()
	}
}

// bindThread makes a Thread of a newborn, which has its slot in its registers already.
func (p *Platform) bindThread(n *notification, b *pendingClone) {
	t := &Thread{proc: b.proc, tid: int(n.pid), index: b.index}
	if !p.addThread(t, n.pid) {
		b.err = ErrGone
		p.deny(n)
		return
	}
	b.thread = t
	p.respond(&notifyResponse{id: n.id})
}

// addThread makes t known, unless its process is dead: then its window, and with it the slot, may
// be another process's.
func (p *Platform) addThread(t *Thread, tid uint32) bool {
	q := t.proc
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped {
		return false
	}
	t.slot = p.arena.slot(q.win, t.index)
	q.threads[t] = struct{}{}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.threads[tid] = t
	return true
}

// errnoOf returns what to answer for an error that has come from a call of the host: its number, or EIO.
func errnoOf(err error) int32 {
	if e, ok := err.(syscall.Errno); ok {
		return int32(e)
	}
	return int32(syscall.EIO)
}
