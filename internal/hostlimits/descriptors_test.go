package hostlimits

import "testing"

// The reserve is 64 descriptors, or a quarter where there are few.
func TestReserveOfDescriptors(t *testing.T) {
	for limit, want := range map[uint64]int{0: 0, 16: 12, 100: 75, 1024: 960, 20000: 19936, 1<<64 - 1: 1<<30 - 64} {
		if got := topOf(limit); got != want {
			t.Errorf("of %d descriptors guests may have %d, want %d", limit, got, want)
		}
	}
}
