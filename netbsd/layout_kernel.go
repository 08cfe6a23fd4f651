package netbsd

// This file has structures of NetBSD 11's own kernel on amd64, which programs read from /dev/kmem (kvm(3)): what fstat(1) goes by from
// a process to its files. Only fields that such a program looks at are stored; locks and lists of the kernel's are 0. The places are
// those of sys/filedesc.h, file.h, vnode.h, mount.h, socketvar.h and their like, and belong to this one release: on NetBSD, too, a
// program that reads the kernel has to be built with it.

// Sizes of these structures.
const (
	SizeofKernFiledesc = 776
	SizeofKernFdfile   = 40
	SizeofKernFile     = 96
	SizeofKernCwdinfo  = 128
	SizeofKernVnode    = 256
	SizeofKernInode    = 272
	SizeofKernMount    = 152 + SizeofStatvfs
	SizeofKernUfsmount = 240
	SizeofKernSocket   = 584
	SizeofKernProtosw  = 88
	SizeofKernDomain   = 240
	SizeofKernUnpcb    = 112
	SizeofKernPipe     = 248
	SizeofKernKqueue   = 120
	SizeofKernMemfd    = 584
	SizeofKernMqueue   = 864 // all 0: mq_name points to the name, and fstat(1) prints it without reading it
	SizeofKernKsem     = 104

	KernFdtabFiles = 16 // where dt_ff begins in struct fdtab
)

// Types of files and vnodes (sys/file.h, sys/vnode.h).
const (
	DTYPE_VNODE   = 1
	DTYPE_SOCKET  = 2
	DTYPE_PIPE    = 3
	DTYPE_KQUEUE  = 4
	DTYPE_MISC    = 5
	DTYPE_MQUEUE  = 7
	DTYPE_SEM     = 8
	DTYPE_EVENTFD = 9
	DTYPE_TIMERFD = 10
	DTYPE_MEMFD   = 11

	VT_UFS    = 1
	VT_PROCFS = 12

	kernUFS2 = 2 // um_fstype
)

// PutKernFiledesc stores struct filedesc: where the table of files is, the highest descriptor, -1 without any, and the lowest free one.
func PutKernFiledesc(b []byte, table uint64, last, free int) {
	le.PutUint64(b[392:], table)
	le.PutUint32(b[428:], uint32(int32(last)))
	le.PutUint32(b[432:], 1) // fd_refcnt
	le.PutUint32(b[448:], uint32(int32(free)))
}

// PutKernFdfile stores struct fdfile, a descriptor of an open file.
func PutKernFdfile(b []byte, file uint64, closeOnExec bool) {
	if closeOnExec {
		b[0] = 1
	}
	le.PutUint64(b[8:], file)
}

// KernFile is struct file.
type KernFile struct {
	Offset             int64
	Ops, Data          uint64
	Flag, Type, Counts uint32
}

// Encode stores it in cleared memory, as all of this file.
func (f *KernFile) Encode(b []byte) {
	le.PutUint64(b, uint64(f.Offset))
	le.PutUint64(b[16:], f.Ops)
	le.PutUint64(b[24:], f.Data)
	le.PutUint32(b[56:], f.Flag)
	le.PutUint32(b[64:], f.Type)
	le.PutUint32(b[72:], f.Counts)
}

// PutKernCwdinfo stores struct cwdinfo; root is 0 without chroot(2).
func PutKernCwdinfo(b []byte, cwd, root uint64, mask uint32) {
	le.PutUint64(b, cwd)
	le.PutUint64(b[8:], root)
	le.PutUint32(b[24:], mask&0xffff)
	le.PutUint32(b[28:], 1) // cwdi_refcnt
}

// PutKernVnode stores struct vnode.
func PutKernVnode(b []byte, vtype, tag uint32, mount, data uint64) {
	le.PutUint32(b[88:], 1) // v_usecount
	le.PutUint64(b[144:], mount)
	le.PutUint32(b[168:], vtype)
	le.PutUint32(b[172:], tag)
	le.PutUint64(b[176:], data)
}

// KernInode is struct inode of a file system of type ffs; the node on disk is at Dinode.
type KernInode struct {
	Vnode, Mount, Dinode uint64
	Dev, Ino             uint64
	Mode                 uint32
	Size                 int64
	UID, GID             uint32
}

// Encode stores it.
func (n *KernInode) Encode(b []byte) {
	le.PutUint64(b[32:], n.Vnode)
	le.PutUint64(b[40:], n.Mount)
	le.PutUint64(b[64:], n.Dev)
	le.PutUint64(b[72:], n.Ino)
	le.PutUint16(b[192:], uint16(n.Mode))
	le.PutUint64(b[200:], uint64(n.Size))
	le.PutUint32(b[216:], n.UID)
	le.PutUint32(b[220:], n.GID)
	le.PutUint64(b[264:], n.Dinode)
}

// PutKernDinode stores what struct ufs2_dinode has besides of a device.
func PutKernDinode(b []byte, mode uint32, rdev uint64) {
	le.PutUint16(b, uint16(mode))
	le.PutUint64(b[112:], rdev)
}

// PutKernMount stores struct mount.
func PutKernMount(b []byte, st *Statvfs) { st.Encode(b[152:]) }

// PutKernUfsmount stores struct ufsmount of the mount at an address.
func PutKernUfsmount(b []byte, mount uint64) {
	le.PutUint64(b, mount)
	le.PutUint64(b[24:], kernUFS2)
}

// PutKernSocket stores struct socket.
func PutKernSocket(b []byte, typ, state int, pcb, proto uint64) {
	le.PutUint16(b[24:], uint16(typ))
	le.PutUint16(b[30:], uint16(state))
	le.PutUint64(b[40:], pcb)
	le.PutUint64(b[48:], proto)
}

// PutKernProtosw stores struct protosw, the protocol of sockets of a type in a domain.
func PutKernProtosw(b []byte, typ int, domain uint64, proto int) {
	le.PutUint16(b, uint16(typ))
	le.PutUint64(b[8:], domain)
	le.PutUint16(b[16:], uint16(proto))
}

// PutKernDomain stores struct domain, whose name is at an address.
func PutKernDomain(b []byte, family int, name uint64) {
	le.PutUint32(b, uint32(family))
	le.PutUint64(b[8:], name)
}

// PutKernInpcb stores struct in4pcb or in6pcb, which begin with struct inpcb: the ports, as they are on the wire, and the addresses.
func PutKernInpcb(b []byte, socket uint64, src, dst Sockaddr) {
	const lport, fport, ip4, ip6 = 170, 168, 216, 216
	le.PutUint32(b[48:], uint32(src.Family))
	le.PutUint64(b[72:], socket)
	for _, a := range [...]struct {
		Sockaddr
		port, in4, in6 int
	}{{src, lport, ip4 + 12, ip6 + 8}, {dst, fport, ip4 + 16, ip6 + 24}} {
		if !a.Addr.IsValid() {
			continue
		}
		p := a.Addr.Port()
		b[a.port], b[a.port+1] = byte(p>>8), byte(p)
		if src.Family == AF_INET6 {
			ip := a.Addr.Addr().As16()
			copy(b[a.in6:], ip[:])
		} else if ip := a.Addr.Addr().Unmap(); ip.Is4() {
			copy(b[a.in4:], ip.AsSlice())
		}
	}
}

// PutKernUnpcb stores struct unpcb: the socket's, its peer's, and where its name is, of n bytes.
func PutKernUnpcb(b []byte, socket, peer, name uint64, n int) {
	le.PutUint64(b, socket)
	le.PutUint64(b[24:], peer)
	le.PutUint64(b[48:], name)
	le.PutUint64(b[64:], uint64(n))
}

// PutKernPipe stores struct pipe, an end of one.
func PutKernPipe(b []byte, peer uint64) { le.PutUint64(b[216:], peer) }

// PutKernKqueue stores struct kqueue: how many events are pending.
func PutKernKqueue(b []byte, pending int) { le.PutUint32(b[112:], uint32(pending)) }

// PutKernMemfd stores struct memfd.
func PutKernMemfd(b []byte, name string, seals int) {
	putStr(b[:256], name)
	le.PutUint32(b[528:], uint32(seals))
}

// KernKsem is struct ksem; its name is at an address.
type KernKsem struct {
	Refs, Value, Waiters int
	Flags, Mode          uint32
	UID, GID             uint32
	Name                 uint64
	NameLen              int
}

// Encode stores it.
func (k *KernKsem) Encode(b []byte) {
	le.PutUint32(b[60:], uint32(k.Refs))
	le.PutUint32(b[64:], uint32(k.Value))
	le.PutUint32(b[68:], uint32(k.Waiters))
	le.PutUint64(b[72:], k.Name)
	le.PutUint64(b[80:], uint64(k.NameLen))
	le.PutUint32(b[88:], k.Flags)
	le.PutUint32(b[92:], k.Mode)
	le.PutUint32(b[96:], k.UID)
	le.PutUint32(b[100:], k.GID)
}
