// Package aio is asynchronous I/O (sys_aio.c of NetBSD): a process has a queue of jobs, and a
// worker that does one after the other. It goes with the process, and with its program.
package aio

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/kern"
	"toaster/netbsd"
)

// Memory is the process's.
type Memory interface {
	Read(addr uint64, b []byte) netbsd.Errno
	Write(addr uint64, b []byte) netbsd.Errno
}

// Op is what a job does.
type Op uint8

// Operations. List is what struct aiocb says.
const (
	List Op = iota
	Read
	Write
	Sync
)

// Machine counts the jobs of a machine's processes (aio_jobs_count), and has their bounds, which the superuser may change.
type Machine struct {
	jobs   atomic.Int32
	limits atomic.Pointer[Limits] // nil: nobody has changed them
}

// Limits are kern.aio_max and kern.aio_listio_max: jobs of the machine, and of a process or a lio_listio(2).
type Limits struct{ Max, ListMax int32 }

// Limits returns them.
func (m *Machine) Limits() Limits {
	if l := m.limits.Load(); l != nil {
		return *l
	}
	return Limits{netbsd.AIO_MAX, netbsd.AIO_LISTIO_MAX}
}

// SetLimits changes them (sysctl_aio_max, sysctl_aio_listio_max). EINVAL: none, or a list may be longer than all.
func (m *Machine) SetLimits(l Limits) netbsd.Errno {
	if l.Max < 1 || l.ListMax < 1 || l.ListMax > l.Max {
		return netbsd.EINVAL
	}
	m.limits.Store(&l)
	return 0
}

// ListMax is how many jobs a process has at once, and a lio_listio(2): no more than toaster has room for, whatever is set.
func (m *Machine) ListMax() int { return int(min(m.Limits().ListMax, netbsd.AIO_LISTIO_MAX)) }

// Queue is struct aioproc.
type Queue struct {
	machine *Machine
	p       *kern.Proc
	mem     Memory
	files   *file.Table
	worker  *file.Kthread
	ended   chan struct{} // closed when the worker has ended
	stop    atomic.Bool
	done    file.Queue // who waits for a job to be done

	mu      sync.Mutex // guards what follows
	queue   []*job
	current *job
	count   int
}

type job struct {
	cb   netbsd.Aiocb
	addr uint64 // of struct aiocb, by which it is known
	op   Op
	list *Listio
}

// Listio is struct lio_req: the jobs of a lio_listio(2) that have not been done, and what is sent
// after the last one.
type Listio struct {
	left  int // mu of the queue guards it
	event netbsd.Sigevent
}

// New makes a process's queue, and its worker. Close must be called when the process ends.
func New(m *Machine, p *kern.Proc, mem Memory, files *file.Table) *Queue {
	q := &Queue{machine: m, p: p, mem: mem, files: files, worker: file.NewKthread(), ended: make(chan struct{})}
	q.worker.Stop = q.stop.Load
	guard.Go("a process's asynchronous I/O was done", q.work)
	return q
}

// Close ends the worker, and waits for that: the memory is about to go.
func (q *Queue) Close() {
	q.stop.Store(true)
	q.worker.Wake()
	<-q.ended
	q.mu.Lock()
	defer q.mu.Unlock()
	q.machine.jobs.Add(-int32(q.count))
	q.queue, q.count = nil, 0
}

// Memory returns the memory that the jobs are about.
func (q *Queue) Memory() Memory { return q.mem }

// Full reports whether n more jobs would be too many for the machine.
func (m *Machine) Full(n int) bool {
	return int(m.jobs.Load())+n > int(min(m.Limits().Max, netbsd.AIO_MAX))
}

// valid says whether a struct sigevent is one that a job may have.
func valid(e *netbsd.Sigevent) bool {
	return e.Signo >= 0 && e.Signo < netbsd.NSIG && e.Notify >= netbsd.SIGEV_NONE && e.Notify <= netbsd.SIGEV_SA
}

// Enqueue is aio_enqueue_job: queue returns the process's queue, which is made for the first job that is one. EFAULT. EINVAL: no signal, no
// buffer, no operation, or the job is in the queue already. EAGAIN: too many jobs. LIO_NOP is no job.
func Enqueue(mem Memory, op Op, addr uint64, list *Listio, queue func() (*Queue, netbsd.Errno)) netbsd.Errno {
	b := make([]byte, netbsd.SizeofAiocb)
	if errno := mem.Read(addr, b); errno != 0 {
		return errno
	}
	j := &job{cb: netbsd.DecodeAiocb(b), addr: addr, op: op, list: list}
	if !valid(&j.cb.Event) || op != Sync && (j.cb.Buf == 0 || int64(j.cb.Nbytes) < 0) {
		return netbsd.EINVAL
	}
	if op == List {
		switch j.cb.Opcode {
		case netbsd.LIO_NOP:
			return 0
		case netbsd.LIO_READ:
			j.op = Read
		case netbsd.LIO_WRITE:
			j.op = Write
		default:
			return netbsd.EINVAL
		}
	}
	q, errno := queue()
	if errno != 0 {
		return errno
	}
	return q.enqueue(j)
}

func (q *Queue) enqueue(j *job) netbsd.Errno {
	q.mu.Lock()
	defer q.mu.Unlock()
	if slices.ContainsFunc(q.queue, func(o *job) bool { return o.addr == j.addr }) {
		return netbsd.EINVAL
	}
	j.cb.State, j.cb.Errno, j.cb.Retval = netbsd.JOB_WIP, netbsd.EINPROGRESS, -1
	if errno := q.store(j); errno != 0 {
		return errno
	}
	if q.count >= q.machine.ListMax() || q.machine.Full(1) {
		return netbsd.EAGAIN
	}
	q.queue = append(q.queue, j)
	q.count++
	q.machine.jobs.Add(1)
	if j.list != nil {
		j.list.left++
	}
	q.worker.Wake()
	return 0
}

// store writes a job's struct aiocb back.
func (q *Queue) store(j *job) netbsd.Errno {
	b := make([]byte, netbsd.SizeofAiocb)
	j.cb.Encode(b)
	return q.mem.Write(j.addr, b)
}

// work is aio_worker.
func (q *Queue) work() {
	defer close(q.ended)
	for !q.stop.Load() {
		j := q.next()
		if j == nil {
			q.worker.Sleep(false, time.Time{})
			continue
		}
		n, errno := q.do(j)
		j.cb.State, j.cb.Errno, j.cb.Retval = netbsd.JOB_DONE, errno, n
		if q.stop.Load() {
			return // whatever has come of it, nobody is left to see it
		}
		q.store(j)
		q.finish(j)
	}
}

func (q *Queue) next() *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		return nil
	}
	q.current = q.queue[0]
	q.queue = slices.Delete(q.queue, 0, 1)
	q.count--
	q.machine.jobs.Add(-1)
	return q.current
}

// finish tells of a job's end.
func (q *Queue) finish(j *job) {
	last := false
	guard.Locked(&q.mu, func() {
		q.current = nil
		last = j.list.doneLocked()
	})
	q.done.Notify(file.In)
	q.signal(&j.cb.Event)
	if last {
		q.signal(&j.list.event)
	}
}

// doneLocked counts a job less, and says whether that was the last one.
func (l *Listio) doneLocked() bool {
	if l == nil {
		return false
	}
	l.left--
	return l.left == 0
}

// signal is aio_sendsig.
func (q *Queue) signal(e *netbsd.Sigevent) {
	if e.Signo != 0 && e.Notify != netbsd.SIGEV_NONE {
		q.p.Signal(&netbsd.Siginfo{Signo: netbsd.Signal(e.Signo), Code: netbsd.SI_ASYNCIO, Value: e.Value})
	}
}

// do is aio_process: the result, -1 with an errno.
func (q *Queue) do(j *job) (int64, netbsd.Errno) {
	d, errno := q.files.Get(int(j.cb.Fildes))
	if errno != 0 {
		return -1, errno
	}
	defer d.Release()
	if j.op == Sync {
		return q.sync(d)
	}
	if j.op == Read && !d.Readable() || j.op == Write && !d.Writable() {
		return -1, netbsd.EBADF
	}
	n, errno := q.move(d, j)
	j.cb.Nbytes = uint64(max(n, 0))
	if _, none := d.File.(file.Pathconfer); !none { // of those that have one, the offset is brought up (FOF_UPDATE_OFFSET)
		j.cb.Offset += max(n, 0)
	}
	return n, errno
}

// sync is what a job of aio_fsync(2) does. EINVAL: no file of a file system, which fd_getvnode looks at first. EBADF: not open for writing.
func (q *Queue) sync(d *file.Description) (int64, netbsd.Errno) {
	if _, none := d.File.(file.Pathconfer); none {
		return -1, netbsd.EINVAL
	}
	if !d.Writable() {
		return -1, netbsd.EBADF
	}
	if errno := d.File.Sync(); errno != 0 {
		return -1, errno
	}
	return 0, 0
}

// move is what reads and writes.
func (q *Queue) move(d *file.Description, j *job) (int64, netbsd.Errno) {
	if j.op == Read {
		return q.transfer(j, func(b []byte, at uint64) (int, netbsd.Errno) {
			n, errno := q.read(d, b, j.cb.Offset+int64(at))
			if n > 0 && errno == 0 {
				errno = q.mem.Write(j.cb.Buf+at, b[:n])
			}
			return n, errno
		})
	}
	if q.tooLarge(d, j) {
		return -1, netbsd.EFBIG
	}
	return q.transfer(j, func(b []byte, at uint64) (int, netbsd.Errno) {
		if errno := q.mem.Read(j.cb.Buf+at, b); errno != 0 {
			return 0, errno
		}
		return q.write(d, b, j.cb.Offset+int64(at))
	})
}

// tooLarge reports whether a job would write beyond RLIMIT_FSIZE, of which SIGXFSZ tells (ufs_write): the worker of NetBSD is an LWP of the
// process.
func (q *Queue) tooLarge(d *file.Description, j *job) bool {
	limit, bound := q.p.FileSize()
	if !bound || j.cb.Offset < 0 || !d.Exceeds(limit, j.cb.Nbytes, j.cb.Offset) {
		return false
	}
	q.p.Signal(&netbsd.Siginfo{Signo: netbsd.SIGXFSZ, Code: netbsd.SI_NOINFO})
	return true
}

// chunk is how much is transferred at once.
const chunk = 64 << 10

// transfer moves what the job asks for, up to the first part that is short.
func (q *Queue) transfer(j *job, f func(b []byte, at uint64) (int, netbsd.Errno)) (int64, netbsd.Errno) {
	buf := make([]byte, min(j.cb.Nbytes, chunk))
	done := uint64(0)
	for {
		b := buf[:min(j.cb.Nbytes-done, chunk)]
		n, errno := f(b, done)
		if errno != 0 && done == 0 {
			return -1, errno
		}
		done += uint64(max(n, 0))
		if errno != 0 || n < len(b) || done == j.cb.Nbytes {
			return int64(done), 0
		}
	}
}

// read and write are at the job's offset where the file has a position.
func (q *Queue) read(d *file.Description, b []byte, off int64) (int, netbsd.Errno) {
	n, errno := d.Pread(q.worker, b, off)
	if errno == netbsd.ESPIPE {
		return d.Read(q.worker, b)
	}
	return n, errno
}

func (q *Queue) write(d *file.Description, b []byte, off int64) (int, netbsd.Errno) {
	n, errno := d.Pwrite(q.worker, b, off)
	if errno == netbsd.ESPIPE {
		return d.Write(q.worker, b)
	}
	return n, errno
}

// Cancel is aio_cancel(3) of the job at addr, or of all that are about fd if that is 0. EBADF: the
// job is about another descriptor. EFAULT. What is under way cannot be cancelled.
func (q *Queue) Cancel(fd int32, addr uint64) (result int, errno netbsd.Errno) {
	var gone, tell []*job
	guard.Locked(&q.mu, func() {
		if addr != 0 && slices.ContainsFunc(q.queue, func(j *job) bool { return j.addr == addr && j.cb.Fildes != fd }) {
			errno = netbsd.EBADF
			return
		}
		q.queue = slices.DeleteFunc(q.queue, func(j *job) bool {
			hit := j.addr == addr || addr == 0 && j.cb.Fildes == fd
			if hit {
				gone = append(gone, j)
				if j.list.doneLocked() {
					tell = append(tell, j)
				}
			}
			return hit
		})
		q.count -= len(gone)
		q.machine.jobs.Add(-int32(len(gone)))
		result = netbsd.AIO_ALLDONE
		if len(gone) > 0 {
			result = netbsd.AIO_CANCELED
		}
		if q.current != nil && (q.current.cb.Fildes == fd || q.current.addr == addr) {
			result = netbsd.AIO_NOTCANCELED
		}
	})
	for _, j := range gone {
		j.cb.State, j.cb.Errno = netbsd.JOB_DONE, netbsd.ECANCELED
		if q.store(j) != 0 {
			errno = netbsd.EFAULT
		}
		q.signal(&j.cb.Event)
	}
	for _, j := range tell {
		q.signal(&j.list.event)
	}
	if len(gone) > 0 {
		q.done.Notify(file.In)
	}
	return result, errno
}

// waiters is Queue.done as file.BlockUntil wants it.
type waiters struct{ *file.Queue }

func (w waiters) Watch(x *file.Waiter)   { w.Add(x) }
func (w waiters) Unwatch(x *file.Waiter) { w.Remove(x) }

// Suspend is aio_suspend(3): until one of the jobs at the addresses is done. EAGAIN: the deadline
// passed. EINTR. EFAULT.
func (q *Queue) Suspend(l file.Sleeper, addrs []uint64, deadline time.Time) netbsd.Errno {
	var errno netbsd.Errno
	_, slept := file.BlockUntil(file.Call{L: l}, waiters{&q.done}, file.In, deadline, func() (int, netbsd.Errno) {
		var done bool
		if done, errno = q.anyDone(addrs); done || errno != 0 {
			return 0, 0
		}
		return 0, netbsd.EAGAIN
	})
	if slept != 0 {
		return slept
	}
	return errno
}

func (q *Queue) anyDone(addrs []uint64) (bool, netbsd.Errno) {
	b := make([]byte, netbsd.SizeofAiocb)
	for _, a := range addrs {
		if a == 0 || q.pending(a) {
			continue
		}
		if errno := q.mem.Read(a, b); errno != 0 {
			return false, errno
		}
		if netbsd.DecodeAiocb(b).State == netbsd.JOB_DONE {
			return true, 0
		}
	}
	return false, 0
}

func (q *Queue) pending(addr uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.current != nil && q.current.addr == addr || slices.ContainsFunc(q.queue, func(j *job) bool { return j.addr == addr })
}

// NewListio begins a lio_listio(2), which counts itself among its jobs until Began. EINVAL: no such
// signal.
func NewListio(e netbsd.Sigevent) (*Listio, netbsd.Errno) {
	if !valid(&e) {
		return nil, netbsd.EINVAL
	}
	return &Listio{left: 1, event: e}, 0
}

// Began ends the beginning of a lio_listio(2). With wait it is after its last job, without a
// signal; EINTR.
func (q *Queue) Began(l file.Sleeper, list *Listio, wait bool) netbsd.Errno {
	var errno netbsd.Errno
	if wait {
		_, errno = file.BlockUntil(file.Call{L: l}, waiters{&q.done}, file.In, time.Time{}, func() (int, netbsd.Errno) {
			q.mu.Lock()
			defer q.mu.Unlock()
			if list.left > 1 {
				return 0, netbsd.EAGAIN
			}
			return 0, 0
		})
		if errno != 0 {
			errno = netbsd.EINTR
		}
	}
	last := false
	guard.Locked(&q.mu, func() { last = list.doneLocked() })
	if last {
		q.signal(&list.event)
	}
	return errno
}
