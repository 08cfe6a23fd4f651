package host

import "unsafe"

// Implemented in stub_amd64.s. stubBegin, stubHandler and stubLimit are never
// called here.
func stubBegin()
func stubHandler()
func stubLimit()

// stubText gives the addresses of the stub's code in our own text.
func stubText() (begin, handler, limit uintptr)

// spinWhile watches word for as long as it is at most last, but no longer than
// rounds; it reports whether word got greater.
func spinWhile(word *uint32, last, rounds uint32) bool

// stubCode returns the stub's code and the address of its signal handler in
// the host process.
func stubCode() (code []byte, handler uint64) {
	begin, h, limit := stubText()
	// The linker keeps the order of a file's functions; tests check it.
	size := limit - begin
	if limit < begin || size > stubSize {
		panic("host: the stub does not fit its page")
	}
	code = make([]byte, size)
	copy(code, unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&begin))), size))
	return code, stubAddr + uint64(h-begin)
}
