package main

import (
	"sync/atomic"
	"unsafe"
)

// Cases about signals where kern_sig.c and sys_sig.c do what a program seldom asks for.

var edgeCases = []testCase{
	{"signal_fault_amid_signals_of_the_LWP", edgeFault},
	{"signal_wait_takes_the_process_first", edgeWaitOrder},
	{"signal_arguments_at_the_edge", edgeArguments},
	{"signal_padding_of_siginfo", edgePadding},
	{"signal_deadly_ends_niceness", edgeNice},
	{"trace_attach_tells_of_the_stop_before", edgeAttachStopped},
}

const (
	sysSetpriority = 96
	sysGetpriority = 100
)

var edge struct {
	rip       uint64
	bad, ends int32
}

// edgeFault: the context of a fault's handler is that of the instruction, whatever else is sent to the LWP meanwhile (trapsignal).
func edgeFault() {
	catchMask(sigSEGV, 0, bit(sigHUP))
	catchMask(sigHUP, 0, bit(sigSEGV))
	onSig = func(sig int) {
		if sig != sigSEGV {
			return
		}
		uc := (*ucontext)(unsafe.Pointer(lastUC))
		if edge.rip == 0 {
			edge.rip = uc[regRIP]
		}
		if uc[regRIP] == edge.rip {
			uc[regRIP] += 2 // MOVB AX, (DI)
		} else {
			edge.bad++
		}
	}
	me := must("_lwp_self", sysLwpSelf)
	lid := lwpCreate(1, 0, func() {
		for atomic.LoadInt32(&edge.ends) == 0 {
			call(sysLwpKill, me, sigHUP)
			yield()
		}
	})
	for i := 0; i < 2000; i++ {
		writeByte(0x1008, 1)
	}
	block(sigHUP) // one more of it would interrupt the wait
	atomic.StoreInt32(&edge.ends, 1)
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("contexts of another place", int(edge.bad), 0)
}

// edgeWaitOrder: sigtimedwait(2) looks at the process before the LWP.
func edgeWaitOrder() {
	me := must("_lwp_self", sysLwpSelf)
	block(sigHUP, sigUSR1)
	must("_lwp_kill", sysLwpKill, me, sigHUP)
	kill(getpid(), sigUSR1)
	set := bit(sigHUP) | bit(sigUSR1)
	eq("first", sigwait(set), sigUSR1)
	eq("second", sigwait(set), sigHUP)
}

func edgeArguments() {
	a := sigactionT{handler: addrOf(addrHandler)}
	errs("a handler without a trampoline", einval, sysSigaction, sigUSR1, ptr(&a), 0, 0, 2)
	a.handler = sigIGN
	must("no handler, no trampoline", sysSigaction, sigUSR1, ptr(&a), 0, 0, 2)
	var old sigactionT
	must("sigaction", sysSigaction, sigUSR1, 0, ptr(&old), 0, 0)
	eq("ignored", old.handler, sigIGN)
	catch(sigALRM, 0)
	timer := [4]int64{3: 1000}
	must("setitimer", sysSetitimer, 0, ptr(&timer), 0)
	errs("sigsuspend without a set", eintr, sysSigsuspend, 0)
	eq("SIGALRM", sigCount[sigALRM], 1)
	var info [128]byte
	*(*int32)(unsafe.Pointer(&info[0])) = 0x100 + sigTERM
	*(*int32)(unsafe.Pointer(&info[4])) = siQUEUE
	errs("sigqueueinfo of 0x10f", einval, sysSigqueueinfo, getpid(), ptr(&info))
	if release10 {
		errs("setcontext of nothing", efault, sysSetcontext, 0)
	}
	ts := [2]int64{-1, 0}
	s := sigset{bit(sigUSR1)}
	errs("sigtimedwait for less than nothing", 60, sysSigtimedwait, ptr(&s), 0, ptr(&ts))
	errs("_lwp_park for less than nothing", 60, sysLwpPark, 3, 0, ptr(&ts), 0, 0, 0)
}

// edgePadding: what sigtimedwait(2) stores is a struct _ksiginfo, without what fills a siginfo_t up.
func edgePadding() {
	block(sigUSR1)
	kill(getpid(), sigUSR1)
	var info [128]byte
	for i := range info {
		info[i] = 0xa5
	}
	sigwaitInfo(bit(sigUSR1), &info)
	eq("the last byte that is written", int(info[95]), 0)
	for i := 96; i < 128; i++ {
		eq("padding", int(info[i]), 0xa5)
	}
}

// edgeNice: what kills by default ends a nice value above 0, though it is blocked (kpsignal2).
func edgeNice() {
	nice := func() int { return must("getpriority", sysGetpriority, 0, 0) }
	block(sigTERM, sigUSR1)
	catch(sigUSR1, 0)
	must("setpriority", sysSetpriority, 0, 0, 5)
	kill(getpid(), sigUSR1)
	eq("a caught signal", nice(), 5)
	kill(getpid(), sigTERM)
	eq("a deadly one", nice(), 0)
}

// edgeAttachStopped: who attaches to a stopped process is told what that had stopped for (issignal's ps_info).
func edgeAttachStopped() {
	pid := fork(func() {
		must("setpgid", sysSetpgid, 0, 0)
		kill(getpid(), sigTSTP)
		exit(4)
	})
	_, st := wait4(pid, wUNTRACED)
	eq("stopped", st, stopped(sigTSTP))
	ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
	awaitStop(pid, sigSTOP)
	var info [17]uint64
	ptrace("PT_GET_SIGINFO", ptGETSIGINFO, pid, ptr(&info), 136)
	b := (*[128]byte)(unsafe.Pointer(&info))
	eq("signal", int(le32(b, 0)), sigTSTP)
	eq("from", infoPid(b), pid)
	ptrace("PT_DETACH", ptDETACH, pid, 1, 0)
	reap(pid, exited(4))
}
