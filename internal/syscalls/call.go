package syscalls

import (
	"encoding/binary"
	"time"

	"toaster/internal/sysv"
	"toaster/kern"
	"toaster/netbsd"
)

// Handler serves one system call. It returns 0 and leaves results in c.Ret, or an
// errno. ERESTART makes the run loop rewind the guest to its syscall instruction;
// EJUSTRETURN leaves the registers as the handler set them.
type Handler func(c *Call) netbsd.Errno

// Call is one system call in flight. The run loop owns one per LWP and reuses it;
// a handler must not keep it.
type Call struct {
	L     *kern.LWP
	K     *Kernel
	Space Space
	CPU   CPU

	Nr   int
	Args [8]uint64
	Ret  [2]uint64

	// spec50 says that what the guest has for a struct timespec is a struct timespec50.
	spec50 bool

	// Napped says that the stub has slept a part of this nanosleep already, and Left how
	// much there still is, or a little more than was asked for.
	Napped bool
	Left   time.Duration

	// Part is how much of this read or write of a lent file the stub has moved already, less
	// than was asked for. Refused is the error if the host has refused it, 0 if not.
	Part    uint64
	Refused netbsd.Errno

	// Waited is how much of the time of this kevent(2) has passed in the stub already, from 0 on.
	Waited time.Duration

	scratch [512]byte
}

// Space is the caller's address space. Addresses and lengths are the guest's: any
// value is allowed and the answer for a bad one is EFAULT or EINVAL.
type Space interface {
	// Read fills b from addr: all of it, or EFAULT.
	Read(addr uint64, b []byte) netbsd.Errno
	// Write stores b at addr: all of it, or EFAULT with a prefix written.
	Write(addr uint64, b []byte) netbsd.Errno
	// CompareAndSwap changes the word at addr, which is aligned, to another one if it is old, in one step even for
	// others that have the memory. It returns what it was. EFAULT.
	CompareAndSwap(c *Call, addr uint64, old, to uint32) (uint32, netbsd.Errno)
	// ReadString reads up to a NUL; ENAMETOOLONG if there is none within max bytes.
	ReadString(addr uint64, max int) (string, netbsd.Errno)

	Mmap(c *Call, m MmapArgs) (uint64, netbsd.Errno)
	Munmap(c *Call, addr, length uint64) netbsd.Errno
	Mprotect(c *Call, addr, length uint64, prot int) netbsd.Errno
	Madvise(c *Call, addr, length uint64, advice int) netbsd.Errno
	Msync(c *Call, addr, length uint64, flags int) netbsd.Errno
	Mincore(c *Call, addr, length uint64, vec uint64) netbsd.Errno
	Mremap(c *Call, m MremapArgs) (uint64, netbsd.Errno)
	Minherit(c *Call, addr, length uint64, inherit int) netbsd.Errno
	// LimitStack is what setrlimit(2) does besides when the stack is limited to a number of bytes. It calls set with
	// how many of them have been used, which sets the limit or returns why not.
	LimitStack(c *Call, to uint64, set func(used uint64) netbsd.Errno) netbsd.Errno
	Mlock(c *Call, addr, length uint64, on bool) netbsd.Errno
	Mlockall(c *Call, flags int) netbsd.Errno
	Brk(c *Call, addr uint64) netbsd.Errno
	// Backing says which memory is mapped at addr: an object that every process has which
	// shares the memory, and the place in it; the space itself and addr for memory of its own.
	// What it returns can be compared. EFAULT: nothing is mapped.
	Backing(addr uint64) (obj any, off uint64, errno netbsd.Errno)

	// Attached is what of System V's shared memory is attached, and MapShared maps some.
	Attached() *sysv.Map
	MapShared(c *Call, m SharedArgs) (uint64, netbsd.Errno)
}

// CPU is the machine context of the calling LWP. It may be used by that LWP's
// goroutine alone, between its traps.
type CPU interface {
	// Gregs reads the general registers in the order of struct ucontext.
	Gregs(g *[netbsd.NGREG]uint64)
	// CheckGregs is what SetGregs would say; nothing is set.
	CheckGregs(g *[netbsd.NGREG]uint64) netbsd.Errno
	// SetGregs sets them; EINVAL if they name a segment or a flag that is not a user's.
	SetGregs(g *[netbsd.NGREG]uint64) netbsd.Errno
	// FP reads the FXSAVE area.
	FP(fp *[512]byte)
	// SetFP sets it; hostile bits are cleared.
	SetFP(fp *[512]byte)
	// XState reads the whole extended state.
	XState(x *netbsd.Xstate)
	// SetXState sets what x names of it. EINVAL: there is no such component.
	SetXState(x *netbsd.Xstate) netbsd.Errno
	// SetDebugRegs has the processor watch for what r says. EINVAL: it cannot be had so; EPERM: not at all.
	SetDebugRegs(r *kern.DebugRegs) netbsd.Errno
	// TLSBase is what _lwp_setprivate(2) has set, which sets the base of FS, too.
	TLSBase() uint64
	SetTLSBase(base uint64) netbsd.Errno
	// FSBase is the base of FS, and GSBase that of GS. EINVAL: it is not in user space.
	FSBase() uint64
	SetFSBase(base uint64) netbsd.Errno
	GSBase() uint64
	SetGSBase(base uint64) netbsd.Errno
	// Fetched fills b with guest memory that came along with the trap, if that is it.
	Fetched(addr uint64, b []byte) bool
	// FetchedPath returns the string at addr if that came along.
	FetchedPath(addr uint64) (string, bool)
	// Return has b stored at addr when the guest goes on behind the call, which fails with EFAULT if that cannot be. It returns
	// false if it has to be stored at once.
	Return(addr uint64, b []byte) bool
	// Link is uc_link of the context that the LWP runs in.
	Link() uint64
	SetLink(uint64)
	// ShowCPU begins to keep the LWP's struct lwpctl, if that is not kept yet, and
	// returns the address where the guest has it.
	ShowCPU() uint64
	// EndSignal tells that the context at address uc of guest memory is being
	// resumed, which restores the extended state saved when it was interrupted.
	EndSignal(uc uint64)
	// Interrupted tells that an upcall interrupts the LWP, whose context is at address uc: the extended state is kept until that is
	// resumed.
	Interrupted(uc uint64)
}

// MmapArgs are the arguments of mmap(2).
type MmapArgs struct {
	Addr, Len   uint64
	Prot, Flags int
	FD          int
	Offset      int64
}

// SharedArgs say what of System V's shared memory is mapped. Addr 0 is anywhere; Len is whole
// pages.
type SharedArgs struct {
	Memory    sysv.Memory
	Addr, Len uint64
	Prot      int
}

// MremapArgs are the arguments of mremap(2).
type MremapArgs struct {
	Old, OldLen uint64
	New, NewLen uint64
	Flags       int
}

// Int returns argument i as a C int.
func (c *Call) Int(i int) int { return int(int32(c.Args[i])) }

// Ptr returns argument i as an address.
func (c *Call) Ptr(i int) uint64 { return c.Args[i] }

// Long returns argument i as a C long.
func (c *Call) Long(i int) int64 { return int64(c.Args[i]) }

// Uint32 returns argument i as a C unsigned int.
func (c *Call) Uint32(i int) uint32 { return uint32(c.Args[i]) }

// ok stores a single result.
func (c *Call) ok(v uint64) netbsd.Errno {
	c.Ret[0] = v
	return 0
}

// in reads n bytes at addr into the call's scratch space; n is at most 512 and a
// constant of the caller's.
func (c *Call) in(addr uint64, n int) ([]byte, netbsd.Errno) {
	b := c.scratch[:n]
	if c.CPU != nil && c.CPU.Fetched(addr, b) {
		return b, 0
	}
	return b, c.Space.Read(addr, b)
}

// out returns n bytes of cleared scratch space to encode a result in.
func (c *Call) out(n int) []byte {
	b := c.scratch[:n]
	clear(b)
	return b
}

// copyout stores b at addr; a null addr is EFAULT, as copyout(9) has it.
func (c *Call) copyout(addr uint64, b []byte) netbsd.Errno {
	return c.Space.Write(addr, b)
}

// copyoutLast is copyout for the last thing that a call does: nothing may follow it but the return. So it may happen with that.
func (c *Call) copyoutLast(addr uint64, b []byte) netbsd.Errno {
	if c.CPU != nil && c.CPU.Return(addr, b) {
		return 0
	}
	return c.Space.Write(addr, b)
}

// copyoutOptional is copyout, but skips a null pointer.
func (c *Call) copyoutOptional(addr uint64, b []byte) netbsd.Errno {
	if addr == 0 {
		return 0
	}
	return c.Space.Write(addr, b)
}

// path reads a path name argument (at most PATH_MAX bytes).
func (c *Call) path(i int) (string, netbsd.Errno) {
	if c.CPU != nil {
		if s, ok := c.CPU.FetchedPath(c.Args[i]); ok {
			return s, 0
		}
	}
	return c.Space.ReadString(c.Args[i], netbsd.PATH_MAX)
}

// timespec reads the struct timespec that b begins with.
func (c *Call) timespec(b []byte) netbsd.Timespec {
	if c.spec50 {
		return netbsd.DecodeTimespec50(b)
	}
	return netbsd.DecodeTimespec(b)
}

// timespecOut stores a struct timespec.
func (c *Call) timespecOut(addr uint64, t netbsd.Timespec) netbsd.Errno {
	b := c.out(netbsd.SizeofTimespec)
	if c.spec50 {
		t.Encode50(b)
	} else {
		t.Encode(b)
	}
	return c.copyout(addr, b)
}

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

func putLE64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

func putLE16(b []byte, v uint16) { binary.LittleEndian.PutUint16(b, v) }

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }

func putLE32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
