package host

import "encoding/binary"

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
	if t.enterFull() {
		t.setFP(fx[:])
		t.leave()
	}
}

func (t *Thread) setFP(fx []byte) {
	to := t.fpstate()
	if to == nil {
		return
	}
	le := binary.LittleEndian
	mask := le.Uint32(to[fpMXCSRMask:])
	if mask == 0 {
		mask = 0xffbf // what the manual gives for a mask of 0
	}
	copy(to[:fpSoftware], fx)
	le.PutUint32(to[fpMXCSR:], le.Uint32(fx[fpMXCSR:])&mask)
	le.PutUint32(to[fpMXCSRMask:], mask)
	if len(to) > fpSize {
		to[fpSize] |= 3 // x87 and SSE are present
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
