package kern

// Step is one step of a process's end, named after what it does. Config.Trace gets
// them in the order in which they happen. The numbers are items of doc/lifecycle.md.
type Step uint8

// The steps of exit1, exit_lwps, exit2, the reaper and proc_free.
const (
	StepSetWEXIT         Step = iota + 1 // P_WEXIT (4)
	StepDisableUpcalls                   // L_SA off (5; 2003)
	StepStopProfiling                    // stopprofclock (6)
	StepAllocRusage                      // (7)
	StepWakeVforkParent                  // P_PPWAIT off, wakeup (8, 9)
	StepIgnoreSignals                    // (10)
	StepFreeTimers                       // (11)
	StepExitLWPs                         // exit_lwps begins (12)
	StepSetUserret                       // the hook by which LWPs die (49)
	StepRunCachedLWPs                    // SA (50; 2003)
	StepUndetachLWPs                     // (51)
	StepWakeUpcallSleeps                 // SA (52; 2003)
	StepRunLWPs                          // sleepers, suspended, stopped (53)
	StepWaitLWPs                         // (54)
	StepClearUserret                     // (54)
	StepStopOnExit                       // PS_STOPEXIT (10)
	StepPurgeRAS                         // (13)
	StepCloseFiles                       // (14)
	StepReleaseDirs                      // (15)
	StepExitHooks                        // (16)
	StepHangupSession                    // SIGHUP to the foreground group (17)
	StepClearTTY                         // t_pgrp and t_session off (18)
	StepReleaseSession                   // SESSRELE (18)
	StepDrainTTY                         // ttywait (19)
	StepRevokeTTY                        // (20, 21)
	StepReleaseTTY                       // vrele, s_ttyvp off (23)
	StepClearLeader                      // s_leader off (25)
	StepFixJobControl                    // fixjobc (26, 27)
	StepAccounting                       // acct_process (28)
	StepReleaseKtrace                    // (29)
	StepDetachSystrace                   // (30)
	StepEmulExit                         // e_proc_exit (31)
	StepFreeVM                           // uvm_proc_exit (48, 63)
	StepWakeInit                         // (32)
	StepReparentChildren                 // (33 to 36)
	StepForgetTraced                     // P_CHTRACED (37)
	StepStoreStatus                      // (38)
	StepFinalRusage                      // (39)
	StepSetDead                          // SDEAD, zombproc (40, 41)
	StepNoteExit                         // NOTE_EXIT (42)
	StepSavePMC                          // (43)
	StepNoCldWait                        // reparent to init (44, 45)
	StepFreeSigacts                      // (47)
	StepFreeLimits                       // (47)
	StepCPUExit                          // cpu_exit (48)
	StepQueueDead                        // exit2: on the dead list (57; 2003)
	StepWakeReaper                       // lwp_exit2 (57; 2003)
	StepReapLWP                          // the reaper takes an LWP (59, 60; 2003)
	StepLWPMachdepWait                   // cpu_wait (60)
	StepLWPFreeVM                        // uvm_lwp_exit (60)
	StepLWPZombie                        // LSZOMB (60, 62)
	StepLWPFree                          // detached: freed (61)
	StepReapProc                         // the reaper takes a process (59, 63; 2003)
	StepSetZombie                        // SZOMB (64)
	StepSignalParent                     // exit_psignal (64, 65)
	StepWakeParent                       // (64, 65)
	StepGiveBack                         // to the original parent (90)
	StepReap                             // proc_free: the scheduler's wait hook (91)
	StepClearStatus                      // (91)
	StepAddRusage                        // to the parent's children (92)
	StepSetFree                          // SIDL (93)
	StepFreeRusage                       // (93)
	StepLeavePgrp                        // (93)
	StepLeaveLists                       // off zombproc and the child list (93)
	StepUncountUser                      // chgproccnt (94)
	StepFreeCred                         // (95)
	StepReleaseText                      // the text vnode (95)
	StepFreeSA                           // (95)
	StepFreePid                          // (96)
	numSteps
)

var stepNames = [numSteps]string{
	StepSetWEXIT: "SetWEXIT", StepDisableUpcalls: "DisableUpcalls", StepStopProfiling: "StopProfiling",
	StepAllocRusage: "AllocRusage", StepWakeVforkParent: "WakeVforkParent", StepIgnoreSignals: "IgnoreSignals",
	StepFreeTimers: "FreeTimers", StepExitLWPs: "ExitLWPs", StepSetUserret: "SetUserret",
	StepRunCachedLWPs: "RunCachedLWPs", StepUndetachLWPs: "UndetachLWPs",
	StepWakeUpcallSleeps: "WakeUpcallSleeps", StepRunLWPs: "RunLWPs", StepWaitLWPs: "WaitLWPs",
	StepClearUserret: "ClearUserret", StepStopOnExit: "StopOnExit", StepPurgeRAS: "PurgeRAS",
	StepCloseFiles: "CloseFiles", StepReleaseDirs: "ReleaseDirs", StepExitHooks: "ExitHooks",
	StepHangupSession: "HangupSession", StepClearTTY: "ClearTTY", StepReleaseSession: "ReleaseSession",
	StepDrainTTY: "DrainTTY", StepRevokeTTY: "RevokeTTY", StepReleaseTTY: "ReleaseTTY",
	StepClearLeader: "ClearLeader", StepFixJobControl: "FixJobControl", StepAccounting: "Accounting",
	StepReleaseKtrace: "ReleaseKtrace", StepDetachSystrace: "DetachSystrace", StepEmulExit: "EmulExit",
	StepFreeVM: "FreeVM", StepWakeInit: "WakeInit", StepReparentChildren: "ReparentChildren",
	StepForgetTraced: "ForgetTraced", StepStoreStatus: "StoreStatus", StepFinalRusage: "FinalRusage",
	StepSetDead: "SetDead", StepNoteExit: "NoteExit", StepSavePMC: "SavePMC", StepNoCldWait: "NoCldWait",
	StepFreeSigacts: "FreeSigacts", StepFreeLimits: "FreeLimits", StepCPUExit: "CPUExit",
	StepQueueDead: "QueueDead", StepWakeReaper: "WakeReaper", StepReapLWP: "ReapLWP",
	StepLWPMachdepWait: "LWPMachdepWait", StepLWPFreeVM: "LWPFreeVM", StepLWPZombie: "LWPZombie",
	StepLWPFree: "LWPFree", StepReapProc: "ReapProc", StepSetZombie: "SetZombie",
	StepSignalParent: "SignalParent", StepWakeParent: "WakeParent", StepGiveBack: "GiveBack", StepReap: "Reap",
	StepClearStatus: "ClearStatus", StepAddRusage: "AddRusage", StepSetFree: "SetFree",
	StepFreeRusage: "FreeRusage", StepLeavePgrp: "LeavePgrp", StepLeaveLists: "LeaveLists",
	StepUncountUser: "UncountUser", StepFreeCred: "FreeCred", StepReleaseText: "ReleaseText",
	StepFreeSA: "FreeSA", StepFreePid: "FreePid",
}

// String returns the step's name without "Step".
func (s Step) String() string {
	if s < numSteps {
		return stepNames[s]
	}
	return "?"
}

// StepEvent is a step that a process has come to.
type StepEvent struct {
	Step Step
	Proc *Proc // of its methods only Pid may be called from Config.Trace
	LID  int   // the LWP that takes the step, or that it is about; 0 is none
}

// step tells the trace. mu is held.
func (p *Proc) step(l *LWP, s Step) {
	if f := p.m.cfg.Trace; f != nil {
		e := StepEvent{Step: s, Proc: p}
		if l != nil {
			e.LID = int(l.lid)
		}
		f(e)
	}
}
