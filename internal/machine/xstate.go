package machine

import (
	"math/bits"

	"toaster/netbsd"
)

// This file is process_read_xstate and process_write_xstate of fpu.c: the extended state as a debugger sees it, in NetBSD's layout
// whatever the processor's is.
//
// There are two of these. struct xstate is a fixed structure with a place for each component that NetBSD knows.
// What XSAVE stores has them where CPUID says (leaf 0xd), which differs from one processor to the next; of that
// only the beginning is fixed, with the x87 and SSE state as FXSAVE stores it. The LWP is stopped: its own
// goroutine looks at its registers, or its tracer's, or that of a sibling which dumps core.

// xstateHas is where a state has XSTATE_BV, behind what FXSAVE stores, and xstateHeader where the components begin.
const (
	xstateHas    = netbsd.SizeofFpregs
	xstateHeader = xstateHas + 64
)

// Pieces of what FXSAVE stores. The x87 state is in two, with MXCSR between them. Behind fxEnd nothing is the
// processor's, and in a signal frame Linux keeps marks of its own there, which are no debugger's to see or to
// set.
const (
	fxControl  = 24 // control, status and tag words, the last instruction and its data
	fxMXCSR    = 24
	fxRegs     = 32
	fxXMM      = 160
	fxEnd      = 416
	initialFCW = 0x37f // __INITIAL_NPXCW__
)

// XState implements syscalls.CPU. x is zero before. A component from the second on that XSTATE_BV does not name
// stays so: what lies in its place is not its state. Components that NetBSD does not know, such as the
// protection keys, are neither named nor shown.
func (mc *Context) XState(x *netbsd.Xstate) {
	state := mc.fpu.SaveX()
	if len(state) < xstateHeader { // of a processor without XSAVE, or a process that has died
		fp := mc.fpu.FP()
		copy(x.Fxsave(), fp[:fxEnd])
		x.SetBitmaps(netbsd.XCR0_X87|netbsd.XCR0_SSE, netbsd.XCR0_X87|netbsd.XCR0_SSE)
		return
	}
	copy(x.Fxsave(), state[:fxEnd])
	all := mc.fpu.XFeatures() & netbsd.XCR0_FPU
	has := le.Uint64(state[xstateHas:]) & all
	x.SetBitmaps(all, has)
	for n := range bits.Len64(has) {
		if has>>n&1 != 0 {
			copy(x.Component(n), mc.component(state, n))
		}
	}
}

// component returns the place of a component in a state as XSAVE stores it; nil if it is not there. The layout
// is the host processor's word, and the length that of the state at hand: a component that would not fit is not
// read.
func (mc *Context) component(state []byte, n int) []byte {
	at, size := mc.fpu.XComponent(n)
	if at < xstateHeader || at+size > len(state) {
		return nil
	}
	return state[at : at+size]
}

// SetXState implements syscalls.CPU. EINVAL: it names components that are not there, or has some that it does not name
// (process_verify_xstate).
//
// What x names (xs_rfbm) is set, and the rest stays: a component that is named and has no state (xs_xstate_bv)
// becomes what the processor begins with, as XRSTOR has it. All is checked before anything is set. Where a
// state has no header only x87 and SSE can be named. A process that has died has none, either, and nobody loads
// what is set for it.
func (mc *Context) SetXState(x *netbsd.Xstate) netbsd.Errno {
	all := uint64(netbsd.XCR0_X87 | netbsd.XCR0_SSE)
	state := mc.fpu.SaveX()
	if len(state) >= xstateHeader {
		all = mc.fpu.XFeatures() & netbsd.XCR0_FPU
	}
	if x.Has()&^x.RFBM() != 0 || x.RFBM()&^all != 0 {
		return netbsd.EINVAL
	}
	fp := mc.fpu.FP()
	setFxsave(fp[:], x)
	if len(state) >= xstateHeader {
		// Bit by bit, what is named has x's word for it, and what is not has its own (process_write_xstate).
		le.PutUint64(state[xstateHas:], le.Uint64(state[xstateHas:])&^x.RFBM()|x.Has())
		for n := range bits.Len64(x.Has()) {
			if x.Has()>>n&1 != 0 {
				copy(mc.component(state, n), x.Component(n))
			}
		}
		mc.fpu.RestoreX(state)
	}
	// Behind RestoreX, whose state has the old x87 and SSE registers. SetFP drops the bits of MXCSR that would
	// fault.
	mc.fpu.SetFP(&fp)
	return 0
}

// setFxsave sets the x87 and the SSE state of fp, or what the processor begins with where x names a state and has none. MXCSR comes with either
// of SSE and AVX. It has no value to begin with, as XRSTOR loads it from memory whatever XSTATE_BV says. A tag
// word of 0 is FXSAVE's for registers that are all empty.
func setFxsave(fp []byte, x *netbsd.Xstate) {
	from := x.Fxsave()
	switch {
	case x.Has()&netbsd.XCR0_X87 != 0:
		copy(fp[:fxControl], from)
		copy(fp[fxRegs:fxXMM], from[fxRegs:])
	case x.RFBM()&netbsd.XCR0_X87 != 0:
		clear(fp[:fxControl])
		clear(fp[fxRegs:fxXMM])
		le.PutUint16(fp, initialFCW)
	}
	if x.Has()&(netbsd.XCR0_SSE|netbsd.XCR0_YMM_Hi128) != 0 {
		copy(fp[fxMXCSR:fxMXCSR+4], from[fxMXCSR:])
	}
	switch {
	case x.Has()&netbsd.XCR0_SSE != 0:
		copy(fp[fxXMM:fxEnd], from[fxXMM:])
	case x.RFBM()&netbsd.XCR0_SSE != 0:
		clear(fp[fxXMM:fxEnd])
	}
}
