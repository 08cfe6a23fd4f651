package syscalls

import "toaster/netbsd"

// This file has directories of kern that say of the kernel's parts how they stand.

// kernParts has one number for each directory, from base on.
func kernParts(base int32) []sysctlNode {
	return []sysctlNode{
		sysctlDir(base, "entropy", entropyNodes()...).says("Entropy (random number sources) options"),
		sysctlDir(base+1, "coredump",
			sysctlDir(ctlCreateBase, "setid", setidCoreNodes()...).says("Core files of set-id processes"),
		).says("Core files"),
		sysctlDir(base+2, "posix",
			sysctlInt(ctlCreateBase, "semmax", fixedInt(netbsd.KSEM_MAX)).says("Maximum number of semaphores"),
			sysctlInt(ctlCreateBase+1, "semcnt", func(c *Call) int32 { return int32(c.sems().Named()) }).says("Number of semaphores with a name"),
		).says("POSIX options"),
		sysctlDir(base+3, "uidinfo",
			sysctlQuad(ctlCreateBase, "proccnt", func(c *Call) uint64 { n, _ := c.mine(); return n }).says("Number of processes of the user"),
			sysctlQuad(ctlCreateBase+1, "lwpcnt", func(c *Call) uint64 { _, n := c.mine(); return n }).says("Number of the user's LWPs beside each process's first"),
			sysctlQuad(ctlCreateBase+2, "lockcnt", func(c *Call) uint64 { return uint64(c.files().Machine().LocksOf(UserOf(c.L))) }).says("Number of the user's locks on files"),
			sysctlQuad(ctlCreateBase+3, "semcnt", func(c *Call) uint64 { return uint64(c.sems().Of(UserOf(c.L))) }).says("Number of the user's semaphores"),
		).says("Resource usage of the user"),
		sysctlStruct(netbsd.KERN_NTPTIME, "ntptime", func(*Call) []byte {
			b := make([]byte, 48)
			ntpTime(b)
			return b
		}).says("Kernel clock values for NTP"),
	}
}

// entropyNodes are those of entropy_init: the host's generator never is without entropy, so that nothing is needed, or on its way. The
// epoch is that of a pool which has been filled once (entropy_notify).
func entropyNodes() []sysctlNode {
	return []sysctlNode{
		sysctlBool(ctlCreateBase, "collection", true).says("Whether entropy is collected"),
		sysctlBool(ctlCreateBase+1, "depletion", false).says("Whether what is read counts as used up"),
		sysctlTrigger(ctlCreateBase+2, "consolidate").says("To consolidate entropy now"),
		sysctlTrigger(ctlCreateBase+3, "gather").says("To gather entropy now"),
		sysctlInt(ctlCreateBase+4, "needed", fixedInt(0)).secret().says("Bits of entropy that are missing"),
		sysctlInt(ctlCreateBase+5, "pending", fixedInt(0)).secret().says("Bits of entropy that are on their way"),
		sysctlInt(ctlCreateBase+6, "epoch", fixedInt(1)).secret().says("Entropy epoch"),
	}
}

// setidCoreNodes are what security_setidcore_dump and its kin are at first. Nobody changes them: no such process leaves a core file.
func setidCoreNodes() []sysctlNode {
	return []sysctlNode{
		sysctlInt(ctlCreateBase, "dump", fixedInt(0)).says("Whether they dump core"),
		sysctlString(ctlCreateBase+1, "path", fixedString("/var/crash/%n.core")).says("Names"),
		sysctlInt(ctlCreateBase+2, "owner", fixedInt(0)).says("Owner"),
		sysctlInt(ctlCreateBase+3, "group", fixedInt(0)).says("Group"),
		sysctlInt(ctlCreateBase+4, "mode", fixedInt(0o600)).says("Mode"),
	}
}

// mine counts processes of the caller's effective user by their real one (chgproccnt), and their LWPs but each one's first (lwp_create).
func (c *Call) mine() (procs, lwps uint64) {
	uid := c.L.Proc().Cred().EUID
	for _, p := range c.K.M.Procs() {
		if p.Cred().RUID == uid {
			procs++
			lwps += uint64(max(len(p.LWPs())-1, 0))
		}
	}
	return procs, lwps
}
