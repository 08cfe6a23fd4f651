package stub

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"

	"toaster/internal/hostlimits"
)

// vdsoAddr is where the mappings go, in the order that they have.
const vdsoAddr = End

// A VDSO is the code with which Linux lets programs read clocks without a system call, and
// where host processes have it. The zygote moves its own to a fixed place behind the stub,
// with the data that the code reads, so that all guests have it there: fast calls use it, and
// the filter knows its address, for when it has to ask the host's kernel after all. All
// processes have the same, so that toaster's own tells what is to be moved.
//
// The zero value says that there is none: the stub then leaves clocks to system calls.
type VDSO struct {
	pieces []piece
	Text   uint64 // the code's new place
	End    uint64 // end of everything
	clock  uint64 // clock_gettime
}

// AreaEnd is the end of what is mapped from Addr on: the stub, its configuration, the vdso.
func (v *VDSO) AreaEnd() uint64 { return max(End, v.End) }

// configure writes what the zygote is to move and to unmap, and where the stub has the clock.
func (v *VDSO) configure(cfg []byte) {
	le := binary.LittleEndian
	le.PutUint64(cfg[cfgClock:], v.clock)
	le.PutUint64(cfg[cfgKeep:], v.AreaEnd())
	le.PutUint64(cfg[cfgKeepSize:], HostEnd-v.AreaEnd())
	for i, piece := range v.pieces {
		b := cfg[cfgPieces+pieceSize*i:]
		le.PutUint64(b, piece.off)
		le.PutUint64(b[8:], piece.size)
		le.PutUint64(b[16:], piece.to)
	}
}

// A piece is a mapping, at an offset from the address that programs are told.
type piece struct{ off, size, to uint64 }

// FindVDSO looks for it in this process. It returns the zero value if there is nothing to be
// had, or nothing that the zygote could move.
//
// It stays where it is, so it is looked for once: with every platform a process has more mappings, and all of them are read.
func FindVDSO() VDSO {
	v := knownVDSO.Load()
	if v == nil {
		base := Auxv(atSysinfoEhdr)
		maps, err := hostlimits.ReadFile("/proc/self/maps")
		if base == 0 || err != nil {
			return VDSO{}
		}
		found := vdsoAmong(string(maps), base)
		v = &found
		knownVDSO.Store(v)
	}
	mine := *v
	mine.pieces = slices.Clone(v.pieces)
	return mine
}

var knownVDSO atomic.Pointer[VDSO]

// vdsoAmong finds it among mappings; base is the address that programs are told.
func vdsoAmong(maps string, base uint64) (v VDSO) {
	v.End = vdsoAddr
	var last, size uint64
	for line := range strings.Lines(maps) {
		if !strings.Contains(line, "[vvar") && !strings.Contains(line, "[vdso]") {
			continue
		}
		from, to, ok := addressesOf(line)
		if !ok || last != 0 && from != last {
			return VDSO{} // not one block: nothing that is known here
		}
		if from == base {
			v.Text, size = v.End, to-from
		}
		v.pieces = append(v.pieces, piece{from - base, to - from, v.End})
		v.End += to - from
		last = to
	}
	if v.Text == 0 || len(v.pieces) > maxPieces {
		return VDSO{}
	}
	v.clock = clockIn(base, size)
	if v.clock == 0 || v.clock >= size {
		return VDSO{}
	}
	v.clock += v.Text
	return v
}

// addressesOf returns the bounds at the beginning of a line of proc_pid_maps(5), such as
// "7ffd1000-7ffd3000 r-xp".
func addressesOf(line string) (from, to uint64, ok bool) {
	low, rest, _ := strings.Cut(line, "-")
	high, _, _ := strings.Cut(rest, " ")
	from, err := strconv.ParseUint(low, 16, 64)
	to, err2 := strconv.ParseUint(high, 16, 64)
	return from, to, err == nil && err2 == nil
}

// clockIn returns the offset of clock_gettime in the vdso at base, 0 if it is not found.
func clockIn(base, size uint64) uint64 {
	at := uintptr(base)
	return symbolIn(unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&at))), size), "__vdso_clock_gettime")
}

// Offsets and sizes of elf(5) for 64 bits: of the header, a section header and a symbol.
const (
	elfSections, elfSectionSize, elfSectionCount = 0x28, 0x3a, 0x3c

	sectionType, sectionOffset, sectionSize, sectionLink = 4, 0x18, 0x20, 0x28

	symbolSize, symbolValue = 24, 8

	typeDynsym = 11
)

// symbolIn returns the value of a dynamic symbol of an ELF image, 0 if it has none or is
// not well-formed. debug/elf would do it, and bring decompressors that each start of
// toaster would have to initialise.
func symbolIn(image []byte, name string) uint64 {
	le := binary.LittleEndian
	part := func(b []byte, off, n uint64) []byte {
		if size := uint64(len(b)); off > size || n > size-off {
			return make([]byte, n)
		}
		return b[off : off+n]
	}
	header := part(image, 0, 64)
	size := uint64(le.Uint16(header[elfSectionSize:]))
	section := func(i uint32) (data []byte, kind, link uint32) {
		h := part(image, le.Uint64(header[elfSections:])+uint64(i)*size, 64)
		off, n := le.Uint64(h[sectionOffset:]), le.Uint64(h[sectionSize:])
		return part(image, off, min(n, uint64(len(image)))), le.Uint32(h[sectionType:]), le.Uint32(h[sectionLink:])
	}
	for i := range uint32(le.Uint16(header[elfSectionCount:])) {
		symbols, kind, link := section(i)
		if kind != typeDynsym {
			continue
		}
		names, _, _ := section(link)
		for ; len(symbols) >= symbolSize; symbols = symbols[symbolSize:] {
			at := min(uint64(le.Uint32(symbols)), uint64(len(names)))
			if got, _, ok := bytes.Cut(names[at:], []byte{0}); ok && string(got) == name {
				return le.Uint64(symbols[symbolValue:])
			}
		}
	}
	return 0
}
