package syscalls

import (
	"encoding/binary"
	"sync"

	"toaster/netbsd"
)

// This file serves __sysctl(2) (sysctl(3)): a tree of nodes as data, and a walk by numbers. What is
// asked of a node itself, by negative numbers, is in sysctl_query.go; what the nodes are worth is in
// the files of its families, sysctl_kern.go and the others.

const (
	ctlMaxName    = netbsd.CTL_MAXNAME
	ctlCreateBase = 1024 // the first of the numbers that nodes get which NetBSD's headers have none for (CREATE_BASE)
	ctlMaxNew     = 8192 // no value that can be set is longer
)

// sysctlNode is one node. A leaf has a value function, which sees what is left of
// the name below the node.
type sysctlNode struct {
	num   int32
	name  string
	kind  uint32 // CTLTYPE_*
	about string // what sysctl -d says
	below bool   // a leaf that takes names below it
	lists bool   // value stores what it lists, and its length, by itself
	value func(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno)
	// set takes a new value; nil: nobody can. Only the superuser may, but for a node that judges by
	// itself (CTLFLAG_ANYWRITE).
	set      func(c *Call, b []byte) netbsd.Errno
	anyWrite bool
	private  bool   // CTLFLAG_PRIVATE
	flags    uint32 // other CTLFLAG_*
	children []sysctlNode
	// found makes children that differ between machines; the call is nil for who asks of none.
	found func(c *Call) []sysctlNode
	// family makes the children of a node of the first level, when somebody first looks below it: few programs
	// ask for more than two of the families, and each start would make them all.
	family func() []sysctlNode
	// each makes the children of any number that is not negative (CTLFLAG_ANYNUMBER): the node has
	// one child that stands for all.
	each func(num int32) []sysctlNode
}

// sysctlRoot is all nodes. Its families are in files of their own.
var sysctlRoot = sysctlNode{kind: netbsd.CTLTYPE_NODE, flags: netbsd.CTLFLAG_READWRITE, children: []sysctlNode{
	{num: netbsd.CTL_KERN, name: "kern", kind: netbsd.CTLTYPE_NODE, about: "High kernel", family: sync.OnceValue(kernNodes)},
	{num: netbsd.CTL_VM, name: "vm", kind: netbsd.CTLTYPE_NODE, about: "Virtual memory", family: sync.OnceValue(vmNodes)},
	{num: netbsd.CTL_VFS, name: "vfs", kind: netbsd.CTLTYPE_NODE, about: "File systems", family: sync.OnceValue(vfsNodes)},
	{num: netbsd.CTL_NET, name: "net", kind: netbsd.CTLTYPE_NODE, about: "Networking", family: sync.OnceValue(netNodes)},
	{num: netbsd.CTL_HW, name: "hw", kind: netbsd.CTLTYPE_NODE, about: "Generic hardware", family: sync.OnceValue(hwNodes)},
	{num: netbsd.CTL_MACHDEP, name: "machdep", kind: netbsd.CTLTYPE_NODE, about: "Machine dependent", family: sync.OnceValue(machdepNodes)},
	{num: netbsd.CTL_USER, name: "user", kind: netbsd.CTLTYPE_NODE, about: "User-level"}, // libc has its nodes
	{num: netbsd.CTL_DDB, name: "ddb", kind: netbsd.CTLTYPE_NODE, about: "In-kernel debugger", family: sync.OnceValue(ddbNodes)},
	{num: netbsd.CTL_PROC, name: "proc", kind: netbsd.CTLTYPE_NODE, about: "Per-process", each: procNodes},
	{num: netbsd.CTL_DEBUG, name: "debug", kind: netbsd.CTLTYPE_NODE, about: "Debugging", family: sync.OnceValue(debugNodes)},
	{num: netbsd.CTL_VENDOR, name: "vendor", kind: netbsd.CTLTYPE_NODE, about: "Vendors", flags: netbsd.CTLFLAG_READWRITE},
	{num: netbsd.CTL_EMUL, name: "emul", kind: netbsd.CTLTYPE_NODE, about: "Emulations"},
	{num: netbsd.CTL_SECURITY, name: "security", kind: netbsd.CTLTYPE_NODE, about: "Security", family: sync.OnceValue(securityNodes)},
}}

// sysctl is __sysctl(2): (const int *name, u_int namelen, void *oldp, size_t *oldlenp,
// const void *newp, size_t newlen). ENOENT for an unknown name, EINVAL for a node
// that is not a leaf, ENOTDIR for a name below one, ENOMEM with *oldlenp set where oldp is too small. EPERM for a
// write to a node that cannot be written, or by others than the superuser; EINVAL for a new value of
// the wrong size.
func sysctl(c *Call) netbsd.Errno {
	name, errno := sysctlName(c)
	if errno != 0 {
		return errno
	}
	c.ktraceMib(name)
	oldp, oldlenp := c.Ptr(2), c.Ptr(3)
	var oldlen uint64
	if oldlenp != 0 {
		b, errno := c.in(oldlenp, 8)
		if errno != 0 {
			return errno
		}
		oldlen = binary.LittleEndian.Uint64(b)
	}
	newp, newlen := c.Ptr(4), c.Ptr(5)
	write := newp != 0 && newlen != 0
	value, node, errno := sysctlValue(c, name, oldlen, write)
	if errno == 0 && (node == nil || !node.lists) {
		errno = sysctlReturn(c, value, oldp, oldlenp, oldlen)
	}
	if errno != 0 || !write || node == nil {
		return errno
	}
	return node.change(c, newp, newlen)
}

// change takes the node's new value from the caller's memory.
func (n *sysctlNode) change(c *Call, newp, newlen uint64) netbsd.Errno {
	if newlen > ctlMaxNew {
		return netbsd.EINVAL
	}
	b := make([]byte, newlen) // the call's scratch space may be too small
	if errno := c.Space.Read(newp, b); errno != 0 {
		return errno
	}
	return n.set(c, b)
}

func sysctlName(c *Call) ([]int32, netbsd.Errno) {
	n := c.Uint32(1)
	if n < 1 || n > ctlMaxName {
		return nil, netbsd.EINVAL
	}
	b, errno := c.in(c.Ptr(0), int(4*n))
	if errno != 0 {
		return nil, errno
	}
	name := make([]int32, n)
	for i := range name {
		name[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return name, 0
}

// sysctlValue walks to a node. It returns its value, and the node where a new one may be set.
func sysctlValue(c *Call, name []int32, oldlen uint64, write bool) ([]byte, *sysctlNode, netbsd.Errno) {
	node := &sysctlRoot
	for i, num := range name {
		if num < 0 && i == len(name)-1 && node.value == nil {
			value, errno := sysctlMeta(c, node, num, write)
			return value, nil, errno
		}
		next := node.child(c, num)
		if next == nil {
			return nil, nil, netbsd.ENOENT
		}
		node = next
		if node.value == nil {
			continue
		}
		rest := name[i+1:]
		if node.kind != netbsd.CTLTYPE_NODE && !node.below && len(rest) > 0 {
			return nil, nil, netbsd.ENOTDIR
		}
		if node.kind == netbsd.CTLTYPE_NODE && len(rest) == 1 && rest[0] == netbsd.CTL_QUERY {
			return nil, nil, 0 // a table has no nodes
		}
		if node.private && !c.L.Proc().Cred().IsRoot() {
			return nil, nil, netbsd.EPERM
		}
		if write {
			if errno := node.mayWrite(c); errno != 0 {
				return nil, nil, errno
			}
		}
		value, errno := node.value(c, rest, oldlen)
		return value, node, errno
	}
	return nil, nil, netbsd.EINVAL // sysctl_lookup: a node that has others below it has no value
}

// mayWrite is what sysctl_lookup asks before it looks at values.
func (n *sysctlNode) mayWrite(c *Call) netbsd.Errno {
	if n.set == nil || !n.anyWrite && !c.L.Proc().Cred().IsRoot() {
		return netbsd.EPERM
	}
	return 0
}

func (n *sysctlNode) child(c *Call, num int32) *sysctlNode {
	if n.each != nil {
		if num < 0 {
			return nil
		}
		return &sysctlNode{num: num, kind: netbsd.CTLTYPE_NODE, children: n.each(num)}
	}
	below := n.nodes(c)
	for i := range below {
		if below[i].num == num {
			return &below[i]
		}
	}
	return nil
}

// nodes returns n's children, which are shared: the caller must not change them.
func (n *sysctlNode) nodes(c *Call) []sysctlNode {
	switch {
	case n.family != nil:
		return n.family()
	case n.found != nil:
		return n.found(c)
	}
	return n.children
}

// sysctlReturn stores what fits; the true length always goes to *oldlenp.
func sysctlReturn(c *Call, value []byte, oldp, oldlenp, oldlen uint64) netbsd.Errno {
	var result netbsd.Errno
	if oldp != 0 {
		n := uint64(len(value))
		if n > oldlen {
			n, result = oldlen, netbsd.ENOMEM
		}
		if errno := c.copyout(oldp, value[:n]); errno != 0 {
			return errno
		}
	}
	if oldlenp != 0 {
		b := binary.LittleEndian.AppendUint64(c.scratch[:0], uint64(len(value)))
		if errno := c.copyout(oldlenp, b); errno != 0 {
			return errno
		}
	}
	return result
}
