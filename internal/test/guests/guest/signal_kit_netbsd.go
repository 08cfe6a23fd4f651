package main

import "unsafe"

type sigset [2]uint64

func bit(sig int) uint64 { return 1 << (sig - 1) }

// What the handlers saw.
var (
	sigCount [64]int
	lastInfo [64][128]byte
	lastUC   uintptr
	onSig    func(sig int)
)

// onSignal is called by the assembly handler.
func onSignal(sig, info, uc uintptr) {
	sigCount[sig]++
	lastInfo[sig] = *(*[128]byte)(unsafe.Pointer(info))
	lastUC = uc
	if onSig != nil {
		onSig(int(sig))
	}
}

// sigaction is struct sigaction.
type sigactionT struct {
	handler int
	mask    sigset
	flags   int32
	_       int32
}

// catch installs the handler for sig.
func catch(sig, flags int) { catchMask(sig, flags, 0) }

func catchMask(sig, flags int, mask uint64) {
	a := sigactionT{handler: addrOf(addrHandler), mask: sigset{mask}, flags: int32(flags | saSIGINFO)}
	must("sigaction", sysSigaction, sig, ptr(&a), 0, addrOf(addrTramp), 2)
}

// action sets SIG_DFL or SIG_IGN.
func action(sig, handler, flags int) {
	a := sigactionT{handler: handler, flags: int32(flags)}
	must("sigaction", sysSigaction, sig, ptr(&a), 0, 0, 0)
}

func procmask(how int, set uint64) (old uint64) {
	s := sigset{set}
	var o sigset
	must("sigprocmask", sysSigprocmask, how, ptr(&s), ptr(&o))
	return o[0]
}

func block(sigs ...int) {
	var set uint64
	for _, s := range sigs {
		set |= bit(s)
	}
	procmask(sigBlock, set)
}

func unblock(sigs ...int) {
	var set uint64
	for _, s := range sigs {
		set |= bit(s)
	}
	procmask(sigUnblock, set)
}

func pending() uint64 {
	var s sigset
	must("sigpending", sysSigpending, ptr(&s))
	return s[0]
}

// sigwaitInfo takes one of the blocked signals in set.
func sigwaitInfo(set uint64, info *[128]byte) int {
	s := sigset{set}
	return must("sigtimedwait", sysSigtimedwait, ptr(&s), ptr(info), 0)
}

func sigwait(set uint64) int {
	var info [128]byte
	sigwaitInfo(set, &info)
	return int(le32(&info, 0))
}

// noneNow checks that no signal of set is pending.
func noneNow(what string, set uint64) {
	if pending()&set != 0 {
		put("pending: ")
		putInt(int(pending()))
		put(" ")
		fail(what)
	}
}

func le32(b *[128]byte, off int) int32 { return *(*int32)(unsafe.Pointer(&b[off])) }
func le64(b *[128]byte, off int) int64 { return *(*int64)(unsafe.Pointer(&b[off])) }

// Fields of a child's siginfo.
func infoCode(b *[128]byte) int   { return int(le32(b, 4)) }
func infoPid(b *[128]byte) int    { return int(le32(b, 16)) }
func infoUID(b *[128]byte) int    { return int(le32(b, 20)) }
func infoStatus(b *[128]byte) int { return int(le32(b, 24)) }

// suspend waits for a caught signal outside set.
func suspend(set uint64) {
	s := sigset{set}
	errs("sigsuspend", eintr, sysSigsuspend, ptr(&s))
}
