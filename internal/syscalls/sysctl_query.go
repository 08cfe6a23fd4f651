package syscalls

import (
	"encoding/binary"

	"toaster/netbsd"
)

// sysctlMeta answers what is asked of a node itself by a negative number (sysctl(7)): its children,
// or what they are for. No program makes nodes, removes or maps them. EOPNOTSUPP for what no number means.
func sysctlMeta(c *Call, n *sysctlNode, num int32, write bool) ([]byte, netbsd.Errno) {
	write = write || c.Ptr(4) != 0
	switch num {
	case netbsd.CTL_QUERY:
		if _, errno := c.nodeIn(); errno != 0 {
			return nil, errno
		}
		return sysctlQuery(c, n), 0
	case netbsd.CTL_DESCRIBE:
		return sysctlDescribe(c, n, write)
	case netbsd.CTL_CREATE, netbsd.CTL_CREATESYM, netbsd.CTL_DESTROY:
		return nil, sysctlChange(c, n, num)
	case netbsd.CTL_MMAP:
		return nil, sysctlMmap(c, n)
	}
	return nil, netbsd.EOPNOTSUPP
}

// sysctlChange is sysctl_create and sysctl_destroy. EPERM: nobody but the superuser may, not above security level 0, and below no node that is not to
// be written, as are vendor and the root; nor are nodes made there, or those taken away that have always been. ENOENT: there is none of this number.
func sysctlChange(c *Call, n *sysctlNode, num int32) netbsd.Errno {
	if n.flags&netbsd.CTLFLAG_READWRITE == 0 || !c.L.Proc().Cred().IsRoot() || c.secured() != 0 {
		return netbsd.EPERM
	}
	node, errno := c.nodeIn()
	switch {
	case errno != 0:
		return errno
	case num == netbsd.CTL_DESTROY && n.child(c, node.Num) == nil:
		return netbsd.ENOENT
	}
	return netbsd.EPERM
}

// nodeIn is sysctl_cvt_in: the struct sysctlnode that a request comes with. EINVAL: there is none, or it is of another size or version. EFAULT.
func (c *Call) nodeIn() (netbsd.Sysctlnode, netbsd.Errno) {
	if c.Ptr(4) == 0 || c.Ptr(5) < 4 {
		return netbsd.Sysctlnode{}, netbsd.EINVAL
	}
	b, errno := c.in(c.Ptr(4), 4)
	if errno != 0 {
		return netbsd.Sysctlnode{}, errno
	}
	if c.Ptr(5) != netbsd.SizeofSysctlnode || le32(b)&netbsd.SYSCTL_VERS_MASK != netbsd.SYSCTL_VERS_1 {
		return netbsd.Sysctlnode{}, netbsd.EINVAL
	}
	b, errno = c.in(c.Ptr(4), netbsd.SizeofSysctlnode)
	if errno != 0 {
		return netbsd.Sysctlnode{}, errno
	}
	node := netbsd.DecodeSysctlnode(b)
	if node.Ver != 0 {
		return node, netbsd.EINVAL // the tree has not changed since it was made
	}
	return node, 0
}

// sysctlMmap is sysctl_mmap, for which no node is made. ENOENT: there is none of this number.
func sysctlMmap(c *Call, n *sysctlNode) netbsd.Errno {
	if c.Ptr(4) == 0 || c.Ptr(5) != netbsd.SizeofSysctlnode {
		return netbsd.EINVAL
	}
	b, errno := c.in(c.Ptr(4), netbsd.SizeofSysctlnode)
	switch {
	case errno != 0:
		return errno
	case n.child(c, netbsd.DecodeSysctlnode(b).Num) == nil:
		return netbsd.ENOENT
	}
	return netbsd.EOPNOTSUPP
}

// listed are a node's children, as a query tells of them.
func (n *sysctlNode) listed(c *Call) []sysctlNode {
	if n.each != nil {
		return []sysctlNode{{num: netbsd.PROC_CURPROC, name: "curproc", kind: netbsd.CTLTYPE_NODE, about: "Per-process settings", children: n.each(netbsd.PROC_CURPROC)}}
	}
	return n.nodes(c)
}

// sysctlQuery lists a node's children as struct sysctlnode.
func sysctlQuery(c *Call, n *sysctlNode) []byte {
	list := n.listed(c)
	out := make([]byte, netbsd.SizeofSysctlnode*len(list))
	for i := range list {
		node := list[i].describe(c)
		if n.each != nil {
			node.Flags |= netbsd.CTLFLAG_ANYNUMBER
		}
		node.Encode(out[netbsd.SizeofSysctlnode*i:])
	}
	return out
}

// describe returns the node as a program sees it. The size of a value that varies is 0.
func (n *sysctlNode) describe(c *Call) netbsd.Sysctlnode {
	s := netbsd.Sysctlnode{Flags: netbsd.SYSCTL_VERS_1 | netbsd.CTLFLAG_PERMANENT | n.flags | n.kind, Num: n.num, Name: n.name}
	switch n.kind {
	case netbsd.CTLTYPE_INT:
		s.Size = 4
	case netbsd.CTLTYPE_QUAD:
		s.Size = 8
	case netbsd.CTLTYPE_BOOL:
		s.Size = 1
	case netbsd.CTLTYPE_NODE:
		count := uint64(len(n.nodes(c)))
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
// is to be set: nobody but the superuser may, not above security level 0, and never of a node of the kernel's.
func sysctlDescribe(c *Call, n *sysctlNode, write bool) ([]byte, netbsd.Errno) {
	list := n.listed(c)
	if write {
		node, errno := c.nodeIn()
		if errno != 0 {
			return nil, errno
		}
		b, errno := c.in(c.Ptr(4)+88, 8) // sysctl_desc
		if errno != 0 {
			return nil, errno
		}
		set := le64(b) != 0
		if set && (!c.L.Proc().Cred().IsRoot() || c.secured() != 0) {
			return nil, netbsd.EPERM
		}
		one := n.child(c, node.Num)
		switch {
		case one == nil:
			return nil, netbsd.ENOENT
		case set:
			return nil, netbsd.EPERM
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
