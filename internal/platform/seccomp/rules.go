package seccomp

import (
	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// This file has the rules, in the order in which a call comes by them. Labels are forward:
// a group's own, those of the groups behind it, and allow, notify and trap. A rule compares
// arguments by halves of 32 bits, as BPF knows no wider ones; where a rule looks at the lower
// half alone, the host gives no meaning to what is above it.

func (p *program) rules() {
	p.fromStub()
	p.byNumber()
	p.futexRules()
	p.fileRules()
	p.closeRules()
	p.cloneRules()
	p.clockRules()
	p.ownRules()
	p.unmapRules()
	p.adviceRules()
	p.mapRules()
	p.remapRules()
	p.mark("notify")
	p.ret(Notify)
	p.mark("allow")
	p.ret(Allow)
	p.mark("trap")
	p.ret(Trap)
}

// fromStub traps what does not come from the stub's pages, or from what is beyond them. The
// address is that behind the instruction, so that the last one that counts is Addr+Size. Only
// then is the architecture looked at: from elsewhere any call traps, and a 32-bit one from the
// stub, which has no such instruction, too.
func (p *program) fromStub() {
	p.load(dataIP + 4)
	p.unlessEqual(stub.Addr>>32, "trap")
	p.load(dataIP)
	p.ifGreater(stub.Addr&0xffffffff+stub.Size, "beyond")
	p.load(dataArch)
	p.unlessEqual(unix.AUDIT_ARCH_X86_64, "trap")
}

// byNumber sends each call of the short list to its rules, and traps all others, those of x32
// among them, whose numbers have bit 30 set.
//
// What is allowed whatever its arguments:
//
//	rt_sigreturn            loads registers and a mask, of the caller's own thread
//	close                   takes a descriptor away, which a guest can only lose
//	getppid                 tells toaster's pid
//	getrusage               tells the caller's own times and counts
//	exit_group              ends the caller's process
//	sched_yield, nanosleep  the caller waits; the watchdog sees if it should not
//	sigaltstack             a frame elsewhere than in the window ends the process (stubHandler)
//
// What is always asked: exit, so that the thread's slot is not used again too early, and the
// stub's own questions, which are no calls of its.
func (p *program) byNumber() {
	p.load(dataNr)
	p.ifEqual(unix.SYS_FUTEX, "futex") // first: it is the most frequent one
	for _, nr := range []uint32{
		unix.SYS_RT_SIGRETURN, unix.SYS_CLOSE, unix.SYS_GETPPID,
		unix.SYS_GETRUSAGE, unix.SYS_EXIT_GROUP, unix.SYS_SCHED_YIELD, unix.SYS_NANOSLEEP,
		unix.SYS_SIGALTSTACK,
	} {
		p.ifEqual(nr, "allow")
	}
	for _, nr := range []uint32{unix.SYS_EXIT, stub.AskProcess, stub.AskThread, stub.AskFile} {
		p.ifEqual(nr, "notify")
	}
	for _, call := range []struct {
		nr    uint32
		label string
	}{
		{unix.SYS_READ, "file"}, {unix.SYS_WRITE, "file"}, {unix.SYS_LSEEK, "file"},
		{unix.SYS_PREAD64, "file"}, {unix.SYS_PWRITE64, "file"}, {unix.SYS_EPOLL_WAIT, "file"},
		{unix.SYS_EPOLL_PWAIT2, "events"}, {unix.SYS_IOCTL, "ioctl"}, {unix.SYS_GETSOCKOPT, "option"},
		{unix.SYS_CLOSE_RANGE, "closerange"}, {unix.SYS_MMAP, "mmap"}, {unix.SYS_MUNMAP, "munmap"},
		{unix.SYS_MPROTECT, "mprotect"}, {unix.SYS_MADVISE, "madvise"},
		{unix.SYS_MREMAP, "mremap"}, {unix.SYS_MSYNC, "munmap"},
		{unix.SYS_PRCTL, "prctl"}, {unix.SYS_ARCH_PRCTL, "arch_prctl"},
		{unix.SYS_SENDMSG, "sendmsg"}, {unix.SYS_CLONE, "clone"},
		{unix.SYS_RT_SIGPROCMASK, "sigprocmask"}, {unix.SYS_CLOCK_GETTIME, "clock"},
	} {
		p.ifEqual(call.nr, call.label)
	}
	p.ret(Trap)
}

// futexRules: waiting and waking only, without timeouts of another clock, priorities or
// requeueing. On the window's words that is what the stub does; elsewhere a guest wakes and
// waits for itself, as its memory is shared with nobody but where it maps files, and there the
// guests that map the same file may wake each other as processes of the host may.
func (p *program) futexRules() {
	p.mark("futex")
	p.load(argLow(1))
	p.ifGreater(1, "trap")
	p.ret(Allow)
}

// fileRules: files that are lent are read, written and positioned, by their numbers alone. What
// a process is passed for other purposes has lower ones. Of those that have them it may ask how much is queued, and how large
// the buffer is; and take the events of a set, which it cannot change. It waits for these with the signals that it has, as one that it
// does not hear could be a kick.
func (p *program) fileRules() {
	p.mark("events")
	p.load(argLow(4))
	p.unlessEqual(0, "trap")
	p.load(argHigh(4))
	p.ifEqual(0, "file")
	p.ret(Trap)
	p.mark("ioctl")
	p.load(argLow(1))
	p.ifEqual(unix.TIOCINQ, "file")
	p.ifEqual(unix.TIOCOUTQ, "file")
	p.ret(Trap)
	p.mark("option")
	p.load(argLow(1))
	p.unlessEqual(unix.SOL_SOCKET, "trap")
	p.load(argLow(2))
	p.unlessEqual(unix.SO_SNDBUF, "trap")
	p.mark("file")
	p.load(argLow(0))
	p.ifGreater(stub.LentFD+stub.LentFiles-1, "trap")
	p.unlessGreater(stub.LentFD-1, "trap")
	p.ret(Allow)
}

// closeRules: close_range(2) closes descriptors, and takes no flag. With CLOSE_RANGE_UNSHARE a thread would get a table of its own, and keep
// files there that its siblings close when they are taken back: the platform asks the host about the first thread's table alone (fileBack).
func (p *program) closeRules() {
	p.mark("closerange")
	p.load(argLow(2))
	p.unlessEqual(0, "trap")
	p.load(argHigh(2))
	p.unlessEqual(0, "trap")
	p.ret(Allow)
}

// cloneRules: two places, and two sets of flags; the supervisor knows what it has ordered.
// In a signal frame a clone with the pass is no question: only a process that has not run
// guest code has that number in its registers.
func (p *program) cloneRules() {
	p.mark("clone")
	p.load(argHigh(0))
	p.unlessEqual(0, "trap")
	p.load(argLow(1))
	p.unlessEqual(stub.NoStack&0xffffffff, "trap")
	p.load(argHigh(1))
	p.unlessEqual(stub.NoStack>>32, "trap")
	p.load(dataIP)
	p.ifEqual(uint32(p.LightClone), "asked")
	p.unlessEqual(uint32(p.Clone), "trap")
	p.load(argLow(5))
	p.unlessEqual(uint32(p.Pass), "asked")
	p.load(argHigh(5))
	p.unlessEqual(uint32(p.Pass>>32), "asked")
	p.load(argLow(0))
	p.ifEqual(stub.ForkFlags, "allow")
	p.ifEqual(stub.ThreadFlags, "allow")
	p.ret(Trap)
	p.mark("asked")
	p.load(argLow(0))
	p.ifEqual(stub.ForkFlags, "notify")
	p.ifEqual(stub.ThreadFlags, "notify")
	p.ret(Trap)
}

// clockRules: the stub asks for the time, and the vdso if it can't read the clock itself. From
// the vdso's code nothing else is allowed: it is the host kernel's, and may have instructions
// that nobody has looked at.
func (p *program) clockRules() {
	p.mark("beyond")
	p.ifGreater(uint32(p.VDSOEnd), "trap")
	p.unlessGreater(uint32(p.VDSO), "trap")
	p.load(dataArch)
	p.unlessEqual(unix.AUDIT_ARCH_X86_64, "trap")
	p.load(dataNr)
	p.unlessEqual(unix.SYS_CLOCK_GETTIME, "trap")
	p.mark("clock") // the clocks that everybody knows; others tell of other processes
	p.load(argHigh(0))
	p.unlessEqual(0, "trap")
	p.load(argLow(0))
	p.ifGreater(unix.CLOCK_MONOTONIC, "trap")
	p.ret(Allow)
}

// ownRules: what concerns nobody but the caller.
//
// sigprocmask may set the two masks of the configuration page alone, which no guest can write.
// prctl may ask for SIGKILL at the parent's end: to ask for less would let a guest
// outlive toaster; and for one of two timer slacks, the thread's own. arch_prctl sets the segment bases, as the processor's instructions do where
// the host has them.
func (p *program) ownRules() {
	p.mark("sigprocmask") // all signals or none, as rt_sigreturn can do
	p.load(argHigh(1))
	p.unlessEqual(stub.ConfigAddr>>32, "trap")
	p.load(argLow(1))
	p.ifEqual(stub.AllSignals&0xffffffff, "allow")
	p.unlessEqual(stub.NoSignals&0xffffffff, "trap")
	p.ret(Allow)

	p.mark("prctl")
	p.load(argLow(0))
	p.ifEqual(unix.PR_SET_TIMERSLACK, "slack")
	p.unlessEqual(unix.PR_SET_PDEATHSIG, "trap")
	p.load(argLow(1))
	p.unlessEqual(uint32(unix.SIGKILL), "trap")
	p.ret(Allow)
	p.mark("slack")
	p.load(argHigh(1))
	p.unlessEqual(0, "trap")
	p.load(argLow(1))
	p.ifEqual(stub.WaitSlack, "allow")
	p.unlessEqual(stub.GuestSlack, "trap")
	p.ret(Allow)

	p.mark("arch_prctl")
	p.load(argLow(0))
	p.ifEqual(archSetGS, "allow")
	p.ifEqual(archSetFS, "allow")
	p.ret(Trap)

	// Only for the zygote, before it closes its socket: later on 0 is never one.
	p.mark("sendmsg")
	p.load(argLow(0))
	p.unlessEqual(0, "trap")
	p.ret(Allow)
}

// unmapRules: munmap and msync, which unmap and write back, and mprotect. Neither reaches the
// stub, whose pages nobody may make writable.
func (p *program) unmapRules() {
	p.mark("munmap")
	p.unlessRange(0, 1)
	p.ret(Allow)

	p.mark("mprotect")
	p.unlessRange(0, 1)
	p.mark("prot")
	p.load(argLow(2))
	p.ifAny(^uint32(unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC), "trap")
	p.ret(Allow)
}

// adviceRules: of the window the stub may say that a fork does not copy it, and nothing else;
// MADV_DOFORK would leave a child its creator's window.
func (p *program) adviceRules() {
	p.mark("madvise")
	p.load(argHigh(0))
	p.unlessEqual(stub.WindowAddr>>32, "advise")
	p.load(argLow(2))
	p.unlessEqual(unix.MADV_DONTFORK, "trap")
	p.ret(Allow)
	p.mark("advise")
	p.unlessRange(0, 1)
	p.load(argLow(2))
	for _, advice := range adviceAllowed {
		p.ifEqual(advice, "allow")
	}
	p.ret(Trap)
}

// mapRules: guest memory is mapped at an address that is asked for, as the host would choose
// one above GuestEnd. The flags are a list of those that change nothing but the mapping:
// MAP_LOCKED, for one that is missing, would take memory that the host cannot take back. What is
// mapped is anonymous or the file that was passed for it: a lent one is not to be mapped, as the
// kernel would not know.
func (p *program) mapRules() {
	p.mark("mmap")
	p.load(argHigh(0))
	p.unlessEqual(stub.WindowAddr>>32, "place")
	p.controlOnly()
	p.ret(Allow)
	p.mark("place")
	p.unlessRange(0, 1)
	p.load(argHigh(3))
	p.unlessEqual(0, "trap")
	p.load(argLow(3))
	p.ifAny(^uint32(mapAllowed), "trap")
	p.unlessAny(unix.MAP_FIXED|unix.MAP_FIXED_NOREPLACE, "trap")
	p.load(argLow(2))
	p.ifAny(^uint32(unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC), "trap")
	p.load(argLow(4))
	p.ifEqual(stub.PassedFD, "allow")
	p.load(argLow(3))
	p.unlessAny(unix.MAP_ANONYMOUS, "trap")
	p.ret(Allow)
}

// remapRules: source and target are the guest's. Without MREMAP_FIXED the mapping stays where it
// is, as a move without a target is refused; MREMAP_DONTUNMAP is none of the two sets of flags.
func (p *program) remapRules() {
	p.mark("mremap")
	p.unlessRange(0, 1)
	p.unlessRange(0, 2)
	p.load(argLow(3))
	p.ifEqual(0, "allow")
	p.unlessEqual(unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, "trap")
	p.unlessRange(4, 2)
	p.ret(Allow)
}

// controlOnly traps unless an mmap is the one that brings the control window in.
func (p *program) controlOnly() {
	for _, w := range []struct{ off, value uint32 }{
		{argLow(0), stub.WindowAddr & 0xffffffff},
		{argLow(1), uint32(p.Window)},
		{argHigh(1), uint32(p.Window >> 32)},
		{argLow(2), unix.PROT_READ | unix.PROT_WRITE},
		{argLow(3), unix.MAP_SHARED | unix.MAP_FIXED},
		{argHigh(3), 0},
		{argLow(4), stub.ControlFD},
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
