package syscalls

import (
	"crypto/rand"
	"encoding/binary"
	"runtime"
	"strconv"
	"strings"

	"toaster/internal/file"
	"toaster/netbsd"
)

// This file serves __sysctl (sysctl(3)): a tree of nodes as data, a walk by numbers,
// and the CTL_QUERY meta node by which names are looked up.

// Types of a node, as its flags carry them (sys/sysctl.h).
const (
	ctlNode   = 1
	ctlInt    = 2
	ctlString = 3
	ctlQuad   = 4
	ctlStruct = 5

	ctlQuery    = -2
	ctlVersion1 = 0x01000000
	ctlMaxName  = 12

	ctlCreateBase = 1024 // the first number that is made up (CREATE_BASE)
)

// sysctlNode is one node. A leaf has a value function, which sees what is left of
// the name below the node.
type sysctlNode struct {
	num      int32
	name     string
	kind     uint32
	below    bool // a leaf that takes names below it
	value    func(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno)
	children []sysctlNode
	each     *sysctlNode                // what every number names that is no child's
	set      func(c *Call) netbsd.Errno // takes a new value, whose old one has been returned; nil: read-only
}

func sysctlInt(num int32, name string, v func(c *Call) int32) sysctlNode {
	return sysctlNode{num: num, name: name, kind: ctlInt, value: func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
		return binary.LittleEndian.AppendUint32(nil, uint32(v(c))), 0
	}}
}

func sysctlQuad(num int32, name string, v func(c *Call) uint64) sysctlNode {
	return sysctlNode{num: num, name: name, kind: ctlQuad, value: func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
		return binary.LittleEndian.AppendUint64(nil, v(c)), 0
	}}
}

func sysctlString(num int32, name string, v func(c *Call) string) sysctlNode {
	return sysctlNode{num: num, name: name, kind: ctlString, value: func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
		return append([]byte(v(c)), 0), 0
	}}
}

func fixedInt(v int32) func(*Call) int32      { return func(*Call) int32 { return v } }
func fixedString(v string) func(*Call) string { return func(*Call) string { return v } }

func orDefault(v, otherwise int) int32 {
	if v == 0 {
		v = otherwise
	}
	return clampInt32(uint64(v))
}

func physMem(c *Call) uint64 { return c.K.PhysMem }

func onlineCPUs(*Call) int32 { return int32(runtime.NumCPU()) }

// clampInt32 returns v as the int of an older node, which cannot hold more.
func clampInt32(v uint64) int32 { return int32(min(v, 1<<31-1)) }

var sysctlRoot = sysctlNode{kind: ctlNode, children: []sysctlNode{
	{num: netbsd.CTL_KERN, name: "kern", kind: ctlNode, children: kernNodes()},
	{num: netbsd.CTL_VM, name: "vm", kind: ctlNode, children: vmNodes()},
	{num: netbsd.CTL_NET, name: "net", kind: ctlNode, children: netNodes()},
	{num: netbsd.CTL_HW, name: "hw", kind: ctlNode, children: hwNodes()},
	{num: netbsd.CTL_MACHDEP, name: "machdep", kind: ctlNode, children: machdepNodes()},
	{num: netbsd.CTL_USER, name: "user", kind: ctlNode}, // libc has its nodes
	procNodes(),
}}

func kernNodes() []sysctlNode {
	return []sysctlNode{
		sysctlString(netbsd.KERN_OSTYPE, "ostype", fixedString("NetBSD")),
		sysctlString(netbsd.KERN_OSRELEASE, "osrelease", func(c *Call) string { return c.K.OSRelease }),
		sysctlInt(netbsd.KERN_OSREV, "osrevision", func(c *Call) int32 { return osRevision(c.K.OSRelease) }),
		sysctlString(netbsd.KERN_VERSION, "version", func(c *Call) string { return c.K.Version }),
		sysctlInt(netbsd.KERN_MAXVNODES, "maxvnodes", fixedInt(100000)),
		sysctlInt(netbsd.KERN_MAXPROC, "maxproc", func(c *Call) int32 { return clampInt32(uint64(c.K.M.MaxProc())) }),
		sysctlInt(netbsd.KERN_MAXFILES, "maxfiles", func(c *Call) int32 { return orDefault(c.K.MaxFiles, file.MaxOpenFiles) }),
		sysctlInt(netbsd.KERN_ARGMAX, "argmax", fixedInt(netbsd.ARG_MAX)),
		sysctlInt(netbsd.KERN_SECURELVL, "securelevel", fixedInt(-1)),
		sysctlString(netbsd.KERN_HOSTNAME, "hostname", func(c *Call) string { return c.K.M.Hostname() }),
		sysctlInt(netbsd.KERN_HOSTID, "hostid", fixedInt(0)),
		{num: netbsd.KERN_CLOCKRATE, name: "clockrate", kind: ctlStruct, value: clockRate},
		sysctlInt(netbsd.KERN_POSIX1, "posix1version", fixedInt(200112)),
		sysctlInt(netbsd.KERN_NGROUPS, "ngroups", fixedInt(netbsd.NGROUPS_MAX)),
		sysctlInt(netbsd.KERN_JOB_CONTROL, "job_control", fixedInt(1)),
		sysctlInt(netbsd.KERN_SAVED_IDS, "saved_ids", fixedInt(1)),
		sysctlString(netbsd.KERN_DOMAINNAME, "domainname", fixedString("")),
		sysctlInt(netbsd.KERN_FSYNC, "fsync", fixedInt(1)),
		sysctlInt(netbsd.KERN_IOV_MAX, "iov_max", fixedInt(netbsd.IOV_MAX)),
		{num: netbsd.KERN_PROC_ARGS, name: "proc_args", kind: ctlNode, value: procArgs},
		sysctlInt(netbsd.KERN_MONOTONIC_CLOCK, "monotonic_clock", fixedInt(200112)),
		{num: netbsd.KERN_URND, name: "urandom", kind: ctlInt, value: randomInt},
		{num: netbsd.KERN_ARND, name: "arandom", kind: ctlInt, value: randomBytes},
		{num: netbsd.KERN_SYSVIPC, name: "ipc", kind: ctlNode, children: ipcNodes()},
		sysctlInt(ctlCreateBase, "posix_msg", fixedInt(200112)),
		{num: ctlCreateBase + 1, name: "mqueue", kind: ctlNode, children: mqNodes()},
		{num: netbsd.KERN_BOOTTIME, name: "boottime", kind: ctlStruct, value: bootTime},
	}
}

func hwNodes() []sysctlNode {
	return []sysctlNode{
		sysctlString(netbsd.HW_MACHINE, "machine", fixedString("amd64")),
		sysctlString(netbsd.HW_MODEL, "model", fixedString("toaster")),
		sysctlInt(netbsd.HW_NCPU, "ncpu", onlineCPUs),
		sysctlInt(netbsd.HW_BYTEORDER, "byteorder", fixedInt(1234)),
		sysctlInt(netbsd.HW_PHYSMEM, "physmem", func(c *Call) int32 { return clampInt32(physMem(c)) }),
		sysctlInt(netbsd.HW_USERMEM, "usermem", func(c *Call) int32 { return clampInt32(physMem(c)) }),
		sysctlInt(netbsd.HW_PAGESIZE, "pagesize", fixedInt(4096)),
		sysctlString(netbsd.HW_MACHINE_ARCH, "machine_arch", fixedString("x86_64")),
		sysctlInt(netbsd.HW_ALIGNBYTES, "alignbytes", fixedInt(15)),
		sysctlQuad(netbsd.HW_PHYSMEM64, "physmem64", physMem),
		sysctlQuad(netbsd.HW_USERMEM64, "usermem64", physMem),
		sysctlInt(netbsd.HW_NCPUONLINE, "ncpuonline", onlineCPUs),
	}
}

// machdepNodes are those of amd64 (sysctl(7)) that say what a program may use. The
// signal frame holds what FXSAVE stores, whatever else the processor has.
func machdepNodes() []sysctlNode {
	return []sysctlNode{
		sysctlString(5, "booted_kernel", fixedString("netbsd")),
		sysctlInt(7, "fpu_present", fixedInt(1)),
		sysctlInt(8, "osfxsr", fixedInt(1)),
		sysctlInt(9, "sse", fixedInt(1)),
		sysctlInt(10, "sse2", fixedInt(1)),
		sysctlInt(15, "fpu_save", fixedInt(1)),
		sysctlInt(16, "fpu_save_size", fixedInt(512)),
	}
}

// vmNodes are those of memory. minaddress is amd64's VM_MIN_ADDRESS, 0; that nothing is mapped in
// the page there all the same says user_va0_disable, whose number the kernel makes up (CTL_CREATE).
func vmNodes() []sysctlNode {
	return []sysctlNode{
		{num: netbsd.VM_LOADAVG, name: "loadavg", kind: ctlStruct, value: loadAvg},
		sysctlQuad(netbsd.VM_MINADDRESS, "minaddress", func(*Call) uint64 { return 0 }),
		sysctlInt(ctlCreateBase, "user_va0_disable", fixedInt(1)),
	}
}

func netNodes() []sysctlNode {
	return []sysctlNode{{num: netbsd.AF_ROUTE, name: "route", kind: ctlNode, value: routeTable}}
}

// osRevision is __NetBSD_Version__ of sys/param.h, MMmmrrpp00, for a release "M.m".
func osRevision(release string) int32 {
	before, after, _ := strings.Cut(release, ".")
	major, _ := strconv.Atoi(before)
	minor, _ := strconv.Atoi(after)
	return int32(major*100_000_000 + minor*1_000_000)
}

// clockRate is struct clockinfo; a tick is told in µs. The clock's ticks are those of clock_t.
func clockRate(*Call, []int32, uint64) ([]byte, netbsd.Errno) {
	b := make([]byte, netbsd.SizeofClockinfo)
	netbsd.Clockinfo{Hz: 100, Tick: 10000, Stathz: 100, Profhz: 100}.Encode(b)
	return b, 0
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

func bootTime(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint64(b, uint64(c.K.BootTime.Unix()))
	binary.LittleEndian.PutUint64(b[8:], uint64(c.K.BootTime.Nanosecond()/1000))
	return b, 0
}

// loadAvg is struct loadavg: three fixed-point numbers and their scale.
func loadAvg(*Call, []int32, uint64) ([]byte, netbsd.Errno) {
	b := make([]byte, 24)
	binary.LittleEndian.PutUint64(b[16:], 2048)
	return b, 0
}

// sysctl is __sysctl(2): (const int *name, u_int namelen, void *oldp, size_t *oldlenp,
// const void *newp, size_t newlen). ENOENT for an unknown name, EISDIR for a node
// that is not a leaf, ENOTDIR for a name below one, ENOMEM with *oldlenp set where oldp is too small, EPERM for a
// write: no node can be written.
func sysctl(c *Call) netbsd.Errno {
	name, errno := sysctlName(c)
	if errno != 0 {
		return errno
	}
	oldp, oldlenp, newp := c.Ptr(2), c.Ptr(3), c.Ptr(4)
	var oldlen uint64
	if oldlenp != 0 {
		b, errno := c.in(oldlenp, 8)
		if errno != 0 {
			return errno
		}
		oldlen = binary.LittleEndian.Uint64(b)
	}
	value, errno := sysctlValue(c, name, oldlen, newp != 0)
	if errno != 0 {
		return errno
	}
	if errno := sysctlReturn(c, value, oldp, oldlenp, oldlen); errno != 0 || newp == 0 {
		return errno
	}
	return sysctlSet(c, name)
}

// sysctlSet gives a node that sysctlValue has found writable its new value.
func sysctlSet(c *Call, name []int32) netbsd.Errno {
	node := &sysctlRoot
	for _, num := range name {
		if node = node.child(num); node.set != nil {
			return node.set(c)
		}
	}
	return netbsd.EPERM
}

func sysctlName(c *Call) ([]int32, netbsd.Errno) {
	n := c.Uint32(1)
	if n < 1 || n > ctlMaxName {
		return nil, netbsd.EINVAL
	}
	b, errno := c.in(c.Ptr(0), int(4*n))
	if errno != 0 {
		return nil, errno
	}
	name := make([]int32, n)
	for i := range name {
		name[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return name, 0
}

func sysctlValue(c *Call, name []int32, oldlen uint64, write bool) ([]byte, netbsd.Errno) {
	node := &sysctlRoot
	for i, num := range name {
		if num == ctlQuery && i == len(name)-1 {
			return sysctlQuery(node)
		}
		next := node.child(num)
		if next == nil {
			return nil, netbsd.ENOENT
		}
		node = next
		if node.value != nil {
			if node.kind != ctlNode && !node.below && i+1 < len(name) {
				return nil, netbsd.ENOTDIR
			}
			if write && node.set == nil {
				return nil, netbsd.EPERM
			}
			return node.value(c, name[i+1:], oldlen)
		}
	}
	return nil, netbsd.EISDIR
}

func (n *sysctlNode) child(num int32) *sysctlNode {
	for i := range n.children {
		if n.children[i].num == num {
			return &n.children[i]
		}
	}
	return n.each
}

// sysctlQuery lists a node's children as struct sysctlnode, 96 bytes each:
//
//	flags 0, num 4, name 8 (32 bytes), version 40, union 48, size 64
func sysctlQuery(n *sysctlNode) ([]byte, netbsd.Errno) {
	if n.kind != ctlNode {
		return nil, netbsd.ENOTDIR
	}
	out := make([]byte, 96*len(n.children))
	for i, child := range n.children {
		b := out[96*i:]
		binary.LittleEndian.PutUint32(b, ctlVersion1|child.kind)
		binary.LittleEndian.PutUint32(b[4:], uint32(child.num))
		copy(b[8:39], child.name)
		if child.kind == ctlInt {
			binary.LittleEndian.PutUint64(b[64:], 4)
		}
	}
	return out, 0
}

// sysctlReturn stores what fits; the true length always goes to *oldlenp.
func sysctlReturn(c *Call, value []byte, oldp, oldlenp, oldlen uint64) netbsd.Errno {
	var result netbsd.Errno
	if oldp != 0 {
		n := uint64(len(value))
		if n > oldlen {
			n, result = oldlen, netbsd.ENOMEM
		}
		if errno := c.copyout(oldp, value[:n]); errno != 0 {
			return errno
		}
	}
	if oldlenp != 0 {
		b := binary.LittleEndian.AppendUint64(c.scratch[:0], uint64(len(value)))
		if errno := c.copyout(oldlenp, b); errno != 0 {
			return errno
		}
	}
	return result
}

// procArgs is kern.proc_args.PID.WHAT (KERN_PROC_ARGS): 1 argv, 2 its count, 3
// envp, 4 its count, 5 the executable's path; pid -1 is the caller.
func procArgs(c *Call, rest []int32, _ uint64) ([]byte, netbsd.Errno) {
	if len(rest) != 2 {
		return nil, netbsd.EINVAL
	}
	image, errno := argsOf(c, int(rest[0]))
	if errno != 0 {
		return nil, errno
	}
	if rest[1] == netbsd.KERN_PROC_ENV || rest[1] == netbsd.KERN_PROC_NENV {
		if errno := c.maySeeEnv(int(rest[0])); errno != 0 {
			return nil, errno
		}
	}
	switch rest[1] {
	case netbsd.KERN_PROC_ARGV:
		return nulJoin(image.Argv), 0
	case netbsd.KERN_PROC_NARGV:
		return binary.LittleEndian.AppendUint32(nil, uint32(len(image.Argv))), 0
	case netbsd.KERN_PROC_ENV:
		return nulJoin(image.Envp), 0
	case netbsd.KERN_PROC_NENV:
		return binary.LittleEndian.AppendUint32(nil, uint32(len(image.Envp))), 0
	case netbsd.KERN_PROC_PATHNAME:
		return append([]byte(image.Path), 0), 0
	}
	return nil, netbsd.EINVAL
}

// maySeeEnv is KAUTH_REQ_PROCESS_CANSEE_ENV: an environment is seen by root and by
// processes of the same real user, unless the process runs with another's rights.
func (c *Call) maySeeEnv(pid int) netbsd.Errno {
	me := c.L.Proc()
	p := me
	if pid != -1 {
		p = c.K.M.Find(pid)
	}
	if p == nil {
		return netbsd.ESRCH
	}
	a, b := me.Cred(), p.Cred()
	if p == me || a.IsRoot() || a.RUID == b.RUID && a.RUID == b.SUID {
		return 0
	}
	return netbsd.EPERM
}

func nulJoin(list []string) []byte {
	var b []byte
	for _, s := range list {
		b = append(append(b, s...), 0)
	}
	return b
}
