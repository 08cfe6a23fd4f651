// Package kern is the process side of the NetBSD kernel: processes and LWPs, fork,
// exec, exit and wait, signals, process groups, sessions and job control, ptrace
// relations, credentials, limits, timers and accounting. It knows no host, no
// executable format and no bytes of any ABI; it imports only netbsd.
//
// # Machines, processes, LWPs
//
// A Machine is one running kernel with its process table. It follows one of three
// releases: Release11, NetBSD 11, Release10, or Release2003, where processes live as in
// kern_exit.c 1.127. release.go has what differs.
// Spawn starts a process below init; inside, an LWP forks more. Each LWP is a
// goroutine that runs a body func(*LWP):
//
//	m := kern.New(kern.Config{})
//	defer m.Close()
//	p, errno := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
//		l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) { l.Exit(7) }})
//		r, _ := l.Wait(netbsd.WaitAny, 0)
//		l.Exit(r.Status.ExitCode())
//	}})
//
// A body is a guest written in Go, or the run loop of a guest that has machine code and
// a platform that runs it. Each kernel call of a Go-function guest ends as a return to user mode
// does: signals are delivered there (Action.Func), stops happen there.
//
// # Two faces
//
// An embedder whose processes are Go functions uses Machine, Proc, LWP and what belongs to
// them: Pgrp, Session, TTY, Handle, EventReader. Their methods are NetBSD's system calls and
// what a library wants besides. Hooks are fields of Config and may all be nil.
//
// Whoever carries real guests finds the rest in Platform (platform.go), the face of an LWP
// that was started with Manual: the return to user mode, machine-dependent state, kicks, what is lent
// to guest code; and in the interfaces of hooks.go, which the platform implements:
// AddressSpace with Killer, LWPFreer and Usager, Files, Dirs, Terminal, Lent.
//
// # Dying
//
// An LWP that is to die does so in its next kernel call (Manual: in UserRet): its
// goroutine ends by runtime.Goexit, its deferred functions run, and only then the
// process goes on to end. So when a wait returns, the deferred functions of the
// child's bodies have run, up to its last LWP's. In deferred functions kernel calls
// return ESRCH. The end of a first LWP's body is Exit(0), that of another ExitLWP.
//
// # Numbers and errors
//
// Guest numbers, pids, lids, signals, options, are plain ints and may be anything:
// the answer is an effect or a netbsd.Errno, where 0 is success. Times are
// time.Duration and time.Time, memory in a Rusage is in KiB. What a *Proc or *LWP
// is asked after its end is answered as far as known, or with ESRCH. A call as an LWP
// from a second goroutine, while one is inside, returns EBUSY; otherwise it counts as
// the LWP's own. An object of another machine returns EINVAL.
//
// # Sleeping
//
// Layers above sleep by LWP.Sleep and wake by LWP.Wake, with tokens: register, test,
// Sleep, test again. All time comes from package time and all sleeps are durable in
// the sense of testing/synctest.
//
// # Locks
//
// One mutex, Machine.mu, guards all of a machine's tree, states and signals; one more
// is below it (see LockOrder). None is held in a hook or while something sleeps;
// Config.Trace alone is called with mu held. What belongs to whom: fields of Proc,
// LWP, Pgrp, Session, TTY and Machine are mu's, except where they are said to be the
// LWP's own or atomic.
//
// There is no lock per process for signals. A signal moves LWPs between states, stops
// processes and reports to parents; nearly every one would need both locks.
//
// # Specification
//
// doc/lifecycle.md is the specification: 99 numbered items, each with its place in
// kern_exit.c 1.127, what NetBSD 10 does otherwise, and the tests that hold it. A
// number in a comment, "(item 37)", is one of those. The page also lists where this
// package differs from NetBSD.
package kern
