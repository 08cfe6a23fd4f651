package syscalls

import (
	"path"
	"strconv"
	"strings"
	"sync"

	"toaster/internal/file"
	"toaster/internal/mqueue"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// This file is procfs as mount_procfs(8) has it with -o linux: names become nodes. What a file says is in
// procfs_proc.go for those of a process, and in procfs_linux.go for those of the machine. Nothing in
// it is the host's.

// procNode is a file of procfs. text makes what is read, whenever it is: as NetBSD does, of the moment and
// from the reader's position on.
type procNode struct {
	name string
	mode uint32 // with its type
	text func(c *Call, p *kern.Proc, i *kern.ProcInfo) (string, netbsd.Errno)
	link func(c *Call, p *kern.Proc) string
	list func(c *Call, p *kern.Proc) []vfs.Entry
	dir  bool // beside the processes, and lists what is below it
	// alias is a link that is the file itself to who looks at it.
	alias bool
	// write is what a word that is written does, of so many bytes at most; to read is an error then.
	write  func(c *Call, p *kern.Proc, word string) netbsd.Errno
	words  int
	unread netbsd.Errno
	size   int64   // what stat(2) says
	regs   *regSet // of a process that has stopped
	// program: a process that has none, as init, does not have the file (procfs_validfile).
	program bool
	// private is for whom the process belongs to, and nobody once it has had another's rights (P_SUGID).
	private bool
	// old: release 2003 alone has it.
	old bool
}

// Modes of procfs (procfs_loadvnode).
const (
	procFile = netbsd.S_IFREG | 0o444
	procMine = netbsd.S_IFREG | 0o400
	procBoth = netbsd.S_IFREG | 0o600
	procTold = netbsd.S_IFREG | 0o200
	procDir  = netbsd.S_IFDIR | 0o555
	procLink = netbsd.S_IFLNK | 0o777
)

// procTargets are the names below a process (proc_targets of procfs_vnops.c).
var procTargets = []procNode{
	{name: "fd", mode: procDir, list: procFDs},
	{name: "file", mode: procLink, link: procExe, alias: true, program: true},
	{name: "mem", mode: procBoth, private: true},
	{name: "regs", mode: procBoth, regs: &generalRegs, size: netbsd.SizeofPtraceRegs, private: true, program: true},
	{name: "fpregs", mode: procBoth, regs: &fpRegs, size: netbsd.SizeofFpregs, private: true, program: true},
	{name: "stat", mode: procFile, text: procStatText, program: true},
	{name: "status", mode: procFile, text: procStatus},
	{name: "map", mode: procMine, text: procMap, private: true},
	{name: "maps", mode: procMine, text: procMaps, private: true},
	{name: "cmdline", mode: procFile, text: procCmdline},
	{name: "exe", mode: procLink, link: procExe, program: true},
	{name: "cwd", mode: procLink, link: procCwd},
	{name: "root", mode: procLink, link: procRoot},
	{name: "emul", mode: procFile, text: procEmul},
	{name: "statm", mode: procFile, text: procStatm, program: true},
	{name: "task", mode: procDir, list: procTasks, program: true},
	{name: "limit", mode: procFile, text: procLimitText},
	{name: "limits", mode: procFile, text: procLimitsText, program: true},
	{name: "environ", mode: procMine, text: procEnviron, private: true, program: true},
	{name: "auxv", mode: procMine, text: procAuxv, size: netbsd.AuxvRoom, private: true, program: true},
	{name: "note", mode: procTold, write: procNote, words: procNoteMax, unread: netbsd.EINVAL},
	{name: "notepg", mode: procTold, write: procNote, words: procNoteMax, unread: netbsd.EINVAL},
	{name: "ctl", mode: procTold, write: procControl, words: procWordMax, unread: netbsd.EOPNOTSUPP, old: true},
}

// procRootTargets are the names beside the processes, and those below them (proc_root_targets, proc_sys_targets,
// proc_sysfs_targets, proc_mqueue_targets, proc_sysvipc_targets).
var procRootTargets = []procNode{
	{name: "meminfo", mode: procFile, text: procMeminfo},
	{name: "cpuinfo", mode: procFile, text: procCPUInfo},
	{name: "uptime", mode: procFile, text: procUptime},
	{name: "mounts", mode: procFile, text: procMounts},
	{name: "devices", mode: procFile, text: procDevices},
	{name: "stat", mode: procFile, text: procCPUStat},
	{name: "loadavg", mode: procFile, text: procLoadavg},
	{name: "version", mode: procFile, text: procVersion},
	{name: "sys", mode: procDir, dir: true},
	{name: "sys/fs", mode: procDir, dir: true},
	{name: "sys/fs/mqueue", mode: procDir, dir: true},
	{name: "sys/fs/mqueue/msg_default", mode: procFile, text: procNumber(mqueue.DefMaxmsg)},
	{name: "sys/fs/mqueue/msg_max", mode: procFile, text: procNumber(mqueue.MaxMaxmsg)},
	{name: "sys/fs/mqueue/msgsize_default", mode: procFile, text: procNumber(mqueue.DefMsgsize)},
	{name: "sys/fs/mqueue/msgsize_max", mode: procFile, text: procNumber(mqueue.MaxMsgsize)},
	{name: "sys/fs/mqueue/queues_max", mode: procFile, text: procNumber(mqueue.OpenMax)},
	{name: "sysvipc", mode: procDir, dir: true},
	{name: "sysvipc/msg", mode: procFile, text: procMessages},
	{name: "sysvipc/sem", mode: procFile, text: procSemaphores},
	{name: "sysvipc/shm", mode: procFile, text: procShared},
}

// on reports whether p has the file.
func (n *procNode) on(k *Kernel, p *kern.Proc) bool {
	return (!n.program || procArgsOf(p) != nil) && (!n.old || k.M.Release() == kern.Release2003)
}

// ProcFS is a vfs.Finder for the machine's processes.
func (k *Kernel) ProcFS(v vfs.View, name string) (vfs.Device, netbsd.Errno) {
	l, ok := v.L.(*kern.LWP)
	if !ok {
		return vfs.Device{}, netbsd.ENOENT
	}
	c := &Call{L: l, K: k}
	first, rest, _ := strings.Cut(name, "/")
	switch first {
	case "":
		return k.procDevice(nil, 1, procDir, 0, 0, func(d *vfs.Device) { d.List = func() []vfs.Entry { return procTop(c) } }), 0
	case "curproc":
		return k.procDevice(nil, 2, procLink, 0, 0, func(d *vfs.Device) { d.Link = strconv.Itoa(l.Proc().Pid()) }), 0
	case "self":
		return k.procDevice(nil, 3, procLink, 0, 0, func(d *vfs.Device) { d.Link = "curproc" }), 0
	}
	for i := range procRootTargets {
		if n := &procRootTargets[i]; n.name == name {
			return k.nodeDevice(c, n, nil, nil, uint64(8+i)), 0
		}
	}
	pid, err := strconv.Atoi(first)
	if err != nil || pid < 0 || strconv.Itoa(pid) != first {
		return vfs.Device{}, netbsd.ENOENT
	}
	return k.procOf(c, pid, rest)
}

// procOf finds a name below a process.
func (k *Kernel) procOf(c *Call, pid int, name string) (vfs.Device, netbsd.Errno) {
	p := k.M.Find(pid)
	if p == nil || !c.maySee(p) {
		return vfs.Device{}, netbsd.ENOENT
	}
	info, ok := p.Info()
	if !ok || info.State >= kern.StateDead {
		return vfs.Device{}, netbsd.ENOENT
	}
	ino := uint64(pid+1) << 5
	if name == "" {
		n := procNode{mode: procDir, list: func(_ *Call, p *kern.Proc) []vfs.Entry { return procNames(k, p, ino) }}
		return k.nodeDevice(c, &n, p, &info, ino), 0
	}
	for i := range procTargets {
		if n := &procTargets[i]; n.name == name && n.on(k, p) {
			return k.nodeDevice(c, n, p, &info, ino+uint64(i)+1), 0
		}
	}
	switch dir, last := path.Split(name); dir {
	case "fd/":
		return k.procFD(c, p, &info, last)
	case "task/":
		if last == strconv.Itoa(pid) {
			n := procNode{mode: procLink, link: func(*Call, *kern.Proc) string { return ".." }}
			return k.nodeDevice(c, &n, p, &info, ino+31), 0
		}
	}
	return vfs.Device{}, netbsd.ENOENT
}

func (k *Kernel) procDevice(i *kern.ProcInfo, ino uint64, mode uint32, uid, gid uint32, more func(*vfs.Device)) vfs.Device {
	born := k.BootTime
	if i != nil {
		born = i.Start
	}
	d := vfs.Device{Stat: vfs.MadeStat(netbsd.TimespecAt(born), ino, mode, uid, gid), Fixed: true}
	more(&d)
	return d
}

// nodeDevice is a node as the file system wants it.
func (k *Kernel) nodeDevice(c *Call, n *procNode, p *kern.Proc, i *kern.ProcInfo, ino uint64) vfs.Device {
	var uid, gid uint32
	mode := n.mode
	if i != nil {
		uid, gid = i.Cred.EUID, i.Cred.EGID
		if n.private && i.Flags&netbsd.P_SUGID != 0 {
			mode &^= 0o600
		}
	}
	return k.procDevice(i, ino, mode, uid, gid, func(d *vfs.Device) {
		switch {
		case n.link != nil:
			d.Link, d.Alias = n.link(c, p), n.alias
			d.Stat.Size = int64(len(d.Link))
		case n.dir:
			d.List = func() []vfs.Entry { return procBelow(n.name + "/") }
		case n.list != nil:
			d.List = func() []vfs.Entry { return n.list(c, p) }
		default:
			d.Stat.Size = n.size
			d.Open = func(v vfs.View, flags int) (*file.Description, netbsd.Errno) { return c.openProc(n, p, d.Stat, flags) }
		}
	})
}

// openProc opens a file of procfs. EACCES: it is private, and the caller may not look into the process. EPERM: it is memory or registers, and the
// process is not below the caller's root (procfs_open).
func (c *Call) openProc(n *procNode, p *kern.Proc, st file.Stat, flags int) (*file.Description, netbsd.Errno) {
	if n.private {
		if errno := c.mayLookInto(p); errno != 0 {
			return nil, errno
		}
	}
	if (n.name == "mem" || n.regs != nil) && !c.isUnder(p) {
		return nil, netbsd.EPERM
	}
	return file.New(&procReader{node: n, k: c.K, p: p, st: st}, flags), 0
}

// mayLookInto is what KAUTH_PROCESS_PROCFS asks for memory: the superuser may look into every process,
// others into their own that have never had another's rights.
func (c *Call) mayLookInto(p *kern.Proc) netbsd.Errno {
	me := c.L.Proc()
	if p == me || me.Cred().IsRoot() {
		return 0
	}
	i, ok := p.Info()
	if !ok {
		return netbsd.ESRCH
	}
	if i.Flags&netbsd.P_SUGID != 0 || i.Cred.EUID != me.Cred().EUID || i.Cred.RUID != me.Cred().EUID {
		return netbsd.EACCES
	}
	return 0
}

// procReader is an open file of procfs.
type procReader struct {
	file.Base
	node *procNode
	k    *Kernel
	p    *kern.Proc // nil: it is the machine's
	st   file.Stat

	mu  sync.Mutex // guards pos
	pos int64
}

func (f *procReader) Stat() (file.Stat, netbsd.Errno) { return f.st, 0 }

// RefusesLocks implements file.LockRefuser (procfs_advlock).
func (f *procReader) RefusesLocks() {}

// Truncate and its like do nothing, and say so to nobody: else a shell could write to no file of procfs
// (procfs_setattr).
func (f *procReader) Truncate(int64) netbsd.Errno                     { return 0 }
func (f *procReader) Chmod(uint32) netbsd.Errno                       { return 0 }
func (f *procReader) Chown(int, int) netbsd.Errno                     { return 0 }
func (f *procReader) Utimens(file.Timeset, file.Timeset) netbsd.Errno { return 0 }
func (f *procReader) Sync() netbsd.Errno                              { return 0 }

// Lseek takes any place: that in memory is an address.
func (f *procReader) Lseek(off int64, whence int) (int64, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch whence {
	case netbsd.SEEK_SET:
	case netbsd.SEEK_CUR:
		off += f.pos
	default:
		return 0, netbsd.EINVAL
	}
	if off < 0 {
		return 0, netbsd.EINVAL
	}
	f.pos = off
	return off, 0
}

func (f *procReader) Read(c file.Call, b []byte) (int, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, errno := f.Pread(c, b, f.pos)
	f.pos += int64(n)
	return n, errno
}

func (f *procReader) Write(c file.Call, b []byte) (int, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, errno := f.Pwrite(c, b, f.pos)
	if f.node.write == nil { // words follow each other without seeks
		f.pos += int64(n)
	}
	return n, errno
}

// Pread asks again whether the reader may: a descriptor can come into other hands, and the process can have
// executed a set-user-id program since.
func (f *procReader) Pread(fc file.Call, b []byte, off int64) (int, netbsd.Errno) {
	c, info, errno := f.use(fc)
	switch {
	case errno != 0:
		return 0, errno
	case off < 0:
		return 0, netbsd.EINVAL
	case f.node.write != nil:
		return 0, f.node.unread
	case f.node.regs != nil:
		return f.node.regs.transfer(f.p, b, off, false)
	case f.node.text == nil:
		return moveMemory(f.p, uint64(off), b, Peeker.Peek)
	}
	text, errno := f.node.text(c, f.p, info)
	if errno != 0 || off >= int64(len(text)) {
		return 0, errno
	}
	return copy(b, text[off:]), 0
}

// Pwrite writes to the memory of a process that the caller traces and that has stopped: only then does nobody
// execute what is changed. Registers want it stopped, whoever traces it. EOPNOTSUPP: the file is read alone.
func (f *procReader) Pwrite(fc file.Call, b []byte, off int64) (n int, errno netbsd.Errno) {
	if f.node.text != nil {
		return 0, netbsd.EOPNOTSUPP
	}
	c, _, errno := f.use(fc)
	switch {
	case errno != 0:
		return 0, errno
	case off < 0:
		return 0, netbsd.EINVAL
	case f.node.write != nil:
		return f.tell(c, b, off)
	case f.node.regs != nil:
		return f.node.regs.transfer(f.p, b, off, true)
	}
	errno = c.L.Look(f.p.Pid(), func(t *kern.Proc) (errno netbsd.Errno) {
		n, errno = moveMemory(t, uint64(off), b, Peeker.Poke)
		return errno
	})
	return n, errno
}

// use begins a transfer. ESRCH: the process has ended. EPERM: it is no longer the caller's to look into (procfs_rw); EACCES is for names.
func (f *procReader) use(fc file.Call) (*Call, *kern.ProcInfo, netbsd.Errno) {
	l, ok := fc.L.(*kern.LWP)
	if !ok {
		return nil, nil, netbsd.EIO
	}
	c := &Call{L: l, K: f.k}
	if f.p == nil {
		return c, nil, 0
	}
	info, ok := f.p.Info()
	if !ok || info.State >= kern.StateDead {
		return nil, nil, netbsd.ESRCH
	}
	if f.node.private {
		switch errno := c.mayLookInto(f.p); errno {
		case 0:
		case netbsd.EACCES:
			return nil, nil, netbsd.EPERM
		default:
			return nil, nil, errno
		}
	}
	return c, &info, 0
}

// moveMemory moves bytes of a process's memory (process_domem): page by page, up to what is not mapped. EFAULT:
// not even the first is.
func moveMemory(p *kern.Proc, at uint64, b []byte, move func(Peeker, uint64, []byte) bool) (int, netbsd.Errno) {
	m, ok := p.VM().(Peeker)
	if !ok {
		return 0, netbsd.ESRCH
	}
	done := 0
	for done < len(b) {
		n := min(len(b)-done, int(pageSize-(at+uint64(done))%pageSize))
		if !move(m, at+uint64(done), b[done:done+n]) {
			break
		}
		done += n
	}
	if done == 0 && len(b) > 0 {
		return 0, netbsd.EFAULT
	}
	return done, 0
}
