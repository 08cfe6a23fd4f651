package platform

import "encoding/binary"

// A head is the first instruction of a call site, as compilers put numbers and arguments into
// registers in front of a system call. It has a jump's length at least:
//
//	b8+r nn nn nn nn              mov $nn,%r32; with 41, from %r8d on
//	48 b8+r nn nn nn nn nn nn nn nn  movabs $nn,%r64
//	48 c7 c0+r nn nn nn nn        mov $nn,%r64
//	48 8b 44 24 nn                mov nn(%rsp),%r64
//	8b 85 nn nn nn nn             mov nn(%rbp),%r32
//	48 63 7c 24 nn                movslq nn(%rsp),%r64
//	48 8d 44 24 nn                lea nn(%rsp),%r64
//	48 8d 35 nn nn nn nn          lea nn(%rip),%r64
//	48 c7 45 dd nn nn nn nn       movq $nn,dd(%rbp); without 48, movl
//
// Memory is what a register points to, and a displacement: without an index. Flags stay as they are.
//
// An island has the head as it stands at the site, but for a displacement from where it is.
type head struct {
	op   headOp
	size int
	reg  byte  // what is set
	base byte  // of an address: a register, or nextInstruction
	disp int32 // is added to it
	at   int   // where disp is in the code
	imm  uint64
}

// A headOp is what a head does.
type headOp byte

const (
	noHead      headOp = iota
	headSet            // reg becomes imm
	headAddress        // reg becomes the address
	headLoad           // reg becomes eight bytes of memory
	headLoad32         // or four, with zeroes above
	headLoadInt        // or four, with their sign
	headStore          // eight bytes of memory become imm
	headStore32        // or four
)

const (
	nextInstruction = 16 // the base of what is addressed from behind the head
	headMost        = 16 // bytes that are looked at; the longest head has 12
)

// The prefix REX: each bit makes a field wider.
const (
	rexB = 1 << iota // base, or the only register
	rexX             // index
	rexR             // register
	rexW             // operand
)

// headOf returns what code begins with; its op is noHead if that cannot be a head. What lies behind
// code it takes for zeroes: the caller looks whether the head fits. Precondition: code has two bytes.
//
// A look for sites asks at each byte in front of what may be a call, so most of what is none is told by one byte.
func headOf(code []byte) (h head) {
	at, rex, op := 0, byte(0), code[0]
	if op&0xf0 == 0x40 {
		at, rex, op = 1, op, code[1]
	}
	if op&0xf8 != 0xb8 && op != 0xc7 && op != 0x8b && op != 0x63 && op != 0x8d {
		return h
	}
	var b [headMost]byte
	copy(b[:], code)
	if op&0xf8 == 0xb8 {
		h.number(&b, at, rex)
	} else if op == 0xc7 && b[at+1]&0xf8 == 0xc0 && rex&(rexX|rexR|rexW) == rexW {
		h = head{op: headSet, reg: b[at+1]&7 | rex&rexB<<3, imm: signed(b[at+2:]), size: at + 6}
	} else if h.address(&b, at+1, rex) {
		h.onMemory(&b, op, rex&rexW != 0)
	}
	if h.size < jumpSize {
		h.op = noHead
	}
	return h
}

// number is for a head that has its number in its last bytes, and the register in its first.
func (h *head) number(b *[headMost]byte, at int, rex byte) {
	h.reg, h.size = b[at]&7|rex&rexB<<3, at+5
	h.imm = uint64(binary.LittleEndian.Uint32(b[at+1:]))
	if rex&rexW != 0 {
		h.size, h.imm = at+9, binary.LittleEndian.Uint64(b[at+1:])
	}
	if rex&(rexX|rexR) == 0 {
		h.op = headSet
	}
}

// address takes register and memory from ModRM and what follows. It reports false for memory with an index,
// or without a displacement, and for two registers.
func (h *head) address(b *[headMost]byte, at int, rex byte) bool {
	mod, rm := b[at]>>6, b[at]&7
	h.reg, h.base = b[at]>>3&7|rex&rexR<<1, rm|rex&rexB<<3
	at++
	switch {
	case mod == 0 && rm == 5:
		h.base = nextInstruction
	case mod == 0 || mod == 3 || rex&rexX != 0:
		return false
	case rm == 4:
		if b[at]&0x38 != 0x20 {
			return false
		}
		h.base = b[at]&7 | rex&rexB<<3
		at++
	}
	if h.at = at; mod == 1 {
		h.disp, h.size = int32(int8(b[at])), at+1
		return true
	}
	h.disp, h.size = int32(binary.LittleEndian.Uint32(b[at:])), at+4
	return true
}

// onMemory is for an instruction whose memory is known.
func (h *head) onMemory(b *[headMost]byte, op byte, wide bool) {
	switch {
	case op == 0x8b && wide:
		h.op = headLoad
	case op == 0x8b:
		h.op = headLoad32
	case op == 0x63 && wide:
		h.op = headLoadInt
	case op == 0x8d && wide:
		h.op = headAddress
	case op == 0xc7 && h.reg&7 == 0:
		h.imm = signed(b[h.size:])
		h.size += 4
		h.op = headStore32
		if wide {
			h.op = headStore
		}
	}
}

// signed is a number of 32 bits, with its sign.
func signed(b []byte) uint64 { return uint64(int64(int32(binary.LittleEndian.Uint32(b)))) }

// headSize returns the length of what code begins with, 0 if that cannot be a head.
func headSize(code []byte) int {
	if h := headOf(code); h.op != noHead {
		return h.size
	}
	return 0
}

// moveHead makes of the head that island begins with one that does from there what it did at the site. It
// reports false if no displacement reaches as far.
func moveHead(island []byte, from, to uint64) bool {
	h := headOf(island)
	if h.base != nextInstruction {
		return true
	}
	disp := int64(h.disp) + int64(from-to)
	binary.LittleEndian.PutUint32(island[h.at:], uint32(disp))
	return disp == int64(int32(disp))
}

// emulate executes the head of a site. It reports false if that would fault.
func (t *Thread) emulate(s *Site) bool {
	h, r := headOf(s.Code), &t.regs
	addr := uint64(int64(h.disp))
	if h.base == nextInstruction {
		addr += s.Addr + uint64(h.size)
	} else {
		addr += *r.Numbered(h.base)
	}
	var b [8]byte
	ok := true
	switch reg := r.Numbered(h.reg); h.op {
	case headSet:
		*reg = h.imm
	case headAddress:
		*reg = addr
	case headStore, headStore32:
		binary.LittleEndian.PutUint64(b[:], h.imm)
		_, ok = t.proc.Write(addr, b[:h.width()])
	default:
		if _, ok = t.proc.Read(addr, b[:h.width()]); ok {
			*reg = h.extend(binary.LittleEndian.Uint64(b[:]))
		}
	}
	return ok
}

// width returns how many bytes of memory a head reads or writes.
func (h *head) width() int {
	if h.op == headLoad || h.op == headStore {
		return 8
	}
	return 4
}

// extend makes of what was read what is in the register then.
func (h *head) extend(v uint64) uint64 {
	if h.op == headLoadInt {
		return uint64(int64(int32(v)))
	}
	return v
}
