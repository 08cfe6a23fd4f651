package syscalls

import (
	"encoding/binary"
	"strings"

	"toaster/kern"
	"toaster/netbsd"
)

func physMem(c *Call) uint64 { return c.K.PhysMem }

func hwNodes() []sysctlNode {
	physMem32 := func(c *Call) int32 { return clampInt32(physMem(c)) }
	return withNumbers([]sysctlNode{
		sysctlString(netbsd.HW_MACHINE, "machine", fixedString("amd64")).says("Machine class"),
		sysctlString(netbsd.HW_MODEL, "model", fixedString("toaster")).says("Machine model"),
		sysctlInt(netbsd.HW_NCPU, "ncpu", onlineCPUs).says("Number of processors"),
		sysctlInt(netbsd.HW_BYTEORDER, "byteorder", fixedInt(1234)).says("Byte order"),
		sysctlInt(netbsd.HW_PHYSMEM, "physmem", physMem32).says("Bytes of memory"),
		sysctlInt(netbsd.HW_USERMEM, "usermem", physMem32).says("Bytes of memory for programs"),
		sysctlInt(netbsd.HW_PAGESIZE, "pagesize", fixedInt(netbsd.PageSize)).says("Bytes of a page"),
		sysctlString(netbsd.HW_DISKNAMES, "disknames", fixedString("")).says("Disks"),
		sysctlTable(netbsd.HW_IOSTATS, "iostats", emptyTable).says("Transfers of disks"),
		sysctlString(netbsd.HW_MACHINE_ARCH, "machine_arch", fixedString("x86_64")).says("Machine's processor class"),
		sysctlInt(netbsd.HW_ALIGNBYTES, "alignbytes", fixedInt(15)).says("Mask of the alignment of all types"),
		sysctlQuad(netbsd.HW_PHYSMEM64, "physmem64", physMem).says("Bytes of memory"),
		sysctlQuad(netbsd.HW_USERMEM64, "usermem64", physMem).says("Bytes of memory for programs"),
		sysctlString(netbsd.HW_IOSTATNAMES, "iostatnames", fixedString("")).says("Names of what has transfers"),
		sysctlInt(netbsd.HW_NCPUONLINE, "ncpuonline", onlineCPUs).says("Number of processors that run"),
		settableText(netbsd.HW_CNMAGIC, "cnmagic", "", 128, "Keys that enter the debugger").with(netbsd.CTLFLAG_HEX),
		sysctlDir(created, "firmware", firmwarePath(created)).says("Programs of devices"),
		sysctlDir(created, "usb", settable(created, "debug", 0, "Whether USB is logged")).says("USB"),
		sysctlDir(created, "uhub", settable(created, "debug", 0, "Whether hubs are logged")).says("USB hubs"),
	})
}

// firmwarePath is a list of absolute names (sysctl_hw_firmware_path). EINVAL: one is not.
func firmwarePath(num int32) sysctlNode {
	n := settableText(num, "path", "/libdata/firmware:/usr/libdata/firmware:/usr/pkg/libdata/firmware:/usr/pkg/libdata", netbsd.PATH_MAX+1, "Where they are")
	set := n.set
	n.set = setString(netbsd.PATH_MAX+1, func(c *Call, list string) netbsd.Errno {
		for _, name := range strings.Split(list, ":") {
			if !strings.HasPrefix(name, "/") {
				return netbsd.EINVAL
			}
		}
		return set(c, []byte(list))
	})
	return n
}

// machdepNodes are those of amd64 (sysctl(7)) that say what a program may use. The
// signal frame holds what FXSAVE stores, whatever else the processor has.
func machdepNodes() []sysctlNode {
	return withNumbers([]sysctlNode{
		sysctlStruct(1, "console_device", zeros(8)).says("Console device"),
		constant(2, "biosbasemem", 639, "Kilobytes of the BIOS's memory below 1 MB"),
		sysctlInt(3, "biosextmem", func(c *Call) int32 { return clampInt32(max(physMem(c)>>10, 1024) - 1024) }).says("Kilobytes above it"),
		sysctlRefuse(6, "diskinfo", netbsd.EOPNOTSUPP).says("Disks of the BIOS"),
		sysctlString(5, "booted_kernel", fixedString("netbsd")).says("Name of the kernel"),
		sysctlInt(7, "fpu_present", fixedInt(1)).says("Floating point"),
		sysctlInt(8, "osfxsr", fixedInt(1)).says("FXSAVE and FXRSTOR"),
		sysctlInt(9, "sse", fixedInt(1)).says("SSE"),
		sysctlInt(10, "sse2", fixedInt(1)).says("SSE2"),
		sysctlString(ctlCreateBase, "cpu_brand", fixedString("toaster")).says("Brand of the processor"),
		sysctlInt(15, "fpu_save", fixedInt(1)).says("How floating point state is saved: 1 is FXSAVE"),
		sysctlInt(16, "fpu_save_size", fixedInt(512)).says("Bytes of that state"),
		sysctlQuad(17, "xsave_features", noCount).says("Features that XSAVE saves"),
		sysctlString(created, "bootmethod", fixedString("UEFI")).says("How the kernel was started"),
		settable(created, "sparse_dump", 1, "Whether a dump leaves out free pages"),
		sysctlQuad(created, "tsc_freq", func(*Call) uint64 { return 1_000_000_000 }).says("Cycles of a second"),
		constant(created, "pae", 0, "Whether the kernel uses PAE"),
		settableIn(created, "tsc_user_enable", 1, 0, 1, "Whether programs may read the cycles"),
		sysctlString(created, "hypervisor", fixedString("none")).says("What the machine runs on"),
		settableBool(created, "user_ldt", false, "Whether programs have an LDT"),
		sysctlString(created, "idle-mechanism", fixedString("halt")).says("How a processor idles"),
		sysctlDir(created, "svs",
			sysctlBool(created, "enabled", false).says("Whether the kernel has an address space of its own"),
			sysctlBool(created, "pcid", false).says("Whether it uses PCID"),
		).says("Separate address spaces"),
		mitigation("spectre_v1", "mitigated"), mitigation("spectre_v2", "hwmitigated", "swmitigated"),
		mitigation("spectre_v4", "mitigated"), mitigation("mds", "mitigated"), mitigation("taa", "mitigated"),
	})
}

// mitigation says of a fault of processors that the kernel does nothing about it: what there is to do the host does (x86's spectre.c).
func mitigation(name string, what ...string) sysctlNode {
	n := sysctlDir(created, name).says("A fault of processors")
	for _, w := range what {
		n.children = append(n.children, sysctlBool(created, w, false).says("Whether the kernel works around it"))
	}
	if name != "spectre_v1" {
		n.children = append(n.children, sysctlString(created, "method", fixedString("(none)")).says("How it does"))
	}
	return n
}

// vmNodes are those of memory. minaddress is amd64's VM_MIN_ADDRESS, 0; that nothing is mapped in
// the page there all the same says user_va0_disable, whose number the kernel makes up (CTL_CREATE).
func vmNodes() []sysctlNode {
	return withNumbers([]sysctlNode{
		sysctlStruct(netbsd.VM_METER, "vmmeter", vmTotal).says("Memory and processes"),
		sysctlStruct(netbsd.VM_LOADAVG, "loadavg", loadAvg).says("Load averages"),
		{num: netbsd.VM_UVMEXP, name: "uvmexp", kind: netbsd.CTLTYPE_STRUCT, about: "Use of memory", value: uvmExpInts},
		{num: netbsd.VM_UVMEXP2, name: "uvmexp2", kind: netbsd.CTLTYPE_STRUCT, about: "Use of memory", value: uvmExp},
		vmProcNode(),
		sysctlInt(netbsd.VM_NKMEMPAGES, "nkmempages", fixedInt(0)).says("Pages of the kernel's memory"),
		percent(netbsd.VM_ANONMIN, "anonmin", anonMin, anonMin, execMin, fileMin).says("Percent of memory kept for private pages"),
		percent(netbsd.VM_EXECMIN, "execmin", execMin, anonMin, execMin, fileMin).says("Percent of memory kept for programs' pages"),
		percent(netbsd.VM_FILEMIN, "filemin", fileMin, anonMin, execMin, fileMin).says("Percent of memory kept for files' pages"),
		sysctlInt(netbsd.VM_MAXSLP, "maxslp", fixedInt(20)).says("Seconds of sleep before a process can be swapped out"),
		sysctlInt(netbsd.VM_USPACE, "uspace", fixedInt(5*netbsd.PageSize)).says("Bytes of the kernel's stack of an LWP"),
		percent(netbsd.VM_ANONMAX, "anonmax", intOption(80)).says("Percent of memory for private pages"),
		percent(netbsd.VM_EXECMAX, "execmax", intOption(30)).says("Percent of memory for programs' pages"),
		percent(netbsd.VM_FILEMAX, "filemax", intOption(50)).says("Percent of memory for files' pages"),
		sysctlQuad(netbsd.VM_MINADDRESS, "minaddress", func(*Call) uint64 { return 0 }).says("Lowest address of programs"),
		sysctlQuad(netbsd.VM_MAXADDRESS, "maxaddress", func(*Call) uint64 { return netbsd.VM_MAXUSER_ADDRESS }).says("End of programs' addresses"),
		constant(17, "guard_size", 1<<20, "Bytes kept free below a program's stack").with(netbsd.CTLFLAG_UNSIGNED), // VM_GUARD_SIZE
		settable(18, "thread_guard_size", 64<<10, "Bytes kept free below a thread's stack").with(netbsd.CTLFLAG_UNSIGNED),
		constant(ctlCreateBase, "user_va0_disable", 1, "Whether page 0 cannot be mapped"),
		settableIn(ctlCreateBase+1, "bufcache", bufCache, 0, 100, "Percent of memory for the buffer cache"),
		sysctlQuad(ctlCreateBase+2, "bufmem", func(*Call) uint64 { return 0 }).says("Bytes of memory that the buffer cache has"),
		bufWater(ctlCreateBase+3, "bufmem_lowater", bufLow).says("Least bytes of the buffer cache"),
		bufWater(ctlCreateBase+4, "bufmem_hiwater", bufHigh).says("Most bytes of the buffer cache"),
		percent(created, "inactivepct", intOption(33)).says("Percent of inactive pages among those that can go"),
		settableBool(created, "ubc_direct", false, "Whether files are read by the direct map"),
		settableBool(created, "swap_encrypt", true, "Whether what is swapped out is encrypted"),
	})
}

// Percents that pages of a kind are sure of: together no more than 95 (uvmpdpol_estimatepageable's uvmpd_*min checks).
var anonMin, execMin, fileMin = intOption(10), intOption(5), intOption(10)

// percent is uvm_sysctlpctparam of o. EINVAL: less than 0, more than 100, or with the others of a sum more than 95.
func percent(num int32, name string, o *option, sum ...*option) sysctlNode {
	return o.node(num, name, netbsd.CTLTYPE_INT).judged(func(c *Call, v int64) netbsd.Errno {
		all := v
		for _, other := range sum {
			if other != o {
				all += other.number(c.K)
			}
		}
		if v < 0 || v > 100 || len(sum) > 0 && all > 95 {
			return netbsd.EINVAL
		}
		return 0
	})
}

// bufCache is BUFCACHE. The nodes about it (sysctl_vm_buf_setup) are there for programs that add up memory: toaster
// leaves caching to the host, and has no buffers itself.
const bufCache = 15

// The marks of the buffer cache; 0 where nobody has set them: then they go by the memory (buf_setwm).
var bufLow, bufHigh = quadOption(0), quadOption(0)

func bufMark(c *Call, o *option) uint64 {
	high := physMem(c) / 100 * bufCache
	switch v := uint64(o.number(c.K)); {
	case v != 0:
		return v
	case o == bufLow:
		return high >> 4
	}
	return high
}

// bufWater is one of the marks (sysctl_bufvm_update). EINVAL: the low one would not be 16 below the high one.
func bufWater(num int32, name string, o *option) sysctlNode {
	n := sysctlQuad(num, name, func(c *Call) uint64 { return bufMark(c, o) })
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 8 {
			return netbsd.EINVAL
		}
		low, high := bufMark(c, bufLow), bufMark(c, bufHigh)
		if o == bufLow {
			low = le64(b)
		} else {
			high = le64(b)
		}
		if high-low < 16 {
			return netbsd.EINVAL
		}
		o.put(c.K, b)
		return 0
	}
	return n
}

// loadAvg is struct loadavg: three fixed-point numbers and their scale.
func loadAvg(*Call) []byte {
	b := make([]byte, netbsd.SizeofLoadavg)
	netbsd.Loadavg{Scale: netbsd.FSCALE}.Encode(b)
	return b
}

// memoryInUse is how many pages there are, and how many of them processes have touched.
func memoryInUse(c *Call) (pages, active uint64) {
	pages = c.K.PhysMem / netbsd.PageSize
	for _, p := range c.K.M.Procs() {
		if u, errno := p.Rusage(netbsd.RUSAGE_SELF); errno == 0 {
			active += uint64(u.Maxrss) << 10 / netbsd.PageSize
		}
	}
	return pages, min(active, pages)
}

// uvmExp is struct uvmexp_sysctl, counters of 8 bytes, of which as many are told as there is room for:
// older programs know fewer. What the processes have touched counts as active; the rest is free.
func uvmExp(c *Call, _ []int32, oldlen uint64) ([]byte, netbsd.Errno) {
	const fields = 89
	pages, active := memoryInUse(c)
	b := make([]byte, 8*fields)
	for i, v := range [...]uint64{netbsd.PageSize, netbsd.PageSize - 1, 12, pages, pages - active, active} {
		binary.LittleEndian.PutUint64(b[8*i:], v)
	}
	if c.Ptr(2) != 0 {
		b = b[:min(oldlen, uint64(len(b)))]
	}
	return b, 0
}

// vmTotal is struct vmtotal (uvm_total): LWPs that run and that sleep, and pages.
func vmTotal(c *Call) []byte {
	var running, sleeping int
	for _, p := range c.K.M.Procs() {
		for _, l := range p.LWPs() {
			switch l.State() {
			case kern.LWPSleeping, kern.LWPStopped:
				sleeping++
			default:
				running++
			}
		}
	}
	pages, active := memoryInUse(c)
	b := make([]byte, 48)
	binary.LittleEndian.PutUint16(b, uint16(min(running, 1<<15-1)))
	binary.LittleEndian.PutUint16(b[6:], uint16(min(sleeping, 1<<15-1)))
	for i, v := range [...]uint64{active, active, active, active, 0, 0, 0, 0, pages - active} {
		binary.LittleEndian.PutUint32(b[12+4*i:], uint32(clampInt32(v)))
	}
	return b
}

// uvmExpInts is struct uvmexp, of whose ints older programs know fewer: page size, mask and shift, pages, free ones. Its end is as long as
// that of NetBSD's.
func uvmExpInts(c *Call, _ []int32, oldlen uint64) ([]byte, netbsd.Errno) {
	const fields = 83
	pages, active := memoryInUse(c)
	b := make([]byte, 4*fields)
	for i, v := range [...]uint64{netbsd.PageSize, netbsd.PageSize - 1, 12, pages, pages - active} {
		binary.LittleEndian.PutUint32(b[4*i:], uint32(clampInt32(v)))
	}
	if c.Ptr(2) != 0 {
		b = b[:min(oldlen, uint64(len(b)))]
	}
	return b, 0
}
