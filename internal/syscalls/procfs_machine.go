package syscalls

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// This file has what procfs says of the machine, in Linux's form (procfs_linux.c of NetBSD). It is what
// sysctl(3) says, and no more.

func procMeminfo(c *Call, _ *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	total, active := memoryInUse(c)
	total, active = total*netbsd.PageSize, active*netbsd.PageSize
	return fmt.Sprintf("        total:    used:    free:  shared: buffers: cached:\n"+
		"Mem:  %8d %8d %8d %8d %8d %8d\nSwap: %8d %8d %8d\n"+
		"MemTotal:  %8d kB\nMemFree:   %8d kB\nMemShared: %8d kB\nBuffers:   %8d kB\nCached:    %8d kB\nSwapTotal: %8d kB\nSwapFree:  %8d kB\n",
		total, active, total-active, 0, 0, active, 0, 0, 0,
		total>>10, (total-active)>>10, 0, 0, active>>10, 0, 0), 0
}

// procCPUInfo is procfs_getcpuinfstr, of what hw.model says: the processor itself is asked by CPUID.
func procCPUInfo(c *Call, _ *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	var b strings.Builder
	for i := range onlineCPUs(c) {
		fmt.Fprintf(&b, "processor\t: %d\nvendor_id\t: toaster\nmodel name\t: toaster\nstepping\t: unknown\n\n", i)
	}
	return b.String(), 0
}

func procUptime(c *Call, _ *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	up, idle := time.Since(c.K.BootTime), binary.LittleEndian.Uint64(cpTicks(c, 1)[32:])
	return fmt.Sprintf("%d.%02d %d.%02d\n", up/time.Second, up%time.Second/(10*time.Millisecond), idle/hz, idle%hz*100/hz), 0
}

// procMounts is procfs_domounts.
func procMounts(c *Call, _ *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	list, errno := View(c.L).Mounts()
	var b strings.Builder
	for _, m := range list {
		kind := m.Type
		if kind == "procfs" {
			kind = "proc" // Linux's name
		}
		flags := "rw"
		if m.Flag&netbsd.MNT_RDONLY != 0 {
			flags = "ro"
		}
		for _, f := range [...]struct {
			bit  uint64
			name string
		}{{netbsd.MNT_NOSUID, ",nosuid"}, {netbsd.MNT_NOEXEC, ",noexec"}, {netbsd.MNT_NODEV, ",nodev"}} {
			if m.Flag&f.bit != 0 {
				flags += f.name
			}
		}
		fmt.Fprintf(&b, "%s %s %s %s 0 0\n", m.From, m.MountedOn, kind, flags)
	}
	return b.String(), errno
}

// procDevices is procfs_dodevices.
func procDevices(c *Call, _ *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	var b strings.Builder
	b.WriteString("Character devices:\n")
	for table := driverTable(c); len(table) > 0; table = table[netbsd.SizeofKinfoDrivers:] {
		name, _, _ := strings.Cut(string(table[8:netbsd.SizeofKinfoDrivers]), "\x00")
		fmt.Fprintf(&b, "%3d %s\n", int32(binary.LittleEndian.Uint32(table)), name)
	}
	b.WriteString("\nBlock devices:\n")
	return b.String(), 0
}

// procCPUStat is procfs_docpustat. What a single processor did is not known: each is told an equal part.
func procCPUStat(c *Call, _ *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	ticks := cpTicks(c, 1)
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(ticks[8*i:]) }
	var b strings.Builder
	n := uint64(onlineCPUs(c))
	fmt.Fprintf(&b, "cpu %d %d %d %d\n", at(0), at(1), at(2), at(4))
	for i := range n {
		fmt.Fprintf(&b, "cpu%d %d %d %d %d\n", i, at(0)/n, at(1)/n, at(2)/n, at(4)/n)
	}
	fmt.Fprintf(&b, "disk 0 0 0 0\npage 0 0\nswap 0 0\nintr 0\nctxt 0\nbtime %d\n", c.K.BootTime.Unix())
	return b.String(), 0
}

// procLoadavg is procfs_doloadavg; the last two numbers are fixed there as here.
func procLoadavg(c *Call, _ *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	return fmt.Sprintf("0.00 0.00 0.00 %d/%d %d\n", 1, len(c.K.M.Procs()), 30000), 0
}

// procVersion is procfs_doversion.
func procVersion(c *Call, _ *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	return fmt.Sprintf("NetBSD version %s (netbsd@localhost) (gcc version 10.5.0) %s\n", c.K.osRelease(), c.K.version()), 0
}
