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
	cloneMark = markOp + "clon\x0f\x05" // CLONEMARK
	lightMark = markOp + "llon\x0f\x05" // LIGHTMARK
)

// Load copies the stub out of toaster's text. It panics if the assembly does not have what
// the rest of toaster relies on: that is a bug, and shows at the first start.
func Load() Text {
	text := stubCode.Bytes()
	if len(text) > Size {
		panic("stub: the code does not fit its pages")
	}
	marks := marksIn(text)
	return Text{
		Code:       append([]byte(nil), text...),
		Handler:    Addr + uint64(stubCode.handler-stubCode.Begin),
		Clone:      afterMark(text, marks, cloneMark),
		LightClone: afterMark(text, marks, lightMark),
		Marks:      findMarks(marks),
	}
}

// afterMark returns the address behind what the stub has exactly once.
func afterMark(text []byte, found []mark, code string) uint64 {
	at := markAt(found, code[len(markOp):][:4])
	if !bytes.HasPrefix(text[at:], []byte(code)) {
		panic("stub: the code has another place to clone")
	}
	return Addr + uint64(at+len(code))
}
