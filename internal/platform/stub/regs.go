package stub

// Regs are a thread's general registers, and the bases of FS and GS.
type Regs struct {
	R8, R9, R10, R11, R12, R13, R14, R15 uint64
	RDI, RSI, RBP, RBX, RDX, RAX, RCX    uint64
	RSP, RIP, RFLAGS                     uint64
	FSBase, GSBase                       uint64
}

// Segments are CS and SS as a signal frame has them: 64-bit code and a flat stack.
const Segments = 0x33 | 0x2b<<48

// Fields lists the registers in the order of the signal frame.
func (r *Regs) Fields() [18]*uint64 {
	return [...]*uint64{
		&r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15,
		&r.RDI, &r.RSI, &r.RBP, &r.RBX, &r.RDX, &r.RAX, &r.RCX,
		&r.RSP, &r.RIP, &r.RFLAGS,
	}
}

// Loadable reports whether the stub can load the registers without a signal frame: only
// rt_sigreturn sets the trap flag so that the first step is the guest's.
func (r *Regs) Loadable() bool {
	const trap = 0x100
	return r.RIP < GuestEnd && r.RFLAGS&trap == 0
}

// Numbered returns a register by the number that instructions have for it, 0 to 15.
func (r *Regs) Numbered(n byte) *uint64 {
	return [...]*uint64{
		&r.RAX, &r.RCX, &r.RDX, &r.RBX, &r.RSP, &r.RBP, &r.RSI, &r.RDI,
		&r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15,
	}[n&15]
}

// Finish puts the guest behind a system call that has succeeded with this result, as the
// stub does it: in front of where CX points, no carry, RDX 0.
func (r *Regs) Finish(result uint64) {
	r.RIP, r.R11 = r.RCX, r.RFLAGS
	r.RAX, r.RDX = result, 0
	r.RFLAGS &^= 1
}

// Fail puts the guest behind a system call that has failed: the carry flag is set, and RAX has
// the errno.
func (r *Regs) Fail(errno uint64) {
	r.RIP, r.R11 = r.RCX, r.RFLAGS
	r.RAX = errno
	r.RFLAGS |= 1
}

// userBase keeps segment bases canonical: loading another would kill the stub.
func userBase(addr uint64) uint64 {
	if addr >= GuestEnd {
		return 0
	}
	return addr
}
