package main

// A guest that dumps core; the host's test looks at what it has left.

var coreMarker [16]byte

const rlimitCore = 4

func coreLimit(cur int) {
	lim := [2]int{cur, 1<<63 - 1}
	must("setrlimit", sysSetrlimit, rlimitCore, ptr(&lim))
}

// subCore has children die of SIGSEGV, and compares what the parent hears with what there is
// (kern_core.c): a core only where one was written.
func subCore() {
	const crashed, dumped = sigSEGV, sigSEGV | 0x80
	crash := func() { writeByte(nowhere, 1) }
	coreLimit(0)
	reap(fork(crash), crashed)
	coreLimit(page)
	reap(fork(crash), crashed)
	coreLimit(1<<63 - 1)
	reap(fork(func() { kill(getpid(), sigTERM) }), sigTERM)
	name, other := cstring("guest.core\x00"), cstring("other\x00")
	must("symlink", 57, other, name) // O_NOFOLLOW
	reap(fork(crash), crashed)
	must("unlink", 10, name)
	must("close", sysClose, must("open", sysOpen, other, 0x202, 0o600))
	must("link", 9, other, name) // a file with another name
	reap(fork(crash), crashed)
	must("unlink", 10, name)
	must("unlink", 10, other)
	reap(fork(crash), dumped)
	must("unlink", 10, name)
	reap(fork(func() { // no environment: the file stays empty (proc_getauxv)
		const psEnvstr = 0x7f7ffffff000 - 32 + 16
		for i := range 8 {
			writeByte(psEnvstr+i, 0)
		}
		crash()
	}), crashed)
	must("unlink", 10, name)
}

// subCoreDump leaves one, with two LWPs in it.
func subCoreDump() {
	coreLimit(1<<63 - 1)
	for i := range coreMarker {
		coreMarker[i] = "in memory alone!"[i]
	}
	reap(fork(func() {
		lwpCreateAt(1, 0, addrOf(addrSpinLWP), nil)
		for load(&spins) == 0 {
			yield()
		}
		writeByte(nowhere, 1)
	}), sigSEGV|0x80)
}

// subCoreByTracer has a tracee dumped by name while it is stopped (PT_DUMPCORE); it goes on behind that. The file is made in the tracer's directory. What is no regular file is
// EACCES (coredump). NetBSD would wait for a FIFO's reader in vn_open, and the tracee's end with it; nobody is kept waiting here.
func subCoreByTracer() {
	coreLimit(0)
	pid := tracee(func() { exit(3) })
	errs("PT_DUMPCORE beyond the limit", efbig, sysPtrace, ptDUMPCORE, pid, cstring("none\x00"), 4)
	resume(pid, 0)
	reap(pid, exited(3))
	coreLimit(1<<63 - 1)
	for i := range coreMarker {
		coreMarker[i] = "in memory alone!"[i]
	}
	pid = tracee(func() { exit(4) })
	errs("PT_DUMPCORE where there is no directory", enoent, sysPtrace, ptDUMPCORE, pid, cstring("none/x"), 6)
	errs("PT_DUMPCORE without a name", enoent, sysPtrace, ptDUMPCORE, pid, cstring("x"), 0)
	fifo := cstring("fifo\x00")
	must("mkfifo", sysMkfifo, fifo, 0o600)
	errs("PT_DUMPCORE onto a FIFO that nobody reads", enxio, sysPtrace, ptDUMPCORE, pid, fifo, 4)
	end := must("open", sysOpen, fifo, oRDONLY|oNONBLOCK)
	errs("PT_DUMPCORE onto a FIFO", eacces, sysPtrace, ptDUMPCORE, pid, fifo, 4)
	must("close", sysClose, end)
	must("unlink", 10, fifo)
	sub := cstring("sub\x00")
	must("mkdir", sysMkdir, sub, 0o700)
	must("chdir", sysChdir, sub)
	ptrace("PT_DUMPCORE", ptDUMPCORE, pid, cstring("named.core"), 10)
	resume(pid, 0)
	reap(pid, exited(4))
}
