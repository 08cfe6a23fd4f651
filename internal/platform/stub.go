//lint:file-ignore U1000 the assembly of the stub uses what Go does not

package platform

import (
	"bytes"

	"toaster/internal/memprog"
)

// Implemented in stub_amd64.s. stubBegin, stubHandler and stubLimit are never
// called here.
func stubBegin()
func stubHandler()
func stubFast()
func stubLimit()

// stubText gives the addresses of the stub's code in toaster's own text.
func stubText() (begin, handler, limit uintptr)

// spinWhile watches word for as long as it is at most last, but no longer than
// rounds; it reports whether word got greater.
func spinWhile(word *uint32, last, rounds uint32) bool

// cloneMark is CLONEMARK and the instruction behind it.
const cloneMark = "\x0f\x1f\x80clon\x0f\x05"

// lightMark is LIGHTMARK and the instruction behind it.
const lightMark = "\x0f\x1f\x80llon\x0f\x05"

// fxsave stores the calling thread's own x87 and SSE state; to is aligned to 16 bytes.
//
//go:noescape
func fxsave(to *[512]byte)

// haveRDTSCP says whether the processor has this instruction, by which Linux
// tells programs what core they are on.
func haveRDTSCP() bool

// currentCPU returns the number of the core that the caller is on, plus one.
func currentCPU() uint32

// stubCode is the stub's code, with addresses in it as the host process has them.
type stubCode struct {
	code    []byte
	handler uint64
	clone   uint64 // behind the instruction that clones in a signal frame
	light   uint64 // behind the one that clones in a light trap
	marks
}

func loadStub() stubCode {
	begin, handler, limit := stubText()
	// The linker keeps the order of a file's functions.
	size := limit - begin
	if limit < begin || size > stubSize {
		panic("host: the stub does not fit its pages")
	}
	text := memprog.Text(begin, limit)
	return stubCode{
		code:    append([]byte(nil), text...),
		handler: stubAddr + uint64(handler-begin),
		clone:   afterMark(text, cloneMark),
		light:   afterMark(text, lightMark),
		marks:   findMarks(text),
	}
}

// afterMark gives the address behind what the stub has exactly once.
func afterMark(text []byte, mark string) uint64 {
	at := bytes.Index(text, []byte(mark))
	if at < 0 || bytes.Count(text, []byte(mark)) != 1 {
		panic("host: the stub does not have one place to clone")
	}
	return stubAddr + uint64(at+len(mark))
}
