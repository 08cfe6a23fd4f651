package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// The filter is the sandbox. A system call instruction anywhere but in the
// stub's page traps. From the stub's page a short list is let through, and
// since a guest can jump to the stub with arguments of its choice, the list
// holds only what can do no harm with any of them:
//
//   - memory calls whose ranges end below the stub. They reach nothing but
//     the guest's own memory: no host process holds a descriptor, save for
//     the moment between receiving a file that the guest may map and mapping it;
//   - waiting and waking on memory of its own, sleeping, asking for the time;
//   - leaving;
//   - creating processes and threads, from one place, and threads from another
//     one, where the new one goes on with reporting to the supervisor and ends
//     unless it was ordered;
//   - moving its own signal stack, which rt_sigreturn does as well.
//
// Reporting, ending a thread and bringing a descriptor in are turned into
// notifications, which the supervisor answers according to what it ordered from
// that very thread.

const (
	retTrap   = 0x00030000
	retAllow  = 0x7fff0000
	retNotify = 0x7fc00000
)

// Offsets in struct seccomp_data.
const (
	dataNr   = 0
	dataArch = 4
	dataIP   = 8
	dataArgs = 16
)

func argLow(i int) uint32  { return uint32(dataArgs + 8*i) }
func argHigh(i int) uint32 { return uint32(dataArgs + 8*i + 4) }

// A program is a BPF program under construction. Conditional jumps go forward
// to a label or fall through.
type program struct {
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
func (p *program) ifAny(bits uint32, label string)    { p.jump(unix.BPF_JSET, bits, label, true) }
func (p *program) unlessAny(bits uint32, label string) {
	p.jump(unix.BPF_JSET, bits, label, false)
}

// unlessRange traps unless arguments addr and size give a range of guest
// addresses. The comparison is by upper halves, and coarse: it lets a range
// end a little above GuestEnd, where nothing is, but never reach the stub.
func (p *program) unlessRange(addr, size int) {
	const limit = GuestEnd >> 32
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

// filterProgram builds the filter for a stub, a vdso behind it, and control windows
// of the given size.
func filterProgram(stub stub, vdso vdso, window uint64) ([]unix.SockFilter, error) {
	p := &program{marks: map[string]int{}}
	p.load(dataIP + 4)
	p.unlessEqual(stubAddr>>32, "trap")
	p.load(dataIP)
	p.ifGreater(stubAddr&0xffffffff+stubSize, "beyond")
	p.load(dataArch)
	p.unlessEqual(unix.AUDIT_ARCH_X86_64, "trap")
	p.load(dataNr)
	p.ifEqual(unix.SYS_FUTEX, "futex") // first: it is the most frequent one
	for _, nr := range []uint32{
		unix.SYS_RT_SIGRETURN, unix.SYS_CLOSE, unix.SYS_GETPPID,
		unix.SYS_GETRUSAGE, unix.SYS_EXIT_GROUP, unix.SYS_SCHED_YIELD, unix.SYS_NANOSLEEP,
		unix.SYS_SIGALTSTACK,
	} {
		p.ifEqual(nr, "allow")
	}
	for _, nr := range []uint32{unix.SYS_EXIT, askProcess, askThread, askFile} {
		p.ifEqual(nr, "notify")
	}
	for _, call := range []struct {
		nr    uint32
		label string
	}{
		{unix.SYS_MMAP, "mmap"}, {unix.SYS_MUNMAP, "munmap"},
		{unix.SYS_MPROTECT, "mprotect"}, {unix.SYS_MADVISE, "madvise"},
		{unix.SYS_MREMAP, "mremap"}, {unix.SYS_MSYNC, "munmap"},
		{unix.SYS_PRCTL, "prctl"}, {unix.SYS_ARCH_PRCTL, "arch_prctl"},
		{unix.SYS_SENDMSG, "sendmsg"}, {unix.SYS_CLONE, "clone"},
		{unix.SYS_RT_SIGPROCMASK, "sigprocmask"}, {unix.SYS_CLOCK_GETTIME, "clock"},
	} {
		p.ifEqual(call.nr, call.label)
	}
	p.ret(retTrap)

	p.mark("futex") // FUTEX_WAIT and FUTEX_WAKE only
	p.load(argLow(1))
	p.ifGreater(1, "trap")
	p.ret(retAllow)

	p.mark("clone")
	p.load(argHigh(0))
	p.unlessEqual(0, "trap")
	p.load(dataIP)
	p.ifEqual(uint32(stub.light), "thread")
	p.unlessEqual(uint32(stub.clone), "trap")
	p.load(argLow(0))
	p.ifEqual(forkFlags, "allow")
	p.mark("thread")
	p.load(argLow(0))
	p.ifEqual(threadFlags, "allow")
	p.ret(retTrap)

	p.mark("beyond") // the vdso asks for the time if it can't read the clock itself
	p.ifGreater(uint32(vdso.end), "trap")
	p.jump(unix.BPF_JGT, uint32(vdso.text), "trap", false)
	p.load(dataArch)
	p.unlessEqual(unix.AUDIT_ARCH_X86_64, "trap")
	p.load(dataNr)
	p.unlessEqual(unix.SYS_CLOCK_GETTIME, "trap")
	p.mark("clock") // the clocks that everybody knows; others tell of other processes
	p.load(argHigh(0))
	p.unlessEqual(0, "trap")
	p.load(argLow(0))
	p.ifGreater(unix.CLOCK_MONOTONIC, "trap")
	p.ret(retAllow)

	p.mark("sigprocmask") // a newborn process blocks everything
	p.load(argHigh(1))
	p.unlessEqual(cfgAddr>>32, "trap")
	p.load(argLow(1))
	p.unlessEqual((cfgAddr+cfgBlocked)&0xffffffff, "trap")
	p.ret(retAllow)

	p.mark("prctl")
	p.load(argLow(0))
	p.unlessEqual(unix.PR_SET_PDEATHSIG, "trap")
	p.load(argLow(1))
	p.unlessEqual(uint32(unix.SIGKILL), "trap")
	p.ret(retAllow)

	p.mark("arch_prctl")
	p.load(argLow(0))
	p.ifEqual(archSetGS, "allow")
	p.ifEqual(archSetFS, "allow")
	p.ret(retTrap)

	// Only for the zygote, before it closes its socket: later on 0 is never one.
	p.mark("sendmsg")
	p.load(argLow(0))
	p.unlessEqual(0, "trap")
	p.ret(retAllow)

	p.mark("munmap")
	p.unlessRange(0, 1)
	p.ret(retAllow)

	p.mark("mprotect")
	p.unlessRange(0, 1)
	p.mark("prot")
	p.load(argLow(2))
	p.ifAny(^uint32(unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC), "trap")
	p.ret(retAllow)

	p.mark("madvise")
	p.load(argHigh(0))
	p.unlessEqual(ctlAddr>>32, "advise")
	p.load(argLow(2))
	p.unlessEqual(unix.MADV_DONTFORK, "trap")
	p.ret(retAllow)
	p.mark("advise")
	p.unlessRange(0, 1)
	p.load(argLow(2))
	for _, advice := range adviceAllowed {
		p.ifEqual(advice, "allow")
	}
	p.ret(retTrap)

	p.mark("mmap")
	p.load(argHigh(0))
	p.unlessEqual(ctlAddr>>32, "place")
	p.controlOnly(window)
	p.ret(retAllow)
	p.mark("place")
	p.unlessRange(0, 1)
	p.load(argHigh(3))
	p.unlessEqual(0, "trap")
	p.load(argLow(3))
	p.ifAny(^uint32(mapAllowed), "trap")
	p.unlessAny(unix.MAP_FIXED|unix.MAP_FIXED_NOREPLACE, "trap")
	p.load(argLow(2))
	p.ifAny(^uint32(unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC), "trap")
	p.ret(retAllow)

	p.mark("mremap")
	p.unlessRange(0, 1)
	p.unlessRange(0, 2)
	p.load(argLow(3))
	p.ifEqual(0, "allow")
	p.unlessEqual(unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, "trap")
	p.unlessRange(4, 2)
	p.ret(retAllow)

	p.mark("notify")
	p.ret(retNotify)
	p.mark("allow")
	p.ret(retAllow)
	p.mark("trap")
	p.ret(retTrap)
	return p.assemble()
}

// controlOnly traps unless an mmap is the one that brings the control window in.
func (p *program) controlOnly(window uint64) {
	for _, w := range []struct{ off, value uint32 }{
		{argLow(0), ctlAddr & 0xffffffff},
		{argLow(1), uint32(window)},
		{argHigh(1), uint32(window >> 32)},
		{argLow(2), unix.PROT_READ | unix.PROT_WRITE},
		{argLow(3), unix.MAP_SHARED | unix.MAP_FIXED},
		{argHigh(3), 0},
	} {
		p.load(w.off)
		p.unlessEqual(w.value, "trap")
	}
}

const (
	archSetGS = 0x1001
	archSetFS = 0x1002

	mapAllowed = unix.MAP_SHARED | unix.MAP_PRIVATE | unix.MAP_FIXED | unix.MAP_ANONYMOUS |
		unix.MAP_NORESERVE | unix.MAP_POPULATE | unix.MAP_FIXED_NOREPLACE
)

// adviceAllowed leaves out what is privileged (HWPOISON) or reaches a file (REMOVE).
var adviceAllowed = []uint32{
	unix.MADV_NORMAL, unix.MADV_RANDOM, unix.MADV_SEQUENTIAL, unix.MADV_WILLNEED,
	unix.MADV_DONTNEED, unix.MADV_FREE, unix.MADV_DONTFORK, unix.MADV_DOFORK,
	unix.MADV_WIPEONFORK, unix.MADV_KEEPONFORK, unix.MADV_HUGEPAGE, unix.MADV_NOHUGEPAGE,
}
