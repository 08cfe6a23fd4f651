package main

// Cases about classes and priorities of LWPs, as sys_sched.c has them: kept by fork and by exec.

var schedCases = []testCase{
	{"sched_fork_and_exec_keep_the_class", schedKeep},
	{"sched_rules_without_privilege", schedRules},
	{"sched_what_ps_says_of_sleeps", schedSleeps},
}

const (
	schedFIFO = 1
	schedRR   = 2
)

// schedSleeps: what a process sleeps for has a name, p_wmesg, by which ps(1) shows it: of nanosleep1, sigsuspend1 and pipe_create.
func schedSleeps() {
	for _, c := range [...]struct {
		want  string
		sleep func()
	}{
		{"nanoslp", func() { call(sysNanosleep, ptr(&[2]int64{1000, 0}), 0) }},
		{"pause", func() { call(sysSigsuspend, ptr(&[4]uint32{})) }},
		{"pipe_rd", func() { var p pipe; p.open(); p.wait() }},
	} {
		pid := fork(c.sleep)
		for {
			const ctlKern, kernProc2, byPid, wmesg = 1, 47, 1, 392
			mib := [6]int32{ctlKern, kernProc2, byPid, int32(pid), int32(len(kinfo)), 1}
			size := len(kinfo)
			must("kern.proc2", sysSysctl, ptr(&mib), len(mib), ptr(&kinfo), ptr(&size), 0, 0)
			if string(kinfo[wmesg:wmesg+len(c.want)]) == c.want && kinfo[wmesg+len(c.want)] == 0 {
				break
			}
			yield()
		}
		kill(pid, sigKILL)
		reap(pid, sigKILL)
	}
}

func schedIs(policy, pri int) {
	var got, param int32
	must("_sched_getparam", sysSchedGetparam, 0, 0, ptr(&got), ptr(&param))
	eq("the policy", int(got), policy)
	eq("the priority", int(param), pri)
}

// schedMay says whether the guest may have a real-time class: as the superuser.
func schedMay(policy, pri int) bool {
	param := int32(pri)
	_, e := call(sysSchedSetparam, 0, 0, policy, ptr(&param))
	if e != 0 {
		eq("_sched_setparam without privilege", e, eperm)
	}
	return e == 0
}

func schedKeep() {
	if !schedMay(schedFIFO, 10) {
		return
	}
	reapOK(fork(func() {
		schedIs(schedFIFO, 10)
		lid := lwpCreate(1, 0, func() { schedIs(schedFIFO, 10) })
		must("_lwp_wait", sysLwpWait, lid, 0)
		execSelf("sub_sched")
	}))
}

func subSched() { schedIs(schedFIFO, 10) }

func schedRules() {
	may := schedMay(schedRR, 20)
	call(sysSetuid, 1000)
	yes("a higher priority is refused", !schedMay(schedRR, 21))
	yes("another real-time class is refused", !schedMay(schedFIFO, 1))
	if may {
		yes("a lower priority is allowed", schedMay(schedRR, 19))
	}
	yes("SCHED_OTHER is allowed", schedMay(0, -1))
	yes("and there is no way back", !schedMay(schedRR, 0))
}
