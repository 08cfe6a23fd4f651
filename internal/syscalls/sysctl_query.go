package syscalls

import (
	"encoding/binary"

	"toaster/netbsd"
)

// sysctlMeta answers what is asked of a node itself by a negative number (sysctl(7)): its children,
// or what they are for. No program makes nodes, removes or maps them: EPERM, EOPNOTSUPP for what no
// number means.
func sysctlMeta(c *Call, n *sysctlNode, num int32, write bool) ([]byte, netbsd.Errno) {
	switch num {
	case netbsd.CTL_QUERY:
		return sysctlQuery(n), 0
	case netbsd.CTL_DESCRIBE:
		return sysctlDescribe(c, n, write)
	case netbsd.CTL_CREATE, netbsd.CTL_CREATESYM, netbsd.CTL_DESTROY:
		if !write {
			return nil, netbsd.EINVAL
		}
		return nil, netbsd.EPERM
	}
	return nil, netbsd.EOPNOTSUPP
}

// listed are a node's children, as a query tells of them.
func (n *sysctlNode) listed() []sysctlNode {
	if n.each != nil {
		return []sysctlNode{{num: netbsd.PROC_CURPROC, name: "curproc", kind: netbsd.CTLTYPE_NODE, about: "Per-process settings", children: n.each(netbsd.PROC_CURPROC)}}
	}
	return n.nodes()
}

// sysctlQuery lists a node's children as struct sysctlnode.
func sysctlQuery(n *sysctlNode) []byte {
	list := n.listed()
	out := make([]byte, netbsd.SizeofSysctlnode*len(list))
	for i := range list {
		node := list[i].describe()
		if n.each != nil {
			node.Flags |= netbsd.CTLFLAG_ANYNUMBER
		}
		node.Encode(out[netbsd.SizeofSysctlnode*i:])
	}
	return out
}

// describe returns the node as a program sees it. The size of a value that varies is 0.
func (n *sysctlNode) describe() netbsd.Sysctlnode {
	s := netbsd.Sysctlnode{Flags: netbsd.SYSCTL_VERS_1 | netbsd.CTLFLAG_PERMANENT | n.kind, Num: n.num, Name: n.name}
	switch n.kind {
	case netbsd.CTLTYPE_INT:
		s.Size = 4
	case netbsd.CTLTYPE_QUAD:
		s.Size = 8
	case netbsd.CTLTYPE_BOOL:
		s.Size = 1
	case netbsd.CTLTYPE_NODE:
		count := uint64(len(n.nodes()))
		if n.each != nil {
			count = 1
		}
		s.Value, s.Size = count<<32|count, netbsd.SizeofSysctlnode*count
	}
	if n.set != nil {
		s.Flags |= netbsd.CTLFLAG_READWRITE
	}
	if n.anyWrite {
		s.Flags |= netbsd.CTLFLAG_ANYWRITE
	}
	if n.private {
		s.Flags |= netbsd.CTLFLAG_PRIVATE
	}
	return s
}

// sysctlDescribe lists what a node's children are for, or one of them, as struct sysctldesc: number,
// version, length, and the text with its NUL. The next one begins at a multiple of 4. ENOENT. EPERM: a description
// is to be set.
func sysctlDescribe(c *Call, n *sysctlNode, write bool) ([]byte, netbsd.Errno) {
	list := n.listed()
	if write {
		b, errno := c.in(c.Ptr(4), netbsd.SizeofSysctlnode)
		switch {
		case errno != 0:
			return nil, errno
		case binary.LittleEndian.Uint64(b[88:]) != 0: // sysctl_desc
			return nil, netbsd.EPERM
		}
		one := n.child(netbsd.DecodeSysctlnode(b).Num)
		if one == nil {
			return nil, netbsd.ENOENT
		}
		list = []sysctlNode{*one}
	}
	var out []byte
	for i := range list {
		out = appendDescription(out, &list[i])
	}
	return out, 0
}

func appendDescription(out []byte, n *sysctlNode) []byte {
	out = binary.LittleEndian.AppendUint32(out, uint32(n.num))
	out = binary.LittleEndian.AppendUint32(out, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(n.about)+1))
	out = append(append(out, n.about...), 0)
	return append(out, make([]byte, -len(out)&3)...)
}
