package stub

import (
	"encoding/binary"
	"testing"
)

// A stray syscall instruction inside of others would be a gadget that nobody
// has looked at.
func TestStubHasNoHiddenSystemCalls(t *testing.T) {
	stub := Load()
	for i := range stub.Code[:len(stub.Code)-1] {
		switch two := binary.BigEndian.Uint16(stub.Code[i:]); two {
		case 0x0f34, 0xcd80: // sysenter, int 0x80
			t.Errorf("%#x at %#x", two, i)
		}
	}
	if len(stub.Code) > Size {
		t.Errorf("%d bytes", len(stub.Code))
	}
}
