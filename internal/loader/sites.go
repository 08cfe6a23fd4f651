package loader

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/arch/x86/x86asm"

	"toaster/netbsd"
)

// A Site is a place in the code where a system call is made.
type Site struct {
	Addr uint64
	Code []byte // the instruction before the system call instruction
}

// maxText is how much code is looked through: what is larger than this is not worth it.
const maxText = 64 << 20

// Sites finds the system calls of an executable whose last instruction before the
// call has five or seven bytes and is one that match, which gets these and the call,
// accepts. It finds no others, and only those that certainly are instructions. r and
// match are used by several goroutines at once.
func (m *Image) Sites(r io.ReaderAt, match func([]byte) bool) (list []Site) {
	windows := m.windows()
	found := make([][]Site, len(windows))
	var next atomic.Int64
	look := func() {
		buf := make([]byte, before+window+behind)
		for i := next.Add(1) - 1; i < int64(len(windows)); i = next.Add(1) - 1 {
			found[i] = windows[i].sites(r, buf, match)
		}
	}
	var others sync.WaitGroup
	for range min(lookers, len(windows)) - 1 {
		others.Go(look)
	}
	look()
	others.Wait()
	return slices.Concat(found...)
}

// lookers is how many look through a text at once. A program waits for them, and
// some ten megabytes take one of them a millisecond or two.
const lookers = 2

// A textWindow is a part of a segment.
type textWindow struct {
	*Segment
	off uint64
}

func (m *Image) windows() (list []textWindow) {
	for i := range m.Segments {
		s := &m.Segments[i]
		if s.Prot&netbsd.PROT_EXEC == 0 || s.FileLen > maxText {
			continue
		}
		for off := uint64(0); off < s.FileLen; off += window {
			list = append(list, textWindow{s, off})
		}
	}
	return list
}

// A text is looked through by the window, in memory that stays in the cache. What an
// instruction can be told by is in view with it.
const (
	window = 32 << 10
	before = 2 * lookBack
	behind = 32
)

// sites returns what is found in the window.
func (w textWindow) sites(r io.ReaderAt, buf []byte, match func([]byte) bool) (list []Site) {
	s, off := w.Segment, w.off
	start := max(off, before) - before
	n, _ := r.ReadAt(buf[:min(off+window+behind, s.FileLen)-start], s.FileOff+int64(start))
	text := buf[:n]
	for call := range calls(text) {
		in := start + uint64(call)
		if in < off || in >= off+window {
			continue
		}
		for _, n := range siteCodes {
			at := call - n
			if at >= 0 && match(text[at:call+len(syscall)]) && isInstruction(text, at, n) {
				list = append(list, Site{s.Addr + in - uint64(n), bytes.Clone(text[at:call])})
			}
		}
	}
	return list
}

const syscall = "\x0f\x05"

var siteCodes = [...]int{5, 7}

// calls goes through the places that could be system calls.
func calls(text []byte) func(func(int) bool) {
	return func(yield func(int) bool) {
		// The second byte of the instruction is rarer in code than the first.
		for i := 1; i < len(text); i++ {
			n := bytes.IndexByte(text[i:], syscall[1])
			if n < 0 {
				return
			}
			i += n
			if text[i-1] == syscall[0] && !yield(i-1) {
				return
			}
		}
	}
}

// Where functions begin: aligned, behind padding.
const (
	funcAlign  = 16
	padding    = 0xcc
	lookBack   = 2048
	candidates = 4
)

// isInstruction reports whether decoding from the beginning of a function, recognised
// by the padding before it, comes to an instruction at text[at]. One beginning that
// leads there is enough; a few are tried, since padding can also be data.
func isInstruction(text []byte, at, size int) bool {
	tried := 0
	for p := at &^ (funcAlign - 1); p > 0 && p > at-lookBack && tried < candidates; p -= funcAlign {
		if text[p-1] != padding {
			continue
		}
		if leadsTo(text, p, at, size) {
			return true
		}
		tried++
	}
	return false
}

func leadsTo(text []byte, from, at, size int) bool {
	for from < at {
		inst, err := x86asm.Decode(text[from:], 64)
		if err != nil {
			return false
		}
		from += inst.Len
	}
	if from != at {
		return false
	}
	inst, err := x86asm.Decode(text[at:], 64)
	return err == nil && inst.Len == size
}
