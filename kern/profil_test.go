package kern

import "testing"

// PC_TO_INDEX of sys/resourcevar.h: ((pc - off) * scale >> 16) & ~1, and nothing below the offset or behind the size.
func TestProfileSlots(t *testing.T) {
	for _, c := range []struct {
		f    Profile
		pc   uint64
		slot uint64
		ok   bool
	}{
		{Profile{Size: 8, Offset: 0x1000, Scale: 1 << 16}, 0xfff, 0, false},
		{Profile{Size: 8, Offset: 0x1000, Scale: 1 << 16}, 0x1000, 0, true},
		{Profile{Size: 8, Offset: 0x1000, Scale: 1 << 16}, 0x1003, 2, true},
		{Profile{Size: 8, Offset: 0x1000, Scale: 1 << 15}, 0x1006, 2, true},
		{Profile{Size: 8, Offset: 0x1000, Scale: 1 << 16}, 0x1008, 8, false},
		{Profile{Size: 8, Scale: 1}, 1 << 63, 0, true}, // (int) of what is shifted
	} {
		slot, ok := c.f.Slot(c.pc)
		if ok != c.ok || ok && slot != c.slot {
			t.Errorf("%+v, %#x: %d, %v, want %d, %v", c.f, c.pc, slot, ok, c.slot, c.ok)
		}
	}
}
