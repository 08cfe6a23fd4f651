package platform

import "golang.org/x/sys/unix"

// This file has the rules, in the order in which a call comes by them. Labels are
// forward: a group's own, those of the groups behind it, and allow, notify and trap.

// filterProgram builds the filter for a stub, a vdso behind it, and control windows
// of the given size.
func filterProgram(stub stub, vdso vdso, window, pass uint64) ([]unix.SockFilter, error) {
	p := &program{marks: map[string]int{}}
	p.fromStub()
	p.byNumber()
	p.futexRules()
	p.cloneRules(stub, pass)
	p.clockRules(vdso)
	p.ownRules()
	p.unmapRules()
	p.adviceRules()
	p.mapRules(window)
	p.remapRules()
	p.mark("notify")
	p.ret(retNotify)
	p.mark("allow")
	p.ret(retAllow)
	p.mark("trap")
	p.ret(retTrap)
	return p.assemble()
}

// fromStub traps what does not come from the stub's page, or from what is beyond it.
func (p *program) fromStub() {
	p.load(dataIP + 4)
	p.unlessEqual(stubAddr>>32, "trap")
	p.load(dataIP)
	p.ifGreater(stubAddr&0xffffffff+stubSize, "beyond")
	p.load(dataArch)
	p.unlessEqual(unix.AUDIT_ARCH_X86_64, "trap")
}

// byNumber sends each call of the short list to its rules, and traps all others.
func (p *program) byNumber() {
	p.load(dataNr)
	p.ifEqual(unix.SYS_FUTEX, "futex") // first: it is the most frequent one
	for _, nr := range []uint32{
		unix.SYS_RT_SIGRETURN, unix.SYS_CLOSE, unix.SYS_GETPPID,
		unix.SYS_GETRUSAGE, unix.SYS_EXIT_GROUP, unix.SYS_SCHED_YIELD, unix.SYS_NANOSLEEP,
		unix.SYS_SIGALTSTACK, unix.SYS_CLOSE_RANGE,
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
}

// futexRules: waiting and waking only.
func (p *program) futexRules() {
	p.mark("futex")
	p.load(argLow(1))
	p.ifGreater(1, "trap")
	p.ret(retAllow)
}

// cloneRules: two places, and two sets of flags; the supervisor knows what it has ordered.
// In signal frames there is no question with the pass, see clone.go.
func (p *program) cloneRules(stub stub, pass uint64) {
	p.mark("clone")
	p.load(argHigh(0))
	p.unlessEqual(0, "trap")
	p.load(argLow(1))
	p.unlessEqual(noStack&0xffffffff, "trap")
	p.load(argHigh(1))
	p.unlessEqual(noStack>>32, "trap")
	p.load(dataIP)
	p.ifEqual(uint32(stub.light), "asked")
	p.unlessEqual(uint32(stub.clone), "trap")
	p.load(argLow(5))
	p.unlessEqual(uint32(pass), "asked")
	p.load(argHigh(5))
	p.unlessEqual(uint32(pass>>32), "asked")
	p.load(argLow(0))
	p.ifEqual(forkFlags, "allow")
	p.ifEqual(threadFlags, "allow")
	p.ret(retTrap)
	p.mark("asked")
	p.load(argLow(0))
	p.ifEqual(forkFlags, "notify")
	p.ifEqual(threadFlags, "notify")
	p.ret(retTrap)
}

// clockRules: the stub asks for the time, and the vdso if it can't read the clock itself.
func (p *program) clockRules(vdso vdso) {
	p.mark("beyond")
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
}

// ownRules: what concerns nobody but the caller.
func (p *program) ownRules() {
	p.mark("sigprocmask") // all signals or none, as rt_sigreturn can do
	p.load(argHigh(1))
	p.unlessEqual(cfgAddr>>32, "trap")
	p.load(argLow(1))
	p.ifEqual((cfgAddr+cfgBlocked)&0xffffffff, "allow")
	p.unlessEqual((cfgAddr+cfgMask)&0xffffffff, "trap")
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
}

func (p *program) unmapRules() {
	p.mark("munmap")
	p.unlessRange(0, 1)
	p.ret(retAllow)

	p.mark("mprotect")
	p.unlessRange(0, 1)
	p.mark("prot")
	p.load(argLow(2))
	p.ifAny(^uint32(unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC), "trap")
	p.ret(retAllow)
}

func (p *program) adviceRules() {
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
}

func (p *program) mapRules(window uint64) {
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
}

func (p *program) remapRules() {
	p.mark("mremap")
	p.unlessRange(0, 1)
	p.unlessRange(0, 2)
	p.load(argLow(3))
	p.ifEqual(0, "allow")
	p.unlessEqual(unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, "trap")
	p.unlessRange(4, 2)
	p.ret(retAllow)
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
		{argLow(4), controlFD},
		{argLow(5), 0},
		{argHigh(5), 0},
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
