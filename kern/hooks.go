package kern

import "toaster/netbsd"

// This file has what the kernel asks of the layers above and below it. Every hook
// is optional (nil: there is none), is called with no kernel lock held, and may
// use the LWP it is given to sleep.

// AddressSpace is the memory of one process, or of several that share it.
type AddressSpace interface {
	// Fork makes the address space of child, a process or an LWP's process
	// that is not yet runnable, and prepares the child's first LWP
	// (SetMachdep, SetKicker). With share, as vfork(2) has it, the child
	// borrows this one until it execs or exits.
	Fork(parent, child *LWP, share bool) (AddressSpace, netbsd.Errno)
	// Exit drops p's use of the memory; it may block. Release 10 calls it in
	// exit1, where l, the last LWP, still has its own part, which goes, too; release
	// 2003 on the reaper, where l is nil.
	Exit(p *Proc, l *LWP)
}

// LWPFreer is what an AddressSpace may be, too: told of every LWP that has ended,
// in release 10 except the last one, which goes with Exit.
type LWPFreer interface {
	// WaitLWP is cpu_wait: the machine-dependent part has come to rest.
	WaitLWP(l *LWP)
	// FreeLWP is uvm_lwp_exit: drop what the LWP still holds. exiting: all others go,
	// too, and Exit will follow.
	FreeLWP(l *LWP, exiting bool)
}

// Killer is what an AddressSpace may be, too: it can end LWPs by force (doom.go). Neither
// function blocks.
type Killer interface {
	// Kill says that p dies, whatever its LWPs do: none of its code need run any more.
	Kill(p *Proc)
	// Doom says that p's LWPs are to end. While p.Dying says so, those that have not after
	// a fraction of a second are to be ended.
	Doom(p *Proc)
}

// Usager is what an AddressSpace may be, too: it measures resource usage.
type Usager interface {
	// Usage is what p has used so far, its children not included. l is nil or an LWP of
	// p on whose goroutine the call is made: a stopped one can be asked itself.
	Usage(p *Proc, l *LWP) netbsd.Rusage
}

// Files is a file-descriptor table.
type Files interface {
	Fork(share bool) Files // a copy for the child; with share the same table
	Exec()                 // drops what is marked close-on-exec
	Close()                // drops one use; may block
}

// Dirs is the current and the root directory.
type Dirs interface {
	Fork(share bool) Dirs
	Close()
}

// Terminal is the device behind a TTY.
type Terminal interface {
	// Drain waits until the output has gone (ttywait); exit ignores its error.
	Drain(l *LWP) netbsd.Errno
	// Revoke takes the terminal away from all who hold it (VOP_REVOKE).
	Revoke()
	// Release drops the session's reference (vrele).
	Release()
}

// Ref is a counted reference that fork copies: the text vnode, a ktrace file, a
// systrace attachment.
type Ref interface {
	Hold()
	Release()
}

// Emul is an emulation vector: which system's calls a process makes. Its
// functions may be nil and run with no lock held.
type Emul struct {
	Name string
	// ProcExit is e_proc_exit (item 31). In release 10 it may change the
	// status with Proc.SetExitStatus; in release 2003 that has no effect.
	ProcExit func(*Proc)
	// ProcExec is e_proc_exec: p has come to this emulation by exec.
	ProcExec func(*Proc)
	// ProcFork is e_proc_fork.
	ProcFork func(child, parent *Proc)
}

// EmulNetBSD is the native emulation.
var EmulNetBSD = &Emul{Name: "netbsd"}

// Counters is a process's performance counters, as PERFCTRS has them.
type Counters interface {
	Fork(child *Proc) Counters    // the child's counters, nil for none; Machine.mu is held
	Accumulate(Counters) Counters // adds a dead child's counters, returns the sum
	Exit()                        // pmc_process_exit; of a fork that fails, too
}

// Image is what a process runs; processes share it after a fork. It is immutable.
type Image struct {
	Comm string // p_comm, at most 16 bytes
	Path string // p_path, the full name of the executable
	Emul *Emul
	Text Ref // the executable's vnode; nil if none
	Args any // what the platform has noted of its arguments (SetArgs)
}
