package netbsd

// Constants of sys/ipc.h, sys/sem.h, sys/msg.h and sys/shm.h.
const (
	IPC_R = 0o400   // permission to read
	IPC_W = 0o200   // to write or alter
	IPC_M = 0o10000 // to change the control information

	IPC_CREAT  = 0o1000
	IPC_EXCL   = 0o2000
	IPC_NOWAIT = 0o4000

	IPC_PRIVATE = 0

	IPC_RMID = 0
	IPC_SET  = 1
	IPC_STAT = 2

	// IPC_PERMS are the bits of a mode that IPC_SET may change (ACCESSPERMS).
	IPC_PERMS = 0o777
)

// Semaphores.
const (
	SEM_UNDO  = 0o10000
	SEM_ALLOC = 0o1000 // in a mode that sysctl tells

	GETNCNT = 3
	GETPID  = 4
	GETVAL  = 5
	GETALL  = 6
	GETZCNT = 7
	SETVAL  = 8
	SETALL  = 9
)

// MSG_NOERROR has msgrcv(2) cut what is too long.
const MSG_NOERROR = 0o10000

// MSG_LOCKED is in the mode of a message queue that somebody is sending to, or waits to.
const MSG_LOCKED = 0o1000

// Shared memory. The SHMSEG bits are the kernel's own, but IPC_STAT and sysctl tell them.
const (
	SHM_RDONLY   = 0o10000
	SHM_RND      = 0o20000
	SHM_RMLINGER = 0o40000 // _SHM_RMLINGER: can be attached after IPC_RMID

	SHM_LOCK   = 3
	SHM_UNLOCK = 4

	SHMSEG_FREE      = 0x0200
	SHMSEG_REMOVED   = 0x0400
	SHMSEG_ALLOCATED = 0x0800
	SHMSEG_RMLINGER  = 0x2000
	SHMSEG_WIRED     = 0x4000
)

// Nodes of kern.ipc, and what kern.ipc.sysvipc_info is asked for. The first three are what
// programs from before NetBSD 6 ask, with times of 32 bits.
const (
	KERN_SYSVIPC_INFO       = 1
	KERN_SYSVIPC_MSG        = 2
	KERN_SYSVIPC_SEM        = 3
	KERN_SYSVIPC_SHM        = 4
	KERN_SYSVIPC_SHMMAX     = 5
	KERN_SYSVIPC_SHMMNI     = 6
	KERN_SYSVIPC_SHMSEG     = 7
	KERN_SYSVIPC_SHMMAXPGS  = 8
	KERN_SYSVIPC_SHMUSEPHYS = 9

	KERN_SYSVIPC_OMSG_INFO = 1
	KERN_SYSVIPC_OSEM_INFO = 2
	KERN_SYSVIPC_OSHM_INFO = 3
	KERN_SYSVIPC_MSG_INFO  = 4
	KERN_SYSVIPC_SEM_INFO  = 5
	KERN_SYSVIPC_SHM_INFO  = 6
)
