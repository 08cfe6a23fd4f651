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

// xlayout is what XSAVE stores: as much as Linux does in a signal frame.
type xlayout struct {
	size     int
	features uint64
}

// learnX finds it in a signal frame that no guest can have changed.
func (p *Platform) learnX(t *Thread) {
	fx := t.fpstate()
	if p.xlayout.Load() != nil || len(fx) <= fpSize {
		return
	}
	le := binary.LittleEndian
	const protectionKeys = 1 << 9 // wrong ones would lock the stub out of its slot
	x := xlayout{int(le.Uint32(fx[fpSoftware+16:])), le.Uint64(fx[fpSoftware+8:]) &^ protectionKeys}
	if x.size > fpSize+xstateHeader && x.size <= p.arena.slotSize-slotFP {
		p.xlayout.Store(&x)
	}
}

// lightFP puts into the slot what the stub is to load.
func (t *Thread) lightFP() {
	if !t.fpDirty {
		return
	}
	t.fpDirty = false
	if t.x == nil {
		copy(t.slot.mem[slotFP:], t.fp[:])
		t.slot.store32(slotLoadFP, loadFP)
		return
	}
	copy(t.slot.mem[slotFP:], t.x)
	copy(t.slot.mem[slotFP:], t.fp[:fpSoftware])
	t.slot.store(slotFeatures, t.proc.platform.xlayout.Load().features)
	t.slot.store32(slotLoadFP, loadX)
}

// frameFP does it for a light trap that has become a signal frame, if it has not been
// done.
func (t *Thread) frameFP() {
	if t.fpDirty || t.slot.load32(slotLoadFP) != 0 {
		if to := t.fpstate(); t.x != nil && to != nil {
			putX(to, t.x)
		}
		t.setFP(t.fp[:])
		t.fpDirty = false
		t.slot.store32(slotLoadFP, 0)
	}
	t.x = nil
}

// SaveX returns the whole extended state, AVX included, for RestoreX.
func (t *Thread) SaveX() []byte {
	if !t.enter() {
		return nil
	}
	defer t.leave()
	if x := t.proc.platform.xlayout.Load(); t.light && x != nil && !t.fpDirty {
		t.slot.store(slotFeatures, x.features)
		t.yield(opSaveX)
		if !t.await() {
			return nil
		}
		t.light = t.slot.load32(slotMode) == modeLight // else a signal came in between
		if t.light {
			return append([]byte(nil), t.slot.mem[slotFP:][:x.size]...)
		}
	}
	if !t.full() {
		return nil
	}
	return append([]byte(nil), t.fpstate()...)
}

// RestoreX brings a state back that SaveX returned, on this machine. It may
// have been in guest memory meanwhile; what can't be loaded is left out.
func (t *Thread) RestoreX(state []byte) {
	if !t.enter() {
		return
	}
	defer t.leave()
	if len(state) < fpSize {
		return
	}
	if x := t.proc.platform.xlayout.Load(); t.light && x != nil && len(state) >= x.size {
		t.x = make([]byte, x.size)
		xheader(t.x, state, x.features)
		copy(t.x[fpSize+xstateHeader:], state[fpSize+xstateHeader:])
		putFP(t.fp[:], state)
		t.fpDirty = true
		return
	}
	if !t.full() {
		return
	}
	if to := t.fpstate(); to != nil {
		putX(to, state)
		t.setFP(state[:fpSize])
	}
}

// putX sets in a signal frame what state has beyond x87 and SSE.
func putX(to, state []byte) {
	if min(len(to), len(state)) <= fpSize+xstateHeader {
		return
	}
	xheader(to, state, binary.LittleEndian.Uint64(to[fpSoftware+8:]))
	const magic2 = 4
	copy(to[fpSize+xstateHeader:len(to)-magic2], state[fpSize+xstateHeader:])
}

// xheader says in to what state has, of these features.
func xheader(to, state []byte, features uint64) {
	le := binary.LittleEndian
	has := le.Uint64(state[fpSize:])&features | 3
	clear(to[fpSize:][:xstateHeader])
	le.PutUint64(to[fpSize:], has)
}
