package netbsd

// Options of wait4(2) and wait6(2). Release 2003 knows UNTRACED, NOHANG, ALTSIG
// and ALLSIG; its kernel-only WNOWAIT and WNOZOMBIE have the values below, too.
const (
	WNOHANG    = 0x1
	WUNTRACED  = 0x2 // and WSTOPPED
	WALTSIG    = 0x4
	WALLSIG    = 0x8
	WCONTINUED = 0x10
	WEXITED    = 0x20
	WTRAPPED   = 0x40
	WNOWAIT    = 0x10000
	WNOZOMBIE  = 0x20000
)

// WaitAny as the pid of wait4(2) matches every child (WAIT_ANY).
const WaitAny = -1

// Id types of wait6(2) and clock_getcpuclockid2(2) (sys/idtype.h).
const (
	P_ALL    = 0
	P_PID    = 1
	P_MYID   = -1
	P_LWPID  = 2
	P_PPID   = 3
	P_PGID   = 4
	P_SID    = 5
	P_CID    = 6
	P_UID    = 7
	P_GID    = 8
	P_TASKID = 9
	P_PROJID = 10
	P_POOLID = 11
)

// WaitStatus is the raw status word of wait(2): low 7 bits the signal, 0x80 the
// core flag, from bit 8 on the exit code; 0x7f in the low byte is a stop. Release 2003 has
// 8 bits of the exit code in it, release 10 the low 24 bits of what exit(2) was given.
type WaitStatus int32

// ExitStatus makes W_EXITCODE(code, sig), which keeps what fits into the word.
func ExitStatus(code int, sig Signal) WaitStatus {
	return WaitStatus(int32(code)<<8 | int32(sig))
}

// StopStatus makes W_STOPCODE(sig).
func StopStatus(sig Signal) WaitStatus { return WaitStatus(int32(sig)<<8 | 0x7f) }

// ContinuedStatus is what WCONTINUED reports (_WCONTINUED).
const ContinuedStatus WaitStatus = 0xffff

// CoreFlag in a status says that a core was dumped.
const CoreFlag WaitStatus = 0x80

func (w WaitStatus) wstatus() WaitStatus { return w & 0x7f }

// Exited reports WIFEXITED.
func (w WaitStatus) Exited() bool { return w.wstatus() == 0 }

// Signaled reports WIFSIGNALED.
func (w WaitStatus) Signaled() bool {
	return w != ContinuedStatus && w.wstatus() != 0x7f && w.wstatus() != 0
}

// Stopped reports WIFSTOPPED.
func (w WaitStatus) Stopped() bool { return w != ContinuedStatus && w.wstatus() == 0x7f }

// Continued reports WIFCONTINUED.
func (w WaitStatus) Continued() bool { return w == ContinuedStatus }

// CoreDump reports WCOREDUMP.
func (w WaitStatus) CoreDump() bool { return w.Signaled() && w&CoreFlag != 0 }

// ExitCode returns WEXITSTATUS, the low 8 bits of the exit code.
func (w WaitStatus) ExitCode() int { return int(w>>8) & 0xff }

// TermSignal returns WTERMSIG.
func (w WaitStatus) TermSignal() Signal { return Signal(w & 0x7f) }

// StopSignal returns WSTOPSIG.
func (w WaitStatus) StopSignal() Signal { return Signal(w >> 8 & 0xff) }
