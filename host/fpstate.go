package host

import (
	"encoding/binary"
	"sync"
	"unsafe"
)

// The extended state lies in the signal frame: 512 bytes as FXSAVE lays them
// out, then the XSAVE header and the rest. In the 48 bytes that FXSAVE leaves to
// software, Linux says how much there is.

const (
	fpSize       = 512
	fpMXCSR      = 24
	fpMXCSRMask  = 28
	fpSoftware   = 464 // magic, size of everything, feature bits
	fpMagic      = 0x46505853
	xstateHeader = 64
)

// fpstate returns the extended state in place, or nil if the guest has spoilt
// the frame. It is at least fpSize long.
func (t *Thread) fpstate() []byte {
	uc := t.slot.frame()
	if uc == nil {
		return nil
	}
	le := binary.LittleEndian
	addr := le.Uint64(uc[ucFP:])
	fx := t.slot.inside(addr, fpSize)
	if fx == nil || le.Uint32(fx[fpSoftware:]) != fpMagic {
		return fx
	}
	size := int(le.Uint32(fx[fpSoftware+4:]))
	if size < fpSize+xstateHeader || size > len(t.slot.mem) {
		return fx
	}
	if all := t.slot.inside(addr, size); all != nil {
		return all
	}
	return fx
}

// FP returns the x87 and SSE state, as FXSAVE stores it.
func (t *Thread) FP() (fx [fpSize]byte) {
	if !t.enter() {
		return fx
	}
	defer t.leave()
	return t.fp512()
}

// fp512 is FP for those who have entered.
func (t *Thread) fp512() (fx [fpSize]byte) {
	if t.light && t.fpDirty {
		return t.fp
	}
	if t.light && t.fpSaved {
		copy(fx[:fpSoftware], t.slot.mem[slotFP:])
		return fx
	}
	if t.light {
		t.yield(opSaveFP)
		if !t.await() {
			return fx
		}
		t.light = t.slot.load32(slotMode) == modeLight // else a signal came in between
	}
	if t.light {
		copy(fx[:fpSoftware], t.slot.mem[slotFP:])
	} else {
		copy(fx[:], t.fpstate())
	}
	return fx
}

// SetFP replaces the x87 and SSE state. Bits of MXCSR that the processor
// doesn't have are dropped.
func (t *Thread) SetFP(fx *[fpSize]byte) {
	if !t.enter() {
		return
	}
	defer t.leave()
	if !t.light {
		t.setFP(fx[:])
		return
	}
	putFP(t.fp[:], fx[:])
	t.fpDirty = true
}

// setFP sets it in the signal frame.
func (t *Thread) setFP(fx []byte) {
	to := t.fpstate()
	if to == nil {
		return
	}
	putFP(to, fx)
	if len(to) > fpSize {
		to[fpSize] |= 3 // x87 and SSE are present
	}
}

// putFP copies what can be loaded.
func putFP(to, fx []byte) {
	le := binary.LittleEndian
	copy(to[:fpSoftware], fx)
	le.PutUint32(to[fpMXCSR:], le.Uint32(fx[fpMXCSR:])&mxcsrMask())
	le.PutUint32(to[fpMXCSRMask:], mxcsrMask())
}

// mxcsrMask is what bits of MXCSR the processor has.
var mxcsrMask = sync.OnceValue(func() uint32 {
	b := new([2 * fpSize]byte) // of which an aligned part is used
	to := (*[fpSize]byte)(b[-uintptr(unsafe.Pointer(b))&15:])
	fxsave(to)
	if mask := binary.LittleEndian.Uint32(to[fpMXCSRMask:]); mask != 0 {
		return mask
	}
	return 0xffbf // what the manual gives for a mask of 0
})

// lightFP puts into the slot what the stub is to load.
func (t *Thread) lightFP() {
	if t.fpDirty {
		copy(t.slot.mem[slotFP:], t.fp[:])
		t.fpDirty = false
		t.slot.store32(slotLoadFP, 1)
	}
}

// frameFP does it for a light trap that has become a signal frame, if it has not been
// done.
func (t *Thread) frameFP() {
	if t.fpDirty || t.slot.load32(slotLoadFP) != 0 {
		t.setFP(t.fp[:])
		t.fpDirty = false
		t.slot.store32(slotLoadFP, 0)
	}
}

// SaveX returns the whole extended state, AVX included, for RestoreX.
func (t *Thread) SaveX() []byte {
	if !t.enterFull() {
		return nil
	}
	defer t.leave()
	return append([]byte(nil), t.fpstate()...)
}

// RestoreX brings a state back that SaveX returned, on this machine. It may
// have been in guest memory meanwhile; what can't be loaded is left out.
func (t *Thread) RestoreX(state []byte) {
	if !t.enterFull() {
		return
	}
	defer t.leave()
	to := t.fpstate()
	if to == nil || len(state) < fpSize {
		return
	}
	t.setFP(state[:fpSize])
	if len(to) != len(state) || len(to) <= fpSize+xstateHeader {
		return
	}
	le := binary.LittleEndian
	features := le.Uint64(to[fpSoftware+8:])
	clear(to[fpSize:][:xstateHeader])
	le.PutUint64(to[fpSize:], le.Uint64(state[fpSize:])&features|3)
	const magic2 = 4
	copy(to[fpSize+xstateHeader:len(to)-magic2], state[fpSize+xstateHeader:])
}
