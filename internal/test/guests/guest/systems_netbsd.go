package main

import "unsafe"

// Cases about the systems that exit1 calls, in the order of doc/lifecycle.md: what a process has of each, and what is left of it
// when it has ended. What is left in a file is read by the host's tests (systems_test.go).

var systemCases = []testCase{
	{"exit_13_restartable_sequences", rasRestarts},
	{"exit_13_sequences_go_with_exec_and_exit", rasGoes},
	{"exit_14_SIGIO_when_files_close", sigioAtClose},
	{"exit_16_exit_hooks_undo_semaphores", undoByHook},
	{"exit_RLIMIT_FSIZE", fileSizeLimit},
	{"profil_counts_where_the_program_is", profilCounts},
}

const (
	sysRasctl = 343
	sysAcct   = 51

	sigXFSZ = 25
	sigIO   = 23
)

// sequence counts its beginnings, and spins until somebody says so.
func sequence()

var (
	seqStarts int
	seqDone   int
	seqRIP    int
	seqMet    int // how often a signal has met it
)

// sequenceLen is more than the sequence has.
const sequenceLen = 64

func installSequence() int {
	_, e := call(sysRasctl, addrOf(addrSequence), sequenceLen, 0)
	return e
}

// runSequence goes through the sequence, in which a timer's signal interrupts it three times. One may come before it, or behind
// it: where that meets the program says nothing.
func runSequence() {
	seqStarts, seqDone, seqMet = 0, 0, 0
	onSig = func(int) {
		rip := *(*int)(unsafe.Pointer(lastUC + 56 + 8*21))
		if rip < addrOf(addrSequence) || rip >= addrOf(addrSequence)+sequenceLen {
			return
		}
		seqRIP = rip
		if seqMet++; seqMet == 3 {
			seqDone = 1
		}
	}
	catch(sigALRM, 0)
	timer := [4]int{0, 2000, 0, 2000}
	must("setitimer", sysSetitimer, 0, ptr(&timer), 0)
	sequence()
	timer = [4]int{}
	must("setitimer", sysSetitimer, 0, ptr(&timer), 0)
}

// rasRestarts: ras_lookup of cpu_switchto(9). With one processor toaster has none of it.
func rasRestarts() {
	if installSequence() != 0 {
		return
	}
	runSequence()
	yes("it began again", seqStarts >= 2)
	eq("where the handler has interrupted it", seqRIP, addrOf(addrSequence))
	must("rasctl: purge", sysRasctl, addrOf(addrSequence), sequenceLen, 1)
	errs("rasctl: purged", esrch, sysRasctl, addrOf(addrSequence), sequenceLen, 1)
	runSequence()
	eq("beginnings of what is none", seqStarts, 1)
	yes("where the handler has interrupted it", seqRIP > addrOf(addrSequence))
}

// rasGoes: a fork copies sequences (ras_fork), an exec drops them, and what a child had is not its parent's.
func rasGoes() {
	if installSequence() != 0 {
		return
	}
	reapOK(fork(func() {
		must("rasctl of a copy", sysRasctl, addrOf(addrSequence), sequenceLen, 1)
		must("rasctl of another", sysRasctl, addrOf(addrLwpStart), 16, 0)
	}))
	errs("rasctl of a child's", esrch, sysRasctl, addrOf(addrLwpStart), 16, 1)
	reapOK(fork(func() { execSelf("sub_no_sequence") }))
	must("rasctl of what is left", sysRasctl, addrOf(addrSequence), sequenceLen, 1)
}

func subNoSequence() {
	errs("rasctl after an exec", esrch, sysRasctl, addrOf(addrSequence), sequenceLen, 1)
}

// sigioAtClose: the end of a process closes its files, and a pipe tells its other end of that (pipeclose, fownsignal), before
// anybody can wait for it.
func sigioAtClose() {
	catch(sigIO, 0)
	block(sigIO)
	holdChild()
	var p pipe
	p.open()
	must("F_SETOWN", sysFcntl, int(p.r), 6, getpid())
	must("F_SETFL", sysFcntl, int(p.r), 4, 0x40)
	child := fork(func() {
		p.closeR()
		kill(getpid(), sigKILL)
	})
	p.closeW()
	eq("SIGIO", sigwait(bit(sigIO)), sigIO)
	p.eof()
	awaitZombie()
	reap(child, sigKILL)
}

var undoOps = [1]uint{0xffff<<16 | semUndo<<32} // semaphore 0, -1, SEM_UNDO

// undoByHook: what SEM_UNDO has noted is done by an exit hook (semexit) before the zombie can be waited for, whatever has
// ended the process; another program sees it.
func undoByHook() {
	id := must("semget", sysSemget, 0, 1, ipcCreat|0o600)
	value := 5
	must("SETVAL", sysSemctl, id, 0, 8, ptr(&value))
	for _, sig := range [...]int{0, sigKILL, sigSEGV} {
		var taken, end pipe
		taken.open()
		end.open()
		child := fork(func() {
			must("semop", sysSemop, id, ptr(&undoOps), 1)
			taken.post()
			end.wait()
			if sig != 0 {
				kill(getpid(), sig)
			}
		})
		taken.wait()
		eq("the semaphore", must("GETVAL", sysSemctl, id, 0, semGetval), 4)
		end.post()
		reap(child, sig)
		eq("the semaphore, undone", must("GETVAL", sysSemctl, id, 0, semGetval), 5)
	}
	must("IPC_RMID", sysSemctl, id, 0, ipcRmid)
}

const rlimitFSIZE = 1

// fileSizeLimit: EFBIG and SIGXFSZ (ufs_write, tmpfs_write), of which the default is to die; what was written before is there.
func fileSizeLimit() {
	name := cstring("/tmp/toaster-guest-fsize\x00")
	fd := must("open", sysOpen, name, oRDWR|oCREAT|oTRUNC, 0o600)
	must("unlink", sysUnlink, name)
	limit := func() {
		lim := [2]int{4, 4}
		must("setrlimit", sysSetrlimit, rlimitFSIZE, ptr(&lim))
	}
	reap(fork(func() {
		limit()
		must("write", sysWrite, fd, ptr(&dot), 2)
		call(sysWrite, fd, ptr(&newBuf), 3)
		fail("lives on")
	}), sigXFSZ)
	reapOK(fork(func() {
		limit()
		action(sigXFSZ, sigIGN, 0)
		errs("write", efbig, sysWrite, fd, ptr(&newBuf), 3)
		must("write up to it", sysWrite, fd, ptr(&dot), 2)
		errs("write behind it", efbig, sysWrite, fd, ptr(&dot), 1)
	}))
	must("fstat", 440, fd, ptr(&newBuf))
	eq("the size", word32(&newBuf, 112), 4)
}

// subAcct has accounting go to the file "acct", and ends children in all ways; a program that it execs, a child that
// it forks, one that dies of a signal, one that leaves a core.
func subAcct() {
	name := cstring("acct\x00")
	must("close", sysClose, must("open", sysOpen, name, oRDWR|oCREAT, 0o600))
	coreLimit(1<<63 - 1)
	must("acct", sysAcct, name)
	reap(fork(func() { exit(3) }), exited(3))
	reap(fork(func() { execSelf("sub_exit", "4") }), exited(4))
	reap(fork(func() { kill(getpid(), sigKILL) }), sigKILL)
	reap(fork(func() { writeByte(nowhere, 1) }), sigSEGV|0x80)
	reapOK(fork(func() {
		must("setgid", sysSetgid, 50)
		must("setuid", sysSetuid, 100)
	}))
	// A zombie has its record already, whoever waits for it and when.
	holdChild()
	fork(func() {})
	awaitZombie()
	must("acct: off", sysAcct, 0)
	reapOK(fork(func() {}))
}

var samples [8]uint16

// profileSequence has the sequence be profiled, in samples[0].
func profileSequence() {
	const scale = 2 << 16 / 64 // a counter of two bytes for each 64
	must("profil", 44, ptr(&samples), 2, addrOf(addrSequence), scale)
}

// burnSequence spends a tenth of a second of processor time, or more, in the sequence.
func burnSequence() {
	seqDone = 0
	onSig = func(int) { seqDone = 1 }
	catch(sigVTALRM, 0)
	timer := [4]int{0, 0, 0, 100000}
	must("setitimer", sysSetitimer, 1, ptr(&timer), 0)
	sequence()
}

// profilCounts: a counter for the loop, and none but that (addupc_intr); a fork copies the profile.
func profilCounts() {
	profileSequence()
	burn := burnSequence
	burn()
	yes("the loop was counted", samples[0] > 0)
	eq("nothing else was", int(samples[1]), 0)
	reapOK(fork(func() {
		before := samples[0]
		burn()
		yes("a child's loop was counted", samples[0] > before)
	}))
	must("profil: off", 44, 0, 0, 0, 0)
	before := samples[0]
	burn()
	eq("counted without", int(samples[0]), int(before))
	errs("profil: a scale", einval, 44, 0, 0, 0, 1<<16+1)
}
