package syscalls

import (
	"encoding/binary"

	"toaster/netbsd"
)

func physMem(c *Call) uint64 { return c.K.PhysMem }

func hwNodes() []sysctlNode {
	physMem32 := func(c *Call) int32 { return clampInt32(physMem(c)) }
	return []sysctlNode{
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
	}
}

// machdepNodes are those of amd64 (sysctl(7)) that say what a program may use. The
// signal frame holds what FXSAVE stores, whatever else the processor has.
func machdepNodes() []sysctlNode {
	return []sysctlNode{
		sysctlString(5, "booted_kernel", fixedString("netbsd")).says("Name of the kernel"),
		sysctlInt(7, "fpu_present", fixedInt(1)).says("Floating point"),
		sysctlInt(8, "osfxsr", fixedInt(1)).says("FXSAVE and FXRSTOR"),
		sysctlInt(9, "sse", fixedInt(1)).says("SSE"),
		sysctlInt(10, "sse2", fixedInt(1)).says("SSE2"),
		sysctlString(ctlCreateBase, "cpu_brand", fixedString("toaster")).says("Brand of the processor"),
		sysctlInt(15, "fpu_save", fixedInt(1)).says("How floating point state is saved: 1 is FXSAVE"),
		sysctlInt(16, "fpu_save_size", fixedInt(512)).says("Bytes of that state"),
	}
}

// vmNodes are those of memory. minaddress is amd64's VM_MIN_ADDRESS, 0; that nothing is mapped in
// the page there all the same says user_va0_disable, whose number the kernel makes up (CTL_CREATE).
func vmNodes() []sysctlNode {
	return []sysctlNode{
		sysctlStruct(netbsd.VM_METER, "vmmeter", zeros(48)).says("Memory and processes"),
		sysctlStruct(netbsd.VM_LOADAVG, "loadavg", loadAvg).says("Load averages"),
		{num: netbsd.VM_UVMEXP2, name: "uvmexp2", kind: netbsd.CTLTYPE_STRUCT, about: "Use of memory", value: uvmExp},
		sysctlInt(netbsd.VM_NKMEMPAGES, "nkmempages", fixedInt(0)).says("Pages of the kernel's memory"),
		sysctlInt(netbsd.VM_ANONMIN, "anonmin", fixedInt(10)).says("Percent of memory kept for private pages"),
		sysctlInt(netbsd.VM_EXECMIN, "execmin", fixedInt(5)).says("Percent of memory kept for programs' pages"),
		sysctlInt(netbsd.VM_FILEMIN, "filemin", fixedInt(10)).says("Percent of memory kept for files' pages"),
		sysctlInt(netbsd.VM_MAXSLP, "maxslp", fixedInt(20)).says("Seconds of sleep before a process can be swapped out"),
		sysctlInt(netbsd.VM_USPACE, "uspace", fixedInt(5*netbsd.PageSize)).says("Bytes of the kernel's stack of an LWP"),
		sysctlInt(netbsd.VM_ANONMAX, "anonmax", fixedInt(80)).says("Percent of memory for private pages"),
		sysctlInt(netbsd.VM_EXECMAX, "execmax", fixedInt(30)).says("Percent of memory for programs' pages"),
		sysctlInt(netbsd.VM_FILEMAX, "filemax", fixedInt(50)).says("Percent of memory for files' pages"),
		sysctlQuad(netbsd.VM_MINADDRESS, "minaddress", func(*Call) uint64 { return 0 }).says("Lowest address of programs"),
		sysctlQuad(netbsd.VM_MAXADDRESS, "maxaddress", func(*Call) uint64 { return netbsd.VM_MAXUSER_ADDRESS }).says("End of programs' addresses"),
		sysctlInt(ctlCreateBase, "user_va0_disable", fixedInt(1)).says("Whether page 0 cannot be mapped"),
		sysctlInt(ctlCreateBase+1, "bufcache", fixedInt(bufCache)).says("Percent of memory for the buffer cache"),
		sysctlQuad(ctlCreateBase+2, "bufmem", func(*Call) uint64 { return 0 }).says("Bytes of memory that the buffer cache has"),
		sysctlQuad(ctlCreateBase+3, "bufmem_lowater", func(c *Call) uint64 { return bufHigh(c) >> 4 }).says("Least bytes of the buffer cache"),
		sysctlQuad(ctlCreateBase+4, "bufmem_hiwater", bufHigh).says("Most bytes of the buffer cache"),
	}
}

// bufCache is BUFCACHE. The nodes about it (sysctl_vm_buf_setup) are there for programs that add up memory: toaster
// leaves caching to the host, and has no buffers itself.
const bufCache = 15

func bufHigh(c *Call) uint64 { return physMem(c) / 100 * bufCache }

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

func vfsNodes() []sysctlNode {
	return []sysctlNode{
		sysctlDir(0, "generic",
			sysctlInt(ctlCreateBase, "usermount", fixedInt(0)).says("Whether users may mount file systems"),
			sysctlInt(4, "magiclinks", fixedInt(0)).says("Whether magic symbolic links are expanded"),
			sysctlString(ctlCreateBase+1, "fstypes", fixedString("ffs tmpfs procfs")).says("Types of file systems"),
		).says("What all file systems have"),
	}
}

func ddbNodes() []sysctlNode {
	return []sysctlNode{
		sysctlInt(ctlCreateBase, "onpanic", fixedInt(0)).says("Whether a panic enters the debugger"),
		sysctlInt(ctlCreateBase+1, "fromconsole", fixedInt(0)).says("Whether the console can enter the debugger"),
	}
}

// securityNodes are those of secmodel_bsd44, secmodel_extensions and secmodel_securelevel.
func securityNodes() []sysctlNode {
	return []sysctlNode{
		curtainNode(ctlCreateBase),
		sysctlDir(ctlCreateBase+1, "models",
			sysctlDir(ctlCreateBase, "extensions",
				curtainNode(ctlCreateBase),
				sysctlInt(ctlCreateBase+1, "usermount", fixedInt(0)).says("Whether users may mount file systems"),
				sysctlString(ctlCreateBase+2, "name", fixedString("Traditional NetBSD: Extensions")).says("Name"),
				userDebugRegsNode(ctlCreateBase+3),
			).says("Extensions"),
			sysctlDir(ctlCreateBase+1, "bsd44",
				curtainNode(ctlCreateBase),
				sysctlString(ctlCreateBase+1, "name", fixedString("Traditional NetBSD: 4.4BSD")).says("Name"),
				sysctlInt(ctlCreateBase+2, "securelevel", fixedInt(-1)).says("System security level"),
			).says("The traditional model"),
			sysctlDir(ctlCreateBase+2, "securelevel",
				sysctlString(ctlCreateBase, "name", fixedString("Traditional NetBSD: Securelevel")).says("Name"),
				sysctlInt(ctlCreateBase+1, "securelevel", fixedInt(-1)).says("System security level"),
			).says("Levels of security"),
		).says("Models of security"),
		paxNodes(),
	}
}
