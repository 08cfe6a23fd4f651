package platform

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A call site is rewritten if the instruction before the system call instruction has
// five bytes, or seven, and can run anywhere:
//
//	b8 nn nn nn nn  0f 05        mov $nn,%eax; syscall
//	48 8b 44 24 nn  0f 05        mov nn(%rsp),%rax; syscall
//	48 c7 c0 nn nn nn nn  0f 05  mov $nn,%rax; syscall
//
// Its seven bytes, or its five and the next two, become a jump through a pointer, with
// an address such that the last two bytes of the site still are what they were:
//
//	ff 24 25 nn nn  0f 05        jmp *0x050fnnnn
//	ff 24 25 nn nn 0f 05  0f 05  jmp *0x050fnnnn; syscall
//
// So whoever gets to the old instruction, by a jump into the middle or by a context that was
// saved there, makes a system call all the same. The pointers, up to 64 KiB, and the
// trampolines behind them lie in the guest's memory. A guest that writes there leads itself
// astray: nothing here is trusted, and where a signal finds a thread is judged by the
// platform's own copy of the sites.

const (
	// RewriteAddr is where the pointers are: an address that is also an instruction.
	RewriteAddr = 0x050f0000

	// RewriteMax is how many bytes from there on are needed at most.
	RewriteMax = maxSites * (8 + trampolineSize)

	jumpSize       = 7
	trampolineSize = 32
	maxSites       = 1000 // what one process_vm_writev takes; programs have tens
)

// A Rewrite is a program's call sites, ready to be put into its processes.
type Rewrite struct {
	sites []uint64 // where they are, by trampoline
	code  [][]byte // their first instructions
	table []byte   // pointers and trampolines
	first uint64   // the first trampoline's address
	jumps []byte   // what the sites become
}

// CanRewrite says whether this host can.
func (p *Platform) CanRewrite() bool { return p.canRewrite }

// NewRewrite prepares the rewriting of the sites at these addresses, with the first
// instruction of each, which CanRewrite has accepted. It returns nil if there are none,
// or this host can't.
func (p *Platform) NewRewrite(sites []uint64, code [][]byte) *Rewrite {
	if !p.canRewrite || len(sites) == 0 {
		return nil
	}
	n := min(len(sites), maxSites)
	le := binary.LittleEndian
	pointers := (8*n + 63) &^ 63
	rw := &Rewrite{
		sites: sites[:n], code: code[:n], first: RewriteAddr + uint64(pointers),
		table: make([]byte, pointers+trampolineSize*n),
		jumps: make([]byte, jumpSize*n),
	}
	for i, site := range rw.sites {
		at := pointers + trampolineSize*i
		le.PutUint64(rw.table[8*i:], RewriteAddr+uint64(at))
		b := rw.table[at:][:trampolineSize]
		n := copy(b, rw.code[i])
		n += copy(b[n:], "\x48\xb9") // mov $return,%rcx
		le.PutUint64(b[n:], site+uint64(len(rw.code[i])+syscallSize))
		n += 8
		n += copy(b[n:], "\xff\x25") // jmp *pointer
		le.PutUint32(b[n:], uint32(trampolineSize-8-(n+4)))
		for n += 4; n < trampolineSize-8; n++ {
			b[n] = 0xcc
		}
		le.PutUint64(b[n:], p.stub.Enter)
		j := rw.jumps[jumpSize*i:]
		copy(j, "\xff\x24\x25")
		le.PutUint32(j[3:], RewriteAddr+uint32(8*i))
	}
	return rw
}

// Size is how many bytes of guest memory it takes at RewriteAddr: whole pages.
func (rw *Rewrite) Size() uint64 {
	return (uint64(len(rw.table)) + PageSize - 1) &^ (PageSize - 1)
}

// contains says whether addr is in a trampoline.
func (rw *Rewrite) contains(addr uint64) bool {
	return rw != nil && addr >= rw.first && addr < rw.first+uint64(trampolineSize*len(rw.sites))
}

// Rewrite puts rw into the process. Preconditions: its memory at RewriteAddr and
// the sites can be written; t has not run yet.
func (q *Process) Rewrite(rw *Rewrite) error {
	remote := make([]struct{ base, size uint64 }, 1, len(rw.sites)+1)
	remote[0].base, remote[0].size = RewriteAddr, uint64(len(rw.table))
	for _, site := range rw.sites {
		remote = append(remote, struct{ base, size uint64 }{site, jumpSize})
	}
	local := [2]unix.Iovec{{Base: &rw.table[0]}, {Base: &rw.jumps[0]}}
	local[0].SetLen(len(rw.table))
	local[1].SetLen(len(rw.jumps))
	const most = 1024 // IOV_MAX
	if len(remote) > most || q.dead.Load() {
		return syscall.E2BIG
	}
	n, _, e := syscall.Syscall6(unix.SYS_PROCESS_VM_WRITEV, uintptr(q.pid), uintptr(unsafe.Pointer(&local)), 2,
		uintptr(unsafe.Pointer(&remote[0])), uintptr(len(remote)), 0)
	if e != 0 {
		return fmt.Errorf("host: rewrite: %w", e)
	}
	if int(n) != len(rw.table)+len(rw.jumps) {
		return fmt.Errorf("host: rewrite: %w", syscall.EFAULT)
	}
	q.rewritten = rw
	return nil
}

// leaveTrampoline puts a guest that a signal met in a trampoline back on the old
// way: behind the first instruction of the site, or at it, if that faults.
func (t *Thread) leaveTrampoline(faulted bool) {
	rw, r := t.proc.rewritten, &t.regs
	i, off := (r.RIP-rw.first)/trampolineSize, (r.RIP-rw.first)%trampolineSize
	r.RIP = rw.sites[i]
	if off == 0 && (faulted || !t.emulate(rw.code[i])) {
		return
	}
	r.RIP += uint64(len(rw.code[i]))
}

// emulate executes the first instruction of a site, which the trampoline had done when the
// signal came: the guest goes on behind it, at its old system call. It reports false if the
// instruction would fault, so that it faults again at the site.
func (t *Thread) emulate(code []byte) bool {
	le, r := binary.LittleEndian, &t.regs
	switch {
	case code[0] == 0xb8:
		r.RAX = uint64(le.Uint32(code[1:]))
		return true
	case code[1] == 0xc7:
		r.RAX = uint64(int32(le.Uint32(code[3:])))
		return true
	}
	var b [8]byte
	if _, ok := t.proc.Read(r.RSP+uint64(int64(int8(code[4]))), b[:]); !ok {
		return false
	}
	number := code[2]>>3&7 | code[0]<<1&8
	*r.Numbered(number) = le.Uint64(b[:])
	return true
}

// CanRewrite says whether code, an instruction and a system call instruction, is a site
// as NewRewrite takes it.
func CanRewrite(code []byte) bool {
	n := len(code) - syscallSize
	if n < 5 || code[n] != 0x0f || code[n+1] != 0x05 {
		return false
	}
	switch n {
	case 5:
		load := (code[0] == 0x48 || code[0] == 0x4c) && code[1] == 0x8b && code[2]&0xc7 == 0x44 && code[3] == 0x24
		return code[0] == 0xb8 || load
	case 7:
		return code[0] == 0x48 && code[1] == 0xc7 && code[2] == 0xc0
	}
	return false
}
