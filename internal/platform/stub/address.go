// Package stub is what every host process carries beside its guest: machine code that takes the
// guest's traps, a page of configuration, and the control window, memory that the process
// shares with toaster. It has both sides of that: the assembly (stub_amd64.s), which is never
// run in toaster but copied into the program of the first host process (Load, Image), and
// toaster's access to the window, a Slot for each host thread.
//
// A guest can write its window and jump to any byte of the code. So whatever is read from a
// slot is checked (decode.go), and what the code may do is bounded by the seccomp filter, not by
// the code. The package starts no process and makes no decisions: package platform gives the
// turn, and says what a thread is to do with it.
//
// A host process is laid out so:
//
//	0 .. GuestEnd                 the guest's memory
//	Addr .. ConfigAddr            the stub's code: read and execute
//	ConfigAddr .. End             its configuration: read
//	End ..                        the vdso, if the host lets it be moved there
//	WindowAddr .. + window size   the control window: read and write, shared with toaster
//
// Everything from Addr on is above what a NetBSD program can be given, and where neither a
// guest's mapping nor the host's own choice of an address can be. The seccomp filter
// (package seccomp) keeps it so: it trusts the code by its address, so that nobody but the
// zygote, before it installs the filter, may map, unmap or protect anything here; but for the
// window, which each newborn process maps.
package stub

// Where the parts of a host process are.
const (
	// GuestEnd is the first address that a guest cannot use.
	GuestEnd = 0x7f8000000000

	Addr       = 0x7fa000000000 // the stub's text, two pages
	ConfigAddr = Addr + 0x2000  // what the stub reads but must not be able to change
	End        = Addr + 0x3000
	WindowAddr = 0x7fb000000000 // the control window, one slot a thread
	HostEnd    = 0x7ffffffff000 // TASK_SIZE of Linux with four-level page tables

	Size       = ConfigAddr - Addr
	ConfigSize = End - ConfigAddr
)

// InGuestRange reports whether a range lies where guests may map.
func InGuestRange(addr, size uint64) bool {
	return addr < GuestEnd && size <= GuestEnd-addr
}

// Addresses in the configuration page that the filter knows.
const (
	NoSignals  = ConfigAddr + 0x70 // an empty signal mask
	AllSignals = ConfigAddr + 0x78 // a full one

	// NoStack is what newborns have for a stack: nothing can be written there, so that no
	// signal frame can be made and a trap on a newborn's way to its report kills it.
	NoStack = ConfigAddr + 0xa0
)

// The descriptors that a host process ever has, beside the files that its guest is lent
// (files.go): PassedFD is a file that the guest maps, ControlFD its control memory. They differ, so that a guest can never map a file in place
// of its window; ControlFD is open only in a newborn, before it can run guest code.
const (
	PassedFD  = 3
	ControlFD = 1
)

// Numbers under which the stub asks its supervisor for something. They are system calls
// that the filter always turns into a notification, so that none of them is ever executed
// as such.
const (
	AskProcess = 32  // dup: a new process reports; it is given its control memory
	AskThread  = 33  // dup2: a new thread reports
	AskFile    = 292 // dup3: the descriptor that toaster said it would pass
)

// Flags of the two clones that the filter lets through. The child of a fork is a child of
// toaster's, not of the guest, so that toaster can wait for it, and so that it dies with
// toaster; the exit signal comes from the zygote with CLONE_PARENT.
const (
	ForkFlags   = 0x8000                                            // CLONE_PARENT
	ThreadFlags = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000 // VM FS FILES SIGHAND THREAD SYSVSEM
)
