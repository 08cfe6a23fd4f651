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
	Off  int64  // in the file
	Code []byte // instructions that are executed in a row, up to the system call instruction
}

// maxText is how much code of a file is looked through: what is larger than this is not worth it. A hostile file can have all
// its segments be the same bytes.
const maxText = 64 << 20

// Sites finds system calls with some instructions in front of them that could be executed
// elsewhere just as well, as few as match accepts, which gets these and the call. The first one may
// name memory or an address by where it is itself: who accepts that sees to it. It finds no
// others, and only those that certainly are instructions. r and match are used by several
// goroutines at once.
func (m *Image) Sites(r io.ReaderAt, match func([]byte) bool) (list []Site) {
	windows := m.windows()
	found := make([][]Site, len(windows))
	var next atomic.Int64
	work := new(work)
	work.left.Store(workMost)
	look := func() {
		buf := make([]byte, before+window+behind)
		for i := next.Add(1) - 1; i < int64(len(windows)); i = next.Add(1) - 1 {
			found[i] = windows[i].sites(r, buf, match, work)
		}
	}
	var others sync.WaitGroup
	for range min(lookers, 1+len(windows)/alone) - 1 {
		others.Go(look)
	}
	look()
	others.Wait()
	return slices.Concat(found...)
}

// work bounds what a look costs, whatever the text is, which may have been made to be looked at
// for long: what is left when it is used up is left as it is.
type work struct{ left atomic.Int64 }

const (
	workMost     = 1 << 17 // three times what a libc takes
	workCall     = 1       // to look at what could be a call
	workStraight = 1
	workDecode   = 50 // of some functions, up to a site
	workSite     = 80 // and to remember it
)

// take reports whether there is work left for a step.
func (w *work) take(n int64) bool { return w.left.Add(-n) >= 0 }

// lookers is how many look through a text at once. A program waits for them, and
// some ten megabytes take one of them a millisecond or two.
const lookers = 2

// alone is how many windows are not worth another looker, who has to be woken and needs memory of its own.
const alone = 64

// A textWindow is a part of a segment.
type textWindow struct {
	*Segment
	off uint64
}

func (m *Image) windows() (list []textWindow) {
	left := uint64(maxText)
	for i := range m.Segments {
		s := &m.Segments[i]
		if s.Prot&netbsd.PROT_EXEC == 0 || s.FileLen > left {
			continue
		}
		left -= s.FileLen
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
func (w textWindow) sites(r io.ReaderAt, buf []byte, match func([]byte) bool, work *work) (list []Site) {
	s, off := w.Segment, w.off
	start := max(off, before) - before
	n, _ := r.ReadAt(buf[:min(off+window+behind, s.FileLen)-start], s.FileOff+int64(start))
	text := buf[:n]
	for call := range calls(text) {
		in := start + uint64(call)
		if in < off || in >= off+window {
			continue
		}
		if !work.take(workCall) {
			break
		}
		if n := w.codeSize(text, start, call, match, work); n > 0 && work.take(workSite) {
			list = append(list, Site{s.Addr + in - uint64(n), s.FileOff + int64(in) - int64(n), bytes.Clone(text[call-n : call])})
		}
	}
	return list
}

// codeSize returns how many bytes in front of a system call belong to its site, 0 if it is none.
func (w textWindow) codeSize(text []byte, start uint64, call int, match func([]byte) bool, work *work) int {
	for n := leastCode; n <= mostCode && n <= call; n++ {
		at := call - n
		if !match(text[at : call+len(syscall)]) {
			continue
		}
		if !work.take(workStraight) {
			return 0
		}
		if head := straight(text[at:call]); head > 0 && work.take(workDecode) && isInstruction(text, at, head, start == 0) {
			return n
		}
	}
	return 0
}

// How many bytes are looked at as a site's code. No jump fits in fewer.
const (
	leastCode = 5
	mostCode  = 32
)

const syscall = "\x0f\x05"

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

// Where functions begin: aligned, behind padding or what nothing falls through.
const (
	funcAlign  = 16
	lookBack   = 2048
	candidates = 4
)

// isInstruction reports whether decoding from the beginning of a function comes to an instruction
// at text[at]. The beginning is told by what is in front of it. One aligned beginning that leads
// there is enough; a few are tried, since what looks like one can also be data. first says that
// text begins where its segment does.
func isInstruction(text []byte, at, size int, first bool) bool {
	tried := 0
	for p := at &^ (funcAlign - 1); p > 0 && p > at-lookBack && tried < candidates; p -= funcAlign {
		if !endsBefore(text, p) {
			continue
		}
		if leadsTo(text, p, at, size) {
			return true
		}
		tried++
	}
	if first && at < lookBack && !bytes.HasPrefix(text, []byte("\x7fELF")) && leadsTo(text, 0, at, size) {
		return true
	}
	return followsReturns(text, at, size)
}

// followsReturns is isInstruction for code whose functions are not aligned: they begin behind
// another one's return. As that byte is a part of other instructions, too, several must agree.
func followsReturns(text []byte, at, size int) bool {
	led, tried, low := 0, 0, max(0, at-lookBack)
	for p := at; tried < candidates; tried++ {
		n := bytes.LastIndexByte(text[low:p], ret)
		if n < 0 {
			break
		}
		if leadsTo(text, low+n+1, at, size) {
			led++
		}
		p = low + n
	}
	return led > 1 && led > tried-led
}

const ret = 0xc3

// nops are the longer instructions that functions are padded with, by their ends.
var nops = []string{"\x66\x90", "\x0f\x1f\x00", "\x0f\x1f\x40\x00", "\x0f\x1f\x44\x00\x00", "\x0f\x1f\x80\x00\x00\x00\x00", "\x0f\x1f\x84\x00\x00\x00\x00\x00"}

// endsBefore says whether what stands in front of text[p] is padding, a return, a jump or a call:
// of a function that does not return.
func endsBefore(text []byte, p int) bool {
	switch text[p-1] {
	case 0xcc, 0x90, ret:
		return true
	}
	if p > 5 && (text[p-2] == 0xeb || text[p-5] == 0xe9 || text[p-5] == 0xe8) {
		return true
	}
	for _, nop := range nops {
		if bytes.HasSuffix(text[:p], []byte(nop)) {
			return true
		}
	}
	return false
}

func leadsTo(text []byte, from, at, size int) bool {
	for from < at {
		inst, err := decode(text[from:])
		if err != nil {
			return false
		}
		from += inst.Len
	}
	if from != at {
		return false
	}
	inst, err := decode(text[at:])
	return err == nil && inst.Len == size
}

// decode is x86asm.Decode and knows endbr64. The bytes are a guest's: where the decoder panics over
// them, as it does over a vector instruction that is cut off, they are no instruction.
func decode(text []byte) (inst x86asm.Inst, err error) {
	if bytes.HasPrefix(text, []byte("\xf3\x0f\x1e\xfa")) {
		return x86asm.Inst{Op: x86asm.NOP, Len: 4}, nil
	}
	defer func() {
		if recover() != nil {
			err = x86asm.ErrUnrecognized
		}
	}()
	return x86asm.Decode(text, 64)
}

// straight reports whether code is nothing but instructions that do the same wherever they are,
// but for the place of the first one's memory, and go on with the next one. It returns the length of the first one, 0 if code is anything else.
func straight(code []byte) (head int) {
	for at := 0; at < len(code); {
		inst, err := decode(code[at:])
		if err != nil || !movable(&inst, at == 0) {
			return 0
		}
		if at += inst.Len; head == 0 {
			head = inst.Len
		}
	}
	return head
}

// movable says whether an instruction does the same anywhere: it moves data or computes, and does
// not look at where it is, but for the place of its memory if it is the first. What compilers put in front of a system call is that.
func movable(inst *x86asm.Inst, first bool) bool {
	switch inst.Op {
	case x86asm.MOV, x86asm.LEA, x86asm.XOR, x86asm.PUSH, x86asm.POP, x86asm.MOVZX, x86asm.MOVSX, x86asm.MOVSXD,
		x86asm.AND, x86asm.OR, x86asm.ADD, x86asm.SUB, x86asm.CMP, x86asm.TEST, x86asm.INC, x86asm.DEC, x86asm.NOP, x86asm.XCHG:
	default:
		return false
	}
	for _, arg := range inst.Args {
		switch arg := arg.(type) {
		case x86asm.Rel:
			return false
		case x86asm.Mem:
			if arg.Base == x86asm.EIP || arg.Base == x86asm.RIP && !first {
				return false
			}
		case x86asm.Reg:
			if arg > x86asm.R15 { // RIP, segments and what systems use
				return false
			}
		}
	}
	return inst.PCRel == 0 || first
}
