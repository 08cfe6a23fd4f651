package main

// Cases about LWPs that sleep in a kqueue that is lent while a tracer comes: it sees all that follows.

var lendTracedCases = []testCase{
	{"lend_kqueue_traced_attach_and_detach", lendTracedAttach},
	{"lend_kqueue_traced_all_calls_are_shown", lendTracedCalls},
	{"lend_kqueue_traced_registers_of_a_sleeper", lendTracedRegisters},
}

// waiterFor is a child that asks for an event n times, with a time if that is not 0, and says so on q each time before it does.
func (k *lentKqueue) waiterFor(q *pipe, n, timeout int) int {
	k.p.open()
	q.open()
	pid := fork(func() {
		k.kq = must("kqueue", sysKqueue)
		k.watch(int(k.p.r), 77)
		k.again()
		for range n {
			q.post()
			data := k.oneWithin(timeout, int(k.p.r), 77)
			if n == 1 { // else its parent may be ahead of it
				eq("data", data, 1)
			}
			k.p.wait()
		}
	})
	q.wait()
	return pid
}

// lendTracedAttach: stops that no signal comes of end no sleep (sleepq_block).
func lendTracedAttach() {
	for _, timeout := range [...]int{0, ptr(&anHour)} {
		var k lentKqueue
		var q pipe
		pid := k.waiterFor(&q, 3, timeout)
		ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
		awaitStop(pid, sigSTOP)
		resume(pid, 0)
		for range 2 {
			k.p.post()
			q.wait()
			for range 5 {
				kill(pid, sigWINCH)
				awaitStop(pid, sigWINCH)
				resume(pid, 0)
			}
		}
		kill(pid, sigWINCH)
		awaitStop(pid, sigWINCH)
		ptrace("PT_DETACH", ptDETACH, pid, 1, 0)
		k.p.post()
		reapOK(pid)
	}
}

// lendTracedCalls: from PT_SYSCALL on each call stops twice, be it answered without the kernel before or not.
func lendTracedCalls() {
	const times = lendUses
	var k lentKqueue
	var q pipe
	pid := k.waiterFor(&q, times, 0)
	ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
	awaitStop(pid, sigSTOP)
	k.p.post()
	var psi [136]byte
	info := (*[128]byte)(psi[:128])
	enters, leaves := 0, 0
	for {
		ptrace("PT_SYSCALL", ptSYSCALL, pid, 1, 0)
		got, st := wait4(pid, 0)
		eq("wait4", got, pid)
		if st != stopped(sigTRAP) {
			eq("status", st, 0)
			break
		}
		ptrace("PT_GET_SIGINFO", ptGETSIGINFO, pid, ptr(&psi), len(psi))
		if int(le32(info, 16)) != sysKevent {
			continue
		}
		if int(le32(info, 4)) == trapSCE {
			enters++
			k.p.post()
		} else {
			leaves++
		}
	}
	eq("ends of kevent", leaves, enters)
	yes("not all are shown", enters >= times-1) // the first one may have begun before (trace_is_enabled)
}

// lendTracedRegisters: a sleeper is behind its instruction, with its arguments; and what a tracer has in memory it writes there.
func lendTracedRegisters() {
	var k lentKqueue
	var q pipe
	pid := k.waiterFor(&q, 1, ptr(&anHour))
	for range 5 {
		ptrace("PT_ATTACH", ptATTACH, pid, 0, 0)
		awaitStop(pid, sigSTOP)
		ptrace("PT_GETREGS", ptGETREGS, pid, ptr(&regs), 0)
		ptrace("PT_SETREGS", ptSETREGS, pid, ptr(&regs), 0)
		ptrace("PT_DETACH", ptDETACH, pid, 1, 0)
	}
	k.p.post()
	reapOK(pid)
}

// subLendKtrace has a child's calls traced into the file "trace" (ktrace(2)) while that sleeps in a kqueue that is lent.
func subLendKtrace() {
	const times = 5
	name := cstring("trace\x00")
	must("close", sysClose, must("open", sysOpen, name, 0x202, 0o600))
	var k lentKqueue
	var q pipe
	pid := k.waiterFor(&q, times, 0)
	must("ktrace", sysKtrace, name, 0, 1<<1|1<<2, pid)
	for range times - 1 {
		k.p.post()
		q.wait()
	}
	k.p.post()
	reapOK(pid)
}

// subLendCount writes a line whenever a child has woken from a kqueue that is lent, while another one sleeps in its own.
func subLendCount() {
	var k lentKqueue
	var ack pipe
	k.p.open()
	ack.open()
	fork(func() {
		var k lentKqueue
		k.open()
		k.timed(&anHour)
	})
	fork(func() {
		k.kq = must("kqueue", sysKqueue)
		k.watch(int(k.p.r), 77)
		k.again()
		for i := 0; ; i++ {
			ack.post()
			if i%2 == 0 {
				k.one(int(k.p.r), 77, 1)
			} else {
				eq("events", k.timed(&anHour), 1)
			}
			k.p.wait()
		}
	})
	for {
		ack.wait()
		say("round\n")
		k.p.post()
	}
}
