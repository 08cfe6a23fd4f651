package syscalls

import (
	"bytes"
	"encoding/binary"
	"sync"

	"toaster/netbsd"
)

// This file has nodes of sysctl(7) that keep what the superuser sets, for each machine.

// option is the value of such a node. Options are made once with the tree; machines differ in what is set.
type option struct{ otherwise []byte }

// options are what has been set: no more than the tree has options, each no longer than its node takes.
type options struct{ set sync.Map } // *option to []byte, which nobody changes

// of returns the option's value in a machine. The caller must not change it.
func (o *option) of(k *Kernel) []byte {
	if k != nil {
		if b, ok := k.options.set.Load(o); ok {
			return b.([]byte)
		}
	}
	return o.otherwise
}

func (o *option) put(k *Kernel, b []byte) { k.options.set.Store(o, bytes.Clone(b)) }

func (o *option) number(k *Kernel) int64 { return signed(o.of(k)) }

// text returns a string's bytes before its NUL.
func (o *option) text(k *Kernel) string {
	b, _, _ := bytes.Cut(o.of(k), []byte{0})
	return string(b)
}

// signed is the number in the 1, 4 or 8 bytes of a bool, an int or a quad.
func signed(b []byte) int64 {
	switch len(b) {
	case 1:
		return int64(b[0])
	case 4:
		return int64(int32(le32(b)))
	}
	return int64(le64(b))
}

// intOption, quadOption and boolOption have the value that NetBSD's kernel starts with.
func intOption(v int32) *option   { return &option{binary.LittleEndian.AppendUint32(nil, uint32(v))} }
func quadOption(v uint64) *option { return &option{binary.LittleEndian.AppendUint64(nil, v)} }
func boolOption(v bool) *option {
	if v {
		return &option{[]byte{1}}
	}
	return &option{[]byte{0}}
}

func (o *option) node(num int32, name string, kind uint32) sysctlNode {
	return sysctlNode{num: num, name: name, kind: kind,
		value: func(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) { return bytes.Clone(o.of(c.K)), 0 },
		set: func(c *Call, b []byte) netbsd.Errno {
			if len(b) != len(o.otherwise) || kind == netbsd.CTLTYPE_BOOL && b[0] > 1 {
				return netbsd.EINVAL
			}
			o.put(c.K, b)
			return 0
		}}
}

// settable is an integer that may have whatever value (sysctl_lookup).
func settable(num int32, name string, v int32, about string) sysctlNode {
	return intOption(v).node(num, name, netbsd.CTLTYPE_INT).says(about)
}

// settableIn is one from lo to hi. EINVAL: the new value is not.
func settableIn(num int32, name string, v int32, lo, hi int64, about string) sysctlNode {
	return settable(num, name, v, about).judged(inRange(lo, hi))
}

func settableBool(num int32, name string, v bool, about string) sysctlNode {
	return boolOption(v).node(num, name, netbsd.CTLTYPE_BOOL).says(about)
}

func settableQuad(num int32, name string, v uint64, about string) sysctlNode {
	return quadOption(v).node(num, name, netbsd.CTLTYPE_QUAD).says(about)
}

// settableText is a string of room bytes, its NUL included.
func settableText(num int32, name, v string, room int, about string) sysctlNode {
	o := &option{append([]byte(v), 0)}
	n := sysctlString(num, name, func(c *Call) string { return o.text(c.K) }).says(about)
	n.set = setString(room, func(c *Call, s string) netbsd.Errno {
		o.put(c.K, append([]byte(s), 0))
		return 0
	})
	return n
}

// constant is an integer that nobody sets.
func constant(num int32, name string, v int32, about string) sysctlNode {
	return sysctlInt(num, name, fixedInt(v)).says(about)
}

// counters is a structure of so many counters of 64 bits, of what never happens here.
func counters(num int32, name string, n int, about string) sysctlNode {
	return sysctlStruct(num, name, zeros(8*n)).says(about)
}

// judged has a number pass a test before it is set.
func (n sysctlNode) judged(judge func(c *Call, v int64) netbsd.Errno) sysctlNode {
	set, size := n.set, int(n.describe(nil).Size)
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != size {
			return netbsd.EINVAL
		}
		if errno := judge(c, signed(b)); errno != 0 {
			return errno
		}
		return set(c, b)
	}
	return n
}

func inRange(lo, hi int64) func(*Call, int64) netbsd.Errno {
	return func(_ *Call, v int64) netbsd.Errno {
		if v < lo || v > hi {
			return netbsd.EINVAL
		}
		return 0
	}
}

const maxInt = 1<<31 - 1

// withNumbers numbers the nodes of a family that have netbsd.CTL_CREATE for a number: each has the next after the last of its siblings, from
// CREATE_BASE on (sysctl_create).
func withNumbers(list []sysctlNode) []sysctlNode {
	next := int32(ctlCreateBase)
	for i := range list {
		next = max(next, list[i].num+1)
	}
	for i := range list {
		if list[i].num == netbsd.CTL_CREATE {
			list[i].num = next
			next++
		}
		withNumbers(list[i].children)
	}
	return list
}
