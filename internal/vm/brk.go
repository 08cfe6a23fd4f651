package vm

import "toaster/netbsd"

// SetBreak says where the program's data begin, and where they end, which is where the break area begins.
func (m *Map) SetBreak(data, end uint64) {
	m.data, m.brkStart, m.brkEnd = data&^(PageSize-1), pageUp(end), pageUp(end)
}

// SetText says how long the program's text is (vm_tsize), and Sizes how long that and the data are, with what break(2) has added, in whole pages.
func (m *Map) SetText(size uint64) { m.text = pageUp(size) }

// Sizes implements what SetText says.
func (m *Map) Sizes() (text, data uint64) { return m.text, max(m.brkEnd, m.data) - m.data }

// Break returns the current break area.
func (m *Map) Break() (start, end uint64) { return m.brkStart, m.brkEnd }

// Brk is the break system call (obreak): it moves the end of the break area, up to
// limit bytes from the beginning of the data (RLIMIT_DATA). EINVAL below its start, ENOMEM beyond the limit, where something is mapped
// already, or for an address that is 0 once it is rounded up.
//
// As in sys_obreak pages count: the first break of libc, the end of the program's data, is seldom
// the beginning of one, and a program may go back to it.
func (m *Map) Brk(addr, limit uint64) ([]Op, netbsd.Errno) {
	end := pageUp(addr)
	switch {
	case end == 0:
		return nil, netbsd.ENOMEM
	case end < m.brkStart:
		return nil, netbsd.EINVAL
	case end-m.data > limit:
		return nil, netbsd.ENOMEM
	case end <= m.brkEnd:
		ops, errno := m.Unmap(end, m.brkEnd-end)
		if errno == 0 {
			m.brkEnd = end
		}
		return ops, errno
	case !m.Free(m.brkEnd, end-m.brkEnd):
		return nil, netbsd.ENOMEM
	}
	const rw = netbsd.PROT_READ | netbsd.PROT_WRITE
	r := Region{Start: m.brkEnd, End: end, Prot: rw, MaxProt: m.limit(rw, 0, protAll), Inherit: netbsd.MAP_INHERIT_COPY, Name: "heap"}
	m.replace(r.Start, r.End, r)
	m.brkEnd = end
	return []Op{{Kind: OpMap, Region: r}}, 0
}
