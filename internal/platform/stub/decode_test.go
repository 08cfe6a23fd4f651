package stub

import (
	goflag "flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var hostileSlots = goflag.Int("slots", 100_000, "how many hostile slots TestHostileSlots makes up")

// checkDecoders says what is wrong with what the decoders make of a slot, "" if nothing.
func checkDecoders(s Slot) string {
	in := func(at Span) bool {
		return at.off >= slotStack && at.size >= 0 && at.off+at.size <= len(s.mem)
	}
	uc, ok := s.Frame()
	if ok && !in(uc) {
		return "frame"
	}
	if ok {
		a, there := s.fpArea(uc)
		if there && (!in(a.Span) || a.size != FPSize && a.size < FPSize+xstateHeader) {
			return "extended state"
		}
		if r := s.Registers(uc); r.FSBase >= GuestEnd || r.GSBase >= GuestEnd {
			return "segment bases"
		}
		s.Exception(uc)
	}
	s.Siginfo()
	if n := s.Signo(); n < 0 || n > 127 {
		return "signo"
	}
	if s.ActionsNoted()&(unpostable|1) != 0 {
		return "posted actions"
	}
	for sig := range 64 {
		s.Action(sig)
	}
	s.Mask()
	s.Stack()
	return checkCounts(s)
}

func checkCounts(s Slot) string {
	if n := s.RoomNotes(); n < 0 || n > MaxPlaced {
		return "number of notes"
	}
	for i := range MaxPlaced {
		if p, ok := s.RoomNote(i); ok && ((p.Addr|p.Size)%pageSize != 0 || p.Size == 0 || p.Size > GuestEnd || p.Addr > GuestEnd-p.Size || p.Prot&^mapProt != 0) {
			return "note"
		}
	}
	if where, b := s.Fetch(); where == 0 && b != [FetchMax]byte{} {
		return "fetched bytes"
	}
	if p, ok := s.Path(); ok && (len(p) >= CarryMax || strings.Contains(p, "\x00")) || !ok && p != "" {
		return "path"
	}
	s.Out()
	if d := s.NapLeft(); d < 0 || d > LongestNap {
		return "nap"
	}
	if d := s.Since(); d < 0 {
		return "the beginning of a wait"
	}
	if p := s.Part(100); p.Moved >= 100 || p.Refused > 4095 || p.Moved != 0 && p.Refused != 0 {
		return "part"
	}
	if pid, e := s.CloneResult(); pid < 0 || pid > maxPid || e > 4095 || pid != 0 && e != 0 {
		return "result of a clone"
	}
	for i := range MaxCommands {
		s.Result(i)
	}
	u := s.Usage()
	for _, v := range []int64{u.Utime.Nano(), u.Stime.Nano(), u.Maxrss, u.Minflt, u.Majflt, u.Inblock, u.Oublock, u.Nvcsw, u.Nivcsw} {
		if v < 0 {
			return "usage"
		}
	}
	return ""
}

// checkAdoption makes a newborn's slot of a hostile one, in memory that is as long.
func checkAdoption(from Slot, mem []byte) string {
	clear(mem)
	s := Slot{mem: mem, addr: WindowAddr + forgedSize}
	if !s.Adopt(from) {
		return ""
	}
	uc, ok := s.Frame()
	if !ok {
		return "the newborn's frame"
	}
	if fp := s.load(uc.off + ucFP); fp != 0 {
		if _, ok := s.inside(fp, FPSize); !ok {
			return "the newborn's extended state"
		}
	}
	if s.load(slotFSBase) >= GuestEnd || s.load(slotGSBase) >= GuestEnd {
		return "the newborn's segment bases"
	}
	s.PrepareLight(from)
	return ""
}

// checkSlot is told of memory for another slot: a hundred thousand times new memory is the collector's work, which takes minutes beside others.
func checkSlot(s Slot, mem []byte) string {
	if wrong := checkDecoders(s); wrong != "" {
		return wrong
	}
	return checkAdoption(s, mem)
}

// Whatever a guest has left in its slot, nothing is read or written out of range.
func TestHostileSlots(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 4))
	text, clean, s := Load(), StoppedSlot(), StoppedSlot()
	mem := make([]byte, len(s.mem))
	for i := range *hostileSlots {
		copy(s.mem, clean.mem)
		s.Spoil(rnd, &text)
		if wrong := checkSlot(s, mem); wrong != "" {
			t.Fatalf("slot %d: %s", i, wrong)
		}
	}
}

// The sizes between a header's end and Linux's magic behind it: a frame of these has no
// extended state.
func TestSizesOfExtendedState(t *testing.T) {
	for size := range uint32(forgedSize) {
		for _, inner := range []uint32{0, size - xstateMagic2, size, size + 1, ^uint32(0)} {
			s := StoppedSlot()
			s.ForgeXSize(size, inner)
			a, _ := s.frameFP()
			want := size >= xstateMagic2 && inner == size-xstateMagic2 && inner >= FPSize+xstateHeader && int(size) <= forgedSize-forgedFP
			if a.extended() != want {
				t.Fatalf("size %d of %d: extended %v", inner, size, a.extended())
			}
		}
	}
}

func FuzzSlot(f *testing.F) {
	words, scratch, frame := StoppedSlot().ForgedParts()
	f.Add(words, scratch, frame)
	f.Fuzz(func(t *testing.T, words, scratch, frame []byte) {
		s := StoppedSlot()
		a, b, c := s.ForgedParts()
		copy(a, words)
		copy(b, scratch)
		copy(c, frame)
		if wrong := checkSlot(s, make([]byte, len(s.mem))); wrong != "" {
			t.Fatal(wrong)
		}
	})
}

// A file that reads a slot elsewhere than in decode.go reads a guest's word unchecked, or
// twice. slot.go and fpstate.go write; forge.go is for tests.
func TestSlotsAreReadInOnePlace(t *testing.T) {
	const forged = `(slot|\bs)\.(Poke|Poke32|Peek|Peek32|Memory)\(|\bstub\.(Off[A-Z]|Forge|StoppedSlot|Interesting)`
	for pattern, reads := range map[string]string{
		"*.go":               `(\bs|from)\.(load|load32)\(|(\bs|from)\.mem\b`,
		"../*.go":            forged,
		"../../machine/*.go": forged,
	} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatal(names, err)
		}
		for _, name := range names {
			switch {
			case name == "decode.go", name == "slot.go", name == "fpstate.go", name == "forge.go", strings.HasSuffix(name, "_test.go"):
				continue
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if m := regexp.MustCompile(reads).Find(b); m != nil {
				t.Errorf("%s has %q; add a decoder to decode.go", name, m)
			}
		}
	}
}
