package syscalls

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"toaster/internal/sysv"
	"toaster/kern"
	"toaster/netbsd"
)

var le = binary.LittleEndian

// ram is a scripted address space: the pages that put has filled, and what the calls that
// change the map asked for.
type ram struct {
	mu    sync.Mutex
	pages map[uint64]*[pageSize]byte
	free  uint64 // where put goes on

	ipc      *sysv.IPC
	shm      sysv.Map
	shared   uint64       // bytes of it that were mapped
	borrowed atomic.Int32 // processes that vfork(2) has lent it to

	pieces []Mapping // what it says that it has

	asked  any          // what the last call that changes the map was given
	answer netbsd.Errno // what it answers
}

// Mappings implements Mapper.
func (m *ram) Mappings() []Mapping { return m.pieces }

const ramBase = 0x10000

func newRAM(ipc *sysv.IPC) *ram {
	return &ram{pages: map[uint64]*[pageSize]byte{}, free: ramBase, ipc: ipc}
}

// put stores b where there is nothing yet, aligned to 8, and returns where.
func (m *ram) put(b []byte) uint64 {
	m.mu.Lock()
	addr := m.free
	end := addr + uint64(len(b))
	for a := addr &^ (pageSize - 1); a < end+1; a += pageSize {
		if m.pages[a] == nil {
			m.pages[a] = new([pageSize]byte)
		}
	}
	m.free = (end + 7) &^ 7
	m.mu.Unlock()
	m.Write(addr, b)
	return addr
}

// each calls f with the part of every page that [addr, addr+n) has, up to the first page
// that is not there.
func (m *ram) each(addr uint64, n int, f func(part []byte)) netbsd.Errno {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n > 0 {
		page := m.pages[addr&^(pageSize-1)]
		if page == nil {
			return netbsd.EFAULT
		}
		part := page[addr&(pageSize-1):]
		part = part[:min(len(part), n)]
		f(part)
		addr, n = addr+uint64(len(part)), n-len(part)
	}
	return 0
}

// Read implements Space.
func (m *ram) Read(addr uint64, b []byte) netbsd.Errno {
	return m.each(addr, len(b), func(part []byte) { b = b[copy(b, part):] })
}

// Write implements Space.
func (m *ram) Write(addr uint64, b []byte) netbsd.Errno {
	return m.each(addr, len(b), func(part []byte) { b = b[copy(part, b):] })
}

// ReadString implements Space.
func (m *ram) ReadString(addr uint64, max int) (string, netbsd.Errno) {
	return (&pages{space: m}).string(addr, max)
}

// Backing implements Space: all memory is the process's own.
func (m *ram) Backing(addr uint64) (obj any, off uint64, errno netbsd.Errno) {
	return m, addr, m.Read(addr, make([]byte, 1))
}

// What the calls that change the map are given.
type (
	rangeArgs struct {
		Addr, Len uint64
		Arg       int
	}
	vecArgs  struct{ Addr, Len, Vec uint64 }
	lockArgs struct {
		Addr, Len uint64
		On        bool
	}
)

func (m *ram) ask(v any) netbsd.Errno {
	m.asked = v
	return m.answer
}

// Mmap implements Space, as do the following.
func (m *ram) Mmap(_ *Call, a MmapArgs) (uint64, netbsd.Errno) { return 0x7000_0000, m.ask(a) }

func (m *ram) Munmap(_ *Call, addr, length uint64) netbsd.Errno {
	return m.ask(rangeArgs{addr, length, 0})
}

func (m *ram) Mprotect(_ *Call, addr, length uint64, prot int) netbsd.Errno {
	return m.ask(rangeArgs{addr, length, prot})
}

func (m *ram) Madvise(_ *Call, addr, length uint64, advice int) netbsd.Errno {
	return m.ask(rangeArgs{addr, length, advice})
}

func (m *ram) Msync(_ *Call, addr, length uint64, flags int) netbsd.Errno {
	return m.ask(rangeArgs{addr, length, flags})
}

func (m *ram) Mincore(_ *Call, addr, length, vec uint64) netbsd.Errno {
	return m.ask(vecArgs{addr, length, vec})
}

func (m *ram) Mremap(_ *Call, a MremapArgs) (uint64, netbsd.Errno) { return 0x7100_0000, m.ask(a) }

func (m *ram) Minherit(_ *Call, addr, length uint64, inherit int) netbsd.Errno {
	return m.ask(rangeArgs{addr, length, inherit})
}

// CompareAndSwap changes a word for its only user.
func (m *ram) CompareAndSwap(_ *Call, addr uint64, old, to uint32) (uint32, netbsd.Errno) {
	var b [4]byte
	if errno := m.Read(addr, b[:]); errno != 0 {
		return 0, errno
	}
	was := le32(b[:])
	if was == old {
		putLE32(b[:], to)
		return was, m.Write(addr, b[:])
	}
	return was, 0
}

// LimitStack sets a limit of a stack of two pages.
func (m *ram) LimitStack(_ *Call, to uint64, set func(uint64) netbsd.Errno) netbsd.Errno {
	if errno := set(2 * netbsd.PageSize); errno != 0 {
		return errno
	}
	return m.ask(rangeArgs{to, 0, 0})
}

// Mlock refuses what wraps, as the map does, before it is asked.
func (m *ram) Mlock(_ *Call, addr, length uint64, on bool) netbsd.Errno {
	if addr+length < addr {
		return netbsd.ENOMEM
	}
	return m.ask(lockArgs{addr, length, on})
}

func (m *ram) Mlockall(_ *Call, flags int) netbsd.Errno { return m.ask(rangeArgs{Arg: flags}) }

func (m *ram) Brk(_ *Call, addr uint64) netbsd.Errno { return m.ask(rangeArgs{Addr: addr}) }

// Fork implements kern.AddressSpace.
func (m *ram) Fork(parent, child *kern.LWP, share bool) (kern.AddressSpace, netbsd.Errno) {
	cpu := *machineOf(parent)
	cpu.does, cpu.next = cpu.next, nil
	child.Platform().SetMachdep(&cpu)
	if share {
		m.borrowed.Add(1)
		return m, 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := &ram{pages: make(map[uint64]*[pageSize]byte, len(m.pages)), free: m.free, ipc: m.ipc}
	m.ipc.Shm.Fork(&m.shm, &n.shm)
	for a, page := range m.pages {
		copied := *page
		n.pages[a] = &copied
	}
	return n, 0
}

// Exit implements kern.AddressSpace.
func (m *ram) Exit(*kern.Proc, *kern.LWP) {
	if m.borrowed.Add(-1) < 0 {
		m.ipc.Shm.Exit(&m.shm)
	}
}

// machine is a scripted processor: what was set is what is read.
type machine struct {
	gregs [netbsd.NGREG]uint64
	fp    [netbsd.SizeofFpregs]byte
	x     netbsd.Xstate
	tls   uint64 // l_private
	fs    uint64
	gs    uint64
	link  uint64
	ended uint64 // the context that EndSignal was told of

	interrupted uint64 // the context that Interrupted was told of

	does func(*player) // what the LWP does, if it is not the first one; nil: it exits
	next func(*player) // what the next LWP or process does that it makes
}

// lwpctl is where the machine says that an LWP's struct lwpctl is.
const lwpctl = 0x7200_0000

// userEnd is where the addresses of user mode end (VM_MAXUSER_ADDRESS).
const userEnd = netbsd.StackTop

func (m *machine) Gregs(g *[netbsd.NGREG]uint64) { *g = m.gregs }

func (m *machine) CheckGregs(g *[netbsd.NGREG]uint64) netbsd.Errno {
	if g[netbsd.REG_RIP] >= userEnd {
		return netbsd.EINVAL
	}
	return 0
}

func (m *machine) SetGregs(g *[netbsd.NGREG]uint64) netbsd.Errno {
	if errno := m.CheckGregs(g); errno != 0 {
		return errno
	}
	m.gregs = *g
	return 0
}

func (m *machine) FP(fp *[512]byte)    { *fp = m.fp }
func (m *machine) SetFP(fp *[512]byte) { m.fp = *fp }
func (m *machine) TLSBase() uint64     { return m.tls }
func (m *machine) FSBase() uint64      { return m.fs }
func (m *machine) GSBase() uint64      { return m.gs }

func (m *machine) XState(x *netbsd.Xstate) { *x = m.x }

func (m *machine) SetDebugRegs(r *kern.DebugRegs) netbsd.Errno {
	if r[7]>>16&3 == 2 { // of DR0: a port
		return netbsd.EINVAL
	}
	return 0
}

func (m *machine) SetXState(x *netbsd.Xstate) netbsd.Errno {
	if x.RFBM()>>63 != 0 {
		return netbsd.EINVAL
	}
	m.x = *x
	return 0
}

func (m *machine) SetTLSBase(base uint64) netbsd.Errno {
	m.tls = base // lwp_setprivate
	return setBase(&m.fs, base)
}

func (m *machine) SetFSBase(base uint64) netbsd.Errno { return setBase(&m.fs, base) }
func (m *machine) SetGSBase(base uint64) netbsd.Errno { return setBase(&m.gs, base) }

func setBase(to *uint64, base uint64) netbsd.Errno {
	if base >= userEnd {
		return netbsd.EINVAL
	}
	*to = base
	return 0
}

func (m *machine) Fetched(uint64, []byte) bool { return false }

// FetchedPath and Return: a script's memory is the Space's alone.
func (m *machine) FetchedPath(uint64) (string, bool) { return "", false }

func (m *machine) Return(uint64, []byte) bool { return false }
func (m *machine) ShowCPU() uint64            { return lwpctl }
func (m *machine) Link() uint64               { return m.link }
func (m *machine) SetLink(uc uint64)          { m.link = uc }
func (m *machine) EndSignal(uc uint64)        { m.ended = uc }
func (m *machine) Interrupted(uc uint64)      { m.interrupted = uc }

// Peek implements Peeker.
func (m *ram) Peek(addr uint64, b []byte) bool { return m.Read(addr, b) == 0 }

// Poke implements Peeker.
func (m *ram) Poke(addr uint64, b []byte) bool { return m.Write(addr, b) == 0 }

// Attached implements Space.
func (m *ram) Attached() *sysv.Map { return &m.shm }

// MapShared implements Space: each mapping has a place of its own, unless it asks for one.
func (m *ram) MapShared(_ *Call, a SharedArgs) (uint64, netbsd.Errno) {
	if errno := m.ask(a); errno != 0 {
		return 0, errno
	}
	if a.Addr != 0 {
		return a.Addr, 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shared += a.Len
	return 0x7200_0000 + m.shared, 0
}

// sharedRAM is memory of which somebody has to say how often it was freed.
type sharedRAM struct{ freed atomic.Int32 }

func newSharedRAM(uint64) (sysv.Memory, netbsd.Errno) { return &sharedRAM{}, 0 }

// Free implements sysv.Memory.
func (s *sharedRAM) Free() { s.freed.Add(1) }
