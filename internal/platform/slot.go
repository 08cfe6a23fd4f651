package platform

import (
	"sync/atomic"
	"unsafe"
)

// A slot is toaster's view of one thread's control slot. A guest may change any byte
// of it at any moment: decode.go reads it. What is written to it here and elsewhere is in
// range whatever a guest has put there.
type slot struct {
	mem  []byte
	addr uint64 // where the guest sees it
}

func (s slot) word(off int) *uint32 { return (*uint32)(unsafe.Pointer(&s.mem[off])) }
func (s slot) turn() *uint32        { return s.word(slotTurn) }

// store and store32 are atomic so that neither side ever sees half a value.
func (s slot) store32(off int, v uint32) { atomic.StoreUint32(s.word(off), v) }
func (s slot) store(off int, v uint64) {
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&s.mem[off])), v)
}

// putLight writes what the stub is to load, or a part of it, where it finds it.
func (s slot) putLight(state []byte) { copy(s.mem[slotFP:], state) }

// vacate removes what the stub knew of the LWP that had the slot, or of its creator.
func (s slot) vacate() {
	s.store(slotLWP, 0)
	s.store32(slotTrapAll, 0)
	s.revokeAll()
}

// prepareLight makes s the slot of a thread that is born, or was parked, in a light trap,
// and gets what from's has.
func (s slot) prepareLight(from slot) {
	for _, off := range []int{slotKicked, slotNapping, slotExact, slotLoadFP, slotGuestCPU} {
		s.store32(off, 0)
	}
	s.vacate()
	s.store32(slotMode, modeLight)
	s.store32(slotOp, opResume)
	s.store(slotSelf, s.addr)
	s.store(slotFSBase, from.base(slotFSBase))
	s.store(slotAltstack, s.addr+slotStack)
	s.store(slotAltstack+8, 0)
	s.store(slotAltstack+16, uint64(len(s.mem)-slotStack))
}

// adopt makes s a copy of the stopped thread's slot from. If they are at
// different addresses, pointers into the frame move along.
func (s slot) adopt(from slot) bool {
	at, ok := from.frame()
	if !ok || len(s.mem) != len(from.mem) {
		return false
	}
	copy(s.mem[at.off:], from.mem[at.off:]) // the stack is used from its top
	for _, off := range []int{slotFSBase, slotGSBase} {
		s.store(off, from.base(off))
	}
	s.store(slotFrame, s.addr+uint64(at.off))
	s.vacate()
	s.store32(slotLoadFP, 0)
	s.store32(slotSigno, 0)
	s.store32(slotOp, opResume)
	s.store(at.off+ucStack, s.addr+slotStack)
	s.store(at.off+ucSigmask, 0)
	if fp, ok := from.inside(s.load(at.off+ucFP), fpSize); ok {
		s.store(at.off+ucFP, s.addr+uint64(fp.off))
	} else {
		s.store(at.off+ucFP, 0) // none: the host then starts with fresh state
	}
	return true
}
