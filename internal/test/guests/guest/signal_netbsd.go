package main

import "unsafe"

// Cases about signals.

var signalCases = []testCase{
	{"signal_siginfo_of_kill", signalInfo},
	{"signal_faults_and_their_siginfo", signalFaults},
	{"signal_fault_blocked_or_ignored_kills", signalFaultKills},
	{"signal_masks_during_a_handler", signalMasks},
	{"signal_nested", signalNested},
	{"signal_RESETHAND_and_NODEFER", signalReset},
	{"signal_altstack", signalAltstack},
	{"signal_altstack_errors", signalAltstackErrors},
	{"signal_FP_and_AVX_state_survive", signalFP},
	{"signal_registers_and_flags_in_the_context", signalContext},
	{"signal_frame_that_cannot_be_written", signalNoStack},
	{"signal_EINTR_and_SA_RESTART", signalRestart},
	{"signal_sigsuspend", signalSuspend},
	{"signal_sigtimedwait", signalTimedwait},
	{"signal_sigtimedwait_interrupted", signalTimedwaitBroken},
	{"signal_queue_carries_a_value", signalQueue},
	{"signal_queue_to_others_says_who_sent_it", signalQueueOthers},
	{"signal_pending_and_order", signalPending},
	{"signal_bad_arguments", signalBad},
	{"signal_KILL_and_STOP_cannot_be_caught", signalUncatchable},
	{"signal_right_after_fork", signalFork},
	{"signal_CONT_and_stops_cancel_each_other", signalCancel},
	{"signal_kill_permissions", signalPermissions},
	{"signal_kill_groups_and_all", signalGroups},
	{"signal_actions_of_a_busy_process", signalBusy},
	{"signal_actions_are_told_back", signalTold},
	{"signal_masks_of_a_busy_process", signalMasksBusy},
	{"signal_masks_of_busy_LWPs", signalMasksLWPs},
	{"signal_masks_are_told_back", signalMasksTold},
	{"context_twice", contextRound},
	{"itimer_real_virtual_prof", timers},
	{"itimer_11_not_inherited_by_fork", timerFork},
}

// setAction is sigaction with everything in it that there is.
func setAction(sig, handler int, mask uint64, flags int, old *sigactionT) {
	a := sigactionT{handler: handler, mask: sigset{mask, 7}, flags: int32(flags)}
	must("sigaction", sysSigaction, sig, ptr(&a), ptr(old), addrOf(addrTramp), 2)
}

// signalBusy: a process that makes no calls has the actions that it set last.
func signalBusy() {
	shared := must("mmap", sysMmap, 0, 4096, 3, 0x1001, -1, 0, 0)
	ready := (*int32)(unsafe.Pointer(uintptr(shared)))
	child := fork(func() {
		var old sigactionT
		setAction(sigHUP, 0, 0, 0, &old)
		setAction(sigUSR1, addrOf(addrHandler), 0, saSIGINFO, &old)
		setAction(sigUSR2, sigIGN, 0, 0, &old)
		*ready = 1
		for sigCount[sigUSR1] == 0 {
			spins++
		}
	})
	for *ready == 0 {
		yield()
	}
	kill(child, sigUSR2)
	kill(child, sigUSR1)
	reapOK(child)
}

// flip blocks a signal and lets it through, until cells[0] is set.
func flip() {
	for cells[0] == 0 {
		block(sigUSR1)
		unblock(sigUSR1)
	}
}

// oneByOne sends the process n signals, each when the one before has been taken.
func oneByOne(n int) {
	for i := range n {
		kill(getpid(), sigUSR1)
		for sigCount[sigUSR1] == i {
			yield()
		}
	}
}

// signalMasksBusy: whatever a process does to its mask, no signal is lost, and none comes
// while it is blocked.
func signalMasksBusy() {
	catch(sigUSR1, 0)
	block(sigUSR1)
	early := 0
	sender := lwpCreate(1, 0, func() { // has it blocked
		oneByOne(300)
		cells[0] = 1
	})
	for cells[0] == 0 {
		block(sigUSR1)
		n := sigCount[sigUSR1]
		for range 20 {
			spins++
		}
		early += sigCount[sigUSR1] - n
		unblock(sigUSR1)
	}
	must("_lwp_wait", sysLwpWait, sender, 0)
	eq("taken while blocked", early, 0)
	eq("signals taken", sigCount[sigUSR1], 300)
}

// signalMasksLWPs: the same where several LWPs could take it.
func signalMasksLWPs() {
	catch(sigUSR1, 0)
	block(sigUSR1)
	sender := lwpCreate(1, 0, func() {
		oneByOne(300)
		cells[0] = 1
	})
	other := lwpCreate(2, 0, flip)
	flip()
	must("_lwp_wait", sysLwpWait, sender, 0)
	must("_lwp_wait", sysLwpWait, other, 0)
	eq("signals taken", sigCount[sigUSR1], 300)
}

// signalMasksTold: a mask that was set is what the next call, a context, a child and a
// handler see.
func signalMasksTold() {
	catch(sigUSR2, 0)
	for round := range 3 {
		set := bit(sigHUP) | bit(sigUSR1) | bit(40+round)
		eq("mask at first", int(procmask(sigSetmask, set|bit(sigKILL)|bit(sigSTOP)|1<<63)), 0)
		eq("mask that was set", int(procmask(sigBlock, bit(sigTERM))), int(set))
		var uc ucontext
		must("getcontext", sysGetcontext, ptr(&uc))
		eq("mask in a context", int(uc[2]), int(set|bit(sigTERM)))
		reapOK(fork(func() { eq("mask after fork", int(procmask(sigUnblock, 0)), int(set|bit(sigTERM))) }))
		kill(getpid(), sigUSR2)
		eq("mask in the frame", int((*ucontext)(unsafe.Pointer(lastUC))[2]), int(set|bit(sigTERM)))
		eq("mask after the handler", int(procmask(sigUnblock, set)), int(set|bit(sigTERM)))
		eq("mask then", int(procmask(sigSetmask, 0)), int(bit(sigTERM)))
	}
	eq("handler calls", sigCount[sigUSR2], 3)
}

// signalTold: the old action is what was set, less what cannot be; in whatever way
// the change comes about.
func signalTold() {
	var old sigactionT
	for round := range 3 {
		for sig := sigHUP; sig < 64; sig++ {
			if sig == sigKILL || sig == sigSTOP || sig == sigCHLD { // children are waited for
				continue
			}
			setAction(sig, addrOf(addrHandler), ^uint64(0), saSIGINFO|saRESTART, &old)
			if round > 0 {
				eq("old handler", old.handler, sigIGN)
				eq("old mask", int(old.mask[0]), 0) // sigaction1: SA_NODEFER takes the signal itself out
				eq("old flags", int(old.flags), saNODEFER)
			}
			setAction(sig, sigIGN, bit(sig)|bit(sigKILL)|bit(sigSTOP), saNODEFER, &old)
			eq("old handler", old.handler, addrOf(addrHandler))
			eq("old mask", int(old.mask[0]), int(^uint64(0)>>1&^(bit(sigKILL)|bit(sigSTOP))))
			eq("old mask, upper half", int(old.mask[1]), 0)
			eq("old flags", int(old.flags), saSIGINFO|saRESTART)
			must("query", sysSigaction, sig, 0, ptr(&old), 0, 0)
			eq("handler", old.handler, sigIGN)
		}
		// A child has them, too, and its changes are its own.
		reapOK(fork(func() {
			must("query", sysSigaction, sigUSR1, 0, ptr(&old), 0, 0)
			eq("handler after fork", old.handler, sigIGN)
			setAction(sigUSR1, 0, 0, 0, &old)
			eq("old handler after fork", old.handler, sigIGN)
			must("query", sysSigaction, sigUSR1, 0, ptr(&old), 0, 0)
			eq("handler", old.handler, 0)
		}))
	}
	setAction(sigCHLD, sigIGN, 0, 0, &old)
	setAction(sigCHLD, 0, 0, 0, &old)
	eq("old handler of SIGCHLD", old.handler, sigIGN)
	setAction(sigUSR1, addrOf(addrHandler), 0, saSIGINFO|saRESETHAND, &old)
	kill(getpid(), sigUSR1)
	eq("handler calls", sigCount[sigUSR1], 1)
	must("query", sysSigaction, sigUSR1, 0, ptr(&old), 0, 0)
	eq("handler after SA_RESETHAND", old.handler, 0)
}

func signalInfo() {
	catch(sigUSR1, 0)
	kill(getpid(), sigUSR1)
	eq("handler calls", sigCount[sigUSR1], 1)
	i := &lastInfo[sigUSR1]
	eq("si_signo", int(le32(i, 0)), sigUSR1)
	eq("si_code", infoCode(i), siUSER)
	eq("si_pid", infoPid(i), getpid())
	eq("si_uid", infoUID(i), must("getuid", sysGetuid))
	me := getpid()
	block(sigUSR1)
	pid := fork(func() { kill(me, sigUSR1) })
	reapOK(pid)
	unblock(sigUSR1)
	eq("si_pid of another", infoPid(i), pid)
}

// Fault handlers go on behind the instruction.
var faultSkip int

func skipFault(int) {
	uc := (*ucontext)(unsafe.Pointer(lastUC))
	uc[regRIP] += uint64(faultSkip)
}

func signalFaults() {
	catch(sigSEGV, 0)
	catch(sigTRAP, 0)
	onSig = skipFault
	faultSkip = 2 // MOVB AX, (DI)
	writeByte(0x1008, 1)
	i := &lastInfo[sigSEGV]
	eq("SIGSEGV", sigCount[sigSEGV], 1)
	eq("si_code where nothing is", infoCode(i), 1)
	eq("si_addr", int(le64(i, 16)), 0x1008)
	writeByte(addrOf(addrHandler), 1)
	eq("SIGSEGV", sigCount[sigSEGV], 2)
	eq("si_code of protected memory", infoCode(i), 2)
	eq("si_addr", int(le64(i, 16)), addrOf(addrHandler))
	faultSkip = 0
	breakpoint()
	eq("SIGTRAP", sigCount[sigTRAP], 1)
	eq("si_code of a breakpoint", infoCode(&lastInfo[sigTRAP]), 1)
}

func signalFaultKills() {
	pid := fork(func() {
		catch(sigSEGV, 0)
		block(sigSEGV)
		writeByte(nowhere, 1)
	})
	_, st := wait4(pid, 0)
	eq("a blocked fault", st&0x7f, sigSEGV)
	pid = fork(func() {
		action(sigSEGV, sigIGN, 0)
		writeByte(nowhere, 1)
	})
	_, st = wait4(pid, 0)
	eq("an ignored fault", st&0x7f, sigSEGV)
}

var maskSeen uint64

func signalMasks() {
	catchMask(sigUSR1, 0, bit(sigUSR2)|bit(sigKILL)|bit(sigSTOP))
	onSig = func(int) { maskSeen = procmask(sigBlock, 0) }
	block(sigHUP)
	kill(getpid(), sigUSR1)
	eq("mask in the handler", int(maskSeen), int(bit(sigUSR1)|bit(sigUSR2)|bit(sigHUP)))
	eq("mask after it", int(procmask(sigBlock, 0)), int(bit(sigHUP)))
}

var depth, deepest int

func signalNested() {
	catch(sigUSR1, 0)
	catch(sigUSR2, 0)
	catch(sigHUP, 0)
	onSig = func(sig int) {
		depth++
		deepest = max(deepest, depth)
		switch sig {
		case sigUSR1:
			kill(getpid(), sigUSR2)
		case sigUSR2:
			kill(getpid(), sigHUP)
		}
		depth--
	}
	for range 20 {
		kill(getpid(), sigUSR1)
	}
	eq("depth", deepest, 3)
	eq("innermost handler calls", sigCount[sigHUP], 20)
	// The same signal while its handler runs waits for the end of it.
	onSig = func(sig int) {
		if sigCount[sigUSR1] == 21 {
			kill(getpid(), sigUSR1)
			eq("calls while blocked", sigCount[sigUSR1], 21)
		}
	}
	kill(getpid(), sigUSR1)
	eq("calls in the end", sigCount[sigUSR1], 22)
}

func signalReset() {
	catch(sigUSR1, saRESETHAND)
	kill(getpid(), sigUSR1)
	var old sigactionT
	must("sigaction", sysSigaction, sigUSR1, 0, ptr(&old), 0, 0)
	eq("action after SA_RESETHAND", old.handler, sigDFL)
	catch(sigUSR2, saNODEFER)
	onSig = func(int) {
		if sigCount[sigUSR2] < 5 {
			kill(getpid(), sigUSR2)
		}
	}
	kill(getpid(), sigUSR2)
	eq("calls with SA_NODEFER", sigCount[sigUSR2], 5)
}

type stackT struct {
	sp    uintptr
	size  int
	flags int32
	_     int32
}

var (
	altStack  stackT
	altSeen   stackT
	localAddr uintptr
)

func signalAltstack() {
	st := &altStack
	*st = stackT{sp: uintptr(ptr(&stacks[3])), size: len(stacks[3])}
	must("sigaltstack", sysSigaltstack, ptr(st), 0)
	catch(sigUSR1, saONSTACK)
	catch(sigUSR2, saONSTACK)
	onSig = func(sig int) {
		var here int
		at := uintptr(ptr(&here))
		yes("the handler is not on the signal stack", at > altStack.sp && at < altStack.sp+uintptr(altStack.size))
		must("sigaltstack", sysSigaltstack, 0, ptr(&altSeen))
		eq("flags on the stack", int(altSeen.flags)&1, 1)
		altSeen.flags = 4
		errs("SS_DISABLE on the stack", einval, sysSigaltstack, ptr(&altSeen), 0)
		if sig == sigUSR1 {
			localAddr = at
			kill(getpid(), sigUSR2)
		} else {
			yes("a nested handler does not go on below", at < localAddr)
		}
	}
	kill(getpid(), sigUSR1)
	eq("nested", sigCount[sigUSR2], 1)
	must("sigaltstack", sysSigaltstack, 0, ptr(&altSeen))
	eq("flags off the stack", int(altSeen.flags)&1, 0)
	kill(getpid(), sigUSR1)
	// A new LWP has none, a fork's child the parent's.
	lid := lwpCreate(1, 0, func() {
		must("sigaltstack", sysSigaltstack, 0, ptr(&altSeen))
	})
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("flags of a new LWP's", int(altSeen.flags)&4, 4)
	reapOK(fork(func() {
		must("sigaltstack", sysSigaltstack, 0, ptr(&altSeen))
		eq("a child's signal stack", int(altSeen.sp), int(st.sp))
	}))
}

func signalAltstackErrors() {
	st := stackT{sp: uintptr(ptr(&stacks[3])), size: 100}
	errs("a small one", enomem, sysSigaltstack, ptr(&st), 0)
	st.size, st.flags = len(stacks[3]), 0x40
	errs("unknown flags", einval, sysSigaltstack, ptr(&st), 0)
	errs("bad pointer", efault, sysSigaltstack, nowhere, 0)
	st.flags = 4
	must("SS_DISABLE", sysSigaltstack, ptr(&st), 0)
}

var avx int

func signalFP() {
	if cpuid1()>>27&3 == 3 {
		avx = 1
	}
	catch(sigUSR1, 0)
	onSig = func(int) { spoilFP(avx) }
	for range 20 {
		x0, x15, mxcsr, st0, y1 := fpRoundTrip(getpid(), avx)
		eq("XMM0", x0, 0x1122334455667788)
		eq("XMM15", int(uint64(x15)), -0x6655443322110100)
		eq("MXCSR", mxcsr, 0x5f80)
		eq("ST0", st0, 0x3ff0000000000000)
		if avx == 1 {
			eq("the upper half of YMM1", y1, 0x0102030405060708)
		}
	}
}

func signalContext() {
	catch(sigUSR1, 0)
	onSig = func(int) {
		uc := (*ucontext)(unsafe.Pointer(lastUC))
		eq("mask in the context", int(uc[2]), int(bit(sigHUP)))
		reapOK(fork(func() { // lwp_create: l_ctxlink is no fork's to inherit
			var own ucontext
			must("getcontext", 307, ptr(&own))
			eq("uc_link of a child", int(own[1]), 0)
		}))
		uc[2] = bit(sigHUP) | bit(sigWINCH)
	}
	block(sigHUP)
	kill(getpid(), sigUSR1)
	eq("mask that the handler put there", int(procmask(sigBlock, 0)), int(bit(sigHUP)|bit(sigWINCH)))
}

// Without room for the frame the process dies of SIGILL.
func signalNoStack() {
	pid := fork(func() {
		catch(sigUSR1, 0)
		lwpCreateNoStack()
		for {
			park()
		}
	})
	_, st := wait4(pid, 0)
	eq("status", st&0x7f, sigILL)
}

// lwpCreateNoStack makes an LWP with a bad stack pointer spin, and signals it.
func lwpCreateNoStack() {
	var uc ucontext
	var lid int32
	must("getcontext", sysGetcontext, ptr(&uc))
	uc[regRIP], uc[regRSP] = uint64(addrOf(addrSpinLWP)), nowhere
	must("_lwp_create", sysLwpCreate, ptr(&uc), 0, ptr(&lid))
	must("_lwp_kill", sysLwpKill, int(lid), sigUSR1)
}

// read(2) of a pipe ends with EINTR, or goes on with SA_RESTART.
func signalRestart() {
	var p pipe
	p.open()
	readAmidSignals(&p, func() {
		errs("nanosleep and a signal", eintr, sysNanosleep, ptr(&[2]int64{1000, 0}), 0)
	})
}

// readAmidSignals reads an empty pipe while SIGUSR1 comes again and again: first with a handler that interrupts, and also is called
// then, too; then with one that restarts, until there is something to read.
func readAmidSignals(p *pipe, also func()) {
	me := getpid()
	catch(sigUSR1, 0)
	pest := fork(func() {
		for {
			kill(me, sigUSR1)
			yield()
		}
	})
	var b byte
	errs("read and a signal", eintr, sysRead, int(p.r), ptr(&b), 1)
	also()
	catch(sigUSR1, saRESTART)
	kill(pest, sigKILL)
	reap(pest, sigKILL)
	n := sigCount[sigUSR1]
	pest = fork(func() {
		for range 50 {
			kill(me, sigUSR1)
			yield()
		}
		p.send('r')
	})
	eq("restarted read", int(p.wait()), 'r')
	reapOK(pest)
	yes("no signal came", sigCount[sigUSR1] > n)
}

func signalSuspend() {
	catch(sigUSR1, 0)
	catch(sigUSR2, 0)
	onSig = func(int) { maskSeen = procmask(sigBlock, 0) }
	block(sigUSR1, sigUSR2)
	kill(getpid(), sigUSR2)
	kill(getpid(), sigUSR1)
	suspend(bit(sigUSR2))
	eq("USR1", sigCount[sigUSR1], 1)
	eq("USR2, which sigsuspend blocks", sigCount[sigUSR2], 0)
	eq("mask in the handler", int(maskSeen), int(bit(sigUSR1)|bit(sigUSR2)))
	eq("mask after sigsuspend", int(procmask(sigBlock, 0)), int(bit(sigUSR1)|bit(sigUSR2)))
	suspend(bit(sigUSR1))
	eq("USR2", sigCount[sigUSR2], 1)
	errs("sigsuspend with a bad pointer", efault, sysSigsuspend, nowhere)
}

func signalTimedwait() {
	s := sigset{bit(sigUSR1) | bit(sigUSR2)}
	var ts [2]int64
	block(sigUSR1, sigUSR2)
	errs("sigtimedwait with nothing pending", eagain, sysSigtimedwait, ptr(&s), 0, ptr(&ts))
	ts[1] = 1e6
	errs("sigtimedwait that times out", eagain, sysSigtimedwait, ptr(&s), 0, ptr(&ts))
	kill(getpid(), sigUSR2)
	eq("signal", sigwait(s[0]), sigUSR2)
	noneNow("a taken signal", s[0])
	me := getpid()
	pid := fork(func() { kill(me, sigUSR1) })
	var info [128]byte
	sigwaitInfo(s[0], &info)
	eq("si_pid", infoPid(&info), pid)
	reapOK(pid)
	catch(sigHUP, 0)
	pid = fork(func() {
		for {
			kill(me, sigHUP)
			yield()
		}
	})
	interrupted := eintr
	if !has11 {
		interrupted = ecanceled
	}
	errs("sigtimedwait and another signal", interrupted, sysSigtimedwait, ptr(&s), 0, 0)
	kill(pid, sigKILL)
	ts = [2]int64{0, 2e9}
	errs("sigtimedwait with a bad time", einval, sysSigtimedwait, ptr(&s), 0, ptr(&ts))
}

var firstHup pipe

func tellFirstHup(sig int) {
	if sig == sigHUP && sigCount[sigHUP] == 1 {
		firstHup.post()
	}
}

// sigtimedwait1: what is left of the time is stored, and the wait is EINTR, or with SA_RESTART goes on for as long. In release 10 (sys_sig.c
// before 1.59, PR 59586) to have stored it is a success without a signal, with SA_RESTART or not.
func signalTimedwaitBroken() {
	for _, flags := range [...]int{0, saRESTART} {
		s := sigset{bit(sigUSR1)}
		block(sigUSR1)
		catch(sigHUP, flags)
		me := getpid()
		firstHup.open()
		pid := fork(func() {
			for {
				kill(me, sigHUP)
				yield()
			}
		})
		other := fork(func() {
			firstHup.wait()
			kill(me, sigUSR1)
			subWait0()
		})
		sigCount[sigHUP] = 0
		onSig = tellFirstHup
		ts := [2]int64{1000, 0}
		var info [128]byte
		r, e := call(sysSigtimedwait, ptr(&s), ptr(&info), ptr(&ts))
		switch {
		case !has11:
			eq("errno in release 10", e, 0)
			eq("no signal", r, 0)
			eq("of no siginfo", int(le32(&info, 0)), 0)
		case flags == 0:
			eq("errno", e, eintr)
		default:
			eq("errno after a restart", e, 0)
			eq("the signal", r, sigUSR1)
		}
		yes("what is left", ts[0] < 1000 && ts[0] > 0)
		action(sigHUP, sigIGN, 0) // or one more of it interrupts a wait
		kill(pid, sigKILL)
		kill(other, sigKILL)
		reap(pid, sigKILL)
		reap(other, sigKILL)
		onSig = nil
		if pending()&bit(sigUSR1) != 0 {
			sigwait(bit(sigUSR1))
		}
	}
}

func signalQueue() {
	block(sigRTMIN)
	var info [128]byte
	*(*int32)(unsafe.Pointer(&info[0])) = sigRTMIN
	*(*int32)(unsafe.Pointer(&info[4])) = siQUEUE
	*(*int64)(unsafe.Pointer(&info[24])) = 0x123456789
	*(*int32)(unsafe.Pointer(&info[16])) = 77 // to oneself whatever one likes (kill1)
	must("sigqueueinfo", sysSigqueueinfo, getpid(), ptr(&info))
	var got [128]byte
	sigwaitInfo(bit(sigRTMIN), &got)
	eq("si_code", infoCode(&got), siQUEUE)
	eq("value", int(le64(&got, 24)), 0x123456789)
	eq("si_pid", infoPid(&got), 77)
}

// kill1 of NetBSD 10's sys_sig.c: another process is told nothing but the truth.
func signalQueueOthers() {
	block(sigRTMIN)
	child := fork(func() {
		var got [128]byte
		for infoCode(&got) != siQUEUE {
			sigwaitInfo(bit(sigRTMIN), &got)
		}
		eq("si_pid", infoPid(&got), getppid())
		exit(3)
	})
	uid := must("geteuid", sysGeteuid)
	for _, try := range [...]struct{ code, pid, uid, errno int }{
		{siQUEUE, getpid() + 1, uid, eperm},
		{siQUEUE, getpid(), uid + 1, eperm},
		{-3, getpid(), uid, eperm}, // SI_TIMER
		{1, getpid(), uid, eperm},  // CLD_EXITED
		{siUSER, getpid(), uid, 0},
		{siQUEUE, getpid(), uid, 0},
	} {
		var info [128]byte
		for i, v := range [...]int{sigRTMIN, try.code, 0, 0, try.pid, try.uid} {
			*(*int32)(unsafe.Pointer(&info[4*i])) = int32(v)
		}
		_, e := call(sysSigqueueinfo, child, ptr(&info))
		eq("sigqueueinfo", e, try.errno)
	}
	reap(child, exited(3))
}

var order [4]int

func signalPending() {
	catch(sigHUP, 0)
	catch(sigUSR1, 0)
	catch(sigTERM, 0)
	onSig = func(sig int) {
		order[sigCount[sigHUP]+sigCount[sigUSR1]+sigCount[sigTERM]-1] = sig
	}
	block(sigHUP, sigUSR1, sigTERM)
	for range 3 {
		kill(getpid(), sigUSR1)
		kill(getpid(), sigTERM)
		kill(getpid(), sigHUP)
	}
	eq("pending", int(pending()), int(bit(sigHUP)|bit(sigUSR1)|bit(sigTERM)))
	// All are taken before the handlers run: the last frame is on top.
	procmask(sigSetmask, 0)
	eq("HUP", sigCount[sigHUP], 1)
	eq("USR1", sigCount[sigUSR1], 1)
	eq("TERM", sigCount[sigTERM], 1)
	eq("pending at the end", int(pending()), 0)
}

func signalBad() {
	a := sigactionT{handler: addrOf(addrHandler)}
	for _, sig := range [...]int{0, -1, 64, 1000} {
		errs("sigaction", einval, sysSigaction, sig, ptr(&a), 0, addrOf(addrTramp), 2)
		if sig != 0 {
			errs("kill", einval, sysKill, getpid(), sig)
		}
	}
	errs("sigaction with a bad trampoline version", einval, sysSigaction, sigUSR1, ptr(&a), 0, addrOf(addrTramp), 17)
	errs("sigaction from nowhere", efault, sysSigaction, sigUSR1, nowhere, 0, addrOf(addrTramp), 2)
	var s sigset
	errs("sigprocmask with a bad how", einval, sysSigprocmask, 17, ptr(&s), 0)
	errs("sigprocmask from nowhere", efault, sysSigprocmask, sigBlock, nowhere, 0)
	errs("sigpending to nowhere", efault, sysSigpending, nowhere)
	errs("kill of nobody", esrch, sysKill, 29999, 0)
	errs("kill of no group", esrch, sysKill, -29999, 0)
}

func signalUncatchable() {
	a := sigactionT{handler: addrOf(addrHandler)}
	for _, sig := range [...]int{sigKILL, sigSTOP} {
		errs("sigaction", einval, sysSigaction, sig, ptr(&a), 0, addrOf(addrTramp), 2)
	}
	block(sigKILL, sigSTOP)
	eq("mask", int(procmask(sigBlock, 0)), 0)
	pid := fork(func() { subWait0() })
	kill(pid, sigKILL)
	reap(pid, sigKILL)
}

// A signal to a child that has hardly begun is not lost.
func signalFork() {
	for range 50 {
		pid := fork(func() { subWait0() })
		kill(pid, sigTERM)
		reap(pid, sigTERM)
	}
	for range 10 {
		execArgs("sub_wait0")
		pid, e := spawn(nil, 0)
		eq("posix_spawn", e, 0)
		kill(pid, sigTERM)
		reap(pid, sigTERM)
	}
}

func signalCancel() {
	catch(sigTSTP, 0) // with the default action an orphaned group would drop it
	block(sigTSTP, sigCONT)
	catch(sigCONT, 0)
	kill(getpid(), sigTSTP)
	kill(getpid(), sigCONT)
	eq("a stop signal after SIGCONT", int(pending()), int(bit(sigCONT)))
	kill(getpid(), sigTSTP)
	eq("SIGCONT after a stop signal", int(pending()), int(bit(sigTSTP)))
}

func signalPermissions() {
	if must("getuid", sysGetuid) != 0 {
		return
	}
	var p pipe
	p.open()
	root := fork(func() { p.wait() })
	reapOK(fork(func() {
		dropRoot()
		errs("kill of root's process", eperm, sysKill, root, 0)
		errs("kill of init", eperm, sysKill, 1, sigTERM)
		must("SIGCONT within the session", sysKill, root, sigCONT)
	}))
	p.post()
	reapOK(root)
}

func signalGroups() {
	catch(sigUSR1, 0)
	var up, down pipe
	up.open()
	down.open()
	for range 3 {
		fork(func() {
			up.post()
			for sigCount[sigUSR1] == 0 {
				call(sysRead, int(down.r), ptr(&line), 1)
			}
			exit(5)
		})
	}
	for range 3 {
		up.wait()
	}
	must("kill of the own group", sysKill, 0, sigUSR1)
	yes("the sender is in the group, too", sigCount[sigUSR1] == 1)
	for range 3 {
		_, st := wait4(-1, 0)
		eq("status", st, exited(5))
	}
}

func contextRound() {
	var uc ucontext
	contextTwice(ptr(&uc))
	eq("rounds", rounds, 2)
	uc[0] &^= ucCPU
	errs("setcontext without registers", einval, sysSetcontext, ptr(&uc))
	errs("setcontext from nowhere", efault, sysSetcontext, nowhere)
	reap(fork(func() { call(sysSetcontext, 0) }), 0)
}

// setitimer in microseconds.
func setitimer(which, value, interval int) {
	v := [4]int64{int64(interval / 1e6), int64(interval % 1e6), int64(value / 1e6), int64(value % 1e6)}
	must("setitimer", sysSetitimer, which, ptr(&v), 0)
}

func timers() {
	for i, sig := range [...]int{sigALRM, sigVTALRM, sigPROF} {
		catch(sig, 0)
		setitimer(i, 1000, 1000)
		for sigCount[sig] < 3 {
			for j := range 1000 {
				spins += j
			}
		}
		setitimer(i, 0, 0)
		var v [4]int64
		must("getitimer", sysGetitimer, i, ptr(&v))
		eq("time left of a timer that is off", int(v[2]+v[3]), 0)
	}
	errs("setitimer of no timer", einval, sysSetitimer, 17, ptr(&[4]int64{}), 0)
}

func timerFork() {
	catch(sigALRM, 0)
	setitimer(0, 1000e6, 0)
	reapOK(fork(func() {
		v := [4]int64{1, 1, 1, 1}
		must("getitimer", sysGetitimer, 0, ptr(&v))
		eq("a child's timer", int(v[2]+v[3]), 0)
	}))
	// It goes on through exec.
	pid := fork(func() {
		action(sigALRM, sigDFL, 0) // first: a handler would take it
		setitimer(0, 50e3, 0)
		execSelf("sub_wait0")
	})
	reap(pid, sigALRM)
}
