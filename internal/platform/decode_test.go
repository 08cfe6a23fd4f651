package platform

import (
	"bytes"
	"encoding/binary"
	goflag "flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var hostileSlots = goflag.Int("slots", 100_000, "how many hostile slots TestHostileSlots makes up")

// Where stoppedSlot has the parts of a signal frame, as Linux lays them out.
const (
	testSlot  = 1 << 14
	testFrame = slotStack + 0x400
	testInfo  = testFrame + ucSize
	testFP    = testFrame + 0x200
	testX     = 832 // AVX, as XSAVE lays it out
)

// stoppedSlot is the slot of a thread that a signal has stopped in guest code.
func stoppedSlot() slot {
	s := slot{mem: make([]byte, testSlot), addr: ctlAddr}
	s.store(slotFrame, ctlAddr+testFrame)
	s.store(slotInfo, ctlAddr+testInfo)
	s.store32(slotSigno, sigSys)
	s.store(testFrame+ucRIP, codeAt)
	s.store(testFrame+ucFP, ctlAddr+testFP)
	s.store32(testInfo+infoArch, archAMD64)
	s.store(testInfo+infoCall, codeAt)
	s.store32(testInfo+infoCode, 1)
	s.store32(testFP+fpSoftware, fpMagic)
	s.store32(testFP+fpSoftware+4, testX+xstateMagic2)
	s.store(testFP+fpSoftware+8, 7)
	s.store32(testFP+fpSoftware+16, testX)
	return s
}

// sensitive are the places of a slot that steer what is read and written.
var sensitive = []int{
	slotSigno, slotFrame, slotInfo, slotFSBase, slotGSBase, slotMode, slotResult, slotFetch, slotAnswer,
	slotLoadFP, slotActionsNoted, slotSavedFP, slotUsed, slotRoomNoted, slotMask, slotStackNoted, slotTime + 8,
	slotCommand, slotCommand + 8, slotCommand + 56, slotScratch, slotScratch + 8, slotScratch + 32,
	lightRSP, lightRCX, lightRAX, slotNapping, slotLWP,
	testFrame + ucRIP, testFrame + ucFP, testFrame + ucRAX, testFrame + ucTrapno, testInfo, testInfo + infoCode, testInfo + infoCall,
	testFP + fpSoftware, testFP + fpSoftware + 8, testFP + fpSoftware + 16, testFP + fpMXCSR, testFP + fpSize, testFP + fpSize + 8,
}

// spoil changes some of them.
func spoil(rnd *rand.Rand, s slot) {
	for range 1 + rnd.IntN(4) {
		at := sensitive[rnd.IntN(len(sensitive))]
		v := interesting(rnd)
		switch rnd.IntN(6) {
		case 0:
			v = uint64(int64(rnd.IntN(1100)))
		case 1:
			v = ctlAddr + uint64(rnd.IntN(testSlot+16)) - 8
		case 2:
			m := loadStub().marks
			v = m.enter + rnd.Uint64N(m.last-m.enter+64)
		case 3: // by halves
			s.store32(at+4*rnd.IntN(2), uint32(v))
			continue
		}
		s.store(at, v)
	}
}

// detached is a thread of no process, whose slot is s.
func detached(p *Platform, s slot) *Thread {
	q := &Process{platform: p, reaped: true, threads: map[*Thread]struct{}{}}
	th := &Thread{proc: q, slot: s}
	q.threads[th] = struct{}{}
	return th
}

func detachedPlatform() *Platform {
	p := &Platform{stub: loadStub(), arena: &arena{slotSize: testSlot}}
	p.areaEnd = p.stub.last + 0x1000
	p.xlayout.Store(&xlayout{testX, 7})
	return p
}

// checkDecoders says what is wrong with what the decoders make of a slot, "" if nothing.
func checkDecoders(s slot) string {
	in := func(at span) bool { return at.off >= slotStack && at.size >= 0 && at.off+at.size <= len(s.mem) }
	uc, ok := s.frame()
	if ok && !in(uc) {
		return "frame"
	}
	if ok {
		a, there := s.fpArea(uc)
		if there && (!in(a.span) || a.size != fpSize && a.size < fpSize+xstateHeader) {
			return "extended state"
		}
		if r := s.registers(uc); r.FSBase >= GuestEnd || r.GSBase >= GuestEnd {
			return "segment bases"
		}
		s.exception(uc)
	}
	s.siginfo()
	if n := s.signo(); n < 0 || n > 127 {
		return "signo"
	}
	if s.actionsNoted()&(unpostable|1) != 0 {
		return "posted actions"
	}
	for sig := range 64 {
		s.action(sig)
	}
	s.mask()
	s.stack()
	return checkCounts(s)
}

func checkCounts(s slot) string {
	if n := s.notes(); n < 0 || n > maxPlaced {
		return "number of notes"
	}
	for i := range maxPlaced {
		if p, ok := s.note(i); ok && ((p.Addr|p.Size)%pageSize != 0 || p.Size == 0 || p.Size > GuestEnd || p.Addr > GuestEnd-p.Size || p.Prot&^mapProt != 0) {
			return "note"
		}
	}
	if where, b := s.fetch(); where == 0 && b != [fetchMax]byte{} {
		return "fetched bytes"
	}
	if d := s.napLeft(); d < 0 || d > longestNap {
		return "nap"
	}
	if pid, e := s.cloneResult(); pid < 0 || pid > maxPid || e > 4095 || pid != 0 && e != 0 {
		return "result of a clone"
	}
	for i := range maxCommands {
		s.result(i)
	}
	u := s.rusage()
	for _, v := range []int64{int64(u.User), int64(u.System), u.MaxRSS, u.MinorFaults, u.MajorFaults, u.InBlocks, u.OutBlocks, u.Voluntary, u.Preempted} {
		if v < 0 {
			return "usage"
		}
	}
	return ""
}

// checkStop has the platform take a stop out of a slot and put everything back, and says
// what is wrong.
func checkStop(p *Platform, s slot, state []byte) string {
	th := detached(p, s)
	trap := th.decodeTrap()
	if trap.Kind == Syscall && th.light && th.regs.RIP >= GuestEnd {
		return "a system call outside user space"
	}
	if trap.Left < 0 || trap.Left > longestNap {
		return "nap"
	}
	if n := len(th.lent.placed); n > 2*maxPlaced {
		return "notes"
	}
	if th.light {
		return checkLight(th, state)
	}
	before := append([]byte(nil), s.mem[:slotStack]...)
	saved := th.SaveX()
	if n := len(saved); n != 0 && n != fpSize && (n < fpSize+xstateHeader || n > testX) {
		return "size of what is kept"
	}
	th.RestoreX(state)
	fx := th.FP()
	th.SetFP(&fx)
	th.RestoreX(saved)
	if !bytes.Equal(before, s.mem[:slotStack]) {
		return "something outside of the frame has been written"
	}
	if a, ok := s.frameFP(); ok && len(state) >= fpSize && binary.LittleEndian.Uint32(s.bytes(a.span)[fpMXCSR:])&^mxcsrMask() != 0 {
		return "MXCSR"
	}
	th.moveFPToFrame()
	th.storeRegs()
	return ""
}

// checkLight does the same with a light trap, for which no stub is there to answer.
func checkLight(th *Thread, state []byte) string {
	if len(state) >= testX {
		th.RestoreX(state)
	}
	if th.xstate != nil && binary.LittleEndian.Uint64(th.xstate[fpSize:])&^7 != 0 {
		return "features that the processor does not have"
	}
	th.prepareFP()
	if !th.regs.loadable() {
		return ""
	}
	th.storeRegs()
	return ""
}

// checkAdoption makes a newborn's slot of a hostile one.
func checkAdoption(from slot) string {
	s := slot{mem: make([]byte, len(from.mem)), addr: ctlAddr + testSlot}
	if !s.adopt(from) {
		return ""
	}
	uc, ok := s.frame()
	if !ok {
		return "the newborn's frame"
	}
	if fp := s.load(uc.off + ucFP); fp != 0 {
		if _, ok := s.inside(fp, fpSize); !ok {
			return "the newborn's extended state"
		}
	}
	if s.load(slotFSBase) >= GuestEnd || s.load(slotGSBase) >= GuestEnd {
		return "the newborn's segment bases"
	}
	s.prepareLight(from)
	return ""
}

func checkSlot(p *Platform, s slot, state []byte) string {
	if wrong := checkDecoders(s); wrong != "" {
		return wrong
	}
	if wrong := checkAdoption(s); wrong != "" {
		return wrong
	}
	return checkStop(p, s, state)
}

// Whatever a guest has left in its slot, and whatever state it hands back, nothing is
// read or written out of range.
func TestHostileSlots(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 4))
	p, clean := detachedPlatform(), stoppedSlot()
	s := slot{mem: make([]byte, testSlot), addr: ctlAddr}
	state := make([]byte, testX+64)
	for i := range *hostileSlots {
		copy(s.mem, clean.mem)
		spoil(rnd, s)
		for j := range state {
			state[j] = byte(i * j)
		}
		if wrong := checkSlot(p, s, state[:rnd.IntN(len(state)+1)]); wrong != "" {
			t.Fatalf("slot %d: %s", i, wrong)
		}
	}
}

// The sizes between a header's end and Linux's magic behind it: a frame of these has no
// extended state.
func TestSizesOfExtendedState(t *testing.T) {
	p := detachedPlatform()
	for size := range uint32(testSlot) {
		for _, inner := range []uint32{0, size - xstateMagic2, size, size + 1, ^uint32(0)} {
			s := stoppedSlot()
			s.store32(testFP+fpSoftware+4, size)
			s.store32(testFP+fpSoftware+16, inner)
			if wrong := checkStop(p, s, make([]byte, testX)); wrong != "" {
				t.Fatalf("size %d of %d: %s", inner, size, wrong)
			}
			a, _ := s.frameFP()
			want := size >= xstateMagic2 && inner == size-xstateMagic2 && inner >= fpSize+xstateHeader && int(size) <= testSlot-testFP
			if a.extended() != want {
				t.Fatalf("size %d of %d: extended %v", inner, size, a.extended())
			}
		}
	}
}

func FuzzSlot(f *testing.F) {
	clean := stoppedSlot()
	f.Add(clean.mem[:slotCommand], clean.mem[testFrame:][:0x400], clean.mem[slotCommand:slotStack], make([]byte, testX))
	p := detachedPlatform()
	f.Fuzz(func(t *testing.T, words, frame, rest, state []byte) {
		s := stoppedSlot()
		copy(s.mem[:slotCommand], words)
		copy(s.mem[slotCommand:slotStack], rest)
		copy(s.mem[testFrame:], frame)
		if wrong := checkSlot(p, s, state); wrong != "" {
			t.Fatal(wrong)
		}
	})
}

// Whoever reads a slot elsewhere than in decode.go reads a guest's word unchecked, or twice.
func TestSlotsAreReadInOnePlace(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	reads := regexp.MustCompile(`(\bs|\bn|from|slot)\.(load|load32)\(|(\bs|from|slot)\.mem\b`)
	for _, name := range names {
		switch {
		case name == "decode.go", name == "slot.go", regexp.MustCompile(`_test\.go$`).MatchString(name):
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := reads.Find(b); m != nil {
			t.Errorf("%s has %q; add a decoder to decode.go", name, m)
		}
	}
}
