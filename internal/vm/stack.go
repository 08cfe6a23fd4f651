package vm

import "toaster/netbsd"

const stackProt = netbsd.PROT_READ | netbsd.PROT_WRITE

// stackEnd is how much of the stack can be touched under a limit: whole pages.
func stackEnd(limit uint64) uint64 { return pageUp(min(limit, netbsd.MAXSSIZ)) }

// Stack maps the stack of a new program, which has been given nothing there yet: MAXSSIZ below the top, of
// which as much as limit says can be touched (exec_setup_stack). The rest may become so, PaX MPROTECT or not.
func (m *Map) Stack(limit uint64) (ops []Op, errno netbsd.Errno) {
	const flags = netbsd.MAP_FIXED | netbsd.MAP_PRIVATE | netbsd.MAP_ANON
	low, split := uint64(Max-netbsd.MAXSSIZ), Max-stackEnd(limit)
	for _, q := range []Request{
		{Addr: low, Len: split - low, Prot: stackProt << 3}, // PROT_MPROTECT
		{Addr: split, Len: Max - split, Prot: stackProt},
	} {
		q.Flags, q.Name = flags, "stack"
		_, more, errno := m.Map(q)
		if errno != 0 {
			return nil, errno
		}
		ops = append(ops, more...)
	}
	return ops, 0
}

// LimitStack is what dosetrlimit does when the limit of the stack changes: what is between the two can be
// touched from then on, or no longer, whatever is mapped there now. What mprotect(2) would refuse stays as it is.
func (m *Map) LimitStack(from, to uint64) []Op {
	from, to = stackEnd(from), stackEnd(to)
	switch {
	case from < to:
		ops, _ := m.Protect(Max-to, to-from, stackProt)
		return ops
	case from > to:
		ops, _ := m.Protect(Max-from, from-to, netbsd.PROT_NONE)
		return ops
	}
	return nil
}
