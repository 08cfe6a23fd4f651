package syscalls

import "toaster/netbsd"

// This file has directories of kern that say of the kernel's parts how they stand.

// kernParts has one number for each directory, from base on.
func kernParts(base int32) []sysctlNode {
	return []sysctlNode{
		sysctlDir(86, "entropy", entropyNodes()...).says("Entropy (random number sources) options"),
		sysctlDir(base+1, "coredump",
			sysctlDir(ctlCreateBase, "setid", setidCoreNodes()...).says("Core files of set-id processes"),
		).says("Core files"),
		sysctlDir(base+2, "posix",
			semMaxNode(ctlCreateBase),
			sysctlInt(ctlCreateBase+1, "semcnt", func(c *Call) int32 { return int32(c.sems().Named()) }).says("Number of semaphores with a name"),
		).says("POSIX options"),
		sysctlDir(base+3, "uidinfo",
			sysctlQuad(ctlCreateBase, "proccnt", func(c *Call) uint64 { n, _ := c.mine(); return n }).says("Number of processes of the user"),
			sysctlQuad(ctlCreateBase+1, "lwpcnt", func(c *Call) uint64 { _, n := c.mine(); return n }).says("Number of the user's LWPs beside each process's first"),
			sysctlQuad(ctlCreateBase+2, "lockcnt", func(c *Call) uint64 { return uint64(c.files().Machine().LocksOf(UserOf(c.L))) }).says("Number of the user's locks on files"),
			sysctlQuad(ctlCreateBase+3, "semcnt", func(c *Call) uint64 { return uint64(c.sems().Of(UserOf(c.L))) }).says("Number of the user's semaphores"),
			sysctlQuad(ctlCreateBase+4, "sbsize", noCount).says("Bytes of socket buffers of the user"),
		).says("Resource usage of the user"),
		sysctlStruct(netbsd.KERN_NTPTIME, "ntptime", func(*Call) []byte {
			b := make([]byte, 48)
			ntpTime(b)
			return b
		}).says("Kernel clock values for NTP"),
	}
}

// kernMore are parts of GENERIC that there is little of here: modules, devices and their queues, veriexec, the profiler.
func kernMore() []sysctlNode {
	return []sysctlNode{
		sysctlTable(netbsd.KERN_PROC, "proc", kernelOnly).says("Processes, as the kernel has them"),
		{num: netbsd.KERN_VNODE, name: "vnode", kind: netbsd.CTLTYPE_STRUCT, about: "Vnodes, as the kernel has them", below: true, value: kernelOnly},
		{num: netbsd.KERN_FILE, name: "file", kind: netbsd.CTLTYPE_STRUCT, about: "Open files, as the kernel has them", below: true, value: kernelOnly},
		sysctlTable(netbsd.KERN_PROF, "profiling", notAvailable).says("Profile of the kernel"),
		{num: netbsd.KERN_TIMEX, name: "timex", kind: netbsd.CTLTYPE_STRUCT, about: "Not available", below: true, value: notAvailable},
		sysctlTable(76, "buf", emptyTable).says("Buffers"), // KERN_BUF
		constant(created, "labelusesmbr", 1, "Whether a disklabel is in a partition"),
		sysctlString(created, "buildinfo", fixedString("")).says("Where the kernel was built"),
		settableBool(created, "detachall", false, "Whether all devices are detached at the end"),
		settable(created, "direct_select", 0, "Whether select(2) is direct"),
		settable(created, "usercrypto", 1, "Whether programs may use /dev/crypto"),
		settable(created, "userasymcrypto", 1, "Whether they may for asymmetric ciphers"),
		settable(created, "cryptodevallowsoft", 1, "Whether software serves them"),
		socketOptions.node(created, "sooptions", netbsd.CTLTYPE_INT).judged(defaultOptions).says("Options of new sockets"),
		sysctlDir(created, "opencrypto", cryptoQueue("crypto_ret_q"), cryptoQueue("crypto_ret_kq")).says("Queues of ciphers"),
		sysctlDir(created, "heartbeat", settableIn(created, "max_period", 15, 0, maxInt, "Most seconds between two")).says("Heartbeats of processors"),
		sysctlDir(created, "threadpool", settableIn(created, "idle_ms", 30*1000, 1, maxInt, "Milliseconds that an idle thread lives")).says("Threads of the kernel"),
		sysctlDir(created, "pmf", sysctlDir(created, "debug",
			settable(created, "event", 0, "Whether events are logged"), settable(created, "suspend", 0, "Whether suspension is"),
			settable(created, "suspensor", 0, "Whether who suspends is"), settable(created, "idle", 0, "Whether idleness is"),
			settable(created, "transition", 0, "Whether changes are"),
		).says("What is logged")).says("Power of devices"),
		sysctlStruct(created, "hashstat", zeros(0)).says("Statistics of hashes"),
		sysctlDir(created, "bufq",
			sysctlString(created, "strategies", fixedString("disksort fcfs priocscan")).says("Orders of transfers"),
		).says("Queues of transfers"),
		sysctlDir(created, "module",
			settableBool(created, "autoload", true, "Whether modules are loaded when they are needed").judged(moduleRight),
			settableBool(created, "autounload_unsafe", false, "Whether modules are unloaded that are not known to be ready for it"),
			settableBool(created, "verbose", false, "Whether it is told"),
			sysctlString(created, "path", func(c *Call) string { return "/stand/amd64/" + c.K.osRelease() + "/modules" }).says("Where modules are"),
			settableIn(created, "autotime", 10, 0, maxInt, "Seconds before an idle module is unloaded"),
		).says("Modules"),
		sysctlDir(created, "intr",
			sysctlStruct(created, "list", zeros(0)).says("Interrupts"),
			sysctlRefuse(created, "affinity", netbsd.EINVAL).says("Processors of an interrupt"),
			sysctlRefuse(created, "intr", netbsd.EINVAL).says("Processors with interrupts"),
			sysctlRefuse(created, "nointr", netbsd.EINVAL).says("Processors without interrupts"),
		).says("Interrupts"),
		sysctlDir(created, "ccd",
			sysctlStruct(created, "units", zeros(0)).says("Concatenated disks"),
			sysctlRefuse(created, "info", netbsd.ENOENT).says("About one"),
			sysctlRefuse(created, "components", netbsd.ENOENT).says("Its parts"),
		).says("Concatenated disks"),
		veriexecNode(created),
		sysctlStruct(created, "pool", zeros(0)).says("Pools of the kernel's memory"),
	}
}

// kernelOnly is a structure of NetBSD's kernel, with its addresses, of which there is none here: not even a kvm(3) could read it.
func kernelOnly(*Call, []int32, uint64) ([]byte, netbsd.Errno) { return nil, netbsd.EOPNOTSUPP }

// notAvailable is sysctl_notavail.
func notAvailable(*Call, []int32, uint64) ([]byte, netbsd.Errno) { return nil, netbsd.EOPNOTSUPP }

// moduleRight is KAUTH_SYSTEM_MODULE, which ends with security level 1.
func moduleRight(c *Call, _ int64) netbsd.Errno { return c.secured() }

// veriexecNode is veriexec(4) without any fingerprints. Its strictness only rises (sysctl_kern_veriexec_strict).
func veriexecNode(num int32) sysctlNode {
	strict := intOption(0)
	return sysctlDir(num, "veriexec",
		settable(created, "verbose", 0, "How much is told"),
		strict.node(created, "strict", netbsd.CTLTYPE_INT).judged(func(c *Call, v int64) netbsd.Errno {
			if v < strict.number(c.K) {
				return netbsd.EPERM
			}
			return 0
		}).says("How strict it is"),
		sysctlString(created, "algorithms", fixedString("SHA512 SHA384 SHA256 ")).says("Kinds of fingerprints"),
		sysctlDir(created, "count").says("Number of fingerprints of file systems"),
	).says("Fingerprints of programs")
}

// entropyNodes are those of entropy_init: the host's generator never is without entropy, so that nothing is needed, or on its way. The
// epoch is that of a pool which has been filled once (entropy_notify).
func entropyNodes() []sysctlNode {
	return []sysctlNode{
		settableBool(ctlCreateBase, "collection", true, "Whether entropy is collected"),
		settableBool(ctlCreateBase+1, "depletion", false, "Whether what is read counts as used up"),
		sysctlTrigger(ctlCreateBase+2, "consolidate").says("To consolidate entropy now"),
		sysctlTrigger(ctlCreateBase+3, "gather").says("To gather entropy now"),
		sysctlInt(ctlCreateBase+4, "needed", fixedInt(0)).secret().says("Bits of entropy that are missing"),
		sysctlInt(ctlCreateBase+5, "pending", fixedInt(0)).secret().says("Bits of entropy that are on their way"),
		sysctlInt(ctlCreateBase+6, "samplesneeded", fixedInt(0)).secret().says("Samples that are missing"),
		sysctlInt(ctlCreateBase+7, "samplespending", fixedInt(0)).secret().says("Samples that are on their way"),
		constant(1, "epoch", 1, "Entropy epoch"), // KERN_ENTROPY_EPOCH
	}
}

// setidCoreNodes are security_setidcore_dump and its kin, which a security level above 0 fixes (KAUTH_SYSTEM_SETIDCORE). No such process
// leaves a core file, whatever they say.
func setidCoreNodes() []sysctlNode {
	right := func(c *Call, _ int64) netbsd.Errno { return c.secured() }
	path := settableText(ctlCreateBase+1, "path", "/var/crash/%n.core", netbsd.PATH_MAX, "Names")
	set := path.set
	path.set = setString(netbsd.PATH_MAX, func(c *Call, name string) netbsd.Errno {
		switch {
		case c.secured() != 0:
			return netbsd.EPERM
		case name == "":
			return netbsd.EINVAL
		}
		return set(c, []byte(name))
	})
	return []sysctlNode{
		settable(ctlCreateBase, "dump", 0, "Whether they dump core").judged(right),
		path,
		settable(ctlCreateBase+2, "owner", 0, "Owner").judged(right),
		settable(ctlCreateBase+3, "group", 0, "Group").judged(right),
		settable(ctlCreateBase+4, "mode", 0o600, "Mode").judged(right),
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

// debugNodes are kern_crashme.c's: ways to have the kernel panic, EACCES for the superuser until debug.crashme_enable is set. Then they are EPERM: the
// machine is the embedder's to end.
func debugNodes() []sysctlNode {
	enable := boolOption(false)
	n := sysctlDir(created, "crashme").says("Ways to crash")
	for _, way := range []string{"panic", "null_deref", "null_jump", "ddb", "mutex_recursion", "spl_spinout", "kpreempt_spinout"} {
		n.children = append(n.children, settable(created, way, 0, "A crash").judged(func(c *Call, _ int64) netbsd.Errno {
			if enable.number(c.K) == 0 {
				return netbsd.EACCES
			}
			return netbsd.EPERM
		}))
	}
	return withNumbers([]sysctlNode{n, enable.node(created, "crashme_enable", netbsd.CTLTYPE_BOOL).says("Whether there may be crashes")})
}

// socketOptions are what new sockets have set.
var socketOptions = intOption(0)

// defaultOptions is sysctl_kern_sooptions. EINVAL: more than SO_DEFOPTS.
func defaultOptions(_ *Call, v int64) netbsd.Errno {
	const all = netbsd.SO_DEBUG | netbsd.SO_REUSEADDR | netbsd.SO_KEEPALIVE | netbsd.SO_DONTROUTE | netbsd.SO_BROADCAST | netbsd.SO_USELOOPBACK |
		netbsd.SO_LINGER | netbsd.SO_OOBINLINE | netbsd.SO_REUSEPORT | netbsd.SO_NOSIGPIPE | netbsd.SO_TIMESTAMP | netbsd.SO_RERROR
	if v&^all != 0 {
		return netbsd.EINVAL
	}
	return 0
}

func cryptoQueue(name string) sysctlNode {
	return sysctlDir(created, name,
		constant(created, "len", 0, "Requests that wait"),
		constant(created, "drops", 0, "Requests for which there was no room"),
		settableIn(created, "maxlen", 0, 0, maxInt, "Most requests that wait"),
	).says("A queue")
}
