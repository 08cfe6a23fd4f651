package syscalls

import (
	"encoding/binary"
	"sync/atomic"

	"toaster/netbsd"
)

// This file has what nodes of sysctl(7) are made with.

// says adds what the node is for.
func (n sysctlNode) says(about string) sysctlNode {
	n.about = about
	return n
}

func sysctlInt(num int32, name string, v func(c *Call) int32) sysctlNode {
	return sysctlNode{num: num, name: name, kind: netbsd.CTLTYPE_INT, value: func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
		return binary.LittleEndian.AppendUint32(nil, uint32(v(c))), 0
	}}
}

// settableInt is an integer of the machine that the superuser may set to whatever value.
func settableInt(num int32, name string, v func(c *Call) *atomic.Int32) sysctlNode {
	n := sysctlInt(num, name, func(c *Call) int32 { return v(c).Load() })
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		v(c).Store(int32(le32(b)))
		return 0
	}
	return n
}

func sysctlBool(num int32, name string, v bool) sysctlNode {
	return sysctlNode{num: num, name: name, kind: netbsd.CTLTYPE_BOOL, value: func(*Call, []int32, uint64) ([]byte, netbsd.Errno) {
		if v {
			return []byte{1}, 0
		}
		return []byte{0}, 0
	}}
}

// sysctlTrigger is 0, and whatever the superuser sets it to has something done that needs no doing here.
func sysctlTrigger(num int32, name string) sysctlNode {
	n := sysctlInt(num, name, fixedInt(0))
	n.set = func(_ *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		return 0
	}
	return n
}

// secret has the superuser alone read it (CTLFLAG_PRIVATE).
func (n sysctlNode) secret() sysctlNode {
	n.private = true
	return n
}

func sysctlQuad(num int32, name string, v func(c *Call) uint64) sysctlNode {
	return sysctlNode{num: num, name: name, kind: netbsd.CTLTYPE_QUAD, value: func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
		return binary.LittleEndian.AppendUint64(nil, v(c)), 0
	}}
}

func sysctlString(num int32, name string, v func(c *Call) string) sysctlNode {
	return sysctlNode{num: num, name: name, kind: netbsd.CTLTYPE_STRING, value: func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
		return append([]byte(v(c)), 0), 0
	}}
}

// sysctlStruct has a value whose bytes are made at once.
func sysctlStruct(num int32, name string, v func(c *Call) []byte) sysctlNode {
	return sysctlNode{num: num, name: name, kind: netbsd.CTLTYPE_STRUCT, value: func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
		return v(c), 0
	}}
}

// sysctlDir has children, or none.
func sysctlDir(num int32, name string, children ...sysctlNode) sysctlNode {
	return sysctlNode{num: num, name: name, kind: netbsd.CTLTYPE_NODE, children: children}
}

// sysctlTable is a node that takes names below it, of which it makes a list by itself.
func sysctlTable(num int32, name string, value func(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno)) sysctlNode {
	return sysctlNode{num: num, name: name, kind: netbsd.CTLTYPE_NODE, value: value}
}

func fixedInt(v int32) func(*Call) int32      { return func(*Call) int32 { return v } }
func fixedString(v string) func(*Call) string { return func(*Call) string { return v } }

// zeros is a structure of counters that toaster does not keep.
func zeros(size int) func(*Call) []byte { return func(*Call) []byte { return make([]byte, size) } }

func orDefault(v, otherwise int) int32 {
	if v == 0 {
		v = otherwise
	}
	return clampInt32(uint64(v))
}

// clampInt32 returns v as the int of an older node, which cannot hold more.
func clampInt32(v uint64) int32 { return int32(min(v, 1<<31-1)) }

// sysctlList is a table that stores what it lists by itself, element by element.
func sysctlList(num int32, name string, value func(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno)) sysctlNode {
	n := sysctlTable(num, name, value)
	n.lists = true
	return n
}

// with adds flags (CTLFLAG_HEX and its like).
func (n sysctlNode) with(flags uint32) sysctlNode {
	n.flags |= flags
	return n
}

// sysctlRefuse is a structure that is asked for in a way which is not served: it takes what it is asked about for its new value.
func sysctlRefuse(num int32, name string, errno netbsd.Errno) sysctlNode {
	return sysctlNode{num: num, name: name, kind: netbsd.CTLTYPE_STRUCT, below: true,
		value: func(*Call, []int32, uint64) ([]byte, netbsd.Errno) { return nil, errno }}
}
