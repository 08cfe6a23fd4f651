package syscalls

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"sync"
	"sync/atomic"

	"toaster/internal/file"
	"toaster/internal/kqueue"
	"toaster/internal/mqueue"
	"toaster/internal/socket"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// This file is /dev/ksyms (ksyms(4)), the kernel's symbols. Those that there are name the operations of open files, by which a program that
// reads struct file knows what it is of; nothing can be read where they are.

// kernelText is where symbols begin, KERNTEXTOFF of amd64, and each has as much room as struct fileops.
const kernelText, symbolSize = 0xffff_ffff_8020_0000, 0x80

var kernelSymbols = [...]string{"vnops", "socketops", "pipeops", "kqueueops", "mqops", "semops", "eventfd_fileops", "timerfd_fileops",
	"memfd_fileops", "drvctl_fileops", "systrace_fileops", "ksyms_fileops"}

// symbolAddr is where the symbol is, 0 if there is none.
func symbolAddr(name string) uint64 {
	for i, s := range kernelSymbols {
		if s == name {
			return kernelText + symbolSize*uint64(i)
		}
	}
	return 0
}

// fileops names the operations of an open file (f_ops).
func fileops(f file.File) string {
	switch f.(type) {
	case *socket.Socket:
		return "socketops"
	case *kqueue.Queue:
		return "kqueueops"
	case *mqueue.File:
		return "mqops"
	case *drvctlFile:
		return "drvctl_fileops"
	case *systraceFile:
		return "systrace_fileops"
	case *ksymsFile:
		return "ksyms_fileops"
	}
	return map[uint32]string{netbsd.DTYPE_VNODE: "vnops", netbsd.DTYPE_PIPE: "pipeops", netbsd.DTYPE_SEM: "semops", netbsd.DTYPE_EVENTFD: "eventfd_fileops",
		netbsd.DTYPE_TIMERFD: "timerfd_fileops", netbsd.DTYPE_MEMFD: "memfd_fileops"}[file.DtypeOf(f)]
}

// kernelELF is what a read of the device returns: a file with a table of symbols and their names alone.
var kernelELF = sync.OnceValue(func() []byte {
	names, symbols := []byte{0}, make([]byte, elf.Sym64Size)
	for _, s := range kernelSymbols {
		symbols = append(symbols, symbolOf(s, len(names))...)
		names = append(append(names, s...), 0)
	}
	const sections = 3
	symtab := uint64(64 + sections*64)
	strtab := symtab + uint64(len(symbols))
	var b bytes.Buffer
	for _, part := range []any{
		elf.Header64{
			Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Shoff: 64, Ehsize: 64, Shentsize: 64, Shnum: sections, Shstrndx: 2,
		},
		elf.Section64{},
		elf.Section64{Type: uint32(elf.SHT_SYMTAB), Off: symtab, Size: uint64(len(symbols)), Link: 2, Info: 1, Addralign: 8, Entsize: elf.Sym64Size},
		elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: strtab, Size: uint64(len(names)), Addralign: 1},
		symbols, names,
	} {
		binary.Write(&b, binary.LittleEndian, part) // to memory, and of fixed sizes: it cannot fail
	}
	return b.Bytes()
})

// symbolOf is Elf64_Sym of a symbol, whose name is at an offset.
func symbolOf(name string, at int) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, elf.Sym64{Name: uint32(at), Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_OBJECT), Shndx: uint16(elf.SHN_ABS),
		Value: symbolAddr(name), Size: symbolSize})
	return b.Bytes()
}

// KsymsDevice is /dev/ksyms, with the mode of MAKEDEV(8).
func (k *Kernel) KsymsDevice() vfs.Device {
	st := vfs.DevStat(netbsd.TimespecAt(k.BootTime), 85, 0, 0o440)
	return kmemDevice(st, func(l *kern.LWP, st file.Stat) file.File {
		c := l.Proc().Cred()
		return &ksymsFile{uid: c.EUID, gid: c.EGID, rdev: st.Rdev}
	})
}

// ksymsFile is an open one. Each open(2) makes another (fd_clone).
type ksymsFile struct {
	file.Base
	file.NoPathconf
	uid, gid uint32 // of who has opened it
	rdev     uint64
	pos      atomic.Int64
}

// Dtype implements file.Typed.
func (f *ksymsFile) Dtype() uint32 { return netbsd.DTYPE_MISC }

// Stat implements file.File (ksymsstat).
func (f *ksymsFile) Stat() (file.Stat, netbsd.Errno) {
	return file.Stat{Dev: ^uint64(0), Mode: netbsd.S_IFCHR, Nlink: 1, UID: f.uid, GID: f.gid, Rdev: f.rdev,
		Size: int64(len(kernelELF())), Blksize: 65536}, 0
}

// Lseek implements file.File (ksymsseek).
func (f *ksymsFile) Lseek(off int64, whence int) (int64, netbsd.Errno) {
	switch whence {
	case netbsd.SEEK_CUR:
		off += f.pos.Load()
	case netbsd.SEEK_END:
		off += int64(len(kernelELF()))
	case netbsd.SEEK_SET:
	default:
		return 0, netbsd.EINVAL
	}
	if off < 0 {
		return 0, netbsd.EINVAL
	}
	f.pos.Store(off)
	return off, 0
}

// Read implements file.File.
func (f *ksymsFile) Read(c file.Call, b []byte) (int, netbsd.Errno) {
	n, errno := f.Pread(c, b, f.pos.Load())
	f.pos.Add(int64(n))
	return n, errno
}

// Pread is ksymsread.
func (f *ksymsFile) Pread(_ file.Call, b []byte, off int64) (int, netbsd.Errno) {
	if off < 0 {
		return 0, netbsd.EINVAL
	}
	return copy(b, kernelELF()[min(off, int64(len(kernelELF()))):]), 0
}

// Ioctl is ksymsioctl: the value of a symbol, or all of it, by its name, in today's form and that of before NetBSD 8 (ksyms_ogsymbol). ENOENT: there is
// none. EFAULT: of what the caller points to.
func (f *ksymsFile) Ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	switch cmd {
	case netbsd.KIOCGSIZE:
		return file.PutInt(data, len(kernelELF()))
	case netbsd.KIOCGVALUE, netbsd.KIOCGSYMBOL, netbsd.OKIOCGVALUE, netbsd.OKIOCGSYMBOL:
	default:
		return netbsd.EPASSTHROUGH
	}
	l, ok := c.L.(*kern.LWP)
	if !ok {
		return netbsd.ENXIO
	}
	m, ok := l.Proc().VM().(Space)
	if !ok {
		return netbsd.ENXIO
	}
	name, errno := m.ReadString(le64(data), netbsd.PATH_MAX)
	if errno != 0 {
		return errno
	}
	at := symbolAddr(name)
	if at == 0 {
		return netbsd.ENOENT
	}
	value := binary.LittleEndian.AppendUint64(nil, at)
	if cmd == netbsd.KIOCGSYMBOL || cmd == netbsd.OKIOCGSYMBOL {
		value = symbolOf(name, 0)
	}
	if cmd == netbsd.OKIOCGVALUE || cmd == netbsd.OKIOCGSYMBOL {
		return m.Write(le64(data[8:]), value)
	}
	copy(data[8:], value)
	return 0
}
