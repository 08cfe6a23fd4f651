package syscalls

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"toaster/internal/file"
	"toaster/internal/sysv"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has what procfs says of a process.

// procTop lists the processes that the caller may see, and what is beside them.
func procTop(c *Call) []vfs.Entry {
	list := []vfs.Entry{{Ino: 2, Type: netbsd.DT_LNK, Name: "curproc"}, {Ino: 3, Type: netbsd.DT_LNK, Name: "self"}}
	list = append(list, procBelow("")...)
	for _, p := range c.K.M.Procs() {
		if i, ok := p.Info(); ok && i.State < kern.StateDead && c.maySee(p) {
			list = append(list, vfs.Entry{Ino: uint64(i.Pid+1) << 5, Type: netbsd.DT_DIR, Name: strconv.Itoa(i.Pid)})
		}
	}
	return list
}

// procNames lists what is below a process, whose own inode number is ino.
func procNames(k *Kernel, p *kern.Proc, ino uint64) (list []vfs.Entry) {
	for i, n := range procTargets {
		if !n.on(k, p) {
			continue
		}
		kind := uint8(netbsd.DT_REG)
		switch {
		case n.list != nil:
			kind = netbsd.DT_DIR
		case n.link != nil && !n.alias:
			kind = netbsd.DT_LNK
		}
		list = append(list, vfs.Entry{Ino: ino + uint64(i) + 1, Type: kind, Name: n.name})
	}
	return list
}

func procTasks(_ *Call, p *kern.Proc) []vfs.Entry {
	return []vfs.Entry{{Ino: uint64(p.Pid()+1)<<5 + 31, Type: netbsd.DT_LNK, Name: strconv.Itoa(p.Pid())}}
}

// procFDs lists descriptors, for whom the process belongs to (KAUTH_REQ_PROCESS_CANSEE_OPENFILES).
func procFDs(c *Call, p *kern.Proc) (list []vfs.Entry) {
	files, ok := p.Files().(Files)
	if !ok || c.mayLookInto(p) != 0 {
		return nil
	}
	for _, fd := range files.Open() {
		list = append(list, vfs.Entry{Ino: procFDIno(p, fd), Type: netbsd.DT_REG, Name: strconv.Itoa(fd)})
	}
	return list
}

func procFDIno(p *kern.Proc, fd int) uint64 { return uint64(p.Pid()+1)<<32 | uint64(fd)<<5 }

// procFD is /proc/PID/fd/N: a link where that is a directory, else the open file itself, as dup(2) has it.
func (k *Kernel) procFD(c *Call, p *kern.Proc, i *kern.ProcInfo, name string) (vfs.Device, netbsd.Errno) {
	fd, err := strconv.Atoi(name)
	files, ok := p.Files().(Files)
	if err != nil || fd < 0 || !ok || c.mayLookInto(p) != 0 {
		return vfs.Device{}, netbsd.ENOENT
	}
	d, errno := files.Get(fd)
	if errno != 0 {
		return vfs.Device{}, netbsd.ENOENT
	}
	defer d.Release()
	st, errno := d.File.Stat()
	if errno != 0 {
		st = vfs.MadeStat(netbsd.TimespecAt(i.Start), procFDIno(p, fd), netbsd.S_IFREG|0o600, i.Cred.EUID, i.Cred.EGID)
	}
	dev := vfs.Device{Stat: st, Fixed: true}
	if d.Directory() {
		dev.Stat = vfs.MadeStat(netbsd.TimespecAt(i.Start), procFDIno(p, fd), procLink, i.Cred.EUID, i.Cred.EGID)
		if dev.Link, errno = View(c.L).PathOf(d); errno != 0 {
			dev.Link = "/"
		}
		return dev, 0
	}
	dev.Open = func(_ vfs.View, flags int) (*file.Description, netbsd.Errno) {
		if errno := c.mayLookInto(p); errno != 0 {
			return nil, errno
		}
		return vfs.Reopen(files.Table, fd, flags)
	}
	return dev, 0
}

// procExe, procCwd and procRoot are where a process's program and directories are, as the caller could name
// them; "/" where that is nowhere (procfs_dir).
func procExe(_ *Call, p *kern.Proc) string {
	if a := procArgsOf(p); a != nil && strings.HasPrefix(a.Path, "/") {
		return a.Path
	}
	return "/"
}

func procCwd(c *Call, p *kern.Proc) string {
	if c.mayLookInto(p) != 0 {
		return "/"
	}
	name, errno := cwdOf(c, p.Pid())
	if errno != 0 {
		return "/"
	}
	return strings.TrimSuffix(string(name), "\x00")
}

func procRoot(c *Call, p *kern.Proc) string {
	dirs := dirsOf(p)
	if dirs == nil {
		return "/"
	}
	name, errno := View(c.L).RootOf(dirs)
	if errno != 0 {
		return "/"
	}
	return name
}

// procStatus is procfs_status_netbsd.
func procStatus(c *Call, p *kern.Proc, i *kern.ProcInfo) (string, netbsd.Errno) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %d %d %d ", i.Comm, i.Pid, i.Ppid, i.Pgid, i.Sid)
	if d := ttyDevice(i.TTY); d != ^uint32(0) {
		fmt.Fprintf(&b, "%d,%d ", d>>8&0xfff, d>>12&0xfff00|d&0xff)
	} else {
		b.WriteString("-1,-1 ")
	}
	var flags []string
	if i.HasTTY {
		flags = append(flags, "ctty")
	}
	if i.Leads {
		flags = append(flags, "sldr")
	}
	if flags == nil {
		flags = []string{"noflags"}
	}
	b.WriteString(strings.Join(flags, ","))
	u, _ := p.Rusage(netbsd.RUSAGE_SELF)
	for _, t := range [...]time.Duration{time.Duration(i.Start.UnixNano()), u.Utime, u.Stime} {
		fmt.Fprintf(&b, " %d,%d", t/time.Second, t%time.Second/time.Microsecond)
	}
	wmesg := c.K.procWmesg(p, i.Active)
	if wmesg == "" {
		wmesg = "nochan"
	}
	fmt.Fprintf(&b, " %s %d %d", wmesg, i.Cred.EUID, i.Cred.EGID)
	for _, g := range i.Cred.Groups {
		fmt.Fprintf(&b, ",%d", g)
	}
	b.WriteByte('\n')
	return b.String(), 0
}

// procCmdline is procfs_docmdline. What has ended has its name in brackets.
func procCmdline(c *Call, p *kern.Proc, i *kern.ProcInfo) (string, netbsd.Errno) {
	a := procArgsOf(p)
	if a == nil || i.State == kern.StateZombie {
		return "(" + i.Comm + ")", 0
	}
	return string(nulJoin(a.Argv)), 0
}

func procEnviron(c *Call, p *kern.Proc, i *kern.ProcInfo) (string, netbsd.Errno) {
	a := procArgsOf(p)
	if a == nil {
		return "", 0
	}
	return string(nulJoin(a.Envp)), 0
}

// procEmul is procfs_doemul.
func procEmul(*Call, *kern.Proc, *kern.ProcInfo) (string, netbsd.Errno) { return "netbsd\n", 0 }

// procLimitText is procfs_dolimit. There are no signs of what is unlimited but the number.
func procLimitText(_ *Call, p *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	var b strings.Builder
	for i, name := range rlimStrings {
		r, errno := p.Rlimit(i)
		if errno != 0 {
			return "", errno
		}
		fmt.Fprintf(&b, "%20.20s %s %s\n", name, limitText(r.Cur), limitText(r.Max))
	}
	return b.String(), 0
}

// procLimitsText is procfs_dolimits, Linux's table. What NetBSD does not limit there is unlimited or 0, and the bytes of a queue of
// messages are System V's.
func procLimitsText(_ *Call, p *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s%-21s%-21s%-21s\n", "Limit", "Soft Limit", "Hard Limit", "Units")
	for _, l := range linuxLimits {
		r := kern.Rlimit{Cur: l.cur, Max: l.cur}
		if l.what >= 0 {
			var errno netbsd.Errno
			if r, errno = p.Rlimit(l.what); errno != 0 {
				return "", errno
			}
		}
		soft, hard := "unlimited", "unlimited" // both, whatever the hard one is
		if r.Cur != netbsd.RLIM_INFINITY {
			soft, hard = strconv.FormatUint(r.Cur, 10), strconv.FormatUint(r.Max, 10)
		}
		fmt.Fprintf(&b, "%-26s%-21s%-21s%-10s\n", l.about, soft, hard, l.unit)
	}
	return b.String(), 0
}

// linuxLimits are linux_rlimits_ident. What is below 0 is none of NetBSD's, and has a fixed value.
var linuxLimits = []struct {
	about, unit string
	what        int
	cur         uint64
}{
	{"Max cpu time", "seconds", netbsd.RLIMIT_CPU, 0},
	{"Max file size", "bytes", netbsd.RLIMIT_FSIZE, 0},
	{"Max data size", "bytes", netbsd.RLIMIT_DATA, 0},
	{"Max stack size", "bytes", netbsd.RLIMIT_STACK, 0},
	{"Max core file size", "bytes", netbsd.RLIMIT_CORE, 0},
	{"Max resident set", "bytes", netbsd.RLIMIT_RSS, 0},
	{"Max processes", "processes", netbsd.RLIMIT_NPROC, 0},
	{"Max open files", "files", netbsd.RLIMIT_NOFILE, 0},
	{"Max locked memory", "bytes", netbsd.RLIMIT_MEMLOCK, 0},
	{"Max address space", "bytes", netbsd.RLIMIT_AS, 0},
	{"Max file locks", "locks", -1, netbsd.RLIM_INFINITY},
	{"Max pending signals", "signals", -1, netbsd.RLIM_INFINITY},
	{"Max msgqueue size", "bytes", -1, sysv.MSGMNB},
	{"Max nice priority", "", -1, 0},
	{"Max realtime priority", "", -1, 0},
	{"Max realtime timeout", "us", -1, netbsd.RLIM_INFINITY},
}

// procAuxv is procfs_doauxv: the auxiliary vector as it is in the process's memory (proc_getauxv), and what lies behind it up to
// es_arglen.
func procAuxv(_ *Call, p *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	b := make([]byte, netbsd.AuxvRoom)
	n, errno := peekAuxv(p, 0, b)
	return string(b[:n]), errno
}

// limitText is prl of procfs_limit.c.
func limitText(v uint64) string {
	if v == netbsd.RLIM_INFINITY {
		return fmt.Sprintf("%#20x", v)
	}
	return fmt.Sprintf("%20d", v)
}

// rlimStrings are RLIM_STRINGS of sys/resource.h.
var rlimStrings = [netbsd.RLIM_NLIMITS]string{"cpu", "fsize", "data", "stack", "core", "rss", "memlock", "nproc", "nofile",
	"sbsize", "vmem", "nthr"}

// procStatm is procfs_do_pid_statm.
func procStatm(c *Call, p *kern.Proc, i *kern.ProcInfo) (string, netbsd.Errno) {
	k := c.kinfoProc(p, i)
	return fmt.Sprintf("%d %d %d %d %d %d %d\n", k.Mapped, k.Resident, 0, k.Text, 0, k.Data+k.Stack, 0), 0
}

// procStatText is procfs_do_pid_stat: as Linux's, up to its 39th field. Times are in ticks of the clock.
func procStatText(c *Call, p *kern.Proc, i *kern.ProcInfo) (string, netbsd.Errno) {
	k := c.kinfoProc(p, i)
	states := "0RRSTZXR8"
	state := byte('0')
	if k.Stat > 0 && int(k.Stat) < len(states) {
		state = states[k.Stat]
	}
	tty := ttyDevice(i.TTY)
	if tty == ^uint32(0) {
		tty = 0
	}
	rss, _ := p.Rlimit(netbsd.RLIMIT_RSS)
	var b strings.Builder
	fmt.Fprintf(&b, "%d (%s) %c %d %d %d %d %d %d ", i.Pid, i.Comm, state, i.Ppid, i.Pgid, i.Sid, tty, i.Tpgid, k.Flag)
	fmt.Fprintf(&b, "%d %d %d %d ", k.Usage.Minflt, i.Children.Minflt, k.Usage.Majflt, i.Children.Majflt)
	for _, t := range [...]time.Duration{k.Usage.Utime, k.Usage.Stime, i.Children.Utime, i.Children.Stime} {
		fmt.Fprintf(&b, "%d ", t*hz/time.Second)
	}
	fmt.Fprintf(&b, "%d %d %d %d %d ", k.Priority, i.Nice-20, i.NLWPs, int64(k.Real/time.Second), i.Start.UnixMicro()/(1e6/hz))
	fmt.Fprintf(&b, "%d %d %d ", k.Mapped, int64(k.Resident)*netbsd.PageSize/1024, rss.Cur)
	fmt.Fprintf(&b, "0 0 %d 0 0 ", uint64(netbsd.VM_MAXUSER_ADDRESS-netbsd.PageSize))
	fmt.Fprintf(&b, "%d 0 %d %d ", uint32(i.Pending), uint32(i.Ignored), uint32(i.Caught))
	fmt.Fprintf(&b, "%d %d %d %d 0\n", k.Wchan, k.Usage.Nvcsw, k.Usage.Nivcsw, i.ExitSig)
	return b.String(), 0
}

// Mapping is a piece of a process's memory, as procfs tells of it.
type Mapping struct {
	Start, End    uint64
	Prot, MaxProt int
	Shared        bool
	Inherit       int
	Wired         bool
	Off           int64
	Ino           uint64 // of its file, as stat(2) says it
}

// Mapper is implemented by address spaces that can list themselves.
type Mapper interface{ Mappings() []Mapping }

func mappings(p *kern.Proc) []Mapping {
	if m, ok := p.VM().(Mapper); ok {
		return m.Mappings()
	}
	return nil
}

// VMSizes are sizes of a process's memory in pages: struct vmspace's vm_tsize, vm_dsize and vm_ssize, and all that is mapped, but
// for what of the stack nobody has touched (p_vm_vsize, p_vm_msize).
type VMSizes struct{ Text, Data, Stack, All, Mapped int64 }

// Sizer is implemented by address spaces that know how large they are.
type Sizer interface{ Sizes(p *kern.Proc) VMSizes }

func sizesOf(p *kern.Proc) VMSizes {
	if m, ok := p.VM().(Sizer); ok {
		return m.Sizes(p)
	}
	return VMSizes{}
}

func protText(prot int) string {
	b := []byte("---")
	for i, bit := range [...]int{netbsd.PROT_READ, netbsd.PROT_WRITE, netbsd.PROT_EXEC} {
		if prot&bit != 0 {
			b[i] = "rwx"[i]
		}
	}
	return string(b)
}

// procMap is procfs_domap in NetBSD's form.
func procMap(_ *Call, p *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	var b strings.Builder
	for _, m := range mappings(p) {
		cow, wired := "COW", 0
		if m.Shared {
			cow = "NCOW"
		}
		if m.Wired {
			wired = 1
		}
		fmt.Fprintf(&b, "%#x %#x %s %s %s %s %d %d %d\n", m.Start, m.End, protText(m.Prot), protText(m.MaxProt), cow, "NNC", m.Inherit, wired, 0)
	}
	return b.String(), 0
}

// procMaps is procfs_domap in the form of Linux. Files have neither names nor devices here.
func procMaps(_ *Call, p *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	var b strings.Builder
	for _, m := range mappings(p) {
		kind := 'p'
		if m.Shared {
			kind = 's'
		}
		fmt.Fprintf(&b, "%016x-%016x %s%c %016x 00:00 %-8d %25s %s\n", m.Start, m.End, protText(m.Prot), kind, m.Off, m.Ino, "", "")
	}
	return b.String(), 0
}
