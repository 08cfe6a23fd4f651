package syscalls

import (
	"encoding/binary"
	"math"
	"sync/atomic"

	"toaster/internal/file"
	"toaster/internal/kqueue"
	"toaster/internal/socket"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// This file is /dev/kmem and /dev/mem (mem(4)), which kvm(3) opens. toaster's own memory is none of a guest's business, and is not
// there. What is, is made when it is read, page by page: the structures of NetBSD's kernel that lead from a process to its open files,
// at the addresses that sysctl(3) tells. Everything else is EFAULT, as what uvm_kernacc does not find mapped.
//
// An address is a number that says what is there: a process, a descriptor, an open file. Nothing can be told by it that the number does not say.

// Kinds of pages, 1<<kmemShift bytes each.
const (
	kmemBase  = 0xffff_8000_0000_0000 // where the upper half of the addresses begins
	kmemShift = 44

	kmemProc   = 0 // a process: filedesc, cwdinfo, the vnodes of its directories
	kmemTable  = 1 // its fdtab
	kmemFd     = 2 // its fdfiles
	kmemFile   = 3 // an open file, and what it is of
	kmemMount  = 4 // a file system
	kmemDomain = 5 // a domain of sockets, with its protocols
	kmemHidden = 6 // what has an address and no contents, such as struct proc

	kmemMaxPid = 1 << 21
	kmemMaxFd  = 1<<17 - netbsd.KernFdtabFiles/8
)

// Where things are in a page.
const (
	atCwdinfo = 0x400
	atCdir    = 0x500 // a vnode, with what belongs to it
	atRdir    = 0x900

	atInode  = 0x100 // from a vnode
	atDinode = 0x240

	atObject  = 0x100 // what an open file is of
	atPcb     = 0x400
	atName    = 0x600
	atPeer    = 0x700
	atPeerTo  = 0x800
	atUfs     = 0xe00
	atDomName = 0x100
	atProtosw = 0x200
	protoSize = 0x60
)

func kmemAddr(kind, at uint64) uint64 { return kmemBase | kind<<kmemShift | at }

func kmemProcAddr(pid int) uint64  { return kmemAddr(kmemProc, uint64(pid)<<12) }
func kmemTableAddr(pid int) uint64 { return kmemAddr(kmemTable, uint64(pid)<<20) }
func kmemFdAddr(pid, fd int) uint64 {
	return kmemAddr(kmemFd, uint64(pid)<<23|uint64(fd)<<6)
}
func (k *Kernel) kmemFileAddr(d *file.Description) uint64 {
	return kmemAddr(kmemFile, d.Number(&k.fileNumbers)<<12)
}

// kmemGid is the group kmem (etc/group), whose the devices are.
const kmemGid = 2

// KmemDevice is /dev/kmem, and MemDevice /dev/mem, with the modes of MAKEDEV(8). EPERM: to write, as at a raised securelevel.
func (k *Kernel) KmemDevice() vfs.Device { return k.memDevice(1) }

// MemDevice is physical memory, of which there is none to read.
func (k *Kernel) MemDevice() vfs.Device { return k.memDevice(0) }

func (k *Kernel) memDevice(minor uint32) vfs.Device {
	st := vfs.DevStat(netbsd.TimespecAt(k.BootTime), 2, minor, 0o640)
	return kmemDevice(st, func(l *kern.LWP, st file.Stat) file.File {
		if minor == 1 {
			l.Proc().SetKmem()
		}
		return &kernMemory{k: k, st: st, empty: minor == 0}
	})
}

// DrumDevice is /dev/drum, which kvm(3) opens beside them. There is no swap: a read fails.
func (k *Kernel) DrumDevice() vfs.Device {
	st := vfs.DevStat(netbsd.TimespecAt(k.BootTime), 4, 0, 0o640)
	return kmemDevice(st, func(_ *kern.LWP, st file.Stat) file.File { return &kernMemory{k: k, st: st, empty: true} })
}

// kmemDevice is a device of group kmem, which is read by that group and the superuser alone, whoever toaster's user is. EACCES, EPERM.
func kmemDevice(st file.Stat, open func(*kern.LWP, file.Stat) file.File) vfs.Device {
	st.GID = kmemGid
	return vfs.Device{Stat: st, Open: func(v vfs.View, flags int) (*file.Description, netbsd.Errno) {
		l, ok := v.L.(*kern.LWP)
		if !ok {
			return nil, netbsd.ENXIO
		}
		if c := l.Proc().Cred(); !c.IsRoot() && !c.InGroup(kmemGid) {
			return nil, netbsd.EACCES
		}
		if flags&netbsd.O_ACCMODE != netbsd.O_RDONLY {
			return nil, netbsd.EPERM
		}
		return file.New(open(l, st), flags), 0
	}}
}

// kernMemory is an open /dev/kmem, or, empty, another such device.
type kernMemory struct {
	file.Base
	k     *Kernel
	st    file.Stat
	empty bool
	pos   atomic.Int64
}

// Stat implements file.File.
func (f *kernMemory) Stat() (file.Stat, netbsd.Errno) { return f.st, 0 }

// AnyOffset implements file.AnyOffset (spec_seek).
func (f *kernMemory) AnyOffset() bool { return true }

// Lseek implements file.File.
func (f *kernMemory) Lseek(off int64, whence int) (int64, netbsd.Errno) {
	switch whence {
	case netbsd.SEEK_SET:
		f.pos.Store(off)
		return off, 0
	case netbsd.SEEK_CUR:
		return f.pos.Add(off), 0
	}
	return 0, netbsd.EINVAL
}

// Read implements file.File.
func (f *kernMemory) Read(c file.Call, b []byte) (int, netbsd.Errno) {
	n, errno := f.Pread(c, b, f.pos.Load())
	f.pos.Add(int64(n))
	return n, errno
}

// Pread is dev_kmem_readwrite, page by page. EFAULT: nothing is there.
func (f *kernMemory) Pread(c file.Call, b []byte, off int64) (n int, errno netbsd.Errno) {
	l, ok := c.L.(*kern.LWP)
	if !ok || f.empty {
		return 0, netbsd.EFAULT
	}
	var page [netbsd.PageSize]byte
	m := kmem{k: f.k, v: View(l)}
	for n < len(b) {
		addr := uint64(off) + uint64(n)
		clear(page[:])
		if !m.fill(page[:], addr&^(netbsd.PageSize-1)) {
			if n > 0 {
				return n, 0
			}
			return 0, netbsd.EFAULT
		}
		n += copy(b[n:], page[addr%netbsd.PageSize:])
	}
	return n, 0
}

// kmem makes pages for an LWP that reads.
type kmem struct {
	k *Kernel
	v vfs.View
}

// fill makes the page at an address; b is cleared. It reports false if there is none.
func (m *kmem) fill(b []byte, addr uint64) bool {
	if addr < kmemBase {
		return false
	}
	at := addr & (1<<kmemShift - 1)
	switch addr << 17 >> 17 >> kmemShift {
	case kmemProc:
		return m.proc(b, int(at>>12))
	case kmemTable:
		return m.table(b, int(at>>20), int(at%(1<<20)))
	case kmemFd:
		return m.fdfiles(b, int(at>>23), int(at%(1<<23)>>6))
	case kmemFile:
		return m.file(b, at>>12)
	case kmemMount:
		return m.mount(b, at>>12)
	case kmemDomain:
		return m.domain(b, int(at>>12))
	}
	return false
}

// files are the descriptors of a process, in order.
func (m *kmem) files(pid int) (t *file.Table, open []int) {
	if p := m.k.M.Find(pid); p != nil {
		if files, ok := p.Files().(Files); ok {
			open = files.Open()
			for len(open) > 0 && open[len(open)-1] >= kmemMaxFd {
				open = open[:len(open)-1]
			}
			return files.Table, open
		}
	}
	return nil, nil
}

// proc is what a process has: fd_free and fd_lastfile as find_last_set leaves them.
func (m *kmem) proc(b []byte, pid int) bool {
	t, open := m.files(pid)
	if t == nil {
		return false
	}
	dirs := dirsOf(m.k.M.Find(pid))
	if dirs == nil {
		return false
	}
	last, free := -1, 0
	if len(open) > 0 {
		last = open[len(open)-1]
	}
	for free < len(open) && open[free] == free {
		free++
	}
	netbsd.PutKernFiledesc(b, kmemTableAddr(pid), last, free)
	here, root := kmemProcAddr(pid), uint64(0)
	view := vfs.View{Dirs: dirs, L: m.v.L}
	if m.directory(b[atCdir:], here+atCdir, view, "."); dirs.Chrooted() {
		root = here + atRdir
		m.directory(b[atRdir:], root, view, "/")
	}
	netbsd.PutKernCwdinfo(b[atCwdinfo:], here+atCdir, root, dirs.Mask())
	return true
}

// directory is the vnode of one, at an address; VNON if it cannot be looked at.
func (m *kmem) directory(b []byte, at uint64, v vfs.View, name string) {
	st, errno := v.Stat(netbsd.AT_FDCWD, name, true)
	fs, errno2 := v.Statvfs(name)
	if errno == 0 && errno2 == 0 {
		m.vnode(b, at, &st, &fs)
	}
}

// table is a page of fdtab: dt_nfiles, then, from the first page's 16 on, a pointer for each descriptor.
func (m *kmem) table(b []byte, pid, from int) bool {
	t, open := m.files(pid)
	if t == nil {
		return false
	}
	n := 0
	if len(open) > 0 {
		n = open[len(open)-1] + 1
	}
	if from >= netbsd.KernFdtabFiles+8*n && from > 0 {
		return false
	}
	if from == 0 {
		binary.LittleEndian.PutUint32(b, uint32(n))
	}
	for _, fd := range open {
		if at := netbsd.KernFdtabFiles + 8*fd - from; at >= 0 && at < len(b) {
			binary.LittleEndian.PutUint64(b[at:], kmemFdAddr(pid, fd))
		}
	}
	return true
}

// fdfiles is a page of fdfiles, from one on.
func (m *kmem) fdfiles(b []byte, pid, from int) bool {
	t, open := m.files(pid)
	found := false
	for _, fd := range open {
		if fd < from || fd >= from+netbsd.PageSize>>6 {
			continue
		}
		if d, errno := t.Get(fd); errno == 0 {
			flags, _ := t.FDFlags(fd)
			netbsd.PutKernFdfile(b[(fd-from)<<6:], m.k.kmemFileAddr(d), flags&netbsd.FD_CLOEXEC != 0)
			found = true
			d.Release()
		}
	}
	return found
}

// mount is a file system of the reader's list.
func (m *kmem) mount(b []byte, i uint64) bool {
	list, _ := m.v.Mounts()
	if i >= uint64(len(list)) {
		return false
	}
	netbsd.PutKernMount(b, &list[i])
	netbsd.PutKernUfsmount(b[atUfs:], kmemAddr(kmemMount, i<<12))
	return true
}

// mountAddr is where the file system is that is described; the root's where it is in no list.
func (m *kmem) mountAddr(fs *netbsd.Statvfs) uint64 {
	list, _ := m.v.Mounts()
	for i := range list {
		if list[i].MountedOn == fs.MountedOn {
			return kmemAddr(kmemMount, uint64(i)<<12)
		}
	}
	return kmemAddr(kmemMount, 0)
}

// domain is a domain of sockets and its protocols.
func (m *kmem) domain(b []byte, family int) bool {
	name, ok := map[int]string{netbsd.AF_LOCAL: "unix", netbsd.AF_INET: "internet", netbsd.AF_INET6: "internet6", netbsd.AF_ROUTE: "route"}[family]
	if !ok {
		return false
	}
	here := kmemAddr(kmemDomain, uint64(family)<<12)
	netbsd.PutKernDomain(b, family, here+atDomName)
	copy(b[atDomName:atProtosw], name)
	for typ := netbsd.SOCK_STREAM; typ <= netbsd.SOCK_SEQPACKET; typ++ {
		netbsd.PutKernProtosw(b[atProtosw+protoSize*typ:], typ, here, inetProtocol(family, typ))
	}
	return true
}

// inetProtocol is the protocol that a type of sockets has where the socket does not say.
func inetProtocol(family, typ int) int {
	if family == netbsd.AF_INET || family == netbsd.AF_INET6 {
		switch typ {
		case netbsd.SOCK_STREAM:
			return netbsd.IPPROTO_TCP
		case netbsd.SOCK_DGRAM:
			return netbsd.IPPROTO_UDP
		case netbsd.SOCK_RAW:
			return netbsd.IPPROTO_RAW
		}
	}
	return 0
}

// find looks for the open file of a number; the reference is the caller's.
func (m *kmem) find(number uint64) (found *file.Description) {
	m.k.eachOpen(func(d *file.Description) {
		if found == nil && d.Number(&m.k.fileNumbers) == number {
			found = d.Ref()
		}
	})
	return found
}

// file is an open file with what it is of.
func (m *kmem) file(b []byte, number uint64) bool {
	d := m.find(number)
	if d == nil {
		return false
	}
	defer d.Release()
	here := m.k.kmemFileAddr(d)
	f := netbsd.KernFile{Data: here + atObject, Flag: uint32(d.Flags() + 1), Type: file.DtypeOf(d.File), Counts: uint32(min(d.References(), math.MaxInt32))}
	f.Ops = symbolAddr(fileops(d.File))
	if f.Type == netbsd.DTYPE_VNODE {
		f.Offset = position(d.File)
	}
	f.Encode(b)
	m.object(b, here, d)
	return true
}

// object is what f_data leads to.
func (m *kmem) object(b []byte, here uint64, d *file.Description) {
	o := b[atObject:]
	switch f := d.File.(type) {
	case *socket.Socket:
		m.socket(b, here, f)
		return
	case *kqueue.Queue:
		netbsd.PutKernKqueue(o, int(f.ReadCount()))
		return
	case *file.Memfd:
		netbsd.PutKernMemfd(o, f.Name(), f.Seals())
		return
	}
	switch file.DtypeOf(d.File) {
	case netbsd.DTYPE_PIPE:
		netbsd.PutKernPipe(o, m.peer(d))
	case netbsd.DTYPE_SEM:
		m.sem(b, here, d.File)
	case netbsd.DTYPE_VNODE:
		st, errno := d.File.Stat()
		fs, errno2 := m.v.Fstatvfs(d)
		if errno2 != 0 {
			fs, errno2 = m.v.Statvfs("/") // a device of the machine's: /dev is in the root
		}
		if errno == 0 && errno2 == 0 {
			m.vnode(o, here+atObject, &st, &fs)
		}
	}
}

// peer is where the other end of a pipe is, 0 if nobody has it open.
func (m *kmem) peer(d *file.Description) (addr uint64) {
	m.k.eachOpen(func(o *file.Description) {
		if file.ArePeers(d.File, o.File) {
			addr = m.k.kmemFileAddr(o) + atObject
		}
	})
	return addr
}

func (m *kmem) sem(b []byte, here uint64, f file.File) {
	i, _ := file.SemInfoOf(f)
	k := netbsd.KernKsem{Refs: i.Open, Value: int(i.Value), Waiters: i.Sleepers, Mode: i.Mode, UID: i.UID, GID: i.GID}
	if i.Unlinked {
		k.Flags = 1 // KS_UNLINKED
	}
	if i.Name != "" {
		k.Name, k.NameLen = here+atName, len(i.Name)+1
		copy(b[atName:], i.Name)
	}
	k.Encode(b[atObject:])
}

// vnode is one at an address, with an inode behind it: all file systems but procfs(5) look as ffs does.
func (m *kmem) vnode(b []byte, at uint64, st *file.Stat, fs *netbsd.Statvfs) {
	tag, mount := uint32(netbsd.VT_UFS), m.mountAddr(fs)
	if fs.Type == "procfs" {
		tag = netbsd.VT_PROCFS
	}
	netbsd.PutKernVnode(b, vnodeTypes[st.Mode>>12&0xf], tag, mount, at+atInode)
	n := netbsd.KernInode{Vnode: at, Mount: mount + atUfs, Dinode: at + atDinode, Dev: st.Dev, Ino: st.Ino, Mode: st.Mode, Size: st.Size, UID: st.UID, GID: st.GID}
	n.Encode(b[atInode:])
	netbsd.PutKernDinode(b[atDinode:], st.Mode, st.Rdev)
}

// socket is one with its control block; of a local one with the names of both sides.
func (m *kmem) socket(b []byte, here uint64, s *socket.Socket) {
	pcb := kinfoPcb(s, inetProtocol(s.Family(), s.Type()))
	proto := kmemAddr(kmemDomain, uint64(s.Family())<<12) + atProtosw + protoSize*uint64(s.Type())
	netbsd.PutKernSocket(b[atObject:], s.Type(), int(pcb.State), here+atPcb, proto)
	switch s.Family() {
	case netbsd.AF_INET, netbsd.AF_INET6:
		src, _ := s.Name()
		dst, _ := s.Peer()
		src.Family = uint8(s.Family())
		netbsd.PutKernInpcb(b[atPcb:], here+atObject, src, dst)
	case netbsd.AF_LOCAL:
		src, dst := localName(pcb.Src), localName(pcb.Dst)
		own, to := uint64(0), uint64(0)
		if len(src) > 0 {
			own = here + atName
			copy(b[atName:atPeer], src)
		}
		if len(dst) > 0 {
			to = here + atPeer
			copy(b[atPeerTo:atUfs], dst)
			netbsd.PutKernUnpcb(b[atPeer:], 0, here+atPcb, here+atPeerTo, len(dst))
		}
		netbsd.PutKernUnpcb(b[atPcb:], here+atObject, to, own, len(src))
	}
}

// localName is a struct sockaddr_un as the kernel keeps it, with a zero byte behind; nothing for one without a name.
func localName(b []byte) []byte {
	if len(b) <= 2 || b[2] == 0 {
		return nil
	}
	return append(b[:len(b):len(b)], 0)
}
