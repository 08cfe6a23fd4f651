package netbsd

import "time"

// Siginfo is what a signal carries (siginfo(2)); which fields count depends on
// Signo and Code.
type Siginfo struct {
	Signo  Signal
	Code   int32
	Errno  int32
	Pid    int32  // sender, or the child for SIGCHLD
	UID    uint32 // sender's, or the child's, effective user
	Status int32  // SIGCHLD: doc/lifecycle.md (item 69) says what it means in each release
	Utime  int64  // SIGCHLD: clock ticks or seconds as the release has it
	Stime  int64  //
	Value  uint64 // sigval of SI_QUEUE, SI_TIMER
	Addr   uint64 // fault address
	Trap   int32  // machine trap number of a fault
	LWP    int32  // SI_LWP: unused by guests, kept for traces

	Syscall *SiginfoSyscall // TRAP_SCE and TRAP_SCX; nil: none is known

	// Whole is all of struct _ksiginfo where a process has sent more than the fields above hold (sigqueueinfo(2), PT_SET_SIGINFO), else
	// nil. It agrees with the fields and is never changed.
	Whole *[SizeofKsiginfo]byte
}

// SiginfoSyscall is what the siginfo of a stop before or after a system call says of it (siginfo(2)).
type SiginfoSyscall struct {
	Nr    int32
	Ret   [2]int32
	Error int32
	Args  [8]uint64
}

// Codes of siginfo(2).
const (
	SI_USER    = 0
	SI_QUEUE   = -1
	SI_TIMER   = -2
	SI_ASYNCIO = -3
	SI_MESGQ   = -4
	SI_LWP     = -5
	SI_NOINFO  = 32767

	POLL_IN  = 1
	POLL_OUT = 2
	POLL_ERR = 4
	POLL_PRI = 5
	POLL_HUP = 6

	CLD_EXITED    = 1
	CLD_KILLED    = 2
	CLD_DUMPED    = 3
	CLD_TRAPPED   = 4
	CLD_STOPPED   = 5
	CLD_CONTINUED = 6

	ILL_ILLOPC  = 1
	ILL_PRVOPC  = 5
	ILL_COPROC  = 7
	FPE_INTDIV  = 1
	FPE_INTOVF  = 2
	FPE_FLTDIV  = 3
	FPE_FLTOVF  = 4
	FPE_FLTUND  = 5
	FPE_FLTRES  = 6
	FPE_FLTINV  = 7
	FPE_FLTSUB  = 8
	SEGV_MAPERR = 1
	SEGV_ACCERR = 2
	BUS_ADRALN  = 1
	BUS_ADRERR  = 2
	BUS_OBJERR  = 3
	TRAP_BRKPT  = 1
	TRAP_TRACE  = 2
	TRAP_EXEC   = 3
	TRAP_CHLD   = 4
	TRAP_LWP    = 5
	TRAP_DBREG  = 6
	TRAP_SCE    = 7
	TRAP_SCX    = 8
)

// Sigaction flags of sigaction(2).
const (
	SA_ONSTACK    = 0x0001
	SA_RESTART    = 0x0002
	SA_RESETHAND  = 0x0004
	SA_NOCLDSTOP  = 0x0008
	SA_NODEFER    = 0x0010
	SA_NOCLDWAIT  = 0x0020
	SA_SIGINFO    = 0x0040
	SA_NOKERNINFO = 0x0080
)

// Handlers that are not addresses.
const (
	SIG_DFL = 0
	SIG_IGN = 1
)

// How values of sigprocmask(2).
const (
	SIG_BLOCK   = 1
	SIG_UNBLOCK = 2
	SIG_SETMASK = 3
)

// Rusage is struct rusage (getrusage(2)); memory in KiB (ixrss and its like in
// KiB times ticks).
type Rusage struct {
	Utime, Stime                     time.Duration
	Maxrss, Ixrss, Idrss, Isrss      int64
	Minflt, Majflt, Nswap            int64
	Inblock, Oublock, Msgsnd, Msgrcv int64
	Nsignals, Nvcsw, Nivcsw          int64
}

// Add adds b to r as ruadd of kern_resource.c does: Maxrss is the larger one.
func (r *Rusage) Add(b *Rusage) {
	r.Utime += b.Utime
	r.Stime += b.Stime
	r.Maxrss = max(r.Maxrss, b.Maxrss)
	r.Ixrss += b.Ixrss
	r.Idrss += b.Idrss
	r.Isrss += b.Isrss
	r.Minflt += b.Minflt
	r.Majflt += b.Majflt
	r.Nswap += b.Nswap
	r.Inblock += b.Inblock
	r.Oublock += b.Oublock
	r.Msgsnd += b.Msgsnd
	r.Msgrcv += b.Msgrcv
	r.Nsignals += b.Nsignals
	r.Nvcsw += b.Nvcsw
	r.Nivcsw += b.Nivcsw
}
