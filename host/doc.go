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
// # Calls that the stub answers
//
// clock_gettime and sched_yield need no kernel of ours: the stub makes the host's
// call in the SIGSYS handler and returns, which saves the hand-over. It makes
// the call itself, with the guest's pointer, because a fault on a bad one would
// kill the process there; what fails is handed over and fails again with us.
// Options.TrapAll switches it off, for traces.
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
// else, and Process.Kill ends it. A guest that is caught at it is killed at once.
//
// # Why not
//
//   - A socket to each process, for descriptors: the filter's notifications
//     carry them as well (SECCOMP_IOCTL_NOTIF_ADDFD), and say who asks.
//   - A notification for each clone: the newborn's own one is enough, if all
//     clones come from one instruction. It saves a wake-up, some 30 µs.
//   - A supervisor goroutine: who gives an order has nothing else to do than to
//     wait for its question. That saves another one.
//   - A memory file for each process: one for all costs no descriptor each. It is
//     open in a process only while that runs code of ours with signals blocked.
//   - Adaptive spinning by success and failure: with both sides asleep a short
//     watch never succeeds, and it stays that way. What is asked instead is
//     whether a core is free and whether both sides are on the same one.
//   - The usual blocking system call for waiting: it keeps the P for up to 10 ms.
//
// # Later: calls without a signal
//
// mov $nr,%eax; syscall is seven bytes, as is call *abs32. To rewrite call sites
// needs a table below 2 GiB, a GS base that points to the slot (regs.go keeps
// GS already), registers saved by the stub where the signal frame has them, and
// an answer to two questions: a kick that arrives inside the stub must be
// deferred to its end, and a signal that NetBSD delivers there needs the
// extended state, for which the stub would make a real trap.
//
// # Locks
//
//	Platform.forking < Process.gifts < Platform.listen < Process.mu < Platform.mu < arena.mu
//	Process.mu < window.mu
//
// Nobody waits for a guest while holding Process.mu or Platform.mu.
package host
