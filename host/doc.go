// Package host carries guest address spaces and threads on Linux: a host
// process for each address space, a host thread for each LWP. It is the only
// platform code. It runs as an ordinary user: no ptrace, no virtual machine.
//
// # How a guest runs
//
// Every host process contains the stub (stub_amd64.s), a page of our machine
// code, above the addresses that guests can use, and a control window, memory
// that it shares with us, with one slot for each thread. A seccomp filter turns
// every system call of the guest into SIGSYS, which arrives in the stub, on a
// signal stack inside the slot. So the guest's registers are in shared memory,
// where Run finds them and changes them in place; rt_sigreturn loads them again.
// Faults and kicks take the same way.
//
// A thread's slot says whose turn it is (run.go). While it is ours, the thread
// waits in the stub; we may have it execute host calls for us (inject.go).
//
// # What creates and ends what
//
// New executes the zygote from memory, a static program that is nothing but the
// stub (zygote.go). A pristine process is a fork of it, kept in a pool
// (warm.go); Thread.Fork is a fork of the guest's process (fork.go). All of them
// are children of one locked thread of ours and die with it (PDEATHSIG), and
// the reaper collects them by pid (reap.go).
//
// # What a guest can do
//
// See filter.go and supervise.go. A guest can write its own slot, jump into the
// stub and so make its own thread behave badly; it gains no access to anything
// else, and Process.Kill ends it.
//
// Locks: Process.gifts < Process.mu < Platform.mu < arena.mu; Platform.forking
// is outside all of them. Nobody waits for a guest while holding Process.mu or
// Platform.mu.
package host
