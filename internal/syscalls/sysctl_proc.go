package syscalls

import (
	"encoding/binary"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// This file lists processes, LWPs and open files for ps(1), top(1), fstat(1) and their like: kern.proc2,
// kern.lwp and kern.file2 of sysctl(7). Each takes the size and the number of the elements that there is
// room for; an element is cut to that size, and of a larger one the rest is left as it is.

// table makes such a list. It stores each element at once: how long the list would be is for the
// caller to choose, who need not have that much memory.
type table struct {
	c           *Call
	size, count uint64 // of elements
	room        uint64 // at oldp, 0 without one
	stored      uint64 // bytes
	needed      uint64
}

// slop is for how many elements more the caller is told to have room where it asks without any, as
// there may be more by the time it comes back (KERN_PROCSLOP and its like).
const slop = 10

// newTable begins a list. EINVAL: no such size or number.
func newTable(c *Call, size, count int32, oldlen uint64) (*table, netbsd.Errno) {
	if size < 1 || count < 0 {
		return nil, netbsd.EINVAL
	}
	t := &table{c: c, size: uint64(size), count: uint64(count)}
	if c.Ptr(2) != 0 {
		t.room = oldlen
	}
	return t, 0
}

// add stores an element, if there is room, and counts it. EFAULT.
func (t *table) add(b []byte) netbsd.Errno {
	t.needed += t.size
	if t.count == 0 || t.stored+t.size > t.room {
		return 0
	}
	at := t.c.Ptr(2) + t.stored
	t.stored += t.size
	t.count--
	return t.c.copyout(at, b[:min(uint64(len(b)), t.size)])
}

// end stores how long the list is, or should have room to be where there is none. ENOMEM: not all has
// fitted.
func (t *table) end() netbsd.Errno {
	length, result := t.stored, netbsd.Errno(0)
	switch {
	case t.c.Ptr(2) == 0:
		length = t.needed + slop*t.size
	case t.needed > t.stored:
		result = netbsd.ENOMEM
	}
	if p := t.c.Ptr(3); p != 0 {
		if errno := t.c.copyout(p, binary.LittleEndian.AppendUint64(t.c.scratch[:0], length)); errno != 0 {
			return errno
		}
	}
	return result
}

// procTable is kern.proc2.OP.ARG.SIZE.COUNT: the processes that OP and ARG select (sysctl_doeproc).
// EINVAL: no such way to select. ENOMEM: not all fitted.
func procTable(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno) {
	if len(rest) != 4 {
		return nil, netbsd.EINVAL
	}
	t, errno := newTable(c, rest[2], rest[3], oldlen)
	if errno != 0 {
		return nil, errno
	}
	var b [netbsd.SizeofKinfoProc2]byte
	for _, p := range c.K.M.Procs() {
		i, ok := p.Info()
		if !ok || !c.maySee(p) {
			continue
		}
		selected, errno := selects(rest[0], rest[1], &i)
		if errno != 0 {
			return nil, errno
		}
		if selected {
			k := c.kinfoProc(p, &i)
			if c.showsAddresses() {
				kinfoAddresses(p, &k)
			}
			k.Encode(b[:])
			if errno := t.add(b[:]); errno != 0 {
				return nil, errno
			}
		}
	}
	return nil, t.end()
}

// selects tells whether a process is one of those that op and arg mean.
func selects(op, arg int32, i *kern.ProcInfo) (bool, netbsd.Errno) {
	switch op {
	case netbsd.KERN_PROC_ALL:
		return true, 0
	case netbsd.KERN_PROC_PID:
		return i.Pid == int(arg), 0
	case netbsd.KERN_PROC_PGRP:
		return i.Pgid == int(arg), 0
	case netbsd.KERN_PROC_SESSION:
		return i.Sid == int(arg), 0
	case netbsd.KERN_PROC_TTY:
		return selectsTTY(arg, i), 0
	case netbsd.KERN_PROC_UID:
		return i.Cred.EUID == uint32(arg), 0
	case netbsd.KERN_PROC_RUID:
		return i.Cred.RUID == uint32(arg), 0
	case netbsd.KERN_PROC_GID:
		return i.Cred.EGID == uint32(arg), 0
	case netbsd.KERN_PROC_RGID:
		return i.Cred.RGID == uint32(arg), 0
	}
	return false, netbsd.EINVAL
}

func selectsTTY(arg int32, i *kern.ProcInfo) bool {
	switch {
	case arg == netbsd.KERN_PROC_TTY_REVOKE:
		return i.TTY != nil && !i.HasTTY
	case i.TTY == nil:
		return arg == netbsd.KERN_PROC_TTY_NODEV
	}
	return ttyDevice(i.TTY) == uint32(arg)
}

// ttyDevice is a terminal's device number, NODEV where it has none.
func ttyDevice(t *kern.TTY) uint32 {
	if t != nil {
		if d, ok := t.Device().(interface{ Dev() uint64 }); ok {
			return uint32(d.Dev())
		}
	}
	return ^uint32(0)
}

// kinfoProc is fill_kproc2 of kern_proc.c.
func (c *Call) kinfoProc(p *kern.Proc, i *kern.ProcInfo) netbsd.KinfoProc2 {
	k := netbsd.KinfoProc2{
		Pid: int32(i.Pid), Ppid: int32(i.Ppid), Sid: int32(i.Sid), Pgid: int32(i.Pgid),
		Tpgid: int32(i.Tpgid), Jobc: int16(i.Jobc), Tdev: ttyDevice(i.TTY), Login: i.Login,
		Flag: int32(i.Flags), ExitSig: int32(i.ExitSig), Status: uint16(i.Status), Acct: i.Acct,
		UID: i.Cred.EUID, RUID: i.Cred.RUID, SvUID: i.Cred.SUID, GID: i.Cred.EGID, RGID: i.Cred.RGID, SvGID: i.Cred.SGID,
		Groups:  i.Cred.Groups,
		Siglist: i.Pending, Mask: i.Mask, Ignored: i.Ignored, Caught: i.Caught,
		RealStat: procStat(i), Nice: uint8(i.Nice), Comm: i.Comm, Emul: "netbsd", NLWPs: uint64(i.NLWPs),
	}
	k.Stat = k.RealStat
	if i.HasTTY {
		k.Eflag |= netbsd.EPROC_CTTY
	}
	if i.Leads {
		k.Eflag |= netbsd.EPROC_SLEADER
	}
	if i.State >= kern.StateDead {
		return k
	}
	k.Stat, k.Wmesg = lwpStat(i.Active), c.K.procWmesg(p, i.Active)
	k.Priority, k.UserPriority = priorities(i.Nice, i.Active)
	u, errno := p.Rusage(netbsd.RUSAGE_SELF)
	k.Valid, k.Start, k.Usage = errno == 0, i.Start, u
	k.Real, k.Children = u.Utime+u.Stime, i.Children.Utime+i.Children.Stime
	k.Resident = u.Maxrss << 10 / netbsd.PageSize
	z := sizesOf(p)
	k.Text, k.Data, k.Stack, k.Size, k.Mapped = z.Text, z.Data, z.Stack, z.All, z.Mapped
	switch i.Active {
	case kern.LWPRunning:
		k.NRun = 1
	case kern.LWPSleeping:
		k.Flag |= netbsd.P_SINTR // it can be interrupted
	}
	return k
}

// priorities are lwp_eprio and l_priority of an LWP of SCHED_OTHER, as resetpriority of sched_4bsd.c has them for one that has not
// computed long: the host schedules, and does not say.
func priorities(nice int, s kern.LWPState) (effective, user uint8) {
	const kernel = 64 // PRI_KERNEL
	user = uint8(max(kernel-1-nice, 0))
	if s == kern.LWPSleeping {
		return user>>1 + kernel, user
	}
	return user, user
}

// showsAddresses reports whether the caller is told the kernel's addresses (KAUTH_REQ_PROCESS_CANSEE_KPTR): by kern.expose_address nobody but the
// superuser, who has opened /dev/kmem, too, or everybody.
func (c *Call) showsAddresses() bool {
	p := c.L.Proc()
	switch c.K.exposeAddress.Load() + 1 {
	case 0:
		return p.Cred().IsRoot()
	case 1:
		return p.Cred().IsRoot() || p.HasKmem()
	}
	return true
}

// exposeAddressNode is kern.expose_address (sysctl_security_expose_address), 1 as without KASLR. EINVAL: neither 0, 1 nor 2.
func exposeAddressNode(num int32) sysctlNode {
	n := sysctlInt(num, "expose_address", func(c *Call) int32 { return c.K.exposeAddress.Load() + 1 }).says("Who is shown addresses of the kernel")
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 || le32(b) > 2 {
			return netbsd.EINVAL
		}
		c.K.exposeAddress.Store(int32(le32(b)) - 1)
		return 0
	}
	return n
}

// kinfoAddresses are the addresses of a process, see kmem.go.
func kinfoAddresses(p *kern.Proc, k *netbsd.KinfoProc2) {
	k.Addr = kmemAddr(kmemHidden, uint64(k.Pid)<<12)
	if _, ok := p.Files().(Files); ok && k.Pid < kmemMaxPid {
		k.FD, k.Cwdi = kmemProcAddr(int(k.Pid)), kmemProcAddr(int(k.Pid))+atCwdinfo
	}
	if k.Stat == netbsd.LSSLEEP {
		k.Wchan = k.Addr
	}
}

// procStat is p_stat.
func procStat(i *kern.ProcInfo) int8 {
	switch {
	case i.State == kern.StateZombie:
		return netbsd.SZOMB
	case i.State == kern.StateDead:
		return netbsd.SDEAD
	case i.State == kern.StateExiting:
		return netbsd.SDYING
	case i.Stopped:
		return netbsd.SSTOP
	}
	return netbsd.SACTIVE
}

// lwpStat is l_stat. Whether an LWP that can run does so is the host's business: it is said to.
func lwpStat(s kern.LWPState) int8 {
	return [...]int8{
		kern.LWPIdle: netbsd.LSIDL, kern.LWPRunning: netbsd.LSONPROC, kern.LWPSleeping: netbsd.LSSLEEP,
		kern.LWPStopped: netbsd.LSSTOP, kern.LWPSuspended: netbsd.LSSUSPENDED, kern.LWPDead: netbsd.LSDEAD,
		kern.LWPZombie: netbsd.LSZOMB, kern.LWPFree: netbsd.LSDEAD,
	}[s]
}

// lwpTable is kern.lwp.PID.SIZE.COUNT; pid -1 is all processes. ESRCH. ENOMEM: not all fitted.
func lwpTable(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno) {
	if len(rest) != 3 {
		return nil, netbsd.EINVAL
	}
	t, errno := newTable(c, rest[1], rest[2], oldlen)
	if errno != 0 {
		return nil, errno
	}
	list := c.K.M.Procs()
	if rest[0] != -1 {
		p, errno := c.see(int(rest[0]))
		if errno != 0 {
			return nil, errno
		}
		list = []*kern.Proc{p}
	}
	var b [netbsd.SizeofKinfoLWP]byte
	for _, p := range list {
		if !c.maySee(p) {
			continue
		}
		nice := p.Nice()
		for _, l := range p.ListLWPs() {
			k := kinfoLWP(c, p, &l, nice)
			k.Encode(b[:])
			if errno := t.add(b[:]); errno != 0 {
				return nil, errno
			}
		}
	}
	return nil, t.end()
}

func kinfoLWP(c *Call, p *kern.Proc, l *kern.LWPInfo, nice int) netbsd.KinfoLWP {
	state := l.LWP.State()
	k := netbsd.KinfoLWP{ID: int32(l.LWP.ID()), Flag: netbsd.P_INMEM,
		Stat: lwpStat(state), Wmesg: c.K.wmesg(l.LWP), Pid: int32(p.Pid()), Name: l.Name}
	if state == kern.LWPSleeping {
		k.Flag |= netbsd.P_SINTR
	}
	k.Priority, k.UserPriority = priorities(nice, state)
	if c.showsAddresses() {
		k.Addr = kmemAddr(kmemHidden, uint64(uint32(k.ID))<<12|0x800)
	}
	if c.K.CPUTime != nil && l.LWP == c.L {
		user, system := c.K.CPUTime(l.LWP)
		k.Real = user + system
	}
	return k
}

// fileTable is kern.file2.OP.ARG.SIZE.COUNT: the open files of all processes, each once, for
// KERN_FILE_BYFILE, or the descriptors of one process, or of all for 0 and -1 (KERN_FILE_BYPID), of whomever the caller may see.
func fileTable(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno) {
	if len(rest) != 4 {
		return nil, netbsd.EINVAL
	}
	op, arg := rest[0], rest[1]
	if op != netbsd.KERN_FILE_BYFILE && op != netbsd.KERN_FILE_BYPID || op == netbsd.KERN_FILE_BYFILE && arg != 0 || arg < -1 {
		return nil, netbsd.EINVAL
	}
	t, errno := newTable(c, rest[2], rest[3], oldlen)
	if errno != 0 {
		return nil, errno
	}
	seen := map[*file.Description]bool{}
	for _, p := range c.K.M.Procs() {
		if arg <= 0 || p.Pid() == int(arg) {
			if errno := t.addFiles(p, op == netbsd.KERN_FILE_BYFILE, seen); errno != 0 {
				return nil, errno
			}
		}
	}
	return nil, t.end()
}

// addFiles adds those of a process; once: but for those that have been seen.
func (t *table) addFiles(p *kern.Proc, once bool, seen map[*file.Description]bool) netbsd.Errno {
	files, ok := p.Files().(Files)
	if !ok || !t.c.maySee(p) {
		return 0
	}
	addresses := t.c.showsAddresses()
	var b [netbsd.SizeofKinfoFile]byte
	for _, fd := range files.Open() {
		d, errno := files.Get(fd)
		if errno != 0 {
			continue
		}
		if !once || !seen[d] {
			k := kinfoFile(d)
			if addresses {
				k.Addr = t.c.K.kmemFileAddr(d)
				k.Ops, k.Data = symbolAddr(fileops(d.File)), k.Addr+atObject
			}
			if !once {
				k.Pid, k.FD = int32(p.Pid()), int32(fd)
				flags, _ := files.FDFlags(fd)
				k.FDFlags = uint32(flags)
			}
			k.Encode(b[:])
			errno = t.add(b[:])
		}
		seen[d] = true
		d.Release()
		if errno != 0 {
			return errno
		}
	}
	return 0
}

// kinfoFile is fill_file2 of kern_descrip.c, but for addresses.
func kinfoFile(d *file.Description) netbsd.KinfoFile {
	st, _ := d.File.Stat()
	k := netbsd.KinfoFile{Flag: uint32(d.Flags() + 1), Type: file.DtypeOf(d.File), Count: uint32(d.References() - 1), UID: st.UID, GID: st.GID}
	if k.Type == netbsd.DTYPE_VNODE {
		k.Size, k.Vtype, k.Vtag = st.Size, vnodeTypes[st.Mode>>12&0xf], netbsd.VT_UFS
		k.Offset = position(d.File)
	}
	return k
}

// position is f_offset, 0 of a file that has none.
func position(f file.File) int64 {
	off, errno := f.Lseek(0, netbsd.SEEK_CUR)
	if errno != 0 {
		return 0
	}
	return off
}

// vnodeTypes are V* of sys/vnode.h by the type in a mode (iftovt_tab).
var vnodeTypes = [16]uint32{1: 7, 2: 4, 4: 2, 6: 3, 8: 1, 10: 5, 12: 6}

// procNodes are the nodes of proc.PID (sysctl(7)); PROC_CURPROC is the caller.
func procNodes(pid int32) []sysctlNode {
	return []sysctlNode{
		procCoreName(pid),
		sysctlDir(netbsd.PROC_PID_LIMIT, "rlimit", procLimits(pid)...).says("Limits"),
		procStop(netbsd.PROC_PID_STOPFORK, "stopfork", pid),
		procStop(netbsd.PROC_PID_STOPEXEC, "stopexec", pid),
		procStop(netbsd.PROC_PID_STOPEXIT, "stopexit", pid),
		procPax(pid),
	}
}

// procPax is what of PaX holds for the process (sysctl_proc_paxflags): MPROTECT, as its program came into memory. ESRCH, and EPERM behind the curtain.
func procPax(pid int32) sysctlNode {
	get := func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
		p := c.L.Proc()
		if pid != netbsd.PROC_CURPROC {
			var errno netbsd.Errno
			if p, errno = c.see(int(pid)); errno != 0 {
				return nil, errno
			}
		}
		b := make([]byte, 4)
		if s, ok := p.VM().(interface{ PaxMprotect() bool }); ok && s.PaxMprotect() {
			b[0] = 2 // P_PAX_MPROTECT
		}
		return b, 0
	}
	return sysctlNode{num: 6, name: "paxflags", kind: netbsd.CTLTYPE_INT, about: "What of PaX holds", value: get}
}

// procStop is whether the process stops at its next fork, exec or exit (sysctl_proc_stop of
// kern_resource.c). ESRCH. EINVAL: the new value is no int. EPERM: another user's process.
func procStop(num int32, name string, pid int32) sysctlNode {
	target := func(c *Call) int {
		if pid == netbsd.PROC_CURPROC {
			return c.L.Proc().Pid()
		}
		return int(pid)
	}
	get := func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
		on, errno := c.L.StopsOn(target(c), int(num))
		b := make([]byte, 4)
		if on {
			b[0] = 1
		}
		return b, errno
	}
	set := func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		return c.L.SetStopOn(target(c), int(num), binary.LittleEndian.Uint32(b) != 0)
	}
	return sysctlNode{num: num, name: name, kind: netbsd.CTLTYPE_INT, about: "Whether it stops then", value: get, set: set, anyWrite: true}
}

// procCoreName is the pattern of the process's core files (sysctl_proc_corename).
func procCoreName(pid int32) sysctlNode {
	get := func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
		p, errno := subject(c, pid)
		if errno != 0 {
			return nil, errno
		}
		return append([]byte(c.K.CoreName(p)), 0), 0
	}
	set := setString(netbsd.PATH_MAX, func(c *Call, name string) netbsd.Errno {
		if pid == netbsd.PROC_CURPROC {
			return c.L.SetCoreName(c.L.Proc().Pid(), name)
		}
		return c.L.SetCoreName(int(pid), name)
	})
	return sysctlNode{num: netbsd.PROC_PID_CORENAME, name: "corename", kind: netbsd.CTLTYPE_STRING, about: "Name of core files", value: get, set: set, anyWrite: true}
}

// CoreName returns the pattern of p's core files: its own, or the machine's.
func (k *Kernel) CoreName(p *kern.Proc) string {
	if name := p.CoreName(); name != "" {
		return name
	}
	return k.defCoreName()
}

func (k *Kernel) defCoreName() string {
	if name := k.coreName.Load(); name != nil {
		return *name
	}
	return netbsd.DefCorename
}

// defCoreName is kern.defcorename, which the superuser may change for anything but nothing (sysctl_kern_defcorename).
func defCoreName() sysctlNode {
	n := sysctlString(netbsd.KERN_DEFCORENAME, "defcorename", func(c *Call) string { return c.K.defCoreName() }).says("Names of core files")
	n.set = setString(netbsd.PATH_MAX, func(c *Call, name string) netbsd.Errno {
		if name == "" {
			return netbsd.EINVAL
		}
		c.K.coreName.Store(&name)
		return 0
	})
	return n
}

// subject finds the process that a node of proc is about. ESRCH; EPERM where it is another user's
// (KAUTH_PROCESS_RLIMIT and its like).
func subject(c *Call, pid int32) (*kern.Proc, netbsd.Errno) {
	if pid == netbsd.PROC_CURPROC {
		return c.L.Proc(), 0
	}
	p, errno := c.see(int(pid))
	if errno != 0 {
		return nil, errno
	}
	return p, c.maySeeEnv(int(pid))
}

// limitNames are proc.PID.rlimit's, in the order of RLIMIT_*.
var limitNames = [netbsd.RLIM_NLIMITS]string{"cputime", "filesize", "datasize", "stacksize", "coredumpsize",
	"memoryuse", "memorylocked", "maxproc", "descriptors", "sbsize", "vmemoryuse", "maxlwp"}

func procLimits(pid int32) (list []sysctlNode) {
	for i, name := range limitNames {
		list = append(list, sysctlDir(int32(i+1), name,
			procLimit(netbsd.PROC_PID_LIMIT_TYPE_SOFT, "soft", pid, i),
			procLimit(netbsd.PROC_PID_LIMIT_TYPE_HARD, "hard", pid, i),
		).says("Limit of getrlimit(2)"))
	}
	return list
}

// procLimit is one of a limit's two halves. A process sets its own as setrlimit(2) does.
func procLimit(num int32, name string, pid int32, which int) sysctlNode {
	half := func(r *kern.Rlimit) *uint64 {
		if num == netbsd.PROC_PID_LIMIT_TYPE_SOFT {
			return &r.Cur
		}
		return &r.Max
	}
	get := func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
		p, errno := subject(c, pid)
		if errno != 0 {
			return nil, errno
		}
		r, errno := p.Rlimit(which)
		return binary.LittleEndian.AppendUint64(nil, *half(&r)), errno
	}
	set := func(c *Call, b []byte) netbsd.Errno {
		p, errno := subject(c, pid)
		switch {
		case errno != 0:
			return errno
		case p != c.L.Proc():
			return netbsd.EPERM
		case len(b) != 8:
			return netbsd.EINVAL
		}
		r, errno := p.Rlimit(which)
		if errno != 0 {
			return errno
		}
		*half(&r) = binary.LittleEndian.Uint64(b)
		return c.setRlimit(which, r)
	}
	return sysctlNode{num: num, name: name, kind: netbsd.CTLTYPE_QUAD, about: "In the limit's unit", value: get, set: set, anyWrite: true}
}
