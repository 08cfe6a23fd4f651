package syscalls

import (
	"encoding/binary"

	"toaster/kern"
	"toaster/netbsd"
)

// Of vm.proc: the most that is asked for at a time, and the kinds and flags of struct kinfo_vmentry.
const (
	vmprocMost  = 10 << 20
	vmprocMap   = 1
	kveVnode    = 2
	kveAnon     = 5
	kveUnknown  = 255
	kveCOW      = 1
	kvePageable = 8
	kveDown     = 0x20
)

func vmProcNode() sysctlNode {
	n := sysctlList(netbsd.VM_PROC, "proc", vmProc).says("Memory of processes")
	n.kind, n.below = netbsd.CTLTYPE_STRUCT, true
	return n
}

// vmProc is vm.proc.map.PID.SIZE (fill_vmentries): the pieces of a process's memory; PID -1 is the caller. EINVAL: nothing else, and no such size.
// E2BIG: more room than is needed for any. ENOMEM: none for one. ENOSPC: not for all. ESRCH.
func vmProc(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno) {
	if len(rest) != 3 || rest[0] != vmprocMap {
		return nil, netbsd.EINVAL
	}
	size, old := uint64(uint32(rest[2])), c.Ptr(2)
	switch {
	case size == 0 || size > 2*netbsd.SizeofKinfoVmentry:
		return nil, netbsd.EINVAL
	case old != 0 && oldlen > vmprocMost:
		return nil, netbsd.E2BIG
	case old != 0 && oldlen < size:
		return nil, netbsd.ENOMEM
	}
	p := c.L.Proc()
	if rest[1] != -1 {
		p = c.K.M.Find(int(rest[1]))
	}
	if p == nil || !c.maySee(p) || p.State() >= kern.StateDead {
		return nil, netbsd.ESRCH
	}
	list, room := mappings(p), oldlen/size
	var b [netbsd.SizeofKinfoVmentry]byte
	for n := range list {
		if old == 0 || uint64(n) == room {
			break
		}
		list[n].encode(b[:])
		if errno := c.copyout(old+uint64(n)*size, b[:min(size, uint64(len(b)))]); errno != 0 {
			return nil, errno
		}
	}
	needed := uint64(len(list)) * size
	if at := c.Ptr(3); at != 0 {
		if errno := c.copyout(at, binary.LittleEndian.AppendUint64(c.scratch[:0], needed)); errno != 0 {
			return nil, errno
		}
	}
	if old != 0 && oldlen < needed {
		return nil, netbsd.ENOSPC
	}
	return nil, 0
}

// encode fills struct kinfo_vmentry. Of a file it has the number alone: neither its name nor its size are known of a mapping.
func (m *Mapping) encode(b []byte) {
	le := binary.LittleEndian
	clear(b)
	flags, wired, kind := uint32(kvePageable|kveDown), uint32(0), uint32(kveUnknown)
	if !m.Shared {
		flags |= kveCOW
	}
	if m.Wired {
		wired = 1
	}
	switch pages := uint32((m.End - m.Start) / netbsd.PageSize); {
	case m.Ino != 0:
		kind = kveVnode
		le.PutUint32(b[32:], pages)
		le.PutUint32(b[56:], 1) // uses of the object
		le.PutUint32(b[96:], 1) // VREG
	case m.Shared:
		kind = kveAnon
		le.PutUint32(b[32:], pages)
		le.PutUint32(b[56:], 1)
	}
	le.PutUint64(b, m.Start)
	le.PutUint64(b[8:], m.End)
	le.PutUint64(b[16:], uint64(m.Off))
	for at, v := range map[int]uint32{24: kind, 28: flags, 36: wired, 48: uint32(m.Prot), 52: uint32(m.MaxProt), 60: uint32(m.Inherit)} {
		le.PutUint32(b[at:], v)
	}
	le.PutUint64(b[64:], m.Ino)
}
