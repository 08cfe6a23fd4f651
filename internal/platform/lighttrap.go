package platform

import (
	"bytes"
	"encoding/binary"
)

// Fast calls come from rewritten call sites (rewrite.go), without a signal. The
// stub has the guest's registers in the slot, and either answers, or hands over:
// the guest is then in a light trap, its extended state still in the processor.
// Whatever needs a signal frame (a fork, receiving a file, single-stepping) makes the stub
// trap first, see ensureFrame.
//
// A signal can arrive anywhere on the way. Until the turn is given, nothing has
// happened that the guest could notice, and it is put back in front of its
// system call instruction, which is still there behind the jump and takes the
// long way. Afterwards its registers are the kernel's, in Thread.regs.

// A stubRegion is where a signal found the thread: in the guest's code, or in a part of
// the stub between two marks.
type stubRegion int

const (
	regionGuest      stubRegion = iota
	regionEntering              // registers as they were, but for CX and R11
	regionSwitching             // and but for SP
	regionSaved                 // registers in slotLight
	regionClock                 // and XMM registers in slotXMM
	regionNap                   // asleep in the stub, or about to be, or just awake
	regionMapped                // the host has said whether memory is mapped
	regionPosted                // that is noted, or what else the guest has changed in the slot
	regionAnswered              // about to return with what the stub answers
	regionLight                 // in a light trap, or about to return from one
	regionTrampoline            // at a rewritten site
	regionStub                  // where a guest can't be
)

// regionOf finds out where a thread with that RIP is.
func (t *Thread) regionOf(rip uint64) stubRegion {
	p := t.proc.platform
	m := &p.stub
	switch {
	case rip < GuestEnd && t.proc.rewritten.contains(rip):
		return regionTrampoline
	case rip < stubAddr || rip >= p.areaEnd:
		return regionGuest
	case p.vdso.text != 0 && rip >= p.vdso.text:
		return regionClock
	case rip < m.enter || rip >= m.last:
		return regionStub
	case rip <= m.save:
		return regionEntering
	case rip < m.saved:
		return regionSwitching
	case rip >= m.gave && rip < m.over:
		return regionLight
	case rip >= m.clocked && rip < m.restored:
		return regionClock
	case rip >= m.nap && rip < m.napped:
		return regionNap
	case rip >= m.posted && rip < m.told, rip >= m.noted && rip < m.noteTold,
		rip >= m.masked && rip < m.maskTold, rip >= m.stack && rip < m.stackTold:
		return regionPosted
	case rip >= m.mapped && rip < m.noted:
		return regionMapped
	case rip >= m.answered:
		return regionAnswered
	}
	return regionSaved
}

const syscallSize = 2

// recoverRegs gives the registers of a guest that a signal met on the fast way. It reports
// whether that succeeded.
func (t *Thread) recoverRegs(at stubRegion) bool {
	r := &t.regs
	switch at {
	case regionLight:
		t.moveFPToFrame()
		return true
	case regionSwitching:
		r.RSP = t.slot.switchedRSP()
	case regionClock:
		t.recoverXMM()
		fallthrough
	case regionSaved, regionNap, regionMapped, regionPosted, regionAnswered:
		fs := r.FSBase
		*r = t.slot.registers(t.slot.light())
		r.FSBase = fs
		t.slot.store32(slotNapping, 0) // it may have been on its way there, or back
	}
	r.RIP = r.RCX - syscallSize
	return r.RIP < GuestEnd
}

// napTrap makes a trap of a nanosleep that a signal met in the stub: the kernel goes on
// with it, so that it ends early just where it would have. rax is what the signal
// found in that register: the host's result, if there is one yet.
func (t *Thread) napTrap(at stubRegion, rax uint64) Trap {
	r := &t.regs
	r.RIP, r.R11 = r.RCX, r.RFLAGS
	left := t.slot.napLeft()
	if at == regionAnswered || rax == 0 {
		left = 0
	}
	return Trap{Kind: Syscall, Napped: true, Left: left}
}

// recoverXMM undoes what the vdso did to these registers.
func (t *Thread) recoverXMM() {
	if a, ok := t.slot.frameFP(); ok {
		xmm := t.slot.xmm()
		copy(t.slot.bytes(a.span)[fpXMM:], xmm[:])
		t.slot.addFeatures(a, hasSSE)
	}
}

// decodeLight reads a system call that came without a signal.
func (t *Thread) decodeLight() Trap {
	t.regs = t.slot.registers(t.slot.light())
	t.light, t.xstate = true, nil
	t.fpSaved = t.slot.fpSaved()
	t.fetchAt, t.fetched = t.slot.fetch()
	t.noteUsage()
	r := &t.regs
	r.RIP, r.R11 = r.RCX, r.RFLAGS
	if r.RIP >= GuestEnd {
		return t.killHostile()
	}
	return Trap{Kind: Syscall}
}

// Fetched copies guest memory at addr into b if the system call brought it along, as it
// does with what some frequent ones are sure to need. It spares a Read.
func (t *Thread) Fetched(addr uint64, b []byte) bool {
	if t.fetchAt == 0 || t.fetchAt != addr || len(b) > fetchSize(t.regs.RAX) {
		return false
	}
	copy(b, t.fetched[:])
	return true
}

func fetchSize(call uint64) int {
	switch call {
	case guestSigaction:
		return fetchMax
	case guestSigprocmask:
		return sizeofSigset
	}
	return 8
}

// SetLWP tells the stub what _lwp_self(2) is.
func (t *Thread) SetLWP(id int) { t.slot.store(slotLWP, uint64(id)) }

// SetTrapAll says whether from the next Run on the stub is to answer nothing itself.
func (t *Thread) SetTrapAll(on bool) {
	if t.trapAll == on {
		return
	}
	t.trapAll = on
	v := uint32(0)
	if on {
		v = 1
	}
	t.slot.store32(slotTrapAll, v)
}

// loadable says whether the stub can load the registers without a signal frame.
func (r *Regs) loadable() bool {
	const trap = 0x100
	return r.RIP < GuestEnd && r.RFLAGS&trap == 0
}

// storeReturn says how they are to be loaded: if a jump through CX won't do, by IRETQ.
func (t *Thread) storeReturn() {
	s, r := t.slot, &t.regs
	if r.RIP == r.RCX {
		s.store32(slotExact, 0)
		return
	}
	for i, v := range []uint64{r.RIP, segments & 0xffff, r.RFLAGS, r.RSP, segments >> 48} {
		s.store(slotIret+8*i, v)
	}
	s.store32(slotExact, 1)
}

// ensureFrame makes sure that a stopped guest is in a signal frame. The registers in it
// don't matter: those that count are in t.regs. Preconditions: t is entered.
func (t *Thread) ensureFrame() bool {
	if !t.light {
		return true
	}
	t.giveTurn(opFrame)
	if !t.awaitTurn() {
		return false
	}
	if _, ok := t.slot.frame(); !ok || t.slot.inLight() {
		t.killHostile()
		return false
	}
	t.light = false
	t.moveFPToFrame()
	return true
}

// enterWithFrame is enter for calls that need a signal frame.
func (t *Thread) enterWithFrame() bool {
	if !t.enter() {
		return false
	}
	if !t.ensureFrame() {
		t.leave()
		return false
	}
	return true
}

// storeRegs puts the registers where the stub loads them from.
func (t *Thread) storeRegs() bool {
	if t.light && !t.regs.loadable() && !t.ensureFrame() {
		return false
	}
	if t.light {
		t.regs.write(t.slot, t.slot.light())
		t.storeReturn()
		return true
	}
	uc, ok := t.slot.frame()
	if !ok {
		t.killHostile()
		return false
	}
	t.regs.write(t.slot, uc)
	if t.proc.rewritten != nil {
		t.slot.store(slotSelf, t.slot.addr)
		t.slot.store(slotGSBase, t.slot.addr)
	}
	return true
}

// marks are addresses in the stub that matter for where a signal arrives.
type marks struct {
	enter, save, saved, gave, over, clocked, restored, nap, napped, posted, told,
	masked, maskTold, stack, stackTold, mapped, noted, noteTold, answered, last uint64
}

func findMarks(code []byte) (m marks) {
	for tag, at := range map[string]*uint64{
		"ent0": &m.enter, "sav0": &m.save, "sav1": &m.saved, "gav0": &m.gave,
		"end0": &m.over, "xmm0": &m.clocked, "xmm1": &m.restored, "nap0": &m.nap, "nap1": &m.napped,
		"pst0": &m.posted, "pst1": &m.told, "map0": &m.mapped, "map1": &m.noted, "map2": &m.noteTold,
		"msk0": &m.masked, "msk1": &m.maskTold, "stk0": &m.stack, "stk1": &m.stackTold, "ans0": &m.answered,
		"end1": &m.last,
	} {
		mark := []byte("\x0f\x1f\x80" + tag)
		if bytes.Count(code, mark) != 1 {
			panic("host: the stub has no mark " + tag)
		}
		*at = stubAddr + uint64(bytes.Index(code, mark))
	}
	return m
}

// configureLight writes what the zygote and the stub need to know of fast calls.
func (p *Platform) configureLight(cfg []byte) {
	le := binary.LittleEndian
	le.PutUint64(cfg[cfgLightBegin:], p.stub.gave)
	le.PutUint64(cfg[cfgLightEnd:], p.stub.over)
	le.PutUint64(cfg[cfgClock:], p.vdso.clock)
	le.PutUint64(cfg[cfgKeep:], p.areaEnd)
	le.PutUint64(cfg[cfgKeepSize:], hostEnd-p.areaEnd)
	for i, piece := range p.vdso.pieces {
		b := cfg[cfgPieces+pieceSize*i:]
		le.PutUint64(b, piece.off)
		le.PutUint64(b[8:], piece.size)
		le.PutUint64(b[16:], piece.to)
	}
}
