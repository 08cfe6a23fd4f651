package platform

import (
	"bytes"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The vdso is the code with which Linux lets programs read clocks without a
// system call. The zygote moves its own to a fixed place behind the stub, with
// the data that it reads, so that all guests have it there: fast calls use it,
// and the filter knows its address, for when it has to ask the kernel after all.
// All processes have the same, so that ours tells what is to be moved.

// vdsoAddr is where the mappings go, in the order that they have.
const vdsoAddr = stubEnd

// A vdso says what to move and where its clock is then.
type vdso struct {
	pieces []piece
	text   uint64 // the code's new place
	end    uint64 // end of everything
	clock  uint64
}

// A piece is a mapping, at an offset from the address that programs are told.
type piece struct{ off, size, to uint64 }

// findVDSO returns the zero value if there is nothing to be had.
func findVDSO() (v vdso) {
	base := auxv(atSysinfoEhdr)
	maps, err := readProc("/proc/self/maps")
	if base == 0 || err != nil {
		return v
	}
	v.end = vdsoAddr
	var last, size uint64
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		if !strings.Contains(line, "[vvar") && !strings.Contains(line, "[vdso]") {
			continue
		}
		if n, _ := fmt.Sscanf(line, "%x-%x", &from, &to); n != 2 || last != 0 && from != last {
			return vdso{} // not one block: nothing that we know
		}
		if from == base {
			v.text, size = v.end, to-from
		}
		v.pieces = append(v.pieces, piece{from - base, to - from, v.end})
		v.end += to - from
		last = to
	}
	if v.text == 0 || len(v.pieces) > maxPieces {
		return vdso{}
	}
	v.clock = clockIn(base, size)
	if v.clock == 0 {
		return vdso{}
	}
	v.clock += v.text
	return v
}

// readProc reads a file that has no size. os.ReadFile would first make the runtime's
// poller, which most runs need for nothing else.
func readProc(name string) ([]byte, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var all []byte
	for {
		all = slices.Grow(all, 4<<10)
		n, err := unix.Read(fd, all[len(all):cap(all)])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			return all, err
		}
		all = all[:len(all)+n]
	}
}

// clockIn gives the offset of clock_gettime in the vdso at base.
func clockIn(base, size uint64) uint64 {
	at := uintptr(base)
	f, err := elf.NewFile(bytes.NewReader(unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&at))), size)))
	if err != nil {
		return 0
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return 0
	}
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" && s.Value < size {
			return s.Value
		}
	}
	return 0
}

const atSysinfoEhdr = 33
