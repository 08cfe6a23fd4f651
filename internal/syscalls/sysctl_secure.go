package syscalls

import (
	"encoding/binary"
	"math/bits"

	"toaster/internal/aio"
	"toaster/internal/file"
	"toaster/netbsd"
)

// This file has security of sysctl(7), and what the security level says about other nodes.

// secured is EPERM where the security level is above 0.
func (c *Call) secured() netbsd.Errno {
	if c.K.M.SecureLevel() > 0 {
		return netbsd.EPERM
	}
	return 0
}

// belowSecurelevel is the right of a node that a security level above 0 fixes (KAUTH_NETWORK_FORWSRCRT).
func belowSecurelevel(c *Call, _ int64) netbsd.Errno { return c.secured() }

// rtcOffset is sysctl_kern_rtc_offset. The time is the host's: to move it is EPERM, as settimeofday(2) is.
func rtcOffset(_ *Call, v int64) netbsd.Errno {
	if v != 0 {
		return netbsd.EPERM
	}
	return 0
}

// secureLevelNode is one of the names of the level.
func secureLevelNode(num int32) sysctlNode {
	n := sysctlInt(num, "securelevel", func(c *Call) int32 { return int32(c.K.M.SecureLevel()) }).says("System security level")
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		return c.L.SetSecureLevel(int32(le32(b)))
	}
	return n
}

// grant is sysctl_extensions_user_handler: above security level 0 users get no more rights.
func grant(o *option) func(*Call, int64) netbsd.Errno {
	return func(c *Call, v int64) netbsd.Errno {
		if v == o.number(c.K) || v == 0 {
			return 0
		}
		return c.secured()
	}
}

// queueSize is kern.tty.qsize, a power of two (tty_get_qsize). EINVAL: less than 1024, or more than 65536.
func queueSize(num int32) sysctlNode {
	o := intOption(1024)
	n := o.node(num, "qsize", netbsd.CTLTYPE_INT).says("Size of a terminal's queue")
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 || le32(b) < 1024 || le32(b) >= 2*65536 {
			return netbsd.EINVAL
		}
		o.put(c.K, binary.LittleEndian.AppendUint32(nil, 1<<(bits.Len32(le32(b))-1)))
		return 0
	}
	return n
}

// userMount has two names. Nobody mounts anything, whatever it says.
var userMount = intOption(0)

// securityNodes are those of secmodel_bsd44, secmodel_extensions, secmodel_securelevel and secmodel_suser.
func securityNodes() []sysctlNode {
	affinity, uid, gid := intOption(0), intOption(0), intOption(0)
	return withNumbers([]sysctlNode{
		curtainNode(ctlCreateBase),
		sysctlDir(ctlCreateBase+1, "models",
			sysctlDir(ctlCreateBase, "extensions",
				curtainNode(ctlCreateBase),
				userMount.node(ctlCreateBase+1, "usermount", netbsd.CTLTYPE_INT).judged(grant(userMount)).says("Whether users may mount file systems"),
				sysctlString(ctlCreateBase+2, "name", fixedString("Traditional NetBSD: Extensions")).says("Name"),
				userDebugRegsNode(ctlCreateBase+3),
				affinity.node(created, "user_set_cpu_affinity", netbsd.CTLTYPE_INT).judged(grant(affinity)).says("Whether users may bind LWPs to processors"),
				uid.node(created, "hardlink_check_uid", netbsd.CTLTYPE_INT).judged(grant(uid)).says("Whether links to other users' files are refused"),
				gid.node(created, "hardlink_check_gid", netbsd.CTLTYPE_INT).judged(grant(gid)).says("Whether links to other groups' files are refused"),
			).says("Extensions"),
			sysctlDir(ctlCreateBase+1, "bsd44",
				curtainNode(ctlCreateBase),
				sysctlString(ctlCreateBase+1, "name", fixedString("Traditional NetBSD: 4.4BSD")).says("Name"),
				secureLevelNode(ctlCreateBase+2),
			).says("The traditional model"),
			sysctlDir(ctlCreateBase+2, "securelevel",
				sysctlString(ctlCreateBase, "name", fixedString("Traditional NetBSD: Securelevel")).says("Name"),
				secureLevelNode(ctlCreateBase+1),
			).says("Levels of security"),
			sysctlDir(ctlCreateBase+3, "suser",
				sysctlString(ctlCreateBase, "name", fixedString("Traditional NetBSD: Superuser")).says("Name"),
			).says("The superuser"),
		).says("Models of security"),
		paxNodes(),
	})
}

func ddbNodes() []sysctlNode {
	return withNumbers([]sysctlNode{
		settable(1, "radix", 16, "Base of numbers"),
		settable(2, "maxoff", 0x100000, "Highest offset from a symbol"),
		settable(3, "maxwidth", 80, "Width of lines"),
		settable(4, "lines", 24, "Number of lines"),
		settable(5, "tabstops", 8, "Width of tabs"),
		settable(6, "onpanic", 0, "Whether a panic enters the debugger"),
		settable(7, "fromconsole", 0, "Whether the console can enter the debugger"),
		settable(created, "tee_msgbuf", 0, "Whether its output is logged"),
		settableText(created, "commandonenter", "trace;show registers", 120, "Command at the start"),
		settable(created, "dumpstack", 1, "Whether a panic shows the stack"),
		settable(created, "panicstackframes", 65535, "Frames that it shows"),
	})
}

// maxProcNode is kern.maxproc (sysctl_kern_maxproc), with which fork(2) is EAGAIN.
func maxProcNode(num int32) sysctlNode {
	n := sysctlInt(num, "maxproc", func(c *Call) int32 { return clampInt32(uint64(c.K.M.MaxProc())) }).says("Maximum number of processes")
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		return c.K.M.SetMaxProc(int(int32(le32(b))))
	}
	return n
}

// maxFilesNode is kern.maxfiles, with which open(2) is ENFILE. What the embedder lets the machine have it does not exceed, whatever is set.
func maxFilesNode(num int32) sysctlNode {
	n := sysctlInt(num, "maxfiles", func(c *Call) int32 {
		if v := c.K.maxFiles.Load(); v != nil {
			return *v
		}
		return orDefault(c.K.MaxFiles, file.MaxOpenFiles)
	}).says("Maximum number of open files")
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		v := int32(le32(b))
		c.K.maxFiles.Store(&v)
		if q := c.files().Machine().Quota(); q != nil {
			q.Limit(int(v))
		}
		return 0
	}
	return n
}

// semMaxNode is kern.posix.semmax.
func semMaxNode(num int32) sysctlNode {
	sems := func(c *Call) *file.Sems { return c.files().Machine().Sems() }
	n := sysctlInt(num, "semmax", func(c *Call) int32 { return sems(c).Max() }).says("Maximum number of semaphores")
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		sems(c).SetMax(int32(le32(b)))
		return 0
	}
	return n
}

// aioNode is kern.aio_max or kern.aio_listio_max.
func aioNode(num int32, name string) sysctlNode {
	of := func(l *aio.Limits) *int32 {
		if name == "aio_max" {
			return &l.Max
		}
		return &l.ListMax
	}
	n := sysctlInt(num, name, func(c *Call) int32 { l := c.K.Aio.Limits(); return *of(&l) })
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		l := c.K.Aio.Limits()
		*of(&l) = int32(le32(b))
		return c.K.Aio.SetLimits(l)
	}
	return n
}
