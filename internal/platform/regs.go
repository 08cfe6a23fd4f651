package platform

import "encoding/binary"

// Regs are a thread's general registers. They are valid between Run calls, and
// the next Run loads what they hold.
type Regs struct {
	R8, R9, R10, R11, R12, R13, R14, R15 uint64
	RDI, RSI, RBP, RBX, RDX, RAX, RCX    uint64
	RSP, RIP, RFLAGS                     uint64
	FSBase, GSBase                       uint64
}

// Regs gives access to the registers, to read and to change.
func (t *Thread) Regs() *Regs { return &t.regs }

// A guest may only have these flags; the kernel would mask the others as well.
const userFlags = 0x254dd5 // ID AC OF DF TF SF ZF AF PF CF RF

const segments = 0x33 | 0x2b<<48 // 64-bit code, flat stack

// fields lists the registers in the order of the signal frame.
func (r *Regs) fields() [18]*uint64 {
	return [...]*uint64{
		&r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15,
		&r.RDI, &r.RSI, &r.RBP, &r.RBX, &r.RDX, &r.RAX, &r.RCX,
		&r.RSP, &r.RIP, &r.RFLAGS,
	}
}

// write puts them back into a ucontext, with everything in it that a guest could have
// spoilt set to what it must be.
//
// These are plain stores: the turn is what makes them seen, and an atomic one takes 5 ns.
func (r *Regs) write(s slot, at span) {
	r.RFLAGS = r.RFLAGS&userFlags | 0x202
	le, uc := binary.LittleEndian, s.bytes(at)
	for i, f := range r.fields() {
		le.PutUint64(uc[ucR8+8*i:], *f)
	}
	le.PutUint64(uc[ucSegs:], segments)
	le.PutUint64(uc[ucSigmask:], 0)
	s.store(slotFSBase, userBase(r.FSBase))
	s.store(slotGSBase, userBase(r.GSBase))
}

// userBase keeps segment bases canonical: loading another would kill the stub.
func userBase(addr uint64) uint64 {
	if addr >= GuestEnd {
		return 0
	}
	return addr
}
