package platform

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
)

// A Nursery keeps copies of a stopped process, its template, ready: a fork takes longer than
// all else that a new program needs, and here it is done before anybody asks. The platform's
// own nursery has copies of the zygote, which are pristine; whoever executes programs makes
// one for each program that is executed a second time, with a template that has it mapped.
//
// A goroutine of the nursery's fills the pool in the background (keepWarm) whenever a copy has
// been taken. No copy has run guest code, and neither has the template, so their clones need
// no question to the supervisor.
type Nursery struct {
	p         *Platform
	pool      chan *Thread  // the copies, each by its only running thread; keepWarm alone sends
	refill    chan struct{} // holds one wish to fill the pool
	done      chan struct{} // closed by Close
	closeOnce sync.Once     // closes done

	parkedWanted atomic.Int32 // that are to be parked in each copy

	// forkMu is held while the template forks: a thread has one owner at a time. Close does not take it: it kills the
	// template's process, and a fork that is under way then fails.
	forkMu   sync.Mutex
	template *Thread
}

// NewNursery makes a nursery of so many copies of t's process. Preconditions: t is stopped, it
// is the only thread of its process, and no guest code has run there. Both belong to the
// nursery from now on, even if it fails, as it does where nothing is to be kept ready.
//
// ErrGone: the platform is closed. EAGAIN: it has released what was kept ready, for want of room (dropReady), and keeps nothing since.
func (p *Platform) NewNursery(t *Thread, copies int) (*Nursery, error) {
	n, err := p.newNursery(t, copies)
	if err != nil {
		t.proc.Release()
		return nil, err
	}
	n.wantRefill()
	return n, nil
}

func (p *Platform) newNursery(t *Thread, copies int) (*Nursery, error) {
	n := &Nursery{
		p: p, template: t, pool: make(chan *Thread, copies),
		refill: make(chan struct{}, 1), done: make(chan struct{}),
	}
	// Platform.Close sets closed with mu held, before it closes the nurseries and waits for the workers: so either it
	// finds this one, and waits for its goroutine, or there is neither.
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrGone
	}
	// The platform's own nursery is made in any case: every process is a copy of its template.
	if p.lean.Load() && p.pristine.pool != nil {
		return nil, syscall.EAGAIN
	}
	p.nurseries[n] = struct{}{}
	if copies > 0 {
		p.workers.Add(1)
		go n.keepWarm()
	}
	return n, nil
}

// Take returns a copy that is ready, which is the caller's from then on; ok is false if there
// is none just now: it never waits for one. Copies that somebody has killed meanwhile are passed by. Nobody asks the host
// for room any more, as the copy was admitted when it was made (Fork).
func (n *Nursery) Take() (q *Process, t *Thread, ok bool) {
	for {
		select {
		case t := <-n.pool:
			n.wantRefill()
			if !t.proc.ended.Load() {
				return t.proc, t, true
			}
			t.proc.Release()
		default:
			n.wantRefill()
			return nil, nil, false
		}
	}
}

// Close ends the template's host process and the copies that nobody has taken. Copies that
// were taken live on. keepWarm may be about to add one: it looks at done afterwards, and drains again.
func (n *Nursery) Close() {
	n.closeOnce.Do(func() {
		close(n.done)
		n.p.mu.Lock()
		delete(n.p.nurseries, n)
		n.p.mu.Unlock()
		n.template.proc.Release()
		n.drain()
	})
}

// drain releases the copies at hand, and reports whether there were any.
func (n *Nursery) drain() (any bool) {
	for {
		select {
		case t := <-n.pool:
			t.proc.Release()
			any = true
		default:
			return any
		}
	}
}

// Expect says how many LWPs a copy has created: so many threads are parked in those that are
// yet to be made, or more if an earlier one needed them.
func (n *Nursery) Expect(lwps int) {
	want := int32(min(lwps, maxParked))
	for have := n.parkedWanted.Load(); have < want && !n.parkedWanted.CompareAndSwap(have, want); {
		have = n.parkedWanted.Load()
	}
}

// ExpectAs has n expect what o does, in whose place it comes.
func (n *Nursery) ExpectAs(o *Nursery) { n.Expect(int(o.parkedWanted.Load())) }

// makeCopy makes a copy with its parked threads. It counts as a guest's process does: what is
// kept ready must not take the host's last room, so there is no copy where that is scarce.
func (n *Nursery) makeCopy() (*Thread, error) {
	t, err := n.Fork()
	if err == nil {
		t.Prepare(int(n.parkedWanted.Load())) // without them it takes a little longer
	}
	return t, err
}

// Fork returns a copy that is made now, without parked threads, which is the caller's; as Take's it has not run
// guest code. It fails where nothing is to be kept ready, too. Unlike Thread.Fork it releases nothing to make room, and
// the embedder hears of no refusal, as no guest is refused anything: whoever asks goes on without the copy.
func (n *Nursery) Fork() (*Thread, error) {
	if n.p.Lean() {
		return nil, syscall.EAGAIN
	}
	if r := n.p.roomForProcess(); r != nil {
		return nil, r
	}
	return n.fork()
}

// fork copies the template. It may be called while keepWarm does: they take turns. ErrGone: the nursery is closed, or
// the template has died. Preconditions: the host has been asked for room.
func (n *Nursery) fork() (*Thread, error) {
	n.forkMu.Lock()
	defer n.forkMu.Unlock()
	if !n.template.enterWithFrame() {
		return nil, ErrGone
	}
	defer n.template.leave()
	return n.template.fork()
}

// wantRefill never waits: a wish that is there already stands for all, as keepWarm fills the whole pool for it.
func (n *Nursery) wantRefill() {
	select {
	case n.refill <- struct{}{}:
	default:
	}
}

// keepWarm fills the pool in the background.
func (n *Nursery) keepWarm() {
	defer n.p.workers.Done()
	for {
		select {
		case <-n.refill:
		case <-n.done:
			return
		}
		for len(n.pool) < cap(n.pool) {
			t, err := n.makeCopy()
			if err != nil {
				break // whoever needs one will meet the error and report it
			}
			// It does not wait: there was room, and everybody else only takes.
			n.pool <- t
			if isClosed(n.done) { // Close may have looked before
				n.drain()
				return
			}
		}
	}
}

// NewProcess returns a pristine address space, from the pool if one is ready,
// with its one thread stopped and all registers zero.
//
// The pool is filled from the second one on: most programs never execute another one,
// and their first moments are when copying would be most in their way.
func (p *Platform) NewProcess() (*Process, *Thread, error) {
	select {
	case <-p.done:
		return nil, nil, ErrGone
	default:
	}
	if p.usedOnce.Swap(true) {
		if q, t, ok := p.pristine.Take(); ok {
			return q, t, nil
		}
	}
	var t *Thread
	// fork, and not Fork: a guest needs it now, and that nothing is to be kept ready is no reason to refuse it.
	err := p.admitProcess()
	if err == nil {
		if t, err = p.pristine.fork(); err != nil {
			p.reportRefusal(err)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("host: new process: %w", err)
	}
	return t.proc, t, nil
}
