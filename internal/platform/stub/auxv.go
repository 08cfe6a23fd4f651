package stub

import (
	"math/bits"

	"golang.org/x/sys/unix"
)

// Tags of the auxiliary vector (getauxval(3)).
const (
	atSysinfoEhdr = 33
	atMinsigstksz = 51
)

// Auxv returns an entry of this process's auxiliary vector, 0 if there is none.
func Auxv(tag uint64) uint64 {
	list, _ := unix.Auxv()
	for _, entry := range list {
		if uint64(entry[0]) == tag {
			return uint64(entry[1])
		}
	}
	return 0
}

// SlotSize returns the size of a control slot on this host: a power of two with room for the
// machine's largest signal frame.
func SlotSize() int {
	frame := Auxv(atMinsigstksz)
	if frame == 0 {
		frame = 2048
	}
	// The host's figure leaves no room for a handler; the stub needs none.
	need := slotStack + int(frame) + 512
	return max(8192, 1<<bits.Len(uint(need-1)))
}
