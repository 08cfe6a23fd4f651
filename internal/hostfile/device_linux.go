package hostfile

import (
	"crypto/rand"
	"encoding/binary"

	"toaster/internal/file"
	"toaster/netbsd"
)

// device is what the simple devices of mem(4) and rnd(4) have in common.
type device struct {
	file.Base
	st file.Stat
}

func (d device) Stat() (file.Stat, netbsd.Errno)                 { return d.st, 0 }
func (d device) Lseek(int64, int) (int64, netbsd.Errno)          { return 0, 0 }
func (d device) Truncate(int64) netbsd.Errno                     { return 0 }
func (d device) Sync() netbsd.Errno                              { return 0 }
func (d device) Chmod(uint32) netbsd.Errno                       { return netbsd.EPERM }
func (d device) Chown(int, int) netbsd.Errno                     { return netbsd.EPERM }
func (d device) Utimens(file.Timeset, file.Timeset) netbsd.Errno { return netbsd.EPERM }
func (d device) Write(_ file.Call, b []byte) (int, netbsd.Errno) { return len(b), 0 }
func (d device) Pwrite(c file.Call, b []byte, _ int64) (int, netbsd.Errno) {
	return d.Write(c, b)
}

// memory is what null, zero and full have in common: they are minor devices of mem(4).
type memory struct{ device }

// Ioctl implements file.File: mm_ioctl.
func (memory) Ioctl(_ file.Call, cmd uint32, _ []byte) netbsd.Errno {
	switch cmd {
	case netbsd.FIOASYNC:
		return 0 // Refuses has said whether
	case netbsd.FIOSETOWN, netbsd.FIOGETOWN, netbsd.TIOCGPGRP, netbsd.TIOCSPGRP, netbsd.TIOCGETA:
		return netbsd.ENOTTY
	}
	return netbsd.EOPNOTSUPP
}

// Refuses implements file.Refuser: nobody is told when memory is ready.
func (memory) Refuses(cmd uint32, data []byte) netbsd.Errno {
	if cmd == netbsd.FIOASYNC && binary.LittleEndian.Uint32(data) != 0 {
		return netbsd.EOPNOTSUPP
	}
	return 0
}

type nullFile struct {
	memory
	host hostTwin
	lent lentTwin
}

// NewNull is /dev/null of null(4).
func NewNull(st file.Stat) file.File {
	return &nullFile{memory: memory{device{st: st}}, host: hostTwin{name: "/dev/null"}}
}

func (f *nullFile) Read(file.Call, []byte) (int, netbsd.Errno)         { return 0, 0 }
func (f *nullFile) Pread(file.Call, []byte, int64) (int, netbsd.Errno) { return 0, 0 }
func (f *nullFile) Sinks() bool                                        { return true }
func (f *nullFile) HostFD() (int, bool)                                { return f.host.get() }
func (f *nullFile) LendFD(flags int) (int, bool)                       { return f.lent.get(&nullTwin, flags) }
func (f *nullFile) MayLend() bool                                      { return true }
func (f *nullFile) MayWait() bool                                      { return false }
func (f *nullFile) Gone() bool                                         { return false }
func (f *nullFile) Close()                                             { f.host.close(); f.lent.close() }

type zeroFile struct {
	memory
	host hostTwin
	lent lentTwin
}

// NewZero is /dev/zero of zero(4).
func NewZero(st file.Stat) file.File {
	return &zeroFile{memory: memory{device{st: st}}, host: hostTwin{name: "/dev/zero"}}
}

func (f *zeroFile) Read(_ file.Call, b []byte) (int, netbsd.Errno) {
	clear(b)
	return len(b), 0
}

// Sinks implements file.Sink: mm_readwrite takes the length of what is written to null(4) and
// zero(4), and reads none of it.
func (f *zeroFile) Sinks() bool { return true }

// ReadsWhole implements file.Whole: mmrw fills the whole of a buffer.
func (f *zeroFile) ReadsWhole() bool { return true }

func (f *zeroFile) Pread(c file.Call, b []byte, _ int64) (int, netbsd.Errno) { return f.Read(c, b) }
func (f *zeroFile) HostFD() (int, bool)                                      { return f.host.get() }
func (f *zeroFile) LendFD(flags int) (int, bool)                             { return f.lent.get(&zeroTwin, flags) }
func (f *zeroFile) MayLend() bool                                            { return true }
func (f *zeroFile) MayWait() bool                                            { return false }
func (f *zeroFile) Gone() bool                                               { return false }
func (f *zeroFile) Close()                                                   { f.host.close(); f.lent.close() }

type fullFile struct{ zeroFile }

// NewFull is /dev/full of full(4): zeros to read, no room to write.
func NewFull(st file.Stat) file.File {
	return &fullFile{zeroFile{memory: memory{device{st: st}}, host: hostTwin{name: "/dev/full"}}}
}

// MayLend says that it is not: the host's is no zero(4).
func (f *fullFile) MayLend() bool { return false }

func (f *fullFile) Write(file.Call, []byte) (int, netbsd.Errno)         { return 0, netbsd.ENOSPC }
func (f *fullFile) Pwrite(file.Call, []byte, int64) (int, netbsd.Errno) { return 0, netbsd.ENOSPC }

// Random is an open /dev/random or /dev/urandom of rnd(4), but for its requests.
type Random struct {
	device
	host hostTwin
}

// NewRandom makes one. What is written to it
// is ignored: the host's generator needs no seed of a guest's.
func NewRandom(st file.Stat) *Random {
	return &Random{device: device{st: st}, host: hostTwin{name: "/dev/urandom"}}
}

func (f *Random) Read(_ file.Call, b []byte) (int, netbsd.Errno) {
	rand.Read(b)
	return len(b), 0
}

// ReadsWhole implements file.Whole (rnd_read).
func (f *Random) ReadsWhole() bool { return true }

func (f *Random) Pread(c file.Call, b []byte, _ int64) (int, netbsd.Errno) { return f.Read(c, b) }
func (f *Random) HostFD() (int, bool)                                      { return f.host.get() }
func (f *Random) Close()                                                   { f.host.close() }
