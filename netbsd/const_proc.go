package netbsd

// Clocks of clock_gettime(2). A CPU-time clock of another process or LWP has its id in the low bits.
const (
	CLOCK_REALTIME           = 0
	CLOCK_VIRTUAL            = 1
	CLOCK_PROF               = 2
	CLOCK_MONOTONIC          = 3
	CLOCK_THREAD_CPUTIME_ID  = 0x20000000
	CLOCK_PROCESS_CPUTIME_ID = 0x40000000
)

// Flags of clock_nanosleep(2) and timer_settime(2).
const (
	TIMER_RELTIME = 0
	TIMER_ABSTIME = 1
)

// Interval timers of setitimer(2).
const (
	ITIMER_REAL      = 0
	ITIMER_VIRTUAL   = 1
	ITIMER_PROF      = 2
	ITIMER_MONOTONIC = 3
)

// How a timer tells (sigevent).
const (
	SIGEV_NONE   = 0
	SIGEV_SIGNAL = 1
	SIGEV_THREAD = 2
	SIGEV_SA     = 3
)

// Types of upcalls (sys/sa.h of NetBSD 2.0).
const (
	SA_UPCALL_NEWPROC   = 0
	SA_UPCALL_PREEMPTED = 1
	SA_UPCALL_BLOCKED   = 2
	SA_UPCALL_UNBLOCKED = 3
	SA_UPCALL_SIGNAL    = 4
	SA_UPCALL_SIGEV     = 5
	SA_UPCALL_USER      = 6
)

// Flags and sizes of sigaltstack(2).
const (
	SS_ONSTACK  = 1
	SS_DISABLE  = 4
	MINSIGSTKSZ = 8192
	SIGSTKSZ    = 40960
)

// Flags of _lwp_create(2).
const (
	LWP_DETACHED  = 0x40
	LWP_SUSPENDED = 0x80

	// sys/lwpctl.h: features of _lwp_ctl(2), and what lc_curcpu is instead of a processor.
	LWPCTL_FEATURE_CURCPU = 0x1
	LWPCTL_FEATURE_PCTR   = 0x2

	LWPCTL_CPU_NONE   = -1
	LWPCTL_CPU_EXITED = -2
)

// Flags of __clone(2); the low byte is the signal that the child sends.
const (
	CLONE_CSIGNAL = 0xff
	CLONE_VM      = 0x100
	CLONE_FS      = 0x200
	CLONE_FILES   = 0x400
	CLONE_SIGHAND = 0x800
	CLONE_PID     = 0x1000
	CLONE_PTRACE  = 0x2000
	CLONE_VFORK   = 0x4000
)

// Flags in a ucontext.
const (
	UC_SIGMASK  = 1
	UC_STACK    = 2
	UC_CPU      = 4
	UC_FPU      = 8
	UC_FXSAVE   = 0x20
	UC_SETSTACK = 0x10000
	UC_CLRSTACK = 0x20000
	UC_VM       = 0x40000
	UC_TLSBASE  = 0x80000
)

// Limits of getrlimit(2).
const (
	RLIMIT_CPU     = 0
	RLIMIT_FSIZE   = 1
	RLIMIT_DATA    = 2
	RLIMIT_STACK   = 3
	RLIMIT_CORE    = 4
	RLIMIT_RSS     = 5
	RLIMIT_MEMLOCK = 6
	RLIMIT_NPROC   = 7
	RLIMIT_NOFILE  = 8
	RLIMIT_SBSIZE  = 9
	RLIMIT_AS      = 10
	RLIMIT_NTHR    = 11
	RLIM_NLIMITS   = 12
	RLIM_INFINITY  = 0x7fffffffffffffff
)

// Who, in getrusage(2) and getpriority(2).
const (
	RUSAGE_SELF     = 0
	RUSAGE_CHILDREN = -1
	PRIO_PROCESS    = 0
	PRIO_PGRP       = 1
	PRIO_USER       = 2
	PRIO_MIN        = -20
	PRIO_MAX        = 20
)

// Entries of the auxiliary vector.
const (
	AT_NULL         = 0
	AT_IGNORE       = 1
	AT_EXECFD       = 2
	AT_PHDR         = 3
	AT_PHENT        = 4
	AT_PHNUM        = 5
	AT_PAGESZ       = 6
	AT_BASE         = 7
	AT_FLAGS        = 8
	AT_ENTRY        = 9
	AT_STACKBASE    = 13
	AT_EUID         = 2000
	AT_RUID         = 2001
	AT_EGID         = 2002
	AT_RGID         = 2003
	AT_SUN_EXECNAME = 2014
)

// Requests of ptrace(2); those from 32 on are amd64's.
const (
	PT_TRACE_ME          = 0
	PT_READ_I            = 1
	PT_READ_D            = 2
	PT_WRITE_I           = 4
	PT_WRITE_D           = 5
	PT_CONTINUE          = 7
	PT_KILL              = 8
	PT_ATTACH            = 9
	PT_DETACH            = 10
	PT_IO                = 11
	PT_DUMPCORE          = 12
	PT_LWPINFO           = 13
	PT_SYSCALL           = 14
	PT_SYSCALLEMU        = 15
	PT_SET_EVENT_MASK    = 16
	PT_GET_EVENT_MASK    = 17
	PT_GET_PROCESS_STATE = 18
	PT_SET_SIGINFO       = 19
	PT_GET_SIGINFO       = 20
	PT_RESUME            = 21
	PT_SUSPEND           = 22
	PT_STOP              = 23
	PT_LWPSTATUS         = 24
	PT_LWPNEXT           = 25
	PT_SET_SIGPASS       = 26
	PT_GET_SIGPASS       = 27
	PT_STEP              = 32
	PT_GETREGS           = 33
	PT_SETREGS           = 34
	PT_GETFPREGS         = 35
	PT_SETFPREGS         = 36
	PT_GETDBREGS         = 37
	PT_SETDBREGS         = 38
	PT_SETSTEP           = 39
	PT_CLEARSTEP         = 40
	PT_GETXSTATE         = 41
	PT_SETXSTATE         = 42
)

// Event bits of ptrace(2), its LWP events and its I/O operations.
const (
	PTRACE_FORK        = 1
	PTRACE_VFORK       = 2
	PTRACE_VFORK_DONE  = 4
	PTRACE_LWP_CREATE  = 8
	PTRACE_LWP_EXIT    = 0x10
	PTRACE_POSIX_SPAWN = 0x20
	PL_EVENT_NONE      = 0
	PL_EVENT_SIGNAL    = 1
	PL_EVENT_SUSPENDED = 2
	PIOD_READ_D        = 1
	PIOD_WRITE_D       = 2
	PIOD_READ_I        = 3
	PIOD_WRITE_I       = 4
	PIOD_READ_AUXV     = 5
)

// Flags of posix_spawn(3), and its file actions.
const (
	POSIX_SPAWN_RESETIDS      = 1
	POSIX_SPAWN_SETPGROUP     = 2
	POSIX_SPAWN_SETSCHEDPARAM = 4
	POSIX_SPAWN_SETSCHEDULER  = 8
	POSIX_SPAWN_SETSIGDEF     = 0x10
	POSIX_SPAWN_SETSIGMASK    = 0x20
	POSIX_SPAWN_RETURNERROR   = 0x40
	FAE_OPEN                  = 0
	FAE_DUP2                  = 1
	FAE_CLOSE                 = 2
	FAE_CHDIR                 = 3
	FAE_FCHDIR                = 4
)

// Operations and facilities of ktrace(2).
const (
	KTROP_SET       = 0
	KTROP_CLEAR     = 1
	KTROP_CLEARFILE = 2
	KTROP_MASK      = 3
	KTRFLAG_DESCEND = 4
	KTR_SYSCALL     = 1
	KTR_SYSRET      = 2
	KTR_NAMEI       = 3
	KTR_GENIO       = 4
	KTR_PSIG        = 5
	KTR_CSW         = 6
	KTR_EMUL        = 7
	KTR_USER        = 8
	KTR_EXEC_ARG    = 0xa
	KTR_EXEC_ENV    = 0xb
	KTR_MIB         = 0xe
	KTR_EXEC_FD     = 0xf
	KTRFAC_INHERIT  = 0x40000000
)

// Operations of sysarch(2).
const (
	X86_GET_LDT    = 0x0
	X86_IOPL       = 0x2
	X86_GET_IOPERM = 0x3
	X86_PMC_INFO   = 0x8
	X86_GET_MTRR   = 0xb
	X86_SET_MTRR   = 0xc
	X86_GET_GSBASE = 0xe
	X86_GET_FSBASE = 0xf
	X86_SET_GSBASE = 0x10
	X86_SET_FSBASE = 0x11
)

// Operations of rasctl(2).
const (
	RAS_INSTALL   = 0
	RAS_PURGE     = 1
	RAS_PURGE_ALL = 2
)

// Flags of an accounting record (acct(5)).
const (
	AFORK = 0x01 // forked and never execed
	ASU   = 0x02 // used superuser privilege
	ACORE = 0x08 // dumped core
	AXSIG = 0x10 // killed by a signal
)

// Scheduling policies, and the priorities of the real-time ones (sched.h, sys/sched.h).
const (
	SCHED_NONE    = -1
	SCHED_OTHER   = 0
	SCHED_FIFO    = 1
	SCHED_RR      = 2
	SCHED_PRI_MIN = 0
	SCHED_PRI_MAX = 63
)

// Processor sets (sys/pset.h).
const (
	PS_NONE  = 0
	PS_MYID  = -1
	PS_QUERY = -2
)

// Sizes that the limits of a NetBSD/amd64 process begin with, soft and hard: data
// and stack (machine/vmparam.h).
const (
	DFLDSIZ = 256 << 20
	MAXDSIZ = 8 << 30
	DFLSSIZ = 4 << 20
	MAXSSIZ = 128 << 20
)

// Semaphores of _ksem_init(2) and its like (sys/ksem.h, sys/semaphore.h, limits.h). KSEM_PSHARED is what
// libpthread leaves where it wants an id that all processes know; such ids have KSEM_PSHARED_MARKER in
// the bits of KSEM_MARKER_MASK.
const (
	KSEM_MAX            = 128
	KSEM_PSHARED        = 0x50535244
	KSEM_MARKER_MASK    = 0xff000001
	KSEM_MARKER_MIN     = 0x01000001
	KSEM_PSHARED_MARKER = 0x70000001
	SEM_NSEMS_MAX       = 256
	SEM_VALUE_MAX       = 0xffffffff
)

// Operations and words of __futex(2) (sys/futex.h).
const (
	FUTEX_WAIT             = 0
	FUTEX_WAKE             = 1
	FUTEX_REQUEUE          = 3
	FUTEX_CMP_REQUEUE      = 4
	FUTEX_WAKE_OP          = 5
	FUTEX_WAIT_BITSET      = 9
	FUTEX_WAKE_BITSET      = 10
	FUTEX_OP_SET           = 0
	FUTEX_OP_ADD           = 1
	FUTEX_OP_OR            = 2
	FUTEX_OP_ANDN          = 3
	FUTEX_OP_XOR           = 4
	FUTEX_OP_OPARG_SHIFT   = 8
	FUTEX_OP_CMP_EQ        = 0
	FUTEX_OP_CMP_NE        = 1
	FUTEX_OP_CMP_LT        = 2
	FUTEX_OP_CMP_LE        = 3
	FUTEX_OP_CMP_GT        = 4
	FUTEX_OP_CMP_GE        = 5
	FUTEX_PRIVATE_FLAG     = 0x80
	FUTEX_CLOCK_REALTIME   = 0x100
	FUTEX_BITSET_MATCH_ANY = 0xffffffff
	FUTEX_TID_MASK         = 0x3fffffff
	FUTEX_OWNER_DIED       = 0x40000000
	FUTEX_WAITERS          = 0x80000000
)

// Facilities and flags of ktrace(2) (sys/ktrace.h).
const (
	KTRFAC_MASK       = 0x00ffffff
	KTRFAC_PERSISTENT = 0x80000000
	KTRFAC_VER_MASK   = 0x0f000000
	KTRFAC_VERSION2   = 2 << 24

	KTR_USER_MAXLEN = 2048
)
