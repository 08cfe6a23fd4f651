package platform

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/memprog"
	"toaster/internal/platform/seccomp"

	"toaster/internal/platform/stub"
)

// The zygote is the ancestor of all guest processes: a static program with nothing in it but the
// stub, the filter installed, stopped in its first signal frame. A pristine process is a fork
// of it. It never runs guest code.
//
// It is executed from memory with two descriptors, a socket and its control window. By itself,
// in this order (stub_amd64.s), it leaves a sentinel behind, moves the vdso, unmaps everything
// but the stub, forbids itself core files and new privileges, installs its signal handlers and the filter, sends the filter's listener through the socket,
// closes everything, and makes a call that the filter traps. A step that the host refuses ends
// it with a status that names the step.
//
// The order of these steps is forced. The sentinel comes first, as the filter would let it kill nobody. The
// vdso's address is on the stack, which goes with what is unmapped. The filter is read from the control window
// (stub.FilterSlot), so that is mapped before; and without PR_SET_NO_NEW_PRIVS an ordinary user may install no
// filter (seccomp(2)). The listener is sent behind the filter, so the filter has a rule for that one sendmsg.

// What host processes are called in the host's process list. prctl(2) keeps 15 bytes of a name (PR_SET_NAME).
// No guest can choose another one.
const (
	guestName    = "toaster-guest"
	sentinelName = "toaster-watch"
)

// startZygote makes the zygote and receives its notification listener. It returns when the
// zygote waits in the stub, and fails with the step that the host refused; nothing of it is
// left then. The reaper does not run yet, so that whatever happens is waited for here.
func (p *Platform) startZygote() error {
	if p.opts.beforeZygote != nil {
		p.opts.beforeZygote(p)
	}
	filter, err := seccomp.Program(seccomp.Places{
		Clone: p.stub.Clone, LightClone: p.stub.LightClone,
		VDSO: p.vdso.Text, VDSOEnd: p.vdso.End,
		Window: uint64(p.arena.windowSize), Pass: p.pass,
	})
	if err != nil {
		return err
	}
	image := p.zygoteImage(len(filter))
	exe, err := memprog.File(guestName, image)
	if err != nil {
		return err
	}
	defer unix.Close(exe)
	// toaster's end is the lifeline: once it is closed, which the host does if toaster is killed, the sentinel
	// reads the end of the file. Were it inherited by a program that the embedder starts, guests could outlive toaster.
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	p.lifeline = pair[0]
	win, err := p.arena.acquire(0)
	if err != nil {
		unix.Close(pair[1])
		return err
	}
	s, room := stub.Prepare(win.mem, p.arena.slotSize)
	seccomp.Encode(room, filter)
	pid, err := p.createZygote(exe, pair[1], win)
	unix.Close(pair[1])
	if err != nil {
		p.arena.release(win)
		return err
	}
	go hostAdmission.begin() // it takes as long as the zygote takes now, on a core that is idle by then
	q, t, err := p.register(pid, win, 0)
	if err != nil {
		unix.Kill(-pid, unix.SIGKILL)
		reapGroup(pid)
		p.arena.release(win)
		return err
	}
	p.zygote = q
	p.pristine = &Nursery{p: p, template: t} // until it has a pool
	// Without mu: neither the reaper nor a supervisor runs yet.
	p.threads[uint32(pid)] = t
	raiseOOMScore(pid) // while the zygote comes up
	if err := p.meetZygote(q, s); err != nil {
		return q.explainStart(err)
	}
	clear(room[:seccomp.Size(filter)]) // it has the pass; what is released instead is cleaned
	// From here on what the zygote clones is born in the control group. The sentinel, which is to remove that, is not in it.
	p.enterGroup(pid)
	return nil
}

// meetZygote receives the listener from the zygote q, whose slot is s, and waits until q is
// in the stub. A zygote that dies wakes nobody, so each wait here also looks for its end: errDied, which explainStart explains.
func (p *Platform) meetZygote(q *Process, s stub.Slot) (err error) {
	if p.listener, err = q.receiveListener(); err != nil {
		return err
	}
	// It wakes only who says that he waits.
	atomic.CompareAndSwapUint32(s.Turn(), stub.TurnGuest, stub.TurnGuestAwaits)
	for s.LoadTurn() < stub.TurnKernel {
		if q.died() {
			return errDied
		}
		futexWaitTimeout(s.Turn(), stub.TurnGuestAwaits, 10*time.Millisecond)
	}
	return q.checkReachable()
}

// checkReachable finds out whether the host lets toaster read a child's memory. Where it does not,
// each argument of a system call would look like a bad address of the guest's. It reads a byte of the stub, as the
// zygote has no guest memory.
func (q *Process) checkReachable() error {
	var b [1]byte
	if _, e := moveMemory(unix.SYS_PROCESS_VM_READV, q.pid, stub.Addr, b[:]); e != 0 {
		return fmt.Errorf("reading the memory of a child (process_vm_readv) is refused: %w; %s", e, MemoryRemedy)
	}
	return nil
}

// MemoryRemedy says, for people, what to do where the host does not let toaster reach guests' memory.
const MemoryRemedy = "sysctl kernel.yama.ptrace_scope=1 or less, or run as root with CAP_SYS_PTRACE; in a container, a profile that allows process_vm_readv and process_vm_writev"

// died asks the host whether q is dead, without collecting it; the reaper does not run yet. The pidfd of a zombie is
// readable (pidfd_open(2)), and explainStart still finds the exit status.
func (q *Process) died() bool {
	n, _ := pollNow(&unix.PollFd{Fd: int32(q.pidfd), Events: unix.POLLIN}, 0)
	return n > 0
}

// errDied says that the zygote has ended before it was ready. It is reported only if the exit status names no step.
var errDied = errors.New("died")

// explainStart explains the zygote's end by the step that failed, and ends the sentinel. It
// undoes all that startZygote has done, so that a start without the vdso can follow, and that may fail, too: Close ends what is
// left, and the process id of a zygote that has been collected may be somebody else's by then.
//
// The group is killed before anything is waited for, as reapGroup would wait for the sentinel for good; and before the
// lifeline is closed, or the sentinel would remove the control group, which the next start needs.
func (q *Process) explainStart(err error) error {
	unix.Kill(-q.pid, unix.SIGKILL)
	var st unix.WaitStatus
	unix.Wait4(q.pid, &st, 0, nil)
	reapGroup(q.pid)
	unix.Close(q.platform.lifeline)
	q.platform.lifeline = -1
	q.platform.processDied(q)
	q.Release()
	q.platform.zygote, q.platform.pristine = nil, nil
	q.platform.endCreator()
	if st.Exited() && st.ExitStatus() == noVDSO {
		return errNoVDSO
	}
	if step, ok := zygoteSteps()[st.ExitStatus()]; ok && st.Exited() {
		return fmt.Errorf("%s was refused by the host", step)
	}
	return err
}

// noVDSO is the exit status of a zygote that could not move its vdso. It is not in zygoteSteps, as it is no failure: start
// begins anew without the vdso, and with nothing to move there is no second errNoVDSO.
const noVDSO = 113

var errNoVDSO = errors.New("the vdso can't be moved")

// zygoteSteps names the exit statuses of the stub's beginning, most of them arguments of CHECKED in stub_amd64.s. A status that
// is missing here would be reported as errDied, without the step.
var zygoteSteps = sync.OnceValue(func() map[int]string {
	return map[int]string{
		101: "close_range (needs Linux 5.9)",
		102: "munmap of low memory (a sealed vdso? boot with vdso=0 or without mseal of system mappings)",
		103: "setrlimit(RLIMIT_CORE)",
		104: "prctl(PR_SET_NO_NEW_PRIVS)",
		105: "rt_sigaction",
		106: "rt_sigprocmask",
		107: "sigaltstack",
		108: "seccomp with a notification listener",
		109: "sendmsg of a descriptor (too many of this user's are in flight in sockets? unix(7), ETOOMANYREFS)",
		110: "trapping of system calls",
		111: "trapping of system calls (one came through)",
		112: "prctl(PR_SET_NAME)",
		114: "prctl(PR_SET_TIMERSLACK)",
		115: "clone",
		120: "mmap of control memory",
		121: "close",
		122: "madvise",
	}
})

// createZygote executes the stub from a thread that never ends before the platform: PDEATHSIG
// and the parent of every guest process refer to the thread, not to toaster's process, and a
// thread of Go's runtime may end at any time. A process group of its own keeps the terminal's
// signals away. A session would do so, too, but Linux gives each session a share of every core
// (autogroup), and under load a guest that wakes often and runs briefly can then wait for
// seconds.
func (p *Platform) createZygote(exe, sock int, win *window) (pid int, err error) {
	started := make(chan struct{})
	end := make(chan struct{})
	p.stop = func() { close(end) }
	go func() {
		runtime.LockOSThread()
		if p.opts.SpeculationSafe {
			err = disableSpeculation() // the thread ends with this goroutine, being locked
		} else {
			defer runtime.UnlockOSThread()
		}
		if err != nil {
			close(started)
			return
		}
		pid, err = memprog.Start(exe, p.zygoteArgs(),
			&syscall.ProcAttr{
				// No host process keeps a file system of the embedder's busy, or has its environment in memory.
				Dir:   "/",
				Env:   []string{},
				Files: []uintptr{uintptr(sock), stub.ControlFD: uintptr(win.fd)},
				Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
			})
		if err != nil {
			err = fmt.Errorf("executing the stub from memory: %w", err)
		}
		close(started)
		<-end
	}()
	p.spinRounds = calibrate() // while the host is busy with that
	<-started
	return pid, err
}

// endCreator ends the goroutine whose thread has created the zygote, if there is one. It may be called again.
func (p *Platform) endCreator() {
	if p.stop != nil {
		p.stop()
	}
	p.stop = nil
}

// zygoteArgs are the zygote's arguments. The second is for the sentinel: the directory of a control
// group that it removes once all guests have ended, if toaster cannot.
func (p *Platform) zygoteArgs() []string {
	if p.group == nil {
		return []string{guestName}
	}
	return []string{guestName, p.group.Path()}
}

// zygoteImage makes the executable: the code as it was assembled, and the configuration, which
// has all that differs from one platform to the next.
func (p *Platform) zygoteImage(filterSize int) *memprog.Image {
	return stub.Image(&p.stub, &p.vdso, &stub.Config{
		SlotSize: p.arena.slotSize, WindowSize: p.arena.windowSize,
		Parent:   os.Getpid(),
		FSGSBase: p.fsgsbase, RDTSCP: p.rdtscp, Answer: !p.opts.TrapAll,
		FilterFlags: p.opts.filterFlags(), FilterLen: filterSize,
		Name: guestName, Sentinel: sentinelName,
		TimerSlack: guestSlack,
	})
}

// receiveListener waits for the zygote's listener, or its end. The socket alone does not tell of
// that, as the sentinel has it open, too. The message has one byte beside the descriptor, so that no bytes mean the end
// of the socket. The listener is closed at an execve(2): whoever had it could answer in toaster's place.
func (q *Process) receiveListener() (int, error) {
	buf, oob := make([]byte, 8), make([]byte, unix.CmsgSpace(4))
	sock := q.platform.lifeline
	for {
		ready := []unix.PollFd{{Fd: int32(sock), Events: unix.POLLIN}, {Fd: int32(q.pidfd), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err == unix.EINTR {
			continue
		}
		if ready[0].Revents == 0 && ready[1].Revents != 0 {
			return -1, errDied
		}
		n, oobn, _, _, err := unix.Recvmsg(sock, buf, oob, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return -1, os.NewSyscallError("recvmsg", err)
		}
		msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
		if n == 0 || err != nil || len(msgs) != 1 {
			return -1, errors.New("no listener arrived")
		}
		fds, err := unix.ParseUnixRights(&msgs[0])
		if err != nil || len(fds) != 1 {
			return -1, errors.New("no listener arrived")
		}
		return fds[0], nil
	}
}

// ioctl converts arg where it makes the call, as it may point into a stack that moves.
func ioctl(fd int, req uintptr, arg unsafe.Pointer) error {
	_, _, e := syscall.Syscall(unix.SYS_IOCTL, uintptr(fd), req, uintptr(arg))
	if e != 0 {
		return e
	}
	return nil
}
