// Package platform carries guests, which are NetBSD programs, on Linux. It knows nothing of
// NetBSD's kernel: it gives whoever is that kernel an address space (Process) and threads of
// machine code in it (Thread), runs a thread until it traps (Thread.Run), and lets the caller
// read and change its registers and memory meanwhile.
//
// Each address space is a Linux process, a host process; each thread is a thread of it, a
// host thread. It runs as an ordinary user: no ptrace, no virtual machine.
//
// # How a guest runs
//
// Every host process contains, above the addresses that guests can use, the stub: a page of
// toaster's machine code (stub_amd64.s), and the control window, memory that the process
// shares with toaster, with one slot for each thread. A seccomp filter (package seccomp)
// turns every system call of the guest into the signal SIGSYS. The stub's handler takes it,
// on a signal stack inside the slot. So the guest's registers lie in shared memory, where
// Run finds them and changes them in place; rt_sigreturn loads them again. Faults take the
// same way, and so do kicks, which are signals that make a guest trap because something
// else wants its attention.
//
// A word of the slot says whose turn it is, the guest's or the kernel's (run.go). While it is
// the kernel's, the host thread waits in the stub. The kernel may give it a list of host
// calls to make, for what only a thread of the process can do, such as mmap (inject.go).
//
// # Calls that the stub answers
//
// clock_gettime and sched_yield need no kernel: the stub makes the host's call in the SIGSYS
// handler and returns, which saves the exchange of turns. It makes the call with the guest's
// pointer, as a fault on a bad one would kill the process there; a call that fails is
// handed to the kernel, where it fails again. The guest's monotonic clock is the host's,
// without an offset, so that both ways and the kernel's timers agree to the nanosecond.
//
// Calls from rewritten sites (below) may be answered that are more than that: gettimeofday,
// which C programs ask for the time by, _lwp_self, _lwp_setprivate, and a nanosleep of less than a millisecond, which the monitor of each Go
// program makes all the time. A signal makes a trap of such a sleep, with what is left of it
// (Trap.Napped), so that it ends just where the kernel would have ended it. What sleeps
// longer must be seen asleep, and is the kernel's. And the kernel lends state to the guest
// (lent.go): its signal mask, its signal stack, and, to a process of one thread, its signal
// actions and room for mmap. The stub reads and changes that in the slot.
//
// Options.TrapAll switches all that off, for traces, Thread.SetTrapAll for a thread, for
// tracers.
//
// # Who runs where
//
// With both sides awake on two cores a turn is passed in 0.2 µs; on one core it takes two
// switches, some 2.7 µs; to wake a core that has gone to sleep, 20 to 40. So the side that
// has passed the turn watches the word for a while, if there is a core that no guest needs
// (running.go: those that have the turn and don't nap): the guest for spinTime, the kernel
// for three times that, since the guest computes between its calls. Linux puts threads that
// wake each other on one core and keeps them there; after a few turns of that kind wake.go
// moves the guest.
//
// # Who waits where
//
// A goroutine that waits for its guest sleeps on the turn's word, on a thread of its own as
// long as few do. Where many do, threads that each sleep for 127 of them do it (await.go),
// as Go ends a program that has 10,000 threads.
//
// # What creates and ends what
//
// New executes the zygote from memory, a static program that is nothing but the stub
// (zygote.go). A pristine process is a fork of it, kept in a pool (nursery.go); Thread.Fork
// is a fork of the guest's process (fork.go). A host thread that is no longer needed is
// parked, for the process's next one (park.go). All host processes are children of one
// locked thread of toaster's and die with it (PDEATHSIG), and the reaper collects them by
// pid (reap.go).
//
// # What a guest can do
//
// A guest can write its own slot, jump into the stub and so make its own thread behave
// badly; it gains no access to anything else, and Process.Kill ends it. A guest that is
// caught at it is killed at once. The invariants of stub and filter, why they hold and
// which test tries each, are a table in SECURITY.md; see package seccomp, clone.go and
// supervise.go.
//
// Nor need a guest do what it is told. So all that is expected of a thread has an end: the
// watchdog kills the process of one that does something else instead (watchdog.go). Kill
// begins with the host process, and ends at once whatever waits for it.
//
// # Calls without a signal
//
// Call sites are rewritten when a program is executed, or a file mapped for execution, where
// that is certain to be right (rewrite.go): a jump leads to an island beside the code, and that
// to stubFast, which has the slot by GS. Where a program wants GS for itself (sysarch(2)), its sites are restored
// (OwnGS). stubFast answers the clocks with the vdso's code,
// which the zygote has moved to a known place, and hands everything else over as a light
// trap: registers in the slot, extended state still in the processor, no signals blocked.
// It can make calls for the kernel as a thread in a signal frame can, if no signal
// interrupts them. What needs more makes a signal frame of it (lighttrap.go). With the calls
// that ask for it, getcontext and _lwp_create, the x87 and SSE state comes along; with exit
// and execve what the process has used; with some others their first arguments, or their path; and
// what a call returns in memory at its very end goes along when the guest goes on (carry.go).
//
// The rules by which that stays right:
//   - Until the turn is given, nothing has happened that the guest could notice, unless
//     the stub has noted it in the slot: then the call is done. Otherwise a signal there
//     puts the guest in front of its old system call instruction, with its registers as
//     they were. Faults on bad pointers need no other treatment.
//   - While the turn is the kernel's, a kick is noted in the slot, and no second turn given.
//   - Behind that, the registers are those that the kernel has, and not in the frame.
//   - A guest is never seen, stepped or told of at an address that isn't its own.
//
// Measured with both sides on an otherwise idle machine of two cores: getppid 0.4 µs
// instead of 2.1, clock_gettime 0.04 instead of 1.7 (answered in the handler) or
// 2.1 (handed over); Linux takes 0.15 for the former and 0.04 for the latter.
//
// # Locks
//
//	Nursery.forkMu < Process.fdPassing < Platform.listening < Process.mu < Platform.mu < arena.mu
//	Process.mu < window.mu
//	Process.mu < watchdog.mu
//
// waiters.mu and freezing.mu stand alone. Nobody waits for a guest while holding Process.mu or Platform.mu;
// Platform.listening is a lock in the form of a channel, so that who waits for it can be told
// meanwhile that its question is answered (supervise). Process.fdPassing, Nursery.forkMu
// and machine.Space.mu, which belong to one process each, may be held. Who writes to memory that is frozen
// waits for guests, too (Process.Write), and so holds none of the others.
//
// # Rejected
//
//   - A socket to each process, for descriptors: the filter's notifications
//     carry them as well (SECCOMP_IOCTL_NOTIF_ADDFD), and say who asks.
//   - To check what is born instead of each clone, which saves a question and some
//     30 µs: a guest could lead its newborns away before they were checked.
//   - clone3 with CLONE_CLEAR_SIGHAND, by which no signal could lead a newborn away:
//     Docker's profile has no clone3.
//   - A supervisor goroutine: who gives an order has nothing else to do than to
//     wait for its question. That saves another one.
//   - One memory file for all control windows, which costs no descriptor each: whoever
//     gets hold of it once has everybody's registers.
//   - Adaptive spinning by success and failure: with both sides asleep a short
//     watch never succeeds, and it stays that way. What is asked instead is
//     whether a core is free and whether both sides are on the same one.
//   - The usual blocking system call for waiting: it keeps the P for up to 10 ms.
//   - runtime.Gosched while watching: LWPs are created a tenth faster, but
//     everything else is slower by as much.
//   - Watching for notifications without sleeping: no difference.
//   - Exact counts of who runs, kept by the stub: a guest that is killed would
//     take its count along, and one that cheats would cheat others.
package platform
