//lint:file-ignore U1000 the assembly of the stub uses what Go does not

package stub

import "toaster/netbsd"

// SlotsPerWindow bounds the threads of one process.
const SlotsPerWindow = 2048

// pageSize is the unit in which memory appears and disappears.
const pageSize = 4096

// The read-only configuration page. Whatever a guest must not be able to change is here, and
// nothing that it must not know.
const (
	cfgSlotMask = 0x00 // ^(slot size - 1)
	cfgWindow   = 0x08 // bytes of a control window
	cfgParent   = 0x10 // toaster's pid, as getppid must report it
	cfgFSGSBase = 0x18 // 1 if rdfsbase and wrfsbase may be used
	cfgRDTSCP   = 0x1c // 1 if rdtscp tells the core
	cfgFlags    = 0x20 // flags for seccomp(2)
	cfgAction   = 0x28 // struct kernel_sigaction, the same for all signals
	cfgAltstack = 0x48 // stack_t of slot 0
	cfgProgram  = 0x60 // struct sock_fprog
	cfgMask     = NoSignals - ConfigAddr
	cfgBlocked  = AllSignals - ConfigAddr
	cfgName     = 0x80 // the process's name, for ps
	cfgSlack    = 0x98 // nanoseconds, see slack.go
	cfgZero     = NoStack - ConfigAddr
	cfgAnswer   = 0xb0 // 1 if the stub answers what needs no kernel
	// Where light traps wait and resume, between two marks of the
	cfgLightBegin = 0xb8
	cfgLightEnd   = 0xc0
	cfgClock      = 0xc8 // the vdso's clock_gettime, 0 if there is none
	cfgKeep       = 0xd0 // what the zygote unmaps at the top: address and size
	cfgKeepSize   = 0xd8
	cfgPieces     = 0xe0  // the vdso's mappings: offset, size, where to; then a zero size
	cfgFiles      = 0x180 // where the window's table of lent files is, see files.go
	cfgSentinel   = 0x188 // the sentinel's name, for ps
	cfgIgnore     = 0x1a0 // struct kernel_sigaction: SIG_IGN
	cfgPaths      = 0x1c0 // the calls whose first argument is a path, call n as bit n
	cfgPathsAt    = 0x200 // and those whose second one is
	cfgPathsEnd   = 0x240

	pieceSize = 24
	maxPieces = (cfgFiles-cfgPieces)/pieceSize - 1
)

// A control slot. Guests can write it at any time, so that toaster reads every value once,
// checks it, and never reads it again. What the stub reads here it may trust as far as it
// trusts its guest: it makes system calls with it, which the filter judges, and stores of its
// own, which reach what the guest can write anyway.
const (
	slotTurn     = 0x00 // whose turn it is, below; also the futex
	slotOp       = 0x04 // what the stub is to do with its turn
	slotSpin     = 0x08 // rounds that the stub spins before it sleeps
	slotSigno    = 0x0c
	slotFrame    = 0x10 // address of the signal frame's ucontext
	slotInfo     = 0x18 // address of its siginfo
	slotFSBase   = 0x20
	slotGSBase   = 0x28
	slotCount    = 0x30 // commands to execute
	slotGuestCPU = 0x34 // where the guest was last, 0 if unknown
	slotHostCPU  = 0x38 // where toaster was
	slotMode     = 0x3c // what the guest stopped in, below
	slotFlags    = 0x40 // clone: flags, token, and address of the newborn's slot
	slotToken    = 0x48
	slotTarget   = 0x50
	slotResult   = 0x58
	slotSelf     = 0x60 // the slot's own address, which fast calls find by GS
	slotKicked   = 0x68 // a kick came while a light trap was with the kernel
	slotNapping  = 0x6c // the guest sleeps in the stub
	slotExact    = 0x70 // a light trap resumes by slotIret
	slotTrapAll  = 0x74 // the stub is to answer nothing
	slotFetched  = 0x80 // and what is there: up to fetchMax bytes
	slotLWP      = 0xa0 // the LWP's id, 0 if the stub doesn't know it
	slotAnswer   = 0xa8 // RAX of an answered call
	slotLent     = 0xb0 // the kinds of state that the stub may change, see lent.go
	slotSavedFP  = 0xc0 // slotFP holds the state of a light trap
	slotUsed     = 0xc4 // slotScratch holds what the process had used at an exit or an execve
	slotRoomLow  = 0xc8 // free addresses that the stub may map
	slotRoomHigh = 0xd0
	slotPart     = 0xf0  // of a transfer that the kernel is to go on with: what the stub has moved, or minus the error of the host; 0 if it is none
	slotFeatures = 0xf8  // what XSAVE and XRSTOR are for
	slotCommand  = 0x100 // commands: nr, six arguments, result; between traps what the stub has mapped
	slotScratch  = 0x700
	slotTimeout  = 0x760 // behind MaxEvents events: how long a kevent(2) waits for them, a timespec
	slotSince    = 0x770 // since when, in nanoseconds of CLOCK_MONOTONIC; 0 unless it waits for a time
	slotIret     = 0x790 // what IRETQ pops: RIP, CS, RFLAGS, RSP, SS
	slotAltstack = 0x7c0 // stack_t of a thread born in a light trap
	slotPass     = 0x7d8 // clone: the pass, or 0
	slotCurCPU   = 0x7e0 // struct lwpctl: lc_curcpu and lc_pctr, see curcpu.go
	slotFetch    = 0x800 // address of what a light trap brings along, 0 if nothing
	slotLight    = 0x800 // registers of a fast call, as in a ucontext, which begins with nothing that is needed here
	slotXMM      = 0x930
	slotTime     = 0xa30     // a timespec
	slotStacks   = 0xa40     // two stack_t
	slotOut      = 0xa80     // where in the guest's memory what is at slotCarry goes
	slotOutSize  = 0xa88     // and how many bytes it is
	slotLoad     = 0xa90     // what a light trap is to do before it resumes: bits, loadFP to loadOut
	slotCarry    = 0xa98     // the path that comes along with a light trap, then what goes along with its end
	slotCalls    = 0xe00     // the end of the stack of fast calls, which the clock's has to itself
	slotFP       = slotStack // FXSAVE's and XSAVE's area in a light trap, when that stack is empty
	slotActions  = 0xe00     // the process's signal actions
	slotStack    = 0x1800    // the alternate signal stack begins here and takes the rest

	// What has become of the lent state: 64 bits for each kind.
	slotMask         = 0xe0 // the LWP's signal mask itself
	slotStackNoted   = 0xe8 // which of slotStacks the guest has chosen: 1, 2, or 0 for none
	slotActionsNoted = 0xb8 // the signals of slotActions that the guest has changed, signal n as bit n
	slotRoomNoted    = 0xd8 // how many mappings the stub has made and noted at slotCommand

	commandSize = 64
	// MaxCommands is how many commands a thread can be given at a time.
	MaxCommands = (slotScratch - slotCommand) / commandSize
)

// Turns. A side that goes to sleep says so in the word that it sleeps on, so that the other one
// makes a system call only if there is somebody to wake. The order of the numbers counts: up
// to TurnGuestAwaits it is the guest's turn, above it is not.
const (
	TurnGuest        = 0
	TurnGuestAwaits  = 1 // the guest's turn; the kernel sleeps
	TurnKernel       = 2
	TurnKernelAwaits = 3 // the kernel's turn; the guest sleeps
	TurnGone         = 4
)

// Modes: where the registers of a stopped guest are. The stub says it with the turn.
const (
	modeFrame = 0 // in a signal frame
	modeLight = 1 // in slotLight, and the extended state still in the processor
)

// Operations: what a thread is to do with its turn. Above OpCall are the ones that a thread in a
// signal frame sorts out by comparing: clones, then its end.
const (
	OpResume = 0
	OpCall   = 1
	OpFork   = 2
	OpThread = 3
	OpExit   = 4
	OpFrame  = 5 // make a signal frame of a light trap
	OpSaveFP = 6 // store the x87 and SSE state of a light trap
	OpSaveX  = 7 // store all of its extended state
)

// What slotLoad asks for.
const (
	LoadFP  = 1 // x87 and SSE state, from slotFP
	LoadX   = 2 // all extended state, from there
	LoadOut = 4 // what a call returns in memory
)

// The registers in slotLight, where a ucontext has them.
const (
	lightR8    = slotLight + ucR8
	lightR9    = lightR8 + 8
	lightR10   = lightR8 + 16
	lightR11   = lightR8 + 24
	lightR12   = lightR8 + 32
	lightR13   = lightR8 + 40
	lightR14   = lightR8 + 48
	lightR15   = lightR8 + 56
	lightRDI   = lightR8 + 64
	lightRSI   = lightR8 + 72
	lightRBP   = lightR8 + 80
	lightRBX   = lightR8 + 88
	lightRDX   = lightR8 + 96
	lightRAX   = lightR8 + 104
	lightRCX   = lightR8 + 112
	lightRSP   = lightR8 + 120
	lightRIP   = lightR8 + 128
	lightFlags = lightR8 + 136
)

// stubSignals are the signals that the stub takes: faults, SIGSYS, kicks.
const stubSignals = 1<<4 | 1<<5 | 1<<7 | 1<<8 | 1<<11 | 1<<KickSignal | 1<<31

// msgFD is where in a slot's scratch area the message of the zygote's start
// holds its descriptor.
const msgFD = 0x60

// Offsets in ucontext, with the signal frame's siginfo behind it.
const (
	ucStack   = 16
	ucR8      = 40
	ucRDI     = 104
	ucRSI     = 112
	ucRDX     = 136
	ucRAX     = 144
	ucRIP     = 168
	ucEflags  = 176
	ucSegs    = 184
	ucErr     = 192
	ucTrapno  = 200
	ucCR2     = 216
	ucFP      = 224
	ucSigmask = 296
	ucSize    = 304
	infoSize  = 128
	infoCode  = 8
	infoCall  = 16 // SIGSYS: where the instruction was, and of which architecture
	infoArch  = 28
)

// What the stub answers by itself, by the guest's numbers: clock_gettime(2) of
// the two clocks that are the host's own, gettimeofday(2), sched_yield(2), nanosleep(2) of
// less than a millisecond, _lwp_self(2), _lwp_setprivate(2); and, where the slot allows it,
// sigaction(2), sigprocmask(2), sigaltstack(2) and mmap(2), below.
const (
	CallClockGettime  = netbsd.SYS___clock_gettime50
	CallGettimeofday  = netbsd.SYS___gettimeofday50
	CallSchedYield    = netbsd.SYS_sched_yield
	CallSleep         = netbsd.SYS___nanosleep50
	CallLWPSelf       = netbsd.SYS__lwp_self
	CallLWPSetprivate = netbsd.SYS__lwp_setprivate
	LongestNap        = 1_000_000              // nanoseconds
	GuestMonotonic    = netbsd.CLOCK_MONOTONIC // CLOCK_REALTIME is 0 on both sides

	// Signal masks and stacks, as the guest has them.
	CallSigaltstack = netbsd.SYS___sigaltstack14
	sigBlock        = 1
	sigUnblock      = 2
	sigSetmask      = 3
	ssDisable       = 4
	ssKnown         = 5
	minSigstksz     = 8192
	stackSize       = 24

	// An address is the guest's if it is below GuestEnd in these upper bits.
	guestBits = 39
	guestTop  = GuestEnd >> guestBits

	// With these the x87 and SSE state comes along, in slotFP.
	CallGetcontext = netbsd.SYS_getcontext
	CallLWPCreate  = netbsd.SYS__lwp_create

	// With these what the process has used comes along, in slotScratch.
	CallExit   = netbsd.SYS_exit
	CallExecve = netbsd.SYS_execve

	// What these calls will read first comes along with a light trap: the structure
	// behind the second argument, or the seventh argument, which is on the stack.
	CallSigaction   = netbsd.SYS___sigaction_sigtramp
	CallSigprocmask = netbsd.SYS___sigprocmask14
	CallMmap        = netbsd.SYS_mmap
	SigsetSize      = 16

	// What of sigaction(2) the stub does not do itself.
	unpostable   = 1<<9 | 1<<17 // SIGKILL, SIGSTOP
	cantMask     = 1<<8 | 1<<16 // in a set: the same
	saResetHand  = 4
	trampVersion = 2

	FetchMax = 32 // sizeof(struct sigaction)

	// CarryMax is how many bytes of a path come along, and of what goes back.
	CarryMax   = 0x200
	carryWords = CarryMax / 8
	// Calls from here on bring no path.
	pathCalls = (cfgPathsEnd - cfgPathsAt) * 8

	// What the stub maps: private anonymous memory that is no code, where the guest
	// says or where there is room. The guest's numbers, then the host's.
	mapProt    = 3 // PROT_READ|PROT_WRITE
	mapPlain   = 0x1002
	mapFixed   = 0x10
	mapHost    = 0x4022   // MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE
	mapOver    = 0x10     // MAP_FIXED
	mapBeside  = 0x100000 // MAP_FIXED_NOREPLACE
	mapLowest  = 0x1000
	mapHighest = GuestEnd - 0x1000

	// Calls of files that are lent. The host's numbers stand where they are made.
	CallRead   = netbsd.SYS_read
	CallWrite  = netbsd.SYS_write
	CallPread  = netbsd.SYS_pread
	CallPwrite = netbsd.SYS_pwrite
	CallLseek  = netbsd.SYS_lseek

	// kevent(2) of a kqueue that is lent.
	CallKevent50  = netbsd.SYS___kevent50
	CallKevent100 = netbsd.SYS___kevent100
	// A longer time is the kernel's: the end of a shorter one is in range, whatever the clock says.
	longestWait = 1 << 30 // seconds, 34 years
	second      = 1_000_000_000
	// A shorter one than that, in nanoseconds, ends with less slack than guests' sleeps have.
	shortWait = 50_000_000
	pipeRoom  = 64 << 10
	eventSize = 12 // struct epoll_event

	GuestEFAULT = uint64(netbsd.EFAULT)
	GuestEAGAIN = uint64(netbsd.EAGAIN)
	hostEAGAIN  = -11

	// A longer transfer is the kernel's: while one of a file lasts no kick reaches the guest.
	longestTransfer = 1 << 20

	sigSys    = 31
	archAMD64 = 0xc000003e // AUDIT_ARCH_X86_64
)

// How late sleeps may end, in nanoseconds (PR_SET_TIMERSLACK): those of guests, but for short waits for events, by which their programs' own
// timers go.
const (
	GuestSlack = 1_000_000
	WaitSlack  = 50_000
)

// kickSignal carries kicks. It is ignored by default, so that a stray one
// does no harm, and it is not queued, so that many kicks are one.
const KickSignal = 23 // SIGURG

// sentinelTries is how often, a millisecond apart, the sentinel tries to remove a control group: the
// host refuses until all who were in it have ended.
const sentinelTries = 5000
