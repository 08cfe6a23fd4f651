package platform

import "toaster/internal/platform/stub"

// Implemented in cpu_amd64.s.

// spinWhile watches word for as long as it is at most last, but no longer than rounds; it
// reports whether word got greater.
func spinWhile(word *uint32, last, rounds uint32) bool

// haveRDTSCP reports whether the processor has this instruction, by which Linux tells
// programs what core they are on.
func haveRDTSCP() bool

// currentCPU returns the number of the core that the caller is on, plus one.
func currentCPU() uint32

// HaveFSGSBase reports whether guests and stub may use the processor's instructions for
// segment bases (Linux 5.9), without which no call site is rewritten.
func HaveFSGSBase() bool {
	const hwcap2, fsgsbase = 26, 2 // AT_HWCAP2, HWCAP2_FSGSBASE
	return stub.Auxv(hwcap2)&fsgsbase != 0 && without != "fsgsbase"
}

// without is what tests are to do without though this host has it, which no filter can
// imitate. It is set when they are linked: -ldflags="-X toaster/internal/platform.without=fsgsbase".
var without string
