package stub

import "testing"

// A slot that changes hands lends nothing and has no notes, whatever kinds there are.
func TestVacate(t *testing.T) {
	s := StoppedSlot()
	for i := range slotCommand / 8 {
		s.store(8*i, ^uint64(0))
	}
	s.Vacate()
	if kinds := s.load32(slotLent); kinds != 0 {
		t.Errorf("lent %#x", kinds)
	}
	for kind, at := range lentNotes {
		if at%8 != 0 || s.load(at) != 0 {
			t.Errorf("kind %d: %#x is noted", kind, s.load(at))
		}
	}
}
