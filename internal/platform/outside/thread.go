package outside

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/platform"
)

// A thread makes system calls from a table, itself or in a child of its own by vfork(2). It is
// a thread of this process that Go's runtime does not know.
//
// Programs are started from one for three reasons. Linux sends the parent-death signal when
// the thread ends that created a child, not its process (prctl(2)), and this one ends when it
// is told to. A filter is a thread's, and its children's. And while a child waits
// for the supervisor's word before its execve(2), whoever has made it by vfork waits as well:
// a thread of Go's runtime would then hold up the collector, and with it the supervisor.
type thread struct {
	mu  sync.Mutex // held by spawn
	ctl *control
}

// control is what a thread looks at. The assembly knows it by these names.
type control struct {
	turn   uint32
	calls  uintptr // of a []call
	pid    int     // spawn, clone: the child's, or a negative errno
	errno  uintptr // of the call that must not fail and has failed
	flags  uintptr // spawn, clone: of clone(2)
	tid    uintptr // where the host writes the child's pid (CLONE_PARENT_SETTID)
	next   uintptr // clone: the child's control
	parent int     // the pid of its parent, if it is a process
}

// What a control's turn says. The host writes turnGone when a process ends, or executes
// something (CLONE_CHILD_CLEARTID).
const (
	turnGone = iota
	turnSpawn
	turnSelf
	turnClone
	turnQuit
	turnDone
)

// A call is one of a table; a negative number ends it.
type call struct {
	nr     int
	must   uintptr // not 0: if it fails, that is the table's end
	args   [6]uintptr
	result uintptr
}

// cloneThread is implemented in thread_amd64.s.
//
//go:noescape
func cloneThread(flags, at uintptr) (tid int)

const threadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM

// newThread starts a thread. mask is the signals that were blocked, which programs are to
// begin with.
//
// The thread is cloned from one that ends afterwards, since it inherits what that one's ids,
// timers and mask are: signals are blocked for it, as Go's handlers would take it for its
// creator.
func newThread() (t *thread, mask unix.Sigset_t, err error) {
	t = &thread{ctl: &control{turn: turnDone}}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		done <- t.start(&mask)
	}()
	return t, mask, <-done
}

func (t *thread) start(mask *unix.Sigset_t) error {
	platform.RestoreTimerSlack()
	var all unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^uint64(0)
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &all, mask); err != nil {
		return os.NewSyscallError("rt_sigprocmask", err)
	}
	tid := cloneThread(threadFlags, uintptr(unsafe.Pointer(t.ctl)))
	unix.PthreadSigmask(unix.SIG_SETMASK, mask, nil)
	if tid < 0 {
		return os.NewSyscallError("clone", unix.Errno(-tid))
	}
	return nil
}

// do has the thread make the calls of a table, itself or in a child, and returns the child's
// pid. One at a time. ErrGone: it is a process that has ended, or executed something.
//
// The table has its end. The caller keeps what it points to alive. A vfork is over when do returns: the child
// has executed its program, or ended.
func (t *thread) do(turn uint32, calls []call) (pid int, err error) {
	c := t.ctl
	c.calls, c.pid, c.errno = uintptr(unsafe.Pointer(unsafe.SliceData(calls))), 0, 0
	there := t.give(turn)
	runtime.KeepAlive(calls)
	switch {
	case !there && c.errno == 0:
		return 0, ErrGone
	case c.pid < 0:
		return 0, syscall.Errno(-c.pid)
	case c.errno != 0:
		if c.pid > 0 {
			collect(c.pid)
		}
		return 0, syscall.Errno(c.errno)
	}
	return c.pid, nil
}

// collect waits for a child that has ended before it was a program.
func collect(pid int) {
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return
		}
	}
}

// give hands the thread a turn, and waits until the thread has taken it. False: the thread is gone.
func (t *thread) give(turn uint32) bool {
	if !atomic.CompareAndSwapUint32(&t.ctl.turn, turnDone, turn) {
		return false
	}
	t.futex(futexWake, 1)
	return t.await(turn)
}

// await waits until the thread has taken a turn. False: it is gone.
func (t *thread) await(turn uint32) bool {
	for {
		switch now := atomic.LoadUint32(&t.ctl.turn); now {
		case turn:
			t.futex(futexWait, turn)
		default:
			return now != turnGone
		}
	}
}

// The operations of futex(2), of any process: the host wakes so who waits for the end of one.
const (
	futexWait = 0
	futexWake = 1
)

func (t *thread) futex(op, val uint32) {
	unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&t.ctl.turn)), uintptr(op), uintptr(val), 0, 0, 0)
}

// quit ends the thread; Linux tells the children that asked for it. The thread looks at its control no more.
func (t *thread) quit() { t.give(turnQuit) }
