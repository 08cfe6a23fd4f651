package syscalls

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"toaster/netbsd"
)

// posixVersion is that of IEEE Std 1003.1 which NetBSD's options name.
const posixVersion = 200112

func kernNodes() []sysctlNode {
	return withNumbers(slices.Concat(kernIdentity(), kernClocks(), kernLimits(), kernBuffers(), kernPosix(), kernTables(), kernCounters(), kernParts(ctlCreateBase+16), kernMore()))
}

// hostID is kern.hostid, and gethostid(2).
var hostID = intOption(0)

// kernIdentity says which system this is.
func kernIdentity() []sysctlNode {
	return []sysctlNode{
		sysctlString(netbsd.KERN_OSTYPE, "ostype", fixedString("NetBSD")).says("Operating system type"),
		sysctlString(netbsd.KERN_OSRELEASE, "osrelease", func(c *Call) string { return c.K.osRelease() }).says("Operating system release"),
		sysctlInt(netbsd.KERN_OSREV, "osrevision", func(c *Call) int32 { return osRevision(c.K.osRelease()) }).says("Operating system revision"),
		sysctlString(netbsd.KERN_VERSION, "version", func(c *Call) string { return c.K.version() }).says("Kernel version"),
		hostName(netbsd.KERN_HOSTNAME, "hostname"),
		hostID.node(netbsd.KERN_HOSTID, "hostid", netbsd.CTLTYPE_INT).with(netbsd.CTLFLAG_HEX).says("System host ID"),
		domainName(netbsd.KERN_DOMAINNAME, "domainname"),
		sysctlString(ctlCreateBase+8, "configname", fixedString("GENERIC")).says("Name of the kernel's configuration"),
		sysctlString(netbsd.KERN_ROOT_DEVICE, "root_device", fixedString("md0")).says("Name of the root device"),
		sysctlInt(netbsd.KERN_ROOT_PARTITION, "root_partition", fixedInt(0)).says("Partition of the root device"),
		sysctlInt(ctlCreateBase+9, "boothowto", fixedInt(0)).with(netbsd.CTLFLAG_HEX).says("Flags of the boot loader"),
		secureLevelNode(netbsd.KERN_SECURELVL),
		sysctlInt(ctlCreateBase+10, "posix_sched", fixedInt(posixVersion)).says("Version of POSIX and its Process Scheduling option"),
		sysctlDir(ctlCreateBase+11, "pset",
			settableIn(ctlCreateBase, "psets_max", 32, 1, maxInt, "Most processor sets"),
			sysctlString(ctlCreateBase+1, "list", fixedString("0:1")).says("Processor sets"),
		).says("Processor sets"),
		exposeAddressNode(ctlCreateBase + 4),
		settable(ctlCreateBase+5, "no_sa_support", 1, "1 where there are no scheduler activations"),
		settableIn(ctlCreateBase+6, "messages", 2, 0, 4, "How much the kernel says"),
	}
}

// kernClocks are about time and who runs when.
func kernClocks() []sysctlNode {
	return []sysctlNode{
		sysctlStruct(netbsd.KERN_BOOTTIME, "boottime", bootTime).says("System boot time"),
		sysctlStruct(netbsd.KERN_CLOCKRATE, "clockrate", clockRate).says("Kernel clock rates"),
		settable(netbsd.KERN_RTC_OFFSET, "rtc_offset", 0, "Offset of the clock chip from UTC in minutes").judged(rtcOffset),
		sysctlInt(netbsd.KERN_HARDCLOCK_TICKS, "hardclock_ticks", hardclockTicks).says("Ticks of the clock since boot"),
		sysctlStruct(netbsd.KERN_CONSDEV, "consdev", zeros(8)).says("Console device"),
		sysctlDir(ctlCreateBase+2, "timecounter",
			sysctlString(ctlCreateBase, "choice", fixedString(timecounters)).says("Time counters there are"),
			timecounterHardware(ctlCreateBase+1),
			settable(ctlCreateBase+2, "timestepwarnings", 0, "Whether steps of the time are logged"),
		).says("Time counters"),
		schedNode(ctlCreateBase + 3),
	}
}

// kernLimits are the sizes of things.
func kernLimits() []sysctlNode {
	return []sysctlNode{
		settableIn(netbsd.KERN_MAXVNODES, "maxvnodes", 100000, 1, maxInt, "Maximum number of vnodes"),
		maxProcNode(netbsd.KERN_MAXPROC),
		maxLWPNode(ctlCreateBase + 15),
		maxFilesNode(netbsd.KERN_MAXFILES),
		sysctlInt(netbsd.KERN_ARGMAX, "argmax", fixedInt(netbsd.ARG_MAX)).says("Bytes of arguments to execve(2)"),
		sysctlInt(netbsd.KERN_NGROUPS, "ngroups", fixedInt(netbsd.NGROUPS_MAX)).says("Maximum number of supplementary groups"),
		sysctlInt(netbsd.KERN_IOV_MAX, "iov_max", fixedInt(netbsd.IOV_MAX)).says("Buffers of one readv(2) or writev(2)"),
		sysctlInt(netbsd.KERN_LOGIN_NAME_MAX, "login_name_max", fixedInt(netbsd.LOGIN_NAME_MAX)).says("Length of a login name, its NUL included"),
		sysctlInt(netbsd.KERN_MAXPARTITIONS, "maxpartitions", fixedInt(16)).says("Partitions of a disk"),
		sysctlInt(netbsd.KERN_RAWPARTITION, "rawpartition", fixedInt(3)).says("Partition that is a whole disk"),
		sysctlInt(netbsd.KERN_MAXPTYS, "maxptys", fixedInt(992)).says("Maximum number of pseudo-terminals"),
		sysctlInt(netbsd.KERN_MAXPHYS, "maxphys", fixedInt(64<<10)).says("Bytes of one transfer of a device"),
		sysctlInt(netbsd.KERN_MSGBUFSIZE, "msgbufsize", fixedInt(0)).says("Size of the kernel's message buffer"),
		sysctlString(netbsd.KERN_MSGBUF, "msgbuf", fixedString("")).says("Kernel's message buffer"),
		settableIn(netbsd.KERN_FORKFSLEEP, "forkfsleep", 0, 0, 20*1000, "Milliseconds that a fork sleeps which a limit refuses"),
		defCoreName(),
		settable(netbsd.KERN_LOGSIGEXIT, "logsigexit", 0, "Whether deaths by signals are logged"),
		settable(netbsd.KERN_DUMP_ON_PANIC, "dump_on_panic", 1, "Whether a panic leaves a dump"),
		sysctlInt(netbsd.KERN_FSCALE, "fscale", fixedInt(netbsd.FSCALE)).says("Scale of fixed-point numbers"),
		sysctlInt(netbsd.KERN_CCPU, "ccpu", fixedInt(1948)).says("Decay of the scheduler's estimates"),
		sysctlInt(netbsd.KERN_LABELSECTOR, "labelsector", fixedInt(1)).says("Sector of the disklabel"),
		sysctlInt(netbsd.KERN_LABELOFFSET, "labeloffset", fixedInt(0)).says("Offset of the disklabel in its sector"),
		{num: netbsd.KERN_SYSVIPC, name: "ipc", kind: netbsd.CTLTYPE_NODE, about: "System V IPC", children: ipcNodes()},
		sysctlInt(ctlCreateBase, "posix_msg", fixedInt(posixVersion)).says("Message queues"),
		{num: ctlCreateBase + 1, name: "mqueue", kind: netbsd.CTLTYPE_NODE, about: "Message queues", children: mqNodes()},
	}
}

// kernBuffers are limits of what is on its way between programs.
func kernBuffers() []sysctlNode {
	return []sysctlNode{
		settableIn(netbsd.KERN_SBMAX, "sbmax", 256<<10, 16<<10, maxInt, "Maximum size of a socket's buffer"),
		settableIn(netbsd.KERN_SOMAXKVA, "somaxkva", 16<<20, 16<<20, maxInt, "Maximum memory of all sockets' buffers"),
		settableBool(85, "sofixedbuf", true, "Whether a buffer whose size was set keeps it"), // KERN_SOFIXEDBUF
		sysctlDir(netbsd.KERN_PIPE, "pipe",
			settable(3, "maxbigpipes", 32, "Maximum number of pipes with large buffers"),
			constant(4, "nbigpipes", 0, "Number of pipes with large buffers"),
			constant(5, "kvasize", 0, "Memory that pipes have"),
		).says("Pipes"),
		sysctlDir(netbsd.KERN_MBUF, "mbuf",
			constant(1, "msize", 512, "Bytes of an mbuf"),
			constant(2, "mclbytes", 2048, "Bytes of a cluster"),
			mbufClusters(3),
			settableIn(4, "mblowat", 16, 0, maxInt, "Least number of mbufs"),
			settableIn(5, "mcllowat", 8, 0, maxInt, "Least number of clusters"),
			sysctlStruct(6, "stats", zeros(7*8+256*2)).says("Statistics of mbufs"),
			sysctlInt(8, "nmbclusters_limit", func(c *Call) int32 { return clampInt32(physMem(c) / 4 / 2048) }).says("Most that there can be"),
			sysctlRefuse(7, "mowners", netbsd.EOPNOTSUPP).says("Owners of mbufs"),
		).says("Mbufs"),
	}
}

// mbufClusters can only grow (sysctl_kern_mbuf), up to a quarter of memory (nmbclusters_limit).
func mbufClusters(num int32) sysctlNode {
	o := intOption(1024)
	return o.node(num, "nmbclusters", netbsd.CTLTYPE_INT).judged(func(c *Call, v int64) netbsd.Errno {
		if v < o.number(c.K) || v > int64(physMem(c)/4/2048) {
			return netbsd.EINVAL
		}
		return 0
	}).says("Maximum number of clusters")
}

// schedNode is about who runs. The host schedules: what is set is kept, and told.
func schedNode(num int32) sysctlNode {
	return sysctlDir(num, "sched",
		sysctlString(ctlCreateBase, "name", fixedString("4.4BSD")).says("Name of the scheduler"),
		sysctlInt(ctlCreateBase+1, "rtts", fixedInt(100)).says("Time slice of SCHED_RR in milliseconds"),
		sysctlInt(ctlCreateBase+2, "pri_min", fixedInt(netbsd.SCHED_PRI_MIN)).says("Lowest real-time priority of POSIX"),
		sysctlInt(ctlCreateBase+3, "pri_max", fixedInt(netbsd.SCHED_PRI_MAX)).says("Highest real-time priority of POSIX"),
		settable(created, "cacheht_time", 10, "Milliseconds that a processor's cache stays warm"),
		settable(created, "skim_interval", 10, "Milliseconds between LWPs taken from another processor"),
		settable(created, "min_catch", 1, "LWPs before one is taken from another processor"),
		settable(created, "timesoftints", 0, "Whether the time of soft interrupts is counted"),
		settable(created, "kpreempt_pri", 1000, "Priority that preempts the kernel"),
	).says("Scheduler")
}

// kernPosix are the options of POSIX that there are (sysconf(3)), but for those that stand with what they are about: posix_sched and
// posix_msg.
func kernPosix() []sysctlNode {
	return []sysctlNode{
		sysctlInt(netbsd.KERN_POSIX1, "posix1version", fixedInt(posixVersion)).says("Version of POSIX"),
		sysctlInt(netbsd.KERN_JOB_CONTROL, "job_control", fixedInt(1)).says("Job control"),
		sysctlInt(netbsd.KERN_SAVED_IDS, "saved_ids", fixedInt(1)).says("Saved set-user-ids"),
		sysctlInt(netbsd.KERN_FSYNC, "fsync", fixedInt(1)).says("File synchronization"),
		sysctlInt(netbsd.KERN_SYNCHRONIZED_IO, "synchronized_io", fixedInt(1)).says("Synchronized I/O"),
		sysctlInt(netbsd.KERN_MAPPED_FILES, "mapped_files", fixedInt(1)).says("Memory mapped files"),
		sysctlInt(netbsd.KERN_MEMLOCK, "memlock", fixedInt(1)).says("Process memory locking"),
		sysctlInt(netbsd.KERN_MEMLOCK_RANGE, "memlock_range", fixedInt(1)).says("Range memory locking"),
		sysctlInt(netbsd.KERN_MEMORY_PROTECTION, "memory_protection", fixedInt(1)).says("Memory protection"),
		sysctlInt(netbsd.KERN_MONOTONIC_CLOCK, "monotonic_clock", fixedInt(posixVersion)).says("Monotonic clock"),
		sysctlInt(netbsd.KERN_POSIX_THREADS, "posix_threads", fixedInt(posixVersion)).says("Threads"),
		sysctlInt(netbsd.KERN_POSIX_SEMAPHORES, "posix_semaphores", fixedInt(posixVersion)).says("Semaphores"),
		sysctlInt(netbsd.KERN_POSIX_BARRIERS, "posix_barriers", fixedInt(posixVersion)).says("Barriers"),
		sysctlInt(netbsd.KERN_POSIX_TIMERS, "posix_timers", fixedInt(posixVersion)).says("Timers"),
		sysctlInt(netbsd.KERN_POSIX_SPIN_LOCKS, "posix_spin_locks", fixedInt(posixVersion)).says("Spin locks"),
		sysctlInt(netbsd.KERN_POSIX_READER_WRITER_LOCKS, "posix_reader_writer_locks", fixedInt(posixVersion)).says("Reader and writer locks"),
		sysctlInt(ctlCreateBase+12, "posix_aio", fixedInt(posixVersion)).says("Asynchronous I/O"),
		aioNode(ctlCreateBase+13, "aio_listio_max").says("Most operations of a process, and of one lio_listio(2)"),
		aioNode(ctlCreateBase+14, "aio_max").says("Most asynchronous operations"),
	}
}

// kernTables are lists that programs ask for by more names.
func kernTables() []sysctlNode {
	return []sysctlNode{
		sysctlList(netbsd.KERN_PROC2, "proc2", procTable).says("Processes"),
		sysctlTable(netbsd.KERN_PROC_ARGS, "proc_args", procArgs).says("Arguments and environments of processes"),
		sysctlList(netbsd.KERN_LWP, "lwp", lwpTable).says("LWPs"),
		sysctlList(netbsd.KERN_FILE2, "file2", fileTable).says("Open files"),
		sysctlStruct(netbsd.KERN_DRIVERS, "drivers", driverTable).says("Drivers and the numbers of their devices"),
		sysctlTable(netbsd.KERN_EVCNT, "evcnt", emptyTable).says("Counters of events"),
		{num: netbsd.KERN_URND, name: "urandom", kind: netbsd.CTLTYPE_INT, about: "Random number", value: randomInt},
		{num: netbsd.KERN_ARND, name: "arandom", kind: netbsd.CTLTYPE_INT, about: "Random bytes", value: randomBytes},
	}
}

// kernCounters are what the kernel has counted; toaster counts little of it.
func kernCounters() []sysctlNode {
	return []sysctlNode{
		{num: netbsd.KERN_CP_TIME, name: "cp_time", kind: netbsd.CTLTYPE_STRUCT, about: "Ticks in user, nice, system, interrupt and idle", below: true, value: cpTime},
		sysctlStruct(netbsd.KERN_CP_ID, "cp_id", cpID).says("Ids of the processors"),
		sysctlDir(netbsd.KERN_TKSTAT, "tkstat",
			sysctlQuad(1, "nin", noCount).says("Characters read from terminals"),
			sysctlQuad(2, "nout", noCount).says("Characters written to terminals"),
			sysctlQuad(3, "cancc", noCount).says("Characters read line by line"),
			sysctlQuad(4, "rawcc", noCount).says("Characters read one by one"),
		).says("Terminals"),
		sysctlDir(ctlCreateBase+7, "tty",
			queueSize(ctlCreateBase),
		).says("Terminals"),
	}
}

func noCount(*Call) uint64 { return 0 }

// hostName is the machine's name, which the superuser may change (sethostname(3)).
func hostName(num int32, name string) sysctlNode {
	n := sysctlString(num, name, func(c *Call) string { return c.K.M.Hostname() }).says("System hostname")
	n.set = setName(func(c *Call, name string) netbsd.Errno { c.K.M.SetHostname(name); return 0 })
	return n
}

// domainName is the name of the YP domain, which the superuser may change (setdomainname(3)).
func domainName(num int32, name string) sysctlNode {
	n := sysctlString(num, name, func(c *Call) string {
		if p := c.K.domain.Load(); p != nil {
			return *p
		}
		return ""
	}).says("YP domain name")
	n.set = setName(func(c *Call, name string) netbsd.Errno { c.K.domain.Store(&name); return 0 })
	return n
}

// timecounters are those that the kernel knows, in the form of kern.timecounter.choice; programs read it by pattern.
// The clock goes by the host's, whichever is chosen.
const timecounters = "TSC(q=3000, f=1000000000 Hz) clockinterrupt(q=0, f=100 Hz) dummy(q=-1000000, f=1000000 Hz)"

// timecounterHardware is the one in use, which the superuser may change for another (sysctl_kern_timecounter_hardware).
func timecounterHardware(num int32) sysctlNode {
	n := sysctlString(num, "hardware", func(c *Call) string {
		if p := c.K.timecounter.Load(); p != nil {
			return *p
		}
		return "TSC"
	}).says("Time counter in use")
	n.set = setName(func(c *Call, name string) netbsd.Errno {
		if !slices.Contains([]string{"TSC", "clockinterrupt", "dummy"}, name) {
			return netbsd.EINVAL
		}
		c.K.timecounter.Store(&name)
		return 0
	})
	return n
}

// setName takes a name of at most MAXHOSTNAMELEN bytes, a NUL included if it has one, which ends it
// (sysctl_lookup).
func setName(set func(c *Call, name string) netbsd.Errno) func(*Call, []byte) netbsd.Errno {
	return setString(netbsd.MAXHOSTNAMELEN, set)
}

// setString is setName for a string of at most so many bytes.
func setString(most int, set func(c *Call, name string) netbsd.Errno) func(*Call, []byte) netbsd.Errno {
	return func(c *Call, b []byte) netbsd.Errno {
		if len(b) > most || len(b) == most && b[most-1] != 0 {
			return netbsd.EINVAL
		}
		if i := bytes.IndexByte(b, 0); i >= 0 {
			b = b[:i]
		}
		return set(c, string(b))
	}
}

// osRevision is __NetBSD_Version__ of sys/param.h, MMmmrrpp00, for a release "M.m".
func osRevision(release string) int32 {
	before, after, _ := strings.Cut(release, ".")
	major, _ := strconv.Atoi(before)
	minor, _ := strconv.Atoi(after)
	return int32(major*100_000_000 + minor*1_000_000)
}

// Bounds of kern.maxlwp (sys/lwp.h).
const (
	maxLWP    = 4096
	maxMaxLWP = 65535
)

// mostLWPs is lwp_maxlwp: an LWP a MiB of memory, but no more than the machine has at once.
func (k *Kernel) mostLWPs() int32 {
	n := max(int(min(maxMaxLWP, k.PhysMem>>20)), maxLWP)
	if most := k.M.MaxLWPs(); most > 0 {
		n = min(n, most)
	}
	return int32(n)
}

// maxLWPs is kern.maxlwp, to which setrlimit(2) cuts RLIMIT_NTHR. That the machine has no more at once is another limit, its embedder's, and
// bounds what is said here whenever it changes.
func (k *Kernel) maxLWPs() int32 {
	n := k.mostLWPs()
	if set := k.maxLWP.Load(); set != nil {
		n = min(n, *set)
	}
	return n
}

// maxLWPNode may be changed by the superuser (sysctl_kern_maxlwp). EINVAL: below 0, or more than there may be.
func maxLWPNode(num int32) sysctlNode {
	n := sysctlInt(num, "maxlwp", func(c *Call) int32 { return c.K.maxLWPs() }).says("Maximum number of LWPs of a user")
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		v := int32(le32(b))
		if v < 0 || v >= maxMaxLWP || v > c.K.mostLWPs() {
			return netbsd.EINVAL
		}
		c.K.maxLWP.Store(&v)
		return 0
	}
	return n
}

// hz is how often the clock ticks in a second; those of clock_t are the same.
const hz = 100

// clockRate is struct clockinfo; a tick is told in µs.
func clockRate(*Call) []byte {
	b := make([]byte, netbsd.SizeofClockinfo)
	netbsd.Clockinfo{Hz: hz, Tick: 1e6 / hz, Stathz: hz, Profhz: hz}.Encode(b)
	return b
}

// hardclockTicks wraps, as NetBSD's counter does.
func hardclockTicks(c *Call) int32 {
	return int32(uint32(time.Since(c.K.BootTime) * hz / time.Second))
}

func randomInt(*Call, []int32, uint64) ([]byte, netbsd.Errno) {
	b := make([]byte, 4)
	rand.Read(b)
	return b, 0
}

// randomBytes returns as many as asked for, at most 256 (KERN_ARND, sysctl(7)).
func randomBytes(_ *Call, _ []int32, oldlen uint64) ([]byte, netbsd.Errno) {
	b := make([]byte, min(oldlen, 256))
	rand.Read(b)
	return b, 0
}

func bootTime(c *Call) []byte {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint64(b, uint64(c.K.BootTime.Unix()))
	binary.LittleEndian.PutUint64(b[8:], uint64(c.K.BootTime.Nanosecond()/1000))
	return b
}

// cpTime is five counters of ticks (sysctl_kern_cptime): of one processor where its number follows, of all
// of them together where there is room for just that, or none, otherwise of one processor after the
// other. ENOENT for a processor that there is not.
func cpTime(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno) {
	cpus := int(onlineCPUs(c))
	switch {
	case len(rest) > 1:
		return nil, netbsd.EINVAL
	case len(rest) == 1 && (rest[0] < 0 || int(rest[0]) >= cpus):
		return nil, netbsd.ENOENT
	case len(rest) == 1:
		return cpTicks(c, cpus), 0
	case oldlen == cpStates*8 || c.Ptr(2) == 0:
		return cpTicks(c, 1), 0
	}
	return bytes.Repeat(cpTicks(c, cpus), cpus), 0
}

const cpStates = 5 // CPUSTATES of sys/sched.h

// cpTicks is a part of what all processors together have done: all time that has been used, by every process,
// is told as user and system time, and the rest since boot as idle. The host does not say on which
// processor it was used.
func cpTicks(c *Call, part int) []byte {
	var user, system time.Duration
	for _, p := range c.K.M.Procs() {
		if u, errno := p.Rusage(netbsd.RUSAGE_SELF); errno == 0 {
			user, system = user+u.Utime, system+u.Stime
		}
	}
	all := time.Since(c.K.BootTime) * time.Duration(onlineCPUs(c))
	b := make([]byte, cpStates*8)
	for i, d := range map[int]time.Duration{0: user, 2: system, 4: max(all-user-system, 0)} {
		binary.LittleEndian.PutUint64(b[8*i:], uint64(d/time.Duration(part)*hz/time.Second))
	}
	return b
}

// cpID numbers the processors from 0.
func cpID(c *Call) []byte {
	var b []byte
	for i := range onlineCPUs(c) {
		b = binary.LittleEndian.AppendUint64(b, uint64(i))
	}
	return b
}

func onlineCPUs(*Call) int32 { return int32(runtime.NumCPU()) }

// emptyTable is a list with nothing in it.
func emptyTable(*Call, []int32, uint64) ([]byte, netbsd.Errno) { return nil, 0 }

// driverTable lists struct kinfo_drivers: major numbers of character and block devices, -1 for none,
// and the driver's name (conf/majors, arch/amd64/conf/majors.amd64).
func driverTable(*Call) []byte {
	var out []byte
	for _, d := range [...]struct {
		char, block int32
		name        string
	}{{0, -1, "cons"}, {1, -1, "ctty"}, {2, -1, "mem"}, {5, -1, "pts"}, {6, -1, "ptc"}, {7, -1, "log"}, {22, -1, "filedesc"}, {165, -1, "ptm"}, {drvctlMajor, -1, "drvctl"}} {
		b := make([]byte, netbsd.SizeofKinfoDrivers)
		binary.LittleEndian.PutUint32(b, uint32(d.char))
		binary.LittleEndian.PutUint32(b[4:], uint32(d.block))
		copy(b[8:31], d.name)
		out = append(out, b...)
	}
	return out
}
