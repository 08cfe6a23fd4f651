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
	KERN_POSIX1                    = 17
	KERN_NGROUPS                   = 18
	KERN_JOB_CONTROL               = 19
	KERN_SAVED_IDS                 = 20
	KERN_OBOOTTIME                 = 21
	KERN_DOMAINNAME                = 22
	KERN_MAXPARTITIONS             = 23
	KERN_RAWPARTITION              = 24
	KERN_NTPTIME                   = 25
	KERN_RTC_OFFSET                = 29
	KERN_ROOT_DEVICE               = 30
	KERN_MSGBUFSIZE                = 31
	KERN_FSYNC                     = 32
	KERN_SYNCHRONIZED_IO           = 37
	KERN_IOV_MAX                   = 38
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
	KERN_LWP                       = 64
	KERN_FORKFSLEEP                = 65
	KERN_POSIX_THREADS             = 66
	KERN_POSIX_SEMAPHORES          = 67
	KERN_POSIX_BARRIERS            = 68
	KERN_POSIX_TIMERS              = 69
	KERN_POSIX_SPIN_LOCKS          = 70
	KERN_POSIX_READER_WRITER_LOCKS = 71
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
	VM_MAXSLP     = 9
	VM_USPACE     = 10
	VM_MINADDRESS = 14
	VM_MAXADDRESS = 15
	VM_PROC       = 16
)

// Nodes below CTL_PROC: the caller's process in place of a pid, and what each process has.
const (
	PROC_CURPROC      = 0x7fffffff
	PROC_PID_STOPFORK = 3
	PROC_PID_STOPEXEC = 4
	PROC_PID_STOPEXIT = 5
)
