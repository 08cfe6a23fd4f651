// Package memprog makes programs that exist in memory only: static executables for amd64
// of a few pages, which the host executes by a descriptor. The zygote of package platform is
// one, and so are the helpers that do in a namespace of their own what toaster may not.
package memprog

import (
	"encoding/binary"
	"iter"
	"os"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Flags of memfd_create(2), from Linux 6.3 on.
const (
	NoexecSeal = 0x8  // MFD_NOEXEC_SEAL
	Exec       = 0x10 // MFD_EXEC
)

// Memfd creates a memory file, which is closed at an execve(2). Kernels that do not know
// the flags above do without them.
func Memfd(name string, flags int) (int, error) {
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_CLOEXEC)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate(name, flags&^(NoexecSeal|Exec)|unix.MFD_CLOEXEC)
	}
	return fd, os.NewSyscallError("memfd_create", err)
}

// File makes an executable file in memory. The descriptor is the caller's to close.
//
// Each part is written from where it is: a start of toaster waits for the zygote's file, and a copy of
// the whole costs more than the calls.
func File(name string, image *Image) (int, error) {
	fd, err := Memfd(name, Exec)
	if err != nil {
		return -1, err
	}
	for off, part := range image.parts() {
		if _, err := unix.Pwrite(fd, part, off); err != nil {
			unix.Close(fd)
			return -1, os.NewSyscallError("pwrite", err)
		}
	}
	return fd, nil
}

// Start executes a program that File has made, as syscall.ForkExec does.
//
// The child of that moves descriptors of its own, such as the pipe by which it tells of an error, right behind the highest one that
// is to be inherited. Where the program has that number, as it can if others of toaster's goroutines close files meanwhile,
// the pipe would be executed: EACCES. So the first that is inherited is put behind the program.
func Start(exe int, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	a := *attr
	if len(a.Files) > 0 {
		high, err := unix.FcntlInt(a.Files[0], unix.F_DUPFD_CLOEXEC, exe+1)
		if err != nil {
			return 0, os.NewSyscallError("fcntl", err)
		}
		defer unix.Close(high)
		a.Files = slices.Clone(a.Files)
		a.Files[0] = uintptr(high)
	}
	return syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(exe), argv, &a)
}

// A Code is a piece of this program that is never run here: it is assembled to be copied into an
// image. Go cannot name the address of an assembly function, so assembly fills the variable
// in, which is declared in Go:
//
//	DATA ·keeperCode+0(SB)/8, $·keeperBegin(SB)
//	DATA ·keeperCode+8(SB)/8, $·keeperLimit(SB)
//	GLOBL ·keeperCode(SB), NOPTR|RODATA, $16
type Code struct{ Begin, Limit uintptr }

// Bytes returns the code, in place. The linker keeps the order of the functions of a file, so
// that what stands between the two symbols is what was written there.
func (c *Code) Bytes() []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&c.Begin))), c.Limit-c.Begin)
}

// A Segment is a part of a program's memory, from Addr on, a multiple of a page's size.
type Segment struct {
	Addr uint64
	Prot int // PROT_READ and its like
	Data []byte
}

const (
	pageSize   = 0x1000
	headerSize = 64 // of ELF
	entrySize  = 56 // of a program header
	ptLoad     = 1
	ptGNUStack = 0x6474e551
)

// An Image is an executable that begins at Entry. Each segment has pages of its own in the file, and the
// stack cannot be executed.
type Image struct {
	Entry    uint64
	Segments []Segment
}

// parts goes through what the file consists of, by offset: the headers and the segments. What is between
// them is zero.
func (m *Image) parts() iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		head := m.headers()
		off := int64(pageSize)
		for i, s := range m.Segments {
			programHeader(head, i, ptLoad, flagsOf(s.Prot), uint64(off), s.Addr, uint64(len(s.Data)))
			if !yield(off, s.Data) {
				return
			}
			off += int64(len(s.Data)+pageSize-1) &^ (pageSize - 1)
		}
		yield(0, head)
	}
}

// Bytes returns the whole file.
func (m *Image) Bytes() (b []byte) {
	for off, part := range m.parts() {
		b = append(b, make([]byte, max(0, int(off)+len(part)-len(b)))...)
		copy(b[off:], part)
	}
	return b
}

// headers makes the ELF header and room for the program headers; the last of these, of the stack, is complete.
func (m *Image) headers() []byte {
	n := len(m.Segments)
	head := make([]byte, headerSize+entrySize*(n+1))
	header(head, m.Entry, n+1)
	programHeader(head, n, ptGNUStack, flagsOf(unix.PROT_READ|unix.PROT_WRITE), 0, 0, 0)
	return head
}

func header(img []byte, entry uint64, headers int) {
	le := binary.LittleEndian
	copy(img, "\x7fELF\x02\x01\x01")
	le.PutUint16(img[16:], 2)  // ET_EXEC
	le.PutUint16(img[18:], 62) // EM_X86_64
	le.PutUint32(img[20:], 1)
	le.PutUint64(img[24:], entry)
	le.PutUint64(img[32:], headerSize) // where the program headers are
	le.PutUint16(img[52:], headerSize)
	le.PutUint16(img[54:], entrySize)
	le.PutUint16(img[56:], uint16(headers))
}

// programHeader describes a segment, as long in memory as in the file.
func programHeader(img []byte, i int, typ, flags uint32, off, addr, size uint64) {
	le := binary.LittleEndian
	h := img[headerSize+entrySize*i:]
	le.PutUint32(h[0:], typ)
	le.PutUint32(h[4:], flags)
	le.PutUint64(h[8:], off)
	le.PutUint64(h[16:], addr)
	le.PutUint64(h[24:], addr)
	le.PutUint64(h[32:], size)
	le.PutUint64(h[40:], size)
	le.PutUint64(h[48:], pageSize)
}

// flagsOf turns a protection into PF_R and its like, whose bits are the other way round.
func flagsOf(prot int) uint32 {
	return uint32(prot&unix.PROT_READ<<2 | prot&unix.PROT_WRITE | prot&unix.PROT_EXEC>>2)
}
