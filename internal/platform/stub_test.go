package platform

import (
	"encoding/binary"
	"testing"
)

// A stray syscall instruction inside of others would be a gadget that nobody
// has looked at.
func TestStubHasNoHiddenSystemCalls(t *testing.T) {
	stub := loadStub()
	for i := range stub.code[:len(stub.code)-1] {
		switch two := binary.BigEndian.Uint16(stub.code[i:]); two {
		case 0x0f34, 0xcd80: // sysenter, int 0x80
			t.Errorf("%#x at %#x", two, i)
		}
	}
	if len(stub.code) > stubSize {
		t.Errorf("%d bytes", len(stub.code))
	}
}
