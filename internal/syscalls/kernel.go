package syscalls

import (
	"os"
	"sync"
	"sync/atomic"
	"time"

	"toaster/internal/aio"
	"toaster/internal/file"
	"toaster/internal/mqueue"
	"toaster/internal/socket"
	"toaster/internal/sysv"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// Kernel is what the handlers share beside the process tree: the names a machine
// goes by, its file systems, and how a program comes into an address space.
type Kernel struct {
	M       *kern.Machine
	Sockets *socket.Stack
	SysV    *sysv.IPC
	Queues  mqueue.Names

	Accounting Accounting
	Ktraces    Ktraces
	Pax        Pax

	Aio      aio.Machine
	aioMu    sync.Mutex // held while a process gets its queue
	MaxFiles int        // kern.maxfiles; 0: what NetBSD would have
	PhysMem  uint64
	BootTime time.Time
	// Monotonic is CLOCK_MONOTONIC where the platform answers for it without a trap: both
	// must say the same. Nil: the time since BootTime.
	Monotonic func() time.Duration

	// Exec replaces the calling LWP's program; it returns only on failure or, with
	// EJUSTRETURN, once the registers are those of the new program's first instruction.
	Exec func(c *Call, e ExecArgs) netbsd.Errno
	// Spawn makes a child that runs a new program; of a it completes Fork and Exec.
	Spawn func(c *Call, e ExecArgs, a kern.PosixSpawnArgs) (*kern.Proc, netbsd.Errno)
	// LWPBody is what a new LWP of a guest runs: the run loop.
	LWPBody func(*kern.LWP)
	// SetStack sets the stack pointer of l, which has not run yet; 0 leaves it.
	SetStack func(l *kern.LWP, sp uint64) netbsd.Errno
	// CPUTime is the processor time that an LWP has used.
	CPUTime func(*kern.LWP) (user, system time.Duration)
	// DumpCore is coredump(l, path) for its tracer by, which sees to it that l's process stands still; nil is the usual name. EPERM, EFBIG, those of open(2).
	DumpCore func(by, l *kern.LWP, path *string, info *netbsd.Siginfo) netbsd.Errno
	pmc      pmcUses
	// domain is the name of the YP domain; nil: there is none.
	domain        atomic.Pointer[string]
	timecounter   atomic.Pointer[string] // kern.timecounter.hardware, if it was set
	coreName      atomic.Pointer[string] // kern.defcorename, if it was set
	curtain       atomic.Int32           // security.curtain
	userDebugRegs atomic.Int32           // security.models.extensions.user_set_dbregs
	maxLWP        atomic.Pointer[int32]  // kern.maxlwp; nil: nobody has set it
	maxFiles      atomic.Pointer[int32]  // kern.maxfiles; nil: nobody has set it
	options       options
	exposeAddress atomic.Int32  // kern.expose_address less 1, which it is at first: see showsAddresses
	fileNumbers   atomic.Uint64 // by which open files are told apart, see file.Description.Number
	// futexes are who waits in __futex(2).
	futexes futexTable

	// NewMemory makes the memory of a memfd, which has no size yet. ENOMEM, ENFILE.
	NewMemory func() (file.Memory, netbsd.Errno)
	// NewEventSet makes the set of a kqueue that is to be lent; nil where nothing is.
	NewEventSet func() (file.EventSet, netbsd.Errno)

	// NewThread makes the machine context of a new LWP in the caller's address space.
	NewThread func(c *Call, l *kern.LWP) (CPU, netbsd.Errno)
	// CallOf returns the call of an LWP of a guest, by which its machine context is reached; only its own goroutine may ask.
	CallOf func(l *kern.LWP) *Call
	// CallAsleep returns that of an LWP that is asleep, nil if it is of no guest. It is called by kern.LWP.Asleep's function, so it takes no lock. Nil: sleeps
	// have no names.
	CallAsleep func(l *kern.LWP) *Call
}

// osRelease is kern.osrelease.
func (k *Kernel) osRelease() string { return k.M.Release().OSRelease() }

// version is kern.version.
func (k *Kernel) version() string { return "NetBSD " + k.osRelease() + " (toaster)" }

// ExecArgs are the arguments of execve(2), already copied in.
type ExecArgs struct {
	Path string
	Argv []string
	Envp []string

	// Bad is what was wrong with the vectors, which are empty then. It is the error where nothing is wrong with the file (execve_loadvm).
	Bad netbsd.Errno

	// Traced, if it is not nil, is told the arguments and the environment that a program will have, a script's interpreter's that of #! among them, once the
	// file is known to be one that can be executed: nobody is traced before that (copyinargs). It does so behind what is wrong with the file, and before Bad.
	Traced func(argv, envp []string)

	// File is what fexecve(2) executes in place of the file of that name, which is a full one then. Kernel.Exec closes it.
	File *os.File
}

// ProcArgs are what a process was started with (kern.proc_args of sysctl(7)).
type ProcArgs struct {
	Path       string
	Argv, Envp []string
}

// SetProcArgs notes them; a fork of p has them, too.
func SetProcArgs(p *kern.Proc, a *ProcArgs) { p.SetArgs(a) }

// procArgsOf returns them, nil for a process that was started with none, as init is.
func procArgsOf(p *kern.Proc) *ProcArgs {
	a, _ := p.Image().Args.(*ProcArgs)
	return a
}

// argsOf returns what process pid was started with; -1 is the caller.
func argsOf(c *Call, pid int) (*ProcArgs, netbsd.Errno) {
	p := c.L.Proc()
	if pid != -1 && pid != p.Pid() {
		var errno netbsd.Errno
		if p, errno = c.see(pid); errno != 0 {
			return nil, errno
		}
	}
	if a := procArgsOf(p); a != nil {
		return a, 0
	}
	if p == c.K.M.Init() {
		return &ProcArgs{Path: "/sbin/init", Argv: []string{"init"}}, 0 // start_init
	}
	return &ProcArgs{}, 0
}

// Dirs is the current and the root directory of a process, as kern wants it.
type Dirs struct{ *vfs.Dirs }

// Fork implements kern.Dirs.
func (d Dirs) Fork(share bool) kern.Dirs { return Dirs{d.Dirs.Fork(share)} }

// View is l's look at the file system for the length of one call.
func View(l *kern.LWP) vfs.View {
	dirs, files, cred := l.Proc().Looks()
	return vfs.View{Dirs: dirs.(Dirs).Dirs, Files: files.(Files).Table, L: l, Cred: cred}
}

// dirsOf returns the directories of a process, nil if it has ended.
func dirsOf(p *kern.Proc) *vfs.Dirs {
	looks, _, _ := p.Looks()
	dirs, _ := looks.(Dirs)
	return dirs.Dirs
}

// isUnder is proc_isunder of p and the caller, for who looks into p. Of a process that has ended others are to say so.
func (c *Call) isUnder(p *kern.Proc) bool {
	dirs, mine := dirsOf(p), dirsOf(c.L.Proc())
	return dirs == nil || mine == nil || dirs.Under(mine)
}

// Files is the descriptor table of a process, as kern wants it.
type Files struct{ *file.Table }

// Fork implements kern.Files.
func (f Files) Fork(share bool) kern.Files { return Files{f.Table.Fork(share)} }

// TableOf returns the descriptors of an LWP's process, nil if it is none of a process with
// any: what the files of a machine of guests are to know (file.MachineConfig).
func TableOf(l file.Sleeper) *file.Table {
	if l, ok := l.(*kern.LWP); ok {
		if f, ok := l.Proc().Files().(Files); ok {
			return f.Table
		}
	}
	return nil
}

// UserOf is the effective user of an LWP.
func UserOf(l file.Sleeper) uint32 {
	if l, ok := l.(*kern.LWP); ok {
		return uint32(l.Proc().Cred().EUID)
	}
	return 0
}

// files returns the caller's descriptor table.
func (c *Call) files() *file.Table {
	return c.L.Proc().Files().(Files).Table
}

// get looks a descriptor up; the caller releases it.
func (c *Call) get(fd int) (*file.Description, netbsd.Errno) {
	return c.files().Get(fd)
}
