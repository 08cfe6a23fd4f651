package machine

import (
	"math/bits"

	"toaster/netbsd"
)

// This file is process_read_xstate and process_write_xstate of fpu.c: the extended state as a debugger sees it, in NetBSD's layout
// whatever the processor's is.

// xstateHas is where a state has XSTATE_BV, behind what FXSAVE stores, and xstateHeader where the components begin.
const (
	xstateHas    = netbsd.SizeofFpregs
	xstateHeader = xstateHas + 64
)

// Pieces of what FXSAVE stores. The x87 state is in two.
const (
	fxControl  = 24 // control, status and tag words, the last instruction and its data
	fxMXCSR    = 24
	fxRegs     = 32
	fxXMM      = 160
	fxEnd      = 416
	initialFCW = 0x37f // __INITIAL_NPXCW__
)

// XState implements syscalls.CPU.
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

// component returns the place of a component in a state as XSAVE stores it; nil if it is not there.
func (mc *Context) component(state []byte, n int) []byte {
	at, size := mc.fpu.XComponent(n)
	if at < xstateHeader || at+size > len(state) {
		return nil
	}
	return state[at : at+size]
}

// SetXState implements syscalls.CPU. EINVAL: it names components that are not there, or has some that it does not name
// (process_verify_xstate).
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
		le.PutUint64(state[xstateHas:], le.Uint64(state[xstateHas:])&^x.RFBM()|x.Has())
		for n := range bits.Len64(x.Has()) {
			if x.Has()>>n&1 != 0 {
				copy(mc.component(state, n), x.Component(n))
			}
		}
		mc.fpu.RestoreX(state)
	}
	mc.fpu.SetFP(&fp)
	return 0
}

// setFxsave sets the x87 and the SSE state of fp, or what the processor begins with where x names a state and has none. MXCSR comes with either
// of SSE and AVX.
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
