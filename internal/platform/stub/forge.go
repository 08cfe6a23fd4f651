package stub

import (
	"math/rand/v2"
)

// This file is what a hostile guest knows of the stub and can do to its slot. Tests play such
// guests, those of this package, of seccomp and of platform; nothing else uses it. What it
// names is laid out in layout.go.

// Words of a slot, as offsets.
const (
	OffTurn         = slotTurn
	OffOp           = slotOp
	OffSigno        = slotSigno
	OffFrame        = slotFrame
	OffGSBase       = slotGSBase
	OffCount        = slotCount
	OffCommand      = slotCommand
	OffGuestCPU     = slotGuestCPU
	OffMode         = slotMode
	OffToken        = slotToken
	OffTarget       = slotTarget
	OffSelf         = slotSelf
	OffKicked       = slotKicked
	OffNapping      = slotNapping
	OffPart         = slotPart
	OffSince        = slotSince
	OffLWP          = slotLWP
	OffLent         = slotLent
	OffMask         = slotMask
	OffStacks       = slotStacks
	OffStackNoted   = slotStackNoted
	OffActionsNoted = slotActionsNoted
	OffRoomNoted    = slotRoomNoted
	OffStack        = slotStack
	OffLightFlags   = lightFlags
	OffLightRCX     = lightRCX
	OffLightRSP     = lightRSP
	OffLightRIP     = lightRIP

	ModeLight   = modeLight
	CommandSize = commandSize
	PlacedSize  = placedSize
)

// Parts of a signal frame's ucontext, as offsets.
const (
	OffUCStack   = ucStack
	OffUCR8      = ucR8
	OffUCRDI     = ucRDI
	OffUCRSI     = ucRSI
	OffUCRDX     = ucRDX
	OffUCRAX     = ucRAX
	OffUCRIP     = ucRIP
	OffUCEflags  = ucEflags
	OffUCSegs    = ucSegs
	OffUCSigmask = ucSigmask
	OffUCSize    = ucSize
)

// Poke writes to a slot, at a multiple of 8, as its guest can at any moment.
func (s Slot) Poke(off int, v uint64) { s.store(off, v) }

// Poke32 writes 4 bytes, at a multiple of 4.
func (s Slot) Poke32(off int, v uint32) { s.store32(off, v) }

// Peek reads what the guest sees.
func (s Slot) Peek(off int) uint64 { return s.load(off) }

// Peek32 reads 4 bytes.
func (s Slot) Peek32(off int) uint32 { return s.load32(off) }

// Memory returns all of a slot, in place.
func (s Slot) Memory() []byte { return s.mem }

// Where StoppedSlot has the parts of a signal frame, as Linux lays them out.
const (
	forgedSize  = 1 << 14
	forgedFrame = slotStack + 0x400
	forgedInfo  = forgedFrame + ucSize
	forgedFP    = forgedFrame + 0x200

	// ForgedX is the size of the extended state there: AVX, as XSAVE lays it out.
	ForgedX = 832
)

// StoppedSlot returns the slot of a thread that a system call has stopped at 0x400000, in a
// signal frame, with memory of its own.
func StoppedSlot() Slot {
	s := SlotAt(make([]byte, forgedSize), 0, forgedSize)
	s.store(slotFrame, WindowAddr+forgedFrame)
	s.store(slotInfo, WindowAddr+forgedInfo)
	s.store32(slotSigno, sigSys)
	s.store(forgedFrame+ucRIP, 0x400000)
	s.store(forgedFrame+ucFP, WindowAddr+forgedFP)
	s.store32(forgedInfo+infoArch, archAMD64)
	s.store(forgedInfo+infoCall, 0x400000)
	s.store32(forgedInfo+infoCode, 1)
	s.ForgeXSize(ForgedX+xstateMagic2, ForgedX)
	s.store32(forgedFP+fpSoftware, fpMagic)
	s.store(forgedFP+fpSoftware+8, 7)
	return s
}

// ForgeXSize has the frame of a StoppedSlot say of its extended state that it is so long, with
// Linux's magic behind it and without.
func (s Slot) ForgeXSize(whole, inner uint32) {
	s.store32(forgedFP+fpSoftware+4, whole)
	s.store32(forgedFP+fpSoftware+16, inner)
}

// ForgedParts cuts a StoppedSlot in parts for a fuzzer: its words, its scratch memory, and its
// frame.
func (s Slot) ForgedParts() (words, scratch, frame []byte) {
	return s.mem[:slotCommand], s.mem[slotCommand:slotStack], s.mem[forgedFrame:][:0x400]
}

// sensitive are the places of a StoppedSlot that steer what is read and written.
var sensitive = []int{
	slotSigno, slotFrame, slotInfo, slotFSBase, slotGSBase, slotMode, slotResult, slotFetch, slotAnswer,
	slotLoad, slotOut, slotOutSize, slotCarry, slotActionsNoted, slotSavedFP, slotUsed, slotRoomNoted, slotMask, slotStackNoted, slotTime + 8,
	slotCommand, slotCommand + 8, slotCommand + 56, slotScratch, slotScratch + 8, slotScratch + 32,
	lightRSP, lightRCX, lightRAX, slotNapping, slotLWP, slotSince,
	forgedFrame + ucRIP, forgedFrame + ucFP, forgedFrame + ucRAX, forgedFrame + ucTrapno, forgedInfo, forgedInfo + infoCode, forgedInfo + infoCall,
	forgedFP + fpSoftware, forgedFP + fpSoftware + 8, forgedFP + fpSoftware + 16, forgedFP + fpMXCSR, forgedFP + FPSize, forgedFP + FPSize + 8,
}

// Spoil changes some of these places of a StoppedSlot. t tells where the stub's marks are.
func (s Slot) Spoil(rnd *rand.Rand, t *Text) {
	for range 1 + rnd.IntN(4) {
		at := sensitive[rnd.IntN(len(sensitive))]
		v := Interesting(rnd)
		switch rnd.IntN(6) {
		case 0:
			v = uint64(int64(rnd.IntN(1100)))
		case 1:
			v = WindowAddr + uint64(rnd.IntN(forgedSize+16)) - 8
		case 2:
			v = t.Enter + rnd.Uint64N(t.Last-t.Enter+64)
		case 3: // by halves
			s.store32(at+4*rnd.IntN(2), uint32(v))
			continue
		}
		s.spoil(at, v)
	}
}

// spoil stores 8 bytes where some places have 4, not as one store: that would lock the bus where it crosses a cache line, for which the host
// has the process wait.
func (s Slot) spoil(at int, v uint64) {
	s.store32(at, uint32(v))
	s.store32(at+4, uint32(v>>32))
}

// ForgeUnmovable makes it one that the host does not let the zygote move.
func (v *VDSO) ForgeUnmovable() { v.pieces[0].off += 1 << 40 }

// Interesting returns a value that means something to some system call of the host or to the
// stub. Tests have guests' memory from 0x400000 on.
func Interesting(rnd *rand.Rand) uint64 {
	const code, data, stack = 0x400000, 0x500000, 0x600000
	list := []uint64{
		0, 1, 2, 3, 4, 7, 9, 15, 16, 31, 0x11, 0x22, 0x32, 0x8000, 0x50f00, 4096, 8192, 1 << 32, 1 << 40, 1 << 47,
		code, data, data + 64, stack, GuestEnd - 4096, GuestEnd, Addr - 4096, Addr, ConfigAddr,
		AllSignals, WindowAddr, WindowAddr + 8192, HostEnd - 4096, ^uint64(0), ^uint64(99), 1 << 63,
		SlotsPerWindow * 8192, ForkFlags, ThreadFlags, ThreadFlags &^ 0x10000, 17, 0x4111,
		GuestEnd - data, Addr - data, 0x7fffffff, 0xffffffff,
	}
	if rnd.IntN(8) == 0 {
		return rnd.Uint64()
	}
	return list[rnd.IntN(len(list))]
}
