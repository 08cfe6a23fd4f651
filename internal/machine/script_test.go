package machine

import (
	"testing"

	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// script plays the loop with a scripted thread: registers and memory are what a test says,
// and each trap is one that it makes up. Nothing is executed, and there is no host process.
type script struct {
	*Context
	t   *testing.T
	mem ram
	fp  fpRegs
	// called are the system calls as the handlers get them.
	called []syscalls.Call
}

const (
	scriptCode  = 0x400000
	scriptStack = 0x700000 // of 64 KiB, which grows down to scriptRAM
	scriptRAM   = scriptStack - 1<<16
)

// play runs f as the only LWP of a process, and returns how that ends: with 0 if f returns.
func play(t *testing.T, f func(*script)) netbsd.WaitStatus {
	t.Helper()
	m := kern.New(kern.Config{})
	defer m.Close()
	s := &System{Kernel: syscalls.Kernel{M: m}, memory: newMemory(0, nil, nil)}
	p, errno := m.Spawn(kern.SpawnArgs{Manual: true, Body: func(l *kern.LWP) {
		mc := &Context{sys: s, l: l, thread: new(platform.Thread), trapped: trappedCall}
		x := &script{Context: mc, t: t, mem: ram{base: scriptRAM, b: make([]byte, 1<<16)}}
		mc.fpu = &x.fp
		mc.call.L, mc.call.K, mc.call.CPU, mc.call.Space = l, &s.Kernel, mc, &x.mem
		s.Fault = func(c *syscalls.Call) { x.called = append(x.called, *c) }
		*mc.thread.Regs() = platform.Regs{RIP: scriptCode, RSP: scriptStack - 0x1000, RFLAGS: 0x246}
		f(x)
	}})
	if errno != 0 {
		t.Fatal(errno)
	}
	return p.Wait()
}

// syscall has the guest stop behind a system call instruction, with these arguments in
// registers and then on the stack, and returns the registers that it goes on with.
func (x *script) syscall(nr uint64, args ...uint64) platform.Regs {
	r := x.thread.Regs()
	r.RAX = nr
	for i, f := range []*uint64{&r.RDI, &r.RSI, &r.RDX, &r.R10, &r.R8, &r.R9} {
		*f = 0xdead
		if i < len(args) {
			*f = args[i]
		}
	}
	if len(args) > 6 {
		for i, a := range args[6:] {
			x.mem.put(r.RSP+8*uint64(i+1), a) // above the return address
		}
	}
	x.sys.handle(x.Context, &platform.Trap{Kind: platform.Syscall})
	return *r
}

// ram is memory at base, and nothing elsewhere.
type ram struct {
	syscalls.Space // nil: a test that needs more of a space shall say so
	base           uint64
	b              []byte
	mmaps          []syscalls.MmapArgs
}

func (m *ram) at(addr uint64, n int) ([]byte, netbsd.Errno) {
	if off := addr - m.base; off <= uint64(len(m.b)-n) {
		return m.b[off:][:n], 0
	}
	return nil, netbsd.EFAULT
}

func (m *ram) Read(addr uint64, b []byte) netbsd.Errno {
	from, errno := m.at(addr, len(b))
	copy(b, from)
	return errno
}

func (m *ram) Write(addr uint64, b []byte) netbsd.Errno {
	to, errno := m.at(addr, len(b))
	copy(to, b)
	return errno
}

func (m *ram) Mmap(_ *syscalls.Call, a syscalls.MmapArgs) (uint64, netbsd.Errno) {
	m.mmaps = append(m.mmaps, a)
	return 0x7f0000001000, 0
}

func (m *ram) put(addr, v uint64) { m.Write(addr, le.AppendUint64(nil, v)) }

// fpRegs are the scripted thread's x87 and SSE registers, and what is beyond them.
type fpRegs struct {
	fx [netbsd.SizeofFpregs]byte
	x  byte
}

func (f *fpRegs) FP() [netbsd.SizeofFpregs]byte       { return f.fx }
func (f *fpRegs) SetFP(fx *[netbsd.SizeofFpregs]byte) { f.fx = *fx }
func (f *fpRegs) SaveX() []byte                       { return []byte{f.x} }
func (f *fpRegs) RestoreX(state []byte)               { f.x = state[0] }
func (f *fpRegs) XFeatures() uint64                   { return 0 }
func (f *fpRegs) XComponent(int) (at, size int)       { return 0, 0 }
