//lint:file-ignore U1000 the assembly of the stub is used by its address

package stub

import (
	"bytes"

	"toaster/internal/memprog"
)

// Implemented in stub_amd64.s. They are never called here: their bytes are what the host
// processes run.
func stubBegin()
func stubHandler()
func stubFast()
func stubLimit()

// stubCode is where they are in toaster's own text.
var stubCode struct {
	memprog.Code
	handler, fast uintptr
}

// A Text is the stub's code, with the addresses in it that others need, as a host process
// has them.
type Text struct {
	Code       []byte
	Handler    uint64 // of signals
	Clone      uint64 // behind the instruction that clones in a signal frame
	LightClone uint64 // behind the one that clones in a light trap
	Marks
}

// The marks of the two instructions that clone, and the instructions behind them.
const (
	cloneMark = "\x0f\x1f\x80clon\x0f\x05" // CLONEMARK
	lightMark = "\x0f\x1f\x80llon\x0f\x05" // LIGHTMARK
)

// Load copies the stub out of toaster's text. It panics if the assembly does not have what
// the rest of toaster relies on: that is a bug, and shows at the first start.
func Load() Text {
	text := stubCode.Bytes()
	if len(text) > Size {
		panic("stub: the code does not fit its pages")
	}
	return Text{
		Code:       append([]byte(nil), text...),
		Handler:    Addr + uint64(stubCode.handler-stubCode.Begin),
		Clone:      afterMark(text, cloneMark),
		LightClone: afterMark(text, lightMark),
		Marks:      findMarks(text),
	}
}

// afterMark returns the address behind what the stub has exactly once.
func afterMark(text []byte, mark string) uint64 {
	at := bytes.Index(text, []byte(mark))
	if at < 0 || bytes.Count(text, []byte(mark)) != 1 {
		panic("stub: the code does not have one place to clone")
	}
	return Addr + uint64(at+len(mark))
}
