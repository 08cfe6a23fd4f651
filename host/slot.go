package host

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"
)

// A slot is our view of one thread's control slot. A guest may change any byte
// of it at any moment.
type slot struct {
	mem  []byte
	addr uint64 // where the guest sees it
}

func (s slot) word(off int) *uint32 { return (*uint32)(unsafe.Pointer(&s.mem[off])) }
func (s slot) turn() *uint32        { return s.word(slotTurn) }

// load and store are atomic so that neither side ever sees half a value.
func (s slot) load32(off int) uint32     { return atomic.LoadUint32(s.word(off)) }
func (s slot) store32(off int, v uint32) { atomic.StoreUint32(s.word(off), v) }
func (s slot) load(off int) uint64 {
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&s.mem[off])))
}
func (s slot) store(off int, v uint64) {
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&s.mem[off])), v)
}

// frame returns the signal frame's ucontext, or nil if the guest has put a
// wrong address in the slot.
func (s slot) frame() []byte { return s.inside(s.load(slotFrame), ucSize) }

// inside returns size bytes at guest address addr if they lie in the slot's stack.
func (s slot) inside(addr uint64, size int) []byte {
	off := addr - s.addr
	if off < slotStack || off > uint64(len(s.mem)-size) || off%8 != 0 {
		return nil
	}
	return s.mem[off:][:size]
}

// vacate removes what the stub knew of the LWP that had the slot, or of its creator.
func (s slot) vacate() {
	s.store(slotLWP, 0)
	s.hideActions()
	s.hideRoom()
	s.hideMask()
}

// prepareLight makes s the slot of a thread that is born in from's light trap.
func (s slot) prepareLight(from slot) {
	for _, off := range []int{slotKicked, slotNapping, slotExact, slotLoadFP, slotGuestCPU} {
		s.store32(off, 0)
	}
	s.vacate()
	s.store32(slotMode, modeLight)
	s.store32(slotOp, opResume)
	s.store(slotSelf, s.addr)
	s.store(slotFSBase, from.load(slotFSBase))
	s.store(slotAltstack, s.addr+slotStack)
	s.store(slotAltstack+8, 0)
	s.store(slotAltstack+16, uint64(len(s.mem)-slotStack))
}

// adopt makes s a copy of the stopped thread's slot from. If they are at
// different addresses, pointers into the frame move along.
func (s slot) adopt(from slot) bool {
	old := from.load(slotFrame)
	if from.inside(old, ucSize) == nil {
		return false
	}
	copy(s.mem[old-from.addr:], from.mem[old-from.addr:]) // the stack is used from its top
	for _, off := range []int{slotFSBase, slotGSBase} {
		s.store(off, from.load(off))
	}
	frame := old - from.addr + s.addr
	uc := s.inside(frame, ucSize)
	s.store(slotFrame, frame)
	s.vacate()
	s.store32(slotLoadFP, 0)
	s.store32(slotSigno, 0)
	s.store32(slotOp, opResume)
	le := binary.LittleEndian
	le.PutUint64(uc[ucStack:], s.addr+slotStack)
	if fp := le.Uint64(uc[ucFP:]); fp != 0 {
		le.PutUint64(uc[ucFP:], fp-from.addr+s.addr)
	}
	le.PutUint64(uc[ucSigmask:], 0)
	return true
}
