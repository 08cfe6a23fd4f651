package kern

import (
	"testing"
	"unsafe"
)

// A process and its first LWP are one allocation of 568 bytes, which with the allocator's
// word for what has pointers is 576, one of its sizes; the next one is 640, which every fork would clear and a million sleeping
// processes would keep. What few processes need goes into procExt and lwpExt.
func TestProcessIsOneSmallAllocation(t *testing.T) {
	if n := unsafe.Sizeof(procLWP{}); n > 568 {
		t.Errorf("a process with its LWP takes %d bytes", n)
	}
}
