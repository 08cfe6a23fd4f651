package netbsd

// First components of a sysctl(7) name; the negative ones are requests about a node.
const (
	CTL_KERN         = 1
	CTL_VM           = 2
	CTL_VFS          = 3
	CTL_NET          = 4
	CTL_DEBUG        = 5
	CTL_HW           = 6
	CTL_MACHDEP      = 7
	CTL_USER         = 8
	CTL_DDB          = 9
	CTL_PROC         = 10
	CTL_VENDOR       = 11
	CTL_EMUL         = 12
	CTL_SECURITY     = 13
	CTL_QUERY        = -2
	CTL_CREATE       = -3
	CTL_CREATESYM    = -4
	CTL_DESTROY      = -5
	CTL_MMAP         = -6
	CTL_DESCRIBE     = -7
	CTL_MAXNAME      = 12
	SYSCTL_VERS_1    = 0x1000000
	SYSCTL_VERS_MASK = 0xff000000
	SYSCTL_TYPEMASK  = 0xf
)

// Types and flags of nodes.
const (
	CTLTYPE_NODE      = 1
	CTLTYPE_INT       = 2
	CTLTYPE_STRING    = 3
	CTLTYPE_QUAD      = 4
	CTLTYPE_STRUCT    = 5
	CTLTYPE_BOOL      = 6
	CTLFLAG_READONLY  = 0
	CTLFLAG_READWRITE = 0x70
	CTLFLAG_ANYWRITE  = 0x80
	CTLFLAG_PRIVATE   = 0x100
	CTLFLAG_PERMANENT = 0x200
	CTLFLAG_OWNDATA   = 0x400
	CTLFLAG_IMMEDIATE = 0x800
	CTLFLAG_HEX       = 0x1000
	CTLFLAG_ROOT      = 0x2000
	CTLFLAG_ANYNUMBER = 0x4000
	CTLFLAG_UNSIGNED  = 0x80000
)

// Names below kern.
const (
	KERN_OSTYPE                    = 1
	KERN_OSRELEASE                 = 2
	KERN_OSREV                     = 3
	KERN_VERSION                   = 4
	KERN_MAXVNODES                 = 5
	KERN_MAXPROC                   = 6
	KERN_MAXFILES                  = 7
	KERN_ARGMAX                    = 8
	KERN_SECURELVL                 = 9
	KERN_HOSTNAME                  = 10
	KERN_HOSTID                    = 11
	KERN_CLOCKRATE                 = 12
	KERN_VNODE                     = 13
	KERN_PROC                      = 14
	KERN_FILE                      = 15
	KERN_PROF                      = 16
	KERN_POSIX1                    = 17
	KERN_NGROUPS                   = 18
	KERN_JOB_CONTROL               = 19
	KERN_SAVED_IDS                 = 20
	KERN_OBOOTTIME                 = 21
	KERN_DOMAINNAME                = 22
	KERN_MAXPARTITIONS             = 23
	KERN_RAWPARTITION              = 24
	KERN_NTPTIME                   = 25
	KERN_TIMEX                     = 26
	KERN_AUTONICETIME              = 27
	KERN_AUTONICEVAL               = 28
	KERN_RTC_OFFSET                = 29
	KERN_ROOT_DEVICE               = 30
	KERN_MSGBUFSIZE                = 31
	KERN_FSYNC                     = 32
	KERN_SYNCHRONIZED_IO           = 37
	KERN_IOV_MAX                   = 38
	KERN_MBUF                      = 39
	KERN_MAPPED_FILES              = 40
	KERN_MEMLOCK                   = 41
	KERN_MEMLOCK_RANGE             = 42
	KERN_MEMORY_PROTECTION         = 43
	KERN_LOGIN_NAME_MAX            = 44
	KERN_DEFCORENAME               = 45
	KERN_LOGSIGEXIT                = 46
	KERN_PROC2                     = 47
	KERN_PROC_ARGS                 = 48
	KERN_FSCALE                    = 49
	KERN_CCPU                      = 50
	KERN_CP_TIME                   = 51
	KERN_MSGBUF                    = 53
	KERN_CONSDEV                   = 54
	KERN_MAXPTYS                   = 55
	KERN_PIPE                      = 56
	KERN_MAXPHYS                   = 57
	KERN_SBMAX                     = 58
	KERN_TKSTAT                    = 59
	KERN_MONOTONIC_CLOCK           = 60
	KERN_URND                      = 61
	KERN_LABELSECTOR               = 62
	KERN_LABELOFFSET               = 63
	KERN_LWP                       = 64
	KERN_FORKFSLEEP                = 65
	KERN_POSIX_THREADS             = 66
	KERN_POSIX_SEMAPHORES          = 67
	KERN_POSIX_BARRIERS            = 68
	KERN_POSIX_TIMERS              = 69
	KERN_POSIX_SPIN_LOCKS          = 70
	KERN_POSIX_READER_WRITER_LOCKS = 71
	KERN_DUMP_ON_PANIC             = 72
	KERN_SOMAXKVA                  = 73
	KERN_ROOT_PARTITION            = 74
	KERN_DRIVERS                   = 75
	KERN_FILE2                     = 77
	KERN_CP_ID                     = 79
	KERN_HARDCLOCK_TICKS           = 80
	KERN_ARND                      = 81
	KERN_SYSVIPC                   = 82
	KERN_BOOTTIME                  = 83
	KERN_EVCNT                     = 84
)

// Names below kern.proc_args, and ways to select in kern.proc2.
const (
	KERN_PROC_ARGV     = 1
	KERN_PROC_NARGV    = 2
	KERN_PROC_ENV      = 3
	KERN_PROC_NENV     = 4
	KERN_PROC_PATHNAME = 5
	KERN_PROC_CWD      = 6
	KERN_PROC_ALL      = 0
	KERN_PROC_PID      = 1
	KERN_PROC_PGRP     = 2
	KERN_PROC_SESSION  = 3
	KERN_PROC_TTY      = 4
	KERN_PROC_UID      = 5
	KERN_PROC_RUID     = 6
	KERN_PROC_GID      = 7
	KERN_PROC_RGID     = 8

	KERN_PROC_TTY_NODEV  = -1 // KERN_PROC_TTY: without a controlling terminal
	KERN_PROC_TTY_REVOKE = -2 // whose terminal has been revoked

	KERN_FILE_BYFILE = 1 // kern.file2: each open file once
	KERN_FILE_BYPID  = 2 // each descriptor
)

// Flags of a process in struct kinfo_proc2 (p_flag); they are none of the kernel's own.
const (
	P_CONTROLT  = 0x2
	P_INMEM     = 0x4
	P_NOCLDSTOP = 0x8
	P_PPWAIT    = 0x10
	P_PROFIL    = 0x20
	P_SINTR     = 0x80
	P_SUGID     = 0x100
	P_TRACED    = 0x800
	P_WEXIT     = 0x2000
	P_EXEC      = 0x4000
	P_FSTRACE   = 0x10000
	P_NOCLDWAIT = 0x20000
	P_CLDSIGIGN = 0x80000
	P_CHTRACED  = 0x400000
	P_STOPFORK  = 0x800000
	P_STOPEXEC  = 0x1000000
	P_STOPEXIT  = 0x2000000
	P_SYSCALL   = 0x4000000

	EPROC_CTTY    = 1 // p_eflag: the session has a terminal
	EPROC_SLEADER = 2
)

// States of a process (sys/proc.h) and of an LWP (sys/lwp.h), p_realstat and l_stat.
const (
	SIDL    = 1
	SACTIVE = 2
	SDYING  = 3
	SSTOP   = 4
	SZOMB   = 5
	SDEAD   = 6

	LSIDL       = 1
	LSRUN       = 2
	LSSLEEP     = 3
	LSSTOP      = 4
	LSZOMB      = 5
	LSDEAD      = 6
	LSONPROC    = 7
	LSSUSPENDED = 8
)

// Names below proc.PID.
const (
	PROC_CURPROC             = 0x7fffffff // stands for the caller, as any pid stands for its process
	PROC_PID_CORENAME        = 1
	PROC_PID_LIMIT           = 2
	PROC_PID_STOPFORK        = 3
	PROC_PID_STOPEXEC        = 4
	PROC_PID_STOPEXIT        = 5
	PROC_PID_LIMIT_TYPE_SOFT = 1
	PROC_PID_LIMIT_TYPE_HARD = 2
)

// Names below hw.
const (
	HW_MACHINE      = 1
	HW_MODEL        = 2
	HW_NCPU         = 3
	HW_BYTEORDER    = 4
	HW_PHYSMEM      = 5
	HW_USERMEM      = 6
	HW_PAGESIZE     = 7
	HW_DISKNAMES    = 8
	HW_IOSTATS      = 9
	HW_MACHINE_ARCH = 10
	HW_ALIGNBYTES   = 11
	HW_CNMAGIC      = 12
	HW_PHYSMEM64    = 13
	HW_USERMEM64    = 14
	HW_IOSTATNAMES  = 15
	HW_NCPUONLINE   = 16
)

// Names below vm.
const (
	VM_METER      = 1
	VM_LOADAVG    = 2
	VM_UVMEXP     = 3
	VM_NKMEMPAGES = 4
	VM_UVMEXP2    = 5
	VM_ANONMIN    = 6
	VM_EXECMIN    = 7
	VM_FILEMIN    = 8
	VM_MAXSLP     = 9
	VM_USPACE     = 10
	VM_ANONMAX    = 11
	VM_EXECMAX    = 12
	VM_FILEMAX    = 13
	VM_MINADDRESS = 14
	VM_PROC       = 16
	VM_MAXADDRESS = 15
)

// FSCALE is the scale of fixed-point numbers such as those of vm.loadavg (sys/param.h).
const FSCALE = 2048

// VM_MAXUSER_ADDRESS is the end of a program's addresses (amd64's vmparam.h).
const VM_MAXUSER_ADDRESS = 0x7f8000000000 - PageSize
