// Package seccomp is the sandbox: it builds the filter that each system call of a host
// process passes. It is pure, a function from a description of the stub to a BPF program.
//
// A system call instruction anywhere but in the stub's pages traps: it is the guest's, and
// toaster answers it. From the stub's pages a short list is let through. A guest can jump to
// the stub with arguments of its choice, so the list holds only what can do no harm with
// any of them:
//
//   - memory calls whose ranges end below the stub. They reach nothing but the guest's own
//     memory: no host process has a descriptor that can be mapped, save for the moment between
//     receiving a file that the guest may map and mapping it;
//   - reading, writing and positioning by descriptors of those numbers alone under which a host
//     process has files that its guest has open, with the rights that it has;
//   - waiting and waking on memory of its own, sleeping, asking for the time;
//   - leaving;
//   - moving its own signal stack and blocking all signals or none, which rt_sigreturn does
//     as well;
//   - mapping the control window, from the descriptor that only a newborn has;
//   - closing descriptors.
//
// Creating a process or a thread, which is possible from two places alone, reporting as a
// newborn, ending a thread and bringing a descriptor in are turned into notifications, which
// the supervisor answers according to what it ordered from that very thread.
package seccomp

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// What the filter makes of a system call (seccomp(2)).
const (
	Trap   = 0x00030000 // SECCOMP_RET_TRAP: SIGSYS, which is how the guest's calls arrive
	Allow  = 0x7fff0000 // SECCOMP_RET_ALLOW
	Notify = 0x7fc00000 // SECCOMP_RET_USER_NOTIF: the supervisor is asked
)

// Places are the addresses and numbers that are known only when toaster runs.
type Places struct {
	Clone, LightClone uint64 // behind the stub's two instructions that clone, in a signal frame and in a light trap
	VDSO, VDSOEnd     uint64 // where the vdso's code begins, and what of it is mapped ends; 0 if it is not there
	Window            uint64 // size of a control window in bytes
	Pass              uint64 // the number with which a process that has not run guest code clones without a question
}

// Program returns the filter. It fails only where the rules outgrow what a BPF jump can
// reach, which is a bug.
func Program(at Places) ([]unix.SockFilter, error) {
	p := &program{Places: at, marks: map[string]int{}}
	p.rules()
	return p.assemble()
}

// Encode lays a filter out in b as the host reads it, an array of struct sock_filter of
// eight bytes each; b has room for it.
func Encode(b []byte, filter []unix.SockFilter) {
	le := binary.LittleEndian
	for i, f := range filter {
		to := b[8*i:]
		le.PutUint16(to, f.Code)
		to[2], to[3] = f.Jt, f.Jf
		le.PutUint32(to[4:], f.K)
	}
}

// Size returns how many bytes Encode writes.
func Size(filter []unix.SockFilter) int { return 8 * len(filter) }

// Offsets in struct seccomp_data.
const (
	dataNr   = 0
	dataArch = 4
	dataIP   = 8
	dataArgs = 16
)

func argLow(i int) uint32  { return uint32(dataArgs + 8*i) }
func argHigh(i int) uint32 { return uint32(dataArgs + 8*i + 4) }

// A program is a BPF program under construction. Conditional jumps go forward to a label or
// fall through.
type program struct {
	Places

	code  []unix.SockFilter
	fixes []fix
	marks map[string]int
}

type fix struct {
	at    int
	label string
	taken bool // the label is where to go if the condition holds
}

func (p *program) load(off uint32) { p.emit(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, off) }

func (p *program) emit(op uint16, k uint32) {
	p.code = append(p.code, unix.SockFilter{Code: op, K: k})
}

func (p *program) ret(action uint32) { p.emit(unix.BPF_RET|unix.BPF_K, action) }

func (p *program) mark(label string) { p.marks[label] = len(p.code) }

func (p *program) jump(op uint16, k uint32, label string, taken bool) {
	p.fixes = append(p.fixes, fix{len(p.code), label, taken})
	p.emit(unix.BPF_JMP|op|unix.BPF_K, k)
}

func (p *program) ifEqual(k uint32, label string)     { p.jump(unix.BPF_JEQ, k, label, true) }
func (p *program) unlessEqual(k uint32, label string) { p.jump(unix.BPF_JEQ, k, label, false) }
func (p *program) ifGreater(k uint32, label string)   { p.jump(unix.BPF_JGT, k, label, true) }
func (p *program) unlessGreater(k uint32, label string) {
	p.jump(unix.BPF_JGT, k, label, false)
}
func (p *program) ifAny(bits uint32, label string)     { p.jump(unix.BPF_JSET, bits, label, true) }
func (p *program) unlessAny(bits uint32, label string) { p.jump(unix.BPF_JSET, bits, label, false) }

// unlessRange traps unless arguments addr and size make a range of guest addresses. The
// comparison is by upper halves, and coarse: it lets a range end a little above GuestEnd,
// where nothing is, but never reach the stub.
func (p *program) unlessRange(addr, size int) {
	const limit = stub.GuestEnd >> 32
	p.load(argHigh(size))
	p.ifGreater(limit, "trap")
	p.emit(unix.BPF_MISC|unix.BPF_TAX, 0)
	p.load(argHigh(addr))
	p.ifGreater(limit, "trap")
	p.emit(unix.BPF_ALU|unix.BPF_ADD|unix.BPF_X, 0)
	p.ifGreater(limit+8, "trap")
}

// assemble resolves the labels.
func (p *program) assemble() ([]unix.SockFilter, error) {
	for _, f := range p.fixes {
		to, ok := p.marks[f.label]
		dist := to - f.at - 1
		if !ok || dist < 0 || dist > 255 {
			return nil, fmt.Errorf("filter: label %q is out of reach", f.label)
		}
		if f.taken {
			p.code[f.at].Jt = uint8(dist)
		} else {
			p.code[f.at].Jf = uint8(dist)
		}
	}
	return p.code, nil
}
